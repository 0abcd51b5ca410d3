//! Display filters against tshark's on the same captures: which frames they hold for, and which are none. Skipped where
//! tshark is not installed, or not built with Lua, by which one run of it tries many filters.

mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{dissect, installed, path, run, shared_captures, side_by_side};

/// Small fixtures of the usual form that together have ARP, ICMP, DNS, IPv6, fragments, VLANs, options and faults.
const FIXTURES: [&str; 16] = [
    "get-nginx-curl",
    "arp-ping",
    "dns",
    "ipv6",
    "gzip-response",
    "keep-alive",
    "ip-fragments",
    "reordered-response",
    "vlan",
    "qinq",
    "cookie-8k",
    "post-content-length",
    "redirect",
    "zero-window",
    "port-unreachable",
    "keep-alive-probes",
];

/// Filters over fields of frames. The length of TCP as a protocol is left out: to tshark it is with or without the payload,
/// by what else is asked for in the run.
const FRAMES: &[&str] = &[
    "tcp",
    "not tcp",
    "!tcp && !udp",
    "arp or icmp",
    "ip and not (tcp or udp)",
    "tcp.port == 80",
    "tcp.port eq 80 and tcp.len > 0",
    "tcp.port != 80",
    "!(tcp.port == 80)",
    "tcp.port === 80",
    "tcp.port !== 80",
    "tcp.port ~= 80",
    "tcp.port any_ne 80",
    "tcp.port all_eq 80",
    "all tcp.port > 79",
    "any ip.addr != 10.0.4.1",
    "ip.addr != 10.0.4.1",
    "not all tcp.port > 5000",
    "tcp.port in {80, 443, 8000..8100}",
    "tcp.port in {1..79}",
    "tcp.port not in {80}",
    "tcp.srcport in {tcp.dstport}",
    "udp.srcport in {1024 .. 65535}",
    "ip.addr == 10.0.0.0/8",
    "ip.addr == 10.0.4.0/24",
    "ip.src in {10.0.0.0/8..11.0.0.0/8}",
    "ip.addr in {10.0.4.1..10.0.4.9}",
    "ip.src == 10.0.0.0/8 and ip.src > 10.0.1.0/24",
    "ip.src == ip.dst",
    "ip.src#1 == 10.0.4.1",
    "ip.src#2",
    "!ip.src#2",
    "ip.addr#[1-2] == 10.0.0.0/16",
    "ip.src#[-1] == 10.0.4.1",
    "tcp.port#1 == 80",
    "ip.src[0] == 0a",
    "ip.src & 255.255.0.0 == 10.0.0.0",
    "ip.host contains \"10.0\"",
    "ip.src_host matches \"\\\\.1$\"",
    "string(ip.src) matches \"\\\\.2$\"",
    "string(tcp.port) == \"80\"",
    "string(ip.ttl)[0:1] == \"6\"",
    "ip.version == 6",
    "ip.ttl < 64 or ip.ttl gt 64",
    "ip.ttl * 2 == 128",
    "ip.id & 1",
    "ip.id == 0",
    "ip.flags.df",
    "ip.flags.df == 1",
    "ip.flags.mf == True",
    "ip.frag_offset > 0",
    "ip.fragment",
    "ip.fragment.count >= 2",
    "count(ip.fragment) == 2",
    "ip.len > 100 and ip.len < 0x5dc",
    "ip.proto == 6",
    "ip.proto == 021",
    "ip.dsfield",
    "ip[0] == 45",
    "ip[9:1] == 06",
    "ip[20:2]",
    "len(ip) == 20",
    "ip contains \"GET\"",
    "ipv6",
    "ipv6.addr == fe80::/10",
    "ipv6.src == ipv6.dst",
    "ipv6.src[0:2] == fd:00",
    "ipv6.nxt == 6 || ipv6.nxt == 58",
    "eth.addr == 02:00:00:00:04:01",
    "eth.src == 02-00-00-00-04-01",
    "eth.dst == 0200.0000.0402",
    "eth.addr == ff:ff:ff:ff:ff:ff",
    "eth.src[0:3] == 02:00:00",
    "eth.src[0] & 0x0f == 2",
    "eth.addr[0] & 01",
    "eth.src[-2:] == 04:01",
    "eth.src[1-2,5] == 00:00:01",
    "eth.src[4:5]",
    "eth.src contains 04:01",
    "eth.src matches \"^\\x02\\x00\"",
    "eth.src == eth.dst",
    "eth.type == 0x0806",
    "eth[12:2] == 08:06",
    "eth contains \"HTTP\"",
    "vlan",
    "vlan.id == 100 or vlan.id > 1000",
    "count(vlan.id) == 2",
    "vlan.id#1 > 5",
    "arp.opcode == 2",
    "arp.src.hw_mac[0] == 02",
    "icmp.type == 3",
    "icmp and tcp",
    "icmp and udp.dstport > 1",
    "frame.number == 5",
    "frame.number in {1..3, 7, 50 .. 60}",
    "frame.number % 10 == 3",
    "frame.len > 66 && frame.len < 100",
    "frame.len == frame.cap_len",
    "frame.len - frame.cap_len",
    "frame[0:2] == 02:00",
    "frame[100]",
    "!(frame[100])",
    "frame[60-80]",
    "frame[-1] == 0a",
    "frame[70:] contains \"\\r\\n\"",
    "frame contains \"GET\"",
    "frame contains 48:54:54:50",
    "frame matches \"http/1\\\\.[01]\"",
    "frame matches \"(?-i)http\"",
    "frame.protocols contains \"tcp\"",
    "frame.protocols matches \"^eth:ethertype:arp\"",
    "frame.time > \"2026-01-01 00:00:00\"",
    "frame.time < \"Nov 22, 2026 09:11:57.5 UTC\"",
    "frame.time >= \"2026-11-22T09:11:57.790Z\"",
    "frame.time_epoch > 1795338717.79",
    "frame.time_relative > 0.01",
    "frame.time_relative < 0",
    "frame.time_delta > 0.0001",
    "frame.time_delta + 1 > 1.001",
    "tcp.flags.syn == 1 && tcp.flags.ack == 0",
    "tcp.flags.syn == True",
    "tcp.flags.syn > 0",
    "tcp.flags & 0x02",
    "tcp.flags & 0x12 == 0x02",
    "tcp.flags bitwise_and 1",
    "tcp.flags == 0x018",
    "tcp.flags.str contains \"AP\"",
    "tcp.flags.fin == 1 or tcp.flags.reset == 1",
    "tcp[13] & 02",
    "tcp[0:2] == 00:50",
    "tcp contains \"Host\"",
    "tcp matches \"user-agent\"",
    "tcp.payload",
    "tcp.payload[0:3] == \"GET\"",
    "tcp.payload matches r\"^HTTP/1\\.1 \\d+\"",
    "tcp.payload contains 0d:0a:0d:0a",
    "udp contains \"a\"",
    "udp.payload contains 00:01",
    "udp.payload and icmp",
    "tcp.payload and icmp",
    "udp[4:2] == 00:2d",
    "udp.length > 40",
    "udp.stream == 0",
    "tcp.stream in {0..2}",
    "tcp.seq == 1",
    "tcp.seq > 1 and tcp.ack == 1",
    "tcp.window_size_value < 502",
    "tcp.window_size_scalefactor == -1",
    "tcp.srcport > tcp.dstport",
    "tcp.srcport + 1 == tcp.dstport",
    "tcp.dstport >= 4 * {tcp.srcport + 3}",
    "tcp.srcport -1 == 79",
    "tcp.srcport / 2 == 40",
    "tcp.srcport / 0 == 40",
    "-tcp.srcport == -80",
    "tcp.srcport < tcp.dstport < 60000",
    "max(tcp.srcport, udp.srcport) > 50000",
    "min(tcp.option_kind) == 1",
    "abs(tcp.window_size_scalefactor) == 1",
    "count(tcp.option_kind) == 3",
    "count(vlan.id) == 0",
    "tcp.option_kind == 2",
    "tcp.option_kind + 1 == 3",
    "tcp.option_kind + tcp.option_kind == 5",
    "tcp.options.mss_val < 1460",
    "tcp.options.sack_perm == 04:02",
    "tcp.options.timestamp.tsval > 1000",
    "tcp.options.timestamp",
    "tcp.options",
    "tcp.hdr_len >= 40",
    "tcp.len > 1000",
    "tcp.analysis",
    "tcp.analysis.flags",
    "tcp.analysis.out_of_order",
    "tcp.analysis.flags and not tcp.analysis.lost_segment",
    "tcp.analysis.zero_window || tcp.analysis.keep_alive",
    "tcp.analysis.ack_rtt > 0.00001",
    "tcp.analysis.bytes_in_flight > 1000",
    "tcp.analysis.acks_frame == 1",
    ".tcp.port == 80",
    "tcp.port==80&&tcp.len>0||arp",
    "(tcp.port==80)and(not ip.ttl==64)",
    "",
];

/// Filters over fields of HTTP messages: ours hold for the message, tshark's for the frame that completes it.
const MESSAGES: &[&str] = &[
    "http",
    "http.request",
    "http.response",
    "http.request == 1",
    "http.host",
    "http.host == \"10.0.4.2\"",
    "http.host == 10.0.4.2",
    "http.host contains \"0.4\"",
    "http.host[0:2] == \"10\"",
    "len(http.host) > 8",
    "http.request.method == \"GET\"",
    "http.request.method == \"get\"",
    "http.request.method != \"GET\"",
    "http.request.method in {\"POST\", \"HEAD\"}",
    "http.request.method in {\"A\"..\"H\"}",
    "lower(http.request.method) == \"get\"",
    "http.request.uri matches \"lines|hello\"",
    "http.request.uri contains \".txt\"",
    "http.request.version == \"HTTP/1.1\"",
    "http.response.code == 200",
    "http.response.code in {300..399}",
    "http.response.code >= 300 && http.response.code < 400",
    "http.response.phrase == \"OK\"",
    "http.user_agent matches \"^curl\"",
    "http.server contains \"nginx\"",
    "http.content_type contains \"text\"",
    "http.content_length > 100",
    "http.content_encoding == \"gzip\"",
    "http.location",
    "http.cookie contains \"a\"",
    "http.request.line contains \"Host:\"",
    "http.request.line == \"Accept: */*\\r\\n\"",
    "http.request.line matches \"^Host: .*\\n$\"",
    "http.response.line contains \"Server\"",
    "http[0:3] == \"GET\"",
    "http contains \"HTTP/1.1\"",
    "http matches \"^post\"",
    "http.request.full_uri contains \"http://10.0\"",
    "http and ip.addr == 10.0.4.2",
    "http.request and tcp.dstport == 80",
];

/// What neither takes.
const MISTAKES: &[&str] = &[
    "tcp.port == \"a\"",
    "tcp.port == a",
    "tcp.port == 80.5",
    "tcp.port == 99999",
    "tcp.port == ip.src",
    "tcp.port = 80",
    "tcp.port ==",
    "== 80",
    "80 == tcp.port",
    "\"a\" == \"a\"",
    "tcp.port in 80",
    "tcp.port in {}",
    "tcp.port in {80,}",
    "ip.addr == 10.0.0.0/33",
    "ip.addr == 10.0.0",
    "ip.addr == ::1",
    "ip.addr == \"10.0.0.1\"",
    "ip.src contains",
    "ip.src contains \"a\"",
    "ip.src matches \"10\"",
    "ip.src == eth.src",
    "ipv6.addr == fe80::/129",
    "eth.addr == 00:11:22",
    "eth.src[0:0] == 00",
    "eth.src[2-1] == 00",
    "eth.src[] == 00",
    "eth.src[a] == 00",
    "tcp.port[0] == 00",
    "http.host matches a",
    "http.host matches \"[\"",
    "http.host matches http.server",
    "http.host == \"a\\q\"",
    "http.host == \"unterminated",
    "http.host == tcp.payload",
    "tcp contains GET",
    "len(http.host)",
    "len() == 1",
    "len(\"abc\") == 3",
    "upper(tcp.port) == \"a\"",
    "string(http.host) == \"a\"",
    "max(ip.src, tcp.port) == 1",
    "abs(http.host) == 1",
    "foo(tcp.port) == 1",
    "foo",
    "foo.bar == 1",
    "TCP",
    "tcp AND udp",
    "(tcp",
    "tcp)",
    "()",
    "tcp udp",
    "tcp and",
    "and tcp",
    "all tcp.port",
    "ip.src#-1 == 10.0.0.1",
    "ip.src#",
    "tcp.dstport >= 4 * (tcp.srcport + 3)",
    "frame.time > \"foo\"",
    "frame.len == 08",
    "frame.len == 0xg",
    "frame.len == 18446744073709551616",
    "tcp.analysis.retransmission == 1",
    "tcp.flags.syn & 1",
    "frame.time - 5 > 5",
];

/// Where we differ: parts of a capture's name and of a filter, empty for all, and why.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    ("nhrp-trace", "", "tshark reads packets within what we do not read"),
    ("sflow", "", "tshark reads packets within what we do not read"),
    ("arista_ether", "", "tshark reads packets within what we do not read"),
    ("of13_ericsson", "", "tshark reads packets within what we do not read"),
    ("oobr", "", "times and lengths that no capture has, and headers that are malformed"),
    ("pmsi_tunnel", "", "a header that is malformed"),
    ("rst_data", "tcp.payload", "to tshark the payload of a reset is its cause"),
    ("tests_atm-", "", "tshark takes the header before ATM off the lengths"),
    ("bigtcp", "", "tshark does not read on where UDP's length is 0"),
];

/// Other captures, and filters that are tried on each.
const OTHERS: usize = 60;
const FILTERS: usize = 8;

/// Larger captures would take long.
const MAX_LEN: u64 = 100_000;

#[test]
fn they_hold_for_the_frames_that_tsharks_hold_for() {
    if !has_lua() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let joined = folder.path().join("joined.pcap");
    std::fs::write(&joined, join()).unwrap();
    let all: Vec<&str> = FRAMES.iter().chain(MESSAGES).copied().collect();
    // Pieces, so that both cores have work.
    let mut cases: Vec<(PathBuf, Vec<&str>)> = all.chunks(40).map(|some| (joined.clone(), some.into())).collect();
    let others = shared_captures().into_iter().filter(|path| path.metadata().is_ok_and(|file| file.len() < MAX_LEN));
    let others: Vec<PathBuf> = others.collect();
    let every = others.len().div_ceil(OTHERS).max(1);
    let mut filters = FRAMES.iter().copied().cycle();
    cases.extend(others.into_iter().step_by(every).map(|path| (path, filters.by_ref().take(FILTERS).collect())));

    let faults = side_by_side(&cases, |(path, filters)| {
        let tried = filters.iter().zip(tshark(folder.path(), path, filters));
        tried.filter_map(|(filter, theirs)| fault(path, filter, theirs)).collect::<Vec<_>>()
    })
    .concat();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Wireshark 4.0 asks that one element of the set hold for all values.
#[test]
fn every_value_may_be_another_element_of_a_set() {
    let packets = |filter: &str| {
        let told = run(dissect().args(["-P", "-T", "json", "-r", "fixtures/keep-alive.pcap", "-Y", filter]));
        told.records().iter().filter(|record| record["type"] == "packet").count()
    };
    let all = packets("tcp");
    assert!(all > 0);
    assert_eq!(packets("all tcp.port in {80, 30000..65535}"), all);
    assert_eq!(packets("all tcp.port in {30000..65535}"), 0);
    assert_eq!(packets("any tcp.port in {30000..65535}"), all);
}

#[test]
fn what_is_none_is_told_before_anything_is_read() {
    for filter in MISTAKES {
        let told = run(dissect().args(["-r", "no such file", "-Y", filter]));
        assert_eq!((told.code, told.stdout.len()), (Some(2), 0), "{filter}: {}", told.stderr);
        let lines: Vec<&str> = told.stderr.lines().collect();
        assert_eq!(lines[1].trim(), filter.trim(), "{}", told.stderr);
        assert!(lines[2].trim_start().starts_with('^'), "{}", told.stderr);
    }
    if has_lua() {
        let folder = tempfile::tempdir().unwrap();
        let theirs = tshark(folder.path(), &path("fixtures/dns.pcap"), MISTAKES);
        for (filter, theirs) in MISTAKES.iter().zip(theirs) {
            assert_eq!(theirs, None, "{filter}");
        }
    }
}

/// Whether tshark is there, and runs scripts.
fn has_lua() -> bool {
    let version = Command::new("tshark").arg("--version").output();
    installed("tshark") && version.is_ok_and(|told| String::from_utf8_lossy(&told.stdout).contains("with Lua"))
}

/// The frames that each filter holds for, by tshark; none where it is no filter to it.
fn tshark(folder: &Path, capture: &Path, filters: &[&str]) -> Vec<Option<BTreeSet<u64>>> {
    let mut script = "local filters = {\n".to_owned();
    filters.iter().for_each(|filter| script.push_str(&format!("[==[{filter}]==],\n")));
    script.push_str(
        "}
        for i, filter in ipairs(filters) do
            local taken, listener = pcall(Listener.new, \"frame\", filter)
            if taken then
                function listener.packet(frame) print(i .. \" \" .. frame.number) end
            else
                print(i .. \" refused\")
            end
        end",
    );
    let file = tempfile::Builder::new().suffix(".lua").tempfile_in(folder).unwrap();
    std::fs::write(&file, script).unwrap();
    let mut tshark = Command::new("tshark");
    tshark.env("TZ", "UTC").arg("-q").arg("-X").arg(format!("lua_script:{}", file.path().display()));
    let told = tshark.arg("-r").arg(capture).output().unwrap();
    let mut frames = vec![Some(BTreeSet::new()); filters.len()];
    for line in String::from_utf8_lossy(&told.stdout).lines() {
        let (index, number) = line.split_once(' ').unwrap();
        let frames = &mut frames[index.parse::<usize>().unwrap() - 1];
        match number.parse() {
            Ok(number) => frames.iter_mut().for_each(|frames| assert!(frames.insert(number))),
            Err(_) => *frames = None,
        }
    }
    frames
}

/// How our frames differ from tshark's, if they do.
fn fault(capture: &Path, filter: &str, theirs: Option<BTreeSet<u64>>) -> Option<String> {
    let file = capture.to_string_lossy();
    if DIFFERENCES.iter().any(|(of, part, _)| file.contains(of) && filter.contains(part)) {
        return None;
    }
    let Some(theirs) = theirs else { return Some(format!("{filter}: tshark takes it for none")) };
    let ours = run(dissect().arg("-r").arg(capture).args(["-P", "-T", "json", "-Y", filter]));
    match ours.code {
        Some(0 | 1) => {}
        // Of a link type that tshark does not know, or the other way round.
        Some(3) => return None,
        _ => return Some(format!("{filter}: {}", ours.stderr)),
    }
    let kind = if MESSAGES.contains(&filter) { "message" } else { "packet" };
    let records = ours.records();
    let numbers = records.iter().filter(|record| record["type"] == kind);
    let ours: BTreeSet<u64> = numbers.map(|record| record["frame"]["number"].as_u64().unwrap()).collect();
    (ours != theirs).then(|| {
        let (more, fewer): (Vec<_>, Vec<_>) = (ours.difference(&theirs).collect(), theirs.difference(&ours).collect());
        format!("{file} {filter}: we have also {more:?}, tshark also {fewer:?}")
    })
}

/// The fixtures as one capture.
fn join() -> Vec<u8> {
    const HEADER: usize = 24;
    let mut all = Vec::new();
    for name in FIXTURES {
        let bytes = std::fs::read(path(&format!("fixtures/{name}.pcap"))).unwrap();
        let (header, records) = bytes.split_at(HEADER);
        assert_eq!(header[..4], [0xd4, 0xc3, 0xb2, 0xa1], "{name}");
        assert_eq!(header[20..24], [1, 0, 0, 0], "{name}");
        if all.is_empty() {
            all.extend_from_slice(header);
        }
        all.extend_from_slice(records);
    }
    all
}
