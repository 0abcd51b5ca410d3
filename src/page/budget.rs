//! How much memory what is kept may take, whatever it is.

/// Bytes for all that is kept of a capture: objects, connections, what is told of TLS. Each is counted with what it takes to
/// find the visits and with what is written of it.
const BYTES: usize = 128 << 20;

/// Bytes that may still be taken.
#[derive(Debug)]
pub struct Budget(usize);

impl Default for Budget {
    fn default() -> Self {
        Self(BYTES)
    }
}

impl Budget {
    /// Takes so many bytes, if there are as many.
    pub fn take(&mut self, bytes: usize) -> bool {
        let left = self.0.checked_sub(bytes);
        self.0 = left.unwrap_or(self.0);
        left.is_some()
    }

    /// Gives back what was taken.
    pub fn give_back(&mut self, bytes: usize) {
        self.0 += bytes;
    }
}

/// Bytes that a text takes: once in memory, once as it is written, where a control character is escaped.
pub fn of_text(text: &str) -> usize {
    text.bytes().map(|byte| if byte.is_ascii_control() { 7 } else { 2 }).sum()
}
