//! Which bytes of a header a field's values come from.

use super::{Get, Layer};
use crate::field::{Field, Value};

/// Where a value comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// Its first byte, from the start of the header.
    pub first: usize,
    /// Its last byte.
    pub last: usize,
    /// The bits of the first byte that count.
    pub mask: u8,
}

/// Headers are looked at up to here; those with more are few, and the work grows with the square.
const MAX_EXAMINED: usize = 512;

/// Each value of a field with its place; none where the value is no part of the header.
///
/// A getter tells values and not where they are, so it is asked again with each bit of the header changed in turn.
pub fn places<'x>(layer: &'x Layer<'_>, field: &Field<Get>) -> Vec<(Value<'x>, Option<Place>)> {
    let mut values = Vec::new();
    (field.get)(layer, &mut |value| values.push(value));
    let places = match values[..] {
        [_] if !field.many => vec![place_of_one(&values, layer, field)],
        _ => places_in_list(&values, layer, field),
    };
    values.into_iter().zip(places).collect()
}

/// The place of the only value: the last run of bytes that change it. A value that tells that something is there, as a boolean of an
/// option does, has its place where each changed bit makes it vanish.
fn place_of_one(values: &[Value<'_>], layer: &Layer<'_>, field: &Field<Get>) -> Option<Place> {
    let mut place: Option<Place> = None;
    // The bits of each byte that make it vanish.
    let mut gone = vec![0; layer.header.len()];
    flip(layer, |layer, at, bit| match first_change(values, layer, field, bit) {
        Change::Bit(_) | Change::Shifted(_) | Change::Other => match &mut place {
            Some(place) if place.first == at => place.mask |= bit,
            Some(place) if place.last == at || place.last + 1 == at => place.last = at,
            // What stood before was where another reading of the options came upon something like it.
            _ => place = Some(Place { first: at, last: at, mask: bit }),
        },
        Change::Gone(_) => gone[at] |= bit,
        Change::None => {}
    });
    match &mut place {
        Some(place) => place.mask |= gone[place.first],
        None => {
            let first = gone.iter().rposition(|bits| *bits == u8::MAX).map(|last| {
                // Padding before it, changed, makes it vanish too.
                let most = if let [Value::Bytes(bytes)] = values { bytes.len() } else { usize::MAX };
                let before = gone[..last].iter().rev().take_while(|bits| **bits == u8::MAX).count();
                Place { first: last - before.min(most.saturating_sub(1)), last, mask: 0xff }
            });
            place = first;
        }
    }
    place
}

/// The places of the values of a list, which are whole bytes: those of which most bits, if changed, change just that bit
/// of the value, and none before it. Other bits make the list be read otherwise.
fn places_in_list(values: &[Value<'_>], layer: &Layer<'_>, field: &Field<Get>) -> Vec<Option<Place>> {
    let mut tallies: Vec<Vec<(usize, u32)>> = vec![Vec::new(); values.len()];
    // Of values that are not whole bytes.
    let mut shifted = tallies.clone();
    // Of values that no other is possible for, as the length of the last option.
    let mut gone = tallies.clone();
    flip(layer, |layer, at, bit| {
        let tally = match first_change(values, layer, field, bit) {
            Change::Bit(index) => &mut tallies[index],
            Change::Shifted(index) => &mut shifted[index],
            Change::Gone(index) => &mut gone[index],
            Change::Other | Change::None => return,
        };
        match tally.last_mut() {
            Some((last, bits)) if *last == at => *bits += 1,
            _ => tally.push((at, 1)),
        }
    });
    let place = |index: usize| {
        let vanishing = gone[index].iter().rev().find(|(_, bits)| *bits == 8).map(|&(at, _)| at);
        let vanishing = vanishing.map(|at| Place { first: at, last: at, mask: 0xff });
        best(&tallies[index]).or_else(|| span(&shifted[index])).or(vanishing)
    };
    (0..values.len()).map(place).collect()
}

/// The last run of those bytes that have the most bits.
fn best(tally: &[(usize, u32)]) -> Option<Place> {
    let most = tally.iter().map(|&(_, bits)| bits).max()?;
    let mut bytes = tally.iter().rev().filter(|&&(_, bits)| bits == most).map(|&(at, _)| at);
    let last = bytes.next()?;
    let run = bytes.zip(1..).take_while(|&(at, back)| at + back == last);
    let first = run.last().map_or(last, |(at, _)| at);
    Some(Place { first, last, mask: 0xff })
}

/// From the first of these bytes to the last.
fn span(tally: &[(usize, u32)]) -> Option<Place> {
    let (&(first, _), &(last, _)) = (tally.first()?, tally.last()?);
    Some(Place { first, last, mask: 0xff })
}

/// Calls `look` with each bit of the header changed: the layer, the byte, the bit.
fn flip(layer: &Layer<'_>, mut look: impl FnMut(&Layer<'_>, usize, u8)) {
    let mut header = layer.header.to_vec();
    for at in 0..header.len().min(MAX_EXAMINED) {
        for bit in (0..8).map(|shift| 1 << shift) {
            header[at] ^= bit;
            look(&Layer { header: &header, ..*layer }, at, bit);
            header[at] ^= bit;
        }
    }
}

/// The first value that is not as it was.
enum Change {
    None,
    /// The number of this index has that bit changed, in one of its bytes; or the value of this index is no number.
    Bit(usize),
    /// The number of this index has another bit changed, and no other.
    Shifted(usize),
    /// It is there, and quite another.
    Other,
    /// The number of this index is not there.
    Gone(usize),
}

/// `bit` is the one of a byte that was changed.
fn first_change(values: &[Value<'_>], layer: &Layer<'_>, field: &Field<Get>, bit: u8) -> Change {
    let same = |old: u64, new: u64| (old ^ new).is_power_of_two() && (old ^ new).ilog2() % 8 == bit.ilog2();
    let (mut count, mut change) = (0, Change::None);
    (field.get)(layer, &mut |value| {
        if let (Change::None, Some(old)) = (&change, values.get(count))
            && *old != value
        {
            change = match (old, value) {
                (Value::Uint(old), Value::Uint(new)) if !same(*old, new) => {
                    if (old ^ new).is_power_of_two() {
                        Change::Shifted(count)
                    } else {
                        Change::Other
                    }
                }
                _ => Change::Bit(count),
            };
        }
        count += 1;
    });
    if matches!(change, Change::None) && count < values.len() { Change::Gone(count) } else { change }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{Decoded, decode};
    use crate::frame::{Frame, FrameMeta, LinkType, Timestamp};

    /// Ethernet, IPv4, and the SYN of a Linux host.
    const SYN: &[u8] = b"\x02\0\0\0\x04\x02\x02\0\0\0\x04\x01\x08\0\
        \x45\0\0\x3c\x12\x34\x40\0\x40\x06\0\0\x0a\0\x04\x01\x0a\0\x04\x02\
        \x9f\x10\0\x50\0\0\x03\xe8\0\0\0\0\xa0\x02\xfa\xf0\0\0\0\0\
        \x02\x04\x05\xb4\x04\x02\x08\x0a\x01\x02\x03\x04\0\0\0\0\x01\x03\x03\x07";

    fn decoded() -> Decoded<'static> {
        let (number, time, link) = (1, Timestamp(0), LinkType::ETHERNET);
        decode(Frame {
            meta: FrameMeta { number, time, wire_len: SYN.len() as u32, link, interface: 0, interface_id: None },
            bytes: SYN,
        })
    }

    /// First and last byte of each value, and the bits of the first.
    fn of(name: &str) -> Vec<Option<(usize, usize, u8)>> {
        let decoded = decoded();
        let layer = decoded.layers.iter().find(|layer| layer.protocol.fields.iter().any(|f| f.name == name)).unwrap();
        let field = layer.protocol.fields.iter().find(|field| field.name == name).unwrap();
        let places = places(layer, field).into_iter().map(|(_, place)| place.map(|p| (p.first, p.last, p.mask)));
        places.collect()
    }

    #[test]
    fn numbers_addresses_and_bits() {
        assert_eq!(of("eth.src"), [Some((6, 11, 0xff))]);
        assert_eq!(of("eth.type"), [Some((12, 13, 0xff))]);
        assert_eq!(of("ip.version"), [Some((0, 0, 0xf0))]);
        assert_eq!(of("ip.flags.df"), [Some((6, 6, 0x40))]);
        assert_eq!(of("ip.frag_offset"), [Some((6, 7, 0x1f))]);
        assert_eq!(of("tcp.flags.syn"), [Some((13, 13, 0x02))]);
        assert_eq!(of("tcp.flags"), [Some((12, 13, 0x0f))]);
    }

    #[test]
    fn options_have_their_places_too() {
        assert_eq!(of("tcp.options.mss_val"), [Some((22, 23, 0xff))]);
        assert_eq!(of("tcp.options.timestamp.tsval"), [Some((28, 31, 0xff))]);
        assert_eq!(of("tcp.options.wscale.shift"), [Some((39, 39, 0xff))]);
        assert_eq!(of("tcp.options.sack_perm"), [Some((24, 25, 0xff))]);
        let kinds: Vec<_> = of("tcp.option_kind").into_iter().map(|place| place.map(|(first, ..)| first)).collect();
        assert_eq!(kinds, [Some(20), Some(24), Some(26), Some(36), Some(37)]);
        assert_eq!(of("tcp.option_len").len(), 4);
        assert_eq!(of("tcp.option_len")[1..3], [Some((25, 25, 0xff)), Some((27, 27, 0xff))]);
    }

    #[test]
    fn what_follows_from_lengths_has_no_place() {
        assert_eq!(of("tcp.len"), [None]);
    }
}
