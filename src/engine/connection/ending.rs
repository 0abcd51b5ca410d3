//! The end of a connection: how it came to it, and what is told of it as a whole.

use super::super::Shared;
use super::super::feed::Feed;
use super::{Connection, LINGER, Notes, pass_time};
use crate::app::http1::Session;
use crate::app::{Pool, identify};
use crate::event::{self, Close, Direction, Event, Sink};
use crate::frame::{FrameNumber, Timestamp};
use crate::issue::IssueSet;
use crate::tcp::reassembly::{End, HalfStream};

impl Connection {
    /// How it ended, if it has and its linger is over.
    pub fn closed(&self, now: Timestamp) -> Option<Close> {
        self.name.over.filter(|_| now >= self.over.0.plus(LINGER))
    }

    /// Tells all that is left of it; later segments are copies, or nothing. Where they are to be counted too, `waits`, it
    /// is told of as a whole when this is asked for again.
    pub fn end(&mut self, close: Close, waits: bool, shared: &mut Shared, sink: &mut impl Sink) {
        if std::mem::replace(&mut self.name.told, true) {
            if !waits && let Some(ended) = self.noted.0.as_mut().and_then(|notes| notes.ended.take()) {
                self.conclude(*ended, sink);
            }
            return;
        }
        let (by, frame) = match self.name.over {
            Some(Close::Rst) => (End::Rst, self.over.1),
            _ => (End::Capture, 0),
        };
        let mut both_closed = self.is_done();
        if !both_closed || self.session.as_ref().is_some_and(|session| session.has_unread()) {
            self.with(shared, sink, |halves, feed| {
                pass_time(halves, Timestamp(i64::MAX), feed);
                // A FIN may have waited for bytes that were lost.
                both_closed = halves.iter().all(HalfStream::ended);
                finish(halves, by, frame, feed);
                feed.close();
            });
        }
        let close = if close == Close::Open && both_closed { Close::Fin } else { close };
        let session = self.session.as_deref();
        let client = self.name.client_of(session);
        self.name.client = client.map(|client| client as u8);
        // Of some there was nothing but a header that ICMP quotes.
        if self.segments == [0; 2] {
            return;
        }
        shared.counts.connections += 1;
        if !shared.wanted.messages {
            return;
        }
        let mut protocol = session.and_then(Session::protocol);
        if let (None, Some(session)) = (protocol, session) {
            // Who speaks first is not always the client: some servers greet.
            let sides = client.map_or([0, 1], |client| [client; 2]);
            let named = |side: usize| identify::identify(session.first_bytes(side), session.first_bytes(1 - side));
            let found = sides.into_iter().find_map(|side| named(side).map(|name| (side, name)));
            protocol = found.map(|(_, name)| name);
            if let Some((1, _)) = found {
                self.name.client = Some(1);
            }
        }
        let http = session.is_some_and(Session::recognised);
        let tls = session.and_then(Session::tls).map(|facts| Box::new(facts.clone()));
        let ended = event::Connection {
            flow: self.name.flow(),
            handshake: self.name.handshake,
            close,
            first: self.first,
            last: self.last,
            directions: Default::default(),
            initial_rtt: self.analysis.initial_rtt(),
            http,
            protocol,
            tls,
            other_bytes: self.other_bytes,
            issues: IssueSet::EMPTY,
        };
        if waits {
            self.noted.0.get_or_insert_default().ended = Some(Box::new(ended));
        } else {
            self.conclude(ended, sink);
        }
    }

    /// Tells of it as a whole, with what was counted up to now.
    fn conclude(&mut self, mut ended: event::Connection, sink: &mut impl Sink) {
        let Notes { issues, flags, round_trips, .. } =
            self.noted.0.take().map_or_else(Default::default, |notes| *notes);
        let noted = flags.into_iter().zip(round_trips);
        for ((dir, direction), (flags, round_trips)) in ended.directions.iter_mut().enumerate().zip(noted) {
            let (segments, bytes, messages) = (self.segments[dir], self.bytes[dir], self.messages[dir]);
            *direction = Direction { segments, bytes, messages, flags, ack_rtt: round_trips.summary() };
        }
        (ended.last, ended.other_bytes, ended.issues) = (self.last, self.other_bytes, issues);
        sink.event(Event::Connection(&ended));
    }

    /// Gives up what tells which message a copy belongs to.
    pub fn forget(&mut self, pool: &mut Pool) {
        self.session.take().into_iter().for_each(|session| pool.give_back_session(session));
        self.halves.iter_mut().for_each(HalfStream::forget);
    }
}

/// Ends both streams, that of the requests first.
pub(super) fn finish<S: Sink>(halves: &mut [HalfStream; 2], by: End, frame: FrameNumber, feed: &mut Feed<'_, S>) {
    let client = feed.session.as_ref().and_then(|session| session.client()).or(feed.name.client()).unwrap_or(0);
    for dir in [client, 1 - client] {
        halves[dir].finish(by, frame, &mut feed.of(dir));
    }
}
