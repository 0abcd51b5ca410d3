//! Characters and small productions of RFC 9110 and RFC 3986 that heads, framing and start detection share.

/// Whether a byte may stand in a token (RFC 9110 5.6.2).
pub fn is_tchar(byte: u8) -> bool {
    TCHAR[usize::from(byte)]
}

/// Whether `text` is a token: one or more token characters.
pub fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|&b| is_tchar(b))
}

/// Whether a byte may stand in a path or a query by itself (RFC 3986 3.3, 3.4): as `%` may not.
pub fn is_path(byte: u8) -> bool {
    PATH[usize::from(byte)]
}

/// A control character other than HTAB, CR and LF.
pub fn is_control(byte: u8) -> bool {
    byte < 0x20 && !matches!(byte, b'\t' | b'\r' | b'\n') || byte == 0x7f
}

/// Optional white space (RFC 9110 5.6.3).
pub fn is_ows(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// White space of a folded value: OWS and line ends.
pub(super) fn is_fold_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// `text` without the bytes at its ends for which `space` holds.
pub fn trim(text: &[u8], space: fn(u8) -> bool) -> &[u8] {
    let start = text.iter().position(|&b| !space(b)).unwrap_or(text.len());
    let text = &text[start..];
    let end = text.iter().rposition(|&b| !space(b)).map_or(0, |last| last + 1);
    &text[..end]
}

/// Whether `text` begins with `prefix`, letters compared without case.
pub(super) fn starts_with_ignore_case(text: &[u8], prefix: &[u8]) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// Whether `text` names, letters compared without case, a method of IANA's registry or one in wide use beside it.
pub fn is_known_method(text: &[u8]) -> bool {
    METHODS.iter().any(|method| method.as_bytes().eq_ignore_ascii_case(text))
}

/// The same, in capitals.
pub fn is_method(text: &[u8]) -> bool {
    METHODS.iter().any(|method| method.as_bytes() == text)
}

/// Whether a method of the registry begins with it.
pub(super) fn begins_method(text: &[u8]) -> bool {
    METHODS.iter().any(|method| method.as_bytes().starts_with(text))
}

/// IANA's "HTTP Method Registry" without `PRI`, which begins HTTP/2; then those of UPnP, of caches, of Exchange's WebDAV
/// (MS-WDV and its kin), of RPC over HTTP (MS-RPCH), of SSTP (MS-SSTP) and of SCCM.
const METHODS: &[&str] = &[
    "GET",
    "POST",
    "HEAD",
    "PUT",
    "DELETE",
    "OPTIONS",
    "CONNECT",
    "PATCH",
    "TRACE",
    "ACL",
    "BASELINE-CONTROL",
    "BIND",
    "CHECKIN",
    "CHECKOUT",
    "COPY",
    "LABEL",
    "LINK",
    "LOCK",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MKREDIRECTREF",
    "MKWORKSPACE",
    "MOVE",
    "ORDERPATCH",
    "PROPFIND",
    "PROPPATCH",
    "QUERY",
    "REBIND",
    "REPORT",
    "SEARCH",
    "UNBIND",
    "UNCHECKOUT",
    "UNLINK",
    "UNLOCK",
    "UPDATE",
    "UPDATEREDIRECTREF",
    "VERSION-CONTROL",
    "M-SEARCH",
    "NOTIFY",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "PURGE",
    "POLL",
    "BCOPY",
    "BDELETE",
    "BMOVE",
    "BPROPFIND",
    "BPROPPATCH",
    "X-MS-ENUMATTS",
    "RPC_CONNECT",
    "RPC_IN_DATA",
    "RPC_OUT_DATA",
    "SSTP_DUPLEX_POST",
    "CCM_POST",
];

static TCHAR: [bool; 256] = table(b"!#$%&'*+-.^_`|~");
static PATH: [bool; 256] = table(b"-._~!$&'()*+,;=:@/?");

/// Letters, digits and `others`.
const fn table(others: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let mut i = 0;
    while i < others.len() {
        table[others[i] as usize] = true;
        i += 1;
    }
    table
}

/// Whether `target` is one of the four forms of RFC 9112 3.2, in one that `method` allows, of characters that a URI
/// may have (RFC 3986 3).
pub fn is_request_target(method: &[u8], target: &[u8]) -> bool {
    if method.eq_ignore_ascii_case(b"CONNECT") {
        return is_authority_form(target);
    }
    match target {
        b"*" => method.eq_ignore_ascii_case(b"OPTIONS"),
        [b'/', ..] => is_uri_text(target),
        _ => is_absolute_form(target),
    }
}

/// `uri-host ":" port`.
fn is_authority_form(target: &[u8]) -> bool {
    let Some(colon) = memchr::memrchr(b':', target) else { return false };
    let (host, port) = (&target[..colon], &target[colon + 1..]);
    is_host(host) && (1..=5).contains(&port.len()) && port.iter().all(u8::is_ascii_digit)
}

/// `scheme "://" authority path-abempty [ "?" query ]`.
fn is_absolute_form(target: &[u8]) -> bool {
    let Some(colon) = memchr::memchr(b':', target) else { return false };
    let (scheme, rest) = (&target[..colon], &target[colon + 1..]);
    let scheme_ok = scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    let Some(rest) = rest.strip_prefix(b"//") else { return false };
    let authority_len = rest.iter().position(|b| matches!(b, b'/' | b'?')).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(authority_len);
    let host = memchr::memrchr(b'@', authority).map_or(authority, |at| &authority[at + 1..]);
    let name = match memchr::memrchr(b':', host) {
        Some(colon) if host[colon + 1..].iter().all(u8::is_ascii_digit) => &host[..colon],
        _ => host,
    };
    let user = &authority[..authority.len() - host.len()];
    scheme_ok && is_host(name) && is_uri_text(user) && is_uri_text(path)
}

/// A registered name, an IPv4 address, or an IP literal in brackets; not empty.
pub fn is_host(host: &[u8]) -> bool {
    let inner = host.strip_prefix(b"[").and_then(|h| h.strip_suffix(b"]"));
    match inner {
        Some(literal) => !literal.is_empty() && literal.iter().all(|b| b.is_ascii_alphanumeric() || b":.".contains(b)),
        None => !host.is_empty() && is_uri_text(host) && !host.iter().any(|b| b"/?:@".contains(b)),
    }
}

/// Only characters of paths and queries, `%` only before two hexadecimal digits.
fn is_uri_text(text: &[u8]) -> bool {
    text.iter().all(|&b| is_path(b) || b == b'%')
        && memchr::memchr_iter(b'%', text)
            .all(|at| text.get(at + 1..at + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Methods, and what is no target of a request with each.
    pub(crate) const NO_TARGETS: [(&str, &str); 19] = [
        ("GET", ""),
        ("GET", "*"),
        ("GET", "index.html"),
        ("GET", "example.com:80"),
        ("GET", "http://"),
        ("GET", "http:///x"),
        ("GET", "http://a b/"),
        ("GET", "1http://x/"),
        ("GET", "/a b"),
        ("GET", "/a#b"),
        ("GET", "/a\"b"),
        ("GET", "/%2"),
        ("GET", "/%zz"),
        ("GET", "/\u{e9}"),
        ("CONNECT", "example.com"),
        ("CONNECT", "example.com:"),
        ("CONNECT", ":443"),
        ("CONNECT", "/x:1"),
        ("CONNECT", "http://example.com:443"),
    ];

    #[test]
    fn targets_have_the_form_that_the_method_allows() {
        for (method, target) in [
            ("GET", "/"),
            ("GET", "/a/b;c?d=%20&e=f/?"),
            ("get", "//x"),
            ("GET", "http://example.com"),
            ("GET", "http://u:p@example.com:80/x?y"),
            ("GET", "http://[2001:db8::1]:8080/"),
            ("GET", "https://h?q"),
            ("OPTIONS", "*"),
            ("OPTIONS", "/"),
            ("CONNECT", "example.com:443"),
            ("CONNECT", "[::1]:443"),
        ] {
            assert!(is_request_target(method.as_bytes(), target.as_bytes()), "{method} {target}");
        }
        for (method, target) in NO_TARGETS {
            assert!(!is_request_target(method.as_bytes(), target.as_bytes()), "{method} {target}");
        }
    }

    #[test]
    fn trimming_an_all_white_text_leaves_nothing() {
        assert_eq!(trim(b" \t ", is_ows), b"");
        assert_eq!(trim(b" a b\t", is_ows), b"a b");
    }
}
