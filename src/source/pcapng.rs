//! The pcapng capture file (draft-ietf-opsawg-pcapng): sections, interfaces, packet blocks, drop counts.

use crate::frame::{LinkType, Timestamp};

use super::buffer::{Buffer, Fault, Order, without_fcs};
use super::file::Record;
use super::pcap::{MAX_CAPTURED, too_long};
use super::{Counts, Interface, Resolution};

/// The longest block that is believed, as libpcap has it.
const MAX_BLOCK: u32 = 16 << 20;
/// The most interfaces of a file, over all sections: more than merging rotated files brings about, and some 15 MiB.
const MAX_INTERFACES: usize = 1 << 16;
/// What is kept of an interface's name, in bytes: room for the long ones of Windows.
const MAX_NAME: usize = 64;

/// Type and length at the beginning, length again at the end.
const BLOCK_FRAME: u32 = 12;
/// What comes before the bytes of a packet, in the block that has a time.
const PACKET_HEADER: u32 = 28;
/// The shortest such block: with the length at its end.
const PACKET_FRAME: u32 = PACKET_HEADER + 4;
const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const INTERFACE_STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;
const JOURNAL_ENTRY: u32 = 9;
/// To be copied to other files, and not.
const CUSTOM: [u32; 2] = [0x0000_0bad, 0x4000_0bad];
/// An event without and with a count of parameters, and with long ones.
const SYSDIG_EVENT: u32 = 0x204;
const SYSDIG_EVENT_V2: u32 = 0x216;
const SYSDIG_EVENT_V2_LARGE: u32 = 0x221;

/// A pcapng capture; its next block is a section header, or of the section begun last.
pub(super) struct Pcapng {
    order: Order,
    /// Of all sections; those of this section are from `section` on.
    interfaces: Vec<Interface>,
    section: usize,
    /// Nothing is taken of a block that is not there as a whole.
    whole: bool,
}

impl Pcapng {
    /// Whether a capture that begins with `magic` is of this format.
    pub(super) fn recognises(magic: [u8; 4]) -> bool {
        u32::from_be_bytes(magic) == SECTION_HEADER
    }

    /// Reads the first section header.
    pub(super) fn open(buffer: &mut Buffer) -> Result<Self, Fault> {
        let mut pcapng = Self { order: Order::Little, interfaces: Vec::new(), section: 0, whole: false };
        pcapng.begin_section(buffer)?;
        Ok(pcapng)
    }

    /// From now on, takes nothing of a block that is not there as a whole, so that reading can be tried again.
    pub(super) fn take_whole_blocks(&mut self) {
        self.whole = true;
    }

    pub(super) fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    /// Reads until a whole block is there that gives a record, past those before it; false at the end.
    #[inline]
    pub(super) fn seek(&mut self, buffer: &mut Buffer) -> Result<bool, Fault> {
        while buffer.begin(BLOCK_FRAME as usize)? {
            let [kind, length] = self.order.words(buffer.available());
            if kind == SECTION_HEADER {
                self.begin_section(buffer)?;
                continue;
            }
            check_length(length, BLOCK_FRAME)?;
            if is_record(kind) {
                buffer.need(length as usize)?;
                return Ok(true);
            }
            if self.whole {
                buffer.need(length as usize)?;
            }
            self.other_block(kind, length, buffer)?;
        }
        Ok(false)
    }

    /// The record of the block that `bytes` begin with, and what follows the block; `None` where that gives none, or is
    /// not there as a whole.
    #[inline]
    pub(super) fn record<'a>(&self, bytes: &'a [u8]) -> Result<Option<(Record<'a>, &'a [u8])>, Fault> {
        let [kind, length] = self.order.words(bytes);
        let Some((block, rest)) = bytes.split_at_checked(length as usize).filter(|_| is_record(kind)) else {
            return Ok(None);
        };
        check_length(length, BLOCK_FRAME)?;
        self.check_end(block)?;
        let record = match kind {
            ENHANCED_PACKET => self.enhanced_packet(block)?,
            PACKET => self.packet(block)?,
            SIMPLE_PACKET => self.simple_packet(block)?,
            JOURNAL_ENTRY => journal_entry(block),
            SYSDIG_EVENT => self.system_call(block, 24)?,
            SYSDIG_EVENT_V2 | SYSDIG_EVENT_V2_LARGE => self.system_call(block, 28)?,
            _ => custom(block)?,
        };
        Ok(Some((record, rest)))
    }

    /// Reads a section header block, whose own magic tells the byte order of the section.
    fn begin_section(&mut self, buffer: &mut Buffer) -> Result<(), Fault> {
        buffer.need(16)?;
        let order = match buffer.available() {
            [_, _, _, _, _, _, _, _, 0x4d, 0x3c, 0x2b, 0x1a, ..] => Order::Little,
            [_, _, _, _, _, _, _, _, 0x1a, 0x2b, 0x3c, 0x4d, ..] => Order::Big,
            _ => return Err(Fault::Corrupt("section header without a byte-order magic".into())),
        };
        let [_, length, _, version] = order.words(buffer.available());
        check_length(length, BLOCK_FRAME + 16)?;
        let major = if order == Order::Little { version & 0xffff } else { version >> 16 };
        if major != 1 {
            return Err(Fault::Unsupported(format!("has a pcapng section of version {major}, only 1 is read")));
        }
        if self.whole {
            buffer.need(length as usize)?;
        }
        self.order = order;
        self.section = self.interfaces.len();
        self.skip_block(length, buffer)
    }

    /// Reads a block that gives no record.
    fn other_block(&mut self, kind: u32, length: u32, buffer: &mut Buffer) -> Result<(), Fault> {
        if !matches!(kind, INTERFACE_DESCRIPTION | INTERFACE_STATISTICS) {
            return self.skip_block(length, buffer);
        }
        buffer.need(length as usize)?;
        let block = buffer.available().get(..length as usize).unwrap_or_default();
        self.check_end(block)?;
        match kind {
            INTERFACE_DESCRIPTION => self.describe_interface(block)?,
            _ => self.count(block)?,
        }
        buffer.skip(length as usize)
    }

    /// Reads past a block of which nothing is wanted, comparing its two lengths.
    fn skip_block(&self, length: u32, buffer: &mut Buffer) -> Result<(), Fault> {
        buffer.skip(length as usize - 4)?;
        buffer.need(4)?;
        let [end] = self.order.words(buffer.available());
        if end == length { buffer.skip(4) } else { Err(differing(length as usize)) }
    }

    #[inline]
    fn enhanced_packet<'a>(&self, block: &'a [u8]) -> Result<Record<'a>, Fault> {
        let [_, _, interface] = self.order.words(block);
        self.timed_packet(block, interface)
    }

    /// The packet block that the enhanced one replaced: its interface has 16 bits, beside it is how many frames were lost
    /// before it, all bits set where that is not known; the rest is the same.
    fn packet<'a>(&self, block: &'a [u8]) -> Result<Record<'a>, Fault> {
        let [_, _, both] = self.order.words(block);
        let (high, low) = (both >> 16, both & 0xffff);
        let (interface, lost) = if self.order == Order::Little { (low, high) } else { (high, low) };
        let lost = if lost == 0xffff { 0 } else { lost.into() };
        Ok(Record { lost, ..self.timed_packet(block, interface)? })
    }

    #[inline]
    fn timed_packet<'a>(&self, block: &'a [u8], interface: u32) -> Result<Record<'a>, Fault> {
        let length = at_least(block, PACKET_FRAME)?;
        let [_, _, _, high, low, captured, wire] = self.order.words(block);
        let (number, described) = self.interface(interface)?;
        if captured > MAX_CAPTURED {
            return Err(too_long(captured));
        }
        let options = PACKET_HEADER + captured.next_multiple_of(4);
        if options + 4 > length {
            return Err(Fault::Corrupt(format!("captured length {captured} in a block of {length} bytes")));
        }
        let (fcs_len, lost) = match length - 4 - options {
            0 => (described.fcs_len, 0),
            _ => self.options_of_packet(&block[options as usize..length as usize - 4], described.fcs_len),
        };
        let (kept, wire_len) = without_fcs(captured, wire.max(captured), fcs_len);
        let units = u64::from(high) << 32 | u64::from(low);
        let time = Timestamp(described.resolution.nanos(units)).plus(described.offset);
        let bytes = &block[PACKET_HEADER as usize..(PACKET_HEADER + kept) as usize];
        let link = described.link;
        Ok(Record { time, wire_len, link, interface: number, interface_id: Some(interface as u16), lost, bytes })
    }

    /// What a packet's options tell: the length of its check sequence, in bytes, where its flags know that, and how many
    /// frames were lost before it.
    fn options_of_packet(&self, options: &[u8], mut fcs_len: u32) -> (u32, u64) {
        let mut lost = 0;
        for (code, value) in self.options(options) {
            match (code, value.len()) {
                (2, 4) => {
                    let [flags] = self.order.words(value);
                    let length = flags >> 5 & 0xf;
                    fcs_len = if length > 0 { length } else { fcs_len };
                }
                (4, 8) => lost = value.try_into().map_or(0, |count| self.order.u64(count)),
                _ => {}
            }
        }
        (fcs_len, lost)
    }

    /// A packet of the first interface, with no time and no captured length.
    fn simple_packet<'a>(&self, block: &'a [u8]) -> Result<Record<'a>, Fault> {
        let length = at_least(block, BLOCK_FRAME + 4)?;
        let (number, described) = self.interface(0)?;
        let [_, _, wire] = self.order.words(block);
        let limit = if described.snaplen == 0 { u32::MAX } else { described.snaplen };
        let captured = wire.min(limit).min(length - BLOCK_FRAME - 4);
        if captured > MAX_CAPTURED {
            return Err(too_long(captured));
        }
        let (kept, wire_len) = without_fcs(captured, wire, described.fcs_len);
        let bytes = &block[12..12 + kept as usize];
        let (time, link) = (Timestamp(0), described.link);
        Ok(Record { time, wire_len, link, interface: number, interface_id: Some(0), lost: 0, bytes })
    }

    /// An event of Sysdig or Falco: processor, time, thread, length, type, and in `header_len` a count of parameters.
    fn system_call<'a>(&self, block: &'a [u8], header_len: usize) -> Result<Record<'a>, Fault> {
        let length = at_least(block, BLOCK_FRAME + header_len as u32)?;
        let time = block.get(10..18).and_then(|time| time.try_into().ok()).map_or(0, |time| self.order.u64(time));
        let wire_len = block.get(26..30).and_then(|len| len.try_into().ok()).map_or(0, |len| self.order.u32(len));
        let time = Timestamp(i64::try_from(time).unwrap_or(i64::MAX));
        Ok(record(LinkType::SYSTEM_CALL, time, wire_len, &block[8 + header_len..length as usize - 4]))
    }

    fn describe_interface(&mut self, block: &[u8]) -> Result<(), Fault> {
        let length = at_least(block, BLOCK_FRAME + 8)?;
        if self.interfaces.len() == MAX_INTERFACES {
            return Err(Fault::Unsupported(format!("describes more than {MAX_INTERFACES} interfaces")));
        }
        let [_, _, link, snaplen] = self.order.words(block);
        let link = if self.order == Order::Little { link & 0xffff } else { link >> 16 };
        let mut interface = Interface { link: LinkType(link), snaplen, ..Interface::default() };
        for (code, value) in self.options(&block[16..length as usize - 4]) {
            match (code, value) {
                (2, name) => {
                    let name = name.get(..MAX_NAME).unwrap_or(name).trim_ascii_end();
                    interface.name = Some(String::from_utf8_lossy(name).into_owned());
                }
                (9, &[resolution]) => interface.resolution = Resolution(resolution),
                // The draft says bits, and writers say 4 for four bytes.
                (13, &[fcs_len]) => interface.fcs_len = if fcs_len < 8 { fcs_len.into() } else { (fcs_len / 8).into() },
                (14, value) => {
                    let seconds = value.try_into().map_or(0, |bytes| self.order.u64(bytes) as i64);
                    interface.offset = Timestamp::from_secs_nanos(seconds, 0).0;
                }
                _ => {}
            }
        }
        self.interfaces.push(interface);
        Ok(())
    }

    /// Keeps the counts of an interface statistics block; a later one of the same interface replaces them.
    fn count(&mut self, block: &[u8]) -> Result<(), Fault> {
        let length = at_least(block, BLOCK_FRAME + 12)?;
        let [_, _, id] = self.order.words(block);
        let mut counts = Counts::default();
        for (code, value) in self.options(&block[20..length as usize - 4]) {
            let count = value.try_into().ok().map(|bytes| self.order.u64(bytes));
            match code {
                4 => counts.received = count,
                5 => counts.dropped_by_interface = count,
                6 => counts.accepted = count,
                7 => counts.dropped_by_system = count,
                8 => counts.delivered = count,
                _ => {}
            }
        }
        // Counts of an interface that was not described are of no frame.
        if let Some(interface) = self.interfaces.get_mut(self.section.saturating_add(id as usize)) {
            interface.counts = counts;
        }
        Ok(())
    }

    /// An interface of this section, with its number in the file.
    #[inline]
    fn interface(&self, id: u32) -> Result<(u16, &Interface), Fault> {
        let number = self.section.saturating_add(id as usize);
        match self.interfaces.get(number) {
            // There are no more than 16 bits can number.
            Some(interface) => Ok((number as u16, interface)),
            None => Err(Fault::Corrupt(format!("interface {id} was not described before"))),
        }
    }

    /// Codes and values of a list of options, up to its end or to an option that does not fit.
    fn options<'a>(&self, mut list: &'a [u8]) -> impl Iterator<Item = (u16, &'a [u8])> {
        let order = self.order;
        std::iter::from_fn(move || {
            let (&[a, b, c, d], rest) = list.split_first_chunk()?;
            let (code, length) = (order.u16([a, b]), order.u16([c, d]) as usize);
            let value = rest.get(..length)?;
            list = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
            (code != 0).then_some((code, value))
        })
    }

    /// Compares the length at the end of a block with its own, which is the one at its beginning.
    #[inline]
    fn check_end(&self, block: &[u8]) -> Result<(), Fault> {
        match block.last_chunk() {
            Some(&end) if self.order.u32(end) as usize == block.len() => Ok(()),
            _ => Err(differing(block.len())),
        }
    }
}

/// Whether blocks of this type give a record.
fn is_record(kind: u32) -> bool {
    matches!(kind, PACKET | SIMPLE_PACKET | ENHANCED_PACKET | JOURNAL_ENTRY)
        || matches!(kind, SYSDIG_EVENT | SYSDIG_EVENT_V2 | SYSDIG_EVENT_V2_LARGE)
        || CUSTOM.contains(&kind)
}

/// What an organization of its own Private Enterprise Number has to tell, of which we know nothing more.
fn custom(block: &[u8]) -> Result<Record<'_>, Fault> {
    let length = at_least(block, BLOCK_FRAME + 4)?;
    Ok(record(LinkType::CUSTOM_BLOCK, Timestamp(0), 0, &block[12..length as usize - 4]))
}

/// An entry of a systemd journal in its export format, with the time that it says.
fn journal_entry(block: &[u8]) -> Record<'_> {
    const TIME: &[u8] = b"__REALTIME_TIMESTAMP=";
    let entry = block.get(8..block.len() - 4).unwrap_or_default();
    let digits = entry.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(TIME)).unwrap_or_default();
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    let micros = digits.fold(0, |sum: i64, digit| sum.saturating_mul(10).saturating_add((digit - b'0').into()));
    let padding = entry.iter().rev().take_while(|byte| **byte == 0).count();
    let time = Timestamp(micros.saturating_mul(1000));
    record(LinkType::JOURNAL_ENTRY, time, 0, &entry[..entry.len() - padding])
}

/// What no interface captured.
fn record(link: LinkType, time: Timestamp, wire_len: u32, bytes: &[u8]) -> Record<'_> {
    let wire_len = wire_len.max(bytes.len() as u32);
    Record { time, wire_len, link, interface: 0, interface_id: None, lost: 0, bytes }
}

/// The length of a block, if a block of its type can have it; of all types, it can.
#[inline]
fn at_least(block: &[u8], least: u32) -> Result<u32, Fault> {
    let length = block.len() as u32;
    if length >= least { Ok(length) } else { Err(bad_length(length)) }
}

#[inline]
fn check_length(length: u32, least: u32) -> Result<(), Fault> {
    if length >= least && length <= MAX_BLOCK && length.is_multiple_of(4) { Ok(()) } else { Err(bad_length(length)) }
}

#[cold]
fn bad_length(length: u32) -> Fault {
    Fault::Corrupt(format!("block length {length}, which no block of this type can have"))
}

#[cold]
fn differing(length: usize) -> Fault {
    Fault::Corrupt(format!("the block of {length} bytes has another length at its end"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::samples::{Ng, frames, open, read, rest};
    use crate::source::{Error, Kind};

    const BOTH: [Order; 2] = [Order::Little, Order::Big];

    #[test]
    fn interfaces_have_their_own_link_type_and_clock() {
        for order in BOTH {
            let offset = if order == Order::Little { (-10_i64).to_le_bytes() } else { (-10_i64).to_be_bytes() };
            let mut ng = Ng::new(order);
            ng.interface(LinkType::ETHERNET, 96, &[(2, b"eth0"), (3, b"described")])
                .interface(LinkType::RAW, 0, &[(9, &[9])])
                .interface(LinkType::NULL, 0, &[(9, &[0x80 | 10]), (14, &offset)])
                .packet(1, 5_000_000_001, b"raw", 3)
                .packet(0, 5_000_001, b"ethernet", 1500)
                .interface(LinkType::LINUX_SLL2, 0, &[(9, &[3])])
                .packet(3, 5_001, b"late", 4)
                .packet(2, 12 << 10, b"null!", 5);
            let mut capture = open(ng.finish()).unwrap();
            let (got, error) = rest(&mut capture);
            assert!(error.is_none());
            let told: Vec<_> =
                got.iter().map(|g| (g.interface, g.link.0, g.time.0, g.bytes.len(), g.wire_len)).collect();
            assert_eq!(
                told,
                [
                    (1, 101, 5_000_000_001, 3, 3),
                    (0, 1, 5_000_001_000, 8, 1500),
                    (3, 276, 5_001_000_000, 4, 4),
                    (2, 0, 2_000_000_000, 5, 5)
                ]
            );
            let interfaces = capture.interfaces();
            assert_eq!((interfaces[0].name.as_deref(), interfaces[0].snaplen), (Some("eth0"), 96));
            assert_eq!((interfaces[1].name.as_deref(), interfaces[1].resolution), (None, Resolution::NANOS));
        }
    }

    #[test]
    fn sections_have_their_own_byte_order_and_interfaces() {
        let mut ng = Ng::new(Order::Big);
        ng.interface(LinkType::RAW, 0, &[]).packet(0, 1, b"a", 1).section(Order::Little);
        ng.interface(LinkType::ETHERNET, 0, &[]).interface(LinkType::NULL, 0, &[]).packet(1, 1, b"b", 1);
        ng.section(Order::Big).packet(0, 1, b"c", 1);
        let (got, error) = read(ng.finish());
        let told: Vec<_> = got.iter().map(|g| (g.interface, g.interface_id, g.link.0)).collect();
        assert_eq!(told, [(0, Some(0), 101), (2, Some(1), 0)]);
        let error = error.unwrap();
        assert!(
            matches!(&error, Error::Corrupt { after_frame: 2, what, .. } if what.contains("interface 0")),
            "{error}"
        );
        assert_eq!(error.kind(), Kind::CutShort);
    }

    #[test]
    fn frames_that_were_lost_are_told_before_the_one_after_them() {
        for order in BOTH {
            let lost = |count: u64| if order == Order::Little { count.to_le_bytes() } else { count.to_be_bytes() };
            let mut ng = Ng::new(order);
            ng.interface(LinkType::ETHERNET, 0, &[]).packet(0, 1, b"a", 1).packet(0, 2, b"b", 1);
            ng.packet_with(0, 5, b"c", 1, &[(2, &[0; 4]), (4, &lost(3))]).packet(0, 6, b"d", 1);
            ng.packet_with(0, 7, b"e", 1, &[(4, &lost(0))]).old_packet(0, 8, b"f", 1).packet(0, 9, b"g", 1);
            let mut capture = open(ng.finish()).unwrap();
            let mut told = Vec::new();
            loop {
                let taken = capture.next_batch().unwrap();
                let Some(first) = taken.frames.first() else { break };
                let drops = taken.drops.iter().map(|drops| (drops.since.0, drops.until.0, drops.lost.file));
                told.push((first.meta.number, taken.frames.len(), drops.collect::<Vec<_>>()));
            }
            let expected = [(1, 2, vec![]), (3, 3, vec![(2000, 5000, 3)]), (6, 2, vec![(7000, 8000, 7)])];
            assert_eq!(told, expected);
        }
    }

    #[test]
    fn losses_are_between_frames_of_their_interface() {
        let mut ng = Ng::new(Order::Little);
        ng.interface(LinkType::ETHERNET, 0, &[]).interface(LinkType::ETHERNET, 0, &[]);
        ng.packet(0, 1, b"a", 1).packet(1, 2, b"b", 1).block(9, b"__REALTIME_TIMESTAMP=3\n");
        let lost = 4_u64.to_le_bytes();
        ng.packet_with(0, 5, b"c", 1, &[(4, &lost)]).packet_with(1, 6, b"d", 1, &[(4, &lost)]);
        ng.section(Order::Little).interface(LinkType::RAW, 0, &[]).packet_with(0, 7, b"e", 1, &[(4, &lost)]);
        let (mut capture, mut told) = (open(ng.finish()).unwrap(), Vec::new());
        loop {
            let taken = capture.next_batch().unwrap();
            if taken.frames.is_empty() {
                break;
            }
            told.extend(taken.drops.iter().map(|drops| (drops.after, drops.since.0, drops.until.0)));
        }
        assert_eq!(told, [(Some(1), 1000, 5000), (Some(2), 2000, 6000), (Some(0), 7000, 7000)]);
    }

    #[test]
    fn the_other_packet_blocks() {
        for order in BOTH {
            let mut ng = Ng::new(order);
            ng.interface(LinkType::ETHERNET, 6, &[]).interface(LinkType::RAW, 0, &[]);
            ng.simple_packet(b"simple", 40).simple_packet(b"abc", 3).old_packet(1, 1 << 32, b"older", 6);
            let got = frames(ng.finish());
            assert_eq!((got[0].bytes.as_slice(), got[0].wire_len, got[0].time.0), (&b"simple"[..], 40, 0));
            assert_eq!((got[1].bytes.as_slice(), got[1].link), (&b"abc"[..], LinkType::ETHERNET));
            assert_eq!((got[2].bytes.as_slice(), got[2].wire_len, got[2].interface), (&b"older"[..], 6, 1));
            assert_eq!(got[2].time.0, (1 << 32) * 1000);
        }
    }

    #[test]
    fn blocks_that_are_no_packets_are_records_too() {
        for order in BOTH {
            let [time_low, time_high, zero] = if order == Order::Little { [5, 1, 0] } else { [1, 5, 0] };
            let call = |parameters: &[u32]| {
                let words = order.bytes([time_low, time_high, zero, 7, 40]);
                // Processor, time, thread, length, type.
                let mut body = [&[3, 0][..], &words, &[0, 9]].concat();
                parameters.iter().for_each(|count| body.extend(order.bytes([*count])));
                body.extend(b"call");
                body
            };
            let mut ng = Ng::new(order);
            ng.block(0x0bad, &[&order.bytes([32_473])[..], b"own!"].concat()).interface(LinkType::ETHERNET, 0, &[]);
            ng.packet(0, 1, b"a", 1).block(0x4000_0bad, &order.bytes([5]));
            ng.block(9, b"MESSAGE=__REALTIME_TIMESTAMP=1\n__REALTIME_TIMESTAMP=1341000000123456\nA=b\n");
            ng.block(9, b"A=b\n__REALTIME_TIMESTAMP=99999999999999999999\n").block(9, b"");
            ng.block(0x204, &call(&[])).block(0x216, &call(&[1])).block(0x221, &call(&[2]));
            let got = frames(ng.finish());
            let told: Vec<_> = got.iter().map(|got| (got.link, got.time.0, got.bytes.len(), got.wire_len)).collect();
            let at = 1 << 32 | 5;
            assert_eq!(
                told,
                [
                    (LinkType::CUSTOM_BLOCK, 0, 4, 4),
                    (LinkType::ETHERNET, 1000, 1, 1),
                    (LinkType::CUSTOM_BLOCK, 0, 0, 0),
                    (LinkType::JOURNAL_ENTRY, 1_341_000_000_123_456_000, 73, 73),
                    (LinkType::JOURNAL_ENTRY, i64::MAX, 46, 46),
                    (LinkType::JOURNAL_ENTRY, 0, 0, 0),
                    (LinkType::SYSTEM_CALL, at, 4, 40),
                    (LinkType::SYSTEM_CALL, at, 4, 40),
                    (LinkType::SYSTEM_CALL, at, 4, 40),
                ]
            );
            assert_eq!((got[0].bytes.as_slice(), got[6].bytes.as_slice()), (&b"own!"[..], &b"call"[..]));
            assert!(got.iter().all(|got| got.interface_id.is_some() == got.link.is_packet()));
        }
    }

    #[test]
    fn blocks_without_packets_are_read_past_and_drops_are_kept() {
        let mut ng = Ng::new(Order::Little);
        ng.block(0x8000_1234, &[1; 700_000]).interface(LinkType::ETHERNET, 0, &[]).block(10, b"secrets");
        ng.packet(0, 1, b"a", 1)
            .statistics(0, &[(5, &3_u64.to_le_bytes()), (7, &4_u64.to_le_bytes())])
            .statistics(7, &[]);
        let mut capture = open(ng.finish()).unwrap();
        let (got, error) = rest(&mut capture);
        assert!(error.is_none() && got.len() == 1);
        let counts = capture.interfaces()[0].counts;
        assert_eq!((counts.dropped_by_interface, counts.dropped_by_system, counts.received), (Some(3), Some(4), None));
    }

    #[test]
    fn check_sequences_are_cut_by_interface_and_by_packet() {
        for order in BOTH {
            let flags = order.bytes([2 << 5 | 1]);
            let mut ng = Ng::new(order);
            ng.interface(LinkType::ETHERNET, 0, &[(13, &[4])]).interface(LinkType::ETHERNET, 0, &[(13, &[32])]);
            ng.packet(0, 1, b"frame4444", 9).packet(1, 1, b"frame4444", 9);
            ng.packet_with(0, 1, b"frame22", 7, &[(1, b"comment"), (2, &flags)]);
            assert!(frames(ng.finish()).iter().all(|got| got.bytes == b"frame" && got.wire_len == 5));
        }
    }

    #[test]
    fn hostile_lengths() {
        let mut ng = Ng::new(Order::Little);
        ng.interface(LinkType::ETHERNET, 0, &[]).packet(0, 1, b"whole", 5);
        let before = ng.finish();
        for (kind, body) in [
            (6, Order::Little.bytes([0, 0, 0, 9, 9, 0])),
            (6, Order::Little.bytes([0, 0, 0, u32::MAX, u32::MAX, 0])),
            (6, Order::Little.bytes([0, 0, 0, 0x7fff_ffff, 0, 0])),
            (6, Order::Little.bytes([0, 0, 0])),
            (6, Order::Little.bytes([1, 0, 0, 0, 0])),
            (6, Order::Little.bytes([u32::MAX, 0, 0, 0, 0])),
            (2, Order::Little.bytes([0])),
            (3, vec![]),
            (0x0bad, vec![]),
            (0x204, vec![0; 20]),
            (0x221, vec![0; 24]),
            (1, vec![0; 4]),
            (5, vec![0; 8]),
            (0x0a0d_0d0a, vec![0; 16]),
        ] {
            let mut ng = Ng { order: Order::Little, file: before.clone() };
            ng.block(kind, &body);
            let (got, error) = read(ng.finish());
            assert_eq!(got.len(), 1);
            assert!(
                matches!(error, Some(Error::Corrupt { offset, .. }) if offset == before.len() as u64),
                "{kind} {body:?}"
            );
        }
        for length in [0_u32, 8, 13, MAX_BLOCK + 4, u32::MAX - 3] {
            for kind in [1, 6, 99, SECTION_HEADER] {
                let mut file = before.clone();
                file.extend(Order::Little.bytes([kind, length, 0x1a2b_3c4d, 1, 0, 0, 0]));
                let (got, error) = read(file);
                assert!(got.len() == 1 && matches!(error, Some(Error::Corrupt { .. })), "{kind} {length} {error:?}");
            }
        }
        let mut file = before.clone();
        let end = file.len() - 1;
        file[end] = 1;
        assert!(matches!(read(file), (got, Some(Error::Corrupt { .. })) if got.is_empty()));
    }

    #[test]
    fn damage_anywhere_never_panics() {
        let mut ng = Ng::new(Order::Little);
        ng.interface(LinkType::ETHERNET, 6, &[(2, b"eth0"), (9, &[9]), (14, &[1; 8])]).packet(0, 1, b"one", 3);
        ng.simple_packet(b"simple", 9).old_packet(0, 1, b"old", 3).statistics(0, &[(5, &[1; 8])]);
        let file = ng.finish();
        for at in 0..file.len() {
            for value in [0, 1, 0x7f, 0xff, file[at] ^ 4] {
                let mut damaged = file.clone();
                damaged[at] = value;
                assert!(read(damaged).0.len() <= 3);
            }
        }
    }

    #[test]
    fn options_that_do_not_fit_are_not_believed() {
        let mut ng = Ng::new(Order::Little);
        let mut body = Order::Little.bytes([1, 0]);
        body.extend([2, 0, 0xff, 0xff, b'x', 0, 0, 0]);
        ng.block(1, &body).packet(0, 1, b"a", 1);
        let mut capture = open(ng.finish()).unwrap();
        assert_eq!(rest(&mut capture).0.len(), 1);
        assert_eq!(capture.interfaces()[0].name, None);
    }

    #[test]
    fn cut_at_every_byte() {
        let mut ng = Ng::new(Order::Little);
        ng.interface(LinkType::ETHERNET, 0, &[(2, b"eth0")]).packet(0, 1, b"one", 3);
        let mut ends = vec![ng.file.len()];
        ng.block(99, b"unknown").simple_packet(b"two", 3);
        ends.push(ng.file.len());
        ng.section(Order::Big).interface(LinkType::RAW, 0, &[]).old_packet(0, 1, b"three", 5);
        ends.push(ng.file.len());
        let file = ng.finish();
        for length in 0..=file.len() {
            let (got, error) = read(file[..length].to_vec());
            assert_eq!(got.len(), ends.iter().filter(|end| **end <= length).count(), "{length}");
            match error {
                None | Some(Error::Truncated { .. }) => assert!(length >= 28),
                Some(Error::NotACapture { .. }) => assert!(length < 28),
                Some(other) => panic!("{other}"),
            }
        }
    }

    #[test]
    fn another_version_is_not_guessed_at() {
        let mut file = Ng::new(Order::Little).finish();
        file[12] = 2;
        assert!(matches!(open(file), Err(Error::Unsupported { .. })));
    }

    #[test]
    fn interfaces_are_bounded() {
        let mut ng = Ng::new(Order::Little);
        for _ in 0..=MAX_INTERFACES {
            ng.interface(LinkType::ETHERNET, 0, &[]);
        }
        assert!(matches!(read(ng.finish()), (_, Some(Error::Unsupported { .. }))));
    }
}
