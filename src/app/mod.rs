//! Application protocols, one folder each: bytes and gaps of a connection in, messages out.

pub mod datagram;
pub mod dns;
mod held;
pub mod http1;
pub mod http2;
pub mod identify;
pub mod ledger;
pub mod message;
pub mod named;
pub mod protocol;
mod segments;
pub mod tls;
pub mod websocket;

use http1::Session;
use ledger::Ledger;
use message::{Application, Message, Update};

/// The protocols whose messages are recovered.
pub static APPLICATIONS: &[&Application] = &[
    &http1::APPLICATION,
    &http2::APPLICATION,
    &dns::APPLICATION,
    &dns::MDNS,
    &dns::LLMNR,
    &tls::APPLICATION,
    &websocket::APPLICATION,
    &named::STUN,
    &named::QUIC,
    &named::DTLS,
    &named::WIREGUARD,
    &named::DHCP,
    &named::DHCPV6,
    &named::SNMP,
    &named::SIP,
    &named::SYSLOG,
    &named::TFTP,
    &named::RADIUS,
    &named::NTP,
    &named::ISAKMP,
];

/// What the core is asked for beside the messages.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Whether messages are told. Where they are only counted, nothing is kept of one but what that takes.
    pub messages: bool,
    /// Bytes of a body's beginning to keep with its message, after content decoding; 0 for none.
    pub preview: usize,
    /// Whether bodies are given out as they come.
    pub bodies: bool,
}

/// What a protocol's parser gives out.
#[derive(Debug)]
pub enum Output<'a> {
    /// The message under way, as far as it has come, and the next bytes of its body.
    Body(&'a Message, &'a [u8]),
    /// A message that is whole or has ended.
    Message(&'a mut Message),
    /// Something learnt of a message that was given out before.
    Update(Update),
}

/// What a parser works with beside its own state.
pub struct Context<'c> {
    /// What is asked for.
    pub wanted: Wanted,
    /// Where bytes are accounted for.
    pub ledger: &'c mut Ledger,
    /// What the content codings that are being undone may cost, in bytes.
    pub decoding: &'c mut usize,
    /// Messages to use again.
    pub pool: &'c mut Pool,
    /// Where messages go.
    pub out: &'c mut dyn FnMut(Output<'_>),
}

/// Memory of everything whose coding is being undone; beyond it a coding is left as it is.
const MAX_DECODING: usize = 128 << 20;

impl Context<'_> {
    /// Whether one more coding may be undone at this cost, which is then counted.
    fn may_decode(&mut self, cost: usize) -> bool {
        let may = *self.decoding + cost <= MAX_DECODING;
        if may {
            *self.decoding += cost;
        }
        may
    }
}

/// What is used again, since its storage is what costs.
#[derive(Default)]
#[expect(clippy::vec_box, reason = "they move between pool and session as one pointer")]
pub struct Pool {
    messages: Vec<Box<Message>>,
    sessions: Vec<Box<Session>>,
}

/// Kept of each kind to be used again: as many as are under way in a usual trace.
const POOLED: usize = 256;

/// Most bytes of storage with which one is kept: ordinary messages have less than half of that.
const POOLED_STORAGE: usize = 16 << 10;

impl Pool {
    fn take(&mut self) -> Box<Message> {
        self.messages.pop().unwrap_or_default()
    }

    fn give_back(&mut self, mut message: Box<Message>) {
        if self.messages.len() < POOLED && message.storage() <= POOLED_STORAGE {
            message.clear();
            self.messages.push(message);
        }
    }

    /// A session that has seen nothing.
    pub fn take_session(&mut self) -> Box<Session> {
        self.sessions.pop().unwrap_or_default()
    }

    /// A session that is done with.
    pub fn give_back_session(&mut self, mut session: Box<Session>) {
        if self.sessions.len() < POOLED {
            *session = Session::default();
            self.sessions.push(session);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::message::Unit;

    fn with_head(pool: &mut Pool, len: usize) -> Box<Message> {
        let mut message = pool.take();
        if let Unit::Http(http) = &mut message.unit {
            http.raw.resize(len, b'a');
        }
        message
    }

    #[test]
    fn messages_are_used_again_unless_they_are_large() {
        let mut pool = Pool::default();
        let large = with_head(&mut pool, POOLED_STORAGE + 1);
        pool.give_back(large);
        assert!(pool.messages.is_empty());
        let many: Vec<_> = (0..POOLED + 1).map(|_| with_head(&mut pool, 1000)).collect();
        many.into_iter().for_each(|message| pool.give_back(message));
        assert_eq!(pool.messages.len(), POOLED);
        assert!(pool.take().http().is_some_and(|http| http.raw.is_empty() && http.raw.capacity() >= 1000));
    }
}
