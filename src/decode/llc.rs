//! Logical link control (IEEE 802.2), with the subnetwork access protocol (RFC 1042).

use super::get::uint;
use super::headers::{self, Header, Number};
use super::rest::Rest;
use super::{Decoded, Layer, Protocol, StopReason, ethernet, ipv4};
use crate::field::{Field, Kind};
use crate::frame::LinkType;

static PROTOCOL: Protocol = Protocol {
    name: "llc",
    title: "LLC",
    fields: &[
        Field::hex("llc.dsap", "Destination service access point", |l, put| uint(l.u8(0), put)),
        Field::hex("llc.ssap", "Source service access point", |l, put| uint(l.u8(1), put)),
        Field::hex("llc.control", "Control field", |l, put| uint(control(l), put)),
        Field::new("llc.oui", Kind::Uint, "Organization code (SNAP)", |l, put| uint(snap(l).map(|snap| snap.0), put)),
        Field::hex("llc.type", "EtherType of what it carries (SNAP)", |l, put| {
            uint(snap(l).filter(|snap| is_ethertype(snap.0)).map(|snap| snap.1), put)
        }),
        Field::hex("llc.cisco_pid", "Protocol of what it carries, by Cisco's list (SNAP)", |l, put| {
            uint(snap(l).filter(|snap| snap.0 == CISCO).map(|snap| snap.1), put)
        }),
        Field::hex("llc.pid", "Protocol of what it carries, by the organization's own list (SNAP)", |l, put| {
            uint(snap(l).filter(|snap| !is_ethertype(snap.0) && !NAMED.contains(&snap.0)).map(|snap| snap.1), put)
        }),
    ],
    ethertype_at: None,
};
pub(super) const HEADER: Header =
    Header { protocol: &PROTOCOL, parse, by: &[Number::link(LinkType(100)), Number::ppp(0x004b)] };

/// Service access point of SNAP.
const SNAP: u8 = 0xaa;
/// Cisco.
const CISCO: u32 = 0x00_000c;
/// Organization of bridged frames (RFC 2684 5.2).
const BRIDGED: u32 = 0x00_80c2;
/// Organizations for whose lists Wireshark has fields of other names: Cisco, Nortel, Force10, IANA, Cisco's Aironet,
/// Hewlett-Packard, Foundry, Extreme, Bluetooth, Apple.
const NAMED: [u32; 11] = [
    CISCO, 0x00_0081, 0x00_01e8, 0x00_005e, 0x00_4096, 0x00_805f, 0x00_e052, 0x00_e02b, 0x00_1958, 0x00_17f2, 0x08_0007,
];
/// Service access point of IP (RFC 948).
const IP: u8 = 0x06;

/// What a frame carries that gives a length instead of an EtherType.
pub(super) fn next<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    // IPX as Novell first framed it has no LLC header: it begins with its checksum, which is never computed.
    if rest.bytes.starts_with(&[0xff, 0xff]) {
        return decoded.stop_before(StopReason::Unknown { field: "ipx.checksum", value: 0xffff }, rest);
    }
    decoded.header(parse, rest)
}

fn parse<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    let &[dsap, ssap, control, ..] = rest.bytes else { return decoded.refuse(&PROTOCOL, rest, 3) };
    let is_snap = dsap == SNAP && ssap == SNAP && control == 3;
    let need = if is_snap { 8 } else { 2 + control_len(control) };
    if rest.bytes.len() < need {
        return decoded.refuse(&PROTOCOL, rest, need);
    }
    let rest = decoded.layer(&PROTOCOL, rest, need);
    match decoded.layers.last().and_then(snap) {
        Some((oui, value)) if is_ethertype(oui) => headers::of_ethertype(decoded, value, "llc.type", rest),
        Some((CISCO, value)) => headers::of_cisco(decoded, value, rest),
        // Two bytes of padding, Ethernet with its check sequence or without.
        Some((BRIDGED, 1 | 7)) => decoded.header(ethernet::HEADER.parse, rest.skip(2)),
        Some((oui, _)) => decoded.unknown("llc.oui", oui, rest),
        None if dsap == IP && control == 3 => decoded.header(ipv4::parse, rest),
        None => headers::of_sap(decoded, dsap, rest),
    }
}

/// Length of the control field: one byte in unnumbered frames, else two.
fn control_len(first: u8) -> usize {
    if first & 3 == 3 { 1 } else { 2 }
}

fn control(layer: &Layer<'_>) -> Option<u16> {
    let first = layer.u8(2)?;
    // The numbers of information and supervisory frames have their low byte first.
    if control_len(first) == 1 { Some(first.into()) } else { layer.u16(2).map(u16::swap_bytes) }
}

/// Organization and protocol, where the header has them.
fn snap(layer: &Layer<'_>) -> Option<(u32, u16)> {
    (layer.u16(0)? == 0xaaaa && layer.u8(2)? == 3).then_some(())?;
    Some((layer.u32(2)? & 0xff_ffff, layer.u16(6)?))
}

/// Whether the organization uses EtherTypes: RFC 1042 encapsulation, and bridge tunnels (IEEE 802.1H).
fn is_ethertype(oui: u32) -> bool {
    oui == 0 || oui == 0xf8
}
