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
    /// Bytes of the message behind its head.
    Bytes(u64, usize),
    /// A frame.
    Frame(FrameNumber, Timestamp),
    /// The first bytes that this side sent.
    First(usize),
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

    /// At so many bytes of the message from this one on.
    pub fn bytes(self, offset: u64, len: usize) -> Self {
        Self { at: At::Bytes(offset, len), ..self }
    }

    /// At this frame.
    pub fn frame(self, (frame, time): (FrameNumber, Timestamp)) -> Self {
        Self { at: At::Frame(frame, time), ..self }
    }

    /// At the first line of what this side sent.
    pub fn first(self, side: usize) -> Self {
        Self { at: At::First(side), ..self }
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

/// The payload of the segment that came last, in which the bytes may be that are talked of.
#[derive(Debug, Default)]
pub(super) struct Latest {
    stream: u64,
    side: usize,
    /// Relative sequence number of its first byte.
    seq: u32,
    payload: Vec<u8>,
}

impl Latest {
    /// Takes the payload of a segment.
    pub fn take(&mut self, stream: u64, side: usize, seq: u32, payload: &[u8]) {
        (self.stream, self.side, self.seq) = (stream, side, seq);
        self.payload.clear();
        self.payload.extend_from_slice(payload);
    }

    /// It, if it is of this connection.
    fn filter(&self, stream: u64) -> Option<&Self> {
        Some(self).filter(|latest| latest.stream == stream)
    }

    /// The payload, if it is of this side, and where in it the byte with this relative sequence number is.
    fn find(&self, side: usize, seq: u32) -> Option<(&[u8], usize)> {
        let at = seq.wrapping_sub(self.seq) as usize;
        (self.side == side && at < self.payload.len()).then_some((&self.payload, at))
    }
}

/// Takes drafts about one message, update, segment or connection.
pub(super) struct Report<'a> {
    levels: &'a Levels,
    findings: &'a mut Findings,
    latest: &'a Latest,
    stream: u64,
    talk: &'a Talk,
    ends: Option<[Endpoint; 2]>,
    subject: Option<Subject<'a>>,
}

/// The message at hand.
#[derive(Clone, Copy)]
struct Subject<'a> {
    number: u32,
    kind: Kind,
    side: usize,
    /// Relative sequence number of its first byte.
    first_seq: u32,
    /// The message itself, unless that was given out before.
    whole: Option<(&'a Message, &'a Http)>,
}

impl<'a> Report<'a> {
    pub fn new(
        levels: &'a Levels,
        findings: &'a mut Findings,
        latest: &'a Latest,
        stream: u64,
        talk: &'a Talk,
    ) -> Self {
        Self { levels, findings, latest, stream, talk, ends: talk.client_and_server(), subject: None }
    }

    pub fn of_message(&mut self, event: &event::Message<'a>) {
        let message = event.message;
        self.ends = Some(from(event.flow, message.side));
        self.subject = Some(Subject {
            number: message.number,
            kind: message.kind,
            side: message.side,
            first_seq: event.first_seq,
            whole: message.http().map(|http| (message, http)),
        });
    }

    pub fn of_update(&mut self, event: &event::Update<'_>) {
        let side = event.update.side;
        self.ends = Some(from(event.flow, side));
        let (number, kind, first_seq) = (event.update.number, event.update.kind, event.first_seq);
        self.subject = Some(Subject { number, kind, side, first_seq, whole: None });
    }

    pub fn of_connection(&mut self, connection: &event::Connection) {
        self.ends = Some(from(connection.flow, connection.flow.client.unwrap_or(0)));
    }

    /// What follows the message at hand, of this length, as far as it is at hand.
    pub fn rest(&self, len: u64) -> Option<&'a [u8]> {
        let subject = self.subject?;
        let seq = subject.first_seq.wrapping_add(len as u32);
        let latest = self.latest.filter(self.stream).and_then(|latest| latest.find(subject.side, seq));
        let rest = latest.and_then(|(payload, at)| payload.get(at..)).or_else(|| self.talk.tail(subject.side, seq));
        rest.filter(|rest| !rest.is_empty())
    }

    /// Reports, unless the lint is not wanted.
    pub fn add(&mut self, draft: Draft) {
        let Some(severity) = self.levels.of(draft.lint) else { return };
        let &mut Self { latest, stream, talk, ends, subject, .. } = self;
        let message = draft.message.or(subject.map(|subject| (subject.number, subject.kind)));
        self.findings.add(draft.lint, severity, (stream, message.map(|(number, _)| number)), || {
            let Draft { lint, at, found, expected, message: past } = draft;
            let is_answer = past.is_some_and(|(_, kind)| kind == Kind::Response);
            let mut finding = Finding {
                lint,
                severity,
                stream,
                ends: ends.map(|[one, other]| if is_answer { [other, one] } else { [one, other] }),
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
            match (at, subject) {
                (At::Frame(frame, time), _) => (finding.frame, finding.time) = (Some(frame), Some(time)),
                (At::First(side), _) => {
                    if let Some(((frame, time), bytes)) = &talk.sides[side % 2].first {
                        (finding.frame, finding.time) = (Some(*frame), Some(*time));
                        finding.frame_offset = talk.place_in_frame(*frame, 1);
                        finding.excerpt = Some(excerpt(bytes, &first_line(bytes), 0));
                    }
                }
                (at, Some(subject)) => {
                    subject.show(&at, latest.filter(stream), talk, &mut finding);
                    subject.place(&at, talk, &mut finding);
                }
                (_, None) => {}
            }
            finding
        });
    }
}

impl Subject<'_> {
    /// Fills in the bytes.
    fn show(&self, at: &At, latest: Option<&Latest>, talk: &Talk, finding: &mut Finding) {
        finding.excerpt = match (at, self.whole) {
            (&At::Bytes(offset, len), _) => {
                latest
                    .and_then(|latest| latest.find(self.side, self.first_seq.wrapping_add(offset as u32)))
                    .map(|(payload, at)| {
                        // The payload may begin before the message.
                        let before =
                            payload.get(at.saturating_sub(offset.min(at as u64) as usize)..).unwrap_or_default();
                        let at = at - (payload.len() - before.len());
                        excerpt(before, &(at..at.saturating_add(len)), offset - at as u64)
                    })
                    .or_else(|| {
                        let tail = talk.tail(self.side, self.first_seq.wrapping_add(offset as u32))?;
                        Some(excerpt(tail, &(0..tail.len()), offset))
                    })
            }
            (At::Head(range), Some((_, http))) => Some(excerpt(&http.raw, range, 0)),
            (At::Trailer(range), Some((message, http))) => {
                Some(excerpt(&http.trailer_raw, range, trailer_at(message, http)))
            }
            (At::Whole, Some((_, http))) if !http.raw.is_empty() => Some(excerpt(&http.raw, &first_line(&http.raw), 0)),
            _ => None,
        };
    }

    /// Fills in where it is.
    fn place(&self, at: &At, talk: &Talk, finding: &mut Finding) {
        if let Some((message, _)) = self.whole.filter(|(_, http)| http.http2.is_some()) {
            // Fields of a block have no place of their own.
            (finding.frame, finding.time) = (Some(message.segments.first_frame()), Some(message.first_time));
            return;
        }
        let offset = match (at, self.whole) {
            (At::Head(range), _) => range.start as u64,
            (At::Trailer(range), Some((message, http))) => trailer_at(message, http) + range.start as u64,
            (At::Bytes(offset, _), _) => *offset,
            _ => 0,
        };
        finding.offset = Some(offset);
        let seq = self.first_seq.wrapping_add(offset as u32);
        let frame = match self.whole {
            None => talk.frame_of(self.side, seq),
            Some((message, _)) => {
                let wanted = message.start + offset;
                let kept = message.segments.kept();
                let holds =
                    |segment: &&SegmentRef| (segment.offset..segment.offset + u64::from(segment.len)).contains(&wanted);
                // What is missing at the end is after the last byte.
                let last = || kept.iter().rev().find(|_| offset >= message.len);
                let segment = kept.iter().find(holds).or_else(last);
                segment.map(|segment| (segment.frame, segment.time))
            }
        };
        if let Some((frame, time)) = frame {
            (finding.frame, finding.time) = (Some(frame), Some(time));
            finding.frame_offset = talk.place_in_frame(frame, seq);
        }
    }
}

/// Where the trailer section begins in the message.
fn trailer_at(message: &Message, http: &Http) -> u64 {
    message.len.saturating_sub(http.trailer_raw.len() as u64)
}

/// The first line of a head, without its line end.
fn first_line(raw: &[u8]) -> Range<usize> {
    let start = raw.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let end = memchr::memchr(b'\n', &raw[start..]).map_or(raw.len(), |len| start + len);
    start..start + raw[start..end].trim_ascii_end().len()
}

/// The line around `range`, or as much of it as is kept. `base` is where `bytes` begin in the message.
fn excerpt(bytes: &[u8], range: &Range<usize>, base: u64) -> Excerpt {
    let at = range.start.min(bytes.len());
    let line_start = memchr::memrchr(b'\n', &bytes[..at]).map_or(0, |lf| lf + 1);
    let line_end = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |lf| at + lf + 1);
    let start =
        if line_end - line_start > MAX_EXCERPT { line_start.max(at.saturating_sub(BEFORE_MARK)) } else { line_start };
    let end = line_end.min(start + MAX_EXCERPT);
    let mark = at.min(end) - start..range.end.clamp(at, end.max(at)) - start;
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
