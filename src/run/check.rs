//! Captures through rules or lints: several at a time, reported in the order in which they were named.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use super::export::document::Document;
use super::{Failure, note};
use crate::check::evaluate::{Outcome, Verdict, judge};
use crate::check::learn::learn;
use crate::check::lint::{Findings, Levels, Lints};
use crate::check::rules::Rules;
use crate::check::trace::{Collector, Options, Trace};
use crate::cli::{Checks, Judge};
use crate::engine::{Engine, Totals};
use crate::event::Sink;
use crate::issue::Severity;
use crate::print::json;
use crate::print::lint;
use crate::print::report::{Format, Graded, Report, Undecided};
use crate::redact::{Both, Redacting};
use crate::sandbox;
use crate::source::{CaptureFile, Error, Kind, Name};

/// Bytes of all bodies that are kept of a capture.
const BODIES: usize = 64 << 20;

/// How deep folders of captures are looked into, and the most captures of one run.
const MAX_DEPTH: usize = 8;
const MAX_CAPTURES: usize = 100_000;

/// Captures that are open at a time: half of the descriptors that a process usually has.
const MAX_OPEN: usize = 512;

/// What the name of a capture in a folder ends with, before what compressed it.
const EXTENSIONS: [&str; 4] = ["pcap", "pcapng", "cap", "dmp"];
const COMPRESSED: [&str; 3] = ["gz", "zst", "lz4"];

/// Stack of a thread that judges: filters name others, and are deep themselves.
const STACK: usize = 16 << 20;

/// Exit codes: all is well, something failed, a capture cannot be read, something is undecided.
const WELL: u8 = 0;
const FAILED: u8 = 1;
const UNREADABLE: u8 = 3;
const UNDECIDED: u8 = 4;

/// A capture that was read.
struct Read<S> {
    sink: S,
    totals: Totals,
    /// Why it was not read to its end.
    cut: Option<Error>,
    /// Frames that it says were dropped.
    dropped: u64,
}

/// A capture that was named, or found in a folder.
struct Capture {
    path: PathBuf,
    /// Its file, or why there is none; nothing where it is opened when its turn comes.
    opened: Mutex<Option<io::Result<File>>>,
}

impl Capture {
    /// What it holds, from its beginning; once.
    fn file(&self) -> Result<CaptureFile, Error> {
        let opened = self.opened.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
        match opened {
            None => CaptureFile::open(&self.path),
            Some(Ok(file)) => CaptureFile::of(file, &self.path),
            Some(Err(reason)) => Err(Error::Open { name: Name::Path(self.path.clone()), reason }),
        }
    }
}

/// Checks captures, reports, and gives the exit code.
pub fn run(checks: &Checks) -> Result<u8, Failure> {
    let mut reach = sandbox::Reach::default();
    let captures = expand(&checks.captures, &mut reach)?;
    let read = captures.iter().map(|capture| capture.path.as_path());
    let report = open(checks.output.as_deref(), read, &mut reach)?;
    super::shut_in(&checks.sandbox, reach)?;
    let (out, code) = match &checks.judge {
        Judge::Rules { rules, format, undecided } => by_rules(checks, rules, *format, *undecided, &captures),
        Judge::Lints { levels, json } => by_lints(checks, levels, *json, &captures),
        Judge::Learn => (learn_from(checks, &captures)?, WELL),
    };
    put(report, &out)?;
    Ok(code)
}

fn by_rules(
    checks: &Checks,
    rules: &Rules,
    format: Format,
    undecided: Undecided,
    captures: &[Capture],
) -> (Vec<u8>, u8) {
    let begun = Instant::now();
    let graded = each(captures, checks.jobs, |capture| grade(checks, rules, capture));
    for graded in &graded {
        graded.outcomes.as_ref().err().into_iter().chain(&graded.cut).for_each(|line| note(line));
    }
    let report = Report {
        rules,
        captures: &graded,
        undecided,
        took: begun.elapsed(),
        color: checks.color && checks.output.is_none(),
        width: checks.width,
    };
    let mut out = Vec::new();
    report.write(format, &mut out);
    let any = |verdict| graded.iter().any(|graded| graded.verdict() == verdict);
    let code = match () {
        () if any(None) => UNREADABLE,
        () if any(Some(Verdict::Failed)) => FAILED,
        () if any(Some(Verdict::Undecided)) => UNDECIDED,
        () => WELL,
    };
    (out, code)
}

fn grade(checks: &Checks, rules: &Rules, capture: &Capture) -> Graded {
    let begun = Instant::now();
    let (outcomes, cut) = match judged(checks, rules, capture) {
        Ok((outcomes, cut)) => (Ok(outcomes), cut),
        Err(error) => (Err(error.to_string()), None),
    };
    let capture = capture.path.to_string_lossy().into_owned();
    Graded { capture, outcomes, cut, took: begun.elapsed() }
}

/// The outcomes for a capture, and why it was not read to its end. Where secrets are masked, rules are asked of what was
/// captured, and what shows how they are met is taken from what is masked.
fn judged(checks: &Checks, rules: &Rules, capture: &Capture) -> Result<(Vec<Outcome>, Option<String>), Error> {
    if !checks.redact {
        let (trace, cut) = gather(checks, rules.hashes, capture)?;
        return Ok((judge(rules, &trace), cut));
    }
    let collector = || Collector::new(options(checks, rules.hashes));
    let both = Both { plain: collector(), masked: Redacting::new(collector(), true) };
    let Read { sink, totals, cut, dropped } = read(checks, capture, both)?;
    let cut = cut.map(|error| error.to_string());
    let judged = |collector: Collector| judge(rules, &collector.finish(&totals, cut.clone(), dropped));
    let mut outcomes = judged(sink.plain);
    for (outcome, masked) in outcomes.iter_mut().zip(judged(sink.masked.sink)) {
        let is_same = outcome.verdict == masked.verdict;
        outcome.evidence = if is_same { masked.evidence } else { Vec::new() };
    }
    Ok((outcomes, cut))
}

fn options(checks: &Checks, hashes: bool) -> Options {
    Options { messages: checks.messages, bodies: BODIES, hashes }
}

/// What a capture holds, and why it was not read to its end.
fn gather(checks: &Checks, hashes: bool, capture: &Capture) -> Result<(Trace, Option<String>), Error> {
    let collector = Collector::new(options(checks, hashes));
    let Read { sink, totals, cut, dropped } = read(checks, capture, Redacting::new(collector, checks.redact))?;
    let cut = cut.map(|error| error.to_string());
    Ok((sink.sink.finish(&totals, cut.clone(), dropped), cut))
}

/// Takes all frames of a capture. One that is damaged further on is read up to there.
fn read<S: Sink>(checks: &Checks, capture: &Capture, mut sink: S) -> Result<Read<S>, Error> {
    let mut file = capture.file()?;
    let mut engine = Engine::new(checks.engine.clone());
    let mut any = false;
    let cut = loop {
        match file.next_batch() {
            Ok(taken) if taken.frames.is_empty() => break None,
            Ok(taken) => {
                any = true;
                taken.drops.iter().for_each(|drops| engine.dropped(*drops));
                engine.push_all(&taken.frames, &mut sink);
            }
            Err(error) if any || error.kind() == Kind::CutShort => break Some(error),
            Err(error) => return Err(error),
        }
    };
    engine.finish(&mut sink);
    let counts = file.interfaces().iter().map(|interface| interface.counts);
    let dropped = counts.flat_map(|counts| [counts.dropped_by_interface, counts.dropped_by_system]).flatten();
    // Its packets and its counters may tell of the same ones.
    let dropped = dropped.fold(0, u64::saturating_add).max(engine.totals().lost.file);
    Ok(Read { sink, totals: engine.totals(), cut, dropped })
}

fn by_lints(checks: &Checks, levels: &Levels, as_json: bool, captures: &[Capture]) -> (Vec<u8>, u8) {
    let found = each(captures, checks.jobs, |capture| linted(checks, levels, capture));
    let options = lint::Options { width: checks.width, color: checks.color && checks.output.is_none() };
    let mut out = Vec::new();
    let mut code = WELL;
    for (Capture { path, .. }, read) in captures.iter().zip(found) {
        let (findings, cut) = match read {
            Ok(read) => read,
            Err(error) => {
                note(&error);
                code = UNREADABLE;
                continue;
            }
        };
        cut.iter().for_each(|error| note(error));
        if findings.iter().any(|finding| finding.severity >= Severity::Error) {
            code = code.max(FAILED);
        }
        findings_of(path, &findings, captures.len() > 1, as_json, options, &mut out);
    }
    (out, code)
}

/// What the lints find, and why the capture was not read to its end.
fn linted(checks: &Checks, levels: &Levels, capture: &Capture) -> Result<(Findings, Option<Error>), Error> {
    let lints = || Lints::new(levels.clone());
    if !checks.redact {
        return read(checks, capture, lints()).map(|read| (read.sink.finish(), read.cut));
    }
    let both = Both { plain: lints(), masked: Redacting::new(lints(), true) };
    let Read { sink, cut, .. } = read(checks, capture, both)?;
    Ok((sink.plain.finish().masked(&sink.masked.sink.finish()), cut))
}

fn findings_of(
    path: &Path,
    findings: &Findings,
    several: bool,
    as_json: bool,
    options: lint::Options,
    out: &mut Vec<u8>,
) {
    if as_json {
        if several {
            let record = serde_json::json!({ "type": "capture", "source": path.to_string_lossy() });
            json::escaped(&format!("{record}\n"), out);
        }
        let mut records = json::Lints::default();
        findings.iter().for_each(|finding| records.finding(finding, out));
        return records.summary(findings, out);
    }
    if several {
        let name = crate::check::rules::source::printable(&path.to_string_lossy());
        out.extend(format!("== {name}\n\n").into_bytes());
    }
    lint::findings(findings, options, out);
    if several {
        out.push(b'\n');
    }
}

fn learn_from(checks: &Checks, captures: &[Capture]) -> Result<Vec<u8>, Failure> {
    let mut text = String::new();
    for capture in captures {
        let (trace, cut) = gather(checks, true, capture)?;
        cut.iter().for_each(|line| note(line));
        let name = capture.path.file_name().unwrap_or(capture.path.as_os_str());
        text.push_str(&learn(&trace, &name.to_string_lossy()));
    }
    Ok(text.into_bytes())
}

/// Does the same with each capture, several at a time; what comes of it is in their order.
fn each<T: Send>(captures: &[Capture], jobs: usize, act: impl Fn(&Capture) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(captures.len()));
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(capture) = captures.get(at) else { return };
            let result = act(capture);
            // A thread that panics ends the program, so that no lock is left poisoned by one.
            done.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push((at, result));
        }
    };
    thread::scope(|scope| {
        let threads = jobs.min(captures.len());
        let spawned =
            (0..threads).filter(|_| thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work).is_ok());
        if spawned.count() == 0 {
            work();
        }
    });
    let mut done = done.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

/// The captures, with those in folders in the order of their names. They are opened as long as they are few; `reach`
/// learns the others.
fn expand(named: &[PathBuf], reach: &mut sandbox::Reach) -> Result<Vec<Capture>, Failure> {
    let mut captures: Vec<Capture> = Vec::new();
    for named in named {
        let mut paths = Vec::new();
        if named.is_dir() {
            folder(named, 0, MAX_CAPTURES.saturating_sub(captures.len()), &mut paths);
            if paths.is_empty() {
                return Err(Failure::Usage(format!("{}: there is no capture in this folder", named.display())));
            }
        } else {
            paths.push(named.clone());
        }
        if captures.len() + paths.len() > MAX_OPEN {
            reach.read(named);
        }
        for path in paths {
            let opened = (captures.len() < MAX_OPEN && path.as_os_str() != "-").then(|| File::open(&path));
            captures.push(Capture { path, opened: Mutex::new(opened) });
        }
    }
    Ok(captures)
}

fn folder(path: &Path, depth: usize, most: usize, captures: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = match fs::read_dir(path) {
        Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
        // It is one line, and not the end of the run.
        Err(_) => return captures.push(path.to_owned()),
    };
    entries.sort();
    for entry in entries {
        let is_hidden = entry.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
        if is_hidden || captures.len() >= most {
            continue;
        }
        if entry.is_dir() {
            if depth < MAX_DEPTH {
                folder(&entry, depth + 1, most, captures);
            }
        } else if is_capture(&entry) {
            captures.push(entry);
        }
    }
}

/// Whether its name is that of a capture.
fn is_capture(path: &Path) -> bool {
    let is = |path: &Path, known: &[&str]| {
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
        extension.is_some_and(|extension| {
            known
                .iter()
                .any(|known| extension.trim_end_matches(|c: char| c.is_ascii_digit()) == *known || extension == *known)
        })
    };
    if is(path, &COMPRESSED) {
        return path.file_stem().is_some_and(|stem| is(Path::new(stem), &EXTENSIONS));
    }
    is(path, &EXTENSIONS)
}

/// Writes to a file, which is whole or not there, or to standard output.
pub fn write(path: Option<&Path>, bytes: &[u8]) -> Result<(), Failure> {
    put(open(path, [], &mut sandbox::Reach::default())?, bytes)
}

fn open<'p>(
    path: Option<&Path>,
    read: impl IntoIterator<Item = &'p Path>,
    reach: &mut sandbox::Reach,
) -> Result<Document, Failure> {
    let path = path.unwrap_or(Path::new("-"));
    Document::open(path, read, reach).map_err(|reason| Failure::unwritten(path, reason))
}

fn put(mut document: Document, bytes: &[u8]) -> Result<(), Failure> {
    let written = document.write(bytes).and_then(|()| document.finish());
    written.map_err(|reason| Failure::unwritten(document.path(), reason))
}
