//! When a run ends before its capture does (`--duration`, `--until`), and a capture file that is still being written
//! (`--follow`).

mod common;

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use common::capture::{Talk, response, write};
use common::{Run, TIMEOUT, captures, dissect, ledger_fault, path, run};
use serde_json::Value;

const PAGE: &str = "fixtures/page-http.pcap";

fn read(arguments: &[&str]) -> Run {
    let told = run(dissect().arg("-r").arg(path(PAGE)).args(arguments));
    assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""), "{arguments:?}");
    told
}

/// The records of a run, and of its end how many frames were taken.
fn told(arguments: &[&str]) -> (Vec<Value>, u64) {
    let records = read(&[&["-T", "json"], arguments].concat()).records();
    let end = records.last().unwrap();
    assert_eq!(ledger_fault(end), None);
    let frames = end["totals"]["frames"].as_u64().unwrap();
    (records, frames)
}

fn messages(records: &[Value]) -> impl DoubleEndedIterator<Item = &Value> {
    records.iter().filter(|record| record["type"] == "message")
}

#[test]
fn a_filter_ends_the_run_with_what_it_holds_for() {
    let all = told(&[]);
    let frame_of = |holds: &dyn Fn(&Value) -> bool| {
        messages(&all.0).find(|message| holds(message)).unwrap()["frame"]["number"].as_u64().unwrap()
    };
    let first_304 = frame_of(&|message| message["http"]["response"]["code"] == 304);
    let first_answer = frame_of(&|message| message["message"]["kind"] == "response" && !message["http"].is_null());
    for (until, frames) in [
        ("frame.number == 100", 100),
        ("frame.number > 63 and tcp", 64),
        ("http.response.code == 304", first_304),
        (
            "http.response.code >= 300 and frame.number > 20",
            first_304.min(frame_of(&|message| {
                message["http"]["response"]["code"].as_u64() >= Some(300)
                    && message["frame"]["number"].as_u64() > Some(20)
            })),
        ),
        // Of frames, and of other messages, it is not known.
        ("http.response and not http.response.code == 999", first_answer),
        ("not (http.request or dns) and http", first_answer),
        ("http.response.code == 304 or frame.number == 40", first_304.min(40)),
        ("tcp.flags.syn == 1", 5),
        ("", 1),
        ("http.response.code == 999", all.1),
        ("not frame", all.1),
    ] {
        let (records, taken) = told(&["--until", until]);
        assert_eq!(taken, frames, "{until}");
        // It is as if the capture had ended there.
        let (counted, _) = told(&["-c", &frames.to_string()]);
        assert_eq!(records, counted, "{until}");
    }
    let download = path("fixtures/download-100k.pcap");
    let stopped =
        run(dissect().arg("-r").arg(download).args(["-T", "json", "--until", "frame.number == 20"])).records();
    let integrities: Vec<_> = messages(&stopped).map(|message| &message["message"]["integrity"]).collect();
    assert_eq!(integrities, ["complete", "unfinished"]);
}

#[test]
fn what_is_waited_for_is_not_what_is_shown() {
    let (records, frames) = told(&["-Y", "dns", "--until", "http.response.code == 302"]);
    assert!(
        frames < 20 && messages(&records).count() == 4 && messages(&records).all(|message| !message["dns"].is_null())
    );
    // Frames are asked for, and are not shown.
    let (records, frames) = told(&["-Y", "http.request", "--until", "frame.number == 50"]);
    assert!(frames == 50 && records.iter().all(|record| record["type"] != "packet"));
    let (records, _) = told(&["-P", "--until", "frame.number == 50"]);
    assert_eq!(records.iter().filter(|record| record["type"] == "packet").count(), 50);
    let (records, frames) = told(&["-q", "--until", "http.request"]);
    assert!(frames < 20 && records.len() == 2);
    for command in [
        &["connections", "-T", "json"][..],
        &["stats", "-T", "json"],
        &["page", "-T", "json"],
        &["follow", "0", "-T", "json"],
    ] {
        let all = run(dissect().args(command).arg("-r").arg(path(PAGE)));
        for stop in [["--until", "http.response.code == 302"], ["--duration", "0.1"]] {
            let some = run(dissect().args(command).arg("-r").arg(path(PAGE)).args(stop));
            assert_eq!((some.code, some.stderr.as_str()), (Some(0), ""), "{command:?}");
            assert!(some.stdout != all.stdout && some.stdout.len() > 100, "{command:?} {stop:?}");
        }
    }
}

#[test]
fn what_is_saved_ends_there_too() {
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("a");
    let saved = saved.to_str().unwrap();
    for (stop, more) in [
        (["--until", "frame.number == 70"], &[][..]),
        (["--duration", "100ms"], &[]),
        (["--duration", "100ms"], &["-Y", "http"]),
    ] {
        let (first, frames) = told(&[&stop, more, &["-w", saved]].concat());
        let again = run(dissect().args(["-r", saved, "-T", "json"])).records();
        assert!(messages(&again).count() > 3);
        if more.is_empty() {
            assert_eq!(again.last().unwrap()["totals"]["frames"], frames);
            assert!(messages(&first).eq(messages(&again)));
        }
    }
    let refused = run(dissect().arg("-r").arg(path(PAGE)).args(["-Y", "http", "-w", saved, "--until", "dns"]));
    assert_eq!((refused.code, refused.stderr.lines().count()), (Some(2), 1), "{}", refused.stderr);
}

#[test]
fn a_duration_is_of_capture_time_where_that_is_over() {
    let all = told(&["-P"]).0;
    let times: Vec<f64> =
        all.iter().filter_map(|record| record["frame"]["time_epoch"].as_str()?.parse().ok()).collect();
    for (text, seconds) in [("0.2", 0.2), ("200ms", 0.2), ("0.005m", 0.3), ("1h", 3600.0)] {
        let (_, frames) = told(&["--duration", text]);
        let (fixture, first) = (read(&["-P", "-T", "json"]).records(), times[0]);
        let packets = fixture.iter().filter(|record| record["type"] == "packet");
        let before = packets.take_while(|packet| {
            packet["frame"]["time_epoch"].as_str().unwrap().parse::<f64>().unwrap() - first < seconds
        });
        assert_eq!(frames as usize, before.count(), "{text}");
    }
    // Also of frames that the filter leaves out.
    if cfg!(feature = "live") {
        assert!(told(&["--duration", "50ms", "tcp"]).1 < told(&["tcp", "-c", "50"]).1);
    }
}

#[test]
fn live_the_clock_counts_also_if_no_frame_comes() {
    if !captures() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for (arguments, seconds) in [
        (&["--duration", "400ms"][..], 0.4),
        (&["-G", "1", "-W", "1", "-w", &at("period-%s")], 0.01),
        (&["-G", "1", "-C", "1", "-w", &at("both"), "--duration", "0.4"], 0.4),
    ] {
        let begun = Instant::now();
        // A port that nobody has.
        let told = run(dissect().args(["-i", "lo", "-T", "json"]).args(arguments).args(["tcp", "port", "1"]));
        let took = begun.elapsed().as_secs_f64();
        assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""), "{arguments:?}");
        assert!((seconds - 0.01..seconds + 3.0).contains(&took), "{arguments:?} {took}");
        assert_eq!(told.records().last().unwrap()["totals"]["frames"], 0);
    }
    let mut names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path()).collect();
    names.sort();
    assert_eq!(names.len(), 2, "{names:?}");
    for name in &names {
        assert_eq!(run(dissect().arg("-r").arg(name)).code, Some(0));
    }
    let period = common::name(&names[1]);
    let since_1970 = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    assert!((since_1970 - 10..=since_1970).contains(&period["period-".len()..].parse().unwrap()), "{period}");
}

/// A program that runs on.
struct Running {
    child: Child,
    lines: Receiver<String>,
    errors: Receiver<String>,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        Self { lines: lines(out), errors: lines(err), child }
    }

    fn next(&self) -> Value {
        serde_json::from_str(&self.lines.recv_timeout(TIMEOUT).expect("a record")).unwrap()
    }

    /// The records up to a message.
    fn message(&self) -> Value {
        loop {
            let record = self.next();
            if record["type"] == "message" {
                return record;
            }
        }
    }

    fn signal(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap().success());
    }

    /// Waits for the end: exit code, the records left, what was on standard error.
    fn end(mut self) -> (Option<i32>, Vec<Value>, Vec<String>) {
        let begun = Instant::now();
        let code = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status.code();
            }
            if begun.elapsed() > TIMEOUT {
                self.child.kill().unwrap();
                panic!("it does not end");
            }
            thread::sleep(Duration::from_millis(5));
        };
        let records = self.lines.iter().map(|line| serde_json::from_str(&line).unwrap()).collect();
        (code, records, self.errors.iter().collect())
    }
}

fn lines(from: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (put, lines) = channel();
    thread::spawn(move || BufReader::new(from).lines().map_while(Result::ok).try_for_each(|line| put.send(line)));
    lines
}

/// A capture of exchanges, and where the records of its frames end.
fn capture(folder: &Path, exchanges: usize) -> (Vec<u8>, Vec<usize>) {
    let file = folder.join("whole");
    let get = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    let talk = (0..exchanges).fold(Talk::new(1000), |talk, _| talk.exchange(get, &response("", b"hello")));
    write(&file, &[talk]);
    let bytes = fs::read(file).unwrap();
    let mut ends = vec![24];
    while let Some(length) = bytes.get(ends[ends.len() - 1] + 8..).and_then(|rest| rest.first_chunk()) {
        ends.push(ends[ends.len() - 1] + 16 + u32::from_le_bytes(*length) as usize);
    }
    (bytes, ends)
}

#[test]
fn a_file_is_read_as_it_grows() {
    let folder = tempfile::tempdir().unwrap();
    let (bytes, ends) = capture(folder.path(), 3);
    let growing = folder.path().join("growing");
    let mut file = File::create(&growing).unwrap();
    for signal in ["-INT", "-TERM"] {
        file.set_len(0).unwrap();
        let mut put = |bytes: &[u8]| file.write_all(bytes).unwrap();
        let running = Running::start(dissect().args(["-T", "json", "--follow"]).arg(&growing));
        // Its header comes in two parts, and each record, too.
        put(&bytes[..10]);
        thread::sleep(Duration::from_millis(60));
        put(&bytes[10..30]);
        assert_eq!(running.next()["type"], "begin");
        // Handshake, request, acknowledgment, response.
        put(&bytes[30..ends[6] - 5]);
        assert_eq!(running.message()["message"]["kind"], "request");
        assert!(running.lines.recv_timeout(Duration::from_millis(100)).is_err());
        put(&bytes[ends[6] - 5..ends[6] + 5]);
        assert_eq!(running.message()["http"]["response"]["code"], 200);
        // In the middle of a record, and of an exchange.
        put(&bytes[ends[6] + 5..ends[8] + 7]);
        assert_eq!(running.message()["message"]["kind"], "request");
        running.signal(signal);
        let (code, records, errors) = running.end();
        assert_eq!((code, errors), (Some(0), Vec::new()));
        let end = records.last().unwrap();
        assert_eq!((&end["type"], &end["totals"]["frames"]), (&"end".into(), &8.into()));
        file = File::create(&growing).unwrap();
    }
}

#[test]
fn what_is_read_as_it_grows_is_what_is_read_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let growing = folder.path().join("growing");
    for fixture in [PAGE, "fixtures/two-interfaces.pcapng", "fixtures/big-endian.pcapng", "fixtures/page-lossy.pcap"] {
        let bytes = fs::read(path(fixture)).unwrap();
        let mut file = File::create(&growing).unwrap();
        let at_once = run(dissect().arg("-r").arg(path(fixture)).args(["-T", "json"])).records();
        let frames = at_once.last().unwrap()["totals"]["frames"].to_string();
        let running = Running::start(dissect().args(["-T", "json", "-c", &frames, "--follow"]).arg(&growing));
        for piece in bytes.chunks(bytes.len() / 37 + 1) {
            file.write_all(piece).unwrap();
            thread::sleep(Duration::from_millis(3));
        }
        let (code, records, errors) = running.end();
        assert_eq!((code, errors), (Some(0), Vec::new()), "{fixture}");
        assert_eq!(records[1..], at_once[1..], "{fixture}");
    }
}

#[test]
fn conditions_end_what_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let (bytes, _) = capture(folder.path(), 1);
    let growing = folder.path().join("growing");
    for content in [&bytes[..], &bytes[..24], &bytes[..7], b""] {
        fs::write(&growing, content).unwrap();
        let begun = Instant::now();
        let running = Running::start(dissect().args(["-T", "json", "--duration", "300ms", "--follow"]).arg(&growing));
        let (code, _, errors) = running.end();
        assert_eq!((code, errors), (Some(0), Vec::new()));
        assert!((300..2000).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
    }
    fs::write(&growing, &bytes).unwrap();
    let running = Running::start(dissect().args(["-T", "json", "--until", "http.response", "--follow"]).arg(&growing));
    let (code, records, _) = running.end();
    assert_eq!((code, messages(&records).count()), (Some(0), 2));
}

#[test]
fn a_file_that_is_replaced_ends_it_with_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let (bytes, _) = capture(folder.path(), 1);
    let (growing, other) = (folder.path().join("growing"), folder.path().join("other"));
    let cases: [(&dyn Fn(), &str); 4] = [
        (&|| fs::write(&growing, b"").unwrap(), "growing has become shorter, after frame 7"),
        (&|| fs::remove_file(&growing).unwrap(), "growing was removed, after frame 7"),
        (&|| fs::rename(&growing, &other).unwrap(), "growing was removed, after frame 7"),
        (
            &|| fs::copy(path(PAGE), &other).and_then(|_| fs::rename(&other, &growing)).unwrap(),
            "growing was replaced by another file, after frame 7",
        ),
    ];
    for (change, line) in cases {
        fs::write(&growing, &bytes).unwrap();
        let running = Running::start(dissect().args(["-T", "json", "--follow"]).arg(&growing));
        assert_eq!(
            (running.message()["type"].clone(), running.message()["type"].clone()),
            ("message".into(), "message".into())
        );
        change();
        let (code, records, errors) = running.end();
        assert!(code == Some(1) && errors.len() == 1 && errors[0].ends_with(line), "{code:?} {errors:?}");
        assert_eq!(records.last().unwrap()["totals"]["frames"], 7);
    }
}

#[test]
fn what_does_not_grow_is_refused() {
    for (arguments, code, words) in [
        (&["--follow", "fixtures/compressed.pcap.gz"][..], 3, "is compressed"),
        (&["--follow", "src/main.rs"], 3, "is text, not a capture file"),
        (&["--follow", "no-such-file"], 3, "there is no such file"),
        (&["--follow", "src"], 3, "it is a directory"),
        (&["--follow", "/dev/null"], 3, "no file that grows"),
        (&["--follow", "-"], 2, "-r - reads a pipe"),
        (&["--follow", PAGE, "-r", PAGE], 2, "cannot be used with"),
        (&["--follow", PAGE, "-w", PAGE], 2, "is being read"),
        (&["--follow", PAGE, "-Y", "http", "-w", "/tmp/none"], 2, "-w with -Y"),
    ] {
        let told = run(dissect().args(arguments));
        assert_eq!((told.code, told.stdout.len()), (Some(code), 0), "{arguments:?} {}", told.stderr);
        assert!(told.stderr.contains(words), "{}", told.stderr);
    }
}

#[test]
fn a_signal_that_comes_twice_ends_it_in_order_and_a_later_one_at_once() {
    let signal = |child: &Child, times| {
        for _ in 0..times {
            assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
        }
    };
    // It waits for whoever reads what it shows.
    let waiting = || {
        let child = dissect().args(["-Px", "-r"]).arg(path(PAGE)).stdout(Stdio::piped()).spawn().unwrap();
        thread::sleep(Duration::from_millis(500));
        child
    };
    let mut child = waiting();
    // As timeout(1) sends it.
    signal(&child, 2);
    let shown = child.wait_with_output().unwrap();
    assert_eq!(shown.status.code(), Some(0), "{:?}", shown.status);
    assert!(shown.stdout.len() > 1 << 16 && String::from_utf8_lossy(&shown.stdout).contains("frames "));
    child = waiting();
    signal(&child, 1);
    thread::sleep(Duration::from_millis(2500));
    assert_eq!(child.try_wait().unwrap(), None);
    signal(&child, 1);
    let begun = Instant::now();
    while begun.elapsed() < TIMEOUT && child.try_wait().unwrap().is_none() {
        thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(128 + 15));
}
