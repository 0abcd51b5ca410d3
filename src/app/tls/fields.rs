//! The fields of a message of TLS: Wireshark's names and types where it has one.

use std::net::IpAddr;

use super::certificate::{Certificate, Read};
use super::handshake::{Body, kind};
use super::hello::Hello;
use super::record::SSL2;
use super::{Content, Hidden, Tls, fingerprint, names, of};
use crate::app::message::{Get, Message};
use crate::field::{Base, Field, Kind, Value};

/// Where a field's values go.
type Put<'p> = dyn FnMut(Value<'_>) + 'p;

/// The fields, those with a common prefix side by side.
pub static FIELDS: &[Field<Get>] = &[
    Field::new("tls.summary", Kind::Text, "The message in one line", |message, put| {
        if let Some(tls) = of(message) {
            put(Value::Text(tls.to_string().as_bytes()));
        }
    }),
    Field::list(
        "tls.record.content_type",
        Kind::Uint,
        "Of each record that begins in it: 20 ChangeCipherSpec, 21 alert, 22 handshake, 23 data; the first 64",
        |message, put| {
            let tls = of(message).filter(|tls| !tls.is_v2() && !tls.is_opaque());
            of_records(tls, |tls, _| tls.content_type.into(), put);
        },
    ),
    Field::list(
        "tls.record.opaque_type",
        Kind::Uint,
        "The same of records of TLS 1.3 that are encrypted, whatever they hold: 23",
        |message, put| {
            of_records(of(message).filter(|tls| tls.is_opaque()), |tls, _| tls.content_type.into(), put);
        },
    ),
    list_hex("tls.record.version", "Versions in the headers of these records", |message, put| {
        of_records(of(message), |_, (version, _)| version, put);
    }),
    Field::list("tls.record.length", Kind::Uint, "Lengths of these records, after their headers", |message, put| {
        of_records(of(message), |_, (_, len)| len, put);
    }),
    Field::new("tls.record.count", Kind::Uint, "How many records begin in it", |message, put| {
        uint(of(message).map(|tls| tls.records), put);
    }),
    Field::new("tls.app_data.length", Kind::Uint, "Bytes of encrypted data in its records", |message, put| {
        uint(of(message).filter(|tls| matches!(tls.content, Content::Data(_))).map(|tls| tls.payload), put);
    }),
    Field::new("tls.alert_message.level", Kind::Uint, "1 warning, 2 fatal", |message, put| {
        uint(of(message).and_then(Tls::alert).map(|(level, _)| level), put);
    }),
    Field::new("tls.alert_message.desc", Kind::Uint, "Description of the alert (RFC 8446 6)", |message, put| {
        uint(of(message).and_then(Tls::alert).map(|(_, description)| description), put);
    }),
    Field::new(
        "tls.handshake.type",
        Kind::Uint,
        "Type of the handshake message: 1 ClientHello, 2 ServerHello",
        |message, put| {
            uint(of(message).and_then(Tls::handshake).map(|handshake| handshake.kind), put);
        },
    ),
    Field::new(
        "tls.handshake.length",
        Kind::Uint,
        "Length of the handshake message after its header",
        |message, put| {
            let handshake = of(message).filter(|tls| !tls.is_v2()).and_then(Tls::handshake);
            uint(handshake.map(|handshake| handshake.len), put);
        },
    ),
    Field::hex("tls.handshake.version", "Version of a hello's own field: TLS 1.3 says 1.2 here", |message, put| {
        uint(hello(message).map(|hello| hello.version), put);
    }),
    Field::new("tls.handshake.random", Kind::Bytes, "Random bytes of a hello", |message, put| {
        if let Some(hello) = hello(message).filter(|hello| hello.random.len() == 32 && hello.specs.is_empty()) {
            put(Value::Bytes(&hello.random));
        }
    }),
    Field::new(
        "tls.handshake.session_id_length",
        Kind::Uint,
        "Length of a hello's session identifier",
        |message, put| {
            uint(hello(message).map(|hello| hello.session_id.len() as u64), put);
        },
    ),
    Field::new("tls.handshake.session_id", Kind::Bytes, "Session identifier of a hello", |message, put| {
        if let Some(hello) = hello(message).filter(|hello| !hello.session_id.is_empty()) {
            put(Value::Bytes(&hello.session_id));
        }
    }),
    list_hex("tls.handshake.cipherspec", "Cipher specifications offered, in the format of SSL 2.0", |message, put| {
        let specs = hello(message).map_or(&[][..], |hello| &hello.specs);
        specs.iter().for_each(|spec| put(Value::Uint((*spec).into())));
    }),
    list_hex("tls.handshake.ciphersuite", "Cipher suites offered, or the one chosen", |message, put| {
        uints(hello(message).map(|hello| &hello.ciphers), put);
    }),
    Field::list("tls.handshake.ciphersuite_name", Kind::Text, "Their names in IANA's registry", |message, put| {
        let ciphers = hello(message).map_or(&[][..], |hello| &hello.ciphers);
        ciphers.iter().for_each(|cipher| put(Value::Text(names::cipher(*cipher).to_string().as_bytes())));
    }),
    Field::list(
        "tls.handshake.comp_method",
        Kind::Uint,
        "Compression methods offered, or the one chosen",
        |message, put| {
            bytes(hello(message).map(|hello| &hello.compression), put);
        },
    ),
    Field::list(
        "tls.handshake.extension.type",
        Kind::Uint,
        "Types of a hello's extensions, in their order",
        |message, put| {
            uints(hello(message).map(|hello| &hello.extensions), put);
        },
    ),
    Field::new("tls.handshake.extensions_server_name", Kind::Text, "The host asked for (SNI)", |message, put| {
        if let Some(name) = hello(message).and_then(|hello| hello.server_name.as_ref()) {
            put(Value::Text(name));
        }
    }),
    Field::list(
        "tls.handshake.extensions_alpn_str",
        Kind::Text,
        "Application protocols offered, or the one chosen (ALPN)",
        |message, put| {
            let protocols = hello(message).map_or(&[][..], |hello| &hello.alpn);
            protocols.iter().for_each(|protocol| put(Value::Text(protocol)));
        },
    ),
    list_hex("tls.handshake.extensions_supported_group", "Groups for the key exchange offered", |message, put| {
        uints(hello(message).map(|hello| &hello.groups), put);
    }),
    Field::list(
        "tls.handshake.extensions_key_share_group",
        Kind::Uint,
        "Groups that a hello has a key for",
        |message, put| uints(hello(message).map(|hello| &hello.key_shares), put),
    ),
    Field::new(
        "tls.handshake.extensions_key_share_selected_group",
        Kind::Uint,
        "Group that a HelloRetryRequest asks a key for",
        |message, put| uint(hello(message).and_then(|hello| hello.retry_group), put),
    ),
    Field::list(
        "tls.handshake.extensions_ec_point_format",
        Kind::Uint,
        "Formats of points on elliptic curves",
        |message, put| bytes(hello(message).map(|hello| &hello.point_formats), put),
    ),
    list_hex("tls.handshake.extensions.supported_version", "Versions offered, or the one chosen", |message, put| {
        uints(hello(message).map(|hello| &hello.versions), put);
    }),
    Field::new(
        "tls.handshake.extensions.psk.identity.selected",
        Kind::Uint,
        "Which of the keys agreed before the server chose",
        |message, put| uint(hello(message).and_then(|hello| hello.selected_psk), put),
    ),
    list_hex(
        "tls.handshake.sig_hash_alg",
        "Signature algorithms offered or asked for, or the one that signed",
        |message, put| match of(message).and_then(Tls::handshake).map(|handshake| &handshake.body) {
            Some(Body::Hello(hello)) => uints(Some(&hello.signatures), put),
            Some(Body::Request { signatures, .. }) => uints(Some(signatures), put),
            Some(Body::Key { signature, .. }) => uint(*signature, put),
            Some(Body::Verify(signature)) => uint(Some(*signature), put),
            _ => {}
        },
    ),
    Field::hex("tls.handshake.server_named_curve", "Curve of the server's key", |message, put| {
        if let Some(Body::Key { curve, .. }) = of(message).and_then(Tls::handshake).map(|handshake| &handshake.body) {
            uint(*curve, put);
        }
    }),
    Field::list("tls.handshake.certificate_length", Kind::Uint, "Length of each certificate", |message, put| {
        certificates(message).iter().for_each(|certificate| put(Value::Uint(certificate.len.into())));
    }),
    Field::list(
        "tls.handshake.certificate.subject",
        Kind::Text,
        "Whose key each certificate tells, as RFC 4514 has it; empty where it cannot be read",
        |message, put| texts(message, |read| &read.subject, put),
    ),
    Field::list("tls.handshake.certificate.issuer", Kind::Text, "Who signed each", |message, put| {
        texts(message, |read| &read.issuer, put);
    }),
    Field::list("tls.handshake.certificate.not_before", Kind::Text, "From when each is valid", |message, put| {
        texts(message, |read| &read.not_before, put);
    }),
    Field::list("tls.handshake.certificate.not_after", Kind::Text, "Until when each is valid", |message, put| {
        texts(message, |read| &read.not_after, put);
    }),
    Field::list(
        "tls.handshake.cert_type",
        Kind::Uint,
        "Types of keys that a client's certificate may have",
        |message, put| {
            if let Some(Body::Request { types, .. }) =
                of(message).and_then(Tls::handshake).map(|handshake| &handshake.body)
            {
                bytes(Some(types), put);
            }
        },
    ),
    Field::list(
        "tls.handshake.authority",
        Kind::Text,
        "Who may have signed the client's certificate",
        |message, put| {
            if let Some(Body::Request { authorities, .. }) =
                of(message).and_then(Tls::handshake).map(|handshake| &handshake.body)
            {
                authorities.iter().for_each(|name| put(Value::Text(name.as_bytes())));
            }
        },
    ),
    Field::new(
        "tls.handshake.session_ticket_lifetime_hint",
        Kind::Uint,
        "Seconds for which a ticket may resume the session",
        |message, put| uint(ticket(message).map(|(lifetime, _)| lifetime), put),
    ),
    Field::new("tls.handshake.session_ticket_length", Kind::Uint, "Length of the ticket", |message, put| {
        uint(ticket(message).map(|(_, len)| len), put);
    }),
    Field::new("tls.handshake.ocsp_response_len", Kind::Uint, "Length of an OCSP response", |message, put| {
        if let Some(Body::Status(len)) = of(message).and_then(Tls::handshake).map(|handshake| &handshake.body) {
            put(Value::Uint((*len).into()));
        }
    }),
    Field::new("tls.handshake.ja3_full", Kind::Text, "What JA3 is the MD5 of", |message, put| {
        fingerprint(message, kind::CLIENT_HELLO, fingerprint::ja3_full, put);
    }),
    Field::new("tls.handshake.ja3", Kind::Text, "JA3 fingerprint of the client", |message, put| {
        fingerprint(message, kind::CLIENT_HELLO, fingerprint::ja3, put);
    }),
    Field::new("tls.handshake.ja3s_full", Kind::Text, "What JA3S is the MD5 of", |message, put| {
        fingerprint(message, kind::SERVER_HELLO, fingerprint::ja3_full, put);
    }),
    Field::new("tls.handshake.ja3s", Kind::Text, "JA3S fingerprint of the server", |message, put| {
        fingerprint(message, kind::SERVER_HELLO, fingerprint::ja3, put);
    }),
    Field::new("tls.handshake.ja4", Kind::Text, "JA4 fingerprint of the client", |message, put| {
        fingerprint(message, kind::CLIENT_HELLO, fingerprint::ja4, put);
    }),
    Field::new("tls.handshake.ja4_r", Kind::Text, "JA4 with its lists in full", |message, put| {
        fingerprint(message, kind::CLIENT_HELLO, fingerprint::ja4_raw, put);
    }),
    Field::list("tls.extension.psk_ke_mode", Kind::Uint, "How keys agreed before may be used", |message, put| {
        bytes(hello(message).map(|hello| &hello.psk_modes), put);
    }),
    Field::list("x509af.serialNumber", Kind::Bytes, "Serial number of each certificate", |message, put| {
        reads(message).for_each(|read| put(Value::Bytes(&read.serial)));
    }),
    Field::list("x509ce.dNSName", Kind::Text, "Host names that the certificates are for", |message, put| {
        reads(message).flat_map(|read| &read.dns_names).for_each(|name| put(Value::Text(name.as_bytes())));
    }),
    Field::list("x509ce.IPAddress.ipv4", Kind::Ipv4, "IPv4 addresses that they are for", |message, put| {
        for address in reads(message).flat_map(|read| &read.addresses) {
            if let IpAddr::V4(address) = address {
                put(Value::Ipv4(address.octets()));
            }
        }
    }),
    Field::list("x509ce.IPAddress.ipv6", Kind::Ipv6, "IPv6 addresses that they are for", |message, put| {
        for address in reads(message).flat_map(|read| &read.addresses) {
            if let IpAddr::V6(address) = address {
                put(Value::Ipv6(address.octets()));
            }
        }
    }),
];

/// A list of numbers that are shown in hexadecimal.
const fn list_hex(name: &'static str, doc: &'static str, get: Get) -> Field<Get> {
    Field { base: Base::Hex, ..Field::list(name, Kind::Uint, doc, get) }
}

impl Tls {
    /// Whether it is a ClientHello in the format of SSL 2.0, whose record has a header without type and version.
    fn is_v2(&self) -> bool {
        self.version == SSL2
    }

    /// Whether its records hide what they hold.
    fn is_opaque(&self) -> bool {
        matches!(self.content, Content::Data(Hidden::Handshake | Hidden::Early))
            || self.is_tls13() && matches!(self.content, Content::Data(Hidden::Application))
    }

    fn alert(&self) -> Option<(u8, u8)> {
        match self.content {
            Content::Alert(level, description) => Some((level, description)),
            _ => None,
        }
    }
}

/// A number of each record that begins in a message, by version and length.
fn of_records(tls: Option<&Tls>, number: fn(&Tls, (u16, u16)) -> u16, put: &mut Put<'_>) {
    if let Some(tls) = tls {
        tls.headers.iter().for_each(|header| put(Value::Uint(number(tls, *header).into())));
    }
}

fn hello(message: &Message) -> Option<&Hello> {
    of(message)?.hello()
}

fn ticket(message: &Message) -> Option<(u32, u16)> {
    match of(message)?.handshake()?.body {
        Body::Ticket(lifetime, len) => Some((lifetime, len)),
        _ => None,
    }
}

fn certificates(message: &Message) -> &[Certificate] {
    match of(message).and_then(Tls::handshake).map(|handshake| &handshake.body) {
        Some(Body::Certificates(chain)) => chain,
        _ => &[],
    }
}

fn reads(message: &Message) -> impl Iterator<Item = &Read> {
    certificates(message).iter().filter_map(|certificate| certificate.read.as_deref())
}

/// One text of each certificate, so that the lists of them go together.
fn texts(message: &Message, text: fn(&Read) -> &str, put: &mut Put<'_>) {
    for certificate in certificates(message) {
        put(Value::Text(certificate.read.as_deref().map_or("", text).as_bytes()));
    }
}

fn fingerprint(message: &Message, kind: u8, make: fn(&Hello) -> String, put: &mut Put<'_>) {
    let handshake = of(message).and_then(Tls::handshake).filter(|handshake| handshake.kind == kind);
    // It would be another one if there were more of the message.
    if let Some(Body::Hello(hello)) = handshake.map(|handshake| &handshake.body)
        && !hello.partial
        && hello.specs.is_empty()
    {
        put(Value::Text(make(hello).as_bytes()));
    }
}

fn uint(value: Option<impl Into<u64>>, put: &mut Put<'_>) {
    if let Some(value) = value {
        put(Value::Uint(value.into()));
    }
}

fn uints(values: Option<&Vec<u16>>, put: &mut Put<'_>) {
    values.into_iter().flatten().for_each(|value| put(Value::Uint((*value).into())));
}

fn bytes(values: Option<&Vec<u8>>, put: &mut Put<'_>) {
    values.into_iter().flatten().for_each(|value| put(Value::Uint((*value).into())));
}
