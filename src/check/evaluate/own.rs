//! Fields that rules have beside those of the registry: places, times, addresses of resources, bodies.

use std::ops::RangeInclusive;

use super::vocabulary::Needs;
use crate::app::http1::uri;
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

/// The target URI of a request.
pub fn full_uri(message: &Message) -> Option<String> {
    message.http().filter(|_| message.kind == Kind::Request).and_then(|http| uri::of_request(http.head()))
}

/// The value of Location, resolved against the request that is answered (RFC 9110 10.2.2).
fn full_location(trace: &Trace, kept: &Kept) -> Option<String> {
    let location = kept.message.http().filter(|_| kept.message.kind == Kind::Response)?.head().get("location")?;
    let location = String::from_utf8_lossy(&location);
    if uri::is_absolute(location.split('#').next().unwrap_or_default()) {
        return Some(uri::resolve("", &location));
    }
    let base = full_uri(&trace.messages.get(kept.pair?)?.message)?;
    Some(uri::resolve(&base, &location))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_two_digits_each() {
        assert_eq!(hexadecimal(&[0, 0x1f, 0xa0]), "001fa0");
    }
}
