//! What can go wrong at the edge where frames come in, each in one line: what, where, what to do.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::frame::{FrameNumber, LinkType};

/// Where a capture is read from, or written to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Name {
    /// Standard input.
    Stdin,
    /// Standard output.
    Stdout,
    /// A file.
    Path(PathBuf),
}

impl fmt::Display for Name {
    /// The path, with bytes that are no UTF-8 as U+FFFD and control characters escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("standard input"),
            Self::Stdout => f.write_str("standard output"),
            Self::Path(path) => printable(&path.to_string_lossy(), f),
        }
    }
}

/// What the program has to make of an error.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// The capture was read up to some point: what came before it stands.
    CutShort,
    /// What was asked for is wrong, or left out of this build.
    Usage,
    /// Nothing could be opened, or reading failed.
    Unreadable,
    /// Writing a capture failed.
    Unwritable,
}

/// Why frames cannot be had, or had further.
#[derive(Debug)]
pub enum Error {
    /// The file cannot be opened.
    Open {
        /// Which.
        name: Name,
        /// What the system said.
        reason: io::Error,
    },
    /// The file is no capture that we know.
    NotACapture {
        /// Which.
        name: Name,
        /// What it is, as the end of a sentence that begins with its name.
        looks: &'static str,
    },
    /// It ends inside a record; every frame before was delivered.
    Truncated {
        /// Which.
        name: Name,
        /// Number of the last whole frame, 0 if there is none.
        after_frame: FrameNumber,
        /// Where the record begins: bytes from the start of the capture, decompressed.
        offset: u64,
    },
    /// A record, or what compresses it, contradicts the format; every frame before was delivered.
    Corrupt {
        /// Which.
        name: Name,
        /// Number of the last whole frame, 0 if there is none.
        after_frame: FrameNumber,
        /// Where the record begins: bytes from the start of the capture, decompressed.
        offset: u64,
        /// What is wrong.
        what: String,
    },
    /// A format, or a part of one, that we do not read.
    Unsupported {
        /// Which.
        name: Name,
        /// What is not read, as the end of a sentence that begins with its name, and what to do.
        what: String,
    },
    /// Reading failed.
    Read {
        /// Which.
        name: Name,
        /// Number of the last whole frame, 0 if there is none.
        after_frame: FrameNumber,
        /// What the system said.
        reason: io::Error,
    },
    /// A file that is still being written is not the same any more; every frame before was delivered.
    Gone {
        /// Which.
        name: Name,
        /// Number of the last whole frame, 0 if there is none.
        after_frame: FrameNumber,
        /// What became of it, as the end of a sentence that begins with its name.
        what: &'static str,
    },
    /// libpcap does not take the filter expression.
    Filter {
        /// As given.
        expression: String,
        /// The link type that it was compiled for.
        link: LinkType,
        /// libpcap's message.
        reason: String,
    },
    /// This build was made without libpcap.
    NoLive {
        /// What it lacks for that.
        what: &'static str,
    },
    /// No interface has that name.
    NoSuchInterface {
        /// As given.
        interface: String,
        /// Names that are alike, or all where there are few.
        near: Vec<String>,
    },
    /// This user may not capture.
    Permission {
        /// As given.
        interface: String,
    },
    /// The interface exists and is not up.
    InterfaceDown {
        /// As given.
        interface: String,
    },
    /// The interface was up, and went down.
    WentDown {
        /// As given.
        interface: String,
    },
    /// Capturing failed in another way.
    Live {
        /// As given.
        interface: String,
        /// libpcap's message.
        reason: String,
    },
    /// The capture file to write cannot be created.
    Create {
        /// Which.
        name: Name,
        /// What the system said.
        reason: io::Error,
    },
    /// It cannot be written further; what was written of it is whole.
    Write {
        /// Which.
        name: Name,
        /// Frames that were saved, in this file and in those before it.
        frames: u64,
        /// What the system said.
        reason: io::Error,
    },
    /// The capture file to write is the one that is read.
    SameFile {
        /// Which.
        name: Name,
    },
}

impl Error {
    /// What the program has to make of it.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Truncated { .. } | Self::WentDown { .. } | Self::Gone { .. } => Kind::CutShort,
            Self::Corrupt { after_frame, .. } if *after_frame > 0 => Kind::CutShort,
            Self::Filter { .. } | Self::NoLive { .. } | Self::SameFile { .. } => Kind::Usage,
            Self::Create { .. } | Self::Write { .. } => Kind::Unwritable,
            _ => Kind::Unreadable,
        }
    }

    /// Whether what we write to was closed by its reader, which ends the program quietly.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Write { reason, .. } if reason.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Open { reason, .. }
            | Self::Read { reason, .. }
            | Self::Create { reason, .. }
            | Self::Write { reason, .. } => Some(reason),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open { name, reason } => match reason.kind() {
                io::ErrorKind::NotFound => write!(f, "cannot open {name}: there is no such file"),
                io::ErrorKind::PermissionDenied => {
                    write!(f, "cannot open {name}: permission denied; this user must be able to read it")
                }
                io::ErrorKind::IsADirectory => write!(f, "cannot read {name}: it is a directory; name a file in it"),
                _ => write!(f, "cannot open {name}: {reason}"),
            },
            Self::NotACapture { name, looks } => {
                write!(f, "{name} {looks}; pcap and pcapng are read, plain or compressed with gzip, zstd or lz4")
            }
            Self::Truncated { name, after_frame, offset } => {
                write!(f, "{name} ends inside the record at byte {offset}, {}", After(*after_frame))
            }
            Self::Corrupt { name, after_frame, offset, what } => {
                write!(f, "{name} is corrupt in the record at byte {offset}, {}: {what}", After(*after_frame))
            }
            Self::Unsupported { name, what } => write!(f, "{name} {what}"),
            Self::Read { name, after_frame, reason } => {
                write!(f, "cannot read on in {name}, {}: {reason}", After(*after_frame))
            }
            Self::Gone { name, after_frame, what } => write!(f, "{name} {what}, {}", After(*after_frame)),
            Self::Filter { expression, link, reason } => {
                f.write_str("BPF filter '")?;
                printable(expression, f)?;
                write!(f, "' is not usable on {link}: {reason}; see pcap-filter(7)")
            }
            Self::NoLive { what } => write!(f, "this build has no {what} (feature `live`)"),
            Self::NoSuchInterface { interface, near } => {
                f.write_str("there is no interface '")?;
                printable(interface, f)?;
                f.write_str("'; ")?;
                match near.as_slice() {
                    [] => f.write_str("-D lists them"),
                    names => write!(f, "there is {}", names.join(", ")),
                }
            }
            Self::Permission { interface } => write!(
                f,
                "no permission to capture on {interface}: run with sudo, or once \
                 `sudo setcap cap_net_raw,cap_net_admin=eip $(command -v dissect)`"
            ),
            Self::InterfaceDown { interface } => {
                write!(f, "{interface} is down; bring it up with `sudo ip link set {interface} up`")
            }
            Self::WentDown { interface } => write!(f, "{interface} went down; what came before that is told"),
            Self::Live { interface, reason } => write!(f, "capturing on {interface} failed: {reason}"),
            Self::Create { name, reason } => match reason.kind() {
                io::ErrorKind::NotFound => write!(f, "cannot create {name}: there is no such folder"),
                io::ErrorKind::IsADirectory => write!(f, "cannot create {name}: it is a directory; name a file in it"),
                _ => write!(f, "cannot create {name}: {reason}"),
            },
            Self::Write { name, frames, reason } => {
                write!(f, "cannot write to {name}: {reason}; ")?;
                match frames {
                    0 => f.write_str("no frame was saved"),
                    1 => f.write_str("the first frame is saved"),
                    count => write!(f, "the first {count} frames are saved"),
                }
            }
            Self::SameFile { name } => write!(f, "{name} is being read; write to another file"),
        }
    }
}

/// "after frame 5", or "before the first frame".
struct After(FrameNumber);

impl fmt::Display for After {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("before the first frame"),
            number => write!(f, "after frame {number}"),
        }
    }
}

/// Writes what a user typed without what would steer a terminal.
fn printable(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    text.chars().try_for_each(|c| if c.is_control() { write!(f, "{}", c.escape_default()) } else { write!(f, "{c}") })
}
