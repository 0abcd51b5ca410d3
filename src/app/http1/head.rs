//! The message head (RFC 9112 2 to 5): every line kept, every oddity flagged, nothing rejected as a whole.

use std::borrow::Cow;

use super::name::{Name, Names};
use super::syntax::{is_fold_space, is_ows, trim};
use crate::issue::IssueSet;

pub use super::parse::{find_end, parse, parse_fields_into, parse_into};
pub use super::start::{Start, looks_like_cut_start, looks_like_joined_start, looks_like_start, plausible_resync};

/// A run of the head's bytes, as offsets from the start of the head.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// From offsets that are within a head, which [`parse_into`] keeps below 4 GiB.
    pub(in crate::app) fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 }
    }

    /// The bytes it denotes; none where `bytes` is shorter.
    pub fn of(self, bytes: &[u8]) -> &[u8] {
        bytes.get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    /// Whether it denotes no byte.
    pub const fn is_empty(self) -> bool {
        self.start >= self.end
    }
}

/// The first line of a message.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum StartLine {
    /// None: no byte of it is there, or the head is a trailer section.
    #[default]
    None,
    /// Request line (RFC 9112 3).
    Request {
        /// Method, as sent.
        method: Span,
        /// Request target; has white space within where the line has more words than three.
        target: Span,
        /// Version; empty where there is none.
        version: Span,
    },
    /// Status line (RFC 9112 4).
    Response {
        /// Version.
        version: Span,
        /// Status code, as sent.
        code: Span,
        /// Reason phrase; may be empty.
        phrase: Span,
    },
}

/// An HTTP version.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Version {
    /// 0 to 9.
    pub major: u8,
    /// 0 to 9.
    pub minor: u8,
}

impl Version {
    /// HTTP/1.1.
    pub const HTTP_11: Self = Self { major: 1, minor: 1 };
}

/// One field line (RFC 9112 5), or a line in its place that is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FieldLine {
    /// Name, without white space at its ends; empty where the line has no colon, and then the value is the line.
    pub name: Span,
    /// Value, without white space at its ends; spans the lines that it is folded over.
    pub value: Span,
    /// The name, where it is one that tells how the message is to be read.
    pub known: Name,
}

/// A parsed head: spans of its bytes, which it does not hold.
#[derive(Default, PartialEq, Eq, Debug)]
pub struct Head {
    /// Start line.
    pub start: StartLine,
    /// Version; none where there is none, or it has not the form `HTTP/` digit `.` digit (letters of any case).
    pub version: Option<Version>,
    /// Status code of a response; 0 where it is no number of at most five digits.
    pub code: u16,
    /// Field lines in wire order.
    pub fields: Vec<FieldLine>,
    /// Which of the fields are there that tell how the message is to be read.
    pub names: Names,
    /// `:authority` of HTTP/2, which stands for the host (RFC 9113 8.3.1); empty where there is none.
    pub authority: Span,
    /// What is odd about it.
    pub issues: IssueSet,
    /// Length in bytes, with the blank line at its end where that is there.
    pub len: u32,
    /// Whether the blank line that ends it is there.
    pub complete: bool,
}

impl Clone for Head {
    fn clone(&self) -> Self {
        let mut copy = Self::default();
        copy.clone_from(self);
        copy
    }

    fn clone_from(&mut self, other: &Self) {
        let Self { start, version, code, fields, names, authority, issues, len, complete } = self;
        *start = other.start;
        *version = other.version;
        *code = other.code;
        fields.clone_from(&other.fields);
        *names = other.names;
        *authority = other.authority;
        *issues = other.issues;
        *len = other.len;
        *complete = other.complete;
    }
}

impl Head {
    /// Reads its spans in the bytes that it was parsed from.
    pub fn of<'a>(&'a self, bytes: &'a [u8]) -> HeadRef<'a> {
        HeadRef { head: self, bytes }
    }

    /// Becomes empty; its storage stays.
    pub(in crate::app) fn clear(&mut self) {
        let Self { start, version, code, fields, names, authority, issues, len, complete } = self;
        *start = StartLine::None;
        *version = None;
        *code = 0;
        fields.clear();
        *names = Names::default();
        *authority = Span::default();
        *issues = IssueSet::EMPTY;
        *len = 0;
        *complete = false;
    }

    pub(in crate::app) fn push(&mut self, field: FieldLine) {
        self.names.insert(field.known);
        self.fields.push(field);
    }
}

/// A head with its bytes.
#[derive(Clone, Copy, Debug)]
pub struct HeadRef<'a> {
    /// The spans.
    pub head: &'a Head,
    /// The bytes that they denote.
    pub bytes: &'a [u8],
}

impl<'a> HeadRef<'a> {
    /// Whether it is a request's.
    pub fn is_request(self) -> bool {
        matches!(self.head.start, StartLine::Request { .. })
    }

    /// Method of a request.
    pub fn method(self) -> Option<&'a [u8]> {
        match self.head.start {
            StartLine::Request { method, .. } => Some(method.of(self.bytes)),
            _ => None,
        }
    }

    /// Target of a request.
    pub fn target(self) -> Option<&'a [u8]> {
        match self.head.start {
            StartLine::Request { target, .. } => Some(target.of(self.bytes)),
            _ => None,
        }
    }

    /// Version as sent; none where there is none.
    pub fn version(self) -> Option<&'a [u8]> {
        match self.head.start {
            StartLine::Request { version, .. } | StartLine::Response { version, .. } if !version.is_empty() => {
                Some(version.of(self.bytes))
            }
            _ => None,
        }
    }

    /// Reason phrase of a response.
    pub fn phrase(self) -> Option<&'a [u8]> {
        match self.head.start {
            StartLine::Response { phrase, .. } => Some(phrase.of(self.bytes)),
            _ => None,
        }
    }

    /// Name of a field line, as sent.
    pub fn name(self, field: &FieldLine) -> &'a [u8] {
        field.name.of(self.bytes)
    }

    /// Value of a field line, each obs-fold replaced by a space (RFC 9112 5.2).
    pub fn value(self, field: &FieldLine) -> Cow<'a, [u8]> {
        unfold(field.value.of(self.bytes))
    }

    /// Value of the first field with this name, compared without case.
    #[inline]
    pub fn get(self, name: &str) -> Option<Cow<'a, [u8]>> {
        // A record asks for two dozen of them: most names are told apart by their length.
        let is_it = |line: &&FieldLine| {
            line.name.end.wrapping_sub(line.name.start) as usize == name.len()
                && self.name(line).eq_ignore_ascii_case(name.as_bytes())
        };
        self.head.fields.iter().find(is_it).map(|line| self.value(line))
    }

    /// The host that a request is for: the first Host field, or `:authority`.
    pub fn host(self) -> Option<Cow<'a, [u8]>> {
        let authority = self.head.authority;
        self.get("host").or_else(|| (!authority.is_empty()).then(|| Cow::Borrowed(authority.of(self.bytes))))
    }

    /// Values of all fields with this name, compared without case, in wire order.
    pub fn all(self, name: &str) -> impl Iterator<Item = Cow<'a, [u8]>> {
        self.raw(name).map(unfold)
    }

    /// Elements of the list that all fields with this name make together (RFC 9110 5.6.1), without empty ones.
    pub fn list(self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.raw(name).flat_map(list_elements)
    }

    /// Values of all fields with this name, as sent, in wire order.
    pub fn known(self, name: Name) -> impl Iterator<Item = &'a [u8]> {
        let fields: &[FieldLine] = if self.head.names.contains(name) { &self.head.fields } else { &[] };
        fields.iter().filter(move |field| field.known == name).map(move |field| field.value.of(self.bytes))
    }

    /// Whether there is a field with this name.
    pub fn has(self, name: Name) -> bool {
        self.known(name).next().is_some()
    }

    pub(super) fn raw(self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let fields = self.head.fields.iter();
        fields.filter(move |f| self.name(f).eq_ignore_ascii_case(name.as_bytes())).map(move |f| f.value.of(self.bytes))
    }
}

fn unfold(value: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'\n', value).is_none() {
        return Cow::Borrowed(value);
    }
    let mut unfolded = Vec::with_capacity(value.len());
    for line in value.split(|&b| b == b'\n') {
        let line = trim(line.strip_suffix(b"\r").unwrap_or(line), is_ows);
        if !unfolded.is_empty() && !line.is_empty() {
            unfolded.push(b' ');
        }
        unfolded.extend_from_slice(line);
    }
    Cow::Owned(unfolded)
}

/// Elements of a comma-separated list; a comma within a quoted string does not separate. Empty elements are left out.
pub fn list_elements(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(value);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = element_end(text);
        rest = text.get(end + 1..);
        Some(trim(&text[..end], is_fold_space))
    })
    .filter(|element| !element.is_empty())
}

fn element_end(text: &[u8]) -> usize {
    let (mut quoted, mut escaped) = (false, false);
    let comma = text.iter().position(|&b| {
        match b {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => return true,
            _ => {}
        }
        false
    });
    comma.unwrap_or(text.len())
}
