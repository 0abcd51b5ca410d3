//! The request target (RFC 9112 3.2, RFC 3986).

use std::ops::Range;

use super::Seen;
use super::entry::Turn::Client;
use super::entry::{Lint, lints};
use super::report::{Draft, Report, text};
use crate::app::http1::head::StartLine;
use crate::app::http1::syntax::{is_control, is_ows, is_path, is_request_target};
use crate::issue::{Issue, Severity};

/// Octets of a target that every recipient is asked to support (RFC 9112 3).
const LONG_TARGET: usize = 8000;

lints! {
    MISSING_TARGET = Lint {
        name: "missing-target",
        severity: Severity::Error,
        section: "RFC 9112 3.2",
        title: "a request line without a target",
        help: "name what is asked for; of the whole site that is /",
        explanation: "A request line has three parts: method, target, version. A client that is given a URI without a path \
            sends / as the target.",
        bad: &[Client("GET HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        httpolice: &[1006, 1045],
        issue: Some(Issue::BadRequestTarget),
    };

    TARGET_WITHOUT_SLASH = Lint {
        name: "target-without-slash",
        severity: Severity::Error,
        section: "RFC 9112 3.2.1",
        title: "a target that does not begin with /",
        help: "begin the target with /: the absolute path of what is asked for",
        explanation: "To an origin server the target is the absolute path and the query of the URI. `index.html` is \
            relative, and there is nothing that it could be relative to. Servers answer 400, or guess.",
        bad: &[Client("GET index.html HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        good: &[Client("GET /index.html HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        httpolice: &[1045],
        issue: Some(Issue::BadRequestTarget),
    };

    BAD_ABSOLUTE_TARGET = Lint {
        name: "bad-absolute-target",
        severity: Severity::Error,
        section: "RFC 9112 3.2.2",
        title: "a target in absolute form that is no URI",
        help: "write it as http://host/path, with a host that is not empty",
        explanation: "A target with a scheme is an absolute URI: scheme, ://, a host that is not empty, a path. Only a \
            proxy needs it.",
        bad: &[Client("GET http:///a HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        good: &[Client("GET http://a.example/a HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        httpolice: &[1045],
        issue: Some(Issue::BadRequestTarget),
    };

    ABSOLUTE_TARGET = Lint {
        name: "absolute-target",
        severity: Severity::Chat,
        section: "RFC 9112 3.2.2",
        title: "a target in absolute form, as a proxy is asked",
        help: "to the origin server itself send the path and the query alone",
        explanation: "A client sends the whole URI to a proxy, and only the path and the query to the origin server. \
            Whether the other end is a proxy cannot be seen from the capture. Servers have to accept the form.",
        bad: &[Client("GET http://a.example/a HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        good: &[Client("GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        httpolice: &[1236],
        ..Lint::NONE
    };

    USERINFO_IN_TARGET = Lint {
        name: "userinfo-in-target",
        severity: Severity::Warn,
        section: "RFC 9110 4.2.4",
        title: "a user name or a password in the target",
        help: "leave out what precedes @, and send credentials in an Authorization field",
        explanation: "A sender must not put the userinfo of a URI into the target: a name and a password there are read by \
            everyone on the path and written into logs.",
        bad: &[Client("GET http://me:secret@a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        good: &[Client("GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        ..Lint::NONE
    };

    ASTERISK_TARGET = Lint {
        name: "asterisk-target",
        severity: Severity::Error,
        section: "RFC 9112 3.2.4",
        title: "the target * with a method other than OPTIONS",
        help: "name a path, or ask with OPTIONS",
        explanation: "The asterisk stands for the server as a whole, of which only OPTIONS can ask something.",
        bad: &[Client("GET * HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        good: &[Client("OPTIONS * HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        httpolice: &[1045],
        issue: Some(Issue::BadRequestTarget),
    };

    CONNECT_TARGET = Lint {
        name: "connect-target",
        severity: Severity::Error,
        section: "RFC 9112 3.2.3",
        title: "the target of CONNECT is not host:port",
        help: "write the host and the port, and nothing else: CONNECT a.example:443 HTTP/1.1",
        explanation: "CONNECT names the other end of the tunnel: a host and a port, both, without scheme and path.",
        bad: &[Client("CONNECT a.example HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        good: &[Client("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n")],
        httpolice: &[1045],
        issue: Some(Issue::BadRequestTarget),
    };

    SPACE_IN_TARGET = Lint {
        name: "space-in-target",
        severity: Severity::Error,
        section: "RFC 9112 3.2",
        title: "white space within the target",
        help: "write a space in a target as %20",
        explanation: "No white space is allowed in a target: the parts of the request line are told apart by it. A server \
            should answer 400, or redirect to the target with the space encoded; some cut the target at the space.",
        bad: &[Client("GET /a file.txt HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        good: &[Client("GET /a%20file.txt HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        httpolice: &[1006, 1045],
        issue: Some(Issue::BadRequestTarget),
    };

    FRAGMENT_IN_TARGET = Lint {
        name: "fragment-in-target",
        severity: Severity::Error,
        section: "RFC 9112 3.2",
        title: "a fragment (#) in the target",
        help: "leave out # and what follows it; within a path or a query write %23",
        explanation: "A fragment names a place within what was fetched, and that is the client's own affair: it is not \
            sent. A server that gets one answers 400 or looks for a file with # in its name.",
        bad: &[Client("GET /a#top HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        good: &[Client("GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        httpolice: &[1045],
        issue: Some(Issue::BadRequestTarget),
    };

    UNENCODED_CHARACTER = Lint {
        name: "unencoded-character",
        severity: Severity::Warn,
        section: "RFC 3986 2",
        title: "a character in the target that no URI has",
        help: "write each such byte as % and two hexadecimal digits",
        explanation: "A URI has letters, digits and some marks of ASCII. Every other character is written as the bytes of \
            its UTF-8, each as % and two hexadecimal digits. Servers answer 400 to what is not, or take the bytes for \
            whichever character set they like.",
        bad: &[Client("GET /caf\u{e9} HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        good: &[Client("GET /caf%C3%A9 HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        httpolice: &[1045],
        issue: Some(Issue::BadRequestTarget),
    };

    UNENCODED_BY_BROWSERS = Lint {
        name: "unencoded-by-browsers",
        severity: Severity::Chat,
        section: "RFC 3986 3.3",
        title: "a character in the target that browsers leave as it is and no URI has",
        help: "write each such byte as % and two hexadecimal digits",
        explanation: "Brackets and the bar are not among the characters of a path or a query, nor braces, the backslash, \
            the caret and the backquote. Browsers leave the former as they are, and in a query all of them, and servers \
            have come to accept that.",
        bad: &[Client("GET /a?b[0]=1 HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        good: &[Client("GET /a?b%5B0%5D=1 HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        httpolice: &[1045],
        issue: Some(Issue::BadRequestTarget),
    };

    BAD_PERCENT_ENCODING = Lint {
        name: "bad-percent-encoding",
        severity: Severity::Warn,
        section: "RFC 3986 2.1",
        title: "a % in the target without two hexadecimal digits after it",
        help: "write a percent sign itself as %25",
        explanation: "In a URI % begins the code of a byte, and two hexadecimal digits follow it. What a server makes of \
            another % is its own decision: 400, or the percent sign.",
        bad: &[Client("GET /100%/a HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        good: &[Client("GET /100%25/a HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        httpolice: &[1045],
        issue: Some(Issue::BadRequestTarget),
    };

    DOT_SEGMENT_IN_TARGET = Lint {
        name: "dot-segment-in-target",
        severity: Severity::Note,
        section: "RFC 3986 6.2.2.3",
        title: "a path with . or .. as a segment",
        help: "resolve . and .. before sending, as RFC 3986 5.2.4 has it",
        explanation: "The segments . and .. are for relative references, and a client removes them when it resolves one. \
            In a target they are a slip, or an attempt to leave the folder of the site.",
        bad: &[Client("GET /a/../b HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        good: &[Client("GET /b HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        ..Lint::NONE
    };

    LONG_TARGET_LINE = Lint {
        name: "long-target",
        severity: Severity::Note,
        section: "RFC 9112 3",
        title: "a target of more than 8000 bytes",
        help: "send what is long in the body of a POST",
        explanation: "Nobody has to support a request line of more than 8000 bytes; many servers answer 414 to one that is \
            longer than 8 KiB.",
        ..Lint::NONE
    };
}

/// Looks at the target of a request.
pub(super) fn message(seen: &Seen<'_>, report: &mut Report<'_>) {
    let StartLine::Request { method, target: span, .. } = seen.http.parsed.start else { return };
    if !seen.is_start_line_whole() || seen.is_written_out() {
        return;
    }
    let (method, target) = (method.of(seen.head.bytes), span.of(seen.head.bytes));
    let at = span.start as usize;
    if target.is_empty() {
        // HTTP/2 has no request line; a path that is not there may have been lost.
        if seen.http.http2.is_none() {
            report.add(Draft::new(&MISSING_TARGET).head(at..at).expected("/"));
        }
        return;
    }
    if target.len() > LONG_TARGET {
        report.add(Draft::new(&LONG_TARGET_LINE).head(span).found(format!("{} bytes", target.len())));
    }
    form(method, target, at, report);
    characters(target, at, report);
    segments(target, at, report);
}

/// Looks at which of the four forms it has.
fn form(method: &[u8], target: &[u8], at: usize, report: &mut Report<'_>) {
    let whole = at..at + target.len();
    let scheme = memchr::memmem::find(target, b"://");
    if method.eq_ignore_ascii_case(b"CONNECT") {
        if !is_request_target(b"CONNECT", target) {
            report.add(Draft::new(&CONNECT_TARGET).head(whole).found(text(target)).expected("host:port"));
        }
    } else if target == b"*" {
        if !matches!(method.to_ascii_uppercase().as_slice(), b"OPTIONS" | b"M-SEARCH" | b"NOTIFY") {
            report.add(Draft::new(&ASTERISK_TARGET).head(whole));
        }
    } else if target.starts_with(b"/") {
        // Origin form.
    } else if let Some(colon) = scheme.filter(|colon| target[..*colon].iter().all(u8::is_ascii_alphanumeric)) {
        let host = colon + 3;
        let end = target[host..].iter().position(|byte| b"/?#".contains(byte)).map_or(target.len(), |len| host + len);
        if end == host {
            return report.add(Draft::new(&BAD_ABSOLUTE_TARGET).head(whole));
        }
        report.add(Draft::new(&ABSOLUTE_TARGET).head(whole));
        if let Some(mark) = memchr::memrchr(b'@', &target[host..end]) {
            report.add(Draft::new(&USERINFO_IN_TARGET).head(at + host..at + host + mark + 1));
        }
    } else {
        let expected = format!("/{}", text(target));
        report.add(Draft::new(&TARGET_WITHOUT_SLASH).head(whole).found(text(target)).expected(expected));
    }
}

/// Looks for characters that no target has.
fn characters(target: &[u8], at: usize, report: &mut Report<'_>) {
    let path = if target.starts_with(b"/") { 0 } else { host_end(target) };
    let query = memchr::memchr(b'?', target).unwrap_or(target.len());
    let literal = if target.starts_with(b"/") { 0..0 } else { host_literal(target) };
    for (i, &byte) in target.iter().enumerate() {
        let lint = match byte {
            b' ' | b'\t' if is_ows(byte) => &SPACE_IN_TARGET,
            b'#' => &FRAGMENT_IN_TARGET,
            b'%' if target.get(i + 1..i + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)) => continue,
            b'%' => &BAD_PERCENT_ENCODING,
            b'[' | b']' | b':' if literal.contains(&i) => continue,
            b'[' | b']' | b'|' if i > path => &UNENCODED_BY_BROWSERS,
            b'{' | b'}' | b'\\' | b'^' | b'`' if i > query => &UNENCODED_BY_BROWSERS,
            _ if is_path(byte) || is_control(byte) => continue,
            // One character, or several, of which the first is reported.
            0x80.. if i > 0 && target[i - 1] >= 0x80 => continue,
            _ => &UNENCODED_CHARACTER,
        };
        let end = if byte >= 0x80 { i + target[i..].iter().take_while(|byte| **byte >= 0x80).count() } else { i + 1 };
        report.add(Draft::new(lint).head(at + i..at + end));
    }
}

/// Where the authority of an absolute form ends.
fn host_end(target: &[u8]) -> usize {
    let host = memchr::memmem::find(target, b"://").map_or(0, |colon| colon + 3);
    memchr::memchr(b'/', &target[host..]).map_or(target.len(), |slash| host + slash)
}

/// Where the host of an absolute or authority form stands in brackets.
fn host_literal(target: &[u8]) -> Range<usize> {
    let end = memchr::memchr(b']', target).map_or(0, |end| end + 1);
    let start = memchr::memchr(b'[', &target[..end]).unwrap_or(end);
    let is_host = start == 0 || target[..start].ends_with(b"//") || target[..start].ends_with(b"@");
    if is_host { start..end } else { 0..0 }
}

fn segments(target: &[u8], at: usize, report: &mut Report<'_>) {
    let path = &target[..target.iter().position(|byte| b"?#".contains(byte)).unwrap_or(target.len())];
    let mut start = 0;
    for segment in path.split(|byte| *byte == b'/') {
        if matches!(segment, b"." | b"..") && start > 0 {
            report.add(Draft::new(&DOT_SEGMENT_IN_TARGET).head(at + start..at + start + segment.len()));
        }
        start += segment.len() + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::LINTS;
    use crate::app::http1::syntax::tests::NO_TARGETS;
    use crate::check::lint::tests::{Conversation, raised_of};

    #[test]
    fn every_target_that_is_none_raises_something() {
        for (method, target) in NO_TARGETS {
            let mut bad = Conversation::new();
            bad.data(0, format!("{method} {target} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
            let loud = raised_of(LINTS, &bad);
            let of_target = ["target", "character", "encoding", "browsers"];
            assert!(loud.iter().any(|name| of_target.iter().any(|part| name.contains(part))), "{target}: {loud:?}");
        }
    }

    #[test]
    fn ordinary_targets_raise_nothing() {
        for target in ["/", "/a/b;c?d=%20&e=f/?", "//x", "/a..b/.c/d.?x=../..", "/@:!$&'()*+,;=-._~"] {
            let mut good = Conversation::new();
            good.data(0, format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
            assert_eq!(raised_of(LINTS, &good), [""; 0], "{target}");
        }
        let mut good = Conversation::new();
        good.data(0, b"GET http://[2001:db8::1]:8080/ HTTP/1.1\r\nHost: [2001:db8::1]:8080\r\n\r\n");
        assert_eq!(raised_of(LINTS, &good), ["absolute-target"]);
    }

    #[test]
    fn a_long_target_is_named() {
        let mut bad = Conversation::new();
        bad.data(0, format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(9000)).as_bytes());
        assert_eq!(raised_of(LINTS, &bad), ["long-target"]);
    }
}
