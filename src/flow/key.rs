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

/// Both ends, the lower one first, so that a segment and its answer have the same key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Key {
    low: Endpoint,
    high: Endpoint,
}

impl Key {
    /// The key of what goes from `src` to `dst`, and whether that is from the higher end to the lower.
    pub fn new(src: Endpoint, dst: Endpoint) -> (Self, bool) {
        let swapped = src > dst;
        let (low, high) = if swapped { (dst, src) } else { (src, dst) };
        (Self { low, high }, swapped)
    }
}
