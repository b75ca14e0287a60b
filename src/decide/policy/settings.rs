//! A strategy's own settings: the table `[policy.settings]` of the configuration file, which the strategy itself checks.

use std::path::Path;

use serde::de::DeserializeOwned;
use thiserror::Error;

use super::PolicyRecord;

/// The key of the table in the configuration.
const KEY: &str = "policy.settings";

/// The settings of a strategy, and where they come from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    table: toml::Table,
    /// The file's name, for settings that come from one.
    file: Option<String>,
}

/// Settings that a strategy has refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{place}: {reason}")]
pub struct SettingsError {
    /// The file, the key, and its value if there is one.
    place: String,
    reason: String,
}

impl Settings {
    /// Takes the table, usually that of a configuration, and the file that it was read from, if any.
    #[must_use]
    pub fn new(table: toml::Table, file: Option<&Path>) -> Self {
        Self { table, file: file.map(|file| file.display().to_string()) }
    }

    /// The settings that a recorded session ran with.
    ///
    /// # Errors
    /// When the recorded settings are not valid TOML.
    pub fn recorded(record: &PolicyRecord) -> Result<Self, SettingsError> {
        let table = record.identity.settings.parse::<toml::Table>();
        let table = table.map_err(|error| SettingsError {
            place: "the recorded settings".to_owned(),
            reason: error.to_string().trim_end().to_owned(),
        })?;
        Ok(Self { table, file: None })
    }

    /// Reads the settings as a type, usually one that derives `Deserialize` with `deny_unknown_fields` and `default`.
    ///
    /// # Errors
    /// When a key is unknown or a value has the wrong type; names the key and what was expected.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, SettingsError> {
        let read = toml::Value::Table(self.table.clone()).try_into();
        read.map_err(|error: toml::de::Error| SettingsError {
            place: self.place(None),
            reason: error.to_string().trim_end().replace('\n', ", "),
        })
    }

    /// Creates the error for a value that the strategy cannot use.
    #[must_use]
    pub fn refused(&self, key: &str, expected: impl std::fmt::Display) -> SettingsError {
        SettingsError { place: self.place(Some(key)), reason: format!("expected {expected}") }
    }

    /// Checks that there are no settings, for a strategy without any.
    ///
    /// # Errors
    /// When there is a setting.
    pub fn expect_none(&self, policy: &str) -> Result<(), SettingsError> {
        let first = self.table.keys().next();
        first.map_or(Ok(()), |key| Err(self.refused(key, format_args!("no settings: policy {policy} has none"))))
    }

    /// The settings as TOML, for [`PolicyIdentity::settings`](super::PolicyIdentity::settings).
    #[must_use]
    pub fn text(&self) -> String {
        self.table.to_string()
    }

    fn place(&self, key: Option<&str>) -> String {
        let file = self.file.as_ref().map_or_else(String::new, |file| format!("configuration {file}: "));
        match key.map(|key| (key, self.table.get(key))) {
            Some((key, Some(value))) => format!("{file}{KEY}.{key} = {value}"),
            Some((key, None)) => format!("{file}{KEY}.{key}, which is not set"),
            None => format!("{file}{KEY}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Mine {
        edge_cents: u16,
        name: String,
    }

    impl Default for Mine {
        fn default() -> Self {
            Self { edge_cents: 2, name: "mine".to_owned() }
        }
    }

    fn settings(text: &str) -> Settings {
        Settings { table: text.parse().unwrap(), file: Some("my.toml".to_owned()) }
    }

    #[test]
    fn settings_are_read_as_the_strategys_own_type() {
        assert_eq!(Settings::default().read::<Mine>().unwrap(), Mine::default());
        let read = settings("edge_cents = 5").read::<Mine>().unwrap();
        assert_eq!(read, Mine { edge_cents: 5, ..Mine::default() });
    }

    #[test]
    fn what_cannot_be_is_refused_with_file_key_and_value() {
        let error = settings("edge_cent = 5").read::<Mine>().unwrap_err().to_string();
        assert!(error.starts_with("configuration my.toml: policy.settings: "), "{error}");
        assert!(error.contains("`edge_cent`") && error.contains("`edge_cents`"), "{error}");
        let error = settings("edge_cents = \"five\"").read::<Mine>().unwrap_err().to_string();
        assert!(error.contains("edge_cents") && error.contains("five") && error.contains("u16"), "{error}");
        assert_eq!(
            settings("edge_cents = 0").refused("edge_cents", "1 to 20").to_string(),
            "configuration my.toml: policy.settings.edge_cents = 0: expected 1 to 20"
        );
        assert_eq!(
            Settings::default().refused("edge_cents", "1 to 20").to_string(),
            "policy.settings.edge_cents, which is not set: expected 1 to 20"
        );
        let error = settings("edge = 0").expect_none("maker").unwrap_err().to_string();
        assert_eq!(
            error,
            "configuration my.toml: policy.settings.edge = 0: expected no settings: policy maker has none"
        );
        assert_eq!(Settings::default().expect_none("maker"), Ok(()));
    }

    #[test]
    fn recorded_settings_are_those_of_the_session() {
        use crate::decide::policy::PolicyIdentity;
        let given = settings("edge_cents = 5\nname = \"a b\"");
        let identity = PolicyIdentity { settings: given.text(), ..PolicyIdentity::named("mine") };
        let record = PolicyRecord { identity, terms: String::new(), memory: Vec::new() };
        let recorded = Settings::recorded(&record).unwrap();
        assert_eq!((recorded.read::<Mine>(), recorded.text()), (given.read::<Mine>(), given.text()));
    }
}
