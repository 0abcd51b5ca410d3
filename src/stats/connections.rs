//! TCP connections, counted: how they opened and closed, what was wrong, round-trip times, durations.

use super::durations::Durations;
use crate::event::{Close, Connection, Transport};
use crate::issue::Issue;

/// Connections of which the percentiles are exact: 1 MiB of each kind.
const EXACT: usize = 128 << 10;

/// What was counted of connections.
#[derive(Clone, Debug)]
pub struct Connections {
    /// How many there were.
    pub count: u64,
    /// Those of which SYN, SYN/ACK and ACK were captured.
    pub handshakes: u64,
    /// Those of which the SYN was captured, and no answer to it.
    pub unanswered: u64,
    /// Those of which no SYN was captured.
    pub midway: u64,
    /// By how they ended, in the order of [`Close::ALL`].
    pub closes: [u64; Close::ALL.len()],
    /// Their segments.
    pub segments: u64,
    /// Bytes of payload that were captured.
    pub bytes: u64,
    /// Segments by flag, in the order of [`Issue::ALL`].
    flags: [u64; Issue::ALL.len()],
    /// From the SYN to the ACK of the SYN/ACK.
    pub initial_rtt: Durations,
    /// From the first frame to the last.
    pub duration: Durations,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            count: 0,
            handshakes: 0,
            unanswered: 0,
            midway: 0,
            closes: [0; Close::ALL.len()],
            segments: 0,
            bytes: 0,
            flags: [0; Issue::ALL.len()],
            initial_rtt: Durations::new(EXACT),
            duration: Durations::new(EXACT),
        }
    }
}

impl Connections {
    pub(super) fn count(&mut self, connection: &Connection) {
        if connection.flow.transport != Transport::Tcp {
            return;
        }
        self.count += 1;
        match connection.handshake {
            [true, true, true] => self.handshakes += 1,
            [true, false, _] => self.unanswered += 1,
            [false, false, _] => self.midway += 1,
            _ => {}
        }
        self.closes[connection.close as usize] += 1;
        for direction in &connection.directions {
            self.segments += direction.segments;
            self.bytes += direction.bytes;
            direction.flags.iter().for_each(|(flag, count)| self.flags[flag as usize] += u64::from(count));
        }
        if connection.initial_rtt > 0 {
            self.initial_rtt.add(connection.initial_rtt);
        }
        self.duration.add(connection.duration());
    }

    /// The flags that segments had, and how many had each.
    pub fn flags(&self) -> impl Iterator<Item = (Issue, u64)> {
        Issue::ALL.iter().copied().zip(self.flags).filter(|(_, count)| *count > 0)
    }
}
