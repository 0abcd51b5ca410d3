//! A line a message (`-T table`).

use jiff::tz::TimeZone;

use super::pen::Pen;
use super::style::{self, DIM};
use super::time::{Clock, Format, Span};
use super::{Begin, End, Printer};
use crate::app::http1::Http;
use crate::app::http1::head::StartLine;
use crate::app::message::{Message, Unit};
use crate::event::{self, Event, Flow, Transport};
use crate::frame::{FrameNumber, Timestamp};
use crate::issue::IssueSet;

/// How it is laid out.
#[derive(Clone, Debug)]
pub struct Options {
    /// Columns of a line; at least 60 are used. The ends are shown where there are 110.
    pub width: usize,
    /// Whether colours are used.
    pub color: bool,
    /// Whether it goes to a terminal, where no line is wider than that; elsewhere all issues are named.
    pub terminal: bool,
    /// How times are shown.
    pub time: Format,
    /// Where times of day are those of.
    pub zone: TimeZone,
    /// Whether no message is shown.
    pub quiet: bool,
}

/// The format.
pub struct Table {
    options: Options,
    clock: Clock,
    /// How wide the columns of what has no bound have become: stream and number, the two ends.
    names: usize,
    ends: usize,
}

/// The narrowest width at which the ends are shown.
const WITH_ENDS: usize = 110;

/// The widest pair of ends that others are aligned with.
const MAX_ENDS: usize = 60;

/// Widths of columns: the frame, the length of the body, how long after its request a response came.
const FRAME: usize = 6;
const LENGTH: usize = 8;
const AFTER: usize = 7;

/// The least room for what a message is in a column of its own.
const MIN_TITLE: usize = 24;

/// The least room for the issues.
const ISSUES: usize = 20;

impl Table {
    /// Nothing written yet.
    pub fn new(options: Options) -> Self {
        let clock = Clock::new(options.time, options.zone.clone());
        Self { options, clock, names: "0#1".len() + 2, ends: "10.0.0.1:40000 → 10.0.0.2:80".chars().count() }
    }

    /// Writes a row; columns are two spaces apart.
    fn row(&mut self, event: &event::Message<'_>, out: &mut Vec<u8>) {
        let message = event.message;
        let mut pen = Pen::new(out, self.options.width, self.options.color);
        let (frame, time) = (message.segments.first_frame(), Some(message.first_time));
        let room = self.start(&mut pen, frame, time, &event.flow, message.number, message.side);
        let start = pen.column();
        let Some(room) = room else {
            numbers(&mut pen, message);
            pen.pad_to(start + LENGTH + 2 + AFTER + 2);
            let room = if message.issues.is_empty() { pen.room() } else { narrow_room(&pen) };
            title(&mut pen, message, room);
            let column = pen.column() + 1;
            return self.issues(&mut pen, column, message.issues);
        };
        title(&mut pen, message, room);
        pen.pad_to(start + room + 2);
        let start = pen.column();
        numbers(&mut pen, message);
        self.issues(&mut pen, start + LENGTH + 2 + AFTER, message.issues);
    }

    /// The same of what was learnt of a message later.
    fn update(&mut self, event: &event::Update<'_>, out: &mut Vec<u8>) {
        let update = event.update;
        let mut pen = Pen::new(out, self.options.width, self.options.color);
        let (frame, time) = update.segment.map(|segment| (segment.frame, segment.time)).unzip();
        let room = self.start(&mut pen, frame.unwrap_or(0), time, &event.flow, update.number, update.side);
        let start = pen.column();
        let Some(room) = room else {
            pen.pad_to(start + LENGTH + 2 + AFTER + 2);
            pen.text(DIM, "(later)");
            let column = pen.column() + 1;
            return self.issues(&mut pen, column, update.issues);
        };
        pen.text(DIM, "(later)");
        self.issues(&mut pen, start + room + 2 + LENGTH + 2 + AFTER, update.issues);
    }

    /// Writes the columns up to that of the message, and gives how many columns that has; none where it comes
    /// last.
    fn start(
        &mut self,
        pen: &mut Pen<'_>,
        frame: FrameNumber,
        time: Option<Timestamp>,
        flow: &Flow,
        number: u32,
        side: usize,
    ) -> Option<usize> {
        pen.put(format_args!("{frame:>FRAME$}  "));
        if self.options.time != Format::None {
            let start = pen.column();
            time.into_iter().for_each(|time| pen.ascii(|out| self.clock.write(time, out)));
            pen.pad_to(start + self.options.time.width() + 2);
        }
        let start = pen.column();
        let udp = if flow.transport == Transport::Udp { "udp " } else { "" };
        pen.put(format_args!("{udp}{}#{number}", flow.stream));
        self.names = self.names.max(pen.column() - start);
        pen.pad_to(start + self.names + 2);
        if pen.width() >= WITH_ENDS {
            let start = pen.column();
            pen.put(format_args!("{} → {}", flow.ends[side], flow.ends[1 - side]));
            self.ends = self.ends.max((pen.column() - start).min(MAX_ENDS));
            pen.pad_to(start + self.ends + 2);
        }
        title_room(pen)
    }

    /// Ends a row with the names of the issues, as many as there is room for, the first one shortened if need be.
    fn issues(&self, pen: &mut Pen<'_>, column: usize, issues: IssueSet) {
        let count = issues.iter().count();
        for (i, issue) in issues.iter().enumerate() {
            pen.pad_to(column + 1);
            let room = if self.options.terminal { pen.room() } else { usize::MAX };
            let more = if i + 1 < count { " +99".len() } else { 0 };
            if i > 0 && 1 + issue.name().len() + more > room {
                pen.put(format_args!(" +{}", count - i));
                break;
            }
            pen.put(format_args!("{}", if i == 0 { ' ' } else { ',' }));
            let room = room.saturating_sub(1 + more).min(issue.name().len());
            pen.styled(style::of(issue.severity()), |pen| pen.captured(issue.name().as_bytes(), room));
        }
        pen.end_line();
    }

    fn titles(&self, out: &mut Vec<u8>) {
        let mut pen = Pen::new(out, self.options.width, self.options.color);
        pen.styled(DIM, |pen| {
            pen.put(format_args!("{:>FRAME$}  ", "frame"));
            if self.options.time != Format::None {
                pen.put(format_args!("{:1$}  ", "time", self.options.time.width()));
            }
            pen.put(format_args!("{:1$}  ", "msg", self.names));
            if pen.width() >= WITH_ENDS {
                pen.put(format_args!("{:1$}  ", "source → destination", self.ends));
            }
            match title_room(pen) {
                Some(room) => {
                    pen.put(format_args!("{:room$}  {:>LENGTH$}  {:AFTER$}  issues", "message", "length", "after"));
                }
                None => pen.put(format_args!("{:>LENGTH$}  {:AFTER$}  message  issues", "length", "after")),
            }
        });
        pen.end_line();
    }
}

/// Columns for what a message is: what the others leave. None where that is too little for most: it comes after the
/// numbers then, and takes the room of the issues where there are none.
fn title_room(pen: &Pen<'_>) -> Option<usize> {
    let room = pen.room().saturating_sub(2 + LENGTH + 2 + AFTER + 2 + ISSUES);
    (room >= MIN_TITLE).then_some(room.min(60))
}

/// What is left before the issues, where the message comes last but them.
fn narrow_room(pen: &Pen<'_>) -> usize {
    pen.room().saturating_sub(2 + ISSUES).max(16)
}

/// The length, and how long after its request a response came.
fn numbers(pen: &mut Pen<'_>, message: &Message) {
    let length = message.http().map_or(message.len, |http| http.body_len);
    pen.put(format_args!("{length:>LENGTH$}"));
    if let Some(nanos) = message.since_request {
        pen.push("  ");
        Span(nanos).put(pen);
    }
}

/// What the message is, in so many columns.
pub(super) fn title(pen: &mut Pen<'_>, message: &Message, room: usize) {
    match &message.unit {
        Unit::Http(http) => http_title(pen, http, room),
        unit => {
            let title = unit.application().title;
            pen.push(title);
            if let Some(summary) = unit.summary() {
                pen.push(" ");
                pen.captured(summary.to_string().as_bytes(), room.saturating_sub(title.len() + 1));
            }
        }
    }
}

fn http_title(pen: &mut Pen<'_>, http: &Http, room: usize) {
    let bytes = http.head().bytes;
    let end = pen.column() + room;
    let (first, second) = match http.parsed.start {
        StartLine::Request { method, target, .. } => (method.of(bytes), target.of(bytes)),
        StartLine::Response { code, phrase, .. } => (code.of(bytes), phrase.of(bytes)),
        StartLine::None if http.nine => (b"HTTP/0.9".as_slice(), b"".as_slice()),
        StartLine::None => (b"head not captured".as_slice(), b"".as_slice()),
    };
    pen.captured(first, room - 2);
    if !second.is_empty() {
        pen.push(" ");
        pen.captured(second, end.saturating_sub(pen.column()));
    }
}

impl Printer for Table {
    fn begin(&mut self, _: &Begin, out: &mut Vec<u8>) {
        if !self.options.quiet {
            self.titles(out);
        }
    }

    fn event(&mut self, event: Event<'_>, out: &mut Vec<u8>) {
        match event {
            _ if self.options.quiet => {}
            Event::Message(message) => self.row(&message, out),
            Event::Update(update) if !update.update.issues.is_empty() => self.update(&update, out),
            Event::Drops(drops) => {
                super::text::write_drops(&mut Pen::new(out, self.options.width, self.options.color), &drops);
            }
            _ => {}
        }
    }

    fn end(&mut self, end: &End, out: &mut Vec<u8>) {
        if !self.options.quiet {
            out.push(b'\n');
        }
        super::text::write_end(&mut Pen::new(out, self.options.width, self.options.color), end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_would_have_too_little_room_comes_last() {
        for (width, room) in [(80, None), (100, Some(27)), (200, Some(60))] {
            let mut out = Vec::new();
            let mut pen = Pen::new(&mut out, width, false);
            pen.pad_to(32);
            assert_eq!(title_room(&pen), room, "{width}");
        }
    }
}
