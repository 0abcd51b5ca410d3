//! What the content of an object names: the last parts of the references in HTML, style sheets, scripts and the like.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use memchr::memmem;

/// References of one object that are kept.
const MAX_NAMES: usize = 4096;
/// References that are shorter tell nothing.
const MIN_LEN: usize = 3;
const MAX_LEN: usize = 512;

/// How content names something.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Named {
    /// It is part of the page.
    Part,
    /// It is where a link or a form leads.
    Link,
}

/// What an object names: hashes of the last parts of references.
#[derive(Clone, Default, Debug)]
pub struct Names(HashMap<u64, Named>);

impl Names {
    /// Of content of this media type; nothing for a type that names nothing.
    pub fn of(mime: &str, content: &[u8]) -> Self {
        let mut names = Self::default();
        match mime {
            "text/html" | "application/xhtml+xml" | "image/svg+xml" => names.html(content),
            _ if mime == "text/css" || ["script", "json", "manifest", "xml"].iter().any(|part| mime.contains(part)) => {
                names.words(content, Named::Part);
            }
            _ => {}
        }
        names
    }

    /// What is named.
    pub fn iter(&self) -> impl Iterator<Item = (u64, Named)> {
        self.0.iter().map(|(name, named)| (*name, *named))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    fn html(&mut self, content: &[u8]) {
        let mut rest = content;
        while let Some(start) = memchr::memchr(b'<', rest) {
            let tag = &rest[start + 1..];
            if let Some(comment) = tag.strip_prefix(b"!--") {
                rest = memmem::find(comment, b"-->").map_or(&[], |end| &comment[end..]);
                continue;
            }
            let end = memchr::memchr(b'>', tag).unwrap_or(tag.len());
            let inner = &tag[..end];
            rest = &tag[end..];
            let name_len = inner.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
            let name = inner[..name_len].to_ascii_lowercase();
            let named = if matches!(&name[..], b"a" | b"area" | b"form") { Named::Link } else { Named::Part };
            self.words(&inner[name_len..], named);
            let close: &[u8] = match &name[..] {
                b"script" => b"</script",
                b"style" => b"</style",
                _ => continue,
            };
            let text = &rest[..memmem::find(rest, close).unwrap_or(rest.len())];
            self.words(text, Named::Part);
            rest = &rest[text.len()..];
        }
    }

    /// Every word that may be a reference, also after the name of an attribute or a variable.
    fn words(&mut self, text: &[u8], named: Named) {
        let is_end = |byte: &u8| byte.is_ascii_whitespace() || b"\"'`()<>,;{}[]|\\".contains(byte);
        for word in text.split(is_end) {
            let value = word.iter().position(|byte| b"=?".contains(byte)).filter(|at| word[*at] == b'=');
            self.add(&word[value.map_or(0, |at| at + 1)..], named);
        }
    }

    fn add(&mut self, word: &[u8], named: Named) {
        if self.0.len() < MAX_NAMES
            && let Some(name) = last_part(word)
        {
            let known = self.0.entry(name).or_insert(named);
            *known = named.min(*known);
        }
    }
}

/// A hash of the last part of a reference, by which it is found: what follows the last slash before the query, the query too.
pub fn last_part(reference: &[u8]) -> Option<u64> {
    let reference = reference.split(|byte| *byte == b'#').next()?;
    let path = reference.split(|byte| *byte == b'?').next()?;
    let start = memchr::memrchr(b'/', path.strip_suffix(b"/").unwrap_or(path)).map_or(0, |at| at + 1);
    let part = &reference[start..];
    if !(MIN_LEN..=MAX_LEN).contains(&part.len()) {
        return None;
    }
    Some(hash(part))
}

/// The same for the same bytes, whenever it is computed.
pub fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(mime: &str, content: &str, uri: &str) -> Option<Named> {
        Names::of(mime, content.as_bytes()).0.get(&last_part(uri.as_bytes())?).copied()
    }

    #[test]
    fn what_html_names() {
        let html = "<!-- <img src=no.png> --><link href='s.css'><img src=/i/a.png?v=2>text none.png
            <a href=\"next.html\">x</a><script>load('late.js')</script><iframe src=frame/></iframe>";
        for (uri, want) in [
            ("http://h/s.css", Some(Named::Part)),
            ("http://h/i/a.png?v=2", Some(Named::Part)),
            ("http://h/next.html", Some(Named::Link)),
            ("http://h/late.js", Some(Named::Part)),
            ("http://h/frame/", Some(Named::Part)),
            ("http://h/none.png", None),
            ("http://h/no.png", None),
        ] {
            assert_eq!(named("text/html", html, uri), want, "{uri}");
        }
    }

    #[test]
    fn what_is_a_part_and_a_link_is_a_part() {
        assert_eq!(named("text/html", "<a href=x.png><img src=x.png></a>", "/x.png"), Some(Named::Part));
    }

    #[test]
    fn style_sheets_and_scripts() {
        assert_eq!(named("text/css", "a{background:url( '../i/b.png' )}", "http://h/i/b.png"), Some(Named::Part));
        assert_eq!(named("text/javascript", "fetch(`/api/data?x=1&y=2`)", "/api/data?x=1&y=2"), Some(Named::Part));
        assert_eq!(named("image/png", "x.png", "/x.png"), None);
    }

    #[test]
    fn any_bytes_end() {
        for content in [&b"<"[..], b"<!--", b"<script", b"<a =\xff", b"<style>"] {
            Names::of("text/html", content);
        }
        assert!(Names::of("text/css", &b"abc ".repeat(9)).len() == 1);
    }
}
