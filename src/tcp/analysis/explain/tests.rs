//! Each flag's sentence, on hand-made segments: its numbers are those that the rule compared.

use super::super::talk::{Step, Talk};
use super::*;
use crate::tcp::Options;
use crate::tcp::fields::{Analysed, FIELDS};
use Control as C;

const A: u16 = C::ACK;

impl Talk {
    fn why(&mut self, step: Step) -> Explanation {
        self.why_with(step, Options::default())
    }

    fn why_with(&mut self, step: Step, options: Options) -> Explanation {
        let segment = self.segment(step, &options);
        let (verdict, why) = self.analysis.explain(step.0, &segment);
        let mut told: Vec<Issue> = why.flags.iter().map(|reason| reason.flag).collect();
        told.sort_unstable();
        assert_eq!(told, verdict.flags.analysis().collect::<Vec<_>>(), "each flag has its reason, and no other");
        for (name, _) in &why.fields {
            let field = FIELDS.iter().find(|field| field.name == *name).expect(name);
            let mut there = false;
            (field.get)(&Analysed { stream: 0, verdict, options: &[] }, &mut |_| there = true);
            assert!(there, "{name}");
        }
        why
    }

    /// The rule of the flag that the segment has.
    fn rule(&mut self, flag: Issue, step: Step) -> String {
        reason(&self.why(step), flag).rule
    }
}

#[track_caller]
fn reason(why: &Explanation, flag: Issue) -> Reason {
    why.flags.iter().find(|reason| reason.flag == flag).unwrap_or_else(|| panic!("no {flag}: {why:?}")).clone()
}

#[test]
fn what_is_late() {
    let mut talk = Talk::open();
    talk.why((0, 1001, 5001, A, 500, 100));
    let lost = talk.rule(Issue::LostSegment, (0, 1201, 5001, A, 500, 200));
    assert_eq!(lost, "seq 201 > next expected 101: 100 bytes before it not captured");
    let late = talk.wait(100).why((0, 1101, 5001, A, 500, 50));
    let late = reason(&late, Issue::OutOfOrder);
    let rule = "seq 101 < next expected 401; 0.1 ms after it, less than the initial RTT of 10 ms; its end 151 ≠ 401";
    assert_eq!((late.rule.as_str(), late.newer), (rule, None));
    let again = reason(&talk.wait(11_000).why((0, 1101, 5001, A, 500, 50)), Issue::Retransmission);
    assert_eq!(again.rule, "seq 101 < next expected 401; 11.1 ms after it, not less than the initial RTT of 10 ms");
    let newer = "the same, but its original is frame 5, 11.1 ms before (tcp.analysis.rto)";
    assert_eq!(again.newer.as_deref(), Some(newer));
}

#[test]
fn what_is_inside_a_segment_seen_before_is_a_copy_in_4_4() {
    let mut talk = Talk::open();
    talk.why((0, 1001, 5001, A, 500, 100));
    talk.why((0, 1101, 5001, A, 500, 100));
    let late = reason(&talk.why((0, 1001, 5001, A, 500, 50)), Issue::OutOfOrder);
    assert_eq!(late.newer.as_deref(), Some("retransmission: its bytes are inside frame 4, not acknowledged yet"));
}

#[test]
fn where_no_data_told_the_next_number_4_4_has_it_out_of_order() {
    let mut talk = Talk::open();
    let lost = talk.rule(Issue::LostSegment, (0, 1101, 5001, A, 500, 0));
    assert_eq!(lost, "seq 101 > next expected 1: 100 bytes before it not captured");
    let late = reason(&talk.wait(1_000).why((0, 1001, 5001, A, 500, 100)), Issue::Retransmission);
    assert_eq!(late.rule, "seq 1 < next expected 101; not out of order, as it ends at 101 too");
    let newer = "out_of_order: an ACK without data told the next expected 101, 1 ms after it";
    assert_eq!(late.newer.as_deref(), Some(newer));
}

#[test]
fn without_initial_round_trip_and_with_a_clock_that_goes_back() {
    let mut talk = Talk::mid_stream();
    talk.why((0, 1201, 5001, A, 500, 200));
    let late = talk.wait(1_000).rule(Issue::OutOfOrder, (0, 1101, 5001, A, 500, 100));
    assert!(late.contains("1 ms after it, less than 3 ms (the initial RTT is not known)"), "{late}");
    let again = talk.wait(-2_000).rule(Issue::Retransmission, (0, 1101, 5001, A, 500, 100));
    assert!(again.contains("by its time captured before it, not less than 3 ms"), "{again}");
}

#[test]
fn copies_that_are_asked_for_or_not_needed() {
    let mut talk = Talk::open();
    talk.why((1, 5001, 1001, A, 500, 100));
    talk.why((0, 1001, 5101, A, 500, 0));
    talk.why((1, 5201, 1001, A, 500, 100));
    let first = talk.rule(Issue::DuplicateAck, (0, 1001, 5101, A, 500, 0));
    assert_eq!(
        first,
        "no payload; seq 1 = next expected 1; ack 101 = last ack 101; window 500 as last time; number 1 of the copies \
         of frame 5"
    );
    talk.why((0, 1001, 5101, A, 500, 0));
    let why = talk.wait(500).why((1, 5101, 1001, A, 500, 100));
    assert_eq!(
        reason(&why, Issue::FastRetransmission).rule,
        "seq 101 < next expected 301; seq 101 = the peer's last ack, which came with 2 duplicates, at least 2; 0.5 ms \
         after it, less than 20 ms"
    );
    assert_eq!(reason(&why, Issue::Retransmission).rule, "as every fast_retransmission");
    talk.why((0, 1001, 5301, A, 500, 0));
    let why = talk.why((1, 5101, 1001, A, 500, 100));
    let rule = "seq 101 + len 100 = 201 ≤ 301, which the peer acknowledged already";
    assert_eq!(reason(&why, Issue::SpuriousRetransmission).rule, rule);
}

#[test]
fn selective_acknowledgments_ask_for_copies_in_4_4() {
    let mut talk = Talk::open();
    // The block 5301-5400, in a SACK option.
    let sack = Options::parse(&[5, 10, 0, 0, 0x14, 0xb5, 0, 0, 0x15, 0x19]);
    for at in [5001, 5101, 5201, 5301] {
        talk.why((1, at, 1001, A, 500, 100));
    }
    talk.why((0, 1001, 5101, A, 500, 0));
    talk.why_with((0, 1001, 5101, A, 500, 0), sack);
    talk.why_with((0, 1001, 5101, A, 500, 0), sack);
    let again = reason(&talk.wait(1_000).why((1, 5201, 1001, A, 500, 100)), Issue::OutOfOrder);
    let newer = "fast_retransmission: 1 ms after 2 duplicate ACKs with SACK blocks that lack it, less than 20 ms";
    assert_eq!(again.newer.as_deref(), Some(newer));
}

#[test]
fn keep_alives() {
    let mut talk = Talk::open();
    let probe = talk.rule(Issue::KeepAlive, (0, 1000, 5001, A, 500, 1));
    assert_eq!(probe, "1 byte at seq 0 = next expected 1 − 1; no SYN, FIN or RST");
    let answer = talk.rule(Issue::KeepAliveAck, (1, 5001, 1001, A, 500, 0));
    assert!(answer.ends_with("ack 1 = last ack 1; window 500 as last time; the peer's last segment is a keep_alive"));
}

#[test]
fn windows() {
    let mut talk = Talk::open();
    let full = talk.rule(Issue::WindowFull, (0, 1001, 5001, A, 500, 500));
    assert_eq!(full, "seq 1 + len 500 = 501 = the peer's last ack 1 + its window 500");
    assert_eq!(talk.rule(Issue::ZeroWindow, (1, 5001, 1501, A, 0, 0)), "window 0; no SYN, FIN or RST");
    let probe = talk.rule(Issue::ZeroWindowProbe, (0, 1501, 5001, A, 500, 1));
    assert_eq!(probe, "1 byte at seq 501 = next expected 501; the peer's last window is 0");
    let answer = talk.rule(Issue::ZeroWindowProbeAck, (1, 5001, 1501, A, 0, 0));
    assert!(answer.ends_with("window 0 as last time; the peer's last segment is a zero_window_probe"), "{answer}");
    let update = talk.rule(Issue::WindowUpdate, (1, 5001, 1501, A, 600, 0));
    assert!(update.ends_with("ack 501 = last ack 501; window 600 as sent, last time 0"), "{update}");
}

#[test]
fn a_probe_that_is_taken_is_answered_in_4_4() {
    for (window, word) in [(0, "zero_window_probe_ack"), (600, "window_update")] {
        let mut talk = Talk::open();
        talk.why((0, 1001, 5001, A, 500, 500));
        talk.why((1, 5001, 1501, A, 0, 0));
        talk.why((0, 1501, 5001, A, 500, 1));
        let unseen = reason(&talk.why((1, 5001, 1502, A, window, 0)), Issue::AckLostSegment);
        assert_eq!(unseen.rule, "ack 502 > 501, up to which the peer's data was seen without a hole");
        let newer = format!("{word}: ack 502 = last ack 501 + 1 takes the byte of the peer's zero_window_probe");
        assert_eq!(unseen.newer, Some(newer));
    }
}

#[test]
fn acks_of_what_was_not_seen_and_of_parts() {
    let mut talk = Talk::open();
    talk.why((0, 1001, 5001, A, 500, 100));
    talk.why((0, 1201, 5001, A, 500, 100));
    let unseen = talk.rule(Issue::AckLostSegment, (1, 5001, 1201, A, 500, 0));
    assert_eq!(
        unseen,
        "ack 201 > 101, up to which the peer's data was seen without a hole (beyond a hole it was seen up to 301)"
    );
    assert_eq!(
        talk.why((1, 5001, 1251, A, 500, 0)).newer,
        ["partial_ack: ack 251 is within the bytes 201-300 of frame 5"]
    );
}

#[test]
fn ports_and_data_in_a_syn() {
    let mut talk = Talk::open();
    let again = talk.rule(Issue::ReusedPorts, (1, 9000, 0, C::SYN, 500, 0));
    assert_eq!(again, "a SYN with the sequence number 9000; the one before on these ports had 5000");
    let cookie = Options { fast_open: Some(8), ..Options::default() };
    for (ack, flag, rule) in [
        (1008, Issue::TfoAck, "SYN/ACK with ack 8 > 1: more than the SYN is acknowledged"),
        (1001, Issue::TfoIgnored, "SYN/ACK with ack 1: not the data that came with cookie and SYN"),
    ] {
        let mut talk = Talk::mid_stream();
        let syn = talk.why_with((0, 1000, 0, C::SYN, 500, 7), cookie);
        assert_eq!(reason(&syn, Issue::TfoSyn).rule, "a SYN with a Fast Open cookie of 8 bytes and 7 bytes of data");
        assert_eq!(talk.rule(flag, (1, 5000, ack, C::SYN | A, 500, 0)), rule);
    }
}

#[test]
fn numbers_are_told_with_what_they_were_computed_from() {
    let mut talk = Talk::open();
    let why = talk.why((0, 1001, 5001, A, 500, 100));
    let field = |name| why.fields.iter().find(|(field, _)| *field == name).map(|(_, text)| text.as_str());
    assert_eq!(field("tcp.seq"), Some("1 = 1001 − 1000"));
    assert_eq!(field("tcp.ack"), Some("1 = 5001 − 5000"));
    assert_eq!(field("tcp.nxtseq"), Some("101 = 1 + 100 of payload"));
    assert_eq!(field("tcp.completeness"), Some("7 = 1 SYN + 2 SYN/ACK + 4 ACK"));
    assert_eq!(field("tcp.analysis.bytes_in_flight"), Some("100 = 101 − 1"));
}
