//! Fields of the frame that carried a message's first byte: of its headers, its addresses, the analysis of its segment.

use std::net::IpAddr;

use crate::check::trace::Kept;
use crate::event;
use crate::field::{Kind, Value};
use crate::filter::{FieldId, Fields, MessageRecord, Name, Names, Record, Times};
use crate::flow::Endpoint;

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

/// What a name means.
pub fn resolve(name: &str) -> Option<Name> {
    if let Some(at) = EITHER_END.iter().position(|(known, _)| *known == name) {
        let index = u16::try_from(at).ok()?;
        return Some(Name { id: FieldId { scope: 0, index }, searched: None, kind: EITHER_END[at].1.into() });
    }
    let name = Fields.resolve(name)?;
    let index = name.id.index.checked_add(EITHER_END.len() as u16)?;
    Some(Name { id: FieldId { scope: 0, index }, searched: None, kind: name.kind })
}

/// Hands on every name.
pub fn each(put: &mut dyn FnMut(&str)) {
    Fields.each(put);
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
    let field = FieldId { scope: 0, index: index - EITHER_END.len() as u16 };
    let event = kept.event();
    MessageRecord::as_captured(&event, Times::default()).values(field, &mut |item| put(item.value));
}

/// Whether it is a field of one end of a connection: who sent, or who got.
pub fn is_of_one_end(index: u16) -> bool {
    let name = EITHER_END.get(usize::from(index)).map_or("", |(name, _)| name);
    name.ends_with("src") || name.ends_with("dst") || name.ends_with("srcport") || name.ends_with("dstport")
}
