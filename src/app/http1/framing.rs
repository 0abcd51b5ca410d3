//! Where a message body ends (RFC 9112 6.3), and what the head says of the connection.

use super::head::{HeadRef, Version, list_elements};
use super::name::Name;
use crate::issue::{Issue, IssueSet};

/// What ends the body of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Framing {
    /// The head: there is no body.
    None,
    /// This many bytes.
    Length(u64),
    /// The last chunk.
    Chunked,
    /// The close of the connection.
    UntilClose,
    /// The head, and what follows it is no longer HTTP/1: a 2xx to CONNECT, or a 101 that names what follows (RFC 9110
    /// 15.2.2).
    Tunnel,
    /// Not to be told: a strict recipient rejects the message.
    Invalid,
}

/// The framing of the message with this head. `answered` is the method of the request that a response answers, where
/// it is known; without it the response is taken for one to an ordinary method.
pub fn framing(head: HeadRef<'_>, answered: Option<&[u8]>) -> (Framing, IssueSet) {
    let mut issues = IssueSet::EMPTY;
    let framing = if head.is_request() { request(head, &mut issues) } else { response(head, answered, &mut issues) };
    (framing, issues)
}

fn request(head: HeadRef<'_>, issues: &mut IssueSet) -> Framing {
    match transfer_coding(head, issues) {
        Some(Coding::Chunked) => Framing::Chunked,
        Some(Coding::Other) => Framing::Invalid,
        None => content_length(head, issues).unwrap_or(Framing::None),
    }
}

fn response(head: HeadRef<'_>, answered: Option<&[u8]>, issues: &mut IssueSet) -> Framing {
    let is_tunnel = answered == Some(b"CONNECT") && (200..300).contains(&head.head.code);
    let bodiless = match head.head.code {
        101 if head.has(Name::Upgrade) => Some(Framing::Tunnel),
        100..200 | 204 => Some(Framing::None),
        _ if is_tunnel => Some(Framing::Tunnel),
        _ => None,
    };
    if let Some(framing) = bodiless {
        // RFC 9112 6.1 and RFC 9110 8.6: a server must not send either in these.
        if head.has(Name::TransferEncoding) || head.has(Name::ContentLength) {
            issues.insert(Issue::BodyNotAllowed);
        }
        return framing;
    }
    // The fields of these tell what another response would have; they are judged, and there is no body.
    let no_body = answered == Some(b"HEAD") || head.head.code == 304;
    let framing = match transfer_coding(head, issues) {
        Some(Coding::Chunked) => Framing::Chunked,
        Some(Coding::Other) => Framing::UntilClose,
        None => content_length(head, issues).unwrap_or(Framing::UntilClose),
    };
    if no_body { Framing::None } else { framing }
}

/// What a Transfer-Encoding says of the framing.
enum Coding {
    /// Chunked is the last coding.
    Chunked,
    /// It is not.
    Other,
}

/// Rules 3 and 4: Transfer-Encoding overrides Content-Length.
fn transfer_coding(head: HeadRef<'_>, issues: &mut IssueSet) -> Option<Coding> {
    if !head.has(Name::TransferEncoding) {
        return None;
    }
    if head.has(Name::ContentLength) {
        issues.insert(Issue::TeAndLength);
    }
    if head.head.version.is_some_and(|version| version < Version::HTTP_11) {
        issues.insert(Issue::TeInHttp10);
    }
    let (mut codings, mut chunked, mut last_is_chunked) = (0, 0, false);
    for coding in head.known(Name::TransferEncoding).flat_map(list_elements) {
        // The chunked coding has no parameters (RFC 9112 7.1), so with one it is another coding.
        last_is_chunked = coding.eq_ignore_ascii_case(b"chunked");
        codings += 1;
        chunked += usize::from(last_is_chunked);
    }
    if codings > chunked {
        issues.insert(Issue::TeUnknown);
    }
    if chunked != 1 || !last_is_chunked {
        issues.insert(Issue::TeNotFinal);
    }
    Some(if last_is_chunked { Coding::Chunked } else { Coding::Other })
}

/// Rules 5 and 6; none where there is no Content-Length.
fn content_length(head: HeadRef<'_>, issues: &mut IssueSet) -> Option<Framing> {
    let mut values = head.known(Name::ContentLength);
    let alone = values.next()?;
    if values.next().is_none()
        && let Some(length) = decimal(alone)
    {
        return Some(Framing::Length(length));
    }
    let (mut first, mut count, mut bad) = (None, 0usize, false);
    let mut take = |number: Option<u64>| {
        count += 1;
        match number {
            None => bad = true,
            Some(length) if *first.get_or_insert(length) != length => issues.insert(Issue::ContentLengthConflict),
            Some(_) => {}
        }
    };
    for value in head.known(Name::ContentLength) {
        match decimal(value) {
            // White space that folds a value is about its numbers, or within one and bad.
            None => value.split(|&b| b == b',').for_each(|number| take(decimal(number.trim_ascii()))),
            number => take(number),
        }
    }
    if bad {
        issues.insert(Issue::BadContentLength);
    }
    if bad || issues.contains(Issue::ContentLengthConflict) {
        return Some(Framing::Invalid);
    }
    if count > 1 {
        issues.insert(Issue::ContentLengthRepeated);
    }
    first.map(Framing::Length)
}

/// `1*DIGIT`, below 2^64.
fn decimal(text: &[u8]) -> Option<u64> {
    let digit = |byte: &u8| Some(u64::from(byte.wrapping_sub(b'0'))).filter(|digit| *digit < 10);
    match text {
        [] => None,
        // Below 10^19, so that nothing overflows.
        [..] if text.len() < 20 => text.iter().try_fold(0u64, |value, byte| Some(value * 10 + digit(byte)?)),
        [..] => text.iter().try_fold(0u64, |value, byte| value.checked_mul(10)?.checked_add(digit(byte)?)),
    }
}

/// Whether the sender of this head means the connection to stay open after the message (RFC 9112 9.3).
pub fn persistent(head: HeadRef<'_>) -> bool {
    let has = |option: &[u8]| head.list("connection").any(|o| o.eq_ignore_ascii_case(option));
    !has(b"close") && (head.head.version >= Some(Version::HTTP_11) || head.head.version.is_some() && has(b"keep-alive"))
}

/// Whether a request waits for a 100 (Continue) before its body (RFC 9110 10.1.1).
pub fn expects_continue(head: HeadRef<'_>) -> bool {
    head.is_request()
        && head.head.version >= Some(Version::HTTP_11)
        && head.list("expect").any(|e| e.eq_ignore_ascii_case(b"100-continue"))
}

/// The first protocol to which the sender asks to switch, or in a 101 switches (RFC 9110 7.8).
pub fn upgrade(head: HeadRef<'_>) -> Option<&[u8]> {
    let is_meant = head.list("connection").any(|option| option.eq_ignore_ascii_case(b"upgrade"));
    head.list("upgrade").next().filter(|_| is_meant)
}

#[cfg(test)]
mod tests {
    use super::super::head::parse;
    use super::*;

    fn check(text: &str, answered: Option<&str>, want: Framing, want_issues: &[&str]) {
        let head = parse(text.as_bytes());
        let (got, issues) = framing(head.of(text.as_bytes()), answered.map(str::as_bytes));
        let issues: Vec<_> = issues.iter().map(Issue::name).collect();
        assert_eq!((got, &issues[..]), (want, want_issues), "{text:?} {answered:?}");
    }

    #[test]
    fn requests() {
        use Framing::*;
        for (fields, want, issues) in [
            ("", None, &[][..]),
            ("Content-Length: 0\r\n", Length(0), &[]),
            ("Content-Length: 12\r\n", Length(12), &[]),
            ("Content-Length: 18446744073709551615\r\n", Length(u64::MAX), &[]),
            ("Content-Length: 18446744073709551616\r\n", Invalid, &["bad_content_length"]),
            ("Content-Length: 5, 5\r\n", Length(5), &["content_length_repeated"]),
            ("Content-Length: 5\r\nContent-Length: 5\r\n", Length(5), &["content_length_repeated"]),
            ("Content-Length: 5\r\nContent-Length: 6\r\n", Invalid, &["content_length_conflict"]),
            ("Content-Length: 5,6\r\n", Invalid, &["content_length_conflict"]),
            ("Content-Length: 5,\r\n", Invalid, &["bad_content_length"]),
            ("Content-Length:\r\n", Invalid, &["bad_content_length"]),
            ("Content-Length: +5\r\n", Invalid, &["bad_content_length"]),
            ("Content-Length: -5\r\n", Invalid, &["bad_content_length"]),
            ("Content-Length: 5 5\r\n", Invalid, &["bad_content_length"]),
            ("Content-Length: 0x5\r\n", Invalid, &["bad_content_length"]),
            ("Transfer-Encoding: chunked\r\n", Chunked, &[]),
            ("Transfer-Encoding: gzip, Chunked\r\n", Chunked, &["te_unknown"]),
            ("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", Chunked, &["te_unknown"]),
            ("Transfer-Encoding: chunked, gzip\r\n", Invalid, &["te_unknown", "te_not_final"]),
            ("Transfer-Encoding: chunked, chunked\r\n", Chunked, &["te_not_final"]),
            ("Transfer-Encoding: identity\r\n", Invalid, &["te_unknown", "te_not_final"]),
            ("Transfer-Encoding:\r\n", Invalid, &["te_not_final"]),
            ("Transfer-Encoding: chunked;a=b\r\n", Invalid, &["te_unknown", "te_not_final"]),
            ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", Chunked, &["te_and_length"]),
        ] {
            check(&format!("POST / HTTP/1.1\r\nHost: h\r\n{fields}\r\n"), Option::None, want, issues);
        }
        check("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", Option::None, Chunked, &["te_in_http10"]);
    }

    #[test]
    fn responses() {
        use Framing::*;
        for (status, fields, answered, want, issues) in [
            ("200", "", Some("GET"), UntilClose, &[][..]),
            ("200", "", Option::None, UntilClose, &[]),
            ("200", "Content-Length: 3\r\n", Option::None, Length(3), &[]),
            ("200", "Content-Length: 3\r\n", Some("HEAD"), None, &[]),
            ("200", "Transfer-Encoding: chunked\r\n", Some("HEAD"), None, &[]),
            ("304", "Content-Length: 3\r\n", Some("GET"), None, &[]),
            ("204", "", Some("GET"), None, &[]),
            ("204", "Content-Length: 0\r\n", Some("GET"), None, &["body_not_allowed"]),
            ("100", "Transfer-Encoding: chunked\r\n", Some("GET"), None, &["body_not_allowed"]),
            ("101", "Upgrade: websocket\r\n", Some("GET"), Tunnel, &[]),
            ("101", "", Some("GET"), None, &[]),
            ("200", "", Some("CONNECT"), Tunnel, &[]),
            ("200", "Content-Length: 3\r\n", Some("CONNECT"), Tunnel, &["body_not_allowed"]),
            ("407", "Content-Length: 3\r\n", Some("CONNECT"), Length(3), &[]),
            ("200", "Transfer-Encoding: gzip\r\n", Option::None, UntilClose, &["te_unknown", "te_not_final"]),
            ("200", "Content-Length: x\r\n", Option::None, Invalid, &["bad_content_length"]),
            ("200", "Content-Length: 1, 2\r\n", Option::None, Invalid, &["content_length_conflict"]),
            ("200", "Content-Length: 1, 2\r\n", Some("HEAD"), None, &["content_length_conflict"]),
        ] {
            check(&format!("HTTP/1.1 {status} x\r\n{fields}\r\n"), answered, want, issues);
        }
    }

    #[test]
    fn the_connection() {
        for (text, keeps, waits, switches) in [
            ("GET / HTTP/1.1\r\n\r\n", true, false, None),
            ("GET / HTTP/1.1\r\nConnection: x, Close\r\n\r\n", false, false, None),
            ("GET / HTTP/1.0\r\n\r\n", false, false, None),
            ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\nExpect: 100-continue\r\n\r\n", true, false, None),
            ("GET /\r\nConnection: keep-alive\r\n\r\n", false, false, None),
            ("PUT / HTTP/1.1\r\nExpect: 100-Continue\r\n\r\n", true, true, None),
            ("GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", true, false, None),
            (
                "GET / HTTP/1.1\r\nConnection: keep-alive, Upgrade\r\nUpgrade: h2c, x\r\n\r\n",
                true,
                false,
                Some(&b"h2c"[..]),
            ),
        ] {
            let head = parse(text.as_bytes());
            let view = head.of(text.as_bytes());
            assert_eq!((persistent(view), expects_continue(view), upgrade(view)), (keeps, waits, switches), "{text:?}");
        }
    }
}
