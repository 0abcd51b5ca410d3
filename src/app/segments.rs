//! The segments that carried a message, as many as are kept.

use crate::frame::FrameNumber;
use crate::tcp::SegmentRef;

/// Segments kept of a message, of each kind: flagged ones, the first, the last. A download of 10 GB has millions.
const KEPT_FLAGGED: usize = 256;
const KEPT_FIRST: usize = 64;
const KEPT_LAST: usize = 64;

/// The segments that carried a message: all of a short one; of a long one the flagged, the first and the last.
#[derive(Default, Debug)]
pub struct Segments {
    count: u64,
    first_frame: FrameNumber,
    last_frame: FrameNumber,
    flagged: Vec<SegmentRef>,
    first: Vec<SegmentRef>,
    last: Vec<SegmentRef>,
    /// Where in `last` the next one goes.
    oldest: usize,
}

impl Clone for Segments {
    fn clone(&self) -> Self {
        let mut copy = Self::default();
        copy.clone_from(self);
        copy
    }

    fn clone_from(&mut self, other: &Self) {
        let Self { count, first_frame, last_frame, flagged, first, last, oldest } = self;
        *count = other.count;
        *first_frame = other.first_frame;
        *last_frame = other.last_frame;
        flagged.clone_from(&other.flagged);
        first.clone_from(&other.first);
        last.clone_from(&other.last);
        *oldest = other.oldest;
    }
}

impl Segments {
    pub(super) fn clear(&mut self) {
        let Self { count, first_frame, last_frame, flagged, first, last, oldest } = self;
        *count = 0;
        *first_frame = 0;
        *last_frame = 0;
        flagged.clear();
        first.clear();
        last.clear();
        *oldest = 0;
    }

    /// Bytes of its storage.
    pub(super) fn storage(&self) -> usize {
        (self.flagged.capacity() + self.first.capacity() + self.last.capacity()) * size_of::<SegmentRef>()
    }

    /// Adds a run of bytes; one that goes on where the frame's last run ended is one with it.
    #[inline]
    pub fn add(&mut self, segment: &SegmentRef) {
        // Most runs are the first of their frame.
        if segment.frame > self.last_frame {
            self.last_frame = segment.frame;
            if self.count == 0 {
                self.first_frame = segment.frame;
            }
        } else if self.goes_on(segment) {
            return;
        } else {
            self.first_frame = self.first_frame.min(segment.frame);
        }
        self.count += 1;
        if self.first.len() < KEPT_FIRST {
            self.first.push(*segment);
        } else if !segment.flags.is_empty() && self.flagged.len() < KEPT_FLAGGED {
            self.flagged.push(*segment);
        } else if let Some(oldest) = self.last.get_mut(self.oldest) {
            *oldest = *segment;
            self.oldest = (self.oldest + 1) % KEPT_LAST;
        } else {
            self.last.push(*segment);
            self.oldest = self.last.len() % KEPT_LAST;
        }
    }

    /// Makes a run one with the last one, if it is of the same frame and goes on where that ended.
    fn goes_on(&mut self, segment: &SegmentRef) -> bool {
        let last = self
            .latest()
            .filter(|last| last.frame == segment.frame && last.offset + u64::from(last.len) == segment.offset);
        if let Some(last) = last {
            last.len += segment.len;
            return true;
        }
        false
    }

    fn latest(&mut self) -> Option<&mut SegmentRef> {
        if self.flagged.is_empty() && self.last.is_empty() {
            return self.first.last_mut();
        }
        let newest = (self.oldest + KEPT_LAST - 1) % KEPT_LAST;
        let lists = [self.flagged.last_mut(), self.first.last_mut(), self.last.get_mut(newest)];
        lists.into_iter().flatten().max_by_key(|segment| (segment.offset, segment.frame))
    }

    /// How many there are, kept or not.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The lowest frame number.
    pub fn first_frame(&self) -> FrameNumber {
        self.first_frame
    }

    /// The highest frame number.
    pub fn last_frame(&self) -> FrameNumber {
        self.last_frame
    }

    /// Those that are kept, by frame and offset.
    pub fn kept(&self) -> Vec<SegmentRef> {
        let mut all = [&self.first[..], &self.flagged, &self.last].concat();
        all.sort_by_key(|segment| (segment.frame, segment.offset));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Timestamp;
    use crate::issue::{Flags, Issue};

    fn run(frame: FrameNumber, offset: u64, len: u32) -> SegmentRef {
        SegmentRef { frame, time: Timestamp(0), offset, len, flags: Flags::EMPTY, acked: 0 }
    }

    #[test]
    fn the_first_and_the_last_segments_of_a_long_message_are_kept_and_the_flagged_ones() {
        let mut segments = Segments::default();
        for frame in 1..=1000 {
            let mut segment = run(frame, frame * 10, 10);
            if frame % 100 == 0 {
                segment.flags.insert(Issue::OutOfOrder);
            }
            segments.add(&segment);
        }
        let kept: Vec<_> = segments.kept().iter().map(|segment| segment.frame).collect();
        let flagged = (100..=1000).step_by(100);
        let last: Vec<_> = (1..1000).filter(|frame| frame % 100 != 0).rev().take(KEPT_LAST).collect();
        let mut want: Vec<_> = (1..=KEPT_FIRST as u64).chain(flagged).chain(last).collect();
        want.sort_unstable();
        assert_eq!(kept, want);
        assert_eq!((segments.count(), segments.first_frame(), segments.last_frame()), (1000, 1, 1000));
    }

    #[test]
    fn runs_of_one_frame_that_follow_each_other_are_one() {
        let mut segments = Segments::default();
        let many = 2 * (KEPT_FIRST + KEPT_LAST) as u64;
        for frame in 1..=many {
            segments.add(&run(frame, frame * 10, 4));
            segments.add(&run(frame, frame * 10 + 4, 6));
        }
        assert_eq!(segments.count(), many);
        assert!(segments.kept().iter().all(|segment| segment.len == 10));
        // An earlier frame's bytes may come later.
        segments.add(&run(0, 9000, 1));
        assert_eq!((segments.count(), segments.first_frame(), segments.last_frame()), (many + 1, 0, many));
    }
}
