//! What a filter needs of the outside: what its names mean, and the values of a record.

use crate::field::{Kind, Value};

/// Names a field for the one who resolved its name and hands out its values; the filter only passes it on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FieldId {
    /// Which record it is of, where a filter speaks of several; 0 where it speaks of one.
    pub scope: u16,
    /// Which field.
    pub index: u16,
}

impl FieldId {
    /// The same field of another record.
    #[must_use]
    pub const fn within(self, scope: u16) -> Self {
        Self { scope, ..self }
    }
}

/// What a name means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Name {
    /// How a record is asked for it.
    pub id: FieldId,
    /// How a record is asked for what `contains` and `matches` search, where that is more: of a protocol all that
    /// follows in the frame, of which its values are the header alone.
    pub searched: Option<FieldId>,
    /// Type of its values.
    pub kind: Type,
}

/// Type of the values of a field or an expression.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Type {
    /// Values of a field of the registry.
    Of(Kind),
    /// A protocol: it is there or not, and its bytes, which are its values, can be searched and sliced.
    Protocol,
    /// It is there or not, and has no value that can be compared; what a record hands out is any value.
    Label,
}

impl From<Kind> for Type {
    fn from(kind: Kind) -> Self {
        Self::Of(kind)
    }
}

/// Tells what names mean.
pub trait Names {
    /// What the name means, if it is one.
    fn resolve(&self, name: &str) -> Option<Name>;

    /// The highest number that a name's values can be, where that is worth telling who compares it with a higher one.
    fn most(&self, _name: &str) -> Option<u64> {
        None
    }

    /// Hands on names that may have been meant where one is unknown.
    fn each(&self, put: &mut dyn FnMut(&str));
}

/// Whether a record handed out all values that there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Coverage {
    /// There are no others.
    Complete,
    /// There may be others: bytes that would tell are missing, or are still to come.
    Incomplete,
}

impl Coverage {
    /// Complete where both are.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Complete, Self::Complete) => Self::Complete,
            _ => Self::Incomplete,
        }
    }
}

/// A value of a field.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// The value.
    pub value: Value<'a>,
    /// Which of the layers of its protocol it is in, from 1, outermost first; 0 where it is in none.
    pub layer: u16,
}

impl<'a> From<Value<'a>> for Item<'a> {
    fn from(value: Value<'a>) -> Self {
        Self { value, layer: 0 }
    }
}

/// What a filter is asked about.
pub trait Record {
    /// Hands on each value of the field, in the order of the record.
    fn values(&self, field: FieldId, put: &mut dyn FnMut(Item<'_>)) -> Coverage;

    /// Whether the field is there: as [`values`](Self::values) would tell, at less cost.
    fn exists(&self, field: FieldId) -> Decision {
        exists(self, field)
    }
}

/// Whether the field is there, by its values.
pub(super) fn exists(record: &(impl Record + ?Sized), field: FieldId) -> Decision {
    let mut found = false;
    match record.values(field, &mut |_| found = true) {
        _ if found => Decision::Yes,
        Coverage::Complete => Decision::No,
        Coverage::Incomplete => Decision::Unknown,
    }
}

/// Whether a filter holds for a record (Kleene's logic of three values).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decision {
    /// It holds, whatever is missing.
    Yes,
    /// It does not hold, whatever is missing.
    No,
    /// What is missing decides.
    Unknown,
}

impl Decision {
    /// Whether both hold.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            _ => Self::Unknown,
        }
    }

    /// Whether one of both holds.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        self.not().and(other.not()).not()
    }

    /// Whether exactly one of both holds.
    #[must_use]
    pub const fn xor(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Yes, other) => other.not(),
            (Self::No, other) => other,
        }
    }

    /// Whether it does not hold.
    #[must_use]
    pub const fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
        }
    }
}

impl From<bool> for Decision {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}
