//! How messages are cut into segments, and what the segments say (RFC 9293 3.1, 3.7, 3.8).

use super::entry::Turn::{Client, ClientCloses, Happens, Server};
use super::entry::{Lint, lints};
use super::report::{Draft, Report};
use super::wire::At;
use super::{Ended, Seen};
use crate::issue::{Issue, Severity};

const ASKED: super::Turn = Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n");
const ANSWERED: super::Turn = Server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");

lints! {
    BYTE_AT_A_TIME = Lint {
        name: "byte-at-a-time",
        severity: Severity::Note,
        section: "RFC 9293 3.7.4",
        title: "a message of which most segments carry one byte",
        help: "collect what is to be sent in a buffer, and write it at once; leave TCP_NODELAY off until then",
        explanation: "Each byte goes out in a segment of its own, with 40 bytes of headers and more. That happens where a \
            program writes byte by byte, as with an unbuffered stream, and has turned Nagle's algorithm off, which would \
            have put them together. It is slow, and servers may give up before the head is whole.",
        bad: &[
            Client("G"), Client("E"), Client("T"), Client(" "), Client("/"), Client(" "), Client("H"), Client("T"),
            Client("T"), Client("P"), Client("/1.1\r\nHost: a.example\r\n\r\n"),
        ],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        ..Lint::NONE
    };

    HEAD_IN_PIECES = Lint {
        name: "head-in-pieces",
        severity: Severity::Note,
        section: "RFC 9293 3.7.4",
        title: "a short head in three segments or more",
        help: "put the whole head in one buffer, and write it at once",
        explanation: "The head would fit one segment and came in several: the program writes it line by line. Each write \
            after the first waits for an acknowledgement, which the other end may delay by 40 ms or more, or costs a \
            segment of its own.",
        bad: &[Client("GET / HTTP/1.1\r\n"), Client("Host: a.example\r\n"), Client("\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        ..Lint::NONE
    };

    BODY_APART = Lint {
        name: "body-apart",
        severity: Severity::Chat,
        section: "RFC 9293 3.7.4",
        title: "a short body in another segment than the head",
        help: "write a short body together with the head",
        explanation: "Head and body would fit one segment and came in two: the program writes them one after the other. The \
            second write waits for the acknowledgement of the first, unless Nagle's algorithm is off, and that may be \
            delayed.",
        bad: &[Client("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\n"), Client("ok")],
        good: &[Client("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\nok")],
        ..Lint::NONE
    };

    DATA_WITHOUT_ACK = Lint {
        name: "data-without-ack",
        severity: Severity::Warn,
        section: "RFC 9293 3.10.7.4",
        title: "a segment with data and without ACK",
        help: "set ACK in every segment after the SYN, with the number of the next byte expected",
        explanation: "Once a connection is begun every segment has ACK. A receiver drops one without it, and its data with \
            it. No TCP of an operating system sends one: the segments are made by hand.",
        bad: &[Happens("handshake"), ASKED, Happens("the segment has PSH alone, and is not acknowledged")],
        good: &[Happens("handshake"), ASKED, Happens("the segment has PSH and ACK"), ANSWERED],
        ..Lint::NONE
    };

    DATA_BEFORE_HANDSHAKE = Lint {
        name: "data-before-handshake",
        severity: Severity::Warn,
        section: "RFC 9293 3.5",
        title: "data was sent before the handshake was done",
        help: "wait for the SYN-ACK, acknowledge it, and then send",
        explanation: "The client sent data before the server's SYN-ACK was there, so that it could not know the number to \
            acknowledge. The server drops it, or answers with RST. Data in the SYN itself, with TCP Fast Open, is \
            another thing and not told.",
        bad: &[Happens("the client sends SYN"), ASKED, Happens("the server sends SYN, ACK")],
        good: &[Happens("the client sends SYN, the server SYN, ACK, the client ACK"), ASKED, ANSWERED],
        ..Lint::NONE
    };

    DATA_AFTER_FIN = Lint {
        name: "data-after-fin",
        severity: Severity::Warn,
        section: "RFC 9293 3.6",
        title: "data after the sender's own FIN",
        help: "send FIN after the last byte",
        explanation: "FIN says that nothing more comes. What its sender sends beyond it the receiver drops. No TCP of an \
            operating system does that: the segments are made by hand.",
        bad: &[ClientCloses, ASKED, Happens("the server drops it")],
        good: &[ASKED, Happens("the response comes"), ANSWERED, ClientCloses],
        ..Lint::NONE
    };

    URGENT_DATA = Lint {
        name: "urgent-data",
        severity: Severity::Chat,
        section: "RFC 6093 5",
        title: "urgent data on an HTTP connection",
        help: "send it as ordinary data",
        explanation: "Implementations differ in where urgent data ends, and devices on the path remove the mark. HTTP has no \
            use for it, and new applications should not use it.",
        bad: &[ASKED, Happens("the segment has URG")],
        good: &[ASKED, Happens("the segment has no URG")],
        ..Lint::NONE
    };

    ZERO_WINDOW_FOR_LONG = Lint {
        name: "zero-window-for-long",
        severity: Severity::Note,
        section: "RFC 9293 3.8.6",
        title: "a receive window that was zero for a second or more",
        help: "read from the socket as data comes, while other work is done elsewhere",
        explanation: "A window of zero says that the receiver's buffer is full: its program does not read. The sender can \
            only wait and probe. The network is not to blame for the time that it takes.",
        bad: &[ASKED, Happens("the response begins"), Happens("the client offers a window of 0 for 3 seconds")],
        good: &[ASKED, Happens("the client reads as the response comes, and its window stays open")],
        ..Lint::NONE
    };

    MANY_RETRANSMISSIONS = Lint {
        name: "many-retransmissions",
        severity: Severity::Note,
        section: "RFC 9293 3.8.1",
        title: "one segment in twenty, or more, was sent again",
        help: "look for loss on the path: a bad link, a full queue, a mismatch of duplex or MTU",
        explanation: "Segments were lost, or their acknowledgements were, in such numbers that the connection is slow for it. \
            HTTP cannot mend that.",
        bad: &[ASKED, Happens("of 100 segments of the response 12 are sent twice")],
        good: &[ASKED, Happens("of 100 segments of the response 1 is sent twice")],
        ..Lint::NONE
    };
}

/// Bytes that fit one segment on nearly every path.
const ONE_SEGMENT: u64 = 1200;

/// Segments of one byte that make a message one that was written byte by byte.
const MANY_BYTES: usize = 8;

/// How long a window may be zero, in nanoseconds.
const LONG: i64 = 1_000_000_000;

/// Looks at how a message was cut.
pub(super) fn message(seen: &Seen<'_>, report: &mut Report<'_>) {
    let message = seen.message;
    let segments = message.segments.kept();
    // Copies and late ones say nothing of how it was written.
    let is_plain = segments.iter().all(|segment| segment.flags.is_empty() || !is_disturbed(segment.flags.issues()));
    if !is_plain || message.missing_bytes > 0 || segments.is_empty() {
        return;
    }
    let single = segments.iter().filter(|segment| segment.len == 1).count();
    if single >= MANY_BYTES && single * 2 > segments.len() {
        let found = format!("{single} of {} segments", segments.len());
        return report.add(Draft::new(&BYTE_AT_A_TIME).found(found));
    }
    let head_end = message.start + seen.http.raw.len() as u64;
    let is_short = (seen.http.raw.len() as u64) < ONE_SEGMENT;
    let of_head = segments.iter().filter(|segment| segment.offset < head_end).count();
    if seen.is_head_whole() && is_short && of_head >= 3 {
        report.add(Draft::new(&HEAD_IN_PIECES).found(format!("{of_head} segments")));
    }
    let asks_first = seen.has_field("expect");
    if seen.is_complete() && message.len < ONE_SEGMENT && seen.is_request() && seen.has_body() && !asks_first {
        let begins_with_body = segments.iter().find(|segment| segment.offset == head_end);
        if let Some(body) = begins_with_body.filter(|_| of_head == 1) {
            let after = body.time.since(message.first_time);
            let draft = Draft::new(&BODY_APART).bytes(seen.http.raw.len() as u64, 1);
            report.add(draft.found(format!("{:.1} ms after the head", after as f64 / 1e6)));
        }
    }
}

fn is_disturbed(issues: crate::issue::IssueSet) -> bool {
    [Issue::Retransmission, Issue::OutOfOrder, Issue::ZeroWindowProbe, Issue::KeepAlive]
        .into_iter()
        .any(|issue| issues.contains(issue))
}

/// Looks at the segments of a connection that carried HTTP.
pub(super) fn connection(ended: &Ended<'_>, report: &mut Report<'_>) {
    let Ended { connection, talk, .. } = ended;
    if !connection.http {
        return;
    }
    let wire = &talk.wire;
    let firsts: [(&'static Lint, Option<At>); 4] = [
        (&DATA_WITHOUT_ACK, wire.data_without_ack),
        (&DATA_BEFORE_HANDSHAKE, wire.data_before_handshake),
        // Where segments are missing, those of the next connection with the same ports may look like this.
        (&DATA_AFTER_FIN, wire.data_after_fin.filter(|_| talk.is_whole())),
        (&URGENT_DATA, wire.urgent),
    ];
    for (lint, at) in firsts {
        if let Some(at) = at {
            report.add(Draft::new(lint).frame(at));
        }
    }
    for side in &wire.sides {
        let still = side.zero_since.map(|since| (connection.last.0.since(since.1), since));
        let longest = side.zero_longest.max(still);
        if let Some((time, since)) = longest.filter(|(time, _)| *time >= LONG) {
            report.add(Draft::new(&ZERO_WINDOW_FOR_LONG).frame(since).found(format!("{:.1} s", time as f64 / 1e9)));
        }
    }
    for (direction, side) in connection.directions.iter().zip(&wire.sides) {
        let again = direction.flags.iter().find(|(flag, _)| *flag == Issue::Retransmission);
        let again = again.map_or(0, |(_, count)| count);
        if let Some(first) = side.again.filter(|_| again >= 10 && u64::from(again) * 20 >= direction.segments) {
            let found = format!("{again} of {} segments", direction.segments);
            report.add(Draft::new(&MANY_RETRANSMISSIONS).frame(first).found(found));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Turn::Wait;
    use super::super::tests::{Conversation, raised_of};
    use super::*;

    const REQUEST: &str = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
    const RESPONSE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    fn transport(conversation: &Conversation) -> Vec<&'static str> {
        raised_of(LINTS, conversation)
    }

    #[test]
    fn data_without_ack_and_beyond_fin() {
        let mut talk = Conversation::new();
        talk.segment(0, "P", REQUEST.as_bytes());
        let talk = talk.turns(&[Server(RESPONSE), ClientCloses]);
        assert_eq!(transport(&talk), ["data-without-ack"]);
        let talk = talk.turns(&[Client(REQUEST)]);
        assert_eq!(transport(&talk), ["data-without-ack", "data-after-fin"]);
    }

    #[test]
    fn data_before_the_syn_ack() {
        let early = |acks: &str| {
            let mut talk = Conversation::silent();
            talk.segment(0, "S", b"");
            talk.next[1] += 1;
            talk.segment(0, acks, REQUEST.as_bytes());
            talk.next[1] -= 1;
            talk.segment(1, "SA", b"");
            transport(&talk.turns(&[Server(RESPONSE)]))
        };
        assert!(early("P").contains(&"data-before-handshake"));
        // One that acknowledges the SYN-ACK was only captured before it.
        assert!(!early("PA").contains(&"data-before-handshake"));
    }

    #[test]
    fn a_window_that_stays_closed() {
        let talk = |wait| {
            let mut talk = Conversation::new().turns(&[Client(REQUEST)]);
            talk.window = 0;
            talk.segment(0, "A", b"");
            let mut talk = talk.turns(&[Wait(wait)]);
            talk.window = 65_000;
            talk.segment(0, "A", b"");
            transport(&talk.turns(&[Server(RESPONSE)]))
        };
        assert!(talk(0).is_empty());
        assert_eq!(talk(2), ["zero-window-for-long"]);
    }

    #[test]
    fn urgent_data() {
        let mut talk = Conversation::new();
        talk.segment(0, "UA", REQUEST.as_bytes());
        assert_eq!(transport(&talk.turns(&[Server(RESPONSE)])), ["urgent-data"]);
    }

    #[test]
    fn much_that_was_sent_again() {
        let sent_again = |times| {
            let mut talk = Conversation::new().turns(&[Client(REQUEST)]);
            let body = "x".repeat(100);
            talk.data(1, format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 100 * times).as_bytes());
            for _ in 0..times {
                talk.segment(1, "PA", body.as_bytes());
                talk.next[1] -= 100;
                talk = talk.turns(&[Wait(1)]);
                talk.segment(1, "PA", body.as_bytes());
                talk.segment(0, "A", b"");
            }
            transport(&talk)
        };
        assert_eq!(sent_again(12), ["many-retransmissions"]);
        assert_eq!(sent_again(2), [""; 0]);
    }
}
