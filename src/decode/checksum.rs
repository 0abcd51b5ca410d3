//! One's-complement checksums (RFC 1071): of an IPv4 header, and of what TCP and UDP carry.

use std::net::IpAddr;

use super::{Decoded, Layer, Transport, options};
use crate::sum::{add, fold, sum};

/// Protocol numbers, as the pseudo-header has them.
const TCP: u16 = 6;
const UDP: u16 = 17;

/// Whether the checksum of an IPv4 header, options included, is right.
pub fn ipv4_header(header: &[u8]) -> bool {
    fold(sum(header)) == 0xffff
}

/// Whether the checksum of the frame's TCP segment or UDP datagram is right; `None` where that cannot be told: it is
/// neither, not all its bytes were captured, UDP's sender computed none, or the packet is
/// source-routed, so that its destination is yet another.
///
/// A wrong one is normal in what the capturing host sent itself, where the network card was to compute it.
pub fn transport(decoded: &Decoded<'_>) -> Option<bool> {
    // The transport header is the last layer: it is only set where nothing follows it.
    let layer = decoded.layers.last()?;
    let computed = match decoded.transport {
        Transport::Tcp(_) => true,
        Transport::Udp { .. } => layer.u16(6) != Some(0),
        Transport::None => false,
    };
    if !computed || decoded.missing > 0 || decoded.stop.is_some() || decoded.layers.iter().any(source_routed) {
        return None;
    }
    let headers = header_sum(decoded)?;
    Some(fold(add(headers, sum(decoded.payload))) == 0xffff)
}

/// The sum of pseudo-header and transport header, the checksum included: with the payload's it folds to 0xffff where
/// the checksum is right. `None` where the last layer is no transport header.
fn header_sum(decoded: &Decoded<'_>) -> Option<u64> {
    let header = decoded.layers.last()?.header;
    match decoded.transport {
        Transport::Tcp(_) => sum_of_headers(decoded.addresses?, TCP, header, decoded.payload.len()),
        Transport::Udp { .. } => sum_of_headers(decoded.addresses?, UDP, header, decoded.payload.len()),
        Transport::None => None,
    }
}

/// The same of a TCP header and its addresses, with `len` bytes of payload.
pub fn tcp_header_sum(addresses: (IpAddr, IpAddr), header: &[u8], len: usize) -> Option<u64> {
    sum_of_headers(addresses, TCP, header, len)
}

fn sum_of_headers(addresses: (IpAddr, IpAddr), protocol: u16, header: &[u8], len: usize) -> Option<u64> {
    let addresses = match addresses {
        (IpAddr::V4(src), IpAddr::V4(dst)) => add(sum(&src.octets()), sum(&dst.octets())),
        (IpAddr::V6(src), IpAddr::V6(dst)) => add(sum(&src.octets()), sum(&dst.octets())),
        _ => return None,
    };
    let length = (header.len() + len) as u32;
    let numbers = add(sum(&length.to_be_bytes()), sum(&protocol.to_be_bytes()));
    // Headers have an even length, so that the payload begins at a whole number of 16 bits.
    Some(add(add(addresses, numbers), sum(header)))
}

/// Whether it has a routing header with segments left, or a source route option (RFC 791 3.1).
fn source_routed(layer: &Layer<'_>) -> bool {
    const LOOSE: u8 = 131;
    const STRICT: u8 = 137;
    match layer.protocol.name {
        "ip" => options::kinds(layer.from(20)).any(|kind| kind == LOOSE || kind == STRICT),
        "ipv6.routing" => layer.u8(3) != Some(0),
        _ => false,
    }
}
