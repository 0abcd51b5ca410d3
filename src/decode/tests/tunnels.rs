//! Tunnels, serial lines and radios: one frame of each.

use super::*;

/// A datagram from a high port to `port`.
fn to_port(port: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = datagram(payload);
    bytes[2..4].copy_from_slice(&port.to_be_bytes());
    ip(17, &bytes)
}

/// One frame of each kind of tunnel, serial line and radio, with its chain of names.
pub(super) fn tunnels() -> Vec<(LinkType, Vec<u8>, &'static str)> {
    let tcp = ip(6, &segment(b"hello"));
    let tcp6 = ip6(6, &segment(b"hello"));
    let frame = eth(0x0800, &tcp);
    let gre = |header: &[u8], payload: &[u8]| ip(47, &join(&[header, payload]));
    let in_udp = |port: u16, header: &[u8], payload: &[u8]| to_port(port, &join(&[header, payload]));
    let label = [0, 1, 1, 64];
    // MACs of a known maker, by which tshark tells that a control word precedes them.
    let known = join(&[&[0, 0, 0x0c, 1, 2, 3, 0, 0, 0x0c, 4, 5, 6], &frame[12..]]);
    let data_to_ds = [8, 1, 0, 0, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 3, 0x10, 0];
    let qos = [0x88, 2, 0, 0, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 3, 0x10, 0, 0, 0];
    let snap = join(&[&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &tcp]);
    let radiotap = [0, 0, 16, 0, 2, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0];
    let over_ip = [
        (gre(&[0, 0, 8, 0], &tcp), "gre:ip:tcp"),
        (gre(&[0xb0, 0, 0x86, 0xdd, 1, 2, 0, 0, 0, 0, 0, 7, 0, 0, 0, 9], &tcp6), "gre:ipv6:tcp"),
        (gre(&[0, 0, 0x65, 0x58], &frame), "gre:eth:ethertype:ip:tcp"),
        (gre(&[0x30, 0x81, 0x88, 0x0b, 0, 61, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2, 0xff, 3, 0, 0x21], &tcp), "gre:ppp:ip:tcp"),
        (gre(&[0x20, 0x81, 0x88, 0x0b, 0, 0, 0, 5, 0, 0, 0, 1], b""), "gre"),
        (gre(&[0, 0, 0x88, 0x3e, 0, 0, 0, 0], &tcp), "gre:ip:tcp"),
        (gre(&[0, 0, 0x88, 0xbe], &frame), "gre:erspan:eth:ethertype:ip:tcp"),
        (gre(&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 5, 0, 9, 0, 0, 0, 3], &frame), "gre:erspan:eth:ethertype:ip:tcp"),
        (
            gre(
                &[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 5, 0, 9, 0, 0, 0, 3, 0, 0, 0, 1, 4, 0, 0, 0, 0, 0, 0, 0],
                &frame,
            ),
            "gre:erspan:eth:ethertype:ip:tcp",
        ),
        (gre(&[0, 0, 0x89, 9, 8, 0, 1, 1, 0, 1, 0, 5], &tcp), "gre:cmd:ip:tcp"),
        (ip(97, &join(&[&[0x30, 0], &frame])), "etherip:eth:ethertype:ip:tcp"),
        (ip(143, &frame), "eth:ethertype:ip:tcp"),
        (in_udp(4789, &[8, 0, 0, 0, 0, 1, 2, 0], &frame), "udp:vxlan:eth:ethertype:ip:tcp"),
        (in_udp(4790, &[12, 0, 0, 2, 0, 1, 2, 0], &tcp6), "udp:ipv6:tcp"),
        (in_udp(6081, &[1, 0, 8, 0, 0, 1, 2, 0, 1, 2, 0x80, 0], &tcp), "udp:geneve:ip:tcp"),
        (in_udp(6081, &[0, 0, 0x65, 0x58, 0, 1, 2, 0], &frame), "udp:geneve:eth:ethertype:ip:tcp"),
        (in_udp(2152, &[0x30, 255, 0, 57, 0, 0, 0, 1], &tcp), "udp:gtp:ip:tcp"),
        (in_udp(2152, &[0x36, 255, 0, 65, 0, 0, 0, 1, 0, 5, 0, 0x85, 1, 0, 9, 0], &tcp), "udp:gtp:ip:tcp"),
        (in_udp(2152, &[0x32, 1, 0, 4, 0, 0, 0, 0, 0, 5, 0, 0], b""), "udp:gtp"),
        (in_udp(4754, &[0, 0, 8, 0], &tcp), "udp:gre:ip:tcp"),
        (in_udp(6635, &label, &tcp), "udp:mpls:ip:tcp"),
        (in_udp(4500, &[0, 0, 0, 7, 0, 0, 0, 1], &[9; 24]), "udp:udpencap:esp"),
        (in_udp(4341, &[0x80, 0, 0, 5, 0, 0, 0, 1], &tcp), "udp:lisp-data:ip:tcp"),
        (in_udp(3544, &[0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6], &tcp6), "udp:teredo:ipv6:tcp"),
        (in_udp(1701, &[0, 2, 0, 1, 0, 2, 0xff, 3, 0, 0x21], &tcp), "udp:l2tp:ppp:ip:tcp"),
        (ip(103, &join(&[&[0x21, 0, 0, 0, 0, 0, 0, 0], &tcp])), "pim:ip:tcp"),
        (ip(50, &[0, 0, 0, 1, 0, 0, 0, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3]), "esp"),
        (ip(132, &[0, 1, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 11, 0, 0, 4]), "sctp"),
        (
            ip(1, &join(&[&[3, 3, 0, 0, 0, 0, 0, 0], &in_udp(4789, &[8, 0, 0, 0, 0, 1, 2, 0], &frame)])),
            "icmp:ip:udp:vxlan:eth:ethertype:ip:tcp",
        ),
    ];
    let over_ethernet = [
        (0x8847, join(&[&[0, 2, 0, 64], &label, &tcp]), "mpls:ip:tcp"),
        (0x8848, join(&[&label, &tcp6]), "mpls:ipv6:tcp"),
        (0x8847, join(&[&label, &[0, 0, 0, 7], &known]), "mpls:pwethheuristic:pwethcw:eth:ethertype:ip:tcp"),
        (0x8847, join(&[&label, &[0x10, 0, 0, 0x21], &tcp]), "mpls:pwach:ip:tcp"),
        (0x8863, vec![0x11, 9, 0, 0, 0, 4, 1, 1, 0, 0], "pppoed"),
        (0x8864, join(&[&[0x11, 0, 0, 5, 0, 59, 0, 0x21], &tcp]), "pppoes:ppp:ip:tcp"),
        (0x8864, join(&[&[0x11, 0, 0, 5, 0, 58, 0x21], &tcp]), "pppoes:ppp:ip:tcp"),
        (0x8864, vec![0x11, 0, 0, 5, 0, 10, 0xc0, 0x21, 9, 1, 0, 8, 0, 0, 0, 0], "pppoes:ppp:lcp"),
        (0x88e7, join(&[&[0x60, 0, 0, 5], &frame]), "ieee8021ah:ethertype:ip:tcp"),
        (0x894f, join(&[&[0x0f, 0xc2, 2, 1, 0, 0, 1, 255], &tcp]), "nsh:ip:tcp"),
        (0x893f, join(&[&[0, 1, 0, 2, 0, 0, 8, 0], &tcp]), "etag:ethertype:ip:tcp"),
        (0x8909, join(&[&[1, 1, 0, 1, 0, 5, 8, 0], &tcp]), "cmd:ethertype:ip:tcp"),
        (0x88e5, join(&[&[0, 0, 0, 0, 0, 9, 8, 0], &tcp, &[7; 16]]), "macsec:ethertype:ip:tcp"),
        (0x6558, frame.clone(), "eth:ethertype:ip:tcp"),
    ];
    let mut tunnels = Vec::new();
    for (bytes, names) in over_ip {
        tunnels.push((LinkType::IPV4, bytes, &*format!("ip:{names}").leak()));
    }
    for (ethertype, bytes, names) in over_ethernet {
        tunnels.push((LinkType::ETHERNET, eth(ethertype, &bytes), &*format!("eth:ethertype:{names}").leak()));
    }
    tunnels.extend([
        (LinkType(9), join(&[&[0, 0x21], &tcp]), "ppp:ip:tcp"),
        (LinkType(50), join(&[&[0xff, 3, 0, 0x57], &tcp6]), "ppp:ipv6:tcp"),
        (LinkType(50), join(&[&[0x0f, 0, 8, 0], &tcp]), "ppp:chdlc:ip:tcp"),
        (LinkType(204), join(&[&[1, 0xff, 3, 0, 0x21], &tcp]), "ppp:ip:tcp"),
        (LinkType(104), join(&[&[0x8f, 0, 0x88, 0x47], &label, &tcp]), "chdlc:mpls:ip:tcp"),
        (LinkType(239), join(&[&[2, 0, 0, 5, 5, 0, 1, 0, 9, 0, 0, 0, 61, 0, 9, 0], &tcp]), "nflog:ip:tcp"),
        (LinkType(105), join(&[&data_to_ds, &snap]), "wlan:llc:ip:tcp"),
        (LinkType(105), join(&[&[0xd4, 0, 0, 0], &MAC_A]), "wlan"),
        (LinkType(127), join(&[&radiotap, &qos, &snap, &[1; 4]]), "radiotap:wlan_radio:wlan:llc:ip:tcp"),
        (
            LinkType(127),
            join(&[&[0, 0, 8, 0, 0, 0, 0, 0], &data_to_ds[..1], &[0x41], &data_to_ds[2..], &[9; 20]]),
            "radiotap:wlan_radio:wlan",
        ),
        (LinkType(107), join(&[&[0x48, 0xe1, 0x86, 0xdd], &tcp6]), "fr:ipv6:tcp"),
        (LinkType(107), join(&[&[0x48, 0xe1, 3, 0xcc], &tcp]), "fr:ip:tcp"),
        (LinkType(107), join(&[&[0x48, 0xe0, 0x30, 0x15, 3, 0, 0x80, 0, 0, 0, 8, 0], &tcp]), "fr:ip:tcp"),
        (LinkType(107), join(&[&[0x48, 0xe1, 3, 0, 0x80, 0, 0x80, 0xc2, 0, 7], &frame]), "fr:eth:ethertype:ip:tcp"),
        (LinkType(7), join(&[&[0xbe, 1, 240], &tcp]), "arcnet:ip:tcp"),
        (LinkType(129), join(&[&[0xbe, 1, 0, 1, 212, 0, 0, 9], &tcp]), "arcnet:ip:tcp"),
        (LinkType(242), join(&[&[0; 40], &[8, 0, 0, 0], &tcp]), "ipoib:ip:tcp"),
        (LinkType(226), join(&[&[1, 26, 0, 0, 0, 0, 0, tcp6.len() as u8], &[0; 16], &tcp6]), "ipnet:ipv6:tcp"),
        (
            LinkType(258),
            join(&[&[108, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0], b"en0", &[0; 93], &frame]),
            "pktap:pcap_pktdata:eth:ethertype:ip:tcp",
        ),
        (LinkType(123), join(&[&[2, 0, 0, 5], &snap]), "atm:llc:ip:tcp"),
        (LinkType(106), tcp.clone(), "clip:ip:tcp"),
        (LinkType(6), join(&[&[0x10, 0x40], &MAC_A, &[0x82, 0, 0, 0, 4, 1, 4, 0, 0, 1], &snap]), "tr:llc:ip:tcp"),
        (LinkType(10), join(&[&[0x50], &MAC_A, &MAC_B, &snap]), "fddi:llc:ip:tcp"),
        (LinkType(138), join(&[&[1; 16], &[8, 0], &tcp]), "ap1394:ip:tcp"),
        (LinkType(180), join(&[b"MGC", &[0x81, 0, 0, 0x48, 0xe1, 3, 0xcc], &tcp]), "juniper:fr:ip:tcp"),
        (LinkType(178), join(&[b"MGC", &[0x81, 0, 0], &frame]), "juniper:eth:ethertype:ip:tcp"),
    ]);
    tunnels
}

#[test]
fn tunnels_have_the_chains_of_wireshark() {
    for (link, bytes, names) in tunnels() {
        let decoded = whole(link, &bytes);
        assert_eq!(chain(&decoded), names);
        assert_eq!(decoded.stop, None, "{names}");
        if names.ends_with("tcp") && !names.contains("icmp") {
            assert_eq!((tcp_of(&decoded).src, decoded.payload, decoded.missing), (40000, &b"hello"[..], 0), "{names}");
        }
    }
}
