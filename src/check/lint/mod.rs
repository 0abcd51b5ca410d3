//! Lints: what a careful reader of RFC 9110 and 9112 would say of the messages and connections of a capture.
//!
//! [`Lints`] is a [`Sink`](crate::event::Sink) of the core's events, whose engine is asked for what [`ask`] says. A lint
//! is an entry of a file of its subject and the place there that raises it; a subject is a line of [`list`]'s groups.

mod across;
mod body;
mod cache;
mod charset;
mod closing;
mod codes;
mod coding;
mod condition;
mod content;
mod control;
mod cookie;
mod cookie_syntax;
mod credentials;
mod date;
mod entry;
mod exchange;
mod fields;
mod finding;
mod host;
mod levels;
mod lines;
mod list;
mod media;
mod options;
mod persistence;
mod range;
mod redirect;
mod report;
mod segments;
mod start;
mod status;
mod talk;
mod target;
#[cfg(test)]
mod tests;
mod value;
mod wire;

use std::collections::BTreeMap;

pub use codes::phrase;
pub use entry::{Lint, Turn};
pub use finding::{Excerpt, Finding, Findings};
pub use levels::{ConfigError, Levels, UnknownLint, named, severity};
pub use list::{all, find};

use crate::app::http1::Http;
use crate::app::http1::framing::{Framing, framing};
use crate::app::http1::head::{FieldLine, HeadRef};
use crate::app::message::{self, Kind};
use crate::engine;
use crate::event::{Connection, Event, Flow, Message, Packet, Sink, Transport, Update};
use crate::frame::Timestamp;
use crate::issue::Issue;
use across::Across;
use list::GROUPS;
use report::{Latest, Report};
use talk::{Request, Talk};

/// Connections of which something is remembered, some KiB each; beyond it the oldest ones are forgotten.
const MAX_TALKS: usize = 32 << 10;

/// Bytes of the heads of requests that wait for their answers, in all; beyond it no more are remembered, and lints that
/// compare a response with its request are silent.
const MAX_KEPT: usize = 64 << 20;

/// Bytes of the beginning of each body that lints look at: a byte order mark, an element of HTML, a short form.
const PREVIEW: usize = 4096;

/// Asks the core for what the lints need.
pub fn ask(options: &mut engine::Options) {
    options.packets = true;
    options.preview = options.preview.max(PREVIEW);
}

/// The lints at work.
#[derive(Debug, Default)]
pub struct Lints {
    levels: Levels,
    talks: BTreeMap<u64, Box<Talk>>,
    kept: usize,
    across: Across,
    /// When the latest frame was captured.
    now: Timestamp,
    findings: Findings,
    latest: Latest,
}

/// A message as lints see it.
struct Seen<'a> {
    message: &'a message::Message,
    http: &'a Http,
    head: HeadRef<'a>,
    /// Who talks to whom.
    flow: Flow,
    /// The request that it answers, where that is remembered.
    request: Option<&'a Request>,
    /// What was before it on the connection.
    talk: &'a Talk,
}

impl<'a> Seen<'a> {
    fn is_request(&self) -> bool {
        self.message.kind == Kind::Request
    }

    /// Whether its head is there up to its blank line, so that what is not in it was not sent.
    fn is_head_whole(&self) -> bool {
        self.http.parsed.complete
    }

    /// Whether its start line is there up to its line end.
    fn is_start_line_whole(&self) -> bool {
        self.http.raw.iter().skip_while(|byte| matches!(byte, b'\r' | b'\n')).any(|byte| *byte == b'\n')
    }

    /// Whether its line ends are written out, so that it is one line and no part of it is where it is to be.
    fn is_written_out(&self) -> bool {
        lines::literal_line_end(&self.http.raw).is_some()
    }

    /// Whether an issue was raised for it.
    fn has(&self, issue: Issue) -> bool {
        self.message.issues.contains(issue)
    }

    /// Its field lines that have a name, in wire order, with that.
    fn fields(&self) -> impl Iterator<Item = (&'a FieldLine, &'a [u8])> + use<'a> {
        let head = self.head;
        head.head.fields.iter().map(move |field| (field, head.name(field))).filter(|(_, name)| !name.is_empty())
    }

    /// Its field lines of this name, in wire order.
    fn named(&self, name: &'static str) -> impl Iterator<Item = &'a FieldLine> + use<'a> {
        self.fields().filter(move |(_, sent)| sent.eq_ignore_ascii_case(name.as_bytes())).map(|(field, _)| field)
    }

    /// Whether it has a field of this name.
    fn has_field(&self, name: &'static str) -> bool {
        self.named(name).next().is_some()
    }

    /// What ends its body; of a response to a request that is not remembered, as if that were of an ordinary method.
    fn framing(&self) -> Framing {
        framing(self.head, self.request.and_then(|request| request.head().method())).0
    }
}

/// A connection that has ended, as lints see it.
struct Ended<'a> {
    connection: &'a Connection,
    talk: &'a Talk,
    /// When the latest frame of all was captured.
    now: Timestamp,
}

impl Lints {
    /// That has seen nothing.
    pub fn new(levels: Levels) -> Self {
        Self { levels, ..Self::default() }
    }

    /// What was found, by frame.
    pub fn finish(mut self) -> Findings {
        let fresh = Talk::default();
        for connection in self.across.unused() {
            let mut report =
                Report::new(&self.levels, &mut self.findings, &self.latest, connection.flow.stream, &fresh);
            report.of_connection(&connection);
            across::report_unused(&connection, &mut report);
        }
        self.findings.sorted()
    }

    fn packet(&mut self, packet: &Packet<'_>) {
        self.now = self.now.max(packet.decoded.meta.time);
        let Some((stream, verdict)) = packet.tcp else { return };
        if !self.talks.contains_key(&stream) {
            if self.talks.len() == MAX_TALKS
                && let Some((_, oldest)) = self.talks.pop_first()
            {
                self.kept -= oldest.kept();
            }
            self.talks.insert(stream, Box::default());
        }
        let Some(talk) = self.talks.get_mut(&stream) else { return };
        let Some(segment) = talk.segment(packet, verdict) else { return };
        let mut report = Report::new(&self.levels, &mut self.findings, &self.latest, stream, talk);
        for group in GROUPS {
            (group.packet)(&segment, talk, &mut report);
        }
        talk.pass(&segment);
        if !packet.decoded.payload.is_empty() {
            self.latest.take(stream, segment.side, verdict.seq, packet.decoded.payload);
        }
    }

    fn message(&mut self, event: &Message<'_>) {
        let (message, stream) = (event.message, event.flow.stream);
        let Some(http) = message.http().filter(|_| event.flow.transport == Transport::Tcp) else { return };
        let fresh = Talk::default();
        let talk = self.talks.get(&stream).map_or(&fresh, |talk| talk);
        let request = message.answers.and_then(|number| talk.request(number));
        let seen = Seen { message, http, head: http.head(), flow: event.flow, request, talk };
        let mut report = Report::new(&self.levels, &mut self.findings, &self.latest, stream, talk);
        report.of_message(event);
        for group in GROUPS.iter().filter(|group| http.http2.is_none() || group.any_version) {
            (group.message)(&seen, &mut report);
        }
        if http.http2.is_none() {
            self.across.message(&seen, &self.talks, &mut report);
        }
        if let Some(talk) = self.talks.get_mut(&stream) {
            self.kept -= talk.kept();
            talk.heard(message, http, MAX_KEPT - self.kept);
            self.kept += talk.kept();
        }
    }

    fn update(&mut self, event: &Update<'_>) {
        if event.flow.transport != Transport::Tcp {
            return;
        }
        let stream = event.flow.stream;
        let Some(talk) = self.talks.get_mut(&stream) else { return };
        let mut report = Report::new(&self.levels, &mut self.findings, &self.latest, stream, talk);
        report.of_update(event);
        for group in GROUPS {
            (group.update)(event.update, talk, &mut report);
        }
        talk.learnt(event.update);
    }

    fn connection(&mut self, connection: &Connection) {
        if connection.flow.transport != Transport::Tcp {
            return;
        }
        let Some(talk) = self.talks.remove(&connection.flow.stream) else { return };
        self.kept -= talk.kept();
        let mut report = Report::new(&self.levels, &mut self.findings, &self.latest, connection.flow.stream, &talk);
        report.of_connection(connection);
        let ended = Ended { connection, talk: &talk, now: self.now };
        for group in GROUPS {
            (group.connection)(&ended, &mut report);
        }
        self.across.connection(&ended);
    }
}

impl Sink for Lints {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Packet(packet) => self.packet(&packet),
            Event::Body { .. } | Event::Followed(_) | Event::Drops(_) => {}
            Event::Message(message) => self.message(&message),
            Event::Update(update) => self.update(&update),
            Event::Connection(connection) => self.connection(connection),
        }
    }
}
