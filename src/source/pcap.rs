//! The classic capture file (draft-ietf-opsawg-pcap), with the variants that libpcap reads.

use crate::frame::{LinkType, Timestamp};

use super::buffer::{Buffer, Fault, Order, without_fcs};
use super::file::Record;
use super::{Interface, Resolution};

/// The most bytes of one frame, as tcpdump and Wireshark have it (256 KiB). Only link types that carry no IP, such as
/// D-Bus and USB, are ever captured longer, so a larger length is damage and not a frame.
pub const MAX_CAPTURED: u32 = 256 << 10;

const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;
/// The record header of Kuznetsov's libpcap adds interface, protocol and packet type.
const MODIFIED_RECORD_HEADER: usize = 24;

/// A classic capture, past its file header.
pub(super) struct Pcap {
    order: Order,
    /// Nanoseconds in the unit of a record's fraction of a second.
    fraction: i64,
    record_header: usize,
    lengths: Lengths,
    fcs_len: u32,
    /// The only one.
    interface: [Interface; 1],
}

/// The order of the two lengths of a record.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lengths {
    /// Captured, then on the wire.
    Usual,
    /// The other way round: before version 2.3, and in the files of DG/UX, whose version is 543.0.
    Swapped,
    /// One or the other, as the larger one is on the wire: version 2.3.
    Either,
}

impl Lengths {
    fn of_version(version: (u16, u16)) -> Self {
        match version {
            (2, 0..3) | (543, 0) => Self::Swapped,
            (2, 3) => Self::Either,
            _ => Self::Usual,
        }
    }

    /// The captured length and that on the wire.
    #[inline]
    fn order(self, first: u32, second: u32) -> (u32, u32) {
        match self {
            Self::Usual => (first, second),
            Self::Swapped => (second, first),
            Self::Either => (first.min(second), first.max(second)),
        }
    }
}

impl Pcap {
    /// Whether a capture that begins with `magic` is of this format.
    pub(super) fn recognises(magic: [u8; 4]) -> bool {
        variant(magic).is_some()
    }

    /// Reads the file header; `magic` is its beginning.
    pub(super) fn open(magic: [u8; 4], buffer: &mut Buffer) -> Result<Self, Fault> {
        let Some((order, nanos, record_header)) = variant(magic) else {
            return Err(Fault::Unsupported("is not a pcap file".into()));
        };
        buffer.need(FILE_HEADER)?;
        let [_, version, .., snaplen, network] = order.words::<6>(buffer.available());
        let version = match order {
            Order::Little => (version as u16, (version >> 16) as u16),
            Order::Big => ((version >> 16) as u16, version as u16),
        };
        buffer.skip(FILE_HEADER)?;
        // The upper half says how long the frame check sequence is, in units of 16 bits, where bit 26 is set.
        let fcs_len = if network & 1 << 26 != 0 { (network >> 28) * 2 } else { 0 };
        let interface = Interface {
            link: LinkType(network & 0xffff),
            snaplen,
            resolution: if nanos { Resolution::NANOS } else { Resolution::MICROS },
            fcs_len,
            ..Interface::default()
        };
        let lengths = Lengths::of_version(version);
        let fraction = if nanos { 1 } else { 1000 };
        Ok(Self { order, fraction, record_header, lengths, fcs_len, interface: [interface] })
    }

    pub(super) fn interfaces(&self) -> &[Interface] {
        &self.interface
    }

    /// Reads until a whole record is there; false at the end.
    #[inline]
    pub(super) fn seek(&mut self, buffer: &mut Buffer) -> Result<bool, Fault> {
        if !buffer.begin(self.record_header)? {
            return Ok(false);
        }
        let [_, _, first, second] = self.order.words(buffer.available());
        let (captured, _) = self.lengths.order(first, second);
        if captured > MAX_CAPTURED {
            return Err(too_long(captured));
        }
        buffer.need(self.record_header + captured as usize)?;
        Ok(true)
    }

    /// The record that `bytes` begin with, and what follows it; `None` where it is not there as a whole.
    #[inline]
    pub(super) fn record<'a>(&self, bytes: &'a [u8]) -> Option<(Record<'a>, &'a [u8])> {
        let (header, rest) = bytes.split_at_checked(self.record_header)?;
        let [seconds, fraction, first, second] = self.order.words(header);
        let (captured, wire) = self.lengths.order(first, second);
        if captured > MAX_CAPTURED {
            return None;
        }
        let (bytes, rest) = rest.split_at_checked(captured as usize)?;
        let (kept, wire_len) = without_fcs(captured, wire.max(captured), self.fcs_len);
        let record = Record {
            // In 64 bits there is room for all of them.
            time: Timestamp(i64::from(seconds) * 1_000_000_000 + i64::from(fraction) * self.fraction),
            wire_len,
            link: self.interface[0].link,
            interface: 0,
            interface_id: None,
            lost: 0,
            bytes: bytes.get(..kept as usize)?,
        };
        Some((record, rest))
    }
}

/// Byte order, whether times are in nanoseconds, length of a record header.
fn variant(magic: [u8; 4]) -> Option<(Order, bool, usize)> {
    [Order::Little, Order::Big].into_iter().find_map(|order| match order.u32(magic) {
        0xa1b2_c3d4 => Some((order, false, RECORD_HEADER)),
        0xa1b2_3c4d => Some((order, true, RECORD_HEADER)),
        0xa1b2_cd34 => Some((order, false, MODIFIED_RECORD_HEADER)),
        _ => None,
    })
}

#[cold]
pub(super) fn too_long(captured: u32) -> Fault {
    Fault::Corrupt(format!("captured length {captured}, of at most {MAX_CAPTURED}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::samples::{frames, open, pcap, read};
    use crate::source::{Error, Kind};

    const BOTH: [Order; 2] = [Order::Little, Order::Big];

    #[test]
    fn both_byte_orders_and_all_magic_numbers() {
        for order in BOTH {
            for (magic, nanos) in [(0xa1b2_c3d4, 7_000), (0xa1b2_3c4d, 7), (0xa1b2_cd34, 7_000)] {
                let got = frames(pcap(order, magic, 101, &[(1, 7, b"first", 5), (0xffff_ffff, 0, b"", 9)]));
                assert_eq!(got[0].time, Timestamp::from_secs_nanos(1, nanos));
                assert_eq!((got[0].bytes.as_slice(), got[0].wire_len, got[0].link), (&b"first"[..], 5, LinkType::RAW));
                assert_eq!((got[1].time.secs(), got[1].bytes.len(), got[1].wire_len), (0xffff_ffff, 0, 9));
            }
        }
    }

    #[test]
    fn older_versions_have_the_lengths_the_other_way_round() {
        for order in BOTH {
            let file = pcap(order, 0xa1b2_c3d4, 1, &[(0, 0, b"cut", 9), (0, 0, b"next", 4)]);
            for (version, swaps) in [((2, 2), [true, true]), ((543, 0), [true, true]), ((2, 3), [true, false])] {
                for swap in swaps {
                    let mut file = file.clone();
                    file[4..6].copy_from_slice(&order.short(version.0));
                    file[6..8].copy_from_slice(&order.short(version.1));
                    if swap {
                        let (captured, wire) = file[32..40].split_at_mut(4);
                        captured.swap_with_slice(wire);
                    }
                    let got = frames(file);
                    assert_eq!((got[0].bytes.as_slice(), got[0].wire_len), (&b"cut"[..], 9), "{version:?}");
                    assert_eq!(got[1].bytes, b"next");
                }
            }
        }
    }

    #[test]
    fn check_sequences_are_cut_where_the_header_tells_of_them() {
        for order in BOTH {
            let four = pcap(order, 0xa1b2_c3d4, 0x2400_0001, &[(0, 0, b"frame+fcs4", 10), (0, 0, b"frame+f", 10)]);
            for got in frames(four.clone()) {
                assert_eq!((got.bytes.as_slice(), got.wire_len, got.link), (&b"frame+"[..], 6, LinkType::ETHERNET));
            }
            assert_eq!(open(four).unwrap().interfaces()[0].fcs_len, 4);
            // Without bit 26, the length means nothing.
            let none = frames(pcap(order, 0xa1b2_c3d4, 0x2000_0001, &[(0, 0, b"frame+fcs4", 10)]));
            assert_eq!((none[0].bytes.len(), none[0].link), (10, LinkType::ETHERNET));
        }
    }

    #[test]
    fn lengths_that_contradict_each_other() {
        let mut file = pcap(Order::Little, 0xa1b2_c3d4, 1, &[(0, 0, b"longer than said", 3), (0, 0, b"x", 1)]);
        // The limit on captured bytes: none, and one that the frame exceeds.
        for snaplen in [0_u8, 2] {
            file[16..20].copy_from_slice(&[snaplen, 0, 0, 0]);
            let got = frames(file.clone());
            assert_eq!((got[0].bytes.as_slice(), got[0].wire_len), (&b"longer than said"[..], 16));
            assert_eq!(got.len(), 2);
        }
        let at = file.len() - 17;
        for length in [MAX_CAPTURED + 1, 0x7fff_ffff, u32::MAX] {
            file[at + 8..at + 12].copy_from_slice(&length.to_le_bytes());
            let (got, error) = read(file.clone());
            assert_eq!(got.len(), 1);
            let error = error.unwrap();
            assert!(matches!(error, Error::Corrupt { after_frame: 1, offset: 56, .. }), "{error:?}");
            assert_eq!(error.kind(), Kind::CutShort);
        }
    }

    #[test]
    fn the_longest_frame() {
        let longest = vec![5; MAX_CAPTURED as usize];
        let got = frames(pcap(Order::Little, 0xa1b2_c3d4, 1, &[(0, 0, b"a", 1), (0, 0, &longest, 0), (0, 0, b"b", 1)]));
        assert_eq!(got[1].bytes, longest);
        assert_eq!(got[2].bytes, b"b");
    }

    #[test]
    fn cut_at_every_byte() {
        let records: [(u32, u32, &[u8], u32); 3] = [(0, 0, b"one", 3), (0, 0, b"", 0), (0, 0, b"three", 5)];
        let file = pcap(Order::Big, 0xa1b2_c3d4, 1, &records);
        let ends = [24, 24 + 19, 24 + 19 + 16, file.len()];
        for length in 0..=file.len() {
            let (got, error) = read(file[..length].to_vec());
            let whole = ends.iter().filter(|end| **end <= length).count();
            assert_eq!(got.len(), whole.saturating_sub(1), "{length}");
            match error {
                None => assert!(ends.contains(&length)),
                Some(Error::Truncated { after_frame, offset, .. }) => {
                    assert_eq!((after_frame, offset), (whole as u64 - 1, ends[whole - 1] as u64));
                }
                Some(Error::NotACapture { .. }) => assert!(length < 24),
                Some(other) => panic!("{other}"),
            }
        }
    }
}
