//! One connection as HTTP/1 sees it: two directions, each at some place in some message.

mod copies;
mod doubt;
mod handover;
mod heads;
mod simple;

use std::collections::VecDeque;

use super::Http;
use super::chunked::{self, Progress};
use super::coding;
use super::head::{self, Start, looks_like_start, plausible_resync};
use super::pairing::{Answer, Method, Pairing};
use crate::app::identify::identify;
use crate::app::ledger::Class;
use crate::app::message::{Integrity, Kind, Message, Unit, Update};
use crate::app::{Context, Output};
use crate::frame::FrameNumber;
use crate::issue::{Issue, IssueSet};
use crate::tcp::reassembly::{Cause, End, ORIGIN};
use crate::tcp::{Carrier, OwnedCarrier, SegmentRef};

/// Bytes held of a client that goes on after `CONNECT` or `Upgrade` before the answer.
const MAX_PARKED: usize = 256 << 10;

/// Messages of a direction that a late copy is still assigned to.
const MAX_PAST: usize = 256;

/// First bytes kept of a direction that is not HTTP, to name its protocol by.
const FIRST_BYTES: usize = 64;

/// The HTTP messages of one connection.
pub struct Session {
    sides: [Side; 2],
    pairing: Pairing,
    next_number: u32,
    /// Who sent the SYN, where it or the SYN-ACK was seen.
    opener: Option<usize>,
    /// Whether any HTTP message was met.
    recognised: bool,
}

#[derive(Default)]
struct Side {
    role: Option<Kind>,
    state: State,
    /// The message under way.
    message: Option<Box<Message>>,
    /// Its head so far, where it is not whole within one segment.
    held: Vec<u8>,
    /// How much of `held` is known not to end the head.
    scanned: usize,
    /// What undoes the content coding of the body, and what that may cost.
    decoding: Option<(Box<coding::Decoder>, usize)>,
    parked: VecDeque<(SegmentRef, Vec<u8>, OwnedCarrier)>,
    parked_bytes: usize,
    /// Whether the client goes on without waiting for the answer that hands the connection over.
    impatient: bool,
    /// The first bytes of a body that there may not be: see [`Session::doubted`].
    doubt: Option<Vec<u8>>,
    past: VecDeque<Past>,
    /// Bytes read as no message, while it is not known whether the connection is HTTP.
    unclassified: u64,
    /// Whether something that is no message has followed the last one.
    excess_noted: bool,
    /// Offset of the next byte.
    position: Option<u64>,
    /// Bytes missing before its part was known, and whether a message accounts for them.
    early_hole: Option<(u64, u64, bool)>,
    /// Its first bytes, where they are not HTTP.
    first_bytes: Vec<u8>,
    rejected: bool,
}

/// Where a direction is.
#[derive(Debug, Default)]
enum State {
    /// At the start of a message.
    #[default]
    Start,
    /// At the first captured bytes of a stream whose beginning was not captured.
    Joined,
    /// Looking for one; at a place where one may begin, or not.
    Resync { boundary: bool },
    /// In a head, or in what may be one.
    Head(Search),
    /// In a body, with so many bytes to come.
    Length(u64),
    /// In a chunked body.
    Chunked(Box<chunked::Decoder>),
    /// In a body that the end of the stream ends.
    UntilClose,
    /// After the request of this number, which asks to hand the connection over.
    Asked(u32),
    /// Handed over.
    HandedOver,
}

/// How a message comes to be looked for at some place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Search {
    /// One is due.
    Due,
    /// What precedes was not captured: a segment that begins like a message is likely to be one.
    Joined,
    /// After a gap, or after what is no message: it may as well be the inside of a body.
    After,
}

/// A message that was given out.
#[derive(Clone, Copy, Debug)]
struct Past {
    number: u32,
    start: u64,
    end: u64,
    issues: IssueSet,
}

impl Session {
    /// Of a connection whose SYN this side sent, if the handshake was seen.
    pub fn new(opener: Option<usize>) -> Self {
        Self { sides: Default::default(), pairing: Pairing::default(), next_number: 1, opener, recognised: false }
    }

    /// Learns who sent the SYN after all.
    pub fn opened_by(&mut self, side: usize) {
        self.opener = Some(side);
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

    /// Whether both directions began with something that is not HTTP, after a handshake.
    fn is_other(&self) -> bool {
        self.opener.is_some() && !self.recognised && self.sides.iter().all(|side| side.rejected)
    }

    /// Whether bytes of such a connection may be passed over: unless a request begins them after all, as behind SOCKS.
    pub fn passes_over(&self, at: usize, bytes: &[u8]) -> bool {
        let begins = || bytes.first().is_some_and(u8::is_ascii_uppercase) && plausible_resync(bytes) == Start::Request;
        let named = || identify(self.first_bytes(at), self.first_bytes(1 - at));
        let turns = || self.opener == Some(at) && begins() && named().is_none_or(|name| name == "SOCKS");
        self.is_other() && !turns()
    }

    /// Bytes held because it is not known yet what they are.
    pub fn held(&self) -> usize {
        self.sides.iter().map(|side| side.held.len() + side.parked_bytes).sum()
    }

    /// Gives up what is held, at a bound: heads end, and what was set aside is read.
    pub fn relieve(&mut self, cx: &mut Context<'_>) {
        for at in 0..2 {
            self.release(at, cx);
            self.believe(at, cx);
            if matches!(self.sides[at].state, State::Head(_)) {
                self.overlong_head(at, cx);
            }
        }
    }

    /// The first bytes of a direction, where they are not HTTP.
    pub fn first_bytes(&self, side: usize) -> &[u8] {
        &self.sides[side].first_bytes
    }

    /// The next bytes of a direction.
    pub fn data(
        &mut self,
        at: usize,
        mut segment: SegmentRef,
        bytes: &[u8],
        carrier: Carrier<'_>,
        cx: &mut Context<'_>,
    ) {
        self.settle_simple_request(1 - at, bytes, cx);
        self.begin_stream(at, segment.offset);
        if let State::Resync { boundary } = &mut self.sides[at].state {
            *boundary = true;
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            // Every step takes a byte at least.
            let used = self.step(at, segment, rest, carrier, cx).clamp(1, rest.len());
            rest = &rest[used..];
            segment.offset += used as u64;
            segment.len -= used as u32;
        }
        self.sides[at].position = Some(segment.offset);
    }

    /// A stream that does not begin at its origin lacks bytes before its first one.
    fn begin_stream(&mut self, at: usize, offset: u64) {
        let side = &mut self.sides[at];
        if side.position.is_some() {
            return;
        }
        side.position = Some(offset);
        if self.opener.is_none() || offset != ORIGIN {
            side.state = State::Joined;
            self.note_hole(at, 0, offset, true);
        }
    }

    /// Takes bytes from the front of `rest` as the state has it, and tells how many.
    fn step(
        &mut self,
        at: usize,
        segment: SegmentRef,
        rest: &[u8],
        carrier: Carrier<'_>,
        cx: &mut Context<'_>,
    ) -> usize {
        if self.sides[at].doubt.is_some() && self.doubted(at, segment, rest, carrier, cx) {
            return rest.len();
        }
        let side = &mut self.sides[at];
        match &mut side.state {
            State::Start => self.start(at, segment, rest, carrier, Search::Due, cx),
            State::Joined => self.start(at, segment, rest, carrier, Search::Joined, cx),
            State::Resync { boundary: true } => self.start(at, segment, rest, carrier, Search::After, cx),
            State::Resync { boundary: false } => self.skip(at, segment.offset, rest, 0, cx),
            State::Head(_) => self.more_head(at, segment, rest, carrier, cx),
            State::Length(left) => {
                let len = usize::try_from(*left).map_or(rest.len(), |left| left.min(rest.len()));
                *left -= len as u64;
                let done = *left == 0;
                self.body(at, piece(segment, len), &rest[..len], cx);
                if done {
                    self.finish(at, Integrity::Complete, &rest[len..], cx);
                }
                len
            }
            State::UntilClose => {
                self.body(at, segment, rest, cx);
                rest.len()
            }
            State::Chunked(_) => self.chunked(at, segment, rest, cx),
            State::Asked(_) => {
                side.parked_bytes += rest.len();
                side.parked.push_back((segment, rest.to_vec(), carrier.to_owned()));
                if side.parked_bytes > MAX_PARKED {
                    self.release(at, cx);
                }
                rest.len()
            }
            State::HandedOver => {
                cx.ledger.add(Class::Other, rest.len() as u64);
                rest.len()
            }
        }
    }

    /// The next bytes of the message under way; they are counted once it is known to be one.
    fn take(&mut self, at: usize, segment: SegmentRef, cx: &mut Context<'_>) {
        if let Some(message) = &mut self.sides[at].message {
            message.extend(segment);
            if message.number > 0 {
                cx.ledger.add(Class::Message, u64::from(segment.len));
            }
        }
    }

    /// The next bytes of a body that is sent as it is.
    fn body(&mut self, at: usize, segment: SegmentRef, bytes: &[u8], cx: &mut Context<'_>) {
        self.take(at, segment, cx);
        let side = &mut self.sides[at];
        if let Some(message) = &mut side.message {
            content(message, side.decoding.as_mut().map(|decoding| &mut *decoding.0), bytes, cx);
        }
    }

    fn chunked(&mut self, at: usize, segment: SegmentRef, rest: &[u8], cx: &mut Context<'_>) -> usize {
        let side = &mut self.sides[at];
        let (State::Chunked(decoder), Some(message)) = (&mut side.state, &mut side.message) else { return rest.len() };
        let decoding = &mut side.decoding;
        let fed = decoder
            .feed(rest, &mut |data| content(message, decoding.as_mut().map(|decoding| &mut *decoding.0), data, cx));
        let progress = fed.state;
        if progress != Progress::More {
            message.issues = message.issues.union(decoder.issues());
            if let Unit::Http(http) = &mut message.unit {
                http.trailer_raw.extend_from_slice(decoder.trailers());
                head::parse_fields_into(&http.trailer_raw, &mut http.trailer);
                message.issues = message.issues.union(http.trailer.issues);
            }
        }
        if fed.used > 0 {
            self.take(at, piece(segment, fed.used), cx);
        }
        match progress {
            Progress::More => rest.len(),
            Progress::Done => {
                self.finish(at, Integrity::Complete, &rest[fed.used..], cx);
                fed.used
            }
            Progress::Bad(issue) => {
                if let Some(message) = &mut self.sides[at].message {
                    message.issues.insert(issue);
                }
                self.finish(at, Integrity::Malformed, &[], cx);
                self.lose_track(at, true);
                self.unread(at, segment.offset + fed.used as u64, &rest[fed.used..], cx);
                rest.len()
            }
        }
    }

    /// The message under way has ended; `rest` follows it in the same segment.
    fn finish(&mut self, at: usize, end: Integrity, rest: &[u8], cx: &mut Context<'_>) {
        let side = &mut self.sides[at];
        side.state = State::Start;
        let decoding = side.decoding.take();
        *cx.decoding -= decoding.as_ref().map_or(0, |decoding| decoding.1);
        let Some(mut message) = side.message.take() else { return };
        message.conclude(end);
        if let (Some((mut decoding, _)), Unit::Http(http)) = (decoding, &mut message.unit)
            && http.body_len > 0
        {
            decoding.end(message.integrity == Integrity::Complete);
            http.preview.extend_from_slice(decoding.preview());
            http.decoded_len = Some(decoding.decoded_len());
            message.issues = message.issues.union(decoding.issues());
        }
        if !rest.is_empty() && !self.may_follow(at, &message, rest) {
            message.issues.insert(Issue::ExcessData);
            self.sides[at].excess_noted = true;
        }
        if message.kind == Kind::Request
            && let Some(pending) = self.pairing.waiting(message.number)
        {
            if message.integrity == Integrity::Complete {
                pending.done = Some((message.frame, message.last_time));
            }
            if pending.asks && message.integrity == Integrity::Complete {
                let connect = pending.method == Method::Connect;
                self.asked(at, message.number, connect);
            }
        }
        if message.kind == Kind::Response && message.http().is_some_and(Http::is_final) {
            self.pairing.responded(message.start, message.end());
        }
        let side = &mut self.sides[at];
        if side.past.len() == MAX_PAST {
            side.past.pop_front();
        }
        side.past.push_back(Past {
            number: message.number,
            start: message.start,
            end: message.end(),
            issues: message.issues,
        });
        (cx.out)(Output::Message(&message));
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
            let first = side.past.is_empty() && side.message.is_none() && self.opener.is_none();
            cx.ledger.add(if first { Class::BeforeFirst } else { Class::Undecodable }, bytes.len() as u64);
        } else {
            side.rejected = true;
            side.unclassified += bytes.len() as u64;
            let room = FIRST_BYTES.saturating_sub(side.first_bytes.len());
            side.first_bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
        if !side.excess_noted
            && let Some(last) = side.past.back_mut()
            && side.position.is_some()
            && !last.issues.contains(Issue::Malformed)
            && !last.issues.contains(Issue::Gap)
            && !last.issues.contains(Issue::Truncated)
        {
            side.excess_noted = true;
            last.issues.insert(Issue::ExcessData);
            let issues = [Issue::ExcessData].into_iter().collect();
            let (number, start) = (last.number, last.start);
            (cx.out)(Output::Update(Update { number, side: at, start, issues, segment: None }));
        }
    }

    /// It is no longer known where the next message begins.
    fn lose_track(&mut self, at: usize, explained: bool) {
        self.sides[at].state = State::Resync { boundary: false };
        let past = self.sides[at].past.back().map_or(0, |past| past.end);
        self.note_hole(at, past, past, explained);
    }

    /// A message begins at `start` where one was looked for.
    fn resynchronised(&mut self, at: usize, start: u64) {
        if let Some((_, end, _)) = &mut self.sides[at].early_hole {
            *end = start;
        }
        match self.part(at) {
            Some(Kind::Request) => self.pairing.requests_resume(start),
            Some(Kind::Response) => self.pairing.responses_resume(start),
            None => {}
        }
    }

    /// What a side sends: what it has sent, or the other has not.
    fn part(&self, at: usize) -> Option<Kind> {
        let by_other = self.sides[1 - at].role.map(|other| match other {
            Kind::Request => Kind::Response,
            Kind::Response => Kind::Request,
        });
        self.sides[at].role.or(by_other)
    }

    fn note_hole(&mut self, at: usize, start: u64, end: u64, explained: bool) {
        match self.part(at) {
            Some(Kind::Request) => self.pairing.hole_in_requests(start, end, explained),
            Some(Kind::Response) => self.pairing.hole_in_responses(end),
            None => self.sides[at].early_hole = Some((start, end, explained)),
        }
    }

    /// The next `len` bytes of a direction are not there.
    pub fn gap(&mut self, at: usize, offset: u64, len: u64, cause: Cause, forced: bool, cx: &mut Context<'_>) {
        self.begin_stream(at, offset);
        self.release(at, cx);
        self.believe(at, cx);
        let side = &mut self.sides[at];
        side.position = Some(offset + len);
        if forced && let Some(message) = &mut side.message {
            message.issues.insert(Issue::BufferFull);
        }
        let end = offset + len;
        let absorbed = match &mut side.state {
            State::Chunked(decoder) => decoder.gap(len),
            State::UntilClose => true,
            _ => false,
        };
        match &mut side.state {
            _ if absorbed => self.lack(at, len, cause),
            State::Length(left) => {
                let within = len.min(*left);
                *left -= within;
                let done = *left == 0;
                self.lack(at, within, cause);
                if done {
                    self.finish(at, Integrity::Complete, &[], cx);
                }
                if within < len {
                    self.sides[at].state = State::Resync { boundary: false };
                    self.note_hole(at, offset + within, end, false);
                }
            }
            State::Chunked(_) | State::UntilClose => {
                self.lack(at, len, cause);
                self.finish(at, Integrity::Gap, &[], cx);
                self.sides[at].state = State::Resync { boundary: false };
                self.note_hole(at, offset, end, true);
            }
            State::Head(_) => {
                let exists = self.settle_head(at, cx);
                if exists {
                    self.lack(at, len, cause);
                    self.finish(at, Integrity::Gap, &[], cx);
                }
                self.sides[at].state = State::Resync { boundary: false };
                self.note_hole(at, offset, end, exists);
            }
            State::Start | State::Joined | State::Resync { .. } | State::Asked(_) => {
                side.state = State::Resync { boundary: false };
                self.note_hole(at, offset, end, false);
            }
            State::HandedOver => {}
        }
        if !absorbed {
            // The answer that a request waits for may be among them.
            self.release(1 - at, cx);
        }
    }

    fn lack(&mut self, at: usize, len: u64, cause: Cause) {
        let side = &mut self.sides[at];
        if let Some((decoding, _)) = &mut side.decoding {
            decoding.end(false);
        }
        if let Some(message) = &mut side.message {
            message.lack(len, cause);
        }
    }

    /// A direction has ended.
    pub fn end(&mut self, at: usize, by: End, frame: FrameNumber, cx: &mut Context<'_>) {
        self.settle_simple_request(at, &[], cx);
        self.release(at, cx);
        // Not a byte of a body that HEAD would not have: nothing tells that one was sent.
        if by == End::Fin && self.sides[at].doubt.as_ref().is_some_and(Vec::is_empty) {
            self.finish(at, Integrity::Complete, &[], cx);
        }
        self.believe(at, cx);
        let cut = Integrity::cut_by(by);
        match self.sides[at].state {
            State::Head(_) => {
                if self.settle_head(at, cx) {
                    let answered = self.answered(at);
                    if let Some(message) = &mut self.sides[at].message {
                        let whole_line = message.http().is_some_and(|http| http.raw.contains(&b'\n'));
                        if whole_line && (by != End::Capture || answered) {
                            message.issues.insert(Issue::MissingBlankLine);
                        }
                        if frame > 0 && by != End::Capture {
                            message.frame = frame;
                        }
                    }
                    self.finish(at, cut, &[], cx);
                }
            }
            State::UntilClose if by == End::Fin => {
                if let Some(message) = &mut self.sides[at].message
                    && frame > 0
                {
                    message.frame = frame;
                }
                self.finish(at, Integrity::Complete, &[], cx);
            }
            State::Length(_) | State::Chunked(_) | State::UntilClose => self.finish(at, cut, &[], cx),
            State::Start | State::Joined | State::Resync { .. } | State::Asked(_) | State::HandedOver => {}
        }
    }

    /// The connection is over: what was never recognised is of another protocol.
    pub fn close(&mut self, cx: &mut Context<'_>) {
        for side in &mut self.sides {
            cx.ledger.add(Class::Other, std::mem::take(&mut side.unclassified));
        }
    }

    /// Whether the request under way has its final response.
    fn answered(&mut self, at: usize) -> bool {
        let number = self.sides[at].message.as_ref().map_or(0, |message| message.number);
        number > 0 && self.sides[at].role == Some(Kind::Request) && self.pairing.waiting(number).is_none()
    }
}

/// Bytes of a body, after transfer decoding.
fn content(message: &mut Message, decoding: Option<&mut coding::Decoder>, bytes: &[u8], cx: &mut Context<'_>) {
    let Unit::Http(http) = &mut message.unit else { return };
    http.body_len += bytes.len() as u64;
    match decoding {
        Some(decoding) => decoding.push(bytes),
        None => {
            let room = cx.wanted.preview.saturating_sub(http.preview.len());
            http.preview.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    }
    if cx.wanted.bodies {
        (cx.out)(Output::Body(message.number, bytes));
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
            message.request_in = request.done.map(|(frame, _)| frame);
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

/// The first `len` bytes of a run.
fn piece(segment: SegmentRef, len: usize) -> SegmentRef {
    SegmentRef { len: len as u32, ..segment }
}

/// One past the first blank line in `bytes` that ends at `from` or later.
fn after_blank_line(bytes: &[u8], from: usize) -> Option<usize> {
    memchr::memchr_iter(b'\n', bytes).map(|lf| lf + 1).find(|&end| {
        let line = bytes[..end - 1].strip_suffix(b"\r").unwrap_or(&bytes[..end - 1]);
        end >= from.max(2) && line.ends_with(b"\n")
    })
}
