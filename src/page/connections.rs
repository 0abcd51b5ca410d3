//! Connections: how each was opened, what went over it each way, how it ended.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use super::Moment;
use super::budget::Budget;
use super::neighbours::{Neighbour, Neighbours};
use super::secure::Secured;
use crate::decode::{self, Decoded, TcpHeader};
use crate::event::{self, Close, Packet};
use crate::flow::Endpoint;
use crate::frame::Timestamp;
use crate::issue::IssueSet;
use crate::tcp::Control;

/// Bytes that a connection takes: how it was opened, itself, and as it is written.
const COST: usize = 1500;

/// A connection.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Its number.
    pub stream: u64,
    /// Who opened it, or asked.
    pub client: Endpoint,
    /// The other.
    pub server: Endpoint,
    /// Where its first SYN was sent to, if that was asked for before.
    pub next_hop: Option<Box<Neighbour>>,
    /// The first SYN.
    pub syn: Option<Moment>,
    /// How many SYNs there were.
    pub syns: u32,
    /// The first SYN-ACK.
    pub syn_ack: Option<Moment>,
    /// The first ACK after it: with it the connection is established.
    pub ack: Option<Moment>,
    /// A reset in answer to the SYN: the connection was refused.
    pub refused: Option<Moment>,
    /// Time to live, or hop limit, of the server's first segment.
    pub server_ttl: Option<u8>,
    /// Its first frame.
    pub first: Moment,
    /// Its last frame.
    pub last: Moment,
    /// How it ended.
    pub close: Close,
    /// Bytes of payload captured: of the client, of the server.
    pub bytes: [u64; 2],
    /// Segments with the flags of retransmissions: of the client, of the server.
    pub sent_again: [u32; 2],
    /// What it speaks.
    pub protocol: Option<&'static str>,
    /// What is worth flagging of it.
    pub issues: IssueSet,
    /// How it was secured, where it was.
    pub secured: Option<Box<Secured>>,
}

impl Connection {
    /// Nanoseconds from the first SYN to the first ACK after SYN-ACK.
    pub fn took(&self) -> Option<i64> {
        Some(self.ack?.time.since(self.syn?.time))
    }

    /// How many routers lie between the server and where it was captured, where its initial time to live was one of those in
    /// use: 64, 128, 255.
    pub fn hops(&self) -> Option<u8> {
        let ttl = self.server_ttl?;
        [64, 128, 255].iter().find(|initial| ttl <= **initial).map(|initial| initial - ttl)
    }

    /// When it began to be there.
    pub fn start(&self) -> Timestamp {
        self.syn.unwrap_or(self.first).time
    }
}

/// How a connection was opened, as far as it was.
#[derive(Default, Debug)]
pub struct Opening {
    next_hop: Option<Box<Neighbour>>,
    syn: Option<Moment>,
    syns: u32,
    /// Ports and addresses tell directions apart: the client's port.
    client: Option<Endpoint>,
    syn_ack: Option<Moment>,
    ack: Option<Moment>,
    refused: Option<Moment>,
    server_ttl: Option<u8>,
}

impl Opening {
    fn segment(&mut self, decoded: &Decoded<'_>, header: &TcpHeader<'_>) {
        let Some((source, _)) = decoded.addresses else { return };
        let moment = Moment { time: decoded.meta.time, frame: decoded.meta.number };
        let (control, from) = (Control(header.flags), Endpoint { address: source, port: header.src });
        let [syn, ack, reset] = [Control::SYN, Control::ACK, Control::RST].map(|bit| control.any(bit));
        let by_client = self.client == Some(from);
        if syn && !ack {
            let client = *self.client.get_or_insert(from);
            if client == from {
                self.syn.get_or_insert(moment);
                self.syns += 1;
            }
        } else if self.client.is_some() && !by_client {
            self.server_ttl = self.server_ttl.or_else(|| time_to_live(decoded));
            if syn {
                self.syn_ack.get_or_insert(moment);
            } else if reset && self.syn_ack.is_none() {
                self.refused.get_or_insert(moment);
            }
        } else if by_client && ack && !reset && self.syn_ack.is_some() {
            self.ack.get_or_insert(moment);
        }
    }

    /// Whether no further segment tells anything.
    fn is_complete(&self) -> bool {
        self.ack.is_some()
    }
}

/// Of the innermost IP header.
fn time_to_live(decoded: &Decoded<'_>) -> Option<u8> {
    decoded.layers.iter().rev().find_map(|layer| match layer.protocol.name {
        "ip" => layer.header.get(8).copied(),
        "ipv6" => layer.header.get(7).copied(),
        _ => None,
    })
}

/// Connections under way, and those that have ended.
#[derive(Default, Debug)]
pub struct Connections {
    neighbours: Neighbours,
    opening: HashMap<u64, Opening>,
    kept: BTreeMap<u64, Box<Connection>>,
    /// How many are not kept.
    pub beyond: u64,
}

impl Connections {
    /// Takes a frame.
    pub fn packet(&mut self, packet: &Packet<'_>, budget: &mut Budget) {
        let (Some((stream, _)), decode::Transport::Tcp(header)) = (packet.tcp, packet.decoded.transport) else {
            return self.neighbours.packet(packet.decoded);
        };
        match self.opening.entry(stream) {
            Entry::Occupied(mut opening) if !opening.get().is_complete() => {
                opening.get_mut().segment(packet.decoded, &header);
            }
            Entry::Vacant(new) if Control(header.flags).any(Control::SYN) && budget.take(COST) => {
                let next_hop = self.neighbours.lead_to(packet.decoded).map(Box::new);
                new.insert(Opening { next_hop, ..Opening::default() }).segment(packet.decoded, &header);
            }
            Entry::Occupied(_) | Entry::Vacant(_) => {}
        }
    }

    /// Takes a connection that has ended.
    pub fn ended(&mut self, connection: &event::Connection, budget: &mut Budget) {
        let event::Connection { flow, close, first, last, directions, protocol, http, issues, handshake, .. } =
            connection;
        let opening = self.opening.remove(&flow.stream);
        // Another protocol's connections are no part of a visit.
        if !http && protocol.is_some_and(|name| !matches!(name, "TLS" | "HTTP/2" | "HTTP2")) {
            opening.into_iter().for_each(|_| budget.give_back(COST));
            return;
        }
        // Where there was no room for how it was opened, it is not told of as if it had been open before.
        let [syn, ..] = handshake;
        if opening.is_none() && (*syn || !budget.take(COST)) {
            self.beyond += 1;
            return;
        }
        let opening = opening.unwrap_or_default();
        let client = flow.client.unwrap_or(0);
        let moment = |(time, frame): (Timestamp, u64)| Moment { time, frame };
        let again = |at: usize| {
            let flags = directions[at].flags.iter();
            flags.filter(|(flag, _)| super::stalls::is_sent_again([*flag].into_iter().collect())).map(|(_, n)| n).sum()
        };
        let connection = Connection {
            stream: flow.stream,
            client: flow.ends[client],
            server: flow.ends[1 - client],
            next_hop: opening.next_hop,
            syn: opening.syn,
            syns: opening.syns,
            syn_ack: opening.syn_ack,
            ack: opening.ack,
            refused: opening.refused,
            server_ttl: opening.server_ttl,
            first: moment(*first),
            last: moment(*last),
            close: *close,
            bytes: [client, 1 - client].map(|at| directions[at].bytes),
            sent_again: [client, 1 - client].map(again),
            protocol: *protocol,
            issues: *issues,
            secured: None,
        };
        self.kept.insert(flow.stream, Box::new(connection));
    }

    /// Takes how one was secured.
    pub fn secure(&mut self, stream: u64, secured: Secured) {
        if let Some(connection) = self.kept.get_mut(&stream) {
            connection.secured = Some(Box::new(secured));
        }
    }

    /// Those that have ended.
    pub fn into_kept(self) -> BTreeMap<u64, Box<Connection>> {
        self.kept
    }
}
