//! The vocabulary of fields: name, type, meaning, and how to get it from a record. It knows no protocol.

use std::fmt;

use crate::frame::Timestamp;

/// What values a field has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// Unsigned number.
    Uint,
    /// Signed number.
    Int,
    /// Text; bytes that are not UTF-8 are possible.
    Text,
    /// Bytes, shown in hexadecimal.
    Bytes,
    /// Hardware address of six bytes.
    Mac,
    /// IPv4 address.
    Ipv4,
    /// IPv6 address.
    Ipv6,
    /// Point in time.
    Time,
    /// Span of time, in nanoseconds.
    Duration,
}

impl Kind {
    /// The word for it in `dissect fields`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Uint => "uint",
            Self::Int => "int",
            Self::Text => "text",
            Self::Bytes => "bytes",
            Self::Mac => "mac",
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::Time => "time",
            Self::Duration => "duration",
        }
    }
}

/// One value of a field.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Value<'a> {
    /// See [`Kind::Bool`].
    Bool(bool),
    /// See [`Kind::Uint`].
    Uint(u64),
    /// See [`Kind::Int`].
    Int(i64),
    /// See [`Kind::Text`].
    Text(&'a [u8]),
    /// See [`Kind::Bytes`].
    Bytes(&'a [u8]),
    /// See [`Kind::Mac`].
    Mac([u8; 6]),
    /// See [`Kind::Ipv4`].
    Ipv4([u8; 4]),
    /// See [`Kind::Ipv6`].
    Ipv6([u8; 16]),
    /// See [`Kind::Time`].
    Time(Timestamp),
    /// See [`Kind::Duration`].
    Duration(i64),
}

/// Bytes in hexadecimal.
pub struct Hex<'a>(pub &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// How numbers are best shown to a person.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Base {
    /// Decimal.
    Dec,
    /// Hexadecimal.
    Hex,
}

/// One field of a kind of record; `G` is the getter's type, a function from the record that hands each value to a
/// closure: none where the record lacks the field, several where it is repeated.
#[derive(Clone, Copy, Debug)]
pub struct Field<G: 'static> {
    /// Wireshark's name, with dots.
    pub name: &'static str,
    /// Type of its values.
    pub kind: Kind,
    /// How a number is shown in text.
    pub base: Base,
    /// Whether a record may hold it more than once; it is then always a list.
    pub many: bool,
    /// Meaning and unit, in one line.
    pub doc: &'static str,
    /// Hands each value of the field to the closure.
    pub get: G,
}

impl<G> Field<G> {
    /// A field with one value, numbers shown in decimal.
    pub const fn new(name: &'static str, kind: Kind, doc: &'static str, get: G) -> Self {
        Self { name, kind, base: Base::Dec, many: false, doc, get }
    }

    /// The same, numbers shown in hexadecimal.
    pub const fn hex(name: &'static str, doc: &'static str, get: G) -> Self {
        Self { name, kind: Kind::Uint, base: Base::Hex, many: false, doc, get }
    }

    /// A field that may have several values.
    pub const fn list(name: &'static str, kind: Kind, doc: &'static str, get: G) -> Self {
        Self { name, kind, base: Base::Dec, many: true, doc, get }
    }
}
