//! The results.json of a Gradescope autograder, as its documentation describes it.

use serde_json::{Map, Value, json};

use super::{Graded, Report, details, points, rounded};
use crate::check::evaluate::{Outcome, Verdict};
use crate::check::rules::model::{Rule, Visibility};
use crate::print::json::escaped;

pub(super) fn write(report: &Report<'_>, out: &mut Vec<u8>) {
    let several = report.captures.len() > 1;
    let tests: Vec<Value> = report.captures.iter().flat_map(|graded| tests(report, graded, several)).collect();
    let earned: f64 = report.captures.iter().map(|graded| report.score(graded).earned).sum();
    let undecided: Vec<&str> = report
        .captures
        .iter()
        .flat_map(|graded| report.outcomes(graded))
        .filter(|(_, outcome)| outcome.verdict == Verdict::Undecided)
        .map(|(rule, _)| rule.name.as_str())
        .collect();
    let results = json!({
        "score": rounded(earned),
        "execution_time": rounded(report.took.as_secs_f64()),
        "output": output(report),
        "visibility": Visibility::Visible.name(),
        "tests": tests,
        "extra_data": {
            "program": concat!("dissect ", env!("CARGO_PKG_VERSION")),
            "captures": report.captures.iter().map(|graded| json!({
                "capture": graded.capture,
                "verdict": graded.word(),
            })).collect::<Vec<_>>(),
            "undecided": undecided,
        },
    });
    // A value of strings and numbers can always be written.
    escaped(&serde_json::to_string_pretty(&results).unwrap_or_default(), out);
    out.push(b'\n');
}

fn output(report: &Report<'_>) -> String {
    let mut lines: Vec<String> = report.rules.title.iter().cloned().collect();
    for graded in report.captures {
        let score = report.score(graded);
        let open = match score.open {
            0.0 => String::new(),
            open => format!("; {} undecided, because the capture lacks the bytes: a person will look", points(open)),
        };
        lines.push(match &graded.outcomes {
            Ok(_) => format!("{}: {} of {} points{open}", graded.capture, points(score.earned), points(score.most)),
            Err(reason) => reason.clone(),
        });
        lines.extend(graded.cut.clone());
    }
    lines.join("\n")
}

fn tests(report: &Report<'_>, graded: &Graded, several: bool) -> Vec<Value> {
    if let Err(reason) = &graded.outcomes {
        return vec![json!({
            "score": 0.0,
            "max_score": rounded(report.rules.points()),
            "status": "failed",
            "name": graded.capture,
            "output": reason,
            "output_format": "text",
        })];
    }
    report.outcomes(graded).map(|(rule, outcome)| test(report, graded, rule, outcome, several)).collect()
}

fn test(report: &Report<'_>, graded: &Graded, rule: &Rule, outcome: &Outcome, several: bool) -> Value {
    let mut test = Map::new();
    let mut put = |key: &str, value: Value| test.insert(key.to_owned(), value);
    if let Some(points) = report.points(rule, outcome) {
        put("score", rounded(points).into());
        put("max_score", rounded(rule.points).into());
        let passed = outcome.verdict == Verdict::Passed
            || outcome.verdict == Verdict::Undecided && (points >= rule.points || rule.points == 0.0);
        put("status", if passed { "passed" } else { "failed" }.into());
    }
    let heading = rule.heading();
    put("name", if several { format!("{}: {heading}", graded.capture) } else { heading.to_owned() }.into());
    if let Some(number) = &rule.number {
        put("number", number.as_str().into());
    }
    let mut lines = details(rule, outcome);
    if outcome.verdict == Verdict::Undecided
        && let Some(first) = lines.first_mut()
    {
        first.insert_str(0, "undecided: ");
    }
    put("output", lines.join("\n").into());
    put("output_format", "text".into());
    if !rule.tags.is_empty() {
        put("tags", rule.tags.clone().into());
    }
    if let Some(visibility) = rule.visibility {
        put("visibility", visibility.name().into());
    }
    test.into()
}
