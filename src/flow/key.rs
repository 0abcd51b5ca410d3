//! The two ends of a connection, and the key that both directions share.

use std::fmt;
use std::hash::Hasher;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// One end: an address and a port.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Endpoint {
    /// IP address.
    pub address: IpAddr,
    /// TCP or UDP port.
    pub port: u16,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            IpAddr::V4(address) => write!(f, "{address}:{}", self.port),
            IpAddr::V6(address) => write!(f, "[{address}]:{}", self.port),
        }
    }
}

/// Both ends, the lower one first, so that a segment and its answer have the same key. It is packed, since it is
/// computed, hashed and compared for every frame: in IPv6 each address takes two words, the upper half first, in IPv4
/// both have the first one together; the last word has [`IPV6`] and the ports.
#[derive(Clone, Copy, Debug)]
pub struct Key([u64; 5]);

impl PartialEq for Key {
    /// Without a call to compare memory; the words between are of IPv6 alone.
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        let ([a, b, c, d, ports], [a2, b2, c2, d2, ports2]) = (self.0, other.0);
        let between = || b ^ b2 | c ^ c2 | d ^ d2;
        a == a2 && ports == ports2 && (ports & IPV6 == 0 || between() == 0)
    }
}

impl Eq for Key {}

/// The bit of the last word that tells a key of IPv6.
const IPV6: u64 = 1 << 32;

impl Key {
    /// The key of what goes from `src` to `dst`, and whether that is from the higher end to the lower.
    pub fn new(src: Endpoint, dst: Endpoint) -> (Self, bool) {
        let ports = (src.port, dst.port);
        match (src.address, dst.address) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => Self::v4(src.to_bits(), dst.to_bits(), ports),
            (src, dst) => Self::v6(bits(src), bits(dst), ports),
        }
    }

    /// The same of the addresses as they stand in a header: source, destination, each of 4 bytes or each of 16.
    #[inline]
    pub fn of_bytes(addresses: &[u8], ports: (u16, u16)) -> (Self, bool) {
        match addresses.as_chunks::<16>() {
            ([src, dst], []) => Self::v6(u128::from_be_bytes(*src), u128::from_be_bytes(*dst), ports),
            _ => {
                let both = u64::from_be_bytes(*addresses.first_chunk().unwrap_or(&[0; 8]));
                Self::v4((both >> 32) as u32, both as u32, ports)
            }
        }
    }

    #[inline]
    fn v4(src: u32, dst: u32, (src_port, dst_port): (u16, u16)) -> (Self, bool) {
        let (src, dst) = (u64::from(src) << 16 | u64::from(src_port), u64::from(dst) << 16 | u64::from(dst_port));
        let (low, high) = (src.min(dst), src.max(dst));
        let ports = (low & 0xffff) << 16 | high & 0xffff;
        (Self([low >> 16 << 32 | high >> 16, 0, 0, 0, ports]), src > dst)
    }

    #[inline]
    fn v6(src: u128, dst: u128, (src_port, dst_port): (u16, u16)) -> (Self, bool) {
        let (src, dst) = ((src, src_port), (dst, dst_port));
        let ((low, low_port), (high, high_port)) = (src.min(dst), src.max(dst));
        let ports = IPV6 | u64::from(low_port) << 16 | u64::from(high_port);
        (Self([(low >> 64) as u64, low as u64, (high >> 64) as u64, high as u64, ports]), src > dst)
    }

    /// The ends: the lower one first, or the higher one.
    pub fn ends(&self, swapped: bool) -> [Endpoint; 2] {
        let [a, b, c, d, ports] = self.0;
        let whole = |upper: u64, lower: u64| Ipv6Addr::from_bits(u128::from(upper) << 64 | u128::from(lower));
        let addresses: [IpAddr; 2] = if ports & IPV6 != 0 {
            [whole(a, b).into(), whole(c, d).into()]
        } else {
            [(a >> 32) as u32, a as u32].map(|bits| Ipv4Addr::from_bits(bits).into())
        };
        let [low, high] = addresses;
        let low = Endpoint { address: low, port: (ports >> 16) as u16 };
        let high = Endpoint { address: high, port: ports as u16 };
        if swapped { [high, low] } else { [low, high] }
    }

    /// Feeds a hash with the words that tell it from others.
    #[inline]
    pub(super) fn hash(&self, hasher: &mut impl Hasher) {
        let [a, b, c, d, ports] = self.0;
        hasher.write_u64(a);
        hasher.write_u64(ports);
        if ports & IPV6 != 0 {
            [b, c, d].into_iter().for_each(|word| hasher.write_u64(word));
        }
    }
}

/// As an address of IPv6; one of IPv4 is never in a header with one of IPv6.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(address: &str, port: u16) -> Endpoint {
        Endpoint { address: address.parse().unwrap(), port }
    }

    #[test]
    fn both_directions_have_one_key_and_no_other_connection_has_it() {
        let ends = [
            [end("10.0.0.1", 1000), end("10.0.0.2", 80)],
            [end("10.0.0.1", 80), end("10.0.0.2", 1000)],
            [end("10.0.0.1", 80), end("10.0.0.1", 1000)],
            [end("::10.0.0.1", 1000), end("::10.0.0.2", 80)],
            [end("10:0:0:1::10.0.0.1", 1000), end("::10.0.0.2", 80)],
        ];
        let keys = ends.map(|[a, b]| {
            let ((there, swapped), (back, swapped_back)) = (Key::new(a, b), Key::new(b, a));
            assert_eq!((there, swapped), (back, !swapped_back));
            let octets = |end: Endpoint| match end.address {
                IpAddr::V4(address) => address.octets().to_vec(),
                IpAddr::V6(address) => address.octets().to_vec(),
            };
            assert_eq!(Key::of_bytes(&[octets(a), octets(b)].concat(), (a.port, b.port)), (there, swapped));
            assert_eq!((there.ends(swapped), back.ends(swapped_back)), ([a, b], [b, a]));
            there
        });
        for (i, key) in keys.iter().enumerate() {
            assert!(!keys[..i].contains(key));
        }
        assert_eq!(Key::new(end("::1", 5), end("::1", 5)), Key::new(end("::1", 5), end("::1", 5)));
    }
}
