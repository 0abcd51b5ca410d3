//! Handshake messages: put together from records, several in one or one in several, and told from encrypted ones.

use super::{MAX_KEPT, Parser, Payload, TELLING};
use crate::app::http1::Run;
use crate::app::message::Integrity;
use crate::app::protocol::Desk;
use crate::app::tls::Content;
use crate::app::tls::handshake::{self, Body, Handshake, kind};
use crate::app::tls::record::{Header, content};
use crate::issue::Issue;

impl Parser {
    /// Keeps bytes of the message under way, to be read.
    pub(super) fn keep(&mut self, at: usize, bytes: &[u8]) {
        let side = &mut self.sides[at];
        if !side.is_cut {
            let room = MAX_KEPT.saturating_sub(side.kept.len());
            side.kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
            if bytes.len() > room {
                side.note(Issue::HandshakeTooLarge);
            }
        }
    }

    /// Handshake messages in clear.
    pub(super) fn handshake(&mut self, at: usize, run: &Run<'_>, desk: &mut Desk<'_, '_>) -> usize {
        if self.sides[at].message.is_none() {
            let version = self.sides[at].version;
            let header = Header { content: content::HANDSHAKE, version, len: 0, size: 0 };
            self.begin(at, run, Content::Unknown, header, desk);
        }
        let goal = self.goal(at).unwrap_or(handshake::HEADER);
        let side = &self.sides[at];
        let len = run.bytes.len().min(side.left.into()).min(goal.saturating_sub(side.read));
        if self.keeps(at) {
            self.keep(at, &run.bytes[..len]);
        }
        self.take(at, run.first(len), desk);
        self.come(at, len, desk);
        len
    }

    /// Length of the handshake message under way with its header, once that is there.
    pub(super) fn goal(&mut self, at: usize) -> Option<usize> {
        let len = self.unit(at)?.handshake()?.len;
        Some(handshake::HEADER + len as usize)
    }

    /// Whether the next bytes of the handshake message under way are to be read.
    fn keeps(&mut self, at: usize) -> bool {
        self.unit(at).and_then(|tls| tls.handshake()).is_none_or(|handshake| handshake::is_read(handshake.kind))
    }

    /// So many more bytes of the handshake message under way have passed, missing or not.
    pub(super) fn come(&mut self, at: usize, len: usize, desk: &mut Desk<'_, '_>) {
        let side = &mut self.sides[at];
        let before = side.read;
        side.read += len;
        if before < handshake::HEADER && side.read >= handshake::HEADER {
            let header = side.kept.first_chunk().filter(|_| !side.is_cut);
            match header.and_then(|header| handshake::header(*header)) {
                Some((kind, len)) => {
                    self.set_content(at, Content::Handshake(Handshake { kind, len, body: Body::Other }));
                }
                None => {
                    side.payload = Payload::Opaque;
                    self.set_content(at, Content::EncryptedHandshake);
                }
            }
        }
        if self.goal(at) == Some(self.sides[at].read) {
            self.finish(at, Integrity::Complete, desk);
        }
        self.pass(at, len, desk);
    }

    /// The first bytes of a record of handshake messages, after the keys have changed: a hello may yet be in clear,
    /// since TLS 1.3 has such a change that means nothing before one (RFC 8446 D.4).
    pub(super) fn either(&mut self, at: usize, run: &Run<'_>, desk: &mut Desk<'_, '_>) -> usize {
        let side = &self.sides[at];
        let len = run.bytes.len().min(side.left.into()).min(TELLING.saturating_sub(side.read));
        self.keep(at, &run.bytes[..len]);
        self.take(at, run.first(len), desk);
        let side = &mut self.sides[at];
        side.read += len;
        if side.read == TELLING {
            /// Versions, random and the lengths of three lists.
            const SHORTEST: u32 = 38;
            let hello = match *side.kept {
                [kind @ (kind::CLIENT_HELLO | kind::SERVER_HELLO), 0, high, low, 3, 0..=4] => {
                    Some((kind, u32::from_be_bytes([0, 0, high, low]))).filter(|(_, len)| *len >= SHORTEST)
                }
                _ => None,
            };
            side.payload = if hello.is_some() { Payload::Handshake } else { Payload::Opaque };
            self.set_content(
                at,
                match hello {
                    Some((kind, len)) => Content::Handshake(Handshake { kind, len, body: Body::Other }),
                    None => Content::EncryptedHandshake,
                },
            );
        }
        self.pass(at, len, desk);
        len
    }
}
