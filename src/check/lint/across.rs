//! What only several connections of a client to a server tell together: connections that were not used again or not at
//! all, requests that were repeated (RFC 9112 9.3; RFC 9110 9.2.2).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;

use super::entry::Turn::{Client, ClientCloses, Happens, Server, ServerCloses};
use super::entry::{Lint, lints};
use super::report::{Draft, Report, text};
use super::talk::Talk;
use super::{Ended, Seen};
use crate::app::http1::head::HeadRef;
use crate::app::message::Integrity;
use crate::event::{Close, Connection};
use crate::flow::Endpoint;
use crate::frame::Timestamp;
use crate::issue::Severity;

const ASKED: super::Turn = Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n");
const ANSWERED: super::Turn = Server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
const ORDERED: super::Turn = Client("POST /orders HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n");

lints! {
    CONNECTION_NOT_REUSED = Lint {
        name: "connection-not-reused",
        severity: Severity::Note,
        section: "RFC 9112 9.3, 9.4",
        title: "a new connection, where one to the same server was open and idle",
        help: "keep the connection and send the next request on it",
        explanation: "An earlier connection of this client to this server had its response whole, neither end had said that \
            it would close, and nothing was under way on it when the new one was opened. Using it would have saved a \
            handshake, a round trip, and a slow start. The requests of both name the same User-Agent; two programs on \
            one machine look alike all the same.",
        bad: &[ASKED, ANSWERED, Happens("the client opens another connection"), ASKED, ANSWERED],
        good: &[ASKED, ANSWERED, Happens("on the same connection"), ASKED, ANSWERED],
        ..Lint::NONE
    };

    REPEATED_REQUEST = Lint {
        name: "repeated-request",
        severity: Severity::Chat,
        section: "RFC 9112 9.3.1",
        title: "a request without an answer, sent again on another connection",
        help: "nothing: a client may repeat a request whose method is idempotent",
        explanation: "The connection on which the request was sent first ended before the response. Clients repeat a request \
            then where that does no harm, that is where the method is idempotent, such as GET.",
        bad: &[ASKED, ServerCloses, Happens("on another connection"), ASKED, ANSWERED],
        good: &[ASKED, ANSWERED, Happens("nothing is left to repeat")],
        ..Lint::NONE
    };

    REPEATED_UNSAFE_REQUEST = Lint {
        name: "repeated-unsafe-request",
        severity: Severity::Note,
        section: "RFC 9110 9.2.2",
        title: "a request that is not idempotent, sent again after it had no answer",
        help: "do not repeat a POST unless it is known that the server did nothing",
        explanation: "The connection ended before the response, and the request may have been carried out all the same. A \
            client must not repeat one on its own whose method is not idempotent, such as POST, unless it knows that it \
            does no harm: an order may be placed twice.",
        bad: &[ORDERED, ServerCloses, Happens("on another connection"), ORDERED, ANSWERED],
        good: &[ORDERED, ServerCloses, Happens("the client asks the user what to do")],
        ..Lint::NONE
    };

    UNUSED_CONNECTION = Lint {
        name: "unused-connection",
        severity: Severity::Chat,
        section: "RFC 9112 9.4",
        title: "a connection on which nothing was sent",
        help: "open a connection when there is a request to send on it",
        explanation: "The connection was opened to a server of HTTP and closed again without a byte of payload. Browsers \
            open some ahead of need; where every request has such a neighbour, a program opens its socket twice.",
        bad: &[Happens("the client opens a connection"), ClientCloses, ServerCloses],
        good: &[Happens("the client opens a connection"), ASKED, ANSWERED, ClientCloses, ServerCloses],
        ..Lint::NONE
    };
}

/// Pairs of a client and a server of which something is remembered; further ones are not looked at.
const MAX_PAIRS: usize = 8 << 10;

/// Open connections of a pair, and requests without an answer, that are remembered.
const MAX_OPEN: usize = 16;
const MAX_LOST: usize = 8;

/// Connections without payload that are remembered until it is known whether their server is one of HTTP.
const MAX_UNUSED: usize = 256;

/// Nanoseconds after the end of a connection for which a request is taken to repeat what was lost with it.
const SOON: i64 = 5_000_000_000;

/// Nanoseconds for which a connection has nothing to do before it is taken for idle: a client that opens several at once
/// does not wait for the first.
const IDLE: i64 = 50_000_000;

/// What is remembered.
#[derive(Debug, Default)]
pub(super) struct Across {
    pairs: HashMap<(IpAddr, Endpoint), Pair>,
    servers: HashSet<Endpoint>,
    unused: Vec<Connection>,
}

/// A client and a server.
#[derive(Debug, Default)]
struct Pair {
    open: Vec<Open>,
    lost: Vec<Lost>,
}

/// A connection that carried a request.
#[derive(Debug)]
struct Open {
    stream: u64,
    agent: u64,
}

/// A request that had no answer when its connection ended.
#[derive(Clone, Copy, Debug)]
struct Lost {
    stream: u64,
    request: u64,
    at: Timestamp,
}

impl Across {
    /// Looks at a message.
    pub fn message(&mut self, seen: &Seen<'_>, talks: &BTreeMap<u64, Box<Talk>>, report: &mut Report<'_>) {
        if !seen.is_request() || !seen.is_head_whole() || !seen.talk.is_whole() {
            return;
        }
        let stream = seen.flow.stream;
        let side = seen.message.side % 2;
        let pair = (seen.flow.ends[side].address, seen.flow.ends[1 - side]);
        if self.servers.len() < MAX_PAIRS {
            self.servers.insert(pair.1);
        }
        if self.pairs.len() == MAX_PAIRS && !self.pairs.contains_key(&pair) {
            return;
        }
        let pair = self.pairs.entry(pair).or_default();
        let request = identity(seen.head);
        let start = seen.message.first_time;
        let of_open = pair.open.iter().filter_map(|open| Some((open.stream, talks.get(&open.stream)?)));
        let lost = of_open.flat_map(|(stream, talk)| lost(stream, talk)).chain(pair.lost.iter().copied());
        let mut repeated = lost.filter(|lost| {
            lost.request == request && lost.stream != stream && start >= lost.at && start.since(lost.at) <= SOON
        });
        if let Some(lost) = repeated.next() {
            report_repeated(seen, lost.stream, report);
        }
        if pair.open.iter().any(|open| open.stream == stream) {
            return;
        }
        let agent = hash(&seen.head.get("user-agent"));
        let opened = seen.talk.wire.syn.filter(|_| seen.message.number == 1);
        let is_idle = |open: &&Open| {
            let talk = talks.get(&open.stream);
            open.agent == agent && opened.zip(talk).is_some_and(|((at, _), talk)| was_idle(talk, at.1))
        };
        if let Some(open) = pair.open.iter().find(is_idle) {
            report.add(Draft::new(&CONNECTION_NOT_REUSED).found(format!("tcp.stream {} was idle", open.stream)));
        }
        if pair.open.len() < MAX_OPEN {
            pair.open.push(Open { stream, agent });
        }
    }

    /// Looks at a connection that has ended.
    pub fn connection(&mut self, ended: &Ended<'_>) {
        let &Ended { connection, talk, .. } = ended;
        let Some(client) = connection.flow.client.map(|side| side % 2) else { return };
        let ends = connection.flow.ends;
        let is_silent = connection.directions.iter().all(|direction| direction.bytes == 0);
        let has_closed = matches!(connection.close, Close::Fin | Close::Rst);
        if connection.handshake == [true; 3] && is_silent && has_closed && talk.is_whole() {
            if self.unused.len() < MAX_UNUSED {
                self.unused.push(connection.clone());
            }
            return;
        }
        let pair = (ends[client].address, ends[1 - client]);
        let Some(pair) = self.pairs.get_mut(&pair) else { return };
        pair.open.retain(|open| open.stream != connection.flow.stream);
        pair.lost.extend(lost(connection.flow.stream, talk));
        pair.lost.drain(..pair.lost.len().saturating_sub(MAX_LOST));
    }

    /// The connections without payload whose server turned out to be one of HTTP.
    pub fn unused(&mut self) -> impl Iterator<Item = Connection> {
        let servers = std::mem::take(&mut self.servers);
        std::mem::take(&mut self.unused).into_iter().filter(move |connection| {
            let client = connection.flow.client.unwrap_or(0) % 2;
            servers.contains(&connection.flow.ends[1 - client])
        })
    }
}

/// Reports a connection without payload.
pub(super) fn report_unused(connection: &Connection, report: &mut Report<'_>) {
    report.add(Draft::new(&UNUSED_CONNECTION).frame((connection.first.1, connection.first.0)));
}

fn report_repeated(seen: &Seen<'_>, stream: u64, report: &mut Report<'_>) {
    let method = seen.head.method().unwrap_or_default();
    // RFC 9110 9.2.2, and the registry's "idempotent" column.
    let is_idempotent = [&b"GET"[..], b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"TRACE", b"PROPFIND"].contains(&method);
    let lint = if is_idempotent { &REPEATED_REQUEST } else { &REPEATED_UNSAFE_REQUEST };
    report.add(Draft::new(lint).found(format!("{}, as in tcp.stream {stream}", text(method))));
}

/// The requests that have no answer, if the connection has ended or is about to.
fn lost(stream: u64, talk: &Talk) -> impl Iterator<Item = Lost> {
    let ends = talk.sides.iter().flat_map(|side| [side.fin, side.rst]).flatten();
    let end = ends.min_by_key(|(_, time)| *time).filter(|_| talk.is_whole());
    end.into_iter().flat_map(move |(_, at)| {
        let requests = talk.requests().filter(|request| request.past.integrity == Integrity::Complete).take(MAX_LOST);
        requests.map(move |request| Lost { stream, request: identity(request.head()), at })
    })
}

/// Whether a connection was open and had nothing to do at a time, and has had nothing since.
fn was_idle(talk: &Talk, at: Timestamp) -> bool {
    let Some(client) = talk.opener else { return false };
    let [client, server] = [&talk.sides[client], &talk.sides[1 - client]];
    let (Some(asked), Some(answered)) = (client.last, server.last) else { return false };
    let is_open = [client, server].iter().all(|side| side.fin.is_none() && side.rst.is_none());
    let is_settled = [asked, answered].iter().all(|past| past.persistent && past.integrity == Integrity::Complete);
    let last = asked.last.1.max(answered.last.1);
    is_open
        && is_settled
        && answered.number > asked.number
        && talk.requests().next().is_none()
        && talk.is_whole()
        && !talk.handed_over
        && at.since(last) >= IDLE
        && talk.wire.last_data.is_none_or(|data| data <= last)
}

/// What tells a request from another, as far as it matters.
fn identity(head: HeadRef<'_>) -> u64 {
    hash(&(head.method(), head.target(), head.host(), head.get("content-length")))
}

fn hash(of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::super::Turn::{self, Client, ClientCloses, Server, ServerCloses, Wait};
    use super::super::tests::{Conversation, raised_of};
    use super::LINTS;

    const REQUEST: Turn = Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n");
    const POST: Turn = Client("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n");
    const RESPONSE: Turn = Server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");

    fn across(first: &[Turn], second: &[Turn]) -> Vec<&'static str> {
        let talk =
            Conversation::new().turns(first).turns(&[Wait(1)]).then(Conversation::from_port(40_001).turns(second));
        raised_of(LINTS, &talk)
    }

    #[test]
    fn an_idle_connection_that_is_not_used_again() {
        assert_eq!(across(&[REQUEST, RESPONSE], &[REQUEST, RESPONSE]), ["connection-not-reused"]);
        assert_eq!(across(&[REQUEST, RESPONSE, ServerCloses], &[REQUEST, RESPONSE]), [""; 0]);
        assert_eq!(across(&[REQUEST], &[REQUEST, RESPONSE]), [""; 0]);
        let other = Client("GET / HTTP/1.1\r\nHost: a.example\r\nUser-Agent: other/1\r\n\r\n");
        assert_eq!(across(&[REQUEST, RESPONSE], &[other, RESPONSE]), [""; 0]);
        let last = Server("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
        assert_eq!(across(&[REQUEST, last], &[REQUEST, RESPONSE]), [""; 0]);
    }

    #[test]
    fn a_request_that_is_repeated() {
        let lost = [REQUEST, ServerCloses, ClientCloses];
        assert_eq!(across(&lost, &[REQUEST, RESPONSE]), ["repeated-request"]);
        assert_eq!(across(&[POST, ServerCloses, ClientCloses], &[POST, RESPONSE]), ["repeated-unsafe-request"]);
        assert_eq!(across(&lost, &[POST, RESPONSE]), [""; 0]);
        assert_eq!(across(&[REQUEST, RESPONSE, ServerCloses, ClientCloses], &[REQUEST, RESPONSE]), [""; 0]);
    }

    #[test]
    fn a_connection_that_is_not_used() {
        assert_eq!(across(&[ClientCloses, ServerCloses], &[REQUEST, RESPONSE]), ["unused-connection"]);
        assert_eq!(across(&[ClientCloses, ServerCloses], &[ClientCloses]), [""; 0]);
    }
}
