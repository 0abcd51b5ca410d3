//! Which message a byte of a direction is of: the frames of many streams take turns, so that no message is in one piece.

use std::collections::{BTreeMap, VecDeque};

use crate::app::message::{Kind, Message, Update};
use crate::issue::IssueSet;
use crate::tcp::SegmentRef;

/// Pieces that are remembered of a direction: some megabytes of DATA, or the frames of some hundred small messages.
const MAX_PIECES: usize = 1024;

/// Messages that were given out and are remembered.
const MAX_PAST: usize = 256;

/// Where the latest messages of a direction are.
#[derive(Default)]
pub struct Places {
    /// In the order of the stream.
    pieces: VecDeque<Piece>,
    /// Those that were given out.
    past: BTreeMap<u32, Past>,
}

#[derive(Clone, Copy)]
struct Piece {
    from: u64,
    to: u64,
    number: u32,
}

struct Past {
    start: u64,
    kind: Kind,
    issues: IssueSet,
}

impl Places {
    /// The bytes from one offset to another are of the message of this number.
    pub fn add(&mut self, number: u32, from: u64, to: u64) {
        if let Some(last) = self.pieces.back_mut().filter(|last| last.number == number && last.to == from) {
            last.to = to;
            return;
        }
        if self.pieces.len() == MAX_PIECES {
            self.pieces.pop_front();
        }
        self.pieces.push_back(Piece { from, to, number });
    }

    /// The messages of which a segment has bytes, each with its part of that; one for each piece.
    pub fn of(&self, segment: SegmentRef) -> Vec<(u32, SegmentRef)> {
        let end = segment.offset + u64::from(segment.len);
        let first = self.pieces.partition_point(|piece| piece.to <= segment.offset);
        let met = self.pieces.range(first..).take_while(|piece| piece.from < end);
        met.map(|piece| (piece.number, segment.part(piece.from.max(segment.offset), piece.to.min(end)))).collect()
    }

    /// Takes note of a message that is given out.
    pub fn ended(&mut self, message: &Message) {
        if self.past.len() == MAX_PAST {
            self.past.pop_first();
        }
        self.past.insert(message.number, Past { start: message.start, kind: message.kind, issues: message.issues });
    }

    /// What a segment tells of a message that was given out, if it is known yet.
    pub fn learn(&mut self, at: usize, number: u32, segment: SegmentRef, issues: IssueSet) -> Option<Update> {
        let past = self.past.get_mut(&number)?;
        let fresh = issues.without(past.issues);
        past.issues = past.issues.union(issues);
        Some(Update { number, side: at, kind: past.kind, start: past.start, issues: fresh, segment: Some(segment) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Timestamp;
    use crate::issue::{Flags, Issue};

    fn segment(offset: u64, len: u32) -> SegmentRef {
        SegmentRef { frame: 9, time: Timestamp(0), offset, len, flags: Flags::EMPTY, acked: 0 }
    }

    #[test]
    fn a_segment_with_frames_of_two_streams_is_of_both_messages() {
        let mut places = Places::default();
        for (number, from, to) in [(1, 0, 10), (1, 10, 20), (2, 20, 50), (1, 50, 60), (3, 60, 90)] {
            places.add(number, from, to);
        }
        let met: Vec<_> = places.of(segment(15, 40)).iter().map(|(n, s)| (*n, s.offset, s.len)).collect();
        assert_eq!(met, [(1, 15, 5), (2, 20, 30), (1, 50, 5)]);
        assert!(places.of(segment(90, 10)).is_empty());
    }

    #[test]
    fn an_issue_is_told_once() {
        let mut places = Places::default();
        let late: IssueSet = [Issue::LateData].into_iter().collect();
        places.ended(&Message { number: 4, start: 100, ..Message::default() });
        let told = |update: Option<Update>| update.map(|update| update.issues);
        assert_eq!(told(places.learn(0, 4, segment(120, 1), late)), Some(late));
        assert_eq!(told(places.learn(0, 4, segment(120, 1), late)), Some(IssueSet::EMPTY));
        assert_eq!(told(places.learn(0, 5, segment(120, 1), late)), None);
    }
}
