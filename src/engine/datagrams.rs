//! UDP: streams numbered as Wireshark does, and the messages on them.

use std::collections::VecDeque;

use super::Shared;
use crate::app::Wanted;
use crate::app::datagram::{self, Datagram, Exchanges};
use crate::app::message::{Integrity, Kind, Message, Place, Unit};
use crate::decode::Decoded;
use crate::event::{self, Event, Flow, Sink, Transport};
use crate::flow::{Endpoint, Id, Key, Keyed, Table};
use crate::frame::Timestamp;
use crate::issue::Flags;
use crate::tcp::{Carrier, SegmentRef};

/// UDP streams that are remembered; a resolver's clients use a new port for each question.
const MAX_STREAMS: usize = 64 << 10;

/// Requests of a stream that wait for their responses.
const MAX_PENDING: usize = 64;

/// Sorts of datagrams that a stream tells of; few have more in use.
const MAX_SORTS: usize = 32;

/// All UDP streams.
#[derive(Default)]
pub(super) struct Datagrams {
    streams: Table<Stream>,
    count: u64,
    exchanges: Exchanges<Flow>,
}

struct Stream {
    key: Key,
    /// Whether the first datagram went from the higher end to the lower.
    swapped: bool,
    number: u64,
    messages: u32,
    /// Requests that wait for their responses, each after what the two share.
    pending: VecDeque<(u64, Place)>,
    /// Sorts of datagrams that were told, with their direction.
    told: Vec<(bool, u32)>,
}

impl Keyed for Stream {
    fn key(&self) -> &Key {
        &self.key
    }
}

impl Datagrams {
    /// The stream between these ends, and its number.
    pub fn stream(&mut self, ends: [Endpoint; 2]) -> (Id, u64) {
        let (key, swapped) = Key::new(ends[0], ends[1]);
        let hashed = self.streams.hash(key);
        if let Some(id) = self.streams.find(&hashed)
            && let Some(stream) = self.streams.get_mut(id)
        {
            return (id, stream.number);
        }
        if self.streams.len() >= MAX_STREAMS
            && let Some(idle) = self.streams.idle()
        {
            self.streams.remove(idle);
        }
        let number = self.count;
        self.count += 1;
        let stream = Stream { key, swapped, number, messages: 0, pending: VecDeque::new(), told: Vec::new() };
        (self.streams.insert(&hashed, stream), number)
    }

    /// How many streams there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Who talks to whom on a stream.
    pub fn flow(&mut self, id: Id) -> Option<Flow> {
        let stream = self.streams.get_mut(id)?;
        let ends = stream.key.ends(stream.swapped);
        Some(Flow { transport: Transport::Udp, stream: stream.number, ends, client: None })
    }

    /// Takes a datagram of a stream, from the first of `ends` to the second.
    pub fn push(
        &mut self,
        id: Id,
        ends: [Endpoint; 2],
        decoded: &Decoded<'_>,
        carrier: Carrier<'_>,
        shared: &mut Shared,
        sink: &mut impl Sink,
    ) {
        let datagram = Datagram { ports: ends.map(|end| end.port), bytes: decoded.payload };
        let (Some(stream), Some(mut said)) = (self.streams.get_mut(id), datagram::read(&datagram)) else { return };
        self.exchanges.learn(stream.number, &datagram, &mut said);
        let known = stream.key.ends(stream.swapped);
        let from_first = known == ends;
        if said.once.is_some_and(|sort| !stream.is_first(from_first, sort)) {
            return;
        }
        let mut message = Message {
            side: usize::from(!from_first),
            kind: said.kind,
            first_time: carrier.meta.time,
            unit: said.unit,
            ..Message::default()
        };
        message.carrier.set(&carrier);
        stream.messages += 1;
        message.number = stream.messages;
        message.extend(SegmentRef {
            frame: carrier.meta.number,
            time: carrier.meta.time,
            offset: 0,
            len: decoded.payload.len() as u32,
            flags: Flags::EMPTY,
            acked: 0,
        });
        match (said.kind, said.key) {
            (Kind::Request, Some(key)) => stream.ask(key, &message),
            (Kind::Response, Some(key)) => stream.answer(key, &mut message),
            _ => {}
        }
        if decoded.missing > 0 {
            message.lack(decoded.missing.into(), crate::tcp::reassembly::Cause::Truncated);
        }
        let client = message.kind.client(message.side);
        let flow = Flow { transport: Transport::Udp, stream: stream.number, ends: known, client: Some(client) };
        self.exchanges.pair(ends, stream.number, flow, &mut message);
        message.conclude(match &message.unit {
            Unit::Dns(dns) => dns.integrity(),
            _ => Integrity::Complete,
        });
        shared.losses.flag(&mut message, shared.now);
        shared.counts.count(&message);
        if shared.wanted.messages {
            sink.event(Event::Message(event::Message { flow, first_seq: 0, message: &message }));
        }
    }

    /// Tells of requests that will have no answer any more, where somebody asks.
    #[inline]
    pub fn advance(&mut self, now: Timestamp, wanted: Wanted, sink: &mut impl Sink) {
        if self.exchanges.is_due(now) {
            self.tell_unanswered(now, wanted, sink);
        }
    }

    #[inline(never)]
    fn tell_unanswered(&mut self, now: Timestamp, wanted: Wanted, sink: &mut impl Sink) {
        while let Some((flow, update)) = self.exchanges.unanswered(now) {
            if wanted.messages {
                sink.event(Event::Update(event::Update { flow, first_seq: 0, update: &update }));
            }
        }
    }
}

impl Stream {
    /// Whether a datagram of this sort is the first in its direction.
    fn is_first(&mut self, from_first: bool, sort: u32) -> bool {
        let is_first = self.told.len() < MAX_SORTS && !self.told.contains(&(from_first, sort));
        if is_first {
            self.told.push((from_first, sort));
        }
        is_first
    }

    fn ask(&mut self, key: u64, message: &Message) {
        if self.pending.len() == MAX_PENDING {
            self.pending.pop_front();
        }
        self.pending.push_back((key, Place::of(self.number, message)));
    }

    fn answer(&mut self, key: u64, message: &mut Message) {
        let waiting = self.pending.iter().position(|(asked, _)| *asked == key);
        if let Some((_, place)) = waiting.and_then(|at| self.pending.remove(at)) {
            place.is_answered(self.number, message);
        }
    }
}
