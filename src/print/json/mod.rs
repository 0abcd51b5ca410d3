//! JSON Lines: one object a line, keys in a fixed order, nested as the field names are at their dots.

mod writer;

use std::collections::HashMap;
use std::io::Write;

use sha2::{Digest, Sha256};

use super::{Begin, End, Printer};
use crate::app::dns::fields as dns;
use crate::app::http1::fields as http;
use crate::app::ledger::Class;
use crate::app::message::Message as Unit;
use crate::decode::{self, Decoded, Layer};
use crate::event::{self, Event, FlagCounts, Message, Packet, Update};
use crate::field::{Field, Value};
use crate::flow::fields::{self, Fragmented};
use crate::frame::Timestamp;
use crate::issue::{Issue, IssueSet};
use crate::registry;
use crate::tcp::fields::{Analysed, FIELDS as ANALYSIS};
use crate::tcp::options::AT as TCP_OPTIONS;
use crate::tcp::verdict::Verdict;
use crate::tcp::{Carrier, SegmentRef};
use writer::{Object, array, string, text, uint, value};

/// Version of the records' form; it rises where a reader of the old one would be wrong.
pub const SCHEMA_VERSION: u64 = 1;

/// The JSON Schema of a record.
pub const SCHEMA: &str = include_str!("schema.json");

/// What is written.
#[derive(Clone, Copy, Default, Debug)]
pub struct Options {
    /// The SHA-256 of each body.
    pub hash: bool,
    /// Nothing but `begin` and `end`.
    pub quiet: bool,
}

/// The printer.
pub struct Json {
    options: Options,
    /// Hashes of the bodies under way, by connection and message.
    hashes: HashMap<(u64, u32), Sha256>,
}

impl Json {
    /// A printer that has written nothing.
    pub fn new(options: Options) -> Self {
        Self { options, hashes: HashMap::new() }
    }
}

impl Printer for Json {
    fn begin(&mut self, begin: &Begin, out: &mut Vec<u8>) {
        let mut object = Object::new(out);
        object.text("type", "begin");
        object.uint("schema", SCHEMA_VERSION);
        object.text("version", env!("CARGO_PKG_VERSION"));
        object.text("source", &begin.source);
        object.array("link_types", &begin.links, |out, link| string(out, &link.to_string()));
        if let Some(filter) = &begin.filter {
            object.text("filter", filter);
        }
        object.end();
        out.push(b'\n');
    }

    fn event(&mut self, event: Event<'_>, out: &mut Vec<u8>) {
        if self.options.quiet {
            return;
        }
        match event {
            Event::Body { stream, number, bytes } => {
                if self.options.hash {
                    self.hashes.entry((stream, number)).or_default().update(bytes);
                }
                return;
            }
            Event::Packet(event) => packet(out, event),
            Event::Message(event) => self.message(out, event),
            Event::Update(event) => update(out, event),
            Event::Connection(event) => connection(out, event),
        }
        out.push(b'\n');
    }

    fn end(&mut self, end: &End, out: &mut Vec<u8>) {
        let totals = &end.totals;
        let mut object = Object::new(out);
        object.text("type", "end");
        let counts = [
            ("totals.frames", totals.frames),
            ("totals.bytes", totals.bytes),
            ("totals.connections", totals.connections),
            ("totals.messages", totals.messages),
            ("totals.requests", totals.requests),
            ("totals.responses", totals.responses),
            ("totals.incomplete", totals.incomplete),
            ("totals.stopped", totals.stopped),
            ("totals.fragments_given_up", totals.fragments_given_up),
            ("totals.queues_relieved", totals.queues_relieved),
            ("totals.forgotten", totals.forgotten),
        ];
        counts.into_iter().for_each(|(name, count)| object.uint(name, count));
        flags(object.key("totals.flags"), &totals.flags);
        if let Some(drops) = end.drops {
            object.uint("drops.received", drops.received);
            object.uint("drops.kernel", drops.kernel);
            object.uint("drops.interface", drops.interface);
        }
        object.uint("ledger.captured", totals.ledger.captured);
        let ledger = object.key("ledger.message");
        uint(ledger, totals.ledger.get(Class::Message));
        for class in &Class::ALL[1..] {
            let _ = write!(ledger, ",\"{}\":{}", class.name(), totals.ledger.get(*class));
        }
        let _ = write!(ledger, ",\"unexplained\":{}", totals.ledger.unexplained());
        object.uint("ledger.missing", totals.ledger.missing);
        object.end();
        out.push(b'\n');
    }
}

impl Json {
    fn message(&mut self, out: &mut Vec<u8>, event: Message<'_>) {
        let message = event.message;
        let carrier = message.carrier.get();
        let mut object = Object::new(out);
        object.text("type", "message");
        object.uint("frame.number", message.frame);
        time(object.key("time"), message.first_time);
        let decoded = headers(&carrier);
        let analysed = match event.flow.transport {
            event::Transport::Tcp => Some((event.flow.stream, carrier.verdict)),
            event::Transport::Udp => None,
        };
        let udp_streams = match event.flow.transport {
            event::Transport::Tcp => None,
            event::Transport::Udp => Some((decoded.layers.len().saturating_sub(1), event.flow.stream)),
        };
        layers(&mut object, &decoded, analysed.as_ref(), udp_streams.as_slice(), |_| None);
        self.http(&mut object, event.flow.stream, message);
        for field in dns::FIELDS {
            self::field(&mut object, field, false, |put| (field.get)(message, put));
        }
        for field in registry::MESSAGE {
            own_field(&mut object, field, |put| (field.get)(&event, put));
        }
        object.array("message.missing", &message.missing, |out, missing| {
            let cause = missing.cause.name();
            let _ = write!(out, "{{\"offset\":{},\"len\":{},\"cause\":\"{cause}\"}}", missing.offset, missing.len);
        });
        object.array("message.segments", message.segments.kept(), |out, segment| {
            segment_record(out, segment, event.first_seq, message.start);
        });
        object.end();
    }

    fn http(&mut self, object: &mut Object<'_>, stream: u64, message: &Unit) {
        let Some(http) = message.http() else { return };
        let head = http.head();
        for field in http::FIELDS {
            // The body's lengths come last, beside its hash.
            if !field.name.starts_with("http.body.") {
                self::field(object, field, false, |put| (field.get)(message, put));
            }
        }
        object.array("http.headers", &head.head.fields, |out, line| {
            array(out, [head.name(line), &head.value(line)], text);
        });
        if !http.trailer_raw.is_empty() {
            let trailer = http.trailer();
            object.array("http.trailers", &trailer.head.fields, |out, line| {
                array(out, [trailer.name(line), &trailer.value(line)], text);
            });
        }
        object.uint("http.body.length", http.body_len);
        if let Some(len) = http.decoded_len {
            object.uint("http.body.decoded_length", len);
        }
        if self.options.hash {
            let hash = self.hashes.remove(&(stream, message.number)).unwrap_or_default().finalize();
            let out = object.key("http.body.sha256");
            out.push(b'"');
            hash.iter().for_each(|byte| drop(write!(out, "{byte:02x}")));
            out.push(b'"');
        }
    }
}

fn packet(out: &mut Vec<u8>, packet: Packet<'_>) {
    let decoded = packet.decoded;
    let mut object = Object::new(out);
    object.text("type", "packet");
    for field in registry::FRAME {
        self::field(&mut object, field, false, |put| (field.get)(&packet, put));
    }
    layers(&mut object, decoded, packet.tcp.as_ref(), packet.udp_streams, |layer| packet.fragmented(layer));
    if let Some(stop) = decoded.stop {
        object.text("stop.layer", stop.layer);
        object.uint("stop.offset", stop.offset.into());
        object.text("stop.reason", &stop.to_string());
    }
    object.end();
}

/// The headers that a message's first byte came through, decoded again.
fn headers<'a>(carrier: &Carrier<'a>) -> Decoded<'a> {
    let mut decoded = decode::decode_headers(carrier.meta, carrier.headers, carrier.resumed);
    decoded.cap_len = carrier.cap_len;
    decoded
}

/// What a layer says of one name: mostly all its fields. Some have one that begins with the name of another, such as
/// `ip.version` of IPv6.
struct Part<'d, 'a> {
    at: usize,
    layer: &'d Layer<'a>,
    fields: &'static [Field<decode::Get>],
}

impl Part<'_, '_> {
    fn name(&self) -> &'static str {
        self.fields.first().map_or("", |field| base(field.name))
    }

    /// Whether it has the layer's own name.
    fn is_main(&self) -> bool {
        self.name() == base(self.layer.protocol.name)
    }

    /// Whether it is of an extension header (`ipv6.fraghdr`), which belongs to the header that it extends.
    fn is_extension(&self) -> bool {
        self.layer.protocol.name.contains('.')
    }
}

fn base(name: &'static str) -> &'static str {
    name.split('.').next().unwrap_or(name)
}

/// A connection's number, and what its analysis says of a segment.
type Tcp = (u64, Verdict);

/// The layers by name; one that occurs more than once is an array, outermost first. `fragmented` tells of the datagram of
/// which the layer of an index has a fragment.
fn layers<'a>(
    object: &mut Object<'_>,
    decoded: &Decoded<'_>,
    tcp: Option<&Tcp>,
    udp_streams: &[(usize, u64)],
    fragmented: impl Fn(usize) -> Option<Fragmented<'a>>,
) {
    // That of the transport header, also of one that ICMP quotes, is the last.
    let last = decoded.layers.len().saturating_sub(1);
    let parts = decoded.layers.iter().enumerate().flat_map(|(at, layer)| {
        let fields = layer.protocol.fields.chunk_by(|one, next| base(one.name) == base(next.name));
        fields.map(move |fields| Part { at, layer, fields })
    });
    let parts: Vec<Part<'_, '_>> = parts.collect();
    for (first, part) in parts.iter().enumerate() {
        let name = part.name();
        if parts[..first].iter().any(|before| before.name() == name) {
            continue;
        }
        let own: Vec<&Part<'_, '_>> = parts[first..].iter().filter(|part| part.name() == name).collect();
        let headers = own.chunk_by(|_, next| next.is_extension());
        let write = |object: &mut Object<'_>, parts: &[&Part<'_, '_>]| {
            for part in parts {
                let stream = udp_streams.iter().find(|(at, _)| *at == part.at).map(|&(_, stream)| stream);
                one_part(object, part, tcp.filter(|_| part.at == last), stream);
                if let Some(fragmented) = fragmented(part.at).filter(|_| part.is_main()) {
                    fragment(object, &fragmented, part.layer);
                }
            }
        };
        if headers.clone().count() == 1 {
            write(object, &own);
            object.leave(0);
        } else {
            object.array(name, headers, |out, parts| {
                let mut element = Object::within(out, name);
                write(&mut element, parts);
                element.end();
            });
        }
    }
}

fn one_part(object: &mut Object<'_>, part: &Part<'_, '_>, tcp: Option<&Tcp>, udp_stream: Option<u64>) {
    for (i, field) in part.fields.iter().enumerate() {
        let parent = is_parent(part.fields, i);
        self::field(object, field, parent, |put| (field.get)(part.layer, &mut |value| put(value)));
    }
    if let Some(&(stream, verdict)) = tcp {
        let analysed = &Analysed { options: part.layer.from(TCP_OPTIONS), stream, verdict };
        for (i, field) in ANALYSIS.iter().enumerate() {
            self::field(object, field, is_parent(ANALYSIS, i), |put| (field.get)(analysed, &mut |value| put(value)));
        }
    }
    if let Some(stream) = udp_stream {
        object.uint(registry::UDP_STREAM, stream);
    }
}

fn fragment(object: &mut Object<'_>, fragmented: &Fragmented<'_>, layer: &Layer<'_>) {
    let fields = fields::of(layer);
    for (i, field) in fields.iter().enumerate() {
        self::field(object, field, is_parent(fields, i), |put| (field.get)(fragmented, &mut |value| put(value)));
    }
}

/// Whether the next field's name goes on where this one's ends.
fn is_parent<G>(fields: &[Field<G>], at: usize) -> bool {
    let next = fields.get(at + 1).and_then(|next| next.name.strip_prefix(fields[at].name));
    next.is_some_and(|rest| rest.starts_with('.'))
}

/// A field of ours: of a list without values too.
fn own_field<G>(object: &mut Object<'_>, field: &Field<G>, get: impl FnOnce(&mut dyn FnMut(Value<'_>))) {
    if !self::field(object, field, false, get) && field.many {
        object.key(field.name).extend_from_slice(b"[]");
    }
}

/// A field with its values, if it has any; whether it has.
fn field<G>(
    object: &mut Object<'_>,
    field: &Field<G>,
    parent: bool,
    get: impl FnOnce(&mut dyn FnMut(Value<'_>)),
) -> bool {
    let mut count = 0;
    get(&mut |each| {
        if count == 0 {
            let out = object.key(field.name);
            if parent {
                out.extend_from_slice(b"{\"value\":");
            }
            if field.many {
                out.push(b'[');
            }
            value(out, each);
        } else if field.many {
            let out = object.more();
            out.push(b',');
            value(out, each);
        }
        count += 1;
    });
    if count > 0 && field.many {
        object.more().push(b']');
    }
    if count > 0 && parent {
        object.enter(field.name);
    }
    count > 0
}

fn update(out: &mut Vec<u8>, event: Update<'_>) {
    let update = event.update;
    let mut object = Object::new(out);
    object.text("type", "update");
    object.uint("tcp.stream", event.flow.stream);
    object.uint("message.number", update.number.into());
    issues(object.key("message.issues"), update.issues);
    object.array("message.segments", update.segment, |out, segment| {
        segment_record(out, segment, event.first_seq, update.start);
    });
    object.end();
}

fn connection(out: &mut Vec<u8>, event: &event::Connection) {
    let mut object = Object::new(out);
    object.text("type", "connection");
    object.uint("tcp.stream", event.flow.stream);
    for field in registry::CONNECTION {
        own_field(&mut object, field, |put| (field.get)(event, put));
    }
    let client = event.flow.client.unwrap_or(0);
    for (fields, flags_name, from) in [
        (&registry::TO_SERVER, "connection.to_server.flags", client),
        (&registry::TO_CLIENT, "connection.to_client.flags", 1 - client),
    ] {
        for field in fields {
            self::field(&mut object, field, false, |put| (field.get)(event, put));
        }
        flags(object.key(flags_name), &event.directions[from].flags);
    }
    object.end();
}

fn segment_record(out: &mut Vec<u8>, segment: SegmentRef, first_seq: u32, start: u64) {
    let offset = segment.offset - start;
    let seq = first_seq.wrapping_add(offset as u32);
    let _ = write!(
        out,
        "{{\"frame\":{},\"seq\":{seq},\"len\":{},\"offset\":{offset},\"flags\":",
        segment.frame, segment.len
    );
    array(out, segment.flags.issues().iter(), |out, flag: Issue| string(out, flag.name()));
    out.push(b'}');
}

fn issues(out: &mut Vec<u8>, issues: IssueSet) {
    array(out, issues.iter(), |out, issue: Issue| string(out, issue.name()));
}

fn flags(out: &mut Vec<u8>, flags: &FlagCounts) {
    out.push(b'{');
    for (i, (flag, count)) in flags.iter().enumerate() {
        let comma = if i > 0 { "," } else { "" };
        let _ = write!(out, "{comma}\"{}\":{count}", flag.name());
    }
    out.push(b'}');
}

/// RFC 3339, in UTC.
fn time(out: &mut Vec<u8>, time: Timestamp) {
    let _ = match jiff::Timestamp::from_nanosecond(time.0.into()) {
        Ok(time) => write!(out, "\"{time:.9}\""),
        Err(_) => write!(out, "null"),
    };
}
