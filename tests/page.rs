//! `dissect page` on pages that a browser loaded, against what the browser's own log says.
//!
//! The browser's clock is the capture's, but it takes note of a thing before it goes out and after it has come in, with
//! other things to do in between: beside each comparison stands how many milliseconds there may be between the two.

mod common;

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;

use common::wire::{MS, Packet, frame};
use common::{dissect, run};
use dissect::engine::Engine;
use dissect::page::Recorder;
use dissect::print::page;
use serde_json::Value;

/// The records of a capture, but for the first and the last one.
fn told(name: &str) -> Vec<Value> {
    let printed = run(dissect().args(["page", "-T", "json", "-r"]).arg(fixture(name)));
    assert_eq!(printed.stderr, "");
    let lines = String::from_utf8(printed.stdout).unwrap();
    let mut records: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        (records.remove(0)["type"].as_str(), records.pop().unwrap()["type"].as_str()),
        (Some("begin"), Some("end"))
    );
    records
}

fn fixture(name: &str) -> PathBuf {
    common::path("fixtures").join(name)
}

fn of_type<'r>(records: &'r [Value], kind: &str) -> Vec<&'r Value> {
    records.iter().filter(|record| record["type"] == kind).collect()
}

/// What the browser says of the objects that it fetched, by when it asked for them.
fn log(name: &str) -> Vec<Value> {
    let text = fs::read_to_string(fixture(name)).unwrap();
    let mut objects: Vec<Value> = serde_json::from_str(&text).unwrap();
    objects.retain(|object| !object["timing"].is_null());
    objects.sort_by(|a, b| at(a, "sendStart").total_cmp(&at(b, "sendStart")));
    objects
}

fn at(object: &Value, name: &str) -> f64 {
    object["timing"][name].as_f64().unwrap_or_else(|| panic!("{name} of {object}"))
}

/// Milliseconds since 1970 of the start of each visit.
fn starts(records: &[Value]) -> HashMap<u64, f64> {
    let visits = of_type(records, "visit").into_iter();
    visits.map(|visit| (visit["visit"].as_u64().unwrap(), millis(&visit["time_epoch"]))).collect()
}

/// Seconds in a string as milliseconds.
fn millis(seconds: &Value) -> f64 {
    let (whole, nanos) = seconds.as_str().unwrap().split_once('.').unwrap();
    whole.parse::<f64>().unwrap() * 1e3 + nanos.parse::<f64>().unwrap() / 1e6
}

/// The first came at most so many milliseconds before the second, but for half a millisecond of what the clocks' readings
/// may differ.
fn follows(what: &str, object: &Value, first: f64, second: f64, late: f64) {
    let difference = second - first;
    assert!((-0.5..late).contains(&difference), "{what} of {}: {difference:.3} ms", object["url"]);
}

/// Whether what is the same on one side is the same on the other.
fn same_parts<'v>(pairs: impl Iterator<Item = (&'v Value, &'v Value)>) -> bool {
    let (mut there, mut back) = (HashMap::new(), HashMap::new());
    { pairs }
        .all(|(a, b)| *there.entry(a.to_string()).or_insert(b) == b && *back.entry(b.to_string()).or_insert(a) == a)
}

/// Order, counts, sizes, causes and times of a page over HTTP/1.1.
fn as_the_browser_says(capture: &str, log_of: &str, visits: [usize; 2]) {
    let (records, wanted) = (told(capture), log(log_of));
    let (objects, starts) = (of_type(&records, "object"), starts(&records));
    let urls = |objects: &mut dyn Iterator<Item = &Value>| -> Vec<(u64, String)> {
        objects.map(|object| (object["visit"].as_u64().unwrap(), object["url"].as_str().unwrap().to_owned())).collect()
    };
    assert_eq!(urls(&mut objects.iter().copied()), urls(&mut wanted.iter()), "what was fetched, in order");
    for (visit, count) in visits.into_iter().enumerate() {
        let of_visit = objects.iter().filter(|object| object["visit"] == visit as u64 + 1);
        assert_eq!(of_visit.count(), count);
    }
    assert!(same_parts(objects.iter().zip(&wanted).map(|(object, wanted)| (&object["stream"], &wanted["connection"]))));
    for (object, wanted) in objects.iter().zip(&wanted) {
        let url = &object["url"];
        let status = wanted.get("wire_status").unwrap_or(&wanted["status"]);
        assert_eq!((&object["status"], &object["method"]), (status, &wanted["method"]), "{url}");
        if object["status"] == 200 {
            assert_eq!(object["content_type"], wanted["type"], "{url}");
        }
        assert_eq!(object["complete"], true, "{url}");
        // Of a 404 and what follows it on the connection, the browser tells the body alone.
        let (whole, body) = (&object["response"]["length"], &object["response"]["body_length"]);
        assert!(wanted["bytes"] == *whole || wanted["bytes"] == *body, "{url}: {} of {whole}", wanted["bytes"]);
        let by = object["by"].as_u64().map(|by| {
            objects.iter().find(|other| other["visit"] == object["visit"] && other["number"] == by).unwrap()["url"]
                .clone()
        });
        match wanted.get("redirected_from") {
            Some(from) => assert_eq!((&object["cause"], by.as_ref()), (&Value::from("redirect"), Some(from)), "{url}"),
            None => match wanted["initiator"].as_str().filter(|url| !url.is_empty()) {
                Some(initiator) => assert_eq!(by, Some(Value::from(initiator)), "{url}"),
                None => assert_eq!((&object["cause"], by), (&Value::from("visit"), None), "{url}"),
            },
        }
        let start = starts[&object["visit"].as_u64().unwrap()];
        let wire = |part: &str, end: &str| start + object[part][end].as_f64().unwrap();
        follows("the request", object, at(wanted, "sendStart"), wire("request", "first"), 3.0);
        follows("the response", object, wire("response", "first"), at(wanted, "receiveHeadersStart"), 10.0);
        follows("the end", object, wire("response", "last"), wanted["finished"].as_f64().unwrap(), 20.0);
        if wanted["reused"] == false {
            opened_as_the_browser_says(object, wanted, &records, start);
        }
    }
}

/// Lookup and handshake before the first object of a connection.
fn opened_as_the_browser_says(object: &Value, wanted: &Value, records: &[Value], start: f64) {
    let of_object = |record: &&&Value| record["visit"] == object["visit"];
    let connections = of_type(records, "connection");
    let connection = connections.iter().filter(of_object).find(|one| one["stream"] == object["stream"]).unwrap();
    let wire = |name: &str| start + connection[name]["at"].as_f64().unwrap();
    // The browser opens a connection for one object and may use it for another, whose waiting begins later.
    follows("SYN", object, wire("syn"), at(wanted, "connectStart") + 3.0, 20.0);
    follows("the handshake's end", object, wire("syn_ack"), at(wanted, "connectEnd"), 10.0);
    if object["number"] == 1 {
        let lookups = of_type(records, "lookup");
        let lookup = lookups.iter().find(of_object).unwrap();
        let asked = millis(&lookup["time_epoch"]);
        follows("the question", object, at(wanted, "dnsStart"), asked, 100.0);
        follows("the answer", object, asked + lookup["duration"].as_f64().unwrap(), at(wanted, "dnsEnd"), 10.0);
        assert!(object["timings"]["dns"].as_f64() > Some(10.0), "{object}");
    }
}

#[test]
fn over_http_it_is_as_the_browser_says() {
    as_the_browser_says("page-http.pcap", "page-http.json", [12, 3]);
}

#[test]
fn with_losses_it_is_as_the_browser_says() {
    as_the_browser_says("page-lossy.pcap", "page-lossy.json", [12, 3]);
    let records = told("page-lossy.pcap");
    let objects = of_type(&records, "object");
    let large = objects.iter().find(|object| object["url"].as_str().unwrap().ends_with("large.png")).unwrap();
    assert_eq!(large["response"]["retransmissions"], 1);
    // One round trip, which is 20 ms here.
    assert!((20.0..30.0).contains(&large["timings"]["stalled"].as_f64().unwrap()), "{large}");
    assert_eq!(objects.iter().filter(|object| !object["timings"]["stalled"].is_null()).count(), 1);
}

#[test]
fn every_record_is_as_the_schema_says() {
    let printed = run(dissect().args(["schema", "page"]));
    let schema: Value = serde_json::from_slice(&printed.stdout).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for path in common::fixtures() {
        let printed = run(dissect().args(["page", "-T", "json", "-r"]).arg(&path));
        for line in String::from_utf8(printed.stdout).unwrap().lines() {
            let record: Value = serde_json::from_str(line).unwrap();
            let kind = record["type"].as_str().unwrap();
            if !validator.is_valid(&record) {
                let own = serde_json::json!({ "$ref": format!("#/$defs/{kind}"), "$defs": schema["$defs"] });
                let own = jsonschema::validator_for(&own).unwrap();
                let errors: Vec<String> = own.iter_errors(&record).map(|error| error.to_string()).collect();
                panic!("{}: {}: {line}", path.display(), errors.join("; "));
            }
        }
    }
}

#[test]
fn text_fits_its_width() {
    for path in common::fixtures() {
        for width in ["60", "80", "120"] {
            let printed = run(dissect().args(["page", "-v", "--width", width, "-r"]).arg(&path));
            let text = String::from_utf8(printed.stdout).unwrap();
            let long = text.lines().find(|line| line.chars().count() > width.parse().unwrap());
            assert_eq!(long, None, "{}", path.display());
        }
    }
}

#[test]
fn one_visit_is_told_alone() {
    let visit = |arguments: &[&str]| {
        let printed = run(dissect().arg("page").args(arguments).arg("-r").arg(fixture("page-http.pcap")));
        (String::from_utf8(printed.stdout).unwrap(), printed.stderr)
    };
    for arguments in [&["2"][..], &["--visit", "2"]] {
        let (text, _) = visit(arguments);
        assert!(text.starts_with("Visit 2  http://www.example.test/page/next.html\n"), "{text}");
        assert_eq!(text.matches("Visit").count(), 1);
    }
    assert!(visit(&["3"]).1.contains("there is no visit 3: there are 2"));
    let (text, _) = visit(&["host 10.0.0.1"]);
    assert!(text.starts_with("No visit to a web page"), "{text}");
}

#[test]
fn what_is_no_visit_is_told_apart() {
    let text = |name: &str| String::from_utf8(run(dissect().args(["page", "-r"]).arg(fixture(name))).stdout).unwrap();
    assert!(text("refused.pcap").contains("refused: RST in answer to SYN"));
    assert!(text("dns.pcap").contains("none.example.test"));
    assert!(text("response-lost.pcap").contains("the response is not in the capture"));
    assert!(text("hole-in-body.pcap").contains("1448 bytes are missing"));
}

/// A server that pushes asks in the place of the client.
#[test]
fn what_is_pushed_belongs_to_the_page_with_which_it_is() {
    let records = told("h2-push.pcap");
    let objects = of_type(&records, "object");
    assert_eq!((of_type(&records, "visit").len(), objects.len()), (1, 2));
    assert_eq!(objects[1]["url"], "http://10.0.0.9/hello.txt");
    assert_eq!((&objects[1]["cause"], &objects[1]["by"]), (&"referer".into(), &1.into()));
}

/// What can be seen of a page within TLS 1.2 and HTTP/1.1: as many turns as objects, when, how large, on which connection.
#[test]
fn within_tls_turns_are_as_the_browser_says_of_its_objects() {
    let (records, wanted) = (told("page-https.pcap"), log("page-https.json"));
    let (turns, starts) = (of_type(&records, "turn"), starts(&records));
    let visits = |objects: &mut dyn Iterator<Item = &Value>| -> Vec<u64> {
        objects.map(|object| object["visit"].as_u64().unwrap()).collect()
    };
    assert_eq!(visits(&mut turns.iter().copied()), visits(&mut wanted.iter()));
    assert!(same_parts(turns.iter().zip(&wanted).map(|(turn, wanted)| (&turn["stream"], &wanted["connection"]))));
    for (turn, wanted) in turns.iter().zip(&wanted) {
        assert!(wanted["url"].as_str().unwrap().starts_with(turn["url"].as_str().unwrap()));
        // A record of AES-GCM has 24 bytes more than the data in it, which are of the head too, where the browser tells that.
        let (encrypted, data) = (turn["bytes_to_client"].as_i64().unwrap(), wanted["bytes"].as_i64().unwrap());
        let overhead = 24 * turn["records_to_client"].as_i64().unwrap();
        let is_whole = encrypted - overhead == data;
        assert!(is_whole || wanted["status"] == 404 || wanted["bytes"] == 0, "{turn}: {data}");
        let start = starts[&turn["visit"].as_u64().unwrap()];
        let wire = |part: &str, end: &str| start + turn[part][end].as_f64().unwrap();
        follows("the request", wanted, at(wanted, "sendStart"), wire("request", "first"), 3.0);
        // The browser sees nothing of a record before all of it is there, which may be a round trip later.
        follows("the response", wanted, wire("response", "first"), at(wanted, "receiveHeadersStart"), 30.0);
        follows("the end", wanted, wire("response", "last"), wanted["finished"].as_f64().unwrap(), 40.0);
        if wanted["reused"] == false {
            let connections = of_type(&records, "connection");
            let connection = connections.iter().find(|one| one["stream"] == turn["stream"]).unwrap();
            let first = starts[&connection["visit"].as_u64().unwrap()];
            let tls = |name: &str| first + connection["tls"][name]["at"].as_f64().unwrap();
            follows("ClientHello", wanted, tls("client_hello"), at(wanted, "sslStart") + 3.0, 20.0);
            follows("the handshake's end", wanted, tls("secured"), at(wanted, "sslEnd"), 10.0);
        }
    }
}

/// Within TLS 1.3 and HTTP/2 objects cannot be told apart, but when the first was asked for, and when the last had come.
#[test]
fn within_http2_the_whole_is_as_the_browser_says() {
    let (records, wanted) = (told("page-https-h2.pcap"), log("page-https-h2.json"));
    let (visits, turns) = (of_type(&records, "visit"), of_type(&records, "turn"));
    assert_eq!(visits.len(), 2);
    for (visit, start) in starts(&records) {
        let own = |records: &[&Value]| -> Vec<Value> {
            records.iter().filter(|one| one["visit"] == visit).map(|one| (*one).clone()).collect()
        };
        let (turns, objects) = (own(&turns), own(&wanted.iter().collect::<Vec<_>>()));
        assert!(turns.len() <= objects.len());
        let wire = |turn: &Value, part: &str, end: &str| start + turn[part][end].as_f64().unwrap();
        let (first, last) = (&turns[0], &turns[turns.len() - 1]);
        follows("the first", &objects[0], at(&objects[0], "sendStart"), wire(first, "request", "first"), 5.0);
        let finished = objects.iter().map(|object| object["finished"].as_f64().unwrap()).reduce(f64::max).unwrap();
        follows("the last", &objects[0], wire(last, "response", "last"), finished, 40.0);
        let bytes: i64 = turns.iter().map(|turn| turn["bytes_to_client"].as_i64().unwrap()).sum();
        let bodies: i64 = objects.iter().map(|object| object["bytes"].as_i64().unwrap()).sum();
        assert!((bodies..bodies + bodies / 10 + 1000).contains(&bytes), "{bytes} encrypted, {bodies} within");
    }
    let tls = &of_type(&records, "connection")[0]["tls"];
    assert_eq!((&tls["host"], &tls["version"]), (&"www.example.test".into(), &"TLS 1.3".into()));
    assert_eq!(tls["alpn_offered"], serde_json::json!(["h2", "http/1.1"]));
    assert!(tls.get("alpn").is_none(), "in TLS 1.3 the choice is encrypted");
}

/// What nghttp says of what it fetched over HTTP/2 in clear: its times are from its own start, and since its last write.
#[test]
fn over_http2_it_is_as_nghttp_says() {
    let records = told("page-h2c.pcap");
    let wanted: Vec<Value> = serde_json::from_str(&fs::read_to_string(fixture("page-h2c.json")).unwrap()).unwrap();
    let objects = of_type(&records, "object");
    let urls = |objects: &mut dyn Iterator<Item = &Value>| -> Vec<(String, u64)> {
        objects.map(|one| (one["url"].as_str().unwrap().to_owned(), one["status"].as_u64().unwrap())).collect()
    };
    assert_eq!(urls(&mut objects.iter().copied()), urls(&mut wanted.iter()));
    for (at, (object, wanted)) in objects.iter().zip(&wanted).enumerate() {
        let timing = |name: &str| wanted["timings"][name].as_f64().unwrap();
        let wire = |part: &str, end: &str| object[part][end].as_f64().unwrap();
        let waited = wire("response", "first") - wire("request", "last");
        assert!((timing("wait") - waited).abs() < 2.0, "{object}: {wanted}");
        let took = wire("response", "last") - wire("request", "last");
        assert!((timing("wait") + timing("receive") - took).abs() < 3.0, "{object}: {wanted}");
        if at == 0 {
            assert!((timing("connect") - object["timings"]["connect"].as_f64().unwrap()).abs() < 1.0);
            // The resolver answers, then the program goes on.
            assert!(timing("dns") >= object["timings"]["dns"].as_f64().unwrap());
        } else {
            assert_eq!((&object["cause"], &object["by"]), (&"content".into(), &1.into()));
        }
    }
}

#[test]
fn what_went_over_websocket_is_counted() {
    for name in ["websocket-chat.pcap", "websocket-browser.pcap", "websocket-deflate.pcap"] {
        let printed = run(dissect().args(["-T", "json", "-r"]).arg(fixture(name)));
        let messages = String::from_utf8(printed.stdout).unwrap();
        let (mut counts, mut bytes) = ([0; 2], [0; 2]);
        for message in messages.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
            let websocket = &message["websocket"];
            if ["text", "binary"].iter().any(|kind| websocket["type"] == *kind) {
                // A client masks what it sends (RFC 6455 5.1).
                let side = usize::from(websocket["mask"][0] == false);
                counts[side] += 1;
                bytes[side] += websocket["length"].as_u64().unwrap();
            }
        }
        assert!(counts.iter().all(|count| *count > 0), "{name}");
        let records = told(name);
        let objects = of_type(&records, "object");
        let chats: Vec<_> = objects.iter().filter_map(|object| object.get("websocket")).collect();
        let [chat] = chats[..] else { panic!("{name}: {chats:?}") };
        assert_eq!([&chat["messages_to_server"], &chat["messages_to_client"]], counts, "{name}");
        assert_eq!([&chat["bytes_to_server"], &chat["bytes_to_client"]], bytes, "{name}");
    }
}

#[test]
fn what_arp_told_is_told_of_the_connection_after_it() {
    let arp = |operation: u8, [from, to]: [u8; 2]| {
        let address = |end| [2, 0, 0, 0, 0, end, 10, 0, 0, end];
        let packet = [&[0, 1, 8, 0, 6, 4, 0, operation][..], &address(from), &address(to)].concat();
        [&[2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, from, 8, 6][..], &packet].concat()
    };
    let packet = |port, syn, seq, payload: &[u8]| {
        Packet { port, syn, ..Packet::new(0, seq, (!syn).then_some(1), payload) }.bytes()
    };
    let mut engine = Engine::new(page::options());
    let mut recorder = Recorder::default();
    let request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let frames = [
        arp(1, [1, 2]),
        arp(2, [2, 1]),
        packet(1, true, 0, b""),
        packet(1, false, 1, request),
        packet(2, true, 0, b""),
        packet(2, false, 1, request),
    ];
    for (at, bytes) in frames.iter().enumerate() {
        engine.push(frame(at as u64 + 1, at as i64 * MS, bytes), &mut recorder);
    }
    engine.finish(&mut recorder);
    let pages = recorder.finish();
    let hop = pages.connections[&0].next_hop.as_deref().unwrap();
    assert_eq!(
        (hop.address, hop.mac, hop.asked.frame, hop.answered.frame),
        ([10, 0, 0, 2].into(), [2, 0, 0, 0, 0, 2], 1, 2)
    );
    // It was known already when the second was opened.
    assert_eq!(pages.connections[&1].next_hop, None);
}
