//! WebSocket (RFC 6455) after its handshake, with permessage-deflate (RFC 7692): frames in, messages out.

mod close;
mod connection;
mod extension;
mod fields;
pub mod header;
mod payload;
mod utf8;

use std::fmt;

use super::message::{Application, Message, Unit};
use super::protocol::Protocol;
use crate::field::Hex;
use extension::Extensions;
use header::{Header, Opcode};

pub use close::Close;

/// WebSocket.
pub static APPLICATION: Application = Application {
    title: "WebSocket",
    name: "websocket",
    doc: "A WebSocket message, or a control frame",
    fields: fields::FIELDS,
};

/// Headers of frames kept of a message: it may have any number of them.
const KEPT_FRAMES: usize = 64;

/// Bytes kept of a text: what filters and records have of it.
const KEPT_TEXT: usize = 64 << 10;

/// Most bytes of a control frame's payload (RFC 6455 5.5); more are not kept.
const MAX_CONTROL: usize = 125;

/// Bytes of a content shown in a summary.
const SUMMARY: usize = 64;

/// A message: the frames of one, joined, or a control frame.
#[derive(Clone, Debug)]
pub struct WebSocket {
    /// What it is: the opcode of its first frame.
    pub opcode: Opcode,
    /// The headers of its first frames.
    pub frames: Vec<Header>,
    /// How many frames there are.
    pub frame_count: u64,
    /// Whether permessage-deflate was agreed on.
    pub by_deflate: bool,
    /// Whether it is compressed, as was agreed on.
    pub compressed: bool,
    /// Length of the payloads of its frames as their headers have it.
    pub payload_len: u64,
    /// Length of its content: of what was captured, without masks, and decompressed.
    pub len: u64,
    /// The first bytes of that: of a text 64 KiB, of a control frame all.
    pub content: Vec<u8>,
    /// How much of it is kept.
    keep: usize,
}

impl WebSocket {
    fn new(opcode: Opcode, preview: usize) -> Self {
        let keep = match opcode {
            Opcode::TEXT => KEPT_TEXT.max(preview),
            opcode if opcode.is_control() => MAX_CONTROL,
            _ => preview,
        };
        Self {
            opcode,
            frames: Vec::new(),
            frame_count: 0,
            by_deflate: false,
            compressed: false,
            payload_len: 0,
            len: 0,
            content: Vec::new(),
            keep,
        }
    }

    fn add_frame(&mut self, header: Header) {
        self.frame_count += 1;
        self.payload_len = self.payload_len.saturating_add(header.len);
        if self.frames.len() < KEPT_FRAMES {
            self.frames.push(header);
        }
    }

    fn add_content(&mut self, bytes: &[u8]) {
        self.len += bytes.len() as u64;
        let room = self.keep.saturating_sub(self.content.len());
        self.content.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// The media type that its content would have elsewhere.
    pub const fn media_type(&self) -> &'static [u8] {
        match self.opcode {
            Opcode::TEXT => b"text/plain; charset=utf-8",
            _ => b"application/octet-stream",
        }
    }

    /// A text as far as it is kept, without a character that is cut there.
    pub fn text(&self) -> Option<&[u8]> {
        let kept = Some(&self.content[..]).filter(|_| self.opcode == Opcode::TEXT)?;
        match str::from_utf8(kept) {
            Err(error) if error.error_len().is_none() && self.len > kept.len() as u64 => {
                kept.get(..error.valid_up_to())
            }
            _ => Some(kept),
        }
    }

    /// What a close frame says.
    pub fn close(&self) -> Option<Close<'_>> {
        (self.opcode == Opcode::CLOSE).then(|| Close::of(&self.content)).flatten()
    }
}

impl fmt::Display for WebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.opcode.name())?;
        if let Some(Close { code, reason }) = self.close() {
            write!(f, " {code}")?;
            return if reason.is_empty() { Ok(()) } else { write!(f, " {}", String::from_utf8_lossy(reason)) };
        }
        let shown = &self.content[..self.content.len().min(SUMMARY)];
        let more = if self.len > shown.len() as u64 { "…" } else { "" };
        match str::from_utf8(shown) {
            _ if self.len == 0 => Ok(()),
            _ if shown.is_empty() => write!(f, " {} B", self.len),
            _ if self.opcode == Opcode::TEXT => write!(f, " {}{more}", String::from_utf8_lossy(shown)),
            Ok(text) if !text.contains(char::is_control) => write!(f, " {text}{more}"),
            _ => {
                let first = &shown[..shown.len().min(8)];
                write!(f, " {} B {}{}", self.len, Hex(first), if self.len > 8 { "…" } else { "" })
            }
        }
    }
}

/// The parser of what follows a response that hands its connection over to WebSocket.
pub fn upgraded(response: &Message) -> Option<Box<dyn Protocol>> {
    let http = response.http()?;
    let head = http.head();
    if http.parsed.code != 101 || !extension::is_upgrade(head) {
        return None;
    }
    Some(Box::new(connection::Connection::new(1 - response.side, Extensions::of(head))))
}

/// The WebSocket message, if it is one.
pub fn of(message: &Message) -> Option<&WebSocket> {
    match &message.unit {
        Unit::WebSocket(unit) => Some(unit),
        _ => None,
    }
}
