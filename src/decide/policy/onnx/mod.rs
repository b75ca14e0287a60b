//! The policy that runs an ONNX model: a plain multi-layer perceptron with this program's metadata, as
//! `models/export_onnx.py` writes it.
//!
//! Loading is strict, since a misread model would still trade. The metadata must match this program (`metadata`), the
//! graph must be a chain of layers that the dense kernel can compute (`graph`), and the kernel must agree with the file's
//! operators, computed one by one as ONNX defines them (`reference`). Everything else is refused with what was found. On a
//! tick only the kernel runs.

mod graph;
mod metadata;
#[cfg(test)]
mod oracle;
mod proto;
mod reference;

pub use graph::GraphError;
pub use metadata::{KEY_PREFIX, MetadataError};
pub use reference::ReferenceError;

use prost::Message;
use thiserror::Error;

use self::proto::ModelProto;
use self::reference::Reference;
use super::identity::digest_of;
use super::kernel::{Kernel, KernelError};
use super::{ActionTerms, Answer, Choice, Policy, PolicyIdentity, PolicyTerms, View};
use crate::messages::Action;

/// The built-in model, `models/maker_clone.onnx`, which is part of the binary so that the program can run in any folder.
const BUILT_IN: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/models/maker_clone.onnx"));

/// The name of the built-in model in errors and reports.
const BUILT_IN_NAME: &str = "the built-in model";

/// Why a model was refused.
#[derive(Debug, Error)]
#[error("model {file}: {fault}")]
pub struct ModelError {
    /// The model file.
    pub file: String,
    /// What is wrong with it.
    pub fault: ModelFault,
}

/// What is wrong with a model.
#[derive(Debug, Error)]
pub enum ModelFault {
    /// The bytes are not an ONNX file.
    #[error("not an ONNX file, or a damaged one ({0})")]
    NotOnnx(String),
    /// Its metadata.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// Its graph.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// Its layers.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// The kernel computes something other than the file's operators.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
}

/// A policy that runs an ONNX model.
#[derive(Clone, Debug)]
pub struct OnnxPolicy {
    /// Where it was read, unless it is the one in the binary.
    file: Option<String>,
    digest: String,
    terms: ActionTerms,
    notes: Option<String>,
    kernel: Kernel,
}

impl OnnxPolicy {
    /// Loads the built-in model.
    ///
    /// # Errors
    /// When this program was built with a model that it refuses.
    pub fn built_in() -> Result<Self, ModelError> {
        Self::from_bytes(BUILT_IN_NAME, BUILT_IN)
    }

    /// Loads and checks a model. `file` names it in errors.
    ///
    /// # Errors
    /// When the bytes are not an ONNX file, or the model is not one that this program computes exactly.
    pub fn from_bytes(file: &str, bytes: &[u8]) -> Result<Self, ModelError> {
        let source = Some(file.to_owned()).filter(|file| file != BUILT_IN_NAME);
        decode(bytes)
            .and_then(|model| Self::from_model(&model))
            .map(|policy| Self { file: source, digest: digest_of(bytes), ..policy })
            .map_err(|fault| ModelError { file: file.to_owned(), fault })
    }

    fn from_model(model: &ModelProto) -> Result<Self, ModelFault> {
        let metadata = metadata::read(model)?;
        let width = metadata.schema.width();
        let layers = graph::layers(model, width, Action::COUNT)?;
        let mut kernel = Kernel::new(&layers)?;
        if let Some(graph) = &model.graph {
            Reference::new(graph).check(&mut kernel)?;
        }
        Ok(Self { file: None, digest: String::new(), terms: metadata.terms, notes: metadata.notes, kernel })
    }

    /// The notes in the model's metadata.
    #[must_use]
    pub fn notes(&self) -> Option<&str> {
        self.notes.as_deref()
    }

    /// The kernel that computes it.
    #[must_use]
    pub const fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// Computes the logits for an observation, without allocating.
    pub fn logits(&mut self, observation: &[f32]) -> [f32; Action::COUNT] {
        let mut logits = [0.0; Action::COUNT];
        self.kernel.run(observation, &mut logits);
        logits
    }
}

impl Policy for OnnxPolicy {
    fn identity(&self) -> PolicyIdentity {
        PolicyIdentity { file: self.file.clone(), digest: self.digest.clone(), ..PolicyIdentity::named("onnx") }
    }

    fn terms(&self) -> &PolicyTerms {
        &self.terms.policy
    }

    fn decide(&mut self, view: &View<'_>) -> Answer {
        let logits = self.logits(view.observation);
        self.terms.answer(Choice::from_logits(logits), view)
    }

    fn rehearse(&mut self, view: &View<'_>) {
        std::hint::black_box(self.decide(view));
    }
}

fn decode(bytes: &[u8]) -> Result<ModelProto, ModelFault> {
    ModelProto::decode(bytes).map_err(|error| ModelFault::NotOnnx(format!("{} bytes: {error}", bytes.len())))
}

#[cfg(test)]
mod tests {
    use super::proto::{NodeProto, Size, TensorProto};
    use super::*;

    fn shipped() -> ModelProto {
        decode(BUILT_IN).unwrap()
    }

    /// The error for the shipped model after a change.
    fn refusal(change: impl FnOnce(&mut ModelProto)) -> String {
        let mut model = shipped();
        change(&mut model);
        OnnxPolicy::from_model(&model).map(|_| "accepted").unwrap_err().to_string()
    }

    fn set(model: &mut ModelProto, key: &str, value: &str) {
        let key = format!("{KEY_PREFIX}{key}");
        model.metadata_props.iter_mut().find(|entry| entry.key == key).unwrap().value = value.to_owned();
    }

    fn weights(model: &mut ModelProto) -> &mut TensorProto {
        let tensors = &mut model.graph.as_mut().unwrap().initializer;
        tensors.iter_mut().find(|tensor| tensor.dims.len() == 2).unwrap()
    }

    fn node(model: &mut ModelProto, position: usize) -> &mut NodeProto {
        &mut model.graph.as_mut().unwrap().node[position]
    }

    fn input_dimension(model: &mut ModelProto, position: usize) -> &mut Option<Size> {
        let input = &mut model.graph.as_mut().unwrap().input[0];
        let tensor = input.r#type.as_mut().unwrap().tensor_type.as_mut().unwrap();
        &mut tensor.shape.as_mut().unwrap().dim[position].value
    }

    #[test]
    fn the_shipped_model_is_what_the_program_trades_by_default() {
        let policy = OnnxPolicy::built_in().unwrap();
        assert_eq!(policy.terms, ActionTerms::standard());
        assert_eq!((policy.kernel().inputs(), policy.kernel().outputs()), (52, 5));
        assert!(policy.notes().is_some_and(|notes| !notes.is_empty()));
    }

    #[test]
    fn the_shipped_model_answers_differently_to_different_observations() {
        let mut policy = OnnxPolicy::built_in().unwrap();
        let one = policy.logits(&[0.0; 52]);
        let other = policy.logits(&[0.5; 52]);
        assert!(one.iter().chain(&other).all(|logit| logit.is_finite()));
        assert_ne!(one.map(f32::to_bits), other.map(f32::to_bits));
    }

    #[test]
    fn bytes_that_are_no_model_are_refused_and_never_panic() {
        for (bytes, name) in [(&b""[..], "empty"), (b"not a model", "text"), (&[0xff; 100], "noise")] {
            let error = OnnxPolicy::from_bytes(name, bytes).unwrap_err().to_string();
            assert!(error.starts_with(&format!("model {name}: ")), "{error}");
        }
    }

    #[test]
    fn a_model_cut_off_anywhere_is_refused() {
        for length in (0..BUILT_IN.len()).rev().step_by(97).chain(0..64) {
            assert!(OnnxPolicy::from_bytes("cut", &BUILT_IN[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn a_damaged_byte_never_makes_loading_panic() {
        // The operators are at the beginning of the file and the metadata at its end; the weights are in the middle.
        let length = BUILT_IN.len();
        for position in
            (0..700).step_by(3).chain((700..length - 700).step_by(1_009)).chain((length - 700..length).step_by(3))
        {
            let mut bytes = BUILT_IN.to_vec();
            bytes[position] ^= 0x55;
            if let Err(error) = OnnxPolicy::from_bytes("damaged", &bytes) {
                assert!(error.to_string().starts_with("model damaged: "), "{error}");
            }
        }
    }

    #[test]
    fn a_model_of_another_schema_is_refused_by_both_names() {
        let mut bytes = BUILT_IN.to_vec();
        let position = bytes.windows(7).position(|window| window == b"obs52/1").unwrap();
        bytes[position + 6] = b'2';
        let error = OnnxPolicy::from_bytes("other.onnx", &bytes).unwrap_err().to_string();
        assert!(error.starts_with("model other.onnx: ") && error.contains("`obs52/2`") && error.contains("obs52/1"));
    }

    #[test]
    fn metadata_that_is_wrong_missing_or_unknown_is_refused_by_name() {
        let cases = [
            ("format", "kalshi-actor/policy/2"),
            ("actions", "hold,buy,sell"),
            ("point_ms", "1s"),
            ("decide_ms", "-250"),
            ("contracts", "none"),
            ("pricing", "cheap"),
            ("order_ttl_ms", "0"),
        ];
        for (key, value) in cases {
            let error = refusal(|model| set(model, key, value));
            assert!(error.contains(key) && error.contains(value) && error.contains("expected"), "{error}");
            let error = refusal(|model| model.metadata_props.retain(|entry| entry.key != format!("{KEY_PREFIX}{key}")));
            assert!(error.contains(&format!("{KEY_PREFIX}{key}")) && error.contains("missing"), "{error}");
        }
        let error = refusal(|model| model.metadata_props[0].key = format!("{KEY_PREFIX}order_ttl"));
        assert!(error.contains(&format!("`{KEY_PREFIX}order_ttl`")), "{error}");
        let error = refusal(|model| model.metadata_props.push(model.metadata_props[0].clone()));
        assert!(error.contains("twice"), "{error}");
    }

    #[test]
    fn terms_in_the_metadata_become_the_policys() {
        let mut model = shipped();
        set(&mut model, "decide_ms", "0");
        set(&mut model, "pricing", "aggressive");
        let policy = OnnxPolicy::from_model(&model).unwrap();
        assert_eq!(policy.terms().decide_ms, 0);
        assert_eq!(policy.terms.pricing, crate::messages::Pricing::Aggressive);
    }

    #[test]
    fn another_input_shape_is_refused_with_both_shapes() {
        let error = refusal(|model| *input_dimension(model, 1) = Some(Size::Value(48)));
        assert!(error.contains("48") && error.contains("52"), "{error}");
        let error = refusal(|model| *input_dimension(model, 0) = Some(Size::Value(2)));
        assert!(error.contains("[2, 52]"), "{error}");
    }

    #[test]
    fn another_output_width_is_refused() {
        let error = refusal(|model| {
            let tensors = &mut model.graph.as_mut().unwrap().initializer;
            for tensor in tensors.iter_mut().filter(|tensor| tensor.dims[0] == 5) {
                tensor.dims[0] = 4;
                tensor.raw_data.truncate(tensor.raw_data.len() / 5 * 4);
            }
        });
        assert!(error.contains("4 outputs; expected 5"), "{error}");
    }

    #[test]
    fn a_graph_that_is_no_plain_network_is_refused_with_the_operator() {
        for operator in ["Conv", "Softmax", "Sigmoid", "LSTM"] {
            let error = refusal(|model| node(model, 1).op_type = operator.to_owned());
            assert!(error.contains(&format!("`{operator}`")), "{error}");
        }
        let error = refusal(|model| node(model, 1).domain = "com.example".to_owned());
        assert!(error.contains("com.example"), "{error}");
    }

    #[test]
    fn operator_sets_that_were_never_tried_are_refused() {
        let error = refusal(|model| model.opset_import[0].version = 99);
        assert!(error.contains("99"), "{error}");
        let error = refusal(|model| model.opset_import.clear());
        assert!(error.contains("operator set"), "{error}");
    }

    #[test]
    fn damaged_weights_are_refused() {
        let error = refusal(|model| weights(model).raw_data[..4].copy_from_slice(&f32::NAN.to_le_bytes()));
        assert!(error.contains("not finite"), "{error}");
        let error = refusal(|model| weights(model).raw_data.truncate(100));
        assert!(error.contains("100 bytes"), "{error}");
        let error = refusal(|model| weights(model).data_type = 11);
        assert!(error.contains("f32"), "{error}");
        let error = refusal(|model| weights(model).data_location = Some(1));
        assert!(error.contains("outside"), "{error}");
        let error = refusal(|model| weights(model).name = "other".to_owned());
        assert!(error.contains("weight"), "{error}");
    }
}
