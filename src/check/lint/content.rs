//! Content codings and what the client says that it accepts (RFC 9110 8.4, 12.4, 12.5).

use super::Seen;
use super::entry::Turn::{Client, Server};
use super::entry::{Lint, lints};
use super::report::{Draft, Report, text};
use super::value::Part;
use crate::app::http1::head::HeadRef;
use crate::issue::{Issue, Severity};

lints! {
    UNDECODABLE_CONTENT = Lint {
        name: "undecodable-content",
        severity: Severity::Error,
        section: "RFC 9110 8.4",
        title: "a body that is not what its Content-Encoding says",
        help: "send Content-Encoding only with a body that is coded so, and code it once",
        explanation: "The body cannot be decoded as the field says: it is not compressed at all, was cut, or is compressed \
            in another way. A client shows an error in its place. `deflate` is the zlib format, and codings are listed in \
            the order in which they were applied.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 11\r\n\r\nnot gzipped"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nnot gzipped"),
        ],
        httpolice: &[1037],
        issue: Some(Issue::DecompressionFailed),
    };

    UNKNOWN_CONTENT_CODING = Lint {
        name: "unknown-content-coding",
        severity: Severity::Warn,
        section: "RFC 9110 8.4.1",
        title: "a Content-Encoding that is no registered content coding",
        help: "name a coding such as gzip, br, zstd or deflate, or leave the field out",
        explanation: "Content-Encoding names how the body is compressed, not its charset, nor how it is framed. A client \
            that does not know the coding must not use the body.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nContent-Encoding: utf-8\r\nContent-Length: 2\r\n\r\nok"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 2\r\n\r\nok"),
        ],
        httpolice: &[1036],
        ..Lint::NONE
    };

    IDENTITY_CONTENT_CODING = Lint {
        name: "identity-content-coding",
        severity: Severity::Note,
        section: "RFC 9110 12.5.3",
        title: "Content-Encoding: identity",
        help: "leave the field out where nothing is coded",
        explanation: "`identity` stands for no coding in Accept-Encoding, and is reserved for that field.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Length: 2\r\n\r\nok"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        ],
        ..Lint::NONE
    };

    CODING_NOT_ACCEPTED = Lint {
        name: "coding-not-accepted",
        severity: Severity::Warn,
        section: "RFC 9110 12.5.3",
        title: "a content coding that the request's Accept-Encoding does not list",
        help: "compress only as Accept-Encoding allows, and send the rest as it is",
        explanation: "Accept-Encoding lists the codings that the client can undo. A response in another one it cannot read. \
            It is not told of a file that is compressed itself, as an archive is.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\nAccept-Encoding: gzip\r\n\r\n"),
            Server(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: deflate\r\nContent-Length: 9\r\n\r\n\
                 x\u{1}K\u{4}\u{0}\u{0}b\u{0}b",
            ),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\nAccept-Encoding: gzip, deflate;q=0.5\r\n\r\n"),
            Server(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: deflate\r\nContent-Length: 9\r\n\r\n\
                 x\u{1}K\u{4}\u{0}\u{0}b\u{0}b",
            ),
        ],
        ..Lint::NONE
    };

    CODING_WITHOUT_VARY = Lint {
        name: "coding-without-vary",
        severity: Severity::Chat,
        section: "RFC 9110 12.5.5",
        title: "a compressed response without Vary: Accept-Encoding",
        help: "send Vary: Accept-Encoding where the coding depends on the request",
        explanation: "A cache that stored the response may send it to a client that cannot undo the coding, unless Vary says \
            that it was chosen by Accept-Encoding.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\nAccept-Encoding: deflate\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\nContent-Length: 9\r\n\r\nx\u{1}K\u{4}\u{0}\u{0}b\u{0}b"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\nAccept-Encoding: deflate\r\n\r\n"),
            Server(
                "HTTP/1.1 200 OK\r\nVary: Accept-Encoding\r\nContent-Encoding: deflate\r\nContent-Length: 9\r\n\r\n\
                 x\u{1}K\u{4}\u{0}\u{0}b\u{0}b",
            ),
        ],
        ..Lint::NONE
    };

    BAD_ACCEPT = Lint {
        name: "bad-accept",
        severity: Severity::Warn,
        section: "RFC 9110 12.5",
        title: "an Accept field that is not a list of what it is to list",
        help: "Accept: text/html, */*;q=0.1 and Accept-Encoding: gzip and Accept-Language: de, en;q=0.5",
        explanation: "Accept lists media types or ranges of them, Accept-Encoding codings, Accept-Language languages, with \
            commas between and parameters after semicolons. A server ignores what it cannot read, or answers 400 or 406.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nAccept: html\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nAccept: text/html, */*;q=0.1\r\n\r\n")],
        httpolice: &[1000],
        ..Lint::NONE
    };

    BAD_QVALUE = Lint {
        name: "bad-qvalue",
        severity: Severity::Warn,
        section: "RFC 9110 12.4.2",
        title: "a weight that is not a number from 0 to 1 with three digits at most",
        help: "write it like this: ;q=0.8",
        explanation: "The parameter q tells how much something is preferred: 0, 1, or a fraction with a dot and one to three \
            digits. 0 means not at all. Another value is read as one recipient or the other thinks fit.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nAccept: text/html;q=1.5\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nAccept: text/html;q=0.5\r\n\r\n")],
        httpolice: &[1000],
        ..Lint::NONE
    };

    ACCEPT_CHARSET = Lint {
        name: "accept-charset",
        severity: Severity::Chat,
        section: "RFC 9110 12.5.2",
        title: "an Accept-Charset field",
        help: "leave it out: text is UTF-8 by now",
        explanation: "The field is deprecated. Servers send UTF-8 whatever it says, and it tells observers more of the user \
            than is needed.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nAccept-Charset: utf-8\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        ..Lint::NONE
    };

    BAD_CONTENT_LANGUAGE = Lint {
        name: "bad-content-language",
        severity: Severity::Note,
        section: "RFC 9110 8.5",
        title: "a Content-Language that is not a list of language tags",
        help: "write language tags with hyphens: Content-Language: de, en-US",
        explanation: "A language tag is a code of two or three letters, and after hyphens a script, a country or more: \
            `pt-BR`. Names of locales with an underscore are none.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nContent-Language: en_US\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nContent-Language: en-US\r\nContent-Length: 0\r\n\r\n"),
        ],
        httpolice: &[1000],
        ..Lint::NONE
    };
}

/// IANA's "HTTP Content Coding Registry", and `chunked`, of which a lint of its own tells.
const CODINGS: &[&str] = &[
    "aes128gcm",
    "br",
    "compress",
    "dcb",
    "dcz",
    "deflate",
    "exi",
    "gzip",
    "pack200-gzip",
    "x-compress",
    "x-gzip",
    "zstd",
    "identity",
    "chunked",
];

/// Media types that are compressed themselves: servers give their compression as a coding, and clients keep it.
const ARCHIVES: &[&str] = &["gzip", "tar", "zip", "compress", "octet-stream"];

/// Looks at codings and at what is accepted.
pub(super) fn message(seen: &Seen<'_>, report: &mut Report<'_>) {
    codings(seen, report);
    for tag in seen.elements("content-language").filter(|tag| !is_language_range(tag.text, false)) {
        report.add(Draft::new(&BAD_CONTENT_LANGUAGE).head(tag.span()).found(text(tag.text)));
    }
    if seen.is_request() {
        accept(seen, "accept", is_media_range, report);
        accept(seen, "accept-charset", |item| item.is_token(), report);
        accept(seen, "accept-encoding", |item| item.is_token(), report);
        accept(seen, "accept-language", |item| is_language_range(item.text, true), report);
        if let Some(field) = seen.named("accept-charset").next() {
            report.add(Draft::new(&ACCEPT_CHARSET).head(field.name));
        }
    }
}

fn codings(seen: &Seen<'_>, report: &mut Report<'_>) {
    for coding in seen.elements("content-encoding") {
        let draft = |lint| Draft::new(lint).head(coding.span()).found(text(coding.text));
        if !CODINGS.iter().any(|known| coding.is(known)) {
            report.add(draft(&UNKNOWN_CONTENT_CODING));
        } else if coding.is("identity") {
            report.add(draft(&IDENTITY_CONTENT_CODING));
        } else if seen.has_body() && !seen.is_request() && seen.asked().is_some_and(|request| refuses(request, coding))
        {
            let is_archive = seen.value("content-type").is_some_and(|kind| {
                let kind = kind.text.to_ascii_lowercase();
                ARCHIVES.iter().any(|name| memchr::memmem::find(&kind, name.as_bytes()).is_some())
            });
            if !is_archive {
                report.add(draft(&CODING_NOT_ACCEPTED));
            }
        }
    }
    let Some(field) = seen.named("content-encoding").next() else { return };
    // Only what came whole can be said not to decode.
    if seen.has(Issue::DecompressionFailed) && seen.is_complete() {
        let value = text(field.value.of(seen.head.bytes));
        report.add(Draft::new(&UNDECODABLE_CONTENT).bytes(seen.http.raw.len() as u64, 1).expected(value));
    }
    let varies = || seen.elements("vary").any(|name| name.is("accept-encoding") || name.text == b"*");
    let is_stored =
        || !seen.elements("cache-control").any(|directive| directive.is("no-store") || directive.is("private"));
    let negotiated = seen.asked().is_some_and(|request| request.get("accept-encoding").is_some());
    if seen.code() == Some(200) && seen.is_head_whole() && negotiated && !varies() && is_stored() {
        report.add(Draft::new(&CODING_WITHOUT_VARY).head(field.name));
    }
}

/// Whether a request says what it accepts, and this coding is not among it.
fn refuses(request: HeadRef<'_>, coding: Part<'_>) -> bool {
    let plain = |name: &[u8]| name.strip_prefix(b"x-").unwrap_or(name).to_ascii_lowercase();
    let mut accepted = request.list("accept-encoding").peekable();
    // An empty field accepts no coding; mostly something on the way emptied it.
    if accepted.peek().is_none() {
        return false;
    }
    !accepted.any(|element| {
        let (name, mut parameters) = Part::new(element, 0).parameters();
        let is_zero = |weight: Part<'_>| {
            weight
                .parameter()
                .is_some_and(|(name, value)| name.is("q") && value.text.iter().all(|byte| b"0.".contains(byte)))
        };
        let names_it = name.text == b"*" || plain(name.text) == plain(coding.text);
        // One that is refused by name is not accepted by `*`; few clients say either.
        names_it && !parameters.any(is_zero)
    })
}

fn accept(seen: &Seen<'_>, name: &'static str, is_item: fn(Part<'_>) -> bool, report: &mut Report<'_>) {
    for element in seen.elements(name) {
        let (item, parameters) = element.parameters();
        if !is_item(item) {
            report.add(Draft::new(&BAD_ACCEPT).head(item.span()).found(text(item.text)));
            continue;
        }
        for parameter in parameters {
            let Some((key, value)) = parameter.split_once(b'=').map(|(key, value)| (key.trimmed(), value.trimmed()))
            else {
                continue;
            };
            if key.is("q") && !is_weight(value.text) {
                report.add(Draft::new(&BAD_QVALUE).head(parameter.span()).found(text(value.text)));
            }
        }
    }
}

/// `( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] )`
fn is_weight(text: &[u8]) -> bool {
    match text {
        [b'0'] | [b'1'] => true,
        [b'0', b'.', rest @ ..] => rest.len() <= 3 && rest.iter().all(u8::is_ascii_digit),
        [b'1', b'.', rest @ ..] => rest.len() <= 3 && rest.iter().all(|byte| *byte == b'0'),
        _ => false,
    }
}

fn is_media_range(item: Part<'_>) -> bool {
    // A lone `*` was once sent by Java's URLConnection, and is read as */* everywhere.
    item.text == b"*" || item.split_once(b'/').is_some_and(|(kind, subtype)| kind.is_token() && subtype.is_token())
}

/// A language tag by its characters (RFC 5646 2.1), or a range of them (RFC 4647 2.1).
fn is_language_range(tag: &[u8], is_range: bool) -> bool {
    if is_range && tag == b"*" {
        return true;
    }
    let mut subtags = tag.split(|&byte| byte == b'-');
    let is_first = |first: &[u8]| (1..=8).contains(&first.len()) && first.iter().all(u8::is_ascii_alphabetic);
    let is_subtag = |subtag: &[u8]| {
        (1..=8).contains(&subtag.len()) && subtag.iter().all(u8::is_ascii_alphanumeric) || is_range && subtag == b"*"
    };
    subtags.next().is_some_and(is_first) && subtags.all(is_subtag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_and_languages() {
        assert!(["0", "1", "0.5", "0.123", "1.000", "0."].iter().all(|text| is_weight(text.as_bytes())));
        assert!(!["", "2", "1.5", ".5", "0.1234", "-1", "0,5", "0.x"].iter().any(|text| is_weight(text.as_bytes())));
        assert!(["de", "en-US", "zh-Hant-TW", "i-klingon"].iter().all(|tag| is_language_range(tag.as_bytes(), false)));
        assert!(!["", "en_US", "-", "de-", "1a", "*"].iter().any(|tag| is_language_range(tag.as_bytes(), false)));
        assert!(is_language_range(b"*", true));
    }
}
