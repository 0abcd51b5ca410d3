//! `dissect follow`: the printer of a conversation, or its bytes alone.

use std::fmt;

use jiff::tz::TimeZone;

use super::{Failure, note};
use crate::cli::{Following, Form, WIDTH};
use crate::engine::{Stream, Totals};
use crate::event::{Event, Flow, Happened};
use crate::print::Printer;
use crate::print::follow::{Conversation, Options, Who};
use crate::print::json::Follow;
use crate::tcp::reassembly::Item;

/// What prints the conversation; nothing where its bytes alone are wanted.
pub(super) fn printer(following: &Following) -> Option<Box<dyn Printer>> {
    let hex = match following.form {
        Form::Text => false,
        Form::Hex => true,
        Form::Raw => return None,
        Form::Json => {
            return Some(Box::new(Follow::new(following.stream, following.from, following.verbose > 0)));
        }
    };
    Some(Box::new(Conversation::new(Options {
        stream: following.stream,
        from: following.from,
        width: following.width.unwrap_or(WIDTH).into(),
        color: following.color,
        hex,
        verbose: following.verbose,
        time: following.times,
        zone: TimeZone::system(),
    })))
}

/// Why there is nothing to follow, if the capture has no such stream.
pub(super) fn absent(stream: Stream, totals: &Totals) -> Option<Failure> {
    let (of_tcp, of_udp) = (totals.tcp_streams, totals.udp_streams);
    let (number, kind, count, other) = match stream {
        Stream::Tcp(number) => (number, "TCP", of_tcp, of_udp),
        Stream::Udp(number) => (number, "UDP", of_udp, of_tcp),
    };
    let there_are = match count {
        _ if number < count => return None,
        0 => "there are none".to_owned(),
        1 => "there is one, stream 0".to_owned(),
        _ => format!("there are {count}, from 0 to {}", count - 1),
    };
    let beside = match (other, kind) {
        (0, _) => String::new(),
        (_, "TCP") => format!(", and {other} of UDP (--udp N)"),
        _ => format!(", and {other} of TCP"),
    };
    Some(Failure::Usage(format!("there is no {kind} stream {number}: {there_are}{beside}")))
}

/// The bytes alone.
pub(super) struct Raw {
    from: Option<Who>,
    /// What each side sent, while it is not known which one is the client, where that matters.
    held: [Vec<u8>; 2],
    /// Offset of the first byte of each direction.
    origins: [Option<u64>; 2],
    /// Bytes that are not there, and at how many places.
    missing: (u64, u64),
    flow: Option<Flow>,
}

/// Bytes of a side that are held at most while it is not known who is the client.
const HELD: usize = 1 << 20;

impl Raw {
    pub(super) fn new(following: &Following) -> Self {
        Self { from: following.from, held: [Vec::new(), Vec::new()], origins: [None; 2], missing: (0, 0), flow: None }
    }

    /// Takes an event; what is missing is told at once.
    pub(super) fn event(&mut self, event: Event<'_>, out: &mut Vec<u8>) {
        let Event::Followed(followed) = event else { return };
        let (side, flow) = (followed.side, &followed.flow);
        let who = Who::sends(flow, side);
        self.flow = Some(*flow);
        let origin = &mut self.origins[side];
        match followed.what {
            Happened::Item(Item::Data(segment, bytes, _), _) => {
                origin.get_or_insert(segment.offset);
                self.bytes(flow, side, bytes, out);
            }
            Happened::Item(Item::Gap { offset, len, .. }, _) => {
                let first = offset - *origin.get_or_insert(offset);
                let what = format_args!("{len} bytes of the {}'s are missing, from its byte {first} on", who.name());
                self.lack(who, len, &what);
            }
            Happened::Datagram(carrier, bytes, missing) => {
                self.bytes(flow, side, bytes, out);
                if missing > 0 {
                    let frame = carrier.meta.number;
                    self.lack(who, missing.into(), &format_args!("{missing} bytes of frame {frame} are missing"));
                }
            }
            _ => {}
        }
    }

    fn bytes(&mut self, flow: &Flow, side: usize, bytes: &[u8], out: &mut Vec<u8>) {
        let Some(from) = self.from else { return out.extend_from_slice(bytes) };
        if flow.client.is_none() && self.held[side].len() + bytes.len() <= HELD {
            return self.held[side].extend_from_slice(bytes);
        }
        self.release(flow, out);
        if from == Who::sends(flow, side) {
            out.extend_from_slice(bytes);
        }
    }

    /// Writes what was held of the side that is wanted.
    fn release(&mut self, flow: &Flow, out: &mut Vec<u8>) {
        for (side, held) in self.held.iter_mut().enumerate() {
            let held = std::mem::take(held);
            if self.from == Some(Who::sends(flow, side)) {
                out.extend_from_slice(&held);
            }
        }
    }

    /// Nothing follows.
    pub(super) fn end(&mut self, out: &mut Vec<u8>) {
        if let Some(flow) = self.flow {
            self.release(&flow, out);
        }
    }

    fn lack(&mut self, who: Who, len: u64, what: &dyn fmt::Display) {
        if self.from.is_none_or(|from| from == who) {
            note(what);
            self.missing = (self.missing.0 + len, self.missing.1 + 1);
        }
    }

    /// What was written lacks, in all.
    pub(super) fn lacks(&self) -> Option<String> {
        let (bytes, places) = self.missing;
        let places = if places == 1 { "one place".to_owned() } else { format!("{places} places") };
        (bytes > 0).then(|| format!("what was written is not whole: {bytes} bytes are missing, in {places}"))
    }
}
