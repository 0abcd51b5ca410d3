//! Names that a capture or a user brings, and what they must not do to a terminal, a report or a spreadsheet.

mod common;

use std::fs;
use std::path::Path;

use common::capture::{Talk, response, write};
use common::{REPORTS, dissect, run};

/// Characters that move the cursor, turn the line around, or cannot be seen.
const HOSTILE: &str =
    "a\u{1b}[2J\u{1b}]0;x\u{7}\u{7f}\u{9b}31m\u{202e}\u{2066}\u{200b}\u{200f}\u{feff}\u{2028}\u{ad}\u{85}b";

fn is_hostile(char: char) -> bool {
    char.is_control() && !"\n\r".contains(char)
        || matches!(char, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A capture whose every word is hostile: target, fields, body, a name asked of DNS.
fn hostile_capture(path: &Path) {
    let request = format!(
        "GET /{HOSTILE}?q=<script>|**&x=%1b HTTP/1.1\r\nHost: h{HOSTILE}.test\r\nUser-Agent: {HOSTILE}\r\n\
         X-{HOSTILE}: {HOSTILE}\r\nReferer: http://{HOSTILE}/\r\nCookie: {HOSTILE}={HOSTILE}\r\n\r\n"
    );
    let fields = format!(
        "Server: =cmd|' /C calc'!A0{HOSTILE}\r\nContent-Type: text/{HOSTILE}\r\nLocation: {HOSTILE}\r\nX: {HOSTILE}\r\n"
    );
    let talk = Talk::new(40_001).exchange(request.as_bytes(), &response(&fields, HOSTILE.as_bytes()));
    write(path, &[talk.close()]);
}

const RULES: &str = r#"
[[rule]]
name = "target"
title = "The target is right"
of = "requests"
expect = 'http.request.uri == "/none" && http.host == "none" && http.user_agent == "none"'
"#;

#[test]
fn nothing_that_a_capture_says_steers_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    // The capture's own name is as bad.
    let capture = folder.path().join(format!("=cmd{HOSTILE}<b>|`#.pcap"));
    let rules = folder.path().join("rules.toml");
    hostile_capture(&capture);
    fs::write(&rules, RULES).unwrap();
    let commands = [
        "-r CAPTURE",
        "-r CAPTURE -vv -X -P",
        "-r CAPTURE -T table",
        "-r CAPTURE -T json -P -vv",
        "-r CAPTURE -q",
        "connections -r CAPTURE",
        "connections -r CAPTURE -T json",
        "connections -r CAPTURE -T csv",
        "stats -r CAPTURE --by http.request.uri --by http.host",
        "stats -r CAPTURE -T json --by http.host",
        "stats -r CAPTURE -T csv --by http.user_agent",
        "page -r CAPTURE",
        "page -r CAPTURE -T json",
        "follow 0 -r CAPTURE",
        "follow 0 -r CAPTURE -X",
        "follow 0 -r CAPTURE -T json",
        "explain 4 -r CAPTURE",
        "check -r CAPTURE",
        "check -r CAPTURE -T json",
        "check --learn CAPTURE",
        "export -r CAPTURE --har -",
        "diff CAPTURE fixtures/page-lossy.pcap",
        "diff CAPTURE fixtures/page-lossy.pcap -T json",
        "-r CAPTURE/none",
        "-r CAPTURE.none",
        "check -r CAPTURE.none",
        "-r CAPTURE -Y HOSTILE",
        "check HOSTILE -r CAPTURE",
        "follow HOSTILE -r CAPTURE",
        "stats -r CAPTURE --by HOSTILE",
        "export -r CAPTURE -d CAPTURE",
        "lints HOSTILE",
    ];
    for words in commands.iter().chain(&REPORTS) {
        let place = |word: &str| {
            let word = word.replace("CAPTURE", capture.to_str().unwrap()).replace("RULES", rules.to_str().unwrap());
            word.replace("HOSTILE", HOSTILE)
        };
        let told = run(dissect().args(words.split(' ').map(place)));
        for (name, output) in [("stdout", String::from_utf8(told.stdout).unwrap()), ("stderr", told.stderr)] {
            let found = output.lines().find(|line| line.contains(is_hostile));
            assert!(found.is_none(), "{words}: {name}: {:?}", found.unwrap());
        }
    }
}

#[test]
fn a_host_that_passes_for_another_is_told_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("a.pcap");
    let request = "GET http://p\u{430}ypal.com/ HTTP/1.1\r\nHost: p\u{430}ypal.com\r\n\r\n";
    let talk = Talk::new(40_001).exchange(request.as_bytes(), &response("", b"ok"));
    write(&capture, &[talk.close()]);
    for words in ["-r", "-vv -r", "-T table -r", "follow 0 -r", "stats --by http.host -r", "page -r"] {
        let told = run(dissect().args(words.split(' ')).arg(&capture));
        let output = String::from_utf8(told.stdout).unwrap();
        assert!(!output.contains('\u{430}'), "{words}: {output}");
        // Columns may cut the rest.
        assert!(output.contains(r"p\u{430}ypal."), "{words}: {output}");
    }
}

#[test]
fn records_say_what_was_there_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("a.pcap");
    hostile_capture(&capture);
    let records = run(dissect().args(["-T", "json", "-r"]).arg(&capture)).records();
    let agent = records.iter().find_map(|record| record["http"]["user_agent"].as_str());
    assert_eq!(agent, Some(HOSTILE));
}

#[test]
fn cells_are_no_formulas_and_words_no_markup() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("=1+1,|<b>`a`.pcap");
    let rules = folder.path().join("rules.toml");
    hostile_capture(&capture);
    fs::write(&rules, RULES).unwrap();
    let report = |format: &str| {
        let mut command = dissect();
        command.current_dir(folder.path()).args(["check", "rules.toml", "-r", "=1+1,|<b>`a`.pcap", "-T", format]);
        String::from_utf8(run(&mut command).stdout).unwrap()
    };
    assert!(report("csv").contains("\r\n\"'=1+1,"), "{}", report("csv"));
    assert!(report("markdown").contains(r"=1\+1,\|\<b\>\`a\`.pcap"), "{}", report("markdown"));
    assert!(!report("junit").contains("<b>"), "{}", report("junit"));
    let by = run(dissect().args(["stats", "-T", "csv", "--by", "http.server", "-r"]).arg(&capture));
    let by = String::from_utf8(by.stdout).unwrap();
    assert!(by.contains("'=cmd") && !by.contains(",=cmd"), "{by}");
}
