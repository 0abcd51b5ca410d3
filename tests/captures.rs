//! Captures from elsewhere, `../shared/captures`: nothing panics or hangs, every frame is told, every byte is explained.
//! That the bytes are as many as tshark counts is in `agreement.rs`.

mod common;

use std::path::{Path, PathBuf};

use common::{dissect, ledger_fault, name, run, side_by_side};
use serde_json::Value;

#[test]
fn every_capture_is_told_whole() {
    let captures = common::shared_captures();
    if captures.is_empty() {
        return println!("skipped: ../shared/captures is not there");
    }
    let fault = |path: &PathBuf| Some(format!("{}: {}", name(path), sweep(path).err()?));
    let faults: Vec<String> = side_by_side(&captures, fault).into_iter().flatten().collect();
    println!("{} captures", captures.len());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// What is wrong with what is told of a capture.
fn sweep(path: &Path) -> Result<(), String> {
    let told = run(dissect().args(["-T", "json", "-P", "--strict", "-r"]).arg(path));
    match told.code {
        Some(3) if told.stdout.is_empty() => return Ok(()),
        Some(0 | 1 | 3) => {}
        code => return Err(format!("exit code {code:?}: {}", told.stderr)),
    }
    let text = std::str::from_utf8(&told.stdout).map_err(|error| error.to_string())?;
    let last = text.lines().last().unwrap_or_default();
    let end: Value = serde_json::from_str(last).map_err(|error| format!("{error}: {last}"))?;
    if let Some(fault) = ledger_fault(&end) {
        return Err(fault);
    }
    let packets = text.lines().filter(|line| line.starts_with("{\"type\":\"packet\"")).count();
    if Some(packets as u64) != end["totals"]["frames"].as_u64() {
        return Err(format!("{packets} of {} frames are told", end["totals"]["frames"]));
    }
    Ok(())
}
