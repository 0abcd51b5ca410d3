//! How HTTP/2 is known by its first bytes.

use super::frame::{Chain, HEADER_LEN, Header, PREFACE, kind};
use crate::app::protocol::Guess;

/// The longest payload of SETTINGS by which a connection is recognised; there are some ten of six bytes.
const MAX_FIRST_SETTINGS: u32 = 192;

/// Whether bytes begin HTTP/2: with the preface, with settings, or, joined midway, with frames.
pub fn guess(bytes: &[u8]) -> Guess {
    if bytes.starts_with(PREFACE) {
        return Guess::Yes;
    }
    if PREFACE.starts_with(bytes) {
        return Guess::Maybe;
    }
    let Some(header) = bytes.first_chunk().map(|header| Header::parse(*header)) else {
        let may_be = bytes[0] == 0 && bytes.get(1).is_none_or(|len| *len <= 0x40);
        return if may_be && bytes.get(3).is_none_or(|kind| *kind <= kind::CONTINUATION) {
            Guess::Maybe
        } else {
            Guess::No
        };
    };
    if !header.is_plausible() {
        return Guess::No;
    }
    if header.kind == kind::SETTINGS && header.len > 0 {
        return match bytes.get(HEADER_LEN..HEADER_LEN + 2) {
            _ if header.len > MAX_FIRST_SETTINGS => Guess::No,
            None => Guess::Maybe,
            Some(id) if id[0] == 0 && (1..0x10).contains(&id[1]) => Guess::Yes,
            Some(_) => Guess::No,
        };
    }
    let chain = Chain::of(bytes);
    if chain.links > 1 || chain.links == 1 && chain.is_whole { Guess::Yes } else { Guess::No }
}
