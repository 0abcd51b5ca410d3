//! Decoding as a whole: made frames, every prefix of them, lying lengths, and two oracles.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use etherparse::{LaxNetSlice, LaxSlicedPacket, PacketBuilder, TransportSlice};
use proptest::prelude::*;

use super::*;
use crate::frame::{LinkType, Timestamp};

mod oracle;
mod tunnels;

const MAC_A: [u8; 6] = [2, 0, 0, 0, 0, 1];
const MAC_B: [u8; 6] = [2, 0, 0, 0, 0, 2];
const A: [u8; 4] = [10, 0, 0, 1];
const B: [u8; 4] = [10, 0, 0, 2];
const A6: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
const B6: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];

fn frame(link: LinkType, bytes: &[u8], wire_len: usize) -> Frame<'_> {
    let meta =
        FrameMeta { number: 1, time: Timestamp(0), wire_len: wire_len as u32, link, interface: 0, interface_id: None };
    Frame { meta, bytes }
}

fn whole(link: LinkType, bytes: &[u8]) -> Decoded<'_> {
    decode(frame(link, bytes, bytes.len()))
}

fn ethernet(bytes: &[u8]) -> Decoded<'_> {
    whole(LinkType::ETHERNET, bytes)
}

fn chain(decoded: &Decoded<'_>) -> String {
    protocol_chain(decoded).collect::<Vec<_>>().join(":")
}

/// All values of a field, of all layers, as text.
fn values(decoded: &Decoded<'_>, name: &str) -> Vec<String> {
    let mut values = Vec::new();
    for layer in &decoded.layers {
        for field in layer.protocol.fields.iter().filter(|field| field.name == name) {
            (field.get)(layer, &mut |value| values.push(text(value)));
        }
    }
    values
}

/// A value as tshark prints it, but for numbers, which are decimal.
fn text(value: Value<'_>) -> String {
    let hex =
        |bytes: &[u8], between: &str| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(between);
    match value {
        Value::Bool(value) => u8::from(value).to_string(),
        Value::Uint(value) => value.to_string(),
        Value::Mac(mac) => hex(&mac, ":"),
        Value::Ipv4(address) => Ipv4Addr::from(address).to_string(),
        Value::Ipv6(address) => std::net::Ipv6Addr::from(address).to_string(),
        Value::Bytes(bytes) => hex(bytes, ""),
        Value::Text(text) => String::from_utf8_lossy(text).into_owned(),
        other => unreachable!("no header has a field like {other:?}"),
    }
}

/// A header and what it carries.
fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

fn eth(ethertype: u16, payload: &[u8]) -> Vec<u8> {
    join(&[&MAC_B, &MAC_A, &ethertype.to_be_bytes(), payload])
}

fn ip(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut header = [0x45, 0, 0, 0, 0, 9, 0, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
    header[2..4].copy_from_slice(&(20 + payload.len() as u16).to_be_bytes());
    let sum = etherparse::Ipv4HeaderSlice::from_slice(&header).unwrap().to_header().calc_header_checksum();
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    join(&[&header, payload])
}

fn ip6(nxt: u8, payload: &[u8]) -> Vec<u8> {
    join(&[&[0x60, 0, 0, 0], &(payload.len() as u16).to_be_bytes(), &[nxt, 64], &A6, &B6, payload])
}

/// A TCP segment with the usual options, 32 bytes of header.
fn segment(payload: &[u8]) -> Vec<u8> {
    let header = [0x9c, 0x40, 0x27, 0x0f, 0, 0, 3, 0xe8, 0, 0, 7, 0xd0, 0x80, 0x18, 1, 0xf4, 0, 0, 0, 0];
    join(&[&header, &[1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2], payload])
}

fn datagram(payload: &[u8]) -> Vec<u8> {
    join(&[&[0x9c, 0x40, 0x27, 0x0f], &(8 + payload.len() as u16).to_be_bytes(), &[0, 0], payload])
}

/// One frame of each kind.
fn frames() -> Vec<(LinkType, Vec<u8>)> {
    let tcp = ip(6, &segment(b"hello"));
    let tcp6 = ip6(6, &segment(b"hello"));
    let snap = join(&[&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &tcp]);
    let options = [60, 0, 5, 2, 0, 0, 1, 0, 43, 0, 1, 4, 0, 0, 0, 0, 44, 0, 0, 0, 0, 0, 0, 0];
    let extended = ip6(0, &join(&[&options, &[6, 0, 0, 0, 0, 0, 0, 7], &segment(b"x")]));
    let sll = |arphrd: u8, halen: u8, protocol: [u8; 2], payload: &[u8]| {
        join(&[&[0, 0, 0, arphrd, 0, halen], &MAC_A, &[0, 0], &protocol, payload])
    };
    let sll2 = |protocol: [u8; 2], payload: &[u8]| {
        join(&[&protocol, &[0, 0, 0, 0, 0, 3, 0, 1, 4, 6], &MAC_A, &[0, 0], payload])
    };
    let mut frames: Vec<(LinkType, Vec<u8>)> = [
        eth(0x0800, &tcp),
        eth(0x0800, &join(&[&ip(6, &segment(b"")), &[0; 8]])),
        eth(0x8100, &join(&[&[0x20, 5, 8, 0], &tcp])),
        eth(0x88a8, &join(&[&[0x70, 5, 0x81, 0, 0, 6, 8, 0], &tcp])),
        eth(0x8100, &join(&[&[0, 1, 0x81, 0, 0, 2, 0x81, 0, 0, 3, 0x81, 0, 0, 4, 0x86, 0xdd], &tcp6])),
        eth(snap.len() as u16, &join(&[&snap, &[0; 4]])),
        eth(0x8100, &join(&[&[0, 5], &(snap.len() as u16).to_be_bytes(), &snap])),
        eth(tcp.len() as u16 + 3, &join(&[&[6, 6, 3], &tcp])),
        eth(0x0800, &ip(1, &join(&[&[3, 4, 0, 0, 0, 0, 5, 0], &tcp[..28]]))),
        eth(0x0800, &ip(1, &join(&[&[5, 1, 0, 0, 10, 0, 0, 9], &tcp]))),
        eth(0x0800, &ip(1, b"\x08\0\0\0\0\x01\0\x02abcdefgh")),
        eth(0x0800, &ip(1, &[13, 0, 0, 0, 0, 1, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5])),
        eth(0x0800, &ip(2, &[0x16, 0, 0, 0, 1, 2, 3, 4])),
        eth(0x0800, &ip(4, &tcp)),
        eth(0x0800, &ip(41, &tcp6)),
        eth(0x0800, &ip(51, &join(&[&[6, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2], &[1; 12], &segment(b"x")]))),
        eth(0x0806, &join(&[&[0, 1, 8, 0, 6, 4, 0, 1], &MAC_A, &A, &[0; 6], &B, &[0; 18]])),
        eth(0x86dd, &tcp6),
        eth(0x86dd, &ip6(17, &datagram(b"query"))),
        eth(0x86dd, &extended),
        eth(0x86dd, &ip6(135, &[59, 0, 0, 0, 0, 0, 0, 0])),
        eth(0x86dd, &ip6(140, &join(&[&[6, 0, 1, 0, 0, 0, 0, 0], &segment(b"x")]))),
        eth(0x86dd, &ip6(58, &join(&[&[2, 0, 0, 0, 0, 0, 5, 0], &tcp6]))),
        eth(0x86dd, &ip6(58, &join(&[&[135, 0, 0, 0, 0, 0, 0, 0], &B6, &[1, 1], &MAC_A]))),
        eth(0x86dd, &ip6(58, &join(&[&[136, 0, 0, 0, 0x60, 0, 0, 0], &B6]))),
        eth(0x86dd, &ip6(58, &[128, 0, 0, 0, 0, 1, 0, 2, 9, 9])),
        eth(0x86dd, &ip6(58, &[134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0])),
        eth(0x86dd, &ip6(59, b"")),
        eth(0x1234, b"abcdef"),
    ]
    .map(|bytes| (LinkType::ETHERNET, bytes))
    .into();
    frames.extend([
        (LinkType::LINUX_SLL, sll(1, 6, [8, 0], &tcp)),
        (LinkType::LINUX_SLL, sll(1, 4, [0x81, 0], &join(&[&[0, 5, 8, 0], &tcp]))),
        (LinkType::LINUX_SLL, sll(1, 8, [0x86, 0xdd], &tcp6)),
        (LinkType::LINUX_SLL2, sll2([8, 0], &tcp)),
        (LinkType::LINUX_SLL2, sll2([0x86, 0xdd], &tcp6)),
        (LinkType::NULL, join(&[&[2, 0, 0, 0], &tcp])),
        (LinkType::NULL, join(&[&[0, 0, 0, 2], &tcp])),
        (LinkType::NULL, join(&[&[30, 0, 0, 0], &tcp6])),
        (LinkType::NULL, join(&[&[0, 0, 8, 0], &tcp])),
        (LinkType::LOOP, join(&[&[0, 0, 0, 24], &tcp6])),
        (LinkType::RAW, tcp.clone()),
        (LinkType(12), tcp6.clone()),
        (LinkType::IPV4, tcp),
        (LinkType::IPV6, tcp6),
    ]);
    frames.extend(tunnels::tunnels().into_iter().map(|(link, bytes, _)| (link, bytes)));
    frames
}

#[test]
fn chains_are_those_of_wireshark() {
    let count = frames().len() - tunnels::tunnels().len();
    let chains: Vec<String> = frames()[..count].iter().map(|(link, bytes)| chain(&whole(*link, bytes))).collect();
    assert_eq!(
        chains,
        [
            "eth:ethertype:ip:tcp",
            "eth:ethertype:ip:tcp",
            "eth:ethertype:vlan:ethertype:ip:tcp",
            "eth:ethertype:ieee8021ad:ethertype:vlan:ethertype:ip:tcp",
            "eth:ethertype:vlan:ethertype:vlan:ethertype:vlan:ethertype:vlan:ethertype:ipv6:tcp",
            "eth:llc:ip:tcp",
            "eth:ethertype:vlan:llc:ip:tcp",
            "eth:llc:ip:tcp",
            "eth:ethertype:ip:icmp:ip:tcp",
            "eth:ethertype:ip:icmp:ip:tcp",
            "eth:ethertype:ip:icmp",
            "eth:ethertype:ip:icmp",
            "eth:ethertype:ip:igmp",
            "eth:ethertype:ip:ip:tcp",
            "eth:ethertype:ip:ipv6:tcp",
            "eth:ethertype:ip:ah:tcp",
            "eth:ethertype:arp",
            "eth:ethertype:ipv6:tcp",
            "eth:ethertype:ipv6:udp",
            "eth:ethertype:ipv6:ipv6.hopopts:ipv6.dstopts:ipv6.routing:ipv6.fraghdr:tcp",
            "eth:ethertype:ipv6:mipv6",
            "eth:ethertype:ipv6:shim6:tcp",
            "eth:ethertype:ipv6:icmpv6:ipv6:tcp",
            "eth:ethertype:ipv6:icmpv6",
            "eth:ethertype:ipv6:icmpv6",
            "eth:ethertype:ipv6:icmpv6",
            "eth:ethertype:ipv6:icmpv6",
            "eth:ethertype:ipv6",
            "eth:ethertype",
            "sll:ethertype:ip:tcp",
            "sll:ethertype:vlan:ethertype:ip:tcp",
            "sll:ethertype:ipv6:tcp",
            "sll:ethertype:ip:tcp",
            "sll:ethertype:ipv6:tcp",
            "null:ip:tcp",
            "null:ip:tcp",
            "null:ipv6:tcp",
            "null:ip:tcp",
            "null:ipv6:tcp",
            "raw:ip:tcp",
            "raw:ipv6:tcp",
            "ip:tcp",
            "ipv6:tcp",
        ]
    );
}

/// However little of a frame was captured, what is left is a prefix of the whole's layers, every byte that lengths
/// tell of is payload or missing, and a cut header is named with what it lacks.
#[test]
fn every_prefix_is_decoded_as_far_as_it_goes() {
    for (link, bytes) in frames() {
        let full = whole(link, &bytes);
        for captured in 0..bytes.len() {
            let cut = decode(frame(link, &bytes[..captured], bytes.len()));
            assert!(cut.layers.len() <= full.layers.len());
            for (a, b) in cut.layers.iter().zip(&full.layers) {
                assert_eq!((a.protocol.name, a.offset), (b.protocol.name, b.offset));
                assert!(b.header.starts_with(a.header));
                for field in a.protocol.fields {
                    (field.get)(a, &mut |_| {});
                }
            }
            match cut.stop {
                Some(Stop { offset, reason: StopReason::Cut { need, have }, .. }) => {
                    assert!(have < need, "{need} bytes were there");
                    assert_eq!(offset + have, captured as u32);
                    assert!(cut.payload.is_empty());
                }
                stop => {
                    assert_eq!(stop, full.stop);
                    assert!(full.payload.starts_with(cut.payload), "{} cut to {captured}", chain(&full));
                    assert_eq!(cut.payload.len() + cut.missing as usize, full.payload.len() + full.missing as usize);
                }
            }
        }
    }
}

#[test]
fn fields_have_one_type_and_those_of_one_prefix_stand_together() {
    let mut kinds = BTreeMap::new();
    for protocol in protocols() {
        let mut closed = Vec::new();
        let mut open: Vec<&str> = Vec::new();
        for field in protocol.fields {
            let known = kinds.insert(field.name, field.kind);
            assert!(known.is_none_or(|kind| kind == field.kind), "{} has two types", field.name);
            let parts: Vec<&str> = field.name.split('.').collect();
            let shared = open.iter().zip(&parts).take_while(|(a, b)| a == b).count();
            closed.extend((shared..open.len()).map(|depth| open[..=depth].join(".")));
            for depth in 1..parts.len() {
                let prefix = parts[..depth].join(".");
                assert!(!closed.contains(&prefix), "{} is apart from others of {prefix}", field.name);
            }
            open = parts;
        }
    }
}

fn tcp_of<'a>(decoded: &Decoded<'a>) -> TcpHeader<'a> {
    match decoded.transport {
        Transport::Tcp(header) => header,
        other => panic!("no TCP but {other:?}"),
    }
}

#[test]
fn padding_is_no_payload_and_a_cut_payload_is_missing() {
    let padded = eth(0x0800, &join(&[&ip(6, &segment(b"hi")), &[0; 20]]));
    let decoded = ethernet(&padded);
    assert_eq!((decoded.payload, decoded.missing, decoded.stop), (&b"hi"[..], 0, None));
    assert_eq!(values(&decoded, "tcp.len"), ["2"]);
    let long = eth(0x0800, &ip(6, &segment(&[7; 100])));
    let decoded = decode(frame(LinkType::ETHERNET, &long[..76], long.len()));
    assert_eq!((decoded.payload.len(), decoded.missing), (10, 90));
    assert_eq!(values(&decoded, "tcp.len"), ["100"]);
    assert_eq!(checksum::transport(&decoded), None);
}

#[test]
fn a_length_of_zero_goes_to_the_end_of_the_frame() {
    let mut bytes = eth(0x0800, &ip(6, &segment(&[7; 100])));
    bytes[16..18].fill(0);
    let decoded = decode(frame(LinkType::ETHERNET, &bytes[..76], bytes.len()));
    assert_eq!((decoded.payload.len(), decoded.missing), (10, 90));
    let mut bytes = eth(0x86dd, &ip6(6, &segment(&[7; 100])));
    bytes[18..20].fill(0);
    assert_eq!(ethernet(&bytes).payload.len(), 100);
}

#[test]
fn a_jumbogram_says_its_length_in_an_option() {
    let mut bytes = eth(0x86dd, &ip6(0, &join(&[&[6, 0, 0xc2, 4, 0, 1, 0x11, 0x70], &segment(&[7; 20])])));
    bytes[18..20].fill(0);
    let decoded = ethernet(&bytes);
    assert_eq!((decoded.payload.len(), decoded.missing), (20, 0));
    let decoded = decode(frame(LinkType::ETHERNET, &bytes, 14 + 40 + 70_000));
    // 70 000 bytes, of which 8 are the option header and 32 that of TCP.
    assert_eq!((decoded.payload.len(), decoded.missing), (20, 70_000 - 8 - 32 - 20));
}

#[test]
fn lying_lengths_are_named() {
    let tcp = eth(0x0800, &ip(6, &segment(b"hello")));
    let udp = eth(0x0800, &ip(17, &datagram(b"hello")));
    let with = |bytes: &[u8], at: usize, value: &[u8]| {
        let mut bytes = bytes.to_vec();
        bytes[at..at + value.len()].copy_from_slice(value);
        bytes
    };
    let stop = |bytes: &[u8]| ethernet(bytes).stop.map(|stop| (stop.layer, stop.offset, stop.reason));
    use StopReason::{Length, Value};
    assert_eq!(stop(&with(&tcp, 16, &[0, 19])), Some(("ip", 14, Length { field: "ip.len", need: 20, have: 19 })));
    assert_eq!(stop(&with(&tcp, 16, &[0, 45])), Some(("tcp", 34, Length { field: "ip.len", need: 32, have: 25 })));
    assert_eq!(stop(&with(&tcp, 14, &[0x44])), Some(("ip", 14, Value { field: "ip.hdr_len", value: 16 })));
    assert_eq!(stop(&with(&tcp, 14, &[0x75])), Some(("ip", 14, Value { field: "ip.version", value: 7 })));
    assert_eq!(stop(&with(&tcp, 46, &[0x40])), Some(("tcp", 34, Value { field: "tcp.hdr_len", value: 16 })));
    assert_eq!(stop(&with(&tcp, 46, &[0xf0])), Some(("tcp", 34, Length { field: "ip.len", need: 60, have: 37 })));
    assert_eq!(stop(&with(&udp, 38, &[0, 7])), Some(("udp", 34, Value { field: "udp.length", value: 7 })));
    assert_eq!(
        stop(&with(&tcp, 12, &[5, 0xff])),
        Some(("eth", 14, Value { field: "eth.invalid_lentype", value: 0x5ff }))
    );
    assert_eq!(stop(&tcp[..50]), Some(("tcp", 34, Length { field: "frame.len", need: 32, have: 16 })));
    for bad in [with(&tcp, 16, &[0, 45]), with(&tcp, 46, &[0x40]), with(&udp, 38, &[0, 7])] {
        let decoded = ethernet(&bad);
        assert!(matches!(decoded.transport, Transport::None) && decoded.payload.is_empty());
    }
    // A length of IP beyond what was on the wire does not count; of UDP, what is not there is missing.
    let long = with(&tcp, 16, &[1, 0]);
    let decoded = ethernet(&long);
    assert_eq!((decoded.payload, decoded.missing, decoded.stop), (&b"hello"[..], 0, None));
    assert_eq!(values(&decoded, "tcp.len"), ["5"]);
    let long = with(&udp, 38, &[0, 20]);
    assert_eq!((ethernet(&long).payload, ethernet(&long).missing), (&b"hello"[..], 7));
}

#[test]
fn a_quoted_packet_adds_layers_alone() {
    let quoted = ip(6, &segment(b""));
    let bytes = eth(0x0800, &ip(1, &join(&[&[3, 1, 0, 0, 0, 0, 0, 0], &quoted[..28]])));
    let decoded = ethernet(&bytes);
    assert_eq!(chain(&decoded), "eth:ethertype:ip:icmp:ip:tcp");
    assert_eq!(values(&decoded, "tcp.seq_raw"), ["1000"]);
    assert_eq!(values(&decoded, "tcp.ack_raw"), [""; 0]);
    assert!(matches!(decoded.transport, Transport::None));
    assert_eq!((decoded.payload, decoded.stop), (&quoted[..28], None));
}

#[test]
fn tunnels_give_the_inner_addresses() {
    let bytes = eth(0x0800, &ip(41, &ip6(6, &segment(b"x"))));
    let decoded = ethernet(&bytes);
    assert_eq!(decoded.addresses, Some((A6.into(), B6.into())));
    assert_eq!(tcp_of(&decoded).src, 40000);
}

#[test]
fn deep_frames_stop() {
    let mut bytes = eth(0x8100, &[0, 1, 0x81, 0].repeat(40));
    bytes.extend(ip(6, &segment(b"")));
    let decoded = ethernet(&bytes);
    assert_eq!(decoded.layers.len(), MAX_LAYERS);
    assert_eq!(decoded.stop.map(|stop| (stop.offset, stop.reason)), Some((14 + 15 * 4, StopReason::TooDeep)));
}

#[test]
fn fragments_wait_and_the_whole_goes_on() {
    let payload = segment(b"hello");
    let mut first = eth(0x0800, &ip(6, &payload[..24]));
    first[20] = 0x20;
    let decoded = ethernet(&first);
    let fragment = Fragment { id: 9, protocol: 6, offset: 0, more: true };
    assert_eq!((decoded.fragment, decoded.payload, decoded.stop), (Some(fragment), &payload[..24], None));
    assert!(matches!(decoded.transport, Transport::None) && decoded.layers.len() == 2);

    let mut last = eth(0x0800, &ip(6, &payload[24..]));
    last[21] = 3;
    let mut decoded = ethernet(&last);
    assert_eq!(decoded.fragment, Some(Fragment { offset: 24, more: false, ..fragment }));
    resume(&mut decoded, 6, &payload);
    assert_eq!((chain(&decoded).as_str(), decoded.fragment), ("eth:ethertype:ip:tcp", None));
    assert_eq!((decoded.layers[2].offset, tcp_of(&decoded).seq, decoded.payload), (0, 1000, &b"hello"[..]));
    let mut again = ethernet(&last);
    resume(&mut again, 6, &payload[..30]);
    let reason = StopReason::Length { field: "ip.reassembled.length", need: 32, have: 30 };
    assert_eq!(again.stop.map(|stop| stop.reason), Some(reason));

    let bytes = eth(0x86dd, &ip6(44, &join(&[&[17, 0, 0, 0x19, 0, 0, 0, 7], &payload])));
    let decoded = ethernet(&bytes);
    assert_eq!(decoded.fragment, Some(Fragment { id: 7, protocol: 17, offset: 24, more: true }));
    let bytes = eth(0x86dd, &ip6(44, &join(&[&[6, 0, 0, 0, 0, 0, 0, 7], &payload])));
    assert_eq!((ethernet(&bytes).fragment, ethernet(&bytes).payload), (None, &b"hello"[..]));
}

#[test]
fn tcp_options_are_read_past_unknown_ones() {
    let options = [2, 4, 5, 180, 34, 4, 9, 9, 1, 3, 3, 7, 4, 2, 1, 1, 5, 10, 0, 0, 0, 5, 0, 0, 0, 9, 0, 0];
    let mut bytes = segment(b"");
    bytes.truncate(20);
    bytes[12] = 0xc0;
    bytes.extend(options);
    let bytes = eth(0x0800, &ip(6, &bytes));
    let decoded = ethernet(&bytes);
    assert_eq!(values(&decoded, "tcp.option_kind"), ["2", "34", "1", "3", "4", "1", "1", "5", "0", "0"]);
    assert_eq!(values(&decoded, "tcp.option_len"), ["4", "4", "3", "2", "10"]);
    assert_eq!(values(&decoded, "tcp.options.mss_val"), ["1460"]);
    assert_eq!(values(&decoded, "tcp.options.wscale.shift"), ["7"]);
    assert_eq!(values(&decoded, "tcp.options.sack_perm"), ["0402"]);
}

/// Frames with right checksums, of IPv4 and IPv6.
fn built(v6: bool, vlans: usize, tcp: bool, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let eth = PacketBuilder::ethernet2(MAC_A, MAC_B);
    macro_rules! finish {
        ($step:expr) => {
            match (v6, tcp) {
                (false, true) => $step.ipv4(A, B, 64).tcp(40000, 80, 7, 500).ack(9).write(&mut bytes, payload),
                (false, false) => $step.ipv4(A, B, 64).udp(40000, 53).write(&mut bytes, payload),
                (true, true) => $step.ipv6(A6, B6, 64).tcp(40000, 80, 7, 500).syn().write(&mut bytes, payload),
                (true, false) => $step.ipv6(A6, B6, 64).udp(40000, 53).write(&mut bytes, payload),
            }
        };
    }
    match vlans {
        0 => finish!(eth),
        1 => finish!(eth.single_vlan(5.try_into().unwrap())),
        _ => finish!(eth.double_vlan(5.try_into().unwrap(), 6.try_into().unwrap())),
    }
    .unwrap();
    bytes
}

#[test]
fn checksums_tell_right_from_wrong() {
    for (v6, tcp) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut bytes = built(v6, 0, tcp, b"odd length, padded.");
        let ip = ethernet(&bytes).layers[1];
        assert!(v6 || checksum::ipv4_header(ip.header));
        assert_eq!(checksum::transport(&ethernet(&bytes)), Some(true));
        *bytes.last_mut().unwrap() ^= 4;
        assert_eq!(checksum::transport(&ethernet(&bytes)), Some(false));
        bytes[22] ^= 1;
        assert!(v6 || !checksum::ipv4_header(ethernet(&bytes).layers[1].header));
    }
    assert_eq!(checksum::transport(&ethernet(&eth(0x0800, &ip(17, &datagram(b"none"))))), None);
}

/// What etherparse's lenient parser makes of the same bytes, where it knows them.
fn agrees_with_etherparse(bytes: &[u8]) -> Result<(), TestCaseError> {
    let decoded = ethernet(bytes);
    let Ok(other) = LaxSlicedPacket::from_ethernet(bytes) else { return Ok(()) };
    match (&other.transport, decoded.transport) {
        (Some(TransportSlice::Tcp(tcp)), Transport::Tcp(ours)) => {
            let theirs =
                (tcp.source_port(), tcp.destination_port(), tcp.sequence_number(), tcp.acknowledgment_number());
            prop_assert_eq!((ours.src, ours.dst, ours.seq, ours.ack), theirs);
            prop_assert_eq!((ours.window, ours.options), (tcp.window_size(), tcp.options()));
            prop_assert_eq!(decoded.payload, tcp.payload());
        }
        (Some(TransportSlice::Udp(udp)), Transport::Udp { src, dst }) => {
            prop_assert_eq!((src, dst), (udp.source_port(), udp.destination_port()));
            prop_assert_eq!(decoded.payload, udp.payload());
        }
        // Where it finds one and we do not, we must say why, or have found a tunnel or a fragment.
        (Some(TransportSlice::Tcp(_) | TransportSlice::Udp(_)), Transport::None) => {
            prop_assert!(decoded.stop.is_some())
        }
        _ => {}
    }
    match (&other.net, decoded.addresses) {
        (Some(LaxNetSlice::Ipv4(ip)), Some((src, dst))) if !matches!(decoded.transport, Transport::None) => {
            prop_assert_eq!((src, dst), (ip.header().source_addr().into(), ip.header().destination_addr().into()));
        }
        (Some(LaxNetSlice::Ipv6(ip)), Some((src, dst))) if !matches!(decoded.transport, Transport::None) => {
            prop_assert_eq!((src, dst), (ip.header().source_addr().into(), ip.header().destination_addr().into()));
        }
        _ => {}
    }
    Ok(())
}

proptest! {
    #[test]
    fn built_frames_are_read_as_etherparse_reads_them(
        v6: bool, vlans in 0usize..3, tcp: bool, padding in 0usize..9, payload in proptest::collection::vec(any::<u8>(), 0..80),
    ) {
        let mut bytes = built(v6, vlans, tcp, &payload);
        bytes.extend(std::iter::repeat_n(0, padding));
        let decoded = ethernet(&bytes);
        prop_assert_eq!(decoded.payload, &payload[..]);
        prop_assert_eq!((decoded.missing, decoded.stop), (0, None));
        agrees_with_etherparse(&bytes)?;
    }

    /// Damage anywhere: no panic, getters included, and what is claimed of the bytes holds.
    #[test]
    fn damaged_frames_are_decoded(
        which in 0..frames().len(), damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..4),
        keep in any::<proptest::sample::Index>(), more in 0u32..2000,
    ) {
        let (link, mut bytes) = frames().swap_remove(which);
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        bytes.truncate(keep.index(bytes.len() + 1).max(bytes.len() / 2));
        let decoded = decode(frame(link, &bytes, bytes.len() + more as usize));
        for layer in &decoded.layers {
            let at = layer.offset as usize;
            prop_assert_eq!(&bytes[at..at + layer.header.len()], layer.header);
            for field in layer.protocol.fields {
                let mut count = 0;
                (field.get)(layer, &mut |_| count += 1);
                prop_assert!(field.many || count <= 1, "{} has {count} values", field.name);
            }
        }
        if let Some(stop) = decoded.stop {
            prop_assert!(stop.offset as usize <= bytes.len());
        }
    }
}
