//! Captures altered at random, as bytes and as records, through every view of the real binary: no crash, no run that
//! hangs, no account that does not add up, no memory beyond its bound.
//!
//! `cargo test --release --test mutations -- --ignored --nocapture` runs forty thousand (or `MUTATIONS`), from the seed
//! `MUTATIONS_SEED`, and keeps what fails in the folder for temporary files.

mod common;

use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, fs};

use common::wire::Random;
use common::{ledger_fault, side_by_side};
use serde_json::Value;
use wait4::Wait4;

/// What is asked in turn, before `-r -`.
const VIEWS: [&str; 10] = [
    "-T json -P --strict",
    "-q --strict",
    "connections -T json --strict",
    "stats -T json --strict",
    "page",
    "follow 0 --raw",
    "check",
    "-T json --hash --verify-checksums",
    "-vv -X -P --color always",
    "follow 1 -v",
];

/// Time of a processor that no run takes.
const TIME: Duration = Duration::from_secs(10);

/// Seconds in which any run ends, however busy the machine is.
const PATIENCE: &str = "100";

/// The most memory of a run, in MB: several times what any takes.
const MEMORY: u64 = 200;

/// What is altered, and what it is altered with. It is not kept: a child's memory begins with what its parent has.
struct Corpus {
    captures: Vec<PathBuf>,
}

impl Corpus {
    /// The captures from elsewhere where they are there, and those of the project, up to a size.
    fn new(most: u64) -> Self {
        let mut captures = [common::shared_captures(), common::fixtures()].concat();
        captures.retain(|path| fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() <= most));
        Self { captures }
    }

    /// One of them.
    fn any(&self, random: &mut Random) -> (&Path, File) {
        let path = &self.captures[random.below(self.captures.len())];
        (path, File::split(&fs::read(path).unwrap()))
    }

    /// An altered capture: the same for the same number.
    fn mutation(&self, number: u64) -> (&Path, Vec<u8>) {
        let mut random = Random(number);
        let (path, mut file) = self.any(&mut random);
        for _ in 0..=random.below(4) {
            self.alter(&mut file, &mut random);
        }
        let mut bytes = file.joined();
        // Bits anywhere, and an end anywhere.
        for _ in 0..random.below(8).saturating_sub(3).min(bytes.len()) {
            let at = random.below(bytes.len());
            bytes[at] ^= 1 << random.below(8);
        }
        if random.once_in(8) {
            bytes.truncate(random.below(bytes.len() + 1));
        }
        (path, bytes)
    }

    fn alter(&self, file: &mut File, random: &mut Random) {
        if file.records.is_empty() {
            return;
        }
        let at = random.below(file.records.len());
        let other = random.below(file.records.len());
        match random.below(10) {
            0 => file.records.swap(at, other),
            1 => file.records.insert(other, file.records[at].clone()),
            2 => drop(file.records.remove(at)),
            3 => file.records[at.min(other)..at.max(other)].reverse(),
            // The rest of another capture, of whatever kind it is.
            4 => {
                let donor = self.any(random).1;
                let from = random.below(donor.records.len() + 1);
                file.records.truncate(at);
                file.records.extend(donor.records.into_iter().skip(from));
            }
            // Shorter than it says.
            5 => {
                let len = random.below(file.records[at].len() + 1);
                file.records[at].truncate(len);
            }
            // A frame that was cut, whose record is right.
            6 if file.is_pcap => {
                let record = &mut file.records[at];
                let len = 16 + random.below(record.len().saturating_sub(16) + 1);
                record.truncate(len);
                if let Some(field) = record.get_mut(8..12) {
                    field.copy_from_slice(&((len - 16) as u32).to_le_bytes());
                }
            }
            // A number that is odd, in what the file says or in the headers.
            7 => {
                let numbers = [0, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX, 0xffff, 0x1_0000, random.number() as u32];
                let number = numbers[random.below(numbers.len())].to_le_bytes();
                let size = [1, 2, 4][random.below(3)];
                let record = &mut file.records[at];
                let place = random.below(90.min(record.len()).max(1));
                if let Some(field) = record.get_mut(place..place + size) {
                    field.copy_from_slice(&number[..size]);
                }
            }
            // Bytes, of the headers more often than of what they carry.
            _ => {
                let record = &mut file.records[at];
                for _ in 0..random.below(6).min(record.len()) {
                    let limit = if random.once_in(2) { record.len() } else { record.len().min(100) };
                    let place = random.below(limit);
                    record[place] = random.number() as u8;
                }
            }
        }
    }
}

/// A capture file in parts.
struct File {
    head: Vec<u8>,
    records: Vec<Vec<u8>>,
    /// Whether it is a pcap of little-endian numbers.
    is_pcap: bool,
}

impl File {
    /// Its records as far as they can be told; of a file that is no capture as it stands, pieces.
    fn split(bytes: &[u8]) -> Self {
        let word = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?) as usize);
        let magic = word(0).unwrap_or(0);
        let is_pcap = [0xa1b2_c3d4, 0xa1b2_3c4d].contains(&magic);
        let (mut at, mut records) = (if is_pcap { bytes.len().min(24) } else { 0 }, Vec::new());
        let head = bytes[..at].to_vec();
        while at < bytes.len() {
            let len = match magic {
                _ if is_pcap => word(at + 8).map(|len| len.saturating_add(16)),
                0x0a0d_0d0a => word(at + 4),
                _ => Some(512),
            };
            let len = len.unwrap_or(usize::MAX).clamp(4, bytes.len() - at);
            records.push(bytes[at..at + len].to_vec());
            at += len;
        }
        Self { head, records, is_pcap }
    }

    fn joined(&self) -> Vec<u8> {
        [&self.head[..], &self.records.concat()].concat()
    }
}

/// What a run took.
struct Used {
    /// Of a processor.
    time: Duration,
    /// Most memory, in MB.
    memory: u64,
}

/// What a view of a capture comes to, or what is wrong with it.
fn view(arguments: &str, bytes: &[u8]) -> Result<Used, String> {
    let [mut input, mut told, mut complaint] = [(); 3].map(|()| tempfile::tempfile().unwrap());
    input.write_all(bytes).and_then(|()| input.rewind()).unwrap();
    let mut command = Command::new("timeout");
    command.args([PATIENCE, env!("CARGO_BIN_EXE_dissect")]).args(arguments.split_whitespace()).args(["-r", "-"]);
    let [stdout, stderr] = [&told, &complaint].map(|file| Stdio::from(file.try_clone().unwrap()));
    let mut child = command.stdin(input).stdout(stdout).stderr(stderr).spawn().expect("it can be run");
    let end = child.wait4().unwrap();
    let [told, complaint] = [&mut told, &mut complaint].map(|file| {
        let mut bytes = Vec::new();
        file.rewind().and_then(|()| file.read_to_end(&mut bytes)).unwrap();
        bytes
    });
    let complaint = String::from_utf8_lossy(&complaint);
    if !matches!(end.status.code(), Some(0..=4)) || complaint.contains("panicked") {
        return Err(format!("{}: {complaint}", end.status));
    }
    let used = Used { time: end.rusage.utime + end.rusage.stime, memory: end.rusage.maxrss >> 20 };
    if used.memory > MEMORY || used.time > TIME {
        return Err(format!("{} MB, {:?}", used.memory, used.time));
    }
    let told = std::str::from_utf8(&told).map_err(|error| error.to_string());
    // Bytes of the capture as they are need be none.
    let told = if arguments.contains("--raw") { "" } else { told? };
    let last = told.trim_end().rsplit('\n').next().unwrap_or_default();
    if arguments.contains("json") && !told.is_empty() {
        let end: Value = serde_json::from_str(last).map_err(|error| format!("{error}: {last}"))?;
        if end["type"] != "end" || ledger_fault(&end).is_some() {
            return Err(format!("the end is {last}"));
        }
    }
    if let Some(line) = told.lines().find(|line| line.starts_with("TCP payload") && line.contains("unexplained")) {
        return Err(line.to_owned());
    }
    Ok(used)
}

/// Takes mutations of these numbers each through one view, in turn. Returns what failed, and the longest and largest run.
fn sweep(corpus: &Corpus, numbers: impl Iterator<Item = u64>) -> (Vec<String>, Used) {
    let mut most = Used { time: Duration::ZERO, memory: 0 };
    let mut faults = Vec::new();
    for number in numbers {
        let (path, bytes) = corpus.mutation(number);
        let arguments = VIEWS[(number % VIEWS.len() as u64) as usize];
        match view(arguments, &bytes) {
            Ok(used) => {
                most = Used { time: most.time.max(used.time), memory: most.memory.max(used.memory) };
            }
            Err(fault) => {
                let kept = env::temp_dir().join(format!("mutation-{number}.pcap"));
                let _ = fs::write(&kept, &bytes);
                let fault = format!("{number} ({}, dissect {arguments} < {}): {fault}", path.display(), kept.display());
                println!("{fault}");
                faults.push(fault);
            }
        }
        if number % 1000 == 999 {
            println!("up to {number}: {} faults, at most {:?} and {} MB", faults.len(), most.time, most.memory);
        }
    }
    (faults, most)
}

#[test]
fn a_few_mutations_are_told_whole() {
    let corpus = Corpus::new(64 << 10);
    let faults = side_by_side(&[0..100, 100..200], |numbers| sweep(&corpus, numbers.clone()).0).concat();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
#[ignore = "half an hour, for a release build"]
fn forty_thousand_mutations_are_told_whole() {
    let number = |name: &str| env::var(name).ok().and_then(|number| number.parse().ok());
    let (seed, count) = (number("MUTATIONS_SEED").unwrap_or(0), number("MUTATIONS").unwrap_or(40_000));
    let corpus = Corpus::new(1 << 20);
    let (faults, most) = sweep(&corpus, seed..seed + count);
    let captures = corpus.captures.len();
    println!("{count} mutations of {captures} captures: at most {:?} and {} MB", most.time, most.memory);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
