//! Reassembly of one direction against a model that keeps every byte and is obviously right.

use dissect::frame::{FrameMeta, LinkType, Timestamp};
use dissect::tcp::reassembly::{Cause, Compared, End, GRACE, HalfStream, Item, Memory, ORIGIN, Outlet, Peer};
use dissect::tcp::verdict::Verdict;
use dissect::tcp::{Carrier, Control, Options, Segment, SegmentRef, Seq};

use super::packet::MS;
use super::script::Script;

/// Bytes of the stream.
const SIZE: usize = 200;

/// Where a stream that is joined midway is joined: bytes from there on may be its first.
const MIDDLE: usize = 60;

/// What is known of one byte of the stream.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Byte {
    Unseen,
    /// Captured first with this value, and not handed on.
    Had(u8),
    HandedOn(u8),
    /// Told to be missing.
    Missing,
    /// Told to be missing, and captured later with some value.
    Late,
}

/// The stream as the model has it, and what was handed on of it so far.
struct Model {
    bytes: [Byte; SIZE],
    /// Bytes that a frame was sent with and that were cut off.
    cut: [bool; SIZE],
    /// The byte at `ORIGIN`.
    origin: usize,
    /// The next byte to hand on; none before it is known where the stream begins.
    next: Option<usize>,
    /// Where it begins at the latest, if that is not known.
    lowest: usize,
    acked: usize,
    /// How many captured bytes no item has told of yet.
    open: i64,
    ended: Option<End>,
    /// Whether the stream is told to end, so that what was not captured is lost.
    finished: bool,
    /// Whether a bound is reached, so that a hole may be given up.
    relieved: bool,
    memory: Memory,
}

impl Outlet for Model {
    fn memory(&mut self) -> &mut Memory {
        &mut self.memory
    }

    fn item(&mut self, item: Item<'_>) {
        match item {
            Item::Data(segment, bytes, _) => {
                let next = self.begin(segment.offset);
                assert!(self.index(segment.offset) == next && segment.len as usize == bytes.len(), "{item:?}");
                for (at, byte) in (next..).zip(bytes) {
                    assert_eq!(self.bytes[at], Byte::Had(*byte), "{at}: the first copy stands, {item:?}");
                    self.bytes[at] = Byte::HandedOn(*byte);
                }
                self.next = Some(next + bytes.len());
                self.open -= bytes.len() as i64;
            }
            Item::Gap { offset, len, cause, forced } => {
                let next = self.begin(offset);
                assert!(self.index(offset) == next && len > 0, "{item:?}");
                for at in next..next + len as usize {
                    assert_eq!(self.bytes[at], Byte::Unseen, "{at}: {item:?}");
                    let lost = at < self.acked || self.finished || forced && self.relieved;
                    let known = if cause == Cause::Truncated { self.cut[at] } else { lost };
                    assert!(known, "{at}: {item:?}");
                    self.bytes[at] = Byte::Missing;
                }
                self.next = Some(next + len as usize);
            }
            Item::Copy(segment, _) | Item::Late(segment) | Item::Before(segment) | Item::Outside(segment) => {
                self.not_handed_on(segment, &item);
                self.open -= i64::from(segment.len);
            }
            Item::End { by, .. } => {
                assert_eq!(self.ended, None, "two ends");
                self.ended = Some(by);
            }
        }
    }
}

impl Model {
    fn new(origin: usize, begun: bool) -> Self {
        Self {
            bytes: [Byte::Unseen; SIZE],
            cut: [false; SIZE],
            origin,
            next: begun.then_some(origin),
            lowest: origin,
            acked: 0,
            open: 0,
            ended: None,
            finished: false,
            relieved: false,
            memory: Memory::default(),
        }
    }

    /// The byte at an offset.
    fn index(&self, offset: u64) -> usize {
        (offset + self.origin as u64 - ORIGIN) as usize
    }

    /// The next byte, which is at this offset.
    fn begin(&mut self, offset: u64) -> usize {
        let (index, next) = (self.index(offset), self.open());
        assert_eq!(index, next, "the next byte");
        next
    }

    /// The first byte is where anything was seen, or acknowledged first.
    fn open(&mut self) -> usize {
        *self.next.get_or_insert(self.lowest)
    }

    /// Checks what is told of bytes that are not handed on.
    fn not_handed_on(&mut self, segment: SegmentRef, item: &Item<'_>) {
        if matches!(item, Item::Outside(_)) {
            // Nothing is so far ahead, but what comes after the end.
            return assert!(self.ended.is_some() || self.finished, "{item:?}");
        }
        let from = self.index(segment.offset);
        let range = &mut self.bytes[from..from + segment.len as usize];
        match item {
            Item::Copy(_, compared) => {
                // What is before the first byte of a stream that was joined is one with what follows it.
                let lowest = self.lowest;
                let had = (from..)
                    .zip(&*range)
                    .all(|(at, byte)| !matches!(byte, Byte::Unseen | Byte::Missing) || at < lowest);
                assert!(had, "no copy: {item:?}");
                let same = range.iter().all(|byte| match byte {
                    Byte::Had(value) | Byte::HandedOn(value) => frame_of(*value) == segment.frame,
                    _ => false,
                });
                assert!(*compared == Compared::Not || (*compared == Compared::Equal) == same, "compared: {item:?}");
            }
            Item::Late(_) => {
                assert!(range.iter().all(|byte| *byte == Byte::Missing), "not missing: {item:?}");
                range.fill(Byte::Late);
            }
            _ => {
                let next = self.next;
                assert!(range.iter().all(|byte| *byte == Byte::Unseen), "not before: {item:?}");
                assert!(next.is_some_and(|next| from < next), "not before: {item:?}");
            }
        }
    }
}

/// The two values that a byte is sent with: of any two segments at one place the sums differ.
fn value(at: usize, other: bool) -> u8 {
    let mixed = (at as u64 + 1 + 1000 * u64::from(other)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 40) as u8 & 0xfe | u8::from(other)
}

/// Frames are numbered by which of the two values they carry.
fn frame_of(value: u8) -> u64 {
    1 + u64::from(value & 1)
}

/// A script: how the stream begins, and its sequence number; then what happens.
pub fn run(input: &[u8]) {
    let mut script = Script(input);
    let midway = script.byte() % 4 == 3;
    let first = Seq(script.long());
    let mut half = HalfStream::default();
    let mut model = if midway { Model::new(MIDDLE, false) } else { Model::new(0, true) };
    let mut now = Timestamp(0);
    if midway {
        // Where the peer's acknowledgment places it.
        half.acknowledge(first.plus(MIDDLE as u32), false, 0, now);
        model.acked = MIDDLE;
    } else {
        push(&mut half, &mut model, now, first.plus(u32::MAX), Control::SYN, b"", 0);
    }
    for _ in 0..200 {
        if script.is_done() {
            break;
        }
        now = now.plus(MS);
        step(&mut script, &mut half, &mut model, &mut now, first);
        half.advance(now, None, &mut model);
        if now >= Timestamp(0).plus(GRACE) {
            model.open();
        }
        let next = model.next.and_then(|next| model.bytes.get(next));
        assert!(!matches!(next, Some(Byte::Had(_))), "held back at {:?}", model.next);
    }
    now = now.plus(2 * GRACE);
    half.advance(now, None, &mut model);
    let next = model.open();
    // One number acknowledged beyond all that was seen is taken for a FIN.
    let untold = model.acked > next + 1 && model.ended.is_none();
    assert!(!untold, "acknowledged up to {}, never captured, and told up to {next}", model.acked);
    model.finished = true;
    half.finish(End::Capture, 0, &mut model);
    assert_eq!(model.open, 0, "captured bytes that no item tells of");
    assert!(model.ended.is_some(), "no end");
    assert_eq!(half.queued(), 0);
}

/// One thing that happens.
fn step(script: &mut Script<'_>, half: &mut HalfStream, model: &mut Model, now: &mut Timestamp, first: Seq) {
    match script.below(10) {
        kind @ 0..6 => {
            let from = script.below(SIZE);
            let len = (1 + script.below(40)).min(SIZE - from);
            let missing = if kind == 5 { script.below(20).min(SIZE - from - len) } else { 0 };
            let bytes: Vec<u8> = (from..from + len).map(|at| value(at, kind == 4)).collect();
            sent(model, from, &bytes, missing);
            push(half, model, *now, first.plus(from as u32), Control::ACK, &bytes, missing as u32);
        }
        6 | 7 => {
            let to = script.below(SIZE + 1);
            half.acknowledge(first.plus(to as u32), false, 0, *now);
            model.acked = model.acked.max(to);
        }
        8 => *now = now.plus(script.below(80) as i64 * MS),
        _ => match script.below(4) {
            0 => push(half, model, *now, first.plus(SIZE as u32), Control::FIN | Control::ACK, b"", 0),
            1 => {
                model.relieved = true;
                model.open();
                half.relieve(model);
                model.relieved = false;
            }
            2 => half.force(*now, model),
            _ => half.resume(None, model),
        },
    }
}

/// Takes note of a segment.
fn sent(model: &mut Model, from: usize, bytes: &[u8], missing: usize) {
    model.open += bytes.len() as i64;
    let before = model.next.is_some_and(|_| from < model.lowest);
    if model.next.is_none() {
        model.lowest = model.lowest.min(from);
    }
    for (at, byte) in (from..).zip(bytes) {
        // What comes before the first byte of a stream that was joined is never handed on.
        if model.bytes[at] == Byte::Unseen && !(before && at < model.lowest) {
            model.bytes[at] = Byte::Had(*byte);
        }
    }
    model.cut[from + bytes.len()..][..missing].fill(true);
}

fn push(
    half: &mut HalfStream,
    model: &mut Model,
    time: Timestamp,
    seq: Seq,
    control: u16,
    payload: &[u8],
    missing: u32,
) {
    let (control, options) = (Control(control), &Options::NONE);
    let frame = payload.first().map_or(1, |value| frame_of(*value));
    let segment = Segment { frame, time, seq, ack: Seq(0), control, window: 1000, options, payload, missing };
    let meta = FrameMeta { number: 1, time, wire_len: 0, link: LinkType::ETHERNET, interface: 0, interface_id: None };
    let carrier = Carrier { meta, cap_len: 0, headers: &[], resumed: &[], verdict: Verdict::default() };
    half.push(&segment, &carrier, Peer { ready: None, acked: 0 }, time, None, model);
}
