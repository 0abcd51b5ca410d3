//! What is said of IP fragments and of the datagrams that are put together from them, against tshark. Skipped where that
//! is not installed. tshark reads twice (`-2`), as it else does not say of a fragment where it was put together.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use common::{dissect, installed, name, run};
use etherparse::{IpNumber, Ipv4Header, Ipv6FragmentHeader, Ipv6Header};
use serde_json::Value;

/// The fields, in IPv4 and in IPv6.
const FIELDS: [&str; 18] = [
    "ip.fragment",
    "ip.fragment.overlap",
    "ip.fragment.overlap.conflict",
    "ip.fragment.multipletails",
    "ip.fragment.toolongfragment",
    "ip.fragment.error",
    "ip.fragment.count",
    "ip.reassembled_in",
    "ip.reassembled.length",
    "ipv6.fragment",
    "ipv6.fragment.overlap",
    "ipv6.fragment.overlap.conflict",
    "ipv6.fragment.multipletails",
    "ipv6.fragment.toolongfragment",
    "ipv6.fragment.error",
    "ipv6.fragment.count",
    "ipv6.reassembled.in",
    "ipv6.reassembled.length",
];

/// Captures that differ, and why.
const OTHERS: &[(&str, &str)] = &[
    ("v4-oversized", OVERSIZED),
    ("v4-straddling-conflict", STRADDLING),
    ("v4-late", LATE),
    ("v6-oversized", OVERSIZED),
    ("v6-straddling-conflict", STRADDLING),
    ("v6-vlans", VLANS),
    ("v6-late", LATE),
];

const LATE: &str = "fragments wait a minute for the rest (RFC 8200 4.5); tshark waits for ever";
const OVERSIZED: &str = "what would end beyond 65,535 bytes is no part of a datagram; tshark waits for all of it";
const STRADDLING: &str = "of other content is what came later; tshark means what begins later";

const VLANS: &str = "a datagram is in one VLAN; tshark knows that of IPv4 alone";

/// Values by frame and field.
type Rows = BTreeMap<(u64, &'static str), Vec<String>>;

#[test]
fn fragments_are_put_together_as_tshark_does() {
    if !installed("tshark") {
        return println!("skipped: tshark is not installed");
    }
    let folder = tempfile::tempdir().unwrap();
    let mut differing = Vec::new();
    let mut datagrams = 0;
    for (name, frames) in made() {
        let path = folder.path().join(format!("{name}.pcap"));
        fs::write(&path, capture(&frames)).unwrap();
        let (ours, theirs) = (ours(&path), theirs(&path));
        datagrams += ours.keys().filter(|(_, field)| field.ends_with("reassembled.length")).count();
        if ours != theirs {
            println!("{name}: {ours:?}\n  tshark: {theirs:?}");
            differing.push(name);
        }
    }
    let mut known: Vec<String> = OTHERS.iter().map(|(name, _)| (*name).to_owned()).collect();
    differing.sort();
    known.sort();
    assert!(datagrams > 40, "{datagrams}");
    assert_eq!(differing, known, "captures that differ, and those known for that");
}

#[test]
fn fragments_of_captures_are_put_together_as_tshark_does() {
    if !installed("tshark") {
        return println!("skipped: tshark is not installed");
    }
    let fixtures = common::fixtures().into_iter().filter(|path| name(path).contains("fragment"));
    let captures = fixtures.chain(common::shared_captures());
    let mut fragments = 0;
    for path in captures {
        // Those without fragments need no second program.
        let ours = ours(&path);
        if !ours.is_empty() {
            fragments += ours.len();
            assert_eq!(ours, theirs(&path), "{}", path.display());
        }
    }
    assert!(fragments > 40, "{fragments}");
}

#[test]
fn standard_input_cannot_be_read_ahead() {
    let file = common::path("fixtures/ip-fragments.pcap");
    let of_file = String::from_utf8(run(dissect().args(["-T", "json", "-P", "-r"]).arg(&file)).stdout).unwrap();
    let mut command = dissect();
    let output = command.args(["-T", "json", "-P", "-r", "-"]).stdin(fs::File::open(&file).unwrap()).output().unwrap();
    let of_input = String::from_utf8(output.stdout).unwrap();
    let later = without_later(&of_file);
    assert_ne!(later, of_file);
    assert_eq!(later.split_once('\n').unwrap().1, of_input.split_once('\n').unwrap().1);
}

/// The records without `ip.reassembled_in`.
fn without_later(records: &str) -> String {
    let mut parts = records.split(",\"reassembled_in\":");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |text, part| text + part.trim_start_matches(|c: char| c.is_ascii_digit()))
}

#[test]
fn a_filter_and_a_count_hold_for_what_is_read_ahead() {
    let file = "fixtures/ip-fragments.pcap";
    let in_frame = |arguments: &str| {
        let told = run(dissect().args(["-T", "json", "-P", "-r", file]).args(arguments.split_whitespace()));
        let packets = told.records().into_iter().filter(|record| !record["ip"]["reassembled_in"].is_null());
        packets.map(|packet| packet["ip"]["reassembled_in"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    let all = in_frame("");
    assert!(!all.is_empty());
    let count = all[0] - 1;
    assert!(in_frame(&format!("-c {count}")).iter().all(|frame| *frame <= count));
    if cfg!(feature = "live") {
        assert!(in_frame("ip[6:2]&0x2000!=0").is_empty());
        assert_eq!(in_frame("ip"), all);
    }
}

fn ours(path: &Path) -> Rows {
    let told = run(dissect().args(["-T", "json", "-P", "-r"]).arg(path));
    let text = String::from_utf8(told.stdout).unwrap();
    let mut rows = Rows::new();
    // A quick look, as most captures have none.
    let has = |line: &&str| line.contains("\"reassembled") && line.starts_with("{\"type\":\"packet\"");
    for line in text.lines().filter(has) {
        let record: Value = serde_json::from_str(line).unwrap();
        let number = record["frame"]["number"].as_u64().unwrap();
        for field in FIELDS {
            let (layer, rest) = field.split_once('.').unwrap();
            let layers = record[layer].as_array().cloned().unwrap_or_else(|| vec![record[layer].clone()]);
            let values = layers.iter().flat_map(|layer| {
                let value = &layer[rest.split('.').next().unwrap()];
                let value = rest.split('.').skip(1).fold(value, |value, part| &value[part]);
                let value = value.get("value").unwrap_or(value);
                value.as_array().cloned().unwrap_or_else(|| vec![value.clone()])
            });
            let plain = values.filter(|value| !value.is_null() && !value.is_object());
            let values: Vec<String> = plain.map(|value| value.to_string().replace("true", "1")).collect();
            if !values.is_empty() {
                rows.insert((number, field), values);
            }
        }
    }
    rows
}

fn theirs(path: &Path) -> Rows {
    let mut command = Command::new("tshark");
    command.args(["-2", "-n", "-T", "fields", "-E", "separator=/t", "-e", "frame.number"]);
    command.args(FIELDS.iter().flat_map(|field| ["-e", field]));
    let output = command.arg("-r").arg(path).output().expect("tshark runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let mut rows = Rows::new();
    for line in text.lines() {
        let mut values = line.split('\t');
        let number = values.next().unwrap().parse().unwrap();
        for (field, value) in FIELDS.into_iter().zip(values).filter(|(_, value)| !value.is_empty()) {
            rows.insert((number, field), value.split(',').map(str::to_owned).collect());
        }
    }
    rows
}

/// A frame, its second, and how much of it was captured.
type Made = (Vec<u8>, u32, usize);

fn whole(bytes: Vec<u8>) -> Made {
    let len = bytes.len();
    (bytes, 0, len)
}

/// The payload of the datagrams: a UDP datagram of 48 bytes.
fn payload() -> Vec<u8> {
    let mut bytes = vec![3, 232, 7, 208, 0, 48, 0, 0];
    bytes.extend(0..40);
    bytes
}

/// Part of a payload as a fragment, in Ethernet: of version 4 or 6.
fn fragment(version: u8, id: u16, start: usize, end: usize, more: bool, bytes: &[u8]) -> Made {
    whole(ethernet(ip(version, id, start, more, &bytes[start..end], IpNumber::UDP)))
}

fn ip(version: u8, id: u16, offset: usize, more: bool, bytes: &[u8], protocol: IpNumber) -> Vec<u8> {
    let offset = (offset as u16 / 8).try_into().unwrap();
    let mut packet = Vec::new();
    if version == 4 {
        let mut header = Ipv4Header::new(bytes.len() as u16, 64, protocol, [10, 0, 0, 1], [10, 0, 0, 2]).unwrap();
        (header.identification, header.fragment_offset, header.more_fragments) = (id, offset, more);
        header.dont_fragment = false;
        header.header_checksum = header.calc_header_checksum();
        header.write(&mut packet).unwrap();
    } else {
        let header = Ipv6Header {
            payload_length: bytes.len() as u16 + 8,
            next_header: IpNumber::IPV6_FRAGMENTATION_HEADER,
            hop_limit: 64,
            source: [1; 16],
            destination: [2; 16],
            ..Ipv6Header::default()
        };
        header.write(&mut packet).unwrap();
        Ipv6FragmentHeader::new(protocol, offset, more, id.into()).write(&mut packet).unwrap();
    }
    packet.extend_from_slice(bytes);
    packet
}

fn ethernet(packet: Vec<u8>) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    frame.extend(if packet[0] >> 4 == 4 { [0x08, 0x00] } else { [0x86, 0xdd] });
    frame.extend(packet);
    frame
}

fn tagged((mut frame, time, _): Made, vlan: u8) -> Made {
    frame.splice(12..12, [0x81, 0x00, 0x00, vlan]);
    let len = frame.len();
    (frame, time, len)
}

/// Captures with what befalls fragments, in both versions of IP.
fn made() -> Vec<(String, Vec<Made>)> {
    let (data, other) = (payload(), vec![0xee; 48]);
    let mut all: Vec<(String, Vec<Made>)> = Vec::new();
    for version in [4, 6] {
        let part = |id, start, end| fragment(version, id, start, end, end < 48, &data);
        let more = |id, start, end| fragment(version, id, start, end, true, &data);
        let last = |id, start, end| fragment(version, id, start, end, false, &data);
        let wrong = |id, start, end| fragment(version, id, start, end, true, &other);
        let at = |seconds, (bytes, _, len): Made| (bytes, seconds, len);
        let cut = |(bytes, time, len): Made| (bytes, time, len - 8);
        let mut add = |name: &str, frames: Vec<Made>| all.push((format!("v{version}-{name}"), frames));
        add("in-order", vec![part(1, 0, 16), part(1, 16, 32), part(1, 32, 48)]);
        add("last-first", vec![part(1, 32, 48), part(1, 0, 16), part(1, 16, 32)]);
        add("eight-bytes", (0..6).map(|i| part(1, i * 8, i * 8 + 8)).collect());
        add("backwards", (0..6).rev().map(|i| part(1, i * 8, i * 8 + 8)).collect());
        let twice = [0, 0, 16, 16, 32, 32, 0].map(|start| part(1, start, start + 16));
        add("twice", twice.into());
        add("copy-of-other-content", vec![part(1, 0, 16), wrong(1, 0, 16), part(1, 16, 32), part(1, 32, 48)]);
        add("overlapping", vec![part(1, 0, 24), part(1, 16, 32), part(1, 24, 48)]);
        add("straddling", vec![part(1, 0, 16), part(1, 16, 32), part(1, 8, 24), part(1, 32, 48)]);
        add("straddling-conflict", vec![part(1, 0, 16), part(1, 16, 32), wrong(1, 8, 24), part(1, 32, 48)]);
        add("within-another", vec![part(1, 0, 32), wrong(1, 8, 16), part(1, 32, 48)]);
        add("two-tails", vec![part(1, 0, 16), part(1, 32, 48), last(1, 24, 40), part(1, 16, 32)]);
        add("short-tail", vec![part(1, 0, 16), last(1, 16, 32), part(1, 32, 48)]);
        add("beyond-the-end", vec![last(1, 16, 32), more(1, 24, 48), part(1, 0, 16)]);
        add("after-the-end", vec![last(1, 16, 32), more(1, 40, 48), part(1, 0, 16)]);
        add("over-the-end", vec![last(1, 16, 32), more(1, 0, 40)]);
        add("nothing-but-errors", vec![more(1, 0, 40), fragment(version, 1, 0, 32, false, &other)]);
        let two = [(1, 0), (2, 0), (1, 16), (2, 16), (2, 32), (1, 32)].map(|(id, start)| part(id, start, start + 16));
        add("interleaved", two.into());
        let again = [0, 16, 32, 0, 32, 16].map(|start| part(1, start, start + 16));
        add("the-id-again", again.into());
        add("a-part-is-lost", vec![part(1, 0, 16), part(1, 32, 48), last(2, 0, 48)]);
        add("odd-length", vec![more(1, 0, 20), part(1, 16, 32), part(1, 32, 48)]);
        add("cut-in-the-midst", vec![part(1, 0, 16), cut(part(1, 16, 32)), part(1, 32, 48)]);
        add("cut-first", vec![cut(part(1, 0, 16)), part(1, 16, 32), part(1, 32, 48), part(1, 0, 16)]);
        add("slow", vec![part(1, 0, 16), at(30, part(1, 16, 32)), at(59, part(1, 32, 48))]);
        add("late", vec![part(1, 0, 16), at(61, part(1, 16, 32)), at(62, part(1, 32, 48))]);
        let oversized = whole(ethernet(ip(version, 1, 65_528, false, &[0; 32], IpNumber::UDP)));
        add("oversized", vec![part(1, 0, 16), oversized, part(1, 16, 32), part(1, 32, 48)]);
        let vlans = [(5, 0), (6, 16), (5, 32), (5, 16)].map(|(vlan, at)| tagged(part(1, at, at + 16), vlan));
        add("vlans", vlans.into());
        let named = |start: usize, protocol| {
            whole(ethernet(ip(version, 1, start, start < 32, &data[start..start + 16], protocol)))
        };
        let (udp, tcp) = (IpNumber::UDP, IpNumber::TCP);
        add("other-protocol", vec![named(0, udp), named(16, tcp), named(32, udp), named(16, udp)]);
        // Fragments within datagrams of which each is in fragments.
        let mut tunnel = Vec::new();
        for (id, start) in [(7, 0), (8, 24)] {
            let inner = ip(4, 9, start, start == 0, &data[start..start + 24], IpNumber::UDP);
            tunnel.push(whole(ethernet(ip(version, id, 0, true, &inner[..24], IpNumber::IPV4))));
            tunnel.push(whole(ethernet(ip(version, id, 24, false, &inner[24..], IpNumber::IPV4))));
        }
        add("tunnel", tunnel);
    }
    let atomic = ip(6, 1, 0, false, &data, IpNumber::UDP);
    all.push(("v6-atomic".into(), vec![whole(ethernet(atomic))]));
    let mut bad_sum = fragment(4, 1, 16, 48, false, &data);
    bad_sum.0[24] ^= 0x55;
    all.push(("v4-bad-checksum".into(), vec![fragment(4, 1, 0, 16, true, &data), bad_sum]));
    all
}

/// A capture file.
fn capture(frames: &[Made]) -> Vec<u8> {
    let mut file = Vec::new();
    let put = |file: &mut Vec<u8>, numbers: &[u32]| numbers.iter().for_each(|number| file.extend(number.to_le_bytes()));
    put(&mut file, &[0xa1b2_c3d4, 2 | 4 << 16, 0, 0, 262_144, 1]);
    for (bytes, seconds, captured) in frames {
        put(&mut file, &[1_700_000_000 + seconds, 0, *captured as u32, bytes.len() as u32]);
        file.extend(&bytes[..*captured]);
    }
    file
}
