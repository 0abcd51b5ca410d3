//! When which connection is to be looked at again.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use crate::flow::Id;
use crate::frame::Timestamp;

/// Timers of connections. Nearly all are set for one of two spans of time from the latest capture time, so that each
/// span's come in the order in which they are due, and a queue for each does; a heap takes those that do not fit.
pub(super) struct Timers {
    /// When the first one is due, so that asking costs a comparison.
    next: Timestamp,
    queues: [VecDeque<(Timestamp, Id)>; 2],
    others: BinaryHeap<Reverse<(Timestamp, Id)>>,
}

impl Default for Timers {
    fn default() -> Self {
        Self { next: NEVER, queues: Default::default(), others: BinaryHeap::new() }
    }
}

/// Later than any timer.
const NEVER: Timestamp = Timestamp(i64::MAX);

impl Timers {
    /// Sets a timer.
    pub fn set(&mut self, due: Timestamp, id: Id) {
        self.next = self.next.min(due);
        let lasts = self.queues.each_ref().map(|queue| queue.back().copied());
        match lasts.map(|last| last.is_none_or(|last| last <= (due, id))) {
            // The queue that ends latest, so that the other is left for the shorter span.
            [true, true] => self.queues[usize::from(lasts[0] <= lasts[1])].push_back((due, id)),
            [true, false] => self.queues[0].push_back((due, id)),
            [false, true] => self.queues[1].push_back((due, id)),
            [false, false] => self.others.push(Reverse((due, id))),
        }
    }

    /// Connections whose turn comes soon, after so many others.
    pub fn ahead(&self, others: usize) -> impl Iterator<Item = Id> {
        self.queues.iter().filter_map(move |queue| queue.get(others).map(|timer| timer.1))
    }

    /// Whether one is due at `now`; without looking, so that there may be none.
    #[inline]
    pub fn may_be_due(&self, now: Timestamp) -> bool {
        now >= self.next
    }

    /// Takes out the timer that is due first, if it is due at `now`.
    pub fn due(&mut self, now: Timestamp) -> Option<(Timestamp, Id)> {
        if !self.may_be_due(now) {
            return None;
        }
        let due = self.take(now);
        if due.is_none() {
            let fronts = self.queues.iter().filter_map(|queue| queue.front().map(|timer| timer.0));
            self.next = fronts.chain(self.others.peek().map(|timer| timer.0.0)).min().unwrap_or(NEVER);
        }
        due
    }

    fn take(&mut self, now: Timestamp) -> Option<(Timestamp, Id)> {
        let fronts = self.queues.iter().map(|queue| queue.front()).enumerate();
        let first = fronts.filter_map(|(at, front)| Some((*front?, at))).min();
        match (first, self.others.peek()) {
            (first, Some(&Reverse(other))) if first.is_none_or(|(timer, _)| other < timer) => {
                if other.0 > now {
                    None
                } else {
                    self.others.pop().map(|Reverse(timer)| timer)
                }
            }
            (Some((timer, at)), _) if timer.0 <= now => self.queues[at].pop_front(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::flow::{Endpoint, Key, Keyed, Table};

    struct Flow(Key);

    impl Keyed for Flow {
        fn key(&self) -> &Key {
            &self.0
        }
    }

    #[test]
    fn timers_are_due_in_their_order_however_they_were_set() {
        let mut table = Table::default();
        let mut ids = (0..1000).map(|port| {
            let end = |port| Endpoint { address: IpAddr::V4(Ipv4Addr::LOCALHOST), port };
            let key = Key::new(end(port), end(80)).0;
            let hashed = table.hash(key);
            table.insert(&hashed, Flow(key))
        });
        let mut timers = Timers::default();
        let mut set: Vec<(Timestamp, Id)> = Vec::new();
        let (mut taken, mut random) = (Vec::new(), 1u64);
        for step in 0..300 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let span = [50, 250, random as i64 % 400][(random >> 60) as usize % 3];
            let timer = (Timestamp(step * 3 + span), ids.next().unwrap());
            timers.set(timer.0, timer.1);
            set.push(timer);
            let now = Timestamp(step * 3);
            set.sort();
            let due: Vec<_> = std::iter::from_fn(|| timers.due(now)).collect();
            assert_eq!(due, set.drain(..due.len()).collect::<Vec<_>>());
            assert!(set.first().is_none_or(|first| first.0 > now));
            taken.extend(due);
        }
        assert!(taken.len() > 100);
    }
}
