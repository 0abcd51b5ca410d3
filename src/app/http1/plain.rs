//! Lines of a head in the form that nearly all have, each read in one pass; any other is left to the parser of all.

use super::head::{FieldLine, Span, StartLine, Version};
use super::name::Name;
use super::syntax::{is_path, is_tchar};

/// A start line in which nothing is odd.
pub(super) struct Start {
    pub line: StartLine,
    pub version: Version,
    /// Status code of a response, else 0.
    pub code: u16,
    /// Where the next line begins.
    pub next: usize,
}

/// The start line that begins `bytes`: of HTTP/1.x, with single spaces, and CRLF at its end.
pub(super) fn start_line(bytes: &[u8]) -> Option<Start> {
    if bytes.starts_with(b"HTTP/") { status_line(bytes) } else { request_line(bytes) }
}

fn status_line(bytes: &[u8]) -> Option<Start> {
    let [b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor, b' ', hundreds @ b'1'..=b'5', tens, ones, b' ', ..] = *bytes
    else {
        return None;
    };
    let version = Version { major: 1, minor: digit(minor)? };
    let code = u16::from(hundreds - b'0') * 100 + u16::from(digit(tens)? * 10 + digit(ones)?);
    let end = visible_end(bytes, 13);
    let line = StartLine::Response { version: Span::new(0, 8), code: Span::new(9, 12), phrase: Span::new(13, end) };
    Some(Start { line, version, code, next: after_line_end(bytes, end)? })
}

/// With a method in capitals and a target in origin form.
fn request_line(bytes: &[u8]) -> Option<Start> {
    let method_end = bytes.iter().position(|&b| !is_tchar(b) || b.is_ascii_lowercase())?;
    let target = method_end + 1;
    if method_end == 0 || !bytes[method_end..].starts_with(b" /") || &bytes[..method_end] == b"CONNECT" {
        return None;
    }
    let mut end = target;
    let minor = loop {
        end += bytes[end..].iter().position(|&b| !is_path(b))?;
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
    Some(Start { line, version: Version { major: 1, minor }, code: 0, next: version_end + 2 })
}

/// The field line that begins at `at`, and where the next one does: a token, a colon, a space or none, a value of
/// visible characters and spaces that neither begins nor ends with one, and CRLF.
#[inline]
pub(super) fn field_line(bytes: &[u8], at: usize) -> Option<(FieldLine, usize)> {
    let colon = name_end(bytes, at)?;
    let start = colon + 1 + usize::from(bytes.get(colon + 1) == Some(&b' '));
    let end = visible_end(bytes, start);
    let next = after_line_end(bytes, end)?;
    // Where the value is empty, what precedes its end is the space or the colon.
    if bytes.get(start) == Some(&b' ') || bytes.get(end - 1) == Some(&b' ') && end > start {
        return None;
    }
    let known = Name::of(&bytes[at..colon]);
    Some((FieldLine { name: Span::new(at, colon), value: Span::new(start, end), known }, next))
}

/// One past the CRLF at `at`, if there is one.
fn after_line_end(bytes: &[u8], at: usize) -> Option<usize> {
    bytes.get(at..)?.starts_with(b"\r\n").then_some(at + 2)
}

/// One in every byte of a word.
const ONES: u64 = u64::MAX / 0xff;

/// Where the colon is that ends the token at `at`, which is within `bytes` or at their end.
#[inline]
fn name_end(bytes: &[u8], at: usize) -> Option<usize> {
    let mut rest = &bytes[at..];
    loop {
        if let Some((word, after)) = rest.split_first_chunk() {
            // The high bit of a byte is set where it is a letter; carries disturb only those after the first other byte.
            let lower = u64::from_le_bytes(*word) | (ONES * 0x20);
            let letters = lower.wrapping_add(ONES * (0x80 - 0x61)) & !lower.wrapping_add(ONES * (0x80 - 0x7b));
            let others = !letters & (ONES << 7);
            if others == 0 {
                rest = after;
                continue;
            }
            rest = &rest[others.trailing_zeros() as usize / 8..];
        }
        match rest {
            [b':', ..] => break,
            [first, after @ ..] if is_tchar(*first) => rest = after,
            _ => return None,
        }
    }
    Some(bytes.len() - rest.len()).filter(|colon| *colon > at)
}

/// Where the visible characters and spaces that begin at `at`, which is within `bytes` or at their end, end.
#[inline(never)]
fn visible_end(bytes: &[u8], at: usize) -> usize {
    let mut rest = &bytes[at..];
    while let Some((word, after)) = rest.split_first_chunk() {
        // The high bit of a byte is set where it is below 0x20, 0x7f, or above; carries disturb only those after the
        // first such byte.
        let above = u64::from_le_bytes(*word).wrapping_add(ONES);
        let others = (above | above.wrapping_sub(ONES * 0x21)) & (ONES << 7);
        if others != 0 {
            return bytes.len() - rest.len() + others.trailing_zeros() as usize / 8;
        }
        rest = after;
    }
    let len = rest.iter().position(|b| !matches!(b, b' '..=b'~')).unwrap_or(rest.len());
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
                assert_eq!(visible_end(&text, 0), want, "{byte} {at}");
            }
        }
    }

    #[test]
    fn a_name_is_a_token_with_a_colon_after_it() {
        for byte in 0..=u8::MAX {
            for before in 0..=u8::MAX {
                let text =
                    [b'a', b'-', before, byte, b'Z', b'_', b'9', b'~', b'z', b'`', b'A', b'-', before, byte, b':'];
                let end = text.iter().position(|&b| !is_tchar(b)).filter(|end| text[*end] == b':');
                assert_eq!(name_end(&text, 0), end, "{before} {byte}");
            }
        }
        for (text, end) in
            [("", None), ("a", None), (":", None), ("a:", Some(1)), ("Content-Length", None), ("a b:", None)]
        {
            assert_eq!(name_end(text.as_bytes(), 0), end, "{text:?}");
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
