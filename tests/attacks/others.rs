//! Attacks by DNS, TLS, QUIC and what else comes over UDP.

use crate::wire::{Flow, Stream, Wire, vector};

const FLOW: Flow = Flow { client: 0x0a00_0001, ports: [40_000, 443] };

const DNS: Flow = Flow { client: 0x0a00_0001, ports: [40_000, 53] };

fn dns_header(number: usize, flags: u16, counts: [u16; 4]) -> Vec<u8> {
    [number as u16, flags].into_iter().chain(counts).flat_map(u16::to_be_bytes).collect()
}

/// Names that point at themselves, at one another, and on and on.
pub fn dns_loops(wire: &mut Wire, n: usize) {
    let itself = [&dns_header(1, 0x0100, [1, 0, 0, 0])[..], &[0xc0, 12, 0, 1, 0, 1]].concat();
    let both = [&dns_header(2, 0x0100, [1, 0, 0, 0])[..], &[1, b'a', 0xc0, 16, 1, b'b', 0xc0, 12, 0, 1, 0, 1]].concat();
    // Each of 200 records has a name of a label and a pointer to the one before.
    let mut long = [&dns_header(3, 0x8180, [0, 200, 0, 0])[..], &[1, b'a', 0]].concat();
    let mut before = 12;
    for i in 0..200 {
        let at = long.len();
        if i > 0 {
            long.extend([1, b'a', 0xc0 | (before >> 8) as u8, before as u8]);
            before = at;
        }
        long.extend([0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 10, 0, 0, 1]);
    }
    (0..n).for_each(|i| wire.datagram(DNS, usize::from(i % 3 == 2), [&itself, &both, &long][i % 3]));
}

fn question(i: usize) -> Vec<u8> {
    let name = vector(1, format!("n{i}").as_bytes());
    [&dns_header(i, 0x0100, [1, 0, 0, 0])[..], &name, &[0, 0, 1, 0, 1]].concat()
}

/// Queries that nobody answers.
pub fn dns_queries(wire: &mut Wire, n: usize) {
    (0..n).for_each(|i| wire.datagram(Flow::of(i, 53), 0, &question(i)));
}

/// Answers that nobody asked for.
pub fn dns_answers(wire: &mut Wire, n: usize) {
    for i in 0..n {
        let mut answer = question(i);
        answer[2..4].copy_from_slice(&[0x81, 0x80]);
        wire.datagram(DNS, 1, &answer);
    }
}

/// Messages over TCP that do not end.
pub fn dns_over_tcp(wire: &mut Wire, n: usize) {
    for i in 0..n {
        let mut stream = wire.open(Flow::of(i, 53));
        stream.send(wire, 0, &[&[0xff, 0xff][..], &question(i)].concat());
    }
}

fn record(content: u8, bytes: &[u8]) -> Vec<u8> {
    [&[content, 3, 3][..], &vector(2, bytes)].concat()
}

fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &vector(3, body)].concat()
}

fn client_hello(extensions: &[u8]) -> Vec<u8> {
    let name = vector(2, &[&[0][..], &vector(2, b"a.test")].concat());
    let extensions = [&[0, 0][..], &vector(2, &name), extensions].concat();
    let body = [&[3, 3][..], &[7; 32], &[0], &vector(2, &[0xc0, 0x2f]), &[1, 0], &vector(2, &extensions)].concat();
    handshake(1, &body)
}

fn server_hello() -> Vec<u8> {
    handshake(2, &[&[3, 3][..], &[8; 32], &[0, 0xc0, 0x2f, 0]].concat())
}

/// A ClientHello a connection, in segments of a byte.
pub fn hellos_in_bytes(wire: &mut Wire, n: usize) {
    for i in 0..n {
        let mut stream = wire.open(Flow::of(i, 443));
        stream.send_in(wire, 0, &record(22, &client_hello(&[])), 1);
    }
}

/// A ClientHello of 256 KB in records of a byte, which do not end with it.
pub fn hello_in_records(wire: &mut Wire, n: usize) {
    let mut stream = wire.open(FLOW);
    stream.send(wire, 0, &record(22, &[1, 3, 0xff, 0xff]));
    (0..n).for_each(|_| stream.send(wire, 0, &record(22, &[3]).repeat(50)));
}

fn in_records(wire: &mut Wire, stream: &mut Stream, from: usize, bytes: &[u8]) {
    bytes.chunks(16_000).for_each(|piece| stream.send(wire, from, &record(22, piece)));
}

fn der(tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    let bytes = parts.concat();
    [&[tag, 0x83][..], &vector(3, &bytes)].concat()
}

/// Certificates with ten thousands of names and an extension of 100 KB.
pub fn certificates(wire: &mut Wire, n: usize) {
    let oid = |bytes: &[u8]| [&[6, bytes.len() as u8][..], bytes].concat();
    let algorithm = der(0x30, &[oid(&[42, 134, 72, 134, 247, 13, 1, 1, 11])]);
    let name = der(0x30, &[]);
    let times = der(0x30, &[b"\x17\x0d250101000000Z".to_vec(), b"\x17\x0d350101000000Z".to_vec()]);
    let key = der(0x30, &[algorithm.clone(), vec![3, 2, 0, 1]]);
    for i in 0..n {
        let names = match i % 2 {
            // Those that fit into what is kept of a message.
            0 => b"\x82\x01a".repeat(15_000),
            _ => [&[0x82, 0x83][..], &vector(3, &[b'a'; 100_000])].concat(),
        };
        let alternative = der(0x30, &[oid(&[85, 29, 17]), der(4, &[der(0x30, &[names])])]);
        let extensions = der(0xa3, &[der(0x30, &[alternative])]);
        let version = vec![0xa0, 3, 2, 1, 2];
        let fields =
            [version, vec![2, 1, 1], algorithm.clone(), name.clone(), times.clone(), name.clone(), key.clone()];
        let signed = der(0x30, &[fields.concat(), extensions]);
        let certificate = der(0x30, &[signed, algorithm.clone(), vec![3, 2, 0, 1]]);
        let mut stream = wire.open(Flow::of(i, 443));
        stream.send(wire, 0, &record(22, &client_hello(&[])));
        stream.send(wire, 1, &record(22, &server_hello()));
        let list = vector(3, &vector(3, &certificate));
        in_records(wire, &mut stream, 1, &handshake(11, &list));
    }
}

/// Empty records.
pub fn empty_records(wire: &mut Wire, n: usize) {
    let mut stream = wire.open(FLOW);
    stream.send(wire, 0, &record(22, &client_hello(&[])));
    stream.send(wire, 1, &record(22, &server_hello()));
    (0..n).for_each(|_| stream.send(wire, 1, &record(23, &[]).repeat(100)));
}

/// Initial packets of QUIC, each of another connection, whose bytes are no packet's.
pub fn quic(wire: &mut Wire, n: usize) {
    for i in 0..n {
        let id = (i as u64).to_be_bytes();
        let start = [&[0xc3, 0, 0, 0, 1, 8][..], &id, &[0, 0, 0x44, 0x00]].concat();
        wire.datagram(Flow::of(i, 443), 0, &[&start[..], &[i as u8; 1024]].concat());
    }
}

/// A datagram of each of so many pairs of ports.
pub fn datagrams(wire: &mut Wire, n: usize) {
    for i in 0..n {
        wire.datagram(Flow::of(i, 9), 0, b"nothing that has a name");
    }
}

/// Searches by HTTP over UDP that nobody answers.
pub fn searches(wire: &mut Wire, n: usize) {
    let search = "M-SEARCH * HTTP/1.1\r\nHost: 239.255.255.250:1900\r\nMan: \"ssdp:discover\"\r\nST: ssdp:all\r\n\r\n";
    (0..n).for_each(|i| wire.datagram(Flow::of(i, 1900), 0, search.as_bytes()));
}
