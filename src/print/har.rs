//! HAR 1.2: the exchanges of a capture as one JSON document, as browsers export them.
//!
//! An entry is written when its exchange has ended, so that what is held are requests that wait for their answers.

mod entry;

use std::collections::{BTreeMap, HashMap, HashSet};

use super::object::Object;
use super::time::Seconds;
use super::{Begin, End, Printer};
use crate::app::http1::Http;
use crate::app::http1::coding::Decoder;
use crate::app::http1::uri;
use crate::app::message::{Integrity, Kind, Message};
use crate::decode;
use crate::event::{self, Event, Flow, Packet, Transport};
use crate::frame::Timestamp;
use crate::page::lookups::Lookups;
use crate::tcp::Control;

/// Bytes of a body that are shown, decoded; longer ones are cut, and say so.
pub const MAX_BODY: usize = 1 << 20;

/// Bytes of all bodies that are held.
const MAX_BODIES: usize = 64 << 20;

/// Bytes of all exchanges that wait; beyond that, the oldest is written without an answer, and says so.
const MAX_WAITING: usize = 128 << 20;

/// Connections of which the time of the SYN is held until the first request.
const MAX_OPENED: usize = 128 << 10;

/// The printer.
#[derive(Default)]
pub struct Har {
    bodies: HashMap<(u64, u32), Vec<u8>>,
    bodies_held: usize,
    /// Requests that wait for an answer, and answers that came before the end of their request.
    waiting: BTreeMap<(u64, u32), Exchange>,
    held: usize,
    /// When SYNs came, until the first request of their connection.
    opened: HashMap<u64, Timestamp>,
    /// Connections that had an exchange.
    used: HashSet<u64>,
    lookups: Lookups,
    /// Whether an entry was written.
    any: bool,
    /// Whether messages that come are not chosen.
    passed_over: bool,
    clock: Seconds,
}

#[derive(Default)]
struct Exchange {
    request: Option<Part>,
    response: Option<Part>,
    /// Codes of interim responses.
    interim: Vec<u16>,
    /// Nanoseconds of what came before the request, and when it began.
    before: Before,
    given_up: bool,
    chosen: bool,
}

/// What came before the first request of a connection.
#[derive(Clone, Copy, Default)]
struct Before {
    start: Option<Timestamp>,
    blocked: Option<i64>,
    dns: Option<i64>,
    connect: Option<i64>,
}

/// A message as it is kept.
struct Part {
    flow: Flow,
    number: u32,
    side: usize,
    http: Http,
    integrity: Integrity,
    missing: u64,
    first: Timestamp,
    last: Timestamp,
    body: Content,
}

/// A body as it is shown.
#[derive(Default)]
struct Content {
    bytes: Vec<u8>,
    /// Its length, content coding undone where it is.
    len: u64,
    decoded: bool,
    /// Why it is not all there.
    comment: Option<String>,
}

impl Exchange {
    fn cost(&self) -> usize {
        let part = |part: &Part| {
            let fields = part.http.parsed.fields.capacity() * 20;
            part.http.raw.capacity() + fields + part.body.bytes.capacity() + 512
        };
        self.request.as_ref().map_or(0, part) + self.response.as_ref().map_or(0, part) + 2 * self.interim.capacity()
    }
}

impl Printer for Har {
    fn begin(&mut self, begin: &Begin, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"log\":{\"version\":\"1.2\",\"creator\":");
        Object::write(out, |object| {
            object.text("name", "dissect");
            object.text("version", env!("CARGO_PKG_VERSION"));
        });
        out.extend_from_slice(b",\"comment\":");
        super::json::text(out, format!("from {}", begin.source).as_bytes());
        out.extend_from_slice(b",\"pages\":[],\"entries\":[");
    }

    fn event(&mut self, event: Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::Packet(packet) => self.packet(&packet),
            Event::Body { stream, number, bytes, .. } => self.body(stream, number, bytes),
            Event::Message(told) if told.flow.transport == Transport::Tcp => self.message(&told, out),
            Event::Message(told) => self.lookups.message(&told),
            Event::Connection(connection) => {
                self.close(connection.flow.stream, out);
            }
            Event::Update(_) | Event::Followed(_) | Event::Drops(_) => {}
        }
    }

    fn end(&mut self, _: &End, out: &mut Vec<u8>) {
        for (_, exchange) in std::mem::take(&mut self.waiting) {
            self.entry(&exchange, out);
        }
        out.extend_from_slice(b"]}}\n");
    }
}

impl Har {
    /// One that has written nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether what comes is chosen. An exchange is written if one of its messages is.
    pub fn choose(&mut self, chosen: bool) {
        self.passed_over = !chosen;
    }

    fn packet(&mut self, packet: &Packet<'_>) {
        let (Some((stream, _)), decode::Transport::Tcp(header)) = (packet.tcp, packet.decoded.transport) else {
            return;
        };
        let control = Control(header.flags);
        if control.any(Control::SYN) && !control.any(Control::ACK) && self.opened.len() < MAX_OPENED {
            self.opened.entry(stream).or_insert(packet.decoded.meta.time);
        }
    }

    fn body(&mut self, stream: u64, number: u32, bytes: &[u8]) {
        let body = self.bodies.entry((stream, number)).or_default();
        let room = (MAX_BODY - body.len()).min(MAX_BODIES - self.bodies_held);
        let kept = &bytes[..bytes.len().min(room)];
        body.extend_from_slice(kept);
        self.bodies_held += kept.len();
    }

    fn message(&mut self, told: &event::Message<'_>, out: &mut Vec<u8>) {
        let (stream, message) = (told.flow.stream, told.message);
        let Some(http) = message.http() else { return };
        let part = self.part(told, http);
        let chosen = !self.passed_over;
        let key = (stream, if message.kind == Kind::Request { message.number } else { message.answers.unwrap_or(0) });
        if message.kind == Kind::Request {
            let before = if self.used.insert(stream) { self.before(&part, message) } else { Before::default() };
            let mut exchange = self.take(key);
            exchange.chosen |= chosen;
            (exchange.request, exchange.before) = (Some(part), before);
            if exchange.response.is_some() { self.entry(&exchange, out) } else { self.wait(key, exchange, out) }
        } else if message.answers.is_none() {
            self.entry(&Exchange { response: Some(part), chosen, ..Exchange::default() }, out);
        } else {
            let mut exchange = self.take(key);
            exchange.chosen |= chosen;
            if !http.is_final() {
                if exchange.interim.len() < 64 {
                    exchange.interim.push(http.parsed.code);
                }
                return self.wait(key, exchange, out);
            }
            exchange.response = Some(part);
            if exchange.request.is_some() { self.entry(&exchange, out) } else { self.wait(key, exchange, out) }
        }
    }

    fn take(&mut self, key: (u64, u32)) -> Exchange {
        let exchange = self.waiting.remove(&key).unwrap_or_default();
        self.held -= exchange.cost();
        exchange
    }

    fn wait(&mut self, key: (u64, u32), exchange: Exchange, out: &mut Vec<u8>) {
        self.held += exchange.cost();
        self.waiting.insert(key, exchange);
        while self.held > MAX_WAITING
            && let Some((_, oldest)) = self.waiting.pop_first()
        {
            self.held -= oldest.cost();
            self.entry(&Exchange { given_up: true, ..oldest }, out);
        }
    }

    fn close(&mut self, stream: u64, out: &mut Vec<u8>) {
        let keys: Vec<_> = self.waiting.range((stream, 0)..=(stream, u32::MAX)).map(|(key, _)| *key).collect();
        for key in keys {
            let exchange = self.take(key);
            self.entry(&exchange, out);
        }
        self.used.remove(&stream);
        self.opened.remove(&stream);
    }

    fn part(&mut self, told: &event::Message<'_>, http: &Http) -> Part {
        let message = told.message;
        let kept = self.bodies.remove(&(told.flow.stream, message.number)).unwrap_or_default();
        self.bodies_held -= kept.len();
        Part {
            flow: told.flow,
            number: message.number,
            side: message.side,
            http: Http { preview: Vec::new(), ..http.clone() },
            integrity: message.integrity,
            missing: message.missing_bytes,
            first: message.first_time,
            last: message.last_time,
            body: content(kept, http, message.integrity == Integrity::Complete),
        }
    }

    /// What came before the first request of a connection.
    fn before(&mut self, request: &Part, message: &Message) -> Before {
        let Some(syn) = self.opened.remove(&request.flow.stream) else { return Before::default() };
        let rtt = message.carrier.get().verdict.initial_rtt;
        if rtt <= 0 || request.first.since(syn) < rtt {
            return Before::default();
        }
        let server = request.flow.ends[1 - request.side].address;
        let url = uri::of_request(request.http.head()).unwrap_or_default();
        let lookup = self.lookups.before(server, syn, uri::host(&url)).and_then(|at| self.lookups.get(at));
        let lookup = lookup.and_then(|lookup| lookup.took(server));
        let dns = lookup.map(|(_, nanos)| nanos);
        let start = lookup.map_or(syn, |(asked, _)| asked);
        let blocked = request.first.since(start) - rtt - dns.unwrap_or(0);
        Before { start: Some(start), blocked: Some(blocked), dns, connect: Some(rtt) }
    }

    fn entry(&mut self, exchange: &Exchange, out: &mut Vec<u8>) {
        if !exchange.chosen || exchange.request.is_none() && exchange.response.is_none() {
            return;
        }
        if std::mem::replace(&mut self.any, true) {
            out.push(b',');
        }
        out.push(b'\n');
        entry::write(exchange, &mut self.clock, out);
    }
}

/// The body as it is shown, from its first bytes.
fn content(kept: Vec<u8>, http: &Http, complete: bool) -> Content {
    let all_kept = kept.len() as u64 == http.body_len;
    let mut content = Content { len: http.body_len, ..Content::default() };
    let decoder = Decoder::new(http.head().list("content-encoding"), MAX_BODY).filter(|_| http.body_len > 0);
    match decoder {
        Some(mut decoder) => {
            decoder.push(&kept);
            decoder.end(complete && all_kept);
            if decoder.decoded_len() > 0 || decoder.issues().is_empty() {
                content.decoded = true;
                content.len = http.decoded_len.unwrap_or(0).max(decoder.decoded_len());
                content.bytes = decoder.preview().to_vec();
            } else {
                content.bytes = kept;
            }
            if let Some(issue) = decoder.issues().iter().next() {
                content.comment = Some(issue.name().to_owned());
            }
        }
        None => content.bytes = kept,
    }
    if (content.bytes.len() as u64) < content.len {
        content.comment = Some(format!("the first {} of {} bytes", content.bytes.len(), content.len));
    }
    content
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bomb_is_shown_up_to_the_bound() {
        use std::io::Write;
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(&vec![0; 40 << 20]).unwrap();
        let body = gzip.finish().unwrap();
        let raw = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n".to_vec();
        let mut http = Http { body_len: body.len() as u64, ..Http::default() };
        crate::app::http1::head::parse_into(&raw, &mut http.parsed);
        http.raw = raw;
        let content = content(body, &http, true);
        assert_eq!((content.bytes.len(), content.decoded), (MAX_BODY, true));
        assert!(content.comment.is_some_and(|comment| comment.starts_with("the first 1048576 of")));
    }

    #[test]
    fn what_precedes_the_first_request_is_told_of_its_connection() {
        use crate::flow::Endpoint;
        use crate::tcp::Carrier;
        use crate::tcp::verdict::Verdict;

        const MS: i64 = 1_000_000;
        let raw = b"GET / HTTP/1.1\r\nHost: Example.test:80\r\n\r\n".to_vec();
        let mut http = Http::default();
        crate::app::http1::head::parse_into(&raw, &mut http.parsed);
        http.raw = raw;
        let ends = ["10.0.0.1", "10.0.0.2"].map(|address| Endpoint { address: address.parse().unwrap(), port: 80 });
        let flow = Flow { transport: Transport::Tcp, stream: 3, ends, client: Some(0) };
        let mut message = Message { first_time: Timestamp(40 * MS), ..Message::default() };
        let empty = message.carrier.clone();
        let mut verdict = Verdict::default();
        verdict.initial_rtt = 5 * MS;
        message.carrier.set(&Carrier { verdict, ..empty.get() });
        message.unit = crate::app::message::Unit::Http(http.clone());
        let told = event::Message { flow, first_seq: 1, message: &message };
        let before = |address: &str, answered: i64| {
            let mut har = Har::new();
            har.opened.insert(3, Timestamp(20 * MS));
            har.lookups.know("example.test", address, [answered * MS - 7 * MS, answered * MS].map(Timestamp));
            let part = har.part(&told, &http);
            let Before { start, blocked, dns, connect } = har.before(&part, &message);
            [start.map(|start| start.0), blocked, dns, connect].map(|nanos| nanos.map(|nanos| nanos / MS))
        };
        assert_eq!(before("10.0.0.2", 19), [Some(12), Some(16), Some(7), Some(5)]);
        // A lookup of another address, one that came after the SYN, and one of long ago.
        for (address, answered) in [("10.0.0.3", 19), ("10.0.0.2", 21), ("10.0.0.2", -6000)] {
            assert_eq!(before(address, answered), [Some(20), Some(15), None, Some(5)]);
        }
    }
}
