//! Addresses at their places in bytes that may be cut: what is left of one that is cut becomes zeros.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::addresses::Addresses;

/// Maps the IPv4 address there.
pub fn v4(bytes: &mut [u8], at: usize, addresses: &mut Addresses) {
    match bytes.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<4>()) {
        Some(octets) => *octets = addresses.v4(Ipv4Addr::from(*octets)).octets(),
        None => blank(bytes, at, 4),
    }
}

/// Maps the IPv6 address there.
pub fn v6(bytes: &mut [u8], at: usize, addresses: &mut Addresses) {
    match bytes.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<16>()) {
        Some(octets) => *octets = addresses.v6(Ipv6Addr::from(*octets)).octets(),
        None => blank(bytes, at, 16),
    }
}

/// Maps the MAC address there.
pub fn mac(bytes: &mut [u8], at: usize, addresses: &mut Addresses) {
    match bytes.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<6>()) {
        Some(octets) => *octets = addresses.mac(*octets),
        None => blank(bytes, at, 6),
    }
}

/// Zeros, as far as there is room.
pub fn blank(bytes: &mut [u8], at: usize, len: usize) {
    bytes.iter_mut().skip(at).take(len).for_each(|byte| *byte = 0);
}
