//! Counts as tables with bars, as wide as the terminal.

use std::cmp;
use std::fmt;

use unicode_width::UnicodeWidthStr;

use super::words::word;
use crate::event::Close;
use crate::issue::Issue;
use crate::print::End;
use crate::print::number::Short;
use crate::print::pen::Pen;
use crate::print::style::{self, DIM, HEADING};
use crate::print::time::Span;
use crate::stats::durations::{PERCENTS, Summary};
use crate::stats::table::Row;
use crate::stats::{Breakdown, Stats};

/// How it is laid out.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Columns of a line.
    pub width: usize,
    /// Whether colours are used.
    pub color: bool,
    /// The most rows of a table; the rest is summed up in a line.
    pub top: usize,
}

/// Where the values of the first lines begin.
const COLUMN: usize = 13;

/// Widths of columns.
const COUNT: usize = 9;
const SHARE: usize = 6;
const SHORT: usize = 6;
const SPAN: usize = 7;

/// Widths of what a row is about, and of bars.
const NAMES: [usize; 2] = [14, 40];
const BARS: [usize; 2] = [6, 24];

/// The width from which on columns are two spaces apart.
const WITH_GAPS: usize = 100;

pub(super) fn write(stats: &Stats, end: &End, options: Options, out: &mut Vec<u8>) {
    let mut pen = Pen::new(out, options.width, options.color);
    capture(&mut pen, end);
    connections(&mut pen, stats);
    times(&mut pen, stats);
    for breakdown in stats.breakdowns().iter().filter(|breakdown| !breakdown.table.is_empty()) {
        pen.end_line();
        table(&mut pen, breakdown, options.top);
    }
}

fn capture(pen: &mut Pen<'_>, end: &End) {
    let totals = &end.totals;
    line(pen, "capture", |pen| {
        pen.piece(|pen| pen.put(format_args!("{}", Count(totals.frames, "frame"))));
        pen.piece(|pen| pen.put(format_args!("{} bytes", totals.bytes)));
        let nanos = totals.span.map_or(0, |(first, last)| last.since(first));
        if nanos > 0 {
            pen.piece(|pen| Span(nanos).put(pen));
            let each_second = |count: u64| u128::from(count) * 1_000_000_000 / nanos as u128;
            let rate = |count| Short(u64::try_from(each_second(count)).unwrap_or(u64::MAX));
            pen.piece(|pen| pen.put(format_args!("{} frames/s", rate(totals.frames))));
            pen.piece(|pen| pen.put(format_args!("{} bit/s", rate(totals.bytes.saturating_mul(8)))));
        }
    });
    if let Some(selected) = end.selected {
        line(pen, "selected", |pen| {
            pen.piece(|pen| {
                pen.put(format_args!("{}, of which is counted below", Count(selected.messages, "message")))
            });
        });
    }
}

fn connections(pen: &mut Pen<'_>, stats: &Stats) {
    let connections = &stats.connections;
    if connections.count == 0 {
        return;
    }
    line(pen, "connections", |pen| {
        pen.piece(|pen| pen.put(format_args!("{}", connections.count)));
        let opened = [
            (connections.handshakes, "with a whole handshake"),
            (connections.unanswered, "not answered"),
            (connections.midway, "joined midway"),
        ];
        some(pen, opened);
        let words = ["closed by FIN", "closed by RST", "open at the end", "forgotten", "with ports used again"];
        debug_assert_eq!(words.len(), Close::ALL.len());
        some(pen, connections.closes.into_iter().zip(words));
    });
    line(pen, "segments", |pen| {
        pen.piece(|pen| pen.put(format_args!("{}", connections.segments)));
        pen.piece(|pen| pen.put(format_args!("{} bytes of payload", connections.bytes)));
        for (flag, count) in connections.flags() {
            let share = Share(count, connections.segments);
            pen.piece(|pen| {
                pen.styled(style::of(flag.severity()), |pen| pen.put(format_args!("{count} {flag}")));
                if matches!(flag, Issue::Retransmission | Issue::LostSegment | Issue::OutOfOrder) {
                    pen.put(format_args!(" ({share})"));
                }
            });
        }
    });
}

/// Tells of numbers that are not 0.
fn some<'w>(pen: &mut Pen<'_>, counts: impl IntoIterator<Item = (u64, &'w str)>) {
    for (count, what) in counts.into_iter().filter(|(count, _)| *count > 0) {
        pen.piece(|pen| pen.put(format_args!("{count} {what}")));
    }
}

fn line(pen: &mut Pen<'_>, title: &str, write: impl FnOnce(&mut Pen<'_>)) {
    pen.indent.column = COLUMN;
    pen.text(HEADING, title);
    pen.pad_to(COLUMN);
    pen.begin_text();
    write(pen);
    pen.end_line();
}

/// Round-trip times, durations, and response times by protocol.
fn times(pen: &mut Pen<'_>, stats: &Stats) {
    let protocols = stats.breakdowns().iter().find(|breakdown| breakdown.by.is_protocol());
    let rows = protocols.map(|protocols| protocols.table.rows()).unwrap_or_default();
    let responses =
        rows.into_iter().map(|row| (format!("{} responses", String::from_utf8_lossy(&row.value)), &row.times));
    let connections = &stats.connections;
    let of_connections = [("initial RTT", &connections.initial_rtt), ("connection time", &connections.duration)];
    let all = responses.chain(of_connections.map(|(name, durations)| (name.to_owned(), durations)));
    let all: Vec<(String, Summary)> = all.filter_map(|(name, durations)| Some((name, durations.summary()?))).collect();
    if all.is_empty() {
        return;
    }
    pen.end_line();
    let width = all.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0).max("times".len());
    let gap = if width + COUNT + 6 * (SPAN + 2) <= pen.width() { 2 } else { 1 };
    pen.styled(HEADING, |pen| pen.put(format_args!("{:width$}", "times")));
    pen.styled(DIM, |pen| {
        pen.put(format_args!("{:>COUNT$}", "count"));
        let titles = ["min", "p50", "p90", "p95", "p99", "max"];
        titles.iter().for_each(|title| pen.put(format_args!("{:gap$}{title:>SPAN$}", "")));
    });
    pen.end_line();
    for (name, summary) in all {
        pen.put(format_args!("{name:width$}{:>COUNT$}", Short(summary.count).to_string()));
        let percentiles = summary.percentiles.map(|nanos| (nanos, summary.exact));
        for value in [(summary.min, true)].into_iter().chain(percentiles).chain([(summary.max, true)]) {
            pen.put(format_args!("{:gap$}", ""));
            span(pen, Some(value));
        }
        pen.end_line();
    }
}

/// What a column of a table shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Column {
    Messages,
    Connections,
    Share,
    Bar(usize),
    Bytes,
    Errors,
    Incomplete,
    Percentile(usize),
    Max,
}

impl Column {
    fn width(self) -> usize {
        match self {
            Self::Messages => COUNT,
            Self::Connections => "conns".len() + 1,
            Self::Share => SHARE,
            Self::Bar(width) => width,
            Self::Bytes | Self::Errors => SHORT,
            Self::Incomplete => "incomplete".len(),
            Self::Percentile(_) | Self::Max => SPAN,
        }
    }

    fn title(self, counted: &str) -> String {
        match self {
            Self::Messages => counted.into(),
            Self::Connections => "conns".into(),
            Self::Share => "share".into(),
            Self::Bar(_) => String::new(),
            Self::Bytes => "bytes".into(),
            Self::Errors => "errors".into(),
            Self::Incomplete => "incomplete".into(),
            Self::Percentile(at) => format!("p{}", PERCENTS.get(at).unwrap_or(&100)),
            Self::Max => "max".into(),
        }
    }
}

fn table(pen: &mut Pen<'_>, breakdown: &Breakdown, top: usize) {
    let all = breakdown.table.rows();
    let shown = if all.len() == top + 1 { all.len() } else { all.len().min(top) };
    let (rows, rest) = all.split_at(shown);
    let names: Vec<String> = rows.iter().map(|row| name(breakdown, row)).collect();
    let messages = all.iter().copied().chain(breakdown.table.others()).map(|row| row.messages).sum();
    let widest = names.iter().map(|name| name.width()).max().unwrap_or(0).max(breakdown.by.titles().0.len());
    let gap = if pen.width() >= WITH_GAPS { 2 } else { 1 };
    let (names_width, columns) = layout(&all, breakdown, widest, pen.width(), gap);
    let (title, counted) = breakdown.by.titles();
    pen.styled(HEADING, |pen| pen.captured(title.as_bytes(), names_width));
    pen.pad_to(names_width);
    pen.styled(DIM, |pen| {
        for column in &columns {
            pen.put(format_args!("{:gap$}{:>2$}", "", column.title(counted), column.width()));
        }
    });
    pen.trim();
    pen.end_line();
    for (row, name) in rows.iter().zip(&names) {
        pen.captured(name.as_bytes(), names_width);
        pen.pad_to(names_width);
        let summary = row.times.summary();
        for column in &columns {
            pen.put(format_args!("{:gap$}", ""));
            cell(pen, row, summary, *column, messages);
        }
        pen.trim();
        pen.end_line();
    }
    if !rest.is_empty() {
        let (messages, bytes) = rest.iter().fold((0, 0), |(m, b), row| (m + row.messages, b + row.bytes));
        let more = format!("… {} more: {messages} {counted}, {} bytes", rest.len(), Short(bytes));
        pen.text(DIM, &more);
        pen.end_line();
    }
    if let Some(others) = breakdown.table.others() {
        let (messages, bytes) = (others.messages, Short(others.bytes));
        let more = format!("others, for which the table had no room: {messages} {counted}, {bytes} bytes");
        pen.text(DIM, &more);
        pen.end_line();
    }
}

/// Which columns there is room for, and how wide what rows are about may be.
fn layout(rows: &[&Row], breakdown: &Breakdown, widest: usize, width: usize, gap: usize) -> (usize, Vec<Column>) {
    let any = |of: fn(&Row) -> u64| rows.iter().any(|row| of(row) > 0);
    let timed = any(|row| row.times.count());
    let of_protocols = breakdown.by.is_protocol();
    // The order in which columns are let go where there is no room, the last one first.
    let wanted = [
        (true, Column::Messages),
        (true, Column::Bytes),
        (any(|row| row.errors), Column::Errors),
        (timed, Column::Percentile(0)),
        (of_protocols, Column::Connections),
        (true, Column::Share),
        (timed, Column::Percentile(2)),
        (timed, Column::Max),
        (true, Column::Bar(BARS[0])),
        (any(|row| row.incomplete), Column::Incomplete),
        (timed, Column::Percentile(3)),
        (timed, Column::Percentile(1)),
    ];
    let names = widest.clamp(NAMES[0], NAMES[1]);
    let mut left = width.saturating_sub(names);
    let mut columns = Vec::new();
    for (_, column) in wanted.into_iter().filter(|(wanted, _)| *wanted) {
        if let Some(rest) = left.checked_sub(column.width() + gap) {
            left = rest;
            columns.push(column);
        }
    }
    if let Some(Column::Bar(bar)) = columns.iter_mut().find(|column| matches!(column, Column::Bar(_))) {
        *bar = (*bar + left).min(BARS[1]);
    }
    let place = |column: &Column| match *column {
        Column::Messages => 0,
        Column::Share => 1,
        Column::Bar(_) => 2,
        Column::Connections => 3,
        Column::Bytes => 4,
        Column::Errors => 5,
        Column::Incomplete => 6,
        Column::Percentile(at) => 7 + at,
        Column::Max => usize::MAX,
    };
    columns.sort_by_key(place);
    (names, columns)
}

/// What a row is about; of some numbers with a word for them.
fn name(breakdown: &Breakdown, row: &Row) -> String {
    let value = String::from_utf8_lossy(&row.value);
    let word = word(breakdown.by.name(), &value);
    word.map_or_else(|| value.clone().into_owned(), |word| format!("{value} {word}"))
}

fn cell(pen: &mut Pen<'_>, row: &Row, summary: Option<Summary>, column: Column, messages: u64) {
    let width = column.width();
    match column {
        Column::Messages => number(pen, row.messages, width),
        Column::Connections => number(pen, row.connections, width),
        Column::Share => pen.put(format_args!("{:>width$}", Share(row.messages, messages).to_string())),
        Column::Bar(_) => bar(pen, row.messages, messages, width),
        Column::Bytes => number(pen, row.bytes, width),
        Column::Errors if row.errors > 0 => {
            pen.styled(style::of(crate::issue::Severity::Error), |pen| number(pen, row.errors, width));
        }
        Column::Errors => number(pen, row.errors, width),
        Column::Incomplete => number(pen, row.incomplete, width),
        Column::Percentile(at) => {
            span(pen, summary.and_then(|summary| Some((*summary.percentiles.get(at)?, summary.exact))));
        }
        Column::Max => span(pen, summary.map(|summary| (summary.max, true))),
    }
}

fn number(pen: &mut Pen<'_>, number: u64, width: usize) {
    pen.put(format_args!("{:>width$}", Short(number).to_string()));
}

/// A span, or nothing; one that is not exact is said to be about that.
fn span(pen: &mut Pen<'_>, value: Option<(i64, bool)>) {
    let text = value.map_or(String::new(), |(nanos, exact)| format!("{}{}", if exact { "" } else { "~" }, Span(nanos)));
    pen.put(format_args!("{text:>SPAN$}"));
}

/// A bar as long as the share, in eighths of a column.
fn bar(pen: &mut Pen<'_>, part: u64, whole: u64, width: usize) {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (u128::from(part) * 8 * width as u128).div_ceil(cmp::max(whole, 1).into()) as usize;
    let eighths = eighths.min(8 * width);
    let start = pen.column();
    (0..eighths / 8).for_each(|_| pen.push("█"));
    pen.push(EIGHTHS[eighths % 8]);
    pen.pad_to(start + width);
}

/// A part of a hundred.
struct Share(u64, u64);

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let thousandths = (u128::from(self.0) * 1000 + u128::from(self.1) / 2) / u128::from(self.1.max(1));
        match thousandths {
            0 if self.0 > 0 => f.write_str("<0.1 %"),
            1000.. => f.write_str("100 %"),
            _ => write!(f, "{}.{} %", thousandths / 10, thousandths % 10),
        }
    }
}

/// A number of things, of which the plural ends with "s".
struct Count(u64, &'static str);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", self.0, self.1, if self.0 == 1 { "" } else { "s" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_rounded_and_nothing_is_none() {
        let shares = [(0, 7), (1, 2000), (1, 3), (2, 3), (1999, 2000), (3, 3), (0, 0)];
        let shown = ["0.0 %", "0.1 %", "33.3 %", "66.7 %", "100 %", "100 %", "0.0 %"];
        assert_eq!(shares.map(|(part, whole)| Share(part, whole).to_string()), shown);
        assert_eq!(Share(1, 3000).to_string(), "<0.1 %");
    }

    #[test]
    fn a_bar_is_as_long_as_the_share_and_never_longer_than_its_column() {
        let drawn = |part, whole| {
            let mut out = Vec::new();
            bar(&mut Pen::new(&mut out, 80, false), part, whole, 4);
            String::from_utf8(out).unwrap()
        };
        assert_eq!([drawn(0, 9), drawn(1, 1000), drawn(1, 2), drawn(9, 9)], ["    ", "▏   ", "██  ", "████"]);
    }
}
