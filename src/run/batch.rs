//! Events that are kept, in order, to be told later.

use crate::app::message::{self, Message};
use crate::event::{self, Connection, Event, Flow};

/// The most events of a batch, and about how many bytes it has: what stays in the cache on its way to another core.
const MAX_EVENTS: usize = 256;
const MAX_BYTES: usize = 256 << 10;

/// Storage of a message up to which it is used for another one.
const REUSED: usize = 8 << 10;

/// Copies of events; frames, and what happens on a stream that is followed, are not among them.
#[derive(Default)]
pub(super) struct Batch {
    events: Vec<Kept>,
    /// The messages of the events, and after them others whose storage is used again.
    messages: Vec<Message>,
    taken: usize,
    /// The bytes of the events, one after the other.
    bodies: Vec<u8>,
    bytes: usize,
}

enum Kept {
    Body { stream: u64, number: u32, missing: u64, len: usize },
    Message { flow: Flow, first_seq: u32, at: usize },
    Update { flow: Flow, first_seq: u32, update: message::Update },
    Connection(Connection),
    Drops(event::Drops),
}

impl Batch {
    /// Adds an event.
    pub(super) fn push(&mut self, event: Event<'_>) {
        let kept = match event {
            Event::Packet(_) | Event::Followed(_) => return,
            Event::Body { stream, number, missing, bytes, message: _ } => {
                self.bodies.extend_from_slice(bytes);
                self.bytes += bytes.len();
                Kept::Body { stream, number, missing, len: bytes.len() }
            }
            Event::Message(event::Message { flow, first_seq, message }) => {
                Kept::Message { flow, first_seq, at: self.message(message) }
            }
            Event::Update(event::Update { flow, first_seq, update }) => {
                Kept::Update { flow, first_seq, update: *update }
            }
            Event::Connection(connection) => Kept::Connection(connection.clone()),
            Event::Drops(drops) => Kept::Drops(drops),
        };
        self.events.push(kept);
    }

    fn message(&mut self, message: &Message) -> usize {
        let at = self.taken;
        self.taken += 1;
        match self.messages.get_mut(at) {
            Some(slot) if slot.storage() <= REUSED => slot.clone_from(message),
            Some(slot) => *slot = message.clone(),
            None => self.messages.push(message.clone()),
        }
        self.bytes += self.messages[at].storage();
        at
    }

    /// Whether it has enough.
    pub(super) fn is_full(&self) -> bool {
        self.events.len() >= MAX_EVENTS || self.bytes >= MAX_BYTES
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Tells the events.
    pub(super) fn replay(&self, mut tell: impl FnMut(Event<'_>)) {
        let mut bodies = &self.bodies[..];
        for kept in &self.events {
            tell(match *kept {
                Kept::Body { stream, number, missing, len } => {
                    let (bytes, rest) = bodies.split_at(len);
                    bodies = rest;
                    Event::Body { stream, number, missing, bytes, message: None }
                }
                Kept::Message { flow, first_seq, at } => {
                    Event::Message(event::Message { flow, first_seq, message: &self.messages[at] })
                }
                Kept::Update { flow, first_seq, ref update } => {
                    Event::Update(event::Update { flow, first_seq, update })
                }
                Kept::Connection(ref connection) => Event::Connection(connection),
                Kept::Drops(drops) => Event::Drops(drops),
            });
        }
    }

    /// Becomes empty; storage stays.
    pub(super) fn clear(&mut self) {
        self.events.clear();
        self.bodies.clear();
        self.taken = 0;
        self.bytes = 0;
    }
}

/// Tells events of every kind that a batch takes.
#[cfg(test)]
pub(super) fn samples(tell: impl FnMut(Event<'_>)) {
    use crate::engine::{Engine, Options};
    use crate::event::Sink;
    use crate::frame;
    use crate::source::CaptureFile;

    struct Tell<F>(F);
    impl<F: FnMut(Event<'_>)> Sink for Tell<F> {
        fn event(&mut self, event: Event<'_>) {
            (self.0)(event);
        }
    }
    let mut tell = Tell(tell);
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "pcap")) {
        let Ok(mut file) = CaptureFile::open(path) else { continue };
        let mut engine = Engine::new(Options { bodies: true, preview: 64, ..Options::default() });
        while let Ok(Some((frame, _))) = file.next_described() {
            if frame.meta.number == 3 {
                let (since, until) = (frame.meta.time, frame.meta.time);
                engine.dropped(frame::Drops {
                    since,
                    until,
                    after: None,
                    lost: frame::Lost { kernel: 2, ..frame::Lost::default() },
                });
            }
            engine.push(frame, &mut tell);
        }
        engine.finish(&mut tell);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_told_as_they_were() {
        let mut batch = Batch::default();
        let (mut told, mut kinds) = (Vec::new(), [0; 5]);
        let mut compare = |batch: &mut Batch, told: &mut Vec<String>| {
            let mut before = told.drain(..);
            batch.replay(|event| {
                kinds[match event {
                    Event::Packet(_) | Event::Followed(_) => return,
                    Event::Body { .. } => 0,
                    Event::Message(_) => 1,
                    Event::Update(_) => 2,
                    Event::Connection(_) => 3,
                    Event::Drops(_) => 4,
                }] += 1;
                assert_eq!(before.next().unwrap(), format!("{event:?}"));
            });
            assert!(before.next().is_none());
            batch.clear();
        };
        samples(|event| {
            batch.push(event);
            let event = match event {
                Event::Body { stream, number, missing, bytes, .. } => {
                    Event::Body { stream, number, missing, bytes, message: None }
                }
                event => event,
            };
            told.push(format!("{event:?}"));
            if batch.is_full() {
                compare(&mut batch, &mut told);
            }
        });
        compare(&mut batch, &mut told);
        assert!(kinds.iter().all(|count| *count > 0), "{kinds:?}");
    }
}
