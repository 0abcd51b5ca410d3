//! What was counted over a capture (`dissect stats`).

mod csv;
mod json;
mod text;
mod words;

use super::{Begin, End, Printer};
use crate::event::Event;
use crate::stats::Stats as Counts;

pub use text::Options as TextOptions;

/// In which format.
#[derive(Clone, Copy, Debug)]
pub enum Format {
    /// Tables with bars.
    Text(TextOptions),
    /// A record a row.
    Json,
    /// A line a row.
    Csv,
}

/// The format.
pub struct Stats {
    format: Format,
    counts: Counts,
    json: json::Records,
}

impl Stats {
    /// Nothing counted yet.
    pub fn new(format: Format, counts: Counts) -> Self {
        Self { format, counts, json: json::Records::default() }
    }
}

impl Printer for Stats {
    fn begin(&mut self, begin: &Begin, out: &mut Vec<u8>) {
        if let Format::Json = self.format {
            self.json.begin(begin, out);
        }
    }

    fn event(&mut self, event: Event<'_>, _: &mut Vec<u8>) {
        self.counts.event(event);
    }

    fn end(&mut self, end: &End, out: &mut Vec<u8>) {
        match self.format {
            Format::Text(options) => text::write(&self.counts, end, options, out),
            Format::Json => self.json.end(&self.counts, end, out),
            Format::Csv => csv::write(&self.counts, out),
        }
    }
}
