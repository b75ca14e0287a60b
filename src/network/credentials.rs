//! Reads the API key from the environment or from a file, and checks that no other user can read the file. No error
//! here contains any part of a key.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::files;
use crate::wire::sign::{Credentials, SignError, Signer};

/// The environment variable with the key's id.
pub const KEY_ID_VARIABLE: &str = "KALSHI_API_KEY_ID";
/// The environment variable with the key itself, as PEM.
pub const PRIVATE_KEY_VARIABLE: &str = "KALSHI_PRIVATE_KEY";
/// The environment variable with the path of the key file.
pub const PRIVATE_KEY_PATH_VARIABLE: &str = "KALSHI_PRIVATE_KEY_PATH";

/// The largest key file that is read, in bytes. An RSA-4096 PEM has 3.3 KB.
const KEY_BYTES_MAX: u64 = 64 << 10;

/// Why there are no credentials.
#[derive(Debug, Error)]
pub enum CredentialsError {
    #[error("no API key id: set {KEY_ID_VARIABLE}, or `venue.key_id` in the configuration")]
    NoKeyId,
    #[error(
        "no private key: set {PRIVATE_KEY_PATH_VARIABLE} to a PEM file or {PRIVATE_KEY_VARIABLE} to its text, or \
         `venue.private_key_path` in the configuration"
    )]
    NoKey,
    /// The key id is not valid in an HTTP header.
    #[error("the API key id has a space or a character outside ASCII; expected a UUID as the exchange shows it")]
    BadKeyId,
    /// The file cannot be read.
    #[error("private key file {path}: {problem}")]
    Unreadable { path: PathBuf, problem: String },
    #[error(
        "private key file {path} can be read by others (mode {mode:03o}): it is refused until you run \
         `chmod 600 {path}`, and a key that others may have read should be replaced"
    )]
    Exposed {
        path: PathBuf,
        /// The permission bits of the file.
        mode: u32,
    },
    /// The text is not a usable key.
    #[error("{origin}: {error}")]
    BadKey {
        /// The environment variable or the file that the key came from.
        origin: String,
        error: SignError,
    },
}

/// The configuration's settings for credentials. The environment takes precedence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CredentialsConfig {
    pub key_id: Option<String>,
    pub private_key_path: Option<PathBuf>,
}

/// Finds and reads the credentials. `variable` looks up an environment variable: `std::env::var(name).ok()` outside tests.
///
/// # Errors
/// When the id or the key is missing or unusable. The text says what to do about it.
pub fn load_credentials(
    config: &CredentialsConfig,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Credentials, CredentialsError> {
    let variable = |name| variable(name).filter(|value| !value.trim().is_empty());
    let key_id = variable(KEY_ID_VARIABLE).or_else(|| config.key_id.clone()).ok_or(CredentialsError::NoKeyId)?;
    let key_id = key_id.trim().to_owned();
    if key_id.is_empty() || !key_id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(CredentialsError::BadKeyId);
    }
    let (origin, pem) = if let Some(pem) = variable(PRIVATE_KEY_VARIABLE) {
        // Many ways of setting a variable cannot express a line break, so `\n` is accepted instead.
        (PRIVATE_KEY_VARIABLE.to_owned(), pem.replace("\\n", "\n"))
    } else {
        let path = variable(PRIVATE_KEY_PATH_VARIABLE).map(PathBuf::from).or_else(|| config.private_key_path.clone());
        let path = path.ok_or(CredentialsError::NoKey)?;
        (format!("private key file {}", path.display()), read_key_file(&path)?)
    };
    let signer = Signer::from_pem(&pem).map_err(|error| CredentialsError::BadKey { origin, error })?;
    Ok(Credentials { key_id, signer })
}

fn read_key_file(path: &Path) -> Result<String, CredentialsError> {
    let unreadable = |problem: String| CredentialsError::Unreadable { path: path.to_owned(), problem };
    let file = files::open(path).map_err(|error| unreadable(error.to_string()))?;
    // Checked on the open file rather than on the path, so that the file checked is the file read.
    let mode = file.metadata().map_err(|error| unreadable(error.to_string()))?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(CredentialsError::Exposed { path: path.to_owned(), mode });
    }
    let mut pem = String::new();
    let length =
        file.take(KEY_BYTES_MAX + 1).read_to_string(&mut pem).map_err(|error| unreadable(error.to_string()))?;
    if length as u64 > KEY_BYTES_MAX {
        return Err(unreadable("it is too large to be a key".to_owned()));
    }
    Ok(pem)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::wire::sign::{Algorithm, generate_ed25519};

    fn key_file(pem: &str, mode: u32) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        fs::write(&path, pem).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        (folder, path)
    }

    fn config(path: &Path) -> CredentialsConfig {
        CredentialsConfig { key_id: Some("an-id".to_owned()), private_key_path: Some(path.to_owned()) }
    }

    #[test]
    fn a_key_file_that_only_its_owner_can_read_is_read() {
        let (_folder, path) = key_file(&generate_ed25519().unwrap(), 0o600);
        let credentials = load_credentials(&config(&path), |_| None).unwrap();
        assert_eq!((credentials.key_id.as_str(), credentials.signer.algorithm()), ("an-id", Algorithm::Ed25519));
    }

    #[test]
    fn a_key_file_that_others_can_read_is_refused_with_the_command_that_repairs_it() {
        for mode in [0o640, 0o604, 0o620] {
            let (_folder, path) = key_file(&generate_ed25519().unwrap(), mode);
            let text = load_credentials(&config(&path), |_| None).unwrap_err().to_string();
            assert!(text.contains(&format!("chmod 600 {}", path.display())), "{text}");
        }
    }

    #[test]
    fn the_environment_goes_before_the_configuration_and_may_write_line_breaks_as_backslash_n() {
        let pem = generate_ed25519().unwrap().replace('\n', "\\n");
        let credentials = load_credentials(&config(Path::new("/nowhere/key.pem")), |name| match name {
            KEY_ID_VARIABLE => Some("other-id".to_owned()),
            PRIVATE_KEY_VARIABLE => Some(pem.clone()),
            _ => None,
        })
        .unwrap();
        assert_eq!(credentials.key_id, "other-id");
    }

    #[test]
    fn what_is_missing_is_named() {
        let text = load_credentials(&CredentialsConfig::default(), |_| None).unwrap_err().to_string();
        assert!(text.contains(KEY_ID_VARIABLE), "{text}");
        let only_id = CredentialsConfig { key_id: Some("id".to_owned()), private_key_path: None };
        let text = load_credentials(&only_id, |_| None).unwrap_err().to_string();
        assert!(text.contains(PRIVATE_KEY_PATH_VARIABLE), "{text}");
        let text = load_credentials(&config(Path::new("/nowhere/key.pem")), |_| None).unwrap_err().to_string();
        assert!(text.contains("/nowhere/key.pem"), "{text}");
    }

    #[test]
    fn a_file_that_is_no_key_is_named_and_not_repeated() {
        let (_folder, path) = key_file("my secret diary", 0o600);
        let text = load_credentials(&config(&path), |_| None).unwrap_err().to_string();
        assert!(text.contains("key.pem") && !text.contains("diary"), "{text}");
    }

    #[test]
    fn a_key_id_that_would_break_a_header_is_refused() {
        let bad = CredentialsConfig { key_id: Some("id\r\nx: y".to_owned()), private_key_path: None };
        assert!(matches!(load_credentials(&bad, |_| None), Err(CredentialsError::BadKeyId)));
    }
}
