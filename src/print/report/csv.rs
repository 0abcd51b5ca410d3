//! Comma-separated values (RFC 4180): a line for each capture, a column for each rule.

use super::{Graded, Report, points};
use crate::check::evaluate::Verdict;

pub(super) fn write(report: &Report<'_>, out: &mut Vec<u8>) {
    let fixed = ["capture", "verdict", "score", "max_score", "passed", "failed", "undecided", "error"];
    let names = report.rules.rules.iter().map(|rule| rule.name.as_str());
    line(fixed.into_iter().chain(names).map(str::to_owned), out);
    for graded in report.captures {
        line(cells(report, graded).into_iter(), out);
    }
}

fn cells(report: &Report<'_>, graded: &Graded) -> Vec<String> {
    let score = report.score(graded);
    let count = |verdict| graded.count(verdict).to_string();
    let error = graded.outcomes.as_ref().err().or(graded.cut.as_ref()).cloned().unwrap_or_default();
    let mut cells = vec![
        graded.capture.clone(),
        graded.word().to_owned(),
        points(score.earned),
        points(score.most),
        count(Verdict::Passed),
        count(Verdict::Failed),
        count(Verdict::Undecided),
        error,
    ];
    match &graded.outcomes {
        Ok(outcomes) => cells.extend(outcomes.iter().map(|outcome| outcome.verdict.name().to_owned())),
        Err(_) => cells.extend(report.rules.rules.iter().map(|_| String::new())),
    }
    cells
}

fn line(cells: impl Iterator<Item = String>, out: &mut Vec<u8>) {
    for (index, cell) in cells.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend(self::cell(&cell).into_bytes());
    }
    out.extend(b"\r\n");
}

/// A cell that is text to every spreadsheet: none takes it for a formula.
fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_are_no_formulas() {
        for (text, written) in [("a", "a"), ("a,\"b", "\"a,\"\"b\""), ("=1+1", "'=1+1"), ("", "")] {
            assert_eq!(cell(text), written);
        }
    }
}
