//! BPF filters: libpcap's expressions, applied to frames that were read.

use crate::frame::{Frame, LinkType};

use super::error::Error;

/// A filter expression (pcap-filter(7)), compiled for each link type that it meets.
pub struct Filter {
    expression: String,
    programs: Vec<(LinkType, program::Program)>,
}

impl Filter {
    /// Takes an expression, and none for one that is blank. What is wrong in it shows when it meets a link type, by
    /// [`Self::prepare`] or by the first frame.
    pub fn new(expression: &str) -> Result<Option<Self>, Error> {
        if expression.trim().is_empty() {
            return Ok(None);
        }
        if !program::AVAILABLE {
            return Err(Error::NoLive { what: "BPF filters" });
        }
        Ok(Some(Self { expression: expression.to_owned(), programs: Vec::new() }))
    }

    /// As it was given.
    pub fn expression(&self) -> &str {
        &self.expression
    }

    /// Compiles for a link type, unless that was done. Host names are looked up here.
    pub fn prepare(&mut self, link: LinkType) -> Result<(), Error> {
        if self.programs.iter().all(|(known, _)| *known != link) {
            let compiled = program::Program::compile(&self.expression, dlt(link));
            match compiled {
                Ok(program) => self.programs.push((link, program)),
                Err(reason) => return Err(Error::Filter { expression: self.expression.clone(), link, reason }),
            }
        }
        Ok(())
    }

    /// Compiles for the link types that may yet be met, where they are told late: names of hosts and services can be
    /// looked up only as long as that is within reach.
    pub fn prepare_likely(&mut self) {
        const LIKELY: [LinkType; 8] = [
            LinkType::ETHERNET,
            LinkType::LINUX_SLL,
            LinkType::LINUX_SLL2,
            LinkType::RAW,
            LinkType::IPV4,
            LinkType::IPV6,
            LinkType::NULL,
            LinkType::LOOP,
        ];
        // What is wrong with an expression is told when it is met; a name that nobody knows is asked for once.
        let _ = LIKELY.into_iter().try_for_each(|link| self.prepare(link));
    }

    /// Whether the filter holds for a frame, by its length on the wire and what was captured of it; it holds for packets
    /// alone.
    pub fn matches(&mut self, frame: &Frame<'_>) -> Result<bool, Error> {
        if !frame.meta.link.is_packet() {
            return Ok(false);
        }
        self.prepare(frame.meta.link)?;
        let program = self.programs.iter().find(|(link, _)| *link == frame.meta.link);
        Ok(program.is_some_and(|(_, program)| program.matches(frame.bytes, frame.meta.wire_len)))
    }
}

/// The DLT number that libpcap has in memory for what files call `link`; most are the same.
fn dlt(link: LinkType) -> i32 {
    // Raw IP has another number on OpenBSD, those of BSD/OS on NetBSD and FreeBSD.
    const RAW: i32 = if cfg!(target_os = "openbsd") { 14 } else { 12 };
    const BSDOS: i32 = if cfg!(any(target_os = "netbsd", target_os = "freebsd")) { 13 } else { 15 };
    match link {
        LinkType(100) => 11,
        LinkType::RAW => RAW,
        LinkType(102) => BSDOS,
        LinkType(103) => BSDOS + 1,
        LinkType(106) => 19,
        LinkType::LOOP if cfg!(target_os = "openbsd") => 12,
        LinkType(109) if cfg!(target_os = "openbsd") => 13,
        LinkType(same) => same.cast_signed(),
    }
}

/// What files call the link type that libpcap has as `dlt`.
#[cfg(feature = "live")]
pub(super) fn link_of_dlt(number: i32) -> LinkType {
    let renamed = [100, 101, 102, 103, 106, 108, 109].into_iter().map(LinkType).find(|link| dlt(*link) == number);
    renamed.unwrap_or(LinkType(u16::try_from(number).unwrap_or(u16::MAX).into()))
}

/// The only unsafe code of the capture sources: libpcap's filter with the true lengths of a frame, which the `pcap`
/// crate's own does not take (to it every frame is as long as what was captured).
#[cfg(feature = "live")]
#[allow(unsafe_code)]
mod program {
    use std::ffi::{c_int, c_void};

    use pcap::{BpfProgram, Capture, Linktype, PacketHeader};

    pub(super) const AVAILABLE: bool = true;

    pub(super) struct Program(BpfProgram);

    unsafe extern "C" {
        fn pcap_offline_filter(program: *const c_void, header: *const PacketHeader, packet: *const u8) -> c_int;
    }

    impl Program {
        pub(super) fn compile(expression: &str, dlt: i32) -> Result<Self, String> {
            let compiled = Capture::dead(Linktype(dlt)).and_then(|dead| dead.compile(expression, true));
            compiled.map(Self).map_err(|error| super::message(&error))
        }

        pub(super) fn matches(&self, bytes: &[u8], wire_len: u32) -> bool {
            // SAFETY: `PacketHeader` is a C struct of integers, for which zero is a value.
            let mut header: PacketHeader = unsafe { std::mem::zeroed() };
            // No frame is longer than what a capture file's 32 bits can tell.
            header.caplen = bytes.len() as u32;
            header.len = wire_len;
            // SAFETY: `BpfProgram` is a transparent wrapper of libpcap's `struct bpf_program`, filled by its compiler
            // and alive as long as `self`; `PacketHeader` is laid out as `struct pcap_pkthdr`; libpcap reads no byte of
            // the packet from `caplen` on.
            unsafe { pcap_offline_filter((&raw const self.0).cast(), &raw const header, bytes.as_ptr()) != 0 }
        }
    }
}

/// Without libpcap there is no program.
#[cfg(not(feature = "live"))]
mod program {
    pub(super) const AVAILABLE: bool = false;

    pub(super) enum Program {}

    impl Program {
        pub(super) fn compile(_: &str, _: i32) -> Result<Self, String> {
            Err("this build has no libpcap".into())
        }

        pub(super) fn matches(&self, _: &[u8], _: u32) -> bool {
            match *self {}
        }
    }
}

/// libpcap's own words, without what the `pcap` crate puts before them.
#[cfg(feature = "live")]
pub(super) fn message(error: &pcap::Error) -> String {
    match error {
        pcap::Error::PcapError(message) => message.trim().to_owned(),
        pcap::Error::InvalidInputString => "it has a NUL byte".into(),
        other => other.to_string(),
    }
}

#[cfg(all(test, not(feature = "live")))]
mod tests_without_libpcap {
    use super::*;

    #[test]
    fn a_filter_is_told_to_be_left_out() {
        assert!(Filter::new(" ").unwrap().is_none());
        let error = Filter::new("tcp").err().unwrap();
        assert_eq!(error.to_string(), "this build has no BPF filters (feature `live`)");
        assert_eq!(error.kind(), super::super::Kind::Usage);
    }
}

#[cfg(all(test, feature = "live"))]
mod tests {
    use super::*;
    use crate::frame::{FrameMeta, Timestamp};

    /// Ethernet, IPv4, TCP from port 1000 to 80, `bytes` long.
    fn http(bytes: usize) -> Vec<u8> {
        let mut frame = vec![2; 12];
        frame.extend([8, 0, 0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        frame.extend([1000_u16.to_be_bytes(), 80_u16.to_be_bytes()].concat());
        frame.resize(bytes, 0);
        frame
    }

    fn frame(link: LinkType, wire_len: u32, bytes: &[u8]) -> Frame<'_> {
        Frame {
            meta: FrameMeta { number: 1, time: Timestamp(0), wire_len, link, interface: 0, interface_id: None },
            bytes,
        }
    }

    fn holds(expression: &str, frame: &Frame<'_>) -> bool {
        Filter::new(expression).unwrap().unwrap().matches(frame).unwrap()
    }

    #[test]
    fn lengths_are_those_on_the_wire() {
        let bytes = http(60);
        let cut = frame(LinkType::ETHERNET, 1500, &bytes);
        assert!(holds("greater 1000", &cut) && holds("len == 1500", &cut));
        assert!(!holds("less 1000", &cut));
        assert!(!holds("greater 1000", &frame(LinkType::ETHERNET, 60, &bytes)));
    }

    #[test]
    fn one_filter_serves_frames_of_several_link_types() {
        let bytes = http(60);
        let mut filter = Filter::new("tcp port 80").unwrap().unwrap();
        for link in [LinkType::RAW, LinkType::IPV4, LinkType::ETHERNET] {
            let start = if link == LinkType::ETHERNET { 0 } else { 14 };
            assert!(filter.matches(&frame(link, 60, &bytes[start..])).unwrap(), "{link}");
        }
        assert!(!filter.matches(&frame(LinkType::IPV6, 46, &bytes[14..])).unwrap());
        let mut null = vec![2, 0, 0, 0];
        null.extend(&bytes[14..]);
        assert!(filter.matches(&frame(LinkType::NULL, 50, &null)).unwrap());
        assert_eq!(filter.programs.len(), 5);
    }

    #[test]
    fn frames_cut_anywhere_do_not_hold_and_do_not_harm() {
        let bytes = http(60);
        for length in 0..38 {
            assert!(!holds("tcp dst port 80", &frame(LinkType::ETHERNET, 60, &bytes[..length])));
        }
        assert!(holds("tcp dst port 80", &frame(LinkType::ETHERNET, 60, &bytes[..38])));
    }

    #[test]
    fn only_packets_pass() {
        for link in [LinkType::CUSTOM_BLOCK, LinkType::JOURNAL_ENTRY, LinkType::SYSTEM_CALL] {
            assert!(!holds("len > 0", &frame(link, 60, &[0; 60])));
            assert!(!holds("not tcp", &frame(link, 60, &[0; 60])));
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert!(Filter::new("").unwrap().is_none() && Filter::new(" \t").unwrap().is_none());
        let mut filter = Filter::new("tcp prt 80").unwrap().unwrap();
        let error = filter.prepare(LinkType::ETHERNET).unwrap_err();
        assert_eq!(error.kind(), super::super::Kind::Usage);
        let line = error.to_string();
        assert!(line.contains("'tcp prt 80'") && line.contains("syntax error"), "{line}");
        assert!(Filter::new("tcp\0").unwrap().unwrap().prepare(LinkType::ETHERNET).is_err());
        assert!(Filter::new("tcp").unwrap().unwrap().prepare(LinkType(60000)).is_err());
    }

    #[test]
    fn numbers_of_link_types_translate_both_ways() {
        for (link, number) in [(0, 0), (1, 1), (101, 12), (106, 19), (108, 108), (113, 113), (228, 228), (276, 276)] {
            assert_eq!((dlt(LinkType(link)), link_of_dlt(number)), (number, LinkType(link)));
        }
    }
}
