//! Findings of lints as text: what is wrong, the bytes with a mark under them, how to mend it. And the lints themselves.

use anstyle::Style;

use super::pen::Pen;
use super::safe::{self, Charset};
use super::style::{self, DIM, HEADING, PLAIN};
use crate::check::lint::{Excerpt, Finding, Findings, Lint, Turn};
use crate::issue::Severity;

/// How it is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Columns of a line; at least 60 are used.
    pub width: usize,
    /// Whether colours are used.
    pub color: bool,
}

/// Where the text of an explanation begins.
const INDENT: usize = 4;

/// Lints that are named as having more findings than are kept.
const MAX_NAMED: usize = 8;

/// Writes all findings, a summary after them.
pub fn findings(findings: &Findings, options: Options, out: &mut Vec<u8>) {
    findings.iter().for_each(|finding| self::finding(finding, options, out));
    summary(findings, options, out);
}

/// Writes one finding, and an empty line.
pub fn finding(finding: &Finding, options: Options, out: &mut Vec<u8>) {
    let mut pen = Pen::new(out, options.width, options.color);
    let gutter = gutter(finding);
    pen.indent.column = gutter + 3;
    pen.styled(style::of(finding.severity).bold(), |pen| {
        pen.push(finding.severity.name());
        pen.put(format_args!("[{}]", finding.lint.name));
    });
    pen.text(HEADING, ": ");
    pen.begin_text();
    pen.words(HEADING, finding.lint.title);
    pen.end_line();
    place(&mut pen, finding, gutter);
    match &finding.excerpt {
        Some(excerpt) => line(&mut pen, finding, excerpt, gutter),
        None => note(&mut pen, finding, gutter),
    }
    point(&mut pen, gutter, "help", |pen| pen.words(PLAIN, finding.lint.help));
    point(&mut pen, gutter, "see", |pen| {
        pen.piece_after(1, |pen| pen.push(finding.lint.section));
        if finding.more > 0 {
            let places = if finding.more == 1 { "place" } else { "places" };
            pen.piece(|pen| pen.put(format_args!("in {} more {places} of the message", finding.more)));
        }
    });
    out.push(b'\n');
}

/// Columns of the numbers at the left.
fn gutter(finding: &Finding) -> usize {
    finding.excerpt.as_ref().map_or(1, |excerpt| excerpt.offset.to_string().len())
}

/// Where it is: frame and byte, message and byte, both ends.
fn place(pen: &mut Pen<'_>, finding: &Finding, gutter: usize) {
    pen.pad_to(gutter);
    pen.text(DIM, "-->");
    pen.push(" ");
    pen.begin_text();
    match (finding.frame, finding.frame_offset) {
        (Some(frame), Some(byte)) => {
            pen.piece_after(1, |pen| pen.put(format_args!("frame {frame}, byte {byte}")));
        }
        (Some(frame), None) => pen.piece_after(1, |pen| pen.put(format_args!("frame {frame}"))),
        (None, _) => {}
    }
    match (finding.message, finding.offset) {
        (Some((number, kind)), offset) => pen.piece(|pen| {
            pen.put(format_args!("{} {}.{number}", kind.name(), finding.stream));
            if let Some(offset) = offset {
                pen.put(format_args!(", byte {offset}"));
            }
        }),
        (None, _) => pen.piece(|pen| pen.put(format_args!("stream {}", finding.stream))),
    }
    if let Some([from, to]) = finding.ends {
        pen.piece(|pen| pen.put(format_args!("{from} → {to}")));
    }
    pen.end_line();
}

/// The line of the message, and a mark under the bytes that offend.
fn line(pen: &mut Pen<'_>, finding: &Finding, excerpt: &Excerpt, gutter: usize) {
    let Excerpt { offset, bytes, mark, cut_before, cut_after } = excerpt;
    let start = mark.start.min(bytes.len());
    let (before, rest) = bytes.split_at(start);
    let (marked, after) = rest.split_at(mark.len().min(rest.len()));
    bar(pen, gutter, None);
    pen.end_line();
    bar(pen, gutter, Some(*offset));
    let column = pen.column() + 1;
    pen.pad_to(column);
    // What precedes the mark takes half the line at most.
    let room = pen.room() / 2;
    let shown = tail(before, room.saturating_sub(1));
    if *cut_before || shown.len() < before.len() {
        pen.text(DIM, "…");
    }
    captured(pen, shown);
    let from = pen.column();
    let style = style::of(finding.severity);
    pen.styled(style, |pen| captured(pen, marked));
    let to = pen.column().max(from + 1);
    captured(pen, after);
    if *cut_after && pen.room() > 0 {
        pen.text(DIM, "…");
    }
    pen.end_line();
    bar(pen, gutter, None);
    pen.pad_to(from);
    pen.indent.column = gutter + 3;
    pen.text(style.bold(), &"^".repeat(to - from));
    let values = values(finding);
    let width = values.iter().map(|(title, value)| 1 + title.len() + 1 + width(value.as_bytes()) + 2).sum::<usize>();
    if width <= pen.room() {
        for (i, (title, value)) in values.iter().enumerate() {
            pen.push(if i > 0 { "   " } else { " " });
            self::value(pen, style, title, value);
        }
        pen.end_line();
    } else {
        pen.end_line();
        note(pen, finding, gutter);
    }
}

/// Columns that text of the capture takes.
fn width(bytes: &[u8]) -> usize {
    safe::units(bytes, Charset::Utf8).map(safe::Unit::width).sum()
}

/// The end of `bytes` that fits so many columns.
fn tail(bytes: &[u8], room: usize) -> &[u8] {
    // An excerpt is short, so that the first cut that fits is soon found.
    (0..=bytes.len()).map(|cut| &bytes[cut..]).find(|rest| width(rest) <= room).unwrap_or_default()
}

/// Bytes of the capture, as far as there is room.
fn captured(pen: &mut Pen<'_>, bytes: &[u8]) {
    let room = pen.room();
    if room > 1 && !bytes.is_empty() {
        pen.captured(bytes, room);
    }
}

/// What was found and expected, a line each.
fn note(pen: &mut Pen<'_>, finding: &Finding, gutter: usize) {
    for (title, value) in values(finding) {
        bar(pen, gutter, None);
        pen.push(" ");
        self::value(pen, style::of(finding.severity), title, value);
        pen.end_line();
    }
}

/// What was found and expected.
fn values(finding: &Finding) -> Vec<(&'static str, &str)> {
    let both = [("found", &finding.found), ("expected", &finding.expected)];
    both.into_iter().filter_map(|(title, value)| Some((title, value.as_deref()?))).collect()
}

fn value(pen: &mut Pen<'_>, style: Style, title: &str, value: &str) {
    pen.text(style, title);
    pen.push(" ");
    captured(pen, value.as_bytes());
}

fn bar(pen: &mut Pen<'_>, gutter: usize, number: Option<u64>) {
    pen.styled(DIM, |pen| {
        if let Some(number) = number {
            pen.put(format_args!("{number:>gutter$}"));
        }
        pen.pad_to(gutter + 1);
        pen.push("│");
    });
}

fn point(pen: &mut Pen<'_>, gutter: usize, title: &str, write: impl FnOnce(&mut Pen<'_>)) {
    pen.pad_to(gutter + 1);
    pen.text(DIM, "=");
    pen.push(" ");
    pen.text(HEADING, title);
    pen.push(": ");
    pen.indent.column = gutter + 3 + title.len() + 2;
    pen.begin_text();
    write(pen);
    pen.end_line();
}

/// Writes how many findings there are of each severity, and what is not shown.
pub fn summary(findings: &Findings, options: Options, out: &mut Vec<u8>) {
    let mut pen = Pen::new(out, options.width, options.color);
    if findings.is_empty() {
        pen.push("no findings");
        return pen.end_line();
    }
    for (severity, one, more) in [
        (Severity::Error, "error", "errors"),
        (Severity::Warn, "warning", "warnings"),
        (Severity::Note, "note", "notes"),
        (Severity::Chat, "remark", "remarks"),
    ] {
        let count = findings.of_severity(severity);
        if count > 0 {
            pen.piece(|pen| {
                pen.text(style::of(severity), &format!("{count} {}", if count == 1 { one } else { more }));
            });
        }
    }
    pen.end_line();
    let mut left_out: Vec<_> = findings.left_out().collect();
    left_out.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), *name));
    for (name, count) in left_out.iter().take(MAX_NAMED) {
        pen.put(format_args!("{count} more findings of {name} are not shown"));
        pen.end_line();
    }
    if left_out.len() > MAX_NAMED {
        pen.put(format_args!("and more of {} other lints", left_out.len() - MAX_NAMED));
        pen.end_line();
    }
    pen.words(DIM, "`dissect lints NAME` explains a lint, --allow NAME leaves it out");
    pen.end_line();
}

/// Explains a lint.
pub fn explain(lint: &Lint, options: Options, out: &mut Vec<u8>) {
    let mut pen = Pen::new(out, options.width, options.color);
    pen.text(HEADING, lint.name);
    pen.push("   ");
    pen.text(style::of(lint.severity), lint.severity.name());
    pen.push("   ");
    pen.push(lint.section);
    pen.end_line();
    paragraph(&mut pen, HEADING, lint.title);
    paragraph(&mut pen, PLAIN, lint.explanation);
    paragraph(&mut pen, PLAIN, &format!("To mend it: {}.", lint.help));
    for (title, turns) in [("Wrong", lint.bad), ("Right", lint.good)] {
        if !turns.is_empty() {
            pen.end_line();
            pen.text(HEADING, title);
            pen.end_line();
            turns.iter().for_each(|turn| self::turn(&mut pen, *turn));
        }
    }
    if let Some(issue) = lint.issue {
        paragraph(&mut pen, DIM, &format!("A message that has it may also have the issue {}.", issue.name()));
    }
    if let [first, rest @ ..] = lint.httpolice {
        let numbers = rest.iter().fold(first.to_string(), |all, number| format!("{all}, {number}"));
        paragraph(&mut pen, DIM, &format!("HTTPolice says the same as notice {numbers}."));
    }
    let mut choice = format!("Leave it out: --allow {0}   Make it an error: --deny {0}", lint.name);
    if lint.severity == Severity::Chat {
        choice += "   It is shown with --min-severity chat.";
    }
    paragraph(&mut pen, DIM, &choice);
}

fn paragraph(pen: &mut Pen<'_>, style: Style, text: &str) {
    pen.end_line();
    pen.indent.column = INDENT;
    pen.begin_line();
    pen.words(style, text);
    pen.end_line();
}

/// What one end does, a line of it in each line.
fn turn(pen: &mut Pen<'_>, turn: Turn) {
    let (who, text) = match turn {
        Turn::Client(text) => ("client", Ok(text)),
        Turn::Server(text) => ("server", Ok(text)),
        Turn::ClientCloses => ("client", Err("closes its side".into())),
        Turn::ServerCloses => ("server", Err("closes its side".into())),
        Turn::ClientResets => ("client", Err("resets the connection".into())),
        Turn::ServerResets => ("server", Err("resets the connection".into())),
        Turn::Wait(1) => ("", Err("(a second later)".into())),
        Turn::Wait(seconds) => ("", Err(format!("({seconds} seconds later)"))),
        Turn::Happens(what) => ("", Err(format!("({what})"))),
    };
    pen.indent.column = INDENT + "client  ".len();
    pen.pad_to(INDENT);
    pen.text(DIM, who);
    match text {
        Err(text) => {
            pen.pad_to(pen.indent.column);
            pen.text(DIM, &text);
            pen.end_line();
        }
        Ok(text) => {
            for line in text.split_inclusive('\n') {
                pen.pad_to(pen.indent.column);
                pen.begin_text();
                pen.wrapped(line.as_bytes(), Charset::Utf8);
                pen.end_line();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::message::Kind;
    use crate::check::lint;

    const OPTIONS: Options = Options { width: 80, color: false };

    fn of(bytes: &[u8], mark: std::ops::Range<usize>) -> Finding {
        Finding {
            lint: lint::find("bare-lf").unwrap(),
            severity: Severity::Warn,
            stream: 3,
            ends: Some(["10.0.0.1:40000", "10.0.0.2:80"].map(|end| {
                let end: std::net::SocketAddr = end.parse().unwrap();
                crate::flow::Endpoint { address: end.ip(), port: end.port() }
            })),
            message: Some((1, Kind::Request)),
            frame: Some(4),
            time: None,
            offset: Some(16 + mark.start as u64),
            frame_offset: Some(85),
            excerpt: Some(Excerpt { offset: 16, bytes: bytes.to_vec(), mark, cut_before: false, cut_after: false }),
            found: Some("LF".into()),
            expected: Some("CR LF".into()),
            more: 2,
        }
    }

    fn drawn(finding: &Finding) -> String {
        let mut out = Vec::new();
        self::finding(finding, OPTIONS, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_finding_has_a_mark_under_its_bytes() {
        let want = "\
warn[bare-lf]: a line ends with LF alone
  --> frame 4, byte 85   request 3.1, byte 31   10.0.0.1:40000 → 10.0.0.2:80
   │
16 │ Host: a.example␊
   │                ^ found LF   expected CR LF
   = help: end every line of the head with both bytes, CR and LF: \\r\\n
   = see: RFC 9112 2.2   in 2 more places of the message

";
        assert_eq!(drawn(&of(b"Host: a.example\n", 15..16)), want);
    }

    #[test]
    fn nothing_of_the_capture_reaches_the_terminal_and_the_mark_stays_under_its_bytes() {
        let text = drawn(&of(b"X: \x1b[31m\xff\xe2\x80\xae bad\n", 8..9));
        assert!(!text.contains('\x1b') && !text.contains('\u{202e}'), "{text}");
        let (bytes, mark) = (text.lines().nth(3).unwrap(), text.lines().nth(4).unwrap());
        let column = |line: &str, what: &str| line[..line.find(what).unwrap()].chars().count();
        assert_eq!(column(bytes, "\\xff"), column(mark, "^^^^"));
    }

    #[test]
    fn long_lines_are_cut_to_the_width() {
        for at in [0, 40, 150] {
            let text = drawn(&of(&[b'x'; 160], at..at + 10));
            assert!(text.lines().all(|line| line.chars().count() <= OPTIONS.width), "{text}");
            assert!(text.contains("^^^^^^^^^^"), "{text}");
        }
        let wide = drawn(&of(&[0; 160], 0..160));
        assert!(wide.lines().all(|line| line.chars().count() <= OPTIONS.width), "{wide}");
    }

    #[test]
    fn every_lint_is_explained() {
        for lint in lint::all() {
            let mut out = Vec::new();
            explain(lint, OPTIONS, &mut out);
            let text = String::from_utf8(out).unwrap();
            assert!(text.starts_with(lint.name) && text.contains("To mend it: "), "{text}");
            assert!(text.lines().all(|line| line.chars().count() <= OPTIONS.width), "{text}");
        }
    }
}
