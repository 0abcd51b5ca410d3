//! Bodies under way: short ones in memory, long ones in files without a name, none of which stays open.

use std::collections::HashMap;
use std::io::{self, Write};

use super::folder::Folder;
use crate::app::message::Missing;
use crate::tcp::reassembly::Cause;

/// Bytes of a body that are held before they go to its file.
const HELD: usize = 64 << 10;

/// Bytes that all bodies under way hold.
const ALL_HELD: usize = 16 << 20;

/// Holes that are kept of a body, as of a message.
const HOLES: usize = 256;

/// A message: the number of its connection, and its own within it.
pub type Key = (u64, u32);

/// A body as far as it has come, undone from its transfer coding.
#[derive(Default)]
pub struct Body {
    /// What was not written yet.
    pub held: Vec<u8>,
    /// The file that has what precedes that.
    pub file: Option<String>,
    /// Bytes captured.
    pub len: u64,
    /// What was not captured of it: the offset is that among the bytes that were. A length includes the framing of chunks.
    pub holes: Vec<Missing>,
    /// Bytes that the message was known to lack.
    missing: u64,
}

impl Body {
    /// Takes note of what the message lacks before the bytes that come next.
    pub fn note_hole(&mut self, missing: u64) {
        let len = missing.saturating_sub(self.missing);
        self.missing = missing;
        if len > 0 && self.holes.len() < HOLES {
            self.holes.push(Missing { offset: self.len, len, cause: Cause::Gap });
        }
    }

    /// Tells each hole its cause, by those of the message's.
    pub fn tell_causes(&mut self, missing: &[Missing]) {
        let mut causes = missing.iter();
        for hole in &mut self.holes {
            let mut left = hole.len;
            while left > 0
                && let Some(run) = causes.next()
            {
                hole.cause = run.cause;
                left = left.saturating_sub(run.len);
            }
        }
    }

    /// Writes what is held to the file, which is opened for that.
    fn write(&mut self, folder: &mut Folder) -> io::Result<()> {
        let mut file = match &self.file {
            Some(name) => folder.append(name)?,
            None => {
                let (name, file) = folder.temporary()?;
                self.file = Some(name);
                file
            }
        };
        file.write_all(&self.held)?;
        self.held = Vec::new();
        Ok(())
    }

    /// Writes the rest to the file, if there is one.
    pub fn settle(&mut self, folder: &mut Folder) -> io::Result<()> {
        if self.file.is_some() && !self.held.is_empty() { self.write(folder) } else { Ok(()) }
    }
}

/// The bodies under way.
#[derive(Default)]
pub struct Bodies {
    bodies: HashMap<Key, Body>,
    /// Bytes that they hold in all.
    held: usize,
}

impl Bodies {
    /// The next bytes of a body.
    pub fn push(&mut self, key: Key, missing: u64, bytes: &[u8], folder: &mut Folder) -> io::Result<()> {
        let body = self.bodies.entry(key).or_default();
        body.note_hole(missing);
        body.len += bytes.len() as u64;
        body.held.extend_from_slice(bytes);
        self.held += bytes.len();
        if body.held.len() >= HELD {
            self.held -= body.held.len();
            body.write(folder)?;
        }
        if self.held > ALL_HELD {
            self.bodies.values_mut().filter(|body| !body.held.is_empty()).try_for_each(|body| body.write(folder))?;
            self.held = 0;
        }
        Ok(())
    }

    /// The body of a message that has ended.
    pub fn take(&mut self, key: Key) -> Body {
        let body = self.bodies.remove(&key).unwrap_or_default();
        self.held -= body.held.len();
        body
    }

    /// Removes the files of what is under way.
    pub fn remove(&mut self, folder: &Folder) {
        self.bodies.drain().filter_map(|(_, body)| body.file).for_each(|name| folder.remove(&name));
        self.held = 0;
    }
}
