//! Counts over a capture: messages by protocol, host, status code and any other field, response times, connections.

pub mod by;
pub mod connections;
pub mod durations;
mod exchanges;
pub mod table;

use crate::app::dns::Variant;
use crate::app::message::{Kind, Message, Unit};
use crate::app::tls::Content;
use crate::event::{self, Connection, Event};
use crate::filter::{MessageRecord, Times};
use by::By;
use connections::Connections;
use exchanges::{Answer, Exchanges, Places};
use table::{Row, Table};

/// Response times by protocol of which percentiles are exact: 8 MiB of them.
const EXACT: usize = 1 << 20;

/// What was counted.
#[derive(Debug)]
pub struct Stats {
    breakdowns: Vec<Breakdown>,
    /// TCP connections.
    pub connections: Connections,
    exchanges: Exchanges,
}

/// Messages, counted by one thing.
#[derive(Debug)]
pub struct Breakdown {
    /// By what.
    pub by: By,
    /// A row for each of its values.
    pub table: Table,
}

impl Stats {
    /// Nothing counted yet. Messages are counted by `more` beside what they always are.
    pub fn new(more: impl IntoIterator<Item = By>) -> Self {
        let breakdown = |by: By| {
            let table = if by.is_protocol() { Table::exact_to(EXACT) } else { Table::default() };
            Breakdown { by, table }
        };
        let mut breakdowns: Vec<Breakdown> = Vec::new();
        for by in by::usual().into_iter().chain(more) {
            if breakdowns.iter().all(|known| known.by.name() != by.name()) {
                breakdowns.push(breakdown(by));
            }
        }
        Self { breakdowns, connections: Connections::default(), exchanges: Exchanges::default() }
    }

    /// The breakdowns, that by protocol first.
    pub fn breakdowns(&self) -> &[Breakdown] {
        &self.breakdowns
    }

    /// Counts what an event tells of.
    pub fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Message(message) => self.message(&message),
            Event::Connection(connection) => self.connection(connection),
            Event::Packet(_) | Event::Body { .. } | Event::Update(_) | Event::Followed(_) | Event::Drops(_) => {}
        }
    }

    fn message(&mut self, told: &event::Message<'_>) {
        let message = told.message;
        let record = MessageRecord::as_captured(told, Times::default());
        let key = (told.flow.transport, told.flow.stream, message.number);
        let answered = (message.kind == Kind::Response).then_some(message.answers).flatten();
        let asked = answered.and_then(|number| self.exchanges.asked((key.0, key.1, number), is_final(message)));
        let mut answer = Answer {
            bytes: message.len - message.missing_bytes,
            is_error: is_error(message),
            is_complete: message.integrity.issue().is_none(),
            time: message.since_request.filter(|_| is_final(message)),
            is_last: is_final(message),
            own: 0,
        };
        let mut places = Places::new();
        for (index, Breakdown { by, table }) in self.breakdowns.iter_mut().enumerate() {
            let mut has_value = false;
            by.values(told, &record, &mut |value| {
                has_value = true;
                let place = table.place(value);
                let row = table.row(place);
                row.messages += 1;
                answer.count(row);
                if message.kind == Kind::Request && by.goes_on() {
                    // More values than this no request has but one that is made for it.
                    let _ = places.try_push((index, place));
                }
            });
            answer.own |= u64::from(has_value || !by.goes_on()) << (index % 64);
            // What an answer does not say itself, its request has said for it.
            if !has_value && by.goes_on() {
                let of_table = asked.iter().flatten().filter(|(of, _)| *of == index);
                of_table.for_each(|&(_, place)| answer.count(table.row(place)));
            }
        }
        if message.kind == Kind::Request {
            for answer in self.exchanges.ask(key, &places) {
                for &(index, place) in places.iter().filter(|(index, _)| !answer.is_own(*index)) {
                    if let Some(breakdown) = self.breakdowns.get_mut(index) {
                        answer.count(breakdown.table.row(place));
                    }
                }
            }
        } else if let Some(number) = answered.filter(|_| asked.is_none()) {
            self.exchanges.answer((key.0, key.1, number), answer);
        }
    }

    fn connection(&mut self, connection: &Connection) {
        let protocol = self.breakdowns.iter_mut().find(|breakdown| breakdown.by.is_protocol());
        if let Some(Breakdown { table, .. }) = protocol {
            let speaks = |name: &str, table: &mut Table, count: &dyn Fn(&mut Row)| {
                let place = table.place(name.as_bytes());
                count(table.row(place));
            };
            let named = connection.protocol.unwrap_or(by::UNKNOWN);
            let has_bytes = connection.directions.iter().any(|direction| direction.bytes > 0);
            if connection.http {
                speaks("HTTP", table, &|row| row.connections += 1);
            } else if has_bytes {
                speaks(named, table, &|row| row.connections += 1);
            }
            if connection.other_bytes > 0 {
                speaks(named, table, &|row| row.bytes += connection.other_bytes);
            }
        }
        self.connections.count(connection);
    }
}

/// Whether a message says that something is wrong: 4xx and 5xx, an RCODE (RFC 1035 4.1.1), a fatal alert (RFC 8446 6).
fn is_error(message: &Message) -> bool {
    const FATAL: u8 = 2;
    match &message.unit {
        Unit::Http(http) => message.kind == Kind::Response && http.parsed.code >= 400,
        // That of multicast means nothing (RFC 6762 18.11).
        Unit::Dns(dns) => message.kind == Kind::Response && dns.variant == Variant::Dns && dns.rcode() != 0,
        Unit::Tls(tls) => matches!(tls.content, Content::Alert(FATAL.., _)),
        Unit::Http2(_) | Unit::WebSocket(_) | Unit::Named(_) => false,
    }
}

/// Whether no other answer to the same request follows.
fn is_final(message: &Message) -> bool {
    message.http().is_none_or(|http| http.is_final())
}
