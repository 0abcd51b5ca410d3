//! Transmission Control Protocol (RFC 9293).

use etherparse::TcpHeaderSlice;
use etherparse::err::tcp::{HeaderError, HeaderSliceError};

use super::get::{bit, bits, uint};
use super::headers::{Header, Number};
use super::options::{self, walk_all};
use super::rest::Rest;
use super::{Decoded, Layer, Protocol, Stop, StopReason, TcpHeader, Transport};
use crate::field::{Field, Kind, Value};

static PROTOCOL: Protocol = Protocol {
    name: "tcp",
    title: "TCP",
    fields: &[
        Field::new("tcp.srcport", Kind::Uint, "Source port", |l, put| uint(l.u16(0), put)),
        Field::new("tcp.dstport", Kind::Uint, "Destination port", |l, put| uint(l.u16(2), put)),
        Field::new("tcp.len", Kind::Uint, "Length of the payload on the wire, in bytes", |l, put| {
            uint(l.u8(12).filter(|byte| byte >> 4 >= 5).map(|_| l.payload_len), put)
        }),
        Field::new("tcp.seq_raw", Kind::Uint, "Sequence number as sent", |l, put| uint(l.u32(4), put)),
        Field::new("tcp.ack_raw", Kind::Uint, "Acknowledgment number as sent", |l, put| uint(l.u32(8), put)),
        Field::new("tcp.hdr_len", Kind::Uint, "Header length in bytes", |l, put| {
            uint(l.u8(12).map(|byte| (byte >> 4) * 4), put)
        }),
        Field::hex("tcp.flags", "Reserved and control bits", |l, put| bits(l.u16(12), 0, 0xfff, put)),
        Field::new("tcp.flags.res", Kind::Bool, "A reserved bit is set", |l, put| bit(l.u16(12), 0xe00, put)),
        Field::new("tcp.flags.ae", Kind::Bool, "Accurate ECN", |l, put| bit(l.u16(12), 0x100, put)),
        Field::new("tcp.flags.cwr", Kind::Bool, "Congestion window reduced", |l, put| bit(l.u16(12), 0x80, put)),
        Field::new("tcp.flags.ece", Kind::Bool, "ECN echo", |l, put| bit(l.u16(12), 0x40, put)),
        Field::new("tcp.flags.urg", Kind::Bool, "The urgent pointer counts", |l, put| bit(l.u16(12), 0x20, put)),
        Field::new("tcp.flags.ack", Kind::Bool, "The acknowledgment number counts", |l, put| bit(l.u16(12), 0x10, put)),
        Field::new("tcp.flags.push", Kind::Bool, "Push function", |l, put| bit(l.u16(12), 0x08, put)),
        Field::new("tcp.flags.reset", Kind::Bool, "Reset the connection", |l, put| bit(l.u16(12), 0x04, put)),
        Field::new("tcp.flags.syn", Kind::Bool, "Synchronize sequence numbers", |l, put| bit(l.u16(12), 0x02, put)),
        Field::new("tcp.flags.fin", Kind::Bool, "No more data from the sender", |l, put| bit(l.u16(12), 0x01, put)),
        Field::new("tcp.window_size_value", Kind::Uint, "Window as sent, not scaled", |l, put| uint(l.u16(14), put)),
        Field::hex("tcp.checksum", "Checksum", |l, put| uint(l.u16(16), put)),
        Field::new("tcp.urgent_pointer", Kind::Uint, "Urgent pointer", |l, put| uint(l.u16(18), put)),
        Field::list("tcp.option_kind", Kind::Uint, "Kinds of the options", |l, put| {
            walk_all(l.from(MIN_LEN)).for_each(|(kind, _)| put(Value::Uint(kind.into())));
        }),
        Field::list("tcp.option_len", Kind::Uint, "Lengths of the options that have one, in bytes", |l, put| {
            options::lengths_of(walk_all(l.from(MIN_LEN))).for_each(|len| put(Value::Uint(len.into())));
        }),
        Field::new("tcp.options.mss_val", Kind::Uint, "Maximum segment size, in bytes (kind 2)", |l, put| {
            uint(option::<2>(l, MSS).map(u16::from_be_bytes), put)
        }),
        Field::new("tcp.options.wscale.shift", Kind::Uint, "Window scale: shift count as sent (kind 3)", |l, put| {
            uint(option::<1>(l, WINDOW_SCALE).map(u8::from_be_bytes), put)
        }),
        Field::new(
            "tcp.options.sack_perm",
            Kind::Bytes,
            "Selective acknowledgment is permitted: the option (kind 4)",
            |l, put| {
                option::<0>(l, SACK_PERMITTED).map(|[]| Value::Bytes(&[SACK_PERMITTED, 2])).map(put);
            },
        ),
        Field::new("tcp.options.timestamp.tsval", Kind::Uint, "Timestamp value (kind 8)", |l, put| {
            uint(option::<8>(l, TIMESTAMPS).map(|value| halves(value).0), put)
        }),
        Field::new("tcp.options.timestamp.tsecr", Kind::Uint, "Timestamp echo reply (kind 8)", |l, put| {
            uint(option::<8>(l, TIMESTAMPS).map(|value| halves(value).1), put)
        }),
    ],
    ethertype_at: None,
};
pub(super) const HEADER: Header = Header { protocol: &PROTOCOL, parse, by: &[Number::ip(6)] };

/// Length of the header without options.
pub(super) const MIN_LEN: usize = 20;
/// RFC 9293 3.2.
const MSS: u8 = 2;
/// RFC 7323 2.2.
const WINDOW_SCALE: u8 = 3;
/// RFC 2018 2.
const SACK_PERMITTED: u8 = 4;
/// RFC 7323 3.2.
const TIMESTAMPS: u8 = 8;

/// The first option of a kind that has a value of `N` bytes.
fn option<const N: usize>(layer: &Layer<'_>, kind: u8) -> Option<[u8; N]> {
    walk_all(layer.from(MIN_LEN)).filter(|option| option.0 == kind).find_map(|option| option.1.try_into().ok())
}

/// Two numbers of four bytes.
fn halves([a, b, c, d, e, f, g, h]: [u8; 8]) -> (u32, u32) {
    (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]))
}

fn parse<'a>(decoded: &mut Decoded<'a>, rest: Rest<'a>) {
    match TcpHeaderSlice::from_slice(rest.bytes) {
        Ok(header) => {
            let bytes = header.slice();
            decoded.transport = transport(bytes);
            let rest = decoded.layer(&PROTOCOL, rest, bytes.len());
            decoded.carries(rest)
        }
        Err(HeaderSliceError::Len(_)) => {
            let need = rest.bytes.get(12).map_or(MIN_LEN, |offset| usize::from(offset >> 4) * 4);
            decoded.refuse(&PROTOCOL, rest, need.max(MIN_LEN));
            // Cut after its window it still tells what the connection needs.
            if matches!(decoded.stop, Some(Stop { reason: StopReason::Cut { .. }, .. })) {
                decoded.transport = transport(rest.bytes);
            }
        }
        Err(HeaderSliceError::Content(HeaderError::DataOffsetTooSmall { data_offset })) => {
            decoded.forbid(&PROTOCOL, rest, MIN_LEN, "tcp.hdr_len", u32::from(data_offset) * 4)
        }
    }
}

/// The header's numbers, where all those up to the window are there.
pub(super) fn transport(bytes: &[u8]) -> Transport<'_> {
    let Some(&[s0, s1, d0, d1, q0, q1, q2, q3, a0, a1, a2, a3, offset, control, w0, w1]) = bytes.first_chunk() else {
        return Transport::None;
    };
    Transport::Tcp(TcpHeader {
        src: u16::from_be_bytes([s0, s1]),
        dst: u16::from_be_bytes([d0, d1]),
        seq: u32::from_be_bytes([q0, q1, q2, q3]),
        ack: u32::from_be_bytes([a0, a1, a2, a3]),
        flags: u16::from_be_bytes([offset & 1, control]),
        window: u16::from_be_bytes([w0, w1]),
        options: bytes.get(MIN_LEN..).unwrap_or_default(),
        is_cut: bytes.len() < usize::from(offset >> 4) * 4,
    })
}
