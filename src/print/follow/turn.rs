//! A turn: what one side says until the other one speaks, as far as it is held, and how that is drawn.

use std::mem;

use crate::app::message::Message;
use crate::frame::{FrameNumber, Timestamp};
use crate::print::hex::{self, Hex};
use crate::print::number;
use crate::print::pen::{Indent, Pen};
use crate::print::safe::{self, Charset, Unit};
use crate::print::style::DIM;
use crate::print::text::{line_end, split_line_end};
use crate::tcp::SegmentRef;

/// Bytes of a turn that are held at most: what it is about in all is known when it ends, most are shorter.
const HELD: usize = 64 << 10;

/// What is written between the bytes, of a turn that is held.
const MARKS: usize = 1024;

/// Bytes of a run that is no text that are shown.
const SHOWN: usize = 16;

/// Bytes of a line that is waited for, to know whether it is text.
const LINE: usize = 1024;

/// So many bytes of text in a row end a run that is none: shorter ones are there by chance.
const MIN_TEXT: usize = 64;

/// What one side says.
#[derive(Debug)]
pub struct Turn {
    pub side: usize,
    /// When its first segment was captured, and how long that was after what was told before.
    pub time: Timestamp,
    pub since: Option<i64>,
    pub last_time: Timestamp,
    pub frames: (FrameNumber, FrameNumber),
    pub segments: u64,
    pub len: u64,
    /// The message that its first byte is of.
    pub title: Option<Title>,
    /// Whether its heading is written, and so a part of its bytes.
    pub headed: bool,
    /// How many of its bytes were written, and those that follow.
    at: u64,
    bytes: Vec<u8>,
    marks: Vec<Mark>,
    /// Where bytes are missing among them: how many of its bytes precede that, and the offset of the next one. The first
    /// is where it begins.
    jumps: Vec<(u64, u64)>,
    /// A run of bytes that is no text and goes on in what follows.
    binary: Option<Binary>,
}

/// Lines between the bytes.
#[derive(Debug)]
struct Mark {
    /// How many of the turn's bytes precede them.
    at: u64,
    place: Place,
    lines: Vec<u8>,
}

/// Where lines go.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Place {
    /// After the line of text that the byte is in.
    Near,
    /// Right before the byte.
    Here,
}

/// What a message is, in a few words, and how many columns these take.
#[derive(Clone, Debug)]
pub struct Title(Vec<u8>, usize);

impl Title {
    /// Of a message: its number, and where `named`, what it is.
    pub fn new(message: &Message, named: bool, width: usize, color: bool) -> Self {
        let mut out = Vec::new();
        let mut pen = Pen::new(&mut out, width, color);
        pen.named("#", message.number.into());
        if named {
            pen.push(" ");
            let room = pen.width() / 2;
            crate::print::table::title(&mut pen, message, room);
        }
        let columns = pen.column();
        Self(out, columns)
    }

    /// Of the same message, where it goes on after bytes of others.
    pub fn going_on(&self) -> Self {
        let more = ", continued";
        Self([&self.0[..], more.as_bytes()].concat(), self.1 + more.len())
    }

    /// Writes it.
    pub fn put(&self, pen: &mut Pen<'_>) {
        pen.sized(self.1, |out| out.extend_from_slice(&self.0));
    }
}

/// A run of bytes that is no text.
#[derive(Clone, Default, Debug)]
struct Binary {
    first: Vec<u8>,
    len: u64,
}

impl Turn {
    /// Begins with the byte at `offset`.
    pub fn new(side: usize, offset: u64, time: Timestamp, since: Option<i64>) -> Self {
        Self {
            side,
            time,
            since,
            last_time: time,
            frames: (FrameNumber::MAX, 0),
            segments: 0,
            len: 0,
            title: None,
            headed: false,
            at: 0,
            bytes: Vec::new(),
            marks: Vec::new(),
            jumps: vec![(0, offset)],
            binary: None,
        }
    }

    /// How many of its bytes precede the one at an offset; `None` where that was written or does not belong to it.
    pub fn position(&self, offset: u64) -> Option<u64> {
        let (at, start) = *self.jumps.iter().rfind(|(_, start)| *start <= offset)?;
        let position = at + (offset - start);
        (self.at..=self.len).contains(&position).then_some(position)
    }

    /// The offset of the byte that so many precede.
    fn offset(&self, position: u64) -> u64 {
        let (at, start) = self.jumps.iter().rfind(|(at, _)| *at <= position).copied().unwrap_or_default();
        start + (position - at)
    }

    /// Adds bytes.
    pub fn push(&mut self, segment: SegmentRef, bytes: &[u8]) {
        self.segments += u64::from(segment.frame != self.frames.1 || self.segments == 0);
        self.frames = (self.frames.0.min(segment.frame), self.frames.1.max(segment.frame));
        self.last_time = segment.time;
        self.len += bytes.len() as u64;
        self.bytes.extend_from_slice(bytes);
    }

    /// Goes on at another offset.
    pub fn jump(&mut self, offset: u64) {
        self.jumps.push((self.len, offset));
    }

    /// Adds lines after so many of its bytes.
    pub fn mark(&mut self, at: u64, place: Place, lines: Vec<u8>) {
        self.marks.push(Mark { at: at.clamp(self.at, self.len), place, lines });
    }

    /// Whether as much is held as may be.
    pub fn is_full(&self) -> bool {
        self.bytes.len() >= HELD || self.marks.len() >= MARKS
    }

    /// Writes what is held, in hexadecimal where `dump` has the offset of the stream's first byte. Unless it is the
    /// `whole` rest, a line that is not complete may stay.
    pub fn write(&mut self, pen: &mut Pen<'_>, dump: Option<u64>, whole: bool) {
        let (bytes, mut marks) = (mem::take(&mut self.bytes), mem::take(&mut self.marks));
        marks.sort_by_key(|mark| mark.at);
        pen.indent = Indent { bars: 1, column: 2 };
        let mut near: Vec<Mark> = Vec::new();
        let mut rest = &bytes[..];
        for mark in marks {
            if mark.place == Place::Near && dump.is_none() {
                near.push(mark);
                continue;
            }
            let (before, after) = rest.split_at((mark.at.saturating_sub(self.at) as usize).min(rest.len()));
            self.stretch(pen, before, &mut near, dump, true);
            put_lines(pen, &mark.lines);
            rest = after;
        }
        let written = self.stretch(pen, rest, &mut near, dump, whole);
        let kept = rest.len() - written;
        pen.indent = Indent::default();
        self.bytes = bytes;
        self.bytes.drain(..self.bytes.len() - kept);
        self.marks = near;
        let passed = self.jumps.iter().rposition(|(at, _)| *at <= self.at).unwrap_or(0);
        self.jumps.drain(..passed);
        if !whole && self.is_full() {
            // Much happens before a line ends: it is broken.
            self.write(pen, dump, true);
        }
    }

    /// Writes bytes between which there are only lines that need not stand at one of them; gives how many were written.
    fn stretch(
        &mut self,
        pen: &mut Pen<'_>,
        bytes: &[u8],
        near: &mut Vec<Mark>,
        dump: Option<u64>,
        whole: bool,
    ) -> usize {
        let written = match dump {
            Some(first) => {
                let len = if whole { bytes.len() } else { bytes.len() - bytes.len() % hex::ROW };
                hex::dump(pen, Hex::BytesAndText, self.offset(self.at).saturating_sub(first), &bytes[..len]);
                len
            }
            None => self.text(pen, bytes, near, whole),
        };
        self.at += written as u64;
        if whole {
            put_near(pen, near, self.at + 1);
        }
        written
    }

    fn text(&mut self, pen: &mut Pen<'_>, bytes: &[u8], near: &mut Vec<Mark>, whole: bool) -> usize {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            let line = first_line(rest);
            if self.binary.is_some() || is_binary(line) {
                let (len, ends) = binary(rest, whole);
                self.binary.get_or_insert_default().push(&rest[..len]);
                at += len;
                if !ends {
                    break;
                }
                self.binary.take().into_iter().for_each(|run| run.write(pen));
            } else if !whole && at > 0 && !line.ends_with(b"\n") {
                break;
            } else {
                // Here a line begins.
                put_near(pen, near, self.at + at as u64 + 1);
                put_line(pen, line);
                at += line.len();
            }
            put_near(pen, near, self.at + at as u64);
        }
        if whole {
            self.binary.take().into_iter().for_each(|run| run.write(pen));
        }
        at
    }
}

/// Writes the lines that belong before the byte that so many precede.
fn put_near(pen: &mut Pen<'_>, near: &mut Vec<Mark>, position: u64) {
    let due = near.partition_point(|mark| mark.at < position);
    near.drain(..due).for_each(|mark| put_lines(pen, &mark.lines));
}

/// Writes lines that are drawn already.
fn put_lines(pen: &mut Pen<'_>, lines: &[u8]) {
    pen.sized(0, |out| out.extend_from_slice(lines));
}

fn put_line(pen: &mut Pen<'_>, line: &[u8]) {
    let (text, end) = split_line_end(line);
    pen.begin_line();
    pen.wrapped(text, Charset::Utf8);
    line_end(pen, end, DIM);
    pen.end_line();
}

impl Binary {
    fn push(&mut self, bytes: &[u8]) {
        let room = SHOWN - self.first.len().min(SHOWN);
        self.first.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.len += bytes.len() as u64;
    }

    /// Writes its length, its first bytes, and how the others can be had.
    fn write(&self, pen: &mut Pen<'_>) {
        if self.len == 0 {
            return;
        }
        pen.begin_line();
        pen.styled(DIM, |pen| pen.put(format_args!("no text, {} B:", self.len)));
        for byte in &self.first {
            pen.piece_after(1, |pen| pen.ascii(|out| out.extend_from_slice(&number::byte(*byte))));
        }
        if self.len > self.first.len() as u64 {
            pen.piece_after(1, |pen| pen.text(DIM, "… (all: --hex, --raw)"));
        }
        pen.end_line();
    }
}

fn first_line(bytes: &[u8]) -> &[u8] {
    bytes.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default()
}

/// How long the run of bytes that are no text is, and whether it ends there. Unless they are the `whole` of it, it may go
/// on after them, and what may be text at their end is left.
fn binary(bytes: &[u8], whole: bool) -> (usize, bool) {
    let (mut end, mut text) = (0, 0);
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        if !whole && !line.ends_with(b"\n") && line.len() < LINE {
            return (end, false);
        } else if is_binary(line) {
            end += text + line.len();
            text = 0;
        } else {
            text += line.len();
            if text >= MIN_TEXT {
                return (end, true);
            }
        }
    }
    if whole { (bytes.len(), true) } else { (end, false) }
}

/// Whether a line is no text: one in eight of its bytes is no character, or one that controls something.
fn is_binary(line: &[u8]) -> bool {
    let odd = safe::units(line, Charset::Utf8).filter(|unit| match unit {
        Unit::Ascii(_) | Unit::Char(_) | Unit::Lookalike(_) | Unit::Escape('\t' | '\r' | '\n') => false,
        Unit::Escape(_) | Unit::Byte(_) => true,
    });
    odd.count() * 8 > line.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issue::Flags;

    fn segment(frame: FrameNumber, offset: u64, len: usize) -> SegmentRef {
        SegmentRef { frame, time: Timestamp(0), offset, len: len as u32, flags: Flags::EMPTY, acked: 0 }
    }

    /// A turn of these runs, written after each, and whole in the end.
    fn told(runs: &[&[u8]], dump: Option<u64>) -> String {
        let (mut turn, mut out) = (Turn::new(0, 10, Timestamp(0), None), Vec::new());
        for (run, frame) in runs.iter().zip(1..) {
            turn.push(segment(frame, 10 + turn.len, run.len()), run);
            turn.write(&mut Pen::new(&mut out, 80, false), dump, frame as usize == runs.len());
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_turn_is_told_the_same_in_parts() {
        let noise: Vec<u8> = (0..3000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8 | 0x80).collect();
        let bytes = [
            b"GET / HTTP/1.1\r\n\r\n",
            &noise[..],
            b"\n",
            "and text again, \u{e9}, of more than a line\n".repeat(9).as_bytes(),
        ]
        .concat();
        for dump in [None, Some(10)] {
            let whole = told(&[&bytes], dump);
            for len in [700, 1013, 2048] {
                assert_eq!(told(&bytes.chunks(len).collect::<Vec<_>>(), dump), whole, "{len}");
            }
        }
        let whole = told(&[&bytes], None);
        assert!(whole.contains("│ no text, 3001 B: ") && whole.contains(" … (all: --hex, --raw)\n"), "{whole}");
        assert_eq!(whole.lines().count(), 2 + 2 + 9, "{whole}");
    }

    #[test]
    fn what_happens_is_bounded_though_no_line_ends() {
        let (mut turn, mut out) = (Turn::new(0, 10, Timestamp(0), None), Vec::new());
        turn.push(segment(1, 10, 4), b"half");
        for _ in 0..10 * MARKS {
            turn.mark(turn.len, Place::Near, b"copy\n".to_vec());
            if turn.is_full() {
                turn.write(&mut Pen::new(&mut out, 80, false), None, false);
            }
            assert!(!turn.is_full());
        }
        assert!(out.starts_with("│ half\ncopy\n".as_bytes()));
    }

    #[test]
    fn what_is_no_text_ends_where_text_begins() {
        for (bytes, len) in [(&b"\x16\x03\x01\n\0\0\0\xff\nab"[..], 11), (b"\0\0\0\0\n", 5)] {
            assert_eq!(binary(bytes, true), (len, true));
        }
        let text = [b"\xff\xfe\0\n".as_slice(), &[b'x'; MIN_TEXT]].concat();
        assert_eq!(binary(&text, true), (4, true));
        for (line, expected) in [
            (&b"f\xfcr alle F\xe4lle, die es gibt"[..], false),
            (b"\x1b[1mbold\x1b[0m, and so on\r\n", false),
            (b"\x1f\x8b\x08", true),
        ] {
            assert_eq!(is_binary(line), expected);
        }
    }

    #[test]
    fn lines_go_where_they_belong_also_after_a_gap() {
        let (mut turn, mut out) = (Turn::new(0, 10, Timestamp(0), None), Vec::new());
        turn.push(segment(1, 10, 9), b"one\ntwo\nt");
        turn.mark(turn.len, Place::Here, b"gap\n".to_vec());
        turn.jump(30);
        turn.push(segment(2, 30, 9), b"hree\nfour");
        assert_eq!(
            [10, 18, 19, 29, 30, 39, 40].map(|offset| turn.position(offset)),
            [Some(0), Some(8), Some(9), None, Some(9), Some(18), None]
        );
        turn.mark(1, Place::Near, b"near\n".to_vec());
        turn.mark(4, Place::Near, b"at a line\n".to_vec());
        turn.write(&mut Pen::new(&mut out, 80, false), None, true);
        let want = "│ one␊\nnear\nat a line\n│ two␊\n│ t\ngap\n│ hree␊\n│ four\n";
        assert_eq!(String::from_utf8(out).unwrap(), want);
    }
}
