//! The analysis against tshark's, field by field, over captures: those of `../shared/captures`, and of the folders that
//! the environment variable `ANALYSIS_CAPTURES` names (separated by colons). Skips where there is nothing to compare.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use dissect::field::Value;
use dissect::frame::{LinkType, Timestamp};
use dissect::issue::Issue;
use dissect::tcp::analysis::Analysis;
use dissect::tcp::fields::{Analysed, FIELDS};
use dissect::tcp::{Control, Options, Segment, Seq};
use etherparse::{LaxNetSlice, LaxSlicedPacket, TransportSlice};
use pcap_parser::{Block, PcapBlockOwned, PcapError, create_reader};

/// How many differences are shown, at most one a connection: what follows the first is often due to it.
const SHOWN: usize = 40;

#[test]
fn agrees_with_tshark() {
    let folders = std::env::var("ANALYSIS_CAPTURES").unwrap_or_else(|_| "../shared/captures".into());
    let mut files = Vec::new();
    folders.split(':').for_each(|folder| collect(Path::new(folder), &mut files));
    if files.is_empty() {
        return println!("skipped: no captures in {folders}");
    }
    if Command::new("tshark").arg("--version").output().is_err() {
        return println!("skipped: tshark is not installed");
    }
    let mut tally = Tally::default();
    for file in &files {
        compare(file, &mut tally);
    }
    tally.report();
    assert!(tally.share("tcp.stream") <= 0.001);
    assert!(tally.share("flag sets") <= 0.0005);
    assert!(tally.share("single flags") <= 0.001);
    for name in FIELDS.iter().map(|field| field.name) {
        assert!(tally.share(name) <= 0.005, "{name}");
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut paths: Vec<_> = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|e| e == "pcap" || e == "pcapng" || e == "cap") {
            files.push(path);
        }
    }
}

#[derive(Default)]
struct Tally {
    /// Compared and different, by what was compared.
    counts: BTreeMap<String, (u64, u64)>,
    frames: u64,
    /// TCP frames that only tshark could read.
    unread: u64,
    shown: usize,
}

impl Tally {
    fn count(&mut self, what: &str, equal: bool) {
        let entry = match self.counts.get_mut(what) {
            Some(entry) => entry,
            None => self.counts.entry(what.to_owned()).or_default(),
        };
        entry.0 += 1;
        entry.1 += u64::from(!equal);
    }

    fn share(&self, what: &str) -> f64 {
        self.counts.get(what).map_or(0.0, |&(all, different)| different as f64 / all as f64)
    }

    fn show(&mut self, line: String) {
        self.shown += 1;
        if self.shown <= SHOWN {
            println!("{line}");
        }
    }

    fn report(&self) {
        println!("{} frames compared, {} not read by the test's own walk", self.frames, self.unread);
        for (what, (all, different)) in &self.counts {
            println!("{what:40} {all:8} compared {different:6} different");
        }
    }
}

type Row = Vec<(String, String)>;

fn compare(file: &Path, tally: &mut Tally) {
    let ours = analyse(file);
    if ours.is_empty() {
        return;
    }
    let theirs = tshark(file);
    let unread = theirs.keys().filter(|frame| !ours.contains_key(frame)).count() as u64;
    tally.unread += unread;
    let mut streams: HashMap<String, String> = HashMap::new();
    let mut wrong = HashSet::new();
    for (frame, mine) in &ours {
        let Some(other) = theirs.get(frame) else { continue };
        if other.iter().any(|(_, value)| value.contains(',')) {
            tally.count("several TCP headers in a frame", true);
            continue;
        }
        tally.frames += 1;
        let mut differences = Vec::new();
        let mut sets_equal = true;
        for ((name, a), (_, b)) in mine.iter().zip(other) {
            let flag = name.strip_prefix("tcp.analysis.").is_some_and(|n| Issue::ALL.iter().any(|i| i.name() == n));
            let equal = if name == "tcp.stream" && unread > 0 {
                streams.entry(a.clone()).or_insert_with(|| b.clone()) == b
            } else {
                a == b
            };
            if !equal {
                differences.push(format!("{name}: {a:?}, tshark {b:?}"));
            }
            if flag {
                sets_equal &= equal;
                if !a.is_empty() || !b.is_empty() {
                    tally.count("single flags", equal);
                    tally.count(name, equal);
                }
            } else if !a.is_empty() || !b.is_empty() {
                tally.count(name, equal);
            }
        }
        tally.count("flag sets", sets_equal);
        if !differences.is_empty() && wrong.insert(other[0].1.clone()) {
            tally.show(format!("{} frame {frame}: {}", file.display(), differences.join("; ")));
        }
    }
}

/// The flags that have a field of their own in Wireshark.
fn flags() -> impl Iterator<Item = Issue> {
    Issue::ALL.iter().copied().take_while(|issue| *issue < Issue::BadChecksum)
}

fn tshark(file: &Path) -> BTreeMap<u64, Row> {
    let names: Vec<String> = FIELDS
        .iter()
        .map(|field| field.name.to_owned())
        .filter(|name| name != "tcp.analysis.flags")
        .chain(flags().map(|flag| format!("tcp.analysis.{}", flag.name())))
        .collect();
    let mut command = Command::new("tshark");
    command.args(["-n", "-o", "tcp.relative_sequence_numbers:TRUE", "-T", "fields", "-e", "frame.number", "-r"]);
    command.arg(file);
    names.iter().for_each(|name| {
        command.args(["-e", name]);
    });
    let output = command.output().expect("tshark runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let rows = text.lines().filter_map(|line| {
        let mut values = line.split('\t').map(str::to_owned);
        let frame = values.next()?.parse().ok()?;
        let row: Row = names.iter().cloned().zip(values.map(once)).collect();
        (!row.first()?.1.is_empty()).then_some((frame, row))
    });
    rows.collect()
}

/// The values of a field without neighbours that are equal: Wireshark gives a flag twice where two rules set it.
fn once(values: String) -> String {
    let mut values: Vec<_> = values.split(',').collect();
    values.dedup();
    values.join(",")
}

fn analyse(file: &Path) -> BTreeMap<u64, Row> {
    let mut rows = BTreeMap::new();
    let mut connections: HashMap<[(IpAddr, u16); 2], (u64, Analysis)> = HashMap::new();
    let mut streams = 0..;
    read(file, |number, time, link, wire_len, bytes| {
        let Some((ends, segment)) = segment(number, time, link, wire_len, bytes) else { return };
        let dir = usize::from(ends[0] > ends[1]);
        let key = if dir == 0 { ends } else { [ends[1], ends[0]] };
        let (stream, analysis) =
            connections.entry(key).or_insert_with(|| (streams.next().unwrap_or(0), Analysis::new(true)));
        if analysis.is_new_connection(dir, &segment) {
            *stream = streams.next().unwrap_or(0);
            analysis.reuse(dir);
        }
        let analysed = Analysed { stream: *stream, verdict: analysis.push(dir, &segment) };
        let mut row = Row::new();
        for field in FIELDS.iter().filter(|field| field.name != "tcp.analysis.flags") {
            let mut text = String::new();
            (field.get)(&analysed, &mut |value| text = show(value));
            row.push((field.name.to_owned(), text));
        }
        let set: Vec<_> = analysed.verdict.flags.analysis().collect();
        for flag in flags() {
            let text = if set.contains(&flag) { "1" } else { "" };
            row.push((format!("tcp.analysis.{}", flag.name()), text.to_owned()));
        }
        rows.insert(number, row);
    });
    rows
}

fn show(value: Value<'_>) -> String {
    match value {
        Value::Uint(n) => n.to_string(),
        Value::Int(n) => n.to_string(),
        Value::Duration(n) => {
            let sign = if n < 0 { "-" } else { "" };
            format!("{sign}{}.{:09}", n.unsigned_abs() / 1_000_000_000, n.unsigned_abs() % 1_000_000_000)
        }
        other => format!("{other:?}"),
    }
}

/// The TCP segment of a frame, as far as a short walk gets: no fragments, no tunnels but IP in IP.
fn segment(
    frame: u64,
    time: Timestamp,
    link: LinkType,
    wire_len: u32,
    bytes: &[u8],
) -> Option<([(IpAddr, u16); 2], Segment<'_>)> {
    let mut packet = match link {
        LinkType::ETHERNET => LaxSlicedPacket::from_ethernet(bytes).ok()?,
        LinkType::LINUX_SLL => {
            let protocol = u16::from_be_bytes([*bytes.get(14)?, *bytes.get(15)?]);
            LaxSlicedPacket::from_ether_type(protocol.into(), bytes.get(16..)?)
        }
        LinkType::NULL | LinkType::LOOP => LaxSlicedPacket::from_ip(bytes.get(4..)?).ok()?,
        LinkType::RAW | LinkType(12 | 14) | LinkType::IPV4 | LinkType::IPV6 => LaxSlicedPacket::from_ip(bytes).ok()?,
        _ => return None,
    };
    loop {
        let net = packet.net.as_ref()?;
        let payload = net.ip_payload_ref()?;
        if payload.fragmented {
            return None;
        }
        if !matches!(payload.ip_number.0, 4 | 41) {
            break;
        }
        packet = LaxSlicedPacket::from_ip(payload.payload).ok()?;
    }
    let at = |part: &[u8]| part.as_ptr() as usize - bytes.as_ptr() as usize;
    let (src, dst, end) = match packet.net? {
        LaxNetSlice::Ipv4(ip) => {
            let start = at(ip.header().slice());
            let len = match usize::from(ip.header().total_len()) {
                0 => wire_len as usize - start,
                len => len,
            };
            (IpAddr::V4(ip.header().source_addr()), IpAddr::V4(ip.header().destination_addr()), start + len)
        }
        LaxNetSlice::Ipv6(ip) => {
            let header = ip.header();
            let end = at(header.slice()) + 40 + usize::from(header.payload_length());
            (IpAddr::V6(header.source_addr()), IpAddr::V6(header.destination_addr()), end)
        }
        LaxNetSlice::Arp(_) => return None,
    };
    let Some(TransportSlice::Tcp(tcp)) = packet.transport else { return None };
    let payload_at = at(tcp.payload());
    let len = end.min(wire_len as usize).checked_sub(payload_at)?;
    let payload = &tcp.payload()[..len.min(tcp.payload().len())];
    let header = tcp.to_header();
    let mut control = 0;
    for (set, bit) in [
        (header.fin, Control::FIN),
        (header.syn, Control::SYN),
        (header.rst, Control::RST),
        (header.psh, Control::PSH),
        (header.ack, Control::ACK),
    ] {
        control |= if set { bit } else { 0 };
    }
    let segment = Segment {
        frame,
        time,
        seq: Seq(header.sequence_number),
        ack: Seq(header.acknowledgment_number),
        control: Control(control),
        window: header.window_size,
        options: Options::parse(tcp.options()),
        payload,
        missing: (len - payload.len()) as u32,
    };
    Some(([(src, header.source_port), (dst, header.destination_port)], segment))
}

/// Hands on number, time, link type, wire length and bytes of each frame.
fn read(file: &Path, mut each: impl FnMut(u64, Timestamp, LinkType, u32, &[u8])) {
    let Ok(open) = std::fs::File::open(file) else { return };
    let Ok(mut reader) = create_reader(1 << 20, open) else { return };
    let mut number = 0;
    let mut nanos = false;
    let mut interfaces: Vec<(LinkType, u64)> = Vec::new();
    loop {
        let used = match reader.next() {
            Ok((used, block)) => {
                match block {
                    PcapBlockOwned::LegacyHeader(header) => {
                        nanos = header.is_nanosecond_precision();
                        interfaces.push((LinkType(header.network.0 as u16), 0));
                    }
                    PcapBlockOwned::Legacy(packet) => {
                        number += 1;
                        let unit = if nanos { 1 } else { 1000 };
                        let time = Timestamp::from_secs_nanos(packet.ts_sec.into(), i64::from(packet.ts_usec) * unit);
                        each(number, time, interfaces[0].0, packet.origlen, &packet.data[..packet.caplen as usize]);
                    }
                    PcapBlockOwned::NG(Block::SectionHeader(_)) => interfaces.clear(),
                    PcapBlockOwned::NG(Block::InterfaceDescription(interface)) => {
                        let link = LinkType(interface.linktype.0 as u16);
                        interfaces.push((link, interface.ts_resolution().unwrap_or(1_000_000)));
                    }
                    PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
                        number += 1;
                        if let Some(&(link, resolution)) = interfaces.get(packet.if_id as usize) {
                            let ticks = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
                            let nanos = u128::from(ticks) * 1_000_000_000 / u128::from(resolution);
                            let bytes = packet.data.get(..packet.caplen as usize).unwrap_or(packet.data);
                            each(number, Timestamp(nanos as i64), link, packet.origlen, bytes);
                        }
                    }
                    PcapBlockOwned::NG(Block::SimplePacket(packet)) => {
                        number += 1;
                        if let Some(&(link, _)) = interfaces.first() {
                            each(number, Timestamp(0), link, packet.origlen, packet.data);
                        }
                    }
                    PcapBlockOwned::NG(_) => {}
                }
                used
            }
            Err(PcapError::Incomplete(_)) => 0,
            Err(_) => return,
        };
        reader.consume(used);
        if used == 0 && (reader.reader_exhausted() || reader.refill().is_err()) {
            return;
        }
    }
}
