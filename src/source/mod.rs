//! Where frames come from and go to: capture files, standard input, live interfaces, BPF filters, capture files written.

mod bpf;
mod buffer;
mod compress;
mod error;
mod file;
mod format;
mod growing;
mod interface;
#[cfg(feature = "live")]
mod live;
mod pcap;
mod pcapng;
mod rotate;
#[cfg(test)]
mod samples;
mod write;

use std::time::{Duration, SystemTime};

use arrayvec::ArrayVec;

pub use bpf::Filter;
pub use error::{Error, Kind, Name};
pub use file::CaptureFile;
pub use growing::Growing;
pub use interface::{Counts, Interface, Resolution};
#[cfg(feature = "live")]
pub use live::{Counters, Device, Live, Options, Stats, devices};
pub use pcap::MAX_CAPTURED as MAX_SNAPLEN;
pub use rotate::Rotation;
pub use write::Writer;

use crate::frame::{Drops, Frame, Timestamp};

/// What the run loop pulls frames from.
///
/// It [starts](Self::start) it, takes frames by [`Self::next_batch`] until there is none, then asks [`Self::wait`], and
/// begins again unless that says that the end is reached.
pub enum Source {
    /// A capture file, or a stream of one.
    File(Box<CaptureFile>),
    /// Live interfaces.
    #[cfg(feature = "live")]
    Live(Live),
}

/// Frames that were there at once.
pub type Batch<'a> = ArrayVec<Frame<'a>, BATCH>;

/// What was taken of a source at once.
pub struct Taken<'a> {
    /// The frames.
    pub frames: Batch<'a>,
    /// The interfaces described so far, among which are those of the frames.
    pub interfaces: &'a [Interface],
    /// Losses that have become known; those of them that are told by times may lie among later frames.
    pub drops: &'a [Drops],
}

/// The most frames of a batch: enough for memory to be fetched while others are looked at.
pub const BATCH: usize = 64;

/// Bytes of a live interface's frames that the kernel holds for us. Sixteen times what libpcap takes by itself: fast
/// downloads over loopback lost a quarter of their frames with that, and next to none with this.
pub const BUFFER_SIZE: u32 = 32 << 20;

/// Bytes of live frames that were read and not looked at yet: half a second of a full gigabit a second, so that a printer
/// which is held up for a moment costs no frame.
pub const BLOCKS: usize = 64 << 20;

/// What waiting brought.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wait {
    /// There are frames.
    Ready,
    /// No frame came in that time, or a signal did.
    Idle,
    /// No frame will come.
    End,
}

impl Source {
    /// The next frames, as many as are there without waiting for more than one; none where no frame is there at the moment.
    ///
    /// Reading a file or a stream, it blocks until a whole frame is there; none is then the end.
    pub fn next_batch(&mut self) -> Result<Taken<'_>, Error> {
        match self {
            Self::File(file) => file.next_batch(),
            #[cfg(feature = "live")]
            Self::Live(live) => Ok(live.next_batch()),
        }
    }

    /// The next frame of a file, with the interfaces described so far.
    #[cfg(test)]
    fn next_described(&mut self) -> Result<Option<(Frame<'_>, &[Interface])>, Error> {
        match self {
            Self::File(file) => file.next_described(),
            #[cfg(feature = "live")]
            Self::Live(_) => Ok(None),
        }
    }

    /// Begins to read live interfaces, in a thread of its own.
    pub fn start(&mut self) -> Result<(), Error> {
        match self {
            Self::File(_) => Ok(()),
            #[cfg(feature = "live")]
            Self::Live(live) => live.start(),
        }
    }

    /// Has it end after the frames that have come to live interfaces; a file is left where it is.
    pub fn stop(&mut self) {
        match self {
            Self::File(_) => {}
            #[cfg(feature = "live")]
            Self::Live(live) => live.stop(),
        }
    }

    /// Whether [`Self::next_batch`] may have to wait for whoever writes the capture.
    #[inline]
    pub fn may_block(&self) -> bool {
        match self {
            Self::File(file) => file.may_block(),
            #[cfg(feature = "live")]
            Self::Live(_) => false,
        }
    }

    /// Waits for frames after [`Self::next_batch`] had none, at most for `timeout`.
    pub fn wait(&mut self, timeout: Duration) -> Result<Wait, Error> {
        match self {
            Self::File(file) => file.wait(timeout),
            #[cfg(feature = "live")]
            Self::Live(live) => live.wait(timeout),
        }
    }

    /// The interfaces described so far; a frame's `interface` is an index into them.
    pub fn interfaces(&self) -> &[Interface] {
        match self {
            Self::File(file) => file.interfaces(),
            #[cfg(feature = "live")]
            Self::Live(live) => live.interfaces(),
        }
    }

    /// Bytes read so far of the file as it lies on the disk, and how many it has, where that is known.
    pub fn progress(&self) -> (u64, Option<u64>) {
        match self {
            Self::File(file) => file.progress(),
            #[cfg(feature = "live")]
            Self::Live(_) => (0, None),
        }
    }

    /// Whether all frames, also those to come, are of one interface, and so of one link type.
    pub fn has_one_interface(&self) -> bool {
        match self {
            Self::File(file) => file.has_one_interface(),
            #[cfg(feature = "live")]
            Self::Live(live) => live.interfaces().len() == 1,
        }
    }

    fn identity(&self) -> Option<Identity> {
        match self {
            Self::File(file) => file.identity(),
            #[cfg(feature = "live")]
            Self::Live(_) => None,
        }
    }
}

/// The clock's time, which is that of live frames.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_secs_nanos(i64::try_from(since.as_secs()).unwrap_or(i64::MAX), since.subsec_nanos().into())
}

/// Which file of the system something is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    #[cfg(unix)]
    fn of(metadata: &std::fs::Metadata) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        Some(Self { device: metadata.dev(), inode: metadata.ino() })
    }

    #[cfg(not(unix))]
    fn of(_: &std::fs::Metadata) -> Option<Self> {
        None
    }
}
