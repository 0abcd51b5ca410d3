//! Visits for people: a line for each name, connection and object, with its bar; then what there is to say of them.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;

use super::waterfall::{Scale, drawn};
use super::{Style, notes, shown, url};
use crate::app::http1::uri;
use crate::flow::Endpoint;
use crate::frame::Timestamp;
use crate::issue::Severity;
use crate::page::{Cause, Connection, Lookup, Object, Pages, Phase, Question, Span, Visit};
use crate::print::pen::{MIN_WIDTH, Pen};
use crate::print::style::{self, DIM, HEADING, PLAIN};
use crate::print::time::{self, Clock, Format};

/// Columns of the numbers at the left.
const NUMBER: usize = 4;
/// From this width on there is a column for what an object had to wait for.
const WIDE: usize = 100;

/// Writes all of it.
pub fn write(pages: &Pages, style: &Style, zone: &TimeZone, out: &mut Vec<u8>) {
    let mut any = false;
    for (number, visit) in shown(pages, style.visit) {
        if std::mem::replace(&mut any, true) {
            out.push(b'\n');
        }
        of_visit(pages, (number, visit), style, zone, out);
    }
    if style.visit.is_none() {
        notes::apart(pages, style, any, out);
    }
}

fn of_visit(pages: &Pages, (number, visit): (usize, &Visit), style: &Style, zone: &TimeZone, out: &mut Vec<u8>) {
    heading(number, visit, style, zone, out);
    let rows = rows(pages, visit);
    let layout = Layout::new(style.width, visit);
    let end = rows.iter().flat_map(|row| &row.spans).map(|span| span.to).max().unwrap_or(visit.end);
    let scale = Scale::new(visit.start, end.max(visit.end), layout.bar);
    let mut pen = Pen::new(out, style.width, style.color);
    layout.head(&scale, &mut pen);
    for row in &rows {
        layout.row(row, &scale, &mut pen);
    }
    legend(&rows, &scale, &mut pen);
    notes::of_visit(pages, visit, style, out);
}

fn heading(number: usize, visit: &Visit, style: &Style, zone: &TimeZone, out: &mut Vec<u8>) {
    let mut pen = Pen::new(out, style.width, style.color);
    pen.indent.column = 4;
    pen.text(HEADING, &format!("Visit {number}"));
    let first = visit.objects.first().map(url).unwrap_or_default();
    let document = visit.objects.get(visit.document).map(url).unwrap_or_default();
    pen.piece_after(2, |pen| {
        let room = pen.room();
        pen.styled(HEADING, |pen| pen.captured(first.as_bytes(), room));
    });
    if document != first {
        pen.piece_after(1, |pen| {
            let room = pen.room().saturating_sub(2);
            pen.push("→ ");
            pen.captured(document.as_bytes(), room);
        });
    }
    pen.end_line();
    pen.begin_line();
    let mut times = Clock::new(Format::DateAndTime, zone.clone());
    let mut when = Vec::new();
    times.write(visit.start, &mut when);
    pen.piece(|pen| pen.put(format_args!("{}", visit.client)));
    pen.piece(|pen| pen.push(&String::from_utf8_lossy(&when)));
    let turns = visit.objects.iter().filter(|object| object.turn().is_some()).count();
    let (objects, turns) = (count(visit.objects.len() - turns, "object"), count(turns, "turn"));
    for one in [objects, turns].into_iter().flatten() {
        pen.piece(|pen| pen.push(&one));
    }
    let bytes: u64 = visit.objects.iter().map(received).sum();
    pen.piece(|pen| pen.push(&size(bytes)));
    if let Some(connections) = count(visit.connections.len(), "connection") {
        pen.piece(|pen| pen.push(&connections));
    }
    pen.piece(|pen| time::Span(visit.end.since(visit.start)).put(pen));
    if let Some(from) = visit.from {
        pen.piece(|pen| pen.put(format_args!("from visit {}", from + 1)));
    }
    pen.end_line();
}

/// How many there are of something, if there are any.
pub(super) fn count(count: usize, what: &str) -> Option<String> {
    (count > 0).then(|| format!("{count} {what}{}", if count == 1 { "" } else { "s" }))
}

/// Bytes that the server sent of an object: of its body, or of what is within TLS.
pub(super) fn received(object: &Object) -> u64 {
    match object.turn() {
        Some(turn) => turn.data[1],
        None => object.response.as_ref().map_or(0, |response| response.body),
    }
}

/// Bytes, shortly.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let (mut value, mut unit) = (bytes as f64 / 1000.0, 0);
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if value < 9.95 { format!("{value:.1} {}", UNITS[unit]) } else { format!("{value:.0} {}", UNITS[unit]) }
}

/// A line of the waterfall.
struct Row {
    start: Timestamp,
    number: Option<usize>,
    /// What is dim before the name.
    kind: &'static str,
    name: String,
    by: String,
    on: Option<u64>,
    after: String,
    status: String,
    severity: Option<Severity>,
    size: String,
    took: Option<i64>,
    spans: Vec<Span>,
}

/// The lines of a visit, in the order in which things began.
fn rows(pages: &Pages, visit: &Visit) -> Vec<Row> {
    let mut rows: Vec<Row> = visit.lookups.iter().map(|lookup| of_lookup(lookup, visit)).collect();
    let opened = || visit.connections.iter().filter_map(|stream| pages.connections.get(stream).map(Box::as_ref));
    rows.extend(opened().filter_map(of_handshake).filter(|row| row.start >= visit.start));
    rows.extend(
        opened()
            .filter(|one| one.syn.is_some() && one.start() >= visit.start)
            .map(|connection| of_connection(connection, visit)),
    );
    let server = visit
        .objects
        .get(visit.document)
        .and_then(|object| Some(uri::origin(&url(object))?.to_owned()))
        .unwrap_or_default();
    rows.extend(visit.objects.iter().enumerate().map(|(at, object)| of_object(at, object, visit, &server)));
    rows.sort_by_key(|row| (row.start, row.number));
    rows
}

impl Row {
    fn new(start: Timestamp, name: String) -> Self {
        Self {
            start,
            number: None,
            kind: "",
            name,
            by: String::new(),
            on: None,
            after: String::new(),
            status: String::new(),
            severity: None,
            size: String::new(),
            took: None,
            spans: Vec::new(),
        }
    }
}

fn of_lookup(lookup: &Lookup, visit: &Visit) -> Row {
    let (start, end) = (lookup.start(), lookup.end());
    let failed = lookup.questions.iter().all(Question::failed);
    let mut row = Row { kind: "dns ", took: end.map(|end| end.since(start)), ..Row::new(start, lookup.name.clone()) };
    row.spans.push(Span { phase: Phase::Dns, from: start, to: end.unwrap_or(visit.end) });
    if end.is_none() || failed {
        row.severity = Some(Severity::Error);
        row.status = if end.is_none() { "none" } else { "fail" }.to_owned();
    }
    row
}

fn of_connection(connection: &Connection, visit: &Visit) -> Row {
    let start = connection.start();
    let end = connection.ack.or(connection.refused);
    let mut row = Row {
        kind: "tcp ",
        on: Some(connection.stream),
        took: end.map(|end| end.time.since(start)),
        ..Row::new(start, server(connection.server))
    };
    row.spans.push(Span { phase: Phase::Connect, from: start, to: end.map_or(visit.end, |end| end.time) });
    if connection.refused.is_some() {
        (row.status, row.severity) = ("RST".to_owned(), Some(Severity::Error));
    } else if end.is_none() {
        (row.status, row.severity) = ("none".to_owned(), Some(Severity::Error));
    } else if connection.syns > 1 {
        (row.status, row.severity) = (format!("SYN×{}", connection.syns), Some(Severity::Warn));
    }
    row
}

/// How a connection was secured; none where it was not, or nothing tells.
fn of_handshake(connection: &Connection) -> Option<Row> {
    let secured = connection.secured.as_ref()?;
    let (start, end) = secured.span()?;
    let name = secured.host.clone().unwrap_or_else(|| server(connection.server));
    Some(Row {
        kind: "tls ",
        on: Some(connection.stream),
        took: Some(end.since(start)),
        spans: vec![Span { phase: Phase::Secure, from: start, to: end }],
        ..Row::new(start, name)
    })
}

/// An address, with its port where that is none of the usual ones.
fn server(server: Endpoint) -> String {
    if matches!(server.port, 80 | 443) { server.address.to_string() } else { server.to_string() }
}

fn of_object(at: usize, object: &Object, visit: &Visit, server: &str) -> Row {
    let phases = object.phases();
    let whole = url(object);
    let name = whole.strip_prefix(server).filter(|path| path.starts_with('/')).unwrap_or(&whole).to_owned();
    let mut row = Row {
        number: Some(at + 1),
        on: Some(object.stream),
        after: object.behind.map_or_else(String::new, |behind| format!("#{}", behind + 1)),
        by: match object.cause {
            Cause::Visit | Cause::Time => String::new(),
            Cause::Redirect(by) => format!("↪{}", by + 1),
            Cause::Content(by) | Cause::Referer(by) => format!("#{}", by + 1),
        },
        size: size(received(object)),
        took: Some(object.last().since(object.first())),
        ..Row::new(object.first(), name)
    };
    if let Some(exchange) = object.exchange() {
        if !matches!(&exchange.method[..], "GET" | "") {
            row.name = format!("{} {}", exchange.method, row.name);
        }
        row.status = exchange.status.map_or_else(|| "none".to_owned(), |status| status.to_string());
        row.severity = match exchange.status {
            None | Some(500..) => Some(Severity::Error),
            Some(400..500) => Some(Severity::Warn),
            Some(300..400) => Some(Severity::Note),
            Some(_) => None,
        };
    } else if let Some(turn) = object.turn() {
        let host = if row.name.starts_with('/') { String::new() } else { turn.host.clone().unwrap_or_default() + " " };
        row.name = format!("{host}sent {}", size(turn.data[0]));
    }
    if !object.is_complete() {
        row.severity = Some(Severity::Error);
        row.size.insert(0, '!');
    }
    // What came before it was wanted was not for it.
    let since = object.wanted.unwrap_or(visit.start);
    let spans = phases.spans.into_iter().filter(|span| span.to >= since || object.request.is_none());
    row.spans = spans.map(|span| Span { from: span.from.max(since).min(span.to), ..span }).collect();
    row
}

/// The columns.
struct Layout {
    name: usize,
    /// Titles and widths of those between the name and the bar.
    columns: Vec<(&'static str, usize)>,
    bar: usize,
}

impl Layout {
    fn new(width: usize, visit: &Visit) -> Self {
        let latest = visit.connections.iter().max().copied().unwrap_or(0);
        let mut columns = vec![("by", 4), ("on", (latest.to_string().len() + 1).max(3))];
        if width >= WIDE {
            columns.push(("after", 6));
        }
        columns.extend([("code", 5), ("size", 7), ("ms", 6)]);
        let beside = NUMBER + columns.iter().map(|(_, width)| width).sum::<usize>() + 1;
        let room = width.max(MIN_WIDTH).saturating_sub(beside);
        let name = (room * 2 / 5).clamp(14, 40);
        Self { name, columns, bar: room.saturating_sub(name) }
    }

    fn head(&self, scale: &Scale, pen: &mut Pen<'_>) {
        let mut at = NUMBER + self.name;
        pen.styled(DIM, |pen| {
            pen.push("  #");
            pen.pad_to(NUMBER);
            pen.push("what");
            for (title, width) in &self.columns {
                at += width;
                right(pen, at, PLAIN, title);
            }
            pen.pad_to(at + 1);
        });
        scale.axis(pen);
        pen.end_line();
    }

    fn row(&self, row: &Row, scale: &Scale, pen: &mut Pen<'_>) {
        if let Some(number) = row.number {
            right(pen, NUMBER - 1, PLAIN, &number.to_string());
        }
        pen.pad_to(NUMBER);
        pen.text(DIM, row.kind);
        let room = (NUMBER + self.name).saturating_sub(pen.column());
        short(pen, &row.name, room);
        let mut at = NUMBER + self.name;
        for (title, width) in &self.columns {
            at += width;
            let (text, style) = match *title {
                "by" => (row.by.clone(), DIM),
                "on" => (row.on.map_or_else(String::new, |on| on.to_string()), PLAIN),
                "after" => (row.after.clone(), PLAIN),
                "code" => (row.status.clone(), row.severity.map_or(PLAIN, style::of)),
                "size" => (row.size.clone(), PLAIN),
                _ => (row.took.map_or_else(String::new, millis), PLAIN),
            };
            right(pen, at, style, &text);
        }
        pen.pad_to(at + 1);
        scale.bar(&row.spans, pen);
        pen.end_line();
    }
}

/// Milliseconds, with as many digits as say something.
pub(super) fn millis(nanos: i64) -> String {
    let millis = nanos as f64 / 1e6;
    match nanos.unsigned_abs() {
        0..9_995_000 => format!("{millis:.2}"),
        9_995_000..99_950_000 => format!("{millis:.1}"),
        99_950_000..9_999_500_000 => format!("{millis:.0}"),
        _ => format!("{:.0} s", millis / 1000.0),
    }
}

/// Writes a text that ends at a column.
fn right(pen: &mut Pen<'_>, end: usize, style: anstyle::Style, text: &str) {
    pen.pad_to(end.saturating_sub(text.chars().count()));
    pen.text(style, text);
}

/// Writes a name in so many columns; of a long one, the end of its path tells most.
fn short(pen: &mut Pen<'_>, name: &str, room: usize) {
    let without_query = name.split_once('?').map(|(path, _)| format!("{path}?…"));
    let name = without_query.as_deref().filter(|_| name.chars().count() > room).unwrap_or(name);
    let length = name.chars().count();
    if length <= room {
        return pen.captured(name.as_bytes(), room);
    }
    pen.push("…");
    let rest: String = name.chars().skip(length + 1 - room.max(1)).collect();
    pen.captured(rest.as_bytes(), room.saturating_sub(1));
}

/// What the characters mean, of those that are there.
fn legend(rows: &[Row], scale: &Scale, pen: &mut Pen<'_>) {
    let phases: BTreeSet<Phase> = rows.iter().flat_map(|row| scale.cells(&row.spans)).flatten().collect();
    pen.indent.column = NUMBER;
    pen.begin_line();
    for phase in phases {
        let (character, style, meaning) = drawn(phase);
        pen.piece(|pen| {
            pen.text(style, character);
            pen.push(" ");
            pen.text(DIM, meaning);
        });
    }
    pen.end_line();
}
