//! What can be wrong with a run: one line on standard error each, and the exit code.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::sandbox;
use crate::source::{Error, Kind, Name};

/// What was wrong with a run.
#[derive(Debug)]
pub enum Failure {
    /// What was asked for is not possible.
    Usage(String),
    /// Frames could not be had, or had further, or not be saved.
    Source(Error),
    /// Standard output could not be written.
    Output(io::Error),
    /// A file or a folder could not be written.
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// The process cannot be shut in.
    Sandbox(sandbox::Error),
    /// The captures that were compared are not alike; the results say so.
    Differ,
    /// The run was completed, and this is wrong with what it gave.
    Wrong(String),
}

impl Failure {
    /// That what was asked for at `path`, `-` for standard output, could not be written.
    pub(super) fn unwritten(path: &Path, reason: io::Error) -> Self {
        match path.as_os_str() == "-" {
            true => Self::Output(reason),
            false => Self::File { path: path.to_owned(), reason },
        }
    }

    /// The exit code that says so.
    fn code(&self) -> u8 {
        match self {
            _ if self.is_broken_pipe() => 0,
            Self::Wrong(_) | Self::Differ => 1,
            Self::Usage(_) => 2,
            Self::Sandbox(sandbox::Error::NoSuchUser(_)) => 2,
            Self::Output(_) | Self::File { .. } | Self::Sandbox(_) => 3,
            Self::Source(error) => match error.kind() {
                Kind::CutShort => 1,
                Kind::Usage => 2,
                Kind::Unreadable | Kind::Unwritable => 3,
            },
        }
    }

    /// Whether no more results can be written.
    pub(super) fn is_output(&self) -> bool {
        matches!(self, Self::Output(_) | Self::File { .. }) || self.is_broken_pipe()
    }

    /// Whether the capture could be read up to some point.
    pub(super) fn is_cut(&self) -> bool {
        matches!(self, Self::Source(error) if error.kind() == Kind::CutShort)
    }

    /// Whether the reader of what is written has had enough, which is no failure.
    fn is_broken_pipe(&self) -> bool {
        match self {
            Self::Output(error) => error.kind() == io::ErrorKind::BrokenPipe,
            Self::Source(error) => error.is_broken_pipe(),
            Self::File { reason, .. } => reason.kind() == io::ErrorKind::BrokenPipe,
            Self::Usage(_) | Self::Sandbox(_) | Self::Wrong(_) | Self::Differ => false,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Source(error)
    }
}

impl From<sandbox::Error> for Failure {
    fn from(error: sandbox::Error) -> Self {
        Self::Sandbox(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(line) | Self::Wrong(line) => f.write_str(line),
            Self::Differ => f.write_str("the captures differ"),
            Self::Source(error) => error.fmt(f),
            Self::Sandbox(error) => error.fmt(f),
            Self::File { path, reason } => write!(f, "cannot write {}: {reason}", Name::Path(path.clone())),
            Self::Output(error) => write!(f, "cannot write to standard output: {error}"),
        }
    }
}

/// Tells each failure on standard error, and returns the exit code of the gravest.
pub fn conclude(failures: &[Failure]) -> u8 {
    for failure in failures.iter().filter(|failure| !failure.is_broken_pipe() && !matches!(failure, Failure::Differ)) {
        super::note(failure);
    }
    failures.iter().map(Failure::code).max().unwrap_or(0)
}
