//! The long header of a QUIC packet (RFC 9000 17.2, RFC 8999 5.1), and the hellos in Initial packets.

use std::collections::VecDeque;
use std::fmt::Write;

use super::initial::{Crypto, Keys, V2};
use super::{Found, neither, summary};
use crate::app::datagram::{Datagram, Said};
use crate::app::message::{Get, Kind, Message, Unit};
use crate::app::tls::hello::Hello;
use crate::app::tls::names;
use crate::field::{self, Base, Field, Hex, Value};

/// Most bytes of a connection ID in the versions that there are.
const MAX_ID: usize = 20;

/// What the versions are called.
fn version_name(version: u32) -> Option<String> {
    match version {
        0 => Some("version negotiation".to_owned()),
        1 => Some("version 1".to_owned()),
        V2 => Some("version 2".to_owned()),
        0xff00_0001..=0xff00_00ff => Some(format!("draft {}", version & 0xff)),
        // Google's own have a letter and three digits.
        _ if version >> 24 == u32::from(b'Q') || version >> 24 == u32::from(b'T') => {
            let digits = version.to_be_bytes();
            let digits = digits.get(1..)?;
            digits.iter().all(u8::is_ascii_digit).then(|| format!("Google {}", String::from_utf8_lossy(digits)))
        }
        // Reserved to exercise version negotiation (RFC 9000 15).
        _ if version & 0x0f0f_0f0f == 0x0a0a_0a0a => Some(format!("reserved version {version:08x}")),
        _ => None,
    }
}

/// What is known of a datagram of QUIC.
#[derive(Clone, Debug)]
pub struct Quic {
    /// The version; 0 where the packet is to negotiate it.
    pub version: u32,
    /// Connection ID of its receiver.
    pub to: Vec<u8>,
    /// Connection ID of its sender.
    pub from: Vec<u8>,
    /// The hello that this datagram has made whole.
    pub hello: Option<Hello>,
    kind: &'static str,
}

/// The fields: Wireshark's names.
pub(super) static FIELDS: &[Field<Get>] = &[
    Field::new("quic.summary", field::Kind::Text, "The datagram in a line", summary),
    Field::hex("quic.version", "The version", |message, put| {
        if let Some(quic) = of(message) {
            put(Value::Uint(quic.version.into()));
        }
    }),
    Field::new("quic.dcid", field::Kind::Bytes, "Connection ID of the receiver", |message, put| {
        if let Some(quic) = of(message).filter(|quic| !quic.to.is_empty()) {
            put(Value::Bytes(&quic.to));
        }
    }),
    Field::new("quic.scid", field::Kind::Bytes, "Connection ID of the sender", |message, put| {
        if let Some(quic) = of(message).filter(|quic| !quic.from.is_empty()) {
            put(Value::Bytes(&quic.from));
        }
    }),
    // Those of TLS have the same names, types and descriptions there.
    Field::new(
        "tls.handshake.extensions_server_name",
        field::Kind::Text,
        "The host asked for (SNI)",
        |message, put| {
            if let Some(name) = hello(message).and_then(|hello| hello.server_name.as_ref()) {
                put(Value::Text(name));
            }
        },
    ),
    Field::list(
        "tls.handshake.extensions_alpn_str",
        field::Kind::Text,
        "Application protocols offered, or the one chosen (ALPN)",
        |message, put| {
            hello(message).into_iter().flat_map(|hello| &hello.alpn).for_each(|protocol| put(Value::Text(protocol)));
        },
    ),
    Field {
        base: Base::Hex,
        ..Field::list(
            "tls.handshake.ciphersuite",
            field::Kind::Uint,
            "Cipher suites offered, or the one chosen",
            |message, put| {
                let ciphers = hello(message).map_or(&[][..], |hello| &hello.ciphers);
                ciphers.iter().for_each(|cipher| put(Value::Uint((*cipher).into())));
            },
        )
    },
];

fn of(message: &Message) -> Option<&Quic> {
    match &message.unit {
        Unit::Named(named) => named.quic.as_deref(),
        _ => None,
    }
}

fn hello(message: &Message) -> Option<&Hello> {
    of(message)?.hello.as_ref()
}

/// A packet with a long header, up to where its type begins to matter.
struct Long<'a> {
    version: u32,
    name: String,
    kind: &'static str,
    to: &'a [u8],
    from: &'a [u8],
    rest: &'a [u8],
}

/// The header form and the fixed bit, a version that there is, and connection IDs that are not too long.
fn long(bytes: &[u8]) -> Option<Long<'_>> {
    let (first, rest) = bytes.split_first()?;
    let (version, rest) = rest.split_first_chunk().map(|(version, rest)| (u32::from_be_bytes(*version), rest))?;
    if first & 0x80 == 0 || version != 0 && first & 0x40 == 0 {
        return None;
    }
    let name = version_name(version)?;
    let (to, from, rest) = if is_one_length(version) { ids(rest)? } else { two_ids(rest)? };
    let kind = match (version, first >> 4 & 3) {
        (0, _) if rest.is_empty() || rest.len() % 4 != 0 => return None,
        (0, _) => "Version Negotiation",
        (V2, kind) => ["Retry", INITIAL, "0-RTT", "Handshake"][usize::from(kind)],
        (_, kind) => [INITIAL, "0-RTT", "Handshake", "Retry"][usize::from(kind)],
    };
    Some(Long { version, name, kind, to, from, rest })
}

/// Whether one byte has the lengths of both connection IDs: up to draft 21, and in Google's versions that go with them.
fn is_one_length(version: u32) -> bool {
    matches!(&version.to_be_bytes(), [0xff, 0, 0, ..22] | b"Q046" | b"Q047" | b"Q048")
}

/// Google's header before there was a long one: flags, of which one says that a version is there and another that the
/// connection ID has eight bytes.
fn public(bytes: &[u8]) -> Option<Long<'_>> {
    let (first, rest) = bytes.split_first()?;
    let (to, rest) = rest.split_at_checked(8)?;
    let (version, rest) = rest.split_first_chunk()?;
    let is_public = first & 0xcb == 0x09 && version.starts_with(b"Q0");
    let version = u32::from_be_bytes(*version);
    let name = version_name(version).filter(|_| is_public)?;
    Some(Long { version, name, kind: "public header", to, from: &[], rest })
}

/// The type of packet whose keys are no secret.
const INITIAL: &str = "Initial";

pub(super) fn read(datagram: &Datagram<'_>) -> Option<Found> {
    let Long { version, name, kind, to, from, .. } = long(datagram.bytes).or_else(|| public(datagram.bytes))?;
    let sort = u32::from(datagram.bytes.first()? >> 4 & 3);
    let (to, from) = (to.to_vec(), from.to_vec());
    let quic = Quic { version, to, from, hello: None, kind };
    let line = quic.line(&name);
    Some(Found { quic: Some(Box::new(quic)), ..Found::new(neither(datagram), sort, line) })
}

impl Quic {
    /// `Initial, ClientHello example.com, ALPN h3, version 1, to 8394c8f03e515708`.
    fn line(&self, version: &str) -> String {
        let mut line = self.kind.to_owned();
        // Writing to a String does not fail.
        if let Some(hello) = &self.hello {
            line.push_str(if hello.by_server { ", ServerHello" } else { ", ClientHello" });
            if let Some(name) = &hello.server_name {
                let _ = write!(line, " {}", String::from_utf8_lossy(name));
            }
            for cipher in hello.ciphers.iter().filter(|_| hello.by_server) {
                let _ = write!(line, " {}", names::cipher(*cipher));
            }
            for (i, protocol) in hello.alpn.iter().take(8).enumerate() {
                let _ = write!(line, "{}{}", [", ALPN ", " "][i.min(1)], String::from_utf8_lossy(protocol));
            }
        }
        if self.version != 0 {
            let _ = write!(line, ", {version}");
        }
        for (what, id) in [("to", &self.to), ("from", &self.from)] {
            if !id.is_empty() {
                let _ = write!(line, ", {what} {}", Hex(id));
            }
        }
        line
    }
}

/// Handshakes that are remembered, the last ones.
const MAX_HANDSHAKES: usize = 256;

/// Packets of a datagram that are looked at.
const MAX_COALESCED: usize = 8;

/// Initial packets of a stream that are decrypted; a hello takes two or three.
const MAX_PACKETS: u8 = 64;

/// What Initial packets of the UDP streams have told so far.
#[derive(Debug, Default)]
pub struct Handshakes(VecDeque<(u64, Handshake)>);

/// Keys of one connection, and what is known of the CRYPTO streams of client and server.
#[derive(Debug, Default)]
struct Handshake {
    keys: Option<[Keys; 2]>,
    crypto: [Crypto; 2],
    /// Packets that were to be decrypted.
    packets: u8,
    /// Whether a datagram of each direction that begins with an Initial packet has come, by the order of the ports.
    told: [bool; 2],
}

impl Handshakes {
    /// Decrypts the Initial packets of a datagram of UDP stream `stream`, and adds the hello that they complete to what
    /// is said of it.
    pub fn learn(&mut self, stream: u64, datagram: &Datagram<'_>, said: &mut Said) {
        let Unit::Named(named) = &mut said.unit else { return };
        let Some(quic) = &mut named.quic else { return };
        let handshake = self.handshake(stream);
        let told = &mut handshake.told[usize::from(datagram.ports[0] < datagram.ports[1])];
        let is_first = quic.kind == INITIAL && !std::mem::replace(told, true);
        let mut rest = datagram.bytes;
        for _ in 0..MAX_COALESCED {
            let Some(packet) = Packet::next(&mut rest) else { return };
            if packet.long.kind != INITIAL {
                continue;
            }
            let Some(hello) = handshake.take(&packet) else { continue };
            said.kind = Kind::Message { by_client: !hello.by_server };
            quic.hello = Some(hello);
            quic.kind = INITIAL;
            named.summary = quic.line(&packet.long.name);
            // Another one of its direction was told before it, by its sort.
            if !is_first {
                said.once = said.once.map(|sort| sort | HELLO);
            }
            return;
        }
    }

    fn handshake(&mut self, stream: u64) -> &mut Handshake {
        let at = self.0.iter().position(|(of, _)| *of == stream).unwrap_or_else(|| {
            if self.0.len() == MAX_HANDSHAKES {
                self.0.pop_front();
            }
            self.0.push_back((stream, Handshake::default()));
            self.0.len() - 1
        });
        &mut self.0[at].1
    }
}

/// In the sort of a datagram: it completes a hello that began in another.
const HELLO: u32 = 0x100;

impl Handshake {
    /// The hello that is whole with this packet.
    fn take(&mut self, packet: &Packet<'_>) -> Option<Hello> {
        if self.packets == MAX_PACKETS {
            return None;
        }
        self.packets += 1;
        let (side, frames) = self.decrypt(packet)?;
        let crypto = &mut self.crypto[side];
        crypto.take(&frames);
        let hello = match side {
            CLIENT => crypto.message(1).map(Hello::client),
            _ => crypto.message(2).map(Hello::server),
        }?;
        crypto.done();
        Some(hello)
    }

    /// Whose packet it is, and the frames in it. The client chose the connection ID that the keys are derived from, in
    /// its first packet and anew after a Retry (RFC 9001 5.2).
    fn decrypt(&mut self, packet: &Packet<'_>) -> Option<(usize, Vec<u8>)> {
        let known = self.keys.iter().flatten().enumerate();
        let frames =
            known.into_iter().find_map(|(side, keys)| Some((side, keys.open(packet.bytes, packet.number_at)?)));
        if frames.is_some() {
            return frames;
        }
        let keys = Keys::derive(packet.long.version, packet.long.to)?;
        let frames = keys[CLIENT].open(packet.bytes, packet.number_at)?;
        self.keys = Some(keys);
        self.crypto = Default::default();
        Some((CLIENT, frames))
    }
}

/// Whose keys come first.
const CLIENT: usize = 0;

/// One packet of a datagram.
struct Packet<'a> {
    long: Long<'a>,
    bytes: &'a [u8],
    /// Where its number begins.
    number_at: usize,
}

impl<'a> Packet<'a> {
    /// The next one, which has a length (RFC 9000 12.2): it is cut off from `datagram`.
    fn next(datagram: &mut &'a [u8]) -> Option<Self> {
        let bytes = *datagram;
        let long = long(bytes)?;
        let mut rest = long.rest;
        match long.kind {
            INITIAL => {
                let token = varint(&mut rest)?;
                rest = rest.get(usize::try_from(token).ok()?..)?;
            }
            "0-RTT" | "Handshake" => {}
            _ => return None,
        }
        let len = usize::try_from(varint(&mut rest)?).ok()?;
        // The rest is the end of these bytes.
        let number_at = bytes.len() - rest.len();
        let (_, after) = rest.split_at_checked(len)?;
        *datagram = after;
        Some(Self { long, bytes: &bytes[..number_at + len], number_at })
    }
}

/// An integer whose first two bits tell its length (RFC 9000 16), taken from `bytes`.
pub(super) fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let first = *bytes.first()?;
    let (number, rest) = bytes.split_at_checked(1 << (first >> 6))?;
    *bytes = rest;
    Some(number.iter().skip(1).fold(u64::from(first & 0x3f), |value, byte| value << 8 | u64::from(*byte)))
}

/// Both connection IDs, each after its length, and what follows.
fn two_ids(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (to, rest) = id(bytes)?;
    let (from, rest) = id(rest)?;
    Some((to, from, rest))
}

/// Both connection IDs after their lengths, of four bits each: none, or three less than there are.
fn ids(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (lengths, rest) = bytes.split_first()?;
    let len = |bits: u8| if bits == 0 { 0 } else { usize::from(bits) + 3 };
    let (to, rest) = rest.split_at_checked(len(lengths >> 4))?;
    let (from, rest) = rest.split_at_checked(len(lengths & 0xf))?;
    Some((to, from, rest))
}

/// A connection ID after its length.
fn id(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first()?;
    rest.split_at_checked(usize::from(*len)).filter(|(id, _)| id.len() <= MAX_ID)
}
