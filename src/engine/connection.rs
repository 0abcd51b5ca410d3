//! One TCP connection: its analysis, its two streams, and the messages on them.

use super::Shared;
use super::feed::Feed;
use crate::app::Pool;
use crate::app::http1::Session;
use crate::app::identify;
use crate::app::ledger::Class;
use crate::event::{self, Close, Direction, Event, Flow, Sink, Transport};
use crate::flow::{Key, Keyed, prefetch};
use crate::frame::{FrameNumber, Timestamp};
use crate::issue::{Flags, Issue, IssueSet};
use crate::tcp::analysis::Analysis;
use crate::tcp::analysis::explain::Explanation;
use crate::tcp::reassembly::{End, GRACE, HalfStream, ORIGIN, Peer};
use crate::tcp::verdict::Verdict;
use crate::tcp::{Carrier, Control, Segment};

/// How long after its end a connection keeps what tells which message a copy belongs to, nanoseconds of capture time:
/// longer than the shortest retransmission timeout in use (200 ms).
const LINGER: i64 = 250_000_000;

/// Control bits of a segment that does more than carry bytes and acknowledge.
const ODD: u16 = Control::SYN | Control::FIN | Control::RST;

/// A connection in the table; after its end, what tells its late copies from a new one.
pub(super) struct Connection {
    name: Name,
    analysis: Analysis,
    halves: [HalfStream; 2],
    session: Option<Box<Session>>,
    /// Deadline of the timer that is set.
    timer: Option<Timestamp>,
    /// Bytes held of it, as last counted.
    pub counted: usize,
    /// When both streams had ended, or a RST came, and the frame of the RST.
    over: Option<(Timestamp, Close, FrameNumber)>,
    ended: bool,
    handshake: [bool; 3],
    first: (Timestamp, FrameNumber),
    last: (Timestamp, FrameNumber),
    directions: [Direction; 2],
    issues: IssueSet,
    other_bytes: u64,
}

/// Which connection it is.
pub(super) struct Name {
    key: Key,
    /// Whether the first segment went from the higher end of the key to the lower.
    swapped: bool,
    pub stream: u64,
    /// Which direction the client's is: 0 for that of the first segment.
    client: Option<u8>,
}

impl Name {
    pub fn client(&self) -> Option<usize> {
        self.client.map(usize::from)
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
            name: Name { key, swapped, stream, client: None },
            analysis: analysis.unwrap_or_else(|| Analysis::new(details)),
            halves: Default::default(),
            session: None,
            timer: None,
            counted: 0,
            over: None,
            ended: false,
            handshake: [false; 3],
            first: (segment.time, segment.frame),
            last: (segment.time, segment.frame),
            directions: Default::default(),
            issues: IssueSet::EMPTY,
            other_bytes: 0,
        }
    }

    pub fn stream(&self) -> u64 {
        self.name.stream
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
    pub fn queued(&self) -> usize {
        let held = self.session.as_ref().map_or(0, |session| session.held());
        self.halves[0].queued() + self.halves[1].queued() + held
    }

    /// Takes over into `all`, what all connections have queued, what has changed of it.
    pub fn count_queued(&mut self, all: &mut usize) {
        let queued = self.queued();
        *all = *all + queued - std::mem::replace(&mut self.counted, queued);
    }

    /// Whether a segment goes on where nothing waits: with no byte, or the next ones of a stream that lacks none and has
    /// no end, and an acknowledgment of what was handed on.
    #[inline]
    pub fn flows(&self, dir: usize, segment: &Segment<'_>) -> bool {
        let [fwd, rev] = [dir, 1 - dir].map(|dir| &self.halves[dir & 1]);
        if segment.control.any(ODD) || !rev.is_idle() || !rev.has_delivered(segment.ack) {
            return false;
        }
        match segment.is_empty() {
            true => fwd.is_idle(),
            false => segment.missing == 0 && fwd.flows() && fwd.is_next(segment.seq) && self.over.is_none(),
        }
    }

    /// Takes a segment without payload that [flows](Connection::flows): there is nothing to say of it. False where the
    /// analysis has more to say; nothing has changed then.
    #[inline]
    pub fn only_acknowledges(&mut self, dir: usize, segment: &Segment<'_>) -> bool {
        if !self.analysis.goes_on(dir, segment) {
            return false;
        }
        let window = self.analysis.known_window(dir, segment.window);
        self.halves[(1 - dir) & 1].acknowledge(segment.ack, false, window, segment.time);
        self.count(dir, segment);
        true
    }

    /// What the analysis says of a segment with payload that [flows](Connection::flows), and is to be
    /// [delivered](Connection::deliver) then; `None` where it has more to say, and nothing has changed then.
    #[inline]
    pub fn goes_on(&mut self, dir: usize, segment: &Segment<'_>) -> Option<Verdict> {
        let verdict = self.analysis.steady(dir, segment)?;
        self.count(dir, segment);
        Some(verdict)
    }

    /// Hands on such a segment.
    pub fn deliver(
        &mut self,
        dir: usize,
        segment: &Segment<'_>,
        carrier: &Carrier<'_>,
        header_sum: Option<u64>,
        shared: &mut Shared,
        sink: &mut impl Sink,
    ) {
        let now = shared.now;
        let window = self.analysis.known_window(dir, segment.window);
        let acked = self.halves[(1 - dir) & 1].acknowledge(segment.ack, false, window, now);
        self.with(shared, sink, |halves, feed| {
            halves[dir & 1].deliver(segment, carrier, acked, now, header_sum, &mut feed.of(dir));
        });
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
        self.directions[dir].flags.add(verdict.flags);
        self.count(dir, segment);
        (verdict, why)
    }

    fn count(&mut self, dir: usize, segment: &Segment<'_>) {
        self.last = (segment.time, segment.frame);
        let direction = &mut self.directions[dir & 1];
        direction.segments += 1;
        direction.bytes += segment.payload.len() as u64;
        self.learn_handshake(dir, segment);
    }

    /// What is known of a segment that is not part of the stream.
    pub fn describe(&mut self, dir: usize, segment: &Segment<'_>) -> Verdict {
        self.analysis.describe(dir, segment)
    }

    fn learn_handshake(&mut self, dir: usize, segment: &Segment<'_>) {
        let (syn, ack) = (segment.control.any(Control::SYN), segment.control.any(Control::ACK));
        match (syn, ack) {
            (true, ack) => {
                self.handshake[usize::from(ack)] = true;
                self.name.client = Some(if ack { 1 - dir } else { dir } as u8);
                if let Some(session) = &mut self.session {
                    session.opened_by(if ack { 1 - dir } else { dir });
                }
            }
            (false, true) if self.handshake[1] && self.name.client() == Some(dir) => self.handshake[2] = true,
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
        if segment.is_empty() && !segment.control.any(ODD) && self.halves.iter().all(HalfStream::is_idle) {
            return false;
        }
        let peer = Peer { ready: self.halves[1 - dir].delivered(), acked };
        let reset = segment.control.any(Control::RST) && self.halves[dir].may_reset(segment.seq);
        self.with(shared, sink, |halves, feed| {
            halves[dir].push(segment, carrier, peer, now, header_sum, &mut feed.of(dir));
            settle(halves, 1 - dir, feed);
        });
        if reset && self.over.is_none() {
            self.over = Some((now, Close::Rst, segment.frame));
        }
        self.note_end(now);
        true
    }

    /// It is over where both streams have ended.
    fn note_end(&mut self, now: Timestamp) {
        if self.over.is_none() && self.halves.iter().all(HalfStream::ended) {
            self.over = Some((now, Close::Fin, self.last.1));
        }
    }

    /// Gives up what is queued, at a bound.
    pub fn relieve(&mut self, shared: &mut Shared, sink: &mut impl Sink) {
        self.issues.insert(Issue::BufferFull);
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
        if self.ended || self.timer.is_some() {
            return None;
        }
        let over = self.over.map(|(since, ..)| {
            if self.halves.iter().all(HalfStream::ended) { since.plus(LINGER) } else { since.plus(GRACE) }
        });
        let pending = self.halves.iter().any(HalfStream::pending).then(|| now.plus(GRACE));
        self.timer = [over, pending].into_iter().flatten().min();
        self.timer
    }

    /// Whether this is the timer that is set; it is not any more.
    pub fn fires(&mut self, deadline: Timestamp) -> bool {
        self.timer.take_if(|timer| *timer == deadline).is_some()
    }

    /// Lets time pass.
    pub fn advance(&mut self, shared: &mut Shared, sink: &mut impl Sink) {
        let now = shared.now;
        let reset = self.over.filter(|over| over.1 == Close::Rst && now >= over.0.plus(GRACE));
        self.with(shared, sink, |halves, feed| {
            pass_time(halves, now, feed);
            for dir in 0..2 {
                halves[dir].force(now, &mut feed.of(dir));
                settle(halves, 1 - dir, feed);
            }
            if let Some((_, _, frame)) = reset {
                finish(halves, End::Rst, frame, feed);
            }
        });
        self.note_end(now);
    }

    /// How it ended, if it has and its linger is over.
    pub fn closed(&self, now: Timestamp) -> Option<Close> {
        self.over.filter(|over| now >= over.0.plus(LINGER)).map(|over| over.1)
    }

    /// Tells all that is left of it; later segments are copies, or nothing.
    pub fn end(&mut self, close: Close, shared: &mut Shared, sink: &mut impl Sink) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let (by, frame) = match self.over {
            Some((_, Close::Rst, frame)) => (End::Rst, frame),
            _ => (End::Capture, 0),
        };
        let mut both_closed = false;
        self.with(shared, sink, |halves, feed| {
            pass_time(halves, Timestamp(i64::MAX), feed);
            // A FIN may have waited for bytes that were lost.
            both_closed = halves.iter().all(HalfStream::ended);
            finish(halves, by, frame, feed);
            feed.close();
        });
        let close = if close == Close::Open && both_closed { Close::Fin } else { close };
        let session = self.session.take();
        let client = self.name.client().or(session.as_ref().and_then(|session| session.client()));
        self.name.client = client.map(|client| client as u8);
        let client = client.unwrap_or(0);
        let protocol = session
            .as_ref()
            .and_then(|session| identify::identify(session.first_bytes(client), session.first_bytes(1 - client)));
        let http = session.as_ref().is_some_and(|session| session.recognised());
        self.session = session;
        // Of some there was nothing but a header that ICMP quotes.
        if self.directions.iter().all(|direction| direction.segments == 0) {
            return;
        }
        shared.counts.connections += 1;
        sink.event(Event::Connection(&event::Connection {
            flow: self.name.flow(),
            handshake: self.handshake,
            close,
            first: self.first,
            last: self.last,
            directions: std::mem::take(&mut self.directions),
            initial_rtt: self.analysis.initial_rtt(),
            http,
            protocol,
            other_bytes: self.other_bytes,
            issues: self.issues,
        }));
    }

    /// Gives up what tells which message a copy belongs to.
    pub fn forget(&mut self, pool: &mut Pool) {
        self.session.take().into_iter().for_each(|session| pool.give_back_session(session));
        self.halves.iter_mut().for_each(HalfStream::forget);
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
            directions: &mut self.directions,
            issues: &mut self.issues,
            shared,
            sink,
        };
        act(&mut self.halves, &mut feed);
        self.other_bytes += shared.ledger.get(Class::Other) - other;
        if shared.ledger.get(Class::Undecodable) > undecodable {
            self.issues.insert(Issue::Undecodable);
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

/// Ends both streams, that of the requests first.
fn finish<S: Sink>(halves: &mut [HalfStream; 2], by: End, frame: FrameNumber, feed: &mut Feed<'_, S>) {
    let client = feed.session.as_ref().and_then(|session| session.client()).or(feed.name.client()).unwrap_or(0);
    for dir in [client, 1 - client] {
        halves[dir].finish(by, frame, &mut feed.of(dir));
    }
}
