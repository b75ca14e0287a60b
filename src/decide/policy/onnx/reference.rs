//! The network once more, as ONNX defines its operators: in `f64`, node by node, straight from the file's tensors. The
//! kernel must agree with it at every start, on the same pseudo-random observations every time.
//!
//! It shares no code with `graph` and the kernel, so a weight read the wrong way round or a wrong sum in either of them
//! shows. The tests hold both against tract, an independent implementation of ONNX.
//!
//! Logits that agree this well choose the same action unless two of them tie within twice the tolerance.

use std::collections::HashMap;

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use thiserror::Error;

use super::proto::{GraphProto, NodeProto, TensorProto};
use crate::decide::policy::kernel::Kernel;

/// How many observations are tried.
const OBSERVATIONS: usize = 256;

/// The observations are the same on every start and every machine.
const SEED: u64 = 0x6b61_6c73_6869;

/// How far a logit may be from the reference, as a part of the largest logit's size where that is above one.
const TOLERANCE: f64 = 1e-4;

/// Why the reference refused a model.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum ReferenceError {
    /// A node that has no value by ONNX's definition of its operator.
    #[error("node `{node}` ({operator}) cannot be computed: {fault}")]
    Undefined {
        /// The node's name, or that of its output.
        node: String,
        /// Its operator.
        operator: String,
        /// What is wrong.
        fault: &'static str,
    },
    /// The graph does not compute its own output.
    #[error("no node computes the output")]
    NoOutput,
    /// Another number of logits.
    #[error("{kernel} logits from the kernel, {reference} from the file's operators")]
    Width {
        /// The kernel's.
        kernel: usize,
        /// The reference's.
        reference: usize,
    },
    /// Different logits.
    #[error(
        "on pseudo-random observation {observation} logit {logit} is {kernel} in the kernel and {reference} by the file's \
         operators; expected them within {tolerance}"
    )]
    Logit {
        /// Which observation, from 0.
        observation: usize,
        /// Which logit, from 0.
        logit: usize,
        /// The kernel's number.
        kernel: f32,
        /// The reference's.
        reference: f64,
        /// How far apart they may be.
        tolerance: f64,
    },
}

/// A network to be computed operator by operator.
pub(super) struct Reference<'a> {
    graph: &'a GraphProto,
    tensors: HashMap<&'a str, Tensor>,
}

/// An initialiser: its shape, and its numbers row by row.
struct Tensor {
    shape: Vec<usize>,
    numbers: Vec<f64>,
}

impl<'a> Reference<'a> {
    pub(super) fn new(graph: &'a GraphProto) -> Self {
        let tensors = graph.initializer.iter().map(|tensor| (tensor.name.as_str(), Tensor::read(tensor))).collect();
        Self { graph, tensors }
    }

    /// The logits of an observation.
    pub(super) fn run(&self, observation: &[f32]) -> Result<Vec<f64>, ReferenceError> {
        let mut values: HashMap<&str, Vec<f64>> = HashMap::new();
        for input in self.graph.input.iter().filter(|input| !self.tensors.contains_key(input.name.as_str())) {
            values.insert(&input.name, observation.iter().copied().map(f64::from).collect());
        }
        for node in &self.graph.node {
            let value = self.compute(node, &values).map_err(|fault| ReferenceError::Undefined {
                node: if node.name.is_empty() { node.output.concat() } else { node.name.clone() },
                operator: node.op_type.clone(),
                fault,
            })?;
            if let Some(output) = node.output.first() {
                values.insert(output, value);
            }
        }
        let output = self.graph.output.first().and_then(|output| values.remove(output.name.as_str()));
        output.ok_or(ReferenceError::NoOutput)
    }

    /// A node's value: a row vector.
    fn compute(&self, node: &NodeProto, values: &HashMap<&str, Vec<f64>>) -> Result<Vec<f64>, &'static str> {
        let operand = |position: usize| node.input.get(position).map(String::as_str).ok_or("an operand is missing");
        let input = operand(0)?;
        let row = values.get(input).ok_or("its first operand has no value")?;
        let tensor = |position| {
            let tensor = operand(position).map(|name| self.tensors.get(name));
            tensor?.ok_or("an operand is not an initialiser")
        };
        match node.op_type.as_str() {
            "Tanh" => Ok(row.iter().map(|x| x.tanh()).collect()),
            "Relu" => Ok(row.iter().map(|x| if *x < 0.0 { 0.0 } else { *x }).collect()),
            "Add" => add(row, tensor(1)?, 1.0),
            "MatMul" => multiply(row, tensor(1)?, false, 1.0),
            "Gemm" => {
                let attribute = |name| node.attribute.iter().find(|attribute| attribute.name == name);
                let transposed = attribute("transB").is_some_and(|attribute| attribute.i != 0);
                let factor = |name| attribute(name).map_or(1.0, |attribute| f64::from(attribute.f));
                let product = multiply(row, tensor(1)?, transposed, factor("alpha"))?;
                if node.input.len() < 3 { Ok(product) } else { add(&product, tensor(2)?, factor("beta")) }
            }
            _ => Err("the operator is unknown"),
        }
    }

    /// Compares a kernel with the network.
    pub(super) fn check(&self, kernel: &mut Kernel) -> Result<(), ReferenceError> {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(SEED);
        let mut observation = vec![0.0f32; kernel.inputs()];
        let mut logits = vec![0.0f32; kernel.outputs()];
        for number in 0..OBSERVATIONS {
            for feature in &mut observation {
                *feature = random.random_range(-2.0..=2.0);
            }
            kernel.run(&observation, &mut logits);
            compare(number, &logits, &self.run(&observation)?)?;
        }
        Ok(())
    }
}

impl Tensor {
    fn read(tensor: &TensorProto) -> Self {
        let shape = tensor.dims.iter().map(|&size| usize::try_from(size).unwrap_or(0)).collect();
        let (words, _) = tensor.raw_data.as_chunks::<4>();
        let raw = words.iter().map(|word| f64::from(f32::from_le_bytes(*word)));
        let numbers = raw.chain(tensor.float_data.iter().copied().map(f64::from)).collect();
        Self { shape, numbers }
    }
}

/// `factor * row B`, where `B` is a matrix, transposed if it says so.
fn multiply(row: &[f64], matrix: &Tensor, transposed: bool, factor: f64) -> Result<Vec<f64>, &'static str> {
    let &[rows, columns] = &matrix.shape[..] else { return Err("its matrix does not have two dimensions") };
    let (inputs, outputs) = if transposed { (columns, rows) } else { (rows, columns) };
    if row.len() != inputs || matrix.numbers.len() != inputs * outputs {
        return Err("the shapes do not match");
    }
    let weight =
        |input, output| matrix.numbers[if transposed { output * inputs + input } else { input * outputs + output }];
    let sum = |output| (0..inputs).map(|input| row[input] * weight(input, output)).sum::<f64>();
    Ok((0..outputs).map(|output| factor * sum(output)).collect())
}

/// `row + factor * C`, where `C` is another row.
fn add(row: &[f64], other: &Tensor, factor: f64) -> Result<Vec<f64>, &'static str> {
    if other.numbers.len() != row.len() {
        return Err("the shapes do not match");
    }
    Ok(row.iter().zip(&other.numbers).map(|(x, y)| x + factor * y).collect())
}

fn compare(observation: usize, logits: &[f32], reference: &[f64]) -> Result<(), ReferenceError> {
    if logits.len() != reference.len() {
        return Err(ReferenceError::Width { kernel: logits.len(), reference: reference.len() });
    }
    let tolerance = TOLERANCE * reference.iter().fold(1.0f64, |largest, logit| largest.max(logit.abs()));
    for (logit, (&kernel, &reference)) in logits.iter().zip(reference).enumerate() {
        let difference = (f64::from(kernel) - reference).abs();
        if difference.is_nan() || difference > tolerance {
            return Err(ReferenceError::Logit { observation, logit, kernel, reference, tolerance });
        }
    }
    Ok(())
}
