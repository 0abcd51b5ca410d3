//! What is kept of a capture until its end, within bounds.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::budget::Budget;
use super::connections::Connections;
use super::lookups::Lookups;
use super::object::{self, Content, Object, Part};
use super::secure::Sessions;
use super::stalls;
use super::{Pages, visits};
use crate::app::http1::Http;
use crate::app::message::{Kind, Unit};
use crate::app::websocket::WebSocket;
use crate::event::{self, Event, Flow, Sink, Transport, Update};

/// Takes the events of a capture.
#[derive(Default)]
pub struct Recorder {
    objects: Vec<Object>,
    budget: Budget,
    /// The object of a request, by its connection and number.
    requests: HashMap<(u64, u32), usize>,
    /// The object of a response, likewise.
    responses: HashMap<(u64, u32), usize>,
    /// The object of a request of HTTP/2, by its connection and stream.
    streams: HashMap<(u64, u32), usize>,
    /// The object with which a connection was handed over to WebSocket.
    upgrades: HashMap<u64, usize>,
    connections: Connections,
    lookups: Lookups,
    sessions: Sessions,
    beyond: u64,
}

impl Sink for Recorder {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Packet(packet) => self.connections.packet(&packet, &mut self.budget),
            Event::Message(told) => self.message(&told),
            Event::Update(update) => self.update(&update),
            Event::Connection(connection) => self.connections.ended(connection, &mut self.budget),
            Event::Body { .. } | Event::Followed(_) | Event::Drops(_) => {}
        }
    }
}

impl Recorder {
    /// The visits in what it took.
    pub fn finish(mut self) -> Pages {
        let beyond = self.beyond + self.sessions.beyond;
        self.objects.extend(self.sessions.finish(&mut self.connections));
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
            Unit::WebSocket(websocket) if told.flow.transport == Transport::Tcp => self.chat(told, websocket),
            Unit::Dns(_) => self.lookups.message(told),
            Unit::Tls(tls) if told.flow.transport == Transport::Tcp => {
                self.sessions.message(told, tls, &mut self.budget);
            }
            _ => {}
        }
    }

    fn request(&mut self, told: &event::Message<'_>, http: &Http) {
        let key = (told.flow.stream, told.message.number);
        let promise = self.promised_by(told.flow.stream, http);
        let Some(object) = self.object(key, &told.flow, told.message.client()) else {
            self.beyond += 1;
            return;
        };
        if let Content::Http(exchange) = &mut object.content {
            exchange.request(http);
            if let Some((agent, url)) = promise {
                (exchange.agent, exchange.referer) = (agent, Some(url));
            }
        }
        object.request = Some(Part::of(told.message, http.body_len));
        self.pay(key, 0);
        let Some(at) = self.requests.get(&key).copied() else { return };
        if let Some(part) = http.http2.as_ref().filter(|part| part.promised_on.is_none()) {
            self.streams.insert((told.flow.stream, part.stream), at);
        }
    }

    /// Of a request that a server promises, the agent and the URL of the one with whose response it does. It is as if that
    /// client had asked because of that object.
    fn promised_by(&self, stream: u64, http: &Http) -> Option<(u64, String)> {
        let on = http.http2.as_ref()?.promised_on?;
        let by = self.objects.get(*self.streams.get(&(stream, on))?)?.exchange()?;
        Some((by.agent, by.url.clone()))
    }

    fn response(&mut self, told: &event::Message<'_>, http: &Http) {
        let message = told.message;
        // One that names no request is an object of its own, by its own number, which no request has.
        let key = (told.flow.stream, message.answers.unwrap_or(message.number));
        let Some(object) = self.object(key, &told.flow, 1 - message.side) else {
            self.beyond += u64::from(message.answers.is_none());
            return;
        };
        let before = object.extra();
        let Content::Http(exchange) = &mut object.content else { return };
        if !http.is_final() {
            exchange.interim += 1;
            return;
        }
        exchange.response(http);
        object.response = Some(Part::of(message, http.body_len));
        self.pay(key, before);
        if let Some(at) = self.requests.get(&key) {
            self.responses.insert((told.flow.stream, message.number), *at);
            if http.hands_over {
                self.upgrades.insert(told.flow.stream, *at);
            }
        }
    }

    fn chat(&mut self, told: &event::Message<'_>, websocket: &WebSocket) {
        let object = self.upgrades.get(&told.flow.stream).and_then(|at| self.objects.get_mut(*at));
        let Some(object) = object.filter(|_| !websocket.opcode.is_control()) else { return };
        let side = usize::from(told.flow.ends[told.message.side] != object.ends[0]);
        let Content::Http(exchange) = &mut object.content else { return };
        let chat = exchange.chat.get_or_insert_default();
        chat.messages[side] += 1;
        chat.bytes[side] += websocket.len;
        chat.last = chat.last.max(Some(told.message.last_time));
    }

    /// The object of a request of this connection and number, whose client is this end; none where there are too many.
    fn object(&mut self, key: (u64, u32), flow: &Flow, client: usize) -> Option<&mut Object> {
        let at = match self.requests.entry(key) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(_) if !self.budget.take(object::COST) => return None,
            Entry::Vacant(new) => {
                let content = Content::Http(Box::default());
                self.objects.push(Object::new(flow.stream, [flow.ends[client], flow.ends[1 - client]], content));
                *new.insert(self.objects.len() - 1)
            }
        };
        self.objects.get_mut(at)
    }

    /// Takes from the budget what an object needs more than so much; where that is not there, the object loses what it need
    /// not have.
    fn pay(&mut self, key: (u64, u32), paid: usize) {
        let object = self.requests.get(&key).and_then(|at| self.objects.get_mut(*at));
        if let Some(object) = object
            && !self.budget.take(object.extra().saturating_sub(paid))
        {
            object.shrink();
        }
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
