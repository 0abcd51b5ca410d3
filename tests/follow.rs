//! `dissect follow` on the real binary: the order of a conversation, what is told of the way, and the bytes themselves.

mod common;

use std::io::{Cursor, Write};
use std::process::{Command, Stdio};

use common::wire::Random;
use common::{Run, dissect, fixtures, installed, name, path, run};
use dissect::engine::{Engine, Options, Stream};
use dissect::event::{Event, Sink};
use dissect::print::Printer;
use dissect::print::follow::{self, Conversation, Who};
use dissect::print::text::TimeFormat;
use dissect::source::{CaptureFile, Name};
use jiff::tz::TimeZone;
use serde_json::Value;
use sha2::{Digest, Sha256};
use unicode_width::UnicodeWidthStr;

fn follow(fixture: &str, arguments: &str) -> Run {
    let file = path("fixtures").join(fixture);
    run(dissect().arg("follow").args(arguments.split_whitespace()).arg("-r").arg(file))
}

/// What is told, which has to go well.
fn told(fixture: &str, arguments: &str) -> String {
    let told = follow(fixture, arguments);
    assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""), "{fixture} {arguments}");
    String::from_utf8(told.stdout).expect("text is UTF-8")
}

/// The lines that begin so, without what the bytes say.
fn lines<'t>(text: &'t str, starts: &[&str]) -> Vec<&'t str> {
    text.lines().filter(|line| starts.iter().any(|start| line.starts_with(start))).collect()
}

#[test]
fn a_conversation_is_told_from_handshake_to_close() {
    let want = "\
stream 0   10.0.0.1:40240   10.0.0.2:80

→ client  09:11:35.583800  frame 1  [SYN]  seq 0 win 64240
← server  09:11:35.583838  +38.0 µs  frame 2  [SYN, ACK]  seq 0 ack 1 win 65160
→ client  09:11:35.583854  +16.0 µs  frame 3  [ACK]  seq 1 ack 1 win 64512  RTT 54.0 µs

→ client  09:11:35.583993  +139 µs  frame 4  81 B  #1 GET /hello.txt
│ GET /hello.txt HTTP/1.1␍␊
│ Host: 10.0.0.2␍␊
│ User-Agent: curl/7.88.1␍␊
│ Accept: */*␍␊
│ ␍␊

← server  09:11:35.584070  +77.0 µs  frame 6  277 B  #2 200 OK
│ HTTP/1.1 200 OK␍␊
│ Server: nginx/1.22.1␍␊
│ Date: Sun, 22 Nov 2026 09:11:35 GMT␍␊
│ Content-Type: text/plain␍␊
│ Content-Length: 40␍␊
│ Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT␍␊
│ Connection: keep-alive␍␊
│ ETag: \"6553f100-28\"␍␊
│ Accept-Ranges: bytes␍␊
│ ␍␊
│ Hello, you found the example text file!␊

→ client  09:11:35.584258  +188 µs  frame 8  [FIN, ACK]  seq 82 ack 278 win 64512
← server  09:11:35.585528  +1.27 ms  frame 9  [FIN, ACK]  seq 278 ack 83 win 65536

stream 0  HTTP   10.0.0.1:40240 → 10.0.0.2:80   → 81 B in 6 segments   ← 277 B in 4 segments
    frames 1-10   1.73 ms   handshake whole   closed by FIN   initial RTT 54.0 µs
";
    assert_eq!(told("get-nginx-curl.pcap", "0"), want);
}

#[test]
fn what_acknowledges_comes_after_what_it_acknowledges() {
    let text = told("response-before-request.pcap", "0 -t");
    let want = [
        "→ client  +149 µs  frame 5  81 B  #1 GET /hello.txt",
        "← server  frame 4  277 B  #2 200 OK",
        "│ ! ← frame 4  bytes 0-276, captured before frame 5 but sent after it  ack_lost_segment",
    ];
    assert_eq!(lines(&text, &["→ client  +149", "← server  frame 4", "│ ! "]), want);
    // An ACK by itself waits for the bytes that it acknowledges, and so do the FINs.
    let text = told("ack-before-data.pcap", "0 -t -v");
    let at = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what} in {text}"));
    assert!(at("┄ ← frame 11  [") < at("┄ → frame 10  [ACK]"));
    assert!(at("frame 18  [FIN, ACK]") < at("frame 19  [FIN, ACK]"));
    for text in [told("mid-stream.pcap", "0 -t"), told("response-lost.pcap", "0 -t")] {
        let frames: Vec<u64> = lines(&text, &["→", "←"])
            .iter()
            .filter(|line| line.contains("[FIN"))
            .filter_map(|line| line.split("frame ").nth(1)?.split(' ').next()?.parse().ok())
            .collect();
        assert!(frames.len() == 2 && frames.is_sorted(), "{text}");
    }
}

#[test]
fn who_asks_is_the_client_though_the_other_was_heard_first() {
    let text = told("mid-stream.pcap", "0 -t");
    let want = ["← server  frames 1-5  3 segments  3144 B", "→ client  +126 µs  frame 7  66 B  #1 GET /hello.txt"];
    assert_eq!(lines(&text, &["← server  frames", "→ client  +126"]), want);
    let client = follow("mid-stream.pcap", "0 --raw --from client");
    assert!(client.stdout.starts_with(b"GET /hello.txt HTTP/1.1\r\n"));
    assert!(!told("mid-stream.pcap", "0 --from client").contains("← server"));
}

#[test]
fn what_happened_is_told_where_it_happened() {
    let text = told("late-data.pcap", "0 -t");
    let want = [
        "│ ✗ ← 1448 bytes (bytes 2896-4343) were never captured",
        "│ ! → frame 10  ack_lost_segment (acknowledges bytes that were not captured)  +4.00 µs",
        "│ ! ← frame 11  bytes 4344-5791  lost_segment (the segment before this one was not captured)",
        "│ ! → frame 12  ack_lost_segment  +1.00 µs",
        "│ ✗ #2 is not whole: gap (bytes of the message were never captured)",
        "│ ! ← frame 15  bytes 2896-4343, taken for lost above, came late  retransmission (bytes sent before,",
    ];
    assert_eq!(lines(&text, &["│ ✗", "│ !"]), want);
    let (before, after) = text.split_once("were never captured\n").unwrap();
    assert!(
        before.lines().last().unwrap().starts_with("│ ✗") && before.contains("│ 000083 the line says its number\n")
    );
    assert!(after.contains("│ the line says its number␊\n"), "the bytes after the gap follow it");

    let text = told("keep-alive-probes.pcap", "0 -t");
    let want = [
        "│ · → frame 8  keep_alive (keep-alive probe)  +1.01 s",
        "│ · ← frame 9  keep_alive_ack (answer to a keep-alive probe)  +50.0 µs",
        "│ · → frame 10  keep_alive  +1.02 s",
        "│ · ← frame 11  keep_alive_ack  +60.0 µs",
    ];
    assert_eq!(lines(&text, &["│ ·"]), want);
    assert!(text.contains("\n→ client  after a pause of 2.50 s  frame 12  66 B  #3 GET /hello.txt\n"));

    let text = told("loss-at-client.pcap", "0 -t");
    assert!(text.contains("│ · → frames 17-29  7 times  duplicate_ack (the same acknowledgement again)"), "{text}");
    assert!(text.contains("│ · ← frame 30  bytes 2896-4343  retransmission (bytes sent before, again), fast_retran"));

    let text = told("again-other-bytes.pcap", "0");
    assert!(text.contains("│ ✗ ← frame 11  bytes 2896-4343 again, with other content  retransmission"), "{text}");
    let text = told("twice.pcap", "0");
    assert!(text.contains("│ · → frame 8  bytes 0-72 again, the same  retransmission  +1.00 µs\n"), "{text}");
    let text = told("zero-window-probe.pcap", "0");
    for what in
        ["→ frame 14  zero_window (", "← frame 15  byte 5816  zero_window_probe (", "→ frame 20  window_update ("]
    {
        assert!(text.contains(what), "{what} in {text}");
    }
    let text = told("reset-in-body.pcap", "0");
    assert!(text.contains("frame 12  [RST, ACK]  seq 3042 ack 78"), "{text}");
    assert!(text.contains("✗ #2 is not whole: aborted (the connection was reset before the end"), "{text}");
    let text = told("snaplen-96.pcap", "0");
    assert!(text.contains("│ ✗ → 54 bytes (bytes 30-83) were sent, but their frame was captured shorter\n"), "{text}");
    let text = told("time-backwards.pcap", "0");
    assert!(text.contains("│ · pause of 5.00 s\n"), "{text}");
}

#[test]
fn messages_are_marked_where_they_begin() {
    let text = told("pipelining.pcap", "0");
    let marks = lines(&text, &["├"]);
    assert_eq!(marks, ["├ #2 GET /lines-6k.txt", "├ #3 GET /old", "├ #5 200 OK", "├ #6 301 Moved Permanently"]);
    let at = |what: &str| text.find(what).unwrap();
    assert!(at("├ #2") + "├ #2 GET /lines-6k.txt\n".len() == at("│ GET /lines-6k.txt HTTP/1.1"));
    assert!(text.contains("145 B  #1 GET /hello.txt\n") && text.contains("7026 B  #4 200 OK\n"), "{text}");
    let dns = told("dns.pcap", "--udp 0 -t");
    assert_eq!(
        lines(&dns, &["→", "←"])[..2],
        [
            "→ client  frame 1  34 B  #1 DNS A? www.example.test",
            "← server  +140 µs  frame 2  50 B  #2 DNS A www.example.test → 10.0.0.2",
        ]
    );
}

#[test]
fn hexadecimal_has_every_byte() {
    for fixture in ["get-nginx-curl.pcap", "tls.pcap", "hole-in-body.pcap"] {
        let text = told(fixture, "0 --hex --from server");
        let rows = text.lines().filter_map(|line| line.strip_prefix("│ 0x")?.split_once(":  "));
        let mut got = Vec::new();
        for (_, row) in rows {
            let digits: String = row.chars().take(39).filter(|char| *char != ' ').collect();
            got.extend((0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()));
        }
        assert!(got == follow(fixture, "0 --raw --from server").stdout, "{fixture}");
    }
    // Offsets go on after a gap where the bytes do.
    assert!(told("hole-in-body.pcap", "0 -X").contains("│ 0x10f8:  "));
}

#[test]
fn records_have_every_byte_and_what_happened() {
    for fixture in ["gzip-response.pcap", "tls.pcap", "late-data.pcap", "mid-stream.pcap"] {
        let records = follow(fixture, "0 -T json").records();
        for side in ["client", "server"] {
            let from = |record: &&Value| record["src"] == address(&records, side) && record["event"] == "data";
            let mut got: Vec<u8> = Vec::new();
            for record in records.iter().filter(from) {
                let before = got.len() as u64;
                match (record["text"].as_str(), record["bytes"].as_str()) {
                    (Some(text), None) => got.extend(text.as_bytes()),
                    (None, Some(hex)) => got.extend(
                        hex.as_bytes()
                            .chunks(2)
                            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()),
                    ),
                    _ => panic!("{record}"),
                }
                assert_eq!(got.len() as u64 - before, record["len"].as_u64().unwrap(), "{record}");
            }
            assert!(got == follow(fixture, &format!("0 --raw --from {side}")).stdout, "{fixture} {side}");
        }
    }
    let records = follow("late-data.pcap", "0 -T json").records();
    let events = records.iter().filter_map(|record| record["event"].as_str());
    let events: Vec<&str> = events.filter(|event| !["data", "segment"].contains(event)).collect();
    assert_eq!(events, ["gap", "late", "end", "end"]);
}

/// The client's or the server's, as the records of messages have it.
fn address(records: &[Value], side: &str) -> Value {
    let known = records.iter().find(|record| record["from"] == side).unwrap();
    known["src"].clone()
}

#[test]
fn raw_bytes_that_lack_some_are_no_success() {
    let raw = follow("hole-in-body.pcap", "0 --raw");
    let want = "dissect: 1448 bytes of the server's are missing, from its byte 2896 on\n\
                dissect: what was written is not whole: 1448 bytes are missing, in one place\n";
    assert_eq!((raw.code, raw.stderr.as_str()), (Some(1), want));
    assert_eq!(follow("hole-in-body.pcap", "0 --raw --from client").code, Some(0));
}

#[test]
fn a_stream_that_is_not_there() {
    for (arguments, want) in [
        ("7", "dissect: there is no TCP stream 7: there are 2, from 0 to 1\n"),
        ("--udp 0", "dissect: there is no UDP stream 0: there are none, and 2 of TCP\n"),
        ("1 port 1", "dissect: there is no TCP stream 1: there are none\n"),
        (
            "x",
            "dissect: \"x\" is no number of a stream: dissect follow N -r FILE (`dissect -r FILE` shows the numbers)\n",
        ),
    ] {
        for more in ["", " --raw", " --hex"] {
            let told = follow("two-at-once.pcap", &format!("{arguments}{more}"));
            let got = (told.code, told.stdout.as_slice(), told.stderr.as_str());
            assert_eq!(got, (Some(2), b"".as_slice(), want), "{arguments}{more}");
        }
    }
    let told = follow("dns.pcap", "1");
    assert_eq!(told.stderr, "dissect: there is no TCP stream 1: there are none, and 1 of UDP (--udp N)\n");
}

#[test]
fn standard_input_is_followed_as_a_file_is() {
    for fixture in ["reordered-response.pcap", "mid-stream.pcap"] {
        let file = path("fixtures").join(fixture);
        for arguments in ["0", "0 -v", "0 --raw"] {
            let mut command: Command = dissect();
            command.arg("follow").args(arguments.split(' ')).args(["-r", "-"]);
            let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
            let bytes = std::fs::read(&file).unwrap();
            let mut stdin = child.stdin.take().unwrap();
            for part in bytes.chunks(1000) {
                stdin.write_all(part).unwrap();
                stdin.flush().unwrap();
            }
            drop(stdin);
            let got = child.wait_with_output().unwrap().stdout;
            assert!(got == follow(fixture, arguments).stdout, "{fixture} {arguments}");
        }
    }
}

#[test]
fn nothing_of_the_capture_steers_the_terminal_and_lines_keep_to_their_width() {
    for file in fixtures() {
        for arguments in ["0", "0 -vv", "0 --hex", "--udp 0"] {
            let told = run(dissect().arg("follow").args(arguments.split(' ')).arg("-r").arg(&file));
            let text = String::from_utf8(told.stdout).expect("text is UTF-8");
            for line in text.lines() {
                let of_arguments = format!("{} {arguments}: {line}", name(&file));
                assert!(line.chars().all(|char| !char.is_control()), "{of_arguments}");
                assert!(line.width() <= 100, "{of_arguments}");
                assert!(!line.ends_with(' ') || line.starts_with('│'), "{of_arguments}");
            }
        }
    }
}

/// The last body of each direction whose messages are all whole is the end of what was sent in it.
#[test]
fn raw_bytes_end_with_the_body_that_was_sent() {
    let expected: Value = serde_json::from_slice(&std::fs::read(path("fixtures/expected.json")).unwrap()).unwrap();
    let mut compared = 0;
    for (fixture, capture) in expected.as_object().unwrap() {
        let connections = capture["connections"].as_array().into_iter().flatten();
        for (stream, connection) in connections.enumerate() {
            let messages: Vec<&Value> = connection["messages"].as_array().into_iter().flatten().collect();
            let is_whole = |message: &&Value| {
                message["integrity"] == "complete" && !common::strings(&message["issues"]).contains(&"excess_data")
            };
            // Frames of HTTP/2 follow each other within a body.
            let is_framed = messages.iter().any(|message| message["version"] == "HTTP/2");
            if capture.get("arguments").is_some() || is_framed || !messages.iter().all(is_whole) {
                continue;
            }
            for (kind, side) in [("request", "client"), ("response", "server")] {
                let last = messages.iter().rfind(|message| message["kind"] == kind);
                let Some(body) = last.map(|last| &last["body"]).filter(|body| body["sha256"].is_string()) else {
                    continue;
                };
                let length = body["length"].as_u64().unwrap() as usize;
                let raw = follow(fixture, &format!("{stream} --raw --from {side}"));
                if length == 0 || raw.code != Some(0) || connection.get("then").is_some() {
                    continue;
                }
                let head = String::from_utf8_lossy(&raw.stdout).to_ascii_lowercase();
                if head.contains("transfer-encoding") || raw.stdout.len() < length {
                    continue;
                }
                let sum = Sha256::digest(&raw.stdout[raw.stdout.len() - length..]);
                let hex: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
                assert_eq!(Some(hex.as_str()), body["sha256"].as_str(), "{fixture}: {stream} from {side}");
                compared += 1;
            }
        }
    }
    assert!(compared > 80, "{compared} bodies were compared");
}

/// Every printer of conversations, on captures that nobody sends by accident.
#[test]
fn a_capture_may_be_altered_anywhere() {
    for file in fixtures() {
        let bytes = std::fs::read(&file).unwrap();
        for seed in 0..4 {
            let mut random = Random(seed);
            let mut bytes = bytes.clone();
            for _ in 0..8 * seed {
                let at = random.below(bytes.len().max(1));
                bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = random.number() as u8);
            }
            let Ok(mut capture) = CaptureFile::new(Cursor::new(bytes), Name::Stdin) else { continue };
            let stream = if seed == 3 { Stream::Udp(0) } else { Stream::Tcp(0) };
            let verify_checksums = seed == 2;
            let mut engine = Engine::new(Options { follow: Some(stream), verify_checksums, ..Options::default() });
            let mut told = Told::new(stream);
            while let Ok(Some((frame, _))) = capture.next_described() {
                engine.push(frame, &mut told);
            }
            engine.finish(&mut told);
            let what = || format!("{} with seed {seed}", name(&file));
            assert_eq!(engine.totals().ledger.unexplained(), 0, "{}", what());
            for out in &told.outs {
                let text = std::str::from_utf8(out).unwrap_or_else(|error| panic!("{}: {error}", what()));
                assert!(text.chars().all(|char| !char.is_control() || char == '\n'), "{}", what());
            }
        }
    }
}

/// Conversations in several forms.
struct Told {
    printers: Vec<Conversation>,
    outs: Vec<Vec<u8>>,
}

impl Told {
    fn new(stream: Stream) -> Self {
        let forms = [(false, 0, None), (false, 3, None), (true, 1, None), (false, 0, Some(Who::Server))];
        let printers = forms.map(|(hex, verbose, from)| {
            let (time, zone) = (TimeFormat::SinceFirst, TimeZone::UTC);
            let (width, color) = (80, false);
            Conversation::new(follow::Options { stream, from, width, color, hex, verbose, time, zone })
        });
        Self { outs: vec![Vec::new(); printers.len()], printers: printers.into() }
    }
}

impl Sink for Told {
    fn event(&mut self, event: Event<'_>) {
        self.printers.iter_mut().zip(&mut self.outs).for_each(|(printer, out)| printer.event(event, out));
    }
}

#[test]
fn raw_bytes_are_those_that_tshark_has() {
    if !installed("tshark") {
        return eprintln!("skipped: tshark is not installed");
    }
    for fixture in [
        "get-nginx-curl.pcap",
        "loss-at-client.pcap",
        "reordered-response.pcap",
        "reversed-response.pcap",
        "twice.pcap",
        "overlap.pcap",
        "sequence-wrap.pcap",
        "keep-alive-probes.pcap",
        "zero-window-probe.pcap",
        "ip-fragments.pcap",
        "ipv6.pcap",
        "download-100k.pcap",
        "tls.pcap",
        "websocket.pcap",
        "two-interfaces.pcapng",
        "reset-after-response.pcap",
    ] {
        let file = path("fixtures").join(fixture);
        let output =
            Command::new("tshark").args(["-n", "-q", "-z", "follow,tcp,raw,0", "-r"]).arg(&file).output().unwrap();
        let mut sides = [String::new(), String::new()];
        for line in
            String::from_utf8(output.stdout).unwrap().lines().skip_while(|line| !line.starts_with("Node 1")).skip(1)
        {
            if !line.starts_with('=') {
                sides[usize::from(line.starts_with('\t'))].push_str(line.trim());
            }
        }
        for (side, want) in ["client", "server"].into_iter().zip(sides) {
            let raw = follow(fixture, &format!("0 --raw --from {side}"));
            let got: String = raw.stdout.iter().map(|byte| format!("{byte:02x}")).collect();
            assert!(got == want, "{fixture} from {side}: {} digits, not {}", got.len(), want.len());
        }
    }
}
