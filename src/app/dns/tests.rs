//! Messages made by another implementation, and what of them is told.

use std::time::Instant;

use proptest::prelude::*;
use simple_dns::rdata::{A, CNAME, MX, NS, RData, SOA, TXT};
use simple_dns::{CLASS, Name, Packet, QCLASS, RCODE, ResourceRecord, TYPE};

use super::*;

fn query(name: &str, kind: TYPE) -> Packet<'_> {
    let mut packet = Packet::new_query(7);
    let name = Name::new_unchecked(name);
    packet.questions.push(simple_dns::Question::new(name, kind.into(), QCLASS::CLASS(CLASS::IN), false));
    packet
}

fn record<'a>(name: &'a str, data: RData<'a>) -> ResourceRecord<'a> {
    ResourceRecord::new(Name::new_unchecked(name), CLASS::IN, 60, data)
}

fn response<'a>(name: &'a str, data: Vec<RData<'a>>) -> Packet<'a> {
    let kind = data.last().map_or(TYPE::A, RData::type_code);
    let mut packet = query(name, kind).into_reply();
    packet.answers = data.into_iter().map(|data| record(name, data)).collect();
    packet
}

fn bytes(packet: &Packet<'_>) -> Vec<u8> {
    packet.build_bytes_vec_compressed().unwrap()
}

fn read(wire: &[u8]) -> Dns {
    parse(wire, Variant::Dns).unwrap()
}

fn shown(packet: &Packet<'_>) -> String {
    let dns = read(&bytes(packet));
    assert!(!dns.is_malformed);
    dns.to_string()
}

fn a(last: u8) -> RData<'static> {
    RData::A(A { address: u32::from_be_bytes([192, 0, 2, last]) })
}

#[test]
fn messages_are_shown_in_a_line() {
    assert_eq!(shown(&query("www.example.com", TYPE::A)), "A? www.example.com");
    assert_eq!(shown(&query("", TYPE::NS)), "NS? <Root>");
    let alias = RData::CNAME(CNAME(Name::new_unchecked("x.example.com")));
    assert_eq!(shown(&response("www.example.com", vec![alias, a(1), a(2)])), "A www.example.com → 192.0.2.1 (2 more)");
    let mx = RData::MX(MX { preference: 10, exchange: Name::new_unchecked("mx.example.com") });
    assert_eq!(shown(&response("example.com", vec![mx])), "MX example.com → 10 mx.example.com");
    assert_eq!(shown(&response("example.com", vec![])), "A example.com → no answer");
    let mut none = response("example.com", vec![]);
    *none.rcode_mut() = RCODE::NameError;
    assert_eq!(shown(&none), "A example.com → NXDOMAIN");
    let txt = TXT::new().with_string("v=a\"b\u{1b}").unwrap().with_string("c").unwrap();
    assert_eq!(shown(&response("example.com", vec![RData::TXT(txt)])), "TXT example.com → \"v=a\"b\\033\" \"c\"");
}

#[test]
fn a_response_without_an_answer_may_name_who_knows() {
    let mut referral = response("www.example.com", vec![]);
    referral.name_servers.push(record("example.com", RData::NS(NS(Name::new_unchecked("ns.example.com")))));
    assert_eq!(shown(&referral), "A www.example.com → referral to ns.example.com");
    let names = ["ns.example.com", "root.example.com"].map(Name::new_unchecked);
    let [mname, rname] = names;
    let soa = SOA { mname, rname, serial: 1, refresh: 2, retry: 3, expire: 4, minimum: 5 };
    referral.name_servers.push(record("example.com", RData::SOA(soa)));
    assert_eq!(shown(&referral), "A www.example.com → no answer");
}

#[test]
fn addresses_are_those_of_the_answers() {
    let mut packet = response("example.com", vec![a(1), a(2)]);
    packet.additional_records.push(record("ns.example.com", a(3)));
    assert_eq!(read(&bytes(&packet)).addresses(), ["192.0.2.1", "192.0.2.2"].map(|one| one.parse::<IpAddr>().unwrap()));
}

#[test]
fn what_cannot_be_read_does_not_hide_what_can() {
    let wire = bytes(&query("example.com", TYPE::A));
    for len in 0..wire.len() {
        let dns = parse(&wire[..len], Variant::Dns);
        assert_eq!(dns.is_some(), len >= HEADER_LEN);
        assert!(dns.is_none_or(|dns| dns.is_malformed && dns.questions.is_empty() && dns.counts[0] == 1));
    }
    let wire = bytes(&response("example.com", (1..=20).map(a).collect()));
    let record = 16;
    for answers in 0..=20 {
        let dns = read(&wire[..wire.len() - record * (20 - answers)]);
        assert_eq!((dns.records.len(), dns.counts[1], dns.is_malformed), (answers, 20, answers < 20));
    }
    let mut odd = wire.clone();
    let length = odd.len() - 5;
    odd[length] = 3;
    assert!(read(&odd).is_malformed, "an address of three bytes");
}

#[test]
fn time_and_memory_are_bounded() {
    let started = Instant::now();
    let mut lie = bytes(&query("example.com", TYPE::A));
    lie[4..12].fill(0xff);
    assert!(read(&lie).is_malformed);
    // Pointers that each point to the one before, and records whose names begin at the last of them.
    let mut chain = vec![0, 7, 0x80, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0];
    chain.extend_from_slice(b"\0\0\x0a\0\x01\0\0\0\0\x40\0\0");
    for at in 0..8000u16 {
        chain.extend_from_slice(&(0xc000 | if at == 0 { 12 } else { 22 + 2 * at }).to_be_bytes());
    }
    for _ in 0..5000 {
        chain.extend_from_slice(&[0xfe, 0x98, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0]);
    }
    for _ in 0..20 {
        let dns = read(&chain);
        assert!(dns.records.len() <= chain.len() / 11);
        let _ = dns.to_string();
    }
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

#[test]
fn dns_is_known_by_what_it_says() {
    use crate::app::protocol::Guess;
    let prefixed = |wire: &[u8]| [&(wire.len() as u16).to_be_bytes()[..], wire].concat();
    let packets = [query("example.com", TYPE::A), query("", TYPE::NS), response("www.example.com", vec![a(1), a(2)])];
    for packet in packets {
        let wire = bytes(&packet);
        assert!(plausible::whole(&wire).is_some());
        assert!(plausible::whole(&wire[..wire.len() - 1]).is_none());
        assert!(plausible::whole(&[&wire[..], &[0]].concat()).is_none());
        let stream = prefixed(&wire);
        assert!(may_begin(stream[0]));
        let mut told = false;
        for len in 1..=stream.len() {
            let guess = guess(&stream[..len]);
            assert!(guess == Guess::Yes || guess == Guess::Maybe && !told, "{len} bytes: {guess:?}");
            told |= guess == Guess::Yes;
        }
        assert!(told && guess(&stream[..stream.len().min(24)]) == Guess::Yes);
    }
    for other in [
        &b"\0\x20abcdefghijklmnopqrstuvwxyz0123456789"[..],
        b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\0",
        &[0; 40],
    ] {
        assert_eq!(guess(other), Guess::No);
    }
}

proptest! {
    #[test]
    fn any_bytes_do_no_harm(
        bytes: Vec<u8>,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
    ) {
        let _ = parse(&bytes, Variant::Mdns).map(|dns| dns.to_string());
        let mut wire = super::tests::bytes(&response("www.example.com", vec![a(1), a(2)]));
        for (at, value) in damage {
            let at = at.index(wire.len());
            wire[at] = value;
        }
        let _ = guess(&wire);
        let shown = parse(&wire, Variant::Dns).map(|dns| dns.to_string()).unwrap_or_default();
        prop_assert!(!shown.chars().any(char::is_control));
    }
}
