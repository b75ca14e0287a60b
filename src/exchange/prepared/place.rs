//! Files that are replaced completely or not at all.

use std::fs::File;
use std::path::Path;

use super::PreparedError;

/// Lets `write` write a file under another name, and renames it when it is complete.
///
/// # Errors
/// Those of `write`, or if a file operation fails; an existing file is then unchanged.
pub(super) fn replace<T>(
    out: &Path,
    write: impl FnOnce(&mut File) -> Result<T, PreparedError>,
) -> Result<T, PreparedError> {
    let named = PreparedError::write(out);
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(&named)?;
    let written = write(file.as_file_mut())?;
    file.as_file().sync_all().map_err(&named)?;
    file.persist(out).map_err(|error| named(error.error))?;
    Ok(written)
}
