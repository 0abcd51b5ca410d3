//! Text for people: each message with the headers and frames that carried it, and in the end what there was.

mod connection;
mod dns;
mod drops;
mod end;
mod explain;
mod fragments;
mod http;
mod http2;
pub(super) mod layers;
mod message;
mod packet;
mod segments;
#[cfg(test)]
mod tests;
mod tls;
mod websocket;

use std::net::IpAddr;

use jiff::tz::TimeZone;

pub(super) use drops::write as write_drops;
pub(super) use end::write as write_end;
pub use explain::Explain;
pub(super) use http::{line_end, split_line_end};
pub(super) use message::with_layers;

pub use super::hex::Hex;
use super::number;
use super::pen::Pen;
use super::time::Clock;
pub use super::time::Format as TimeFormat;
use super::{Begin, End, Printer};
use crate::event::{Event, Flow, Transport};
use crate::flow::Endpoint;

/// How it is drawn.
#[derive(Clone, Debug)]
pub struct Options {
    /// Columns of a line; at least 60 are used.
    pub width: usize,
    /// Whether colours are used.
    pub color: bool,
    /// Whether it goes to a terminal.
    pub terminal: bool,
    /// 1: every field, every segment; 2: fields one a line, with their meaning.
    pub verbose: u8,
    /// What is dumped in hexadecimal.
    pub hex: Hex,
    /// How times are shown.
    pub time: TimeFormat,
    /// Where times of day are those of.
    pub zone: TimeZone,
    /// Whether every frame is shown.
    pub packets: bool,
    /// Whether the summary alone is shown.
    pub quiet: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            width: 80,
            color: false,
            terminal: false,
            verbose: 0,
            hex: Hex::None,
            time: TimeFormat::TimeOfDay,
            zone: TimeZone::UTC,
            packets: false,
            quiet: false,
        }
    }
}

/// The default format.
pub struct Text {
    options: Options,
    clock: Clock,
    last: Last,
    /// The widest pair of addresses of a frame so far, so that what follows them stands in a column.
    addresses: usize,
}

/// What was written last: a block has an empty line before it and after it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Nothing,
    Line,
    Block,
}

impl Text {
    /// Nothing written yet.
    pub fn new(options: Options) -> Self {
        let clock = Clock::new(options.time, options.zone.clone());
        Self { options, clock, last: Last::Nothing, addresses: 0 }
    }

    /// A pen at the start of a line.
    fn pen<'o>(&mut self, now: Last, out: &'o mut Vec<u8>) -> Pen<'o> {
        if self.last != Last::Nothing && (self.last == Last::Block || now == Last::Block) {
            out.push(b'\n');
        }
        self.last = now;
        Pen::new(out, self.options.width, self.options.color)
    }
}

impl Printer for Text {
    fn begin(&mut self, _: &Begin, _: &mut Vec<u8>) {}

    fn event(&mut self, event: Event<'_>, out: &mut Vec<u8>) {
        if self.options.quiet {
            return;
        }
        match event {
            Event::Packet(packet) if self.options.packets => self.packet(&packet, out),
            Event::Packet(_) | Event::Body { .. } | Event::Followed(_) => {}
            Event::Message(message) => self.message(&message, out),
            Event::Update(update) => self.update(&update, out),
            Event::Connection(connection) => self.connection(connection, out),
            Event::Drops(drops) => {
                let mut pen = self.pen(Last::Line, out);
                write_drops(&mut pen, &drops);
            }
        }
    }

    fn end(&mut self, end: &End, out: &mut Vec<u8>) {
        let mut pen = self.pen(Last::Block, out);
        write_end(&mut pen, end);
    }
}

/// Names a message's flow.
fn put_stream(pen: &mut Pen<'_>, flow: &Flow) {
    match flow.transport {
        Transport::Tcp => pen.named("stream ", flow.stream),
        Transport::Udp => pen.named("UDP stream ", flow.stream),
    }
}

/// Two ends, the arrow going with the second.
fn put_ends(pen: &mut Pen<'_>, src: Endpoint, dst: Endpoint) {
    pen.piece(|pen| put_end(pen, src));
    pen.piece_after(1, |pen| {
        pen.push("→ ");
        put_end(pen, dst);
    });
}

fn put_end(pen: &mut Pen<'_>, end: Endpoint) {
    match end.address {
        IpAddr::V4(address) => {
            pen.ascii(|out| number::ipv4(out, address.octets()));
            pen.named(":", end.port.into());
        }
        IpAddr::V6(_) => pen.put(format_args!("{end}")),
    }
}
