//! Cookies as they are sent, and what user agents make of their attributes (RFC 6265 4, 5).

use super::date::MONTHS;
use super::value::Part;
use crate::app::http1::head::HeadRef;
use crate::app::http1::syntax::is_token;

/// A cookie as it is set.
pub(super) struct SetCookie<'a> {
    pub name: Part<'a>,
    pub value: Part<'a>,
    pub attributes: Vec<(Part<'a>, Option<Part<'a>>)>,
}

impl<'a> SetCookie<'a> {
    /// None where it does not begin with a name, which is a token, and an equals sign.
    pub fn of(value: Part<'a>) -> Option<Self> {
        let mut parts = parts(value);
        let (name, value) = split(parts.next()?, b'=')?;
        let (name, value) = (name.trimmed(), value.trimmed());
        let attributes = parts.take(32).map(|part| match split(part, b'=') {
            Some((name, value)) => (name.trimmed(), Some(value.trimmed())),
            None => (part, None),
        });
        is_token(name.text).then(|| Self { name, value, attributes: attributes.collect() })
    }

    /// The value of the last attribute with this name, which is the one that counts.
    pub fn get(&self, name: &str) -> Option<Option<Part<'a>>> {
        self.attributes.iter().rev().find(|(sent, _)| sent.is(name)).map(|(_, value)| *value)
    }

    pub fn is_same(&self, other: &Self) -> bool {
        let text = |cookie: &Self, name| cookie.get(name).flatten().map(|value| value.text.to_ascii_lowercase());
        self.name.text == other.name.text && ["domain", "path"].iter().all(|name| text(self, name) == text(other, name))
    }
}

/// Parts between semicolons; user agents know no quotes here (RFC 6265 5.2).
pub(super) fn parts(value: Part<'_>) -> impl Iterator<Item = Part<'_>> {
    value.split_by(|rest| memchr::memchr(b';', rest.text))
}

pub(super) fn split(part: Part<'_>, separator: u8) -> Option<(Part<'_>, Part<'_>)> {
    Some(part.split_at(memchr::memchr(separator, part.text)?))
}

/// `*cookie-octet / ( DQUOTE *cookie-octet DQUOTE )`
pub(super) fn is_cookie_value(value: &[u8]) -> bool {
    let inner = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
    inner.iter().all(|byte| (0x21..=0x7e).contains(byte) && !b"\",;\\".contains(byte))
}

/// Whether user agents find a date in it: a time, a day, a month and a year, in any order (RFC 6265 5.1.1).
pub(super) fn is_cookie_date(text: &[u8]) -> bool {
    let is_delimiter = |byte: &u8| matches!(byte, b'\t' | 0x20..=0x2f | 0x3b..=0x40 | 0x5b..=0x60 | 0x7b..=0x7e);
    let (mut time, mut day, mut month, mut year) = (false, false, false, false);
    for token in text.split(is_delimiter).filter(|token| !token.is_empty()) {
        let digits = token.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let is_month =
            || token.len() >= 3 && MONTHS.iter().any(|name| token[..3].eq_ignore_ascii_case(name.as_bytes()));
        match digits {
            1 | 2 if !time && token.iter().filter(|byte| **byte == b':').count() >= 2 => time = true,
            1 | 2 if !day => day = true,
            0 if !month && is_month() => month = true,
            2..=4 if !year => year = true,
            _ => {}
        }
    }
    time && day && month && year
}

/// Host of a request, lower case, without its port.
pub(super) fn host_name(request: HeadRef<'_>) -> Option<Vec<u8>> {
    let host = request.host()?.to_ascii_lowercase();
    if host.starts_with(b"[") || host.is_empty() {
        return None;
    }
    let name = host.split(|&byte| byte == b':').next()?;
    Some(name.to_vec())
}

/// Whether `host` is `domain` or in it.
pub(super) fn is_within(host: &[u8], domain: &[u8]) -> bool {
    let domain = domain.strip_prefix(b".").unwrap_or(domain).to_ascii_lowercase();
    let above = host.len().checked_sub(domain.len() + 1).is_some_and(|dot| host[dot] == b'.');
    host == &domain[..] || above && host.ends_with(&domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_cookies() {
        for good in [
            "Wed, 06 Nov 2030 08:49:37 GMT",
            "Wed, 06-Nov-30 08:49:37 GMT",
            "Wednesday, 06-Nov-2030 08:49:37 GMT",
            "Wed Nov  6 08:49:37 2030",
            "6 november 2030 8:49:37",
        ] {
            assert!(is_cookie_date(good.as_bytes()), "{good}");
        }
        for bad in ["", "0", "-1", "2030-11-06", "tomorrow", "Wed, 06 Nov 2030", "1893456000"] {
            assert!(!is_cookie_date(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn domains() {
        let within = |host: &str, domain: &str| is_within(host.as_bytes(), domain.as_bytes());
        assert!(within("www.a.example", ".A.example") && within("a.example", "a.example"));
        assert!(!within("a.example", "www.a.example") && !within("ba.example", "a.example") && !within("a", "a.b.c"));
    }
}
