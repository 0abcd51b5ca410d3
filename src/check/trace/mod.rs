//! What a capture holds, gathered to be judged at its end: messages, connections, and what could be missing.

pub mod doubt;
pub mod wire;

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use crate::app::http1::Http;
use crate::app::message::{Kind, Message};
use crate::decode::{StopReason, Transport as Header};
use crate::engine::Totals;
use crate::event::{self, Connection, Event, Flow, Packet, Sink, Transport};
use crate::flow::Endpoint;
use crate::frame::{FrameNumber, Timestamp};
use doubt::{Doubt, Losses, Spans};
use wire::{Closed, Wire};

/// What is kept of a capture, and how much.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The most messages.
    pub messages: usize,
    /// The most bytes of all bodies that are kept.
    pub bodies: usize,
    /// Whether bodies are hashed.
    pub hashes: bool,
}

/// What a capture holds.
#[derive(Debug, Default)]
pub struct Trace {
    /// Messages, by their first frames.
    pub messages: Vec<Kept>,
    /// TCP connections, by their numbers.
    pub connections: Vec<Held>,
    /// Requests and responses of HTTP, by their indexes.
    pub by_kind: [Vec<usize>; 2],
    /// What could be missing.
    pub doubts: Vec<Doubt>,
    /// The frames between which they lie, and the same of those that are about no connection.
    spans: [Spans; 2],
    /// What is known of the capture as a whole.
    pub losses: Losses,
    /// Capture time of the first frame.
    pub begun: Timestamp,
    /// The last frame.
    pub last_frame: FrameNumber,
}

/// A message that is kept.
#[derive(Debug)]
pub struct Kept {
    /// Who talked to whom.
    pub flow: Flow,
    /// Relative sequence number of its first byte.
    pub first_seq: u32,
    /// The message.
    pub message: Message,
    /// The SHA-256 of its body, transfer coding undone.
    pub sha256: Option<[u8; 32]>,
    /// Its connection, by its index; none of a datagram.
    pub connection: Option<usize>,
    /// Whether it is certain to be a message, with this number, because all before it was captured.
    pub certain: bool,
    /// Its place among the messages of its kind on its connection, from 0.
    pub nth: usize,
    /// Its place among the HTTP messages of its kind in the capture, from 0.
    pub order: usize,
    /// The message that it answers, or the final one that answers it, by its index.
    pub pair: Option<usize>,
    /// Whether its body was given up at a bound.
    pub bodiless: bool,
}

impl Kept {
    /// As events have it.
    pub fn event(&self) -> event::Message<'_> {
        event::Message { flow: self.flow, first_seq: self.first_seq, message: &self.message }
    }
}

/// A connection that is kept.
#[derive(Debug)]
pub struct Held {
    /// The connection.
    pub connection: Connection,
    /// What its segments prove.
    pub wire: Wire,
    /// Its messages, by their indexes.
    pub messages: Vec<usize>,
    /// The same of its requests, and of its responses.
    pub by_kind: [Vec<usize>; 2],
    /// What follows from its segments and from the doubts about it.
    pub known: Known,
}

/// What is known of a connection as a whole.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// Whether it shows no loss at all, its end apart; and the same of what each end sent.
    pub whole: bool,
    /// See `whole`.
    pub sides: [bool; 2],
    /// Whether nothing can have come from an end after what was captured of it.
    pub ends: [bool; 2],
    /// Who closed it first.
    pub closed: Closed,
    /// Whether something could be missing; and whether something is.
    pub doubted: bool,
    /// See `doubted`.
    pub lossy: bool,
}

impl Held {
    /// What one of its ends is called.
    pub fn end_name(&self, side: usize) -> &'static str {
        match self.connection.flow.client {
            Some(client) if client == side => "the client",
            Some(_) => "the server",
            None if side == 0 => "the end that sent the first frame",
            None => "the other end",
        }
    }
}

/// Gathers the events of a capture.
#[derive(Debug)]
pub struct Collector {
    options: Options,
    trace: Trace,
    wires: HashMap<u64, (Endpoint, Wire)>,
    hashes: HashMap<(u64, u32), Sha256>,
    /// Bytes of bodies that are kept.
    bodies: usize,
    seen: HashMap<(u64, u32), usize>,
    any: bool,
}

impl Collector {
    /// Nothing gathered yet.
    pub fn new(options: Options) -> Self {
        Self {
            options,
            trace: Trace::default(),
            wires: HashMap::new(),
            hashes: HashMap::new(),
            bodies: 0,
            seen: HashMap::new(),
            any: false,
        }
    }

    fn packet(&mut self, packet: &Packet<'_>) {
        let decoded = packet.decoded;
        let trace = &mut self.trace;
        if !std::mem::replace(&mut self.any, true) {
            trace.begun = decoded.meta.time;
        }
        trace.last_frame = decoded.meta.number;
        if let Some(stop) = decoded.stop
            && matches!(stop.reason, StopReason::Cut { .. })
            && !NOT_TCP.contains(&stop.layer)
        {
            trace.losses.headless.0 += 1;
            if trace.losses.headless.1 == 0 {
                trace.losses.headless.1 = decoded.meta.number;
            }
        }
        let (Some((stream, _)), Header::Tcp(header), Some((source, _))) =
            (packet.tcp, &decoded.transport, decoded.addresses)
        else {
            return;
        };
        let from = Endpoint { address: source, port: header.src };
        let (first, wire) = self.wires.entry(stream).or_insert_with(|| (from, Wire::default()));
        let dir = usize::from(*first != from);
        wire.push(dir, header, decoded.payload.len() as u32, decoded.missing, decoded.meta.number);
    }

    fn message(&mut self, told: event::Message<'_>) {
        let stream = told.flow.stream;
        let hash = self.hashes.remove(&(stream, told.message.number));
        if self.trace.messages.len() >= self.options.messages {
            self.trace.losses.unkept += 1;
            return;
        }
        let mut message = told.message.clone();
        let mut bodiless = false;
        if let crate::app::message::Unit::Http(http) = &mut message.unit {
            bodiless = self.bodies.saturating_add(http.preview.len()) > self.options.bodies;
            if bodiless {
                http.preview = Vec::new();
            }
            self.bodies += http.preview.len();
        }
        let hash = hash.or_else(|| (self.options.hashes && message.http().is_some()).then(Sha256::new));
        if told.flow.transport == Transport::Tcp {
            self.seen.insert((stream, message.number), self.trace.messages.len());
        }
        self.trace.messages.push(Kept {
            flow: told.flow,
            first_seq: told.first_seq,
            message,
            sha256: hash.map(|hash| hash.finalize().into()),
            connection: None,
            certain: true,
            nth: 0,
            order: 0,
            pair: None,
            bodiless,
        });
    }

    /// All that was gathered, after the last event.
    pub fn finish(mut self, totals: &Totals, cut: Option<String>, dropped: u64) -> Trace {
        let losses = &mut self.trace.losses;
        losses.cut = cut;
        losses.dropped = dropped;
        losses.fragments = totals.fragments_given_up;
        losses.bounds = totals.forgotten + totals.queues_relieved;
        let mut trace = self.trace;
        for held in &mut trace.connections {
            held.wire = self.wires.remove(&held.connection.flow.stream).map(|(_, wire)| wire).unwrap_or_default();
        }
        trace.connections.sort_by_key(|held| held.connection.flow.stream);
        trace.messages.sort_by_key(|kept| (kept.message.segments.first_frame(), kept.flow.stream, kept.message.number));
        trace.connect();
        trace.doubt();
        trace
    }
}

/// The place of a kind in pairs of lists.
pub const fn kind_index(kind: Kind) -> usize {
    match kind {
        Kind::Request => 0,
        Kind::Response | Kind::Message { .. } => 1,
    }
}

/// Headers that no TCP follows.
const NOT_TCP: [&str; 8] = ["arp", "udp", "icmp", "icmpv6", "dns", "igmp", "lldp", "stp"];

impl Sink for Collector {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Packet(packet) => self.packet(&packet),
            Event::Body { stream, number, bytes, .. } if self.options.hashes => {
                self.hashes.entry((stream, number)).or_default().update(bytes);
            }
            Event::Body { .. } | Event::Followed(_) | Event::Drops(_) => {}
            Event::Message(message) => self.message(message),
            Event::Update(update) => {
                if update.flow.transport == Transport::Tcp
                    && let Some(at) = self.seen.get(&(update.flow.stream, update.update.number))
                {
                    let issues = &mut self.trace.messages[*at].message.issues;
                    *issues = issues.union(update.update.issues);
                }
            }
            Event::Connection(connection) => {
                // Its segments are told of at the end: some may come after it.
                let (connection, wire) = (connection.clone(), Wire::default());
                self.trace.connections.push(Held {
                    connection,
                    wire,
                    messages: Vec::new(),
                    by_kind: Default::default(),
                    known: Known::default(),
                });
            }
        }
    }
}

impl Trace {
    /// Finds for each message its connection, its place, and its pair.
    fn connect(&mut self) {
        let streams: HashMap<u64, usize> =
            self.connections.iter().enumerate().map(|(at, held)| (held.connection.flow.stream, at)).collect();
        let mut numbers: HashMap<(usize, u32), usize> = HashMap::new();
        for (at, kept) in self.messages.iter_mut().enumerate() {
            let kind = kind_index(kept.message.kind);
            if kept.message.http().is_some() {
                kept.order = self.by_kind[kind].len();
                self.by_kind[kind].push(at);
            }
            let stream = Some(kept.flow.stream).filter(|_| kept.flow.transport == Transport::Tcp);
            let Some(&connection) = stream.and_then(|stream| streams.get(&stream)) else { continue };
            kept.connection = Some(connection);
            let held = &mut self.connections[connection];
            held.messages.push(at);
            held.by_kind[kind].push(at);
            numbers.insert((connection, kept.message.number), at);
        }
        for held in &mut self.connections {
            for siblings in &mut held.by_kind {
                // Frames may be captured in another order than that of the stream.
                siblings.sort_by_key(|at| (self.messages[*at].message.side, self.messages[*at].message.start));
                for (nth, at) in siblings.iter().enumerate() {
                    self.messages[*at].nth = nth;
                }
            }
        }
        for at in 0..self.messages.len() {
            let kept = &self.messages[at];
            let request = kept.message.answers.zip(kept.connection);
            let Some(&request) = request.and_then(|(number, connection)| numbers.get(&(connection, number))) else {
                continue;
            };
            let is_final = kept.message.http().is_some_and(Http::is_final);
            self.messages[at].pair = Some(request);
            if is_final {
                self.messages[request].pair = Some(at);
            }
        }
    }

    /// Whether something not captured could precede this frame.
    pub fn may_precede(&self, frame: FrameNumber) -> bool {
        self.spans[0].meet(0, frame)
    }

    /// Whether something not captured could follow this frame.
    pub fn may_follow(&self, frame: FrameNumber) -> bool {
        self.spans[0].meet(frame, FrameNumber::MAX)
    }

    /// Whether something not captured could lie between these frames.
    pub fn may_lie_between(&self, from: FrameNumber, until: FrameNumber) -> bool {
        self.spans[0].meet(from, until)
    }

    /// Whether a connection not captured could have begun between these frames.
    pub fn may_begin_between(&self, from: FrameNumber, until: FrameNumber) -> bool {
        self.spans[1].meet(from, until)
    }
}

impl Default for Known {
    fn default() -> Self {
        Self { whole: false, sides: [false; 2], ends: [false; 2], closed: Closed::Unknown, doubted: true, lossy: true }
    }
}
