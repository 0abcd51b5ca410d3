//! What the program prints, word for word: `tests/golden/NAME` for each line of the table. `DISSECT_BLESS=1` writes them.

mod common;

use std::collections::BTreeSet;
use std::fs;

use common::{dissect, path, run};

/// Name, capture, arguments, exit code.
const TABLE: &[(&str, &str, &str, i32)] = &[
    ("json-one-get", "get-nginx-curl.pcap", "-T json --hash", 0),
    ("json-packets", "get-http-server.pcap", "-T json -P", 0),
    ("json-hole-in-body", "hole-in-body.pcap", "-T json --strict", 0),
    ("json-request-again", "again-other-bytes-later.pcap", "-T json", 0),
    ("json-chunked", "chunked-trailer.pcap", "-T json --hash", 0),
    ("json-dns", "dns.pcap", "-T json", 0),
    ("text-dns", "dns-truncated.pcap", "-v", 0),
    ("text-dns-again", "dns-again.pcap", "", 0),
    ("json-fragments", "ip-fragments.pcap", "-T json", 0),
    ("json-file-cut", "file-cut-in-body.pcap", "-T json", 1),
    ("json-filter", "keep-alive.pcap", "-T json -q tcp port 80", 0),
    ("json-stream", "two-at-once.pcap", "-T json --stream 1", 0),
    ("json-checksums", "damaged.pcap", "-T json --verify-checksums", 0),
    ("text-one-get", "get-nginx-curl.pcap", "", 0),
    ("text-hole-in-body", "hole-in-body.pcap", "", 0),
    ("text-reordered", "reordered-response.pcap", "-t", 0),
    ("text-snaplen", "snaplen-96.pcap", "", 0),
    ("text-packets", "arp-ping.pcap", "-P -ttttt", 0),
    ("text-verbose", "qinq.pcap", "-vv -X", 0),
    ("text-quiet", "keep-alive.pcap", "-q", 0),
    ("text-color", "pipelining.pcap", "--color always", 0),
    ("table", "keep-alive.pcap", "-T table", 0),
    ("table-tls", "tls.pcap", "-T table", 0),
    ("body", "gzip-response.pcap", "--body 0.2", 0),
    ("unreadable", "no-bytes.pcap", "", 3),
];

#[test]
fn output_is_as_it_was() {
    let bless = std::env::var_os("DISSECT_BLESS").is_some();
    let mut faults = Vec::new();
    for &(name, capture, arguments, code) in TABLE {
        let file = format!("fixtures/{capture}");
        let told = run(dissect().args(["-r", &file]).args(arguments.split_whitespace()));
        if told.code != Some(code) {
            faults.push(format!("{name}: exit code {:?}, not {code}: {}", told.code, told.stderr));
        }
        // What goes to standard error follows, where something does.
        let mut got = told.stdout;
        if !told.stderr.is_empty() {
            got.extend(format!("--- stderr\n{}", told.stderr).bytes());
        }
        let version = format!("\"version\":\"{}\"", env!("CARGO_PKG_VERSION"));
        if let Ok(text) = std::str::from_utf8(&got) {
            got = text.replacen(&version, "\"version\":\"VERSION\"", 1).into_bytes();
        }
        let golden = path("tests/golden").join(name);
        if bless {
            fs::write(golden, got).unwrap();
        } else if fs::read(golden).unwrap_or_default() != got {
            faults.push(difference(name, &got));
        }
    }
    assert!(faults.is_empty(), "{}\nDISSECT_BLESS=1 takes what is printed now", faults.join("\n"));
}

/// The first line that differs.
fn difference(name: &str, got: &[u8]) -> String {
    let want = fs::read_to_string(path("tests/golden").join(name)).unwrap_or_default();
    let got = String::from_utf8_lossy(got);
    let (mut want, mut got, mut line) = (want.lines(), got.lines(), 1);
    loop {
        match (want.next(), got.next()) {
            (want, got) if want != got => return format!("{name}, line {line}:\n  was {want:?}\n  is  {got:?}"),
            (None, None) => return format!("{name}: line ends differ"),
            _ => line += 1,
        }
    }
}

#[test]
fn every_golden_file_is_in_the_table() {
    let files = fs::read_dir(path("tests/golden")).unwrap().map(|file| common::name(&file.unwrap().path()));
    let names = TABLE.iter().map(|(name, ..)| (*name).to_owned());
    assert_eq!(files.collect::<BTreeSet<_>>(), names.collect::<BTreeSet<_>>());
}
