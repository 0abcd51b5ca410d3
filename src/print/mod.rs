//! Formats: one file each, writing events into a buffer, never to a file.

pub mod connections;
mod csv;
pub mod diff;
pub mod follow;
pub mod har;
mod hex;
pub mod json;
pub mod lint;
mod number;
pub mod object;
pub mod page;
mod pen;
pub mod report;
mod safe;
pub mod scrub;
pub mod stats;
mod style;
pub mod table;
pub mod text;
mod time;
pub mod url;

pub use safe::is_unsafe;

use crate::engine::Totals;
use crate::event::{Event, Message};
use crate::frame::{LinkType, Lost};

/// What is known before the first frame.
#[derive(Clone, Debug, Default)]
pub struct Begin {
    /// The file, `-` for standard input, or the interfaces.
    pub source: String,
    /// Whether it is a live capture.
    pub live: bool,
    /// Link types of the interfaces known so far.
    pub links: Vec<LinkType>,
    /// The BPF filter.
    pub filter: Option<String>,
}

/// Frames that a live capture received and lost.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Drops {
    /// Received by the filter, lost ones included.
    pub received: u64,
    /// Lost.
    pub lost: Lost,
}

/// What is known after the last frame.
#[derive(Clone, Debug)]
pub struct End {
    /// Counts.
    pub totals: Totals,
    /// Of a live capture.
    pub drops: Option<Drops>,
    /// Where there is a display filter: what it holds for.
    pub selected: Option<Selected>,
}

/// How much a display filter holds for.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Selected {
    /// Frames, where frames are shown.
    pub frames: Option<u64>,
    /// Messages.
    pub messages: u64,
}

/// A format.
pub trait Printer: Send {
    /// Writes what comes before the first event.
    fn begin(&mut self, begin: &Begin, out: &mut Vec<u8>);

    /// Writes an event.
    fn event(&mut self, event: Event<'_>, out: &mut Vec<u8>);

    /// Takes note of a message that is not shown: what was kept of its body is not needed.
    fn pass_over(&mut self, _message: &Message<'_>) {}

    /// What its results lack of what was asked for, after the end.
    fn lacks(&self) -> Option<String> {
        None
    }

    /// Nothing has come for a while: writes what only waits for what comes next.
    fn idle(&mut self, _out: &mut Vec<u8>) {}

    /// Writes what comes after the last event.
    fn end(&mut self, end: &End, out: &mut Vec<u8>);
}
