//! Datagrams out of IP fragments (RFC 791 3.2, RFC 8200 4.5).

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::IpAddr;

use crate::decode::Fragment;
use crate::frame::Timestamp;

/// How long fragments wait for the rest, nanoseconds of capture time (RFC 8200 4.5).
const TIMEOUT: i64 = 60_000_000_000;

/// The most bytes of fragments kept, with what each costs beside its bytes: a hundred of the largest datagrams.
const MAX_BYTES: usize = 8 << 20;

/// What a fragment costs beside its bytes.
const PIECE_COST: usize = 64;

/// The longest datagram payload there is (RFC 791 3.1).
const MAX_DATAGRAM: u32 = 65_535;

/// Which datagram: addresses, protocol, identification.
type DatagramKey = (IpAddr, IpAddr, u8, u32);

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
    /// Datagrams with fragments that overlap.
    pub overlapped: u64,
}

#[derive(Debug)]
struct Datagram {
    number: u64,
    since: Timestamp,
    pieces: BTreeMap<u32, Vec<u8>>,
    cost: usize,
    /// Length of the whole, once the last fragment is there.
    total: Option<u32>,
    overlaps: bool,
}

impl Fragments {
    /// Takes a fragment with its bytes; gives the datagram's payload once it is whole. Of overlapping bytes the first
    /// copy stands.
    pub fn push(
        &mut self,
        (src, dst): (IpAddr, IpAddr),
        fragment: Fragment,
        bytes: &[u8],
        time: Timestamp,
    ) -> Option<Vec<u8>> {
        let end = fragment.offset + bytes.len() as u32;
        if end > MAX_DATAGRAM || bytes.is_empty() {
            return None;
        }
        self.expire(time);
        let key = (src, dst, fragment.protocol, fragment.id);
        let datagram = self.datagrams.entry(key).or_insert_with(|| {
            self.started += 1;
            self.order.push_back((key, self.started));
            let number = self.started;
            Datagram { number, since: time, pieces: BTreeMap::new(), cost: 0, total: None, overlaps: false }
        });
        let before = datagram.cost;
        datagram.add(fragment, bytes);
        self.bytes = self.bytes - before + datagram.cost;
        if !datagram.whole() {
            return None;
        }
        let datagram = self.datagrams.remove(&key)?;
        self.bytes -= datagram.cost;
        self.overlapped += u64::from(datagram.overlaps);
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
                self.bytes -= datagram.cost;
                self.datagrams.remove(&key);
                self.given_up += 1;
            }
            self.order.pop_front();
        }
    }
}

impl Datagram {
    fn add(&mut self, fragment: Fragment, mut bytes: &[u8]) {
        let mut at = fragment.offset;
        if !fragment.more && self.total.is_none() {
            let total = at + bytes.len() as u32;
            self.total = Some(total);
            let beyond = self.pieces.split_off(&total);
            self.cost -= beyond.values().map(|piece| piece.len() + PIECE_COST).sum::<usize>();
            if let Some((start, piece)) = self.pieces.range_mut(..total).next_back() {
                let keep = piece.len().min((total - start) as usize);
                self.cost -= piece.len() - keep;
                piece.truncate(keep);
            }
        }
        let room = self.total.map_or(bytes.len(), |total| total.saturating_sub(at) as usize);
        bytes = &bytes[..bytes.len().min(room)];
        if let Some((&start, piece)) = self.pieces.range(..at).next_back() {
            let overlap = ((start + piece.len() as u32).saturating_sub(at) as usize).min(bytes.len());
            self.overlaps |= overlap > 0;
            (bytes, at) = (&bytes[overlap..], at + overlap as u32);
        }
        while !bytes.is_empty() {
            let (n, known) = match self.pieces.range(at..).next() {
                Some((&start, piece)) if start == at => (piece.len().min(bytes.len()), true),
                Some((&start, _)) => (((start - at) as usize).min(bytes.len()), false),
                None => (bytes.len(), false),
            };
            if known {
                self.overlaps = true;
            } else {
                self.pieces.insert(at, bytes[..n].to_vec());
                self.cost += n + PIECE_COST;
            }
            (bytes, at) = (&bytes[n..], at + n as u32);
        }
    }

    /// Pieces neither overlap nor go beyond the whole, so that they are the whole if their lengths add up to it.
    fn whole(&self) -> bool {
        self.total.is_some_and(|total| self.cost - self.pieces.len() * PIECE_COST == total as usize)
    }

    fn join(self) -> Vec<u8> {
        self.pieces.into_values().flatten().collect()
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

    #[test]
    fn any_order_gives_the_datagram_and_the_first_copy_stands() {
        let mut fragments = Fragments::default();
        let mut push =
            |offset, more, bytes: &[u8]| fragments.push(ends(), fragment(1, offset, more), bytes, Timestamp(0));
        assert_eq!(push(8, false, b"89"), None);
        assert_eq!(push(4, true, b"4567"), None);
        assert_eq!(push(0, true, b"0123xx").as_deref(), Some(&b"0123456789"[..]));
        assert_eq!((fragments.overlapped, fragments.waiting(), fragments.bytes), (1, 0, 0));
    }

    #[test]
    fn bytes_beyond_the_end_do_not_make_up_for_those_that_are_missing() {
        let mut fragments = Fragments::default();
        let mut push =
            |offset, more, bytes: &[u8]| fragments.push(ends(), fragment(1, offset, more), bytes, Timestamp(0));
        assert_eq!(push(16, true, b"beyond the end"), None);
        assert_eq!(push(8, false, b"89"), None);
        assert_eq!(push(10, true, b"beyond"), None);
        assert_eq!(push(0, true, b"0123456"), None);
        assert_eq!(push(7, true, b"7").as_deref(), Some(&b"0123456789"[..]));
    }

    #[test]
    fn what_never_becomes_whole_is_given_up_at_the_bound_and_after_the_timeout() {
        let mut fragments = Fragments::default();
        for id in 0..1000 {
            fragments.push(ends(), fragment(id, 8, true), &[0; 60_000], Timestamp(0));
        }
        assert!(fragments.bytes < MAX_BYTES + 70_000);
        let late = Timestamp(TIMEOUT + 1);
        fragments.push(ends(), fragment(2000, 8, true), &[0; 8], late);
        assert_eq!((fragments.waiting(), fragments.given_up), (1, 1000));
    }
}
