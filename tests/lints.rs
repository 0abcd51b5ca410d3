//! Lints over the fixtures: what is missing of a capture raises nothing, and whatever is raised can be shown.

mod common;

use std::collections::BTreeSet;
use std::path::Path;

use common::wire::Random;
use common::{dissect, fixtures, name, run};
use dissect::check::lint::{Findings, Levels, Lints, ask};
use dissect::engine::{Engine, Options};
use dissect::frame::{Frame, FrameMeta};
use dissect::issue::Severity;
use dissect::print::{json, lint};
use dissect::source::{CaptureFile, Taken};

/// Longer captures are left out: each is read as often as it has frames.
const MAX_FRAMES: usize = 80;

/// Fixtures that say something else without one of their frames: another copy of the bytes stands.
const OTHER_BYTES: &[&str] = &["request-again-other-bytes.pcap"];

#[derive(Clone)]
struct Owned {
    meta: FrameMeta,
    bytes: Vec<u8>,
}

fn read(path: &Path) -> Vec<Owned> {
    let Ok(mut file) = CaptureFile::open(path) else { return Vec::new() };
    let mut all = Vec::new();
    while let Ok(Taken { frames, .. }) = file.next_batch() {
        if frames.is_empty() {
            break;
        }
        all.extend(frames.iter().map(|frame| Owned { meta: frame.meta, bytes: frame.bytes.to_vec() }));
    }
    all
}

/// Names of the lints of weight that these frames raise.
fn raised<'a>(frames: impl Iterator<Item = (&'a Owned, usize)>) -> BTreeSet<&'static str> {
    findings(frames, Severity::Warn).iter().map(|finding| finding.lint.name).collect()
}

/// What these frames raise, each of them up to a length.
fn findings<'a>(frames: impl Iterator<Item = (&'a Owned, usize)>, min: Severity) -> Findings {
    let mut options = Options::default();
    ask(&mut options);
    let mut levels = Levels::default();
    levels.min_severity(min);
    let (mut engine, mut lints) = (Engine::new(options), Lints::new(levels));
    for (frame, len) in frames {
        engine.push(Frame { meta: frame.meta, bytes: &frame.bytes[..len.min(frame.bytes.len())] }, &mut lints);
    }
    engine.finish(&mut lints);
    lints.finish()
}

#[test]
fn a_capture_of_which_something_is_missing_raises_nothing_more() {
    let mut faults = BTreeSet::new();
    let elsewhere = std::env::var_os("DISSECT_LINT_CAPTURES").map(|_| common::shared_captures());
    for path in elsewhere.unwrap_or_else(fixtures) {
        let frames = read(&path);
        if frames.len() > MAX_FRAMES || OTHER_BYTES.contains(&name(&path).as_str()) {
            continue;
        }
        let whole = raised(frames.iter().map(|frame| (frame, usize::MAX)));
        let mut check = |how: String, raised: BTreeSet<&'static str>| {
            for lint in raised.difference(&whole) {
                faults.insert(format!("{lint}: {} {how}", name(&path)));
            }
        };
        for i in 0..frames.len() {
            let all = || frames.iter().enumerate();
            for run in 1..=3 {
                let lost = i..i + run;
                let without = all().filter(|(at, _)| !lost.contains(at)).map(|(_, frame)| (frame, usize::MAX));
                check(format!("without {run} frames from {}", i + 1), raised(without));
            }
            let cut = all().map(|(at, frame)| (frame, if at == i { 90 } else { usize::MAX }));
            check(format!("with frame {} cut", i + 1), raised(cut));
            check(format!("up to frame {i}"), raised(frames[..i].iter().map(|frame| (frame, usize::MAX))));
            check(format!("from frame {} on", i + 1), raised(frames[i..].iter().map(|frame| (frame, usize::MAX))));
        }
        check("cut to 90 bytes".into(), raised(frames.iter().map(|frame| (frame, 90))));
    }
    assert!(faults.is_empty(), "{}", faults.into_iter().collect::<Vec<_>>().join("\n"));
}

#[test]
fn whatever_the_bytes_findings_are_drawn_in_the_width_and_are_valid_records() {
    let options = lint::Options { width: 80, color: false };
    let mut random = Random(1);
    for path in fixtures() {
        let frames = read(&path);
        if frames.is_empty() || frames.len() > MAX_FRAMES {
            continue;
        }
        for _ in 0..5 {
            let mut changed = frames.clone();
            for _ in 0..8 {
                let bytes = &mut changed[random.below(frames.len())].bytes;
                // Behind the headers, mostly.
                let at = 40 + random.below(bytes.len());
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = b"\r\n :/#%\0\x1b\xff,;0Aa"[random.below(15)];
                }
            }
            let findings = findings(changed.iter().map(|frame| (frame, usize::MAX)), Severity::Chat);
            let (mut text, mut records) = (Vec::new(), Vec::new());
            lint::findings(&findings, options, &mut text);
            let text = String::from_utf8(text).expect("text is UTF-8");
            let is_drawn = |line: &str| line.chars().count() <= options.width && !line.chars().any(char::is_control);
            assert!(text.lines().all(is_drawn), "{}: {text}", name(&path));
            let mut printer = json::Lints::default();
            findings.iter().for_each(|finding| printer.finding(finding, &mut records));
            printer.summary(&findings, &mut records);
            for line in records.split_inclusive(|byte| *byte == b'\n') {
                assert!(serde_json::from_slice::<serde_json::Value>(line).is_ok_and(|record| record.is_object()));
            }
        }
    }
}

#[test]
fn lints_and_findings_are_as_the_schema_says() {
    let schema = serde_json::from_str(json::SCHEMA).unwrap();
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let mut records = run(dissect().args(["lints", "-T", "json"])).stdout;
    let mut printer = json::Lints::default();
    for frames in fixtures().iter().map(|path| read(path)) {
        let findings = findings(frames.iter().map(|frame| (frame, usize::MAX)), Severity::Chat);
        findings.iter().for_each(|finding| printer.finding(finding, &mut records));
        printer.summary(&findings, &mut records);
    }
    for line in String::from_utf8(records).unwrap().lines() {
        assert!(validator.is_valid(&serde_json::from_str(line).unwrap()), "{line}");
    }
}

#[test]
fn lints_are_listed_and_explained() {
    let list = run(dissect().arg("lints"));
    let rows = String::from_utf8(list.stdout).unwrap();
    assert!(rows.lines().count() > 80 && rows.lines().all(|row| row.split('\t').count() == 4), "{rows}");
    let records = run(dissect().args(["lints", "-T", "json"])).records();
    assert_eq!(records.len(), rows.lines().count());
    assert!(records.iter().all(|record| record["type"] == "lint" && record["explanation"].is_string()));
    let two = String::from_utf8(run(dissect().args(["lints", "bare-lf", "missing-host"])).stdout).unwrap();
    assert!(two.starts_with("bare-lf ") && two.contains("\nmissing-host "), "{two}");
}

#[test]
fn a_lint_that_is_none_is_answered_by_the_nearest() {
    let none = run(dissect().args(["lints", "bare_lf"]));
    assert_eq!(none.code, Some(2));
    assert!(none.stdout.is_empty() && none.stderr.contains("did you mean bare-lf"), "{}", none.stderr);
}
