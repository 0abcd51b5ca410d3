//! Generic network virtualization encapsulation (RFC 8926).

use super::get::{bit, bits, uint};
use super::headers::{self, Header, Number};
use super::rest::Rest;
use super::{Decoded, Layer, Protocol};
use crate::field::{Field, Kind, Value};

static PROTOCOL: Protocol = Protocol {
    name: "geneve",
    title: "Geneve",
    fields: &[
        Field::new("geneve.version", Kind::Uint, "Version: 0", |l, put| bits(l.u8(0), 6, 3, put)),
        Field::hex("geneve.flags", "Flags", |l, put| uint(l.u8(1), put)),
        Field::new("geneve.flags.oam", Kind::Bool, "A control packet", |l, put| bit(l.u8(1), 0x80, put)),
        Field::new("geneve.flags.critical", Kind::Bool, "It has critical options", |l, put| bit(l.u8(1), 0x40, put)),
        Field::hex("geneve.proto_type", "EtherType of what it carries", |l, put| uint(l.u16(2), put)),
        Field::new("geneve.vni", Kind::Uint, "Network identifier", |l, put| uint(l.u32(4).map(|vni| vni >> 8), put)),
        Field::list("geneve.option.class", Kind::Uint, "Who defined the options", |l, put| {
            options(l).for_each(|option| put(Value::Uint(option.0.into())));
        }),
        Field::list("geneve.option.type", Kind::Uint, "Types of the options", |l, put| {
            options(l).for_each(|option| put(Value::Uint(option.1.into())));
        }),
    ],
    ethertype_at: None,
};
pub(super) const HEADER: Header = Header { protocol: &PROTOCOL, parse, by: &[Number::udp(6081)] };

/// Length of the header without options.
const MIN_LEN: usize = 8;

/// Class and type of the options, up to the first that does not fit.
fn options(layer: &Layer<'_>) -> impl Iterator<Item = (u16, u8)> {
    let mut rest = layer.from(MIN_LEN);
    std::iter::from_fn(move || {
        let &[c0, c1, kind, len] = rest.first_chunk()?;
        let len = 4 + (len & 0x1f) * 4;
        rest = rest.get(len.into()..)?;
        Some((u16::from_be_bytes([c0, c1]), kind))
    })
}

fn parse<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    let Some(&[first, _, p0, p1]) = rest.bytes.first_chunk() else {
        return decoded.refuse(&PROTOCOL, rest, MIN_LEN);
    };
    let need = MIN_LEN + usize::from(first & 0x3f) * 4;
    if rest.bytes.len() < need {
        return decoded.refuse(&PROTOCOL, rest, need);
    }
    let rest = decoded.layer(&PROTOCOL, rest, need);
    match first >> 6 {
        0 => headers::of_ethertype(decoded, u16::from_be_bytes([p0, p1]), "geneve.proto_type", rest),
        version => decoded.unknown("geneve.version", version.into(), rest),
    }
}
