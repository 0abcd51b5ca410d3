//! Connections that are done with: what time does to them, which are remembered, and the end of the capture.

use super::Engine;
use crate::event::{Close, Sink};
use crate::flow::Id;
use crate::frame::Timestamp;

/// Closed connections of which it is kept which messages their bytes were in: a few KiB each after a long history.
const MAX_RECENT: usize = 1024;

/// How far ahead of its turn the memory of a connection that is done with is fetched.
const PREFETCHED: usize = 4;

impl Engine {
    /// Looks at the connections whose timers are due.
    #[inline(never)]
    pub(super) fn fire(&mut self, sink: &mut impl Sink) {
        while let Some((deadline, id)) = self.timers.due(self.shared.now) {
            self.timers.ahead(2 * PREFETCHED).for_each(|id| self.table.prefetch(id.spot()));
            self.timers.ahead(PREFETCHED).for_each(|id| self.table.prefetch_more(id.spot()));
            let Some(connection) = self.table.get_mut(id) else { continue };
            if !connection.fires(deadline) {
                continue;
            }
            connection.advance(&mut self.shared, sink);
            connection.count_queued(&mut self.queued);
            if let Some(close) = connection.closed(self.shared.now) {
                connection.end(close, self.options.patient, &mut self.shared, sink);
                connection.count_queued(&mut self.queued);
                self.remember(id, sink);
            } else if let Some(deadline) = connection.arm(self.shared.now) {
                self.timers.set(deadline, id);
            }
        }
    }

    /// A closed connection is remembered: at first with what tells to which message a copy belongs, later as what it
    /// takes not to mistake its late segments for a new connection.
    fn remember(&mut self, id: Id, sink: &mut impl Sink) {
        self.closed.push_back(id);
        for kept in [MAX_RECENT, self.options.limits.closed] {
            let at = |ahead: usize| self.closed.get((self.closed.len() + ahead).checked_sub(kept + 1)?);
            at(2 * PREFETCHED).into_iter().for_each(|id| self.table.prefetch(id.spot()));
            at(PREFETCHED).into_iter().for_each(|id| self.table.prefetch_more(id.spot()));
        }
        if let Some(&late) = self.closed.len().checked_sub(MAX_RECENT + 1).and_then(|at| self.closed.get(at))
            && let Some(connection) = self.table.get_mut(late)
        {
            connection.forget(&mut self.shared.pool);
        }
        if self.closed.len() > self.options.limits.closed
            && let Some(oldest) = self.closed.pop_front()
        {
            if self.options.patient {
                self.end(oldest, Close::Forgotten, sink);
            }
            self.table.remove(oldest);
        }
    }

    /// Ends a connection, and tells of it; of most closed ones nothing is left to tell.
    pub(super) fn end(&mut self, id: Id, close: Close, sink: &mut impl Sink) {
        let Some(connection) = self.table.get_mut(id) else { return };
        connection.end(close, false, &mut self.shared, sink);
        connection.count_queued(&mut self.queued);
    }

    /// The capture has ended: tells what is left.
    pub fn finish(&mut self, sink: &mut impl Sink) {
        self.pass_last_losses(sink);
        self.datagrams.advance(Timestamp(i64::MAX), self.shared.wanted, sink);
        let mut open: Vec<(u64, Id)> = Vec::new();
        for id in self.table.ids() {
            open.extend(self.table.get_mut(id).map(|connection| (connection.stream(), id)));
        }
        open.sort_unstable();
        for (_, id) in open {
            let close = self.table.get_mut(id).and_then(|connection| connection.closed(Timestamp(i64::MAX)));
            self.end(id, close.unwrap_or(Close::Open), sink);
        }
    }

    /// Forgets the oldest closed connection, or an idle one.
    pub(super) fn make_room(&mut self, sink: &mut impl Sink) {
        let id = self.closed.pop_front().or_else(|| self.table.idle());
        if let Some(id) = id {
            self.end(id, Close::Forgotten, sink);
            self.table.remove(id);
            self.shared.counts.forgotten += 1;
        }
    }
}
