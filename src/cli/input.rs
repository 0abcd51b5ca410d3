//! Where frames come from, as the options name it.

use std::io::{IsTerminal, stdin};
use std::path::PathBuf;

use super::limit::Limit;
use super::plan::usage;
use crate::run::Failure;
use crate::source::{BLOCKS, BUFFER_SIZE, MAX_SNAPLEN};

/// Where frames come from.
#[derive(Clone, Debug)]
pub enum Input {
    /// A capture file.
    File(PathBuf),
    /// A capture file that is still being written.
    Growing(PathBuf),
    /// A capture as it comes.
    Stdin,
    /// Live interfaces.
    Live {
        /// Their names.
        interfaces: Vec<String>,
        /// Also frames that are for other machines.
        promiscuous: bool,
        /// The most bytes to capture of a frame.
        snaplen: u32,
        /// How much may wait.
        buffers: Buffers,
    },
}

impl Input {
    /// What one of the options names; of a live frame at most so many bytes, if not 0.
    pub(super) fn new(
        follow: Option<PathBuf>,
        read: Option<PathBuf>,
        interfaces: Vec<String>,
        promiscuous: bool,
        snaplen: u32,
        buffers: Buffers,
    ) -> Result<Self, Failure> {
        match (follow, read) {
            (Some(path), _) if path.as_os_str() == "-" => {
                Err(usage("--follow takes a file; -r - reads a pipe as it comes"))
            }
            (Some(path), _) => Ok(Self::Growing(path)),
            (None, Some(path)) => Self::saved(path),
            (None, None) if interfaces.is_empty() => {
                Err(usage("say where frames come from: -i INTERFACE (`dissect -D` lists them) or -r FILE"))
            }
            (None, None) => {
                let snaplen = if snaplen == 0 { MAX_SNAPLEN } else { snaplen };
                Ok(Self::Live { interfaces, promiscuous, snaplen, buffers })
            }
        }
    }

    /// A capture file, or standard input.
    pub(super) fn saved(path: PathBuf) -> Result<Self, Failure> {
        match path {
            path if path.as_os_str() != "-" => Ok(Self::File(path)),
            _ if stdin().is_terminal() => Err(usage("standard input is a terminal; pipe a capture into it")),
            _ => Ok(Self::Stdin),
        }
    }

    /// Whether frames come as time passes.
    pub fn is_under_way(&self) -> bool {
        matches!(self, Self::Live { .. } | Self::Growing(_))
    }
}

/// Bytes of live frames that may wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Buffers {
    /// In the kernel, for each interface.
    pub kernel: u32,
    /// In this program.
    pub blocks: usize,
}

impl Buffers {
    /// As asked for: so many KiB, and what is moved of the bounds.
    pub(super) fn new(kib: Option<u32>, limits: &[Limit]) -> Self {
        Self {
            kernel: kib.map_or(BUFFER_SIZE, |kib| kib.saturating_mul(1024)),
            blocks: limits.iter().rev().find_map(|limit| limit.blocks()).unwrap_or(BLOCKS),
        }
    }
}
