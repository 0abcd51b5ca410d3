//! For a person: a line for each rule, and below it what shows a verdict that is not passed.

use anstyle::{AnsiColor, Style};

use super::{Graded, Report, expected, found, place, points};
use crate::check::evaluate::evidence::Term;
use crate::check::evaluate::{Outcome, Verdict};
use crate::check::rules::model::Rule;
use crate::print::pen::Pen;
use crate::print::safe::Charset;
use crate::print::style::{DIM, HEADING, PLAIN};

/// Where what is below a rule begins, and where its words do.
const LABEL: usize = 4;
const TEXT: usize = 14;
/// The widest column of headings.
const MAX_HEADING: usize = 60;

pub(super) fn write(report: &Report<'_>, out: &mut Vec<u8>) {
    for (at, graded) in report.captures.iter().enumerate() {
        if at > 0 {
            out.push(b'\n');
        }
        capture(report, graded, out);
    }
    if report.captures.len() > 1 {
        summary(report, out);
    }
}

fn capture(report: &Report<'_>, graded: &Graded, out: &mut Vec<u8>) {
    let mut pen = Pen::new(out, report.width, report.color);
    captured(&mut pen, HEADING, &graded.capture);
    pen.push("  ");
    pen.text(style(graded.verdict()), graded.word());
    if let Err(reason) = &graded.outcomes {
        pen.end_line();
        return label(report, "", reason, PLAIN, out);
    }
    let score = report.score(graded);
    pen.put(format_args!("  {} of {} points", points(score.earned), points(score.most)));
    if score.open > 0.0 {
        pen.put(format_args!(", {} undecided", points(score.open)));
    }
    pen.end_line();
    if let Some(cut) = &graded.cut {
        label(report, "", cut, PLAIN, out);
    }
    let headings = report.rules.rules.iter().map(|rule| rule.heading().chars().count());
    let width = headings.max().unwrap_or(0).min(MAX_HEADING);
    for (rule, outcome) in report.outcomes(graded) {
        self::rule(report, rule, outcome, width, out);
    }
}

fn rule(report: &Report<'_>, rule: &Rule, outcome: &Outcome, width: usize, out: &mut Vec<u8>) {
    let mut pen = Pen::new(out, report.width, report.color);
    let mark = match outcome.verdict {
        Verdict::Passed => "✓",
        Verdict::Undecided => "?",
        Verdict::Failed => "✗",
    };
    pen.push("  ");
    pen.text(style(Some(outcome.verdict)), mark);
    pen.push(" ");
    let start = pen.column();
    captured(&mut pen, PLAIN, rule.heading());
    pen.pad_to(start + width + 2);
    let earned = report.points(rule, outcome).map_or_else(|| "–".to_owned(), points);
    pen.put(format_args!("{earned}/{}", points(rule.points)));
    pen.end_line();
    if outcome.verdict == Verdict::Passed {
        return;
    }
    label(report, outcome.verdict.name(), &outcome.reason, style(Some(outcome.verdict)), out);
    outcome.doubts.iter().for_each(|doubt| label(report, "missing", doubt, DIM, out));
    for evidence in &outcome.evidence {
        label(report, "in", &place(evidence), DIM, out);
        evidence.terms.iter().for_each(|term| self::term(report, term, out));
    }
    rule.hint.iter().for_each(|hint| label(report, "hint", hint, DIM, out));
}

fn term(report: &Report<'_>, term: &Term, out: &mut Vec<u8>) {
    label(report, "expected", &expected(term), DIM, out);
    term.found.iter().for_each(|value| label(report, "found", &found(value), DIM, out));
}

/// A word at the left, and text that is wrapped beside it.
fn label(report: &Report<'_>, word: &str, text: &str, style: Style, out: &mut Vec<u8>) {
    let mut pen = Pen::new(out, report.width, report.color);
    pen.indent.column = TEXT;
    pen.pad_to(LABEL);
    pen.text(style, word);
    pen.pad_to(TEXT);
    pen.wrapped(text.as_bytes(), Charset::Utf8);
    pen.end_line();
}

/// Text out of a file's name or a rules file.
fn captured(pen: &mut Pen<'_>, style: Style, text: &str) {
    let text = crate::check::rules::source::printable(text);
    pen.text(style, &text);
}

fn summary(report: &Report<'_>, out: &mut Vec<u8>) {
    let count = |verdict| report.captures.iter().filter(|graded| graded.verdict() == verdict).count();
    let mut pen = Pen::new(out, report.width, report.color);
    pen.end_line();
    pen.put(format_args!("{} captures", report.captures.len()));
    for verdict in [Some(Verdict::Passed), Some(Verdict::Failed), Some(Verdict::Undecided), None] {
        let word = verdict.map_or("unreadable", Verdict::name);
        if count(verdict) > 0 {
            pen.put(format_args!("   {} {word}", count(verdict)));
        }
    }
    pen.end_line();
}

fn style(verdict: Option<Verdict>) -> Style {
    match verdict {
        Some(Verdict::Passed) => AnsiColor::Green.on_default(),
        Some(Verdict::Undecided) => AnsiColor::Yellow.on_default(),
        Some(Verdict::Failed) | None => AnsiColor::Red.on_default().bold(),
    }
}
