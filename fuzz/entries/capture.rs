//! Capture files: pcap and pcapng, also compressed. The frames are the same however the file is read.

use std::io::{self, Cursor, Read};

use dissect::frame::{Frame, FrameMeta};
use dissect::source::{CaptureFile, Error, Name};

use super::judge::Judge;

/// The most frames of a file that are looked at: one that decompresses to millions of empty ones would be slow.
const FRAMES: usize = 2000;

/// Reads the file in two ways, and takes its frames through all of the program.
pub fn run(input: &[u8]) {
    let (frames, error) = read(Cursor::new(input.to_vec()), one);
    let (batches, other) = read(Slow(Cursor::new(input.to_vec())), batch);
    assert_eq!(frames.len(), batches.len(), "frames, one by one and in batches");
    assert!(frames == batches, "frames differ, one by one and in batches");
    // What a file that is none looks like is judged by what was read of it first.
    assert_eq!(error.is_some(), other.is_some(), "errors, one by one and in batches: {error:?}, {other:?}");
    let mut judge = Judge::new(input.len() as u8);
    for (meta, bytes) in &frames {
        judge.push(Frame { meta: *meta, bytes });
    }
    judge.finish();
}

type Owned = (FrameMeta, Vec<u8>);
type Frames = (Vec<Owned>, Option<String>);

/// The frames of a file that `next` adds to those before, until it tells that there are no more, and what is wrong with it.
fn read(
    input: impl Read + Send + 'static,
    next: fn(&mut CaptureFile, &mut Vec<Owned>) -> Result<bool, Error>,
) -> Frames {
    let mut frames = Vec::new();
    let file = CaptureFile::new(input, Name::Stdin);
    let whole = file.and_then(|mut file| {
        while frames.len() < FRAMES && next(&mut file, &mut frames)? {}
        Ok(())
    });
    frames.truncate(FRAMES);
    (frames, whole.err().map(|error| error.to_string()))
}

fn one(file: &mut CaptureFile, frames: &mut Vec<Owned>) -> Result<bool, Error> {
    let Some((frame, interfaces)) = file.next_described()? else { return Ok(false) };
    assert!(usize::from(frame.meta.interface) < interfaces.len(), "a frame of no interface");
    assert!(frame.bytes.len() <= frame.meta.wire_len as usize, "captured more than was sent");
    frames.push((frame.meta, frame.bytes.to_vec()));
    Ok(true)
}

fn batch(file: &mut CaptureFile, frames: &mut Vec<Owned>) -> Result<bool, Error> {
    let taken = file.next_batch()?;
    frames.extend(taken.frames.iter().map(|frame| (frame.meta, frame.bytes.to_vec())));
    Ok(!taken.frames.is_empty())
}

/// Gives few bytes at a time.
struct Slow(Cursor<Vec<u8>>);

impl Read for Slow {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let len = into.len().min(1 + self.0.position() as usize % 13);
        self.0.read(&mut into[..len])
    }
}
