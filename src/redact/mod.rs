//! Secrets in what a capture holds: which bytes of heads, targets and bodies they are, and how they are masked.
//!
//! What is found is found as the bytes come, in pieces of any size, with bounded state and in linear time; where a piece
//! does not tell whether bytes are secret, they are taken for that. Masks have the length of what they hide, so that every
//! offset and length stays true.

mod body;
mod conversation;
mod events;
mod head;
mod message;
mod names;
mod text;

use std::ops::Range;

use head::HeadScanner;

pub use body::{Body, Media};
pub use events::{Both, Redacting, Redactor};
pub use text::{Context, Text};

/// What stands for each masked byte.
pub const MASK: u8 = b'*';

/// What kind of secret it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// Credentials of Authorization and its like (RFC 9110 11).
    Credentials,
    /// The value of a cookie (RFC 6265).
    Cookie,
    /// The value of another field that carries a secret, such as `X-Api-Key`.
    Field,
    /// Part of a URL: user information, or a parameter with the name of a secret.
    Url,
    /// What is filled in in a form.
    Form,
    /// What has the name of a secret in other content, such as a member of JSON.
    Member,
    /// Content that cannot be looked into.
    Opaque,
}

impl Kind {
    /// Every kind, in the order of the variants.
    pub const ALL: [Self; 7] =
        [Self::Credentials, Self::Cookie, Self::Field, Self::Url, Self::Form, Self::Member, Self::Opaque];

    /// The word for it in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::Cookie => "cookie",
            Self::Field => "field",
            Self::Url => "url",
            Self::Form => "form",
            Self::Member => "member",
            Self::Opaque => "opaque",
        }
    }
}

/// Takes what is found: its kind, and which bytes of the piece it is. A secret that goes over pieces is told in each.
pub type Found<'a> = &'a mut dyn FnMut(Kind, Range<usize>);

/// The secrets of a head: a start line and field lines, or field lines alone, as sent or as rendered from HTTP/2.
pub fn head(bytes: &[u8], found: Found<'_>) {
    HeadScanner::default().feed(bytes, found);
}

/// The secrets of the field lines of a trailer section.
pub fn trailer(bytes: &[u8], found: Found<'_>) {
    HeadScanner::trailer().feed(bytes, found);
}

/// The secrets of a request target, or of another URL.
pub fn target(bytes: &[u8], found: Found<'_>) {
    let mut text = Text::new(Context::Target).whole();
    text.word_begins(bytes);
    text.feed(bytes, found);
}

/// The secrets of an authority: what precedes its host (RFC 3986 3.2.1).
pub fn authority(bytes: &[u8], found: Found<'_>) {
    if let Some(at) = memchr::memrchr(b'@', bytes) {
        found(Kind::Url, 0..at);
    }
}

/// The secrets of a field's value, by its name.
pub fn field(name: &[u8], value: &[u8], found: Found<'_>) {
    let mut scanner = HeadScanner::trailer();
    scanner.feed(name, &mut |_, _| {});
    scanner.feed(b": ", &mut |_, _| {});
    // The end of its line tells that the last word of the value is whole.
    scanner.feed(&[value, b"\n"].concat(), found);
}

/// The secrets of the whole content of a message.
pub fn content(media: &Media, bytes: &[u8], found: Found<'_>) {
    Body::new(media).whole().feed(bytes, found);
}

/// Masks what is found by `find`; whether there was anything.
pub fn mask(bytes: &mut [u8], find: impl FnOnce(&[u8], Found<'_>)) -> bool {
    let mut ranges = Vec::new();
    find(bytes, &mut |_, range| ranges.push(range));
    hide(bytes, &ranges);
    !ranges.is_empty()
}

/// Masks what was found.
fn hide(bytes: &mut [u8], ranges: &[Range<usize>]) {
    for range in ranges {
        // Scanners give ranges of the bytes that they were given.
        bytes.get_mut(range.clone()).into_iter().for_each(|bytes| bytes.fill(MASK));
    }
}

/// The same, of what is at `from` in what is searched.
fn shifted(from: usize, found: Found<'_>) -> impl FnMut(Kind, Range<usize>) {
    move |kind, range| found(kind, from + range.start..from + range.end)
}

/// Gathers bytes that are found one by one into runs.
#[derive(Default)]
struct Runs {
    open: Option<(Kind, usize)>,
}

impl Runs {
    /// Takes what the byte at `at` is part of.
    fn add(&mut self, at: usize, kind: Option<Kind>, found: Found<'_>) {
        match (self.open, kind) {
            (Some((open, _)), Some(kind)) if open == kind => {}
            (None, None) => {}
            (open, kind) => {
                if let Some((open, from)) = open {
                    found(open, from..at);
                }
                self.open = kind.map(|kind| (kind, at));
            }
        }
    }

    /// The piece ends.
    fn end(self, len: usize, found: Found<'_>) {
        if let Some((open, from)) = self.open {
            found(open, from..len);
        }
    }
}

#[cfg(test)]
mod tests;
