//! HTTP/2 in clear (RFC 9113): requests and responses as HTTP messages, with the frames that carried them, and the frames
//! that are of no such message.

mod control;
pub mod fields;
pub mod frame;
mod guess;
mod head;
pub mod hpack;
mod places;
mod session;
mod side;

use super::message::Application;
pub use control::{Code, Control, Priority, Says};
use frame::Header;
pub use guess::guess;
pub use session::Session;

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
