//! When a run ends before its source does: a signal came, the time is over, what was waited for is there.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::clock::nanos;
use crate::cli::{self, Plan};
use crate::event::Event;
use crate::filter::{ConnectionRecord, Filter, FrameRecord, MessageRecord, Partial, Times};
use crate::frame::Timestamp;
use crate::source::Batch;

/// What ends a run from outside of it.
pub(super) struct Stop {
    signal: Arc<AtomicBool>,
    deadline: Option<Instant>,
    span: Span,
    over: bool,
}

impl Stop {
    /// Begins to count the time, if that is by the clock.
    pub(super) fn new(plan: &Plan, signal: Arc<AtomicBool>) -> Self {
        let duration = plan.stop.duration;
        if plan.input.is_under_way() {
            let deadline = duration.and_then(|duration| Instant::now().checked_add(duration));
            return Self { deadline, ..Self::in_capture(None, signal) };
        }
        Self::in_capture(duration, signal)
    }

    /// Ends after so much capture time.
    pub(super) fn in_capture(duration: Option<Duration>, signal: Arc<AtomicBool>) -> Self {
        Self { signal, deadline: None, span: Span::new(duration), over: false }
    }

    /// What a signal sets.
    pub(super) fn signal(&self) -> &Arc<AtomicBool> {
        &self.signal
    }

    /// Ends the run.
    pub(super) fn now(&mut self) {
        self.over = true;
    }

    /// Whether a signal came.
    pub(super) fn is_signalled(&self) -> bool {
        self.signal.load(Ordering::Relaxed)
    }

    /// Whether the run is to end without a signal.
    pub(super) fn is_ended(&self) -> bool {
        self.over || self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Whether it is to end, by a signal or without.
    pub(super) fn is_over(&self) -> bool {
        self.is_signalled() || self.is_ended()
    }

    /// Leaves the frames that were captured in time.
    pub(super) fn limit(&mut self, frames: &mut Batch<'_>) {
        self.over |= !self.span.limit(frames);
    }
}

/// A stretch of capture time, from the first frame on.
struct Span {
    /// Nanoseconds.
    length: Option<i64>,
    first: Option<Timestamp>,
}

impl Span {
    fn new(length: Option<Duration>) -> Self {
        Self { length: length.map(nanos), first: None }
    }

    /// Leaves the frames up to the first one that was captured later; whether there was none.
    fn limit(&mut self, frames: &mut Batch<'_>) -> bool {
        let (Some(length), Some(frame)) = (self.length, frames.first()) else { return true };
        let first = *self.first.get_or_insert(frame.meta.time);
        let beyond = frames.iter().position(|frame| frame.meta.time.since(first) >= length);
        beyond.inspect(|at| frames.truncate(*at)).is_none()
    }
}

/// What is waited for, and whether it is there.
pub(super) struct Until {
    filter: Arc<Filter>,
    packets_alone: bool,
    times: Times,
    is_met: bool,
}

impl Until {
    pub(super) fn new(until: cli::Until) -> Self {
        let cli::Until { filter, packets_alone } = until;
        Self { filter, packets_alone, times: Times::default(), is_met: false }
    }

    pub(super) fn is_met(&self) -> bool {
        self.is_met
    }

    /// Takes note of when the capture began.
    pub(super) fn begins(&mut self, time: Timestamp) {
        self.times.first.get_or_insert(time);
    }

    /// Looks at an event; whether nothing else is to be made of it.
    pub(super) fn takes(&mut self, event: &Event<'_>) -> bool {
        self.is_met |= match event {
            Event::Packet(packet) => {
                let holds = self.filter.holds(&Partial::frame(FrameRecord::new(packet, self.times)));
                self.times.previous = packet.decoded.meta.time().or(self.times.previous);
                holds
            }
            Event::Message(message) => {
                self.filter.holds(&Partial::message(MessageRecord::as_captured(message, self.times)))
            }
            Event::Connection(connection) => {
                self.filter.holds(&Partial::connection(ConnectionRecord::as_captured(connection)))
            }
            Event::Body { .. } | Event::Update(_) | Event::Followed(_) | Event::Drops(_) => false,
        };
        self.packets_alone && matches!(event, Event::Packet(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Frame, FrameMeta, LinkType};

    fn frames(seconds: &[i64]) -> Batch<'static> {
        let frame = |seconds| {
            let (number, time) = (1, Timestamp::from_secs_nanos(seconds, 0));
            let meta =
                FrameMeta { number, time, wire_len: 0, link: LinkType::ETHERNET, interface: 0, interface_id: None };
            Frame { meta, bytes: &[] }
        };
        seconds.iter().map(|seconds| frame(*seconds)).collect()
    }

    #[test]
    fn a_span_ends_before_the_first_frame_beyond_it() {
        let mut span = Span::new(Some(Duration::from_secs(10)));
        let mut batch = frames(&[100, 109, 95]);
        assert!(span.limit(&mut batch) && batch.len() == 3);
        batch = frames(&[]);
        assert!(span.limit(&mut batch));
        batch = frames(&[109, 110, 101]);
        assert!(!span.limit(&mut batch) && batch.len() == 1);
        batch = frames(&[1, 1_000_000]);
        assert!(Span::new(None).limit(&mut batch) && batch.len() == 2);
    }
}
