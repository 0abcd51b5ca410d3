//! The syntax of field lines, and fields that are there too often or in the wrong place (RFC 9110 5, RFC 9112 5).

use super::Seen;
use super::entry::Turn::{Client, Server};
use super::entry::{Lint, lints};
use super::report::{Draft, Report, text};
use crate::app::http1::head::{HeadRef, StartLine};
use crate::app::http1::syntax::{is_control, is_token};
use crate::issue::{Issue, Severity};

/// Fields of a message that common servers take: Apache has this bound.
const MANY_FIELDS: usize = 100;

/// Bytes of a field line that common servers take: nginx and Apache have this bound.
const LONG_LINE: usize = 8 << 10;

/// Bytes of a head that common servers take: nginx has four buffers of 8 KiB, others 64 KiB at most.
const LARGE_HEAD: usize = 64 << 10;

const ASKED: super::Turn = Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n");
const ANSWERED: super::Turn = Server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");

lints! {
    BAD_FIELD_NAME = Lint {
        name: "bad-field-name",
        severity: Severity::Error,
        section: "RFC 9110 5.1",
        title: "a field name with characters that no token has",
        help: "name the field with letters, digits and hyphens",
        explanation: "A field name is a token: letters, digits and some marks. Space, quotes, brackets, slashes and bytes \
            above 127 are not among them. A server answers 400, or leaves the field out.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nUser Agent: lab1\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nUser-Agent: lab1\r\n\r\n")],
        httpolice: &[1293],
        issue: Some(Issue::BadHeaderName),
    };

    EMPTY_FIELD_NAME = Lint {
        name: "empty-field-name",
        severity: Severity::Error,
        section: "RFC 9110 5.1",
        title: "a field line that begins with a colon",
        help: "write the name before the colon",
        explanation: "A field name has at least one character. A line that begins with a colon is often a header of \
            HTTP/2 (:method, :path), which has no place in HTTP/1.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\n: x\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nX: x\r\n\r\n")],
        httpolice: &[1293],
        issue: Some(Issue::BadHeaderName),
    };

    MISSING_COLON = Lint {
        name: "missing-colon",
        severity: Severity::Error,
        section: "RFC 9112 5",
        title: "a field line without a colon",
        help: "write name, colon, value; separate body and head by a blank line",
        explanation: "Every line between the start line and the blank line is a field: a name, a colon, a value. A line \
            without a colon is often the body, of a message whose blank line is missing.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nhello\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nX: hello\r\n\r\n")],
        httpolice: &[1006, 1009],
        issue: Some(Issue::MissingColon),
    };

    CONTROL_CHARACTER = Lint {
        name: "control-character",
        severity: Severity::Error,
        section: "RFC 9110 5.5",
        title: "a control character in the head",
        help: "leave it out, or encode it",
        explanation: "NUL and other control characters have no place in a head but for the tab within a value. A NUL is \
            often the end of a string of C that was sent along, or a buffer that was not filled. A recipient must reject \
            the message or replace NUL by a space.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nX: a\0b\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nX: ab\r\n\r\n")],
        httpolice: &[1000],
        issue: Some(Issue::InvalidByte),
    };

    NON_ASCII_VALUE = Lint {
        name: "non-ascii-value",
        severity: Severity::Note,
        section: "RFC 9110 5.5",
        title: "bytes above 127 in a field value or a reason phrase",
        help: "keep to ASCII; where the field allows it encode other characters as RFC 8187 has it",
        explanation: "Bytes above 127 are allowed for the sake of the past, and mean nothing that all agree on: one \
            recipient reads ISO 8859-1, another UTF-8, a third throws them away. New fields keep to ASCII.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nX: caf\u{e9}\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nX: cafe\r\n\r\n")],
        httpolice: &[1000],
        issue: Some(Issue::ObsText),
    };

    UNDERSCORE_IN_NAME = Lint {
        name: "underscore-in-field-name",
        severity: Severity::Note,
        section: "RFC 9110 16.3.2",
        title: "an underscore in a field name",
        help: "write a hyphen",
        explanation: "The underscore is a token character, but the names of CGI variables do not tell it from a hyphen, so \
            that nginx and others leave out such fields of a request.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nuser_agent: lab1\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nUser-Agent: lab1\r\n\r\n")],
        ..Lint::NONE
    };

    REPEATED_FIELD = Lint {
        name: "repeated-field",
        severity: Severity::Warn,
        section: "RFC 9110 5.3",
        title: "a field that may be there once is there more often",
        help: "send the field once",
        explanation: "Only fields that are defined as lists, and Set-Cookie, may be repeated. Of others recipients take the \
            first, the last, or both joined by a comma, and not all do the same.",
        bad: &[
            ASKED,
            Server("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nok"),
        ],
        good: &[ASKED, Server("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nok")],
        httpolice: &[1013],
        ..Lint::NONE
    };

    EMPTY_ELEMENT = Lint {
        name: "empty-list-element",
        severity: Severity::Note,
        section: "RFC 9110 5.6.1",
        title: "an empty element in a list",
        help: "write one comma between two elements, and none at the ends",
        explanation: "A sender must not generate empty elements in a list; a recipient skips a reasonable number of them.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nAccept-Encoding: gzip,,br\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nAccept-Encoding: gzip, br\r\n\r\n")],
        httpolice: &[1151],
        ..Lint::NONE
    };

    RESPONSE_FIELD_IN_REQUEST = Lint {
        name: "response-field-in-request",
        severity: Severity::Note,
        section: "RFC 9110 6.3",
        title: "a field of responses in a request",
        help: "leave it out",
        explanation: "The field is defined for responses alone and means nothing in a request.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nServer: lab1\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nUser-Agent: lab1\r\n\r\n")],
        httpolice: &[1063],
        ..Lint::NONE
    };

    REQUEST_FIELD_IN_RESPONSE = Lint {
        name: "request-field-in-response",
        severity: Severity::Note,
        section: "RFC 9110 6.3",
        title: "a field of requests in a response",
        help: "leave it out",
        explanation: "The field is defined for requests alone and means nothing in a response. A server that sends back \
            the fields of the request does this.",
        bad: &[ASKED, Server("HTTP/1.1 200 OK\r\nHost: a.example\r\nContent-Length: 2\r\n\r\nok")],
        good: &[ASKED, ANSWERED],
        httpolice: &[1064],
        ..Lint::NONE
    };

    MANY_FIELD_LINES = Lint {
        name: "many-fields",
        severity: Severity::Note,
        section: "RFC 9110 5.4",
        title: "more than 100 fields",
        help: "send fewer",
        explanation: "There is no limit by the specification, but servers have one: Apache answers 400 to a request of \
            more than 100 fields.",
        ..Lint::NONE
    };

    LONG_FIELD_LINE = Lint {
        name: "long-field-line",
        severity: Severity::Note,
        section: "RFC 9110 5.4",
        title: "a field line of more than 8 KiB",
        help: "send less: keep large state at the server, and what is long in the body",
        explanation: "There is no limit by the specification, but servers have one: nginx and Apache answer 400 to a \
            field line of more than 8 KiB. Cookies that pile up are the usual cause.",
        ..Lint::NONE
    };

    LARGE_HEAD_SECTION = Lint {
        name: "large-head",
        severity: Severity::Note,
        section: "RFC 9110 5.4",
        title: "a head of more than 64 KiB",
        help: "send less: keep large state at the server, and what is long in the body",
        explanation: "There is no limit by the specification, but clients and servers have one, from 8 KiB to 64 KiB; \
            servers answer 431.",
        issue: Some(Issue::HeadTooLarge),
        ..Lint::NONE
    };
}

/// Looks at the field lines of a message.
pub(super) fn message(seen: &Seen<'_>, report: &mut Report<'_>) {
    start_line(seen, report);
    section(seen.head, Draft::head, report);
    section(seen.http.trailer(), Draft::trailer, report);
    sizes(seen, report);
    repeated(seen, report);
    lists(seen, report);
    misplaced(seen, report);
}

/// Control characters in the start line, bytes above 127 in the phrase.
fn start_line(seen: &Seen<'_>, report: &mut Report<'_>) {
    let spans = match seen.http.parsed.start {
        StartLine::None => return,
        StartLine::Request { method, target, version } => [method, target, version],
        StartLine::Response { version, code, phrase } => [version, code, phrase],
    };
    for span in spans {
        let part = span.of(seen.head.bytes);
        control(part, span.start as usize, Draft::head, report);
    }
    if let StartLine::Response { phrase, .. } = seen.http.parsed.start {
        non_ascii(phrase.of(seen.head.bytes), phrase.start as usize, Draft::head, report);
    }
}

type Place = fn(Draft, std::ops::Range<usize>) -> Draft;

fn section(head: HeadRef<'_>, at: Place, report: &mut Report<'_>) {
    for field in &head.head.fields {
        let (name, value) = (head.name(field), field.value.of(head.bytes));
        let (name_at, value_at) = (field.name.start as usize, field.value.start as usize);
        // A CR at its start is of a line end in the wrong order, of which there is another lint.
        if !name.is_empty() && !is_token(name) && !name.starts_with(b"\r") {
            report.add(at(Draft::new(&BAD_FIELD_NAME), field.name.into()).found(text(name)));
        } else if name.contains(&b'_') && is_token(name) {
            report.add(at(Draft::new(&UNDERSCORE_IN_NAME), field.name.into()).found(text(name)));
        } else if name.is_empty() {
            nameless(head.bytes, name_at, at, report);
        }
        control(name, name_at, at, report);
        control(value, value_at, at, report);
        non_ascii(value, value_at, at, report);
    }
}

/// A line that has no name, at `start`.
fn nameless(bytes: &[u8], start: usize, at: Place, report: &mut Report<'_>) {
    let rest = bytes.get(start..).unwrap_or_default();
    let Some(end) = memchr::memchr(b'\n', rest) else { return };
    let line = rest[..end].trim_ascii_end();
    match line.first() {
        Some(b':') => report.add(at(Draft::new(&EMPTY_FIELD_NAME), start..start + 1)),
        Some(b' ' | b'\t') | None => {}
        Some(_) if !line.contains(&b':') => {
            report.add(at(Draft::new(&MISSING_COLON), start..start + line.len()));
        }
        Some(_) => {}
    }
}

fn control(text: &[u8], start: usize, at: Place, report: &mut Report<'_>) {
    if let Some(first) = text.iter().position(|byte| is_control(*byte)) {
        let place = start + first..start + first + 1;
        report.add(at(Draft::new(&CONTROL_CHARACTER), place).found(format!("0x{:02x}", text[first])));
    }
}

fn non_ascii(text: &[u8], start: usize, at: Place, report: &mut Report<'_>) {
    if let Some(first) = text.iter().position(|byte| *byte >= 0x80) {
        let len = text[first..].iter().take_while(|byte| **byte >= 0x80).count();
        report.add(at(Draft::new(&NON_ASCII_VALUE), start + first..start + first + len));
    }
}

fn sizes(seen: &Seen<'_>, report: &mut Report<'_>) {
    let count = seen.http.parsed.fields.len();
    if count > MANY_FIELDS {
        report.add(Draft::new(&MANY_FIELD_LINES).found(format!("{count} fields")));
    }
    for (field, _) in seen.fields() {
        let len = (field.value.end - field.name.start) as usize;
        if len > LONG_LINE {
            report.add(Draft::new(&LONG_FIELD_LINE).head(field.name).found(format!("{len} bytes")));
        }
    }
    if seen.http.raw.len() > LARGE_HEAD {
        report.add(Draft::new(&LARGE_HEAD_SECTION).found(format!("{} bytes", seen.http.raw.len())));
    }
}

fn repeated(seen: &Seen<'_>, report: &mut Report<'_>) {
    let mut met = [false; SINGLE.len()];
    for (field, name) in seen.fields() {
        let Some(which) = SINGLE.iter().position(|single| single.as_bytes().eq_ignore_ascii_case(name)) else {
            continue;
        };
        if std::mem::replace(&mut met[which], true) {
            let place = field.name.start as usize..field.value.end as usize;
            report.add(Draft::new(&REPEATED_FIELD).head(place).found(text(name)));
        }
    }
}

fn lists(seen: &Seen<'_>, report: &mut Report<'_>) {
    for (field, name) in seen.fields() {
        if !LISTS.iter().any(|list| list.as_bytes().eq_ignore_ascii_case(name)) {
            continue;
        }
        let value = field.value.of(seen.head.bytes);
        let mut empty = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|element| element.is_empty());
        if !value.is_empty() && !value.contains(&b'"') && empty.next().is_some() {
            report.add(Draft::new(&EMPTY_ELEMENT).head(field.value).found(text(value)));
        }
    }
}

fn misplaced(seen: &Seen<'_>, report: &mut Report<'_>) {
    let (lint, names) = if seen.is_request() {
        (&RESPONSE_FIELD_IN_REQUEST, OF_RESPONSES)
    } else {
        (&REQUEST_FIELD_IN_RESPONSE, OF_REQUESTS)
    };
    for (field, name) in seen.fields() {
        if names.iter().any(|other| other.as_bytes().eq_ignore_ascii_case(name)) {
            report.add(Draft::new(lint).head(field.name).found(text(name)));
        }
    }
}

/// Fields that are no lists, but for those that have lints of their own.
const SINGLE: &[&str] = &[
    "age",
    "authorization",
    "content-location",
    "content-range",
    "content-type",
    "date",
    "etag",
    "expires",
    "from",
    "if-modified-since",
    "if-range",
    "if-unmodified-since",
    "last-modified",
    "location",
    "max-forwards",
    "proxy-authorization",
    "range",
    "referer",
    "retry-after",
    "server",
    "user-agent",
];

/// Fields that are lists of tokens and the like.
const LISTS: &[&str] = &[
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "accept-ranges",
    "allow",
    "cache-control",
    "connection",
    "content-encoding",
    "content-language",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "vary",
    "via",
];

/// Fields that only responses have.
const OF_RESPONSES: &[&str] = &[
    "accept-ranges",
    "age",
    "etag",
    "location",
    "proxy-authenticate",
    "retry-after",
    "server",
    "set-cookie",
    "vary",
    "www-authenticate",
];

/// Fields that only requests have.
const OF_REQUESTS: &[&str] = &[
    "authorization",
    "cookie",
    "expect",
    "from",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "max-forwards",
    "proxy-authorization",
    "range",
    "referer",
    "te",
    "user-agent",
];

#[cfg(test)]
mod tests {
    use super::LINTS;
    use crate::check::lint::tests::{Conversation, raised_of};

    fn with(fields: &str) -> Vec<&'static str> {
        let mut conversation = Conversation::new();
        conversation.data(0, format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n").as_bytes());
        raised_of(LINTS, &conversation)
    }

    #[test]
    fn what_is_large_is_told() {
        assert_eq!(with(&"X: y\r\n".repeat(98)), [""; 0]);
        assert_eq!(with(&"X: y\r\n".repeat(100)), ["many-fields"]);
        assert_eq!(with(&format!("X: {}\r\n", "y".repeat(9000))), ["long-field-line"]);
        let line = format!("X: {}\r\n", "y".repeat(1000));
        assert_eq!(with(&line.repeat(70)), ["large-head"]);
    }

    #[test]
    fn fields_that_may_be_repeated_are() {
        assert_eq!(with("Accept: a/b\r\nAccept: c/d\r\nCookie: a\r\nX: 1\r\nX: 2\r\n"), [""; 0]);
        assert_eq!(with("User-Agent: a\r\nuser-agent: b\r\n"), ["repeated-field"]);
    }
}
