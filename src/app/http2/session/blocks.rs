//! Field blocks: put together from their frames, and made the heads and trailers of messages.

use super::streams::pair;
use super::{Asked, Session};
use crate::app::http1::{Http, undo_codings};
use crate::app::http2::Priority;
use crate::app::http2::frame::{Header, flag, kind};
use crate::app::http2::head::Fields;
use crate::app::http2::side::{Block, MAX_BLOCK};
use crate::app::message::{Integrity, Kind, Message, Unit};
use crate::app::protocol::Desk;
use crate::issue::{Issue, IssueSet};

/// What comes before a fragment of a field block in a frame.
#[derive(Default)]
struct Before {
    priority: Option<Priority>,
    promised: u32,
}

/// The fragment in the payload of a frame, and what comes before it; none where the payload is too short for that. Where
/// it was `cut`, its padding is not there.
fn fragment(header: Header, payload: &[u8], cut: bool) -> Option<(&[u8], Before)> {
    let mut before = Before::default();
    let mut rest = payload;
    let mut padding = 0;
    if header.kind == kind::CONTINUATION {
        return Some((rest, before));
    }
    if header.has(flag::PADDED) {
        let (len, after) = rest.split_first()?;
        (padding, rest) = (usize::from(*len), after);
    }
    if header.kind == kind::PUSH_PROMISE {
        let (promised, after) = rest.split_first_chunk()?;
        (before.promised, rest) = (u32::from_be_bytes(*promised) & (u32::MAX >> 1), after);
    } else if header.has(flag::PRIORITY) {
        let (priority, after) = rest.split_first_chunk()?;
        (before.priority, rest) = (Some(Priority::parse(*priority)), after);
    }
    let len = rest.len().checked_sub(if cut { 0 } else { padding })?;
    Some((&rest[..len], before))
}

impl Session {
    /// A frame with a part of a field block is whole; of a PUSH_PROMISE, `promise` is its message.
    pub(super) fn fragment(
        &mut self,
        at: usize,
        header: Header,
        payload: &[u8],
        broken: bool,
        promise: Option<Box<Message>>,
        desk: &mut Desk<'_, '_>,
    ) {
        let found = fragment(header, payload, broken);
        let is_bad = found.is_none() && !broken;
        let (bytes, before) = found.unwrap_or_default();
        let mut block = self.sides[at].block.take().unwrap_or_default();
        if header.kind != kind::CONTINUATION {
            block = Block { stream: header.stream, ends_stream: header.ends_stream(), ..Block::default() };
            block.promise = promise.map(|message| (message, before.promised));
        }
        let room = if block.broken { 0 } else { MAX_BLOCK.saturating_sub(block.bytes.len()) };
        block.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
        let too_large = bytes.len() > room && !block.broken;
        block.broken |= broken || is_bad || bytes.len() > room;
        let message = match &mut block.promise {
            Some((message, _)) => Some(&mut **message),
            None => self.streams.get_mut(&block.stream).and_then(|s| Some(&mut *s.open[at].as_mut()?.message)),
        };
        if let Some(message) = message {
            if is_bad {
                message.issues.insert(Issue::BadFrame);
            }
            if too_large {
                message.issues.insert(Issue::HeadTooLarge);
            }
            if let Unit::Http(Http { http2: Some(part), .. }) = &mut message.unit {
                part.priority = part.priority.or(before.priority);
            }
        }
        if header.has(flag::END_HEADERS) {
            self.read_block(at, block, desk);
        } else {
            self.sides[at].block = Some(block);
        }
    }

    /// A block is whole, or goes no further.
    fn read_block(&mut self, at: usize, block: Block, desk: &mut Desk<'_, '_>) {
        let mut fields = Fields::default();
        let whole = !block.broken;
        let issues = self.sides[at].blocks.read(&block.bytes, whole, &mut |line| fields.add(line));
        let is_whole = whole && !issues.contains(Issue::BadFieldBlock) && !issues.contains(Issue::HeadTooLarge);
        match block.promise {
            Some((mut message, promised)) => {
                message.issues = message.issues.union(issues);
                self.promise(at, message, promised, fields, is_whole, desk);
            }
            None => {
                self.head(at, block.stream, fields, is_whole, issues, desk);
                let reset = self.streams.get(&block.stream).is_some_and(|stream| stream.reset.is_some());
                if block.ends_stream {
                    self.finish(at, block.stream, Integrity::Complete, desk);
                } else if reset {
                    self.finish(at, block.stream, Integrity::Aborted, desk);
                }
            }
        }
    }

    /// The block under way goes no further: what was to follow is missing, or is not there.
    pub(super) fn abandon_block(&mut self, at: usize, desk: &mut Desk<'_, '_>) {
        if let Some(mut block) = self.sides[at].block.take() {
            block.broken = true;
            self.read_block(at, block, desk);
        }
    }

    /// The fields of the message under way on a stream: its head, or its trailers.
    fn head(&mut self, at: usize, id: u32, fields: Fields, whole: bool, issues: IssueSet, desk: &mut Desk<'_, '_>) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        let Some(open) = stream.open[at].as_mut() else { return };
        let message = &mut open.message;
        message.issues = message.issues.union(issues);
        let Unit::Http(http) = &mut message.unit else { return };
        let begins =
            http.http2.as_ref().is_some_and(|part| part.frames.first().is_some_and(|f| f.kind == kind::HEADERS));
        if open.has_head || !begins && fields.is_request().is_none() {
            let odd = fields.into_trailer(http);
            message.issues = message.issues.union(odd);
            return;
        }
        open.has_head = true;
        let is_request = fields.is_request();
        let odd = fields.into_head(http, whole);
        self.heads += http.raw.len();
        let code = http.parsed.code;
        let is_head = http.head().method() == Some(b"HEAD");
        message.issues = message.issues.union(odd);
        if let Some(is_request) = is_request {
            self.client.get_or_insert(if is_request { at } else { 1 - at });
            message.kind = if is_request { Kind::Request } else { Kind::Response };
        }
        if message.kind == Kind::Request {
            stream.request = Some(Asked { number: message.number, done: None, is_head });
        } else {
            pair(message, stream.request.as_ref());
        }
        open.undoing = undo_codings(message, desk.cx);
        if message.kind == Kind::Response && (100..200).contains(&code) {
            self.finish(at, id, Integrity::Complete, desk);
        }
    }

    /// What the server promises: a request that it answers on the stream of this number.
    fn promise(
        &mut self,
        at: usize,
        mut message: Box<Message>,
        promised: u32,
        fields: Fields,
        whole: bool,
        desk: &mut Desk<'_, '_>,
    ) {
        let Unit::Http(http) = &mut message.unit else { return };
        let odd = fields.into_head(http, whole);
        if let Some(part) = &mut http.http2 {
            part.stream = promised;
        }
        let is_head = http.head().method() == Some(b"HEAD");
        message.issues = message.issues.union(odd);
        if promised > 0 {
            if !self.streams.contains_key(&promised) {
                self.make_room(desk);
            }
            let stream = self.streams.entry(promised).or_default();
            stream.closed[1 - at] = true;
            let done = Some((message.frame, message.last_time));
            stream.request = Some(Asked { number: message.number, done, is_head });
        }
        let end = if whole { Integrity::Complete } else { Integrity::Malformed };
        self.give(at, message, end, desk);
    }
}
