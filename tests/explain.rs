//! `dissect explain`, on captures of which it is known what happened.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn run(arguments: &str, input: Stdio) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dissect"));
    command.arg("explain").args(arguments.split_whitespace()).current_dir(fixtures()).stdin(input).output().unwrap()
}

/// What is said of a frame, in one line with single spaces.
#[track_caller]
fn explained(frame: u64, file: &str) -> String {
    let output = run(&format!("{frame} -r {file}.pcap"), Stdio::null());
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{file}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn each_frame_is_explained_by_its_numbers() {
    for (frame, file, words) in [
        (
            10,
            "reordered-response",
            "out_of_order seq 1449 < next expected 4345; 0.008 ms after it, less than the initial RTT of 20.592 ms",
        ),
        (
            10,
            "reordered-response",
            "1448 bytes are the bytes 1448-2895 of message #2 (HTTP response, complete) of stream 0",
        ),
        (10, "reordered-response", "12-13 08 00 eth.type 0x0800 EtherType"),
        (10, "reordered-response", "47 ...1 .... tcp.flags.ack true"),
        (10, "reordered-response", "tcp.seq 1449 = 1786275773 − 1786274324"),
        (10, "reordered-response", "tcp.window_size 65536 = 64 × 1024, the shift of its SYN being 10"),
        (16, "again-while-open", "spurious_retransmission seq 2897 + len 1448 = 4345 ≤ 6386, which"),
        (16, "again-while-open", "1448 bytes are a copy of the bytes 2896-4343 of message #2"),
        (
            11,
            "again-other-bytes",
            "retransmission seq 2897 < next expected 4345; not out of order, as it ends at 4345 too",
        ),
        (10, "ack-before-data", "ack_lost_segment ack 4345 > 2897, up to which"),
        (11, "ack-before-data", "seq 2897 + len 1448 = 4345 ≤ 4345"),
        (8, "keep-alive-probes", "keep_alive 0 bytes at seq 43 = next expected 44 − 1"),
        (9, "keep-alive-probes", "keep_alive_ack no payload; seq 278 = next expected 278; ack 44 = last ack 44"),
        (11, "port-reuse", "the sequence number 1031756703; the one before on these ports had 1012994836"),
        (
            11,
            "zero-window",
            "4.555 ms after it, not less than the initial RTT of 0.05 ms Wireshark 4.4: the same, but its original is frame 10, 4.555 ms before",
        ),
        (
            20,
            "zero-window",
            "window_update no payload; seq 71 = next expected 71; ack 5817 = last ack 5817; window 2896 as sent, last time 0",
        ),
        (29, "loss-at-server", "seq 2897 = the peer's last ack, which came with 5 duplicates"),
        (2, "dns", "50 bytes are the bytes 0-49 of message #2 (DNS response, complete) of UDP stream 0"),
    ] {
        let text = explained(frame, file);
        assert!(text.contains(words), "{file} {frame}: {words}\n{text}");
    }
}

#[test]
fn a_frame_without_tcp_has_its_layers_alone() {
    let text = explained(1, "arp-ping");
    assert!(text.contains("arp.opcode 1") && !text.contains("In its connection"), "{text}");
}

#[test]
fn a_frame_that_completes_a_datagram_has_the_datagrams_layers_too() {
    let whole =
        (1..20).map(|frame| explained(frame, "ip-fragments")).find(|text| text.contains("completes a datagram"));
    assert!(whole.is_some_and(|text| text.contains("TCP bytes 0-31 of the datagram put together from fragments")));
}

#[test]
fn a_fragment_and_the_frame_that_completes_its_datagram_name_each_other() {
    let whole = (1..20).map(|frame| (frame, explained(frame, "ip-fragments")));
    let (frame, text) = whole.into_iter().find(|(_, text)| text.contains("put together from")).unwrap();
    let (_, frames) = text.split_once("fragments: frames ").unwrap();
    let first: u64 = frames.split(',').next().unwrap().parse().unwrap();
    let other = explained(first, "ip-fragments");
    assert!(other.contains(&format!("more follow; put together in frame {frame}")), "{other}");
}

#[test]
fn checksums_are_looked_at_where_that_is_asked_for() {
    let flagged = |arguments: &str| {
        let frames = (1..=12).map(|frame| run(&format!("{frame} -r damaged.pcap{arguments}"), Stdio::null()).stdout);
        frames.filter(|text| String::from_utf8_lossy(text).contains("bad_checksum")).count()
    };
    assert_eq!(flagged(""), 0);
    assert!(flagged(" --verify-checksums") > 0);
}

#[test]
fn the_frame_is_a_number_that_the_capture_has() {
    for (arguments, code, words) in [
        ("x -r dns.pcap", 2, "invalid value"),
        ("0 -r dns.pcap", 2, "invalid value"),
        ("1", 2, "--read"),
        ("9999 -r dns.pcap", 1, "dissect: there is no frame 9999 among those read"),
        ("1 -r nosuch.pcap", 3, "there is no such file"),
    ] {
        let output = run(arguments, Stdio::null());
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(code), 0), "{arguments}: {told}");
        assert!(told.contains(words), "{arguments}: {told}");
    }
}

#[test]
fn standard_input_and_a_filter() {
    let file = || File::open(fixtures().join("reordered-response.pcap")).unwrap().into();
    let output = run("10 -r -", file());
    assert_eq!(output.stdout, run("10 -r reordered-response.pcap", Stdio::null()).stdout);
    if cfg!(feature = "live") {
        assert_eq!(run("10 -r - tcp", file()).stdout, output.stdout);
        assert_eq!(run("10 -r - udp", file()).status.code(), Some(1));
    }
}
