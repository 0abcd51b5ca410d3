//! `--redact`: secrets of every sort in one capture, and no command or format that shows any of them.

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::capture::{Talk, response, write};
use common::wire::MS;
use common::{REPORTS, dissect, run};

/// How many secrets there are.
const SECRETS: usize = 34;

/// A secret by its number, of which no four characters are in any other.
fn secret(number: usize) -> String {
    assert!(number < SECRETS);
    format!("Zq{number:02}Wx{number:02}")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Bytes of a side in segments of this length.
fn in_pieces(mut talk: Talk, from: usize, bytes: &[u8], len: usize) -> Talk {
    for piece in bytes.chunks(len) {
        talk = talk.send(from, piece);
    }
    talk
}

fn h2_frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    [&[0, 0, payload.len() as u8, kind, flags, 0, 0, 0, stream], payload].concat()
}

/// A field block of literals without names from a table (RFC 7541 6.2.2).
fn h2_fields(fields: &[(&str, &str)]) -> Vec<u8> {
    let literal = |text: &str| [&[text.len() as u8], text.as_bytes()].concat();
    fields.iter().flat_map(|(name, value)| [vec![0], literal(name), literal(value)].concat()).collect()
}

fn web_socket_text(text: &str, masked: bool) -> Vec<u8> {
    let key = [7, 77, 177, 211];
    let mask = if masked { &key[..] } else { &[] };
    let bytes = text.bytes().enumerate().map(|(at, byte)| if masked { byte ^ key[at % 4] } else { byte });
    [&[0x81, text.len() as u8 | u8::from(masked) << 7], mask, &bytes.collect::<Vec<u8>>()].concat()
}

/// A capture with all secrets.
fn plant(path: &Path) {
    let s = secret;
    let mut talks = Vec::new();
    // Heads in small segments.
    let request = format!(
        "GET http://me:{}@h.test/a?x=1&token={}&y=2 HTTP/1.1\r\nHost: h.test\r\nAuthorization: Bearer {}\r\n\
         Proxy-Authorization: Basic {}\r\nCookie: a={}; b=\"{}\"\r\nX-Api-Key : {}\r\n\
         Referer: http://h.test/?code={}#access_token={}\r\nX-Folded-Secret: a\r\n {}\r\n\r\n",
        s(0),
        s(1),
        s(2),
        STANDARD.encode(s(3)),
        s(4),
        s(5),
        s(6),
        s(7),
        s(8),
        s(9),
    );
    let fields = format!(
        "Location: /next?session={}\r\nSet-Cookie: id={}; Path=/\r\nContent-Type: application/json\r\n",
        s(10),
        s(11)
    );
    let body =
        format!("{{\"user\": \"me\", \"access_token\": \"{}\", \"list\": {{\"password\": [\"{}\"]}}}}", s(12), s(13));
    let talk = in_pieces(Talk::new(40_001), 0, request.as_bytes(), 7);
    talks.push(in_pieces(talk, 1, &response(&fields, body.as_bytes()), 5).close());
    // A form in chunks, and a trailer section; a segment comes twice, two come in the other order.
    let form = format!(
        "POST /login HTTP/1.1\r\nHost: h.test\r\nContent-Type: application/x-www-form-urlencoded\r\n\
        Transfer-Encoding: chunked\r\n\r\n10\r\nuser=me&password\r\n6\r\n={}\r\n3\r\n{}\r\n6\r\n&note=\r\n8\r\n{}\r\n0\r\n\
        X-Auth-Token: {}\r\n\r\n",
        &s(14)[..5],
        &s(14)[5..],
        s(15),
        s(16)
    );
    let mut talk = in_pieces(Talk::new(40_002), 0, form.as_bytes(), 11);
    let mut again = talk.packets[9].clone();
    again.time = talk.time + MS / 2;
    talk.packets.push(again);
    let (left, right) = (talk.packets[13].time, talk.packets[15].time);
    (talk.packets[13].time, talk.packets[15].time) = (right, left);
    talks.push(talk.send(1, &response("", b"ok")).close());
    let multipart = format!(
        "--b\r\nContent-Disposition: form-data; name=\"pin\"\r\n\r\n{}\r\n--b\r\n\
        Content-Disposition: form-data; name=\"x\"\r\n\r\n{}\r\n--b--\r\n",
        s(17),
        s(18)
    );
    let request = format!(
        "POST /up HTTP/1.1\r\nHost: h.test\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: {}\r\n\r\n{multipart}",
        multipart.len()
    );
    let coded = gzip(format!("{{\"refresh_token\":\"{}\"}}", s(19)).as_bytes());
    let talk = in_pieces(Talk::new(40_003), 0, request.as_bytes(), 13);
    talks.push(talk.send(1, &response("Content-Encoding: gzip\r\nContent-Type: application/json\r\n", &coded)).close());
    // HTTP/2.
    let fields = h2_fields(&[
        (":method", "POST"),
        (":scheme", "http"),
        (":authority", &format!("me:{}@h.test", s(20))),
        (":path", &format!("/p?api_key={}", s(21))),
        ("authorization", &format!("Basic {}", s(22))),
        ("cookie", &format!("c={}", s(23))),
        ("content-type", "application/x-www-form-urlencoded"),
    ]);
    let client = [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        h2_frame(4, 0, 0, &[]),
        h2_frame(1, 4, 1, &fields),
        h2_frame(0, 0, 1, b"pass"),
        h2_frame(0, 1, 1, format!("word={}", s(24)).as_bytes()),
    ]
    .concat();
    let server = [
        h2_frame(4, 0, 0, &[]),
        h2_frame(1, 4, 1, &h2_fields(&[(":status", "200"), ("set-cookie", &format!("d={}", s(25)))])),
        h2_frame(0, 1, 1, format!("{{\"secret\":\"{}\"}}", s(26)).as_bytes()),
    ]
    .concat();
    talks.push(in_pieces(Talk::new(40_004).send(0, &client), 1, &server, 9).close());
    // WebSocket.
    let request = "GET /chat HTTP/1.1\r\nHost: h.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let switch = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    let talk = Talk::new(40_005).exchange(request.as_bytes(), switch.as_bytes());
    let talk = talk.send(0, &web_socket_text(&format!("{{\"token\":\"{}\"}}", s(27)), true));
    talks.push(talk.send(1, &web_socket_text(&format!("{{\"session\":\"{}\"}}", s(28)), false)).close());
    // A head that ends early, one with a hole, another protocol, and what comes before the first message.
    talks.push(in_pieces(
        Talk::new(40_006),
        0,
        format!("GET /?key={} HTTP/1.1\r\nCookie: e={}", s(29), s(30)).as_bytes(),
        17,
    ));
    let holed = format!("GET / HTTP/1.1\r\nAuthorization: Basic {}{}\r\n\r\n", "A".repeat(2000), s(31));
    talks.push(Talk::new(40_007).send(0, holed.as_bytes()).without(4).send(1, &response("", b"ok")).close());
    talks.push(
        Talk::new(40_008).send(1, b"220 mail\r\n").send(0, format!("AUTH PLAIN {}\r\n", s(32)).as_bytes()).close(),
    );
    let mut talk = Talk::new(40_009).send(0, format!("{}\r\n\r\n", s(33)).as_bytes());
    talk = talk.exchange(b"GET /late HTTP/1.1\r\nHost: h.test\r\n\r\n", &response("", b"ok"));
    talk.packets.drain(..3);
    talks.push(talk.close());
    for (at, talk) in talks.iter_mut().enumerate() {
        talk.packets.iter_mut().for_each(|packet| packet.time += at as i64 * 1_000 * MS);
    }
    write(path, &talks);
}

/// The secrets of which four characters or more can be read in an output.
fn told(output: &[u8]) -> BTreeSet<usize> {
    let text = String::from_utf8_lossy(output);
    let lines: String = text.lines().map(|line| line.split(' ').collect::<String>() + "\n").collect();
    let (text, lower) = (format!("{}\n{text}", text.replace("%5A", "Z")), lines.to_lowercase());
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let is_told = |number: &usize| {
        let secret = secret(*number);
        let windows = || secret.as_bytes().windows(4);
        let coded = (0..3).any(|shift| {
            let coded = STANDARD.encode([&b"   "[..shift], secret.as_bytes()].concat());
            text.contains(&coded[4 * usize::from(shift > 0)..coded.len() - 4])
        });
        coded
            || windows().any(|window| text.contains(str::from_utf8(window).unwrap()))
            || windows().any(|window| lower.contains(&hex(window)))
    };
    (0..SECRETS).filter(is_told).collect()
}

/// Everything that a command writes, in files too.
fn output(words: &str, capture: &Path, redact: bool) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules.toml");
    fs::write(&rules, RULES).unwrap();
    let out = folder.path().join("out");
    let place = |word: &str| match word {
        "CAPTURE" => capture.to_str().unwrap().to_owned(),
        "RULES" => rules.to_str().unwrap().to_owned(),
        "OUT" => out.to_str().unwrap().to_owned(),
        word => word.to_owned(),
    };
    let mut command = dissect();
    command.args(words.split_whitespace().map(place));
    if redact {
        command.arg("--redact");
    }
    let told = run(&mut command);
    assert!(matches!(told.code, Some(0 | 1 | 4)), "{words}: {}", told.stderr);
    let mut all = [told.stdout, told.stderr.into_bytes()].concat();
    let mut paths = vec![out];
    while let Some(path) = paths.pop() {
        all.extend(path.file_name().unwrap().as_encoded_bytes());
        match fs::read_dir(&path) {
            Ok(entries) => paths.extend(entries.map(|entry| entry.unwrap().path())),
            Err(_) => all.extend(fs::read(&path).unwrap_or_default()),
        }
    }
    all
}

const RULES: &str = r#"
[[rule]]
name = "basic"
title = "Credentials are right"
of = "requests"
expect = 'http.authorization == "Basic none" && http.request.uri == "/none" && http.cookie == "none"'

[[rule]]
name = "bearer"
title = "There is a token"
of = "requests"
where = 'http.host == "h.test" && http.request.uri contains "/a"'
expect = 'http.authorization matches "^Bearer Zq02Wx02$"'

[[rule]]
name = "body"
title = "The form is right"
of = "requests"
expect = 'http.file_data contains "none" && http.request.full_uri == "none"'
"#;

const COMMANDS: &[&str] = &[
    "-r CAPTURE",
    "-r CAPTURE -v",
    "-r CAPTURE -vv",
    "-r CAPTURE -x",
    "-r CAPTURE -X -P",
    "-r CAPTURE -vv -X -P",
    "-r CAPTURE -T table",
    "-r CAPTURE -T json",
    "-r CAPTURE -T json -P -vv",
    "-r CAPTURE -T json --hash",
    "-r CAPTURE -T json -Y http.authorization",
    "-r CAPTURE -q",
    "-r CAPTURE -T table -P",
    "connections -r CAPTURE",
    "connections -r CAPTURE -T json",
    "connections -r CAPTURE -T csv",
    "stats -r CAPTURE --by http.request.uri --by http.cookie --by http.authorization --by http.file_data",
    "stats -r CAPTURE -T json --by http.location",
    "stats -r CAPTURE -T csv --by http.referer",
    "page -r CAPTURE",
    "page -r CAPTURE -T json",
    "check -r CAPTURE",
    "check -r CAPTURE -T json",
    "check --learn CAPTURE",
    "export -r CAPTURE -d OUT",
    "export -r CAPTURE -d OUT --raw",
    "export -r CAPTURE --har OUT",
    "diff CAPTURE fixtures/page-lossy.pcap",
    "diff fixtures/page-lossy.pcap CAPTURE -T json",
];

#[test]
fn no_secret_is_shown_in_any_way() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("secrets.pcap");
    plant(&capture);
    let records = run(dissect().args(["-T", "json", "-P", "-r"]).arg(&capture)).records();
    let mut commands: Vec<String> = COMMANDS.iter().chain(&REPORTS).map(|words| words.to_string()).collect();
    for stream in 0..9 {
        for form in ["", "-v", "-vvv", "--hex", "--raw", "-T json", "--raw --from client"] {
            commands.push(format!("follow {stream} -r CAPTURE {form}"));
        }
    }
    for record in &records {
        if let (Some(stream), Some(number)) = (record["tcp"]["stream"].as_u64(), record["message"]["number"].as_u64())
            && record["type"] != "packet"
        {
            commands.push(format!("-r CAPTURE --body {stream}.{number}"));
        }
    }
    let with_payload = records.iter().filter(|record| record["tcp"]["len"].as_u64().is_some_and(|len| len > 0));
    let with_payload = with_payload.filter(|record| record["type"] == "packet").step_by(7);
    commands.extend(with_payload.map(|record| format!("explain {} -r CAPTURE", record["frame"]["number"])));
    let mut plain = BTreeSet::new();
    for words in &commands {
        let shown = output(words, &capture, true);
        let leaks: Vec<String> = told(&shown).into_iter().map(secret).collect();
        assert!(leaks.is_empty(), "{words}: {leaks:?}\n{}", String::from_utf8_lossy(&shown));
        if plain.len() < SECRETS {
            plain.extend(told(&output(words, &capture, false)));
        }
    }
    // What could not be shown anyway would prove nothing.
    let hidden: Vec<usize> = (0..SECRETS).filter(|number| !plain.contains(number)).collect();
    assert!(hidden.is_empty(), "{hidden:?}");
}

#[test]
fn what_is_no_secret_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("secrets.pcap");
    plant(&capture);
    let text = |words: &str| String::from_utf8(output(words, &capture, true)).unwrap();
    let shown = text("-r CAPTURE -v");
    for part in [
        "GET http://***********@h.test/a?x=1&token=********&y=2 HTTP/1.1",
        "Authorization: Bearer ********",
        "Set-Cookie: id=********; Path=/",
        "\"user\": \"me\", \"access_token\": \"********\"",
        "user=**&password=********",
        ":authority: ***********@h.test",
        "{\"token\":\"********\"}",
    ] {
        assert!(shown.contains(part), "{part}\n{shown}");
    }
    let followed = text("follow 0 -r CAPTURE --raw");
    assert!(
        followed.contains("Host: h.test\r\n") && followed.contains("X-Api-Key : ********\r\nReferer: http://"),
        "{followed}"
    );
    let body = text("-r CAPTURE --body 0.2");
    assert!(body.contains("{\"user\": \"me\", \"access_token\": \"********\""), "{body}");
    // Verdicts are those of what was captured.
    let verdicts = |redact| {
        let report = String::from_utf8(output("check RULES -r CAPTURE -T tap", &capture, redact)).unwrap();
        report.lines().filter(|line| line.contains("ok ")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(verdicts(true), verdicts(false));
    assert!(verdicts(true).iter().any(|line| line.starts_with("ok ")), "{:?}", verdicts(true));
    let refused = run(dissect().args(["-r", capture.to_str().unwrap(), "-w", "-", "--redact"]));
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
}
