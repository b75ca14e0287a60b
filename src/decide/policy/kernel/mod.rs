//! The dense kernel, which computes a policy network on every tick.
//!
//! A layer is `activation(W x + b)`. Each output is one chain of roundings: it starts at its bias and adds `weight *
//! input` for input 0, 1, 2, ..., with each product rounded before it is added and no fused multiply-add. Weights are
//! stored by column, so a vector register holds neighbouring *outputs*; its width determines how many chains run in
//! parallel, never the order within one. So the code paths for different processors give the same bits, and a session
//! can be replayed on another machine.
//!
//! All memory is allocated when the kernel is built.

mod tanh;

#[cfg(feature = "internals")]
pub use tanh::TANH_ERROR_MAX;

use thiserror::Error;

/// The most inputs or outputs of a layer.
pub const WIDTH_MAX: usize = 1_024;

/// The most layers.
pub const LAYERS_MAX: usize = 16;

/// Columns are padded with zeros to a multiple of this.
const LANES: usize = 8;

/// The function applied to a layer's sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// No function.
    Identity,
    /// The hyperbolic tangent, within 3.4e-7.
    Tanh,
    /// `max(x, 0)`; NaN stays NaN.
    Relu,
}

/// A layer in the form of model files.
#[derive(Clone, Debug, PartialEq)]
pub struct DenseLayer {
    pub inputs: usize,
    pub outputs: usize,
    /// The weights in row-major order: all weights of output 0 come first.
    pub weights: Vec<f32>,
    /// One number per output.
    pub bias: Vec<f32>,
    pub activation: Activation,
}

/// Why a kernel cannot be built from these layers.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum KernelError {
    /// There are no layers, or too many.
    #[error("{0} layers; expected 1 to {LAYERS_MAX}")]
    LayerCount(usize),
    /// A width is zero or exceeds [`WIDTH_MAX`].
    #[error("layer {layer} is {inputs} to {outputs}; expected widths of 1 to {WIDTH_MAX}")]
    Width {
        /// Counted from 0.
        layer: usize,
        /// Its inputs.
        inputs: usize,
        /// Its outputs.
        outputs: usize,
    },
    /// The numbers don't fit the shape.
    #[error("layer {layer} has {found} {what}; expected {expected}")]
    Length {
        /// Counted from 0.
        layer: usize,
        /// Weights or biases.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many its shape needs.
        expected: usize,
    },
    /// A layer's inputs don't match the outputs of the layer before.
    #[error("layer {layer} takes {inputs} numbers; the layer before gives {given}")]
    Chain {
        /// Counted from 0.
        layer: usize,
        /// What it takes.
        inputs: usize,
        /// What it gets.
        given: usize,
    },
    /// A weight or bias is infinite or NaN.
    #[error("layer {layer} has a weight or bias that is not finite")]
    NonFinite {
        /// Counted from 0.
        layer: usize,
    },
}

/// A code path for a kind of processor. All paths give the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CpuPath {
    /// Uses what every processor of the target has.
    Portable,
    /// Uses AVX2, with eight sums per register.
    #[cfg(target_arch = "x86_64")]
    Avx2,
}

impl CpuPath {
    /// Every path, slowest first.
    const ALL: &[Self] = &[
        Self::Portable,
        #[cfg(target_arch = "x86_64")]
        Self::Avx2,
    ];

    /// The paths that this processor supports, slowest first.
    #[must_use]
    pub fn available() -> Vec<Self> {
        Self::ALL.iter().copied().filter(|path| path.is_available()).collect()
    }

    fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2"),
        }
    }
}

/// A chain of dense layers, ready to run.
#[derive(Clone, Debug)]
pub struct Kernel {
    layers: Vec<PackedLayer>,
    /// The input and output of a layer, alternating.
    scratch: [Vec<f32>; 2],
    path: CpuPath,
}

#[derive(Clone, Debug)]
struct PackedLayer {
    inputs: usize,
    outputs: usize,
    /// `outputs` rounded up to a multiple of [`LANES`].
    stride: usize,
    /// In column-major order; each column has length `stride`.
    weights: Vec<f32>,
    bias: Vec<f32>,
    activation: Activation,
}

impl Kernel {
    /// Packs layers for the fastest path of this processor.
    ///
    /// # Errors
    /// When the layers don't fit together, are too large, or have numbers that are not finite.
    pub fn new(layers: &[DenseLayer]) -> Result<Self, KernelError> {
        if layers.is_empty() || layers.len() > LAYERS_MAX {
            return Err(KernelError::LayerCount(layers.len()));
        }
        let mut given = layers[0].inputs;
        for (position, layer) in layers.iter().enumerate() {
            layer.check(position)?;
            if layer.inputs != given {
                return Err(KernelError::Chain { layer: position, inputs: layer.inputs, given });
            }
            given = layer.outputs;
        }
        let packed: Vec<_> = layers.iter().map(PackedLayer::new).collect();
        let widest = packed.iter().map(|layer| layer.stride.max(layer.inputs)).max().expect("there is a layer");
        let path = *CpuPath::available().last().expect("the portable path is always there");
        Ok(Self { layers: packed, scratch: [vec![0.0; widest], vec![0.0; widest]], path })
    }

    /// The same kernel on another path, where this processor can take it.
    #[must_use]
    pub fn on(mut self, path: CpuPath) -> Option<Self> {
        path.is_available().then(|| {
            self.path = path;
            self
        })
    }

    /// The path in use.
    #[must_use]
    pub const fn path(&self) -> CpuPath {
        self.path
    }

    /// How many numbers go in.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.layers[0].inputs
    }

    /// How many come out.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.layers[self.layers.len() - 1].outputs
    }

    /// Computes the network without allocating.
    ///
    /// # Panics
    /// When the slices are not [`Kernel::inputs`] and [`Kernel::outputs`] long.
    pub fn run(&mut self, input: &[f32], output: &mut [f32]) {
        assert_eq!(input.len(), self.inputs(), "the kernel's input width");
        assert_eq!(output.len(), self.outputs(), "the kernel's output width");
        match self.path {
            CpuPath::Portable => forward(&self.layers, &mut self.scratch, input, output),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the path was found to be available on this processor when it was chosen.
            CpuPath::Avx2 => unsafe { forward_avx2(&self.layers, &mut self.scratch, input, output) },
        }
    }
}

impl DenseLayer {
    fn check(&self, layer: usize) -> Result<(), KernelError> {
        let &Self { inputs, outputs, .. } = self;
        if !(1..=WIDTH_MAX).contains(&inputs) || !(1..=WIDTH_MAX).contains(&outputs) {
            return Err(KernelError::Width { layer, inputs, outputs });
        }
        for (what, found, expected) in
            [("weights", self.weights.len(), inputs * outputs), ("biases", self.bias.len(), outputs)]
        {
            if found != expected {
                return Err(KernelError::Length { layer, what, found, expected });
            }
        }
        if !self.weights.iter().chain(&self.bias).all(|number| number.is_finite()) {
            return Err(KernelError::NonFinite { layer });
        }
        Ok(())
    }
}

impl PackedLayer {
    fn new(layer: &DenseLayer) -> Self {
        let &DenseLayer { inputs, outputs, activation, .. } = layer;
        let stride = outputs.next_multiple_of(LANES);
        let mut weights = vec![0.0; inputs * stride];
        for (output, row) in layer.weights.chunks_exact(inputs).enumerate() {
            for (input, weight) in row.iter().enumerate() {
                weights[input * stride + output] = *weight;
            }
        }
        let mut bias = layer.bias.clone();
        bias.resize(stride, 0.0);
        Self { inputs, outputs, stride, weights, bias, activation }
    }
}

/// [`forward`], compiled for AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn forward_avx2(layers: &[PackedLayer], scratch: &mut [Vec<f32>; 2], input: &[f32], output: &mut [f32]) {
    forward(layers, scratch, input, output);
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "each processor path must get its own copy, compiled for its instructions")]
fn forward(layers: &[PackedLayer], scratch: &mut [Vec<f32>; 2], input: &[f32], output: &mut [f32]) {
    let [mut from, mut to] = scratch.each_mut();
    from[..input.len()].copy_from_slice(input);
    for layer in layers {
        run_layer(layer, &from[..layer.inputs], &mut to[..layer.stride]);
        std::mem::swap(&mut from, &mut to);
    }
    output.copy_from_slice(&from[..output.len()]);
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "as above")]
fn run_layer(layer: &PackedLayer, input: &[f32], output: &mut [f32]) {
    let mut start = 0;
    while start < layer.stride {
        start += match layer.stride - start {
            64.. => run_block::<64>(layer, start, input, output),
            32.. => run_block::<32>(layer, start, input, output),
            16.. => run_block::<16>(layer, start, input, output),
            _ => run_block::<LANES>(layer, start, input, output),
        };
    }
}

/// Computes `WIDTH` outputs from `start` on with their sums in registers, and returns `WIDTH`.
#[inline(always)]
#[expect(clippy::inline_always, reason = "as above")]
fn run_block<const WIDTH: usize>(layer: &PackedLayer, start: usize, input: &[f32], output: &mut [f32]) -> usize {
    let mut sums = [0.0; WIDTH];
    sums.copy_from_slice(&layer.bias[start..start + WIDTH]);
    for (number, column) in input.iter().zip(layer.weights.chunks_exact(layer.stride)) {
        let column = &column[start..start + WIDTH];
        for (sum, weight) in sums.iter_mut().zip(column) {
            *sum += *weight * *number;
        }
    }
    match layer.activation {
        Activation::Identity => {}
        Activation::Tanh => sums.iter_mut().for_each(|sum| *sum = tanh::tanh(*sum)),
        // Not `f32::max`, which would turn NaN into zero and hide it.
        Activation::Relu => sums.iter_mut().for_each(|sum| *sum = if *sum < 0.0 { 0.0 } else { *sum }),
    }
    output[start..start + WIDTH].copy_from_slice(&sums);
    WIDTH
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ACTIVATIONS: [Activation; 3] = [Activation::Identity, Activation::Tanh, Activation::Relu];

    /// Networks of up to three layers, with widths on both sides of every block width, and an input.
    fn network() -> impl Strategy<Value = (Vec<DenseLayer>, Vec<f32>)> {
        prop::collection::vec(1usize..=140, 2..=4).prop_flat_map(|widths| {
            let layers: Vec<_> = widths
                .windows(2)
                .map(|pair| {
                    let (inputs, outputs) = (pair[0], pair[1]);
                    let weights = prop::collection::vec(-1.0f32..1.0, inputs * outputs);
                    let bias = prop::collection::vec(-1.0f32..1.0, outputs);
                    let activation = prop::sample::select(&ACTIVATIONS);
                    (weights, bias, activation).prop_map(move |(weights, bias, activation)| DenseLayer {
                        inputs,
                        outputs,
                        weights,
                        bias,
                        activation,
                    })
                })
                .collect();
            (layers, prop::collection::vec(-2.0f32..2.0, widths[0]))
        })
    }

    fn run(kernel: &mut Kernel, input: &[f32]) -> Vec<f32> {
        let mut output = vec![0.0; kernel.outputs()];
        kernel.run(input, &mut output);
        output
    }

    /// A direct implementation of the documented order of operations.
    fn one_sum_at_a_time(layers: &[DenseLayer], input: &[f32]) -> Vec<f32> {
        layers.iter().fold(input.to_vec(), |input, layer| {
            let rows = layer.weights.chunks_exact(layer.inputs).zip(&layer.bias);
            rows.map(|(row, bias)| {
                let sum = row.iter().zip(&input).fold(*bias, |sum, (weight, number)| sum + weight * number);
                match layer.activation {
                    Activation::Tanh => tanh::tanh(sum),
                    Activation::Relu if sum < 0.0 => 0.0,
                    Activation::Relu | Activation::Identity => sum,
                }
            })
            .collect()
        })
    }

    fn in_f64(layers: &[DenseLayer], input: &[f32]) -> Vec<f64> {
        let input: Vec<f64> = input.iter().copied().map(f64::from).collect();
        layers.iter().fold(input, |input, layer| {
            let rows = layer.weights.chunks_exact(layer.inputs).zip(&layer.bias);
            rows.map(|(row, bias)| {
                let products = row.iter().zip(&input).map(|(weight, number)| f64::from(*weight) * number);
                let sum = f64::from(*bias) + products.sum::<f64>();
                match layer.activation {
                    Activation::Identity => sum,
                    Activation::Tanh => libm::tanh(sum),
                    Activation::Relu => sum.max(0.0),
                }
            })
            .collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn every_path_gives_the_bits_of_the_documented_order((layers, input) in network()) {
            let kernel = Kernel::new(&layers).unwrap();
            let expected: Vec<u32> = one_sum_at_a_time(&layers, &input).into_iter().map(f32::to_bits).collect();
            for path in CpuPath::available() {
                let output = run(&mut kernel.clone().on(path).unwrap(), &input);
                let bits: Vec<u32> = output.into_iter().map(f32::to_bits).collect();
                prop_assert_eq!(&bits, &expected, "{:?}", path);
            }
        }

        #[test]
        fn the_result_is_close_to_double_precision((layers, input) in network()) {
            let output = run(&mut Kernel::new(&layers).unwrap(), &input);
            for (found, expected) in output.into_iter().zip(in_f64(&layers, &input)) {
                let tolerance = 1e-4 * expected.abs().max(1.0);
                prop_assert!((f64::from(found) - expected).abs() <= tolerance, "{} for {}", found, expected);
            }
        }
    }

    #[test]
    fn what_is_not_a_number_reaches_the_output() {
        for activation in ACTIVATIONS {
            let layer = DenseLayer { inputs: 2, outputs: 1, weights: vec![1.0, 1.0], bias: vec![0.0], activation };
            let mut kernel = Kernel::new(&[layer]).unwrap();
            assert!(run(&mut kernel, &[f32::NAN, 1.0])[0].is_nan(), "{activation:?}");
        }
    }

    #[test]
    fn layers_that_are_no_network_are_refused_by_name() {
        let layer = |inputs: usize, outputs: usize| DenseLayer {
            inputs,
            outputs,
            weights: vec![0.5; inputs * outputs],
            bias: vec![0.0; outputs],
            activation: Activation::Tanh,
        };
        let refusal = |layers: &[DenseLayer]| Kernel::new(layers).unwrap_err().to_string();
        assert_eq!(refusal(&[]), "0 layers; expected 1 to 16");
        assert_eq!(refusal(&[layer(4, 3), layer(2, 1)]), "layer 1 takes 2 numbers; the layer before gives 3");
        assert_eq!(refusal(&[layer(1, 1_025)]), "layer 0 is 1 to 1025; expected widths of 1 to 1024");
        assert_eq!(refusal(&[layer(0, 1)]), "layer 0 is 0 to 1; expected widths of 1 to 1024");
        let short = DenseLayer { bias: vec![], ..layer(2, 2) };
        assert_eq!(refusal(&[short]), "layer 0 has 0 biases; expected 2");
        let infinite = DenseLayer { bias: vec![f32::INFINITY, 0.0], ..layer(2, 2) };
        assert_eq!(refusal(&[infinite]), "layer 0 has a weight or bias that is not finite");
    }
}
