//! Addresses written out in text: `192.0.2.1`, `2001:db8::1`, `00:00:5e:00:53:01`.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::addresses::Addresses;

/// The longest text that is looked at for being an address; an IPv6 address with an IPv4 address in it has 45 characters.
const MAX_LEN: usize = 64;

/// What stands for a digit where the address that stands for another has no text of the same length.
const DIGIT: u8 = b'x';

/// Finds addresses in text that comes in pieces.
#[derive(Default)]
pub struct Literals {
    /// Characters of what may be an address, up to the last one seen.
    run: Vec<u8>,
    /// Whether there were more of them than an address has.
    too_long: bool,
    /// The character before them.
    before: u8,
}

impl Literals {
    /// Takes the next bytes; `offset` is where they begin. Each address that they end goes to `found`: where it begins,
    /// and the text that takes its place.
    pub fn feed(&mut self, offset: u64, bytes: &[u8], addresses: &mut Addresses, found: &mut dyn FnMut(u64, Vec<u8>)) {
        for (byte, at) in bytes.iter().zip(offset..) {
            if !is_part(*byte) {
                self.end(at, *byte, addresses, found);
                self.before = *byte;
            } else if self.run.len() < MAX_LEN {
                self.run.push(*byte);
            } else {
                self.too_long = true;
            }
        }
    }

    /// Nothing follows the bytes before `offset`.
    pub fn finish(&mut self, offset: u64, addresses: &mut Addresses, found: &mut dyn FnMut(u64, Vec<u8>)) {
        self.end(offset, 0, addresses, found);
        self.before = 0;
    }

    /// The run ends before `at`, where `after` stands.
    fn end(&mut self, at: u64, after: u8, addresses: &mut Addresses, found: &mut dyn FnMut(u64, Vec<u8>)) {
        if self.run.len() >= 2 && !self.too_long {
            let start = at - self.run.len() as u64;
            replacements(self.before, &self.run, after, addresses, &mut |from, text| found(start + from as u64, text));
        }
        self.run.clear();
        self.too_long = false;
    }
}

/// The text with the addresses in it replaced.
pub fn replace(text: &mut [u8], addresses: &mut Addresses) -> u64 {
    let mut literals = Literals::default();
    let mut found = Vec::new();
    literals.feed(0, text, addresses, &mut |at, new| found.push((at, new)));
    literals.finish(text.len() as u64, addresses, &mut |at, new| found.push((at, new)));
    for (at, new) in &found {
        let there = usize::try_from(*at).ok().and_then(|at| text.get_mut(at..)?.get_mut(..new.len()));
        there.into_iter().for_each(|there| there.copy_from_slice(new));
    }
    found.len() as u64
}

fn is_part(byte: u8) -> bool {
    byte.is_ascii_hexdigit() || byte == b'.' || byte == b':'
}

/// Finds the addresses in a run of digits, dots and colons.
fn replacements(before: u8, run: &[u8], after: u8, addresses: &mut Addresses, found: &mut dyn FnMut(usize, Vec<u8>)) {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let colons = run.iter().filter(|byte| **byte == b':').count();
    if colons >= 2 && !is_word(after) {
        // `Name:fe80::1`, or a sentence that ends with it.
        let from = usize::from(run[0] == b':' && !run.starts_with(b"::"));
        let to = run.len() - run.iter().rev().take_while(|byte| **byte == b'.').count();
        let text = run.get(from..to).unwrap_or_default();
        if (from > 0 || !is_word(before))
            && let Some(new) = of_v6(text, addresses).or_else(|| of_mac(text, addresses))
        {
            return found(from, new);
        }
    }
    let mut at = 0;
    for part in run.split(|byte| !byte.is_ascii_digit() && *byte != b'.') {
        let leading = part.iter().take_while(|byte| **byte == b'.').count();
        let dots = part.iter().rev().take_while(|byte| **byte == b'.').count();
        if let Some(text) = part.get(leading..part.len() - dots)
            && let Some(new) = of_v4(text, addresses)
        {
            found(at + leading, new);
        }
        at += part.len() + 1;
    }
}

fn of_v4(text: &[u8], addresses: &mut Addresses) -> Option<Vec<u8>> {
    if text.len() < 7 {
        return None;
    }
    let address: Ipv4Addr = std::str::from_utf8(text).ok()?.parse().ok()?;
    // No host: versions of programs look like that.
    if address.octets()[1..] == [0; 3] {
        return None;
    }
    let mapped = addresses.v4(address);
    (mapped != address).then(|| fitting(text, mapped.to_string()))
}

fn of_v6(text: &[u8], addresses: &mut Addresses) -> Option<Vec<u8>> {
    let address: Ipv6Addr = std::str::from_utf8(text).ok()?.parse().ok()?;
    let mapped = addresses.v6(address);
    (mapped != address).then(|| fitting(text, mapped.to_string()))
}

fn of_mac(text: &[u8], addresses: &mut Addresses) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok().filter(|text| text.len() == 17)?;
    let mut octets = [0; 6];
    for (index, part) in text.split(':').enumerate() {
        *octets.get_mut(index)? = u8::from_str_radix(part, 16).ok().filter(|_| part.len() == 2)?;
    }
    let mapped = addresses.mac(octets).map(|octet| format!("{octet:02x}")).join(":");
    (mapped != text.to_ascii_lowercase()).then(|| mapped.into_bytes())
}

/// `new` if it is as long as `old`, else `old` without its digits.
fn fitting(old: &[u8], new: String) -> Vec<u8> {
    if new.len() == old.len() {
        return new.into_bytes();
    }
    old.iter().map(|byte| if byte.is_ascii_hexdigit() { DIGIT } else { *byte }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::addresses::Key;
    use super::*;

    fn replaced(text: &str) -> String {
        let mut addresses = Addresses::new(&Key::new(b"literals"), false);
        let mut bytes = text.as_bytes().to_vec();
        replace(&mut bytes, &mut addresses);
        // However it is cut, it is the same.
        for cut in 0..text.len() {
            let (mut found, mut pieces) = (Vec::new(), text.as_bytes().to_vec());
            let mut literals = Literals::default();
            let (one, two) = text.as_bytes().split_at(cut);
            literals.feed(0, one, &mut addresses, &mut |at, new| found.push((at, new)));
            literals.feed(cut as u64, two, &mut addresses, &mut |at, new| found.push((at, new)));
            literals.finish(text.len() as u64, &mut addresses, &mut |at, new| found.push((at, new)));
            for (at, new) in found {
                pieces[at as usize..][..new.len()].copy_from_slice(&new);
            }
            assert_eq!(pieces, bytes);
        }
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn addresses_are_found_wherever_they_stand() {
        for text in [
            "Host: 10.20.30.40:8080\r\n",
            "http://10.20.30.40/x",
            "for=\"[2001:db8::17]:4711\"",
            "Forwarded:10.20.30.40",
            "cache:10.20.30.40.",
            "u=http%3A%2F%2F10.20.30.40%2F",
            "x 10.20.30.40",
            "fe80::1234:5678 and 10.20.30.40, 10.20.30.40",
            "a MAC 02:1b:21:0a:0b:0c.",
        ] {
            let new = replaced(text);
            assert_eq!(new.len(), text.len());
            for address in ["10.20.30.40", "2001:db8::17", "fe80::1234:5678", "02:1b:21:0a:0b:0c"] {
                assert!(!new.contains(address), "{new}");
            }
        }
    }

    #[test]
    fn what_is_no_address_stays() {
        for text in [
            "Date: Mon, 27 Jul 2009 12:28:53 GMT",
            "Chrome/120.0.0.0 Safari/537.36",
            "1.2.3",
            "300.400.500.600",
            "1.2.3.4.5",
            "127.0.0.1 ::1",
            "std::cafe::x",
            "a::before",
        ] {
            assert_eq!(replaced(text), text);
        }
    }

    #[test]
    fn a_text_of_the_same_length_is_the_address_that_the_headers_have() {
        let mut addresses = Addresses::new(&Key::new(b"literals"), false);
        for host in 1..100 {
            let address = Ipv4Addr::new(192, 168, 7, host);
            let (old, new) = (address.to_string(), addresses.v4(address).to_string());
            let digits = old.replace(|c: char| c.is_ascii_digit(), "x");
            assert_eq!(replaced(&old), if new.len() == old.len() { new } else { digits });
        }
    }
}
