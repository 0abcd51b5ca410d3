//! A DNS message in detail: its header, and a line for each question and record.

use unicode_width::UnicodeWidthStr;

use super::layers;
use crate::app::dns::{Dns, Record, class_name};
use crate::print::pen::Pen;
use crate::print::safe::Charset;
use crate::print::style::DIM;

/// Lines of a message that are shown without `-vv`: answers are seldom as many, transfers of zones have thousands.
const MAX_LINES: usize = 60;

/// Columns for the section of a line.
const SECTION: usize = "additional  ".len();

/// The most columns that names are padded to.
const MAX_NAME: usize = 32;

/// Spaces between the pieces of a line.
const GAP: usize = 2;

/// Writes a message of so many bytes, within `depth` layers.
pub fn write(pen: &mut Pen<'_>, dns: &Dns, bytes: u64, depth: usize, column: usize, verbose: u8) {
    layers::open(pen, depth, column, '┌', dns.application().title);
    pen.label(bytes);
    header(pen, dns);
    pen.end_line();
    let lines = if verbose > 1 { usize::MAX } else { MAX_LINES };
    let names =
        dns.questions.iter().map(|question| &question.name).chain(dns.records.iter().map(|record| &record.name));
    let width = names.map(|name| name.width()).max().unwrap_or(0).min(MAX_NAME);
    for question in dns.questions.iter().take(lines) {
        begin(pen, "question", &question.name, width);
        // No time to live: the types stand below each other.
        padded(pen, "", 8);
        padded(pen, &class_name(dns.class(question.class)), 2);
        padded(pen, &question.kind_name(), 0);
        if dns.has_top_bit(question.class) {
            note(pen, "by unicast, too");
        }
        pen.end_line();
    }
    let lines = lines.saturating_sub(dns.questions.len());
    dns.records.iter().take(lines).for_each(|one| record(pen, dns, one, width));
    let more = (dns.questions.len() + dns.records.len()).saturating_sub(MAX_LINES);
    if verbose < 2 && more > 0 {
        pen.begin_line();
        pen.styled(DIM, |pen| pen.put(format_args!("… {more} more, shown with -vv")));
        pen.end_line();
    }
}

fn header(pen: &mut Pen<'_>, dns: &Dns) {
    let mut piece = |text: &str| pen.piece_after(GAP, |pen| pen.push(text));
    piece(&format!("id 0x{:04x}", dns.id));
    piece(if dns.is_response() { "response" } else { "query" });
    if dns.opcode() != 0 {
        piece(&dns.opcode_name());
    }
    if dns.is_response() {
        piece(&dns.rcode_name());
    }
    let flags: Vec<&str> = dns.flag_words().collect();
    if !flags.is_empty() {
        piece(&format!("flags {}", flags.join(" ")));
    }
    for (count, one, many) in [
        (dns.counts[0], "question", "questions"),
        (dns.counts[1], "answer", "answers"),
        (dns.counts[2], "authority", "authority"),
        (dns.counts[3], "additional", "additional"),
    ] {
        if count > 0 {
            piece(&format!("{count} {}", if count == 1 { one } else { many }));
        }
    }
}

fn record(pen: &mut Pen<'_>, dns: &Dns, record: &Record, width: usize) {
    begin(pen, record.section.name(), &record.name, width);
    // OPT has other things in the places of class and time to live.
    let (ttl, class) = match record.is_opt() {
        true => (String::new(), "".into()),
        false => (format!("{} s", record.ttl), class_name(dns.class(record.class))),
    };
    padded(pen, &ttl, 8);
    padded(pen, &class, 2);
    padded(pen, &record.kind_name(), 5);
    let column = pen.indent.column;
    pen.indent.column += SECTION;
    let data = dns.shown(record).to_string();
    // What fits into a line is not broken.
    if GAP + data.width() > pen.room() && pen.indent.column + data.width() < pen.width() {
        pen.go_on();
    } else {
        pen.push("  ");
    }
    pen.wrapped(data.as_bytes(), Charset::Utf8);
    if dns.has_top_bit(record.class) && !record.is_opt() {
        note(pen, "flush");
    }
    pen.end_line();
    pen.indent.column = column;
}

/// Begins a line: its section, its name.
fn begin(pen: &mut Pen<'_>, section: &str, name: &str, width: usize) {
    pen.begin_line();
    pen.text(DIM, section);
    pen.pad_to(pen.indent.column + SECTION);
    let start = pen.column();
    let room = pen.room();
    pen.captured(name.as_bytes(), room);
    pen.pad_to(start + width);
}

fn padded(pen: &mut Pen<'_>, text: &str, width: usize) {
    pen.piece_after(GAP, |pen| {
        pen.push(text);
        (text.len()..width).for_each(|_| pen.push(" "));
    });
}

fn note(pen: &mut Pen<'_>, text: &str) {
    pen.piece_after(GAP, |pen| pen.text(DIM, text));
}
