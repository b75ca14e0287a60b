//! What makes a copy a backup: a manifest of every file with its checksum, written last, and with a checksum of its own.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::files::hex;
use super::{Records, SessionsError, StoredFile};

/// The manifest's file name in a backup's folder.
pub const MANIFEST_FILE: &str = "backup.json";
/// The largest manifest that is read, in bytes; a journal cannot have nearly so many segments.
const MANIFEST_BYTES_MAX: u64 = 64 << 20;
/// The version that is written, and the only one that is read.
const FORMAT_VERSION: u32 = 1;

/// The contents of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub format: u32,
    pub session: String,
    /// When the copy was made and verified (RFC 3339, UTC).
    pub made: String,
    pub files: Vec<StoredFile>,
    /// The records of its journal; `None` if it has no journal.
    pub records: Option<Records>,
    /// The SHA-256 of this manifest as compact JSON with this field empty.
    pub sha256: String,
}

impl Manifest {
    /// The manifest of a verified copy.
    #[must_use]
    pub fn new(session: &str, made: String, files: Vec<StoredFile>, records: Option<Records>) -> Self {
        let sha256 = String::new();
        let mut manifest = Self { format: FORMAT_VERSION, session: session.to_owned(), made, files, records, sha256 };
        manifest.sha256 = manifest.checksum();
        manifest
    }

    fn checksum(&self) -> String {
        let bare = Self { sha256: String::new(), ..self.clone() };
        let text = serde_json::to_vec(&bare).expect("strings and numbers always have a JSON form");
        hex(digest(&SHA256, &text).as_ref())
    }

    /// The total size of all files in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// Reads the manifest of a backup.
    ///
    /// # Errors
    /// [`SessionsError::NoBackup`] if it is missing, damaged, or of another version.
    pub fn read(folder: &Path) -> Result<Self, SessionsError> {
        let no_backup = |reason: String| SessionsError::NoBackup { path: folder.to_owned(), reason };
        let text = crate::files::read(&folder.join(MANIFEST_FILE), MANIFEST_BYTES_MAX)
            .map_err(|error| no_backup(format!("its manifest {MANIFEST_FILE} cannot be read: {error}")))?;
        let version: serde_json::Value =
            serde_json::from_slice(&text).map_err(|error| no_backup(format!("its manifest is damaged: {error}")))?;
        if version["format"] != FORMAT_VERSION {
            let found = &version["format"];
            return Err(no_backup(format!("its manifest has format {found}; this program reads {FORMAT_VERSION}")));
        }
        let manifest: Self =
            serde_json::from_slice(&text).map_err(|error| no_backup(format!("its manifest is damaged: {error}")))?;
        if manifest.checksum() != manifest.sha256 {
            return Err(no_backup("its manifest is damaged: its checksum does not match".to_owned()));
        }
        Ok(manifest)
    }

    /// Writes the manifest through to the disk.
    pub(super) fn write(&self, folder: &Path) -> Result<(), SessionsError> {
        let path = folder.join(MANIFEST_FILE);
        let write = || {
            let mut file = File::create_new(&path)?;
            file.write_all(&serde_json::to_vec_pretty(self)?)?;
            file.sync_all()
        };
        write().map_err(SessionsError::io(&path))
    }
}
