//! Reads files named on the command line or in the configuration. Only regular files of a bounded size are read: a pipe
//! or a device may never end, and the program would hang without saying why.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// Opens a file for reading.
///
/// # Errors
/// When the file cannot be opened, or is a folder, a pipe or a device.
pub fn open(path: &Path) -> io::Result<File> {
    // Checked before opening, since opening a pipe waits for its other end.
    let kind = fs::metadata(path)?.file_type();
    if kind.is_dir() {
        return Err(io::Error::new(ErrorKind::IsADirectory, "a folder; expected a file"));
    }
    if !kind.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "a pipe or a device; expected a file"));
    }
    File::open(path)
}

/// Reads a whole file of at most `bytes_max` bytes.
///
/// # Errors
/// As [`open`], or when the file is larger.
pub fn read(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    let too_large = || {
        io::Error::new(ErrorKind::FileTooLarge, format!("a file of more than {bytes_max} bytes, which this never has"))
    };
    let length = file.metadata()?.len();
    if length > bytes_max {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length).map_err(|_| too_large())?);
    // The file may grow while it is read.
    file.take(bytes_max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max { Err(too_large()) } else { Ok(bytes) }
}

/// Reads a whole text file of at most `bytes_max` bytes.
///
/// # Errors
/// As [`read`], or when the file is not UTF-8.
pub fn read_text(path: &Path, bytes_max: u64) -> io::Result<String> {
    String::from_utf8(read(path, bytes_max)?)
        .map_err(|error| io::Error::new(ErrorKind::InvalidData, error.utf8_error()))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn refusal(path: &Path) -> String {
        read(path, 8).unwrap_err().to_string()
    }

    #[test]
    fn a_file_is_read_up_to_its_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, b"12345678").unwrap();
        assert_eq!(read_text(&path, 8).unwrap(), "12345678");
        fs::write(&path, b"123456789").unwrap();
        assert!(refusal(&path).contains("more than 8 bytes"));
        // Far larger than the memory, and nothing on the disk.
        File::create(&path).unwrap().set_len(1 << 42).unwrap();
        assert!(refusal(&path).contains("more than 8 bytes"));
        fs::write(&path, [0xff]).unwrap();
        assert!(read_text(&path, 8).unwrap_err().to_string().contains("utf-8"));
    }

    #[test]
    fn what_is_no_file_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        assert!(refusal(folder.path()).contains("a folder"));
        assert!(refusal(&folder.path().join("missing")).contains("No such file"));
        assert!(refusal(Path::new("/dev/zero")).contains("a device"));
        let pipe = folder.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert!(refusal(&pipe).contains("a pipe"));
    }
}
