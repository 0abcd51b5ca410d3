//! Every field that Wireshark has too, frame by frame, against tshark. Skipped where tshark is not installed.

mod common;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use common::{dissect, installed, name, run};
use dissect::issue::Issue;
use dissect::registry::{Entry, entries};
use serde_json::Value;

/// Fields of frames that differ in some fixture, and why.
const OTHER_FIELDS: &[(&str, &str)] = &[
    ("frame.interface_id", "a pcap file has one interface, which tshark gives no number"),
    ("ieee8021ah.etype", "tshark gives it to tags of 802.1ad too"),
    ("ip.reassembled_in", "tshark tells it where it reads twice: `fragments.rs` compares that"),
    ("ip.version", "tshark has it of IPv6 headers too"),
    ("tcp.options.sack_perm", "tshark has the bytes of the option"),
    ("udp.stream", "tshark has it of a datagram within an ICMP error too"),
];

/// Fields of frames that have Wireshark's form of name and are not Wireshark's.
const OURS_ALONE: &[&str] = &[];

/// Values of a frame by field.
type Row = BTreeMap<String, Vec<String>>;

#[test]
fn fields_of_the_fixtures_are_those_of_tshark() {
    if !installed("tshark") {
        return println!("skipped: tshark is not installed");
    }
    let known: BTreeSet<&str> = OTHER_FIELDS.iter().map(|(field, _)| *field).collect();
    let (mut differing, mut compared) = (BTreeSet::new(), 0);
    for path in common::fixtures() {
        let (ours, theirs) = (rows(&path), tshark(&path, &FIELDS));
        assert_eq!(ours.len(), theirs.len(), "frames of {}", path.display());
        for ((frame, ours), theirs) in ours.iter().zip(theirs.values()) {
            for field in FIELDS.iter() {
                let (ours, theirs) = (value(ours, field), value(theirs, field));
                compared += 1;
                if !same(field, ours, theirs) && differing.insert(field.as_str()) && !known.contains(field.as_str()) {
                    println!("{} frame {frame}: {field} {ours:?}, tshark {theirs:?}", name(&path));
                }
            }
        }
    }
    println!("{compared} values compared");
    assert_eq!(differing, known, "fields that differ, and those known for that");
}

/// Shares of differences that are allowed in captures from elsewhere, of which some begin in the midst of things and
/// some were made to mislead.
#[test]
fn analysis_of_other_captures_is_that_of_tshark() {
    let captures = common::shared_captures();
    if captures.is_empty() || !installed("tshark") {
        return println!("skipped: ../shared/captures or tshark is not there");
    }
    let fields: Vec<String> = FIELDS.iter().filter(|field| is_analysis(field)).cloned().collect();
    let (first, second) = captures.split_at(captures.len() / 2);
    let tallies = std::thread::scope(|scope| {
        let fields = &fields;
        let workers = [first, second].map(|half| scope.spawn(move || tally(half, fields)));
        workers.map(|worker| worker.join().unwrap())
    });
    let mut whole: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for (field, (all, different)) in tallies.iter().flatten() {
        let entry = whole.entry(field).or_default();
        (entry.0, entry.1) = (entry.0 + all, entry.1 + different);
    }
    for (field, (all, different)) in whole {
        println!("{field:40} {all:8} compared {different:6} different");
        let share = different as f64 / all.max(1) as f64;
        let limit = match field {
            FLAG_SETS => 0.0005,
            SINGLE_FLAGS => 0.002,
            "tcp.stream" => 0.001,
            // Some follow from a flag that differs, some from times that no clock gives.
            "tcp.analysis.rto" | "tcp.analysis.rto_frame" => 0.03,
            _ => 0.005,
        };
        assert!(share <= limit || different <= 3 || is_flag(field), "{field}: {different} of {all}");
    }
}

const FLAG_SETS: &str = "flag sets";
const SINGLE_FLAGS: &str = "single flags";

/// Compared and different values of the captures by field.
fn tally(captures: &[PathBuf], fields: &[String]) -> BTreeMap<String, (u64, u64)> {
    let mut counts: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let mut count = |what: &str, equal: bool| {
        let entry = counts.entry(what.to_owned()).or_default();
        (entry.0, entry.1) = (entry.0 + 1, entry.1 + u64::from(!equal));
    };
    for path in captures {
        let mut ours = rows(path);
        ours.retain(|_, row| row.contains_key("tcp.stream"));
        if ours.is_empty() {
            continue;
        }
        let theirs = tshark(path, fields);
        let unread = theirs.iter().any(|(frame, row)| row.contains_key("tcp.stream") && !ours.contains_key(frame));
        // Where tshark reads TCP in what is not dissected here, streams are numbered apart.
        let mut streams = HashMap::new();
        for (frame, row) in &ours {
            let Some(other) = theirs.get(frame).filter(|other| value(other, "tcp.stream").len() == 1) else { continue };
            let mut flags = true;
            for field in fields {
                let (a, b) = (value(row, field), value(other, field));
                let equal = if field == "tcp.stream" && unread {
                    streams.entry(a.to_vec()).or_insert_with(|| b.to_vec()) == b
                } else {
                    alike(a, b)
                };
                if a.is_empty() && b.is_empty() {
                    continue;
                }
                count(field, equal);
                if is_flag(field) {
                    count(SINGLE_FLAGS, equal);
                    flags &= equal;
                    if !equal {
                        println!("{} frame {frame}: {field} {a:?}, tshark {b:?}", name(path));
                    }
                }
            }
            count(FLAG_SETS, flags);
        }
    }
    counts
}

fn is_analysis(field: &str) -> bool {
    let others = ["tcp.stream", "tcp.completeness", "tcp.seq", "tcp.nxtseq", "tcp.ack", "tcp.window_size"];
    field.starts_with("tcp.analysis.") || field == "tcp.window_size_scalefactor" || others.contains(&field)
}

fn is_flag(field: &str) -> bool {
    field.strip_prefix("tcp.analysis.").is_some_and(|name| FLAGS.contains(&name))
}

/// Flags that have a field of their own in Wireshark.
static FLAGS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    Issue::ALL.iter().take_while(|issue| **issue < Issue::BadChecksum).map(|issue| issue.name()).collect()
});

/// The fields of frames that both have.
static FIELDS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let output = Command::new("tshark").args(["-G", "fields"]).output().expect("tshark runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let theirs: BTreeSet<&str> = text.lines().filter_map(|line| line.split('\t').nth(2)).collect();
    let of_frames = |entry: &Entry| {
        let base = entry.name.split('.').next().unwrap_or_default();
        entry.kind != "record" && !["message", "connection", "http", "dns"].contains(&base)
    };
    let all = entries().into_iter().filter(of_frames).map(|entry| entry.name.to_owned());
    let (mut both, ours): (Vec<String>, Vec<String>) = all.partition(|name| theirs.contains(name.as_str()));
    assert_eq!(ours, OURS_ALONE, "fields of frames that tshark does not know");
    both.retain(|name| !["frame.number", "tcp.analysis.flags"].contains(&name.as_str()));
    both.extend(FLAGS.iter().map(|flag| format!("tcp.analysis.{flag}")));
    both
});

fn value<'r>(row: &'r Row, field: &str) -> &'r [String] {
    row.get(field).map_or(&[], Vec::as_slice)
}

/// Whether these are the same values of a field.
fn same(field: &str, ours: &[String], theirs: &[String]) -> bool {
    match (field, ours, theirs) {
        // Ours goes down to the transport header.
        ("frame.protocols", [ours], [theirs]) => {
            theirs.strip_prefix(ours).is_some_and(|r| r.is_empty() || r.starts_with(':'))
        }
        _ => alike(ours, theirs),
    }
}

/// Whether these are the same values: numbers by what they are, not by how they are written.
fn alike(ours: &[String], theirs: &[String]) -> bool {
    ours.len() == theirs.len()
        && ours.iter().zip(theirs).all(|(a, b)| a == b || number(a) == number(b) && number(a).is_some())
}

/// A number in units of a thousand-millionth.
fn number(text: &str) -> Option<i128> {
    let billion = 1_000_000_000;
    match text {
        "true" | "True" => return Some(billion),
        "false" | "False" => return Some(0),
        _ => {}
    }
    if let Some(hex) = text.strip_prefix("0x") {
        return Some(i128::from(u64::from_str_radix(hex, 16).ok()?) * billion);
    }
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let part = format!("{part:0<9}");
    Some(sign * (whole.parse::<i128>().ok()? * billion + part.get(..9)?.parse::<i128>().ok()?))
}

/// Our values of each frame.
fn rows(path: &Path) -> BTreeMap<u64, Row> {
    let told = run(dissect().args(["-T", "json", "-P", "-r"]).arg(path));
    let text = String::from_utf8(told.stdout).unwrap();
    let packets = text.lines().filter(|line| line.starts_with("{\"type\":\"packet\""));
    packets
        .map(|line| {
            let record: Value = serde_json::from_str(line).unwrap();
            let mut row = Row::new();
            flatten(String::new(), &record, &mut row);
            (record["frame"]["number"].as_u64().unwrap(), row)
        })
        .collect()
}

fn flatten(name: String, value: &Value, row: &mut Row) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                let name = match key.as_str() {
                    "value" => name.clone(),
                    key if name.is_empty() => key.to_owned(),
                    key => format!("{name}.{key}"),
                };
                flatten(name, member, row);
            }
        }
        Value::Array(items) if name == "tcp.analysis.flags" => {
            for flag in items.iter().filter_map(Value::as_str) {
                row.entry(format!("tcp.analysis.{flag}")).or_default().push("1".into());
            }
        }
        Value::Array(items) => items.iter().for_each(|item| flatten(name.clone(), item, row)),
        Value::String(text) => row.entry(name).or_default().push(text.clone()),
        Value::Number(number) if number.is_f64() => {
            row.entry(name).or_default().push(format!("{:.9}", number.as_f64().unwrap()));
        }
        other => row.entry(name).or_default().push(other.to_string()),
    }
}

/// What tshark has of each frame.
fn tshark(path: &Path, fields: &[String]) -> BTreeMap<u64, Row> {
    let mut command = Command::new("tshark");
    command.args(["-n", "-T", "fields", "-E", "separator=\x02", "-E", "aggregator=\x01", "-e", "frame.number"]);
    fields.iter().for_each(|field| {
        command.args(["-e", field]);
    });
    let output = command.arg("-r").arg(path).output().expect("tshark runs");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(!complaint.contains("aren't valid"), "{complaint}");
    let text = String::from_utf8_lossy(&output.stdout);
    let frame = |line: &str| {
        let mut values = line.split('\x02');
        let number = values.next()?.parse().ok()?;
        let row = fields.iter().zip(values).filter(|(_, values)| !values.is_empty());
        let all = |field: &String, values: &str| {
            let mut values: Vec<String> = values.split('\x01').map(str::to_owned).collect();
            // A flag is there twice where two rules set it.
            if is_flag(field) {
                values.truncate(1);
            }
            values
        };
        Some((number, row.map(|(field, values)| (field.clone(), all(field, values))).collect()))
    };
    text.lines().filter_map(frame).collect()
}
