//! What is known of a connection from its first frame on.

use std::net::IpAddr;

use super::super::Filter;
use super::super::fields;
use super::super::names::{Coverage, Decision, FieldId, Item, Record};
use crate::engine::Choice;
use crate::field::Value;
use crate::flow::Endpoint;

/// What goes from one end of a connection to the other: its addresses and ports. All else is unknown.
#[derive(Clone, Copy, Debug)]
struct FlowRecord {
    stream: u64,
    src: Endpoint,
    dst: Endpoint,
    /// Whether its frames may have other addresses than these: those of a tunnel.
    in_tunnel: bool,
}

impl Record for FlowRecord {
    fn values(&self, field: FieldId, put: &mut dyn FnMut(Item<'_>)) -> Coverage {
        let Some(entry) = fields::entry(field) else { return Coverage::Incomplete };
        let Some((protocol, name)) = entry.name.split_once('.') else { return Coverage::Incomplete };
        let ends: &[Endpoint] = match name {
            "src" | "srcport" => &[self.src],
            "dst" | "dstport" => &[self.dst],
            "addr" | "port" => &[self.src, self.dst],
            "stream" if protocol == "tcp" => {
                put(Value::Uint(self.stream).into());
                return Coverage::Complete;
            }
            _ => return Coverage::Incomplete,
        };
        let is_port = name.ends_with("port");
        match protocol {
            "tcp" if is_port => ends.iter().for_each(|end| put(Value::Uint(end.port.into()).into())),
            "ip" | "ipv6" if !self.in_tunnel && !is_port => ends.iter().for_each(|end| match end.address {
                IpAddr::V4(address) if protocol == "ip" => put(Value::Ipv4(address.octets()).into()),
                IpAddr::V6(address) if protocol == "ipv6" => put(Value::Ipv6(address.octets()).into()),
                _ => {}
            }),
            _ => return Coverage::Incomplete,
        }
        Coverage::Complete
    }
}

/// A connection is looked at unless the filter can hold for nothing that either end sends.
impl Choice for Filter {
    fn wants(&self, stream: u64, [one, other]: [Endpoint; 2], in_tunnel: bool) -> bool {
        [(one, other), (other, one)]
            .into_iter()
            .any(|(src, dst)| self.decide(&FlowRecord { stream, src, dst, in_tunnel }) != Decision::No)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::{Fields, compile};

    #[test]
    fn a_connection_is_wanted_as_long_as_what_is_known_leaves_it_open() {
        let ends = [("10.0.0.1", 4000), ("10.0.0.2", 80)]
            .map(|(address, port)| Endpoint { address: address.parse().unwrap(), port });
        for (text, wanted, in_tunnel) in [
            ("tcp.port == 80", true, true),
            ("tcp.port == 81", false, false),
            ("!(tcp.port == 80)", false, false),
            ("tcp.srcport == 80 && tcp.dstport == 80", false, false),
            ("tcp.srcport == 80 && ip.src == 10.0.0.1", false, true),
            ("tcp.srcport == 80 && ip.src == 10.0.0.2", true, true),
            ("ip.addr == 10.0.0.0/8 && http.request", true, true),
            ("ip.addr == 11.0.0.0/8 && http.request", false, true),
            ("ip.addr == 11.0.0.0/8 || http.request", true, true),
            ("ipv6.addr == ::1", false, true),
            ("tcp.stream == 7", true, true),
            ("tcp.stream in {1..6}", false, false),
            ("udp.port == 80", true, true),
            ("connection.close == \"fin\"", true, true),
            ("http", true, true),
        ] {
            let filter = compile(text, &Fields).unwrap();
            assert_eq!(filter.wants(7, ends, false), wanted, "{text}");
            assert_eq!(filter.wants(7, ends, true), in_tunnel, "{text}, in a tunnel");
        }
    }
}
