//! Text out of a capture, made fit for a terminal: nothing in it moves the cursor, hides, turns the line around, or passes
//! for a letter that it is not.

use std::fmt;

use unicode_width::UnicodeWidthChar;

/// How bytes stand for characters.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum Charset {
    /// UTF-8.
    #[default]
    Utf8,
    /// ISO 8859-1: a byte is a character.
    Latin1,
}

/// A part of a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit<'a> {
    /// Printable ASCII.
    Ascii(&'a str),
    /// Another character that is shown as it is.
    Char(char),
    /// A character that is not: shown as `␛`, or as `\u{202e}`.
    Escape(char),
    /// A letter of another script in a word of Latin letters, of which it may look like one: shown as `\u{430}`.
    Lookalike(char),
    /// A byte that is no character: shown as `\xff`.
    Byte(u8),
}

impl Unit<'_> {
    /// How many columns it takes.
    pub fn width(self) -> usize {
        match self {
            Self::Ascii(text) => text.len(),
            Self::Char(char) => char.width().unwrap_or(0),
            Self::Escape(char) => match picture(char) {
                Some(_) => 1,
                None => char.escape_unicode().len(),
            },
            Self::Lookalike(char) => char.escape_unicode().len(),
            Self::Byte(_) => r"\xff".len(),
        }
    }

    /// Whether it is shown as something else than itself.
    pub const fn is_escape(self) -> bool {
        matches!(self, Self::Escape(_) | Self::Lookalike(_) | Self::Byte(_))
    }
}

impl fmt::Display for Unit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Ascii(text) => f.write_str(text),
            Self::Char(char) => write!(f, "{char}"),
            Self::Escape(char) => match picture(char) {
                Some(picture) => write!(f, "{picture}"),
                None => write!(f, "{}", char.escape_unicode()),
            },
            Self::Lookalike(char) => write!(f, "{}", char.escape_unicode()),
            Self::Byte(byte) => write!(f, "\\x{byte:02x}"),
        }
    }
}

/// The parts of a text, in order.
pub fn units(bytes: &[u8], charset: Charset) -> impl Iterator<Item = Unit<'_>> {
    let mut rest = bytes;
    let mut words = Words { bytes, end: 0, has_latin: false };
    std::iter::from_fn(move || {
        let &first = rest.first()?;
        let printable = rest.iter().position(|byte| !matches!(byte, b' '..=b'~')).unwrap_or(rest.len());
        let char = match charset {
            _ if first.is_ascii() => Some(first.into()),
            Charset::Utf8 => first_char(rest),
            Charset::Latin1 => Some(first.into()),
        };
        let unit = match char {
            _ if printable > 0 => Unit::Ascii(str::from_utf8(&rest[..printable]).unwrap_or_default()),
            None => Unit::Byte(first),
            Some(char) if is_unsafe(char) && charset == Charset::Latin1 && !char.is_ascii() => Unit::Byte(first),
            Some(char) if is_unsafe(char) => Unit::Escape(char),
            Some(char) if is_like_latin(char) && words.has_latin(bytes.len() - rest.len()) => Unit::Lookalike(char),
            Some(char) => Unit::Char(char),
        };
        let len = match unit {
            Unit::Ascii(text) => text.len(),
            Unit::Char(char) | Unit::Escape(char) | Unit::Lookalike(char) if charset == Charset::Utf8 => {
                char.len_utf8()
            }
            _ => 1,
        };
        rest = &rest[len..];
        Some(unit)
    })
}

/// `bytes` without a character of UTF-8 that is cut short at their end.
pub fn without_cut_char(bytes: &[u8]) -> &[u8] {
    let tail = bytes.len().saturating_sub(3);
    let start = bytes[tail..].iter().rposition(|byte| *byte >= 0xc0).map(|at| tail + at);
    match start {
        Some(start) if first_char(&bytes[start..]).is_none() && char_len(bytes[start]) > bytes.len() - start => {
            &bytes[..start]
        }
        _ => bytes,
    }
}

/// How long a character of UTF-8 is that begins with this byte; 0 where none does.
const fn char_len(first: u8) -> usize {
    match first {
        ..0x80 => 1,
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 0,
    }
}

fn first_char(bytes: &[u8]) -> Option<char> {
    let char = bytes.get(..char_len(*bytes.first()?))?;
    str::from_utf8(char).ok()?.chars().next()
}

fn last_char(bytes: &[u8]) -> Option<char> {
    let start = bytes.iter().rev().take(4).position(|byte| !matches!(byte, 0x80..=0xbf))?;
    let char = &bytes[bytes.len() - 1 - start..];
    first_char(char).filter(|first| first.len_utf8() == char.len())
}

/// Whether a character must not be printed as it is: it controls the terminal, orders text otherwise than it was sent,
/// breaks the line, or cannot be seen.
pub fn is_unsafe(char: char) -> bool {
    char.is_control()
        || matches!(char,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Whether a letter of another script may pass for a Latin one. Of those that do not, Greek has some that stand beside
/// Latin letters in units and formulas.
const fn is_like_latin(char: char) -> bool {
    !matches!(char, 'Δ' | 'Σ' | 'Ω' | 'λ' | 'μ' | 'π')
        && matches!(char, '\u{370}'..='\u{58f}' | '\u{13a0}'..='\u{13ff}' | '\u{1c80}'..='\u{1c8f}' | '\u{1f00}'..='\u{1fff}'
            | '\u{2de0}'..='\u{2dff}' | '\u{a640}'..='\u{a69f}' | '\u{ab70}'..='\u{abbf}')
}

const fn is_latin(char: char) -> bool {
    char.is_ascii_alphabetic()
        || matches!(char, 'À'..='\u{24f}' | '\u{1e00}'..='\u{1eff}') && !matches!(char, '×' | '÷')
}

/// The words of a text, of which it is asked in order.
struct Words<'a> {
    bytes: &'a [u8],
    /// Where the last one ends that was looked at, so that none is looked at twice.
    end: usize,
    has_latin: bool,
}

impl Words<'_> {
    /// Whether the word of the character at `at` has Latin letters.
    fn has_latin(&mut self, at: usize) -> bool {
        if at < self.end {
            return self.has_latin;
        }
        self.has_latin = false;
        let mut start = at;
        while let Some(char) = last_char(&self.bytes[..start]).filter(|char| is_of_word(*char)) {
            self.has_latin |= is_latin(char);
            start -= char.len_utf8();
        }
        self.end = at;
        while let Some(char) = first_char(&self.bytes[self.end..]).filter(|char| is_of_word(*char)) {
            self.has_latin |= is_latin(char);
            self.end += char.len_utf8();
        }
        self.has_latin
    }
}

/// Letters, digits, and marks above or below them.
fn is_of_word(char: char) -> bool {
    char.is_alphanumeric() || matches!(char, '\u{300}'..='\u{36f}')
}

/// The control picture of an ASCII control character.
fn picture(char: char) -> Option<char> {
    match char {
        '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(char)),
        '\x7f' => Some('␡'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: &[u8], charset: Charset) -> String {
        units(bytes, charset).map(|unit| unit.to_string()).collect()
    }

    #[test]
    fn nothing_that_steers_a_terminal_comes_through() {
        let steering = (0..0x20).chain(0x7f..0xa0).chain([0x61c, 0x200e, 0x200f, 0x2028, 0x2029, 0x2060, 0xfeff]);
        let steering = steering.chain(0x200b..=0x200d).chain(0x202a..=0x202e).chain(0x2066..=0x2069);
        for char in steering.map(|code| char::from_u32(code).unwrap()) {
            let text = format!("a{char}b");
            for charset in [Charset::Utf8, Charset::Latin1] {
                let shown = shown(text.as_bytes(), charset);
                assert!(!shown.contains(char), "{char:?} in {shown:?}");
                assert!(shown.chars().all(|char| !char.is_control()), "{shown:?}");
            }
            let width: usize = units(text.as_bytes(), Charset::Utf8).map(Unit::width).sum();
            assert_eq!(width, shown(text.as_bytes(), Charset::Utf8).chars().count(), "{char:?}");
        }
    }

    #[test]
    fn every_byte_is_shown_somehow() {
        let all: Vec<u8> = (0..=255).collect();
        assert!(shown(&all, Charset::Latin1).contains(r"\x80\x81"));
        assert!(shown(&all, Charset::Latin1).ends_with("üýþÿ"));
        assert!(shown(&all, Charset::Utf8).ends_with(r"\xfe\xff"));
        assert_eq!(shown("\u{1b}[2Jgrün\r\n".as_bytes(), Charset::Utf8), "␛[2Jgrün␍␊");
        assert_eq!(shown(b"\xe2\x82", Charset::Utf8), r"\xe2\x82");
        assert_eq!(shown("\u{202e}".as_bytes(), Charset::Utf8), r"\u{202e}");
    }

    #[test]
    fn what_passes_for_a_latin_letter_is_shown_as_what_it_is() {
        for (text, told) in [
            ("p\u{430}yp\u{430}l.com", r"p\u{430}yp\u{430}l.com"),
            ("\u{430}pple.com", r"\u{430}pple.com"),
            ("g\u{3bf}\u{3bf}gle", r"g\u{3bf}\u{3bf}gle"),
            ("\u{441}3\u{301}o", "\\u{441}3\u{301}o"),
            ("\u{e9}\u{441}", "\u{e9}\\u{441}"),
            ("москва.рф www.кто.com/где", "москва.рф www.кто.com/где"),
            ("12 μs, 3 kΩ, Ελλάδα-x, grün×щ", "12 μs, 3 kΩ, Ελλάδα-x, grün×щ"),
        ] {
            assert_eq!(shown(text.as_bytes(), Charset::Utf8), told);
            let width: usize = units(text.as_bytes(), Charset::Utf8).map(Unit::width).sum();
            assert_eq!(width, unicode_width::UnicodeWidthStr::width(told), "{told}");
        }
        assert_eq!(shown(b"\xd0a\xd0\xb0\xd0", Charset::Utf8), r"\xd0a\u{430}\xd0");
    }

    #[test]
    fn a_word_is_looked_at_once() {
        // More than a minute otherwise.
        let word = "\u{430}".repeat(1 << 20);
        assert!(units(word.as_bytes(), Charset::Utf8).all(|unit| unit == Unit::Char('\u{430}')));
    }

    #[test]
    fn a_cut_character_is_left_out_and_no_other() {
        for (text, kept) in [("€", 3), ("a€", 4), ("a", 1), ("", 0)] {
            assert_eq!(without_cut_char(text.as_bytes()).len(), kept);
        }
        assert_eq!(without_cut_char(b"a\xe2\x82"), b"a");
        assert_eq!(without_cut_char(b"a\xf0\x9f\x92"), b"a");
        assert_eq!(without_cut_char(b"a\xff"), b"a\xff");
        assert_eq!(without_cut_char(b"a\x82"), b"a\x82");
    }
}
