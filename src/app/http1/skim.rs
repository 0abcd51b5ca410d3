//! A head read for its framing alone, where nobody asks for the message: lines of other fields are passed over.

use super::head::Head;
use super::name::Name;
use super::plain::{self, ONES, PlainStart};
use super::syntax::is_ows;

/// Reads the head that begins `bytes`, whose start line is `start`: of its fields those that [matter](may_matter), and
/// nothing that is odd about the others. False where it is not whole, one of its lines hangs on another, or it is to
/// hand the connection over, on terms that its other fields have; it is to be parsed then.
pub(super) fn skim(start: PlainStart, bytes: &[u8], head: &mut Head) -> bool {
    head.clear();
    (head.start, head.version, head.code) = (start.line, Some(start.version), start.code);
    let mut at = start.next;
    while let Some(len) = bytes.get(at..).and_then(line_len) {
        let end = at + len;
        match &bytes[at..end] {
            [] | [b'\r'] => {
                head.complete = true;
                // As in the parser, which reads no more than such a number of bytes.
                head.len = u32::try_from(end + 1).unwrap_or(0);
                return head.len > 0;
            }
            // It goes on with the field before it.
            [b' ' | b'\t', ..] => return false,
            line if may_matter(line) => match plain::field_line(bytes, at) {
                None => return false,
                Some((field, _)) => match field.known {
                    Name::Upgrade => return false,
                    Name::Other | Name::Host => {}
                    _ => head.push(field),
                },
            },
            _ => {}
        }
        at = end + 1;
    }
    false
}

/// How many bytes come before the first LF. Most lines are short: their words are looked at here, and what goes on
/// beyond some of them is left to what has a longer way to begin with.
#[inline]
fn line_len(bytes: &[u8]) -> Option<usize> {
    const WORDS: usize = 4;
    let (words, _) = bytes.as_chunks::<8>();
    let near = words.get(..WORDS).unwrap_or(words);
    for (at, word) in near.iter().enumerate() {
        let differs = u64::from_le_bytes(*word) ^ (ONES * b'\n' as u64);
        // The lowest bit that is set is that of the first byte which does not differ.
        let found = differs.wrapping_sub(ONES) & !differs & (ONES << 7);
        if found != 0 {
            return Some(at * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    let looked_at = near.len() * 8;
    Some(looked_at + memchr::memchr(b'\n', bytes.get(looked_at..)?)?)
}

/// Whether the field of a line may be one that tells how the message is to be read, but for `Host`, without which it is
/// read as well. Such a name is followed by a colon, or by white space that does not belong there.
fn may_matter(line: &[u8]) -> bool {
    let ends = |len: usize| line.get(len).is_some_and(|&byte| byte == b':' || is_ows(byte));
    match line.first().map_or(0, |first| first | 0x20) {
        b'c' => ends("content-length".len()) || ends("content-encoding".len()),
        b't' => ends("transfer-encoding".len()),
        b'u' => ends("upgrade".len()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::app::http1::framing::framing;
    use crate::app::http1::head::parse;

    /// What framing and pairing need of a head.
    fn told(head: &Head, bytes: &[u8]) -> impl PartialEq + std::fmt::Debug {
        let raw = &bytes[..head.len as usize];
        let of = head.of(raw);
        let names = [Name::Upgrade, Name::ContentLength, Name::ContentEncoding, Name::TransferEncoding];
        let methods = [None, Some(&b"HEAD"[..]), Some(b"CONNECT")];
        let framings = methods.map(|method| framing(of, method).0);
        (head.len, head.start, head.version, head.code, names.map(|name| of.has(name)), framings)
    }

    /// Whether a head, which begins with a plain start line, is skimmed: then it is framed as the parser has it.
    fn is_skimmed(text: &[u8]) -> bool {
        let mut head = Head::default();
        let is_skimmed = skim(plain::start_line(text).unwrap(), text, &mut head);
        if is_skimmed {
            let whole = parse(text);
            assert!(whole.complete, "{:?}", text.escape_ascii());
            assert!(told(&head, text) == told(&whole, text), "{:?}", text.escape_ascii());
        }
        is_skimmed
    }

    #[test]
    fn a_head_is_framed_as_by_the_parser_whatever_its_lines_are() {
        let starts = ["GET /a HTTP/1.1\r\n", "HTTP/1.1 200 OK\r\n", "HTTP/1.0 101 Switching\r\n"];
        let lines = [
            "Host: a\r\n",
            "content-length: 5\r\n",
            "Content-Length : 6\r\n",
            "Content-Length:7\n",
            "Content-Length\t: 8\r\n",
            "Content-Length\r\n",
            "CONTENT-LENGTH: 9 \r\n",
            "Content-Lengthy: 1\r\n",
            "Content-Encoding: gzip\r\n",
            "Content-Type: text/plain\r\n",
            "Transfer-Encoding: chunked\r\n",
            "Transfer-Encoding:\tgzip, chunked\r\n",
            "Upgrade: x\r\n",
            "Upgrade-Insecure-Requests: 1\r\n",
            " folded\r\n",
            "\u{e9}: \u{1}\r\n",
            ": nameless\r\n",
            "no colon\r\n",
            "\rbare\r: cr\r\n",
            "\r\n",
            "\n",
        ];
        let (mut skimmed, mut left) = (0, 0);
        for start in starts {
            for a in lines {
                for b in lines {
                    for c in lines {
                        let text = [start, a, b, c, "\r\nbody\n\n"].concat();
                        *(if is_skimmed(text.as_bytes()) { &mut skimmed } else { &mut left }) += 1;
                    }
                }
            }
        }
        assert!(skimmed > 10_000 && left > 1000, "{skimmed} {left}");
    }

    #[test]
    fn a_line_ends_at_its_first_lf() {
        for len in 0..60 {
            for at in 0..=len {
                for other in [0, b'\n' - 1, b'\n' + 1, b'\n' | 0x80, 0xff] {
                    let mut text = vec![other; len];
                    text.get_mut(at..).into_iter().flatten().step_by(3).for_each(|byte| *byte = b'\n');
                    assert_eq!(line_len(&text), text.iter().position(|&byte| byte == b'\n'), "{len} {at} {other}");
                }
            }
        }
    }

    #[test]
    fn a_head_that_is_not_whole_is_left_to_the_parser() {
        let text = b"GET /a HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\n";
        for len in 17..text.len() {
            let plain = plain::start_line(text).unwrap();
            assert!(!skim(plain, &text[..len], &mut Head::default()), "{len}");
        }
    }

    proptest! {
        #[test]
        fn a_head_is_framed_as_by_the_parser_whatever_its_bytes_are(
            start in prop::sample::select(vec!["GET /a HTTP/1.1\r\n", "HTTP/1.1 200 OK\r\n", "HTTP/1.0 304 \r\n"]),
            pieces in prop::collection::vec(piece(), 0..24),
        ) {
            is_skimmed(&[start.as_bytes(), &pieces.concat(), b"\r\n\r\nbody\n\n"].concat());
        }
    }

    /// A name, a value, what stands between them, or any byte.
    fn piece() -> impl Strategy<Value = Vec<u8>> {
        let names = ["Content-Length", "TRANSFER-ENCODING", "content-encoding", "Upgrade", "Host", "c", "t", "x"];
        let others =
            [":", ": ", "\r\n", "\n", "\r", " ", "\t", "5", "5, 5", "0", "-1", "chunked", "gzip, chunked", ","];
        prop_oneof![
            3 => prop::sample::select(names.to_vec()).prop_map(|name| format!("{name}: ").into_bytes()),
            1 => prop::sample::select(names.to_vec()).prop_map(|name| name.as_bytes().to_vec()),
            6 => prop::sample::select(others.to_vec()).prop_map(|other| other.as_bytes().to_vec()),
            1 => any::<u8>().prop_map(|byte| vec![byte]),
        ]
    }
}
