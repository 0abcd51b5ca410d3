//! Secrets of content: all that is filled in in a form, and elsewhere what has the name of a secret.

use super::text::{Context, Text};
use super::{Found, HeadScanner, Kind, Runs, shifted};

/// What content is, as far as it matters where secrets are in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Media {
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `multipart/…` with its boundary.
    Multipart(Vec<u8>),
    /// Anything else.
    Text,
    /// What cannot be looked into.
    Opaque,
}

/// The longest boundary (RFC 2046 5.1.1), and as much again.
const MAX_BOUNDARY: usize = 140;

impl Media {
    /// By Content-Type; `coded` where the bytes have a content coding.
    pub fn of(content_type: Option<&[u8]>, coded: bool) -> Self {
        let content_type = content_type.unwrap_or_default();
        let essence = content_type.split(|byte| matches!(byte, b';' | b',')).next().unwrap_or_default();
        let essence = essence.trim_ascii().to_ascii_lowercase();
        match essence {
            _ if coded => Self::Opaque,
            essence if essence.ends_with(b"x-www-form-urlencoded") => Self::Form,
            essence if essence.starts_with(b"multipart/") => match boundary(content_type) {
                Some(boundary) => Self::Multipart(boundary),
                None => Self::Opaque,
            },
            _ => Self::Text,
        }
    }
}

fn boundary(content_type: &[u8]) -> Option<Vec<u8>> {
    let parameters = content_type.split(|byte| *byte == b';').skip(1);
    let value = parameters.filter_map(|parameter| {
        let at = memchr::memchr(b'=', parameter)?;
        let is_it = parameter[..at].trim_ascii().eq_ignore_ascii_case(b"boundary");
        is_it.then(|| parameter[at + 1..].trim_ascii())
    });
    let value = { value }.next()?;
    let value = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
    (1..=MAX_BOUNDARY).contains(&value.len()).then(|| value.to_vec())
}

/// Finds secrets in content that comes in pieces.
#[derive(Clone, Debug)]
pub struct Body(Inner);

#[derive(Clone, Debug)]
enum Inner {
    Form { in_value: bool },
    Multipart(Box<Multipart>),
    Text(Text),
    Opaque,
}

impl Body {
    /// At its beginning.
    pub fn new(media: &Media) -> Self {
        Self(match media {
            Media::Form => Inner::Form { in_value: false },
            Media::Multipart(boundary) => Inner::Multipart(Box::new(Multipart::new(boundary))),
            Media::Text => Inner::Text(Text::new(Context::Content)),
            Media::Opaque => Inner::Opaque,
        })
    }

    /// The next piece is all of it.
    pub(super) fn whole(self) -> Self {
        match self.0 {
            Inner::Text(text) => Self(Inner::Text(text.whole())),
            inner => Self(inner),
        }
    }

    /// Bytes are missing here.
    pub fn gap(&mut self) {
        match &mut self.0 {
            Inner::Form { in_value } => *in_value = true,
            Inner::Multipart(multipart) => multipart.gap(),
            Inner::Text(text) => text.gap(),
            Inner::Opaque => {}
        }
    }

    /// Takes the next piece.
    pub fn feed(&mut self, bytes: &[u8], found: Found<'_>) {
        match &mut self.0 {
            Inner::Form { in_value } => form(in_value, bytes, found),
            Inner::Multipart(multipart) => multipart.feed(bytes, found),
            Inner::Text(text) => text.feed(bytes, found),
            Inner::Opaque if bytes.is_empty() => {}
            Inner::Opaque => found(Kind::Opaque, 0..bytes.len()),
        }
    }
}

/// Values of a form; names are shown where their `=` is in the same piece.
fn form(in_value: &mut bool, bytes: &[u8], found: Found<'_>) {
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let pair = memchr::memchr(b'&', rest).unwrap_or(rest.len());
        let value = match memchr::memchr(b'=', &rest[..pair]) {
            Some(equals) if !*in_value => equals + 1,
            _ => 0,
        };
        if value < pair {
            found(Kind::Form, at + value..at + pair);
        }
        *in_value = pair == rest.len() && (*in_value || value > 0);
        at += pair + 1;
    }
}

/// Parts of `multipart/form-data` and its like (RFC 7578, RFC 2046 5.1): what they hold is masked, their fields are not.
#[derive(Clone, Debug)]
struct Multipart {
    /// Two dashes and the boundary.
    delimiter: Vec<u8>,
    place: Place,
    fields: HeadScanner,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    /// At the beginning of a line of content, of which so many bytes are those of the delimiter.
    LineStart(usize),
    /// Within a line of content.
    Line,
    /// Behind a delimiter, up to the end of its line; of its last one where there are dashes.
    Delimiter { last: bool },
    /// In the fields of a part.
    Fields,
}

impl Multipart {
    fn new(boundary: &[u8]) -> Self {
        let delimiter = [b"--", boundary].concat();
        Self { delimiter, place: Place::LineStart(0), fields: HeadScanner::trailer() }
    }

    fn gap(&mut self) {
        self.place = Place::Line;
    }

    fn feed(&mut self, bytes: &[u8], found: Found<'_>) {
        let mut runs = Runs::default();
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if self.place == Place::Fields {
                // Nothing of theirs is told twice: the run before ends at their beginning.
                runs.add(at, None, found);
                at += self.fields.feed_head(&bytes[at..], &mut shifted(at, found));
                if self.fields.has_ended() {
                    self.place = Place::LineStart(0);
                }
                continue;
            }
            let shown = self.place == Place::LineStart(0) && bytes[at..].starts_with(&self.delimiter);
            if shown {
                at += self.delimiter.len();
                runs.add(at - self.delimiter.len(), None, found);
                self.place = Place::Delimiter { last: false };
                continue;
            }
            runs.add(at, self.step(byte).then_some(Kind::Form), found);
            at += 1;
        }
        runs.end(bytes.len(), found);
    }

    /// Takes a byte outside of fields; whether it is secret.
    fn step(&mut self, byte: u8) -> bool {
        let (place, secret) = match self.place {
            Place::Delimiter { last: true } if byte == b'\n' => (Place::Line, false),
            Place::Delimiter { .. } if byte == b'\n' => {
                self.fields = HeadScanner::trailer();
                (Place::Fields, false)
            }
            Place::Delimiter { last } => {
                (Place::Delimiter { last: last || byte == b'-' }, !matches!(byte, b'-' | b'\r'))
            }
            _ if byte == b'\n' => (Place::LineStart(0), false),
            Place::LineStart(matched) if self.delimiter.get(matched) == Some(&byte) => {
                let all = matched + 1 == self.delimiter.len();
                (if all { Place::Delimiter { last: false } } else { Place::LineStart(matched + 1) }, true)
            }
            _ => (Place::Line, byte != b'\r'),
        };
        self.place = place;
        secret
    }
}
