//! The short way of a segment that comes when nothing waits: what [`HalfStream::push`] does with it, and no more.

use super::{End, HalfStream, Item, Memory, Outlet, Segment, SegmentRef, Seq, Start};
use crate::frame::FrameNumber;
use crate::issue::Flags;

impl HalfStream {
    /// Whether its start is known, and there is no end and no byte that waits or lacks: what comes next may be handed
    /// on at once.
    #[inline]
    pub fn flows(&self) -> bool {
        self.is_idle() && self.fin().is_none() && !self.ended && self.acked <= self.next
    }

    /// Whether a segment begins with the next byte to hand on.
    #[inline]
    pub fn is_next(&self, seq: Seq) -> bool {
        seq == self.seq_at(self.next)
    }

    /// Whether a FIN with this sequence number, and without a byte, ends it at once.
    #[inline]
    pub fn ends_at(&self, seq: Seq) -> bool {
        self.flows() && self.is_next(seq) && self.highest() == self.next
    }

    /// Takes a FIN that [ends it](HalfStream::ends_at): what [`HalfStream::push`] does with it.
    pub fn end_by_fin(&mut self, frame: FrameNumber, out: &mut impl Outlet) {
        self.ended = true;
        out.item(Item::End { by: End::Fin, frame });
    }

    /// Whether nothing was seen of it, so that a SYN opens it.
    pub fn may_open(&self) -> bool {
        self.start == Start::Unseen
    }

    /// Takes such a SYN, without a byte and without FIN: what [`HalfStream::push`] does with it.
    pub fn open_by_syn(&mut self, seq: Seq) {
        (self.base, self.by_syn, self.start) = (seq.plus(1), true, Start::Known);
    }

    /// What a segment acknowledges, as an offset, if that was handed on.
    #[inline]
    pub fn delivered_to(&self, ack: Seq) -> Option<u64> {
        let acked = self.offset_of(ack);
        self.delivered().is_some_and(|delivered| acked <= delivered).then_some(acked)
    }

    /// Learns that the peer acknowledges what [was handed on](HalfStream::delivered_to), and its window in bytes: what
    /// [`HalfStream::acknowledge`] does with it.
    #[inline]
    pub fn acknowledge_delivered(&mut self, acked: u64, window: u32) {
        let edge = self.edge().max(acked + u64::from(window));
        self.acked = self.acked.max(acked);
        self.window = self.window.max(window);
        self.ahead = (edge - self.acked) as u32;
    }

    /// Takes a whole segment that [is the next one](HalfStream::is_next) of a stream that [flows](HalfStream::flows) and
    /// whose peer [has delivered](HalfStream::delivered_to) what it acknowledges; it is to be handed on then. What
    /// [`HalfStream::push`] does with it.
    #[inline]
    pub fn take_next(
        &mut self,
        segment: &Segment<'_>,
        acked: u64,
        header_sum: Option<u64>,
        memory: &mut Memory,
    ) -> SegmentRef {
        let provenance = SegmentRef {
            frame: segment.frame,
            time: segment.time,
            offset: self.next,
            len: segment.payload.len() as u32,
            flags: Flags::EMPTY,
            acked,
        };
        memory.keep(&mut self.newest, provenance, segment.payload, header_sum);
        self.next += segment.payload.len() as u64;
        provenance
    }
}
