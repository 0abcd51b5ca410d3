//! Frames several at a time: those whose headers are plain are looked at ahead, so that the memory which they need is there
//! when their turn comes, and go to their streams without their layers.

use arrayvec::ArrayVec;

use super::connection::Taken;
use super::{Arrival, Engine, bound, segment_of};
use crate::decode::{self, Plain, checksum};
use crate::event::Sink;
use crate::flow::{Hashed, Key, Spot};
use crate::frame::Frame;
use crate::issue::Flags;
use crate::tcp::verdict::Verdict;
use crate::tcp::{Carrier, Control, Options as TcpOptions};

/// Frames that are looked at ahead of the one that is taken.
const AHEAD: usize = 32;

/// As many connections are in the caches anyway.
const NEAR: usize = 256;

impl Engine {
    /// Takes the next frames. Where they are of many connections, it is faster to have several at once: what memory
    /// the later ones need is fetched while the first are looked at.
    pub fn push_all(&mut self, frames: &[Frame<'_>], sink: &mut impl Sink) {
        self.shared.counts.frames(frames);
        for frames in frames.chunks(AHEAD) {
            let after_losses = self.waits_for_losses();
            let mut ahead: ArrayVec<Option<(Plain<'_>, (Hashed, bool))>, AHEAD> = ArrayVec::new();
            for frame in frames {
                if let Some(plain) = decode::plain(frame).filter(|_| self.needs_no_layers()) {
                    let (key, swapped) = Key::of_bytes(plain.addresses, plain.ports());
                    let key = self.table.hash(key);
                    self.table.prefetch_place(&key);
                    ahead.push(Some((plain, (key, swapped))));
                } else {
                    ahead.push(None);
                }
            }
            if self.table.len() > NEAR {
                let keys = ahead.iter_mut().flatten().map(|(_, (key, _))| key);
                let flows = keys.filter_map(|key| self.table.guess(key)).inspect(|flow| self.table.prefetch(*flow));
                let flows: ArrayVec<Spot, AHEAD> = flows.collect();
                flows.iter().for_each(|flow| self.table.prefetch_more(*flow));
            }
            for (frame, plain) in frames.iter().zip(&ahead) {
                if after_losses {
                    self.pass_losses(&frame.meta, sink);
                }
                self.pass_time(frame.meta.time, sink);
                match plain {
                    Some((plain, (key, swapped))) => self.plain(frame, plain, (key, *swapped), sink),
                    None => self.layers(*frame, sink),
                }
            }
        }
        if let Some(last) = frames.last() {
            self.took(last.meta.number);
        }
    }

    /// Whether nobody asks for more of a frame than what the streams are made of.
    fn needs_no_layers(&self) -> bool {
        !self.options.packets && !self.options.verify_checksums
    }

    /// Takes a frame whose headers are plain.
    fn plain(&mut self, frame: &Frame<'_>, plain: &Plain<'_>, (key, swapped): (&Hashed, bool), sink: &mut impl Sink) {
        let Some(header) = plain.tcp() else { return self.layers(*frame, sink) };
        let parsed;
        let options = if TcpOptions::are_plain(header.options) {
            &TcpOptions::NONE
        } else {
            parsed = TcpOptions::parse(header.options);
            &parsed
        };
        let segment = &segment_of(frame.meta, header, options, plain.payload, plain.missing);
        let whole = !plain.payload.is_empty() && plain.missing == 0;
        let carrier = |verdict| Carrier {
            meta: frame.meta,
            cap_len: frame.bytes.len() as u32,
            headers: plain.headers,
            resumed: &[],
            verdict,
        };
        let is_syn = segment.control.any(Control::SYN);
        let known = match self.table.find_mut(key) {
            None if is_syn => Some(self.connection(key, swapped, segment, false, None, sink)),
            None => None,
            Some((id, connection)) if is_syn || !connection.is_plain() => Some(id),
            Some((id, connection)) => {
                let dir = connection.direction(swapped);
                let header_sum = || checksum::plain_header_sum(plain);
                match connection.goes_on(dir, segment, carrier, header_sum, &mut self.shared, sink) {
                    Taken::Not => Some(id),
                    Taken::Counted => return,
                    taken @ (Taken::Fed | Taken::Ended) => {
                        bound(connection, self.options.limits, &mut self.queued, &mut self.shared, sink);
                        if taken == Taken::Ended
                            && let Some(deadline) = connection.arm(self.shared.now)
                        {
                            self.timers.set(deadline, id);
                        }
                        return;
                    }
                }
            }
        };
        if is_syn
            && let Some(connection) = known.and_then(|id| self.table.get_mut(id)).filter(|known| known.is_plain())
            && connection.opens(connection.direction(swapped), segment, self.shared.now)
        {
            return;
        }
        let carrier = &mut carrier(Verdict::default());
        let header_sum = whole.then(|| checksum::plain_header_sum(plain));
        let flags = Flags::EMPTY;
        self.segment(Arrival { packet: None, key, known, swapped, segment, carrier, header_sum, flags }, sink);
    }
}
