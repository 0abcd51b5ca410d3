//! What a lint is.

use crate::issue::{Issue, Severity};

/// One thing that lints look for.
#[derive(Debug)]
pub struct Lint {
    /// The stable name, kebab case.
    pub name: &'static str,
    /// How much it matters: `error` where a MUST is broken so that others misread or reject the message, `warn` where
    /// one is broken that most put up with, `note` for what a SHOULD says, `chat` for what is only worth knowing.
    pub severity: Severity,
    /// Where it is defined: an RFC and its section.
    pub section: &'static str,
    /// One line that says what is wrong.
    pub title: &'static str,
    /// One line that says how to mend it.
    pub help: &'static str,
    /// Why it matters, at length.
    pub explanation: &'static str,
    /// A conversation in which it is raised.
    pub bad: &'static [Turn],
    /// The same as it should be.
    pub good: &'static [Turn],
    /// Numbers of HTTPolice's notices that say the same.
    pub httpolice: &'static [u16],
    /// The issue that the core raises for it, among others perhaps.
    pub issue: Option<Issue>,
}

impl Lint {
    /// What entries leave out.
    pub(super) const NONE: Self = Self {
        name: "",
        severity: Severity::Note,
        section: "",
        title: "",
        help: "",
        explanation: "",
        bad: &[],
        good: &[],
        httpolice: &[],
        issue: None,
    };
}

/// What one end does in an example, after what is before it has arrived.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turn {
    /// The client sends this, in one segment.
    Client(&'static str),
    /// The server does.
    Server(&'static str),
    /// The client sends FIN.
    ClientCloses,
    /// The server does.
    ServerCloses,
    /// The client sends RST.
    ClientResets,
    /// The server does.
    ServerResets,
    /// So many seconds go by.
    Wait(u32),
    /// Something happens that only words tell.
    Happens(&'static str),
}

/// Entries of the list, each a static with its name in capitals, and `LINTS`, all of them.
macro_rules! lints {
    ($($name:ident = $lint:expr;)*) => {
        $(pub(super) static $name: Lint = $lint;)*

        /// The lints of this subject.
        pub(super) static LINTS: &[&Lint] = &[$(&$name,)*];
    };
}
pub(super) use lints;
