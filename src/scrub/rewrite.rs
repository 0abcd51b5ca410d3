//! The second pass: writes each frame anew.

use super::addresses::Addresses;
use super::fragments::Datagrams;
use super::plan::Plan;
use super::report::Report;
use super::{Options, dhcp, dns, headers, literals};
use crate::app::datagram::{self, Datagram};
use crate::app::message::Unit;
use crate::decode::{self, Decoded, Layer, Transport};
use crate::flow::Endpoint;
use crate::frame::{Frame, FrameNumber};
use crate::redact::{self, MASK};

/// Rewrites frames, in order.
pub struct Scrubber<'o> {
    options: &'o Options,
    plan: Plan,
    report: Report,
    addresses: Addresses,
    datagrams: Datagrams,
}

/// What carries a payload, and where that goes.
struct Place<'d> {
    decoded: &'d Decoded<'d>,
    /// Number of the frame that the stream has it from.
    frame: FrameNumber,
    /// The connection of a TCP segment, and its relative sequence number.
    tcp: Option<(u64, u32)>,
}

impl<'o> Scrubber<'o> {
    pub(super) fn new(options: &'o Options, (plan, report, addresses, datagrams): super::Found) -> Self {
        Self { options, plan, report, addresses, datagrams }
    }

    /// Rewrites a frame; `tcp` is the number of the connection of its segment and its relative sequence number.
    pub fn frame(&mut self, frame: Frame<'_>, tcp: Option<(u64, u32)>, out: &mut Vec<u8>) {
        out.clear();
        out.resize(frame.bytes.len(), 0);
        self.report.frames += 1;
        let decoded = decode::decode(frame);
        let bytes = frame.bytes;
        let known = headers::copy(bytes, &decoded.layers, out, &mut self.addresses);
        let layers = &decoded.layers[..known];
        if let Some(layer) = decoded.layers.get(known) {
            *self.report.headers_blanked.entry(layer.protocol.name).or_default() += 1;
        } else if layers.is_empty() {
            self.report.blank("link", bytes.len());
        } else if is_quoting(layers) {
            // Behind the headers that are quoted is data.
        } else if decoded.fragment.is_some() {
            self.fragment(&decoded, out);
        } else {
            let place = Place { decoded: &decoded, frame: frame.meta.number, tcp };
            self.payload(&place, layers, out);
        }
        self.report.checksums += headers::fix_checksums(bytes, layers, out, None);
    }

    /// What was done.
    pub fn finish(mut self) -> Report {
        self.report.addresses = self.addresses.counts;
        self.report
    }

    /// The payload of a datagram that is a fragment of another.
    fn fragment(&mut self, decoded: &Decoded<'_>, out: &mut [u8]) {
        let number = decoded.meta.number;
        let Some((datagram, part)) = self.datagrams.of(number) else {
            self.report.fragments_blanked += 1;
            return self.report.blank("fragment", decoded.payload.len());
        };
        let mut bytes = std::mem::take(&mut datagram.bytes);
        let (protocol, tcp, frame) = (datagram.protocol, datagram.tcp, datagram.frame);
        datagram.left -= 1;
        let (is_rewritten, is_last) = (std::mem::replace(&mut datagram.is_rewritten, true), datagram.left == 0);
        if !is_rewritten {
            bytes = self.datagram(decoded, protocol, &bytes, (frame, tcp), out);
        }
        let from = part.offset as usize;
        let at = decode::end_of_headers(&decoded.layers);
        let source = bytes.get(from..from + decoded.payload.len()).filter(|_| !part.is_wrong());
        match (source, out.get_mut(at..at + decoded.payload.len())) {
            (Some(source), Some(there)) => there.copy_from_slice(source),
            _ => self.report.blank("fragment", decoded.payload.len()),
        }
        if !is_last {
            // It is there, as it was found by the same number a moment ago.
            self.datagrams.put_back(frame, bytes);
        }
    }

    /// What a datagram carries that came in fragments, of which `decoded` is one and `outer` what its headers became.
    fn datagram(
        &mut self,
        fragment: &Decoded<'_>,
        protocol: u8,
        bytes: &[u8],
        (frame, tcp): (FrameNumber, Option<(u64, u32)>),
        outer: &[u8],
    ) -> Vec<u8> {
        let pseudo = headers::addresses_changed(fragment.bytes, &fragment.layers, outer);
        let mut decoded = fragment.clone();
        let first = decoded.layers.len();
        decode::resume(&mut decoded, protocol, bytes);
        let mut out = vec![0; bytes.len()];
        let inner = decoded.layers.get(first..).unwrap_or_default();
        let known = headers::copy(bytes, inner, &mut out, &mut self.addresses);
        let layers = &inner[..known];
        if known == inner.len() && !is_quoting(layers) && decoded.fragment.is_none() {
            self.payload(&Place { decoded: &decoded, frame, tcp }, layers, &mut out);
        }
        self.report.checksums += headers::fix_checksums(bytes, layers, &mut out, pseudo);
        out
    }

    /// The payload behind these layers, of `out`.
    fn payload(&mut self, place: &Place<'_>, layers: &[Layer<'_>], out: &mut [u8]) {
        let payload = place.decoded.payload;
        let at = decode::end_of_headers(layers);
        let Some(there) = out.get_mut(at..).and_then(|rest| rest.get_mut(..payload.len())) else { return };
        if payload.is_empty() {
            return;
        }
        let carrier = layers.last().map_or("frame", |layer| layer.protocol.name);
        let is_known = match (place.decoded.transport, place.decoded.addresses) {
            (Transport::Tcp(header), Some((src, _))) => {
                let sender = Endpoint { address: src, port: header.src };
                let kept = place.tcp.map_or(0, |(stream, seq)| {
                    // SYN comes before the data.
                    let seq = seq.wrapping_add(u32::from(header.flags & 2 != 0));
                    self.plan.rewrite((stream, sender), place.frame, seq, payload, there)
                });
                let is_known = kept > 0 || place.tcp.is_some_and(|(stream, _)| self.plan.streams.contains_key(&stream));
                if is_known {
                    self.report.blank(carrier, payload.len() - kept);
                }
                is_known
            }
            (Transport::Udp { src, dst }, _) => self.udp([src, dst], payload, there),
            _ if layers.last().is_some_and(headers::has_neighbour_options) => {
                there.copy_from_slice(payload);
                headers::neighbour_options(there, &mut self.addresses);
                true
            }
            _ => false,
        };
        if is_known {
            return;
        }
        if self.options.keep_other {
            there.copy_from_slice(payload);
            self.report.literals += literals::replace(there, &mut self.addresses);
            self.report.other_kept += payload.len() as u64;
        } else {
            self.report.blank(carrier, payload.len());
        }
    }

    /// A datagram of UDP; false where it is of a protocol that is not known.
    fn udp(&mut self, ports: [u16; 2], payload: &[u8], out: &mut [u8]) -> bool {
        if dhcp::is_dhcp(ports) {
            out.copy_from_slice(payload);
            dhcp::scrub(out, &mut self.addresses);
            return true;
        }
        let unit = datagram::read(&Datagram { ports, bytes: payload }).map(|said| said.unit);
        match unit {
            Some(Unit::Dns(_)) => {
                out.copy_from_slice(payload);
                self.report.dns_blanked += dns::scrub(out, &mut self.addresses);
                self.report.dns_messages += 1;
            }
            Some(Unit::Http(_)) => {
                out.copy_from_slice(payload);
                self.report.messages += 1;
                self.report.literals += literals::replace(out, &mut self.addresses);
                let (report, mut last) = (&mut self.report, None);
                redact::head(payload, &mut |kind, range| {
                    report.secret(kind, range.start as u64, range.end as u64, &mut last);
                    out.get_mut(range).into_iter().for_each(|secret| secret.fill(MASK));
                });
            }
            // All of it is encrypted, or as good as TLS.
            Some(Unit::Named(named)) if named.application.name == "quic" => out.copy_from_slice(payload),
            _ => return false,
        }
        true
    }
}

/// Whether there is a packet that ICMP quotes.
fn is_quoting(layers: &[Layer<'_>]) -> bool {
    layers
        .split_last()
        .is_some_and(|(_, outer)| outer.iter().any(|layer| matches!(layer.protocol.name, "icmp" | "icmpv6")))
}
