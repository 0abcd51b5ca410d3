//! Fingerprints of clients and servers by what their first messages offer: JA3, JA3S, JA4.

use std::fmt::Write as _;

use md5::Md5;
use sha2::{Digest as _, Sha256};

use super::hello::{Hello, extension};
use super::names::is_grease;

/// Extensions that JA4 tells in its first part, and in its list not again.
const IN_START: [u16; 2] = [extension::SERVER_NAME, extension::ALPN];

/// What the JA3 of a ClientHello is the MD5 of: version, cipher suites, extensions, groups, point formats. That of a
/// ServerHello (JA3S) has no groups and point formats.
pub fn ja3_full(hello: &Hello) -> String {
    let mut text = hello.version.to_string();
    let extensions = &hello.extensions;
    if hello.by_server {
        // As published, and as Wireshark does it, nothing is left out of what a server sends.
        text.push_str(&format!(",{},{}", dashed(&hello.ciphers), dashed(extensions)));
        return text;
    }
    let formats: Vec<u16> = hello.point_formats.iter().map(|format| u16::from(*format)).collect();
    for list in [&hello.ciphers, extensions, &hello.groups] {
        let known: Vec<u16> = without_grease(list).collect();
        text.push(',');
        text.push_str(&dashed(&known));
    }
    text.push(',');
    text.push_str(&dashed(&formats));
    text
}

/// JA3 of a ClientHello, JA3S of a ServerHello.
pub fn ja3(hello: &Hello) -> String {
    hex(&Md5::digest(ja3_full(hello)))
}

/// JA4 of a ClientHello over TCP.
pub fn ja4(hello: &Hello) -> String {
    let [ciphers, extensions] = ja4_lists(hello);
    format!("{}_{}_{}", ja4_start(hello), ja4_hash(&ciphers), ja4_hash(&extensions))
}

/// The lists that JA4 is made of, not hashed (JA4_r).
pub fn ja4_raw(hello: &Hello) -> String {
    let [ciphers, extensions] = ja4_lists(hello);
    format!("{}_{ciphers}_{extensions}", ja4_start(hello))
}

fn ja4_start(hello: &Hello) -> String {
    let version = match hello.highest_version() {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        0x0002 => "s2",
        _ => "00",
    };
    let name = if hello.extensions.contains(&extension::SERVER_NAME) { 'd' } else { 'i' };
    let [ciphers, extensions] = [&hello.ciphers, &hello.extensions].map(|list| without_grease(list).count().min(99));
    let [first, last] = ja4_alpn(hello.alpn.first().map_or(&[], Vec::as_slice));
    format!("t{version}{name}{ciphers:02}{extensions:02}{first}{last}")
}

/// The first and the last character of the first protocol; of its hexadecimal form, where one of them is no letter or
/// digit.
fn ja4_alpn(protocol: &[u8]) -> [char; 2] {
    let ([first, ..], [.., last]) = (protocol, protocol) else { return ['0'; 2] };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return [char::from(*first), char::from(*last)];
    }
    [first >> 4, last & 0xf].map(|digit| char::from_digit(digit.into(), 16).unwrap_or('0'))
}

fn ja4_lists(hello: &Hello) -> [String; 2] {
    let mut ciphers: Vec<u16> = without_grease(&hello.ciphers).collect();
    ciphers.sort_unstable();
    let mut extensions: Vec<u16> = without_grease(&hello.extensions).filter(|kind| !IN_START.contains(kind)).collect();
    extensions.sort_unstable();
    let mut all = commas(extensions.into_iter());
    let signatures = commas(without_grease(&hello.signatures));
    if !signatures.is_empty() {
        all.push('_');
        all.push_str(&signatures);
    }
    [commas(ciphers.into_iter()), all]
}

fn ja4_hash(list: &str) -> String {
    if list.is_empty() || list.starts_with('_') {
        return "000000000000".to_owned();
    }
    let mut hash = hex(&Sha256::digest(list));
    hash.truncate(12);
    hash
}

fn without_grease(list: &[u16]) -> impl Iterator<Item = u16> {
    list.iter().copied().filter(|number| !is_grease(*number))
}

fn dashed(list: &[u16]) -> String {
    list.iter().map(u16::to_string).collect::<Vec<_>>().join("-")
}

fn commas(list: impl Iterator<Item = u16>) -> String {
    list.map(|number| format!("{number:04x}")).collect::<Vec<_>>().join(",")
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing into a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of JA4's own description, with GREASE added.
    fn chrome() -> Hello {
        Hello {
            version: 0x0303,
            versions: vec![0x2a2a, 0x0304, 0x0303],
            ciphers: vec![
                0x1a1a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c,
                0x009d, 0x002f, 0x0035,
            ],
            extensions: vec![
                0x8a8a, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012, 0x002b,
                0xff01, 0x000b, 0x000a, 0x0015,
            ],
            server_name: Some(b"example.com".to_vec()),
            alpn: vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            signatures: vec![0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601],
            ..Hello::default()
        }
    }

    #[test]
    fn ja4_is_that_of_its_description() {
        let mut hello = chrome();
        assert_eq!(ja4(&hello), "t13d1516h2_8daaf6152771_e5627efa2ab1");
        hello.signatures.clear();
        assert_eq!(ja4(&hello), "t13d1516h2_8daaf6152771_6d807ffa2a79");
        let none = Hello { version: 0x0301, ..Hello::default() };
        assert_eq!(ja4(&none), "t10i000000_000000000000_000000000000");
    }

    #[test]
    fn the_ends_of_a_protocol_are_shown_as_they_are_or_in_hexadecimal() {
        let cases: [(&[u8], &str); 8] = [
            (b"h2", "h2"),
            (b"http/1.1", "h1"),
            (b"x", "xx"),
            (b"", "00"),
            (b"\xab", "ab"),
            (b"\xab\xcd", "ad"),
            (b"0\xab", "3b"),
            (b"0\xab\xcd1", "01"),
        ];
        for (protocol, want) in cases {
            let shown: String = ja4_alpn(protocol).iter().collect();
            assert_eq!(shown, want, "{protocol:?}");
        }
    }

    #[test]
    fn ja3_leaves_out_what_means_nothing() {
        // From the description of JA3: a client of TLS 1.0 with and without extensions.
        let mut hello = Hello {
            version: 769,
            ciphers: vec![47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4],
            extensions: vec![0, 10, 11],
            groups: vec![23, 24, 25],
            point_formats: vec![0],
            ..Hello::default()
        };
        assert_eq!(ja3(&hello), "ada70206e40642a3e4461f35503241d5");
        hello.ciphers.push(0x0a0a);
        assert_eq!(ja3(&hello), "ada70206e40642a3e4461f35503241d5");
        let bare = Hello { version: 769, ciphers: vec![4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99], ..Hello::default() };
        assert_eq!(ja3_full(&bare), "769,4-5-10-9-100-98-3-6-19-18-99,,,");
        assert_eq!(ja3(&bare), "de350869b8c85de67a350c8d186f11e6");
    }

    #[test]
    fn ja3s_has_version_suite_and_extensions() {
        let hello = Hello {
            by_server: true,
            version: 769,
            ciphers: vec![47],
            extensions: vec![65281, 0, 11, 35, 5, 16],
            ..Hello::default()
        };
        assert_eq!(ja3_full(&hello), "769,47,65281-0-11-35-5-16");
        assert_eq!(ja3(&hello), "836ce314215654b5b1f85f97c73e506f");
    }
}
