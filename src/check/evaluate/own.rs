//! Fields that rules have beside those of the registry: places, times, addresses of resources, bodies.

use std::ops::RangeInclusive;

use super::vocabulary::Needs;
use crate::app::http1::Http;
use crate::app::message::{Kind, Message};
use crate::check::trace::wire::Closed;
use crate::check::trace::{Held, Kept, Trace};
use crate::field::{Field, Kind as Type, Value};
use crate::issue::Issue;

/// Gets the values of a field of a message.
pub type Get = for<'a> fn(&'a Trace, &'a Kept, &mut dyn FnMut(Value<'_>));
/// Gets the values of a field of a connection.
pub type ConnectionGet = for<'a> fn(&'a Held, &mut dyn FnMut(Value<'_>));

/// The field that has a message's body.
pub const BODY: &str = "http.body";

/// Fields of a message, and what they need.
pub static MESSAGE: &[(Field<Get>, Needs)] = &[
    (
        Field::new("http", Type::Bool, "There where it is an HTTP message", |_, kept, put| there(kept, None, put)),
        Needs::Nothing,
    ),
    (
        Field::new("http.request", Type::Bool, "There where it is an HTTP request", |_, kept, put| {
            there(kept, Some(Kind::Request), put);
        }),
        Needs::Nothing,
    ),
    (
        Field::new("http.response", Type::Bool, "There where it is an HTTP response", |_, kept, put| {
            there(kept, Some(Kind::Response), put);
        }),
        Needs::Nothing,
    ),
    (
        Field::new(
            "message.nth",
            Type::Uint,
            "Number among the messages of its kind on its connection, from 1",
            |_, kept, put| {
                put(Value::Uint(kept.nth as u64 + 1));
            },
        ),
        Needs::Before,
    ),
    (
        Field::new(
            "message.order",
            Type::Uint,
            "Number among the messages of its kind in the capture, from 1",
            |_, kept, put| {
                put(Value::Uint(kept.order as u64 + 1));
            },
        ),
        Needs::Capture,
    ),
    (
        Field::new("message.time", Type::Time, "Capture time of its first byte", |_, kept, put| {
            put(Value::Time(kept.message.first_time));
        }),
        Needs::Frames,
    ),
    (
        Field::new(
            "message.since_start",
            Type::Duration,
            "Seconds from the capture's first frame to its first byte",
            |trace, kept, put| {
                put(Value::Duration(kept.message.first_time.since(trace.begun)));
            },
        ),
        Needs::Frames,
    ),
    (
        Field::new("message.duration", Type::Duration, "Seconds from its first byte to its last", |_, kept, put| {
            put(Value::Duration(kept.message.last_time.since(kept.message.first_time)));
        }),
        Needs::Frames,
    ),
    (
        Field::list("http.issues", Type::Text, "What is odd in the head or the framing, by name", |_, kept, put| {
            let issues = kept.message.issues.iter().filter(|issue| SYNTAX.contains(&(*issue as u8)));
            issues.for_each(|issue| put(Value::Text(issue.name().as_bytes())));
        }),
        Needs::Side,
    ),
    (
        Field::new("http.head", Type::Text, "The head as sent, its line ends included", |_, kept, put| {
            if let Some(http) = kept.message.http() {
                put(Value::Text(&http.raw));
            }
        }),
        Needs::Head,
    ),
    (
        Field::new(
            "http.request.full_uri",
            Type::Text,
            "What a request asks for, as an absolute URI",
            |_, kept, put| {
                if let Some(uri) = full_uri(&kept.message) {
                    put(Value::Text(uri.as_bytes()));
                }
            },
        ),
        Needs::Head,
    ),
    (
        Field::new(
            "http.location.full_uri",
            Type::Text,
            "Where Location leads, as an absolute URI",
            |trace, kept, put| {
                if let Some(uri) = full_location(trace, kept) {
                    put(Value::Text(uri.as_bytes()));
                }
            },
        ),
        Needs::Head,
    ),
    (
        Field::new(
            "http.body",
            Type::Text,
            "The body, its codings undone, up to `--limit body` (1 MiB)",
            |_, kept, put| {
                if let Some(http) = kept.message.http() {
                    put(Value::Text(&http.preview));
                }
            },
        ),
        Needs::All,
    ),
    (
        Field::new(
            "http.body.sha256",
            Type::Text,
            "SHA-256 of the body, transfer coding undone, in hexadecimal",
            |_, kept, put| {
                if let Some(sum) = kept.sha256 {
                    put(Value::Text(hexadecimal(&sum).as_bytes()));
                }
            },
        ),
        Needs::All,
    ),
];

/// Fields of a connection.
pub static CONNECTION: &[Field<ConnectionGet>] = &[Field::list(
    "connection.closed_by",
    Type::Text,
    "client or server: who closed it first, without the other's FIN or RST; both where neither knew of the other's",
    |held, put| {
        let Some(client) = held.connection.flow.client else { return };
        let mut name = |end: usize| put(Value::Text(if end == client { b"client" } else { b"server" }));
        match held.known.closed {
            Closed::By(end) => name(end),
            Closed::Both(first) => {
                name(first);
                name(1 - first);
            }
            Closed::Unknown => {}
        }
    },
)];

/// Issues of heads and framing, which what carried the message has no part in.
const SYNTAX: RangeInclusive<u8> = Issue::BareLf as u8..=Issue::ExcessData as u8;

/// Hands on `true` of an HTTP message, of this kind.
fn there(kept: &Kept, kind: Option<Kind>, put: &mut dyn FnMut(Value<'_>)) {
    if kept.message.http().is_some() && kind.is_none_or(|kind| kind == kept.message.kind) {
        put(Value::Bool(true));
    }
}

/// Bytes in hexadecimal.
pub fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

/// The target URI of a request (RFC 9112 3.3), of `http`, without the port 80 and with the host in lower case.
pub fn full_uri(message: &Message) -> Option<String> {
    let http = message.http().filter(|_| message.kind == Kind::Request)?;
    let target = String::from_utf8_lossy(http.head().target()?).into_owned();
    Some(if is_absolute(&target) { normal(&target) } else { format!("http://{}{target}", host(http)) })
}

fn host(http: &Http) -> String {
    let host = http.head().host().unwrap_or_default();
    let host = String::from_utf8_lossy(&host).to_ascii_lowercase();
    host.strip_suffix(":80").unwrap_or(&host).to_owned()
}

/// The value of Location, resolved against the request that is answered (RFC 9110 10.2.2, RFC 3986 5.2).
fn full_location(trace: &Trace, kept: &Kept) -> Option<String> {
    let location = kept.message.http().filter(|_| kept.message.kind == Kind::Response)?.head().get("location")?;
    let location = String::from_utf8_lossy(&location).into_owned();
    let location = location.split('#').next().unwrap_or_default();
    if is_absolute(location) {
        return Some(normal(location));
    }
    let base = full_uri(&trace.messages.get(kept.pair?)?.message)?;
    let (scheme, rest) = base.split_once("://")?;
    if let Some(rest) = location.strip_prefix("//") {
        return Some(normal(&format!("{scheme}://{rest}")));
    }
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let path = rest[authority.len()..].split('?').next().unwrap_or_default();
    let resolved = match location {
        _ if location.starts_with('/') => without_dots(location),
        "" => rest[authority.len()..].to_owned(),
        _ if location.starts_with('?') => format!("{path}{location}"),
        _ => {
            let folder = path.rfind('/').map_or("/", |slash| &path[..=slash]);
            without_dots(&format!("{folder}{location}"))
        }
    };
    Some(format!("{scheme}://{authority}{resolved}"))
}

/// Whether it begins with a scheme and an authority.
fn is_absolute(uri: &str) -> bool {
    let is_scheme =
        |scheme: &str| scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && !scheme.contains(['/', '?']);
    uri.split_once("://").is_some_and(|(scheme, _)| is_scheme(scheme))
}

/// Scheme and host in lower case, no default port, a path (RFC 9110 4.2.3).
fn normal(uri: &str) -> String {
    let Some((scheme, rest)) = uri.split_once("://") else { return uri.to_owned() };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let path = &rest[authority.len()..];
    let scheme = scheme.to_ascii_lowercase();
    let host = authority.to_ascii_lowercase();
    let port = if scheme == "https" { ":443" } else { ":80" };
    let slash = if path.starts_with('/') { "" } else { "/" };
    format!("{scheme}://{}{slash}{path}", host.strip_suffix(port).unwrap_or(&host))
}

/// A path without `.` and `..` (RFC 3986 5.2.4); what follows `?` stays.
fn without_dots(path: &str) -> String {
    let (path, query) = path.split_at(path.find('?').unwrap_or(path.len()));
    let mut parts: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            "." => {}
            ".." => {
                parts.pop();
            }
            _ => parts.push(segment),
        }
        if is_last && matches!(segment, "." | "..") {
            parts.push("");
        }
    }
    format!("/{}{query}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lose_their_dots() {
        for (path, without) in [
            ("/a/./b/../c", "/a/c"),
            ("/..", "/"),
            ("/a/..", "/"),
            ("/a/.", "/a/"),
            ("/a?x=/../y", "/a?x=/../y"),
            ("/", "/"),
        ] {
            assert_eq!(without_dots(path), without);
        }
    }

    #[test]
    fn uris_are_compared_in_their_normal_form() {
        assert_eq!(normal("HTTP://Host:80"), "http://host/");
        assert_eq!(normal("https://h:443/a?b"), "https://h/a?b");
        assert!(is_absolute("http://h") && !is_absolute("/a?u=http://h") && !is_absolute("x"));
    }

    #[test]
    fn bytes_are_two_digits_each() {
        assert_eq!(hexadecimal(&[0, 0x1f, 0xa0]), "001fa0");
    }
}
