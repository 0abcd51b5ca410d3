//! Messages of which nothing is asked but that they are counted: their heads are read where they are, and of those that
//! are whole in one segment nothing is kept.

use std::num::NonZero;

use super::side::{Past, Search, State};
use super::{Session, apply, method_name};
use crate::app::http1::framing::{Framing, framing};
use crate::app::http1::head::Start;
use crate::app::http1::pairing::{Method, Pending};
use crate::app::http1::{plain, skim};
use crate::app::message::{Kind, Unit};
use crate::app::{Pool, protocol};
use crate::tcp::SegmentRef;
use crate::tcp::reassembly::ORIGIN;

/// What became of a segment that begins a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Taken {
    /// It is the whole of one.
    Whole(Kind),
    /// More of its body is to come.
    UnderWay,
}

impl Session {
    /// Takes a segment that begins a message, and has nothing but it, where no message is told of: what
    /// [`Session::data`] does with it. `None` where that is to be asked, since there is more to it; nothing has changed
    /// then.
    pub fn count(&mut self, at: usize, segment: &SegmentRef, bytes: &[u8], pool: &mut Pool) -> Option<Taken> {
        if !self.is_at_start(at, segment, bytes) {
            return None;
        }
        let plain = plain::start_line(bytes)?;
        let kind = match self.admit(at, plain.start(), Search::Due) {
            Start::Request => Kind::Request,
            Start::Response => Kind::Response,
            Start::No | Start::Maybe => return None,
        };
        if (100..200).contains(&plain.code) || !skim::skim(plain, bytes, &mut pool.head) {
            return None;
        }
        let len = pool.head.len as usize;
        let (raw, rest) = bytes.split_at_checked(len)?;
        let start = segment.offset;
        let answered = match kind {
            Kind::Response => Some(self.pairing.answered_in_turn(start, segment.acked)?),
            _ => None,
        };
        let head = pool.head.of(raw);
        let (framing, issues) = framing(head, answered.map(method_name));
        let left = match framing {
            Framing::None => 0u64.checked_sub(rest.len() as u64)?,
            Framing::Length(len) => len.checked_sub(rest.len() as u64)?,
            Framing::Chunked | Framing::UntilClose | Framing::Tunnel | Framing::Invalid => return None,
        };
        // From here on it is taken.
        let side = &mut self.sides[at];
        (side.begun, side.role, side.excess_noted) = (true, Some(kind), false);
        self.recognised = true;
        self.messages += 1;
        let number = self.messages;
        let answer = if kind == Kind::Response {
            Some(self.pairing.response(start, segment.acked, true))
        } else {
            let frame = NonZero::new(segment.frame).filter(|_| left == 0);
            self.pairing.request(Pending {
                number,
                method: Method::of(head),
                start,
                head_end: NonZero::new(start + len as u64),
                acked: segment.acked,
                done: frame.map(|frame| (frame, segment.time)),
                asks: false,
                simple: false,
            });
            None
        };
        if left == 0 {
            let end = start + bytes.len() as u64;
            if kind == Kind::Response {
                self.pairing.responded(start, end);
            }
            self.pairing.tidy();
            self.sides[at].remember_past(Past { number, start, end }, issues);
            return Some(Taken::Whole(kind));
        }
        let mut message = pool.take();
        (message.number, message.side, message.kind, message.issues) = (number, at, kind, issues);
        (message.start, message.first_time, message.acked) = (start, segment.time, segment.acked);
        message.lengthen(segment);
        answer.into_iter().for_each(|answer| _ = apply(answer, &mut message));
        if let Unit::Http(http) = &mut message.unit {
            http.raw.extend_from_slice(raw);
            http.body_len = rest.len() as u64;
            std::mem::swap(&mut http.parsed, &mut pool.head);
        }
        let side = &mut self.sides[at];
        (side.message, side.state) = (Some(message), State::Length(left));
        Some(Taken::UnderWay)
    }

    /// Whether a message of HTTP/1 is due with this segment, and nothing waits, is missing or was odd before it.
    fn is_at_start(&self, at: usize, segment: &SegmentRef, bytes: &[u8]) -> bool {
        let (side, other) = (&self.sides[at], &self.sides[1 - at]);
        matches!(side.state, State::Start)
            && !matches!(other.state, State::Head { .. } | State::Asked(_))
            && !side.is_rare()
            && !other.is_rare()
            && self.foreign.is_none()
            && (side.begun || self.opener.is_some() && segment.offset == ORIGIN)
            && (self.recognised || !protocol::may_begin(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::ledger::{Class, Ledger};
    use crate::app::message::{Integrity, Message};
    use crate::app::{Context, Output, Wanted};
    use crate::frame::Timestamp;
    use crate::issue::Flags;
    use crate::tcp::OwnedCarrier;
    use crate::tcp::reassembly::End;

    const PIECES: [(usize, &str); 30] = [
        (0, "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"),
        (0, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"),
        (0, "GET / HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n"),
        (0, "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"),
        (0, "POST / HTTP/1.1\r\nContent-Length: 6\r\n\r\nabc"),
        (0, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
        (0, "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n"),
        (0, "GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"),
        (0, "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n"),
        (0, "GET /old\r\n"),
        (0, "GET /a HT"),
        (0, "TP/1.1\r\n\r\n"),
        (0, "abc"),
        (0, "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n"),
        (1, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"),
        (1, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc"),
        (1, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc"),
        (1, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        (1, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Encoding: gzip\r\n\r\nabc"),
        (1, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc"),
        (1, "HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n"),
        (1, "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nabc"),
        (1, "HTTP/1.1 100 Continue\r\n\r\n"),
        (1, "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n"),
        (1, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"),
        (1, "0\r\n\r\n"),
        (1, "HTTP/1.1 200 OK\r\n\r\nabc"),
        (1, "abc"),
        (1, "HTTP/1.1 2"),
        (1, "\u{16}\u{3}\u{1}\0\u{5}abcde"),
    ];

    /// What is known after some of the pieces: kind, length and integrity of the messages in their order, what is under
    /// way, where the bytes went, and how many messages were counted without the long way.
    fn read(pieces: &[usize], counts: bool, opener: Option<usize>) -> (impl PartialEq + std::fmt::Debug, usize) {
        let (mut session, mut pool) = (Session::default(), Pool::default());
        opener.into_iter().for_each(|side| session.opened_by(side));
        let (mut ledger, mut decoding) = (Ledger::default(), 0);
        let carrier = OwnedCarrier::default();
        let (mut told, mut next, mut counted) = (Vec::new(), [ORIGIN; 2], 0);
        let wanted = Wanted { messages: false, preview: 0, bodies: false };
        for (frame, (at, text)) in (1..).zip(pieces.iter().map(|&piece| PIECES[piece])) {
            let len = text.len() as u32;
            let (offset, acked) = (next[at], next[1 - at]);
            let segment = SegmentRef { frame, time: Timestamp(0), offset, len, flags: Flags::EMPTY, acked };
            next[at] += u64::from(len);
            let taken = if counts { session.count(at, &segment, text.as_bytes(), &mut pool) } else { None };
            if let Some(taken) = taken {
                counted += 1;
                ledger.add(Class::Message, len.into());
                if let Taken::Whole(kind) = taken {
                    told.push((kind, u64::from(len), Integrity::Complete));
                }
                continue;
            }
            let mut out = |output: Output<'_>| {
                if let Output::Message(Message { kind, len, integrity, .. }) = output {
                    told.push((*kind, *len, *integrity));
                }
            };
            let (ledger, decoding, pool) = (&mut ledger, &mut decoding, &mut pool);
            let cx = &mut Context { wanted, ledger, decoding, pool, out: &mut out };
            session.data(at, &super::super::Run { segment, bytes: text.as_bytes(), carrier: &carrier.get() }, cx);
        }
        let under_way = [0, 1].map(|at| session.under_way(at).map(|message| (message.number, message.len)));
        let state = session.sides.each_ref().map(|side| format!("{:?}", side.state));
        let past = session.sides.each_ref().map(|side| side.past_from(0).map(|past| past.end).collect::<Vec<_>>());
        let pairing = format!("{:?}", session.pairing);
        let mut out = |output: Output<'_>| {
            if let Output::Message(Message { kind, len, integrity, .. }) = output {
                told.push((*kind, *len, *integrity));
            }
        };
        let cx = &mut Context { wanted, ledger: &mut ledger, decoding: &mut decoding, pool: &mut pool, out: &mut out };
        (0..2).for_each(|at| session.end(at, End::Fin, 99, cx));
        ((told, under_way, state, past, pairing, format!("{ledger:?}"), session.client()), counted)
    }

    #[test]
    fn what_is_counted_at_once_is_counted_as_by_the_long_way() {
        let mut counted = 0;
        let mut random = 1u64;
        for round in 0..30_000u64 {
            let len = 1 + (round % 6) as usize;
            let pieces: Vec<usize> = std::iter::repeat_with(|| {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (random >> 33) as usize % PIECES.len()
            })
            .take(len)
            .collect();
            let opener = [Some(0), Some(0), Some(1), None][(random >> 61) as usize % 4];
            let (short, at_once) = read(&pieces, true, opener);
            let texts = || pieces.iter().map(|&piece| PIECES[piece]).collect::<Vec<_>>();
            assert_eq!(short, read(&pieces, false, opener).0, "{opener:?} {:?}", texts());
            counted += at_once;
        }
        assert!(counted > 4000, "{counted}");
    }
}
