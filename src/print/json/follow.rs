//! What happens on the stream that is followed, as records among those of its messages.

use super::writer::{Object, array, string, text};
use super::{Json, Options, time};
use crate::engine::Stream;
use crate::event::{Event, Flow, Transport};
use crate::frame::{FrameNumber, Timestamp};
use crate::issue::{Flags, Issue};
use crate::print::follow::{Order, Seen, Told, Who};
use crate::print::{Begin, End, Printer, number};
use crate::tcp::SegmentRef;
use crate::tcp::reassembly::{Compared, End as Ended, Item};

/// Names of the control bits, from the lowest.
const BITS: [&str; 9] = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR", "AE"];

/// The printer.
pub struct Follow {
    json: Json,
    order: Order,
    stream: Stream,
    from: Option<Who>,
    /// Offset of the first byte of each direction.
    origins: [Option<u64>; 2],
}

impl Follow {
    /// Of this stream; `from` one side alone, and `all` segments or those alone of which there is something to say.
    pub fn new(stream: Stream, from: Option<Who>, all: bool) -> Self {
        let json = Json::new(Options::default());
        Self { json, order: Order::new(all), stream, from, origins: [None; 2] }
    }

    fn is_of(&self, flow: &Flow) -> bool {
        let (transport, number) = match self.stream {
            Stream::Tcp(number) => (Transport::Tcp, number),
            Stream::Udp(number) => (Transport::Udp, number),
        };
        (flow.transport, flow.stream) == (transport, number)
    }
}

impl Printer for Follow {
    fn begin(&mut self, begin: &Begin, out: &mut Vec<u8>) {
        self.json.begin(begin, out);
    }

    fn event(&mut self, event: Event<'_>, out: &mut Vec<u8>) {
        let shown = match &event {
            Event::Followed(followed) => {
                let Self { json, order, from, origins, .. } = self;
                let flow = followed.flow;
                return order.take(followed, &mut |_, told| write(json, &flow, *from, origins, told, out));
            }
            Event::Connection(connection) => {
                let Self { json, order, from, origins, .. } = self;
                order.end(&mut |_, told| write(json, &connection.flow, *from, origins, told, out));
                self.is_of(&connection.flow)
            }
            Event::Message(message) => self.is_of(&message.flow),
            Event::Update(update) => self.is_of(&update.flow),
            Event::Drops(_) => true,
            Event::Packet(_) | Event::Body { .. } => false,
        };
        if shown {
            self.json.event(event, out);
        }
    }

    fn end(&mut self, end: &End, out: &mut Vec<u8>) {
        self.json.end(end, out);
    }
}

/// Writes a record.
fn write(
    json: &mut Json,
    flow: &Flow,
    from: Option<Who>,
    origins: &mut [Option<u64>; 2],
    told: Told<'_>,
    out: &mut Vec<u8>,
) {
    let side = match told {
        Told::Segment(seen) => seen.side,
        Told::Item(side, ..) | Told::Datagram(side, ..) => side,
    };
    let who = Who::sends(flow, side);
    if from.is_some_and(|from| from != who) {
        return;
    }
    let Json { plans, clock, .. } = json;
    let mut object = Object::new(out, plans, "follow");
    object.text("event", name(&told));
    let tcp = flow.transport == Transport::Tcp;
    object.uint(if tcp { "tcp.stream" } else { "udp.stream" }, flow.stream);
    if let Told::Segment(seen) = told {
        object.uint("tcp.seq", seen.verdict.seq.into());
        object.uint("tcp.ack", seen.verdict.ack.into());
        object.uint("tcp.window_size", seen.verdict.window_size.into());
    }
    object.text("src", &flow.ends[side].to_string());
    object.text("dst", &flow.ends[1 - side].to_string());
    if flow.client.is_some() {
        object.text("from", who.name());
    }
    let mut at = |object: &mut Object<'_>, frame: FrameNumber, at: Timestamp| {
        object.uint("frame.number", frame);
        time(object.key("time"), clock, at);
    };
    match told {
        Told::Segment(seen) => {
            at(&mut object, seen.frame, seen.time);
            segment(&mut object, seen);
        }
        Told::Datagram(_, carrier, payload, missing) => {
            at(&mut object, carrier.meta.number, carrier.meta.time);
            object.uint("len", payload.len() as u64 + u64::from(missing));
            bytes(&mut object, payload);
            if missing > 0 {
                object.uint("missing", missing.into());
            }
        }
        Told::Item(_, item, _) => {
            if let Item::Data(SegmentRef { offset, .. }, ..) | Item::Gap { offset, .. } = item {
                origins[side].get_or_insert(offset);
            }
            let origin = origins[side].unwrap_or(0);
            let mut run = |object: &mut Object<'_>, segment: SegmentRef| {
                at(object, segment.frame, segment.time);
                // What comes from before the first byte has none.
                if let Some(offset) = segment.offset.checked_sub(origin) {
                    object.uint("offset", offset);
                }
                object.uint("len", segment.len.into());
                flags(object, segment.flags);
            };
            match item {
                Item::Data(segment, payload, _) => {
                    run(&mut object, segment);
                    bytes(&mut object, payload);
                }
                Item::Gap { offset, len, cause, .. } => {
                    object.uint("offset", offset.saturating_sub(origin));
                    object.uint("len", len);
                    object.text("cause", cause.name());
                }
                Item::Copy(segment, compared) => {
                    run(&mut object, segment);
                    object.text(
                        "compared",
                        match compared {
                            Compared::Equal => "equal",
                            Compared::Not => "not",
                            Compared::Conflict(_) => "conflict",
                        },
                    );
                }
                Item::Late(segment) | Item::Before(segment) | Item::Outside(segment) => run(&mut object, segment),
                Item::End { by, frame } => {
                    object.text(
                        "by",
                        match by {
                            Ended::Fin => "fin",
                            Ended::Rst => "rst",
                            Ended::Capture => "capture",
                        },
                    );
                    if frame > 0 {
                        object.uint("frame.number", frame);
                    }
                }
            }
        }
    }
    object.end();
    out.push(b'\n');
}

/// The word for what happened.
const fn name(told: &Told<'_>) -> &'static str {
    match told {
        Told::Segment(_) => "segment",
        Told::Datagram(..) | Told::Item(_, Item::Data(..), _) => "data",
        Told::Item(_, Item::Gap { .. }, _) => "gap",
        Told::Item(_, Item::Copy(..), _) => "copy",
        Told::Item(_, Item::Late(_), _) => "late",
        Told::Item(_, Item::Before(_), _) => "before",
        Told::Item(_, Item::Outside(_), _) => "outside",
        Told::Item(_, Item::End { .. }, _) => "end",
    }
}

fn segment(object: &mut Object<'_>, seen: &Seen) {
    object.uint("len", seen.len.into());
    flags(object, seen.verdict.flags);
    let set = BITS.iter().enumerate().filter(|(bit, _)| seen.control.0 >> bit & 1 != 0);
    object.array("control", set, |out, (_, name)| string(out, name));
    if seen.opens && seen.verdict.initial_rtt > 0 {
        number::seconds(object.key("initial_rtt"), seen.verdict.initial_rtt);
    }
}

fn flags(object: &mut Object<'_>, flags: Flags) {
    array(object.key("flags"), flags.issues().iter(), |out, flag: Issue| string(out, flag.name()));
}

/// Bytes as text where they are UTF-8, else in hexadecimal.
fn bytes(object: &mut Object<'_>, bytes: &[u8]) {
    if str::from_utf8(bytes).is_ok() {
        return text(object.key("text"), bytes);
    }
    let out = object.key("bytes");
    out.push(b'"');
    number::bytes(out, bytes);
    out.push(b'"');
}
