//! What is wrong with a filter, and where.

use std::fmt;
use std::ops::Range;

use unicode_width::UnicodeWidthStr;

/// A filter that is none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mistake {
    /// The bytes of the text that are wrong; empty where something is missing.
    pub span: Range<usize>,
    /// What is wrong with them.
    pub what: String,
    /// What may have been meant.
    pub hint: Option<String>,
}

/// Columns of the text that are shown on each side of the place; a longer one is cut.
const CONTEXT: usize = 60;

impl Mistake {
    pub(super) fn new(span: Range<usize>, what: impl Into<String>) -> Self {
        Self { span, what: what.into(), hint: None }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// What is wrong, the text with a mark under the place, and the hint: two to four lines, without a line end after
    /// the last.
    pub fn render(&self, text: &str) -> String {
        self.to_string() + &self.lines(text)
    }

    fn lines(&self, text: &str) -> String {
        let start = boundary(text, self.span.start.min(text.len()));
        let end = boundary(text, self.span.end.clamp(start, text.len()));
        let before: Vec<char> = text[..start].chars().rev().take(CONTEXT).collect();
        let before = before.into_iter().rev().map(plain).collect::<String>();
        let within = text[start..end].chars().take(CONTEXT).map(plain).collect::<String>();
        let after = text[end..].chars().take(CONTEXT).map(plain).collect::<String>();
        let mark = "~".repeat(within.width().saturating_sub(1));
        let indent = " ".repeat(before.width());
        let mut lines = format!("\n    {before}{within}{after}\n    {indent}^{mark}");
        if let Some(hint) = &self.hint {
            lines.push_str("\n  ");
            lines.push_str(hint);
        }
        lines
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Mistake {}

/// The last boundary of a character that is not after `at`.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

/// A character as it can be shown to a terminal.
fn plain(c: char) -> char {
    if c.is_control() { ' ' } else { c }
}

/// A piece of the text as a message quotes it.
pub(super) fn shown(piece: &str) -> String {
    const MOST: usize = 40;
    let start: String = piece.chars().take(MOST).map(plain).collect();
    let more = if start.len() < piece.len() { "…" } else { "" };
    if start.starts_with('"') { start + more } else { format!("\"{start}{more}\"") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_is_under_the_place() {
        let mistake = Mistake::new(8..12, "no such field").hint("did you mean http.host?");
        let text = "tcp and http";
        assert_eq!(
            mistake.render(text),
            "no such field\n    tcp and http\n            ^~~~\n  did you mean http.host?"
        );
        assert_eq!(Mistake::new(3..3, "x").render("tcp"), "x\n    tcp\n       ^");
    }

    #[test]
    fn a_place_beside_a_character_or_beyond_the_end_is_shown_too() {
        assert_eq!(Mistake::new(1..2, "x").render("é=\x1b"), "x\n    é= \n    ^");
        assert_eq!(Mistake::new(90..99, "x").render("tcp"), "x\n    tcp\n       ^");
        assert_eq!(Mistake::new(3..4, "x").render("\u{4e2d}=1"), "x\n    \u{4e2d}=1\n      ^");
    }
}
