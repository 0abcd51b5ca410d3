//! A rules file as text, and mistakes in it: file, line, column, a mark under the place, what was meant.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use unicode_width::UnicodeWidthChar;

/// Characters of a line that are shown on each side of a mistake.
const CONTEXT: usize = 60;

/// A rules file that was read.
#[derive(Debug)]
pub struct Source {
    /// Its name, as it was given.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// A place in a rules file.
#[derive(Clone, Debug)]
pub struct Place {
    source: Arc<Source>,
    span: Range<usize>,
}

/// Something that is wrong in a rules file.
#[derive(Clone, Debug)]
pub struct Mistake {
    place: Place,
    what: String,
    hint: Option<String>,
}

impl Place {
    /// The bytes `span` of the file.
    pub fn new(source: &Arc<Source>, span: Range<usize>) -> Self {
        Self { source: Arc::clone(source), span }
    }

    /// The mistake that is here.
    pub fn mistake(&self, what: impl Into<String>) -> Mistake {
        Mistake { place: self.clone(), what: what.into(), hint: None }
    }

    /// Whether both are in the same file.
    pub fn is_of_same_file(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.source, &other.source)
    }

    /// The text that is here.
    pub fn text(&self) -> &str {
        self.source.text.get(self.span.clone()).unwrap_or_default()
    }

    /// The place of bytes `within` of the string whose TOML is here; the whole of it where they cannot be told.
    #[must_use]
    pub fn within_string(&self, within: &Range<usize>) -> Self {
        let offsets = string_offsets(self.text());
        let at = |index: usize| offsets.get(index).or(offsets.last()).copied();
        match (at(within.start), at(within.end)) {
            (Some(start), Some(end)) => {
                Self::new(&self.source, self.span.start + start..self.span.start + end.max(start))
            }
            _ => self.clone(),
        }
    }

    /// Line and column, from 1; columns count characters.
    pub fn line_and_column(&self) -> (usize, usize) {
        let text = &self.source.text;
        let start = boundary(text, self.span.start);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        (text[..start].matches('\n').count() + 1, text[line_start..start].chars().count() + 1)
    }
}

impl Mistake {
    /// With what was meant, or what to do.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The same with the nearest of `names` as what was meant, or all of them where there are few.
    #[must_use]
    pub fn among<'n>(self, wrong: &str, names: impl IntoIterator<Item = &'n str>) -> Self {
        match nearest(wrong, names) {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { source, span } = &self.place;
        let (line, column) = self.place.line_and_column();
        write!(f, "{}:{line}:{column}: {}", printable(&source.name), printable(&self.what))?;
        let start = boundary(&source.text, span.start);
        let line_start = source.text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = source.text[start..].find(['\n', '\r']).map_or(source.text.len(), |at| start + at);
        let end = boundary(&source.text, span.end).clamp(start, line_end);
        let before: String = tail(&source.text[line_start..start]);
        let within: String = source.text[start..end].chars().take(CONTEXT).collect();
        let after: String = source.text[end..line_end].chars().take(CONTEXT).collect();
        let (before, within, after) = (printable(&before), printable(&within), printable(&after));
        let number = line.to_string();
        let (margin, indent) = (" ".repeat(number.len()), " ".repeat(width(&before)));
        let mark = "~".repeat(width(&within).saturating_sub(1));
        write!(f, "\n {number} | {before}{within}{after}\n {margin} | {indent}^{mark}")?;
        match &self.hint {
            Some(hint) => write!(f, "\n {margin} = {}", printable(hint)),
            None => Ok(()),
        }
    }
}

/// What may have been meant by `wrong`: names that are alike, or all where there are few.
pub fn nearest<'n>(wrong: &str, names: impl IntoIterator<Item = &'n str>) -> Option<String> {
    const MAX_NEAR: usize = 3;
    const FEW: usize = 12;
    const LONGEST: usize = 200;
    let names: Vec<&str> = names.into_iter().collect();
    let wrong: String = wrong.chars().take(LONGEST).collect();
    let mut near: Vec<(f64, &str)> = names.iter().map(|name| (strsim::jaro_winkler(&wrong, name), *name)).collect();
    near.retain(|(likeness, _)| *likeness > 0.8);
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    let list = |names: &[&str]| names.join(", ");
    match &near[..] {
        [] if names.is_empty() || names.len() > FEW => None,
        [] => Some(format!("there are {}", list(&names))),
        near => {
            let near: Vec<&str> = near.iter().take(MAX_NEAR).map(|(_, name)| *name).collect();
            Some(format!("did you mean {}?", near.join(" or ")))
        }
    }
}

/// The last characters of what lies before a mistake on its line.
fn tail(text: &str) -> String {
    let skipped = text.chars().count().saturating_sub(CONTEXT);
    text.chars().skip(skipped).collect()
}

/// `text` without characters that move a terminal's cursor.
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c == '\t' { ' ' } else { c })
        .map(|c| if is_hidden(c) { char::REPLACEMENT_CHARACTER } else { c })
        .collect()
}

/// Whether it controls a terminal, turns the direction of a line around, breaks it, or cannot be seen.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}')
}

fn width(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// The last boundary of a character that is not after `at`.
fn boundary(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

/// For each byte of the string that `toml` writes, and for its end, where it begins in `toml`. What is no string gives
/// the bytes themselves.
fn string_offsets(toml: &str) -> Vec<usize> {
    let literal = |at: usize, until: usize| (at..=until.max(at)).collect();
    let inside = |quotes: usize| (quotes, toml.len().saturating_sub(quotes));
    let after_newline = |at: usize| match toml.as_bytes().get(at..) {
        Some([b'\r', b'\n', ..]) => at + 2,
        Some([b'\n', ..]) => at + 1,
        _ => at,
    };
    match toml.as_bytes() {
        [b'\'', b'\'', b'\'', ..] if toml.len() >= 6 => literal(after_newline(3), inside(3).1),
        [b'\'', ..] => literal(1, inside(1).1),
        [b'"', b'"', b'"', ..] if toml.len() >= 6 => escaped_offsets(toml, after_newline(3), inside(3).1),
        [b'"', ..] => escaped_offsets(toml, 1, inside(1).1),
        _ => literal(0, toml.len()),
    }
}

/// The same of what lies from `at` to `until` in a basic string.
fn escaped_offsets(toml: &str, mut at: usize, until: usize) -> Vec<usize> {
    let mut offsets = Vec::new();
    while let Some(rest) = toml.get(at..until).filter(|rest| !rest.is_empty()) {
        let digits = |count: usize| {
            let code = rest.get(2..2 + count).and_then(|hex| u32::from_str_radix(hex, 16).ok());
            (2 + count, code.and_then(char::from_u32).map_or(1, char::len_utf8))
        };
        let first = rest.chars().next().map_or(1, char::len_utf8);
        let (taken, given) = match rest.as_bytes() {
            [b'\\', b'u', ..] => digits(4),
            [b'\\', b'U', ..] => digits(8),
            [b'\\', b'x', ..] => digits(2),
            [b'\\', b' ' | b'\t' | b'\r' | b'\n', ..] => (rest.len() - rest[1..].trim_start().len(), 0),
            [b'\\', ..] => (2, 1),
            // A line end is one byte, whatever it is in the file.
            [b'\r', b'\n', ..] => (2, 1),
            _ => (first, first),
        };
        (0..given).for_each(|index| offsets.push(at + if taken == given { index } else { 0 }));
        at += taken.max(1);
    }
    offsets.push(until);
    offsets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str, span: Range<usize>) -> Place {
        Place::new(&Arc::new(Source { name: "lab.toml".into(), text: text.into() }), span)
    }

    #[test]
    fn a_mistake_shows_its_line() {
        let text = "title = 1\nponits = 2\n";
        let mistake = place(text, 10..16).mistake("no such key").among("ponits", ["points", "name"]);
        assert_eq!(
            mistake.to_string(),
            "lab.toml:2:1: no such key\n 2 | ponits = 2\n   | ^~~~~~\n   = did you mean points?"
        );
    }

    #[test]
    fn any_span_of_any_text_can_be_shown() {
        for text in ["", "\n", "é\n\u{202e}x\r\n", "a\tb", &"x".repeat(500)] {
            for start in 0..text.len() + 3 {
                for end in [start, start + 1, start + 7] {
                    let shown = place(text, start..end).mistake("x").to_string();
                    assert!(!shown.contains('\u{202e}'), "{shown:?}");
                }
            }
        }
    }

    #[test]
    fn bytes_of_a_string_are_found_in_the_file() {
        for (toml, within, found) in [
            ("'abc'", 1..2, "b"),
            ("\"a\\\"bc\"", 1..2, "\\\""),
            ("\"a\\u00e9c\"", 1..3, "\\u00e9"),
            ("'''\nabc'''", 0..1, "a"),
            ("\"\"\"\na\\\n   b\"\"\"", 1..2, "b"),
            ("\"\"", 0..0, ""),
            ("12", 0..1, "1"),
        ] {
            let place = place(toml, 0..toml.len());
            assert_eq!(place.within_string(&within).text(), found, "{toml}");
        }
    }
}
