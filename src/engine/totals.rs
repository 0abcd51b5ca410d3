//! What the core counts over the whole capture.

use crate::app::ledger::Ledger;
use crate::app::message::{Integrity, Kind, Message};
use crate::event::FlagCounts;
use crate::frame::{FrameMeta, Lost, Timestamp};

/// Counts over the whole capture.
#[derive(Clone, Default, Debug)]
pub struct Totals {
    /// Frames.
    pub frames: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
    /// The earliest capture time and the latest.
    pub span: Option<(Timestamp, Timestamp)>,
    /// TCP connections.
    pub connections: u64,
    /// Numbers given to TCP connections, also to those of which ICMP quotes a header alone.
    pub tcp_streams: u64,
    /// Numbers given to UDP streams.
    pub udp_streams: u64,
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
    /// Frames that were lost where the capture was made, as far as that was told.
    pub lost: Lost,
    /// Every byte of TCP payload.
    pub ledger: Ledger,
}

impl Totals {
    /// Counts a frame.
    #[inline]
    pub(super) fn frame(&mut self, frame: &FrameMeta) {
        self.frames += 1;
        self.bytes += u64::from(frame.wire_len);
        if let Some(time) = frame.time() {
            let (first, last) = self.span.unwrap_or((time, time));
            self.span = Some((first.min(time), last.max(time)));
        }
    }

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
