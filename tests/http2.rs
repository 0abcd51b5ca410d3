//! What must hold of HTTP/2 however a conversation was cut into segments and whatever was lost of it: streams that take
//! turns at random, whose messages are known, through the core.

mod common;

use std::fmt;

use common::wire::{MS, Message, Packet, Random, Told, tell};
use dissect::app::ledger::Class;
use proptest::prelude::*;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;

/// A conversation, its streams numbered from 0.
#[derive(Clone, Debug)]
struct Conversation {
    streams: Vec<Stream>,
    seed: u64,
    /// The longest segment.
    longest: usize,
}

/// What is sent on a stream.
#[derive(Clone, Debug)]
struct Stream {
    request: usize,
    interim: bool,
    response: usize,
    trailer: bool,
    /// Whether Content-Length says how much it is.
    has_length: bool,
}

fn conversation() -> impl Strategy<Value = Conversation> {
    let len = || prop_oneof![Just(0), 1..200usize, 1000..20_000usize];
    let stream = (len(), any::<bool>(), len(), any::<bool>(), any::<bool>()).prop_map(
        |(request, interim, response, trailer, has_length)| Stream { request, interim, response, trailer, has_length },
    );
    (prop::collection::vec(stream, 1..8), any::<u64>(), 1..3000usize)
        .prop_map(|(streams, seed, longest)| Conversation { streams, seed, longest })
}

/// An encoder of field blocks: fields make entries of the table, and refer to them.
#[derive(Default)]
struct Encoder(Vec<(String, String)>);

impl Encoder {
    fn block(&mut self, fields: &[(&str, String)]) -> Vec<u8> {
        let mut block = Vec::new();
        for (name, value) in fields {
            let entry = (name.to_string(), value.clone());
            if let Some(at) = self.0.iter().rev().position(|known| *known == entry) {
                // There are fewer than 65 entries, so that the index is one byte.
                block.push(0x80 | (62 + at) as u8);
                continue;
            }
            block.extend([0x40, name.len() as u8]);
            block.extend(name.as_bytes());
            block.push(value.len() as u8);
            block.extend(value.as_bytes());
            self.0.push(entry);
        }
        block
    }
}

/// A frame.
fn frame(kind: u8, flags: u8, stream: usize, payload: &[u8]) -> Vec<u8> {
    let len = &(payload.len() as u32).to_be_bytes()[1..];
    [len, &[kind, flags], &(stream as u32).to_be_bytes(), payload].concat()
}

/// The octet that a content is made of.
fn octet(stream: usize, response: bool) -> u8 {
    b'a' + 2 * stream as u8 + u8::from(response)
}

/// What is to be sent of one direction of a stream: headers are encoded when their turn comes.
enum Turn {
    Headers { fields: Vec<(&'static str, String)>, ends: bool },
    Data { bytes: Vec<u8>, ends: bool },
}

impl Stream {
    fn turns(&self, at: usize, response: bool, random: &mut Random) -> Vec<Turn> {
        let mut turns = Vec::new();
        let len = if response { self.response } else { self.request };
        let trailer = response && self.trailer;
        let mut fields = if response {
            vec![(":status", "200".into()), ("server", "example".into()), ("x-number", at.to_string())]
        } else {
            let path = (":path", format!("/{at}"));
            vec![(":method", "GET".into()), (":scheme", "http".into()), path, (":authority", "example.test".into())]
        };
        if self.has_length {
            fields.push(("content-length", len.to_string()));
        }
        if response && self.interim {
            turns.push(Turn::Headers {
                fields: vec![(":status", "103".into()), ("x-number", at.to_string())],
                ends: false,
            });
        }
        turns.push(Turn::Headers { fields, ends: len == 0 && !trailer });
        let mut left = len;
        while left > 0 {
            let piece = (1 + random.below(5000)).min(left);
            left -= piece;
            turns.push(Turn::Data { bytes: vec![octet(at, response); piece], ends: left == 0 && !trailer });
        }
        if trailer {
            turns.push(Turn::Headers { fields: vec![("x-sum", at.to_string())], ends: true });
        }
        turns
    }
}

impl Conversation {
    /// The bytes of both directions: all that the client sends, then all that the server does.
    fn sends(&self) -> [Vec<u8>; 2] {
        let mut random = Random(self.seed);
        [false, true].map(|response| {
            let mut bytes = if response { Vec::new() } else { b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec() };
            bytes.extend(frame(4, 0, 0, &[0, 3, 0, 0, 0, 100]));
            let mut encoder = Encoder::default();
            let mut queues: Vec<std::vec::IntoIter<Turn>> =
                self.streams.iter().enumerate().map(|(at, s)| s.turns(at, response, &mut random).into_iter()).collect();
            let mut left: Vec<usize> = (0..queues.len()).collect();
            while !left.is_empty() {
                let chosen = random.below(left.len());
                let at = left[chosen];
                match queues[at].next() {
                    Some(turn) => bytes.extend(frames(turn, 2 * at + 1, &mut encoder, &mut random)),
                    None => {
                        left.swap_remove(chosen);
                    }
                }
                match random.below(12) {
                    0 => bytes.extend(frame(8, 0, 0, &[0, 0, 1, 0])),
                    1 => bytes.extend(frame(6, 0, 0, b"pingpong")),
                    2 => bytes.extend(frame(0x2a, 0xff, 7, b"not known")),
                    _ => {}
                }
            }
            bytes
        })
    }

    /// Its frames: handshake, data cut at random, acknowledgments.
    fn packets(&self) -> Vec<Packet> {
        let mut random = Random(self.seed ^ 1);
        let mut next = [1001u32, 5001];
        let mut packets = vec![
            Packet { syn: true, ..Packet::new(0, 1000, None, b"") },
            Packet { syn: true, ..Packet::new(1, 5000, Some(1001), b"") },
            Packet::new(0, 1001, Some(5001), b""),
        ];
        for (from, bytes) in self.sends().iter().enumerate() {
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let (piece, more) = rest.split_at((1 + random.below(self.longest)).min(rest.len()));
                packets.push(Packet::new(from, next[from], Some(next[1 - from]), piece));
                next[from] = next[from].wrapping_add(piece.len() as u32);
                packets.push(Packet::new(1 - from, next[1 - from], Some(next[from]), b""));
                rest = more;
            }
        }
        for from in [1, 0] {
            packets.push(Packet { fin: true, ..Packet::new(from, next[from], Some(next[1 - from]), b"") });
            next[from] = next[from].wrapping_add(1);
        }
        (1..).zip(&mut packets).for_each(|(i, packet)| packet.time = i * MS);
        packets
    }

    /// What is told is what was sent; `in_order` where nothing else is to be told.
    fn is_told(&self, told: &Told, in_order: bool) -> Result<(), TestCaseError> {
        let interim = self.streams.iter().filter(|stream| stream.interim).count();
        prop_assert_eq!(told.of(true).len(), self.streams.len());
        prop_assert_eq!(told.of(false).len(), self.streams.len() + interim);
        for (_, message) in &told.messages {
            let at = number(message).expect("a whole head");
            let stream = &self.streams[at];
            let head = String::from_utf8_lossy(&message.head);
            let len = if message.request { stream.request } else { stream.response };
            let length = if stream.has_length { format!("content-length: {len}\r\n") } else { String::new() };
            let is_interim = head.starts_with("HTTP/2 103");
            if message.request {
                let want = format!("GET /{at} HTTP/2\r\n:scheme: http\r\n:authority: example.test\r\n{length}\r\n");
                prop_assert_eq!(&head, &want);
            } else if !is_interim {
                let want = format!("HTTP/2 200\r\nserver: example\r\nx-number: {at}\r\n{length}\r\n");
                prop_assert_eq!(&head, &want);
                let trailer = if stream.trailer { format!("x-sum: {at}\r\n\r\n") } else { String::new() };
                prop_assert_eq!(String::from_utf8_lossy(&message.trailer), trailer);
            }
            let body = vec![octet(at, !message.request); if is_interim { 0 } else { len }];
            prop_assert!(message.body == body);
            prop_assert_eq!(message.integrity, "complete", "{:?}", message.issues);
            prop_assert!(message.issues.is_empty() || !in_order, "{:?}", message.issues);
            self.answers_its_own(told, message, at)?;
        }
        Ok(())
    }

    fn answers_its_own(&self, told: &Told, message: &Message, at: usize) -> Result<(), TestCaseError> {
        let asked = message.answers.map(|answered| told.messages.iter().find(|(_, one)| one.number == answered));
        match asked {
            Some(asked) => {
                let asked = asked.map(|(_, asked)| asked).filter(|asked| asked.request);
                prop_assert!(asked.is_some(), "answers no request: {:?}", message);
                let of = asked.and_then(number);
                prop_assert!(of.is_none() || of == Some(at), "answers another one: {:?}", message);
            }
            None => prop_assert!(message.request || !message.issues.is_empty()),
        }
        Ok(())
    }

    /// What is told was sent, if less of it.
    fn is_not_contradicted(&self, told: &Told) -> Result<(), TestCaseError> {
        for (_, message) in &told.messages {
            let of = |octet: &u8| usize::from(octet.wrapping_sub(b'a')) / 2;
            let by_body = message.body.first().map(of);
            prop_assert!(
                message.body.iter().all(|octet| Some(of(octet)) == by_body),
                "contents are mixed: {:?}",
                message
            );
            let Some(at) = number(message) else { continue };
            let Some(stream) = self.streams.get(at) else {
                return Err(TestCaseError::fail(format!("never sent: {message:?}")));
            };
            prop_assert!(by_body.is_none_or(|by_body| by_body == at), "content of another: {:?}", message);
            let len = if message.request { stream.request } else { stream.response };
            let is_interim = message.head.starts_with(b"HTTP/2 103");
            prop_assert!(message.body.len() <= len);
            if message.integrity == "complete" && !is_interim {
                prop_assert_eq!(message.body.len(), len, "{:?}", message);
            }
            if message.answers.is_some() {
                self.answers_its_own(told, message, at)?;
            }
        }
        Ok(())
    }
}

/// The frames of a turn.
fn frames(turn: Turn, id: usize, encoder: &mut Encoder, random: &mut Random) -> Vec<u8> {
    match turn {
        Turn::Headers { fields, ends } => {
            let block = encoder.block(&fields);
            let ends = if ends { END_STREAM } else { 0 };
            let cut = if random.once_in(4) { random.below(block.len()) } else { block.len() };
            let (first, more) = block.split_at(cut);
            if more.is_empty() {
                return frame(HEADERS, ends | END_HEADERS, id, first);
            }
            [frame(HEADERS, ends, id, first), frame(CONTINUATION, END_HEADERS, id, more)].concat()
        }
        Turn::Data { bytes, ends } => {
            let ends = if ends { END_STREAM } else { 0 };
            if random.once_in(3) {
                let padding = random.below(256);
                let padded = [&[padding as u8][..], &bytes, &vec![0; padding]].concat();
                return frame(DATA, ends | PADDED, id, &padded);
            }
            frame(DATA, ends, id, &bytes)
        }
    }
}

/// The stream that a head names, from 0.
fn number(message: &Message) -> Option<usize> {
    let head = String::from_utf8_lossy(&message.head);
    let named = match message.request {
        true => head.strip_prefix("GET /")?.split(' ').next()?.to_owned(),
        false => head.split_once("x-number: ")?.1.split('\r').next()?.to_owned(),
    };
    named.parse().ok()
}

/// Packets for the words of a failure.
struct Of<'a>(&'a [Packet]);

impl fmt::Display for Of<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|packet| writeln!(f, "{packet:?}"))
    }
}

fn failed(packets: &[Packet]) -> impl Fn(TestCaseError) -> TestCaseError {
    move |error| match error {
        TestCaseError::Fail(reason) => TestCaseError::fail(format!("{reason}\n{}", Of(packets))),
        other => other,
    }
}

proptest! {
    #![proptest_config(common::cases(100))]

    #[test]
    fn any_segmentation_gives_the_same_messages(conversation in conversation()) {
        let packets = conversation.packets();
        let told = tell(&packets);
        conversation.is_told(&told, true).map_err(failed(&packets))?;
        prop_assert_eq!(told.ledger.get(Class::Message), told.ledger.captured);
    }

    #[test]
    fn any_order_within_the_grace_gives_the_same_messages(conversation in conversation(), seed: u64) {
        let mut random = Random(seed);
        let mut late: Vec<(i64, Packet)> = conversation.packets().into_iter().enumerate().map(|(i, packet)| {
            let delay = if i < 3 { 0 } else { random.below(40 * MS as usize) as i64 };
            (packet.time + delay, packet)
        }).collect();
        late.sort_by_key(|(time, _)| *time);
        let packets: Vec<Packet> = late.into_iter().map(|(time, packet)| Packet { time, ..packet }).collect();
        conversation.is_told(&tell(&packets), false).map_err(failed(&packets))?;
    }

    #[test]
    fn what_is_lost_is_never_made_up(conversation in conversation(), seed: u64, one_in in 2..40usize) {
        let mut random = Random(seed);
        let mut packets = conversation.packets();
        packets.retain(|_| !random.once_in(one_in));
        conversation.is_not_contradicted(&tell(&packets)).map_err(failed(&packets))?;
    }

    #[test]
    fn a_capture_may_begin_anywhere(conversation in conversation(), at: prop::sample::Index) {
        let mut packets = conversation.packets();
        packets.drain(..at.index(packets.len()));
        conversation.is_not_contradicted(&tell(&packets)).map_err(failed(&packets))?;
    }

    #[test]
    fn a_capture_may_end_anywhere(conversation in conversation(), at: prop::sample::Index) {
        let mut packets = conversation.packets();
        packets.truncate(at.index(packets.len()));
        conversation.is_not_contradicted(&tell(&packets)).map_err(failed(&packets))?;
    }
}

/// Streams that never end are given up, the oldest first, and say so.
#[test]
fn more_streams_than_are_kept_are_given_up() {
    const KEPT: usize = 1024;
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(4, 0, 0, &[]));
    for at in 0..KEPT + 3 {
        let path = format!("/{at}");
        let block = [&[0x82, 0x86, 0x04, path.len() as u8][..], path.as_bytes()].concat();
        bytes.extend(frame(HEADERS, END_HEADERS, 2 * at + 1, &block));
    }
    let mut packets = vec![Packet { syn: true, ..Packet::new(0, 0, None, b"") }];
    packets.extend((0..).zip(bytes.chunks(1400)).map(|(i, piece)| Packet::new(0, 1 + 1400 * i, Some(1), piece)));
    let told = tell(&packets);
    let given_up = told.of(true).into_iter().filter(|message| message.issues.contains(&"too_many_streams"));
    assert_eq!(given_up.map(number).collect::<Vec<_>>(), [Some(0), Some(1), Some(2)]);
    assert_eq!(told.of(true).len(), KEPT + 3);
}
