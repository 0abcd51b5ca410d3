//! What there is to say of a visit beside its waterfall: lookups, connections, what went wrong, what cannot be known.

use std::net::IpAddr;

use super::text::{count, millis, received, size};
use super::{Style, mac, url};
use crate::app::message::Integrity;
use crate::event::Close;
use crate::frame::Timestamp;
use crate::issue::Severity;
use crate::page::{Cause, Chat, Connection, Lookup, Object, Pages, Part, Phase, Secured, Visit};
use crate::print::pen::Pen;
use crate::print::style::{self, DIM, HEADING, PLAIN};

/// Connections of a visit that are listed, and of no visit, and lookups.
const LISTED: usize = 16;
/// Objects that are listed with their connection.
const LISTED_OBJECTS: usize = 12;

/// Of one visit.
pub fn of_visit(pages: &Pages, visit: &Visit, style: &Style, out: &mut Vec<u8>) {
    let mut pen = Pen::new(out, style.width, style.color);
    visit.lookups.iter().for_each(|lookup| of_lookup(lookup, &mut pen));
    let connections = visit.connections.iter().filter_map(|stream| pages.connections.get(stream));
    let listed = if style.verbose { usize::MAX } else { LISTED };
    let objects = visit.by_connection();
    for connection in connections.take(listed) {
        let carried = objects.get(&connection.stream).map_or(&[][..], Vec::as_slice);
        of_connection(connection, carried, Some(visit.start), &mut pen);
    }
    more(visit.connections.len().saturating_sub(listed), "connection", &mut pen);
    for (at, object) in visit.objects.iter().enumerate() {
        if let Some(chat) = object.exchange().and_then(|exchange| exchange.chat) {
            of_chat(at, object, &chat, &mut pen);
        }
    }
    if style.verbose {
        for (at, object) in visit.objects.iter().enumerate() {
            of_object(at, object, visit, &mut pen);
        }
    }
    section("Lost or late", &stalls(pages, visit), Severity::Warn, &mut pen);
    section("Missing at the end", &missing(pages, visit), Severity::Error, &mut pen);
    if visit.objects.iter().any(|object| object.turn().is_some()) {
        encrypted(visit, &mut pen);
    }
}

/// Says how many of something are not listed.
fn more(number: usize, what: &str, pen: &mut Pen<'_>) {
    if let Some(more) = count(number, what) {
        pen.text(DIM, &format!("  and {more} more"));
        pen.end_line();
    }
}

fn begin(pen: &mut Pen<'_>, column: usize) {
    pen.indent.column = column;
    pen.begin_text();
}

fn of_lookup(lookup: &Lookup, pen: &mut Pen<'_>) {
    pen.text(DIM, "  name        ");
    begin(pen, 16);
    let room = pen.room().saturating_sub(20);
    pen.captured(lookup.name.as_bytes(), room);
    pen.piece_after(1, |pen| pen.put(format_args!("asked of {}", lookup.server)));
    for question in &lookup.questions {
        pen.piece(|pen| {
            pen.put(format_args!("{} ", question.kind));
            let took = question.asked.zip(question.answered).map(|(asked, answered)| answered.time.since(asked.time));
            match question.answered {
                None => pen.text(style::of(Severity::Error), "no answer"),
                Some(_) if question.failed() => pen.text(style::of(Severity::Error), &question.rcode),
                Some(_) if question.records.is_empty() => pen.text(DIM, "none"),
                Some(_) => {
                    let records = question.records.join(" ");
                    let room = pen.width().saturating_sub(36);
                    pen.captured(records.as_bytes(), room);
                }
            }
            if let Some(took) = took {
                pen.put(format_args!(" in {} ms", millis(took)));
            }
        });
        let frames: Vec<_> = [question.asked, question.answered].into_iter().flatten().map(|one| one.frame).collect();
        frames_of(&frames, pen);
    }
    pen.end_line();
}

fn frames_of(frames: &[u64], pen: &mut Pen<'_>) {
    let list: Vec<_> = frames.iter().map(u64::to_string).collect();
    let word = if frames.len() == 1 { "frame" } else { "frames" };
    if !frames.is_empty() {
        pen.piece_after(1, |pen| pen.text(DIM, &format!("({word} {})", list.join(" → "))));
    }
}

/// A connection, with the places of the objects that it carried in a visit that began then.
fn of_connection(connection: &Connection, carried: &[usize], began: Option<Timestamp>, pen: &mut Pen<'_>) {
    pen.text(DIM, "  connection  ");
    begin(pen, 16);
    pen.put(format_args!("{}", connection.stream));
    pen.piece(|pen| pen.put(format_args!("{} → {}", connection.client, connection.server)));
    if began.is_some_and(|began| connection.start() < began) {
        pen.piece(|pen| pen.text(DIM, "opened before this visit"));
    } else {
        opened(connection, pen);
        if let Some(secured) = &connection.secured {
            of_handshake(secured, pen);
        }
    }
    if !carried.is_empty() {
        let numbers: Vec<_> = carried.iter().take(LISTED_OBJECTS).map(|at| format!("#{}", at + 1)).collect();
        let more = carried.len() - numbers.len();
        let room = pen.width().saturating_sub(20);
        pen.piece(|pen| pen.captured(numbers.join(" ").as_bytes(), room));
        if more > 0 {
            pen.piece_after(1, |pen| pen.put(format_args!("and {more} more")));
        }
    } else if connection.ack.is_some() {
        pen.piece(|pen| pen.text(DIM, "nothing was fetched over it"));
    }
    let [up, down] = connection.bytes;
    if up + down > 0 {
        pen.piece(|pen| pen.put(format_args!("{} up, {} down in all", size(up), size(down))));
    }
    pen.piece(|pen| pen.text(DIM, closed(connection)));
    pen.end_line();
}

/// What went over WebSocket after an object.
fn of_chat(at: usize, object: &Object, chat: &Chat, pen: &mut Pen<'_>) {
    pen.text(DIM, "  websocket   ");
    begin(pen, 16);
    pen.put(format_args!("after #{}", at + 1));
    for (side, way) in ["up", "down"].into_iter().enumerate() {
        let messages = count(chat.messages[side] as usize, "message").unwrap_or_else(|| "nothing".to_owned());
        pen.piece(|pen| pen.put(format_args!("{messages}, {} {way}", size(chat.bytes[side]))));
    }
    if let Some(last) = chat.last {
        pen.piece(|pen| pen.put(format_args!("the last {} ms after it", millis(last.since(object.last())))));
    }
    pen.end_line();
}

/// How a connection was opened: how long the way to the server took, from where it was captured, and that to the client.
fn opened(connection: &Connection, pen: &mut Pen<'_>) {
    let bad = style::of(Severity::Error);
    match (connection.syn, connection.syn_ack, connection.ack) {
        (Some(syn), Some(syn_ack), Some(ack)) => {
            let [there, back] = [syn_ack.time.since(syn.time), ack.time.since(syn_ack.time)];
            pen.piece(|pen| {
                pen.put(format_args!("opened in {} ms: ", millis(there.saturating_add(back))));
                pen.put(format_args!("server {}, client {}", millis(there), millis(back)));
            });
            frames_of(&[syn.frame, syn_ack.frame, ack.frame], pen);
        }
        (Some(syn), None, _) if connection.refused.is_some() => {
            let refused = connection.refused.map(|refused| refused.frame);
            pen.piece(|pen| pen.text(bad, "refused: RST in answer to SYN"));
            frames_of(&[Some(syn.frame), refused].into_iter().flatten().collect::<Vec<_>>(), pen);
        }
        (Some(syn), None, _) => {
            pen.piece(|pen| pen.text(bad, "no answer to SYN"));
            frames_of(&[syn.frame], pen);
        }
        (Some(syn), Some(syn_ack), None) => {
            pen.piece(|pen| pen.text(bad, "SYN-ACK, and no ACK after it"));
            frames_of(&[syn.frame, syn_ack.frame], pen);
        }
        (None, ..) => pen.piece(|pen| pen.text(DIM, "opened before the capture")),
    }
    if let Some(hop) = &connection.next_hop {
        let whose = if IpAddr::V4(hop.address) == connection.server.address { "the server" } else { "next hop" };
        pen.piece(|pen| pen.put(format_args!("{whose} {}", hop.address)));
        pen.piece_after(1, |pen| pen.put(format_args!("at {}", mac(hop.mac))));
        let took = millis(hop.answered.time.since(hop.asked.time));
        pen.piece_after(1, |pen| pen.put(format_args!("by ARP in {took} ms")));
        frames_of(&[hop.asked.frame, hop.answered.frame], pen);
    }
    if connection.syns > 1 {
        pen.piece(|pen| pen.text(style::of(Severity::Warn), &format!("SYN sent {} times", connection.syns)));
    }
    if let Some(hops) = connection.hops().filter(|hops| *hops > 0) {
        let ttl = connection.server_ttl.unwrap_or_default();
        let routers = count(hops.into(), "router").unwrap_or_default();
        pen.piece(|pen| pen.text(DIM, &format!("ttl {ttl}: {routers} away")));
    }
}

/// How a connection was secured.
fn of_handshake(secured: &Secured, pen: &mut Pen<'_>) {
    let took = secured.span().map_or_else(String::new, |(from, to)| format!(" in {} ms", millis(to.since(from))));
    pen.piece(|pen| pen.put(format_args!("secured{took}")));
    let hello = [secured.client_hello, secured.server_hello, secured.secured];
    frames_of(&hello.into_iter().flatten().map(|moment| moment.frame).collect::<Vec<_>>(), pen);
    let known = [("", &secured.version), ("", &secured.cipher), ("for ", &secured.host), ("speaks ", &secured.alpn)];
    for (word, value) in known {
        if let Some(value) = value {
            let room = pen.width().saturating_sub(30);
            pen.piece(|pen| {
                pen.push(word);
                pen.captured(value.as_bytes(), room);
            });
        }
    }
    if secured.alpn.is_none() && !secured.offered.is_empty() {
        let room = pen.width().saturating_sub(30);
        pen.piece(|pen| {
            pen.push("offers ");
            pen.captured(secured.offered.join(", ").as_bytes(), room);
        });
    }
}

fn closed(connection: &Connection) -> &'static str {
    match connection.close {
        Close::Fin => "closed",
        Close::Rst => "reset",
        Close::Open => "open at the end",
        Close::Forgotten => "given up when too many were open",
        Close::Reused => "its ports were used again",
    }
}

/// An object in full.
fn of_object(at: usize, object: &Object, visit: &Visit, pen: &mut Pen<'_>) {
    pen.text(HEADING, &format!("{:>3} ", at + 1));
    begin(pen, 8);
    let line = match object.exchange() {
        Some(exchange) => format!("{} {}", exchange.method, url(object)),
        None => url(object),
    };
    let room = pen.room();
    pen.captured(line.trim().as_bytes(), room);
    pen.end_line();
    pen.begin_line();
    if let Some(exchange) = object.exchange() {
        let status = exchange.status.map_or_else(|| "no response".to_owned(), |status| status.to_string());
        pen.piece(|pen| pen.push(&status));
        if !exchange.mime.is_empty() {
            let room = pen.width() / 3;
            pen.piece(|pen| pen.captured(exchange.mime.as_bytes(), room));
        }
    }
    pen.piece(|pen| pen.push(&size(received(object))));
    pen.piece(|pen| pen.push(&cause(object, visit)));
    if let Some(behind) = object.behind {
        pen.piece(|pen| pen.put(format_args!("behind #{} on connection {}", behind + 1, object.stream)));
    }
    if let Some(location) = object.exchange().and_then(|exchange| exchange.location.as_deref()) {
        let room = pen.width().saturating_sub(20);
        pen.piece(|pen| {
            pen.push("→ ");
            pen.captured(location.as_bytes(), room);
        });
    }
    pen.end_line();
    pen.begin_line();
    let phases = object.phases();
    for phase in Phase::ALL.into_iter().filter(|phase| *phase != Phase::Stalled) {
        if let Some(nanos) = phases.nanos(phase) {
            pen.piece(|pen| {
                pen.text(DIM, phase.name());
                pen.put(format_args!(" {} ms", millis(nanos)));
            });
        }
    }
    let parts = [("request", &object.request), ("response", &object.response)];
    for (name, part) in parts {
        let Some(part) = part else { continue };
        let frames = match (part.first_frame, part.last_frame) {
            (first, last) if first == last => format!("{name} frame {first}"),
            (first, last) => format!("{name} frames {first}-{last}"),
        };
        pen.piece(|pen| pen.text(DIM, &frames));
    }
    pen.end_line();
}

fn cause(object: &Object, visit: &Visit) -> String {
    match object.cause {
        Cause::Visit if visit.from.is_some() => "by a link".to_owned(),
        Cause::Visit => "where the visit begins".to_owned(),
        Cause::Redirect(by) => format!("redirected by #{}", by + 1),
        Cause::Content(by) => format!("named in #{}", by + 1),
        Cause::Referer(by) => format!("its Referer is #{}", by + 1),
        Cause::Time => "what caused it is not known".to_owned(),
    }
}

/// A line about an object, a connection or a lookup.
type Note = (String, String);

fn section(title: &str, notes: &[Note], severity: Severity, pen: &mut Pen<'_>) {
    if notes.is_empty() {
        return;
    }
    pen.text(style::of(severity), title);
    pen.end_line();
    for (what, note) in notes {
        pen.push("  ");
        begin(pen, 6);
        let room = pen.room() / 2;
        pen.captured(what.as_bytes(), room);
        pen.piece_after(2, |_| {});
        pen.words(PLAIN, note);
        pen.end_line();
    }
}

fn name(at: usize, object: &Object) -> String {
    let url = url(object);
    let path = url.split_once("://").map_or("", |(_, rest)| rest);
    format!("#{} {}", at + 1, path.split_once('/').map_or(path, |(_, path)| if path.is_empty() { "/" } else { path }))
}

fn stalls(pages: &Pages, visit: &Visit) -> Vec<Note> {
    let mut notes = Vec::new();
    for (at, object) in visit.objects.iter().enumerate() {
        for (word, part) in [("the request", &object.request), ("the response", &object.response)] {
            let Some(part) = part else { continue };
            let late: Vec<_> = part.stalls.iter().filter(|stall| !stall.again).collect();
            let again = part.sent_again.max(part.stalls.iter().filter(|stall| stall.again).count() as u32);
            if late.is_empty() && again == 0 {
                continue;
            }
            let mut note = Vec::new();
            if again > 0 {
                note.push(format!("{} of {word} sent again", count(again as usize, "segment").unwrap_or_default()));
            }
            if let Some(first) = part.stalls.first() {
                let bytes: u64 = part.stalls.iter().map(|stall| u64::from(stall.bytes)).sum();
                let frames: Vec<_> = part.stalls.iter().take(8).map(|stall| stall.frame.to_string()).collect();
                let word = if frames.len() == 1 { "frame" } else { "frames" };
                let more = if part.stalls.len() > frames.len() { " …" } else { "" };
                let since = if first.again { "after they were first captured" } else { "after what follows them" };
                let stalled = millis(crate::page::stalled(&part.stalls));
                note.push(format!("{bytes} bytes came {stalled} ms {since} ({word} {}{more})", frames.join(" ")));
            }
            notes.push((name(at, object), note.join("; ")));
        }
    }
    for connection in visit.connections.iter().filter_map(|stream| pages.connections.get(stream)) {
        if connection.syns > 1
            && let (Some(syn), Some(end)) = (connection.syn, connection.ack.or(connection.refused))
        {
            let took = millis(end.time.since(syn.time));
            notes.push((
                format!("connection {}", connection.stream),
                format!("SYN sent {} times, answered after {took} ms", connection.syns),
            ));
        }
    }
    notes
}

fn missing(pages: &Pages, visit: &Visit) -> Vec<Note> {
    let mut notes = Vec::new();
    for lookup in &visit.lookups {
        let rcode = lookup.questions.iter().find(|question| question.failed()).map(|question| &question.rcode[..]);
        if lookup.end().is_none() {
            notes.push((lookup.name.clone(), "the question was not answered".to_owned()));
        } else if rcode == Some("NXDOMAIN") {
            notes.push((lookup.name.clone(), "there is no such name (NXDOMAIN)".to_owned()));
        } else if let Some(rcode) = rcode {
            notes.push((lookup.name.clone(), format!("the answer was an error: {rcode}")));
        }
    }
    for connection in visit.connections.iter().filter_map(|stream| pages.connections.get(stream)) {
        let what = format!("connection {} to {}", connection.stream, connection.server);
        if connection.refused.is_some() {
            notes.push((what, "was refused".to_owned()));
        } else if connection.syn.is_some() && connection.syn_ack.is_none() {
            notes.push((what, "was never answered".to_owned()));
        }
    }
    for (at, object) in visit.objects.iter().enumerate() {
        if object.turn().is_some() {
            continue;
        }
        for (word, part) in [("request", &object.request), ("response", &object.response)] {
            match part {
                None => notes.push((name(at, object), format!("the {word} is not in the capture"))),
                Some(part) if part.integrity != Integrity::Complete => {
                    notes.push((name(at, object), incomplete(word, part)));
                }
                Some(_) => {}
            }
        }
        if let Some(status) = object.exchange().and_then(|exchange| exchange.status).filter(|status| *status >= 400) {
            notes.push((name(at, object), format!("the server answered {status}")));
        }
    }
    notes
}

fn incomplete(word: &str, part: &Part) -> String {
    let got = part.length.saturating_sub(part.missing);
    let why = match part.integrity {
        Integrity::Complete => "",
        Integrity::Gap => "bytes of it were not captured",
        Integrity::Truncated => "frames were captured shorter than sent",
        Integrity::Aborted => "the connection was reset before its end",
        Integrity::ClosedEarly => "the connection was closed before its end",
        Integrity::Unfinished => "it had not ended when the capture did",
        Integrity::Malformed => "its framing cannot be believed",
    };
    let missing = if part.missing > 0 { format!(", {} bytes are missing", part.missing) } else { String::new() };
    format!("{got} bytes of the {word} are there{missing}: {why}")
}

/// What cannot be known.
fn encrypted(visit: &Visit, pen: &mut Pen<'_>) {
    let turns = || visit.objects.iter().filter_map(Object::turn);
    let within = match turns().find_map(|turn| turn.alpn.as_deref()) {
        Some("h2") => "HTTP/2 is within, which asks for several objects at a time: a turn may be any number of them",
        Some(_) => "HTTP/1.1 is within: a turn is a request and its response, unless requests were pipelined",
        None => {
            "What is within was agreed on out of sight: with HTTP/1.1 a turn is a request and its response, with HTTP/2 any \
             number of them"
        }
    };
    pen.indent.column = 2;
    pen.begin_line();
    pen.words(
        DIM,
        &format!(
            "TLS hides what was asked for and answered. A turn is what the client sends and what the server sends after it. \
             {within}. Sizes are those of the encrypted data; paths, status codes, types, and what caused what cannot be known."
        ),
    );
    pen.end_line();
}

/// What belongs to no visit, and what is beyond the bounds.
pub fn apart(pages: &Pages, style: &Style, any: bool, out: &mut Vec<u8>) {
    let mut pen = Pen::new(out, style.width, style.color);
    if !any {
        pen.words(PLAIN, "No visit to a web page: nothing was fetched over HTTP or TLS.");
        pen.end_line();
    }
    if !pages.lookups.is_empty() || !pages.idle.is_empty() {
        if any {
            pen.end_line();
        }
        pen.text(HEADING, "In no visit");
        pen.end_line();
        pages.lookups.iter().take(LISTED).for_each(|lookup| of_lookup(lookup, &mut pen));
        let idle = pages.idle.iter().filter_map(|stream| pages.connections.get(stream));
        idle.take(LISTED).for_each(|connection| of_connection(connection, &[], None, &mut pen));
        more(pages.lookups.len().saturating_sub(LISTED), "lookup", &mut pen);
        more(pages.idle.len().saturating_sub(LISTED), "connection", &mut pen);
    }
    let beyond = [
        (pages.beyond.objects, "objects", "kept"),
        (pages.beyond.lookups, "lookups", "kept, the first ones"),
        (pages.beyond.connections, "connections", "kept"),
    ];
    for (number, what, kept) in beyond {
        if number > 0 {
            pen.words(style::of(Severity::Warn), &format!("{number} more {what} than are {kept} are not told of"));
            pen.end_line();
        }
    }
}
