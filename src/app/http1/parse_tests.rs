use std::borrow::Cow;
use std::time::Instant;

use proptest::prelude::*;

use super::super::head::{list_elements, looks_like_cut_start, looks_like_start, plausible_resync};
use super::*;

fn issues(text: &str) -> Vec<&'static str> {
    parse(text.as_bytes()).issues.iter().map(Issue::name).collect()
}

/// A request with `line` for its first field line.
fn with_field(line: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: h\r\n{line}\r\n\r\n")
}

#[test]
fn a_request_is_parsed() {
    let bytes = b"GET /a?b HTTP/1.1\r\nHost: example.com\r\nX-Empty:\r\naccept: \t a, b \t\r\n\r\nbody";
    let head = parse(bytes);
    let view = head.of(bytes);
    assert!(head.complete && head.issues.is_empty() && view.is_request());
    assert_eq!(head.len as usize, bytes.len() - 4);
    assert_eq!((view.method(), view.target()), (Some(&b"GET"[..]), Some(&b"/a?b"[..])));
    assert_eq!((view.version(), head.version), (Some(&b"HTTP/1.1"[..]), Some(Version::HTTP_11)));
    assert_eq!(view.get("HOST").as_deref(), Some(&b"example.com"[..]));
    assert_eq!(view.get("x-empty").as_deref(), Some(&b""[..]));
    assert_eq!(view.get("Accept").as_deref(), Some(&b"a, b"[..]));
    assert_eq!(view.get("none"), None);
}

#[test]
fn a_response_is_parsed() {
    let bytes = b"HTTP/1.0 404 Not  Found \r\nServer: x\r\n\r\n";
    let head = parse(bytes);
    assert!(head.complete && head.issues.is_empty());
    assert_eq!((head.code, head.version), (404, Some(Version { major: 1, minor: 0 })));
    assert_eq!(head.of(bytes).phrase(), Some(&b"Not  Found "[..]));
    assert_eq!(head.of(bytes).method(), None);
}

#[test]
fn start_lines_are_judged() {
    let host = "\r\nHost: h\r\n\r\n";
    for (line, want) in [
        ("GET / HTTP/1.1", &[][..]),
        ("GET / HTTP/1.2", &[]),
        ("get / HTTP/1.1", &["lowercase_method"]),
        ("GET  / HTTP/1.1", &["extra_whitespace"]),
        ("GET /  HTTP/1.1", &["extra_whitespace"]),
        ("GET\t/ HTTP/1.1", &["extra_whitespace"]),
        (" GET / HTTP/1.1", &["extra_whitespace"]),
        ("GET / HTTP/1.1 ", &["extra_whitespace"]),
        ("GET /", &["missing_version"]),
        ("GET", &["missing_version", "bad_request_target"]),
        ("GET HTTP/1.1", &["bad_request_target"]),
        ("GET / http/1.1", &["bad_version"]),
        ("GET / HTTP/11", &["bad_version"]),
        ("GET / HTTP1.1", &["bad_version"]),
        ("GET / HTPP/1.1", &["bad_version"]),
        ("GET / HTTP/2.0", &["bad_version"]),
        ("GET / HTTP/1.10", &["bad_version"]),
        ("GET x HTTP/1.1", &["bad_request_target"]),
        ("GET * HTTP/1.1", &["bad_request_target"]),
        ("GET /a b HTTP/1.1", &["bad_request_target"]),
        ("GET h:80 HTTP/1.1", &["bad_request_target"]),
        ("CONNECT / HTTP/1.1", &["bad_request_target"]),
        ("G(T / HTTP/1.1", &["bad_start_line"]),
        ("GET /\u{e9} HTTP/1.1", &["bad_request_target", "invalid_byte"]),
        ("GET /\0 HTTP/1.1", &["bad_request_target", "invalid_byte"]),
        ("GET / HTTP/1.1\r", &["bare_cr", "bad_version"]),
    ] {
        assert_eq!(issues(&format!("{line}{host}")), want, "{line:?}");
    }
    for (line, want) in [
        ("HTTP/1.1 200 OK", &[][..]),
        ("HTTP/1.1 200 ", &[]),
        ("HTTP/1.1 200", &["missing_space"]),
        ("HTTP/1.1 599 x", &[]),
        ("HTTP/1.1  200 OK", &["extra_whitespace"]),
        ("HTTP/1.1 200\tOK", &["extra_whitespace"]),
        ("HTTP/1.1 600 x", &["bad_status_code"]),
        ("HTTP/1.1 099 x", &["bad_status_code"]),
        ("HTTP/1.1 20 x", &["bad_status_code"]),
        ("HTTP/1.1 2000 x", &["bad_status_code"]),
        ("HTTP/1.1 2x0 x", &["bad_status_code"]),
        ("HTTP/1.1 +20 x", &["bad_status_code"]),
        ("HTTP/1.1 200OK", &["missing_space"]),
        ("ICY 200 OK", &["bad_version"]),
        ("HTTP/1.1", &["missing_space", "bad_status_code"]),
        ("http/1.1 200 OK", &["bad_version"]),
        ("HTTP/2 200 OK", &["bad_version"]),
        ("HTTP/1.1 200 O\u{e9}", &["obs_text"]),
        ("HTTP/1.1 200 O\x07", &["invalid_byte"]),
    ] {
        assert_eq!(issues(&format!("{line}\r\n\r\n")), want, "{line:?}");
    }
}

#[test]
fn field_lines_are_judged() {
    for (line, want) in [
        ("A: b", &[][..]),
        ("A: b\u{e9}", &["obs_text"]),
        ("A: b\x01", &["invalid_byte"]),
        ("A: b\tc", &[]),
        ("A: b\rc", &["bare_cr"]),
        ("A: b\r", &["bare_cr"]),
        ("A: b\nC: d", &["bare_lf"]),
        ("A : b", &["extra_whitespace"]),
        ("A b: c", &["bad_header_name"]),
        (": c", &["bad_header_name"]),
        ("A\u{e9}: c", &["bad_header_name", "invalid_byte"]),
        ("A\0: c", &["bad_header_name", "invalid_byte"]),
        ("A b", &["missing_colon"]),
        ("Ab", &["missing_colon"]),
        ("A: b\r\n c", &["obs_fold"]),
        ("Host: x", &["multiple_hosts"]),
    ] {
        assert_eq!(issues(&with_field(line)), want, "{line:?}");
    }
    assert_eq!(issues("GET / HTTP/1.1\r\n\r\n"), ["missing_host"]);
    assert_eq!(issues("GET / HTTP/1.0\r\n\r\n"), [""; 0]);
    assert_eq!(issues("GET / HTTP/1.1\r\n"), [""; 0]);
    assert_eq!(issues("GET / HTTP/1.1\r\n X: y\r\nHost: h\r\n\r\n"), ["extra_whitespace"]);
    assert_eq!(issues("\r\n\r\nGET / HTTP/1.0\r\n\r\n"), ["leading_crlf"]);
    assert_eq!(issues("GET / HTTP/1.0\n\n"), ["bare_lf"]);
}

#[test]
fn no_line_is_lost() {
    let text = "GET / HTTP/1.1\r\nHost: h\r\nno colon here\r\nA : 1\r\n: 2\r\nB\r\n\r\n";
    let head = parse(text.as_bytes());
    let view = head.of(text.as_bytes());
    let fields: Vec<_> = head.fields.iter().map(|f| (view.name(f), f.value.of(view.bytes))).collect();
    let want: [(&[u8], &[u8]); 5] = [(b"Host", b"h"), (b"", b"no colon here"), (b"A", b"1"), (b"", b"2"), (b"", b"B")];
    assert_eq!(fields, want);
    assert_eq!(view.get("B"), None);
}

#[test]
fn folded_values_are_given_in_one_line() {
    let text = with_field("A: b \r\n\t c\n \r\n d\r\nB:\r\n e");
    let head = parse(text.as_bytes());
    let view = head.of(text.as_bytes());
    assert_eq!(view.get("a").as_deref(), Some(&b"b c d"[..]));
    assert_eq!(view.get("b").as_deref(), Some(&b"e"[..]));
    assert_eq!(head.fields[1].value.of(view.bytes), b"b \r\n\t c\n \r\n d");
    assert!(matches!(view.get("host"), Some(Cow::Borrowed(b"h"))));
}

#[test]
fn lists_go_over_lines_and_respect_quotes() {
    let text = with_field("A: b, \"c,\\\",d\" ,,\r\na: e\r\nA: f;x=\",");
    let head = parse(text.as_bytes());
    let list: Vec<_> = head.of(text.as_bytes()).list("A").collect();
    assert_eq!(list, [&b"b"[..], b"\"c,\\\",d\"", b"e", b"f;x=\","]);
    assert_eq!(head.of(text.as_bytes()).all("a").count(), 3);
}

#[test]
fn trailers_are_fields_without_a_start_line() {
    let mut head = Head::default();
    parse_fields_into(b"A: b\r\nC : d\r\n\r\n", &mut head);
    assert_eq!((head.fields.len(), head.complete, head.len), (2, true, 15));
    assert_eq!(head.issues.iter().collect::<Vec<_>>(), [Issue::ExtraWhitespace]);
    assert_eq!(head.start, StartLine::None);
}

const HEADS: &[&str] = &[
    "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n",
    "\r\n\nGET / HTTP/1.0\n\n",
    "HTTP/1.1 200 OK\r\nA: b\n\r\n",
    "HTTP/1.1 200 OK\nA: b\r\n\n",
    "x\r\r\n\r\n",
    "\r\r\n\r\n",
    "a\r\n \r\n\t\n\r\r\n\r\n",
];

#[test]
fn the_end_is_found_however_the_head_drips_in() {
    for head in HEADS {
        let bytes = head.as_bytes();
        assert_eq!(find_end(bytes, 0), Some(bytes.len()), "{head:?}");
        for cut in 0..bytes.len() {
            assert_eq!(find_end(&bytes[..cut], cut.saturating_sub(1)), None, "{head:?} {cut}");
            assert_eq!(find_end(bytes, cut), Some(bytes.len()), "{head:?} {cut}");
        }
    }
}

#[test]
fn every_prefix_parses_and_is_not_blamed_for_its_end() {
    let text = "GET /index.html HTTP/1.1\r\nHost: example.com\r\nAccept: */*\r\n\r\n";
    for cut in 0..text.len() {
        let head = parse(&text.as_bytes()[..cut]);
        assert!(!head.complete && head.issues.is_empty(), "{:?} {:?}", &text[..cut], head.issues);
        assert_eq!(head.len as usize, cut);
    }
    let head = parse(b"HTTP/1.1 20");
    assert_eq!((head.code, head.version), (0, Some(Version::HTTP_11)));
}

#[test]
fn hostile_heads_cost_linear_time() {
    let started = Instant::now();
    let mut many = b"GET / HTTP/1.1\r\nHost: h\r\n".to_vec();
    many.extend_from_slice(&b"A: b\r\n".repeat(100_000));
    many.extend_from_slice(b"\r\n");
    assert_eq!(parse(&many).fields.len(), 100_001);
    let folds = [b"GET / HTTP/1.1\r\nA: b\r\n".to_vec(), b" c\r\n".repeat(100_000), b"\r\n".to_vec()].concat();
    let head = parse(&folds);
    assert_eq!(head.of(&folds).get("a").map(|v| v.len()), Some(200_001));
    for filler in [b"a", b" ", b",", b":", b"\r", b"\xff"] {
        let line = [b"GET / HTTP/1.1\r\nA: ".as_slice(), &filler.repeat(16 << 20)].concat();
        assert!(!parse(&line).complete);
        assert_eq!(parse(&filler.repeat(16 << 20)).fields.len(), 0);
    }
    let blank = b"\r\n".repeat(1 << 20);
    assert_eq!(find_end(&blank, 0), None);
    let mut dripped = b"GET / HTTP/1.1\r\n".to_vec();
    for _ in 0..200_000 {
        let from = dripped.len();
        dripped.push(b'\r');
        assert_eq!(find_end(&dripped, from), None);
    }
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}

#[test]
fn storage_is_used_again() {
    let mut head = Head::default();
    parse_into(HEADS[0].as_bytes(), &mut head);
    let (storage, capacity) = (head.fields.as_ptr(), head.fields.capacity());
    parse_into(HEADS[2].as_bytes(), &mut head);
    assert_eq!((head.fields.as_ptr(), head.fields.capacity(), head.fields.len()), (storage, capacity, 1));
    assert_eq!(head, parse(HEADS[2].as_bytes()));
}

/// Pieces that make heads which are often valid and often nearly so.
fn head_text() -> impl Strategy<Value = Vec<u8>> {
    let start = prop::sample::select(vec![
        "GET / HTTP/1.1",
        "post /a?b=c HTTP/1.0",
        "HTTP/1.1 200 OK",
        "HTTP/1.0 404",
        "HTTP/1.1 301  x ",
        "GET  / HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "GET http://h/ HTTP/1.1",
    ]);
    let piece = prop::sample::select(vec![
        "\r\n",
        "\r\n",
        "\r\n",
        "\n",
        "\r",
        " ",
        "\t",
        ":",
        "a",
        "Host: x",
        "B: c",
        "Content-Length: 5",
        ",",
        "\"",
        "\0",
        "\u{e9}",
        "A :b",
        "z:",
        "\r\nContent-Type: text/html; a=\"b\"\r\n",
        "\r\nHOST:  a b \r\n",
        "\x7f",
    ]);
    let leading = prop::sample::select(vec!["", "", "\r\n", "\n"]);
    (leading, start, prop::sample::select(vec!["\r\n", "\n", ""]), prop::collection::vec(piece, 0..16)).prop_map(
        |(leading, start, end, pieces)| format!("{leading}{start}{end}{}\r\n\r\n", pieces.concat()).into_bytes(),
    )
}

proptest! {
    #[test]
    fn what_httparse_accepts_is_read_alike(bytes in head_text()) {
        let head = parse(&bytes);
        let view = head.of(&bytes);
        let mut storage = [httparse::EMPTY_HEADER; 64];
        let fields = |len: usize, storage: &[httparse::Header<'_>]| {
            assert_eq!(len, head.len as usize);
            let theirs: Vec<_> = storage.iter().map(|h| (h.name.as_bytes(), h.value)).collect();
            let ours: Vec<_> = head.fields.iter().map(|f| (view.name(f), f.value.of(&bytes))).collect();
            assert_eq!(ours, theirs);
        };
        if !view.is_request() {
            let mut response = httparse::Response::new(&mut storage);
            if let Ok(httparse::Status::Complete(len)) = response.parse(&bytes) {
                prop_assert_eq!(Some(head.code), response.code);
                prop_assert_eq!(head.version.map(|v| v.minor), response.version);
                // It gives an empty phrase for one with obs-text, which RFC 9112 4 allows.
                let phrase = view.phrase().map(|p| if p.is_ascii() { p } else { &[] });
                prop_assert_eq!(phrase, response.reason.map(str::as_bytes));
                fields(len, response.headers);
            }
        } else {
            let mut request = httparse::Request::new(&mut storage);
            if let Ok(httparse::Status::Complete(len)) = request.parse(&bytes) {
                prop_assert_eq!(view.method(), request.method.map(str::as_bytes));
                prop_assert_eq!(view.target(), request.path.map(str::as_bytes));
                prop_assert_eq!(head.version.map(|v| v.minor), request.version);
                fields(len, request.headers);
            }
        }
    }

    #[test]
    fn the_end_is_where_the_parser_ends(bytes in prop_oneof![head_text(), any::<Vec<u8>>()], from in 0usize..64) {
        let head = parse(&bytes);
        let end = find_end(&bytes, 0);
        prop_assert_eq!(head.complete.then_some(head.len as usize), end);
        if end.is_none_or(|end| end > from) {
            prop_assert_eq!(find_end(&bytes, from.min(bytes.len())), end);
        }
    }

    #[test]
    fn plain_lines_are_read_as_all_are(bytes in head_text()) {
        let mut head = Head::default();
        let mut parser = Parser::new(&bytes, &mut head);
        if parser.any_start_line() {
            while !parser.head.complete && parser.any_field_line() {}
        }
        parser.judge();
        prop_assert_eq!(parse(&bytes), head);
    }

    #[test]
    fn any_bytes_are_read(bytes: Vec<u8>) {
        let head = parse(&bytes);
        let view = head.of(&bytes);
        for field in &head.fields {
            let _ = (view.name(field), view.value(field), list_elements(field.value.of(&bytes)).count());
        }
        let lengths: usize = head.fields.iter().map(|f| f.name.of(&bytes).len() + f.value.of(&bytes).len()).sum();
        prop_assert!(lengths <= bytes.len());
        let _ = (looks_like_start(&bytes), looks_like_cut_start(&bytes), plausible_resync(&bytes));
    }
}
