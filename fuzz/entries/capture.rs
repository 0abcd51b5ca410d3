//! Capture files: pcap and pcapng, also compressed. The frames are the same however the file is read.

use std::io::{self, Cursor, Read};

use dissect::frame::{Frame, FrameMeta};
use dissect::source::{CaptureFile, Name};

use super::judge::Judge;

/// The most frames of a file that are looked at: one that decompresses to millions of empty ones would be slow.
const FRAMES: usize = 2000;

/// Reads the file in two ways, and takes its frames through all of the program.
pub fn run(input: &[u8]) {
    let (frames, error) = one_by_one(Cursor::new(input.to_vec()));
    let (batches, other) = in_batches(Slow(Cursor::new(input.to_vec())));
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

type Frames = (Vec<(FrameMeta, Vec<u8>)>, Option<String>);

fn one_by_one(input: impl Read + Send + 'static) -> Frames {
    let mut frames = Vec::new();
    let mut file = match CaptureFile::new(input, Name::Stdin) {
        Ok(file) => file,
        Err(error) => return (frames, Some(error.to_string())),
    };
    while frames.len() < FRAMES {
        match file.next_described() {
            Ok(Some((frame, interfaces))) => {
                assert!(usize::from(frame.meta.interface) < interfaces.len(), "a frame of no interface");
                assert!(frame.bytes.len() <= frame.meta.wire_len as usize, "captured more than was sent");
                frames.push((frame.meta, frame.bytes.to_vec()));
            }
            Ok(None) => return (frames, None),
            Err(error) => return (frames, Some(error.to_string())),
        }
    }
    (frames, None)
}

fn in_batches(input: impl Read + Send + 'static) -> Frames {
    let mut frames = Vec::new();
    let mut file = match CaptureFile::new(input, Name::Stdin) {
        Ok(file) => file,
        Err(error) => return (frames, Some(error.to_string())),
    };
    while frames.len() < FRAMES {
        match file.next_batch() {
            Ok(taken) if taken.frames.is_empty() => return (frames, None),
            Ok(taken) => frames.extend(taken.frames.iter().map(|frame| (frame.meta, frame.bytes.to_vec()))),
            Err(error) => return (frames, Some(error.to_string())),
        }
    }
    frames.truncate(FRAMES);
    (frames, None)
}

/// Gives few bytes at a time.
struct Slow(Cursor<Vec<u8>>);

impl Read for Slow {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let len = into.len().min(1 + self.0.position() as usize % 13);
        self.0.read(&mut into[..len])
    }
}
