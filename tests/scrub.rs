//! `dissect scrub`: what is shared has the same frames, messages and faults, and no secret or address of the original.

mod common;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use common::capture::{Talk, write};
use common::{dissect, run};
use serde_json::Value;

/// Scrubs a capture; the report, and the new capture's bytes.
fn scrub(capture: &Path, arguments: &[&str]) -> (Value, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let printed = run(dissect().arg("scrub").arg(capture).arg("-o").arg(&out).args(["-T", "json"]).args(arguments));
    assert!(matches!(printed.code, Some(0 | 1)), "{}: {}", capture.display(), printed.stderr);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
    (serde_json::from_slice(&printed.stdout).unwrap(), fs::read(out).unwrap())
}

fn records(capture: &Path) -> Vec<Value> {
    let printed = run(dissect().args(["-T", "json", "-r"]).arg(capture));
    printed.records()
}

/// What is to be the same of a record, whatever its addresses are.
fn gist(record: &Value) -> Option<Value> {
    let pick = |of: &Value, keys: &[&str]| -> Value { keys.iter().map(|key| of[*key].clone()).collect() };
    match record["type"].as_str()? {
        "message" => {
            let message = pick(
                &record["message"],
                &["number", "kind", "integrity", "issues", "answers", "missing", "segments", "segment_count"],
            );
            let http = &record["http"];
            let names: Vec<&Value> = http["headers"].as_array().into_iter().flatten().map(|field| &field[0]).collect();
            let start = [&http["request"]["method"], &http["response"]["code"], &http["body"]["length"]];
            Some(serde_json::json!([record["tcp"]["stream"], message, start, names, record["frame"]["number"]]))
        }
        "connection" => {
            let mut record = record.clone();
            record.as_object_mut()?.retain(|key, _| !["ends", "client", "server", "ip", "tls"].contains(&key.as_str()));
            // By what is zeroed, it is not told any more.
            record["connection"].as_object_mut()?.remove("protocol");
            Some(without_addresses(record))
        }
        "end" => Some(pick(&record["totals"], &["frames", "bytes", "connections", "requests", "responses"])),
        _ => None,
    }
}

/// Texts that are addresses go, wherever they are.
fn without_addresses(value: Value) -> Value {
    match value {
        Value::Object(map) => map.into_iter().map(|(key, value)| (key, without_addresses(value))).collect(),
        Value::Array(list) => list.into_iter().map(without_addresses).collect(),
        Value::String(text) if text.parse::<std::net::IpAddr>().is_ok() => Value::Null,
        value => value,
    }
}

/// Longer captures have the same in them, and take longer.
const MAX_LEN: u64 = 12 << 10;

fn captures() -> Vec<PathBuf> {
    let is_plain = |path: &PathBuf| {
        path.extension().is_some_and(|end| end == "pcap" || end == "pcapng")
            && fs::metadata(path).is_ok_and(|file| file.len() < MAX_LEN)
    };
    common::fixtures().into_iter().filter(is_plain).collect()
}

/// Captures of what is zeroed, or masked in a coding that then cannot be undone.
const OTHERS: [&str; 6] = ["h2-gzip", "h2-headers-lost", "no-bytes", "ntp", "websocket-browser", "websocket-deflate"];

#[test]
fn messages_and_their_faults_stay() {
    for capture in captures() {
        let name = capture.file_stem().unwrap().to_string_lossy().into_owned();
        if OTHERS.contains(&name.as_str()) {
            continue;
        }
        let (_, scrubbed) = scrub(&capture, &["--key", "stay", "--keep-coded"]);
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        fs::write(&out, scrubbed).unwrap();
        let of = |path: &Path| records(path).iter().filter_map(gist).collect::<Vec<_>>();
        let (before, after) = (of(&capture), of(&out));
        for (before, after) in before.iter().zip(&after) {
            assert_eq!(before, after, "{name}");
        }
        assert_eq!(before.len(), after.len(), "{name}");
    }
}

/// Captures that have addresses in all sorts of places.
const WITH_ADDRESSES: [&str; 22] = [
    "arp-ping.pcap",
    "connect-tunnel.pcap",
    "dhcp.pcap",
    "dns-tcp.pcap",
    "dns-types.pcap",
    "dns.pcap",
    "fragments-reordered.pcap",
    "ftp.pcap",
    "h2-streams.pcap",
    "ip-fragments.pcap",
    "ipv6.pcap",
    "linux-sll.pcap",
    "linux-sll2.pcap",
    "mdns.pcap",
    "port-unreachable.pcap",
    "qinq.pcap",
    "redirect.pcap",
    "snaplen-96.pcap",
    "ssdp.pcap",
    "tls13.pcap",
    "two-interfaces.pcapng",
    "websocket-chat.pcap",
];

#[test]
fn no_address_of_the_original_is_left() {
    for name in WITH_ADDRESSES {
        let capture = common::path(&format!("fixtures/{name}"));
        let (_, scrubbed) = scrub(&capture, &["--key", "gone"]);
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        fs::write(&out, &scrubbed).unwrap();
        let of = |capture: &Path| {
            let mut addresses = HashMap::new();
            let printed = run(dissect().args(["-P", "-T", "json", "-r"]).arg(capture));
            printed.records().iter().for_each(|record| collect(record, &mut addresses));
            addresses
        };
        let after = of(&out);
        for (text, bytes) in of(&capture) {
            assert!(!after.contains_key(&text), "{name}: {text}");
            // Four bytes may be there by chance.
            assert!(bytes.len() == 4 || !holds(&scrubbed, &bytes), "{name}: {text} in bytes");
            assert!(text.len() < 7 || !holds(&scrubbed, text.as_bytes()), "{name}: {text} in text");
        }
    }
}

/// The addresses that are in a record and have to be others afterwards.
fn collect(value: &Value, addresses: &mut HashMap<String, Vec<u8>>) {
    match value {
        Value::Object(map) => map.values().for_each(|value| collect(value, addresses)),
        Value::Array(list) => list.iter().for_each(|value| collect(value, addresses)),
        Value::String(text) => match text.parse() {
            Ok(std::net::IpAddr::V4(v4)) if is_mapped(v4) => {
                addresses.insert(text.clone(), v4.octets().to_vec());
            }
            Ok(std::net::IpAddr::V6(v6)) if !v6.is_multicast() && !v6.is_loopback() && !v6.is_unspecified() => {
                addresses.insert(text.clone(), v6.octets().to_vec());
            }
            _ => {}
        },
        _ => {}
    }
}

fn is_mapped(v4: std::net::Ipv4Addr) -> bool {
    let stays = v4.is_multicast() || v4.is_loopback() || v4.is_broadcast() || v4.octets()[0] == 0;
    !stays && v4.octets()[1..] != [0; 3]
}

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(haystack, needle).is_some()
}

/// Ethernet, IPv4 and TCP with this payload, checksums right.
fn frame(to_server: bool, flags: u8, seq: u32, ack: u32, payload: &[u8]) -> Vec<u8> {
    let (client, server) = ([192, 168, 77, 21], [198, 51, 100, 45]);
    let (src, dst, ports) = if to_server { (client, server, [40000_u16, 80]) } else { (server, client, [80, 40000]) };
    let mut tcp: Vec<u8> = ports.iter().flat_map(|port| port.to_be_bytes()).collect();
    tcp.extend_from_slice(&seq.to_be_bytes());
    tcp.extend_from_slice(&ack.to_be_bytes());
    tcp.extend_from_slice(&[0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    tcp.extend_from_slice(payload);
    let pseudo = [&src[..], &dst, &[0, 6], &(tcp.len() as u16).to_be_bytes()].concat();
    let sum = checksum(&[&pseudo, &tcp[..]].concat());
    tcp[16..18].copy_from_slice(&sum.to_be_bytes());
    let mut ip = vec![0x45, 0];
    ip.extend_from_slice(&(20 + tcp.len() as u16).to_be_bytes());
    ip.extend_from_slice(&[0, 1, 0x40, 0, 64, 6, 0, 0]);
    ip.extend_from_slice(&src);
    ip.extend_from_slice(&dst);
    let sum = checksum(&ip);
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
    [b"\x02\x1b\x21\x0a\x0b\x0c\x02\x1b\x21\x0d\x0e\x0f\x08\0".as_slice(), &ip, &tcp].concat()
}

fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)));
    let sum = words.sum::<u32>();
    let sum = (sum & 0xffff) + (sum >> 16);
    !((sum & 0xffff) + (sum >> 16)) as u16
}

fn pcap(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    let words = |file: &mut Vec<u8>, words: &[u32]| words.iter().for_each(|word| file.extend(word.to_le_bytes()));
    words(&mut file, &[0xa1b2_c3d4, 4 << 16 | 2, 0, 0, 0x4_0000, 1]);
    for (at, frame) in frames.iter().enumerate() {
        words(&mut file, &[1_700_000_000, at as u32 * 1000, frame.len() as u32, frame.len() as u32]);
        file.extend_from_slice(frame);
    }
    file
}

/// A request with secrets of all sorts, cut anywhere, in parts out of order, twice and with other bytes.
fn planted() -> (Vec<Vec<u8>>, Vec<u8>) {
    let form = b"user=PLANT-user&password=PLANT-form";
    let mut request =
        b"POST /in?token=PLANT-query HTTP/1.1\r\nHost: 198.51.100.45\r\nAuthorization: Bearer PLANT-bearer\r\n\
        Cookie: sid=PLANT-cookie\r\nX-Forwarded-For: 192.168.77.21\r\nX-Api-Key: PLANT-field\r\n\
        Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n"
            .to_vec();
    for piece in form.chunks(11) {
        request.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        request.extend_from_slice(piece);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"0\r\n\r\n");
    let mut frames =
        vec![frame(true, 2, 999, 0, b""), frame(false, 0x12, 4999, 1000, b""), frame(true, 0x10, 1000, 5000, b"")];
    let pieces: Vec<(usize, &[u8])> =
        request.chunks(23).enumerate().map(|(index, piece)| (index * 23, piece)).collect();
    let mut send = |at: usize, piece: &[u8]| frames.push(frame(true, 0x18, 1000 + at as u32, 5000, piece));
    for pair in pieces.chunks(2) {
        // The second one first, and then both again.
        pair.iter().rev().chain(pair).for_each(|(at, piece)| send(*at, piece));
    }
    // Other bytes in the place of some that were there: as hostile as it gets.
    send(0, b"PLANT-conflict-that-is-new-and-long");
    let end = 1000 + request.len() as u32;
    let response =
        b"HTTP/1.1 200 OK\r\nSet-Cookie: sid=PLANT-set; Path=/\r\nContent-Length: 18\r\n\r\nfrom 192.168.77.21";
    frames.push(frame(false, 0x18, 5000, end, response));
    frames.push(frame(true, 0x10, end, 5000 + response.len() as u32, b""));
    // And what is no HTTP.
    frames.push(frame(true, 0x18, end, 5000 + response.len() as u32, b"\x00\x01PLANT-other\r\n"));
    (frames, request)
}

#[test]
fn planted_secrets_are_gone_in_every_copy_and_checksums_are_right() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("in.pcap");
    let (frames, request) = planted();
    fs::write(&capture, pcap(&frames)).unwrap();
    let (report, scrubbed) = scrub(&capture, &["--key", "planted"]);
    assert_eq!(scrubbed.len(), pcap(&frames).len());
    let mut whole = vec![0; request.len()];
    let mut at = 24;
    for original in &frames {
        let new = &scrubbed[at + 16..at + 16 + original.len()];
        at += 16 + original.len();
        assert_eq!(checksum(&new[14..34]), 0);
        let pseudo = [&new[26..34], &[0, 6], &(new.len() as u16 - 34).to_be_bytes()].concat();
        assert_eq!(checksum(&[&pseudo, &new[34..]].concat()), 0);
        // Ports, sequence and acknowledgment numbers, flags and window.
        assert_eq!(new[34..50], original[34..50]);
        assert!(new[6] & 1 == 0 && new[26..30] != original[26..30] && new[30..34] != original[30..34]);
        let seq = u32::from_be_bytes(new[38..42].try_into().unwrap()) as usize;
        if new[34] != 0 && new[54..].iter().any(|byte| *byte != 0) && seq - 1000 < whole.len() {
            whole[seq - 1000..][..new.len() - 54].copy_from_slice(&new[54..]);
        }
    }
    let shown = String::from_utf8_lossy(&scrubbed).into_owned();
    assert!(!holds(&scrubbed, b"PLANT"), "{shown}");
    // Nor in pieces: the whole is put together from what each frame has.
    let whole = String::from_utf8_lossy(&whole).into_owned();
    for secret in ["PLANT", "query", "bearer", "cookie\r", "-field", "form", "192.168.77.21", "198.51.100.45"] {
        let is_name = secret == "form";
        assert!(is_name && !whole.contains("PLANT-form") || !whole.contains(secret), "{secret}: {whole}");
    }
    assert!(
        whole.starts_with("POST /in?token=*********** HTTP/1.1\r\nHost: ") && whole.ends_with("0\r\n\r\n"),
        "{whole}"
    );
    for kind in ["credentials", "cookie", "field", "url", "form"] {
        assert!(report["secrets"][kind].as_u64() > Some(0), "{kind}: {report}");
    }
    // The copies with other bytes, and what is no HTTP.
    assert!(report["zeroed"]["copies"].as_u64() > Some(0) && report["zeroed"]["bytes"]["tcp"].as_u64() >= Some(13));
}

#[test]
fn chosen_bodies_are_masked_and_chunks_stay() {
    let body = |capture: &str, name: &str, arguments: &[&str]| {
        let (_, scrubbed) = scrub(&common::path(capture), arguments);
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        fs::write(&out, scrubbed).unwrap();
        let printed = run(dissect().args(["--body", name, "-r"]).arg(&out));
        assert_eq!(printed.code, Some(0), "it is whole");
        printed.stdout
    };
    let is_masked = |body: Vec<u8>| body.iter().all(|byte| *byte == b'*');
    for (capture, name, filter) in [
        ("fixtures/chunked-request.pcap", "0.1", "http.request"),
        ("fixtures/chunked-trailer.pcap", "0.2", "http.response.code == 200"),
    ] {
        let before = body(capture, name, &["--mask-body", "http.request and http.response"]);
        assert!(!before.is_empty() && !is_masked(before.clone()), "{capture}");
        for arguments in [&["--mask-body", filter][..], &["--mask-bodies"]] {
            let after = body(capture, name, arguments);
            assert!(after.len() == before.len() && is_masked(after), "{capture}");
        }
    }
}

#[test]
fn secrets_between_chunks_and_in_a_trailer_that_is_cut_are_gone() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("a.pcap");
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let talk = Talk::new(40_001).send(0, format!("{head}2;token=PLANTED\r\nok\r\n0\r\n\r\n").as_bytes());
    let talk = talk.send(0, format!("{head}2\r\nok\r\n0\r\nCookie: a=PLANTED\r\n").as_bytes());
    write(&capture, &[talk]);
    let (_, scrubbed) = scrub(&capture, &[]);
    assert!(!holds(&scrubbed, b"PLANTED"));
    assert!(holds(&scrubbed, b"2;token=*******\r\nok\r\n0\r\n\r\n"));
}

#[test]
fn the_key_makes_the_capture() {
    let capture = common::path("fixtures/get-nginx-curl.pcap");
    let with = |arguments: &[&str]| scrub(&capture, arguments).1;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    fs::write(&file, "one").unwrap();
    assert_eq!(with(&["--key", "one"]), with(&["--key-file", file.to_str().unwrap()]));
    assert_ne!(with(&["--key", "one"]), with(&["--key", "two"]));
    assert_ne!(with(&[]), with(&[]));
}

#[test]
fn the_capture_that_is_read_is_not_replaced_and_none_is_left_half_written() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("in.pcap");
    fs::copy(common::path("fixtures/keep-alive.pcap"), &capture).unwrap();
    let before = fs::read(&capture).unwrap();
    let printed = run(dissect().arg("scrub").arg(&capture).arg("-o").arg(&capture));
    assert_eq!(printed.code, Some(3));
    assert_eq!(fs::read(&capture).unwrap(), before);
    let out = folder.path().join("out.pcap");
    let missing = folder.path().join("missing.pcap");
    for (words, code) in [(vec!["--mask-body", "no.such.field"], 2), (vec!["--key-file", missing.to_str().unwrap()], 2)]
    {
        let printed = run(dissect().arg("scrub").arg(&capture).arg("-o").arg(&out).args(words));
        assert_eq!(printed.code, Some(code));
    }
    let printed = run(dissect().arg("scrub").arg(&missing).arg("-o").arg(&out));
    assert_eq!(printed.code, Some(3));
    assert_eq!(run(dissect().args(["scrub", "-", "-o"]).arg(&out)).code, Some(2));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    // One that is cut is written as far as it goes, which the exit code says.
    fs::write(&capture, &before[..before.len() - 7]).unwrap();
    assert_eq!(run(dissect().arg("scrub").arg(&capture).arg("-o").arg(&out)).code, Some(1));
    assert!(out.exists());
}
