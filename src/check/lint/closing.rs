//! How connections end: RST for FIN, one side closed and the other not (RFC 9293 3.6; RFC 9112 9.6).

use super::entry::Turn::{Client, ClientCloses, ClientResets, Happens, Server, ServerCloses, ServerResets, Wait};
use super::entry::{Lint, lints};
use super::report::{Draft, Report};
use super::{Ended, Seen};
use crate::app::message::Integrity;
use crate::event::Close;
use crate::issue::Severity;

const ASKED: super::Turn = Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n");
const ANSWERED: super::Turn = Server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");

lints! {
    RESET_WITH_UNREAD_DATA = Lint {
        name: "reset-with-unread-data",
        severity: Severity::Note,
        section: "RFC 9112 9.6",
        title: "RST, with bytes of the other end on their way or not read",
        help: "shut down the sending side, read until the other end closes, and close the socket only then",
        explanation: "A socket that is closed while the other end still sends answers with RST. What it had sent before, and \
            the other end has not read yet, is thrown away there: the client of a server that refuses an upload and \
            closes may never see the refusal. RFC 9112 therefore tells servers to close in stages.",
        bad: &[
            Client("PUT / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1000000\r\n\r\n"),
            Server("HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
            Happens("the server closes its socket; the client still sends the body"),
            ServerResets,
        ],
        good: &[
            Client("PUT / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1000000\r\n\r\n"),
            Server("HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
            ServerCloses,
            Happens("the server reads on, until the client closes too"),
            ClientCloses,
        ],
        ..Lint::NONE
    };

    ABORTIVE_CLOSE = Lint {
        name: "abortive-close",
        severity: Severity::Chat,
        section: "RFC 9293 3.6",
        title: "a connection ended by RST although all was read",
        help: "close the socket without SO_LINGER of zero, and read what is in it before",
        explanation: "RST ends a connection without the exchange of FINs, and without waiting for what is on its way. Some \
            programs do it on purpose, to save the state that a closed connection leaves.",
        bad: &[ASKED, ANSWERED, ClientResets],
        good: &[ASKED, ANSWERED, ClientCloses, ServerCloses],
        ..Lint::NONE
    };

    HALF_CLOSE = Lint {
        name: "half-close",
        severity: Severity::Note,
        section: "RFC 9112 9.6",
        title: "a client that closed its sending side before the response came",
        help: "keep the connection open until the response has been read",
        explanation: "The client sent FIN right after the request, and the response came afterwards. TCP allows it, and a \
            server cannot tell it from a client that has gone: many stop working on the request then, and send nothing.",
        bad: &[ASKED, ClientCloses, ANSWERED, ServerCloses],
        good: &[ASKED, ANSWERED, ClientCloses, ServerCloses],
        ..Lint::NONE
    };

    HALF_CLOSED_AND_LEFT = Lint {
        name: "half-closed-and-left",
        severity: Severity::Note,
        section: "RFC 9112 9.6",
        title: "one end closed, and the other did not for ten seconds or more",
        help: "close the socket when a read returns no bytes: the other end has closed",
        explanation: "After the FIN of one end the other one has nothing more to read. A program that does not close too \
            leaks a socket (state CLOSE_WAIT), and with enough of them can open no more. It is told where the capture \
            goes on for long enough after the last segment of the connection.",
        bad: &[ASKED, ANSWERED, ServerCloses, Wait(60), Happens("the client has not closed")],
        good: &[ASKED, ANSWERED, ServerCloses, Happens("the client reads 0 bytes"), ClientCloses],
        ..Lint::NONE
    };

    CLIENT_LEFT_EARLY = Lint {
        name: "client-left-early",
        severity: Severity::Note,
        section: "RFC 9112 9.5",
        title: "a client that went away before it had the whole response",
        help: "read as many bytes as Content-Length says, or until the last chunk or the close, before closing",
        explanation: "The client closed or reset the connection while the response was still coming. A single read gives as \
            much as has come by then, not the whole response: a client reads until the end that the head tells. Browsers \
            do it on purpose, where a user goes to another page.",
        bad: &[ASKED, Server("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"), ClientResets],
        good: &[ASKED, ANSWERED, ClientCloses, ServerCloses],
        ..Lint::NONE
    };
}

/// Nanoseconds of capture time after which an end that has not closed is taken to have been left.
const LEFT: i64 = 10_000_000_000;

/// Looks at what the client did while a response came.
pub(super) fn message(seen: &Seen<'_>, report: &mut Report<'_>) {
    if seen.is_request() || !seen.talk.is_whole() || seen.talk.opener.is_none() || seen.talk.handed_over {
        return;
    }
    let client = &seen.talk.sides[1 - seen.message.side % 2];
    let server = &seen.talk.sides[seen.message.side % 2];
    if let Some(fin) = client.fin.filter(|(_, time)| *time < seen.message.first_time)
        && seen.request.is_some()
    {
        let ahead = seen.message.first_time.since(fin.1);
        report
            .add(Draft::new(&HALF_CLOSE).frame(fin).found(format!("{:.1} ms before the response", ahead as f64 / 1e6)));
    }
    let gone = [client.fin, client.rst].into_iter().flatten().min_by_key(|(_, time)| *time);
    if let Some(gone) = gone
        && seen.message.integrity == Integrity::Aborted
        && server.fin.is_none()
        && server.rst.is_none_or(|(_, time)| gone.1 < time)
    {
        let had = format!("{} bytes of the body", seen.http.body_len);
        report.add(Draft::new(&CLIENT_LEFT_EARLY).frame(gone).found(had));
    }
}

/// Looks at how a connection that carried HTTP ended.
pub(super) fn connection(ended: &Ended<'_>, report: &mut Report<'_>) {
    let &Ended { connection, talk, now } = ended;
    if !connection.http || !talk.is_whole() || talk.handed_over {
        return;
    }
    let resets = talk.wire.sides.each_ref().map(|side| side.reset);
    // Who answers a RST by another is not to be blamed.
    if let Some(reset) = resets.into_iter().flatten().min_by_key(|reset| reset.at.0) {
        if reset.unread > 0 {
            let found = format!("{} bytes not acknowledged", reset.unread);
            report.add(Draft::new(&RESET_WITH_UNREAD_DATA).frame(reset.at).found(found));
        } else if !reset.after_fin && talk.sides.iter().all(|side| side.fin.is_none() && !side.is_cut()) {
            report.add(Draft::new(&ABORTIVE_CLOSE).frame(reset.at));
        }
    }
    let [first, second] = &talk.sides;
    if let (Some(fin), None) | (None, Some(fin)) = (first.fin, second.fin)
        && first.rst.is_none()
        && second.rst.is_none()
        && connection.close == Close::Open
        && now.since(connection.last.0) >= LEFT
    {
        let found = format!("{:.0} s", now.since(fin.1) as f64 / 1e9);
        report.add(Draft::new(&HALF_CLOSED_AND_LEFT).frame(fin).found(found));
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Conversation, raised_of};
    use super::*;

    fn closing(conversation: &Conversation) -> Vec<&'static str> {
        raised_of(LINTS, conversation)
    }

    #[test]
    fn a_reset_that_meets_data() {
        let mut talk = Conversation::new().turns(&[ASKED]);
        talk.segment(1, "PA", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        talk.segment(0, "R", b"");
        assert_eq!(closing(&talk), ["reset-with-unread-data"]);
        assert_eq!(closing(&Conversation::new().turns(&[ASKED, ANSWERED, ClientResets])), ["abortive-close"]);
    }

    #[test]
    fn an_end_that_is_left_open() {
        let left = |wait| {
            let talk = Conversation::new().turns(&[ASKED, ANSWERED, ServerCloses]);
            closing(&talk.turns(&[Wait(wait)]).then(Conversation::from_port(40_001)))
        };
        assert_eq!(left(60), ["half-closed-and-left"]);
        assert_eq!(left(1), [""; 0]);
    }
}
