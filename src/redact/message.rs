//! Messages with their secrets masked.

use super::{Body, Context, Found, Media, Text, authority, content, field, head, hide, mask, shifted, target, trailer};
use crate::app::http1::Http;
use crate::app::http1::head::{HeadRef, StartLine};
use crate::app::http2::Says;
use crate::app::message::{Message, Unit};
use crate::app::websocket::WebSocket;

/// Masks the secrets of a message.
pub fn message(message: &mut Message) {
    let holes = message.missing_bytes > 0;
    match &mut message.unit {
        Unit::Http(unit) => http(unit, holes),
        Unit::Http2(control) => match &mut control.says {
            Says::GoAway { debug, .. } => whole_text(debug),
            // It may be part of a field block.
            Says::Other(bytes) => all(bytes),
            _ => {}
        },
        Unit::WebSocket(chat) => web_socket(chat, holes),
        Unit::Named(named) => {
            let mut bytes = std::mem::take(&mut named.summary).into_bytes();
            mask(&mut bytes, |bytes, found| Text::new(Context::Field).whole().feed(bytes, found));
            // A character is masked by as many bytes as it has, or not at all.
            named.summary = String::from_utf8_lossy(&bytes).into_owned();
        }
        Unit::Dns(_) | Unit::Tls(_) => {}
    }
}

fn http(http: &mut Http, holes: bool) {
    let media = media(http, http.decoded_len.is_some());
    // Lines may be told otherwise than they were read: what either way is secret is masked.
    let mut found = Vec::new();
    let mut add = |_, range| found.push(range);
    head(&http.raw, &mut add);
    fields(http.head(), &mut add);
    hide(&mut http.raw, &found);
    found.clear();
    let mut add = |_, range| found.push(range);
    trailer(&http.trailer_raw, &mut add);
    fields(http.trailer(), &mut add);
    hide(&mut http.trailer_raw, &found);
    if holes && !http.preview.is_empty() && media != Media::Form {
        // It is not known where in it they are.
        all(&mut http.preview);
    } else {
        mask(&mut http.preview, |bytes, found| Body::new(&media).feed(bytes, found));
    }
    for (name, value) in http.http2.iter_mut().flat_map(|part| &mut part.pseudo) {
        match &name[..] {
            b":authority" => mask(value, authority),
            b":method" | b":scheme" | b":status" | b":protocol" => false,
            _ => mask(value, target),
        };
    }
}

/// What a message's body is; `decoded` where its codings are undone.
pub fn media(http: &Http, decoded: bool) -> Media {
    let head = http.head();
    let coded = head.list("content-encoding").any(|coding| !coding.eq_ignore_ascii_case(b"identity"));
    Media::of(head.get("content-type").as_deref(), coded && !decoded)
}

/// The secrets of a head as it was read.
fn fields(head: HeadRef<'_>, found: Found<'_>) {
    if let StartLine::Request { target: span, .. } = head.head.start {
        target(span.of(head.bytes), &mut shifted(span.start as usize, found));
    }
    for line in &head.head.fields {
        let (name, value) = (head.name(line), line.value.of(head.bytes));
        let mut found = shifted(line.value.start as usize, found);
        if name.eq_ignore_ascii_case(b"host") { authority(value, &mut found) } else { field(name, value, &mut found) }
    }
    let span = head.head.authority;
    authority(span.of(head.bytes), &mut shifted(span.start as usize, found));
}

fn web_socket(chat: &mut WebSocket, holes: bool) {
    if holes {
        return all(&mut chat.content);
    }
    let is_whole = chat.len <= chat.content.len() as u64;
    mask(&mut chat.content, |bytes, found| {
        if is_whole { content(&Media::Text, bytes, found) } else { Body::new(&Media::Text).feed(bytes, found) }
    });
}

fn whole_text(bytes: &mut [u8]) {
    mask(bytes, |bytes, found| content(&Media::Text, bytes, found));
}

/// Masks everything.
pub fn all(bytes: &mut [u8]) {
    bytes.fill(super::MASK);
}
