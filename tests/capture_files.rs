//! The capture reader against another one, over real captures where they are at hand.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use dissect::source::{CaptureFile, Error};
use pcap_parser::{Block, PcapBlockOwned, PcapError, create_reader};

/// Captured bytes and length on the wire of each frame.
type Frames = Vec<(Vec<u8>, u32)>;

#[test]
fn real_captures_have_the_frames_that_another_reader_finds() {
    let Some(captures) = captures() else {
        println!("skipped: ../shared/captures is not there");
        return;
    };
    let mut compared = 0;
    for path in captures {
        let Some((theirs, theirs_whole)) = by_pcap_parser(&path) else {
            println!("skipped, not opened by the other reader: {}", path.display());
            continue;
        };
        let (ours, error) = by_us(&path);
        let differs = ours.iter().zip(&theirs).position(|(ours, theirs)| ours != theirs);
        assert_eq!(differs, None, "{}", path.display());
        // The other reader goes on in a section of a version that it does not know, which Wireshark refuses as we do.
        if !matches!(error, Some(Error::Unsupported { .. })) {
            assert_eq!((ours.len(), error.is_none()), (theirs.len(), theirs_whole), "{}: {error:?}", path.display());
        }
        compared += 1;
    }
    println!("{compared} captures compared");
}

fn captures() -> Option<Vec<PathBuf>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures");
    let mut captures: Vec<PathBuf> = fs::read_dir(root)
        .ok()?
        .filter_map(|folder| fs::read_dir(folder.ok()?.path()).ok())
        .flatten()
        .map(|file| file.unwrap().path())
        .collect();
    captures.sort();
    Some(captures)
}

fn by_us(path: &Path) -> (Frames, Option<Error>) {
    let mut frames = Vec::new();
    let mut capture = match CaptureFile::open(path) {
        Ok(capture) => capture,
        Err(error) => return (frames, Some(error)),
    };
    loop {
        match capture.next_described() {
            // The other reader passes over records that are no packets.
            Ok(Some((frame, _))) if !frame.meta.link.is_packet() => {}
            Ok(Some((frame, _))) => frames.push((frame.bytes.to_vec(), frame.meta.wire_len)),
            Ok(None) => return (frames, None),
            Err(error) => return (frames, Some(error)),
        }
    }
}

/// The frames, and whether the file was read to its end; none if it cannot be opened.
fn by_pcap_parser(path: &Path) -> Option<(Frames, bool)> {
    let mut reader = create_reader(1 << 20, File::open(path).ok()?).ok()?;
    let mut frames = Vec::new();
    // Of the first interface, to which simple packet blocks belong.
    let mut snaplen = None;
    loop {
        match reader.next() {
            Ok((used, block)) => {
                match block {
                    PcapBlockOwned::NG(Block::SectionHeader(_)) => snaplen = None,
                    PcapBlockOwned::NG(Block::InterfaceDescription(interface)) => {
                        snaplen = snaplen.or(Some(interface.snaplen));
                    }
                    PcapBlockOwned::Legacy(record) => {
                        frames.push(frame(record.data, record.data.len(), record.origlen))
                    }
                    PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
                        frames.push(frame(packet.data, packet.caplen as usize, packet.origlen));
                    }
                    PcapBlockOwned::NG(Block::SimplePacket(packet)) => {
                        let limit = snaplen.filter(|snaplen| *snaplen > 0).unwrap_or(u32::MAX);
                        frames.push(frame(packet.data, packet.origlen.min(limit) as usize, packet.origlen));
                    }
                    _ => {}
                }
                reader.consume(used);
            }
            Err(PcapError::Eof) => return Some((frames, true)),
            Err(PcapError::Incomplete(_)) => {
                if reader.refill().is_err() {
                    return Some((frames, false));
                }
            }
            Err(_) => return Some((frames, false)),
        }
    }
}

/// A frame of which at most `captured` bytes are there: `data` may be padded.
fn frame(data: &[u8], captured: usize, wire_len: u32) -> (Vec<u8>, u32) {
    let bytes = data[..captured.min(data.len())].to_vec();
    let wire_len = wire_len.max(bytes.len() as u32);
    (bytes, wire_len)
}
