//! The table of the segments that carried a message.

use anstyle::Style;
use comfy_table::{CellAlignment, Table, presets};

use crate::app::message::{Message, Missing};
use crate::issue::{Flags, Severity};
use crate::print::number::{digits, padded, uint};
use crate::print::pen::Pen;
use crate::print::style::{self, DIM, PLAIN};
use crate::tcp::reassembly::Cause;

/// Rows of a long table that are shown without `-v`: the first, flagged ones, the last; and of missing runs.
const FIRST: usize = 5;
const FLAGGED: usize = 8;
const LAST: usize = 3;
const MISSING: usize = 16;

const TITLES: [&str; COLUMNS] = ["frame", "time", "seq", "length", "message bytes", "flags"];
const COLUMNS: usize = 6;
/// The column of the flags, which is the last and the only one that is left-aligned.
const LAST_COLUMN: usize = COLUMNS - 1;
/// Spaces between columns.
const GAP: usize = 2;

/// Writes the table. `seq` is the relative sequence number of the message's first byte.
pub fn write(pen: &mut Pen<'_>, message: &Message, seq: u32, all: bool, terminal: bool) {
    let rows = rows(message, seq, all);
    let layout = Layout::of(&rows, pen.width());
    if terminal {
        layout.by_comfy_table(&rows, pen)
    } else {
        layout.directly(&rows, pen)
    }
    let shown = rows.iter().filter(|row| matches!(row.cells[0], Cell::Number(_))).count() as u64;
    let left_out = message.segments.count().saturating_sub(shown);
    if left_out > 0 {
        let count = message.segments.count();
        let more = if all { "" } else { "; -v shows more" };
        pen.styled(DIM, |pen| pen.put(format_args!("  … {left_out} of {count} segments left out{more}")));
        pen.end_line();
    }
    let missing = message.missing.len();
    if missing > MISSING && !all {
        let left_out = missing - MISSING;
        pen.styled(DIM, |pen| pen.put(format_args!("  … {left_out} missing runs left out; -v shows more")));
        pen.end_line();
    }
}

/// A row of the table.
#[derive(Clone, Copy)]
struct Row {
    cells: [Cell; COLUMNS],
}

#[derive(Clone, Copy)]
enum Cell {
    Empty,
    Word(&'static str),
    Number(u64),
    /// Nanoseconds, shown in milliseconds.
    Time(i64),
    /// First and last byte.
    Bytes(u64, u64),
    Flags(Flags),
}

impl Cell {
    /// How many columns it takes in one line.
    fn width(self) -> usize {
        match self {
            Self::Empty => 0,
            Self::Word(word) => word.chars().count(),
            Self::Number(number) => digits(number),
            Self::Time(nanos) => digits(nanos.unsigned_abs() / 1_000_000) + "+.000 ms".len(),
            Self::Bytes(first, last) => digits(first) + 1 + digits(last),
            Self::Flags(flags) if flags.is_empty() => 0,
            Self::Flags(flags) => {
                flags.issues().iter().map(|flag| flag.name().len() + 2).sum::<usize>().saturating_sub(2)
            }
        }
    }

    fn style(self) -> Style {
        match self {
            Self::Flags(flags) => flags.issues().severity().map_or(PLAIN, style::of),
            Self::Word(_) => style::of(Severity::Error),
            _ => PLAIN,
        }
    }

    fn write(self, out: &mut Vec<u8>) {
        match self {
            Self::Empty => {}
            Self::Word(word) => out.extend_from_slice(word.as_bytes()),
            Self::Number(number) => uint(out, number),
            Self::Time(nanos) => {
                let micros = nanos.unsigned_abs() / 1000;
                out.push(if nanos < 0 { b'-' } else { b'+' });
                uint(out, micros / 1000);
                out.push(b'.');
                padded(out, micros % 1000, 3);
                out.extend_from_slice(b" ms");
            }
            Self::Bytes(first, last) => {
                uint(out, first);
                out.push(b'-');
                uint(out, last);
            }
            Self::Flags(flags) => {
                for (i, flag) in flags.issues().iter().enumerate() {
                    if i > 0 {
                        out.extend_from_slice(b", ");
                    }
                    out.extend_from_slice(flag.name().as_bytes());
                }
            }
        }
    }

    fn text(self) -> String {
        let mut text = Vec::new();
        self.write(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    }
}

/// The rows that are shown, in the order of the frames, with missing runs where they would be.
fn rows(message: &Message, first_seq: u32, all: bool) -> Vec<Row> {
    let kept = message.segments.kept();
    let elided = !all && message.segments.count() > (FIRST + FLAGGED + LAST) as u64;
    let mut missing = message.missing.iter().take(if all { usize::MAX } else { MISSING }).peekable();
    let mut rows = Vec::with_capacity(kept.len().min(FIRST + FLAGGED + LAST) + missing.len() + 2);
    let seq = |offset: u64| u64::from(first_seq.wrapping_add(offset as u32));
    let (mut flagged, mut skipping) = (0, false);
    for (i, segment) in kept.iter().enumerate() {
        let is_flagged = !segment.flags.is_empty() && flagged < FLAGGED;
        let from = segment.offset.saturating_sub(message.start);
        if elided && !(i < FIRST || i + LAST >= kept.len() || is_flagged) {
            if !std::mem::replace(&mut skipping, true) {
                let mut cells = [Cell::Empty; COLUMNS];
                cells[0] = Cell::Word("⋮");
                rows.push(Row { cells });
            }
            continue;
        }
        skipping = false;
        flagged += usize::from(is_flagged);
        while let Some(run) = missing.next_if(|run| run.offset < from) {
            rows.push(missing_row(run, seq(run.offset)));
        }
        let cells = [
            Cell::Number(segment.frame),
            Cell::Time(segment.time.since(message.first_time)),
            Cell::Number(seq(from)),
            Cell::Number(segment.len.into()),
            range(from, segment.len.into()),
            Cell::Flags(segment.flags),
        ];
        rows.push(Row { cells });
    }
    rows.extend(missing.map(|run| missing_row(run, seq(run.offset))));
    rows
}

fn missing_row(run: &Missing, seq: u64) -> Row {
    let cause = match run.cause {
        Cause::Gap => "missing: not captured",
        Cause::Truncated => "missing: frame cut",
    };
    let cells = [
        Cell::Word("-"),
        Cell::Empty,
        Cell::Number(seq),
        Cell::Number(run.len),
        range(run.offset, run.len),
        Cell::Word(cause),
    ];
    Row { cells }
}

fn range(first: u64, len: u64) -> Cell {
    if len == 0 { Cell::Empty } else { Cell::Bytes(first, first.saturating_add(len - 1)) }
}

/// How wide the columns are, and where the last begins.
struct Layout {
    widths: [usize; LAST_COLUMN],
    last: usize,
    /// Columns for the flags; where they take more, they are written one a line.
    room: usize,
    has_flags: bool,
}

impl Layout {
    fn of(rows: &[Row], width: usize) -> Self {
        let mut widths = [0; LAST_COLUMN];
        for (column, of) in widths.iter_mut().enumerate() {
            *of = rows.iter().map(|row| row.cells[column].width()).fold(TITLES[column].len(), usize::max);
        }
        let last = widths.iter().sum::<usize>() + COLUMNS * GAP;
        let has_flags = rows.iter().any(|row| row.cells[LAST_COLUMN].width() > 0);
        Self { widths, last, room: width.saturating_sub(last), has_flags }
    }

    fn titles(&self) -> [Cell; COLUMNS] {
        let mut titles = TITLES.map(Cell::Word);
        if !self.has_flags {
            titles[LAST_COLUMN] = Cell::Empty;
        }
        titles
    }

    /// Each row is written as it is laid out: for any number of messages.
    fn directly(&self, rows: &[Row], pen: &mut Pen<'_>) {
        pen.styled(DIM, |pen| self.row(self.titles(), pen));
        pen.end_line();
        for row in rows {
            self.row(row.cells, pen);
            pen.end_line();
        }
    }

    fn row(&self, cells: [Cell; COLUMNS], pen: &mut Pen<'_>) {
        let mut end = 0;
        for (cell, width) in cells.into_iter().zip(self.widths) {
            end += GAP + width;
            if !matches!(cell, Cell::Empty) {
                let columns = cell.width();
                pen.pad_to(end - columns);
                pen.sized(columns, |out| cell.write(out));
            }
        }
        let columns = cells[LAST_COLUMN].width();
        match cells[LAST_COLUMN] {
            Cell::Flags(flags) if columns > self.room => {
                for (i, flag) in flags.issues().iter().enumerate() {
                    if i > 0 {
                        pen.push(",");
                        pen.end_line();
                    }
                    pen.pad_to(self.last);
                    pen.text(style::of(flag.severity()), flag.name());
                }
            }
            cell if columns > 0 => {
                pen.pad_to(self.last);
                pen.styled(cell.style(), |pen| pen.sized(columns, |out| cell.write(out)));
            }
            _ => {}
        }
    }

    /// The same by `comfy-table`, for a terminal: it takes some microseconds and 2 KB a row.
    fn by_comfy_table(&self, rows: &[Row], pen: &mut Pen<'_>) {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header(self.titles().map(Cell::text));
        for row in rows {
            let mut texts = row.cells.map(Cell::text);
            if row.cells[LAST_COLUMN].width() > self.room {
                texts[LAST_COLUMN] = texts[LAST_COLUMN].replace(", ", ",\n");
            }
            table.add_row(texts);
        }
        for (i, column) in table.column_iter_mut().enumerate() {
            column.set_padding((GAP as u16, 0));
            column.set_cell_alignment(if i == LAST_COLUMN { CellAlignment::Left } else { CellAlignment::Right });
        }
        let mut styles = std::iter::once(DIM).chain(rows.iter().map(|row| row.cells[LAST_COLUMN].style()));
        let mut style = PLAIN;
        for (i, line) in table.lines().enumerate() {
            let line = line.trim_end();
            let last = line.char_indices().nth(self.last).map_or(line.len(), |(at, _)| at);
            let (numbers, flags) = line.split_at(last);
            // A line with nothing in the first columns goes on with the flags of the one before it.
            if !numbers.trim_start().is_empty() {
                style = styles.next().unwrap_or(PLAIN);
            }
            pen.text(if i == 0 { DIM } else { PLAIN }, numbers);
            pen.text(style, flags);
            pen.end_line();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Timestamp;
    use crate::issue::Issue;
    use crate::tcp::SegmentRef;

    const START: u64 = 1 << 32;

    fn message(segments: u32, flagged: impl Fn(u32) -> Flags) -> Message {
        let mut message = Message { start: START, ..Message::default() };
        for i in 0..segments {
            message.extend(SegmentRef {
                frame: u64::from(i) * 2 + 4,
                time: Timestamp(i64::from(i) * 1_234_567),
                offset: START + u64::from(i) * 1448,
                len: 1448,
                flags: flagged(i),
                acked: 0,
            });
        }
        message
    }

    fn flags(issues: &[Issue]) -> Flags {
        let mut flags = Flags::EMPTY;
        issues.iter().for_each(|issue| flags.insert(*issue));
        flags
    }

    fn table(message: &Message, width: usize, all: bool, terminal: bool) -> String {
        let mut out = Vec::new();
        write(&mut Pen::new(&mut out, width, false), message, 1, all, terminal);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_cell_is_as_wide_as_it_says() {
        let flags = flags(&[Issue::Retransmission, Issue::OutOfOrder]);
        let numbers = [0, 9, 10, u64::MAX].map(Cell::Number);
        let times = [0, -1, 999_999_999, -5_000_000_000, i64::MIN, i64::MAX].map(Cell::Time);
        let others = [Cell::Empty, Cell::Word("⋮"), Cell::Bytes(0, 12), Cell::Flags(flags), Cell::Flags(Flags::EMPTY)];
        for cell in numbers.into_iter().chain(times).chain(others) {
            assert_eq!(cell.width(), cell.text().chars().count(), "{}", cell.text());
        }
    }

    #[test]
    fn both_layouts_give_the_same_text() {
        let some = flags(&[Issue::OutOfOrder]);
        let many = flags(&[Issue::Retransmission, Issue::FastRetransmission, Issue::LostSegment]);
        let mut lacking = message(3, |i| if i == 2 { some } else { Flags::EMPTY });
        lacking.missing.push(Missing { offset: 200, len: 100, cause: Cause::Gap });
        let messages = [
            message(0, |_| Flags::EMPTY),
            message(1, |_| Flags::EMPTY),
            message(9, |i| if i == 1 { many } else { Flags::EMPTY }),
            message(1000, |i| if i % 9 == 8 { some } else { Flags::EMPTY }),
            lacking,
        ];
        for message in &messages {
            for (width, all) in [(80, false), (80, true), (120, false)] {
                assert_eq!(table(message, width, all, true), table(message, width, all, false));
            }
        }
    }

    #[test]
    fn a_long_table_shows_its_ends_and_what_is_flagged() {
        let text = table(
            &message(1000, |i| if i == 500 { flags(&[Issue::OutOfOrder]) } else { Flags::EMPTY }),
            80,
            false,
            false,
        );
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "  frame          time      seq  length    message bytes  flags");
        assert_eq!(lines[1], "      4     +0.000 ms        1    1448           0-1447");
        assert_eq!(lines[6], "      ⋮");
        assert!(lines[7].starts_with("   1004") && lines[7].ends_with("out_of_order"), "{text}");
        assert_eq!(lines.last(), Some(&"  … 991 of 1000 segments left out; -v shows more"));
        assert_eq!(lines.len(), 1 + 5 + 1 + 1 + 1 + 3 + 1);
    }
}
