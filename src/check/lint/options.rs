//! The Connection field and what goes with it (RFC 9110 7.6.1 and 7.8, RFC 9112 9 and C.2).

use std::ops::Range;

use super::Seen;
use super::entry::Turn::{Client, Server};
use super::entry::{Lint, lints};
use super::report::{Draft, Report, text};
use crate::app::http1::head::{FieldLine, Version};
use crate::issue::Severity;

/// Connection options of a message that are looked at, each beside all its fields.
const MAX_OPTIONS: usize = 32;

const ASKED: super::Turn = Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n");
const ANSWERED: super::Turn = Server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");

lints! {
    CONNECTION_NAMES_FIELD = Lint {
        name: "connection-names-field",
        severity: Severity::Warn,
        section: "RFC 9110 7.6.1",
        title: "Connection names a field that is for all recipients",
        help: "name in Connection only fields that are for the next program on the path",
        explanation: "What Connection names is removed by the next proxy. A sender must not name a field that is meant for \
            everybody who gets the content, such as Cache-Control or Content-Type.",
        bad: &[
            ASKED,
            Server("HTTP/1.1 200 OK\r\nConnection: cache-control\r\nCache-Control: no-store\r\nContent-Length: 2\r\n\r\nok"),
        ],
        good: &[ASKED, Server("HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 2\r\n\r\nok")],
        httpolice: &[1034],
        ..Lint::NONE
    };

    UNKNOWN_OPTION = Lint {
        name: "unknown-connection-option",
        severity: Severity::Note,
        section: "RFC 9110 7.6.1",
        title: "a connection option that nobody knows",
        help: "write close or keep-alive, or the name of a field of the same message",
        explanation: "An option is close, keep-alive, or the name of a field that goes no further than the next program. \
            Another one is ignored, so that `Connection: closed` does not announce anything.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nConnection: closed\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n")],
        ..Lint::NONE
    };

    CLOSE_AND_KEEP_ALIVE = Lint {
        name: "close-and-keep-alive",
        severity: Severity::Warn,
        section: "RFC 9112 9.3",
        title: "Connection says both close and keep-alive",
        help: "say one of them; in HTTP/1.1 nothing at all means keep-alive",
        explanation: "With close the connection ends after this message, whatever else is said. What contradicts itself was \
            put together by two programs, or by one that appends where it was to replace.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close, keep-alive\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n")],
        ..Lint::NONE
    };

    NEEDLESS_KEEP_ALIVE = Lint {
        name: "needless-keep-alive",
        severity: Severity::Chat,
        section: "RFC 9112 9.3",
        title: "Connection: keep-alive in HTTP/1.1",
        help: "leave it out: it is the default",
        explanation: "A connection of HTTP/1.1 stays open unless one end says close. Many browsers and servers say \
            keep-alive all the same, for the sake of HTTP/1.0.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nConnection: keep-alive\r\n\r\n")],
        good: &[ASKED, ANSWERED],
        ..Lint::NONE
    };

    KEEP_ALIVE_ALONE = Lint {
        name: "keep-alive-field-alone",
        severity: Severity::Chat,
        section: "RFC 9112 C.2.2",
        title: "a Keep-Alive field without Connection: keep-alive",
        help: "send Connection: keep-alive with it, or leave it out",
        explanation: "The Keep-Alive field is for the next program alone, so that Connection has to name it.",
        bad: &[ASKED, Server("HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5\r\nContent-Length: 2\r\n\r\nok")],
        good: &[ASKED, ANSWERED],
        ..Lint::NONE
    };

    PROXY_CONNECTION = Lint {
        name: "proxy-connection",
        severity: Severity::Note,
        section: "RFC 9112 C.2.2",
        title: "a Proxy-Connection field",
        help: "send Connection",
        explanation: "The field was made up for proxies that do not know Connection, and clients are told not to send it in \
            any request: a chain of old and new proxies leaves the connection hanging.",
        bad: &[Client("GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\nProxy-Connection: keep-alive\r\n\r\n")],
        good: &[Client("GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        httpolice: &[1197],
        ..Lint::NONE
    };

    UPGRADE_ALONE = Lint {
        name: "upgrade-without-connection",
        severity: Severity::Warn,
        section: "RFC 9110 7.8",
        title: "an Upgrade field without Connection: upgrade",
        help: "send Connection: upgrade with it",
        explanation: "Upgrade is for the next program on the path alone, and a sender must name it in Connection, so that a \
            proxy that does not know it leaves it out. Without the option a server ignores the wish.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nUpgrade: foo\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nUpgrade: foo\r\nConnection: upgrade\r\n\r\n")],
        httpolice: &[1050],
        ..Lint::NONE
    };

    TE_ALONE = Lint {
        name: "te-without-connection",
        severity: Severity::Note,
        section: "RFC 9110 10.1.4",
        title: "a TE field without Connection: TE",
        help: "send Connection: TE with it",
        explanation: "TE is for the next program on the path alone, and a sender must name it in Connection: a proxy that \
            passes it on promises what it cannot keep.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nTE: trailers\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nTE: trailers\r\nConnection: TE\r\n\r\n")],
        httpolice: &[1029],
        ..Lint::NONE
    };

    TE_CHUNKED = Lint {
        name: "te-chunked",
        severity: Severity::Note,
        section: "RFC 9110 10.1.4",
        title: "chunked in TE",
        help: "leave it out: every recipient of HTTP/1.1 takes chunks",
        explanation: "TE tells which codings beside chunked the client takes. Chunked is always taken, and a client must \
            not list it.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nTE: chunked\r\nConnection: TE\r\n\r\n")],
        good: &[ASKED],
        httpolice: &[1028],
        ..Lint::NONE
    };
}

/// Looks at the options that a message has for its connection.
pub(super) fn message(seen: &Seen<'_>, report: &mut Report<'_>) {
    let names = |option: &'static [u8]| seen.head.list("connection").any(|own| own.eq_ignore_ascii_case(option));
    options(seen, report);
    if let Some(field) = seen.named("connection").next() {
        if names(b"close") && names(b"keep-alive") {
            report.add(Draft::new(&CLOSE_AND_KEEP_ALIVE).head(field.value));
        } else if names(b"keep-alive") && seen.http.parsed.version >= Some(Version::HTTP_11) {
            report.add(Draft::new(&NEEDLESS_KEEP_ALIVE).head(field.value));
        }
    }
    if let Some(field) = seen.named("proxy-connection").next() {
        report.add(Draft::new(&PROXY_CONNECTION).head(field.name));
    }
    if let Some(field) = seen.named("te").next()
        && seen.head.list("te").any(|coding| coding.eq_ignore_ascii_case(b"chunked"))
    {
        report.add(Draft::new(&TE_CHUNKED).head(field.value));
    }
    let alone: [(&'static str, &'static Lint); 3] =
        [("keep-alive", &KEEP_ALIVE_ALONE), ("upgrade", &UPGRADE_ALONE), ("te", &TE_ALONE)];
    for (name, lint) in alone {
        // A Connection field that is missing may be in what was not captured.
        if let Some(field) = seen.named(name).next()
            && seen.is_head_whole()
            && !names(name.as_bytes())
        {
            report.add(Draft::new(lint).head(field.name));
        }
    }
}

/// Looks at each option.
fn options(seen: &Seen<'_>, report: &mut Report<'_>) {
    let of_field = |field: &'_ FieldLine| {
        let place: Range<usize> = field.value.into();
        field
            .value
            .of(seen.head.bytes)
            .split(|byte| *byte == b',')
            .map(move |option| (place.clone(), option.trim_ascii()))
    };
    let all = seen.named("connection").flat_map(of_field).filter(|(_, option)| !option.is_empty());
    for (place, option) in all.take(MAX_OPTIONS) {
        let is_any_of = |names: &[&str]| names.iter().any(|name| name.as_bytes().eq_ignore_ascii_case(option));
        let names_field = || seen.fields().any(|(_, name)| name.eq_ignore_ascii_case(option));
        if is_any_of(END_TO_END) {
            report.add(Draft::new(&CONNECTION_NAMES_FIELD).head(place).found(text(option)));
        } else if !is_any_of(OPTIONS) && seen.is_head_whole() && !names_field() {
            report.add(Draft::new(&UNKNOWN_OPTION).head(place).found(text(option)));
        }
    }
}

/// Options that need no field.
const OPTIONS: &[&str] = &["close", "keep-alive", "upgrade", "te", "http2-settings", "proxy-authenticate", "trailer"];

/// Fields for whoever gets the content.
const END_TO_END: &[&str] = &[
    "accept",
    "accept-encoding",
    "authorization",
    "cache-control",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-range",
    "content-type",
    "cookie",
    "date",
    "etag",
    "expires",
    "host",
    "last-modified",
    "location",
    "range",
    "server",
    "set-cookie",
    "user-agent",
    "vary",
    "www-authenticate",
];
