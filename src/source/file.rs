//! A capture file, or a stream of one: its frames one after the other.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arrayvec::ArrayVec;

use crate::frame::{Drops, Frame, FrameMeta, FrameNumber, LinkType, Lost, Timestamp};

use super::buffer::{Buffer, Consumed, Fault};
use super::compress;
use super::error::{Error, Name};
use super::format::{Format, Refusal};
use super::growing::End;
use super::{Identity, Interface, Taken, Wait};

/// A capture that is being read.
pub struct CaptureFile {
    name: Name,
    buffer: Buffer,
    format: Format,
    frames: FrameNumber,
    /// Bytes read of the file as it lies on the disk.
    read: Arc<AtomicU64>,
    size: Option<u64>,
    identity: Option<Identity>,
    /// The last frame of each interface that was taken, and when it was captured; of a format that tells of losses.
    last: Vec<Option<(FrameNumber, Timestamp)>>,
    /// Frames that were lost before the first of those taken last.
    drops: ArrayVec<Drops, 1>,
    /// Where it is still being written.
    end: Option<End>,
    /// An error was met, after which nothing comes.
    failed: bool,
}

/// A record of a frame.
pub(super) struct Record<'a> {
    pub time: Timestamp,
    pub wire_len: u32,
    pub link: LinkType,
    pub interface: u16,
    pub interface_id: Option<u16>,
    /// Frames that were lost between the one before and this one, as far as is known.
    pub lost: u64,
    /// The bytes that were captured.
    pub bytes: &'a [u8],
}

impl<'a> Record<'a> {
    #[inline]
    fn frame(self, number: FrameNumber) -> Frame<'a> {
        let Self { time, wire_len, link, interface, interface_id, bytes, lost: _ } = self;
        Frame { meta: FrameMeta { number, time, wire_len, link, interface, interface_id }, bytes }
    }
}

impl CaptureFile {
    /// Opens the file at `path`; `-` is standard input.
    pub fn open(path: &Path) -> Result<Self, Error> {
        if path.as_os_str() == "-" {
            return Self::new(io::stdin(), Name::Stdin);
        }
        match File::open(path) {
            Ok(file) => Self::of(file, path),
            Err(reason) => Err(Error::Open { name: Name::Path(path.to_owned()), reason }),
        }
    }

    /// Reads a file that was opened at `path`, from its beginning.
    pub fn of(file: File, path: &Path) -> Result<Self, Error> {
        let name = Name::Path(path.to_owned());
        match file.metadata() {
            Ok(metadata) if metadata.is_dir() => Err(Error::Open { name, reason: io::ErrorKind::IsADirectory.into() }),
            Ok(metadata) => {
                let mut capture = Self::new(file, name)?;
                if metadata.is_file() {
                    capture.size = Some(metadata.len());
                    capture.identity = Identity::of(&metadata);
                }
                Ok(capture)
            }
            Err(reason) => Err(Error::Open { name, reason }),
        }
    }

    /// Reads a capture from `input`, which errors call `name`.
    pub fn new(input: impl Read + Send + 'static, name: Name) -> Result<Self, Error> {
        let read = Arc::new(AtomicU64::new(0));
        let counted = Counted { input, read: Arc::clone(&read) };
        let input = match compress::undo(counted) {
            Ok(input) => input,
            Err(reason) => return Err(Error::Read { name, after_frame: 0, reason }),
        };
        Self::begin(Buffer::new(input), name, read)
    }

    /// Reads a capture that is still being written, as far as it is; none where its header is not there.
    pub(super) fn growing(input: impl Read + Send + 'static, name: Name, end: End) -> Result<Option<Self>, Error> {
        match Self::begin(Buffer::new(Box::new(input)), name, Arc::default()) {
            Ok(mut capture) => {
                if let Format::Pcapng(pcapng) = &mut capture.format {
                    pcapng.take_whole_blocks();
                }
                capture.identity = end.identity();
                capture.end = Some(end);
                Ok(Some(capture))
            }
            Err(Error::Read { reason, .. }) if reason.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn begin(mut buffer: Buffer, name: Name, read: Arc<AtomicU64>) -> Result<Self, Error> {
        let (size, identity, end) = (None, None, None);
        match Format::recognise(&mut buffer) {
            Ok(format) => Ok(Self {
                name,
                buffer,
                format,
                frames: 0,
                read,
                size,
                identity,
                end,
                last: Vec::new(),
                drops: ArrayVec::new(),
                failed: false,
            }),
            Err(Refusal::NotACapture(looks)) => Err(Error::NotACapture { name, looks }),
            Err(Refusal::Fault(fault)) => Err(error_of(fault, name, 0, buffer.record_offset())),
        }
    }

    /// The next frame, with the interfaces described so far, or none at the end. After an error there is none.
    #[inline]
    pub fn next_described(&mut self) -> Result<Option<(Frame<'_>, &[Interface])>, Error> {
        let (frames, interfaces, _) = self.next_frames::<1>()?;
        Ok(frames.first().map(|frame| (*frame, interfaces)))
    }

    /// The next frames: one as by [`Self::next_described`], and those after it that were read ahead, as long as nothing
    /// else lies between them, nor any that were lost. None at the end.
    pub fn next_batch(&mut self) -> Result<Taken<'_>, Error> {
        let (frames, interfaces, drops) = self.next_frames()?;
        Ok(Taken { frames, interfaces, drops })
    }

    #[inline]
    #[expect(clippy::type_complexity, reason = "only the two above see it")]
    fn next_frames<const N: usize>(&mut self) -> Result<(ArrayVec<Frame<'_>, N>, &[Interface], &[Drops]), Error> {
        let mut frames = ArrayVec::new();
        self.drops.clear();
        if self.seek()? {
            let (begins_at, count, read) = (self.buffer.record_offset(), &mut self.frames, self.buffer.consume());
            let taken = match &self.format {
                Format::Pcap(pcap) => take(read, count, &mut frames, |bytes| Ok(pcap.record(bytes))),
                Format::Pcapng(pcapng) => take(read, count, &mut frames, |bytes| pcapng.record(bytes)),
            };
            let lost = match taken {
                Ok(lost) => lost,
                Err(fault) => {
                    self.failed = true;
                    return Err(error_of(fault, self.name.clone(), self.frames, begins_at));
                }
            };
            if let Some(first) = frames.first().filter(|_| lost > 0) {
                let until = first.meta.time;
                // They are counted by interface: frames of others say nothing of when.
                let last = self.last.get(usize::from(first.meta.interface)).copied().flatten();
                let (after, since) = last.unwrap_or((0, until));
                let lost = Lost { file: lost, ..Lost::default() };
                self.drops.push(Drops { since, until, after: Some(after), lost });
            }
            if let Format::Pcapng(_) = &self.format {
                note_last(&mut self.last, &frames);
            }
        }
        Ok((frames, self.format.interfaces(), &self.drops))
    }

    /// Reads until a whole record is there; false at the end, and after an error.
    #[inline]
    fn seek(&mut self) -> Result<bool, Error> {
        if self.failed {
            return Ok(false);
        }
        let found = match &mut self.format {
            Format::Pcap(pcap) => pcap.seek(&mut self.buffer),
            Format::Pcapng(pcapng) => pcapng.seek(&mut self.buffer),
        };
        match found {
            Err(Fault::Io(error)) if error.kind() == io::ErrorKind::WouldBlock && self.end.is_some() => Ok(false),
            Err(fault) => {
                self.failed = true;
                Err(error_of(fault, self.name.clone(), self.frames, self.buffer.record_offset()))
            }
            Ok(found) => Ok(found),
        }
    }

    /// Waits for frames where none is there, at most for `timeout`.
    pub fn wait(&self, timeout: Duration) -> Result<Wait, Error> {
        match &self.end {
            Some(end) if !self.failed => end.wait(timeout, self.frames),
            _ => Ok(Wait::End),
        }
    }

    /// Whether a whole frame was read ahead, and comes next.
    fn has_record(&self) -> bool {
        let bytes = self.buffer.available();
        match &self.format {
            Format::Pcap(pcap) => pcap.record(bytes).is_some(),
            Format::Pcapng(pcapng) => matches!(pcapng.record(bytes), Ok(Some(_))),
        }
    }

    /// Whether the next frame may have to be waited for while it is read: it is no regular file, and no whole frame of it
    /// was read ahead.
    #[inline]
    pub fn may_block(&self) -> bool {
        self.size.is_none() && self.end.is_none() && !self.has_record()
    }

    /// The interfaces described so far; a frame's `interface` is an index into them.
    pub fn interfaces(&self) -> &[Interface] {
        self.format.interfaces()
    }

    /// Whether all its frames, also those to come, are of one interface.
    pub fn has_one_interface(&self) -> bool {
        matches!(self.format, Format::Pcap(_))
    }

    /// Bytes read so far of the file as it lies on the disk, and how many it has, where that is known.
    pub fn progress(&self) -> (u64, Option<u64>) {
        (self.read.load(Ordering::Relaxed), self.size)
    }

    /// Where it comes from.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// Which file of the system it is, if it is a regular one.
    pub(super) fn identity(&self) -> Option<Identity> {
        self.identity
    }
}

/// Takes the records that lie one after the other in what was read, as many as there is room for. What is wrong with one
/// is told where it comes first, then those before it were taken; and so are losses before one, which are returned.
#[inline]
fn take<'a, const N: usize>(
    read: Consumed<'a>,
    count: &mut FrameNumber,
    frames: &mut ArrayVec<Frame<'a>, N>,
    record: impl Fn(&'a [u8]) -> Result<Option<(Record<'a>, &'a [u8])>, Fault>,
) -> Result<u64, Fault> {
    let mut bytes = read.bytes;
    let mut lost = 0;
    while !frames.is_full() {
        match record(bytes) {
            Ok(Some((record, _))) if record.lost > 0 && !frames.is_empty() => break,
            Ok(Some((record, rest))) => {
                lost |= record.lost;
                *count += 1;
                frames.push(record.frame(*count));
                bytes = rest;
            }
            Err(fault) if frames.is_empty() => return Err(fault),
            Ok(None) | Err(_) => break,
        }
    }
    read.upto(bytes);
    Ok(lost)
}

/// Takes note of the last frame of each interface.
#[inline]
fn note_last(last: &mut Vec<Option<(FrameNumber, Timestamp)>>, frames: &[Frame<'_>]) {
    for meta in frames.iter().map(|frame| &frame.meta).filter(|meta| meta.interface_id.is_some()) {
        let (Some(time), interface) = (meta.time(), usize::from(meta.interface)) else { continue };
        if interface >= last.len() {
            last.resize(interface + 1, None);
        }
        if let Some(last) = last.get_mut(interface) {
            *last = Some((meta.number, time));
        }
    }
}

#[cold]
fn error_of(fault: Fault, name: Name, after_frame: FrameNumber, offset: u64) -> Error {
    match fault {
        Fault::Cut => Error::Truncated { name, after_frame, offset },
        Fault::Corrupt(what) => Error::Corrupt { name, after_frame, offset, what },
        Fault::Unsupported(what) => Error::Unsupported { name, what },
        Fault::Io(reason) => Error::Read { name, after_frame, reason },
    }
}

/// Counts the bytes that are read.
struct Counted<R> {
    input: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Kind;
    use crate::source::buffer::Order;
    use crate::source::samples::{Ng, frames, open, pcap};

    #[test]
    fn files_that_cannot_be_opened() {
        let directory = tempfile::tempdir().unwrap();
        let line = |path: &Path| match CaptureFile::open(path) {
            Err(error) => {
                assert_eq!(error.kind(), Kind::Unreadable);
                error.to_string()
            }
            Ok(_) => panic!("opened"),
        };
        assert!(line(directory.path()).contains("it is a directory"));
        assert!(line(&directory.path().join("none\x1b[2J")).contains("none\\u{1b}[2J: there is no such file"));
    }

    #[cfg(unix)]
    #[test]
    fn a_path_need_not_be_text() {
        use std::os::unix::ffi::OsStrExt;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(std::ffi::OsStr::from_bytes(b"\xff.pcap"));
        let file = pcap(Order::Little, 0xa1b2_c3d4, 1, &[(1, 2, b"frame", 5)]);
        std::fs::write(&path, &file[..file.len() - 1]).unwrap();
        let mut capture = CaptureFile::open(&path).unwrap();
        let error = capture.next_described().unwrap_err();
        assert!(error.to_string().contains("\u{fffd}.pcap ends inside the record at byte 24, before the first frame"));
        assert_eq!((error.kind(), capture.progress()), (Kind::CutShort, (44, Some(44))));
    }

    /// Bytes that come only as they are asked for, and then never more than one record.
    struct Pipe(std::sync::mpsc::Receiver<Vec<u8>>);

    impl Read for Pipe {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let Ok(bytes) = self.0.recv() else { return Ok(0) };
            buffer[..bytes.len()].copy_from_slice(&bytes);
            Ok(bytes.len())
        }
    }

    #[test]
    fn a_frame_from_a_pipe_is_not_kept_waiting() {
        let file = pcap(Order::Little, 0xa1b2_c3d4, 1, &[(0, 0, b"one", 3), (0, 0, b"two", 3)]);
        let (sender, receiver) = std::sync::mpsc::channel();
        sender.send(file[..4].to_vec()).unwrap();
        sender.send(file[4..30].to_vec()).unwrap();
        let mut capture = CaptureFile::new(Pipe(receiver), Name::Stdin).unwrap();
        sender.send(file[30..43].to_vec()).unwrap();
        // A read past what was sent would block for ever.
        assert_eq!(capture.next_described().unwrap().unwrap().0.bytes, b"one");
        sender.send(file[43..].to_vec()).unwrap();
        assert_eq!(capture.next_described().unwrap().unwrap().0.bytes, b"two");
        drop(sender);
        assert!(capture.next_described().unwrap().is_none());
    }

    #[test]
    fn a_batch_has_the_frames_that_come_one_by_one() {
        let mut ng = Ng::new(Order::Little);
        ng.interface(LinkType::ETHERNET, 0, &[]);
        for i in 0..200_u64 {
            ng.packet(0, i, &[7; 100], 100).block(0x0bad, &[i as u8; 1000]).block(9, b"A=b\n");
            if i % 50 == 0 {
                ng.block(0x0bad, &[i as u8; 300_000]).block(0x8000_0001, &[1; 200_000]).section(Order::Little);
                ng.interface(LinkType::RAW, 0, &[]);
            }
        }
        let file = ng.finish();
        let one_by_one = frames(file.clone());
        let mut capture = open(file).unwrap();
        let mut in_batches = Vec::new();
        loop {
            let batch = capture.next_batch().unwrap().frames;
            if batch.is_empty() {
                break;
            }
            let frames = batch.iter().map(|frame| (frame.meta.number, frame.meta.link, frame.bytes.to_vec()));
            in_batches.extend(frames);
        }
        let one_by_one = one_by_one.into_iter().zip(1..).map(|(got, number)| (number, got.link, got.bytes));
        assert!(in_batches.into_iter().eq(one_by_one));
    }

    struct Failing(usize);

    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0 += 1;
            match self.0 {
                1 => Err(io::ErrorKind::Interrupted.into()),
                2 => {
                    let file = pcap(Order::Little, 0xa1b2_c3d4, 1, &[]);
                    buffer[..4].copy_from_slice(&file[..4]);
                    Ok(4)
                }
                3 => {
                    let file = pcap(Order::Little, 0xa1b2_c3d4, 1, &[(0, 0, b"one", 3)]);
                    buffer[..file.len() - 4].copy_from_slice(&file[4..]);
                    Ok(file.len() - 4)
                }
                _ => Err(io::Error::other("the disk is on fire")),
            }
        }
    }

    #[test]
    fn a_failing_read_is_told_after_the_frames_before_it() {
        let mut capture = CaptureFile::new(Failing(0), Name::Stdin).unwrap();
        assert!(capture.next_described().unwrap().is_some());
        let error = capture.next_described().unwrap_err();
        assert_eq!(error.to_string(), "cannot read on in standard input, after frame 1: the disk is on fire");
        assert_eq!(error.kind(), Kind::Unreadable);
    }
}
