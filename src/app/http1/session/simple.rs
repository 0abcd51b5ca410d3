//! HTTP/0.9: a request line without version, and a body alone.

use std::num::NonZero;

use super::{Run, Search, Session, State, apply};
use crate::app::Context;
use crate::app::http1::head::Start;
use crate::app::message::{Integrity, Unit};
use crate::issue::Issue;

impl Session {
    /// A request line without version that nothing follows is a request of HTTP/0.9 once the server answers or the
    /// client is done, if the handshake was seen. A server whose `answer` is of a later version would have wanted one.
    pub(super) fn settle_simple_request(&mut self, at: usize, answer: &[u8], cx: &mut Context<'_>) {
        let side = &self.sides[at];
        let is_one = matches!(side.state, State::Head { search: Search::Due, .. })
            && self.opener.is_some()
            && side.message.as_ref().is_some_and(|message| message.number > 0)
            && is_simple_request(side.head());
        if !is_one {
            return;
        }
        self.parse_head(at);
        if let Some(message) = &mut self.sides[at].message {
            if !answer.starts_with(b"HTTP/") {
                message.issues.remove(Issue::MissingVersion);
            }
            if let Unit::Http(http) = &mut message.unit {
                http.nine = true;
            }
            let (number, end) = (message.number, message.end());
            if let Some(pending) = self.pairing.waiting(number) {
                pending.head_end = NonZero::new(end);
                pending.simple = true;
            }
        }
        self.finish(at, Integrity::Complete, &[], cx);
    }

    pub(super) fn begins_simple_response(&self, at: usize) -> bool {
        self.sides[at].last().is_none() && self.pairing.oldest().is_some_and(|oldest| oldest.simple)
    }

    pub(super) fn simple_response(&mut self, at: usize, run: &Run<'_>, cx: &mut Context<'_>) -> usize {
        self.begin(at, run, cx);
        self.exists(at, Start::Response, 0, cx);
        let side = &mut self.sides[at];
        side.state = State::UntilClose;
        if let Some(message) = &mut side.message {
            let answer = self.pairing.response(message.start, message.acked, true);
            apply(answer, message);
            if let Unit::Http(http) = &mut message.unit {
                http.nine = true;
            }
        }
        self.body(at, &run.segment, run.bytes, cx);
        run.bytes.len()
    }
}

/// Whether `held` is one request line of HTTP/0.9: `GET`, a target, a line end.
fn is_simple_request(held: &[u8]) -> bool {
    let Some(line) = held.strip_suffix(b"\n") else { return false };
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    line.starts_with(b"GET ") && !line.contains(&b'\n') && line[4..].iter().all(|byte| byte.is_ascii_graphic())
}
