use super::*;
use crate::frame::{FrameMeta, LinkType};
use crate::issue::Issue;
use crate::sum;
use crate::tcp::Options;
use crate::tcp::verdict::Verdict;

const MS: i64 = 1_000_000;

/// What a stream has handed on.
#[derive(Default)]
struct Told {
    items: Vec<String>,
    memory: Memory,
}

impl Outlet for Told {
    fn item(&mut self, item: Item<'_>) {
        self.items.push(tell(item));
    }

    fn memory(&mut self) -> &mut Memory {
        &mut self.memory
    }
}

/// One stream, and what it has handed on.
struct Fixture {
    half: HalfStream,
    told: Told,
    frame: u64,
    ready: Option<u64>,
}

impl Fixture {
    /// A stream whose SYN had the sequence number 99: its first byte has 100.
    fn new() -> Self {
        let mut fixture = Self::midway();
        fixture.push(0, 99, Control::SYN, b"");
        fixture
    }

    fn midway() -> Self {
        Self { half: HalfStream::default(), told: Told::default(), frame: 0, ready: Some(ORIGIN) }
    }

    fn push(&mut self, ms: i64, seq: u32, control: u16, payload: &[u8]) -> &mut Self {
        self.push_full(ms, seq, control, payload, 0, 0, None)
    }

    #[allow(clippy::too_many_arguments)]
    fn push_full(
        &mut self,
        ms: i64,
        seq: u32,
        control: u16,
        payload: &[u8],
        missing: u32,
        acked: u64,
        header_sum: Option<u64>,
    ) -> &mut Self {
        self.frame += 1;
        let time = Timestamp(ms * MS);
        let options = &Options::NONE;
        let control = Control(control);
        let segment = Segment {
            frame: self.frame,
            time,
            seq: Seq(seq),
            ack: Seq(0),
            control,
            window: 0,
            options,
            payload,
            missing,
        };
        let meta = FrameMeta {
            number: self.frame,
            time,
            wire_len: 0,
            link: LinkType::ETHERNET,
            interface: 0,
            interface_id: None,
        };
        let carrier = Carrier { meta, cap_len: 0, headers: &[], resumed: &[], verdict: Verdict::default() };
        self.half.push(&segment, &carrier, Peer { ready: self.ready, acked }, time, header_sum, &mut self.told);
        self
    }

    fn ack(&mut self, ms: i64, ack: u32) -> &mut Self {
        self.half.acknowledge(Seq(ack), false, 0, Timestamp(ms * MS));
        self
    }

    fn advance(&mut self, ms: i64) -> &mut Self {
        self.half.advance(Timestamp(ms * MS), self.ready, &mut self.told);
        self
    }

    fn finish(&mut self) -> &mut Self {
        self.half.finish(End::Capture, 0, &mut self.told);
        self
    }

    fn told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.told.items)
    }
}

fn tell(item: Item<'_>) -> String {
    let at = |segment: SegmentRef| format!("{}+{}", segment.offset as i64 - ORIGIN as i64, segment.len);
    match item {
        Item::Data(_, bytes, _) => String::from_utf8_lossy(bytes).into_owned(),
        Item::Gap { offset, len, cause, forced } => {
            let forced = if forced { " forced" } else { "" };
            format!("{} {}+{len}{forced}", cause.name(), offset as i64 - ORIGIN as i64)
        }
        Item::Copy(segment, compared) => {
            let flagged = if segment.flags.contains(Issue::BadChecksum) { " bad" } else { "" };
            format!("copy {} {compared:?}{flagged}", at(segment))
        }
        Item::Late(segment) => format!("late {}", at(segment)),
        Item::Before(segment) => format!("before {}", at(segment)),
        Item::Outside(segment) => format!("outside {}", at(segment)),
        Item::End { by, .. } => format!("end {by:?}"),
    }
}

#[test]
fn bytes_come_out_in_order_whatever_order_they_came_in() {
    let mut fixture = Fixture::new();
    fixture.push(1, 104, 0, b"efgh").push(2, 102, 0, b"cdef").push(3, 100, 0, b"ab").push(4, 108, Control::FIN, b"i");
    assert_eq!(fixture.told(), ["ab", "cd", "efgh", "copy 4+2 Equal", "i", "end Fin"]);
}

#[test]
fn a_sequence_number_may_wrap() {
    let mut fixture = Fixture::midway();
    fixture.push(0, u32::MAX - 2, Control::SYN, b"").push(1, u32::MAX - 1, 0, b"abcd").push(2, 2, 0, b"ef");
    assert_eq!(fixture.told(), ["abcd", "ef"]);
}

#[test]
fn an_acknowledged_hole_is_a_gap_after_the_grace_and_an_unacknowledged_one_waits() {
    let mut fixture = Fixture::new();
    fixture.push(0, 100, 0, b"ab").push(1, 104, 0, b"ef").advance(1000);
    assert_eq!(fixture.told(), ["ab"]);
    fixture.ack(1000, 106).advance(1049);
    assert_eq!(fixture.told(), [""; 0]);
    fixture.advance(1050);
    assert_eq!(fixture.told(), ["gap 2+2", "ef"]);
    fixture.push(1100, 101, 0, b"bcde");
    assert_eq!(fixture.told(), ["copy 1+1 Not", "late 2+2", "copy 4+1 Not"]);
    fixture.push(1101, 102, 0, b"cd");
    assert_eq!(fixture.told(), ["copy 2+2 Not"]);
}

#[test]
fn data_that_was_captured_after_its_acknowledgment_is_not_lost() {
    let mut fixture = Fixture::new();
    fixture.ack(0, 104).push(49, 100, 0, b"abcd").advance(1000).finish();
    assert_eq!(fixture.told(), ["abcd", "end Capture"]);
}

#[test]
fn one_number_acknowledged_beyond_the_last_byte_is_a_fin() {
    let mut fixture = Fixture::new();
    fixture.push(0, 100, 0, b"ab").ack(1, 103).advance(1000);
    assert_eq!(fixture.half.delivered(), Some(ORIGIN + 3));
    fixture.finish();
    assert_eq!(fixture.told(), ["ab", "end Fin"]);
}

#[test]
fn what_acknowledges_more_than_was_handed_on_waits_for_it() {
    let mut fixture = Fixture::new();
    fixture.push_full(0, 100, 0, b"ab", 0, ORIGIN + 5, None);
    assert_eq!(fixture.told(), [""; 0]);
    fixture.ready = Some(ORIGIN + 5);
    fixture.advance(1);
    assert_eq!(fixture.told(), ["ab"]);
}

#[test]
fn a_stream_joined_midway_begins_with_the_lowest_byte_of_the_grace() {
    let mut fixture = Fixture::midway();
    fixture.push(0, 104, 0, b"ef").push(1, 102, 0, b"cd").advance(50).push(51, 100, 0, b"ab").push(52, 106, 0, b"gh");
    assert_eq!(fixture.told(), ["cd", "ef", "before -4+2", "gh"]);
}

#[test]
fn a_cut_frame_leaves_a_gap_that_a_whole_copy_fills_too_late() {
    let mut fixture = Fixture::new();
    fixture.push_full(0, 100, 0, b"ab", 2, 0, None).push(1, 104, 0, b"ef").push(2, 100, 0, b"abcd");
    assert_eq!(fixture.told(), ["ab", "truncated 2+2", "ef", "copy 0+2 Not", "late 2+2"]);
}

#[test]
fn a_cut_frame_out_of_order_keeps_its_place() {
    let mut fixture = Fixture::new();
    fixture.push_full(0, 102, 0, b"", 2, 0, None).push(1, 100, 0, b"ab").push(2, 104, 0, b"ef");
    assert_eq!(fixture.told(), ["ab", "truncated 2+2", "ef"]);
}

#[test]
fn copies_are_compared_and_checksums_tell_the_damaged_one() {
    let fits = |payload: &[u8]| Some(!sum::sum(payload));
    let mut fixture = Fixture::new();
    fixture.push_full(0, 100, 0, b"ab", 0, 0, fits(b"ab")).push(1, 100, 0, b"ab").push(2, 100, 0, b"xy");
    fixture.push_full(3, 100, 0, b"xy", 0, 0, fits(b"ab"));
    let copies = ["ab", "copy 0+2 Equal", "copy 0+2 Conflict(None)", "copy 0+2 Conflict(Some(This)) bad"];
    assert_eq!(fixture.told(), copies);
    fixture.push_full(4, 104, 0, b"xx", 0, 0, fits(b"ef")).push_full(5, 104, 0, b"ef", 0, 0, fits(b"ef"));
    fixture.push(6, 102, 0, b"cd");
    assert_eq!(fixture.told(), ["cd", "ef", "copy 4+2 Conflict(Some(This)) bad"]);
}

#[test]
fn more_copies_of_a_waiting_segment_than_are_kept_are_told_all_the_same() {
    let mut fixture = Fixture::new();
    for ms in 0..40 {
        fixture.push(ms, 102, 0, b"cd");
    }
    fixture.push(50, 100, 0, b"ab");
    assert_eq!(fixture.told().iter().filter(|item| *item == "copy 2+2 Equal").count(), 39);
}

#[test]
fn bytes_far_beyond_the_window_are_turned_away_unless_they_are_acknowledged() {
    let far = 100 + 10_000_000;
    let mut fixture = Fixture::new();
    fixture.half.acknowledge(Seq(100), true, 65_535, Timestamp(0));
    fixture.push(0, 100, 0, b"ab").push(1, far, 0, b"??").push(2, 102, 0, b"cd").finish();
    assert_eq!(fixture.told(), ["ab", "cd", "outside 10000000+2", "end Capture"]);
    let mut fixture = Fixture::new();
    fixture.half.acknowledge(Seq(100), true, 65_535, Timestamp(0));
    fixture.push(0, 100, 0, b"ab").push(1, far, 0, b"yz").ack(2, far + 2).advance(60).finish();
    assert_eq!(fixture.told(), ["ab", "gap 2+9999998", "yz", "end Capture"]);
}

#[test]
fn what_came_before_a_hole_that_was_given_up_at_a_bound_is_still_known() {
    let mut stream = Fixture::new();
    stream.push(1, 100, Control::ACK, b"abc").push(2, 106, Control::ACK, b"ghi");
    stream.half.relieve(&mut stream.told);
    assert_eq!(stream.told(), ["abc", "gap 3+3 forced", "ghi"]);
    stream.push(3, 100, Control::ACK, b"abc").push(4, 103, Control::ACK, b"def");
    assert_eq!(stream.told(), ["copy 0+3 Equal", "late 3+3"]);
}

#[test]
fn nothing_follows_the_end() {
    let mut fixture = Fixture::new();
    fixture.push(0, 100, Control::FIN, b"ab").push(1, 102, 0, b"cd").push(2, 100, Control::FIN, b"ab").finish();
    assert_eq!(fixture.told(), ["ab", "end Fin", "outside 2+2", "copy 0+2 Equal"]);
}

#[test]
fn nothing_follows_the_end_of_a_stream_of_which_nothing_was_seen() {
    let mut fixture = Fixture::midway();
    fixture.finish();
    fixture.push(1, 100, 0, b"ab").push(2, 90, 0, b"cd").push(3, 101, 0, b"ef").finish();
    assert_eq!(fixture.told(), ["outside 0+2", "outside -10+2", "outside 1+2"]);
}
