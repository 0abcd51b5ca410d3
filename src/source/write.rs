//! Writes frames to a capture file: pcap where they are all of one interface, else pcapng.

use std::fs::{self, File};
use std::io::{self, Seek, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::CWD;

use crate::frame::{Frame, Timestamp};

use super::error::{Error, Name};
use super::interface::Interface;
use super::rotate::{self, Files, Rotation};
use super::{Source, now};

/// Whole records are gathered up to this many bytes before they are written; one write then holds no part of a record.
const GATHERED: usize = 64 << 10;
/// What a file says was the most that was captured of a frame, where its source sets no limit.
const NO_LIMIT: u32 = 256 << 10;

/// Lengths of what precedes the first record of a pcap, and the bytes of one.
const PCAP_HEADER: usize = 24;
const PCAP_RECORD: usize = 16;
/// The block type of a frame in a pcapng.
const ENHANCED_PACKET: u32 = 6;

/// A capture that is being written, to one file or to one after the other. What was written is a readable capture up to
/// its last record at any time, so it goes straight to the file and stays there if the program is killed.
pub struct Writer {
    format: Format,
    /// Where there may be more than one file.
    files: Option<Files>,
    /// None until a frame tells the name of the first file.
    file: Option<Output>,
    /// Whole records that were not written yet, and how many of them are frames.
    pending: Vec<u8>,
    waiting: u64,
    /// Frames that were written.
    saved: u64,
    /// It was told that nothing more can be written.
    failed: bool,
}

/// Interfaces are described in the file before their first frame.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Format {
    Pcap { interface: Interface },
    Pcapng { described: usize },
}

/// A file, or standard output.
struct Output {
    name: Name,
    file: File,
    /// Bytes that were written.
    len: u64,
    /// Frames that are saved in other files.
    before: u64,
}

impl Writer {
    /// Creates the file at `path` for the frames of `source`, replacing one that is there; `-` is standard output. With a
    /// period, the first frame of a file that is read tells when that begins.
    pub fn create(path: &Path, rotation: Rotation, source: &Source) -> Result<Self, Error> {
        let mut writer = Self {
            format: match source.interfaces() {
                [only] if source.has_one_interface() => Format::Pcap { interface: only.clone() },
                _ => Format::Pcapng { described: 0 },
            },
            files: None,
            file: None,
            pending: Vec::with_capacity(GATHERED),
            waiting: 0,
            saved: 0,
            failed: false,
        };
        if rotation.is_wanted() {
            writer.files = Some(Files::open(path, rotation, source.identity())?);
            if rotation.period.is_none() || !matches!(source, Source::File(_)) {
                writer.begin(now())?;
            }
        } else if path.as_os_str() == "-" {
            let stdout = io::stdout().as_fd().try_clone_to_owned();
            let stdout = stdout.map_err(|reason| Error::Create { name: Name::Stdout, reason })?;
            writer.begin_file((stdout.into(), Name::Stdout));
        } else {
            let name = Name::Path(path.to_owned());
            writer.begin_file(rotate::create(CWD, path, name, source.identity())?);
        }
        Ok(writer)
    }

    /// The folder that files are created in later, if they are.
    pub fn folder(&self) -> Option<BorrowedFd<'_>> {
        self.files.as_ref().map(Files::folder)
    }

    /// The file that is written, if one was begun.
    pub fn file(&self) -> Option<BorrowedFd<'_>> {
        self.file.as_ref().map(|output| output.file.as_fd())
    }

    /// Whether no frame is taken any more from one captured then on.
    pub fn ends_before(&self, time: Timestamp) -> bool {
        self.file.is_some() && self.files.as_ref().is_some_and(|files| files.ends_before(time))
    }

    /// Writes a frame of the source, if it is a packet; `interfaces` are those that the source has told of by now.
    pub fn write(&mut self, frame: &Frame<'_>, interfaces: &[Interface]) -> Result<(), Error> {
        if !frame.meta.link.is_packet() {
            return Ok(());
        }
        if self.files.is_some() {
            self.turn(frame.meta.time)?;
        }
        match &mut self.format {
            Format::Pcap { interface } => {
                let nanos = is_fine(interface);
                self.pcap_record(frame, nanos);
            }
            Format::Pcapng { described } => {
                let before = std::mem::replace(described, interfaces.len().max(*described));
                interfaces.iter().skip(before).for_each(|interface| self.describe(interface));
                let is_fine = interfaces.get(usize::from(frame.meta.interface)).is_some_and(is_fine);
                self.enhanced_packet(frame, is_fine);
            }
        }
        self.waiting += 1;
        if self.pending.len() >= GATHERED { self.flush() } else { Ok(()) }
    }

    /// Writes what was gathered, and waits until the system has it. Where that fails, the file ends with the last record
    /// that is whole, and what was gathered is lost.
    pub fn flush(&mut self) -> Result<(), Error> {
        let Some(output) = &mut self.file else { return Ok(()) };
        let (done, failed) = output.put(&self.pending);
        let (whole, frames) = match &failed {
            None => (done, self.waiting),
            Some(_) => whole(&self.pending[..done], &self.format, output.len == 0),
        };
        output.len += whole as u64;
        self.saved += frames;
        self.pending.clear();
        self.waiting = 0;
        let Some(reason) = failed else { return Ok(()) };
        self.failed = true;
        output.take_back((done - whole) as u64);
        Err(Error::Write { name: output.name.clone(), frames: self.saved, reason })
    }

    /// Writes what is left, and a file if there is none yet. What was wrong is told once.
    pub fn finish(&mut self) -> Result<(), Error> {
        if self.failed {
            return Ok(());
        }
        if self.file.is_none() {
            self.begin(now())?;
        }
        self.flush()?;
        match &self.file {
            Some(output) if output.is_removed() => {
                let (name, frames) = (output.name.clone(), output.before);
                self.failed = true;
                Err(Error::Write { name, frames, reason: io::Error::other("it was removed meanwhile") })
            }
            _ => Ok(()),
        }
    }

    /// Goes on to another file if the frame that was captured then belongs there.
    fn turn(&mut self, time: Timestamp) -> Result<(), Error> {
        let Some(output) = &self.file else { return self.begin(time) };
        let size = output.len + self.pending.len() as u64;
        if self.files.as_mut().is_some_and(|files| files.turns(time, size)) {
            self.finish()?;
            self.begin_next()?;
        }
        Ok(())
    }

    /// Begins the first file of several.
    fn begin(&mut self, time: Timestamp) -> Result<(), Error> {
        if let Some(files) = &mut self.files {
            files.begin(time);
        }
        self.begin_next()
    }

    fn begin_next(&mut self) -> Result<(), Error> {
        let Some(files) = &self.files else { return Ok(()) };
        let created = files.create().inspect_err(|_| self.failed = true)?;
        self.begin_file(created);
        Ok(())
    }

    /// Begins a capture of its own.
    fn begin_file(&mut self, (file, name): (File, Name)) {
        self.file = Some(Output { name, file, len: 0, before: self.saved });
        match &mut self.format {
            Format::Pcap { interface } => {
                let interface = interface.clone();
                self.begin_pcap(&interface);
            }
            Format::Pcapng { described } => {
                *described = 0;
                self.begin_pcapng();
            }
        }
    }

    fn begin_pcap(&mut self, interface: &Interface) {
        let nanos = is_fine(interface);
        self.words([if nanos { 0xa1b2_3c4d } else { 0xa1b2_c3d4 }, 4 << 16 | 2, 0, 0]);
        self.words([snaplen(interface), interface.link.0]);
    }

    fn pcap_record(&mut self, frame: &Frame<'_>, nanos: bool) {
        // The format has no time before 1970, nor after 2106.
        let seconds = frame.meta.time.secs().clamp(0, u32::MAX.into()) as u32;
        let fraction = frame.meta.time.subsec_nanos() / if nanos { 1 } else { 1000 };
        self.words([seconds, fraction, frame.bytes.len() as u32, frame.meta.wire_len]);
        self.pending.extend_from_slice(frame.bytes);
    }

    fn begin_pcapng(&mut self) {
        // The length of the section is not known.
        self.words([0x0a0d_0d0a, 28, 0x1a2b_3c4d, 1, u32::MAX, u32::MAX, 28]);
    }

    /// An interface description block with the name and the resolution.
    fn describe(&mut self, interface: &Interface) {
        let name = interface.name.as_deref().unwrap_or_default();
        // A name is what another file held of one, at most some hundred bytes.
        let name = name.as_bytes().get(..255).unwrap_or(name.as_bytes());
        let padded = name.len().next_multiple_of(4);
        let named = if name.is_empty() { 0 } else { 4 + padded as u32 };
        let length = 16 + named + 8 + 4 + 4;
        self.words([1, length, interface.link.0, snaplen(interface)]);
        if !name.is_empty() {
            self.words([(name.len() as u32) << 16 | 2]);
            self.pending.extend_from_slice(name);
            self.pending.resize(self.pending.len() + padded - name.len(), 0);
        }
        self.words([1 << 16 | 9, if is_fine(interface) { 9 } else { 6 }, 0, length]);
    }

    fn enhanced_packet(&mut self, frame: &Frame<'_>, is_fine: bool) {
        let captured = frame.bytes.len() as u32;
        let length = 32 + captured.next_multiple_of(4);
        let time = units(frame.meta.time, is_fine);
        self.words([
            ENHANCED_PACKET,
            length,
            frame.meta.interface.into(),
            (time >> 32) as u32,
            time as u32,
            captured,
            frame.meta.wire_len,
        ]);
        self.pending.extend_from_slice(frame.bytes);
        self.pending.resize(self.pending.len() + (length - 32 - captured) as usize, 0);
        self.words([length]);
    }

    fn words<const N: usize>(&mut self, words: [u32; N]) {
        words.into_iter().for_each(|word| self.pending.extend_from_slice(&word.to_le_bytes()));
    }
}

impl Output {
    /// Writes as much as the system takes; tells how many bytes that are, and what was wrong if they are not all.
    fn put(&mut self, bytes: &[u8]) -> (usize, Option<io::Error>) {
        let mut done = 0;
        while let Some(rest) = bytes.get(done..).filter(|rest| !rest.is_empty()) {
            match self.file.write(rest) {
                Ok(0) => return (done, Some(io::ErrorKind::WriteZero.into())),
                Ok(count) => done = (done + count).min(bytes.len()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return (done, Some(error)),
            }
        }
        (done, None)
    }

    /// Removes the last bytes that were written, where that is possible: not from a pipe.
    fn take_back(&mut self, count: u64) {
        let kept = self.file.stream_position().ok().and_then(|position| position.checked_sub(count));
        if let Some(kept) = kept.filter(|_| count > 0)
            && self.file.set_len(kept).is_ok()
        {
            // What comes next, nothing, would be put there.
            let _ = self.file.seek(io::SeekFrom::Start(kept));
        }
    }

    /// Whether no name leads to the file any more.
    fn is_removed(&self) -> bool {
        let is_removed = |there: fs::Metadata| there.is_file() && there.nlink() == 0;
        matches!(self.name, Name::Path(_)) && self.file.metadata().is_ok_and(is_removed)
    }
}

/// Of what was written in this format: the length of the records that are whole, and how many of them are frames.
fn whole(written: &[u8], format: &Format, at_start: bool) -> (usize, u64) {
    let number = |at: usize| written.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
    let record = |at: usize| match format {
        Format::Pcap { .. } if at_start && at == 0 => Some((PCAP_HEADER, 0)),
        Format::Pcap { .. } => Some((PCAP_RECORD + number(at + 8)? as usize, 1)),
        Format::Pcapng { .. } => Some((number(at + 4)? as usize, u64::from(number(at)? == ENHANCED_PACKET))),
    };
    let (mut at, mut frames) = (0, 0);
    while let Some((length, count)) = record(at).filter(|(length, _)| at + length <= written.len()) {
        at += length;
        frames += count;
    }
    (at, frames)
}

fn is_fine(interface: &Interface) -> bool {
    interface.resolution.is_finer_than_micros()
}

fn snaplen(interface: &Interface) -> u32 {
    if interface.snaplen == 0 { NO_LIMIT } else { interface.snaplen }
}

/// Nanoseconds or microseconds since 1970; no time before that can be written.
fn units(time: Timestamp, is_fine: bool) -> u64 {
    let nanos = u64::try_from(time.0).unwrap_or(0);
    if is_fine { nanos } else { nanos / 1000 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::LinkType;
    use crate::source::CaptureFile;
    use crate::source::buffer::Order;
    use crate::source::samples::{Got, Ng, frames, pcap};

    /// What becomes of a capture that is read and written.
    fn copy(file: Vec<u8>) -> Vec<u8> {
        let directory = tempfile::tempdir().unwrap();
        let (from, to) = (directory.path().join("from"), directory.path().join("to"));
        fs::write(&from, file).unwrap();
        let mut source = Source::File(Box::new(CaptureFile::open(&from).unwrap()));
        let mut writer = Writer::create(&to, Rotation::default(), &source).unwrap();
        while let Some((frame, interfaces)) = source.next_described().unwrap() {
            writer.write(&frame, interfaces).unwrap();
        }
        writer.flush().unwrap();
        fs::read(to).unwrap()
    }

    #[test]
    fn one_interface_gives_pcap_and_a_copy_has_the_same_frames() {
        for magic in [0xa1b2_c3d4, 0xa1b2_3c4d] {
            let records: [(u32, u32, &[u8], u32); 2] = [(1, 7, b"first", 5), (2, 999_999, b"second", 1500)];
            let file = pcap(Order::Big, magic, 113, &records);
            let copied = copy(file.clone());
            assert_eq!(copied, pcap(Order::Little, magic, 113, &records));
            assert_eq!(frames(copied), frames(file));
        }
    }

    #[test]
    fn several_interfaces_give_pcapng() {
        let mut ng = Ng::new(Order::Big);
        ng.interface(LinkType::ETHERNET, 96, &[(2, b"eth0")])
            .packet(0, 1_700_000_000_123_456, b"frame", 1500)
            .interface(LinkType::RAW, 0, &[(9, &[9])])
            .packet(1, 1_700_000_000_123_456_789, b"", 0)
            .section(Order::Little)
            .interface(LinkType::NULL, 0, &[(2, b"lo12345")])
            .packet(0, 5, b"12345678", 8);
        let file = ng.finish();
        let copied = copy(file.clone());
        // All are in one section now.
        let in_section =
            |file| frames(file).into_iter().map(|got| Got { interface_id: None, ..got }).collect::<Vec<_>>();
        assert_eq!(in_section(copied.clone()), in_section(file));
        let mut copied = CaptureFile::new(io::Cursor::new(copied), Name::Stdin).unwrap();
        while copied.next_described().unwrap().is_some() {}
        let told: Vec<_> = copied.interfaces().iter().map(|i| (i.name.as_deref(), i.snaplen, i.resolution.0)).collect();
        assert_eq!(told, [(Some("eth0"), 96, 6), (None, NO_LIMIT, 9), (Some("lo12345"), NO_LIMIT, 6)]);
    }

    #[test]
    fn what_is_no_packet_is_not_written() {
        let mut ng = Ng::new(Order::Little);
        ng.block(0x0bad, b"12345678")
            .interface(LinkType::ETHERNET, 0, &[])
            .packet(0, 1, b"packet", 6)
            .block(9, b"A=b\n");
        let copied = frames(copy(ng.finish()));
        assert_eq!(copied.iter().map(|got| got.bytes.as_slice()).collect::<Vec<_>>(), [b"packet"]);
    }

    #[test]
    fn a_capture_without_frames_is_one() {
        assert!(frames(copy(Ng::new(Order::Little).finish())).is_empty());
        assert!(frames(copy(pcap(Order::Little, 0xa1b2_c3d4, 1, &[]))).is_empty());
    }

    #[test]
    fn only_whole_records_are_written() {
        let directory = tempfile::tempdir().unwrap();
        let (from, to) = (directory.path().join("from"), directory.path().join("to"));
        let bytes = [7; 1000];
        fs::write(&from, pcap(Order::Little, 0xa1b2_c3d4, 1, &[(0, 0, bytes.as_slice(), 1000); 200])).unwrap();
        let mut source = Source::File(Box::new(CaptureFile::open(&from).unwrap()));
        let mut writer = Writer::create(&to, Rotation::default(), &source).unwrap();
        while let Some((frame, interfaces)) = source.next_described().unwrap() {
            writer.write(&frame, interfaces).unwrap();
            let written = fs::read(&to).unwrap();
            assert!(written.is_empty() || (written.len() - 24) % 1016 == 0);
        }
        drop(writer);
        assert!(frames(fs::read(&to).unwrap()).len() >= 190);
    }

    #[cfg(unix)]
    #[test]
    fn the_file_that_is_read_is_not_written() {
        let directory = tempfile::tempdir().unwrap();
        let (from, link) = (directory.path().join("from"), directory.path().join("link"));
        fs::write(&from, pcap(Order::Little, 0xa1b2_c3d4, 1, &[])).unwrap();
        std::os::unix::fs::symlink(&from, &link).unwrap();
        let source = Source::File(Box::new(CaptureFile::open(&from).unwrap()));
        assert!(matches!(Writer::create(&link, Rotation::default(), &source), Err(Error::SameFile { .. })));
        assert_eq!(fs::read(&from).unwrap().len(), 24);
    }
}
