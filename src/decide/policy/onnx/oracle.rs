//! tract as the oracle: an independent implementation of ONNX, whose answers to pseudo-random observations are compared
//! with the kernel's.
//!
//! Logits that agree within the tolerance choose the same action, unless two of them are within twice the tolerance of
//! each other.
//!
//! tract takes 30 allocations and ten times the kernel's time for one answer, so it is not used on a tick.

use std::sync::Arc;

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use thiserror::Error;
use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::*;

use crate::decide::policy::kernel::Kernel;

/// The number of observations that are compared.
const OBSERVATIONS: usize = 256;

/// The seed of the observations, which are the same at every start and on every machine.
const SEED: u64 = 0x6b61_6c73_6869;

/// How far a logit may differ from tract's, relative to the largest logit if that is above one.
const TOLERANCE: f32 = 1e-4;

/// Why the oracle refused a model.
#[derive(Debug, Error)]
pub enum OracleError {
    /// tract cannot load or run it.
    #[error("tract refuses it: {0}")]
    Tract(String),
    /// The logits differ.
    #[error(
        "on pseudo-random observation {observation} logit {logit} is {kernel} in the kernel and {tract} in tract; \
             expected them within {tolerance}"
    )]
    Logit {
        /// Which observation, from 0.
        observation: usize,
        /// Which logit.
        logit: usize,
        /// Our number.
        kernel: f32,
        /// tract's.
        tract: f32,
        /// How far they may be apart.
        tolerance: f32,
    },
}

/// A model loaded into tract.
pub struct Oracle {
    plan: Arc<TypedRunnableModel>,
    inputs: usize,
}

impl Oracle {
    /// Loads a model with this many inputs.
    ///
    /// # Errors
    /// When tract refuses it.
    pub fn new(model: &ModelProto, inputs: usize) -> Result<Self, OracleError> {
        let plan = || -> TractResult<_> {
            tract_onnx::onnx()
                .model_for_proto_model(model)?
                .with_input_fact(0, f32::fact([1, inputs]).into())?
                .into_optimized()?
                .into_runnable()
        };
        Ok(Self { plan: plan().map_err(|error| OracleError::Tract(format!("{error:#}")))?, inputs })
    }

    /// tract's answer to one observation.
    ///
    /// # Errors
    /// When tract fails.
    pub fn run(&self, observation: &[f32]) -> Result<Vec<f32>, OracleError> {
        let run = || -> TractResult<_> {
            let input = Tensor::from_shape(&[1, self.inputs], observation)?;
            let outputs = self.plan.run(tvec!(input.into()))?;
            Ok(outputs[0].try_as_plain_ram()?.as_slice::<f32>()?.to_vec())
        };
        run().map_err(|error| OracleError::Tract(format!("{error:#}")))
    }

    /// Compares the kernel with tract on the same pseudo-random observations every time.
    ///
    /// # Errors
    /// For the first observation for which they differ by more than the tolerance.
    pub fn check(&self, kernel: &mut Kernel) -> Result<(), OracleError> {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(SEED);
        let mut observation = vec![0.0f32; self.inputs];
        let mut ours = vec![0.0f32; kernel.outputs()];
        for number in 0..OBSERVATIONS {
            for feature in &mut observation {
                *feature = random.random_range(-2.0..=2.0);
            }
            kernel.run(&observation, &mut ours);
            compare(number, &ours, &self.run(&observation)?)?;
        }
        Ok(())
    }
}

fn compare(observation: usize, ours: &[f32], theirs: &[f32]) -> Result<(), OracleError> {
    if ours.len() != theirs.len() {
        return Err(OracleError::Tract(format!("{} logits; expected {}", theirs.len(), ours.len())));
    }
    let scale = theirs.iter().fold(1.0f32, |largest, logit| largest.max(logit.abs()));
    let tolerance = TOLERANCE * scale;
    for (logit, (&kernel, &tract)) in ours.iter().zip(theirs).enumerate() {
        let difference = (kernel - tract).abs();
        if difference.is_nan() || difference > tolerance {
            return Err(OracleError::Logit { observation, logit, kernel, tract, tolerance });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension};
    use tract_onnx::pb::{
        AttributeProto, GraphProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto, TypeProto,
        ValueInfoProto, type_proto,
    };

    use super::*;
    use crate::decide::policy::kernel::{Activation, DenseLayer};
    use crate::decide::policy::onnx::graph;

    /// The ways in which ONNX expresses a layer.
    #[derive(Clone, Copy, Debug)]
    enum Form {
        Gemm,
        GemmTransposed,
        MatMulAdd,
    }

    fn layer(random: &mut impl Rng, inputs: usize, outputs: usize, activation: Activation) -> DenseLayer {
        let scale = 2.0 / (inputs as f32).sqrt();
        let mut numbers = |count| (0..count).map(|_| random.random_range(-scale..scale)).collect::<Vec<f32>>();
        DenseLayer { inputs, outputs, weights: numbers(inputs * outputs), bias: numbers(outputs), activation }
    }

    fn value(name: &str, width: usize) -> ValueInfoProto {
        let dimension = |value| Dimension { value: Some(value), ..Dimension::default() };
        let shape = TensorShapeProto {
            dim: vec![
                dimension(dimension::Value::DimParam("N".to_owned())),
                dimension(dimension::Value::DimValue(i64::try_from(width).unwrap())),
            ],
        };
        let tensor = type_proto::Tensor { elem_type: 1, shape: Some(shape) };
        let kind = TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..TypeProto::default() };
        ValueInfoProto { name: name.to_owned(), r#type: Some(kind), ..ValueInfoProto::default() }
    }

    fn tensor(name: String, sizes: &[usize], numbers: Vec<f32>) -> TensorProto {
        let dims = sizes.iter().map(|&size| i64::try_from(size).unwrap()).collect();
        TensorProto { name, dims, data_type: 1, float_data: numbers, ..TensorProto::default() }
    }

    fn node(operator: &str, inputs: &[&str], output: &str) -> NodeProto {
        NodeProto {
            op_type: operator.to_owned(),
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            output: vec![output.to_owned()],
            ..NodeProto::default()
        }
    }

    fn add_layer(graph: &mut GraphProto, position: usize, layer: &DenseLayer, form: Form, from: &str) -> String {
        let (weight, bias) = (format!("weight{position}"), format!("bias{position}"));
        let (sums, output) = (format!("sums{position}"), format!("output{position}"));
        let transposed: Vec<f32> = (0..layer.inputs)
            .flat_map(|input| layer.weights.chunks_exact(layer.inputs).map(move |row| row[input]))
            .collect();
        let (sizes, numbers) = match form {
            Form::GemmTransposed => ([layer.outputs, layer.inputs], layer.weights.clone()),
            Form::Gemm | Form::MatMulAdd => ([layer.inputs, layer.outputs], transposed),
        };
        graph.initializer.push(tensor(weight.clone(), &sizes, numbers));
        graph.initializer.push(tensor(bias.clone(), &[layer.outputs], layer.bias.clone()));
        match form {
            Form::Gemm => graph.node.push(node("Gemm", &[from, &weight, &bias], &sums)),
            Form::GemmTransposed => {
                let transpose = AttributeProto { name: "transB".to_owned(), i: 1, r#type: 2, ..Default::default() };
                let gemm = node("Gemm", &[from, &weight, &bias], &sums);
                graph.node.push(NodeProto { attribute: vec![transpose], ..gemm });
            }
            Form::MatMulAdd => {
                let product = format!("product{position}");
                graph.node.push(node("MatMul", &[from, &weight], &product));
                graph.node.push(node("Add", &[&product, &bias], &sums));
            }
        }
        match layer.activation {
            Activation::Identity => return sums,
            Activation::Tanh => graph.node.push(node("Tanh", &[&sums], &output)),
            Activation::Relu => graph.node.push(node("Relu", &[&sums], &output)),
        }
        output
    }

    fn model(layers: &[DenseLayer], form: Form) -> ModelProto {
        let mut graph = GraphProto { name: "network".to_owned(), ..GraphProto::default() };
        let mut last = "input".to_owned();
        graph.input.push(value(&last, layers[0].inputs));
        for (position, layer) in layers.iter().enumerate() {
            last = add_layer(&mut graph, position, layer, form, &last);
        }
        graph.output.push(value(&last, layers[layers.len() - 1].outputs));
        let operators = OperatorSetIdProto { domain: String::new(), version: 17 };
        ModelProto { ir_version: 8, opset_import: vec![operators], graph: Some(graph), ..ModelProto::default() }
    }

    #[test]
    fn networks_in_every_form_are_read_back_and_agree_with_tract() {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
        for form in [Form::Gemm, Form::GemmTransposed, Form::MatMulAdd] {
            for activation in [Activation::Tanh, Activation::Relu] {
                for hidden in [1, 7, 64, 130] {
                    let layers = [
                        layer(&mut random, 52, hidden, activation),
                        layer(&mut random, hidden, 33, activation),
                        layer(&mut random, 33, 5, Activation::Identity),
                    ];
                    let model = model(&layers, form);
                    let read = graph::layers(&model, 52, 5).unwrap();
                    assert_eq!(read, layers, "{form:?} {activation:?} {hidden}");
                    Oracle::new(&model, 52).unwrap().check(&mut Kernel::new(&read).unwrap()).unwrap();
                }
            }
        }
    }

    #[test]
    fn a_kernel_that_computes_another_network_is_caught() {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(2);
        let mut layers =
            [layer(&mut random, 52, 16, Activation::Tanh), layer(&mut random, 16, 5, Activation::Identity)];
        let oracle = Oracle::new(&model(&layers, Form::Gemm), 52).unwrap();
        layers[1].bias[3] += 0.001;
        let error = oracle.check(&mut Kernel::new(&layers).unwrap()).unwrap_err().to_string();
        assert!(error.contains("logit 3") && error.contains("in tract"), "{error}");
    }

    #[test]
    fn layers_that_do_not_alternate_with_activations_are_refused() {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(3);
        let mut of = |first, last| {
            let layers = [layer(&mut random, 52, 8, first), layer(&mut random, 8, 5, last)];
            graph::layers(&model(&layers, Form::Gemm), 52, 5).unwrap_err().to_string()
        };
        assert!(of(Activation::Identity, Activation::Identity).contains("where an activation stands"));
        assert!(of(Activation::Tanh, Activation::Relu).contains("an activation after the last layer"));
    }

    #[test]
    fn a_node_that_skips_a_layer_is_refused() {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(4);
        let layers = [layer(&mut random, 52, 52, Activation::Tanh), layer(&mut random, 52, 5, Activation::Identity)];
        let mut model = model(&layers, Form::Gemm);
        model.graph.as_mut().unwrap().node[2].input[0] = "input".to_owned();
        let error = graph::layers(&model, 52, 5).unwrap_err().to_string();
        assert!(error.contains("reads `input`, not `output0`"), "{error}");
    }
}
