//! `dissect diff`: what differs between two captures, and what does not.

mod common;

use std::path::Path;

use common::capture::{Talk, response, write};
use common::{Run, dissect, path, run};
use serde_json::{Value, json};

fn diff(a: &Path, b: &Path, arguments: &[&str]) -> Run {
    run(dissect().arg("diff").arg(a).arg(b).args(arguments))
}

/// What differs between two captures of these conversations: aspect, field, and both values; and the account.
#[track_caller]
fn compare(a: &[Talk], b: &[Talk], arguments: &[&str]) -> (Vec<[Value; 4]>, Value) {
    let directory = tempfile::tempdir().unwrap();
    let files = ["a.pcap", "b.pcap"].map(|name| directory.path().join(name));
    write(&files[0], a);
    write(&files[1], b);
    let text = diff(&files[0], &files[1], arguments);
    let told = diff(&files[0], &files[1], &[&["-T", "json"], arguments].concat());
    let records = told.records();
    let found: Vec<[Value; 4]> = records
        .iter()
        .filter(|record| record["type"] == "difference")
        .map(|record| {
            let value = |side: &str| record[side].get("value").cloned().unwrap_or(Value::Null);
            [record["aspect"].clone(), record["field"].clone(), value("a"), value("b")]
        })
        .collect();
    let end = records.last().unwrap()["messages"].clone();
    let only = end["only_a"] != 0 || end["only_b"] != 0;
    assert_eq!((told.code, told.stderr.as_str()), (Some(i32::from(only || !found.is_empty())), ""));
    assert_eq!((text.code, text.stderr.as_str()), (told.code, ""));
    assert!(String::from_utf8(text.stdout).unwrap().lines().all(|line| line.chars().count() <= 100));
    (found, end)
}

fn get(target: &str, fields: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: h\r\n{fields}\r\n").into_bytes()
}

fn talk(port: u16, targets: &[&str]) -> Talk {
    let talk = Talk::new(port);
    targets.iter().fold(talk, |talk, target| talk.exchange(&get(target, ""), &response("", target.as_bytes())))
}

#[test]
fn every_fixture_is_like_itself() {
    for file in common::fixtures() {
        let told = diff(&file, &file, &[]);
        let read = run(dissect().arg("-r").arg(&file));
        assert_eq!(told.code, read.code, "{}", file.display());
        if told.code == Some(0) {
            assert!(String::from_utf8(told.stdout).unwrap().contains("no differences"), "{}", file.display());
        }
    }
}

#[test]
fn what_never_matters_is_left_out() {
    let dated = |date: &str, port| {
        let fields = format!("Date: {date}\r\nExpires: {date}\r\n");
        let mut talk = Talk::new(port);
        talk.time += i64::from(port) * 1_000_000_000;
        talk.exchange(&get("/", ""), &response(&fields, b"x")).close()
    };
    let (a, b) = (dated("Sun, 06 Nov 1994 08:49:37 GMT", 1), dated("Mon, 07 Nov 1994 08:49:37 GMT", 2));
    assert_eq!(compare(&[a], &[b], &[]).0, Vec::<[Value; 4]>::new());
    // What is no date is a value as any other.
    let (found, _) = compare(&[dated("Sun, 06 Nov 1994 08:49:37 GMT", 1)], &[dated("0", 1)], &[]);
    assert_eq!(found.iter().filter(|difference| difference[0] == "field").count(), 2);
}

#[test]
fn each_part_of_a_head_is_compared() {
    let head = |text: &str| [Talk::new(1).send(0, text.replace('\n', "\r\n").as_bytes())];
    let base = "GET /a HTTP/1.1\nHost: h\nA: 1\nB: 2\nB: 3\n\n";
    for (other, expected) in [
        ("HEAD /a HTTP/1.1\nHost: h\nA: 1\nB: 2\nB: 3\n\n", vec![json!(["method", null, "GET", "HEAD"])]),
        ("GET /b HTTP/1.1\nHost: h\nA: 1\nB: 2\nB: 3\n\n", vec![json!(["target", null, "/a", "/b"])]),
        ("GET /a HTTP/1.0\nHost: h\nA: 1\nB: 2\nB: 3\n\n", vec![json!(["version", null, "HTTP/1.1", "HTTP/1.0"])]),
        ("GET /a HTTP/1.1\nHost: g\nA: 1\nB: 2\nB: 3\n\n", vec![json!(["field", "Host", "h", "g"])]),
        ("GET /a HTTP/1.1\nHost: h\nA: 1\nB: 2\n\n", vec![json!(["field", "B", "3", null])]),
        ("GET /a HTTP/1.1\nHost: h\nC: \nA: 1\nB: 2\nB: 3\n\n", vec![json!(["field", "C", null, ""])]),
        (
            "GET /a HTTP/1.1\nA: 1\nHost: h\nB: 2\nB: 3\n\n",
            vec![json!(["order", null, "host, a, b, b", "a, host, b, b"])],
        ),
        ("GET /a HTTP/1.1\nHost: h\na: 1\nB: 2\nB: 3\n\n", vec![json!(["case", "A", "A", "a"])]),
        ("GET /a HTTP/1.1\nHost: h\nA:1\nB: 2\nB: 3\n\n", vec![json!(["whitespace", "A", "A: 1\r\n", "A:1\r\n"])]),
        (
            "GET  /a HTTP/1.1\nHost: h\nA: 1\nB: 2\nB: 3\n\n",
            vec![json!(["whitespace", null, "GET /a HTTP/1.1\r\n", "GET  /a HTTP/1.1\r\n"])],
        ),
    ] {
        let (mut found, _) = compare(&head(base), &head(other), &["--ignore", "segments"]);
        // Where a body is not due after HEAD nothing else differs either.
        found.retain(|difference| difference[0] != "pairing");
        assert_eq!(json!(found), json!(expected), "{other}");
        let ignored: Vec<String> = expected
            .iter()
            .flat_map(|difference| [difference[0].clone(), difference[1].clone()])
            .filter_map(|word| word.as_str().map(str::to_owned))
            .collect();
        let (found, _) = compare(&head(base), &head(other), &["--ignore", "segments", "--ignore", &ignored.join(",")]);
        assert_eq!(found, Vec::<[Value; 4]>::new(), "{other}");
    }
    let bare = [Talk::new(1).send(0, base.as_bytes())];
    let (found, _) = compare(&head(base), &bare, &["--ignore", "segments"]);
    assert!(found.len() >= 5 && found.iter().all(|difference| difference[0] == "whitespace"), "{found:?}");
}

#[test]
fn bodies_segments_and_times_are_compared() {
    let body: Vec<u8> = (0..90_000_u32).map(|i| (i % 251) as u8).collect();
    let with = |change: Option<usize>| {
        let mut body = body.clone();
        change.into_iter().for_each(|at| body[at] ^= 1);
        [Talk::new(1).exchange(&get("/", ""), &response("", &body)).close()]
    };
    let directory = tempfile::tempdir().unwrap();
    let files = ["a.pcap", "b.pcap"].map(|name| directory.path().join(name));
    write(&files[0], &with(None));
    for at in [0, 1000, 16_383, 16_384, 50_000, 89_999] {
        write(&files[1], &with(Some(at)));
        let records = diff(&files[0], &files[1], &["-T", "json"]).records();
        let found: Vec<&Value> = records.iter().filter(|record| record["type"] == "difference").collect();
        assert_eq!((found.len(), &found[0]["aspect"]), (1, &json!("body")));
        let offset = [0, 1].map(|i| found[0]["offset"][i].as_u64().unwrap() as usize);
        assert!(offset[0] <= at && at <= offset[1] && offset[1] - offset[0] <= 4096, "{at}: {offset:?}");
        assert!(at >= 16_384 || offset[0] == offset[1], "{at}: {offset:?}");
    }
    let request = get("/", "");
    let (first, second) = request.split_at(10);
    let split = Talk::new(1).send(0, first).send(0, second);
    let (found, _) = compare(&[Talk::new(1).send(0, &request)], &[split], &[]);
    assert_eq!(json!(found), json!([["segments", null, 1, 2]]));
    let (first, second) = request.split_at(11);
    let elsewhere = Talk::new(1).send(0, first).send(0, second);
    let (first, second) = request.split_at(10);
    let split = Talk::new(1).send(0, first).send(0, second);
    assert_eq!(json!(compare(&[elsewhere], &[split], &[]).0), json!([["segments", null, 2, 2]]));
    // Of another length, and cut as the other is.
    let longer = Talk::new(1).send(0, &get("/longer", ""));
    assert_eq!(compare(&[Talk::new(1).send(0, &request)], &[longer], &["--ignore", "target"]).0.len(), 0);
    let answered = |wait: i64| {
        let mut talk = Talk::new(1).send(0, &get("/", ""));
        talk.time += wait * 1_000_000;
        [talk.send(1, &response("", b""))]
    };
    assert_eq!(compare(&answered(0), &answered(90), &[]).0.len(), 0);
    let (found, _) = compare(&answered(0), &answered(200), &[]);
    assert_eq!(json!(found), json!([["time", "delay", 0.002, 0.202]]));
    assert_eq!(compare(&answered(0), &answered(200), &["--tolerance", "300"]).0.len(), 0);
}

#[test]
fn what_is_inserted_or_missing_shifts_nothing() {
    let all = ["/1", "/2", "/3", "/4", "/5"];
    let (found, end) = compare(&[talk(1, &all)], &[talk(1, &["/1", "/2", "/4", "/5"])], &[]);
    assert_eq!(found, Vec::<[Value; 4]>::new());
    assert_eq!(end, json!({"different": 0, "equal": 8, "only_a": 2, "only_b": 0}));
    let each = |targets: &[&str]| {
        targets.iter().enumerate().map(|(i, target)| talk(i as u16 + 1, &[target])).collect::<Vec<_>>()
    };
    let (found, end) = compare(&each(&["/1", "/2", "/4", "/5"]), &each(&all), &[]);
    assert_eq!(found, Vec::<[Value; 4]>::new());
    assert_eq!(end, json!({"different": 0, "equal": 8, "only_a": 0, "only_b": 2}));
    // Connections that come in another order.
    let (found, end) = compare(&each(&["/1", "/2", "/3"]), &each(&["/3", "/1", "/2"]), &[]);
    assert_eq!((found.len(), &end["equal"]), (0, &json!(6)));
    // The same asked for many times, one of them in vain.
    let mut with_error = Talk::new(1);
    for i in 0..20 {
        let answer = if i == 7 { b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n".to_vec() } else { response("", b"y") };
        with_error = with_error.exchange(&get("/", ""), &answer);
    }
    let (found, end) = compare(&[talk(1, &["/"; 20])], &[with_error], &["--ignore", "body"]);
    assert_eq!((&end["different"], &end["equal"]), (&json!(1), &json!(39)), "{found:?}");
}

#[test]
fn lost_bytes_are_named() {
    let whole = || Talk::new(1).exchange(&get("/", ""), &response("", &[b'x'; 2500])).close();
    // The handshake, the request, what acknowledges it, and the second segment of the response.
    let (found, end) = compare(&[whole()], &[whole().without(6)], &["--ignore", "segments,body"]);
    assert_eq!(json!(found), json!([["integrity", null, "complete", "gap, 1000 bytes missing"]]));
    assert_eq!((&end["different"], &end["equal"]), (&json!(1), &json!(1)));
}

#[test]
fn values_are_shown_side_by_side_with_marks() {
    let told = diff(&path("fixtures/keep-alive.pcap"), &path("fixtures/get-nginx-curl.pcap"), &[]);
    let text = String::from_utf8(told.stdout).unwrap();
    for line in [
        "    Accept-Encoding identity                       │ (absent)",
        "    User-Agent      (absent)                       │ curl/7.88.1",
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line}\n{text}");
    }
    assert!(text.ends_with("3 differences   messages: 1 differ, 1 equal, 4 in A alone, 0 in B alone\n"), "{text}");
}

#[test]
fn what_is_in_one_alone_is_counted_apart() {
    let told = diff(&path("fixtures/get-nginx-curl.pcap"), &path("fixtures/no-frames.pcap"), &[]);
    let text = String::from_utf8(told.stdout).unwrap();
    assert!(text.ends_with("\nmessages: 0 differ, 0 equal, 2 in A alone, 0 in B alone\n"), "{text}");
    assert_eq!(told.code, Some(1));
}

#[test]
fn nothing_of_the_captures_steers_the_terminal() {
    let directory = tempfile::tempdir().unwrap();
    let files = ["a.pcap", "b.pcap"].map(|name| directory.path().join(name));
    for (file, value) in files.iter().zip(["\x1b[2J\u{202e}x\u{9b}31m", "y\x07\u{9d}"]) {
        let fields = format!("X\u{1b}: {value}\r\nY: {}{value}\r\n", "long ".repeat(100));
        write(file, &[Talk::new(1).send(0, &get(&format!("/{value}"), &fields))]);
    }
    let text = String::from_utf8(diff(&files[0], &files[1], &["--color", "never"]).stdout).unwrap();
    assert!(text.contains("differences") && text.chars().all(|char| char == '\n' || !char.is_control()), "{text:?}");
    assert!(!text.contains('\u{202e}'));
    let colored = diff(&files[0], &files[1], &["--color", "always"]);
    assert!(colored.stdout.windows(2).any(|two| two == b"\x1b["));
}

#[test]
fn exit_codes() {
    let (good, none) = (path("fixtures/keep-alive.pcap"), path("fixtures/nosuch.pcap"));
    for (a, b, arguments, code) in [
        (&good, &good, &[][..], 0),
        (&good, &none, &[], 3),
        (&none, &good, &[], 3),
        (&good, &path("README.md"), &[], 3),
        (&good, &path("fixtures/file-cut-in-body.pcap"), &[], 1),
        (&good, &good, &["--tolerance", "-1"], 2),
        (&good, &good, &["--ignore", "no field"], 2),
        (&good, &good, &["--ignore", "server,"], 2),
        (&good, &good, &["-T", "xml"], 2),
    ] {
        assert_eq!(diff(a, b, arguments).code, Some(code), "{} {arguments:?}", b.display());
    }
    assert_eq!(run(dissect().args(["diff", "-", "-"])).code, Some(2));
    assert_eq!(run(dissect().args(["diff", "a"])).code, Some(2));
}
