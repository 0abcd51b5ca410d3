//! What HTTP/2 adds to a message: its stream, its frames, fields that came without lines; and frames of no message.

use super::Options;
use crate::app::http1::Http;
use crate::app::http1::head::HeadRef;
use crate::app::http2::frame::{self, Header, kind};
use crate::app::http2::{Code, Control, Part, Says};
use crate::app::message::Message;
use crate::issue::Severity;
use crate::print::pen::{Indent, Pen};
use crate::print::safe::Charset;
use crate::print::style::{self, DIM};

/// Frames that are named without `-v`.
const MAX_FRAMES: usize = 6;

/// The rest of a start line: which stream, and what became of that.
pub fn stream(pen: &mut Pen<'_>, part: &Part) {
    pen.piece_after(1, |pen| {
        if let Some(on) = part.promised_on {
            pen.put(format_args!("promised on stream {on} for stream {}", part.stream));
        } else {
            pen.named("stream ", part.stream.into());
        }
    });
    if let Some(error) = part.error {
        pen.piece(|pen| pen.styled(style::of(Severity::Warn), |pen| pen.put(format_args!("reset: {}", Code(error)))));
    }
}

/// Whether a frame is told of without `-v`: not one that only makes room for more, of which a download has thousands.
pub fn is_shown(message: &Message, control: &Control) -> bool {
    !matches!(control.says, Says::WindowUpdate(_)) || !message.issues.is_empty()
}

/// What a frame of no message says beyond its heading.
pub fn details(pen: &mut Pen<'_>, control: &Control) {
    let mut line = |text: &str| {
        pen.indent = Indent { bars: 0, column: super::message::INDENT };
        pen.begin_line();
        pen.begin_text();
        pen.wrapped(text.as_bytes(), Charset::Utf8);
        pen.end_line();
    };
    match &control.says {
        Says::Settings(settings) if !settings.is_empty() => line(&control.settings()),
        Says::GoAway { debug, .. } if !debug.is_empty() => line(&String::from_utf8_lossy(debug)),
        _ => {}
    }
}

/// Writes the frames that carried a message, and its fields as they were sent.
pub fn head(pen: &mut Pen<'_>, http: &Http, part: &Part, options: &Options) {
    frames(pen, part, options);
    for (name, value) in &part.pseudo {
        pen.begin_line();
        line(pen, name, value);
    }
    for (name, value) in lines(http.head()) {
        pen.begin_line();
        line(pen, name, value);
    }
}

/// Writes the fields of the trailers; the first line begins where the pen is.
pub fn trailer(pen: &mut Pen<'_>, http: &Http) {
    for (i, (name, value)) in lines(http.trailer()).enumerate() {
        if i > 0 {
            pen.begin_line();
        }
        line(pen, name, value);
    }
}

/// The frames that carried it.
fn frames(pen: &mut Pen<'_>, part: &Part, options: &Options) {
    let shown = if options.verbose > 0 { part.frames.len() } else { MAX_FRAMES };
    for (i, header) in part.frames.iter().take(shown).enumerate() {
        if i > 0 {
            pen.push(",");
        }
        pen.piece_after(usize::from(i > 0), |pen| pen.styled(DIM, |pen| pen.put(format_args!("{}", Named(*header)))));
    }
    let left_out = part.frame_count.saturating_sub(shown.min(part.frames.len()) as u64);
    if left_out > 0 {
        let ends = part.frames.iter().skip(shown).any(|header| header.ends_stream());
        pen.piece_after(1, |pen| {
            let ends = if ends { ", END_STREAM" } else { "" };
            pen.styled(DIM, |pen| pen.put(format_args!("… {left_out} more{ends}")));
        });
    }
    pen.end_line();
}

/// A frame: its type, its length, its flags.
struct Named(Header);

impl std::fmt::Display for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(header) = self;
        write!(f, "{} {} B", frame::kind_name(header.kind).unwrap_or("?"), header.len)?;
        // Nearly every block is in one frame.
        let is_usual = |name: &str| name == "END_HEADERS" && header.kind != kind::CONTINUATION;
        header.flag_names().filter(|name| !is_usual(name)).try_for_each(|name| write!(f, " {name}"))
    }
}

/// The names and values of fields; what is not known of a name is a question mark.
fn lines<'a>(head: HeadRef<'a>) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
    head.head.fields.iter().map(move |field| {
        let name = head.name(field);
        (if name.is_empty() { b"?" } else { name }, field.value.of(head.bytes))
    })
}

fn line(pen: &mut Pen<'_>, name: &[u8], value: &[u8]) {
    let column = pen.indent.column;
    pen.indent.column += 2;
    pen.wrapped(&[name, b": ", value].concat(), Charset::Utf8);
    pen.indent.column = column;
    pen.end_line();
}
