//! zstd, frame by frame (RFC 8878).

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::{Out, Stop};

/// Largest window, in bytes (RFC 9659 3).
const MAX_WINDOW: u64 = 8 << 20;

/// Largest block (RFC 8878 3.1.1.2.4), in bytes.
const MAX_BLOCK: usize = 128 << 10;

/// zstd: one or more frames (RFC 8878 3), gathered block by block.
pub(super) struct Zstd {
    decoder: Box<FrameDecoder>,
    /// What has come of the unit that is next.
    unit: Vec<u8>,
    next: Unit,
    /// Whether a checksum follows the last block of the frame.
    checksum: bool,
    frames: u64,
}

#[derive(Clone, Copy)]
enum Unit {
    FrameHeader,
    Block,
    /// So many bytes of a skippable frame (not 0).
    Skip(u32),
}

impl Unit {
    fn skip(len: u32) -> Self {
        if len > 0 { Self::Skip(len) } else { Self::FrameHeader }
    }
}

impl Zstd {
    const MAGIC: u32 = 0xfd2f_b528;

    /// What it may hold, in bytes.
    pub const COST: usize = 2 * MAX_WINDOW as usize + MAX_BLOCK;

    pub fn new() -> Self {
        let mut decoder = Box::new(FrameDecoder::new());
        decoder.set_max_window_size(MAX_WINDOW);
        Self { decoder, unit: Vec::new(), next: Unit::FrameHeader, checksum: false, frames: 0 }
    }

    pub fn decode(&mut self, mut input: &[u8], out: Out<'_>) -> Result<(), Stop> {
        loop {
            if let Unit::Skip(left) = self.next {
                let skipped = input.len().min(left as usize);
                input = &input[skipped..];
                self.next = Unit::skip(left - skipped as u32);
            } else {
                let missing = self.needed()?.saturating_sub(self.unit.len());
                let (now, later) = input.split_at(missing.min(input.len()));
                self.unit.extend_from_slice(now);
                input = later;
                // What has come may tell that the unit is longer.
                if self.needed()? == self.unit.len() {
                    self.unit(out)?;
                    self.unit.clear();
                }
            }
            if input.is_empty() {
                return Ok(());
            }
        }
    }

    /// Length of the unit that is next, or of as much of it as tells its length.
    fn needed(&self) -> Result<usize, Stop> {
        match (self.next, &self.unit[..]) {
            (Unit::FrameHeader, &[a, b, c, d, ref rest @ ..]) => match (u32::from_le_bytes([a, b, c, d]), rest) {
                (0x184d_2a50..=0x184d_2a5f, _) => Ok(8),
                (Self::MAGIC, []) => Ok(5),
                (Self::MAGIC, &[descriptor, ..]) => Ok(5 + Self::header_fields(descriptor)),
                _ => Err(Stop::Failed),
            },
            (Unit::FrameHeader, _) => Ok(4),
            (Unit::Block, &[a, b, c, ..]) => {
                let header = u32::from_le_bytes([a, b, c, 0]);
                // An RLE block has one byte, whatever its size.
                let size = if header >> 1 & 3 == 1 { 1 } else { (header >> 3) as usize };
                let checksum = if header & 1 == 1 && self.checksum { 4 } else { 0 };
                if size > MAX_BLOCK { Err(Stop::Failed) } else { Ok(3 + size + checksum) }
            }
            (Unit::Block, _) => Ok(3),
            (Unit::Skip(_), _) => Ok(0),
        }
    }

    /// Length of what follows the frame header descriptor: window, dictionary, content size (RFC 8878 3.1.1.1).
    fn header_fields(descriptor: u8) -> usize {
        let single_segment = descriptor >> 5 & 1 == 1;
        let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
        let content_size = match descriptor >> 6 {
            0 => usize::from(single_segment),
            flag => 1 << flag,
        };
        usize::from(!single_segment) + dictionary + content_size
    }

    fn unit(&mut self, out: Out<'_>) -> Result<(), Stop> {
        if let Unit::Block = self.next {
            return self.block(out);
        }
        if let &[_, 0x2a, 0x4d, 0x18, a, b, c, d] = &self.unit[..] {
            self.next = Unit::skip(u32::from_le_bytes([a, b, c, d]));
            self.frames += 1;
            return Ok(());
        }
        self.decoder.reset(&self.unit[..]).map_err(|_| Stop::Failed)?;
        self.checksum = self.unit.get(4).is_some_and(|descriptor| descriptor >> 2 & 1 == 1);
        self.next = Unit::Block;
        Ok(())
    }

    fn block(&mut self, out: Out<'_>) -> Result<(), Stop> {
        let last = self.decoder.decode_blocks(&self.unit[..], BlockDecodingStrategy::UptoBlocks(1));
        let last = last.map_err(|_| Stop::Failed)?;
        self.give_out(out)?;
        if last {
            if self.checksum && self.decoder.get_checksum_from_data() != self.decoder.get_calculated_checksum() {
                return Err(Stop::Failed);
            }
            self.frames += 1;
            self.next = Unit::FrameHeader;
        }
        Ok(())
    }

    /// Hands out what the decoder need not keep for the window.
    fn give_out(&mut self, out: Out<'_>) -> Result<(), Stop> {
        let mut writer = Writer { out, stop: None };
        let result = self.decoder.collect_to_writer(&mut writer);
        match writer.stop {
            Some(stop) => Err(stop),
            None => result.map(|_| ()).map_err(|_| Stop::Failed),
        }
    }

    /// Gives out what is still held; tells whether the coded stream has come to its end.
    pub fn finish(&mut self, out: Out<'_>) -> Result<bool, Stop> {
        if let Unit::Block = self.next {
            // The decoder gives the window out after a last block alone: an empty one, with any checksum.
            let last = [1, 0, 0, 0, 0, 0, 0];
            self.decoder.decode_blocks(&last[..], BlockDecodingStrategy::All).map_err(|_| Stop::Failed)?;
            self.give_out(out)?;
            return Ok(false);
        }
        Ok(matches!(self.next, Unit::FrameHeader) && self.unit.is_empty() && self.frames > 0)
    }
}

/// Lets the zstd decoder write into the next stage.
struct Writer<'a> {
    out: Out<'a>,
    stop: Option<Stop>,
}

impl std::io::Write for Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match (self.out)(bytes) {
            Ok(()) => Ok(bytes.len()),
            Err(stop) => {
                self.stop = Some(stop);
                Err(std::io::ErrorKind::Other.into())
            }
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
