//! Hours of traffic with ever new ports, compressed into seconds: memory stays flat, and connections are let go.

mod common;

use std::io::{BufWriter, Read, Write};
use std::process::Stdio;
use std::thread;

use common::capture::{Talk, response};
use common::{dissect, ledger_fault};
use serde_json::Value;
use wait4::Wait4;

const HOURS: u64 = 8;

/// What the core keeps of all streams to compare copies with, in KiB: allocated at once, and touched bit by bit.
const KEPT: u64 = 8 << 10;

/// Runs over a capture of eight hours and so many connections, of which one in four stays open; returns the peak of its
/// memory in KiB, and its last record.
fn read(connections: u64, options: &[&str]) -> (u64, Value) {
    let mut command = dissect();
    command.args(["-r", "-", "-T", "json"]).args(options);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut into = BufWriter::with_capacity(1 << 20, child.stdin.take().unwrap());
    let mut stdout = child.stdout.take().unwrap();
    let last = thread::spawn(move || {
        let (mut piece, mut tail) = (vec![0; 1 << 16], Vec::new());
        while let Ok(read @ 1..) = stdout.read(&mut piece) {
            tail.extend_from_slice(&piece[..read]);
            let begin = tail[..tail.len() - 1].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            tail.drain(..begin);
        }
        tail
    });
    let talk = |ends: bool| {
        let talk = Talk::new(1).exchange(b"GET /hours HTTP/1.1\r\nHost: a.test\r\n\r\n", &response("", &[b'x'; 500]));
        if ends { talk.close() } else { talk }.packets
    };
    let frames =
        [false, true].map(|ends| talk(ends).iter().map(|packet| (packet.time, packet.bytes())).collect::<Vec<_>>());
    let header: [u32; 6] = [0xa1b2_3c4d, 4 << 16 | 2, 0, 0, 1 << 18, 1];
    into.write_all(&header.map(u32::to_le_bytes).concat()).unwrap();
    for n in 0..connections {
        let begins = n * (HOURS * 3_600_000_000_000 / connections);
        for (time, bytes) in &frames[usize::from(n % 4 != 0)] {
            let (time, len) = (begins + *time as u64, bytes.len() as u32);
            let (secs, nanos) = (1_700_000_000 + time / 1_000_000_000, time % 1_000_000_000);
            let mut bytes = bytes.clone();
            // Another client with another port: the third octet of its address, and its port.
            let (address, port) = if bytes[29] == 1 { (28, 34) } else { (32, 36) };
            bytes[address] = (n >> 16) as u8;
            bytes[port..port + 2].copy_from_slice(&(n as u16).to_be_bytes());
            into.write_all(&[secs as u32, nanos as u32, len, len].map(u32::to_le_bytes).concat()).unwrap();
            into.write_all(&bytes).unwrap();
        }
    }
    drop(into);
    let tail = last.join().unwrap();
    let ended = child.wait4().unwrap();
    assert!(ended.status.success());
    let end: Value = serde_json::from_slice(&tail).unwrap();
    assert_eq!(ledger_fault(&end), None);
    assert_eq!(end["totals"]["messages"], 2 * connections);
    (ended.rusage.maxrss / 1024, end)
}

fn stays_flat(few: u64, options: &[&str]) {
    let (short, _) = read(few, options);
    let (long, end) = read(few * 10, options);
    println!("{few} connections: {short} KiB; ten times as many: {long} KiB; {}", end["totals"]);
    assert!(long <= short + short / 10 + KEPT, "{short} KiB, and {long} KiB for ten times as much");
    assert!(end["totals"]["forgotten"].as_u64().unwrap() > 0, "{end}");
}

#[test]
fn memory_is_flat_over_hours() {
    stays_flat(6_000, &["--limit", "connections=1K", "--limit", "closed=512"]);
}

#[test]
#[ignore = "it takes minutes"]
fn memory_is_flat_over_hours_with_the_bounds_as_they_are() {
    stays_flat(800_000, &[]);
}
