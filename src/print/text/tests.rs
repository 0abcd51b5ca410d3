//! What is drawn of messages, connections and totals.

use std::net::{IpAddr, Ipv4Addr};

use unicode_width::UnicodeWidthStr;

use super::*;
use crate::app::http1::{Http, head};
use crate::app::ledger::Class;
use crate::app::message::{Kind, Message, Missing, Unit, Update};
use crate::engine::Totals;
use crate::event::{self, Close, Connection};
use crate::frame::{FrameMeta, LinkType, Timestamp};
use crate::issue::{Flags, Issue};
use crate::tcp::reassembly::Cause;
use crate::tcp::verdict::Verdict;
use crate::tcp::{Carrier, SegmentRef};

/// Ethernet, IPv4 and TCP headers of a segment with 100 bytes.
const HEADERS: &[u8] = b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x08\0\
    \x45\0\0\x8c\x1c\x46\x40\0\x40\x06\0\0\x0a\0\0\x01\x0a\0\0\x02\
    \x9d\x30\0\x50\0\0\0\x07\0\0\0\x09\x50\x18\xfa\0\0\0\0\0";

const START: u64 = 1 << 32;

fn http(raw: &[u8], body: &[u8], len: u64) -> Http {
    Http { raw: raw.to_vec(), parsed: head::parse(raw), preview: body.to_vec(), body_len: len, ..Http::default() }
}

fn message(kind: Kind, http: Http) -> Message {
    let mut message = Message { kind, number: 1, start: START, first_time: Timestamp(0), ..Message::default() };
    let meta = FrameMeta {
        number: 4,
        time: Timestamp(0),
        wire_len: 154,
        link: LinkType::ETHERNET,
        interface: 0,
        interface_id: None,
    };
    let mut verdict = Verdict::default();
    (verdict.seq, verdict.next_seq, verdict.ack) = (1, 101, 1);
    message.carrier = Carrier { meta, cap_len: 154, headers: HEADERS, resumed: &[], verdict }.to_owned();
    message.extend(SegmentRef { frame: 4, time: Timestamp(0), offset: START, len: 100, flags: Flags::EMPTY, acked: 0 });
    message.unit = Unit::Http(http);
    message
}

fn flow() -> Flow {
    let end = |last, port| Endpoint { address: IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)), port };
    Flow { transport: Transport::Tcp, stream: 0, ends: [end(1, 40240), end(2, 80)], client: Some(0) }
}

fn drawn(options: Options, event: Event<'_>) -> String {
    let mut out = Vec::new();
    Text::new(options).event(event, &mut out);
    String::from_utf8(out).unwrap()
}

fn drawn_message(options: Options, message: &Message) -> String {
    drawn(options, Event::Message(event::Message { flow: flow(), first_seq: 1, message }))
}

#[test]
fn a_message_is_drawn_with_its_layers_and_segments() {
    let http = http(b"POST /form HTTP/1.1\r\nHost: example.test\n\r\n", "grün\r\n".as_bytes(), 7);
    let expected = "\
#1  POST /form  HTTP/1.1   10.0.0.1:40240 → 10.0.0.2:80   stream 0   frame 4
    00:00:00.000000
┌ Ethernet  02:00:00:00:00:01 → 02:00:00:00:00:02  IPv4 (0x0800)            14 B
│┌ IPv4     10.0.0.1 → 10.0.0.2  ttl 64  id 0x1c46  DF  length 140          20 B
││┌ TCP     40240 → 80  seq 1  ack 1  [PSH, ACK]  win 0  len 100            20 B
│││┌ HTTP   POST /form HTTP/1.1␍␊                                           42 B
││││        Host: example.test␊
││││        ␍␊
│││├ body   grün␍␊                                                           7 B
  frame       time  seq  length  message bytes
      4  +0.000 ms    1     100           0-99
";
    assert_eq!(drawn_message(Options::default(), &message(Kind::Request, http)), expected);
}

#[test]
fn nothing_of_the_capture_steers_the_terminal_or_breaks_the_width() {
    let evil = "\u{1b}]0;x\u{7}\u{202e}\u{200b}\u{9b}2J\u{2028}漢字\r".repeat(40);
    let raw = format!("GET /{evil} HTTP/1.1\r\nA{evil}: b\r\nX: {evil}\n\r\n");
    let mut http = http(raw.as_bytes(), evil.as_bytes(), 100_000);
    http.trailer_raw = raw.into_bytes();
    let mut message = message(Kind::Request, http);
    message.issues = Issue::ALL.iter().copied().collect();
    for width in [60, 80, 120] {
        for (verbose, hex) in [(0, Hex::None), (1, Hex::BytesAndText), (2, Hex::Bytes)] {
            let text = drawn_message(Options { width, verbose, hex, ..Options::default() }, &message);
            for line in text.lines() {
                assert!(line.width() <= width.max(80), "{line}");
                assert!(!line.chars().any(|char| char.is_control() || "\u{202e}\u{200b}\u{2028}".contains(char)));
            }
        }
    }
}

#[test]
fn colours_change_nothing_in_the_text() {
    let mut message = message(Kind::Response, http(b"HTTP/1.1 200 OK\r\n\r\n", b"a\x1b[31mb", 9));
    message.issues.insert(Issue::BareLf);
    let colored = drawn_message(Options { color: true, ..Options::default() }, &message);
    let mut plain = String::new();
    for part in colored.split('\u{1b}') {
        plain.push_str(part.split_once('m').filter(|_| part.starts_with('[')).map_or(part, |(_, text)| text));
    }
    assert_eq!(plain, drawn_message(Options::default(), &message));
    assert!(colored.len() > plain.len());
}

#[test]
fn bodies_are_shown_as_what_they_are() {
    let body = |head: &str, preview: &[u8], len| {
        let raw = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n");
        let text = drawn_message(Options::default(), &message(Kind::Response, http(raw.as_bytes(), preview, len)));
        let from = text.find("├ body").unwrap();
        text[from..].split("  frame").next().unwrap().replace("││││        ", "").replace("├ body   ", "")
    };
    assert!(body("A: b", b"\x89PNG\r\n\x1a\n", 5000).starts_with("no text: 89 50 4e 47 0d 0a 1a 0a …"));
    assert!(body("Content-Type: text/plain; charset=ISO-8859-1", b"gr\xfcn", 4).starts_with("grün "));
    assert!(body("Content-Type: text/plain", b"gr\xfcn", 4).starts_with(r"gr\xfcn "));
    // Three of the four bytes of the last character are there.
    assert!(body("A: b", b"ab\xf0\x9f\x98", 6).contains("2 of 6 bytes shown"));
    assert!(body("A: b", "line\n".repeat(20).as_bytes(), 100).contains("50 of 100 bytes shown"));
    assert!(body("Transfer-Encoding: gzip, chunked", b"x", 1).contains("sent in chunks"));
    assert!(body("A: b", b"", 7).contains("0 of 7 bytes shown"));
}

#[test]
fn what_is_missing_is_told_in_its_place() {
    let mut message = message(Kind::Response, http(b"HTTP/1.1 200 OK\r\n\r\n", b"x", 81));
    message.missing.push(Missing { offset: 100, len: 50, cause: Cause::Truncated });
    message.missing_bytes = 50;
    let text = drawn_message(Options::default(), &message);
    assert!(text.contains("50 bytes missing"), "{text}");
    assert!(text.ends_with("      -             101      50        100-149  missing: frame cut\n"), "{text}");
}

#[test]
fn a_response_tells_how_long_after_its_request_it_came() {
    let mut message = message(Kind::Response, http(b"HTTP/1.1 200 OK\r\n\r\n", b"", 0));
    let mut told = |answers, since| {
        (message.answers, message.since_request) = (answers, since);
        let text = drawn_message(Options { time: TimeFormat::None, width: 120, ..Options::default() }, &message);
        text.lines().next().unwrap().rsplit("   ").next().unwrap().to_owned()
    };
    assert_eq!(told(Some(3), Some(12_400_000)), "12.4 ms after #3");
    assert_eq!(told(Some(3), Some(-12_400_000)), "answers #3, 12.4 ms before its end");
    assert_eq!(told(Some(3), None), "answers #3");
    assert_eq!(told(None, None), "its request is not known");
}

#[test]
fn an_update_is_one_line() {
    let segment =
        SegmentRef { frame: 17, time: Timestamp(0), offset: START + 9, len: 2, flags: Flags::EMPTY, acked: 0 };
    let issues = [Issue::Retransmission, Issue::OverlapConflict].into_iter().collect();
    let update = Update { number: 3, side: 0, kind: Kind::Request, start: START, issues, segment: Some(segment) };
    let event = Event::Update(event::Update { flow: flow(), first_seq: 1, update: &update });
    let expected = "#3 of stream 0: later: retransmission, overlap_conflict in frame 17 (bytes 9-10)\n";
    assert_eq!(drawn(Options { width: 100, ..Options::default() }, event), expected);
}

#[test]
fn a_connection_is_told_unless_its_messages_said_it_all() {
    let mut connection = Connection {
        flow: flow(),
        handshake: [true; 3],
        close: Close::Fin,
        first: (Timestamp(0), 1),
        last: (Timestamp(1_500_000), 9),
        directions: Default::default(),
        initial_rtt: 0,
        http: true,
        protocol: None,
        tls: None,
        other_bytes: 0,
        issues: Default::default(),
    };
    assert_eq!(drawn(Options::default(), Event::Connection(&connection)), "");
    (connection.http, connection.protocol, connection.other_bytes) = (false, Some("SMTP"), 10);
    connection.directions[0].bytes = 10;
    let expected = "stream 0  SMTP   10.0.0.1:40240 → 10.0.0.2:80   → 10 B in 0 segments   ← 0 B in 0 segments   \
        frames 1-9   1.50 ms   handshake whole   closed by FIN\n";
    let text = drawn(Options { width: 200, ..Options::default() }, Event::Connection(&connection));
    assert_eq!(text, expected);
    connection.issues.insert(Issue::OutsideWindow);
    assert!(drawn(Options::default(), Event::Connection(&connection)).contains("warn   outside_window  sequence"));
}

#[test]
fn the_end_tells_what_became_of_every_byte() {
    let mut totals = Totals { frames: 12, bytes: 3456, connections: 1, messages: 3, requests: 2, ..Totals::default() };
    (totals.responses, totals.incomplete) = (1, 1);
    totals.ledger.captured = 453;
    totals.ledger.add(Class::Message, 400);
    totals.ledger.add(Class::Duplicate, 53);
    totals.ledger.missing = 7;
    let mut out = Vec::new();
    Text::new(Options { quiet: true, ..Options::default() })
        .end(&End { totals, drops: None, selected: None }, &mut out);
    let expected = "\
frames        12   3456 bytes
connections   1
messages      3   2 requests   1 response   1 not complete
TCP payload   453 B = 400 message + 53 duplicate
missing       7 bytes sent and not captured
";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}
