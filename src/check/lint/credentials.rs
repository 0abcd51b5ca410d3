//! Credentials and challenges (RFC 9110 11; RFC 7617; RFC 6750; RFC 6797).

use super::Seen;
use super::entry::Turn::{Client, Server};
use super::entry::{Lint, lints};
use super::report::{Draft, Report, text};
use super::value::Part;
use crate::app::http1::syntax::is_token;
use crate::issue::Severity;

lints! {
    MISSING_AUTH_SCHEME = Lint {
        name: "missing-auth-scheme",
        severity: Severity::Warn,
        section: "RFC 9110 11.4",
        title: "credentials without a scheme, or a scheme without credentials",
        help: "write the scheme, a space and the credentials: Authorization: Basic dTpw",
        explanation: "Authorization begins with the name of a scheme, such as Basic or Bearer, and what proves who asks \
            follows after a space. With one of the two alone the server cannot tell how to read it, and answers 400 or \
            401.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nAuthorization: dTpw\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nAuthorization: Basic dTpw\r\n\r\n")],
        httpolice: &[1274],
        ..Lint::NONE
    };

    BAD_BASIC_CREDENTIALS = Lint {
        name: "bad-basic-credentials",
        severity: Severity::Error,
        section: "RFC 7617 2",
        title: "Basic credentials that are not base64 of user:password",
        help: "encode the name, a colon and the password in base64, with its padding",
        explanation: "Basic credentials are the user's name, a colon and the password, encoded in base64. A server rejects \
            what it cannot decode, or that has no colon. The encoded text ends with one or two equals signs unless the \
            length is a multiple of three.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nAuthorization: Basic user:password\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nAuthorization: Basic dXNlcjpwYXNzd29yZA==\r\n\r\n")],
        httpolice: &[1209, 1210, 1211, 1212],
        ..Lint::NONE
    };

    CREDENTIALS_IN_CLEAR = Lint {
        name: "credentials-in-clear",
        severity: Severity::Note,
        section: "RFC 7617 4, RFC 6750 5.3",
        title: "a password or a token over a connection in the clear",
        help: "send them over https alone",
        explanation: "Basic credentials are encoded and not encrypted, and whoever has a bearer token is taken for its \
            owner. Everyone on the path reads both; they are in this capture.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nAuthorization: Bearer abc\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        httpolice: &[1261, 1271],
        ..Lint::NONE
    };

    TOKEN_IN_TARGET = Lint {
        name: "token-in-target",
        severity: Severity::Note,
        section: "RFC 6750 2.3",
        title: "an access token in the query of the target",
        help: "send it in a field: Authorization: Bearer and the token",
        explanation: "Targets are written to logs, kept in histories and sent on in Referer, and the token with them.",
        bad: &[Client("GET /?access_token=abc HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        httpolice: &[1270],
        ..Lint::NONE
    };

    BAD_CHALLENGE = Lint {
        name: "bad-challenge",
        severity: Severity::Warn,
        section: "RFC 9110 11.6.1",
        title: "a challenge that does not begin with a scheme, or that lacks its realm",
        help: "write the scheme and its parameters: WWW-Authenticate: Basic realm=\"a\"",
        explanation: "A challenge is a scheme, and after a space its parameters, or a single value in base64. Basic and \
            Digest must have the parameter realm, a quoted string; without it some clients do not ask the user.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server(
                "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"a\"\r\nContent-Length: 0\r\n\r\n",
            ),
        ],
        httpolice: &[1000, 1206, 1273],
        ..Lint::NONE
    };

    UNQUOTED_REALM = Lint {
        name: "unquoted-realm",
        severity: Severity::Note,
        section: "RFC 9110 11.5",
        title: "a realm that is not in double quotes",
        help: "write it in double quotes: realm=\"a\"",
        explanation: "A sender writes the realm as a quoted string alone, for clients that read nothing else.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=a\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server(
                "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"a\"\r\nContent-Length: 0\r\n\r\n",
            ),
        ],
        httpolice: &[1196],
        ..Lint::NONE
    };

    STRICT_TRANSPORT_IN_CLEAR = Lint {
        name: "strict-transport-in-clear",
        severity: Severity::Note,
        section: "RFC 6797 7.2",
        title: "Strict-Transport-Security over a connection in the clear",
        help: "send it over https alone, and redirect from http",
        explanation: "A host must not send the field over a connection that is not secure, where anyone on the path could \
            have written it; user agents ignore it there. Behind a proxy that ends TLS it is as it should be.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nStrict-Transport-Security: max-age=60\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 301 Moved Permanently\r\nLocation: https://a.example/\r\nContent-Length: 0\r\n\r\n"),
        ],
        httpolice: &[1221],
        ..Lint::NONE
    };
}

/// Schemes that need more than their name (IANA's "HTTP Authentication Scheme Registry").
const WITH_REALM: &[&str] = &["basic", "digest"];

/// Looks at what a message says of who sends it.
pub(super) fn message(seen: &Seen<'_>, report: &mut Report<'_>) {
    if seen.is_request() {
        seen.values("authorization")
            .chain(seen.values("proxy-authorization"))
            .for_each(|value| credentials(value, report));
        target(seen, report);
    } else if seen.code().is_some() {
        seen.values("www-authenticate")
            .chain(seen.values("proxy-authenticate"))
            .for_each(|value| challenge(value, report));
        if let Some(field) = seen.named("strict-transport-security").next() {
            report.add(Draft::new(&STRICT_TRANSPORT_IN_CLEAR).head(field.name));
        }
    }
}

fn credentials(value: Part<'_>, report: &mut Report<'_>) {
    let draft = |lint| Draft::new(lint).head(value.span());
    let Some((scheme, rest)) = value.split_once(b' ').map(|(scheme, rest)| (scheme, rest.trimmed())) else {
        return report.add(draft(&MISSING_AUTH_SCHEME).found(text(value.text)));
    };
    if scheme.is("bearer") || scheme.is("basic") {
        report.add(Draft::new(&CREDENTIALS_IN_CLEAR).head(scheme.span()).found(text(scheme.text)));
    }
    if scheme.is("basic") {
        let decoded = decode_base64(rest.text);
        let is_fine = decoded.is_some_and(|decoded| {
            decoded.contains(&b':') && !decoded.iter().any(|byte| *byte < 0x20 || *byte == 0x7f)
        });
        if !is_fine {
            report.add(Draft::new(&BAD_BASIC_CREDENTIALS).head(rest.span()));
        }
    }
}

fn target(seen: &Seen<'_>, report: &mut Report<'_>) {
    let target = seen.head.target().unwrap_or_default();
    let query = memchr::memchr(b'?', target).map_or(&[][..], |at| &target[at + 1..]);
    if query.split(|&byte| byte == b'&').any(|pair| pair.starts_with(b"access_token=") && pair.len() > 13) {
        report.add(Draft::new(&TOKEN_IN_TARGET));
    }
}

/// Looks at a field of challenges. Where one ends and the next begins is not told by the commas alone, so that only what
/// a single one has is looked at closely.
fn challenge(value: Part<'_>, report: &mut Report<'_>) {
    let (scheme, rest) = value.split_once(b' ').unwrap_or((value, Part::new(b"", value.span().end)));
    if !is_token(scheme.text.strip_suffix(b",").unwrap_or(scheme.text)) {
        return report.add(Draft::new(&BAD_CHALLENGE).head(value.span()).found(text(value.text)));
    }
    let realm = rest.elements().find_map(|part| {
        let (name, realm) = part.split_once(b'=')?;
        name.trimmed().is("realm").then_some(realm.trimmed())
    });
    match realm {
        Some(realm) if !realm.is_quoted_string() => {
            report.add(Draft::new(&UNQUOTED_REALM).head(realm.span()).found(text(realm.text)));
        }
        None if WITH_REALM.iter().any(|known| scheme.is(known)) => {
            report.add(Draft::new(&BAD_CHALLENGE).head(value.span()).found(text(value.text)));
        }
        _ => {}
    }
}

/// Decodes base64 (RFC 4648 4). Padding that is missing is put up with, as servers do.
fn decode_base64(encoded: &[u8]) -> Option<Vec<u8>> {
    let digits = encoded.strip_suffix(b"==").or(encoded.strip_suffix(b"=")).unwrap_or(encoded);
    if digits.len() % 4 == 1 || digits.len() < encoded.len() && !encoded.len().is_multiple_of(4) {
        return None;
    }
    let (mut bits, mut count, mut decoded) = (0u32, 0, Vec::new());
    for digit in digits {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            decoded.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64() {
        let decode = |text: &str| decode_base64(text.as_bytes()).map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!(decode("dXNlcjpwYXNzd29yZA==").as_deref(), Some("user:password"));
        assert_eq!(decode("dTpw").as_deref(), Some("u:p"));
        assert_eq!(decode("dXNlcjpwYXNzd29yZA").as_deref(), Some("user:password"));
        for bad in ["user:password", "dTpw=", "a", "dTp w", "dT=w", "dTp-"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }
}
