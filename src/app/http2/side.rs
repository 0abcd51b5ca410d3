//! One direction of a connection: its frames one after the other, and what is known of the field blocks in them.

use super::frame::Header;
use super::hpack::Blocks;
use super::places::Places;
use crate::app::held::Held;
use crate::app::message::Message;

/// Most bytes of a field block that are kept, as of what it says: see [`MAX_LIST`](super::hpack::MAX_LIST). A block goes
/// on in any number of CONTINUATION frames.
pub const MAX_BLOCK: usize = 256 << 10;

/// Most bytes kept of the payload of a frame that is of no message: settings, a text after GOAWAY.
const MAX_KEPT: usize = 4 << 10;

/// One direction.
#[derive(Default)]
pub struct Side {
    pub state: State,
    /// The beginning of what is not whole: of the preface, or of a frame header.
    pub held: Held,
    /// A field block that goes on in the next frame.
    pub block: Option<Block>,
    pub blocks: Blocks,
    pub places: Places,
    /// Whether bytes are missing, or were before the first one, so that messages may have begun unseen.
    pub patchy: bool,
    /// Frames since the last one that was looked for among other bytes; the first few have to be plausible.
    pub since_found: u32,
    /// How many bytes are to be held, while a frame is looked for, until they tell more.
    pub wanted: usize,
    /// What was held, where it turned out to begin with a frame, and what came after it: to be read next.
    pub found: Option<Held>,
    /// Whether a frame was met.
    pub begun: bool,
}

/// Frames after the first one that was found that have to be plausible.
pub const ON_TRIAL: u32 = 3;

/// Where a direction is.
#[derive(Default)]
pub enum State {
    /// At its first bytes.
    #[default]
    Start,
    /// In the preface.
    Preface,
    /// Before a frame, or in its header.
    Header,
    /// In a payload.
    Frame(Box<Frame>),
    /// Looking for a frame.
    Lost,
}

/// A frame under way.
pub struct Frame {
    pub header: Header,
    /// Bytes of its payload to come.
    pub left: u32,
    pub owner: Owner,
    /// The payload so far, where it is not DATA, or as much of it as is kept.
    pub payload: Vec<u8>,
    /// Whether bytes of the payload are missing, or were not kept.
    pub broken: bool,
    /// Of DATA, bytes of content to come; not known before the length of the padding.
    pub content: Option<u32>,
}

/// What a frame is of.
pub enum Owner {
    /// The message under way on its stream.
    Stream(u32),
    /// The promise of the block under way.
    Promise,
    /// A message of its own.
    Own(Box<Message>),
}

/// A field block.
#[derive(Default)]
pub struct Block {
    pub stream: u32,
    pub bytes: Vec<u8>,
    /// Whether the stream ends with it.
    pub ends_stream: bool,
    /// Whether not all of it is there.
    pub broken: bool,
    /// What a promise says, and its stream.
    pub promise: Option<(Box<Message>, u32)>,
}

impl Frame {
    /// One whose payload is next.
    pub fn new(header: Header, owner: Owner) -> Self {
        let content = (!header.is_padded()).then_some(header.len);
        Self { header, left: header.len, owner, payload: Vec::new(), broken: false, content }
    }

    /// Keeps the next bytes of the payload, up to a bound.
    pub fn keep(&mut self, bytes: &[u8]) {
        let most = if matches!(self.owner, Owner::Own(_)) { MAX_KEPT } else { MAX_BLOCK };
        let room = if self.broken { 0 } else { most.saturating_sub(self.payload.len()) };
        self.payload.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.broken |= bytes.len() > room;
    }

    /// Which of the next bytes of a DATA frame are content, as offsets; whether the padding is longer than the frame.
    pub fn content_of(&mut self, bytes: &[u8]) -> (std::ops::Range<usize>, bool) {
        let (start, overlong) = match (self.content, bytes.first()) {
            (None, Some(padding)) => {
                let content = (self.header.len - 1).checked_sub(u32::from(*padding));
                self.content = Some(content.unwrap_or(0));
                (1, content.is_none())
            }
            _ => (0, false),
        };
        let left = self.content.unwrap_or(0);
        let len = left.min((bytes.len() - start) as u32);
        self.content = Some(left - len);
        (start..start + len as usize, overlong)
    }

    /// So many of the next bytes are missing: how many of them are content, as far as that is known.
    pub fn lack(&mut self, len: u32) -> u32 {
        self.broken = true;
        self.left -= len;
        let left = self.content.unwrap_or(self.header.len.saturating_sub(1));
        let of_content = left.min(len);
        self.content = Some(left - of_content);
        of_content
    }
}

impl Header {
    /// Whether it has a length of padding.
    fn is_padded(self) -> bool {
        use super::frame::{flag, kind};
        matches!(self.kind, kind::DATA | kind::HEADERS | kind::PUSH_PROMISE) && self.has(flag::PADDED) && self.len > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::http2::frame::{flag, kind};

    fn data(len: u32, flags: u8) -> Frame {
        Frame::new(Header { len, kind: kind::DATA, flags, stream: 1, reserved: false }, Owner::Stream(1))
    }

    #[test]
    fn padding_is_no_content() {
        let mut frame = data(10, flag::PADDED);
        assert_eq!(frame.content_of(&[3, 1, 2]), (1..3, false));
        assert_eq!(frame.content_of(&[1, 2, 3, 4, 0, 0, 0]), (0..4, false));
        assert_eq!(data(3, 0).content_of(&[1, 2, 3]), (0..3, false));
        assert_eq!(data(3, flag::PADDED).content_of(&[9, 2, 3]), (1..1, true));
    }

    #[test]
    fn a_gap_takes_content_first() {
        let mut frame = data(10, flag::PADDED);
        frame.content_of(&[3]);
        frame.left -= 1;
        assert_eq!((frame.lack(4), frame.lack(5), frame.left), (4, 2, 0));
    }
}
