//! `dissect follow`: one stream as a conversation, both directions in the order of cause and effect.

mod heading;
mod messages;
mod notes;
mod order;
mod turn;

use std::collections::HashSet;

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use jiff::tz::TimeZone;

use super::pen::Pen;
use super::style::{DIM, HEADING};
use super::text::{self, TimeFormat};
use super::time::Clock;
use super::{Begin, End, Printer};
use crate::app::message::Message;
use crate::engine::Stream;
use crate::event::{Event, Flow, Followed, Transport};
use crate::frame::{FrameNumber, Timestamp};
use crate::issue::IssueSet;
use crate::tcp::reassembly::{End as Ended, Item};
use crate::tcp::{Carrier, SegmentRef};
use heading::{footing, heading};
use messages::EndedMessage;
pub(super) use order::{Order, Seen, Told};
use turn::{Place, Title, Turn};

/// How long nothing comes before that is told as a pause, nanoseconds: longer than TCP by itself keeps anyone waiting, as
/// an ACK is delayed by less (RFC 9293 3.8.6.3).
const PAUSE: i64 = 500_000_000;

/// One of the two who talk.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Who {
    /// Who opened the connection, or asks.
    Client,
    /// The other.
    Server,
}

impl Who {
    /// Who sends on this side of a flow. Where nothing tells, who was heard first is taken for the client.
    pub fn sends(flow: &Flow, side: usize) -> Self {
        if side == flow.client.unwrap_or(0) { Self::Client } else { Self::Server }
    }

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }

    const fn arrow(self) -> &'static str {
        match self {
            Self::Client => "→",
            Self::Server => "←",
        }
    }

    const fn style(self) -> Style {
        match self {
            Self::Client => AnsiColor::Green.on_default(),
            Self::Server => AnsiColor::Magenta.on_default(),
        }
    }
}

/// How it is drawn.
#[derive(Clone, Debug)]
pub struct Options {
    /// The stream.
    pub stream: Stream,
    /// What this one sends alone.
    pub from: Option<Who>,
    /// Columns of a line; at least 60 are used.
    pub width: usize,
    /// Whether colours are used.
    pub color: bool,
    /// Whether bytes are dumped in hexadecimal.
    pub hex: bool,
    /// 1: each segment; 2: and its headers; 3: and their fields.
    pub verbose: u8,
    /// How times are shown.
    pub time: TimeFormat,
    /// Where times of day are those of.
    pub zone: TimeZone,
}

/// The conversation for people.
pub struct Conversation {
    order: Order,
    teller: Teller,
}

/// Tells what happened, one thing after the other.
struct Teller {
    options: Options,
    clock: Clock,
    flow: Option<Flow>,
    turn: Option<Turn>,
    last: Last,
    /// When the last bytes that were told were captured, or what opens or closes.
    time: Option<Timestamp>,
    /// The same of whatever was told.
    any_time: Option<Timestamp>,
    /// Whether it was told who is the client.
    settled: bool,
    /// Offset of the first byte of each direction.
    origins: [Option<u64>; 2],
    /// The latest frame of each direction whose bytes were told.
    frames: [FrameNumber; 2],
    /// Whether a side has said that it has no room.
    closed: [bool; 2],
    /// Flags whose meaning was told.
    explained: IssueSet,
    /// Segments of the same kind that are told in one line.
    repeated: Option<notes::Repeated>,
    /// Messages that have ended since the last item.
    ended: Vec<EndedMessage>,
    /// By direction: the message under way, if it was not marked yet.
    under_way: [Option<(u64, Title)>; 2],
    /// Messages under way that were marked.
    marked: HashSet<u32>,
}

/// What was written last.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Nothing,
    Line,
    Turn,
}

impl Conversation {
    /// Nothing told yet.
    pub fn new(options: Options) -> Self {
        let order = Order::new(options.verbose > 0);
        let clock = Clock::new(options.time, options.zone.clone());
        let teller = Teller {
            options,
            clock,
            flow: None,
            turn: None,
            last: Last::Nothing,
            time: None,
            any_time: None,
            settled: false,
            origins: [None; 2],
            frames: [0; 2],
            closed: [false; 2],
            explained: IssueSet::EMPTY,
            repeated: None,
            ended: Vec::new(),
            under_way: [None, None],
            marked: HashSet::new(),
        };
        Self { order, teller }
    }
}

impl Printer for Conversation {
    fn begin(&mut self, _: &Begin, _: &mut Vec<u8>) {}

    fn event(&mut self, event: Event<'_>, out: &mut Vec<u8>) {
        let Self { order, teller } = self;
        match event {
            Event::Followed(followed) => {
                teller.meet(&followed, out);
                order.take(&followed, &mut |order, told| teller.tell(order, told, out));
            }
            Event::Message(message) if teller.is_of(&message.flow) => teller.message(message.message),
            Event::Connection(connection) if teller.is_of(&connection.flow) => {
                order.end(&mut |order, told| teller.tell(order, told, out));
                (0..2).for_each(|side| teller.mark_messages(side, None, out));
                teller.finish_turn(out);
                let options = text::Options {
                    width: teller.options.width,
                    color: teller.options.color,
                    verbose: 1,
                    ..text::Options::default()
                };
                teller.last = Last::Turn;
                out.push(b'\n');
                text::Text::new(options).event(event, out);
            }
            Event::Drops(drops) => text::write_drops(&mut teller.aside(out), &drops),
            _ => {}
        }
    }

    fn idle(&mut self, out: &mut Vec<u8>) {
        let Self { order, teller } = self;
        order.settle(&mut |order, told| teller.tell(order, told, out));
        teller.finish_turn(out);
    }

    fn end(&mut self, end: &End, out: &mut Vec<u8>) {
        let Self { order, teller } = self;
        order.end(&mut |order, told| teller.tell(order, told, out));
        teller.finish_turn(out);
        let known = match teller.options.stream {
            Stream::Tcp(number) => number < end.totals.tcp_streams,
            Stream::Udp(number) => number < end.totals.udp_streams,
        };
        if known && teller.flow.is_none() {
            let mut pen = Pen::new(out, teller.options.width, teller.options.color);
            pen.words(DIM, "nothing of this stream was captured but a header that another packet carries or quotes");
            pen.end_line();
        }
    }
}

impl Teller {
    fn is_of(&self, flow: &Flow) -> bool {
        match self.options.stream {
            Stream::Tcp(number) => flow.transport == Transport::Tcp && flow.stream == number,
            Stream::Udp(number) => flow.transport == Transport::Udp && flow.stream == number,
        }
    }

    /// Learns who talks to whom; who is the client may become known later, until it is told.
    fn meet(&mut self, event: &Followed<'_>, out: &mut Vec<u8>) {
        if self.flow.is_none() {
            self.flow = Some(event.flow);
            self.title(&event.flow, out);
        }
        if let Some(flow) = self.flow.as_mut().filter(|_| !self.settled) {
            flow.client = event.flow.client;
        }
    }

    /// Writes who talks to whom.
    fn title(&mut self, flow: &Flow, out: &mut Vec<u8>) {
        let mut pen = Pen::new(out, self.options.width, self.options.color);
        pen.indent.column = 4;
        pen.styled(HEADING, |pen| match flow.transport {
            Transport::Tcp => pen.named("stream ", flow.stream),
            Transport::Udp => pen.named("UDP stream ", flow.stream),
        });
        for side in 0..2 {
            pen.piece(|pen| pen.put(format_args!("{}", flow.ends[side])));
        }
        pen.end_line();
        self.last = Last::Turn;
    }

    fn who(&self, side: usize) -> Who {
        self.flow.as_ref().map_or(Who::Client, |flow| Who::sends(flow, side))
    }

    /// How long something was after what was told last.
    fn since(&self, time: Timestamp) -> Option<i64> {
        self.time.map(|last| time.since(last))
    }

    /// The same since anything was told; that is told now.
    fn since_any(&mut self, time: Timestamp) -> Option<i64> {
        self.any_time.replace(time).map(|last| time.since(last))
    }

    /// Whether what this side sends is shown.
    fn shows(&self, side: usize) -> bool {
        self.options.from.is_none_or(|from| from == self.who(side))
    }

    /// Whether it may be, as far as it is known who that is.
    fn may_show(&self, side: usize) -> bool {
        let is_known = self.settled || self.flow.as_ref().is_some_and(|flow| flow.client.is_some());
        !is_known || self.shows(side)
    }

    /// A pen at the start of a line that is no part of a turn.
    fn line<'o>(&mut self, out: &'o mut Vec<u8>) -> Pen<'o> {
        let pen = self.aside(out);
        self.settled = true;
        pen
    }

    /// The same for what does not concern the two who talk.
    fn aside<'o>(&mut self, out: &'o mut Vec<u8>) -> Pen<'o> {
        self.finish_turn(out);
        if self.last == Last::Turn {
            out.push(b'\n');
        }
        self.last = Last::Line;
        Pen::new(out, self.options.width, self.options.color)
    }

    fn tell(&mut self, order: &Order, told: Told<'_>, out: &mut Vec<u8>) {
        match told {
            Told::Segment(seen) if self.may_show(seen.side) => self.segment(seen, out),
            Told::Segment(_) => {}
            Told::Item(side, item, message) if self.may_show(side) => self.item(order, side, item, message, out),
            Told::Item(..) => {}
            Told::Datagram(side, carrier, bytes, missing) if self.may_show(side) => {
                self.datagram(side, carrier, bytes, missing, out);
            }
            Told::Datagram(..) => {}
        }
    }

    fn item(&mut self, order: &Order, side: usize, item: Item<'_>, message: Option<&Message>, out: &mut Vec<u8>) {
        match item {
            Item::Data(segment, bytes, carrier) => {
                self.data(side, segment, bytes, carrier, out);
                self.mark_messages(side, message, out);
            }
            Item::Gap { offset, len, cause, forced } => {
                self.gap(side, offset, len, cause, forced, out);
                self.mark_messages(side, message, out);
            }
            Item::Copy(segment, compared) => self.copy(order, side, segment, compared, out),
            Item::Late(segment) => self.late(order, side, segment, out),
            Item::Before(segment) => self.before(order, side, segment, out),
            Item::Outside(segment) => self.outside(order, side, segment, out),
            Item::End { by, frame } => {
                self.mark_messages(side, None, out);
                if by == Ended::Fin && frame == 0 {
                    self.uncaptured_fin(side, out);
                }
            }
        }
        // Those of the other side that ended with it.
        self.mark_messages(1 - side, None, out);
        if self.turn.as_ref().is_some_and(Turn::is_full) {
            self.write_turn(false, out);
        }
    }

    /// The next bytes of a side.
    fn data(&mut self, side: usize, segment: SegmentRef, bytes: &[u8], carrier: &Carrier<'_>, out: &mut Vec<u8>) {
        let since = self.since(segment.time);
        self.origins[side].get_or_insert(segment.offset);
        if self.turn.as_ref().is_some_and(|turn| turn.side != side) {
            self.finish_turn(out);
        }
        if self.turn.is_none() {
            self.repeated(out);
            self.turn = Some(Turn::new(side, segment.offset, segment.time, since));
        } else if let Some(pause) = since.filter(|since| *since >= PAUSE) {
            self.pause(pause, out);
        }
        if self.options.verbose > 0 {
            self.headers(side, carrier, segment.len, Place::Here, out);
        }
        let before = self.frames[1 - side];
        if !segment.flags.is_empty() || segment.frame < before {
            self.remark(side, &segment, before, out);
        }
        self.frames[side] = self.frames[side].max(segment.frame);
        (self.time, self.any_time) = (Some(segment.time), Some(segment.time));
        if let Some(turn) = &mut self.turn {
            turn.push(segment, bytes);
        }
    }

    /// A datagram is a turn of its own.
    fn datagram(&mut self, side: usize, carrier: &Carrier<'_>, bytes: &[u8], missing: u32, out: &mut Vec<u8>) {
        self.finish_turn(out);
        let offset = self.origins[side].map_or(0, |origin| origin);
        self.origins[side] = Some(offset + bytes.len() as u64 + u64::from(missing));
        let since = self.since(carrier.meta.time);
        let mut turn = Turn::new(side, 0, carrier.meta.time, since);
        let (frame, time, flags) = (carrier.meta.number, carrier.meta.time, carrier.verdict.flags);
        turn.push(SegmentRef { frame, time, offset: 0, len: bytes.len() as u32, flags, acked: 0 }, bytes);
        turn.title = self.ended.drain(..).next().map(|ended| ended.title);
        self.turn = Some(turn);
        (self.time, self.any_time) = (Some(time), Some(time));
        if missing > 0 {
            self.cut_datagram(side, missing, out);
        }
        if self.options.verbose > 1 {
            self.headers(side, carrier, bytes.len() as u32, Place::Here, out);
        }
        self.finish_turn(out);
    }

    /// Writes what is held of the turn; all of it where nothing follows.
    fn write_turn(&mut self, whole: bool, out: &mut Vec<u8>) {
        let Some(side) = self.turn.as_ref().map(|turn| turn.side) else { return };
        self.mark_messages(side, None, out);
        if let Some((start, title)) = self.under_way[side].take() {
            self.mark_start(side, start, &title);
        }
        self.settled = true;
        if !self.shows(side) {
            // It was not known before who is the client.
            self.turn = None;
            return;
        }
        let who = self.who(side);
        let Some(turn) = &mut self.turn else { return };
        if !turn.headed {
            if self.last != Last::Nothing {
                out.push(b'\n');
            }
            heading(&mut Pen::new(out, self.options.width, self.options.color), turn, who, &mut self.clock, whole);
        }
        let mut pen = Pen::new(out, self.options.width, self.options.color);
        pen.bar = who.style();
        let dump = self.options.hex.then(|| self.origins[side].unwrap_or(0));
        turn.write(&mut pen, dump, whole);
        if turn.headed && whole {
            footing(&mut pen, turn);
        }
        turn.headed = true;
        self.last = Last::Turn;
    }

    /// Ends the turn.
    fn finish_turn(&mut self, out: &mut Vec<u8>) {
        self.repeated(out);
        self.write_turn(true, out);
        self.turn = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event;
    use crate::frame::{Drops, Lost};

    #[test]
    fn frames_that_were_lost_are_told_and_settle_nothing() {
        let mut conversation = Conversation::new(Options {
            stream: Stream::Tcp(0),
            from: None,
            width: 80,
            color: false,
            hex: false,
            verbose: 0,
            time: TimeFormat::default(),
            zone: TimeZone::UTC,
        });
        let lost = Lost { kernel: 5, ..Lost::default() };
        let drops = Drops { since: Timestamp(0), until: Timestamp(0), after: None, lost };
        let mut out = Vec::new();
        conversation.event(Event::Drops(event::Drops { after: 2, before: Some(3), drops }), &mut out);
        let line = String::from_utf8(out).unwrap();
        assert!(line.contains("! 5 frames lost") && line.contains("between frames 2 and 3"), "{line}");
        assert!(!conversation.teller.settled);
    }
}
