//! The time that an object took, in phases, as browsers' developer tools have them.

use super::object::Object;
use super::stalls;
use crate::frame::Timestamp;

/// What an object's time goes into.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Phase {
    /// It is known to be needed, and not asked for yet.
    Queued,
    /// The name is looked up.
    Dns,
    /// The connection is opened.
    Connect,
    /// The connection is secured.
    Secure,
    /// The request goes out.
    Send,
    /// The server has the request, and nothing comes.
    Wait,
    /// The response comes.
    Receive,
    /// Bytes of the response or the request are waited for that were lost or late.
    Stalled,
}

impl Phase {
    /// All of them, in order.
    pub const ALL: [Self; 8] =
        [Self::Queued, Self::Dns, Self::Connect, Self::Secure, Self::Send, Self::Wait, Self::Receive, Self::Stalled];

    /// The word for it in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Secure => "tls",
            Self::Send => "send",
            Self::Wait => "wait",
            Self::Receive => "receive",
            Self::Stalled => "stalled",
        }
    }
}

/// A stretch of time in one phase.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    /// The phase.
    pub phase: Phase,
    /// When it began.
    pub from: Timestamp,
    /// When it ended.
    pub to: Timestamp,
}

/// The phases of an object.
#[derive(Clone, Default, Debug)]
pub struct Phases {
    /// In the order of their beginnings; those of [`Phase::Stalled`] lie over others, and come last.
    pub spans: Vec<Span>,
}

impl Phases {
    /// Nanoseconds in a phase; none where it did not occur, or nothing tells.
    pub fn nanos(&self, phase: Phase) -> Option<i64> {
        let of_phase = self.spans.iter().filter(|span| span.phase == phase);
        of_phase.map(|span| span.to.since(span.from)).reduce(i64::saturating_add)
    }
}

impl Object {
    /// The phases of its time.
    pub fn phases(&self) -> Phases {
        let mut spans = Vec::new();
        let mut push = |phase, from: Timestamp, to: Timestamp| spans.push(Span { phase, from, to: to.max(from) });
        let before = self.before.unwrap_or_default();
        let opening = [(Phase::Dns, before.dns), (Phase::Connect, before.connect), (Phase::Secure, before.secure)];
        if let (Some(wanted), Some(request)) = (self.wanted, &self.request) {
            let mut from = wanted;
            for (start, end) in opening.iter().filter_map(|(_, span)| *span) {
                if start > from {
                    push(Phase::Queued, from, start.min(request.first));
                }
                from = from.max(end);
            }
            if request.first > from {
                push(Phase::Queued, from, request.first);
            }
        }
        for (phase, span) in opening {
            if let Some((from, to)) = span {
                push(phase, from, to);
            }
        }
        if let Some(request) = &self.request {
            push(Phase::Send, request.first, request.last);
        }
        if let (Some(request), Some(response)) = (&self.request, &self.response) {
            push(Phase::Wait, request.last, response.first);
        }
        if let Some(response) = &self.response {
            push(Phase::Receive, response.first, response.last);
        }
        spans.sort_by_key(|span| span.from);
        for stall in [&self.request, &self.response].into_iter().flatten().flat_map(|part| &part.stalls) {
            spans.push(Span { phase: Phase::Stalled, from: stall.from, to: stall.to });
        }
        Phases { spans }
    }

    /// Nanoseconds in which bytes of it were waited for that were lost or late.
    pub fn stalled(&self) -> i64 {
        let parts = [&self.request, &self.response].into_iter().flatten();
        parts.map(|part| stalls::total(&part.stalls)).sum()
    }
}
