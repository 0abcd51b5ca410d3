//! The walk that most frames need: Ethernet with or without VLAN tags, IP, TCP, every header whole and none of them odd.
//!
//! It says nothing that [`decode`](super::decode) does not say too, and leaves to it whatever is not plain.

use super::{TcpHeader, Transport, tcp};
use crate::frame::{Frame, LinkType};

/// A TCP segment of a plain frame.
#[derive(Clone, Copy, Debug)]
pub struct Plain<'a> {
    /// The addresses of its IP header as they stand there: source, destination.
    pub addresses: &'a [u8],
    /// The TCP header's bytes.
    pub header: &'a [u8],
    /// All headers: the bytes before the payload.
    pub headers: &'a [u8],
    /// What was captured of the TCP payload.
    pub payload: &'a [u8],
    /// Bytes of the payload that were not captured.
    pub missing: u32,
}

impl<'a> Plain<'a> {
    /// The ports: source, destination.
    #[inline]
    pub fn ports(&self) -> (u16, u16) {
        let &[a, b, c, d] = self.header.first_chunk().unwrap_or(&[0; 4]);
        (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]))
    }

    /// The TCP header in native numbers; always there.
    #[inline]
    pub fn tcp(&self) -> Option<TcpHeader<'a>> {
        match tcp::transport(self.header) {
            Transport::Tcp(header) => Some(header),
            _ => None,
        }
    }
}

const ETHERNET_LEN: usize = 14;
const IPV4_LEN: usize = 20;
const IPV6_LEN: usize = 40;
const TCP: u8 = 6;

/// Reads a frame; `None` where it is not plain.
#[inline]
pub fn plain<'a>(frame: &Frame<'a>) -> Option<Plain<'a>> {
    let Frame { meta, bytes } = *frame;
    if meta.link != LinkType::ETHERNET {
        return None;
    }
    let (&[.., e0, e1], mut ip) = bytes.split_first_chunk::<ETHERNET_LEN>()?;
    let mut ethertype = [e0, e1];
    // As many tags as QinQ has (IEEE 802.1ad).
    for _ in 0..2 {
        if ethertype != [0x81, 0x00] && ethertype != [0x88, 0xa8] {
            break;
        }
        let (&[_, _, e0, e1], rest) = ip.split_first_chunk()?;
        (ethertype, ip) = ([e0, e1], rest);
    }
    // Lengths of the IP header, and of the datagram with it.
    let (addresses, ip_len, len) = match ethertype {
        [0x08, 0x00] => {
            let header: &[u8; IPV4_LEN] = ip.first_chunk()?;
            let &[version, _, l0, l1, _, _, f0, f1, _, protocol, _, _, ref addresses @ ..] = header;
            let ip_len = usize::from(version & 0xf) * 4;
            let fragmented = f0 & 0x3f | f1 != 0;
            if version >> 4 != 4 || ip_len < IPV4_LEN || fragmented || protocol != TCP {
                return None;
            }
            (&addresses[..], ip_len, usize::from(u16::from_be_bytes([l0, l1])))
        }
        [0x86, 0xdd] => {
            let header: &[u8; IPV6_LEN] = ip.first_chunk()?;
            let &[version, _, _, _, l0, l1, TCP, _, ref addresses @ ..] = header else { return None };
            let payload_len = usize::from(u16::from_be_bytes([l0, l1]));
            // A length of 0 is a jumbogram, or segmentation offload.
            if version >> 4 != 6 || payload_len == 0 {
                return None;
            }
            (&addresses[..], IPV6_LEN, IPV6_LEN + payload_len)
        }
        _ => return None,
    };
    let ip_at = bytes.len() - ip.len();
    let datagram = match ip.get(..len) {
        Some(datagram) => datagram,
        None if ip_at + len <= meta.wire_len as usize => ip,
        // What the length field claims beyond the frame is a matter of its own.
        None => return None,
    };
    let tcp = datagram.get(ip_len..)?;
    let header_len = usize::from(*tcp.get(12)? >> 4) * 4;
    let (header, payload) = tcp.split_at_checked(header_len).filter(|_| header_len >= tcp::MIN_LEN)?;
    Some(Plain {
        addresses,
        header,
        headers: bytes.get(..ip_at + ip_len + header_len)?,
        payload,
        missing: (len - datagram.len()) as u32,
    })
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::decode::checksum::{header_sum, plain_header_sum};
    use crate::decode::{decode, end_of_headers};
    use crate::frame::{FrameMeta, Timestamp};
    use crate::sum::fold;

    fn frame(bytes: &[u8], wire_len: u32) -> Frame<'_> {
        let link = LinkType::ETHERNET;
        Frame {
            meta: FrameMeta { number: 1, time: Timestamp(0), wire_len, link, interface: 0, interface_id: None },
            bytes,
        }
    }

    /// Whether a frame is plain; then it must be what `decode` says.
    fn agrees(frame: Frame<'_>) -> bool {
        let Some(plain) = plain(&frame) else { return false };
        let decoded = decode(frame);
        let Transport::Tcp(tcp) = decoded.transport else { panic!("{decoded:?} is no TCP") };
        let numbers = |tcp: TcpHeader<'_>| (tcp.src, tcp.dst, tcp.seq, tcp.ack, tcp.flags, tcp.window);
        let read = plain.tcp().unwrap();
        let addresses = match decoded.addresses.unwrap() {
            (IpAddr::V4(src), IpAddr::V4(dst)) => [src.octets(), dst.octets()].concat(),
            (IpAddr::V6(src), IpAddr::V6(dst)) => [src.octets(), dst.octets()].concat(),
            mixed => panic!("{mixed:?}"),
        };
        assert_eq!(plain.addresses, addresses);
        assert_eq!((numbers(read), read.options, plain.ports()), (numbers(tcp), tcp.options, (tcp.src, tcp.dst)));
        assert_eq!(Some(fold(plain_header_sum(&plain))), header_sum(&decoded).map(fold));
        assert_eq!((plain.payload, plain.missing), (decoded.payload, decoded.missing));
        assert_eq!(plain.headers, &frame.bytes[..end_of_headers(&decoded.layers)]);
        assert_eq!(plain.header, decoded.layers.last().unwrap().header);
        assert!(decoded.stop.is_none() && decoded.fragment.is_none());
        true
    }

    fn samples() -> Vec<Vec<u8>> {
        let mut tcp = vec![0x04, 0xd2, 0, 80, 0, 0, 0, 1, 0, 0, 0, 2, 0x80, 0x18, 1, 0, 0, 0, 0, 0];
        tcp.extend([1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2]);
        tcp.extend(b"GET / HTTP/1.1\r\n\r\n");
        let mut v4 = vec![0x46, 0, 0, 24 + tcp.len() as u8, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
        v4.extend([1, 1, 1, 0]);
        v4.extend(&tcp);
        let mut v6 = vec![0x60, 0, 0, 0, 0, tcp.len() as u8, 6, 64];
        v6.extend((0..32).map(|i| i * 7));
        v6.extend(&tcp);
        let link = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
        let tags: [&[u8]; 3] = [&[], &[0x81, 0, 0, 5], &[0x88, 0xa8, 0, 5, 0x81, 0, 0, 6]];
        let with = |tags: &[u8], kind: [u8; 2], ip: &[u8]| [&link[..], tags, &kind, ip, &[0; 3]].concat();
        tags.iter().flat_map(|tags| [with(tags, [8, 0], &v4), with(tags, [0x86, 0xdd], &v6)]).collect()
    }

    #[test]
    fn plain_frames_are_read_as_by_the_layers() {
        for sample in samples() {
            assert!(agrees(frame(&sample, sample.len() as u32)));
        }
    }

    #[test]
    fn a_cut_or_changed_frame_is_the_same_or_left_to_the_layers() {
        let mut plain = 0;
        for sample in samples() {
            let len = sample.len() as u32;
            plain += (0..sample.len()).filter(|&cut| agrees(frame(&sample[..cut], len))).count();
            for at in 12..sample.len() {
                for change in [0x01, 0x04, 0x10, 0x20, 0x40, 0x80, 0xff] {
                    let mut changed = sample.clone();
                    changed[at] ^= change;
                    plain += usize::from(agrees(frame(&changed, len)));
                }
            }
        }
        assert!(plain > 1000);
    }
}
