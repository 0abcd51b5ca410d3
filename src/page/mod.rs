//! Visits to web pages: which names were looked up, which connections opened, what was fetched over them, when, and because
//! of what.
//!
//! [`Recorder`] takes the core's events and keeps what visits are made of, within bounds; [`Recorder::finish`] finds the
//! visits in it. Nothing here prints.

mod budget;
mod connections;
pub mod lookups;
mod mentions;
mod neighbours;
mod object;
mod phases;
mod recorder;
mod secure;
mod stalls;
mod visits;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use crate::frame::{FrameNumber, Timestamp};
pub use connections::Connection;
pub use lookups::{Lookup, Question};
pub use neighbours::Neighbour;
pub use object::{Chat, Content, Exchange, Fetch, Object, Part, Turn};
pub use phases::{Phase, Phases, Span};
pub use recorder::Recorder;
pub use secure::Secured;
pub use stalls::Stall;

/// When something was seen, and in which frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moment {
    /// Capture time.
    pub time: Timestamp,
    /// The frame.
    pub frame: FrameNumber,
}

/// What a capture has of visits to pages.
#[derive(Default, Debug)]
pub struct Pages {
    /// The visits, by when they began.
    pub visits: Vec<Visit>,
    /// The connections that visits used or opened, by their number; one may serve several visits.
    pub connections: BTreeMap<u64, Box<Connection>>,
    /// Lookups of names after which nothing was fetched.
    pub lookups: Vec<Lookup>,
    /// Connections over which nothing was fetched, and that belong to no visit.
    pub idle: Vec<u64>,
    /// What there was more of than is kept.
    pub beyond: Beyond,
}

/// How much was not kept, because there is too much of it.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Beyond {
    /// Objects.
    pub objects: u64,
    /// Lookups of names.
    pub lookups: u64,
    /// Connections.
    pub connections: u64,
}

/// One visit: what a client fetched at one go.
#[derive(Debug)]
pub struct Visit {
    /// Who visits.
    pub client: IpAddr,
    /// When it began: the name was looked up, the connection opened, or the first object asked for.
    pub start: Timestamp,
    /// When the last byte of an object came.
    pub end: Timestamp,
    /// The object that is the page itself, after redirects.
    pub document: usize,
    /// The visit from which a link led here, by its place in [`Pages::visits`].
    pub from: Option<usize>,
    /// What was fetched, in the order in which it was asked for.
    pub objects: Vec<Object>,
    /// The names that were looked up, in order.
    pub lookups: Vec<Lookup>,
    /// The connections that it used or opened, in the order in which they were opened.
    pub connections: Vec<u64>,
}

impl Visit {
    /// The objects that each connection carried, by their places.
    pub fn by_connection(&self) -> HashMap<u64, Vec<usize>> {
        let mut objects: HashMap<u64, Vec<usize>> = HashMap::new();
        for (at, object) in self.objects.iter().enumerate() {
            objects.entry(object.stream).or_default().push(at);
        }
        objects
    }
}

/// Why an object was fetched. Numbers are places in [`Visit::objects`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// Someone went there, by a link or otherwise.
    Visit,
    /// A response led there by its Location.
    Redirect(usize),
    /// The content of this object names it.
    Content(usize),
    /// The request's Referer names this object.
    Referer(usize),
    /// Nothing tells; it was asked for while the visit went on.
    Time,
}

impl Cause {
    /// The word for it in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Visit => "visit",
            Self::Redirect(_) => "redirect",
            Self::Content(_) => "content",
            Self::Referer(_) => "referer",
            Self::Time => "time",
        }
    }

    /// The object that caused it.
    pub const fn object(self) -> Option<usize> {
        match self {
            Self::Redirect(object) | Self::Content(object) | Self::Referer(object) => Some(object),
            Self::Visit | Self::Time => None,
        }
    }
}

/// Nanoseconds in which there was some stall.
pub fn stalled(stalls: &[Stall]) -> i64 {
    stalls::total(stalls)
}
