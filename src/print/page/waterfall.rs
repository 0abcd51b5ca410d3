//! The bars of a waterfall: phases of time as characters, one for a column's time.

use anstyle::{AnsiColor, Style};

use crate::frame::Timestamp;
use crate::page::{Phase, Span};
use crate::print::pen::Pen;
use crate::print::style::{DIM, PLAIN};

/// The character of a phase, its colour, and what the legend says.
pub const fn drawn(phase: Phase) -> (&'static str, Style, &'static str) {
    match phase {
        Phase::Queued => ("·", DIM, "queued"),
        Phase::Dns => ("n", AnsiColor::Magenta.on_default(), "name looked up"),
        Phase::Connect => ("c", AnsiColor::Yellow.on_default(), "connecting"),
        Phase::Secure => ("s", AnsiColor::Cyan.on_default(), "securing (TLS)"),
        Phase::Send => (">", AnsiColor::Blue.on_default(), "sending"),
        Phase::Wait => ("░", AnsiColor::Green.on_default(), "waiting"),
        Phase::Receive => ("█", AnsiColor::Blue.on_default(), "receiving"),
        Phase::Stalled => ("!", AnsiColor::Red.on_default().bold(), "stalled: lost or late"),
    }
}

/// Maps times to columns.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// The time of the first column.
    pub start: Timestamp,
    /// Nanoseconds that all columns stand for, at least 1.
    pub span: i64,
    /// How many there are, at least 1.
    pub columns: usize,
}

impl Scale {
    /// Of all that lies between two times.
    pub fn new(start: Timestamp, end: Timestamp, columns: usize) -> Self {
        Self { start, span: end.since(start).max(1), columns: columns.max(1) }
    }

    /// The column in which a time lies; times outside lie in the first or the last.
    pub fn column(&self, time: Timestamp) -> usize {
        let since = i128::from(time.since(self.start).clamp(0, self.span));
        let column = since * self.columns as i128 / i128::from(self.span);
        (column as usize).min(self.columns - 1)
    }

    /// Nanoseconds between two marks: the least round number that leaves so many columns for each.
    fn step(&self) -> i64 {
        const ROOM: i128 = 8;
        let least = (i128::from(self.span) * ROOM / self.columns as i128).max(1);
        let mut power: i128 = 1;
        loop {
            for factor in [1, 2, 5] {
                if power * factor >= least {
                    return i64::try_from(power * factor).unwrap_or(i64::MAX);
                }
            }
            power *= 10;
        }
    }

    /// Writes the axis: marks with their times.
    pub fn axis(&self, pen: &mut Pen<'_>) {
        let (from, step) = (pen.column(), self.step());
        let (unit, name) = match step {
            1_000_000_000.. => (1_000_000_000, " s"),
            1_000_000.. => (1_000_000, " ms"),
            1_000.. => (1_000, " µs"),
            _ => (1, " ns"),
        };
        let mut at = 0_i64;
        while at <= self.span {
            let column = from + self.column(self.start.plus(at));
            let label = format!("│{}{}", at / unit, if at == 0 { name } else { "" });
            if column + label.chars().count() > from + self.columns {
                break;
            }
            pen.pad_to(column);
            pen.text(DIM, &label);
            let Some(next) = at.checked_add(step) else { break };
            at = next;
        }
    }

    /// The phase that each column shows.
    pub fn cells(&self, spans: &[Span]) -> Vec<Option<Phase>> {
        let mut cells: Vec<Option<Phase>> = vec![None; self.columns];
        for span in spans {
            // A clock may have been set back in between.
            let (from, to) = (self.column(span.from), self.column(span.to.max(span.from)));
            // What ends where a column begins has no part in it.
            let edge = span.to > span.from && self.edge(to) >= span.to && to > from;
            let to = if edge { to - 1 } else { to };
            for cell in &mut cells[from..=to] {
                // What is too short for a column does not hide what fills it, but for the arrival of something.
                let short = i128::from(span.to.since(span.from)) * (self.columns as i128) < i128::from(self.span);
                if !short || cell.is_none() || matches!(span.phase, Phase::Receive | Phase::Stalled) {
                    *cell = Some(span.phase);
                }
            }
        }
        cells
    }

    /// Writes the bar of these spans.
    pub fn bar(&self, spans: &[Span], pen: &mut Pen<'_>) {
        let cells = self.cells(spans);
        let end = cells.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
        for run in cells[..end].chunk_by(|a, b| a == b) {
            let (character, style, _) = run.first().copied().flatten().map_or((" ", PLAIN, ""), drawn);
            pen.text(style, &character.repeat(run.len()));
        }
    }

    /// When a column begins.
    fn edge(&self, column: usize) -> Timestamp {
        let since = i128::from(self.span) * column as i128 / self.columns as i128;
        self.start.plus(since as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(columns: usize, end: i64, spans: &[(Phase, i64, i64)]) -> String {
        let mut out = Vec::new();
        let spans: Vec<_> =
            spans.iter().map(|&(phase, from, to)| Span { phase, from: Timestamp(from), to: Timestamp(to) }).collect();
        Scale::new(Timestamp(0), Timestamp(end), columns).bar(&spans, &mut Pen::new(&mut out, 80, false));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn phases_follow_each_other_without_overlap() {
        use Phase::*;
        assert_eq!(drawn(10, 100, &[(Queued, 0, 20), (Wait, 20, 60), (Receive, 60, 100)]), "··░░░░████");
        assert_eq!(drawn(10, 100, &[(Wait, 20, 60), (Receive, 61, 61)]), "  ░░░░█");
        assert_eq!(drawn(4, 100, &[(Receive, 0, 100), (Stalled, 30, 70)]), "█!!█");
        assert_eq!(drawn(4, 100, &[(Connect, 90, 10), (Wait, i64::MIN, i64::MAX)]), "░░░░");
    }

    #[test]
    fn what_is_short_leaves_what_is_long() {
        use Phase::*;
        assert_eq!(drawn(10, 100, &[(Dns, 0, 40), (Send, 41, 42), (Wait, 42, 90)]), "nnnn░░░░░");
        assert_eq!(drawn(10, 100, &[(Dns, 0, 48), (Send, 48, 49), (Wait, 50, 90)]), "nnnnn░░░░");
        assert_eq!(drawn(10, 100, &[(Wait, 0, 50), (Receive, 50, 51)]), "░░░░░█");
    }

    #[test]
    fn times_of_any_kind_have_a_column() {
        for end in [0, 1, i64::MAX] {
            let scale = Scale::new(Timestamp(i64::MIN), Timestamp(end), 7);
            for time in [i64::MIN, 0, i64::MAX] {
                assert!(scale.column(Timestamp(time)) < 7);
            }
            let mut out = Vec::new();
            scale.axis(&mut Pen::new(&mut out, 80, false));
        }
    }
}
