//! An HTTP message as it went over the wire: its head with the line ends, the beginning of its body, its trailers.

use std::fmt;

use anstyle::Style;

use super::Options;
use super::http2;
use super::layers;
use crate::app::http1::Http;
use crate::app::message::Message;
use crate::issue::Severity;
use crate::print::hex::{self, Hex};
use crate::print::number;
use crate::print::pen::Pen;
use crate::print::safe::{self, Charset, Unit};
use crate::print::style::{self, DIM, ODD, PLAIN};

/// Bytes of one line of the head that are shown without `-v`: a cookie may have thousands.
const MAX_LINE: usize = 512;

/// Lines of a body that are shown without `-v`.
const MAX_LINES: usize = 10;

/// Bytes of a body that is not text that are shown.
const MAX_BINARY: usize = 32;

/// Writes head, body and trailers, within `depth` layers.
pub fn write(pen: &mut Pen<'_>, message: &Message, http: &Http, depth: usize, column: usize, options: &Options) {
    let mut corner = '┌';
    if let Some(part) = &http.http2 {
        layers::open(pen, depth, column, std::mem::replace(&mut corner, '├'), "HTTP/2");
        http2::head(pen, http, part, options);
    } else if !http.raw.is_empty() {
        section(pen, &mut corner, depth, column, "HTTP", http.raw.len() as u64);
        head(pen, &http.raw, options);
        if message.missing_bytes > 0 && !http.parsed.complete {
            pen.begin_line();
            pen.text(style::of(Severity::Error), "the rest of the head is missing");
            pen.end_line();
        }
    }
    if http.body_len > 0 || has_missing_body(message, http) {
        section(pen, &mut corner, depth, column, "body", http.body_len);
        body(pen, message, http, options);
    }
    if http.http2.is_some() && !http.trailer_raw.is_empty() {
        layers::open(pen, depth, column, corner, "trailer");
        http2::trailer(pen, http);
    } else if !http.trailer_raw.is_empty() {
        section(pen, &mut corner, depth, column, "trailer", http.trailer_raw.len() as u64);
        head(pen, &http.trailer_raw, options);
    }
}

fn section(pen: &mut Pen<'_>, corner: &mut char, depth: usize, column: usize, title: &str, bytes: u64) {
    layers::open(pen, depth, column, std::mem::replace(corner, '├'), title);
    pen.label(bytes);
}

fn has_missing_body(message: &Message, http: &Http) -> bool {
    http.parsed.complete && message.missing_bytes > 0
}

/// Lines with their ends; the first one begins where the pen is.
fn head(pen: &mut Pen<'_>, bytes: &[u8], options: &Options) {
    for (i, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        if i > 0 {
            pen.begin_line();
        }
        let (text, end) = split_line_end(line);
        let max = if options.verbose > 0 { text.len() } else { MAX_LINE };
        let column = pen.indent.column;
        pen.indent.column += 2;
        pen.wrapped(&text[..text.len().min(max)], Charset::Utf8);
        if text.len() > max {
            let more = text.len() - max;
            pen.piece_after(1, |pen| pen.styled(DIM, |pen| pen.put(format_args!("… {more} more bytes"))));
        }
        line_end(pen, end, if end == "␊" { ODD } else { DIM });
        pen.indent.column = column;
        pen.end_line();
    }
    if options.hex != Hex::None {
        hex::dump(pen, options.hex, 0, bytes);
    }
}

/// A line without its end, and the marks that show that.
pub(in crate::print) fn split_line_end(line: &[u8]) -> (&[u8], &'static str) {
    match line {
        [text @ .., b'\r', b'\n'] => (text, "␍␊"),
        [text @ .., b'\n'] => (text, "␊"),
        text => (text, ""),
    }
}

/// Writes the marks of the end of a line.
pub(in crate::print) fn line_end(pen: &mut Pen<'_>, marks: &str, style: Style) {
    if !marks.is_empty() {
        pen.need(2);
        pen.text(style, marks);
    }
}

/// The beginning of the body, or what is known of it; the first line begins where the pen is.
fn body(pen: &mut Pen<'_>, message: &Message, http: &Http, options: &Options) {
    let content = Content::of(http);
    let total = http.decoded_len.unwrap_or(http.body_len);
    let lines = if options.verbose > 0 { usize::MAX } else { MAX_LINES };
    let shown = content.charset.map_or(0, |charset| text(pen, &http.preview, charset, total, lines));
    let mut in_line = shown == 0;
    let mut note = |pen: &mut Pen<'_>, style, note: fmt::Arguments<'_>| {
        if !std::mem::replace(&mut in_line, true) {
            pen.begin_line();
        }
        pen.piece(|pen| pen.styled(style, |pen| pen.put(note)));
    };
    if content.charset.is_none() && !http.preview.is_empty() {
        note(pen, PLAIN, format_args!("no text:"));
        binary(pen, &http.preview, total);
    } else if (shown as u64) < total {
        note(pen, DIM, format_args!("{shown} of {total} bytes shown"));
    }
    if is_chunked(http) {
        note(pen, DIM, format_args!("sent in chunks"));
    }
    if let Some(decoded) = http.decoded_len {
        note(pen, DIM, format_args!("decoded: {} bytes became {decoded}", http.body_len));
    } else if content.coded {
        note(pen, DIM, format_args!("shown as sent, its coding not undone"));
    }
    if message.missing_bytes > 0 {
        note(pen, style::of(Severity::Error), format_args!("{} bytes missing", message.missing_bytes));
    }
    if in_line {
        pen.end_line();
    }
    if options.hex != Hex::None {
        hex::dump(pen, options.hex, 0, &http.preview);
    }
}

/// Writes a text with its line ends, and gives how many bytes of it were shown.
pub fn text(pen: &mut Pen<'_>, preview: &[u8], charset: Charset, total: u64, lines: usize) -> usize {
    let is_cut = (preview.len() as u64) < total && charset == Charset::Utf8;
    let preview = if is_cut { safe::without_cut_char(preview) } else { preview };
    let mut shown = 0;
    for (i, line) in preview.split_inclusive(|byte| *byte == b'\n').take(lines).enumerate() {
        if i > 0 {
            pen.begin_line();
        }
        let (text, end) = split_line_end(line);
        pen.wrapped(text, charset);
        line_end(pen, end, DIM);
        pen.end_line();
        shown += line.len();
    }
    shown
}

/// Writes the first bytes of what is no text.
pub fn binary(pen: &mut Pen<'_>, preview: &[u8], total: u64) {
    let shown = &preview[..preview.len().min(MAX_BINARY)];
    for byte in shown {
        pen.piece_after(1, |pen| pen.ascii(|out| out.extend_from_slice(&number::byte(*byte))));
    }
    if (shown.len() as u64) < total {
        pen.piece_after(1, |pen| pen.text(DIM, "…"));
    }
}

fn is_chunked(http: &Http) -> bool {
    http.head().list("transfer-encoding").last().is_some_and(|coding| coding.eq_ignore_ascii_case(b"chunked"))
}

/// What a body holds.
struct Content {
    /// Of a text.
    charset: Option<Charset>,
    /// Whether it has a content coding that was not undone.
    coded: bool,
}

impl Content {
    fn of(http: &Http) -> Self {
        let head = http.head();
        let has_coding = head.list("content-encoding").any(|coding| !coding.eq_ignore_ascii_case(b"identity"));
        let coded = has_coding && http.decoded_len.is_none();
        let declared = head.get("content-type").filter(|_| !coded);
        let declared = declared.map(|value| value.to_ascii_lowercase()).unwrap_or_default();
        let charset = if has_parameter(&declared, LATIN1) { Charset::Latin1 } else { Charset::Utf8 };
        let is_text = is_textual(&declared) || is_printable(&http.preview);
        Self { charset: is_text.then_some(charset), coded }
    }
}

/// Names of ISO 8859-1, and of what browsers take it for.
const LATIN1: &[&[u8]] = &[b"iso-8859-1", b"iso8859-1", b"latin1", b"latin-1", b"windows-1252", b"us-ascii"];

/// Whether the charset of a media type, in small letters, is one of these.
fn has_parameter(media_type: &[u8], charsets: &[&[u8]]) -> bool {
    let parameters = media_type.split(|byte| *byte == b';').skip(1);
    let mut values = parameters.filter_map(|parameter| parameter.trim_ascii().strip_prefix(b"charset="));
    values.any(|value| {
        let value = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
        charsets.contains(&value)
    })
}

/// Whether a media type, in small letters, is one of text.
fn is_textual(media_type: &[u8]) -> bool {
    let end = media_type.iter().position(|byte| *byte == b';').unwrap_or(media_type.len());
    let essence = media_type[..end].trim_ascii();
    let begins = [b"text/".as_slice(), b"multipart/", b"message/"].iter().any(|start| essence.starts_with(start));
    let ends = [b"json".as_slice(), b"xml", b"javascript", b"x-www-form-urlencoded"];
    begins || ends.iter().any(|end| essence.ends_with(end))
}

/// Whether bytes are UTF-8 without control characters but those of lines.
pub fn is_printable(bytes: &[u8]) -> bool {
    safe::units(safe::without_cut_char(bytes), Charset::Utf8).all(|unit| match unit {
        Unit::Ascii(_) | Unit::Char(_) | Unit::Lookalike(_) | Unit::Escape('\t' | '\r' | '\n') => true,
        Unit::Escape(_) | Unit::Byte(_) => false,
    })
}
