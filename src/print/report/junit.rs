//! JUnit XML: a suite for each capture, a case for each rule.

use std::io::Write;
use std::time::Duration;

use super::{Graded, Report, details};
use crate::check::evaluate::{Outcome, Verdict};
use crate::check::rules::model::Rule;

pub(super) fn write(report: &Report<'_>, out: &mut Vec<u8>) {
    let suites: Vec<Suite> = report.captures.iter().map(|graded| suite(report, graded)).collect();
    let all = suites.iter().fold(Counts::default(), |all, suite| all.plus(suite.counts));
    let title = attribute(report.rules.title.as_deref().unwrap_or("dissect check"));
    out.extend(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    put(out, format_args!("<testsuites name=\"{title}\" {}>\n", all.attributes(report.took)));
    suites.iter().for_each(|suite| out.extend(&suite.xml));
    out.extend(b"</testsuites>\n");
}

/// The cases of a suite, or of all.
#[derive(Clone, Copy, Default)]
struct Counts {
    tests: usize,
    skipped: usize,
    failures: usize,
    errors: usize,
}

impl Counts {
    fn plus(self, other: Self) -> Self {
        Self {
            tests: self.tests + other.tests,
            skipped: self.skipped + other.skipped,
            failures: self.failures + other.failures,
            errors: self.errors + other.errors,
        }
    }

    fn attributes(self, took: Duration) -> String {
        let Self { tests, skipped, failures, errors } = self;
        let seconds = took.as_secs_f64();
        format!(
            "tests=\"{tests}\" skipped=\"{skipped}\" failures=\"{failures}\" errors=\"{errors}\" time=\"{seconds:.3}\""
        )
    }
}

/// A suite as it is written.
struct Suite {
    counts: Counts,
    xml: Vec<u8>,
}

fn suite(report: &Report<'_>, graded: &Graded) -> Suite {
    let mut counts = Counts::default();
    let mut cases = Vec::new();
    if let Err(reason) = &graded.outcomes {
        counts = Counts { tests: 1, errors: 1, ..counts };
        let reason = attribute(reason);
        put(&mut cases, format_args!("<testcase name=\"capture\">\n<error message=\"{reason}\"/>\n</testcase>\n"));
    }
    for (rule, outcome) in report.outcomes(graded) {
        counts.tests += 1;
        counts.failures += usize::from(outcome.verdict == Verdict::Failed);
        counts.skipped += usize::from(outcome.verdict == Verdict::Undecided);
        case(graded, rule, outcome, &mut cases);
    }
    let mut xml = Vec::with_capacity(cases.len());
    let name = attribute(&graded.capture);
    put(&mut xml, format_args!("<testsuite name=\"{name}\" {}>\n", counts.attributes(graded.took)));
    xml.extend(cases);
    xml.extend(b"</testsuite>\n");
    Suite { counts, xml }
}

fn case(graded: &Graded, rule: &Rule, outcome: &Outcome, out: &mut Vec<u8>) {
    let [name, capture, reason] = [&rule.name, &graded.capture, &outcome.reason].map(|text| attribute(text));
    let details = escaped(&details(rule, outcome).join("\n"));
    put(out, format_args!("<testcase name=\"{name}\" classname=\"{capture}\">\n"));
    match outcome.verdict {
        Verdict::Passed => put(out, format_args!("<system-out>{details}</system-out>\n")),
        Verdict::Failed => put(out, format_args!("<failure message=\"{reason}\">{details}</failure>\n")),
        // JUnit has no third verdict; a skipped case is neither.
        Verdict::Undecided => {
            put(out, format_args!("<skipped message=\"undecided: {reason}\">{details}</skipped>\n"));
        }
    }
    out.extend(b"</testcase>\n");
}

/// Writing into a buffer does not fail.
fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
}

/// Text of an attribute, where a line end as it is would be read as a space.
fn attribute(text: &str) -> String {
    escaped(text).replace('\n', "&#10;")
}

/// Text of an element; U+FFFD for what XML 1.0 (2.2) has no place for.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(char),
            '\0'..' ' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(char),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_text() {
        assert_eq!(escaped("a<b> & \"c\"\u{1b}\u{fffe}é\n"), "a&lt;b&gt; &amp; &quot;c&quot;\u{fffd}\u{fffd}é\n");
        assert_eq!(attribute("a\n&"), "a&#10;&amp;");
    }
}
