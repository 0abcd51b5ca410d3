//! Field values in parts, each with its place in the head (RFC 9110 5.6).

use std::borrow::Cow;
use std::ops::Range;

use super::Seen;
use crate::app::http1::head::{HeadRef, StartLine};
use crate::app::http1::syntax::{is_tchar, is_token, trim};

/// A run of bytes of a field value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'a> {
    pub text: &'a [u8],
    /// Where it begins: bytes from the start of the head.
    at: usize,
}

impl<'a> Part<'a> {
    pub fn new(text: &'a [u8], at: usize) -> Self {
        Self { text, at }
    }

    /// Where it is in the head.
    pub fn span(self) -> Range<usize> {
        self.at..self.at + self.text.len()
    }

    pub fn is_empty(self) -> bool {
        self.text.is_empty()
    }

    /// Whether it is this word, compared without case.
    pub fn is(self, word: &str) -> bool {
        self.text.eq_ignore_ascii_case(word.as_bytes())
    }

    pub fn is_token(self) -> bool {
        is_token(self.text)
    }

    /// `DQUOTE *( qdtext / quoted-pair ) DQUOTE` (RFC 9110 5.6.4).
    pub fn is_quoted_string(self) -> bool {
        let Some(inner) = self.text.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\"")) else { return false };
        let mut escaped = false;
        let plain = inner.iter().all(|&byte| match byte {
            _ if escaped => {
                escaped = false;
                true
            }
            b'\\' => {
                escaped = true;
                true
            }
            _ => byte != b'"',
        });
        plain && !escaped
    }

    /// What a quoted string stands for; anything else as it is.
    pub fn unquoted(self) -> Cow<'a, [u8]> {
        if !self.is_quoted_string() {
            return Cow::Borrowed(self.text);
        }
        let inner = &self.text[1..self.text.len() - 1];
        if !inner.contains(&b'\\') {
            return Cow::Borrowed(inner);
        }
        let mut escaped = false;
        let keep = |byte: &&u8| {
            escaped = **byte == b'\\' && !escaped;
            !escaped
        };
        Cow::Owned(inner.iter().filter(keep).copied().collect())
    }

    /// `1*DIGIT`; what does not fit is the largest number, as RFC 9111 1.2.2 has it.
    pub fn number(self) -> Option<u64> {
        let is_number = !self.text.is_empty() && self.text.iter().all(u8::is_ascii_digit);
        let text = std::str::from_utf8(self.text).ok().filter(|_| is_number)?;
        Some(text.parse().unwrap_or(u64::MAX))
    }

    /// Without white space at its ends.
    pub fn trimmed(self) -> Self {
        let start = self.text.iter().position(|&byte| !is_space(byte)).unwrap_or(0);
        Self { text: trim(self.text, is_space), at: self.at + start }
    }

    /// What is before and after the first `separator` that is outside a quoted string.
    pub fn split_once(self, separator: u8) -> Option<(Self, Self)> {
        let at = self.find(separator)?;
        Some(self.split_at(at))
    }

    /// Parts between separators that are outside quoted strings, without the white space around them.
    pub fn split(self, separator: u8) -> impl Iterator<Item = Part<'a>> {
        self.split_by(move |rest| rest.find(separator))
    }

    /// Parts between the bytes that `find` finds in what is left, without the white space around them.
    pub fn split_by(self, find: impl Fn(Self) -> Option<usize>) -> impl Iterator<Item = Part<'a>> {
        let mut rest = Some(self);
        std::iter::from_fn(move || {
            let whole = rest?;
            let (part, after) = match find(whole) {
                Some(at) => {
                    let (part, after) = whole.split_at(at);
                    (part, Some(after))
                }
                None => (whole, None),
            };
            rest = after;
            Some(part.trimmed())
        })
    }

    /// Elements of a list, without empty ones (RFC 9110 5.6.1).
    pub fn elements(self) -> impl Iterator<Item = Part<'a>> {
        self.split(b',').filter(|part| !part.is_empty())
    }

    /// What a list element is, and its parameters: what follows its semicolons, without what is empty.
    pub fn parameters(self) -> (Part<'a>, impl Iterator<Item = Part<'a>>) {
        let mut parts = self.split(b';');
        let first = parts.next().unwrap_or(self);
        (first, parts.filter(|part| !part.is_empty()))
    }

    /// Name and value of a parameter (RFC 9110 5.6.6); none where it is malformed.
    pub fn parameter(self) -> Option<(Part<'a>, Part<'a>)> {
        let (name, value) = self.split_once(b'=')?;
        (name.is_token() && (value.is_token() || value.is_quoted_string())).then_some((name, value))
    }

    /// What is before and after the byte at an index.
    pub fn split_at(self, at: usize) -> (Self, Self) {
        let before = Self { text: &self.text[..at], at: self.at };
        (before, Self { text: &self.text[at + 1..], at: self.at + at + 1 })
    }

    fn find(self, separator: u8) -> Option<usize> {
        let (mut quoted, mut escaped) = (false, false);
        self.text.iter().position(|&byte| {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                _ => return byte == separator && !quoted,
            }
            false
        })
    }
}

/// Optional white space, and the line ends of a folded value.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

impl<'a> Seen<'a> {
    /// Values of the fields with this name that are there to their ends, in wire order.
    pub(super) fn values(&self, name: &'static str) -> impl Iterator<Item = Part<'a>> + use<'a> {
        let head = self.head;
        let cut = if head.head.complete { None } else { head.head.fields.last() };
        let whole = self.named(name).filter(move |field| Some(*field) != cut);
        whole.map(move |field| Part::new(field.value.of(head.bytes), field.value.start as usize))
    }

    /// The value of the only field with this name: none where there are several, of which none is to be believed.
    pub(super) fn value(&self, name: &'static str) -> Option<Part<'a>> {
        let mut values = self.values(name);
        values.next().filter(|_| values.next().is_none())
    }

    /// Elements of the list that the fields with this name make together.
    pub(super) fn elements(&self, name: &'static str) -> impl Iterator<Item = Part<'a>> + use<'a> {
        self.values(name).flat_map(Part::elements)
    }

    /// The status code of a response whose status line is there.
    pub(super) fn code(&self) -> Option<u16> {
        let code = self.http.parsed.code;
        let is_response = matches!(self.http.parsed.start, StartLine::Response { .. }) && self.is_start_line_whole();
        (is_response && (100..600).contains(&code)).then_some(code)
    }

    /// Where its status code is.
    pub(super) fn code_span(&self) -> Range<usize> {
        match self.http.parsed.start {
            StartLine::Response { code, .. } => code.into(),
            _ => 0..0,
        }
    }

    /// The request that it answers, where that is known with its whole head.
    pub(super) fn asked(&self) -> Option<HeadRef<'a>> {
        self.request.map(|request| request.head()).filter(|head| head.head.complete)
    }

    /// Whether the request that it answers has this method.
    pub(super) fn answers(&self, method: &str) -> bool {
        self.asked().and_then(HeadRef::method) == Some(method.as_bytes())
    }

    /// Whether it has a body that is not empty.
    pub(super) fn has_body(&self) -> bool {
        self.http.body_len > 0
    }

    /// Whether every byte of it was captured.
    pub(super) fn is_complete(&self) -> bool {
        self.message.integrity == crate::app::message::Integrity::Complete
    }

    /// The whole body with its codings undone, where it is short enough to be kept.
    pub(super) fn body(&self) -> Option<&'a [u8]> {
        let len = self.http.decoded_len.unwrap_or(self.http.body_len);
        (self.is_complete() && self.is_preview_text() && len == self.http.preview.len() as u64)
            .then_some(&self.http.preview[..])
    }

    /// Whether the preview is of the content and not of a coding of it that is not undone.
    pub(super) fn is_preview_text(&self) -> bool {
        use crate::issue::Issue::{CodingUnknown, DecodedTooLarge, DecompressionFailed};
        ![CodingUnknown, DecodedTooLarge, DecompressionFailed].into_iter().any(|issue| self.has(issue))
    }
}

/// Whether it is a URI-reference by its characters (RFC 3986 2, 4.1): those of URIs, and `%` before two hexadecimal
/// digits.
pub(super) fn is_uri_text(text: &[u8]) -> bool {
    let mut rest = text.iter();
    while let Some(&byte) = rest.next() {
        let fine = match byte {
            b'%' => rest.next().is_some_and(u8::is_ascii_hexdigit) && rest.next().is_some_and(u8::is_ascii_hexdigit),
            _ => byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=".contains(&byte),
        };
        if !fine {
            return false;
        }
    }
    true
}

/// The same, with the marks that browsers send as they are although no URI has them.
pub(super) fn is_loose_uri_text(text: &[u8]) -> bool {
    text.iter().all(|byte| (0x21..=0x7e).contains(byte) && !b"<>\"".contains(byte))
}

/// Whether it begins with a scheme and a colon (RFC 3986 3.1).
pub(super) fn has_scheme(text: &[u8]) -> bool {
    let scheme = text.split(|&byte| byte == b':').next().filter(|scheme| scheme.len() < text.len());
    scheme.is_some_and(|scheme| {
        scheme.first().is_some_and(u8::is_ascii_alphabetic)
            && scheme.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte))
    })
}

/// `*( product / comment )` with white space between them, as in User-Agent and Server (RFC 9110 10.1.5, 10.2.4).
pub(super) fn is_products(text: &[u8]) -> bool {
    let mut rest = text;
    let mut first = true;
    while !rest.is_empty() {
        let after = match rest {
            [b'(', ..] if !first => comment_end(rest),
            _ => product_end(rest),
        };
        let Some(after) = after else { return false };
        let gap = rest[after..].iter().take_while(|byte| is_space(**byte)).count();
        if gap == 0 && after < rest.len() {
            return false;
        }
        rest = &rest[after + gap..];
        first = false;
    }
    !first
}

/// Where `token [ "/" token ]` ends.
fn product_end(text: &[u8]) -> Option<usize> {
    let token = |text: &[u8]| text.iter().take_while(|byte| is_tchar(**byte)).count();
    let name = token(text);
    match text.get(name) {
        _ if name == 0 => None,
        Some(b'/') => match token(&text[name + 1..]) {
            0 => None,
            version => Some(name + 1 + version),
        },
        _ => Some(name),
    }
}

/// Where a comment ends that begins `text`; comments nest (RFC 9110 5.6.5).
pub(super) fn comment_end(text: &[u8]) -> Option<usize> {
    let (mut depth, mut escaped) = (0u32, false);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at + 1);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Conversation, raised};
    use super::*;
    use crate::issue::Severity;

    fn texts<'a>(parts: impl Iterator<Item = Part<'a>>) -> Vec<&'a str> {
        parts.map(|part| std::str::from_utf8(part.text).unwrap()).collect()
    }

    #[test]
    fn separators_in_quotes_separate_nothing_and_places_are_kept() {
        let value = Part::new(b" a=\"x,\\\",y\" ,, b ;c=d", 100);
        assert_eq!(texts(value.elements()), ["a=\"x,\\\",y\"", "b ;c=d"]);
        let last = value.elements().last().unwrap();
        assert_eq!(last.span(), 115..121);
        let (first, rest) = last.parameters();
        assert_eq!((first.text, texts(rest)), (&b"b"[..], vec!["c=d"]));
    }

    #[test]
    fn quoted_strings() {
        let is = |text: &str| Part::new(text.as_bytes(), 0).is_quoted_string();
        assert!(is("\"\"") && is("\"a\\\"b\"") && !is("\"") && !is("\"a\\\"") && !is("\"a\"b\"") && !is("a"));
        assert_eq!(&*Part::new(b"\"a\\\"\\\\b\"", 0).unquoted(), b"a\"\\b");
    }

    #[test]
    fn products_and_comments() {
        for good in ["curl/8.5.0", "a", "Mozilla/5.0 (X11; (nested) Linux) Gecko/1 (x)", "Apache/2.4 (Unix) OpenSSL/1"]
        {
            assert!(is_products(good.as_bytes()), "{good}");
        }
        for bad in ["", "(only a comment)", "a/", "a / b", "Mozilla/5.0 (X11", "a,b", "a(b)", "my client!@"] {
            assert!(!is_products(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn uris() {
        assert!(is_loose_uri_text(b"/a|b{c}^%u1234") && !is_loose_uri_text(b"/a b") && !is_loose_uri_text(b"/\xe9"));
        assert!(is_uri_text(b"http://a.example/%7Eb?c=d#e") && !is_uri_text(b"/a b") && !is_uri_text(b"/%7"));
        assert!(has_scheme(b"mailto:a") && !has_scheme(b"/a:b") && !has_scheme(b"a") && !has_scheme(b"1a:b"));
    }

    /// What is raised where a request or a response is cut, with bytes after it that were not captured.
    fn cut(from: usize, head: &str) -> Vec<&'static str> {
        let mut talk = Conversation::new();
        if from == 1 {
            talk.data(0, b"GET / HTTP/1.1\r\nHost: a.example\r\nUser-Agent: a/1\r\n\r\n");
        }
        talk.data(from, head.as_bytes());
        raised(&talk.lose(from, 60))
    }

    #[test]
    fn what_may_go_on_in_a_hole_is_not_judged() {
        let head = "GET / HTTP/1.1\r\nHost: a.example\r\nRange: bytes=5\r\n";
        assert!(cut(0, head).is_empty(), "{:?}", cut(0, head));
        assert!(cut(0, &format!("{head}Referer: /a\r\n")).contains(&"bad-range"));
        for code in [101, 200, 206, 301, 401, 405, 407, 408, 416, 426] {
            let head = format!("HTTP/1.1 {code} \r\nServer: a/1\r\nCache-Control: no-store, max-age=1");
            assert!(cut(1, &head).is_empty(), "{code} {:?}", cut(1, &head));
        }
    }

    #[test]
    fn a_response_whose_request_is_not_known_is_not_compared_with_it() {
        let lost = Conversation::new().lose(0, 80);
        for (code, fields) in [
            (206, "Content-Range: bytes 0-1/9\r\n"),
            (304, ""),
            (412, ""),
            (417, ""),
            (101, "Upgrade: a\r\nConnection: upgrade\r\n"),
            (201, ""),
        ] {
            let mut talk = Conversation::new().lose(0, 80);
            let body = if code == 304 || code == 101 { "" } else { "Content-Length: 0\r\n" };
            talk.data(1, format!("HTTP/1.1 {code} \r\n{fields}{body}\r\n").as_bytes());
            let loud: Vec<_> = talk
                .findings()
                .iter()
                .filter(|finding| finding.severity > Severity::Chat)
                .map(|f| f.lint.name)
                .collect();
            assert!(
                loud.iter().all(|name| ["missing-date", "content-range-against-length"].contains(name)),
                "{code} {loud:?}"
            );
        }
        assert!(raised(&lost).is_empty());
    }
}
