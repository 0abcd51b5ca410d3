//! `-w` with `-Y`: the frames of chosen messages, which can be read again.

mod common;

use std::path::Path;

use common::capture::{Talk, response, write};
use common::{Run, dissect, path, run};
use serde_json::{Value, json};

fn read(file: &Path, arguments: &[&str]) -> Run {
    run(dissect().arg("-r").arg(file).args(arguments))
}

/// Of each message what must be the same when it is read again.
fn messages(told: &Run) -> Vec<Value> {
    let message = |record: &Value| {
        let (http, dns) = (&record["http"], &record["dns"]);
        let head = json!([http["request"], http["response"], http["headers"], http["trailers"], http["body"], dns]);
        let of = &record["message"];
        // Datagrams are saved one by one, and numbered anew.
        let numbers = (!record["tcp"].is_null()).then(|| [&of["number"], &of["answers"]]);
        json!([record["time"], of["kind"], of["integrity"], numbers, head])
    };
    told.records().iter().filter(|record| record["type"] == "message").map(message).collect()
}

/// Saves what a filter chooses; gives the chosen messages, those of the result, and how many frames it has.
#[track_caller]
fn save(file: &Path, filter: &str, more: &[&str]) -> (Vec<Value>, Vec<Value>, u64) {
    let directory = tempfile::tempdir().unwrap();
    let saved = directory.path().join("saved.pcap");
    let arguments = [&["-T", "json", "--hash", "-Y", filter], more].concat();
    let chosen = read(file, &[&arguments[..], &["-w", saved.to_str().unwrap()]].concat());
    assert_eq!((chosen.code, chosen.stderr.as_str()), (Some(0), ""), "{} {filter}", file.display());
    let again = read(&saved, &["-T", "json", "--hash"]);
    assert_eq!((again.code, again.stderr.as_str()), (Some(0), ""), "{} {filter}", file.display());
    let frames = again.records().last().unwrap()["totals"]["frames"].as_u64().unwrap();
    (messages(&chosen), messages(&again), frames)
}

const FILTERS: [&str; 5] = [
    "http.request or dns",
    "http.response",
    "message.number == 3",
    "http.request.method == \"HEAD\" or http.response.code >= 300",
    "message.integrity != \"complete\"",
];

#[test]
fn what_is_chosen_can_be_read_again() {
    let chosen_of_each = common::side_by_side(&common::fixtures(), |file| {
        let mut chosen_of_all = [0; FILTERS.len()];
        if read(file, &["-q"]).code != Some(0) {
            return chosen_of_all;
        }
        for (filter, count) in FILTERS.iter().zip(&mut chosen_of_all) {
            let (chosen, mut again, frames) = save(file, filter, &[]);
            assert_eq!(frames == 0, chosen.is_empty(), "{} {filter}", file.display());
            for message in &chosen {
                let Some(at) = again.iter().position(|other| other == message) else {
                    panic!("{} {filter}: {message}\n{again:?}", file.display())
                };
                again.remove(at);
            }
            *count = chosen.len();
        }
        chosen_of_all
    });
    let is_chosen = |at: usize| chosen_of_each.iter().any(|counts| counts[at] > 0);
    assert!((0..FILTERS.len()).all(is_chosen), "{chosen_of_each:?}");
}

fn get(method: &str, target: &str) -> Vec<u8> {
    format!("{method} {target} HTTP/1.1\r\nHost: h\r\n\r\n").into_bytes()
}

#[test]
fn what_is_not_chosen_is_left_out() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a.pcap");
    let (large, small) = (vec![b'x'; 500_000], b"small");
    let mut talks: Vec<Talk> =
        (0..10).map(|port| Talk::new(2000 + port).exchange(&get("GET", "/0"), &response("", &large)).close()).collect();
    talks.push(
        Talk::new(1000)
            .exchange(&get("GET", "/1"), &response("", &large))
            .exchange(&get("GET", "/2"), &response("", small))
            .exchange(&get("GET", "/3"), &response("", &large))
            .close(),
    );
    write(&file, &talks);
    let (chosen, again, frames) = save(&file, "http.response and message.number == 4", &[]);
    assert_eq!(chosen.len(), 1);
    assert!(again.contains(&chosen[0]));
    // What precedes it on its connection is saved, one of twelve long bodies; nothing that follows, and nothing else.
    let all = read(&file, &["-q", "-T", "json"]).records().last().unwrap()["totals"]["frames"].as_u64().unwrap();
    assert!(frames * 11 < all, "{frames} of {all}");
}

#[test]
fn messages_that_share_segments_are_saved_with_what_precedes_them() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a.pcap");
    let requests: Vec<u8> =
        (0..40).flat_map(|i| get(if i % 3 == 0 { "HEAD" } else { "GET" }, &format!("/{i}"))).collect();
    let answer = |i: usize| match i % 3 {
        0 => b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n".to_vec(),
        _ => response("", format!("the body of {i}").repeat(9).as_bytes()),
    };
    let responses: Vec<u8> = (0..40).flat_map(answer).collect();
    write(&file, &[Talk::new(1).exchange(&requests, &responses).close()]);
    for number in 1..=80 {
        let (chosen, again, _) = save(&file, &format!("message.number == {number}"), &[]);
        assert_eq!(chosen.len(), 1);
        assert!(again.contains(&chosen[0]), "{number}: {}\n{again:?}", chosen[0]);
    }
}

#[test]
fn with_frames_these_alone_are_saved() {
    let file = path("fixtures/reordered-response.pcap");
    for more in [&["-P"][..], &["-P", "-q"]] {
        let (_, _, frames) = save(&file, "tcp.analysis.out_of_order", more);
        assert_eq!(frames, 1);
        let (_, _, frames) = save(&file, "tcp.flags.syn == 1", more);
        assert_eq!(frames, 2);
    }
}

#[test]
fn a_bpf_filter_and_a_count_come_first() {
    let file = path("fixtures/keep-alive.pcap");
    let all = save(&file, "http", &[]);
    let few = save(&file, "http", &["-c", "6"]);
    assert!(!few.0.is_empty() && few.0.len() < all.0.len() && few.2 <= 6, "{few:?}");
    if cfg!(feature = "live") {
        assert_eq!(save(&file, "http", &["udp"]).2, 0);
        assert_eq!(save(&file, "http", &["tcp"]), all);
    }
}

#[test]
fn what_is_read_once_cannot_be_chosen_from() {
    let directory = tempfile::tempdir().unwrap();
    let (file, saved) = (path("fixtures/keep-alive.pcap"), directory.path().join("saved.pcap"));
    let saved = saved.to_str().unwrap();
    for arguments in [&["-r", "-", "-Y", "http", "-w", saved][..], &["-i", "lo", "-Y", "http", "-w", saved]] {
        let told = run(dissect().args(arguments));
        assert_eq!((told.code, told.stdout.len()), (Some(2), 0), "{}", told.stderr);
        assert!(told.stderr.contains("-w with -Y") && told.stderr.lines().count() == 1, "{}", told.stderr);
    }
    let command =
        format!("cat {} | {} -r - -Y 'tcp.len > 0' -P -w {saved}", file.display(), env!("CARGO_BIN_EXE_dissect"));
    let told = run(std::process::Command::new("sh").args(["-c", &command]));
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    assert_eq!(messages(&read(Path::new(saved), &["-T", "json"])).len(), 6);
    let same = read(&file, &["-Y", "http", "-w", file.to_str().unwrap()]);
    assert_eq!(same.code, Some(2), "{}", same.stderr);
}
