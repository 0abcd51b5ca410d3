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
