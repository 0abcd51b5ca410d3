//! JUnit XML: a suite for each capture, a case for each rule.

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use super::{Graded, Report, details};
use crate::check::evaluate::{Outcome, Verdict};
use crate::check::rules::model::Rule;
use crate::check::rules::source::printable;

pub(super) fn write(report: &Report<'_>, out: &mut Vec<u8>) {
    let mut junit = quick_junit::Report::new(report.rules.title.as_deref().unwrap_or("dissect check"));
    junit.set_time(report.took);
    junit.add_test_suites(report.captures.iter().map(|graded| suite(report, graded)));
    // XML has no escape that all readers undo: what cannot be seen is shown as missing. A string takes all that is written.
    for line in junit.to_string().unwrap_or_default().split_inclusive('\n') {
        let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
        out.extend_from_slice(printable(line).as_bytes());
        out.extend_from_slice(end.as_bytes());
    }
}

fn suite(report: &Report<'_>, graded: &Graded) -> TestSuite {
    let mut suite = TestSuite::new(graded.capture.as_str());
    suite.set_time(graded.took);
    if let Err(reason) = &graded.outcomes {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_message(reason.as_str());
        suite.add_test_case(TestCase::new("capture", status));
    }
    suite.add_test_cases(report.outcomes(graded).map(|(rule, outcome)| case(graded, rule, outcome)));
    suite
}

fn case(graded: &Graded, rule: &Rule, outcome: &Outcome) -> TestCase {
    let mut status = match outcome.verdict {
        Verdict::Passed => TestCaseStatus::success(),
        Verdict::Failed => TestCaseStatus::non_success(NonSuccessKind::Failure),
        // JUnit has no third verdict; a skipped case is neither.
        Verdict::Undecided => TestCaseStatus::skipped(),
    };
    let details = details(rule, outcome);
    if outcome.verdict != Verdict::Passed {
        let prefix = if outcome.verdict == Verdict::Undecided { "undecided: " } else { "" };
        status.set_message(format!("{prefix}{}", outcome.reason));
        status.set_description(details.join("\n"));
    }
    let mut case = TestCase::new(rule.name.as_str(), status);
    case.set_classname(graded.capture.as_str());
    if outcome.verdict == Verdict::Passed {
        case.set_system_out(details.join("\n"));
    }
    case
}
