//! Secrets by their names in text of any kind: parameters of URLs, members of JSON, assignments; and user information.

use super::names::Word;
use super::{Found, Kind, Runs};

/// Where the text stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Context {
    /// In the target of a request: a value ends with `&` or `#`.
    Target,
    /// In the value of a field, which may have URLs.
    Field,
    /// In content.
    Content,
}

/// Finds secrets in a text that comes in pieces.
#[derive(Clone, Debug)]
pub struct Text {
    context: Context,
    /// Whether a piece is all of it.
    whole: bool,
    state: State,
    /// The last name.
    word: Word,
    /// The byte before.
    before: u8,
    /// The digits of an escape in a name: `%` or `\u`, then how many are still to come, and their value.
    escape: Option<(u8, u32)>,
    /// Whether the name is that of a tag, as it stands behind `<`.
    in_tag: bool,
    /// Whether a tag with the name of a secret is open, of which attributes come.
    tag: bool,
    /// Whether a name of a secret came as a value, so that it is that of a `value` to come: `"name":"pin","value":"…"`.
    told: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// In a name, or where one may begin.
    Name,
    /// Behind a name.
    After,
    /// Behind what separates a name of a secret from its value; how many backslashes came since.
    Separator { by: u8, slashes: u8 },
    /// In a value in quotes, that were behind so many backslashes; how many came just now.
    Quoted { quote: u8, slashes: u8, run: u8 },
    /// In a value without quotes.
    Bare { by: u8 },
    /// In the value of a tag, behind `<`: how many bytes of `![CDATA[` came, and how many `]` just now.
    Section { opened: usize, brackets: u8 },
    /// In an object or array that is secret.
    Nested { depth: u32, in_string: bool, escaped: bool },
    /// In user information, of which so many bytes are to come.
    User(usize),
    /// In an authority that may have user information.
    Authority,
    /// Bytes are missing before: it may be within a secret.
    Unknown,
}

impl Text {
    /// At its beginning.
    pub fn new(context: Context) -> Self {
        let state = State::Name;
        Self {
            context,
            whole: false,
            state,
            word: Word::default(),
            before: 0,
            escape: None,
            in_tag: false,
            tag: false,
            told: false,
        }
    }

    /// The next piece is all of it.
    pub fn whole(mut self) -> Self {
        self.whole = true;
        self
    }

    /// Bytes are missing here.
    pub fn gap(&mut self) {
        let in_value = match self.state {
            State::Section { opened, .. } => opened == SECTION.len(),
            state => matches!(state, State::Quoted { .. } | State::Bare { .. } | State::Nested { .. }),
        };
        if !in_value {
            self.state = State::Unknown;
        }
        self.escape = None;
        self.word.clear();
    }

    /// Takes the next piece.
    pub fn feed(&mut self, bytes: &[u8], found: Found<'_>) {
        let kind = if self.context == Context::Content { Kind::Member } else { Kind::Url };
        let mut runs = Runs::default();
        for (at, &byte) in bytes.iter().enumerate() {
            let secret = self.step_named(byte, bytes.get(at + 1..).unwrap_or_default());
            runs.add(at, secret.then_some(kind), found);
        }
        runs.end(bytes.len(), found);
    }

    /// Takes a byte, before `rest` of the piece; whether it is secret.
    pub(super) fn step_named(&mut self, byte: u8, rest: &[u8]) -> bool {
        let secret = self.step(byte, rest);
        self.before = byte;
        secret
    }

    fn step(&mut self, byte: u8, rest: &[u8]) -> bool {
        match &mut self.state {
            State::Name | State::After => {
                self.named(byte, rest);
                false
            }
            &mut State::Separator { by, slashes } => self.begin(byte, by, slashes, rest),
            State::Quoted { quote, slashes, run } => {
                if byte == *quote && (run == slashes || *slashes == 0 && *run % 2 == 0) {
                    self.end();
                    return false;
                }
                *run = if byte == b'\\' { run.saturating_add(1) } else { 0 };
                true
            }
            &mut State::Bare { by } => {
                let ends = self.ends_bare(byte, by, rest);
                if ends {
                    self.end();
                    self.named(byte, rest);
                } else if (byte, by) == (b'<', b'>') && self.context != Context::Target {
                    self.state = State::Section { opened: 0, brackets: 0 };
                }
                !ends
            }
            &mut State::Section { opened, brackets } => match SECTION.get(opened) {
                Some(next) if *next == byte => {
                    self.state = State::Section { opened: opened + 1, brackets };
                    true
                }
                // A piece ended in what begins like it.
                Some(_) => {
                    self.end();
                    let taken = b"<".iter().chain(&SECTION[..opened]);
                    taken.for_each(|byte| self.named(*byte, &[]));
                    self.named(byte, rest);
                    false
                }
                None => {
                    self.state = match byte {
                        b'>' if brackets >= 2 => State::Bare { by: b'>' },
                        b']' => State::Section { opened, brackets: brackets.saturating_add(1) },
                        _ => State::Section { opened, brackets: 0 },
                    };
                    true
                }
            },
            State::Nested { depth, in_string, escaped } => {
                match byte {
                    _ if *escaped => *escaped = false,
                    b'\\' if *in_string => *escaped = true,
                    b'"' => *in_string = !*in_string,
                    b'{' | b'[' if !*in_string => *depth = depth.saturating_add(1),
                    b'}' | b']' if !*in_string => *depth -= 1,
                    _ => {}
                }
                if *depth == 0 {
                    self.end();
                    return false;
                }
                true
            }
            State::User(left) => {
                *left = left.saturating_sub(1);
                if *left == 0 {
                    self.end();
                }
                true
            }
            State::Authority => {
                let ends = ends_authority(byte);
                if ends || byte == b'@' {
                    self.end();
                }
                // There may be another `@` before the host.
                if byte == b'@' {
                    self.authority(rest);
                }
                !ends
            }
            State::Unknown => {
                let ends = matches!(byte, b'"' | b'&' | b'<' | b'}' | b'\n');
                if ends {
                    self.end();
                }
                !ends
            }
        }
    }

    fn end(&mut self) {
        self.state = State::Name;
        self.word.clear();
        self.escape = None;
        self.in_tag = false;
    }

    /// Takes a byte of a name, or between names.
    fn named(&mut self, byte: u8, rest: &[u8]) {
        if byte == b'/' && self.before == b'/' {
            self.end();
            return self.authority(rest);
        }
        match (self.escape.take(), byte) {
            (Some((left, value)), _) if byte.is_ascii_hexdigit() => {
                let value = value << 4 | char::from(byte).to_digit(16).unwrap_or_default();
                match (left, u8::try_from(value)) {
                    (1, Ok(decoded)) => self.character(decoded),
                    (1, Err(_)) => self.character(b' '),
                    _ => self.escape = Some((left - 1, value)),
                }
            }
            (_, b'%') => self.escape = Some((2, 0)),
            (_, b'u') if self.before == b'\\' => self.escape = Some((4, 0)),
            (_, b'n' | b'r' | b't') if self.before == b'\\' => self.end(),
            _ => self.character(byte),
        }
    }

    /// Takes a character of a name, or between names.
    fn character(&mut self, byte: u8) {
        match byte {
            b'=' | b':' if self.word.is_secret(byte == b'=') || self.told && self.word.is_value() => {
                // What the key is cannot be told then: it is masked.
                self.told = byte == b':' && self.word.is("key");
                self.state = State::Separator { by: byte, slashes: 0 };
            }
            b'>' if self.before != b'/' && (self.tag || self.is_secret_tag()) => self.state = State::Bare { by: b'>' },
            // What precedes it names the name space of the tag.
            b':' if self.in_tag => self.word.clear(),
            b'_' | b'-' | b'.' | b'[' | b']' | b'\\' => {}
            // What may stand between a name and what follows it.
            b'"' | b'\'' | b'\t' | b' ' => {
                self.tag |= self.is_secret_tag();
                self.in_tag = false;
                self.told |= matches!(byte, b'"' | b'\'') && self.word.is_secret(false);
                if !self.word.is_empty() {
                    self.state = State::After;
                }
            }
            _ if byte.is_ascii_alphanumeric() => {
                if self.state == State::After {
                    self.word.clear();
                    self.state = State::Name;
                }
                self.word.push(byte);
            }
            _ => {
                self.tag |= self.is_secret_tag();
                self.end();
                self.in_tag = byte == b'<';
                self.tag &= !matches!(byte, b'<' | b'>');
                self.told &= !matches!(byte, b'<' | b'>' | b'{' | b'}');
            }
        }
    }

    fn is_secret_tag(&self) -> bool {
        self.in_tag && self.word.is_secret(false)
    }

    /// Takes a byte behind the separator; whether it is of the value.
    fn begin(&mut self, byte: u8, by: u8, slashes: u8, rest: &[u8]) -> bool {
        match byte {
            b' ' | b'\t' if self.context != Context::Target => false,
            b'\r' | b'\n' if by == b':' && self.context == Context::Content => false,
            b'\\' => {
                self.state = State::Separator { by, slashes: slashes.saturating_add(1) };
                false
            }
            b'"' | b'\'' if self.context != Context::Target => {
                self.state = State::Quoted { quote: byte, slashes, run: 0 };
                false
            }
            b'{' | b'[' if by == b':' => {
                self.state = State::Nested { depth: 1, in_string: false, escaped: false };
                false
            }
            b'/' if by == b':' && self.before == b':' => {
                // A scheme, as in `token://`.
                self.end();
                false
            }
            _ => {
                self.state = State::Bare { by };
                let ends = self.ends_bare(byte, by, rest);
                if ends {
                    self.end();
                }
                !ends
            }
        }
    }

    /// Whether a value without quotes ends before this byte.
    fn ends_bare(&self, byte: u8, by: u8, rest: &[u8]) -> bool {
        match (self.context, by) {
            // The words of a target that has white space are still its own, up to the version.
            (Context::Target, _) => {
                matches!(byte, b'&' | b'#' | b'\r' | b'\n') || byte == b' ' && rest.starts_with(b"HTTP/")
            }
            (_, b'>') => byte == b'<' && !may_begin(rest, SECTION),
            (_, b':') => matches!(byte, b',' | b'}' | b']' | b'\r' | b'\n' | b'<'),
            _ => matches!(byte, b'&' | b'#' | b' ' | b'\t' | b'\r' | b'\n' | b'"' | b'<' | b'>'),
        }
    }

    /// A word begins with `rest` that may be an authority without a scheme, as in CONNECT (RFC 9112 3.2.3).
    pub(super) fn word_begins(&mut self, rest: &[u8]) {
        if matches!(self.state, State::Name | State::After) {
            self.authority(rest);
        }
    }

    /// What follows `//` in a URL: an authority up to its end.
    fn authority(&mut self, rest: &[u8]) {
        let end = rest.iter().position(|byte| ends_authority(*byte));
        let user = memchr::memrchr(b'@', &rest[..end.unwrap_or(rest.len())]);
        self.state = match (user, end) {
            (Some(0), Some(_)) => return,
            (Some(user), Some(_)) => State::User(user),
            (Some(user), None) if self.whole && user > 0 => State::User(user),
            (_, None) if !self.whole => State::Authority,
            _ => return,
        };
    }
}

/// What follows `<` where a section begins in which tags are text (XML 1.0 2.7).
const SECTION: &[u8] = b"![CDATA[";

/// Whether a piece begins with this, as far as it goes.
fn may_begin(piece: &[u8], with: &[u8]) -> bool {
    piece.iter().zip(with).all(|(byte, with)| byte == with)
}

/// Whether a byte is none of an authority.
fn ends_authority(byte: u8) -> bool {
    matches!(byte, b'/' | b'?' | b'#' | b'"' | b'\'' | b'<' | b'>' | b'\\' | b' ' | b'\t' | b'\r' | b'\n')
}
