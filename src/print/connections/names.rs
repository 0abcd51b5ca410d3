//! What servers are called: by the first request of a connection, or by an answer of DNS with their address.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::app::message::Kind;
use crate::event::{Connection, Message, Transport};
use crate::field::Value;
use crate::filter::{FieldId, Fields, MessageRecord, Names as _, Record, Times};

/// Connections and addresses that are known by name: more are nameless.
const MAX_NAMES: usize = 128 << 10;

/// Bytes of a name that are kept; no name of DNS is longer (RFC 1035 2.3.4).
const MAX_NAME: usize = 255;

/// Names by what they are of.
pub(super) struct Names {
    streams: HashMap<u64, Box<[u8]>, foldhash::fast::RandomState>,
    addresses: HashMap<IpAddr, Box<[u8]>, foldhash::fast::RandomState>,
    /// Of TLS, the name that the client asks for; the name asked for, and the addresses that are the answer.
    server_name: Option<FieldId>,
    asked: Option<FieldId>,
    answers: Vec<FieldId>,
}

impl Default for Names {
    fn default() -> Self {
        let field = |name| Fields.resolve(name).map(|name| name.id);
        Self {
            streams: HashMap::default(),
            addresses: HashMap::default(),
            server_name: field("tls.handshake.extensions_server_name"),
            asked: field("dns.qry.name"),
            answers: ["dns.a", "dns.aaaa"].into_iter().filter_map(field).collect(),
        }
    }
}

impl Names {
    /// Takes note of the names that a message tells.
    pub fn message(&mut self, told: &Message<'_>) {
        match told.message.unit.application().name {
            "http" | "tls" | "http2" if told.flow.transport == Transport::Tcp => self.server(told),
            "dns" | "mdns" | "llmnr" if told.message.kind == Kind::Response => self.addresses(told),
            _ => {}
        }
    }

    /// The name of a connection's server; it will not be asked for again.
    pub fn of(&mut self, connection: &Connection) -> Option<Box<[u8]>> {
        let of_stream = match connection.flow.transport {
            Transport::Tcp => self.streams.remove(&connection.flow.stream),
            Transport::Udp => None,
        };
        let server = connection.flow.ends[1 - connection.client()].address;
        of_stream.or_else(|| self.addresses.get(&server).cloned())
    }

    fn server(&mut self, told: &Message<'_>) {
        let stream = told.flow.stream;
        if self.streams.len() >= MAX_NAMES || self.streams.contains_key(&stream) {
            return;
        }
        let mut name: Option<Box<[u8]>> = None;
        if let Some(http) = told.message.http().filter(|_| told.message.kind == Kind::Request) {
            name = http.head().host().map(|host| kept(without_port(&host)));
        } else if let Some(field) = self.server_name {
            values(told, field, &mut |value| {
                if let Value::Text(text) = value {
                    name.get_or_insert_with(|| kept(text));
                }
            });
        }
        // An address says nothing that the connection does not.
        let name = name.filter(|name| !name.is_empty() && !is_address(name));
        name.into_iter().for_each(|name| drop(self.streams.insert(stream, name)));
    }

    fn addresses(&mut self, told: &Message<'_>) {
        let mut name: Option<Box<[u8]>> = None;
        let Some(asked) = self.asked else { return };
        values(told, asked, &mut |value| {
            if let Value::Text(text) = value {
                name.get_or_insert_with(|| kept(text));
            }
        });
        let Some(name) = name else { return };
        for field in self.answers.clone() {
            values(told, field, &mut |value| {
                let address = match value {
                    Value::Ipv4(octets) => IpAddr::from(octets),
                    Value::Ipv6(octets) => IpAddr::from(octets),
                    _ => return,
                };
                if self.addresses.len() < MAX_NAMES || self.addresses.contains_key(&address) {
                    self.addresses.insert(address, name.clone());
                }
            });
        }
    }
}

fn values(told: &Message<'_>, field: FieldId, put: &mut dyn FnMut(Value<'_>)) {
    MessageRecord::as_captured(told, Times::default()).values(field, &mut |item| put(item.value));
}

fn kept(name: &[u8]) -> Box<[u8]> {
    name.get(..MAX_NAME).unwrap_or(name).into()
}

/// A host without the port that may follow it.
fn without_port(host: &[u8]) -> &[u8] {
    let colon = host.iter().rposition(|byte| *byte == b':');
    match colon {
        Some(colon) if host[colon + 1..].iter().all(u8::is_ascii_digit) => &host[..colon],
        _ => host,
    }
}

fn is_address(name: &[u8]) -> bool {
    let text = str::from_utf8(name).unwrap_or_default();
    text.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_no_part_of_a_name() {
        for (host, name) in [
            ("a.example", "a.example"),
            ("a.example:8080", "a.example"),
            ("[::1]:80", "[::1]"),
            ("[::1]", "[::1]"),
            ("a:b", "a:b"),
        ] {
            assert_eq!(without_port(host.as_bytes()), name.as_bytes());
        }
        assert!(is_address(b"10.0.0.1") && is_address(b"[::1]") && !is_address(b"a.example"));
    }
}
