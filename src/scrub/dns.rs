//! Addresses in a DNS message (RFC 1035 4): in records, in names for reverse lookups, in options. Names stay.

use std::net::Ipv6Addr;

use super::addresses::Addresses;
use super::literals;
use super::places::{v4, v6};

const A: u16 = 1;
const TXT: u16 = 16;
const AAAA: u16 = 28;
const OPT: u16 = 41;
const SVCB: u16 = 64;
const HTTPS: u16 = 65;
/// Records of which all that they have is names and numbers.
const PLAIN: [u16; 20] = [2, 5, 6, 12, 13, 14, 15, 17, 18, 33, 35, 39, 43, 46, 47, 48, 50, 51, 52, 257];

/// Labels and pointers that a name may have.
const MAX_LABELS: usize = 128;

/// Replaces the addresses in a message that may be cut, and blanks records of types that may have one in a form that is
/// not known here; what follows the last record too. Tells how many records were blanked.
pub fn scrub(message: &mut [u8], addresses: &mut Addresses) -> u64 {
    let whole = message.to_vec();
    let mut blanked = 0;
    let mut at = walk(&whole, message, addresses, &mut blanked).unwrap_or_else(|at| at);
    // What cannot be read may be anything.
    at = at.min(message.len());
    message[at..].fill(0);
    blanked
}

/// Goes through the message as it was, and changes `out`. Returns where it ended, or where it could not go on.
fn walk(whole: &[u8], out: &mut [u8], addresses: &mut Addresses, blanked: &mut u64) -> Result<usize, usize> {
    let count = |at| number(whole, at).unwrap_or(0);
    let (questions, records) = (count(4), u32::from(count(6)) + u32::from(count(8)) + u32::from(count(10)));
    let mut at = 12;
    for _ in 0..questions {
        let end = name(whole, out, at, addresses).ok_or(at)?;
        if end + 4 > whole.len() {
            return Err(end);
        }
        at = end + 4;
    }
    for _ in 0..records {
        let end = name(whole, out, at, addresses).ok_or(at)?;
        let (Some(kind), Some(len)) = (number(whole, end), number(whole, end + 8)) else { return Err(end) };
        let (from, to) = (end + 10, end + 10 + usize::from(len));
        if to > whole.len() {
            return Err(from);
        }
        *blanked += u64::from(!data(whole, out, (from, to), kind, addresses));
        at = to;
    }
    Ok(at)
}

/// The data of a record; false where it is blanked.
fn data(whole: &[u8], out: &mut [u8], (from, to): (usize, usize), kind: u16, addresses: &mut Addresses) -> bool {
    match (kind, to - from) {
        (A, 4) => v4(out, from, addresses),
        (AAAA, 16) => v6(out, from, addresses),
        (OPT, _) => options(whole, out, from, to, addresses),
        (SVCB | HTTPS, _) => hints(whole, out, from, to, addresses),
        (TXT, _) => {
            if let Some(text) = out.get_mut(from..to) {
                literals::replace(text, addresses);
            }
        }
        // Within them a reverse name stands at the beginning.
        (2 | 5 | 12, _) => {
            let _ = name(whole, out, from, addresses);
        }
        _ if PLAIN.contains(&kind) => {}
        _ => {
            out.get_mut(from..to).into_iter().for_each(|data| data.fill(0));
            return to == from;
        }
    }
    true
}

/// Options of EDNS (RFC 6891 6.1.2): the client's subnet (RFC 7871) is mapped, and cookies and padding stay.
fn options(whole: &[u8], out: &mut [u8], mut at: usize, to: usize, addresses: &mut Addresses) {
    const SUBNET: u16 = 8;
    while let (Some(code), Some(len)) = (number(whole, at), number(whole, at + 2)) {
        let (from, end) = (at + 4, at + 4 + usize::from(len));
        if end > to {
            break;
        }
        if code == SUBNET && len >= 4 {
            let given = whole.get(from + 4..end).unwrap_or_default();
            let mapped = match number(whole, from) {
                Some(1) => prefix(given, |octets: [u8; 4]| addresses.v4(octets.into()).octets()),
                Some(2) => prefix(given, |octets: [u8; 16]| addresses.v6(octets.into()).octets()),
                _ => vec![0; given.len()],
            };
            put(out, from + 4, &mapped);
            // The bits beyond the prefix are 0 (RFC 7871 6).
            if let (Some(bits), Some(last)) = (whole.get(from + 2).map(|len| len % 8), out.get_mut(end - 1))
                && bits != 0
                && end > from + 4
            {
                *last &= !(0xff >> bits);
            }
        }
        at = end;
    }
}

/// The first octets of the address that stands for the one that begins with these.
fn prefix<const N: usize>(given: &[u8], map: impl FnOnce([u8; N]) -> [u8; N]) -> Vec<u8> {
    let mut octets = [0; N];
    let len = given.len().min(N);
    octets[..len].copy_from_slice(&given[..len]);
    map(octets)[..len].to_vec()
}

/// Address hints of a service binding (RFC 9460 7.3).
fn hints(whole: &[u8], out: &mut [u8], from: usize, to: usize, addresses: &mut Addresses) {
    const IPV4_HINT: u16 = 4;
    const IPV6_HINT: u16 = 6;
    let Some(mut at) = skip(whole, from + 2) else { return };
    while let (Some(key), Some(len)) = (number(whole, at), number(whole, at + 2)) {
        let (from, end) = (at + 4, at + 4 + usize::from(len));
        if end > to {
            break;
        }
        match key {
            IPV4_HINT => (from..end.saturating_sub(3)).step_by(4).for_each(|at| v4(out, at, addresses)),
            IPV6_HINT => (from..end.saturating_sub(15)).step_by(16).for_each(|at| v6(out, at, addresses)),
            _ => {}
        }
        at = end;
    }
}

/// Goes over a name, and replaces the address in it where it is one for a reverse lookup. Returns where it ends.
fn name(whole: &[u8], out: &mut [u8], from: usize, addresses: &mut Addresses) -> Option<usize> {
    let end = skip(whole, from)?;
    let mut labels: Vec<(usize, &[u8])> = Vec::new();
    let mut at = from;
    for _ in 0..MAX_LABELS {
        match *whole.get(at)? {
            0 => break,
            len @ 1..=63 => {
                labels.push((at + 1, whole.get(at + 1..at + 1 + usize::from(len))?));
                at += 1 + usize::from(len);
            }
            high @ 0xc0.. => {
                let to = usize::from(high & 0x3f) << 8 | usize::from(*whole.get(at + 1)?);
                if to >= at {
                    break;
                }
                at = to;
            }
            _ => break,
        }
    }
    let is = |label: Option<&(usize, &[u8])>, word: &str| {
        label.is_some_and(|(_, label)| label.eq_ignore_ascii_case(word.as_bytes()))
    };
    let Some(zone) = labels.len().checked_sub(2).filter(|zone| is(labels.get(zone + 1), "arpa")) else {
        return Some(end);
    };
    let digits = &labels[..zone];
    if is(labels.get(zone), "in-addr") {
        reverse_v4(out, digits, addresses);
    } else if is(labels.get(zone), "ip6") {
        reverse_v6(out, digits, addresses);
    }
    Some(end)
}

/// Where a name ends.
fn skip(whole: &[u8], mut at: usize) -> Option<usize> {
    for _ in 0..MAX_LABELS {
        match *whole.get(at)? {
            0 => return Some(at + 1),
            len @ 1..=63 => at += 1 + usize::from(len),
            0xc0.. => return whole.get(at + 1).map(|_| at + 2),
            _ => return None,
        }
    }
    None
}

/// The labels of an IPv4 address or of its beginning, the last octet first (RFC 1035 3.5).
fn reverse_v4(out: &mut [u8], labels: &[(usize, &[u8])], addresses: &mut Addresses) {
    let octets: Vec<(usize, usize, u8)> = labels
        .iter()
        .rev()
        .take(4)
        .map_while(|(at, label)| Some((*at, label.len(), std::str::from_utf8(label).ok()?.parse().ok()?)))
        .collect();
    let given: Vec<u8> = octets.iter().map(|octet| octet.2).collect();
    let mapped = prefix(&given, |octets: [u8; 4]| addresses.v4(octets.into()).octets());
    for ((at, len, old), new) in octets.into_iter().zip(mapped) {
        if old != new {
            let text = new.to_string();
            let text = if text.len() == len { text } else { "x".repeat(len) };
            put(out, at, text.as_bytes());
        }
    }
}

/// The labels of an IPv6 address or of its beginning, the last four bits first (RFC 3596 2.5).
fn reverse_v6(out: &mut [u8], labels: &[(usize, &[u8])], addresses: &mut Addresses) {
    let nibbles: Vec<(usize, u128)> = labels
        .iter()
        .rev()
        .take(32)
        .map_while(|(at, label)| match label {
            [digit] => Some((*at, char::from(*digit).to_digit(16)?.into())),
            _ => None,
        })
        .collect();
    let shift = |index: usize| 124 - 4 * index as u32;
    let given = nibbles.iter().enumerate().fold(0, |bits, (index, (_, nibble))| bits | nibble << shift(index));
    let mapped = addresses.v6(Ipv6Addr::from_bits(given)).to_bits();
    for (index, (at, _)) in nibbles.iter().enumerate() {
        let digit = char::from_digit((mapped >> shift(index) & 0xf) as u32, 16).unwrap_or('0');
        put(out, *at, &[digit as u8]);
    }
}

fn put(out: &mut [u8], at: usize, new: &[u8]) {
    if let Some(there) = out.get_mut(at..).and_then(|rest| rest.get_mut(..new.len())) {
        there.copy_from_slice(new);
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::super::addresses::Key;
    use super::*;

    /// A response with these records: type and data.
    fn message(question: &[u8], records: &[(u16, &[u8])]) -> Vec<u8> {
        let mut message = vec![0, 1, 0x81, 0x80, 0, 1, 0, records.len() as u8, 0, 0, 0, 0];
        message.extend_from_slice(question);
        message.extend_from_slice(&[0, 1, 0, 1]);
        for (kind, data) in records {
            message.extend_from_slice(&[0xc0, 12]);
            message.extend_from_slice(&kind.to_be_bytes());
            message.extend_from_slice(&[0, 1, 0, 0, 0, 60, 0, data.len() as u8]);
            message.extend_from_slice(data);
        }
        message
    }

    #[test]
    fn addresses_of_records_are_those_of_the_headers() {
        let mut addresses = Addresses::new(&Key::new(b"dns"), false);
        let v6 = Ipv6Addr::new(0x2a00, 1, 2, 3, 4, 5, 6, 7);
        let mut wire = message(
            b"\x01a\x02bc\x00",
            &[(A, &[203, 0, 113, 9]), (AAAA, &v6.octets()), (99, b"?"), (15, b"\0\x05\xc0\x0c")],
        );
        let before = wire.clone();
        assert_eq!(scrub(&mut wire, &mut addresses), 1);
        assert_eq!(wire.len(), before.len());
        let mapped = addresses.v4(Ipv4Addr::new(203, 0, 113, 9)).octets();
        assert!(wire.windows(4).any(|four| four == mapped) && !wire.windows(4).any(|four| four == [203, 0, 113, 9]));
        assert!(wire.windows(16).any(|octets| octets == addresses.v6(v6).octets()));
        assert!(!wire.contains(&b'?') && wire.ends_with(b"\0\x05\xc0\x0c"));
        assert_eq!(wire[..23], before[..23]);
    }

    #[test]
    fn names_of_reverse_lookups_are_mapped() {
        let mut addresses = Addresses::new(&Key::new(b"dns"), false);
        let mut wire = message(b"\x0240\x0230\x0220\x0210\x07in-addr\x04arpa\x00", &[]);
        scrub(&mut wire, &mut addresses);
        let [_, b, c, d] = addresses.v4(Ipv4Addr::new(10, 20, 30, 40)).octets();
        let text = |octet: u8| if octet.to_string().len() == 2 { octet.to_string() } else { "xx".to_owned() };
        let want = format!("\x02{}\x02{}\x02{}\x0210\x07in-addr", text(d), text(c), text(b));
        assert!(wire[12..].starts_with(want.as_bytes()), "{wire:?}");
    }

    #[test]
    fn no_message_is_too_odd() {
        let mut addresses = Addresses::new(&Key::new(b"dns"), false);
        let whole = message(
            b"\x01a\xc0\x0c",
            &[(HTTPS, b"\0\x01\0\0\x04\0\x04\x0a\x01\x02\x03"), (OPT, b"\0\x08\0\x07\0\x01\x18\0\x0a\x01\x02")],
        );
        for cut in 0..=whole.len() {
            for at in 0..cut {
                let mut wire = whole[..cut].to_vec();
                wire[at] ^= 0xff;
                scrub(&mut wire, &mut addresses);
                assert_eq!(wire.len(), cut);
            }
        }
        let mut wire = whole.clone();
        scrub(&mut wire, &mut addresses);
        assert!(!wire.windows(4).any(|four| four == [10, 1, 2, 3]));
        assert!(!wire.windows(3).any(|three| three == [10, 1, 2]));
    }
}
