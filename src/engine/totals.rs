//! What the core counts over the whole capture.

use crate::app::ledger::Ledger;
use crate::app::message::{Integrity, Kind, Message};
use crate::event::FlagCounts;

/// Counts over the whole capture.
#[derive(Clone, Default, Debug)]
pub struct Totals {
    /// Frames.
    pub frames: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
    /// TCP connections.
    pub connections: u64,
    /// Messages.
    pub messages: u64,
    /// HTTP requests.
    pub requests: u64,
    /// HTTP responses.
    pub responses: u64,
    /// Messages that are not complete.
    pub incomplete: u64,
    /// TCP segments by flag.
    pub flags: FlagCounts,
    /// Frames whose decoding stopped early.
    pub stopped: u64,
    /// Datagrams whose fragments did not all come.
    pub fragments_given_up: u64,
    /// Holes that were given up because a bound on buffered bytes was reached.
    pub queues_relieved: u64,
    /// Connections forgotten because the table was full.
    pub forgotten: u64,
    /// Every byte of TCP payload.
    pub ledger: Ledger,
}

impl Totals {
    pub(super) fn count(&mut self, message: &Message) {
        self.messages += 1;
        self.incomplete += u64::from(message.integrity != Integrity::Complete);
        if message.http().is_some() {
            match message.kind {
                Kind::Request => self.requests += 1,
                Kind::Response => self.responses += 1,
                Kind::Message { .. } => {}
            }
        }
    }
}
