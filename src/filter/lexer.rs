//! From text to tokens.

use std::ops::Range;

use super::Mistake;

/// A token and its bytes in the text.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Token<'t> {
    pub kind: Kind<'t>,
    pub span: Range<usize>,
}

/// What a token is.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Kind<'t> {
    /// A name or a value without quotes.
    Word(&'t str),
    /// What stands in double quotes, escapes undone.
    Text(Vec<u8>),
    /// A character in single quotes.
    Char(u8),
    /// `[…]`.
    Slices(Vec<Slice>),
    /// `#…`.
    Layers(Vec<Slice>),
    Compare(Compare),
    Contains,
    Matches,
    In,
    Any,
    All,
    And,
    Or,
    Xor,
    Not,
    Plus,
    Minus,
    Star,
    Slash,
    Percent,
    Ampersand,
    Comma,
    DotDot,
    Open,
    Close,
    OpenBrace,
    CloseBrace,
    End,
}

/// How two values are compared, and whether that is to hold for all pairs or for any.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Compare {
    AnyEq,
    AllEq,
    AnyNe,
    AllNe,
    Lt,
    Le,
    Gt,
    Ge,
}

/// Part of a value: from `start` (from the end where negative) to `end`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Slice {
    pub start: i32,
    pub end: End,
}

/// Where a slice ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    /// After so many bytes.
    Length(i32),
    /// With this byte, from the end where negative.
    At(i32),
    /// With the last byte.
    Last,
}

/// The words that are operators.
const KEYWORDS: [(&str, Kind<'static>); 24] = [
    ("and", Kind::And),
    ("or", Kind::Or),
    ("xor", Kind::Xor),
    ("not", Kind::Not),
    ("eq", Kind::Compare(Compare::AnyEq)),
    ("any_eq", Kind::Compare(Compare::AnyEq)),
    ("all_eq", Kind::Compare(Compare::AllEq)),
    ("ne", Kind::Compare(Compare::AllNe)),
    ("all_ne", Kind::Compare(Compare::AllNe)),
    ("any_ne", Kind::Compare(Compare::AnyNe)),
    ("lt", Kind::Compare(Compare::Lt)),
    ("le", Kind::Compare(Compare::Le)),
    ("gt", Kind::Compare(Compare::Gt)),
    ("ge", Kind::Compare(Compare::Ge)),
    ("contains", Kind::Contains),
    ("matches", Kind::Matches),
    ("in", Kind::In),
    ("any", Kind::Any),
    ("all", Kind::All),
    ("bitwise_and", Kind::Ampersand),
    ("AND", Kind::End),
    ("OR", Kind::End),
    ("NOT", Kind::End),
    ("IN", Kind::End),
];

/// Those of signs, of which the longest that fits counts.
const SIGNS: [(&str, Kind<'static>); 30] = [
    ("===", Kind::Compare(Compare::AllEq)),
    ("!==", Kind::Compare(Compare::AnyNe)),
    ("==", Kind::Compare(Compare::AnyEq)),
    ("!=", Kind::Compare(Compare::AllNe)),
    ("~=", Kind::Compare(Compare::AnyNe)),
    ("<=", Kind::Compare(Compare::Le)),
    (">=", Kind::Compare(Compare::Ge)),
    ("&&", Kind::And),
    ("||", Kind::Or),
    ("^^", Kind::Xor),
    ("..", Kind::DotDot),
    ("<", Kind::Compare(Compare::Lt)),
    (">", Kind::Compare(Compare::Gt)),
    ("~", Kind::Matches),
    ("!", Kind::Not),
    ("&", Kind::Ampersand),
    ("+", Kind::Plus),
    ("-", Kind::Minus),
    ("*", Kind::Star),
    ("/", Kind::Slash),
    ("%", Kind::Percent),
    (",", Kind::Comma),
    ("(", Kind::Open),
    (")", Kind::Close),
    ("{", Kind::OpenBrace),
    ("}", Kind::CloseBrace),
    ("=", Kind::End),
    ("|", Kind::End),
    ("^", Kind::End),
    ("]", Kind::End),
];

/// The tokens of the text, [`Kind::End`] last.
pub(super) fn tokens(text: &str) -> Result<Vec<Token<'_>>, Mistake> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.take_while(|c| c.is_ascii_whitespace());
        let start = lexer.at;
        let kind = lexer.token()?;
        let ends = kind == Kind::End;
        tokens.push(Token { kind, span: start..lexer.at });
        if ends {
            return Ok(tokens);
        }
    }
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn take_while(&mut self, holds: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let taken = rest.split(|c| !holds(c)).next().unwrap_or_default();
        self.at += taken.len();
        taken
    }

    fn take(&mut self, prefix: &str) -> bool {
        let begins = self.rest().starts_with(prefix);
        self.at += if begins { prefix.len() } else { 0 };
        begins
    }

    fn token(&mut self) -> Result<Kind<'t>, Mistake> {
        let start = self.at;
        let Some(first) = self.rest().chars().next() else { return Ok(Kind::End) };
        match first {
            '"' => return self.quoted(false).map(Kind::Text),
            'r' | 'R' if self.rest()[1..].starts_with('"') => {
                self.at += 1;
                return self.quoted(true).map(Kind::Text);
            }
            '\'' => return self.character(),
            '[' => return self.slices().map(Kind::Slices),
            '#' => return self.layers(),
            _ => {}
        }
        if is_word(first) && first != '-' && !self.rest().starts_with("..") {
            let word = self.word();
            return match KEYWORDS.iter().find(|(keyword, _)| *keyword == word) {
                None => Ok(Kind::Word(word)),
                Some((_, Kind::End)) => Err(unexpected(self.text, start..self.at)
                    .hint(format!("operators are in lower case: {}", word.to_ascii_lowercase()))),
                Some((_, kind)) => Ok(kind.clone()),
            };
        }
        match SIGNS.iter().find(|(sign, _)| self.rest().starts_with(sign)) {
            Some((sign, Kind::End)) => {
                let mistake = unexpected(self.text, start..start + sign.len());
                Err(match *sign {
                    "=" => mistake.hint("did you mean ==?"),
                    "|" => mistake.hint("did you mean ||?"),
                    "^" => mistake.hint("did you mean ^^?"),
                    _ => mistake,
                })
            }
            Some((sign, kind)) => {
                self.at += sign.len();
                Ok(kind.clone())
            }
            None => Err(unexpected(self.text, start..start + first.len_utf8())),
        }
    }

    /// A word ends before `..`; an address has the length of its prefix with it.
    fn word(&mut self) -> &'t str {
        let start = self.at;
        let rest = self.rest();
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        self.at += rest[..end].find("..").unwrap_or(end);
        let word = &self.text[start..self.at];
        let is_address =
            |word: &str| word.contains(['.', ':']) && word.chars().all(|c| c.is_ascii_hexdigit() || ".:".contains(c));
        if is_address(word) && self.rest().strip_prefix('/').is_some_and(|rest| rest.starts_with(is_number)) {
            self.at += 1;
            self.take_while(is_number);
            // As of a netmask, which is none of the lengths that are possible.
            while self.rest().starts_with('.') && !self.rest().starts_with("..") {
                self.at += 1;
                self.take_while(is_number);
            }
        }
        &self.text[start..self.at]
    }

    fn quoted(&mut self, raw: bool) -> Result<Vec<u8>, Mistake> {
        let start = self.at;
        self.at += 1;
        let mut bytes = Vec::new();
        loop {
            let plain = self.take_while(|c| c != '"' && c != '\\');
            bytes.extend_from_slice(plain.as_bytes());
            if self.take("\"") {
                return Ok(bytes);
            }
            if self.rest().is_empty() {
                return Err(Mistake::new(start..self.text.len(), "the quote that ends this text is missing"));
            }
            if raw {
                // The character after a backslash is none that ends the text.
                let escaped = self.rest().chars().nth(1).map_or(0, char::len_utf8);
                bytes.extend_from_slice(&self.rest().as_bytes()[..1 + escaped]);
                self.at += 1 + escaped;
            } else {
                self.escape(&mut bytes)?;
            }
        }
    }

    fn character(&mut self) -> Result<Kind<'t>, Mistake> {
        let start = self.at;
        self.at += 1;
        let mut bytes = Vec::new();
        while !self.take("'") {
            match self.rest().chars().next() {
                None => return Err(Mistake::new(start..self.at, "the quote that ends this character is missing")),
                Some('\\') => self.escape(&mut bytes)?,
                Some(c) => {
                    bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                    self.at += c.len_utf8();
                }
            }
        }
        match bytes[..] {
            [byte] => Ok(Kind::Char(byte)),
            _ => Err(Mistake::new(start..self.at, "between single quotes there is one character, of one byte")
                .hint("text is in double quotes")),
        }
    }

    /// What a backslash and what follows stand for.
    fn escape(&mut self, bytes: &mut Vec<u8>) -> Result<(), Mistake> {
        let start = self.at;
        self.at += 1;
        let Some(c) = self.rest().chars().next() else { return Ok(()) };
        self.at += c.len_utf8();
        let byte = match c {
            '\'' | '"' | '\\' => c as u8,
            'a' => 7,
            'b' => 8,
            'f' => 12,
            'n' => b'\n',
            'r' => b'\r',
            't' => b'\t',
            'v' => 11,
            '0'..='7' => {
                self.at = start + 1;
                return match self.digits(3, 8) {
                    Some(code @ 0..=255) => {
                        bytes.push(code as u8);
                        Ok(())
                    }
                    _ => Err(Mistake::new(start..self.at, "a byte is at most \\377")),
                };
            }
            'x' => match self.digits(2, 16) {
                Some(code) => code as u8,
                None => return Err(Mistake::new(start..self.at, "after \\x there are one or two hexadecimal digits")),
            },
            'u' | 'U' => {
                let count = if c == 'u' { 4 } else { 8 };
                let code = self.digits(count, 16).filter(|_| self.at == start + 2 + count);
                let Some(c) = code.and_then(char::from_u32) else {
                    let what = format!("after \\{c} there is a character's number, of {count} hexadecimal digits");
                    return Err(Mistake::new(start..self.at, what));
                };
                bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            _ => {
                let span = start..self.at;
                let what = format!("{} is no escape sequence", super::mistake::shown(&self.text[span.clone()]));
                return Err(Mistake::new(span, what)
                    .hint("a backslash is written \\\\, or the whole text as a raw one: r\"…\""));
            }
        };
        bytes.push(byte);
        Ok(())
    }

    /// A number of at most so many digits.
    fn digits(&mut self, most: usize, radix: u32) -> Option<u32> {
        let len = self.rest().chars().take(most).take_while(|c| c.is_digit(radix)).count();
        let digits = &self.rest()[..len];
        self.at += len;
        u32::from_str_radix(digits, radix).ok()
    }

    fn layers(&mut self) -> Result<Kind<'t>, Mistake> {
        let start = self.at;
        self.at += 1;
        if self.rest().starts_with('[') {
            return self.slices().map(Kind::Layers);
        }
        match self.take_while(is_number).parse() {
            Ok(layer) => Ok(Kind::Layers(vec![Slice { start: layer, end: End::Length(1) }])),
            Err(_) => {
                Err(Mistake::new(start..self.at, "after # there is the number of a layer, or several in brackets")
                    .hint("for example ip.src#1, the outermost"))
            }
        }
    }

    /// `[i:j]`, `[i-j]`, `[i]`, `[:j]`, `[i:]`, and several with commas.
    fn slices(&mut self) -> Result<Vec<Slice>, Mistake> {
        let start = self.at;
        self.at += 1;
        let inside = self.take_while(|c| c != ']');
        if !self.take("]") {
            return Err(Mistake::new(start..self.text.len(), "the bracket that ends this slice is missing"));
        }
        let mut at = start + 1;
        let mut slices = Vec::new();
        for part in inside.split(',') {
            let span = at..at + part.len();
            at = span.end + 1;
            slices.push(slice(part).map_err(|what| Mistake::new(span, what).hint(SLICES))?);
        }
        Ok(slices)
    }
}

const SLICES: &str =
    "[0:3] is the first three bytes, [1-2] the second and the third, [-4:] the last four, [0] the first";

fn slice(text: &str) -> Result<Slice, &'static str> {
    const NO_NUMBER: &str = "a slice is made of numbers";
    const EMPTY: &str = "this slice is empty";
    let number = |text: &str| text.trim().parse::<i32>().map_err(|_| NO_NUMBER);
    let text = text.trim();
    let slice = if let Some((start, length)) = text.split_once(':') {
        let end = if length.trim().is_empty() { End::Last } else { End::Length(number(length)?) };
        let start = if start.trim().is_empty() && end != End::Last { 0 } else { number(start)? };
        Slice { start, end }
    } else {
        // A sign of the first number is none between two.
        let signed = text.len() - text.strip_prefix('-').unwrap_or(text).len();
        match text[signed..].split_once('-') {
            Some((_, last)) => {
                Slice { start: number(&text[..text.len() - last.len() - 1])?, end: End::At(number(last)?) }
            }
            None => Slice { start: number(text)?, end: End::Length(1) },
        }
    };
    match slice.end {
        End::Length(..=0) => Err(EMPTY),
        End::At(last) if (slice.start < 0) == (last < 0) && last < slice.start => Err(EMPTY),
        _ => Ok(slice),
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_.:-".contains(c)
}

fn is_number(c: char) -> bool {
    c.is_ascii_digit()
}

/// What is there and may not be.
pub(super) fn unexpected(text: &str, span: Range<usize>) -> Mistake {
    let what = text.get(span.clone()).unwrap_or_default();
    Mistake::new(span, format!("unexpected {}", super::mistake::shown(what)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Kind<'_>> {
        let mut kinds: Vec<_> = tokens(text).unwrap().into_iter().map(|token| token.kind).collect();
        assert_eq!(kinds.pop(), Some(Kind::End));
        kinds
    }

    #[test]
    fn words_signs_and_keywords() {
        use Kind::*;
        assert_eq!(kinds("tcp.port==80"), [Word("tcp.port"), Kind::Compare(super::Compare::AnyEq), Word("80")]);
        assert_eq!(kinds("a and!b"), [Word("a"), And, Not, Word("b")]);
        assert_eq!(kinds("{80..90,::1}"), [OpenBrace, Word("80"), DotDot, Word("90"), Comma, Word("::1"), CloseBrace]);
        assert_eq!(kinds("10.0.0.0/8 ip.x/2"), [Word("10.0.0.0/8"), Word("ip.x"), Slash, Word("2")]);
        assert_eq!(kinds("a -b"), [Word("a"), Minus, Word("b")]);
        assert_eq!(kinds("aa-bb-01"), [Word("aa-bb-01")]);
    }

    #[test]
    fn texts_and_characters() {
        assert_eq!(kinds(r#""a\"\x41\101\n""#), [Kind::Text(b"a\"AA\n".into())]);
        assert_eq!(kinds("r\"\\d\\\"\""), [Kind::Text(b"\\d\\\"".into())]);
        assert_eq!(kinds(r"'\n' 'a'"), [Kind::Char(b'\n'), Kind::Char(b'a')]);
        assert_eq!(kinds(r#""\u00e9é""#), [Kind::Text("éé".into())]);
        for text in
            ["\"a", "\"\\", "r\"a\\", "'", "'ab'", "''", "'é'", r#""\q""#, r#""\x""#, r#""\400""#, r#""\ud800""#]
        {
            assert!(tokens(text).is_err(), "{text}");
        }
    }

    #[test]
    fn slices_have_a_start_and_an_end() {
        let one = |start, end| vec![Kind::Slices(vec![Slice { start, end }])];
        assert_eq!(kinds("[0:3]"), one(0, End::Length(3)));
        assert_eq!(kinds("[1-2]"), one(1, End::At(2)));
        assert_eq!(kinds("[-4--2]"), one(-4, End::At(-2)));
        assert_eq!(kinds("[-4:]"), one(-4, End::Last));
        assert_eq!(kinds("[:4]"), one(0, End::Length(4)));
        assert_eq!(kinds("[ 3 ]"), one(3, End::Length(1)));
        assert_eq!(kinds("#2"), [Kind::Layers(vec![Slice { start: 2, end: End::Length(1) }])]);
        for text in ["[]", "[:]", "[a]", "[0:0]", "[2-1]", "[1", "[1,]", "#", "#-1", "[99999999999]"] {
            assert!(tokens(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_no_token_is_shown() {
        for (text, span) in [("tcp = 80", 4..5), ("a ; b", 2..3), ("a AND b", 2..5), ("é", 0..2)] {
            assert_eq!(tokens(text).unwrap_err().span, span, "{text}");
        }
    }
}
