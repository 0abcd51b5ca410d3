//! From a frame to its layers: total, never an error, always a reason where it stopped.

use std::fmt;
use std::net::IpAddr;

use arrayvec::ArrayVec;

use crate::field::{Field, Value};
use crate::frame::{Frame, FrameMeta};

mod ah;
mod ap1394;
mod arcnet;
mod arp;
mod atm;
mod chain;
mod chdlc;
pub mod checksum;
mod custom_block;
mod erspan;
mod ethernet;
mod extension;
mod fragment;
mod frame_relay;
mod geneve;
mod get;
mod gre;
mod gtp;
mod headers;
mod icmp;
mod icmpv6;
mod ieee8021ah;
mod ipnet;
mod ipoib;
mod ipv4;
mod ipv6;
mod juniper;
mod l2tp;
mod llc;
mod macsec;
mod mpls;
mod named;
mod nflog;
mod nsh;
mod null;
mod options;
mod pim;
mod pktap;
pub mod places;
mod plain;
mod ppp;
mod pppoe;
mod radiotap;
mod raw;
mod rest;
mod rings;
mod sll;
mod tags;
mod tcp;
mod teredo;
mod udp;
mod udpencap;
mod vlan;
mod vxlan;
mod wlan;

pub use chain::protocol_chain;
pub use headers::protocols;
pub use plain::{Plain, plain};
use rest::Rest;

/// Gets the values of one field of a layer.
pub type Get = for<'x, 'a> fn(&'x Layer<'a>, &mut dyn FnMut(Value<'x>));

/// A header format that we know.
#[derive(Debug)]
pub struct Protocol {
    /// Wireshark's short name, as in `frame.protocols` and before the dot of its fields. Two formats may share one:
    /// both versions of Linux cooked capture are `sll`.
    pub name: &'static str,
    /// What a person calls it.
    pub title: &'static str,
    /// Its fields, in the order of the header.
    pub fields: &'static [Field<Get>],
    /// Where in the header the EtherType of what it carries stands, if it names that by EtherType.
    pub ethertype_at: Option<usize>,
}

/// One header of a frame.
#[derive(Clone, Copy, Debug)]
pub struct Layer<'a> {
    /// What it is.
    pub protocol: &'static Protocol,
    /// Where its header begins: bytes from the start of the frame, or of the datagram put together from fragments.
    pub offset: u32,
    /// The header as captured; shorter than its format has it where the frame was cut within it.
    pub header: &'a [u8],
    /// Length on the wire of what it carries, by its own length field where it has one, else by the layer around it.
    pub payload_len: u32,
}

/// The most headers that a frame is decoded into; a frame with more is one made to be deep.
pub const MAX_LAYERS: usize = 16;

/// A frame, read as far as it can be read.
#[derive(Clone, Debug)]
pub struct Decoded<'a> {
    /// Number, time, lengths.
    pub meta: FrameMeta,
    /// Captured length.
    pub cap_len: u32,
    /// The frame's own bytes; of headers that were kept, these alone.
    pub bytes: &'a [u8],
    /// Headers, outermost first.
    pub layers: ArrayVec<Layer<'a>, MAX_LAYERS>,
    /// Addresses of the innermost IP header that is not quoted by ICMP and was captured whole: source, destination.
    pub addresses: Option<(IpAddr, IpAddr)>,
    /// Where the innermost datagram is a fragment.
    pub fragment: Option<Fragment>,
    /// Transport header of the innermost datagram, where it was captured whole.
    pub transport: Transport<'a>,
    /// What the last header carries, as captured, without link-layer padding; of an ICMP error, what ICMP carries: the
    /// packet that it quotes. Empty where the last header is cut or malformed.
    pub payload: &'a [u8],
    /// Bytes of the payload that its lengths tell of and that were not captured.
    pub missing: u32,
    /// Why decoding ended before the payload, if it did. A packet quoted by ICMP may end anywhere, which is no stop.
    pub stop: Option<Stop>,
}

/// Which datagram a fragment belongs to, and where in it (RFC 791 3.2, RFC 8200 4.5); its bytes are the payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fragment {
    /// Identification.
    pub id: u32,
    /// IP protocol number of what the datagram carries (in IPv6, the next header of the fragment header).
    pub protocol: u8,
    /// Offset in bytes.
    pub offset: u32,
    /// Whether more follow.
    pub more: bool,
}

/// The transport header, in native numbers.
#[derive(Clone, Copy, Debug)]
pub enum Transport<'a> {
    /// Neither, or not captured whole.
    None,
    /// TCP.
    Tcp(TcpHeader<'a>),
    /// UDP.
    Udp {
        /// Source port.
        src: u16,
        /// Destination port.
        dst: u16,
    },
}

/// A TCP header (RFC 9293 3.1).
#[derive(Clone, Copy, Debug)]
pub struct TcpHeader<'a> {
    /// Source port.
    pub src: u16,
    /// Destination port.
    pub dst: u16,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgment number.
    pub ack: u32,
    /// The control bits, FIN lowest, with the accurate-ECN bit as bit 8.
    pub flags: u16,
    /// Window, not scaled.
    pub window: u16,
    /// Options, raw.
    pub options: &'a [u8],
    /// Whether the frame ends before they do.
    pub is_cut: bool,
}

/// Why and where decoding of a frame ended early.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stop {
    /// The header at which it ended (Wireshark's short name), or what is not known.
    pub layer: &'static str,
    /// Bytes from the start of the frame.
    pub offset: u32,
    /// What was wrong.
    pub reason: StopReason,
}

/// What ended the decoding of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StopReason {
    /// The capture has fewer bytes than the header needs: the frame was captured shorter than sent.
    Cut {
        /// Bytes that the header needs.
        need: u32,
        /// Bytes that are there.
        have: u32,
    },
    /// A length field leaves less room than the header needs.
    Length {
        /// Wireshark's name of the field that says so, such as `ip.len`, or `frame.len`.
        field: &'static str,
        /// Bytes that the header needs.
        need: u32,
        /// Bytes that the field allows.
        have: u32,
    },
    /// A field has a value that the format forbids.
    Value {
        /// Wireshark's name of the field.
        field: &'static str,
        /// Its value.
        value: u32,
    },
    /// What follows is of a type that we do not decode.
    Unknown {
        /// Wireshark's name of the field that names the type.
        field: &'static str,
        /// Its value.
        value: u32,
    },
    /// More headers than [`MAX_LAYERS`].
    TooDeep,
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}: ", self.layer, self.offset)?;
        match self.reason {
            StopReason::Cut { need, have } => write!(f, "needs {need} bytes, {have} were captured"),
            StopReason::Length { field, need, have } => write!(f, "needs {need} bytes, {field} allows {have}"),
            StopReason::Value { field, value } => write!(f, "{field} is {value}, which the format forbids"),
            StopReason::Unknown { field, value } => {
                write!(f, "{field} is {value} (0x{value:04x}), which is not decoded here")
            }
            StopReason::TooDeep => write!(f, "more than {MAX_LAYERS} headers"),
        }
    }
}

/// Decodes a frame.
pub fn decode(frame: Frame<'_>) -> Decoded<'_> {
    let cap_len = u32::try_from(frame.bytes.len()).unwrap_or(u32::MAX);
    let mut decoded = Decoded {
        meta: frame.meta,
        cap_len,
        bytes: frame.bytes,
        layers: ArrayVec::new_const(),
        addresses: None,
        fragment: None,
        transport: Transport::None,
        payload: &[],
        missing: 0,
        stop: None,
    };
    let len = frame.meta.wire_len.max(cap_len);
    let rest = Rest { bytes: frame.bytes, offset: 0, len, limit: "frame.len" };
    headers::of_link(&mut decoded, frame.meta.link, rest);
    decoded
}

/// Goes on in a datagram put together from fragments, of which `decoded` is the last: `bytes` is what it carries, of
/// IP protocol `protocol`. Layers are appended, their offsets (and that of a stop) counting from the start of `bytes`;
/// transport, payload, missing, stop and fragment become those of the datagram. Where it holds a tunnel, it may hold a
/// fragment in turn.
pub fn resume<'a>(decoded: &mut Decoded<'a>, protocol: u8, bytes: &'a [u8]) {
    let (field, limit) = match decoded.addresses {
        Some((IpAddr::V6(_), _)) => ("ipv6.fraghdr.nxt", "ipv6.reassembled.length"),
        _ => ("ip.proto", "ip.reassembled.length"),
    };
    decoded.fragment = None;
    decoded.transport = Transport::None;
    decoded.payload = &[];
    decoded.missing = 0;
    decoded.stop = None;
    let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    headers::of_ip(decoded, protocol, field, Rest { bytes, offset: 0, len, limit });
}

/// Decodes headers that were kept of a frame: its own, which are `meta`'s frame up to its payload, and in `resumed` those
/// of each datagram that was put together from fragments, one after the other.
pub fn decode_headers<'a>(meta: FrameMeta, own: &'a [u8], mut resumed: &'a [u8]) -> Decoded<'a> {
    let mut decoded = decode(Frame { meta, bytes: own });
    while let Some(fragment) = decoded.fragment.filter(|_| !resumed.is_empty()) {
        let outer = decoded.layers.len();
        resume(&mut decoded, fragment.protocol, resumed);
        let end = end_of_headers(decoded.layers.get(outer..).unwrap_or_default());
        if end == 0 {
            break;
        }
        resumed = resumed.get(end..).unwrap_or_default();
    }
    decoded
}

/// Where the last of these headers ends: bytes from the start of the frame, or of the datagram put together from
/// fragments.
pub fn end_of_headers(layers: &[Layer<'_>]) -> usize {
    layers.last().map_or(0, |layer| layer.offset as usize + layer.header.len())
}

/// A TCP header with no segment of the frame's own, of which the first 16 bytes are there: one that ICMP quotes, or
/// that is malformed; and the addresses of the packet that it is in.
pub fn stray_tcp<'a>(decoded: &Decoded<'a>) -> Option<((IpAddr, IpAddr), TcpHeader<'a>)> {
    let (last, outer) = decoded.layers.split_last()?;
    match (decoded.transport, tcp::transport(last.header)) {
        (Transport::None, Transport::Tcp(header)) if last.protocol.name == "tcp" => {
            Some((outer.iter().rev().find_map(ip_addresses)?, header))
        }
        _ => None,
    }
}

/// The UDP headers that are not that of the frame's own datagram, outermost first: index of the layer, addresses and
/// ports.
pub fn outer_udp<'d>(decoded: &'d Decoded<'_>) -> impl Iterator<Item = (usize, [(IpAddr, u16); 2])> + 'd {
    let own = usize::from(matches!(decoded.transport, Transport::Udp { .. }));
    let outer = decoded.layers.len().saturating_sub(own);
    let layers = decoded.layers.iter().take(outer).enumerate().filter(|(_, layer)| layer.protocol.name == "udp");
    layers.filter_map(|(at, layer)| {
        let (src, dst) = decoded.layers.iter().take(at).rev().find_map(ip_addresses)?;
        // Where the length is less than the header's, nothing else of it is believed.
        layer.u16(4).filter(|&len| len == 0 || len >= 8)?;
        Some((at, [(src, layer.u16(0)?), (dst, layer.u16(2)?)]))
    })
}

/// Whether a packet is within another, so that the frame has more addresses than those of its last IP header.
pub fn is_in_tunnel(decoded: &Decoded<'_>) -> bool {
    decoded.layers.iter().filter_map(ip_addresses).nth(1).is_some()
}

/// Number of the innermost VLAN that the frame is in.
pub fn vlan_id(decoded: &Decoded<'_>) -> Option<u16> {
    let tag = decoded.layers.iter().rev().find(|layer| ["vlan", "ieee8021ad"].contains(&layer.protocol.name))?;
    tag.u16(0).map(|tci| tci & 0xfff)
}

fn ip_addresses(layer: &Layer<'_>) -> Option<(IpAddr, IpAddr)> {
    match layer.protocol.name {
        "ip" => Some((layer.array::<4>(12)?.into(), layer.array::<4>(16)?.into())),
        "ipv6" => Some((layer.array::<16>(8)?.into(), layer.array::<16>(24)?.into())),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
