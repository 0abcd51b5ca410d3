//! Which frames it takes to read chosen messages again: `-w` with `-Y`.
//!
//! A first pass finds where in their streams the chosen messages are, a second one the frames that carry these bytes, with
//! all that opens and closes their connections and acknowledges.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::selection::Selection;
use super::{Failure, pass};
use crate::app::message::{Integrity, Kind, Message};
use crate::cli::Plan;
use crate::decode;
use crate::engine::{Engine, Options};
use crate::event::{self, Event, Flow, Packet, Sink, Transport};
use crate::flow::Endpoint;
use crate::frame::FrameNumber;
use crate::tcp::Control;
use crate::tcp::reassembly::ORIGIN;

/// Stretches of streams that are kept; of a connection with more to come, everything is saved.
const MAX_STRETCHES: usize = 4 << 20;

/// Connections of which something is chosen; with more of them, every frame is saved.
const MAX_CHOSEN: usize = 512 << 10;

/// Requests that are remembered until they are answered; of an answer to another one, the whole connection is saved.
const MAX_REQUESTS: usize = 1 << 20;

/// Numbers of frames: a bit for each frame of the capture, of which each takes 16 bytes in its file at least.
#[derive(Default)]
pub(super) struct Frames {
    bits: Vec<u64>,
    all: bool,
}

impl Frames {
    fn insert(&mut self, frame: FrameNumber) {
        let Ok(word) = usize::try_from(frame / 64) else { return };
        if word >= self.bits.len() {
            self.bits.resize(word + 1, 0);
        }
        self.bits[word] |= 1 << (frame % 64);
    }

    /// Whether this one is among them.
    pub fn contains(&self, frame: FrameNumber) -> bool {
        self.all
            || usize::try_from(frame / 64)
                .is_ok_and(|word| self.bits.get(word).is_some_and(|bits| bits >> (frame % 64) & 1 != 0))
    }
}

/// The frames that are to be saved of what the plan reads.
pub(super) fn choose(plan: &Plan, stop: &Arc<AtomicBool>) -> Result<Frames, Failure> {
    let Some(filter) = plan.display.clone() else { return Ok(Frames::default()) };
    let pass = |options: Options, sink: &mut dyn DynSink| {
        let mut engine = Engine::new(options);
        let mut sink = Erased(sink);
        // A capture that is cut is told of when it is read to be shown.
        pass::each(&plan.input, plan.filter.as_deref(), plan.count, stop, |frames| {
            if let Some(first) = frames.first() {
                sink.0.begins(first.meta.time);
            }
            engine.push_all(frames, &mut sink);
        })?;
        engine.finish(&mut sink);
        Ok::<(), Failure>(())
    };
    let mut places = Places::new(Selection::new(filter, false));
    pass(Options { packets: false, bodies: false, ..plan.engine.clone() }, &mut places)?;
    if places.chosen.len() >= MAX_CHOSEN {
        super::note(&"so many connections have something to be saved that every frame is");
        return Ok(Frames { all: true, ..Frames::default() });
    }
    let mut marks = Marks { streams: places.chosen, datagrams: places.datagrams, frames: Frames::default() };
    pass(Options { packets: true, bodies: false, preview: 0, details: false, ..plan.engine.clone() }, &mut marks)?;
    Ok(marks.frames)
}

/// What takes the events of a pass.
trait DynSink {
    fn take(&mut self, event: Event<'_>);
    fn begins(&mut self, _first: crate::frame::Timestamp) {}
}

struct Erased<'s>(&'s mut dyn DynSink);

impl Sink for Erased<'_> {
    fn event(&mut self, event: Event<'_>) {
        self.0.take(event);
    }
}

/// A stretch of one direction: offsets of its first byte, and of the one after its last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Stretch {
    from: u64,
    to: u64,
}

/// What is saved of one direction.
#[derive(Clone, Debug)]
struct Direction {
    /// In order, none of which overlap or touch.
    stretches: Vec<Stretch>,
    /// What to add to an offset to have a relative sequence number.
    delta: u32,
    /// The offset of the segment that was looked at last.
    position: u64,
}

impl Default for Direction {
    fn default() -> Self {
        Self { stretches: Vec::new(), delta: 0, position: ORIGIN }
    }
}

impl Direction {
    /// Adds a stretch; tells by how many there are more.
    fn add(&mut self, mut new: Stretch) -> isize {
        let before = self.stretches.len() as isize;
        let first = self.stretches.partition_point(|stretch| stretch.to < new.from);
        let last = self.stretches.partition_point(|stretch| stretch.from <= new.to);
        if let Some(overlapped) = self.stretches.get(first..last).filter(|some| !some.is_empty()) {
            new.from = new.from.min(overlapped[0].from);
            new.to = new.to.max(overlapped[overlapped.len() - 1].to);
        }
        self.stretches.splice(first..last.max(first), [new]);
        self.stretches.len() as isize - before
    }

    /// Whether a segment carries a byte of a stretch.
    fn carries(&mut self, seq: u32, len: u32) -> bool {
        // The offset nearest to that of the segment before, as sequence numbers begin again.
        let ahead = seq.wrapping_sub(self.delta).wrapping_sub(self.position as u32) as i32;
        let from = self.position.saturating_add_signed(ahead.into());
        self.position = from;
        let to = from + u64::from(len);
        let next = self.stretches.partition_point(|stretch| stretch.to <= from);
        self.stretches.get(next).is_some_and(|stretch| stretch.from < to)
    }
}

/// What is saved of a connection.
#[derive(Clone, Debug)]
enum Part {
    /// Everything.
    Whole,
    /// The bytes of some messages, and what has none: of who sent the connection's first frame, and of the other.
    Stretches(Endpoint, Box<[Direction; 2]>),
}

/// A message of a direction, as far as the next one needs to know.
#[derive(Clone, Copy)]
struct Past {
    end: u64,
    last_frame: FrameNumber,
    /// Where the first of the messages begins of which each shares a frame with the next: the frame of this one's first
    /// byte cannot be read without that.
    chain: u64,
}

/// Requests of one connection that have not ended though they are answered.
const MAX_WANTED: usize = 16;

/// What is known of a connection while it lasts.
#[derive(Default)]
struct Live {
    last: [Option<Past>; 2],
    requests: BTreeMap<u32, Request>,
    /// Requests of which the answer was chosen before they had ended.
    wanted: BTreeSet<u32>,
}

#[derive(Clone, Copy)]
struct Request {
    side: usize,
    delta: u32,
    stretch: Stretch,
    /// Whether its method tells how long the answer is.
    decides: bool,
}

/// The first pass: where the chosen messages are.
struct Places {
    selection: Selection,
    live: HashMap<u64, Live>,
    chosen: HashMap<u64, Part>,
    datagrams: Frames,
    /// Stretches, and requests that wait for their answers.
    count: usize,
    waiting: usize,
}

impl Places {
    fn new(selection: Selection) -> Self {
        let (live, chosen, datagrams) = (HashMap::new(), HashMap::new(), Frames::default());
        Self { selection, live, chosen, datagrams, count: 0, waiting: 0 }
    }

    fn message(&mut self, told: &event::Message<'_>, holds: bool) {
        let message = told.message;
        if told.flow.transport == Transport::Udp {
            if holds {
                self.datagrams.insert(message.segments.first_frame());
            }
            return;
        }
        let stream = told.flow.stream;
        let live = self.live.entry(stream).or_default();
        let chain = chain(live.last[message.side], message);
        let (end, last_frame) = (message.end(), message.segments.last_frame());
        live.last[message.side] = Some(Past { end, last_frame, chain });
        let delta = told.first_seq.wrapping_sub(message.start as u32);
        let stretch = Stretch { from: chain, to: end };
        // That bytes are missing is known from what came after them, in any message.
        let mut whole = message.integrity == Integrity::Gap;
        let mut wanted = holds;
        let mut request = None;
        match message.kind {
            Kind::Request => {
                wanted |= live.wanted.remove(&message.number);
                let decides = message.http().is_some_and(|http| {
                    let head = http.head();
                    [&b"HEAD"[..], b"CONNECT"].contains(&head.method().unwrap_or_default())
                        || head.get("upgrade").is_some()
                });
                let new = Request { side: message.side, delta, stretch, decides };
                if self.waiting < MAX_REQUESTS && live.requests.insert(message.number, new).is_none() {
                    self.waiting += 1;
                }
            }
            Kind::Response => {
                let answered = message.answers.and_then(|number| {
                    let is_final = message.http().is_some_and(|http| !(100..200).contains(&http.parsed.code));
                    // What is learnt of interim responses too.
                    if !is_final {
                        return live.requests.get(&number).copied();
                    }
                    let answered = live.requests.remove(&number);
                    self.waiting -= usize::from(answered.is_some());
                    answered
                });
                if wanted {
                    match (answered, message.answers) {
                        (Some(answered), _) => {
                            // How it ends follows from what it answers: without all that came before, which that is
                            // would not be certain.
                            whole |= answered.decides;
                            request = Some(answered);
                        }
                        // It has not ended yet, or is forgotten.
                        (None, Some(number)) if live.wanted.len() < MAX_WANTED => {
                            live.wanted.insert(number);
                        }
                        (None, _) => whole = true,
                    }
                }
            }
        }
        if wanted {
            self.add(&told.flow, message.side, delta, stretch);
            if let Some(Request { side, delta, stretch, .. }) = request {
                self.add(&told.flow, side, delta, stretch);
            }
            if whole {
                self.whole(stream);
            }
        }
    }

    fn add(&mut self, flow: &Flow, side: usize, delta: u32, stretch: Stretch) {
        if self.chosen.len() >= MAX_CHOSEN {
            return;
        }
        let part = self.chosen.entry(flow.stream).or_insert_with(|| Part::Stretches(flow.ends[0], Box::default()));
        let Part::Stretches(_, directions) = part else { return };
        directions[side].delta = delta;
        self.count = self.count.saturating_add_signed(directions[side].add(stretch));
        if self.count > MAX_STRETCHES {
            self.whole(flow.stream);
        }
    }

    /// All of a connection is saved.
    fn whole(&mut self, stream: u64) {
        if self.chosen.len() < MAX_CHOSEN
            && let Some(Part::Stretches(_, directions)) = self.chosen.insert(stream, Part::Whole)
        {
            self.count -= directions.iter().map(|direction| direction.stretches.len()).sum::<usize>();
        }
    }
}

/// Where the chain of messages begins that a message is in.
fn chain(last: Option<Past>, message: &Message) -> u64 {
    let shares = |last: &Past| last.end == message.start && last.last_frame >= message.carrier.get().meta.number;
    last.filter(shares).map_or(message.start, |last| last.chain)
}

impl DynSink for Places {
    fn begins(&mut self, first: crate::frame::Timestamp) {
        self.selection.begins(first);
    }

    fn take(&mut self, event: Event<'_>) {
        let holds = self.selection.shows(&event);
        match event {
            Event::Message(told) => self.message(&told, holds),
            Event::Connection(connection) => {
                let stream = connection.flow.stream;
                self.waiting -= self.live.remove(&stream).map_or(0, |live| live.requests.len());
                if holds && !self.chosen.contains_key(&stream) {
                    self.whole(stream);
                }
            }
            Event::Packet(_) | Event::Body { .. } | Event::Update(_) => {}
        }
    }
}

/// The second pass: the frames that have these bytes.
struct Marks {
    streams: HashMap<u64, Part>,
    datagrams: Frames,
    frames: Frames,
}

impl Marks {
    fn is_chosen(&mut self, packet: &Packet<'_>) -> bool {
        if self.datagrams.contains(packet.decoded.meta.number) {
            return true;
        }
        let (Some((stream, verdict)), decode::Transport::Tcp(header)) = (packet.tcp, packet.decoded.transport) else {
            return false;
        };
        match self.streams.get_mut(&stream) {
            None => false,
            Some(Part::Whole) => true,
            Some(Part::Stretches(first, directions)) => {
                let from = packet.decoded.addresses.map(|(src, _)| Endpoint { address: src, port: header.src });
                let direction = &mut directions[usize::from(from != Some(*first))];
                let len = packet.decoded.payload.len() as u32 + packet.decoded.missing;
                let control = Control(header.flags).any(Control::SYN | Control::FIN | Control::RST);
                // A direction in which nothing was chosen has no number to count from.
                let carries = !direction.stretches.is_empty() && direction.carries(verdict.seq, len);
                len == 0 || control || carries
            }
        }
    }
}

impl DynSink for Marks {
    fn take(&mut self, event: Event<'_>) {
        if let Event::Packet(packet) = event
            && self.is_chosen(&packet)
        {
            self.frames.insert(packet.decoded.meta.number);
            packet
                .assemblies
                .iter()
                .flat_map(|assembly| &assembly.parts)
                .for_each(|part| self.frames.insert(part.frame));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretches(added: &[(u64, u64)]) -> Vec<(u64, u64)> {
        let mut direction = Direction::default();
        let mut count = 0;
        for &(from, to) in added {
            count += direction.add(Stretch { from, to });
            assert_eq!(count, direction.stretches.len() as isize);
        }
        direction.stretches.iter().map(|stretch| (stretch.from, stretch.to)).collect()
    }

    #[test]
    fn stretches_are_in_order_and_apart() {
        assert_eq!(stretches(&[(10, 20), (30, 40)]), [(10, 20), (30, 40)]);
        assert_eq!(stretches(&[(30, 40), (10, 20), (20, 25)]), [(10, 25), (30, 40)]);
        assert_eq!(stretches(&[(10, 20), (30, 40), (50, 60), (15, 55)]), [(10, 60)]);
        assert_eq!(stretches(&[(10, 60), (20, 30)]), [(10, 60)]);
        assert_eq!(stretches(&[(10, 20), (1, 2), (5, 6)]), [(1, 2), (5, 6), (10, 20)]);
    }

    #[test]
    fn segments_carry_stretches_also_where_sequence_numbers_begin_again() {
        let mut direction = Direction { delta: 1_u32.wrapping_sub(ORIGIN as u32), ..Direction::default() };
        let far = ORIGIN + (5 << 30);
        direction.add(Stretch { from: ORIGIN + 100, to: ORIGIN + 200 });
        direction.add(Stretch { from: far, to: far + 10 });
        assert!(!direction.carries(1, 100) && direction.carries(1, 101) && direction.carries(200, 1));
        assert!(!direction.carries(201, 10));
        // The number of the second stretch, when it stands for another place.
        let number = |offset: u64| ((offset - ORIGIN) as u32).wrapping_add(1);
        assert!(!direction.carries(number(far), 10));
        for step in 1..=9 {
            direction.carries(number(ORIGIN + (step << 29)), 1);
        }
        assert!(direction.carries(number(far), 1) && !direction.carries(number(far + 10), 1));
        assert!(!direction.carries(number(ORIGIN + (4 << 30) + 100), 1));
    }

    #[test]
    fn frames_are_those_that_were_put_in() {
        let mut frames = Frames::default();
        [1, 64, 1000].into_iter().for_each(|frame| frames.insert(frame));
        assert_eq!((0..2000).filter(|frame| frames.contains(*frame)).collect::<Vec<_>>(), [1, 64, 1000]);
    }
}
