//! Datagrams that came in fragments: they are rewritten as a whole, and cut again as they were.

use std::collections::HashMap;

use crate::decode::end_of_headers;
use crate::event::Packet;
use crate::flow::fragments::Part;
use crate::frame::FrameNumber;

/// Bytes of all datagrams that are remembered; the fragments of others become zeros.
const MAX_BYTES: usize = 64 << 20;

/// What a fragment costs beside its bytes.
const PART_COST: usize = 128;

/// A datagram that was put together.
pub(super) struct Datagram {
    /// IP protocol number of what it carries.
    pub protocol: u8,
    /// What it carries, as far as it was read.
    pub bytes: Vec<u8>,
    /// Its connection, and its relative sequence number there.
    pub tcp: Option<(u64, u32)>,
    /// The frame that completed it.
    pub frame: FrameNumber,
    /// Whether `bytes` are what is written.
    pub is_rewritten: bool,
    /// Parts that were not written yet.
    pub left: usize,
}

/// Datagrams by their fragments.
#[derive(Default)]
pub(super) struct Datagrams {
    datagrams: Vec<Datagram>,
    parts: HashMap<FrameNumber, (usize, Part)>,
    bytes: usize,
}

impl Datagrams {
    /// Takes note of the datagram that a frame completed. One within another is not looked at.
    pub fn learn(&mut self, packet: &Packet<'_>) {
        let [assembly] = packet.assemblies else { return };
        let decoded = packet.decoded;
        let Some((layer, inner)) = decoded.layers.get(assembly.layer).zip(decoded.layers.get(assembly.layer + 1..))
        else {
            return;
        };
        let len = assembly.len as usize;
        let protocol_at = if layer.protocol.name == "ip" { 9 } else { 0 };
        let Some(&protocol) = layer.header.get(protocol_at) else { return };
        let cost = len + assembly.parts.len() * PART_COST;
        if self.bytes + cost > MAX_BYTES || decoded.fragment.is_some() {
            return;
        }
        let mut bytes = vec![0; len];
        let pieces = inner.iter().map(|layer| (layer.offset as usize, layer.header));
        for (at, piece) in pieces.chain([(end_of_headers(inner), decoded.payload)]) {
            let there = bytes.get_mut(at..).and_then(|rest| rest.get_mut(..piece.len()));
            there.into_iter().for_each(|there| there.copy_from_slice(piece));
        }
        self.bytes += cost;
        let frame = decoded.meta.number;
        let tcp = packet.tcp.map(|(stream, verdict)| (stream, verdict.seq));
        let left = assembly.parts.len();
        for part in &assembly.parts {
            self.parts.insert(part.frame, (self.datagrams.len(), *part));
        }
        self.datagrams.push(Datagram { protocol, bytes, tcp, frame, is_rewritten: false, left });
    }

    /// The datagram of which a frame has a part, and that part.
    pub fn of(&mut self, frame: FrameNumber) -> Option<(&mut Datagram, Part)> {
        let (index, part) = self.parts.remove(&frame)?;
        Some((self.datagrams.get_mut(index)?, part))
    }

    /// Gives the bytes back that were taken of the datagram which a frame completed.
    pub fn put_back(&mut self, frame: FrameNumber, bytes: Vec<u8>) {
        let at = self.datagrams.binary_search_by_key(&frame, |datagram| datagram.frame);
        if let Some(datagram) = at.ok().and_then(|at| self.datagrams.get_mut(at)) {
            datagram.bytes = bytes;
        }
    }
}
