//! The lines around a turn: who speaks, when, in which frames, how much.

use super::turn::Turn;
use super::{PAUSE, Who};
use crate::frame::{FrameNumber, Timestamp};
use crate::print::pen::{Indent, Pen};
use crate::print::style::{DIM, HEADING, ODD};
use crate::print::text::TimeFormat;
use crate::print::time::{Clock, Span};

/// Spaces between the pieces of a line.
pub const GAP: usize = 2;

/// Who speaks, when, in which frames, how much.
pub fn heading(pen: &mut Pen<'_>, turn: &Turn, who: Who, clock: &mut Clock, whole: bool) {
    pen.indent.column = 4;
    speaker(pen, who);
    when(pen, clock, turn.time, turn.since);
    let (first, last) = turn.frames;
    if whole {
        pen.piece_after(GAP, |pen| frames(pen, first, last));
        if turn.segments > 1 {
            pen.piece_after(GAP, |pen| pen.put(format_args!("{} segments", turn.segments)));
        }
        pen.piece_after(GAP, |pen| pen.put(format_args!("{} B", turn.len)));
    } else {
        pen.piece_after(GAP, |pen| pen.put(format_args!("from frame {first} on, more than {} B", turn.len)));
    }
    if let Some(title) = &turn.title {
        pen.piece_after(GAP, |pen| pen.styled(HEADING, |pen| title.put(pen)));
    }
    pen.end_line();
    pen.indent = Indent::default();
}

/// What a turn came to whose heading had to be written before.
pub fn footing(pen: &mut Pen<'_>, turn: &Turn) {
    let (first, last) = turn.frames;
    pen.styled(pen.bar, |pen| pen.push("└ "));
    frames(pen, first, last);
    pen.piece_after(GAP, |pen| pen.put(format_args!("{} segments", turn.segments)));
    pen.piece_after(GAP, |pen| pen.put(format_args!("{} B", turn.len)));
    pen.piece_after(GAP, |pen| {
        pen.push("in ");
        Span(turn.last_time.since(turn.time)).put(pen);
    });
    pen.end_line();
}

pub fn speaker(pen: &mut Pen<'_>, who: Who) {
    pen.styled(who.style().bold(), |pen| pen.put(format_args!("{} {}", who.arrow(), who.name())));
}

/// When something was, and how long after what was told before.
pub fn when(pen: &mut Pen<'_>, clock: &mut Clock, time: Timestamp, since: Option<i64>) {
    if clock.format() != TimeFormat::None {
        pen.piece_after(GAP, |pen| pen.ascii(|out| clock.write(time, out)));
    }
    match since {
        Some(since) if since >= PAUSE => pen.piece_after(GAP, |pen| {
            pen.styled(ODD, |pen| {
                pen.push("after a pause of ");
                Span(since).put(pen);
            });
        }),
        Some(since) if since >= 0 && clock.format() != TimeFormat::Delta => {
            pen.piece_after(GAP, |pen| later(pen, since))
        }
        _ => {}
    }
}

pub fn later(pen: &mut Pen<'_>, since: i64) {
    pen.styled(DIM, |pen| {
        pen.push("+");
        Span(since).put(pen);
    });
}

pub fn frames(pen: &mut Pen<'_>, first: FrameNumber, last: FrameNumber) {
    if first == last {
        pen.named("frame ", first);
    } else {
        pen.named("frames ", first);
        pen.named("-", last);
    }
}
