//! Lines of a head in the form that nearly all have, each read in one pass; any other is left to the parser of all.

use super::head::{FieldLine, Span, StartLine, Version};
use super::name::Name;
use super::start::{MAX_METHOD, MAX_START_LINE, Start};
use super::syntax::{is_path, is_tchar};

/// A start line in which nothing is odd.
#[derive(Clone, Copy)]
pub(super) struct PlainStart {
    pub line: StartLine,
    pub version: Version,
    /// Status code of a response, else 0.
    pub code: u16,
    /// Where the next line begins.
    pub next: usize,
}

impl PlainStart {
    /// What it is the beginning of: [`looks_like_start`](super::start::looks_like_start) says the same.
    pub fn start(&self) -> Start {
        if self.code > 0 { Start::Response } else { Start::Request }
    }
}

/// The start line that begins `bytes`: of HTTP/1.x, with single spaces, and CRLF at its end.
pub(super) fn start_line(bytes: &[u8]) -> Option<PlainStart> {
    if bytes.starts_with(b"HTTP/") { status_line(bytes) } else { request_line(bytes) }
}

fn status_line(bytes: &[u8]) -> Option<PlainStart> {
    let [b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor, b' ', hundreds @ b'1'..=b'5', tens, ones, b' ', ..] = *bytes
    else {
        return None;
    };
    let version = Version { major: 1, minor: digit(minor)? };
    let code = u16::from(hundreds - b'0') * 100 + u16::from(digit(tens)? * 10 + digit(ones)?);
    let end = 13 + visible_len(&bytes[13..]);
    let line = StartLine::Response { version: Span::new(0, 8), code: Span::new(9, 12), phrase: Span::new(13, end) };
    Some(PlainStart { line, version, code, next: after_line_end(bytes, end)? })
}

/// With a method in capitals and a target in origin form, of a length that is waited for.
fn request_line(bytes: &[u8]) -> Option<PlainStart> {
    let method_end = match bytes {
        [b'G', b'E', b'T', b' ', ..] => 3,
        _ => bytes.iter().take(MAX_METHOD + 1).position(|&b| !is_tchar(b) || b.is_ascii_lowercase())?,
    };
    let target = method_end + 1;
    let is_odd = matches!(&bytes[..method_end], b"" | b"CONNECT" | b"PRI");
    if is_odd || !bytes[method_end..].starts_with(b" /") {
        return None;
    }
    let mut end = target;
    let minor = loop {
        end += path_len(&bytes[end..]);
        match bytes[end..] {
            [b'%', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => end += 3,
            [b' ', b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor, b'\r', b'\n', ..] => break digit(minor)?,
            _ => return None,
        }
    };
    let version_end = end + 9;
    let line = StartLine::Request {
        method: Span::new(0, method_end),
        target: Span::new(target, end),
        version: Span::new(end + 1, version_end),
    };
    let next = version_end + 2;
    (next <= MAX_START_LINE).then_some(PlainStart { line, version: Version { major: 1, minor }, code: 0, next })
}

/// The field line that begins at `at`, and where the next one does: a token, a colon, a space or none, a value of
/// visible characters and spaces that neither begins nor ends with one, and CRLF.
#[inline]
pub(super) fn field_line(bytes: &[u8], at: usize) -> Option<(FieldLine, usize)> {
    let line = bytes.get(at..)?;
    let (name, rest) = line.split_at_checked(name_len(line)?)?;
    let (b":", rest) = rest.split_at_checked(1)? else { return None };
    let rest = rest.strip_prefix(b" ").unwrap_or(rest);
    let (value, after) = rest.split_at_checked(visible_len(rest))?;
    let after = after.strip_prefix(b"\r\n")?;
    if matches!(value, [b' ', ..] | [.., b' ']) {
        return None;
    }
    let (start, next) = (bytes.len() - rest.len(), bytes.len() - after.len());
    let value = Span::new(start, start + value.len());
    Some((FieldLine { name: Span::new(at, at + name.len()), value, known: Name::of(name) }, next))
}

/// One past the CRLF at `at`, if there is one.
fn after_line_end(bytes: &[u8], at: usize) -> Option<usize> {
    bytes.get(at..)?.starts_with(b"\r\n").then_some(at + 2)
}

/// One in every byte of a word.
pub(super) const ONES: u64 = u64::MAX / 0xff;

/// The high bit of a byte is set where it is from `first` to `last`, which are below 0x80; the bytes after the first one
/// that is not may be taken wrongly.
#[inline]
fn within(word: u64, first: u8, last: u8) -> u64 {
    let at_least = |byte: u8| word.wrapping_add(ONES * u64::from(0x80 - byte));
    at_least(first) & !at_least(last + 1)
}

/// The same where it is a letter.
#[inline]
fn letters(word: u64) -> u64 {
    within(word | (ONES * 0x20), b'a', b'z')
}

/// How many bytes of a class begin `bytes`: by `usual`, which sets the high bits of those that are of it for certain, up
/// to the first that is not, and by `table`.
#[inline(always)]
fn class_len(bytes: &[u8], usual: impl Fn(u64) -> u64, table: impl Fn(u8) -> bool) -> usize {
    let mut rest = bytes;
    loop {
        if let Some((word, after)) = rest.split_first_chunk() {
            let others = !usual(u64::from_le_bytes(*word)) & (ONES << 7);
            if others == 0 {
                rest = after;
                continue;
            }
            rest = &rest[others.trailing_zeros() as usize / 8..];
        }
        match rest {
            [byte, after @ ..] if table(*byte) => rest = after,
            _ => return bytes.len() - rest.len(),
        }
    }
}

/// Length of the token that begins `bytes`; none where it has none.
#[inline]
fn name_len(bytes: &[u8]) -> Option<usize> {
    let len = class_len(bytes, |word| letters(word) | within(word, b'-', b'-'), is_tchar);
    (len > 0).then_some(len)
}

/// How many characters begin `bytes` that a path or a query may have by themselves.
fn path_len(bytes: &[u8]) -> usize {
    class_len(bytes, |word| letters(word) | within(word, b'&', b';'), is_path)
}

/// How many visible characters and spaces begin `bytes`.
#[inline]
fn visible_len(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    while let Some((word, after)) = rest.split_first_chunk() {
        let others = !within(u64::from_le_bytes(*word), b' ', b'~') & (ONES << 7);
        if others != 0 {
            return bytes.len() - rest.len() + others.trailing_zeros() as usize / 8;
        }
        rest = after;
    }
    let len = rest.iter().position(|byte| !matches!(byte, b' '..=b'~')).unwrap_or(rest.len());
    bytes.len() - rest.len() + len
}

fn digit(byte: u8) -> Option<u8> {
    byte.is_ascii_digit().then(|| byte - b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visible_characters_end_at_the_first_other_byte() {
        for byte in 0..=u8::MAX {
            for at in 0..20 {
                let mut text = [b' '; 24];
                text[at] = byte;
                text[at + 1] = byte.wrapping_add(1);
                let want = text.iter().position(|b| !(0x20..0x7f).contains(b)).unwrap_or(24);
                assert_eq!(visible_len(&text), want, "{byte} {at}");
            }
        }
    }

    #[test]
    fn a_path_ends_at_the_first_byte_that_may_not_be_in_one() {
        for byte in 0..=u8::MAX {
            for before in 0..=u8::MAX {
                let text =
                    [b'/', b'a', before, byte, b'Z', b'_', b'9', b'~', b'z', b'?', b'A', before, byte, b'%', b'a'];
                let want = text.iter().position(|&b| !is_path(b)).unwrap_or(text.len());
                assert_eq!(path_len(&text), want, "{before} {byte}");
            }
        }
    }

    #[test]
    fn a_name_is_a_token() {
        for byte in 0..=u8::MAX {
            for before in 0..=u8::MAX {
                let text =
                    [b'a', b'-', before, byte, b'Z', b'_', b'9', b'~', b'z', b'`', b'A', b'-', before, byte, b':'];
                let len = text.iter().position(|&b| !is_tchar(b));
                assert_eq!(name_len(&text), len, "{before} {byte}");
            }
        }
        for (text, len) in [("", None), ("a", Some(1)), (":", None), ("a:", Some(1)), ("Content-Length", Some(14))] {
            assert_eq!(name_len(text.as_bytes()), len, "{text:?}");
        }
    }

    #[test]
    fn field_lines_of_the_usual_form_are_read_and_no_others() {
        for (line, value) in [("a:\r\n", ""), ("a: \r\n", ""), ("Host: a b\r\n", "a b"), ("x-y:z\r\nq", "z")] {
            let text = format!("12{line}");
            let (field, next) = field_line(text.as_bytes(), 2).unwrap();
            assert_eq!(field.value.of(text.as_bytes()), value.as_bytes(), "{line:?}");
            assert_eq!(text[next..].len(), line.len() - line.find('\n').unwrap() - 1, "{line:?}");
        }
        for line in ["", "a", ":b\r\n", "a b: c\r\n", "a:  b\r\n", "a: b \r\n", "a: b\n", "a: b", "a: b\t\r\n", "\r\n"]
        {
            assert!(field_line(line.as_bytes(), 0).is_none(), "{line:?}");
        }
    }

    #[test]
    fn usual_lines_are_read_and_no_others() {
        for line in [
            "GET / HTTP/1.1\r\n",
            "POST /a%20b?c=d%Ff HTTP/1.0\r\n",
            "X-Y //a HTTP/1.1\r\n",
            "HTTP/1.1 200 OK\r\n",
            "HTTP/1.0 599 \r\n",
        ] {
            assert_eq!(start_line(line.as_bytes()).map(|start| start.next), Some(line.len()), "{line:?}");
        }
        for line in [
            "",
            "GET",
            "GET ",
            "GET /",
            "GET / ",
            " / HTTP/1.1\r\n",
            "GET x HTTP/1.1\r\n",
            "get / HTTP/1.1\r\n",
            "CONNECT / HTTP/1.1\r\n",
            "GET /%2 HTTP/1.1\r\n",
            "GET /a b HTTP/1.1\r\n",
            "GET /  HTTP/1.1\r\n",
            "GET / HTTP/2.0\r\n",
            "GET / HTTP/1.1\n",
            "GET / HTTP/1.1 \r\n",
            "HTTP/1.1 200\r\n",
            "HTTP/1.1 600 \r\n",
            "HTTP/1.1 099 \r\n",
            "HTTP/1.1 200 O\tK\r\n",
            "HTTP/1.1 200 OK\n",
            "HTTP/1.1 200 OK",
        ] {
            assert!(start_line(line.as_bytes()).is_none(), "{line:?}");
        }
    }
}
