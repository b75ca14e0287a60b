//! Output of all commands: [`Out`] writes to the standard output, [`note!`] to the standard error. No other code
//! touches either, since `println!` panics when the reader has gone or the disk is full, and a trader must not panic.
//!
//! * If the reader goes away (`| head -1`), only the output ends: the command completes, and its exit status is unaffected.
//! * Any other failure, such as a full disk, is reported as an error, unless the command itself failed.
//! * What cannot be written to the standard error is dropped, since there is nowhere left to report it.

use std::fmt;
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Stdout, Write};
use std::process::ExitCode;

/// Writes a line to an [`Out`].
macro_rules! say {
    ($out:expr, $($text:tt)*) => { $out.line(format_args!($($text)*)) };
}

/// Writes a line to the standard error.
macro_rules! note {
    ($($text:tt)*) => { $crate::cli::out::to_standard_error(format_args!("{}\n", format_args!($($text)*))) };
}

pub(super) use {note, say};

/// The standard output of a command. Nothing is written after the first failure, which [`Out::finish`] reports.
pub(super) struct Out {
    to: BufWriter<Named<Stdout>>,
    failed: Option<io::Error>,
}

impl Out {
    pub(super) fn new() -> Self {
        Self { to: BufWriter::new(Named::new("standard output", io::stdout())), failed: None }
    }

    /// Writes a line. See [`say!`].
    pub(super) fn line(&mut self, text: fmt::Arguments<'_>) {
        self.text(format_args!("{text}\n"));
    }

    /// Writes text without adding a line break.
    pub(super) fn text(&mut self, text: impl fmt::Display) {
        // An error is kept in `failed` and reported at the end.
        let _ = write!(self, "{text}");
    }

    /// Flushes what has been written, so that a waiting reader sees it.
    pub(super) fn show(&mut self) {
        // An error is kept in `failed` and reported at the end.
        let _ = self.flush();
    }

    /// Whether writing has failed, so that there is no point in producing more output.
    pub(super) fn is_over(&self) -> bool {
        self.failed.is_some()
    }

    /// Checks the output so far, for a command that is useless if its output is lost.
    ///
    /// # Errors
    /// When writing has failed for any other reason than a reader that went away.
    pub(super) fn check(&self) -> io::Result<()> {
        match &self.failed {
            Some(failed) if !is_unread(failed) => Err(renamed(failed, failed.to_string())),
            _ => Ok(()),
        }
    }

    /// The result of a command that only produces output: a reader that went away is not a failure of the command.
    pub(super) fn unless_unread<T>(&self, result: anyhow::Result<T>) -> anyhow::Result<Option<T>> {
        match result {
            Err(_) if self.failed.as_ref().is_some_and(is_unread) => Ok(None),
            result => result.map(Some),
        }
    }

    /// Flushes the output, and turns the command's result into the exit status.
    pub(super) fn finish(mut self, result: anyhow::Result<ExitCode>) -> ExitCode {
        self.show();
        let result = match (result, self.failed) {
            (Ok(_), Some(failed)) if !is_unread(&failed) => Err(failed.into()),
            (result, _) => result,
        };
        result.unwrap_or_else(|error| {
            note!("error: {}", super::describe(&error));
            ExitCode::FAILURE
        })
    }

    fn fail_again(&self) -> io::Result<()> {
        self.failed.as_ref().map_or(Ok(()), |failed| Err(renamed(failed, failed.to_string())))
    }

    fn keep<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        result.map_err(|error| {
            let again = renamed(&error, error.to_string());
            self.failed = Some(error);
            again
        })
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.fail_again()?;
        let result = self.to.write(bytes);
        self.keep(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.fail_again()?;
        let result = self.to.flush();
        self.keep(result)
    }
}

/// Whether the error means that the reader went away.
fn is_unread(error: &io::Error) -> bool {
    error.kind() == ErrorKind::BrokenPipe
}

fn renamed(error: &io::Error, text: String) -> io::Error {
    io::Error::new(error.kind(), text)
}

/// A writer whose errors name what could not be written to.
pub(super) struct Named<W> {
    name: String,
    to: W,
}

impl<W> Named<W> {
    pub(super) fn new(name: impl Into<String>, to: W) -> Self {
        Self { name: name.into(), to }
    }

    fn name<T>(&self, result: io::Result<T>) -> io::Result<T> {
        result.map_err(|error| renamed(&error, format!("{}: {error}", self.name)))
    }
}

impl<W: Write> Write for Named<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = self.to.write(bytes);
        self.name(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.to.flush();
        self.name(result)
    }
}

/// Writes to the standard error. See [`note!`].
pub(super) fn to_standard_error(text: fmt::Arguments<'_>) {
    // A single write, so that lines of several threads do not mix. If it fails, the text is dropped.
    let _ = io::stderr().write_all(text.to_string().as_bytes());
}

pub(super) fn standard_error_is_a_terminal() -> bool {
    io::stderr().is_terminal()
}

pub(super) fn standard_output_is_a_terminal() -> bool {
    io::stdout().is_terminal()
}
