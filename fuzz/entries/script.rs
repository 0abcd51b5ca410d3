//! An input as a script: numbers and bytes, read one after the other. Past its end all numbers are 0 and all bytes none, so
//! that every input is a script, and one that is cut does the same up to there.

/// What is left of a script.
#[derive(Clone, Copy)]
pub struct Script<'a>(pub &'a [u8]);

impl<'a> Script<'a> {
    /// Whether nothing is left.
    pub fn is_done(&self) -> bool {
        self.0.is_empty()
    }

    /// A byte.
    pub fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    /// Two bytes, the more significant first.
    pub fn short(&mut self) -> u16 {
        u16::from(self.byte()) << 8 | u16::from(self.byte())
    }

    /// Four bytes, the most significant first.
    pub fn long(&mut self) -> u32 {
        u32::from(self.short()) << 16 | u32::from(self.short())
    }

    /// A number less than `limit`, which is at most 256 and not 0.
    pub fn below(&mut self, limit: usize) -> usize {
        usize::from(self.byte()) % limit
    }

    /// One of them.
    pub fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    /// As many bytes, or what is left.
    pub fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// Bytes after their number, of two bytes.
    pub fn sized(&mut self) -> &'a [u8] {
        let len = self.short();
        self.take(len.into())
    }

    /// Bytes after their number, of one byte.
    pub fn short_sized(&mut self) -> &'a [u8] {
        let len = self.byte();
        self.take(len.into())
    }
}
