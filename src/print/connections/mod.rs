//! A line a connection (`dissect connections`).

mod csv;
mod names;
mod sorted;
mod text;

use super::json::{self, Json};
use super::{Begin, End, Printer};
use crate::event::{Connection, Event};
use names::Names;
use sorted::Sorted;
use text::Rows;

pub use sorted::Order;
pub use text::Options as TextOptions;

/// In which format.
#[derive(Clone, Debug)]
pub enum Format {
    /// Columns.
    Text(TextOptions),
    /// The `connection` records.
    Json,
    /// Comma-separated values.
    Csv,
}

/// The format.
pub struct Connections {
    printer: Rendered,
    names: Names,
    sorted: Sorted,
}

/// A connection, and the name of its server as far as the capture tells it.
type Named = (Connection, Option<Box<[u8]>>);

enum Rendered {
    Text(Box<Rows>),
    Json(Box<Json>),
    Csv,
}

impl Connections {
    /// Nothing written yet.
    pub fn new(format: Format, order: Order) -> Self {
        let printer = match format {
            Format::Text(options) => Rendered::Text(Box::new(Rows::new(options))),
            Format::Json => Rendered::Json(Box::new(Json::new(json::Options::default()))),
            Format::Csv => Rendered::Csv,
        };
        Self { printer, names: Names::default(), sorted: Sorted::new(order) }
    }
}

impl Rendered {
    fn write(&mut self, named: &Named, out: &mut Vec<u8>) {
        match self {
            Self::Text(rows) => rows.row(named, out),
            Self::Json(json) => json.event(Event::Connection(&named.0), out),
            Self::Csv => csv::row(&named.0, named.1.as_deref(), out),
        }
    }
}

impl Printer for Connections {
    fn begin(&mut self, begin: &Begin, out: &mut Vec<u8>) {
        match &mut self.printer {
            Rendered::Text(_) => {}
            Rendered::Json(json) => json.begin(begin, out),
            Rendered::Csv => csv::titles(out),
        }
    }

    fn event(&mut self, event: Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::Message(message) => self.names.message(&message),
            Event::Connection(connection) => {
                let name = self.names.of(connection);
                let printer = &mut self.printer;
                self.sorted.push((connection.clone(), name), &mut |named| printer.write(&named, out));
            }
            Event::Packet(_) | Event::Body { .. } | Event::Update(_) | Event::Followed(_) | Event::Drops(_) => {}
        }
    }

    fn pass_over(&mut self, message: &crate::event::Message<'_>) {
        self.names.message(message);
    }

    fn end(&mut self, end: &End, out: &mut Vec<u8>) {
        let rest = self.sorted.take();
        if let Rendered::Text(rows) = &mut self.printer {
            rows.prepare(&rest);
        }
        rest.iter().for_each(|named| self.printer.write(named, out));
        match &mut self.printer {
            Rendered::Text(rows) => rows.end(end, out),
            Rendered::Json(json) => json.end(end, out),
            Rendered::Csv => {}
        }
    }
}
