//! Every field by name: what records, `dissect fields` and filters ask.

use crate::app::APPLICATIONS;
use crate::app::tls::{Facts, names};
use crate::decode;
use crate::event::{Connection, Message, Packet};
use crate::field::{Field, Kind, Value};
use crate::flow::fields as fragments;
use crate::tcp::fields as analysis;
use crate::tcp::rtt::Summary;

/// Gets the values of a field of a frame.
pub type PacketGet = for<'a> fn(&'a Packet<'_>, &mut dyn FnMut(Value<'_>));
/// Gets the values of a field of a message.
pub type MessageGet = for<'a> fn(&'a Message<'_>, &mut dyn FnMut(Value<'_>));
/// Gets the values of a field of a connection.
pub type ConnectionGet = for<'a> fn(&'a Connection, &mut dyn FnMut(Value<'_>));

/// Fields of a frame beside those of its headers.
pub static FRAME: &[Field<PacketGet>] = &[
    Field::new("frame.number", Kind::Uint, "Number of the frame, from 1", |packet, put| {
        put(Value::Uint(packet.decoded.meta.number));
    }),
    Field::new("frame.time_epoch", Kind::Time, "Capture time, seconds since 1970", |packet, put| {
        if let Some(time) = packet.decoded.meta.time() {
            put(Value::Time(time));
        }
    }),
    Field::new("frame.len", Kind::Uint, "Length on the wire, in bytes", |packet, put| {
        put(Value::Uint(packet.decoded.meta.wire_len.into()));
    }),
    Field::new("frame.cap_len", Kind::Uint, "Length captured, in bytes", |packet, put| {
        put(Value::Uint(packet.decoded.cap_len.into()));
    }),
    Field::new(
        "frame.interface_id",
        Kind::Uint,
        "Interface of the capture, from 0, where it numbers them",
        |packet, put| {
            if let Some(id) = packet.decoded.meta.interface_id {
                put(Value::Uint(id.into()));
            }
        },
    ),
    Field::new("frame.protocols", Kind::Text, "Protocols of the frame, outermost first", |packet, put| {
        let mut chain = String::new();
        for name in decode::protocol_chain(packet.decoded) {
            if !chain.is_empty() {
                chain.push(':');
            }
            chain.push_str(name);
        }
        put(Value::Text(chain.as_bytes()));
    }),
];

/// The number of a frame's or a message's UDP stream.
pub static UDP_STREAM: &str = "udp.stream";

/// Fields of a message of any protocol. Its runs of missing bytes and its segments are records: see [`RECORDS`].
pub static MESSAGE: &[Field<MessageGet>] = &[
    Field::new("message.number", Kind::Uint, "Number within the connection, from 1", |message, put| {
        put(Value::Uint(message.message.number.into()));
    }),
    Field::new("message.kind", Kind::Text, "request or response; message where it is neither", |message, put| {
        put(Value::Text(message.message.kind.name().as_bytes()));
    }),
    Field::new("message.answers", Kind::Uint, "Number of the request that a response answers", |message, put| {
        if let Some(number) = message.message.answers {
            put(Value::Uint(number.into()));
        }
    }),
    Field::new("message.integrity", Kind::Text, "What became of its bytes", |message, put| {
        put(Value::Text(message.message.integrity.name().as_bytes()));
    }),
    Field::new("message.length", Kind::Uint, "Its length in bytes, missing ones included", |message, put| {
        put(Value::Uint(message.message.len));
    }),
    Field::new("message.missing_bytes", Kind::Uint, "How many bytes are missing", |message, put| {
        put(Value::Uint(message.message.missing_bytes));
    }),
    Field::new("message.segment_count", Kind::Uint, "How many segments carried it", |message, put| {
        put(Value::Uint(message.message.segments.count()));
    }),
    Field::list("message.issues", Kind::Text, "What is worth flagging, by name", |message, put| {
        message.message.issues.iter().for_each(|issue| put(Value::Text(issue.name().as_bytes())));
    }),
    Field::new("message.first_frame", Kind::Uint, "Lowest number of a frame that carried it", |message, put| {
        put(Value::Uint(message.message.segments.first_frame()));
    }),
    Field::new("message.last_frame", Kind::Uint, "Highest number of a frame that carried it", |message, put| {
        put(Value::Uint(message.message.segments.last_frame()));
    }),
];

/// A field of what the times from segments to their acknowledgments come to: with -P, -v, or `dissect connections --rtt`.
macro_rules! ack_rtt {
    ($name:literal, $part:literal, $kind:ident, $of:literal, $doc:literal, $from_client:literal, $value:expr) => {
        Field::new(
            concat!("connection.", $name, $part),
            Kind::$kind,
            concat!($doc, " of segments ", $of, ", where details are kept (-v, -P, connections --rtt)"),
            |connection, put| {
                let value: fn(&Summary) -> Value<'static> = $value;
                direction(connection, $from_client).ack_rtt.iter().for_each(|rtt| put(value(rtt)));
            },
        )
    };
}

macro_rules! direction {
    ($name:literal, $of:literal, $from_client:literal) => {
        [
            Field::new(
                concat!("connection.", $name, ".segments"),
                Kind::Uint,
                concat!("Segments ", $of),
                |connection, put| {
                    put(Value::Uint(direction(connection, $from_client).segments));
                },
            ),
            Field::new(
                concat!("connection.", $name, ".bytes"),
                Kind::Uint,
                concat!("Bytes of payload captured ", $of),
                |connection, put| put(Value::Uint(direction(connection, $from_client).bytes)),
            ),
            Field::new(
                concat!("connection.", $name, ".messages"),
                Kind::Uint,
                concat!("Messages ", $of),
                |connection, put| {
                    put(Value::Uint(direction(connection, $from_client).messages.into()));
                },
            ),
            Field::new(
                concat!("connection.", $name, ".rate"),
                Kind::Uint,
                concat!("Bits of payload a second ", $of, ", over the connection's duration"),
                |connection, put| {
                    connection
                        .rate(sender(connection, $from_client))
                        .into_iter()
                        .for_each(|rate| put(Value::Uint(rate)));
                },
            ),
            ack_rtt!(
                $name,
                ".ack_rtt.count",
                Uint,
                $of,
                "How many segments were acknowledged alone or last",
                $from_client,
                |rtt| { Value::Uint(rtt.count) }
            ),
            ack_rtt!($name, ".ack_rtt.min", Duration, $of, "Shortest time to an acknowledgment", $from_client, |rtt| {
                Value::Duration(rtt.min)
            }),
            ack_rtt!(
                $name,
                ".ack_rtt.median",
                Duration,
                $of,
                "Median of the times to acknowledgments",
                $from_client,
                |rtt| { Value::Duration(rtt.median) }
            ),
            ack_rtt!($name, ".ack_rtt.max", Duration, $of, "Longest time to an acknowledgment", $from_client, |rtt| {
                Value::Duration(rtt.max)
            }),
        ]
    };
}

/// Fields of a connection.
pub static CONNECTION: &[Field<ConnectionGet>] = &[
    Field::new("connection.client.address", Kind::Text, "Address of the client", |connection, put| {
        put(Value::Text(end(connection, true).address.to_string().as_bytes()));
    }),
    Field::new("connection.client.port", Kind::Uint, "Port of the client", |connection, put| {
        put(Value::Uint(end(connection, true).port.into()));
    }),
    Field::new("connection.server.address", Kind::Text, "Address of the server", |connection, put| {
        put(Value::Text(end(connection, false).address.to_string().as_bytes()));
    }),
    Field::new("connection.server.port", Kind::Uint, "Port of the server", |connection, put| {
        put(Value::Uint(end(connection, false).port.into()));
    }),
    Field::new(
        "connection.client_known",
        Kind::Bool,
        "Whether a SYN or a message told which end is the client",
        |connection, put| put(Value::Bool(connection.flow.client.is_some())),
    ),
    Field::new("connection.handshake.syn", Kind::Bool, "Whether the SYN was captured", |connection, put| {
        put(Value::Bool(connection.handshake[0]));
    }),
    Field::new("connection.handshake.syn_ack", Kind::Bool, "Whether the SYN-ACK was captured", |connection, put| {
        put(Value::Bool(connection.handshake[1]));
    }),
    Field::new(
        "connection.handshake.ack",
        Kind::Bool,
        "Whether the ACK of the SYN-ACK was captured",
        |connection, put| {
            put(Value::Bool(connection.handshake[2]));
        },
    ),
    Field::new("connection.close", Kind::Text, "How it ended: fin, rst, open, forgotten, reused", |connection, put| {
        put(Value::Text(connection.close.name().as_bytes()));
    }),
    Field::new(
        "connection.initial_rtt",
        Kind::Duration,
        "Seconds from the SYN to the ACK of the SYN-ACK",
        |connection, put| {
            if connection.initial_rtt > 0 {
                put(Value::Duration(connection.initial_rtt));
            }
        },
    ),
    Field::new("connection.protocol", Kind::Text, "HTTP, or what its first bytes tell", |connection, put| {
        if let Some(name) = if connection.http { Some("HTTP") } else { connection.protocol } {
            put(Value::Text(name.as_bytes()));
        }
    }),
    Field::new("connection.tls.version", Kind::Text, "Version that the server chose", |connection, put| {
        if let Some(version) = connection.tls.as_ref().and_then(|tls| tls.version) {
            put(Value::Text(names::version(version).to_string().as_bytes()));
        }
    }),
    Field::new("connection.tls.ciphersuite", Kind::Text, "Cipher suite that it chose", |connection, put| {
        if let Some(cipher) = connection.tls.as_ref().and_then(|tls| tls.cipher) {
            put(Value::Text(names::cipher(cipher).to_string().as_bytes()));
        }
    }),
    Field::new("connection.tls.server_name", Kind::Text, "Host that the client asked for (SNI)", |connection, put| {
        tls_text(connection, |tls| tls.server_name.as_deref(), put);
    }),
    Field::new(
        "connection.tls.alpn",
        Kind::Text,
        "Application protocol, where the choice is in clear",
        |connection, put| tls_text(connection, |tls| tls.alpn.as_deref(), put),
    ),
    Field::new("connection.tls.ja3", Kind::Text, "JA3 fingerprint of the client", |connection, put| {
        tls_text(connection, |tls| tls.ja3.as_deref().map(str::as_bytes), put);
    }),
    Field::new("connection.tls.ja4", Kind::Text, "JA4 fingerprint of the client", |connection, put| {
        tls_text(connection, |tls| tls.ja4.as_deref().map(str::as_bytes), put);
    }),
    Field::new("connection.tls.bytes_to_server", Kind::Uint, "Encrypted bytes from the client", |connection, put| {
        if let Some(tls) = &connection.tls {
            put(Value::Uint(tls.bytes[sender(connection, true)]));
        }
    }),
    Field::new("connection.tls.bytes_to_client", Kind::Uint, "Encrypted bytes from the server", |connection, put| {
        if let Some(tls) = &connection.tls {
            put(Value::Uint(tls.bytes[sender(connection, false)]));
        }
    }),
    Field::new("connection.other_bytes", Kind::Uint, "Bytes of another protocol", |connection, put| {
        put(Value::Uint(connection.other_bytes));
    }),
    Field::new(
        "connection.time_epoch",
        Kind::Time,
        "Capture time of its first frame, seconds since 1970",
        |connection, put| put(Value::Time(connection.first.0)),
    ),
    Field::new(
        "connection.duration",
        Kind::Duration,
        "Seconds between its first frame and its last",
        |connection, put| {
            put(Value::Duration(connection.duration()));
        },
    ),
    Field::new("connection.first_frame", Kind::Uint, "Its first frame", |connection, put| {
        put(Value::Uint(connection.first.1));
    }),
    Field::new("connection.last_frame", Kind::Uint, "Its last frame", |connection, put| {
        put(Value::Uint(connection.last.1));
    }),
    Field::list("connection.issues", Kind::Text, "What is worth flagging, by name", |connection, put| {
        connection.issues.iter().for_each(|issue| put(Value::Text(issue.name().as_bytes())));
    }),
];

/// Fields of the direction from the client to the server.
pub static TO_SERVER: [Field<ConnectionGet>; 8] = direction!("to_server", "from client to server", true);
/// Fields of the direction from the server to the client.
pub static TO_CLIENT: [Field<ConnectionGet>; 8] = direction!("to_client", "from server to client", false);

/// What is in records and has no plain value: name and meaning.
pub static RECORDS: &[(&str, &str)] = &[
    ("time", "Capture time of a message's first byte, RFC 3339"),
    ("http.headers", "Field lines in wire order, each name and value"),
    ("http.trailers", "The same of the trailer section"),
    ("http.body.sha256", "SHA-256 of the body's bytes (with --hash)"),
    ("websocket.sha256", "SHA-256 of the content of a text or of binary data (with --hash)"),
    ("message.missing", "Runs of missing bytes: offset, len, cause (gap or truncated)"),
    ("message.segments", "Segments that carried it: frame, seq, len, offset, flags"),
    ("connection.to_server.flags", "Segments from client to server by flag"),
    ("connection.to_client.flags", "Segments from server to client by flag"),
    ("stop", "Where decoding of a frame ended early: layer, offset, reason"),
    ("totals", "Counts over the whole capture: frames, bytes, connections, messages and so on"),
    (
        "drops",
        "Frames lost while capturing, by the kernel, the interface, dissect, or so the file says; received; between which",
    ),
    ("ledger", "Every byte of TCP payload by what became of it, and those that are missing"),
];

/// A field without its getter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Wireshark's name, or our own below `message` and `connection`.
    pub name: &'static str,
    /// The word for its type; `record` where it has no plain value.
    pub kind: &'static str,
    /// Whether it is a list.
    pub many: bool,
    /// Its meaning.
    pub doc: &'static str,
}

/// Every field, by record and in the order of the records; a name that two formats share is there once.
pub fn entries() -> Vec<Entry> {
    let mut all: Vec<Entry> = FRAME.iter().map(entry).collect();
    all.extend(decode::protocols().iter().flat_map(|protocol| protocol.fields).map(entry));
    all.extend(fragments::IPV4.iter().chain(fragments::IPV6).map(entry));
    all.push(Entry { name: UDP_STREAM, kind: Kind::Uint.name(), many: false, doc: "Number of the UDP stream, from 0" });
    all.extend(analysis::FIELDS.iter().map(entry));
    all.extend(APPLICATIONS.iter().flat_map(|application| application.fields).map(entry));
    all.extend(MESSAGE.iter().map(entry));
    all.extend(CONNECTION.iter().chain(&TO_SERVER).chain(&TO_CLIENT).map(entry));
    all.extend(RECORDS.iter().map(|&(name, doc)| Entry { name, kind: "record", many: false, doc }));
    let mut seen = std::collections::HashSet::new();
    all.retain(|entry| seen.insert(entry.name));
    all
}

fn entry<G>(field: &Field<G>) -> Entry {
    Entry { name: field.name, kind: field.kind.name(), many: field.many, doc: field.doc }
}

fn end(connection: &Connection, is_client: bool) -> crate::flow::Endpoint {
    connection.flow.ends[sender(connection, is_client)]
}

fn tls_text(connection: &Connection, get: fn(&Facts) -> Option<&[u8]>, put: &mut dyn FnMut(Value<'_>)) {
    if let Some(text) = connection.tls.as_deref().and_then(get) {
        put(Value::Text(text));
    }
}

fn direction(connection: &Connection, from_client: bool) -> &crate::event::Direction {
    &connection.directions[sender(connection, from_client)]
}

/// Which end sends what goes in a direction.
fn sender(connection: &Connection, from_client: bool) -> usize {
    (connection.client() + usize::from(!from_client)) % 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_dotted_words_and_no_two_records_share_one() {
        let entries = entries();
        for entry in &entries {
            let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
            assert!(entry.name.chars().all(plain), "{}", entry.name);
            assert!(!entry.doc.is_empty(), "{}", entry.name);
        }
        assert!(entries.iter().any(|entry| entry.name == "tcp.analysis.flags" && entry.many));
    }
}
