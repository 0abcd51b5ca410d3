//! Both directions of a connection: records, and the messages in them.

mod assembly;
mod meaning;

use super::handshake::{self, Chosen};
use super::record::{self, Header, Probe, SSL2, content};
use super::{Content, Facts, Hidden, KEPT_HEADERS, Tls, names};
use crate::app::held::Held;
use crate::app::http1::Run;
use crate::app::ledger::Class;
use crate::app::message::{Integrity, Kind, Message, Unit};
use crate::app::protocol::{Desk, Protocol};
use crate::frame::{FrameNumber, Timestamp};
use crate::issue::Issue;
use crate::tcp::SegmentRef;
use crate::tcp::reassembly::{Cause, End};

/// Bytes of a handshake message that are kept to be read: usual chains of certificates have some thousands.
const MAX_KEPT: usize = 64 << 10;

/// What usual handshake messages but certificates take.
const USUAL: usize = 512;

/// Bytes of a record that tell a hello in clear from what is encrypted: type, length, version.
const TELLING: usize = handshake::HEADER + 2;

/// Bytes of a record's header that are held while it is not whole; that of SSL 2.0 is told by as many and one more.
const MAX_HELD: usize = 10;

/// Both directions.
#[derive(Default)]
pub struct Parser {
    sides: [Side; 2],
    chosen: Chosen,
    /// Which side is the client, once a message has told.
    client: Option<usize>,
    /// The ClientHello that has no answer yet.
    asked: Option<Asked>,
    facts: Facts,
}

/// A ClientHello.
struct Asked {
    number: u32,
    session_id: Vec<u8>,
    has_early_data: bool,
    /// Frame and time of its last byte, where it is whole.
    done: Option<(FrameNumber, Timestamp)>,
}

/// One direction.
#[derive(Default)]
struct Side {
    /// The message under way.
    message: Option<Box<Message>>,
    /// The version in the header of the record under way.
    version: u16,
    /// What is left of that record.
    left: u16,
    /// What that is.
    payload: Payload,
    /// Of the handshake message under way, its bytes so far, header included, kept ones or not.
    read: usize,
    /// Its first bytes.
    kept: Vec<u8>,
    /// Whether bytes between those kept and the next ones are missing or were given up.
    is_cut: bool,
    /// Whether the place of the next record is known.
    in_step: bool,
    /// Bytes of a header that is not whole, each a run.
    held: Held,
    /// Whether a record was met.
    begun: bool,
    /// Whether what it sends is encrypted from here on.
    encrypted: bool,
    /// Whether its keys have changed since its last handshake message.
    changed: bool,
    /// Whether the end of its handshake was met among its encrypted data (TLS 1.3).
    finished: bool,
}

impl Side {
    /// Flags the message under way.
    fn note(&mut self, issue: Issue) {
        if let Some(message) = &mut self.message {
            message.issues.insert(issue);
        }
    }
}

/// What is left of a record.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Payload {
    /// Nothing.
    #[default]
    None,
    /// Handshake messages in clear.
    Handshake,
    /// Either these or encrypted ones.
    Either,
    /// An alert in clear, or a ClientHello of SSL 2.0.
    Kept,
    /// What is not looked into.
    Opaque,
}

impl Protocol for Parser {
    fn title(&self) -> &'static str {
        super::APPLICATION.title
    }

    fn data(&mut self, at: usize, run: &Run<'_>, desk: &mut Desk<'_, '_>) {
        let mut run = *run;
        while !run.bytes.is_empty() {
            // Every step takes a byte at least, and no more than there are.
            let used = self.step(at, &run, desk).clamp(1, run.bytes.len());
            run = run.after(used);
        }
    }

    fn gap(&mut self, at: usize, _: u64, len: u64, cause: Cause, desk: &mut Desk<'_, '_>) {
        self.drop_held(at, desk);
        let mut left = len;
        while left > 0 && self.sides[at].payload != Payload::None {
            left -= self.lack(at, left, cause, desk);
        }
        if left > 0 {
            let side = &mut self.sides[at];
            side.in_step = false;
            if let Some(message) = side.message.as_mut().filter(|message| !is_data(message)) {
                message.lack(left, cause);
            }
            self.finish(at, Integrity::Complete, desk);
        }
    }

    fn end(&mut self, at: usize, by: End, _: FrameNumber, desk: &mut Desk<'_, '_>) {
        let side = &self.sides[at];
        let whole = side.payload == Payload::None && side.message.as_ref().is_some_and(|message| is_data(message));
        self.finish(at, if whole { Integrity::Complete } else { Integrity::cut_by(by) }, desk);
        self.drop_held(at, desk);
        self.sides[at].payload = Payload::None;
    }

    fn under_way(&mut self, at: usize) -> Option<&mut Message> {
        self.sides[at].message.as_deref_mut()
    }

    fn held(&self) -> usize {
        self.sides.iter().map(|side| side.kept.len() + side.held.bytes().len()).sum()
    }

    fn relieve(&mut self, _: &mut Desk<'_, '_>) {
        for at in 0..2 {
            self.tell(at);
            let side = &mut self.sides[at];
            if !std::mem::take(&mut side.kept).is_empty() {
                side.is_cut = true;
                side.note(Issue::BufferFull);
            }
        }
    }

    fn tls(&self) -> Option<&Facts> {
        Some(&self.facts)
    }
}

impl Parser {
    /// Takes bytes from the front of `run`, and tells how many.
    fn step(&mut self, at: usize, run: &Run<'_>, desk: &mut Desk<'_, '_>) -> usize {
        let side = &self.sides[at];
        match side.payload {
            Payload::None => return self.between(at, run, desk),
            Payload::Handshake => return self.handshake(at, run, desk),
            Payload::Either => return self.either(at, run, desk),
            Payload::Kept | Payload::Opaque => {}
        }
        let len = run.bytes.len().min(side.left.into());
        if side.payload == Payload::Kept {
            self.keep(at, &run.bytes[..len]);
        }
        self.take(at, run.first(len), desk);
        self.pass(at, len, desk);
        len
    }

    /// Bytes at a place where a record begins, or is looked for.
    fn between(&mut self, at: usize, run: &Run<'_>, desk: &mut Desk<'_, '_>) -> usize {
        let side = &self.sides[at];
        if !side.held.bytes().is_empty() {
            self.hold(at, run, desk);
            return 1;
        }
        let skipped = record::skip(run.bytes, !side.in_step);
        if skipped > 0 {
            self.lose_step(at, skipped, desk);
            return skipped;
        }
        match record::probe(run.bytes, !side.in_step) {
            Probe::Record(header) => {
                self.record(at, header, &Run { segment: run.first(header.size), ..*run }, desk);
                self.end_empty(at, desk);
                header.size
            }
            _ => {
                self.hold(at, run, desk);
                1
            }
        }
    }

    /// Holds the first byte of `run`, until those that are held are a header.
    fn hold(&mut self, at: usize, run: &Run<'_>, desk: &mut Desk<'_, '_>) {
        let side = &mut self.sides[at];
        side.held.add(run, 1);
        let probe = record::probe(side.held.bytes(), !side.in_step);
        if probe == Probe::Maybe && side.held.bytes().len() <= MAX_HELD {
            return;
        }
        let held = side.held.take();
        let header = if let Probe::Record(header) = probe { Some(header) } else { None };
        if header.is_none() {
            self.lose_step(at, 1, desk);
        }
        let mut place = 0;
        held.replay(|run| {
            match header {
                Some(header) if place == 0 => self.record(at, header, run, desk),
                Some(header) if place < header.size => self.extend(at, run.segment, desk),
                // It was passed by: the others are looked at again without it.
                None if place == 0 => {}
                _ => {
                    self.step(at, run, desk);
                }
            }
            place += 1;
        });
        if header.is_some() {
            self.end_empty(at, desk);
        }
    }

    /// A record without a byte ends with its header.
    fn end_empty(&mut self, at: usize, desk: &mut Desk<'_, '_>) {
        self.pass(at, 0, desk);
    }

    /// These bytes begin no record: what is under way ends before them.
    fn lose_step(&mut self, at: usize, len: usize, desk: &mut Desk<'_, '_>) {
        let is_whole = self.sides[at].message.as_ref().is_some_and(|message| is_data(message));
        self.finish(at, if is_whole { Integrity::Complete } else { Integrity::Malformed }, desk);
        self.sides[at].in_step = false;
        self.pass_by(at, len, desk);
    }

    /// Bytes that are in no message.
    fn pass_by(&mut self, at: usize, len: usize, desk: &mut Desk<'_, '_>) {
        let joined = !self.sides[at].begun && desk.opener().is_none();
        desk.pass(if joined { Class::BeforeFirst } else { Class::Undecodable }, len as u64);
    }

    /// Bytes that are held become no header.
    fn drop_held(&mut self, at: usize, desk: &mut Desk<'_, '_>) {
        let side = &mut self.sides[at];
        let held = side.held.take().bytes().len();
        if held > 0 {
            self.lose_step(at, held, desk);
        }
    }

    /// A record begins: its header is in `run`, or begins there.
    fn record(&mut self, at: usize, header: Header, run: &Run<'_>, desk: &mut Desk<'_, '_>) {
        let side = &mut self.sides[at];
        side.in_step = true;
        side.begun = true;
        side.left = header.len;
        side.version = header.version;
        side.payload = match header.content {
            content::HANDSHAKE if header.version == SSL2 => Payload::Kept,
            content::HANDSHAKE if !side.encrypted || is_handshake(side.message.as_deref()) => Payload::Handshake,
            content::HANDSHAKE => Payload::Either,
            content::ALERT if header.len == 2 => Payload::Kept,
            _ => Payload::Opaque,
        };
        let goes_on = match (header.content, side.message.as_deref()) {
            // Without an acknowledgment it cannot be told.
            (content::DATA, Some(message)) => {
                is_data(message) && (run.segment.acked <= message.acked || message.acked == 0)
            }
            (content::HANDSHAKE, message) => is_handshake(message),
            _ => false,
        };
        if !goes_on {
            let is_whole = side.message.as_ref().is_some_and(|message| is_data(message));
            self.finish(at, if is_whole { Integrity::Complete } else { Integrity::Malformed }, desk);
            let content = self.content(at, header);
            self.begin(at, run, content, header, desk);
        }
        if header.content == content::DATA {
            self.sides[at].encrypted = true;
            self.facts.records[at] += 1;
        }
        self.extend(at, run.segment, desk);
        if let Some(tls) = self.unit(at) {
            tls.records += 1;
            if tls.headers.len() < KEPT_HEADERS {
                tls.headers.push((header.version, header.len));
            }
        }
    }

    /// What a message is that a record begins.
    fn content(&mut self, at: usize, header: Header) -> Content {
        match header.content {
            content::CHANGE_CIPHER_SPEC => Content::ChangeCipherSpec,
            content::ALERT if header.len != 2 => Content::EncryptedAlert,
            content::HEARTBEAT => Content::Heartbeat,
            content::DATA => {
                let asked = self.asked.as_ref().is_some_and(|asked| asked.has_early_data);
                Content::Data(match self.chosen.version {
                    None if asked && self.client == Some(at) => Hidden::Early,
                    Some(version)
                        if names::is_tls13(version) && !std::mem::replace(&mut self.sides[at].finished, true) =>
                    {
                        Hidden::Handshake
                    }
                    _ => Hidden::Application,
                })
            }
            _ => Content::Unknown,
        }
    }

    fn begin(&mut self, at: usize, run: &Run<'_>, content: Content, header: Header, desk: &mut Desk<'_, '_>) {
        let tls = Tls {
            content,
            content_type: header.content,
            version: header.version,
            chosen: self.chosen.version,
            ..Tls::default()
        };
        let kind = Kind::Message { by_client: self.is_client(at, desk) };
        let side = &mut self.sides[at];
        side.let_go();
        (side.read, side.is_cut) = (0, false);
        side.message = Some(desk.begin(at, run, kind, Unit::Tls(Box::new(tls))));
    }

    /// Whether a side is the client, as far as that is known.
    fn is_client(&self, at: usize, desk: &Desk<'_, '_>) -> bool {
        self.client.or(desk.opener()).unwrap_or(0) == at
    }

    fn unit(&mut self, at: usize) -> Option<&mut Tls> {
        match &mut self.sides[at].message.as_mut()?.unit {
            Unit::Tls(tls) => Some(tls),
            _ => None,
        }
    }

    /// The next bytes of the message under way; of none, where its beginning is missing.
    fn extend(&mut self, at: usize, segment: SegmentRef, desk: &mut Desk<'_, '_>) {
        match &mut self.sides[at].message {
            Some(message) => desk.extend(message, segment),
            None => self.pass_by(at, segment.len as usize, desk),
        }
    }

    /// The same, of what a record holds.
    fn take(&mut self, at: usize, segment: SegmentRef, desk: &mut Desk<'_, '_>) {
        self.extend(at, segment, desk);
        let len = u64::from(segment.len);
        if let Some(tls) = self.unit(at) {
            tls.payload += len;
            if matches!(tls.content, Content::Data(_)) {
                self.facts.bytes[at] += len;
            }
        }
    }

    /// Bytes of the record under way are missing, at most `left`; tells how many of these are in it, or rather in the
    /// handshake message that it holds.
    fn lack(&mut self, at: usize, left: u64, cause: Cause, desk: &mut Desk<'_, '_>) -> u64 {
        let goal = self.goal(at);
        let side = &mut self.sides[at];
        let mut len = left.min(side.left.into()) as usize;
        side.is_cut = true;
        let payload = side.payload;
        if let (Payload::Handshake, Some(goal)) = (payload, goal) {
            len = len.min(goal.saturating_sub(side.read));
        } else {
            // What is left of the record cannot be told apart.
            side.payload = Payload::Opaque;
        }
        if let Some(message) = &mut side.message {
            message.lack(len as u64, cause);
        }
        if payload == Payload::Either {
            self.set_content(at, Content::EncryptedHandshake);
        }
        if self.sides[at].payload == Payload::Handshake {
            self.come(at, len, desk);
        } else {
            self.pass(at, len, desk);
        }
        // None at all only where nothing is left of the record.
        len.max(1) as u64
    }

    /// So many bytes of the record under way are done with.
    fn pass(&mut self, at: usize, len: usize, desk: &mut Desk<'_, '_>) {
        let side = &mut self.sides[at];
        side.left = side.left.saturating_sub(len as u16);
        if side.left > 0 {
            return;
        }
        let payload = std::mem::take(&mut side.payload);
        match side.message.as_deref() {
            // The next record may go on with it.
            Some(message) if is_data(message) => {}
            Some(_) if payload == Payload::Handshake && side.read > 0 => {}
            // A record without a byte, which no handshake message may be in (RFC 8446 5.1).
            Some(_) if payload == Payload::Handshake => self.finish(at, Integrity::Malformed, desk),
            _ => {
                if payload == Payload::Either {
                    self.set_content(at, Content::EncryptedHandshake);
                }
                self.finish(at, Integrity::Complete, desk);
            }
        }
    }

    /// What the message under way is.
    fn set_content(&mut self, at: usize, content: Content) {
        if let Some(tls) = self.unit(at) {
            tls.content = content;
        }
    }

    /// The message under way has ended.
    fn finish(&mut self, at: usize, end: Integrity, desk: &mut Desk<'_, '_>) {
        self.tell(at);
        let Some(mut message) = self.sides[at].message.take() else { return };
        self.sides[at].let_go();
        self.learn(at, &mut message, end);
        if let Kind::Message { by_client } = &mut message.kind {
            *by_client = self.is_client(at, desk);
        }
        desk.finish(message, end);
    }
}

impl Side {
    /// Lets go of the handshake message that was kept; of its memory too where that is much, since a connection stays.
    fn let_go(&mut self) {
        self.kept.clear();
        self.kept.shrink_to(USUAL);
    }
}

fn is_data(message: &Message) -> bool {
    matches!(&message.unit, Unit::Tls(tls) if matches!(tls.content, Content::Data(_)))
}

/// Whether a message goes on in the next record of handshake messages, if it is under way where that begins.
fn is_handshake(message: Option<&Message>) -> bool {
    message.is_some_and(|message| matches!(&message.unit, Unit::Tls(tls) if tls.content_type == content::HANDSHAKE))
}
