//! One's-complement checksums (RFC 1071): of an IPv4 header, and of what TCP and UDP carry.

use std::net::IpAddr;

use super::{Decoded, Layer, Transport, options};

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
    let protocol = match decoded.transport {
        Transport::Tcp(_) => 6,
        Transport::Udp { .. } if layer.u16(6) != Some(0) => 17,
        _ => return None,
    };
    if decoded.missing > 0 || decoded.layers.iter().any(source_routed) {
        return None;
    }
    let length = layer.header.len() as u64 + decoded.payload.len() as u64;
    let pseudo = match decoded.addresses? {
        (IpAddr::V4(src), IpAddr::V4(dst)) => sum(&src.octets()) + sum(&dst.octets()),
        (IpAddr::V6(src), IpAddr::V6(dst)) => sum(&src.octets()) + sum(&dst.octets()),
        _ => return None,
    };
    // Headers have an even length, so that the payload begins at a whole number of 16 bits.
    let total = pseudo + protocol + (length >> 16) + (length & 0xffff) + sum(layer.header) + sum(decoded.payload);
    Some(fold(total) == 0xffff)
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

/// The sum of the 16-bit numbers in `bytes`, an odd last byte padded with zero; not yet folded to 16 bits. It holds
/// for up to 16 GiB.
fn sum(bytes: &[u8]) -> u64 {
    let (words, tail) = bytes.as_chunks::<8>();
    // 32 bits at a time: 2^16 is 1 in this arithmetic, so that the halves fold onto each other in the end.
    let mut total: u64 = 0;
    for word in words {
        let word = u64::from_be_bytes(*word);
        total += (word >> 32) + (word & 0xffff_ffff);
    }
    let mut last = [0; 8];
    last[..tail.len()].copy_from_slice(tail);
    let last = u64::from_be_bytes(last);
    fold(total + (last >> 32) + (last & 0xffff_ffff)).into()
}

/// A sum in 16 bits, carries added in.
fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    sum as u16
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain(bytes: &[u8]) -> u16 {
        fold(bytes.chunks(2).map(|pair| u64::from(pair[0]) << 8 | u64::from(*pair.get(1).unwrap_or(&0))).sum())
    }

    #[test]
    fn the_example_of_rfc_1071() {
        assert_eq!(sum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), 0xddf2);
    }

    proptest! {
        #[test]
        fn eight_bytes_at_a_time_is_as_two(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(sum(&bytes), u64::from(plain(&bytes)));
        }
    }
}
