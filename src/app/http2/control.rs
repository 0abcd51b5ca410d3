//! Frames that are of no HTTP message: what they say.

use std::fmt;

use super::frame::{self, Header, kind};

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
    pub(super) fn parse([a, b, c, d, weight]: [u8; 5]) -> Self {
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

impl Says {
    /// What the payload of a frame says.
    pub(super) fn read(header: Header, payload: &[u8]) -> Self {
        let number = |at: usize| payload.get(at..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes));
        let said = match header.kind {
            kind::SETTINGS => {
                let pairs = payload.as_chunks::<6>().0.iter();
                let settings = pairs
                    .map(|[a, b, c, d, e, f]| (u16::from_be_bytes([*a, *b]), u32::from_be_bytes([*c, *d, *e, *f])));
                Some(Self::Settings(settings.collect()))
            }
            kind::PING => payload.first_chunk().map(|opaque| Self::Ping(*opaque)),
            kind::GOAWAY => number(0).zip(number(4)).map(|(last, error)| Self::GoAway {
                last: last & (u32::MAX >> 1),
                error,
                debug: payload[8..].to_vec(),
            }),
            kind::WINDOW_UPDATE => number(0).map(|bytes| Self::WindowUpdate(bytes & (u32::MAX >> 1))),
            kind::RST_STREAM => number(0).map(Self::Reset),
            kind::PRIORITY => payload.first_chunk().map(|bytes| Self::Priority(Priority::parse(*bytes))),
            _ => None,
        };
        said.unwrap_or_else(|| Self::Other(payload.to_vec()))
    }
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
            Says::Preface | Says::Settings(_) => Ok(()),
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
