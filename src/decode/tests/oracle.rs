//! Field values and chains against tshark, where it is installed: of the frames above, and of the classic pcap files
//! in the folders named by `DISSECT_CAPTURES` (separated as in `PATH`).

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use super::*;

/// A frame of a capture: its bytes and its length on the wire.
type Captured = (Vec<u8>, u32);

fn write(path: &Path, link: LinkType, frames: &[Captured]) {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4, 0x0004_0002, 0, 0, 0x4_0000, link.0] {
        file.extend(u32::to_le_bytes(word));
    }
    for (bytes, wire_len) in frames {
        for word in [1, 0, bytes.len() as u32, *wire_len] {
            file.extend(word.to_le_bytes());
        }
        file.extend(bytes);
    }
    std::fs::write(path, file).unwrap();
}

/// The frames of a classic pcap file; `None` where it is none.
fn read(path: &Path) -> Option<(LinkType, Vec<Captured>)> {
    let file = std::fs::read(path).ok()?;
    let (head, mut rest) = file.split_at_checked(24)?;
    let big = matches!(head[..4], [0xa1, 0xb2, 0xc3 | 0x3c, 0xd4 | 0x4d]);
    if !big && !matches!(head[..4], [0xd4 | 0x4d, 0xc3 | 0x3c, 0xb2, 0xa1]) {
        return None;
    }
    let word = |bytes: &[u8], at: usize| {
        let word: [u8; 4] = bytes[at..at + 4].try_into().unwrap();
        if big { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }
    };
    let mut frames = Vec::new();
    while let Some((record, tail)) = rest.split_at_checked(16) {
        let Some((bytes, next)) = tail.split_at_checked(word(record, 8) as usize) else { break };
        frames.push((bytes.to_vec(), word(record, 12)));
        rest = next;
    }
    Some((LinkType(word(head, 20) & 0xffff), frames))
}

/// A value as tshark prints it, with numbers in decimal.
fn decimal(value: &str) -> String {
    let number = value.strip_prefix("0x").and_then(|hex| u64::from_str_radix(hex, 16).ok());
    number.map_or(value.to_string(), |number| number.to_string())
}

/// Differences in one file, as lines; `None` where tshark is not installed.
fn differences(path: &Path, link: LinkType, frames: &[Captured]) -> Option<Vec<String>> {
    let mut names: Vec<&str> =
        protocols().iter().flat_map(|protocol| protocol.fields).map(|field| field.name).collect();
    names.sort_unstable();
    names.dedup();
    let mut tshark = Command::new("tshark");
    tshark.args([
        "-n",
        "-T",
        "fields",
        "-E",
        "aggregator=,",
        "-o",
        "ip.defragment:FALSE",
        "-o",
        "ipv6.defragment:FALSE",
    ]);
    tshark.args(["-o", "tcp.relative_sequence_numbers:FALSE", "-e", "frame.protocols", "-r"]).arg(path);
    names.iter().for_each(|name| {
        tshark.args(["-e", name]);
    });
    let output = tshark.output().ok()?;
    let output = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut found = Vec::new();
    for (number, (line, (bytes, wire_len))) in output.lines().zip(frames).enumerate() {
        let wire_len = (*wire_len).max(bytes.len() as u32);
        let decoded = decode(frame(link, bytes, wire_len as usize));
        let mut columns = line.split('\t');
        let (ours, theirs) = (chain(&decoded), columns.next().unwrap_or_default());
        let Some(more) = theirs.strip_prefix(&ours).filter(|more| more.is_empty() || more.starts_with(':')) else {
            found.push(format!("{} frame.protocols ours {ours} theirs {theirs}", number + 1));
            continue;
        };
        // What we do not decode may hold headers that we know.
        let tunnel = more.split(':').any(|name| protocols().iter().any(|protocol| protocol.name == name));
        for (name, theirs) in names.iter().zip(columns) {
            // Of a quoted TCP header tshark has the first bytes alone.
            if name.starts_with("tcp.") && ours.contains("icmp") {
                continue;
            }
            let mut theirs: Vec<String> = theirs.split(',').filter(|value| !value.is_empty()).map(decimal).collect();
            let mut ours = values(&decoded, name);
            if *name == "tcp.option_kind" {
                // It goes on after the end of the list.
                for kinds in [&mut ours, &mut theirs] {
                    kinds.truncate(kinds.iter().position(|kind| kind == "0").unwrap_or(kinds.len()));
                }
            }
            if tunnel {
                theirs.truncate(ours.len());
            }
            if ours != theirs {
                found.push(format!("{} {name} ours {ours:?} theirs {theirs:?} of {}", number + 1, chain(&decoded)));
            }
        }
    }
    Some(found)
}

#[test]
fn the_same_fields_as_tshark() {
    let dir = tempfile::tempdir().unwrap();
    let mut by_link: BTreeMap<LinkType, Vec<Captured>> = BTreeMap::new();
    for (link, bytes) in frames() {
        let len = bytes.len() as u32;
        by_link.entry(link).or_default().push((bytes, len));
    }
    for (link, frames) in by_link {
        let path = dir.path().join(format!("{}.pcap", link.0));
        write(&path, link, &frames);
        let Some(found) = differences(&path, link, &frames) else {
            eprintln!("skipped: tshark is not installed");
            return;
        };
        assert!(found.is_empty(), "link type {link}:\n{}", found.join("\n"));
    }
}

/// Prints where we differ, for a person to judge: of malformed headers tshark shows less, and some values it computes.
#[test]
#[ignore = "for reading; run with --ignored --nocapture"]
fn differences_from_tshark_in_captures() {
    let Some(folders) = std::env::var_os("DISSECT_CAPTURES") else {
        eprintln!("skipped: DISSECT_CAPTURES names no folder");
        return;
    };
    let files = std::env::split_paths(&folders).flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let mut count = 0;
    let mut report = Vec::new();
    for path in files.map(|file| file.unwrap().path()) {
        let Some((link, frames)) = read(&path) else { continue };
        let Some(found) = differences(&path, link, &frames) else {
            eprintln!("skipped: tshark is not installed");
            return;
        };
        count += frames.len();
        report.extend(found.into_iter().map(|line| format!("{}: {line}", path.display())));
    }
    eprintln!("{} differences in {count} frames:\n{}", report.len(), report.join("\n"));
}
