//! Visits to web pages: for people as a waterfall, for programs as records.

mod json;
mod notes;
mod text;
mod waterfall;

use std::net::IpAddr;

use jiff::tz::TimeZone;

use super::{Begin, End, Printer, number};
use crate::engine::{self, Limits};
use crate::event::Event;
use crate::event::Sink;
use crate::page::{Object, Pages, Recorder, Visit};

/// The JSON Schema of the records.
pub const SCHEMA: &str = include_str!("page/schema.json");

/// What the core has to do for it.
pub fn options() -> engine::Options {
    // What pages name is in the beginning of their content.
    let preview = 64 << 10;
    let limits = Limits { connections: MAX_OPEN, ..Limits::default() };
    engine::Options { packets: true, preview, limits, ..engine::Options::default() }
}

/// Connections that are open at a time; with more, the one that was idle for longest is forgotten. Beside the core, what
/// visits are made of takes memory too.
const MAX_OPEN: usize = 32 << 10;

/// How visits are shown.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// As records.
    pub json: bool,
    /// Whether to use colours.
    pub color: bool,
    /// Columns of a line.
    pub width: usize,
    /// Each object in full.
    pub verbose: bool,
    /// This visit alone, from 1.
    pub visit: Option<u64>,
}

/// The printer.
pub struct Page {
    style: Style,
    zone: TimeZone,
    recorder: Recorder,
    source: String,
    /// How many visits there were, once that is known.
    visits: Option<usize>,
}

impl Page {
    /// One that has seen nothing.
    pub fn new(style: Style, zone: TimeZone) -> Self {
        Self { style, zone, recorder: Recorder::default(), source: String::new(), visits: None }
    }
}

impl Printer for Page {
    fn begin(&mut self, begin: &Begin, _: &mut Vec<u8>) {
        self.source.clone_from(&begin.source);
    }

    fn event(&mut self, event: Event<'_>, _: &mut Vec<u8>) {
        self.recorder.event(event);
    }

    fn end(&mut self, _: &End, out: &mut Vec<u8>) {
        let pages = std::mem::take(&mut self.recorder).finish();
        self.visits = Some(pages.visits.len());
        if self.style.json {
            json::write(&pages, self.style.visit, &self.source, out);
        } else {
            text::write(&pages, &self.style, &self.zone, out);
        }
    }

    fn lacks(&self) -> Option<String> {
        let (visit, visits) = (self.style.visit?, self.visits?);
        (visit > visits as u64).then(|| match visits {
            1 => format!("there is no visit {visit}: there is 1"),
            _ => format!("there is no visit {visit}: there are {visits}"),
        })
    }
}

/// The visits that are shown, each with its number.
fn shown(pages: &Pages, visit: Option<u64>) -> impl Iterator<Item = (usize, &Visit)> {
    let numbered = pages.visits.iter().enumerate().map(|(at, visit)| (at + 1, visit));
    numbered.filter(move |(number, _)| visit.is_none_or(|visit| visit == *number as u64))
}

/// What an object is, in full.
fn url(object: &Object) -> String {
    match (object.exchange(), object.turn()) {
        (Some(exchange), _) if !exchange.url.is_empty() => exchange.url.clone(),
        (_, Some(turn)) => match &turn.host {
            Some(host) => format!("https://{host}{}/", port(object, 443)),
            None => format!("https://{}{}/", bracketed(object.ends[1].address), port(object, 443)),
        },
        _ => format!("http://{}/", bracketed(object.ends[1].address) + &port(object, 80)),
    }
}

/// A hardware address.
fn mac(address: [u8; 6]) -> String {
    let mut out = Vec::new();
    number::mac(&mut out, address);
    String::from_utf8_lossy(&out).into_owned()
}

fn bracketed(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

fn port(object: &Object, usual: u16) -> String {
    let port = object.ends[1].port;
    if port == usual { String::new() } else { format!(":{port}") }
}
