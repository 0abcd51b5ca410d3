//! What the connection speaks that is not HTTP/1: found by its first bytes or by an upgrade, and left to its own parser.

use super::side::{Search, State, Unread};
use super::{Run, Session};
use crate::app::Context;
use crate::app::http1::head::{Start, plausible_resync};
use crate::app::identify::identify;
use crate::app::ledger::{Class, Ledger};
use crate::app::message::{Integrity, Kind, Message};
use crate::app::protocol::{self, Desk, Guess, Protocol};
use crate::app::tls::Facts;

/// What is kept of a connection that is not, or not yet known to be, HTTP/1.
#[derive(Default)]
pub(super) struct Foreign {
    /// Bytes of both directions that were read as no message.
    pub unread: [Unread; 2],
    /// The parser of what it speaks.
    pub protocol: Option<Box<dyn Protocol>>,
}

impl Session {
    /// The name of the protocol that has the connection, or has it now.
    pub fn protocol(&self) -> Option<&'static str> {
        Some(self.foreign.as_ref()?.protocol.as_ref()?.title())
    }

    /// What is known of the connection, where it is TLS.
    pub fn tls(&self) -> Option<&Facts> {
        self.foreign.as_ref()?.protocol.as_ref()?.tls()
    }

    /// Whether both directions began with something that is not HTTP, after a handshake.
    pub(super) fn is_other(&self) -> bool {
        !self.recognised
            && self.opener.is_some()
            && self.foreign.as_ref().is_some_and(|foreign| {
                foreign.protocol.is_none() && foreign.unread.iter().all(|unread| !unread.first.is_empty())
            })
    }

    /// Whether bytes of such a connection may be passed over: unless a request begins them after all, as behind SOCKS.
    pub fn passes_over(&self, at: usize, bytes: &[u8]) -> bool {
        if !self.is_other() || protocol::may_begin(bytes) {
            return false;
        }
        let begins = || bytes.first().is_some_and(u8::is_ascii_uppercase) && plausible_resync(bytes) == Start::Request;
        let named = || identify(self.first_bytes(at), self.first_bytes(1 - at));
        let turns =
            || self.opener.map(usize::from) == Some(at) && begins() && named().is_none_or(|name| name == "SOCKS");
        !turns()
    }

    /// The first bytes of a direction, where they are not HTTP.
    pub fn first_bytes(&self, side: usize) -> &[u8] {
        self.foreign.as_ref().map_or(&[], |foreign| &foreign.unread[side].first)
    }

    /// The connection is over: what was never recognised is of another protocol.
    pub fn close(&mut self, ledger: &mut Ledger) {
        for unread in self.foreign.iter_mut().flat_map(|foreign| foreign.unread.iter_mut()) {
            ledger.add(Class::Other, std::mem::take(&mut unread.count));
        }
    }

    /// Whether there is something that its end tells the class of.
    pub fn has_unread(&self) -> bool {
        self.foreign.is_some()
    }

    /// The side that opened the connection, where that was captured.
    pub(in crate::app) fn opener(&self) -> Option<usize> {
        self.opener.map(usize::from)
    }

    /// The number of one more message.
    pub(in crate::app) fn next_number(&mut self) -> u32 {
        self.messages += 1;
        self.messages
    }

    /// Takes note of a message of another protocol that is given out.
    pub(in crate::app) fn remember(&mut self, message: &Message) {
        self.note_part(message);
        self.sides[message.side & 1].remember(message);
    }

    /// Takes note of which end it shows to be the client.
    pub(in crate::app) fn note_part(&mut self, message: &Message) {
        // Of what neither asks nor answers the client may be a guess.
        if matches!(message.kind, Kind::Message { .. }) {
            return;
        }
        let is_client = message.client() == message.side;
        self.sides[message.side & 1].role = Some(if is_client { Kind::Request } else { Kind::Response });
    }

    /// Takes the next bytes of a direction where they are, or may be, of another protocol, and tells so.
    pub(super) fn guesses(&mut self, at: usize, run: &Run<'_>, cx: &mut Context<'_>) -> bool {
        let before = match self.sides[at].state {
            State::Start => Some(Search::Due),
            State::Joined => Some(Search::Joined),
            State::Resync { .. } => Some(Search::After),
            State::HandedOver if self.protocol().is_none() => None,
            State::Guess(before) => before,
            _ => return false,
        };
        let guessing = matches!(self.sides[at].state, State::Guess(_));
        if !guessing && !protocol::may_begin(run.bytes) {
            return false;
        }
        let guess = if guessing {
            let mut bytes = self.sides[at].parked_bytes();
            bytes.extend_from_slice(&run.bytes[..run.bytes.len().min(protocol::MAX_GUESSED)]);
            protocol::guess(at, &bytes)
        } else {
            protocol::guess(at, run.bytes)
        };
        match guess {
            Ok(parser) => {
                self.speak(parser, cx);
                self.read(at, run, cx);
                true
            }
            Err(Guess::Maybe) => {
                let side = &mut self.sides[at];
                side.state = State::Guess(before);
                side.make_rare().park(run);
                true
            }
            Err(_) => {
                self.stop_guessing(at, cx);
                // What was held is no message, but one may begin with this segment.
                if let State::Resync { boundary } = &mut self.sides[at].state {
                    *boundary = true;
                }
                false
            }
        }
    }

    /// Bytes that were held until they tell, of none that is known, go where they would have gone.
    pub(super) fn stop_guessing(&mut self, at: usize, cx: &mut Context<'_>) {
        let State::Guess(before) = self.sides[at].state else { return };
        self.sides[at].state = match before {
            Some(Search::Due) => State::Start,
            Some(Search::Joined) => State::Joined,
            Some(Search::After) => State::Resync { boundary: true },
            None => State::HandedOver,
        };
        self.read_parked(at, Self::read, cx);
    }

    /// From here on the connection is this protocol's.
    fn speak(&mut self, parser: Box<dyn Protocol>, cx: &mut Context<'_>) {
        for at in 0..2 {
            if matches!(self.sides[at].state, State::Head { .. }) && self.settle_head(at, cx) {
                self.finish(at, Integrity::Malformed, &[], cx);
            }
        }
        let class = if self.recognised || self.opener.is_some() { Class::Other } else { Class::BeforeFirst };
        let foreign = self.foreign.get_or_insert_default();
        foreign.protocol = Some(parser);
        for unread in &mut foreign.unread {
            cx.ledger.add(class, std::mem::take(&mut unread.count));
        }
        for at in 0..2 {
            let side = &mut self.sides[at];
            if matches!(side.state, State::Start | State::Joined | State::Resync { .. } | State::Guess(_)) {
                let guessed = matches!(side.state, State::Guess(_));
                (side.state, side.begun) = (State::HandedOver, true);
                if guessed {
                    self.read_parked(at, Self::read, cx);
                }
            }
        }
    }

    /// Leaves both directions to a protocol from here on.
    pub(super) fn set_protocol(&mut self, parser: Box<dyn Protocol>) {
        self.foreign.get_or_insert_default().protocol = Some(parser);
    }

    /// Lets the protocol that has the connection act; whether there is one.
    pub(super) fn with_protocol(
        &mut self,
        cx: &mut Context<'_>,
        act: impl FnOnce(&mut dyn Protocol, &mut Desk<'_, '_>),
    ) -> bool {
        let Some(mut parser) = self.foreign.as_mut().and_then(|foreign| foreign.protocol.take()) else { return false };
        act(&mut *parser, &mut Desk::new(self, cx));
        self.set_protocol(parser);
        true
    }
}
