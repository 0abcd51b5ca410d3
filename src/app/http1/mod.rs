//! HTTP/0.9, 1.0 and 1.1 over one connection: bytes and gaps of both directions in, messages out (RFC 9112).

pub mod chunked;
pub mod coding;
mod datagram;
pub mod fields;
pub mod framing;
pub mod head;
pub mod name;
pub mod pairing;
mod parse;
mod plain;
mod searches;
mod session;
mod skim;
pub mod start;
pub mod syntax;
pub mod uri;

use super::http2;
use super::message::Application;
pub use datagram::datagram;
use head::{Head, HeadRef, Version};
use name::Name;
pub use searches::Searches;
pub use session::{Run, Session, Taken};
pub(super) use session::{Undoing, content, end_coding, undo_codings};

/// HTTP.
pub static APPLICATION: Application =
    Application { title: "HTTP", name: "http", doc: "An HTTP message", fields: fields::FIELDS };

/// An HTTP message.
#[derive(Default, Debug)]
pub struct Http {
    /// The head as it was sent, or as much of it as is known; empty for a response of HTTP/0.9.
    pub raw: Vec<u8>,
    /// What it says.
    pub parsed: Head,
    /// Whether it is of HTTP/0.9: a request line without version, or a body alone.
    pub nine: bool,
    /// Bytes of the body that were captured, after transfer decoding and before content decoding.
    pub body_len: u64,
    /// The trailer section as sent, its blank line included; empty where there is none.
    pub trailer_raw: Vec<u8>,
    /// What it says.
    pub trailer: Head,
    /// The first bytes of the body, after content decoding.
    pub preview: Vec<u8>,
    /// Length of the body after content decoding, where a coding was undone.
    pub decoded_len: Option<u64>,
    /// What HTTP/2 has beside that; none in HTTP/1. The head is then a rendition of what the field block says.
    pub http2: Option<Box<http2::Part>>,
    /// Whether the connection is handed over after this message: to the protocol of an `Upgrade`, or a tunnel.
    pub hands_over: bool,
}

impl Clone for Http {
    fn clone(&self) -> Self {
        let mut copy = Self::default();
        copy.clone_from(self);
        copy
    }

    fn clone_from(&mut self, other: &Self) {
        let Self { raw, parsed, nine, body_len, trailer_raw, trailer, preview, decoded_len, http2, hands_over } = self;
        raw.clone_from(&other.raw);
        parsed.clone_from(&other.parsed);
        *nine = other.nine;
        *body_len = other.body_len;
        trailer_raw.clone_from(&other.trailer_raw);
        trailer.clone_from(&other.trailer);
        preview.clone_from(&other.preview);
        *decoded_len = other.decoded_len;
        http2.clone_from(&other.http2);
        *hands_over = other.hands_over;
    }
}

impl Http {
    /// The head with its bytes.
    pub fn head(&self) -> HeadRef<'_> {
        self.parsed.of(&self.raw)
    }

    /// The trailer section with its bytes.
    pub fn trailer(&self) -> HeadRef<'_> {
        self.trailer.of(&self.trailer_raw)
    }

    /// The version, 0.9 included.
    pub fn version(&self) -> Option<Version> {
        if self.nine { Some(Version { major: 0, minor: 9 }) } else { self.parsed.version }
    }

    /// Whether it is the last response to its request; 1xx are interim, but for a 101 that names what it hands over to
    /// (RFC 9110 15.2).
    pub fn is_final(&self) -> bool {
        !(100..200).contains(&self.parsed.code) || self.parsed.code == 101 && self.head().has(Name::Upgrade)
    }

    /// Becomes empty; its storage stays.
    pub(super) fn clear(&mut self) {
        let Self { raw, parsed, nine, body_len, trailer_raw, trailer, preview, decoded_len, http2, hands_over } = self;
        raw.clear();
        parsed.clear();
        *nine = false;
        *body_len = 0;
        trailer_raw.clear();
        trailer.clear();
        preview.clear();
        *decoded_len = None;
        *http2 = None;
        *hands_over = false;
    }

    /// Bytes of its storage.
    pub(super) fn storage(&self) -> usize {
        let fields = self.parsed.fields.capacity() + self.trailer.fields.capacity();
        let bytes = self.raw.capacity() + self.trailer_raw.capacity() + self.preview.capacity();
        bytes + fields * size_of::<head::FieldLine>()
    }
}
