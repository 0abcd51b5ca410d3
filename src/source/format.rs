//! What format a capture has, by the bytes it begins with; and what something is that is none.

use super::Interface;
use super::buffer::{Buffer, Fault};
use super::pcap::Pcap;
use super::pcapng::Pcapng;

/// The format of a capture, as far as it was read.
pub(super) enum Format {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

/// Why something is no capture that can be read.
pub(super) enum Refusal {
    NotACapture(&'static str),
    Fault(Fault),
}

impl Format {
    #[inline]
    pub(super) fn interfaces(&self) -> &[Interface] {
        match self {
            Self::Pcap(pcap) => pcap.interfaces(),
            Self::Pcapng(pcapng) => pcapng.interfaces(),
        }
    }

    /// Reads the file header of what `buffer` begins with.
    pub(super) fn recognise(buffer: &mut Buffer) -> Result<Self, Refusal> {
        // A file may be shorter than what is asked for here; then it is judged by what it has.
        buffer.fill(LONGEST_MAGIC).map_err(Refusal::Fault)?;
        let Some(&magic) = buffer.available().first_chunk::<4>() else {
            return Err(Refusal::NotACapture(match buffer.available() {
                _ if buffer.is_cut() => "is cut within its first compressed block",
                [] => "is empty",
                _ => UNKNOWN,
            }));
        };
        let opened = if Pcap::recognises(magic) {
            Pcap::open(magic, buffer).map(Self::Pcap)
        } else if Pcapng::recognises(magic) {
            Pcapng::open(buffer).map(Self::Pcapng)
        } else {
            return Err(refuse(buffer.available()));
        };
        opened.map_err(|fault| match fault {
            Fault::Cut => Refusal::NotACapture("is a capture cut within its file header"),
            fault => Refusal::Fault(fault),
        })
    }
}

const UNKNOWN: &str = "is not a capture file";
const LONGEST_MAGIC: usize = 12;

/// Names what is no capture of ours, by the bytes it begins with.
fn refuse(bytes: &[u8]) -> Refusal {
    const KNOWN: [(&[u8], &str); 14] = [
        (b"GMBU", "is a Network Monitor capture; convert it with `editcap -F pcapng`"),
        (b"RTSS", "is a Network Monitor capture; convert it with `editcap -F pcapng`"),
        (b"snoop\0\0\0", "is a snoop capture; convert it with `editcap -F pcapng`"),
        (b"TRSNIFF data", "is a Sniffer capture; convert it with `editcap -F pcapng`"),
        (b"iptrace ", "is an iptrace capture; convert it with `editcap -F pcapng`"),
        (b"BZh", "is compressed with bzip2; decompress it first"),
        (b"\xfd7zXZ\0", "is compressed with xz; decompress it first"),
        (b"\x1f\x9d", "is compressed with compress; decompress it first"),
        (b"\x02\x21\x4c\x18", "is compressed with the legacy format of lz4; decompress it first"),
        (b"PK\x03\x04", "is a zip archive; unpack it first"),
        (b"\x7fELF", "is a program, not a capture file"),
        (b"<", "is HTML or XML, not a capture file"),
        (b"{", "is JSON, not a capture file"),
        (b"[", "is JSON, not a capture file"),
    ];
    let known = KNOWN.into_iter().find(|(magic, _)| bytes.starts_with(magic));
    let text = bytes.iter().all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~'));
    Refusal::NotACapture(match known {
        Some((_, looks)) => looks,
        None if text => "is text, not a capture file",
        None => UNKNOWN,
    })
}

#[cfg(test)]
mod tests {
    use crate::source::Kind;
    use crate::source::samples::open;

    fn refused(bytes: &[u8]) -> String {
        match open(bytes.to_vec()) {
            Err(error) => {
                assert_eq!(error.kind(), Kind::Unreadable);
                error.to_string()
            }
            Ok(_) => panic!("taken for a capture"),
        }
    }

    #[test]
    fn what_is_no_capture_is_named() {
        for (bytes, words) in [
            (&b""[..], "is empty"),
            (b"\xd4", "is not a capture file"),
            (b"\xd4\xc3\xb2\xa1\x02\0\x04\0", "cut within its file header"),
            (b"\x0a\x0d\x0d\x0a\x1c\0\0\0", "cut within its file header"),
            (b"<!DOCTYPE html>", "is HTML"),
            (b"{\"a\": 1}", "is JSON"),
            (b"GET / HTTP/1.1\r\n", "is text"),
            (b"BZh91AY&SY", "bzip2"),
            (b"snoop\0\0\0\0\0\0\x02", "snoop"),
            (b"\x7fELF\x02\x01\x01\0", "is a program"),
            (b"\x01\x02\x03\x04\x05", "is not a capture file"),
            (b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1b\0\0\0\0", "byte-order magic"),
        ] {
            let line = refused(bytes);
            assert!(line.contains(words) && !line.contains('\n'), "{line}");
        }
    }
}
