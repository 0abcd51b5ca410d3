//! Numbers and addresses in ASCII. A record has dozens of them, for each of which `core::fmt` takes several times as long.

use std::fmt;
use std::io::Write;
use std::net::Ipv6Addr;

/// The numbers of two digits.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut number = 0;
    while number < pairs.len() {
        pairs[number] = [b'0' + number as u8 / 10, b'0' + number as u8 % 10];
        number += 1;
    }
    pairs
};

/// How many digits a number has.
pub fn digits(number: u64) -> usize {
    number.checked_ilog10().unwrap_or(0) as usize + 1
}

/// A number in decimal.
pub fn uint(out: &mut Vec<u8>, number: u64) {
    match number {
        0..10 => out.push(b'0' + number as u8),
        10..100 => out.extend_from_slice(&PAIRS[number as usize]),
        100..10_000 => {
            uint(out, number / 100);
            out.extend_from_slice(&PAIRS[(number % 100) as usize]);
        }
        _ => {
            uint(out, number / 10_000);
            let low = (number % 10_000) as usize;
            let ([a, b], [c, d]) = (PAIRS[low / 100], PAIRS[low % 100]);
            out.extend_from_slice(&[a, b, c, d]);
        }
    }
}

/// The same with zeros before it up to so many digits.
pub fn padded(out: &mut Vec<u8>, number: u64, width: usize) {
    (digits(number)..width).for_each(|_| out.push(b'0'));
    uint(out, number);
}

/// A signed number in decimal.
pub fn int(out: &mut Vec<u8>, number: i64) {
    if number < 0 {
        out.push(b'-');
    }
    uint(out, number.unsigned_abs());
}

/// Nanoseconds as milliseconds, with six digits after the point where they are not whole.
pub fn millis(out: &mut Vec<u8>, nanos: i64) {
    if nanos < 0 {
        out.push(b'-');
    }
    let nanos = nanos.unsigned_abs();
    uint(out, nanos / 1_000_000);
    if !nanos.is_multiple_of(1_000_000) {
        out.push(b'.');
        padded(out, nanos % 1_000_000, 6);
    }
}

/// Nanoseconds as seconds with nine decimals.
pub fn seconds(out: &mut Vec<u8>, nanos: i64) {
    if nanos < 0 {
        out.push(b'-');
    }
    let nanos = nanos.unsigned_abs();
    uint(out, nanos / 1_000_000_000);
    out.push(b'.');
    padded(out, nanos % 1_000_000_000, 9);
}

/// A byte as two hexadecimal digits.
pub fn byte(byte: u8) -> [u8; 2] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 0xf)]]
}

/// A number in hexadecimal, with zeros before it up to so many digits, of which there are 16 at most.
pub fn hex(out: &mut Vec<u8>, number: u64, width: usize) {
    let mut text = [[b'0'; 2]; 8];
    for (pair, value) in text.iter_mut().zip(number.to_be_bytes()) {
        *pair = byte(value);
    }
    let text = text.as_flattened();
    let len = number.checked_ilog2().map_or(1, |bits| bits as usize / 4 + 1).max(width).min(text.len());
    out.extend_from_slice(&text[text.len() - len..]);
}

/// Bytes in hexadecimal.
pub fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    bytes.iter().for_each(|value| out.extend_from_slice(&byte(*value)));
}

/// A hardware address.
pub fn mac(out: &mut Vec<u8>, address: [u8; 6]) {
    let mut text = *b"00:00:00:00:00:00";
    for (pair, octet) in text.chunks_mut(3).zip(address) {
        pair[..2].copy_from_slice(&byte(octet));
    }
    out.extend_from_slice(&text);
}

/// An IPv4 address.
pub fn ipv4(out: &mut Vec<u8>, address: [u8; 4]) {
    for (i, octet) in address.into_iter().enumerate() {
        if i > 0 {
            out.push(b'.');
        }
        uint(out, octet.into());
    }
}

/// An IPv6 address (RFC 5952).
pub fn ipv6(out: &mut Vec<u8>, address: [u8; 16]) {
    // Writing to a vector does not fail.
    let _ = write!(out, "{}", Ipv6Addr::from(address));
}

/// A number in at most five columns: exact below 100 000, else with three digits and `k`, `M`, `G` for powers of 1000.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Short(pub u64);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SUFFIXES: [char; 6] = ['k', 'M', 'G', 'T', 'P', 'E'];
        if self.0 < 100_000 {
            return write!(f, "{}", self.0);
        }
        // Three digits, rounded down, so that 999 999 does not become 1000k.
        let power = self.0.ilog10();
        let shown = self.0 / 10_u64.pow(power - 2);
        let suffix = SUFFIXES[(power / 3 - 1) as usize % SUFFIXES.len()];
        match power % 3 {
            0 => write!(f, "{}.{:02}{suffix}", shown / 100, shown % 100),
            1 => write!(f, "{}.{}{suffix}", shown / 10, shown % 10),
            _ => write!(f, "{shown}{suffix}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_number_has_five_columns_at_most() {
        for (number, text) in [
            (0, "0"),
            (99_999, "99999"),
            (100_000, "100k"),
            (999_999, "999k"),
            (1_234_567, "1.23M"),
            (12_345_678, "12.3M"),
            (1_000_000_000, "1.00G"),
            (u64::MAX, "18.4E"),
        ] {
            assert_eq!(Short(number).to_string(), text);
        }
    }

    fn shown(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_are_as_core_has_them() {
        let powers = (0..20).map(|power| 10_u64.pow(power)).chain((0..64).map(|bit| 1 << bit)).chain([0, u64::MAX]);
        for number in powers.flat_map(|power| [power.wrapping_sub(1), power, power.wrapping_add(1)]) {
            assert_eq!(shown(|out| uint(out, number)), format!("{number}"));
            assert_eq!(shown(|out| int(out, number as i64)), format!("{}", number as i64));
            for width in [1, 6, 9] {
                assert_eq!(shown(|out| padded(out, number, width)), format!("{number:0width$}"));
                assert_eq!(shown(|out| hex(out, number, width)), format!("{number:0width$x}"));
            }
            assert_eq!(digits(number), format!("{number}").len());
        }
        assert_eq!(shown(|out| seconds(out, -1_000_000_001)), "-1.000000001");
        assert_eq!(shown(|out| seconds(out, i64::MIN)), "-9223372036.854775808");
    }

    #[test]
    fn addresses_are_as_they_are_usually_written() {
        assert_eq!(shown(|out| mac(out, [0, 1, 0xab, 0xff, 0x10, 9])), "00:01:ab:ff:10:09");
        assert_eq!(shown(|out| ipv4(out, [0, 10, 199, 255])), "0.10.199.255");
        assert_eq!(shown(|out| ipv6(out, std::net::Ipv6Addr::LOCALHOST.octets())), "::1");
    }
}
