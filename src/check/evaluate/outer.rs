//! Fields of the frame that carried a message's first byte: of its headers, its addresses, the analysis of its segment.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::LazyLock;

use crate::check::trace::Kept;
use crate::decode::{self, Transport};
use crate::event;
use crate::field::{Kind, Value};
use crate::filter::{FieldId, Name};
use crate::flow::Endpoint;
use crate::registry;
use crate::tcp::fields::{Analysed, FIELDS as ANALYSIS};

/// Fields that one connection has for all its frames: Wireshark's names for either end's.
const EITHER_END: [(&str, Kind); 11] = [
    ("tcp.stream", Kind::Uint),
    ("udp.stream", Kind::Uint),
    ("ip.addr", Kind::Ipv4),
    ("ip.src", Kind::Ipv4),
    ("ip.dst", Kind::Ipv4),
    ("ipv6.addr", Kind::Ipv6),
    ("ipv6.src", Kind::Ipv6),
    ("ipv6.dst", Kind::Ipv6),
    ("tcp.port", Kind::Uint),
    ("tcp.srcport", Kind::Uint),
    ("tcp.dstport", Kind::Uint),
];

static NAMES: LazyLock<Vec<(&'static str, Kind)>> = LazyLock::new(|| {
    let mut names = EITHER_END.to_vec();
    names.extend(registry::FRAME.iter().filter(|field| field.name.starts_with("frame.")).map(|f| (f.name, f.kind)));
    names.extend(decode::protocols().iter().flat_map(|protocol| protocol.fields).map(|f| (f.name, f.kind)));
    names.extend(ANALYSIS.iter().map(|field| (field.name, field.kind)));
    let mut seen = std::collections::HashSet::new();
    names.retain(|(name, _)| seen.insert(*name));
    names
});

static BY_NAME: LazyLock<HashMap<&'static str, u16>> =
    LazyLock::new(|| (0..).zip(NAMES.iter()).map(|(index, (name, _))| (*name, index)).collect());

/// What a name means.
pub fn resolve(name: &str) -> Option<Name> {
    let &index = BY_NAME.get(name)?;
    let (_, kind) = NAMES.get(usize::from(index))?;
    Some(Name { id: FieldId { scope: 0, index }, kind: (*kind).into(), searched: None })
}

/// Hands on every name.
pub fn each(put: &mut dyn FnMut(&str)) {
    NAMES.iter().for_each(|(name, _)| put(name));
}

/// Whether a field is known of any frame of the connection.
pub fn is_of_flow(index: u16) -> bool {
    usize::from(index) < EITHER_END.len()
}

/// Hands on the values of a field of the ends of a connection; `sender` is who sent what is looked at, if one did.
pub fn flow_values(index: u16, flow: &event::Flow, sender: Option<usize>, put: &mut dyn FnMut(Value<'_>)) {
    let Some((name, _)) = EITHER_END.get(usize::from(index)) else { return };
    let Some((protocol, part)) = name.split_once('.') else { return };
    let is_tcp = flow.transport == event::Transport::Tcp;
    let ends: Vec<&Endpoint> = match (part, sender) {
        ("stream", _) if (protocol == "tcp") == is_tcp => return put(Value::Uint(flow.stream)),
        ("src" | "srcport", Some(end)) => flow.ends.get(end).into_iter().collect(),
        ("dst" | "dstport", Some(end)) => flow.ends.get(1 - end.min(1)).into_iter().collect(),
        _ => flow.ends.iter().collect(),
    };
    for end in ends {
        match (protocol, end.address) {
            ("ip", IpAddr::V4(address)) => put(Value::Ipv4(address.octets())),
            ("ipv6", IpAddr::V6(address)) => put(Value::Ipv6(address.octets())),
            ("tcp", _) if is_tcp && part != "stream" => put(Value::Uint(end.port.into())),
            _ => {}
        }
    }
}

/// Hands on the values of a field of the first frame of a message.
pub fn values(index: u16, kept: &Kept, put: &mut dyn FnMut(Value<'_>)) {
    if is_of_flow(index) {
        return flow_values(index, &kept.flow, Some(kept.message.side), put);
    }
    let Some((name, _)) = NAMES.get(usize::from(index)) else { return };
    let carrier = kept.message.carrier.get();
    let mut decoded = decode::decode_headers(carrier.meta, carrier.headers, carrier.resumed);
    decoded.cap_len = carrier.cap_len;
    if let Some(field) = registry::FRAME.iter().find(|field| field.name == *name) {
        let packet = event::Packet {
            decoded: &decoded,
            tcp: None,
            udp_streams: &[],
            assemblies: &[],
            reassembled_in: None,
            why: None,
        };
        return (field.get)(&packet, put);
    }
    if let Some(field) = ANALYSIS.iter().find(|field| field.name == *name)
        && let Transport::Tcp(header) = decoded.transport
    {
        let analysed = Analysed { options: header.options, stream: kept.flow.stream, verdict: carrier.verdict };
        return (field.get)(&analysed, put);
    }
    for layer in &decoded.layers {
        layer.protocol.fields.iter().filter(|field| field.name == *name).for_each(|field| (field.get)(layer, put));
    }
}

/// Whether it is a field of one end of a connection: who sent, or who got.
pub fn is_of_one_end(index: u16) -> bool {
    let name = EITHER_END.get(usize::from(index)).map_or("", |(name, _)| name);
    name.ends_with("src") || name.ends_with("dst") || name.ends_with("srcport") || name.ends_with("dstport")
}
