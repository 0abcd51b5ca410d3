//! The chunked transfer coding (RFC 9112 7.1), undone as bytes come.

use crate::issue::{Issue, IssueSet};

/// Longest chunk-size line with its extensions, in bytes; servers allow 4 to 16 KiB.
pub const MAX_SIZE_LINE: u32 = 16 * 1024;

/// Most bytes of a trailer section that are kept; further ones are read and not kept.
pub const MAX_TRAILERS: usize = 64 * 1024;

/// Hexadecimal digits of a chunk size, after leading zeros, that fit 64 bits.
const MAX_DIGITS: u8 = 16;

/// A decoder of one chunked body.
#[derive(Clone, Default, Debug)]
pub struct Decoder {
    state: State,
    trailers: Vec<u8>,
    issues: IssueSet,
}

/// How far the body has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Progress {
    /// It goes on.
    More,
    /// Its last byte has been read.
    Done,
    /// It breaks the format, and cannot be read further.
    Bad(Issue),
}

/// What became of bytes that were fed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fed {
    /// How many belong to the body: all, or those up to its end, or up to the byte that breaks the format.
    pub used: usize,
    /// How far the body has come.
    pub state: Progress,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// In a chunk-size line.
    Size(SizeLine),
    /// In the data of a chunk, with so many bytes to come (not 0).
    Data(u64),
    /// After the data: its CRLF is to come, or the LF of it.
    AfterData {
        cr: bool,
    },
    /// In the trailer section: bytes of the current line, and whether the last one was CR.
    Trailers {
        line: u64,
        cr: bool,
    },
    Done,
    Bad(Issue),
}

impl Default for State {
    fn default() -> Self {
        Self::Size(SizeLine::default())
    }
}

#[derive(Clone, Copy, Default, Debug)]
struct SizeLine {
    size: u64,
    /// Digits after leading zeros.
    digits: u8,
    /// Bytes of the line so far.
    len: u32,
    part: Part,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
enum Part {
    /// Nothing yet.
    #[default]
    Start,
    Digits,
    /// White space after the digits.
    Space,
    Extension,
    /// CR: the end of the line where LF follows.
    Cr,
}

impl Decoder {
    /// For a new body; storage is used again.
    pub fn reset(&mut self) {
        let mut trailers = std::mem::take(&mut self.trailers);
        trailers.clear();
        *self = Self { trailers, ..Self::default() };
    }

    /// Reads bytes, and hands the data in them to `data`.
    pub fn feed(&mut self, bytes: &[u8], data: &mut impl FnMut(&[u8])) -> Fed {
        let mut used = 0;
        while let Some(rest @ &[byte, ..]) = bytes.get(used..) {
            used += match &mut self.state {
                State::Done | State::Bad(_) => break,
                State::Data(left) => {
                    let len = usize::try_from(*left).map_or(rest.len(), |left| left.min(rest.len()));
                    data(&rest[..len]);
                    self.advance(len as u64);
                    len
                }
                State::Size(line) => {
                    let line = *line;
                    self.size_byte(line, byte)
                }
                State::AfterData { cr } => {
                    let cr = *cr;
                    self.after_data(cr, byte)
                }
                State::Trailers { line, cr } => {
                    let (line, cr) = (*line, *cr);
                    self.trailer_bytes(line, cr, rest)
                }
            };
        }
        Fed { used, state: self.progress() }
    }

    /// Passes `len` bytes that are not looked at, or were never captured. Where they all are data of the current chunk,
    /// decoding goes on after them; where not, false, and nothing changes.
    #[inline]
    pub fn pass(&mut self, len: u64) -> bool {
        let fits = len == 0 || matches!(self.state, State::Data(left) if len <= left);
        if fits && len > 0 {
            self.advance(len);
        }
        fits
    }

    /// How far the body has come.
    pub fn progress(&self) -> Progress {
        match self.state {
            State::Done => Progress::Done,
            State::Bad(issue) => Progress::Bad(issue),
            _ => Progress::More,
        }
    }

    /// Bytes of the current chunk's data that are to come.
    pub fn remaining(&self) -> u64 {
        if let State::Data(left) = self.state { left } else { 0 }
    }

    /// The trailer section as sent, for [`parse_fields_into`](super::head::parse_fields_into); empty where it has no
    /// field, and cut at [`MAX_TRAILERS`].
    pub fn trailers(&self) -> &[u8] {
        if matches!(&self.trailers[..], b"\r\n" | b"\n") { &[] } else { &self.trailers }
    }

    /// What was odd so far.
    pub fn issues(&self) -> IssueSet {
        self.issues
    }

    fn advance(&mut self, len: u64) {
        if let State::Data(left) = self.state {
            self.state = if left > len { State::Data(left - len) } else { State::AfterData { cr: false } };
        }
    }

    /// Reads one byte of a chunk-size line; gives 1, or 0 where the format is broken there.
    fn size_byte(&mut self, mut line: SizeLine, byte: u8) -> usize {
        line.len += 1;
        let digit = char::from(byte).to_digit(16);
        line.part = match (line.part, byte) {
            _ if line.len > MAX_SIZE_LINE => return self.bad(Issue::BadChunkSize),
            (Part::Start | Part::Space | Part::Extension, b'\n') | (Part::Digits | Part::Cr, b'\n') => {
                return self.end_size_line(line);
            }
            (Part::Start | Part::Digits, _) if digit.is_some() => {
                line.digits += u8::from(line.digits > 0 || digit != Some(0));
                if line.digits > MAX_DIGITS {
                    return self.bad(Issue::BadChunkSize);
                }
                line.size = line.size << 4 | u64::from(digit.unwrap_or(0));
                Part::Digits
            }
            (Part::Digits | Part::Space, b' ' | b'\t') => {
                self.issues.insert(Issue::ExtraWhitespace);
                Part::Space
            }
            (Part::Digits | Part::Space, b';') => Part::Extension,
            (Part::Digits | Part::Space | Part::Extension, b'\r') => Part::Cr,
            (Part::Extension, _) => Part::Extension,
            // The CR was within an extension, or the line is broken.
            (Part::Cr, _) => {
                self.issues.insert(Issue::BareCr);
                return self.bad(Issue::BadChunkSize);
            }
            _ => return self.bad(Issue::BadChunkSize),
        };
        self.state = State::Size(line);
        1
    }

    fn end_size_line(&mut self, line: SizeLine) -> usize {
        match line.part {
            Part::Start => return self.bad(Issue::BadChunkSize),
            Part::Cr => {}
            _ => self.issues.insert(Issue::BareLf),
        }
        self.state = if line.size > 0 { State::Data(line.size) } else { State::Trailers { line: 0, cr: false } };
        1
    }

    fn after_data(&mut self, cr: bool, byte: u8) -> usize {
        self.state = match byte {
            b'\r' if !cr => State::AfterData { cr: true },
            b'\n' => {
                if !cr {
                    self.issues.insert(Issue::BareLf);
                }
                State::default()
            }
            _ => return self.bad(Issue::BadChunkEnd),
        };
        1
    }

    /// Reads what `bytes` has of the current trailer line.
    fn trailer_bytes(&mut self, line: u64, cr: bool, bytes: &[u8]) -> usize {
        let line_feed = memchr::memchr(b'\n', bytes);
        let content = &bytes[..line_feed.unwrap_or(bytes.len())];
        let len = line + content.len() as u64;
        let cr = content.last().map_or(cr, |&b| b == b'\r');
        self.state = match line_feed {
            None => State::Trailers { line: len, cr },
            Some(_) => {
                if !cr {
                    self.issues.insert(Issue::BareLf);
                }
                if len == u64::from(cr) { State::Done } else { State::Trailers { line: 0, cr: false } }
            }
        };
        let used = line_feed.map_or(bytes.len(), |lf| lf + 1);
        let room = MAX_TRAILERS - self.trailers.len();
        self.trailers.extend_from_slice(&bytes[..used.min(room)]);
        if used > room {
            self.issues.insert(Issue::HeadTooLarge);
        }
        used
    }

    fn bad(&mut self, issue: Issue) -> usize {
        self.issues.insert(issue);
        self.state = State::Bad(issue);
        0
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use proptest::prelude::*;

    use super::*;

    /// Data, what was used, how it ended, issues and trailers, of `bytes` fed in pieces of `size`.
    fn decode(bytes: &[u8], size: usize) -> (Vec<u8>, Fed, Vec<&'static str>, Vec<u8>) {
        let mut decoder = Decoder::default();
        let mut data = Vec::new();
        let mut fed = Fed { used: 0, state: Progress::More };
        for piece in bytes.chunks(size.max(1)) {
            let now = decoder.feed(piece, &mut |d| data.extend_from_slice(d));
            fed = Fed { used: fed.used + now.used, state: now.state };
        }
        (data, fed, decoder.issues().iter().map(Issue::name).collect(), decoder.trailers().to_vec())
    }

    #[test]
    fn bodies_are_decoded_however_they_are_cut() {
        for (text, data, used, issues, trailers) in [
            ("0\r\n\r\nX", "", 5, &[][..], ""),
            ("5\r\nhello\r\n0\r\n\r\nX", "hello", 15, &[], ""),
            ("5\r\nhello\r\n000\r\nA: b\r\n\r\nX", "hello", 23, &[], "A: b\r\n\r\n"),
            ("5;a=b;c=\"d\"\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\n", "hello0123456789", 40, &[], ""),
            ("00000000000000000000005\r\nhello\r\n0\r\n\r\n", "hello", 37, &[], ""),
            ("5\nhello\n0\n\nX", "hello", 11, &["bare_lf"], ""),
            ("5 \t\r\nhello\r\n0\r\n\r\n", "hello", 17, &["extra_whitespace"], ""),
            ("0\r\nA: b\n\r\n", "", 10, &["bare_lf"], "A: b\n\r\n"),
            ("0\r\n\r\r\n\r\n", "", 8, &[], "\r\r\n\r\n"),
        ] {
            for size in 1..=text.len() {
                let (d, fed, i, t) = decode(text.as_bytes(), size);
                assert_eq!(fed, Fed { used, state: Progress::Done }, "{text:?} {size}");
                assert_eq!((d, &i[..], t), (data.into(), issues, trailers.into()), "{text:?} {size}");
            }
        }
    }

    #[test]
    fn broken_bodies_end_at_the_byte_that_breaks_them() {
        for (text, used, issue) in [
            ("x\r\n", 0, Issue::BadChunkSize),
            (" 5\r\n", 0, Issue::BadChunkSize),
            ("\r\n", 0, Issue::BadChunkSize),
            ("\n", 0, Issue::BadChunkSize),
            (";a\r\n", 0, Issue::BadChunkSize),
            ("-1\r\n", 0, Issue::BadChunkSize),
            ("0x5\r\n", 1, Issue::BadChunkSize),
            ("5 5\r\n", 2, Issue::BadChunkSize),
            ("5\rhello", 2, Issue::BadChunkSize),
            ("5;a\rb\r\nhello", 4, Issue::BadChunkSize),
            ("10000000000000000\r\n", 16, Issue::BadChunkSize),
            ("2\r\nabc\r\n", 5, Issue::BadChunkEnd),
            ("2\r\nab\rx", 6, Issue::BadChunkEnd),
        ] {
            for size in 1..=text.len() {
                let (_, fed, issues, _) = decode(text.as_bytes(), size);
                assert_eq!(fed, Fed { used, state: Progress::Bad(issue) }, "{text:?} {size}");
                assert!(issues.contains(&issue.name()));
            }
        }
    }

    #[test]
    fn every_prefix_wants_more() {
        let text = b"5;x=y\r\nhello\r\n0\r\nA: b\r\n\r\n";
        for cut in 0..text.len() {
            assert_eq!(decode(&text[..cut], 7).1, Fed { used: cut, state: Progress::More });
        }
    }

    #[test]
    fn a_gap_is_absorbed_within_the_data_of_one_chunk_only() {
        let mut decoder = Decoder::default();
        let mut data = Vec::new();
        assert!(!decoder.pass(1) && decoder.pass(0));
        decoder.feed(b"ffffffffffffffff\r\nab", &mut |d| data.extend_from_slice(d));
        assert_eq!(decoder.remaining(), u64::MAX - 2);
        assert!(!decoder.pass(u64::MAX) && decoder.pass(u64::MAX - 3));
        assert_eq!(decoder.remaining(), 1);
        assert!(!decoder.pass(2) && decoder.pass(1) && !decoder.pass(1));
        let fed = decoder.feed(b"\r\n1\r\nc\r\n0\r\n\r\n", &mut |d| data.extend_from_slice(d));
        assert_eq!((fed.state, &data[..]), (Progress::Done, &b"abc"[..]));
        decoder.reset();
        assert_eq!((decoder.progress(), decoder.issues()), (Progress::More, IssueSet::EMPTY));
    }

    #[test]
    fn lines_and_trailers_are_bounded_and_linear() {
        let started = Instant::now();
        let zeros = b"0".repeat(1 << 20);
        assert_eq!(
            decode(&zeros, 1),
            (
                vec![],
                Fed { used: MAX_SIZE_LINE as usize, state: Progress::Bad(Issue::BadChunkSize) },
                vec!["bad_chunk_size"],
                vec![]
            )
        );
        let extension = [b"5;".to_vec(), b"a".repeat(1 << 20)].concat();
        assert_eq!(decode(&extension, 1 << 20).1.used, MAX_SIZE_LINE as usize);
        let mut decoder = Decoder::default();
        decoder.feed(b"0\r\n", &mut |_| {});
        for _ in 0..16 {
            decoder.feed(&b"A: b\r\n".repeat(100_000), &mut |_| {});
        }
        assert_eq!(decoder.feed(b"\r\n", &mut |_| {}).state, Progress::Done);
        assert_eq!(decoder.trailers().len(), MAX_TRAILERS);
        assert!(decoder.issues().contains(Issue::HeadTooLarge));
        assert!(started.elapsed().as_secs() < 30);
    }

    proptest! {
        #[test]
        fn what_is_coded_comes_back(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..8),
            size in 1usize..20,
        ) {
            let mut coded = Vec::new();
            for chunk in &chunks {
                coded.extend_from_slice(format!("{:X}\r\n", chunk.len()).as_bytes());
                coded.extend_from_slice(chunk);
                coded.extend_from_slice(b"\r\n");
            }
            coded.extend_from_slice(b"0\r\n\r\n");
            let (data, fed, issues, trailers) = decode(&coded, size);
            prop_assert_eq!(data, chunks.concat());
            prop_assert_eq!(fed, Fed { used: coded.len(), state: Progress::Done });
            prop_assert!(issues.is_empty() && trailers.is_empty());
        }

        #[test]
        fn any_bytes_give_the_same_however_they_are_cut(
            bytes in prop::collection::vec(prop::sample::select(&b"012aF;\r\n \tx:"[..]), 0..60),
            size in 1usize..8,
        ) {
            prop_assert_eq!(decode(&bytes, size), decode(&bytes, bytes.len()));
        }
    }
}
