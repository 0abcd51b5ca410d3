//! Hand-made captures, and readers of whole captures, for the tests of this room.

use std::io::Cursor;

use crate::frame::{LinkType, Timestamp};

use super::buffer::Order;
use super::error::{Error, Name};
use super::file::CaptureFile;

impl Order {
    pub(super) fn bytes<const N: usize>(self, words: [u32; N]) -> Vec<u8> {
        words
            .into_iter()
            .flat_map(|word| if self == Self::Little { word.to_le_bytes() } else { word.to_be_bytes() })
            .collect()
    }

    pub(super) fn short(self, value: u16) -> [u8; 2] {
        if self == Self::Little { value.to_le_bytes() } else { value.to_be_bytes() }
    }
}

/// A classic capture; its records are seconds, fraction, bytes and length on the wire.
pub(super) fn pcap(order: Order, magic: u32, network: u32, records: &[(u32, u32, &[u8], u32)]) -> Vec<u8> {
    let mut file = order.bytes([magic]);
    file.extend([order.short(2), order.short(4)].concat());
    file.extend(order.bytes([0, 0, 65535, network]));
    for (seconds, fraction, bytes, wire) in records {
        file.extend(order.bytes([*seconds, *fraction, bytes.len() as u32, *wire]));
        if magic == 0xa1b2_cd34 {
            file.extend(order.bytes([1, 0x0800_0000]));
        }
        file.extend_from_slice(bytes);
    }
    file
}

/// A pcapng capture in the making.
pub(super) struct Ng {
    pub order: Order,
    pub file: Vec<u8>,
}

/// Code and value of an option.
pub(super) type Opt<'a> = (u16, &'a [u8]);

impl Ng {
    pub(super) fn new(order: Order) -> Self {
        let mut ng = Self { order, file: Vec::new() };
        ng.section(order);
        ng
    }

    pub(super) fn section(&mut self, order: Order) -> &mut Self {
        self.order = order;
        let mut body = order.bytes([0x1a2b_3c4d]);
        body.extend([order.short(1), order.short(0)].concat());
        body.extend([0xff; 8]);
        self.block(0x0a0d_0d0a, &body)
    }

    pub(super) fn block(&mut self, kind: u32, body: &[u8]) -> &mut Self {
        let padded = body.len().next_multiple_of(4);
        let length = padded as u32 + 12;
        self.file.extend(self.order.bytes([kind, length]));
        self.file.extend_from_slice(body);
        self.file.resize(self.file.len() + padded - body.len(), 0);
        self.file.extend(self.order.bytes([length]));
        self
    }

    fn options(&self, options: &[Opt<'_>]) -> Vec<u8> {
        let mut list = Vec::new();
        for (code, value) in options {
            list.extend([self.order.short(*code), self.order.short(value.len() as u16)].concat());
            list.extend_from_slice(value);
            list.resize(list.len().next_multiple_of(4), 0);
        }
        if !list.is_empty() {
            list.extend([0; 4]);
        }
        list
    }

    pub(super) fn interface(&mut self, link: LinkType, snaplen: u32, options: &[Opt<'_>]) -> &mut Self {
        let mut body = [self.order.short(link.0 as u16), [0; 2]].concat();
        body.extend(self.order.bytes([snaplen]));
        body.extend(self.options(options));
        self.block(1, &body)
    }

    pub(super) fn packet(&mut self, interface: u32, units: u64, bytes: &[u8], wire: u32) -> &mut Self {
        self.packet_with(interface, units, bytes, wire, &[])
    }

    pub(super) fn packet_with(
        &mut self,
        interface: u32,
        units: u64,
        bytes: &[u8],
        wire: u32,
        options: &[Opt<'_>],
    ) -> &mut Self {
        let (high, low) = ((units >> 32) as u32, units as u32);
        let mut body = self.order.bytes([interface, high, low, bytes.len() as u32, wire]);
        body.extend_from_slice(bytes);
        body.resize(body.len().next_multiple_of(4), 0);
        body.extend(self.options(options));
        self.block(6, &body)
    }

    pub(super) fn old_packet(&mut self, interface: u16, units: u64, bytes: &[u8], wire: u32) -> &mut Self {
        let mut body = [self.order.short(interface), self.order.short(7)].concat();
        body.extend(self.order.bytes([(units >> 32) as u32, units as u32, bytes.len() as u32, wire]));
        body.extend_from_slice(bytes);
        self.block(2, &body)
    }

    pub(super) fn simple_packet(&mut self, bytes: &[u8], wire: u32) -> &mut Self {
        let mut body = self.order.bytes([wire]);
        body.extend_from_slice(bytes);
        self.block(3, &body)
    }

    pub(super) fn statistics(&mut self, interface: u32, options: &[Opt<'_>]) -> &mut Self {
        let mut body = self.order.bytes([interface, 0, 0]);
        body.extend(self.options(options));
        self.block(5, &body)
    }

    pub(super) fn finish(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.file)
    }
}

/// What was read of a frame.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Got {
    pub time: Timestamp,
    pub wire_len: u32,
    pub link: LinkType,
    pub interface: u16,
    pub interface_id: Option<u16>,
    pub bytes: Vec<u8>,
}

pub(super) fn open(file: Vec<u8>) -> Result<CaptureFile, Error> {
    CaptureFile::new(Cursor::new(file), Name::Stdin)
}

/// All frames of an opened capture, and the error that ended it.
pub(super) fn rest(capture: &mut CaptureFile) -> (Vec<Got>, Option<Error>) {
    let mut got = Vec::new();
    loop {
        match capture.next_described() {
            Ok(Some((frame, _))) => {
                let meta = frame.meta;
                assert_eq!(meta.number, got.len() as u64 + 1);
                assert!(meta.wire_len as usize >= frame.bytes.len());
                got.push(Got {
                    time: meta.time,
                    wire_len: meta.wire_len,
                    link: meta.link,
                    interface: meta.interface,
                    interface_id: meta.interface_id,
                    bytes: frame.bytes.to_vec(),
                });
            }
            Ok(None) => return (got, None),
            Err(error) => {
                assert!(capture.next_described().unwrap().is_none());
                return (got, Some(error));
            }
        }
    }
}

/// All frames of a file, and the error that ended it, or kept it from being opened.
pub(super) fn read(file: Vec<u8>) -> (Vec<Got>, Option<Error>) {
    match open(file) {
        Ok(mut capture) => rest(&mut capture),
        Err(error) => (Vec::new(), Some(error)),
    }
}

/// All frames of a file that has no fault.
pub(super) fn frames(file: Vec<u8>) -> Vec<Got> {
    match read(file) {
        (frames, None) => frames,
        (frames, Some(error)) => panic!("after {} frames: {error}", frames.len()),
    }
}
