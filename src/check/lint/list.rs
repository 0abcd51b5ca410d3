//! The one list of lints, by subject.

use super::entry::Lint;
use super::report::Report;
use super::talk::{Segment, Talk};
use super::{
    Ended, Seen, across, body, cache, charset, closing, coding, condition, content, control, cookie, credentials, date,
    exchange, fields, host, lines, media, options, persistence, range, redirect, segments, start, status, target,
};
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
    Group { lints: date::LINTS, message: date::message, ..NONE },
    Group { lints: media::LINTS, message: media::message, ..NONE },
    Group { lints: charset::LINTS, message: charset::message, ..NONE },
    Group { lints: status::LINTS, message: status::message, ..NONE },
    Group { lints: condition::LINTS, message: condition::message, ..NONE },
    Group { lints: range::LINTS, message: range::message, ..NONE },
    Group { lints: redirect::LINTS, message: redirect::message, ..NONE },
    Group { lints: cache::LINTS, message: cache::message, ..NONE },
    Group { lints: cookie::LINTS, message: cookie::message, ..NONE },
    Group { lints: content::LINTS, message: content::message, ..NONE },
    Group { lints: credentials::LINTS, message: credentials::message, ..NONE },
    Group { lints: control::LINTS, message: control::message, ..NONE },
    Group { lints: segments::LINTS, message: segments::message, connection: segments::connection, ..NONE },
    Group { lints: closing::LINTS, message: closing::message, connection: closing::connection, ..NONE },
    // Raised where several connections are looked at together.
    Group { lints: across::LINTS, ..NONE },
];

/// Every lint, by subject.
pub fn all() -> impl Iterator<Item = &'static Lint> {
    GROUPS.iter().flat_map(|group| group.lints).copied()
}

/// The lint with this name.
pub fn find(name: &str) -> Option<&'static Lint> {
    all().find(|lint| lint.name == name)
}
