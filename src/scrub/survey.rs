//! The first pass: reads the streams, and finds what of them is kept and what is changed.

use std::collections::HashMap;

use super::addresses::Addresses;
use super::fragments::Datagrams;
use super::http2;
use super::literals::Literals;
use super::plan::{Plan, Side};
use super::report::Report;
use super::websocket::Frames;
use super::{Bodies, Options, dns};
use crate::app::http1::Http;
use crate::app::http1::chunked::{self, Progress};
use crate::app::http1::head::HeadRef;
use crate::app::message::{Message, Unit};
use crate::event::{self, Event, Flow, Followed, Happened, Sink, Transport};
use crate::flow::Endpoint;
use crate::redact::{self, Body, Context, Kind, Media, Text};
use crate::tcp::reassembly::{Compared, Item};

/// Connections under way that are remembered; bytes of further ones are left out.
const MAX_LIVE: usize = 256 << 10;

/// Chunks of a body that are remembered; the framing of further ones is masked with them.
const MAX_CHUNKS: usize = 1 << 20;

/// The length of the empty line that ends a message whose trailer section has no fields.
const CRLF: u64 = 2;

/// Finds what is to be done, as the sink of an engine that follows all connections and gives out frames.
pub struct Survey<'o, F> {
    options: &'o Options,
    /// Whether the body of a message is chosen to be masked.
    chooses: F,
    addresses: Addresses,
    live: HashMap<u64, Live>,
    plan: Plan,
    report: Report,
    /// Datagrams that came in fragments.
    datagrams: Datagrams,
}

#[derive(Default)]
struct Live {
    sides: [Half; 2],
}

/// One direction of a connection under way.
#[derive(Default)]
struct Half {
    literals: Literals,
    /// Offset of the byte that comes next.
    next: u64,
    /// The HTTP message in whose body the last byte was.
    content: Option<Content>,
    /// Messages that ended with the bytes that come next, or before.
    ended: Vec<Ended>,
    /// Where TLS began.
    is_tls: bool,
    websocket: Option<Frames>,
    /// Where the first WebSocket message begins that was met since the frames were lost.
    websocket_at: Option<u64>,
    http2: Option<http2::Frames>,
    /// The same of HTTP/2, and whether it was met before.
    http2_at: Option<u64>,
    was_http2: bool,
}

/// A body that is looked into as it comes.
struct Content {
    /// Where its message begins, and where it does.
    message: u64,
    start: u64,
    decoder: Option<chunked::Decoder>,
    /// Extensions of chunks.
    framing: Text,
    /// Where its last chunk ends, and its trailer section begins.
    chunked_to: Option<u64>,
    secrets: Body,
    /// Where its data is, without the framing of chunks.
    runs: Vec<(u64, u64)>,
    /// From where on it is not known what is data.
    lost: Option<u64>,
    /// The end of the last secret, and its kind.
    last: Option<(Kind, u64)>,
}

/// A message of HTTP/1 that has ended.
struct Ended {
    start: u64,
    body: u64,
    /// Where its body ends.
    end: u64,
    chunked: bool,
    media: Media,
    is_coded: bool,
    is_chosen: bool,
}

impl<'o, F: FnMut(&event::Message<'_>) -> bool> Survey<'o, F> {
    /// That has seen nothing; `chooses` tells whether the body of a message is to be masked.
    pub fn new(options: &'o Options, chooses: F) -> Self {
        Self {
            options,
            chooses,
            addresses: Addresses::new(&options.key, options.keep_oui),
            live: HashMap::new(),
            plan: Plan::default(),
            report: Report::default(),
            datagrams: Datagrams::default(),
        }
    }

    /// What it has found.
    pub(super) fn finish(mut self) -> super::Found {
        let streams: Vec<u64> = self.live.keys().copied().collect();
        streams.into_iter().for_each(|stream| self.close(stream));
        self.plan.finish();
        self.report.ran_out = self.plan.is_full;
        (self.plan, self.report, self.addresses, self.datagrams)
    }

    fn message(&mut self, told: &event::Message<'_>) {
        let (message, stream) = (told.message, told.flow.stream);
        if told.flow.transport != Transport::Tcp {
            return;
        }
        let first = told.flow.ends[0];
        let at = message.side & 1;
        if let Some(side) = self.plan.side(stream, at, first) {
            side.counts_from(told.first_seq.wrapping_sub(message.start as u32));
        }
        let Some(half) = half(&mut self.live, stream, at) else { return };
        match &message.unit {
            Unit::Http(http) if http.http2.is_none() => {
                let is_chosen = self.options.bodies == Bodies::All || (self.chooses)(told);
                let Some(side) = self.plan.side(stream, at, first) else { return };
                half.ended.push(end(message, http, is_chosen, self.options.keep_coded, side, &mut self.report));
            }
            Unit::Dns(dns) => {
                // The length comes first.
                const PREFIX: u64 = 2;
                let mut wire = dns.wire().to_vec();
                self.report.dns_blanked += dns::scrub(&mut wire, &mut self.addresses);
                self.report.dns_messages += 1;
                let Some(side) = self.plan.side(stream, at, first) else { return };
                side.keep(message.start, message.start + PREFIX + wire.len() as u64);
                side.put(message.start + PREFIX, &wire);
            }
            unit => {
                half.meets(unit, message.start, &mut self.plan, (stream, at, first));
            }
        }
    }

    fn item(&mut self, flow: &Flow, at: usize, item: &Item<'_>, under_way: Option<&Message>) {
        let (stream, first) = (flow.stream, flow.ends[0]);
        match item {
            Item::Data(segment, bytes, _) => self.data((stream, at, first), segment.offset, bytes, under_way),
            Item::Gap { offset, len, .. } => {
                self.settle((stream, at, first), *offset, &[]);
                self.end_literals((stream, at, first), *offset);
                if let Some(half) = half(&mut self.live, stream, at) {
                    half.gap(*offset, *len);
                }
            }
            // What was compared with the bytes that were looked into is as harmless as they are.
            // What comes before the first byte is not kept anyway.
            Item::Copy(_, Compared::Equal) | Item::Before(_) => {}
            Item::Copy(segment, _) | Item::Late(segment) | Item::Outside(segment) => {
                self.report.copies_dropped += 1;
                let end = segment.offset.saturating_add(segment.len.into());
                self.plan.drop_copy(segment.frame, segment.offset, end);
            }
            Item::End { .. } => self.settle((stream, at, first), u64::MAX, &[]),
        }
    }

    fn data(&mut self, id: (u64, usize, Endpoint), offset: u64, bytes: &[u8], under_way: Option<&Message>) {
        let (stream, at, first) = id;
        if let Some(message) = under_way
            && let Some(half) = half(&mut self.live, stream, at)
        {
            half.meets(&message.unit, message.start, &mut self.plan, id);
        }
        self.settle(id, offset, bytes);
        let Some(half) = half(&mut self.live, stream, at) else { return };
        let end = offset + bytes.len() as u64;
        if !half.is_tls {
            let (plan, report) = (&mut self.plan, &mut self.report);
            half.literals.feed(offset, bytes, &mut self.addresses, &mut |from, text| {
                report.literals += 1;
                plan.side(stream, at, first).into_iter().for_each(|side| side.put(from, &text));
            });
        }
        if let Some(from) = half.websocket_at.take_if(|from| *from >= offset && half.websocket.is_none()) {
            half.websocket = Some(Frames::at(from));
        }
        if let Some(frames) = &mut half.websocket
            && let Some(side) = self.plan.side(stream, at, first)
        {
            self.report.websocket_bytes += frames.feed(offset, bytes, self.options.keep_other, side);
        }
        if let Some(from) = half.http2_at.take_if(|from| *from >= offset && half.http2.is_none()) {
            let was_http2 = std::mem::replace(&mut half.was_http2, true);
            half.http2 = Some(http2::Frames::at(from, !was_http2));
        }
        if let Some(frames) = &mut half.http2
            && let Some(side) = self.plan.side(stream, at, first)
        {
            let (report, addresses) = (&mut self.report, &mut self.addresses);
            let keep_data = self.options.keep_other;
            frames.feed(offset, bytes, &mut http2::Found { side, report, addresses, keep_data });
        }
        if let Some(message) = under_way
            && let Some(http) = message.http().filter(|http| http.http2.is_none() && http.parsed.complete)
        {
            let body = message.start + http.raw.len() as u64;
            if half.content.as_ref().is_none_or(|content| content.message != message.start) && body >= offset {
                let media = media(http, self.options.keep_coded).0;
                half.content = Some(Content::new(message.start, body, is_chunked(&http.head()), media));
            }
        }
        if let Some(content) = &mut half.content
            && let Some(side) = self.plan.side(stream, at, first)
        {
            content.feed(offset, bytes, side, &mut self.report);
        }
        half.next = end;
    }

    /// Concludes the messages that have ended; `bytes` are those that came last.
    fn settle(&mut self, (stream, at, first): (u64, usize, Endpoint), offset: u64, bytes: &[u8]) {
        let Some(half) = half(&mut self.live, stream, at) else { return };
        for ended in std::mem::take(&mut half.ended) {
            let content = half.content.take_if(|content| content.message == ended.start);
            let content = content.or_else(|| {
                let new = || Content::new(ended.start, ended.body, ended.chunked, ended.media.clone());
                (ended.body >= offset || ended.body == ended.end).then(new)
            });
            let Some(side) = self.plan.side(stream, at, first) else { return };
            let Some(mut content) = content else {
                // Its bytes went by before it was known what they are.
                side.mask(ended.body, ended.end);
                self.report.bodies_masked += 1;
                continue;
            };
            let part = ended.end.saturating_sub(offset).min(bytes.len() as u64) as usize;
            content.feed(offset, &bytes[..part], side, &mut self.report);
            content.conclude(&ended, side, &mut self.report);
        }
    }

    /// No text follows the bytes before `offset`.
    fn end_literals(&mut self, (stream, at, first): (u64, usize, Endpoint), offset: u64) {
        let Some(half) = half(&mut self.live, stream, at) else { return };
        let (plan, report) = (&mut self.plan, &mut self.report);
        half.literals.finish(offset, &mut self.addresses, &mut |from, text| {
            report.literals += 1;
            plan.side(stream, at, first).into_iter().for_each(|side| side.put(from, &text));
        });
    }

    fn close(&mut self, stream: u64) {
        let Some(first) = self.plan.streams.get(&stream).map(|stream| stream.first) else {
            self.live.remove(&stream);
            return;
        };
        for at in 0..2 {
            self.settle((stream, at, first), u64::MAX, &[]);
            let next = half(&mut self.live, stream, at).map_or(0, |half| half.next);
            self.end_literals((stream, at, first), next);
        }
        self.live.remove(&stream);
    }
}

/// One direction of a connection under way, if there is room for it.
fn half(live: &mut HashMap<u64, Live>, stream: u64, at: usize) -> Option<&mut Half> {
    if live.len() >= MAX_LIVE && !live.contains_key(&stream) {
        return None;
    }
    live.entry(stream).or_default().sides.get_mut(at)
}

impl<F: FnMut(&event::Message<'_>) -> bool> Sink for Survey<'_, F> {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Packet(packet) => self.datagrams.learn(&packet),
            Event::Message(message) => self.message(&message),
            Event::Followed(Followed { flow, side, what: Happened::Item(item, under_way) }) => {
                self.item(&flow, side & 1, &item, under_way);
            }
            Event::Connection(connection) => self.close(connection.flow.stream),
            Event::Followed(_) | Event::Body { .. } | Event::Update(_) | Event::Drops(_) => {}
        }
    }
}

impl Half {
    /// A message of this kind begins there.
    fn meets(&mut self, unit: &Unit, start: u64, plan: &mut Plan, (stream, at, first): (u64, usize, Endpoint)) {
        match unit {
            Unit::Tls(_) if !self.is_tls => {
                self.is_tls = true;
                plan.side(stream, at, first).into_iter().for_each(|side| side.keep(start, u64::MAX));
            }
            Unit::WebSocket(_) if self.websocket.is_none() && self.websocket_at.is_none_or(|at| at < self.next) => {
                self.websocket_at = Some(start);
            }
            Unit::Http2(_) | Unit::Http(Http { http2: Some(_), .. })
                if self.http2.is_none() && self.http2_at.is_none_or(|at| at < self.next) =>
            {
                self.http2_at = Some(start);
            }
            _ => {}
        }
    }

    fn gap(&mut self, offset: u64, len: u64) {
        self.websocket = self.websocket.take().and_then(|frames| frames.pass(offset, len));
        self.http2 = self.http2.take().and_then(|frames| frames.pass(offset, len));
        if let Some(content) = &mut self.content {
            content.secrets.gap();
            if content.decoder.as_mut().is_some_and(|decoder| !decoder.pass(len)) {
                content.lost.get_or_insert(offset);
            }
        }
        self.next = offset + len;
    }
}

/// What there is to know of a message that has ended; the secrets of its head are masked, and it is kept.
fn end(
    message: &Message,
    http: &Http,
    is_chosen: bool,
    keep_coded: bool,
    side: &mut Side,
    report: &mut Report,
) -> Ended {
    let (start, head) = (message.start, http.raw.len() as u64);
    let mut last = None;
    let mut found = |kind, from: u64, to: u64| {
        report.secret(kind, from, to, &mut last);
        side.mask(from, to);
    };
    redact::head(&http.raw, &mut |kind, range| found(kind, start + range.start as u64, start + range.end as u64));
    let trailer = http.trailer_raw.len() as u64;
    let from = message.end().saturating_sub(trailer);
    redact::trailer(&http.trailer_raw, &mut |kind, range| {
        found(kind, from + range.start as u64, from + range.end as u64);
    });
    // Of a head that is not whole, no more is kept than what was looked into.
    let is_whole = http.parsed.complete || http.nine;
    let to = if is_whole { message.end() } else { message.end().min(start + head) };
    side.keep(start, to);
    report.messages += 1;
    let (media, is_coded) = media(http, keep_coded);
    let chunked = is_chunked(&http.head());
    Ended {
        start,
        body: (start + head).min(to),
        end: if chunked { from.min(to) } else { to },
        chunked,
        media,
        is_coded,
        is_chosen,
    }
}

fn is_chunked(head: &HeadRef<'_>) -> bool {
    head.list("transfer-encoding").last().is_some_and(|coding| coding.eq_ignore_ascii_case(b"chunked"))
}

/// What the content is, and whether it has a coding; one that has is not looked into, and masked unless it is kept.
fn media(http: &Http, keep_coded: bool) -> (Media, bool) {
    let head = http.head();
    let codings = head.list("content-encoding").chain(head.list("transfer-encoding"));
    let coded = { codings }.any(|coding| {
        !coding.eq_ignore_ascii_case(b"identity") && !coding.eq_ignore_ascii_case(b"chunked") && !coding.is_empty()
    });
    (Media::of(head.get("content-type").as_deref(), coded && !keep_coded), coded)
}

impl Content {
    fn new(message: u64, start: u64, chunked: bool, media: Media) -> Self {
        let decoder = chunked.then(chunked::Decoder::default);
        let (framing, secrets) = (Text::new(Context::Field), Body::new(&media));
        Self { message, start, decoder, framing, chunked_to: None, secrets, runs: Vec::new(), lost: None, last: None }
    }

    /// Takes bytes of the stream, of which those before the body do not count.
    fn feed(&mut self, offset: u64, bytes: &[u8], side: &mut Side, report: &mut Report) {
        let before = self.start.saturating_sub(offset);
        let Some(mut rest) = usize::try_from(before).ok().and_then(|before| bytes.get(before..)) else { return };
        let mut at = offset + before;
        while !rest.is_empty() && self.lost.is_none() {
            let Some(decoder) = &mut self.decoder else { return self.data(at, rest, side, report) };
            let left = decoder.remaining().min(rest.len() as u64);
            if left > 0 {
                decoder.pass(left);
                let (data, after) = rest.split_at(left as usize);
                self.data(at, data, side, report);
                (rest, at) = (after, at + left);
                continue;
            }
            if decoder.feed(&rest[..1], &mut |_| {}).used == 0 {
                match decoder.progress() {
                    Progress::Bad(_) => self.lost = Some(at),
                    _ => self.chunked_to = self.chunked_to.or(Some(at)),
                }
                return;
            }
            let last = &mut self.last;
            self.framing.feed(&rest[..1], &mut |kind, _| {
                report.secret(kind, at, at + 1, last);
                side.mask(at, at + 1);
            });
            (rest, at) = (&rest[1..], at + 1);
        }
    }

    fn data(&mut self, at: u64, bytes: &[u8], side: &mut Side, report: &mut Report) {
        let end = at + bytes.len() as u64;
        let count = self.runs.len();
        match self.runs.last_mut() {
            Some(last) if last.1 == at => last.1 = end,
            _ if count >= MAX_CHUNKS => self.lost = Some(at),
            _ => self.runs.push((at, end)),
        }
        let last = &mut self.last;
        self.secrets.feed(bytes, &mut |kind, range| {
            let (from, to) = (at + range.start as u64, at + range.end as u64);
            if kind != Kind::Opaque {
                report.secret(kind, from, to, last);
            }
            side.mask(from, to);
        });
    }

    fn conclude(self, ended: &Ended, side: &mut Side, report: &mut Report) {
        let has_bytes = self.start < ended.end;
        if let Some(lost) = self.lost {
            side.mask(lost, ended.end);
        }
        // A trailer section that is whole comes after the end; another was not looked into.
        if let Some(to) = self.chunked_to.filter(|to| ended.end.saturating_sub(*to) > CRLF) {
            side.mask(to, ended.end);
        }
        let is_masked = ended.is_chosen || self.lost.is_some() || ended.media == Media::Opaque;
        if ended.is_chosen {
            self.runs.iter().for_each(|run| side.mask(run.0, run.1));
        }
        report.bodies_masked += u64::from(has_bytes && is_masked);
        report.bodies_kept += u64::from(has_bytes && !is_masked);
        report.bodies_coded += u64::from(has_bytes && !is_masked && ended.is_coded);
    }
}
