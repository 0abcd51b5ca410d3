//! Connections in an order, as far as a bounded number of them allows.

use std::collections::BTreeMap;
use std::mem;

use clap::ValueEnum;

use super::Named;
use crate::event::{Connection, Transport};
use crate::issue::Severity;

/// Connections that are held to be sorted, about 50 MiB of them; with more, what comes first of those held is written.
const MAX_HELD: usize = 128 << 10;

/// In which order connections come.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// By when they began.
    Start,
    /// By when they ended.
    End,
    /// Those with most bytes of payload first.
    Bytes,
    /// Those with most messages first.
    Messages,
    /// The longest first.
    Duration,
    /// Those with the longest initial round-trip time first.
    Rtt,
    /// Those with the highest rate first.
    Rate,
    /// Those with most that was wrong first.
    Issues,
}

/// What comes first has the least of these: the reverse of what is most, then streams by number.
type Place = (u64, bool, u64);

/// Connections that wait for others that may come before them.
pub(super) struct Sorted {
    order: Order,
    held: BTreeMap<Place, Named>,
}

impl Sorted {
    pub fn new(order: Order) -> Self {
        Self { order, held: BTreeMap::new() }
    }

    /// Takes a connection, and hands on what need not wait any longer.
    pub fn push(&mut self, named: Named, write: &mut dyn FnMut(Named)) {
        if self.order == Order::End {
            return write(named);
        }
        self.held.insert(self.place(&named.0), named);
        if self.held.len() > MAX_HELD
            && let Some((_, first)) = self.held.pop_first()
        {
            write(first);
        }
    }

    /// All that are left, in order.
    pub fn take(&mut self) -> Vec<Named> {
        mem::take(&mut self.held).into_values().collect()
    }

    fn place(&self, connection: &Connection) -> Place {
        let all = |of: fn(&crate::event::Direction) -> u64| connection.directions.iter().map(of).sum::<u64>();
        let positive = |nanos: i64| u64::try_from(nanos).unwrap_or(0);
        let most = match self.order {
            Order::Start | Order::End => u64::MAX,
            Order::Bytes => all(|direction| direction.bytes),
            Order::Messages => all(|direction| direction.messages.into()),
            Order::Duration => positive(connection.duration()),
            Order::Rtt => positive(connection.initial_rtt),
            Order::Rate => [0, 1].into_iter().filter_map(|end| connection.rate(end)).fold(0, u64::saturating_add),
            Order::Issues => trouble(connection),
        };
        (u64::MAX - most, connection.flow.transport == Transport::Udp, connection.flow.stream)
    }
}

/// How much was wrong with a connection: its issues, and segments with flags, but for what is usual.
fn trouble(connection: &Connection) -> u64 {
    let flags = connection.directions.iter().flat_map(|direction| direction.flags.iter());
    let wrong = flags.filter(|(flag, _)| flag.severity() > Severity::Chat).map(|(_, count)| u64::from(count));
    wrong.sum::<u64>() + connection.issues.iter().filter(|issue| issue.severity() > Severity::Chat).count() as u64
}
