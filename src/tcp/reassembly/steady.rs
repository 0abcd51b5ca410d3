//! The short way of a segment that comes when nothing waits: what [`HalfStream::push`] does with it, and no more.

use super::{Carrier, End, HalfStream, Item, Outlet, Segment, SegmentRef, Seq, Start};
use crate::frame::{FrameNumber, Timestamp};

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

    /// Whether what a segment acknowledges was handed on.
    #[inline]
    pub fn has_delivered(&self, ack: Seq) -> bool {
        self.delivered().is_some_and(|delivered| self.offset_of(ack) <= delivered)
    }

    /// Hands on a whole segment that [is the next one](HalfStream::is_next) of a stream that [flows](HalfStream::flows)
    /// and whose peer [has delivered](HalfStream::has_delivered) what it acknowledges: what [`HalfStream::push`] does
    /// with it.
    #[inline]
    pub fn deliver(
        &mut self,
        segment: &Segment<'_>,
        carrier: &Carrier<'_>,
        acked: u64,
        now: Timestamp,
        header_sum: Option<u64>,
        out: &mut impl Outlet,
    ) {
        let provenance = SegmentRef {
            frame: segment.frame,
            time: segment.time,
            offset: self.next,
            len: segment.payload.len() as u32,
            flags: carrier.verdict.flags,
            acked,
        };
        self.hand_on(provenance, segment.payload, carrier, header_sum, now, out);
    }
}
