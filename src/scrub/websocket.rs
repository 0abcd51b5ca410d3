//! The frames of WebSocket in one direction: their headers stay, what they carry is masked.

use super::plan::Side;
use crate::app::websocket::header::{Header, MAX_LEN, Opcode};

/// Where a direction is.
pub struct Frames {
    /// Offset of the byte that comes next.
    next: u64,
    /// Bytes of a header that is not whole.
    header: Vec<u8>,
    /// Bytes of payload that are to come.
    left: u64,
    /// The mask of a close frame, and how many bytes of its code were met.
    code: Option<([u8; 4], u64)>,
}

impl Frames {
    /// A frame begins at this offset.
    pub fn at(next: u64) -> Self {
        Self { next, header: Vec::new(), left: 0, code: None }
    }

    /// Bytes are missing: what comes next is known if they are payload.
    pub fn pass(mut self, offset: u64, len: u64) -> Option<Self> {
        if offset != self.next || len > self.left {
            return None;
        }
        (self.next, self.left, self.code) = (offset + len, self.left - len, None);
        Some(self)
    }

    /// Takes the next bytes; all is kept as it is if `whole`. Tells how many were masked.
    pub fn feed(&mut self, offset: u64, bytes: &[u8], whole: bool, side: &mut Side) -> u64 {
        let skip = usize::try_from(self.next.saturating_sub(offset)).unwrap_or(usize::MAX);
        let mut rest = bytes.get(skip..).unwrap_or_default();
        let mut masked = 0;
        while let Some(first) = rest.first() {
            if self.left > 0 {
                let len = self.left.min(rest.len() as u64);
                side.keep(self.next, self.next + len);
                if !whole {
                    masked += len;
                    self.payload(&rest[..len as usize], side);
                }
                self.left -= len;
                self.next += len;
                rest = &rest[len as usize..];
                continue;
            }
            self.header.push(*first);
            rest = &rest[1..];
            self.next += 1;
            if let Some(header) = Header::parse(&self.header) {
                self.begin(header, whole, side);
            } else if self.header.len() >= MAX_LEN {
                self.header.clear();
            }
        }
        masked
    }

    fn begin(&mut self, header: Header, whole: bool, side: &mut Side) {
        let start = self.next - self.header.len() as u64;
        side.keep(start, self.next);
        if header.mask.is_some() && !whole {
            // With a mask of zeros, what masks the payload is what is read.
            side.put(self.next - 4, &[0; 4]);
        }
        self.left = header.len;
        self.code = (header.opcode == Opcode::CLOSE).then(|| (header.mask.unwrap_or_default(), 0));
        self.header.clear();
    }

    /// Masks payload, but for the code of a close frame (RFC 6455 5.5.1).
    fn payload(&mut self, bytes: &[u8], side: &mut Side) {
        for (index, byte) in bytes.iter().enumerate() {
            let at = self.next + index as u64;
            match &mut self.code {
                Some((mask, met)) if *met < 2 => {
                    side.put(at, &[byte ^ mask[*met as usize & 3]]);
                    *met += 1;
                }
                _ => {
                    side.mask(at, self.next + bytes.len() as u64);
                    break;
                }
            }
        }
    }
}
