//! Comma-separated values: a line for each capture, a column for each rule.

use super::{Graded, Report, points};
use crate::check::evaluate::Verdict;
use crate::print::csv::line;

pub(super) fn write(report: &Report<'_>, out: &mut Vec<u8>) {
    let fixed = ["capture", "verdict", "score", "max_score", "passed", "failed", "undecided", "error"];
    let names = report.rules.rules.iter().map(|rule| rule.name.as_str());
    line(fixed.into_iter().chain(names), out);
    for graded in report.captures {
        line(cells(report, graded), out);
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
