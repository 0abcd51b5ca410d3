//! Writes frames to a capture file: pcap where they are all of one interface, else pcapng.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use crate::frame::{Frame, LinkType, Timestamp};

use super::error::{Error, Name};
use super::interface::Interface;
use super::{Identity, Source};

/// Whole records are gathered up to this many bytes before they are written; one write then holds no part of a record.
const GATHERED: usize = 64 << 10;
/// What a file says was the most that was captured of a frame, where its source sets no limit.
const NO_LIMIT: u32 = 256 << 10;

/// A capture file that is being written. What was written is a readable capture up to its last record at any time,
/// so it goes straight to the file and stays there if the program is killed.
pub struct Writer {
    name: Name,
    output: Box<dyn Write + Send>,
    format: Format,
    /// Whole records that were not written yet.
    pending: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Format {
    Pcap { link: LinkType, nanos: bool },
    Pcapng { described: usize },
}

impl Writer {
    /// Creates the file at `path` for the frames of `source`, replacing one that is there; `-` is standard output.
    pub fn create(path: &Path, source: &Source) -> Result<Self, Error> {
        if path.as_os_str() == "-" {
            return Ok(Self::new(io::stdout(), Name::Stdout, source));
        }
        let name = Name::Path(path.to_owned());
        if let (Some(read), Ok(there)) = (source.identity(), fs::metadata(path))
            && Identity::of(&there) == Some(read)
        {
            return Err(Error::SameFile { name });
        }
        match File::create(path) {
            Ok(file) => Ok(Self::new(file, name, source)),
            Err(reason) => Err(Error::Write { name, reason }),
        }
    }

    fn new(output: impl Write + Send + 'static, name: Name, source: &Source) -> Self {
        let mut writer = Self {
            name,
            output: Box::new(output),
            format: Format::Pcapng { described: 0 },
            pending: Vec::with_capacity(GATHERED),
        };
        match source.interfaces() {
            [only] if source.has_one_interface() => writer.begin_pcap(only),
            _ => writer.begin_pcapng(),
        }
        writer
    }

    /// Writes a frame of the source, if it is a packet; `interfaces` are those that the source has told of by now.
    pub fn write(&mut self, frame: &Frame<'_>, interfaces: &[Interface]) -> Result<(), Error> {
        if !frame.meta.link.is_packet() {
            return Ok(());
        }
        match self.format {
            Format::Pcap { nanos, .. } => self.pcap_record(frame, nanos),
            Format::Pcapng { described } => {
                interfaces.iter().skip(described).for_each(|interface| self.describe(interface));
                self.format = Format::Pcapng { described: interfaces.len().max(described) };
                let is_fine = interfaces.get(usize::from(frame.meta.interface)).is_some_and(is_fine);
                self.enhanced_packet(frame, is_fine);
            }
        }
        if self.pending.len() >= GATHERED { self.flush() } else { Ok(()) }
    }

    /// Writes what was gathered, and waits until the system has it.
    pub fn flush(&mut self) -> Result<(), Error> {
        let written = self.output.write_all(&self.pending).and_then(|()| self.output.flush());
        self.pending.clear();
        written.map_err(|reason| Error::Write { name: self.name.clone(), reason })
    }

    fn begin_pcap(&mut self, interface: &Interface) {
        let nanos = is_fine(interface);
        self.format = Format::Pcap { link: interface.link, nanos };
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
            6,
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
    use crate::source::CaptureFile;
    use crate::source::buffer::Order;
    use crate::source::samples::{Got, Ng, frames, pcap};

    /// What becomes of a capture that is read and written.
    fn copy(file: Vec<u8>) -> Vec<u8> {
        let directory = tempfile::tempdir().unwrap();
        let (from, to) = (directory.path().join("from"), directory.path().join("to"));
        fs::write(&from, file).unwrap();
        let mut source = Source::File(Box::new(CaptureFile::open(&from).unwrap()));
        let mut writer = Writer::create(&to, &source).unwrap();
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
        let mut writer = Writer::create(&to, &source).unwrap();
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
        assert!(matches!(Writer::create(&link, &source), Err(Error::SameFile { .. })));
        assert_eq!(fs::read(&from).unwrap().len(), 24);
    }
}
