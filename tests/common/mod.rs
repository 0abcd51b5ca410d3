//! What the tests share: the binary and its records, captures, tshark.

// Each test uses a part of it.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::io::Read;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use proptest::prelude::ProptestConfig;
use proptest::test_runner::RngSeed;
use serde_json::Value;

pub mod capture;
pub mod tshark;
pub mod wire;

/// A run that takes longer hangs.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// Every report on a capture by rules.
pub const REPORTS: [&str; 7] = [
    "check RULES -r CAPTURE",
    "check RULES -r CAPTURE -T json",
    "check RULES -r CAPTURE -T junit",
    "check RULES -r CAPTURE -T markdown",
    "check RULES -r CAPTURE -T tap",
    "check RULES -r CAPTURE -T csv",
    "check RULES -r CAPTURE -T gradescope",
];

/// A file of the project.
pub fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The captures of `fixtures/`, by name.
pub fn fixtures() -> Vec<PathBuf> {
    let is_capture = |path: &PathBuf| path.to_string_lossy().contains(".pcap");
    let mut all: Vec<PathBuf> =
        std::fs::read_dir(path("fixtures")).unwrap().map(|file| file.unwrap().path()).filter(is_capture).collect();
    all.sort();
    assert!(all.len() > 100, "fixtures are missing");
    all
}

/// The captures of `../shared/captures`, which need not be there.
pub fn shared_captures() -> Vec<PathBuf> {
    let folders = std::fs::read_dir(path("../shared/captures")).into_iter().flatten().flatten();
    let mut all: Vec<PathBuf> = folders
        .filter_map(|folder| std::fs::read_dir(folder.path()).ok())
        .flat_map(|files| files.flatten().map(|file| file.path()))
        .collect();
    all.sort();
    all
}

/// The captures from elsewhere that tshark is asked of, and whether they are all: it takes longer to start than to read
/// one, so that it is asked of every second one unless `DISSECT_EVERY_CAPTURE` is set.
pub fn compared_captures() -> (Vec<PathBuf>, bool) {
    let (all, every) = (shared_captures(), std::env::var_os("DISSECT_EVERY_CAPTURE").is_some());
    let captures: Vec<PathBuf> = if every { all } else { all.into_iter().skip(1).step_by(2).collect() };
    let are_all = every && !captures.is_empty();
    (captures, are_all)
}

/// What `act` gives for each of `all`, in their order; two at a time.
pub fn side_by_side<T: Sync, R: Send>(all: &[T], act: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = Mutex::new(0);
    let take = || {
        let mut next = next.lock().unwrap();
        *next += 1;
        *next - 1
    };
    let done = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let index = take()
                    && let Some(item) = all.get(index)
                {
                    let result = act(item);
                    done.lock().unwrap().insert(index, result);
                }
            });
        }
    });
    done.into_inner().unwrap().into_values().collect()
}

/// Does it; where that fails, `what` says on which input.
pub fn attempt(act: impl FnOnce(), what: &dyn Fn() -> String) {
    if let Err(reason) = panic::catch_unwind(AssertUnwindSafe(act)) {
        eprintln!("{}", what());
        panic::resume_unwind(reason);
    }
}

/// The last part of a path.
pub fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// What a run of the binary came to.
pub struct Run {
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Run {
    /// The records of `-T json`.
    pub fn records(&self) -> Vec<Value> {
        let text = std::str::from_utf8(&self.stdout).expect("records are UTF-8");
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
    }
}

/// The binary, with times in UTC.
pub fn dissect() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dissect"));
    command.env("TZ", "UTC").env("NO_COLOR", "1").current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

/// Whether loopback can be captured on; the reason is printed where it cannot.
pub fn captures() -> bool {
    let told = run(dissect().args(["-i", "lo", "-q", "--duration", "1ms"]));
    if told.code != Some(0) {
        println!("skipped: {}", told.stderr);
    }
    told.code == Some(0)
}

/// Runs `command` to its end; a run that takes too long is killed and fails the test.
pub fn run(command: &mut Command) -> Run {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it can be run");
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let stdout = thread::spawn(move || read(stdout));
    let stderr = thread::spawn(move || read(stderr));
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begun.elapsed() > TIMEOUT {
            child.kill().unwrap();
            panic!("{command:?} hangs");
        }
        thread::sleep(Duration::from_millis(1));
    };
    let stderr = String::from_utf8_lossy(&stderr.join().unwrap()).into_owned();
    Run { code: status.code(), stdout: stdout.join().unwrap(), stderr }
}

fn read(from: Option<impl Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    from.unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

/// Why the ledger of an `end` record does not add up.
pub fn ledger_fault(end: &Value) -> Option<String> {
    let ledger = end["ledger"].as_object()?;
    let number = |name: &str| ledger[name].as_i64().unwrap();
    let classes = ledger.keys().filter(|name| !["captured", "missing"].contains(&name.as_str()));
    let sum: i64 = classes.map(|name| number(name)).sum();
    (number("unexplained") != 0 || sum != number("captured")).then(|| format!("ledger {}", end["ledger"]))
}

/// The strings of an array; none where it is absent.
pub fn strings(array: &Value) -> Vec<&str> {
    array.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Whether `command --version` (or `-V`) can be run.
pub fn installed(command: &str) -> bool {
    let quiet = |command: &mut Command| command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    quiet(Command::new(command).arg("--version").stdin(Stdio::null()))
}

/// Random cases that are the same in every run, unless `PROPTEST_RNG_SEED` says otherwise.
pub fn cases(cases: u32) -> ProptestConfig {
    let mut config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_RNG_SEED").is_none() {
        config.rng_seed = RngSeed::Fixed(1);
    }
    config
}
