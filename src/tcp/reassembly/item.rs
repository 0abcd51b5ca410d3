//! What a stream hands on: bytes, gaps, copies, its end.

use super::Memory;
use crate::frame::FrameNumber;
use crate::tcp::{Carrier, SegmentRef};

/// Why bytes are not there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// No frame that carried them was captured.
    Gap,
    /// The frame that carried them was captured shorter than sent.
    Truncated,
}

impl Cause {
    /// The word for it in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gap => "gap",
            Self::Truncated => "truncated",
        }
    }
}

/// How a stream ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// FIN from its sender.
    Fin,
    /// RST from either side.
    Rst,
    /// The capture ended, or the connection was forgotten, first.
    Capture,
}

/// What comparing a copy with the bytes had before came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Compared {
    /// The same bytes.
    Equal,
    /// The bytes had before are not at hand.
    Not,
    /// Other bytes; which of the two the checksums show to be the damaged one, if they do.
    Conflict(Option<Damaged>),
}

/// Which of two copies is damaged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Damaged {
    /// The one that stands.
    Other,
    /// The one that is told as a copy.
    This,
}

impl Damaged {
    /// The one whose checksum does not fit, where the other's does.
    pub(super) fn of(other: Option<bool>, this: Option<bool>) -> Option<Self> {
        match (other, this) {
            (Some(false), Some(true)) => Some(Self::Other),
            (Some(true), Some(false)) => Some(Self::This),
            _ => None,
        }
    }
}

/// What a protocol parser is fed.
#[derive(Clone, Copy, Debug)]
pub enum Item<'a> {
    /// The next bytes in order.
    Data(SegmentRef, &'a [u8], &'a Carrier<'a>),
    /// The next bytes are not there.
    Gap {
        /// Where they begin.
        offset: u64,
        /// How many they are.
        len: u64,
        /// Why.
        cause: Cause,
        /// Whether they were given up because a bound on queued bytes was reached.
        forced: bool,
    },
    /// A copy of bytes that were handed on before, or right before this.
    Copy(SegmentRef, Compared),
    /// Bytes of a gap that was handed on as such.
    Late(SegmentRef),
    /// Bytes before the first one handed on of a stream joined midway.
    Before(SegmentRef),
    /// Bytes outside any window that the connection had, or after its end.
    Outside(SegmentRef),
    /// The stream ended.
    End {
        /// How.
        by: End,
        /// The frame of the FIN or RST; 0 where there is none.
        frame: FrameNumber,
    },
}

/// Where what a stream hands on goes, and what is remembered of it.
pub trait Outlet {
    /// Takes what comes next.
    fn item(&mut self, item: Item<'_>);

    /// The memory that all streams share.
    fn memory(&mut self) -> &mut Memory;
}
