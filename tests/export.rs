//! `dissect export`: bodies to files, and HTTP archives.

mod common;

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;

use common::capture::{Talk, response, write};
use common::{Run, dissect, path, run};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

fn export(file: &Path, arguments: &[&str]) -> Run {
    run(dissect().arg("export").arg("-r").arg(file).args(arguments))
}

/// Exports bodies, and gives the lines of the index.
#[track_caller]
fn index(file: &Path, folder: &Path, arguments: &[&str]) -> Vec<Value> {
    let told = export(file, &[&["-d", folder.to_str().unwrap()], arguments].concat());
    assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""), "{}", file.display());
    let text = fs::read_to_string(folder.join("index.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn every_body_of_every_fixture_is_written_as_the_records_have_it() {
    for file in common::fixtures() {
        let records = run(dissect().args(["-T", "json", "--hash", "-r"]).arg(&file));
        if records.code != Some(0) {
            continue;
        }
        let directory = tempfile::tempdir().unwrap();
        let lines = index(&file, directory.path(), &["--raw"]);
        let mut left = names(directory.path());
        left.retain(|name| name != "index.jsonl");
        for record in records.records().iter().filter(|record| is_of_tcp(record)) {
            let of_record = |line: &&Value| {
                line["stream"] == record["tcp"]["stream"] && line["message"] == record["message"]["number"]
            };
            let line = lines.iter().find(of_record).unwrap_or_else(|| panic!("{}: {record}", file.display()));
            let body = &record["http"]["body"];
            assert_eq!(line["length"], body["length"], "{}: {line}", file.display());
            assert_eq!(line["integrity"], record["message"]["integrity"]);
            assert_eq!(line["missing"], record["message"]["missing_bytes"]);
            let Some(name) = line["file"].as_str() else {
                assert_eq!(body["length"], 0);
                continue;
            };
            assert_eq!(name.contains(".incomplete"), record["message"]["integrity"] != "complete", "{name}");
            let bytes = fs::read(directory.path().join(name)).unwrap();
            assert_eq!((&json!(bytes.len()), &json!(hash(&bytes))), (&line["length"], &line["sha256"]), "{name}");
            assert_eq!(line["sha256"], body["sha256"], "{name}");
            left.retain(|other| other != name);
        }
        // What is said over WebSocket is written too: tests/websocket.rs has it.
        let is_other = |name: &String| {
            lines.iter().any(|line| line["file"] == **name && is_of_websocket(line, &records.records()))
        };
        left.retain(|name| !is_other(name));
        assert!(left.is_empty(), "{}: {left:?}", file.display());
    }
}

/// Whether a line of the index is of a message of WebSocket.
fn is_of_websocket(line: &Value, records: &[Value]) -> bool {
    records.iter().any(|record| {
        !record["websocket"].is_null()
            && line["stream"] == record["tcp"]["stream"]
            && line["message"] == record["message"]["number"]
    })
}

#[test]
fn content_codings_are_undone_unless_they_are_to_stay() {
    let directory = tempfile::tempdir().unwrap();
    let (plain, raw) = (directory.path().join("plain"), directory.path().join("raw"));
    let file = path("fixtures/gzip-response.pcap");
    let line = index(&file, &plain, &[]).pop().unwrap();
    assert_eq!((&line["decoded"], &line["length"]), (&json!(true), &json!(1386)));
    assert!(fs::read(plain.join(line["file"].as_str().unwrap())).unwrap().starts_with(b"<!doctype html>"));
    let line = index(&file, &raw, &["--raw"]).pop().unwrap();
    assert_eq!((&line["decoded"], &line["length"]), (&json!(false), &json!(228)));
    let name = line["file"].as_str().unwrap();
    assert!(name.ends_with(".html.gz"));
    assert!(fs::read(raw.join(name)).unwrap().starts_with(&[0x1f, 0x8b]));
}

#[test]
fn what_is_not_coded_as_it_says_stays_as_it_was_captured() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a.pcap");
    let request = b"GET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n";
    let mut damaged = gzip(&[b'x'; 5000]);
    *damaged.last_mut().unwrap() ^= 1;
    write(
        &file,
        &[Talk::new(1)
            .exchange(request, &response("Content-Encoding: gzip\r\n", b"this is no gzip"))
            .exchange(request, &response("Content-Encoding: nonesuch\r\n", b"of a kind that is not known"))
            .exchange(request, &response("Content-Encoding: gzip\r\n", &damaged))
            .close()],
    );
    let out = directory.path().join("out");
    let lines = index(&file, &out, &[]);
    for (number, body, issue) in [
        (2, &b"this is no gzip"[..], "decompression_failed"),
        (4, b"of a kind that is not known", "coding_unknown"),
        (6, &damaged, "decompression_failed"),
    ] {
        let line = lines.iter().find(|line| line["message"] == number).unwrap();
        assert_eq!((&line["decoded"], &line["issues"]), (&json!(false), &json!([issue])));
        assert_eq!(fs::read(out.join(line["file"].as_str().unwrap())).unwrap(), body);
    }
}

#[test]
fn a_bomb_is_decoded_up_to_the_bound() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a.pcap");
    let bomb = gzip(&vec![0; 50 << 20]);
    write(
        &file,
        &[Talk::new(1).exchange(b"GET /b HTTP/1.1\r\nHost: h\r\n\r\n", &response("Content-Encoding: gzip\r\n", &bomb))],
    );
    let line = index(&file, &directory.path().join("out"), &["--max-decoded", "1M"]).pop().unwrap();
    assert_eq!((&line["length"], &line["complete"]), (&json!(1 << 20), &json!(false)));
    assert_eq!(line["issues"], json!(["decoded_too_large"]));
    assert!(line["file"].as_str().unwrap().contains(".incomplete."));
}

#[test]
fn a_hole_is_named_where_it_is_in_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a.pcap");
    let body: Vec<u8> = (0..100_000_u32).map(|i| (i % 251) as u8).collect();
    // The packets after the handshake: request, ACK, and the response, of which one in the middle is lost.
    let request = b"GET /d HTTP/1.1\r\nHost: h\r\n\r\n";
    write(&file, &[Talk::new(1).exchange(request, &response("", &body)).close().without(5 + 70)]);
    let line = index(&file, &directory.path().join("out"), &[]).pop().unwrap();
    let holes = line["holes"].as_array().unwrap();
    assert_eq!((holes.len(), &holes[0]["len"], &line["missing"]), (1, &json!(1000), &json!(1000)));
    let at = holes[0]["offset"].as_u64().unwrap() as usize;
    let written = fs::read(directory.path().join("out").join(line["file"].as_str().unwrap())).unwrap();
    assert_eq!(written, [&body[..at], &body[at + 1000..]].concat());
}

#[test]
fn hostile_names_stay_in_the_folder_and_nothing_is_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    let (file, out) = (directory.path().join("a.pcap"), directory.path().join("out"));
    let targets = [
        "/../../../etc/passwd",
        "/..\\..\\x",
        "/%2e%2e/%2F",
        "/con",
        "/NUL.txt",
        "/a:b",
        "/-rf",
        "/.bashrc",
        "/a. ",
        "/\u{202e}txt.exe",
        "/\x1b[2Jx",
        "/index.jsonl",
        "http://../..",
        "/A",
        "/a",
        "//",
        "/\u{0}",
    ];
    let long = format!("/{}", "x/".repeat(3000));
    let codings = format!("Content-Encoding: {}x\r\n", "gzip,".repeat(500));
    let mut talk = Talk::new(1).exchange(b"GET / HTTP/1.1\r\n\r\n", &response(&codings, b"body"));
    for target in targets.iter().copied().chain([long.as_str()]) {
        let request = format!("GET {target} HTTP/1.1\r\nHost: ../../h\r\n\r\n");
        talk = talk.exchange(request.as_bytes(), &response("Content-Type: ../../x\r\n", b"body"));
    }
    write(&file, &[talk]);
    fs::create_dir(&out).unwrap();
    let first = index(&file, &out, &[]);
    let written: Vec<&str> = first.iter().filter_map(|line| line["file"].as_str()).collect();
    assert!(written.len() > targets.len() - 3, "{written:?}");
    let safe = |name: &str| {
        name.len() <= 120
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-%".contains(&byte))
            && name.starts_with("0.")
            && !name.contains("..")
    };
    assert!(written.iter().all(|name| safe(name)), "{written:?}");
    let distinct: std::collections::HashSet<_> = written.iter().map(|name| name.to_lowercase()).collect();
    assert_eq!(distinct.len(), written.len());
    assert_eq!(names(directory.path()), ["a.pcap", "out"]);
    // Once more: what is there stays.
    fs::write(out.join(written[0]), "mine").unwrap();
    fs::remove_file(out.join(written[1])).unwrap();
    symlink(directory.path().join("victim"), out.join(written[1])).unwrap();
    let told = export(&file, &["-d", out.to_str().unwrap()]);
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    assert!(String::from_utf8(told.stdout).unwrap().contains("index~2.jsonl"));
    assert_eq!(fs::read(out.join(written[0])).unwrap(), b"mine");
    assert_eq!(names(directory.path()), ["a.pcap", "out"]);
    assert_eq!(names(&out).len(), 2 * (written.len() + 1));
}

#[test]
fn many_bodies_at_once_take_few_open_files() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a.pcap");
    let body: Vec<u8> = (0..150_000_u32).map(|i| (i / 7 % 256) as u8).collect();
    let talks: Vec<Talk> = (0..200)
        .map(|port| {
            Talk::new(1000 + port).exchange(b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n", &response("", &body)).close()
        })
        .collect();
    write(&file, &talks);
    let out = directory.path().join("out");
    let mut limited = std::process::Command::new("sh");
    let command = "ulimit -n 24; exec \"$0\" export -r \"$1\" -d \"$2\"";
    limited.args(["-c", command, env!("CARGO_BIN_EXE_dissect")]).arg(&file).arg(&out);
    let told = run(&mut limited);
    assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""));
    let all = names(&out);
    assert_eq!(all.len(), 201);
    assert!(all.iter().filter(|name| *name != "index.jsonl").all(|name| fs::read(out.join(name)).unwrap() == body));
}

#[test]
fn what_cannot_be_done_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let file = path("fixtures/keep-alive.pcap");
    fs::write(directory.path().join("file"), "").unwrap();
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    for (arguments, code) in [
        (vec![], 2),
        (vec!["-d".to_owned(), at("file")], 3),
        (vec!["-d".to_owned(), at("file/x")], 3),
        (vec!["--har".to_owned(), at("none/x.har")], 3),
        (vec!["--har".to_owned(), directory.path().to_str().unwrap().to_owned()], 3),
        (vec!["--har".to_owned(), file.to_str().unwrap().to_owned()], 3),
        (vec!["-d".to_owned(), at("x"), "--max-decoded".to_owned(), "much".to_owned()], 2),
    ] {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let told = export(&file, &arguments);
        assert_eq!(told.code, Some(code), "{arguments:?}: {}", told.stderr);
        assert!(told.stdout.is_empty() && !told.stderr.is_empty(), "{arguments:?}");
    }
    let cut = export(&path("fixtures/file-cut-in-body.pcap"), &["-d", &at("cut")]);
    assert_eq!(cut.code, Some(1));
    assert!(names(&directory.path().join("cut")).contains(&"index.jsonl".to_owned()));
    assert_eq!(names(directory.path()), ["cut", "file"]);
}

/// What HAR 1.2 says of its parts, as JSON Schema.
fn har_schema() -> Value {
    let comment = json!({"type": "string"});
    let list = |of: &str| json!({"type": "array", "items": {"$ref": format!("#/$defs/{of}")}});
    let object = |required: Value, mut properties: Value| {
        properties["comment"] = comment.clone();
        json!({"type": "object", "required": required, "properties": properties, "additionalProperties": false,
            "patternProperties": {"^_": {}}})
    };
    let text = json!({"type": "string"});
    let size = json!({"type": "integer", "minimum": -1});
    let span = json!({"type": "number", "minimum": 0});
    let optional = json!({"type": "number", "minimum": -1});
    let time = json!({"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"});
    let pair = object(json!(["name", "value"]), json!({"name": text, "value": text}));
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object", "required": ["log"], "additionalProperties": false,
        "properties": {"log": object(json!(["version", "creator", "entries"]), json!({
            "version": {"const": "1.2"},
            "creator": object(json!(["name", "version"]), json!({"name": text, "version": text})),
            "browser": {"type": "object"},
            "pages": {"type": "array"},
            "entries": list("entry"),
        }))},
        "$defs": {
            "entry": object(json!(["startedDateTime", "time", "request", "response", "cache", "timings"]), json!({
                "pageref": text, "startedDateTime": time, "time": span, "request": {"$ref": "#/$defs/request"},
                "response": {"$ref": "#/$defs/response"}, "cache": {"type": "object"},
                "timings": object(json!(["send", "wait", "receive"]), json!({"blocked": optional, "dns": optional,
                    "connect": optional, "send": span, "wait": span, "receive": span, "ssl": optional})),
                "serverIPAddress": {"anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]}, "connection": text,
            })),
            "request": object(
                json!(["method", "url", "httpVersion", "cookies", "headers", "queryString", "headersSize", "bodySize"]),
                json!({"method": text, "url": {"type": "string", "format": "uri"}, "httpVersion": text,
                    "cookies": list("cookie"), "headers": list("pair"), "queryString": list("pair"),
                    "postData": object(json!(["mimeType", "text"]), json!({"mimeType": text, "text": text})),
                    "headersSize": size, "bodySize": size}),
            ),
            "response": object(
                json!(["status", "statusText", "httpVersion", "cookies", "headers", "content", "redirectURL",
                    "headersSize", "bodySize"]),
                json!({"status": {"type": "integer"}, "statusText": text, "httpVersion": text, "cookies": list("cookie"),
                    "headers": list("pair"), "redirectURL": text, "headersSize": size, "bodySize": size,
                    "content": object(json!(["size", "mimeType"]), json!({"size": {"type": "integer", "minimum": 0},
                        "compression": {"type": "integer"}, "mimeType": text, "text": text,
                        "encoding": {"const": "base64"}}))}),
            ),
            "cookie": object(json!(["name", "value"]), json!({"name": text, "value": text, "path": text,
                "domain": text, "expires": time, "httpOnly": {"type": "boolean"}, "secure": {"type": "boolean"}})),
            "pair": pair,
        },
    })
}

#[track_caller]
fn har(file: &Path) -> Value {
    let told = export(file, &["--har", "-"]);
    let har = serde_json::from_slice(&told.stdout).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let schema = har_schema();
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let faults: Vec<String> =
        validator.iter_errors(&har).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(faults.is_empty(), "{}: {}", file.display(), faults.join("\n"));
    har
}

#[test]
fn every_fixture_gives_a_valid_archive_with_every_message() {
    for file in common::fixtures() {
        let records = run(dissect().args(["-T", "json", "-r"]).arg(&file));
        if records.code != Some(0) {
            continue;
        }
        let har = har(&file);
        let entries = har["log"]["entries"].as_array().unwrap();
        for record in records.records().iter().filter(|record| is_of_tcp(record)) {
            let (stream, number) = (&record["tcp"]["stream"], &record["message"]["number"]);
            let code = record["http"]["response"]["code"].as_u64().unwrap_or(0);
            let is_there = entries.iter().any(|entry| {
                let messages = entry["_messages"].as_array().unwrap();
                messages.iter().any(|message| (&message["stream"], &message["number"]) == (stream, number))
                    || entry["_interim"].as_array().is_some_and(|codes| codes.contains(&json!(code)))
            });
            assert!(is_there, "{}: {stream}.{number}", file.display());
        }
        for entry in entries {
            let timings = entry["timings"].as_object().unwrap();
            let sum: f64 = timings.values().filter_map(Value::as_f64).filter(|span| *span >= 0.0).sum();
            assert!((sum - entry["time"].as_f64().unwrap()).abs() < 1e-6, "{entry}");
        }
    }
}

#[test]
fn an_archive_has_what_was_said() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a.pcap");
    let request = b"POST /a%20b?x=1+2&y&z=%C3%A9 HTTP/1.1\r\nHost: h:8080\r\nCookie: a=b; c=d=e\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello";
    let fields = "Content-Type: image/png\r\nLocation: /next\r\nSet-Cookie: s=1; Path=/; HttpOnly; Expires=Wed, 21 Oct 2015 07:28:00 GMT\r\n";
    write(
        &file,
        &[Talk::new(1)
            .exchange(request, &response(fields, &[0xff; 3]))
            .exchange(b"GET /2 HTTP/1.1\r\nHost: h\r\n\r\n", b"HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 204 None\r\n\r\n")
            .send(0, b"GET /3 HTTP/1.1\r\nHost: h\r\n\r\n")],
    );
    let har = har(&file);
    let [first, second, third] = &har["log"]["entries"].as_array().unwrap()[..] else { panic!("{har}") };
    let sent = &first["request"];
    assert_eq!(sent["url"], "http://h:8080/a%20b?x=1+2&y&z=%C3%A9");
    assert_eq!(sent["queryString"][0], json!({"name": "x", "value": "1 2"}));
    assert_eq!(sent["queryString"][1], json!({"name": "y", "value": ""}));
    assert_eq!(sent["queryString"][2], json!({"name": "z", "value": "é"}));
    assert_eq!(sent["cookies"], json!([{"name": "a", "value": "b"}, {"name": "c", "value": "d=e"}]));
    assert_eq!(sent["postData"], json!({"mimeType": "text/plain", "text": "hello"}));
    assert_eq!((&sent["headersSize"], &sent["bodySize"]), (&json!(request.len() - 5), &json!(5)));
    let got = &first["response"];
    assert_eq!(got["content"], json!({"size": 3, "mimeType": "image/png", "text": "////", "encoding": "base64"}));
    assert_eq!((&got["redirectURL"], &got["cookies"][0]["expires"]), (&json!("/next"), &json!("2015-10-21T07:28:00Z")));
    // SYN, SYN-ACK, ACK, request, ACK, response: a millisecond each.
    let timings = json!({"blocked": 1, "dns": -1, "connect": 2, "send": 0, "wait": 2, "receive": 0, "ssl": -1});
    assert_eq!((&first["timings"], &first["time"]), (&timings, &json!(5)));
    assert_eq!(first["startedDateTime"], "2023-11-14T22:13:20.001000Z");
    assert_eq!((&second["timings"]["connect"], &second["_interim"]), (&json!(-1), &json!([103])));
    assert_eq!(second["response"]["status"], 204);
    assert_eq!(third["response"]["status"], 0);
    assert_eq!(third["comment"], "the response is not in the capture");
}

#[test]
fn an_archive_is_there_as_a_whole() {
    let directory = tempfile::tempdir().unwrap();
    let (file, link) = (directory.path().join("a.har"), directory.path().join("link.har"));
    fs::write(&file, "old").unwrap();
    symlink(&file, &link).unwrap();
    let capture = path("fixtures/keep-alive.pcap");
    let told = export(&capture, &["--har", link.to_str().unwrap()]);
    assert_eq!((told.code, told.stdout.len()), (Some(0), 0), "{}", told.stderr);
    assert_eq!(serde_json::from_slice::<Value>(&fs::read(&file).unwrap()).unwrap(), har(&capture));
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(names(directory.path()), ["a.har", "link.har"]);
    assert_eq!(export(&capture, &["--har", "/dev/null"]).code, Some(0));
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
}

#[test]
fn a_display_filter_chooses_messages_and_exchanges() {
    let directory = tempfile::tempdir().unwrap();
    let file = path("fixtures/keep-alive.pcap");
    let lines = index(&file, directory.path(), &["-Y", "http.response.code == 404"]);
    assert_eq!((lines.len(), &lines[0]["url"]), (1, &json!("http://10.0.0.2/missing")));
    assert_eq!(names(directory.path()).len(), 2);
    let told = export(&file, &["--har", "-", "-Y", "http.request.uri == \"/page.html\""]);
    let har: Value = serde_json::from_slice(&told.stdout).unwrap();
    let entries = har["log"]["entries"].as_array().unwrap();
    assert_eq!((entries.len(), &entries[0]["response"]["status"]), (1, &json!(200)));
    assert_eq!(export(&file, &["--har", "-", "-Y", "http.hots"]).code, Some(2));
}

#[test]
fn standard_input_is_read_as_a_file_is() {
    let directory = tempfile::tempdir().unwrap();
    let file = path("fixtures/chunked-trailer.pcap");
    let (piped, read) = (directory.path().join("piped"), directory.path().join("read"));
    let command = format!("{} export -r - -d {} < {}", env!("CARGO_BIN_EXE_dissect"), piped.display(), file.display());
    let told = run(std::process::Command::new("sh").args(["-c", &command]));
    // `run` gives no input; the shell does.
    assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""));
    index(&file, &read, &[]);
    assert_eq!(names(&piped), names(&read));
    for name in names(&piped) {
        assert_eq!(fs::read(piped.join(&name)).unwrap(), fs::read(read.join(&name)).unwrap());
    }
}

#[test]
fn a_capture_without_http_gives_an_archive_without_entries() {
    let file = path("fixtures/dns.pcap");
    assert_eq!(har(&file)["log"]["entries"], json!([]));
}

/// Whether it is an HTTP message over TCP: those of SSDP have nobody who would read their bodies.
fn is_of_tcp(record: &Value) -> bool {
    record["type"] == "message" && !record["http"].is_null() && !record["tcp"].is_null()
}
