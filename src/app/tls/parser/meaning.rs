//! What messages tell: of themselves, of the connection, and which of them answers which.

use super::{Asked, Parser};
use crate::app::message::{Integrity, Kind, Message, Unit};
use crate::app::tls::handshake::{self, Body, Chosen, Handshake, kind};
use crate::app::tls::hello::Hello;
use crate::app::tls::record::{SSL2, content};
use crate::app::tls::{Content, Facts, fingerprint, names};

impl Parser {
    /// Reads what was kept of the message under way.
    pub(super) fn tell(&mut self, at: usize) {
        let chosen = self.chosen;
        let side = &mut self.sides[at];
        let Some(Unit::Tls(tls)) = side.message.as_mut().map(|message| &mut message.unit) else { return };
        match &mut tls.content {
            Content::Handshake(handshake) if tls.version != SSL2 && side.kept.len() >= handshake::HEADER => {
                handshake.body = Body::read(handshake.kind, &side.kept[handshake::HEADER..], chosen);
            }
            Content::Unknown if tls.version == SSL2 => {
                let body = Body::Hello(Box::new(Hello::client_v2(&side.kept)));
                let len = tls.headers.first().map_or(0, |(_, len)| u32::from(*len));
                tls.content = Content::Handshake(Handshake { kind: kind::CLIENT_HELLO, len, body });
            }
            Content::Unknown if tls.content_type == content::ALERT => {
                if let [level, description] = *side.kept {
                    tls.content = Content::Alert(level, description);
                }
            }
            _ => {}
        }
    }

    /// Takes note of what a message says of the connection, and of what it answers.
    pub(super) fn learn(&mut self, at: usize, message: &mut Message, end: Integrity) {
        let Unit::Tls(tls) = &mut message.unit else { return };
        let changed = std::mem::take(&mut self.sides[at].changed);
        if changed && tls.content == Content::EncryptedHandshake {
            tls.content = Content::EncryptedFinished;
        }
        match &tls.content {
            Content::Handshake(handshake) => match (handshake.kind, &handshake.body) {
                (kind::CLIENT_HELLO, Body::Hello(hello)) => {
                    self.client = Some(at);
                    let is_whole = end == Integrity::Complete && message.missing_bytes == 0;
                    self.asked = Some(Asked {
                        number: message.number,
                        session_id: hello.session_id.clone(),
                        has_early_data: hello.has_early_data(),
                        done: is_whole.then_some((message.frame, message.last_time)),
                    });
                    self.facts.offered(hello);
                    message.kind = Kind::Request;
                }
                (kind::SERVER_HELLO, Body::Hello(hello)) => {
                    self.client = Some(1 - at);
                    if !hello.is_retry() {
                        self.chosen = self.facts.chosen(hello);
                    }
                    let session_id = self.asked.as_ref().map(|asked| &asked.session_id).filter(|id| !id.is_empty());
                    // TLS 1.3 sends the identifier back whatever it is.
                    let same = !names::is_tls13(hello.highest_version()) && session_id == Some(&hello.session_id);
                    tls.resumes = same || hello.selected_psk.is_some();
                    tls.chosen = self.chosen.version;
                    self.answer(message);
                }
                (kind::CLIENT_KEY_EXCHANGE, _) => self.client = Some(at),
                (kind::SERVER_KEY_EXCHANGE | kind::SERVER_HELLO_DONE, _) => self.client = Some(1 - at),
                _ => {}
            },
            // It refuses what was offered.
            Content::Alert(..) if self.client == Some(1 - at) && self.asked.is_some() => self.answer(message),
            Content::ChangeCipherSpec => {
                self.sides[at].encrypted = true;
                self.sides[at].changed = !self.chosen.version.is_some_and(names::is_tls13);
            }
            _ => {}
        }
    }

    /// The message answers the ClientHello that waits.
    fn answer(&mut self, message: &mut Message) {
        message.kind = Kind::Response;
        let Some(asked) = self.asked.take() else { return };
        message.answers = Some(asked.number);
        if let Some((frame, time)) = asked.done {
            message.request_in = Some(frame);
            message.since_request = Some(message.first_time.since(time));
        }
    }
}

impl Facts {
    /// Takes note of what a client offers.
    fn offered(&mut self, hello: &Hello) {
        self.server_name.clone_from(&hello.server_name);
        if !hello.partial && hello.specs.is_empty() {
            self.ja3 = Some(fingerprint::ja3(hello));
            self.ja4 = Some(fingerprint::ja4(hello));
        }
    }

    /// Takes note of what a server chose.
    fn chosen(&mut self, hello: &Hello) -> Chosen {
        // The extension that tells the version may be cut off.
        self.version = Some(hello.highest_version()).filter(|_| !hello.partial || !hello.versions.is_empty());
        self.cipher = hello.ciphers.first().copied();
        self.alpn = hello.alpn.first().cloned();
        Chosen { version: self.version, cipher: self.cipher }
    }
}
