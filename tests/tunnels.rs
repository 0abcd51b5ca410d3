//! Tunnels, fragments within fragments, and TCP headers that are quoted: what becomes of their connections.

mod common;

use common::wire::{MS, Packet, frame};
use dissect::engine::{Engine, Options};
use dissect::event::{Event, Sink};

const REQUEST: &[u8] = b"GET /a-path-long-enough-for-fragments HTTP/1.1\r\nHost: example.org\r\n\r\n";

/// Of each frame `tcp.stream` and the layers; of each message the frame and its layers, decoded again.
#[derive(Default)]
struct Seen {
    packets: Vec<(Option<u64>, String)>,
    messages: Vec<(u64, String)>,
    connections: Vec<u64>,
}

impl Sink for Seen {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Packet(packet) => {
                self.packets.push((packet.tcp.map(|tcp| tcp.0), chain(packet.decoded)));
            }
            Event::Message(told) => {
                let carrier = told.message.carrier.get();
                let decoded = dissect::decode::decode_headers(carrier.meta, carrier.headers, carrier.resumed);
                self.messages.push((told.flow.stream, chain(&decoded)));
            }
            Event::Connection(connection) => self.connections.push(connection.flow.stream),
            Event::Body { .. } | Event::Update(_) | Event::Followed(_) | Event::Drops(_) => {}
        }
    }
}

fn chain(decoded: &dissect::decode::Decoded<'_>) -> String {
    dissect::decode::protocol_chain(decoded).collect::<Vec<_>>().join(":")
}

fn see(frames: &[Vec<u8>]) -> Seen {
    let mut engine = Engine::new(Options { packets: true, ..Options::default() });
    let mut seen = Seen::default();
    for (number, bytes) in (1..).zip(frames) {
        engine.push(frame(number, number as i64 * MS, bytes), &mut seen);
    }
    engine.finish(&mut seen);
    let totals = engine.totals();
    assert_eq!(totals.ledger.unexplained(), 0);
    assert_eq!(totals.connections, seen.connections.len() as u64);
    seen
}

/// An IPv4 datagram, or a fragment: `offset` in bytes, and whether more follow.
fn ip(protocol: u8, payload: &[u8], id: u8, offset: usize, more: bool) -> Vec<u8> {
    let field = (offset / 8) as u16 | if more { 0x2000 } else { 0 };
    let [len, field] = [(20 + payload.len()) as u16, field].map(u16::to_be_bytes);
    let head = [0x45, 0, len[0], len[1], 0, id, field[0], field[1], 64, protocol, 0, 0, 10, 1, 0, 1, 10, 1, 0, 2];
    [&head, payload].concat()
}

/// Two fragments of it.
fn halves(protocol: u8, payload: &[u8], id: u8) -> [Vec<u8>; 2] {
    let (first, last) = payload.split_at(payload.len() / 16 * 8);
    [ip(protocol, first, id, 0, true), ip(protocol, last, id, first.len(), false)]
}

fn ethernet(payload: &[u8]) -> Vec<u8> {
    [&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0], payload].concat()
}

fn gre(payload: &[u8]) -> Vec<u8> {
    [&[0, 0, 8, 0], payload].concat()
}

/// The segment without Ethernet and IP.
fn segment(packet: &Packet) -> Vec<u8> {
    packet.bytes()[34..].to_vec()
}

/// An ICMP error that quotes as much of the packet.
fn quoting(packet: &Packet, keep: usize) -> Vec<u8> {
    let quoted = &packet.bytes()[14..14 + 20 + keep];
    ethernet(&ip(1, &[&[3, 1, 0, 0, 0, 0, 0, 0], quoted].concat(), 1, 0, false))
}

#[test]
fn a_fragment_in_a_tunnel_that_is_in_fragments_is_put_together() {
    let request = segment(&Packet::new(0, 100, Some(1), REQUEST));
    let inner = halves(6, &request, 7);
    let frames: Vec<Vec<u8>> = inner
        .iter()
        .zip([8, 9])
        .flat_map(|(inner, id)| halves(47, &gre(inner), id))
        .map(|outer| ethernet(&outer))
        .collect();
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]] {
        let seen = see(&order.map(|at| frames[at].clone()));
        let streams: Vec<_> = seen.packets.iter().map(|packet| packet.0).collect();
        assert_eq!(streams, [None, None, None, Some(0)]);
        let whole = "eth:ethertype:ip:gre:ip:tcp".to_string();
        assert_eq!(seen.packets[3].1, whole);
        assert_eq!(seen.messages, [(0, whole)]);
    }
}

#[test]
fn a_message_tells_the_tunnel_that_was_in_fragments() {
    let request = segment(&Packet::new(0, 100, Some(1), REQUEST));
    let [first, last] = halves(47, &gre(&ip(6, &request, 7, 0, false)), 8).map(|outer| ethernet(&outer));
    for frames in [[first.clone(), last.clone()], [last, first]] {
        assert_eq!(see(&frames).messages, [(0, "eth:ethertype:ip:gre:ip:tcp".to_string())]);
    }
}

#[test]
fn a_quoted_header_has_a_stream_and_leaves_it_alone() {
    let syn = |port: u16, seq: u32| Packet { port, syn: true, ..Packet::new(0, seq, None, b"") };
    let request = Packet::new(0, 101, Some(1), REQUEST);
    let frames = [
        syn(40_000, 100).bytes(),
        // The same bytes quoted before they are sent, and again.
        quoting(&request, 60),
        request.bytes(),
        quoting(&request, 16),
        // Too little of it to tell.
        quoting(&request, 15),
        // Connections that were not seen.
        quoting(&syn(40_001, 5), 20),
        syn(40_002, 5).bytes(),
        syn(40_001, 5).bytes(),
        quoting(&syn(40_003, 5), 16),
        // Another connection on the ports of one that is known.
        quoting(&syn(40_002, 6), 20),
    ];
    let seen = see(&frames);
    let streams: Vec<_> = seen.packets.iter().map(|packet| packet.0).collect();
    let expected = [Some(0), Some(0), Some(0), Some(0), None, Some(1), Some(2), Some(1), Some(3), Some(4)];
    assert_eq!(streams, expected);
    assert_eq!(seen.messages.len(), 1);
    let mut connections = seen.connections;
    connections.sort_unstable();
    assert_eq!(connections, [0, 1, 2], "of the others there was nothing but a header");
}

/// The streams that tshark numbers in the same frames.
#[test]
fn tshark_agrees() {
    if !common::installed("tshark") {
        eprintln!("skipped: tshark is not installed");
        return;
    }
    let quoted = Packet { port: 41_000, ..Packet::new(0, 5, Some(1), b"quoted") };
    let mut frames: Vec<Vec<u8>> =
        (0..24).map(|keep| quoting(&Packet { port: 41_000 + keep, ..quoted.clone() }, keep.into())).collect();
    frames.push(quoted.bytes());
    // Segments of which the datagram has no room for the whole header.
    for keep in 0..22 {
        let packet = Packet { port: 42_000 + keep, ..quoted.clone() };
        frames.push(ethernet(&ip(6, &segment(&packet)[..keep.into()], 1, 0, false)));
    }
    frames.push(quoted.bytes());
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("quoted.pcap");
    let mut file: Vec<u8> =
        [0xa1b2_c3d4u32, 0x0004_0002, 0, 0, 0x4_0000, 1].into_iter().flat_map(u32::to_le_bytes).collect();
    for bytes in &frames {
        file.extend([1, 0, bytes.len() as u32, bytes.len() as u32].into_iter().flat_map(u32::to_le_bytes));
        file.extend(bytes);
    }
    std::fs::write(&path, file).unwrap();
    let output = std::process::Command::new("tshark")
        .args(["-n", "-T", "fields", "-e", "tcp.stream", "-r"])
        .arg(&path)
        .output()
        .unwrap();
    let theirs: Vec<Option<u64>> =
        String::from_utf8_lossy(&output.stdout).lines().map(|line| line.parse().ok()).collect();
    let ours: Vec<Option<u64>> = see(&frames).packets.iter().map(|packet| packet.0).collect();
    assert_eq!(ours, theirs);
}
