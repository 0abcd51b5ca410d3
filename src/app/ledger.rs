//! What became of every byte of TCP payload that was captured.

/// The classes of bytes; see the fields of [`Ledger`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// In a message.
    Message,
    /// A copy, equal or not compared.
    Duplicate,
    /// A copy with other content.
    Conflict,
    /// Of another protocol.
    Other,
    /// Before the first recognised message of a connection joined midway.
    BeforeFirst,
    /// In the place of a message, and not readable as one.
    Undecodable,
    /// Kept out of reassembly.
    Rejected,
    /// Dropped at a bound.
    GivenUp,
    /// Not looked at because of a filter.
    Filtered,
}

impl Class {
    /// Every class, in the order of the records.
    pub const ALL: [Self; 9] = [
        Self::Message,
        Self::Duplicate,
        Self::Conflict,
        Self::Other,
        Self::BeforeFirst,
        Self::Undecodable,
        Self::Rejected,
        Self::GivenUp,
        Self::Filtered,
    ];

    /// The word for it in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Duplicate => "duplicate",
            Self::Conflict => "conflict",
            Self::Other => "other",
            Self::BeforeFirst => "before_first",
            Self::Undecodable => "undecodable",
            Self::Rejected => "rejected",
            Self::GivenUp => "given_up",
            Self::Filtered => "filtered",
        }
    }
}

/// Bytes of TCP payload, each captured one counted once in one class.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Ledger {
    /// All that was captured, as often as it was captured.
    pub captured: u64,
    /// Known to exist and not captured.
    pub missing: u64,
    classes: [u64; Class::ALL.len()],
}

impl Ledger {
    /// Counts `bytes` in `class`.
    pub const fn add(&mut self, class: Class, bytes: u64) {
        self.classes[class as usize] += bytes;
    }

    /// Bytes in `class`.
    pub const fn get(&self, class: Class) -> u64 {
        self.classes[class as usize]
    }

    /// Captured bytes in no class, less those in more than one: 0, or a bug.
    pub fn unexplained(&self) -> i64 {
        self.captured as i64 - self.classes.iter().sum::<u64>() as i64
    }
}
