//! TLS, whatever a capture did to it: random conversations, whose messages are known, through the core.

mod common;

use common::wire::{MS, Packet, Random, frame};
use dissect::app::ledger::Class;
use dissect::app::tls;
use dissect::engine::{Engine, Options};
use dissect::event::{Event, Sink};
use dissect::issue::Issue;
use dissect::tcp::reassembly::ORIGIN;
use proptest::prelude::*;

/// What is told of a message: who sent it, where it begins, how long it is, what it is, which it answers.
type Line = (usize, u64, u64, String, Option<String>);

/// What the core told.
#[derive(Default)]
struct Told {
    lines: Vec<(u32, Line, &'static str, Option<u32>)>,
    encrypted: [u64; 2],
    unexplained: i128,
    undecodable: u64,
    captured: u64,
    others: Vec<&'static str>,
    too_large: Vec<String>,
}

impl Sink for Told {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Message(event) => {
                let message = event.message;
                // What is left of a damaged stream may look like another protocol.
                let Some(tls) = tls::of(message) else {
                    self.others.push(message.unit.application().name);
                    return;
                };
                let start = message.start.wrapping_sub(ORIGIN) + 1;
                let line = (message.side, start, message.len, tls.to_string(), None);
                if message.issues.contains(Issue::HandshakeTooLarge) {
                    self.too_large.push(tls.to_string());
                }
                self.lines.push((message.number, line, message.integrity.name(), message.answers));
            }
            Event::Connection(connection) => {
                self.encrypted = connection.tls.as_ref().map_or([0; 2], |facts| facts.bytes);
            }
            _ => {}
        }
    }
}

impl Told {
    /// The messages that are whole, by side and place.
    fn whole(&self) -> Vec<Line> {
        let name = |number: u32| self.lines.iter().find(|line| line.0 == number).map(|line| line.1.3.clone());
        let whole = self.lines.iter().filter(|line| line.2 == "complete");
        let mut all: Vec<Line> = whole
            .map(|(_, line, _, answers)| {
                let mut line = line.clone();
                line.4 = answers.and_then(name);
                line
            })
            .collect();
        all.sort();
        all
    }
}

fn tell(packets: &[Packet]) -> Told {
    let mut engine = Engine::new(Options::default());
    let mut told = Told::default();
    for (number, packet) in (1..).zip(packets) {
        engine.push(frame(number, packet.time, &packet.bytes()), &mut told);
    }
    engine.finish(&mut told);
    let ledger = engine.totals().ledger;
    told.unexplained = i128::from(ledger.unexplained());
    told.undecodable = ledger.get(Class::Undecodable);
    told.captured = ledger.captured;
    told
}

/// Bytes after their length, in so many bytes.
fn vector(len: usize, bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_be_bytes()[4 - len..], bytes].concat()
}

fn record(content: u8, bytes: &[u8]) -> Vec<u8> {
    [&[content, 3, 3][..], &vector(2, bytes)].concat()
}

fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &vector(3, body)].concat()
}

fn client_hello(padding: usize) -> Vec<u8> {
    let name = vector(2, &[&[0][..], &vector(2, b"a.test")].concat());
    let extensions = [&[0, 0][..], &vector(2, &name), &[0, 21], &vector(2, &vec![0; padding])].concat();
    let body = [&[3, 3][..], &[7; 32], &[0], &vector(2, &[0xc0, 0x2f]), &[1, 0], &vector(2, &extensions)].concat();
    handshake(1, &body)
}

fn server_hello() -> Vec<u8> {
    handshake(2, &[&[3, 3][..], &[8; 32], &[0, 0xc0, 0x2f, 0]].concat())
}

/// What looks like no record, and like no hello.
fn noise(len: usize, random: &mut Random) -> Vec<u8> {
    (0..len).map(|_| random.number() as u8 | 0x20).collect()
}

#[derive(Clone, Debug)]
struct Conversation {
    /// Bytes of padding in the ClientHello, and of the Certificate.
    sizes: [usize; 2],
    /// How many bytes of a handshake message a record has at most.
    fragment: usize,
    /// Records that each side sends in its turn, and their sizes.
    turns: Vec<Vec<usize>>,
    longest: usize,
    seed: u64,
}

fn conversation() -> impl Strategy<Value = Conversation> {
    let fragment = prop_oneof![1 => 1..20usize, 1 => 20..500usize, 2 => Just(16384usize)];
    let turns = proptest::collection::vec(proptest::collection::vec(17..3000usize, 1..5), 0..6);
    let longest = prop_oneof![1 => Just(1), 1 => 2..40usize, 2 => 40..600usize, 4 => 600..3000usize];
    ([0..400usize, 3..5000usize], fragment, turns, longest, any::<u64>())
        .prop_map(|(sizes, fragment, turns, longest, seed)| Conversation { sizes, fragment, turns, longest, seed })
}

impl Conversation {
    /// Who sends what, in turns, and the messages in it.
    fn sends(&self) -> (Vec<(usize, Vec<u8>)>, Vec<Line>) {
        let mut random = Random(self.seed);
        let mut sends: Vec<(usize, Vec<u8>)> = Vec::new();
        let mut lines = Vec::new();
        let mut sent = [1u64; 2];
        let mut send = |from: usize, messages: &[(Vec<u8>, &str)], answers: Option<&str>| {
            let mut flight = Vec::new();
            for (i, (bytes, what)) in messages.iter().enumerate() {
                let answers = answers.filter(|_| i == 0).map(str::to_owned);
                lines.push((from, sent[from], bytes.len() as u64, (*what).to_owned(), answers));
                sent[from] += bytes.len() as u64;
                flight.extend_from_slice(bytes);
            }
            sends.push((from, flight));
        };
        let fragments =
            |message: &[u8]| message.chunks(self.fragment).flat_map(|part| record(22, part)).collect::<Vec<u8>>();
        let certificate = handshake(11, &vector(3, &vector(3, &noise(self.sizes[1], &mut random))));
        let done = handshake(14, &[]);
        send(0, &[(fragments(&client_hello(self.sizes[0])), "ClientHello a.test")], None);
        let hello = "ServerHello TLS 1.2 TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";
        if self.fragment > 10_000 {
            // All in one record, whose header the first has.
            let all = record(22, &[server_hello(), certificate, done].concat());
            let first = 5 + server_hello().len();
            let parts = [&all[..first], &all[first..all.len() - 4], &all[all.len() - 4..]].map(<[u8]>::to_vec);
            let names = [hello, "Certificate", "ServerHelloDone"];
            send(1, &parts.into_iter().zip(names).collect::<Vec<_>>(), Some("ClientHello a.test"));
        } else {
            let parts = [
                (fragments(&server_hello()), hello),
                (fragments(&certificate), "Certificate"),
                (fragments(&done), "ServerHelloDone"),
            ];
            send(1, &parts, Some("ClientHello a.test"));
        }
        let ends =
            [(record(20, &[1]), "ChangeCipherSpec"), (record(22, &noise(40, &mut random)), "Finished (encrypted)")];
        let keys = [(fragments(&handshake(16, &noise(33, &mut random))), "ClientKeyExchange")];
        send(0, &[&keys[..], &ends].concat(), None);
        send(1, &ends, None);
        for (i, records) in self.turns.iter().enumerate() {
            let bytes = records.iter().flat_map(|len| record(23, &noise(*len, &mut random))).collect::<Vec<u8>>();
            let total: usize = records.iter().sum();
            let plural = if records.len() == 1 { "record" } else { "records" };
            let what = format!("Encrypted data {} {plural} {total} bytes", records.len());
            send(i % 2, &[(bytes, &what)], None);
        }
        let alert = [(record(21, &noise(26, &mut random)), "Encrypted alert")];
        send(0, &alert, None);
        send(1, &alert, None);
        lines.sort();
        (sends, lines)
    }

    fn packets(&self) -> Vec<Packet> {
        let mut random = Random(self.seed);
        let isns = [random.number() as u32, random.number() as u32];
        let mut next = isns.map(|isn| isn.wrapping_add(1));
        let mut packets = vec![
            Packet { syn: true, ..Packet::new(0, isns[0], None, b"") },
            Packet { syn: true, ..Packet::new(1, isns[1], Some(next[0]), b"") },
            Packet::new(0, next[0], Some(next[1]), b""),
        ];
        for (from, bytes) in self.sends().0 {
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let (piece, more) = rest.split_at((1 + random.below(self.longest)).min(rest.len()));
                packets.push(Packet::new(from, next[from], Some(next[1 - from]), piece));
                next[from] = next[from].wrapping_add(piece.len() as u32);
                rest = more;
            }
        }
        packets.push(Packet { fin: true, ..Packet::new(1, next[1], Some(next[0]), b"") });
        packets.push(Packet { fin: true, ..Packet::new(0, next[0], Some(next[1].wrapping_add(1)), b"") });
        let mut time = 0;
        for packet in &mut packets {
            time += 1 + random.below(3 * MS as usize) as i64;
            packet.time = time;
        }
        packets
    }

    /// The frames as a busy host may have captured them: each up to 40 ms late.
    fn disordered(&self) -> Vec<Packet> {
        let mut random = Random(!self.seed);
        let mut packets = self.packets();
        for packet in &mut packets {
            packet.time += if packet.syn { 0 } else { random.below(40 * MS as usize) as i64 };
        }
        packets.sort_by_key(|packet| packet.time);
        packets
    }
}

proptest! {
    #![proptest_config(common::cases(40))]

    #[test]
    fn any_segmentation_and_any_order_gives_the_same_messages(conversation in conversation()) {
        let (_, lines) = conversation.sends();
        for packets in [conversation.packets(), conversation.disordered()] {
            let told = tell(&packets);
            prop_assert_eq!(&told.whole(), &lines);
            prop_assert!(told.others.is_empty(), "{:?}", told.others);
            prop_assert_eq!((told.unexplained, told.undecodable), (0, 0));
            let bytes = |side: usize| -> usize { conversation.turns.iter().skip(side).step_by(2).flatten().sum() };
            prop_assert_eq!(told.encrypted, [bytes(0) as u64, bytes(1) as u64]);
        }
    }

    #[test]
    fn what_is_lost_is_never_made_up(conversation in conversation(), one_in in 2..40usize) {
        let (_, lines) = conversation.sends();
        let mut random = Random(conversation.seed);
        let mut packets = conversation.packets();
        // The gap is known once the grace is over.
        packets.iter_mut().for_each(|packet| packet.time *= 60);
        packets.retain(|packet| packet.syn || !random.once_in(one_in));
        let told = tell(&packets);
        prop_assert_eq!(told.unexplained, 0);
        // Where a message is in many records, bytes after a loss may be taken for the first of one.
        for (side, start, len, what, _) in told.whole().into_iter().filter(|_| conversation.fragment > 10_000) {
            let sent = lines.iter().find(|line| (line.0, line.1) == (side, start));
            let same = |line: &&Line| (line.2, &line.3) == (len, &what);
            // Runs end and begin where the loss was, and beside it.
            prop_assert!(what.starts_with("Encrypted data") || sent.is_some_and(|line| same(&line)), "{} at {}", what, start);
        }
    }

    #[test]
    fn a_capture_may_begin_and_end_anywhere(conversation in conversation(), from: prop::sample::Index, to: prop::sample::Index) {
        let packets = conversation.packets();
        let (from, to) = (from.index(packets.len()), to.index(packets.len()));
        let packets = &packets[from.min(to)..from.max(to)];
        let told = tell(packets);
        prop_assert_eq!(told.unexplained, 0);
        prop_assert_eq!(told.captured, packets.iter().map(|packet| packet.payload.len() as u64).sum::<u64>());
    }

    #[test]
    fn any_bytes_do_no_harm(conversation in conversation(), damage in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 1..30)) {
        let mut packets = conversation.packets();
        for (packet, at, byte) in damage {
            let payload = &mut packets[packet.index(conversation.turns.len() + 3)].payload;
            if !payload.is_empty() {
                let at = at.index(payload.len());
                payload[at] = byte;
            }
        }
        prop_assert_eq!(tell(&packets).unexplained, 0);
    }
}

/// A lost segment within a record leaves the records after it readable, and the run one run.
#[test]
fn a_hole_within_a_record_is_absorbed() {
    let conversation =
        Conversation { sizes: [0, 100], fragment: 16384, turns: vec![vec![2000, 2000]], longest: 1, seed: 3 };
    let mut packets = conversation.packets();
    let (_, lines) = conversation.sends();
    let run = lines.iter().find(|line| line.3.starts_with("Encrypted data")).unwrap();
    let within = |packet: &Packet| packet.from == 0 && !packet.payload.is_empty();
    let first = packets.iter().position(within).unwrap();
    let isn = packets[first].seq;
    packets.iter_mut().for_each(|packet| packet.time *= 60);
    packets.retain(|packet| {
        let offset = u64::from(packet.seq.wrapping_sub(isn)) + 1;
        !(within(packet) && (run.1 + 100..run.1 + 900).contains(&offset))
    });
    let told = tell(&packets);
    let whole = told.whole();
    assert_eq!(whole.len() + 1, lines.len(), "{whole:#?}");
    let (_, line, integrity, _) = told.lines.iter().find(|line| line.2 != "complete").unwrap();
    assert_eq!((line.1, line.2, *integrity), (run.1, run.2, "gap"));
    assert_eq!(line.3, "Encrypted data 2 records 3200 bytes");
}

/// What a handshake message says beyond the bytes that are kept is not told: that is.
#[test]
fn a_handshake_message_beyond_the_bound_is_flagged() {
    let conversation = |len| Conversation { sizes: [0, len], fragment: 5000, turns: vec![], longest: 1460, seed: 7 };
    for (len, too_large) in [(60 << 10, &[][..]), (70 << 10, &["Certificate".to_owned()])] {
        let conversation = conversation(len);
        let told = tell(&conversation.packets());
        assert_eq!(told.whole(), conversation.sends().1);
        assert_eq!(told.too_large, too_large);
    }
}

/// A record without a byte is one message, however its header was cut.
#[test]
fn an_empty_record_has_all_of_its_header() {
    let bytes = [record(22, &client_hello(0)), record(22, &[]), record(21, &[1, 0])].concat();
    for longest in [1, 3, 1000] {
        let mut packets = vec![Packet { syn: true, ..Packet::new(0, 0, None, b"") }];
        for (i, piece) in bytes.chunks(longest).enumerate() {
            packets.push(Packet::new(0, 1 + (i * longest) as u32, Some(1), piece));
        }
        let told = tell(&packets);
        let lens: Vec<u64> = told.lines.iter().map(|line| line.1.2).collect();
        assert_eq!(lens, [bytes.len() as u64 - 12, 5, 7], "{longest}: {:?}", told.lines);
        assert_eq!(told.undecodable, 0);
    }
}
