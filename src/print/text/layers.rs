//! The headers of a frame as a tree: one inside the other, outermost first.

use crate::print::number;
use crate::print::pen::{Indent, Pen};
use crate::print::style::{DIM, PLAIN};
use crate::print::time::Span;
use arrayvec::ArrayVec;

use crate::decode::{self, Decoded, Layer};
use crate::field::{Base, Field, Value};
use crate::flow::fields::{self as fragments, Fragmented};
use crate::tcp::Control;
use crate::tcp::fields::{Analysed, FIELDS};
use crate::tcp::options::AT as TCP_OPTIONS;
use crate::tcp::verdict::Verdict;

/// The farthest column at which the text of the layers begins; where a title is longer, its text follows it.
const MAX_COLUMN: usize = 22;

/// Spaces between the pieces of a line.
const GAP: usize = 2;

/// The most values of one field: one for each byte of the options of IPv4 or TCP. Of a datagram's fragments there may be
/// more.
const MAX_VALUES: usize = 40;

/// The column at which the text of all layers begins: after the titles, `extra` being one more at the end.
pub fn text_column(layers: &[Layer<'_>], extra: &str) -> usize {
    let titles = layers.iter().map(|layer| layer.protocol.title).chain([extra]);
    let ends = titles.enumerate().map(|(depth, title)| depth + "┌ ".chars().count() + title.len());
    (ends.max().unwrap_or(0) + 2).min(MAX_COLUMN)
}

/// Begins a layer: its corner, its title.
pub fn open(pen: &mut Pen<'_>, depth: usize, column: usize, corner: char, title: &str) {
    pen.indent = Indent { bars: depth, column: 0 };
    pen.begin_line();
    pen.text(DIM, corner.encode_utf8(&mut [0; 4]));
    pen.push(" ");
    pen.push(title);
    pen.push("  ");
    pen.pad_to(column);
    pen.begin_text();
    pen.indent = Indent { bars: depth + 1, column };
}

/// What is known of a frame's segment beside its headers.
#[derive(Clone, Copy)]
pub struct Tcp {
    /// Number of the connection.
    pub stream: u64,
    /// What the analysis says.
    pub verdict: Verdict,
}

/// Writes a line for each layer, and with `verbose` their fields. `outer` is how many of them precede those of a
/// datagram that was put together from fragments, where it was; `fragmented` tells of the datagram of which the layer
/// of an index has a fragment.
pub fn write<'f>(
    pen: &mut Pen<'_>,
    decoded: &Decoded<'_>,
    outer: Option<usize>,
    fragmented: impl Fn(usize) -> Option<Fragmented<'f>>,
    tcp: Option<Tcp>,
    column: usize,
    verbose: u8,
) {
    for (depth, layer) in decoded.layers.iter().enumerate() {
        if outer == Some(depth) {
            pen.indent = Indent { bars: depth, column };
            pen.begin_line();
            pen.words(DIM, "in a datagram put together from fragments; above is the last of them");
            pen.end_line();
        }
        open(pen, depth, column, '┌', layer.protocol.title);
        // Of what is named and no more the length is that of all of it.
        let len = if layer.header.is_empty() { layer.payload_len.into() } else { layer.header.len() as u64 };
        pen.label(len);
        let tcp = tcp.filter(|_| layer.protocol.name == "tcp");
        summary(pen, layer, tcp);
        pen.end_line();
        if verbose > 0 {
            fields(pen, layer, tcp, fragmented(depth), verbose);
        }
    }
}

/// The first layer that does not follow the one before it in the frame, but begins a datagram that was put together.
pub fn resumed_at(decoded: &Decoded<'_>) -> Option<usize> {
    decoded.layers.iter().skip(1).position(|layer| layer.offset == 0).map(|at| at + 1)
}

/// The fields that matter.
fn summary(pen: &mut Pen<'_>, layer: &Layer<'_>, tcp: Option<Tcp>) {
    let get = |name| value(layer, name);
    match layer.protocol.name {
        "eth" => {
            ends(pen, get("eth.src"), get("eth.dst"));
            ethertype(pen, get("eth.type"));
            named(pen, "length", get("eth.len"));
        }
        "vlan" => {
            named(pen, "id", get("vlan.id"));
            named(pen, "priority", get("vlan.priority"));
            flag(pen, "DEI", get("vlan.dei"));
            ethertype(pen, get("vlan.etype"));
        }
        "ieee8021ad" => {
            named(pen, "id", get("ieee8021ad.id"));
            named(pen, "priority", get("ieee8021ad.priority"));
            flag(pen, "DEI", get("ieee8021ad.dei"));
        }
        "sll" => {
            if let Some(Value::Uint(kind)) = get("sll.pkttype") {
                let kinds = ["sent to us", "broadcast", "multicast", "between others", "sent by us"];
                pen.piece_after(GAP, |pen| {
                    pen.put(format_args!("{}", kinds.get(kind as usize).unwrap_or(&"of unknown direction")))
                });
            }
            named(pen, "from", get("sll.src.eth"));
            named(pen, "interface", get("sll.ifindex"));
            ethertype(pen, get("sll.etype"));
        }
        "ip" => {
            ends(pen, get("ip.src"), get("ip.dst"));
            named(pen, "ttl", get("ip.ttl"));
            hex(pen, "id", get("ip.id"));
            flag(pen, "DF", get("ip.flags.df"));
            flag(pen, "MF", get("ip.flags.mf"));
            if let Some(Value::Uint(units)) = get("ip.frag_offset").filter(|offset| *offset != Value::Uint(0)) {
                pen.piece_after(GAP, |pen| pen.put(format_args!("fragment at {}", units * 8)));
            }
            named(pen, "length", get("ip.len"));
        }
        "ipv6" => {
            ends(pen, get("ipv6.src"), get("ipv6.dst"));
            named(pen, "hop limit", get("ipv6.hlim"));
            hex(pen, "flow", get("ipv6.flow"));
            named(pen, "payload", get("ipv6.plen"));
        }
        "tcp" => tcp_summary(pen, layer, tcp),
        "gre" => {
            hex(pen, "protocol", get("gre.proto"));
            hex(pen, "key", get("gre.key"));
            named(pen, "call", get("gre.key.call_id"));
            named(pen, "seq", get("gre.sequence_number"));
        }
        "erspan" => {
            named(pen, "session", get("erspan.spanid"));
            named(pen, "vlan", get("erspan.vlan"));
        }
        "vxlan" => named(pen, "vni", get("vxlan.vni")),
        "geneve" => {
            named(pen, "vni", get("geneve.vni"));
            hex(pen, "protocol", get("geneve.proto_type"));
        }
        "gtp" => {
            hex(pen, "teid", get("gtp.teid"));
            hex(pen, "message", get("gtp.message"));
            named(pen, "seq", get("gtp.seq_number"));
            named(pen, "length", get("gtp.length"));
        }
        "pppoed" | "pppoes" => {
            hex(pen, "session", get("pppoe.session_id"));
            hex(pen, "code", get("pppoe.code"));
            named(pen, "length", get("pppoe.payload_length"));
        }
        "ppp" => hex(pen, "protocol", get("ppp.protocol")),
        "ieee8021ah" => {
            ends(pen, get("ieee8021ah.csrc"), get("ieee8021ah.cdst"));
            named(pen, "service", get("ieee8021ah.isid"));
            ethertype(pen, get("ieee8021ah.etype"));
        }
        "nsh" => {
            named(pen, "path", get("nsh.spi"));
            named(pen, "index", get("nsh.si"));
        }
        "wlan" => {
            ends(pen, get("wlan.sa"), get("wlan.da"));
            named(pen, "type", get("wlan.fc.type"));
            named(pen, "subtype", get("wlan.fc.subtype"));
            flag(pen, "encrypted", get("wlan.fc.protected"));
            named(pen, "seq", get("wlan.seq"));
        }
        "sctp" => ends(pen, get("sctp.srcport"), get("sctp.dstport")),
        "udp" => {
            ends(pen, get("udp.srcport"), get("udp.dstport"));
            named(pen, "length", get("udp.length"));
        }
        _ => {
            let few = layer.protocol.fields.iter().filter(|field| !field.name.contains("checksum")).take(5);
            few.for_each(|field| piece_of(pen, layer, field));
        }
    }
}

fn tcp_summary(pen: &mut Pen<'_>, layer: &Layer<'_>, tcp: Option<Tcp>) {
    ends(pen, value(layer, "tcp.srcport"), value(layer, "tcp.dstport"));
    let Some(Value::Uint(bits)) = value(layer, "tcp.flags") else { return };
    match tcp {
        Some(Tcp { verdict, .. }) => {
            pen.piece_after(GAP, |pen| pen.named("seq ", verdict.seq.into()));
            if Control(bits as u16).any(Control::ACK) {
                pen.piece_after(GAP, |pen| pen.named("ack ", verdict.ack.into()));
            }
            pen.piece_after(GAP, |pen| put_control(pen, bits as u16));
            pen.piece_after(GAP, |pen| pen.named("win ", verdict.window_size.into()));
            let in_stream =
                u32::from(Control(bits as u16).any(Control::SYN)) + u32::from(Control(bits as u16).any(Control::FIN));
            let len = verdict.next_seq.wrapping_sub(verdict.seq).saturating_sub(in_stream);
            pen.piece_after(GAP, |pen| pen.named("len ", len.into()));
        }
        None => pen.piece_after(GAP, |pen| put_control(pen, bits as u16)),
    }
}

/// The control bits that are set, by name.
pub fn put_control(pen: &mut Pen<'_>, bits: u16) {
    const NAMES: [&str; 9] = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR", "AE"];
    pen.push("[");
    let set = NAMES.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 != 0);
    for (i, (_, name)) in set.enumerate() {
        pen.push(if i > 0 { ", " } else { "" });
        pen.push(name);
    }
    pen.push("]");
}

/// The first value of the layer's field of this name.
pub fn value<'x>(layer: &'x Layer<'_>, name: &str) -> Option<Value<'x>> {
    let field = layer.protocol.fields.iter().find(|field| field.name == name)?;
    let mut first = None;
    (field.get)(layer, &mut |value| {
        first.get_or_insert(value);
    });
    first
}

fn ends(pen: &mut Pen<'_>, src: Option<Value<'_>>, dst: Option<Value<'_>>) {
    if let (Some(src), Some(dst)) = (src, dst) {
        pen.piece_after(GAP, |pen| put_value(pen, src, Base::Dec));
        pen.piece_after(1, |pen| {
            pen.push("→ ");
            put_value(pen, dst, Base::Dec);
        });
    }
}

fn named(pen: &mut Pen<'_>, name: &str, value: Option<Value<'_>>) {
    if let Some(value) = value {
        pen.piece_after(GAP, |pen| {
            pen.push(name);
            pen.push(" ");
            put_value(pen, value, Base::Dec);
        });
    }
}

fn hex(pen: &mut Pen<'_>, name: &str, value: Option<Value<'_>>) {
    if let Some(Value::Uint(value)) = value {
        pen.piece_after(GAP, |pen| {
            pen.push(name);
            pen.push(" 0x");
            pen.ascii(|out| number::hex(out, value, 4));
        });
    }
}

fn flag(pen: &mut Pen<'_>, name: &str, value: Option<Value<'_>>) {
    if value == Some(Value::Bool(true)) {
        pen.piece_after(GAP, |pen| pen.text(PLAIN, name));
    }
}

fn ethertype(pen: &mut Pen<'_>, value: Option<Value<'_>>) {
    if let Some(Value::Uint(value)) = value {
        let name = match value {
            0x0800 => "IPv4 (0x",
            0x0806 => "ARP (0x",
            0x86dd => "IPv6 (0x",
            0x8100 => "802.1Q (0x",
            0x88a8 => "802.1ad (0x",
            _ => "type (0x",
        };
        pen.piece_after(GAP, |pen| {
            pen.push(name);
            pen.ascii(|out| number::hex(out, value, 4));
            pen.push(")");
        });
    }
}

/// Every field of a layer: one after the other, or with more verbosity one a line with its meaning.
fn fields(pen: &mut Pen<'_>, layer: &Layer<'_>, tcp: Option<Tcp>, fragmented: Option<Fragmented<'_>>, verbose: u8) {
    let one_a_line = verbose > 1;
    if !one_a_line {
        pen.begin_line();
    }
    for field in layer.protocol.fields {
        put_field(pen, field, one_a_line, |put| (field.get)(layer, put));
    }
    if let Some(Tcp { stream, verdict }) = tcp {
        let analysed = Analysed { options: layer.from(TCP_OPTIONS), stream, verdict };
        for field in FIELDS {
            put_field(pen, field, one_a_line, |put| (field.get)(&analysed, put));
        }
    }
    if let Some(fragmented) = fragmented {
        for field in fragments::of(layer) {
            put_field(pen, field, one_a_line, |put| (field.get)(&fragmented, put));
        }
    }
    if !one_a_line {
        pen.end_line();
    }
}

fn piece_of(pen: &mut Pen<'_>, layer: &Layer<'_>, field: &Field<decode::Get>) {
    let mut first = true;
    (field.get)(layer, &mut |value| {
        if std::mem::take(&mut first) {
            let name = field.name.split_once('.').map_or(field.name, |(_, name)| name);
            pen.piece_after(GAP, |pen| {
                pen.push(name);
                pen.push(" ");
                put_value(pen, value, field.base);
            });
        } else {
            pen.push(",");
            pen.piece_after(1, |pen| put_value(pen, value, field.base));
        }
    });
}

fn put_field<'v, G>(
    pen: &mut Pen<'_>,
    field: &Field<G>,
    one_a_line: bool,
    get: impl FnOnce(&mut dyn FnMut(Value<'v>)),
) {
    let mut values = ArrayVec::<Value<'v>, MAX_VALUES>::new();
    let mut more = 0;
    get(&mut |value| more += usize::from(values.try_push(value).is_err()));
    if values.is_empty() {
        return;
    }
    if one_a_line {
        pen.begin_line();
    }
    pen.piece_after(GAP, |pen| {
        pen.text(DIM, field.name);
        for (i, value) in values.into_iter().enumerate() {
            pen.push(if i > 0 { ", " } else { " " });
            put_value(pen, value, field.base);
        }
        if more > 0 {
            pen.put(format_args!(" and {more} more"));
        }
    });
    if one_a_line {
        pen.push(" ");
        pen.words(DIM, field.doc);
        pen.end_line();
    }
}

/// Writes a value as a person reads it.
pub fn put_value(pen: &mut Pen<'_>, value: Value<'_>, base: Base) {
    match value {
        Value::Bool(value) => pen.push(if value { "true" } else { "false" }),
        Value::Uint(value) if base == Base::Hex => {
            let nibbles = value.checked_ilog2().map_or(1, |bits| bits as usize / 4 + 1).next_multiple_of(2);
            pen.push("0x");
            pen.ascii(|out| number::hex(out, value, nibbles));
        }
        Value::Uint(value) => pen.uint(value),
        Value::Int(value) => pen.ascii(|out| number::int(out, value)),
        Value::Text(text) => pen.captured(text, usize::MAX >> 1),
        Value::Bytes(bytes) => pen.ascii(|out| number::bytes(out, bytes)),
        Value::Mac(address) => pen.ascii(|out| number::mac(out, address)),
        Value::Ipv4(address) => pen.ascii(|out| number::ipv4(out, address)),
        Value::Ipv6(address) => pen.ascii(|out| number::ipv6(out, address)),
        Value::Time(time) => pen.put(format_args!("{}.{:09}", time.secs(), time.subsec_nanos())),
        Value::Duration(nanos) => Span(nanos).put(pen),
    }
}
