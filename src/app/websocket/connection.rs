//! Both directions of a connection after the handshake: frames cut out of the stream, and joined to messages.

use std::collections::VecDeque;

use arrayvec::ArrayVec;

use super::extension::Extensions;
use super::header::{self, Header, Opcode, RSV1};
use super::payload::{Deflate, Under};
use super::{WebSocket, of};
use crate::app::http1::Run;
use crate::app::ledger::Class;
use crate::app::message::{Integrity, Kind, Message, Place, Unit};
use crate::app::protocol::{Desk, Protocol};
use crate::frame::FrameNumber;
use crate::issue::Issue;
use crate::tcp::reassembly::{Cause, End};

/// Pings of a direction that wait for their pongs; a peer may leave all but the last one unanswered (RFC 6455 5.5.3).
const MAX_PENDING: usize = 16;

/// The only stream that a parser of one knows of.
const CONNECTION: u64 = 0;

/// The parser.
pub(super) struct Connection {
    client: usize,
    extensions: Extensions,
    sides: [Side; 2],
}

/// One direction.
struct Side {
    state: State,
    /// The message whose fragments come.
    data: Option<Under>,
    /// The control frame under way, which may come between them.
    control: Option<Under>,
    deflate: Deflate,
    /// Pings and a close that the peer has not answered.
    pending: VecDeque<Asked>,
    /// Whether a close frame was sent.
    closed: bool,
}

enum State {
    /// In a header, of which so much is there; at the start of a frame where that is nothing.
    Header(ArrayVec<u8, { header::MAX_LEN }>),
    /// In a payload, with so many bytes to come.
    Payload { header: Header, left: u64 },
    /// It is not known where the next frame begins.
    Lost,
}

/// A control frame that waits for its answer.
struct Asked {
    opcode: Opcode,
    payload: Vec<u8>,
    place: Place,
}

impl Connection {
    /// Frames begin in both directions.
    pub fn new(client: usize, extensions: Extensions) -> Self {
        let side = |at: usize| {
            let alone = extensions.deflate.map(|alone| if at == client { alone.client } else { alone.server });
            Side {
                state: State::Header(ArrayVec::new()),
                data: None,
                control: None,
                deflate: alone.map_or(Deflate::None, |alone| Deflate::New { alone }),
                pending: VecDeque::new(),
                closed: false,
            }
        };
        Self { client, extensions, sides: [side(0), side(1)] }
    }

    /// Takes bytes from the front of `run`, and tells how many.
    fn step(&mut self, at: usize, run: &Run<'_>, desk: &mut Desk<'_, '_>) -> usize {
        let by_client = at == self.client;
        match &mut self.sides[at].state {
            State::Header(head) => {
                if head.is_empty() {
                    self.begin_frame(at, run, desk);
                }
                self.header(at, run, desk)
            }
            State::Payload { header, left } => {
                let header = *header;
                let len = usize::try_from(*left).map_or(run.bytes.len(), |left| left.min(run.bytes.len()));
                let done = header.len - *left;
                *left -= len as u64;
                let ended = *left == 0;
                let Side { data, control, deflate, .. } = &mut self.sides[at];
                let under = if header.opcode.is_control() { control } else { data };
                match (under, run.bytes.get(..len)) {
                    (Some(under), Some(bytes)) => {
                        desk.extend(&mut under.message, run.first(len));
                        under.push(bytes, header.mask, done, deflate, desk.cx);
                    }
                    // After the end of its direction there is none.
                    _ => desk.pass(Class::Undecodable, len as u64),
                }
                if ended {
                    self.end_frame(at, header, desk);
                }
                len
            }
            State::Lost => {
                let may_compress = self.extensions.deflate.is_some();
                if !header::plausible(run.bytes, by_client, may_compress) {
                    desk.pass(Class::Undecodable, run.bytes.len() as u64);
                    return run.bytes.len();
                }
                self.sides[at].state = State::Header(ArrayVec::new());
                0
            }
        }
    }

    /// The first byte of a frame tells which message it belongs to.
    fn begin_frame(&mut self, at: usize, run: &Run<'_>, desk: &mut Desk<'_, '_>) {
        let Some(first) = run.bytes.first() else { return };
        let opcode = Opcode(first & 0xf);
        let side = &mut self.sides[at];
        let offset = run.segment.offset;
        if opcode == Opcode::CONTINUATION
            && let Some(data) = &mut side.data
        {
            return data.message.resume_at(offset);
        }
        if !opcode.is_control()
            && let Some(mut data) = side.data.take()
        {
            data.message.issues.insert(Issue::FragmentsInterrupted);
            data.lack(&mut side.deflate, desk.cx);
            desk.finish(data.message, Integrity::Malformed);
        }
        let unit = Unit::WebSocket(Box::new(WebSocket::new(opcode, desk.cx.wanted.preview)));
        let mut message = desk.begin(at, run, Kind::Message { by_client: at == self.client }, unit);
        if opcode == Opcode::CONTINUATION {
            message.issues.insert(Issue::ContinuationWithoutStart);
        }
        if side.closed {
            message.issues.insert(Issue::DataAfterClose);
        }
        let under = Some(Under::new(message));
        *(if opcode.is_control() { &mut side.control } else { &mut side.data }) = under;
    }

    /// More of a header.
    fn header(&mut self, at: usize, run: &Run<'_>, desk: &mut Desk<'_, '_>) -> usize {
        let Side { state: State::Header(head), data, control, .. } = &mut self.sides[at] else { return 0 };
        let before = head.len();
        for &byte in run.bytes {
            let len = head.get(1).map_or(2, |second| header::header_len(*second));
            // A header is no longer than there is room.
            if head.len() == len || head.try_push(byte).is_err() {
                break;
            }
        }
        let used = head.len() - before;
        let is_control = head.first().is_some_and(|first| Opcode(first & 0xf).is_control());
        match if is_control { control } else { data } {
            Some(under) => desk.extend(&mut under.message, run.first(used)),
            None => desk.pass(Class::Undecodable, used as u64),
        }
        if let Some(header) = Header::parse(head) {
            self.begin_payload(at, header, desk);
        }
        used
    }

    fn begin_payload(&mut self, at: usize, header: Header, desk: &mut Desk<'_, '_>) {
        let extensions = self.extensions;
        let side = &mut self.sides[at];
        let Side { data, control, deflate, .. } = side;
        let Some(under) = (if header.opcode.is_control() { control } else { data }) else { return };
        let Message { issues, unit: Unit::WebSocket(unit), .. } = &mut *under.message else { return };
        let is_first = unit.frame_count == 0;
        unit.add_frame(header);
        match (header.mask, at == self.client) {
            (None, true) => issues.insert(Issue::FrameNotMasked),
            (Some(_), false) => issues.insert(Issue::FrameMasked),
            _ => {}
        }
        let may_compress = extensions.deflate.is_some() && is_first && !header.opcode.is_control();
        let compressed = may_compress && header.rsv & RSV1 != 0;
        unit.by_deflate = extensions.deflate.is_some();
        let expected = if may_compress { RSV1 } else { 0 };
        if header.rsv & !expected != 0 && !extensions.unknown {
            issues.insert(Issue::ReservedBits);
        }
        if header.opcode.is_reserved() && !extensions.unknown {
            issues.insert(Issue::ReservedOpcode);
        }
        if header.opcode.is_control() && header.len > 125 {
            issues.insert(Issue::ControlTooLong);
        }
        if header.opcode.is_control() && !header.fin {
            issues.insert(Issue::ControlFragmented);
        }
        if !header.is_shortest() || !header.has_valid_len() {
            issues.insert(Issue::BadFrameLength);
        }
        if compressed {
            under.compressed(deflate, desk.cx);
        }
        if !header.has_valid_len() {
            self.lose_track(at, Integrity::Malformed, desk);
        } else if header.len == 0 {
            self.end_frame(at, header, desk);
        } else {
            self.sides[at].state = State::Payload { header, left: header.len };
        }
    }

    /// The last byte of a frame has come, or is known to be missing.
    fn end_frame(&mut self, at: usize, header: Header, desk: &mut Desk<'_, '_>) {
        let side = &mut self.sides[at];
        side.state = State::Header(ArrayVec::new());
        if header.opcode.is_control() {
            side.closed |= header.opcode == Opcode::CLOSE;
            let Some(mut control) = side.control.take() else { return };
            control.whole(&mut side.deflate, desk.cx);
            self.pair(at, &mut control.message);
            desk.finish(control.message, Integrity::Complete);
        } else if header.fin
            && let Some(mut data) = side.data.take()
        {
            data.whole(&mut side.deflate, desk.cx);
            desk.finish(data.message, Integrity::Complete);
        }
    }

    /// A pong answers the ping of the same content, and of those the one that has waited longest; the second close
    /// answers the first (RFC 6455 5.5).
    fn pair(&mut self, at: usize, message: &mut Message) {
        let Some(unit) = of(message).filter(|_| message.missing_bytes == 0) else { return };
        let answered = match unit.opcode {
            Opcode::PONG => Opcode::PING,
            opcode => opcode,
        };
        let same =
            |asked: &Asked| asked.opcode == answered && (answered == Opcode::CLOSE || asked.payload == unit.content);
        let peers = &mut self.sides[1 - at].pending;
        if unit.opcode != Opcode::PING
            && let Some(found) = peers.iter().position(same)
        {
            if let Some(asked) = peers.drain(..=found).next_back() {
                asked.place.is_answered(CONNECTION, message);
            }
        } else if matches!(unit.opcode, Opcode::PING | Opcode::CLOSE) {
            let (opcode, payload) = (unit.opcode, unit.content.clone());
            let asked = Asked { opcode, payload, place: Place::of(CONNECTION, message) };
            let own = &mut self.sides[at].pending;
            if own.len() == MAX_PENDING {
                own.pop_front();
            }
            own.push_back(asked);
        }
    }

    /// It is no longer known where frames begin: what is under way ends.
    fn lose_track(&mut self, at: usize, end: Integrity, desk: &mut Desk<'_, '_>) {
        let side = &mut self.sides[at];
        side.state = State::Lost;
        // What was lost may have been compressed.
        side.deflate.lose(desk.cx);
        let Side { data, control, .. } = side;
        for mut under in [control.take(), data.take()].into_iter().flatten() {
            if end == Integrity::Gap {
                under.message.issues.insert(Issue::Gap);
            }
            desk.finish(under.message, end);
        }
    }
}

impl Protocol for Connection {
    fn title(&self) -> &'static str {
        super::APPLICATION.title
    }

    fn data(&mut self, at: usize, run: &Run<'_>, desk: &mut Desk<'_, '_>) {
        let mut run = *run;
        while !run.bytes.is_empty() {
            let used = self.step(at, &run, desk);
            run = run.after(used.min(run.bytes.len()));
        }
    }

    fn gap(&mut self, at: usize, _offset: u64, len: u64, cause: Cause, desk: &mut Desk<'_, '_>) {
        let side = &mut self.sides[at];
        let State::Payload { header, left } = &mut side.state else {
            return self.lose_track(at, Integrity::Gap, desk);
        };
        let (header, within) = (*header, len.min(*left));
        *left -= within;
        let ended = *left == 0;
        let under = if header.opcode.is_control() { &mut side.control } else { &mut side.data };
        if let Some(under) = under {
            under.message.lack(within, cause);
            under.lack(&mut side.deflate, desk.cx);
        }
        if ended {
            self.end_frame(at, header, desk);
        }
        if within < len {
            self.lose_track(at, Integrity::Gap, desk);
        }
    }

    fn end(&mut self, at: usize, by: End, _frame: FrameNumber, desk: &mut Desk<'_, '_>) {
        let Side { data, control, deflate, .. } = &mut self.sides[at];
        for under in [control.take(), data.take()].into_iter().flatten() {
            desk.finish(under.message, Integrity::cut_by(by));
        }
        deflate.release(desk.cx);
    }

    fn under_way(&mut self, at: usize) -> Option<&mut Message> {
        let Side { data, control, .. } = &mut self.sides[at];
        control.as_mut().or(data.as_mut()).map(|under| &mut *under.message)
    }

    fn held(&self) -> usize {
        self.sides.iter().flat_map(|side| [&side.data, &side.control]).flatten().map(Under::held).sum()
    }

    fn relieve(&mut self, _desk: &mut Desk<'_, '_>) {
        self.sides.iter_mut().filter_map(|side| side.data.as_mut()).for_each(Under::relieve);
    }
}
