//! What servers are called: by the first request of a connection, or by an answer of DNS with their address.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::app::dns::Dns;
use crate::app::message::{Kind, Unit};
use crate::event::{Connection, Message, Transport};

/// Connections and addresses that are known by name: more are nameless.
const MAX_NAMES: usize = 128 << 10;

/// Bytes of a name that are kept; no name of DNS is longer (RFC 1035 2.3.4).
const MAX_NAME: usize = 255;

/// Names by what they are of.
#[derive(Default)]
pub(super) struct Names {
    streams: HashMap<u64, Box<[u8]>, foldhash::fast::RandomState>,
    addresses: HashMap<IpAddr, Box<[u8]>, foldhash::fast::RandomState>,
}

impl Names {
    /// Takes note of the names that a message tells.
    pub fn message(&mut self, told: &Message<'_>) {
        let (message, stream) = (told.message, told.flow.stream);
        match &message.unit {
            Unit::Dns(dns) if message.kind == Kind::Response => self.addresses(dns),
            Unit::Http(http) if message.kind == Kind::Request && told.flow.transport == Transport::Tcp => {
                let host = http.head().host();
                host.into_iter().for_each(|host| self.server(stream, without_port(&host)));
            }
            Unit::Tls(tls) => {
                let host = tls.hello().and_then(|hello| hello.server_name.as_deref());
                host.into_iter().for_each(|host| self.server(stream, host));
            }
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

    /// The first name that the client gives the server of a stream. An address says nothing that the connection does not.
    fn server(&mut self, stream: u64, name: &[u8]) {
        let has_room = self.streams.len() < MAX_NAMES && !self.streams.contains_key(&stream);
        if has_room && !name.is_empty() && !is_address(name) {
            self.streams.insert(stream, kept(name));
        }
    }

    /// The name that was looked up, of the addresses that are the answer.
    fn addresses(&mut self, dns: &Dns) {
        let Some(asked) = dns.questions.first() else { return };
        for address in dns.addresses() {
            if self.addresses.len() < MAX_NAMES || self.addresses.contains_key(&address) {
                self.addresses.insert(address, kept(asked.name.as_bytes()));
            }
        }
    }
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
