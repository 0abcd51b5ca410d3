//! What becomes of a stream that waits: time passes, a bound is reached, the capture ends.

use super::{Cause, End, GRACE, HalfStream, Item, Outlet, Start, passes};
use crate::frame::{FrameNumber, Timestamp};

impl HalfStream {
    /// Lets through what has waited for the peer's stream for longer than a hole in it would be waited for.
    pub fn force(&mut self, now: Timestamp, out: &mut impl Outlet) {
        self.drain(|chunk| now >= chunk.since.plus(2 * GRACE), out);
    }

    /// Lets time pass: opens a stream joined midway, and declares bytes lost that the peer acknowledged a grace ago.
    pub fn advance(&mut self, now: Timestamp, ready: Option<u64>, out: &mut impl Outlet) {
        if self.start == Start::Midway {
            if self.side.as_ref().is_some_and(|side| now < side.joined.plus(GRACE)) {
                return;
            }
            self.open();
        }
        loop {
            self.drain(|chunk| passes(chunk.segment.acked, ready), out);
            if now < self.acked_at().plus(GRACE) {
                return;
            }
            let Some(end) = self.hole() else {
                self.fin_passed = self.acked > self.next;
                return;
            };
            self.give_up(end, false, out);
        }
    }

    /// Whether something waits for time to pass.
    pub fn pending(&self) -> bool {
        self.start == Start::Midway || self.queued() > 0 || self.acked > self.next && !self.ended && !self.fin_passed
    }

    /// The start is where the lowest byte seen is.
    fn open(&mut self) {
        self.start = Start::Known;
        self.set_first(self.next);
    }

    /// The end of the bytes that are missing at `next` although the peer has them.
    fn hole(&self) -> Option<u64> {
        if self.ended {
            return None;
        }
        let queued = self.first_queued();
        let fin = self.fin().unwrap_or(u64::MAX);
        let end = self.acked.min(queued.unwrap_or(u64::MAX)).min(fin);
        // One number acknowledged beyond all that was seen is more likely a FIN that was not captured than a byte.
        let uncaptured_fin = queued.is_none() && self.fin().is_none() && self.acked == self.next + 1;
        (end > self.next && !uncaptured_fin).then_some(end)
    }

    /// Hands on a gap up to `end`.
    fn give_up(&mut self, end: u64, forced: bool, out: &mut impl Outlet) {
        self.side.get_or_insert_default().gaps.keep(self.next, end);
        let offset = self.next;
        self.next = end;
        out.item(Item::Gap { offset, len: end - offset, cause: Cause::Gap, forced });
    }

    /// Makes room at a bound: gives up the first hole, or lets through what waits for the peer.
    pub fn relieve(&mut self, out: &mut impl Outlet) {
        if self.start != Start::Known {
            self.open();
        }
        self.turn_away(out);
        if let Some(first) = self.first_queued()
            && first > self.next
        {
            self.give_up(first, true, out);
        }
        self.drain(|_| true, out);
    }

    /// Turns away queued bytes that lie beyond any window, if the peer's acknowledgments are known and not of them.
    fn turn_away(&mut self, out: &mut impl Outlet) {
        let far = self.highest().max(self.edge()).saturating_add(self.reach()).max(self.acked);
        if self.acked > 0 {
            self.empty(far, out);
        }
    }

    /// Turns away what is queued after an offset.
    fn empty(&mut self, after: u64, out: &mut impl Outlet) {
        let Some(side) = &mut self.side else { return };
        for chunk in side.queue.split_after(after) {
            out.item(Item::Outside(chunk.segment));
            chunk.copies.iter().for_each(|(copy, _)| out.item(Item::Outside(*copy)));
        }
    }

    /// Hands on all that is left, gaps between it included, and the end.
    pub fn finish(&mut self, by: End, frame: FrameNumber, out: &mut impl Outlet) {
        if self.start != Start::Unseen && !self.ended {
            if self.start != Start::Known {
                self.open();
            }
            self.turn_away(out);
            self.hand_on_rest(by, frame, out);
        }
        self.ended = true;
        self.empty(0, out);
    }

    fn hand_on_rest(&mut self, by: End, frame: FrameNumber, out: &mut impl Outlet) {
        loop {
            self.drain(|_| true, out);
            if self.ended {
                return;
            }
            let end = self.first_queued().or(self.fin()).or(self.hole());
            let Some(end) = end.filter(|end| *end > self.next) else { break };
            self.give_up(end, false, out);
        }
        let uncaptured_fin = by == End::Capture && self.acked == self.next + 1;
        out.item(if uncaptured_fin { Item::End { by: End::Fin, frame: 0 } } else { Item::End { by, frame } });
    }

    /// Gives back what is kept for copies; later ones are known as copies, and not compared.
    pub fn forget(&mut self) {
        let first = self.first();
        self.side = None;
        self.set_first(first);
    }
}
