//! Validators and conditional requests (RFC 9110 8.8, 13).

use super::Seen;
use super::entry::Turn::{Client, Server};
use super::entry::{Lint, lints};
use super::report::{Draft, Report, text};
use super::value::Part;
use crate::issue::Severity;

lints! {
    BAD_ETAG = Lint {
        name: "bad-etag",
        severity: Severity::Warn,
        section: "RFC 9110 8.8.3",
        title: "an entity tag that is not in double quotes",
        help: "write the tag in double quotes: ETag: \"abc\", or W/\"abc\" for a weak one",
        explanation: "An entity tag is a string in double quotes, before which W/ says that it is weak. The quotes belong \
            to it. A client sends back what it got, and a server or a cache that compares strictly finds a tag without \
            quotes equal to none.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nETag: abc\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nETag: \"abc\"\r\nContent-Length: 0\r\n\r\n"),
        ],
        httpolice: &[1000],
        ..Lint::NONE
    };

    BAD_ETAG_CONDITION = Lint {
        name: "bad-etag-condition",
        severity: Severity::Note,
        section: "RFC 9110 13.1.1, 13.1.2",
        title: "an If-Match or If-None-Match that is neither * nor a list of entity tags",
        help: "send back the tag as the server gave it, quotes included: If-None-Match: \"abc\"",
        explanation: "The value is a list of entity tags, each in its double quotes, or a single `*`. One without quotes \
            matches nothing, so that the server sends the whole response again, or refuses the change. A client sends back what it got: look \
            whether the server gave the tag without quotes (bad-etag).",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nIf-None-Match: abc\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nIf-None-Match: \"abc\", W/\"d\"\r\n\r\n")],
        httpolice: &[1000],
        ..Lint::NONE
    };

    WEAK_IF_MATCH = Lint {
        name: "weak-if-match",
        severity: Severity::Note,
        section: "RFC 9110 13.1.1",
        title: "a weak entity tag in If-Match",
        help: "use a strong tag, or If-Unmodified-Since",
        explanation: "If-Match compares strongly: a weak tag equals none, not even itself, so that the condition never \
            holds and the server answers 412.",
        bad: &[Client("DELETE / HTTP/1.1\r\nHost: a.example\r\nIf-Match: W/\"abc\"\r\n\r\n")],
        good: &[Client("DELETE / HTTP/1.1\r\nHost: a.example\r\nIf-Match: \"abc\"\r\n\r\n")],
        httpolice: &[1120],
        ..Lint::NONE
    };

    BAD_IF_RANGE = Lint {
        name: "bad-if-range",
        severity: Severity::Warn,
        section: "RFC 9110 13.1.5",
        title: "an If-Range that is neither an entity tag nor a date",
        help: "send back the ETag, in its double quotes, or the Last-Modified of the response",
        explanation: "If-Range holds the one validator of the response of which a part is there already. Where it cannot \
            be read, it does not match, and the server sends all of it again.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nRange: bytes=5-\r\nIf-Range: abc\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nRange: bytes=5-\r\nIf-Range: \"abc\"\r\n\r\n")],
        httpolice: &[1000],
        ..Lint::NONE
    };

    WEAK_IF_RANGE = Lint {
        name: "weak-if-range",
        severity: Severity::Warn,
        section: "RFC 9110 13.1.5",
        title: "a weak entity tag in If-Range",
        help: "leave Range and If-Range out where the server gave a weak tag alone",
        explanation: "A weak tag says that two representations mean the same, not that their bytes are. Parts of the two \
            put together give neither, so that a client must not ask so.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nRange: bytes=5-\r\nIf-Range: W/\"abc\"\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nRange: bytes=5-\r\nIf-Range: \"abc\"\r\n\r\n")],
        httpolice: &[1135],
        ..Lint::NONE
    };

    IF_RANGE_WITHOUT_RANGE = Lint {
        name: "if-range-without-range",
        severity: Severity::Warn,
        section: "RFC 9110 13.1.5",
        title: "If-Range without Range",
        help: "send If-None-Match for a condition without a range",
        explanation: "If-Range says: send the part if nothing changed, and all of it otherwise. Where no part is asked \
            for, a client must not send it, and a server ignores it.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nIf-Range: \"abc\"\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nIf-None-Match: \"abc\"\r\n\r\n")],
        httpolice: &[1134],
        ..Lint::NONE
    };

    IF_MODIFIED_SINCE_METHOD = Lint {
        name: "if-modified-since-method",
        severity: Severity::Note,
        section: "RFC 9110 13.1.3",
        title: "If-Modified-Since with a method other than GET and HEAD",
        help: "use If-Unmodified-Since or If-Match to guard a change",
        explanation: "The field asks not to be sent what one has. Servers ignore it with any method that does not fetch \
            the representation.",
        bad: &[Client(
            "DELETE / HTTP/1.1\r\nHost: a.example\r\nIf-Modified-Since: Wed, 06 Nov 2024 08:49:37 GMT\r\n\r\n",
        )],
        good: &[Client(
            "DELETE / HTTP/1.1\r\nHost: a.example\r\nIf-Unmodified-Since: Wed, 06 Nov 2024 08:49:37 GMT\r\n\r\n",
        )],
        httpolice: &[1122],
        ..Lint::NONE
    };

    NOT_MODIFIED_UNASKED = Lint {
        name: "not-modified-unasked",
        severity: Severity::Error,
        section: "RFC 9110 15.4.5",
        title: "304 to a request without a condition",
        help: "send 200 and the body unless the request has If-None-Match or If-Modified-Since",
        explanation: "304 says that what the client has is still good. A client that did not say what it has may have \
            nothing, and then it has nothing to show.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 304 Not Modified\r\nETag: \"abc\"\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\nIf-None-Match: \"abc\"\r\n\r\n"),
            Server("HTTP/1.1 304 Not Modified\r\nETag: \"abc\"\r\n\r\n"),
        ],
        httpolice: &[1125],
        ..Lint::NONE
    };

    NOT_MODIFIED_TO_OTHER_METHOD = Lint {
        name: "not-modified-to-other-method",
        severity: Severity::Warn,
        section: "RFC 9110 13.1.2",
        title: "304 to a method other than GET and HEAD",
        help: "send 412 where the condition of a change does not hold",
        explanation: "304 is for requests that fetch. Where the condition of another method is false, the code is 412 \
            (Precondition Failed).",
        bad: &[
            Client("DELETE / HTTP/1.1\r\nHost: a.example\r\nIf-None-Match: \"abc\"\r\n\r\n"),
            Server("HTTP/1.1 304 Not Modified\r\n\r\n"),
        ],
        good: &[
            Client("DELETE / HTTP/1.1\r\nHost: a.example\r\nIf-None-Match: \"abc\"\r\n\r\n"),
            Server("HTTP/1.1 412 Precondition Failed\r\nContent-Length: 0\r\n\r\n"),
        ],
        httpolice: &[1124],
        ..Lint::NONE
    };

    PRECONDITION_FAILED_UNASKED = Lint {
        name: "precondition-failed-unasked",
        severity: Severity::Warn,
        section: "RFC 9110 15.5.13",
        title: "412 to a request without a condition",
        help: "send 409 where the state forbids the change, or 428 to demand a condition",
        explanation: "412 says that a condition of the request does not hold, and the request has none.",
        bad: &[
            Client("DELETE / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 412 Precondition Failed\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("DELETE / HTTP/1.1\r\nHost: a.example\r\nIf-Match: \"abc\"\r\n\r\n"),
            Server("HTTP/1.1 412 Precondition Failed\r\nContent-Length: 0\r\n\r\n"),
        ],
        httpolice: &[1125],
        ..Lint::NONE
    };

    NOT_MODIFIED_OTHER_ETAG = Lint {
        name: "not-modified-other-etag",
        severity: Severity::Note,
        section: "RFC 9110 13.1.2",
        title: "304 with an entity tag that the request did not name",
        help: "compare If-None-Match with the tag that the response would have",
        explanation: "Where a request has If-None-Match, 304 means that the tag of what is there is one of those that it \
            names. The tag of the response is another one, so that the client keeps what is out of date, or the server \
            changes tags on their way, as some do when they compress.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\nIf-None-Match: \"abc\"\r\n\r\n"),
            Server("HTTP/1.1 304 Not Modified\r\nETag: \"def\"\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\nIf-None-Match: W/\"abc\"\r\n\r\n"),
            Server("HTTP/1.1 304 Not Modified\r\nETag: \"abc\"\r\n\r\n"),
        ],
        ..Lint::NONE
    };

    IGNORED_CONDITION = Lint {
        name: "ignored-condition",
        severity: Severity::Note,
        section: "RFC 9110 13.1.2, 13.1.3",
        title: "200 with the body, although the client has what is sent",
        help: "answer 304 without a body where If-None-Match or If-Modified-Since says so",
        explanation: "The response's ETag is one that the request's If-None-Match names, or, without that field, its \
            Last-Modified is no later than If-Modified-Since: the client has this representation already, and 304 \
            would have told it so in fewer bytes.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\nIf-None-Match: \"abc\"\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nETag: \"abc\"\r\nContent-Length: 2\r\n\r\nok"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\nIf-None-Match: \"abc\"\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nETag: \"def\"\r\nContent-Length: 2\r\n\r\nok"),
        ],
        httpolice: &[1121, 1123],
        ..Lint::NONE
    };

    EMPTY_LENGTH_OF_304 = Lint {
        name: "empty-length-of-304",
        severity: Severity::Note,
        section: "RFC 9110 8.6",
        title: "304 with Content-Length: 0",
        help: "leave Content-Length out of a 304",
        explanation: "Content-Length in a 304 is the length that the body of a 200 would have had, not that of the 304, \
            which never has one. Zero tells a cache that what it keeps has become empty, and some act on it.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\nIf-None-Match: \"abc\"\r\n\r\n"),
            Server("HTTP/1.1 304 Not Modified\r\nETag: \"abc\"\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\nIf-None-Match: \"abc\"\r\n\r\n"),
            Server("HTTP/1.1 304 Not Modified\r\nETag: \"abc\"\r\n\r\n"),
        ],
        ..Lint::NONE
    };
}

/// Fields that make a request conditional (RFC 9110 13.1), those of WebDAV included.
const CONDITIONS: &[&str] =
    &["if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range", "if"];

/// Looks at validators and conditions.
pub(super) fn message(seen: &Seen<'_>, report: &mut Report<'_>) {
    for value in seen.values("etag").filter(|value| !is_etag(value.text)) {
        report.add(Draft::new(&BAD_ETAG).head(value.span()).found(text(value.text)));
    }
    if seen.is_request() {
        request(seen, report);
    } else if seen.is_head_whole() {
        response(seen, report);
    }
}

fn request(seen: &Seen<'_>, report: &mut Report<'_>) {
    for name in ["if-match", "if-none-match"] {
        for value in seen.values(name) {
            // An element cannot be told from the next one where a tag has no quotes: one finding a value.
            let bad = value.elements().find(|tag| !is_etag(tag.text));
            if value.text != b"*" && (bad.is_some() || value.is_empty()) {
                let part = bad.unwrap_or(value);
                report.add(Draft::new(&BAD_ETAG_CONDITION).head(part.span()).found(text(part.text)));
            }
        }
    }
    if let Some(tag) = seen.elements("if-match").find(|tag| is_etag(tag.text) && is_weak(tag.text)) {
        report.add(Draft::new(&WEAK_IF_MATCH).head(tag.span()).found(text(tag.text)));
    }
    if let Some(value) = seen.value("if-range") {
        let is_date = super::date::parse(value.text, seen.message.first_time).is_ok();
        if !is_etag(value.text) && !is_date {
            report.add(Draft::new(&BAD_IF_RANGE).head(value.span()).found(text(value.text)));
        } else if is_weak(value.text) {
            report.add(Draft::new(&WEAK_IF_RANGE).head(value.span()).found(text(value.text)));
        }
        if seen.is_head_whole() && !seen.has_field("range") {
            report.add(Draft::new(&IF_RANGE_WITHOUT_RANGE).head(value.span()));
        }
    }
    let method = seen.head.method().unwrap_or_default();
    let changes = [&b"POST"[..], b"PUT", b"PATCH", b"DELETE"].contains(&method);
    if let Some(value) = seen.value("if-modified-since").filter(|_| changes) {
        report.add(Draft::new(&IF_MODIFIED_SINCE_METHOD).head(value.span()).found(text(method)));
    }
}

fn response(seen: &Seen<'_>, report: &mut Report<'_>) {
    let (Some(code), Some(request)) = (seen.code(), seen.asked()) else { return };
    let at_code = |lint| Draft::new(lint).head(seen.code_span());
    let is_conditional = CONDITIONS.iter().any(|name| request.get(name).is_some());
    let method = request.method().unwrap_or_default();
    let fetches = method == b"GET" || method == b"HEAD";
    match code {
        304 if !is_conditional => report.add(at_code(&NOT_MODIFIED_UNASKED)),
        304 if !fetches => report.add(at_code(&NOT_MODIFIED_TO_OTHER_METHOD).found(text(method))),
        412 if !is_conditional => report.add(at_code(&PRECONDITION_FAILED_UNASKED)),
        _ => {}
    }
    let etag = seen.value("etag").filter(|etag| is_etag(etag.text));
    let named = || request.list("if-none-match");
    let is_named = |etag: Part<'_>| named().any(|tag| tag == b"*" || opaque(tag) == opaque(etag.text));
    if code == 304
        && let Some(etag) = etag.filter(|etag| named().next().is_some() && !is_named(*etag))
    {
        let expected = named().next().map(text).unwrap_or_default();
        report.add(Draft::new(&NOT_MODIFIED_OTHER_ETAG).head(etag.span()).found(text(etag.text)).expected(expected));
    }
    if code == 304
        && let Some(length) = seen.value("content-length").filter(|length| length.number() == Some(0))
    {
        report.add(Draft::new(&EMPTY_LENGTH_OF_304).head(length.span()));
    }
    // A request for a part, or one that wants no stored response, may be meant otherwise.
    if code == 200 && method == b"GET" && seen.has_body() && request.get("range").is_none() {
        let has_it = match etag {
            _ if named().next().is_none() => is_no_later(seen, request.get("if-modified-since").as_deref()),
            Some(etag) => is_named(etag),
            None => false,
        };
        if has_it {
            report.add(at_code(&IGNORED_CONDITION));
        }
    }
}

/// Whether the response's Last-Modified is no later than this.
fn is_no_later(seen: &Seen<'_>, since: Option<&[u8]>) -> bool {
    let date = |text: &[u8]| super::date::parse(text, seen.message.first_time).ok().map(|date| date.seconds);
    let modified = seen.value("last-modified").and_then(|value| date(value.text));
    let since = since.and_then(date);
    modified.is_some() && since.is_some() && modified <= since
}

/// `[ "W/" ] DQUOTE *etagc DQUOTE` (RFC 9110 8.8.3).
fn is_etag(tag: &[u8]) -> bool {
    let inner = opaque(tag).strip_prefix(b"\"").and_then(|tag| tag.strip_suffix(b"\""));
    inner.is_some_and(|inner| inner.iter().all(|&byte| byte == 0x21 || (0x23..=0x7e).contains(&byte) || byte > 0x7f))
}

fn is_weak(tag: &[u8]) -> bool {
    tag.starts_with(b"W/")
}

/// Without the mark of a weak tag: what the weak comparison compares.
fn opaque(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entity_tags() {
        for good in ["\"\"", "\"abc\"", "W/\"a,b\"", "\"a\\b\""] {
            assert!(is_etag(good.as_bytes()), "{good}");
        }
        for bad in ["", "abc", "\"", "\"abc", "w/\"abc\"", "W/abc", "\"a b\"", "\"a\"b\"", "*"] {
            assert!(!is_etag(bad.as_bytes()), "{bad}");
        }
    }
}
