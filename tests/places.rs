//! The bytes that `dissect explain` shows for a field are those that its value is read from: they are read again here, in
//! the headers of the fixtures and of `../shared/captures`.

mod common;

use std::collections::{BTreeMap, BTreeSet};

use dissect::decode::places::{Place, places};
use dissect::decode::{Layer, decode};
use dissect::field::Value;
use dissect::source::CaptureFile;

/// Headers in which a field is looked at, of one length.
const HEADERS: u32 = 4;
/// Frames of a capture that are looked at.
const FRAMES: usize = 2000;

/// Fields that are no part of a header; the last one is true where any of three bits is set, so that no single bit tells.
const COMPUTED: &[&str] = &["tcp.len", "tcp.flags.res"];

#[test]
fn each_field_has_the_bytes_that_its_value_is_read_from() {
    let mut seen: BTreeMap<(&str, usize), u32> = BTreeMap::new();
    let (mut without, mut wrong, mut read) = (BTreeSet::new(), BTreeMap::new(), 0);
    for path in common::fixtures().into_iter().chain(common::shared_captures()) {
        let Ok(mut file) = CaptureFile::open(&path) else { continue };
        for _ in 0..FRAMES {
            let Ok(Some((frame, _))) = file.next_described() else { break };
            for layer in &decode(frame).layers {
                for field in layer.protocol.fields {
                    let count = seen.entry((field.name, layer.header.len())).or_default();
                    if *count == HEADERS {
                        continue;
                    }
                    let values = places(layer, field);
                    *count += u32::from(!values.is_empty());
                    for (value, place) in values {
                        read += 1;
                        match place {
                            None => {
                                if without.insert(field.name) {
                                    println!("{} {value:?} {:02x?}", field.name, layer.header);
                                }
                            }
                            // Bits in the midst of a label stack's entries, and others apart from one another.
                            Some(_) if field.name.starts_with("mpls.") || field.name == "fr.dlci" => {}
                            Some(place) if !is_read(layer, place, value) => {
                                let at = format!("{} {place:?} {value:?} {:02x?}", common::name(&path), layer.header);
                                wrong.entry(field.name).or_insert(at);
                            }
                            Some(_) => {}
                        }
                    }
                }
            }
        }
    }
    println!("{read} values of {} fields", seen.keys().map(|(name, _)| name).collect::<BTreeSet<_>>().len());
    println!("without a place: {without:?}");
    assert!(wrong.is_empty(), "{wrong:#?}");
    let unknown: Vec<_> = without.iter().filter(|name| !COMPUTED.contains(name)).collect();
    assert!(unknown.is_empty(), "fields without a place that are not known as computed: {unknown:?}");
}

/// Whether the bytes there give the value.
fn is_read(layer: &Layer<'_>, Place { first, last, mask }: Place, value: Value<'_>) -> bool {
    let Some(bytes) = layer.header.get(first..=last) else { return false };
    match value {
        Value::Mac(address) => bytes == address,
        Value::Ipv4(address) => bytes == address,
        Value::Ipv6(address) => bytes == address,
        Value::Bytes(value) => bytes == value,
        // It may end with a NUL.
        Value::Text(value) => bytes.strip_suffix(&[0]).unwrap_or(bytes) == value,
        Value::Uint(value) => is_number(bytes, mask, value),
        Value::Int(value) => is_number(bytes, mask, value.unsigned_abs()),
        // It may tell that an option is there.
        Value::Bool(_) | Value::Time(_) | Value::Duration(_) => true,
    }
}

/// Whether these bits are the number, of either byte order, in bytes or in words of four.
fn is_number(bytes: &[u8], mask: u8, value: u64) -> bool {
    let put = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
    let mut masked = bytes.to_vec();
    masked[0] &= mask;
    let big = [masked.iter().fold(0, put), bytes.iter().fold(0, put)];
    let little = bytes.iter().rev().fold(0, put);
    // Of one byte it is known which bits count; of several, where they begin.
    let shifts = if bytes.len() == 1 { mask.trailing_zeros()..=mask.trailing_zeros() } else { 0..=7 };
    let numbers = |shift| [big[0] >> shift, big[1] >> shift, little >> shift, (big[0] >> shift) * 4];
    shifts.into_iter().any(|shift| numbers(shift).contains(&value))
}
