//! Field blocks (RFC 7541): the library undoes one representation at a time, so that what it cannot read is known.

use std::ops::Range;

use httlib_hpack::{Decoder, DecoderError};

use crate::issue::{Issue, IssueSet};

/// The largest table that is kept of what a direction sent: browsers allow as much, everyone else 4 KiB.
pub const MAX_TABLE: u32 = 64 << 10;

/// Most bytes of the names and values of a block that are kept; browsers take as much. A block of some bytes can say
/// megabytes.
pub const MAX_LIST: usize = 256 << 10;

/// The size of a table until the encoder says another (RFC 9113 6.5.2).
const DEFAULT_TABLE: u32 = 4096;

/// Most bytes of an integer, as the library has it: values up to 2^28.
const MAX_INTEGER: usize = 5;

/// One field line; what is not known of it is `None`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Line<'a> {
    /// Its name.
    pub name: Option<&'a [u8]>,
    /// Its value.
    pub value: Option<&'a [u8]>,
}

/// The field blocks of one direction, in order.
pub struct Blocks {
    decoder: Decoder<'static>,
    /// Whether a block was missed, so that entries of the table are not known.
    lost: bool,
    /// The representation that is given to the library, and what it makes of it.
    piece: Vec<u8>,
    made: Vec<(Vec<u8>, Vec<u8>, u8)>,
}

impl Default for Blocks {
    fn default() -> Self {
        Self { decoder: decoder(DEFAULT_TABLE), lost: false, piece: Vec::new(), made: Vec::with_capacity(1) }
    }
}

/// Why a block is not read further.
enum Stop {
    /// It refers to an entry that the table does not have.
    Index,
    /// It cannot be read.
    Malformed,
}

impl Blocks {
    /// A block was missed: what the table had is not known any more.
    pub fn lose(&mut self) {
        // A table that is larger than the encoder's has what that has.
        self.decoder = decoder(MAX_TABLE);
        self.lost = true;
    }

    /// Reads a block as far as it can be read, and tells what is wrong with it. One that is not `whole` was cut.
    pub fn read(&mut self, block: &[u8], whole: bool, put: &mut dyn FnMut(Line<'_>)) -> IssueSet {
        let mut issues = IssueSet::EMPTY;
        let (mut rest, mut size) = (block, 0);
        while !rest.is_empty() {
            let Some(len) = representation(rest) else {
                if whole {
                    issues.insert(Issue::BadFieldBlock);
                }
                break;
            };
            let (piece, after) = rest.split_at(len);
            rest = after;
            match self.one(piece) {
                Ok(()) => {}
                Err(Stop::Index) if self.lost => self.unknown(piece),
                Err(_) => {
                    issues.insert(Issue::BadFieldBlock);
                    break;
                }
            }
            let Some((name, value, _)) = self.made.first() else { continue };
            // Names are not empty; an entry that is not known has neither.
            let name = Some(&name[..]).filter(|name| !name.is_empty());
            let value = Some(&value[..]).filter(|value| name.is_some() || !value.is_empty());
            if name.is_none() {
                issues.insert(if self.lost { Issue::FieldsUnknown } else { Issue::BadHeaderName });
            }
            size += name.map_or(0, <[u8]>::len) + value.map_or(0, <[u8]>::len);
            if size > MAX_LIST {
                issues.insert(Issue::HeadTooLarge);
                break;
            }
            put(Line { name, value });
        }
        if !whole || !rest.is_empty() || issues.contains(Issue::BadFieldBlock) {
            self.lose();
        }
        issues
    }

    /// Has the library read a representation that is whole: a field line or nothing is in `made`.
    fn one(&mut self, piece: &[u8]) -> Result<(), Stop> {
        self.piece.clear();
        self.piece.extend_from_slice(piece);
        self.made.clear();
        match self.decoder.decode_exact(&mut self.piece, &mut self.made) {
            Ok(_) => Ok(()),
            Err(DecoderError::InvalidIndex) => Err(Stop::Index),
            Err(_) => Err(Stop::Malformed),
        }
    }

    /// A representation that refers to an entry that is not known; where it makes an entry, that has no name.
    fn unknown(&mut self, piece: &[u8]) {
        let literal = literal_prefix(piece).and_then(|prefix| Some((prefix, integer(piece, prefix)?.1)));
        let Some((prefix, index_len)) = literal else {
            self.made.clear();
            self.made.push(Default::default());
            return;
        };
        let nameless = [piece[0] & !((1 << prefix) - 1), 0];
        let again = [&nameless, &piece[index_len..]].concat();
        if self.one(&again).is_err() {
            self.made.clear();
            self.made.push(Default::default());
        }
    }
}

fn decoder(size: u32) -> Decoder<'static> {
    let mut decoder = Decoder::with_dynamic_size(size);
    decoder.set_max_dynamic_size(MAX_TABLE);
    decoder
}

/// The length of the representation that begins `bytes` (RFC 7541 6); none where it is not whole.
pub fn representation(bytes: &[u8]) -> Option<usize> {
    let first = *bytes.first()?;
    match literal_prefix(bytes) {
        // A literal ends with its value.
        Some(_) => Some(value(bytes)?.0.end),
        None => Some(integer(bytes, if first & 0x80 != 0 { 7 } else { 5 })?.1),
    }
}

/// Where the value is in the literal that begins `bytes`, and whether it is Huffman-coded; none where that is no literal,
/// or not whole.
pub fn value(bytes: &[u8]) -> Option<(Range<usize>, bool)> {
    let (index, mut at) = integer(bytes, literal_prefix(bytes)?)?;
    if index == 0 {
        let (name, prefix) = integer(bytes.get(at..)?, 7)?;
        at += prefix + name as usize;
    }
    let (len, prefix) = integer(bytes.get(at..)?, 7)?;
    let is_coded = bytes.get(at)? & 0x80 != 0;
    at += prefix;
    let range = at..at + len as usize;
    (range.end <= bytes.len()).then_some((range, is_coded))
}

/// Bits of the index of a literal (RFC 7541 6.2); none where `bytes` begin with no literal.
fn literal_prefix(bytes: &[u8]) -> Option<u8> {
    match bytes.first()? {
        0x40..0x80 => Some(6),
        0..0x20 => Some(4),
        _ => None,
    }
}

/// The integer that begins `bytes`, of which the first byte has so many bits, and its length (RFC 7541 5.1); none where
/// it is not whole, or longer than the library has it.
fn integer(bytes: &[u8], prefix: u8) -> Option<(u32, usize)> {
    let mask = (1u32 << prefix) - 1;
    let first = u32::from(*bytes.first()?) & mask;
    if first < mask {
        return Some((first, 1));
    }
    let mut value = mask;
    for (i, byte) in bytes.iter().enumerate().take(MAX_INTEGER).skip(1) {
        value += u32::from(byte & 0x7f) << (7 * (i - 1));
        if byte & 0x80 == 0 {
            return Some((value, i + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(blocks: &mut Blocks, block: &[u8]) -> (Vec<String>, IssueSet) {
        let mut lines = Vec::new();
        let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or(b"?")).into_owned();
        let issues =
            blocks.read(block, true, &mut |line| lines.push(format!("{}={}", text(line.name), text(line.value))));
        (lines, issues)
    }

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter_map(|b| (b as char).to_digit(16)).map(|d| d as u8).collect();
        digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }

    /// The requests of RFC 7541 C.4, which make and use entries of the table.
    const REQUESTS: [&str; 3] = [
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        "8286 84be 5886 a8eb 1064 9cbf",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
    ];

    #[test]
    fn blocks_use_what_blocks_before_them_made() {
        let mut blocks = Blocks::default();
        let all: Vec<_> = REQUESTS.iter().map(|block| read(&mut blocks, &hex(block))).collect();
        assert_eq!(all[0].0, [":method=GET", ":scheme=http", ":path=/", ":authority=www.example.com"]);
        assert_eq!(all[1].0[3..], [":authority=www.example.com", "cache-control=no-cache"]);
        assert_eq!(all[2].0[2..], [":path=/index.html", ":authority=www.example.com", "custom-key=custom-value"]);
        assert!(all.iter().all(|(_, issues)| issues.is_empty()));
    }

    #[test]
    fn after_a_lost_block_what_is_known_is_told() {
        let mut blocks = Blocks::default();
        blocks.lose();
        let (lines, issues) = read(&mut blocks, &hex(REQUESTS[1]));
        assert_eq!(lines, [":method=GET", ":scheme=http", ":path=/", "?=?", "cache-control=no-cache"]);
        assert_eq!(issues.iter().collect::<Vec<_>>(), [Issue::FieldsUnknown]);
        // The entry of that block is known: it is the latest one. The one before it is not.
        let (lines, _) = read(&mut blocks, &[0xbe, 0xbf]);
        assert_eq!(lines, ["cache-control=no-cache", "?=?"]);
        // An entry whose name is not known has its place, and its value.
        let (lines, _) = read(&mut blocks, &[0x7f, 0x09, 1, b'x']);
        assert_eq!(lines, ["?=x"]);
        let (lines, _) = read(&mut blocks, &[0xbe, 0xbf]);
        assert_eq!(lines, ["?=x", "cache-control=no-cache"]);
    }

    #[test]
    fn a_block_that_cannot_be_read_is_read_up_to_there() {
        for bad in [&[0x82, 0xff][..], &[0x82, 0x40], &[0x82, 0x40, 0x05, b'a'], &[0x82, 0xbe], &[0x82, 0x80]] {
            let (lines, issues) = read(&mut Blocks::default(), bad);
            assert_eq!(lines, [":method=GET"], "{bad:?}");
            assert!(issues.contains(Issue::BadFieldBlock), "{bad:?}");
        }
    }

    #[test]
    fn a_block_that_says_megabytes_is_cut() {
        let mut blocks = Blocks::default();
        let entry = [&[0x40, 1, b'a', 0x7f, 0xa1, 0x1e][..], &[b'v'; 4000]].concat();
        let bomb = [&entry[..], &[0xbe; 10_000]].concat();
        let (lines, issues) = read(&mut blocks, &bomb);
        assert!(issues.contains(Issue::HeadTooLarge));
        assert!(lines.iter().map(String::len).sum::<usize>() < MAX_LIST + 5000);
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let mut seed = 0x2545_f491_4f6c_dd1du64;
        let mut random = || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed
        };
        let mut blocks = Blocks::default();
        for round in 0..20_000 {
            let mut block = hex(REQUESTS[round % 3]);
            for _ in 0..random() % 8 {
                let at = random() as usize % block.len();
                block[at] = random() as u8;
            }
            block.truncate(1 + random() as usize % block.len());
            if round % 2 == 0 {
                block.iter_mut().for_each(|byte| *byte = random() as u8);
            }
            blocks.read(&block, true, &mut |_| {});
        }
    }
}
