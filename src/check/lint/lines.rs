//! Line ends, blank lines, and white space where none may be (RFC 9112 2 to 5).

use std::ops::Range;

use super::Seen;
use super::entry::Turn::{Client, ClientCloses};
use super::entry::{Lint, lints};
use super::report::{Draft, Report};
use crate::app::http1::head::{FieldLine, Span, StartLine};
use crate::app::http1::syntax::is_ows;
use crate::issue::{Issue, Severity};

lints! {
    BARE_LF = Lint {
        name: "bare-lf",
        severity: Severity::Warn,
        section: "RFC 9112 2.2",
        title: "a line ends with LF alone",
        help: r"end every line of the head with both bytes, CR and LF: \r\n",
        explanation: "Every line of a message's head, and the blank line after it, ends with CR LF. A recipient may take \
            LF alone for a line end, and many do, but it need not: others answer 400, or wait for the rest of a head \
            that never ends. Where two programs on a path disagree about it, one of them can be made to see a request \
            that the other does not. Printing functions that write the line end of the system (println, puts, echo) are \
            the usual cause.",
        bad: &[Client("GET / HTTP/1.1\nHost: a.example\n\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        httpolice: &[1224],
        issue: Some(Issue::BareLf),
    };

    BARE_CR = Lint {
        name: "bare-cr",
        severity: Severity::Error,
        section: "RFC 9112 2.2",
        title: "CR within a line, without LF after it",
        help: r"write CR only right before LF; for a line end write \r\n, not \n\r",
        explanation: "A sender must not generate a CR that no LF follows, other than in content. A recipient takes it for \
            invalid or for a space; one that takes it for a line end reads other fields than the rest of the path does. \
            Line ends written in the wrong order (LF CR) show up as this.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\rX: y\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nX: y\r\n\r\n")],
        issue: Some(Issue::BareCr),
        ..Lint::NONE
    };

    LITERAL_LINE_END = Lint {
        name: "literal-line-end",
        severity: Severity::Error,
        section: "RFC 9112 2.2",
        title: "a backslash and a letter where a line end is to be",
        help: r"send the bytes CR and LF (0x0d 0x0a), not the characters \, r, \, n",
        explanation: r"In most languages \r\n within a string stands for the two bytes CR and LF, but not in every kind of string: echo of the shell, raw strings, and text that is read from a file or a prompt leave the four characters as they are. In the shell, printf 'GET / HTTP/1.1\r\n' does it. The server sees one long line, and waits for its end.",
        bad: &[Client("GET / HTTP/1.1\\r\\nHost: a.example\\r\\n\\r\\n\n"), ClientCloses],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        ..Lint::NONE
    };

    MISSING_BLANK_LINE = Lint {
        name: "missing-blank-line",
        severity: Severity::Error,
        section: "RFC 9112 2.1",
        title: "the blank line that ends the head is missing",
        help: r"send one empty line after the last field: the head ends with \r\n\r\n",
        explanation: "The head of a message ends with an empty line. Until it has come the recipient waits for more \
            fields, so that a request without it is not answered: the server gives up after a while, with 408, with 400 \
            or without a word. It is told where the sender closed its side, or was answered, within the head; a capture \
            that ends there tells nothing.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\n"), ClientCloses],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        httpolice: &[1006, 1009],
        issue: Some(Issue::MissingBlankLine),
    };

    BLANK_LINE_BEFORE_START = Lint {
        name: "blank-line-before-start",
        severity: Severity::Warn,
        section: "RFC 9112 2.2",
        title: "an empty line before the start line",
        help: "send nothing between the end of a body and the next start line",
        explanation: "Clients of long ago sent an extra CR LF after the body of a POST, and a client must not do so. \
            Servers are asked to skip at least one empty line before a request line; nobody is asked to skip one before \
            a status line.",
        bad: &[Client("\r\nGET / HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        issue: Some(Issue::LeadingCrlf),
        ..Lint::NONE
    };

    SPACE_BEFORE_START_LINE = Lint {
        name: "space-before-start-line",
        severity: Severity::Error,
        section: "RFC 9112 3",
        title: "white space before the start line",
        help: "begin the line with its first word",
        explanation: "A request line begins with the method, a status line with the version. A strict server takes white \
            space before the method for a malformed request and answers 400.",
        bad: &[Client(" GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        httpolice: &[1006, 1009],
        issue: Some(Issue::ExtraWhitespace),
    };

    EXTRA_SPACE_IN_START_LINE = Lint {
        name: "extra-space-in-start-line",
        severity: Severity::Error,
        section: "RFC 9112 3",
        title: "more than one space, or a tab, between two parts of the start line",
        help: "put exactly one space (0x20) between two parts",
        explanation: "The parts of a start line stand one single space apart. A lenient recipient splits the line at any \
            white space, a strict one finds an empty part and answers 400, and two of them on a path may find different \
            targets.",
        bad: &[Client("GET  /a HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        good: &[Client("GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        httpolice: &[1006, 1009],
        issue: Some(Issue::ExtraWhitespace),
    };

    SPACE_AFTER_START_LINE = Lint {
        name: "space-after-start-line",
        severity: Severity::Error,
        section: "RFC 9112 3",
        title: "white space after the version",
        help: "end the line right after the version",
        explanation: "A request line ends with the version. Software that splits at single spaces finds a fourth, empty \
            part, and a version followed by a space is not the version that it knows.",
        bad: &[Client("GET / HTTP/1.1 \r\nHost: a.example\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        httpolice: &[1006],
        issue: Some(Issue::ExtraWhitespace),
    };

    SPACE_BEFORE_COLON = Lint {
        name: "space-before-colon",
        severity: Severity::Error,
        section: "RFC 9112 5.1",
        title: "white space between a field name and its colon",
        help: "write the colon right after the name",
        explanation: "No white space is allowed between a field name and the colon. A server must answer such a request \
            with 400, because the differences in how it was handled have been used to slip requests past filters: \
            `Transfer-Encoding :` was the field to one program and unknown to the next.",
        bad: &[Client("GET / HTTP/1.1\r\nHost : a.example\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        httpolice: &[1293],
        issue: Some(Issue::ExtraWhitespace),
    };

    SPACE_BEFORE_FIRST_FIELD = Lint {
        name: "space-before-first-field",
        severity: Severity::Error,
        section: "RFC 9112 2.2",
        title: "white space between the start line and the first field",
        help: "begin the line of the first field with its name",
        explanation: "A line that begins with white space looks like the continuation of the line before it, and before \
            the first field that is the start line. A recipient must reject the message or skip the line, so that the \
            field is lost in any case.",
        bad: &[Client("GET / HTTP/1.1\r\n Host: a.example\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        issue: Some(Issue::ExtraWhitespace),
        ..Lint::NONE
    };

    SPACE_IN_BLANK_LINE = Lint {
        name: "space-in-blank-line",
        severity: Severity::Error,
        section: "RFC 9112 2.1",
        title: "a line of white space where the blank line is to be",
        help: r"send nothing between the two line ends: \r\n\r\n",
        explanation: "The line that ends the head has no byte before its line end, not even a space. A line with white \
            space alone continues the field before it, so that the head goes on, and the recipient waits for its end or \
            takes the body for fields.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\n \r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        issue: Some(Issue::ObsFold),
        ..Lint::NONE
    };

    NO_SPACE_AFTER_COLON = Lint {
        name: "no-space-after-colon",
        severity: Severity::Chat,
        section: "RFC 9112 5",
        title: "no space between a field's colon and its value",
        help: "write one space after the colon",
        explanation: "White space around a field value is optional, and every recipient leaves it away. A single space \
            before the value is what is preferred, for people who read it, and what nearly all software sends.",
        bad: &[Client("GET / HTTP/1.1\r\nHost:a.example\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        ..Lint::NONE
    };

    OBS_FOLD = Lint {
        name: "obs-fold",
        severity: Severity::Error,
        section: "RFC 9112 5.2",
        title: "a field value that goes on in the next line",
        help: "write the whole value in one line",
        explanation: "A field used to go on in a line that begins with white space. That is obsolete, and a sender must \
            not generate it outside message/http content. A server answers 400 or replaces each fold by spaces; not all \
            do the same, so that the value of the field depends on who reads it.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nX-Long: one,\r\n two\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nX-Long: one, two\r\n\r\n")],
        httpolice: &[1016],
        issue: Some(Issue::ObsFold),
    };
}

/// Looks at the lines of a message.
pub(super) fn message(seen: &Seen<'_>, report: &mut Report<'_>) {
    let (head, raw) = (&seen.http.parsed, &seen.http.raw[..]);
    let blank = raw.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    if seen.has(Issue::LeadingCrlf) {
        report.add(Draft::new(&BLANK_LINE_BEFORE_START).head(0..blank));
    }
    if let Some(literal) = literal_line_end(raw) {
        return report.add(Draft::new(&LITERAL_LINE_END).head(literal));
    }
    start_line(head.start, raw, blank, report);
    let fields_at = memchr::memchr(b'\n', &raw[blank..]).map_or(raw.len(), |lf| blank + lf + 1);
    section(raw, &head.fields, fields_at, Draft::head, report);
    section(&seen.http.trailer_raw, &seen.http.trailer.fields, 0, Draft::trailer, report);
    // A line without version may be a whole request of HTTP/0.9, which is not known of a stream joined midway.
    let may_be_whole = seen.has(Issue::MissingVersion) && seen.talk.opener.is_none();
    if seen.has(Issue::MissingBlankLine) && !may_be_whole {
        let end = raw.len();
        report.add(Draft::new(&MISSING_BLANK_LINE).head(end.saturating_sub(1)..end).expected("an empty line after it"));
    }
}

/// Where a line end is written out: after a version, or at the end of a line.
pub(super) fn literal_line_end(raw: &[u8]) -> Option<Range<usize>> {
    const LITERAL: &[u8] = br"\r\n";
    memchr::memmem::find_iter(raw, LITERAL).map(|at| at..at + LITERAL.len()).find(|place| {
        let (before, after) = (&raw[..place.start], &raw[place.end..]);
        before.ends_with(b" HTTP/1.1") || before.ends_with(b" HTTP/1.0") || matches!(after.first(), Some(b'\r' | b'\n'))
    })
}

/// Looks at the white space of a start line, which begins at `at`.
fn start_line(line: StartLine, raw: &[u8], at: usize, report: &mut Report<'_>) {
    let (parts, may_be_empty) = match line {
        StartLine::None => return,
        StartLine::Request { method, target, version } => ([method, target, version], version.is_empty()),
        // What follows the code may begin with any space, which is the phrase's own.
        StartLine::Response { version, code, phrase: _ } => ([version, code, Span::default()], true),
    };
    let [first, second, third] = parts.map(Range::<usize>::from);
    if at < first.start {
        report.add(Draft::new(&SPACE_BEFORE_START_LINE).head(at..first.start));
    }
    let mut gap = |gap: Range<usize>| {
        let space = raw.get(gap.clone()).unwrap_or_default();
        if !matches!(space, b"" | b" ") {
            report.add(Draft::new(&EXTRA_SPACE_IN_START_LINE).head(gap).found(spaces(space)).expected("1 space"));
        }
    };
    gap(first.end..second.start);
    if !may_be_empty {
        gap(second.end..third.start);
        let after = raw[third.end..].iter().take_while(|byte| is_ows(**byte)).count();
        if after > 0 {
            report.add(Draft::new(&SPACE_AFTER_START_LINE).head(third.end..third.end + after));
        }
    }
}

/// Looks at the lines of `raw`, of which those from `fields_at` on are to be field lines.
fn section(
    raw: &[u8],
    fields: &[FieldLine],
    fields_at: usize,
    at: fn(Draft, Range<usize>) -> Draft,
    report: &mut Report<'_>,
) {
    for line in lines(raw) {
        let text = &raw[line.start..line.end];
        if line.next == line.end + 1 {
            report.add(at(Draft::new(&BARE_LF), line.end..line.next).found("LF").expected("CR LF"));
        }
        if let Some(cr) = memchr::memchr(b'\r', text) {
            report.add(at(Draft::new(&BARE_CR), line.start + cr..line.start + cr + 1));
        }
        let indent = text.iter().take_while(|byte| is_ows(**byte)).count();
        if indent > 0 && line.start >= fields_at {
            let lint = match () {
                () if indent == text.len() => &SPACE_IN_BLANK_LINE,
                () if line.start == fields_at => &SPACE_BEFORE_FIRST_FIELD,
                () => &OBS_FOLD,
            };
            report.add(at(Draft::new(lint), line.start..line.start + indent));
        }
    }
    for field in fields.iter().filter(|field| !field.name.is_empty()) {
        let name_end = field.name.end as usize;
        let space = raw[name_end..].iter().take_while(|byte| is_ows(**byte)).count();
        if space > 0 {
            report.add(at(Draft::new(&SPACE_BEFORE_COLON), name_end..name_end + space));
        }
        let value = name_end + space + 1;
        if !field.value.is_empty() && value == field.value.start as usize {
            report.add(at(Draft::new(&NO_SPACE_AFTER_COLON), value - 1..value + 1));
        }
    }
}

/// A line that has its end.
struct Line {
    start: usize,
    /// Where its line end begins.
    end: usize,
    /// Where the next line begins.
    next: usize,
}

fn lines(raw: &[u8]) -> impl Iterator<Item = Line> {
    let mut start = 0;
    memchr::memchr_iter(b'\n', raw).map(move |lf| {
        let line = Line { start, end: lf - usize::from(raw[start..lf].ends_with(b"\r")), next: lf + 1 };
        start = lf + 1;
        line
    })
}

/// What kind of white space, and how much.
fn spaces(text: &[u8]) -> String {
    let tabs = text.iter().filter(|byte| **byte == b'\t').count();
    match (text.len() - tabs, tabs) {
        (spaces, 0) => format!("{spaces} spaces"),
        (0, 1) => "a tab".into(),
        (spaces, tabs) => format!("{spaces} spaces and {tabs} tabs"),
    }
}
