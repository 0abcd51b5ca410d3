//! What is remembered of bytes that were handed on: sums to compare copies with, and the gaps between them.

use super::{Compared, Damaged, Item};
use crate::issue::Issue;
use crate::sum;
use crate::tcp::SegmentRef;

/// Segments whose sums are kept: 64 KiB of full-size ones.
const SUMS: usize = 48;

/// Gaps that are kept.
const GAPS: usize = 16;

/// Sums and gaps, the oldest given up first.
#[derive(Debug, Default)]
pub(super) struct Memory {
    sums: Vec<Sum>,
    oldest_sum: usize,
    gaps: Vec<(u64, u64)>,
}

#[derive(Clone, Copy, Debug)]
struct Sum {
    offset: u64,
    len: u32,
    /// Whether the segment's checksum fits, where that is known.
    intact: Option<bool>,
    sum: u64,
}

impl Memory {
    /// Keeps the sum of bytes that are handed on; see [`HalfStream::push`](super::HalfStream::push) for `header_sum`.
    pub fn keep(&mut self, segment: SegmentRef, bytes: &[u8], header_sum: Option<u64>) {
        let sum = sum::sum(bytes);
        let sum = Sum { offset: segment.offset, len: segment.len, intact: intact(sum, header_sum), sum };
        if let Some(slot) = self.sums.get_mut(self.oldest_sum) {
            *slot = sum;
        } else {
            self.sums.push(sum);
        }
        self.oldest_sum = (self.oldest_sum + 1) % SUMS;
    }

    /// Keeps a gap that is handed on.
    pub fn keep_gap(&mut self, start: u64, end: u64) {
        if self.gaps.len() == GAPS {
            self.gaps.remove(0);
        }
        self.gaps.push((start, end));
    }

    /// Says what bytes are that lie before the next one: late ones where a gap was, else copies.
    pub fn judge(
        &mut self,
        segment: SegmentRef,
        bytes: &[u8],
        header_sum: Option<u64>,
        out: &mut impl FnMut(Item<'_>),
    ) {
        let (start, end) = (segment.offset, segment.offset + bytes.len() as u64);
        let part = |from: u64, to: u64| SegmentRef { offset: from, len: (to - from) as u32, ..segment };
        let mut at = start;
        let mut left = Vec::new();
        self.gaps.sort_unstable();
        self.gaps.retain(|&(from, to)| {
            let (late, late_end) = (from.max(at), to.min(end));
            if late >= late_end {
                return true;
            }
            if at < late {
                out(Item::Copy(part(at, late), Compared::Not));
            }
            out(Item::Late(part(late, late_end)));
            at = late_end;
            left.extend([(from, late), (late_end, to)].into_iter().filter(|(from, to)| from < to));
            false
        });
        left.truncate(GAPS - self.gaps.len());
        self.gaps.extend(left);
        if at == start {
            let known = self.sums.iter().find(|sum| sum.offset == start && u64::from(sum.len) == end - start);
            let compared = known.map_or(Compared::Not, |known| known.compare(bytes, header_sum));
            let mut segment = segment;
            if compared == Compared::Conflict(Some(Damaged::This)) {
                segment.flags.insert(Issue::BadChecksum);
            }
            out(Item::Copy(segment, compared));
        } else if at < end {
            out(Item::Copy(part(at, end), Compared::Not));
        }
    }
}

impl Sum {
    fn compare(&self, bytes: &[u8], header_sum: Option<u64>) -> Compared {
        let sum = sum::sum(bytes);
        if sum == self.sum {
            return Compared::Equal;
        }
        Compared::Conflict(Damaged::of(self.intact, intact(sum, header_sum)))
    }
}

/// Whether a checksum fits, given the sums of the payload and of the headers.
pub(super) fn intact(payload: u64, header_sum: Option<u64>) -> Option<bool> {
    header_sum.map(|header| sum::fold(sum::add(payload, header)) == 0xffff)
}
