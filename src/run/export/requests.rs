//! What requests asked for, until they are answered.

use std::collections::BTreeMap;

use super::bodies::Key;
use crate::app::message::{Kind, Message};

/// Bytes kept of a target, and of a host.
const MAX_KEPT: usize = 8 << 10;

/// Bytes kept of all; of the oldest it is then no longer known what they asked for.
const MAX_ALL: usize = 32 << 20;

/// What a request asked for.
#[derive(Debug)]
pub struct Asked {
    /// Its method.
    pub method: Vec<u8>,
    /// Its target, or the beginning of a long one.
    pub target: Vec<u8>,
    /// Its Host.
    pub host: Option<Vec<u8>>,
}

impl Asked {
    fn cost(&self) -> usize {
        size_of::<Self>() + self.method.len() + self.target.len() + self.host.as_ref().map_or(0, Vec::len)
    }
}

/// Requests by connection and number.
#[derive(Default)]
pub struct Requests {
    asked: BTreeMap<Key, Asked>,
    kept: usize,
}

impl Requests {
    /// Takes note of a message, if it is a request.
    pub fn note(&mut self, stream: u64, message: &Message) {
        let Some(http) = message.http().filter(|_| message.kind == Kind::Request) else { return };
        let key = (stream, message.number);
        let head = http.head();
        let kept = |bytes: &[u8]| bytes.get(..MAX_KEPT).unwrap_or(bytes).to_vec();
        let asked = Asked {
            method: kept(head.method().unwrap_or_default()),
            target: kept(head.target().unwrap_or_default()),
            host: head.host().map(|host| kept(&host)),
        };
        self.kept += asked.cost();
        if let Some(before) = self.asked.insert(key, asked) {
            self.kept -= before.cost();
        }
        while self.kept > MAX_ALL
            && let Some((_, oldest)) = self.asked.pop_first()
        {
            self.kept -= oldest.cost();
        }
    }

    /// What a request asked for, if it is known.
    pub fn get(&self, key: Key) -> Option<&Asked> {
        self.asked.get(&key)
    }

    /// Forgets a request.
    pub fn remove(&mut self, key: Key) {
        if let Some(asked) = self.asked.remove(&key) {
            self.kept -= asked.cost();
        }
    }

    /// Forgets those of a connection.
    pub fn forget(&mut self, stream: u64) {
        let of_stream: Vec<Key> = self.asked.range((stream, 0)..=(stream, u32::MAX)).map(|(key, _)| *key).collect();
        of_stream.into_iter().for_each(|key| self.remove(key));
    }
}
