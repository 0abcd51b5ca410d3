//! DNS over TCP (RFC 1035 4.2.2, RFC 7766): messages one after the other, each after its length.

use super::pairing::Pairing;
use super::plausible::PREFIX_LEN;
use super::{Dns, HEADER_LEN, Variant, guess, parse};
use crate::app::http1::Run;
use crate::app::ledger::Class;
use crate::app::message::{Integrity, Kind, Message, Unit};
use crate::app::protocol::{Desk, Guess, Protocol};
use crate::frame::FrameNumber;
use crate::issue::Issue;
use crate::tcp::SegmentRef;
use crate::tcp::reassembly::{Cause, End};

/// As much of a message as makes it one: its length and its header.
const MIN_LEN: usize = PREFIX_LEN + HEADER_LEN;

/// Both directions of a connection.
#[derive(Default)]
pub struct Stream {
    sides: [Side; 2],
    pairing: Pairing<()>,
}

#[derive(Default)]
struct Side {
    part: Option<Part>,
    /// Bytes were lost, so that it is not known where the next message begins.
    is_lost: bool,
}

/// A message under way.
struct Part {
    message: Box<Message>,
    /// Its bytes up to the first that is missing.
    bytes: Vec<u8>,
    /// Where they are, while they are too few to make a message.
    early: Vec<SegmentRef>,
    /// How many there were, missing ones included.
    len: usize,
    /// Whether no more of them are kept.
    is_cut: bool,
}

impl Part {
    /// Its whole length, as soon as that is known.
    fn whole(&self) -> Option<usize> {
        Some(PREFIX_LEN + usize::from(u16::from_be_bytes(*self.bytes.first_chunk()?)))
    }

    /// How many bytes are to come before it is known what comes then.
    fn wanted(&self) -> usize {
        self.whole().unwrap_or(PREFIX_LEN).saturating_sub(self.len)
    }

    fn add(&mut self, run: &Run<'_>, desk: &mut Desk<'_, '_>) {
        self.len += run.bytes.len();
        if !self.is_cut {
            self.bytes.extend_from_slice(run.bytes);
        }
        self.early.push(run.segment);
        if self.bytes.len() >= MIN_LEN {
            self.early.drain(..).for_each(|segment| desk.extend(&mut self.message, segment));
        }
    }

    /// Gives the message out, if it has become one; else its bytes are of none.
    fn finish(self, at: usize, end: Integrity, pairing: &mut Pairing<()>, desk: &mut Desk<'_, '_>) {
        let Self { mut message, bytes, early, is_cut, .. } = self;
        if !early.is_empty() {
            let held = early.iter().map(|segment| u64::from(segment.len)).sum();
            return desk.pass(Class::Undecodable, held);
        }
        let Some(dns) = bytes.get(PREFIX_LEN..).and_then(|wire| parse(wire, Variant::Dns)) else { return };
        let length = bytes.first_chunk().copied().map(u16::from_be_bytes);
        let end = if end == Integrity::Complete && !is_cut { dns.integrity() } else { end };
        message.kind = dns.part();
        message.side = at;
        message.unit = Unit::Dns(Dns { length, ..dns });
        if message.kind == Kind::Response {
            pairing.answer(&[()], 0, &mut message);
        } else {
            pairing.ask((), 0, &mut message);
        }
        desk.finish(message, end);
    }
}

impl Stream {
    fn finish(&mut self, at: usize, end: Integrity, desk: &mut Desk<'_, '_>) {
        if let Some(part) = self.sides[at].part.take() {
            part.finish(at, end, &mut self.pairing, desk);
        }
    }
}

impl Protocol for Stream {
    fn title(&self) -> &'static str {
        "DNS"
    }

    fn data(&mut self, at: usize, run: &Run<'_>, desk: &mut Desk<'_, '_>) {
        if self.sides[at].is_lost {
            if guess(run.bytes) != Guess::Yes {
                return desk.pass(Class::Undecodable, run.bytes.len() as u64);
            }
            self.sides[at].is_lost = false;
        }
        let mut run = *run;
        while !run.bytes.is_empty() {
            let part = self.sides[at].part.get_or_insert_with(|| {
                let kind = if desk.opener() == Some(1 - at) { Kind::Response } else { Kind::Request };
                let message = desk.begin(at, &run, kind, Unit::Dns(Dns::default()));
                Part { message, bytes: Vec::new(), early: Vec::new(), len: 0, is_cut: false }
            });
            let len = part.wanted().min(run.bytes.len());
            let rest = run.after(len);
            let next = Run { segment: run.first(len), bytes: &run.bytes[..len], carrier: run.carrier };
            part.add(&next, desk);
            if part.len > PREFIX_LEN && part.wanted() == 0 || part.whole() == Some(PREFIX_LEN) {
                self.finish(at, Integrity::Complete, desk);
            }
            run = rest;
        }
    }

    fn gap(&mut self, at: usize, _offset: u64, len: u64, cause: Cause, desk: &mut Desk<'_, '_>) {
        let Some(part) = &mut self.sides[at].part else {
            self.sides[at].is_lost = true;
            return;
        };
        // A message of known length goes on behind a gap within it.
        let left = part.whole().filter(|_| part.early.is_empty()).map_or(0, |_| part.wanted());
        let lacks = len.min(left as u64);
        if lacks > 0 {
            part.message.lack(lacks, cause);
            part.len += lacks as usize;
            part.is_cut = true;
        }
        if part.wanted() == 0 || lacks < len {
            self.finish(at, Integrity::Gap, desk);
        }
        self.sides[at].is_lost = lacks < len;
    }

    fn end(&mut self, at: usize, by: End, _frame: FrameNumber, desk: &mut Desk<'_, '_>) {
        self.finish(at, Integrity::cut_by(by), desk);
    }

    fn under_way(&mut self, at: usize) -> Option<&mut Message> {
        self.sides[at].part.as_mut().map(|part| &mut *part.message)
    }

    fn held(&self) -> usize {
        self.sides.iter().filter_map(|side| side.part.as_ref()).map(|part| part.bytes.capacity()).sum()
    }

    fn relieve(&mut self, desk: &mut Desk<'_, '_>) {
        for at in 0..2 {
            let Some(part) = &mut self.sides[at].part else { continue };
            if part.early.is_empty() {
                // The header and the questions are told; its end is still known by its length.
                part.bytes.truncate(MAX_RELIEVED);
                part.bytes.shrink_to_fit();
                part.is_cut = true;
                part.message.issues.insert(Issue::BufferFull);
            } else {
                self.finish(at, Integrity::Gap, desk);
                self.sides[at].is_lost = true;
            }
        }
    }
}

/// Bytes of a message that are kept at a bound: header, question, some answers.
const MAX_RELIEVED: usize = 512;
