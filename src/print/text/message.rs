//! A message: what it was, what is wrong with it, its layers, its segments.

use std::ptr;

use super::layers::{self, Tcp};
use super::{Last, Text, dns, http, http2, put_ends, put_stream, segments, tls as details, websocket};
use crate::app::dns::MDNS;
use crate::app::http1::Http;
use crate::app::http1::head::StartLine;
use crate::app::http2::APPLICATION;
use crate::app::message::{Kind, Message, Unit};
use crate::app::tls;
use crate::decode::{self, Decoded};
use crate::event::{self, Transport};
use crate::issue::IssueSet;
use crate::print::pen::{Indent, Pen};
use crate::print::style::{self, DIM, HEADING, PLAIN};
use crate::print::time::{Format, Span};
use crate::tcp::Carrier;

/// Where what follows a heading begins.
pub(super) const INDENT: usize = 4;

impl Text {
    /// Writes a message.
    pub(super) fn message(&mut self, event: &event::Message<'_>, out: &mut Vec<u8>) {
        match &event.message.unit {
            Unit::Http(http) => self.http(event, http, out),
            unit => self.unit(event, unit, out),
        }
    }

    fn http(&mut self, event: &event::Message<'_>, http: &Http, out: &mut Vec<u8>) {
        let message = event.message;
        let mut pen = self.pen(Last::Block, out);
        pen.indent.column = INDENT;
        pen.styled(HEADING, |pen| pen.named("#", message.number.into()));
        start_line(&mut pen, http);
        self.whence(event, &mut pen);
        issues(&mut pen, message.issues);
        let (verbose, terminal) = (self.options.verbose, self.options.terminal);
        with_layers(&message.carrier.get(), |decoded, outer| {
            let title = if http.http2.is_some() { "HTTP/2" } else { "HTTP" };
            let column =
                layers::text_column(&decoded.layers, if http.trailer_raw.is_empty() { title } else { "trailer" });
            layers::write(&mut pen, decoded, outer, |_| None, tcp(event), column, verbose);
            http::write(&mut pen, message, http, decoded.layers.len(), column, &self.options);
        });
        pen.indent = Indent::default();
        segments::write(&mut pen, message, event.first_seq, verbose > 0, terminal);
    }

    /// A line for a message of a protocol other than HTTP; its layers with `-v`.
    fn unit(&mut self, event: &event::Message<'_>, unit: &Unit, out: &mut Vec<u8>) {
        let message = event.message;
        let verbose = self.options.verbose;
        let control = if let Unit::Http2(control) = unit { Some(control) } else { None };
        if verbose == 0 && control.is_some_and(|control| !http2::is_shown(message, control)) {
            return;
        }
        let tls = tls::of(message).filter(|tls| details::has_details(tls));
        let mut pen = self.pen(if verbose > 0 || tls.is_some() { Last::Block } else { Last::Line }, out);
        pen.indent.column = INDENT;
        pen.styled(HEADING, |pen| pen.named("#", message.number.into()));
        let title = unit.application().title;
        pen.piece_after(2, |pen| {
            pen.push(title);
            pen.push(" ");
            let room = pen.width() / 2;
            match unit {
                Unit::WebSocket(unit) => websocket::title(pen, unit),
                unit => {
                    let summary = unit.summary().map(ToString::to_string).unwrap_or_default();
                    pen.captured(summary.as_bytes(), room);
                }
            }
        });
        self.whence(event, &mut pen);
        if let Some(control) = control {
            http2::details(&mut pen, control);
        }
        issues(&mut pen, message.issues);
        if let Unit::WebSocket(unit) = unit {
            websocket::write(&mut pen, message, unit, &self.options);
        }
        if let Some(tls) = tls {
            details::write(&mut pen, tls, message.kind.client(message.side) == message.side, verbose > 0);
        }
        if verbose > 0 {
            with_layers(&message.carrier.get(), |decoded, outer| {
                let column = layers::text_column(&decoded.layers, title);
                layers::write(&mut pen, decoded, outer, |_| None, tcp(event), column, verbose);
                if let Unit::Dns(dns) = unit {
                    dns::write(&mut pen, dns, message.len, decoded.layers.len(), column, verbose);
                }
            });
            pen.indent = Indent::default();
            if event.flow.transport == Transport::Tcp {
                segments::write(&mut pen, message, event.first_seq, true, self.options.terminal);
            }
        }
    }

    /// The rest of a heading: between whom, in which frames, when.
    fn whence(&mut self, event: &event::Message<'_>, pen: &mut Pen<'_>) {
        let (message, flow) = (event.message, &event.flow);
        let [src, dst] = [message.side, 1 - message.side].map(|end| flow.ends[end]);
        put_ends(pen, src, dst);
        let has_streams = ptr::eq(message.unit.application(), &APPLICATION);
        pen.piece(|pen| {
            pen.push(if has_streams { "TCP " } else { "" });
            put_stream(pen, flow);
        });
        pen.piece(|pen| match (message.segments.first_frame(), message.segments.last_frame()) {
            (first, last) if first == last => pen.named("frame ", last),
            (first, last) => {
                pen.named("frames ", first);
                pen.named("-", last);
            }
        });
        let is_response = message.kind == Kind::Response || message.answers.is_some();
        let has_time = self.clock.format() != Format::None;
        if has_time || is_response {
            pen.piece(|pen| {
                pen.ascii(|out| self.clock.write(message.first_time, out));
                if is_response {
                    pen.push(if has_time { "   " } else { "" });
                    after(pen, message);
                }
            });
        }
        pen.end_line();
    }

    /// A line for what was learnt of a message after it was written.
    pub(super) fn update(&mut self, event: &event::Update<'_>, out: &mut Vec<u8>) {
        let update = event.update;
        let mut pen = self.pen(Last::Line, out);
        pen.indent.column = INDENT;
        pen.styled(HEADING, |pen| pen.named("#", update.number.into()));
        pen.push(" of ");
        put_stream(&mut pen, &event.flow);
        pen.push(": later:");
        if update.issues.is_empty() {
            pen.piece_after(1, |pen| pen.text(PLAIN, "a copy"));
        }
        for (i, issue) in update.issues.iter().enumerate() {
            if i > 0 {
                pen.push(",");
            }
            pen.piece_after(1, |pen| pen.text(style::of(issue.severity()), issue.name()));
        }
        if let Some(segment) = update.segment {
            pen.piece_after(1, |pen| pen.put(format_args!("in frame {}", segment.frame)));
            let first = segment.offset.saturating_sub(update.start);
            if let Some(len) = segment.len.checked_sub(1) {
                pen.piece_after(1, |pen| pen.put(format_args!("(bytes {first}-{})", first + u64::from(len))));
            }
        }
        pen.end_line();
    }
}

/// What is known of the TCP connection, where it is one.
fn tcp(event: &event::Message<'_>) -> Option<Tcp> {
    let tcp = || Tcp { stream: event.flow.stream, verdict: event.message.carrier.get().verdict };
    (event.flow.transport == Transport::Tcp).then(tcp)
}

/// The start line in a few words: method and target, or status code and phrase, and the version.
fn start_line(pen: &mut Pen<'_>, http: &Http) {
    let head = http.head();
    let room = pen.width() / 2;
    match http.parsed.start {
        StartLine::Request { method, target, .. } => pen.piece_after(2, |pen| {
            pen.styled(HEADING, |pen| {
                pen.captured(method.of(head.bytes), room);
                pen.push(" ");
                pen.captured(target.of(head.bytes), room);
            });
        }),
        StartLine::Response { code, phrase, .. } => pen.piece_after(2, |pen| {
            pen.styled(HEADING, |pen| {
                pen.captured(code.of(head.bytes), room);
                if !phrase.is_empty() {
                    pen.push(" ");
                    pen.captured(phrase.of(head.bytes), room);
                }
            });
        }),
        StartLine::None if http.nine => pen.piece_after(2, |pen| pen.text(HEADING, "response without a head")),
        StartLine::None => pen.piece_after(2, |pen| pen.text(HEADING, "head not captured")),
    }
    match head.version() {
        _ if http.nine => pen.piece_after(2, |pen| pen.push("HTTP/0.9")),
        Some(version) => pen.piece_after(2, |pen| pen.captured(version, room)),
        None => {}
    }
    if let Some(part) = &http.http2 {
        http2::stream(pen, part);
    }
}

/// How long after its request a response came.
fn after(pen: &mut Pen<'_>, message: &Message) {
    match (message.answers, message.since_request) {
        (Some(request), Some(nanos)) if nanos < 0 => {
            pen.put(format_args!("answers #{request}, "));
            Span(-nanos).put(pen);
            pen.push(" before its end");
        }
        (Some(request), Some(nanos)) => {
            Span(nanos).put(pen);
            pen.named(" after #", request.into());
        }
        (Some(request), None) => pen.put(format_args!("answers #{request}")),
        // It answers one of another stream, or many.
        (None, Some(nanos)) => {
            Span(nanos).put(pen);
            message.request_in.iter().for_each(|frame| pen.named(" after frame ", *frame));
        }
        (None, None) if ptr::eq(message.unit.application(), &MDNS) => pen.push("unasked"),
        (None, None) => pen.push("its request is not known"),
    }
}

/// A line for each issue, the worst first: how much it matters, its name, what it means.
pub(super) fn issues(pen: &mut Pen<'_>, issues: IssueSet) {
    if issues.is_empty() {
        return;
    }
    let name_width = issues.iter().map(|issue| issue.name().len()).max().unwrap_or(0);
    let mut worst_first: Vec<_> = issues.iter().collect();
    worst_first.sort_by_key(|issue| std::cmp::Reverse(issue.severity()));
    let indent = pen.indent;
    for issue in worst_first {
        pen.indent = Indent { bars: 0, column: INDENT };
        pen.begin_line();
        pen.styled(style::of(issue.severity()), |pen| {
            pen.push(issue.severity().name());
            pen.pad_to(INDENT + "error  ".len());
            pen.push(issue.name());
        });
        pen.indent.column = INDENT + "error  ".len() + name_width + 2;
        pen.pad_to(pen.indent.column);
        pen.begin_text();
        pen.words(DIM, issue.doc());
        pen.end_line();
    }
    pen.indent = indent;
}

/// Decodes the headers through which a message came. They end where the payload begins, so that what the decoder says of
/// that does not count. `act` also gets how many of the layers are of the frame itself, where the others are those of
/// a datagram put together from fragments.
pub(in crate::print) fn with_layers(carrier: &Carrier<'_>, act: impl FnOnce(&Decoded<'_>, Option<usize>)) {
    let decoded = decode::decode_headers(carrier.meta, carrier.headers, carrier.resumed);
    let outer = layers::resumed_at(&decoded).filter(|_| !carrier.resumed.is_empty());
    act(&decoded, outer);
}
