//! Transfer codings, chunks, trailers (RFC 9112 6.1 and 7, RFC 9110 6.5).

use super::Seen;
use super::entry::Turn::{Client, Server, ServerCloses};
use super::entry::{Lint, lints};
use super::report::{Draft, Report, text};
use crate::app::http1::framing::Framing;
use crate::app::http1::head::{FieldLine, Version, list_elements};
use crate::app::http1::syntax::is_token;
use crate::app::message::Integrity;
use crate::issue::{Issue, Severity};

const ASKED: super::Turn = Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n");
const CHUNKED: super::Turn = Server("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n");
const TRAILER: super::Turn =
    Server("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n");

lints! {
    TE_AND_LENGTH = Lint {
        name: "transfer-encoding-and-length",
        severity: Severity::Error,
        section: "RFC 9112 6.2",
        title: "Transfer-Encoding and Content-Length together",
        help: "leave Content-Length out of a message with Transfer-Encoding",
        explanation: "A sender must not send Content-Length in a message with Transfer-Encoding. The coding overrides the \
            length, but not every program knows that, and where two on the path differ one of them sees a request that \
            the other does not (request smuggling). A server may reject the request, and has to close the connection \
            after it.",
        bad: &[ASKED, Server("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n")],
        good: &[ASKED, CHUNKED],
        httpolice: &[1020],
        issue: Some(Issue::TeAndLength),
    };

    UNKNOWN_CODING = Lint {
        name: "unknown-transfer-coding",
        severity: Severity::Warn,
        section: "RFC 9112 7",
        title: "a transfer coding that is not registered",
        help: "send Transfer-Encoding: chunked; a compressed representation is a matter of Content-Encoding",
        explanation: "The codings of IANA's registry are chunked, compress, deflate and gzip. A server that does not know \
            one should answer 501.",
        bad: &[ASKED, Server("HTTP/1.1 200 OK\r\nTransfer-Encoding: br, chunked\r\n\r\n0\r\n\r\n")],
        good: &[ASKED, CHUNKED],
        httpolice: &[1003],
        issue: Some(Issue::TeUnknown),
    };

    IDENTITY_CODING = Lint {
        name: "identity-transfer-coding",
        severity: Severity::Warn,
        section: "RFC 9112 C.2",
        title: "Transfer-Encoding: identity",
        help: "leave the field out where no coding was applied",
        explanation: "`identity` was a name for no coding at all and was removed in 2014. To a recipient of today it is an \
            unknown coding, and a message that has one and no chunked after it ends with the connection, or is invalid.",
        bad: &[
            ASKED,
            Server("HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nConnection: close\r\n\r\nok"),
            ServerCloses,
        ],
        good: &[ASKED, CHUNKED],
        issue: Some(Issue::TeNotFinal),
        ..Lint::NONE
    };

    CHUNKED_NOT_FINAL = Lint {
        name: "chunked-not-final",
        severity: Severity::Error,
        section: "RFC 9112 6.1",
        title: "chunked is not the last transfer coding",
        help: "apply chunked last, and name it last",
        explanation: "Chunked is what tells where the body ends, so that it has to be the last coding that is applied. In a \
            request any other last coding is invalid and answered with 400; a response then ends with the connection.",
        bad: &[Client("POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked, gzip\r\n\r\n")],
        good: &[Client("POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n")],
        httpolice: &[1001],
        issue: Some(Issue::TeNotFinal),
    };

    CHUNKED_TWICE = Lint {
        name: "chunked-twice",
        severity: Severity::Error,
        section: "RFC 9112 6.1",
        title: "chunked is named twice",
        help: "apply chunked once",
        explanation: "A sender must not apply chunked more than once to a body. Where the field is repeated by a second \
            program that adds its own, the recipient would have to undo chunks twice.",
        bad: &[ASKED, Server("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n")],
        good: &[ASKED, CHUNKED],
        httpolice: &[1002],
        issue: Some(Issue::TeNotFinal),
    };

    CODING_PARAMETER = Lint {
        name: "chunked-parameter",
        severity: Severity::Error,
        section: "RFC 9112 7.1",
        title: "the chunked coding with a parameter",
        help: "write chunked alone",
        explanation: "The chunked coding defines no parameters, and a recipient takes one for an error. Some then see \
            another coding, others chunked: the message ends in two places.",
        bad: &[Client("POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked;q=1\r\n\r\n")],
        good: &[Client("POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")],
        issue: Some(Issue::TeUnknown),
        ..Lint::NONE
    };

    CODING_IN_HTTP10 = Lint {
        name: "transfer-encoding-in-http10",
        severity: Severity::Warn,
        section: "RFC 9112 6.1",
        title: "Transfer-Encoding in a message of HTTP/1.0",
        help: "say HTTP/1.1, or send Content-Length instead",
        explanation: "HTTP/1.0 has no transfer codings. A recipient must take the framing of such a message for faulty and \
            close the connection after it.",
        bad: &[ASKED, Server("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")],
        good: &[ASKED, CHUNKED],
        issue: Some(Issue::TeInHttp10),
        ..Lint::NONE
    };

    CODING_TO_HTTP10 = Lint {
        name: "transfer-encoding-to-http10",
        severity: Severity::Error,
        section: "RFC 9112 6.1",
        title: "Transfer-Encoding in the response to a request of HTTP/1.0",
        help: "answer HTTP/1.0 with Content-Length, or close the connection after the body",
        explanation: "A server must not send Transfer-Encoding unless the request says HTTP/1.1 or later: a client of \
            HTTP/1.0 takes the chunk sizes for part of the body.",
        bad: &[Client("GET / HTTP/1.0\r\nHost: a.example\r\n\r\n"), CHUNKED],
        good: &[ASKED, CHUNKED],
        httpolice: &[1306],
        ..Lint::NONE
    };

    CODING_NOT_ALLOWED = Lint {
        name: "transfer-encoding-not-allowed",
        severity: Severity::Error,
        section: "RFC 9112 6.1",
        title: "Transfer-Encoding in a response that never has a body",
        help: "leave Transfer-Encoding out of 1xx, of 204, and of 2xx to CONNECT",
        explanation: "A server must not send Transfer-Encoding in a response of 1xx or 204, nor in a 2xx to CONNECT. A \
            client that goes by the field rather than by the status waits for chunks that do not come.",
        bad: &[ASKED, Server("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n")],
        good: &[ASKED, Server("HTTP/1.1 204 No Content\r\n\r\n")],
        httpolice: &[1018, 1019],
        issue: Some(Issue::BodyNotAllowed),
    };

    CHUNKED_CONTENT = Lint {
        name: "chunked-content-encoding",
        severity: Severity::Error,
        section: "RFC 9110 8.4",
        title: "chunked as a content coding",
        help: "send it in Transfer-Encoding",
        explanation: "Chunked is a transfer coding: it is between two programs on the path and is undone by the next one. A \
            recipient finds an unknown coding of the content, and chunk sizes in it.",
        bad: &[
            ASKED,
            Server("HTTP/1.1 200 OK\r\nContent-Encoding: chunked\r\nContent-Length: 2\r\n\r\nok"),
        ],
        good: &[ASKED, CHUNKED],
        issue: Some(Issue::CodingUnknown),
        ..Lint::NONE
    };

    BAD_CHUNK_SIZE = Lint {
        name: "bad-chunk-size",
        severity: Severity::Error,
        section: "RFC 9112 7.1",
        title: "a chunk size that is no hexadecimal number, or too large",
        help: "write the number of bytes of the chunk in hexadecimal digits, then CR LF",
        explanation: "Each chunk begins with its size in hexadecimal digits, without 0x, alone in its line but for \
            extensions. Where the size cannot be read the rest of the body is lost, and with it the connection. A size \
            counted wrongly shows up as this at the next chunk.",
        bad: &[ASKED, Server("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x2\r\nok\r\n0\r\n\r\n")],
        good: &[ASKED, CHUNKED],
        httpolice: &[1005],
        issue: Some(Issue::BadChunkSize),
    };

    BAD_CHUNK_END = Lint {
        name: "bad-chunk-end",
        severity: Severity::Error,
        section: "RFC 9112 7.1",
        title: "the data of a chunk is not followed by CR LF",
        help: "send as many bytes as the size says, in hexadecimal, and CR LF after them",
        explanation: "After as many bytes as its size says a chunk ends with CR LF. What else is there shows that the size \
            is not that of the data: counted in characters, or written in decimal digits.",
        bad: &[ASKED, Server("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nokay\r\n0\r\n\r\n")],
        good: &[ASKED, CHUNKED],
        httpolice: &[1005],
        issue: Some(Issue::BadChunkEnd),
    };

    MISSING_LAST_CHUNK = Lint {
        name: "missing-last-chunk",
        severity: Severity::Error,
        section: "RFC 9112 8",
        title: "the connection was closed before the last chunk",
        help: r"end the body with a chunk of size 0 and a blank line: 0\r\n\r\n",
        explanation: "A chunked body ends with a chunk of size 0, the trailer section if there is one, and a blank line. \
            Without them the recipient must take the message for incomplete.",
        bad: &[ASKED, Server("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n"), ServerCloses],
        good: &[ASKED, CHUNKED],
        httpolice: &[1005],
        issue: Some(Issue::ClosedEarly),
    };

    BARE_LF_IN_CHUNKS = Lint {
        name: "bare-lf-in-chunks",
        severity: Severity::Warn,
        section: "RFC 9112 7.1",
        title: "a line of the chunked coding ends with LF alone",
        help: r"end chunk sizes, and the data of chunks, with \r\n",
        explanation: "The lines of the chunked coding end with CR LF. Software that takes LF alone for a line end here and \
            software that does not have been played off against one another.",
        bad: &[ASKED, Server("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\nok\r\n0\r\n\r\n")],
        good: &[ASKED, CHUNKED],
        httpolice: &[1005],
        issue: Some(Issue::BareLf),
    };

    SPACE_IN_CHUNK_SIZE = Lint {
        name: "space-after-chunk-size",
        severity: Severity::Warn,
        section: "RFC 9112 7.1",
        title: "white space after a chunk size",
        help: "end the line, or begin an extension with a semicolon, right after the digits",
        explanation: "Servers that pad chunk sizes to a fixed width with spaces exist, and most clients put up with that. \
            The grammar has no white space there.",
        bad: &[ASKED, Server("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2  \r\nok\r\n0\r\n\r\n")],
        good: &[ASKED, CHUNKED],
        httpolice: &[1005, 1015],
        issue: Some(Issue::ExtraWhitespace),
    };

    FORBIDDEN_TRAILER = Lint {
        name: "forbidden-trailer-field",
        severity: Severity::Error,
        section: "RFC 9110 6.5.1",
        title: "a trailer field that has to be known before the body",
        help: "send it in the header section",
        explanation: "Fields for framing, routing, authentication, conditions and for what the content is come too late \
            after the content. Recipients ignore them there, or merge them and can be misled.",
        bad: &[
            ASKED,
            Server(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nContent-Type: text/plain\r\n\r\n",
            ),
        ],
        good: &[ASKED, TRAILER],
        httpolice: &[1026],
        ..Lint::NONE
    };

    UNANNOUNCED_TRAILER = Lint {
        name: "unannounced-trailer-field",
        severity: Severity::Note,
        section: "RFC 9110 6.6.2",
        title: "a trailer field that the Trailer field does not name",
        help: "name it in Trailer, in the header section",
        explanation: "A sender should name the fields that will come after the body, so that the recipient can prepare for \
            them, a checksum for example.",
        bad: &[ASKED, Server("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n")],
        good: &[ASKED, TRAILER],
        httpolice: &[1030],
        ..Lint::NONE
    };

    MISSING_TRAILER = Lint {
        name: "missing-trailer-field",
        severity: Severity::Note,
        section: "RFC 9110 6.6.2",
        title: "Trailer names a field that does not come",
        help: "send the field after the last chunk, or do not announce it",
        explanation: "What Trailer names should be in the trailer section; one that is not is missed by a recipient that \
            waits for it.",
        bad: &[
            ASKED,
            Server("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
        ],
        good: &[ASKED, TRAILER],
        ..Lint::NONE
    };

    TRAILER_WITHOUT_CHUNKED = Lint {
        name: "trailer-without-chunked",
        severity: Severity::Warn,
        section: "RFC 9110 6.5",
        title: "a Trailer field in a message that is not chunked",
        help: "leave Trailer out, or send the body in chunks",
        explanation: "Only a chunked body has a trailer section in HTTP/1.1, so that what is announced cannot come.",
        bad: &[ASKED, Server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTrailer: X-Sum\r\n\r\nok")],
        good: &[ASKED, TRAILER],
        httpolice: &[1054],
        ..Lint::NONE
    };
}

/// Looks at the codings of a message, its chunks and trailers.
pub(super) fn message(seen: &Seen<'_>, report: &mut Report<'_>) {
    if let Some(field) = seen.named("transfer-encoding").next() {
        codings(seen, field, report);
    }
    let is_chunked = |field: &&FieldLine| {
        list_elements(field.value.of(seen.head.bytes)).any(|coding| coding.eq_ignore_ascii_case(b"chunked"))
    };
    if let Some(field) = seen.named("content-encoding").find(is_chunked) {
        report.add(Draft::new(&CHUNKED_CONTENT).head(field.value));
    }
    if seen.is_head_whole() && seen.framing() == Framing::Chunked {
        chunks(seen, report);
    }
    trailers(seen, report);
}

fn codings(seen: &Seen<'_>, field: &FieldLine, report: &mut Report<'_>) {
    let at = |lint| Draft::new(lint).head(field.value).found(text(field.value.of(seen.head.bytes)));
    if seen.has(Issue::TeAndLength) {
        report.add(Draft::new(&TE_AND_LENGTH).head(field.name.start as usize..field.value.end as usize));
    }
    let codings: Vec<&[u8]> = seen.head.list("transfer-encoding").take(16).collect();
    let is_chunked = |coding: &&[u8]| coding.eq_ignore_ascii_case(b"chunked");
    for coding in &codings {
        let name = coding.split(|byte| b"; \t".contains(byte)).next().unwrap_or_default();
        match name.to_ascii_lowercase().as_slice() {
            b"chunked" if name.len() < coding.len() => report.add(at(&CODING_PARAMETER)),
            b"chunked" | b"gzip" | b"x-gzip" | b"deflate" | b"compress" | b"x-compress" => {}
            b"identity" => report.add(at(&IDENTITY_CODING)),
            _ => report.add(at(&UNKNOWN_CODING)),
        }
    }
    if seen.has(Issue::BodyNotAllowed) {
        return report.add(Draft::new(&CODING_NOT_ALLOWED).head(field.name));
    }
    match codings.iter().filter(|coding| is_chunked(coding)).count() {
        2.. => report.add(at(&CHUNKED_TWICE)),
        1 if !codings.last().is_some_and(is_chunked) => report.add(at(&CHUNKED_NOT_FINAL)),
        0 if seen.is_request() && !codings.iter().any(|coding| coding.starts_with(b"chunked")) => {
            report.add(at(&CHUNKED_NOT_FINAL));
        }
        _ => {}
    }
    if seen.has(Issue::TeInHttp10) {
        report.add(at(&CODING_IN_HTTP10));
    } else if seen.request.and_then(|request| request.head().head.version) == Some(Version { major: 1, minor: 0 }) {
        report.add(at(&CODING_TO_HTTP10));
    }
}

/// Looks at what is odd about the chunks, of which only the issues are known.
fn chunks(seen: &Seen<'_>, report: &mut Report<'_>) {
    let apart = seen.message.issues.without(seen.http.parsed.issues).without(seen.http.trailer.issues);
    let end = seen.message.len;
    // Where in the chunks is not known: the first of them is shown.
    let start = seen.http.raw.len() as u64;
    if apart.contains(Issue::BadChunkSize) {
        report.add(Draft::new(&BAD_CHUNK_SIZE).bytes(end, 1));
    }
    if apart.contains(Issue::BadChunkEnd) {
        report.add(Draft::new(&BAD_CHUNK_END).bytes(end, 1));
    }
    if seen.message.integrity == Integrity::ClosedEarly {
        report.add(Draft::new(&MISSING_LAST_CHUNK).bytes(end, 1));
    }
    if apart.contains(Issue::BareLf) {
        report.add(Draft::new(&BARE_LF_IN_CHUNKS).bytes(start, 0));
    }
    if apart.contains(Issue::ExtraWhitespace) {
        report.add(Draft::new(&SPACE_IN_CHUNK_SIZE).bytes(start, 0));
    }
}

fn trailers(seen: &Seen<'_>, report: &mut Report<'_>) {
    let trailer = seen.http.trailer();
    let announced: Vec<&[u8]> = seen.head.list("trailer").filter(|name| is_token(name)).take(64).collect();
    for field in &trailer.head.fields {
        let name = trailer.name(field);
        if FORBIDDEN.iter().any(|forbidden| forbidden.as_bytes().eq_ignore_ascii_case(name)) {
            report.add(Draft::new(&FORBIDDEN_TRAILER).trailer(field.name).found(text(name)));
        } else if is_token(name) && !announced.iter().any(|other| other.eq_ignore_ascii_case(name)) {
            report.add(Draft::new(&UNANNOUNCED_TRAILER).trailer(field.name).found(text(name)));
        }
    }
    let Some(field) = seen.named("trailer").next().filter(|_| seen.is_head_whole()) else { return };
    let came = |name: &[u8]| trailer.head.fields.iter().any(|field| trailer.name(field).eq_ignore_ascii_case(name));
    match seen.framing() {
        Framing::Chunked if seen.message.integrity != Integrity::Complete => {}
        Framing::Chunked => {
            if let Some(missing) = announced.iter().find(|name| !came(name)) {
                report.add(Draft::new(&MISSING_TRAILER).head(field.value).found(text(missing)));
            }
        }
        Framing::Length(_) | Framing::UntilClose => report.add(Draft::new(&TRAILER_WITHOUT_CHUNKED).head(field.name)),
        _ => {}
    }
}

/// Fields of framing, routing, request control, authentication, response control, and of what the content is.
const FORBIDDEN: &[&str] = &[
    "transfer-encoding",
    "content-length",
    "host",
    "cache-control",
    "expect",
    "max-forwards",
    "pragma",
    "range",
    "te",
    "if-match",
    "if-none-match",
    "if-modified-since",
    "if-unmodified-since",
    "if-range",
    "www-authenticate",
    "authorization",
    "proxy-authenticate",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "age",
    "expires",
    "location",
    "retry-after",
    "vary",
    "content-encoding",
    "content-type",
    "content-range",
    "trailer",
    "connection",
];
