//! Each rule: the segment that meets it, and the nearest one that does not.

use super::talk::{Step, Talk};
use super::*;
use crate::issue::Flags;
use crate::tcp::Options;
use Control as C;

const A: u16 = C::ACK;
const ZEROS: &[u8] = &[0; 4096];

impl Talk {
    fn flags(&mut self, step: Step) -> String {
        names(&self.say(step))
    }
}

fn names(verdict: &Verdict) -> String {
    verdict.flags.analysis().map(Issue::name).collect::<Vec<_>>().join(" ")
}

#[test]
fn state_is_small() {
    assert!(size_of::<Analysis>() <= 136, "{}", size_of::<Analysis>());
}

#[test]
fn an_ordinary_exchange_has_no_flags() {
    let mut talk = Talk::open();
    let request = talk.say((0, 1001, 5001, A | C::PSH, 500, 100));
    assert_eq!((request.seq, request.next_seq, request.ack), (1, 101, 1));
    assert_eq!((request.completeness, request.initial_rtt, request.bytes_in_flight), (7, 10_000_000, 100));
    let ack = talk.wait(700).say((1, 5001, 1101, A, 500, 0));
    assert_eq!((ack.acks_frame, ack.ack_rtt, names(&ack).as_str()), (4, 700_000, ""));
    assert_eq!(talk.flags((1, 5001, 1101, A | C::FIN, 500, 300)), "");
    assert_eq!(talk.flags((0, 1101, 5302, A | C::FIN, 500, 0)), "");
    assert_eq!(talk.say((1, 5302, 1102, A, 500, 0)).completeness, 31);
}

#[test]
fn a_sequence_number_beyond_the_expected_one_means_a_lost_segment() {
    let mut talk = Talk::open();
    assert_eq!(talk.flags((0, 1001, 5001, A, 500, 100)), "");
    assert_eq!(talk.flags((0, 1102, 5001, C::RST | A, 500, 0)), "");
    assert_eq!(talk.flags((0, 1103, 5001, A, 500, 100)), "lost_segment");
    assert_eq!(Talk::mid_stream().flags((0, 1103, 5001, A, 500, 100)), "");
}

#[test]
fn fin_and_late_syn_can_follow_a_lost_segment_too() {
    let mut talk = Talk::open();
    assert_eq!(talk.flags((0, 1002, 5001, C::FIN | A, 500, 0)), "lost_segment");
}

#[test]
fn a_keep_alive_repeats_the_last_number_and_its_answer_the_last_ack() {
    let mut talk = Talk::open();
    assert_eq!(talk.flags((0, 1000, 5001, A, 500, 1)), "keep_alive");
    assert_eq!(talk.flags((1, 5001, 1001, A, 500, 0)), "keep_alive_ack");
    assert_eq!(talk.flags((0, 1000, 5001, A | C::FIN, 500, 0)), "retransmission");
    assert_eq!(talk.flags((1, 5001, 1001, A, 500, 0)), "duplicate_ack");
}

#[test]
fn zero_windows_are_probed_and_the_probe_is_answered() {
    let mut talk = Talk::open();
    assert_eq!(talk.flags((0, 1001, 5001, A, 500, 1)), "");
    assert_eq!(talk.flags((1, 5001, 1002, A, 0, 0)), "zero_window");
    assert_eq!(talk.flags((0, 1002, 5001, A, 500, 1)), "zero_window_probe");
    assert_eq!(talk.flags((1, 5001, 1002, A, 0, 0)), "zero_window zero_window_probe_ack");
    assert_eq!(talk.flags((0, 1002, 5001, A, 500, 2)), "");
    assert_eq!(talk.flags((1, 5001, 1002, A, 0, 0)), "zero_window");
    assert_eq!(talk.flags((1, 5001, 1002, A, 600, 0)), "window_update");
    assert_eq!(talk.flags((1, 5001, 1002, A | C::RST, 0, 0)), "");
}

#[test]
fn one_byte_is_no_probe_before_the_peer_has_shown_its_window() {
    let mut talk = Talk::mid_stream();
    talk.say((0, 1000, 0, C::SYN, 500, 0));
    assert_eq!(talk.flags((0, 1001, 5001, A, 500, 1)), "");
}

#[test]
fn data_after_a_probe_byte_is_not_behind() {
    let mut talk = Talk::open();
    talk.say((0, 1001, 5001, A, 500, 10));
    assert_eq!(talk.flags((0, 1010, 5001, A, 500, 20)), "");
    assert_eq!(talk.flags((0, 1028, 5001, A, 500, 20)), "out_of_order");
}

#[test]
fn a_window_is_full_when_exactly_used_up() {
    let mut talk = Talk::open();
    assert_eq!(talk.flags((0, 1001, 5001, A, 500, 499)), "");
    assert_eq!(talk.flags((0, 1500, 5001, A, 500, 1)), "window_full");
    assert_eq!(talk.flags((0, 1501, 5001, A, 500, 10)), "");
    assert_eq!(Talk::mid_stream().flags((0, 1001, 5001, A, 500, 500)), "");
}

#[test]
fn windows_are_scaled_but_not_that_of_a_syn() {
    let scale = |shift| Options { window_scale: Some(shift), ..Options::default() };
    let mut talk = Talk::mid_stream();
    let syn = talk.say_with((0, 1000, 0, C::SYN, 500, 0), scale(2));
    assert_eq!((syn.window_size, syn.window_scale), (500, None));
    talk.say_with((1, 5000, 1001, C::SYN | A, 500, 0), scale(15));
    let ack = talk.say((0, 1001, 5001, A, 500, 0));
    assert_eq!((ack.window_size, ack.window_scale), (2000, Some(4)));
    assert_eq!(talk.flags((0, 1001, 5001, A, 500, 500)), "window_full");
    assert_eq!(talk.flags((1, 5001, 1501, A, 500, 500)), "");
    assert_eq!(talk.flags((1, 5501, 1501, A, 500, 1500)), "window_full");
    assert_eq!(talk.say((1, 7001, 1501, A, 1, 0)).window_scale, Some(1 << 14));
}

#[test]
fn scaling_is_off_where_one_side_lacks_the_option_and_unknown_without_handshake() {
    let scale = Options { window_scale: Some(7), ..Options::default() };
    let mut talk = Talk::mid_stream();
    talk.say_with((0, 1000, 0, C::SYN, 500, 0), scale);
    talk.say((1, 5000, 1001, C::SYN | A, 500, 0));
    assert_eq!(talk.say((0, 1001, 5001, A, 500, 0)).window_scale, Some(-2));
    assert_eq!(Talk::mid_stream().say((0, 1001, 5001, A, 500, 0)).window_scale, Some(-1));
}

#[test]
fn duplicate_acks_are_counted_from_the_first_frame_with_that_ack() {
    let mut talk = Talk::open();
    talk.say((1, 5001, 1001, A, 500, 100));
    assert_eq!(talk.flags((0, 1001, 5101, A, 500, 0)), "");
    for n in 1..=3 {
        let ack = talk.say((0, 1001, 5101, A, 500, 0));
        assert_eq!((names(&ack).as_str(), ack.duplicate_ack_num, ack.duplicate_ack_frame), ("duplicate_ack", n, 5));
    }
    assert_eq!(talk.flags((0, 1001, 5101, A, 501, 0)), "window_update");
    assert_eq!(talk.flags((0, 1001, 5101, A, 501, 1)), "");
}

#[test]
fn a_fast_retransmission_follows_two_duplicate_acks_within_20_ms() {
    for (duplicates, micros, flags) in [
        (2, 19_999, "retransmission fast_retransmission"),
        (2, 20_000, "retransmission"),
        (1, 19_999, "retransmission"),
    ] {
        let mut talk = Talk::open();
        talk.say((1, 5001, 1001, A, 500, 100));
        talk.say((0, 1001, 5101, A, 500, 0));
        talk.say((1, 5101, 1001, A, 500, 100));
        (0..duplicates).for_each(|_| assert_eq!(talk.flags((0, 1001, 5101, A, 500, 0)), "duplicate_ack"));
        assert_eq!(talk.wait(micros).flags((1, 5101, 1001, A, 500, 100)), flags);
    }
}

#[test]
fn out_of_order_is_what_is_late_by_less_than_the_initial_round_trip() {
    for (micros, len, flags) in
        [(9_999, 100, "out_of_order"), (10_000, 100, "retransmission"), (9_999, 300, "retransmission")]
    {
        let mut talk = Talk::open();
        talk.say((0, 1001, 5001, A, 500, 100));
        assert_eq!(talk.flags((0, 1201, 5001, A, 500, 200)), "lost_segment");
        assert_eq!(talk.wait(micros).flags((0, 1101, 5001, A, 500, len)), flags);
    }
}

#[test]
fn out_of_order_without_initial_round_trip_is_late_by_less_than_3_ms_and_never_by_a_negative_time() {
    for (micros, flags) in [(2_999, "out_of_order"), (3_000, "retransmission"), (-1, "retransmission")] {
        let mut talk = Talk::mid_stream();
        talk.say((0, 1201, 5001, A, 500, 200));
        assert_eq!(talk.wait(micros).flags((0, 1101, 5001, A, 500, 100)), flags);
    }
}

#[test]
fn a_retransmission_names_the_oldest_frame_that_is_not_acknowledged() {
    let mut talk = Talk::open();
    talk.say((0, 1001, 5001, A, 500, 100));
    talk.wait(1_000).say((0, 1101, 5001, A, 500, 100));
    let again = talk.wait(300_000).say((0, 1001, 5001, A, 500, 100));
    assert_eq!((names(&again).as_str(), again.rto_frame, again.rto), ("retransmission", 4, 301_000_000));
}

#[test]
fn a_retransmission_of_what_was_acknowledged_is_spurious() {
    let mut talk = Talk::open();
    talk.say((0, 1001, 5001, A, 500, 100));
    talk.say((1, 5001, 1100, A, 500, 0));
    assert_eq!(talk.wait(50_000).flags((0, 1001, 5001, A, 500, 100)), "retransmission");
    talk.say((1, 5001, 1101, A, 500, 0));
    assert_eq!(talk.flags((0, 1001, 5001, A, 500, 100)), "retransmission spurious_retransmission");
}

#[test]
fn a_repeated_syn_is_a_retransmission() {
    let mut talk = Talk::mid_stream();
    talk.say((0, 1000, 0, C::SYN, 500, 0));
    assert_eq!(talk.wait(1_000_000).flags((0, 1000, 0, C::SYN, 500, 0)), "retransmission");
    talk.say((1, 5000, 1001, C::SYN | A, 500, 0));
    assert_eq!(talk.wait(2_000).say((0, 1001, 5001, A, 500, 0)).initial_rtt, 2_000_000);
}

#[test]
fn a_repeated_syn_takes_the_expected_number_back_to_what_came_without_a_hole() {
    let mut talk = Talk::open();
    talk.say((0, 1001, 5001, A, 500, 100));
    talk.say((0, 1091, 5001, A, 500, 20));
    talk.say((0, 1000, 0, C::SYN, 500, 0));
    assert_eq!(talk.flags((0, 1111, 5001, A, 500, 10)), "lost_segment");
}

#[test]
fn an_ack_beyond_a_hole_is_flagged_once() {
    let mut talk = Talk::open();
    talk.say((0, 1001, 5001, A, 500, 100));
    talk.say((0, 1201, 5001, A, 500, 100));
    assert_eq!(talk.flags((1, 5001, 1101, A, 500, 0)), "");
    assert_eq!(talk.flags((1, 5001, 1201, A, 500, 0)), "ack_lost_segment");
    assert_eq!(talk.flags((1, 5001, 1301, A, 500, 0)), "");
}

#[test]
fn acks_beyond_everything_are_flagged_once_until_the_sender_acknowledges_something_new() {
    let mut talk = Talk::open();
    assert_eq!(talk.flags((1, 5001, 1002, A, 500, 0)), "ack_lost_segment");
    assert_eq!(talk.flags((1, 5001, 1003, A, 500, 10)), "");
    assert_eq!(talk.flags((0, 1001, 5011, A, 500, 0)), "");
    assert_eq!(talk.flags((1, 5011, 1004, A, 500, 0)), "ack_lost_segment");
    assert_eq!(talk.flags((1, 5011, 1005, C::RST, 500, 0)), "");
}

#[test]
fn another_initial_number_begins_another_connection() {
    let mut talk = Talk::open();
    let again = talk.say((0, 2000, 0, C::SYN, 500, 0));
    assert_eq!((names(&again).as_str(), again.seq, again.completeness), ("reused_ports", 0, 1));
    assert_eq!(talk.flags((1, 9000, 2001, C::SYN | A, 500, 0)), "");
    let other = talk.say((1, 9500, 2001, C::SYN | A, 500, 0));
    assert_eq!((names(&other).as_str(), other.seq), ("lost_segment reused_ports", 0));
}

#[test]
fn data_in_a_syn_is_accepted_or_ignored() {
    let cookie = |len| Options { fast_open: Some(len), ..Options::default() };
    for (cookie_len, len, ack, syn, synack) in [
        (8, 7, 1008, "tfo_syn", "tfo_ack"),
        (8, 7, 1001, "tfo_syn", "tfo_ignored"),
        (8, 0, 1001, "tfo_syn", ""),
        (0, 0, 1001, "", ""),
    ] {
        let mut talk = Talk::mid_stream();
        assert_eq!(names(&talk.say_with((0, 1000, 0, C::SYN, 500, len), cookie(cookie_len))), syn);
        assert_eq!(talk.flags((1, 5000, ack, C::SYN | A, 500, 0)), synack);
    }
}

#[test]
fn numbers_wrap() {
    let mut talk = Talk::mid_stream();
    let first = u32::MAX - 149;
    assert_eq!(talk.flags((0, first, 5001, A, 500, 100)), "");
    let second = talk.say((0, first.wrapping_add(100), 5001, A, 500, 100));
    assert_eq!((names(&second).as_str(), second.next_seq, second.bytes_in_flight), ("", 201, 200));
    assert_eq!(talk.flags((1, 5001, 50, A, 500, 0)), "");
    assert_eq!(talk.flags((0, 60, 5001, A, 500, 10)), "lost_segment");
}

#[test]
fn bytes_in_flight_leave_out_what_is_acknowledged_or_held_and_are_not_known_after_a_hole() {
    let mut talk = Talk::open();
    talk.say((0, 1001, 5001, A, 500, 100));
    assert_eq!(talk.say((0, 1101, 5001, A | C::PSH, 500, 100)).bytes_in_flight, 200);
    talk.say((1, 5001, 1051, A, 500, 0));
    let next = talk.say((0, 1201, 5001, A, 500, 10));
    assert_eq!((next.bytes_in_flight, next.push_bytes_sent), (160, 10));
    let sack = Options::parse(&[5, 10, 0, 0, 4, 177, 0, 0, 4, 187]);
    talk.say_with((1, 5001, 1051, A, 500, 0), sack);
    assert_eq!(talk.say((0, 1211, 5001, A, 500, 10)).bytes_in_flight, 160);
    assert_eq!(talk.say((0, 1231, 5001, A, 500, 10)).bytes_in_flight, 0);
}

#[test]
fn nothing_is_kept_for_fields_that_nobody_wants() {
    let mut talk = Talk { analysis: Analysis::new(false), ..Talk::mid_stream() };
    talk.say((0, 1001, 5001, A, 500, 100));
    let again = talk.wait(5_000).say((0, 1001, 5001, A, 500, 100));
    assert_eq!((names(&again).as_str(), again.rto_frame, again.bytes_in_flight), ("retransmission", 0, 0));
}

#[test]
fn a_repeated_syn_goes_back_before_it_is_judged() {
    let mut talk = Talk::mid_stream();
    talk.say((0, 1000, 0, C::SYN, 500, 0));
    talk.say((0, 1006, 0, A, 500, 0));
    assert_eq!(talk.wait(10).flags((0, 1000, 0, C::SYN, 500, 0)), "retransmission");
}

#[test]
fn completeness_takes_a_fin_with_ack_and_a_rst_also_of_a_repeated_syn() {
    let completeness = |steps: &[Step]| {
        let mut talk = Talk::mid_stream();
        steps.iter().for_each(|&step| _ = talk.say(step));
        talk.say((0, 9000, 0, 0, 500, 0)).completeness
    };
    let syn = (0, 1000, 0, C::SYN, 500, 0);
    assert_eq!(completeness(&[(0, 1000, 0, C::SYN | C::FIN | C::RST, 500, 10)]), SYN_SENT | DATA);
    assert_eq!(completeness(&[syn, (0, 1000, 0, C::SYN | C::RST, 500, 0)]), SYN_SENT | RST);
    assert_eq!(completeness(&[syn, (0, 2000, 0, C::SYN | C::RST, 500, 10)]), SYN_SENT | RST);
    assert_eq!(completeness(&[syn, (1, 5000, 1001, C::FIN, 500, 10)]), SYN_SENT);
    assert_eq!(completeness(&[syn, (1, 5000, 1001, C::FIN | A, 500, 10)]), SYN_SENT | DATA | FIN);
    assert_eq!(completeness(&[(0, 1000, 0, A, 500, 10), (0, 999, 0, C::SYN, 500, 0)]), 0);
}

#[test]
fn a_window_is_scaled_from_the_first_ack_after_the_syn_on() {
    let scale = Options { window_scale: Some(2), ..Options::default() };
    let mut talk = Talk::mid_stream();
    talk.say_with((1, 5000, 1001, C::SYN | A, 500, 0), scale);
    talk.say((1, 5001, 1001, C::PSH, 500, 0));
    assert_eq!(talk.flags((0, 1001, 5001, A, 500, 500)), "window_full");
    talk.say((1, 5001, 1001, A, 500, 0));
    assert_eq!(talk.flags((0, 1501, 5001, A, 500, 1500)), "window_full");
}

#[test]
fn a_syn_ack_has_no_scaling_where_the_peer_had_none_whatever_it_said_before() {
    let scale = Options { window_scale: Some(7), ..Options::default() };
    let mut talk = Talk::mid_stream();
    talk.say((0, 1000, 0, C::SYN, 500, 0));
    talk.say_with((1, 5000, 1001, C::SYN, 500, 0), scale);
    assert_eq!(talk.say((1, 5001, 1001, A, 500, 0)).window_scale, Some(128));
    talk.say((1, 5000, 1001, C::SYN | A, 500, 0));
    assert_eq!(talk.say((1, 5001, 1001, A, 500, 0)).window_scale, Some(-2));
}

#[test]
fn a_header_that_is_cut_has_numbers_and_no_analysis_and_its_scaling_is_not_known() {
    let cut = Options { are_cut: true, ..Options::default() };
    let mut talk = Talk::mid_stream();
    talk.say_with((0, 1000, 0, C::SYN, 500, 0), cut);
    assert_eq!(talk.say((0, 1001, 5001, A, 500, 10)).window_scale, Some(-1));
    let late = talk.say_with((0, 1111, 5001, A, 0, 10), cut);
    assert_eq!((late.flags, late.has_analysis(), late.bytes_in_flight), (Flags::EMPTY, false, 0));
    assert_eq!((late.seq, late.next_seq, late.ack), (111, 121, 1));
    assert_eq!(talk.flags((0, 1121, 5001, A, 500, 10)), "");
}

#[test]
fn an_ack_after_a_new_kind_of_multipath_option_is_no_duplicate() {
    let signal = Options { mptcp: 1 << 2, ..Options::default() };
    let mut talk = Talk::mid_stream();
    let ack = (0, 1001, 5001, A, 500, 0);
    talk.say(ack);
    let numbers = [
        talk.say_with(ack, signal).duplicate_ack_num,
        talk.say(ack).duplicate_ack_num,
        talk.say(ack).duplicate_ack_num,
        talk.say_with(ack, signal).duplicate_ack_num,
        talk.say(ack).duplicate_ack_num,
    ];
    assert_eq!(numbers, [1, 0, 2, 3, 4]);
}

#[test]
fn bytes_in_flight_span_the_relative_numbers_also_where_they_wrap() {
    let mut talk = Talk::mid_stream();
    talk.say((0, 1000, 0, C::SYN, 500, 0));
    assert_eq!(talk.say((0, 991, 0, A, 500, 11)).bytes_in_flight, 2);
    let mut talk = Talk::mid_stream();
    talk.say((0, 1001, 5001, A, 500, 10));
    assert_eq!(talk.say((0, 981, 5001, A, 500, 10)).bytes_in_flight, 0);
}

#[test]
fn a_quoted_segment_ends_the_handshake_and_takes_a_repeated_syn_back() {
    let mut talk = Talk::mid_stream();
    talk.say((0, 1000, 0, C::SYN, 500, 0));
    talk.say((0, 1006, 0, 0, 500, 5));
    let quote = |seq, control| Segment {
        frame: 9,
        time: Timestamp(1_002_000_000),
        seq: Seq(seq),
        ack: Seq(0),
        control: Control(control),
        window: 500,
        options: &Options::NONE,
        payload: &[],
        missing: 0,
    };
    assert_eq!(talk.analysis.describe(0, &quote(1011, A)).initial_rtt, 2_000_000);
    assert_eq!(talk.flags((0, 1011, 0, A, 500, 10)), "");
    talk.analysis.describe(0, &quote(1000, C::SYN));
    assert_eq!(talk.flags((0, 1021, 0, A, 500, 10)), "lost_segment");
}

#[test]
fn what_is_steady_is_said_as_by_the_rules() {
    let mut random = 7u64;
    let mut pick = |choices: &[u32]| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        choices[(random >> 33) as usize % choices.len()]
    };
    let (mut steady, mut opened) = (0, 0);
    for _ in 0..2000 {
        let (mut quick, mut slow) = (Analysis::new(false), Analysis::new(false));
        // Close to where the numbers wrap, and to 0, which stands for one that is not known.
        let mut next = [pick(&[1, 1000, u32::MAX - 20]), pick(&[1, 5000, u32::MAX - 9])];
        for frame in 1..40 {
            let dir = pick(&[0, 1]) as usize;
            let len = pick(&[0, 0, 0, 1, 2, 5, 10]);
            let control = pick(
                &[C::ACK, C::ACK, C::ACK, C::ACK, C::ACK | C::PSH, C::SYN, C::SYN | C::ACK, C::FIN, 0].map(u32::from),
            );
            let segment = Segment {
                frame,
                time: Timestamp(frame as i64 * 1_000_000),
                seq: Seq(next[dir].wrapping_sub(pick(&[0, 0, 0, 0, 0, 0, 1, 5]))),
                ack: Seq(next[1 - dir].wrapping_sub(pick(&[0, 0, 0, 0, 2, u32::MAX]))),
                control: Control(control as u16),
                window: pick(&[0, 10, 10, 500, 500]) as u16,
                options: &Options {
                    window_scale: [None, Some(1), Some(1)][pick(&[0, 1, 2]) as usize],
                    ..Options::NONE
                },
                payload: &ZEROS[..len as usize],
                missing: 0,
            };
            next[dir] = next[dir].wrapping_add(len).wrapping_add(u32::from(control & 3 != 0));
            if quick.opens(dir, &segment) {
                opened += 1;
                assert_eq!(slow.push_observed(dir, &segment, &mut ()).flags, Flags::EMPTY);
                assert_eq!(format!("{quick:?}"), format!("{slow:?}"));
                continue;
            }
            let said = quick.steady(dir, &segment);
            steady += u32::from(said.is_some());
            let said = said.unwrap_or_else(|| quick.push_observed(dir, &segment, &mut ()));
            assert_eq!(said, slow.push_observed(dir, &segment, &mut ()));
            assert_eq!(format!("{quick:?}"), format!("{slow:?}"));
        }
    }
    assert!(steady > 5000 && opened > 50, "{steady} {opened}");
}
