//! What the core is asked for, and its bounds.

use std::fmt::Debug;
use std::sync::Arc;

use crate::flow::Endpoint;
use crate::frame::FrameNumber;

/// What the core is to do beside the main job, and its bounds.
#[derive(Clone, Default, Debug)]
pub struct Options {
    /// Give out nothing: what is wanted are the totals alone.
    pub only_totals: bool,
    /// Give out every frame.
    pub packets: bool,
    /// Give out bodies as they come.
    pub bodies: bool,
    /// Bytes of a body's beginning that are kept with its message.
    pub preview: usize,
    /// Keep what the costlier fields of the analysis need.
    pub details: bool,
    /// Tell of a closed connection when it is forgotten, at the end of the capture for most, so that segments which come
    /// late are counted with it too; otherwise soon after its end.
    pub patient: bool,
    /// Compute checksums; segments with a bad one stay out of reassembly.
    pub verify_checksums: bool,
    /// Look at this connection alone.
    pub stream: Option<u64>,
    /// Tell all that happens on this stream, and look at no other.
    pub follow: Option<Stream>,
    /// Tell all that happens on every TCP connection.
    pub follow_all: bool,
    /// Look at no other connections than these.
    pub choice: Option<Arc<dyn Choice>>,
    /// Tell why the analysis says what it says of this frame, which needs `packets`.
    pub explain: Option<FrameNumber>,
    /// Put datagrams together and give out every frame, and do nothing more.
    pub assembly_only: bool,
    /// Bounds on memory.
    pub limits: Limits,
}

/// A stream, by its number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stream {
    /// `tcp.stream`.
    Tcp(u64),
    /// `udp.stream`.
    Udp(u64),
}

/// Which connections are looked at; the bytes of the others are in the ledger as filtered.
pub trait Choice: Debug + Send + Sync {
    /// Whether a connection is, by its number and its ends, that which sent its first frame first. `in_tunnel`: that
    /// frame has outer addresses too.
    fn wants(&self, stream: u64, ends: [Endpoint; 2], in_tunnel: bool) -> bool;
}

/// Bounds on memory; reaching one raises an issue.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes queued out of order in one direction: the window of a fast path of long delay (RFC 7323 1.1).
    pub queue: usize,
    /// Bytes queued in all.
    pub queues: usize,
    /// Connections: with a request each, 128 Ki of them take some 200 MB.
    pub connections: usize,
    /// Closed connections that are remembered, so that a late copy is no new one.
    pub closed: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { queue: 4 << 20, queues: 24 << 20, connections: 128 << 10, closed: 16 << 10 }
    }
}
