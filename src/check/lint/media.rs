//! Media types: their syntax, and whether the body is what they say (RFC 9110 8.3; RFC 2046 5.1.1; RFC 8259).

use super::Seen;
use super::entry::Turn::{Client, Server};
use super::entry::{Lint, lints};
use super::report::{Draft, Report, text};
use super::value::Part;
use crate::issue::Severity;

lints! {
    BAD_MEDIA_TYPE = Lint {
        name: "bad-media-type",
        severity: Severity::Warn,
        section: "RFC 9110 8.3.1",
        title: "a Content-Type that is not type/subtype",
        help: "write a type and a subtype with a slash between them: text/html",
        explanation: "A media type is two tokens with a slash between them and parameters after semicolons. From anything \
            else a recipient cannot tell what the body is: it guesses, or offers it as a download.",
        bad: &[Client("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Type: html\r\nContent-Length: 4\r\n\r\n<p>x")],
        good: &[Client("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\n<p>x")],
        httpolice: &[1000],
        ..Lint::NONE
    };

    BAD_MEDIA_TYPE_PARAMETER = Lint {
        name: "bad-media-type-parameter",
        severity: Severity::Warn,
        section: "RFC 9110 5.6.6",
        title: "a parameter of a media type that is not name=value",
        help: "separate parameters by semicolons and write name=value without spaces: ; charset=utf-8",
        explanation: "A parameter is a token, an equals sign, and a token or a string in double quotes, with no white space \
            within. A recipient that reads strictly ignores a parameter with spaces around the equals sign or without \
            one, so that a charset or a boundary is lost.",
        bad: &[Client(
            "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Type: text/plain; charset = utf-8\r\nContent-Length: 2\r\n\r\nok",
        )],
        good: &[Client(
            "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 2\r\n\r\nok",
        )],
        httpolice: &[1000, 1015],
        ..Lint::NONE
    };

    REPEATED_MEDIA_TYPE_PARAMETER = Lint {
        name: "repeated-media-type-parameter",
        severity: Severity::Note,
        section: "RFC 6838 4.3",
        title: "a parameter of a media type more than once",
        help: "give each parameter once",
        explanation: "It is an error to give a parameter twice. Some recipients take the first, some the last; with two \
            boundaries or two charsets they read two different bodies.",
        bad: &[Client(
            "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Type: text/plain;charset=utf-8;charset=iso-8859-1\r\n\
             Content-Length: 2\r\n\r\nok",
        )],
        good: &[Client(
            "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Type: text/plain;charset=utf-8\r\nContent-Length: 2\r\n\r\nok",
        )],
        httpolice: &[1042],
        ..Lint::NONE
    };

    MISSPELT_MEDIA_TYPE = Lint {
        name: "misspelt-media-type",
        severity: Severity::Note,
        section: "RFC 9110 8.3.1",
        title: "a media type that does not exist, where another one is meant",
        help: "send the registered type",
        explanation: "Media types are registered with IANA. A name that was made up, although it looks right, is another \
            type to the recipient, which may not show the body or not decode it.",
        bad: &[Client(
            "PUT /a HTTP/1.1\r\nHost: a.example\r\nContent-Type: image/jpg\r\nContent-Length: 3\r\n\r\n\u{7f}ab",
        )],
        good: &[Client(
            "PUT /a HTTP/1.1\r\nHost: a.example\r\nContent-Type: image/jpeg\r\nContent-Length: 3\r\n\r\n\u{7f}ab",
        )],
        httpolice: &[1282],
        ..Lint::NONE
    };

    MISSING_CONTENT_TYPE = Lint {
        name: "missing-content-type",
        severity: Severity::Note,
        section: "RFC 9110 8.3",
        title: "a body without a Content-Type",
        help: "say what the body is: Content-Type: text/plain; charset=utf-8",
        explanation: "A sender that knows what its body is says so in Content-Type. Without it the recipient guesses from \
            the bytes, or takes them for application/octet-stream: a browser may show a page as text, and a server may \
            not read the form that it was sent.",
        bad: &[Client("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\n\r\na=b")],
        good: &[Client(
            "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: 3\r\n\r\na=b",
        )],
        httpolice: &[1041, 1062],
        ..Lint::NONE
    };

    CONTENT_TYPE_WITHOUT_BODY = Lint {
        name: "content-type-without-body",
        severity: Severity::Chat,
        section: "RFC 9110 8.3",
        title: "a request with a Content-Type and without a body",
        help: "leave the field out; Accept says what kind of response is wanted",
        explanation: "Content-Type describes the body of the message that it is in. In a GET without a body it says \
            nothing; mostly Accept was meant.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nContent-Type: application/json\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nAccept: application/json\r\n\r\n")],
        httpolice: &[1053],
        ..Lint::NONE
    };

    MULTIPART_WITHOUT_BOUNDARY = Lint {
        name: "multipart-without-boundary",
        severity: Severity::Error,
        section: "RFC 2046 5.1.1",
        title: "a multipart body whose boundary is not told",
        help: "name the boundary in the field: multipart/form-data; boundary=something-not-in-the-body",
        explanation: "The parts of a multipart body are divided by lines that hold the boundary, which the parameter of \
            that name tells. Without it nobody can take the body apart. A library that makes the body makes the field \
            too; setting Content-Type by hand as well is the usual cause.",
        bad: &[Client(
            "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Type: multipart/form-data\r\nContent-Length: 5\r\n\r\n--a--",
        )],
        good: &[Client(
            "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Type: multipart/form-data; boundary=a\r\n\
             Content-Length: 5\r\n\r\n--a--",
        )],
        httpolice: &[1139],
        ..Lint::NONE
    };

    BAD_BOUNDARY = Lint {
        name: "bad-boundary",
        severity: Severity::Warn,
        section: "RFC 2046 5.1.1",
        title: "a boundary that is empty, too long, or has characters that none may have",
        help: "use 1 to 70 letters, digits and marks such as - and _",
        explanation: "A boundary has 1 to 70 characters: letters, digits, '()+_,-./:=? and spaces that are not at its end. \
            Others may be lost where a message is sent on, and then the body cannot be taken apart.",
        bad: &[Client(
            "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Type: multipart/form-data; boundary=\"a*b\"\r\n\
             Content-Length: 7\r\n\r\n--a*b--",
        )],
        good: &[Client(
            "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Type: multipart/form-data; boundary=a-b\r\n\
             Content-Length: 7\r\n\r\n--a-b--",
        )],
        ..Lint::NONE
    };

    BOUNDARY_NOT_IN_BODY = Lint {
        name: "boundary-not-in-body",
        severity: Severity::Warn,
        section: "RFC 2046 5.1.1",
        title: "a multipart body in which the boundary does not occur",
        help: "divide the parts by lines of two hyphens and the boundary, and end with two more hyphens",
        explanation: "Each part begins after a line of `--` and the boundary that Content-Type tells, and `--` follows the \
            last one. In the body there is no such line, so that it has no parts.",
        bad: &[Client(
            "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Type: multipart/form-data; boundary=b\r\n\
             Content-Length: 5\r\n\r\n--a--",
        )],
        good: &[Client(
            "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Type: multipart/form-data; boundary=a\r\n\
             Content-Length: 5\r\n\r\n--a--",
        )],
        httpolice: &[1140],
        ..Lint::NONE
    };

    BODY_OF_OTHER_TYPE = Lint {
        name: "body-of-other-type",
        severity: Severity::Warn,
        section: "RFC 9110 8.3",
        title: "a body that begins as one of another media type does",
        help: "send the type that the body has",
        explanation: "The first bytes of the body are those with which every file of another format begins. A recipient \
            that trusts the field cannot use the body, and one that guesses lets it be taken for what it is not.",
        bad: &[
            Client("GET /a.png HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 10\r\n\r\nGIF89a\u{1}\u{0}\u{1}\u{0}"),
        ],
        good: &[
            Client("GET /a.gif HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nContent-Type: image/gif\r\nContent-Length: 10\r\n\r\nGIF89a\u{1}\u{0}\u{1}\u{0}"),
        ],
        ..Lint::NONE
    };

    BAD_JSON_BODY = Lint {
        name: "bad-json-body",
        severity: Severity::Warn,
        section: "RFC 8259 2",
        title: "a body that is called JSON and is none",
        help: "let a library write the JSON, or send the type that the body has",
        explanation: "Content-Type says application/json, and the body cannot be read as JSON. Names and strings are in \
            double quotes, not in single ones, nothing follows the last element but its bracket, and there is one value \
            and no more. Bodies that are longer than the first bytes that are kept are not looked at.",
        bad: &[Client(
            "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{'a':1}",
        )],
        good: &[Client(
            "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{\"a\":1}",
        )],
        httpolice: &[1038],
        ..Lint::NONE
    };

    BAD_FORM_BODY = Lint {
        name: "bad-form-body",
        severity: Severity::Note,
        section: "RFC 1866 8.2.1",
        title: "a form with characters that should have been encoded",
        help: "write + for a space and % with two hexadecimal digits for other characters",
        explanation: "In application/x-www-form-urlencoded, names and values have letters, digits and a few marks; a space \
            is `+` and every other byte `%` and two hexadecimal digits. A space, a line end or a byte above 127 as it is \
            tells that the body was put together by hand, or that it is something else.",
        bad: &[Client(
            "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: 10\r\n\r\nname=A B C",
        )],
        good: &[Client(
            "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: 10\r\n\r\nname=A+B+C",
        )],
        httpolice: &[1040],
        ..Lint::NONE
    };
}

/// Types that do not exist, and what is meant.
const MISSPELT: &[(&str, &str)] = &[
    ("image/jpg", "image/jpeg"),
    ("image/pjpeg", "image/jpeg"),
    ("image/svg", "image/svg+xml"),
    ("image/x-png", "image/png"),
    ("text/txt", "text/plain"),
    ("text/text", "text/plain"),
    ("plain/text", "text/plain"),
    ("html/text", "text/html"),
    ("text/htm", "text/html"),
    ("application/html", "text/html"),
    ("text/json", "application/json"),
    ("application/x-json", "application/json"),
    ("json/application", "application/json"),
    ("application/x-www-urlencoded", "application/x-www-form-urlencoded"),
    ("application/x-www-form-url-encoded", "application/x-www-form-urlencoded"),
    ("application/form-data", "multipart/form-data"),
    ("application/text", "text/plain"),
    ("text/pdf", "application/pdf"),
    ("text/jpeg", "image/jpeg"),
    ("text/jpg", "image/jpeg"),
];

/// Formats that are known by their first bytes.
const MAGIC: &[(&str, &[u8])] = &[
    ("image/png", b"\x89PNG\r\n\x1a\n"),
    ("image/gif", b"GIF87a"),
    ("image/gif", b"GIF89a"),
    ("image/jpeg", b"\xff\xd8\xff"),
    ("application/pdf", b"%PDF-"),
    ("application/zip", b"PK\x03\x04"),
];

/// Looks at the media type of a message and at what it says of the body.
pub(super) fn message(seen: &Seen<'_>, report: &mut Report<'_>) {
    // What follows the head of a response to CONNECT is no body.
    let is_plain = seen.is_request() || seen.code().is_some() && seen.request.is_some();
    if is_plain && seen.is_head_whole() && !seen.has_field("content-type") && seen.has_body() {
        report.add(Draft::new(&MISSING_CONTENT_TYPE).bytes(seen.http.raw.len() as u64, 1));
    }
    let Some(value) = seen.value("content-type") else { return };
    if seen.is_request() && seen.is_head_whole() && seen.is_complete() && !seen.has_body() {
        let may_have_one = [&b"GET"[..], b"HEAD", b"DELETE"].iter().any(|method| seen.head.method() == Some(method));
        if may_have_one {
            report.add(Draft::new(&CONTENT_TYPE_WITHOUT_BODY).head(value.span()));
        }
    }
    let Some(media) = Media::of(value) else {
        report.add(Draft::new(&BAD_MEDIA_TYPE).head(value.span()).found(text(value.text)));
        return;
    };
    parameters(value, report);
    if let Some((_, meant)) = MISSPELT.iter().find(|(wrong, _)| media.name.is(wrong)) {
        let found = text(media.name.text);
        report.add(Draft::new(&MISSPELT_MEDIA_TYPE).head(media.name.span()).found(found).expected(*meant));
    }
    if seen.has_body() {
        multipart(seen, &media, report);
        body(seen, &media, report);
    }
}

fn parameters(value: Part<'_>, report: &mut Report<'_>) {
    let (_, parameters) = value.parameters();
    let mut names: Vec<&[u8]> = Vec::new();
    // A value has few; one of thousands is looked at no further.
    for part in parameters.take(32) {
        let Some((name, _)) = part.parameter() else {
            report.add(Draft::new(&BAD_MEDIA_TYPE_PARAMETER).head(part.span()).found(text(part.text)));
            continue;
        };
        if names.iter().any(|known| known.eq_ignore_ascii_case(name.text)) {
            report.add(Draft::new(&REPEATED_MEDIA_TYPE_PARAMETER).head(part.span()).found(text(name.text)));
        }
        names.push(name.text);
    }
}

fn multipart(seen: &Seen<'_>, media: &Media<'_>, report: &mut Report<'_>) {
    if !media.has_type("multipart") {
        return;
    }
    let Some(boundary) = media.parameter("boundary") else {
        report.add(Draft::new(&MULTIPART_WITHOUT_BOUNDARY).head(media.name.span()));
        return;
    };
    let text_of = boundary.unquoted();
    let is_fine = |byte: &u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(byte);
    if text_of.is_empty() || text_of.len() > 70 || !text_of.iter().all(is_fine) || text_of.ends_with(b" ") {
        report.add(Draft::new(&BAD_BOUNDARY).head(boundary.span()).found(text(&text_of)));
    }
    let delimiter = [b"--", &text_of[..]].concat();
    if seen.body().is_some_and(|body| memchr::memmem::find(body, &delimiter).is_none()) {
        report.add(Draft::new(&BOUNDARY_NOT_IN_BODY).head(boundary.span()).expected(text(&delimiter)));
    }
}

fn body(seen: &Seen<'_>, media: &Media<'_>, report: &mut Report<'_>) {
    let at = seen.http.raw.len() as u64;
    // A part of a representation need not begin as the whole does.
    if seen.is_preview_text() && seen.code() != Some(206) {
        let begins = |(_, magic): &&(&str, &[u8])| seen.http.preview.starts_with(magic);
        let declared = MAGIC.iter().any(|(name, _)| media.name.is(name));
        if let Some((name, _)) = MAGIC.iter().find(begins)
            && (declared || media.name.is("text/html"))
            && !media.name.is(name)
        {
            report.add(Draft::new(&BODY_OF_OTHER_TYPE).bytes(at, 1).found(*name).expected(text(media.name.text)));
        }
    }
    if media.name.is("application/json")
        && seen.code() != Some(206)
        && let Some(body) = seen.body()
        && let Err(error) = serde_json::from_slice::<serde::de::IgnoredAny>(body)
    {
        report.add(Draft::new(&BAD_JSON_BODY).bytes(at, 1).found(error.to_string()));
    }
    if media.name.is("application/x-www-form-urlencoded")
        && seen.is_request()
        && seen.is_preview_text()
        && let Some(index) = seen.http.preview.iter().position(|byte| !(0x21..=0x7e).contains(byte))
    {
        let undone = seen.http.decoded_len.is_some() || seen.head.get("transfer-encoding").is_some();
        let at = if undone { at } else { at + index as u64 };
        report.add(Draft::new(&BAD_FORM_BODY).bytes(at, 1).found(text(&seen.http.preview[index..index + 1])));
    }
}

/// A media type.
pub(super) struct Media<'a> {
    /// `type/subtype`.
    pub name: Part<'a>,
    value: Part<'a>,
}

impl<'a> Media<'a> {
    /// The one that a value begins with, if it does.
    pub fn of(value: Part<'a>) -> Option<Self> {
        let (name, _) = value.parameters();
        let (kind, subtype) = name.split_once(b'/')?;
        (kind.is_token() && subtype.is_token()).then_some(Self { name, value })
    }

    /// Whether its type is this one, whatever the subtype.
    pub fn has_type(&self, name: &str) -> bool {
        self.name.split_once(b'/').is_some_and(|(kind, _)| kind.is(name))
    }

    /// The value of its only well-formed parameter with this name.
    pub fn parameter(&self, name: &str) -> Option<Part<'a>> {
        let (_, parameters) = self.value.parameters();
        let mut values =
            parameters.filter_map(Part::parameter).filter(|(sent, _)| sent.is(name)).map(|(_, value)| value);
        values.next().filter(|_| values.next().is_none())
    }
}
