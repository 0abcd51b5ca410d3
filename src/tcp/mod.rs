//! TCP: sequence arithmetic, reassembly of one direction, analysis flags.

pub mod analysis;
pub mod fields;
mod flight;
pub mod options;
pub mod reassembly;
pub mod rtt;
pub mod seq;
mod unacked;
pub mod verdict;

use crate::frame::{FrameMeta, FrameNumber, LinkType, Timestamp};
use crate::issue::Flags;

pub use options::{Options, Sack};
pub use seq::Seq;
use verdict::Verdict;

/// Control bits (RFC 9293 3.1).
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Control(pub u16);

impl Control {
    /// No more data from the sender.
    pub const FIN: u16 = 0x01;
    /// Synchronize sequence numbers.
    pub const SYN: u16 = 0x02;
    /// Reset the connection.
    pub const RST: u16 = 0x04;
    /// Push function.
    pub const PSH: u16 = 0x08;
    /// The acknowledgment number is significant.
    pub const ACK: u16 = 0x10;

    /// Whether any of `bits` is set.
    pub const fn any(self, bits: u16) -> bool {
        self.0 & bits != 0
    }
}

/// One TCP segment in a frame.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// The frame that carried it.
    pub frame: FrameNumber,
    /// When that frame was captured.
    pub time: Timestamp,
    /// Sequence number of the first byte (or of SYN).
    pub seq: Seq,
    /// Acknowledgment number.
    pub ack: Seq,
    /// Control bits.
    pub control: Control,
    /// Window, not scaled.
    pub window: u16,
    /// Options.
    pub options: &'a Options,
    /// Payload as captured.
    pub payload: &'a [u8],
    /// Bytes of payload that were sent and not captured; they follow `payload`.
    pub missing: u32,
}

impl Segment<'_> {
    /// Length of the payload as sent, in bytes.
    pub fn len(&self) -> u32 {
        self.payload.len() as u32 + self.missing
    }

    /// Whether it carries no payload.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Provenance of a run of bytes: the segment that carried them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SegmentRef {
    /// The frame.
    pub frame: FrameNumber,
    /// When that frame was captured.
    pub time: Timestamp,
    /// Where the run begins in the stream of its direction.
    pub offset: u64,
    /// Length of the run in bytes.
    pub len: u32,
    /// Flags of the frame.
    pub flags: Flags,
    /// How much of the peer's stream the segment acknowledges, as an offset in that stream; 0 where it does not tell.
    pub acked: u64,
}

impl SegmentRef {
    /// The part of the run from one offset to another.
    pub(crate) fn part(self, from: u64, to: u64) -> Self {
        Self { offset: from, len: (to - from) as u32, ..self }
    }
}

/// The headers through which a segment came, and what the analysis said of it: enough to show them later.
#[derive(Clone, Copy, Debug)]
pub struct Carrier<'a> {
    /// The frame.
    pub meta: FrameMeta,
    /// Its captured length.
    pub cap_len: u32,
    /// The bytes of the frame before the TCP payload; where the datagram was put together from fragments, before the
    /// IP payload.
    pub headers: &'a [u8],
    /// The headers of what was put together from fragments, one datagram after the other.
    pub resumed: &'a [u8],
    /// What the analysis said.
    pub verdict: Verdict,
}

impl Carrier<'_> {
    /// A copy that can be kept.
    pub fn to_owned(&self) -> OwnedCarrier {
        let mut owned = OwnedCarrier::default();
        owned.set(self);
        owned
    }
}

/// A [`Carrier`] that is kept.
#[derive(Debug)]
pub struct OwnedCarrier {
    meta: FrameMeta,
    cap_len: u32,
    bytes: Vec<u8>,
    split: usize,
    verdict: Verdict,
}

impl Default for OwnedCarrier {
    fn default() -> Self {
        let meta = FrameMeta {
            number: 0,
            time: Timestamp(0),
            wire_len: 0,
            link: LinkType::ETHERNET,
            interface: 0,
            interface_id: None,
        };
        Self { meta, cap_len: 0, bytes: Vec::new(), split: 0, verdict: Verdict::default() }
    }
}

impl Clone for OwnedCarrier {
    fn clone(&self) -> Self {
        self.get().to_owned()
    }

    fn clone_from(&mut self, other: &Self) {
        self.set(&other.get());
    }
}

impl OwnedCarrier {
    /// Becomes a copy of `carrier`, in the storage that is there.
    pub fn set(&mut self, carrier: &Carrier<'_>) {
        self.meta = carrier.meta;
        self.cap_len = carrier.cap_len;
        self.bytes.clear();
        self.bytes.extend_from_slice(carrier.headers);
        self.split = self.bytes.len();
        self.bytes.extend_from_slice(carrier.resumed);
        self.verdict = carrier.verdict;
    }

    /// As borrowed.
    pub fn get(&self) -> Carrier<'_> {
        let (headers, resumed) = self.bytes.split_at(self.split.min(self.bytes.len()));
        Carrier { meta: self.meta, cap_len: self.cap_len, headers, resumed, verdict: self.verdict }
    }
}
