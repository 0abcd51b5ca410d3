//! The start line but for the target: method, version, status code (RFC 9112 2.3, 3, 4; RFC 9110 9.1, 15).

use super::Seen;
use super::entry::Turn::{Client, ClientCloses, Server};
use super::entry::{Lint, lints};
use super::report::{Draft, Report, text};
use crate::app::http1::head::{StartLine, Version};
use crate::app::http1::syntax::{is_known_method, is_method};
use crate::issue::{Issue, Severity};

lints! {
    LOWERCASE_METHOD = Lint {
        name: "lowercase-method",
        severity: Severity::Error,
        section: "RFC 9110 9.1",
        title: "a method that is not in capitals",
        help: "write the method in capitals",
        explanation: "Methods are case-sensitive: `get` is another method than GET, and one that no server has. Some \
            accept it in spite of that; others answer 400, 405 or 501.",
        bad: &[Client("get / HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        httpolice: &[1295],
        issue: Some(Issue::LowercaseMethod),
    };

    UNKNOWN_METHOD = Lint {
        name: "unknown-method",
        severity: Severity::Note,
        section: "RFC 9110 16.1.1",
        title: "a method that is not in IANA's registry",
        help: "look for a slip of the pen, or make sure that the server knows the method",
        explanation: "Any token may be a method, and a server answers 501 to one that it does not know. A name that is \
            neither registered nor in wide use is more often misspelt than meant.",
        bad: &[Client("GTE / HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        ..Lint::NONE
    };

    MISSING_VERSION = Lint {
        name: "missing-version",
        severity: Severity::Error,
        section: "RFC 9112 3",
        title: "a request line without a version",
        help: "end the request line with a space and HTTP/1.1",
        explanation: "A request line has three parts: method, target, version. Without the version it is the form of \
            HTTP/0.9, which had no fields and no status line, and which servers no longer have to understand: they answer \
            400, or send the bare body and close. Where the server did answer as HTTP/0.9, the lint http09 says so.",
        bad: &[Client("GET /\r\nHost: a.example\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        httpolice: &[1006],
        issue: Some(Issue::MissingVersion),
    };

    HTTP09 = Lint {
        name: "http09",
        severity: Severity::Note,
        section: "RFC 9112 2.3",
        title: "HTTP/0.9: a request line without version, answered by a body alone",
        help: "end the request line with a space and HTTP/1.1, and send a Host field",
        explanation: "HTTP/0.9 knows neither status codes nor fields: a missing page looks like any other, and a body that \
            was cut short like a whole one. Support for it was removed from HTTP/1.1 in 2014.",
        bad: &[Client("GET /\r\n"), Server("<p>hello</p>\n")],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        ],
        ..Lint::NONE
    };

    LOWERCASE_VERSION = Lint {
        name: "lowercase-version",
        severity: Severity::Error,
        section: "RFC 9112 2.3",
        title: "the version's name is not in capitals",
        help: "write HTTP in capitals: HTTP/1.1",
        explanation: "The version begins with the four letters HTTP in capitals; the name is case-sensitive. `http/1.1` is \
            a malformed request line to a server that reads it as the grammar has it.",
        bad: &[Client("GET / http/1.1\r\nHost: a.example\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        httpolice: &[1006, 1009],
        issue: Some(Issue::BadVersion),
    };

    BAD_VERSION = Lint {
        name: "bad-version",
        severity: Severity::Error,
        section: "RFC 9112 2.3",
        title: "a version that is not HTTP/ digit . digit",
        help: "write the version as HTTP/1.1",
        explanation: "A version is `HTTP/`, one digit, a dot, one digit: eight characters. `HTTP/1`, `HTTP1.1` and \
            `HTTP/1.01` are none, and neither is `ICY`, which SHOUTcast servers send in place of it.",
        bad: &[Client("GET / HTTP/1\r\nHost: a.example\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        httpolice: &[1006, 1009],
        issue: Some(Issue::BadVersion),
    };

    UNSUPPORTED_VERSION = Lint {
        name: "unsupported-version",
        severity: Severity::Error,
        section: "RFC 9110 2.5",
        title: "a text message whose version is not 1.x",
        help: "write HTTP/1.1: HTTP/2 and HTTP/3 are not sent as lines of text",
        explanation: "The first digit of the version names the syntax of the message. Lines of text are the syntax of \
            HTTP/1; HTTP/2 and HTTP/3 have frames in binary, agreed on before the first request. A server answers 505 to \
            a request line that says HTTP/2.0, or 400.",
        bad: &[Client("GET / HTTP/2.0\r\nHost: a.example\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        issue: Some(Issue::BadVersion),
        ..Lint::NONE
    };

    UNKNOWN_MINOR_VERSION = Lint {
        name: "unknown-minor-version",
        severity: Severity::Note,
        section: "RFC 9110 2.5",
        title: "a version 1.x of which there is no specification",
        help: "send HTTP/1.1, the highest version whose rules the program follows",
        explanation: "A sender names the highest minor version to which it conforms, and of HTTP/1 there are 1.0 and 1.1. \
            Recipients take a higher one for the highest that they know.",
        bad: &[Client("GET / HTTP/1.2\r\nHost: a.example\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        ..Lint::NONE
    };

    HTTP10_REQUEST = Lint {
        name: "http10-request",
        severity: Severity::Chat,
        section: "RFC 9110 2.5",
        title: "a request of HTTP/1.0",
        help: "send HTTP/1.1, a Host field, and read chunked bodies",
        explanation: "A client should send a version to which it conforms and not a lower one without need. With HTTP/1.0 \
            the connection is closed after each response unless both ends agree otherwise, and a body of unknown length \
            cannot be told from one that was cut short.",
        bad: &[Client("GET / HTTP/1.0\r\nHost: a.example\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        ..Lint::NONE
    };

    HTTP10_RESPONSE = Lint {
        name: "http10-response",
        severity: Severity::Chat,
        section: "RFC 9110 2.5",
        title: "a response of HTTP/1.0 to a request of HTTP/1.1",
        help: "let the server name the highest version to which it conforms",
        explanation: "A server answers with its own version, not with the client's: one that conforms to HTTP/1.1 says so \
            even to a client of HTTP/1.0. One that says HTTP/1.0 closes the connection after the response, unless both \
            ends said keep-alive.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        ],
        ..Lint::NONE
    };

    BAD_STATUS_CODE = Lint {
        name: "bad-status-code",
        severity: Severity::Error,
        section: "RFC 9110 15",
        title: "a status code that is not three digits from 100 to 599",
        help: "send a code of IANA's registry, such as 200",
        explanation: "A status code is three digits, of which the first names the class, 1 to 5. A client treats a code of \
            a known class that it does not know like x00 of that class, and has nothing to go by with any other.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        ],
        httpolice: &[1009, 1167],
        issue: Some(Issue::BadStatusCode),
    };

    MISSING_SPACE_AFTER_CODE = Lint {
        name: "missing-space-after-code",
        severity: Severity::Note,
        section: "RFC 9112 4",
        title: "no space after the status code",
        help: "send a space after the code even where the reason phrase is empty",
        explanation: "A server must send the space between the status code and the reason phrase even where there is no \
            phrase. Most clients do without it; one that splits the line at two spaces does not.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n"),
        ],
        httpolice: &[1009],
        issue: Some(Issue::MissingSpace),
    };

    CUT_START_LINE = Lint {
        name: "cut-start-line",
        severity: Severity::Error,
        section: "RFC 9112 2.1",
        title: "the connection was closed within the start line",
        help: "send the whole line, its line end and a blank line before closing",
        explanation: "The sender closed its side before the first line of the message had its end. There is nothing that \
            the recipient could answer.",
        bad: &[Client("GET / HTTP/1.1"), ClientCloses],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        httpolice: &[1006, 1009],
        issue: Some(Issue::ClosedEarly),
    };
}

/// Looks at the start line of a message.
pub(super) fn message(seen: &Seen<'_>, report: &mut Report<'_>) {
    if seen.is_written_out() {
        return;
    }
    if !seen.is_start_line_whole() {
        if seen.has(Issue::ClosedEarly) && !seen.http.raw.is_empty() {
            report.add(Draft::new(&CUT_START_LINE));
        }
        return;
    }
    match seen.http.parsed.start {
        StartLine::Request { .. } => request_line(seen, report),
        StartLine::Response { .. } => status_line(seen, report),
        StartLine::None => {}
    }
}

fn request_line(seen: &Seen<'_>, report: &mut Report<'_>) {
    let StartLine::Request { method: method_span, target, version } = seen.http.parsed.start else { return };
    let method = method_span.of(seen.head.bytes);
    if is_known_method(method) && !is_method(method) {
        let expected = text(&method.to_ascii_uppercase());
        report.add(Draft::new(&LOWERCASE_METHOD).head(method_span).found(text(method)).expected(expected));
    } else if !is_known_method(method) {
        report.add(Draft::new(&UNKNOWN_METHOD).head(method_span).found(text(method)));
    }
    // Of a stream that was joined midway it is not known whether the request was one of HTTP/0.9.
    if seen.has(Issue::MissingVersion) && seen.talk.opener.is_some() {
        let end = target.end.max(method_span.end) as usize;
        report.add(Draft::new(&MISSING_VERSION).head(end..end).expected("HTTP/1.1"));
    } else if seen.http.nine && !seen.has(Issue::MissingVersion) {
        report.add(Draft::new(&HTTP09));
    } else {
        self::version(seen, report);
    }
    if seen.http.parsed.version == Some(Version { major: 1, minor: 0 }) {
        report.add(Draft::new(&HTTP10_REQUEST).head(version));
    }
}

fn status_line(seen: &Seen<'_>, report: &mut Report<'_>) {
    let StartLine::Response { version: version_span, code, .. } = seen.http.parsed.start else { return };
    version(seen, report);
    let asked = seen.request.and_then(|request| request.head().head.version);
    if seen.http.parsed.version == Some(Version { major: 1, minor: 0 }) && asked == Some(Version::HTTP_11) {
        report.add(Draft::new(&HTTP10_RESPONSE).head(version_span));
    }
    if seen.has(Issue::BadStatusCode) {
        report.add(Draft::new(&BAD_STATUS_CODE).head(code).found(text(code.of(seen.head.bytes))));
    } else if seen.has(Issue::MissingSpace) {
        report.add(Draft::new(&MISSING_SPACE_AFTER_CODE).head(code.end as usize..code.end as usize + 1));
    }
}

fn version(seen: &Seen<'_>, report: &mut Report<'_>) {
    let (StartLine::Request { version: span, .. } | StartLine::Response { version: span, .. }) = seen.http.parsed.start
    else {
        return;
    };
    let sent = span.of(seen.head.bytes);
    let lint = match seen.http.parsed.version {
        _ if sent.is_empty() => return,
        _ if sent.len() > 5 && sent[..5].eq_ignore_ascii_case(b"HTTP/") && !sent.starts_with(b"HTTP/") => {
            &LOWERCASE_VERSION
        }
        None => &BAD_VERSION,
        Some(version) if version.major != 1 => &UNSUPPORTED_VERSION,
        Some(version) if version > Version::HTTP_11 => &UNKNOWN_MINOR_VERSION,
        Some(_) => return,
    };
    report.add(Draft::new(lint).head(span).found(text(sent)).expected("HTTP/1.1"));
}
