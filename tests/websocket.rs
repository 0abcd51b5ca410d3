//! WebSocket messages that are known, however their frames were cut into segments and whatever was lost of them.

mod common;

use std::collections::HashMap;
use std::io::Write;

use common::wire::{MS, Packet, Random, frame};
use dissect::app::message::Unit;
use dissect::engine::{Engine, Options};
use dissect::event::{Event, Sink};
use dissect::issue::Issue;
use flate2::write::DeflateEncoder;
use flate2::{Compress, Compression, FlushCompress};
use proptest::prelude::*;

const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// A message, sent or told.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Message {
    from: usize,
    opcode: u8,
    content: Vec<u8>,
    integrity: &'static str,
    issues: Vec<&'static str>,
    answers: Option<u32>,
    number: u32,
}

#[derive(Default)]
struct Told {
    bodies: HashMap<u32, Vec<u8>>,
    messages: Vec<Message>,
}

impl Sink for Told {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Body { number, bytes, .. } => self.bodies.entry(number).or_default().extend_from_slice(bytes),
            Event::Message(told) => {
                let message = told.message;
                let of_frames = [Issue::LostSegment].into_iter().collect();
                let Unit::WebSocket(unit) = &message.unit else { return };
                let body = self.bodies.remove(&message.number);
                let content = body.unwrap_or_else(|| unit.content.clone());
                assert!(content.len() as u64 == unit.len || unit.opcode.is_control() && unit.len > 125);
                assert!(content.starts_with(&unit.content));
                self.messages.push(Message {
                    from: message.side,
                    opcode: unit.opcode.0,
                    content,
                    integrity: message.integrity.name(),
                    issues: message.issues.without(of_frames).iter().map(|issue| issue.name()).collect(),
                    answers: message.answers,
                    number: message.number,
                });
            }
            _ => {}
        }
    }
}

fn tell(packets: &[Packet]) -> Vec<Message> {
    let mut engine = Engine::new(Options { bodies: true, ..Options::default() });
    let mut told = Told::default();
    for (number, packet) in (1..).zip(packets) {
        engine.push(frame(number, packet.time, &packet.bytes()), &mut told);
    }
    engine.finish(&mut told);
    assert_eq!(engine.totals().ledger.unexplained(), 0, "{:?}", engine.totals().ledger);
    told.messages.sort_by_key(|message| message.number);
    told.messages
}

/// A frame as it goes over the wire; the first byte is `head`.
fn frame_of(from: usize, head: u8, payload: &[u8], mask: [u8; 4]) -> Vec<u8> {
    let bit = if from == 0 { 0x80 } else { 0 };
    let mut bytes = vec![head];
    match payload.len() {
        len @ 0..126 => bytes.push(bit | len as u8),
        len @ 126..0x1_0000 => {
            bytes.push(bit | 126);
            bytes.extend((len as u16).to_be_bytes());
        }
        len => {
            bytes.push(bit | 127);
            bytes.extend((len as u64).to_be_bytes());
        }
    }
    if from == 0 {
        bytes.extend(mask);
        bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
    } else {
        bytes.extend(payload);
    }
    bytes
}

/// A connection: its handshake, then what each end sends, in order.
struct Talk {
    sends: Vec<(usize, Vec<u8>)>,
}

const EXTENSION: &str = "permessage-deflate";

impl Talk {
    fn new(extensions: &str) -> Self {
        let fields = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
        let request = format!("GET /chat HTTP/1.1\r\nHost: h\r\n{fields}Sec-WebSocket-Version: 13\r\n\r\n");
        let agreed =
            if extensions.is_empty() { String::new() } else { format!("Sec-WebSocket-Extensions: {extensions}\r\n") };
        let response = format!("HTTP/1.1 101 Switching Protocols\r\n{fields}{agreed}\r\n");
        Self { sends: vec![(0, request.into_bytes()), (1, response.into_bytes())] }
    }

    fn send(mut self, from: usize, bytes: &[u8]) -> Self {
        self.sends.push((from, bytes.to_vec()));
        self
    }

    /// A frame of its own.
    fn frame(self, from: usize, head: u8, payload: &[u8]) -> Self {
        self.send(from, &frame_of(from, head, payload, [0x37, 0xfa, 0x21, 0x3d]))
    }

    /// In segments of random lengths up to `longest`; each send begins one where that is 0, and is one.
    fn packets(&self, longest: usize, random: &mut Random) -> Vec<Packet> {
        let mut next = [1000u32, 5000];
        let mut packets = vec![
            Packet { syn: true, ..Packet::new(0, 999, None, b"") },
            Packet { syn: true, ..Packet::new(1, 4999, Some(1000), b"") },
            Packet::new(0, 1000, Some(5000), b""),
        ];
        for (from, bytes) in &self.sends {
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let most = if longest == 0 { 60_000 } else { 1 + random.below(longest) };
                let (piece, more) = rest.split_at(most.min(rest.len()));
                packets.push(Packet::new(*from, next[*from], Some(next[1 - from]), piece));
                next[*from] += piece.len() as u32;
                packets.push(Packet::new(1 - from, next[1 - from], Some(next[*from]), b""));
                rest = more;
            }
        }
        for (i, packet) in packets.iter_mut().enumerate() {
            packet.time = i as i64 * MS;
        }
        packets
    }

    fn told(&self) -> Vec<Message> {
        tell(&self.packets(0, &mut Random(1)))
    }

    /// The same where the segment of the send of this number, from the handshake's request on, was not captured.
    fn told_without(&self, lost: usize) -> Vec<Message> {
        let mut packets = self.packets(0, &mut Random(1));
        let payloads = packets.iter().enumerate().filter(|(_, packet)| !packet.payload.is_empty());
        let at = payloads.map(|(at, _)| at).nth(lost).unwrap();
        packets.remove(at);
        packets.iter_mut().for_each(|packet| packet.time *= 100);
        tell(&packets)
    }
}

fn compressed(text: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.flush().unwrap();
    let mut bytes = encoder.get_ref().clone();
    assert_eq!(bytes.split_off(bytes.len() - 4), [0, 0, 0xff, 0xff]);
    bytes
}

/// What is wrong with each message, and what became of it.
fn faults(messages: &[Message]) -> Vec<(u8, &'static str, Vec<&'static str>)> {
    messages.iter().map(|message| (message.opcode, message.integrity, message.issues.clone())).collect()
}

#[test]
fn what_is_wrong_with_a_frame_is_told() {
    let one = |talk: Talk| faults(&talk.told()).pop().unwrap().2;
    let plain = || Talk::new("");
    assert_eq!(one(plain().send(0, b"\x81\x02hi")), ["frame_not_masked"]);
    assert_eq!(one(plain().send(1, b"\x81\x82\0\0\0\0hi")), ["frame_masked"]);
    assert_eq!(one(plain().frame(1, 0x83, b"hi")), ["reserved_opcode"]);
    assert_eq!(one(plain().frame(1, 0x8b, b"hi")), ["reserved_opcode"]);
    assert_eq!(one(plain().frame(1, 0xc1, b"hi")), ["reserved_bits"]);
    assert_eq!(one(Talk::new(EXTENSION).frame(1, 0xa1, b"hi")), ["reserved_bits"]);
    assert_eq!(one(Talk::new(EXTENSION).frame(1, 0xc9, b"hi")), ["reserved_bits"]);
    assert_eq!(one(Talk::new("bbf-usp-protocol").frame(1, 0xf3, b"hi")), Vec::<&str>::new());
    assert_eq!(one(plain().frame(1, 0x81, b"a\xffb")), ["bad_utf8"]);
    assert_eq!(one(plain().frame(1, 0x81, b"a\xe2\x82")), ["bad_utf8"]);
    assert_eq!(one(plain().frame(1, 0x89, &[b'p'; 126])), ["control_too_long"]);
    assert_eq!(one(plain().frame(1, 0x09, b"p")), ["control_fragmented"]);
    assert_eq!(one(plain().frame(1, 0x80, b"more")), ["continuation_without_start"]);
    assert_eq!(one(plain().frame(1, 0x88, b"\x03")), ["bad_close"]);
    assert_eq!(one(plain().frame(1, 0x88, b"\x03\xed")), ["bad_close"]);
    assert_eq!(one(plain().frame(1, 0x88, b"\x03\xe8a\xff")), ["bad_utf8"]);
    assert_eq!(one(plain().frame(1, 0x88, b"\x03\xe8").frame(1, 0x81, b"hi")), ["data_after_close"]);
    assert_eq!(one(plain().send(1, b"\x82\x7e\0\x02hi")), ["bad_frame_length"]);
    assert_eq!(one(plain().send(1, b"\x82\x7f\xff\0\0\0\0\0\0\x02hi")), ["malformed", "bad_frame_length"]);
    assert_eq!(one(Talk::new(EXTENSION).frame(1, 0xc1, b"\xff\xff")), ["decompression_failed"]);
    assert_eq!(one(plain().frame(1, 0x81, b"hi").frame(1, 0x8a, b"unasked")), Vec::<&str>::new());
}

#[test]
fn fragments_are_joined_and_control_frames_between_them_are_messages() {
    let talk =
        Talk::new("").frame(0, 0x01, b"Gr\xc3").frame(0, 0x89, b"?").frame(1, 0x8a, b"?").frame(0, 0x00, b"\xbc");
    let told = talk.frame(0, 0x80, b"n").told();
    let said: Vec<_> = told.iter().map(|message| (message.number, message.opcode, &message.content[..])).collect();
    assert_eq!(said, [(3, TEXT, "Grün".as_bytes()), (4, PING, b"?"), (5, PONG, b"?")]);
    assert_eq!(told[2].answers, Some(4));
    assert!(told.iter().all(|message| message.integrity == "complete" && message.issues.is_empty()));
}

#[test]
fn a_message_that_begins_before_the_end_of_another_ends_it() {
    let told = Talk::new("").frame(1, 0x01, b"one").frame(1, 0x82, b"two").told();
    let interrupted = vec!["malformed", "fragments_interrupted"];
    assert_eq!(faults(&told), [(TEXT, "malformed", interrupted), (BINARY, "complete", vec![])]);
}

#[test]
fn a_pong_answers_the_ping_of_its_content_and_a_close_the_other() {
    let talk = Talk::new("").frame(1, 0x89, b"a").frame(1, 0x89, b"b").frame(0, 0x8a, b"b").frame(0, 0x8a, b"a");
    let told = talk.frame(0, 0x88, b"\x0f\xa1").frame(1, 0x88, b"\x03\xe8").told();
    let answers: Vec<_> = told.iter().map(|message| message.answers).collect();
    assert_eq!(answers, [None, None, Some(4), None, None, Some(7)]);
    assert_eq!((told[4].opcode, told[4].issues.len()), (CLOSE, 0));
}

#[test]
fn a_context_is_taken_over_unless_otherwise_agreed() {
    let mut together = Compress::new(Compression::default(), false);
    let mut next = |text: &[u8]| {
        let mut bytes = Vec::with_capacity(1000);
        together.compress_vec(text, &mut bytes, FlushCompress::Sync).unwrap();
        bytes.truncate(bytes.len() - 4);
        bytes
    };
    let texts = [&b"a text that is said twice"[..], b"a text that is said twice, and once"];
    let [first, second] = texts.map(&mut next);
    assert!(second.len() < texts[1].len() / 2);
    let contents = |told: Vec<Message>| told.into_iter().map(|message| message.content).collect::<Vec<_>>();
    let talk = Talk::new(EXTENSION).frame(0, 0xc1, &first).frame(0, 0xc1, &second);
    assert_eq!(contents(talk.told()), texts);
    // Where the first one is not there, the second cannot be told, and nothing is made up.
    let told = talk.told_without(2);
    assert_eq!(faults(&told), [(TEXT, "complete", vec!["context_lost"])]);
    assert_eq!(contents(told), [b""]);

    let alone = Talk::new("permessage-deflate; client_no_context_takeover");
    let talk = alone.frame(0, 0xc1, &compressed(texts[0])).frame(0, 0xc1, &compressed(texts[1]));
    assert_eq!(contents(talk.told()), texts);
    assert_eq!(contents(talk.told_without(2)), texts[1..]);
    // An uncompressed message beside them, and one in fragments.
    let bytes = compressed(texts[0]);
    let talk = Talk::new(EXTENSION).frame(1, 0x81, b"plain").frame(1, 0x41, &bytes[..5]).frame(1, 0x80, &bytes[5..]);
    assert_eq!(contents(talk.told()), [&b"plain"[..], texts[0]]);
}

#[test]
fn a_bomb_is_bounded() {
    let zeros = vec![0; 20 << 20];
    let told = Talk::new(EXTENSION).frame(1, 0xc2, &compressed(&zeros)).told();
    assert_eq!(faults(&told), [(BINARY, "complete", vec!["decoded_too_large"])]);
    assert_eq!(told[0].content.len(), 16 << 20);
}

#[test]
fn a_hole_in_a_payload_is_absorbed_and_after_one_in_a_header_frames_are_found_again() {
    let whole = frame_of(1, 0x81, &[b'x'; 1000], [0; 4]);
    let talk = Talk::new("").send(1, &whole[..400]).send(1, &whole[400..700]).send(1, &whole[700..]);
    let talk = talk.frame(1, 0x81, b"after").frame(1, 0x81, b"and more");
    let integrity = |told: &[Message]| told.iter().map(|one| (one.content.len(), one.integrity)).collect::<Vec<_>>();
    let told = talk.told_without(3);
    assert_eq!(integrity(&told), [(700, "gap"), (5, "complete"), (8, "complete")]);
    // The header is lost: what follows of its frame is no frame.
    let told = talk.told_without(2);
    assert_eq!(integrity(&told), [(5, "complete"), (8, "complete")]);
    let told = talk.told_without(5);
    assert_eq!(integrity(&told), [(1000, "complete"), (8, "complete")]);
}

/// A message that is sent.
#[derive(Clone, Debug)]
struct Said {
    from: usize,
    is_text: bool,
    content: Vec<u8>,
    fragments: usize,
    /// Whether pings come between the fragments.
    pinged: bool,
    deflated: bool,
}

fn said() -> impl Strategy<Value = Said> {
    let content = prop_oneof![
        3 => "[a-zäöü ]{0,40}".prop_map(String::into_bytes),
        1 => (0..70_000usize).prop_map(|len| b"all work and no play ".iter().copied().cycle().take(len).collect()),
        1 => (0..3000usize, any::<u64>()).prop_map(|(len, seed)| {
            let mut random = Random(seed);
            (0..len).map(|_| random.number() as u8).collect()
        }),
    ];
    (0..2usize, any::<bool>(), content, 1..4usize, any::<bool>(), any::<bool>()).prop_map(
        |(from, is_text, content, fragments, pinged, deflated)| Said {
            from,
            is_text,
            content,
            fragments,
            pinged,
            deflated,
        },
    )
}

/// The conversation, and its messages in the order in which they begin.
fn talk(all: &[Said]) -> (Talk, Vec<(usize, u8, Vec<u8>)>) {
    let mut talk = Talk::new("permessage-deflate; client_no_context_takeover; server_no_context_takeover");
    let mut sent = Vec::new();
    let mut random = Random(7);
    for Said { from, is_text, content, fragments, pinged, deflated } in all {
        let is_text = *is_text && str::from_utf8(content).is_ok();
        let opcode = if is_text { TEXT } else { BINARY };
        sent.push((*from, opcode, content.clone()));
        let payload = if *deflated { compressed(content) } else { content.clone() };
        let size = payload.len() / fragments + 1;
        let pieces: Vec<_> = if payload.is_empty() { vec![&payload[..]] } else { payload.chunks(size).collect() };
        for (i, piece) in pieces.iter().enumerate() {
            let fin = if i + 1 == pieces.len() { 0x80 } else { 0 };
            let first = if i == 0 { opcode | if *deflated { 0x40 } else { 0 } } else { 0 };
            let mask = (random.number() as u32).to_be_bytes();
            talk = talk.send(*from, &frame_of(*from, fin | first, piece, mask));
            if *pinged && fin == 0 {
                talk = talk.send(*from, &frame_of(*from, 0x80 | PING, b"there?", mask));
                sent.push((*from, PING, b"there?".to_vec()));
            }
        }
    }
    (talk, sent)
}

proptest! {
    #![proptest_config(common::cases(48))]

    #[test]
    fn any_segmentation_gives_the_same_messages(
        all in proptest::collection::vec(said(), 1..6), seed: u64, longest in prop_oneof![1..5usize, 5..3000usize]
    ) {
        let (talk, sent) = talk(&all);
        let told = tell(&talk.packets(longest, &mut Random(seed)));
        let same: Vec<_> = told.iter().map(|one| (one.from, one.opcode, one.content.clone())).collect();
        prop_assert!(same == sent, "{:?}", faults(&told));
        prop_assert!(told.iter().all(|one| one.integrity == "complete" && one.issues.is_empty()));
    }

    #[test]
    fn what_is_told_whole_was_sent_whatever_is_lost(
        all in proptest::collection::vec(said(), 1..6), seed: u64, longest in 20..3000usize, one_in in 2..30usize
    ) {
        let (talk, sent) = talk(&all);
        let mut random = Random(seed);
        let mut packets = talk.packets(longest, &mut random);
        let handshake = packets.iter().take_while(|packet| packet.payload.first().is_none_or(u8::is_ascii_alphabetic));
        let kept = handshake.count();
        let mut at = 0;
        packets.retain(|_| { at += 1; at <= kept || !random.once_in(one_in) });
        packets.iter_mut().for_each(|packet| packet.time *= 100);
        for message in tell(&packets) {
            let is_known = sent.iter().any(|(from, opcode, content)| {
                (*from, *opcode) == (message.from, message.opcode) && *content == message.content
            });
            let cut = message.integrity != "complete" || message.issues.contains(&"context_lost");
            let orphan = message.issues.contains(&"continuation_without_start");
            prop_assert!(is_known || cut || orphan, "{message:?}");
        }
    }

    #[test]
    fn any_bytes_after_the_handshake_do_no_harm(bytes: Vec<u8>, other: Vec<u8>, longest in 1..100usize) {
        let talk = Talk::new(EXTENSION).send(0, &bytes).send(1, &other);
        tell(&talk.packets(longest, &mut Random(3)));
    }
}
