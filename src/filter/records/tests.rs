use std::net::Ipv4Addr;

use super::connection::of_flow;
use super::*;
use crate::app::http1::{Http, head};
use crate::app::message::{self, Integrity, Kind, Missing, Unit};
use crate::event::{Close, Flow, Message, Transport};
use crate::filter::{Fields, compile};
use crate::flow::Endpoint;
use crate::frame::{Frame, FrameMeta, LinkType};
use crate::issue::Flags;
use crate::tcp::reassembly::Cause;
use crate::tcp::verdict::Verdict;
use crate::tcp::{Carrier, SegmentRef};

/// Ethernet, IPv4 and TCP headers of a segment with payload, from 10.0.0.1 port 40240 to 10.0.0.2 port 80.
const HEADERS: &[u8] = b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x08\0\
    \x45\0\0\x2c\x1c\x46\x40\0\x40\x06\0\0\x0a\0\0\x01\x0a\0\0\x02\
    \x9d\x30\0\x50\0\0\0\x07\0\0\0\x09\x50\x18\xfa\0\0\0\0\0";

const META: FrameMeta = FrameMeta {
    number: 4,
    time: Timestamp(1_000_000_000),
    wire_len: 58,
    link: LinkType::ETHERNET,
    interface: 0,
    interface_id: None,
};

fn flow() -> Flow {
    let end = |last, port| Endpoint { address: Ipv4Addr::new(10, 0, 0, last).into(), port };
    Flow { transport: Transport::Tcp, stream: 3, ends: [end(1, 40240), end(2, 80)], client: Some(0) }
}

fn request(raw: &[u8], body: &[u8]) -> message::Message {
    let http = Http {
        raw: raw.to_vec(),
        parsed: head::parse(raw),
        preview: body.to_vec(),
        body_len: body.len() as u64,
        ..Http::default()
    };
    let mut message = message::Message { kind: Kind::Request, number: 1, ..message::Message::default() };
    message.carrier =
        Carrier { meta: META, cap_len: 58, headers: HEADERS, resumed: &[], verdict: Verdict::default() }.to_owned();
    let len = raw.len() as u32;
    message.extend(SegmentRef { frame: 4, time: META.time, offset: 0, len, flags: Flags::EMPTY, acked: 0 });
    message.frame = 9;
    message.unit = Unit::Http(http);
    message
}

fn decide(text: &str, record: &dyn Record) -> Decision {
    compile(text, &Fields).unwrap_or_else(|mistake| panic!("{}", mistake.render(text))).decide(record)
}

#[test]
fn a_frame_has_its_headers_and_its_bytes() {
    let bytes = [HEADERS, b"GET ", &[0; 6]].concat();
    let decoded = decode::decode(Frame { meta: META, bytes: &bytes });
    let mut verdict = Verdict::default();
    verdict.seq = 1;
    verdict.flags.insert(Issue::OutOfOrder);
    let packet = Packet {
        decoded: &decoded,
        tcp: Some((3, verdict)),
        udp_streams: &[],
        assemblies: &[],
        reassembled_in: None,
        why: None,
    };
    let times = Times { first: Some(Timestamp(0)), previous: Some(Timestamp(750_000_000)) };
    let record = FrameRecord::new(&packet, times);
    for text in [
        "tcp and ip and eth and frame and !udp and !http",
        "ip.addr == 10.0.0.2 and ip.src == 10.0.0.1 and ip.host == \"10.0.0.1\"",
        "tcp.port == 80 and tcp.stream == 3 and tcp.seq == 1",
        "tcp.analysis.out_of_order and tcp.analysis.flags == \"out_of_order\" and tcp.analysis",
        "!tcp.analysis.retransmission",
        "tcp.flags.str == \"·······AP···\"",
        "tcp.payload == \"GET \" and tcp contains \"GET\" and !(tcp contains 20:00) and eth contains 20:00",
        "len(tcp) == 20 and len(frame) == 64 and frame[-1] == 00 and !tcp[20]",
        "frame.number == 4 and frame.time_relative == 1 and frame.time_delta == 0.25",
        "frame.protocols == \"eth:ethertype:ip:tcp\"",
        "!http.host and !message and !connection.client",
    ] {
        assert_eq!(decide(text, &record), Decision::Yes, "{text}");
    }
}

#[test]
fn a_message_has_its_head_and_the_headers_of_its_first_frame() {
    let raw = b"POST /a?b=1 HTTP/1.1\r\nHost: x.example\r\nUSER-agent: c\r\nUser-Agent: d\r\n\r\n";
    let mut message = request(raw, b"hello");
    message.issues.insert(Issue::OutOfOrder);
    let event = Message { flow: flow(), first_seq: 1, message: &message };
    let record = MessageRecord::as_captured(&event, Times::default());
    for text in [
        "http and tcp and !dns and !udp",
        "http.request and !http.response and http.request == 1",
        "http.request.method == \"POST\" and http.host contains \"example\"",
        "http.request.line == \"Host: x.example\\r\\n\" and count(http.request.line) == 3 and !http.response.line",
        "http.header == \"USER-agent: c\"",
        "http.user_agent == \"c\" and http.user_agent == \"d\" and count(http.user_agent) == 2 and !http.cookie",
        "http.request.full_uri == \"http://x.example/a?b=1\"",
        "http.request.uri.path == \"/a\" and http.request.uri.query == \"b=1\"",
        "http.file_data == \"hello\" and http contains \"hello\" and http[0:4] == \"POST\"",
        "http.body.length == 5 and http.body",
        "ip.src == 10.0.0.1 and tcp.srcport == 40240 and tcp.stream == 3",
        "frame.number == 9",
        "tcp.analysis.out_of_order and tcp.analysis.flags == \"out_of_order\"",
        "message.kind == \"request\" and message.issues == \"out_of_order\" and message",
        "connection.client.address == \"10.0.0.1\" and connection.server.port == 80",
        "!connection.close",
    ] {
        assert_eq!(decide(text, &record), Decision::Yes, "{text}");
    }
}

#[test]
fn what_hangs_on_missing_bytes_is_unknown() {
    use Decision::{No, Unknown, Yes};
    let mut message = request(b"GET / HTTP/1.1\r\nHost: x", b"");
    message.integrity = Integrity::Gap;
    message.missing = vec![Missing { offset: 23, len: 10, cause: Cause::Gap }];
    message.missing_bytes = 10;
    let event = Message { flow: flow(), first_seq: 1, message: &message };
    let sent = MessageRecord::as_sent(&event);
    for (text, expected) in [
        ("http.request.method == \"GET\"", Yes),
        ("http.request.method == \"PUT\"", No),
        ("http.host == \"x\"", Unknown),
        ("!http.cookie", Unknown),
        ("http.body.length == 0", Unknown),
        ("http.file_data contains \"a\"", Unknown),
        ("http contains \"Host\"", Yes),
        ("http contains \"Accept\"", Unknown),
        ("message.integrity == \"gap\"", Yes),
        ("message.issues == \"missing_host\"", Unknown),
        ("message.length > 5", Unknown),
        ("connection.close == \"fin\"", Unknown),
        ("tcp.port == 81", No),
    ] {
        assert_eq!(decide(text, &sent), expected, "{text}");
    }
    assert_eq!(decide("!http.cookie", &MessageRecord::as_captured(&event, Times::default())), Yes);
    // Of a message that was captured whole, everything is known but what is not kept.
    let whole = request(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"");
    let event = Message { flow: flow(), first_seq: 1, message: &whole };
    let sent = MessageRecord::as_sent(&event);
    for text in ["http.host == \"x\"", "!http.cookie", "http.body.length == 0", "!(http contains \"Accept\")"] {
        assert_eq!(decide(text, &sent), Yes, "{text}");
    }
    assert_eq!(decide("tcp contains \"GET\"", &sent), Unknown);
}

#[test]
fn a_connection_has_what_holds_for_all_of_it() {
    use Decision::{No, Unknown, Yes};
    let mut connection = of_flow(flow());
    connection.http = true;
    connection.close = Close::Fin;
    let mut flags = Flags::EMPTY;
    flags.insert(Issue::Retransmission);
    connection.directions[0].flags.add(flags);
    let record = ConnectionRecord::as_sent(&connection);
    for (text, expected) in [
        ("tcp and http", Yes),
        ("ip.addr == 10.0.0.2 and tcp.port == 80 and tcp.stream == 3", Yes),
        ("tcp.port == 81 or ipv6.addr == ::1", No),
        ("connection.close == \"fin\"", Yes),
        ("connection.to_server.flags == \"retransmission\" and tcp.analysis.retransmission", Yes),
        ("connection.to_client.flags == \"retransmission\"", No),
        ("tcp.analysis.out_of_order", No),
        ("connection.handshake.syn == 1", Unknown),
        ("http.host == \"x\"", Unknown),
        ("!http.host", Unknown),
        ("ip.src == 10.0.0.1", Unknown),
    ] {
        assert_eq!(decide(text, &record), expected, "{text}");
    }
    assert_eq!(decide("connection.handshake.syn == 0", &ConnectionRecord::as_captured(&connection)), Yes);
}
