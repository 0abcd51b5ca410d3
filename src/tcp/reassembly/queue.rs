//! Bytes that wait for those before them, or for those that they acknowledge.

use std::collections::BTreeMap;

use super::memory::intact;
use super::{Compared, Damaged, Item, Outlet};
use crate::frame::Timestamp;
use crate::issue::Issue;
use crate::sum;
use crate::tcp::{Carrier, OwnedCarrier, SegmentRef};

/// What a chunk costs beside its bytes: its place in the tree and the headers of its frame.
const CHUNK_COST: usize = size_of::<Chunk>() + 128;

/// Copies of one chunk that are told after it; further ones are told at once.
const COPIES: usize = 16;

/// Chunks by offset; they do not overlap, and `cost` is what they take.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// Boxed, since a node of the tree has room for eleven and stays when it is empty.
    chunks: BTreeMap<u64, Box<Chunk>>,
    cost: usize,
}

/// A run of bytes of one segment.
#[derive(Debug)]
pub(super) struct Chunk {
    pub segment: SegmentRef,
    /// Since when it waits.
    pub since: Timestamp,
    pub bytes: Vec<u8>,
    /// Bytes that the same frame carried after these and that were not captured.
    pub missing: u32,
    /// See [`HalfStream::push`](super::HalfStream::push); for a whole payload only.
    pub header_sum: Option<u64>,
    pub carrier: OwnedCarrier,
    pub copies: Vec<(SegmentRef, Compared)>,
}

/// A segment to queue: its captured bytes from `segment.offset` on, and where what it was sent with ends.
pub(super) struct Entry<'a> {
    pub segment: SegmentRef,
    pub now: Timestamp,
    pub bytes: &'a [u8],
    pub end: u64,
    pub carrier: &'a Carrier<'a>,
    pub header_sum: Option<u64>,
}

impl Queue {
    /// What the chunks take, in bytes.
    pub fn cost(&self) -> usize {
        self.cost
    }

    /// The lowest offset.
    pub fn first(&self) -> Option<u64> {
        self.chunks.keys().next().copied()
    }

    /// Whether a chunk begins before `offset`.
    pub fn begins_before(&self, offset: u64) -> bool {
        self.first().is_some_and(|first| first < offset)
    }

    /// Takes the first chunk out, if it begins at `next` and may pass.
    pub fn pop(&mut self, next: u64, passes: impl Fn(&Chunk) -> bool) -> Option<Box<Chunk>> {
        let entry = self.chunks.first_entry()?;
        if *entry.key() > next || !passes(entry.get()) {
            return None;
        }
        let chunk = entry.remove();
        self.cost -= chunk.cost();
        Some(chunk)
    }

    /// Takes out what begins after `offset`.
    pub fn split_after(&mut self, offset: u64) -> impl Iterator<Item = Box<Chunk>> + use<> {
        let far = self.chunks.split_off(&offset.saturating_add(1));
        self.cost -= far.values().map(|chunk| chunk.cost()).sum::<usize>();
        far.into_values()
    }

    /// Queues what is new of a segment; the rest are copies of what is queued.
    pub fn insert(&mut self, entry: Entry<'_>, out: &mut impl Outlet) {
        let Entry { segment, now, mut bytes, end, carrier, header_sum } = entry;
        let whole = bytes.len();
        let mut at = segment.offset;
        if bytes.is_empty() && self.chunks.range(..=at).next_back().is_some_and(|(_, chunk)| chunk.end() > at) {
            return;
        }
        loop {
            // Each turn takes bytes, or the chunk that is only known to have been cut.
            let part = |len: usize| SegmentRef { offset: at, len: len as u32, ..segment };
            let before = self.chunks.range_mut(..=at).next_back().filter(|(_, chunk)| chunk.end() > at);
            let taken = if let Some((_, chunk)) = before {
                let len = bytes.len().min((chunk.end() - at) as usize);
                let same = len == whole && len == chunk.bytes.len();
                self.cost += chunk.copy(part(len), &bytes[..len], header_sum.filter(|_| same), out);
                len
            } else {
                if let Some(cut) = self.chunks.remove(&at) {
                    self.cost -= cut.cost();
                }
                let next = self.chunks.range(at..).next().map_or(u64::MAX, |(&offset, _)| offset);
                let len = bytes.len().min(usize::try_from(next - at).unwrap_or(usize::MAX));
                let last = len == bytes.len();
                let chunk = Box::new(Chunk {
                    segment: part(len),
                    since: now,
                    bytes: bytes[..len].to_vec(),
                    missing: if last { (end - at - len as u64) as u32 } else { 0 },
                    header_sum: header_sum.filter(|_| len == whole),
                    carrier: carrier.to_owned(),
                    copies: Vec::new(),
                });
                self.cost += chunk.cost();
                self.chunks.insert(at, chunk);
                len
            };
            bytes = &bytes[taken..];
            at += taken as u64;
            if bytes.is_empty() {
                return;
            }
        }
    }
}

impl Chunk {
    fn end(&self) -> u64 {
        self.segment.offset + self.bytes.len() as u64
    }

    fn cost(&self) -> usize {
        CHUNK_COST + self.bytes.len() + self.copies.len() * size_of::<(SegmentRef, Compared)>()
    }

    /// Takes note of a copy of its bytes from `segment.offset` on; where the checksums show that these bytes are
    /// damaged and the copy is not, the copy takes their place. Gives by how much it grew.
    fn copy(&mut self, mut segment: SegmentRef, bytes: &[u8], header_sum: Option<u64>, out: &mut impl Outlet) -> usize {
        let cost = self.cost();
        let at = (segment.offset - self.segment.offset) as usize;
        let mut compared = Compared::Equal;
        if self.bytes.get(at..at + bytes.len()) != Some(bytes) {
            let mine = intact(sum::sum(&self.bytes), self.header_sum);
            let theirs = intact(sum::sum(bytes), header_sum);
            let mut damaged = Damaged::of(mine, theirs);
            if damaged == Some(Damaged::Other) && bytes.len() == self.bytes.len() {
                self.bytes.copy_from_slice(bytes);
                self.header_sum = header_sum;
                std::mem::swap(&mut self.segment, &mut segment);
                damaged = Some(Damaged::This);
            }
            if damaged == Some(Damaged::This) {
                segment.flags.insert(Issue::BadChecksum);
            }
            compared = Compared::Conflict(damaged);
        }
        if self.copies.len() < COPIES {
            self.copies.push((segment, compared));
        } else {
            out.item(Item::Copy(segment, compared));
        }
        self.cost() - cost
    }
}
