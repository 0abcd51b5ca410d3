//! DNS over TCP, cut into segments anywhere, with and without losses; and questions over UDP that nobody answers.

mod common;

use common::wire::{MS, Packet, Random, frame};
use common::{dissect, path, run};
use dissect::app::ledger::Class;
use dissect::app::message::Unit;
use dissect::engine::{Engine, Options};
use dissect::event::{Event, Sink};
use simple_dns::rdata::{RData, TXT};
use simple_dns::{CLASS, Name, QCLASS, Question, ResourceRecord, TYPE};

const NAMES: [&str; 3] = ["www.example.test", "a.example.test", "long.name.of.a.host.example.test"];

/// A message after its length.
fn message(at: usize, text: Option<&str>) -> Vec<u8> {
    let name = Name::new_unchecked(NAMES[at]);
    let mut packet = simple_dns::Packet::new_query(7 + at as u16);
    packet.questions.push(Question::new(name.clone(), TYPE::TXT.into(), QCLASS::CLASS(CLASS::IN), false));
    if let Some(text) = text {
        packet = packet.into_reply();
        let text = RData::TXT(TXT::new().with_string(text).unwrap());
        packet.answers.push(ResourceRecord::new(name, CLASS::IN, 60, text));
    }
    let wire = packet.build_bytes_vec_compressed().unwrap();
    [&(wire.len() as u16).to_be_bytes()[..], &wire].concat()
}

/// What is told of a message: number, summary, what it answers, integrity.
type Told = (u32, String, Option<u32>, &'static str);

#[derive(Default)]
struct Taken(Vec<Told>);

impl Sink for Taken {
    fn event(&mut self, event: Event<'_>) {
        if let Event::Message(told) = event {
            let Unit::Dns(dns) = &told.message.unit else { panic!("{:?} is no DNS", told.message) };
            let integrity = told.message.integrity.name();
            self.0.push((told.message.number, dns.to_string(), told.message.answers, integrity));
        }
    }
}

/// A handshake, and the streams of both sides in random segments, those of the server after those of the client.
fn packets(streams: &[Vec<u8>; 2], random: &mut Random, longest: usize) -> Vec<Packet> {
    let mut next = [1001, 5001];
    let mut packets = vec![
        Packet { syn: true, ..Packet::new(0, 1000, None, b"") },
        Packet { syn: true, ..Packet::new(1, 5000, Some(1001), b"") },
    ];
    for from in 0..2 {
        let mut rest = &streams[from][..];
        while !rest.is_empty() {
            let (segment, after) = rest.split_at(rest.len().min(1 + random.below(longest)));
            packets.push(Packet::new(from, next[from], Some(next[1 - from]), segment));
            next[from] += segment.len() as u32;
            rest = after;
        }
    }
    for (at, packet) in packets.iter_mut().enumerate() {
        packet.time = MS * at as i64;
    }
    packets
}

fn tell(packets: &[Packet]) -> (Vec<Told>, dissect::app::ledger::Ledger) {
    let (mut engine, mut taken) = (Engine::new(Options::default()), Taken::default());
    for (number, packet) in (1..).zip(packets) {
        engine.push(frame(number, packet.time, &packet.bytes()), &mut taken);
    }
    engine.finish(&mut taken);
    let ledger = engine.totals().ledger;
    assert_eq!(ledger.unexplained(), 0, "{ledger:?}");
    taken.0.sort();
    (taken.0, ledger)
}

fn streams() -> [Vec<u8>; 2] {
    let texts = ["x", "yy", &"z".repeat(200)];
    let all = |answer: bool| (0..3).flat_map(|at| message(at, answer.then_some(texts[at]))).collect();
    [all(false), all(true)]
}

#[test]
fn messages_are_the_same_however_the_streams_are_cut() {
    let streams = streams();
    let total = streams.concat().len() as u64;
    let mut random = Random(6);
    let whole = tell(&packets(&streams, &mut random, usize::MAX)).0;
    let shown: Vec<(&str, Option<u32>)> = whole.iter().map(|told| (&told.1[..14], told.2)).collect();
    assert_eq!(
        shown[..4],
        [("TXT? www.examp", None), ("TXT? a.example", None), ("TXT? long.name", None), ("TXT www.exampl", Some(1))]
    );
    for round in 0..300 {
        let cut = packets(&streams, &mut random, 1 + round % 60);
        let (told, ledger) = tell(&cut);
        assert_eq!(told, whole, "{cut:?}");
        assert_eq!(ledger.get(Class::Message), total);
    }
}

#[test]
fn what_is_lost_of_a_message_does_not_hide_the_others() {
    let streams = streams();
    let whole = tell(&packets(&streams, &mut Random(1), usize::MAX)).0;
    let mut random = Random(7);
    let mut found = 0;
    for round in 0..300 {
        let mut cut = packets(&streams, &mut random, 20 + round % 100);
        let lost = 3 + random.below(cut.len() - 3);
        cut.remove(lost);
        let (told, _) = tell(&cut);
        for one in told.iter().filter(|told| told.3 == "complete") {
            assert!(whole.iter().any(|told| told.1 == one.1), "{one:?} was not sent: {cut:?}");
            found += 1;
        }
    }
    assert!(found > 300 * 3, "{found}");
}

/// An answer that never comes, and one that comes after the question was repeated.
#[test]
fn unanswered_questions_are_told() {
    let told = run(dissect().args(["-T", "json", "-r"]).arg(path("fixtures/dns-again.pcap")));
    assert!(!told.records().iter().any(|record| record["type"] == "update"), "all are answered");
    let capture = std::fs::read(path("fixtures/dns-again.pcap")).unwrap();
    let questions = tempfile::NamedTempFile::new().unwrap();
    // The file's header, and the two frames of 76 bytes after headers of their own.
    std::fs::write(questions.path(), &capture[..24 + 2 * (16 + 76)]).unwrap();
    let told = run(dissect().args(["-T", "json", "-r"]).arg(questions.path()));
    let updates: Vec<_> = told.records().into_iter().filter(|record| record["type"] == "update").collect();
    assert_eq!(updates.len(), 1, "{updates:?}");
    assert_eq!((&updates[0]["udp"]["stream"], &updates[0]["message"]["number"]), (&0.into(), &1.into()));
    assert_eq!(updates[0]["message"]["issues"], serde_json::json!(["unanswered"]));
}
