//! Domain names on the wire (RFC 1035 3.1, 4.1.4), shown as Wireshark does.

use std::fmt::Write;

/// Most pointers that are followed in a name. One with more labels than a name can have goes round in circles, or was
/// made to cost time.
const MAX_POINTERS: usize = 255;

/// Most labels that are read of a name that is too long. A message can lead every one of its names through all its other
/// bytes, once for each pointer.
const MAX_LABELS: usize = 1024;

/// Most bytes of a name as text: 255 on the wire, of which two are the first length and the root.
const MAX_LEN: usize = 253;

/// A name as far as it can be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Name {
    /// Its labels with dots between them, `<Root>` where it has none, or in such brackets what is wrong with it. Dots
    /// within a label are as they are; control characters are escaped.
    pub text: String,
    /// Where what follows it begins.
    pub end: usize,
    /// Whether it is a name.
    pub is_valid: bool,
}

/// Reads the name at `at`; none where the message ends within it, or where its length cannot be told.
pub fn read(wire: &[u8], at: usize) -> Option<Name> {
    let (mut at, mut end, mut pointers, mut count) = (at, None, 0, 0);
    let mut labels = Vec::new();
    loop {
        let first = *wire.get(at)?;
        match first >> 6 {
            0 if first == 0 => break,
            0 => {
                let label = wire.get(at + 1..at + 1 + usize::from(first))?;
                // Beyond the bound nothing is kept, and a name that long has been told from others.
                if labels.len() <= MAX_LEN {
                    if !labels.is_empty() {
                        labels.push(b'.');
                    }
                    labels.extend_from_slice(label);
                }
                at += 1 + label.len();
                count += 1;
                // What follows it begins where it does, however the name goes on behind a pointer.
                if let Some(end) = end
                    && count > MAX_LABELS
                {
                    return Some(Name::odd("<Name too long>", end));
                }
            }
            1 => return Some(Name::odd("<Unknown extended label>", end.unwrap_or(at + 1))),
            2 => return None,
            _ => {
                let low = *wire.get(at + 1)?;
                pointers += 1;
                let end = *end.get_or_insert(at + 2);
                if pointers > MAX_POINTERS {
                    return Some(Name::odd("<Name contains a pointer that loops>", end));
                }
                at = usize::from(first & 0x3f) << 8 | usize::from(low);
            }
        }
    }
    let end = end.unwrap_or(at + 1);
    Some(match labels.len() {
        0 => Name { text: "<Root>".into(), end, is_valid: true },
        1..=MAX_LEN => Name { text: shown(&labels), end, is_valid: true },
        _ => Name::odd("<Name too long>", end),
    })
}

impl Name {
    fn odd(what: &str, end: usize) -> Self {
        Self { text: what.to_owned(), end, is_valid: false }
    }
}

/// How many labels a name has by the dots in its text: Wireshark's count.
pub fn labels(text: &str) -> usize {
    if text.starts_with("<Unknown") { 0 } else { text.split('.').count() }
}

/// Bytes as text: control characters as C escapes, bytes that are not UTF-8 as U+FFFD.
pub fn shown(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for character in String::from_utf8_lossy(bytes).chars() {
        match character {
            '\x07' => text.push_str("\\a"),
            '\x08' => text.push_str("\\b"),
            '\t' => text.push_str("\\t"),
            '\n' => text.push_str("\\n"),
            '\x0b' => text.push_str("\\v"),
            '\x0c' => text.push_str("\\f"),
            '\r' => text.push_str("\\r"),
            control if control.is_control() => {
                let mut bytes = [0; 4];
                for byte in control.encode_utf8(&mut bytes).bytes() {
                    // Writing into a string does not fail.
                    let _ = write!(text, "\\{byte:03o}");
                }
            }
            other => text.push(other),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(wire: &[u8]) -> Option<(String, usize, bool)> {
        read(wire, 0).map(|name| (name.text, name.end, name.is_valid))
    }

    fn valid(text: &str, end: usize) -> Option<(String, usize, bool)> {
        Some((text.to_owned(), end, true))
    }

    #[test]
    fn names_are_shown_as_wireshark_does() {
        assert_eq!(text(b"\x03www\x07example\0rest"), valid("www.example", 13));
        assert_eq!(text(b"\0"), valid("<Root>", 1));
        assert_eq!(text(b"\x03a.b\x01c\0"), valid("a.b.c", 7));
        assert_eq!(text(b"\x04a \\d\0"), valid("a \\d", 6));
        assert_eq!(text(b"\x07x\0\x01\n\t\x1b\x7f\x03\"q\"\0"), valid(r#"x\000\001\n\t\033\177."q""#, 13));
        assert_eq!(text("\x05käth\x02\u{e9}\0".as_bytes()).unwrap().0, "käth.é");
        assert_eq!(text(b"\x02\xff\xfe\0"), valid("\u{fffd}\u{fffd}", 4));
    }

    #[test]
    fn pointers_are_followed_and_circles_noticed() {
        assert_eq!(text(b"\x01a\xc0\x05\xee\x01b\0"), valid("a.b", 4));
        let round = |wire| read(wire, 0).map(|name| (name.text, name.end, name.is_valid));
        for (wire, end) in [(&b"\xc0\0"[..], 2), (b"\x01a\xc0\0", 4), (b"\xc0\x02\xc0\0", 2)] {
            assert_eq!(round(wire), Some(("<Name contains a pointer that loops>".into(), end, false)));
        }
        for pointers in [1, MAX_POINTERS, MAX_POINTERS + 1] {
            let mut chain: Vec<u8> = (1..=pointers as u16).flat_map(|n| (0xc000 | (2 * n)).to_be_bytes()).collect();
            chain.extend_from_slice(b"\x01z\0");
            assert_eq!(read(&chain, 0).unwrap().is_valid, pointers <= MAX_POINTERS);
        }
    }

    #[test]
    fn a_name_that_goes_on_for_ever_is_not_followed_through_all_of_the_message() {
        let mut wire = b"\x01a".repeat(8000);
        let at = wire.len();
        wire.extend_from_slice(b"\xc0\0");
        let start = std::time::Instant::now();
        for _ in 0..1000 {
            assert_eq!(read(&wire, at), Some(Name::odd("<Name too long>", at + 2)));
        }
        // Two thousand million labels, were all of them read.
        assert!(start.elapsed() < std::time::Duration::from_secs(5), "{:?}", start.elapsed());
    }

    #[test]
    fn what_is_cut_or_of_unknown_length_is_none() {
        for wire in [&b""[..], b"\x02a", b"\x01a", b"\xc0", b"\xc0\x05", b"\x80aa\0"] {
            assert_eq!(text(wire), None);
        }
        assert_eq!(text(b"\x41\x01aa\0"), Some(("<Unknown extended label>".into(), 1, false)));
    }

    #[test]
    fn the_length_of_a_name_is_bounded() {
        let of = |lens: [u8; 5]| lens.map(|len| [&[len][..], &[b'a'; 63][..len as usize]].concat()).concat();
        let longest = of([63, 63, 63, 61, 0]);
        assert_eq!(longest.len(), 255);
        assert!(read(&longest, 0).unwrap().is_valid);
        let longer = of([63, 63, 63, 62, 0]);
        assert_eq!(text(&longer), Some(("<Name too long>".into(), 256, false)));
    }
}
