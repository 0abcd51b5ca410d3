//! The short way of a segment that does what most do: a handshake's SYNs, the next bytes, an acknowledgment, a FIN.

use super::super::Shared;
use super::{Connection, ODD};
use crate::event::Sink;
use crate::frame::Timestamp;
use crate::tcp::verdict::Verdict;
use crate::tcp::{Carrier, Control, Segment};

/// What became of a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::engine) enum Taken {
    /// Nothing: there is more to it.
    Not,
    /// It was counted; nothing follows from it.
    Counted,
    /// Its stream went on; there is nothing new to wait for.
    Fed,
    /// Its stream ended.
    Ended,
}

impl Connection {
    /// Takes a segment that acknowledges what was handed on, where nothing waits, and has no byte, or the next ones of a
    /// stream that lacks none, or a FIN after them; and of which the analysis says nothing.
    #[inline]
    pub fn goes_on<'c>(
        &mut self,
        dir: usize,
        segment: &Segment<'_>,
        carrier: impl FnOnce(Verdict) -> Carrier<'c>,
        header_sum: Option<u64>,
        shared: &mut Shared,
        sink: &mut impl Sink,
    ) -> Taken {
        let [fwd, rev] = [dir, 1 - dir].map(|dir| &self.halves[dir & 1]);
        if !rev.is_idle() || !rev.has_delivered(segment.ack) {
            return Taken::Not;
        }
        let now = shared.now;
        match segment.control.0 & ODD {
            0 if segment.is_empty() => {
                if !fwd.is_idle() || !self.analysis.goes_on(dir, segment) {
                    return Taken::Not;
                }
                self.counts_and_acknowledges(dir, segment, now);
                Taken::Counted
            }
            0 => {
                let next = segment.missing == 0 && fwd.flows() && fwd.is_next(segment.seq);
                let Some(verdict) =
                    (next && self.name.over.is_none()).then(|| self.analysis.steady(dir, segment)).flatten()
                else {
                    return Taken::Not;
                };
                shared.ledger.captured += segment.payload.len() as u64;
                let acked = self.counts_and_acknowledges(dir, segment, now);
                let carrier = &carrier(verdict);
                self.with(shared, sink, |halves, feed| {
                    halves[dir & 1].deliver(segment, carrier, acked, now, header_sum, &mut feed.of(dir));
                });
                Taken::Fed
            }
            Control::FIN => {
                let ends = segment.is_empty() && fwd.ends_at(segment.seq) && self.name.over.is_none();
                if !ends || !self.analysis.goes_on(dir, segment) {
                    return Taken::Not;
                }
                self.counts_and_acknowledges(dir, segment, now);
                self.with(shared, sink, |halves, feed| halves[dir & 1].end_by_fin(segment.frame, &mut feed.of(dir)));
                self.note_end(now);
                Taken::Ended
            }
            _ => Taken::Not,
        }
    }

    /// Returns how much of the peer's stream the segment acknowledges, as an offset in that.
    #[inline]
    fn counts_and_acknowledges(&mut self, dir: usize, segment: &Segment<'_>, now: Timestamp) -> u64 {
        self.count(dir, segment);
        let window = self.analysis.known_window(dir, segment.window);
        self.halves[(1 - dir) & 1].acknowledge(segment.ack, false, window, now)
    }

    /// Takes the SYN or the SYN/ACK of a handshake. False where it is not one, or there is more to say; nothing has
    /// changed then.
    pub fn opens(&mut self, dir: usize, segment: &Segment<'_>, now: Timestamp) -> bool {
        let acks = segment.control.any(Control::ACK);
        let [fwd, rev] = [dir, 1 - dir].map(|dir| &self.halves[dir & 1]);
        if !fwd.may_open() || acks && !rev.is_idle() || !self.analysis.opens(dir, segment) {
            return false;
        }
        if acks {
            self.halves[(1 - dir) & 1].acknowledge(segment.ack, true, segment.window.into(), now);
        }
        self.halves[dir & 1].open_by_syn(segment.seq);
        self.count(dir, segment);
        true
    }
}
