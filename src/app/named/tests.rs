//! Datagrams of each protocol, and what is none.

use proptest::prelude::*;

use super::*;

fn say(ports: [u16; 2], bytes: &[u8]) -> Option<(&'static str, Kind, String)> {
    let said = datagram(&Datagram { ports, bytes })?;
    let Unit::Named(named) = said.unit else { return None };
    Some((named.application.name, said.kind, named.summary))
}

/// `bytes`, and zeros up to `len`.
fn padded(bytes: &[u8], len: usize) -> Vec<u8> {
    let mut all = bytes.to_vec();
    all.resize(len, 0);
    all
}

#[test]
fn each_protocol_is_known_by_what_its_datagrams_begin_with() {
    let mut discover = padded(b"\x01\x01\x06\0\x12\x34\x56\x78", 236);
    discover.extend(b"\x63\x82\x53\x63\x0c\x01h\x35\x01\x01\xff");
    let stun = b"\0\x01\0\0\x21\x12\xa4\x42abcdefghijkl";
    let snmp = b"\x30\x26\x02\x01\x01\x04\x06public\xa0\x19";
    let dtls = b"\x16\xfe\xff\0\0\0\0\0\0\0\0\0\x02\x01\0";
    let ike = b"12345678\0\0\0\0\0\0\0\0\x21\x20\x22\x08\0\0\0\0\0\0\0\x1c";
    let name_query = b"\x12\x34\x01\x10\0\x01\0\0\0\0\0\0\x20EBECCACACACACACACACACACACACACACA\0\0\x20\0\x01";
    let kerberos = b"\x6a\x81\x8c\x30\x81\x89\xa1\x03\x02\x01\x05\xa2\x03\x02\x01\x0a";
    let radius = b"\x01\x07\0\x17abcdefghijklmnop\x01\x03u";
    for (ports, bytes, name, summary) in [
        ([50_000, 3478], &stun[..], "stun", "Binding request"),
        ([68, 67], &discover, "dhcp", "Discover"),
        ([68, 67], &padded(b"\x01\x01\x06\0\0\0\x3d\x1d", 54), "dhcp", "BOOTP request"),
        ([137, 137], name_query, "nbns", "name query, AB<20>"),
        ([50_000, 88], kerberos, "kerberos", "AS-REQ"),
        ([546, 547], b"\x01\x12\x34\x56\0\x01", "dhcpv6", "Solicit"),
        ([50_000, 123], &padded(b"\x23", 48), "ntp", "version 4, client"),
        ([123, 50_000], &padded(b"\x24\x02", 48), "ntp", "version 4, server, stratum 2"),
        ([50_000, 161], snmp, "snmp", "get-request, version 2c"),
        ([50_000, 69], b"\0\x01boot.img\0octet\0", "tftp", "Read Request, file boot.img, mode octet"),
        ([50_000, 514], b"<34>su: failed\n", "syslog", "facility 4, critical: su: failed"),
        ([5060, 5060], b"INVITE sip:a@b SIP/2.0\r\n\r\n", "sip", "INVITE sip:a@b"),
        ([5060, 5060], b"SIP/2.0 180 Ringing\r\n\r\n", "sip", "180 Ringing"),
        ([50_000, 4433], dtls, "dtls", "Client Hello, record version 1.0"),
        ([50_000, 51_820], &padded(b"\x01", 148), "wg", "Handshake Initiation"),
        ([50_000, 1812], radius, "radius", "Access-Request"),
        ([500, 500], &[&ike[..16], b"\0", &ike[17..]].concat(), "isakmp", "IKE_SA_INIT, version 2"),
        ([50_000, 443], b"\xc0\0\0\0\x01\x02\xab\xcd\x01\xef\0", "quic", "Initial, version 1, to abcd, from ef"),
        ([50_000, 443], b"\xc3Q046\x50abcdefgh\0\0", "quic", "Initial, Google 046, to 6162636465666768"),
        ([50_000, 443], b"\x0dabcdefghQ025\x01", "quic", "public header, Google 025, to 6162636465666768"),
        ([50_000, 443], b"\xd0\x6b\x33\x43\xcf\0\0\0", "quic", "Initial, version 2"),
        ([443, 50_000], b"\x80\0\0\0\0\x01\x01\0\0\0\0\x01", "quic", "Version Negotiation, to 01"),
    ] {
        let said = say(ports, bytes).map(|(name, _, summary)| (name, summary));
        assert_eq!(said, Some((name, summary.to_owned())), "{:?}", bytes.escape_ascii());
    }
}

/// A client's Initial packet of version 1 to the connection ID of RFC 9001 appendix A.
fn initial(number: u8, frames: &[u8]) -> Vec<u8> {
    let id = 0x8394_c8f0_3e51_5708_u64.to_be_bytes();
    let [client, _] = initial::Keys::derive(1, &id).unwrap();
    let mut header = b"\xc0\0\0\0\x01\x08".to_vec();
    header.extend(id);
    // No source connection ID, no token, the length of number and payload, and the number in a byte.
    header.extend(b"\0\0");
    header.extend((0x4000 | (frames.len() as u16 + 17)).to_be_bytes());
    header.push(number);
    client.seal(&header, frames)
}

#[test]
fn a_client_hello_over_two_packets_of_quic_is_told_once_it_is_whole() {
    let name = b"\0\0\0\x10\0\x0e\0\0\x0bexample.com";
    let alpn = b"\0\x10\0\x05\0\x03\x02h3";
    let mut body = padded(b"\x03\x03", 35);
    body.extend(b"\0\x02\x13\x01\x01\0");
    body.extend(((name.len() + alpn.len()) as u16).to_be_bytes());
    body.extend([&name[..], alpn].concat());
    let hello = [&[1, 0, 0, body.len() as u8], &body[..]].concat();
    let (start, end) = hello.split_at(40);
    let frame = |offset: usize, data: &[u8]| [&[6, offset as u8, data.len() as u8], data].concat();
    let mut handshakes = Handshakes::default();
    let mut take = |bytes: &[u8]| {
        let one = Datagram { ports: [50_000, 443], bytes };
        let mut said = datagram(&one).unwrap();
        handshakes.learn(7, &one, &mut said);
        let Unit::Named(named) = said.unit else { panic!("not named") };
        (named.summary, said.once, named.quic.and_then(|quic| quic.hello?.server_name))
    };
    // What is sealed with other keys, or changed, is of no effect.
    let mut changed = initial(0, &frame(0, start));
    *changed.last_mut().unwrap() ^= 1;
    take(&changed);
    let (summary, first, _) = take(&initial(0, &frame(40, end)));
    assert_eq!(summary, "Initial, version 1, to 8394c8f03e515708");
    let (summary, second, server_name) = take(&initial(1, &frame(0, start)));
    assert_eq!(summary, "Initial, ClientHello example.com, ALPN h3, version 1, to 8394c8f03e515708");
    assert_eq!(server_name.as_deref(), Some(&b"example.com"[..]));
    assert_ne!(first, second);
}

#[test]
fn nothing_is_said_of_what_does_not_tell() {
    for bytes in [
        &b""[..],
        b"hello",
        b"<999>x",
        b"\0\x01\0\0\x21\x12\xa4\x43abcdefghijkl",
        b"\xc0\x12\x34\x56\x78\0\0",
        b"\x01\0\0\0",
        b"\x0dabcdefghQ0x5\x01",
        b"\x6b\x10\x30\x0e\xa1\x03\x02\x01\x05\xa2\x03\x02\x01\x0a",
        b"\x12\x34\x01\x10\0\x01\0\0\0\0\0\0\x20EBECCACACACACACACACACACACACACACZ\0\0\x20\0\x01",
        b"\x01\x07\0\x18abcdefghijklmnop\x01\x03u",
        &padded(b"\x23", 48),
    ] {
        assert_eq!(say([50_000, 50_001], bytes), None, "{:?}", bytes.escape_ascii());
    }
}

proptest! {
    #[test]
    fn any_bytes_do_no_harm(bytes: Vec<u8>, ports: [u16; 2]) {
        let _ = datagram(&Datagram { ports, bytes: &bytes });
    }

    #[test]
    fn any_initial_packet_does_no_harm(bytes: Vec<u8>, frames in proptest::collection::vec(any::<u8>(), 4..200)) {
        for bytes in [[&b"\xc0\0\0\0\x01\0\0\0"[..], &bytes].concat(), initial(0, &frames)] {
            let datagram = Datagram { ports: [1, 2], bytes: &bytes };
            let mut said = super::datagram(&datagram).unwrap();
            Handshakes::default().learn(0, &datagram, &mut said);
        }
    }
}
