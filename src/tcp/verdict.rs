//! What the analysis says of one segment.

use super::Seq;
use crate::frame::FrameNumber;
use crate::issue::{Flags, Issue};

/// What is said of one segment. Sequence numbers are relative to the base of their direction: its initial sequence
/// number, or one before its first where the SYN was not captured.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// The `tcp.analysis` flags.
    pub flags: Flags,
    /// Relative sequence number.
    pub seq: u32,
    /// Relative number of what follows the segment.
    pub next_seq: u32,
    /// Relative acknowledgment number; as sent where the segment has no ACK.
    pub ack: u32,
    /// What the acknowledgment number and the edges of SACK blocks are counted from.
    pub ack_base: Seq,
    /// Window in bytes, scaled where the scale is known.
    pub window_size: u32,
    /// What the window was multiplied with, -1 not known, -2 no scaling; none for a SYN.
    pub window_scale: Option<i32>,
    /// Which duplicate of an ACK it is, from 1; 0 if none.
    pub duplicate_ack_num: u32,
    /// The frame of which it is a duplicate ACK, 0 if none.
    pub duplicate_ack_frame: FrameNumber,
    /// Nanoseconds from the SYN to the first ACK without SYN; 0 is not known.
    pub initial_rtt: i64,
    /// What the connection had before this segment, as bits: 1 SYN, 2 SYN/ACK, 4 ACK, 8 data, 16 FIN, 32 RST.
    pub completeness: u8,
    /// Bytes sent and not acknowledged, this segment's included, 0 where that is not known. This and what follows is
    /// there only where details are kept.
    pub bytes_in_flight: u32,
    /// Bytes sent since the last segment with PSH, this one's included.
    pub push_bytes_sent: u32,
    /// The frame whose end it acknowledges, 0 if none, and the time in nanoseconds since then.
    pub acks_frame: FrameNumber,
    /// See `acks_frame`.
    pub ack_rtt: i64,
    /// For a retransmission: the frame with the highest sequence number so far, and the time in nanoseconds since then.
    pub rto_frame: FrameNumber,
    /// See `rto_frame`.
    pub rto: i64,
    /// Wireshark looked closer at it, whether it then had something to show or not.
    pub(super) noted: bool,
}

impl Verdict {
    /// Whether it is a retransmission that is neither fast nor spurious.
    pub(super) fn timed_out(&self) -> bool {
        self.flags.contains(Issue::Retransmission)
            && !self.flags.contains(Issue::FastRetransmission)
            && !self.flags.contains(Issue::SpuriousRetransmission)
    }

    /// The same with its numbers and its window alone: Wireshark has no more to say of a header that is cut.
    pub(super) fn without_analysis(self) -> Self {
        let Self { seq, next_seq, ack, ack_base, window_size, window_scale, completeness, initial_rtt, .. } = self;
        let numbers = Self { seq, next_seq, ack, ack_base, ..Self::default() };
        Self { window_size, window_scale, completeness, initial_rtt, ..numbers }
    }

    /// Whether there is more to say than for any segment; Wireshark shows the initial round-trip time only then.
    pub fn has_analysis(&self) -> bool {
        !self.flags.is_empty() || self.noted || self.acks_frame != 0
    }
}
