//! TCP connections made up by a test: frames of two ends, and what the core tells of them.

use std::collections::HashMap;
use std::fmt;

use dissect::app::ledger::Ledger;
use dissect::app::message::Kind;
use dissect::engine::{Engine, Options};
use dissect::event::{Event, Sink};
use dissect::frame::{Frame, FrameMeta, LinkType, Timestamp};
use etherparse::PacketBuilder;

/// A millisecond of capture time.
pub const MS: i64 = 1_000_000;

/// A segment in a frame.
#[derive(Clone, PartialEq, Eq)]
pub struct Packet {
    /// Nanoseconds since the beginning.
    pub time: i64,
    /// The client's port.
    pub port: u16,
    /// 0 from the client, 1 from the server.
    pub from: usize,
    pub seq: u32,
    pub ack: Option<u32>,
    pub syn: bool,
    pub fin: bool,
    pub payload: Vec<u8>,
}

impl Packet {
    /// A segment from the client's port 40000 without control bits.
    pub fn new(from: usize, seq: u32, ack: Option<u32>, payload: &[u8]) -> Self {
        Self { time: 0, port: 40_000, from, seq, ack, syn: false, fin: false, payload: payload.to_vec() }
    }

    /// The frame: Ethernet, IPv4, TCP.
    pub fn bytes(&self) -> Vec<u8> {
        let addresses = [[10, 0, 0, 1], [10, 0, 0, 2]];
        let ports = [self.port, 80];
        let to = 1 - self.from;
        let mut tcp = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2])
            .ipv4(addresses[self.from], addresses[to], 64)
            .tcp(ports[self.from], ports[to], self.seq, 65_000);
        if let Some(ack) = self.ack {
            tcp = tcp.ack(ack);
        }
        if self.syn {
            tcp = tcp.syn();
        }
        if self.fin {
            tcp = tcp.fin();
        }
        let mut frame = Vec::with_capacity(tcp.size(self.payload.len()));
        tcp.write(&mut frame, &self.payload).unwrap();
        frame
    }

    /// The sequence number after it.
    pub fn next_seq(&self) -> u32 {
        self.seq.wrapping_add(self.payload.len() as u32 + u32::from(self.syn) + u32::from(self.fin))
    }
}

impl fmt::Debug for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = ["client", "server"][self.from];
        let (syn, fin) = (if self.syn { " SYN" } else { "" }, if self.fin { " FIN" } else { "" });
        let (ms, ack) = (self.time as f64 / MS as f64, self.ack.unwrap_or(0));
        let start = String::from_utf8_lossy(&self.payload[..self.payload.len().min(40)]);
        write!(f, "{ms:9.3} {end} seq {} ack {ack}{syn}{fin} len {} {start:?}", self.seq, self.payload.len())
    }
}

/// A frame of an Ethernet.
pub fn frame(number: u64, time: i64, bytes: &[u8]) -> Frame<'_> {
    let wire_len = bytes.len() as u32;
    let time = Timestamp(1_700_000_000_000 * MS + time);
    Frame {
        meta: FrameMeta { number, time, wire_len, link: LinkType::ETHERNET, interface: 0, interface_id: None },
        bytes,
    }
}

/// What became of one message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    pub number: u32,
    pub request: bool,
    pub head: Vec<u8>,
    pub body: Vec<u8>,
    pub trailer: Vec<u8>,
    pub answers: Option<u32>,
    pub integrity: &'static str,
    pub issues: Vec<&'static str>,
}

/// What the core told.
#[derive(Default, Debug)]
pub struct Told {
    bodies: HashMap<(u64, u32), Vec<u8>>,
    /// By connection and number.
    pub messages: Vec<(u64, Message)>,
    pub connections: u64,
    pub ledger: Ledger,
}

impl Sink for Told {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Body { stream, number, bytes, .. } => {
                self.bodies.entry((stream, number)).or_default().extend_from_slice(bytes);
            }
            Event::Message(told) => {
                let (stream, message) = (told.flow.stream, told.message);
                let Some(http) = message.http() else { return };
                let body = self.bodies.remove(&(stream, message.number)).unwrap_or_default();
                assert_eq!(body.len() as u64, http.body_len, "length of the body that was given out");
                self.messages.push((
                    stream,
                    Message {
                        number: message.number,
                        request: message.kind == Kind::Request,
                        head: http.raw.clone(),
                        body,
                        trailer: http.trailer_raw.clone(),
                        answers: message.answers,
                        integrity: message.integrity.name(),
                        issues: message.issues.iter().map(|issue| issue.name()).collect(),
                    },
                ));
            }
            Event::Connection(_) => self.connections += 1,
            Event::Packet(_) | Event::Update(_) | Event::Followed(_) | Event::Drops(_) => {}
        }
    }
}

impl Told {
    /// The messages of one direction, in order.
    pub fn of(&self, request: bool) -> Vec<&Message> {
        let mut all: Vec<_> = self.messages.iter().filter(|(_, message)| message.request == request).collect();
        all.sort_by_key(|(stream, message)| (*stream, message.number));
        all.into_iter().map(|(_, message)| message).collect()
    }
}

/// What the core tells of these frames, in this order.
pub fn tell(packets: &[Packet]) -> Told {
    let mut engine = Engine::new(Options { bodies: true, ..Options::default() });
    let mut told = Told::default();
    for (number, packet) in (1..).zip(packets) {
        engine.push(frame(number, packet.time, &packet.bytes()), &mut told);
    }
    engine.finish(&mut told);
    told.ledger = engine.totals().ledger;
    assert_eq!(told.ledger.unexplained(), 0, "bytes are unexplained: {:?}", told.ledger);
    told
}

/// Small random numbers from a seed (SplitMix64).
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// Less than `limit`, which is not 0.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.number() % limit as u64) as usize
    }

    /// True once in `times`.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}
