//! Where a request goes: the URL that its target and its Host make (RFC 9112 3.3).

/// The parts of the URL of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Url<'a> {
    /// `http`, or what a target in absolute form names.
    pub scheme: &'a [u8],
    /// Host and port as sent, without user information; empty where the request names none.
    pub authority: &'a [u8],
    /// The path, with its slash; empty where the target has none.
    pub path: &'a [u8],
    /// What follows the question mark.
    pub query: Option<&'a [u8]>,
}

impl<'a> Url<'a> {
    /// Of a request with this target, and this value of Host.
    pub fn new(target: &'a [u8], host: Option<&'a [u8]>) -> Self {
        // What browsers cut off has no part in it.
        let target = target.split(|byte| *byte == b'#').next().unwrap_or_default();
        let (scheme, authority, rest) = match absolute(target) {
            Some(parts) => parts,
            // Authority form, of CONNECT.
            None if !target.starts_with(b"/") && target != b"*" => (&b"http"[..], target, &b""[..]),
            None => (&b"http"[..], host.unwrap_or_default(), target),
        };
        let (path, query) = match memchr::memchr(b'?', rest) {
            Some(at) => (&rest[..at], Some(&rest[at + 1..])),
            None => (rest, None),
        };
        let host = memchr::memrchr(b'@', authority).map_or(authority, |at| &authority[at + 1..]);
        Self { scheme, authority: host, path: if path == b"*" { b"" } else { path }, query }
    }

    /// As one text, in ASCII; `server` stands for a host that is not named.
    pub fn text(&self, server: &str) -> String {
        let mut url = String::new();
        escape(&mut url, self.scheme);
        url.push_str("://");
        if self.authority.is_empty() {
            url.push_str(server);
        } else {
            escape(&mut url, self.authority);
        }
        url.push_str(if self.path.is_empty() { "/" } else { "" });
        escape(&mut url, self.path);
        if let Some(query) = self.query {
            url.push('?');
            escape(&mut url, query);
        }
        url
    }
}

/// Scheme, authority and the rest of a target in absolute form.
fn absolute(target: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let at = target.windows(3).take(16).position(|three| three == b"://")?;
    let (scheme, rest) = (&target[..at], &target[at + 3..]);
    let is_scheme = scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte));
    let end = rest.iter().position(|byte| b"/?".contains(byte)).unwrap_or(rest.len());
    is_scheme.then_some((scheme, &rest[..end], &rest[end..]))
}

/// What no URL has as it is (RFC 3986 2), percent-encoded.
fn escape(url: &mut String, bytes: &[u8]) {
    for &byte in bytes {
        if byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte) {
            url.push(byte.into());
        } else {
            percent(url, byte);
        }
    }
}

/// A byte percent-encoded.
pub fn percent(text: &mut String, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    text.push('%');
    text.push(DIGITS[usize::from(byte >> 4)].into());
    text.push(DIGITS[usize::from(byte & 0xf)].into());
}

/// Undoes percent-encoding, and plus signs for spaces, as forms have it; what is no escape stays.
pub fn unescape_form(text: &[u8]) -> Vec<u8> {
    let digit = |at: usize| text.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let (mut plain, mut at) = (Vec::with_capacity(text.len()), 0);
    while let Some(&byte) = text.get(at) {
        at += 1;
        match (byte, digit(at), digit(at + 1)) {
            (b'%', Some(high), Some(low)) => {
                plain.push((high << 4 | low) as u8);
                at += 2;
            }
            (b'+', ..) => plain.push(b' '),
            _ => plain.push(byte),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn target_and_host_make_a_url() {
        for (target, host, url) in [
            ("/a?b=c?d", Some("h:81"), "http://h:81/a?b=c?d"),
            ("/", None, "http://[::1]:80/"),
            ("*", Some("h"), "http://h/"),
            ("http://u:p@h/x#f", Some("other"), "http://h/x"),
            ("HTTPS://h?q", None, "HTTPS://h/?q"),
            ("h:443", Some("h"), "http://h:443/"),
            ("/a b\"\u{202e}", Some("h"), "http://h/a%20b%22%E2%80%AE"),
            ("/x://y", Some("h"), "http://h/x://y"),
            ("", Some("h"), "http:///"),
        ] {
            let parts = Url::new(target.as_bytes(), host.map(str::as_bytes));
            let server = if parts.authority.is_empty() && host.is_none() { "[::1]:80" } else { "" };
            assert_eq!(parts.text(server), url, "{target}");
        }
    }

    #[test]
    fn forms_are_unescaped() {
        assert_eq!(unescape_form(b"a+b%20c%zz%4"), b"a b c%zz%4");
    }
}
