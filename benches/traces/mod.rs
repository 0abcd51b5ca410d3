//! Traces to measure with, made up from a seed: what real stacks send, in five mixtures, and the worst that can come.

// Each program that includes this uses a part of it.
#![allow(dead_code)]

mod connection;
mod http;
mod wire;
mod worst;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::io::{self, Write};

use connection::Connection;
use http::{Filler, Style};
use wire::Writer;
pub use worst::Worst;

/// A millisecond of capture time.
const MS: u64 = 1_000_000;

/// A kind of trace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Browsers over connections that are kept alive: 1 GB.
    Mix,
    /// Short connections for small objects.
    Small,
    /// Four downloads: 1 GB.
    Bulk,
    /// A million short connections, a tenth of them open at any time.
    Manyflows,
    /// As `Mix`, with 1 % of the data lost and sent again, and 3 % reordered: 200 MB.
    Noisy,
    /// One of the worst.
    Worst(Worst),
}

impl Kind {
    /// The five mixtures.
    pub const ALL: [Self; 5] = [Self::Mix, Self::Small, Self::Bulk, Self::Manyflows, Self::Noisy];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mix => "mix",
            Self::Small => "small",
            Self::Bulk => "bulk",
            Self::Manyflows => "manyflows",
            Self::Noisy => "noisy",
            Self::Worst(worst) => worst.name(),
        }
    }

    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().chain(Worst::ALL.map(Self::Worst)).find(|kind| kind.name() == name)
    }

    /// Frames of a trace of full length, nearly.
    pub fn frames(self) -> u64 {
        match self {
            Self::Mix => 1_040_000,
            Self::Small => 5_000_000,
            Self::Bulk => 690_000,
            Self::Manyflows => 9_200_000,
            Self::Noisy => 224_000,
            Self::Worst(_) => 100_000,
        }
    }

    /// What its connections are like; none where it is one of the worst.
    fn profile(self, frames: u64) -> Result<Profile, Worst> {
        let browser = Profile {
            style: Style::Browser,
            open: 48,
            exchanges: (5, 60),
            frames_per_exchange: 14.6,
            size: Size::LongTail,
            rtt: (5 * MS, 80 * MS),
            service: (MS, 60 * MS),
            pause: (MS, 300 * MS),
            ack_every: (2, 2),
            acked_requests: 150,
            lost: 0,
            reordered: 0,
        };
        let program = Profile {
            style: Style::Program,
            open: 2000,
            exchanges: (1, 1),
            frames_per_exchange: 10.0,
            size: Size::Between(40, 400),
            rtt: (MS, 40 * MS),
            service: (MS, 40 * MS),
            acked_requests: 1000,
            ..browser
        };
        Ok(match self {
            Self::Mix => browser,
            Self::Small => program,
            Self::Bulk => Profile {
                style: Style::Download,
                open: 4,
                exchanges: (1, 1),
                frames_per_exchange: frames as f64 / 4.0,
                size: Size::Between(frames * 345, frames * 345 + 20_000),
                ack_every: (8, 44),
                ..browser
            },
            Self::Manyflows => Profile {
                open: 100_000,
                frames_per_exchange: 9.2,
                rtt: (50 * MS, 250 * MS),
                service: (20 * MS, 2000 * MS),
                acked_requests: 200,
                ..program
            },
            Self::Noisy => Profile { frames_per_exchange: 14.8, lost: 10, reordered: 30, ..browser },
            Self::Worst(worst) => return Err(worst),
        })
    }
}

/// What the connections of a trace are like; times are in nanoseconds, from the least to the most.
#[derive(Clone, Copy)]
struct Profile {
    style: Style,
    /// Connections at a time, at most a tenth of all.
    open: u64,
    /// Exchanges of a connection.
    exchanges: (u64, u64),
    frames_per_exchange: f64,
    size: Size,
    rtt: (u64, u64),
    /// What the server takes for an answer.
    service: (u64, u64),
    /// What the client takes until the next request.
    pause: (u64, u64),
    /// The client acknowledges every so many segments.
    ack_every: (u64, u64),
    /// Of a thousand requests, those acknowledged before they are answered.
    acked_requests: u64,
    /// Of a thousand segments.
    lost: u64,
    /// Of a thousand segments.
    reordered: u64,
}

/// Sizes of bodies in bytes.
#[derive(Clone, Copy)]
enum Size {
    /// Evenly distributed, both included.
    Between(u64, u64),
    /// As on the web: half of them below 5 kB, 12 kB in the mean, one in five hundred up to a megabyte.
    LongTail,
}

/// Of a thousand objects, so many have a size up to this.
const LONG_TAIL: [(u64, u64); 11] = [
    (120, 512),
    (110, 1 << 10),
    (150, 2 << 10),
    (170, 4 << 10),
    (160, 8 << 10),
    (130, 16 << 10),
    (90, 32 << 10),
    (45, 64 << 10),
    (17, 128 << 10),
    (6, 256 << 10),
    (2, 1 << 20),
];

impl Profile {
    fn size(&self, random: &mut Random) -> u64 {
        match self.size {
            Size::Between(least, most) => random.between(least, most),
            Size::LongTail => {
                let mut place = random.below(1000);
                let mut least = 100;
                for (share, most) in LONG_TAIL {
                    if place < share {
                        return random.between(least, most);
                    }
                    (place, least) = (place - share, most);
                }
                least
            }
        }
    }
}

/// What was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Written {
    /// Frames.
    pub frames: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// Requests, each with its response.
    pub exchanges: u64,
}

/// Writes a trace of nearly so many frames; the same arguments always give the same bytes.
pub fn write(kind: Kind, frames: u64, seed: u64, out: impl Write) -> io::Result<Written> {
    let profile = match kind.profile(frames) {
        Ok(profile) => profile,
        Err(worst) => return worst::write(worst, frames, out),
    };
    let mut random = Random(seed);
    let filler = Filler::new(&mut random);
    let mut out = Writer::new(out)?;
    let exchanges = ((frames as f64 / profile.frames_per_exchange).round() as u64).max(1);
    let connections = exchanges * 2 / (profile.exchanges.0 + profile.exchanges.1);
    let open = profile.open.min(if profile.open > 4 { connections / 10 } else { connections }).max(1);
    let mut left = exchanges;
    let mut number = 0;
    let mut next = |time: u64, random: &mut Random| {
        let count = random.between(profile.exchanges.0, profile.exchanges.1).min(left);
        left -= count;
        number += 1;
        (count > 0).then(|| Connection::new(number, time, count, &profile, random))
    };

    let mut active: Vec<Connection> = Vec::new();
    let mut due = BinaryHeap::new();
    // They begin over the time that one takes.
    let spread = 3 * (profile.rtt.1 + profile.service.1);
    for slot in 0..open {
        let begin = random.below(spread);
        let Some(mut connection) = next(begin, &mut random) else { break };
        due.extend(connection.due(&profile, &mut random, &filler).map(|time| Reverse((time, slot))));
        active.push(connection);
    }
    while let Some(mut top) = due.peek_mut() {
        let connection = &mut active[top.0.1 as usize];
        connection.write(&filler, &mut out)?;
        let mut time = connection.due(&profile, &mut random, &filler);
        if time.is_none()
            && let Some(successor) = next(connection.ended() + random.below(profile.rtt.1), &mut random)
        {
            *connection = successor;
            time = connection.due(&profile, &mut random, &filler);
        }
        match time {
            Some(time) => top.0.0 = time,
            None => drop(PeekMut::pop(top)),
        }
    }
    out.flush()?;
    Ok(Written { frames: out.frames, bytes: out.bytes, exchanges })
}

/// Small random numbers from a seed (SplitMix64).
struct Random(u64);

impl Random {
    fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// Less than `limit`, which is not 0.
    fn below(&mut self, limit: u64) -> u64 {
        self.number() % limit
    }

    fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most - least + 1)
    }

    fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}
