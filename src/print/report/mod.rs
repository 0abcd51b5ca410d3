//! Reports of what rules came to: one file a format.

mod csv;
mod gradescope;
mod json;
mod junit;
mod markdown;
mod tap;
mod text;

use std::time::Duration;

use clap::ValueEnum;

use crate::check::evaluate::evidence::{Evidence, Term, Value};
use crate::check::evaluate::{Outcome, Verdict};
use crate::check::rules::Rules;
use crate::check::rules::model::Rule;
use crate::check::rules::source::printable;
use crate::filter::Decision;
use crate::frame::FrameNumber;

/// What rules came to on one capture.
#[derive(Debug)]
pub struct Graded {
    /// The capture, as it was named.
    pub capture: String,
    /// The outcome of each rule, or why the capture could not be read.
    pub outcomes: Result<Vec<Outcome>, String>,
    /// Why it was not read to its end.
    pub cut: Option<String>,
    /// How long that took.
    pub took: Duration,
}

/// What an undecided rule is worth.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Undecided {
    /// It is not scored: a person has to look.
    Omit,
    /// Its points.
    Pass,
    /// Nothing.
    Fail,
}

/// A format of reports.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// For a person.
    Text,
    /// JSON, for programs.
    Json,
    /// The results.json of a Gradescope autograder.
    Gradescope,
    /// JUnit XML.
    Junit,
    /// Test Anything Protocol, version 14.
    Tap,
    /// Markdown.
    Markdown,
    /// A line a capture.
    Csv,
}

/// All that is reported.
#[derive(Clone, Copy, Debug)]
pub struct Report<'r> {
    /// The rules.
    pub rules: &'r Rules,
    /// The captures, in the order in which they were named.
    pub captures: &'r [Graded],
    /// What an undecided rule is worth.
    pub undecided: Undecided,
    /// How long all took.
    pub took: Duration,
    /// Whether colours are used in text.
    pub color: bool,
    /// Columns of a line of text.
    pub width: usize,
}

/// Points of a capture.
#[derive(Clone, Copy, Default, PartialEq, Debug)]
pub struct Score {
    /// Earned.
    pub earned: f64,
    /// The most that could be earned.
    pub most: f64,
    /// Of those, the points of rules that are undecided and not scored.
    pub open: f64,
}

impl Report<'_> {
    /// Writes the report.
    pub fn write(&self, format: Format, out: &mut Vec<u8>) {
        match format {
            Format::Text => text::write(self, out),
            Format::Json => json::write(self, out),
            Format::Gradescope => gradescope::write(self, out),
            Format::Junit => junit::write(self, out),
            Format::Tap => tap::write(self, out),
            Format::Markdown => markdown::write(self, out),
            Format::Csv => csv::write(self, out),
        }
    }

    /// What a rule's outcome is worth; none where it is not scored.
    fn points(&self, rule: &Rule, outcome: &Outcome) -> Option<f64> {
        match (outcome.verdict, self.undecided) {
            (Verdict::Undecided, Undecided::Omit) => None,
            (Verdict::Undecided, Undecided::Pass) => Some(rule.points),
            (Verdict::Undecided, Undecided::Fail) => Some(0.0),
            (Verdict::Passed | Verdict::Failed, _) => Some(outcome.points),
        }
    }

    /// The points of a capture.
    fn score(&self, graded: &Graded) -> Score {
        let mut score = Score { most: self.rules.points(), ..Score::default() };
        for (rule, outcome) in self.outcomes(graded) {
            match self.points(rule, outcome) {
                Some(points) => score.earned += points,
                None => score.open += rule.points,
            }
        }
        score
    }

    /// Each rule and what it came to.
    fn outcomes<'g>(&'g self, graded: &'g Graded) -> impl Iterator<Item = (&'g Rule, &'g Outcome)> {
        self.rules.rules.iter().zip(graded.outcomes.iter().flatten())
    }
}

impl Graded {
    /// The verdict on the capture; none where it could not be read.
    pub fn verdict(&self) -> Option<Verdict> {
        let outcomes = self.outcomes.as_ref().ok()?;
        Some(outcomes.iter().map(|outcome| outcome.verdict).max().unwrap_or(Verdict::Passed))
    }

    /// How many rules came to this.
    fn count(&self, verdict: Verdict) -> usize {
        self.outcomes.iter().flatten().filter(|outcome| outcome.verdict == verdict).count()
    }

    /// The verdict as a word.
    fn word(&self) -> &'static str {
        self.verdict().map_or("unreadable", Verdict::name)
    }
}

/// Points as a person writes them: at most two decimals.
fn points(points: f64) -> String {
    // Nothing added to nothing is -0.0.
    let rounded = (points * 100.0).round() / 100.0 + 0.0;
    format!("{rounded}")
}

/// Points rounded as they are written.
fn rounded(points: f64) -> f64 {
    (points * 1e6).round() / 1e6
}

/// Why, and what shows it, in plain lines.
fn details(rule: &Rule, outcome: &Outcome) -> Vec<String> {
    let mut lines = vec![outcome.reason.clone()];
    lines.extend(outcome.doubts.iter().map(|doubt| format!("missing: {doubt}")));
    for evidence in &outcome.evidence {
        lines.push(place(evidence));
        lines.extend(evidence.terms.iter().flat_map(term));
    }
    if outcome.verdict != Verdict::Passed {
        lines.extend(rule.hint.iter().map(|hint| format!("hint: {hint}")));
    }
    lines.iter().map(|line| printable(line)).collect()
}

/// What was looked at, and where it is.
fn place(evidence: &Evidence) -> String {
    let mut parts = vec![evidence.what.clone()];
    parts.extend(evidence.stream.map(|stream| format!("stream {stream}")));
    if !evidence.messages.is_empty() {
        let numbers: Vec<String> = evidence.messages.iter().map(|number| format!("#{number}")).collect();
        parts.push(format!("message {}", numbers.join(" and ")));
    }
    parts.extend(evidence.bytes.map(|(start, len)| format!("bytes {}", range(start, len))));
    if !evidence.frames.is_empty() {
        let word = if evidence.frames.len() == 1 { "frame" } else { "frames" };
        parts.push(format!("{word} {}", frames(&evidence.frames)));
    }
    parts.join(", ")
}

/// Expected and found, in lines.
fn term(term: &Term) -> Vec<String> {
    let mut lines = vec![format!("  expected: {}", expected(term))];
    lines.extend(term.found.iter().map(|value| format!("  found: {}", found(value))));
    lines
}

/// What was expected, and whether that is known.
fn expected(term: &Term) -> String {
    let known = if term.decision == Decision::Unknown { ", which is not known" } else { "" };
    format!("{}{known}", term.expected)
}

/// The values of a field, and where they are.
fn found(value: &Value) -> String {
    let Value { field, values, more, complete, at, frame } = value;
    let mut text = match (&values[..], complete) {
        ([], true) => format!("no {field}"),
        ([], false) => format!("{field} is not in the capture"),
        (values, _) => format!("{field} {}", values.join(", ")),
    };
    if *more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    if let Some((start, len)) = at.filter(|_| !values.is_empty()) {
        text.push_str(&format!(" (bytes {} of the message", range(start, len)));
        text.push_str(&frame.map_or_else(|| ")".to_owned(), |frame| format!(", frame {frame})")));
    }
    text
}

/// The bytes of a run, by the first and the last.
fn range(start: u64, len: u64) -> String {
    if len <= 1 { format!("{start}") } else { format!("{start}-{}", start + len - 1) }
}

/// Numbers of frames, runs of them by the first and the last.
fn frames(numbers: &[FrameNumber]) -> String {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let runs = sorted.chunk_by(|one, next| one + 1 == *next);
    let words: Vec<String> = runs
        .filter_map(|run| Some((run.first()?, run.last()?)))
        .map(|(first, last)| if first == last { format!("{first}") } else { format!("{first}-{last}") })
        .collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_named_by_their_ends() {
        assert_eq!(frames(&[6, 4, 5, 9, 9]), "4-6, 9");
        assert_eq!((range(0, 1), range(3, 4)), ("0".into(), "3-6".into()));
        assert_eq!((points(1.0), points(2.0 / 3.0)), ("1".into(), "0.67".into()));
    }
}
