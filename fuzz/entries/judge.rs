//! What must hold whatever comes: the output is JSON without duplicate keys, and text without control characters; the ledger
//! explains every byte.

use std::collections::BTreeMap;
use std::fmt;

use dissect::engine::{Engine, Options, Totals};
use dissect::event::{Event, Sink};
use dissect::frame::Frame;
use dissect::print::json::{self, Json};
use dissect::print::page::{self, Page};
use dissect::print::table::{self, Table};
use dissect::print::text::{self, Hex, Text, TimeFormat};
use dissect::print::{Begin, End, Printer};
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// The bit of a seed by which checksums are looked at.
pub const VERIFY: u8 = 8;

/// The core with everything behind it that reads events.
pub struct Judge {
    engine: Engine,
    readers: Readers,
}

struct Readers {
    json: Json,
    others: Vec<Box<dyn Printer>>,
    out: Vec<u8>,
    bodies: BTreeMap<(u64, u64), Vec<u8>>,
    messages: Vec<Message>,
}

/// A message as its record tells it.
#[derive(Debug)]
pub struct Message {
    pub record: Value,
    /// Its body, as far as it was given out.
    pub body: Vec<u8>,
}

impl Judge {
    /// `seed` chooses among the options and the printers, so that one run is not slow.
    pub fn new(seed: u8) -> Self {
        let options = Options {
            packets: seed & 1 != 0,
            bodies: true,
            preview: if seed & 2 != 0 { 4096 } else { 0 },
            details: seed & 4 != 0,
            verify_checksums: seed & VERIFY != 0,
            ..Options::default()
        };
        let others = printers().into_iter().skip(usize::from(seed >> 4 & 7)).take(1).collect();
        Self::with(options, others)
    }

    /// With these options and, beside JSON, these printers.
    pub fn with(options: Options, others: Vec<Box<dyn Printer>>) -> Self {
        let json = Json::new(json::Options { hash: true, quiet: false });
        let readers = Readers { json, others, out: Vec::new(), bodies: BTreeMap::default(), messages: Vec::new() };
        let mut judge = Self { engine: Engine::new(options), readers };
        judge.readers.all(|printer, out| printer.begin(&Begin::default(), out));
        judge
    }

    /// Takes the next frame.
    pub fn push(&mut self, frame: Frame<'_>) {
        self.engine.push(frame, &mut self.readers);
    }

    /// The end: what was told, and the counts.
    pub fn finish(mut self) -> (Vec<Message>, Totals) {
        self.engine.finish(&mut self.readers);
        let totals = self.engine.totals();
        let end = End { totals: totals.clone(), drops: None, selected: None };
        self.readers.all(|printer, out| printer.end(&end, out));
        assert_eq!(totals.ledger.unexplained(), 0, "bytes are unexplained: {:?}", totals.ledger);
        (self.readers.messages, totals)
    }
}

/// Everything but JSON that reads events.
pub fn printers() -> Vec<Box<dyn Printer>> {
    let text = text::Options { packets: true, ..text::Options::default() };
    let verbose = text::Options { verbose: 2, hex: Hex::BytesAndText, ..text.clone() };
    let table = table::Options {
        width: 100,
        color: false,
        terminal: false,
        time: TimeFormat::SinceFirst,
        zone: TimeZone::UTC,
        quiet: false,
    };
    let page = page::Style { json: false, color: false, width: 80, verbose: true, visit: None };
    vec![
        Box::new(Text::new(text)),
        Box::new(Text::new(verbose)),
        Box::new(Table::new(table)),
        Box::new(Page::new(page, TimeZone::UTC)),
        Box::new(Page::new(page::Style { json: true, ..page }, TimeZone::UTC)),
    ]
}

impl Readers {
    fn all(&mut self, mut print: impl FnMut(&mut dyn Printer, &mut Vec<u8>)) {
        self.out.clear();
        print(&mut self.json, &mut self.out);
        for printer in &mut self.others {
            self.out.clear();
            print(&mut **printer, &mut self.out);
            is_plain(&self.out);
        }
    }

    /// The record that an event makes, if it makes one.
    fn record(&mut self, event: Event<'_>) -> Option<Value> {
        self.out.clear();
        self.json.event(event, &mut self.out);
        if self.out.is_empty() {
            return None;
        }
        let text = is_plain(&self.out);
        let record = serde_json::from_str::<Record>(text);
        Some(record.unwrap_or_else(|error| panic!("no JSON: {error}: {text}")).0)
    }
}

impl Sink for Readers {
    fn event(&mut self, event: Event<'_>) {
        let record = self.record(event);
        match event {
            Event::Body { stream, number, bytes, .. } => {
                self.bodies.entry((stream, number.into())).or_default().extend_from_slice(bytes);
            }
            Event::Message(told) => {
                let record = record.expect("a message has a record");
                let key = (told.flow.stream, told.message.number.into());
                let of_tcp = told.flow.transport == dissect::event::Transport::Tcp;
                let body = if of_tcp { self.bodies.remove(&key).unwrap_or_default() } else { Vec::new() };
                if let Some(http) = told.message.http().filter(|_| of_tcp) {
                    assert_eq!(body.len() as u64, http.body_len, "length of the body that was given out");
                }
                self.messages.push(Message { record, body });
            }
            _ => {}
        }
        for printer in &mut self.others {
            self.out.clear();
            printer.event(event, &mut self.out);
            is_plain(&self.out);
        }
    }
}

/// That `out` is UTF-8 without control characters.
pub fn is_plain(out: &[u8]) -> &str {
    let text = std::str::from_utf8(out).expect("output is UTF-8");
    let bad = text.chars().find(|&c| c != '\n' && (c.is_control() || matches!(c, '\u{202a}'..='\u{202e}')));
    assert_eq!(bad, None, "a control character: {text:?}");
    text
}

/// What of messages does not hang on frames: the same for any segmentation.
pub fn essence(messages: &[Message]) -> Vec<String> {
    let mut all: Vec<_> = messages.iter().map(|message| (number(message), of_message(message))).collect();
    all.sort_by_key(|(number, _)| *number);
    all.into_iter().map(|(_, essence)| essence).collect()
}

fn number(message: &Message) -> (u64, u64) {
    let uint = |at: &str| message.record.pointer(at).and_then(Value::as_u64).unwrap_or(0);
    (uint("/tcp/stream"), uint("/message/number"))
}

fn of_message(message: &Message) -> String {
    const HEADERS: &[&str] = &["frame", "time", "eth", "ip", "ipv6", "tcp", "udp"];
    const OF_FRAMES: &[&str] = &["segments", "segment_count", "first_frame", "last_frame", "issues"];
    const OF_TIME: &[&str] =
        &["request_in", "response_to", "time", "retransmission", "retransmit_request_in", "retransmit_response_in"];
    let mut record = message.record.clone();
    without(&mut record, HEADERS);
    for (name, value) in record.as_object_mut().into_iter().flatten() {
        without(value, if name == "message" { OF_FRAMES } else { OF_TIME });
    }
    format!("{record} {}", message.body.escape_ascii())
}

fn without(value: &mut Value, names: &[&str]) {
    if let Value::Object(object) = value {
        object.retain(|name, _| !names.contains(&name.as_str()));
    }
}

/// A value in which no object has a key twice.
struct Record(Value);

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Strict).map(Self)
    }
}

struct Strict;

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(Record(value)) = seq.next_element()? {
            all.push(value);
        }
        Ok(all.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut all = serde_json::Map::new();
        while let Some((key, Record(value))) = map.next_entry::<String, Record>()? {
            if all.insert(key.clone(), value).is_some() {
                return Err(de::Error::custom(format!("{key} twice")));
            }
        }
        Ok(all.into())
    }
}
