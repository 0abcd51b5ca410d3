//! What differs between two captures: for people, values side by side with marks under them.

mod json;

use super::pen::Pen;
use super::safe::{self, Charset, Unit as Part};
use super::style::{DIM, HEADING, ODD, PLAIN};
use super::time::Span;
use crate::app::message::Kind;
use crate::check::diff::{Difference, Finding, Options, Value};
use crate::check::kept::{Connection, Kept, Place, Unit};

/// Where names of what differs begin, and their values.
const AT_NAME: usize = 4;
const AT_VALUE: usize = 20;

/// Columns of a first value, where it does not need more.
const BESIDE: usize = 30;

/// Characters of a value that are looked at.
const MAX_CELLS: usize = 1 << 16;

/// Characters shown before the first that differs, where a value is too long to be shown.
const BEFORE: usize = 12;

/// Sizes of segments that are shown in a line.
const SIZES: usize = 10;

pub use json::Json;

/// Writes what a comparison finds into a buffer.
pub trait Printer {
    /// Writes what is compared, and how.
    fn begin(&mut self, names: [&str; 2], kept: [&Kept; 2], options: &Options, out: &mut Vec<u8>);

    /// Writes a finding, if anything differs.
    fn finding(&mut self, finding: &Finding<'_>, out: &mut Vec<u8>);

    /// Writes the account.
    fn end(&mut self, counts: &Counts, out: &mut Vec<u8>);
}

/// What was found, in numbers.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Counts {
    /// Messages of both in which nothing differs.
    pub equal: u64,
    /// Messages of both in which something does.
    pub different: u64,
    /// Messages of one capture alone: the first, the second.
    pub only: [u64; 2],
    /// What differs in all, of connections too.
    pub differences: u64,
}

impl Counts {
    /// Takes a finding into account.
    pub fn add(&mut self, finding: &Finding<'_>) {
        match finding {
            Finding::Connections(_, _, differences) => self.differences += differences.len() as u64,
            Finding::Messages(_, _, differences) => {
                self.differences += differences.len() as u64;
                *(if differences.is_empty() { &mut self.equal } else { &mut self.different }) += 1;
            }
            Finding::Connection(second, connection) => {
                self.only[usize::from(*second)] += connection.messages.len() as u64;
            }
            Finding::Message(second, _) => self.only[usize::from(*second)] += 1,
        }
    }

    /// Whether the captures differ.
    pub fn differ(&self) -> bool {
        self.differences > 0 || self.only != [0; 2]
    }
}

/// Text for people.
pub struct Text {
    width: usize,
    color: bool,
    /// The connections that were named last, and whether a line was written of them.
    heading: Option<String>,
}

impl Text {
    /// For lines of so many columns.
    pub fn new(width: usize, color: bool) -> Self {
        Self { width, color, heading: None }
    }

    /// Names the connections, once.
    fn name(&mut self, pen: &mut Pen<'_>) {
        if let Some(heading) = self.heading.take() {
            pen.end_line();
            pen.text(HEADING, &heading);
            pen.end_line();
        }
    }
}

impl Printer for Text {
    fn begin(&mut self, names: [&str; 2], kept: [&Kept; 2], _: &Options, out: &mut Vec<u8>) {
        let mut pen = Pen::new(out, self.width, self.color);
        for (side, (name, kept)) in ["A", "B"].into_iter().zip(names.into_iter().zip(kept)) {
            pen.text(HEADING, side);
            pen.push("  ");
            pen.captured(name.as_bytes(), self.width.saturating_sub(4));
            pen.end_line();
            let (connections, messages) = (kept.connections.len(), kept.messages());
            pen.text(DIM, &format!("   HTTP connections {connections}   messages {messages}"));
            pen.end_line();
            for (count, what) in [
                (kept.others, "connections without HTTP, or messages of another protocol, are not compared"),
                (kept.beyond, "messages beyond what is kept are not compared"),
            ] {
                if count > 0 {
                    pen.text(DIM, &format!("   {count} {what}"));
                    pen.end_line();
                }
            }
        }
    }

    fn finding(&mut self, finding: &Finding<'_>, out: &mut Vec<u8>) {
        let mut pen = Pen::new(out, self.width, self.color);
        match finding {
            Finding::Connections(a, b, differences) => {
                let ends = [*a, *b].map(ends);
                let who = if ends[0] == ends[1] { ends[0].clone() } else { format!("{}   ↔   {}", ends[0], ends[1]) };
                self.heading = Some(format!("stream {} ↔ {}   {who}", a.flow.stream, b.flow.stream));
                if !differences.is_empty() {
                    self.name(&mut pen);
                    differences.iter().for_each(|difference| one(&mut pen, difference));
                }
            }
            Finding::Messages(a, b, differences) if !differences.is_empty() => {
                self.name(&mut pen);
                pen.push("  ");
                pen.text(HEADING, &format!("#{} ↔ #{}", a.number, b.number));
                pen.push("  ");
                subject(&mut pen, a);
                pen.text(DIM, &format!("  frames {} ↔ {}", a.frame, b.frame));
                pen.end_line();
                differences.iter().for_each(|difference| one(&mut pen, difference));
            }
            Finding::Messages(..) => {}
            Finding::Connection(second, connection) => {
                self.heading = None;
                let side = if *second { "B" } else { "A" };
                pen.end_line();
                let text = format!("stream {} of {side} alone   {}", connection.flow.stream, ends(connection));
                pen.text(HEADING, &text);
                pen.end_line();
                connection.messages.iter().for_each(|message| only(&mut pen, *second, message));
            }
            Finding::Message(second, message) => {
                self.name(&mut pen);
                only(&mut pen, *second, message);
            }
        }
    }

    fn end(&mut self, counts: &Counts, out: &mut Vec<u8>) {
        let mut pen = Pen::new(out, self.width, self.color);
        let Counts { equal, different, only: [a, b], differences } = *counts;
        pen.end_line();
        let messages = format!("messages: {different} differ, {equal} equal, {a} in A alone, {b} in B alone");
        let text = match differences {
            // What is in one of them alone is a difference too, though of no two things.
            0 if counts.differ() => messages,
            0 => format!("no differences   messages: {equal} equal"),
            1 => format!("1 difference   {messages}"),
            _ => format!("{differences} differences   {messages}"),
        };
        pen.text(if counts.differ() { ODD } else { PLAIN }, &text);
        pen.end_line();
    }
}

fn ends(connection: &Connection) -> String {
    let client = connection.flow.client.unwrap_or(0);
    format!("{} → {}", connection.flow.ends[client % 2], connection.flow.ends[(client + 1) % 2])
}

fn subject(pen: &mut Pen<'_>, message: &Unit) {
    let head = message.http.head();
    let room = pen.width().saturating_sub(pen.column() + 24).max(8);
    match message.kind {
        Kind::Request => {
            pen.captured(head.method().unwrap_or_default(), 16);
            pen.push(" ");
            pen.captured(head.target().unwrap_or_default(), room.saturating_sub(16).max(8));
        }
        Kind::Response | Kind::Message { .. } => {
            if message.http.parsed.code > 0 {
                pen.put(format_args!("{} ", message.http.parsed.code));
            }
            pen.captured(head.phrase().unwrap_or_default(), room);
        }
    }
}

fn only(pen: &mut Pen<'_>, second: bool, message: &Unit) {
    pen.push("  ");
    pen.text(ODD, if second { "+" } else { "-" });
    pen.text(HEADING, &format!(" #{}", message.number));
    pen.push("  ");
    subject(pen, message);
    pen.text(DIM, &format!("  frame {}   in {} alone", message.frame, if second { "B" } else { "A" }));
    pen.end_line();
}

/// What differs: its name, and both values.
fn one(pen: &mut Pen<'_>, difference: &Difference) {
    let Difference { aspect, field, a, b, place } = difference;
    pen.pad_to(AT_NAME);
    match (*aspect, field) {
        ("field", Some(name)) => pen.captured(name, AT_VALUE - AT_NAME - 1),
        ("time", Some(name)) => pen.captured(name, AT_VALUE - AT_NAME - 1),
        (aspect, Some(name)) => {
            pen.push(aspect);
            pen.push(" of ");
            pen.captured(name, pen.room().saturating_sub(2).min(40));
        }
        (aspect, None) => pen.push(aspect),
    }
    if pen.column() >= AT_VALUE {
        pen.end_line();
    }
    match (a, b) {
        (Some(Value::Body(len_a, hash_a, from_a)), Some(Value::Body(len_b, hash_b, from_b))) => {
            let told =
                |len: &u64, [a, b, c, d, ..]: &[u8; 32]| format!("{len} B, sha256 {a:02x}{b:02x}{c:02x}{d:02x}…");
            pair(pen, Some(told(len_a, hash_a).as_bytes()), Some(told(len_b, hash_b).as_bytes()), false);
            pen.pad_to(AT_VALUE);
            match place {
                Some(Place::At(at)) => pen.put(format_args!("first at its byte {at}")),
                Some(Place::Within(from, to)) => {
                    pen.put(format_args!("first at one of its bytes {from} to {}", to.saturating_sub(1)));
                }
                None => {}
            }
            pen.end_line();
            if !(from_a.is_empty() && from_b.is_empty()) {
                pair(pen, Some(from_a), Some(from_b), true);
            }
        }
        (a, b) => {
            let [a, b] = [a, b].map(|value| value.as_ref().map(shown));
            pair(pen, a.as_deref(), b.as_deref(), true);
        }
    }
}

fn shown(value: &Value) -> Vec<u8> {
    match value {
        Value::Text(text) => text.clone(),
        Value::Span(nanos) => {
            let mut out = Vec::new();
            Span(*nanos).put(&mut Pen::new(&mut out, 80, false));
            out
        }
        Value::Segments(count, sizes) => {
            let listed: Vec<String> = sizes.iter().take(SIZES).map(u32::to_string).collect();
            let more = if *count > listed.len() as u64 { " …" } else { "" };
            format!("{count}: {}{more}", listed.join(" ")).into_bytes()
        }
        Value::Body(len, ..) => format!("{len} B").into_bytes(),
    }
}

/// A character as it is shown.
#[derive(PartialEq, Eq, Clone)]
struct Cell {
    text: String,
    width: usize,
}

fn cells(bytes: &[u8]) -> Vec<Cell> {
    let mut cells = Vec::new();
    for part in safe::units(&bytes[..bytes.len().min(MAX_CELLS)], Charset::Utf8) {
        match part {
            Part::Ascii(text) => cells.extend(text.chars().map(|char| Cell { text: char.to_string(), width: 1 })),
            part => cells.push(Cell { text: part.to_string(), width: part.width() }),
        }
    }
    cells
}

/// Two values side by side where there is room, else one below the other, and marks under what differs.
fn pair(pen: &mut Pen<'_>, a: Option<&[u8]>, b: Option<&[u8]>, marked: bool) {
    let [cells_a, cells_b] = [a, b].map(|bytes| bytes.map(cells).unwrap_or_default());
    let both = a.is_some() && b.is_some() && marked;
    let prefix = cells_a.iter().zip(&cells_b).take_while(|(a, b)| a == b).count();
    let longest = cells_a.len().min(cells_b.len()) - prefix;
    let suffix = cells_a.iter().rev().zip(cells_b.iter().rev()).take(longest).take_while(|(a, b)| a == b).count();
    let width = |cells: &[Cell]| cells.iter().map(|cell| cell.width).sum::<usize>();
    let half = pen.width().saturating_sub(AT_VALUE + 3) / 2;
    let beside = width(&cells_a) <= half && width(&cells_b) <= half;
    let sides = [(a, &cells_a, "A"), (b, &cells_b, "B")];
    let marks = |cells: &[Cell]| both.then(|| (prefix, cells.len().saturating_sub(suffix).max(prefix)));
    if beside {
        let columns = [AT_VALUE, AT_VALUE + width(&cells_a).max(BESIDE.min(half)) + 3];
        pen.pad_to(AT_VALUE);
        for (i, (bytes, cells, _)) in sides.into_iter().enumerate() {
            if i > 0 {
                pen.pad_to(columns[1] - 2);
                pen.text(DIM, "│ ");
            }
            value(pen, bytes.is_some(), cells, marks(cells));
        }
        pen.end_line();
        if both {
            for (column, cells) in columns.into_iter().zip([&cells_a, &cells_b]) {
                under(pen, column, cells, prefix, cells.len().saturating_sub(suffix).max(prefix));
            }
            pen.end_line();
        }
        return;
    }
    let room = pen.width().saturating_sub(AT_VALUE + 3);
    for (bytes, cells, side) in sides {
        pen.pad_to(AT_VALUE);
        pen.text(DIM, side);
        pen.push("  ");
        // From where it differs, if that is too far to the right.
        let from = if width(cells) <= room || !both { 0 } else { prefix.saturating_sub(BEFORE) };
        let from = if width(&cells[..prefix.min(cells.len())]) + BEFORE < room { 0 } else { from };
        let (mut shown, mut used) = (from, usize::from(from > 0));
        while let Some(cell) = cells.get(shown).filter(|cell| used + cell.width < room) {
            (shown, used) = (shown + 1, used + cell.width);
        }
        if from > 0 {
            pen.text(DIM, "…");
        }
        let within = |at: usize| at.clamp(from, shown) - from;
        let marks = marks(cells).map(|(first, last)| (within(first), within(last)));
        value(pen, bytes.is_some(), &cells[from..shown], marks);
        if shown < cells.len() {
            pen.text(DIM, "…");
        }
        pen.end_line();
        if let Some((first, last)) = marks {
            let column = AT_VALUE + 3 + usize::from(from > 0);
            under(pen, column, &cells[from..shown], first, last);
            pen.end_line();
        }
    }
}

/// A value; what differs stands out.
fn value(pen: &mut Pen<'_>, there: bool, cells: &[Cell], marks: Option<(usize, usize)>) {
    if !there {
        return pen.text(DIM, "(absent)");
    }
    let (first, last) = marks.unwrap_or((cells.len(), cells.len()));
    for (at, cell) in cells.iter().enumerate() {
        let style = if (first..last).contains(&at) { ODD } else { PLAIN };
        pen.styled(style, |pen| pen.sized(cell.width, |out| out.extend_from_slice(cell.text.as_bytes())));
    }
}

/// Marks under the cells from one to before another; one mark where there are none between.
fn under(pen: &mut Pen<'_>, column: usize, cells: &[Cell], first: usize, last: usize) {
    let width = |cells: &[Cell]| cells.iter().map(|cell| cell.width).sum::<usize>();
    let (before, marked) =
        (width(cells.get(..first).unwrap_or(cells)), width(cells.get(first..last).unwrap_or_default()));
    pen.pad_to(column + before);
    pen.text(ODD, &"^".repeat(marked.max(1)));
}
