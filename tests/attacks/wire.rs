//! Frames of attacks, written as a capture into the standard input of a `dissect`, one by one: nothing is kept of them.

use std::io::{BufWriter, Write};

/// Most bytes of a segment's payload.
pub const MSS: usize = 1400;

pub const FIN: u8 = 0x01;
pub const SYN: u8 = 0x02;
pub const ACK: u8 = 0x10;

/// A capture that is being written.
pub struct Wire {
    out: BufWriter<Box<dyn Write>>,
    /// Nanoseconds since the beginning.
    pub time: u64,
    /// Nanoseconds from one frame to the next.
    pub step: u64,
    pub frames: u64,
    record: Vec<u8>,
}

impl Wire {
    pub fn new(out: Box<dyn Write>) -> Self {
        Self { out: BufWriter::with_capacity(1 << 16, out), time: 0, step: 10_000, frames: 0, record: Vec::new() }
    }

    /// Bytes of the file as they are. A program that reads no further is no fault of the one who writes.
    pub fn raw(&mut self, bytes: &[u8]) {
        let _ = self.out.write_all(bytes);
    }

    /// A frame of an Ethernet.
    pub fn frame(&mut self, bytes: &[u8]) {
        if self.frames == 0 {
            // Magic number of nanoseconds, version 2.4, snaplen, Ethernet.
            self.raw(&[0xa1b2_3c4d, 0x0004_0002, 0, 0, 0x4_0000, 1].map(u32::to_le_bytes).concat());
        }
        self.frames += 1;
        let seconds = 1_700_000_000 + self.time / 1_000_000_000;
        let times = [seconds as u32, (self.time % 1_000_000_000) as u32];
        self.time += self.step;
        let len = bytes.len() as u32;
        let mut record = std::mem::take(&mut self.record);
        record.clear();
        [times[0], times[1], len, len].iter().for_each(|word| record.extend(word.to_le_bytes()));
        record.extend(bytes);
        self.raw(&record);
        self.record = record;
    }

    /// An IPv4 packet in a frame.
    pub fn packet(&mut self, bytes: &[u8]) {
        self.frame(&[&ethernet(0x0800)[..], bytes].concat());
    }

    /// A TCP segment. Its checksum is none: by default nobody asks for it.
    pub fn segment(&mut self, flow: Flow, from: usize, [seq, ack]: [u32; 2], flags: u8, payload: &[u8]) {
        let [source, target] = flow.ports(from);
        let mut tcp = Vec::with_capacity(20 + payload.len());
        tcp.extend([source.to_be_bytes(), target.to_be_bytes()].concat());
        tcp.extend([seq.to_be_bytes(), ack.to_be_bytes()].concat());
        tcp.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        tcp.extend(payload);
        self.packet(&ipv4(flow.addresses(from), 6, &tcp));
    }

    /// A UDP datagram.
    pub fn datagram(&mut self, flow: Flow, from: usize, payload: &[u8]) {
        self.packet(&ipv4(flow.addresses(from), 17, &udp(flow.ports(from), payload)));
    }

    /// A connection, from its SYN on.
    pub fn open(&mut self, flow: Flow) -> Stream {
        self.segment(flow, 0, [0, 0], SYN, b"");
        self.segment(flow, 1, [0, 1], SYN | ACK, b"");
        self.segment(flow, 0, [1, 1], ACK, b"");
        Stream { flow, next: [1, 1] }
    }
}

/// The two ends that talk: the client first.
#[derive(Clone, Copy)]
pub struct Flow {
    pub client: u32,
    pub ports: [u16; 2],
}

impl Flow {
    /// A client of its own for each number; the server's port is `port`.
    pub fn of(number: usize, port: u16) -> Self {
        Self { client: 0x0a00_0000 | (number / 50_000) as u32, ports: [10_000 + (number % 50_000) as u16, port] }
    }

    fn ports(self, from: usize) -> [u16; 2] {
        [self.ports[from], self.ports[1 - from]]
    }

    fn addresses(self, from: usize) -> [[u8; 4]; 2] {
        let ends = [self.client.to_be_bytes(), [192, 0, 2, 1]];
        [ends[from], ends[1 - from]]
    }
}

/// A connection of which each end knows what it sent.
pub struct Stream {
    pub flow: Flow,
    /// Sequence numbers of what each end sends next.
    pub next: [u32; 2],
}

impl Stream {
    /// Bytes in segments, each with an acknowledgement of what came before.
    pub fn send(&mut self, wire: &mut Wire, from: usize, bytes: &[u8]) {
        self.send_in(wire, from, bytes, MSS);
    }

    /// The same in segments of a size.
    pub fn send_in(&mut self, wire: &mut Wire, from: usize, bytes: &[u8], size: usize) {
        for piece in bytes.chunks(size) {
            wire.segment(self.flow, from, [self.next[from], self.next[1 - from]], ACK, piece);
            self.next[from] = self.next[from].wrapping_add(piece.len() as u32);
        }
    }

    /// Both ends close.
    pub fn close(&mut self, wire: &mut Wire) {
        for from in [0, 1] {
            wire.segment(self.flow, from, [self.next[from], self.next[1 - from]], ACK | FIN, b"");
            self.next[from] = self.next[from].wrapping_add(1);
        }
        wire.segment(self.flow, 0, self.next, ACK, b"");
    }
}

/// An Ethernet header.
pub fn ethernet(ethertype: u16) -> [u8; 14] {
    let [high, low] = ethertype.to_be_bytes();
    [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, high, low]
}

/// An IPv4 packet.
pub fn ipv4(addresses: [[u8; 4]; 2], protocol: u8, payload: &[u8]) -> Vec<u8> {
    let [high, low] = ((20 + payload.len()) as u16).to_be_bytes();
    let header = [0x45, 0, high, low, 0, 0, 0x40, 0, 64, protocol, 0, 0];
    [&header[..], &addresses.concat(), payload].concat()
}

/// A UDP datagram without a checksum.
pub fn udp(ports: [u16; 2], payload: &[u8]) -> Vec<u8> {
    let words = [ports[0], ports[1], (8 + payload.len()) as u16, 0];
    [&words.map(u16::to_be_bytes).concat()[..], payload].concat()
}

/// Bytes after their length in so many bytes.
pub fn vector(length: usize, bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes()[4 - length..], bytes].concat()
}
