//! The worst that can come: traces whose cost is to grow no faster than their length.

use std::io::{self, Write};

use super::Written;
use super::wire::{ACK, End, MSS, PSH, SYN, Segment, Writer};

/// A way to be a burden.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Worst {
    /// A response a byte at a time.
    OneByte,
    /// A response whose segments come last first.
    Reversed,
    /// The same, and each segment repeats most of the one before.
    Overlapping,
    /// Every second segment of a response, then the others.
    Holes,
    /// Every frame is of another connection.
    Newcomers,
    /// A request's head that comes a byte at a time.
    Drip,
    /// Requests that nobody answers.
    Pipelined,
}

/// Bytes of a segment that is small, so that bounds on bytes are reached late.
const SMALL: usize = 16;
/// Bytes of one that overlaps with others.
const WIDE: usize = 400;
/// Fields in a head that drips.
const FIELD: &[u8] = b"X-Long: as slowly as it can be\r\n";
const REQUEST: &[u8] = b"GET /worst HTTP/1.1\r\nHost: www.example.com\r\n\r\n";

impl Worst {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::OneByte, Self::Reversed, Self::Overlapping, Self::Holes, Self::Newcomers, Self::Drip, Self::Pipelined];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::OneByte => "one-byte",
            Self::Reversed => "reversed",
            Self::Overlapping => "overlapping",
            Self::Holes => "holes",
            Self::Newcomers => "newcomers",
            Self::Drip => "drip",
            Self::Pipelined => "pipelined",
        }
    }
}

/// Writes a trace of so many frames, and some for the handshake.
pub fn write(worst: Worst, frames: u64, out: impl Write) -> io::Result<Written> {
    let mut writer = Pair::new(out)?;
    let count = frames as usize;
    let small = |index: usize| (index * SMALL, SMALL);
    match worst {
        Worst::OneByte => writer.answer(count, (0..count).map(|index| (index, 1)))?,
        Worst::Reversed => writer.answer(count * SMALL, (0..count).rev().map(small))?,
        Worst::Overlapping => {
            let all = (0..count).rev().map(|index| (index * SMALL, WIDE));
            writer.answer((count - 1) * SMALL + WIDE, all)?;
        }
        Worst::Holes => {
            let all = (1..count).step_by(2).chain((0..count).step_by(2));
            writer.answer(count * SMALL, all.map(small))?;
        }
        Worst::Newcomers => {
            for number in 0..frames as u32 {
                let [a, b, c, _] = number.to_le_bytes();
                writer.ends[0].address = [10, c, b, a];
                writer.client(0, REQUEST)?;
            }
        }
        Worst::Drip => {
            writer.handshake()?;
            let head = REQUEST[..REQUEST.len() - 2].iter().chain(FIELD.iter().cycle());
            for (index, byte) in head.take(count).enumerate() {
                writer.client(index, &[*byte])?;
            }
            writer.client(count, b"\r\n\r\n")?;
        }
        Worst::Pipelined => {
            writer.handshake()?;
            for index in 0..count {
                writer.client(index * REQUEST.len(), REQUEST)?;
            }
        }
    }
    writer.out.flush()?;
    Ok(Written { frames: writer.out.frames, bytes: writer.out.bytes, exchanges: 1 })
}

/// Two ends, and what is between them.
struct Pair<W> {
    ends: [End; 2],
    out: Writer<W>,
    time: u64,
}

impl<W: Write> Pair<W> {
    fn new(out: W) -> io::Result<Self> {
        let end = |address, port| End { address, port, ttl: 64, id: 1, clock: 1 };
        let ends = [end([10, 0, 0, 1], 40_000), end([198, 51, 100, 10], 80)];
        Ok(Self { ends, out: Writer::new(out)?, time: 0 })
    }

    /// Frames follow each other so closely that no hole is given up for its age.
    fn send(&mut self, from: usize, seq: u32, ack: u32, flags: u8, payload: &[u8]) -> io::Result<()> {
        self.time += 200;
        let segment = Segment { seq, ack, flags, window: 65_535, echo: 1, ..Segment::default() };
        let [client, server] = &mut self.ends;
        let ends = if from == 0 { [client, server] } else { [server, client] };
        self.out.segment(self.time, ends, &segment, [payload, &[]])
    }

    fn handshake(&mut self) -> io::Result<()> {
        self.send(0, 999, 0, SYN, &[])?;
        self.send(1, 4999, 1000, SYN | ACK, &[])?;
        self.send(0, 1000, 5000, ACK, &[])
    }

    /// Sends what the client's stream has at `offset`.
    fn client(&mut self, offset: usize, payload: &[u8]) -> io::Result<()> {
        self.send(0, 1000_u32.wrapping_add(offset as u32), 5000, ACK | PSH, payload)
    }

    /// A request, and a response with a body of `len` bytes in these segments.
    fn answer(&mut self, len: usize, segments: impl Iterator<Item = (usize, usize)>) -> io::Result<()> {
        self.handshake()?;
        self.client(0, REQUEST)?;
        let ack = 1000 + REQUEST.len() as u32;
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {len}\r\n\r\n");
        self.send(1, 5000, ack, ACK, head.as_bytes())?;
        let first = 5000 + head.len() as u32;
        let body: [u8; MSS] = std::array::from_fn(|index| b'a' + (index % 16) as u8);
        for (offset, len) in segments {
            // The same byte at the same offset, whichever segment brings it.
            let shift = offset % 16;
            self.send(1, first.wrapping_add(offset as u32), ack, ACK, &body[shift..shift + len])?;
        }
        let end = first.wrapping_add(len as u32);
        self.send(0, ack, end, ACK, &[])
    }
}
