//! Runs `dissect` on an attack, and holds that time, memory, exit code and what is told are as they should be.

use std::io::Read;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use wait4::Wait4;

use crate::common::ledger_fault;
use crate::wire::Wire;

/// An attack on time and memory.
pub struct Attack {
    /// Writes `n` of what it sends.
    pub write: fn(&mut Wire, usize),
    /// `n` of the short run, which the long one has four times.
    pub n: usize,
    /// `n` of the table.
    pub full: usize,
    /// What is run, before `-r -`.
    pub arguments: &'static str,
    /// Bounds that are lowered in the short runs, so that they are reached there.
    pub lowered: &'static str,
    /// The most memory, in MB, whatever `n` is.
    pub memory: u64,
    /// The exit code.
    pub code: i32,
    /// How the output says what was given up, or what it was.
    pub tells: Tells,
}

/// What is in the output.
pub enum Tells {
    /// This text.
    Text(&'static str),
    /// A number above 0 of this name in `totals`.
    Total(&'static str),
    /// Bytes of this class of the ledger.
    Class(&'static str),
}

/// What a run took.
pub struct Used {
    pub frames: u64,
    pub user: Duration,
    pub wall: Duration,
    /// Most memory, in MB.
    pub memory: u64,
}

/// No run takes longer, however slow the machine.
const SECONDS: &str = "300";

impl Attack {
    /// The short runs: time grows as `n` does, and memory does not.
    pub fn is_bounded(&self, name: &str) {
        let arguments = format!("{} {}", self.arguments, self.lowered);
        let mut seen = Vec::new();
        // Another process may disturb one measurement, not all of them.
        for _ in 0..4 {
            let [short, long] = [self.n, 4 * self.n].map(|n| self.run(name, &arguments, n));
            let least = short.user.max(Duration::from_millis(10));
            // Time that grows with the square of n is sixteen times as much.
            println!("{name}: {:?} {} MB, {:?} {} MB", short.wall, short.memory, long.wall, long.memory);
            if long.user < least * 8 {
                return;
            }
            seen.push([short.user, long.user]);
        }
        panic!("{name}: time for {} and for four times as many: {seen:?}", self.n);
    }

    /// One run, as it has to be.
    pub fn run(&self, name: &str, arguments: &str, n: usize) -> Used {
        let begun = Instant::now();
        let mut command = Command::new("timeout");
        command.args([SECONDS, env!("CARGO_BIN_EXE_dissect")]).args(arguments.split_whitespace()).args(["-r", "-"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it can be run");
        let (stdin, stdout, stderr) = (child.stdin.take().unwrap(), child.stdout.take(), child.stderr.take());
        let write = self.write;
        let writer = thread::spawn(move || {
            let mut wire = Wire::new(Box::new(stdin));
            write(&mut wire, n);
            wire.frames
        });
        let needle = match self.tells {
            Tells::Text(text) => text,
            _ => "",
        };
        let reader = thread::spawn(move || Output::read(stdout.unwrap(), needle));
        let complaint = thread::spawn(move || Output::read(stderr.unwrap(), "").last);
        let (output, complaint) = (reader.join().unwrap(), complaint.join().unwrap());
        let frames = writer.join().unwrap();
        let end = child.wait4().unwrap();
        let wall = begun.elapsed();
        let what = format!("{name}: dissect {arguments}, n = {n}");
        assert_eq!(end.status.code(), Some(self.code), "{what}: {complaint}");
        output.agrees(self, n, &what);
        let memory = end.rusage.maxrss >> 20;
        assert!(memory < self.memory, "{what}: {memory} MB");
        Used { frames, user: end.rusage.utime, wall, memory }
    }
}

/// What was written: too much to be kept.
struct Output {
    /// Whether the text that was looked for is in it.
    has: bool,
    /// Its end.
    last: String,
}

/// More than the last record has.
const KEPT: usize = 16 << 10;

impl Output {
    fn read(mut from: impl Read, needle: &str) -> Self {
        let (mut kept, mut has) = (Vec::new(), false);
        let mut block = vec![0; 64 << 10];
        while let Ok(len @ 1..) = from.read(&mut block) {
            kept.extend(&block[..len]);
            has |= !needle.is_empty() && memchr::memmem::find(&kept, needle.as_bytes()).is_some();
            kept.drain(..kept.len().saturating_sub(KEPT));
        }
        Self { has, last: String::from_utf8_lossy(&kept).into_owned() }
    }

    /// Holds that the ledger, where there is one, adds up, and that it is told what was given up, of which the shortest
    /// run may not have enough.
    fn agrees(&self, attack: &Attack, n: usize, what: &str) {
        let line = self.last.trim_end().rsplit('\n').next().unwrap_or_default();
        let end: Value = serde_json::from_str(line).unwrap_or_default();
        if end["type"] == "end" && end["ledger"].is_object() {
            assert_eq!(ledger_fault(&end), None, "{what}");
        }
        let count = |value: &Value| value.as_u64() > Some(0);
        let told = match attack.tells {
            Tells::Text(_) => self.has,
            Tells::Total(name) => count(&end["totals"][name]),
            Tells::Class(name) => count(&end["ledger"][name]),
        };
        assert!(told || n == attack.n, "{what}: not told: {line}");
    }
}
