//! One's-complement checksums (RFC 1071): of an IPv4 header, and of what TCP and UDP carry.

use std::net::IpAddr;

use super::{Decoded, Layer, Plain, Transport, options};
use crate::sum::{add, fold, sum, sum_of_few};

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
pub fn header_sum(decoded: &Decoded<'_>) -> Option<u64> {
    let protocol = match decoded.transport {
        Transport::Tcp(_) => TCP,
        Transport::Udp { .. } => UDP,
        Transport::None => return None,
    };
    let addresses = match decoded.addresses? {
        (IpAddr::V4(src), IpAddr::V4(dst)) => add(sum(&src.octets()), sum(&dst.octets())),
        (IpAddr::V6(src), IpAddr::V6(dst)) => add(sum(&src.octets()), sum(&dst.octets())),
        _ => return None,
    };
    let header = decoded.layers.last()?.header;
    Some(add(add(addresses, sum(header)), numbers(protocol, header.len() + decoded.payload.len())))
}

/// The same of a plain frame.
#[inline]
pub fn plain_header_sum(plain: &Plain<'_>) -> u64 {
    // Far from what 64 bits hold.
    let headers = sum_of_few(plain.addresses) + sum_of_few(plain.header);
    headers + numbers(TCP, plain.header.len() + plain.payload.len())
}

/// The sum of the pseudo-header's numbers. Headers have an even length, so that the payload begins at a whole number of
/// 16 bits.
fn numbers(protocol: u16, len: usize) -> u64 {
    u64::from((len as u32).to_be()) + u64::from(protocol.to_be())
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
