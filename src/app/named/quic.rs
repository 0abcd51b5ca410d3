//! The long header of a QUIC packet (RFC 9000 17.2, RFC 8999 5.1).

use std::fmt::Write;

use super::{Found, neither};
use crate::app::datagram::Datagram;

/// Most bytes of a connection ID in the versions that there are.
const MAX_ID: usize = 20;

/// What the versions are called.
fn version_name(version: u32) -> Option<String> {
    match version {
        0 => Some("version negotiation".to_owned()),
        1 => Some("version 1".to_owned()),
        0x6b33_43cf => Some("version 2".to_owned()),
        0xff00_0001..=0xff00_00ff => Some(format!("draft {}", version & 0xff)),
        // Google's own have a letter and three digits.
        _ if version >> 24 == u32::from(b'Q') || version >> 24 == u32::from(b'T') => {
            let digits = version.to_be_bytes();
            let digits = digits.get(1..)?;
            digits.iter().all(u8::is_ascii_digit).then(|| format!("Google {}", String::from_utf8_lossy(digits)))
        }
        // Reserved to exercise version negotiation (RFC 9000 15).
        _ if version & 0x0f0f_0f0f == 0x0a0a_0a0a => Some(format!("reserved version {version:08x}")),
        _ => None,
    }
}

/// The header form and the fixed bit, a version that there is, and connection IDs that are not too long.
pub(super) fn read(datagram: &Datagram<'_>) -> Option<Found> {
    let (first, rest) = datagram.bytes.split_first()?;
    let (version, rest) = rest.split_first_chunk().map(|(version, rest)| (u32::from_be_bytes(*version), rest))?;
    if first & 0x80 == 0 || version != 0 && first & 0x40 == 0 {
        return None;
    }
    let name = version_name(version)?;
    let (to, rest) = id(rest)?;
    let (from, rest) = id(rest)?;
    let kind = match (version, first >> 4 & 3) {
        (0, _) if rest.is_empty() || rest.len() % 4 != 0 => return None,
        (0, _) => "Version Negotiation",
        (0x6b33_43cf, kind) => ["Retry", "Initial", "0-RTT", "Handshake"][usize::from(kind)],
        (_, kind) => ["Initial", "0-RTT", "Handshake", "Retry"][usize::from(kind)],
    };
    let mut summary = kind.to_owned();
    if version != 0 {
        // Writing to a String does not fail.
        let _ = write!(summary, ", {name}");
    }
    for (what, id) in [("to", to), ("from", from)] {
        if !id.is_empty() {
            let _ = write!(summary, ", {what} ");
            id.iter().for_each(|byte| {
                let _ = write!(summary, "{byte:02x}");
            });
        }
    }
    Some(Found::new(neither(datagram), u32::from(first >> 4 & 3), summary))
}

/// A connection ID after its length.
fn id(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first()?;
    rest.split_at_checked(usize::from(*len)).filter(|(id, _)| id.len() <= MAX_ID)
}
