//! Connections in columns: as many as a terminal has room for, and elsewhere all.

use std::fmt;

use jiff::tz::TimeZone;
use unicode_width::UnicodeWidthStr;

use super::Named;
use crate::event::{Close, Connection, Direction, Transport};
use crate::flow::Endpoint;
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
    /// Whether the columns are as wide as all rows need.
    prepared: bool,
    /// Whether the titles are written.
    titled: bool,
}

/// Which columns there are, and how wide those are that are not always alike.
#[derive(Clone, Copy, Debug)]
struct Columns {
    /// Spaces between them.
    gap: usize,
    number: usize,
    ends: usize,
    name: usize,
    protocol: usize,
    messages: bool,
    rtt: bool,
    start: bool,
    rates: bool,
    acks: bool,
    /// How long it took, which gives way to times to acknowledgments.
    time: bool,
}

/// Widths of columns.
const STATE: usize = "SYN?–FIN".len() - 2;
const SHORT: usize = 5;
const MESSAGES: usize = 7;
const SPAN: usize = 7;

/// The least that is left for what was wrong.
const ISSUES: usize = 11;
const FEW_ISSUES: usize = 8;

/// The widest protocol; the least of a name that is worth a column, and how much of one is worth more than ports.
const MAX_PROTOCOL: usize = 9;
const MIN_NAME: usize = 8;
const NAME: usize = 20;

/// Widths of terminals from which on columns are there, or are two spaces apart.
const WITH_GAPS: usize = 140;
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
            gap: if from(WITH_GAPS) { 2 } else { 1 },
            number: 3,
            ends: "client → server".chars().count(),
            name: 0,
            protocol: 4,
            messages: from(WITH_MESSAGES),
            rtt: from(WITH_RTT),
            start: from(WITH_START) && options.time != Format::None,
            rates: from(WITH_RATES),
            acks: options.rtt,
            time: !options.rtt || from(WITH_RTT),
        }
    }

    /// Columns that are left for ends and name where the others have what they need.
    fn room(&self, options: &Options) -> usize {
        let Some(width) = options.width else { return usize::MAX };
        let pair = 2 * SHORT + 1;
        let widths = [
            (true, self.number),
            (true, self.protocol),
            (true, STATE),
            (true, pair),
            (self.messages, MESSAGES),
            (self.rtt, SPAN),
            (self.acks, SPAN),
            (self.acks, SPAN),
            (self.time, SPAN),
            (self.rates, pair),
            (self.start, options.time.width()),
        ];
        let others: usize = widths.iter().filter(|(is, _)| *is).map(|(_, width)| width + self.gap).sum();
        width.max(MIN_WIDTH).saturating_sub(others + self.gap + if self.time { ISSUES } else { FEW_ISSUES })
    }

    /// Makes room for connections, as far as there is some: for who talks to whom first, then for names, then for the
    /// ports of clients.
    fn widen<'c>(&mut self, all: impl Iterator<Item = &'c Named> + Clone, options: &Options) {
        let count = |text: String| text.chars().count();
        let most = |of: &dyn Fn(&Named) -> usize| all.clone().map(of).max().unwrap_or(0);
        self.number = self.number.max(most(&|(connection, _)| count(number(connection))));
        self.protocol = self.protocol.max(most(&|(connection, _)| protocol(connection).len().min(MAX_PROTOCOL)));
        let room = self.room(options);
        let without = most(&|(connection, _)| count(Ends { connection, ports: false }.to_string()));
        let with = most(&|(connection, _)| count(Ends { connection, ports: true }.to_string()));
        let name = most(&|(_, name)| name.as_deref().map_or(0, |name| String::from_utf8_lossy(name).width()));
        let wanted_name = if name == 0 { 0 } else { name.min(NAME) + self.gap };
        let ends = if with.saturating_add(wanted_name) <= room { with } else { without };
        self.ends = self.ends.max(ends).min(room);
        let left = room.saturating_sub(self.ends + self.gap);
        self.name = self.name.max(name).min(if left < MIN_NAME { 0 } else { left });
    }
}

impl Rows {
    pub fn new(options: Options) -> Self {
        let clock = Clock::new(options.time, options.zone.clone());
        let columns = Columns::new(&options);
        Self { options, clock, columns, prepared: false, titled: false }
    }

    /// Takes note of what columns will have to hold.
    pub fn prepare(&mut self, all: &[Named]) {
        self.prepared = true;
        self.columns.widen(all.iter(), &self.options);
    }

    /// Writes a connection.
    pub fn row(&mut self, named: &Named, out: &mut Vec<u8>) {
        if !self.prepared {
            self.columns.widen([named].into_iter(), &self.options);
        }
        if !self.titled {
            self.titles(out);
        }
        let (connection, name) = named;
        let columns = self.columns;
        let (cut, gap) = (self.options.width.is_some(), columns.gap);
        let client = connection.client();
        let [there, back] = [client, 1 - client].map(|end| &connection.directions[end]);
        let mut pen = pen(&self.options, out);
        right(&mut pen, columns.number, gap, number(connection));
        left(&mut pen, columns.ends, gap, |pen| ends(pen, connection, columns.ends, cut));
        if columns.name > 0 {
            left(&mut pen, columns.name, gap, |pen| pen.captured(name.as_deref().unwrap_or_default(), columns.name));
        }
        left(&mut pen, columns.protocol, gap, |pen| pen.captured(protocol(connection).as_bytes(), columns.protocol));
        left(&mut pen, STATE, gap, |pen| pen.push(&state(connection)));
        pair(&mut pen, gap, [Short(there.bytes), Short(back.bytes)]);
        if columns.messages {
            let messages = format!("{}/{}", Short(there.messages.into()), Short(back.messages.into()));
            right(&mut pen, MESSAGES, gap, messages);
        }
        if columns.rtt {
            span(&mut pen, gap, Some(connection.initial_rtt).filter(|nanos| *nanos > 0));
        }
        if columns.acks {
            for direction in [there, back] {
                span(&mut pen, gap, direction.ack_rtt.map(|rtt| rtt.median));
            }
        }
        if columns.time {
            span(&mut pen, gap, Some(connection.duration()));
        }
        if columns.rates {
            let rate = |end: usize| connection.rate(end).map_or(String::new(), |rate| Short(rate).to_string());
            pair(&mut pen, gap, [rate(client), rate(1 - client)]);
        }
        if columns.start {
            let clock = &mut self.clock;
            left(&mut pen, self.options.time.width(), gap, |pen| pen.ascii(|out| clock.write(connection.first.0, out)));
        }
        wrong(&mut pen, connection, cut);
        end_line(pen);
    }

    fn titles(&mut self, out: &mut Vec<u8>) {
        self.titled = true;
        let room = self.columns.room(&self.options).saturating_sub(self.columns.ends + self.columns.gap);
        match self.options.width {
            // In a pipe each column is there, whatever it holds.
            None => self.columns.name = self.columns.name.max("name".len()),
            // There will be names.
            Some(_) if !self.prepared && room >= NAME => self.columns.name = self.columns.name.max(NAME),
            Some(_) => {}
        }
        let columns = self.columns;
        let gap = columns.gap;
        let time = self.options.time.width();
        let mut pen = pen(&self.options, out);
        pen.styled(DIM, |pen| {
            right(pen, columns.number, gap, "#");
            let ends = "client → server";
            let ends = if ends.chars().count() <= columns.ends { ends } else { "server" };
            left(pen, columns.ends, gap, |pen| pen.push(ends));
            if columns.name > 0 {
                left(pen, columns.name, gap, |pen| pen.push("name"));
            }
            let protocol = if columns.protocol < "protocol".len() { "app." } else { "protocol" };
            left(pen, columns.protocol, gap, |pen| pen.push(protocol));
            left(pen, STATE, gap, |pen| pen.push("state"));
            pair(pen, gap, ["B →", "← B"]);
            if columns.messages {
                right(pen, MESSAGES, gap, "msg →/←");
            }
            if columns.rtt {
                right(pen, SPAN, gap, "RTT");
            }
            if columns.acks {
                for title in ["ACKs →", "← ACKs"] {
                    right(pen, SPAN, gap, title);
                }
            }
            if columns.time {
                right(pen, SPAN, gap, "time");
            }
            if columns.rates {
                pair(pen, gap, ["b/s →", "← b/s"]);
            }
            if columns.start {
                left(pen, time, gap, |pen| pen.push("start"));
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

/// What `write` writes, in so many columns, and spaces.
fn left(pen: &mut Pen<'_>, width: usize, gap: usize, write: impl FnOnce(&mut Pen<'_>)) {
    let start = pen.column();
    write(pen);
    pen.pad_to(start + width + gap);
}

/// A text at the right of so many columns, and spaces.
fn right(pen: &mut Pen<'_>, width: usize, gap: usize, text: impl AsRef<str>) {
    pen.put(format_args!("{:>width$}{:gap$}", text.as_ref(), ""));
}

/// The same number of either direction.
fn pair(pen: &mut Pen<'_>, gap: usize, [there, back]: [impl fmt::Display; 2]) {
    pen.put(format_args!("{:>SHORT$} {:>SHORT$}{:gap$}", there.to_string(), back.to_string(), ""));
}

fn span(pen: &mut Pen<'_>, gap: usize, nanos: Option<i64>) {
    right(pen, SPAN, gap, nanos.map_or(String::new(), |nanos| Span(nanos).to_string()));
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

/// Client and server, with the port of the client too or of the server alone.
struct Ends<'c> {
    connection: &'c Connection,
    ports: bool,
}

impl Ends<'_> {
    fn both(&self) -> [Endpoint; 2] {
        let client = self.connection.client();
        [client, 1 - client].map(|end| self.connection.flow.ends[end])
    }
}

impl fmt::Display for Ends<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [client, server] = self.both();
        if self.ports { write!(f, "{client} → {server}") } else { write!(f, "{} → {server}", client.address) }
    }
}

/// Who talks to whom; where that is too long without the client's port, and then without the beginning of its address.
fn ends(pen: &mut Pen<'_>, connection: &Connection, room: usize, cut: bool) {
    let fits = |text: &str| text.chars().count() <= room || !cut;
    let whole = Ends { connection, ports: true }.to_string();
    if fits(&whole) {
        return pen.push(&whole);
    }
    let text = Ends { connection, ports: false }.to_string();
    if fits(&text) {
        return pen.push(&text);
    }
    let chars = text.chars().count();
    pen.push("…");
    text.chars().skip(chars + 1 - room.min(chars)).for_each(|char| pen.put(format_args!("{char}")));
}

/// How it opened and closed.
fn state(connection: &Connection) -> String {
    let answer = &connection.directions[1 - connection.client()];
    match (connection.handshake, connection.close) {
        ([true, false, _], Close::Rst) if answer.segments > 0 => "refused".into(),
        // Of one that was forgotten it is not known.
        ([true, false, _], close) if answer.segments == 0 && close != Close::Forgotten => "no reply".into(),
        (handshake, close) => format!("{}–{}", opened(handshake), closed(close)),
    }
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
        let text = format!("{number}{name}");
        let room = if cut { pen.room().saturating_sub(more) } else { text.len() };
        pen.styled(style::of(issue.severity()), |pen| pen.captured(text.as_bytes(), room));
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

    #[test]
    fn in_80_columns_there_is_room_for_who_talks_to_whom() {
        let ends = "10.0.0.1 → 10.0.0.9:80".chars().count();
        for rtt in [false, true] {
            let options = Options { width: Some(80), color: false, time: Format::TimeOfDay, zone: TimeZone::UTC, rtt };
            assert!(Columns::new(&options).room(&options) >= ends, "{rtt}");
        }
    }
}
