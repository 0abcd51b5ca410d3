//! The program as a whole: what it takes, what it writes where, and its exit codes.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use sha2::{Digest, Sha256};

fn command(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dissect"));
    command.args(arguments.split_whitespace()).current_dir(fixtures()).stdin(Stdio::null());
    command
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// Runs it in the folder of the fixtures.
fn dissect(arguments: &str) -> Output {
    command(arguments).output().unwrap()
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

/// The records of a run that was told to write JSON and had nothing to complain of.
fn records(arguments: &str) -> Vec<Value> {
    let output = dissect(&format!("-T json {arguments}"));
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""), "{arguments}");
    parse(&output.stdout)
}

fn parse(lines: &[u8]) -> Vec<Value> {
    lines.split_inclusive(|byte| *byte == b'\n').map(|line| serde_json::from_slice(line).unwrap()).collect()
}

fn of_type<'a>(records: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    records.iter().filter(move |record| record["type"] == kind)
}

/// Asserts a run without results: its exit code, and one line that has these words.
#[track_caller]
fn refused(arguments: &str, code: i32, words: &str) {
    let output = dissect(arguments);
    let told = stderr(&output);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(code), 0), "{arguments}: {told}");
    assert!(told.starts_with("dissect: ") && told.contains(words) && told.lines().count() == 1, "{arguments}: {told}");
}

#[test]
fn what_cannot_be_read_is_named() {
    refused("-r nosuch.pcap", 3, "nosuch.pcap: there is no such file");
    refused("-r .", 3, "it is a directory");
    refused("-r README.md", 3, "is not a capture file");
    refused("-r no-bytes.pcap", 3, "is empty");
    refused("-r -", 3, "standard input is empty");
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_read() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;

    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let file = directory.path().join("secret.pcap");
    fs::write(&file, "").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    let mut command = command("-r");
    command.arg(&file).current_dir("/");
    if fs::File::open(&file).is_ok() {
        // To root, everything is open.
        command.uid(65534).gid(65534);
    }
    let Ok(output) = command.output() else { return eprintln!("skipped: nobody may not run the program") };
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).contains("permission denied"), "{}", stderr(&output));
}

#[test]
fn usage() {
    refused("", 2, "-i INTERFACE");
    refused("tcp port 80", 2, "-r FILE");
    refused("check lab.toml -r keep-alive.pcap", 2, "cannot read lab.toml");
    refused("-r keep-alive.pcap check lab.toml", 2, "a command comes first");
    refused("-r keep-alive.pcap follow 1", 2, "a command comes first: dissect follow 1 -r FILE");
    refused("-r keep-alive.pcap export", 2, "dissect export -r FILE -d DIR");
    refused("-r keep-alive.pcap diff x", 2, "dissect diff A B");
    refused("-r - -Y http -w copy", 2, "-w with -Y");
    refused("-r keep-alive.pcap --hash", 2, "-T json");
    for arguments in [
        "--nosuch",
        "-r a -r b",
        "-i lo -r a",
        "-r a -T xml",
        "-r a -c none",
        "-r a --limit queues",
        "-r a --body 1",
        "-r a --body 0.1 -Y http",
        "completions tcsh",
    ] {
        let output = dissect(arguments);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{arguments}");
        assert!(stderr(&output).starts_with("error: "), "{arguments}");
    }
}

#[test]
fn a_file_that_ends_inside_a_record_is_told_up_to_there() {
    for (file, messages) in [("file-cut-in-body", 2), ("file-cut-in-last-frame", 3), ("file-cut-in-record-header", 2)] {
        let output = dissect(&format!("-T json -r {file}.pcap"));
        assert_eq!(output.status.code(), Some(1), "{file}");
        assert!(stderr(&output).contains("ends inside the record") && stderr(&output).lines().count() == 1);
        let records = parse(&output.stdout);
        assert_eq!(of_type(&records, "message").count(), messages, "{file}");
        assert_eq!(of_type(&records, "end").count(), 1, "{file}");
    }
}

#[test]
fn one_line_on_standard_error_for_each_thing_wrong() {
    let output = dissect("-r file-cut-in-body.pcap --body 0.7");
    assert_eq!(output.status.code(), Some(1));
    let lines: Vec<_> = stderr(&output).lines().collect();
    assert!(lines.len() == 2 && lines.iter().all(|line| line.starts_with("dissect: ")), "{lines:?}");
}

#[test]
fn standard_input_is_read_as_a_file_is() {
    for file in ["keep-alive.pcap", "two-interfaces.pcapng", "compressed.pcap.gz"] {
        let input = fs::File::open(fixtures().join(file)).unwrap();
        let output = command("-T json -r -").stdin(input).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(parse(&output.stdout)[1..], records(&format!("-r {file}"))[1..], "{file}");
    }
}

/// The lines of a program as it writes them.
fn lines(stdout: ChildStdout) -> Receiver<Value> {
    let (send, receive) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines() {
            if send.send(serde_json::from_str(&line.unwrap()).unwrap()).is_err() {
                return;
            }
        }
    });
    receive
}

fn spawn(arguments: &str) -> (Child, Receiver<Value>) {
    let mut child = command(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let lines = lines(child.stdout.take().unwrap());
    (child, lines)
}

const PATIENCE: Duration = Duration::from_secs(20);

/// Where the record after frame `count` begins.
fn offset_after(file: &[u8], count: usize) -> usize {
    let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize;
    if file.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]) {
        let (mut at, mut packets) = (0, 0);
        while packets < count {
            packets += usize::from(word(at) == 6);
            at += word(at + 4);
        }
        at
    } else {
        (0..count).fold(24, |at, _| at + 16 + word(at + 8))
    }
}

#[test]
fn a_message_from_a_pipe_is_shown_before_more_comes() {
    for file in ["get-nginx-curl.pcap", "microseconds.pcapng"] {
        let bytes = fs::read(fixtures().join(file)).unwrap();
        let told = records(&format!("-r {file}"));
        let completed = of_type(&told, "message").next().unwrap()["frame"]["number"].as_u64().unwrap();
        // With a part of the next record.
        let (first, rest) = bytes.split_at(offset_after(&bytes, completed as usize) + 10);
        let (mut child, lines) = spawn("-T json -r -");
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(first).unwrap();
        assert_eq!(lines.recv_timeout(PATIENCE).unwrap()["type"], "begin");
        assert_eq!(lines.recv_timeout(PATIENCE).unwrap()["type"], "message", "{file}");
        stdin.write_all(rest).unwrap();
        drop(stdin);
        assert_eq!(lines.iter().collect::<Vec<_>>(), told[2..]);
        assert!(child.wait().unwrap().success());
    }
}

#[cfg(unix)]
fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

#[cfg(unix)]
#[test]
fn a_signal_ends_a_stream_with_what_is_pending() {
    let bytes = fs::read(fixtures().join("keep-alive-segments.pcap")).unwrap();
    for name in ["TERM", "INT"] {
        let (mut child, lines) = spawn("-T json -r -");
        let mut stdin = child.stdin.take().unwrap();
        // The request, half of the response, and a part of a record.
        stdin.write_all(&bytes[..offset_after(&bytes, 8) + 30]).unwrap();
        let request = lines.iter().find(|record| record["type"] == "message").unwrap();
        assert_eq!(request["message"]["kind"], "request");
        signal(&child, name);
        let rest: Vec<_> = lines.iter().collect();
        assert_eq!(of_type(&rest, "message").next().unwrap()["message"]["integrity"], "unfinished");
        assert_eq!(rest.last().unwrap()["type"], "end");
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn a_closed_pipe_ends_the_program_quietly() {
    for arguments in ["-T json -P -r -", "-r - -w -", "-r - --body 0.2"] {
        let mut command = command(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let bytes = fs::read(fixtures().join("keep-alive.pcap")).unwrap();
        // It may end before it has read everything.
        let _ = child.stdin.take().unwrap().write_all(&bytes);
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""), "{arguments}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn results_that_cannot_be_written() {
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = command("-r keep-alive.pcap").stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).starts_with("dissect: cannot write to standard output: "), "{}", stderr(&output));
    refused("-r keep-alive.pcap -w /nosuch/file", 3, "/nosuch/file: ");
}

#[test]
fn after_so_many_frames_it_stops() {
    let told = records("-r keep-alive.pcap -P -c 5");
    assert_eq!(of_type(&told, "packet").count(), 5);
    assert_eq!(told.last().unwrap()["totals"]["frames"], 5);
}

#[test]
fn the_summary_alone() {
    let told = records("-r keep-alive.pcap -q -P");
    let types: Vec<_> = told.iter().map(|record| record["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["begin", "end"]);
}

#[test]
fn one_connection_alone() {
    let told = records("-r two-at-once.pcap --stream 1");
    let streams: Vec<_> = of_type(&told, "message").map(|message| &message["tcp"]["stream"]).collect();
    assert!(!streams.is_empty() && streams.iter().all(|stream| **stream == 1));
    assert_ne!(told.last().unwrap()["ledger"]["filtered"], 0);
}

#[test]
fn bodies_are_written_as_they_are() {
    let expected: Value = serde_json::from_slice(&fs::read(fixtures().join("expected.json")).unwrap()).unwrap();
    let mut compared = 0;
    for file in ["keep-alive.pcap", "chunked-trailer.pcap", "post-content-length.pcap", "reversed-response.pcap"] {
        let messages = expected[file]["connections"][0]["messages"].as_array().unwrap();
        for (number, message) in (1..).zip(messages) {
            let output = dissect(&format!("-r {file} --body 0.{number}"));
            assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""), "{file} {number}");
            let Some(sum) = message["body"]["sha256"].as_str() else { continue };
            let got: String = Sha256::digest(&output.stdout).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(got, sum, "{file} {number}");
            compared += 1;
        }
    }
    assert!(compared > 4);
    let output = dissect("-r hole-in-body.pcap --body 0.2");
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 4696));
    assert!(stderr(&output).contains("not whole: gap"), "{}", stderr(&output));
    refused("-r keep-alive.pcap --body 0.7", 1, "no message 7 in stream 0");
}

#[test]
fn a_limit_moves_its_bound() {
    let relieved = |limit: &str| {
        let told = records(&format!("-r reversed-response.pcap {limit}"));
        told.last().unwrap()["totals"]["queues_relieved"].as_u64().unwrap()
    };
    assert_eq!(relieved(""), 0);
    assert!(relieved("--limit queue=1K") > 0);
}

#[test]
fn a_display_filter_chooses_what_is_shown() {
    let all = records("-P -r reordered-response.pcap");
    let chosen = |filter: &str| records(&format!("-P -r reordered-response.pcap -Y {filter}"));
    let count = |records: &[Value], kind: &str| records.iter().filter(|record| record["type"] == kind).count();
    for (filter, packets, messages, connections) in [
        ("tcp", count(&all, "packet") - 2, 4, 1),
        ("tcp.analysis.out_of_order", 1, 1, 1),
        ("http.request.uri==\"/lines\"", 0, 1, 1),
        ("http.host==\"nowhere\"", 0, 0, 0),
        ("connection.close==\"fin\"", 0, 0, 1),
        ("arp", 2, 0, 0),
    ] {
        let shown = chosen(filter);
        let counts = (count(&shown, "packet"), count(&shown, "message"), count(&shown, "connection"));
        assert_eq!(counts, (packets, messages, connections), "{filter}");
        // The totals are those of the capture.
        assert_eq!(shown.last(), all.last(), "{filter}");
    }
    let summary = dissect("-q -P -r reordered-response.pcap -Y tcp.analysis.out_of_order").stdout;
    assert!(String::from_utf8(summary).unwrap().contains("selected      1 frame   1 message"));
    // An update is shown with the response that it is of.
    for (filter, updates) in [("http.response", 1), ("http.request", 0)] {
        let shown = records(&format!("-r again-other-bytes-later.pcap -Y {filter}"));
        assert_eq!(count(&shown, "update"), updates, "{filter}");
    }
    let hashes = records("-r keep-alive.pcap --hash -Y message.number==4");
    assert!(hashes.iter().any(|record| record["http"]["body"]["sha256"].is_string()));
    let body = records("-r keep-alive.pcap -Y http.file_data");
    assert!(count(&body, "message") > 0 && body.iter().all(|record| record["message"]["kind"] != "request"));
}

#[test]
fn a_connection_for_which_a_display_filter_cannot_hold_is_not_looked_at() {
    let end = |filter: &str| records(&format!("-r keep-alive.pcap -Y {filter}")).pop().unwrap();
    let (all, none) = (end("tcp.port==80"), end("tcp.port==81"));
    assert_eq!(all["ledger"]["filtered"], 0);
    assert_eq!(none["ledger"]["filtered"], all["ledger"]["captured"]);
    assert_eq!((&none["ledger"]["unexplained"], &none["totals"]["messages"]), (&0.into(), &0.into()));
    assert_eq!(none["totals"]["connections"], all["totals"]["connections"]);
}

#[test]
fn nothing_is_unexplained() {
    assert_eq!(dissect("-r keep-alive.pcap --strict").status.code(), Some(0));
}

#[test]
fn written_frames_are_the_same_frames() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("copy");
    let copy = path.display();
    for file in ["keep-alive.pcap", "big-endian-nanoseconds.pcap", "two-interfaces.pcapng", "link-ipv4.pcap"] {
        let told = records(&format!("-P -r {file} -w {copy}"));
        assert_eq!(records(&format!("-P -r {copy}"))[1..], told[1..], "{file}");
        let output = dissect(&format!("-r {file} -w -"));
        assert_eq!(output.stdout, fs::read(&path).unwrap(), "{file}");
    }
    refused("-r keep-alive.pcap -w ./keep-alive.pcap", 2, "is being read");
}

#[test]
fn what_is_told_without_a_capture() {
    let fields = String::from_utf8(dissect("fields").stdout).unwrap();
    for name in ["eth.dst", "ip.ttl", "tcp.seq", "tcp.analysis.flags", "http.request.method", "ip.addr", "http"] {
        let line = fields.lines().find(|line| line.split('\t').next() == Some(name)).unwrap();
        assert_eq!(line.split('\t').filter(|column| !column.is_empty()).count(), 3, "{line}");
    }
    let mut names: Vec<_> = fields.lines().map(|line| line.split('\t').next()).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    assert!(serde_json::from_slice::<Value>(&dissect("schema").stdout).unwrap().is_object());
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = String::from_utf8(dissect(&format!("completions {shell}")).stdout).unwrap();
        assert!(script.contains("verify-checksums") && script.contains("schema"), "{shell}");
    }
    let page = String::from_utf8(dissect("man").stdout).unwrap();
    assert!(page.contains(".TH dissect") && page.contains("snaplen") && page.contains("Exit codes"));
    let page = String::from_utf8(dissect("man check").stdout).unwrap();
    assert!(page.contains(".TH dissect-check") && page.contains("gradescope"));
    refused("man nothing", 2, "there is no command \"nothing\"");
    let help = String::from_utf8(dissect("--help").stdout).unwrap();
    for word in ["Capture:", "Selection:", "Output:", "Checks and limits:", "Exit codes:", "queues", "--body"] {
        assert!(help.contains(word), "{word}");
    }
    assert_eq!(dissect("-V").stdout, format!("dissect {}\n", env!("CARGO_PKG_VERSION")).into_bytes());
}

#[cfg(not(feature = "live"))]
#[test]
fn what_this_build_leaves_out() {
    refused("-i lo", 2, "no live capture (feature `live`)");
    refused("-D", 2, "no live capture");
    refused("interfaces", 2, "no live capture");
    refused("-r keep-alive.pcap tcp port 80", 2, "no BPF filters");
}

#[cfg(feature = "live")]
mod live {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn filters() {
        for file in [
            "keep-alive.pcap",
            "linux-sll.pcap",
            "link-ipv4.pcap",
            "raw-ip.pcap",
            "bsd-null.pcap",
            "openbsd-loop.pcap",
            "two-interfaces.pcapng",
        ] {
            let frames = |filter: &str| {
                let told = records(&format!("-q -r {file} {filter}"));
                told.last().unwrap()["totals"]["frames"].as_u64().unwrap()
            };
            let (of_server, others) = (frames("tcp src port 80"), frames("not (tcp src port 80)"));
            assert!(of_server > 0 && others > 0, "{file}");
            assert_eq!(of_server + others, frames(""), "{file}");
        }
        for file in ["keep-alive.pcap", "two-interfaces.pcapng"] {
            refused(&format!("-r {file} tcp prt 80"), 2, "'tcp prt 80'");
        }
    }

    #[test]
    fn frames_have_the_numbers_that_they_have_in_the_file() {
        let numbers = |arguments: &str| -> Vec<u64> {
            let told = records(&format!("-P -r keep-alive.pcap {arguments}"));
            of_type(&told, "packet").map(|packet| packet["frame"]["number"].as_u64().unwrap()).collect()
        };
        let pushed = numbers("tcp[tcpflags] & tcp-push != 0");
        assert!(pushed.len() > 3 && pushed[0] > 3, "{pushed:?}");
        assert_eq!(numbers("-c 2 tcp[tcpflags] & tcp-push != 0"), pushed[..2]);
    }

    #[test]
    fn interfaces() {
        refused("-i nosuch0", 3, "there is no interface 'nosuch0'");
        let listed = dissect("-D");
        assert_eq!(listed.status.code(), Some(0));
        assert_eq!(listed.stdout, dissect("interfaces").stdout);
    }

    fn exchange(server: &TcpListener) {
        const REQUEST: &[u8] = b"GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n";
        const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
        let mut client = TcpStream::connect(server.local_addr().unwrap()).unwrap();
        client.write_all(REQUEST).unwrap();
        let (mut accepted, _) = server.accept().unwrap();
        accepted.read_exact(&mut [0; REQUEST.len()]).unwrap();
        accepted.write_all(RESPONSE).unwrap();
        client.read_exact(&mut [0; RESPONSE.len()]).unwrap();
    }

    #[test]
    fn an_exchange_is_shown_at_once_and_a_signal_ends_the_capture() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        let directory = tempfile::tempdir().unwrap();
        let saved = directory.path().join("saved");
        let mut command = command(&format!("-i lo -T json -w {} tcp port {port}", saved.display()));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = lines(child.stdout.take().unwrap());
        let Ok(begin) = lines.recv_timeout(PATIENCE) else {
            let output = child.wait_with_output().unwrap();
            assert_eq!(output.status.code(), Some(3));
            return eprintln!("skipped: {}", stderr(&output));
        };
        assert_eq!(begin["source"], "lo");
        exchange(&server);
        let request = lines.recv_timeout(PATIENCE).unwrap();
        assert_eq!(request["http"]["request"]["uri"], "/live");
        let response = lines.recv_timeout(PATIENCE).unwrap();
        assert_eq!(response["message"]["integrity"], "complete");
        let mut client = TcpStream::connect(server.local_addr().unwrap()).unwrap();
        client.write_all(b"POST /never HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhalf").unwrap();
        // Longer than the kernel holds a frame.
        thread::sleep(Duration::from_millis(200));
        signal(&child, "INT");
        let rest: Vec<_> = lines.iter().collect();
        let pending = of_type(&rest, "message").next().unwrap();
        assert_eq!(
            (&pending["http"]["request"]["uri"], &pending["message"]["integrity"]),
            (&Value::from("/never"), &Value::from("unfinished"))
        );
        let end = rest.last().unwrap();
        assert!(end["drops"]["received"].as_u64().unwrap() >= end["totals"]["frames"].as_u64().unwrap());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
        let again = records(&format!("-r {}", saved.display()));
        assert_eq!(again.last().unwrap()["totals"], end["totals"]);
    }
}
