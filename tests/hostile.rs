//! Input that nobody sends by accident: captures cut and altered anywhere, and floods that aim at time and memory.

mod common;
#[path = "common/counting.rs"]
mod counting;
// A part of it.
#[allow(dead_code)]
#[path = "../fuzz/entries/judge.rs"]
mod judge;

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use common::attempt;
use common::wire::{MS, Packet, Random, frame};
use dissect::engine::{Engine, Options};
use dissect::event::{Event, Sink};
use dissect::frame::Frame;
use dissect::source::{CaptureFile, Name};
use judge::Judge;

/// All options and all printers.
fn judge(verify_checksums: bool) -> Judge {
    let options =
        Options { packets: true, bodies: true, preview: 4096, details: true, verify_checksums, ..Options::default() };
    Judge::with(options, judge::printers())
}

/// Reads the bytes of a capture file to their end.
fn read(bytes: Vec<u8>, what: &dyn Fn() -> String) {
    let whole = || {
        let mut judge = judge(false);
        if let Ok(mut file) = CaptureFile::new(Cursor::new(bytes), Name::Stdin) {
            while let Ok(Some((frame, _))) = file.next_described() {
                judge.push(frame);
            }
        }
        judge.finish();
    };
    attempt(whole, what);
}

/// The frames of a fixture, each with its bytes as `alter` leaves them.
fn altered(path: &Path, verify_checksums: bool, what: &dyn Fn() -> String, mut alter: impl FnMut(&mut Vec<u8>)) {
    let whole = || {
        let mut judge = judge(verify_checksums);
        let Ok(mut file) = CaptureFile::open(path) else { return };
        while let Ok(Some((frame, _))) = file.next_described() {
            let mut bytes = frame.bytes.to_vec();
            alter(&mut bytes);
            judge.push(Frame { bytes: &bytes, meta: frame.meta });
        }
        judge.finish();
    };
    attempt(whole, what);
}

fn fixtures() -> Vec<(PathBuf, Vec<u8>)> {
    common::fixtures().into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

#[test]
fn a_file_may_end_anywhere() {
    let other_format = |path: &Path| path.extension().is_some_and(|extension| extension != "pcap");
    let mut small = fixtures();
    small.sort_by_key(|(path, bytes)| (!other_format(path), bytes.len()));
    for (path, bytes) in &small[..14] {
        // Within the headers and the records of some frames, and in steps through the rest.
        for end in (0..bytes.len()).filter(|end| *end < 200 || end % 11 == 0) {
            read(bytes[..end].to_vec(), &|| format!("{} up to {end}", path.display()));
        }
    }
    for (path, bytes) in fixtures() {
        for part in [3, 7] {
            let end = bytes.len() * part / 10;
            read(bytes[..end].to_vec(), &|| format!("{} up to {end}", path.display()));
        }
    }
}

#[test]
fn a_file_may_be_altered_anywhere() {
    for (path, bytes) in fixtures() {
        for seed in 0..3 {
            let mut random = Random(seed);
            let mut bytes = bytes.clone();
            for _ in 0..random.below(6).min(bytes.len()) {
                let at = random.below(bytes.len());
                bytes[at] = random.number() as u8;
            }
            read(bytes, &|| format!("{} with seed {seed}", path.display()));
        }
    }
}

#[test]
fn frames_may_be_cut_anywhere() {
    for path in common::fixtures() {
        // Every length of the headers of some fixture or other, and two lengths of each.
        let odd = path.to_string_lossy().len();
        for len in [odd * 7 % 100, 54 + odd % 60] {
            altered(&path, false, &|| format!("{} cut to {len}", path.display()), |bytes| bytes.truncate(len));
        }
    }
    for name in ["ip-fragments", "qinq", "dns", "ipv6", "linux-sll2", "bsd-null", "port-unreachable"] {
        let path = common::path(&format!("fixtures/{name}.pcap"));
        for len in (0..110).step_by(3) {
            altered(&path, false, &|| format!("{name} cut to {len}"), |bytes| bytes.truncate(len));
        }
    }
}

#[test]
fn frames_may_be_altered_anywhere() {
    for path in common::fixtures() {
        for seed in 0..4 {
            let mut random = Random(seed);
            altered(&path, seed % 2 == 0, &|| format!("{} with seed {seed}", path.display()), |bytes| {
                while !bytes.is_empty() && random.once_in(3) {
                    // Headers more often than what they carry.
                    let limit = if random.once_in(3) { bytes.len() } else { bytes.len().min(80) };
                    let at = random.below(limit);
                    bytes[at] = if random.once_in(2) { random.number() as u8 } else { 0xff * random.below(2) as u8 };
                }
            });
        }
    }
}

/// Counts messages.
#[derive(Default)]
struct Count(u64);

impl Sink for Count {
    fn event(&mut self, event: Event<'_>) {
        self.0 += u64::from(matches!(event, Event::Message(_)));
    }
}

/// The most bytes that the core may hold, whatever comes: its bounds on queues and fragments, and what tables cost.
const MEMORY: i64 = 96 << 20;

/// Takes frames that `make` makes, number by number, and holds that time grows as their number does, and that memory is
/// bounded.
fn is_linear(what: &str, n: usize, make: impl Fn(usize, &mut Vec<u8>)) {
    is_linear_within(MEMORY, what, n, make);
}

fn is_linear_within(bound: i64, what: &str, n: usize, make: impl Fn(usize, &mut Vec<u8>)) {
    let run = |n: usize| {
        let mut frames = Vec::new();
        let mut ends = Vec::with_capacity(n);
        for i in 0..n {
            make(i, &mut frames);
            ends.push(frames.len());
        }
        let begun = Instant::now();
        let memory = counting::peak(|| {
            let mut engine = Engine::new(Options::default());
            let (mut sink, mut start) = (Count::default(), 0);
            for (i, end) in ends.iter().enumerate() {
                engine.push(frame(i as u64 + 1, i as i64 * 1000, &frames[start..*end]), &mut sink);
                start = *end;
            }
            engine.finish(&mut sink);
            assert_eq!(engine.totals().ledger.unexplained(), 0, "{what}: {:?}", engine.totals().ledger);
        });
        assert!(memory < bound, "{what}: {memory} bytes");
        begun.elapsed()
    };
    let mut seen = Vec::new();
    // Another process may disturb one measurement, not all of them.
    for _ in 0..5 {
        let times = (run(n), run(2 * n));
        assert!(times.1 < Duration::from_secs(20), "{what}: {times:?}");
        if times.1 < times.0 * 3 {
            return;
        }
        seen.push(times);
    }
    panic!("{what}: time for {n} frames, and for twice as many: {seen:?}");
}

fn put(packet: Packet, out: &mut Vec<u8>) {
    out.extend(packet.bytes());
}

/// The SYN at first, then data by `data`: sequence number (from 1) and bytes.
fn data_after_syn(i: usize, out: &mut Vec<u8>, data: impl FnOnce(usize) -> (u32, Vec<u8>)) {
    if i == 0 {
        return put(Packet { syn: true, ..Packet::new(0, 0, None, b"") }, out);
    }
    let (seq, bytes) = data(i - 1);
    put(Packet::new(0, seq, Some(1), &bytes), out);
}

#[test]
fn bytes_in_reverse_take_linear_time() {
    let n = 30_000;
    is_linear("reverse", n, |i, out| data_after_syn(i, out, |i| (2 * n as u32 + 2 - i as u32, vec![b'x'])));
}

#[test]
fn every_second_byte_takes_linear_time() {
    is_linear("holes", 30_000, |i, out| {
        if i % 50 == 49 {
            return put(Packet::new(1, 1, Some(2 * i as u32), b""), out);
        }
        data_after_syn(i, out, |i| (2 + 2 * i as u32, vec![b'x']));
    });
}

#[test]
fn overlapping_segments_take_linear_time() {
    is_linear("overlaps", 30_000, |i, out| data_after_syn(i, out, |i| (2 + i as u32, vec![b'x'; 200])));
    is_linear("the same again", 30_000, |i, out| data_after_syn(i, out, |_| (2, vec![b'x'; 200])));
    is_linear("one over all before", 10_000, |i, out| data_after_syn(i, out, |i| (2, vec![b'x'; 1 + i % 1400])));
}

/// The same where there are 100 000 connections: 2 KB each, and the table is copied as it grows.
const CONNECTIONS: i64 = 200 << 20;

/// Sends the packet over a connection of its own.
fn apart(i: usize, mut packet: Packet, out: &mut Vec<u8>) {
    packet.port = i as u16;
    let mut bytes = packet.bytes();
    bytes[28] = (i >> 16) as u8;
    out.extend(bytes);
}

#[test]
fn many_connections_take_linear_time() {
    is_linear_within(CONNECTIONS, "connections", 50_000, |i, out| {
        apart(i, Packet { syn: true, ..Packet::new(0, i as u32, None, b"") }, out);
    });
}

#[test]
fn many_connections_with_a_request_take_little_memory() {
    is_linear_within(CONNECTIONS, "requests without a connection", 30_000, |i, out| {
        apart(i, Packet::new(0, i as u32, Some(1), b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"), out);
    });
}

#[test]
fn endless_heads_take_linear_time() {
    let line = |text: &'static [u8]| {
        move |i: usize| {
            let start: &[u8] = if i == 0 { b"GET / HTTP/1.1\r\n" } else { b"" };
            let mut bytes = [start, &text.repeat(1000 / text.len())].concat();
            bytes.resize(1000, text[0]);
            (1 + 1000 * i as u32, bytes)
        }
    };
    is_linear("field lines", 5_000, |i, out| data_after_syn(i, out, line(b"A: b\r\n")));
    is_linear("one line", 5_000, |i, out| data_after_syn(i, out, line(b"x")));
    is_linear("empty lines", 5_000, |i, out| data_after_syn(i, out, |i| (1 + 1000 * i as u32, b"\r\n".repeat(500))));
    is_linear("a head in bytes", 30_000, |i, out| {
        data_after_syn(i, out, |i| (1 + i as u32, vec![*b"GET / HTTP/1.1\r\nA: ".get(i).unwrap_or(&b'x')]));
    });
}

#[test]
fn endless_chunks_take_linear_time() {
    let chunks = |text: &'static [u8]| {
        move |i: usize| match i {
            0 => (1, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec()),
            _ => (58 + ((i - 1) * text.len()) as u32, text.to_vec()),
        }
    };
    is_linear("chunks", 30_000, |i, out| data_after_syn(i, out, chunks(b"1\r\nx\r\n1\r\nx\r\n")));
    is_linear("a chunk extension", 30_000, |i, out| data_after_syn(i, out, chunks(b"1;xxxxxxxxxxxxxxx")));
}

#[test]
fn requests_without_answers_take_linear_time() {
    let request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    is_linear("pipelined", 20_000, |i, out| {
        data_after_syn(i, out, |i| (1 + (i * request.len()) as u32, request.to_vec()))
    });
}

#[test]
fn fragments_without_end_take_linear_time() {
    let fragment = |id: usize, offset: u16, out: &mut Vec<u8>| {
        let mut bytes = Packet::new(0, 1, None, &[b'x'; 108]).bytes();
        bytes[18..20].copy_from_slice(&(id as u16).to_be_bytes());
        // More fragments follow; the offset is in units of eight bytes.
        bytes[20..22].copy_from_slice(&(0x2000 | offset & 0x1fff).to_be_bytes());
        bytes[28] = (id >> 16) as u8;
        out.extend(bytes);
    };
    is_linear("datagrams", 50_000, |i, out| fragment(i, 0, out));
    is_linear("pieces", 50_000, |i, out| fragment(i / 4000, 2 + 2 * (i % 4000) as u16, out));
    is_linear("overlapping pieces", 30_000, |i, out| fragment(i / 8000, (i % 8000) as u16, out));
}

#[test]
fn time_may_stand_still_or_jump() {
    let mut engine = Engine::new(Options::default());
    let mut sink = Count::default();
    for (i, time) in [0, i64::MIN / 2, 1 << 61, 5 * MS, -1, 1 << 61].into_iter().enumerate() {
        let bytes = Packet::new(0, 1 + 27 * i as u32, Some(1), b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").bytes();
        engine.push(frame(i as u64 + 1, time, &bytes), &mut sink);
    }
    engine.finish(&mut sink);
    assert_eq!(sink.0, 6);
    assert_eq!(engine.totals().ledger.unexplained(), 0);
}
