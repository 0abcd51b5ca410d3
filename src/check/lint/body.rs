//! Where a body ends: Content-Length against the bytes sent, bodies that are missing, cut, or more than announced (RFC
//! 9110 8.6, RFC 9112 6).

use super::Seen;
use super::entry::Turn::{Client, Server, ServerCloses, ServerResets};
use super::entry::{Lint, lints};
use super::report::{Draft, Report, text};
use super::talk::{Ending, Past, Talk};
use crate::app::http1::framing::Framing;
use crate::app::http1::head::Version;
use crate::app::message::{Integrity, Kind, Update};
use crate::issue::{Issue, Severity};

const ASKED: super::Turn = Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n");
const ANSWERED: super::Turn = Server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");

lints! {
    BODY_SHORTER_THAN_LENGTH = Lint {
        name: "body-shorter-than-length",
        severity: Severity::Error,
        section: "RFC 9112 8",
        title: "the connection was closed before the body was as long as Content-Length says",
        help: "send as many bytes as Content-Length says: count bytes, not characters",
        explanation: "The recipient must take the message for incomplete, and may throw it away. Lengths counted in \
            characters, of the text before its line ends were translated, or of a file that was cut, come out too large; \
            so does a buffer of which only a part was sent.",
        bad: &[ASKED, Server("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"), ServerCloses],
        good: &[ASKED, ANSWERED],
        httpolice: &[1004],
        issue: Some(Issue::ClosedEarly),
    };

    BODY_LONGER_THAN_LENGTH = Lint {
        name: "body-longer-than-length",
        severity: Severity::Error,
        section: "RFC 9112 6.3",
        title: "more bytes follow than Content-Length says",
        help: "send as many bytes as Content-Length says: count bytes, not characters",
        explanation: "The message ends where its Content-Length says, and what follows is read as the next message, or \
            thrown away. Lengths counted in characters come out too small as soon as one of them takes two bytes.",
        bad: &[ASKED, Server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok, and more")],
        good: &[ASKED, ANSWERED],
        httpolice: &[1008],
        issue: Some(Issue::ExcessData),
    };

    EXCESS_DATA = Lint {
        name: "excess-data",
        severity: Severity::Error,
        section: "RFC 9112 6.3",
        title: "bytes after the end of a message that begin no other",
        help: "send nothing after the end of a message but the next one",
        explanation: "What follows the end of a message on the connection is the next message. Bytes that cannot begin one \
            are thrown away at best.",
        bad: &[
            ASKED,
            Server("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n, and more"),
        ],
        good: &[ASKED, Server("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")],
        httpolice: &[1008],
        issue: Some(Issue::ExcessData),
    };

    BODY_WITHOUT_LENGTH = Lint {
        name: "request-body-without-length",
        severity: Severity::Error,
        section: "RFC 9112 6.3",
        title: "a request without Content-Length is followed by what looks like its body",
        help: "send Content-Length with the number of bytes of the body",
        explanation: "A request with neither Content-Length nor Transfer-Encoding has no body: it ends with its head. What \
            follows is read as the next request, and answered with 400.",
        bad: &[Client("POST / HTTP/1.1\r\nHost: a.example\r\n\r\na=1&b=2")],
        good: &[Client("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 7\r\n\r\na=1&b=2")],
        httpolice: &[1006, 1021],
        issue: Some(Issue::ExcessData),
    };

    EXTRA_BLANK_LINE = Lint {
        name: "extra-blank-line",
        severity: Severity::Warn,
        section: "RFC 9112 2.2",
        title: "an empty line after a request",
        help: r"send nothing after the end of a request: after the head \r\n\r\n, after the body no line end",
        explanation: "A request ends with its blank line, or with as many bytes of body as Content-Length says. A client \
            must not send another CR LF after it. Servers skip it before the next request line; one that closes with it \
            unread resets the connection, and the client may lose the response.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n\r\n"),
            ANSWERED,
            super::Turn::ClientCloses,
            ServerCloses,
        ],
        good: &[ASKED, ANSWERED],
        issue: Some(Issue::ExcessData),
        ..Lint::NONE
    };

    NUL_AFTER_MESSAGE = Lint {
        name: "nul-after-message",
        severity: Severity::Error,
        section: "RFC 9112 6.3",
        title: "NUL after the end of a message",
        help: "send as many bytes as strlen() says, not sizeof or one more",
        explanation: "The byte 0 ends a string in C and is no part of its text. A program that sends it along, or the rest \
            of a buffer, begins the next message with it.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n\0"), ANSWERED],
        good: &[ASKED, ANSWERED],
        issue: Some(Issue::ExcessData),
        ..Lint::NONE
    };

    HEAD_RESPONSE_WITH_BODY = Lint {
        name: "head-response-with-body",
        severity: Severity::Error,
        section: "RFC 9110 9.3.2",
        title: "a body in the response to HEAD",
        help: "answer HEAD with the fields that GET would have, and nothing after the blank line",
        explanation: "The response to HEAD ends with its head, whatever Content-Length says. The client reads what follows \
            as the next response.",
        bad: &[
            Client("HEAD / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        ],
        good: &[
            Client("HEAD / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"),
        ],
        httpolice: &[1239],
        issue: Some(Issue::ExcessData),
    };

    BODY_OF_BODILESS = Lint {
        name: "body-of-bodiless-status",
        severity: Severity::Error,
        section: "RFC 9110 15.3.5",
        title: "a body in a response of a status that has none",
        help: "send nothing after the blank line of a 1xx, 204 or 304, or use another status",
        explanation: "Responses of 1xx, 204 and 304 end with their heads. The client reads what follows as the next \
            response.",
        bad: &[ASKED, Server("HTTP/1.1 204 No Content\r\n\r\nok")],
        good: &[ASKED, Server("HTTP/1.1 204 No Content\r\n\r\n")],
        httpolice: &[1240],
        issue: Some(Issue::ExcessData),
    };

    BAD_CONTENT_LENGTH = Lint {
        name: "bad-content-length",
        severity: Severity::Error,
        section: "RFC 9110 8.6",
        title: "a Content-Length that is no decimal number",
        help: "write the number of bytes in decimal digits and nothing else",
        explanation: "The value is one or more decimal digits: no sign, no unit, no hexadecimal number, not empty. The \
            recipient cannot know where the message ends: a server must answer 400 and close, a client must close and \
            throw the response away.",
        bad: &[ASKED, Server("HTTP/1.1 200 OK\r\nContent-Length: 2 bytes\r\n\r\nok")],
        good: &[ASKED, ANSWERED],
        httpolice: &[1000],
        issue: Some(Issue::BadContentLength),
    };

    SIGNED_CONTENT_LENGTH = Lint {
        name: "signed-content-length",
        severity: Severity::Error,
        section: "RFC 9110 8.6",
        title: "a Content-Length with a sign",
        help: "write the number of bytes in decimal digits, without a sign",
        explanation: "A sign is no digit. Functions that parse numbers for general use often accept it, and where one \
            program on the path does and another does not, they disagree about where the message ends. A negative length \
            is often an error code that was taken for one.",
        bad: &[ASKED, Server("HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok")],
        good: &[ASKED, ANSWERED],
        httpolice: &[1000],
        issue: Some(Issue::BadContentLength),
    };

    CONTENT_LENGTH_CONFLICT = Lint {
        name: "content-length-conflict",
        severity: Severity::Error,
        section: "RFC 9112 6.3",
        title: "Content-Length values that differ",
        help: "send Content-Length once",
        explanation: "With two lengths the message ends in two places, and a request can be hidden in the difference. A \
            recipient must take the message for invalid: a server answers 400 and closes.",
        bad: &[ASKED, Server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok")],
        good: &[ASKED, ANSWERED],
        httpolice: &[1013],
        issue: Some(Issue::ContentLengthConflict),
    };

    CONTENT_LENGTH_REPEATED = Lint {
        name: "content-length-repeated",
        severity: Severity::Warn,
        section: "RFC 9110 8.6",
        title: "the same Content-Length more than once",
        help: "send Content-Length once",
        explanation: "The field is no list, and a sender must not repeat it. A recipient may take equal values for one, or \
            reject the message.",
        bad: &[ASKED, Server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok")],
        good: &[ASKED, ANSWERED],
        httpolice: &[1013],
        issue: Some(Issue::ContentLengthRepeated),
    };

    LENGTH_NOT_ALLOWED = Lint {
        name: "length-not-allowed",
        severity: Severity::Warn,
        section: "RFC 9110 8.6",
        title: "Content-Length in a response that never has a body",
        help: "leave Content-Length out of 1xx, of 204, and of 2xx to CONNECT",
        explanation: "A server must not send Content-Length in a response of 1xx or 204, nor in a 2xx to CONNECT. A client \
            that goes by the field rather than by the status waits for bytes that do not come.",
        bad: &[ASKED, Server("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n")],
        good: &[ASKED, Server("HTTP/1.1 204 No Content\r\n\r\n")],
        httpolice: &[1023, 1024],
        issue: Some(Issue::BodyNotAllowed),
    };

    POST_WITHOUT_LENGTH = Lint {
        name: "post-without-length",
        severity: Severity::Note,
        section: "RFC 9110 8.6",
        title: "a POST, PUT or PATCH without Content-Length",
        help: "send Content-Length, 0 where there is no body",
        explanation: "A client should send Content-Length, or Transfer-Encoding, with a method that is meant to have a \
            body, even where that is empty: some servers answer 411 without it.",
        bad: &[Client("POST / HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        good: &[Client("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n")],
        httpolice: &[1021],
        ..Lint::NONE
    };

    NEEDLESS_LENGTH = Lint {
        name: "needless-content-length",
        severity: Severity::Chat,
        section: "RFC 9110 8.6",
        title: "Content-Length: 0 in a request of a method that has no body",
        help: "leave Content-Length out of a GET, HEAD, DELETE, OPTIONS or TRACE without a body",
        explanation: "A client should not send Content-Length where there is no body and the method does not lead one to \
            expect any. It does no harm.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        httpolice: &[1022],
        ..Lint::NONE
    };

    UNEXPECTED_BODY = Lint {
        name: "unexpected-request-body",
        severity: Severity::Note,
        section: "RFC 9110 9.3.1",
        title: "a body in a request whose method gives none a meaning",
        help: "put what the server is to know into the target, or use POST",
        explanation: "A body in GET, HEAD, DELETE or CONNECT has no meaning that all agree on. Servers ignore it, reject \
            the request, or close the connection, and caches do not see it: two requests that differ in the body alone \
            are the same to them.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\nok")],
        good: &[Client("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\nok")],
        httpolice: &[1056, 1057, 1059, 1061],
        ..Lint::NONE
    };

    TRACE_WITH_BODY = Lint {
        name: "trace-with-body",
        severity: Severity::Error,
        section: "RFC 9110 9.3.8",
        title: "a TRACE with a body",
        help: "send TRACE without a body",
        explanation: "TRACE asks for the request to be sent back as it arrived, and a client must not send content in it.",
        bad: &[Client("TRACE / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\nok")],
        good: &[Client("TRACE / HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        ..Lint::NONE
    };

    UNTIL_CLOSE = Lint {
        name: "until-close-response",
        severity: Severity::Note,
        section: "RFC 9112 6.3",
        title: "an HTTP/1.1 response whose body ends with the connection",
        help: "send Content-Length, or Transfer-Encoding: chunked where the length is not known",
        explanation: "Without a length the body is all that comes until the server closes. The client cannot tell a whole \
            body from one that was cut short, and the connection cannot be used again.",
        bad: &[ASKED, Server("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok"), ServerCloses],
        good: &[ASKED, ANSWERED],
        httpolice: &[1025],
        ..Lint::NONE
    };

    UNTIL_CLOSE_UNSAID = Lint {
        name: "until-close-without-close",
        severity: Severity::Warn,
        section: "RFC 9112 9.3",
        title: "a body that ends with the connection, and no Connection: close",
        help: "send Connection: close with a response that has no length, or better a length",
        explanation: "Without `Connection: close` an HTTP/1.1 response says that the connection stays open, and without a \
            length that the body lasts until it is closed. A client that believes the first waits.",
        bad: &[ASKED, Server("HTTP/1.1 200 OK\r\n\r\nok"), ServerCloses],
        good: &[ASKED, ANSWERED],
        httpolice: &[1047],
        ..Lint::NONE
    };

    RESET_IN_MESSAGE = Lint {
        name: "reset-in-message",
        severity: Severity::Warn,
        section: "RFC 9112 8",
        title: "the sender of a message reset the connection within it",
        help: "read what the other end sends, and close only after the last byte was acknowledged",
        explanation: "The sender of the message sent RST before the message had ended. A program that closes a socket with \
            bytes unread in it does so, and one that crashes.",
        bad: &[ASKED, Server("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"), ServerResets],
        good: &[ASKED, ANSWERED],
        issue: Some(Issue::Aborted),
        ..Lint::NONE
    };
}

/// Looks at the framing of a message by length.
pub(super) fn message(seen: &Seen<'_>, report: &mut Report<'_>) {
    if !seen.is_head_whole() {
        return;
    }
    let own = &seen.talk.sides[seen.message.side % 2];
    if seen.message.integrity == Integrity::Aborted && own.rst.is_some() && !own.lossy && !was_refused(seen) {
        report.add(Draft::new(&RESET_IN_MESSAGE));
    }
    lengths(seen, report);
    if seen.is_request() {
        request(seen, report);
    } else {
        response(seen, report);
    }
    if seen.has(Issue::ExcessData)
        && !seen.talk.sides[seen.message.side % 2].lossy
        && let Some(lint) = excess(Ending::of(seen.http, seen.request))
    {
        let lint = of_rest(report.rest(seen.message.len), seen.is_request()).unwrap_or(lint);
        report.add(Draft::new(lint).bytes(seen.message.len, usize::MAX));
    }
}

/// Looks at what followed a message.
pub(super) fn update(update: &Update, talk: &Talk, report: &mut Report<'_>) {
    let side = &talk.sides[update.side % 2];
    if !update.issues.contains(Issue::ExcessData) || side.lossy {
        return;
    }
    let past = side.last.filter(|past| past.number == update.number);
    // What comes after the answer is no body.
    let answer = talk.sides[1 - update.side % 2].last.filter(|answer| answer.number > update.number);
    let ending = past.map(|past| past.ending).filter(|ending| *ending != Ending::NoLength || answer.is_none());
    if let Some(lint) = excess(ending.unwrap_or(Ending::Other)) {
        report.add(match past {
            Some(past) => {
                let len = past.end - past.start;
                let lint = of_rest(report.rest(len), update.kind == Kind::Request).unwrap_or(lint);
                Draft::new(lint).bytes(len, usize::MAX)
            }
            None => Draft::new(lint),
        });
    }
}

/// What is told of excess data that says itself where it comes from.
fn of_rest(rest: Option<&[u8]>, is_request: bool) -> Option<&'static Lint> {
    let rest = rest?;
    match () {
        () if is_request && rest.iter().all(|byte| matches!(byte, b'\r' | b'\n')) => Some(&EXTRA_BLANK_LINE),
        () if rest.iter().all(|byte| *byte == 0) => Some(&NUL_AFTER_MESSAGE),
        () => None,
    }
}

/// What excess data is, after a message that ended so; nothing where it may be of another protocol.
fn excess(ending: Ending) -> Option<&'static Lint> {
    match ending {
        Ending::Length => Some(&BODY_LONGER_THAN_LENGTH),
        Ending::NoLength => Some(&BODY_WITHOUT_LENGTH),
        Ending::AnswerToHead => Some(&HEAD_RESPONSE_WITH_BODY),
        Ending::Bodiless => Some(&BODY_OF_BODILESS),
        Ending::Other => Some(&EXCESS_DATA),
        Ending::Asks => None,
    }
}

fn lengths(seen: &Seen<'_>, report: &mut Report<'_>) {
    let values = || seen.named("content-length");
    let Some(first) = values().next() else { return };
    let sent = |field: &crate::app::http1::head::FieldLine| field.value.of(seen.head.bytes);
    if seen.has(Issue::BadContentLength) {
        let is_bad = |field: &&_| !sent(field).iter().all(|byte| byte.is_ascii_digit() || b", \t".contains(byte));
        let bad = values().find(is_bad).unwrap_or(first);
        let is_signed = matches!(sent(bad), [b'+' | b'-', rest @ ..] if rest.first().is_some_and(u8::is_ascii_digit));
        let lint = if is_signed { &SIGNED_CONTENT_LENGTH } else { &BAD_CONTENT_LENGTH };
        report.add(Draft::new(lint).head(bad.value).found(text(sent(bad))).expected("decimal digits"));
    }
    let last = values().last().unwrap_or(first);
    if seen.has(Issue::ContentLengthConflict) {
        let all: Vec<String> = values().take(4).map(|field| text(sent(field))).collect();
        report.add(Draft::new(&CONTENT_LENGTH_CONFLICT).head(last.value).found(all.join(" and ")));
    } else if seen.has(Issue::ContentLengthRepeated) {
        report.add(Draft::new(&CONTENT_LENGTH_REPEATED).head(last.value).found(text(sent(last))));
    }
    if seen.has(Issue::BodyNotAllowed) {
        report.add(Draft::new(&LENGTH_NOT_ALLOWED).head(first.name));
    }
    if let (Framing::Length(length), Integrity::ClosedEarly) = (seen.framing(), seen.message.integrity)
        && seen.talk.sides[1 - seen.message.side % 2].rst.is_none()
        && !was_refused(seen)
    {
        let draft = Draft::new(&BODY_SHORTER_THAN_LENGTH).head(first.value);
        report.add(draft.found(format!("{} bytes of body", seen.http.body_len)).expected(format!("{length} bytes")));
    }
}

/// Whether it is a request whose body the server did not want: the client need not send the rest (RFC 9110 10.1.1, RFC
/// 9112 9.5). One that the server waited for in vain, or found wanting, was wanted.
fn was_refused(seen: &Seen<'_>) -> bool {
    let (own, other) = (&seen.talk.sides[seen.message.side % 2], &seen.talk.sides[1 - seen.message.side % 2]);
    let answer = other.last.filter(|answer| answer.answers == Some(seen.message.number));
    let refuses = |code| code >= 300 && !matches!(code, 400 | 408);
    let came_first = |answer: &Past| own.fin.is_none_or(|(_, closed)| answer.began < closed);
    seen.is_request() && answer.is_some_and(|answer| refuses(answer.code) && came_first(&answer))
}

fn request(seen: &Seen<'_>, report: &mut Report<'_>) {
    let method = seen.head.method().unwrap_or_default();
    let (length, coding) = (seen.named("content-length").next(), seen.has_field("transfer-encoding"));
    let has_body = seen.http.body_len > 0;
    match method {
        b"POST" | b"PUT" | b"PATCH" if length.is_none() && !coding => {
            report.add(Draft::new(&POST_WITHOUT_LENGTH));
        }
        b"TRACE" if has_body => {
            report.add(Draft::new(&TRACE_WITH_BODY).found(format!("{} bytes", seen.http.body_len)));
        }
        b"GET" | b"HEAD" | b"DELETE" | b"CONNECT" if has_body => {
            report.add(Draft::new(&UNEXPECTED_BODY).found(format!("{} bytes", seen.http.body_len)));
        }
        b"GET" | b"HEAD" | b"DELETE" | b"OPTIONS" | b"TRACE" if seen.framing() == Framing::Length(0) => {
            report.add(Draft::new(&NEEDLESS_LENGTH).head(length.map_or(0..0, |field| field.name.into())));
        }
        _ => {}
    }
}

fn response(seen: &Seen<'_>, report: &mut Report<'_>) {
    let is_new = seen.http.parsed.version >= Some(Version::HTTP_11);
    if !is_new || seen.request.is_none() || seen.framing() != Framing::UntilClose || seen.has_field("transfer-encoding")
    {
        return;
    }
    report.add(Draft::new(&UNTIL_CLOSE));
    let expects_more = seen.request.is_some_and(|request| request.past.persistent);
    if expects_more && !seen.head.list("connection").any(|option| option.eq_ignore_ascii_case(b"close")) {
        report.add(Draft::new(&UNTIL_CLOSE_UNSAID));
    }
}
