//! Where a message begins, and its head.

use std::num::NonZero;

use super::{Run, Search, Session, State, after_blank_line, method_name, pair};
use crate::app::http1::framing::{Framing, framing};
use crate::app::http1::head::{
    self, Start, looks_like_cut_start, looks_like_joined_start, looks_like_start, plausible_resync,
};
use crate::app::http1::name::Name;
use crate::app::http1::pairing::{Method, Pending};
use crate::app::http1::parse;
use crate::app::http1::plain::{self, PlainStart};
use crate::app::http1::skim;
use crate::app::ledger::Class;
use crate::app::message::{Integrity, Kind, Unit};
use crate::app::{Context, Wanted, protocol};
use crate::issue::Issue;

/// The longest head that is kept. Servers allow 8 to 64 KiB.
const MAX_HEAD: usize = 1 << 20;

impl Search {
    /// What `bytes` begin with.
    fn judge(self, bytes: &[u8]) -> Start {
        match self {
            Self::Due => looks_like_start(bytes),
            Self::Joined => looks_like_joined_start(bytes),
            Self::After => plausible_resync(bytes),
        }
    }
}

impl Session {
    /// At the start of a message, or at what may be one.
    pub(super) fn start(&mut self, at: usize, run: &Run<'_>, search: Search, cx: &mut Context<'_>) -> usize {
        let plain = if search == Search::Due { plain::start_line(run.bytes) } else { None };
        let judged = plain.map_or_else(|| search.judge(run.bytes), |plain| plain.start());
        let start = self.admit(at, judged, search);
        if start == Start::No {
            if search == Search::Due && self.begins_simple_response(at) {
                return self.simple_response(at, run, cx);
            }
            return self.skip(at, run, 1, cx);
        }
        self.begin(at, run, cx);
        if search != Search::Due {
            self.resynchronised(at, run.segment.offset);
        }
        if start != Start::Maybe
            && let Some(end) = self.parse_whole_head(at, plain, run.bytes, cx.wanted)
        {
            self.exists(at, start, 0, cx);
            self.take(at, &run.first(end), cx);
            self.head(at, &run.bytes[end..], cx);
            return end;
        }
        self.sides[at].state = State::Head { search, scanned: 0 };
        self.more_head(at, run, cx)
    }

    /// Passes over what is no message, up to a place where one may begin: after a blank line, at `from` or later.
    pub(super) fn skip(&mut self, at: usize, run: &Run<'_>, from: usize, cx: &mut Context<'_>) -> usize {
        let blank = after_blank_line(run.bytes, from);
        let skip = blank.unwrap_or(run.bytes.len());
        self.sides[at].state = State::Resync { boundary: blank.is_some() };
        self.unread(at, run.segment.offset, &run.bytes[..skip], cx);
        skip
    }

    /// What a start is to this side: one that does not fit its part is none. Where none is due, the handshake tells
    /// parts too.
    pub(super) fn admit(&self, at: usize, start: Start, search: Search) -> Start {
        let opener = self.opener.filter(|_| search != Search::Due).map(usize::from);
        let by_handshake = opener.map(|client| if at == client { Kind::Request } else { Kind::Response });
        match (start, self.part(at).or(by_handshake)) {
            (Start::Request, Some(Kind::Response)) | (Start::Response, Some(Kind::Request)) => Start::No,
            _ => start,
        }
    }

    /// A message may begin here.
    pub(super) fn begin(&mut self, at: usize, run: &Run<'_>, cx: &mut Context<'_>) {
        let mut message = cx.pool.take();
        message.begin(at, run, cx.wanted.messages);
        self.sides[at].message = Some(message);
    }

    /// The message is one: it gets its number, and the `held` bytes of it their class.
    pub(super) fn exists(&mut self, at: usize, start: Start, held: usize, cx: &mut Context<'_>) {
        let kind = if start == Start::Response { Kind::Response } else { Kind::Request };
        if !self.recognised {
            let class = match self.opener {
                Some(_) if self.is_other() => Class::Other,
                Some(_) => Class::Undecodable,
                None => Class::BeforeFirst,
            };
            self.recognised = true;
            for unread in self.foreign.iter_mut().flat_map(|foreign| foreign.unread.iter_mut()) {
                cx.ledger.add(class, std::mem::take(&mut unread.count));
            }
        }
        cx.ledger.add(Class::Message, held as u64);
        let side = &mut self.sides[at];
        side.role = Some(kind);
        side.excess_noted = false;
        for at in 0..2 {
            if let Some((start, end, explained)) = self.sides[at].rare().and_then(|rare| rare.early_hole.take()) {
                self.note_hole(at, start, end, explained);
            }
        }
        let side = &mut self.sides[at];
        let Some(message) = &mut side.message else { return };
        self.messages += 1;
        message.number = self.messages;
        message.kind = kind;
        if kind == Kind::Request {
            let pending = Pending {
                number: message.number,
                method: Method::Other,
                start: message.start,
                head_end: None,
                acked: message.acked,
                done: None,
                asks: false,
                simple: false,
            };
            self.pairing.request(pending);
        }
    }

    /// More of a head that spans segments.
    pub(super) fn more_head(&mut self, at: usize, run: &Run<'_>, cx: &mut Context<'_>) -> usize {
        let len = run.bytes.len();
        let side = &mut self.sides[at];
        let State::Head { search, scanned } = side.state else { return len };
        let before = side.more_head(run.bytes);
        let exists = side.message.as_ref().is_some_and(|message| message.number > 0);
        if !exists {
            let start = search.judge(side.head());
            match self.admit(at, start, search) {
                Start::Maybe => {
                    self.take(at, &run.segment, cx);
                    return len;
                }
                Start::No => {
                    self.reject(at, before, cx);
                    let simple = search == Search::Due && before == 0 && self.begins_simple_response(at);
                    if simple {
                        return self.simple_response(at, run, cx);
                    }
                    if before > 0 {
                        return self.start(at, run, Search::After, cx);
                    }
                    self.unread(at, run.segment.offset, run.bytes, cx);
                    return len;
                }
                start => self.exists(at, start, before, cx),
            }
        }
        let side = &mut self.sides[at];
        let Some(end) = head::find_end(side.head(), scanned) else {
            let scanned = side.head().len();
            side.state = State::Head { search, scanned };
            self.take(at, &run.segment, cx);
            if scanned > MAX_HEAD {
                self.overlong_head(at, cx);
            }
            return len;
        };
        let used = end.saturating_sub(before).max(1);
        self.take(at, &run.first(used), cx);
        self.parse_head(at);
        self.head(at, &run.bytes[used..], cx);
        used
    }

    /// What was held turns out to be no message.
    pub(super) fn reject(&mut self, at: usize, held: usize, cx: &mut Context<'_>) {
        let side = &mut self.sides[at];
        side.state = State::Resync { boundary: false };
        let Some(message) = side.message.take() else { return };
        let bytes = message.http().map_or(&[][..], |http| &http.raw);
        self.unread(at, message.start, &bytes[..bytes.len().min(held)], cx);
        cx.pool.give_back(message);
    }

    /// No more of the head is kept.
    pub(super) fn overlong_head(&mut self, at: usize, cx: &mut Context<'_>) {
        if !self.settle_head(at, cx) {
            return;
        }
        if let Some(message) = &mut self.sides[at].message {
            message.issues.insert(Issue::HeadTooLarge);
        }
        self.finish(at, Integrity::Malformed, &[], cx);
        self.lose_track(at, true);
    }

    /// The head is whole and parsed; `rest` follows it in the same segment.
    pub(super) fn head(&mut self, at: usize, rest: &[u8], cx: &mut Context<'_>) {
        let Some(message) = &mut self.sides[at].message else { return };
        let (number, kind, head_end) = (message.number, message.kind, message.end());
        let answered = pair(&mut self.pairing, message);
        let answers = message.answers;
        let Unit::Http(http) = &mut message.unit else { return };
        let (framing, issues) = framing(http.head(), answered.map(method_name));
        let head = http.head();
        let method = Method::of(head);
        let asks = kind == Kind::Request && (method == Method::Connect || head.has(Name::Upgrade));
        message.issues = message.issues.union(issues);
        let coded = cx.wanted.messages && head.has(Name::ContentEncoding);
        http.hands_over = framing == Framing::Tunnel;
        let upgraded = if http.hands_over { protocol::upgraded(message) } else { None };
        if coded {
            self.undo_codings(at, cx);
        }
        if kind == Kind::Request
            && let Some(pending) = self.pairing.waiting(number)
        {
            (pending.method, pending.head_end, pending.asks) = (method, NonZero::new(head_end), asks);
        }
        if kind == Kind::Response && answers.is_none() && matches!(framing, Framing::Length(1..) | Framing::Chunked) {
            self.sides[at].make_rare().doubt = Some(Vec::new());
        }
        match framing {
            Framing::None | Framing::Length(0) => self.finish(at, Integrity::Complete, rest, cx),
            Framing::Length(len) => self.sides[at].state = State::Length(len),
            Framing::Chunked => self.sides[at].state = State::Chunked(Box::default()),
            Framing::UntilClose => self.sides[at].state = State::UntilClose,
            Framing::Tunnel => {
                upgraded.into_iter().for_each(|protocol| self.set_protocol(protocol));
                self.finish(at, Integrity::Complete, &[], cx);
                self.hand_over(at, cx);
            }
            Framing::Invalid => {
                self.finish(at, Integrity::Malformed, &[], cx);
                self.lose_track(at, true);
            }
        }
        if kind == Kind::Response && framing != Framing::Tunnel {
            self.resolve_if_answered(1 - at, cx);
        }
    }

    /// Parses the head that begins `bytes`, and keeps it, where it is whole: its length.
    fn parse_whole_head(
        &mut self,
        at: usize,
        plain: Option<PlainStart>,
        bytes: &[u8],
        wanted: Wanted,
    ) -> Option<usize> {
        let message = self.sides[at].message.as_mut()?;
        let Unit::Http(http) = &mut message.unit else { return None };
        match plain {
            Some(start) if !wanted.messages && skim::skim(start, bytes, &mut http.parsed) => {}
            Some(_) => parse::parse_after(plain, bytes, &mut http.parsed),
            None => head::parse_into(bytes, &mut http.parsed),
        }
        let end = http.parsed.len as usize;
        http.raw.extend_from_slice(bytes.get(..end).filter(|_| http.parsed.complete)?);
        message.issues = message.issues.union(http.parsed.issues);
        Some(end)
    }

    /// Parses the head that was held; what follows it is dropped.
    pub(super) fn parse_head(&mut self, at: usize) {
        let Some(message) = &mut self.sides[at].message else { return };
        let Unit::Http(http) = &mut message.unit else { return };
        head::parse_into(&http.raw, &mut http.parsed);
        http.raw.truncate(http.parsed.len as usize);
        message.issues = message.issues.union(http.parsed.issues);
    }

    /// A head, or what may be one, goes no further: tells whether it is a message, which then has what is known of it.
    pub(super) fn settle_head(&mut self, at: usize, cx: &mut Context<'_>) -> bool {
        let held = self.sides[at].head();
        let len = held.len();
        let exists = self.sides[at].message.as_ref().is_some_and(|message| message.number > 0);
        if !exists {
            match self.admit(at, looks_like_cut_start(held), Search::After) {
                Start::No | Start::Maybe => {
                    self.reject(at, len, cx);
                    return false;
                }
                start => self.exists(at, start, len, cx),
            }
        }
        self.parse_head(at);
        if let Some(message) = &mut self.sides[at].message {
            // A line that goes no further says less than it was to say.
            if let Unit::Http(http) = &mut message.unit
                && !http.raw.ends_with(b"\n")
            {
                http.parsed.fields.pop();
            }
            if let (Some(pending), Some(http)) = (self.pairing.waiting(message.number), message.http()) {
                (pending.method, pending.head_end) = (Method::of(http.head()), NonZero::new(message.end()));
            }
            pair(&mut self.pairing, message);
        }
        true
    }
}
