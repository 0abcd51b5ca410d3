//! The payload of a message under way: masks undone, decompressed, and read as its opcode says.

use flate2::Decompress;

use super::header::{self, Opcode};
use super::of;
use super::utf8::Utf8;
use crate::app::http1::coding::{MAX_DECODED, Stop, inflate};
use crate::app::message::{Message, Unit};
use crate::app::{Context, Output};
use crate::issue::Issue;

/// What one direction's decompression may hold, in bytes: a window of 32 KiB and tables.
const INFLATER: usize = 64 << 10;

/// Bytes unmasked at a time.
const PIECE: usize = 4 << 10;

/// What follows the bytes of a compressed message, and is not sent (RFC 7692 7.2.2).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// The compression of one direction.
pub(super) enum Deflate {
    /// Not agreed on.
    None,
    /// Nothing decompressed yet; whether each message is compressed on its own.
    New { alone: bool },
    /// At the start of a message, or within one.
    Ready { inflater: Box<Decompress>, alone: bool },
    /// What later messages may refer to is not known.
    Lost,
}

impl Deflate {
    /// Gives back what it holds.
    pub fn release(&mut self, cx: &mut Context<'_>) {
        if let Self::Ready { .. } = std::mem::replace(self, Self::Lost) {
            *cx.decoding -= INFLATER;
        }
    }

    /// The decompressor, at the start of a message.
    fn begin(&mut self, cx: &mut Context<'_>) -> bool {
        if let Self::New { alone } = *self {
            if !cx.may_decode(INFLATER) {
                *self = Self::Lost;
                return false;
            }
            *self = Self::Ready { inflater: Box::new(Decompress::new(false)), alone };
        }
        matches!(self, Self::Ready { .. })
    }

    /// Bytes of a message are not known: those after it can be decompressed if they are compressed on their own.
    pub fn lose(&mut self, cx: &mut Context<'_>) {
        match self {
            Self::Ready { inflater, alone: true } => inflater.reset(false),
            Self::Ready { .. } | Self::New { alone: false } => self.release(cx),
            _ => {}
        }
    }
}

/// A message under way.
pub(super) struct Under {
    pub message: Box<Message>,
    /// Whether its content goes through the decompressor of its direction.
    inflating: bool,
    utf8: Option<Utf8>,
    /// Bytes that it may still be decompressed into.
    room: u64,
}

impl Under {
    pub fn new(message: Box<Message>) -> Self {
        let utf8 = of(&message).filter(|unit| unit.opcode == Opcode::TEXT).map(|_| Utf8::default());
        Self { message, inflating: false, utf8, room: MAX_DECODED }
    }

    /// It is compressed, as agreed.
    pub fn compressed(&mut self, deflate: &mut Deflate, cx: &mut Context<'_>) {
        if let Unit::WebSocket(unit) = &mut self.message.unit {
            unit.compressed = true;
        }
        self.inflating = deflate.begin(cx);
        if !self.inflating {
            self.message.issues.insert(Issue::ContextLost);
            self.utf8 = None;
        }
    }

    /// The next bytes of a payload, the first of which is at `at` of it.
    pub fn push(&mut self, bytes: &[u8], mask: Option<[u8; 4]>, at: u64, deflate: &mut Deflate, cx: &mut Context<'_>) {
        let Some(mask) = mask else { return self.plain(bytes, deflate, cx) };
        let mut piece = [0; PIECE];
        for (i, masked) in bytes.chunks(PIECE).enumerate() {
            let plain = &mut piece[..masked.len()];
            plain.copy_from_slice(masked);
            header::unmask(plain, mask, at + (i * PIECE) as u64);
            self.plain(plain, deflate, cx);
        }
    }

    fn plain(&mut self, bytes: &[u8], deflate: &mut Deflate, cx: &mut Context<'_>) {
        if self.is_compressed() {
            self.inflate(bytes, deflate, cx);
        } else {
            self.content(bytes, cx);
        }
    }

    fn is_compressed(&self) -> bool {
        of(&self.message).is_some_and(|unit| unit.compressed)
    }

    fn inflate(&mut self, mut bytes: &[u8], deflate: &mut Deflate, cx: &mut Context<'_>) {
        let Deflate::Ready { inflater, alone } = deflate else { return };
        if !self.inflating {
            return;
        }
        let alone = *alone;
        let mut stopped = None;
        let mut ended = false;
        while !bytes.is_empty() && stopped.is_none() {
            let before = bytes.len();
            let done = inflate(inflater, &mut bytes, &mut |plain| {
                let within = usize::try_from(self.room).map_or(plain, |room| &plain[..plain.len().min(room)]);
                self.room -= within.len() as u64;
                self.content(within, cx);
                if within.len() < plain.len() { Err(Stop::TooLarge) } else { Ok(()) }
            });
            match done {
                // A final block may end a message (7.2.3.4); what it refers back to is given up with it here.
                Ok(true) if bytes.len() < before => {
                    inflater.reset(false);
                    ended = true;
                }
                Ok(_) => {}
                Err(stop) => stopped = Some(stop),
            }
        }
        if let Some(stop) = stopped {
            self.message.issues.insert(match stop {
                Stop::Failed => Issue::DecompressionFailed,
                Stop::TooLarge => Issue::DecodedTooLarge,
            });
            self.lack(deflate, cx);
        } else if ended && !alone {
            deflate.release(cx);
            self.inflating = false;
        }
    }

    /// Bytes of its payload or of its content are not there: nothing more of it is decompressed, or read as text.
    pub fn lack(&mut self, deflate: &mut Deflate, cx: &mut Context<'_>) {
        self.utf8 = None;
        if self.is_compressed() {
            self.inflating = false;
            deflate.lose(cx);
        }
    }

    /// The next bytes of its content.
    fn content(&mut self, bytes: &[u8], cx: &mut Context<'_>) {
        if bytes.is_empty() {
            return;
        }
        if let Some(utf8) = &mut self.utf8
            && !utf8.push(bytes)
        {
            self.message.issues.insert(Issue::BadUtf8);
            self.utf8 = None;
        }
        let Unit::WebSocket(unit) = &mut self.message.unit else { return };
        unit.add_content(bytes);
        if cx.wanted.bodies && !unit.opcode.is_control() {
            (cx.out)(Output::Body(&self.message, bytes));
        }
    }

    /// All of its payload has come.
    pub fn whole(&mut self, deflate: &mut Deflate, cx: &mut Context<'_>) {
        if self.is_compressed() {
            self.inflate(&TAIL, deflate, cx);
            if let Deflate::Ready { inflater, alone: true } = deflate {
                inflater.reset(false);
            }
        }
        let Message { issues, unit: Unit::WebSocket(unit), missing_bytes: 0, .. } = &mut *self.message else { return };
        if self.utf8.as_ref().is_some_and(|utf8| !utf8.may_end()) {
            issues.insert(Issue::BadUtf8);
        }
        if unit.opcode == Opcode::CLOSE {
            let close = unit.close();
            if unit.len == 1 || close.is_some_and(|close| !close.may_be_sent()) {
                issues.insert(Issue::BadClose);
            }
            if close.is_some_and(|close| unit.len <= unit.content.len() as u64 && str::from_utf8(close.reason).is_err())
            {
                issues.insert(Issue::BadUtf8);
            }
        }
    }

    /// Bytes of its content that are kept.
    pub fn held(&self) -> usize {
        of(&self.message).map_or(0, |unit| unit.content.capacity())
    }

    /// Gives them up.
    pub fn relieve(&mut self) {
        if let Unit::WebSocket(unit) = &mut self.message.unit {
            unit.content = Vec::new();
            unit.keep = 0;
        }
    }
}
