//! Whether bytes are how an HTTP/1.x message begins: for a direction's first bytes, and after a gap.

use super::plain;
use super::syntax::{begins_method, is_control, is_known_method, is_method, is_ows, is_request_target, is_tchar};
use super::syntax::{starts_with_ignore_case, trim};

/// What bytes are the beginning of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Start {
    /// No message.
    No,
    /// More bytes are needed to tell.
    Maybe,
    /// A request.
    Request,
    /// A response.
    Response,
}

/// Longest start line that is waited for, in bytes. Servers allow 4 to 16 KiB.
pub const MAX_START_LINE: usize = 16 * 1024;

/// Longest method that is believed, in characters; the longest registered one has 17.
pub(super) const MAX_METHOD: usize = 24;

/// Longest version that is believed where it is none, in characters.
const MAX_VERSION: usize = 8;

/// Most bytes of blank lines, and of white space, that may precede a start line.
const MAX_LEADING: usize = 64;

/// Whether a message begins here, blank lines before it left out (RFC 9112 2.2).
///
/// A request has a method of 1 to 24 token characters, a target, and a version at the end of its line; with a known
/// method (letters of any case) the version may be missing where the target begins with `/`, `*` or `http://`, and a
/// line that goes on past [`MAX_START_LINE`] is judged by what is there. A response begins `HTTP/` digit `.` digit
/// and white space; or with another version, or `ICY`, as SHOUTcast servers have it, where three digits follow.
pub fn looks_like_start(bytes: &[u8]) -> Start {
    if let Some(plain) = plain::start_line(bytes) {
        return plain.start();
    }
    match skip_blank_lines(bytes) {
        Some(bytes) => response(bytes).unwrap_or_else(|| request(bytes)),
        None => Start::No,
    }
}

/// The same for the first captured bytes of a stream whose beginning was not captured: a request has a known method, in
/// capitals.
pub fn looks_like_joined_start(bytes: &[u8]) -> Start {
    let start = looks_like_start(bytes);
    let line = skip_blank_lines(bytes).unwrap_or_default();
    let known = match method_and_rest(line) {
        Some((method, _)) => is_method(method),
        None => begins_method(line),
    };
    let status = line.get(..5).is_some_and(|name| name.eq_ignore_ascii_case(b"HTTP/")) || b"HTTP/".starts_with(line);
    if start == Start::Response || known || status { start } else { Start::No }
}

/// The same of a start line that is cut short, by a gap or the end of the stream: as much as makes a message exist is
/// a known method, a space and a byte of a target, or `HTTP/`. Never [`Start::Maybe`].
pub fn looks_like_cut_start(bytes: &[u8]) -> Start {
    match looks_like_start(bytes) {
        Start::Maybe => {}
        known => return known,
    }
    let bytes = skip_blank_lines(bytes).unwrap_or_default();
    if starts_with_ignore_case(bytes, b"HTTP/") {
        return Start::Response;
    }
    let Some((method, rest)) = method_and_rest(trim_start(bytes)) else { return Start::No };
    let fits = match rest.first() {
        Some(b'/' | b'*' | b'h' | b'H') => is_known_method(method),
        Some(b) => method == b"CONNECT" && (b.is_ascii_alphanumeric() || *b == b'['),
        None => false,
    };
    if fits { Start::Request } else { Start::No }
}

/// The stricter form, for bytes that may as well be the inside of a body: a whole and valid start line, with a
/// registered method in capitals (the rest of one is none), a target in a form that the method allows, a version 1.x, a
/// status code of three digits.
pub fn plausible_resync(bytes: &[u8]) -> Start {
    let line_end = memchr::memchr(b'\n', &bytes[..bytes.len().min(MAX_START_LINE)]);
    let Some(end) = line_end else {
        return if bytes.len() < MAX_START_LINE && may_become_valid(bytes) { Start::Maybe } else { Start::No };
    };
    let line = bytes[..end].strip_suffix(b"\r").unwrap_or(&bytes[..end]);
    if is_valid_status_line(line) {
        Start::Response
    } else if is_valid_request_line(line) {
        Start::Request
    } else {
        Start::No
    }
}

/// Whether a line, without its end, is to be read as a status line.
pub(super) fn is_status_line(line: &[u8]) -> bool {
    starts_with_ignore_case(line, b"HTTP/") || response(line) == Some(Start::Response)
}

fn response(bytes: &[u8]) -> Option<Start> {
    let alike = |name: &[u8]| bytes.iter().zip(name).all(|(a, b)| a.eq_ignore_ascii_case(b));
    let (name, longest) =
        [(b"HTTP/".as_slice(), MAX_VERSION), (b"ICY", 0)].into_iter().find(|(name, _)| alike(name))?;
    let rest = bytes.get(name.len()..).unwrap_or_default();
    let version_len = rest.iter().take(longest + 1).take_while(|b| b.is_ascii_graphic()).count();
    let (version, rest) = rest.split_at(version_len);
    if version_len > longest {
        return None;
    }
    let digit = |at: usize| version.get(at).is_some_and(u8::is_ascii_digit);
    let is_version = version_len == 3 && digit(0) && version[1] == b'.' && digit(2);
    match rest.first() {
        None => return Some(Start::Maybe),
        Some(b' ' | b'\t' | b'\r' | b'\n') if is_version => return Some(Start::Response),
        Some(b' ' | b'\t') => {}
        Some(_) => return None,
    }
    let code = trim_start(rest);
    let digits = code.iter().take(3).take_while(|b| b.is_ascii_digit()).count();
    match code.len() {
        _ if rest.len() - code.len() > MAX_LEADING => None,
        len if digits < len.min(3) => None,
        len => Some(if len < 3 { Start::Maybe } else { Start::Response }),
    }
}

fn request(bytes: &[u8]) -> Start {
    let line_end = memchr::memchr(b'\n', &bytes[..bytes.len().min(MAX_START_LINE)]);
    let line = &bytes[..line_end.unwrap_or(bytes.len())];
    let text = trim_start(line);
    let indent = line.len() - text.len();
    if indent > MAX_LEADING {
        return Start::No;
    }
    let Some((method, rest)) = method_and_rest(text) else {
        let may_grow = line_end.is_none() && text.len() <= MAX_METHOD && text.iter().all(|&b| is_tchar(b));
        return if may_grow { Start::Maybe } else { Start::No };
    };
    let known = is_known_method(method);
    if !known && (indent > 0 || text[method.len()] != b' ' || has_control(text)) {
        return Start::No;
    }
    match line_end {
        Some(_) if known && is_known_request(rest) => Start::Request,
        Some(_) if !known && method != b"PRI" && is_versioned(rest) => Start::Request,
        None if bytes.len() < MAX_START_LINE => Start::Maybe,
        None if known && is_target_start(rest) => Start::Request,
        _ => Start::No,
    }
}

/// What follows a known method: a version at the end, letters of any case; or none, and a target that tells.
fn is_known_request(rest: &[u8]) -> bool {
    let (target, last) = split_last_word(rest);
    if starts_with_ignore_case(last, b"HTTP/") && last.get(5).is_some_and(u8::is_ascii_digit) {
        return true;
    }
    let is_other_protocol = [b"RTSP/".as_slice(), b"SIP/", b"ICAP/"].iter().any(|name| last.starts_with(name));
    is_target_start(rest) && (target.is_empty() || !is_other_protocol)
}

/// What follows any other method: a target, and a version at the end.
fn is_versioned(rest: &[u8]) -> bool {
    let (target, last) = split_last_word(rest);
    !target.is_empty() && last.starts_with(b"HTTP/") && last.get(5).is_some_and(u8::is_ascii_digit)
}

fn is_target_start(target: &[u8]) -> bool {
    matches!(target.first(), Some(b'/' | b'*'))
        || starts_with_ignore_case(target, b"http://")
        || starts_with_ignore_case(target, b"https://")
}

/// The last word of a line and what precedes it.
fn split_last_word(text: &[u8]) -> (&[u8], &[u8]) {
    let text = trim(text, |b| is_ows(b) || b == b'\r');
    let last = text.iter().rposition(|&b| is_ows(b)).map_or(0, |space| space + 1);
    (&text[..last], &text[last..])
}

/// A method that white space follows, and what comes after that.
fn method_and_rest(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().take(MAX_METHOD + 1).position(|&b| is_ows(b))?;
    let (method, rest) = text.split_at(end);
    (end > 0 && method.iter().all(|&b| is_tchar(b))).then(|| (method, trim_start(rest)))
}

fn trim_start(text: &[u8]) -> &[u8] {
    &text[text.iter().take_while(|&&b| is_ows(b)).count()..]
}

fn has_control(text: &[u8]) -> bool {
    text.iter().any(|&b| is_control(b))
}

/// None where there are more of them than any sender means.
fn skip_blank_lines(bytes: &[u8]) -> Option<&[u8]> {
    let mut rest = bytes;
    while let Some(next) = rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n")) {
        rest = next;
        if bytes.len() - rest.len() > MAX_LEADING {
            return None;
        }
    }
    Some(if rest == b"\r" { &[] } else { rest })
}

fn is_valid_status_line(line: &[u8]) -> bool {
    let Some([version, b' ', rest @ ..]) = line.strip_prefix(b"HTTP/1.") else { return false };
    let Some((code, phrase)) = rest.split_at_checked(3) else { return false };
    version.is_ascii_digit()
        && matches!(code, [b'1'..=b'9', tens, ones] if tens.is_ascii_digit() && ones.is_ascii_digit())
        && (phrase.is_empty() || phrase[0] == b' ' && !phrase.iter().any(|&b| is_control(b) || b == b'\r'))
}

fn is_valid_request_line(line: &[u8]) -> bool {
    let mut words = line.split(|&b| b == b' ');
    let (Some(method), Some(target), Some(version), None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return false;
    };
    let notifies = matches!(method, b"M-SEARCH" | b"NOTIFY") && target == b"*";
    // Browsers send characters in a path that a URI may not have.
    is_method(method)
        && (target.starts_with(b"/") || notifies || is_request_target(method, target))
        && matches!(version.strip_prefix(b"HTTP/1."), Some([minor]) if minor.is_ascii_digit())
}

fn may_become_valid(line: &[u8]) -> bool {
    let status = b"HTTP/1.";
    let head = &line[..line.len().min(status.len())];
    if status.starts_with(head) {
        return !has_control(line);
    }
    let method_end = line.iter().take(MAX_METHOD + 1).position(|&b| b == b' ');
    let fits = method_end.map_or_else(|| begins_method(line), |end| is_method(&line[..end]));
    fits && !has_control(line)
}

#[cfg(test)]
mod tests {
    use super::Start::*;
    use super::*;

    #[test]
    fn messages_are_recognised() {
        for (line, want) in [
            ("GET / HTTP/1.1\r\n", Request),
            ("\r\n\nGET / HTTP/1.1\n", Request),
            ("get / http/1.0\r\n", Request),
            ("  GET  /  HTTP/1.1  \r\n", Request),
            ("GET\t/\tHTTP/1.1\r\n", Request),
            ("GET /a b c HTTP/1.1\r\n", Request),
            ("GET HTTP/1.1\r\n", Request),
            ("GET / HTTP/2.0\r\n", Request),
            ("GET index.html HTTP/11\r\n", Request),
            ("GET /\r\n", Request),
            ("GET / HTPP/1.1\r\n", Request),
            ("options *\r\n", Request),
            ("GET http://example.com/\n", Request),
            ("FOO /x HTTP/1.1\r\n", Request),
            ("CONNECT h:443 HTTP/1.1\r\n", Request),
            ("M-SEARCH * HTTP/1.1\r\n", Request),
            ("GET /\x01 HTTP/1.1\r\n", Request),
            ("POST / HTTP/1.0\r\n", Request),
            ("HTTP/1.1 200 OK\r\n", Response),
            ("http/1.1 200 OK\r\n", Response),
            ("HTTP/1.0 ", Response),
            ("HTTP/1.1\r\n", Response),
            ("HTTP/11 200 OK\r\n", Response),
            ("HTTP/2 200\r\n", Response),
            ("HTTP/ 200 OK\r\n", Response),
            ("HTTP/1.A\t200 OK\r\n", Response),
            ("ICY 200 OK\r\n", Response),
        ] {
            assert_eq!(looks_like_start(line.as_bytes()), want, "{line:?}");
        }
    }

    #[test]
    fn plain_lines_are_judged_as_others_are() {
        let method = "M".repeat(MAX_METHOD);
        for line in [
            "GET / HTTP/1.1\r\n",
            "POST /a%20b?c=d HTTP/1.7\r\n",
            "X-Y /~a HTTP/1.0\r\n",
            "PRI / HTTP/1.1\r\n",
            "HTTP/1.1 200 OK\r\n",
            "HTTP/1.9 599 \r\n",
            &format!("{method} / HTTP/1.1\r\n"),
            &format!("{method}M / HTTP/1.1\r\n"),
            &format!("{method} /{} HTTP/1.1\r\n", "a".repeat(MAX_START_LINE - MAX_METHOD - 13)),
            &format!("{method} /{} HTTP/1.1\r\n", "a".repeat(MAX_START_LINE - MAX_METHOD - 12)),
        ] {
            let bytes = line.as_bytes();
            let judged = response(bytes).unwrap_or_else(|| request(bytes));
            assert_eq!(looks_like_start(bytes), judged, "{line:.40}");
            if let Some(plain) = plain::start_line(bytes) {
                assert_eq!(plain.start(), judged, "{line:.40}");
            }
        }
    }

    #[test]
    fn every_prefix_of_a_message_may_be_one() {
        for line in ["\r\nGET /index.html HTTP/1.1\r\n", "HTTP/1.1 ", "foo /x HTTP/1.1\n", "options * HTTP/1.0\r\n"] {
            for cut in 0..line.len() {
                assert_eq!(looks_like_start(&line.as_bytes()[..cut]), Maybe, "{:?}", &line[..cut]);
            }
            assert_ne!(looks_like_start(line.as_bytes()), Maybe);
        }
    }

    #[test]
    fn other_protocols_are_not_taken() {
        for text in [
            "220 mail.example.com ESMTP\r\n",
            "EHLO me\r\n",
            "MAIL FROM:<a@b>\r\n",
            "USER anonymous\r\n",
            "NICK n\r\n",
            ":server 001 n :Welcome\r\n",
            "INVITE sip:a@b SIP/2.0\r\n",
            "OPTIONS sip:a@b SIP/2.0\r\n",
            "SIP/2.0 200 OK\r\n",
            "OPTIONS * RTSP/1.0\r\n",
            "DESCRIBE rtsp://h/ RTSP/1.0\r\n",
            "RTSP/1.0 200 OK\r\n",
            "\x16\x03\x01\x02\0\x01",
            "SSH-2.0-OpenSSH_9.2\r\n",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "get key\r\n",
            "GET\r\n",
            "FOO HTTP/1.1\r\n",
            "foo /x\r\n",
            "a001 LOGIN x y\r\n",
            "* OK IMAP\r\n",
            "HTTP/x \r\n",
            "HTTP/11 2x0",
            "HTTP/1.1.1.1.1 200 OK\r\n",
            "ICY/1.0 200 OK\r\n",
            "ICY to hear it\r\n",
            "",
        ]
        .iter()
        .filter(|text| !text.is_empty())
        {
            assert_eq!(looks_like_start(text.as_bytes()), No, "{text:?}");
        }
    }

    #[test]
    fn a_joined_stream_begins_with_a_method_that_is_known() {
        for (text, want) in [
            ("GET / HTTP/1.1\r\n", Request),
            ("GET /{a} HTTP/2.0\r\n", Request),
            ("\r\nGET /\r\n", Request),
            ("HTTP/2 200\r\n", Response),
            ("ICY 200 OK\r\n", Response),
            ("GE", Maybe),
            ("HTTP/1", Maybe),
            ("HT", Maybe),
            ("ET / HTTP/1.1\r\n", No),
            ("get / HTTP/1.1\r\n", No),
            ("abc", No),
            ("ABCDEF", No),
        ] {
            assert_eq!(looks_like_joined_start(text.as_bytes()), want, "{text:?}");
        }
    }

    #[test]
    fn waiting_has_bounds() {
        let long = |method: &str| format!("{method} /{}", "a".repeat(MAX_START_LINE)).into_bytes();
        assert_eq!(looks_like_start(&long("GET")), Request);
        assert_eq!(looks_like_start(&long("FOO")), No);
        assert_eq!(looks_like_start(&b"A".repeat(MAX_METHOD + 1)), No);
        assert_eq!(looks_like_start(&b"\r\n".repeat(40)), No);
        assert_eq!(looks_like_start(&b" ".repeat(MAX_LEADING + 1)), No);
        assert_eq!(plausible_resync(&long("GET")), No);
    }

    #[test]
    fn a_cut_start_line_is_a_message_once_there_is_enough_of_it() {
        for (text, want) in [
            ("GET /", Request),
            ("GET", No),
            ("GET ", No),
            ("GET x", No),
            ("CONNECT 10.0.0", Request),
            ("CONNECT ", No),
            ("get http", Request),
            ("FOO /", No),
            ("HTTP/", Response),
            ("HTTP", No),
            ("HTTP/1.1 2", Response),
            ("", No),
        ] {
            assert_eq!(looks_like_cut_start(text.as_bytes()), want, "{text:?}");
        }
    }

    #[test]
    fn resynchronisation_wants_a_whole_valid_line() {
        for (text, want) in [
            ("GET / HTTP/1.1\r\n", Request),
            ("VERSION-CONTROL /x HTTP/1.0\n", Request),
            ("ET / HTTP/1.1\r\n", No),
            ("OPTIONS * HTTP/1.1\r\n", Request),
            ("GET /{a}|%u20\u{e9} HTTP/1.1\r\n", Request),
            ("NOTIFY * HTTP/1.1\r\n", Request),
            ("HTTP/1.1 999 Denied\r\n", Response),
            ("HTTP/1.1 404 Not Found\r\n", Response),
            ("HTTP/1.1 204\r\n", Response),
            ("GET / HTTP/1.1", Maybe),
            ("GE", Maybe),
            ("HTTP/1.1 20", Maybe),
            ("", Maybe),
            ("get / HTTP/1.1\r\n", No),
            ("GET /\r\n", No),
            ("GET  / HTTP/1.1\r\n", No),
            ("GET x HTTP/1.1\r\n", No),
            ("GET * HTTP/1.1\r\n", No),
            ("GET / HTTP/2.0\r\n", No),
            ("GET / HTTP/1.1 \r\n", No),
            ("HTTP/1.1 099 X\r\n", No),
            ("HTTP/1.1 2000\r\n", No),
            ("HTTP/2.0 200 OK\r\n", No),
            ("\r\nGET / HTTP/1.1\r\n", No),
            ("lower", No),
            ("\x01", No),
        ] {
            assert_eq!(plausible_resync(text.as_bytes()), want, "{text:?}");
        }
    }
}
