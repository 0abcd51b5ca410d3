//! Events with their secrets masked, on their way to whatever shows them.

use std::collections::HashMap;

use super::conversation::Conversation;
use super::{Body, MASK, Media, message};
use crate::app::http1::head::{Start, looks_like_start};
use crate::app::message::{self as app, Unit};
use crate::decode::Decoded;
use crate::event::{Event, Followed, Happened, Message, Packet, Sink};
use crate::tcp::Segment;
use crate::tcp::reassembly::Item;

/// Bodies under way of which it is remembered where in them they are; of others, all is masked.
const MAX_BODIES: usize = 64 << 10;

/// Masks events.
#[derive(Default)]
pub struct Redactor {
    bodies: HashMap<(u64, u32), Passing>,
    /// What is known of the stream that is followed, if one is.
    conversation: Option<Conversation>,
    /// Storage of masked copies.
    message: app::Message,
    bytes: Vec<u8>,
}

/// A body under way.
struct Passing {
    body: Body,
    /// Bytes that the message was known to lack.
    missing: u64,
}

impl Redactor {
    /// Of events among which are those of a stream that is followed.
    pub fn of_conversation() -> Self {
        Self { conversation: Some(Conversation::default()), ..Self::default() }
    }

    /// Takes note of an event that is not shown.
    pub fn pass_over(&mut self, event: &Event<'_>) {
        if let Event::Message(told) = event {
            self.ends(told);
        }
    }

    /// Hands the event on as it may be shown.
    pub fn mask<R>(&mut self, event: Event<'_>, tell: impl FnOnce(Event<'_>) -> R) -> R {
        match event {
            Event::Packet(packet) => {
                let frame = masked_frame(packet.decoded);
                self.blank(packet.decoded.payload.len());
                let decoded = Decoded { bytes: &frame, payload: &self.bytes, ..packet.decoded.clone() };
                tell(Event::Packet(Packet { decoded: &decoded, ..packet }))
            }
            Event::Body { stream, number, missing, bytes, message } => {
                self.copy(bytes);
                self.body((stream, number), missing, message);
                tell(Event::Body { stream, number, missing, bytes: &self.bytes, message: None })
            }
            Event::Message(told) => {
                self.ends(&told);
                self.message.clone_from(told.message);
                message::message(&mut self.message);
                tell(Event::Message(Message { message: &self.message, ..told }))
            }
            Event::Followed(followed) => self.followed(followed, tell),
            Event::Update(_) | Event::Connection(_) | Event::Drops(_) => tell(event),
        }
    }

    fn copy(&mut self, bytes: &[u8]) {
        self.bytes.clear();
        self.bytes.extend_from_slice(bytes);
    }

    fn blank(&mut self, len: usize) {
        self.bytes.clear();
        self.bytes.resize(len, MASK);
    }

    fn ends(&mut self, told: &Message<'_>) {
        self.bodies.remove(&(told.flow.stream, told.message.number));
        if let Some(conversation) = &mut self.conversation {
            conversation.ends(told);
        }
    }

    /// Masks the next bytes of a body.
    fn body(&mut self, key: (u64, u32), missing: u64, of: Option<&app::Message>) {
        let has_room = self.bodies.len() < MAX_BODIES;
        if !has_room && !self.bodies.contains_key(&key) {
            return message::all(&mut self.bytes);
        }
        let passing = self.bodies.entry(key).or_insert_with(|| {
            let media = match of.map(|of| &of.unit) {
                Some(Unit::Http(http)) => message::media(http, false),
                Some(Unit::WebSocket(_)) => Media::Text,
                _ => Media::Opaque,
            };
            Passing { body: Body::new(&media), missing: 0 }
        });
        if missing > passing.missing {
            passing.missing = missing;
            passing.body.gap();
        }
        super::mask(&mut self.bytes, |bytes, found| passing.body.feed(bytes, found));
    }

    fn followed<R>(&mut self, followed: Followed<'_>, tell: impl FnOnce(Event<'_>) -> R) -> R {
        let side = followed.side;
        let say = |what| tell(Event::Followed(Followed { what, ..followed }));
        match followed.what {
            Happened::Segment { segment, carrier, acked } => {
                self.blank(segment.payload.len());
                let segment = Segment { payload: &self.bytes, ..*segment };
                say(Happened::Segment { segment: &segment, carrier, acked })
            }
            Happened::Datagram(carrier, bytes, missing) => {
                self.copy(bytes);
                if matches!(looks_like_start(bytes), Start::Request | Start::Response) {
                    super::mask(&mut self.bytes, super::head);
                } else {
                    message::all(&mut self.bytes);
                }
                say(Happened::Datagram(carrier, &self.bytes, missing))
            }
            Happened::Item(item, under_way) => {
                let item = match item {
                    Item::Data(segment, bytes, carrier) => {
                        self.copy(bytes);
                        match &mut self.conversation {
                            Some(conversation) => conversation.data(side, segment.offset, &mut self.bytes, under_way),
                            None => message::all(&mut self.bytes),
                        }
                        Item::Data(segment, &self.bytes, carrier)
                    }
                    Item::Gap { .. } => {
                        self.conversation.iter_mut().for_each(|conversation| conversation.gap(side));
                        item
                    }
                    item => item,
                };
                let under_way = under_way.map(|under_way| {
                    self.message.clone_from(under_way);
                    message::message(&mut self.message);
                    &self.message
                });
                say(Happened::Item(item, under_way))
            }
        }
    }
}

/// The bytes of a frame, of which those alone are shown that are of its headers.
fn masked_frame(decoded: &Decoded<'_>) -> Vec<u8> {
    let mut bytes = vec![MASK; decoded.bytes.len()];
    let begin = decoded.bytes.as_ptr() as usize;
    for layer in &decoded.layers {
        // Headers of a datagram that was put together from fragments are elsewhere.
        let from = (layer.header.as_ptr() as usize).wrapping_sub(begin);
        let range = from..from.saturating_add(layer.header.len());
        if let (Some(shown), Some(own)) = (bytes.get_mut(range.clone()), decoded.bytes.get(range)) {
            shown.copy_from_slice(own);
        }
    }
    bytes
}

/// Two sinks: one takes events as they are, the other as they may be shown.
pub struct Both<S> {
    /// What takes them as they are.
    pub plain: S,
    /// What takes them masked.
    pub masked: Redacting<S>,
}

impl<S: Sink> Sink for Both<S> {
    fn event(&mut self, event: Event<'_>) {
        self.plain.event(event);
        self.masked.event(event);
    }
}

/// A sink to which events go as they may be shown, or as they are where nothing is to be masked.
pub struct Redacting<S> {
    redactor: Option<Redactor>,
    /// Where they go.
    pub sink: S,
}

impl<S: Sink> Redacting<S> {
    /// Before this sink; `masks` tells whether secrets are masked.
    pub fn new(sink: S, masks: bool) -> Self {
        Self { redactor: masks.then(Redactor::default), sink }
    }
}

impl<S: Sink> Sink for Redacting<S> {
    fn event(&mut self, event: Event<'_>) {
        let Self { redactor, sink } = self;
        match redactor {
            Some(redactor) => redactor.mask(event, |event| sink.event(event)),
            None => sink.event(event),
        }
    }
}
