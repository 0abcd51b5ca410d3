//! One connection: streams that take turns, each with the messages of both directions.

mod blocks;
mod gaps;
mod streams;

use std::collections::BTreeMap;
use std::mem;

use super::frame::{HEADER_LEN, Header, PREFACE, flag, kind};
use super::side::{Frame, ON_TRIAL, Owner, Side, State};
use super::{Control, Says};
use crate::app::held::Held;
use crate::app::http1::{Http, Run, Undoing, content};
use crate::app::ledger::Class;
use crate::app::message::{Integrity, Kind, Message, Unit};
use crate::app::protocol::{Desk, Protocol};
use crate::app::{Context, Output};
use crate::frame::{FrameNumber, Timestamp};
use crate::issue::{Issue, IssueSet};
use crate::tcp::SegmentRef;
use crate::tcp::reassembly::{Cause, End};
use streams::pair;

/// The HTTP/2 messages of one connection.
#[derive(Default)]
pub struct Session {
    sides: [Side; 2],
    client: Option<usize>,
    streams: BTreeMap<u32, Stream>,
    /// Bytes of the heads of messages under way.
    heads: usize,
}

/// A stream that is not closed, or waits for its response.
#[derive(Default)]
struct Stream {
    /// What each side is sending.
    open: [Option<Open>; 2],
    /// Whether a side has sent its last frame.
    closed: [bool; 2],
    request: Option<Asked>,
    /// The error code of RST_STREAM, where that was sent.
    reset: Option<u32>,
}

/// A message under way.
struct Open {
    message: Box<Message>,
    undoing: Option<Undoing>,
    /// Whether its head was met.
    has_head: bool,
    /// Whether frames of it may have been missed.
    uncertain: bool,
    /// Bytes of its content that are missing in frames that were met.
    lacking: u64,
}

/// A request that may be answered.
struct Asked {
    number: u32,
    /// Frame and time of its last byte, once it is there.
    done: Option<(FrameNumber, Timestamp)>,
    is_head: bool,
}

impl Session {
    /// One to which `response` has handed the connection over: the request is answered on stream 1 (RFC 7540 3.2).
    pub fn upgraded(response: &Message) -> Self {
        let mut session = Self { client: Some(1 - response.side), ..Self::default() };
        let request = response.answers.map(|number| Asked {
            number,
            done: response
                .request_in
                .zip(response.since_request)
                .map(|(frame, since)| (frame, response.first_time.plus(-since))),
            is_head: false,
        });
        let mut stream = Stream { request, ..Stream::default() };
        stream.closed[1 - response.side] = true;
        session.streams.insert(1, stream);
        session
    }

    /// Reads bytes, or adds them to what is to be read before them.
    fn read(&mut self, at: usize, run: &Run<'_>, desk: &mut Desk<'_, '_>) {
        let mut rest = *run;
        while !rest.bytes.is_empty() {
            if let Some(found) = &mut self.sides[at].found {
                return found.add(&rest, rest.bytes.len());
            }
            let used = self.step(at, &rest, desk);
            if used >= rest.bytes.len() {
                return;
            }
            rest = rest.after(used);
        }
    }

    /// Reads what was held while a frame was looked for.
    fn read_found(&mut self, at: usize, desk: &mut Desk<'_, '_>) {
        while let Some(found) = self.sides[at].found.take() {
            found.replay(|run| self.read(at, run, desk));
        }
    }

    /// Takes bytes from the front of `run` as the state has it, one at least, and tells how many.
    fn step(&mut self, at: usize, run: &Run<'_>, desk: &mut Desk<'_, '_>) -> usize {
        match self.sides[at].state {
            State::Start => {
                let preface = run.bytes[0] == PREFACE[0];
                self.sides[at].state = if preface { State::Preface } else { State::Header };
                self.step(at, run, desk)
            }
            State::Preface => self.preface(at, run, desk),
            State::Header => self.header(at, run, desk),
            State::Frame(_) => self.payload(at, run, desk),
            State::Lost => self.look(at, run, desk),
        }
    }

    fn preface(&mut self, at: usize, run: &Run<'_>, desk: &mut Desk<'_, '_>) -> usize {
        let side = &mut self.sides[at];
        let len = run.bytes.len().min(PREFACE.len().saturating_sub(side.held.bytes().len()));
        side.held.add(run, len);
        if !PREFACE.starts_with(side.held.bytes()) {
            self.lose_track(at, desk);
            return len;
        }
        if side.held.bytes().len() == PREFACE.len() {
            (side.begun, side.state, side.since_found) = (true, State::Header, ON_TRIAL);
            let held = side.held.take();
            self.client = Some(at);
            let message = self.begin_control(at, &held, Control { header: None, says: Says::Preface }, desk);
            let mut owner = Owner::Own(message);
            held.segments().for_each(|segment| self.claim(at, &mut owner, segment, desk));
            if let Owner::Own(message) = owner {
                self.give(at, message, Integrity::Complete, desk);
            }
        }
        len
    }

    fn header(&mut self, at: usize, run: &Run<'_>, desk: &mut Desk<'_, '_>) -> usize {
        let side = &mut self.sides[at];
        let len = run.bytes.len().min(HEADER_LEN.saturating_sub(side.held.bytes().len()));
        side.held.add(run, len);
        let Some(header) = side.held.bytes().first_chunk().map(|bytes| Header::parse(*bytes)) else { return len };
        let is_due = self.client == Some(at) || header.kind == kind::SETTINGS && !header.has(flag::ACK);
        if !side.begun && !side.patchy {
            if !is_due || !header.is_plausible() {
                // What a peer sends first is a preface or settings: this one was joined midway.
                (side.state, side.patchy) = (State::Lost, true);
                side.blocks.lose();
                self.search(at, false, desk);
                return len;
            }
            side.since_found = ON_TRIAL;
        }
        if side.since_found < ON_TRIAL && !header.is_plausible() {
            side.state = State::Lost;
            self.skip(at, 1, desk);
            self.search(at, false, desk);
            return len;
        }
        let side = &mut self.sides[at];
        side.begun = true;
        side.since_found += u32::from(side.since_found < ON_TRIAL);
        let held = side.held.take();
        let frame = self.begin_frame(at, header, &held, desk);
        if frame.left == 0 {
            self.end_frame(at, frame, desk);
        } else {
            self.sides[at].state = State::Frame(Box::new(frame));
        }
        len
    }

    /// A frame begins, of which the header is in `held`.
    fn begin_frame(&mut self, at: usize, header: Header, held: &Held, desk: &mut Desk<'_, '_>) -> Frame {
        let mut owner = self.owner(at, header, held, desk);
        held.segments().for_each(|segment| self.claim(at, &mut owner, segment, desk));
        if let Some(message) = self.message(at, &mut owner) {
            if !header.is_allowed() {
                message.issues.insert(Issue::BadFrame);
            }
            if let Unit::Http(Http { http2: Some(part), .. }) = &mut message.unit {
                part.add(header);
            }
        }
        Frame::new(header, owner)
    }

    /// What a frame is of; its message begins if it is the first frame of one.
    fn owner(&mut self, at: usize, header: Header, held: &Held, desk: &mut Desk<'_, '_>) -> Owner {
        let id = header.stream;
        if self.sides[at].block.is_some() && header.kind != kind::CONTINUATION {
            self.abandon_block(at, desk);
        }
        let is_under_way = self.streams.get(&id).is_some_and(|stream| stream.open[at].is_some());
        match header.kind {
            kind::DATA | kind::HEADERS if is_under_way => return Owner::Stream(id),
            kind::DATA if id > 0 && self.sides[at].patchy && self.may_begin(at, id) => {
                self.begin_message(at, id, held, desk);
                if let Some(Stream { open, request, .. }) = self.streams.get_mut(&id)
                    && let Some(open) = &mut open[at]
                {
                    open.message.issues.insert(Issue::Gap);
                    pair(&mut open.message, request.as_ref());
                }
                return Owner::Stream(id);
            }
            kind::HEADERS if id > 0 => {
                self.begin_message(at, id, held, desk);
                return Owner::Stream(id);
            }
            kind::PUSH_PROMISE if id > 0 => return Owner::Own(self.begin_promise(at, id, held, desk)),
            kind::CONTINUATION => {
                match &self.sides[at].block {
                    Some(block) if block.stream == id && block.promise.is_some() => return Owner::Promise,
                    Some(block) if block.stream == id && is_under_way => return Owner::Stream(id),
                    Some(_) => self.abandon_block(at, desk),
                    None => {}
                }
                self.sides[at].blocks.lose();
            }
            kind::HEADERS | kind::PUSH_PROMISE => self.sides[at].blocks.lose(),
            _ => {}
        }
        let mut message =
            self.begin_control(at, held, Control { header: Some(header), says: Says::Other(Vec::new()) }, desk);
        match header.kind {
            kind::DATA if id > 0 => message.issues.insert(Issue::StreamClosed),
            kind::CONTINUATION if self.sides[at].patchy => {}
            kind::DATA | kind::HEADERS | kind::CONTINUATION | kind::PUSH_PROMISE => {
                message.issues.insert(Issue::BadFrame);
            }
            _ => {}
        }
        Owner::Own(message)
    }

    /// The message under way that a frame is of.
    fn message<'a>(&'a mut self, at: usize, owner: &'a mut Owner) -> Option<&'a mut Message> {
        match owner {
            Owner::Stream(id) => Some(&mut self.streams.get_mut(id)?.open[at].as_mut()?.message),
            Owner::Promise => Some(&mut self.sides[at].block.as_mut()?.promise.as_mut()?.0),
            Owner::Own(message) => Some(message),
        }
    }

    /// The next bytes of a message.
    fn claim(&mut self, at: usize, owner: &mut Owner, segment: SegmentRef, desk: &mut Desk<'_, '_>) {
        let Some(message) = self.message(at, owner) else {
            return desk.pass(Class::GivenUp, segment.len.into());
        };
        desk.extend(message, segment);
        let number = message.number;
        self.sides[at].places.add(number, segment.offset, segment.offset + u64::from(segment.len));
    }

    /// A message of a frame alone begins.
    fn begin_control(&mut self, at: usize, held: &Held, control: Control, desk: &mut Desk<'_, '_>) -> Box<Message> {
        let kind = Kind::Message { by_client: self.is_client(at, desk) };
        begin(at, held, kind, Unit::Http2(Box::new(control)), desk)
    }

    fn is_client(&self, at: usize, desk: &Desk<'_, '_>) -> bool {
        self.client.or(desk.opener()).unwrap_or(0) == at
    }

    /// The next bytes of a payload.
    fn payload(&mut self, at: usize, run: &Run<'_>, desk: &mut Desk<'_, '_>) -> usize {
        let State::Frame(mut frame) = mem::replace(&mut self.sides[at].state, State::Header) else { return 1 };
        let len = run.bytes.len().min(frame.left as usize);
        let bytes = &run.bytes[..len];
        self.claim(at, &mut frame.owner, run.first(len), desk);
        match frame.owner {
            Owner::Stream(id) if frame.header.kind == kind::DATA => {
                let (content, overlong) = frame.content_of(bytes);
                if overlong && let Some(message) = self.message(at, &mut frame.owner) {
                    message.issues.insert(Issue::BadFrame);
                }
                self.content(at, id, &bytes[content], desk.cx);
            }
            _ => frame.keep(bytes),
        }
        frame.left -= len as u32;
        if frame.left == 0 {
            self.end_frame(at, *frame, desk);
        } else {
            self.sides[at].state = State::Frame(frame);
        }
        len
    }

    fn content(&mut self, at: usize, id: u32, bytes: &[u8], cx: &mut Context<'_>) {
        if !bytes.is_empty()
            && let Some(open) = self.streams.get_mut(&id).and_then(|stream| stream.open[at].as_mut())
        {
            content(&mut open.message, open.undoing.as_mut().map(|undoing| &mut *undoing.0), bytes, cx);
        }
    }

    fn end_frame(&mut self, at: usize, frame: Frame, desk: &mut Desk<'_, '_>) {
        self.sides[at].state = State::Header;
        let header = frame.header;
        match (frame.owner, header.kind) {
            (Owner::Stream(id), kind::DATA) => {
                let reset = self.streams.get(&id).is_some_and(|stream| stream.reset.is_some());
                if header.ends_stream() {
                    self.finish(at, id, Integrity::Complete, desk);
                } else if reset {
                    self.finish(at, id, Integrity::Aborted, desk);
                }
            }
            (Owner::Own(message), kind::PUSH_PROMISE) if matches!(message.unit, Unit::Http(_)) => {
                self.fragment(at, header, &frame.payload, frame.broken, Some(message), desk);
            }
            (Owner::Own(message), _) => self.end_control(at, message, &frame.payload, frame.broken, desk),
            (Owner::Stream(_) | Owner::Promise, _) => {
                self.fragment(at, header, &frame.payload, frame.broken, None, desk);
            }
        }
    }

    /// A frame of its own is whole.
    fn end_control(
        &mut self,
        at: usize,
        mut message: Box<Message>,
        payload: &[u8],
        broken: bool,
        desk: &mut Desk<'_, '_>,
    ) {
        let Unit::Http2(control) = &mut message.unit else { return };
        let Some(header) = control.header else { return };
        control.says = if broken { Says::Other(payload.to_vec()) } else { Says::read(header, payload) };
        let reset = match control.says {
            Says::Reset(code) => Some(code),
            _ => None,
        };
        self.give(at, message, Integrity::Complete, desk);
        if let Some(code) = reset {
            self.reset(header.stream, code, desk);
        }
    }

    /// A message has ended, and is given out.
    fn give(&mut self, at: usize, mut message: Box<Message>, end: Integrity, desk: &mut Desk<'_, '_>) {
        message.conclude(end);
        self.give_out(at, message, desk);
    }

    fn give_out(&mut self, at: usize, message: Box<Message>, desk: &mut Desk<'_, '_>) {
        self.sides[at].places.ended(&message);
        desk.give_out(message);
    }
}

impl Protocol for Session {
    fn title(&self) -> &'static str {
        super::APPLICATION.title
    }

    fn data(&mut self, at: usize, run: &Run<'_>, desk: &mut Desk<'_, '_>) {
        self.read(at, run, desk);
        self.read_found(at, desk);
    }

    fn gap(&mut self, at: usize, offset: u64, len: u64, cause: Cause, desk: &mut Desk<'_, '_>) {
        self.lack(at, offset, len, cause, desk);
    }

    fn end(&mut self, at: usize, by: End, frame: FrameNumber, desk: &mut Desk<'_, '_>) {
        self.cut(at, by, frame, desk);
    }

    /// They are told of copies by [`Protocol::learn`].
    fn under_way(&mut self, _at: usize) -> Option<&mut Message> {
        None
    }

    fn learn(&mut self, at: usize, segment: SegmentRef, issues: IssueSet, cx: &mut Context<'_>) -> bool {
        let met = self.sides[at].places.of(segment);
        for (number, part) in &met {
            if let Some(message) = self.numbered(at, *number) {
                message.issues = message.issues.union(issues);
                message.segments.add(part);
            } else if let Some(update) = self.sides[at].places.learn(at, *number, *part, issues) {
                (cx.out)(Output::Update(update));
            }
        }
        !met.is_empty()
    }

    fn held(&self) -> usize {
        let of_side = |side: &Side| {
            let frame = if let State::Frame(frame) = &side.state { frame.payload.len() } else { 0 };
            frame + side.held.bytes().len() + side.block.as_ref().map_or(0, |block| block.bytes.len())
        };
        self.heads + self.sides.iter().map(of_side).sum::<usize>()
    }

    fn relieve(&mut self, desk: &mut Desk<'_, '_>) {
        for at in 0..2 {
            self.abandon_block(at, desk);
        }
        let ids: Vec<u32> = self.streams.keys().copied().collect();
        for id in ids {
            self.give_up(id, Issue::BufferFull, desk);
        }
    }
}

/// A message begins with the first byte that is held.
fn begin(at: usize, held: &Held, kind: Kind, unit: Unit, desk: &mut Desk<'_, '_>) -> Box<Message> {
    match held.first() {
        Some((segment, carrier)) => desk.begin(at, &Run { segment, bytes: &[], carrier: &carrier }, kind, unit),
        None => Box::new(Message { kind, unit, side: at, ..Message::default() }),
    }
}
