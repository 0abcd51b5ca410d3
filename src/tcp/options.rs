//! TCP options that the analysis needs (RFC 9293 3.2, RFC 7323, RFC 2018).

use super::Seq;

/// Where the options begin in a header, in bytes.
pub const AT: usize = 20;

/// Options of one segment, as far as they are known; what follows a malformed option is not read.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Options {
    /// Maximum segment size, bytes (kind 2).
    pub mss: Option<u16>,
    /// Window scale: the shift count, as sent (kind 3).
    pub window_scale: Option<u8>,
    /// SACK permitted (kind 4).
    pub sack_permitted: bool,
    /// The Multipath TCP options that are there (kind 30): the bit of each subtype below 8 (RFC 8684 3).
    pub mptcp: u8,
    /// A Fast Open cookie, its length (kind 34, and kind 254 with its number, RFC 7413 4.1.1 and RFC 6994 3).
    pub fast_open: Option<u8>,
    /// Selective acknowledgments (kind 5).
    pub sack: Sack,
    /// The frame ends before they do.
    pub are_cut: bool,
}

/// The blocks of a SACK option in the order sent, each as its left and right edge (RFC 2018 3).
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Sack {
    blocks: [(Seq, Seq); 4],
    len: u8,
}

impl Sack {
    /// Reads the value of the option; an option has room for four blocks.
    fn parse(value: &[u8]) -> Self {
        let mut sack = Self::default();
        for (block, edges) in sack.blocks.iter_mut().zip(edges(value)) {
            *block = edges;
            sack.len += 1;
        }
        sack
    }

    /// The blocks.
    pub fn blocks(&self) -> &[(Seq, Seq)] {
        self.blocks.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl Options {
    /// None of them.
    pub const NONE: Self = Self {
        mss: None,
        window_scale: None,
        sack_permitted: false,
        mptcp: 0,
        fast_open: None,
        sack: Sack { blocks: [(Seq(0), Seq(0)); 4], len: 0 },
        are_cut: false,
    };

    /// Whether the raw option bytes are what most segments have, and have none of these: no bytes, or timestamps alone.
    #[inline]
    pub fn are_plain(bytes: &[u8]) -> bool {
        bytes.is_empty() || bytes.len() == 12 && bytes.starts_with(&[1, 1, 8, 10])
    }

    /// Reads them from the raw option bytes of a header.
    pub fn parse(bytes: &[u8]) -> Self {
        let mut options = Self::NONE;
        // As most SYNs have them: MSS, SACK permitted, timestamps, a no-operation and the window scale.
        if let &[2, 4, high, low, 4, 2, 8, 10, _, _, _, _, _, _, _, _, 1, 3, 3, shift] = bytes {
            (options.mss, options.sack_permitted) = (Some(u16::from_be_bytes([high, low])), true);
            options.window_scale = Some(shift);
            return options;
        }
        for (kind, value) in walk(bytes) {
            match (kind, value) {
                (2, &[a, b]) => options.mss = Some(u16::from_be_bytes([a, b])),
                (3, &[shift]) => options.window_scale = Some(shift),
                (4, &[]) => options.sack_permitted = true,
                (5, blocks) => options.sack = Sack::parse(blocks),
                (30, &[subtype, ..]) => options.mptcp |= 1u8.checked_shl((subtype >> 4).into()).unwrap_or(0),
                (34, cookie) | (254, [0xf9, 0x89, cookie @ ..]) => options.fast_open = Some(cookie.len() as u8),
                _ => {}
            }
        }
        options
    }
}

/// The blocks of all SACK options among the raw option bytes of a header.
pub fn sack_blocks(bytes: &[u8]) -> impl Iterator<Item = (Seq, Seq)> {
    walk(bytes).filter(|&(kind, _)| kind == 5).flat_map(|(_, value)| edges(value))
}

fn edges(value: &[u8]) -> impl Iterator<Item = (Seq, Seq)> {
    let (edges, _) = value.as_chunks::<4>();
    let edge = |bytes| Seq(u32::from_be_bytes(bytes));
    edges.as_chunks::<2>().0.iter().map(move |&[left, right]| (edge(left), edge(right)))
}

/// The options in order, as kind and value, up to the end of the list or the first malformed one; no-operations are
/// left out.
pub fn walk(bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        loop {
            match *rest {
                [1, ref tail @ ..] => rest = tail,
                [0, ..] | [] | [_] => return None,
                [kind, len, ref tail @ ..] => {
                    let (value, next) = tail.split_at_checked(usize::from(len).checked_sub(2)?)?;
                    rest = next;
                    return Some((kind, value));
                }
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_kinds_are_stepped_over_and_a_lying_length_ends_the_list() {
        let options = Options::parse(&[34, 4, 9, 9, 1, 2, 4, 5, 180, 3, 3, 7, 4, 2, 0]);
        assert_eq!((options.mss, options.window_scale, options.fast_open), (Some(1460), Some(7), Some(2)));
        assert!(options.sack_permitted);
        let sack = Options::parse(&[5, 18, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 1, 0, 0, 0, 2, 0]).sack;
        assert_eq!(sack.blocks(), [(Seq(1), Seq(9)), (Seq(256), Seq(512))]);
        let syn = [2, 4, 5, 180, 4, 2, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 3, 3, 7];
        assert_eq!(Options::parse(&syn), Options::parse(&[&syn[..], &[1, 1, 1, 0]].concat()));
        assert_eq!((Options::parse(&syn).mss, Options::parse(&syn).window_scale), (Some(1460), Some(7)));
        assert_eq!(Options::parse(&[3, 0, 7, 2, 4, 5, 180]), Options::default());
        assert_eq!(Options::parse(&[3, 200, 7]), Options::default());
    }
}
