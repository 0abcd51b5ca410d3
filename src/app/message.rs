//! A message as recovered: what it is, which frames carried it, and what became of its bytes.

use std::fmt;

use crate::field::{Field, Value};
use crate::frame::{FrameNumber, Timestamp};
use crate::issue::{Issue, IssueSet};
use crate::tcp::reassembly::{Cause, End};
use crate::tcp::{OwnedCarrier, SegmentRef};

use super::dns::Dns;
use super::http1::{self, Http, Run};
use super::http2::{self, Control};
use super::named::Named;
pub use super::segments::Segments;
use super::tls::{self, Tls};
use super::websocket::{self, WebSocket};

/// Missing runs kept of a message.
const KEPT_MISSING: usize = 256;

/// What part a message has in an exchange.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// It asks.
    Request,
    /// It answers.
    Response,
    /// Neither.
    Message {
        /// Whether the client sent it.
        by_client: bool,
    },
}

impl Kind {
    /// The word for it in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Response => "response",
            Self::Message { .. } => "message",
        }
    }

    /// Which end is the client, where `side` sent it.
    pub const fn client(self, side: usize) -> usize {
        match self {
            Self::Request | Self::Message { by_client: true } => side,
            Self::Response | Self::Message { by_client: false } => 1 - side,
        }
    }
}

/// What became of a message's bytes.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum Integrity {
    /// Every byte was captured.
    #[default]
    Complete,
    /// Bytes were never captured.
    Gap,
    /// Frames were captured shorter than sent.
    Truncated,
    /// RST before its end.
    Aborted,
    /// FIN before its end.
    ClosedEarly,
    /// The capture ended first.
    Unfinished,
    /// Its framing cannot be believed.
    Malformed,
}

impl Integrity {
    /// What the end of its stream makes of a message that is not whole.
    pub const fn cut_by(end: End) -> Self {
        match end {
            End::Fin => Self::ClosedEarly,
            End::Rst => Self::Aborted,
            End::Capture => Self::Unfinished,
        }
    }

    /// The issue of the same name; none where it is complete.
    pub const fn issue(self) -> Option<Issue> {
        match self {
            Self::Complete => None,
            Self::Gap => Some(Issue::Gap),
            Self::Truncated => Some(Issue::Truncated),
            Self::Aborted => Some(Issue::Aborted),
            Self::ClosedEarly => Some(Issue::ClosedEarly),
            Self::Unfinished => Some(Issue::Unfinished),
            Self::Malformed => Some(Issue::Malformed),
        }
    }

    /// The word for it in records.
    pub const fn name(self) -> &'static str {
        match self.issue() {
            None => "complete",
            Some(issue) => issue.name(),
        }
    }
}

/// A run of a message's bytes that is not there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Missing {
    /// Where it begins: bytes of the stream from the start of the message.
    pub offset: u64,
    /// How many bytes.
    pub len: u64,
    /// Why.
    pub cause: Cause,
}

/// A message of any protocol.
#[derive(Debug)]
pub struct Message {
    /// Its number within the connection, from 1, by its first byte; 0 while it is not certain to be a message.
    pub number: u32,
    /// Which end sent it: 0 for who sent the connection's first frame, 1 for the other.
    pub side: usize,
    /// Its part in the exchange.
    pub kind: Kind,
    /// What became of its bytes.
    pub integrity: Integrity,
    /// All that is worth flagging.
    pub issues: IssueSet,
    /// The headers of the frame that carried its first byte.
    pub carrier: OwnedCarrier,
    /// The segments that carried it.
    pub segments: Segments,
    /// Runs that are not there, the first 256 of them.
    pub missing: Vec<Missing>,
    /// How many bytes are not there.
    pub missing_bytes: u64,
    /// Offset of its first byte in the stream.
    pub start: u64,
    /// Its length so far, missing bytes included.
    pub len: u64,
    /// Bytes of other messages that came between its own.
    pub between: u64,
    /// Capture time of its first byte.
    pub first_time: Timestamp,
    /// Capture time of its last byte.
    pub last_time: Timestamp,
    /// The frame that completed it.
    pub frame: FrameNumber,
    /// How far the peer's stream was acknowledged by the segment of its first byte, as an offset.
    pub acked: u64,
    /// The number of the request that it answers.
    pub answers: Option<u32>,
    /// The frame that completed that request, where it is complete.
    pub request_in: Option<FrameNumber>,
    /// Nanoseconds from that request's last byte to this message's first.
    pub since_request: Option<i64>,
    /// What the protocol makes of it.
    pub unit: Unit,
}

/// Gets the values of a field of a message.
pub type Get = for<'a> fn(&'a Message, &mut dyn FnMut(Value<'_>));

/// A protocol whose messages are recovered.
#[derive(Debug)]
pub struct Application {
    /// What it is called, such as `TLS`.
    pub title: &'static str,
    /// The word that its fields begin with.
    pub name: &'static str,
    /// What a message of it is.
    pub doc: &'static str,
    /// Its fields, those with a common prefix side by side.
    pub fields: &'static [Field<Get>],
}

/// A message as its protocol has it.
#[derive(Clone, Debug)]
pub enum Unit {
    /// HTTP.
    Http(Http),
    /// Frames of HTTP/2 that are of no HTTP message.
    Http2(Box<Control>),
    /// DNS.
    Dns(Dns),
    /// WebSocket.
    WebSocket(Box<WebSocket>),
    /// A datagram of a protocol that is told in a line.
    Named(Box<Named>),
    /// TLS.
    Tls(Box<Tls>),
}

impl Unit {
    /// The protocol.
    pub const fn application(&self) -> &'static Application {
        match self {
            Self::Http(Http { http2: Some(_), .. }) | Self::Http2(_) => &http2::APPLICATION,
            Self::Http(_) => &http1::APPLICATION,
            Self::WebSocket(_) => &websocket::APPLICATION,
            Self::Named(named) => named.application,
            Self::Dns(dns) => dns.application(),
            Self::Tls(_) => &tls::APPLICATION,
        }
    }

    /// The message in a line; of HTTP, its start line is that.
    pub fn summary(&self) -> Option<&dyn fmt::Display> {
        match self {
            Self::Http(_) => None,
            Self::Http2(control) => Some(&**control),
            Self::Dns(dns) => Some(dns),
            Self::WebSocket(unit) => Some(unit),
            Self::Named(named) => Some(named),
            Self::Tls(tls) => Some(tls),
        }
    }
}

impl Default for Message {
    fn default() -> Self {
        Self {
            number: 0,
            side: 0,
            kind: Kind::Request,
            integrity: Integrity::Complete,
            issues: IssueSet::EMPTY,
            carrier: OwnedCarrier::default(),
            segments: Segments::default(),
            missing: Vec::new(),
            missing_bytes: 0,
            start: 0,
            len: 0,
            between: 0,
            first_time: Timestamp(0),
            last_time: Timestamp(0),
            frame: 0,
            acked: 0,
            answers: None,
            request_in: None,
            since_request: None,
            unit: Unit::Http(Http::default()),
        }
    }
}

impl Clone for Message {
    fn clone(&self) -> Self {
        let mut copy = Self::default();
        copy.clone_from(self);
        copy
    }

    /// Becomes a copy, in the storage that is there.
    fn clone_from(&mut self, other: &Self) {
        let Self {
            number,
            side,
            kind,
            integrity,
            issues,
            carrier,
            segments,
            missing,
            missing_bytes,
            start,
            len,
            between,
            first_time,
            last_time,
            frame,
            acked,
            answers,
            request_in,
            since_request,
            unit,
        } = self;
        *number = other.number;
        *side = other.side;
        *kind = other.kind;
        *integrity = other.integrity;
        *issues = other.issues;
        carrier.clone_from(&other.carrier);
        segments.clone_from(&other.segments);
        missing.clone_from(&other.missing);
        *missing_bytes = other.missing_bytes;
        *start = other.start;
        *len = other.len;
        *between = other.between;
        *first_time = other.first_time;
        *last_time = other.last_time;
        *frame = other.frame;
        *acked = other.acked;
        *answers = other.answers;
        *request_in = other.request_in;
        *since_request = other.since_request;
        match (unit, &other.unit) {
            (Unit::Http(http), Unit::Http(other)) => http.clone_from(other),
            (unit, other) => *unit = other.clone(),
        }
    }
}

impl Message {
    /// Becomes empty; its storage stays, and so does the carrier, which every message sets.
    pub fn clear(&mut self) {
        let Self {
            number,
            side,
            kind,
            integrity,
            issues,
            segments,
            missing,
            missing_bytes,
            start,
            len,
            between,
            first_time,
            last_time,
            frame,
            acked,
            answers,
            request_in,
            since_request,
            unit,
            carrier: _,
        } = self;
        *number = 0;
        *side = 0;
        *kind = Kind::Request;
        *integrity = Integrity::Complete;
        *issues = IssueSet::EMPTY;
        segments.clear();
        missing.clear();
        *missing_bytes = 0;
        *start = 0;
        *len = 0;
        *between = 0;
        *first_time = Timestamp(0);
        *last_time = Timestamp(0);
        *frame = 0;
        *acked = 0;
        *answers = None;
        *request_in = None;
        *since_request = None;
        match unit {
            Unit::Http(http) => http.clear(),
            _ => *unit = Unit::Http(Http::default()),
        }
    }

    /// Begins with the first byte of `run`, which `side` sent; the headers of its frame are kept where it is told.
    pub fn begin(&mut self, side: usize, run: &Run<'_>, told: bool) {
        self.side = side;
        self.start = run.segment.offset;
        self.first_time = run.segment.time;
        self.acked = run.segment.acked;
        if told {
            self.carrier.set(run.carrier);
        }
    }

    /// Which end is the client: a promise is a request that the server makes.
    pub fn client(&self) -> usize {
        let is_promise =
            self.http().and_then(|http| http.http2.as_ref()).is_some_and(|part| part.promised_on.is_some());
        self.kind.client(if is_promise { 1 - self.side } else { self.side })
    }

    /// Bytes of its storage.
    pub fn storage(&self) -> usize {
        let carrier = self.carrier.get();
        let unit = self.http().map_or(0, Http::storage);
        let headers = carrier.headers.len() + carrier.resumed.len();
        self.segments.storage() + self.missing.capacity() * size_of::<Missing>() + headers + unit
    }

    /// Offset one past its last byte.
    pub fn end(&self) -> u64 {
        self.start + self.len + self.between
    }

    /// Takes note of the next run of its bytes.
    #[inline]
    pub fn extend(&mut self, segment: SegmentRef) {
        self.lengthen(&segment);
        self.issues = self.issues.union(segment.flags.issues());
        self.segments.add(&segment);
    }

    /// The same where nobody asks which segments they were.
    #[inline]
    pub fn lengthen(&mut self, segment: &SegmentRef) {
        self.len += u64::from(segment.len);
        self.last_time = segment.time;
        self.frame = segment.frame;
    }

    /// Takes note that its next byte is at `offset` of the stream: what lies before it is of other messages.
    pub fn resume_at(&mut self, offset: u64) {
        self.between += offset.saturating_sub(self.end());
    }

    /// Takes note that its next `len` bytes are not there.
    pub fn lack(&mut self, len: u64, cause: Cause) {
        self.lack_at(self.end(), len, cause);
    }

    /// The same of bytes from `offset` of the stream on, where others than its own may lie before them.
    pub fn lack_at(&mut self, offset: u64, len: u64, cause: Cause) {
        if self.missing.len() < KEPT_MISSING {
            self.missing.push(Missing { offset: offset.saturating_sub(self.start), len, cause });
        }
        self.len += len;
        self.missing_bytes += len;
        self.issues.insert(match cause {
            Cause::Gap => Issue::Gap,
            Cause::Truncated => Issue::Truncated,
        });
    }

    /// What became of its bytes, given how it ended: missing bytes come first.
    pub fn conclude(&mut self, end: Integrity) {
        self.integrity = if self.issues.contains(Issue::Gap) {
            Integrity::Gap
        } else if self.issues.contains(Issue::Truncated) {
            Integrity::Truncated
        } else {
            end
        };
        // `issues` has the integrity's own word, and no other of these words.
        self.issues.remove(Issue::Gap);
        self.issues.remove(Issue::Truncated);
        if let Some(issue) = self.integrity.issue() {
            self.issues.insert(issue);
        }
    }

    /// The HTTP message, if it is one.
    pub fn http(&self) -> Option<&Http> {
        match &self.unit {
            Unit::Http(http) => Some(http),
            _ => None,
        }
    }
}

/// What was learnt of a message after it had been given out.
#[derive(Clone, Copy, Debug)]
pub struct Update {
    /// Its number.
    pub number: u32,
    /// Which end sent it.
    pub side: usize,
    /// Its part in the exchange.
    pub kind: Kind,
    /// Offset of its first byte in the stream.
    pub start: u64,
    /// Issues that it did not have before.
    pub issues: IssueSet,
    /// The segment that told.
    pub segment: Option<SegmentRef>,
}
