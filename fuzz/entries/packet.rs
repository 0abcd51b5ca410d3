//! Packets of raw IPv4, without checksums: nobody asks for them unless told to.

use dissect::engine::Totals;
use dissect::frame::{Frame, FrameMeta, LinkType, Timestamp};

use super::judge::{Judge, Message, VERIFY};

/// A millisecond of capture time.
pub const MS: i64 = 1_000_000;

/// FIN, SYN, RST and ACK.
pub const FIN: u8 = 0x01;
pub const SYN: u8 = 0x02;
pub const RST: u8 = 0x04;
pub const ACK: u8 = 0x10;

const TCP: u8 = 6;
pub const UDP: u8 = 17;

/// A frame of a link type, captured whole or up to `bytes`.
pub fn frame(link: LinkType, number: u64, time: i64, bytes: &[u8], wire_len: usize) -> Frame<'_> {
    let time = Timestamp(1_700_000_000_000 * MS + time);
    let wire_len = wire_len.max(bytes.len()) as u32;
    Frame { meta: FrameMeta { number, time, wire_len, link, interface: 0, interface_id: None }, bytes }
}

/// An IPv4 packet from side `from`, with identification, flags and offset of a fragment.
pub fn ipv4(from: usize, protocol: u8, fragment: (u16, u16), payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0];
    packet.extend((20 + payload.len().min(65_515) as u16).to_be_bytes());
    packet.extend(fragment.0.to_be_bytes());
    packet.extend(fragment.1.to_be_bytes());
    packet.extend([64, protocol, 0, 0]);
    packet.extend([10, 0, 0, 1 + from as u8, 10, 0, 0, 2 - from as u8]);
    packet.extend(payload);
    packet
}

/// Takes packets, each with its time and captured length, through all of it.
pub fn tell(seed: u8, packets: impl IntoIterator<Item = (i64, Vec<u8>, usize)>) -> (Vec<Message>, Totals) {
    // They have no checksums.
    let mut judge = Judge::new(seed & !VERIFY);
    for (number, (time, packet, captured)) in (1..).zip(packets) {
        let bytes = &packet[..captured.min(packet.len())];
        judge.push(frame(LinkType::RAW, number, time, bytes, packet.len()));
    }
    judge.finish()
}

/// A segment.
#[derive(Clone, Debug)]
pub struct Segment {
    /// Nanoseconds since the beginning.
    pub time: i64,
    /// 0 from the client, 1 from the server.
    pub from: usize,
    /// Ports of client and server.
    pub ports: [u16; 2],
    pub seq: u32,
    pub ack: u32,
    pub flags: u8,
    pub payload: Vec<u8>,
    /// Bytes at the end of the payload that were not captured.
    pub missing: usize,
}

impl Segment {
    /// The packet, whole.
    pub fn packet(&self) -> Vec<u8> {
        let mut tcp = Vec::with_capacity(20 + self.payload.len());
        tcp.extend(self.ports[self.from].to_be_bytes());
        tcp.extend(self.ports[1 - self.from].to_be_bytes());
        tcp.extend(self.seq.to_be_bytes());
        tcp.extend(self.ack.to_be_bytes());
        tcp.extend([0x50, self.flags, 0xff, 0xff, 0, 0, 0, 0]);
        tcp.extend(&self.payload);
        ipv4(self.from, TCP, (0, 0), &tcp)
    }
}

/// A UDP datagram from side `from`.
pub fn udp(from: usize, ports: [u16; 2], payload: &[u8]) -> Vec<u8> {
    ipv4(from, UDP, (0, 0), &udp_header(from, ports, payload))
}

/// The same without IP.
pub fn udp_header(from: usize, ports: [u16; 2], payload: &[u8]) -> Vec<u8> {
    let mut datagram = Vec::with_capacity(8 + payload.len());
    datagram.extend(ports[from].to_be_bytes());
    datagram.extend(ports[1 - from].to_be_bytes());
    datagram.extend((payload.len() as u16).wrapping_add(8).to_be_bytes());
    datagram.extend([0, 0]);
    datagram.extend(payload);
    datagram
}
