//! Handshake messages that are in clear (RFC 5246 7.4, RFC 8446 4).

use super::certificate::{self, Certificate};
use super::hello::Hello;
use super::names;
use super::read::Reader;

/// Types of messages.
pub mod kind {
    /// ClientHello.
    pub const CLIENT_HELLO: u8 = 1;
    /// ServerHello.
    pub const SERVER_HELLO: u8 = 2;
    /// NewSessionTicket.
    pub const NEW_SESSION_TICKET: u8 = 4;
    /// Certificate.
    pub const CERTIFICATE: u8 = 11;
    /// ServerKeyExchange.
    pub const SERVER_KEY_EXCHANGE: u8 = 12;
    /// CertificateRequest.
    pub const CERTIFICATE_REQUEST: u8 = 13;
    /// ServerHelloDone.
    pub const SERVER_HELLO_DONE: u8 = 14;
    /// ClientKeyExchange.
    pub const CLIENT_KEY_EXCHANGE: u8 = 16;
    /// CertificateVerify.
    pub const CERTIFICATE_VERIFY: u8 = 15;
    /// CertificateStatus.
    pub const CERTIFICATE_STATUS: u8 = 22;
}

/// Length of the header: type and length.
pub const HEADER: usize = 4;

/// Longest message that is believed: chains of certificates come to some tens of KiB.
const MAX_LENGTH: u32 = 1 << 18;

/// A handshake message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Handshake {
    /// Its type.
    pub kind: u8,
    /// Length after the header.
    pub len: u32,
    /// What it says, as far as that is told.
    pub body: Body,
}

/// What a handshake message says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Body {
    /// ClientHello or ServerHello.
    Hello(Box<Hello>),
    /// The sender's certificate, and those above it.
    Certificates(Vec<Certificate>),
    /// The key that the server made for this connection.
    Key {
        /// Its curve, where it is on one that has a number.
        curve: Option<u16>,
        /// How the server signed it (TLS 1.2).
        signature: Option<u16>,
    },
    /// How the sender proves that its certificate is its own (TLS 1.2).
    Verify(u16),
    /// What certificate a client should have.
    Request {
        /// Types of its key.
        types: Vec<u8>,
        /// Signature algorithms.
        signatures: Vec<u16>,
        /// Who may have signed it.
        authorities: Vec<String>,
    },
    /// A ticket to resume the session with: seconds that it is kept, and its length.
    Ticket(u32, u16),
    /// What the certificate's issuer says of it now: the length of an OCSP response.
    Status(u32),
    /// Not told.
    Other,
}

/// What the meaning of a message depends on.
#[derive(Clone, Copy, Default, Debug)]
pub struct Chosen {
    /// The version, once the server has chosen it.
    pub version: Option<u16>,
    /// The cipher suite.
    pub cipher: Option<u16>,
}

impl Chosen {
    /// Whether messages tell how they are signed: from TLS 1.2 on.
    fn has_signatures(self) -> bool {
        self.version.is_none_or(|version| version >= 0x0303)
    }
}

/// Type and length of a message; nothing where these bytes are encrypted, or no message.
pub fn header(bytes: [u8; HEADER]) -> Option<(u8, u32)> {
    let [kind, high, middle, low] = bytes;
    let len = u32::from_be_bytes([0, high, middle, low]);
    (names::handshake(kind).is_some() && len <= MAX_LENGTH).then_some((kind, len))
}

/// Whether the body of such a message is read.
pub fn is_read(kind: u8) -> bool {
    matches!(
        kind,
        kind::CLIENT_HELLO
            | kind::SERVER_HELLO
            | kind::NEW_SESSION_TICKET
            | kind::CERTIFICATE
            | kind::SERVER_KEY_EXCHANGE
            | kind::CERTIFICATE_REQUEST
            | kind::CERTIFICATE_VERIFY
            | kind::CERTIFICATE_STATUS
    )
}

impl Body {
    /// Reads the body of a message of a type, as far as it is there.
    pub fn read(kind: u8, body: &[u8], chosen: Chosen) -> Self {
        match kind {
            kind::CLIENT_HELLO => Self::Hello(Box::new(Hello::client(body))),
            kind::SERVER_HELLO => Self::Hello(Box::new(Hello::server(body))),
            kind::CERTIFICATE => Self::Certificates(certificate::chain(body)),
            kind::SERVER_KEY_EXCHANGE => key(Reader(body), chosen).unwrap_or(Self::Other),
            kind::CERTIFICATE_VERIFY if chosen.has_signatures() => Reader(body).u16().map_or(Self::Other, Self::Verify),
            kind::CERTIFICATE_REQUEST => request(Reader(body), chosen),
            kind::NEW_SESSION_TICKET => ticket(Reader(body)).unwrap_or(Self::Other),
            kind::CERTIFICATE_STATUS => status(Reader(body)).unwrap_or(Self::Other),
            _ => Self::Other,
        }
    }
}

/// The key of a ServerKeyExchange: on a named curve (RFC 8422 5.4) or in a group that is told (RFC 5246 7.4.3), after
/// the hint for the key agreed before, where the cipher suite uses such a key (RFC 4279 3, RFC 5489 2).
fn key(mut body: Reader<'_>, chosen: Chosen) -> Option<Body> {
    const NAMED_CURVE: u8 = 3;
    let name = chosen.cipher.and_then(names::cipher_suite);
    if name.is_some_and(|name| name.contains("PSK")) {
        body.vector16()?;
    }
    let mut curve = None;
    if name.is_none_or(|name| name.contains("ECDH")) {
        if body.u8()? != NAMED_CURVE {
            return None;
        }
        curve = Some(body.u16()?);
        body.vector8();
    } else if name.is_some_and(|name| name.contains("DH")) {
        // The prime, the generator, the key.
        for _ in 0..3 {
            body.vector16()?;
        }
    } else {
        return None;
    }
    let is_signed = chosen.has_signatures() && name.is_none_or(|name| !name.contains("anon") && !name.contains("PSK"));
    Some(Body::Key { curve, signature: if is_signed { body.u16() } else { None } })
}

fn request(mut body: Reader<'_>, chosen: Chosen) -> Body {
    let types = body.vector8().map_or(Vec::new(), |types| types.0.to_vec());
    let signatures =
        if chosen.has_signatures() { body.vector16().map_or(Vec::new(), Reader::numbers) } else { Vec::new() };
    let mut names = body.vector16().unwrap_or(Reader(&[]));
    let authorities = std::iter::from_fn(|| names.vector16()).take(certificate::MAX_CERTIFICATES);
    Body::Request {
        types,
        signatures,
        authorities: authorities.filter_map(|name| certificate::name_of(name.0)).collect(),
    }
}

fn ticket(mut body: Reader<'_>) -> Option<Body> {
    Some(Body::Ticket(body.u32()?, body.u16()?))
}

fn status(mut body: Reader<'_>) -> Option<Body> {
    body.u8()?;
    Some(Body::Status(body.u24()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_is_none_is_told() {
        assert_eq!(header([1, 0, 1, 0]), Some((1, 256)));
        assert_eq!(header([7, 0, 1, 0]), None);
        assert_eq!(header([1, 0x40, 0, 0]), None);
    }

    #[test]
    fn the_key_of_a_server_is_told() {
        let read = |body: &[u8], cipher, version| Body::read(12, body, Chosen { version, cipher });
        let key = |curve, signature| Body::Key { curve, signature };
        let curve = [3, 0, 29, 2, 7, 7, 8, 4, 0];
        assert_eq!(read(&curve, Some(0xc02f), Some(0x0303)), key(Some(29), Some(0x0804)));
        assert_eq!(read(&curve, Some(0xc013), Some(0x0301)), key(Some(29), None));
        assert_eq!(read(&curve[..5], None, None), key(Some(29), None));
        assert_eq!(read(&[0, 1, 5, 0, 1, 2, 0, 1, 9, 4, 1, 0], Some(0x009e), Some(0x0303)), key(None, Some(0x0401)));
        assert_eq!(read(&[0, 1, b'h', 3, 0, 23, 0], Some(0xc035), Some(0x0303)), key(Some(23), None));
        assert_eq!(read(&[3, 0], Some(0xc02f), None), Body::Other);
    }

    #[test]
    fn what_a_request_asks_for_is_told() {
        let body = [
            3, 1, 2, 64, 0, 4, 4, 3, 8, 4, 0, 17, 0, 15, 0x30, 13, 0x31, 11, 0x30, 9, 6, 3, 85, 4, 3, 12, 2, b'C', b'A',
        ];
        let read = |version, body: &[u8]| Body::read(13, body, Chosen { version, cipher: None });
        let types = vec![1, 2, 64];
        let authorities = vec!["CN=CA".to_owned()];
        let signatures = vec![0x0403, 0x0804];
        let want = Body::Request { types: types.clone(), signatures, authorities: authorities.clone() };
        assert_eq!(read(Some(0x0303), &body), want);
        let older = [&body[..4], &body[10..]].concat();
        assert_eq!(read(Some(0x0301), &older), Body::Request { types, signatures: vec![], authorities });
    }
}
