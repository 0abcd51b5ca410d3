//! The short way of a segment that does what most do: a handshake's SYNs, the next bytes, an acknowledgment, a FIN.

use super::super::Shared;
use super::super::feed::{counts, hears_of_end, passes};
use super::{Connection, ODD};
use crate::app::ledger::Class;
use crate::event::Sink;
use crate::frame::Timestamp;
use crate::tcp::reassembly::Item;
use crate::tcp::verdict::Verdict;
use crate::tcp::{Carrier, Control, Segment};

/// What became of a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::engine) enum Taken {
    /// Nothing: there is more to it.
    Not,
    /// It was counted, or it is within what is known; nothing follows from it.
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
        header_sum: impl FnOnce() -> u64,
        shared: &mut Shared,
        sink: &mut impl Sink,
    ) -> Taken {
        let [fwd, rev] = [dir, 1 - dir].map(|dir| &self.halves[dir & 1]);
        let Some(acked) = rev.delivered_to(segment.ack).filter(|_| rev.is_idle()) else { return Taken::Not };
        let has_bytes = !segment.payload.is_empty();
        let is_open = || self.name.over.is_none() && fwd.flows();
        let may = match segment.control.0 & ODD {
            _ if segment.missing > 0 => false,
            0 if has_bytes => fwd.is_next(segment.seq) && is_open(),
            0 => fwd.is_idle(),
            Control::FIN => !has_bytes && fwd.ends_at(segment.seq) && is_open(),
            _ => false,
        };
        let completeness = self.analysis.completeness();
        if !may || !self.analysis.goes_on(dir, segment) {
            return Taken::Not;
        }
        self.count(dir, segment);
        let window = self.analysis.known_window(dir, segment.window);
        self.halves[(1 - dir) & 1].acknowledge_delivered(acked, window);
        if has_bytes {
            shared.ledger.captured += segment.payload.len() as u64;
            let half = &mut self.halves[dir & 1];
            let provenance = half.take_next(segment, acked, Some(header_sum()), &mut shared.memory);
            if let Some(class) = passes(self.session.as_deref_mut(), dir, &provenance, segment.payload, shared) {
                if class == Class::Other {
                    self.other_bytes += segment.payload.len() as u64;
                }
                return Taken::Counted;
            }
            let run = (&provenance, segment.payload);
            if counts(&mut self.session, &self.name, dir, run, shared, &mut self.messages) {
                return Taken::Counted;
            }
            let carrier = &carrier(self.analysis.verdict(dir, segment, completeness));
            self.with(shared, sink, |_, feed| feed.item(dir, Item::Data(provenance, segment.payload, carrier)));
            return Taken::Fed;
        }
        if !segment.control.any(Control::FIN) {
            return Taken::Counted;
        }
        if hears_of_end(&self.session, dir) {
            self.with(shared, sink, |halves, feed| halves[dir & 1].end_by_fin(segment.frame, &mut feed.of(dir)));
        } else {
            self.halves[dir & 1].pass_over();
        }
        self.note_end(shared.now);
        Taken::Ended
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
