//! One frame: each field with the bytes that it came from, each flag with its rule, and what became of its payload.

use super::TimeFormat;
use super::fragments::Told;
use super::layers::put_value;
use crate::app::ledger::{Class, Ledger};
use crate::decode::Layer;
use crate::decode::places::{Place, places};
use crate::event::{Event, Message, Packet, Transport, Update};
use crate::field::{Field, Value};
use crate::flow::fields::Fragmented;
use crate::frame::FrameNumber;
use crate::print::pen::Pen;
use crate::print::style::{self, DIM, HEADING, PLAIN};
use crate::print::time::Clock;

/// Bytes of a value in one line, which is a hardware address.
const BYTES: usize = 6;
/// Where the hexadecimal bytes begin, and the names after them.
const AT_BYTES: usize = 13;
const AT_NAME: usize = AT_BYTES + 3 * BYTES + 1;
/// Bytes of the payload that are shown.
const PAYLOAD: usize = 2 * BYTES;
/// Messages that a frame's bytes are in, or are copies of, that are told: a frame may hold thousands.
const MESSAGES: usize = 64;

/// Explains one frame.
pub struct Explain {
    frame: FrameNumber,
    width: usize,
    color: bool,
    clock: Clock,
    /// Number of its connection, once it was met, and bytes of its TCP payload.
    found: Option<(Option<u64>, u64)>,
    /// Where bytes of it are in a message: a line each.
    uses: Vec<String>,
    /// How many there are of these, and the bytes.
    used: (usize, u64),
    copies: Vec<String>,
    /// Bytes in these.
    copied: u64,
    /// Bytes of it that were put into each class at once.
    ledger: Ledger,
    protocol: Option<&'static str>,
}

impl Explain {
    /// To explain `frame`.
    pub fn new(frame: FrameNumber, width: usize, color: bool, zone: jiff::tz::TimeZone) -> Self {
        let clock = Clock::new(TimeFormat::DateAndTime, zone);
        let (uses, copies, ledger) = (Vec::new(), Vec::new(), Ledger::default());
        Self { frame, width, color, clock, found: None, uses, used: (0, 0), copies, copied: 0, ledger, protocol: None }
    }

    /// The frame that it explains.
    pub fn frame(&self) -> FrameNumber {
        self.frame
    }

    /// Whether the frame was met.
    pub fn is_found(&self) -> bool {
        self.found.is_some()
    }

    /// Takes note of how the account stood before and after the frame.
    pub fn account(&mut self, before: &Ledger, after: &Ledger) {
        for class in AT_ONCE {
            self.ledger.add(class, after.get(class).saturating_sub(before.get(class)));
        }
    }

    /// Takes an event.
    pub fn event(&mut self, event: Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::Packet(packet) if packet.decoded.meta.number == self.frame => self.packet(&packet, out),
            Event::Message(message) => self.message(&message),
            Event::Update(update) => self.update(&update),
            Event::Connection(connection) if self.stream() == Some(connection.flow.stream) => {
                self.protocol = connection.protocol.or(connection.http.then_some("http"));
            }
            _ => {}
        }
    }

    fn stream(&self) -> Option<u64> {
        self.found.and_then(|(stream, _)| stream)
    }

    fn packet(&mut self, packet: &Packet<'_>, out: &mut Vec<u8>) {
        let decoded = packet.decoded;
        let payload = if packet.tcp.is_some() { decoded.payload.len() as u64 } else { 0 };
        self.found = Some((packet.tcp.map(|(stream, _)| stream), payload));
        let mut pen = Pen::new(out, self.width, self.color);
        let pen = &mut pen;
        pen.styled(HEADING, |pen| pen.put(format_args!("frame {}", self.frame)));
        if let Some(time) = decoded.meta.time() {
            pen.piece(|pen| pen.ascii(|out| self.clock.write(time, out)));
        }
        let (captured, len) = (decoded.cap_len, decoded.meta.wire_len);
        pen.piece(|pen| {
            if captured < len {
                pen.put(format_args!("{captured} of {len} bytes captured"));
            } else {
                pen.put(format_args!("{len} bytes"));
            }
        });
        pen.end_line();
        layers(pen, packet);
        if let Some(stop) = decoded.stop {
            pen.end_line();
            hang(pen, 2, |pen| pen.words(style::of(crate::issue::Severity::Warn), &format!("stopped: {stop}")));
        } else if let Some(fragment) = decoded.fragment {
            pen.end_line();
            let more = if fragment.more { "more follow" } else { "the last one" };
            let mut text = format!("a fragment of datagram 0x{:04x}, at its byte {}", fragment.id, fragment.offset);
            text += &match packet.reassembled_in {
                Some(frame) => format!("; {more}; {}", Told(Fragmented::Later(frame))),
                None => format!("; {more}; it is not known to be put together"),
            };
            hang(pen, 2, |pen| pen.words(PLAIN, &text));
        }
        analysis(pen, packet);
    }

    fn message(&mut self, told: &Message<'_>) {
        let message = told.message;
        let segments = &message.segments;
        if !(segments.first_frame()..=segments.last_frame()).contains(&self.frame) {
            return;
        }
        for segment in segments.kept().iter().filter(|segment| segment.frame == self.frame) {
            self.used = (self.used.0 + 1, self.used.1 + u64::from(segment.len));
            if self.uses.len() < MESSAGES {
                let at = segment.offset.saturating_sub(message.start);
                let last = at + u64::from(segment.len).saturating_sub(1);
                let udp = if told.flow.transport == Transport::Udp { "UDP stream" } else { "stream" };
                let kind = message.unit.application().title;
                self.uses.push(format!(
                    "{} bytes are the bytes {at}-{last} of message #{} ({kind} {}, {}) of {udp} {}",
                    segment.len,
                    message.number,
                    message.kind.name(),
                    message.integrity.name(),
                    told.flow.stream
                ));
            }
        }
    }

    fn update(&mut self, told: &Update<'_>) {
        let update = told.update;
        if let Some(segment) = update.segment.filter(|segment| segment.frame == self.frame)
            && self.copies.len() < MESSAGES
        {
            self.copied += u64::from(segment.len);
            let at = segment.offset.saturating_sub(update.start);
            let last = at + u64::from(segment.len).saturating_sub(1);
            self.copies.push(format!(
                "{} bytes are a copy of the bytes {at}-{last} of message #{} of stream {}",
                segment.len, update.number, told.flow.stream
            ));
        }
    }

    /// Writes what became of the payload.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        let Some((stream, payload)) = self.found else { return };
        let mut pen = Pen::new(out, self.width, self.color);
        let pen = &mut pen;
        if payload == 0 && self.uses.is_empty() {
            return;
        }
        heading(pen, "What became of its payload");
        let mut line = |text: &str| hang(pen, 2, |pen| pen.words(PLAIN, text));
        self.uses.iter().chain(&self.copies).for_each(|text| line(text));
        if self.used.0 > self.uses.len() {
            line(&format!("and so on, {} times in all", self.used.0));
        }
        let mut rest = payload.saturating_sub(self.used.1);
        for class in AT_ONCE {
            let bytes = self.ledger.get(class).min(rest);
            rest -= bytes;
            let told = if class == Class::Duplicate { self.copied } else { 0 };
            if bytes > told {
                line(&format!("{} bytes: {}", bytes - told, meaning(class)));
            }
        }
        if let Some(stream) = stream.filter(|_| rest > 0) {
            let protocol = match self.protocol {
                Some("http") => "of HTTP",
                Some(protocol) => protocol,
                None => "of no protocol that was recognised",
            };
            line(&format!(
                "{rest} bytes are in no message, or in a long one of which not every segment is kept; the connection \
                 (stream {stream}) is {protocol}"
            ));
        }
    }
}

/// Classes that bytes are put into as soon as their frame is taken.
const AT_ONCE: [Class; 4] = [Class::Duplicate, Class::Conflict, Class::Rejected, Class::Filtered];

const fn meaning(class: Class) -> &'static str {
    match class {
        Class::Duplicate => "a copy of bytes had before (duplicate)",
        Class::Conflict => "a copy with other content than what was had before (conflict)",
        Class::Rejected => "kept out of the stream: a bad checksum, or outside any window it had (rejected)",
        _ => "not looked at because of a filter (filtered)",
    }
}

fn heading(pen: &mut Pen<'_>, text: &str) {
    pen.end_line();
    pen.text(HEADING, text);
    pen.end_line();
}

/// A line that goes on, where it is too long, two columns further to the right.
fn hang(pen: &mut Pen<'_>, column: usize, write: impl FnOnce(&mut Pen<'_>)) {
    pen.pad_to(column);
    pen.indent.column = column + 2;
    pen.begin_text();
    write(pen);
    pen.end_line();
}

/// Every field of every layer.
fn layers(pen: &mut Pen<'_>, packet: &Packet<'_>) {
    let decoded = packet.decoded;
    let mut end = 0;
    for (i, layer) in decoded.layers.iter().enumerate() {
        pen.end_line();
        pen.text(HEADING, layer.protocol.title);
        let of = if i > 0 && layer.offset == 0 { " of the datagram put together from fragments" } else { "" };
        end = layer.offset as usize + layer.header.len();
        if !layer.header.is_empty() {
            pen.piece(|pen| pen.put(format_args!("bytes {}-{}{of}", layer.offset, end - 1)));
        }
        pen.end_line();
        for field in layer.protocol.fields {
            for (value, place) in places(layer, field) {
                entry(pen, layer, place, field, value);
            }
        }
        if let Some(fragmented @ Fragmented::Here(_)) = packet.fragmented(i) {
            pen.end_line();
            hang(pen, 2, |pen| pen.words(PLAIN, &Told(fragmented).to_string()));
        }
    }
    if !decoded.payload.is_empty() {
        let len = decoded.payload.len();
        pen.end_line();
        pen.text(HEADING, "payload");
        pen.piece(|pen| pen.put(format_args!("bytes {end}-{}", end + len - 1)));
        pen.end_line();
        hex(pen, &decoded.payload[..len.min(PAYLOAD)]);
        if len > PAYLOAD {
            pen.push(" …");
        }
        pen.end_line();
    }
}

/// A field: where, which bytes, name, value, meaning.
fn entry<G>(pen: &mut Pen<'_>, layer: &Layer<'_>, place: Option<Place>, field: &Field<G>, value: Value<'_>) {
    let mut bytes: &[u8] = &[];
    if let Some(Place { first, last, mask }) = place {
        bytes = layer.header.get(first..=last).unwrap_or_default();
        let offset = layer.offset as usize;
        let at = match last - first {
            0 => format!("{}", offset + first),
            _ => format!("{}-{}", offset + first, offset + last),
        };
        pen.put(format_args!("{at:>0$}", AT_BYTES - 2));
        pen.pad_to(AT_BYTES);
        if let (&[byte], false) = (bytes, mask == 0xff) {
            bits(pen, byte, mask);
            bytes = &[];
        } else {
            put_hex(pen, &bytes[..bytes.len().min(BYTES)]);
            bytes = bytes.get(BYTES..).unwrap_or_default();
        }
    }
    pen.pad_to(AT_NAME);
    pen.indent.column = AT_NAME + 2;
    pen.begin_text();
    pen.text(PLAIN, field.name);
    pen.push("  ");
    put_value(pen, value, field.base);
    if pen.room() > 2 + field.doc.chars().count() {
        pen.push("  ");
        pen.text(DIM, field.doc);
    }
    pen.end_line();
    hex_lines(pen, bytes);
}

fn hex(pen: &mut Pen<'_>, bytes: &[u8]) {
    pen.pad_to(AT_BYTES);
    put_hex(pen, bytes);
}

fn hex_lines(pen: &mut Pen<'_>, bytes: &[u8]) {
    for line in bytes.chunks(BYTES) {
        hex(pen, line);
        pen.end_line();
    }
}

fn put_hex(pen: &mut Pen<'_>, bytes: &[u8]) {
    for (i, byte) in bytes.iter().enumerate() {
        pen.put(format_args!("{}{byte:02x}", if i > 0 { " " } else { "" }));
    }
}

/// The bits of a byte, those that do not count as dots.
fn bits(pen: &mut Pen<'_>, byte: u8, mask: u8) {
    for bit in (0..8).rev() {
        let digit = match (mask >> bit & 1, byte >> bit & 1) {
            (0, _) => ".",
            (_, 0) => "0",
            _ => "1",
        };
        pen.push(digit);
        if bit == 4 {
            pen.push(" ");
        }
    }
}

/// What the analysis says, and why.
fn analysis(pen: &mut Pen<'_>, packet: &Packet<'_>) {
    let Some((stream, verdict)) = packet.tcp else { return };
    let Some(why) = packet.why else {
        let text = "a header that ICMP quotes, or a malformed one, which belongs to no stream: stream";
        heading(pen, "TCP analysis");
        return hang(pen, 2, |pen| pen.put(format_args!("{text} {stream}")));
    };
    heading(pen, "In its connection");
    hang(pen, 2, |pen| pen.put(format_args!("tcp.stream  {stream}")));
    for (name, text) in &why.fields {
        hang(pen, 2, |pen| {
            pen.put(format_args!("{name} "));
            pen.words(PLAIN, text);
        });
    }
    if verdict.flags.is_empty() && why.newer.is_empty() {
        return;
    }
    heading(pen, "Flags");
    for reason in &why.flags {
        let style = style::of(reason.flag.severity());
        hang(pen, 2, |pen| pen.text(style, reason.flag.name()));
        hang(pen, 4, |pen| pen.words(PLAIN, &reason.rule));
        if let Some(newer) = &reason.newer {
            newer_line(pen, newer);
        }
    }
    why.newer.iter().for_each(|newer| newer_line(pen, newer));
    for flag in verdict.flags.issues().iter().filter(|flag| !why.flags.iter().any(|reason| reason.flag == *flag)) {
        hang(pen, 2, |pen| pen.text(style::of(flag.severity()), flag.name()));
        hang(pen, 4, |pen| pen.words(PLAIN, flag.doc()));
    }
}

fn newer_line(pen: &mut Pen<'_>, text: &str) {
    hang(pen, 4, |pen| pen.words(PLAIN, &format!("Wireshark 4.4: {text}")));
}
