//! Range requests and partial responses (RFC 9110 14, 15.3.7, 15.5.17).

use std::ops::RangeInclusive;

use super::Seen;
use super::entry::Turn::{Client, Server};
use super::entry::{Lint, lints};
use super::media::Media;
use super::report::{Draft, Report, text};
use super::value::Part;
use crate::issue::Severity;

lints! {
    BAD_RANGE = Lint {
        name: "bad-range",
        severity: Severity::Warn,
        section: "RFC 9110 14.1.1",
        title: "a Range that cannot be read, or that ends before it begins",
        help: "write the first and the last byte, from 0: Range: bytes=0-499",
        explanation: "A byte range is `bytes=` and the numbers of the first and the last byte wanted, counted from 0, with \
            a hyphen between; without the last it goes to the end, and without the first the last number counts from the \
            end. Servers ignore a Range that they cannot read, and send everything.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nRange: bytes 0-499\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nRange: bytes=0-499, -100\r\n\r\n")],
        httpolice: &[1000, 1133],
        ..Lint::NONE
    };

    RANGE_WITH_OTHER_METHOD = Lint {
        name: "range-with-other-method",
        severity: Severity::Note,
        section: "RFC 9110 14.2",
        title: "Range with a method other than GET",
        help: "ask for parts by GET; to send a part, let the server tell how",
        explanation: "Ranges are defined for GET alone; servers ignore the field with other methods. It does not make a PUT \
            replace a part.",
        bad: &[Client("DELETE / HTTP/1.1\r\nHost: a.example\r\nRange: bytes=0-499\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nRange: bytes=0-499\r\n\r\n")],
        httpolice: &[1132],
        ..Lint::NONE
    };

    PARTIAL_CONTENT_UNASKED = Lint {
        name: "partial-content-unasked",
        severity: Severity::Error,
        section: "RFC 9110 15.3.7",
        title: "206 to a request without a Range",
        help: "send 200 and the whole representation",
        explanation: "206 holds the parts that the request asked for. A client that asked for none takes the part for the \
            whole, or cannot use it.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-1/9\r\nContent-Length: 2\r\n\r\nok"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\nRange: bytes=0-1\r\n\r\n"),
            Server("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-1/9\r\nContent-Length: 2\r\n\r\nok"),
        ],
        httpolice: &[1136, 1137],
        ..Lint::NONE
    };

    MISSING_CONTENT_RANGE = Lint {
        name: "missing-content-range",
        severity: Severity::Error,
        section: "RFC 9110 15.3.7",
        title: "206 without Content-Range",
        help: "say which part it is: Content-Range: bytes 0-499/1234",
        explanation: "A 206 says in Content-Range which part it holds, or is multipart/byteranges and says so in each of its \
            parts. Without it the client does not know where the bytes belong.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\nRange: bytes=0-1\r\n\r\n"),
            Server("HTTP/1.1 206 Partial Content\r\nContent-Length: 2\r\n\r\nok"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\nRange: bytes=0-1\r\n\r\n"),
            Server("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-1/9\r\nContent-Length: 2\r\n\r\nok"),
        ],
        httpolice: &[1138],
        ..Lint::NONE
    };

    BAD_CONTENT_RANGE = Lint {
        name: "bad-content-range",
        severity: Severity::Error,
        section: "RFC 9110 14.4",
        title: "a Content-Range that cannot be read, or whose numbers do not fit together",
        help: "write unit, first, last and whole length: bytes 0-499/1234, or bytes */1234 in a 416",
        explanation: "Content-Range is `bytes`, a space, the first and the last byte with a hyphen between, a slash, and the \
            length of the whole or `*`. The last byte is not before the first, and the length is larger than the last, \
            as bytes are counted from 0. A client must not put together what it cannot place.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\nRange: bytes=0-1\r\n\r\n"),
            Server("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-2/2\r\nContent-Length: 3\r\n\r\nabc"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\nRange: bytes=0-1\r\n\r\n"),
            Server("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-1/2\r\nContent-Length: 2\r\n\r\nab"),
        ],
        httpolice: &[1000, 1148],
        ..Lint::NONE
    };

    CONTENT_RANGE_AGAINST_LENGTH = Lint {
        name: "content-range-against-length",
        severity: Severity::Error,
        section: "RFC 9110 14.4",
        title: "a 206 whose body is not as long as its Content-Range",
        help: "send last - first + 1 bytes, and say so in Content-Length",
        explanation: "The numbers of the first and the last byte tell how long the part is: from 0 to 499 it is 500 bytes. \
            Where the body is shorter or longer, the client that puts the parts together gets a damaged file.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\nRange: bytes=0-2\r\n\r\n"),
            Server("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-2/9\r\nContent-Length: 2\r\n\r\nab"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\nRange: bytes=0-2\r\n\r\n"),
            Server("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-2/9\r\nContent-Length: 3\r\n\r\nabc"),
        ],
        ..Lint::NONE
    };

    OTHER_RANGE_THAN_ASKED = Lint {
        name: "other-range-than-asked",
        severity: Severity::Note,
        section: "RFC 9110 14.2",
        title: "a 206 that begins at another byte than the one asked for",
        help: "send the part that was asked for, or 200 and all of it",
        explanation: "The request asks for one part, and Content-Range names one that begins elsewhere. A client that \
            appends what it gets to what it has, without a look at the field, makes a damaged file.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\nRange: bytes=5-6\r\n\r\n"),
            Server("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-1/9\r\nContent-Length: 2\r\n\r\nab"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\nRange: bytes=5-6\r\n\r\n"),
            Server("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 5-6/9\r\nContent-Length: 2\r\n\r\nab"),
        ],
        ..Lint::NONE
    };

    UNSATISFIED_WITHOUT_LENGTH = Lint {
        name: "unsatisfied-without-length",
        severity: Severity::Note,
        section: "RFC 9110 15.5.17",
        title: "416 without Content-Range",
        help: "say how long the whole is: Content-Range: bytes */1234",
        explanation: "416 says that the range lies outside the representation, and Content-Range how long that is, so that \
            the client can ask for what there is.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\nRange: bytes=99-\r\n\r\n"),
            Server("HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\nRange: bytes=99-\r\n\r\n"),
            Server("HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */9\r\nContent-Length: 0\r\n\r\n"),
        ],
        httpolice: &[1150],
        ..Lint::NONE
    };

    CONTENT_RANGE_OUT_OF_PLACE = Lint {
        name: "content-range-out-of-place",
        severity: Severity::Note,
        section: "RFC 9110 14.4",
        title: "Content-Range in a response that is neither 206 nor 416",
        help: "send 206 with a part, and 200 without Content-Range with the whole",
        explanation: "The field has a meaning in 206 and 416 alone. In a 200 clients ignore it, and take the body for the \
            whole representation.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\nRange: bytes=0-1\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nContent-Range: bytes 0-1/9\r\nContent-Length: 2\r\n\r\nab"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\nRange: bytes=0-1\r\n\r\n"),
            Server("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-1/9\r\nContent-Length: 2\r\n\r\nab"),
        ],
        httpolice: &[1147],
        ..Lint::NONE
    };

    BYTERANGES_WITH_CONTENT_RANGE = Lint {
        name: "byteranges-with-content-range",
        severity: Severity::Warn,
        section: "RFC 9110 15.3.7.2",
        title: "multipart/byteranges with a Content-Range in the head",
        help: "send Content-Range in each part and not in the head",
        explanation: "Of a response of several parts each part says which it is. A Content-Range in the head makes clients \
            take the whole body, boundaries included, for one part.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\nRange: bytes=0-0,2-2\r\n\r\n"),
            Server(
                "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-2/9\r\n\
                 Content-Type: multipart/byteranges; boundary=a\r\nContent-Length: 5\r\n\r\n--a--",
            ),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\nRange: bytes=0-0,2-2\r\n\r\n"),
            Server(
                "HTTP/1.1 206 Partial Content\r\nContent-Type: multipart/byteranges; boundary=a\r\n\
                 Content-Length: 5\r\n\r\n--a--",
            ),
        ],
        httpolice: &[1143],
        ..Lint::NONE
    };

    BYTERANGES_OF_ONE_RANGE = Lint {
        name: "byteranges-of-one-range",
        severity: Severity::Warn,
        section: "RFC 9110 15.3.7.2",
        title: "multipart/byteranges to a request for a single part",
        help: "send the part alone, with Content-Range in the head",
        explanation: "A client that asks for one part may not be able to read a response of several. A server must not \
            send it one.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\nRange: bytes=0-0\r\n\r\n"),
            Server(
                "HTTP/1.1 206 Partial Content\r\nContent-Type: multipart/byteranges; boundary=a\r\n\
                 Content-Length: 5\r\n\r\n--a--",
            ),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\nRange: bytes=0-0\r\n\r\n"),
            Server("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-0/9\r\nContent-Length: 1\r\n\r\na"),
        ],
        httpolice: &[1144],
        ..Lint::NONE
    };

    BAD_ACCEPT_RANGES = Lint {
        name: "bad-accept-ranges",
        severity: Severity::Note,
        section: "RFC 9110 14.3",
        title: "an Accept-Ranges that is not a list of range units",
        help: "send Accept-Ranges: bytes, or none",
        explanation: "The value names the units in which the server serves ranges: `bytes`, or `none` where it serves no \
            ranges. It is not a range itself.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nAccept-Ranges: bytes=0-1\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nAccept-Ranges: bytes\r\nContent-Length: 0\r\n\r\n"),
        ],
        httpolice: &[1000],
        ..Lint::NONE
    };
}

/// Looks at the ranges of a message.
pub(super) fn message(seen: &Seen<'_>, report: &mut Report<'_>) {
    if seen.is_request() {
        request(seen, report);
    } else if let Some(code) = seen.code() {
        response(seen, code, report);
    }
}

fn request(seen: &Seen<'_>, report: &mut Report<'_>) {
    let Some(value) = seen.value("range") else { return };
    if ranges(value).is_none() {
        report.add(Draft::new(&BAD_RANGE).head(value.span()).found(text(value.text)));
    }
    let method = seen.head.method().unwrap_or_default();
    if [&b"POST"[..], b"PUT", b"PATCH", b"DELETE"].contains(&method) {
        report.add(Draft::new(&RANGE_WITH_OTHER_METHOD).head(value.span()).found(text(method)));
    }
}

fn response(seen: &Seen<'_>, code: u16, report: &mut Report<'_>) {
    if let Some(unit) = seen.elements("accept-ranges").find(|unit| !unit.is_token()) {
        report.add(Draft::new(&BAD_ACCEPT_RANGES).head(unit.span()).found(text(unit.text)));
    }
    let content_range = seen.value("content-range");
    if let Some(value) = content_range {
        match ContentRange::of(value) {
            None => report.add(Draft::new(&BAD_CONTENT_RANGE).head(value.span()).found(text(value.text))),
            Some(range) if code == 206 => part(seen, value, &range, report),
            Some(_) => {}
        }
    }
    if !seen.is_head_whole() {
        return;
    }
    let has_content_range = seen.has_field("content-range");
    let is_multipart =
        seen.value("content-type").and_then(Media::of).is_some_and(|media| media.name.is("multipart/byteranges"));
    let asked = seen.asked().map(|request| request.get("range"));
    let at_code = |lint| Draft::new(lint).head(seen.code_span());
    match code {
        206 if !has_content_range && !is_multipart => report.add(at_code(&MISSING_CONTENT_RANGE)),
        416 if !has_content_range && matches!(asked, Some(Some(_))) => report.add(at_code(&UNSATISFIED_WITHOUT_LENGTH)),
        206 | 416 => {}
        _ if let Some(value) = content_range => report.add(Draft::new(&CONTENT_RANGE_OUT_OF_PLACE).head(value.span())),
        _ => {}
    }
    if code != 206 {
        return;
    }
    if asked == Some(None) {
        report.add(at_code(&PARTIAL_CONTENT_UNASKED));
    }
    if is_multipart && let Some(value) = content_range {
        report.add(Draft::new(&BYTERANGES_WITH_CONTENT_RANGE).head(value.span()));
    }
    if is_multipart
        && let Some(Some(range)) = asked
        && ranges(Part::new(&range, 0)).is_some_and(|ranges| ranges.len() == 1)
    {
        report.add(at_code(&BYTERANGES_OF_ONE_RANGE).found(text(&range)));
    }
}

/// Looks at the one part that a 206 holds.
fn part(seen: &Seen<'_>, value: Part<'_>, content_range: &ContentRange, report: &mut Report<'_>) {
    let Some(bytes) = &content_range.bytes else { return };
    let draft = |lint| Draft::new(lint).head(value.span());
    let len = (bytes.end() - bytes.start()).saturating_add(1);
    let length = seen.value("content-length").and_then(Part::number);
    if let Some(length) = length.filter(|length| *length != len) {
        let found = format!("Content-Length {length}");
        report.add(draft(&CONTENT_RANGE_AGAINST_LENGTH).found(found).expected(format!("{len} bytes")));
    } else if length.is_none() && seen.is_complete() && seen.has_body() && seen.http.body_len != len {
        let found = format!("{} bytes", seen.http.body_len);
        report.add(draft(&CONTENT_RANGE_AGAINST_LENGTH).found(found).expected(format!("{len} bytes")));
    }
    let asked = seen.asked().and_then(|request| request.get("range"));
    let asked = asked.as_deref().and_then(|range| ranges(Part::new(range, 0)));
    if let Some([Some(asked)]) = asked.as_deref()
        && bytes.start() != asked.start()
    {
        let (found, expected) = (bytes.start().to_string(), asked.start().to_string());
        report.add(draft(&OTHER_RANGE_THAN_ASKED).found(found).expected(expected));
    }
}

/// The ranges that a Range asks for: none for a suffix, of which the first byte is not known, and for other units than
/// bytes. None at all where it cannot be read.
fn ranges(value: Part<'_>) -> Option<Vec<Option<RangeInclusive<u64>>>> {
    let (unit, set) = value.split_once(b'=')?;
    if !unit.is("bytes") {
        return (unit.is_token() && !set.is_empty()).then(|| vec![None]);
    }
    let range = |spec: Part<'_>| {
        let (first, last) = spec.split_once(b'-')?;
        match (first.number(), last.number()) {
            (None, Some(_)) if first.is_empty() => Some(None),
            (Some(first), None) if last.is_empty() => Some(Some(first..=u64::MAX)),
            (Some(first), Some(last)) if first <= last => Some(Some(first..=last)),
            _ => None,
        }
    };
    let ranges: Vec<_> = set.elements().map(range).collect::<Option<_>>()?;
    (!ranges.is_empty()).then_some(ranges)
}

/// What Content-Range says.
struct ContentRange {
    /// The bytes; none in the form of a 416, and of another unit.
    bytes: Option<RangeInclusive<u64>>,
}

impl ContentRange {
    /// None where it cannot be read, or its numbers do not fit together.
    fn of(value: Part<'_>) -> Option<Self> {
        let (unit, rest) = value.split_once(b' ')?;
        if !unit.is("bytes") {
            return unit.is_token().then_some(Self { bytes: None });
        }
        let (range, length) = rest.split_once(b'/')?;
        let length = if length.text == b"*" { None } else { Some(length.number()?) };
        if range.text == b"*" {
            return length.map(|_| Self { bytes: None });
        }
        let (first, last) = range.split_once(b'-')?;
        let (first, last) = (first.number()?, last.number()?);
        (first <= last && length.is_none_or(|length| last < length)).then_some(Self { bytes: Some(first..=last) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_can_be_read() {
        let read = |text: &str| ranges(Part::new(text.as_bytes(), 0));
        assert_eq!(read("bytes=0-499").as_deref(), Some(&[Some(0..=499)][..]));
        assert_eq!(read("bytes=5-, -9").as_deref(), Some(&[Some(5..=u64::MAX), None][..]));
        assert_eq!(read("lines=1-2").as_deref(), Some(&[None][..]));
        for bad in ["", "bytes", "bytes=", "bytes=5", "bytes=-", "bytes=6-5", "bytes=a-b", "bytes 0-4", "bytes=0-4,x"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn content_ranges() {
        let read = |text: &str| ContentRange::of(Part::new(text.as_bytes(), 0)).map(|range| range.bytes);
        assert_eq!(read("bytes 0-1/2"), Some(Some(0..=1)));
        assert_eq!(read("bytes 0-1/*"), Some(Some(0..=1)));
        assert_eq!(read("bytes */9"), Some(None));
        for bad in ["bytes 0-2/2", "bytes 2-1/9", "bytes=0-1/2", "bytes */*", "bytes 0-1", "0-1/2"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
