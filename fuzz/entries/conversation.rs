//! Two ends that talk over TCP: who says what, and what of it was not captured; and that the messages are the same however
//! it is cut into segments.

use dissect::app::ledger::{Class, Ledger};
use dissect::engine::{Engine, Options, Totals};
use dissect::event::Sink;
use dissect::frame::LinkType;

use super::judge::{Message, essence};
use super::packet::{self, ACK, FIN, MS, SYN, Segment};

/// The most bytes of a segment.
const LONGEST: usize = 60_000;

/// The most bytes of a conversation, and the longest gap, so that a run is quick.
const MOST: usize = 200_000;

/// What an end says at once.
pub enum Turn {
    Say(usize, Vec<u8>),
    /// As many bytes of this side were not captured.
    Gap(usize, u16),
}

/// A whole connection, from its handshake to its close.
pub struct Conversation {
    pub port: u16,
    /// Sequence numbers that the ends begin with.
    pub isns: [u32; 2],
    pub turns: Vec<Turn>,
    /// Whether the ends close it.
    pub closes: bool,
}

impl Conversation {
    /// One to a server's port that says nothing yet.
    pub fn new(port: u16) -> Self {
        Self { port, isns: [1000, u32::MAX - 400], turns: Vec::new(), closes: true }
    }

    /// Adds what a side says.
    pub fn say(&mut self, from: usize, bytes: impl Into<Vec<u8>>) {
        self.turns.push(Turn::Say(from, bytes.into()));
    }

    /// Adds what a side says and what was not captured.
    pub fn lose(&mut self, from: usize, len: u16) {
        self.turns.push(Turn::Gap(from, len));
    }

    /// Whether some of it was not captured.
    pub fn has_gaps(&self) -> bool {
        self.turns.iter().any(|turn| matches!(turn, Turn::Gap(..)))
    }

    /// Its segments; each turn is cut where `cut` tells, which is asked how many of so many bytes come next. A turn is
    /// acknowledged, and the next comes later than any grace.
    pub fn segments(&self, mut cut: impl FnMut(usize) -> usize) -> Vec<Segment> {
        let (mut next, mut time, mut said) = (self.isns, 0, 0);
        let ports = [40_000, self.port];
        let mut all = Vec::new();
        let mut send = |time: i64, from: usize, next: &mut [u32; 2], flags: u8, payload: &[u8]| {
            let (seq, ack) = (next[from], next[1 - from]);
            all.push(Segment { time, from, ports, seq, ack, flags, payload: payload.to_vec(), missing: 0 });
            next[from] = seq.wrapping_add(payload.len() as u32 + u32::from(flags & (SYN | FIN) != 0));
        };
        send(0, 0, &mut next, SYN, b"");
        send(MS, 1, &mut next, SYN | ACK, b"");
        send(2 * MS, 0, &mut next, ACK, b"");
        for turn in &self.turns {
            time += 200 * MS;
            let from = match turn {
                Turn::Say(from, bytes) => {
                    let mut rest = &bytes[..];
                    said += rest.len();
                    if said > MOST {
                        break;
                    }
                    let mut at = time;
                    while !rest.is_empty() {
                        let len = cut(rest.len()).clamp(1, rest.len().min(LONGEST));
                        let (segment, more) = rest.split_at(len);
                        send(at, *from, &mut next, ACK, segment);
                        at += 1000;
                        rest = more;
                    }
                    *from
                }
                Turn::Gap(from, len) => {
                    next[*from] = next[*from].wrapping_add((*len).into());
                    *from
                }
            };
            send(time + 100 * MS, 1 - from, &mut next, ACK, b"");
        }
        if self.closes {
            time += 200 * MS;
            send(time, 0, &mut next, FIN | ACK, b"");
            send(time + MS, 1, &mut next, FIN | ACK, b"");
            send(time + 2 * MS, 0, &mut next, ACK, b"");
        }
        all
    }

    /// What is told of it; that is the same for another segmentation, of which `seed` decides, where all of it is messages
    /// without gaps: in what is none, a protocol is looked for where segments begin.
    pub fn judge(&self, seed: u8) -> Vec<Message> {
        if self.has_gaps() {
            return tell(seed, &self.segments(|len| len.min(1 + usize::from(seed) * 7)));
        }
        let (whole, ledger) = account(seed, &self.segments(|len| len));
        if ledger.get(Class::Message) < ledger.captured {
            return whole;
        }
        let mut state = u32::from(seed) | 1;
        let cut = tell(
            !seed,
            &self.segments(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let small = 1 + (state >> 24) as usize % 7;
                // One byte after the other, a few, or many.
                [1, small, small * 200][usize::from(seed % 3)]
            }),
        );
        let (one, other) = (essence(&whole), essence(&cut));
        for (one, other) in one.iter().zip(&other) {
            assert_eq!(one, other, "whole, and cut into segments");
        }
        assert_eq!(one.len(), other.len(), "whole: {one:#?}, cut: {other:#?}");
        whole
    }

    /// Tells all that there is to tell of it.
    pub fn tell_all(&self, sink: &mut impl Sink) -> Totals {
        let options = Options { packets: true, bodies: true, preview: 4096, details: true, ..Options::default() };
        let mut engine = Engine::new(options);
        for (number, segment) in (1..).zip(self.segments(|len| len)) {
            let packet = segment.packet();
            engine.push(packet::frame(LinkType::RAW, number, segment.time, &packet, packet.len()), sink);
        }
        engine.finish(sink);
        engine.totals()
    }
}

/// What is told of segments.
pub fn tell(seed: u8, segments: &[Segment]) -> Vec<Message> {
    account(seed, segments).0
}

/// The same, and the account of their bytes.
fn account(seed: u8, segments: &[Segment]) -> (Vec<Message>, Ledger) {
    let packets = segments.iter().map(|segment| {
        let packet = segment.packet();
        let captured = packet.len() - segment.missing.min(segment.payload.len());
        (segment.time, packet, captured)
    });
    let (messages, totals) = packet::tell(seed, packets);
    (messages, totals.ledger)
}
