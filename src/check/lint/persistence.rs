//! What both ends say of the connection's future, and what they do (RFC 9112 9.3 and 9.6).

use super::entry::Turn::{Client, ClientCloses, Server, ServerCloses, Wait};
use super::entry::{Lint, lints};
use super::report::{Draft, Report};
use super::talk::{Past, Side};
use super::{Ended, Seen};
use crate::app::http1::framing::persistent;
use crate::app::message::{Integrity, Kind};
use crate::frame::{FrameNumber, Timestamp};
use crate::issue::Severity;

/// How soon after its last response a server that closes does so because of that response, and how long it is waited
/// for one that is to close: a second of capture time. Idle connections are kept for some seconds by all servers.
const SOON: i64 = 1_000_000_000;

const ASKED: super::Turn = Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n");
const ANSWERED: super::Turn = Server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
const ASKED_LAST: super::Turn = Client("GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n");
const ANSWERED_LAST: super::Turn = Server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");

lints! {
    REQUEST_AFTER_CLOSE = Lint {
        name: "request-after-close",
        severity: Severity::Error,
        section: "RFC 9112 9.6",
        title: "a client sends on after a request that was to be the last",
        help: "send Connection: close in the last request only, or open another connection",
        explanation: "With `Connection: close` (or in HTTP/1.0 without keep-alive) a client says that this request is its \
            last one on the connection, and must not send further ones. The server answers it and closes; what comes \
            after it is lost.",
        bad: &[ASKED_LAST, ANSWERED_LAST, ASKED],
        good: &[ASKED, ANSWERED, ASKED_LAST, ANSWERED_LAST, ServerCloses, ClientCloses],
        ..Lint::NONE
    };

    REQUEST_AFTER_SERVER_CLOSE = Lint {
        name: "request-after-server-close",
        severity: Severity::Error,
        section: "RFC 9112 9.6",
        title: "a client sends on after the server said that it closes",
        help: "after a response with Connection: close open another connection",
        explanation: "A client that got `Connection: close` (or an HTTP/1.0 response without keep-alive) must not send \
            further requests on the connection: the server does not read them. It is told where the client had \
            acknowledged the whole response before it sent the request.",
        bad: &[ASKED, ANSWERED_LAST, ASKED],
        good: &[ASKED, ANSWERED, ASKED, ANSWERED],
        ..Lint::NONE
    };

    RESPONSE_AFTER_CLOSE = Lint {
        name: "response-after-close",
        severity: Severity::Warn,
        section: "RFC 9112 9.6",
        title: "a server sends on after a response that was to be the last",
        help: "close after the response with Connection: close, or send that with the last one only",
        explanation: "After a response with `Connection: close` (or of HTTP/1.0 without keep-alive) a server must not send \
            further responses. A client may have stopped reading.",
        bad: &[ASKED, ASKED, ANSWERED_LAST, ANSWERED],
        good: &[ASKED, ANSWERED, ASKED, ANSWERED_LAST, ServerCloses, ClientCloses],
        ..Lint::NONE
    };

    CLOSE_NOT_ECHOED = Lint {
        name: "close-not-confirmed",
        severity: Severity::Note,
        section: "RFC 9112 9.6",
        title: "the client said close, and the response does not",
        help: "answer Connection: close with Connection: close",
        explanation: "A server that got `Connection: close` closes after its response, and should say close in it.",
        bad: &[ASKED_LAST, ANSWERED],
        good: &[ASKED_LAST, ANSWERED_LAST],
        ..Lint::NONE
    };

    LEFT_OPEN = Lint {
        name: "close-promised-and-left-open",
        severity: Severity::Warn,
        section: "RFC 9112 9.6",
        title: "the connection was to be closed by the server, and stayed open",
        help: "close the connection after a response with Connection: close, or to a request with it",
        explanation: "After `Connection: close`, from either end, it is the server that closes once its response is sent; \
            the same goes for HTTP/1.0 without keep-alive. A client that waits for the end of the connection, as one of \
            HTTP/1.0 does, hangs. It is told where the connection stayed open for more than a second after the response.",
        bad: &[ASKED, ANSWERED_LAST, Wait(3), ClientCloses, ServerCloses],
        good: &[ASKED, ANSWERED_LAST, ServerCloses, ClientCloses],
        ..Lint::NONE
    };

    KEEP_ALIVE_BROKEN = Lint {
        name: "keep-alive-broken",
        severity: Severity::Warn,
        section: "RFC 9112 9.3",
        title: "the server said keep-alive and closed the connection at once",
        help: "say Connection: close where the connection is closed after the response",
        explanation: "The response said `Connection: keep-alive`, and the server closed within a second all the same. A client that sends its next request meanwhile loses it, and \
            may repeat only some methods by itself.",
        bad: &[
            ASKED,
            Server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok"),
            ServerCloses,
            ClientCloses,
        ],
        good: &[ASKED, ANSWERED_LAST, ServerCloses, ClientCloses],
        ..Lint::NONE
    };

    CLOSE_UNANNOUNCED = Lint {
        name: "close-not-announced",
        severity: Severity::Note,
        section: "RFC 9112 9.3",
        title: "the server closed at once after a response without Connection: close",
        help: "send Connection: close with the last response",
        explanation: "A server that does not keep connections must say close in every response. A client that believes the \
            connection to be open sends its next request, and gets a RST. It is told where the server closed first, \
            within a second.",
        bad: &[ASKED, ANSWERED, ServerCloses, ClientCloses],
        good: &[ASKED, ANSWERED_LAST, ServerCloses, ClientCloses],
        ..Lint::NONE
    };

    CLIENT_CLOSE_UNANNOUNCED = Lint {
        name: "client-close-not-announced",
        severity: Severity::Chat,
        section: "RFC 9112 9.3",
        title: "the client closed after a request without Connection: close",
        help: "send Connection: close with a request that is known to be the last",
        explanation: "A client that does not keep connections must say close in every request, so that the server need not \
            wait for more. Many that send a single request leave it out.",
        bad: &[ASKED, ANSWERED, ClientCloses, ServerCloses],
        good: &[ASKED_LAST, ANSWERED_LAST, ServerCloses, ClientCloses],
        ..Lint::NONE
    };
}

/// Looks at a message that comes after others.
pub(super) fn message(seen: &Seen<'_>, report: &mut Report<'_>) {
    if !seen.talk.is_whole() {
        return;
    }
    let own = &seen.talk.sides[seen.message.side % 2];
    let other = &seen.talk.sides[1 - seen.message.side % 2];
    let before = |past: &Past| past.number < seen.message.number;
    if seen.is_request() {
        if own.closing.as_ref().is_some_and(before) {
            report.add(Draft::new(&REQUEST_AFTER_CLOSE));
        } else if other.closing.is_some_and(|past| before(&past) && seen.message.acked >= past.end) {
            report.add(Draft::new(&REQUEST_AFTER_SERVER_CLOSE));
        }
        return;
    }
    let is_final = seen.http.is_final();
    if is_final && own.closing.as_ref().is_some_and(before) {
        report.add(Draft::new(&RESPONSE_AFTER_CLOSE));
    }
    let persistent = persistent(seen.head);
    if is_final && seen.is_head_whole() && persistent && seen.request.is_some_and(|request| request.past.says_close) {
        report.add(Draft::new(&CLOSE_NOT_ECHOED));
    }
}

/// Looks at how a connection ended.
pub(super) fn connection(ended: &Ended<'_>, report: &mut Report<'_>) {
    let Ended { connection, talk, .. } = ended;
    let (Some(client), true) = (connection.flow.client, talk.is_whole()) else { return };
    let [client, server] = [&talk.sides[client % 2], &talk.sides[1 - client % 2]];
    let (Some(asked), Some(answered)) = (client.last, server.last) else { return };
    // Only where the last request has its whole answer, and nothing follows it.
    let is_settled = [asked.integrity, answered.integrity] == [Integrity::Complete; 2]
        && answered.number > asked.number
        && talk.requests().next().is_none()
        && !talk.handed_over;
    if !is_settled || client.rst.is_some() || server.rst.is_some() {
        return;
    }
    let is_first = |fin: Timestamp, other: &Side| other.fin.is_none_or(|(_, time)| fin < time);
    match (client.fin, server.fin) {
        (_, Some(fin)) if is_first(fin.1, client) => server_closed(asked, answered, fin, report),
        (Some(fin), _) if is_first(fin.1, server) => client_closed(asked, answered, fin, report),
        _ => {}
    }
}

fn server_closed(asked: Past, answered: Past, fin: (FrameNumber, Timestamp), report: &mut Report<'_>) {
    let waited = fin.1.since(answered.last.1);
    let is_to_close = !asked.persistent || !answered.persistent;
    let lint = match () {
        () if answered.is_until_close => return,
        () if is_to_close && waited > SOON => &LEFT_OPEN,
        () if is_to_close || waited >= SOON => return,
        () if answered.says_keep_alive => &KEEP_ALIVE_BROKEN,
        () => &CLOSE_UNANNOUNCED,
    };
    report.add(Draft::new(lint).of(answered.number, Kind::Response).frame(fin).found(after(waited)));
}

fn client_closed(asked: Past, answered: Past, fin: (FrameNumber, Timestamp), report: &mut Report<'_>) {
    let waited = fin.1.since(answered.last.1);
    if !asked.persistent || !answered.persistent {
        if waited > SOON {
            let draft = Draft::new(&LEFT_OPEN).of(answered.number, Kind::Response).frame(fin);
            report.add(draft.found(format!("the client's {}", after(waited))));
        }
    } else {
        report.add(Draft::new(&CLIENT_CLOSE_UNANNOUNCED).of(asked.number, Kind::Request).frame(fin));
    }
}

fn after(nanos: i64) -> String {
    format!("FIN {:.3} s after the response", nanos.max(0) as f64 / 1e9)
}
