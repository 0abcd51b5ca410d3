//! What a display filter leaves of the events.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use crate::event::{Event, Message, Transport};
use crate::filter::{ConnectionRecord, Filter, FrameRecord, MessageRecord, Times};
use crate::frame::Timestamp;
use crate::print::Selected;

/// Selected messages of which it is remembered that they are, so that what is learnt of them later is shown: far more
/// than have an update still to come.
const MAX_REMEMBERED: usize = 64 << 10;

/// Name of a message: its stream, which UDP and TCP each number, and its number within it.
type Name = (Transport, u64, u32);

/// Which events are shown, and how many were.
pub(super) struct Selection {
    filter: Arc<Filter>,
    times: Times,
    selected: Selected,
    /// Connections that are open and had a selected message.
    connections: HashSet<u64>,
    messages: HashSet<Name>,
    /// The same, oldest first.
    order: VecDeque<Name>,
}

impl Selection {
    pub fn new(filter: Arc<Filter>, packets: bool) -> Self {
        Self {
            filter,
            times: Times::default(),
            selected: Selected { frames: packets.then_some(0), messages: 0 },
            connections: HashSet::new(),
            messages: HashSet::new(),
            order: VecDeque::new(),
        }
    }

    pub fn selected(&self) -> Selected {
        self.selected
    }

    /// Takes note of when the capture began.
    pub fn begins(&mut self, time: Timestamp) {
        self.times.first.get_or_insert(time);
    }

    /// Whether the event is shown: a frame, a message or a connection for which the filter holds, and what belongs to a
    /// message that is.
    pub fn shows(&mut self, event: &Event<'_>) -> bool {
        match event {
            Event::Packet(packet) => {
                let holds = self.filter.holds(&FrameRecord::new(packet, self.times));
                self.times.previous = packet.decoded.meta.time().or(self.times.previous);
                if let Some(frames) = self.selected.frames.as_mut().filter(|_| holds) {
                    *frames += 1;
                }
                holds
            }
            Event::Message(message) => {
                let holds = self.filter.holds(&MessageRecord::as_captured(message, self.times));
                if holds {
                    self.remember(message);
                }
                holds
            }
            // Before the message it is not known.
            Event::Body { .. } => true,
            // Of which one stream is asked for.
            Event::Followed(_) => true,
            // It may be of any of them.
            Event::Drops(_) => true,
            Event::Update(update) => {
                self.messages.contains(&(update.flow.transport, update.flow.stream, update.update.number))
            }
            Event::Connection(connection) => {
                let had_one = self.connections.remove(&connection.flow.stream);
                had_one || self.filter.holds(&ConnectionRecord::as_captured(connection))
            }
        }
    }

    fn remember(&mut self, message: &Message<'_>) {
        self.selected.messages += 1;
        let name = (message.flow.transport, message.flow.stream, message.message.number);
        if name.0 == Transport::Tcp {
            self.connections.insert(name.1);
        }
        self.messages.insert(name);
        self.order.push_back(name);
        if self.order.len() > MAX_REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.messages.remove(&oldest);
        }
    }
}
