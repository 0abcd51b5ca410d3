//! What one direction has in flight: bytes, round-trip times, retransmission timeouts.

use super::analysis::{occupied, relative};
use super::unacked::Unacked;
use super::verdict::Verdict;
use super::{Control, Sack, Segment, Seq};
use crate::frame::{FrameNumber, Timestamp};
use crate::issue::Issue;

/// What one direction has sent.
#[derive(Debug, Default)]
pub(super) struct Flight {
    unacked: Unacked,
    /// The selective acknowledgments in its last segment.
    pub(super) sack: Sack,
    /// Frame and time of the segment that went furthest.
    pub(super) next_seq_sent: (FrameNumber, Timestamp),
    /// Bytes since the last segment with PSH.
    since_push: u32,
    /// Whether the last segment with data had PSH.
    pushed: bool,
    /// Bytes of it are missing and nothing was acknowledged since, so that none can be said to be in flight.
    lost: bool,
}

impl Flight {
    /// Fills in the verdict on the next segment; `base` is what its relative numbers are counted from.
    pub(super) fn describe(&mut self, rev: &mut Self, base: Seq, segment: &Segment<'_>, verdict: &mut Verdict) {
        let len = segment.len();
        let flags = verdict.flags;
        if verdict.timed_out() {
            let (frame, time) = self.unacked.oldest().unwrap_or(self.next_seq_sent);
            verdict.rto_frame = frame;
            verdict.rto = segment.time.since(time);
        }
        if occupied(segment) > 0 {
            self.unacked.push(segment.seq, occupied(segment), segment.frame, segment.time);
        }
        if let Some((frame, time)) = rev.unacked.acknowledge(segment.ack) {
            verdict.acks_frame = frame;
            verdict.ack_rtt = segment.time.since(time);
        }
        self.lost |= flags.contains(Issue::LostSegment);
        if segment.control.any(Control::ACK) {
            rev.lost = false;
        }
        self.sack = segment.options.sack;
        if len > 0 && !self.lost {
            if std::mem::replace(&mut self.pushed, segment.control.any(Control::PSH)) {
                self.since_push = 0;
            }
            self.since_push = self.since_push.saturating_add(len);
            verdict.noted = true;
            verdict.bytes_in_flight = self.in_flight(rev, base, segment);
            if verdict.bytes_in_flight > 0 {
                verdict.push_bytes_sent = self.since_push;
            }
        }
    }

    /// What was sent and is not acknowledged.
    pub(super) fn unacked(&self) -> &Unacked {
        &self.unacked
    }

    /// Bytes between the lowest and the highest that is not acknowledged, without those that the peer's last segment
    /// acknowledges selectively, and without the number that SYN or FIN takes. The lowest and the highest are those of
    /// the relative numbers, as in Wireshark, also where they wrap; what comes to nothing or to an absurd number is
    /// not known.
    fn in_flight(&self, rev: &Self, base: Seq, segment: &Segment<'_>) -> u32 {
        let (first, last) = self.unacked.span(base);
        let own = occupied(segment).wrapping_sub(segment.len());
        let held = |bytes: u32, &(left, right): &(Seq, Seq)| bytes.wrapping_sub(right.since(left) as u32);
        let bytes = rev.sack.blocks().iter().fold(relative(last, first).wrapping_sub(own), held);
        if bytes < ABSURD { bytes } else { 0 }
    }
}

/// No connection has as much in flight.
const ABSURD: u32 = 2_000_000_000;
