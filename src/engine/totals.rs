//! What the core counts over the whole capture.

use crate::app::ledger::Ledger;
use crate::app::message::{Integrity, Kind, Message};
use crate::event::FlagCounts;
use crate::frame::{Frame, Lost, Timestamp};

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
    /// Counts frames.
    #[inline]
    pub(super) fn frames(&mut self, frames: &[Frame<'_>]) {
        self.frames += frames.len() as u64;
        self.bytes += frames.iter().map(|frame| u64::from(frame.meta.wire_len)).sum::<u64>();
        let times = frames.iter().filter_map(|frame| frame.meta.time());
        let span = times.map(|time| (time, time));
        let wider = |a: (Timestamp, Timestamp), b: (Timestamp, Timestamp)| (a.0.min(b.0), a.1.max(b.1));
        self.span = self.span.into_iter().chain(span).reduce(wider);
    }

    /// Counts an HTTP message that is complete.
    #[inline]
    pub(super) fn count_whole(&mut self, kind: Kind) {
        self.messages += 1;
        self.requests += u64::from(kind == Kind::Request);
        self.responses += u64::from(kind == Kind::Response);
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
