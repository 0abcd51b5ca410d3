//! What is kept of a capture until its end, within bounds.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::connections::Connections;
use super::lookups::Lookups;
use super::object::{Content, Object, Part};
use super::secure::Sessions;
use super::stalls;
use super::{Pages, visits};
use crate::app::http1::Http;
use crate::app::message::{Kind, Unit};
use crate::event::{self, Event, Flow, Sink, Transport, Update};

/// Objects that are kept, and the bytes that they may take.
const MAX_OBJECTS: usize = 64 << 10;
const MAX_BYTES: usize = 160 << 20;

/// Takes the events of a capture.
#[derive(Default)]
pub struct Recorder {
    objects: Vec<Object>,
    bytes: usize,
    /// The object of a request, by its connection and number.
    requests: HashMap<(u64, u32), usize>,
    /// The object of a response, likewise.
    responses: HashMap<(u64, u32), usize>,
    connections: Connections,
    lookups: Lookups,
    sessions: Sessions,
    beyond: u64,
}

impl Sink for Recorder {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Packet(packet) => self.connections.packet(&packet),
            Event::Message(told) => self.message(&told),
            Event::Update(update) => self.update(&update),
            Event::Connection(connection) => self.connections.ended(connection),
            Event::Body { .. } | Event::Followed(_) => {}
        }
    }
}

impl Recorder {
    /// The visits in what it took.
    pub fn finish(mut self) -> Pages {
        let beyond = self.beyond + self.sessions.beyond;
        let (turns, secured) = self.sessions.finish();
        self.objects.extend(turns);
        self.connections.secure(secured);
        let mut pages = visits::find(self.objects, self.connections, self.lookups);
        pages.beyond.objects = beyond;
        pages
    }

    fn message(&mut self, told: &event::Message<'_>) {
        match &told.message.unit {
            Unit::Http(http) if told.flow.transport == Transport::Tcp => match told.message.kind {
                Kind::Request => self.request(told, http),
                Kind::Response => self.response(told, http),
                Kind::Message { .. } => {}
            },
            Unit::Dns(_) => self.lookups.message(told),
            Unit::Tls(tls) if told.flow.transport == Transport::Tcp => self.sessions.message(told, tls),
            _ => {}
        }
    }

    fn request(&mut self, told: &event::Message<'_>, http: &Http) {
        let key = (told.flow.stream, told.message.number);
        let Some(object) = self.object(key, &told.flow, told.message.side) else {
            self.beyond += 1;
            return;
        };
        if let Content::Http(exchange) = &mut object.content {
            exchange.request(http);
        }
        object.request = Some(Part::of(told.message, http.body_len));
        self.bytes += self.requests.get(&key).map_or(0, |at| self.objects[*at].cost());
    }

    fn response(&mut self, told: &event::Message<'_>, http: &Http) {
        let message = told.message;
        // One that names no request is an object of its own, by its own number, which no request has.
        let key = (told.flow.stream, message.answers.unwrap_or(message.number));
        let Some(object) = self.object(key, &told.flow, 1 - message.side) else {
            self.beyond += u64::from(message.answers.is_none());
            return;
        };
        let before = object.cost();
        let Content::Http(exchange) = &mut object.content else { return };
        if !http.is_final() {
            exchange.interim += 1;
            return;
        }
        exchange.response(http);
        object.response = Some(Part::of(message, http.body_len));
        self.bytes += object.cost().saturating_sub(before);
        if let Some(at) = self.requests.get(&key) {
            self.responses.insert((told.flow.stream, message.number), *at);
        }
    }

    /// The object of a request of this connection and number, whose client is this end; none where there are too many.
    fn object(&mut self, key: (u64, u32), flow: &Flow, client: usize) -> Option<&mut Object> {
        let at = match self.requests.entry(key) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(_) if self.objects.len() >= MAX_OBJECTS || self.bytes >= MAX_BYTES => return None,
            Entry::Vacant(new) => {
                let content = Content::Http(Box::default());
                self.objects.push(Object::new(flow.stream, [flow.ends[client], flow.ends[1 - client]], content));
                *new.insert(self.objects.len() - 1)
            }
        };
        self.objects.get_mut(at)
    }

    /// A copy of bytes of a message that was told of before.
    fn update(&mut self, told: &Update<'_>) {
        if told.flow.transport != Transport::Tcp {
            return;
        }
        let (key, update) = ((told.flow.stream, told.update.number), told.update);
        let (of, is_request) = match update.kind {
            Kind::Request => (&self.requests, true),
            Kind::Response => (&self.responses, false),
            Kind::Message { .. } => return,
        };
        let Some(object) = of.get(&key).and_then(|at| self.objects.get_mut(*at)) else { return };
        let part = if is_request { &mut object.request } else { &mut object.response };
        let Some(part) = part else { return };
        part.issues = part.issues.union(update.issues);
        if update.segment.is_some_and(|segment| stalls::is_sent_again(segment.flags.issues())) {
            part.sent_again += 1;
        }
    }
}
