//! What is kept of a capture to compare it with another: heads, the lengths, hashes and first bytes of bodies.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use sha2::{Digest, Sha256};

use crate::app::http1::Http;
use crate::app::message::{Integrity, Kind, Message};
use crate::event::{self, Close, Event, Flow, Sink, Transport};
use crate::frame::FrameNumber;

/// Bytes kept of a capture; messages beyond that are counted and not compared.
const MAX_KEPT: usize = 256 << 20;

/// First bytes kept of a body, within which it is told exactly where two differ, and of all.
pub const FIRST: usize = 16 << 10;
const ALL_FIRST: usize = 64 << 20;

/// Places in a body up to which its hash is kept: two bodies that differ do so between two of them.
const MARKS: usize = 64;
/// The least distance of these places, in bytes.
const SPACING: u64 = 1 << 10;

/// Sizes of segments kept of a message.
const SIZES: usize = 256;

/// A capture.
#[derive(Default)]
pub struct Kept {
    /// Its connections that have HTTP messages, by number.
    pub connections: BTreeMap<u64, Connection>,
    /// Connections that have none, and messages of other protocols.
    pub others: u64,
    /// Messages that are not compared because there are too many.
    pub beyond: u64,
    bodies: HashMap<(u64, u32), Body>,
    firsts: usize,
    bytes: usize,
}

/// A connection.
pub struct Connection {
    /// Who talks to whom.
    pub flow: Flow,
    /// How it ended.
    pub close: Option<Close>,
    /// Its messages, by number once the capture has ended.
    pub messages: Vec<Unit>,
}

/// A message.
pub struct Unit {
    /// Its number within the connection.
    pub number: u32,
    /// Its part.
    pub kind: Kind,
    /// The request that it answers.
    pub answers: Option<u32>,
    /// The lowest number of a frame that carried it.
    pub frame: FrameNumber,
    /// The head and the trailer section.
    pub http: Http,
    /// The body.
    pub body: Body,
    /// What became of its bytes.
    pub integrity: Integrity,
    /// How many are missing.
    pub missing: u64,
    /// How many segments carried it, and the sizes of the first ones.
    pub segments: (u64, Vec<u32>),
    /// Nanoseconds from the request's last byte to its first.
    pub delay: Option<i64>,
    /// Nanoseconds from its first byte to its last.
    pub duration: i64,
}

/// A body.
#[derive(Clone)]
pub struct Body {
    /// Bytes captured.
    pub len: u64,
    /// Their hash.
    pub sha256: [u8; 32],
    /// The first of them.
    pub first: Vec<u8>,
    hasher: Option<Box<Sha256>>,
    marks: Vec<u64>,
    spacing: u64,
}

/// Where two bodies begin to differ.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// At this byte.
    At(u64),
    /// At one from the first of these to before the second.
    Within(u64, u64),
}

impl Default for Body {
    fn default() -> Self {
        let (sha256, first, marks) = ([0; 32], Vec::new(), Vec::new());
        Self { len: 0, sha256, first, hasher: None, marks, spacing: SPACING }
    }
}

impl Body {
    fn push(&mut self, mut bytes: &[u8], room: usize) -> usize {
        let kept = bytes.len().min(FIRST.saturating_sub(self.first.len())).min(room);
        // What is kept has no hole in it.
        let kept = if self.first.len() as u64 == self.len { kept } else { 0 };
        self.first.extend_from_slice(&bytes[..kept]);
        let hasher = self.hasher.get_or_insert_default();
        while !bytes.is_empty() {
            let left = self.spacing - self.len % self.spacing;
            let (now, later) = bytes.split_at(usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len())));
            hasher.update(now);
            self.len += now.len() as u64;
            bytes = later;
            if self.len.is_multiple_of(self.spacing) {
                self.marks.push(short(&hasher.clone().finalize()));
                if self.marks.len() == MARKS {
                    let mut place = 0;
                    self.marks.retain(|_| {
                        place += 1;
                        place % 2 == 0
                    });
                    self.spacing *= 2;
                }
            }
        }
        kept
    }

    fn end(&mut self) {
        if let Some(hasher) = self.hasher.take() {
            self.sha256 = hasher.finalize().into();
        }
    }

    /// Where it begins to differ from another, if it does.
    pub fn differs(&self, other: &Self) -> Option<Place> {
        if (self.len, self.sha256) == (other.len, other.sha256) {
            return None;
        }
        if let Some(at) = self.first.iter().zip(&other.first).position(|(a, b)| a != b) {
            return Some(Place::At(at as u64));
        }
        let equal = self.first.len().min(other.first.len()) as u64;
        let shorter = self.len.min(other.len);
        if equal == shorter {
            return Some(Place::At(equal));
        }
        let spacing = self.spacing.max(other.spacing);
        let mark = |body: &Self, count: u64| body.marks.get((count * spacing / body.spacing) as usize - 1).copied();
        let mut from = equal;
        for count in 1..=shorter / spacing {
            let to = count * spacing;
            match (mark(self, count), mark(other, count)) {
                (Some(a), Some(b)) if a != b => return Some(Place::Within(from, to)),
                (Some(_), Some(_)) => from = from.max(to),
                _ => break,
            }
        }
        // One may be the beginning of the other.
        Some(if from == shorter { Place::At(shorter) } else { Place::Within(from, shorter + 1) })
    }

    fn storage(&self) -> usize {
        self.first.capacity() + 8 * self.marks.capacity()
    }
}

fn short(digest: &[u8]) -> u64 {
    digest.first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
}

impl Unit {
    /// The client's and the server's end of its connection are not its own, so that it is alike in two captures.
    fn new(message: &Message, http: &Http, body: Body) -> Self {
        let sizes = message.segments.kept().iter().take(SIZES).map(|segment| segment.len).collect();
        Self {
            number: message.number,
            kind: message.kind,
            answers: message.answers,
            frame: message.segments.first_frame(),
            http: Http { preview: Vec::new(), ..http.clone() },
            body,
            integrity: message.integrity,
            missing: message.missing_bytes,
            segments: (message.segments.count(), sizes),
            delay: message.since_request,
            duration: message.last_time.since(message.first_time),
        }
    }

    fn storage(&self) -> usize {
        let fields = self.http.parsed.fields.capacity() * 20;
        let heads = self.http.raw.capacity() + self.http.trailer_raw.capacity();
        size_of::<Self>() + heads + fields + self.body.storage() + 4 * self.segments.1.capacity()
    }
}

/// A number that stands for what `feed` hashes, the same in every run.
pub fn digest(feed: impl FnOnce(&mut DefaultHasher)) -> u64 {
    let mut hasher = DefaultHasher::new();
    feed(&mut hasher);
    hasher.finish()
}

/// The same of something that can be hashed.
pub fn digest_of(value: impl Hash) -> u64 {
    digest(|hasher| value.hash(hasher))
}

impl Kept {
    /// The capture has ended: messages are in the order of their numbers.
    pub fn end(&mut self) {
        for connection in self.connections.values_mut() {
            connection.messages.sort_by_key(|message| message.number);
        }
    }

    /// Messages that are kept.
    pub fn messages(&self) -> u64 {
        self.connections.values().map(|connection| connection.messages.len() as u64).sum()
    }

    fn message(&mut self, told: &event::Message<'_>) {
        let (stream, message) = (told.flow.stream, told.message);
        let Some(http) = message.http().filter(|_| told.flow.transport == Transport::Tcp) else {
            self.others += 1;
            return;
        };
        let mut body = self.bodies.remove(&(stream, message.number)).unwrap_or_default();
        body.end();
        let unit = Unit::new(message, http, body);
        self.bytes += unit.storage();
        if self.bytes > MAX_KEPT {
            self.beyond += 1;
            return;
        }
        let new = || Connection { flow: told.flow, close: None, messages: Vec::new() };
        self.connections.entry(stream).or_insert_with(new).messages.push(unit);
    }
}

impl Sink for Kept {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Body { stream, number, bytes, .. } => {
                let room = ALL_FIRST - self.firsts;
                self.firsts += self.bodies.entry((stream, number)).or_default().push(bytes, room);
            }
            Event::Message(told) => self.message(&told),
            Event::Connection(ended) => match self.connections.get_mut(&ended.flow.stream) {
                Some(connection) => (connection.flow, connection.close) = (ended.flow, Some(ended.close)),
                None => self.others += 1,
            },
            Event::Packet(_) | Event::Update(_) | Event::Followed(_) | Event::Drops(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(len: usize, change: Option<usize>) -> Body {
        let mut bytes: Vec<u8> = (0..len).map(|i| ((i * 31) >> 3) as u8).collect();
        if let Some(at) = change {
            bytes[at] ^= 1;
        }
        let mut body = Body::default();
        for piece in bytes.chunks(1460) {
            body.push(piece, usize::MAX);
        }
        body.end();
        body
    }

    #[test]
    fn it_is_told_where_bodies_differ() {
        let differs = |a: &Body, b: &Body| {
            assert_eq!(a.differs(b), b.differs(a));
            a.differs(b)
        };
        assert_eq!(differs(&body(500_000, None), &body(500_000, None)), None);
        assert_eq!(differs(&body(100, None), &body(100, Some(99))), Some(Place::At(99)));
        assert_eq!(differs(&body(100, None), &body(50, None)), Some(Place::At(50)));
        for at in [FIRST, 20_000, 123_456, 499_999] {
            let Some(Place::Within(from, to)) = differs(&body(500_000, None), &body(500_000, Some(at))) else {
                panic!()
            };
            assert!((from..to).contains(&(at as u64)) && to - from <= 500_000 / 16, "{at}: {from} {to}");
        }
        assert_eq!(differs(&body(65_536, None), &body(1 << 20, None)), Some(Place::At(65_536)));
        assert!(matches!(differs(&body(70_000, None), &body(1 << 20, None)), Some(Place::Within(..=70_000, 70_001))));
        assert!(body(10 << 20, None).marks.len() <= MARKS);
    }
}
