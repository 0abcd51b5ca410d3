//! What a UDP datagram says: the protocols, each asked in turn whether it reads it.

use super::dns;
use super::message::{Kind, Unit};

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
}

/// Those that want more evidence come before those that one of them could be mistaken for.
const PROTOCOLS: &[fn(&Datagram<'_>) -> Option<Said>] = &[dns::datagram];

/// What a datagram says, if a protocol reads it.
pub fn read(datagram: &Datagram<'_>) -> Option<Said> {
    PROTOCOLS.iter().find_map(|read| read(datagram))
}
