//! What every command writes to: the standard output by [`Out`], the standard error by [`note!`]. The only place that
//! touches either, since `println!` panics when nobody reads any more or the disk is full, and a trader must not.
//!
//! * A reader that went away (`| head -1`) ends the output and nothing else: the command does what it has to do, and its
//!   exit status is the one it would have had.
//! * Any other failure, such as a full disk, is an error with its name, unless the command failed by itself.
//! * What the standard error refuses is dropped: there is nowhere left to say it.

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

    /// Writes text as it is.
    pub(super) fn text(&mut self, text: impl fmt::Display) {
        // Kept in `failed`, for the end.
        let _ = write!(self, "{text}");
    }

    /// Flushes what was written so far, so that a waiting reader sees it.
    pub(super) fn show(&mut self) {
        // Kept in `failed`, for the end.
        let _ = self.flush();
    }

    /// Whether writing failed: there is no use in working out more to write.
    pub(super) fn is_over(&self) -> bool {
        self.failed.is_some()
    }

    /// For a command that is of no use when what it wrote was not taken.
    ///
    /// # Errors
    /// The failure, unless it is that the reader went away.
    pub(super) fn check(&self) -> io::Result<()> {
        match &self.failed {
            Some(failed) if !is_unread(failed) => Err(renamed(failed, failed.to_string())),
            _ => Ok(()),
        }
    }

    /// The result of a command that only writes. If its reader has gone away, that isn't a failure of the command.
    pub(super) fn unless_unread<T>(&self, result: anyhow::Result<T>) -> anyhow::Result<Option<T>> {
        match result {
            Err(_) if self.failed.as_ref().is_some_and(is_unread) => Ok(None),
            result => result.map(Some),
        }
    }

    /// Writes what is left, and turns the command's result into the exit status.
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

/// Whether the reader went away.
fn is_unread(error: &io::Error) -> bool {
    error.kind() == ErrorKind::BrokenPipe
}

fn renamed(error: &io::Error, text: String) -> io::Error {
    io::Error::new(error.kind(), text)
}

/// A writer whose errors say what could not be written.
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
    // One write a text, so that lines of several threads do not mix; refused, it is dropped.
    let _ = io::stderr().write_all(text.to_string().as_bytes());
}

/// Whether somebody looks at the standard error.
pub(super) fn standard_error_is_a_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Whether somebody looks at the standard output.
pub(super) fn standard_output_is_a_terminal() -> bool {
    io::stdout().is_terminal()
}
