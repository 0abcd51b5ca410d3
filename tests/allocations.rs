//! In-order data costs no allocation, nor does a simple display filter: a counting allocator watches a long keep-alive
//! connection.

mod common;
#[path = "common/counting.rs"]
mod counting;

use common::wire::{Packet, frame};
use dissect::engine::{Engine, Options};
use dissect::event::{Event, Sink};
use dissect::filter::{Fields, Filter, FrameRecord, MessageRecord, Times, compile};

/// Counts the messages, and nothing else.
struct Messages(u64);

impl Sink for Messages {
    fn event(&mut self, event: Event<'_>) {
        self.0 += u64::from(matches!(event, Event::Message(_)));
    }
}

const BODY: usize = 400_000;
const SEGMENT: usize = 1448;

/// The frames of downloads one after the other over one connection, acknowledged at every second segment.
fn downloads(count: usize) -> Vec<Vec<u8>> {
    let (mut client, mut server) = (1000, 5000);
    let mut packets = vec![
        Packet { syn: true, ..Packet::new(0, client - 1, None, b"") },
        Packet { syn: true, ..Packet::new(1, server - 1, Some(client), b"") },
        Packet::new(0, client, Some(server), b""),
    ];
    let mut response = format!("HTTP/1.1 200 OK\r\nContent-Length: {BODY}\r\nServer: s\r\n\r\n").into_bytes();
    response.resize(response.len() + BODY, b'x');
    for _ in 0..count {
        packets.push(Packet::new(0, client, Some(server), b"GET /long HTTP/1.1\r\nHost: a.test\r\n\r\n"));
        client = packets.last().unwrap().next_seq();
        for (i, part) in response.chunks(SEGMENT).enumerate() {
            packets.push(Packet::new(1, server, Some(client), part));
            server = packets.last().unwrap().next_seq();
            if i % 2 == 1 {
                packets.push(Packet::new(0, client, Some(server), b""));
            }
        }
    }
    packets.iter().map(Packet::bytes).collect()
}

#[test]
fn in_order_data_allocates_nothing() {
    let frames = downloads(30);
    let each = (frames.len() - 3) / 30;
    let mut engine = Engine::new(Options::default());
    let mut messages = Messages(0);
    let (mut total, mut counted) = (0, 0);
    for (i, bytes) in frames.iter().enumerate() {
        let before = counting::allocations();
        engine.push(frame(i as u64 + 1, i as i64 * 10_000, bytes), &mut messages);
        let allocated = counting::allocations() - before;
        if i <= frames.len() / 2 {
            continue;
        }
        // The first frames of an exchange hold its heads, the last ones let its response go.
        let within = (i - 3) % each;
        if (3..each - 2).contains(&within) {
            assert_eq!(allocated, 0, "frame {i}, {within} of its exchange");
        }
        total += allocated;
        counted += 1;
    }
    assert_eq!(messages.0, 60);
    assert!(counted > 4000);
    // Nor do messages once there are some to use again, but for a table that grows.
    assert!(total <= 8, "{total} allocations in {counted} frames");
}

/// Asks filters of frames and of messages, and counts what they allocate.
struct Judge {
    filters: [Filter; 2],
    allocated: u64,
    held: [u64; 2],
}

impl Sink for Judge {
    fn event(&mut self, event: Event<'_>) {
        let before = counting::allocations();
        let [of_frames, of_messages] = &self.filters;
        match event {
            Event::Packet(packet) => {
                self.held[0] += u64::from(of_frames.holds(&FrameRecord::new(&packet, Times::default())));
            }
            Event::Message(message) => {
                let record = MessageRecord::as_captured(&message, Times::default());
                self.held[1] += u64::from(of_messages.holds(&record));
            }
            _ => {}
        }
        self.allocated += counting::allocations() - before;
    }
}

#[test]
fn simple_filters_allocate_nothing() {
    let of_frames = "ip.addr == 10.0.0.0/8 and tcp.port in {80, 443} and tcp.len > 0 and not tcp.analysis.flags \
        and eth.src[0:3] == 02:00:00 and tcp.flags & 0x10 and tcp.payload contains \"xx\" and tcp.payload matches \"xy?\"";
    let of_messages = "http.response.code == 200 and ip.src == 10.0.0.0/8 and message.integrity == \"complete\" \
        and http.server contains \"s\"";
    let filters = [of_frames, of_messages].map(|text| compile(text, &Fields).unwrap());
    let mut judge = Judge { filters, allocated: 0, held: [0; 2] };
    let mut engine = Engine::new(Options { packets: true, ..Options::default() });
    for (i, bytes) in downloads(8).iter().enumerate() {
        if i == 4 {
            // The names are looked up, and the regular expression has its memory, from the first time on.
            judge.allocated = 0;
        }
        engine.push(frame(i as u64 + 1, i as i64 * 10_000, bytes), &mut judge);
    }
    assert!(judge.held[0] > 2000 && judge.held[1] == 8, "{:?}", judge.held);
    assert!(judge.allocated <= 8, "{}", judge.allocated);
}
