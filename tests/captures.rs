//! Captures from elsewhere, `../shared/captures`: nothing panics or hangs, every frame is told, every byte is explained,
//! and the bytes of TCP payload are as many as tshark counts.

mod common;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::thread;

use common::{dissect, installed, ledger_fault, name, run};
use serde_json::Value;

/// Where our count of TCP payload is not that of tshark, and why.
const OTHER_COUNT: &[(&str, &str)] = &[
    ("Tests_Packet++Test_PacketExamples_gtp.pcap", GTP),
    ("tests_bigtcp-ipv6.pcap", BIG),
    ("tests_geneve.pcap", GENEVE),
    ("tests_gso-ipv4-geneve-ipv4.pcap", GENEVE),
    ("tests_gso-ipv4-geneve-ipv6.pcap", GENEVE),
    ("tests_gso-ipv4-vxlan-ipv4.pcap", VXLAN),
    ("tests_gso-ipv4-vxlan-ipv6.pcap", VXLAN),
    ("tests_gso-ipv6-geneve-ipv4.pcap", GENEVE),
    ("tests_gso-ipv6-geneve-ipv6.pcap", GENEVE),
    ("tests_gso-ipv6-vxlan-ipv4.pcap", VXLAN),
    ("tests_gso-ipv6-vxlan-ipv6.pcap", VXLAN),
];

const BIG: &str = "a jumbo payload option (RFC 2675), which tshark 4.0 takes for a length of 0";
const GENEVE: &str = "Geneve: UDP payload that is not dissected here";
const GTP: &str = "GTP: UDP payload that is not dissected here";
const VXLAN: &str = "VXLAN: UDP payload that is not dissected here";

#[test]
fn every_capture_is_told_whole() {
    let captures = common::shared_captures();
    if captures.is_empty() {
        return println!("skipped: ../shared/captures is not there");
    }
    let tshark = installed("tshark");
    if !tshark {
        println!("skipped in part: tshark is not installed");
    }
    let (mut faults, mut differing, mut compared) = (Vec::new(), BTreeSet::new(), 0);
    let halves = captures.split_at(captures.len() / 2);
    thread::scope(|scope| {
        let workers = [halves.0, halves.1]
            .map(|half| scope.spawn(move || half.iter().map(|path| (path, compare(path, tshark))).collect::<Vec<_>>()));
        for (path, counts) in workers.into_iter().flat_map(|worker| worker.join().unwrap()) {
            let name = name(path);
            match counts {
                Err(fault) => faults.push(format!("{name}: {fault}")),
                Ok(None) => {}
                Ok(Some((ours, theirs))) => {
                    compared += 1;
                    if ours != theirs {
                        println!("{name}: {ours} bytes of TCP payload, tshark {theirs}");
                        differing.insert(name);
                    }
                }
            }
        }
    });
    println!("{} captures, {compared} compared with tshark", captures.len());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    if compared > 0 {
        let known: BTreeSet<String> = OTHER_COUNT.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(differing, known, "captures whose count differs, and those known for that");
    }
}

/// Our count of TCP payload and that of tshark, where they should be the same.
fn compare(path: &Path, tshark: bool) -> Result<Option<(u64, u64)>, String> {
    let ours = sweep(path)?.filter(|_| tshark);
    Ok(ours.and_then(|ours| Some((ours, tshark_count(path)?))))
}

/// The bytes of TCP payload, if every frame was read to its end, so that another reader should count the same.
fn sweep(path: &Path) -> Result<Option<u64>, String> {
    let told = run(dissect().args(["-T", "json", "-P", "--strict", "-r"]).arg(path));
    match told.code {
        Some(3) if told.stdout.is_empty() => return Ok(None),
        Some(0 | 1 | 3) => {}
        code => return Err(format!("exit code {code:?}: {}", told.stderr)),
    }
    let text = std::str::from_utf8(&told.stdout).map_err(|error| error.to_string())?;
    let last = text.lines().last().unwrap_or_default();
    let end: Value = serde_json::from_str(last).map_err(|error| format!("{error}: {last}"))?;
    if let Some(fault) = ledger_fault(&end) {
        return Err(fault);
    }
    let packets: Vec<&str> = text.lines().filter(|line| line.starts_with("{\"type\":\"packet\"")).collect();
    if Some(packets.len() as u64) != end["totals"]["frames"].as_u64() {
        return Err(format!("{} of {} frames are told", packets.len(), end["totals"]["frames"]));
    }
    // Frames that were cut, and those whose fragments were put together, are counted differently.
    let read_whole = |packet: &&str| !packet.contains(",\"stop\":{") && !packet.contains(",\"reassembled\":");
    let comparable = told.code == Some(0) && packets.iter().all(read_whole) && !packets.iter().any(|p| is_cut(p));
    Ok(end["ledger"]["captured"].as_u64().filter(|_| comparable))
}

fn is_cut(packet: &str) -> bool {
    let number = |key: &str| {
        let rest = &packet[packet.find(key)? + key.len()..];
        rest[..rest.find([',', '}'])?].parse::<u64>().ok()
    };
    number("\"len\":") != number("\"cap_len\":")
}

/// The sum of `tcp.len`, headers within ICMP errors left out.
fn tshark_count(path: &Path) -> Option<u64> {
    let mut command = Command::new("tshark");
    command.args(["-n", "-T", "fields", "-e", "tcp.len", "-Y", "tcp && !icmp && !icmpv6", "-r"]).arg(path);
    let output = command.output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    Some(text.lines().flat_map(|line| line.split(',')).filter_map(|len| len.parse::<u64>().ok()).sum())
}
