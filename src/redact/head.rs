//! Secrets of a head, a byte at a time: of its start line, and of each field by its name.

use super::names::Word;
use super::text::{Context, Text};
use super::{Found, Kind, Runs};

/// Authentication schemes (RFC 9110 11.1) that are shown before their credentials.
const SCHEMES: [&[u8]; 15] = [
    b"ApiKey",
    b"AWS4-HMAC-SHA256",
    b"Basic",
    b"Bearer",
    b"Digest",
    b"DPoP",
    b"GNAP",
    b"Hawk",
    b"HOBA",
    b"Mutual",
    b"Negotiate",
    b"NTLM",
    b"OAuth",
    b"Signature",
    b"Token",
];

/// Attributes of Set-Cookie (RFC 6265 4.1.1), and those that browsers know beside them.
const ATTRIBUTES: [&[u8]; 9] =
    [b"Domain", b"Expires", b"HttpOnly", b"Max-Age", b"Partitioned", b"Path", b"Priority", b"SameSite", b"Secure"];

/// Finds secrets in a head that comes in pieces.
#[derive(Clone, Debug)]
pub struct HeadScanner {
    line: Line,
    /// The name of the field, up to the colon.
    name: Word,
    /// Whether white space came in the name.
    spaced: bool,
    value: Value,
    /// What has the name of a secret elsewhere in the line.
    text: Text,
    /// Whether the line has nothing but its end so far.
    empty: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Line {
    /// The start line, or empty lines before it.
    Start,
    /// Field lines.
    Field,
    /// The empty line came.
    Ended,
}

/// How the value of the field is masked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Value {
    /// It has not begun.
    Name,
    /// By the names that it has.
    Plain,
    /// As credentials, which begin here.
    Credentials,
    /// As they are, for so many bytes.
    Shown(usize, After),
    /// All of it.
    Secret(Kind),
    /// A name and a value of a cookie, or more of them.
    Cookie { set: bool, part: Part },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum After {
    Secret,
    CookieValue { set: bool },
    Attribute { commas: u8 },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    /// A pair begins; the first one of a Set-Cookie, or any of a Cookie.
    Begin,
    /// What follows the first pair of a Set-Cookie.
    Further,
    /// In a value.
    Value,
    /// In the value of an attribute, in which so many commas may come.
    Attribute { commas: u8 },
}

impl Default for HeadScanner {
    fn default() -> Self {
        Self {
            line: Line::Start,
            name: Word::default(),
            spaced: false,
            value: Value::Name,
            text: Text::new(Context::Target),
            empty: true,
        }
    }
}

impl HeadScanner {
    /// At the first line of a trailer section.
    pub fn trailer() -> Self {
        Self { line: Line::Field, text: Text::new(Context::Field), ..Self::default() }
    }

    /// Takes the next piece; lines that come after an empty one are taken for fields too.
    pub fn feed(&mut self, bytes: &[u8], found: Found<'_>) {
        self.take(bytes, false, found);
    }

    /// Takes the next piece up to the empty line, and gives how much of it that is.
    pub fn feed_head(&mut self, bytes: &[u8], found: Found<'_>) -> usize {
        self.take(bytes, true, found)
    }

    /// Whether the empty line came.
    pub fn has_ended(&self) -> bool {
        self.line == Line::Ended
    }

    fn take(&mut self, bytes: &[u8], stops: bool, found: Found<'_>) -> usize {
        let mut runs = Runs::default();
        let mut taken = 0;
        while let Some(&byte) = bytes.get(taken).filter(|_| !(stops && self.has_ended())) {
            let kind = self.step(byte, &bytes[taken + 1..]);
            runs.add(taken, kind, found);
            taken += 1;
        }
        runs.end(taken, found);
        taken
    }

    /// Takes a byte, before `rest` of the piece.
    fn step(&mut self, byte: u8, rest: &[u8]) -> Option<Kind> {
        let named = self.text.step_named(byte, rest).then_some(Kind::Url);
        if self.line == Line::Start && matches!(byte, b' ' | b'\t') {
            self.text.word_begins(rest);
        }
        if byte == b'\n' {
            self.end_line();
            return None;
        }
        if self.empty && byte != b'\r' {
            self.empty = false;
            if !matches!(byte, b' ' | b'\t') || self.line == Line::Start {
                self.begin_line();
            } else {
                // White space at the beginning goes on with the value before.
                return None;
            }
        }
        if byte == b'\r' {
            return None;
        }
        let secret = self.of_value(byte, rest);
        // What else a field has that is secret by its own name is told by that.
        if matches!(self.value, Value::Name | Value::Plain) { secret.or(named) } else { secret }
    }

    fn begin_line(&mut self) {
        self.name.clear();
        self.spaced = false;
        self.value = Value::Name;
    }

    fn end_line(&mut self) {
        let was_empty = std::mem::replace(&mut self.empty, true);
        self.line = match self.line {
            Line::Start if was_empty => Line::Start,
            Line::Start => Line::Field,
            _ if was_empty => Line::Ended,
            line => line,
        };
        self.text = Text::new(if self.line == Line::Start { Context::Target } else { Context::Field });
    }

    /// Takes a byte of a line; whether it is secret by the field that it is of.
    fn of_value(&mut self, byte: u8, rest: &[u8]) -> Option<Kind> {
        let blank = matches!(byte, b' ' | b'\t');
        match self.value {
            Value::Name => self.of_name(byte, blank),
            Value::Plain => None,
            Value::Credentials if blank => None,
            Value::Credentials => {
                let scheme = scheme(byte, rest);
                if scheme > 0 {
                    self.show(scheme, After::Secret);
                    return None;
                }
                self.value = Value::Secret(Kind::Credentials);
                Some(Kind::Credentials)
            }
            Value::Shown(left, after) => {
                self.show(left, after);
                None
            }
            Value::Secret(_) if blank && self.spaced => None,
            Value::Secret(kind) => {
                self.spaced = false;
                Some(kind)
            }
            Value::Cookie { set, part } => self.of_cookie(byte, rest, set, part).then_some(Kind::Cookie),
        }
    }

    /// Takes a byte that may be of the name.
    fn of_name(&mut self, byte: u8, blank: bool) -> Option<Kind> {
        if byte == b':' {
            self.value = self.by_name();
            // White space before the value is shown.
            self.spaced = true;
            return None;
        }
        if blank && self.line == Line::Start {
            self.value = Value::Plain;
        }
        // Where there is no colon, what no name may have ends it too.
        if blank || matches!(byte, b';' | b'=' | b',' | b'"') {
            self.spaced = true;
            return None;
        }
        if std::mem::take(&mut self.spaced) && self.name.is_secret_field() {
            // A line without colon.
            self.value = Value::Secret(Kind::Field);
            return Some(Kind::Field);
        }
        self.name.push(byte);
        None
    }

    fn by_name(&self) -> Value {
        let is = |names: &[&str]| names.iter().any(|name| self.name.is(name));
        match () {
            () if is(&["authorization", "proxyauthorization"]) => Value::Credentials,
            () if is(&["cookie", "cookie2"]) => Value::Cookie { set: false, part: Part::Begin },
            () if is(&["setcookie", "setcookie2"]) => Value::Cookie { set: true, part: Part::Begin },
            () if self.name.is_secret_field() => Value::Secret(Kind::Field),
            () => Value::Plain,
        }
    }

    /// Takes a byte of a cookie field; whether it is secret.
    fn of_cookie(&mut self, byte: u8, rest: &[u8], set: bool, part: Part) -> bool {
        let mut to = |part| self.value = Value::Cookie { set, part };
        match (part, byte) {
            (Part::Begin | Part::Further, b' ' | b'\t' | b';') => {
                if set && byte == b';' {
                    to(Part::Further);
                }
                false
            }
            (Part::Begin | Part::Further, _) => {
                let end = rest.iter().position(|byte| matches!(byte, b'=' | b';' | b',' | b'\r' | b'\n'));
                let name = &rest[..end.unwrap_or(rest.len())];
                let is_named = byte != b'=' && end.is_some_and(|end| rest[end] == b'=');
                if let Some(expires) = (part == Part::Further).then(|| attribute(byte, name)).flatten()
                    && end.is_some()
                {
                    self.show(name.len() + 1, After::Attribute { commas: u8::from(expires) });
                    return false;
                }
                if is_named {
                    // Up to the `=`, and with it.
                    self.show(name.len() + 2, After::CookieValue { set });
                    return false;
                }
                to(Part::Value);
                byte != b'='
            }
            (Part::Value, b';') => {
                to(if set { Part::Further } else { Part::Begin });
                false
            }
            (Part::Value, _) => true,
            (Part::Attribute { .. }, b';') => {
                to(Part::Further);
                false
            }
            (Part::Attribute { commas }, b',') => {
                // After the comma of a date, another one begins another cookie.
                to(commas.checked_sub(1).map_or(Part::Begin, |commas| Part::Attribute { commas }));
                false
            }
            (Part::Attribute { .. }, _) => false,
        }
    }

    /// Shows this byte and `left` less one that follow it.
    fn show(&mut self, left: usize, after: After) {
        self.value = match (left.saturating_sub(1), after) {
            (0, After::Secret) => Value::Secret(Kind::Credentials),
            (0, After::CookieValue { set }) => Value::Cookie { set, part: Part::Value },
            (0, After::Attribute { commas }) => Value::Cookie { set: true, part: Part::Attribute { commas } },
            (left, after) => Value::Shown(left, after),
        };
    }
}

/// How long the scheme is that begins with this byte, with the white space after it; 0 where it is none that is known.
fn scheme(first: u8, rest: &[u8]) -> usize {
    let is_it = |scheme: &&&[u8]| {
        let Some((own, tail)) = scheme.split_first() else { return false };
        own.eq_ignore_ascii_case(&first)
            && rest.get(..tail.len()).is_some_and(|rest| rest.eq_ignore_ascii_case(tail))
            && matches!(rest.get(tail.len()), Some(b' ' | b'\t'))
    };
    SCHEMES.iter().find(is_it).map_or(0, |scheme| scheme.len() + 1)
}

/// Whether this is an attribute of a Set-Cookie, and then whether it is a date.
fn attribute(first: u8, rest: &[u8]) -> Option<bool> {
    let is_it = |name: &&&[u8]| {
        name.split_first().is_some_and(|(own, tail)| {
            own.eq_ignore_ascii_case(&first) && rest.trim_ascii_end().eq_ignore_ascii_case(tail)
        })
    };
    ATTRIBUTES.iter().find(is_it).map(|name| *name == b"Expires")
}
