//! A model's metadata.
//!
//! The keys start with [`KEY_PREFIX`]. All are required except the notes, and an unknown one is refused, since it may
//! be misspelt. Keys with other prefixes are ignored. `models/README.md` describes the keys for authors of models.

use thiserror::Error;

use super::proto::ModelProto;
use crate::decide::observation::Schema;
use crate::decide::policy::{ActionTerms, TermsError};
use crate::messages::Action;

/// The prefix of this program's keys.
pub const KEY_PREFIX: &str = "kalshi_actor.";

/// The version of the keys.
const FORMAT: &str = "kalshi-actor/policy/1";

/// Why metadata was refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum MetadataError {
    /// A required key is missing.
    #[error("metadata `{KEY_PREFIX}{key}` is missing; expected {expected}")]
    Missing {
        /// The key, without the prefix.
        key: &'static str,
        /// What it may be.
        expected: String,
    },
    /// A key with our prefix is unknown to this version.
    #[error("metadata `{0}` is not known to this program; expected keys of format {FORMAT}")]
    Unknown(String),
    /// A key occurs more than once.
    #[error("metadata `{0}` is there twice; expected once")]
    Twice(String),
    /// A key with a fixed value has another value.
    #[error("metadata `{KEY_PREFIX}{key}` is `{found}`; expected `{expected}`")]
    Mismatch {
        /// The key, without the prefix.
        key: &'static str,
        /// What was found.
        found: String,
        /// What this program does.
        expected: String,
    },
    /// A term has an impossible value.
    #[error("metadata {KEY_PREFIX}*: {0}")]
    Term(#[from] TermsError),
}

/// The contents of the metadata.
pub(super) struct Metadata {
    pub terms: ActionTerms,
    /// The schema of the model's input, which is also in the terms.
    pub schema: Schema,
    pub notes: Option<String>,
}

/// Reads and checks a model's metadata.
pub(super) fn read(model: &ModelProto) -> Result<Metadata, MetadataError> {
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    for entry in &model.metadata_props {
        let Some(key) = entry.key.strip_prefix(KEY_PREFIX) else { continue };
        if !(key == "format" || key == "actions" || key == "notes" || ActionTerms::NAMES.contains(&key)) {
            return Err(MetadataError::Unknown(shortened(&entry.key)));
        }
        if pairs.iter().any(|(other, _)| *other == key) {
            return Err(MetadataError::Twice(shortened(&entry.key)));
        }
        pairs.push((key, &entry.value));
    }
    let find = |key: &str| pairs.iter().find(|(other, _)| *other == key).map(|(_, value)| *value);
    let actions = Action::ALL.map(Action::as_str).join(",");
    for (key, expected) in [("format", FORMAT), ("actions", &actions)] {
        match find(key) {
            Some(found) if found == expected => {}
            Some(found) => {
                return Err(MetadataError::Mismatch { key, found: shortened(found), expected: expected.to_owned() });
            }
            None => return Err(MetadataError::Missing { key, expected: format!("`{expected}`") }),
        }
    }
    let missing = |key| MetadataError::Missing { key, expected: "it in every model".to_owned() };
    let mut terms = ActionTerms::standard();
    for key in ActionTerms::NAMES {
        let value = find(key).ok_or_else(|| missing(key))?;
        terms.set(key, value)?;
    }
    let schema = terms.policy.schema.ok_or_else(|| missing("observation"))?;
    Ok(Metadata { terms, schema, notes: find("notes").map(str::to_owned) })
}

fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}
