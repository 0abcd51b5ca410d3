//! What `dissect page` keeps of a capture stays within bounds, whatever it holds and however long it is.

mod common;
#[path = "common/counting.rs"]
mod counting;

use std::fmt::Write;

use common::wire::{MS, Packet, frame};
use dissect::engine::Engine;
use dissect::event::{Event, Sink};
use dissect::print::page::{self, Page, Style};
use dissect::print::{Begin, End, Printer};
use etherparse::PacketBuilder;

/// Bytes that the core, what is kept, and what is written of it take together.
const MEMORY: i64 = 256 << 20;

struct Printing(Page, Vec<u8>);

impl Sink for Printing {
    fn event(&mut self, event: Event<'_>) {
        self.0.event(event, &mut self.1);
    }
}

/// Takes frames that `make` makes for each number up to `n`, and holds that memory is bounded. Returns what was printed.
fn stays_within(what: &str, n: usize, json: bool, make: impl Fn(usize, &mut Vec<Vec<u8>>)) -> String {
    let mut printed = String::new();
    let memory = counting::peak(|| {
        let mut engine = Engine::new(page::options());
        let style = Style { json, color: false, width: 100, verbose: true, visit: None };
        let mut sink = Printing(Page::new(style, jiff::tz::TimeZone::UTC), Vec::new());
        sink.0.begin(&Begin::default(), &mut sink.1);
        let (mut frames, mut number) = (Vec::new(), 0);
        for i in 0..n {
            frames.clear();
            make(i, &mut frames);
            for bytes in &frames {
                number += 1;
                engine.push(frame(number, number as i64 * MS / 10, bytes), &mut sink);
            }
        }
        engine.finish(&mut sink);
        let totals = engine.totals();
        sink.0.end(&End { totals, drops: None, selected: None }, &mut sink.1);
        assert!(!sink.1.is_empty());
        let end = sink.1[..sink.1.len() - 1].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        printed = String::from_utf8_lossy(&sink.1[end..]).into_owned();
    });
    println!("{what}: {} MB; {}", memory >> 20, printed.chars().take(200).collect::<String>());
    assert!(memory < MEMORY, "{what}: {memory} bytes");
    printed
}

/// The packet over a connection of its own.
fn apart(i: usize, packet: Packet) -> Vec<u8> {
    let mut bytes = Packet { port: i as u16, ..packet }.bytes();
    // In the client's address: source from the client, destination from the server.
    let octet = if bytes[29] == 1 { 28 } else { 32 };
    bytes[octet] = (i >> 16) as u8;
    bytes
}

fn opens(i: usize, frames: &mut Vec<Vec<u8>>) {
    frames.push(apart(i, Packet { syn: true, ..Packet::new(0, 0, None, b"") }));
    frames.push(apart(i, Packet { syn: true, ..Packet::new(1, 0, Some(1), b"") }));
    frames.push(apart(i, Packet::new(0, 1, Some(1), b"")));
}

fn vector(length: usize, bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes()[4 - length..], bytes].concat()
}

fn record(content: u8, bytes: &[u8]) -> Vec<u8> {
    [&[content, 3, 3][..], &vector(2, bytes)].concat()
}

fn client_hello(name: &[u8], offers: &[u8]) -> Vec<u8> {
    let name = vector(2, &[&[0][..], &vector(2, name)].concat());
    let extensions = [&[0, 0][..], &vector(2, &name), &[0, 16], &vector(2, &vector(2, offers))].concat();
    let body = [&[3, 3][..], &[7; 32], &[0], &vector(2, &[0xc0, 0x2f]), &[1, 0], &vector(2, &extensions)].concat();
    record(22, &[&[1][..], &vector(3, &body)].concat())
}

fn server_hello() -> Vec<u8> {
    record(22, &[&[2][..], &vector(3, &[&[3, 3][..], &[8; 32], &[0, 0xc0, 0x2f, 0]].concat())].concat())
}

#[test]
fn many_handshakes() {
    let end = stays_within("handshakes", 100_000, true, opens);
    let end: serde_json::Value = serde_json::from_str(&end).unwrap();
    assert!(end["beyond"]["connections"].as_u64() > Some(0), "{end}");
    stays_within("SYNs", 100_000, false, |i, frames| {
        frames.push(apart(i, Packet { syn: true, ..Packet::new(0, 0, None, b"") }));
    });
}

#[test]
fn many_connections_within_tls() {
    let offers = vector(1, &[b'h', b't', b't', b'p', b'/', 0x7f].repeat(40)).repeat(16);
    for (n, json, name, offers) in
        [(20_000, false, &b"a.test"[..], &b"\x08http/1.1"[..]), (6_000, true, &[0x7f; 250], &offers)]
    {
        stays_within("TLS", n, json, |i, frames| {
            opens(i, frames);
            let (hello, answer, data) = (client_hello(name, offers), server_hello(), record(23, &[b'x'; 90]));
            let [end, answered] = [1 + hello.len(), 1 + answer.len()].map(|len| len as u32);
            frames.push(apart(i, Packet::new(0, 1, Some(1), &hello)));
            frames.push(apart(i, Packet::new(1, 1, Some(end), &answer)));
            frames.push(apart(i, Packet::new(0, end, Some(answered), &data)));
            frames.push(apart(i, Packet::new(1, answered, Some(end + data.len() as u32), &data)));
        });
    }
}

#[test]
fn many_objects() {
    let path = "%\u{fffd}".repeat(500);
    let request = format!("GET /{path} HTTP/1.1\r\nHost: a.test\r\nReferer: http://a.test/{path}\r\n\r\n");
    let short = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n".to_owned();
    let mut page = String::new();
    (0..150).for_each(|n| write!(page, "<img src=n{n}>").unwrap());
    let response = |body: &str| {
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    };
    for (n, request, response) in [(32_000, short, response("")), (6_000, request, response(&page))] {
        for json in [false, true] {
            stays_within("objects", n, json, |i, frames| {
                opens(i, frames);
                frames.push(apart(i, Packet::new(0, 1, Some(1), request.as_bytes())));
                frames.push(apart(i, Packet::new(1, 1, Some(1 + request.len() as u32), response.as_bytes())));
            });
        }
    }
}

#[test]
fn many_names() {
    for json in [false, true] {
        stays_within("lookups", 4_000, json, |i, frames| {
            let name = [&vector(1, format!("n{i}").as_bytes())[..], b"\0\0\x10\0\x01"].concat();
            let [high, low] = (i as u16).to_be_bytes();
            let question = [&[high, low, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], &name].concat();
            let record = [&b"\xc0\x0c\0\x10\0\x01\0\0\0\x3c"[..], &vector(2, &vector(1, &[1; 80]))].concat();
            let answer = [&[high, low, 0x81, 0x80, 0, 1, 0, 14, 0, 0, 0, 0][..], &name, &record.repeat(14)].concat();
            for (from, to, ports, bytes) in [(1, 2, [5000, 53], question), (2, 1, [53, 5000], answer)] {
                let udp = PacketBuilder::ethernet2([2; 6], [4; 6])
                    .ipv4([10, 0, 0, from], [10, 0, 0, to], 64)
                    .udp(ports[0], ports[1]);
                let mut frame = Vec::new();
                udp.write(&mut frame, &bytes).unwrap();
                frames.push(frame);
            }
        });
    }
}
