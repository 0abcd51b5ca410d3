//! The rules of the flags: what a segment is, given what came before it in both directions.

use super::{Analysis, Half, Last, Scale, occupied, pair};
use crate::frame::Timestamp;
use crate::issue::{Flags, Issue};
use crate::tcp::verdict::Verdict;
use crate::tcp::{Control, Segment, Seq};

/// A retransmission this soon after the second duplicate ACK is a fast one.
pub(super) const FAST_RETRANSMISSION: u64 = 20_000_000;
/// How long segments may be out of order on a connection whose initial round-trip time is not known.
const OUT_OF_ORDER: u64 = 3_000_000;

/// Is told of each rule that holds for a segment, with the state of the segment's direction and of the other that it
/// looked at.
pub(super) trait Observer {
    fn holds(&mut self, flag: Issue, fwd: &Half, rev: &Half);
}

/// Nobody asks.
impl Observer for () {
    #[inline]
    fn holds(&mut self, _: Issue, _: &Half, _: &Half) {}
}

/// The flags found, and who is told why.
pub(super) struct Found<'f, O> {
    pub flags: &'f mut Flags,
    pub observer: &'f mut O,
}

impl<O: Observer> Found<'_, O> {
    #[inline]
    pub fn insert(&mut self, flag: Issue, fwd: &Half, rev: &Half) {
        self.flags.insert(flag);
        self.observer.holds(flag, fwd, rev);
    }
}

impl Analysis {
    /// The rules of the flags, in Wireshark's order.
    pub(super) fn flag(
        &mut self,
        dir: usize,
        segment: &Segment<'_>,
        verdict: &mut Verdict,
        observer: &mut impl Observer,
    ) {
        let (initial_rtt, mptcp) = (self.initial_rtt(), self.mptcp);
        let (fwd, rev) = pair(&mut self.halves, dir);
        let found = &mut Found { flags: &mut verdict.flags, observer };
        fwd.flag_window(rev, segment, mptcp, found);
        if segment.ack != fwd.last_ack {
            fwd.duplicate_acks = 0;
            fwd.unseen_flagged = false;
            fwd.last_ack_frame = segment.frame;
        }
        if found.flags.contains(Issue::DuplicateAck) {
            verdict.duplicate_ack_num = fwd.duplicate_acks;
            verdict.duplicate_ack_frame = fwd.last_ack_frame;
        }
        verdict.noted |= rev.flag_unseen(fwd, segment, found);
        if occupied(segment) > 0 && !found.flags.contains(Issue::KeepAlive) {
            fwd.flag_copy(rev, segment, initial_rtt, found);
        }
    }
}

impl Half {
    /// Flags of windows, gaps and repeated ACKs.
    fn flag_window(&mut self, rev: &Self, segment: &Segment<'_>, mptcp: u8, found: &mut Found<'_, impl Observer>) {
        let len = segment.len();
        let setup = segment.control.any(Control::SYN | Control::FIN | Control::RST);
        let at_next = segment.seq == self.next_seq;
        if len == 1 && at_next && rev.window == Some(0) {
            found.insert(Issue::ZeroWindowProbe, self, rev);
            return;
        }
        if segment.window == 0 && !setup {
            found.insert(Issue::ZeroWindow, self, rev);
        }
        if self.next_seq != Seq(0) && segment.seq.after(self.next_seq) && !segment.control.any(Control::RST) {
            found.insert(Issue::LostSegment, self, rev);
        }
        if setup {
            return;
        }
        if len <= 1 && segment.seq.plus(1) == self.next_seq {
            found.insert(Issue::KeepAlive, self, rev);
        }
        let repeats = len == 0 && at_next && segment.ack == self.last_ack;
        if repeats && segment.window != 0 && Some(segment.window) != self.window {
            found.insert(Issue::WindowUpdate, self, rev);
        }
        if len > 0 && rev.scale != Scale::Unknown && segment.seq.plus(len) == rev.last_ack.plus(rev.scaled_window()) {
            found.insert(Issue::WindowFull, self, rev);
        }
        if !repeats || Some(segment.window) != self.window {
            return;
        }
        match (rev.last, segment.window) {
            (Last::KeepAlive, 1..) => found.insert(Issue::KeepAliveAck, self, rev),
            (Last::ZeroWindowProbe, 0) => found.insert(Issue::ZeroWindowProbeAck, self, rev),
            (_, 0) => {}
            // Where a kind of Multipath TCP option was new, the ACK may be its answer alone.
            _ if mptcp != self.mptcp => {}
            _ => {
                self.duplicate_acks = self.duplicate_acks.saturating_add(1);
                found.insert(Issue::DuplicateAck, self, rev);
            }
        }
    }

    /// Flags an ACK of what `self`, the direction that it acknowledges, was not seen to send. Whether it is one.
    fn flag_unseen(&mut self, fwd: &Self, segment: &Segment<'_>, found: &mut Found<'_, impl Observer>) -> bool {
        if self.contiguous == Seq(0) || !segment.ack.after(self.contiguous) || !segment.control.any(Control::ACK) {
            return false;
        }
        if self.contiguous.before(self.next_seq) {
            found.insert(Issue::AckLostSegment, fwd, self);
            self.contiguous = self.next_seq;
        } else {
            if !self.unseen_flagged && self.duplicate_acks == 0 {
                found.insert(Issue::AckLostSegment, fwd, self);
            }
            self.unseen_flagged = true;
            self.duplicate_acks = 0;
        }
        true
    }

    /// Flags copies and what comes late.
    fn flag_copy(&self, rev: &Self, segment: &Segment<'_>, initial_rtt: i64, found: &mut Found<'_, impl Observer>) {
        let len = segment.len();
        let next = segment.seq.plus(occupied(segment));
        if len > 0 && rev.last_ack != Seq(0) && !segment.seq.plus(len).after(rev.last_ack) {
            found.insert(Issue::SpuriousRetransmission, self, rev);
            found.insert(Issue::Retransmission, self, rev);
            return;
        }
        let after_probe = len > 1 && segment.seq.plus(1) == self.next_seq;
        if self.next_seq == Seq(0) || !segment.seq.before(self.next_seq) || after_probe {
            return;
        }
        if (rev.duplicate_acks >= 2 || rev.unseen_flagged && rev.duplicate_acks == 0)
            && rev.last_ack == segment.seq
            && elapsed(rev.last_ack_time, segment) < FAST_RETRANSMISSION
        {
            found.insert(Issue::FastRetransmission, self, rev);
            found.insert(Issue::Retransmission, self, rev);
        } else if elapsed(self.next_seq_time, segment) < threshold(initial_rtt) && self.next_seq != next {
            found.insert(Issue::OutOfOrder, self, rev);
        } else {
            found.insert(Issue::Retransmission, self, rev);
        }
    }
}

/// For how many nanoseconds segments may be out of order.
pub(super) const fn threshold(initial_rtt: i64) -> u64 {
    if initial_rtt == 0 { OUT_OF_ORDER } else { initial_rtt as u64 }
}

/// Nanoseconds from `then` to the segment; very many where the clock went back.
pub(super) fn elapsed(then: Timestamp, segment: &Segment<'_>) -> u64 {
    segment.time.since(then) as u64
}
