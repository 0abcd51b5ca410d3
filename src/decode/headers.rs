//! The list of headers, and which one a link type, an EtherType or an IP protocol number announces.

use super::rest::{Parse, Rest};
use super::{Decoded, Protocol};
use super::{
    ah, ap1394, arcnet, arp, atm, chdlc, custom_block, erspan, ethernet, extension, fragment, frame_relay, geneve, gre,
    gtp, icmp, icmpv6, ieee8021ah, ipnet, ipoib, ipv4, ipv6, juniper, l2tp, llc, macsec, mpls, named, nflog, nsh, null,
    pim, pktap, ppp, pppoe, radiotap, raw, rings, sll, tags, tcp, teredo, udp, udpencap, vlan, vxlan, wlan,
};
use crate::frame::LinkType;

/// Every header that we decode. A new one is a line here; its place matters only for speed: among those announced by
/// the same kind of number, the commonest come first. Those of [`named`] follow them.
const DECODED: [&Header; 72] = [
    &ethernet::HEADER,
    &ipv4::HEADER,
    &ipv6::HEADER,
    &tcp::HEADER,
    &udp::HEADER,
    &vlan::HEADER,
    &vlan::HEADER_AD,
    &sll::HEADER,
    &sll::HEADER_V2,
    &null::HEADER,
    &raw::HEADER,
    &llc::HEADER,
    &arp::HEADER,
    &icmp::HEADER,
    &icmpv6::HEADER,
    &fragment::HEADER,
    &extension::HOP_BY_HOP,
    &extension::ROUTING,
    &extension::DESTINATION,
    &extension::MOBILITY,
    &extension::SHIM6,
    &ah::HEADER,
    &gre::HEADER,
    &erspan::HEADER,
    &vxlan::HEADER,
    &vxlan::HEADER_GPE,
    &geneve::HEADER,
    &gtp::HEADER,
    &pppoe::HEADER_SESSION,
    &pppoe::HEADER_DISCOVERY,
    &ppp::HEADER,
    &ppp::HEADER_SERIAL,
    &ppp::HEADER_DIRECTION,
    &chdlc::HEADER,
    &mpls::HEADER,
    &mpls::HEADER_PSEUDOWIRE,
    &mpls::HEADER_CONTROL_WORD,
    &mpls::HEADER_NO_CONTROL_WORD,
    &mpls::HEADER_CHANNEL,
    &ieee8021ah::HEADER,
    &nsh::HEADER,
    &tags::HEADER_CMD,
    &tags::HEADER_ETAG,
    &tags::HEADER_ETHERIP,
    &tags::HEADER_LISP,
    &udpencap::HEADER,
    &l2tp::HEADER,
    &teredo::HEADER,
    &macsec::HEADER,
    &tags::HEADER_CMD_GRE,
    &nflog::HEADER,
    &juniper::HEADER,
    &juniper::HEADER_PPP,
    &juniper::HEADER_FRAME_RELAY,
    &juniper::HEADER_CHDLC,
    &frame_relay::HEADER,
    &arcnet::HEADER,
    &arcnet::HEADER_LINUX,
    &ipoib::HEADER,
    &ipnet::HEADER,
    &pktap::HEADER,
    &atm::HEADER,
    &atm::HEADER_CLIP,
    &rings::HEADER_TOKEN_RING,
    &rings::HEADER_FDDI,
    &ap1394::HEADER,
    &pim::HEADER,
    &wlan::HEADER,
    &radiotap::HEADER,
    &radiotap::HEADER_PRISM,
    &radiotap::HEADER_AVS,
    &custom_block::HEADER,
];

const HEADERS: [&Header; DECODED.len() + named::HEADERS.len()] = {
    let mut headers = [DECODED[0]; DECODED.len() + named::HEADERS.len()];
    let mut i = 0;
    while i < headers.len() {
        headers[i] = if i < DECODED.len() { DECODED[i] } else { named::HEADERS[i - DECODED.len()] };
        i += 1;
    }
    headers
};

static PROTOCOLS: [&Protocol; HEADERS.len()] = {
    let mut protocols = [HEADERS[0].protocol; HEADERS.len()];
    let mut i = 0;
    while i < HEADERS.len() {
        protocols[i] = HEADERS[i].protocol;
        i += 1;
    }
    protocols
};
static LINKS: [(u16, Parse); count(Space::Link)] = table(Space::Link);
static RECORDS: [(u16, Parse); count(Space::Record)] = table(Space::Record);
static ETHERTYPES: [(u16, Parse); count(Space::Ethertype)] = table(Space::Ethertype);
static IP_PROTOCOLS: [(u16, Parse); count(Space::Ip)] = table(Space::Ip);
static UDP_PORTS: [(u16, Parse); count(Space::Udp)] = table(Space::Udp);
static GRE_PROTOCOLS: [(u16, Parse); count(Space::Gre)] = table(Space::Gre);
static PPP_PROTOCOLS: [(u16, Parse); count(Space::Ppp)] = table(Space::Ppp);
static CHDLC_PROTOCOLS: [(u16, Parse); count(Space::Chdlc)] = table(Space::Chdlc);
static SERVICE_ACCESS_POINTS: [(u16, Parse); count(Space::Sap)] = table(Space::Sap);
static CISCO_PROTOCOLS: [(u16, Parse); count(Space::Cisco)] = table(Space::Cisco);

/// Every header format that [`decode`](super::decode) knows.
pub fn protocols() -> &'static [&'static Protocol] {
    &PROTOCOLS
}

/// A header format, its reader, and the numbers that announce it.
pub(super) struct Header {
    pub protocol: &'static Protocol,
    pub parse: Parse,
    pub by: &'static [Number],
}

/// A number that announces a header.
#[derive(Clone, Copy)]
pub(super) struct Number {
    space: Space,
    value: u16,
}

#[derive(Clone, Copy)]
enum Space {
    Link,
    Record,
    Ethertype,
    Ip,
    Udp,
    Gre,
    Ppp,
    Chdlc,
    Sap,
    Cisco,
}

impl Number {
    /// A link type, or what else a record is.
    pub const fn link(link: LinkType) -> Self {
        let space = if link.is_packet() { Space::Link } else { Space::Record };
        Self { space, value: link.0 as u16 }
    }

    /// An EtherType.
    pub const fn ethertype(value: u16) -> Self {
        Self { space: Space::Ethertype, value }
    }

    /// An IP protocol number.
    pub const fn ip(value: u8) -> Self {
        Self { space: Space::Ip, value: value as u16 }
    }

    /// A UDP port.
    pub const fn udp(port: u16) -> Self {
        Self { space: Space::Udp, value: port }
    }

    /// A protocol type of GRE: an EtherType, mostly.
    pub const fn gre(value: u16) -> Self {
        Self { space: Space::Gre, value }
    }

    /// A protocol number of PPP.
    pub const fn ppp(value: u16) -> Self {
        Self { space: Space::Ppp, value }
    }

    /// A protocol type of Cisco HDLC: an EtherType, mostly.
    pub const fn chdlc(value: u16) -> Self {
        Self { space: Space::Chdlc, value }
    }

    /// A destination service access point of LLC.
    pub const fn sap(value: u8) -> Self {
        Self { space: Space::Sap, value: value as u16 }
    }

    /// A protocol of Cisco's own list (SNAP, organization 0x00000c).
    pub const fn cisco(value: u16) -> Self {
        Self { space: Space::Cisco, value }
    }
}

/// How many numbers of `space` announce a header.
const fn count(space: Space) -> usize {
    let mut count = 0;
    let mut i = 0;
    while i < HEADERS.len() {
        let mut j = 0;
        while j < HEADERS[i].by.len() {
            count += (HEADERS[i].by[j].space as u8 == space as u8) as usize;
            j += 1;
        }
        i += 1;
    }
    count
}

/// They and their readers, in the order of the list.
const fn table<const N: usize>(space: Space) -> [(u16, Parse); N] {
    let mut table = [(0, HEADERS[0].parse); N];
    let mut n = 0;
    let mut i = 0;
    while i < HEADERS.len() {
        let mut j = 0;
        while j < HEADERS[i].by.len() {
            let number = HEADERS[i].by[j];
            if number.space as u8 == space as u8 {
                table[n] = (number.value, HEADERS[i].parse);
                n += 1;
            }
            j += 1;
        }
        i += 1;
    }
    table
}

/// The header that a link type announces, or what else the record is.
pub(super) fn of_link<'a>(decoded: &mut Decoded<'a>, link: LinkType, rest: Rest<'a>) {
    let table: &[_] = if link.is_packet() { &LINKS } else { &RECORDS };
    next(decoded, table, link.0 as u16, "link type", rest)
}

/// The header that an EtherType, given in `field`, announces.
pub(super) fn of_ethertype<'a>(decoded: &mut Decoded<'a>, value: u16, field: &'static str, rest: Rest<'a>) {
    next(decoded, &ETHERTYPES, value, field, rest)
}

/// The header that an IP protocol number, given in `field`, announces.
pub(super) fn of_ip<'a>(decoded: &mut Decoded<'a>, value: u8, field: &'static str, rest: Rest<'a>) {
    next(decoded, &IP_PROTOCOLS, value.into(), field, rest)
}

/// The header that a protocol type of GRE announces.
pub(super) fn of_gre<'a>(decoded: &mut Decoded<'a>, value: u16, rest: Rest<'a>) {
    next(decoded, &GRE_PROTOCOLS, value, "gre.proto", rest)
}

/// The header that a protocol number of PPP announces.
pub(super) fn of_ppp<'a>(decoded: &mut Decoded<'a>, value: u16, rest: Rest<'a>) {
    next(decoded, &PPP_PROTOCOLS, value, "ppp.protocol", rest)
}

/// The header that a protocol type of Cisco HDLC, given in `field`, announces.
pub(super) fn of_chdlc<'a>(decoded: &mut Decoded<'a>, value: u16, field: &'static str, rest: Rest<'a>) {
    next(decoded, &CHDLC_PROTOCOLS, value, field, rest)
}

/// The header that a service access point announces.
pub(super) fn of_sap<'a>(decoded: &mut Decoded<'a>, value: u8, rest: Rest<'a>) {
    next(decoded, &SERVICE_ACCESS_POINTS, value.into(), "llc.dsap", rest)
}

/// The header that a number of Cisco's list announces.
pub(super) fn of_cisco<'a>(decoded: &mut Decoded<'a>, value: u16, rest: Rest<'a>) {
    next(decoded, &CISCO_PROTOCOLS, value, "llc.cisco_pid", rest)
}

/// What a UDP port announces, the lower one first; `None` where neither is that of a tunnel.
pub(super) fn of_udp(src: u16, dst: u16) -> Option<Parse> {
    let of = |port| UDP_PORTS.iter().find(|entry| entry.0 == port).map(|entry| entry.1);
    of(src.min(dst)).or_else(|| of(src.max(dst)))
}

/// Whether an EtherType announces a header.
pub(super) fn is_ethertype(value: u16) -> bool {
    ETHERTYPES.iter().any(|entry| entry.0 == value)
}

fn next<'a>(decoded: &mut Decoded<'a>, table: &[(u16, Parse)], value: u16, field: &'static str, rest: Rest<'a>) {
    match table.iter().find(|entry| entry.0 == value) {
        Some(&(_, parse)) => decoded.header(parse, rest),
        None => decoded.unknown(field, value.into(), rest),
    }
}
