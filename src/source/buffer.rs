//! The one buffer that a capture is read into; frames are borrowed from it.

use std::io::{self, Read};

/// Room for many ordinary records a read, and small enough to stay in the second-level cache.
const CAPACITY: usize = 256 << 10;

/// Why no further record can be had.
#[derive(Debug)]
pub(super) enum Fault {
    /// The input ends inside a record.
    Cut,
    /// A record contradicts the format.
    Corrupt(String),
    /// A part of the format that we do not read.
    Unsupported(String),
    /// Reading failed.
    Io(io::Error),
}

/// Bytes of a capture between the reader, which fills it at its end, and the parser, which consumes at its start.
pub(super) struct Buffer {
    input: Box<dyn Read + Send>,
    bytes: Vec<u8>,
    /// `start <= end <= bytes.len()`: what was read and not consumed lies between.
    start: usize,
    end: usize,
    /// Bytes of the capture before `bytes[0]`.
    base: u64,
    /// Where the current record begins, from the start of the capture.
    record: u64,
    /// The input ended before what it says itself is its end (compressed input).
    cut: bool,
}

/// See [`Buffer::consume`].
pub(super) struct Consumed<'a> {
    pub bytes: &'a [u8],
    start: &'a mut usize,
}

impl<'a> Consumed<'a> {
    /// Consumes all but `rest`, the end of the bytes.
    #[inline]
    pub(super) fn upto(self, rest: &'a [u8]) {
        *self.start += self.bytes.len() - rest.len();
    }
}

impl Buffer {
    pub(super) fn new(input: Box<dyn Read + Send>) -> Self {
        Self { input, bytes: vec![0; CAPACITY], start: 0, end: 0, base: 0, record: 0, cut: false }
    }

    /// What was read and not consumed.
    #[inline]
    pub(super) fn available(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Where the current record begins, in bytes from the start of the capture.
    pub(super) fn record_offset(&self) -> u64 {
        self.record
    }

    /// Whether compressed input ended before its own end.
    pub(super) fn is_cut(&self) -> bool {
        self.cut
    }

    /// Begins a record of at least `least` bytes: true if they are there, false if the input ends before it.
    #[inline]
    pub(super) fn begin(&mut self, least: usize) -> Result<bool, Fault> {
        self.record = self.base + self.start as u64;
        if self.end - self.start >= least || self.fill(least)? {
            return Ok(true);
        }
        if self.start == self.end && !self.cut { Ok(false) } else { Err(Fault::Cut) }
    }

    /// Sees to it that `count` bytes are there.
    #[inline]
    pub(super) fn need(&mut self, count: usize) -> Result<(), Fault> {
        if self.end - self.start >= count || self.fill(count)? { Ok(()) } else { Err(Fault::Cut) }
    }

    /// What was read and not consumed, to be consumed from its start while it is borrowed.
    #[inline]
    pub(super) fn consume(&mut self) -> Consumed<'_> {
        let bytes = self.bytes.get(self.start..self.end).unwrap_or_default();
        Consumed { bytes, start: &mut self.start }
    }

    /// Reads past `count` bytes without keeping them.
    pub(super) fn skip(&mut self, mut count: usize) -> Result<(), Fault> {
        loop {
            let step = count.min(self.end - self.start);
            self.start += step;
            count -= step;
            if count == 0 {
                return Ok(());
            }
            self.need(1)?;
        }
    }

    /// Reads until `count` bytes are there or the input ends. Only what is left of the last record is moved, and a
    /// read takes what there is, so that a frame from a pipe is not kept waiting for the next one.
    #[cold]
    pub(super) fn fill(&mut self, count: usize) -> Result<bool, Fault> {
        self.bytes.copy_within(self.start..self.end, 0);
        self.base += self.start as u64;
        self.end -= self.start;
        self.start = 0;
        if count > self.bytes.len() {
            self.bytes.resize(count.next_power_of_two(), 0);
        }
        while self.end < count && !self.cut {
            match self.input.read(&mut self.bytes[self.end..]) {
                Ok(0) => return Ok(false),
                // A reader that claims more than it was given room for is broken; take what can be there.
                Ok(read) => self.end = (self.end + read).min(self.bytes.len()),
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted => {}
                    io::ErrorKind::UnexpectedEof => self.cut = true,
                    io::ErrorKind::InvalidData => return Err(Fault::Corrupt(error.to_string())),
                    io::ErrorKind::Unsupported => return Err(Fault::Unsupported(error.to_string())),
                    _ => return Err(Fault::Io(error)),
                },
            }
        }
        Ok(self.end >= count)
    }
}

/// The byte order of a capture's numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Order {
    Little,
    Big,
}

impl Order {
    #[inline]
    pub(super) fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }

    #[inline]
    pub(super) fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    pub(super) fn u64(self, bytes: [u8; 8]) -> u64 {
        match self {
            Self::Little => u64::from_le_bytes(bytes),
            Self::Big => u64::from_be_bytes(bytes),
        }
    }

    /// The first `N` numbers of 32 bits, zero where `bytes` is shorter.
    #[inline]
    pub(super) fn words<const N: usize>(self, bytes: &[u8]) -> [u32; N] {
        match bytes.as_chunks::<4>().0.first_chunk::<N>() {
            Some(words) => match self {
                Self::Little => words.map(u32::from_le_bytes),
                Self::Big => words.map(u32::from_be_bytes),
            },
            None => [0; N],
        }
    }
}

/// Cuts a frame check sequence of `fcs` bytes, which ends the frame on the wire, from its lengths: captured, wire.
#[inline]
pub(super) fn without_fcs(captured: u32, wire: u32, fcs: u32) -> (u32, u32) {
    let wire = wire.saturating_sub(fcs);
    (captured.min(wire), wire)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Trickle(Vec<u8>, usize);

    impl Read for Trickle {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let Some(byte) = self.0.get(self.1) else { return Ok(0) };
            self.1 += 1;
            buffer[0] = *byte;
            Ok(1)
        }
    }

    #[test]
    fn records_straddle_reads_and_the_end_is_told_from_a_cut() {
        let mut buffer = Buffer::new(Box::new(Trickle((0..10).collect(), 0)));
        for record in 0..3 {
            assert!(buffer.begin(3).unwrap());
            assert_eq!(buffer.record_offset(), record * 3);
            let consumed = buffer.consume();
            let (bytes, rest) = consumed.bytes.split_at(3);
            consumed.upto(rest);
            assert_eq!(bytes[1], record as u8 * 3 + 1);
        }
        assert!(matches!(buffer.begin(3), Err(Fault::Cut)));
        buffer.skip(1).unwrap();
        assert!(!buffer.begin(3).unwrap());
        assert!(matches!(buffer.skip(1), Err(Fault::Cut)));
    }

    #[test]
    fn a_record_larger_than_the_buffer_makes_it_grow() {
        let mut buffer = Buffer::new(Box::new(io::repeat(7).take(3 * CAPACITY as u64)));
        assert!(buffer.begin(8).unwrap());
        buffer.skip(5).unwrap();
        buffer.need(2 * CAPACITY).unwrap();
        assert!(buffer.available().len() >= 2 * CAPACITY);
        buffer.skip(3 * CAPACITY - 5).unwrap();
        assert!(!buffer.begin(1).unwrap());
    }

    #[test]
    fn only_the_captured_part_of_a_check_sequence_is_cut() {
        assert_eq!(without_fcs(64, 64, 4), (60, 60));
        assert_eq!(without_fcs(62, 64, 4), (60, 60));
        assert_eq!(without_fcs(40, 64, 4), (40, 60));
        assert_eq!(without_fcs(2, 2, 4), (0, 0));
    }
}
