//! What the messages of protocols beside HTTP/1.x say, against tshark. Skipped where tshark is not installed.
//!
//! A protocol is a row of [`PROTOCOLS`]. Its fields that both have are compared without more; what differs is named, with
//! the reason, in [`DIFFERENCES`]. A line of it of which there is no difference any more fails.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use common::tshark::{self, Difference, Row, alike, flatten, other, value};
use common::{dissect, installed, name, run, side_by_side};
use dissect::registry::entries;
use memchr::memmem;
use serde_json::Value;

/// A protocol whose messages are compared.
struct Protocol {
    /// Its name in records, with which the names of its fields begin.
    name: &'static str,
    /// The filter by which tshark shows frames in which a message of it ends.
    filter: &'static str,
    /// Whether a capture may have it to tshark: a cheap look, which says yes where it cannot tell.
    may_be_in: fn(&Capture) -> bool,
    /// Which values are compared with each other.
    by: By,
}

/// Which values are compared with each other, of each field.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    /// Those of the messages that end in a frame, in order.
    Frame,
    /// Those of a capture, in any order: where messages of several connections end in other frames to tshark.
    Capture,
}

/// Every protocol that is compared.
const PROTOCOLS: &[Protocol] = &[
    Protocol {
        name: "dns",
        filter: "dns || mdns || llmnr",
        may_be_in: |capture| ["53", "5353", "5355"].iter().any(|port| capture.has_port(port)),
        by: By::Frame,
    },
    Protocol {
        name: "websocket",
        filter: "websocket",
        may_be_in: |capture| capture.has_bytes(b"Sec-WebSocket-Accept"),
        by: By::Capture,
    },
    Protocol {
        name: "tls",
        // Not that of QUIC.
        filter: "tls && tcp",
        may_be_in: |capture| {
            [b"\x16\x03\x00", b"\x16\x03\x01", b"\x16\x03\x03"].iter().any(|start| capture.has_bytes(*start))
        },
        by: By::Capture,
    },
    Protocol {
        name: "http2",
        filter: "http2",
        may_be_in: |capture| capture.has_bytes(b"PRI * HTTP/2.0"),
        by: By::Capture,
    },
];

/// Every difference, a line a reason. A field that has a protocol's own name is whether there is a message.
const DIFFERENCES: &[Difference] = &[
    other(
        &["DnsPackets", "IgmpPackets", "ip6_fragments", "fixtures/mdns", "samples-test", "tests_test3"],
        PAIRING,
        "mDNS: tshark pairs by identifier, which is 0, within a stream; we by what was asked, across streams",
    ),
    other(
        &["dns_stack_overflow", "dns-badlabel", "dns_fwdptr", "dns_udp_2"],
        &["dns.response_to", "dns.time", "dns.unsolicited"],
        "of a message that is cut or malformed tshark does not come to look for the question",
    ),
    other(&["ip6_fragments", "dns-types"], &["dns.resp.name"], "of SRV tshark has the parts of the name alone"),
    other(&["tests_dns_tcp_8053"], &["dns"], "on port 8053, where tshark does not look"),
    other(&["rtp-seg-fault"], &["dns"], "UDP's length is more than the packet has: to us there is no datagram"),
    other(
        &["dns-badlabel"],
        &["dns.count.labels", "dns.qry."],
        "names that lead through all of the message are too long",
    ),
    other(&["dns_fwdptr"], &["dns.count.labels", "dns.qry."], "the last of some ten thousand names is cut"),
    other(&[], &["http2.magic"], "tshark shows its line ends as backslashes and letters"),
    other(&[], &["http2.streamid"], "told once for all frames of a message"),
    other(
        &["h2-hole-in-data", "h2-headers-lost", "h2-push", "h2-streams"],
        &["http2.flags", "http2.flags.", "http2.length", "http2.type", "http2.settings."],
        "what the server sends before the client's preface is not of HTTP/2 to tshark",
    ),
    other(&["h2-headers-lost"], &["http2.header."], "after bytes that are missing tshark finds fewer frames again"),
    other(
        &["h2-reset"],
        &["http2.flags", "http2.flags.", "http2.length", "http2.type", "http2.goaway."],
        "tshark does not put the client's DATA together, and loses track of what follows it",
    ),
    other(&["h2-reset"], &["http2.rst_stream.error"], "told of the message that was cut short, too"),
    other(
        &["websocket-chat", "websocket-hole", "websocket-cut"],
        &["websocket.payload.text", "websocket.fragment.count", "websocket.reassembled.length"],
        "fragments that are not compressed are not joined by tshark",
    ),
    other(
        &["websocket-hole", "websocket-cut"],
        &[
            "websocket.fin",
            "websocket.rsv",
            "websocket.opcode",
            "websocket.mask",
            "websocket.payload_length",
            "websocket.payload_length_ext_16",
        ],
        "tshark has no frame that is not whole",
    ),
    other(
        &["websocket-deflate"],
        &["websocket.payload.text"],
        "where the client alone takes its context over, tshark does not decompress what refers back",
    ),
    other(&["tcp-reassembly"], &["tls.record."], "what sFlow sampled of other connections is not read"),
    other(
        &["examples_tls2", "PartialCertificate", "tls_server_hello", "tls1_3", "pkg_pcap_testdata_1"],
        &["tls.record.", "tls.handshake.certificate_length", "tls.handshake.length", "tls.handshake.type"],
        "bytes are missing: we tell of what is left of a record or a message, and go on with the next",
    ),
    other(
        &["examples_tls2", "MultipleRecords4"],
        &["tls.handshake.server_named_curve"],
        "we read the key where the cipher suite is not known, or part of it is missing",
    ),
    other(
        &["examples_tls2", "tls_ciphers", "MultipleRecords4"],
        &["tls.handshake.sig_hash_alg"],
        "tshark also has those of SCTs, and of keys of other kinds",
    ),
    other(
        &["many-protocols", "example2"],
        &["tls.record."],
        "those of the first 64 records of a run; encrypted alerts",
    ),
    other(&["ssl-malformed1"], &["tls.handshake.extension.type"], "one that is cut off after its type"),
];

/// What a message is to those before it.
const PAIRING: &[&str] = &[
    "dns.response_to",
    "dns.retransmission",
    "dns.retransmit_request_in",
    "dns.retransmit_response_in",
    "dns.time",
    "dns.unsolicited",
];

/// The least share of the values of a field in the captures from elsewhere that are the same, those with a reason in the
/// table not left out.
const LEAST_SHARE: f64 = 0.99;

/// Fields of which more values differ, all of them for the reason in the table.
const LOW: [&[&str]; 2] = [PAIRING, LOSSY];

/// Fields of TLS that differ in one capture, which lacks a good part of its segments.
const LOSSY: &[&str] = &[
    "tls.handshake.certificate_length",
    "tls.handshake.length",
    "tls.handshake.type",
    "tls.record.content_type",
    "tls.record.length",
    "tls.record.opaque_type",
    "tls.record.version",
];

/// A capture as far as a cheap look goes.
struct Capture {
    /// The file's bytes; none where it is compressed.
    bytes: Option<Vec<u8>>,
    /// Our records, those of frames among them.
    records: String,
}

impl Capture {
    fn read(path: &Path) -> Self {
        let is_compressed =
            path.extension().is_some_and(|end| ["gz", "zst", "lz4"].iter().any(|coding| end == *coding));
        let bytes = if is_compressed { None } else { std::fs::read(path).ok() };
        let told = run(dissect().args(["-T", "json", "-P", "-r"]).arg(path));
        Self { bytes, records: String::from_utf8(told.stdout).expect("records are UTF-8") }
    }

    /// Whether some frame has this port, TCP's or UDP's.
    fn has_port(&self, port: &str) -> bool {
        let has = |key: &str| memmem::find(self.records.as_bytes(), format!("\"{key}\":{port},").as_bytes()).is_some();
        has("srcport") || has("dstport")
    }

    /// Whether bytes are somewhere in the file, or may be once it is decompressed.
    fn has_bytes(&self, bytes: &[u8]) -> bool {
        self.bytes.as_deref().is_none_or(|file| memmem::find(file, bytes).is_some())
    }

    /// The values of the messages of a protocol that end in each frame.
    fn rows(&self, protocol: &Protocol) -> BTreeMap<u64, Row> {
        let mut rows: BTreeMap<u64, Row> = BTreeMap::new();
        for line in self.records.lines().filter(|line| line.starts_with("{\"type\":\"message\"")) {
            let record: Value = serde_json::from_str(line).unwrap();
            // What QUIC's hellos say in fields of TLS is in no record of TLS.
            let is_of_quic = record.get("quic").is_some() && protocol.name == "tls";
            if let Some(own) = record.get(protocol.name).filter(|_| !is_of_quic) {
                let row = rows.entry(record["frame"]["number"].as_u64().unwrap()).or_default();
                flatten(protocol.name.to_owned(), own, row);
            }
        }
        rows
    }
}

/// What the difference between names is called in [`DIFFERENCES`].
const NAME: &str = "protocol";

/// What tshark calls protocols that are told by name, where it is not the name in small letters.
const CALLED: &[(&str, &[&str])] = &[
    ("memcached", &["memcache"]),
    ("pop3", &["pop"]),
    ("postgresql", &["pgsql"]),
    ("quic", &["gquic"]),
    ("redis", &["resp"]),
    ("s7comm", &["tpkt"]),
    ("smb", &["nbss"]),
];

/// A transport, and the number of a stream of it.
type Stream = (&'static str, u64);

/// The protocols of the streams of which the name is all that is told, in small letters.
fn named(capture: &Capture) -> BTreeMap<Stream, String> {
    let is_dissected = |name: &str| name == "http" || PROTOCOLS.iter().any(|protocol| protocol.name == name);
    let mut names = BTreeMap::new();
    for line in capture.records.lines().filter(|line| !line.starts_with("{\"type\":\"packet\"")) {
        let record: Value = serde_json::from_str(line).unwrap();
        let of = |transport: &'static str| {
            let layer = record.get(transport)?;
            let layer = layer.as_array().map_or(Some(layer), |layers| layers.last())?;
            Some((transport, layer["stream"].as_u64()?))
        };
        let name = match of("udp") {
            Some(_) => record.as_object().into_iter().flatten().find(|(_, own)| own.get("summary").is_some()),
            None => None,
        };
        let name = name.map(|(name, _)| name.as_str()).or(record["connection"]["protocol"].as_str());
        let name = name.map(|name| name.to_lowercase().replace('/', "")).filter(|name| !is_dissected(name));
        if let (Some(stream), Some(name)) = (of("udp").or_else(|| of("tcp")), name) {
            names.insert(stream, name);
        }
    }
    names
}

/// The protocols above each stream to tshark.
fn theirs(path: &Path) -> BTreeMap<Stream, BTreeSet<String>> {
    let fields = ["frame.protocols", "tcp.stream", "udp.stream"].map(str::to_owned).into();
    let mut all: BTreeMap<Stream, BTreeSet<String>> = BTreeMap::new();
    // What an ICMP error quotes is of no stream.
    for row in tshark::rows(path, "(tcp || udp) && !icmp && !icmpv6", &fields).into_values() {
        let layers: Vec<&str> = value(&row, "frame.protocols").iter().flat_map(|layers| layers.split(':')).collect();
        let Some(at) = layers.iter().rposition(|layer| ["tcp", "udp"].contains(layer)) else { continue };
        let transport = if layers[at] == "tcp" { "tcp" } else { "udp" };
        let stream = value(&row, &format!("{transport}.stream")).last().and_then(|stream| stream.parse().ok());
        let names = layers[at + 1..].iter().map(|layer| (*layer).to_owned());
        stream.into_iter().for_each(|stream| all.entry((transport, stream)).or_default().extend(names.clone()));
    }
    all
}

/// Compares the names of a capture's streams.
fn compare_names(path: &Path, capture: &Capture, count: Count<'_>) {
    let ours = named(capture);
    let theirs = if ours.is_empty() { BTreeMap::new() } else { theirs(path) };
    for ((transport, stream), own) in ours {
        let others = theirs.get(&(transport, stream)).cloned().unwrap_or_default();
        let called = CALLED.iter().find(|(name, _)| *name == own).map_or(&[][..], |(_, called)| called);
        let agrees = others.contains(&own) || called.iter().any(|name| others.contains(*name));
        let other: Vec<String> = if agrees { vec![own.clone()] } else { others.into_iter().collect() };
        count(stream, NAME, &[own], &other);
    }
}

/// The fields of each protocol that both have.
static FIELDS: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let of_a_protocol = |name: &str| PROTOCOLS.iter().any(|protocol| is_of(name, protocol));
    let ours = entries().into_iter().filter(|entry| entry.kind != "record").map(|entry| entry.name);
    ours.filter(|name| of_a_protocol(name) && tshark::FIELDS.contains(*name)).map(str::to_owned).collect()
});

fn is_of(field: &str, protocol: &Protocol) -> bool {
    field.strip_prefix(protocol.name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[test]
fn messages_of_other_protocols_are_those_of_tshark() {
    if !installed("tshark") {
        return println!("skipped: tshark is not installed");
    }
    let (elsewhere, are_all) = common::compared_captures();
    let all: Vec<(&PathBuf, bool)> = elsewhere.iter().map(|path| (path, false)).collect();
    let fixtures = common::fixtures();
    let all: Vec<(&PathBuf, bool)> = fixtures.iter().map(|path| (path, true)).chain(all).collect();
    let mut found = Found::default();
    side_by_side(&all, |(path, fixture)| compare(path, *fixture)).into_iter().for_each(|one| found.add(one));
    println!("{} captures of which tshark was asked", found.asked);
    for (field, (all, different)) in &found.counts {
        println!("{field:40} {all:8} compared {different:6} different");
    }
    let unknown: Vec<&str> = found.unknown.values().map(String::as_str).collect();
    assert!(unknown.is_empty(), "differences of which the table has no reason:\n{}", unknown.join("\n"));
    // Where not all captures from elsewhere are looked at, not all differences are met.
    let known = DIFFERENCES.iter().flat_map(|known| known.parts().map(|part| (known.reason, part)));
    let gone: Vec<_> = known.filter(|part| are_all && !found.used.contains(part)).collect();
    if are_all {
        assert_eq!(found.low(), LOW.concat(), "fields of which many values differ, and those known for that");
    }
    assert_eq!(gone, [], "lines of the table, and what they name, of which there is no difference any more");
}

/// What comparing came to.
#[derive(Default)]
struct Found {
    /// Captures of which tshark was asked.
    asked: usize,
    /// The first difference of each capture and field that none of [`DIFFERENCES`] covers.
    unknown: BTreeMap<(String, String), String>,
    /// The parts of [`DIFFERENCES`] of which there are any, after their reasons.
    used: BTreeSet<(&'static str, &'static str)>,
    /// Of each field in the captures from elsewhere, how often it was compared, and how often it differed.
    counts: BTreeMap<String, (u64, u64)>,
}

fn compare(path: &Path, fixture: bool) -> Found {
    let mut found = Found::default();
    let folder = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    let file = format!("{folder}/{}", name(path));
    let capture = Capture::read(path);
    let mut count = |frame: u64, field: &str, ours: &[String], theirs: &[String]| {
        let differs = !alike(ours, theirs);
        if !fixture {
            let counts = found.counts.entry(field.to_owned()).or_default();
            (counts.0, counts.1) = (counts.0 + 1, counts.1 + u64::from(differs));
        }
        if differs {
            found.used.extend(reasons(&file, field));
            if reasons(&file, field).next().is_none() {
                let tell = || format!("{file} frame {frame}: {field} {ours:?}, tshark {theirs:?}");
                found.unknown.entry((file.clone(), field.to_owned())).or_insert_with(tell);
            }
        }
    };
    compare_names(path, &capture, &mut count);
    let ours: Vec<BTreeMap<u64, Row>> = PROTOCOLS.iter().map(|protocol| capture.rows(protocol)).collect();
    let has_some = |(protocol, ours): (&Protocol, &BTreeMap<_, _>)| !ours.is_empty() || (protocol.may_be_in)(&capture);
    if !PROTOCOLS.iter().zip(&ours).any(has_some) {
        return found;
    }
    found.asked += 1;
    let filters: Vec<&str> = PROTOCOLS.iter().map(|protocol| protocol.filter).collect();
    // What an ICMP error quotes is no message.
    let theirs = tshark::rows(path, &format!("({}) && !icmp && !icmpv6", filters.join(" || ")), &FIELDS);
    for (protocol, mut ours) in PROTOCOLS.iter().zip(ours) {
        let mut theirs = theirs.clone();
        theirs.values_mut().for_each(|row| row.retain(|field, _| is_of(field, protocol)));
        theirs.retain(|_, row| !row.is_empty());
        // What has no bytes is missing to tshark.
        for values in ours.values_mut().chain(theirs.values_mut()).flat_map(Row::values_mut) {
            values.retain(|value| !["", "<MISSING>"].contains(&value.as_str()));
        }
        match protocol.by {
            By::Frame => by_frame(protocol, &ours, &theirs, &mut count),
            By::Capture => by_capture(&ours, &theirs, &mut count),
        }
    }
    found
}

/// What in the table tells of a difference.
fn reasons(file: &str, field: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let known = DIFFERENCES.iter().filter_map(move |known| Some((known.reason, known.covers(file, field)?)));
    known.flat_map(|(reason, parts)| parts.map(|part| (reason, part)))
}

/// Takes note of a field of a frame: our values and tshark's.
type Count<'c> = &'c mut dyn FnMut(u64, &str, &[String], &[String]);

fn by_frame(protocol: &Protocol, ours: &BTreeMap<u64, Row>, theirs: &BTreeMap<u64, Row>, count: Count<'_>) {
    let frames: BTreeSet<u64> = ours.keys().chain(theirs.keys()).copied().collect();
    for frame in frames {
        let there = |is_there: bool| if is_there { vec!["there".to_owned()] } else { Vec::new() };
        let [own, other] = [ours, theirs].map(|rows| rows.get(&frame));
        count(frame, protocol.name, &there(own.is_some()), &there(other.is_some()));
        let (Some(own), Some(other)) = (own, other) else { continue };
        for field in own.keys().chain(other.keys()).collect::<BTreeSet<_>>() {
            if FIELDS.contains(field) {
                count(frame, field, value(own, field), value(other, field));
            }
        }
    }
}

fn by_capture(ours: &BTreeMap<u64, Row>, theirs: &BTreeMap<u64, Row>, count: Count<'_>) {
    let [ours, theirs] = [ours, theirs].map(|rows| {
        let mut all = Row::new();
        for (field, values) in rows.values().flatten().filter(|(field, _)| FIELDS.contains(*field)) {
            all.entry(field.clone()).or_default().extend(values.iter().map(|value| decimal(value)));
        }
        all
    });
    for field in ours.keys().chain(theirs.keys()).collect::<BTreeSet<_>>() {
        let [own, other] = [&ours, &theirs].map(|row| counted(value(row, field)));
        for one in own.keys().chain(other.keys()).collect::<BTreeSet<_>>() {
            let [own, other] = [&own, &other].map(|values| values.get(one).copied().unwrap_or(0));
            let told = |times: usize, at: usize| if at < times { vec![one.to_string()] } else { Vec::new() };
            (0..own.max(other)).for_each(|at| count(0, field, &told(own, at), &told(other, at)));
        }
    }
}

/// How often each value is there.
fn counted(values: &[String]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    values.iter().for_each(|value| *counts.entry(value.as_str()).or_default() += 1);
    counts
}

/// A value as one writes it in decimal, so that equal ones are counted together.
fn decimal(value: &str) -> String {
    let number = value.strip_prefix("0x").and_then(|digits| u64::from_str_radix(digits, 16).ok());
    match (value, number) {
        ("true" | "True", _) => "1".to_owned(),
        ("false" | "False", _) => "0".to_owned(),
        (_, Some(number)) => number.to_string(),
        _ => value.to_owned(),
    }
}

impl Found {
    fn add(&mut self, other: Self) {
        self.asked += other.asked;
        self.unknown.extend(other.unknown);
        self.used.extend(other.used);
        for (field, (all, different)) in other.counts {
            let counts = self.counts.entry(field).or_default();
            (counts.0, counts.1) = (counts.0 + all, counts.1 + different);
        }
    }

    /// Fields of which too many values differ.
    fn low(&self) -> Vec<&String> {
        let is_low = |all: u64, different: u64| different as f64 > all as f64 * (1.0 - LEAST_SHARE) && different > 3;
        self.counts.iter().filter(|(_, (all, different))| is_low(*all, *different)).map(|(field, _)| field).collect()
    }
}
