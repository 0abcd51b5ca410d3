//! Small JSON objects, written key by key, that are no records with a schema of field names.

use super::json::{array, text};
use super::number;

/// A JSON object under construction at the end of a buffer.
pub struct Object<'o> {
    out: &'o mut Vec<u8>,
    empty: bool,
}

impl Object<'_> {
    /// Writes an object that `fill` fills.
    pub fn write(out: &mut Vec<u8>, fill: impl FnOnce(&mut Object<'_>)) {
        out.push(b'{');
        fill(&mut Object { out, empty: true });
        out.push(b'}');
    }

    /// Writes a key; the value is to follow.
    pub fn key(&mut self, key: &str) -> &mut Vec<u8> {
        if !std::mem::replace(&mut self.empty, false) {
            self.out.push(b',');
        }
        text(self.out, key.as_bytes());
        self.out.push(b':');
        self.out
    }

    /// A string; bytes that are not UTF-8 become U+FFFD.
    pub fn text(&mut self, key: &str, value: impl AsRef<[u8]>) {
        text(self.key(key), value.as_ref());
    }

    /// Bytes in hexadecimal.
    pub fn hex(&mut self, key: &str, bytes: &[u8]) {
        let out = self.key(key);
        out.push(b'"');
        number::bytes(out, bytes);
        out.push(b'"');
    }

    /// A number.
    pub fn uint(&mut self, key: &str, value: u64) {
        number::uint(self.key(key), value);
    }

    /// A number that may be negative.
    pub fn int(&mut self, key: &str, value: i64) {
        number::int(self.key(key), value);
    }

    /// `true` or `false`.
    pub fn bool(&mut self, key: &str, value: bool) {
        self.key(key).extend_from_slice(if value { b"true" } else { b"false" });
    }

    /// `null`.
    pub fn null(&mut self, key: &str) {
        self.key(key).extend_from_slice(b"null");
    }

    /// Another object.
    pub fn object(&mut self, key: &str, fill: impl FnOnce(&mut Object<'_>)) {
        Object::write(self.key(key), fill);
    }

    /// An array of what `write` writes for each item.
    pub fn array<T>(&mut self, key: &str, items: impl IntoIterator<Item = T>, write: impl FnMut(&mut Vec<u8>, T)) {
        array(self.key(key), items, write);
    }

    /// An array of objects.
    pub fn objects<T>(
        &mut self,
        key: &str,
        items: impl IntoIterator<Item = T>,
        mut fill: impl FnMut(&mut Object<'_>, T),
    ) {
        self.array(key, items, |out, item| Object::write(out, |object| fill(object, item)));
    }

    /// An array of strings.
    pub fn texts<T: AsRef<[u8]>>(&mut self, key: &str, items: impl IntoIterator<Item = T>) {
        self.array(key, items, |out, item| text(out, item.as_ref()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_json() {
        let mut out = Vec::new();
        Object::write(&mut out, |object| {
            object.text("a", b"\"\x00\xff");
            object.object("b", |object| object.int("c", -1));
            object.object("d", |_| {});
            object.objects("e", [1, 2], |object, n| object.uint("n", n));
            object.texts("f", ["x"; 2]);
            object.bool("g", true);
            object.null("h");
            object.hex("i", &[0, 0xab]);
        });
        let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
        let expected = serde_json::json!({"a": "\"\0\u{fffd}", "b": {"c": -1}, "d": {}, "e": [{"n": 1}, {"n": 2}],
            "f": ["x", "x"], "g": true, "h": null, "i": "00ab"});
        assert_eq!(value, expected);
    }
}
