//! `dissect connections`: the same connections as in the records of the main job, in the order that is asked for, with
//! sums that are those of the whole capture.

mod common;

use std::collections::HashMap;
use std::io::Write;
use std::process::{Command, Stdio};

use common::capture::Talk;
use common::{dissect, fixtures, name, run};
use serde_json::Value;

/// A capture with connections that differ in everything they can be sorted by.
const PAGE: &str = "fixtures/page-lossy.pcap";

fn connections(arguments: &[&str]) -> Vec<Value> {
    let told = run(dissect().args(["connections", "-T", "json"]).args(arguments));
    assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""), "{arguments:?}");
    told.records().into_iter().filter(|record| record["type"] == "connection").collect()
}

fn text(arguments: &[&str]) -> String {
    let told = run(dissect().arg("connections").args(arguments));
    assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""), "{arguments:?}");
    String::from_utf8(told.stdout).unwrap()
}

fn streams(connections: &[Value]) -> Vec<u64> {
    connections.iter().map(|record| record["tcp"]["stream"].as_u64().unwrap()).collect()
}

/// A number of a connection, by a path of names.
fn number(connection: &Value, path: &str) -> f64 {
    let at = path.split('.').fold(&connection["connection"], |value, name| &value[name]);
    at.as_f64().or_else(|| at.as_str()?.parse().ok()).unwrap_or(0.0)
}

#[test]
fn who_greets_is_the_server_where_the_handshake_is_not_there() {
    let talk = || Talk::new(40_000).send(1, b"220 mx.example.test ESMTP\r\n").send(0, b"EHLO me\r\n");
    let file = tempfile::Builder::new().suffix(".pcap").tempfile().unwrap();
    let tell = |talk: Talk| {
        common::capture::write(file.path(), &[talk]);
        let told = connections(&["-r", file.path().to_str().unwrap()]).remove(0);
        (told["connection"]["protocol"].clone(), told["connection"]["client"]["port"].clone())
    };
    let whole = tell(talk());
    assert_eq!(whole, ("SMTP".into(), 40_000.into()));
    assert_eq!(tell(talk().without(0).without(0).without(0)), whole);
}

#[test]
fn sums_are_those_of_the_capture() {
    for path in fixtures() {
        let records = run(dissect().args(["connections", "-T", "json", "-r"]).arg(&path)).records();
        let Some(end) = records.last().filter(|record| record["type"] == "end") else { continue };
        let of_tcp = |record: &&Value| record["type"] == "connection" && record["tcp"].is_object();
        let all: Vec<&Value> = records.iter().filter(of_tcp).collect();
        let sum = |field: &str| -> u64 {
            let both = ["to_server", "to_client"].map(|way| format!("{way}.{field}"));
            both.iter().flat_map(|path| all.iter().map(move |record| number(record, path) as u64)).sum()
        };
        let file = name(&path);
        assert_eq!(all.len() as u64, end["totals"]["connections"], "{file}");
        assert_eq!(sum("bytes"), end["ledger"]["captured"], "{file}");
        let mut flags: HashMap<String, u64> = HashMap::new();
        for record in &all {
            for way in ["to_server", "to_client"] {
                for (flag, count) in record["connection"][way]["flags"].as_object().unwrap() {
                    *flags.entry(flag.clone()).or_default() += count.as_u64().unwrap();
                }
            }
        }
        let totals = end["totals"]["flags"].as_object().unwrap();
        let totals: HashMap<String, u64> =
            totals.iter().map(|(flag, count)| (flag.clone(), count.as_u64().unwrap())).collect();
        assert_eq!(flags, totals, "{file}");
    }
}

#[test]
fn they_are_those_of_the_main_job_in_the_order_of_their_numbers() {
    for path in [PAGE, "fixtures/two-at-once.pcap", "fixtures/reordered-response.pcap"] {
        let mut main: Vec<Value> = run(dissect().args(["-T", "json", "-r", path])).records();
        main.retain(|record| record["type"] == "connection");
        main.sort_by_key(|record| record["tcp"]["stream"].as_u64());
        let mut own = connections(&["-r", path]);
        assert_eq!(streams(&own), streams(&main), "{path}");
        // What comes after the end is counted here alone.
        for record in main.iter_mut().chain(&mut own) {
            record["connection"]["to_server"] = Value::Null;
            record["connection"]["to_client"] = Value::Null;
            record["connection"]
                .as_object_mut()
                .unwrap()
                .retain(|name, _| !["last_frame", "duration"].contains(&&**name));
        }
        assert_eq!(own, main, "{path}");
    }
}

/// What connections are sorted by.
type Key = dyn Fn(&Value) -> f64;

#[test]
fn they_are_sorted_by_what_is_asked_for() {
    let bytes = |record: &Value| number(record, "to_server.bytes") + number(record, "to_client.bytes");
    let messages = |record: &Value| number(record, "to_server.messages") + number(record, "to_client.messages");
    let rate = |record: &Value| number(record, "to_server.rate") + number(record, "to_client.rate");
    let keys: [(&str, &Key); 5] = [
        ("bytes", &bytes),
        ("messages", &messages),
        ("rate", &rate),
        ("duration", &|record| number(record, "duration")),
        ("rtt", &|record| number(record, "initial_rtt")),
    ];
    for (order, key) in keys {
        let all = connections(&["-r", PAGE, "--sort", order]);
        assert!(all.len() > 3 && all.is_sorted_by(|one, next| key(one) >= key(next)), "{order}");
    }
    let worst = &connections(&["-r", PAGE, "--sort", "issues"])[0];
    assert!(worst["connection"]["to_client"]["flags"]["retransmission"].is_u64());
}

#[test]
fn a_line_says_who_how_and_what_was_wrong() {
    let lines = text(&["-r", PAGE, "--sort", "issues"]);
    let [titles, first, ..] = &lines.lines().collect::<Vec<_>>()[..] else { panic!("{lines}") };
    for title in ["client → server", "name", "state", "msg →/←", "RTT", "time", "b/s →", "start", "issues"] {
        assert!(titles.contains(title), "{titles}");
    }
    let worst = &connections(&["-r", PAGE, "--sort", "issues"])[0]["connection"];
    let ends = format!("10.0.4.1:{} → 10.0.4.2:80", worst["client"]["port"]);
    for part in [&*ends, "www.example.test", "HTTP", "1 lost_segment", "1 retransmission"] {
        assert!(first.contains(part), "{first}");
    }
    assert_eq!(lines.lines().count(), 1 + connections(&["-r", PAGE]).len());
}

#[test]
fn how_it_opened_and_closed() {
    for (capture, state) in [
        ("get-nginx-curl", "SYN–FIN"),
        ("reset-in-body", "SYN–RST"),
        ("refused", "refused"),
        ("capture-stopped", "SYN–…"),
        ("syn-lost", "SYN–FIN"),
    ] {
        let lines = text(&["-r", &format!("fixtures/{capture}.pcap")]);
        assert!(lines.lines().nth(1).is_some_and(|line| line.contains(state)), "{capture}: {lines}");
    }
}

#[test]
fn a_display_filter_chooses_connections() {
    let all = connections(&["-r", PAGE]);
    let long = all.iter().filter(|record| number(record, "duration") > 1.0).count();
    assert!(long > 0 && long < all.len());
    assert_eq!(connections(&["-r", PAGE, "-Y", "connection.duration > 1"]).len(), long);
    let has = |record: &&Value| record["connection"]["to_client"]["flags"]["retransmission"].is_u64();
    let retransmitted = connections(&["-r", PAGE, "-Y", "connection.to_client.flags == \"retransmission\""]);
    assert_eq!(retransmitted.len(), all.iter().filter(has).count());
    let port = format!("tcp port {}", all[1]["connection"]["client"]["port"]);
    assert_eq!(connections(&["-r", PAGE, &port]).len(), 1);
    assert_eq!(streams(&connections(&["-r", PAGE, "--stream", "2"])), [2]);
    assert_eq!(streams(&connections(&["-r", PAGE, "--stream", "2", "-Y", "http"])), [2]);
    assert!(connections(&["-r", PAGE, "--stream", "2", "-Y", "tcp.stream == 1"]).is_empty());
}

#[test]
fn acknowledgments_are_timed_where_that_is_asked_for() {
    for record in connections(&["-r", PAGE, "--rtt"]) {
        let rtt = &record["connection"]["to_server"]["ack_rtt"];
        let [min, median, max] = ["min", "median", "max"].map(|name| rtt[name].as_f64().unwrap());
        // The link delays by 10 ms each way.
        assert!(0.02 < min && min <= median && median <= max && max < 1.0, "{record}");
    }
    assert!(connections(&["-r", PAGE])[0]["connection"]["to_server"]["ack_rtt"].is_null());
}

#[test]
fn rows_of_csv_have_the_columns_of_the_titles() {
    let told = run(dissect().args(["connections", "-T", "csv", "-r", PAGE]));
    let table = String::from_utf8(told.stdout).unwrap();
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split(',').collect()).collect();
    assert!(rows.len() > 3 && rows.iter().all(|row| row.len() == rows[0].len()), "{table}");
    let column = rows[0].iter().position(|title| *title == "connection.to_client.bytes").unwrap();
    let bytes: u64 = rows[1..].iter().map(|row| row[column].parse::<u64>().unwrap()).sum();
    let records: f64 = connections(&["-r", PAGE]).iter().map(|record| number(record, "to_client.bytes")).sum();
    assert_eq!(bytes, records as u64);
}

#[test]
fn what_comes_in_a_pipe_is_told_as_it_ends() {
    let capture = std::fs::read(common::path("fixtures/two-at-once.pcap")).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_dissect"))
        .args(["connections", "-r", "-", "-T", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&capture).unwrap();
    let told = child.wait_with_output().unwrap();
    let records: Vec<Value> =
        String::from_utf8(told.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut all = streams(&records.into_iter().filter(|record| record["type"] == "connection").collect::<Vec<_>>());
    all.sort_unstable();
    assert_eq!(all, [0, 1]);
}

#[test]
fn frames_and_durations_are_those_of_tshark() {
    if !common::installed("tshark") {
        return;
    }
    for capture in [PAGE, "fixtures/reordered-response.pcap", "fixtures/two-at-once.pcap"] {
        let told = Command::new("tshark").args(["-q", "-z", "conv,tcp", "-r", capture]).output().unwrap();
        let table = String::from_utf8(told.stdout).unwrap();
        let mut theirs: Vec<(u64, u64, u64)> =
            table.lines().filter(|line| line.contains("<->")).map(conversation).collect();
        let mut ours: Vec<(u64, u64, u64)> = connections(&["-r", capture])
            .iter()
            .map(|record| {
                let [there, back] =
                    ["to_server", "to_client"].map(|way| number(record, &format!("{way}.segments")) as u64);
                (there.min(back), there.max(back), milliseconds(number(record, "duration")))
            })
            .collect();
        theirs.sort_unstable();
        ours.sort_unstable();
        assert_eq!(ours, theirs, "{capture}");
    }
}

/// Of a line of `conv,tcp`: frames of either direction, fewer first, and the duration in milliseconds.
fn conversation(line: &str) -> (u64, u64, u64) {
    let words: Vec<&str> = line.split_whitespace().filter(|word| !word.chars().all(char::is_alphabetic)).collect();
    let [one, other] = [3, 5].map(|at| words[at].parse::<u64>().unwrap());
    (one.min(other), one.max(other), milliseconds(words.last().unwrap().parse().unwrap()))
}

fn milliseconds(seconds: f64) -> u64 {
    (seconds * 1000.0).round() as u64
}

#[test]
fn what_cannot_be_done_is_said_first() {
    for (arguments, words) in [
        (&["connections"][..], "say where frames come from"),
        (&["connections", "-r", "fixtures/nosuch.pcap"], "there is no such file"),
        (&["connections", "-r", PAGE, "-Y", "tcp.prot"], "neither a field nor a protocol"),
        (&["-r", PAGE, "connections"], "a command comes first: dissect connections -r FILE"),
    ] {
        let told = run(dissect().args(arguments));
        assert!(
            told.code.is_some_and(|code| code > 1) && told.stderr.contains(words),
            "{arguments:?}: {}",
            told.stderr
        );
        assert!(told.stdout.is_empty());
    }
}
