//! A WebSocket message as a line of a chat: which way it went, and what it says.

use super::{Options, http};
use crate::app::message::Message;
use crate::app::websocket::WebSocket;
use crate::app::websocket::header::{Header, Opcode};
use crate::issue::{Issue, Severity};
use crate::print::hex::{self, Hex};
use crate::print::pen::Pen;
use crate::print::safe::Charset;
use crate::print::style::{self, DIM};

/// Lines of a text that are shown without `-v`.
const MAX_LINES: usize = 10;

/// Bytes of it that are shown without `-v`.
const MAX_BYTES: usize = 512;

/// The rest of a title: what it is, how long, and in what.
pub fn title(pen: &mut Pen<'_>, unit: &WebSocket) {
    pen.push(unit.opcode.name());
    if let Some(close) = unit.close() {
        pen.named(" ", close.code.into());
        if let Some(meaning) = close.meaning() {
            pen.push(" ");
            pen.push(meaning);
        }
        return;
    }
    pen.named(", ", unit.len);
    pen.push(" B");
    if unit.frame_count > 1 {
        pen.named(" in ", unit.frame_count);
        pen.push(" fragments");
    }
    if unit.compressed {
        pen.named(" from ", unit.payload_len);
        pen.push(" compressed");
    }
}

/// Writes what it says, and with `-v` the headers of its frames.
pub fn write(pen: &mut Pen<'_>, message: &Message, unit: &WebSocket, options: &Options) {
    if options.verbose > 0 {
        unit.frames.iter().for_each(|frame| self::frame(pen, frame));
        let more = unit.frame_count.saturating_sub(unit.frames.len() as u64);
        if more > 0 {
            pen.begin_line();
            pen.styled(DIM, |pen| pen.put(format_args!("… {more} more frames")));
            pen.end_line();
        }
    }
    let said = unit.close().map_or(&unit.content[..], |close| close.reason);
    let is_missing = message.missing_bytes > 0 || message.issues.contains(Issue::ContextLost);
    if said.is_empty() && !is_missing {
        return;
    }
    pen.begin_line();
    pen.push(if message.kind.client(message.side) == message.side { "→ " } else { "← " });
    pen.indent.column += 2;
    pen.begin_text();
    content(pen, message, unit, said, options);
    pen.indent.column -= 2;
}

fn frame(pen: &mut Pen<'_>, header: &Header) {
    pen.begin_line();
    pen.styled(DIM, |pen| {
        pen.put(format_args!("{}  opcode {} ", if header.fin { "FIN" } else { "   " }, header.opcode.0));
        pen.push(header.opcode.name());
        pen.put(format_args!("  rsv {:03b}  ", header.rsv));
        match header.mask {
            Some(mask) => pen.put(format_args!("masked {:08x}", u32::from_be_bytes(mask))),
            None => pen.push("not masked"),
        }
        pen.named("  length ", header.len);
    });
    pen.end_line();
}

/// The beginning of the content; the first line begins where the pen is.
fn content(pen: &mut Pen<'_>, message: &Message, unit: &WebSocket, said: &[u8], options: &Options) {
    let total = unit.len - (unit.content.len() - said.len()) as u64;
    let is_text = matches!(unit.opcode, Opcode::TEXT | Opcode::CLOSE) || http::is_printable(said);
    let lines = if options.verbose > 0 { usize::MAX } else { MAX_LINES };
    let said = if options.verbose > 0 { said } else { &said[..said.len().min(MAX_BYTES)] };
    let mut in_line = true;
    if is_text && !said.is_empty() {
        let shown = http::text(pen, said, Charset::Utf8, total, lines);
        in_line = false;
        if (shown as u64) < total {
            pen.begin_line();
            pen.styled(DIM, |pen| pen.put(format_args!("{shown} of {total} bytes shown")));
            in_line = true;
        }
    } else {
        http::binary(pen, said, total);
    }
    if message.missing_bytes > 0 {
        if !in_line {
            pen.begin_line();
        }
        let missing = message.missing_bytes;
        pen.piece(|pen| {
            pen.styled(style::of(Severity::Error), |pen| pen.put(format_args!("{missing} bytes missing")));
        });
        in_line = true;
    }
    if in_line {
        pen.end_line();
    }
    if options.hex != Hex::None {
        hex::dump(pen, options.hex, 0, said);
    }
}
