//! Charsets of text, and what the body says of its own (RFC 9110 8.3.2).

use super::Seen;
use super::entry::Turn::{Client, Server};
use super::entry::{Lint, lints};
use super::media::Media;
use super::report::{Draft, Report, text};
use crate::issue::Severity;

lints! {
    MISSING_CHARSET = Lint {
        name: "missing-charset",
        severity: Severity::Chat,
        section: "RFC 9110 8.3.2",
        title: "text without a charset, with bytes above 127",
        help: "say how the text is encoded: text/html; charset=utf-8",
        explanation: "The recipient guesses how text is encoded of which it is not told, and guesses wrong where letters \
            other than those of English occur. HTML may say it itself, in a meta element.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\ncaf\u{e9}"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 5\r\n\r\ncaf\u{e9}"),
        ],
        ..Lint::NONE
    };

    UNKNOWN_CHARSET = Lint {
        name: "unknown-charset",
        severity: Severity::Note,
        section: "RFC 9110 8.3.2",
        title: "a charset that is not in IANA's registry",
        help: "send utf-8, spelt so",
        explanation: "The names of charsets are registered, and those of text encodings in programming languages often \
            are others: the name of UTF-8 has a hyphen. What a recipient makes of a name that it does not know is its \
            own guess.",
        bad: &[Client(
            "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Type: text/plain; charset=utf8\r\nContent-Length: 2\r\n\r\nok",
        )],
        good: &[Client(
            "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 2\r\n\r\nok",
        )],
        ..Lint::NONE
    };

    CHARSET_AGAINST_BOM = Lint {
        name: "charset-against-bom",
        severity: Severity::Warn,
        section: "RFC 9110 8.3.2",
        title: "a charset that the body's byte order mark contradicts",
        help: "send the charset in which the body is encoded",
        explanation: "The body begins with the mark of one encoding, and Content-Type names another. Browsers believe the \
            mark, other recipients the field.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server(
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Length: 5\r\n\r\n\u{feff}ok",
            ),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 5\r\n\r\n\u{feff}ok"),
        ],
        ..Lint::NONE
    };

    CHARSET_AGAINST_BYTES = Lint {
        name: "charset-against-bytes",
        severity: Severity::Warn,
        section: "RFC 9110 8.3.2",
        title: "a body that is not encoded as its charset says",
        help: "encode the body as the field says, or name the charset that it has",
        explanation: "The body has bytes that cannot occur in text of the charset that Content-Type names: a byte above \
            127 in US-ASCII, or one that is no part of a character in UTF-8. The recipient shows a replacement for it, \
            or rejects the body.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=us-ascii\r\nContent-Length: 5\r\n\r\ncaf\u{e9}"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 5\r\n\r\ncaf\u{e9}"),
        ],
        ..Lint::NONE
    };

    CHARSET_AGAINST_META = Lint {
        name: "charset-against-meta",
        severity: Severity::Note,
        section: "RFC 9110 8.3.2",
        title: "a page whose meta element names another charset than Content-Type does",
        help: "name the same charset in both places",
        explanation: "Of the two, browsers believe Content-Type. A page that says otherwise looks right when it is opened \
            from a file and wrong when it comes from the server.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=iso-8859-1\r\nContent-Length: 22\r\n\r\n\
                 <meta charset=\"utf-8\">",
            ),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 22\r\n\r\n\
                 <meta charset=\"utf-8\">",
            ),
        ],
        ..Lint::NONE
    };

    CHARSET_OF_JSON = Lint {
        name: "charset-of-json",
        severity: Severity::Note,
        section: "RFC 8259 8.1",
        title: "JSON with a charset other than UTF-8",
        help: "encode JSON as UTF-8 and leave the parameter out",
        explanation: "JSON that goes from one system to another is encoded as UTF-8, and its media type has no parameter \
            charset: recipients do not look at one.",
        bad: &[Client(
            "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Type: application/json; charset=iso-8859-1\r\n\
             Content-Length: 2\r\n\r\n{}",
        )],
        good: &[Client(
            "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
        )],
        httpolice: &[1281],
        ..Lint::NONE
    };
}

/// What names of charsets begin with, lower case: those of IANA's registry that are in use, by families.
const FAMILIES: &[&str] = &[
    "utf-8",
    "utf-16",
    "utf-32",
    "utf-7",
    "us-ascii",
    "ascii",
    "iso-8859-",
    "iso_8859-",
    "iso-2022-",
    "iso8859-",
    "latin",
    "windows-",
    "cp",
    "ibm",
    "koi8-",
    "koi7",
    "gb2312",
    "gbk",
    "gb18030",
    "gb_",
    "hz-gb-2312",
    "big5",
    "shift_jis",
    "ms_kanji",
    "csshiftjis",
    "euc-",
    "ks_c_5601",
    "ksc_5601",
    "tis-620",
    "viscii",
    "macintosh",
    "x-",
    "binary",
    "iso-10646-",
    "ansi_x3",
    "iso-ir-",
    "cesu-8",
    "scsu",
    "bocu-1",
    "hp-",
    "unicode-1-1",
    "cs",
    "l1",
    "tcvn",
    "ptcp154",
    "iso646-",
    "extended_unix",
];

/// Looks at the charset of a message.
pub(super) fn message(seen: &Seen<'_>, report: &mut Report<'_>) {
    let Some(media) = seen.value("content-type").and_then(Media::of) else { return };
    let declared = media.parameter("charset");
    let preview = if seen.is_preview_text() && seen.code() != Some(206) { &seen.http.preview[..] } else { &[] };
    let at = seen.http.raw.len() as u64;
    let Some(charset) = declared else {
        let text_at = preview.iter().position(|byte| !byte.is_ascii());
        if media.has_type("text") && meta(preview).is_none() && bom(preview).is_none() && text_at.is_some() {
            report.add(Draft::new(&MISSING_CHARSET).head(media.name.span()));
        }
        return;
    };
    let name = charset.unquoted().to_ascii_lowercase();
    if media.name.is("application/json") && !is_utf8(&name) && name != b"us-ascii" {
        report.add(Draft::new(&CHARSET_OF_JSON).head(charset.span()).found(text(&name)).expected("utf-8"));
    }
    if !FAMILIES.iter().any(|family| name.starts_with(family.as_bytes())) {
        let draft = Draft::new(&UNKNOWN_CHARSET).head(charset.span()).found(text(&name));
        report.add(if is_utf8(&name) { draft.expected("utf-8") } else { draft });
    }
    if let Some(mark) = bom(preview) {
        if !agrees(&name, mark) {
            report.add(Draft::new(&CHARSET_AGAINST_BOM).bytes(at, 1).found(mark).expected(text(&name)));
        }
        return;
    }
    if let Some(index) = misfit(&name, preview) {
        let draft = Draft::new(&CHARSET_AGAINST_BYTES).expected(text(&name));
        let draft = draft.found(format!("byte 0x{:02x}, number {} of the body", preview[index], index + 1));
        let is_plain = seen.http.decoded_len.is_none() && seen.head.get("transfer-encoding").is_none();
        report.add(draft.bytes(if is_plain { at + index as u64 } else { at }, 1));
    }
    if (media.name.is("text/html") || media.name.is("application/xhtml+xml"))
        && let Some(inner) = meta(preview)
        && !same(&name, &inner)
    {
        report.add(Draft::new(&CHARSET_AGAINST_META).head(charset.span()).found(text(&inner)).expected(text(&name)));
    }
}

fn is_utf8(name: &[u8]) -> bool {
    matches!(name, b"utf-8" | b"utf8")
}

/// Whether two names, in lower case, are for the same, or so nearly that browsers make no difference.
fn same(a: &[u8], b: &[u8]) -> bool {
    fn family(name: &[u8]) -> &[u8] {
        match name {
            b"utf8" => b"utf-8",
            b"us-ascii" | b"ascii" | b"iso-8859-1" | b"iso8859-1" | b"iso_8859-1" | b"latin1" | b"windows-1252" => {
                b"latin1"
            }
            b"gb2312" | b"gbk" | b"gb18030" => b"gbk",
            b"iso-8859-9" | b"windows-1254" => b"windows-1254",
            _ => name,
        }
    }
    family(a) == family(b)
}

/// What the byte order mark at the beginning tells.
fn bom(body: &[u8]) -> Option<&'static str> {
    match body {
        [0xef, 0xbb, 0xbf, ..] => Some("utf-8"),
        // The mark of UTF-32LE begins as that of UTF-16LE does.
        [0xff, 0xfe, 0, 0, ..] => Some("utf-32"),
        [0xfe, 0xff, ..] | [0xff, 0xfe, ..] => Some("utf-16"),
        _ => None,
    }
}

fn agrees(name: &[u8], mark: &str) -> bool {
    name.starts_with(mark.as_bytes()) || mark == "utf-8" && is_utf8(name)
}

/// The first byte that cannot be in text of this charset. A character that the end of what is known cuts is none.
fn misfit(name: &[u8], body: &[u8]) -> Option<usize> {
    match name {
        b"us-ascii" => body.iter().position(|byte| !byte.is_ascii()),
        b"utf-8" | b"utf8" => {
            let error = std::str::from_utf8(body).err()?;
            error.error_len().map(|_| error.valid_up_to())
        }
        _ => None,
    }
}

/// The charset that a meta element of HTML names, in lower case. It is within the first 1024 bytes.
fn meta(body: &[u8]) -> Option<Vec<u8>> {
    let head = body[..body.len().min(1024)].to_ascii_lowercase();
    let mut rest = &head[..];
    while let Some(at) = memchr::memmem::find(rest, b"<meta") {
        rest = &rest[at + 5..];
        let element = &rest[..memchr::memchr(b'>', rest)?];
        let Some(value) = memchr::memmem::find(element, b"charset=") else { continue };
        let value = &element[value + 8..];
        let is_name = |byte: &&u8| byte.is_ascii_alphanumeric() || b"-_:".contains(byte);
        let name: Vec<u8> =
            value.iter().skip_while(|byte| matches!(byte, b'"' | b'\'' | b' ')).take_while(is_name).copied().collect();
        return (!name.is_empty()).then_some(name);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charsets_of_meta_elements() {
        let meta = |text: &str| meta(text.as_bytes()).map(|name| String::from_utf8(name).unwrap());
        assert_eq!(meta("<head><META name=a><meta charset='UTF-8'>").as_deref(), Some("utf-8"));
        let http_equiv = "<meta http-equiv=Content-Type content=\"text/html; charset=Shift_JIS\">";
        assert_eq!(meta(http_equiv).as_deref(), Some("shift_jis"));
        assert_eq!(meta("<meta charset=utf-8"), None);
        assert_eq!(meta("<p>charset=utf-8</p>"), None);
    }

    #[test]
    fn a_character_that_is_cut_fits_and_a_wrong_one_does_not() {
        let text = "caf\u{e9}".as_bytes();
        assert_eq!(misfit(b"utf-8", &text[..4]), None);
        assert_eq!(misfit(b"utf-8", b"caf\xe9 "), Some(3));
        assert_eq!(misfit(b"us-ascii", text), Some(3));
    }
}
