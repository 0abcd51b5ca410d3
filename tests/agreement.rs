//! Every field that Wireshark has too, frame by frame, against tshark. Skipped where tshark is not installed.

mod common;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use common::tshark::{self, Difference, Row, alike, flatten, other, value};
use common::{Run, dissect, installed, name, run, side_by_side};
use dissect::app::APPLICATIONS;
use dissect::issue::Issue;
use dissect::registry::{Entry, entries};
use serde_json::Value;

/// Every difference, a line a reason.
const DIFFERENCES: &[Difference] = &[
    other(
        &["IcmpPackets", "tcp-malformed", "bgp", "rpki", "tcp_header_heap", "tests_test1", "test8_image2"],
        &["tcp.seq_raw", "tcp.ack_raw", "tcp.len"],
        "of a header cut or malformed tshark tells fewer numbers, and others",
    ),
    other(
        &["test010", "test011", "test012", "test016", "test018", "test100", "test101", "test102", "test201", "test202"],
        &["frame.time_epoch"],
        "a simple packet block has no time: we say 0",
    ),
    other(
        &["timestamp_invalid", "rx_serviceid", "tests_bug8", "pcapng-example", "atm-oam-loopback"],
        &["frame.time_epoch"],
        "no time that a clock gives: tshark wraps it, or prints it as it stands",
    ),
    other(
        &["aoe-oobr", "rsvp_obj", "pim_header_asan-2", "icmp_print-oobr-2", "tests_slip"],
        &["frame.len"],
        "to us no frame is shorter than what was captured of it",
    ),
    other(&["tests_atm-"], &["frame."], "tshark takes the header before ATM off the lengths"),
    other(
        &[
            "802_15_4",
            "arista_ether",
            "sflow",
            "of13_ericsson",
            "of10_s4810",
            "nhrp-trace",
            "examples_ipv6.pcapng",
            "tcp-reassembly.pcap",
            "lwapp",
            "DTP",
            "PacketExamples_gtp.pcap",
            "PIM-SM",
            "pim-packet-assortment",
        ],
        &[],
        "tshark reads packets within what we do not read",
    ),
    other(&["tests_bigtcp"], &[], "tshark does not read on where UDP's length is 0"),
    other(&["hoobr_pimv1", "mrinfo", "relts"], &["igmp."], "to tshark some types of IGMP are other protocols"),
    other(&["accecn"], &["tcp.flags."], "tshark has three bits as one number once accurate ECN is negotiated"),
    other(&["ipv4-options"], &["ip.dst"], "tshark has the destination that the source route ends at"),
    other(
        &["esis_snpa", "isis_", "q933", "calm-fast", "frf15"],
        &["fr.", "eth.", "llc."],
        "tshark reads a frame of Frame Relay without an unnumbered control field by its address",
    ),
    other(&["juniper"], &["frame.protocols", "juniper."], "Juniper's link types of which we read none but four"),
    other(
        &["kday1", "kday3", "bad-ipv4-version", "LINKTYPE_IPV4_invalid", "heap-overflow-2"],
        &["frame.protocols", "ip.version"],
        "tshark names IPv4, and then what the version tells",
    ),
    other(
        &["LINKTYPE_IPV6_invalid", "beep", "hoobr_rt6", "ipv6-bad-version"],
        &["frame.protocols"],
        "tshark does not name an IPv6 header of another version",
    ),
    other(
        &["ipv6-next-header", "ipv6hdr-heap", "missing_jumbo", "ip6_frag_asan", "frag6_negative"],
        &["frame.protocols", "ipv6.", "eigrp."],
        "tshark gives up at an extension header that is cut, or where a jumbogram has no length",
    ),
    other(
        &["cve2015", "icmp6_nodeinfo", "tests_slip", "sl_if_print"],
        &["frame.protocols"],
        "a link type that neither knows, which we do not call data",
    ),
    other(
        &["babel", "hoobr_chdlc", "isakmp", "macsec-snap", "pgm_"],
        &["frame.protocols"],
        "what tshark calls data, or does not name where it is malformed",
    ),
    other(
        &[
            "ipv4-malformed",
            "gre-heapoverflow-1",
            "bad_fragment",
            "extract_read2",
            "printroute",
            "arp-oobr",
            "getname_2",
            "icmp_print-oobr",
            "icmpv6-length-zero",
            "ieee802.11",
            "heapoverflow-tcp_print",
            "tcp-auth-heap",
            "mptcp-dss",
            "l2tp-avp",
            "pktap-heap",
        ],
        &["ip.", "arp.", "icmp.", "icmpv6.", "wlan.", "tcp.option_kind", "tcp.option_len", "eth.dst", "pktap."],
        "of a header that is cut or malformed tshark tells more or less than what is there whole",
    ),
];

/// Where our count of TCP payload is not that of tshark, and why.
const OTHER_COUNT: &[(&str, &str)] = &[
    ("tests_bigtcp-ipv4-geneve-ipv4.pcap", BIG),
    ("tests_bigtcp-ipv4-geneve-ipv6.pcap", BIG),
    ("tests_bigtcp-ipv4-vxlan-ipv4.pcap", BIG),
    ("tests_bigtcp-ipv4-vxlan-ipv6.pcap", BIG),
    ("tests_bigtcp-ipv6-geneve-ipv4.pcap", BIG),
    ("tests_bigtcp-ipv6-geneve-ipv6.pcap", BIG),
    ("tests_bigtcp-ipv6-vxlan-ipv4.pcap", BIG),
    ("tests_bigtcp-ipv6-vxlan-ipv6.pcap", BIG),
    ("tests_bigtcp-ipv6.pcap", BIG),
    ("tests_rpki-rtr-oobr.pcap", "ip.len claims more than the frame had: tshark gives no tcp.len"),
];

const BIG: &str = "more than 64 KiB in one segment (BIG TCP), which tshark 4.0 cannot read";

/// Fields of frames that have Wireshark's form of name and are not Wireshark's.
const OURS_ALONE: &[&str] = &[];

/// Of the captures from elsewhere the analysis is not held to be equal but alike: some begin in the midst of things and
/// some were made to mislead.
#[test]
fn fields_are_those_of_tshark() {
    if !installed("tshark") {
        return println!("skipped: tshark is not installed");
    }
    let (elsewhere, are_all) = common::compared_captures();
    let all: Vec<(PathBuf, bool)> = common::fixtures()
        .into_iter()
        .map(|path| (path, true))
        .chain(elsewhere.iter().cloned().map(|path| (path, false)))
        .collect();
    let mut found = Found::default();
    side_by_side(&all, |(path, fixture)| compare(path, *fixture)).into_iter().for_each(|one| found.add(one));
    println!("{} values compared", found.compared);
    assert_eq!(found.unknown, Vec::<String>::new(), "differences of which the table has no reason");
    // Where not all captures from elsewhere are looked at, not all differences are met.
    let known = DIFFERENCES.iter().flat_map(|known| known.parts().map(|part| (known.reason, part)));
    let gone: Vec<_> = known.filter(|part| are_all && !found.used.contains(part)).collect();
    println!("{} captures of which the payload was counted", found.counted);
    if found.counted > 0 {
        let known: BTreeSet<String> = OTHER_COUNT.iter().map(|(name, _)| (*name).to_owned()).collect();
        let other: Vec<_> = found.miscounted.difference(&known).collect();
        assert!(other.is_empty(), "captures whose count differs, and are not known for that: {other:?}");
        assert!(!are_all || found.miscounted == known, "captures whose count differs no more: {known:?}");
    }
    assert_eq!(gone, [], "rows of the table, and what they name, of which there is no difference any more");
    // All that differ may be in the half that is looked at.
    found.shares(if are_all { 1.0 } else { 2.0 });
}

/// What comparing came to.
#[derive(Default)]
struct Found {
    compared: u64,
    /// Differences that none of [`DIFFERENCES`] covers, one a capture and field.
    unknown: Vec<String>,
    /// The parts of [`DIFFERENCES`] of which there are any, after their reasons.
    used: BTreeSet<(&'static str, &'static str)>,
    /// Compared and different values of the analysis, by field.
    counts: BTreeMap<String, (u64, u64)>,
    /// Captures from elsewhere of which the bytes of TCP payload were counted, and those where tshark has another count.
    counted: u64,
    miscounted: BTreeSet<String>,
}

fn compare(path: &Path, fixture: bool) -> Found {
    let mut found = Found::default();
    let folder = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    let capture = format!("{folder}/{}", name(path));
    let (told, theirs) = (run(dissect().args(["-T", "json", "-P", "--strict", "-r"]).arg(path)), theirs(path));
    let (ours, captured) = (rows(&told), captured(&told));
    if let Some(captured) = captured.filter(|_| !fixture) {
        found.counted += 1;
        let counted = payload(&theirs);
        if captured != counted {
            println!("{capture}: {captured} bytes of TCP payload, tshark {counted}");
            found.miscounted.insert(name(path));
        }
    }
    let mut seen = BTreeSet::new();
    let mut differ = |frame: u64, field: &str, ours: &[String], theirs: &[String]| {
        if !seen.insert(field.to_owned()) {
            return;
        }
        let mut known =
            DIFFERENCES.iter().filter_map(|known| Some((known.reason, known.covers(&capture, field)?))).peekable();
        if known.peek().is_none() {
            found.unknown.push(format!("{capture} frame {frame}: {field} {ours:?}, tshark {theirs:?}"));
        }
        found.used.extend(known.flat_map(|(reason, parts)| parts.map(|part| (reason, part))));
    };
    for (frame, theirs) in &theirs {
        let Some(ours) = ours.get(frame) else {
            differ(*frame, "frame.number", &[], &[frame.to_string()]);
            continue;
        };
        let fields: BTreeSet<&String> =
            ours.keys().filter(|field| FIELDS.contains(*field)).chain(theirs.keys()).collect();
        for field in fields.into_iter().filter(|field| fixture || !is_analysis(field)) {
            let (ours, theirs) = (value(ours, field), value(theirs, field));
            found.compared += 1;
            if !same(field, ours, theirs) {
                differ(*frame, field, ours, theirs);
            }
        }
    }
    if fixture {
        assert_eq!(ours.len(), theirs.len(), "frames of {capture}");
    } else {
        tally(&capture, ours, &theirs, &mut found.counts);
    }
    found
}

impl Found {
    fn add(&mut self, other: Self) {
        self.compared += other.compared;
        self.unknown.extend(other.unknown);
        self.used.extend(other.used);
        self.counted += other.counted;
        self.miscounted.extend(other.miscounted);
        for (field, (all, different)) in other.counts {
            let entry = self.counts.entry(field).or_default();
            (entry.0, entry.1) = (entry.0 + all, entry.1 + different);
        }
    }

    /// Of the values of the analysis no more may differ than so many times the limits.
    fn shares(&self, times: f64) {
        for (field, &(all, different)) in &self.counts {
            println!("{field:40} {all:8} compared {different:6} different");
            let share = different as f64 / all.max(1) as f64;
            let limit = match field.as_str() {
                FLAG_SETS => 0.0005,
                SINGLE_FLAGS => 0.002,
                "tcp.stream" => 0.001,
                // Some follow from a flag that differs, some from times that no clock gives.
                "tcp.analysis.rto" | "tcp.analysis.rto_frame" => 0.03,
                _ => 0.005,
            };
            assert!(share <= limit * times || different <= 3 || is_flag(field), "{field}: {different} of {all}");
        }
    }
}

const FLAG_SETS: &str = "flag sets";
const SINGLE_FLAGS: &str = "single flags";

/// Counts compared and different values of the analysis of a capture, by field.
fn tally(
    capture: &str,
    mut ours: BTreeMap<u64, Row>,
    theirs: &BTreeMap<u64, Row>,
    counts: &mut BTreeMap<String, (u64, u64)>,
) {
    let mut count = |what: &str, equal: bool| {
        let entry = counts.entry(what.to_owned()).or_default();
        (entry.0, entry.1) = (entry.0 + 1, entry.1 + u64::from(!equal));
    };
    ours.retain(|_, row| row.contains_key("tcp.stream"));
    let unread = theirs.iter().any(|(frame, row)| row.contains_key("tcp.stream") && !ours.contains_key(frame));
    // Where tshark reads TCP in what is not dissected here, streams are numbered apart.
    let mut streams = HashMap::new();
    for (frame, row) in &ours {
        let Some(other) = theirs.get(frame).filter(|other| value(other, "tcp.stream").len() == 1) else { continue };
        let mut flags = true;
        for field in FIELDS.iter().filter(|field| is_analysis(field)) {
            let (a, b) = (value(row, field), value(other, field));
            if a.is_empty() && b.is_empty() {
                continue;
            }
            let equal = if field == "tcp.stream" && unread {
                streams.entry(a.to_vec()).or_insert_with(|| b.to_vec()) == b
            } else {
                alike(a, b)
            };
            count(field, equal);
            if is_flag(field) {
                count(SINGLE_FLAGS, equal);
                flags &= equal;
                if !equal {
                    println!("{capture} frame {frame}: {field} {a:?}, tshark {b:?}");
                }
            }
        }
        count(FLAG_SETS, flags);
    }
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
static FIELDS: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let of_frames = |entry: &Entry| {
        let base = entry.name.split('.').next().unwrap_or_default();
        let is_told = |name: &str| APPLICATIONS.iter().any(|one| one.fields.iter().any(|field| field.name == name));
        let of_messages = ["message", "connection"].contains(&base)
            || APPLICATIONS.iter().any(|one| one.name == base)
            || is_told(entry.name);
        entry.kind != "record" && !of_messages
    };
    let all = entries().into_iter().filter(of_frames).map(|entry| entry.name.to_owned());
    let (mut both, ours): (Vec<String>, Vec<String>) = all.partition(|name| tshark::FIELDS.contains(name));
    assert_eq!(ours, OURS_ALONE, "fields of frames that tshark does not know");
    // The fields of fragments that tshark tells where it reads twice are compared by `fragments.rs`.
    let apart = ["frame.number", "tcp.analysis.flags", "ip.reassembled_in", "ipv6.reassembled.in"];
    both.retain(|name| !apart.contains(&name.as_str()));
    both.extend(FLAGS.iter().map(|flag| format!("tcp.analysis.{flag}")));
    both.into_iter().collect()
});

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

/// The bytes of TCP payload in our account, if every frame was read to its end, so that another reader should count the
/// same: frames that were cut, and those whose fragments were put together, are counted differently.
fn captured(told: &Run) -> Option<u64> {
    let text = std::str::from_utf8(&told.stdout).ok().filter(|_| told.code == Some(0))?;
    let mut packets = text.lines().filter(|line| line.starts_with("{\"type\":\"packet\""));
    let read_whole = |line: &str| !line.contains(",\"stop\":{") && !line.contains(",\"reassembled\":") && !is_cut(line);
    if !packets.all(read_whole) {
        return None;
    }
    serde_json::from_str::<Value>(text.lines().last()?).ok()?["ledger"]["captured"].as_u64()
}

fn is_cut(packet: &str) -> bool {
    let number = |key: &str| {
        let rest = &packet[packet.find(key)? + key.len()..];
        rest[..rest.find([',', '}'])?].parse::<u64>().ok()
    };
    number("\"len\":") != number("\"cap_len\":")
}

/// The sum of tshark's `tcp.len`, headers within ICMP errors left out.
fn payload(theirs: &BTreeMap<u64, Row>) -> u64 {
    let quotes = |row: &Row| value(row, "frame.protocols").iter().any(|chain| chain.contains(":icmp"));
    let lens = theirs.values().filter(|row| !quotes(row)).flat_map(|row| value(row, "tcp.len"));
    lens.filter_map(|len| len.parse::<u64>().ok()).sum()
}

/// What tshark has of each frame. A flag is there twice where two rules set it.
fn theirs(path: &Path) -> BTreeMap<u64, Row> {
    let mut rows = tshark::rows(path, "frame", &FIELDS);
    for (field, values) in rows.values_mut().flatten() {
        if is_flag(field) {
            values.truncate(1);
        }
    }
    rows
}

/// Our values of each frame.
fn rows(told: &Run) -> BTreeMap<u64, Row> {
    let text = std::str::from_utf8(&told.stdout).unwrap();
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
