//! The HTTP messages of captures, against those that tshark finds. Skipped where tshark is not installed.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use common::wire::{MS, Packet, tell};
use common::{compared_captures, dissect, fixtures, installed, name, run, side_by_side};
use dissect::registry::entries;
use serde_json::Value;

/// Fixtures in which tshark sees other HTTP messages, and why.
const OTHER_MESSAGES: &[(&str, &str)] = &[
    ("ack-before-data.pcap", ORDER),
    ("ack-before-last-data.pcap", ORDER),
    ("byte-at-a-time-response.pcap", OPEN),
    ("capture-stopped.pcap", OPEN),
    ("closed-early.pcap", OPEN),
    ("cut-frame-in-body.pcap", MISSING),
    ("damaged-request-then-good.pcap", METHOD),
    ("file-cut-in-body.pcap", OPEN),
    ("fin-lost.pcap", OPEN),
    ("fragment-lost.pcap", MISSING),
    ("hole-at-end-of-body.pcap", MISSING),
    ("hole-in-body.pcap", MISSING),
    ("hole-in-chunk.pcap", MISSING),
    ("hole-in-request-body.pcap", MISSING),
    ("hole-in-request-head.pcap", MISSING),
    ("hole-of-chunk.pcap", MISSING),
    ("hole-of-two-segments.pcap", MISSING),
    ("hole-until-close.pcap", MISSING),
    ("http09.pcap", NINE),
    ("lab-half-page.pcap", OPEN),
    ("lab-hole-in-page.pcap", MISSING),
    ("late-data.pcap", ORDER),
    ("length-too-large.pcap", OPEN),
    ("page-lossy.pcap", ORDER),
    ("missing-blank-line.pcap", OPEN),
    ("reordered-after-ack.pcap", ORDER),
    ("reordered-request.pcap", ORDER),
    ("reset-in-body.pcap", OPEN),
    ("reset-with-hole.pcap", MISSING),
    ("response-before-request.pcap", ORDER),
    ("reversed-response.pcap", ORDER),
    ("second-response-before-request.pcap", ORDER),
    ("ssdp.pcap", DATAGRAMS),
    ("stray-spaces.pcap", METHOD),
];

const MISSING: &str = "bytes are missing: tshark loses the message";
const ORDER: &str = "segments came in another order: tshark loses or cuts the message";
const OPEN: &str = "it never became whole, or ends with the connection alone: tshark loses the message";
const METHOD: &str = "its method is none that tshark knows";
const DATAGRAMS: &str = "over UDP, where messages have no TCP stream";
const NINE: &str = "HTTP/0.9, which tshark does not read";

/// The least share of tshark's messages that is to be found.
const LEAST_SHARE: f64 = 0.99;

/// Fields that differ in some fixture although the messages are the same, and why.
const OTHER_FIELDS: &[(&str, &str)] = &[
    ("http.content_length", REPEATED),
    ("http.content_length_header", REPEATED),
    ("http.request_in", REQUEST),
    ("http.server", "a line that was cut says less than it was to say: we leave it to the raw head"),
    ("http.time", TIME),
];

/// The same of the captures from elsewhere.
const OTHER_FIELDS_ELSEWHERE: &[(&str, &str)] = &[
    ("http.cache_control", REPEATED),
    ("http.connection", REPEATED),
    ("http.date", REPEATED),
    ("http.request_in", REQUEST),
    ("http.response.phrase", "an empty phrase is one to us"),
    ("http.time", TIME),
];

const REQUEST: &str = "tshark names the last request, we the one that is answered";
const TIME: &str = "ours runs from the request's last byte to the response's first, theirs to its last";
const REPEATED: &str = "of a field that is there twice we have the first here, and all in `http.headers`";

/// The fields of HTTP messages that both have.
static FIELDS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let output = Command::new("tshark").args(["-G", "fields"]).output().expect("tshark runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let theirs: BTreeSet<&str> = text.lines().filter_map(|line| line.split('\t').nth(2)).collect();
    let ours = entries().into_iter().map(|entry| entry.name.to_owned());
    ours.filter(|name| name.starts_with("http.") && theirs.contains(name.as_str())).collect()
});

/// What there is in a capture.
#[derive(Default)]
struct Told {
    messages: Messages,
    /// The values of each of [`FIELDS`].
    fields: BTreeMap<&'static str, Messages>,
}

impl Told {
    fn value(&mut self, field: &'static str, stream: &str, value: &str) {
        *self.fields.entry(field).or_default().entry(format!("{stream} {value}")).or_default() += 1;
    }

    /// The fields that differ, if the messages are the same.
    fn differing(&self, other: &Self) -> impl Iterator<Item = &'static str> {
        let same = self.messages == other.messages;
        let fields = FIELDS.iter().map(String::as_str).filter(move |_| same);
        fields.filter(|field| self.fields.get(field) != other.fields.get(field))
    }
}

/// How often each message is there: `0 GET /`, `0 200`, with the number of its stream.
type Messages = BTreeMap<String, usize>;

#[test]
fn messages_of_the_fixtures_are_those_of_tshark() {
    if !installed("tshark") {
        return println!("skipped: tshark is not installed");
    }
    let compare = |path: &PathBuf| {
        let (ours, theirs) = (ours(path), theirs(path));
        let differs = ours.messages != theirs.messages;
        if differs {
            println!("{}: {:?}, tshark {:?}", name(path), ours.messages, theirs.messages);
        }
        (differs.then(|| name(path)), ours.differing(&theirs).map(str::to_owned).collect::<Vec<_>>())
    };
    let (differing, fields): (Vec<_>, Vec<_>) = side_by_side(&fixtures(), compare).into_iter().unzip();
    let differing: BTreeSet<String> = differing.into_iter().flatten().collect();
    let fields: BTreeSet<String> = fields.into_iter().flatten().collect();
    assert_eq!(differing, names(OTHER_MESSAGES), "captures with other messages, and those known for that");
    assert_eq!(fields, names(OTHER_FIELDS), "fields that differ, and those known for that");
}

#[test]
fn messages_of_other_captures_are_found() {
    let (elsewhere, are_all) = compared_captures();
    let captures: Vec<PathBuf> = elsewhere.into_iter().filter(|path| may_have_http(path)).collect();
    if captures.is_empty() || !installed("tshark") {
        return println!("skipped: ../shared/captures or tshark is not there");
    }
    let tallies = side_by_side(&captures, |path| tally(path));
    let all: usize = tallies.iter().map(|tally| tally.all).sum();
    let missed: usize = tallies.iter().map(|tally| tally.missed).sum();
    println!("{} of {all} messages found in {} captures", all - missed, captures.len());
    assert!(missed as f64 <= all as f64 * (1.0 - LEAST_SHARE), "{missed} of {all} are missed");
    let incomplete = captures.iter().zip(&tallies).filter(|(_, tally)| tally.missed > 0);
    let incomplete: Vec<String> = incomplete.map(|(path, _)| name(path)).collect();
    assert!(incomplete.is_empty(), "captures of which some are missed: {incomplete:?}");
    let fields: BTreeSet<String> =
        tallies.iter().flat_map(|tally| &tally.fields).map(|field| (*field).to_owned()).collect();
    let known = names(OTHER_FIELDS_ELSEWHERE);
    let other: Vec<_> = fields.difference(&known).collect();
    assert!(other.is_empty(), "fields that differ, and are not known for that: {other:?}");
    assert!(!are_all || fields == known, "fields that differ no more: {known:?}");
}

/// What tshark finds in a capture, and how much of that is not found.
struct Tally {
    all: usize,
    missed: usize,
    /// Fields that differ where none is missed.
    fields: Vec<&'static str>,
}

fn tally(path: &Path) -> Tally {
    let (ours, theirs) = (ours(path), theirs(path));
    let mut tally = Tally { all: theirs.messages.values().sum(), missed: 0, fields: ours.differing(&theirs).collect() };
    for (message, count) in &theirs.messages {
        let missed = count.saturating_sub(ours.messages.get(message).copied().unwrap_or(0));
        if missed > 0 {
            println!("{}: {missed} × {message:?} missed", name(path));
            tally.missed += missed;
        }
    }
    tally
}

/// Whether the version is somewhere in a file, or may be once it is decompressed. tshark reads no HTTP without it.
fn may_have_http(path: &Path) -> bool {
    let compressed = path.extension().is_some_and(|end| ["gz", "zst", "lz4"].iter().any(|coding| end == *coding));
    compressed || std::fs::read(path).is_ok_and(|bytes| memchr::memmem::find(&bytes, b"HTTP/").is_some())
}

fn names(table: &[(&str, &str)]) -> BTreeSet<String> {
    table.iter().map(|(name, _)| (*name).to_owned()).collect()
}

fn ours(path: &Path) -> Told {
    let told = run(dissect().args(["-T", "json", "-r"]).arg(path));
    let text = String::from_utf8(told.stdout).unwrap();
    let mut all = Told::default();
    for line in text.lines().filter(|line| line.starts_with("{\"type\":\"message\"")) {
        let record: Value = serde_json::from_str(line).unwrap();
        // HTTP/2 is compared in tests/protocols.rs.
        if !record["http2"].is_null() {
            continue;
        }
        let (stream, http) = (&record["tcp"]["stream"], &record["http"]);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let message = match (http.get("request"), http.get("response")) {
            (Some(request), _) => format!("{stream} {} {}", text(&request["method"]), text(&request["uri"])),
            (_, Some(response)) => format!("{stream} {}", response["code"]),
            _ => continue,
        };
        *all.messages.entry(message).or_default() += 1;
        for field in FIELDS.iter() {
            let value = field.split('.').skip(1).fold(http, |value, part| &value[part]);
            let value = value.get("value").unwrap_or(value);
            let one = std::slice::from_ref(value);
            for value in value.as_array().map_or(one, Vec::as_slice).iter().filter(|value| !value.is_null()) {
                all.value(field, &stream.to_string(), &value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            }
        }
    }
    all
}

fn theirs(path: &Path) -> Told {
    let mut command = Command::new("tshark");
    command.args(["-n", "-Y", "tcp && http", "-T", "fields", "-E", "separator=\x02", "-E", "aggregator=\x01"]);
    for field in ["tcp.stream"].into_iter().chain(FIELDS.iter().map(String::as_str)) {
        command.args(["-e", field]);
    }
    let output = command.arg("-r").arg(path).output().expect("tshark runs");
    let mut all = Told::default();
    for row in String::from_utf8_lossy(&output.stdout).lines() {
        let columns: Vec<Vec<&str>> = row.split('\x02').map(values).collect();
        let (streams, columns) = columns.split_first().unwrap_or_else(|| panic!("{row:?}"));
        let stream = streams.last().copied().unwrap_or_default();
        for (field, values) in FIELDS.iter().zip(columns) {
            values.iter().for_each(|value| all.value(field, stream, value));
        }
        let column = |name: &str| &columns[FIELDS.iter().position(|field| field == name).unwrap()];
        let [methods, targets, codes] = ["http.request.method", "http.request.uri", "http.response.code"].map(column);
        let targets = targets.iter().copied().chain(std::iter::repeat(""));
        let requests = methods.iter().zip(targets).map(|(method, target)| format!("{stream} {method} {target}"));
        for message in requests.chain(codes.iter().map(|code| format!("{stream} {code}"))) {
            *all.messages.entry(message).or_default() += 1;
        }
    }
    all
}

/// The values of a field in one frame.
fn values(column: &str) -> Vec<&str> {
    column.split('\x01').filter(|value| !value.is_empty()).collect()
}

/// Start lines in places where it takes more than the first bytes after a handshake to find them.
#[test]
fn messages_are_found_wherever_they_begin() {
    const GET: &str = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
    const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let socks = ["\x04\x01\0\x50\x01\x02\x03\x04\0", "\0\x5a\0\x50\x01\x02\x03\x04"];
    let bare_101 = format!("HTTP/1.1 101 Why\r\n\r\n{OK}");
    // What is sent, turn and turn about, from the client on; requests and responses after a handshake, and without one.
    for (turns, handshake, joined) in [
        (&[GET, OK][..], [1, 1], [1, 1]),
        (&["GET /\r\n\r\n", OK], [1, 1], [1, 1]),
        (&["GET /a HTTP/3.0\r\n\r\n", "HTTP/3 200\r\n\r\n"], [1, 1], [1, 1]),
        (&["ODD /a HTTP/1.1\r\n\r\n", "ICY 200 OK\r\n\r\n"], [1, 1], [0, 1]),
        (&[GET, &bare_101], [1, 2], [1, 2]),
        (&[socks[0], socks[1], GET, OK], [1, 1], [1, 1]),
        (&["HEAD / HTTP/1.1\r\nHost: h\r\n\r\n", OK, GET, OK], [2, 2], [2, 2]),
        // Whole lines from the very beginning are what was sent, whatever the method; joined, its beginning is not known.
        (&["abc", "def", "ODD /a HTTP/1.1\r\n\r\n"], [1, 0], [0, 0]),
        (&["inside of a body", "of another", GET, OK], [1, 1], [1, 1]),
    ] {
        for (begins, want) in [(true, handshake), (false, joined)] {
            let told = tell(&packets(turns, begins));
            let found = [told.of(true).len(), told.of(false).len()];
            assert_eq!(found, want, "{turns:?} {}", if begins { "after a handshake" } else { "joined" });
        }
    }
}

fn packets(turns: &[&str], handshake: bool) -> Vec<Packet> {
    let mut next = [1000, 5000];
    let mut packets = Vec::new();
    if handshake {
        let syn = Packet { syn: true, ..Packet::new(0, next[0] - 1, None, b"") };
        let syn_ack = Packet { syn: true, ..Packet::new(1, next[1] - 1, Some(next[0]), b"") };
        packets.extend([syn, syn_ack]);
    }
    for (turn, text) in turns.iter().enumerate() {
        let from = turn % 2;
        let time = MS * packets.len() as i64;
        packets.push(Packet { time, ..Packet::new(from, next[from], Some(next[1 - from]), text.as_bytes()) });
        next[from] += text.len() as u32;
    }
    packets
}

/// Times beyond those that there are become the latest: none passes then, and a hole is not waited for.
#[test]
fn messages_are_found_at_the_end_of_time() {
    let mut all =
        packets(&["GET / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"], true);
    all.push(Packet::new(1, 7000, Some(1000), b"after a hole"));
    all.push(Packet::new(0, 9000, Some(5000), b"after a hole"));
    all.iter_mut().for_each(|packet| packet.time = i64::MAX - 1_700_000_000_000 * MS);
    let told = tell(&all);
    assert_eq!([told.of(true).len(), told.of(false).len()], [1, 1]);
}
