//! Reading a head: where it ends, and its lines, whatever they are like.

use super::head::{FieldLine, Head, Span, StartLine, Version};
use super::name::Name;
use super::plain::{self, PlainStart};
use super::start::is_status_line;
use super::syntax::{is_control, is_ows, is_request_target, is_tchar, is_token};
use super::syntax::{starts_with_ignore_case, trim};
use crate::issue::Issue;

/// The end of the head that begins `bytes`: one past the first blank line after the start line. Of the first `from`
/// bytes it is known from an earlier call that the head does not end within them.
pub fn find_end(bytes: &[u8], from: usize) -> Option<usize> {
    let ends = memchr::memchr_iter(b'\n', bytes.get(from..)?).map(|lf| from + lf);
    ends.map(|lf| (lf, line_before(&bytes[..lf])))
        // After a line that is blank too, it is one of those that may precede the start line (RFC 9112 2.2).
        .find(|&(_, line)| line.is_some_and(|rest| line_before(rest).is_none()))
        .map(|(lf, _)| lf + 1)
}

/// Where `bytes`, which is followed by LF, ends in a blank line: what precedes that line, without its LF. None where
/// the line has content. Blank lines at the very start have nothing before them, and count as preceded by another.
fn line_before(bytes: &[u8]) -> Option<&[u8]> {
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    if bytes.is_empty() { Some(bytes) } else { bytes.strip_suffix(b"\n") }
}

/// Parses a head, or as much of one as is there; see [`parse_into`].
pub fn parse(bytes: &[u8]) -> Head {
    let mut head = Head::default();
    parse_into(bytes, &mut head);
    head
}

/// Parses the head that begins `bytes`, up to its blank line or, where that is not there, to the end: a last line
/// without a line end is kept and not judged. The storage of `head` is used again.
pub fn parse_into(bytes: &[u8], head: &mut Head) {
    parse_after(plain::start_line(bytes), bytes, head);
}

/// The same where it is known whether the start line is a plain one.
pub(super) fn parse_after(start: Option<PlainStart>, bytes: &[u8], head: &mut Head) {
    Parser::new(bytes, head).head(start);
}

/// Parses field lines alone, as a trailer section has them (RFC 9112 7.1.2).
pub fn parse_fields_into(bytes: &[u8], head: &mut Head) {
    let mut parser = Parser::new(bytes, head);
    parser.fields();
    parser.judge_bytes();
}

/// A line without its end.
#[derive(Clone, Copy)]
struct Line {
    start: usize,
    end: usize,
    /// Whether its line end is there.
    ended: bool,
}

struct Parser<'a, 'h> {
    bytes: &'a [u8],
    at: usize,
    /// CRs that belong to line ends.
    line_end_crs: usize,
    /// Whether every line was a plain one so far, so that its bytes are known to be where they may be.
    plain: bool,
    head: &'h mut Head,
}

impl<'a, 'h> Parser<'a, 'h> {
    fn new(bytes: &'a [u8], head: &'h mut Head) -> Self {
        head.clear();
        let bytes = &bytes[..bytes.len().min(u32::MAX as usize)];
        Self { bytes, at: 0, line_end_crs: 0, plain: true, head }
    }

    fn head(&mut self, start: Option<PlainStart>) {
        if let Some(start) = start {
            self.plain_start_line(start);
            self.fields();
        } else if self.any_start_line() {
            self.fields();
        }
        self.judge();
    }

    /// Flags what the whole tells.
    fn judge(&mut self) {
        self.judge_bytes();
        if self.head.complete {
            self.judge_host();
        }
    }

    fn plain_start_line(&mut self, start: PlainStart) {
        self.head.start = start.line;
        self.head.version = Some(start.version);
        self.head.code = start.code;
        self.line_end_crs += 1;
        self.at = start.next;
    }

    fn any_start_line(&mut self) -> bool {
        while let Some(line) = self.next_line() {
            if line.start < line.end || !line.ended {
                self.start_line(line);
                return true;
            }
            self.flag(Issue::LeadingCrlf);
        }
        false
    }

    fn fields(&mut self) {
        while !self.head.complete {
            self.plain_field_lines();
            if !self.head.complete && !self.any_field_line() {
                break;
            }
        }
    }

    /// Reads lines as long as they are plain ones, and the blank line after them.
    fn plain_field_lines(&mut self) {
        let (mut next, mut names, before) = (self.at, self.head.names, self.head.fields.len());
        while let Some((field, end)) = plain::field_line(self.bytes, next) {
            names.insert(field.known);
            self.head.fields.push(field);
            next = end;
        }
        self.head.names = names;
        self.line_end_crs += self.head.fields.len() - before;
        if self.bytes[next..].starts_with(b"\r\n") {
            self.head.complete = true;
            self.line_end_crs += 1;
            next += 2;
        }
        self.at = next;
        self.head.len = next as u32;
    }

    fn any_field_line(&mut self) -> bool {
        let Some(line) = self.next_line() else { return false };
        if line.start == line.end && line.ended {
            self.head.complete = true;
        } else {
            self.field_line(line);
        }
        true
    }

    fn next_line(&mut self) -> Option<Line> {
        let start = self.at;
        let (end, next, ended) = match memchr::memchr(b'\n', &self.bytes[start..]) {
            Some(len) => (start + len, start + len + 1, true),
            None => (self.bytes.len(), self.bytes.len(), false),
        };
        if start == next {
            return None;
        }
        self.at = next;
        self.plain = false;
        self.head.len = next as u32;
        let has_cr = self.bytes[start..end].ends_with(b"\r");
        self.line_end_crs += usize::from(has_cr);
        if ended && !has_cr {
            self.flag(Issue::BareLf);
        }
        Some(Line { start, end: end - usize::from(has_cr), ended })
    }

    fn start_line(&mut self, line: Line) {
        let issues = self.head.issues;
        if is_status_line(&self.bytes[line.start..line.end]) {
            self.status_line(line);
        } else {
            self.request_line(line);
        }
        if !line.ended {
            self.head.issues = issues;
        }
    }

    fn status_line(&mut self, line: Line) {
        let version = self.word(line.start, line.end);
        let version_end = version.end as usize;
        let code_start = self.skip_separator(version_end, line.end);
        let mut code = self.word(code_start, line.end);
        if let [a, b, c, d, ..] = code.of(self.bytes)
            && [a, b, c].into_iter().all(u8::is_ascii_digit)
            && !d.is_ascii_digit()
        {
            code.end = code.start + 3;
        }
        let code_end = code.end as usize;
        // One space; any more are the phrase's own (RFC 9112 4).
        let space = self.bytes[code_end..line.end].first().is_some_and(|&b| is_ows(b));
        let phrase = Span::new(code_end + usize::from(space), line.end);
        self.head.start = StartLine::Response { version, code, phrase };
        if line.ended || code_start > version_end {
            self.version(version);
        }
        if line.ended || code_end < line.end {
            let digits = code.of(self.bytes);
            let number = std::str::from_utf8(digits).ok().filter(|_| digits.iter().all(u8::is_ascii_digit));
            self.head.code = number.and_then(|n| n.parse().ok()).unwrap_or(0);
            if digits.len() != 3 || !(100..600).contains(&self.head.code) {
                self.flag(Issue::BadStatusCode);
            }
        }
        match self.bytes.get(code_end) {
            Some(b' ') => {}
            Some(b'\t') if code_end < line.end => self.flag(Issue::ExtraWhitespace),
            _ => self.flag(Issue::MissingSpace),
        }
    }

    fn request_line(&mut self, line: Line) {
        let text = trim(&self.bytes[line.start..line.end], is_ows);
        if text.len() < line.end - line.start {
            self.flag(Issue::ExtraWhitespace);
        }
        let start = line.start + self.leading_space(line.start, line.end);
        let end = start + text.len();
        let method = self.word(start, end);
        let target_start = self.skip_separator(method.end as usize, end);
        let (target, version) = self.split_version(target_start, end, line.ended);
        self.head.start = StartLine::Request { method, target, version };

        let method = method.of(self.bytes);
        if !is_token(method) {
            self.flag(Issue::BadStartLine);
        } else if method.iter().any(u8::is_ascii_lowercase) {
            self.flag(Issue::LowercaseMethod);
        }
        if !is_request_target(method, target.of(self.bytes)) {
            self.flag(Issue::BadRequestTarget);
        }
        if version.is_empty() {
            self.flag(Issue::MissingVersion);
        } else {
            self.version(version);
        }
    }

    /// Parts what follows the method into the target and the version, which is the last word where that looks like one,
    /// or, in a line that has no end, like the beginning of one.
    fn split_version(&mut self, start: usize, end: usize, ended: bool) -> (Span, Span) {
        let rest = &self.bytes[start..end];
        let last = rest.iter().rposition(|&b| is_ows(b)).map_or(0, |space| space + 1);
        let word = &rest[last..];
        let cut = !ended && last > 0 && b"HTTP/".starts_with(word);
        let is_version = cut || starts_with_ignore_case(word, b"HTTP/") || last > 0 && resembles_version(word);
        if !is_version {
            return (Span::new(start, end), Span::new(end, end));
        }
        let target = trim(&rest[..last], is_ows);
        if last > target.len() + 1 || last > 0 && rest[last - 1] != b' ' {
            self.flag(Issue::ExtraWhitespace);
        }
        (Span::new(start, start + target.len()), Span::new(start + last, end))
    }

    fn version(&mut self, version: Span) {
        let text = version.of(self.bytes);
        if let Some(&[major, b'.', minor]) = text.get(5..)
            && starts_with_ignore_case(text, b"HTTP/")
            && major.is_ascii_digit()
            && minor.is_ascii_digit()
        {
            self.head.version = Some(Version { major: major - b'0', minor: minor - b'0' });
        }
        if !(text.starts_with(b"HTTP/") && self.head.version.is_some_and(|v| v.major == 1)) {
            self.flag(Issue::BadVersion);
        }
    }

    /// The word that begins at `start`: up to white space or `end`.
    fn word(&self, start: usize, end: usize) -> Span {
        let text = &self.bytes[start..end];
        Span::new(start, start + text.iter().position(|&b| is_ows(b)).unwrap_or(text.len()))
    }

    fn leading_space(&self, start: usize, end: usize) -> usize {
        self.bytes[start..end].iter().take_while(|&&b| is_ows(b)).count()
    }

    /// Where the next word begins after the white space at `at`, which is to be one space.
    fn skip_separator(&mut self, at: usize, end: usize) -> usize {
        let spaces = self.leading_space(at, end);
        if spaces > 1 || spaces == 1 && self.bytes[at] != b' ' {
            self.flag(Issue::ExtraWhitespace);
        }
        at + spaces
    }

    fn field_line(&mut self, line: Line) {
        let text = &self.bytes[line.start..line.end];
        if text.first().is_some_and(|&b| is_ows(b)) {
            return self.continuation(line);
        }
        let name_end = match text.iter().position(|&b| !is_tchar(b)) {
            Some(end) if end > 0 && text[end] == b':' => Some(end),
            Some(_) => memchr::memchr(b':', text),
            None => None,
        };
        let Some(colon) = name_end else {
            if line.ended {
                self.flag(Issue::MissingColon);
            }
            return self.nameless(line);
        };
        let name = trim(&text[..colon], is_ows);
        if name.len() < colon {
            self.flag(Issue::ExtraWhitespace);
        }
        let token = is_token(name);
        let field = FieldLine {
            name: Span::new(line.start, line.start + name.len()),
            value: self.trimmed(line.start + colon + 1, line.end),
            known: if token { Name::of(name) } else { Name::Other },
        };
        if !token {
            self.flag(Issue::BadHeaderName);
        }
        self.head.push(field);
    }

    /// A line that begins with white space continues the value before it (RFC 9112 5.2); after the start line, where
    /// there is none, it is kept by itself.
    fn continuation(&mut self, line: Line) {
        let more = self.trimmed(line.start, line.end);
        let Some(field) = self.head.fields.last_mut() else {
            self.flag(Issue::ExtraWhitespace);
            return self.nameless(line);
        };
        if field.value.is_empty() {
            field.value = more;
        } else if !more.is_empty() {
            field.value.end = more.end;
        }
        self.flag(Issue::ObsFold);
    }

    fn nameless(&mut self, line: Line) {
        self.head.push(FieldLine {
            name: Span::new(line.start, line.start),
            value: self.trimmed(line.start, line.end),
            known: Name::Other,
        });
    }

    fn trimmed(&self, start: usize, end: usize) -> Span {
        let start = start + self.leading_space(start, end);
        Span::new(start, start + trim(&self.bytes[start..end], is_ows).len())
    }

    /// Flags bytes that may not be where they are.
    fn judge_bytes(&mut self) {
        if self.plain {
            return;
        }
        let bytes = &self.bytes[..self.head.len as usize];
        if memchr::memchr_iter(b'\r', bytes).count() > self.line_end_crs {
            self.flag(Issue::BareCr);
        }
        if !bytes.iter().fold(false, |odd, &b| odd | is_control(b) | (b >= 0x80)) {
            return;
        }
        let (strict, phrase) = match self.head.start {
            StartLine::None => (Span::default(), Span::default()),
            StartLine::Request { method, target, version } => {
                (Span { start: method.start, end: version.end.max(target.end) }, Span::default())
            }
            StartLine::Response { version, code, phrase } => (Span { start: version.start, end: code.end }, phrase),
        };
        let values = self.head.fields.iter().map(|field| field.value).chain([phrase]);
        let names = self.head.fields.iter().map(|field| field.name).chain([strict]);
        let mut issues = self.head.issues;
        for value in values.map(|span| span.of(bytes)) {
            if value.iter().any(|&b| is_control(b)) {
                issues.insert(Issue::InvalidByte);
            }
            if value.iter().any(|&b| b >= 0x80) {
                issues.insert(Issue::ObsText);
            }
        }
        if names.map(|span| span.of(bytes)).any(|text| text.iter().any(|&b| is_control(b) || b >= 0x80)) {
            issues.insert(Issue::InvalidByte);
        }
        self.head.issues = issues;
    }

    fn judge_host(&mut self) {
        let head = self.head.of(self.bytes);
        if !head.is_request() {
            return;
        }
        match head.known(Name::Host).count() {
            0 if head.head.version >= Some(Version::HTTP_11) => self.flag(Issue::MissingHost),
            0 | 1 => {}
            _ => self.flag(Issue::MultipleHosts),
        }
    }

    fn flag(&mut self, issue: Issue) {
        self.head.issues.insert(issue);
    }
}

/// A word meant as a version: `HTTP` and whatever, or letters, a slash, and a number.
fn resembles_version(word: &[u8]) -> bool {
    let letters = word.iter().take_while(|b| b.is_ascii_alphabetic()).count();
    word[..letters].eq_ignore_ascii_case(b"HTTP")
        || letters > 0 && matches!(word[letters..], [b'/', digit, b'.', ..] if digit.is_ascii_digit())
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
