//! Connections in columns: as many as a terminal has room for, and elsewhere all.

use std::fmt;

use jiff::tz::TimeZone;
use unicode_width::UnicodeWidthStr;

use super::Named;
use crate::event::{Close, Connection, Direction, Transport};
use crate::issue::{Issue, Severity};
use crate::print::End;
use crate::print::number::{Short, digits};
use crate::print::pen::Pen;
use crate::print::style::{self, DIM};
use crate::print::time::{Clock, Format, Span};

/// How it is laid out.
#[derive(Clone, Debug)]
pub struct Options {
    /// Columns of the terminal; without one, every column is there and nothing is shortened.
    pub width: Option<usize>,
    /// Whether colours are used.
    pub color: bool,
    /// How times are shown.
    pub time: Format,
    /// Where times of day are those of.
    pub zone: TimeZone,
    /// Whether times to acknowledgments are shown.
    pub rtt: bool,
}

/// The rows.
pub(super) struct Rows {
    options: Options,
    clock: Clock,
    columns: Columns,
    /// Whether the titles are written.
    titled: bool,
}

/// Which columns there are, and how wide those are that are not always alike.
#[derive(Clone, Copy, Debug)]
struct Columns {
    number: usize,
    ends: usize,
    name: usize,
    protocol: usize,
    messages: bool,
    rtt: bool,
    start: bool,
    rates: bool,
    acks: bool,
}

/// Widths of columns.
const STATE: usize = "SYN?–open".len() - 2;
const SHORT: usize = 5;
const MESSAGES: usize = 7;
const SPAN: usize = 7;

/// The least that is left for what was wrong.
const ISSUES: usize = 9;

/// Widths of terminals from which on columns are there.
const WITH_RTT: usize = 92;
const WITH_MESSAGES: usize = 100;
const WITH_START: usize = 150;
const WITH_RATES: usize = 170;

/// No line is laid out for less.
const MIN_WIDTH: usize = 72;

impl Columns {
    fn new(options: &Options) -> Self {
        let width = options.width;
        let from = |least: usize| width.is_none_or(|width| width >= least);
        Self {
            number: 3,
            ends: "10.0.4.1:40720 → 10.0.4.2:80".chars().count(),
            name: 0,
            protocol: 4,
            messages: from(WITH_MESSAGES),
            rtt: from(WITH_RTT),
            start: from(WITH_START) && options.time != Format::None,
            rates: from(WITH_RATES),
            acks: options.rtt,
        }
    }

    /// Columns that are left for ends and name where the others have what they need.
    fn room(&self, options: &Options) -> usize {
        let Some(width) = options.width else { return usize::MAX };
        let start = if self.start { options.time.width() + 2 } else { 0 };
        let messages = if self.messages { MESSAGES + 2 } else { 0 };
        let rtt = if self.rtt { SPAN + 2 } else { 0 };
        let rates = if self.rates { 2 * SHORT + 3 } else { 0 };
        let acks = if self.acks { 2 * (SPAN + 2) } else { 0 };
        let always = self.number + 2 + self.protocol + 2 + STATE + 2 + 2 * SHORT + 3 + SPAN + 2 + ISSUES;
        width.max(MIN_WIDTH).saturating_sub(always + start + messages + rtt + rates + acks + 2)
    }

    /// Makes room for a connection, as far as there is some.
    fn widen(&mut self, (connection, name): &Named, options: &Options) {
        self.number = self.number.max(number(connection).chars().count());
        self.protocol = self.protocol.max(protocol(connection).len().min(9));
        let room = self.room(options);
        let ends = Ends::WithPorts(connection).to_string().chars().count();
        let fits = if ends <= room { ends } else { Ends::WithPort(connection).to_string().chars().count() };
        self.ends = self.ends.max(fits).min(room.max(20));
        let name = name.as_deref().map_or(0, |name| String::from_utf8_lossy(name).width());
        let left = room.saturating_sub(self.ends + 2);
        self.name = self.name.max(name).min(if left < 8 { 0 } else { left });
    }
}

impl Rows {
    pub fn new(options: Options) -> Self {
        let clock = Clock::new(options.time, options.zone.clone());
        let columns = Columns::new(&options);
        Self { options, clock, columns, titled: false }
    }

    /// Takes note of what columns will have to hold.
    pub fn prepare(&mut self, all: &[Named]) {
        all.iter().for_each(|named| self.columns.widen(named, &self.options));
    }

    /// Writes a connection.
    pub fn row(&mut self, connection: &Connection, name: Option<&[u8]>, out: &mut Vec<u8>) {
        if !self.titled {
            // In a pipe each column is there, whatever it holds.
            if self.options.width.is_none() {
                self.columns.name = self.columns.name.max("name".len());
            }
            self.titles(out);
        }
        let columns = self.columns;
        let client = connection.client();
        let [there, back] = [client, 1 - client].map(|end| &connection.directions[end]);
        let mut pen = pen(&self.options, out);
        let line = number(connection);
        pen.put(format_args!("{line:>0$}  ", columns.number));
        ends(&mut pen, connection, columns.ends, self.options.width.is_some());
        if columns.name > 0 {
            cell(&mut pen, columns.name, |pen, room| pen.captured(name.unwrap_or_default(), room));
        }
        let spoken = protocol(connection);
        cell(&mut pen, columns.protocol, |pen, room| pen.captured(spoken.as_bytes(), room));
        cell(&mut pen, STATE, |pen, _| {
            pen.put(format_args!("{}–{}", opened(connection.handshake), closed(connection.close)))
        });
        pen.put(format_args!("{:>SHORT$} {:>SHORT$}  ", Short(there.bytes).to_string(), Short(back.bytes).to_string()));
        if columns.messages {
            let both = format!("{}/{}", Short(there.messages.into()), Short(back.messages.into()));
            pen.put(format_args!("{both:>MESSAGES$}  "));
        }
        if columns.rtt {
            span(&mut pen, Some(connection.initial_rtt).filter(|nanos| *nanos > 0));
        }
        if columns.acks {
            span(&mut pen, there.ack_rtt.map(|rtt| rtt.median));
            span(&mut pen, back.ack_rtt.map(|rtt| rtt.median));
        }
        span(&mut pen, Some(connection.duration()));
        if columns.rates {
            let rate = |end: usize| connection.rate(end).map_or(String::new(), |rate| Short(rate).to_string());
            pen.put(format_args!("{:>SHORT$} {:>SHORT$}  ", rate(client), rate(1 - client)));
        }
        if columns.start {
            let start = pen.column();
            pen.ascii(|out| self.clock.write(connection.first.0, out));
            pen.pad_to(start + self.options.time.width() + 2);
        }
        wrong(&mut pen, connection, self.options.width.is_some());
        end_line(pen);
    }

    fn titles(&mut self, out: &mut Vec<u8>) {
        self.titled = true;
        let columns = self.columns;
        let mut pen = pen(&self.options, out);
        pen.styled(DIM, |pen| {
            pen.put(format_args!("{:>1$}  {2:3$}  ", "#", columns.number, "client → server", columns.ends));
            if columns.name > 0 {
                pen.put(format_args!("{:1$}  ", "name", columns.name));
            }
            let protocol = if columns.protocol < 8 { "is" } else { "protocol" };
            pen.put(format_args!("{:1$}  {2:STATE$}  ", protocol, columns.protocol, "state"));
            pen.put(format_args!("{:>SHORT$} {:>SHORT$}  ", "B →", "← B"));
            if columns.messages {
                pen.put(format_args!("{:>MESSAGES$}  ", "msg →/←"));
            }
            if columns.rtt {
                pen.put(format_args!("{:>SPAN$}  ", "RTT"));
            }
            if columns.acks {
                pen.put(format_args!("{:>SPAN$}  {:>SPAN$}  ", "ACKs →", "← ACKs"));
            }
            pen.put(format_args!("{:>SPAN$}  ", "time"));
            if columns.rates {
                pen.put(format_args!("{:>SHORT$} {:>SHORT$}  ", "b/s →", "← b/s"));
            }
            if columns.start {
                pen.put(format_args!("{:1$}  ", "start", self.options.time.width()));
            }
            pen.push("issues");
        });
        end_line(pen);
    }

    /// Ends the table; on a terminal it is summed up.
    pub fn end(&mut self, end: &End, out: &mut Vec<u8>) {
        if !self.titled {
            self.titles(out);
        }
        if let Some(width) = self.options.width {
            out.push(b'\n');
            crate::print::text::write_end(&mut Pen::new(out, width, self.options.color), end);
        }
    }
}

/// A pen that cuts nothing where there is no terminal.
fn pen<'o>(options: &Options, out: &'o mut Vec<u8>) -> Pen<'o> {
    Pen::new(out, options.width.map_or(usize::MAX / 2, |width| width.max(MIN_WIDTH)), options.color)
}

fn end_line(mut pen: Pen<'_>) {
    pen.trim();
    pen.end_line();
}

/// A text of so many columns, and two spaces.
fn cell(pen: &mut Pen<'_>, width: usize, write: impl FnOnce(&mut Pen<'_>, usize)) {
    let start = pen.column();
    write(pen, width);
    pen.pad_to(start + width + 2);
}

fn span(pen: &mut Pen<'_>, nanos: Option<i64>) {
    let text = nanos.map_or(String::new(), |nanos| Span(nanos).to_string());
    pen.put(format_args!("{text:>SPAN$}  "));
}

fn number(connection: &Connection) -> String {
    match connection.flow.transport {
        Transport::Tcp => connection.flow.stream.to_string(),
        Transport::Udp => format!("udp {}", connection.flow.stream),
    }
}

fn protocol(connection: &Connection) -> &'static str {
    let bytes: u64 = connection.directions.iter().map(|direction| direction.bytes).sum();
    match connection.protocol {
        Some(protocol) => protocol,
        None if connection.http => "HTTP",
        None if bytes > 0 => "?",
        None => "–",
    }
}

/// Client and server, with both ports or with the server's.
enum Ends<'c> {
    WithPorts(&'c Connection),
    WithPort(&'c Connection),
}

impl fmt::Display for Ends<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::WithPorts(connection) | Self::WithPort(connection)) = self;
        let client = connection.client();
        let [from, to] = [client, 1 - client].map(|end| connection.flow.ends[end]);
        match self {
            Self::WithPorts(_) => write!(f, "{from} → {to}"),
            Self::WithPort(_) => write!(f, "{} → {to}", from.address),
        }
    }
}

/// Who talks to whom; where that is too long without the client's port, and last in its middle.
fn ends(pen: &mut Pen<'_>, connection: &Connection, room: usize, cut: bool) {
    let start = pen.column();
    let text = Ends::WithPorts(connection).to_string();
    let columns = text.chars().count();
    if columns <= room || !cut {
        pen.push(&text);
    } else {
        let text = Ends::WithPort(connection).to_string();
        pen.captured(text.as_bytes(), room);
    }
    pen.pad_to(start + room + 2);
}

/// How it opened: by a SYN that was answered, or not, or before the capture.
const fn opened(handshake: [bool; 3]) -> &'static str {
    match handshake {
        [true, false, _] => "SYN?",
        [true, ..] | [_, true, _] => "SYN",
        [false, false, _] => "…",
    }
}

const fn closed(close: Close) -> &'static str {
    match close {
        Close::Fin => "FIN",
        Close::Rst => "RST",
        Close::Open => "…",
        Close::Forgotten => "full",
        Close::Reused => "new",
    }
}

/// What was wrong, the worst first: on a terminal as much as there is room for.
fn wrong(pen: &mut Pen<'_>, connection: &Connection, cut: bool) {
    let mut counts: Vec<(Issue, u64)> = Vec::new();
    let flags = connection.directions.iter().flat_map(|Direction { flags, .. }| flags.iter());
    let all = flags.map(|(flag, count)| (flag, count.into())).chain(connection.issues.iter().map(|issue| (issue, 0)));
    for (issue, count) in all.filter(|(issue, _)| issue.severity() > Severity::Chat) {
        match counts.iter_mut().find(|(known, _)| *known == issue) {
            Some((_, sum)) => *sum += count,
            None => counts.push((issue, count)),
        }
    }
    counts.sort_by_key(|&(issue, count)| (std::cmp::Reverse((issue.severity(), count)), issue));
    for (i, &(issue, count)) in counts.iter().enumerate() {
        let (name, left) = (if cut { short(issue) } else { issue.name() }, counts.len() - i);
        let comma = if i > 0 { ", " } else { "" };
        let number = if count > 0 { format!("{} ", Short(count)) } else { String::new() };
        let more = if left > 1 { " +".len() + digits(left as u64 - 1) } else { 0 };
        if cut && i > 0 && comma.len() + number.chars().count() + name.len() + more > pen.room() {
            return pen.put(format_args!(" +{left}"));
        }
        pen.push(comma);
        pen.styled(style::of(issue.severity()), |pen| pen.put(format_args!("{number}{name}")));
    }
}

/// A word for an issue where there is little room.
const fn short(issue: Issue) -> &'static str {
    match issue {
        Issue::Retransmission => "retr",
        Issue::FastRetransmission => "fast",
        Issue::SpuriousRetransmission => "spurious",
        Issue::OutOfOrder => "order",
        Issue::LostSegment => "lost",
        Issue::AckLostSegment => "acklost",
        Issue::DuplicateAck => "dup",
        Issue::KeepAlive => "alive",
        Issue::ZeroWindow => "zero",
        Issue::WindowFull => "full",
        Issue::ReusedPorts => "reused",
        Issue::BadChecksum => "sum",
        issue => issue.name(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_for_issues_are_short() {
        assert_eq!((short(Issue::Retransmission), short(Issue::LateData)), ("retr", "late_data"));
    }
}
