//! Live capture under load: a sender on one end of a veth pair, `dissect -i` on the other, and what became of every frame.
//! Skipped where no such pair can be made, which takes root.

#![cfg(all(target_os = "linux", feature = "live"))]

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use common::wire::Packet;
use common::{dissect, ledger_fault, strings};
use pcap::{Active, Capture};
use serde_json::Value;

/// How long one load lasts at most.
const LOAD: Duration = Duration::from_millis(1500);
/// What a sender that has the machine for itself reaches.
const BITS: f64 = 1e9;
const PACKETS: f64 = 200_000.0;

/// A pair of interfaces; it goes with it.
struct Pair {
    name: String,
    sender: Capture<Active>,
    /// One load at a time.
    _turn: MutexGuard<'static, ()>,
}

impl Pair {
    /// None, with the reason printed, where it cannot be made.
    fn make() -> Option<Self> {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let name = format!("load{}", std::process::id() % 100_000);
        let _ = Command::new("ip").args(["link", "delete", &format!("{name}a")]).stderr(Stdio::null()).status();
        let mut steps = vec![format!("link add {name}a type veth peer name {name}b")];
        for end in ["a", "b"] {
            // Nothing but the load.
            steps.push(format!("link set {name}{end} addrgenmode none"));
            steps.push(format!("link set {name}{end} up"));
        }
        for step in steps {
            let output = Command::new("ip").args(step.split(' ')).output();
            if !output.as_ref().is_ok_and(|output| output.status.success()) {
                println!("skipped: `ip {step}` failed, which needs root: {output:?}");
                return None;
            }
        }
        let sender = Capture::from_device(&format!("{name}a")[..]).unwrap().buffer_size(1 << 20).open().unwrap();
        Some(Self { name, sender, _turn: turn })
    }

    /// The program on the other end, once it listens.
    fn listen(&self, options: &[&str], stdout: Stdio) -> Child {
        let mut command = dissect();
        command.args(["-i", &format!("{}b", self.name)]).args(options);
        let child = command.stdin(Stdio::null()).stdout(stdout).stderr(Stdio::piped()).spawn().unwrap();
        let begun = Instant::now();
        // It answers once it is open and its threads run.
        while !is_reading(&child) {
            assert!(begun.elapsed() < Duration::from_secs(20), "it does not listen");
            thread::sleep(Duration::from_millis(20));
        }
        child
    }

    /// Sends these frames over and over, each time of other ports, for as long as a load lasts; returns how many.
    fn send(&mut self, frames: &mut [Vec<u8>], most: u64) -> (u64, u64) {
        let (begun, mut sent, mut bytes) = (Instant::now(), 0, 0);
        for round in 0_u16.. {
            for frame in &mut *frames {
                // The client's port, which is the first where it sends.
                let at = if frame[29] == 1 { 34 } else { 36 };
                frame[at..at + 2].copy_from_slice(&(1024 + round % 60_000).to_be_bytes());
                while self.sender.sendpacket(&frame[..]).is_err() {
                    thread::yield_now();
                }
                bytes += frame.len() as u64;
                sent += 1;
            }
            if begun.elapsed() >= LOAD || sent >= most {
                break;
            }
        }
        let seconds = begun.elapsed().as_secs_f64();
        let (packets, bits) = (sent as f64 / seconds, bytes as f64 * 8.0 / seconds);
        println!("{sent} frames in {seconds:.2} s: {packets:.0} packets/s, {:.2} Gbit/s", bits / 1e9);
        if packets < PACKETS && bits < BITS {
            println!("the sender did not reach its rate: the machine is busy");
        }
        (sent, self.counter("rx_packets"))
    }

    fn counter(&self, name: &str) -> u64 {
        let path = format!("/sys/class/net/{}b/statistics/{name}", self.name);
        fs::read_to_string(path).unwrap().trim().parse().unwrap()
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["link", "delete", &format!("{}a", self.name)]).stderr(Stdio::null()).status();
    }
}

/// Whether the thread that reads the interface runs.
fn is_reading(child: &Child) -> bool {
    let threads = fs::read_dir(format!("/proc/{}/task", child.id())).into_iter().flatten().flatten();
    { threads }.any(|task| fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name.trim() == "reader"))
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap().success());
}

/// A connection with its handshake, exchanges of a request and a response with a body of this length, and its end.
fn connection(exchanges: usize, body: usize) -> Vec<Vec<u8>> {
    let request = b"GET /load HTTP/1.1\r\nHost: load.test\r\n\r\n";
    let mut response = format!("HTTP/1.1 200 OK\r\nContent-Length: {body}\r\n\r\n").into_bytes();
    response.resize(response.len() + body, b'x');
    let (mut next, mut frames) = ([1000_u32, 5000], Vec::new());
    let mut packet = |from: usize, payload: &[u8], change: fn(&mut Packet)| {
        let mut packet = Packet::new(from, next[from], Some(next[1 - from]), payload);
        change(&mut packet);
        next[from] = packet.next_seq();
        frames.push(packet.bytes());
    };
    packet(0, b"", |packet| (packet.syn, packet.ack) = (true, None));
    packet(1, b"", |packet| packet.syn = true);
    packet(0, b"", |_| ());
    for _ in 0..exchanges {
        packet(0, request, |_| ());
        response.chunks(1460).for_each(|piece| packet(1, piece, |_| ()));
        packet(0, b"", |_| ());
    }
    packet(1, b"", |packet| packet.fin = true);
    packet(0, b"", |packet| packet.fin = true);
    packet(1, b"", |_| ());
    frames
}

/// Options that leave a program without optimisation, on a machine that is busy otherwise, the time that it takes.
const ROOM: &[&str] = if cfg!(debug_assertions) { &["-B", "131072", "--limit", "blocks=1G"] } else { &[] };

fn records(stdout: impl Read) -> Vec<Value> {
    BufReader::new(stdout).lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect()
}

/// Processor time, in ticks: that all processors had, that was spent on anything, and that of it which this test and its
/// child spent.
fn ticks(child: &Child) -> [u64; 3] {
    let read = |path: &str| -> Vec<u64> {
        let text = fs::read_to_string(path).unwrap();
        // Names, which may have spaces, are in brackets.
        let numbers = text.lines().next().unwrap().rsplit(')').next().unwrap().split_whitespace();
        numbers.skip(1).map_while(|number| number.parse().ok().map(i64::unsigned_abs)).collect()
    };
    // User, nice, system, idle, waiting, interrupts, softirqs, stolen: proc_stat(5).
    let all = &read("/proc/stat")[..8];
    // Behind the name, the state comes first: proc_pid_stat(5).
    let of = |id: u32| read(&format!("/proc/{id}/stat"))[10..12].iter().sum::<u64>();
    let total = all.iter().sum::<u64>();
    [total, total - all[3] - all[4], of(std::process::id()) + of(child.id())]
}

/// Whether others took more than a quarter of the machine since then.
fn is_shared(child: &Child, before: [u64; 3]) -> bool {
    let now = ticks(child);
    let [total, busy, own] = [0, 1, 2].map(|at| now[at].saturating_sub(before[at]));
    busy.saturating_sub(own) * 4 > total
}

/// What an `end` record says of `sent` frames, of which none may be lost where the machine was not shared with others.
fn judge(what: &str, end: &Value, sent: u64, is_shared: bool) {
    let (frames, drops) = (&end["totals"]["frames"], &end["drops"]);
    println!("{what}: {frames} of {sent} frames, {drops}, {} messages", end["totals"]["messages"]);
    let lost = ["kernel", "interface", "dissect"].map(|who| drops[who].as_u64().unwrap());
    assert_eq!(frames.as_u64().unwrap() + lost.iter().sum::<u64>(), sent, "{what}: {end}");
    assert_eq!(ledger_fault(end), None);
    let busy = fs::read_to_string("/proc/loadavg").unwrap();
    let busy: f64 = busy.split(' ').next().unwrap().parse().unwrap();
    // The load is of a minute, in which this may have been built: by itself it excuses nothing.
    if lost != [0; 3] && is_shared && busy > 4.0 {
        return println!("{what}: lost on a machine that others used, with a load of {busy}, which says nothing");
    }
    assert_eq!(lost, [0; 3], "{what}");
    assert!(end["totals"]["messages"].as_u64().unwrap() > 100 && end["totals"]["incomplete"] == 0, "{end}");
}

#[test]
fn nothing_is_lost_at_the_highest_rate() {
    let Some(mut pair) = Pair::make() else { return };
    for (what, mut frames) in [("full-size", connection(4, 64 << 10)), ("small", connection(40, 2))] {
        for quiet in [true, false] {
            // What it prints for one in four is enough for all of them, and goes the way of `>/dev/null`.
            let options = if quiet { vec!["-T", "json", "-q"] } else { vec!["-T", "json"] };
            let before = pair.counter("rx_packets");
            let mut child = pair.listen(&[&options[..], ROOM].concat(), Stdio::piped());
            let stdout = child.stdout.take().unwrap();
            let last = thread::spawn(move || BufReader::new(stdout).lines().map_while(Result::ok).last());
            let begun = ticks(&child);
            let (sent, after) = pair.send(&mut frames, u64::MAX);
            let is_shared = is_shared(&child, begun);
            thread::sleep(Duration::from_millis(200));
            signal(&child, "INT");
            assert_eq!(child.wait().unwrap().code(), Some(0));
            assert_eq!(after - before, sent, "what the interface counted");
            let end: Value = serde_json::from_str(&last.join().unwrap().unwrap()).unwrap();
            judge(&format!("{what} {options:?}"), &end, sent, is_shared);
        }
    }
}

#[test]
fn what_dissect_drops_is_counted_as_its_own_and_bracketed() {
    let Some(mut pair) = Pair::make() else { return };
    // Nobody reads what it prints, and there is room for little.
    let options = ["-T", "json", "-P", "-B", "131072", "--limit", "blocks=1M"];
    let mut child = pair.listen(&options, Stdio::piped());
    let (sent, _) = pair.send(&mut connection(40, 2), 40_000);
    thread::sleep(Duration::from_millis(500));
    signal(&child, "USR1");
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert!(line.contains(" packets, ") && line.contains(" by dissect"), "{line}");
    signal(&child, "INT");
    let told = records(child.stdout.take().unwrap());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let end = told.last().unwrap();
    let lost = |drops: &Value| ["kernel", "interface", "dissect"].map(|who| drops["drops"][who].as_u64().unwrap());
    let [kernel, interface, own] = lost(end);
    assert!(own > 0 && interface == 0, "{end}");
    assert_eq!(end["totals"]["frames"].as_u64().unwrap() + kernel + own, sent);
    let drops: Vec<&Value> = told.iter().filter(|record| record["type"] == "drops").collect();
    let all = drops.iter().fold([0; 3], |sum, drops| [0, 1, 2].map(|at| sum[at] + lost(drops)[at]));
    assert_eq!(all, [kernel, interface, own], "{drops:?}");
    let first = drops[0];
    let after = first["drops"]["after_frame"].as_u64().unwrap();
    assert!(after > 0 && after <= end["totals"]["frames"].as_u64().unwrap(), "{first}");
    assert!(first["drops"]["since"].as_str() <= first["drops"]["until"].as_str(), "{first}");
    // Those that were under way lack bytes, and say so.
    let lacking = told.iter().filter(|record| record["message"]["integrity"] == "gap");
    let mut issues = lacking.map(|record| strings(&record["message"]["issues"]));
    assert!(issues.all(|issues| issues.contains(&"packets_dropped")));
}

#[test]
fn an_interface_that_goes_down_ends_the_capture() {
    let Some(mut pair) = Pair::make() else { return };
    let saved = tempfile::tempdir().unwrap();
    let saved = saved.path().join("saved.pcap");
    let mut child = pair.listen(&["-T", "json", "-w", saved.to_str().unwrap()], Stdio::piped());
    let (sent, _) = pair.send(&mut connection(2, 2), 1);
    thread::sleep(Duration::from_millis(300));
    assert!(Command::new("ip").args(["link", "set", &format!("{}b", pair.name), "down"]).status().unwrap().success());
    let told = records(child.stdout.take().unwrap());
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{stderr}");
    assert!(stderr.contains("b went down"), "{stderr}");
    assert_eq!(told.last().unwrap()["totals"]["frames"], sent);
    assert_eq!(told.last().unwrap()["totals"]["messages"], 4);
    let read = common::run(dissect().args(["-q", "-T", "json", "-r"]).arg(&saved));
    assert_eq!(read.records().last().unwrap()["totals"]["frames"], sent);
}

#[test]
fn several_interfaces_come_in_the_order_of_time() {
    let Some(mut pair) = Pair::make() else { return };
    let other = format!("{}a", pair.name);
    let child = pair.listen(&["-i", &other, "-T", "json", "-P", "--strict"], Stdio::piped());
    let (sent, _) = pair.send(&mut connection(20, 2), 1);
    thread::sleep(Duration::from_millis(300));
    signal(&child, "INT");
    let output = child.wait_with_output().unwrap();
    let told = records(&output.stdout[..]);
    let times: Vec<&str> = told.iter().filter_map(|record| record["frame"]["time_epoch"].as_str()).collect();
    assert_eq!(times.len() as u64, 2 * sent, "each frame leaves one end and comes to the other");
    assert!(times.is_sorted());
}
