//! Requests and responses that have no counterpart, requests that do not wait, bytes that are neither (RFC 9112 9.2,
//! 9.3).

use super::entry::Turn::{Client, ClientCloses, Server, ServerCloses};
use super::entry::{Lint, lints};
use super::report::{Draft, Report, text};
use super::talk::Side;
use super::{Ended, Seen};
use crate::app::message::{Integrity, Kind};
use crate::issue::{Issue, Severity};

const ASKED: super::Turn = Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n");
const ANSWERED: super::Turn = Server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");

lints! {
    UNASKED_RESPONSE = Lint {
        name: "response-without-request",
        severity: Severity::Warn,
        section: "RFC 9112 9.2",
        title: "a response that answers no request",
        help: "send one final response to each request",
        explanation: "Responses are matched with requests by their order alone. A server that sends one too many makes the \
            client take it for the answer to its next request. A 408, or 400, sent to a client that stays silent is the exception.",
        bad: &[ASKED, ANSWERED, ANSWERED, ClientCloses, ServerCloses],
        good: &[ASKED, ANSWERED, ClientCloses, ServerCloses],
        httpolice: &[1008],
        ..Lint::NONE
    };

    UNANSWERED_REQUEST = Lint {
        name: "unanswered-request",
        severity: Severity::Warn,
        section: "RFC 9112 9.5",
        title: "the server closed the connection without answering a request",
        help: "at the server: answer before closing; at the client: repeat the request on another connection",
        explanation: "The server ended the connection while a whole request had no response. Either it failed, or the \
            request met the end of a connection that had been idle for long, which a client has to reckon with.",
        bad: &[ASKED, ServerCloses, ClientCloses],
        good: &[ASKED, ANSWERED, ServerCloses, ClientCloses],
        ..Lint::NONE
    };

    UNREADABLE_REQUEST = Lint {
        name: "unreadable-request",
        severity: Severity::Error,
        section: "RFC 9112 3",
        title: "what the client sends is meant as a request and begins with no request line",
        help: "begin with method, space, target, space, version: GET / HTTP/1.1",
        explanation: "The first line of what the client sent has a method or a version in it, and is not three words with \
            single spaces between them. A server answers 400 to it or closes; there is no request that could be looked at \
            further.",
        bad: &[Client("GET/ HTTP/1.1\r\nHost: a.example\r\n\r\n"), ServerCloses, ClientCloses],
        good: &[ASKED, ANSWERED],
        httpolice: &[1006],
        issue: Some(Issue::Undecodable),
    };

    UNREADABLE_RESPONSE = Lint {
        name: "unreadable-response",
        severity: Severity::Error,
        section: "RFC 9112 4",
        title: "what comes back begins with no status line",
        help: "begin with version, space, status code, space: HTTP/1.1 200 OK",
        explanation: "The client sent a request, and what the server sent does not begin with a status line. A server that \
            sends a page without a head does this, or one that gets the version or its place wrong. The client cannot \
            tell what it is.",
        bad: &[ASKED, Server("HTTP 200 OK\r\nContent-Length: 2\r\n\r\nok"), ServerCloses, ClientCloses],
        good: &[ASKED, ANSWERED],
        httpolice: &[1009],
        issue: Some(Issue::Undecodable),
    };

    PIPELINED_REQUEST = Lint {
        name: "pipelined-request",
        severity: Severity::Chat,
        section: "RFC 9112 9.3.2",
        title: "a request sent before the one before it was answered",
        help: "wait for the response, or use several connections",
        explanation: "Pipelining is allowed, and no browser does it any more: a slow response holds up all behind it, and \
            servers that do not expect it lose requests that came with the one before.",
        bad: &[ASKED, ASKED, ANSWERED, ANSWERED],
        good: &[ASKED, ANSWERED, ASKED, ANSWERED],
        ..Lint::NONE
    };

    PIPELINED_AFTER_UNSAFE = Lint {
        name: "pipelined-after-unsafe",
        severity: Severity::Note,
        section: "RFC 9112 9.3.2",
        title: "a request sent before one that may not be repeated was answered",
        help: "wait for the response to a POST or another method that is not idempotent",
        explanation: "Where the connection breaks, the client cannot know whether the first request was carried out, nor \
            repeat it safely. It should not pipeline behind a method that is not idempotent.",
        bad: &[
            Client("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\nok"),
            ASKED,
            ANSWERED,
            ANSWERED,
        ],
        good: &[ASKED, ANSWERED, ASKED, ANSWERED],
        ..Lint::NONE
    };

    UNDECODABLE = Lint {
        name: "undecodable-bytes",
        severity: Severity::Note,
        section: "RFC 9112 2.2",
        title: "bytes on an HTTP connection that can be read as no message",
        help: "look at the bytes: `dissect explain FRAME` shows what became of those of a frame",
        explanation: "Somewhere on the connection there are bytes that neither begin a message nor belong to one. A length \
            that is wrong makes the rest of a body look like this.",
        bad: &[Client("hello\r\n"), ASKED, ANSWERED, ClientCloses, ServerCloses],
        good: &[ASKED, ANSWERED],
        httpolice: &[1007, 1010],
        issue: Some(Issue::Undecodable),
    };
}

/// Looks at a request that comes before the answer to another.
pub(super) fn message(seen: &Seen<'_>, report: &mut Report<'_>) {
    if !seen.is_request() || !seen.talk.is_whole() {
        return;
    }
    let mut waiting = seen.talk.requests().filter(|request| request.number < seen.message.number).peekable();
    if waiting.peek().is_none() {
        return;
    }
    report.add(Draft::new(&PIPELINED_REQUEST));
    let is_unsafe = |method: &[u8]| matches!(method, b"POST" | b"PATCH" | b"CONNECT");
    if let Some(method) = waiting.filter_map(|request| request.head().method()).find(|method| is_unsafe(method)) {
        report.add(Draft::new(&PIPELINED_AFTER_UNSAFE).found(format!("{} waits for its response", text(method))));
    }
}

/// Looks for what has no counterpart when all is known.
pub(super) fn connection(ended: &Ended<'_>, report: &mut Report<'_>) {
    let Ended { connection, talk, .. } = ended;
    if unreadable(ended, report) {
        return;
    }
    let is_odd = connection.issues.contains(Issue::Undecodable);
    if is_odd && connection.http && talk.is_whole() && !talk.lost_track {
        report.add(Draft::new(&UNDECODABLE));
    }
    let is_known = talk.is_whole() && talk.opener.is_some() && !talk.handed_over && connection.other_bytes == 0;
    if !is_known || is_odd {
        return;
    }
    if let Some(past) = talk.unasked {
        report.add(Draft::new(&UNASKED_RESPONSE).of(past.number, Kind::Response).frame(past.last));
    }
    let Some(client) = connection.flow.client else { return };
    let [client, server] = [&talk.sides[client % 2], &talk.sides[1 - client % 2]];
    let end = |side: &Side| [side.fin, side.rst].into_iter().flatten().min_by_key(|(_, time)| *time);
    let (Some(end_of_server), end_of_client) = (end(server), end(client)) else { return };
    if end_of_client.is_some_and(|(_, time)| time <= end_of_server.1) {
        return;
    }
    let unanswered = talk.requests().find(|request| request.past.integrity == Integrity::Complete);
    if let Some(request) = unanswered.filter(|_| !server.is_cut()) {
        report.add(Draft::new(&UNANSWERED_REQUEST).of(request.number, Kind::Request).frame(end_of_server));
    }
}

/// Looks for a direction that never becomes HTTP although it is meant as that.
fn unreadable(ended: &Ended<'_>, report: &mut Report<'_>) -> bool {
    let Ended { connection, talk, .. } = ended;
    let Some(client) = talk.opener.filter(|_| talk.is_whole() && !talk.handed_over) else { return false };
    let [asks, answers] = [&talk.sides[client % 2], &talk.sides[1 - client % 2]];
    let (lint, side) = match (unread(asks), unread(answers)) {
        (Some(bytes), _) if connection.protocol.is_none() && is_meant_as_request(bytes) => {
            (&UNREADABLE_REQUEST, client)
        }
        (_, Some(_)) if asks.last.is_some() && connection.issues.contains(Issue::Undecodable) => {
            (&UNREADABLE_RESPONSE, 1 - client)
        }
        _ => return false,
    };
    report.add(Draft::new(lint).first(side));
    true
}

/// The first bytes of a direction that never became HTTP.
fn unread(side: &Side) -> Option<&[u8]> {
    side.first.as_ref().filter(|_| side.last.is_none()).map(|(_, bytes)| &bytes[..])
}

/// Whether the first line has a version in it, or begins with a method that nothing but punctuation follows.
fn is_meant_as_request(bytes: &[u8]) -> bool {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let word = line.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let is_method = METHODS.iter().any(|method| method.as_bytes().eq_ignore_ascii_case(&line[..word]))
        && matches!(line.get(word), Some(b' ' | b'/' | b':' | b'\t' | b','));
    is_method || memchr::memmem::find(line, b" HTTP/1").is_some()
}

/// Methods that other protocols of text lines do not have.
const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "TRACE", "CONNECT"];
