//! What a UDP datagram says: the protocols, each asked in turn whether it reads it; and what it is to those before it.

use super::dns::Lookups;
use super::http1::Searches;
use super::message::{Kind, Message, Unit, Update};
use super::named::Handshakes;
use super::{dns, http1, named};
use crate::flow::Endpoint;
use crate::frame::Timestamp;

/// A datagram, as captured.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// Port of its sender, port of its receiver.
    pub ports: [u16; 2],
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// What a protocol reads in a datagram.
#[derive(Debug)]
pub struct Said {
    /// Its part in an exchange.
    pub kind: Kind,
    /// What a response shares with the request that it answers, where the protocol has such a thing.
    pub key: Option<u64>,
    /// What the protocol makes of it.
    pub unit: Unit,
    /// Where datagrams may be too many to tell of each: what sort it is. Of each sort the first of a direction is told.
    pub once: Option<u32>,
}

/// Those that want more evidence come before those that one of them could be mistaken for.
const PROTOCOLS: &[fn(&Datagram<'_>) -> Option<Said>] = &[http1::datagram, dns::datagram, named::datagram];

/// What a datagram says, if a protocol reads it.
pub fn read(datagram: &Datagram<'_>) -> Option<Said> {
    PROTOCOLS.iter().find_map(|read| read(datagram))
}

/// What datagrams are to each other across streams; `F` is what tells of a message's flow.
pub struct Exchanges<F> {
    lookups: Lookups<F>,
    searches: Searches,
    handshakes: Handshakes,
}

impl<F> Default for Exchanges<F> {
    fn default() -> Self {
        Self { lookups: Lookups::default(), searches: Searches::default(), handshakes: Handshakes::default() }
    }
}

impl<F> Exchanges<F> {
    /// Adds to what a datagram of UDP stream `stream` says what those before it let one read in it.
    pub fn learn(&mut self, stream: u64, datagram: &Datagram<'_>, said: &mut Said) {
        self.handshakes.learn(stream, datagram, said);
    }

    /// Tells a message, from the first of `ends` to the second, what it answers.
    pub fn pair(&mut self, ends: [Endpoint; 2], stream: u64, flow: F, message: &mut Message) {
        match &message.unit {
            Unit::Dns(_) => self.lookups.pair(ends, stream, flow, message),
            Unit::Http(_) => self.searches.pair(ends, stream, message),
            _ => {}
        }
    }

    /// Whether there may be a request that will have no answer any more.
    #[inline]
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.lookups.is_due(now)
    }

    /// The next request that will have no answer any more.
    pub fn unanswered(&mut self, now: Timestamp) -> Option<(F, Update)> {
        self.lookups.unanswered(now)
    }
}
