//! How the names of a table of fields are written one after the other, worked out once for each table.

use std::cell::RefCell;
use std::collections::HashMap;

use crate::decode::Get;
use crate::field::Field;

/// What is written of one name.
pub(super) struct Key {
    /// Keys and opening braces after a comma, up to where the value begins: of all its words, of those after the first
    /// one, and so on.
    texts: Vec<Text>,
    /// How many of its first words are names of objects that the name before it leaves open.
    pub shared: usize,
    /// Whether the next name goes on where this one ends, so that the value stands in an object.
    pub is_parent: bool,
}

impl Key {
    /// How many objects it is in.
    pub fn depth(&self) -> usize {
        self.texts.len() - 1
    }

    /// Writes it where so many of these objects are open.
    pub fn write(&self, open: usize, out: &mut Vec<u8>) {
        if let Some(text) = self.texts.get(open) {
            text.write(out);
        }
    }
}

/// A short text in pieces of a fixed length, which are copied without a call.
struct Text {
    pieces: Box<[[u8; 16]]>,
    len: usize,
}

impl Text {
    fn new(text: &str) -> Self {
        let mut pieces = vec![[0; 16]; text.len().div_ceil(16)];
        pieces.as_flattened_mut()[..text.len()].copy_from_slice(text.as_bytes());
        Self { pieces: pieces.into(), len: text.len() }
    }

    fn write(&self, out: &mut Vec<u8>) {
        let end = out.len() + self.len;
        self.pieces.iter().for_each(|piece| out.extend_from_slice(piece));
        out.truncate(end);
    }
}

/// A name up to its first dot, and fields that begin with it.
type Part = (&'static str, &'static [Field<Get>]);

/// What is remembered of the tables met so far, by their place and length.
#[derive(Default)]
pub(super) struct Plans {
    keys: RefCell<Memo<Key>>,
    parts: RefCell<Memo<Part>>,
}

/// What is worked out lives as long as the tables do, of which there are few.
type Memo<T> = HashMap<(usize, usize), &'static [T], foldhash::fast::FixedState>;

impl Plans {
    /// The runs of fields of a layer that begin with the same word.
    pub fn parts(&self, fields: &'static [Field<Get>]) -> &'static [Part] {
        let runs = || fields.chunk_by(|one, next| base(one.name) == base(next.name));
        let parts = || &*runs().filter_map(|run| Some((base(run.first()?.name), run))).collect::<Vec<_>>().leak();
        let at = (fields.as_ptr().addr(), fields.len());
        self.parts.borrow_mut().entry(at).or_insert_with(parts)
    }

    /// The keys of a table, of which names with a common prefix stand side by side.
    pub fn of<G>(&self, fields: &'static [Field<G>]) -> &'static [Key] {
        let at = (fields.as_ptr().addr(), fields.len());
        self.keys.borrow_mut().entry(at).or_insert_with(|| keys(fields).leak())
    }

    /// The key of a name by itself.
    pub fn of_name(&self, name: &'static str) -> &'static [Key] {
        let at = (name.as_ptr().addr(), name.len());
        self.keys.borrow_mut().entry(at).or_insert_with(|| vec![key(name, "")].leak())
    }
}

fn keys<G>(fields: &[Field<G>]) -> Vec<Key> {
    let nexts = fields.iter().skip(1).map(|next| next.name).chain([""]);
    let befores = std::iter::once("").chain(fields.iter().map(|before| before.name));
    let neighbours = fields.iter().zip(befores.zip(nexts));
    let keys = neighbours.map(|(field, (before, next))| {
        let is_parent = next.strip_prefix(field.name).is_some_and(|rest| rest.starts_with('.'));
        let value = [if is_parent { "{\"value\":" } else { "" }, if field.many { "[" } else { "" }].concat();
        Key { shared: shared(before, field.name), is_parent, ..key(field.name, &value) }
    });
    keys.collect()
}

/// The key of a name whose value begins with `value`.
fn key(name: &str, value: &str) -> Key {
    let words: Vec<&str> = name.split('.').collect();
    let text = |open| format!(",\"{}\":{value}", words[open..].join("\":{\""));
    let texts = (0..words.len()).map(|open| Text::new(&text(open))).collect();
    Key { texts, shared: 0, is_parent: false }
}

/// Writes a word as a key. Names of fields have no character that JSON escapes.
pub(super) fn name(out: &mut Vec<u8>, word: &str) {
    out.push(b'"');
    out.extend_from_slice(word.as_bytes());
    out.extend_from_slice(b"\":");
}

/// A name up to its first dot.
pub(super) fn base(name: &'static str) -> &'static str {
    name.split('.').next().unwrap_or(name)
}

/// How many words two dotted names begin with alike, the last of the second one not counted.
pub(super) fn shared(before: &str, name: &str) -> usize {
    let mut words = 0;
    for (left, right) in before.bytes().chain([b'.']).zip(name.bytes()) {
        match (left, right) {
            _ if left != right => break,
            (b'.', _) => words += 1,
            _ => {}
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_share_the_objects_that_both_are_in() {
        for (before, name, words) in [
            ("", "ip.len", 0),
            ("ip.len", "ip.id", 1),
            ("ip.flags", "ip.flags.df", 2),
            ("ip.flags.df", "ip.flags_x", 1),
            ("ip.flags.df", "ip.flags", 1),
            ("tcp.options.timestamp.tsecr", "tcp.options.sack_le", 2),
            ("ip", "ipv6.src", 0),
            ("ip", "ip.src", 1),
        ] {
            assert_eq!(shared(before, name), words, "{before} {name}");
        }
    }

    #[test]
    fn what_neighbours_share_tells_what_any_two_names_of_a_table_share() {
        fn check<G>(fields: &[Field<G>]) {
            let keys = keys(fields);
            for (i, field) in fields.iter().enumerate() {
                let mut open = usize::MAX;
                for (key, next) in keys.iter().zip(fields).skip(i + 1) {
                    open = open.min(key.shared);
                    assert_eq!(open, shared(field.name, next.name), "{} {}", field.name, next.name);
                }
            }
        }
        let plans = Plans::default();
        for protocol in crate::decode::protocols() {
            plans.parts(protocol.fields).iter().for_each(|(_, fields)| check(fields));
        }
        check(crate::flow::fields::IPV4);
        check(crate::flow::fields::IPV6);
        check(crate::tcp::fields::FIELDS);
        crate::app::APPLICATIONS.iter().for_each(|application| check(application.fields));
        check(crate::registry::FRAME);
        check(crate::registry::MESSAGE);
        check(crate::registry::CONNECTION);
    }
}
