//! UDP: streams, and the DNS messages on them.

use super::Shared;
use crate::decode::Decoded;
use crate::event::Sink;
use crate::flow::{Endpoint, Id, Key, Table};
use crate::tcp::Carrier;

#[derive(Default)]
pub(super) struct Datagrams {
    streams: Table<u64>,
    count: u64,
}

impl Datagrams {
    pub fn stream(&mut self, [src, dst]: [Endpoint; 2]) -> (u64, Id) {
        let (key, _) = Key::new(src, dst);
        if let Some(id) = self.streams.find(&key)
            && let Some(stream) = self.streams.get_mut(id)
        {
            return (*stream, id);
        }
        let stream = self.count;
        self.count += 1;
        (stream, self.streams.insert(key, stream))
    }

    pub fn push(
        &mut self,
        _ends: [Endpoint; 2],
        _stream: (u64, Id),
        _decoded: &Decoded<'_>,
        _carrier: Carrier<'_>,
        _shared: &mut Shared,
        _sink: &mut impl Sink,
    ) {
    }
}
