//! The two ends of a connection, and the key that both directions share.

use std::fmt;
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
/// computed, hashed and compared for every frame.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Key {
    /// The lower address, then the higher one, each as its upper and its lower half; one of IPv4 takes 32 bits.
    addresses: [[u64; 2]; 2],
    /// Their ports in the same order.
    ports: [u16; 2],
    is_ipv6: bool,
}

impl Key {
    /// The key of what goes from `src` to `dst`, and whether that is from the higher end to the lower.
    #[inline]
    pub fn new(src: Endpoint, dst: Endpoint) -> (Self, bool) {
        Self::ordered([halves(src.address), halves(dst.address)], (src.port, dst.port), src.address.is_ipv6())
    }

    /// The same of the addresses as they stand in a header: source, destination, each of 4 bytes or each of 16.
    #[inline]
    pub fn of_bytes(addresses: &[u8], ports: (u16, u16)) -> (Self, bool) {
        if let ([src, dst], []) = addresses.as_chunks::<16>() {
            return Self::ordered([src, dst].map(|bytes| parts(u128::from_be_bytes(*bytes))), ports, true);
        }
        let &[a, b, c, d, e, f, g, h] = addresses.first_chunk().unwrap_or(&[0; 8]);
        let numbers = [u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h])];
        Self::ordered(numbers.map(|number| [0, number.into()]), ports, false)
    }

    #[inline]
    fn ordered([src, dst]: [[u64; 2]; 2], (src_port, dst_port): (u16, u16), is_ipv6: bool) -> (Self, bool) {
        let swapped = (src, src_port) > (dst, dst_port);
        let (addresses, ports) =
            if swapped { ([dst, src], [dst_port, src_port]) } else { ([src, dst], [src_port, dst_port]) };
        (Self { addresses, ports, is_ipv6 }, swapped)
    }

    /// The ends: the lower one first, or the higher one.
    pub fn ends(&self, swapped: bool) -> [Endpoint; 2] {
        let end = |at: usize| {
            let [upper, lower] = self.addresses[at];
            let address = if self.is_ipv6 {
                Ipv6Addr::from_bits(u128::from(upper) << 64 | u128::from(lower)).into()
            } else {
                Ipv4Addr::from_bits(lower as u32).into()
            };
            Endpoint { address, port: self.ports[at] }
        };
        [end(usize::from(swapped)), end(usize::from(!swapped))]
    }

    /// Its words, for hashing.
    #[inline]
    pub(super) fn words(&self) -> [u64; 5] {
        let [[a, b], [c, d]] = self.addresses;
        let [low, high] = self.ports;
        [a, b, c, d, u64::from(self.is_ipv6) << 32 | u64::from(low) << 16 | u64::from(high)]
    }
}

fn halves(address: IpAddr) -> [u64; 2] {
    match address {
        IpAddr::V4(address) => [0, address.to_bits().into()],
        IpAddr::V6(address) => parts(address.to_bits()),
    }
}

fn parts(address: u128) -> [u64; 2] {
    [(address >> 64) as u64, address as u64]
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
