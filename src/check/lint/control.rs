//! Fields that control a request or name software: Expect, Upgrade, Via, Max-Forwards, User-Agent, Server (RFC 9110 7.6,
//! 7.8, 10.1, 10.2.4; RFC 6455 4).

use super::Seen;
use super::entry::Turn::Client;
use super::entry::{Lint, lints};
use super::report::{Draft, Report, text};
use super::value::{Part, comment_end, is_products};
use crate::app::http1::framing::Framing;
use crate::app::http1::syntax::is_token;
use crate::issue::Severity;

lints! {
    UNKNOWN_EXPECTATION = Lint {
        name: "unknown-expectation",
        severity: Severity::Warn,
        section: "RFC 9110 10.1.1",
        title: "an Expect other than 100-continue",
        help: "send Expect: 100-continue, or leave the field out",
        explanation: "There is one expectation, 100-continue: the client wants to be told to go on before it sends the body. \
            A server may answer 417 to any other.",
        bad: &[Client("POST / HTTP/1.1\r\nHost: a.example\r\nExpect: continue\r\nContent-Length: 2\r\n\r\nok")],
        good: &[Client("POST / HTTP/1.1\r\nHost: a.example\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok")],
        httpolice: &[1000],
        ..Lint::NONE
    };

    EXPECT_WITHOUT_BODY = Lint {
        name: "expect-without-body",
        severity: Severity::Warn,
        section: "RFC 9110 10.1.1",
        title: "Expect: 100-continue in a request without a body",
        help: "send the expectation only with a body to come",
        explanation: "The expectation asks whether the body may be sent. A client must not send it where there is none; a \
            server may wait for it, or send a 100 that nobody reads.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nExpect: 100-continue\r\n\r\n")],
        good: &[Client("POST / HTTP/1.1\r\nHost: a.example\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok")],
        httpolice: &[1066],
        ..Lint::NONE
    };

    BAD_UPGRADE = Lint {
        name: "bad-upgrade",
        severity: Severity::Warn,
        section: "RFC 9110 7.8",
        title: "an Upgrade that is not a list of protocols",
        help: "name the protocols, with commas: Upgrade: websocket",
        explanation: "Upgrade lists names of protocols, each a token with a version after a slash perhaps. A server ignores \
            what it cannot read, and the connection stays as it is.",
        bad: &[Client(
            "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: upgrade\r\nUpgrade: web socket\r\n\r\n",
        )],
        good: &[Client(
            "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: upgrade\r\nUpgrade: foo/2, bar\r\n\r\n",
        )],
        httpolice: &[1000],
        ..Lint::NONE
    };

    UPGRADE_TO_H2 = Lint {
        name: "upgrade-to-h2",
        severity: Severity::Note,
        section: "RFC 9113 3.1",
        title: "an Upgrade to h2",
        help: "begin HTTP/2 by the TLS handshake (ALPN), or with prior knowledge in the clear",
        explanation: "`h2` is HTTP/2 over TLS, which is chosen in the TLS handshake and never by Upgrade. The token for \
            HTTP/2 in the clear was h2c, whose Upgrade is no longer used either.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nConnection: upgrade\r\nUpgrade: h2\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        httpolice: &[1228],
        ..Lint::NONE
    };

    BAD_WEBSOCKET_REQUEST = Lint {
        name: "bad-websocket-request",
        severity: Severity::Warn,
        section: "RFC 6455 4.1",
        title: "a request for a WebSocket without what it must have",
        help: "send a GET of HTTP/1.1 with Sec-WebSocket-Version: 13 and a Sec-WebSocket-Key of 24 characters",
        explanation: "The handshake is a GET with Upgrade: websocket, the version 13, and a key: 16 random bytes in base64, \
            which are 24 characters that end with ==. A server answers 400, or 426 where the version is another one.",
        bad: &[Client(
            "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: abc\r\n\r\n",
        )],
        good: &[Client(
            "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        )],
        ..Lint::NONE
    };

    BAD_VIA = Lint {
        name: "bad-via",
        severity: Severity::Warn,
        section: "RFC 9110 7.6.3",
        title: "a Via that is not a list of versions and names",
        help: "write the version and the name of each hop: Via: 1.1 proxy.example",
        explanation: "Each proxy adds the version of the message that it received and its own name, with a space between. \
            Loops are found by it.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nVia: proxy.example\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nVia: 1.0 fred, 1.1 proxy.example (Apache/1.1)\r\n\r\n")],
        httpolice: &[1000],
        ..Lint::NONE
    };

    BAD_MAX_FORWARDS = Lint {
        name: "bad-max-forwards",
        severity: Severity::Note,
        section: "RFC 9110 7.6.2",
        title: "a Max-Forwards that is no number, or with a method that does not use it",
        help: "send a number with OPTIONS or TRACE alone: Max-Forwards: 10",
        explanation: "Max-Forwards limits by how many proxies an OPTIONS or TRACE is sent on. With other methods it may be \
            ignored.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nMax-Forwards: 10\r\n\r\n")],
        good: &[Client("OPTIONS / HTTP/1.1\r\nHost: a.example\r\nMax-Forwards: 10\r\n\r\n")],
        httpolice: &[1067],
        ..Lint::NONE
    };

    BAD_PRODUCT = Lint {
        name: "bad-product",
        severity: Severity::Note,
        section: "RFC 9110 10.1.5, 10.2.4",
        title: "a User-Agent or Server that is not names with versions and comments",
        help: "write name/version, with a space between two, and the rest in parentheses: my-client/1.0 (lab 1)",
        explanation: "Both fields list products: a token, a slash and a version, and comments in parentheses after them. \
            Programs that look for a product in it may find none in any other text.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nUser-Agent: my client, version 1\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nUser-Agent: my-client/1.0 (lab 1)\r\n\r\n")],
        httpolice: &[1000],
        ..Lint::NONE
    };

    MISSING_USER_AGENT = Lint {
        name: "missing-user-agent",
        severity: Severity::Chat,
        section: "RFC 9110 10.1.5",
        title: "a request without a User-Agent",
        help: "name the program: User-Agent: my-client/1.0",
        explanation: "A user agent should send the field in each request. It helps who runs the server to find what a \
            faulty client is, and some servers refuse requests without it.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nUser-Agent: my-client/1.0\r\n\r\n")],
        httpolice: &[1070],
        ..Lint::NONE
    };
}

/// Looks at these fields of a message.
pub(super) fn message(seen: &Seen<'_>, report: &mut Report<'_>) {
    if let Some(protocol) = seen.elements("upgrade").find(|protocol| !is_protocol(protocol.text)) {
        report.add(Draft::new(&BAD_UPGRADE).head(protocol.span()).found(text(protocol.text)));
    }
    if let Some(h2) = seen.elements("upgrade").find(|protocol| protocol.text == b"h2") {
        report.add(Draft::new(&UPGRADE_TO_H2).head(h2.span()));
    }
    if let Some(via) = seen.elements("via").find(|via| !is_via(*via)) {
        // A comment may have commas within; they cut it in parts that are none.
        if !via.text.contains(&b'(') && !via.text.contains(&b')') {
            report.add(Draft::new(&BAD_VIA).head(via.span()).found(text(via.text)));
        }
    }
    let product = if seen.is_request() { "user-agent" } else { "server" };
    if let Some(value) = seen.value(product).filter(|value| !value.is_empty() && !is_products(value.text)) {
        report.add(Draft::new(&BAD_PRODUCT).head(value.span()).found(text(value.text)));
    }
    if seen.is_request() {
        request(seen, report);
    }
}

fn request(seen: &Seen<'_>, report: &mut Report<'_>) {
    if seen.is_head_whole() && !seen.http.nine && !seen.has_field("user-agent") {
        report.add(Draft::new(&MISSING_USER_AGENT));
    }
    if let Some(value) = seen.value("expect") {
        let has_none = || matches!(seen.framing(), Framing::None | Framing::Length(0));
        if !value.is("100-continue") {
            report.add(Draft::new(&UNKNOWN_EXPECTATION).head(value.span()).found(text(value.text)));
        } else if seen.is_head_whole() && has_none() {
            report.add(Draft::new(&EXPECT_WITHOUT_BODY).head(value.span()));
        }
    }
    let method = seen.head.method().unwrap_or_default();
    if let Some(value) = seen.value("max-forwards") {
        // SIP and UPnP have methods of their own that use it.
        let unused = [&b"GET"[..], b"HEAD", b"POST", b"PUT", b"DELETE"].contains(&method);
        if value.number().is_none() || unused {
            report.add(Draft::new(&BAD_MAX_FORWARDS).head(value.span()).found(text(value.text)));
        }
    }
    if seen.is_head_whole() && seen.elements("upgrade").any(|protocol| protocol.is("websocket")) {
        websocket(seen, method, report);
    }
}

fn websocket(seen: &Seen<'_>, method: &[u8], report: &mut Report<'_>) {
    let key = seen.value("sec-websocket-key");
    let is_key = |key: Part<'_>| key.text.len() == 24 && key.text.ends_with(b"==");
    let draft = Draft::new(&BAD_WEBSOCKET_REQUEST);
    // Drafts of the protocol had two keys and no version.
    if seen.has_field("sec-websocket-key1") {
        return;
    }
    if method != b"GET" {
        report.add(draft.found(text(method)).expected("GET"));
    } else if !seen.has_field("sec-websocket-version") {
        report.add(draft.found("no Sec-WebSocket-Version"));
    } else if let Some(key) = key.filter(|key| !is_key(*key)) {
        report.add(draft.head(key.span()).found(text(key.text)));
    } else if !seen.has_field("sec-websocket-key") {
        report.add(draft.found("no Sec-WebSocket-Key"));
    }
}

/// `protocol-name [ "/" protocol-version ]`
fn is_protocol(text: &[u8]) -> bool {
    let (name, version) = match memchr::memchr(b'/', text) {
        Some(slash) => (&text[..slash], Some(&text[slash + 1..])),
        None => (text, None),
    };
    is_token(name) && version.is_none_or(is_token)
}

/// `received-protocol RWS received-by [ RWS comment ]`
fn is_via(via: Part<'_>) -> bool {
    let words = |part: Part<'_>| part.text.splitn(3, |&byte| byte == b' ').map(<[u8]>::to_vec).collect::<Vec<_>>();
    match &words(via)[..] {
        [protocol, by] => is_protocol(protocol) && !by.is_empty(),
        [protocol, by, rest] => {
            let rest = rest.trim_ascii();
            is_protocol(protocol) && !by.is_empty() && (rest.is_empty() || comment_end(rest) == Some(rest.len()))
        }
        _ => false,
    }
}
