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
    /// Whether it is about what messages mean in any version, and not about the syntax and the connections of HTTP/1.
    pub any_version: bool,
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
const NONE: Group = Group {
    lints: &[],
    any_version: false,
    message: |_, _| {},
    update: |_, _, _| {},
    packet: |_, _, _| {},
    connection: |_, _| {},
};

/// The same of a group for any version.
const MEANING: Group = Group { any_version: true, ..NONE };

/// All subjects.
pub(super) static GROUPS: &[Group] = &[
    Group { lints: lines::LINTS, message: lines::message, ..NONE },
    Group { lints: start::LINTS, message: start::message, ..NONE },
    Group { lints: target::LINTS, message: target::message, ..MEANING },
    Group { lints: host::LINTS, message: host::message, ..NONE },
    Group { lints: fields::LINTS, message: fields::message, ..MEANING },
    Group { lints: body::LINTS, message: body::message, update: body::update, ..NONE },
    Group { lints: coding::LINTS, message: coding::message, ..NONE },
    Group { lints: options::LINTS, message: options::message, ..NONE },
    Group { lints: persistence::LINTS, message: persistence::message, connection: persistence::connection, ..NONE },
    Group { lints: exchange::LINTS, message: exchange::message, connection: exchange::connection, ..NONE },
    Group { lints: date::LINTS, message: date::message, ..MEANING },
    Group { lints: media::LINTS, message: media::message, ..MEANING },
    Group { lints: charset::LINTS, message: charset::message, ..MEANING },
    Group { lints: status::LINTS, message: status::message, ..MEANING },
    Group { lints: condition::LINTS, message: condition::message, ..MEANING },
    Group { lints: range::LINTS, message: range::message, ..MEANING },
    Group { lints: redirect::LINTS, message: redirect::message, ..MEANING },
    Group { lints: cache::LINTS, message: cache::message, ..MEANING },
    Group { lints: cookie::LINTS, message: cookie::message, ..MEANING },
    Group { lints: content::LINTS, message: content::message, ..MEANING },
    Group { lints: credentials::LINTS, message: credentials::message, ..MEANING },
    Group { lints: control::LINTS, message: control::message, ..MEANING },
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
