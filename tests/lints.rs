//! Lints over the fixtures: what is missing of a capture raises nothing.

mod common;

use std::collections::BTreeSet;
use std::path::Path;

use common::{fixtures, name};
use dissect::check::lint::{Levels, Lints, ask};
use dissect::engine::{Engine, Options};
use dissect::frame::{Frame, FrameMeta};
use dissect::issue::Severity;
use dissect::source::CaptureFile;

/// Longer captures are left out: each is read as often as it has frames.
const MAX_FRAMES: usize = 80;

/// Fixtures that say something else without one of their frames: another copy of the bytes stands.
const OTHER_BYTES: &[&str] = &["request-again-other-bytes.pcap"];

struct Owned {
    meta: FrameMeta,
    bytes: Vec<u8>,
}

fn read(path: &Path) -> Vec<Owned> {
    let Ok(mut file) = CaptureFile::open(path) else { return Vec::new() };
    let mut all = Vec::new();
    while let Ok((frames, _)) = file.next_batch() {
        if frames.is_empty() {
            break;
        }
        all.extend(frames.iter().map(|frame| Owned { meta: frame.meta, bytes: frame.bytes.to_vec() }));
    }
    all
}

/// Names of the lints of weight that these frames raise.
fn raised<'a>(frames: impl Iterator<Item = (&'a Owned, usize)>) -> BTreeSet<&'static str> {
    let mut options = Options::default();
    ask(&mut options);
    let mut levels = Levels::default();
    levels.min_severity(Severity::Warn);
    let (mut engine, mut lints) = (Engine::new(options), Lints::new(levels));
    for (frame, len) in frames {
        engine.push(Frame { meta: frame.meta, bytes: &frame.bytes[..len.min(frame.bytes.len())] }, &mut lints);
    }
    engine.finish(&mut lints);
    lints.finish().iter().map(|finding| finding.lint.name).collect()
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
