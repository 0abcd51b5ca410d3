//! What DNS is on a port that does not say so, and at a place of a stream where a message may begin.

use super::{Dns, HEADER_LEN, Variant, codes, parse};
use crate::app::protocol::Guess;

/// Length of the prefix that tells a message's length over TCP (RFC 1035 4.2.2).
pub const PREFIX_LEN: usize = 2;

/// Shortest question: the root, a type, a class.
const MIN_QUESTION: usize = 5;

/// Shortest record: the root, type, class, time to live, length.
const MIN_RECORD: usize = 11;

/// Bytes of the first question that tell.
const ENOUGH: usize = 8;

/// Longest message with which a stream may begin, or be joined. Few are longer than what fits into a datagram.
const MAX_FIRST: usize = 0x0fff;

/// The message that a datagram is, where all of it reads as one question, and perhaps its answer.
pub fn whole(bytes: &[u8]) -> Option<Dns> {
    if !is_header(bytes, bytes.len()) {
        return None;
    }
    parse(bytes, Variant::Dns).filter(|dns| is_whole(dns, bytes.len()))
}

/// Whether a message was read to its end, and has nothing that is out of the ordinary.
fn is_whole(dns: &Dns, len: usize) -> bool {
    !dns.is_malformed && dns.end == len && dns.questions.iter().all(|question| is_usual(question.kind, question.class))
}

/// Whether a question of this type and class is likely.
fn is_usual(kind: u16, class: u16) -> bool {
    [1, 3, 255].contains(&class) && !codes::kind(kind).starts_with("TYPE")
}

/// Whether a byte may be the first of a message's length.
pub fn may_begin(byte: u8) -> bool {
    usize::from(byte) <= MAX_FIRST >> 8
}

/// Whether a message with its length before it begins here.
pub fn guess(bytes: &[u8]) -> Guess {
    let Some((prefix, bytes)) = bytes.split_first_chunk() else { return Guess::Maybe };
    let len = usize::from(u16::from_be_bytes(*prefix));
    if !(HEADER_LEN + MIN_QUESTION..=MAX_FIRST).contains(&len) {
        return Guess::No;
    }
    match bytes.get(..len) {
        Some(message) => yes_if(whole(message).is_some()),
        None if bytes.len() < HEADER_LEN => Guess::Maybe,
        None if !is_header(bytes, len) => Guess::No,
        None => bytes.get(HEADER_LEN..).map_or(Guess::No, is_question),
    }
}

fn yes_if(holds: bool) -> Guess {
    if holds { Guess::Yes } else { Guess::No }
}

/// Whether a message of this length may have this header: one question, and what goes with it.
fn is_header(bytes: &[u8], len: usize) -> bool {
    let Some(header) = bytes.first_chunk::<HEADER_LEN>() else { return false };
    let word = |i: usize| u16::from_be_bytes([header[2 * i], header[2 * i + 1]]);
    let (flags, records) = (word(1), usize::from(word(3)) + usize::from(word(4)) + usize::from(word(5)));
    let is_query = flags & 0x8000 == 0;
    // A query has neither answers nor the flags of a response; an incremental transfer has one record more.
    let fits =
        if is_query { word(3) == 0 && word(4) <= 1 && word(5) <= 2 && flags & 0x068f == 0 } else { flags & 0xf <= 10 };
    // Plain queries, with the reserved bit zero.
    let plain = flags & 0x7840 == 0;
    fits && plain && word(2) == 1 && HEADER_LEN + MIN_QUESTION + MIN_RECORD * records <= len
}

/// Whether a question begins, of which more bytes than these are to come. Its type and class tell if they are there, or
/// the letters of its name.
fn is_question(bytes: &[u8]) -> Guess {
    // As much of a name as this is seldom there by chance.
    let so_far = if bytes.len() >= ENOUGH { Guess::Yes } else { Guess::Maybe };
    let mut at = 0;
    loop {
        let Some(&len) = bytes.get(at) else { return so_far };
        if len == 0 {
            break;
        }
        let end = at + 1 + usize::from(len);
        let label = bytes.get(at + 1..bytes.len().min(end)).unwrap_or_default();
        if len > 63 || !label.iter().all(u8::is_ascii_graphic) {
            return Guess::No;
        }
        at = end;
    }
    match bytes.get(at + 1..at + MIN_QUESTION) {
        Some(&[a, b, c, d]) => yes_if(is_usual(u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]))),
        _ => so_far,
    }
}
