//! An observation schema as a value: its name and version, the names of its features, how far it looks back, and the
//! function that computes it.

use thiserror::Error;

use super::{ObservationInput, POINTS_MAX};

/// The most features that a schema may have.
pub const WIDTH_MAX: usize = 1_024;

/// Computes the features of one market at one time. The slice has one element per feature. The function must not
/// allocate, and must give the same numbers for the same input on every machine.
pub type Observe = fn(&ObservationInput<'_>, &mut [f32]);

/// An observation schema.
#[derive(Clone, Copy)]
pub struct Schema {
    name: &'static str,
    version: u16,
    features: &'static [&'static str],
    points: usize,
    observe: Observe,
}

/// Why a schema cannot be used.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SchemaError {
    /// The name or the version is not allowed.
    #[error("observation schema `{0}`: expected a name of 1 to 32 of the characters a-z 0-9 _ -, and a version from 1")]
    Name(String),
    /// There are too few or too many features.
    #[error("observation schema `{schema}` has {found} features; expected 1 to {WIDTH_MAX}")]
    Width {
        /// The name and version of the schema.
        schema: String,
        /// Its number of features.
        found: usize,
    },
    /// A feature has no name, or the same name as another.
    #[error("observation schema `{schema}` has a feature `{feature}` twice or without a name; expected distinct names")]
    Feature {
        /// The name and version of the schema.
        schema: String,
        /// The name of the feature.
        feature: String,
    },
    /// The schema looks back on more points than a history can keep.
    #[error("observation schema `{schema}` looks {found} points back; expected at most {POINTS_MAX}")]
    Points {
        /// The name and version of the schema.
        schema: String,
        /// How many points it looks back on.
        found: usize,
    },
}

impl Schema {
    /// Defines a schema. `points` is how many closed points of a market's history it looks back on. The schema is
    /// checked when a policy that asks for it is loaded.
    #[must_use]
    pub const fn new(
        name: &'static str,
        version: u16,
        features: &'static [&'static str],
        points: usize,
        observe: Observe,
    ) -> Self {
        Self { name, version, features, points, observe }
    }

    /// The number of features.
    #[must_use]
    #[inline]
    pub const fn width(&self) -> usize {
        self.features.len()
    }

    /// The names of the features, in order.
    #[must_use]
    pub const fn features(&self) -> &'static [&'static str] {
        self.features
    }

    /// How many closed points of a market's history the schema looks back on.
    #[must_use]
    pub const fn points(&self) -> usize {
        self.points
    }

    /// Whether this is the schema with this name and version, such as `obs52/1`.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        text.split_once('/').is_some_and(|(name, version)| name == self.name && version.parse() == Ok(self.version))
    }

    /// Checks whether the schema can be used.
    ///
    /// # Errors
    /// When its name, version, features or points are not allowed.
    pub fn check(&self) -> Result<(), SchemaError> {
        let in_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'-';
        let schema = self.to_string();
        if !(1..=32).contains(&self.name.len()) || !self.name.bytes().all(in_name) || self.version == 0 {
            return Err(SchemaError::Name(schema));
        }
        if !(1..=WIDTH_MAX).contains(&self.width()) {
            return Err(SchemaError::Width { schema, found: self.width() });
        }
        for (position, feature) in self.features.iter().enumerate() {
            if feature.is_empty() || self.features[..position].contains(feature) {
                return Err(SchemaError::Feature { schema, feature: (*feature).to_owned() });
            }
        }
        if self.points > POINTS_MAX {
            return Err(SchemaError::Points { schema, found: self.points });
        }
        Ok(())
    }

    /// Computes the features.
    #[inline]
    pub fn observe(&self, input: &ObservationInput<'_>, features: &mut [f32]) {
        (self.observe)(input, features);
    }
}

/// Name and version as in files: `obs52/1`.
impl std::fmt::Display for Schema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.name, self.version)
    }
}

impl std::fmt::Debug for Schema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Schema({self})")
    }
}

/// Schemas are equal if their descriptions are, since a change of the function requires another version.
impl PartialEq for Schema {
    fn eq(&self, other: &Self) -> bool {
        (self.name, self.version, self.features, self.points)
            == (other.name, other.version, other.features, other.points)
    }
}

impl Eq for Schema {}

#[cfg(test)]
mod tests {
    use super::super::{OBS52, SCHEMAS, TOUCH8, built_in};
    use super::*;

    fn nothing(_input: &ObservationInput<'_>, _features: &mut [f32]) {}

    #[test]
    fn the_schemas_of_this_program_can_be_used_and_are_found_by_their_names() {
        for schema in SCHEMAS {
            schema.check().unwrap();
            assert_eq!(built_in(&schema.to_string()), Some(schema));
        }
        assert_eq!((OBS52.to_string().as_str(), OBS52.width(), OBS52.points()), ("obs52/1", 52, 10));
        assert_eq!((TOUCH8.to_string().as_str(), TOUCH8.width()), ("touch8/1", 8));
        for unknown in ["", "obs52", "obs52/", "obs52/2", "obs52/1/1", "OBS52/1", "touch8/0"] {
            assert_eq!(built_in(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn a_schema_that_cannot_be_used_is_refused_with_what_was_expected() {
        let error = |schema: Schema| schema.check().unwrap_err().to_string();
        assert_eq!(
            error(Schema::new("My Schema", 1, &["one"], 0, nothing)),
            "observation schema `My Schema/1`: expected a name of 1 to 32 of the characters a-z 0-9 _ -, and a version from 1"
        );
        assert!(error(Schema::new("mine", 0, &["one"], 0, nothing)).contains("`mine/0`"));
        assert!(error(Schema::new("mine", 1, &[], 0, nothing)).contains("0 features; expected 1 to 1024"));
        assert!(error(Schema::new("mine", 1, &["one", "one"], 0, nothing)).contains("`one` twice"));
        assert!(error(Schema::new("mine", 1, &["one", ""], 0, nothing)).contains("without a name"));
        assert!(
            error(Schema::new("mine", 1, &["one"], 257, nothing)).contains("257 points back; expected at most 256")
        );
    }
}
