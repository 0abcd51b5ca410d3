//! One connection as HTTP/1 sees it: two directions, each at some place in some message.

use std::collections::VecDeque;

use super::chunked::{self, Progress};
use super::coding;
use super::framing::{Framing, framing};
use super::head::{self, Start, looks_like_cut_start, looks_like_start, plausible_resync};
use super::pairing::{Answer, Method, Pairing, Pending};
use crate::app::ledger::Class;
use crate::app::message::{Integrity, Kind, Message, Unit, Update};
use crate::app::{Context, Output};
use crate::frame::FrameNumber;
use crate::issue::{Issue, IssueSet};
use crate::tcp::reassembly::{Cause, Compared, End, ORIGIN};
use crate::tcp::{Carrier, OwnedCarrier, SegmentRef};

/// The longest head that is kept. Servers allow 8 to 64 KiB.
const MAX_HEAD: usize = 1 << 20;

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
    /// Whether SYN or SYN-ACK was seen.
    handshake: bool,
    /// Whether any HTTP message was met.
    recognised: bool,
    /// The connection was handed over to another protocol by a message of HTTP.
    pub handed_over: bool,
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
    decoding: Option<Box<coding::Decoder>>,
    parked: VecDeque<(SegmentRef, Vec<u8>, OwnedCarrier)>,
    parked_bytes: usize,
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
    /// Looking for one; at a place where one may begin, or not.
    Resync { boundary: bool },
    /// In a head, or in what may be one; `strict` where it is after a gap.
    Head { strict: bool },
    /// In a body, with so many bytes to come.
    Length(u64),
    /// In a chunked body.
    Chunked(Box<chunked::Decoder>),
    /// In a body that the end of the stream ends.
    UntilClose,
    /// After a request that asks to hand the connection over.
    Asked,
    /// Handed over.
    HandedOver,
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
    /// Of a connection whose handshake was seen or not.
    pub fn new(handshake: bool) -> Self {
        Self {
            sides: Default::default(),
            pairing: Pairing::default(),
            next_number: 1,
            handshake,
            recognised: false,
            handed_over: false,
        }
    }

    /// Learns that SYN or SYN-ACK was seen after all.
    pub fn handshake_seen(&mut self) {
        self.handshake = true;
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
    pub fn is_other(&self) -> bool {
        self.handshake && !self.recognised && self.sides.iter().all(|side| side.rejected)
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
        if !self.handshake || offset != ORIGIN {
            side.state = State::Resync { boundary: false };
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
        let side = &mut self.sides[at];
        match &mut side.state {
            State::Start => self.start(at, segment, rest, carrier, false, cx),
            State::Resync { boundary: true } => self.start(at, segment, rest, carrier, true, cx),
            State::Resync { boundary: false } => self.skip(at, rest, 0, cx),
            State::Head { .. } => self.more_head(at, segment, rest, carrier, cx),
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
            State::Asked => {
                side.parked_bytes += rest.len();
                side.parked.push_back((segment, rest.to_vec(), carrier.to_owned()));
                if side.parked_bytes > MAX_PARKED {
                    let connect = self.pairing.oldest().is_some_and(|oldest| oldest.method == Method::Connect);
                    self.resolve(at, connect, cx);
                }
                rest.len()
            }
            State::HandedOver => {
                cx.ledger.add(Class::Other, rest.len() as u64);
                rest.len()
            }
        }
    }

    /// At the start of a message, or (`strict`) at what may be one.
    fn start(
        &mut self,
        at: usize,
        segment: SegmentRef,
        rest: &[u8],
        carrier: Carrier<'_>,
        strict: bool,
        cx: &mut Context<'_>,
    ) -> usize {
        let start = if strict { plausible_resync(rest) } else { looks_like_start(rest) };
        let start = self.admit(at, start);
        if start == Start::No {
            if !strict && self.begins_simple_response(at) {
                return self.simple_response(at, segment, rest, carrier, cx);
            }
            return self.skip(at, rest, 1, cx);
        }
        self.begin(at, segment, carrier, cx);
        if start != Start::Maybe
            && let Some(end) = head::find_end(rest, 0)
        {
            self.exists(at, start, 0, cx);
            self.take(at, piece(segment, end), cx);
            self.head(at, &rest[..end], &rest[end..], cx);
            return end;
        }
        self.sides[at].state = State::Head { strict };
        self.more_head(at, segment, rest, carrier, cx)
    }

    /// Passes over what is no message, up to a place where one may begin: after a blank line, at `from` or later.
    fn skip(&mut self, at: usize, rest: &[u8], from: usize, cx: &mut Context<'_>) -> usize {
        let blank = after_blank_line(rest, from);
        let skip = blank.unwrap_or(rest.len());
        self.sides[at].state = State::Resync { boundary: blank.is_some() };
        self.unread(at, &rest[..skip], cx);
        skip
    }

    /// What a start is to this side: one that does not fit its part is none.
    fn admit(&self, at: usize, start: Start) -> Start {
        let other = self.sides[1 - at].role;
        let role = self.sides[at].role.or(other.map(|other| match other {
            Kind::Request => Kind::Response,
            Kind::Response => Kind::Request,
        }));
        match (start, role) {
            (Start::Request, Some(Kind::Response)) | (Start::Response, Some(Kind::Request)) => Start::No,
            _ => start,
        }
    }

    /// A message may begin here.
    fn begin(&mut self, at: usize, segment: SegmentRef, carrier: Carrier<'_>, cx: &mut Context<'_>) {
        let mut message = cx.message();
        message.side = at;
        message.start = segment.offset;
        message.first_time = segment.time;
        message.acked = segment.acked;
        message.carrier.set(&carrier);
        let side = &mut self.sides[at];
        side.held.clear();
        side.scanned = 0;
        side.message = Some(message);
    }

    /// The message is one: it gets its number, and the `held` bytes of it their class.
    fn exists(&mut self, at: usize, start: Start, held: usize, cx: &mut Context<'_>) {
        let kind = if start == Start::Response { Kind::Response } else { Kind::Request };
        if !self.recognised {
            self.recognised = true;
            for side in &mut self.sides {
                let class = if self.handshake { Class::Undecodable } else { Class::BeforeFirst };
                cx.ledger.add(class, std::mem::take(&mut side.unclassified));
            }
        }
        cx.ledger.add(Class::Message, held as u64);
        let side = &mut self.sides[at];
        side.role = Some(kind);
        side.excess_noted = false;
        for at in 0..2 {
            if let Some((start, end, explained)) = self.sides[at].early_hole.take() {
                self.note_hole(at, start, end, explained);
            }
        }
        let side = &mut self.sides[at];
        let Some(message) = &mut side.message else { return };
        message.number = self.next_number;
        message.kind = kind;
        self.next_number += 1;
        if kind == Kind::Request {
            self.pairing.request(Pending {
                number: message.number,
                method: Method::Other,
                start: message.start,
                head_end: None,
                acked: message.acked,
                done: None,
                asks: false,
                simple: false,
            });
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

    /// More of a head that spans segments.
    fn more_head(
        &mut self,
        at: usize,
        segment: SegmentRef,
        rest: &[u8],
        carrier: Carrier<'_>,
        cx: &mut Context<'_>,
    ) -> usize {
        let side = &mut self.sides[at];
        let State::Head { strict } = side.state else { return rest.len() };
        let before = side.held.len();
        side.held.extend_from_slice(rest);
        let exists = side.message.as_ref().is_some_and(|message| message.number > 0);
        if !exists {
            let start = if strict { plausible_resync(&side.held) } else { looks_like_start(&side.held) };
            match self.admit(at, start) {
                Start::Maybe => {
                    self.take(at, segment, cx);
                    return rest.len();
                }
                Start::No => {
                    self.reject(at, before, cx);
                    let simple = !strict && before == 0 && self.begins_simple_response(at);
                    if simple {
                        return self.simple_response(at, segment, rest, carrier, cx);
                    }
                    self.unread(at, rest, cx);
                    return rest.len();
                }
                start => self.exists(at, start, before, cx),
            }
        }
        let side = &mut self.sides[at];
        let Some(end) = head::find_end(&side.held, side.scanned) else {
            side.scanned = side.held.len();
            let overlong = side.held.len() > MAX_HEAD;
            self.take(at, segment, cx);
            if overlong {
                self.overlong_head(at, cx);
            }
            return rest.len();
        };
        let used = end.saturating_sub(before).max(1);
        let mut held = std::mem::take(&mut side.held);
        held.truncate(end);
        self.take(at, piece(segment, used), cx);
        self.head(at, &held, &rest[used..], cx);
        held.clear();
        self.sides[at].held = held;
        used
    }

    /// What was held turns out to be no message.
    fn reject(&mut self, at: usize, held: usize, cx: &mut Context<'_>) {
        let side = &mut self.sides[at];
        side.state = State::Resync { boundary: false };
        let bytes = std::mem::take(&mut side.held);
        if let Some(message) = side.message.take() {
            cx.give_back(message);
        }
        self.unread(at, &bytes[..held], cx);
    }

    fn overlong_head(&mut self, at: usize, cx: &mut Context<'_>) {
        let held = std::mem::take(&mut self.sides[at].held);
        if let Some(message) = &mut self.sides[at].message {
            message.issues.insert(Issue::HeadTooLarge);
        }
        self.parse_head(at, &held);
        self.finish(at, Integrity::Malformed, &[], cx);
        self.lose_track(at, true);
    }

    /// The head is whole; `rest` follows it in the same segment.
    fn head(&mut self, at: usize, bytes: &[u8], rest: &[u8], cx: &mut Context<'_>) {
        self.parse_head(at, bytes);
        let Some(message) = &mut self.sides[at].message else { return };
        let (number, kind, head_end) = (message.number, message.kind, message.end());
        let answered = pair(&mut self.pairing, message);
        let Unit::Http(http) = &mut message.unit else { return };
        let (framing, issues) = framing(http.head(), answered.map(method_name));
        let head = http.head();
        let method = match head.method() {
            Some(b"HEAD") => Method::Head,
            Some(b"CONNECT") => Method::Connect,
            _ => Method::Other,
        };
        let asks = kind == Kind::Request && (method == Method::Connect || head.get("upgrade").is_some());
        message.issues = message.issues.union(issues);
        self.sides[at].decoding = coding::Decoder::new(head.list("content-encoding"), cx.wanted.preview).map(Box::new);
        http.hands_over = framing == Framing::Tunnel;
        if kind == Kind::Request
            && let Some(pending) = self.pairing.waiting(number)
        {
            (pending.method, pending.head_end, pending.asks) = (method, Some(head_end), asks);
        }
        match framing {
            Framing::None | Framing::Length(0) => self.finish(at, Integrity::Complete, rest, cx),
            Framing::Length(len) => self.sides[at].state = State::Length(len),
            Framing::Chunked => self.sides[at].state = State::Chunked(Box::default()),
            Framing::UntilClose => self.sides[at].state = State::UntilClose,
            Framing::Tunnel => {
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

    fn parse_head(&mut self, at: usize, bytes: &[u8]) {
        let Some(message) = &mut self.sides[at].message else { return };
        let Unit::Http(http) = &mut message.unit else { return };
        http.raw.clear();
        http.raw.extend_from_slice(bytes);
        head::parse_into(&http.raw, &mut http.parsed);
        message.issues = message.issues.union(http.parsed.issues);
    }

    /// The next bytes of a body that is sent as it is.
    fn body(&mut self, at: usize, segment: SegmentRef, bytes: &[u8], cx: &mut Context<'_>) {
        self.take(at, segment, cx);
        let side = &mut self.sides[at];
        if let Some(message) = &mut side.message {
            content(message, side.decoding.as_deref_mut(), bytes, cx);
        }
    }

    fn chunked(&mut self, at: usize, segment: SegmentRef, rest: &[u8], cx: &mut Context<'_>) -> usize {
        let side = &mut self.sides[at];
        let (State::Chunked(decoder), Some(message)) = (&mut side.state, &mut side.message) else { return rest.len() };
        let decoding = &mut side.decoding;
        let fed = decoder.feed(rest, &mut |data| content(message, decoding.as_deref_mut(), data, cx));
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
                self.unread(at, &rest[fed.used..], cx);
                rest.len()
            }
        }
    }

    /// The message under way has ended; `rest` follows it in the same segment.
    fn finish(&mut self, at: usize, end: Integrity, rest: &[u8], cx: &mut Context<'_>) {
        let side = &mut self.sides[at];
        side.state = State::Start;
        let decoding = side.decoding.take();
        let Some(mut message) = side.message.take() else { return };
        message.conclude(end);
        if let (Some(mut decoding), Unit::Http(http)) = (decoding, &mut message.unit)
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
                self.sides[at].state = State::Asked;
            }
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
        cx.give_back(message);
    }

    /// Whether `rest` may begin another message, or belong to another protocol, after `message`.
    fn may_follow(&self, at: usize, message: &Message, rest: &[u8]) -> bool {
        let handed_over = message.http().is_some_and(|http| http.hands_over);
        let asks = self.pairing.oldest().is_some_and(|oldest| oldest.asks);
        handed_over || asks || self.admit(at, looks_like_start(rest)) != Start::No
    }

    /// Bytes that are in no message.
    fn unread(&mut self, at: usize, bytes: &[u8], cx: &mut Context<'_>) {
        if bytes.is_empty() {
            return;
        }
        let side = &mut self.sides[at];
        if self.recognised {
            let first = side.past.is_empty() && side.message.is_none() && !self.handshake;
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

    fn note_hole(&mut self, at: usize, start: u64, end: u64, explained: bool) {
        match self.sides[at].role {
            Some(Kind::Request) => self.pairing.hole_in_requests(start, end, explained),
            Some(Kind::Response) => self.pairing.hole_in_responses(start, end, explained),
            None => match self.sides[1 - at].role {
                Some(Kind::Request) => self.pairing.hole_in_responses(start, end, explained),
                Some(Kind::Response) => self.pairing.hole_in_requests(start, end, explained),
                None => self.sides[at].early_hole = Some((start, end, explained)),
            },
        }
    }

    /// The next `len` bytes of a direction are not there.
    pub fn gap(&mut self, at: usize, offset: u64, len: u64, cause: Cause, forced: bool, cx: &mut Context<'_>) {
        self.begin_stream(at, offset);
        if matches!(self.sides[at].state, State::Asked) && !self.sides[at].parked.is_empty() {
            self.resolve_unanswered(at, cx);
        }
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
            State::Head { .. } => {
                let exists = self.settle_head(at, cx);
                if exists {
                    self.lack(at, len, cause);
                    self.finish(at, Integrity::Gap, &[], cx);
                }
                self.sides[at].state = State::Resync { boundary: false };
                self.note_hole(at, offset, end, exists);
            }
            State::Start | State::Resync { .. } | State::Asked => {
                side.state = State::Resync { boundary: false };
                self.note_hole(at, offset, end, false);
            }
            State::HandedOver => {}
        }
    }

    fn lack(&mut self, at: usize, len: u64, cause: Cause) {
        let side = &mut self.sides[at];
        if let Some(decoding) = &mut side.decoding {
            decoding.end(false);
        }
        if let Some(message) = &mut side.message {
            message.lack(len, cause);
        }
    }

    /// A head, or what may be one, goes no further: tells whether it is a message, which then has what is known of it.
    fn settle_head(&mut self, at: usize, cx: &mut Context<'_>) -> bool {
        let held = std::mem::take(&mut self.sides[at].held);
        let exists = self.sides[at].message.as_ref().is_some_and(|message| message.number > 0);
        if !exists {
            match self.admit(at, looks_like_cut_start(&held)) {
                Start::No | Start::Maybe => {
                    let len = held.len();
                    self.sides[at].held = held;
                    self.reject(at, len, cx);
                    return false;
                }
                start => self.exists(at, start, held.len(), cx),
            }
        }
        self.parse_head(at, &held);
        if let Some(message) = &mut self.sides[at].message {
            pair(&mut self.pairing, message);
        }
        true
    }

    /// A copy of bytes of a direction.
    pub fn copy(&mut self, at: usize, segment: SegmentRef, compared: Compared, cx: &mut Context<'_>) {
        let mut issues = segment.flags.issues();
        if matches!(compared, Compared::Conflict(_)) {
            issues.insert(Issue::OverlapConflict);
        }
        self.learn(at, segment, issues, cx);
    }

    /// Bytes of a gap that was handed on as such.
    pub fn late(&mut self, at: usize, segment: SegmentRef, cx: &mut Context<'_>) {
        let mut issues = segment.flags.issues();
        issues.insert(Issue::LateData);
        let met = self.learn(at, segment, issues, cx);
        let class = if met {
            Class::Message
        } else if self.recognised {
            Class::Undecodable
        } else {
            Class::Other
        };
        cx.ledger.add(class, u64::from(segment.len));
    }

    /// Adds a segment and what it tells to the messages whose bytes it has; whether there are any.
    fn learn(&mut self, at: usize, segment: SegmentRef, issues: IssueSet, cx: &mut Context<'_>) -> bool {
        let end = segment.offset + u64::from(segment.len);
        let clip = |from: u64, to: u64| SegmentRef {
            offset: segment.offset.max(from),
            len: (end.min(to) - segment.offset.max(from)) as u32,
            ..segment
        };
        let side = &mut self.sides[at];
        let mut met = false;
        if let Some(message) = &mut side.message
            && segment.offset < message.end()
            && end > message.start
        {
            let (from, to) = (message.start, message.end());
            message.issues = message.issues.union(issues);
            message.segments.add(clip(from, to));
            met = true;
        }
        let first = side.past.partition_point(|past| past.end <= segment.offset);
        for past in side.past.range_mut(first..).take_while(|past| past.start < end) {
            let update = Update {
                number: past.number,
                side: at,
                start: past.start,
                issues: issues.without(past.issues),
                segment: Some(clip(past.start, past.end)),
            };
            past.issues = past.issues.union(issues);
            met = true;
            (cx.out)(Output::Update(update));
        }
        met
    }

    /// A direction has ended.
    pub fn end(&mut self, at: usize, by: End, frame: FrameNumber, cx: &mut Context<'_>) {
        self.settle_simple_request(at, &[], cx);
        if matches!(self.sides[at].state, State::Asked) {
            self.resolve_unanswered(at, cx);
        }
        let cut = Integrity::cut_by(by);
        match self.sides[at].state {
            State::Head { .. } => {
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
            State::Start | State::Resync { .. } | State::Asked | State::HandedOver => {}
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

/// HTTP/0.9 (a request line without version, and a body alone).
impl Session {
    /// A request line without version that nothing follows is a request of HTTP/0.9 once the server answers or the
    /// client is done, if the handshake was seen. A server whose `answer` is of a later version would have wanted one.
    fn settle_simple_request(&mut self, at: usize, answer: &[u8], cx: &mut Context<'_>) {
        let side = &self.sides[at];
        let is_one = self.handshake
            && matches!(side.state, State::Head { strict: false })
            && side.message.as_ref().is_some_and(|message| message.number > 0)
            && is_simple_request(&side.held);
        if !is_one {
            return;
        }
        let held = std::mem::take(&mut self.sides[at].held);
        self.parse_head(at, &held);
        if let Some(message) = &mut self.sides[at].message {
            if !answer.starts_with(b"HTTP/") {
                message.issues.remove(Issue::MissingVersion);
            }
            if let Unit::Http(http) = &mut message.unit {
                http.nine = true;
            }
            let (number, end) = (message.number, message.end());
            if let Some(pending) = self.pairing.waiting(number) {
                pending.head_end = Some(end);
                pending.simple = true;
            }
        }
        self.finish(at, Integrity::Complete, &[], cx);
    }

    fn begins_simple_response(&self, at: usize) -> bool {
        self.sides[at].past.is_empty() && self.pairing.oldest().is_some_and(|oldest| oldest.simple)
    }

    fn simple_response(
        &mut self,
        at: usize,
        segment: SegmentRef,
        rest: &[u8],
        carrier: Carrier<'_>,
        cx: &mut Context<'_>,
    ) -> usize {
        self.begin(at, segment, carrier, cx);
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
        self.body(at, segment, rest, cx);
        rest.len()
    }
}

/// `CONNECT` and `Upgrade`.
impl Session {
    /// Both directions belong to another protocol from here on.
    fn hand_over(&mut self, server: usize, cx: &mut Context<'_>) {
        self.handed_over = true;
        self.sides[server].state = State::HandedOver;
        let client = 1 - server;
        match self.sides[client].state {
            State::Asked => self.resolve(client, true, cx),
            State::Start | State::Resync { .. } => self.sides[client].state = State::HandedOver,
            _ => {}
        }
    }

    /// The request that asked to hand the connection over got another final answer.
    fn resolve_if_answered(&mut self, client: usize, cx: &mut Context<'_>) {
        let waits = self.pairing.oldest().is_some_and(|oldest| oldest.asks);
        if matches!(self.sides[client].state, State::Asked) && !waits {
            self.resolve(client, false, cx);
        }
    }

    /// No answer tells what the held bytes are: after CONNECT they are of another protocol.
    fn resolve_unanswered(&mut self, at: usize, cx: &mut Context<'_>) {
        let connect = self.pairing.oldest().is_some_and(|oldest| oldest.method == Method::Connect);
        self.resolve(at, connect, cx);
    }

    fn resolve(&mut self, client: usize, handed_over: bool, cx: &mut Context<'_>) {
        let side = &mut self.sides[client];
        side.state = if handed_over { State::HandedOver } else { State::Start };
        side.parked_bytes = 0;
        for (segment, bytes, carrier) in std::mem::take(&mut side.parked) {
            self.data(client, segment, &bytes, carrier.get(), cx);
        }
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
    let code = http.parsed.code;
    let last = !(100..200).contains(&code) || code == 101;
    apply(pairing.response(message.start, message.acked, last), message)
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

/// Whether `held` is one request line of HTTP/0.9: `GET`, a target, a line end.
fn is_simple_request(held: &[u8]) -> bool {
    let Some(line) = held.strip_suffix(b"\n") else { return false };
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    line.starts_with(b"GET ") && !line.contains(&b'\n') && line[4..].iter().all(|byte| byte.is_ascii_graphic())
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
