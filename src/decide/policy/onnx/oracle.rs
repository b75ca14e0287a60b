//! tract as the oracle: an independent implementation of ONNX, against which both the kernel and the reference are held, on the
//! shipped model and on networks in every form in which ONNX writes one.

use prost::Message;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use tract_onnx::prelude::*;

use super::graph;
use super::proto::{
    AttributeProto, Dimension, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, Size, TensorProto,
    TensorShapeProto, TensorType, TypeProto, ValueInfoProto,
};
use super::reference::Reference;
use crate::decide::policy::kernel::{Activation, DenseLayer, Kernel};
use crate::decide::policy::onnx::{BUILT_IN, decode};

/// The logits of tract for observations of that width.
fn tract(model: &[u8], width: usize, observations: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let plan = tract_onnx::onnx().model_for_read(&mut &model[..]).unwrap();
    let plan = plan.with_input_fact(0, f32::fact([1, width]).into()).unwrap().into_optimized().unwrap();
    let plan = plan.into_runnable().unwrap();
    let run = |observation: &Vec<f32>| {
        let input = Tensor::from_shape(&[1, width], observation).unwrap();
        plan.run(tvec!(input.into())).unwrap()[0].try_as_plain_ram().unwrap().as_slice::<f32>().unwrap().to_vec()
    };
    observations.iter().map(run).collect()
}

/// Both the kernel and the reference give what tract gives.
fn agree(model: &ModelProto, kernel: &mut Kernel) {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(7);
    let width = kernel.inputs();
    let observations: Vec<Vec<f32>> =
        (0..64).map(|_| (0..width).map(|_| random.random_range(-2.0..=2.0)).collect()).collect();
    let reference = Reference::new(model.graph.as_ref().unwrap());
    let mut logits = vec![0.0; kernel.outputs()];
    for (observation, tract) in observations.iter().zip(tract(&model.encode_to_vec(), width, &observations)) {
        kernel.run(observation, &mut logits);
        let computed = reference.run(observation).unwrap();
        assert_eq!((logits.len(), computed.len()), (tract.len(), tract.len()));
        let tolerance = 1e-4 * tract.iter().fold(1.0f32, |largest, logit| largest.max(logit.abs()));
        for ((kernel, reference), tract) in logits.iter().zip(&computed).zip(&tract) {
            assert!((kernel - tract).abs() <= tolerance, "kernel {kernel}, tract {tract}");
            let apart = (reference - f64::from(*tract)).abs();
            assert!(apart <= f64::from(tolerance), "reference {reference}, tract {tract}");
        }
    }
}

#[test]
fn the_shipped_model_is_computed_as_tract_computes_it() {
    let model = decode(BUILT_IN).unwrap();
    let layers = graph::layers(&model, 52, 5).unwrap();
    agree(&model, &mut Kernel::new(&layers).unwrap());
}

/// The ways in which ONNX writes a layer.
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
    let width = i64::try_from(width).unwrap();
    let sizes = [Size::Param("N".to_owned()), Size::Value(width)];
    let shape = TensorShapeProto { dim: sizes.map(|size| Dimension { value: Some(size) }).to_vec() };
    let tensor = TensorType { elem_type: 1, shape: Some(shape) };
    ValueInfoProto { name: name.to_owned(), r#type: Some(TypeProto { tensor_type: Some(tensor) }) }
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
                let mut kernel = Kernel::new(&read).unwrap();
                agree(&model, &mut kernel);
                Reference::new(model.graph.as_ref().unwrap()).check(&mut kernel).unwrap();
            }
        }
    }
}

#[test]
fn a_kernel_that_computes_another_network_is_caught() {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(2);
    let mut layers = [layer(&mut random, 52, 16, Activation::Tanh), layer(&mut random, 16, 5, Activation::Identity)];
    let model = model(&layers, Form::Gemm);
    layers[1].bias[3] += 0.001;
    let reference = Reference::new(model.graph.as_ref().unwrap());
    let error = reference.check(&mut Kernel::new(&layers).unwrap()).unwrap_err().to_string();
    assert!(error.contains("logit 3") && error.contains("by the file's operators"), "{error}");
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
