//! Where a message stood still: bytes that came late or were sent again, while others behind them had come already.

use std::collections::BTreeMap;

use crate::app::message::Segments;
use crate::frame::{FrameNumber, Timestamp};
use crate::issue::{Issue, IssueSet};
use crate::tcp::SegmentRef;

/// Stalls kept of a message.
const MAX_STALLS: usize = 32;

/// A time in which bytes were waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stall {
    /// When bytes behind them came, or they themselves for the first time.
    pub from: Timestamp,
    /// When they came.
    pub to: Timestamp,
    /// The frame that brought them.
    pub frame: FrameNumber,
    /// How many.
    pub bytes: u32,
    /// Whether they had been captured before: what was lost was lost further on.
    pub again: bool,
}

/// Whether a segment with these flags was sent again.
pub fn is_sent_again(flags: IssueSet) -> bool {
    const AGAIN: [Issue; 3] = [Issue::Retransmission, Issue::FastRetransmission, Issue::SpuriousRetransmission];
    AGAIN.iter().any(|flag| flags.contains(*flag))
}

/// The stalls of a message, the number of its segments that were sent again, and when its last byte came.
pub fn of(segments: &Segments) -> (Vec<Stall>, u32, Timestamp) {
    let (mut stalls, mut again, mut last) = (Vec::new(), 0, Timestamp(i64::MIN));
    // How far the stream had come at which time, each further than the one before; and what of it.
    let mut reached: Vec<(u64, Timestamp)> = Vec::new();
    let mut had: BTreeMap<u64, u64> = BTreeMap::new();
    for segment in segments.kept() {
        let SegmentRef { offset, len, time, frame, flags, .. } = segment;
        let (end, flags) = (offset + u64::from(len), flags.issues());
        again += u32::from(is_sent_again(flags));
        let copy = had.range(..=offset).next_back().is_some_and(|(_, end)| *end > offset);
        let suspect = is_sent_again(flags) || flags.contains(Issue::OutOfOrder);
        let behind = reached.partition_point(|(reached, _)| *reached <= offset);
        if let Some((_, from)) = reached.get(behind).filter(|_| suspect)
            && stalls.len() < MAX_STALLS
        {
            stalls.push(Stall { from: *from, to: time, frame, bytes: len, again: copy });
        }
        if !copy {
            last = last.max(time);
        }
        had.insert(offset, end);
        if reached.last().is_none_or(|(reached, _)| *reached < end) {
            reached.push((end, time));
        }
    }
    (stalls, again, last)
}

/// Nanoseconds in which there was some stall.
pub fn total(stalls: &[Stall]) -> i64 {
    let mut spans: Vec<_> = stalls.iter().map(|stall| (stall.from.0, stall.to.0)).collect();
    spans.sort_unstable();
    let (mut total, mut until) = (0, i64::MIN);
    for (from, to) in spans {
        total += to.saturating_sub(from.max(until)).max(0);
        until = until.max(to);
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issue::Flags;

    fn segments(of: &[(u64, u32, i64, Option<Issue>)]) -> Segments {
        let mut segments = Segments::default();
        for (n, &(offset, len, time, flag)) in of.iter().enumerate() {
            let mut flags = Flags::EMPTY;
            flag.into_iter().for_each(|flag| flags.insert(flag));
            segments.add(&SegmentRef { frame: n as u64 + 1, time: Timestamp(time), offset, len, flags, acked: 0 });
        }
        segments
    }

    #[test]
    fn a_hole_stalls_from_what_came_behind_it_until_it_is_filled() {
        let (stalls, again, last) = of(&segments(&[
            (0, 100, 0, None),
            (200, 100, 10, Some(Issue::LostSegment)),
            (300, 100, 11, None),
            (100, 100, 50, Some(Issue::FastRetransmission)),
        ]));
        let stall = Stall { from: Timestamp(10), to: Timestamp(50), frame: 4, bytes: 100, again: false };
        assert_eq!((&stalls[..], again, last), (&[stall][..], 1, Timestamp(50)));
        assert_eq!(total(&stalls), 40);
    }

    #[test]
    fn a_copy_stalls_since_the_first_and_does_not_end_the_message() {
        let (stalls, _, last) =
            of(&segments(&[(0, 100, 0, None), (100, 50, 5, None), (0, 100, 300, Some(Issue::Retransmission))]));
        assert_eq!(stalls, [Stall { from: Timestamp(0), to: Timestamp(300), frame: 3, bytes: 100, again: true }]);
        assert_eq!(last, Timestamp(5));
    }

    #[test]
    fn stalls_that_overlap_count_once() {
        let stall = |from, to| Stall { from: Timestamp(from), to: Timestamp(to), frame: 1, bytes: 1, again: false };
        assert_eq!(total(&[stall(0, 10), stall(5, 12), stall(20, 30)]), 22);
    }
}
