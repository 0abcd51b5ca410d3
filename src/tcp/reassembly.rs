//! Reassembly of one direction of a connection: segments in any order go in, bytes in order and gaps come out.
//!
//! Offsets count the bytes of the stream; the first byte after SYN, or the first one known of a stream joined midway,
//! has the offset [`ORIGIN`], so that bytes before it have one too.
//!
//! What always holds: `first() <= next`; every queued offset is at least `next`. What is handed on follows from the bytes and acknowledgments alone, never from flags.

mod item;
mod memory;
mod queue;
mod steady;
#[cfg(test)]
mod tests;
mod waiting;

use super::{Carrier, Control, Segment, SegmentRef, Seq};
use crate::frame::{FrameNumber, Timestamp};
use crate::issue::Issue;
pub use item::{Cause, Compared, Damaged, End, Item, Outlet};
pub use memory::Memory;
use memory::{Gaps, Newest};
use queue::{Chunk, Entry, Queue};

/// Offset of the first byte of a stream.
pub const ORIGIN: u64 = 1 << 32;

/// How long after a byte was acknowledged it may still be captured, nanoseconds of capture time: an ACK is captured
/// before its data by microseconds on one machine and by milliseconds between two taps, while a retransmission takes
/// 200 ms and more.
pub const GRACE: i64 = 50_000_000;

/// How far ahead a segment may lie: where no window is known, the largest window there is (RFC 7323 2.3), and never
/// less than the largest that is not scaled.
const MAX_WINDOW: u64 = 1 << 30;
const MIN_REACH: u64 = 64 << 10;

/// What a segment has to do with its peer's stream.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// How far that stream was handed on: [`HalfStream::delivered`].
    pub ready: Option<u64>,
    /// How much of it the segment acknowledges, as an offset: what [`HalfStream::acknowledge`] gave; 0 for nothing.
    pub acked: u64,
}

/// Whether the first byte of the stream is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Start {
    /// Nothing was seen of this direction.
    Unseen,
    /// Joined midway: what came earlier on the wire may be captured a moment later.
    Midway,
    /// Known: by SYN, or because the grace is over.
    Known,
}

/// One direction of a connection. A million may be open, and each segment looks at both of one, so that it is kept small.
#[derive(Debug)]
pub struct HalfStream {
    start: Start,
    by_syn: bool,
    ended: bool,
    /// Whether the peer acknowledged, a grace ago, one number more than was captured: a FIN, most likely.
    fin_passed: bool,
    /// Sequence number of the byte at `ORIGIN`.
    base: Seq,
    /// Offset of the next byte to hand on.
    next: u64,
    /// How far the peer acknowledged, the FIN's number included.
    acked: u64,
    /// How far beyond that the right edge of the peer's window was, and its largest size; 0 where not known.
    ahead: u32,
    window: u32,
    newest: Newest,
    side: Option<Box<Side>>,
}

/// What not every stream needs.
#[derive(Debug)]
struct Side {
    queue: Queue,
    gaps: Gaps,
    /// An acknowledgment that was too far ahead to be believed alone.
    odd_ack: u64,
    /// Offset of the first byte that was or will be handed on.
    first: u64,
    /// One past the highest byte seen, where that is beyond the next one to hand on.
    highest: u64,
    /// When the stream was joined midway.
    joined: Timestamp,
    /// When the peer acknowledged past the next byte, before the end.
    acked_at: Timestamp,
    /// Offset of a FIN that has to wait, and its frame.
    fin: Option<(u64, FrameNumber)>,
}

impl Default for Side {
    fn default() -> Self {
        Self {
            queue: Queue::default(),
            gaps: Gaps::default(),
            odd_ack: 0,
            first: ORIGIN,
            highest: ORIGIN,
            joined: Timestamp(0),
            acked_at: Timestamp(0),
            fin: None,
        }
    }
}

impl Default for HalfStream {
    fn default() -> Self {
        Self {
            start: Start::Unseen,
            by_syn: false,
            ended: false,
            fin_passed: false,
            base: Seq(0),
            next: ORIGIN,
            acked: 0,
            ahead: 0,
            window: 0,
            newest: Newest::default(),
            side: None,
        }
    }
}

impl HalfStream {
    /// How far the stream was handed on; `None` while the start of one joined midway is open. What acknowledges more
    /// than that has to wait.
    pub fn delivered(&self) -> Option<u64> {
        let end = self.ended || self.fin_passed && self.acked == self.next + 1;
        (self.start == Start::Known).then_some(self.next + u64::from(end))
    }

    /// What the queue costs, in bytes.
    #[inline]
    pub fn queued(&self) -> usize {
        self.side.as_ref().map_or(0, |side| side.queue.cost())
    }

    fn first_queued(&self) -> Option<u64> {
        self.side.as_ref()?.queue.first()
    }

    /// Whether its start is known and nothing waits, so that an acknowledgment alone moves nothing.
    pub fn is_idle(&self) -> bool {
        self.start == Start::Known && self.queued() == 0
    }

    /// Takes the end of a stream as handed on, where nobody looks at it.
    pub fn pass_over(&mut self) {
        self.ended = true;
    }

    /// Whether its end was handed on.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// Offset of a FIN that has to wait.
    fn fin(&self) -> Option<u64> {
        Some(self.side.as_ref()?.fin?.0)
    }

    /// Offset of the first byte that was or will be handed on.
    fn first(&self) -> u64 {
        self.side.as_ref().map_or(ORIGIN, |side| side.first)
    }

    fn set_first(&mut self, first: u64) {
        if first != self.first() {
            self.side.get_or_insert_default().first = first;
        }
    }

    /// One past the highest byte seen or given up.
    fn highest(&self) -> u64 {
        self.side.as_ref().map_or(self.next, |side| side.highest.max(self.next))
    }

    fn raise_highest(&mut self, seen: u64) {
        if seen > self.highest() {
            self.side.get_or_insert_default().highest = seen;
        }
    }

    /// The right edge of the peer's window.
    fn edge(&self) -> u64 {
        self.acked + u64::from(self.ahead)
    }

    /// When the peer acknowledged past the next byte.
    fn acked_at(&self) -> Timestamp {
        self.side.as_ref().map_or(Timestamp(0), |side| side.acked_at)
    }

    /// Joined midway, until a SYN or the time tells the start.
    fn join(&mut self, time: Timestamp) {
        self.start = Start::Midway;
        self.side.get_or_insert_default().joined = time;
    }

    /// The sequence number at an offset.
    pub fn seq_at(&self, offset: u64) -> Seq {
        self.base.plus(offset.wrapping_sub(ORIGIN) as u32)
    }

    /// Offset of a sequence number: the one nearest to the next byte.
    fn offset_of(&self, seq: Seq) -> u64 {
        self.next.saturating_add_signed(i64::from(seq.since(self.seq_at(self.next))))
    }

    /// Learns what the peer acknowledges, from a segment with ACK and without RST, and its window in bytes (0 where
    /// its scale is not known). Returns the acknowledgment as an offset of this stream, 0 where it cannot be one.
    pub fn acknowledge(&mut self, ack: Seq, synack: bool, window: u32, time: Timestamp) -> u64 {
        if self.start == Start::Unseen {
            self.base = ack;
            self.by_syn = synack;
            if synack { self.start = Start::Known } else { self.join(time) }
        }
        let acked = self.offset_of(ack);
        if acked > self.highest() && self.is_far(acked) {
            // Bytes that it covers, or another acknowledgment, make it believable.
            let reach = self.reach();
            let side = self.side.get_or_insert_default();
            let covers = side.queue.begins_before(acked);
            let odd_ack = std::mem::replace(&mut side.odd_ack, acked);
            let again = odd_ack > 0 && acked.checked_sub(odd_ack).is_some_and(|ahead| ahead <= reach);
            if !covers && !again {
                return 0;
            }
        }
        let edge = self.edge().max(acked + u64::from(window));
        if acked > self.acked {
            if self.acked <= self.next && acked > self.next && !self.ended {
                self.side.get_or_insert_default().acked_at = time;
            }
            self.acked = acked;
        }
        self.window = self.window.max(window);
        // Each edge there was lies within a window of what was acknowledged with it, which is no more than now.
        self.ahead = (edge - self.acked) as u32;
        acked
    }

    /// How far ahead of what was seen a segment may lie: two windows, as the last update may not have been captured.
    fn reach(&self) -> u64 {
        if self.window == 0 { MAX_WINDOW } else { (2 * u64::from(self.window)).clamp(MIN_REACH, MAX_WINDOW) }
    }

    /// Whether an offset is beyond any window that the connection had.
    fn is_far(&self, offset: u64) -> bool {
        offset > self.highest().max(self.edge()).saturating_add(self.reach())
    }

    /// Whether a RST with this sequence number can be meant for the stream: it lies not before what the peer
    /// acknowledged, and within a window of what was seen (RFC 9293 3.10.7.4).
    pub fn may_reset(&self, seq: Seq) -> bool {
        let offset = self.offset_of(seq);
        let near = offset.saturating_add(self.reach()) >= self.next && !self.is_far(offset);
        self.start == Start::Unseen || offset >= self.acked && near
    }

    /// Takes a segment of this direction. Where it acknowledges more of the peer's stream than was handed on, its bytes
    /// wait, so that the parser meets both directions in the order of cause and effect.
    ///
    /// `now` is the latest capture time so far: frames may be dated out of order. `header_sum` is the one's-complement
    /// sum of pseudo-header and TCP header (with the checksum), where the payload's sum completes it.
    pub fn push(
        &mut self,
        segment: &Segment<'_>,
        carrier: &Carrier<'_>,
        peer: Peer,
        now: Timestamp,
        header_sum: Option<u64>,
        out: &mut impl Outlet,
    ) {
        let control = segment.control;
        let syn = control.any(Control::SYN);
        let seq = segment.seq.plus(u32::from(syn));
        self.locate(seq, syn, now);
        let offset = self.offset_of(seq);
        let end = offset + u64::from(segment.len());
        let provenance = SegmentRef {
            frame: segment.frame,
            time: segment.time,
            offset,
            len: segment.payload.len() as u32,
            flags: carrier.verdict.flags,
            acked: peer.acked,
        };
        let after_fin = self.fin().is_some_and(|fin| end > fin);
        // A stream may end before anything of it was seen, and has no next byte then.
        let after_end = self.ended && (end > self.next || self.start != Start::Known);
        if control.any(Control::RST) || after_fin || after_end {
            if !segment.payload.is_empty() {
                out.item(Item::Outside(provenance));
            }
            return;
        }
        // What lies too far ahead is queued; unless it is acknowledged, it is turned away when the stream ends.
        let is_near = !self.is_far(offset);
        // A FIN that nobody acknowledged gives way to one that comes before it.
        let first_fin = !self.ended && self.fin().is_none_or(|fin| end < fin && self.acked <= fin);
        let is_fin = control.any(Control::FIN) && is_near && first_fin && end >= self.highest();
        if !segment.is_empty() {
            let open = self.start == Start::Known && self.queued() == 0 && passes(peer.acked, peer.ready);
            if offset == self.next && open {
                self.hand_on(provenance, segment.payload, carrier, header_sum, now, out);
                self.cut(u64::from(segment.missing), now, out);
            } else {
                self.place(segment, provenance, carrier, header_sum, now, out);
            }
            if is_near {
                self.raise_highest(end);
            }
        }
        if is_fin && end == self.next && self.is_idle() {
            return self.end_by_fin(segment.frame, out);
        }
        if is_fin {
            self.side.get_or_insert_default().fin = Some((end, segment.frame));
        }
        self.drain(|chunk| passes(chunk.segment.acked, peer.ready), out);
    }

    /// Learns where the stream is from a segment of its own.
    fn locate(&mut self, seq: Seq, syn: bool, time: Timestamp) {
        match self.start {
            Start::Unseen => {
                self.base = seq;
                self.by_syn = syn;
                if syn { self.start = Start::Known } else { self.join(time) }
            }
            Start::Midway if syn => {
                let offset = self.offset_of(seq);
                if self.first_queued().is_none_or(|lowest| offset <= lowest) {
                    (self.next, self.start, self.by_syn) = (offset, Start::Known, true);
                    self.set_first(offset);
                }
            }
            _ => {}
        }
    }

    /// Hands on the bytes at `next`.
    fn hand_on(
        &mut self,
        segment: SegmentRef,
        bytes: &[u8],
        carrier: &Carrier<'_>,
        header_sum: Option<u64>,
        now: Timestamp,
        out: &mut impl Outlet,
    ) {
        if bytes.is_empty() {
            return;
        }
        out.memory().keep(&mut self.newest, segment, bytes, header_sum);
        self.next += bytes.len() as u64;
        if self.acked > self.next {
            let side = self.side.get_or_insert_default();
            side.acked_at = side.acked_at.max(now);
        }
        out.item(Item::Data(segment, bytes, carrier));
    }

    /// Hands on that the frame was cut before the next `missing` bytes.
    fn cut(&mut self, missing: u64, time: Timestamp, out: &mut impl Outlet) {
        if missing > 0 {
            let offset = self.next;
            let side = self.side.get_or_insert_default();
            side.gaps.keep(offset, offset + missing);
            side.acked_at = side.acked_at.max(time);
            self.next += missing;
            out.item(Item::Gap { offset, len: missing, cause: Cause::Truncated, forced: false });
        }
    }

    /// Places a segment that cannot simply be handed on: what is new of it goes into the queue, the rest is a copy.
    fn place(
        &mut self,
        segment: &Segment<'_>,
        provenance: SegmentRef,
        carrier: &Carrier<'_>,
        header_sum: Option<u64>,
        now: Timestamp,
        out: &mut impl Outlet,
    ) {
        if self.start != Start::Known {
            self.next = self.next.min(provenance.offset);
            self.set_first(self.next);
        }
        let (old, rest) = segment
            .payload
            .split_at_checked(self.next.saturating_sub(provenance.offset) as usize)
            .unwrap_or((segment.payload, &[]));
        if !old.is_empty() {
            let segment = SegmentRef { len: old.len() as u32, ..provenance };
            let known = segment.offset + old.len() as u64 > self.first();
            if self.by_syn && !known && old.len() > 1 {
                out.item(Item::Outside(segment));
            } else if self.by_syn || known {
                self.judge(segment, old, header_sum, out);
            } else {
                out.item(Item::Before(segment));
            }
        }
        let end = provenance.offset + u64::from(segment.len());
        if end <= self.next {
            return;
        }
        let offset = provenance.offset.max(self.next);
        let whole = old.is_empty();
        let entry = Entry {
            segment: SegmentRef { offset, len: rest.len() as u32, ..provenance },
            now,
            bytes: rest,
            end,
            carrier,
            header_sum: header_sum.filter(|_| whole),
        };
        self.side.get_or_insert_default().queue.insert(entry, out);
    }

    /// Says what bytes are that lie before the next one: late ones where a gap was, else copies.
    fn judge(&mut self, segment: SegmentRef, bytes: &[u8], header_sum: Option<u64>, out: &mut impl Outlet) {
        let end = segment.offset + bytes.len() as u64;
        let late = self.side.as_mut().map_or_else(Vec::new, |side| side.gaps.fill(segment.offset, end));
        if late.is_empty() {
            let compared = out.memory().compare(self.newest, segment, bytes, header_sum);
            let mut segment = segment;
            if compared == Compared::Conflict(Some(Damaged::This)) {
                segment.flags.insert(Issue::BadChecksum);
            }
            return out.item(Item::Copy(segment, compared));
        }
        let mut at = segment.offset;
        for (from, to) in late.into_iter().chain([(end, end)]) {
            if at < from {
                out.item(Item::Copy(segment.part(at, from), Compared::Not));
            }
            if from < to {
                out.item(Item::Late(segment.part(from, to)));
            }
            at = to;
        }
    }

    /// Hands on what the queue holds at `next`, as long as `open` lets it through, and the end when it is reached.
    fn drain(&mut self, open: impl Fn(&Chunk) -> bool, out: &mut impl Outlet) {
        if self.start != Start::Known {
            return;
        }
        while let Some(side) = &mut self.side
            && let Some(chunk) = side.queue.pop(self.next, &open)
        {
            let Chunk { segment, since, bytes, missing, header_sum, carrier, copies } = *chunk;
            let following = side.queue.first().unwrap_or(u64::MAX);
            self.hand_on(segment, &bytes, &carrier.get(), header_sum, since, out);
            copies.into_iter().for_each(|(copy, compared)| out.item(Item::Copy(copy, compared)));
            self.cut(u64::from(missing).min(following - self.next), since, out);
        }
        if let Some((fin, frame)) = self.side.as_ref().and_then(|side| side.fin)
            && self.next >= fin
            && !self.ended
        {
            self.end_by_fin(frame, out);
        }
    }

    /// Hands on what waited for the peer's stream to come as far as `ready`.
    pub fn resume(&mut self, ready: Option<u64>, out: &mut impl Outlet) {
        if self.queued() > 0 {
            self.drain(|chunk| passes(chunk.segment.acked, ready), out);
        }
    }
}

/// Whether bytes that acknowledge `acked` of the peer's stream may be handed on.
fn passes(acked: u64, ready: Option<u64>) -> bool {
    acked == 0 || ready.is_some_and(|ready| acked <= ready)
}
