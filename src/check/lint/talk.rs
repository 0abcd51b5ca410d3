//! What is remembered of a connection: its latest frames, requests that wait for their answers, what both ends promised.

use std::collections::VecDeque;

use crate::app::http1::Http;
use crate::app::http1::framing::{Framing, framing, persistent};
use crate::app::http1::head::{Head, HeadRef};
use crate::app::message::{Integrity, Kind, Message};
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
    requests: VecDeque<Request>,
    kept: usize,
    frames: VecDeque<Place>,
}

/// One direction of it.
#[derive(Debug, Default)]
pub(super) struct Side {
    /// Its first FIN.
    pub fin: Option<(FrameNumber, Timestamp)>,
    /// Its first RST.
    pub rst: Option<(FrameNumber, Timestamp)>,
    /// Whether any of its segments was captured.
    pub seen: bool,
    /// Whether bytes of it may not have been captured.
    pub lossy: bool,
    /// The last message that was given out.
    pub last: Option<Past>,
    /// The first message after which it said that it would close.
    pub closing: Option<Past>,
}

/// What is remembered of a message that was given out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Past {
    pub number: u32,
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
        match framing(head, request.and_then(|request| request.head().method())).0 {
            Framing::Length(_) => Self::Length,
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

/// A request that has no final response yet.
#[derive(Debug)]
pub(super) struct Request {
    pub number: u32,
    raw: Vec<u8>,
    parsed: Head,
    pub past: Past,
}

impl Request {
    pub fn head(&self) -> HeadRef<'_> {
        self.parsed.of(&self.raw)
    }
}

/// Where the payload of a frame is.
#[derive(Clone, Copy, Debug)]
struct Place {
    frame: FrameNumber,
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
        if control.any(Control::SYN) {
            self.opener = Some(if control.any(Control::ACK) { 1 - side } else { side });
        }
        if control.any(Control::FIN) {
            self.sides[side].fin.get_or_insert(frame);
        }
        if control.any(Control::RST) {
            self.sides[side].rst.get_or_insert(frame);
        }
        self.sides[side].seen = true;
        self.sides[side].lossy |= verdict.flags.contains(Issue::LostSegment) || decoded.missing > 0;
        self.sides[1 - side].lossy |= verdict.flags.contains(Issue::AckLostSegment);
        let header = decoded.layers.last().filter(|_| packet.assemblies.is_empty());
        if let Some(header) = header.filter(|_| !decoded.payload.is_empty()) {
            if self.frames.len() == MAX_FRAMES {
                self.frames.pop_front();
            }
            let at = header.offset + header.header.len() as u32;
            self.frames.push_back(Place { frame: frame.0, seq: verdict.seq, len: decoded.payload.len() as u32, at });
        }
    }

    /// Takes note of a message. `room`: bytes of requests that may be kept, those of this connection included.
    pub fn heard(&mut self, message: &Message, http: &Http, room: usize) {
        let says = |option: &[u8]| http.head().list("connection").any(|own| own.eq_ignore_ascii_case(option));
        let request = message.answers.and_then(|number| self.request(number));
        let past = Past {
            number: message.number,
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
        let is_unasked = message.kind == Kind::Response
            && message.answers.is_none()
            && !message.issues.contains(Issue::PairingUncertain)
            // Sent to a client that is silent.
            && !matches!(http.parsed.code, 400 | 408);
        if is_unasked {
            self.unasked.get_or_insert(past);
        }
        let is_final = message.kind == Kind::Request || !(100..200).contains(&http.parsed.code);
        let side = &mut self.sides[message.side % 2];
        if is_final {
            side.last = Some(past);
        }
        if is_final && http.parsed.complete && !past.persistent {
            side.closing.get_or_insert(past);
        }
        match message.kind {
            Kind::Request => {
                let cost = http.raw.len() + size_of_val(&http.parsed.fields[..]);
                if self.requests.len() < MAX_REQUESTS && self.kept + cost <= room {
                    self.kept += cost;
                    let (raw, parsed) = (http.raw.clone(), http.parsed.clone());
                    self.requests.push_back(Request { number: message.number, raw, parsed, past });
                }
            }
            Kind::Response if is_final => {
                let answered = message.answers.unwrap_or(0);
                while let Some(request) = self.requests.pop_front_if(|request| request.number <= answered) {
                    self.kept -= request.raw.len() + size_of_val(&request.parsed.fields[..]);
                }
            }
            Kind::Response => {}
        }
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
        self.sides.iter().all(|side| side.seen && !side.lossy)
    }

    /// Where the byte with this relative sequence number is in a frame, if that is remembered.
    pub fn place_in_frame(&self, frame: FrameNumber, seq: u32) -> Option<u64> {
        let place = self.frames.iter().rev().find(|place| place.frame == frame)?;
        let within = seq.wrapping_sub(place.seq);
        (within < place.len).then(|| u64::from(place.at) + u64::from(within))
    }
}
