//! What must hold however a conversation was cut into segments and whatever the capture did to their order: random
//! exchanges, whose messages are known, through the core.

mod common;

use std::fmt;

use common::wire::{MS, Message, Packet, Random, Told, tell};
use dissect::app::ledger::Class;
use proptest::prelude::*;

/// How a message's body is framed.
#[derive(Clone, Debug)]
enum Framing {
    None,
    Length,
    /// Sizes of the chunks, and whether there is a trailer section.
    Chunked(usize, bool),
    /// Only of the last response.
    UntilClose,
}

/// When a request is sent.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Pipelining {
    /// After the response to the one before.
    No,
    /// Before it.
    Before,
    /// While it is sent.
    During,
}

#[derive(Clone, Debug)]
struct Exchange {
    head_request: bool,
    request: Framing,
    request_body: usize,
    interim: Vec<u16>,
    code: u16,
    response: Framing,
    response_body: usize,
    pipelining: Pipelining,
}

/// A message as it is sent.
#[derive(Clone)]
struct Sent {
    head: Vec<u8>,
    body: Vec<u8>,
    trailer: Vec<u8>,
    /// As it goes over the wire.
    bytes: Vec<u8>,
    /// Which request it answers, of a response.
    answers: Option<usize>,
}

#[derive(Clone)]
struct Conversation {
    requests: Vec<Sent>,
    responses: Vec<Sent>,
    /// Who sends what, in order.
    sends: Vec<(usize, Vec<u8>)>,
    /// Sequence numbers that the ends begin with.
    isns: [u32; 2],
    /// The most bytes of a segment.
    longest: usize,
}

fn framing() -> impl Strategy<Value = Framing> {
    prop_oneof![
        1 => Just(Framing::None),
        3 => Just(Framing::Length),
        3 => (1..700usize, any::<bool>()).prop_map(|(size, trailer)| Framing::Chunked(size, trailer)),
        1 => Just(Framing::UntilClose),
    ]
}

fn exchange() -> impl Strategy<Value = Exchange> {
    let interim = proptest::collection::vec(prop_oneof![Just(100), Just(103)], 0..3);
    let code = prop_oneof![6 => Just(200), 1 => Just(204), 1 => Just(304), 1 => Just(404)];
    let pipelining =
        prop_oneof![4 => Just(Pipelining::No), 1 => Just(Pipelining::Before), 1 => Just(Pipelining::During)];
    (proptest::bool::weighted(0.15), framing(), 0..900usize, interim, code, framing(), 0..2500usize, pipelining)
        .prop_map(|(head_request, request, request_body, interim, code, response, response_body, pipelining)| {
            Exchange { head_request, request, request_body, interim, code, response, response_body, pipelining }
        })
}

fn conversation(pipelined: bool) -> impl Strategy<Value = Conversation> {
    let isn = || prop_oneof![1 => (0..4000u32).prop_map(|n| u32::MAX - n), 1 => any::<u32>()];
    let longest = prop_oneof![1 => Just(1), 1 => 2..40usize, 2 => 40..600usize, 4 => 600..3000usize];
    let exchanges = proptest::collection::vec(exchange(), 1..5);
    (exchanges, [isn(), isn()], longest).prop_map(move |(mut exchanges, isns, longest)| {
        if !pipelined {
            exchanges.iter_mut().for_each(|exchange| exchange.pipelining = Pipelining::No);
        }
        let (requests, responses, sends) = render(&exchanges);
        Conversation { requests, responses, sends, isns, longest }
    })
}

/// Text of which no part looks like a message.
fn text(len: usize) -> Vec<u8> {
    b"the quick brown fox\r\njumps over the lazy dog\n".iter().copied().cycle().take(len).collect()
}

/// A message; `bodiless` where there is none whatever the head says.
fn sent(start: String, fields: &str, framing: &Framing, len: usize, bodiless: bool) -> Sent {
    let mut body = text(len);
    let mut trailer = Vec::new();
    let (field, coded) = match *framing {
        Framing::None => {
            body.clear();
            ("Content-Length: 0\r\n".to_owned(), Vec::new())
        }
        Framing::Length => (format!("Content-Length: {len}\r\n"), body.clone()),
        Framing::UntilClose => (String::new(), body.clone()),
        Framing::Chunked(size, with_trailer) => {
            let mut coded = Vec::new();
            for chunk in body.chunks(size) {
                coded.extend(format!("{:x}\r\n", chunk.len()).bytes());
                coded.extend(chunk);
                coded.extend(b"\r\n");
            }
            coded.extend(b"0\r\n");
            if with_trailer {
                trailer.extend(b"X-Sum: 17\r\n\r\n");
                coded.extend(&trailer);
            } else {
                coded.extend(b"\r\n");
            }
            ("Transfer-Encoding: chunked\r\n".to_owned(), coded)
        }
    };
    let head = format!("{start}\r\n{fields}{field}\r\n").into_bytes();
    let mut bytes = head.clone();
    if bodiless {
        (body, trailer) = Default::default();
    } else {
        bytes.extend(coded);
    }
    Sent { head, body, trailer, bytes, answers: None }
}

type Rendered = (Vec<Sent>, Vec<Sent>, Vec<(usize, Vec<u8>)>);

fn render(exchanges: &[Exchange]) -> Rendered {
    let (mut requests, mut responses, mut sends) = (Vec::new(), Vec::new(), Vec::<(usize, Vec<u8>)>::new());
    for (i, exchange) in exchanges.iter().enumerate() {
        let is_last = i + 1 == exchanges.len();
        let method = match (exchange.head_request, &exchange.request) {
            (true, _) => "HEAD",
            (false, Framing::Length | Framing::Chunked(..)) => "POST",
            (false, _) => "GET",
        };
        let host = "Host: a.test\r\n";
        let request = match method {
            "POST" => sent(format!("POST /{i} HTTP/1.1"), host, &exchange.request, exchange.request_body, false),
            _ => sent(format!("{method} /{i} HTTP/1.1"), host, &Framing::UntilClose, 0, true),
        };
        // In the place of the response to the one before, or before or within it.
        let place = match exchange.pipelining {
            Pipelining::No => sends.len(),
            _ if i == 0 => 0,
            Pipelining::Before => sends.len() - 1,
            Pipelining::During => {
                let (_, whole) = sends.pop().unwrap();
                let (first, second) = whole.split_at(whole.len() / 2);
                sends.extend([(1, first.to_vec()), (1, second.to_vec())]);
                sends.len() - 1
            }
        };
        sends.insert(place, (0, request.bytes.clone()));
        requests.push(request);

        let mut all = Vec::new();
        for code in &exchange.interim {
            let interim = sent(format!("HTTP/1.1 {code} Wait {i}"), "", &Framing::UntilClose, 0, true);
            all.push(Sent { answers: Some(i), ..interim });
        }
        let framing = match &exchange.response {
            Framing::UntilClose if !is_last => &Framing::Length,
            framing => framing,
        };
        let bodiless = exchange.head_request || matches!(exchange.code, 204 | 304);
        let framing = if exchange.code == 204 { &Framing::UntilClose } else { framing };
        let phrase = format!("HTTP/1.1 {} Done {i}", exchange.code);
        let response = sent(phrase, "Server: s\r\n", framing, exchange.response_body, bodiless);
        all.push(Sent { answers: Some(i), ..response });
        sends.push((1, all.iter().flat_map(|one| one.bytes.clone()).collect()));
        responses.extend(all);
    }
    (requests, responses, sends)
}

impl fmt::Debug for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { requests, responses, isns, longest, .. } = self;
        write!(f, "requests {requests:#?}, responses {responses:#?}, from {isns:?}, segments up to {longest}")
    }
}

impl fmt::Debug for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} and {} bytes", show(&self.head), self.bytes.len() - self.head.len())
    }
}

impl Conversation {
    /// Its frames: handshake, data as it was cut, acknowledgments as a receiver gives them, close.
    fn packets(&self, seed: u64) -> Vec<Packet> {
        let mut random = Random(seed);
        let [client, server] = self.isns;
        let mut next = [client.wrapping_add(1), server.wrapping_add(1)];
        let mut packets = vec![
            Packet { syn: true, ..Packet::new(0, client, None, b"") },
            Packet { syn: true, ..Packet::new(1, server, Some(next[0]), b"") },
            Packet::new(0, next[0], Some(next[1]), b""),
        ];
        for (from, bytes) in &self.sends {
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let len = (1 + random.below(self.longest)).min(rest.len());
                let (piece, more) = rest.split_at(len);
                packets.push(Packet::new(*from, next[*from], Some(next[1 - from]), piece));
                next[*from] = next[*from].wrapping_add(len as u32);
                if !random.once_in(3) {
                    packets.push(Packet::new(1 - from, next[1 - from], Some(next[*from]), b""));
                }
                rest = more;
            }
        }
        packets.push(Packet { fin: true, ..Packet::new(1, next[1], Some(next[0]), b"") });
        next[1] = next[1].wrapping_add(1);
        packets.push(Packet { fin: true, ..Packet::new(0, next[0], Some(next[1]), b"") });
        packets.push(Packet::new(1, next[1], Some(next[0].wrapping_add(1)), b""));
        let mut time = 0;
        for packet in &mut packets {
            time += 1 + random.below(3 * MS as usize) as i64;
            packet.time = time;
        }
        packets
    }

    /// What is told is what was sent.
    fn is_told(&self, told: &Told) -> Result<(), TestCaseError> {
        prop_assert_eq!(told.connections, 1);
        let requests = told.of(true);
        for (request, sent) in [(true, &self.requests), (false, &self.responses)] {
            let messages = told.of(request);
            prop_assert_eq!(messages.len(), sent.len(), "request: {}, {:#?}", request, messages);
            for (message, sent) in messages.into_iter().zip(sent) {
                prop_assert_eq!(show(&message.head), show(&sent.head));
                prop_assert_eq!(show(&message.body), show(&sent.body));
                prop_assert_eq!(show(&message.trailer), show(&sent.trailer));
                prop_assert_eq!(message.integrity, "complete");
                prop_assert_eq!(message.answers, sent.answers.map(|i| requests[i].number), "{}", show(&message.head));
            }
        }
        Ok(())
    }

    /// What is told was sent, if less of it, and no response is said to answer a request that it does not.
    fn is_not_contradicted(&self, told: &Told) -> Result<(), TestCaseError> {
        for (_, message) in &told.messages {
            let sent = if message.request { &self.requests } else { &self.responses };
            let origin = sent.iter().find(|sent| is_of(message, sent));
            prop_assert!(origin.is_some(), "never sent: {:?} {}", message.integrity, show(&message.head));
            let asked = message.answers.and_then(|number| told.messages.iter().find(|(_, one)| one.number == number));
            // Responses and requests are named by what their start lines end with.
            if let (Some((_, request)), Some(i), Some(j)) = (asked, name(message), asked.and_then(|one| name(&one.1))) {
                prop_assert_eq!(i, j, "{} answers {}", show(&message.head), show(&request.head));
            }
        }
        Ok(())
    }
}

impl Conversation {
    /// One frame of so many is lost; `pause` makes the time between frames longer than the grace.
    fn survives_loss(&self, seed: u64, one_in: usize, pause: bool) -> Result<(), TestCaseError> {
        let mut random = Random(seed);
        let mut packets = self.packets(seed);
        packets.retain(|_| !random.once_in(one_in));
        if pause {
            packets.iter_mut().for_each(|packet| packet.time *= 60);
        }
        self.is_not_contradicted(&tell(&packets)).map_err(of(&packets))
    }

    fn survives_the_loss_of(&self, seed: u64, at: prop::sample::Index) -> Result<(), TestCaseError> {
        let mut packets = self.packets(seed);
        packets.remove(at.index(packets.len()));
        self.is_not_contradicted(&tell(&packets)).map_err(of(&packets))
    }
}

/// Whether the message is what is left of the one that was sent.
fn is_of(message: &Message, sent: &Sent) -> bool {
    if message.issues.contains(&"pairing_uncertain") {
        // Whether it has a body is for the request to say.
        return sent.head.starts_with(&message.head);
    }
    if message.integrity == "complete" {
        return (&message.head, &message.body, &message.trailer) == (&sent.head, &sent.body, &sent.trailer);
    }
    let mut rest = sent.body.iter();
    sent.head.starts_with(&message.head) && message.body.iter().all(|byte| rest.any(|other| other == byte))
}

/// The number in the start line, where that is whole.
fn name(message: &Message) -> Option<String> {
    let head = show(&message.head);
    let line = head.split_once("\r\n")?.0;
    let word = if message.request { line.split(' ').nth(1)?.strip_prefix('/')? } else { line.split(' ').nth(3)? };
    Some(word.to_owned())
}

fn show(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The frames as two taps, or a busy host, may have captured them: each up to 40 ms late. Those with SYN are not: one
/// with another sequence number than the connection began with begins a new one, for Wireshark too.
fn disordered(packets: &[Packet], random: &mut Random, keep_times: bool) -> Vec<Packet> {
    let mut delay = |packet: &Packet| if packet.syn { 0 } else { random.below(40 * MS as usize) as i64 };
    let mut late: Vec<(i64, Packet)> =
        packets.iter().map(|packet| (packet.time + delay(packet), packet.clone())).collect();
    late.sort_by_key(|(time, _)| *time);
    for (time, packet) in &mut late {
        if !keep_times {
            packet.time = *time;
        }
    }
    late.into_iter().map(|(_, packet)| packet).collect()
}

/// The failure, with the frames that it is about.
fn of(packets: &[Packet]) -> impl Fn(TestCaseError) -> TestCaseError {
    move |error| match error {
        TestCaseError::Fail(reason) => TestCaseError::fail(format!("{reason}\n{packets:#?}")),
        other => other,
    }
}

/// Adds copies of bytes that were sent before: of segments, of parts, and of parts of two.
fn with_copies(packets: &[Packet], random: &mut Random) -> (Vec<Packet>, u64) {
    let (mut all, mut copied) = (Vec::new(), 0);
    let mut sent: [Vec<u8>; 2] = Default::default();
    let mut begins: [Option<u32>; 2] = [None; 2];
    for packet in packets {
        all.push(packet.clone());
        let from = packet.from;
        if packet.syn || packet.fin {
            continue;
        }
        let begin = *begins[from].get_or_insert(packet.seq);
        sent[from].extend(&packet.payload);
        if random.once_in(4) && !sent[from].is_empty() {
            let at = random.below(sent[from].len());
            let len = (1 + random.below(2000)).min(sent[from].len() - at);
            let seq = begin.wrapping_add(at as u32);
            all.push(Packet { payload: sent[from][at..at + len].to_vec(), seq, ..packet.clone() });
            copied += len as u64;
        }
    }
    (all, copied)
}

proptest! {
    #![proptest_config(common::cases(150))]

    #[test]
    fn any_segmentation_gives_the_same_messages(conversation in conversation(true), seed: u64) {
        let packets = conversation.packets(seed);
        let told = tell(&packets);
        conversation.is_told(&told).map_err(of(&packets))?;
        prop_assert_eq!(told.ledger.get(Class::Message), told.ledger.captured);
    }

    #[test]
    fn any_order_within_the_grace_gives_the_same_messages(conversation in conversation(true), seed: u64, keep_times: bool) {
        let packets = disordered(&conversation.packets(seed), &mut Random(seed), keep_times);
        let told = tell(&packets);
        conversation.is_told(&told).map_err(of(&packets))?;
        prop_assert_eq!(told.ledger.get(Class::Message), told.ledger.captured);
    }

    #[test]
    fn copies_of_equal_bytes_change_no_message(conversation in conversation(true), seed: u64) {
        let (packets, copied) = with_copies(&conversation.packets(seed), &mut Random(seed));
        let told = tell(&packets);
        conversation.is_told(&told).map_err(of(&packets))?;
        prop_assert_eq!(told.ledger.get(Class::Duplicate), copied);
    }

    #[test]
    fn frames_captured_twice_in_any_order_change_no_message(conversation in conversation(true), seed: u64) {
        let packets = conversation.packets(seed);
        let twice: Vec<Packet> = packets.iter().flat_map(|packet| [packet.clone(), packet.clone()]).collect();
        let twice = disordered(&twice, &mut Random(seed), false);
        let told = tell(&twice);
        conversation.is_told(&told).map_err(of(&twice))?;
        prop_assert_eq!(told.ledger.get(Class::Duplicate) * 2, told.ledger.captured);
    }

    #[test]
    fn what_is_lost_is_never_made_up(conversation in conversation(false), seed: u64, one_in in 2..30usize, pause: bool) {
        conversation.survives_loss(seed, one_in, pause)?;
    }

    #[test]
    fn one_lost_frame_makes_nothing_up(conversation in conversation(false), seed: u64, at: prop::sample::Index) {
        conversation.survives_the_loss_of(seed, at)?;
    }

    #[test]
    fn what_is_lost_of_a_pipeline_is_never_made_up(
        conversation in conversation(true),
        seed: u64,
        one_in in 2..30usize,
        pause: bool,
    ) {
        conversation.survives_loss(seed, one_in, pause)?;
    }

    #[test]
    fn one_lost_frame_of_a_pipeline_makes_nothing_up(conversation in conversation(true), seed: u64, at: prop::sample::Index) {
        conversation.survives_the_loss_of(seed, at)?;
    }

    // Whether a request before the beginning is still open, nothing tells: none is sent ahead here.
    #[test]
    fn a_capture_may_begin_anywhere(conversation in conversation(false), seed: u64, at: prop::sample::Index) {
        let packets = conversation.packets(seed);
        let at = at.index(packets.len());
        let told = tell(&packets[at..]);
        conversation.is_not_contradicted(&told).map_err(of(&packets[at..]))?;
        if at <= 3 {
            conversation.is_told(&told).map_err(of(&packets[at..]))?;
        }
    }

    #[test]
    fn every_byte_is_explained_whatever_is_lost(conversation in conversation(true), seed: u64, one_in in 1..30usize) {
        let mut random = Random(seed);
        let (mut packets, _) = with_copies(&conversation.packets(seed), &mut random);
        packets.retain(|_| !random.once_in(one_in));
        let told = tell(&disordered(&packets, &mut random, true));
        prop_assert_eq!(told.ledger.captured, packets.iter().map(|packet| packet.payload.len() as u64).sum::<u64>());
    }

    #[test]
    fn a_capture_may_end_anywhere(conversation in conversation(true), seed: u64, at: prop::sample::Index) {
        let packets = &conversation.packets(seed);
        let packets = &packets[..at.index(packets.len())];
        conversation.is_not_contradicted(&tell(packets)).map_err(of(packets))?;
    }
}
