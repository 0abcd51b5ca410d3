//! What is remembered of bytes that were handed on: sums to compare copies with, and the gaps between them.

use super::{Compared, Damaged};
use crate::sum;
use crate::tcp::SegmentRef;

/// Segments whose sums are kept, of all streams together: what a link of 10 Gbit/s carries in some 300 ms, which is
/// longer than the shortest retransmission timeout in use.
const SUMS: u64 = 256 << 10;

/// Segments of one stream that a copy is looked for among: 64 KiB of full-size ones.
const LOOKED_AT: usize = 48;

/// Gaps that are kept of a stream.
const GAPS: usize = 16;

/// Sums of the payloads of the segments most recently handed on, of all streams: each stream finds its own one after the
/// other, the newest first. One place for all, since most streams need none for most of their time.
#[derive(Debug, Default)]
pub struct Memory {
    sums: Vec<Sum>,
    /// How many were ever kept.
    count: u64,
}

#[derive(Clone, Copy, Debug)]
struct Sum {
    offset: u64,
    sum: u64,
    len: u32,
    /// How many sums before this one the stream's former one was kept; 0 if there is none, or none near.
    former: u32,
    /// The sum of the headers, folded to 32 bits; 0, which none has, where it is not known.
    header: u32,
}

/// The newest sum of a stream, as the count that it made; 0 for none.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Newest(u64);

impl Memory {
    /// Keeps the sum of bytes that are handed on; see [`HalfStream::push`](super::HalfStream::push) for `header_sum`.
    pub(super) fn keep(&mut self, newest: &mut Newest, segment: SegmentRef, bytes: &[u8], header_sum: Option<u64>) {
        let sum = sum::sum(bytes);
        let former = if newest.0 == 0 { 0 } else { u32::try_from(self.count + 1 - newest.0).unwrap_or(0) };
        let header = header_sum.map_or(0, sum::fold_once);
        let sum = Sum { offset: segment.offset, len: segment.len, former, header, sum };
        match self.sums.get_mut((self.count % SUMS) as usize) {
            Some(oldest) => *oldest = sum,
            None => {
                // At once: the system gives the memory as it is written.
                self.sums.reserve_exact(SUMS as usize - self.sums.len());
                self.sums.push(sum);
            }
        }
        self.count += 1;
        newest.0 = self.count;
    }

    /// Compares a copy with the bytes that were handed on, if they were one segment.
    pub(super) fn compare(
        &self,
        newest: Newest,
        segment: SegmentRef,
        bytes: &[u8],
        header_sum: Option<u64>,
    ) -> Compared {
        let mut at = newest.0;
        for _ in 0..LOOKED_AT {
            if at == 0 || self.count - at >= SUMS {
                break;
            }
            let Some(known) = self.sums.get(((at - 1) % SUMS) as usize) else { break };
            if (known.offset, known.len) == (segment.offset, segment.len) {
                return known.compare(bytes, header_sum);
            }
            at = if known.former == 0 { 0 } else { at.saturating_sub(known.former.into()) };
        }
        Compared::Not
    }
}

impl Sum {
    fn compare(&self, bytes: &[u8], header_sum: Option<u64>) -> Compared {
        let sum = sum::sum(bytes);
        if sum == self.sum {
            return Compared::Equal;
        }
        let header = Some(u64::from(self.header)).filter(|header| *header > 0);
        Compared::Conflict(Damaged::of(intact(self.sum, header), intact(sum, header_sum)))
    }
}

/// Gaps that were handed on, the oldest given up first.
#[derive(Debug, Default)]
pub(super) struct Gaps(Vec<(u64, u64)>);

impl Gaps {
    /// Keeps a gap.
    pub fn keep(&mut self, start: u64, end: u64) {
        if self.0.len() == GAPS {
            self.0.remove(0);
        }
        self.0.push((start, end));
    }

    /// Takes what of the gaps lies from `start` to `end`, in order: bytes that came late.
    pub fn fill(&mut self, start: u64, end: u64) -> Vec<(u64, u64)> {
        let (mut late, mut left) = (Vec::new(), Vec::new());
        self.0.sort_unstable();
        let mut at = start;
        self.0.retain(|&(from, to)| {
            let (late_start, late_end) = (from.max(at), to.min(end));
            if late_start >= late_end {
                return true;
            }
            late.push((late_start, late_end));
            at = late_end;
            left.extend([(from, late_start), (late_end, to)].into_iter().filter(|(from, to)| from < to));
            false
        });
        left.truncate(GAPS - self.0.len());
        self.0.extend(left);
        late
    }
}

/// Whether a checksum fits, given the sums of the payload and of the headers.
pub(super) fn intact(payload: u64, header_sum: Option<u64>) -> Option<bool> {
    header_sum.map(|header| sum::fold(sum::add(payload, header)) == 0xffff)
}
