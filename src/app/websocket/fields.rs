//! The fields of a WebSocket message, by Wireshark's names where it has them.

use super::header::{Header, Opcode, RSV1};
use super::{Close, WebSocket, of};
use crate::app::message::{Get, Message};
use crate::field::{Field, Kind, Value};

/// The fields; those of frames have a value for each frame, as many as are kept.
pub static FIELDS: &[Field<Get>] = &[
    Field::new("websocket.type", Kind::Text, "text, binary, close, ping, pong, by the first frame", |message, put| {
        if let Some(unit) = of(message) {
            put(Value::Text(unit.opcode.name().as_bytes()));
        }
    }),
    Field::new("websocket.length", Kind::Uint, "Bytes of its content, unmasked and decompressed", |message, put| {
        if let Some(unit) = of(message) {
            put(Value::Uint(unit.len));
        }
    }),
    Field::list("websocket.fin", Kind::Bool, "Whether a frame is the message's last", |message, put| {
        each(message, |frame| put(Value::Bool(frame.fin)));
    }),
    Field::list("websocket.rsv", Kind::Uint, "Reserved bits of a frame, RSV1 the highest of three", |message, put| {
        each(message, |frame| put(Value::Uint(frame.rsv.into())));
    }),
    Field::list("websocket.pmc", Kind::Bool, "Whether a frame begins a message that is compressed", |message, put| {
        if of(message).is_some_and(|unit| unit.by_deflate) {
            each(message, |frame| put(Value::Bool(frame.rsv & RSV1 != 0)));
        }
    }),
    Field::list("websocket.opcode", Kind::Uint, "Opcode of a frame", |message, put| {
        each(message, |frame| put(Value::Uint(frame.opcode.0.into())));
    }),
    Field::list("websocket.mask", Kind::Bool, "Whether a frame is masked", |message, put| {
        each(message, |frame| put(Value::Bool(frame.mask.is_some())));
    }),
    Field::list("websocket.masking_key", Kind::Bytes, "What a frame is masked with", |message, put| {
        each(message, |frame| {
            if let Some(mask) = &frame.mask {
                put(Value::Bytes(mask));
            }
        });
    }),
    Field::list(
        "websocket.payload_length",
        Kind::Uint,
        "Length of a frame's payload; 126 and 127 stand for one that follows",
        |message, put| each(message, |frame| put(Value::Uint(frame.short_len.into()))),
    ),
    Field::list(
        "websocket.payload_length_ext_16",
        Kind::Uint,
        "Length of a frame's payload where 126 stands for it",
        |message, put| {
            each(message, |frame| {
                if frame.short_len == 126 {
                    put(Value::Uint(frame.len));
                }
            });
        },
    ),
    Field::list(
        "websocket.payload_length_ext_64",
        Kind::Uint,
        "Length of a frame's payload where 127 stands for it",
        |message, put| {
            each(message, |frame| {
                if frame.short_len == 127 {
                    put(Value::Uint(frame.len));
                }
            });
        },
    ),
    Field::new("websocket.payload.text", Kind::Text, "A text, the first 64 KiB of it", |message, put| {
        if let Some(text) = of(message).and_then(WebSocket::text).filter(|text| !text.is_empty()) {
            put(Value::Text(text));
        }
    }),
    Field::new("websocket.payload.close.status_code", Kind::Uint, "Why the connection is closed", |message, put| {
        if let Some(Close { code, .. }) = of(message).and_then(WebSocket::close) {
            put(Value::Uint(code.into()));
        }
    }),
    Field::new("websocket.payload.close.reason", Kind::Text, "The same in words", |message, put| {
        let close = of(message).and_then(WebSocket::close);
        if let Some(Close { reason, .. }) = close.filter(|close| !close.reason.is_empty()) {
            put(Value::Text(reason));
        }
    }),
    Field::new("websocket.payload.ping", Kind::Bytes, "Payload of a ping", |message, put| {
        content(message, Opcode::PING, |bytes| put(Value::Bytes(bytes)));
    }),
    Field::new("websocket.payload.pong", Kind::Bytes, "Payload of a pong", |message, put| {
        content(message, Opcode::PONG, |bytes| put(Value::Bytes(bytes)));
    }),
    Field::new("websocket.fragment.count", Kind::Uint, "How many frames a fragmented message has", |message, put| {
        if let Some(unit) = of(message).filter(|unit| unit.frame_count > 1) {
            put(Value::Uint(unit.frame_count));
        }
    }),
    Field::new(
        "websocket.reassembled.length",
        Kind::Uint,
        "Bytes of the payloads of a fragmented message",
        |message, put| {
            if let Some(unit) = of(message).filter(|unit| unit.frame_count > 1) {
                put(Value::Uint(unit.payload_len));
            }
        },
    ),
];

fn each(message: &Message, act: impl FnMut(&Header)) {
    of(message).map_or(&[][..], |unit| &unit.frames).iter().for_each(act);
}

/// The content of a message of this kind, where there is any.
fn content(message: &Message, opcode: Opcode, act: impl FnOnce(&[u8])) {
    if let Some(unit) = of(message).filter(|unit| unit.opcode == opcode && !unit.content.is_empty()) {
        act(&unit.content);
    }
}
