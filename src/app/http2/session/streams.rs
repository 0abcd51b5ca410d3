//! Streams: the messages that begin and end on them, and what answers what.

use std::mem;

use super::{Asked, Open, Session, begin};
use crate::app::held::Held;
use crate::app::http1::name::Name;
use crate::app::http1::{Http, end_coding};
use crate::app::http2::Part;
use crate::app::http2::side::{Owner, State};
use crate::app::message::{Integrity, Kind, Message, Unit};
use crate::app::protocol::Desk;
use crate::issue::Issue;
use crate::tcp::reassembly::Cause;

/// Streams of a connection at once; servers allow some hundred.
const MAX_STREAMS: usize = 1024;

impl Session {
    /// Whether a message may have begun unseen on a stream: not after its end.
    pub(super) fn may_begin(&self, at: usize, id: u32) -> bool {
        self.streams.get(&id).is_none_or(|stream| !stream.closed[at] && stream.reset.is_none())
    }

    /// A request or a response begins on a stream.
    pub(super) fn begin_message(&mut self, at: usize, id: u32, held: &Held, desk: &mut Desk<'_, '_>) {
        if !self.streams.contains_key(&id) {
            self.make_room(desk);
        }
        let kind = if self.is_client(at, desk) { Kind::Request } else { Kind::Response };
        let part = Part { stream: id, ..Part::default() };
        let http = Http { http2: Some(Box::new(part)), ..Http::default() };
        let mut message = begin(at, held, kind, Unit::Http(http), desk);
        let stream = self.streams.entry(id).or_default();
        if mem::take(&mut stream.closed[at]) {
            message.issues.insert(Issue::StreamClosed);
        }
        stream.open[at] = Some(Open { message, undoing: None, has_head: false, uncertain: false, lacking: 0 });
    }

    pub(super) fn begin_promise(&mut self, at: usize, on: u32, held: &Held, desk: &mut Desk<'_, '_>) -> Box<Message> {
        self.client.get_or_insert(1 - at);
        let part = Part { stream: on, promised_on: Some(on), ..Part::default() };
        let http = Http { http2: Some(Box::new(part)), ..Http::default() };
        begin(at, held, Kind::Request, Unit::Http(http), desk)
    }

    /// Gives up the oldest stream where there are too many.
    pub(super) fn make_room(&mut self, desk: &mut Desk<'_, '_>) {
        if self.streams.len() < MAX_STREAMS {
            return;
        }
        let Some(&id) = self.streams.keys().next() else { return };
        self.give_up(id, Issue::TooManyStreams, desk);
    }

    /// Gives up a stream.
    pub(super) fn give_up(&mut self, id: u32, why: Issue, desk: &mut Desk<'_, '_>) {
        for at in 0..2 {
            if let Some(open) = self.streams.get_mut(&id).and_then(|stream| stream.open[at].as_mut()) {
                open.message.issues.insert(why);
                self.finish(at, id, Integrity::Unfinished, desk);
            }
        }
        self.streams.remove(&id);
    }

    /// A stream is ended by RST_STREAM. A frame of it that is under way goes to its end.
    pub(super) fn reset(&mut self, id: u32, code: u32, desk: &mut Desk<'_, '_>) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        stream.reset = Some(code);
        for at in 0..2 {
            let is_busy = match &self.sides[at].state {
                State::Frame(frame) => matches!(frame.owner, Owner::Stream(own) if own == id),
                _ => false,
            };
            if !is_busy && self.sides[at].block.as_ref().is_none_or(|block| block.stream != id) {
                self.finish(at, id, Integrity::Aborted, desk);
            }
        }
    }

    /// The message that a side sends on a stream has ended.
    pub(super) fn finish(&mut self, at: usize, id: u32, end: Integrity, desk: &mut Desk<'_, '_>) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        let Some(mut open) = stream.open[at].take() else { return };
        let is_interim = open.message.http().is_some_and(|http| (100..200).contains(&http.parsed.code));
        stream.closed[at] = !is_interim;
        let bodiless = stream.request.as_ref().is_some_and(|request| request.is_head);
        judge_length(&mut open, end, bodiless);
        let Open { mut message, undoing, .. } = open;
        if let Unit::Http(Http { http2: Some(part), raw, .. }) = &mut message.unit {
            self.heads = self.heads.saturating_sub(raw.len());
            part.error = stream.reset.filter(|_| end == Integrity::Aborted);
        }
        message.conclude(end);
        if let Some(undoing) = undoing {
            end_coding(&mut message, undoing, desk.cx);
        }
        if message.kind == Kind::Request
            && end == Integrity::Complete
            && let Some(request) = &mut stream.request
        {
            request.done = Some((message.frame, message.last_time));
        }
        if stream.closed == [true; 2] && stream.open.iter().all(Option::is_none) {
            self.streams.remove(&id);
        }
        self.give_out(at, message, desk);
    }
}

/// Tells a response what it answers.
pub(super) fn pair(message: &mut Message, request: Option<&Asked>) {
    if let Some(request) = request.filter(|_| message.kind == Kind::Response) {
        message.answers = Some(request.number);
        message.request_in = request.done.map(|(frame, _)| frame);
        message.since_request = request.done.map(|(_, time)| message.first_time.since(time));
    }
}

/// Compares the content with what its Content-Length says: where frames may have been missed, that tells (RFC 9113
/// 8.1.1).
fn judge_length(open: &mut Open, end: Integrity, bodiless: bool) {
    let message = &mut open.message;
    let Some(http) = message.http() else { return };
    let had = http.body_len + open.lacking;
    let said =
        http.head().known(Name::ContentLength).next().and_then(|said| std::str::from_utf8(said).ok()?.parse().ok());
    let has_none = had == 0 && (bodiless || http.parsed.code == 304);
    match said {
        Some(said) if open.uncertain && end == Integrity::Complete && had == said => return,
        Some(said) if open.uncertain && had < said && said - had < u64::from(u32::MAX) => {
            message.lack(said - had, Cause::Gap);
        }
        Some(said)
            if end == Integrity::Complete && had != said && !has_none && !message.issues.contains(Issue::Gap) =>
        {
            message.issues.insert(Issue::LengthMismatch);
        }
        _ => {}
    }
    if open.uncertain {
        message.issues.insert(Issue::FramesLost);
        message.issues.insert(Issue::Gap);
    }
}
