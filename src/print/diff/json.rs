//! What differs between two captures, as JSON Lines.

use super::{Counts, Printer};
use crate::check::diff::{Difference, Finding, Options, Value};
use crate::check::kept::{Kept, Place, Unit};
use crate::print::number;
use crate::print::object::Object;

/// JSON Lines.
#[derive(Default)]
pub struct Json {
    /// Numbers of the connections that were named last.
    streams: [u64; 2],
}

impl Printer for Json {
    fn begin(&mut self, names: [&str; 2], kept: [&Kept; 2], options: &Options, out: &mut Vec<u8>) {
        line(out, "begin", |object| {
            for (side, (name, kept)) in ["a", "b"].into_iter().zip(names.into_iter().zip(kept)) {
                object.object(side, |object| {
                    object.text("source", name);
                    object.uint("connections", kept.connections.len() as u64);
                    object.uint("messages", kept.messages());
                    object.uint("others", kept.others);
                    object.uint("beyond", kept.beyond);
                });
            }
            object.texts("ignored", &options.ignored);
            number::seconds(object.key("tolerance"), options.tolerance);
        });
    }

    fn finding(&mut self, finding: &Finding<'_>, out: &mut Vec<u8>) {
        match finding {
            Finding::Connections(a, b, differences) => {
                self.streams = [a.flow.stream, b.flow.stream];
                differences.iter().for_each(|difference| self.difference(difference, None, out));
            }
            Finding::Messages(a, b, differences) => {
                differences.iter().for_each(|difference| self.difference(difference, Some([a, b]), out));
            }
            Finding::Connection(second, connection) => {
                for message in &connection.messages {
                    only_record(*second, connection.flow.stream, message, out);
                }
            }
            Finding::Message(second, message) => {
                only_record(*second, self.streams[usize::from(*second)], message, out);
            }
        }
    }

    fn end(&mut self, counts: &Counts, out: &mut Vec<u8>) {
        line(out, "end", |object| {
            object.uint("differences", counts.differences);
            object.object("messages", |object| {
                object.uint("different", counts.different);
                object.uint("equal", counts.equal);
                object.uint("only_a", counts.only[0]);
                object.uint("only_b", counts.only[1]);
            });
        });
    }
}

impl Json {
    fn difference(&self, difference: &Difference, messages: Option<[&Unit; 2]>, out: &mut Vec<u8>) {
        let Difference { aspect, field, a, b, place } = difference;
        line(out, "difference", |object| {
            object.text("aspect", aspect);
            if let Some(field) = field {
                object.text("field", field);
            }
            for (side, (name, value)) in [("a", a), ("b", b)].into_iter().enumerate() {
                object.object(name, |object| {
                    object.uint("stream", self.streams[side]);
                    if let Some(messages) = messages {
                        object.uint("message", messages[side].number.into());
                        object.uint("frame", messages[side].frame);
                    }
                    if let Some(value) = value {
                        put_value(object, value);
                    }
                });
            }
            match place {
                Some(Place::At(at)) => object.array("offset", [*at, *at], number::uint),
                Some(Place::Within(from, to)) => {
                    object.array("offset", [*from, to.saturating_sub(1)], number::uint);
                }
                None => {}
            }
        });
    }
}

fn line(out: &mut Vec<u8>, kind: &str, fill: impl FnOnce(&mut Object<'_>)) {
    Object::write(out, |object| {
        object.text("type", kind);
        fill(object);
    });
    out.push(b'\n');
}

fn only_record(second: bool, stream: u64, message: &Unit, out: &mut Vec<u8>) {
    line(out, "only", |object| {
        object.text("in", if second { "b" } else { "a" });
        object.uint("stream", stream);
        object.uint("message", message.number.into());
        object.uint("frame", message.frame);
        object.text("kind", message.kind.name());
        let head = message.http.head();
        for (name, text) in [("method", head.method()), ("target", head.target())] {
            if let Some(text) = text {
                object.text(name, text);
            }
        }
        if message.http.parsed.code > 0 {
            object.uint("status", message.http.parsed.code.into());
        }
    });
}

fn put_value(object: &mut Object<'_>, value: &Value) {
    match value {
        Value::Text(text) => object.text("value", text),
        Value::Span(nanos) => number::seconds(object.key("value"), *nanos),
        Value::Segments(count, sizes) => {
            object.uint("value", *count);
            object.array("sizes", sizes, |out, size| number::uint(out, (*size).into()));
        }
        Value::Body(len, hash, _) => {
            object.uint("value", *len);
            object.hex("sha256", hash);
        }
    }
}
