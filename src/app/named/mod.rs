//! Protocols over UDP that are told by name, from what their datagrams begin with, and in a line: of each kind of
//! datagram the first one of a direction, since there may be millions.

mod initial;
mod quic;
mod readers;
#[cfg(test)]
mod tests;

use std::fmt;

use super::datagram::{Datagram, Said};
use super::message::{Application, Get, Kind, Message, Unit};
use crate::field::{self, Field, Value};
pub use quic::{Handshakes, Quic};

/// A datagram whose protocol has no parser of its own.
#[derive(Clone, Debug)]
pub struct Named {
    /// What it is.
    pub application: &'static Application,
    /// What it says, in a line.
    pub summary: String,
    /// What more there is where it is QUIC.
    pub quic: Option<Box<Quic>>,
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.summary)
    }
}

/// What a reader finds: its part in an exchange, what tells its kind from others of the protocol, what it says.
struct Found {
    kind: Kind,
    sort: u32,
    key: Option<u64>,
    summary: String,
    quic: Option<Box<Quic>>,
}

impl Found {
    fn new(kind: Kind, sort: impl Into<u32>, summary: impl Into<String>) -> Self {
        Self { kind, sort: sort.into(), key: None, summary: summary.into(), quic: None }
    }

    /// What a response shares with its request.
    fn keyed(self, key: u64) -> Self {
        Self { key: Some(key), ..self }
    }
}

/// A message that neither asks nor answers; `by_client` is whether it went to a port below that of its sender.
fn neither(datagram: &Datagram<'_>) -> Kind {
    Kind::Message { by_client: datagram.ports[1] <= datagram.ports[0] }
}

/// The fields of a protocol: those that are given, or the summary.
macro_rules! fields {
    ($name:literal $fields:path) => {
        $fields
    };
    ($name:literal) => {{
        static FIELDS: &[Field<Get>] =
            &[Field::new(concat!($name, ".summary"), field::Kind::Text, "The datagram in a line", summary)];
        FIELDS
    }};
}

/// Each protocol, who reads it, and the fields that it has if not its summary alone.
macro_rules! applications {
    ($($constant:ident $title:literal $name:literal $read:path $([$fields:path])?, $doc:literal;)*) => {
        $(
            #[doc = $doc]
            pub static $constant: Application = Application {
                title: $title,
                name: $name,
                doc: $doc,
                fields: fields!($name $($fields)?),
            };
        )*

        /// Those that want more evidence come before those that one of them could be mistaken for.
        const READERS: &[(&Application, fn(&Datagram<'_>) -> Option<Found>)] = &[$((&$constant, $read)),*];
    };
}

fn summary(message: &Message, put: &mut dyn FnMut(Value<'_>)) {
    if let Unit::Named(named) = &message.unit {
        put(Value::Text(named.summary.as_bytes()));
    }
}

applications! {
    STUN "STUN" "stun" readers::stun, "A STUN message (RFC 8489)";
    QUIC "QUIC" "quic" quic::read [quic::FIELDS], "A QUIC packet with a long header (RFC 9000)";
    DTLS "DTLS" "dtls" readers::dtls, "A DTLS record (RFC 6347, 9147)";
    WIREGUARD "WireGuard" "wg" readers::wireguard, "A WireGuard message";
    DHCP "DHCP" "dhcp" readers::dhcp, "A DHCP or BOOTP message (RFC 2131)";
    DHCPV6 "DHCPv6" "dhcpv6" readers::dhcpv6, "A DHCPv6 message (RFC 8415)";
    NBNS "NBNS" "nbns" readers::nbns, "A message of NetBIOS's name service (RFC 1002)";
    KERBEROS "Kerberos" "kerberos" readers::kerberos, "A Kerberos message (RFC 4120)";
    SNMP "SNMP" "snmp" readers::snmp, "An SNMP message (RFC 3416)";
    SIP "SIP" "sip" readers::sip, "A SIP message (RFC 3261)";
    SYSLOG "syslog" "syslog" readers::syslog, "A syslog message (RFC 5424, 3164)";
    TFTP "TFTP" "tftp" readers::tftp, "A TFTP packet (RFC 1350)";
    RADIUS "RADIUS" "radius" readers::radius, "A RADIUS packet (RFC 2865)";
    NTP "NTP" "ntp" readers::ntp, "An NTP packet (RFC 5905)";
    ISAKMP "IKE" "isakmp" readers::isakmp, "An IKE message (RFC 7296)";
}

/// What a datagram says, if one of the protocols reads it.
pub fn datagram(datagram: &Datagram<'_>) -> Option<Said> {
    READERS.iter().enumerate().find_map(|(i, (application, read))| {
        let Found { kind, sort, key, summary, quic } = read(datagram)?;
        let unit = Unit::Named(Box::new(Named { application, summary, quic }));
        // The protocol's place in the list, and what is told apart within it.
        Some(Said { kind, key, unit, once: Some((i as u32) << 24 ^ sort) })
    })
}
