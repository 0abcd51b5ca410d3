//! What is remembered of a connection: its latest frames, requests that wait for their answers, what both ends promised.

use std::collections::VecDeque;

use super::wire::Wire;
use crate::app::http1::Http;
use crate::app::http1::framing::{Framing, framing, persistent};
use crate::app::http1::head::{Head, HeadRef};
use crate::app::http1::name::Name;
use crate::app::message::{Integrity, Kind, Message, Update};
use crate::decode::{TcpHeader, Transport};
use crate::event::Packet;
use crate::flow::Endpoint;
use crate::frame::{FrameNumber, Timestamp};
use crate::issue::Issue;
use crate::tcp::Control;
use crate::tcp::verdict::Verdict;

/// Frames of which it is known where their payload is: those of a head that came byte by byte, and some.
const MAX_FRAMES: usize = 64;

/// Requests of one connection that wait for their answers; further ones are not remembered.
const MAX_REQUESTS: usize = 256;

/// First bytes of a direction that are kept, for lints of what is no message.
const FIRST_BYTES: usize = 96;

/// Last bytes of a direction that are kept, for what is no more than a blank line.
const LAST_BYTES: usize = 8;

/// One connection.
#[derive(Debug, Default)]
pub(super) struct Talk {
    /// Who sent the first frame, and the other.
    ends: Option<[Endpoint; 2]>,
    /// What both have sent, in that order.
    pub sides: [Side; 2],
    /// Who sent the SYN, where it was captured.
    pub opener: Option<usize>,
    /// The first response that answers no request although nothing is missing.
    pub unasked: Option<Past>,
    /// Whether the connection was handed over to another protocol.
    pub handed_over: bool,
    /// What its segments tell.
    pub wire: Wire,
    /// Whether it was lost track of a direction, for a reason that a message told.
    pub lost_track: bool,
    requests: VecDeque<Request>,
    /// The number of the last request that has a final response, which may be there before the request's own end.
    answered: u32,
    kept: usize,
    frames: VecDeque<Place>,
}

/// One direction of it.
#[derive(Debug, Default)]
pub(super) struct Side {
    /// Its first FIN.
    pub fin: Option<(FrameNumber, Timestamp)>,
    /// The frame of its first byte, and its first bytes, as far as that frame has them.
    pub first: Option<((FrameNumber, Timestamp), Vec<u8>)>,
    /// Its first RST.
    pub rst: Option<(FrameNumber, Timestamp)>,
    tail: Tail,
    /// Whether any of its segments was captured.
    pub seen: bool,
    /// Whether bytes of it may not have been captured.
    pub lossy: bool,
    /// The highest relative sequence number after a segment of it, and how far the other side acknowledged it.
    next_seq: u32,
    acked: u32,
    /// The last message that was given out.
    pub last: Option<Past>,
    /// The first message after which it said that it would close.
    pub closing: Option<Past>,
}

/// The last bytes of a direction.
#[derive(Debug, Default)]
struct Tail {
    /// Relative sequence number after them.
    end: u32,
    /// How many of `bytes`, its last ones, they are.
    len: usize,
    bytes: [u8; LAST_BYTES],
}

impl Tail {
    /// Takes the payload of a segment.
    fn extend(&mut self, seq: u32, payload: &[u8]) {
        if payload.is_empty() {
            return;
        }
        let last = &payload[payload.len().saturating_sub(LAST_BYTES)..];
        let before = if seq == self.end { self.len } else { 0 };
        self.bytes.rotate_left(last.len() % LAST_BYTES);
        self.bytes[LAST_BYTES - last.len()..].copy_from_slice(last);
        self.len = (before + last.len()).min(LAST_BYTES);
        self.end = seq.wrapping_add(payload.len() as u32);
    }
}

/// What is remembered of a message that was given out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Past {
    pub number: u32,
    /// Offset in its stream of its first byte.
    pub start: u64,
    /// The number of the request that it answers.
    pub answers: Option<u32>,
    /// The status code of a response.
    pub code: u16,
    /// Capture time of its first byte.
    pub began: Timestamp,
    /// Its last frame and when that was captured.
    pub last: (FrameNumber, Timestamp),
    /// Offset in its stream one past its last byte.
    pub end: u64,
    /// Whether its sender means the connection to stay open.
    pub persistent: bool,
    pub integrity: Integrity,
    pub ending: Ending,
    /// Whether the end of the connection ends it.
    pub is_until_close: bool,
    /// Whether it says `Connection: close`.
    pub says_close: bool,
    /// Whether it says `Connection: keep-alive`.
    pub says_keep_alive: bool,
}

/// What ends a message, as far as it matters to what follows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ending {
    /// Content-Length.
    Length,
    /// The head of a request that says nothing of a body.
    NoLength,
    /// The head of a request that asks for another protocol, which then follows.
    Asks,
    /// The head of a response to HEAD.
    AnswerToHead,
    /// The head of a response whose status has no body.
    Bodiless,
    /// Something else.
    Other,
}

impl Ending {
    /// That of a message which answers `request`.
    pub fn of(http: &Http, request: Option<&Request>) -> Self {
        let (head, code) = (http.head(), http.parsed.code);
        let is_request = head.is_request();
        let asks = head.method() == Some(b"CONNECT") || head.has(Name::Upgrade);
        match framing(head, request.and_then(|request| request.head().method())).0 {
            Framing::Length(_) => Self::Length,
            Framing::None if is_request && asks => Self::Asks,
            Framing::None if is_request => Self::NoLength,
            Framing::None if code < 200 || code == 204 || code == 304 => Self::Bodiless,
            Framing::None => Self::AnswerToHead,
            _ => Self::Other,
        }
    }
}

impl Side {
    /// Whether the last message that this side sent was cut short by the connection's end.
    pub fn is_cut(&self) -> bool {
        self.last.is_some_and(|past| past.integrity != Integrity::Complete)
    }
}

/// The later of two sequence numbers, which are less than 2^31 apart.
fn later(a: u32, b: u32) -> u32 {
    if (b.wrapping_sub(a) as i32) > 0 { b } else { a }
}

/// A request that has no final response yet.
#[derive(Debug)]
pub(super) struct Request {
    pub number: u32,
    raw: Vec<u8>,
    parsed: Head,
    pub past: Past,
}

impl Request {
    /// Bytes of its storage.
    fn cost(&self) -> usize {
        size_of::<Self>() + self.raw.len() + size_of_val(&self.parsed.fields[..])
    }

    pub fn head(&self) -> HeadRef<'_> {
        self.parsed.of(&self.raw)
    }
}

/// Where the payload of a frame is.
#[derive(Clone, Copy, Debug)]
struct Place {
    frame: FrameNumber,
    time: Timestamp,
    side: usize,
    /// Relative sequence number of the payload's first byte.
    seq: u32,
    len: u32,
    /// Bytes from the start of the frame.
    at: u32,
}

/// A TCP segment as lints see it.
pub(super) struct Segment<'a> {
    pub packet: &'a Packet<'a>,
    pub header: TcpHeader<'a>,
    pub verdict: Verdict,
    /// Which side sent it.
    pub side: usize,
    /// The frame, and when it was captured.
    pub frame: (FrameNumber, Timestamp),
}

impl Segment<'_> {
    pub fn control(&self) -> Control {
        Control(self.header.flags)
    }
}

impl Talk {
    /// What a packet of this connection is to it.
    pub fn segment<'a>(&mut self, packet: &'a Packet<'a>, verdict: Verdict) -> Option<Segment<'a>> {
        let decoded = packet.decoded;
        let (Transport::Tcp(header), Some((src, dst))) = (decoded.transport, decoded.addresses) else { return None };
        let src = Endpoint { address: src, port: header.src };
        let dst = Endpoint { address: dst, port: header.dst };
        let ends = self.ends.get_or_insert([src, dst]);
        let side = usize::from(ends[0] != src);
        Some(Segment { packet, header, verdict, side, frame: (decoded.meta.number, decoded.meta.time) })
    }

    /// Takes note of a segment.
    pub fn pass(&mut self, segment: &Segment<'_>) {
        let &Segment { packet, verdict, side, frame, .. } = segment;
        let (decoded, control) = (packet.decoded, segment.control());
        self.wire.pass(segment);
        if control.any(Control::SYN) {
            self.opener = Some(if control.any(Control::ACK) { 1 - side } else { side });
        }
        self.sides[side].tail.extend(verdict.seq, decoded.payload);
        if verdict.seq == 1 && !decoded.payload.is_empty() {
            let first = &decoded.payload[..decoded.payload.len().min(FIRST_BYTES)];
            self.sides[side].first.get_or_insert_with(|| (frame, first.to_vec()));
        }
        if control.any(Control::FIN) {
            self.sides[side].fin.get_or_insert(frame);
        }
        if control.any(Control::RST) {
            self.sides[side].rst.get_or_insert(frame);
        }
        let own = &mut self.sides[side];
        own.lossy |= own.seen && later(own.next_seq, verdict.seq) != own.next_seq;
        own.next_seq = if own.seen { later(own.next_seq, verdict.next_seq) } else { verdict.next_seq };
        own.seen = true;
        if control.any(Control::ACK) {
            let other = &mut self.sides[1 - side];
            other.acked = later(other.acked, verdict.ack);
        }
        self.sides[side].lossy |= verdict.flags.contains(Issue::LostSegment) || decoded.missing > 0;
        self.sides[1 - side].lossy |= verdict.flags.contains(Issue::AckLostSegment);
        let header = decoded.layers.last().filter(|_| packet.assemblies.is_empty());
        if let Some(header) = header.filter(|_| !decoded.payload.is_empty()) {
            if self.frames.len() == MAX_FRAMES {
                self.frames.pop_front();
            }
            let at = header.offset + header.header.len() as u32;
            self.frames.push_back(Place {
                frame: frame.0,
                time: frame.1,
                side,
                seq: verdict.seq,
                len: decoded.payload.len() as u32,
                at,
            });
        }
    }

    /// Takes note of a message. `room`: bytes of requests that may be kept, those of this connection included.
    pub fn heard(&mut self, message: &Message, http: &Http, room: usize) {
        if http.http2.is_some() {
            // What ends and follows its messages is not what HTTP/1 has.
            self.handed_over = true;
        }
        let says = |option: &[u8]| http.head().list("connection").any(|own| own.eq_ignore_ascii_case(option));
        let request = message.answers.and_then(|number| self.request(number));
        let past = Past {
            number: message.number,
            start: message.start,
            answers: message.answers,
            began: message.first_time,
            code: http.parsed.code,
            last: (message.segments.last_frame(), message.last_time),
            end: message.end(),
            persistent: persistent(http.head()),
            integrity: message.integrity,
            ending: Ending::of(http, request),
            is_until_close: message.kind == Kind::Response && framing(http.head(), None).0 == Framing::UntilClose,
            says_close: says(b"close"),
            says_keep_alive: says(b"keep-alive"),
        };
        self.handed_over |= http.hands_over;
        self.lost_track |= message.integrity == Integrity::Malformed || message.issues.contains(Issue::ExcessData);
        let is_unasked = message.kind == Kind::Response
            && message.answers.is_none()
            && !message.issues.contains(Issue::PairingUncertain)
            // Sent to a client that is silent.
            && !matches!(http.parsed.code, 400 | 408);
        if is_unasked {
            self.unasked.get_or_insert(past);
        }
        let is_final = http.is_final();
        if http.http2.is_some() {
            return self.heard_in_turns(message, http, past, room);
        }
        let side = &mut self.sides[message.side % 2];
        if is_final {
            side.last = Some(past);
        }
        if is_final && http.parsed.complete && !past.persistent {
            side.closing.get_or_insert(past);
        }
        match message.kind {
            Kind::Request => {
                if message.number > self.answered {
                    self.remember(message, http, past, room);
                }
            }
            Kind::Response if is_final => {
                let answered = message.answers.unwrap_or(0);
                self.answered = self.answered.max(answered);
                let settled = self.requests.iter().take_while(|request| request.number <= answered).count();
                self.kept -= self.requests.drain(..settled).map(|request| request.cost()).sum::<usize>();
            }
            Kind::Response | Kind::Message { .. } => {}
        }
    }

    /// The same of messages of HTTP/2, whose answers come in any order.
    fn heard_in_turns(&mut self, message: &Message, http: &Http, past: Past, room: usize) {
        match message.answers.filter(|_| message.kind == Kind::Response && http.is_final()) {
            Some(answered) => {
                let settled = self.requests.iter().position(|request| request.number == answered);
                self.kept -= settled.and_then(|at| self.requests.remove(at)).map_or(0, |request| request.cost());
            }
            None if message.kind == Kind::Request => self.remember(message, http, past, room),
            None => {}
        }
    }

    /// Remembers a request until it is answered.
    fn remember(&mut self, message: &Message, http: &Http, past: Past, room: usize) {
        let (raw, parsed) = (http.raw.clone(), http.parsed.clone());
        let request = Request { number: message.number, raw, parsed, past };
        if self.requests.len() < MAX_REQUESTS && self.kept + request.cost() <= room {
            self.kept += request.cost();
            self.requests.push_back(request);
        }
    }

    /// Takes note of what was learnt of a message later.
    pub fn learnt(&mut self, update: &Update) {
        self.lost_track |= update.issues.contains(Issue::ExcessData);
    }

    /// What a side has sent from this relative sequence number on, if it is no more than its last bytes.
    pub fn tail(&self, side: usize, seq: u32) -> Option<&[u8]> {
        let Tail { end, len, bytes } = &self.sides[side % 2].tail;
        let wanted = end.wrapping_sub(seq) as usize;
        bytes.get(LAST_BYTES.checked_sub(wanted)?..).filter(|_| wanted <= *len)
    }

    /// Bytes of requests that are remembered.
    pub fn kept(&self) -> usize {
        self.kept
    }

    /// Requests without a final response, oldest first.
    pub fn requests(&self) -> impl Iterator<Item = &Request> {
        self.requests.iter()
    }

    /// The request with this number, if it waits.
    pub fn request(&self, number: u32) -> Option<&Request> {
        self.requests.iter().find(|request| request.number == number)
    }

    /// The two ends, the client first where that is known by the handshake.
    pub fn client_and_server(&self) -> Option<[Endpoint; 2]> {
        let [first, second] = self.ends?;
        Some(if self.opener == Some(1) { [second, first] } else { [first, second] })
    }

    /// Whether both directions were captured, and nothing of them was lost, as far as is known.
    pub fn is_whole(&self) -> bool {
        let is_all_seen = |side: &Side| self.opener.is_none() || later(side.next_seq, side.acked) == side.next_seq;
        self.sides.iter().all(|side| side.seen && !side.lossy && is_all_seen(side))
    }

    /// The latest frame that carried the byte with this relative sequence number, if that is remembered.
    pub fn frame_of(&self, side: usize, seq: u32) -> Option<(FrameNumber, Timestamp)> {
        let holds = |place: &&Place| place.side == side && seq.wrapping_sub(place.seq) < place.len;
        self.frames.iter().rev().find(holds).map(|place| (place.frame, place.time))
    }

    /// Where the byte with this relative sequence number is in a frame, if that is remembered.
    pub fn place_in_frame(&self, frame: FrameNumber, seq: u32) -> Option<u64> {
        let place = self.frames.iter().rev().find(|place| place.frame == frame)?;
        let within = seq.wrapping_sub(place.seq);
        (within < place.len).then(|| u64::from(place.at) + u64::from(within))
    }
}
