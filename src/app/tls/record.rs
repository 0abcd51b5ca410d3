//! Records (RFC 8446 5.1, RFC 5246 6.2.1): what their headers say, and how they are told from other bytes.

/// Length of a record's header, in bytes.
pub const HEADER: usize = 5;

/// Most bytes of a record after its header: 2^14, and what encryption may add before TLS 1.3 (RFC 5246 6.2.3).
const MAX_LENGTH: u16 = (1 << 14) + 2048;

/// Bytes that tell a ClientHello of SSL 2.0.
const HEADER_V2: usize = 11;

/// The version of a ClientHello of SSL 2.0, whose record has none in its header.
pub const SSL2: u16 = 2;

/// What a record holds.
pub mod content {
    /// The keys change.
    pub const CHANGE_CIPHER_SPEC: u8 = 20;
    /// An alert.
    pub const ALERT: u8 = 21;
    /// Handshake messages.
    pub const HANDSHAKE: u8 = 22;
    /// Data of the application; in TLS 1.3 whatever is encrypted.
    pub const DATA: u8 = 23;
    /// A heartbeat (RFC 6520).
    pub const HEARTBEAT: u8 = 24;
}

/// The header of a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// What it holds; of a ClientHello of SSL 2.0, a handshake message.
    pub content: u8,
    /// Its version, or [`SSL2`].
    pub version: u16,
    /// Bytes that follow the header.
    pub len: u16,
    /// Length of the header itself.
    pub size: usize,
}

/// What bytes are where a record may begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Probe {
    /// No record.
    No,
    /// More bytes are wanted.
    Maybe,
    /// A record.
    Record(Header),
}

/// Whether a record begins with these bytes, of which there is one at least; where `searched`, that is to be told from
/// chance.
pub fn probe(bytes: &[u8], searched: bool) -> Probe {
    match *bytes {
        [0x80..=0xff, ..] if searched => probe_v2(bytes),
        [content @ content::CHANGE_CIPHER_SPEC..=content::HEARTBEAT, ref rest @ ..] => match *rest {
            [] | [3] | [3, 0..=4] | [3, 0..=4, _] => Probe::Maybe,
            [3, minor @ 0..=4, high, low, ..] => {
                let len = u16::from_be_bytes([high, low]);
                let likely = match content {
                    _ if !searched => len <= MAX_LENGTH,
                    content::CHANGE_CIPHER_SPEC => len == 1,
                    content::ALERT => len == 2 || (16..=256).contains(&len),
                    content::HANDSHAKE => (1..=MAX_LENGTH).contains(&len),
                    // The least is what authenticates an encrypted byte.
                    _ => (17..=MAX_LENGTH).contains(&len),
                };
                let version = u16::from_be_bytes([3, minor]);
                if likely { Probe::Record(Header { content, version, len, size: HEADER }) } else { Probe::No }
            }
            _ => Probe::No,
        },
        _ => Probe::No,
    }
}

/// A ClientHello in the format of SSL 2.0, whose lengths agree with each other (RFC 5246 E.2).
fn probe_v2(bytes: &[u8]) -> Probe {
    let plausible = matches!(bytes.get(2), None | Some(1))
        && matches!(bytes.get(3..5), None | Some([0, 2] | [3, 0..=4]))
        && matches!(bytes.get(3), None | Some(0 | 3));
    let Some(&[high, low, _, _, _, s1, s0, i1, i0, c1, c0]) = bytes.first_chunk::<HEADER_V2>() else {
        return if plausible { Probe::Maybe } else { Probe::No };
    };
    let len = u16::from_be_bytes([high & 0x7f, low]);
    let [specs, session, challenge] = [[s1, s0], [i1, i0], [c1, c0]].map(|pair| usize::from(u16::from_be_bytes(pair)));
    let fits = usize::from(len) == HEADER_V2 - 2 + specs + session + challenge;
    if plausible && fits && specs > 0 && specs.is_multiple_of(3) && (16..=32).contains(&challenge) {
        Probe::Record(Header { content: content::HANDSHAKE, version: SSL2, len, size: 2 })
    } else {
        Probe::No
    }
}

/// How many bytes there are before the first at which a record may begin.
pub fn skip(bytes: &[u8], searched: bool) -> usize {
    if !bytes.is_empty() && probe(bytes, searched) != Probe::No {
        return 0;
    }
    let may = |at: &usize| bytes.get(*at..).is_some_and(|rest| probe(rest, true) != Probe::No);
    (1..bytes.len()).find(may).unwrap_or(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_told_from_other_bytes() {
        let record = |content, version, len, size| Probe::Record(Header { content, version, len, size });
        assert_eq!(probe(&[22, 3, 1, 2, 0, 1], true), record(22, 0x0301, 512, 5));
        assert_eq!(probe(&[23, 3, 3, 0x48, 0], true), record(23, 0x0303, 18432, 5));
        assert_eq!(probe(&[23, 3, 3, 0x48, 1], true), Probe::No);
        assert_eq!(probe(&[23, 3, 3, 0, 0], true), Probe::No);
        assert_eq!(probe(&[23, 3, 3, 0, 0], false), record(23, 0x0303, 0, 5));
        assert_eq!(probe(&[20, 3, 3, 0, 2], true), Probe::No);
        for len in 1..5 {
            assert_eq!(probe(&[22, 3, 1, 2][..len.min(4)], true), Probe::Maybe);
        }
        assert_eq!(probe(b"GET /", true), Probe::No);
        assert_eq!(skip(b"abc\x16\x03\x03\x00\x10..", true), 3);
        assert_eq!(skip(b"abc\x16\x03", true), 3);
        assert_eq!(skip(b"abc", true), 3);
    }

    #[test]
    fn a_hello_of_ssl_2_is_told_by_its_lengths() {
        let bytes = [0x80, 0x1f, 1, 3, 1, 0, 6, 0, 0, 0, 16, 1, 0, 0x80];
        for len in 1..HEADER_V2 {
            assert_eq!(probe(&bytes[..len], true), Probe::Maybe, "{len}");
        }
        assert_eq!(probe(&bytes, true), Probe::Record(Header { content: 22, version: 2, len: 31, size: 2 }));
        assert_eq!(probe(&[0x80, 0x20, 1, 3, 1, 0, 6, 0, 0, 0, 16], true), Probe::No);
    }
}
