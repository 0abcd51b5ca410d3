//! Redirects and what else names another resource (RFC 9110 8.7, 10.1.3, 10.2.2, 15.4).

use super::Seen;
use super::entry::Turn::{Client, Server};
use super::entry::{Lint, lints};
use super::report::{Draft, Report, text};
use super::value::{Part, has_scheme, is_loose_uri_text, is_uri_text};
use crate::app::http1::head::HeadRef;
use crate::issue::Severity;

lints! {
    MISSING_LOCATION = Lint {
        name: "missing-location",
        severity: Severity::Warn,
        section: "RFC 9110 15.4",
        title: "a redirect that does not say where to",
        help: "name the other resource: Location: /new",
        explanation: "With 301, 302, 303, 307 and 308 the client is to go elsewhere, and Location says where. Without it a \
            browser shows the body, if there is one, and other clients fail.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 302 Found\r\nLocation: /new\r\nContent-Length: 0\r\n\r\n"),
        ],
        httpolice: &[1078, 1079, 1080, 1084, 1205],
        ..Lint::NONE
    };

    BAD_LOCATION = Lint {
        name: "bad-location",
        severity: Severity::Warn,
        section: "RFC 9110 10.2.2",
        title: "a Location that is empty or has characters that no URI has",
        help: "encode spaces, quotes and bytes above 127 as % and two hexadecimal digits",
        explanation: "Location holds one URI reference. Spaces, quotes, angle brackets and bytes above 127 do not occur in one; \
            clients encode them each in its own way, or stop at the first, and ask for different resources.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 302 Found\r\nLocation: /new page\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 302 Found\r\nLocation: /new%20page\r\nContent-Length: 0\r\n\r\n"),
        ],
        httpolice: &[1000],
        ..Lint::NONE
    };

    REDIRECT_TO_ITSELF = Lint {
        name: "redirect-to-itself",
        severity: Severity::Warn,
        section: "RFC 9110 15.4",
        title: "a redirect to the resource that was asked for",
        help: "redirect elsewhere, or answer the request",
        explanation: "Location names the very URI that the request was for. The client asks again, gets the same answer, and \
            gives up after some rounds. It is not told where the response sets a cookie, since the next request then \
            differs.",
        bad: &[
            Client("GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 302 Found\r\nLocation: http://a.example/a\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 302 Found\r\nLocation: http://a.example/b\r\nContent-Length: 0\r\n\r\n"),
        ],
        httpolice: &[1085],
        ..Lint::NONE
    };

    AMBIGUOUS_REDIRECT = Lint {
        name: "ambiguous-redirect",
        severity: Severity::Chat,
        section: "RFC 9110 15.4.2, 15.4.3",
        title: "301 or 302 to a method with a body",
        help: "send 303 for a GET of the result, or 307 or 308 for the same method again",
        explanation: "After 301 and 302 nearly all clients ask by GET, whatever the method was, although the codes were not \
            meant so. 303 says that, and 307 and 308 that the method and the body stay.",
        bad: &[
            Client("POST /a HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\nok"),
            Server("HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("POST /a HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\nok"),
            Server("HTTP/1.1 303 See Other\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n"),
        ],
        ..Lint::NONE
    };

    CREATED_WITH_FRAGMENT = Lint {
        name: "created-with-fragment",
        severity: Severity::Warn,
        section: "RFC 9110 10.2.2",
        title: "201 with a Location that has a fragment",
        help: "name the resource that was made, without # and what follows",
        explanation: "Location in a 201 names what was created. A fragment is a place within a resource, and nothing that \
            one can ask a server for.",
        bad: &[
            Client("POST /a HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n"),
            Server("HTTP/1.1 201 Created\r\nLocation: /a#1\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("POST /a HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n"),
            Server("HTTP/1.1 201 Created\r\nLocation: /a/1\r\nContent-Length: 0\r\n\r\n"),
        ],
        httpolice: &[1111],
        ..Lint::NONE
    };

    BAD_CONTENT_LOCATION = Lint {
        name: "bad-content-location",
        severity: Severity::Warn,
        section: "RFC 9110 8.7",
        title: "a Content-Location that is not a URI",
        help: "encode what no URI has as % and two hexadecimal digits, and leave the fragment out",
        explanation: "Content-Location names the resource of which the body is a representation, by a URI without a \
            fragment, or by a reference that begins with a path.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nContent-Location: /index de.html\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nContent-Location: /index.de.html\r\nContent-Length: 0\r\n\r\n"),
        ],
        httpolice: &[1000],
        ..Lint::NONE
    };

    BAD_REFERER = Lint {
        name: "bad-referer",
        severity: Severity::Warn,
        section: "RFC 9110 10.1.3",
        title: "a Referer that is no URI, or has a fragment or a user's name",
        help: "send the URI of the page without what follows #, and without user:password@",
        explanation: "Referer names the resource from which the link was taken, by a URI or a path. A client must leave out \
            the fragment and the user information, which are nobody else's business.",
        bad: &[Client("GET /b HTTP/1.1\r\nHost: a.example\r\nReferer: http://a.example/a#top\r\n\r\n")],
        good: &[Client("GET /b HTTP/1.1\r\nHost: a.example\r\nReferer: http://a.example/a\r\n\r\n")],
        httpolice: &[1000],
        ..Lint::NONE
    };

    SECURE_REFERER = Lint {
        name: "secure-referer",
        severity: Severity::Note,
        section: "RFC 9110 10.1.3",
        title: "a Referer of https in a request in the clear",
        help: "leave Referer out where the page came over https and the request does not",
        explanation: "What a page that came over TLS is called may be a secret; in a request in the clear everyone on the \
            path reads it. Behind a proxy that ends TLS it is nothing to worry about.",
        bad: &[Client("GET /b HTTP/1.1\r\nHost: a.example\r\nReferer: https://a.example/a\r\n\r\n")],
        good: &[Client("GET /b HTTP/1.1\r\nHost: a.example\r\nReferer: http://a.example/a\r\n\r\n")],
        httpolice: &[1068],
        ..Lint::NONE
    };
}

/// Looks at the references of a message.
pub(super) fn message(seen: &Seen<'_>, report: &mut Report<'_>) {
    if let Some(value) = seen.value("content-location")
        && (!is_uri_text(value.text) || value.is_empty() || value.text.contains(&b'#'))
    {
        report.add(Draft::new(&BAD_CONTENT_LOCATION).head(value.span()).found(text(value.text)));
    }
    if seen.is_request() {
        referer(seen, report);
    } else if let Some(code) = seen.code() {
        location(seen, code, report);
    }
}

fn referer(seen: &Seen<'_>, report: &mut Report<'_>) {
    let Some(value) = seen.value("referer") else { return };
    let has_user = authority(value.text).is_some_and(|authority| authority.contains(&b'@'));
    if value.text.contains(&b'#') || has_user || !is_loose_uri_text(value.text) {
        report.add(Draft::new(&BAD_REFERER).head(value.span()).found(text(value.text)));
    }
    if value.text.len() > 8 && value.text[..8].eq_ignore_ascii_case(b"https://") {
        report.add(Draft::new(&SECURE_REFERER).head(value.span()));
    }
}

fn location(seen: &Seen<'_>, code: u16, report: &mut Report<'_>) {
    let is_redirect = matches!(code, 301 | 302 | 303 | 307 | 308);
    if is_redirect && seen.is_head_whole() && !seen.has_field("location") {
        report.add(Draft::new(&MISSING_LOCATION).head(seen.code_span()).found(code.to_string()));
    }
    let Some(value) = seen.value("location") else { return };
    if value.is_empty() || !is_loose_uri_text(value.text) {
        report.add(Draft::new(&BAD_LOCATION).head(value.span()).found(text(value.text)));
    }
    if code == 201 && value.text.contains(&b'#') {
        report.add(Draft::new(&CREATED_WITH_FRAGMENT).head(value.span()).found(text(value.text)));
    }
    let Some(request) = seen.asked().filter(|_| is_redirect) else { return };
    if matches!(code, 301 | 302) && request.method() == Some(b"POST") {
        report.add(Draft::new(&AMBIGUOUS_REDIRECT).head(seen.code_span()).found(code.to_string()));
    }
    let asks_again = matches!(request.method(), Some(b"GET" | b"HEAD"));
    if asks_again && !seen.has_field("set-cookie") && names_target(value, request) {
        report.add(Draft::new(&REDIRECT_TO_ITSELF).head(value.span()).found(text(value.text)));
    }
}

/// Whether a reference is, as it is written, the URI that the request was for. A port is not looked away from, and a
/// fragment is: the client keeps it to itself.
fn names_target(value: Part<'_>, request: HeadRef<'_>) -> bool {
    let (Some(target), Some(host)) = (request.target(), request.host()) else { return false };
    let reference = value.text.split(|&byte| byte == b'#').next().unwrap_or_default();
    if reference.is_empty() || target == b"*" {
        return false;
    }
    let absolute = |uri: &[u8]| uri.len() > 7 && uri[..7].eq_ignore_ascii_case(b"http://");
    let (target_host, path) = match target {
        [b'/', ..] => (&host[..], target),
        _ if absolute(target) => split_authority(&target[7..]),
        _ => return false,
    };
    match reference {
        // A path whose second byte is a slash too begins with a host.
        [b'/', b'/', rest @ ..] => same(split_authority(rest), (target_host, path)),
        [b'/', ..] => reference == path,
        _ if absolute(reference) => same(split_authority(&reference[7..]), (target_host, path)),
        _ => false,
    }
}

fn same((host, path): (&[u8], &[u8]), (target_host, target_path): (&[u8], &[u8])) -> bool {
    let path = if path.is_empty() { b"/" } else { path };
    host.eq_ignore_ascii_case(target_host) && path == target_path
}

/// Host with port, and the path and query after it.
fn split_authority(rest: &[u8]) -> (&[u8], &[u8]) {
    rest.split_at(rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len()))
}

/// The authority of an absolute URI that has one.
fn authority(uri: &[u8]) -> Option<&[u8]> {
    let colon = memchr::memchr(b':', uri).filter(|_| has_scheme(uri))?;
    let rest = uri[colon + 1..].strip_prefix(b"//")?;
    Some(split_authority(rest).0)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Conversation, raised};

    fn loops(target: &'static str, location: &str, more: &str) -> bool {
        let mut talk = Conversation::new().turns(&[]);
        talk.data(0, format!("GET {target} HTTP/1.1\r\nHost: a.example\r\n\r\n").as_bytes());
        let head = format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\n{more}Content-Length: 0\r\n\r\n");
        talk.data(1, head.as_bytes());
        raised(&talk).contains(&"redirect-to-itself")
    }

    #[test]
    fn references_to_the_same() {
        assert!(loops("/a?b", "/a?b", "") && loops("/", "http://A.example", "") && loops("/a", "//a.example/a#x", ""));
        assert!(loops("http://a.example/a", "/a", ""));
        for (target, location) in [
            ("/a", "/a/"),
            ("/a", "https://a.example/a"),
            ("/a", "http://www.a.example/a"),
            ("/a", "http://a.example:8080/a"),
            ("/a?b", "/a"),
            ("/a", "a"),
        ] {
            assert!(!loops(target, location, ""), "{target} {location}");
        }
        assert!(!loops("/a", "/a", "Set-Cookie: a=b\r\n"));
    }
}
