//! `dissect follow`: the printer of a conversation, or its bytes alone.

use jiff::tz::TimeZone;

use super::{Failure, note};
use crate::cli::{Following, Form, WIDTH};
use crate::engine::{Stream, Totals};
use crate::event::{Event, Happened};
use crate::print::Printer;
use crate::print::follow::{Conversation, Options, Who};
use crate::tcp::reassembly::Item;

/// What prints the conversation; nothing where its bytes alone are wanted.
pub(super) fn printer(following: &Following) -> Option<Box<dyn Printer>> {
    let hex = match following.form {
        Form::Text => false,
        Form::Hex => true,
        Form::Raw => return None,
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
    let (number, count, kind, other, also) = match stream {
        Stream::Tcp(number) => (number, totals.tcp_streams, "TCP", totals.udp_streams, "UDP (--udp N)"),
        Stream::Udp(number) => (number, totals.udp_streams, "UDP", totals.tcp_streams, "TCP"),
    };
    let there_are = match count {
        _ if number < count => return None,
        0 => "there are none".to_owned(),
        1 => "the only one is 0".to_owned(),
        _ => format!("there are {count}, from 0 to {}", count - 1),
    };
    let beside = if other > 0 { format!("; of {also} there are {other}") } else { String::new() };
    Some(Failure::Usage(format!("there is no {kind} stream {number}: {there_are}{beside}")))
}

/// The bytes alone.
pub(super) struct Raw {
    from: Option<Who>,
    /// Offset of the first byte of each direction.
    origins: [Option<u64>; 2],
    /// Bytes that are not there, and at how many places.
    missing: (u64, u64),
}

impl Raw {
    pub(super) fn new(following: &Following) -> Self {
        Self { from: following.from, origins: [None; 2], missing: (0, 0) }
    }

    /// Takes an event; what is missing is told at once.
    pub(super) fn event(&mut self, event: Event<'_>, out: &mut Vec<u8>) {
        let Event::Followed(followed) = event else { return };
        let who = Who::sends(&followed.flow, followed.side);
        if self.from.is_some_and(|from| from != who) {
            return;
        }
        let origin = &mut self.origins[followed.side];
        match followed.what {
            Happened::Item(Item::Data(segment, bytes, _), _) => {
                origin.get_or_insert(segment.offset);
                out.extend_from_slice(bytes);
            }
            Happened::Item(Item::Gap { offset, len, .. }, _) => {
                let first = offset - *origin.get_or_insert(offset);
                self.lack(who, first, len);
            }
            Happened::Datagram(carrier, bytes, missing) => {
                out.extend_from_slice(bytes);
                if missing > 0 {
                    note(&format_args!("{missing} bytes of frame {} are missing", carrier.meta.number));
                    self.missing = (self.missing.0 + u64::from(missing), self.missing.1 + 1);
                }
            }
            _ => {}
        }
    }

    fn lack(&mut self, who: Who, first: u64, len: u64) {
        note(&format_args!("{len} bytes of the {}'s are missing, from its byte {first} on", who.name()));
        self.missing = (self.missing.0 + len, self.missing.1 + 1);
    }

    /// What was written lacks, in all.
    pub(super) fn lacks(&self) -> Option<String> {
        let (bytes, places) = self.missing;
        let places = if places == 1 { "one place".to_owned() } else { format!("{places} places") };
        (bytes > 0).then(|| format!("what was written is not whole: {bytes} bytes are missing, in {places}"))
    }
}
