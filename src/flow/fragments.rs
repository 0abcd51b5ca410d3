//! Datagrams out of IP fragments (RFC 791 3.2, RFC 8200 4.5).

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::IpAddr;

use crate::decode::Fragment;
use crate::frame::{FrameNumber, Timestamp};

/// How long fragments wait for the rest, nanoseconds of capture time (RFC 8200 4.5).
pub const TIMEOUT: i64 = 60_000_000_000;

/// The most bytes of fragments kept, with what each costs beside its bytes: a hundred of the largest datagrams.
const MAX_BYTES: usize = 8 << 20;

/// What a run of bytes costs beside them.
const PIECE_COST: usize = 64;

/// What a fragment costs beside its bytes, of which there may be none that are new.
const PART_COST: usize = size_of::<Part>();

/// The longest datagram payload there is (RFC 791 3.1).
const MAX_DATAGRAM: u32 = 65_535;

/// Which datagram: addresses, VLAN, protocol (none in IPv6, see [`DatagramKey::new`]), identification.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct DatagramKey(IpAddr, IpAddr, u16, u8, u32);

/// A datagram put together from fragments.
#[derive(Debug)]
pub struct Whole {
    /// IP protocol number of what it carries.
    pub protocol: u8,
    /// What it carries.
    pub bytes: Vec<u8>,
    /// Its fragments.
    pub parts: Vec<Part>,
}

/// A fragment of a datagram that was put together; they are in the order of their offsets, and those of one offset as
/// they came. What the flags say is what Wireshark's `ip.fragment.*` of the same names do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Part {
    /// Number of the frame that it came in.
    pub frame: FrameNumber,
    /// Where its bytes begin in the datagram's payload.
    pub offset: u32,
    /// How many they are.
    pub len: u32,
    /// It begins before the end of those that precede it.
    pub overlap: bool,
    /// It has other bytes than a fragment that came before it.
    pub conflict: bool,
    /// It is a last fragment, and ends elsewhere than the first last fragment that came.
    pub other_tail: bool,
    /// It goes beyond the datagram's end.
    pub too_long: bool,
}

impl Part {
    /// Whether it is an error, and not merely an overlap.
    pub fn is_wrong(&self) -> bool {
        self.conflict || self.other_tail || self.too_long
    }
}

/// What a frame completed.
#[derive(Debug)]
pub struct Assembly {
    /// Which of the frame's layers is the last header of the fragment: that of IPv4, or the fragment header of IPv6.
    pub layer: usize,
    /// Length of the datagram's payload.
    pub len: u32,
    /// Its fragments.
    pub parts: Vec<Part>,
}

/// Fragments that wait for the rest of their datagram.
#[derive(Debug, Default)]
pub struct Fragments {
    datagrams: HashMap<DatagramKey, Datagram>,
    /// Datagrams in the order of their first fragment; the number tells one from a later one with the same key.
    order: VecDeque<(DatagramKey, u64)>,
    bytes: usize,
    started: u64,
    /// Datagrams given up: too late, or at the bound.
    pub given_up: u64,
}

#[derive(Debug)]
struct Datagram {
    number: u64,
    since: Timestamp,
    protocol: u8,
    parts: Vec<Part>,
    /// Runs of bytes, none of which overlap.
    pieces: BTreeMap<u32, Vec<u8>>,
    /// Bytes in them.
    len: usize,
    /// Length of the whole, once a last fragment is there.
    total: Option<u32>,
}

impl DatagramKey {
    /// In IPv6 the first fragment alone says what the datagram carries (RFC 8200 4.5).
    fn new((src, dst): (IpAddr, IpAddr), vlan: u16, fragment: Fragment) -> Self {
        Self(src, dst, vlan, if src.is_ipv4() { fragment.protocol } else { 0 }, fragment.id)
    }
}

impl Fragments {
    /// Takes a fragment with its bytes, out of a frame of this number, VLAN (0 for none) and time; gives the datagram
    /// once it is whole. Of overlapping bytes the first copy stands.
    pub fn push(
        &mut self,
        ends: (IpAddr, IpAddr),
        vlan: u16,
        fragment: Fragment,
        bytes: &[u8],
        (frame, time): (FrameNumber, Timestamp),
    ) -> Option<Whole> {
        let end = fragment.offset + bytes.len() as u32;
        if end > MAX_DATAGRAM || bytes.is_empty() {
            return None;
        }
        self.expire(time);
        let key = DatagramKey::new(ends, vlan, fragment);
        let datagram = self.datagrams.entry(key).or_insert_with(|| {
            self.started += 1;
            self.order.push_back((key, self.started));
            Datagram::new(self.started, time)
        });
        let before = datagram.cost();
        datagram.add(frame, fragment, bytes);
        self.bytes = self.bytes - before + datagram.cost();
        if !datagram.is_whole() {
            return None;
        }
        let datagram = self.datagrams.remove(&key)?;
        self.bytes -= datagram.cost();
        Some(datagram.join())
    }

    /// Datagrams that still lack fragments.
    pub fn waiting(&self) -> u64 {
        self.datagrams.len() as u64
    }

    fn expire(&mut self, now: Timestamp) {
        while let Some(&(key, number)) = self.order.front() {
            let current = self.datagrams.get(&key).filter(|datagram| datagram.number == number);
            if let Some(datagram) = current {
                if self.bytes < MAX_BYTES && now.since(datagram.since) < TIMEOUT {
                    return;
                }
                self.bytes -= datagram.cost();
                self.datagrams.remove(&key);
                self.given_up += 1;
            }
            self.order.pop_front();
        }
    }
}

impl Datagram {
    fn new(number: u64, since: Timestamp) -> Self {
        Self { number, since, protocol: 0, parts: Vec::new(), pieces: BTreeMap::new(), len: 0, total: None }
    }

    fn cost(&self) -> usize {
        self.len + self.pieces.len() * PIECE_COST + self.parts.len() * PART_COST
    }

    fn add(&mut self, frame: FrameNumber, fragment: Fragment, bytes: &[u8]) {
        let (offset, len) = (fragment.offset, bytes.len() as u32);
        if offset == 0 || self.parts.is_empty() {
            self.protocol = fragment.protocol;
        }
        let other_tail = !fragment.more && *self.total.get_or_insert(offset + len) != offset + len;
        if !fragment.more && !other_tail {
            self.cut(offset + len);
        }
        let room = self.total.map_or(len, |total| total.saturating_sub(offset));
        let conflict = self.fill(offset, &bytes[..bytes.len().min(room as usize)]);
        self.parts.push(Part { frame, offset, len, overlap: false, conflict, other_tail, too_long: false });
    }

    /// Drops what is beyond the end.
    fn cut(&mut self, total: u32) {
        let beyond = self.pieces.split_off(&total);
        self.len -= beyond.values().map(Vec::len).sum::<usize>();
        if let Some((start, piece)) = self.pieces.range_mut(..total).next_back() {
            let keep = piece.len().min((total - start) as usize);
            self.len -= piece.len() - keep;
            piece.truncate(keep);
        }
    }

    /// Keeps those of the bytes that are new; whether others are not as they were.
    fn fill(&mut self, mut at: u32, mut bytes: &[u8]) -> bool {
        let mut conflict = false;
        if let Some((&start, piece)) = self.pieces.range(..at).next_back() {
            let known = piece.get((at - start) as usize..).unwrap_or_default();
            let n = known.len().min(bytes.len());
            conflict |= known[..n] != bytes[..n];
            (bytes, at) = (&bytes[n..], at + n as u32);
        }
        while !bytes.is_empty() {
            let n = match self.pieces.range(at..).next() {
                Some((&start, piece)) if start == at => {
                    let n = piece.len().min(bytes.len());
                    conflict |= piece[..n] != bytes[..n];
                    n
                }
                next => {
                    let n = next.map_or(bytes.len(), |(start, _)| bytes.len().min((start - at) as usize));
                    self.pieces.insert(at, bytes[..n].to_vec());
                    self.len += n;
                    n
                }
            };
            (bytes, at) = (&bytes[n..], at + n as u32);
        }
        conflict
    }

    /// Pieces neither overlap nor go beyond the whole, so that they are the whole if their lengths add up to it.
    fn is_whole(&self) -> bool {
        self.total.is_some_and(|total| self.len == total as usize)
    }

    fn join(mut self) -> Whole {
        self.parts.sort_by_key(|part| part.offset);
        let total = self.len as u32;
        let mut reached = 0;
        for part in &mut self.parts {
            let end = part.offset + part.len;
            part.overlap = part.offset < reached;
            part.too_long = end > total;
            reached = reached.max(end.min(total));
        }
        Whole { protocol: self.protocol, bytes: self.pieces.into_values().flatten().collect(), parts: self.parts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends() -> (IpAddr, IpAddr) {
        (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]))
    }

    fn fragment(id: u32, offset: u32, more: bool) -> Fragment {
        Fragment { id, protocol: 6, offset, more }
    }

    /// Fragments of one datagram, each in a frame of its own, and the datagrams that they give.
    fn put_together(fragments: &[(u32, bool, &[u8])]) -> Vec<Whole> {
        let mut all = Fragments::default();
        let wholes = (1..).zip(fragments).filter_map(|(number, &(offset, more, bytes))| {
            all.push(ends(), 0, fragment(1, offset, more), bytes, (number, Timestamp(0)))
        });
        let wholes = wholes.collect();
        assert!(all.waiting() > 0 || all.bytes == 0);
        wholes
    }

    /// Frames of which this holds.
    fn frames(whole: &Whole, holds: impl Fn(&Part) -> bool) -> Vec<FrameNumber> {
        whole.parts.iter().filter(|part| holds(part)).map(|part| part.frame).collect()
    }

    #[test]
    fn any_order_gives_the_datagram_and_the_first_copy_stands() {
        let wholes = put_together(&[(8, false, b"89"), (4, true, b"4567"), (0, true, b"0123xx")]);
        let [whole] = &wholes[..] else { panic!("{wholes:?}") };
        assert_eq!((whole.protocol, &whole.bytes[..]), (6, &b"0123456789"[..]));
        assert_eq!(frames(whole, |_| true), [3, 2, 1]);
        assert_eq!(frames(whole, |part| part.overlap), [2]);
        assert_eq!(frames(whole, |part| part.conflict), [3]);
    }

    #[test]
    fn a_copy_overlaps_and_is_no_error() {
        let wholes = put_together(&[(0, true, b"0123"), (0, true, b"0123"), (4, false, b"4"), (4, false, b"4")]);
        let [whole] = &wholes[..] else { panic!("{wholes:?}") };
        assert_eq!(frames(whole, |part| part.overlap && !part.is_wrong()), [2]);
        assert!(frames(whole, Part::is_wrong).is_empty());
    }

    #[test]
    fn bytes_beyond_the_end_do_not_make_up_for_those_that_are_missing() {
        let wholes = put_together(&[
            (16, true, b"beyond the end"),
            (8, false, b"89"),
            (10, true, b"beyond"),
            (0, true, b"0123456"),
            (6, false, b"6"),
            (7, true, b"7"),
        ]);
        let [whole] = &wholes[..] else { panic!("{wholes:?}") };
        assert_eq!(whole.bytes, b"0123456789");
        assert_eq!(frames(whole, |part| part.too_long), [3, 1]);
        assert_eq!(frames(whole, |part| part.other_tail), [5]);
    }

    #[test]
    fn a_vlan_has_datagrams_of_its_own_and_in_ipv6_the_first_fragment_names_the_protocol() {
        let mut all = Fragments::default();
        let mut push = |ends, vlan, protocol, offset, more| {
            let fragment = Fragment { protocol, ..fragment(1, offset, more) };
            all.push(ends, vlan, fragment, b"01234567", (1, Timestamp(0))).map(|whole| whole.protocol)
        };
        assert_eq!(push(ends(), 5, 17, 0, true), None);
        assert_eq!(push(ends(), 6, 17, 8, false), None);
        assert_eq!(push(ends(), 5, 6, 8, false), None);
        assert_eq!(push(ends(), 5, 17, 8, false), Some(17));
        let ends = (IpAddr::from([1; 16]), IpAddr::from([2; 16]));
        assert_eq!(push(ends, 0, 6, 8, false), None);
        assert_eq!(push(ends, 0, 17, 0, true), Some(17));
    }

    #[test]
    fn what_never_becomes_whole_is_given_up_at_the_bound_and_after_the_timeout() {
        let mut fragments = Fragments::default();
        for id in 0..1000 {
            fragments.push(ends(), 0, fragment(id, 8, true), &[0; 60_000], (1, Timestamp(0)));
        }
        assert!(fragments.bytes < MAX_BYTES + 70_000);
        let late = Timestamp(TIMEOUT + 1);
        fragments.push(ends(), 0, fragment(2000, 8, true), &[0; 8], (2, late));
        assert_eq!((fragments.waiting(), fragments.given_up), (1, 1000));
    }

    #[test]
    fn copies_without_end_are_given_up_at_the_bound() {
        let mut fragments = Fragments::default();
        for number in 0..2 * (MAX_BYTES / PART_COST) as u64 {
            fragments.push(ends(), 0, fragment(1, 0, true), &[0; 8], (number, Timestamp(0)));
        }
        assert!(fragments.bytes < MAX_BYTES + 100 && fragments.given_up >= 1, "{}", fragments.given_up);
    }
}
