//! The bytes of a stream that is followed: of HTTP messages what is no secret is shown, of others nothing.

use std::collections::VecDeque;

use super::{Body, HeadScanner, Media, mask, message};
use crate::app::message::{Message, Unit};
use crate::event;

/// Messages that are remembered of those that the bytes to come completed.
const MAX_ENDED: usize = 64 << 10;

/// Both directions.
#[derive(Default)]
pub struct Conversation {
    sides: [Side; 2],
}

#[derive(Default)]
struct Side {
    /// Messages that have ended, of which bytes may still come.
    ended: VecDeque<Place>,
    /// The message of which the last bytes were.
    now: Option<Now>,
}

/// Where a message is, and how it is to be read.
#[derive(Clone, Debug)]
struct Place {
    start: u64,
    /// Where it ends, if it has.
    end: u64,
    sort: Sort,
}

#[derive(Clone, Debug)]
enum Sort {
    /// Of HTTP/1: the length of its head, as far as it is whole, and what its body is.
    Http { head: Option<u64>, media: Media },
    /// Of a protocol in which nothing is secret that can be read.
    Plain,
    /// Of another.
    Opaque,
}

struct Now {
    start: u64,
    head: HeadScanner,
    body: Option<Body>,
}

impl Place {
    fn of(message: &Message, end: u64) -> Self {
        let sort = match &message.unit {
            Unit::Http(http) if http.http2.is_none() => {
                let head = (http.parsed.complete || http.nine).then(|| u64::from(http.parsed.len));
                // Chunks have lengths between the bytes of the body, and their trailer section fields.
                let is_chunked = http.head().get("transfer-encoding").is_some();
                let media = if is_chunked { Media::Opaque } else { message::media(http, false) };
                Sort::Http { head, media }
            }
            Unit::Dns(_) | Unit::Tls(_) => Sort::Plain,
            _ => Sort::Opaque,
        };
        Self { start: message.start, end, sort }
    }
}

impl Conversation {
    /// A message has ended, with bytes that come next or came.
    pub fn ends(&mut self, told: &event::Message<'_>) {
        let Some(side) = self.sides.get_mut(told.message.side) else { return };
        let end = told.message.start.saturating_add(told.message.len);
        if side.ended.len() < MAX_ENDED {
            side.ended.push_back(Place::of(told.message, end));
        }
    }

    /// Bytes are missing.
    pub fn gap(&mut self, side: usize) {
        if let Some(body) = self.sides.get_mut(side).and_then(|side| side.now.as_mut()?.body.as_mut()) {
            body.gap();
        }
    }

    /// Masks the next bytes of a direction, which begin at `offset`; `under_way` is the message that goes on after them.
    pub fn data(&mut self, side: usize, offset: u64, bytes: &mut [u8], under_way: Option<&Message>) {
        let Some(side) = self.sides.get_mut(side) else { return message::all(bytes) };
        let under_way = under_way.map(|message| Place::of(message, u64::MAX));
        let end = offset.saturating_add(bytes.len() as u64);
        let mut at = offset;
        let mut rest = bytes;
        while !rest.is_empty() {
            while side.ended.front().is_some_and(|place| place.end <= at) {
                side.ended.pop_front();
            }
            let place = side.ended.front().or(under_way.as_ref());
            let (to, place) = match place {
                Some(place) if place.start <= at => (place.end.min(end), Some(place)),
                // What comes before it is of no message.
                Some(place) => (place.start.min(end), None),
                None => (end, None),
            };
            // Both are within the bytes, and `to` is beyond `at`.
            let (piece, others) = rest.split_at_mut(usize::try_from(to - at).unwrap_or(usize::MAX).min(rest.len()));
            match place {
                Some(place) => show(&mut side.now, place, at, piece),
                None => message::all(piece),
            }
            (at, rest) = (to, others);
        }
    }
}

/// Masks bytes of a message, which are at `at` of its stream.
fn show(now: &mut Option<Now>, place: &Place, at: u64, bytes: &mut [u8]) {
    let (head_len, media) = match &place.sort {
        Sort::Http { head, media } => (*head, media),
        Sort::Plain => return,
        Sort::Opaque => return message::all(bytes),
    };
    let is_same = now.as_ref().is_some_and(|now| now.start == place.start);
    if !is_same {
        *now = None;
    }
    // Of a message that was not seen from its beginning it is not known where in it the bytes are.
    if now.is_none() && at != place.start {
        return message::all(bytes);
    }
    let now = now.get_or_insert_with(|| Now { start: at, head: HeadScanner::default(), body: None });
    let left = head_len.map_or(u64::MAX, |len| place.start.saturating_add(len).saturating_sub(at));
    let of_head = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
    let (head, body) = bytes.split_at_mut(of_head);
    mask(head, |bytes, found| now.head.feed(bytes, found));
    if !body.is_empty() {
        let scanner = now.body.get_or_insert_with(|| Body::new(media));
        mask(body, |bytes, found| scanner.feed(bytes, found));
    }
}
