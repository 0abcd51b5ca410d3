//! Where hooks report: from what they say to findings with frame, offset and bytes.

use std::ops::Range;

use super::entry::Lint;
use super::finding::{Excerpt, Finding, Findings};
use super::levels::Levels;
use super::talk::Talk;
use crate::app::http1::Http;
use crate::app::http1::head::Span;
use crate::app::message::{Kind, Message};
use crate::event;
use crate::flow::Endpoint;
use crate::frame::{FrameNumber, Timestamp};
use crate::tcp::SegmentRef;

/// Bytes of a line that are kept with a finding, and of those before the mark.
const MAX_EXCERPT: usize = 160;
const BEFORE_MARK: usize = 40;

/// Bytes of a value that are kept with a finding.
const MAX_VALUE: usize = 80;

/// What a hook says.
pub(super) struct Draft {
    lint: &'static Lint,
    at: At,
    message: Option<(u32, Kind)>,
    found: Option<String>,
    expected: Option<String>,
}

/// Where it is.
enum At {
    /// The message or connection as a whole.
    Whole,
    /// Bytes of the head.
    Head(Range<usize>),
    /// Bytes of the trailer section.
    Trailer(Range<usize>),
    /// A byte of the message that is not at hand.
    Byte(u64),
    /// A frame.
    Frame(FrameNumber, Timestamp),
}

impl Draft {
    pub fn new(lint: &'static Lint) -> Self {
        Self { lint, at: At::Whole, message: None, found: None, expected: None }
    }

    /// At these bytes of the head.
    pub fn head(self, span: impl Into<Range<usize>>) -> Self {
        Self { at: At::Head(span.into()), ..self }
    }

    /// At these bytes of the trailer section.
    pub fn trailer(self, span: impl Into<Range<usize>>) -> Self {
        Self { at: At::Trailer(span.into()), ..self }
    }

    /// At this byte of the message.
    pub fn byte(self, offset: u64) -> Self {
        Self { at: At::Byte(offset), ..self }
    }

    /// At this frame.
    pub fn frame(self, (frame, time): (FrameNumber, Timestamp)) -> Self {
        Self { at: At::Frame(frame, time), ..self }
    }

    /// Of this message, which is past.
    pub fn of(self, number: u32, kind: Kind) -> Self {
        Self { message: Some((number, kind)), ..self }
    }

    /// What is there.
    pub fn found(self, found: impl Into<String>) -> Self {
        Self { found: Some(found.into()), ..self }
    }

    /// What should be.
    pub fn expected(self, expected: impl Into<String>) -> Self {
        Self { expected: Some(expected.into()), ..self }
    }
}

/// Bytes of the capture as text, no more than fit a line.
pub(super) fn text(bytes: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(&bytes[..bytes.len().min(MAX_VALUE)]).into_owned();
    if bytes.len() > MAX_VALUE {
        text.push('…');
    }
    text
}

/// Takes drafts about one message, update, segment or connection.
pub(super) struct Report<'a> {
    levels: &'a Levels,
    findings: &'a mut Findings,
    stream: u64,
    talk: &'a Talk,
    ends: Option<[Endpoint; 2]>,
    message: Option<(u32, Kind)>,
    body: Option<Body<'a>>,
}

/// The message at hand.
#[derive(Clone, Copy)]
struct Body<'a> {
    message: &'a Message,
    http: &'a Http,
    first_seq: u32,
}

impl<'a> Report<'a> {
    pub fn new(levels: &'a Levels, findings: &'a mut Findings, stream: u64, talk: &'a Talk) -> Self {
        Self { levels, findings, stream, talk, ends: talk.client_and_server(), message: None, body: None }
    }

    pub fn of_message(&mut self, event: &event::Message<'a>) {
        let message = event.message;
        self.ends = Some(from(event.flow, message.side));
        self.message = Some((message.number, message.kind));
        self.body = message.http().map(|http| Body { message, http, first_seq: event.first_seq });
    }

    pub fn of_update(&mut self, event: &event::Update<'_>) {
        self.ends = Some(from(event.flow, event.update.side));
        let kind = if event.flow.client == Some(event.update.side) { Kind::Request } else { Kind::Response };
        self.message = Some((event.update.number, kind));
    }

    pub fn of_connection(&mut self, connection: &event::Connection) {
        self.ends = Some(from(connection.flow, connection.flow.client.unwrap_or(0)));
    }

    /// Reports, unless the lint is not wanted.
    pub fn add(&mut self, draft: Draft) {
        let Some(severity) = self.levels.of(draft.lint) else { return };
        let &mut Self { stream, talk, ends, body, .. } = self;
        let message = draft.message.or(self.message);
        self.findings.add(draft.lint, severity, (stream, message.map(|(number, _)| number)), || {
            let Draft { lint, at, found, expected, .. } = draft;
            let mut finding = Finding {
                lint,
                severity,
                stream,
                ends,
                message,
                frame: None,
                time: None,
                offset: None,
                frame_offset: None,
                excerpt: None,
                found,
                expected,
                more: 0,
            };
            match (at, body) {
                (At::Frame(frame, time), _) => (finding.frame, finding.time) = (Some(frame), Some(time)),
                (at, Some(body)) => body.place(at, talk, &mut finding),
                (_, None) => {}
            }
            finding
        });
    }
}

impl Body<'_> {
    /// Fills in where it is.
    fn place(&self, at: At, talk: &Talk, finding: &mut Finding) {
        let trailer_at = self.message.len.saturating_sub(self.http.trailer_raw.len() as u64);
        finding.excerpt = match &at {
            At::Head(range) => Some(excerpt(&self.http.raw, range, 0)),
            At::Trailer(range) => Some(excerpt(&self.http.trailer_raw, range, trailer_at)),
            At::Whole if !self.http.raw.is_empty() => {
                let start = self.http.raw.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
                let line = memchr::memchr(b'\n', &self.http.raw[start..]).unwrap_or(self.http.raw.len() - start);
                let text = self.http.raw[start..start + line].trim_ascii_end();
                Some(excerpt(&self.http.raw, &(start..start + text.len()), 0))
            }
            _ => None,
        };
        let offset = match at {
            At::Head(range) => range.start as u64,
            At::Trailer(range) => trailer_at + range.start as u64,
            At::Byte(offset) => offset,
            At::Whole | At::Frame(..) => 0,
        };
        finding.offset = Some(offset);
        let wanted = self.message.start + offset;
        let kept = self.message.segments.kept();
        let holds = |segment: &&SegmentRef| (segment.offset..segment.offset + u64::from(segment.len)).contains(&wanted);
        // What is missing at the end is after the last byte.
        let last = || kept.iter().rev().find(|_| offset >= self.message.len);
        if let Some(segment) = kept.iter().find(holds).or_else(last) {
            (finding.frame, finding.time) = (Some(segment.frame), Some(segment.time));
            finding.frame_offset = talk.place_in_frame(segment.frame, self.first_seq.wrapping_add(offset as u32));
        }
    }
}

/// The line around `range`, or as much of it as is kept. `base` is where `bytes` begin in the message.
fn excerpt(bytes: &[u8], range: &Range<usize>, base: u64) -> Excerpt {
    let at = range.start.min(bytes.len());
    let line_start = memchr::memrchr(b'\n', &bytes[..at]).map_or(0, |lf| lf + 1);
    let line_end = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |lf| at + lf + 1);
    let start =
        if line_end - line_start > MAX_EXCERPT { line_start.max(at.saturating_sub(BEFORE_MARK)) } else { line_start };
    let end = line_end.min(start + MAX_EXCERPT);
    let mark = at.min(end) - start..range.end.clamp(at, end.max(at)).min(end) - start;
    Excerpt {
        offset: base + start as u64,
        bytes: bytes[start..end].to_vec(),
        mark,
        cut_before: start > line_start,
        cut_after: end < line_end,
    }
}

/// A side and the other.
fn from(flow: event::Flow, side: usize) -> [Endpoint; 2] {
    [flow.ends[side % 2], flow.ends[1 - side % 2]]
}

impl From<Span> for Range<usize> {
    fn from(span: Span) -> Self {
        span.start as usize..span.end as usize
    }
}
