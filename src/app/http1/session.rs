//! One connection as HTTP/1 sees it: two directions, each at some place in some message.

mod bodies;
mod copies;
mod doubt;
mod end;
mod foreign;
mod handover;
mod heads;
mod side;
mod simple;

use std::num::NonZero;

use super::Http;
use super::head::{Start, looks_like_start};
use super::pairing::{Answer, Method, Pairing};
use crate::app::ledger::Class;
use crate::app::message::{Integrity, Kind, Message, Update};
use crate::app::{Context, Output};
use crate::issue::Issue;
use crate::tcp::reassembly::ORIGIN;
use crate::tcp::{Carrier, SegmentRef};
pub(in crate::app) use bodies::{Undoing, content, end_coding, undo_codings};
use foreign::Foreign;
use side::{Search, Side, State};

/// Bytes held of a client that goes on after `CONNECT` or `Upgrade` before the answer.
const MAX_PARKED: usize = 256 << 10;

/// The next bytes of a direction, in order.
#[derive(Clone, Copy)]
pub struct Run<'a> {
    /// Where they are, and in which frame; of as many bytes.
    pub segment: SegmentRef,
    /// The bytes.
    pub bytes: &'a [u8],
    /// The headers of the frame.
    pub carrier: &'a Carrier<'a>,
}

impl<'a> Run<'a> {
    /// What follows its first `len` bytes, of which it has as many.
    pub fn after(&self, len: usize) -> Self {
        let Self { segment, bytes, carrier } = *self;
        let (offset, left) = (segment.offset + len as u64, segment.len - len as u32);
        Self { segment: SegmentRef { offset, len: left, ..segment }, bytes: &bytes[len..], carrier }
    }

    /// Where its first `len` bytes are, of which it has as many.
    pub fn first(&self, len: usize) -> SegmentRef {
        SegmentRef { len: len as u32, ..self.segment }
    }
}

/// The HTTP messages of one connection.
#[derive(Default)]
pub struct Session {
    sides: [Side; 2],
    pairing: Pairing,
    /// What is kept of a connection that is not, or not yet known to be, HTTP.
    foreign: Option<Box<Foreign>>,
    /// How many messages there were.
    messages: u32,
    /// Who sent the SYN, where it or the SYN-ACK was seen.
    opener: Option<u8>,
    /// Whether any HTTP message was met.
    recognised: bool,
}

impl Session {
    /// Learns who sent the SYN.
    pub fn opened_by(&mut self, side: usize) {
        self.opener = Some(side as u8);
    }

    /// Whether any HTTP message was met.
    pub fn recognised(&self) -> bool {
        self.recognised
    }

    /// The side that sends requests, once that is known.
    pub fn client(&self) -> Option<usize> {
        match self.sides.each_ref().map(|side| side.role) {
            [Some(Kind::Request), _] | [_, Some(Kind::Response)] => Some(0),
            [_, Some(Kind::Request)] | [Some(Kind::Response), _] => Some(1),
            _ => None,
        }
    }

    /// The message under way of a direction.
    pub fn under_way(&mut self, at: usize) -> Option<&Message> {
        let own = self.sides[at].message.as_deref();
        own.or_else(|| self.foreign.as_mut()?.protocol.as_mut()?.under_way(at).map(|message| &*message))
    }

    /// Bytes held because it is not known yet what they are.
    pub fn held(&self) -> usize {
        let protocol = self.foreign.as_ref().and_then(|foreign| foreign.protocol.as_ref());
        self.sides.iter().map(Side::held).sum::<usize>() + protocol.map_or(0, |protocol| protocol.held())
    }

    /// Gives up what is held, at a bound: heads end, and what was set aside is read.
    pub fn relieve(&mut self, cx: &mut Context<'_>) {
        self.with_protocol(cx, |protocol, desk| protocol.relieve(desk));
        for at in 0..2 {
            self.stop_guessing(at, cx);
            self.release(at, cx);
            self.believe(at, cx);
            if matches!(self.sides[at].state, State::Head { .. }) {
                self.overlong_head(at, cx);
            }
        }
    }

    /// The next bytes of a direction.
    pub fn data(&mut self, at: usize, run: &Run<'_>, cx: &mut Context<'_>) {
        if matches!(self.sides[1 - at].state, State::Head { .. }) {
            self.settle_simple_request(1 - at, run.bytes, cx);
        }
        if !self.sides[at].begun {
            self.begin_stream(at, run.segment.offset);
        }
        if let State::Resync { boundary } = &mut self.sides[at].state {
            *boundary = true;
        }
        let is_known = self.recognised && !matches!(self.sides[at].state, State::HandedOver | State::Guess(_));
        if is_known || !self.guesses(at, run, cx) {
            self.read(at, run, cx);
        }
    }

    /// The same, of a protocol that is known.
    fn read(&mut self, at: usize, run: &Run<'_>, cx: &mut Context<'_>) {
        let mut run = run;
        let mut rest;
        while !run.bytes.is_empty() {
            // Every step takes a byte at least.
            let used = self.step(at, run, cx).max(1);
            if used >= run.bytes.len() {
                return;
            }
            rest = run.after(used);
            run = &rest;
        }
    }

    /// What was set aside is given to `read`.
    fn read_parked(&mut self, at: usize, read: fn(&mut Self, usize, &Run<'_>, &mut Context<'_>), cx: &mut Context<'_>) {
        for (segment, bytes, carrier) in self.sides[at].take_parked() {
            read(self, at, &Run { segment, bytes: &bytes, carrier: &carrier.get() }, cx);
        }
    }

    /// A stream that does not begin at its origin lacks bytes before its first one.
    fn begin_stream(&mut self, at: usize, offset: u64) {
        let side = &mut self.sides[at];
        side.begun = true;
        if self.opener.is_none() || offset != ORIGIN {
            side.state = State::Joined;
            self.note_hole(at, 0, offset, true);
        }
    }

    /// Takes bytes from the front of `run` as the state has it, and tells how many.
    fn step(&mut self, at: usize, run: &Run<'_>, cx: &mut Context<'_>) -> usize {
        let len = run.bytes.len();
        if self.sides[at].doubt().is_some() && self.doubted(at, run, cx) {
            return len;
        }
        let side = &mut self.sides[at];
        match &mut side.state {
            State::Start => return self.start(at, run, Search::Due, cx),
            State::Joined => return self.start(at, run, Search::Joined, cx),
            State::Resync { boundary: true } => return self.start(at, run, Search::After, cx),
            State::Resync { boundary: false } => return self.skip(at, run, 0, cx),
            State::Head { .. } => return self.more_head(at, run, cx),
            State::Length(left) => {
                let len = usize::try_from(*left).map_or(len, |left| left.min(len));
                *left -= len as u64;
                let done = *left == 0;
                self.body(at, &run.first(len), &run.bytes[..len], cx);
                if done {
                    self.finish(at, Integrity::Complete, &run.bytes[len..], cx);
                }
                return len;
            }
            State::Chunked(_) => return self.chunked(at, run, cx),
            State::UntilClose => self.body(at, &run.segment, run.bytes, cx),
            State::Asked(_) => {
                let rare = side.make_rare();
                rare.park(run);
                if rare.parked_bytes > MAX_PARKED {
                    self.release(at, cx);
                }
            }
            State::HandedOver => {
                if !self.with_protocol(cx, |protocol, desk| protocol.data(at, run, desk)) {
                    cx.ledger.add(Class::Other, len as u64);
                }
            }
            State::Guess(_) => {}
        }
        len
    }

    /// The next bytes of the message under way; they are counted once it is known to be one.
    fn take(&mut self, at: usize, segment: &SegmentRef, cx: &mut Context<'_>) {
        if let Some(message) = &mut self.sides[at].message {
            if cx.wanted.messages {
                message.extend(*segment);
            } else {
                message.lengthen(segment);
            }
            if message.number > 0 {
                cx.ledger.add(Class::Message, u64::from(segment.len));
            }
        }
    }

    /// The message under way has ended; `rest` follows it in the same segment.
    fn finish(&mut self, at: usize, end: Integrity, rest: &[u8], cx: &mut Context<'_>) {
        let side = &mut self.sides[at];
        side.state = State::Start;
        let decoding = side.rare().and_then(|rare| rare.decoding.take());
        let Some(mut message) = side.message.take() else { return };
        message.conclude(end);
        if let Some(decoding) = decoding {
            bodies::end_coding(&mut message, decoding, cx);
        }
        if !rest.is_empty() && !self.may_follow(at, &message, rest) {
            message.issues.insert(Issue::ExcessData);
            self.sides[at].excess_noted = true;
        }
        if message.kind == Kind::Request
            && let Some(pending) = self.pairing.waiting(message.number)
        {
            if message.integrity == Integrity::Complete {
                pending.done = NonZero::new(message.frame).map(|frame| (frame, message.last_time));
            }
            if pending.asks && message.integrity == Integrity::Complete {
                let connect = pending.method == Method::Connect;
                self.asked(at, message.number, connect);
            }
        }
        if message.kind == Kind::Response && message.http().is_some_and(Http::is_final) {
            self.pairing.responded(message.start, message.end());
        }
        self.pairing.tidy();
        let side = &mut self.sides[at];
        if message.number > 0 {
            side.remember(&message);
        }
        side.tidy();
        (cx.out)(Output::Message(&mut message));
        cx.pool.give_back(message);
    }

    /// Whether `rest` may begin another message, or belong to another protocol, after `message`.
    fn may_follow(&self, at: usize, message: &Message, rest: &[u8]) -> bool {
        let handed_over = message.http().is_some_and(|http| http.hands_over);
        let asks = self.pairing.oldest().is_some_and(|oldest| oldest.asks);
        handed_over || asks || self.admit(at, looks_like_start(rest), Search::Due) != Start::No
    }

    /// Bytes that are in no message.
    fn unread(&mut self, at: usize, offset: u64, bytes: &[u8], cx: &mut Context<'_>) {
        if bytes.is_empty() {
            return;
        }
        if self.part(at) == Some(Kind::Response) {
            self.pairing.no_response(offset, offset + bytes.len() as u64);
        }
        let side = &mut self.sides[at];
        if self.recognised {
            let first = side.last().is_none() && side.message.is_none() && self.opener.is_none();
            cx.ledger.add(if first { Class::BeforeFirst } else { Class::Undecodable }, bytes.len() as u64);
        } else {
            self.foreign.get_or_insert_default().unread[at].add(bytes);
        }
        if !side.excess_noted
            && let Some(last) = side.last()
            && let before = side.issues_of(last.number)
            && ![Issue::Malformed, Issue::Gap, Issue::Truncated].iter().any(|issue| before.contains(*issue))
        {
            side.excess_noted = true;
            let issues = [Issue::ExcessData].into_iter().collect();
            side.add_issues(last.number, issues);
            let kind = self.sides[at].role.unwrap_or(Kind::Request);
            let update = Update { number: last.number, side: at, kind, start: last.start, issues, segment: None };
            (cx.out)(Output::Update(update));
        }
    }

    /// It is no longer known where the next message begins.
    fn lose_track(&mut self, at: usize, explained: bool) {
        self.sides[at].state = State::Resync { boundary: false };
        let past = self.sides[at].last().map_or(0, |past| past.end);
        self.note_hole(at, past, past, explained);
    }

    /// A message begins at `start` where one was looked for.
    fn resynchronised(&mut self, at: usize, start: u64) {
        if let Some((_, end, _)) = self.sides[at].rare().and_then(|rare| rare.early_hole.as_mut()) {
            *end = start;
        }
        match self.part(at) {
            Some(Kind::Request) => self.pairing.requests_resume(start),
            Some(Kind::Response) => self.pairing.responses_resume(start),
            Some(Kind::Message { .. }) | None => {}
        }
    }

    /// What a side sends: what it has sent, or the other has not.
    fn part(&self, at: usize) -> Option<Kind> {
        let by_other = self.sides[1 - at].role.map(|other| match other {
            Kind::Request => Kind::Response,
            _ => Kind::Request,
        });
        self.sides[at].role.or(by_other)
    }

    fn note_hole(&mut self, at: usize, start: u64, end: u64, explained: bool) {
        match self.part(at) {
            Some(Kind::Request) => self.pairing.hole_in_requests(start, end, explained),
            Some(Kind::Response) => self.pairing.hole_in_responses(end),
            _ => self.sides[at].make_rare().early_hole = Some((start, end, explained)),
        }
    }
}

/// Pairs a response whose head was read as far as it goes; gives the method that its framing depends on.
fn pair(pairing: &mut Pairing, message: &mut Message) -> Option<Method> {
    let http = message.http().filter(|_| message.kind == Kind::Response)?;
    apply(pairing.response(message.start, message.acked, http.is_final()), message)
}

/// Tells a response what it answers; gives the method that its framing depends on.
fn apply(answer: Answer, message: &mut Message) -> Option<Method> {
    match answer {
        Answer::To(request) => {
            message.answers = Some(request.number);
            message.request_in = request.done.map(|(frame, _)| frame.get());
            message.since_request = request.done.map(|(_, time)| message.first_time.since(time));
            Some(request.method)
        }
        Answer::Nothing => None,
        Answer::Uncertain => {
            message.issues.insert(Issue::PairingUncertain);
            None
        }
    }
}

fn method_name(method: Method) -> &'static [u8] {
    match method {
        Method::Head => b"HEAD",
        Method::Connect => b"CONNECT",
        Method::Other => b"",
    }
}

/// One past the first blank line in `bytes` that ends at `from` or later.
fn after_blank_line(bytes: &[u8], from: usize) -> Option<usize> {
    memchr::memchr_iter(b'\n', bytes).map(|lf| lf + 1).find(|&end| {
        let line = bytes[..end - 1].strip_suffix(b"\r").unwrap_or(&bytes[..end - 1]);
        end >= from.max(2) && line.ends_with(b"\n")
    })
}
