//! What can be seen of connections within TLS: how they were secured, and the turns in which data went each way.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::Moment;
use super::budget::{Budget, of_text};
use super::connections::Connections;
use super::object::{self, Content, Object, Part, Turn};
use crate::app::message::{Integrity, Message};
use crate::app::tls::hello::Hello;
use crate::app::tls::{self, Hidden, Tls, names};
use crate::event;
use crate::frame::Timestamp;
use crate::tcp::SegmentRef;

/// Bytes that a session takes, and a run with its half of a turn, at least.
const SESSION: usize = 1200;
const RUN: usize = 400 + object::COST / 2;

/// Bytes that are kept of a name, that of a host (RFC 1035 2.3.4) among them.
const MAX_NAME: usize = 255;

/// Bytes of an encrypted record in which a request does not fit: an alert has some 20, the small frames with which HTTP/2
/// keeps house up to 35, the shortest request of HTTP/1.1 some 45.
const HOUSEKEEPING: u16 = 35;

/// Ports of HTTPS, for a client that does not say what it wants to speak.
const PORTS: [u16; 2] = [443, 8443];

/// How a connection was secured.
#[derive(Clone, Default, Debug)]
pub struct Secured {
    /// ClientHello.
    pub client_hello: Option<Moment>,
    /// ServerHello.
    pub server_hello: Option<Moment>,
    /// The client may send from here on: it sends the end of its handshake, or has that of the server's.
    pub secured: Option<Moment>,
    /// The server's name (SNI).
    pub host: Option<String>,
    /// The version that was chosen.
    pub version: Option<String>,
    /// The cipher suite that was chosen.
    pub cipher: Option<String>,
    /// The protocols within that were offered (ALPN).
    pub offered: Vec<String>,
    /// The one that was chosen, where that is in clear.
    pub alpn: Option<String>,
}

impl Secured {
    /// From when to when.
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        Some((self.client_hello?.time, self.secured?.time))
    }

    fn client_hello(&mut self, hello: &Hello, moment: Moment) {
        self.client_hello.get_or_insert(moment);
        let text = |bytes: &Vec<u8>| object::cut(&String::from_utf8_lossy(bytes), MAX_NAME);
        self.host = hello.server_name.as_ref().map(text);
        self.offered = hello.alpn.iter().take(16).map(text).collect();
    }

    fn server_hello(&mut self, hello: &Hello, moment: Moment) {
        self.server_hello.get_or_insert(moment);
        self.version = Some(names::version(hello.highest_version()).to_string());
        self.cipher = hello.ciphers.first().map(|cipher| names::cipher(*cipher).to_string());
        self.alpn = hello.alpn.first().map(|alpn| object::cut(&String::from_utf8_lossy(alpn), MAX_NAME));
    }

    /// Bytes that its names take, those of each turn too.
    fn extra(&self) -> usize {
        self.offered.iter().chain(&self.host).chain(&self.alpn).map(|text| 24 + of_text(text)).sum()
    }

    /// Whether pages may be within, on a connection to this port.
    fn is_web(&self, port: u16) -> bool {
        let offered = || self.offered.iter().any(|offered| offered == "h2" || offered.starts_with("http/"));
        if self.offered.is_empty() { PORTS.contains(&port) } else { offered() }
    }
}

/// A run of encrypted data.
#[derive(Debug)]
struct Run {
    number: u32,
    by_client: bool,
    part: Part,
    records: u64,
    payload: u64,
    /// Whether a request may be in it.
    weighs: bool,
    /// Where it ends in its stream.
    end: u64,
    /// Its segments that acknowledge more than the one before: how much, and when. Not of a client.
    acked: Vec<(u64, Timestamp, u64)>,
}

/// A connection within TLS.
#[derive(Default, Debug)]
struct Session {
    ends: Option<[crate::flow::Endpoint; 2]>,
    secured: Secured,
    /// Finished of the client and of the server, where it is encrypted as such.
    finished: [Option<Moment>; 2],
    runs: Vec<Run>,
}

/// All of them.
#[derive(Default, Debug)]
pub struct Sessions {
    sessions: HashMap<u64, Box<Session>>,
    /// How many runs are not kept.
    pub beyond: u64,
}

impl Sessions {
    /// Takes a message of TLS.
    pub fn message(&mut self, told: &event::Message<'_>, tls: &Tls, budget: &mut Budget) {
        let message = told.message;
        let session = match self.sessions.entry(told.flow.stream) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) if budget.take(SESSION) => new.insert(Box::default()),
            Entry::Vacant(_) => {
                self.beyond += u64::from(matches!(tls.content, tls::Content::Data(_)));
                return;
            }
        };
        let client = told.flow.client.unwrap_or(0);
        session.ends = Some([told.flow.ends[client], told.flow.ends[1 - client]]);
        let by_client = message.side == client;
        let moment = Moment { time: message.first_time, frame: message.segments.first_frame() };
        match (&tls.content, tls.hello()) {
            (_, Some(hello)) if hello.by_server && !hello.is_retry() => session.secured.server_hello(hello, moment),
            (_, Some(hello)) if !hello.by_server => {
                session.secured.client_hello(hello, moment);
                if !budget.take(session.secured.extra()) {
                    (session.secured.host, session.secured.offered) = (None, Vec::new());
                }
            }
            (tls::Content::EncryptedFinished, _) => {
                session.finished[usize::from(!by_client)].get_or_insert(moment);
            }
            (tls::Content::Data(hidden), _) => {
                if *hidden == Hidden::Handshake && by_client {
                    session.secured.secured.get_or_insert(moment);
                }
                let Some(run) = Run::of(message, tls, *hidden, by_client) else { return };
                if budget.take(run.cost() + session.secured.extra()) {
                    session.runs.push(run);
                } else {
                    self.beyond += 1;
                }
            }
            _ => {}
        }
    }

    /// The turns, as objects; tells the connections how they were secured.
    pub fn finish(self, connections: &mut Connections) -> Vec<Object> {
        let mut objects = Vec::new();
        for (stream, mut session) in self.sessions {
            // A run is told of when it has ended, and what came in between before it.
            session.runs.sort_by_key(|run| run.number);
            if session.secured.secured.is_none()
                && let Some(finished) = session.finished.into_iter().flatten().max_by_key(|finished| finished.time)
            {
                // A client may send before it has the server's word that all is well (RFC 7918).
                let first = session.runs.iter().find(|run| run.by_client);
                let first = first.map(|run| Moment { time: run.part.first, frame: run.part.first_frame });
                session.secured.secured = first.filter(|first| first.time < finished.time).or(Some(finished));
            }
            if let Some(ends) = session.ends.filter(|ends| session.secured.is_web(ends[1].port)) {
                turns(session.runs, &session.secured, |content| Object::new(stream, ends, content), &mut objects);
            }
            connections.secure(stream, session.secured);
        }
        objects
    }
}

/// Makes turns of the runs of a connection.
fn turns(runs: Vec<Run>, secured: &Secured, object: impl Fn(Content) -> Object, objects: &mut Vec<Object>) {
    let (mut current, mut asked): (Option<(Object, Turn)>, u64) = (None, 0);
    let mut finish = |current: &mut Option<(Object, Turn)>| {
        if let Some((mut object, turn)) = current.take() {
            object.content = Content::Encrypted(turn);
            objects.push(object);
        }
    };
    for run in runs {
        if run.by_client && (run.weighs || current.is_none()) {
            if !run.weighs {
                continue;
            }
            finish(&mut current);
            asked = run.end;
            let turn = Turn {
                host: secured.host.clone(),
                alpn: secured.alpn.clone(),
                data: [run.payload, 0],
                records: [run.records, 0],
            };
            let mut new = object(Content::Encrypted(turn.clone()));
            new.request = Some(run.part);
            current = Some((new, turn));
        } else if let Some((object, turn)) = &mut current {
            let side = usize::from(!run.by_client);
            turn.data[side] += run.payload;
            turn.records[side] += run.records;
            if run.by_client {
                continue;
            }
            match &mut object.response {
                Some(response) => response.goes_on(run.part),
                None => object.response = run.answer(asked),
            }
        }
    }
    finish(&mut current);
}

impl Run {
    /// Of a message; none where it is of the handshake alone.
    fn of(message: &Message, tls: &Tls, hidden: Hidden, by_client: bool) -> Option<Self> {
        let mut part = Part::of(message, tls.payload);
        let kept = message.segments.kept();
        let lengths: Vec<u16> = tls.headers.iter().map(|(_, length)| *length).collect();
        let mut lengths = &lengths[..];
        let (mut records, mut payload) = (tls.records, tls.payload);
        if hidden == Hidden::Handshake {
            // The server's comes before any request. The client's is one record, unless it shows a certificate.
            let (finished, rest) = lengths.split_first().filter(|(_, rest)| by_client && !rest.is_empty())?;
            let start = message.start + 5 + u64::from(*finished);
            let first = kept.iter().find(|segment| segment.offset + u64::from(segment.len) > start)?;
            (part.first, part.first_frame) = (first.time, first.frame);
            lengths = rest;
            records -= 1;
            payload = payload.saturating_sub((*finished).into());
        }
        let acked = |segment: &SegmentRef| (segment.acked, segment.time, segment.frame);
        Some(Self {
            number: message.number,
            by_client,
            part,
            records,
            payload,
            weighs: lengths.iter().any(|length| *length > HOUSEKEEPING) || records > lengths.len() as u64,
            end: message.end(),
            acked: if by_client { Vec::new() } else { kept.iter().map(acked).collect() },
        })
    }

    /// Bytes that it takes.
    fn cost(&self) -> usize {
        RUN + self.part.extra() + 24 * self.acked.len()
    }

    /// The run as the answer to what ended there in the client's stream: from the first segment on that acknowledges it. What
    /// comes before cannot answer it, tickets for later connections for example. None where all of it comes before.
    fn answer(mut self, asked: u64) -> Option<Part> {
        let tells = self.acked.iter().any(|(acked, ..)| *acked > 0);
        if tells {
            let (_, first, frame) = self.acked.iter().find(|(acked, ..)| *acked >= asked)?;
            (self.part.first, self.part.first_frame) = (*first, *frame);
        }
        Some(self.part)
    }
}

impl Part {
    /// Takes more of the same side.
    fn goes_on(&mut self, more: Self) {
        self.last = self.last.max(more.last);
        self.last_frame = self.last_frame.max(more.last_frame);
        self.length += more.length;
        self.body += more.body;
        self.missing += more.missing;
        self.issues = self.issues.union(more.issues);
        self.sent_again += more.sent_again;
        self.stalls.extend(more.stalls.into_iter().take(32));
        if self.integrity == Integrity::Complete {
            self.integrity = more.integrity;
        }
    }
}
