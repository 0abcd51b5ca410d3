//! One JSON object, written key by key; keys with dots nest, those with a common prefix in one object.

use std::io::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::field::Value;

/// A JSON object under construction at the end of a buffer.
pub(super) struct Object<'b> {
    out: &'b mut Vec<u8>,
    /// Keys of the objects that are open within this one.
    path: Vec<&'static str>,
    /// How many of them are this object itself.
    own: usize,
    comma: bool,
}

impl<'b> Object<'b> {
    pub fn new(out: &'b mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, path: Vec::new(), own: 0, comma: false }
    }

    /// An object that stands for the one that names before the first dot are in.
    pub fn within(out: &'b mut Vec<u8>, name: &'static str) -> Self {
        out.push(b'{');
        Self { out, path: vec![name], own: 1, comma: false }
    }

    /// Ends the object.
    pub fn end(mut self) {
        self.leave(self.own);
        self.out.push(b'}');
    }

    /// Writes the key of a dotted name, the objects around it opened; the value is to follow.
    pub fn key(&mut self, name: &'static str) -> &mut Vec<u8> {
        let (parents, last) = name.rsplit_once('.').map_or((None, name), |(parents, last)| (Some(parents), last));
        let mut depth = 0;
        for parent in parents.into_iter().flat_map(|parents| parents.split('.')) {
            if self.path.get(depth) != Some(&parent) {
                self.leave(depth);
                self.name(parent);
                self.out.push(b'{');
                self.comma = false;
                self.path.push(parent);
            }
            depth += 1;
        }
        self.leave(depth);
        self.name(last);
        self.comma = true;
        self.out
    }

    /// The buffer, to go on with the value of the last key.
    pub fn more(&mut self) -> &mut Vec<u8> {
        self.out
    }

    /// The value of the last key, named `name`, is an object that was begun with a first member: it stays open for
    /// names that go on where `name` ends.
    pub fn enter(&mut self, name: &'static str) {
        self.path.push(name.rsplit('.').next().unwrap_or(name));
        self.comma = true;
    }

    /// Closes open objects down to a depth.
    pub fn leave(&mut self, depth: usize) {
        while self.path.len() > depth {
            self.path.pop();
            self.out.push(b'}');
            self.comma = true;
        }
    }

    fn name(&mut self, name: &str) {
        if self.comma {
            self.out.push(b',');
        }
        // Names of fields have no character that JSON escapes.
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    pub fn uint(&mut self, name: &'static str, value: u64) {
        uint(self.key(name), value);
    }

    pub fn text(&mut self, name: &'static str, value: &str) {
        string(self.key(name), value);
    }

    /// An array of what `write` writes for each item.
    pub fn array<T>(
        &mut self,
        name: &'static str,
        items: impl IntoIterator<Item = T>,
        write: impl FnMut(&mut Vec<u8>, T),
    ) {
        array(self.key(name), items, write);
    }
}

/// An array of what `write` writes for each item.
pub(super) fn array<T>(out: &mut Vec<u8>, items: impl IntoIterator<Item = T>, mut write: impl FnMut(&mut Vec<u8>, T)) {
    out.push(b'[');
    for (i, item) in items.into_iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}

pub(super) fn uint(out: &mut Vec<u8>, value: u64) {
    // Writing to a vector does not fail.
    let _ = write!(out, "{value}");
}

pub(super) fn string(out: &mut Vec<u8>, value: &str) {
    let _ = serde_json::to_writer(out, value);
}

/// Bytes as text; what is not UTF-8 as U+FFFD.
pub(super) fn text(out: &mut Vec<u8>, bytes: &[u8]) {
    string(out, &String::from_utf8_lossy(bytes));
}

/// Nanoseconds as seconds with nine decimals.
pub(super) fn seconds(out: &mut Vec<u8>, nanos: i64) {
    let sign = if nanos < 0 { "-" } else { "" };
    let nanos = nanos.unsigned_abs();
    let _ = write!(out, "{sign}{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000);
}

/// The value of a field.
pub(super) fn value(out: &mut Vec<u8>, value: Value<'_>) {
    let _ = match value {
        Value::Bool(value) => write!(out, "{value}"),
        Value::Uint(value) => write!(out, "{value}"),
        Value::Int(value) => write!(out, "{value}"),
        Value::Text(value) => return text(out, value),
        Value::Bytes(value) => {
            out.push(b'"');
            value.iter().for_each(|byte| drop(write!(out, "{byte:02x}")));
            out.push(b'"');
            return;
        }
        Value::Mac([a, b, c, d, e, f]) => write!(out, "\"{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}\""),
        Value::Ipv4(address) => write!(out, "\"{}\"", Ipv4Addr::from(address)),
        Value::Ipv6(address) => write!(out, "\"{}\"", Ipv6Addr::from(address)),
        Value::Time(time) => {
            out.push(b'"');
            seconds(out, time.0);
            out.push(b'"');
            return;
        }
        Value::Duration(nanos) => return seconds(out, nanos),
    };
}
