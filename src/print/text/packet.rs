//! A frame in one line, with `-v` its layers.

use std::net::IpAddr;

use super::fragments::Told;
use super::layers::{self, Tcp, put_control, value};
use super::{Last, Text};
use crate::decode::{Decoded, Layer, Transport};
use crate::event::Packet;
use crate::field::{Base, Value};
use crate::flow::fields::Fragmented;
use crate::issue::Severity;
use crate::print::hex::{self, Hex};
use crate::print::pen::{Indent, Pen};
use crate::print::style::{self, DIM, PLAIN};
use crate::print::time::Format;
use crate::tcp::verdict::Verdict;

/// The widest pair of addresses that others are aligned with.
const MAX_ADDRESSES: usize = 45;

impl Text {
    /// Writes a frame.
    pub(super) fn packet(&mut self, packet: &Packet<'_>, out: &mut Vec<u8>) {
        let (decoded, verbose, hex) = (packet.decoded, self.options.verbose, self.options.hex);
        let mut pen = self.pen(if verbose > 0 { Last::Block } else { Last::Line }, out);
        pen.indent.column = 7;
        pen.put(format_args!("{:>5}  ", decoded.meta.number));
        if self.clock.format() != Format::None {
            let column = pen.width() - pen.room();
            match decoded.meta.time() {
                Some(time) => pen.ascii(|out| self.clock.write(time, out)),
                None => pen.pad_to(column + self.clock.format().width()),
            }
            pen.push("  ");
        }
        let (layer, main) = main_layer(decoded);
        self.addresses(&mut pen, decoded);
        let title = main.map_or("", |layer| layer.protocol.title);
        pen.piece_after(2, |pen| pen.put(format_args!("{title:<4}")));
        pen.piece_after(2, |pen| length(pen, decoded));
        info(&mut pen, packet, main);
        pen.end_line();
        if verbose > 0 {
            let tcp = packet.tcp.map(|(stream, verdict)| Tcp { stream, verdict });
            let column = layers::text_column(&decoded.layers, "");
            let outer = layers::resumed_at(decoded).filter(|_| !packet.assemblies.is_empty());
            layers::write(&mut pen, decoded, outer, |layer| packet.fragmented(layer), tcp, column, verbose);
        }
        if hex != Hex::None {
            dump(&mut pen, decoded, layer, hex);
        }
    }

    /// From where to where, by the innermost addresses that there are; in a column.
    fn addresses(&mut self, pen: &mut Pen<'_>, decoded: &Decoded<'_>) {
        let column = pen.width() - pen.room();
        match decoded.addresses {
            Some((src, dst)) => put_addresses(pen, src, dst),
            None => {
                let of = |name| decoded.layers.first().and_then(|layer| value(layer, name));
                if let (Some(src), Some(dst)) = (of("eth.src"), of("eth.dst")) {
                    layers::put_value(pen, src, Base::Dec);
                    pen.push(" → ");
                    layers::put_value(pen, dst, Base::Dec);
                }
            }
        }
        let width = (pen.width() - pen.room()).saturating_sub(column);
        self.addresses = self.addresses.max(width.min(MAX_ADDRESSES));
        pen.pad_to(column + self.addresses);
    }
}

fn put_addresses(pen: &mut Pen<'_>, src: IpAddr, dst: IpAddr) {
    pen.put(format_args!("{src} → {dst}"));
}

/// The layer that a frame is named for: the last one that ICMP does not quote; and which one it is.
fn main_layer<'d, 'a>(decoded: &'d Decoded<'a>) -> (usize, Option<&'d Layer<'a>>) {
    let icmp = decoded.layers.iter().position(|layer| layer.protocol.name.starts_with("icmp"));
    let main = icmp.unwrap_or(decoded.layers.len().saturating_sub(1));
    (main, decoded.layers.get(main))
}

fn length(pen: &mut Pen<'_>, decoded: &Decoded<'_>) {
    let (cap_len, wire_len) = (decoded.cap_len, decoded.meta.wire_len);
    if cap_len < wire_len {
        pen.put(format_args!("{cap_len} of {wire_len} B"));
    } else {
        pen.put(format_args!("{wire_len:>4} B"));
    }
}

/// What the frame says.
fn info(pen: &mut Pen<'_>, packet: &Packet<'_>, main: Option<&Layer<'_>>) {
    let decoded = packet.decoded;
    match (decoded.transport, packet.tcp) {
        (Transport::Tcp(header), Some((_, verdict))) => {
            pen.piece_after(2, |pen| pen.put(format_args!("{} → {}", header.src, header.dst)));
            pen.piece_after(1, |pen| put_control(pen, header.flags));
            segment(pen, &verdict, header.flags, decoded.payload.len() as u32 + decoded.missing);
        }
        (Transport::Udp { src, dst }, _) => {
            let len = decoded.payload.len() as u32 + decoded.missing;
            pen.piece_after(2, |pen| pen.put(format_args!("{src} → {dst}")));
            pen.piece_after(1, |pen| pen.named("len ", len.into()));
        }
        _ => main.into_iter().for_each(|layer| other(pen, layer)),
    }
    for assembly in packet.assemblies {
        pen.push(" ");
        pen.words(PLAIN, &Told(Fragmented::Here(assembly)).to_string());
    }
    if let Some(fragment) = decoded.fragment {
        let more = if fragment.more { "" } else { ", the last" };
        let (id, offset) = (fragment.id, fragment.offset);
        pen.piece_after(2, |pen| pen.put(format_args!("fragment of 0x{id:04x} at {offset}{more}")));
        if let Some(frame) = packet.reassembled_in {
            pen.push(",");
            pen.piece_after(1, |pen| pen.put(format_args!("{}", Told(Fragmented::Later(frame)))));
        }
    }
    if let Some(stop) = decoded.stop {
        pen.piece_after(2, |pen| {
            pen.styled(style::of(Severity::Warn), |pen| pen.put(format_args!("stopped: {stop}")));
        });
    }
}

fn segment(pen: &mut Pen<'_>, verdict: &Verdict, flags: u16, len: u32) {
    use crate::tcp::Control;
    pen.piece_after(1, |pen| pen.named("seq ", verdict.seq.into()));
    if Control(flags).any(Control::ACK) {
        pen.piece_after(1, |pen| pen.named("ack ", verdict.ack.into()));
    }
    pen.piece_after(1, |pen| pen.named("win ", verdict.window_size.into()));
    pen.piece_after(1, |pen| pen.named("len ", len.into()));
    for (i, flag) in verdict.flags.issues().iter().enumerate() {
        if i > 0 {
            pen.push(",");
        }
        pen.piece_after(if i > 0 { 1 } else { 2 }, |pen| pen.text(style::of(flag.severity()), flag.name()));
    }
}

/// What a layer that is neither TCP nor UDP says.
fn other(pen: &mut Pen<'_>, layer: &Layer<'_>) {
    let number = |name| match value(layer, name) {
        Some(Value::Uint(number)) => Some(number),
        _ => None,
    };
    match layer.protocol.name {
        "arp" => arp(pen, layer, number("arp.opcode")),
        "icmp" => {
            let kind = number("icmp.type").zip(number("icmp.code")).map(|(kind, code)| icmp_type(kind, code));
            query(pen, kind, number("icmp.ident"), number("icmp.seq"));
        }
        "icmpv6" => {
            let kind = number("icmpv6.type").map(icmpv6_type);
            query(pen, kind, number("icmpv6.echo.identifier"), number("icmpv6.echo.sequence_number"));
        }
        _ => {}
    }
}

fn query(pen: &mut Pen<'_>, kind: Option<&str>, id: Option<u64>, seq: Option<u64>) {
    if let Some(kind) = kind {
        pen.piece_after(2, |pen| pen.text(PLAIN, kind));
    }
    if let (Some(id), Some(seq)) = (id, seq) {
        pen.piece_after(2, |pen| pen.put(format_args!("id 0x{id:04x} seq {seq}")));
    }
}

fn arp(pen: &mut Pen<'_>, layer: &Layer<'_>, opcode: Option<u64>) {
    let (src, dst) = (value(layer, "arp.src.proto_ipv4"), value(layer, "arp.dst.proto_ipv4"));
    match (opcode, src, dst) {
        (Some(1), Some(src), Some(dst)) => pen.piece_after(2, |pen| {
            pen.push("who has ");
            layers::put_value(pen, dst, Base::Dec);
            pen.push("? tell ");
            layers::put_value(pen, src, Base::Dec);
        }),
        (Some(2), Some(src), _) => pen.piece_after(2, |pen| {
            layers::put_value(pen, src, Base::Dec);
            if let Some(mac) = value(layer, "arp.src.hw_mac") {
                pen.push(" is at ");
                layers::put_value(pen, mac, Base::Dec);
            }
        }),
        (Some(opcode), ..) => pen.piece_after(2, |pen| pen.put(format_args!("opcode {opcode}"))),
        _ => {}
    }
}

/// IANA's names of the types, and of the codes of "destination unreachable" that are met.
const fn icmp_type(kind: u64, code: u64) -> &'static str {
    match (kind, code) {
        (0, _) => "echo reply",
        (3, 0) => "network unreachable",
        (3, 1) => "host unreachable",
        (3, 2) => "protocol unreachable",
        (3, 3) => "port unreachable",
        (3, 4) => "fragmentation needed",
        (3, _) => "destination unreachable",
        (5, _) => "redirect",
        (8, _) => "echo request",
        (9, _) => "router advertisement",
        (10, _) => "router solicitation",
        (11, 0) => "TTL exceeded in transit",
        (11, _) => "fragment reassembly time exceeded",
        (12, _) => "parameter problem",
        (13, _) => "timestamp",
        (14, _) => "timestamp reply",
        _ => "other type",
    }
}

const fn icmpv6_type(kind: u64) -> &'static str {
    match kind {
        1 => "destination unreachable",
        2 => "packet too big",
        3 => "time exceeded",
        4 => "parameter problem",
        128 => "echo request",
        129 => "echo reply",
        130 => "multicast listener query",
        131 => "multicast listener report",
        132 => "multicast listener done",
        133 => "router solicitation",
        134 => "router advertisement",
        135 => "neighbor solicitation",
        136 => "neighbor advertisement",
        137 => "redirect",
        143 => "multicast listener report v2",
        _ => "other type",
    }
}

/// Each header and the payload, in hexadecimal; `main` is the last layer that is not part of the payload.
fn dump(pen: &mut Pen<'_>, decoded: &Decoded<'_>, main: usize, hex: Hex) {
    pen.indent = Indent { bars: 0, column: 8 };
    let layers = decoded.layers.get(..=main).unwrap_or_default();
    let mut end = 0;
    for layer in layers {
        caption(pen, layer.protocol.title);
        hex::dump(pen, hex, layer.offset.into(), layer.header);
        end = u64::from(layer.offset) + layer.header.len() as u64;
    }
    if !decoded.payload.is_empty() {
        caption(pen, "payload");
        hex::dump(pen, hex, end, decoded.payload);
    }
}

fn caption(pen: &mut Pen<'_>, title: &str) {
    pen.pad_to(7);
    pen.text(DIM, title);
    pen.end_line();
}
