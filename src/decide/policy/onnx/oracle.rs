//! tract as the oracle: an independent implementation of ONNX, asked for its answer to pseudo-random observations.
//!
//! Logits that agree this well choose the same action unless two of them tie within twice the tolerance.
//!
//! tract needs 30 allocations and ten times the kernel's time for one answer, which is why it does not run on a tick.

use std::sync::Arc;

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use thiserror::Error;
use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::*;

use crate::decide::policy::kernel::Kernel;

/// How many observations are tried.
const OBSERVATIONS: usize = 256;

/// The observations are the same on every start and every machine.
const SEED: u64 = 0x6b61_6c73_6869;

/// How far a logit may be from tract's, as a part of the largest logit's size where that is above one.
const TOLERANCE: f32 = 1e-4;

/// Why the oracle refused a model.
#[derive(Debug, Error)]
pub enum OracleError {
    /// tract cannot load or run it.
    #[error("tract refuses it: {0}")]
    Tract(String),
    /// Different logits.
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

/// A model in tract.
pub struct Oracle {
    plan: Arc<TypedRunnableModel>,
    inputs: usize,
}

impl Oracle {
    /// Loads a model whose input is `inputs` wide.
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
    /// When it has none.
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
    /// On the first observation on which they differ by more than rounding explains.
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
        // Written so that a difference that is not a number is refused.
        if !((kernel - tract).abs() <= tolerance) {
            return Err(OracleError::Logit { observation, logit, kernel, tract, tolerance });
        }
    }
    Ok(())
}
