//! One TCP connection: its analysis, its two streams, and the messages on them.

mod ending;
mod steady;

use super::Shared;
use super::feed::Feed;
use crate::app::http1::Session;
use crate::app::ledger::Class;
use crate::event::{self, Close, Event, FlagCounts, Flow, Followed, Happened, Sink, Transport};
use crate::flow::{Key, Keyed, prefetch};
use crate::frame::{FrameNumber, Timestamp};
use crate::issue::{Flags, Issue, IssueSet};
use crate::tcp::analysis::Analysis;
use crate::tcp::analysis::explain::Explanation;
use crate::tcp::reassembly::{End, GRACE, HalfStream, ORIGIN, Peer};
use crate::tcp::rtt::RoundTrips;
use crate::tcp::verdict::Verdict;
use crate::tcp::{Carrier, Control, Segment};

use ending::finish;
pub(super) use steady::Taken;

/// How long after its end a connection keeps what tells which message a copy belongs to, nanoseconds of capture time:
/// longer than the shortest retransmission timeout in use (200 ms).
const LINGER: i64 = 250_000_000;

/// Control bits of a segment that does more than carry bytes and acknowledge.
const ODD: u16 = Control::SYN | Control::FIN | Control::RST;

/// A connection in the table; after its end, what tells its late copies from a new one. Where a million are open, each
/// line of the cache that a segment touches here is fetched from memory: it is small, and what most segments need first.
#[repr(C)]
pub(super) struct Connection {
    name: Name,
    halves: [HalfStream; 2],
    analysis: Analysis,
    /// By direction.
    segments: [u64; 2],
    bytes: [u64; 2],
    last: (Timestamp, FrameNumber),
    session: Option<Box<Session>>,
    /// Bytes held of it, as last counted.
    pub counted: usize,
    /// Messages by direction.
    messages: [u32; 2],
    /// Deadline of the timer that is set, or [`NO_TIMER`].
    timer: Timestamp,
    /// When both streams had ended, or a RST came, and its frame: where the name has how.
    over: (Timestamp, FrameNumber),
    first: (Timestamp, FrameNumber),
    other_bytes: u64,
    noted: Noted,
    /// Whether its streams are looked at.
    pub is_wanted: bool,
    /// Whether all that happens on them is told.
    pub is_followed: bool,
}

/// Which connection it is, and what it has been through.
pub(super) struct Name {
    key: Key,
    pub stream: u64,
    /// Whether the first segment went from the higher end of the key to the lower.
    swapped: bool,
    /// Which direction the client's is: 0 for that of the first segment.
    client: Option<u8>,
    handshake: [bool; 3],
    /// How it ended, if it has.
    over: Option<Close>,
    /// Whether its end was told.
    told: bool,
}

/// What most connections have nothing of.
#[derive(Default)]
pub(super) struct Noted(Option<Box<Notes>>);

#[derive(Default)]
struct Notes {
    /// Issues of the connection's own.
    issues: IssueSet,
    /// By direction: segments that have flags, and how long their acknowledgments took where details are kept.
    flags: [FlagCounts; 2],
    round_trips: [RoundTrips; 2],
    /// What there is to tell of it after its end, where that waits for what comes late.
    ended: Option<Box<event::Connection>>,
}

impl Noted {
    pub fn insert(&mut self, issue: Issue) {
        self.0.get_or_insert_default().issues.insert(issue);
    }

    #[inline]
    fn count(&mut self, dir: usize, flags: Flags) {
        if !flags.is_empty() {
            self.0.get_or_insert_default().flags[dir & 1].add(flags);
        }
    }

    /// Takes note of how long a segment of a direction waited for its acknowledgment.
    fn time(&mut self, dir: usize, nanos: i64) {
        self.0.get_or_insert_default().round_trips[dir & 1].add(nanos);
    }
}

/// No timer is set: earlier than any deadline, which is later than some capture time.
const NO_TIMER: Timestamp = Timestamp(i64::MIN);

impl Name {
    pub fn client(&self) -> Option<usize> {
        self.client.map(usize::from)
    }

    /// Who talks to whom; where no SYN told who the client is, the messages do.
    pub fn flow_of(&self, session: Option<&Session>) -> Flow {
        Flow { client: self.client_of(session), ..self.flow() }
    }

    /// The client alone of that.
    pub fn client_of(&self, session: Option<&Session>) -> Option<usize> {
        self.client().or_else(|| session?.client())
    }

    pub fn flow(&self) -> Flow {
        let Self { key, swapped, stream, .. } = *self;
        Flow { transport: Transport::Tcp, stream, ends: key.ends(swapped), client: self.client() }
    }
}

impl Keyed for Connection {
    fn key(&self) -> &Key {
        &self.name.key
    }

    fn prefetch(&self) {
        if let Some(session) = &self.session {
            prefetch(&**session);
        }
    }
}

impl Connection {
    /// The connection that begins with `segment`. `analysis` knows of the one that had the same ports.
    pub fn new(
        stream: u64,
        (key, swapped): (Key, bool),
        segment: &Segment<'_>,
        analysis: Option<Analysis>,
        details: bool,
    ) -> Self {
        Self {
            name: Name { key, stream, swapped, client: None, handshake: [false; 3], over: None, told: false },
            halves: Default::default(),
            analysis: analysis.unwrap_or_else(|| Analysis::new(details)),
            segments: [0; 2],
            bytes: [0; 2],
            last: (segment.time, segment.frame),
            session: None,
            counted: 0,
            messages: [0; 2],
            timer: NO_TIMER,
            over: (segment.time, 0),
            first: (segment.time, segment.frame),
            other_bytes: 0,
            noted: Noted::default(),
            is_wanted: true,
            is_followed: false,
        }
    }

    pub fn stream(&self) -> u64 {
        self.name.stream
    }

    /// Whether its streams are looked at, and nobody asks for all that happens on them.
    #[inline]
    pub fn is_plain(&self) -> bool {
        self.is_wanted && !self.is_followed
    }

    /// 0 for what the sender of the first segment sends, 1 for the answers; `swapped` where that goes from the higher end
    /// of the key to the lower.
    pub fn direction(&self, swapped: bool) -> usize {
        usize::from(swapped != self.name.swapped)
    }

    pub fn is_replaced_by(&self, dir: usize, segment: &Segment<'_>) -> bool {
        self.analysis.is_new_connection(dir, segment)
    }

    /// The analysis for the connection that replaces it, by a SYN.
    pub fn into_analysis(mut self, swapped: bool) -> Analysis {
        self.analysis.reuse(self.direction(swapped));
        self.analysis
    }

    /// Bytes held of it, in queues and unfinished heads.
    #[inline]
    pub fn queued(&self) -> usize {
        let held = self.session.as_ref().map_or(0, |session| session.held());
        self.halves[0].queued() + self.halves[1].queued() + held
    }

    /// Takes over into `all`, what all connections have queued, what has changed of it.
    pub fn count_queued(&mut self, all: &mut usize) {
        let queued = self.queued();
        *all = *all + queued - std::mem::replace(&mut self.counted, queued);
    }

    /// What the analysis says of a segment; `flags` were found before. The reasons too, where they are asked for.
    pub fn analyse(
        &mut self,
        dir: usize,
        segment: &Segment<'_>,
        flags: Flags,
        asked: bool,
    ) -> (Verdict, Option<Box<Explanation>>) {
        let (mut verdict, why) = if asked {
            let (verdict, why) = self.analysis.explain(dir, segment);
            (verdict, Some(Box::new(why)))
        } else {
            (self.analysis.push(dir, segment), None)
        };
        verdict.flags = verdict.flags.union(flags);
        self.noted.count(dir, verdict.flags);
        if verdict.acks_frame > 0 {
            self.noted.time(1 - dir, verdict.ack_rtt);
        }
        self.count(dir, segment);
        (verdict, why)
    }

    #[inline]
    fn count(&mut self, dir: usize, segment: &Segment<'_>) {
        self.last = (segment.time, segment.frame);
        self.segments[dir & 1] += 1;
        self.bytes[dir & 1] += segment.payload.len() as u64;
        self.learn_handshake(dir, segment);
    }

    /// What is known of a segment that is not part of the stream.
    pub fn describe(&mut self, dir: usize, segment: &Segment<'_>) -> Verdict {
        self.analysis.describe(dir, segment)
    }

    #[inline]
    fn learn_handshake(&mut self, dir: usize, segment: &Segment<'_>) {
        let (syn, ack) = (segment.control.any(Control::SYN), segment.control.any(Control::ACK));
        match (syn, ack) {
            (true, ack) => {
                self.name.handshake[usize::from(ack)] = true;
                self.name.client = Some(if ack { 1 - dir } else { dir } as u8);
                if let Some(session) = &mut self.session {
                    session.opened_by(if ack { 1 - dir } else { dir });
                }
            }
            (false, true) if self.name.handshake[1] && self.name.client() == Some(dir) => self.name.handshake[2] = true,
            _ => {}
        }
    }

    /// Takes a segment into its stream. False where it only acknowledges, and nothing waits for that.
    pub fn push(
        &mut self,
        dir: usize,
        segment: &Segment<'_>,
        carrier: &Carrier<'_>,
        header_sum: Option<u64>,
        shared: &mut Shared,
        sink: &mut impl Sink,
    ) -> bool {
        let (verdict, now) = (&carrier.verdict, shared.now);
        let mut acked = 0;
        if segment.control.any(Control::ACK) && !segment.control.any(Control::RST) {
            let syn = segment.control.any(Control::SYN);
            let window =
                if syn || verdict.window_scale.is_some_and(|scale| scale != -1) { verdict.window_size } else { 0 };
            acked = self.halves[1 - dir].acknowledge(segment.ack, syn, window, now);
        }
        if self.is_followed {
            self.tell(dir, segment, carrier, acked, sink);
        }
        if segment.is_empty() && !segment.control.any(ODD) && self.halves.iter().all(HalfStream::is_idle) {
            return false;
        }
        let peer = Peer { ready: self.halves[1 - dir].delivered(), acked };
        let reset = segment.control.any(Control::RST) && self.halves[dir].may_reset(segment.seq);
        self.with(shared, sink, |halves, feed| {
            halves[dir].push(segment, carrier, peer, now, header_sum, &mut feed.of(dir));
            settle(halves, 1 - dir, feed);
        });
        if reset && self.name.over.is_none() {
            (self.name.over, self.over) = (Some(Close::Rst), (now, segment.frame));
        }
        self.note_end(now);
        true
    }

    /// Tells of a segment as it was captured.
    pub fn tell(&self, side: usize, segment: &Segment<'_>, carrier: &Carrier<'_>, acked: u64, sink: &mut impl Sink) {
        let what = Happened::Segment { segment, carrier, acked };
        let flow = self.name.flow_of(self.session.as_deref());
        sink.event(Event::Followed(Followed { flow, side, what }));
    }

    /// Takes note of how it ends where its streams are not looked at.
    pub fn pass_over(&mut self, dir: usize, segment: &Segment<'_>, now: Timestamp) {
        if segment.control.any(Control::RST) {
            self.halves.iter_mut().for_each(HalfStream::pass_over);
            if self.name.over.is_none() {
                (self.name.over, self.over) = (Some(Close::Rst), (now, segment.frame));
            }
        } else if segment.control.any(Control::FIN) {
            self.halves[dir & 1].pass_over();
            self.note_end(now);
        }
    }

    /// It is over where both streams have ended.
    fn note_end(&mut self, now: Timestamp) {
        if self.name.over.is_none() && self.halves.iter().all(HalfStream::ended) {
            (self.name.over, self.over.0) = (Some(Close::Fin), now);
        }
    }

    /// Gives up what is queued, at a bound.
    pub fn relieve(&mut self, shared: &mut Shared, sink: &mut impl Sink) {
        self.noted.insert(Issue::BufferFull);
        self.with(shared, sink, |halves, feed| {
            if feed.session.as_ref().is_some_and(|session| session.held() > halves[0].queued() + halves[1].queued()) {
                return feed.session(|session, cx| session.relieve(cx));
            }
            let fuller = usize::from(halves[1].queued() > halves[0].queued());
            halves[fuller].relieve(&mut feed.of(fuller));
            settle(halves, 1 - fuller, feed);
        });
    }

    /// When there is something to look at, if a timer for that is not set yet.
    pub fn arm(&mut self, now: Timestamp) -> Option<Timestamp> {
        if self.name.told || self.timer != NO_TIMER {
            return None;
        }
        let since = self.over.0;
        let over = self
            .name
            .over
            .map(|_| if self.halves.iter().all(HalfStream::ended) { since.plus(LINGER) } else { since.plus(GRACE) });
        // At the latest time that there is, none passes.
        let later = Some(now.plus(GRACE)).filter(|later| *later > now);
        let pending = later.filter(|_| self.halves.iter().any(HalfStream::pending));
        let deadline = [over, pending].into_iter().flatten().min()?;
        self.timer = deadline;
        Some(deadline)
    }

    /// Whether this is the timer that is set; it is not any more.
    pub fn fires(&mut self, deadline: Timestamp) -> bool {
        let fires = self.timer == deadline;
        if fires {
            self.timer = NO_TIMER;
        }
        fires
    }

    /// Whether both streams have ended and nothing waits, so that time changes nothing.
    fn is_done(&self) -> bool {
        self.name.over == Some(Close::Fin) && self.halves.iter().all(|half| half.ended() && half.is_idle())
    }

    /// Lets time pass.
    pub fn advance(&mut self, shared: &mut Shared, sink: &mut impl Sink) {
        if self.is_done() {
            return;
        }
        let now = shared.now;
        let reset = self.name.over == Some(Close::Rst) && now >= self.over.0.plus(GRACE);
        let frame = self.over.1;
        self.with(shared, sink, |halves, feed| {
            pass_time(halves, now, feed);
            for dir in 0..2 {
                halves[dir].force(now, &mut feed.of(dir));
                settle(halves, 1 - dir, feed);
            }
            if reset {
                finish(halves, End::Rst, frame, feed);
            }
        });
        self.note_end(now);
    }

    /// Runs `act` on the streams, with what feeds the session.
    fn with<S: Sink>(
        &mut self,
        shared: &mut Shared,
        sink: &mut S,
        act: impl FnOnce(&mut [HalfStream; 2], &mut Feed<'_, S>),
    ) {
        let origins = [0, 1].map(|dir| self.halves[dir].seq_at(ORIGIN).0.wrapping_sub(self.analysis.base(dir).0));
        let other = shared.ledger.get(Class::Other);
        let undecodable = shared.ledger.get(Class::Undecodable);
        let mut feed = Feed {
            session: &mut self.session,
            name: &self.name,
            origins,
            messages: &mut self.messages,
            noted: &mut self.noted,
            is_followed: self.is_followed,
            shared,
            sink,
        };
        act(&mut self.halves, &mut feed);
        let other = shared.ledger.get(Class::Other) - other;
        if other > 0 {
            self.other_bytes += other;
        }
        if shared.ledger.get(Class::Undecodable) > undecodable {
            self.noted.insert(Issue::Undecodable);
        }
    }
}

/// Lets time pass for both streams, until neither comes further.
fn pass_time<S: Sink>(halves: &mut [HalfStream; 2], now: Timestamp, feed: &mut Feed<'_, S>) {
    while halves.iter().any(HalfStream::pending) {
        let before = [halves[0].delivered(), halves[1].delivered()];
        for dir in 0..2 {
            let ready = halves[1 - dir].delivered();
            halves[dir].advance(now, ready, &mut feed.of(dir));
        }
        if before == [halves[0].delivered(), halves[1].delivered()] {
            return;
        }
    }
}

/// Hands on what one stream, then the other, has waited with, until neither comes further.
fn settle<S: Sink>(halves: &mut [HalfStream; 2], mut dir: usize, feed: &mut Feed<'_, S>) {
    while halves[dir].queued() > 0 {
        let before = halves[dir].delivered();
        let ready = halves[1 - dir].delivered();
        halves[dir].resume(ready, &mut feed.of(dir));
        if halves[dir].delivered() == before {
            return;
        }
        dir = 1 - dir;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A million may be open: what one takes in the table.
    #[test]
    fn a_connection_is_small() {
        assert!(size_of::<Connection>() <= 424, "{}", size_of::<Connection>());
    }
}
