//! TLS and SSL (RFC 8446, RFC 5246, RFC 6101): what is in clear, and how much is not.
//!
//! A message is one handshake message, a change of the keys, an alert, or a run of records with encrypted data of one
//! side: those that it sent without having heard more from the other side in between, which is what a turn of the
//! application's own protocol looks like from outside. A ServerHello answers its ClientHello.

pub mod certificate;
mod ciphers;
pub mod fields;
pub mod fingerprint;
pub mod handshake;
pub mod hello;
pub mod names;
mod parser;
mod read;
mod record;

use std::fmt;

use super::message::{Application, Message, Unit};
use super::protocol::{Guess, Protocol};
use handshake::{Body, Handshake, kind};
use hello::Hello;
use parser::Parser;
use record::{Header, Probe, content};

/// TLS.
pub static APPLICATION: Application = Application {
    title: "TLS",
    name: "tls",
    doc: "a handshake message, an alert, or a run of encrypted data",
    fields: fields::FIELDS,
};

/// Records of a message of which version and length are kept; a run of a download has millions.
const KEPT_HEADERS: usize = 64;

/// A message of TLS.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Tls {
    /// What it is.
    pub content: Content,
    /// The content type of its records.
    pub content_type: u8,
    /// The version that its first record has in its header.
    pub version: u16,
    /// The version of the connection, once the server has chosen it.
    pub chosen: Option<u16>,
    /// Whether it is a ServerHello that takes up an earlier session.
    pub resumes: bool,
    /// How many records begin in it: a record may hold several handshake messages, and a message be in several.
    pub records: u64,
    /// Version and length of these records, the first 64 of them.
    pub headers: Vec<(u16, u16)>,
    /// Its bytes without the headers of records, as many as were captured.
    pub payload: u64,
}

/// What a message is.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub enum Content {
    /// There is too little of it to tell, or it is none that is known.
    #[default]
    Unknown,
    /// A handshake message in clear.
    Handshake(Handshake),
    /// A record with handshake messages that are encrypted.
    EncryptedHandshake,
    /// The first such record after the keys have changed, which is Finished (RFC 5246 7.4.9).
    EncryptedFinished,
    /// What its sender sends from here on has other keys.
    ChangeCipherSpec,
    /// An alert in clear: level and description.
    Alert(u8, u8),
    /// An alert that is encrypted.
    EncryptedAlert,
    /// Encrypted data.
    Data(Hidden),
    /// A heartbeat.
    Heartbeat,
}

/// What is known of encrypted data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hidden {
    /// It is the application's.
    Application,
    /// TLS 1.3: the rest of the sender's handshake comes first, then perhaps data of the application.
    Handshake,
    /// Sent with the ClientHello, before the server has answered.
    Early,
}

/// What is known of a connection.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Facts {
    /// The version that the server chose.
    pub version: Option<u16>,
    /// The cipher suite that it chose.
    pub cipher: Option<u16>,
    /// The host asked for.
    pub server_name: Option<Vec<u8>>,
    /// The application protocol, where the choice is in clear.
    pub alpn: Option<Vec<u8>>,
    /// JA3 of the ClientHello.
    pub ja3: Option<String>,
    /// JA4 of the ClientHello.
    pub ja4: Option<String>,
    /// Records with encrypted data, of both directions.
    pub records: [u64; 2],
    /// Bytes in them.
    pub bytes: [u64; 2],
}

/// What bytes at the start of a direction or of a segment are to TLS.
pub(super) fn guess(bytes: &[u8]) -> Guess {
    match record::probe(bytes, true) {
        Probe::No => Guess::No,
        Probe::Maybe => Guess::Maybe,
        Probe::Record(header) if header.size < record::HEADER => Guess::Yes,
        Probe::Record(header) => first_bytes(header, bytes.get(record::HEADER..).unwrap_or(&[])),
    }
}

/// What the bytes after a record's header are.
fn first_bytes(header: Header, bytes: &[u8]) -> Guess {
    match (header.content, bytes) {
        (content::DATA, _) => Guess::Yes,
        // Encrypted.
        (content::ALERT, _) if header.len > 2 => Guess::Yes,
        (content::CHANGE_CIPHER_SPEC | content::ALERT, []) => Guess::Maybe,
        (content::CHANGE_CIPHER_SPEC, [1, ..]) | (content::ALERT, [1 | 2, ..]) => Guess::Yes,
        (content::HANDSHAKE, bytes) if usize::from(header.len) >= handshake::HEADER => match bytes.first_chunk() {
            None => Guess::Maybe,
            Some(header) if handshake::header(*header).is_some() => Guess::Yes,
            Some(_) => Guess::No,
        },
        // A hello may be cut into records of a few bytes, to hide the name in it.
        (content::HANDSHAKE, bytes) => match (bytes.first(), bytes.get(usize::from(header.len))) {
            (None, _) | (Some(&(kind::CLIENT_HELLO | kind::SERVER_HELLO)), None) => Guess::Maybe,
            (Some(&(kind::CLIENT_HELLO | kind::SERVER_HELLO)), Some(&content::HANDSHAKE)) => Guess::Yes,
            _ => Guess::No,
        },
        _ => Guess::No,
    }
}

/// Whether a byte may be the first of a record, or of a ClientHello of SSL 2.0.
pub(super) fn may_begin(first: u8) -> bool {
    matches!(first, content::CHANGE_CIPHER_SPEC..=content::DATA | 0x80..)
}

/// A parser that has seen nothing.
pub(super) fn parser() -> Box<dyn Protocol> {
    Box::new(Parser::default())
}

/// The message as TLS has it.
pub fn of(message: &Message) -> Option<&Tls> {
    match &message.unit {
        Unit::Tls(tls) => Some(tls),
        _ => None,
    }
}

impl Tls {
    /// The ClientHello or ServerHello that it is.
    pub fn hello(&self) -> Option<&Hello> {
        match &self.content {
            Content::Handshake(Handshake { body: Body::Hello(hello), .. }) => Some(hello),
            _ => None,
        }
    }

    /// The handshake message that it is, in clear.
    pub fn handshake(&self) -> Option<&Handshake> {
        match &self.content {
            Content::Handshake(handshake) => Some(handshake),
            _ => None,
        }
    }

    /// Whether it is of TLS 1.3, where that is known.
    pub fn is_tls13(&self) -> bool {
        self.chosen.is_some_and(names::is_tls13)
    }

    /// What it is called.
    pub fn title(&self) -> &'static str {
        match &self.content {
            Content::Unknown if self.content_type == content::HANDSHAKE => "Handshake message",
            Content::Unknown => "Record",
            Content::Handshake(_) if self.hello().is_some_and(Hello::is_retry) => "HelloRetryRequest",
            Content::Handshake(handshake) => names::handshake(handshake.kind).unwrap_or("Handshake message"),
            Content::EncryptedHandshake => "Encrypted handshake message",
            Content::EncryptedFinished => "Finished (encrypted)",
            Content::ChangeCipherSpec => "ChangeCipherSpec",
            Content::Alert(..) => "Alert",
            Content::EncryptedAlert => "Encrypted alert",
            Content::Data(Hidden::Application) => "Encrypted data",
            Content::Data(Hidden::Handshake) => "Encrypted handshake and data",
            Content::Data(Hidden::Early) => "Encrypted early data",
            Content::Heartbeat => "Heartbeat",
        }
    }
}

impl fmt::Display for Tls {
    /// `ClientHello example.com`, `ServerHello TLS 1.3 TLS_AES_128_GCM_SHA256`, `Encrypted data 3 records 1200 bytes`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())?;
        match &self.content {
            Content::Handshake(handshake) => match &handshake.body {
                Body::Hello(hello) if handshake.kind == kind::CLIENT_HELLO => {
                    if let Some(name) = &hello.server_name {
                        write!(f, " {}", String::from_utf8_lossy(name))?;
                    }
                }
                Body::Hello(hello) => {
                    write!(f, " {}", names::version(hello.highest_version()))?;
                    for cipher in &hello.ciphers {
                        write!(f, " {}", names::cipher(*cipher))?;
                    }
                }
                Body::Certificates(chain) => {
                    if let Some(read) = chain.first().and_then(|first| first.read.as_ref()) {
                        write!(f, " {}", read.subject)?;
                    }
                }
                Body::Key { curve: Some(group), .. } => write!(f, " {}", names::group(*group))?,
                _ => {}
            },
            Content::Alert(level, description) => {
                f.write_str(match level {
                    1 => " warning",
                    2 => " fatal",
                    _ => "",
                })?;
                match names::alert(*description) {
                    Some(name) => write!(f, " {name}")?,
                    None => write!(f, " {description}")?,
                }
            }
            Content::Data(_) => {
                let records = if self.records == 1 { "record" } else { "records" };
                write!(f, " {} {records} {} bytes", self.records, self.payload)?;
            }
            _ => {}
        }
        Ok(())
    }
}
