//! Which frames it takes to read chosen messages again: `-w` with `-Y`.
//!
//! A first pass finds how far into their streams the chosen messages go, a second one the frames that carry the bytes up
//! to there, with all that opens and closes their connections and acknowledges.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::selection::Selection;
use super::{Failure, pass};
use crate::app::http1::Http;
use crate::app::message::{Integrity, Kind};
use crate::cli::Plan;
use crate::decode;
use crate::engine::{Engine, Options};
use crate::event::{self, Event, Flow, Packet, Sink, Transport};
use crate::flow::Endpoint;
use crate::frame::{FrameNumber, Timestamp};
use crate::tcp::Control;
use crate::tcp::reassembly::ORIGIN;

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

/// The captures that are read to choose: the same one twice.
pub(super) fn open(plan: &Plan) -> Result<[pass::Pass; 2], Failure> {
    Ok([pass::Pass::of(plan)?, pass::Pass::of(plan)?])
}

/// The frames that are to be saved of what the plan reads.
pub(super) fn choose(plan: &Plan, [first, second]: [pass::Pass; 2], stop: &Arc<AtomicBool>) -> Result<Frames, Failure> {
    let Some(filter) = plan.display.clone() else { return Ok(Frames::default()) };
    let mut places = Places::new(Selection::new(filter, false));
    read(first, Options { packets: false, bodies: false, ..plan.engine.clone() }, stop, &mut places)?;
    if places.chosen.len() >= MAX_CHOSEN {
        super::note(&"so many connections have something to be saved that every frame is");
        return Ok(Frames { all: true, ..Frames::default() });
    }
    let mut marks = Marks { streams: places.chosen, datagrams: places.datagrams, frames: Frames::default() };
    let options = Options { packets: true, bodies: false, preview: 0, details: false, ..plan.engine.clone() };
    read(second, options, stop, &mut marks)?;
    Ok(marks.frames)
}

/// What takes the events of a pass.
trait Pass: Sink {
    /// Takes note of when frames that come were captured.
    fn begins(&mut self, _first: Timestamp) {}
}

/// Reads a capture.
fn read(pass: pass::Pass, options: Options, stop: &Arc<AtomicBool>, sink: &mut impl Pass) -> Result<(), Failure> {
    let mut engine = Engine::new(options);
    // A capture that is cut is told of when it is read to be shown.
    pass::each(pass, stop, |frames| {
        if let Some(first) = frames.first() {
            sink.begins(first.meta.time);
        }
        engine.push_all(frames, sink);
    })?;
    engine.finish(sink);
    Ok(())
}

/// What is saved of one direction: its bytes up to an offset, so that what precedes a chosen message is read alike.
#[derive(Clone, Debug)]
struct Direction {
    /// Offset of the first byte that is not saved; 0 where none is.
    to: u64,
    /// What to add to an offset to have a relative sequence number.
    delta: u32,
    /// The offset of the segment that was looked at last.
    position: u64,
}

impl Default for Direction {
    fn default() -> Self {
        Self { to: 0, delta: 0, position: ORIGIN }
    }
}

impl Direction {
    /// Whether a segment begins with a byte that is saved.
    fn carries(&mut self, seq: u32) -> bool {
        // A direction in which nothing was chosen has no number to count from.
        if self.to == 0 {
            return false;
        }
        // The offset nearest to that of the segment before, as sequence numbers begin again.
        let ahead = seq.wrapping_sub(self.delta).wrapping_sub(self.position as u32) as i32;
        self.position = self.position.saturating_add_signed(ahead.into());
        self.position < self.to
    }
}

/// What is saved of a connection.
#[derive(Clone, Debug)]
enum Part {
    /// Everything.
    Whole,
    /// Beginnings of both directions, and what has no bytes: of who sent the connection's first frame, and of the other.
    Beginnings(Endpoint, Box<[Direction; 2]>),
}

/// Requests of one connection that have not ended though they are answered.
const MAX_WANTED: usize = 16;

/// What is known of a connection while it lasts.
#[derive(Default)]
struct Live {
    /// What is to be added to an offset of a direction to have a relative sequence number.
    deltas: [Option<u32>; 2],
    /// Where requests end that have no final answer yet, by their numbers.
    requests: BTreeMap<u32, u64>,
    /// Requests of which the answer was chosen before they had ended.
    wanted: BTreeSet<u32>,
}

/// The first pass: where the chosen messages are.
struct Places {
    selection: Selection,
    live: HashMap<u64, Live>,
    chosen: HashMap<u64, Part>,
    datagrams: Frames,
    /// Requests that wait for their answers.
    waiting: usize,
}

impl Places {
    fn new(selection: Selection) -> Self {
        let (live, chosen, datagrams) = (HashMap::new(), HashMap::new(), Frames::default());
        Self { selection, live, chosen, datagrams, waiting: 0 }
    }

    fn message(&mut self, told: &event::Message<'_>, holds: bool) {
        let message = told.message;
        if told.flow.transport == Transport::Udp {
            if holds {
                self.datagrams.insert(message.segments.first_frame());
                message.request_in.into_iter().for_each(|frame| self.datagrams.insert(frame));
            }
            return;
        }
        let stream = told.flow.stream;
        let live = self.live.entry(stream).or_default();
        live.deltas[message.side] = Some(told.first_seq.wrapping_sub(message.start as u32));
        // That bytes are missing is known from what came after them, in any message.
        // What a frame of HTTP/2 means hangs on others, before and after it, in both directions.
        let is_framed = message.http().is_some_and(|http| http.http2.is_some());
        let mut whole = message.integrity == Integrity::Gap || is_framed;
        let mut wanted = holds;
        let mut asked = 0;
        match message.kind {
            Kind::Request => {
                wanted |= live.wanted.remove(&message.number);
                if self.waiting < MAX_REQUESTS && live.requests.insert(message.number, message.end()).is_none() {
                    self.waiting += 1;
                }
            }
            Kind::Message { .. } => {}
            Kind::Response => {
                let answered = message.answers.and_then(|number| {
                    let is_final = message.http().is_some_and(Http::is_final);
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
                        (Some(end), _) => asked = end,
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
            let mut ends = [0; 2];
            ends[message.side] = message.end();
            // What it acknowledges came before it.
            ends[1 - message.side] = message.acked.max(asked);
            let deltas = live.deltas;
            self.add(&told.flow, ends, deltas);
            if whole {
                self.whole(stream);
            }
        }
    }

    fn add(&mut self, flow: &Flow, ends: [u64; 2], deltas: [Option<u32>; 2]) {
        if self.chosen.len() >= MAX_CHOSEN {
            return;
        }
        let part = self.chosen.entry(flow.stream).or_insert_with(|| Part::Beginnings(flow.ends[0], Box::default()));
        let Part::Beginnings(_, directions) = part else { return };
        for (direction, (end, delta)) in directions.iter_mut().zip(ends.into_iter().zip(deltas)) {
            if let Some(delta) = delta {
                (direction.to, direction.delta) = (direction.to.max(end), delta);
            }
        }
    }

    /// All of a connection is saved.
    fn whole(&mut self, stream: u64) {
        if self.chosen.len() < MAX_CHOSEN {
            self.chosen.insert(stream, Part::Whole);
        }
    }
}

impl Pass for Places {
    fn begins(&mut self, first: Timestamp) {
        self.selection.begins(first);
    }
}

impl Sink for Places {
    fn event(&mut self, event: Event<'_>) {
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
            Event::Packet(_) | Event::Body { .. } | Event::Update(_) | Event::Followed(_) | Event::Drops(_) => {}
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
            Some(Part::Beginnings(first, directions)) => {
                let from = packet.decoded.addresses.map(|(src, _)| Endpoint { address: src, port: header.src });
                let direction = &mut directions[usize::from(from != Some(*first))];
                let len = packet.decoded.payload.len() as u32 + packet.decoded.missing;
                let control = Control(header.flags).any(Control::SYN | Control::FIN | Control::RST);
                len == 0 || control || direction.carries(verdict.seq)
            }
        }
    }
}

impl Pass for Marks {}

impl Sink for Marks {
    fn event(&mut self, event: Event<'_>) {
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

    #[test]
    fn segments_are_of_a_beginning_also_where_sequence_numbers_begin_again() {
        let delta = 1_u32.wrapping_sub(ORIGIN as u32);
        let far = ORIGIN + (5 << 30);
        let mut direction = Direction { to: far, delta, ..Direction::default() };
        let number = |offset: u64| ((offset - ORIGIN) as u32).wrapping_add(1);
        for step in 0..=9 {
            assert!(direction.carries(number(ORIGIN + (step << 29))), "{step}");
        }
        assert!(direction.carries(number(far - 1)) && !direction.carries(number(far)));
        assert!(!Direction::default().carries(1));
    }

    #[test]
    fn frames_are_those_that_were_put_in() {
        let mut frames = Frames::default();
        [1, 64, 1000].into_iter().for_each(|frame| frames.insert(frame));
        assert_eq!((0..2000).filter(|frame| frames.contains(*frame)).collect::<Vec<_>>(), [1, 64, 1000]);
    }
}
