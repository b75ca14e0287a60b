//! Converts an ONNX graph to dense layers.
//!
//! Accepted are one input `[1 or N, inputs]` of `f32`, layers (`Gemm`, or `MatMul` followed by `Add` of a bias) with
//! `Tanh` or `Relu` between them, and one output. Each node must read the one before, and weights must be initialisers
//! in the file. Anything else is refused by name, since a graph that is only partly understood would be computed
//! wrongly.

use thiserror::Error;

use super::proto::{
    AttributeProto, DataType, EXTERNAL, GraphProto, ModelProto, NodeProto, Size, TensorProto, ValueInfoProto,
};
use crate::decide::policy::kernel::{Activation, DenseLayer, WIDTH_MAX};

/// The operator sets in which the accepted operators have the same meaning, and with which the tests try them.
const OPERATOR_SETS: std::ops::RangeInclusive<i64> = 9..=18;

/// Why a graph was refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum GraphError {
    /// There is no graph.
    #[error("there is no graph; the file may be cut off")]
    NoGraph,
    /// The operator set is not supported.
    #[error("ONNX operator set {found}; expected {first} to {last}", first = OPERATOR_SETS.start(), last = OPERATOR_SETS.end())]
    OperatorSet {
        /// What was found.
        found: String,
    },
    /// The graph has something that plain networks don't have.
    #[error("{found}; expected a plain multi-layer perceptron of {expected}")]
    NotPlain {
        /// What was found.
        found: String,
        /// What was expected there.
        expected: &'static str,
    },
    /// The input or the output has the wrong type or shape.
    #[error("the {which} is {found}; expected {expected}")]
    Interface {
        /// Input or output.
        which: &'static str,
        /// What was found.
        found: String,
        /// What was expected.
        expected: String,
    },
    /// The last layer has the wrong width.
    #[error("the last layer has {found} outputs; expected {expected}, one an action")]
    Outputs {
        /// What was found.
        found: usize,
        /// How many actions there are.
        expected: usize,
    },
    /// A node's weights or bias are not usable.
    #[error("node `{node}` has {found} as its {role}; expected {expected}")]
    Tensor {
        /// The node.
        node: String,
        /// Weight or bias.
        role: &'static str,
        /// What was found.
        found: String,
        /// What was expected.
        expected: String,
    },
}

const NODES: &str = "Gemm (or MatMul and Add) with Tanh or Relu between";

/// The layers of a model with this many inputs and outputs.
pub(super) fn layers(model: &ModelProto, inputs: usize, outputs: usize) -> Result<Vec<DenseLayer>, GraphError> {
    let graph = model.graph.as_ref().ok_or(GraphError::NoGraph)?;
    check_operator_sets(model)?;
    let chain = Chain { graph, nodes: chain(graph, inputs)? };
    let layers = chain.layers()?;
    let last = layers.last().map_or(inputs, |layer| layer.outputs);
    if last != outputs {
        return Err(GraphError::Outputs { found: last, expected: outputs });
    }
    check_output_shape(&graph.output[0], outputs)?;
    Ok(layers)
}

fn check_operator_sets(model: &ModelProto) -> Result<(), GraphError> {
    let own = model.opset_import.iter().find(|import| matches!(import.domain.as_str(), "" | "ai.onnx"));
    match own {
        Some(import) if OPERATOR_SETS.contains(&import.version) => Ok(()),
        Some(import) => Err(GraphError::OperatorSet { found: import.version.to_string() }),
        None => Err(GraphError::OperatorSet { found: "not given".to_owned() }),
    }
}

fn not_plain(found: String) -> GraphError {
    GraphError::NotPlain { found, expected: NODES }
}

fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}

/// The name of a node in errors.
fn name(node: &NodeProto) -> String {
    shortened(if node.name.is_empty() { node.output.first().map_or("", String::as_str) } else { &node.name })
}

/// The nodes from the graph's input to its output, each of which reads the one before as its first input.
fn chain(graph: &GraphProto, width: usize) -> Result<Vec<&NodeProto>, GraphError> {
    if !graph.sparse_initializer.is_empty() {
        return Err(not_plain("a sparse initialiser".to_owned()));
    }
    let is_weight = |input: &&ValueInfoProto| graph.initializer.iter().any(|tensor| tensor.name == input.name);
    let inputs: Vec<_> = graph.input.iter().filter(|input| !is_weight(input)).collect();
    let [input] = inputs[..] else {
        return Err(not_plain(format!("{} inputs instead of one", inputs.len())));
    };
    let [output] = &graph.output[..] else {
        return Err(not_plain(format!("{} outputs instead of one", graph.output.len())));
    };
    check_interface("input", input, width)?;
    let mut nodes = Vec::with_capacity(graph.node.len());
    let mut value = input.name.as_str();
    for node in &graph.node {
        if !matches!(node.domain.as_str(), "" | "ai.onnx") {
            return Err(not_plain(format!("operator `{}` of domain `{}`", node.op_type, shortened(&node.domain))));
        }
        if !matches!(node.op_type.as_str(), "Gemm" | "MatMul" | "Add" | "Tanh" | "Relu") {
            return Err(not_plain(format!("operator `{}` (node `{}`)", shortened(&node.op_type), name(node))));
        }
        let (Some(first), [result]) = (node.input.first(), &node.output[..]) else {
            return Err(not_plain(format!("node `{}` without an input or with several outputs", name(node))));
        };
        if first != value {
            return Err(not_plain(format!("node `{}` that reads `{}`, not `{value}`", name(node), shortened(first))));
        }
        value = result;
        nodes.push(node);
    }
    if value == output.name { Ok(nodes) } else { Err(not_plain(format!("an output `{}` off the chain", output.name))) }
}

/// Checks that a value is a tensor of `f32` with the shape `[1 or N, width]`.
fn check_interface(which: &'static str, value: &ValueInfoProto, width: usize) -> Result<(), GraphError> {
    let expected = || format!("f32 of shape [1, {width}] or [N, {width}]");
    let refused = |found: String| GraphError::Interface { which, found, expected: expected() };
    let Some(tensor) = value.r#type.as_ref().and_then(|kind| kind.tensor_type.as_ref()) else {
        return Err(refused("without a type".to_owned()));
    };
    if tensor.elem_type != DataType::Float as i32 {
        return Err(refused(format!("of {}", element_name(tensor.elem_type))));
    }
    let Some(shape) = &tensor.shape else { return Err(refused("without a shape".to_owned())) };
    let batch_and_width = match &shape.dim[..] {
        [batch, features] => Some((batch.value.as_ref(), features.value.as_ref())),
        _ => None,
    };
    match batch_and_width {
        Some((None | Some(Size::Param(_) | Size::Value(1)), Some(Size::Value(features))))
            if usize::try_from(*features) == Ok(width) =>
        {
            Ok(())
        }
        _ => {
            let sizes = shape.dim.iter().map(|dimension| match &dimension.value {
                Some(Size::Value(size)) => size.to_string(),
                Some(Size::Param(name)) => shortened(name),
                None => "?".to_owned(),
            });
            Err(refused(format!("f32 of shape [{}]", sizes.collect::<Vec<_>>().join(", "))))
        }
    }
}

/// Checks the output's shape. It may be missing, since it follows from the layers.
fn check_output_shape(output: &ValueInfoProto, width: usize) -> Result<(), GraphError> {
    match output.r#type.as_ref().and_then(|kind| kind.tensor_type.as_ref()) {
        Some(tensor) if tensor.shape.is_some() => check_interface("output", output, width),
        _ => Ok(()),
    }
}

fn element_name(kind: i32) -> String {
    DataType::try_from(kind).map_or_else(|_| format!("element type {kind}"), |kind| format!("{kind:?}").to_uppercase())
}

/// The nodes of a graph, in order.
struct Chain<'a> {
    graph: &'a GraphProto,
    nodes: Vec<&'a NodeProto>,
}

impl Chain<'_> {
    fn layers(&self) -> Result<Vec<DenseLayer>, GraphError> {
        let mut layers: Vec<DenseLayer> = Vec::new();
        let mut nodes = self.nodes.iter().copied().peekable();
        while let Some(node) = nodes.next() {
            let mut layer = match node.op_type.as_str() {
                "Gemm" => self.gemm(node)?,
                "MatMul" => {
                    let add = nodes.next_if(|node| node.op_type == "Add");
                    let add =
                        add.ok_or_else(|| not_plain(format!("MatMul `{}` without an Add after it", name(node))))?;
                    self.matmul_add(node, add)?
                }
                other => return Err(not_plain(format!("`{other}` (node `{}`) where a layer begins", name(node)))),
            };
            layer.activation = match nodes.next() {
                None => Activation::Identity,
                Some(node) if node.op_type == "Tanh" => Activation::Tanh,
                Some(node) if node.op_type == "Relu" => Activation::Relu,
                Some(node) => {
                    let found = format!("`{}` (node `{}`) where an activation stands", node.op_type, name(node));
                    return Err(not_plain(found));
                }
            };
            layers.push(layer);
        }
        match layers.last() {
            Some(layer) if layer.activation == Activation::Identity => Ok(layers),
            Some(_) => Err(not_plain("an activation after the last layer".to_owned())),
            None => Err(not_plain("no layer".to_owned())),
        }
    }

    /// Converts `alpha A B + beta C`, where both scalars must be one and `B` may be transposed.
    fn gemm(&self, node: &NodeProto) -> Result<DenseLayer, GraphError> {
        let mut transposed = false;
        for attribute in &node.attribute {
            match attribute.name.as_str() {
                "transB" if matches!(attribute.i, 0 | 1) => transposed = attribute.i == 1,
                "transA" if attribute.i == 0 => {}
                "alpha" | "beta" if attribute.f.to_bits() == 1f32.to_bits() => {}
                _ => return Err(unexpected(node, attribute)),
            }
        }
        let [_, weight, bias] = &node.input[..] else {
            return Err(not_plain(format!("Gemm `{}` with {} inputs instead of 3", name(node), node.input.len())));
        };
        self.layer(node, weight, transposed, node, bias)
    }

    fn matmul_add(&self, matmul: &NodeProto, add: &NodeProto) -> Result<DenseLayer, GraphError> {
        for node in [matmul, add] {
            if let Some(attribute) = node.attribute.first() {
                return Err(unexpected(node, attribute));
            }
        }
        let ([_, weight], [_, bias]) = (&matmul.input[..], &add.input[..]) else {
            return Err(not_plain(format!("MatMul `{}` or its Add without two inputs", name(matmul))));
        };
        self.layer(matmul, weight, false, add, bias)
    }

    /// Builds a layer from its two tensors. `transposed` means that the weight is `[outputs, inputs]`, as in torch.
    fn layer(
        &self,
        weight_node: &NodeProto,
        weight: &str,
        transposed: bool,
        bias_node: &NodeProto,
        bias: &str,
    ) -> Result<DenseLayer, GraphError> {
        let (shape, weights) = self.tensor(weight_node, "weight", weight)?;
        let &[rows, columns] = &shape[..] else {
            return Err(tensor_error(weight_node, "weight", format!("shape {shape:?}"), "two dimensions".to_owned()));
        };
        let (inputs, outputs) = if transposed { (columns, rows) } else { (rows, columns) };
        let (bias_shape, bias) = self.tensor(bias_node, "bias", bias)?;
        if bias_shape != [outputs] && bias_shape != [1, outputs] {
            let found = format!("shape {bias_shape:?}");
            return Err(tensor_error(bias_node, "bias", found, format!("[{outputs}] or [1, {outputs}]")));
        }
        let weights = if transposed { weights } else { transpose(&weights, inputs, outputs) };
        Ok(DenseLayer { inputs, outputs, weights, bias, activation: Activation::Identity })
    }

    /// The shape and the numbers of an initialiser.
    fn tensor(
        &self,
        node: &NodeProto,
        role: &'static str,
        tensor_name: &str,
    ) -> Result<(Vec<usize>, Vec<f32>), GraphError> {
        let refused = |found: String, expected: &str| tensor_error(node, role, found, expected.to_owned());
        let tensor = self.graph.initializer.iter().find(|tensor| tensor.name == tensor_name);
        let tensor = tensor.ok_or_else(|| {
            refused(format!("`{}`, which is no initialiser,", shortened(tensor_name)), "an initialiser of this file")
        })?;
        if tensor.data_location == Some(EXTERNAL) || !tensor.external_data.is_empty() {
            return Err(refused("numbers outside of the file".to_owned(), "them inside"));
        }
        if tensor.data_type != DataType::Float as i32 {
            return Err(refused(element_name(tensor.data_type), "f32 (FLOAT)"));
        }
        let shape: Vec<usize> = tensor.dims.iter().filter_map(|&size| usize::try_from(size).ok()).collect();
        let sizes_fit = shape.iter().all(|size| (1..=WIDTH_MAX).contains(size));
        if shape.len() != tensor.dims.len() || shape.len() > 2 || !sizes_fit {
            return Err(refused(format!("shape {:?}", tensor.dims), "one or two dimensions of 1 to 1024"));
        }
        let numbers =
            numbers(tensor, shape.iter().product()).map_err(|found| refused(found, "4 bytes a number of its shape"))?;
        Ok((shape, numbers))
    }
}

fn unexpected(node: &NodeProto, attribute: &AttributeProto) -> GraphError {
    not_plain(format!("{} `{}` with attribute `{}` set", node.op_type, name(node), shortened(&attribute.name)))
}

fn tensor_error(node: &NodeProto, role: &'static str, found: String, expected: String) -> GraphError {
    GraphError::Tensor { node: name(node), role, found, expected }
}

/// The numbers of a tensor, from either of the two fields in which ONNX stores them.
fn numbers(tensor: &TensorProto, count: usize) -> Result<Vec<f32>, String> {
    if tensor.raw_data.is_empty() {
        return if tensor.float_data.len() == count {
            Ok(tensor.float_data.clone())
        } else {
            Err(format!("{} numbers for shape {:?}", tensor.float_data.len(), tensor.dims))
        };
    }
    if tensor.raw_data.len() != count * 4 {
        return Err(format!("{} bytes for shape {:?}", tensor.raw_data.len(), tensor.dims));
    }
    let (words, _) = tensor.raw_data.as_chunks::<4>();
    Ok(words.iter().map(|word| f32::from_le_bytes(*word)).collect())
}

/// Transposes `[inputs, outputs]` to `[outputs, inputs]`.
fn transpose(weights: &[f32], inputs: usize, outputs: usize) -> Vec<f32> {
    (0..outputs).flat_map(|output| (0..inputs).map(move |input| weights[input * outputs + output])).collect()
}
