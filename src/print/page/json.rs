//! Visits as records: JSON Lines, one object a line.

use super::{mac, shown, url};
use crate::frame::Timestamp;
use crate::page::{Cause, Chat, Connection, Lookup, Moment, Object as Fetched, Pages, Part, Phase, Turn, Visit};
use crate::print::number;
use crate::print::object::Object;
use crate::print::time::Seconds;

/// Version of the records.
const SCHEMA_VERSION: u64 = 1;

/// Writes all of it.
pub fn write(pages: &Pages, visit: Option<u64>, source: &str, out: &mut Vec<u8>) {
    let mut line = |fill: &mut dyn FnMut(&mut Object<'_>)| {
        Object::write(out, |object| fill(object));
        out.push(b'\n');
    };
    line(&mut |object| {
        object.text("type", "begin");
        object.uint("schema", SCHEMA_VERSION);
        object.text("program", concat!("dissect ", env!("CARGO_PKG_VERSION")));
        object.text("source", source);
    });
    let mut clock = Seconds::default();
    for (number, visit) in shown(pages, visit) {
        line(&mut |object| of_visit(object, number, visit, &mut clock));
        let at = |time: Timestamp| time.since(visit.start);
        for lookup in &visit.lookups {
            line(&mut |object| of_lookup(object, Some(number), lookup, &at));
        }
        let objects = visit.by_connection();
        for connection in visit.connections.iter().filter_map(|stream| pages.connections.get(stream)) {
            let carried = objects.get(&connection.stream).map_or(&[][..], Vec::as_slice);
            line(&mut |object| of_connection(object, Some(number), carried, connection, &at));
        }
        for (place, fetched) in visit.objects.iter().enumerate() {
            line(&mut |object| of_object(object, number, place, fetched, visit));
        }
    }
    let at = |time: Timestamp| time.0;
    if visit.is_none() {
        for lookup in &pages.lookups {
            line(&mut |object| of_lookup(object, None, lookup, &at));
        }
        for connection in pages.idle.iter().filter_map(|stream| pages.connections.get(stream)) {
            line(&mut |object| of_connection(object, None, &[], connection, &at));
        }
    }
    line(&mut |object| {
        object.text("type", "end");
        object.uint("visits", pages.visits.len() as u64);
        object.object("beyond", |object| {
            object.uint("objects", pages.beyond.objects);
            object.uint("lookups", pages.beyond.lookups);
            object.uint("connections", pages.beyond.connections);
        });
    });
}

/// Nanoseconds as milliseconds.
fn millis(object: &mut Object<'_>, name: &str, nanos: i64) {
    number::millis(object.key(name), nanos);
}

/// Seconds since 1970, with all digits.
fn epoch(object: &mut Object<'_>, name: &str, time: Timestamp) {
    let out = object.key(name);
    out.push(b'"');
    number::seconds(out, time.0);
    out.push(b'"');
}

fn of_visit(object: &mut Object<'_>, number: usize, visit: &Visit, clock: &mut Seconds) {
    object.text("type", "visit");
    object.uint("visit", number as u64);
    object.text("url", visit.objects.first().map(url).unwrap_or_default());
    object.text("document_url", visit.objects.get(visit.document).map(url).unwrap_or_default());
    object.uint("document", visit.document as u64 + 1);
    if let Some(from) = visit.from {
        object.uint("from_visit", from as u64 + 1);
    }
    object.text("client", visit.client.to_string());
    object.text("time", format!("{}.{:09}Z", clock.rfc3339(visit.start.secs()), visit.start.subsec_nanos()));
    epoch(object, "time_epoch", visit.start);
    millis(object, "duration", visit.end.since(visit.start));
    let turns = visit.objects.iter().filter(|object| object.turn().is_some()).count();
    object.uint("objects", (visit.objects.len() - turns) as u64);
    object.uint("turns", turns as u64);
    object.uint("lookups", visit.lookups.len() as u64);
    object.uint("connections", visit.connections.len() as u64);
    object.uint("length", visit.objects.iter().map(super::text::received).sum());
    object.uint("incomplete", visit.objects.iter().filter(|object| !object.is_complete()).count() as u64);
}

fn moment(object: &mut Object<'_>, name: &str, moment: Option<Moment>, at: &dyn Fn(Timestamp) -> i64) {
    if let Some(moment) = moment {
        object.object(name, |object| {
            millis(object, "at", at(moment.time));
            object.uint("frame", moment.frame);
        });
    }
}

fn of_lookup(object: &mut Object<'_>, visit: Option<usize>, lookup: &Lookup, at: &dyn Fn(Timestamp) -> i64) {
    object.text("type", "lookup");
    if let Some(visit) = visit {
        object.uint("visit", visit as u64);
    }
    object.text("name", &lookup.name);
    object.text("client", lookup.client.to_string());
    object.text("server", lookup.server.to_string());
    epoch(object, "time_epoch", lookup.start());
    if let Some(end) = lookup.end() {
        millis(object, "duration", end.since(lookup.start()));
    }
    object.objects("questions", &lookup.questions, |object, question| {
        object.text("type", &question.kind);
        moment(object, "asked", question.asked, at);
        moment(object, "answered", question.answered, at);
        if question.answered.is_some() {
            object.text("rcode", &question.rcode);
            object.texts("records", &question.records);
        }
    });
    if lookup.more > 0 {
        object.uint("more_questions", lookup.more);
    }
}

fn of_connection(
    object: &mut Object<'_>,
    visit: Option<usize>,
    carried: &[usize],
    connection: &Connection,
    at: &dyn Fn(Timestamp) -> i64,
) {
    object.text("type", "connection");
    if let Some(number) = visit {
        object.uint("visit", number as u64);
    }
    object.uint("stream", connection.stream);
    object.text("client", connection.client.to_string());
    object.text("server", connection.server.to_string());
    epoch(object, "time_epoch", connection.start());
    if let Some(hop) = &connection.next_hop {
        object.object("next_hop", |object| {
            object.text("address", hop.address.to_string());
            object.text("mac", mac(hop.mac));
            moment(object, "asked", Some(hop.asked), at);
            moment(object, "answered", Some(hop.answered), at);
        });
    }
    moment(object, "syn", connection.syn, at);
    moment(object, "syn_ack", connection.syn_ack, at);
    moment(object, "ack", connection.ack, at);
    moment(object, "refused", connection.refused, at);
    object.uint("syns", connection.syns.into());
    if let Some(took) = connection.took() {
        millis(object, "connect", took);
    }
    if let Some(ttl) = connection.server_ttl {
        object.uint("server_ttl", ttl.into());
    }
    if let Some(protocol) = connection.protocol {
        object.text("protocol", protocol);
    }
    if let Some(secured) = &connection.secured {
        object.object("tls", |object| {
            moment(object, "client_hello", secured.client_hello, at);
            moment(object, "server_hello", secured.server_hello, at);
            moment(object, "secured", secured.secured, at);
            if let Some((from, to)) = secured.span() {
                millis(object, "duration", to.since(from));
            }
            let known = [
                ("host", &secured.host),
                ("version", &secured.version),
                ("cipher", &secured.cipher),
                ("alpn", &secured.alpn),
            ];
            for (name, value) in known {
                if let Some(value) = value {
                    object.text(name, value);
                }
            }
            object.texts("alpn_offered", &secured.offered);
        });
    }
    object.array("objects", carried, |out, place| number::uint(out, *place as u64 + 1));
    let [up, down] = connection.bytes;
    object.uint("bytes_to_server", up);
    object.uint("bytes_to_client", down);
    let [up, down] = connection.sent_again;
    object.uint("retransmissions_to_server", up.into());
    object.uint("retransmissions_to_client", down.into());
    object.text("close", connection.close.name());
    millis(object, "last", at(connection.last.time));
}

fn of_object(object: &mut Object<'_>, number: usize, place: usize, fetched: &Fetched, visit: &Visit) {
    object.text("type", if fetched.turn().is_some() { "turn" } else { "object" });
    object.uint("visit", number as u64);
    object.uint("number", place as u64 + 1);
    object.text("url", url(fetched));
    match (fetched.exchange(), fetched.turn()) {
        (Some(exchange), _) => {
            object.text("method", &exchange.method);
            if let Some(status) = exchange.status {
                object.uint("status", status.into());
            }
            for (name, value) in [
                ("content_type", Some(&exchange.mime).filter(|mime| !mime.is_empty())),
                ("location", exchange.location.as_ref()),
                ("referer", exchange.referer.as_ref()),
            ] {
                if let Some(value) = value {
                    object.text(name, value);
                }
            }
            if exchange.interim > 0 {
                object.uint("interim_responses", exchange.interim.into());
            }
            if let Some(chat) = &exchange.chat {
                object.object("websocket", |object| of_chat(object, chat, visit));
            }
        }
        (None, Some(turn)) => of_turn(object, turn),
        (None, None) => {}
    }
    object.uint("stream", fetched.stream);
    object.text("client", fetched.ends[0].to_string());
    object.text("server", fetched.ends[1].to_string());
    object.text("cause", fetched.cause.name());
    if let Cause::Redirect(by) | Cause::Content(by) | Cause::Referer(by) = fetched.cause {
        object.uint("by", by as u64 + 1);
    }
    if let Some(behind) = fetched.behind {
        object.uint("behind", behind as u64 + 1);
    }
    object.uint("length", super::text::received(fetched));
    object.bool("complete", fetched.is_complete());
    epoch(object, "time_epoch", fetched.first());
    if let Some(wanted) = fetched.wanted {
        millis(object, "wanted", wanted.since(visit.start));
    }
    for (name, part) in [("request", &fetched.request), ("response", &fetched.response)] {
        if let Some(part) = part {
            object.object(name, |object| of_part(object, part, visit));
        }
    }
    let phases = fetched.phases();
    object.object("timings", |object| {
        for phase in Phase::ALL.into_iter().filter(|phase| *phase != Phase::Stalled) {
            if let Some(nanos) = phases.nanos(phase) {
                millis(object, phase.name(), nanos);
            }
        }
        if fetched.stalled() > 0 {
            millis(object, "stalled", fetched.stalled());
        }
    });
}

fn of_chat(object: &mut Object<'_>, chat: &Chat, visit: &Visit) {
    let [up, down] = chat.messages;
    object.uint("messages_to_server", up);
    object.uint("messages_to_client", down);
    let [up, down] = chat.bytes;
    object.uint("bytes_to_server", up);
    object.uint("bytes_to_client", down);
    if let Some(last) = chat.last {
        millis(object, "last", last.since(visit.start));
    }
}

fn of_turn(object: &mut Object<'_>, turn: &Turn) {
    if let Some(host) = &turn.host {
        object.text("host", host);
    }
    if let Some(alpn) = &turn.alpn {
        object.text("alpn", alpn);
    }
    let [up, down] = turn.records;
    object.uint("records_to_server", up);
    object.uint("records_to_client", down);
    object.uint("bytes_to_server", turn.data[0]);
    object.uint("bytes_to_client", turn.data[1]);
}

fn of_part(object: &mut Object<'_>, part: &Part, visit: &Visit) {
    if part.number > 0 {
        object.uint("message", part.number.into());
    }
    millis(object, "first", part.first.since(visit.start));
    millis(object, "last", part.last.since(visit.start));
    object.uint("first_frame", part.first_frame);
    object.uint("last_frame", part.last_frame);
    object.uint("length", part.length);
    object.uint("body_length", part.body);
    object.text("integrity", part.integrity.name());
    object.uint("missing_bytes", part.missing);
    object.texts("issues", part.issues.iter().map(|issue| issue.name()));
    object.uint("retransmissions", part.sent_again.into());
    object.objects("stalls", &part.stalls, |object, stall| {
        millis(object, "from", stall.from.since(visit.start));
        millis(object, "to", stall.to.since(visit.start));
        object.uint("frame", stall.frame);
        object.uint("length", stall.bytes.into());
        object.bool("copy", stall.again);
    });
}
