//! Reassembly of one direction against a model that keeps every byte and is obviously right.

mod common;

use common::wire::{MS, Random};
use dissect::frame::{FrameMeta, LinkType, Timestamp};
use dissect::tcp::reassembly::{Cause, Compared, End, GRACE, HalfStream, Item, Memory, ORIGIN, Outlet, Peer};
use dissect::tcp::verdict::Verdict;
use dissect::tcp::{Carrier, Control, Options, Segment, SegmentRef, Seq};
use proptest::prelude::*;

/// What is known of one byte of the stream.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Byte {
    Unseen,
    /// Captured first with this value, and not handed on.
    Had(u8),
    HandedOn,
    /// Told to be missing.
    Missing,
}

/// The stream as the model has it, and what was handed on of it so far.
#[derive(Default)]
struct Model {
    bytes: Vec<Byte>,
    next: usize,
    acked: usize,
    /// How many captured bytes no item has told of yet.
    open: i64,
    ended: bool,
    /// Whether the stream is told to end, so that what was not captured is lost.
    finished: bool,
    faults: Vec<String>,
    memory: Memory,
}

impl Outlet for Model {
    fn memory(&mut self) -> &mut Memory {
        &mut self.memory
    }

    fn item(&mut self, item: Item<'_>) {
        match item {
            Item::Data(segment, bytes, _) => {
                self.check(segment.offset == at(self.next) && segment.len as usize == bytes.len(), &item);
                for byte in bytes {
                    self.check(self.bytes[self.next] == Byte::Had(*byte), &item);
                    self.bytes[self.next] = Byte::HandedOn;
                    self.next += 1;
                }
                self.open -= bytes.len() as i64;
            }
            Item::Gap { offset, len, cause, .. } => {
                self.check(offset == at(self.next) && len > 0 && cause == Cause::Gap, &item);
                for _ in 0..len {
                    let lost = self.next < self.acked || self.finished;
                    self.check(self.bytes[self.next] == Byte::Unseen && lost, &item);
                    self.bytes[self.next] = Byte::Missing;
                    self.next += 1;
                }
            }
            Item::Copy(segment, compared) => {
                self.check(!matches!(compared, Compared::Conflict(_)), &item);
                let known = self.range(segment).iter().all(|byte| !matches!(byte, Byte::Unseen | Byte::Missing));
                self.check(known, &item);
                self.open -= i64::from(segment.len);
            }
            Item::Late(segment) => {
                let missing = self.range(segment).iter().all(|byte| *byte == Byte::Missing);
                self.check(missing, &item);
                self.range(segment).fill(Byte::HandedOn);
                self.open -= i64::from(segment.len);
            }
            Item::Before(_) | Item::Outside(_) => self.check(false, &item),
            Item::End { .. } => self.ended = true,
        }
    }
}

impl Model {
    fn range(&mut self, segment: SegmentRef) -> &mut [Byte] {
        let start = (segment.offset - ORIGIN) as usize;
        &mut self.bytes[start..start + segment.len as usize]
    }

    fn check(&mut self, holds: bool, item: &Item<'_>) {
        if !holds {
            self.faults.push(format!("at {}: {item:?}", self.next));
        }
    }
}

fn at(index: usize) -> u64 {
    ORIGIN + index as u64
}

/// What happens, in this order; numbers are bytes of the stream.
#[derive(Clone, Debug)]
enum Step {
    Segment(usize, usize),
    Ack(usize),
    /// Milliseconds go by.
    Wait(i64),
}

fn steps(size: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..size, 1..40usize).prop_map(move |(from, len)| Step::Segment(from, len.min(size - from))),
        2 => (0..=size).prop_map(Step::Ack),
        1 => (0..80i64).prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 1..60)
}

const SIZE: usize = 200;

proptest! {
    #![proptest_config(common::cases(600))]

    #[test]
    fn bytes_are_handed_on_once_in_order_and_none_is_made_up(steps in steps(SIZE), isn: u32) {
        follow(&steps, isn)?;
    }
}

fn follow(steps: &[Step], isn: u32) -> Result<(), TestCaseError> {
    let mut random = Random(7);
    let stream: Vec<u8> = (0..SIZE).map(|_| random.number() as u8).collect();
    let mut half = HalfStream::default();
    let mut model = Model { bytes: vec![Byte::Unseen; SIZE], ..Model::default() };
    let mut now = Timestamp(0);
    let first = Seq(isn).plus(1);
    push(&mut half, &mut model, now, Seq(isn), Control::SYN, b"");
    for step in steps {
        now = now.plus(MS);
        match *step {
            Step::Segment(from, len) => {
                let bytes = &stream[from..from + len];
                for (known, byte) in model.bytes[from..].iter_mut().zip(bytes) {
                    if *known == Byte::Unseen {
                        *known = Byte::Had(*byte);
                    }
                }
                model.open += len as i64;
                push(&mut half, &mut model, now, first.plus(from as u32), Control::ACK, bytes);
            }
            Step::Ack(to) => {
                half.acknowledge(first.plus(to as u32), false, 0, now);
                model.acked = model.acked.max(to);
            }
            Step::Wait(ms) => now = now.plus(ms * MS),
        }
        half.advance(now, None, &mut model);
        let held_back = matches!(model.bytes.get(model.next), Some(Byte::Had(_)));
        prop_assert!(!held_back, "held back at {}", model.next);
    }
    half.advance(now.plus(2 * GRACE), None, &mut model);
    // One number acknowledged beyond all that was seen is taken for a FIN.
    let untold = model.acked > model.next + 1 && (model.next..model.acked).any(|i| model.bytes[i] == Byte::Unseen);
    prop_assert!(!untold, "acknowledged, never captured, and not told");
    model.finished = true;
    half.finish(End::Capture, 0, &mut model);
    prop_assert!(model.faults.is_empty(), "{}", model.faults.join("\n"));
    prop_assert_eq!(model.open, 0, "captured bytes that no item tells of");
    prop_assert!(model.ended);
    prop_assert_eq!(half.queued(), 0);
    Ok(())
}

fn push(half: &mut HalfStream, model: &mut Model, time: Timestamp, seq: Seq, control: u16, payload: &[u8]) {
    let (control, options) = (Control(control), &Options::NONE);
    let segment = Segment { frame: 1, time, seq, ack: Seq(0), control, window: 1000, options, payload, missing: 0 };
    let meta = FrameMeta { number: 1, time, wire_len: 0, link: LinkType::ETHERNET, interface: 0, interface_id: None };
    let carrier = Carrier { meta, cap_len: 0, headers: &[], resumed: &[], verdict: Verdict::default() };
    half.push(&segment, &carrier, Peer { ready: None, acked: 0 }, time, None, model);
}
