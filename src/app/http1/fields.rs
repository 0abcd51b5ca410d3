//! The fields of an HTTP message, by Wireshark's names where it has them.

use super::Http;
use crate::app::message::{Get, Kind, Message};
use crate::field::{Field, Kind as Type, Value};

/// A field that is the value of a header field, of which the first counts.
macro_rules! header {
    ($name:literal, $header:literal) => {
        Field::new($name, Type::Text, concat!("Value of ", $header), |message, put| {
            if let Some(value) = message.http().and_then(|http| http.head().get($header)) {
                put(Value::Text(&value));
            }
        })
    };
}

/// The fields, those with a common prefix side by side.
pub static FIELDS: &[Field<Get>] = &[
    Field::new("http.request.method", Type::Text, "Method (RFC 9110 9)", |message, put| {
        text(request(message).and_then(|http| http.head().method()), put);
    }),
    Field::new("http.request.uri", Type::Text, "Request target, as sent (RFC 9112 3.2)", |message, put| {
        let target = request(message).and_then(|http| http.head().target());
        text(
            target.filter(|target| !target.is_empty() || request(message).is_some_and(|http| http.http2.is_none())),
            put,
        );
    }),
    Field::new("http.request.version", Type::Text, "Version of a request", |message, put| {
        text(request(message).and_then(version), put);
    }),
    Field::new("http.response.version", Type::Text, "Version of a response", |message, put| {
        text(response(message).and_then(version), put);
    }),
    Field::new("http.response.code", Type::Uint, "Status code (RFC 9110 15)", |message, put| {
        if let Some(code) = response(message).map(|http| http.parsed.code).filter(|code| *code > 0) {
            put(Value::Uint(code.into()));
        }
    }),
    Field::new("http.response.phrase", Type::Text, "Reason phrase (RFC 9112 4)", |message, put| {
        text(
            response(message).filter(|http| !http.nine && http.http2.is_none()).and_then(|http| http.head().phrase()),
            put,
        );
    }),
    Field::new("http.host", Type::Text, "Value of Host", |message, put| {
        if let Some(host) = message.http().and_then(|http| http.head().host()) {
            put(Value::Text(&host));
        }
    }),
    header!("http.user_agent", "User-Agent"),
    header!("http.server", "Server"),
    header!("http.date", "Date"),
    header!("http.connection", "Connection"),
    header!("http.upgrade", "Upgrade"),
    header!("http.content_type", "Content-Type"),
    header!("http.content_length_header", "Content-Length"),
    Field::new("http.content_length", Type::Uint, "Content-Length as a number of bytes", |message, put| {
        let value = message.http().and_then(|http| http.head().get("content-length"));
        let number = value.and_then(|value| std::str::from_utf8(&value).ok()?.parse().ok());
        if let Some(number) = number {
            put(Value::Uint(number));
        }
    }),
    header!("http.content_encoding", "Content-Encoding"),
    header!("http.transfer_encoding", "Transfer-Encoding"),
    header!("http.location", "Location"),
    header!("http.referer", "Referer"),
    header!("http.cookie", "Cookie"),
    Field::list("http.set_cookie", Type::Text, "Values of Set-Cookie", |message, put| {
        let values = message.http().into_iter().flat_map(|http| http.head().all("set-cookie"));
        values.for_each(|value| put(Value::Text(&value)));
    }),
    header!("http.authorization", "Authorization"),
    header!("http.www_authenticate", "WWW-Authenticate"),
    header!("http.accept", "Accept"),
    header!("http.accept_encoding", "Accept-Encoding"),
    header!("http.accept_language", "Accept-Language"),
    header!("http.cache_control", "Cache-Control"),
    header!("http.last_modified", "Last-Modified"),
    header!("http.x_forwarded_for", "X-Forwarded-For"),
    Field::new("http.request_in", Type::Uint, "Frame that completed the request of a response", |message, put| {
        if let Some(frame) = message.request_in {
            put(Value::Uint(frame));
        }
    }),
    Field::new(
        "http.time",
        Type::Duration,
        "Time from the request's last byte to the response's first",
        |message, put| {
            if let Some(time) = message.since_request {
                put(Value::Duration(time));
            }
        },
    ),
    Field::new("http.body.length", Type::Uint, "Bytes of the body captured, transfer coding undone", |message, put| {
        if let Some(http) = message.http() {
            put(Value::Uint(http.body_len));
        }
    }),
    Field::new(
        "http.body.decoded_length",
        Type::Uint,
        "Bytes of the body with its content coding undone, where it has one",
        |message, put| {
            if let Some(len) = message.http().and_then(|http| http.decoded_len) {
                put(Value::Uint(len));
            }
        },
    ),
];

fn request(message: &Message) -> Option<&Http> {
    message.http().filter(|_| message.kind == Kind::Request)
}

fn response(message: &Message) -> Option<&Http> {
    message.http().filter(|_| message.kind == Kind::Response)
}

fn version(http: &Http) -> Option<&[u8]> {
    if http.nine { Some(b"HTTP/0.9") } else { http.head().version() }
}

fn text(value: Option<&[u8]>, put: &mut dyn FnMut(Value<'_>)) {
    if let Some(value) = value {
        put(Value::Text(value));
    }
}
