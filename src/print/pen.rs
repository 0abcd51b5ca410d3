//! Lines of text as they are laid out in a buffer: columns, wrapping, the bars of the tree, colours.

use std::fmt::{self, Write};

use anstyle::Style;

use super::number::{self, digits};
use super::safe::{self, Charset, Unit};
use super::style::{DIM, PLAIN};

/// The narrowest width that is laid out for; what is drawn in less is cut by the terminal.
pub const MIN_WIDTH: usize = 60;

/// Where a line goes on when it is wrapped.
#[derive(Clone, Copy, Default, Debug)]
pub struct Indent {
    /// Bars at the left, of the layers around.
    pub bars: usize,
    /// The column, from 0, where the text begins.
    pub column: usize,
}

/// Writes into a buffer and knows the column.
pub struct Pen<'o> {
    out: &'o mut Vec<u8>,
    color: bool,
    width: usize,
    column: usize,
    /// The column at which the text of this line began.
    start: usize,
    /// Where lines go on.
    pub indent: Indent,
    /// How bars are drawn.
    pub bar: Style,
    /// Bytes to be told of at the right edge of this line.
    label: Option<u64>,
}

impl Write for Pen<'_> {
    /// Text of our own, of which each character takes one column.
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text);
        Ok(())
    }
}

impl<'o> Pen<'o> {
    /// At the start of a line.
    pub fn new(out: &'o mut Vec<u8>, width: usize, color: bool) -> Self {
        let width = width.max(MIN_WIDTH);
        Self { out, color, width, column: 0, start: 0, indent: Indent::default(), bar: DIM, label: None }
    }

    /// Columns that a line has.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The column, from 0, at which the next text is written.
    pub fn column(&self) -> usize {
        self.column
    }

    /// Columns that are left in this line.
    pub fn room(&self) -> usize {
        let edge = self.label.map_or(self.width, |bytes| self.width - label_width(bytes) - 2);
        edge.saturating_sub(self.column)
    }

    /// Writes text of our own.
    pub fn push(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
        self.column += text.chars().count();
    }

    /// Writes a number.
    pub fn uint(&mut self, number: u64) {
        self.ascii(|out| number::uint(out, number));
    }

    /// Writes a name and a number.
    pub fn named(&mut self, name: &str, number: u64) {
        self.push(name);
        self.uint(number);
    }

    /// Writes ASCII, which `write` puts into the buffer.
    pub fn ascii(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.out.len();
        write(self.out);
        self.column += self.out.len() - start;
    }

    /// Writes what takes so many columns.
    pub fn sized(&mut self, columns: usize, write: impl FnOnce(&mut Vec<u8>)) {
        write(self.out);
        self.column += columns;
    }

    /// Writes text of our own, formatted, which takes longer.
    pub fn put(&mut self, text: fmt::Arguments<'_>) {
        // Writing to a buffer does not fail.
        let _ = self.write_fmt(text);
    }

    /// Writes what `write` does, in a style.
    pub fn styled(&mut self, style: Style, write: impl FnOnce(&mut Self)) {
        let paint = self.color && style != PLAIN;
        if paint {
            self.escape(format_args!("{}", style.render()));
        }
        write(self);
        if paint {
            self.escape(format_args!("{}", style.render_reset()));
        }
    }

    /// The same of a text of our own.
    pub fn text(&mut self, style: Style, text: &str) {
        self.styled(style, |pen| pen.push(text));
    }

    fn escape(&mut self, sequence: fmt::Arguments<'_>) {
        let column = self.column;
        self.put(sequence);
        self.column = column;
    }

    /// Spaces up to a column; none if the line is there already.
    pub fn pad_to(&mut self, column: usize) {
        self.out.resize(self.out.len() + column.saturating_sub(self.column), b' ');
        self.column = self.column.max(column);
    }

    /// Tells of `bytes` at the right edge of this line.
    pub fn label(&mut self, bytes: u64) {
        self.label = Some(bytes);
    }

    /// Takes back the spaces at the end of the line.
    pub fn trim(&mut self) {
        let kept = self.out.trim_ascii_end().len();
        let line = self.out.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        self.out.truncate(kept.max(line));
    }

    /// Ends the line.
    pub fn end_line(&mut self) {
        if let Some(bytes) = self.label.take() {
            self.pad_to(self.width - label_width(bytes));
            self.styled(DIM, |pen| {
                pen.uint(bytes);
                pen.push(" B");
            });
        }
        self.out.push(b'\n');
        (self.column, self.start) = (0, 0);
    }

    /// Ends the line and begins the next at the indent.
    pub fn go_on(&mut self) {
        self.end_line();
        self.begin_line();
    }

    /// Writes what precedes the text of a line that goes on.
    pub fn begin_line(&mut self) {
        let Indent { bars, column } = self.indent;
        if bars > 0 {
            self.styled(self.bar, |pen| (0..bars).for_each(|_| pen.push("│")));
        }
        self.pad_to(column);
        self.begin_text();
    }

    /// The text of this line begins here, and goes on at the indent.
    pub fn begin_text(&mut self) {
        self.start = self.column;
    }

    /// Writes a piece of a line, with space before it or on a line of its own.
    pub fn piece(&mut self, write: impl FnOnce(&mut Self)) {
        self.piece_after(3, write);
    }

    /// The same, with so many spaces before it.
    pub fn piece_after(&mut self, spaces: usize, write: impl FnOnce(&mut Self)) {
        let (line, before, room) = (self.out.len(), self.column, self.room());
        let alone = before == self.start;
        if !alone {
            self.pad_to(before + spaces);
        }
        let (start, from) = (self.out.len(), self.column);
        write(self);
        if self.column - before > room && !alone {
            let (piece, width) = (self.out.split_off(start), self.column - from);
            self.out.truncate(line);
            self.column = before;
            self.go_on();
            self.out.extend_from_slice(&piece);
            self.column += width;
        }
    }

    /// Writes words of our own, wrapped between them.
    pub fn words(&mut self, style: Style, text: &str) {
        for word in text.split(' ') {
            self.piece_after(1, |pen| pen.text(style, word));
        }
    }

    /// Writes text from the capture, in one line, and no more of it than `room` columns.
    pub fn captured(&mut self, bytes: &[u8], room: usize) {
        let mut width = 0;
        let too_wide = safe::units(bytes, Charset::Utf8).any(|unit| {
            width += unit.width();
            width > room
        });
        let end = self.column + room - usize::from(too_wide);
        for unit in safe::units(bytes, Charset::Utf8) {
            let left = end - self.column;
            match unit {
                _ if unit.width() <= left => self.unit(unit),
                Unit::Ascii(text) => {
                    self.plain(&text[..left]);
                    return self.push("…");
                }
                _ => return self.push("…"),
            }
        }
    }

    /// Writes text from the capture, wrapped: after a space, a comma or a semicolon where there is one, else anywhere.
    pub fn wrapped(&mut self, bytes: &[u8], charset: Charset) {
        for unit in safe::units(bytes, charset) {
            match unit {
                Unit::Ascii(text) => self.wrapped_ascii(text),
                unit => {
                    self.need(unit.width());
                    self.unit(unit);
                }
            }
        }
    }

    fn wrapped_ascii(&mut self, mut text: &str) {
        while text.len() > self.room() {
            let room = self.room().max(usize::from(self.column == self.start));
            let breakable = text[..room].rfind([' ', ',', ';']).map(|at| at + 1);
            let (line, rest) = text.split_at(breakable.unwrap_or(room));
            self.plain(line);
            self.go_on();
            text = rest;
        }
        self.plain(text);
    }

    /// Writes printable ASCII.
    fn plain(&mut self, text: &str) {
        self.ascii(|out| out.extend_from_slice(text.as_bytes()));
    }

    /// Goes on in the next line unless there is room for so many columns.
    pub fn need(&mut self, columns: usize) {
        if self.room() < columns && self.column != self.start {
            self.go_on();
        }
    }

    fn unit(&mut self, unit: Unit<'_>) {
        if let Unit::Ascii(text) = unit {
            return self.plain(text);
        }
        let column = self.column + unit.width();
        let style = if unit.is_escape() { DIM } else { PLAIN };
        self.styled(style, |pen| pen.put(format_args!("{unit}")));
        self.column = column;
    }
}

fn label_width(bytes: u64) -> usize {
    digits(bytes) + " B".len()
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::*;

    fn drawn(width: usize, draw: impl FnOnce(&mut Pen<'_>)) -> String {
        let mut out = Vec::new();
        draw(&mut Pen::new(&mut out, width, false));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn pieces_that_do_not_fit_go_to_the_next_line_and_the_label_stays_on_the_first() {
        let text = drawn(60, |pen| {
            pen.indent = Indent { bars: 1, column: 4 };
            pen.begin_line();
            pen.label(20);
            for piece in ["first piece", "second piece", "third piece, which is longer"] {
                pen.piece(|pen| pen.text(PLAIN, piece));
            }
            pen.end_line();
        });
        assert_eq!(
            text,
            "│   first piece   second piece                          20 B\n│   third piece, which is longer\n"
        );
    }

    #[test]
    fn captured_text_is_wrapped_at_the_width_whatever_it_is() {
        for bytes in
            ["x".repeat(500).as_bytes(), &[0xff; 300], "漢字".repeat(99).as_bytes(), "ab, cd; ".repeat(50).as_bytes()]
        {
            let text = drawn(61, |pen| {
                pen.indent.column = 6;
                pen.begin_line();
                pen.wrapped(bytes, Charset::Utf8);
                pen.end_line();
            });
            assert!(text.lines().count() > 4);
            assert!(text.lines().all(|line| line.width() <= 61), "{text}");
        }
    }

    #[test]
    fn captured_text_in_one_line_is_shortened() {
        let short = |bytes: &[u8]| drawn(80, |pen| pen.captured(bytes, 8));
        assert_eq!(short(b"/a/long/target"), "/a/long…");
        assert_eq!(short(b"/8/colum"), "/8/colum");
        assert_eq!(short("漢字漢字漢字".as_bytes()), "漢字漢…");
        assert_eq!(short("漢字漢字".as_bytes()), "漢字漢字");
    }
}
