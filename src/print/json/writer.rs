//! One JSON object, written key by key; keys with dots nest, those with a common prefix in one object.

use std::io::Write;

use super::plan::{Key, Plans, shared};
use crate::field::{Field, Value};
use crate::print::is_unsafe;
use crate::print::number::{self, uint};

/// A JSON object under construction at the end of a buffer.
pub(super) struct Object<'b> {
    out: &'b mut Vec<u8>,
    pub plans: &'b Plans,
    /// Where it begins: what is a comma there until its end, as before every key.
    start: usize,
    /// A name of which the first `depth` words are the keys of the objects that are open within this one.
    path: &'static str,
    depth: usize,
    /// How many of them are this object itself.
    own: usize,
}

impl<'b> Object<'b> {
    /// A record, whose first key is its type.
    pub fn new(out: &'b mut Vec<u8>, plans: &'b Plans, kind: &'static str) -> Self {
        let start = out.len();
        out.extend_from_slice(b",\"type\":");
        string(out, kind);
        Self { out, plans, start, path: "", depth: 0, own: 0 }
    }

    /// Ends the object.
    pub fn end(mut self) {
        self.leave(self.own);
        match self.out.get_mut(self.start) {
            Some(first) => *first = b'{',
            None => self.out.push(b'{'),
        }
        self.out.push(b'}');
    }

    /// Writes the key of a dotted name, the objects around it opened; the value is to follow.
    pub fn key(&mut self, dotted: &'static str) -> &mut Vec<u8> {
        let keys = self.plans.of_name(dotted);
        let open = self.shared(dotted);
        keys.iter().for_each(|key| self.begin(key, open));
        self.path = dotted;
        self.out
    }

    /// How many of the open objects a name is in.
    fn shared(&self, name: &str) -> usize {
        if self.depth == 0 { 0 } else { shared(self.path, name).min(self.depth) }
    }

    /// Writes a key where so many of the objects that it is in are open.
    fn begin(&mut self, key: &Key, open: usize) {
        self.leave(open);
        key.write(open, self.out);
        self.depth = key.depth();
    }

    /// Closes open objects down to a depth.
    fn leave(&mut self, depth: usize) {
        while self.depth > depth {
            self.depth -= 1;
            self.out.push(b'}');
        }
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

    /// An array of objects, which stand for the one that `name` is the name of.
    pub fn objects<T>(
        &mut self,
        name: &'static str,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Object<'_>, T),
    ) {
        let plans = self.plans;
        let own = name.split('.').count();
        self.array(name, items, |out, item| {
            let start = out.len();
            let mut element = Object { out, plans, start, path: name, depth: own, own };
            write(&mut element, item);
            element.end();
        });
    }

    /// The fields of a table that have values; `get` hands those of each to the slot.
    pub fn fields<G>(&mut self, fields: &'static [Field<G>], get: impl FnMut(&Field<G>, &mut Slot<'_, '_>)) {
        self.write(fields, false, get);
    }

    /// The same, and lists that have none.
    pub fn fields_and_lists<G>(&mut self, fields: &'static [Field<G>], get: impl FnMut(&Field<G>, &mut Slot<'_, '_>)) {
        self.write(fields, true, get);
    }

    fn write<G>(
        &mut self,
        fields: &'static [Field<G>],
        lists: bool,
        mut get: impl FnMut(&Field<G>, &mut Slot<'_, '_>),
    ) {
        let Some(first) = fields.first() else { return };
        let mut open = self.shared(first.name);
        for (i, (field, key)) in fields.iter().zip(self.plans.of(fields).iter()).enumerate() {
            if i > 0 {
                open = open.min(key.shared);
            }
            let mut slot = Slot { object: self, key, open, many: field.many, empty: true };
            get(field, &mut slot);
            if slot.empty && lists && field.many {
                slot.begin();
            }
            if slot.empty {
                continue;
            }
            if field.many {
                self.out.push(b']');
            }
            self.path = field.name;
            self.depth += usize::from(key.is_parent);
            open = self.depth;
        }
    }
}

/// Takes the values of a field.
pub(super) struct Slot<'s, 'b> {
    object: &'s mut Object<'b>,
    key: &'s Key,
    /// How many of the objects that the field is in are open.
    open: usize,
    many: bool,
    empty: bool,
}

impl Slot<'_, '_> {
    /// Writes a value; of a field that is no list only the first.
    pub fn put(&mut self, each: Value<'_>) {
        if self.empty {
            self.begin();
        } else if self.many {
            self.object.out.push(b',');
        } else {
            return;
        }
        value(self.object.out, each);
    }

    fn begin(&mut self) {
        self.object.begin(self.key, self.open);
        self.empty = false;
    }
}

/// An array of what `write` writes for each item.
pub(in crate::print) fn array<T>(
    out: &mut Vec<u8>,
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut Vec<u8>, T),
) {
    out.push(b'[');
    for (i, item) in items.into_iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}

pub(super) fn string(out: &mut Vec<u8>, value: &str) {
    text(out, value.as_bytes());
}

/// Bytes as text; what is not UTF-8 as U+FFFD.
pub(in crate::print) fn text(out: &mut Vec<u8>, bytes: &[u8]) {
    if is_plain(bytes) {
        out.push(b'"');
        out.extend_from_slice(bytes);
        out.push(b'"');
    } else if bytes.iter().all(|&byte| byte < b'\x7f') {
        // The escapes that JSON asks for do; writing to a vector does not fail.
        let _ = serde_json::to_writer(out, &String::from_utf8_lossy(bytes));
    } else {
        let text = String::from_utf8_lossy(bytes);
        if text.contains(must_be_escaped) {
            // A string has nothing that JSON cannot say.
            escaped(&serde_json::to_string(&text).unwrap_or_default(), out);
        } else {
            // Writing to a vector does not fail.
            let _ = serde_json::to_writer(out, &text);
        }
    }
}

/// Writes JSON, of which strings alone have other characters than ASCII, with escapes for what must not be printed as it
/// is: DEL and C1 controls, what turns the line around, what cannot be seen.
pub fn escaped(json: &str, out: &mut Vec<u8>) {
    let mut rest = json;
    while let Some((at, char)) = rest.char_indices().find(|(_, char)| must_be_escaped(*char)) {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        for unit in char.encode_utf16(&mut [0; 2]) {
            // Writing to a vector does not fail.
            let _ = write!(out, "\\u{unit:04x}");
        }
        rest = &rest[at + char.len_utf8()..];
    }
    out.extend_from_slice(rest.as_bytes());
}

/// Whether a character of JSON is to be escaped that need not be. What is below a space is white space between values, or
/// escaped already.
fn must_be_escaped(char: char) -> bool {
    char >= '\x7f' && is_unsafe(char)
}

/// Whether all bytes are ASCII that is not escaped.
fn is_plain(bytes: &[u8]) -> bool {
    // The loop has a fixed length and no way out before its end, so that it becomes a few instructions.
    let all_of = |chunk: &[u8; 16]| {
        chunk.iter().fold(true, |all, &byte| all & (b' '..0x7f).contains(&byte) & (byte != b'"') & (byte != b'\\'))
    };
    let (chunks, rest) = bytes.as_chunks();
    let mut last = [b' '; 16];
    last[..rest.len()].copy_from_slice(rest);
    chunks.iter().all(all_of) && all_of(&last)
}

fn quoted(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'"');
    write(out);
    out.push(b'"');
}

/// The value of a field.
fn value(out: &mut Vec<u8>, value: Value<'_>) {
    match value {
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Uint(value) => uint(out, value),
        Value::Int(value) => number::int(out, value),
        Value::Text(value) => text(out, value),
        Value::Bytes(value) => quoted(out, |out| number::bytes(out, value)),
        Value::Mac(address) => quoted(out, |out| number::mac(out, address)),
        Value::Ipv4(address) => quoted(out, |out| number::ipv4(out, address)),
        Value::Ipv6(address) => quoted(out, |out| number::ipv6(out, address)),
        Value::Time(time) => quoted(out, |out| number::seconds(out, time.0)),
        Value::Duration(nanos) => number::seconds(out, nanos),
    }
}
