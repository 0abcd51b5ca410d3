//! What a TCP connection speaks that is not HTTP/1: how that is found out, what its parser is fed, and what it writes
//! messages with.

use super::Context;
use super::dns;
use super::http1::{Run, Session};
use super::http2;
use super::ledger::Class;
use super::message::{Integrity, Kind, Message, Unit};
use super::tls;
use super::websocket;
use crate::app::Output;
use crate::frame::FrameNumber;
use crate::issue::IssueSet;
use crate::tcp::SegmentRef;
use crate::tcp::reassembly::{Cause, End};

/// A parser of both directions of a connection. It takes every byte that it is given into a message or passes it on to
/// [`Desk::pass`], so that each is accounted for.
pub trait Protocol: Send {
    /// Its name in records, such as `TLS`.
    fn title(&self) -> &'static str;

    /// The next bytes of direction `at`: 0 for what the sender of the connection's first frame sends, 1 for the other.
    fn data(&mut self, at: usize, run: &Run<'_>, desk: &mut Desk<'_, '_>);

    /// The next `len` bytes of a direction, from `offset` of its stream, are not there.
    fn gap(&mut self, at: usize, offset: u64, len: u64, cause: Cause, desk: &mut Desk<'_, '_>);

    /// A direction has ended; `frame` did it, 0 where none.
    fn end(&mut self, at: usize, by: End, frame: FrameNumber, desk: &mut Desk<'_, '_>);

    /// The message under way of a direction, which is told of copies of its bytes.
    fn under_way(&mut self, at: usize) -> Option<&mut Message>;

    /// Takes note of a copy of bytes of a direction, and what it tells, where messages are not in one piece each; whether
    /// any of them has such bytes.
    fn learn(&mut self, _at: usize, _segment: SegmentRef, _issues: IssueSet, _cx: &mut Context<'_>) -> bool {
        false
    }

    /// Bytes held because it is not known yet what they are.
    fn held(&self) -> usize;

    /// Gives up what is held, at a bound.
    fn relieve(&mut self, desk: &mut Desk<'_, '_>);

    /// What is known of the connection, where it is TLS.
    fn tls(&self) -> Option<&tls::Facts> {
        None
    }
}

/// What bytes at a place where a protocol may begin are to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Guess {
    /// They are not of it.
    No,
    /// More of them are wanted.
    Maybe,
    /// They are of it.
    Yes,
}

/// How a protocol is known by its first bytes.
struct Known {
    /// Whether a byte may be its first: what is asked of every segment.
    first: fn(u8) -> bool,
    /// What bytes, at least one, are to it.
    guess: fn(&[u8]) -> Guess,
    /// Its parser; `at` is the direction that began.
    parser: fn(at: usize) -> Box<dyn Protocol>,
}

/// The protocols that are known by their first bytes.
const KNOWN: &[Known] = &[
    Known { first: tls::may_begin, guess: tls::guess, parser: |_| tls::parser() },
    Known {
        first: |byte| matches!(byte, b'P' | 0),
        guess: http2::guess,
        parser: |_| Box::new(http2::Session::default()),
    },
    Known { first: dns::may_begin, guess: dns::guess, parser: |_| Box::new(dns::Stream::default()) },
];

/// Most bytes that are held until they tell.
pub(super) const MAX_GUESSED: usize = 24;

/// Whether a byte may be the first of a protocol.
pub(super) fn may_begin(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|first| KNOWN.iter().any(|known| (known.first)(*first)))
}

/// The parser of the protocol that `bytes`, sent by side `at`, begin; or whether more of them may tell.
pub(super) fn guess(at: usize, bytes: &[u8]) -> Result<Box<dyn Protocol>, Guess> {
    let guesses = KNOWN.iter().filter(|known| bytes.first().is_some_and(|first| (known.first)(*first)));
    let mut best = Guess::No;
    for known in guesses {
        match (known.guess)(bytes) {
            Guess::Yes => return Ok((known.parser)(at)),
            Guess::Maybe if bytes.len() < MAX_GUESSED => best = Guess::Maybe,
            Guess::Maybe | Guess::No => {}
        }
    }
    Err(best)
}

/// The parser of the protocol to which a final response hands the connection over, if it names one (RFC 9110 7.8).
pub(super) fn upgraded(response: &Message) -> Option<Box<dyn Protocol>> {
    let names = |token: &[u8]| {
        response.http().is_some_and(|http| http.head().list("upgrade").any(|name| name.eq_ignore_ascii_case(token)))
    };
    if names(b"h2c") {
        return Some(Box::new(http2::Session::upgraded(response)));
    }
    websocket::upgraded(response)
}

/// What a parser writes its messages with.
pub struct Desk<'d, 'c> {
    /// What is asked for, and where it goes.
    pub cx: &'d mut Context<'c>,
    session: &'d mut Session,
}

impl<'d, 'c> Desk<'d, 'c> {
    pub(super) fn new(session: &'d mut Session, cx: &'d mut Context<'c>) -> Self {
        Self { cx, session }
    }

    /// The side that opened the connection, where that was captured.
    pub fn opener(&self) -> Option<usize> {
        self.session.opener()
    }

    /// A message whose first byte is that of `run`, numbered, and without bytes so far.
    pub fn begin(&mut self, at: usize, run: &Run<'_>, kind: Kind, unit: Unit) -> Box<Message> {
        let mut message = self.cx.pool.take();
        message.begin(at, run, self.cx.wanted.messages);
        message.number = self.session.next_number();
        message.kind = kind;
        message.unit = unit;
        message
    }

    /// Its next bytes.
    pub fn extend(&mut self, message: &mut Message, segment: SegmentRef) {
        message.extend(segment);
        self.cx.ledger.add(Class::Message, segment.len.into());
    }

    /// The message has ended so: it is given out.
    pub fn finish(&mut self, mut message: Box<Message>, end: Integrity) {
        message.conclude(end);
        self.session.remember(&message);
        (self.cx.out)(Output::Message(&mut message));
        self.cx.pool.give_back(message);
    }

    /// A message that is concluded is given out; where its bytes are, its parser remembers: see [`Protocol::learn`].
    pub fn give_out(&mut self, mut message: Box<Message>) {
        self.session.note_part(&message);
        (self.cx.out)(Output::Message(&mut message));
        self.cx.pool.give_back(message);
    }

    /// Bytes that are in no message.
    pub fn pass(&mut self, class: Class, bytes: u64) {
        self.cx.ledger.add(class, bytes);
    }
}
