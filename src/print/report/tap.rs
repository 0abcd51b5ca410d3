//! The Test Anything Protocol, version 14: a test for each rule, and for each capture where there are several.

use super::{Graded, Report, details};
use crate::check::evaluate::{Outcome, Verdict};
use crate::check::rules::model::Rule;
use crate::check::rules::source::printable;

pub(super) fn write(report: &Report<'_>, out: &mut Vec<u8>) {
    let mut text = String::from("TAP version 14\n");
    match report.captures {
        [one] => tests(report, one, "", &mut text),
        several => {
            text.push_str(&format!("1..{}\n", several.len()));
            for (number, graded) in (1..).zip(several) {
                text.push_str(&format!("# Subtest: {}\n", name(&graded.capture)));
                tests(report, graded, "    ", &mut text);
                let ok = if matches!(graded.verdict(), Some(Verdict::Passed | Verdict::Undecided)) {
                    "ok"
                } else {
                    "not ok"
                };
                text.push_str(&format!("{ok} {number} - {}\n", name(&graded.capture)));
            }
        }
    }
    out.extend(text.into_bytes());
}

fn tests(report: &Report<'_>, graded: &Graded, indent: &str, text: &mut String) {
    if let Err(reason) = &graded.outcomes {
        text.push_str(&format!("{indent}1..1\n{indent}not ok 1 - {}\n", name(&graded.capture)));
        block(indent, std::slice::from_ref(reason), text);
        return;
    }
    text.push_str(&format!("{indent}1..{}\n", report.rules.rules.len()));
    for (number, (rule, outcome)) in (1..).zip(report.outcomes(graded)) {
        test(number, rule, outcome, indent, text);
    }
}

fn test(number: usize, rule: &Rule, outcome: &Outcome, indent: &str, text: &mut String) {
    let ok = if outcome.verdict == Verdict::Failed { "not ok" } else { "ok" };
    let directive = match outcome.verdict {
        Verdict::Undecided => format!(" # SKIP undecided: {}", name(&outcome.reason)),
        Verdict::Passed | Verdict::Failed => String::new(),
    };
    text.push_str(&format!("{indent}{ok} {number} - {}{directive}\n", name(rule.heading())));
    if outcome.verdict != Verdict::Passed {
        block(indent, &details(rule, outcome), text);
    }
}

/// A YAML block of lines.
fn block(indent: &str, lines: &[String], text: &mut String) {
    text.push_str(&format!("{indent}  ---\n{indent}  message: |\n"));
    for line in lines.iter().flat_map(|line| line.lines()) {
        text.push_str(&format!("{indent}    {}\n", printable(line)));
    }
    text.push_str(&format!("{indent}  ...\n"));
}

/// A description, in which `#` and `\` would have a meaning.
fn name(text: &str) -> String {
    printable(text).replace('\\', "\\\\").replace('#', "\\#")
}
