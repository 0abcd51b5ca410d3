//! Frames for sharing: addresses mapped, secrets masked, what is not understood blanked; lengths, times, and what TCP does
//! stay.
//!
//! Two passes over the same frames: a [`Survey`] finds what of each stream is kept, a [`Scrubber`] writes the frames.

mod addresses;
mod dhcp;
mod dns;
mod fragments;
mod headers;
mod http2;
mod literals;
mod places;
mod plan;
mod report;
mod rewrite;
mod survey;
mod websocket;

pub use addresses::Key;
pub use report::Report;
pub use rewrite::Scrubber;
pub use survey::Survey;

use crate::event;

/// What is to be kept.
#[derive(Clone)]
pub struct Options {
    /// What the mapping of addresses hangs on.
    pub key: Key,
    /// Whether MAC addresses keep the vendor's part.
    pub keep_oui: bool,
    /// Whether payload of protocols that are not known here is kept, but for addresses in text.
    pub keep_other: bool,
    /// Whether bodies with a content coding are kept, which cannot be looked into.
    pub keep_coded: bool,
    /// Which bodies of messages are masked.
    pub bodies: Bodies,
}

/// Which bodies of messages are masked as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bodies {
    /// Those that are chosen.
    Chosen,
    /// All.
    All,
}

/// What the first pass has found.
type Found = (plan::Plan, Report, addresses::Addresses, fragments::Datagrams);

impl<'o, F: FnMut(&event::Message<'_>) -> bool> Survey<'o, F> {
    /// The second pass.
    pub fn scrubber(self, options: &'o Options) -> Scrubber<'o> {
        Scrubber::new(options, self.finish())
    }
}
