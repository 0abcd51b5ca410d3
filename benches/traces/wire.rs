//! Frames as they lie in a capture file: pcap record, Ethernet, IPv4, TCP with the options of today's stacks.

use std::io::{self, Write};

/// Finish.
pub const FIN: u8 = 0x01;
/// Synchronize.
pub const SYN: u8 = 0x02;
/// Push.
pub const PSH: u8 = 0x08;
/// The acknowledgment number counts.
pub const ACK: u8 = 0x10;

/// Payload of a full segment: an MTU of 1500 less IPv4, TCP and timestamps.
pub const MSS: usize = 1448;

/// Begin of the capture, in seconds since 1970.
const BEGIN: u64 = 1_700_000_000;

const RECORD: usize = 16;
const ETHERNET: usize = 14;
const IPV4: usize = 20;
const TCP: usize = 20;

/// One end of a connection.
#[derive(Clone, Copy)]
pub struct End {
    /// Address.
    pub address: [u8; 4],
    /// Port.
    pub port: u16,
    /// Time to live, as it is where the capture is made.
    pub ttl: u8,
    /// IPv4 identification of the next packet.
    pub id: u16,
    /// What its timestamps began at.
    pub clock: u32,
}

impl End {
    fn mac(&self) -> [u8; 6] {
        [2, 0, self.address[0], self.address[1], self.address[2], self.address[3]]
    }

    /// Its timestamp (RFC 7323) at `time`, in milliseconds.
    pub fn timestamp(&self, time: u64) -> u32 {
        self.clock.wrapping_add((time / 1_000_000) as u32)
    }
}

/// What differs from segment to segment.
#[derive(Clone, Copy, Default)]
pub struct Segment {
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgment number.
    pub ack: u32,
    /// Control bits.
    pub flags: u8,
    /// Window, not scaled.
    pub window: u16,
    /// Timestamp echo reply.
    pub echo: u32,
    /// Blocks of selective acknowledgment (RFC 2018); empty ones are left out.
    pub sack: [(u32, u32); 3],
}

/// Writes a capture file, and counts.
pub struct Writer<W> {
    out: W,
    buffer: Vec<u8>,
    /// Frames so far.
    pub frames: u64,
    /// Bytes of the file so far.
    pub bytes: u64,
}

impl<W: Write> Writer<W> {
    /// Begins a capture file of an Ethernet, with microseconds.
    pub fn new(mut out: W) -> io::Result<Self> {
        let mut header = Vec::with_capacity(24);
        header.extend(0xa1b2_c3d4_u32.to_le_bytes());
        header.extend([2, 0, 4, 0]);
        header.extend([0; 8]);
        header.extend(262_144_u32.to_le_bytes());
        header.extend(1_u32.to_le_bytes());
        out.write_all(&header)?;
        Ok(Self { out, buffer: Vec::with_capacity(64 << 10), frames: 0, bytes: header.len() as u64 })
    }

    /// Writes a segment whose payload is `parts`, at `time` in nanoseconds since the beginning.
    pub fn segment(
        &mut self,
        time: u64,
        [from, to]: [&mut End; 2],
        segment: &Segment,
        parts: [&[u8]; 2],
    ) -> io::Result<()> {
        let payload = parts[0].len() + parts[1].len();
        let begin = self.buffer.len();
        self.buffer.resize(begin + RECORD + ETHERNET + IPV4 + TCP, 0);
        options(segment, from.timestamp(time), &mut self.buffer);
        let headers = self.buffer.len() - begin - RECORD;
        parts.iter().for_each(|part| self.buffer.extend_from_slice(part));

        let (record, frame) = self.buffer[begin..].split_at_mut(RECORD);
        let micros = time / 1000;
        record[..4].copy_from_slice(&((BEGIN + micros / 1_000_000) as u32).to_le_bytes());
        record[4..8].copy_from_slice(&((micros % 1_000_000) as u32).to_le_bytes());
        record[8..12].copy_from_slice(&(frame.len() as u32).to_le_bytes());
        record[12..].copy_from_slice(&(frame.len() as u32).to_le_bytes());

        let (ethernet, packet) = frame.split_at_mut(ETHERNET);
        ethernet[..6].copy_from_slice(&to.mac());
        ethernet[6..12].copy_from_slice(&from.mac());
        ethernet[12..].copy_from_slice(&[8, 0]);

        let length = packet.len() as u16;
        let (ip, tcp) = packet.split_at_mut(IPV4);
        ip[0] = 0x45;
        ip[2..4].copy_from_slice(&length.to_be_bytes());
        ip[4..6].copy_from_slice(&from.id.to_be_bytes());
        from.id = from.id.wrapping_add(1);
        ip[6] = 0x40;
        ip[8] = from.ttl;
        ip[9] = 6;
        ip[12..16].copy_from_slice(&from.address);
        ip[16..].copy_from_slice(&to.address);
        let ip_sum = checksum(sum(ip));
        ip[10..12].copy_from_slice(&ip_sum);

        let tcp_header = headers - ETHERNET - IPV4;
        tcp[..2].copy_from_slice(&from.port.to_be_bytes());
        tcp[2..4].copy_from_slice(&to.port.to_be_bytes());
        tcp[4..8].copy_from_slice(&segment.seq.to_be_bytes());
        tcp[8..12].copy_from_slice(&segment.ack.to_be_bytes());
        tcp[12] = (tcp_header as u8 / 4) << 4;
        tcp[13] = segment.flags;
        tcp[14..16].copy_from_slice(&segment.window.to_be_bytes());
        let pseudo = sum_of_ends(from, to) + u64::from(((tcp_header + payload) as u16).to_be());
        let tcp_sum = checksum(pseudo + sum(tcp));
        tcp[16..18].copy_from_slice(&tcp_sum);

        self.frames += 1;
        self.bytes += (self.buffer.len() - begin) as u64;
        if self.buffer.len() > 60 << 10 { self.flush() } else { Ok(()) }
    }

    /// Writes out what is buffered.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.write_all(&self.buffer)?;
        self.buffer.clear();
        self.out.flush()
    }
}

/// The options: of a SYN what is negotiated, else the timestamps and the blocks.
fn options(segment: &Segment, timestamp: u32, out: &mut Vec<u8>) {
    if segment.flags & SYN != 0 {
        out.extend([2, 4]);
        out.extend(1460_u16.to_be_bytes());
        out.extend([4, 2, 8, 10]);
    } else {
        out.extend([1, 1, 8, 10]);
    }
    out.extend(timestamp.to_be_bytes());
    out.extend(segment.echo.to_be_bytes());
    if segment.flags & SYN != 0 {
        out.extend([1, 3, 3, 7]);
    }
    let blocks = segment.sack.iter().filter(|(left, right)| left != right);
    let count = blocks.clone().count() as u8;
    if count > 0 {
        out.extend([1, 1, 5, 2 + 8 * count]);
        blocks.for_each(|(left, right)| {
            out.extend(left.to_be_bytes());
            out.extend(right.to_be_bytes());
        });
    }
}

/// The one's complement sum (RFC 1071) in this machine's order of bytes, not folded.
fn sum(bytes: &[u8]) -> u64 {
    let words = bytes.chunks_exact(4);
    let mut last = [0; 4];
    last[..words.remainder().len()].copy_from_slice(words.remainder());
    let whole: u64 = words.map(|word| u64::from(u32::from_ne_bytes([word[0], word[1], word[2], word[3]]))).sum();
    whole + u64::from(u32::from_ne_bytes(last))
}

/// The pseudo header without the length.
fn sum_of_ends(from: &End, to: &End) -> u64 {
    sum(&from.address) + sum(&to.address) + u64::from(6_u16.to_be())
}

fn checksum(mut sum: u64) -> [u8; 2] {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!(sum as u16)).to_ne_bytes()
}
