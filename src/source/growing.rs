//! A capture file that is still being written: its end is a place to wait at.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::error::{Error, Name};
use super::{CaptureFile, Identity, Wait, compress};
use crate::frame::FrameNumber;

/// How often it is looked whether there is more.
const PERIOD: Duration = Duration::from_millis(10);

/// A file that is opened, of which the beginning of a capture may not be there yet.
pub struct Growing {
    file: Arc<File>,
    path: PathBuf,
    identity: Option<Identity>,
}

impl Growing {
    /// Opens the file at `path`, which must be a regular one.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let name = || Name::Path(path.to_owned());
        let opened = fs::metadata(path).and_then(|there| match there {
            there if there.is_file() => File::open(path),
            there if there.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
            _ => Err(io::Error::other("it is no file that grows; -r reads what comes through a pipe")),
        });
        match opened.and_then(|file| Ok((file.metadata()?, file))) {
            Ok((there, file)) => {
                Ok(Self { identity: Identity::of(&there), file: Arc::new(file), path: path.to_owned() })
            }
            Err(reason) => Err(Error::Open { name: name(), reason }),
        }
    }

    /// The capture, or none where the file does not have its header yet.
    pub fn capture(&self) -> Result<Option<CaptureFile>, Error> {
        let mut magic = [0; 4];
        let name = Name::Path(self.path.clone());
        match self.file.read_exact_at(&mut magic, 0) {
            Ok(()) if compress::is_compressed(magic) => {
                let what = "is compressed; only a plain capture is read while it is written, a compressed one with -r";
                return Err(Error::Unsupported { name, what: what.to_owned() });
            }
            Err(reason) if reason.kind() != io::ErrorKind::UnexpectedEof => {
                return Err(Error::Read { name, after_frame: 0, reason });
            }
            _ => {}
        }
        let position = Arc::new(AtomicU64::new(0));
        let input = Input { file: Arc::clone(&self.file), position: Arc::clone(&position) };
        let end = End { file: Arc::clone(&self.file), path: self.path.clone(), identity: self.identity, position };
        CaptureFile::growing(input, name, end)
    }

    /// What is wrong with a file that has no more than that.
    pub fn empty(&self) -> Error {
        Error::NotACapture { name: Name::Path(self.path.clone()), looks: "is no capture yet" }
    }

    /// Waits until there may be more of the file, at most for `timeout`.
    pub fn wait(&self, timeout: Duration) {
        thread::sleep(timeout.min(PERIOD));
    }
}

/// What has been written so far; there, it would block.
struct Input {
    file: Arc<File>,
    position: Arc<AtomicU64>,
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let position = self.position.load(Ordering::Relaxed);
        match self.file.read_at(buffer, position)? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            count => {
                self.position.store(position + count as u64, Ordering::Relaxed);
                Ok(count)
            }
        }
    }
}

/// The end of the file, and what becomes of it.
pub(super) struct End {
    file: Arc<File>,
    path: PathBuf,
    identity: Option<Identity>,
    /// How much of it was read.
    position: Arc<AtomicU64>,
}

impl End {
    /// Which file of the system it is.
    pub(super) fn identity(&self) -> Option<Identity> {
        self.identity
    }

    /// Waits until there is more, or nothing will come, at most for `timeout`.
    pub(super) fn wait(&self, timeout: Duration, after_frame: FrameNumber) -> Result<Wait, Error> {
        let name = || Name::Path(self.path.clone());
        let until = Instant::now() + timeout;
        loop {
            // Looked for first: what was written before that is still read.
            let gone = self.is_gone();
            let there = self.file.metadata();
            let there = there.map_err(|reason| Error::Read { name: name(), after_frame, reason })?;
            let position = self.position.load(Ordering::Relaxed);
            if there.size() > position {
                return Ok(Wait::Ready);
            }
            let what = if there.size() < position { Some("has become shorter") } else { gone };
            if let Some(what) = what {
                return Err(Error::Gone { name: name(), after_frame, what });
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Wait::Idle);
            }
            thread::sleep(left.min(PERIOD));
        }
    }

    /// What became of the file if its name does not lead to it any more.
    fn is_gone(&self) -> Option<&'static str> {
        match fs::metadata(&self.path) {
            Ok(there) if Identity::of(&there) != self.identity => Some("was replaced by another file"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Some("was removed"),
            // A folder that may not be looked into any more says nothing of the file.
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::frame::LinkType;
    use crate::source::Kind;
    use crate::source::buffer::Order;
    use crate::source::samples::{Ng, pcap};

    /// Frames that are there, by their bytes.
    fn read(capture: &mut CaptureFile) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        while let Some((frame, _)) = capture.next_described().unwrap() {
            all.push(frame.bytes.to_vec());
        }
        all
    }

    /// Lets a file grow by `step` bytes at a time, and reads it all the while.
    fn follow(bytes: &[u8], step: usize) -> Vec<Vec<u8>> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let growing = Growing::open(file.path()).unwrap();
        let mut capture = None;
        let mut all = Vec::new();
        for piece in bytes.chunks(step) {
            file.write_all(piece).unwrap();
            capture = capture.or_else(|| growing.capture().unwrap());
            let Some(capture) = &mut capture else { continue };
            all.extend(read(capture));
            assert_eq!(capture.wait(Duration::ZERO).unwrap(), Wait::Idle);
        }
        all
    }

    #[test]
    fn what_is_not_whole_is_waited_for() {
        let records: [(u32, u32, &[u8], u32); 3] = [(1, 7, b"first", 5), (2, 8, b"", 0), (3, 9, b"third", 1500)];
        let mut ng = Ng::new(Order::Big);
        ng.block(0x8000_0001, &[1; 64])
            .interface(LinkType::ETHERNET, 0, &[(2, b"eth0")])
            .packet(0, 1, b"first", 5)
            .block(0x8000_0001, &[2; 64])
            .section(Order::Little)
            .interface(LinkType::RAW, 0, &[])
            .packet(0, 2, b"", 0)
            .packet(0, 3, b"third", 1500)
            .block(0x8000_0002, &[3; 64]);
        for file in [pcap(Order::Big, 0xa1b2_3c4d, 1, &records), ng.finish()] {
            for step in [1, 3, 17, 4096] {
                assert_eq!(follow(&file, step), [&b"first"[..], b"", b"third"], "{step}");
            }
        }
    }

    #[test]
    fn a_file_that_is_not_the_same_any_more_is_told() {
        let bytes = pcap(Order::Little, 0xa1b2_c3d4, 1, &[(1, 7, b"first", 5)]);
        let directory = tempfile::tempdir().unwrap();
        let (path, other) = (directory.path().join("a"), directory.path().join("b"));
        let told = |change: &dyn Fn()| {
            fs::write(&path, &bytes).unwrap();
            let mut capture = Growing::open(&path).unwrap().capture().unwrap().unwrap();
            assert_eq!(read(&mut capture).len(), 1);
            assert_eq!(capture.wait(Duration::ZERO).unwrap(), Wait::Idle);
            change();
            let error = capture.wait(Duration::ZERO).unwrap_err();
            assert_eq!(error.kind(), Kind::CutShort);
            error.to_string()
        };
        assert!(told(&|| fs::write(&path, &bytes[..24]).unwrap()).contains("a has become shorter, after frame 1"));
        assert!(told(&|| fs::remove_file(&path).unwrap()).contains("a was removed"));
        fs::write(&other, b"x").unwrap();
        assert!(told(&|| fs::rename(&other, &path).unwrap()).contains("a was replaced by another file"));
    }

    #[test]
    fn what_does_not_grow_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.gz");
        fs::write(&path, [0x1f, 0x8b, 8, 0, 0]).unwrap();
        let line = Growing::open(&path).unwrap().capture().err().unwrap().to_string();
        assert!(line.contains("a.gz is compressed"), "{line}");
        fs::write(&path, "GET / HTTP/1.1\r\n").unwrap();
        let line = Growing::open(&path).unwrap().capture().err().unwrap().to_string();
        assert!(line.contains("is text, not a capture file"), "{line}");
        assert!(Growing::open(directory.path()).err().unwrap().to_string().contains("it is a directory"));
        assert!(Growing::open(Path::new("/dev/null")).err().unwrap().to_string().contains("no file that grows"));
    }
}
