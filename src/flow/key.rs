//! The two ends of a connection, and the key that both directions share.

use std::fmt;
use std::net::IpAddr;

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
    /// The lower address, then the higher one; one of IPv4 takes the low 32 bits.
    addresses: [u128; 2],
    /// Their ports in the same order, and whether the addresses are of IPv6.
    rest: u64,
}

impl Key {
    /// The key of what goes from `src` to `dst`, and whether that is from the higher end to the lower.
    #[inline]
    pub fn new(src: Endpoint, dst: Endpoint) -> (Self, bool) {
        let (a, b) = (number(src.address), number(dst.address));
        let swapped = (a, src.port) > (b, dst.port);
        let ((low, low_port), (high, high_port)) =
            if swapped { ((b, dst.port), (a, src.port)) } else { ((a, src.port), (b, dst.port)) };
        let family = u64::from(src.address.is_ipv6()) << 32;
        (Self { addresses: [low, high], rest: family | u64::from(low_port) << 16 | u64::from(high_port) }, swapped)
    }

    /// Its words, for hashing.
    #[inline]
    pub(super) fn words(&self) -> [u64; 5] {
        let [low, high] = self.addresses;
        [low as u64, (low >> 64) as u64, high as u64, (high >> 64) as u64, self.rest]
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
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
            there
        });
        for (i, key) in keys.iter().enumerate() {
            assert!(!keys[..i].contains(key));
        }
        assert_eq!(Key::new(end("::1", 5), end("::1", 5)), Key::new(end("::1", 5), end("::1", 5)));
    }
}
