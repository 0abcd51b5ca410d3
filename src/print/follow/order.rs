//! The order of a conversation: segments that carry no byte find their place among what the streams hand on.

use std::collections::VecDeque;

use crate::app::message::Message;
use crate::event::{Followed, Happened};
use crate::frame::{FrameNumber, Timestamp};
use crate::tcp::reassembly::{End, Item, ORIGIN};
use crate::tcp::verdict::Verdict;
use crate::tcp::{Carrier, Control, OwnedCarrier, Segment};

/// Segments that may wait for what they acknowledge: with more, an acknowledgment tells little.
const WAITING: usize = 64;

/// A segment by itself: of one that carries bytes too, its control bits are what is told.
#[derive(Debug)]
pub struct Seen {
    pub side: usize,
    pub frame: FrameNumber,
    pub time: Timestamp,
    pub control: Control,
    /// Bytes of payload, captured or not.
    pub len: u32,
    pub verdict: Verdict,
    /// Whether it is the ACK that completes the handshake.
    pub opens: bool,
    /// Its headers, where they are wanted.
    pub carrier: Option<Box<OwnedCarrier>>,
    acked: u64,
}

/// What is told next.
pub enum Told<'a> {
    /// A segment without bytes that matters by itself: SYN, FIN, RST, the ACK after SYN-ACK, one with a flag.
    Segment(&'a Seen),
    /// What a stream handed on: its direction, and the message under way there.
    Item(usize, Item<'a>, Option<&'a Message>),
    /// A UDP datagram.
    Datagram(usize, &'a Carrier<'a>, &'a [u8], u32),
}

/// Puts in order what happens on a stream.
#[derive(Debug)]
pub struct Order {
    /// Whether every segment matters, and its headers do.
    all: bool,
    /// Whether SYN, SYN-ACK and the ACK after them were met.
    opened: [bool; 3],
    /// How far each stream was handed on, the FIN's number included.
    delivered: [u64; 2],
    waiting: VecDeque<Seen>,
    /// FINs whose place has not come yet, and whether one was told.
    fins: [Option<Seen>; 2],
    fin_told: [bool; 2],
    /// A RST, until what was captured before it is told.
    reset: Option<Seen>,
    /// The headers of the latest segment, where they are wanted.
    latest: Option<(FrameNumber, OwnedCarrier)>,
}

impl Order {
    /// Of nothing yet; `all` of its segments matter, or those alone of which there is something to say.
    pub fn new(all: bool) -> Self {
        Self {
            all,
            opened: [false; 3],
            delivered: [ORIGIN; 2],
            waiting: VecDeque::new(),
            fins: [None, None],
            fin_told: [false; 2],
            reset: None,
            latest: None,
        }
    }

    /// The headers of the latest segment, if it is this frame's.
    pub fn latest(&self, frame: FrameNumber) -> Option<Carrier<'_>> {
        self.latest.as_ref().filter(|(latest, _)| *latest == frame).map(|(_, carrier)| carrier.get())
    }

    /// Takes what happened, and hands on what is to be told by now.
    pub fn take(&mut self, event: &Followed<'_>, tell: &mut impl FnMut(&Self, Told<'_>)) {
        match event.what {
            Happened::Segment { segment, carrier, acked } => {
                // What comes with the frame before is told by now.
                self.release(FrameNumber::MAX, tell);
                self.segment(event.side, segment, carrier, acked);
                if self.waiting.len() > WAITING
                    && let Some(seen) = self.waiting.pop_front()
                {
                    tell(self, Told::Segment(&seen));
                }
            }
            Happened::Item(item, message) => self.item(event.side, item, message, tell),
            Happened::Datagram(carrier, bytes, missing) => {
                tell(self, Told::Datagram(event.side, carrier, bytes, missing));
            }
        }
    }

    fn segment(&mut self, side: usize, segment: &Segment<'_>, carrier: &Carrier<'_>, acked: u64) {
        if self.all {
            let (_, latest) = self.latest.get_or_insert_default();
            latest.set(carrier);
            self.latest.iter_mut().for_each(|latest| latest.0 = segment.frame);
        }
        let (control, verdict) = (segment.control, carrier.verdict);
        let opens = self.handshake(control);
        let odd = control.any(Control::SYN | Control::FIN | Control::RST);
        let bare = segment.payload.is_empty();
        if !(odd || bare && (opens || self.all || !verdict.flags.is_empty())) {
            return;
        }
        let carrier = self.all.then(|| Box::new(carrier.to_owned()));
        let (frame, time, len) = (segment.frame, segment.time, segment.len());
        let seen = Seen { side, frame, time, control, len, verdict, opens, carrier, acked };
        if control.any(Control::RST) && self.reset.is_none() {
            self.reset = Some(seen);
        } else if control.any(Control::FIN) && !self.fin_told[side] && self.fins[side].is_none() {
            self.fins[side] = Some(seen);
        } else {
            self.waiting.push_back(seen);
        }
    }

    /// Whether a segment is the one that completes the handshake.
    fn handshake(&mut self, control: Control) -> bool {
        let (syn, ack) = (control.any(Control::SYN), control.any(Control::ACK));
        match (syn, ack) {
            (true, _) => self.opened[usize::from(ack)] = true,
            (false, true) if self.opened == [true, true, false] => {
                self.opened[2] = true;
                return true;
            }
            _ => {}
        }
        false
    }

    fn item(&mut self, side: usize, item: Item<'_>, message: Option<&Message>, tell: &mut impl FnMut(&Self, Told<'_>)) {
        match item {
            Item::Data(segment, ..) => {
                self.release(segment.frame, tell);
                self.deliver(side, segment.offset + u64::from(segment.len));
            }
            Item::Gap { offset, len, .. } => self.deliver(side, offset + len),
            Item::End { by: End::Fin, .. } => {
                self.delivered[side] += 1;
                self.fin_told[side] = true;
                self.waiting.extend(self.fins[side].take());
            }
            Item::End { by: End::Rst, .. } => {
                if let Some(reset) = self.reset.take() {
                    tell(self, Told::Segment(&reset));
                }
            }
            _ => {}
        }
        tell(self, Told::Item(side, item, message));
    }

    fn deliver(&mut self, side: usize, end: u64) {
        self.delivered[side] = self.delivered[side].max(end);
    }

    /// Tells the segments of which all that they acknowledge was told, and which were captured before a frame.
    fn release(&mut self, before: FrameNumber, tell: &mut impl FnMut(&Self, Told<'_>)) {
        let delivered = self.delivered;
        let is_due = |seen: &Seen| seen.frame < before && seen.acked <= delivered[1 - seen.side];
        if !self.waiting.iter().any(is_due) {
            return;
        }
        let (mut due, waiting): (Vec<_>, Vec<_>) = self.waiting.drain(..).partition(is_due);
        self.waiting = waiting.into();
        due.sort_by_key(|seen| seen.frame);
        due.iter().for_each(|seen| tell(self, Told::Segment(seen)));
    }

    /// Tells all that waits for no other reason than that nothing came after it.
    pub fn settle(&mut self, tell: &mut impl FnMut(&Self, Told<'_>)) {
        self.release(FrameNumber::MAX, tell);
    }

    /// Nothing follows: tells the rest.
    pub fn end(&mut self, tell: &mut impl FnMut(&Self, Told<'_>)) {
        self.release(FrameNumber::MAX, tell);
        let waiting = std::mem::take(&mut self.waiting);
        let ends = [self.fins[0].take(), self.fins[1].take(), self.reset.take()];
        let mut rest: Vec<Seen> = waiting.into_iter().chain(ends.into_iter().flatten()).collect();
        rest.sort_by_key(|seen| seen.frame);
        rest.iter().for_each(|seen| tell(self, Told::Segment(seen)));
    }
}
