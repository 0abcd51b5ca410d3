//! HTTP/2 in clear (RFC 9113): requests and responses as HTTP messages, with the frames that carried them, and the frames
//! that are of no such message.

pub mod fields;
pub mod frame;
mod head;
pub mod hpack;
mod places;
mod session;
mod side;
#[cfg(test)]
mod tests;

use std::fmt;

use super::message::Application;
use frame::Header;
pub use session::{Session, guess};

/// HTTP/2.
pub static APPLICATION: Application = Application {
    title: "HTTP/2",
    name: "http2",
    doc: "A message of HTTP/2, or a frame that is of none",
    fields: fields::FIELDS,
};

/// Frames kept of a message; their count is exact.
const KEPT_FRAMES: usize = 256;

/// What a message of HTTP/2 has that one of HTTP/1 has not.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Part {
    /// Its stream.
    pub stream: u32,
    /// The headers of its first frames.
    pub frames: Vec<Header>,
    /// How many frames it has.
    pub frame_count: u64,
    /// Pseudo-header fields as sent: names and values.
    pub pseudo: Vec<(Vec<u8>, Vec<u8>)>,
    /// Field lines of which the name or the value is not known.
    pub unknown: u32,
    /// The stream on which the server promised it: it is what a client would have asked.
    pub promised_on: Option<u32>,
    /// How its stream depends on another.
    pub priority: Option<Priority>,
    /// The error code with which its stream was reset before its end.
    pub error: Option<u32>,
}

impl Part {
    /// Takes note of one more frame.
    fn add(&mut self, header: Header) {
        self.frame_count += 1;
        if self.frames.len() < KEPT_FRAMES {
            self.frames.push(header);
        }
    }

    /// Whether a frame with END_STREAM was met.
    pub fn ends_stream(&self) -> bool {
        self.frames.iter().any(|frame| frame.ends_stream())
    }

    /// The value of a pseudo-header field, by its name with the colon.
    pub fn pseudo(&self, name: &str) -> Option<&[u8]> {
        self.pseudo.iter().find(|(own, _)| own == name.as_bytes()).map(|(_, value)| &value[..])
    }
}

/// How a stream depends on another (RFC 7540 5.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Priority {
    /// Whether it is to be the only one to do so.
    pub exclusive: bool,
    /// That stream.
    pub on: u32,
    /// The weight, from 1 to 256.
    pub weight: u16,
}

impl Priority {
    fn parse([a, b, c, d, weight]: [u8; 5]) -> Self {
        let on = u32::from_be_bytes([a, b, c, d]);
        Self { exclusive: on >> 31 != 0, on: on & (u32::MAX >> 1), weight: u16::from(weight) + 1 }
    }
}

/// A frame that is of no HTTP message, or the connection preface.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Control {
    /// Its header; none of the preface.
    pub header: Option<Header>,
    /// What it says.
    pub says: Says,
}

/// What a frame says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Says {
    /// That HTTP/2 follows: the first 24 bytes of a client.
    Preface,
    /// Settings: identifiers and values.
    Settings(Vec<(u16, u32)>),
    /// Opaque bytes, which come back.
    Ping([u8; 8]),
    /// That no more streams are taken.
    GoAway {
        /// The last stream that was or may be taken.
        last: u32,
        /// Why.
        error: u32,
        /// More of that.
        debug: Vec<u8>,
    },
    /// That so many more bytes may be sent.
    WindowUpdate(u32),
    /// That the stream is ended, with an error code.
    Reset(u32),
    /// How the stream depends on another.
    Priority(Priority),
    /// Nothing that is read here, or that could be read: the first bytes of its payload.
    Other(Vec<u8>),
}

impl fmt::Display for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(header) = self.header else { return f.write_str("connection preface") };
        match frame::kind_name(header.kind) {
            Some(name) => f.write_str(name)?,
            None => write!(f, "frame of type {:#04x}", header.kind)?,
        }
        for flag in header.flag_names() {
            write!(f, " {flag}")?;
        }
        if header.stream > 0 {
            write!(f, " stream {}", header.stream)?;
        }
        match &self.says {
            Says::Preface => Ok(()),
            Says::Settings(_) => Ok(()),
            Says::Ping(opaque) => write!(f, " {:016x}", u64::from_be_bytes(*opaque)),
            Says::GoAway { last, error, .. } => write!(f, " {}, last stream {last}", Code(*error)),
            Says::WindowUpdate(bytes) => write!(f, " +{bytes}"),
            Says::Reset(error) => write!(f, " {}", Code(*error)),
            Says::Priority(Priority { exclusive, on, weight }) => {
                write!(f, " after stream {on}, weight {weight}{}", if *exclusive { ", exclusive" } else { "" })
            }
            Says::Other(_) => write!(f, " {} bytes", header.len),
        }
    }
}

impl Control {
    /// Its settings in words.
    pub fn settings(&self) -> String {
        let Says::Settings(settings) = &self.says else { return String::new() };
        let named = settings.iter().map(|(id, value)| match frame::setting_name(*id) {
            Some(name) => format!("{name} {value}"),
            None => format!("{id:#06x} {value}"),
        });
        named.collect::<Vec<_>>().join(", ")
    }
}

/// An error code, by its name where it has one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Code(pub u32);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match frame::error_name(self.0) {
            Some(name) => f.write_str(name),
            None => write!(f, "error {:#x}", self.0),
        }
    }
}
