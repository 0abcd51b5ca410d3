//! Segments of one direction that are not acknowledged yet, for round-trip times and bytes in flight.

use std::collections::{BTreeSet, VecDeque};

use super::Seq;
use crate::frame::{FrameNumber, Timestamp};

/// The most segments that are kept for one direction, as in Wireshark; a capture of one direction alone reaches it.
pub const MAX_UNACKED: usize = 10_000;

/// Offset in the unwrapped sequence space, from where the list was begun.
type Offset = i64;

/// A segment that was sent and not yet acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Sent {
    end: Offset,
    frame: FrameNumber,
    start: Offset,
    time: Timestamp,
}

/// The unacknowledged segments of one direction.
///
/// Those that came in order stand in a queue, sorted by start and end alike, so that a segment costs one push and one
/// pop; copies and segments out of order stand in sorted sets.
#[derive(Debug, Default)]
pub(super) struct Unacked {
    in_order: VecDeque<Sent>,
    by_end: BTreeSet<Sent>,
    /// The start of each of these and its end; those whose beginning is acknowledged up to the same offset are one.
    by_start: BTreeSet<(Offset, Offset)>,
    by_frame: BTreeSet<(FrameNumber, Timestamp)>,
    /// A recent sequence number and its offset.
    anchor: (Seq, Offset),
}

impl Unacked {
    /// Takes a segment that occupies `len` > 0 numbers from `seq` on; where the list is full, it is left out.
    pub(super) fn push(&mut self, seq: Seq, len: u32, frame: FrameNumber, time: Timestamp) {
        if self.len() >= MAX_UNACKED {
            return;
        }
        if self.len() == 0 {
            self.anchor = (seq, 0);
        }
        let start = self.offset(seq);
        let sent = Sent { end: start + i64::from(len), frame, start, time };
        if self.in_order.back().is_none_or(|last| last.end <= start) {
            self.anchor = (seq, start);
            self.in_order.push_back(sent);
        } else {
            self.by_start.insert((sent.start, sent.end));
            self.by_end.insert(sent);
            self.by_frame.insert((frame, time));
        }
    }

    /// Drops what `ack` covers; gives frame and time of the oldest segment that ends just there.
    pub(super) fn acknowledge(&mut self, ack: Seq) -> Option<(FrameNumber, Timestamp)> {
        if self.len() == 0 {
            return None;
        }
        let ack = self.offset(ack);
        let mut acked: Option<Sent> = None;
        let mut covered = |sent: Sent| {
            if sent.end == ack && acked.is_none_or(|other| sent.frame < other.frame) {
                acked = Some(sent);
            }
        };
        while let Some(&sent) = self.in_order.front().filter(|sent| sent.end <= ack) {
            self.in_order.pop_front();
            covered(sent);
        }
        while let Some(&sent) = self.by_end.first().filter(|sent| sent.end <= ack) {
            self.by_end.pop_first();
            self.by_frame.remove(&(sent.frame, sent.time));
            covered(sent);
        }
        self.trim(ack);
        acked.map(|sent| (sent.frame, sent.time))
    }

    /// Lets what is left begin no earlier than `ack`.
    fn trim(&mut self, ack: Offset) {
        if let Some(first) = self.in_order.front_mut() {
            first.start = first.start.max(ack);
        }
        let mut last = ack;
        while let Some(&(_, end)) = self.by_start.first().filter(|&&(start, _)| start < ack) {
            self.by_start.pop_first();
            last = last.max(end);
        }
        if last > ack {
            self.by_start.insert((ack, last));
        }
    }

    /// The lowest number that is not acknowledged, and the highest after a segment, as counted from `base`.
    pub(super) fn span(&self, base: Seq) -> (Seq, Seq) {
        let start = self.first_start(Offset::MIN).unwrap_or(self.anchor.1);
        let end = self.last_end(Offset::MAX).unwrap_or(start);
        // Where counting starts anew between them, the lowest comes after it, and the highest before.
        let whole = 1 << 32;
        let anew = self.offset(base) + ((end - self.offset(base)).div_euclid(whole)) * whole;
        let (mut first, mut last) = (start, end);
        if start < anew {
            first = self.first_start(anew).unwrap_or(start);
            last = self.last_end(anew - 1).unwrap_or(end);
        }
        (self.seq(first), self.seq(last))
    }

    /// The least start that is not below `from`.
    fn first_start(&self, from: Offset) -> Option<Offset> {
        let at = self.in_order.partition_point(|sent| sent.start < from);
        let starts = [
            self.in_order.get(at).map(|sent| sent.start),
            self.by_start.range((from, Offset::MIN)..).next().map(|&(start, _)| start),
        ];
        starts.into_iter().flatten().min()
    }

    /// The greatest end that is not above `to`.
    fn last_end(&self, to: Offset) -> Option<Offset> {
        let beyond = Sent { end: to, frame: FrameNumber::MAX, start: Offset::MAX, time: Timestamp(i64::MAX) };
        let at = self.in_order.partition_point(|sent| sent.end <= to).checked_sub(1);
        let ends = [
            at.and_then(|at| self.in_order.get(at)).map(|sent| sent.end),
            self.by_end.range(..=beyond).next_back().map(|sent| sent.end),
        ];
        ends.into_iter().flatten().max()
    }

    /// The segment among them that was captured first.
    pub(super) fn oldest(&self) -> Option<(FrameNumber, Timestamp)> {
        let first = self.in_order.front().map(|sent| (sent.frame, sent.time));
        first.into_iter().chain(self.by_frame.first().copied()).min()
    }

    /// Each of them: the first number, the one after the last, frame and time.
    pub(super) fn segments(&self) -> impl Iterator<Item = (Seq, Seq, FrameNumber, Timestamp)> {
        let all = self.in_order.iter().chain(&self.by_end);
        all.map(|sent| (self.seq(sent.start), self.seq(sent.end), sent.frame, sent.time))
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.in_order.len() + self.by_end.len()
    }

    fn offset(&self, seq: Seq) -> Offset {
        self.anchor.1.saturating_add(i64::from(seq.since(self.anchor.0)))
    }

    fn seq(&self, offset: Offset) -> Seq {
        self.anchor.0.plus(offset.wrapping_sub(self.anchor.1) as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(segments: &[(u32, u32)]) -> Unacked {
        let mut unacked = Unacked::default();
        for (&(seq, len), frame) in segments.iter().zip(1..) {
            unacked.push(Seq(seq), len, frame, Timestamp(frame as i64));
        }
        unacked
    }

    #[test]
    fn the_oldest_of_several_copies_is_the_one_acknowledged() {
        let mut unacked = list(&[(100, 10), (110, 10), (100, 10), (110, 10)]);
        assert_eq!(unacked.acknowledge(Seq(120)), Some((2, Timestamp(2))));
        assert_eq!((unacked.len(), unacked.acknowledge(Seq(120))), (0, None));
    }

    #[test]
    fn an_ack_within_a_segment_names_none_and_cuts_it() {
        let mut unacked = list(&[(100, 10), (110, 10), (95, 20)]);
        assert_eq!(unacked.span(Seq(0)), (Seq(95), Seq(120)));
        assert_eq!(unacked.acknowledge(Seq(112)), None);
        assert_eq!((unacked.span(Seq(0)), unacked.oldest()), ((Seq(112), Seq(120)), Some((2, Timestamp(2)))));
        assert_eq!(unacked.acknowledge(Seq(115)), Some((3, Timestamp(3))));
        assert_eq!((unacked.span(Seq(0)), unacked.len()), ((Seq(115), Seq(120)), 1));
    }

    #[test]
    fn what_an_ack_cut_stays_cut_where_a_lower_one_follows() {
        let mut unacked = list(&[(100, 30), (130, 10), (90, 40)]);
        unacked.acknowledge(Seq(120));
        unacked.push(Seq(80), 10, 4, Timestamp(4));
        unacked.push(Seq(85), 7, 5, Timestamp(5));
        unacked.acknowledge(Seq(86));
        assert_eq!(unacked.span(Seq(0)), (Seq(86), Seq(140)));
        unacked.acknowledge(Seq(95));
        assert_eq!((unacked.span(Seq(0)), unacked.len()), ((Seq(120), Seq(140)), 3));
    }

    #[test]
    fn lowest_and_highest_are_counted_from_the_base_also_where_that_is_among_them() {
        let unacked = list(&[(100, 10), (110, 10), (95, 20)]);
        assert_eq!(unacked.span(Seq(95)), (Seq(95), Seq(120)));
        assert_eq!(unacked.span(Seq(96)), (Seq(100), Seq(120)));
        assert_eq!(unacked.span(Seq(112)), (Seq(95), Seq(110)));
        assert_eq!(unacked.span(Seq(120)), (Seq(95), Seq(115)));
        assert_eq!(unacked.span(Seq(121)), (Seq(95), Seq(120)));
    }

    #[test]
    fn a_full_list_takes_no_more() {
        let mut unacked = Unacked::default();
        for frame in 0..MAX_UNACKED as u64 + 5 {
            unacked.push(Seq(frame as u32 * 10), 10, frame, Timestamp(0));
        }
        assert_eq!((unacked.len(), unacked.span(Seq(0)).1), (MAX_UNACKED, Seq(MAX_UNACKED as u32 * 10)));
    }
}
