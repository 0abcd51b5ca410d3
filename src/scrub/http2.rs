//! The frames of HTTP/2 in one direction: they stay, secrets in field blocks are masked, and so is what DATA carries.

use std::ops::Range;

use super::addresses::Addresses;
use super::literals;
use super::plan::Side;
use super::report::Report;
use crate::app::http2::frame::{HEADER_LEN, Header, PREFACE, flag, kind};
use crate::app::http2::hpack::{self, Blocks};
use crate::redact::{self, Kind};

/// The longest field block that is looked into; what is beyond is not kept.
const MAX_BLOCK: usize = 1 << 20;

/// Parts that a block may have; one with more is not whole afterwards.
const MAX_PARTS: usize = 1 << 14;

/// What stands for an asterisk in the code of HPACK (RFC 7541 B); it takes a whole byte.
const CODED_MASK: u8 = 0xf9;

/// Where a direction is.
pub struct Frames {
    /// Offset of the byte that comes next.
    next: u64,
    /// Bytes of the connection preface that are to come; at its place it is not known yet.
    preface: Option<u64>,
    /// Bytes of a frame header that is not whole.
    head: Vec<u8>,
    /// The frame under way, and how much of its payload is to come.
    frame: Header,
    left: u64,
    /// Payload of frames with parts of a field block.
    payload: Vec<u8>,
    /// Where the parts of the block are in the stream, and their bytes.
    runs: Vec<(u64, usize)>,
    block: Vec<u8>,
    blocks: Blocks,
}

/// What is found goes there.
pub struct Found<'f> {
    /// The direction.
    pub side: &'f mut Side,
    /// What was found.
    pub report: &'f mut Report,
    /// The mapping of addresses.
    pub addresses: &'f mut Addresses,
    /// Whether what DATA carries is kept.
    pub keep_data: bool,
}

impl Frames {
    /// A frame begins at this offset, or the preface. Where it is not the first one, entries of the table are not known.
    pub fn at(next: u64, is_first: bool) -> Self {
        let mut blocks = Blocks::default();
        if !is_first {
            blocks.lose();
        }
        Self {
            next,
            preface: None,
            head: Vec::new(),
            frame: Header::default(),
            left: 0,
            payload: Vec::new(),
            runs: Vec::new(),
            block: Vec::new(),
            blocks,
        }
    }

    /// Bytes are missing: what comes next is known if they are of DATA.
    pub fn pass(mut self, offset: u64, len: u64) -> Option<Self> {
        if offset != self.next || len > self.left || self.frame.kind != kind::DATA {
            return None;
        }
        (self.next, self.left) = (offset + len, self.left - len);
        Some(self)
    }

    /// Takes the next bytes.
    pub fn feed(&mut self, offset: u64, bytes: &[u8], found: &mut Found<'_>) {
        let skip = usize::try_from(self.next.saturating_sub(offset)).unwrap_or(usize::MAX);
        let mut rest = bytes.get(skip..).unwrap_or_default();
        while let Some(first) = rest.first() {
            let preface = self.preface.get_or_insert(if *first == PREFACE[0] { PREFACE.len() as u64 } else { 0 });
            let taken = if *preface > 0 {
                let len = (*preface).min(rest.len() as u64);
                *preface -= len;
                found.side.keep(self.next, self.next + len);
                len
            } else if self.left > 0 {
                let len = self.left.min(rest.len() as u64);
                self.left -= len;
                self.carries(&rest[..len as usize], found);
                len
            } else {
                self.head.push(*first);
                1
            };
            self.next += taken;
            rest = &rest[taken as usize..];
            if let Some(head) = self.head.first_chunk::<HEADER_LEN>() {
                self.frame = Header::parse(*head);
                self.left = self.frame.len.into();
                self.head.clear();
                found.side.keep(self.next - HEADER_LEN as u64, self.next);
                if self.left == 0 {
                    self.ends(found);
                }
            }
        }
    }

    /// Takes payload, which begins at `next`.
    fn carries(&mut self, bytes: &[u8], found: &mut Found<'_>) {
        let to = self.next + bytes.len() as u64;
        match self.frame.kind {
            kind::DATA => {
                found.side.keep(self.next, to);
                if !found.keep_data {
                    found.side.mask(self.next, to);
                    found.report.http2_bytes += bytes.len() as u64;
                }
            }
            kind::SETTINGS | kind::PING | kind::PRIORITY | kind::RST_STREAM | kind::WINDOW_UPDATE => {
                found.side.keep(self.next, to);
            }
            kind::GOAWAY => {
                // What follows the last stream and the error may be anything.
                let begun = u64::from(self.frame.len) - self.left - bytes.len() as u64;
                found.side.keep(self.next, to.min(self.next + 8_u64.saturating_sub(begun)));
            }
            kind::HEADERS | kind::PUSH_PROMISE | kind::CONTINUATION
                if self.payload.len() + self.block.len() < MAX_BLOCK =>
            {
                self.payload.extend_from_slice(bytes);
            }
            _ => {}
        }
        if self.left == 0 {
            let next = std::mem::replace(&mut self.next, to);
            self.ends(found);
            self.next = next;
        }
    }

    /// A frame is whole, and ends at `next`.
    fn ends(&mut self, found: &mut Found<'_>) {
        if !matches!(self.frame.kind, kind::HEADERS | kind::PUSH_PROMISE | kind::CONTINUATION) {
            return;
        }
        let payload = std::mem::take(&mut self.payload);
        let start = self.next - u64::from(self.frame.len);
        let part = fragment(self.frame, &payload).filter(|_| payload.len() == self.frame.len as usize);
        let Some(part) = part else {
            self.blocks.lose();
            return;
        };
        if self.frame.kind != kind::CONTINUATION || self.runs.len() >= MAX_PARTS {
            self.runs.clear();
            self.block.clear();
        }
        found.side.keep(start, start + part.end as u64);
        self.runs.push((start + part.start as u64, part.len()));
        self.block.extend_from_slice(&payload[part]);
        if self.frame.has(flag::END_HEADERS) {
            let block = std::mem::take(&mut self.block);
            self.fields(&block, found);
            self.runs.clear();
        }
    }

    /// Masks the secrets of a field block.
    fn fields(&mut self, block: &[u8], found: &mut Found<'_>) {
        found.report.messages += 1;
        let mut at = 0;
        while let Some(len) = hpack::representation(&block[at..]) {
            let piece = &block[at..at + len];
            let mut secrets = Vec::new();
            let mut is_known = false;
            self.blocks.read(piece, true, &mut |line| {
                if let (Some(name), Some(value)) = (line.name, line.value) {
                    is_known = true;
                    secrets = in_field(name, value, found);
                }
            });
            if let Some((value, is_coded)) = hpack::value(piece).filter(|_| !is_known || !secrets.is_empty()) {
                let from = at + value.start;
                if !is_known || is_coded {
                    self.mask(from..at + value.end, is_coded, found.side);
                } else {
                    let secrets = secrets.into_iter().map(|secret| from + secret.start..from + secret.end);
                    secrets.for_each(|secret| self.mask(secret, false, found.side));
                }
            }
            at += len;
        }
        // What cannot be read.
        self.mask(at..block.len(), false, found.side);
    }

    /// Masks bytes of the block.
    fn mask(&self, range: Range<usize>, is_coded: bool, side: &mut Side) {
        let mut begin = 0;
        for (offset, len) in &self.runs {
            let (from, to) = (range.start.max(begin), range.end.min(begin + len));
            if from < to {
                let at = offset + (from - begin) as u64;
                if is_coded {
                    side.put(at, &vec![CODED_MASK; to - from]);
                } else {
                    side.mask(at, at + (to - from) as u64);
                }
            }
            begin += len;
        }
    }
}

/// What is secret in a field's value, and what addresses are in it.
fn in_field(name: &[u8], value: &[u8], found: &mut Found<'_>) -> Vec<Range<usize>> {
    let (report, mut last, mut ranges) = (&mut *found.report, None, Vec::new());
    let mut secret = |kind: Kind, range: Range<usize>| {
        report.secret(kind, range.start as u64, range.end as u64, &mut last);
        ranges.push(range);
    };
    match name {
        b":path" => redact::target(value, &mut secret),
        b":authority" => redact::authority(value, &mut secret),
        _ if name.starts_with(b":") => {}
        _ => redact::field(name, value, &mut secret),
    }
    let mut text = value.to_vec();
    found.report.literals += literals::replace(&mut text, found.addresses);
    let differs = |(index, (old, new)): (usize, (&u8, &u8))| (old != new).then_some(index..index + 1);
    ranges.extend(value.iter().zip(&text).enumerate().filter_map(differs));
    ranges
}

/// Where the part of a field block is in the payload of a frame (RFC 9113 6.2, 6.6).
fn fragment(frame: Header, payload: &[u8]) -> Option<Range<usize>> {
    if frame.kind == kind::CONTINUATION {
        return Some(0..payload.len());
    }
    let (mut start, mut padding) = (0, 0);
    if frame.has(flag::PADDED) {
        (start, padding) = (1, usize::from(*payload.first()?));
    }
    start += match frame.kind {
        kind::PUSH_PROMISE => 4,
        _ if frame.has(flag::PRIORITY) => 5,
        _ => 0,
    };
    let end = payload.len().checked_sub(padding)?;
    (start <= end).then_some(start..end)
}
