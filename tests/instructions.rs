//! Instructions for a frame, by room, against a table, and their growth with the length of the worst traces: what a
//! slow-down shows in, however busy the machine is.

mod common;
#[path = "../benches/traces/mod.rs"]
mod traces;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;

use common::side_by_side;
use traces::{Kind, Worst};

/// Frames of the traces of the table, nearly.
const FRAMES: u64 = 2500;
/// Frames of the shorter one of two of the worst.
const FEW: u64 = 1500;
/// Ten times the frames may take so many times the instructions.
const MOST_GROWTH: f64 = 11.5;
/// A count may be above the table's by this share of it, and by this share of the whole run: code moves between rooms
/// when it is inlined elsewhere.
const TOLERANCE: f64 = 0.05;
const TOLERANCE_OF_TOTAL: f64 = 0.005;

/// Instructions by room, and `total`.
type Counts = BTreeMap<String, f64>;

#[test]
fn instructions_are_those_of_the_table() {
    let Some(dissect) = optimised() else { return };
    let folder = tempfile::tempdir().unwrap();
    let start = count(&dissect, &["-q"], &trace(folder.path(), Kind::Worst(Worst::Newcomers), 0).0);
    let formats = [Kind::Mix, Kind::Small].into_iter().flat_map(|kind| [(kind, "-Tjson"), (kind, "-Ttext")]);
    let runs: Vec<_> = Kind::ALL.into_iter().map(|kind| (kind, "-q")).chain(formats).collect();
    let rows = side_by_side(&runs, |(kind, option)| {
        let (path, frames) = trace(folder.path(), *kind, FRAMES);
        let counts = count(&dissect, &[*option], &path);
        let each = |(room, count): (String, f64)| {
            let count = (count - start.get(&room).unwrap_or(&0.0)) / frames as f64;
            (format!("{} {option} {room}", kind.name()), count.round())
        };
        // What rooms a format shares with -q is told there.
        let told = counts.into_iter().filter(|(room, _)| *option == "-q" || room == "print" || room == "total");
        told.map(each).filter(|(_, count)| *count >= 1.0).collect::<Counts>()
    });
    let counted: Counts = rows.into_iter().flatten().collect();
    compare(&counted);
}

#[test]
fn the_worst_traces_cost_in_proportion() {
    let Some(dissect) = optimised() else { return };
    let folder = tempfile::tempdir().unwrap();
    let total = |kind, frames| count(&dissect, &["-q"], &trace(folder.path(), kind, frames).0)["total"];
    let start = total(Kind::Worst(Worst::Newcomers), 0);
    let growths = side_by_side(&Worst::ALL, |worst| {
        let [few, many] = [FEW, FEW * 10].map(|frames| total(Kind::Worst(*worst), frames) - start);
        println!("{}: {:.0} and {:.0} instructions a frame", worst.name(), few / 1500.0, many / 15_000.0);
        (worst.name(), many / few)
    });
    let wrong: Vec<_> = growths.iter().filter(|(_, growth)| *growth > MOST_GROWTH).collect();
    assert!(wrong.is_empty(), "ten times the frames take so many times the instructions: {wrong:?}");
}

/// The binary, optimised and with line numbers; none, with the reason printed, where nothing can be counted.
fn optimised() -> Option<PathBuf> {
    // The second test waits for the first to build it.
    static BUILDING: Mutex<()> = Mutex::new(());
    let _building = BUILDING.lock();
    if !common::installed("valgrind") {
        println!("skipped: valgrind is not installed");
        return None;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("counted");
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--profile", "counted", "--no-default-features", "--bin", "dissect"]);
    build.arg("--target-dir").arg(&folder).current_dir(env!("CARGO_MANIFEST_DIR"));
    assert!(build.status().expect("cargo runs").success(), "{build:?}");
    Some(folder.join("counted/dissect"))
}

/// Writes a trace, and tells how many frames it has.
fn trace(folder: &Path, kind: Kind, frames: u64) -> (PathBuf, u64) {
    let path = folder.join(format!("{}-{frames}.pcap", kind.name()));
    // Two runs may write it at the same time.
    let own = folder.join(format!("{:?}-{}-{frames}", thread::current().id(), kind.name()));
    let written = traces::write(kind, frames, 1, File::create(&own).unwrap()).unwrap();
    fs::rename(own, &path).unwrap();
    (path, written.frames)
}

/// The instructions of a run, by the room whose lines they are of, whichever function these were inlined into;
/// `library` is what is not ours.
fn count(dissect: &Path, options: &[&str], trace: &Path) -> Counts {
    let out = tempfile::NamedTempFile::new().unwrap();
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--compress-strings=no", "--compress-pos=no"]);
    command.arg(format!("--callgrind-out-file={}", out.path().display()));
    // valgrind's own system calls are those of the process, which shuts itself in otherwise.
    command.arg(dissect).arg("--no-sandbox").args(options).arg("-r").arg(trace).env("TZ", "UTC");
    let told = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).output().unwrap();
    assert!(told.status.success(), "{command:?}: {}", String::from_utf8_lossy(&told.stderr));
    by_room(&fs::read_to_string(out.path()).unwrap())
}

/// Adds up what callgrind wrote.
fn by_room(profile: &str) -> Counts {
    let mut counts = Counts::new();
    let mut room = String::new();
    let mut is_call = false;
    for line in profile.lines() {
        if let Some(file) = ["fl=", "fi=", "fe="].iter().find_map(|key| line.strip_prefix(key)) {
            room = room_of(file).to_owned();
        } else if line.starts_with("calls=") {
            is_call = true;
        } else if line.starts_with(|c: char| c.is_ascii_digit()) {
            let cost = line.split_once(' ').and_then(|(_, cost)| cost.parse::<f64>().ok());
            // The line after a call has what the callee took, which stands there too.
            if !std::mem::take(&mut is_call) {
                let cost = cost.unwrap_or_else(|| panic!("{line}"));
                *counts.entry(room.clone()).or_default() += cost;
                *counts.entry("total".into()).or_default() += cost;
            }
        }
    }
    assert!(counts.contains_key("total"), "callgrind counted nothing");
    counts
}

fn room_of(file: &str) -> &str {
    let ours = file.strip_prefix(env!("CARGO_MANIFEST_DIR")).map_or(file, |rest| rest.trim_start_matches('/'));
    match ours.strip_prefix("src/") {
        Some(path) => path.split(['/', '.']).next().unwrap_or(path),
        None => "library",
    }
}

fn compare(counted: &Counts) {
    let path = common::path("tests/instructions.txt");
    let compiler = rustc();
    if std::env::var_os("DISSECT_BLESS").is_some() {
        let mut text = format!("{compiler}\n");
        counted.iter().for_each(|(name, count)| writeln!(text, "{name} {count}").unwrap());
        return fs::write(path, text).unwrap();
    }
    let text = fs::read_to_string(path).unwrap();
    let (of, table) = text.split_once('\n').unwrap();
    if of != compiler {
        return println!("skipped: the table is of {of}, and this is {compiler}");
    }
    let rows = table.lines().map(|line| line.rsplit_once(' ').unwrap());
    let known: Counts = rows.map(|(name, count)| (name.to_owned(), count.parse().unwrap())).collect();
    let total = |name: &str| known.get(&format!("{} total", name.rsplit_once(' ').unwrap().0)).copied().unwrap_or(0.0);
    let mut slower = String::new();
    for (name, count) in counted {
        let before = known.get(name).copied().unwrap_or(0.0);
        let allowed = before * TOLERANCE + total(name) * TOLERANCE_OF_TOTAL;
        if *count > before + allowed {
            writeln!(slower, "{name}: {before} instructions a frame before, {count} now").unwrap();
        } else if *count < before - allowed {
            println!("{name}: {before} instructions a frame before, {count} now");
        }
    }
    assert!(slower.is_empty(), "slower (DISSECT_BLESS=1 takes it):\n{slower}");
}

/// The compiler: another one gives other counts.
fn rustc() -> String {
    let output = Command::new("rustc").arg("-Vv").output().expect("rustc runs");
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().filter(|line| line.starts_with("rustc ") || line.starts_with("host: "));
    lines.collect::<Vec<_>>().join(", ")
}
