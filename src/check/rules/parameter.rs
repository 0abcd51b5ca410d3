//! Parameters of a rules file: values that come from the command line, and stand in filters as values alone.

use std::fmt::Write;
use std::net::IpAddr;
use std::ops::Range;

use super::source::{Mistake, Place};

/// What a parameter's values are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Type {
    /// Text, which stands in a filter in quotes.
    Text,
    /// A whole number.
    Number,
    /// An IP address, or a network such as `10.0.0.0/8`.
    Address,
}

impl Type {
    /// The word for it in rules files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Address => "address",
        }
    }

    /// Every type.
    pub const ALL: [Self; 3] = [Self::Text, Self::Number, Self::Address];

    /// What is wrong with a value of this type, if anything.
    fn refuses(self, value: &str) -> Option<&'static str> {
        let fits = match self {
            Self::Text => return (value.len() > MAX_TEXT).then_some("it is longer than 4096 bytes"),
            Self::Number => value.parse::<i64>().is_ok(),
            Self::Address => is_address(value),
        };
        (!fits).then_some(match self {
            Self::Number => "it is to be a whole number",
            _ => "it is to be an IP address, or a network such as 10.0.0.0/8",
        })
    }
}

/// The longest value of a parameter, in bytes.
const MAX_TEXT: usize = 4096;

fn is_address(value: &str) -> bool {
    let (address, prefix) = value.split_once('/').map_or((value, None), |(address, prefix)| (address, Some(prefix)));
    let Ok(address) = address.parse::<IpAddr>() else { return false };
    let most = if address.is_ipv4() { 32 } else { 128 };
    prefix.is_none_or(|prefix| {
        prefix.bytes().all(|byte| byte.is_ascii_digit()) && prefix.parse::<u8>().is_ok_and(|bits| bits <= most)
    })
}

/// A parameter, and its value.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Type of its values.
    pub kind: Type,
    /// What it is for.
    pub help: Option<String>,
    /// Its value: what the command line says, or the default; none where it has to be given and is not.
    pub value: Option<String>,
    /// Where it is declared.
    pub place: Place,
}

impl Parameter {
    /// Takes a value.
    pub fn set(&mut self, value: String) -> Result<(), &'static str> {
        match self.kind.refuses(&value) {
            None => {
                self.value = Some(value);
                Ok(())
            }
            Some(reason) => Err(reason),
        }
    }
}

/// A filter with values in the place of parameters.
#[derive(Debug)]
pub struct Filled {
    /// The filter.
    pub text: String,
    /// Which bytes of it stand for which bytes of what was written, in order.
    parts: Vec<(Range<usize>, Range<usize>)>,
}

impl Filled {
    /// Where bytes of the filter were written.
    pub fn written(&self, span: &Range<usize>) -> Range<usize> {
        let at = |offset: usize, end: bool| {
            let part = self.parts.iter().find(|(new, _)| offset < new.end || end && offset == new.end);
            let Some((new, old)) = part.or(self.parts.last()) else { return offset };
            let is_value = new.len() != old.len();
            match (is_value, end) {
                (true, false) => old.start,
                (true, true) => old.end,
                (false, _) => (old.start + offset.saturating_sub(new.start)).min(old.end),
            }
        };
        let start = at(span.start, false);
        start..at(span.end, true).max(start)
    }
}

/// Puts values in the place of `$name`, and within quotes of `${name}`. A value is always one: a quoted text, a number,
/// an address, or a part of the text that is in quotes; in one that is a pattern it stands for itself.
pub fn fill(text: &str, place: &Place, parameters: &[Parameter]) -> Result<Filled, Mistake> {
    let mut filled = Filled { text: String::with_capacity(text.len()), parts: Vec::new() };
    let mut quote = None;
    // Whether what comes next is the pattern of `matches`.
    let mut pattern = false;
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let name = match quote {
            None => parameter_name(rest),
            Some(_) if rest.starts_with("${") => parameter_name(rest),
            Some(_) => None,
        };
        if let Some((name, len)) = name {
            let found = parameters.iter().find(|parameter| parameter.name == name);
            let mistake = |what: String| place.within_string(&(at..at + len)).mistake(what);
            let Some(parameter) = found else {
                let names = parameters.iter().map(|parameter| parameter.name.as_str());
                return Err(mistake(format!("there is no parameter `{name}` in [set]")).among(name, names));
            };
            // One that has no value was told of where it is declared.
            let value = parameter.value.as_deref().unwrap_or_default();
            let start = filled.text.len();
            match quote {
                Some(Quote { raw: true, .. }) if !pattern && value.contains(['"', '\\']) => {
                    let what = "this value cannot stand in a raw text";
                    return Err(mistake(what.into()).hint("leave out the r before the quote"));
                }
                Some(Quote { raw: true, .. }) => {
                    filled.text.push_str(&if pattern { escape(value) } else { value.into() })
                }
                Some(_) => quote_into(&if pattern { escape(value) } else { value.into() }, &mut filled.text),
                None if parameter.kind == Type::Text => {
                    filled.text.push('"');
                    quote_into(&if pattern { escape(value) } else { value.into() }, &mut filled.text);
                    filled.text.push('"');
                }
                None => filled.text.push_str(if value.is_empty() { "0" } else { value }),
            }
            filled.parts.push((start..filled.text.len(), at..at + len));
            at += len;
            continue;
        }
        let len = match (quote, c) {
            (Some(_), '\\') => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            _ => c.len_utf8(),
        };
        match (quote, c) {
            (Some(Quote { mark, .. }), c) if c == mark => (quote, pattern) = (None, false),
            (None, '"' | '\'') => {
                let before = &text[..at];
                let raw = c == '"' && before.ends_with(['r', 'R']);
                let before = if raw { &before[..before.len() - 1] } else { before }.trim_end();
                pattern = before.ends_with('~') || before.ends_with("matches");
                quote = Some(Quote { mark: c, raw });
            }
            (None, _) if !c.is_whitespace() => pattern = text[..at + len].ends_with("matches") || c == '~',
            _ => {}
        }
        let start = filled.text.len();
        filled.text.push_str(&rest[..len]);
        match filled.parts.last_mut() {
            // Runs without a value are one part.
            Some((new, old)) if new.len() == old.len() && old.end == at && new.end == start => {
                (new.end, old.end) = (start + len, at + len);
            }
            _ => filled.parts.push((start..start + len, at..at + len)),
        }
        at += len;
    }
    Ok(filled)
}

#[derive(Clone, Copy)]
struct Quote {
    mark: char,
    raw: bool,
}

/// The name of `$name` or `${name}`, and the length of that.
fn parameter_name(text: &str) -> Option<(&str, usize)> {
    let rest = text.strip_prefix('$')?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let (name, len) = match rest.strip_prefix('{') {
        Some(inside) => {
            let name = &inside[..inside.find('}')?];
            (name, name.len() + 3)
        }
        None => {
            let name = &rest[..rest.find(|c| !is_name(c)).unwrap_or(rest.len())];
            (name, name.len() + 1)
        }
    };
    (!name.is_empty() && name.chars().all(is_name)).then_some((name, len))
}

/// Writes a value within the quotes of a filter.
fn quote_into(value: &str, out: &mut String) {
    for c in value.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_ascii_control() => {
                // Writing to a string does not fail.
                let _ = write!(out, "\\x{:02x}", c as u32);
            }
            c => out.push(c),
        }
    }
}

/// A pattern that matches the value alone.
fn escape(value: &str) -> String {
    value.chars().fold(String::new(), |mut pattern, c| {
        if c.is_ascii_punctuation() {
            pattern.push('\\');
        }
        pattern.push(c);
        pattern
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::source::Source;
    use super::*;

    fn filled(text: &str, kind: Type, value: &str) -> Result<String, String> {
        let source = Arc::new(Source { name: "x".into(), text: format!("'{text}'") });
        let place = Place::new(&source, 0..text.len() + 2);
        let parameter =
            Parameter { name: "p".into(), kind, help: None, value: Some(value.into()), place: place.clone() };
        fill(text, &place, &[parameter]).map(|filled| filled.text).map_err(|mistake| mistake.to_string())
    }

    #[test]
    fn a_value_is_one_whatever_is_in_it() {
        let evil = "x\" || \"1\" == \"1\\";
        let text = filled("http.host == $p && tcp", Type::Text, evil).unwrap();
        assert_eq!(text, r#"http.host == "x\" || \"1\" == \"1\\" && tcp"#);
        assert_eq!(filled("a == \"http://${p}/$p\"", Type::Text, "h\"").unwrap(), r#"a == "http://h\"/$p""#);
        assert_eq!(filled("ip.addr == ${p}", Type::Address, "10.0.0.0/8").unwrap(), "ip.addr == 10.0.0.0/8");
        assert_eq!(filled("a == 'q' && b == $p", Type::Number, "-3").unwrap(), "a == 'q' && b == -3");
    }

    #[test]
    fn in_a_pattern_a_value_stands_for_itself() {
        assert_eq!(filled("a matches \"^${p}$\"", Type::Text, "1.2").unwrap(), r#"a matches "^1\\.2$""#);
        assert_eq!(filled("a matches r\"^${p}$\"", Type::Text, "1.2\"").unwrap(), r#"a matches r"^1\.2\"$""#);
        assert_eq!(filled("a ~ $p", Type::Text, "1.2").unwrap(), r#"a ~ "1\\.2""#);
        assert!(filled("a == r\"${p}\"", Type::Text, "\"").is_err());
    }

    #[test]
    fn what_is_no_value_of_the_type_is_refused() {
        for (kind, value) in [(Type::Number, "1 || 1"), (Type::Number, ""), (Type::Address, "10.0.0.1 || tcp")] {
            assert!(kind.refuses(value).is_some(), "{value}");
        }
        for value in ["10.0.0.0/33", "10.0.0.0/+8", "::/129", "10.0.0", "host"] {
            assert!(Type::Address.refuses(value).is_some(), "{value}");
        }
        assert!(Type::Address.refuses("2001:db8::/32").is_none());
    }

    #[test]
    fn places_in_the_filter_are_those_of_what_was_written() {
        let source = Arc::new(Source { name: "x".into(), text: "'a == $p && bb'".into() });
        let place = Place::new(&source, 0..15);
        let value = Some("longer".into());
        let parameter = Parameter { name: "p".into(), kind: Type::Text, help: None, value, place: place.clone() };
        let filled = fill("a == $p && bb", &place, &[parameter]).unwrap();
        let at = filled.text.find("bb").unwrap();
        assert_eq!(filled.written(&(at..at + 2)), 11..13);
        assert_eq!(filled.written(&(5..13)), 5..7);
        assert_eq!(filled.written(&(at + 2..at + 2)), 13..13);
        assert!(fill("$q", &place, &[]).is_err());
    }
}
