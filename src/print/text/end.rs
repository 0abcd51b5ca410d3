//! What there was in all.

use std::fmt;

use crate::app::ledger::{Class, Ledger};
use crate::engine::Totals;
use crate::issue::Severity;
use crate::print::End;
use crate::print::pen::Pen;
use crate::print::style::{self, HEADING, PLAIN};

/// Where the values begin.
const COLUMN: usize = 14;

/// Writes the totals, a line each.
pub fn write(pen: &mut Pen<'_>, end: &End) {
    let totals = &end.totals;
    pen.indent.column = COLUMN;
    line(pen, "frames", |pen| {
        pen.piece(|pen| pen.put(format_args!("{}", totals.frames)));
        pen.piece(|pen| pen.put(format_args!("{} bytes", totals.bytes)));
        some(pen, Severity::Warn, totals.stopped, "not decoded to the end");
    });
    line(pen, "connections", |pen| {
        pen.piece(|pen| pen.put(format_args!("{}", totals.connections)));
        some(pen, Severity::Warn, totals.forgotten, "forgotten early, the table being full");
    });
    line(pen, "messages", |pen| messages(pen, totals));
    if let Some(selected) = end.selected {
        line(pen, "selected", |pen| {
            if let Some(frames) = selected.frames {
                pen.piece(|pen| pen.put(format_args!("{}", Count(frames, "frame"))));
            }
            pen.piece(|pen| pen.put(format_args!("{}", Count(selected.messages, "message"))));
        });
    }
    if totals.flags.iter().next().is_some() {
        line(pen, "flags", |pen| {
            totals.flags.iter().for_each(|(flag, count)| some(pen, flag.severity(), count.into(), flag.name()));
        });
    }
    if totals.ledger.captured > 0 {
        line(pen, "TCP payload", |pen| ledger(pen, &totals.ledger));
    }
    if totals.ledger.missing > 0 {
        line(pen, "missing", |pen| some(pen, Severity::Error, totals.ledger.missing, "bytes sent and not captured"));
    }
    if totals.queues_relieved + totals.fragments_given_up > 0 {
        line(pen, "given up", |pen| {
            some(pen, Severity::Warn, totals.queues_relieved, "holes, at a bound on buffered bytes");
            some(pen, Severity::Warn, totals.fragments_given_up, "datagrams of which fragments are missing");
        });
    }
    if let Some(drops) = end.drops {
        line(pen, "capture", |pen| {
            pen.piece(|pen| pen.put(format_args!("{} received", drops.received)));
            some(pen, Severity::Error, drops.lost.kernel, "dropped by the kernel");
            some(pen, Severity::Error, drops.lost.interface, "dropped by the interface");
            some(pen, Severity::Error, drops.lost.dissect, "dropped by dissect");
            if drops.lost.total() == 0 {
                pen.piece(|pen| pen.push("none dropped"));
            }
        });
    }
    if totals.lost.file > 0 {
        line(pen, "capture", |pen| some(pen, Severity::Error, totals.lost.file, "lost before, says the file"));
    }
}

fn line(pen: &mut Pen<'_>, title: &str, write: impl FnOnce(&mut Pen<'_>)) {
    pen.text(HEADING, title);
    pen.pad_to(COLUMN);
    pen.begin_text();
    write(pen);
    pen.end_line();
}

/// Tells of a number that is not 0.
fn some(pen: &mut Pen<'_>, severity: Severity, count: u64, what: impl fmt::Display) {
    if count > 0 {
        pen.piece(|pen| pen.styled(style::of(severity), |pen| pen.put(format_args!("{count} {what}"))));
    }
}

/// A number of things, of which the plural ends with "s".
struct Count(u64, &'static str);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", self.0, self.1, if self.0 == 1 { "" } else { "s" })
    }
}

fn messages(pen: &mut Pen<'_>, totals: &Totals) {
    pen.piece(|pen| pen.put(format_args!("{}", totals.messages)));
    if totals.messages == 0 {
        return;
    }
    let others = totals.messages.saturating_sub(totals.requests + totals.responses);
    pen.piece(|pen| pen.put(format_args!("{}", Count(totals.requests, "request"))));
    pen.piece(|pen| pen.put(format_args!("{}", Count(totals.responses, "response"))));
    if others > 0 {
        pen.piece(|pen| pen.put(format_args!("{}", Count(others, "other"))));
    }
    match totals.incomplete {
        0 => pen.piece(|pen| pen.text(PLAIN, "all complete")),
        incomplete => some(pen, Severity::Error, incomplete, "not complete"),
    }
}

/// What became of every byte of TCP payload.
fn ledger(pen: &mut Pen<'_>, ledger: &Ledger) {
    pen.piece(|pen| pen.put(format_args!("{} B", ledger.captured)));
    let classes = Class::ALL.iter().map(|class| (class.name(), ledger.get(*class))).filter(|(_, bytes)| *bytes > 0);
    for (i, (name, bytes)) in classes.enumerate() {
        let sign = if i == 0 { '=' } else { '+' };
        pen.piece_after(1, |pen| pen.put(format_args!("{sign} {bytes} {name}")));
    }
    match ledger.unexplained() {
        0 => {}
        unexplained => pen.piece_after(1, |pen| {
            let style = style::of(Severity::Error);
            pen.styled(style, |pen| pen.put(format_args!("{unexplained:+} unexplained, which is a bug here")));
        }),
    }
}
