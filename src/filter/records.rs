//! What a filter is asked about: a frame, a message, a connection.

mod connection;
mod flow;
mod message;
pub(super) mod partial;

use super::constant::display;
use super::fields::{self, Entry, Source};
use super::names::{Coverage, Decision, FieldId, Item, Record, Type, exists};
use crate::decode::{self, Decoded, Layer};
use crate::event::Packet;
use crate::field::Value;
use crate::frame::Timestamp;
use crate::issue::{Issue, IssueSet};
use crate::tcp::fields::Analysed;
use crate::tcp::options::AT as TCP_OPTIONS;

pub use connection::ConnectionRecord;
pub use message::MessageRecord;
pub use partial::Partial;

/// Capture times that a frame's own is told relative to.
#[derive(Clone, Copy, Default, Debug)]
pub struct Times {
    /// Of the first frame of the capture.
    pub first: Option<Timestamp>,
    /// Of the frame before.
    pub previous: Option<Timestamp>,
}

/// A frame. It has the fields of its headers and of its analysis, and none of messages.
#[derive(Clone, Copy, Debug)]
pub struct FrameRecord<'a> {
    packet: &'a Packet<'a>,
    times: Times,
}

impl<'a> FrameRecord<'a> {
    /// The frame as a record.
    pub fn new(packet: &'a Packet<'a>, times: Times) -> Self {
        Self { packet, times }
    }
}

impl Record for FrameRecord<'_> {
    fn values(&self, field: FieldId, put: &mut dyn FnMut(Item<'_>)) -> Coverage {
        if let Some(entry) = fields::entry(field) {
            of_packet(entry, self.packet, self.times, put);
            for source in &entry.sources {
                match *source {
                    Source::FrameNumber => put(Value::Uint(self.packet.decoded.meta.number).into()),
                    Source::Frame => put(Value::Bytes(self.packet.decoded.bytes).into()),
                    Source::SincePrevious => {
                        let time = self.packet.decoded.meta.time().zip(self.times.previous);
                        // Of the first frame it is 0.
                        let nanos = time.map_or(0, |(time, previous)| time.since(previous));
                        put(Value::Duration(nanos).into());
                    }
                    Source::Flags => {
                        let flags = self.packet.tcp.map(|(_, verdict)| verdict.flags).unwrap_or_default();
                        flags.analysis().for_each(|flag| put(Value::Text(flag.name().as_bytes()).into()));
                    }
                    Source::Flag(flag) if self.packet.tcp.is_some_and(|(_, verdict)| verdict.flags.contains(flag)) => {
                        put(Value::Bool(true).into());
                    }
                    _ => {}
                }
            }
        }
        Coverage::Complete
    }

    fn exists(&self, field: FieldId) -> Decision {
        match fields::entry(field) {
            Some(entry) if entry.kind == Type::Protocol => {
                let is_frame = entry.sources.iter().any(|source| matches!(source, Source::Frame));
                (is_frame || has_layer(entry, self.packet.decoded)).into()
            }
            _ => exists(self, field),
        }
    }
}

/// Whether the source is one of a frame's headers or its analysis.
fn is_of_packet(source: &Source) -> bool {
    match source {
        Source::Packet(_)
        | Source::SinceFirst
        | Source::Layer(..)
        | Source::LayerText(..)
        | Source::Header(_)
        | Source::HeaderOn(_)
        | Source::TcpFlagsText(_)
        | Source::TcpOptions(_)
        | Source::Payload(_)
        | Source::Fragment(..)
        | Source::UdpStream
        | Source::Analysis(_) => true,
        Source::FrameNumber
        | Source::SincePrevious
        | Source::Frame
        | Source::Flags
        | Source::Flag(_)
        | Source::Http(_)
        | Source::HttpHeader
        | Source::HttpBytes
        | Source::HttpKind(_)
        | Source::HttpLines(_)
        | Source::HttpUri(_)
        | Source::HttpBody
        | Source::Unit(_)
        | Source::UnitIs(_)
        | Source::Message(_)
        | Source::Connection(_)
        | Source::Flow(_)
        | Source::ConnectionFlags { .. }
        | Source::EndIpv4
        | Source::EndIpv6
        | Source::EndPort
        | Source::IsTcp
        | Source::IsHttp
        | Source::Stream => false,
    }
}

fn has_layer(entry: &Entry, decoded: &Decoded<'_>) -> bool {
    decoded.layers.iter().any(|layer| {
        entry.sources.iter().any(|source| matches!(source, Source::Header(protocol) if is_of(layer, protocol)))
    })
}

fn is_of(layer: &Layer<'_>, protocol: &'static decode::Protocol) -> bool {
    std::ptr::eq(layer.protocol, protocol)
}

/// Hands on what the headers and the analysis of a frame tell.
fn of_packet(entry: &Entry, packet: &Packet<'_>, times: Times, put: &mut dyn FnMut(Item<'_>)) {
    let layers = &packet.decoded.layers;
    for (at, layer) in layers.iter().enumerate() {
        let number = || {
            let before = layers.iter().take(at).filter(|before| before.protocol.name == layer.protocol.name);
            before.count() as u16 + 1
        };
        let is_last = at + 1 == layers.len();
        for source in &entry.sources {
            let mut put = |value: Value<'_>| put(Item { value, layer: number() });
            match *source {
                Source::Layer(protocol, get) if is_of(layer, protocol) => get(layer, &mut put),
                Source::LayerText(protocol, get) if is_of(layer, protocol) => {
                    get(layer, &mut |value| put(Value::Text(display(value).as_bytes())));
                }
                Source::Header(protocol) if is_of(layer, protocol) => put(Value::Bytes(layer.header)),
                Source::HeaderOn(protocol) if is_of(layer, protocol) => on_from(packet, at, &mut put),
                Source::TcpFlagsText(protocol) if is_of(layer, protocol) => {
                    if let Some(&[high, low]) = layer.header.get(12..14).and_then(<[u8]>::first_chunk) {
                        put(Value::Text(letters(u16::from_be_bytes([high, low])).as_bytes()));
                    }
                }
                Source::TcpOptions(protocol) if is_of(layer, protocol) && layer.header.len() > TCP_OPTIONS => {
                    put(Value::Bytes(layer.from(TCP_OPTIONS)));
                }
                Source::Payload(protocol) if is_of(layer, protocol) => on_from(packet, at, &mut |value| {
                    let Value::Bytes(bytes) = value else { return };
                    if let Some(payload) = bytes.get(layer.header.len()..).filter(|payload| !payload.is_empty()) {
                        put(Value::Bytes(payload));
                    }
                }),
                Source::Fragment(protocol, get) if is_of(layer, protocol) => {
                    if let Some(fragmented) = packet.fragmented(at) {
                        get(&fragmented, &mut put);
                    }
                }
                Source::UdpStream => {
                    let streams = packet.udp_streams.iter().filter(|(of, _)| *of == at);
                    streams.for_each(|&(_, stream)| put(Value::Uint(stream)));
                }
                Source::Analysis(get) if is_last => {
                    if let Some((stream, verdict)) = packet.tcp {
                        get(&Analysed { options: layer.from(TCP_OPTIONS), stream, verdict }, &mut put);
                    }
                }
                _ => {}
            }
        }
    }
    for source in &entry.sources {
        match source {
            Source::Packet(get) => get(packet, &mut |value| put(value.into())),
            Source::SinceFirst => {
                let time = packet.decoded.meta.time().zip(times.first);
                time.map(|(time, first)| put(Value::Duration(time.since(first)).into())).unwrap_or_default();
            }
            _ => {}
        }
    }
}

/// Hands on a header with what follows it, as far as its lengths tell.
fn on_from(packet: &Packet<'_>, at: usize, put: &mut dyn FnMut(Value<'_>)) {
    let decoded = packet.decoded;
    let Some(layer) = decoded.layers.get(at) else { return };
    let (start, len) = (layer.offset as usize, layer.header.len().saturating_add(layer.payload_len as usize));
    // What follows the last header of a frame that completed a datagram is in that.
    if packet.assemblies.first().is_none_or(|assembly| at <= assembly.layer) && !decoded.bytes.is_empty() {
        let bytes = decoded.bytes.get(start..).unwrap_or_default();
        return put(Value::Bytes(&bytes[..bytes.len().min(len)]));
    }
    let headers = decoded.layers.iter().skip(at).map(|layer| layer.header);
    let bytes: Vec<&[u8]> = headers.chain([decoded.payload]).collect();
    put(Value::Bytes(&bytes.concat()));
}

/// The control bits as Wireshark's `tcp.flags.str` has them.
fn letters(flags: u16) -> String {
    let letters = ["R", "R", "R", "A", "C", "E", "U", "A", "P", "R", "S", "F"];
    let bits = letters.iter().enumerate().map(|(i, letter)| if flags & 0x800 >> i != 0 { letter } else { "·" });
    bits.collect()
}

fn flags(issues: IssueSet) -> impl Iterator<Item = Issue> {
    issues.iter().filter(|issue| issue.source().starts_with("tcp.analysis."))
}

#[cfg(test)]
mod tests;
