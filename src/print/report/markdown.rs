//! Markdown: a table for each capture, and what shows each verdict that is not passed.

use std::fmt::Write;

use super::{Graded, Report, details, points};
use crate::check::evaluate::Verdict;
use crate::check::rules::source::printable;

pub(super) fn write(report: &Report<'_>, out: &mut Vec<u8>) {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = document(report, &mut text);
    out.extend(text.into_bytes());
}

fn document(report: &Report<'_>, text: &mut String) -> std::fmt::Result {
    if let Some(title) = &report.rules.title {
        writeln!(text, "# {}\n", plain(title))?;
    }
    for graded in report.captures {
        capture(report, graded, text)?;
    }
    Ok(())
}

fn capture(report: &Report<'_>, graded: &Graded, text: &mut String) -> std::fmt::Result {
    writeln!(text, "## {}\n", plain(&graded.capture))?;
    if let Err(reason) = &graded.outcomes {
        return writeln!(text, "**unreadable**: {}\n", plain(reason));
    }
    let score = report.score(graded);
    write!(text, "**{}**, {} of {} points", graded.word(), points(score.earned), points(score.most))?;
    if score.open > 0.0 {
        write!(text, ", {} undecided", points(score.open))?;
    }
    writeln!(text, "\n")?;
    if let Some(cut) = &graded.cut {
        writeln!(text, "{}\n", plain(cut))?;
    }
    writeln!(text, "| | rule | points | |\n|---|---|--:|---|")?;
    for (rule, outcome) in report.outcomes(graded) {
        let mark = match outcome.verdict {
            Verdict::Passed => "✅",
            Verdict::Undecided => "❔",
            Verdict::Failed => "❌",
        };
        let earned = report.points(rule, outcome).map_or_else(|| "–".into(), points);
        let (heading, reason) = (plain(rule.heading()), plain(&outcome.reason));
        writeln!(
            text,
            "| {mark} {} | {heading} | {earned}/{} | {reason} |",
            outcome.verdict.name(),
            points(rule.points)
        )?;
    }
    writeln!(text)?;
    for (rule, outcome) in report.outcomes(graded).filter(|(_, outcome)| outcome.verdict != Verdict::Passed) {
        writeln!(text, "### {}: {}\n\n````text", outcome.verdict.name(), plain(rule.heading()))?;
        for line in details(rule, outcome) {
            writeln!(text, "{}", printable(&line).replace("````", "``` `"))?;
        }
        writeln!(text, "````\n")?;
    }
    Ok(())
}

/// Text in which no character has a meaning.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    for c in printable(text).chars() {
        if "\\`*_{}[]<>()#+|~!&".contains(c) {
            plain.push('\\');
        }
        plain.push(c);
    }
    plain
}
