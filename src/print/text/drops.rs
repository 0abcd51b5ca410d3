//! Frames that were lost where the capture was made.

use crate::event::Drops;
use crate::issue::Severity;
use crate::print::pen::Pen;
use crate::print::style;
use crate::print::time::Span;

/// Writes a line: by whom they were lost, between which frames, in how long a time.
pub fn write(pen: &mut Pen<'_>, event: &Drops) {
    let Drops { after, before, drops } = event;
    pen.indent.column = 4;
    pen.styled(style::of(Severity::Error), |pen| pen.put(format_args!("! {} frames lost", drops.lost.total())));
    let lost = &drops.lost;
    for (count, by) in [
        (lost.kernel, "dropped by the kernel"),
        (lost.interface, "dropped by the interface"),
        (lost.dissect, "dropped by dissect"),
        (lost.file, "not in the file"),
    ] {
        if count > 0 {
            pen.piece(|pen| pen.put(format_args!("{count} {by}")));
        }
    }
    pen.piece(|pen| match (after, before) {
        (0, Some(before)) => pen.put(format_args!("before frame {before}")),
        (0, None) => pen.push("before any frame"),
        (after, Some(before)) => pen.put(format_args!("between frames {after} and {before}")),
        (after, None) => pen.put(format_args!("after frame {after}")),
    });
    let span = drops.until.since(drops.since);
    if span > 0 {
        pen.piece(|pen| {
            pen.push("within ");
            Span(span).put(pen);
        });
    }
    pen.end_line();
}
