//! The one list of lints, by subject.

use super::entry::Lint;
use super::report::Report;
use super::talk::{Segment, Talk};
use super::{Ended, Seen, body, coding, exchange, fields, host, lines, options, persistence, start, target};
use crate::app::message::Update;

/// The lints of one subject, and what raises them. Every hook is called before the connection takes note of what it is
/// called for.
pub(super) struct Group {
    pub lints: &'static [&'static Lint],
    /// Looks at a message.
    pub message: fn(&Seen<'_>, &mut Report<'_>),
    /// Looks at what was learnt of a message later.
    pub update: fn(&Update, &Talk, &mut Report<'_>),
    /// Looks at a TCP segment.
    pub packet: fn(&Segment<'_>, &Talk, &mut Report<'_>),
    /// Looks at a connection that has ended.
    pub connection: fn(&Ended<'_>, &mut Report<'_>),
}

/// What groups leave out.
const NONE: Group =
    Group { lints: &[], message: |_, _| {}, update: |_, _, _| {}, packet: |_, _, _| {}, connection: |_, _| {} };

/// All subjects.
pub(super) static GROUPS: &[Group] = &[
    Group { lints: lines::LINTS, message: lines::message, ..NONE },
    Group { lints: start::LINTS, message: start::message, ..NONE },
    Group { lints: target::LINTS, message: target::message, ..NONE },
    Group { lints: host::LINTS, message: host::message, ..NONE },
    Group { lints: fields::LINTS, message: fields::message, ..NONE },
    Group { lints: body::LINTS, message: body::message, update: body::update, ..NONE },
    Group { lints: coding::LINTS, message: coding::message, ..NONE },
    Group { lints: options::LINTS, message: options::message, ..NONE },
    Group { lints: persistence::LINTS, message: persistence::message, connection: persistence::connection, ..NONE },
    Group { lints: exchange::LINTS, message: exchange::message, connection: exchange::connection, ..NONE },
];

/// Every lint, by subject.
pub fn all() -> impl Iterator<Item = &'static Lint> {
    GROUPS.iter().flat_map(|group| group.lints).copied()
}

/// The lint with this name.
pub fn find(name: &str) -> Option<&'static Lint> {
    all().find(|lint| lint.name == name)
}
