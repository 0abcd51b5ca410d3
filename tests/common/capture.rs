//! Capture files made up by a test: conversations with handshake, acknowledgments and end.

use std::path::Path;

use super::wire::{MS, Packet};

/// Bytes of a segment.
const MSS: usize = 1000;

/// One connection, from its handshake on.
pub struct Talk {
    pub packets: Vec<Packet>,
    port: u16,
    next: [u32; 2],
    pub time: i64,
}

impl Talk {
    /// The handshake of a connection from this port of the client.
    pub fn new(port: u16) -> Self {
        let mut talk = Self { packets: Vec::new(), port, next: [1000, 5000], time: 0 };
        talk.packet(0, &[], |packet| (packet.syn, packet.ack) = (true, None));
        talk.packet(1, &[], |packet| packet.syn = true);
        talk.packet(0, &[], |_| ());
        talk
    }

    fn packet(&mut self, from: usize, payload: &[u8], change: impl FnOnce(&mut Packet)) {
        self.time += MS;
        let mut packet = Packet::new(from, self.next[from], Some(self.next[1 - from]), payload);
        (packet.port, packet.time) = (self.port, self.time);
        change(&mut packet);
        self.next[from] = packet.next_seq();
        self.packets.push(packet);
    }

    /// Bytes that one end sends, in segments of `MSS`, and what acknowledges them.
    pub fn send(mut self, from: usize, bytes: &[u8]) -> Self {
        for piece in bytes.chunks(MSS) {
            self.packet(from, piece, |_| ());
        }
        self.packet(1 - from, &[], |_| ());
        self
    }

    /// A request, and what answers it.
    pub fn exchange(self, request: &[u8], response: &[u8]) -> Self {
        self.send(0, request).send(1, response)
    }

    /// Both ends close.
    pub fn close(mut self) -> Self {
        self.packet(1, &[], |packet| packet.fin = true);
        self.packet(0, &[], |packet| packet.fin = true);
        self.packet(1, &[], |_| ());
        self
    }

    /// The same without its packet of this number, from 0, counted from the end where it is negative.
    pub fn without(mut self, at: isize) -> Self {
        let at = if at < 0 { self.packets.len().checked_add_signed(at).unwrap() } else { at as usize };
        self.packets.remove(at);
        self
    }
}

/// A response with a body of known length.
pub fn response(fields: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// Writes a capture file with these packets in the order of their times.
pub fn write(path: &Path, talks: &[Talk]) {
    let mut packets: Vec<&Packet> = talks.iter().flat_map(|talk| &talk.packets).collect();
    packets.sort_by_key(|packet| packet.time);
    let mut file: Vec<u8> =
        [0xa1b2_3c4d_u32, 4 << 16 | 2, 0, 0, 1 << 18, 1].into_iter().flat_map(u32::to_le_bytes).collect();
    for packet in packets {
        let bytes = packet.bytes();
        let (secs, nanos) = (1_700_000_000 + packet.time / 1_000_000_000, packet.time % 1_000_000_000);
        let header = [secs as u32, nanos as u32, bytes.len() as u32, bytes.len() as u32];
        file.extend(header.into_iter().flat_map(u32::to_le_bytes));
        file.extend(bytes);
    }
    std::fs::write(path, file).unwrap();
}
