//! `dissect stats`: what it counts is what the records of the main job come to.

mod common;

use std::collections::BTreeMap;

use common::capture::{self, Talk};
use common::{dissect, fixtures, name, run};
use serde_json::Value;

const KEEP_ALIVE: &str = "fixtures/keep-alive.pcap";
const PAGE: &str = "fixtures/page-lossy.pcap";

fn records(arguments: &[&str]) -> Vec<Value> {
    let told = run(dissect().args(arguments).args(["-T", "json"]));
    assert!(matches!(told.code, Some(0 | 1)), "{arguments:?}: {}", told.stderr);
    told.records()
}

fn text(arguments: &[&str]) -> String {
    let told = run(dissect().arg("stats").args(arguments));
    assert_eq!((told.code, told.stderr.as_str()), (Some(0), ""), "{arguments:?}");
    String::from_utf8(told.stdout).unwrap()
}

/// The rows of what is counted by one thing.
fn rows<'r>(records: &'r [Value], by: &'r str) -> impl Iterator<Item = &'r Value> {
    records.iter().filter(move |record| record["type"] == "count" && record["by"] == by)
}

fn messages(records: &[Value]) -> impl Iterator<Item = &Value> {
    records.iter().filter(|record| record["type"] == "message")
}

/// Rows by value: messages, bytes.
fn by_value(records: &[Value], by: &str) -> BTreeMap<String, (u64, u64)> {
    let row = |row: &Value| {
        let [messages, bytes] = ["messages", "bytes"].map(|name| row[name].as_u64().unwrap());
        (row["value"].as_str().unwrap().to_owned(), (messages, bytes))
    };
    rows(records, by).map(row).collect()
}

/// Bytes of a message that were captured.
fn captured(message: &Value) -> u64 {
    let [length, missing] = ["length", "missing_bytes"].map(|name| message["message"][name].as_u64().unwrap());
    length - missing
}

/// By the definition: the least of the values that so many of a hundred do not exceed.
fn percentile(values: &mut [f64], percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    values[(values.len() * percent).div_ceil(100).max(1) - 1]
}

#[test]
fn counts_are_those_of_the_messages() {
    for path in fixtures() {
        let path = path.to_str().unwrap();
        if run(dissect().args(["-q", "-r", path])).code == Some(3) {
            continue;
        }
        let (all, stats) = (records(&["-r", path]), records(&["stats", "-r", path]));
        for (by, at) in [("http.request.method", "/http/request/method"), ("http.response.code", "/http/response/code")]
        {
            let mut expected: BTreeMap<String, u64> = BTreeMap::new();
            for value in messages(&all).filter_map(|message| message.pointer(at)) {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                *expected.entry(value).or_default() += 1;
            }
            let counted: BTreeMap<String, u64> =
                by_value(&stats, by).into_iter().map(|(value, (messages, _))| (value, messages)).collect();
            assert_eq!(counted, expected, "{path} {by}");
        }
        let end = stats.last().unwrap();
        let sum = |name: &str| rows(&stats, "protocol").map(|row| row[name].as_u64().unwrap()).sum::<u64>();
        assert_eq!(sum("messages"), end["totals"]["messages"].as_u64().unwrap(), "{path}");
        assert_eq!(sum("incomplete"), end["totals"]["incomplete"].as_u64().unwrap(), "{path}");
        let others = all.iter().filter_map(|record| record["connection"]["other_bytes"].as_u64());
        assert_eq!(sum("bytes"), messages(&all).map(captured).sum::<u64>() + others.sum::<u64>(), "{path}");
        assert_eq!(stats[0]["type"], "begin", "{path}");
    }
}

#[test]
fn percentiles_are_those_of_the_response_times() {
    for path in fixtures().iter().filter(|path| name(path).starts_with("page-")) {
        let path = path.to_str().unwrap();
        let (all, stats) = (records(&["-r", path]), records(&["stats", "-r", path]));
        let is_final = |message: &&Value| message["http"]["response"]["code"].as_u64().is_some_and(|code| code >= 200);
        let mut times: Vec<f64> =
            messages(&all).filter(is_final).filter_map(|message| message["http"]["time"].as_f64()).collect();
        let protocol = rows(&stats, "protocol").find(|row| row["value"] == "HTTP");
        let Some(time) = protocol.map(|row| &row["time"]).filter(|_| !times.is_empty()) else { continue };
        assert_eq!(time["count"].as_u64(), Some(times.len() as u64), "{path}");
        for percent in [50, 90, 95, 99] {
            assert_eq!(time[format!("p{percent}")].as_f64(), Some(percentile(&mut times, percent)), "{path} {percent}");
        }
        assert_eq!(time["max"].as_f64(), times.last().copied());
        assert_eq!(time["exact"], true);
    }
}

#[test]
fn a_request_is_counted_with_its_answer() {
    let all = records(&["-r", KEEP_ALIVE]);
    let stats = records(&["stats", "-r", KEEP_ALIVE]);
    let bytes: u64 = messages(&all).map(captured).sum();
    assert_eq!(by_value(&stats, "http.request.method"), [("GET".to_owned(), (3, bytes))].into());
    assert_eq!(by_value(&stats, "http.host"), [("10.0.0.2".to_owned(), (3, bytes))].into());
    let method = rows(&stats, "http.request.method").next().unwrap();
    assert_eq!((&method["errors"], &method["time"]["count"]), (&1.into(), &3.into()));
}

#[test]
fn an_error_of_http2_is_one() {
    // HEADERS that end stream 1: GET / of http from the static table, and its status 404 (RFC 7541 appendix A).
    let headers = |block: &[u8]| [&[0, 0, block.len() as u8, 1, 5, 0, 0, 0, 1], block].concat();
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    let asked = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &settings[..], &headers(&[0x82, 0x84, 0x86])].concat();
    let answered = [&settings[..], &headers(&[0x8d])].concat();
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("h2-error.pcap");
    capture::write(&path, &[Talk::new(40_000).exchange(&asked, &answered).close()]);
    let stats = records(&["stats", "-r", path.to_str().unwrap()]);
    for (by, value) in [("protocol", "HTTP/2"), ("http.request.method", "GET"), ("http.response.code", "404")] {
        let row = rows(&stats, by).find(|row| row["value"] == value).unwrap();
        assert_eq!(row["errors"], 1, "{by}");
    }
}

#[test]
fn an_answer_that_comes_before_its_request_has_ended_is_counted_with_it() {
    // 100 (Continue) and the final response; the request ends between them.
    let stats = records(&["stats", "-r", "fixtures/expect-100-continue.pcap"]);
    let all = records(&["-r", "fixtures/expect-100-continue.pcap"]);
    let bytes: u64 = messages(&all).map(captured).sum();
    assert_eq!(by_value(&stats, "http.request.method"), [("POST".to_owned(), (1, bytes))].into());
    let method = rows(&stats, "http.request.method").next().unwrap();
    assert_eq!(method["time"]["count"], 1);
}

#[test]
fn connections_are_counted() {
    let all = records(&["connections", "-r", PAGE]);
    let stats = records(&["stats", "-r", PAGE]);
    let sum = stats.iter().find(|record| record["type"] == "connections").unwrap();
    let mut rtts: Vec<f64> = all.iter().filter_map(|record| record["connection"]["initial_rtt"].as_f64()).collect();
    assert_eq!(sum["connections"].as_u64(), Some(rtts.len() as u64));
    assert_eq!(sum["initial_rtt"]["p50"].as_f64(), Some(percentile(&mut rtts, 50)));
    let end = stats.last().unwrap();
    assert_eq!((&sum["bytes"], &sum["flags"]), (&end["ledger"]["captured"], &end["totals"]["flags"]));
}

#[test]
fn any_field_can_be_counted_by() {
    let stats = records(&["stats", "-r", KEEP_ALIVE, "--by", "ip.src,http.request.uri", "--by", "message.kind"]);
    assert_eq!(by_value(&stats, "message.kind").values().map(|(messages, _)| messages).sum::<u64>(), 6);
    assert_eq!(by_value(&stats, "ip.src").keys().collect::<Vec<_>>(), ["10.0.0.1", "10.0.0.2"]);
    assert_eq!(by_value(&stats, "http.request.uri").len(), 3);
    for (field, words) in [
        ("http.hots", "did you mean http.host"),
        ("zzz", "`dissect fields` lists the names"),
        ("a b", "no name of a field"),
        ("http", "no values"),
    ] {
        let told = run(dissect().args(["stats", "-r", KEEP_ALIVE, "--by", field]));
        assert!(told.code == Some(2) && told.stderr.contains(words), "{}", told.stderr);
    }
}

#[test]
fn each_question_and_answer_is_counted_once() {
    let (all, stats) = (records(&["-r", "fixtures/dns.pcap"]), records(&["stats", "-r", "fixtures/dns.pcap"]));
    let responses = messages(&all).filter(|message| message["message"]["kind"] == "response").count() as u64;
    for (by, kind) in [("dns.qry.type", "questions"), ("dns.flags.rcode", "answers")] {
        let sum: u64 = by_value(&stats, by).values().map(|(messages, _)| messages).sum();
        assert_eq!(sum, responses, "{kind}");
    }
    let bytes: u64 = by_value(&stats, "dns.qry.type").values().map(|(_, bytes)| bytes).sum();
    assert_eq!(bytes, messages(&all).map(captured).sum::<u64>());
    let failed = rows(&stats, "dns.flags.rcode").find(|row| row["value"] == "3").unwrap();
    assert_eq!((&failed["errors"], &failed["time"]["count"]), (&1.into(), &1.into()));
}

#[test]
fn a_display_filter_chooses_what_is_counted() {
    let stats = records(&["stats", "-r", KEEP_ALIVE, "-Y", "http.response.code == 404"]);
    assert_eq!(by_value(&stats, "http.response.code").keys().collect::<Vec<_>>(), ["404"]);
    assert!(by_value(&stats, "http.request.method").is_empty());
    assert!(text(&["-r", KEEP_ALIVE, "-Y", "http.response"]).contains("selected     3 messages"));
}

#[test]
fn tables_are_for_people() {
    let told = text(&["-r", PAGE]);
    for part in
        ["capture ", "connections  6", "HTTP responses", "initial RTT", "host ", "GET ", "200 OK", "text/html", "█"]
    {
        assert!(told.contains(part), "{part}: {told}");
    }
    let few = text(&["-r", PAGE, "--top", "2"]);
    assert!(few.lines().any(|line| line.starts_with("… ") && line.contains(" more: ")), "{few}");
    assert!(told.lines().all(|line| line.chars().count() <= 100), "{told}");
}

#[test]
fn rows_of_csv_have_the_columns_of_the_titles() {
    let told = run(dissect().args(["stats", "-T", "csv", "-r", PAGE]));
    let table = String::from_utf8(told.stdout).unwrap();
    let mut lines = table.lines().map(|line| line.split(',').count());
    let titles = lines.next().unwrap();
    assert!(table.lines().count() > 10 && lines.all(|columns| columns == titles), "{table}");
}

#[test]
fn a_capture_without_a_message_has_no_tables() {
    let told = text(&["-r", "fixtures/arp-ping.pcap"]);
    assert_eq!(told.lines().count(), 1, "{told}");
}
