//! What a filter is asked about: a frame, a message, a connection.

use std::cell::OnceCell;
use std::net::IpAddr;

use super::constant::display;
use super::fields::{self, Entry, Source, UriPart};
use super::names::{Coverage, Decision, FieldId, Item, Record, Type};
use crate::app::http1::Http;
use crate::app::message::Integrity;
use crate::decode::{self, Decoded, Layer};
use crate::event::{Close, Connection, Direction, Flow, Message, Packet, Transport};
use crate::field::Value;
use crate::frame::Timestamp;
use crate::issue::{Issue, IssueSet};
use crate::tcp::fields::Analysed;
use crate::tcp::options::AT as TCP_OPTIONS;

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

/// A message. The fields of headers are those of the frame with its first byte; `frame.number` is the number of the frame
/// that completed it, as in its JSON record; `tcp.analysis.flags` and each of the flags are those of any of its segments.
#[derive(Debug)]
pub struct MessageRecord<'a> {
    message: &'a Message<'a>,
    times: Times,
    /// Whether what may have been sent and was not captured counts.
    as_sent: bool,
    /// The headers of its first frame, once they were needed.
    decoded: OnceCell<Decoded<'a>>,
}

impl<'a> MessageRecord<'a> {
    /// The message as it was captured: what is missing is not there.
    pub fn as_captured(message: &'a Message<'a>, times: Times) -> Self {
        Self { message, times, as_sent: false, decoded: OnceCell::new() }
    }

    /// The message as it was sent: what hangs on bytes that are missing is unknown.
    pub fn as_sent(message: &'a Message<'a>) -> Self {
        Self { as_sent: true, ..Self::as_captured(message, Times::default()) }
    }

    fn decoded(&self) -> &Decoded<'a> {
        self.decoded.get_or_init(|| {
            let carrier = self.message.message.carrier.get();
            let mut decoded = decode::decode_headers(carrier.meta, carrier.headers, carrier.resumed);
            decoded.cap_len = carrier.cap_len;
            decoded
        })
    }

    fn packet_values(&self, entry: &Entry, put: &mut dyn FnMut(Item<'_>)) {
        let decoded = self.decoded();
        let stream = self.message.flow.stream;
        let udp = [(decoded.layers.len().saturating_sub(1), stream)];
        let (tcp, udp_streams) = match self.message.flow.transport {
            Transport::Tcp => (Some((stream, self.message.message.carrier.get().verdict)), &udp[..0]),
            Transport::Udp => (None, &udp[..]),
        };
        let packet = Packet { decoded, tcp, udp_streams, assemblies: &[], reassembled_in: None, why: None };
        of_packet(entry, &packet, self.times, put);
    }

    fn http(&self) -> Option<&'a Http> {
        self.message.message.http()
    }

    /// Whether bytes of it are not in the capture that were, or may have been, sent.
    fn is_lossy(&self) -> bool {
        let message = self.message.message;
        let is_cut = matches!(message.integrity, Integrity::Gap | Integrity::Truncated | Integrity::Unfinished);
        self.as_sent && (is_cut || message.missing_bytes > 0)
    }

    /// Whether a field of the head, or what it is made of, may be other than was captured.
    fn is_head_lossy(&self, name: &str) -> bool {
        let Some(http) = self.http().filter(|http| self.is_lossy() && !http.parsed.complete) else { return false };
        let is_of_start_line = ["http.request.", "http.response."].iter().any(|start| name.starts_with(start));
        let is_line = name.ends_with(".line");
        // The start line is whole if something follows it.
        !(is_of_start_line && !is_line && memchr::memchr(b'\n', &http.raw).is_some())
    }

    /// What the head has for a source; whether that is all is left to the caller.
    fn http_values(&self, http: &Http, entry: &Entry, source: Source, put: &mut dyn FnMut(Item<'_>)) {
        let mut text = |bytes: &[u8]| put(Value::Text(bytes).into());
        let message = self.message.message;
        match source {
            Source::Http(get) => get(message, &mut |value| put(value.into())),
            Source::HttpHeader => {
                let head = http.head();
                let lines = head.head.fields.iter().filter(|line| is_named(head.name(line), &entry.name));
                lines.for_each(|line| text(&head.value(line)));
            }
            Source::HttpKind(kind) if kind == message.kind => put(Value::Bool(true).into()),
            Source::HttpLines(None) => {
                let head = http.head();
                for line in &head.head.fields {
                    let name = head.name(line);
                    let separator: &[u8] = if line.name.is_empty() { b"" } else { b": " };
                    text(&[name, separator, &head.value(line)].concat());
                }
            }
            Source::HttpLines(kind) if kind == Some(message.kind) => {
                for line in &http.head().head.fields {
                    let start = if line.name.is_empty() { line.value.start } else { line.name.start } as usize;
                    let end = (line.value.end.max(line.name.end)) as usize;
                    let rest = http.raw.get(end..).unwrap_or_default();
                    let end = end + memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
                    text(http.raw.get(start..end).unwrap_or_default());
                }
            }
            Source::HttpUri(part) => {
                let Some(target) = http.head().target() else { return };
                let question = memchr::memchr(b'?', target);
                match (part, question) {
                    (UriPart::Full, _) if !target.starts_with(b"/") => text(target),
                    (UriPart::Full, _) => {
                        if let Some(host) = http.head().get("host") {
                            text(&[b"http://", &host[..], target].concat());
                        }
                    }
                    (UriPart::Path, Some(at)) => text(&target[..at]),
                    (UriPart::Query, Some(at)) => text(&target[at + 1..]),
                    (UriPart::Path | UriPart::Query, None) => {}
                }
            }
            _ => {}
        }
    }

    /// Hands on what a source tells, and whether that is all.
    fn source(&self, entry: &Entry, source: Source, put: &mut dyn FnMut(Item<'_>)) -> Coverage {
        let message = self.message.message;
        let incomplete_if = |lossy| if lossy { Coverage::Incomplete } else { Coverage::Complete };
        match source {
            Source::FrameNumber => put(Value::Uint(message.frame).into()),
            Source::Flags => {
                flags(message.issues).for_each(|flag| put(Value::Text(flag.name().as_bytes()).into()));
            }
            Source::Flag(flag) if message.issues.contains(flag) => put(Value::Bool(true).into()),
            Source::Http(_) | Source::HttpHeader | Source::HttpLines(_) | Source::HttpUri(_) | Source::HttpKind(_) => {
                let Some(http) = self.http() else { return Coverage::Complete };
                let is_of_body = entry.name.starts_with("http.body.");
                let is_of_pair = matches!(&*entry.name, "http.request_in" | "http.time");
                let is_unknown = match source {
                    Source::HttpKind(_) => false,
                    _ if is_of_body => self.is_lossy(),
                    _ if is_of_pair => return self.paired(put, entry, source, http),
                    _ => self.is_head_lossy(&entry.name),
                };
                if !is_unknown {
                    self.http_values(http, entry, source, put);
                }
                return incomplete_if(is_unknown);
            }
            Source::HttpBytes => {
                let Some(http) = self.http() else { return Coverage::Complete };
                put(Value::Bytes(&[&http.raw[..], &http.preview].concat()).into());
                return incomplete_if(self.is_lossy() || self.as_sent && !has_whole_body(http));
            }
            Source::HttpBody => {
                let Some(http) = self.http().filter(|http| http.body_len > 0) else {
                    return incomplete_if(self.http().is_some() && self.is_lossy());
                };
                put(Value::Text(&http.preview).into());
                return incomplete_if(self.is_lossy() || self.as_sent && !has_whole_body(http));
            }
            Source::Dns(get) => get(message, &mut |value| put(value.into())),
            Source::DnsMessage if self.http().is_none() => {
                put(Value::Bytes(b"").into());
                return incomplete_if(self.as_sent);
            }
            Source::Message(get) => {
                let is_unknown = self.is_lossy() && matches!(&*entry.name, "message.length" | "message.segment_count");
                if !is_unknown {
                    get(self.message, &mut |value| put(value.into()));
                }
                if entry.name == "message.answers" {
                    return incomplete_if(self.is_unpaired());
                }
                return incomplete_if(self.is_lossy() && matches!(&*entry.name, "message.issues") || is_unknown);
            }
            Source::Flow(get) => {
                get(&of_flow(self.message.flow), &mut |value| put(value.into()));
                return incomplete_if(self.as_sent && self.message.flow.client.is_none());
            }
            Source::Connection(_) | Source::ConnectionFlags { .. } => return incomplete_if(self.as_sent),
            _ => {}
        }
        Coverage::Complete
    }

    /// What a response has of its request.
    fn paired(&self, put: &mut dyn FnMut(Item<'_>), entry: &Entry, source: Source, http: &Http) -> Coverage {
        self.http_values(http, entry, source, put);
        if self.is_unpaired() { Coverage::Incomplete } else { Coverage::Complete }
    }

    fn is_unpaired(&self) -> bool {
        let message = self.message.message;
        self.as_sent && message.answers.is_none() && message.issues.contains(Issue::PairingUncertain)
    }
}

impl Record for MessageRecord<'_> {
    fn values(&self, field: FieldId, put: &mut dyn FnMut(Item<'_>)) -> Coverage {
        let Some(entry) = fields::entry(field) else { return Coverage::Complete };
        if entry.sources.iter().any(is_of_packet) {
            self.packet_values(entry, put);
        }
        let mut coverage = Coverage::Complete;
        for source in &entry.sources {
            coverage = coverage.and(self.source(entry, *source, put));
        }
        // What follows the headers of its first frame is not kept with it.
        let is_cut = |source: &Source| {
            let is_bytes = matches!(source, Source::HeaderOn(_) | Source::Payload(_) | Source::Frame);
            self.as_sent && is_bytes
        };
        if entry.sources.iter().any(is_cut) { Coverage::Incomplete } else { coverage }
    }

    fn exists(&self, field: FieldId) -> Decision {
        match fields::entry(field) {
            Some(entry) if entry.kind == Type::Protocol => {
                let is_here = entry.sources.iter().any(|source| match source {
                    Source::HttpBytes => self.http().is_some(),
                    Source::DnsMessage => self.http().is_none(),
                    Source::Frame => true,
                    _ => false,
                });
                let has_header = || entry.sources.iter().any(is_of_packet) && has_layer(entry, self.decoded());
                (is_here || has_header()).into()
            }
            _ => exists(self, field),
        }
    }
}

/// A connection that has ended. Of what is a frame's or a message's it knows nothing: that is unknown.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionRecord<'a> {
    connection: &'a Connection,
    as_sent: bool,
}

impl<'a> ConnectionRecord<'a> {
    /// The connection as it was captured: a handshake that is not in the capture did not happen.
    pub fn as_captured(connection: &'a Connection) -> Self {
        Self { connection, as_sent: false }
    }

    /// The connection as it was: what happened before the capture or after it is unknown.
    pub fn as_sent(connection: &'a Connection) -> Self {
        Self { connection, as_sent: true }
    }
}

impl Record for ConnectionRecord<'_> {
    fn values(&self, field: FieldId, put: &mut dyn FnMut(Item<'_>)) -> Coverage {
        let Some(entry) = fields::entry(field) else { return Coverage::Incomplete };
        let connection = self.connection;
        let mut known: Option<Coverage> = None;
        for source in &entry.sources {
            let coverage = match *source {
                Source::Connection(get) | Source::Flow(get) => {
                    let unknown = match &*entry.name {
                        // The capture may have begun after it, and ended before.
                        "connection.handshake.syn" => !connection.handshake[0],
                        "connection.handshake.syn_ack" => !connection.handshake[1],
                        "connection.handshake.ack" => !connection.handshake[2],
                        "connection.close" => matches!(connection.close, Close::Open | Close::Forgotten),
                        _ => false,
                    };
                    if unknown && self.as_sent {
                        Coverage::Incomplete
                    } else {
                        get(connection, &mut |value| put(value.into()));
                        Coverage::Complete
                    }
                }
                Source::ConnectionFlags { from_client } => {
                    let direction = direction(connection, from_client);
                    direction.flags.iter().for_each(|(flag, _)| put(Value::Text(flag.name().as_bytes()).into()));
                    Coverage::Complete
                }
                Source::Flags => {
                    flags(all_flags(connection)).for_each(|flag| put(Value::Text(flag.name().as_bytes()).into()));
                    Coverage::Complete
                }
                Source::Flag(flag) => {
                    if all_flags(connection).contains(flag) {
                        put(Value::Bool(true).into());
                    }
                    Coverage::Complete
                }
                Source::EndIpv4 | Source::EndIpv6 => {
                    for end in connection.flow.ends {
                        match (source, end.address) {
                            (Source::EndIpv4, IpAddr::V4(address)) => put(Value::Ipv4(address.octets()).into()),
                            (Source::EndIpv6, IpAddr::V6(address)) => put(Value::Ipv6(address.octets()).into()),
                            _ => {}
                        }
                    }
                    Coverage::Complete
                }
                Source::EndPort if connection.flow.transport == Transport::Tcp => {
                    connection.flow.ends.iter().for_each(|end| put(Value::Uint(end.port.into()).into()));
                    Coverage::Complete
                }
                Source::Stream => {
                    put(Value::Uint(connection.flow.stream).into());
                    Coverage::Complete
                }
                Source::IsTcp => {
                    put(Value::Bytes(b"").into());
                    Coverage::Incomplete
                }
                Source::IsHttp => {
                    if connection.http {
                        put(Value::Bytes(b"").into());
                    }
                    Coverage::Incomplete
                }
                _ => continue,
            };
            known = Some(known.map_or(coverage, |known| known.and(coverage)));
        }
        known.unwrap_or(Coverage::Incomplete)
    }
}

/// As [`Record::exists`] has it where a record does not know better.
fn exists(record: &impl Record, field: FieldId) -> Decision {
    let mut found = false;
    match record.values(field, &mut |_| found = true) {
        _ if found => Decision::Yes,
        Coverage::Complete => Decision::No,
        Coverage::Incomplete => Decision::Unknown,
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
        | Source::Dns(_)
        | Source::DnsMessage
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
                Source::Payload(protocol)
                    if is_last && is_of(layer, protocol) && !packet.decoded.payload.is_empty() =>
                {
                    put(Value::Bytes(packet.decoded.payload));
                }
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

/// Whether a header field is the one that a field of HTTP is named for: `User-Agent` that of `http.user_agent`.
fn is_named(header: &[u8], field: &str) -> bool {
    let name = field.strip_prefix("http.").unwrap_or(field);
    let name = name.strip_suffix("_header").unwrap_or(name);
    let plain = |byte: &u8| if *byte == b'-' { b'_' } else { byte.to_ascii_lowercase() };
    header.len() == name.len() && header.iter().map(plain).eq(name.bytes())
}

/// Whether what is kept of the body is all of it.
fn has_whole_body(http: &Http) -> bool {
    http.preview.len() as u64 >= http.decoded_len.unwrap_or(http.body_len)
}

fn all_flags(connection: &Connection) -> IssueSet {
    let mut all = IssueSet::EMPTY;
    let counts = connection.directions.iter().flat_map(|direction| direction.flags.iter());
    counts.for_each(|(flag, _)| all.insert(flag));
    all
}

fn direction(connection: &Connection, from_client: bool) -> &Direction {
    let [one, other] = &connection.directions;
    let is_first = (connection.flow.client.unwrap_or(0) == 0) == from_client;
    if is_first { one } else { other }
}

/// A connection of which no more is known than who talks to whom.
fn of_flow(flow: Flow) -> Connection {
    Connection {
        flow,
        handshake: [false; 3],
        close: Close::Open,
        first: (Timestamp(0), 0),
        last: (Timestamp(0), 0),
        directions: [Direction::default(), Direction::default()],
        initial_rtt: 0,
        http: false,
        protocol: None,
        other_bytes: 0,
        issues: IssueSet::EMPTY,
    }
}

#[cfg(test)]
mod tests;
