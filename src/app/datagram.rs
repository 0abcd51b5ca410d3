//! What a UDP datagram says: the protocols, each asked in turn whether it reads it.

use super::message::{Kind, Unit};
use super::{dns, http1, named};

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
