//! Status codes: the fields that they require, and the requests that they may answer (RFC 9110 15).

use super::Seen;
use super::codes::CODES;
use super::entry::Turn::{Client, Server};
use super::entry::{Lint, lints};
use super::report::{Draft, Report, text};
use crate::app::http1::head::{HeadRef, Version};
use crate::issue::Severity;

lints! {
    UNKNOWN_STATUS_CODE = Lint {
        name: "unknown-status-code",
        severity: Severity::Note,
        section: "RFC 9110 16.2",
        title: "a status code that is not in IANA's registry",
        help: "send a registered code, and tell the details in the body",
        explanation: "A client treats a code that it does not know like the x00 of its class: 299 like 200, 499 like 400. A \
            code of one's own therefore says no more than that to software other than one's own.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 299 Fine\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 Fine\r\nContent-Length: 0\r\n\r\n"),
        ],
        ..Lint::NONE
    };

    RETIRED_STATUS_CODE = Lint {
        name: "retired-status-code",
        severity: Severity::Note,
        section: "RFC 9110 15.4.6",
        title: "a status code that is no longer used",
        help: "send 307 or 302 to redirect, and configure proxies in the client",
        explanation: "305 (Use Proxy) is deprecated since a server could send its clients to a proxy that it does not \
            control, and 306 and 418 are reserved so that nobody gives them another meaning.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 305 Use Proxy\r\nLocation: http://p.example/\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 307 Temporary Redirect\r\nLocation: http://p.example/\r\nContent-Length: 0\r\n\r\n"),
        ],
        httpolice: &[1082, 1083],
        ..Lint::NONE
    };

    PHRASE_OF_OTHER_CODE = Lint {
        name: "phrase-of-other-code",
        severity: Severity::Note,
        section: "RFC 9112 4",
        title: "a reason phrase that is that of another status code",
        help: "make the code say what happened: clients do not read the phrase",
        explanation: "Any phrase may follow the code, and clients ignore it. Where it is the registered phrase of another \
            code, mostly the code is wrong: `200 Not Found` is a success to every client, and `404 OK` a failure.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 Not Found\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
        ],
        ..Lint::NONE
    };

    MISSING_WWW_AUTHENTICATE = Lint {
        name: "missing-www-authenticate",
        severity: Severity::Warn,
        section: "RFC 9110 15.5.2",
        title: "401 without WWW-Authenticate",
        help: "send a challenge, such as WWW-Authenticate: Basic realm=\"a\", or 403",
        explanation: "401 asks the client to prove who it is, and the field tells how. Without a challenge a client cannot \
            go on; a server that knows who asks and refuses sends 403.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server(
                "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"a\"\r\nContent-Length: 0\r\n\r\n",
            ),
        ],
        httpolice: &[1194],
        ..Lint::NONE
    };

    MISSING_PROXY_AUTHENTICATE = Lint {
        name: "missing-proxy-authenticate",
        severity: Severity::Warn,
        section: "RFC 9110 15.5.8",
        title: "407 without Proxy-Authenticate",
        help: "send a challenge, such as Proxy-Authenticate: Basic realm=\"proxy\"",
        explanation: "407 is a proxy's 401: it asks the client to prove to the proxy who it is, and the field tells how. \
            Without a challenge the client cannot go on.",
        bad: &[
            Client("GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server(
                "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"proxy\"\r\n\
                 Content-Length: 0\r\n\r\n",
            ),
        ],
        httpolice: &[1195],
        ..Lint::NONE
    };

    MISSING_ALLOW = Lint {
        name: "missing-allow",
        severity: Severity::Warn,
        section: "RFC 9110 15.5.6",
        title: "405 without Allow",
        help: "list the methods that the resource has: Allow: GET, HEAD",
        explanation: "405 says that the resource does not have the method, and Allow which ones it has; an empty Allow \
            says none. A server that does not know the method at all sends 501.",
        bad: &[
            Client("DELETE / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("DELETE / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD\r\nContent-Length: 0\r\n\r\n"),
        ],
        httpolice: &[1089],
        ..Lint::NONE
    };

    METHOD_ALLOWED = Lint {
        name: "method-allowed",
        severity: Severity::Note,
        section: "RFC 9110 10.2.1",
        title: "405, although Allow lists the method",
        help: "leave the method out of Allow, or answer it",
        explanation: "The response says at once that the method is not allowed and that it is.",
        bad: &[
            Client("DELETE / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, DELETE\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("DELETE / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 405 Method Not Allowed\r\nAllow: GET\r\nContent-Length: 0\r\n\r\n"),
        ],
        httpolice: &[1114],
        ..Lint::NONE
    };

    BAD_ALLOW = Lint {
        name: "bad-allow",
        severity: Severity::Warn,
        section: "RFC 9110 10.2.1",
        title: "an Allow that is not a list of methods",
        help: "separate the methods by commas: Allow: GET, HEAD, POST",
        explanation: "Allow is a list of methods with commas between them. Separated by spaces or semicolons they are one \
            method that nobody knows.",
        bad: &[
            Client("OPTIONS / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nAllow: GET HEAD\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("OPTIONS / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nAllow: GET, HEAD\r\nContent-Length: 0\r\n\r\n"),
        ],
        httpolice: &[1000],
        ..Lint::NONE
    };

    MISSING_UPGRADE = Lint {
        name: "missing-upgrade",
        severity: Severity::Error,
        section: "RFC 9110 7.8, 15.5.22",
        title: "101 or 426 without Upgrade",
        help: "name the protocol: Upgrade: websocket",
        explanation: "A 101 names the protocol to which the connection is switched, and a 426 the one that the server \
            demands. Without it the client does not know what the next bytes are.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\n"),
            Server("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server(
                "HTTP/1.1 426 Upgrade Required\r\nUpgrade: foo\r\nConnection: upgrade\r\nContent-Length: 0\r\n\r\n",
            ),
        ],
        httpolice: &[1048, 1101],
        ..Lint::NONE
    };

    UNASKED_UPGRADE = Lint {
        name: "unasked-upgrade",
        severity: Severity::Error,
        section: "RFC 9110 7.8",
        title: "101, although the request did not offer that protocol",
        help: "answer in HTTP unless the request lists the protocol in Upgrade",
        explanation: "A server must not switch to a protocol that the client did not list in the Upgrade field of the \
            request: the client goes on to read HTTP.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 101 Switching Protocols\r\nUpgrade: foo\r\nConnection: upgrade\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\nUpgrade: foo\r\nConnection: upgrade\r\n\r\n"),
            Server("HTTP/1.1 101 Switching Protocols\r\nUpgrade: foo\r\nConnection: upgrade\r\n\r\n"),
        ],
        httpolice: &[1049],
        ..Lint::NONE
    };

    INTERIM_TO_HTTP10 = Lint {
        name: "interim-to-http10",
        severity: Severity::Error,
        section: "RFC 9110 15.2",
        title: "a 1xx response to a request of HTTP/1.0",
        help: "send only the final response to a client of HTTP/1.0",
        explanation: "HTTP/1.0 has no 1xx codes. Its clients take the interim response for the final one, and the final \
            one for that of their next request.",
        bad: &[
            Client("POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\nok"),
            Server("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("POST / HTTP/1.1\r\nHost: a.example\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"),
            Server("HTTP/1.1 100 Continue\r\n\r\n"),
            Client("ok"),
            Server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        ],
        httpolice: &[1051, 1071],
        ..Lint::NONE
    };

    BODY_OF_205 = Lint {
        name: "body-of-205",
        severity: Severity::Warn,
        section: "RFC 9110 15.3.6",
        title: "205 with a body",
        help: "send Content-Length: 0, or 200 with the body",
        explanation: "205 asks the client to clear the form from which the request came, and has no content of its own. \
            Some clients do not read one, and take its bytes for the next response.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 205 Reset Content\r\nContent-Length: 2\r\n\r\nok"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n"),
        ],
        httpolice: &[1076],
        ..Lint::NONE
    };

    TIMEOUT_WITHOUT_CLOSE = Lint {
        name: "timeout-without-close",
        severity: Severity::Note,
        section: "RFC 9110 15.5.9",
        title: "408 without Connection: close",
        help: "send Connection: close with a 408, and close",
        explanation: "408 says that the server waits no longer for the request. Since the rest of it may still come, and \
            cannot be told from the next one, the connection is of no more use.",
        bad: &[
            Client("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\n"),
            Server("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\nok"),
            Server("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
        ],
        httpolice: &[1094],
        ..Lint::NONE
    };

    BAD_RETRY_AFTER = Lint {
        name: "bad-retry-after",
        severity: Severity::Warn,
        section: "RFC 9110 10.2.3",
        title: "a Retry-After that is neither seconds nor a date",
        help: "send a number of seconds: Retry-After: 120",
        explanation: "The value is a number of seconds in decimal digits, or a date in the form of HTTP. A client that \
            cannot read it waits as long as it thinks fit, or not at all.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2 minutes\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n"),
        ],
        httpolice: &[1000],
        ..Lint::NONE
    };

    CODE_WITHOUT_CAUSE = Lint {
        name: "code-without-cause",
        severity: Severity::Note,
        section: "RFC 9110 15.5",
        title: "a status code that complains of what the request does not have",
        help: "send the code of what is really wrong, or 400",
        explanation: "406 complains of the request's Accept fields, 411 of a missing Content-Length, 413 and 415 of its \
            body, 416 of its Range, 417 of its Expect. The request gives no cause for that, so that the client has \
            nothing to mend.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("PUT / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\nok"),
            Server("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n"),
        ],
        httpolice: &[1090, 1097, 1098, 1099, 1100, 1149],
        ..Lint::NONE
    };

    CREATED_BY_SAFE_METHOD = Lint {
        name: "created-by-safe-method",
        severity: Severity::Note,
        section: "RFC 9110 9.2.1",
        title: "201, 202 or 409 to a method that changes nothing",
        help: "change things by POST, PUT, PATCH or DELETE, and answer GET with 200",
        explanation: "GET, HEAD, OPTIONS and TRACE are safe: they only read. A response that says that something was \
            created or begun, or conflicts with the state, tells that they did more, and then a link that a robot \
            follows, or a page that is loaded again, changes things too.",
        bad: &[
            Client("GET /new HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 201 Created\r\nLocation: /1\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("POST /new HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n"),
            Server("HTTP/1.1 201 Created\r\nLocation: /1\r\nContent-Length: 0\r\n\r\n"),
        ],
        httpolice: &[1072, 1074, 1095],
        ..Lint::NONE
    };

    ERROR_WITHOUT_BODY = Lint {
        name: "error-without-body",
        severity: Severity::Chat,
        section: "RFC 9110 15.5",
        title: "a 4xx or 5xx response without an explanation",
        help: "send a short text that says what went wrong and whether it lasts",
        explanation: "Other than to HEAD, a server should explain an error in the body, and say whether it is temporary. A \
            person who sees an empty page does not know either.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nno such page\n"),
        ],
        httpolice: &[1087, 1096, 1104],
        ..Lint::NONE
    };
}

/// Looks at a response.
pub(super) fn message(seen: &Seen<'_>, report: &mut Report<'_>) {
    if let Some(allow) = seen.elements("allow").find(|method| !method.is_token()) {
        report.add(Draft::new(&BAD_ALLOW).head(allow.span()).found(text(allow.text)));
    }
    let Some(code) = seen.code() else { return };
    let at_code = |lint| Draft::new(lint).head(seen.code_span());
    match code {
        305 | 306 | 418 => report.add(at_code(&RETIRED_STATUS_CODE).found(code.to_string())),
        _ if !CODES.iter().any(|(known, _)| *known == code) => {
            report.add(at_code(&UNKNOWN_STATUS_CODE).found(code.to_string()));
        }
        _ => {}
    }
    phrase(seen, code, report);
    if seen.is_head_whole() {
        required_fields(seen, code, report);
        timeout(seen, code, report);
        against_request(seen, code, report);
    }
    if code == 205 && seen.has_body() {
        report.add(at_code(&BODY_OF_205).found(format!("{} bytes", seen.http.body_len)));
    }
    // What is said of a body of which nothing came holds only where it is whole.
    let expects_text = code >= 400 && !seen.answers("HEAD") && seen.asked().is_some();
    if expects_text && !seen.has_body() && seen.is_complete() {
        report.add(at_code(&ERROR_WITHOUT_BODY).found(code.to_string()));
    }
    for value in seen.values("retry-after") {
        let is_date = super::date::parse(value.text, seen.message.first_time).is_ok();
        if value.number().is_none() && !is_date {
            report.add(Draft::new(&BAD_RETRY_AFTER).head(value.span()).found(text(value.text)));
        }
    }
}

fn phrase(seen: &Seen<'_>, code: u16, report: &mut Report<'_>) {
    let phrase = seen.head.phrase().unwrap_or_default();
    let is_phrase = |(_, known): &&(u16, &str)| phrase.eq_ignore_ascii_case(known.as_bytes());
    if let Some((other, known)) = CODES.iter().find(is_phrase)
        && !CODES.iter().filter(is_phrase).any(|(of, _)| *of == code)
    {
        let draft = Draft::new(&PHRASE_OF_OTHER_CODE).head(seen.code_span());
        report.add(draft.found(format!("{code} {known}")).expected(format!("{other} {known}")));
    }
}

fn required_fields(seen: &Seen<'_>, code: u16, report: &mut Report<'_>) {
    let (lint, field) = match code {
        101 | 426 => (&MISSING_UPGRADE, "upgrade"),
        401 => (&MISSING_WWW_AUTHENTICATE, "www-authenticate"),
        405 => (&MISSING_ALLOW, "allow"),
        407 => (&MISSING_PROXY_AUTHENTICATE, "proxy-authenticate"),
        _ => return,
    };
    if !seen.has_field(field) {
        report.add(Draft::new(lint).head(seen.code_span()).found(code.to_string()));
    }
}

fn timeout(seen: &Seen<'_>, code: u16, report: &mut Report<'_>) {
    let closes = || seen.head.list("connection").any(|option| option.eq_ignore_ascii_case(b"close"));
    if code == 408 && seen.http.parsed.version == Some(Version::HTTP_11) && !closes() {
        report.add(Draft::new(&TIMEOUT_WITHOUT_CLOSE).head(seen.code_span()));
    }
}

fn against_request(seen: &Seen<'_>, code: u16, report: &mut Report<'_>) {
    let Some(request) = seen.asked() else { return };
    let at_code = |lint| Draft::new(lint).head(seen.code_span()).found(code.to_string());
    if code < 200 && request.head.version.is_some_and(|version| version < Version::HTTP_11) {
        report.add(at_code(&INTERIM_TO_HTTP10));
    }
    if code == 101 {
        let offers = |protocol: &[u8]| request.list("upgrade").any(|offered| offered.eq_ignore_ascii_case(protocol));
        if let Some(other) = seen.elements("upgrade").find(|protocol| !offers(protocol.text)) {
            report.add(Draft::new(&UNASKED_UPGRADE).head(other.span()).found(text(other.text)));
        }
    }
    let method = request.method().unwrap_or_default();
    if code == 405
        && let Some(allowed) = seen.elements("allow").find(|allowed| allowed.text == method)
    {
        report.add(Draft::new(&METHOD_ALLOWED).head(allowed.span()).found(text(method)));
    }
    if matches!(code, 201 | 202 | 409) && [&b"GET"[..], b"HEAD", b"OPTIONS", b"TRACE"].contains(&method) {
        report.add(at_code(&CREATED_BY_SAFE_METHOD).found(format!("{code} to {}", text(method))));
    }
    if !gives_cause(request, code) {
        report.add(at_code(&CODE_WITHOUT_CAUSE));
    }
}

/// Whether a request has that of which a response with this code complains.
fn gives_cause(request: HeadRef<'_>, code: u16) -> bool {
    let has = |name: &str| request.get(name).is_some();
    let has_body = has("transfer-encoding") || request.get("content-length").is_some_and(|length| &*length != b"0");
    match code {
        406 => request.head.fields.iter().any(|field| {
            let name = request.name(field);
            name.len() >= 6 && name[..6].eq_ignore_ascii_case(b"accept")
        }),
        411 => !has("content-length"),
        413 | 415 => has_body || has("content-type") || has("content-encoding") || has("expect"),
        416 => has("range"),
        417 => has("expect"),
        _ => true,
    }
}
