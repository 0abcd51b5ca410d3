//! DHCP (RFC 2131): addresses mapped, what numbers say kept, the rest blanked.

use super::addresses::Addresses;
use super::places::{blank, mac, v4};

/// Where the fixed part ends: after the magic cookie.
const OPTIONS: usize = 240;
/// The hardware address, and all that follows up to the cookie.
const HARDWARE: std::ops::Range<usize> = 28..44;
const NAMES: std::ops::Range<usize> = 44..236;

/// Options that are lists of addresses: routers, servers, the requested address, the server's.
const ADDRESSES: [u8; 16] = [3, 4, 5, 6, 7, 8, 9, 10, 11, 28, 32, 42, 44, 50, 54, 65];
/// Options that are numbers: mask, MTU, times, the type of the message, what is asked for, sizes.
const NUMBERS: [u8; 14] = [1, 2, 19, 20, 23, 26, 37, 38, 51, 53, 55, 57, 58, 59];

/// Whether it is a message of DHCP or BOOTP, by the ports.
pub fn is_dhcp(ports: [u16; 2]) -> bool {
    matches!(ports, [67 | 68, 67 | 68])
}

/// Scrubs a message, which may be cut.
pub fn scrub(message: &mut [u8], addresses: &mut Addresses) {
    for at in [12, 16, 20, 24] {
        v4(message, at, addresses);
    }
    let is_ethernet = message.get(1..3) == Some(&[1, 6]);
    let mac_len = if is_ethernet { 6 } else { 0 };
    if is_ethernet {
        mac(message, HARDWARE.start, addresses);
    }
    blank(message, HARDWARE.start + mac_len, HARDWARE.len() - mac_len);
    blank(message, NAMES.start, NAMES.len());
    let mut at = OPTIONS;
    loop {
        let (kind, len) = match message.get(at..) {
            Some(&[0, ..]) => {
                at += 1;
                continue;
            }
            Some(&[255, ..]) => {
                at += 1;
                break;
            }
            Some(&[kind, len, ..]) => (kind, usize::from(len)),
            _ => break,
        };
        let end = (at + 2 + len).min(message.len());
        match kind {
            _ if ADDRESSES.contains(&kind) => (at + 2..end).step_by(4).for_each(|at| v4(message, at, addresses)),
            _ if NUMBERS.contains(&kind) => {}
            // A client's identifier is its hardware address, mostly.
            61 if len == 7 && message.get(at + 2) == Some(&1) => mac(message, at + 3, addresses),
            _ => blank(message, at + 2, len),
        }
        at = end;
    }
    blank(message, at, usize::MAX);
}
