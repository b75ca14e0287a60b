//! The built-in policies behind one type: chosen by name at the start, and called through a `match`.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use thiserror::Error;

use super::onnx::ModelError;
use super::{
    Answer, HoldPolicy, MakerPolicy, MemoryError, OnnxPolicy, OwnRefusal, Policy, PolicyIdentity, PolicyRecord,
    PolicyTerms, ScriptError, ScriptPolicy, View,
};
use crate::files;
use crate::messages::{OwnFill, OwnSettlement};

/// The largest model or script that is read, in bytes: far more than any real one.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// Why a policy could not be loaded.
#[derive(Debug, Error)]
pub enum PolicyError {
    /// There is no policy with this name.
    #[error("policy `{0}`; expected {expected}", expected = PolicySpec::EXPECTED)]
    UnknownPolicy(String),
    /// A model was given for a policy that does not use one.
    #[error("a model ({model}) was given, but policy `{policy}` has no use for one; expected policy onnx")]
    NeedlessModel {
        /// The policy named.
        policy: PolicySpec,
        /// The model file.
        model: String,
    },
    /// A file cannot be read.
    #[error("{file}: {source}")]
    Read {
        /// The model or script.
        file: String,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The model was refused.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The script was refused.
    #[error(transparent)]
    Script(#[from] ScriptError),
}

/// A policy by name, as on the command line and in the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PolicySpec {
    /// An ONNX model: the one given, or else the built-in one.
    #[default]
    Onnx,
    /// The rule-based maker.
    Maker,
    /// The policy that never trades.
    Hold,
    /// Actions from a file.
    Script(PathBuf),
}

impl PolicySpec {
    /// The accepted texts.
    pub const EXPECTED: &str = "onnx, maker, hold or script:FILE";
}

impl FromStr for PolicySpec {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        match text {
            "onnx" => Ok(Self::Onnx),
            "maker" => Ok(Self::Maker),
            "hold" => Ok(Self::Hold),
            _ => match text.strip_prefix("script:") {
                Some(file) if !file.is_empty() => Ok(Self::Script(file.into())),
                _ => Err(PolicyError::UnknownPolicy(text.chars().take(60).collect())),
            },
        }
    }
}

impl std::fmt::Display for PolicySpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Onnx => f.pad("onnx"),
            Self::Maker => f.pad("maker"),
            Self::Hold => f.pad("hold"),
            Self::Script(file) => write!(f, "script:{}", file.display()),
        }
    }
}

/// One of the built-in policies.
#[derive(Clone, Debug)]
pub enum AnyPolicy {
    /// An ONNX model.
    Onnx(Box<OnnxPolicy>),
    /// The rule-based maker.
    Maker(MakerPolicy),
    /// The policy that never trades.
    Hold(HoldPolicy),
    /// Actions from a file.
    Script(ScriptPolicy),
}

impl AnyPolicy {
    /// Builds the policy, reading its file if it has one. Without `model` the built-in model is used.
    ///
    /// # Errors
    /// When a file cannot be read or is refused, or a model is given for a policy that does not use one.
    pub fn load(spec: &PolicySpec, model: Option<&Path>) -> Result<Self, PolicyError> {
        match (spec, model) {
            (PolicySpec::Onnx, None) => Ok(Self::Onnx(Box::new(OnnxPolicy::built_in()?))),
            (PolicySpec::Onnx, Some(file)) => {
                let name = file.display().to_string();
                let bytes = files::read(file, FILE_BYTES_MAX).map_err(unreadable(file))?;
                Ok(Self::Onnx(Box::new(OnnxPolicy::from_bytes(&name, &bytes)?)))
            }
            (_, Some(file)) => {
                Err(PolicyError::NeedlessModel { policy: spec.clone(), model: file.display().to_string() })
            }
            (PolicySpec::Maker, None) => Ok(Self::Maker(MakerPolicy::new())),
            (PolicySpec::Hold, None) => Ok(Self::Hold(HoldPolicy::new())),
            (PolicySpec::Script(file), None) => {
                let name = file.display().to_string();
                let text = files::read_text(file, FILE_BYTES_MAX).map_err(unreadable(file))?;
                Ok(Self::Script(ScriptPolicy::parse(&name, &text)?))
            }
        }
    }
}

impl AnyPolicy {
    /// Builds the policy of a recorded session, from `file` if given, or else from where it was read at the time. The
    /// checkpoint determines whether it is the same.
    ///
    /// # Errors
    /// As [`AnyPolicy::load`], or when the policy is not a built-in one.
    pub fn recorded(record: &PolicyRecord, file: Option<&Path>) -> Result<Self, PolicyError> {
        let recorded = file.or(record.identity.file.as_deref().map(Path::new));
        match (record.identity.name.as_str(), recorded) {
            ("script", Some(script)) => Self::load(&PolicySpec::Script(script.to_owned()), None),
            (name, _) => Self::load(&name.parse()?, recorded),
        }
    }
}

macro_rules! chosen {
    ($any:expr, $policy:ident => $call:expr) => {
        match $any {
            AnyPolicy::Onnx($policy) => $call,
            AnyPolicy::Maker($policy) => $call,
            AnyPolicy::Hold($policy) => $call,
            AnyPolicy::Script($policy) => $call,
        }
    };
}

impl Policy for AnyPolicy {
    fn identity(&self) -> PolicyIdentity {
        chosen!(self, policy => policy.identity())
    }

    fn terms(&self) -> &PolicyTerms {
        chosen!(self, policy => policy.terms())
    }

    fn decide(&mut self, view: &View<'_>) -> Answer {
        chosen!(self, policy => policy.decide(view))
    }

    fn rehearse(&mut self, view: &View<'_>) {
        chosen!(self, policy => policy.rehearse(view));
    }

    fn on_fill(&mut self, fill: &OwnFill) {
        chosen!(self, policy => policy.on_fill(fill));
    }

    fn on_settlement(&mut self, settlement: &OwnSettlement) {
        chosen!(self, policy => policy.on_settlement(settlement));
    }

    fn on_refusal(&mut self, refusal: &OwnRefusal) {
        chosen!(self, policy => policy.on_refusal(refusal));
    }

    fn save(&self, memory: &mut Vec<u8>) {
        chosen!(self, policy => policy.save(memory));
    }

    fn restore(&mut self, memory: &[u8]) -> Result<(), MemoryError> {
        chosen!(self, policy => policy.restore(memory))
    }
}

fn unreadable(file: &Path) -> impl FnOnce(std::io::Error) -> PolicyError {
    |source| PolicyError::Read { file: file.display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn refusal(spec: &str, model: Option<&Path>) -> String {
        match spec.parse().and_then(|spec| AnyPolicy::load(&spec, model)) {
            Ok(policy) => panic!("{policy:?}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn every_policy_is_built_from_its_name() {
        for spec in ["onnx", "maker", "hold"] {
            let parsed: PolicySpec = spec.parse().unwrap();
            assert_eq!(parsed.to_string(), spec);
            assert_eq!(AnyPolicy::load(&parsed, None).unwrap().terms(), &PolicyTerms::standard());
        }
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "decide_ms = 0").unwrap();
        let spec: PolicySpec = format!("script:{}", file.path().display()).parse().unwrap();
        assert_eq!(AnyPolicy::load(&spec, None).unwrap().terms().decide_ms, 0);
    }

    #[test]
    fn what_is_no_policy_is_refused_by_name() {
        assert_eq!(refusal("ppo", None), "policy `ppo`; expected onnx, maker, hold or script:FILE");
        assert_eq!(refusal("script:", None), "policy `script:`; expected onnx, maker, hold or script:FILE");
        assert!(refusal("maker", Some(Path::new("a.onnx"))).contains("a.onnx"));
    }

    #[test]
    fn a_file_that_cannot_be_used_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing.onnx");
        assert!(refusal("onnx", Some(&missing)).starts_with(&missing.display().to_string()));
        let script = folder.path().join("binary.script");
        std::fs::write(&script, [0xff, 0xfe]).unwrap();
        let error = refusal(&format!("script:{}", script.display()), None);
        assert!(error.contains("binary.script") && error.contains("utf-8"), "{error}");
    }
}
