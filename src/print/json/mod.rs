//! JSON Lines: one object a line, keys in a fixed order, nested as the field names are at their dots.

mod follow;
mod lint;
mod plan;
mod writer;

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use super::number::{self, int, padded, uint};
use super::time::Seconds;
use super::{Begin, End, Printer};
use crate::app::http1::Http;
use crate::app::http1::fields as http;
use crate::app::http2::fields as http2;
use crate::app::ledger::Class;
use crate::app::message::{Message as Whole, Unit};
use crate::decode::{self, Decoded, Layer};
use crate::event::{self, Event, FlagCounts, Message, Packet, Update};
use crate::field::Field;
use crate::flow::fields::{self, Fragmented};
use crate::frame::{self, Timestamp};
use crate::issue::{Issue, IssueSet};
use crate::registry;
use crate::tcp::fields::{Analysed, FIELDS as ANALYSIS};
use crate::tcp::options::AT as TCP_OPTIONS;
use crate::tcp::verdict::Verdict;
use crate::tcp::{Carrier, SegmentRef};
pub use follow::Follow;
pub use lint::Lints;
use plan::{Plans, base};
pub use writer::escaped;
use writer::{Object, string};
pub(super) use writer::{array, text};

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
    plans: Plans,
    clock: Seconds,
}

impl Json {
    /// A printer that has written nothing.
    pub fn new(options: Options) -> Self {
        Self { options, hashes: HashMap::new(), plans: Plans::default(), clock: Seconds::default() }
    }
}

impl Printer for Json {
    fn begin(&mut self, begin: &Begin, out: &mut Vec<u8>) {
        let mut object = Object::new(out, &self.plans, "begin");
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
            Event::Body { stream, number, bytes, .. } => {
                if self.options.hash {
                    self.hashes.entry((stream, number)).or_default().update(bytes);
                }
                return;
            }
            Event::Followed(_) => return,
            Event::Packet(event) => packet(Object::new(out, &self.plans, "packet"), event),
            Event::Message(event) => self.message(out, event),
            Event::Update(event) => update(Object::new(out, &self.plans, "update"), event),
            Event::Connection(event) => connection(Object::new(out, &self.plans, "connection"), event),
            Event::Drops(event) => self.drops(out, &event),
        }
        out.push(b'\n');
    }

    fn pass_over(&mut self, event: &Message<'_>) {
        // Streams of UDP have numbers of their own.
        if event.flow.transport == event::Transport::Tcp {
            self.hashes.remove(&(event.flow.stream, event.message.number));
        }
    }

    fn end(&mut self, end: &End, out: &mut Vec<u8>) {
        let totals = &end.totals;
        let mut object = Object::new(out, &self.plans, "end");
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
            object.uint("drops.kernel", drops.lost.kernel);
            object.uint("drops.interface", drops.lost.interface);
            object.uint("drops.dissect", drops.lost.dissect);
        }
        if totals.lost.file > 0 {
            object.uint("drops.file", totals.lost.file);
        }
        object.uint("ledger.captured", totals.ledger.captured);
        let ledger = object.key("ledger.message");
        uint(ledger, totals.ledger.get(Class::Message));
        for class in &Class::ALL[1..] {
            ledger.push(b',');
            plan::name(ledger, class.name());
            uint(ledger, totals.ledger.get(*class));
        }
        ledger.extend_from_slice(b",\"unexplained\":");
        int(ledger, totals.ledger.unexplained());
        object.uint("ledger.missing", totals.ledger.missing);
        object.end();
        out.push(b'\n');
    }
}

impl Json {
    fn drops(&mut self, out: &mut Vec<u8>, event: &event::Drops) {
        let frame::Drops { since, until, lost, after: _ } = event.drops;
        let mut object = Object::new(out, &self.plans, "drops");
        object.uint("drops.after_frame", event.after);
        if let Some(before) = event.before {
            object.uint("drops.before_frame", before);
        }
        time(object.key("drops.since"), &mut self.clock, since);
        time(object.key("drops.until"), &mut self.clock, until);
        object.uint("drops.kernel", lost.kernel);
        object.uint("drops.interface", lost.interface);
        object.uint("drops.dissect", lost.dissect);
        object.uint("drops.file", lost.file);
        object.end();
    }

    fn message(&mut self, out: &mut Vec<u8>, event: Message<'_>) {
        let message = event.message;
        let carrier = message.carrier.get();
        let mut object = Object::new(out, &self.plans, "message");
        object.uint("frame.number", message.frame);
        time(object.key("time"), &mut self.clock, message.first_time);
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
        match &message.unit {
            Unit::Http(http) => {
                let is_tcp = event.flow.transport == event::Transport::Tcp;
                let hashes = (self.options.hash && is_tcp).then_some(&mut self.hashes);
                let hash = hashes.map(|hashes| hashes.remove(&(event.flow.stream, message.number)).unwrap_or_default());
                self::http(&mut object, message, http, hash);
                if http.http2.is_some() {
                    object.fields(http2::FIELDS, |field, slot| (field.get)(message, &mut |value| slot.put(value)));
                }
            }
            unit => {
                object.fields(unit.application().fields, |field, slot| {
                    (field.get)(message, &mut |value| slot.put(value));
                });
                if let Unit::WebSocket(unit) = unit
                    && self.options.hash
                    && !unit.opcode.is_control()
                {
                    let hash = self.hashes.remove(&(event.flow.stream, message.number)).unwrap_or_default();
                    self::hash(&mut object, "websocket.sha256", hash);
                }
            }
        }
        object.fields_and_lists(registry::MESSAGE, |field, slot| (field.get)(&event, &mut |value| slot.put(value)));
        object.array("message.missing", &message.missing, |out, missing| {
            member(out, "{\"offset\":", missing.offset);
            member(out, ",\"len\":", missing.len);
            out.extend_from_slice(b",\"cause\":");
            string(out, missing.cause.name());
            out.push(b'}');
        });
        object.array("message.segments", message.segments.kept(), |out, segment| {
            segment_record(out, segment, event.first_seq, message.start);
        });
        object.end();
    }
}

fn http(object: &mut Object<'_>, message: &Whole, http: &Http, hash: Option<Sha256>) {
    // The body's lengths come last, beside its hash.
    let (of_head, of_body) =
        http::FIELDS.split_at(http::FIELDS.partition_point(|field| !field.name.starts_with("http.body.")));
    let head = http.head();
    object.fields(of_head, |field, slot| (field.get)(message, &mut |value| slot.put(value)));
    object.array("http.headers", &head.head.fields, |out, line| {
        array(out, [head.name(line), &head.value(line)], text);
    });
    if !http.trailer_raw.is_empty() {
        let trailer = http.trailer();
        object.array("http.trailers", &trailer.head.fields, |out, line| {
            array(out, [trailer.name(line), &trailer.value(line)], text);
        });
    }
    object.fields(of_body, |field, slot| (field.get)(message, &mut |value| slot.put(value)));
    if let Some(hash) = hash {
        self::hash(object, "http.body.sha256", hash);
    }
}

fn hash(object: &mut Object<'_>, key: &'static str, hash: Sha256) {
    let out = object.key(key);
    out.push(b'"');
    number::bytes(out, &hash.finalize());
    out.push(b'"');
}

fn packet(mut object: Object<'_>, packet: Packet<'_>) {
    let decoded = packet.decoded;
    object.fields(registry::FRAME, |field, slot| (field.get)(&packet, &mut |value| slot.put(value)));
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
    name: &'static str,
    fields: &'static [Field<decode::Get>],
}

impl Part<'_, '_> {
    /// Whether it has the layer's own name.
    fn is_main(&self) -> bool {
        self.name == base(self.layer.protocol.name)
    }

    /// Whether it is of an extension header (`ipv6.fraghdr`), which belongs to the header that it extends.
    fn is_extension(&self) -> bool {
        self.layer.protocol.name.contains('.')
    }

    /// Whether both are extension headers of the same name.
    fn repeats(&self, other: &Self) -> bool {
        self.is_extension() && self.layer.protocol.name == other.layer.protocol.name
    }
}

/// A connection's number, and what its analysis says of a segment.
type Tcp = (u64, Verdict);

/// The layers by name; one that occurs more than once is an array, outermost first, and so is an extension header that
/// extends the same header more than once (RFC 8200 4.1). `fragmented` tells of the datagram of which the layer of an
/// index has a fragment.
fn layers<'a>(
    object: &mut Object<'_>,
    decoded: &Decoded<'_>,
    tcp: Option<&Tcp>,
    udp_streams: &[(usize, u64)],
    fragmented: impl Fn(usize) -> Option<Fragmented<'a>>,
) {
    // That of the transport header, also of one that ICMP quotes, is the last.
    let last = decoded.layers.len().saturating_sub(1);
    let mut parts = Vec::with_capacity(decoded.layers.len());
    for (at, layer) in decoded.layers.iter().enumerate() {
        let of_layer = object.plans.parts(layer.protocol.fields);
        parts.extend(of_layer.iter().map(|&(name, fields)| Part { at, layer, name, fields }));
    }
    for (first, part) in parts.iter().enumerate() {
        let name = part.name;
        if parts[..first].iter().any(|before| before.name == name) {
            continue;
        }
        let own: Vec<&Part<'_, '_>> = parts[first..].iter().filter(|part| part.name == name).collect();
        let headers = own.chunk_by(|_, next| next.is_extension());
        let write = |object: &mut Object<'_>, parts: &[&Part<'_, '_>]| {
            for (first, part) in parts.iter().enumerate() {
                if parts[..first].iter().any(|before| part.repeats(before)) {
                    continue;
                }
                if parts[first + 1..].iter().any(|next| part.repeats(next)) {
                    let same = parts[first..].iter().filter(|other| part.repeats(other));
                    object.objects(part.layer.protocol.name, same, |object, part| one_part(object, part, None, None));
                    continue;
                }
                let stream = udp_streams.iter().find(|(at, _)| *at == part.at).map(|&(_, stream)| stream);
                one_part(object, part, tcp.filter(|_| part.at == last), stream);
                if let Some(fragmented) = fragmented(part.at).filter(|_| part.is_main()) {
                    fragment(object, &fragmented, part.layer);
                }
            }
        };
        if headers.clone().count() == 1 {
            write(object, &own);
        } else {
            object.objects(name, headers, write);
        }
    }
}

fn one_part(object: &mut Object<'_>, part: &Part<'_, '_>, tcp: Option<&Tcp>, udp_stream: Option<u64>) {
    object.fields(part.fields, |field, slot| (field.get)(part.layer, &mut |value| slot.put(value)));
    if let Some(&(stream, verdict)) = tcp {
        let analysed = &Analysed { options: part.layer.from(TCP_OPTIONS), stream, verdict };
        object.fields(ANALYSIS, |field, slot| (field.get)(analysed, &mut |value| slot.put(value)));
    }
    if let Some(stream) = udp_stream {
        object.uint(registry::UDP_STREAM, stream);
    }
}

fn fragment(object: &mut Object<'_>, fragmented: &Fragmented<'_>, layer: &Layer<'_>) {
    object.fields(fields::of(layer), |field, slot| (field.get)(fragmented, &mut |value| slot.put(value)));
}

fn update(mut object: Object<'_>, event: Update<'_>) {
    let update = event.update;
    let stream = if event.flow.transport == event::Transport::Udp { registry::UDP_STREAM } else { "tcp.stream" };
    object.uint(stream, event.flow.stream);
    object.uint("message.number", update.number.into());
    issues(object.key("message.issues"), update.issues);
    object.array("message.segments", update.segment, |out, segment| {
        segment_record(out, segment, event.first_seq, update.start);
    });
    object.end();
}

fn connection(mut object: Object<'_>, event: &event::Connection) {
    object.uint("tcp.stream", event.flow.stream);
    object.fields_and_lists(registry::CONNECTION, |field, slot| (field.get)(event, &mut |value| slot.put(value)));
    let client = event.flow.client.unwrap_or(0);
    for (fields, flags_name, from) in [
        (&registry::TO_SERVER, "connection.to_server.flags", client),
        (&registry::TO_CLIENT, "connection.to_client.flags", 1 - client),
    ] {
        object.fields(fields, |field, slot| (field.get)(event, &mut |value| slot.put(value)));
        flags(object.key(flags_name), &event.directions[from].flags);
    }
    object.end();
}

fn segment_record(out: &mut Vec<u8>, segment: SegmentRef, first_seq: u32, start: u64) {
    let offset = segment.offset - start;
    member(out, "{\"frame\":", segment.frame);
    member(out, ",\"seq\":", first_seq.wrapping_add(offset as u32).into());
    member(out, ",\"len\":", segment.len.into());
    member(out, ",\"offset\":", offset);
    out.extend_from_slice(b",\"flags\":");
    array(out, segment.flags.issues().iter(), |out, flag: Issue| string(out, flag.name()));
    out.push(b'}');
}

/// A number after what precedes it.
fn member(out: &mut Vec<u8>, key: &'static str, value: u64) {
    out.extend_from_slice(key.as_bytes());
    uint(out, value);
}

fn issues(out: &mut Vec<u8>, issues: IssueSet) {
    array(out, issues.iter(), |out, issue: Issue| string(out, issue.name()));
}

fn flags(out: &mut Vec<u8>, flags: &FlagCounts) {
    out.push(b'{');
    for (i, (flag, count)) in flags.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        plan::name(out, flag.name());
        uint(out, count.into());
    }
    out.push(b'}');
}

/// RFC 3339, in UTC.
fn time(out: &mut Vec<u8>, clock: &mut Seconds, time: Timestamp) {
    out.push(b'"');
    out.extend_from_slice(clock.rfc3339(time.secs()).as_bytes());
    out.push(b'.');
    padded(out, time.subsec_nanos().into(), 9);
    out.extend_from_slice(b"Z\"");
}
