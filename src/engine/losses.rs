//! Frames that were lost where the capture was made: between which frames, and during which messages.

use std::collections::VecDeque;

use super::Engine;
use crate::app::message::{Integrity, Message};
use crate::event::{self, Event, Sink};
use crate::frame::{Drops, FrameMeta, FrameNumber, Timestamp};
use crate::issue::Issue;

/// Losses that wait for the frame after them; beyond that they are joined to the last one.
const MAX_OPEN: usize = 64;

/// Losses of which it is remembered when they were; beyond that the two oldest become one.
const MAX_KNOWN: usize = 256;

/// What is known of losses.
#[derive(Default)]
pub(super) struct Losses {
    /// Those of which the frame after them has not come, each with the last frame before them.
    open: VecDeque<(FrameNumber, Drops)>,
    /// All of them.
    known: VecDeque<Drops>,
    /// The last frame that was taken.
    last: FrameNumber,
}

impl Engine {
    /// Frames were lost where the capture was made: known before the frames that were captured after them are pushed. It
    /// is told when the frame after them comes, by its time, or no frame does.
    pub fn dropped(&mut self, drops: Drops) {
        let losses = &mut self.shared.losses;
        self.shared.counts.lost = self.shared.counts.lost.plus(&drops.lost);
        if losses.known.len() >= MAX_KNOWN
            && let Some(oldest) = losses.known.pop_front()
            && let Some(next) = losses.known.front_mut()
        {
            next.join(&oldest);
        }
        losses.known.push_back(drops);
        let after = drops.after.unwrap_or(losses.last);
        let is_full = losses.open.len() >= MAX_OPEN;
        match losses.open.back_mut() {
            Some((first, last)) if is_full => {
                *first = after.min(*first);
                last.join(&drops);
            }
            _ => losses.open.push_back((after, drops)),
        }
    }

    /// Whether losses wait for the frame after them.
    #[inline]
    pub(super) fn waits_for_losses(&self) -> bool {
        !self.shared.losses.open.is_empty()
    }

    /// A frame comes that may be after losses.
    #[cold]
    pub(super) fn pass_losses(&mut self, frame: &FrameMeta, sink: &mut impl Sink) {
        let Some(time) = frame.time() else { return };
        self.tell_losses(time, Some(frame.number), sink);
        for (after, drops) in &mut self.shared.losses.open {
            if time <= drops.since {
                *after = frame.number;
            }
        }
    }

    /// No frame comes any more: tells of the losses that are left.
    pub(super) fn pass_last_losses(&mut self, sink: &mut impl Sink) {
        if let Some((_, last)) = self.shared.losses.open.back() {
            self.shared.now = self.shared.now.max(last.since);
        }
        self.tell_losses(Timestamp(i64::MAX), None, sink);
    }

    /// Tells of losses that ended before `now`, where `before` is.
    pub(super) fn tell_losses(&mut self, now: Timestamp, before: Option<FrameNumber>, sink: &mut impl Sink) {
        self.shared.losses.open.retain(|&(after, drops)| {
            let is_open = now < drops.until;
            if !is_open {
                sink.event(Event::Drops(event::Drops { after, before, drops }));
            }
            is_open
        });
    }

    /// Takes note of the last of the frames that were taken.
    #[inline]
    pub(super) fn took(&mut self, last: FrameNumber) {
        self.shared.losses.last = last;
    }
}

impl Losses {
    /// Flags a message that lacks something, and was under way while frames were lost.
    #[inline]
    pub fn flag(&self, message: &mut Message, now: Timestamp) {
        if !self.known.is_empty() && lacks_something(message) && self.overlap(message.first_time, now) {
            message.issues.insert(Issue::PacketsDropped);
        }
    }

    fn overlap(&self, from: Timestamp, to: Timestamp) -> bool {
        self.known.iter().any(|drops| drops.since <= to && from <= drops.until)
    }
}

fn lacks_something(message: &Message) -> bool {
    matches!(message.integrity, Integrity::Gap | Integrity::Unfinished) || message.issues.contains(Issue::FramesLost)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Options;
    use crate::frame::{Frame, LinkType, Lost};

    #[derive(Default)]
    struct Told(Vec<(FrameNumber, Option<FrameNumber>, u64)>);

    impl Sink for Told {
        fn event(&mut self, event: Event<'_>) {
            if let Event::Drops(drops) = event {
                self.0.push((drops.after, drops.before, drops.drops.lost.kernel));
            }
        }
    }

    fn frame(number: FrameNumber, time: i64) -> Frame<'static> {
        let (time, link) = (Timestamp(time), LinkType::ETHERNET);
        Frame { meta: FrameMeta { number, time, wire_len: 0, link, interface: 0, interface_id: None }, bytes: b"" }
    }

    fn drops(since: i64, until: i64, kernel: u64) -> Drops {
        Drops {
            since: Timestamp(since),
            until: Timestamp(until),
            after: None,
            lost: Lost { kernel, ..Lost::default() },
        }
    }

    #[test]
    fn losses_are_told_between_the_frames_around_them_however_early_they_are_known() {
        let (mut engine, mut told) = (Engine::new(Options::default()), Told::default());
        engine.push(frame(1, 10), &mut told);
        engine.dropped(drops(25, 35, 7));
        engine.push_all(&[frame(2, 20), frame(3, 30)], &mut told);
        assert!(told.0.is_empty());
        engine.push_all(&[frame(4, 40), frame(5, 50)], &mut told);
        // At once before a frame of the same time.
        engine.dropped(drops(50, 50, 1));
        engine.push(frame(6, 50), &mut told);
        engine.dropped(drops(60, 70, 2));
        engine.advance(Timestamp(69), &mut told);
        assert_eq!(told.0, [(2, Some(4), 7), (5, Some(6), 1)]);
        engine.advance(Timestamp(70), &mut told);
        engine.dropped(drops(80, 90, 3));
        engine.finish(&mut told);
        assert_eq!(told.0[2..], [(6, None, 2), (6, None, 3)]);
        assert_eq!(engine.totals().lost.kernel, 13);
    }

    #[test]
    fn many_losses_take_bounded_room() {
        let (mut engine, mut told) = (Engine::new(Options::default()), Told::default());
        (0..10_000).for_each(|at| engine.dropped(drops(at, at + 1, 1)));
        let losses = &engine.shared.losses;
        assert!(losses.known.len() <= MAX_KNOWN && losses.open.len() <= MAX_OPEN);
        assert!((0..10_000).all(|at| losses.overlap(Timestamp(at), Timestamp(at))));
        engine.finish(&mut told);
        assert_eq!(told.0.iter().map(|told| told.2).sum::<u64>(), 10_000);
    }
}
