//! The fields of HTTP/2, by Wireshark's names where it has them.

use super::frame::{Header, PREFACE, flag, kind};
use super::{Control, Part, Priority, Says};
use crate::app::http1::Http;
use crate::app::http1::head::HeadRef;
use crate::app::message::{Get, Message, Unit};
use crate::field::{Field, Kind as Type, Value};

/// A flag of each frame that may have it.
macro_rules! flagged {
    ($name:literal, $kinds:pat, $flag:expr, $doc:literal) => {
        Field::list($name, Type::Bool, $doc, |message, put| {
            let of_kind = frames(message).iter().filter(|frame| matches!(frame.kind, $kinds));
            of_kind.for_each(|frame| put(Value::Bool(frame.has($flag))));
        })
    };
}

/// The value of a pseudo-header field.
macro_rules! pseudo {
    ($name:literal, $pseudo:literal) => {
        Field::new($name, Type::Text, concat!("Value of ", $pseudo), |message, put| {
            if let Some(value) = part(message).and_then(|part| part.pseudo($pseudo)) {
                put(Value::Text(value));
            }
        })
    };
}

/// The values of a field.
macro_rules! header {
    ($name:literal, $header:literal) => {
        Field::list($name, Type::Text, concat!("Values of ", $header), |message, put| {
            let head = http(message).map(Http::head);
            head.into_iter().flat_map(|head| head.all($header)).for_each(|value| put(Value::Text(&value)));
        })
    };
}

/// The values of a setting.
macro_rules! setting {
    ($name:literal, $ids:pat, $doc:literal) => {
        Field::list($name, Type::Uint, $doc, |message, put| {
            let of_id = settings(message).iter().filter(|(id, _)| matches!(id, $ids));
            of_id.for_each(|(_, value)| put(Value::Uint((*value).into())));
        })
    };
}

/// The fields, those with a common prefix side by side.
pub static FIELDS: &[Field<Get>] = &[
    Field::new("http2.magic", Type::Text, "The connection preface", |message, put| {
        if control(message).is_some_and(|control| control.says == Says::Preface) {
            put(Value::Text(PREFACE));
        }
    }),
    Field::new("http2.streamid", Type::Uint, "The stream of its first frame; 0 for the connection", |message, put| {
        if let Some(frame) = frames(message).first() {
            put(Value::Uint(frame.stream.into()));
        }
    }),
    Field::new("http2.frame_count", Type::Uint, "How many frames of HTTP/2 it has", |message, put| {
        let count = part(message).map_or(frames(message).len() as u64, |part| part.frame_count);
        if unit(message) {
            put(Value::Uint(count));
        }
    }),
    Field::list("http2.type", Type::Uint, "Types of its first 256 frames", |message, put| {
        frames(message).iter().for_each(|frame| put(Value::Uint(frame.kind.into())));
    }),
    Field::list("http2.length", Type::Uint, "Lengths of their payloads", |message, put| {
        frames(message).iter().for_each(|frame| put(Value::Uint(frame.len.into())));
    }),
    Field::list("http2.flags", Type::Uint, "Their flags", |message, put| {
        frames(message).iter().for_each(|frame| put(Value::Uint(frame.flags.into())));
    }),
    flagged!(
        "http2.flags.end_stream",
        kind::DATA | kind::HEADERS,
        flag::END_STREAM,
        "Whether DATA or HEADERS are the last of the stream's direction"
    ),
    flagged!(
        "http2.flags.eh",
        kind::HEADERS | kind::CONTINUATION | kind::PUSH_PROMISE,
        flag::END_HEADERS,
        "Whether HEADERS, CONTINUATION or PUSH_PROMISE end a field block"
    ),
    flagged!(
        "http2.flags.padded",
        kind::DATA | kind::HEADERS | kind::PUSH_PROMISE,
        flag::PADDED,
        "Whether DATA, HEADERS or PUSH_PROMISE have padding"
    ),
    flagged!("http2.flags.priority", kind::HEADERS, flag::PRIORITY, "Whether HEADERS have a priority"),
    flagged!("http2.flags.ack.settings", kind::SETTINGS, flag::ACK, "Whether it acknowledges settings"),
    flagged!("http2.flags.ack.ping", kind::PING, flag::ACK, "Whether it answers a ping"),
    Field::new("http2.exclusive", Type::Bool, "Whether its stream is to depend alone on another", |message, put| {
        if let Some(priority) = priority(message) {
            put(Value::Bool(priority.exclusive));
        }
    }),
    Field::new("http2.stream_dependency", Type::Uint, "The stream on which its stream depends", |message, put| {
        if let Some(priority) = priority(message) {
            put(Value::Uint(priority.on.into()));
        }
    }),
    Field::new("http2.headers.weight", Type::Uint, "The weight of its stream as sent: less 1", |message, put| {
        if let Some(priority) = priority(message) {
            put(Value::Uint(u64::from(priority.weight) - 1));
        }
    }),
    Field::new("http2.headers.weight_real", Type::Uint, "The weight of its stream, from 1 to 256", |message, put| {
        if let Some(priority) = priority(message) {
            put(Value::Uint(priority.weight.into()));
        }
    }),
    pseudo!("http2.headers.method", ":method"),
    pseudo!("http2.headers.scheme", ":scheme"),
    pseudo!("http2.headers.authority", ":authority"),
    pseudo!("http2.headers.path", ":path"),
    Field::new("http2.headers.status", Type::Uint, "Value of :status", |message, put| {
        let status = part(message).and_then(|part| std::str::from_utf8(part.pseudo(":status")?).ok()?.parse().ok());
        if let Some(status) = status {
            put(Value::Uint(status));
        }
    }),
    header!("http2.headers.accept", "accept"),
    header!("http2.headers.accept_encoding", "accept-encoding"),
    header!("http2.headers.authorization", "authorization"),
    header!("http2.headers.cache_control", "cache-control"),
    header!("http2.headers.content_encoding", "content-encoding"),
    Field::new("http2.headers.content_length", Type::Uint, "Value of content-length", |message, put| {
        let value = http(message).and_then(|http| http.head().get("content-length"));
        if let Some(number) = value.and_then(|value| std::str::from_utf8(&value).ok()?.parse().ok()) {
            put(Value::Uint(number));
        }
    }),
    header!("http2.headers.content_type", "content-type"),
    header!("http2.headers.cookie", "cookie"),
    header!("http2.headers.date", "date"),
    header!("http2.headers.etag", "etag"),
    header!("http2.headers.last_modified", "last-modified"),
    header!("http2.headers.location", "location"),
    header!("http2.headers.referer", "referer"),
    header!("http2.headers.server", "server"),
    header!("http2.headers.set_cookie", "set-cookie"),
    header!("http2.headers.user_agent", "user-agent"),
    Field::list(
        "http2.header.name",
        Type::Text,
        "Names of all its fields, pseudo-header fields first",
        |message, put| {
            let Some((part, head, trailer)) = lines(message) else { return };
            part.pseudo.iter().for_each(|(name, _)| put(Value::Text(name)));
            for part in [head, trailer] {
                part.head.fields.iter().for_each(|line| put(Value::Text(part.name(line))));
            }
        },
    ),
    Field::list("http2.header.value", Type::Text, "Their values", |message, put| {
        let Some((part, head, trailer)) = lines(message) else { return };
        part.pseudo.iter().for_each(|(_, value)| put(Value::Text(value)));
        for part in [head, trailer] {
            part.head.fields.iter().for_each(|line| put(Value::Text(line.value.of(part.bytes))));
        }
    }),
    Field::new(
        "http2.header.unknown",
        Type::Uint,
        "Fields not all of which is known: bytes are missing",
        |message, put| {
            if let Some(unknown) = part(message).map(|part| part.unknown).filter(|unknown| *unknown > 0) {
                put(Value::Uint(unknown.into()));
            }
        },
    ),
    Field::new(
        "http2.push_promise.promised_stream_id",
        Type::Uint,
        "The stream of the response that is promised",
        |message, put| {
            if let Some(part) = part(message).filter(|part| part.promised_on.is_some()) {
                put(Value::Uint(part.stream.into()));
            }
        },
    ),
    Field::list("http2.settings.id", Type::Uint, "Identifiers of settings", |message, put| {
        settings(message).iter().for_each(|(id, _)| put(Value::Uint((*id).into())));
    }),
    setting!("http2.settings.header_table_size", 1, "Size of the table that field blocks may use, in bytes"),
    setting!("http2.settings.enable_push", 2, "Whether promises are taken"),
    setting!("http2.settings.max_concurrent_streams", 3, "Streams at once that are taken"),
    setting!("http2.settings.initial_window_size", 4, "Bytes of content that a stream may begin with"),
    setting!("http2.settings.max_frame_size", 5, "The longest payload of a frame that is taken"),
    setting!("http2.settings.max_header_list_size", 6, "Bytes of fields that are taken"),
    setting!("http2.settings.extended_connect", 8, "Whether CONNECT may name a protocol"),
    setting!("http2.settings.unknown", 0 | 7 | 9.., "Values of other settings"),
    Field::new("http2.rst_stream.error", Type::Uint, "Error code with which the stream was ended", |message, put| {
        let own = control(message).and_then(|control| match control.says {
            Says::Reset(error) => Some(error),
            _ => None,
        });
        if let Some(error) = own.or(part(message).and_then(|part| part.error)) {
            put(Value::Uint(error.into()));
        }
    }),
    Field::new("http2.ping", Type::Bytes, "What a ping sends", |message, put| ping(message, false, put)),
    Field::new("http2.pong", Type::Bytes, "What comes back", |message, put| ping(message, true, put)),
    Field::new("http2.goaway.last_stream_id", Type::Uint, "The last stream that is taken", |message, put| {
        if let Some(Says::GoAway { last, .. }) = control(message).map(|control| &control.says) {
            put(Value::Uint((*last).into()));
        }
    }),
    Field::new("http2.goaway.error", Type::Uint, "Error code with which the connection is ended", |message, put| {
        if let Some(Says::GoAway { error, .. }) = control(message).map(|control| &control.says) {
            put(Value::Uint((*error).into()));
        }
    }),
    Field::new("http2.goaway.addata", Type::Bytes, "More about that", |message, put| {
        match control(message).map(|control| &control.says) {
            Some(Says::GoAway { debug, .. }) if !debug.is_empty() => put(Value::Bytes(debug)),
            _ => {}
        }
    }),
    Field::new(
        "http2.window_update.window_size_increment",
        Type::Uint,
        "Bytes more that may be sent",
        |message, put| {
            if let Some(Says::WindowUpdate(bytes)) = control(message).map(|control| &control.says) {
                put(Value::Uint((*bytes).into()));
            }
        },
    ),
    Field::new("http2.summary", Type::Text, "A frame of no message, in one line", |message, put| {
        if let Some(control) = control(message) {
            put(Value::Text(control.to_string().as_bytes()));
        }
    }),
];

fn unit(message: &Message) -> bool {
    part(message).is_some() || control(message).is_some()
}

fn http(message: &Message) -> Option<&Http> {
    message.http().filter(|http| http.http2.is_some())
}

fn part(message: &Message) -> Option<&Part> {
    message.http()?.http2.as_deref()
}

fn control(message: &Message) -> Option<&Control> {
    match &message.unit {
        Unit::Http2(control) => Some(control),
        _ => None,
    }
}

fn frames(message: &Message) -> &[Header] {
    match (part(message), control(message)) {
        (Some(part), _) => &part.frames,
        (None, Some(Control { header, .. })) => header.as_slice(),
        (None, None) => &[],
    }
}

fn priority(message: &Message) -> Option<Priority> {
    match control(message).map(|control| &control.says) {
        Some(Says::Priority(priority)) => Some(*priority),
        _ => part(message)?.priority,
    }
}

fn settings(message: &Message) -> &[(u16, u32)] {
    match control(message).map(|control| &control.says) {
        Some(Says::Settings(settings)) => settings,
        _ => &[],
    }
}

/// What a message says by fields: pseudo-header fields, head, trailers.
fn lines(message: &Message) -> Option<(&Part, HeadRef<'_>, HeadRef<'_>)> {
    let http = http(message)?;
    Some((http.http2.as_deref()?, http.head(), http.trailer()))
}

fn ping(message: &Message, ack: bool, put: &mut dyn FnMut(Value<'_>)) {
    if let Some(Control { header: Some(header), says: Says::Ping(opaque) }) = control(message)
        && header.has(flag::ACK) == ack
    {
        put(Value::Bytes(opaque));
    }
}
