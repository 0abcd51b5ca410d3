//! Reading the fields of handshake messages, as far as they are there.

/// What is left to read.
#[derive(Clone, Copy)]
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    /// The next `len` bytes, if there are as many.
    pub fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    /// An unsigned number of 8 bits.
    pub fn u8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    /// An unsigned number of 16 bits.
    pub fn u16(&mut self) -> Option<u16> {
        self.take(2)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
    }

    /// An unsigned number of 24 bits.
    pub fn u24(&mut self) -> Option<u32> {
        self.take(3)?.first_chunk().map(|&[a, b, c]| u32::from_be_bytes([0, a, b, c]))
    }

    /// An unsigned number of 32 bits.
    pub fn u32(&mut self) -> Option<u32> {
        self.take(4)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
    }

    /// A vector of `len` bytes (RFC 8446 3.4), or what is left of it where it is cut.
    pub fn vector(&mut self, len: usize) -> Reader<'a> {
        let (taken, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        Reader(taken)
    }

    /// A vector whose length is in the byte before it.
    pub fn vector8(&mut self) -> Option<Reader<'a>> {
        let len = self.u8()?;
        Some(self.vector(len.into()))
    }

    /// A vector whose length is in the two bytes before it.
    pub fn vector16(&mut self) -> Option<Reader<'a>> {
        let len = self.u16()?;
        Some(self.vector(len.into()))
    }

    /// A vector whose length is in the three bytes before it.
    pub fn vector24(&mut self) -> Option<Reader<'a>> {
        let len = self.u24()?;
        Some(self.vector(len as usize))
    }

    /// All that is left, as numbers of 16 bits; an odd byte is dropped.
    pub fn numbers(self) -> Vec<u16> {
        self.0.as_chunks().0.iter().map(|bytes| u16::from_be_bytes(*bytes)).collect()
    }
}
