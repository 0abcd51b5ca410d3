//! The headers of a frame with addresses mapped, and its checksums brought along.
//!
//! What is copied is what is known to have no address but those that are mapped; any other header, and all behind it, is
//! left out.

use super::addresses::Addresses;
use super::places::{blank, mac, v4, v6};
use crate::decode::Layer;
use crate::sum::{add, fold, sum};

/// Headers without addresses.
const PLAIN: [&str; 35] = [
    "vlan",
    "ieee8021ad",
    "null",
    "raw",
    "llc",
    "udp",
    "ipv6.fraghdr",
    "ah",
    "gre",
    "erspan",
    "vxlan",
    "gtp",
    "pppoes",
    "pppoed",
    "ppp",
    "chdlc",
    "mpls",
    "pwethheuristic",
    "pwethcw",
    "pwethnocw",
    "pwach",
    "cmd",
    "etag",
    "etherip",
    "lisp-data",
    "udpencap",
    "l2tp",
    "juniper",
    "fr",
    "clip",
    "atm",
    "radiotap",
    "prism",
    "wlancap",
    "ipnet",
];

/// Headers and where the MAC addresses are in them.
const WITH_MACS: [(&str, &[usize]); 4] =
    [("eth", &[0, 6]), ("ieee8021ah", &[4, 10]), ("fddi", &[1, 7]), ("tr", &[2, 8])];

/// Copies headers from `bytes` to `out`, with other addresses. Returns how many of the layers are copied: those up to one
/// that is not known.
pub fn copy(bytes: &[u8], layers: &[Layer<'_>], out: &mut [u8], addresses: &mut Addresses) -> usize {
    let mut end = layers.first().map_or(0, |layer| layer.offset as usize);
    for (index, layer) in layers.iter().enumerate() {
        let (from, to) = (layer.offset as usize, layer.offset as usize + layer.header.len());
        let Some(header) = out.get_mut(from..to) else { return index };
        header.copy_from_slice(layer.header);
        if !map(layer.protocol.name, header, addresses) {
            header.fill(0);
            return index;
        }
        // A byte or two may belong to no header.
        if let (Some(old), Some(new)) = (bytes.get(end..from), out.get_mut(end..from)) {
            new.copy_from_slice(old);
        }
        end = to;
    }
    layers.len()
}

/// Maps the addresses in a header, which may be cut; false where it is not known what is in it.
fn map(name: &str, header: &mut [u8], addresses: &mut Addresses) -> bool {
    match name {
        _ if PLAIN.contains(&name) => {}
        "ip" => of_ipv4(header, addresses),
        "ipv6" => [8, 24].into_iter().for_each(|at| v6(header, at, addresses)),
        "tcp" => of_tcp(header, addresses),
        "arp" => of_arp(header, addresses),
        "icmp" => {
            const REDIRECT: u8 = 5;
            if header.first() == Some(&REDIRECT) {
                v4(header, 4, addresses);
            }
        }
        "icmpv6" => of_icmpv6(header, addresses),
        "ipv6.routing" => of_routing(header, addresses),
        "ipv6.hopopts" | "ipv6.dstopts" => of_ipv6_options(header, addresses),
        "igmp" => v4(header, 4, addresses),
        "sll" => of_cooked(header, addresses),
        "wlan" => of_wlan(header, addresses),
        // What options mean is not known.
        "geneve" | "nsh" => header.iter_mut().skip(8).for_each(|byte| *byte = 0),
        "macsec" => {
            const CHANNEL: u8 = 0x20;
            if header.first().is_some_and(|tci| tci & CHANNEL != 0) {
                mac(header, 6, addresses);
            }
        }
        // Without authentication and origin it has no bytes.
        "teredo" => return header.is_empty(),
        _ => match WITH_MACS.iter().find(|entry| entry.0 == name) {
            Some((_, places)) => places.iter().for_each(|at| mac(header, *at, addresses)),
            None => return false,
        },
    }
    true
}

fn of_ipv4(header: &mut [u8], addresses: &mut Addresses) {
    const RECORD_ROUTE: u8 = 7;
    const TIMESTAMP: u8 = 68;
    const LOOSE: u8 = 131;
    const STRICT: u8 = 137;
    // MTU probes, Quick-Start, labels of security, stream identifier, router alert.
    const PLAIN: [u8; 9] = [NOP, 11, 12, 25, 130, 133, 134, 136, 148];
    v4(header, 12, addresses);
    v4(header, 16, addresses);
    let mut at = 20;
    while let Some((kind, end)) = option(header, at) {
        let whole = end.min(header.len());
        match kind {
            RECORD_ROUTE | LOOSE | STRICT => (at + 3..whole).step_by(4).for_each(|at| v4(header, at, addresses)),
            TIMESTAMP if header.get(at + 3).is_some_and(|flags| matches!(flags & 0xf, 1 | 3)) => {
                (at + 4..whole).step_by(8).for_each(|at| v4(header, at, addresses));
            }
            TIMESTAMP => {}
            _ if PLAIN.contains(&kind) => {}
            _ => blank(header, at + 2, end - at - 2),
        }
        at = end;
    }
    blank(header, at, usize::MAX);
}

/// An option of Multipath TCP may tell of an address (RFC 8684 3.4.1), and one that is not known of that of a client.
fn of_tcp(header: &mut [u8], addresses: &mut Addresses) {
    const MULTIPATH: u8 = 30;
    const ADD_ADDRESS: u8 = 3;
    // Those of RFC 9293, window scale, SACK, timestamps, other checksums, MD5, Quick-Start, user timeout, authentication,
    // Fast Open, encryption, accurate ECN.
    const PLAIN: [u8; 16] = [NOP, 2, 3, 4, 5, 8, 14, 15, 19, 27, 28, 29, 34, 69, 172, 174];
    // Fast Open before it had a kind (RFC 6994, RFC 7413 4.1.1).
    const EXPERIMENT: u8 = 254;
    const FAST_OPEN: [u8; 2] = [0xf9, 0x89];
    let mut at = 20;
    while let Some((kind, end)) = option(header, at) {
        match kind {
            MULTIPATH => {
                if header.get(at + 2).is_some_and(|subtype| subtype >> 4 == ADD_ADDRESS) {
                    if end - at >= 20 { v6(header, at + 4, addresses) } else { v4(header, at + 4, addresses) }
                }
            }
            EXPERIMENT if header.get(at + 2..at + 4) == Some(&FAST_OPEN) => {}
            _ if PLAIN.contains(&kind) => {}
            _ => blank(header, at + 2, end - at - 2),
        }
        at = end;
    }
    blank(header, at, usize::MAX);
}

/// An option of one byte.
const NOP: u8 = 1;

/// The option of an IPv4 or a TCP header that begins there, which may be cut: its kind, and where it ends. None where the
/// list does, or cannot be read.
fn option(header: &[u8], at: usize) -> Option<(u8, usize)> {
    match *header.get(at..)? {
        [NOP, ..] => Some((NOP, at + 1)),
        [kind @ 2..=255, len @ 2..=255, ..] => Some((kind, at + usize::from(len))),
        _ => None,
    }
}

fn of_arp(header: &mut [u8], addresses: &mut Addresses) {
    let Some(&[_, _, p0, p1, hardware, protocol, _, _]) = header.first_chunk() else { return };
    let (hardware, protocol) = (usize::from(hardware), usize::from(protocol));
    let is_ipv4 = [p0, p1] == [8, 0] && protocol == 4;
    for sender in [8, 8 + hardware + protocol] {
        let target = sender + hardware;
        if hardware == 6 {
            mac(header, sender, addresses);
        } else {
            blank(header, sender, hardware);
        }
        if is_ipv4 {
            v4(header, target, addresses);
        } else {
            blank(header, target, protocol);
        }
    }
}

fn of_icmpv6(header: &mut [u8], addresses: &mut Addresses) {
    match header.first() {
        // Multicast listeners, neighbour solicitation and advertisement.
        Some(130..=132 | 135 | 136) => v6(header, 8, addresses),
        // Redirect.
        Some(137) => [8, 24].into_iter().for_each(|at| v6(header, at, addresses)),
        _ => {}
    }
}

/// Options of neighbour discovery (RFC 4861 4.6): addresses of the link, prefixes, servers of names (RFC 8106). Others are
/// blanked.
pub fn neighbour_options(options: &mut [u8], addresses: &mut Addresses) {
    let mut at = 0;
    while let Some(&[kind, units]) = options.get(at..).and_then(|rest| rest.first_chunk()) {
        let len = usize::from(units) * 8;
        let end = at + len;
        if len == 0 || end > options.len() {
            break;
        }
        match kind {
            1 | 2 => mac(options, at + 2, addresses),
            3 => {
                let bits = options.get(at + 2).map_or(0, |bits| u32::from(*bits).min(128));
                v6(options, at + 16, addresses);
                // What is beyond the prefix is 0.
                if let Some(prefix) = options.get_mut(at + 16..).and_then(|rest| rest.first_chunk_mut::<16>()) {
                    let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
                    *prefix = (u128::from_be_bytes(*prefix) & mask).to_be_bytes();
                }
            }
            5 => {}
            25 => (at + 8..end).step_by(16).for_each(|at| v6(options, at, addresses)),
            _ => blank(options, at + 2, len - 2),
        }
        at = end;
    }
    let left = options.len() - at.min(options.len());
    blank(options, at, left);
}

/// Which messages of ICMPv6 have such options.
pub fn has_neighbour_options(layer: &Layer<'_>) -> bool {
    layer.protocol.name == "icmpv6" && layer.header.first().is_some_and(|kind| (133..=137).contains(kind))
}

fn of_routing(header: &mut [u8], addresses: &mut Addresses) {
    match header.get(2) {
        // Source routes, mobile nodes, segments (RFC 8754).
        Some(0 | 2 | 4) => (8..header.len().saturating_sub(15)).step_by(16).for_each(|at| v6(header, at, addresses)),
        _ => header.iter_mut().skip(4).for_each(|byte| *byte = 0),
    }
}

/// Options for hops and for destinations: one is the home address of a mobile node (RFC 6275 6.3).
fn of_ipv6_options(header: &mut [u8], addresses: &mut Addresses) {
    const HOME_ADDRESS: u8 = 0xc9;
    // Encapsulation limit, router alert, labels of security, delay metrics, RPL, Quick-Start, MTU probe, jumbo payload.
    const PLAIN: [u8; 9] = [0x04, 0x05, 0x07, 0x0f, 0x23, 0x26, 0x30, 0x63, 0xc2];
    let mut at = 2;
    while let Some(&kind) = header.get(at) {
        if kind == 0 {
            at += 1;
            continue;
        }
        let len = header.get(at + 1).map_or(0, |len| usize::from(*len));
        match kind {
            HOME_ADDRESS => v6(header, at + 2, addresses),
            _ if PLAIN.contains(&kind) => {}
            _ => blank(header, at + 2, len),
        }
        at += 2 + len;
    }
}

fn of_cooked(header: &mut [u8], addresses: &mut Addresses) {
    let second = header.len() >= 20;
    let len = if second { header.get(11).copied() } else { header.get(5).copied() };
    let at = if second { 12 } else { 6 };
    match len {
        Some(6) => {
            mac(header, at, addresses);
            blank(header, at + 6, 2);
        }
        Some(4) => {
            v4(header, at, addresses);
            blank(header, at + 4, 4);
        }
        _ => blank(header, at, 8),
    }
}

fn of_wlan(header: &mut [u8], addresses: &mut Addresses) {
    let Some(&[control, flags]) = header.first_chunk() else { return };
    let places: &[usize] = match (control >> 2 & 3, flags & 3) {
        (2, 3) => &[4, 10, 16, 24],
        (0 | 2, _) => &[4, 10, 16],
        _ => &[4, 10],
    };
    places.iter().for_each(|at| mac(header, *at, addresses));
}

/// Changes the checksums in `out` by as much as what they are of differs from `bytes` (RFC 1624), innermost first: those
/// that were right stay right, and the others stay wrong. `pseudo` is by how much the sum of the addresses has changed
/// that are in headers elsewhere. Returns how many changed.
pub fn fix_checksums(bytes: &[u8], layers: &[Layer<'_>], out: &mut [u8], pseudo: Option<u64>) -> u64 {
    let mut changed = 0;
    for (index, layer) in layers.iter().enumerate().rev() {
        let from = layer.offset as usize;
        let header_end = from + layer.header.len();
        let end = (header_end + layer.payload_len as usize).min(bytes.len());
        // Where its checksum is, of how much it is, and whether the addresses are in it.
        let (at, to, addressed) = match layer.protocol.name {
            "ip" => (10, header_end, false),
            "tcp" => (16, end, true),
            "udp" if bytes.get(from + 6..from + 8) != Some(&[0, 0]) => (6, end, true),
            "icmpv6" => (2, end, true),
            "icmp" | "igmp" => (2, end, false),
            "gre" if layer.header.first().is_some_and(|flags| flags & 0x80 != 0) => (4, end, false),
            _ => continue,
        };
        let (Some(old), Some(new)) = (bytes.get(from..to), out.get(from..to)) else { continue };
        let mut difference = add(sum(new), minus(sum(old)));
        if addressed {
            difference = add(difference, addresses_changed(bytes, &layers[..index], out).or(pseudo).unwrap_or(0));
        }
        let is_udp = layer.protocol.name == "udp";
        let Some(sum) = out.get_mut(from + at..).and_then(|rest| rest.first_chunk_mut::<2>()) else { continue };
        let complement = add(u64::from(!u16::from_ne_bytes(*sum)), difference);
        // Both forms of zero: a difference of none changes nothing.
        if matches!(fold(difference), 0 | 0xffff) {
            continue;
        }
        let fixed = match !fold(complement) {
            // Which would say that there is none (RFC 768).
            0 if is_udp => 0xffff,
            fixed => fixed,
        };
        *sum = fixed.to_ne_bytes();
        changed += 1;
    }
    changed
}

/// By how much the sum of the addresses of the innermost of these IP headers has changed.
pub fn addresses_changed(bytes: &[u8], layers: &[Layer<'_>], out: &[u8]) -> Option<u64> {
    let ip = layers.iter().rev().find(|layer| matches!(layer.protocol.name, "ip" | "ipv6"))?;
    let (at, len) = if ip.protocol.name == "ip" { (12, 8) } else { (8, 32) };
    let from = ip.offset as usize + at;
    Some(add(sum(out.get(from..from + len)?), minus(sum(bytes.get(from..from + len)?))))
}

/// What added to a sum takes it away.
fn minus(sum: u64) -> u64 {
    !sum
}

#[cfg(test)]
mod tests {
    use super::super::addresses::Key;
    use super::*;

    /// A header with these options, as it becomes.
    fn mapped(name: &str, fixed: usize, options: &[u8]) -> Vec<u8> {
        let mut header = [vec![0; fixed], options.to_vec()].concat();
        assert!(map(name, &mut header, &mut Addresses::new(&Key::new(b"headers"), false)));
        header.split_off(fixed)
    }

    #[test]
    fn options_that_are_not_known_become_zeros_and_the_others_stay() {
        let plain = b"\x02\x04\x05\xb4\x01\x03\x03\x07\xfe\x04\xf9\x89\x1e\x04\x00\x81\x01\x01\x00\x00";
        assert_eq!(mapped("tcp", 20, plain), plain);
        // A client's address, as balancers of load tell it, and one behind the end of the list.
        let told = b"\xc8\x08\x1f\x90\xc6\x33\x64\x2d\xfe\x06\xc6\x33\x64\x2d\x00\xc6\x33\x64\x2d\x00";
        assert_eq!(mapped("tcp", 20, told), b"\xc8\x08\0\0\0\0\0\0\xfe\x06\0\0\0\0\0\0\0\0\0\0");
        let alert = b"\x94\x04\x00\x00\x52\x08\x01\x02\xc6\x33\x64\x2d";
        assert_eq!(mapped("ip", 20, alert), b"\x94\x04\x00\x00\x52\x08\0\0\0\0\0\0");
        let seed = b"\x05\x02\x00\x00\x6d\x04\xc6\x33\x64\x2d\x01\x00";
        assert_eq!(mapped("ipv6.hopopts", 2, seed), b"\x05\x02\x00\x00\x6d\x04\0\0\0\0\x01\x00");
    }

    #[test]
    fn addresses_in_options_are_mapped_also_where_they_are_cut() {
        let all = &mut Addresses::new(&Key::new(b"headers"), false);
        let new = all.v4([198, 51, 100, 45].into()).octets();
        let (route, add) = (b"\x07\x07\x04\xc6\x33\x64\x2d", b"\x1e\x08\x30\x01\xc6\x33\x64\x2d");
        assert_eq!(mapped("ip", 20, route), [&route[..3], &new].concat());
        assert_eq!(mapped("tcp", 20, add), [&add[..4], &new].concat());
        assert_eq!(mapped("ip", 20, &route[..6]), b"\x07\x07\x04\0\0\0");
        assert_eq!(mapped("tcp", 20, &add[..7]), b"\x1e\x08\x30\x01\0\0\0");
    }
}
