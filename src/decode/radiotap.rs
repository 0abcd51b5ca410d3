//! What precedes IEEE 802.11 frames and tells of their reception: radiotap, Prism, AVS.

use super::get::uint;
use super::headers::{Header, Number};
use super::rest::Rest;
use super::{Decoded, Protocol, wlan};
use crate::field::{Field, Kind};
use crate::frame::LinkType;

static RADIOTAP: Protocol = Protocol {
    name: "radiotap",
    title: "Radiotap",
    fields: &[
        Field::new("radiotap.version", Kind::Uint, "Version: 0", |l, put| uint(l.u8(0), put)),
        Field::new("radiotap.length", Kind::Uint, "Length of the header, in bytes", |l, put| {
            uint(l.u16(2).map(u16::swap_bytes), put)
        }),
    ],
    ethertype_at: None,
};
static PRISM: Protocol = Protocol { name: "prism", title: "Prism", fields: &[], ethertype_at: None };
static AVS: Protocol = Protocol { name: "wlancap", title: "AVS", fields: &[], ethertype_at: None };

pub(super) const HEADER: Header = Header { protocol: &RADIOTAP, parse, by: &[Number::link(LinkType(127))] };
pub(super) const HEADER_PRISM: Header =
    Header { protocol: &PRISM, parse: parse_prism, by: &[Number::link(LinkType(119))] };
pub(super) const HEADER_AVS: Header = Header {
    protocol: &AVS,
    parse: |decoded, rest| parse_avs(decoded, rest, &AVS),
    by: &[Number::link(LinkType(163))],
};

/// Length of radiotap's header before its first field.
const MIN_LEN: usize = 8;
/// Length of the frame check sequence.
const FCS: u32 = 4;

fn parse<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    let Some(&[_, _, l0, l1]) = rest.bytes.first_chunk() else { return decoded.refuse(&RADIOTAP, rest, MIN_LEN) };
    let need = usize::from(u16::from_le_bytes([l0, l1]));
    if need < MIN_LEN {
        return decoded.forbid(&RADIOTAP, rest, MIN_LEN, "radiotap.length", need as u32);
    }
    if rest.bytes.len() < need {
        return decoded.refuse(&RADIOTAP, rest, need);
    }
    let ends_with_fcs = rest.bytes.get(..need).is_some_and(has_fcs);
    let mut rest = decoded.layer(&RADIOTAP, rest, need);
    if ends_with_fcs {
        rest = rest.limited(rest.len.saturating_sub(FCS), rest.limit);
    }
    decoded.header(wlan::parse, rest)
}

/// Whether the flags field says that the frame check sequence is there. It is the second field, after the words that
/// tell which are there; the first is a time, of eight bytes at a multiple of eight.
fn has_fcs(header: &[u8]) -> bool {
    const TIME: u32 = 1;
    const FLAGS: u32 = 2;
    const MORE: u32 = 1 << 31;
    let words = header.get(4..).unwrap_or_default().as_chunks::<4>().0;
    let Some(present) = words.first().map(|word| u32::from_le_bytes(*word)) else { return false };
    let count = 1 + words.iter().take_while(|word| u32::from_le_bytes(**word) & MORE != 0).count();
    let fields = 4 + 4 * count;
    let at = if present & TIME != 0 { fields.next_multiple_of(8) + 8 } else { fields };
    present & FLAGS != 0 && header.get(at).is_some_and(|flags| flags & 0x10 != 0)
}

fn parse_prism<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    /// Length of the header, which older writers do not tell.
    const LEN: usize = 144;
    // Some write AVS under the number of Prism.
    if rest.bytes.starts_with(&[0x80, 0x21, 0x10]) {
        return parse_avs(decoded, rest, &AVS);
    }
    if rest.bytes.len() < LEN {
        return decoded.refuse(&PRISM, rest, LEN);
    }
    let rest = decoded.layer(&PRISM, rest, LEN);
    decoded.header(wlan::parse, rest)
}

fn parse_avs<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>, protocol: &'static Protocol) {
    let need = match rest.bytes.first_chunk::<8>() {
        Some(&[_, _, _, _, l0, l1, l2, l3]) => u32::from_be_bytes([l0, l1, l2, l3]).max(8) as usize,
        None => 8,
    };
    if rest.bytes.len() < need {
        return decoded.refuse(protocol, rest, need);
    }
    let rest = decoded.layer(protocol, rest, need);
    decoded.header(wlan::parse, rest)
}
