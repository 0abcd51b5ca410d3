//! Attacks below HTTP: on the capture file, on decoding, on fragments, on connections and their streams.

use crate::common::wire::Random;
use crate::wire::{ACK, Flow, SYN, Stream, Wire, ethernet, ipv4, udp};

const FLOW: Flow = Flow { client: 0x0a00_0001, ports: [40_000, 80] };

/// SYNs that nobody answers, each of another client.
pub fn half_open(wire: &mut Wire, n: usize) {
    (0..n).for_each(|i| wire.segment(Flow::of(i, 80), 0, [i as u32, 0], SYN, b""));
}

/// Connections with a request each, and an end.
pub fn connections(wire: &mut Wire, n: usize) {
    for i in 0..n {
        let mut stream = wire.open(Flow::of(i, 80));
        stream.send(wire, 0, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        stream.send(wire, 1, b"HTTP/1.1 204 No Content\r\n\r\n");
        if i % 2 == 0 {
            stream.close(wire);
        }
    }
}

/// Addresses and ports whose sums and differences of both ends, bit by bit too, are all the same: a hash that only adds
/// them up has one value for all.
pub fn collisions(wire: &mut Wire, n: usize) {
    for i in 0..n {
        let (low, high) = (i as u32 & 0x3fff, i as u32 >> 14);
        let client = 0x0a00_0000 | high << 16 | low;
        let ports = [0x8000 | low as u16, 80 ^ low as u16];
        wire.segment(Flow { client, ports }, 0, [1, 1], ACK, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    }
}

/// A request of which only every second byte is sent.
pub fn holes(wire: &mut Wire, n: usize) {
    wire.open(FLOW);
    (0..n as u32).for_each(|i| wire.segment(FLOW, 0, [2 + 2 * i, 1], ACK, b"x"));
}

/// A body of which only every second byte is captured, each acknowledged.
pub fn holes_acknowledged(wire: &mut Wire, n: usize) {
    let mut stream = upload(wire);
    for _ in 0..n {
        stream.next[0] += 1;
        stream.send(wire, 0, b"x");
        wire.segment(FLOW, 1, [1, stream.next[0]], ACK, b"");
    }
}

/// A request with a body of 900 MB, which has not begun.
fn upload(wire: &mut Wire) -> Stream {
    let mut stream = wire.open(FLOW);
    stream.send(wire, 0, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 900000000\r\n\r\n");
    stream
}

/// A byte a segment, the last one first.
pub fn reverse(wire: &mut Wire, n: usize) {
    wire.open(FLOW);
    (0..n as u32).rev().for_each(|i| wire.segment(FLOW, 0, [2 + i, 1], ACK, b"x"));
}

/// Holes in many connections at once, so that the bound on all of them is reached before that of any.
pub fn holes_everywhere(wire: &mut Wire, n: usize) {
    let streams: Vec<_> = (0..64).map(|i| wire.open(Flow::of(i, 80)).flow).collect();
    for i in 0..n {
        let at = 2 + 1400 * (i / streams.len()) as u32;
        wire.segment(streams[i % streams.len()], 0, [at, 1], ACK, &[b'x'; 1400]);
    }
}

/// Segments that overlap those before, with other bytes.
pub fn overlaps(wire: &mut Wire, n: usize) {
    let stream = upload(wire);
    for i in 0..n {
        wire.segment(FLOW, 0, [stream.next[0] + i as u32, 1], ACK, &[b'a' + (i % 26) as u8; 200]);
    }
}

/// The same behind a hole.
pub fn overlaps_queued(wire: &mut Wire, n: usize) {
    wire.open(FLOW);
    let mut random = Random(1);
    for i in 0..n {
        let at = 2 + random.below(60_000) as u32;
        wire.segment(FLOW, 0, [at, 1], ACK, &vec![b'a' + (i % 26) as u8; 1 + random.below(1400)]);
    }
}

/// Data at sequence numbers that have nothing to do with one another.
pub fn jumps(wire: &mut Wire, n: usize) {
    wire.open(FLOW);
    let mut random = Random(2);
    for _ in 0..n {
        let [seq, ack] = [random.number() as u32, random.number() as u32];
        wire.segment(FLOW, random.below(2), [seq, ack], ACK, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    }
}

/// A request again and again.
pub fn again(wire: &mut Wire, n: usize) {
    wire.open(FLOW);
    (0..n)
        .for_each(|_| wire.segment(FLOW, 0, [1, 1], ACK, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\n"));
}

/// The ports of one connection for one after another.
pub fn ports_again(wire: &mut Wire, n: usize) {
    for i in 0..n as u32 {
        wire.segment(FLOW, 0, [i << 20, 0], SYN, b"");
        wire.segment(FLOW, 1, [i << 20, (i << 20) + 1], SYN | ACK, b"");
    }
}

fn fragment(wire: &mut Wire, identification: usize, offset: usize, payload: &[u8]) {
    let mut packet = ipv4([[10, (identification >> 16) as u8, 0, 1], [10, 0, 0, 2]], 6, payload);
    packet[4..6].copy_from_slice(&(identification as u16).to_be_bytes());
    // More fragments follow; the offset is in units of eight bytes.
    packet[6..8].copy_from_slice(&(0x2000 | offset as u16 & 0x1fff).to_be_bytes());
    wire.packet(&packet);
}

/// First fragments of datagrams.
pub fn first_fragments(wire: &mut Wire, n: usize) {
    (0..n).for_each(|i| fragment(wire, i, 0, &[b'x'; 1480]));
}

/// All fragments but the first, with holes, the last ones first.
pub fn other_fragments(wire: &mut Wire, n: usize) {
    (0..n).for_each(|i| fragment(wire, i / 4000, 8190 - 2 * (i % 4000), b"xxxxxxxx"));
}

/// Fragments that overlap.
pub fn overlapping_fragments(wire: &mut Wire, n: usize) {
    (0..n).for_each(|i| fragment(wire, i / 8000, i % 8000, &[b'a' + (i % 26) as u8; 256]));
}

/// As many headers within another as fit into a frame.
pub fn encapsulation(wire: &mut Wire, n: usize) {
    const ENDS: [[u8; 4]; 2] = [[10, 0, 0, 1], [10, 0, 0, 2]];
    const LEN: usize = 60_000;
    let ip_in_ip = (0..64).fold(Vec::new(), |inner, _| ipv4(ENDS, 4, &inner));
    let gre = (0..64).fold(Vec::new(), |inner, _| ipv4(ENDS, 47, &[&[0, 0, 8, 0][..], &inner].concat()));
    let vxlan = (0..64).fold(Vec::new(), |inner, _| {
        let inner = [&[8, 0, 0, 0, 0, 0, 1, 0][..], &ethernet(0x0800), &inner].concat();
        ipv4(ENDS, 17, &udp([4789, 4789], &inner))
    });
    let frames = [
        [&ethernet(0x0800)[..], &ip_in_ip].concat(),
        [&ethernet(0x0800)[..], &gre].concat(),
        [&ethernet(0x0800)[..], &vxlan].concat(),
        // A label that is not the bottom of the stack, a tag that another follows.
        [&ethernet(0x8847)[..], &[0, 0, 0x10, 64].repeat(LEN / 4)].concat(),
        [&ethernet(0x8100)[..], &[0, 1, 0x81, 0].repeat(LEN / 4)].concat(),
        // Extension headers of IPv6: destination options.
        [&ethernet(0x86dd)[..], &[0x60, 0, 0, 0, 0x20, 0, 60, 64], &[1; 32], &[60, 0, 1, 4, 0, 0, 0, 0].repeat(1024)]
            .concat(),
    ];
    (0..n).for_each(|i| wire.frame(&frames[i % frames.len()]));
}

/// A pcapng with so many blocks whose lengths say what is not so, and at last those that end it.
pub fn lying_blocks(wire: &mut Wire, n: usize) {
    let block = |kind: u32, total: u32, body: &[u32]| {
        let words = [&[kind, total][..], body, &[total]].concat();
        words.into_iter().flat_map(u32::to_le_bytes).collect::<Vec<u8>>()
    };
    wire.raw(&block(0x0a0d_0d0a, 28, &[0x1a2b_3c4d, 1, u32::MAX, u32::MAX]));
    wire.raw(&block(1, 20, &[1, 0]));
    for i in 0..n {
        match i % 3 {
            // More bytes captured than there were.
            0 => wire.raw(&block(6, 36, &[0, 0, 0, 4, 0, 0])),
            // An option that is longer than its block.
            1 => wire.raw(&block(5, 28, &[0, 0, 0, 0xffff_0001])),
            // Another interface, whose snaplen is none: of these there are no more than so many.
            2 if i < 100_000 => wire.raw(&block(1, 20, &[1, u32::MAX])),
            // A block of a kind that there is not.
            _ => wire.raw(&block(0x0bad, 16, &[u32::MAX])),
        }
    }
    // A packet whose bytes would be 4 GB.
    wire.raw(&block(6, 36, &[0, 0, 0, u32::MAX - 3, u32::MAX, 0]));
    wire.raw(&block(6, u32::MAX - 3, &[0; 6]));
}
