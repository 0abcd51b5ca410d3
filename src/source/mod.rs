//! Where frames come from and go to: capture files, standard input, live interfaces, BPF filters, capture files written.

mod bpf;
mod buffer;
mod compress;
mod error;
mod file;
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

use std::time::Duration;

use arrayvec::ArrayVec;

pub use bpf::Filter;
pub use error::{Error, Kind, Name};
pub use file::CaptureFile;
pub use growing::Growing;
pub use interface::{Counts, Interface, Resolution};
#[cfg(feature = "live")]
pub use live::{Device, Live, Options, Stats, devices};
pub use pcap::MAX_CAPTURED as MAX_SNAPLEN;
pub use rotate::Rotation;
pub use write::Writer;

use crate::frame::Frame;

/// What the run loop pulls frames from.
///
/// It takes frames by [`Self::next_frame`] until there is none, then asks [`Self::wait`], and begins again unless that says
/// that the end is reached.
pub enum Source {
    /// A capture file, or a stream of one.
    File(Box<CaptureFile>),
    /// Live interfaces.
    #[cfg(feature = "live")]
    Live(Live),
}

/// Frames that were there at once.
pub type Batch<'a> = ArrayVec<Frame<'a>, BATCH>;

/// The most frames of a batch: enough for memory to be fetched while others are looked at.
pub const BATCH: usize = 64;

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
    /// The next frame, borrowed until the next call, or none where none is there at the moment.
    ///
    /// Reading a file or a stream, it blocks until a whole frame is there; none is then the end.
    #[inline]
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, Error> {
        Ok(self.next_described()?.map(|(frame, _)| frame))
    }

    /// The same, with the interfaces described so far, among which is the frame's.
    #[inline]
    pub fn next_described(&mut self) -> Result<Option<(Frame<'_>, &[Interface])>, Error> {
        match self {
            Self::File(file) => file.next_described(),
            #[cfg(feature = "live")]
            Self::Live(live) => live.next_described(),
        }
    }

    /// The next frames, as many as are there without waiting for more than one, with the interfaces described so far;
    /// none where no frame is there at the moment.
    pub fn next_batch(&mut self) -> Result<(Batch<'_>, &[Interface]), Error> {
        match self {
            Self::File(file) => file.next_batch(),
            #[cfg(feature = "live")]
            Self::Live(live) => {
                let next = live.next_described()?;
                Ok(next.map_or_else(Default::default, |(frame, interfaces)| (Batch::from_iter([frame]), interfaces)))
            }
        }
    }

    /// Whether [`Self::next_frame`] may have to wait for whoever writes the capture.
    #[inline]
    pub fn may_block(&self) -> bool {
        match self {
            Self::File(file) => file.may_block(),
            #[cfg(feature = "live")]
            Self::Live(_) => false,
        }
    }

    /// Waits for frames after [`Self::next_frame`] had none, at most for `timeout`.
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
