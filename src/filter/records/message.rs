//! A message as a record, and what of it hangs on bytes that are missing.

use std::cell::OnceCell;
use std::ptr;

use super::super::fields::{self, Entry, Source, UriPart};
use super::super::names::{Coverage, Decision, FieldId, Item, Record, Type, exists};
use super::connection::of_flow;
use super::{Times, flags, has_layer, is_of_packet, of_packet};
use crate::app::http1::Http;
use crate::app::message::{Application, Integrity};
use crate::decode::{self, Decoded};
use crate::event::{Message, Packet, Transport};
use crate::field::Value;
use crate::issue::Issue;

/// A message. The fields of headers are those of the frame with its first byte; `frame.number` is the number of the frame
/// that completed it, as in its JSON record; `tcp.analysis.flags` and each of the flags are those of any of its segments.
#[derive(Debug)]
pub struct MessageRecord<'a> {
    message: &'a Message<'a>,
    times: Times,
    /// Whether what may have been sent and was not captured counts.
    as_sent: bool,
    /// The headers of its first frame, once they were needed.
    decoded: OnceCell<Decoded<'a>>,
}

impl<'a> MessageRecord<'a> {
    /// The message as it was captured: what is missing is not there.
    pub fn as_captured(message: &'a Message<'a>, times: Times) -> Self {
        Self { message, times, as_sent: false, decoded: OnceCell::new() }
    }

    /// The message as it was sent: what hangs on bytes that are missing is unknown.
    pub fn as_sent(message: &'a Message<'a>) -> Self {
        Self { as_sent: true, ..Self::as_captured(message, Times::default()) }
    }

    fn decoded(&self) -> &Decoded<'a> {
        self.decoded.get_or_init(|| {
            let carrier = self.message.message.carrier.get();
            let mut decoded = decode::decode_headers(carrier.meta, carrier.headers, carrier.resumed);
            decoded.cap_len = carrier.cap_len;
            decoded
        })
    }

    fn packet_values(&self, entry: &Entry, put: &mut dyn FnMut(Item<'_>)) {
        let decoded = self.decoded();
        let stream = self.message.flow.stream;
        let udp = [(decoded.layers.len().saturating_sub(1), stream)];
        let (tcp, udp_streams) = match self.message.flow.transport {
            Transport::Tcp => (Some((stream, self.message.message.carrier.get().verdict)), &udp[..0]),
            Transport::Udp => (None, &udp[..]),
        };
        let packet = Packet { decoded, tcp, udp_streams, assemblies: &[], reassembled_in: None, why: None };
        of_packet(entry, &packet, self.times, put);
    }

    fn http(&self) -> Option<&'a Http> {
        self.message.message.http()
    }

    fn is_of(&self, application: &Application) -> bool {
        ptr::eq(self.message.message.unit.application(), application)
    }

    /// Whether bytes of it are not in the capture that were, or may have been, sent.
    fn is_lossy(&self) -> bool {
        let message = self.message.message;
        let is_cut = matches!(message.integrity, Integrity::Gap | Integrity::Truncated | Integrity::Unfinished);
        self.as_sent && (is_cut || message.missing_bytes > 0)
    }

    /// Whether a field of the head, or what it is made of, may be other than was captured.
    fn is_head_lossy(&self, name: &str) -> bool {
        let Some(http) = self.http().filter(|http| self.is_lossy() && !http.parsed.complete) else { return false };
        let is_of_start_line = ["http.request.", "http.response."].iter().any(|start| name.starts_with(start));
        let is_line = name.ends_with(".line");
        // The start line is whole if something follows it.
        !(is_of_start_line && !is_line && memchr::memchr(b'\n', &http.raw).is_some())
    }

    /// What the head has for a source; whether that is all is left to the caller.
    fn http_values(&self, http: &Http, entry: &Entry, source: Source, put: &mut dyn FnMut(Item<'_>)) {
        let mut text = |bytes: &[u8]| put(Value::Text(bytes).into());
        let message = self.message.message;
        match source {
            Source::Http(get) => get(message, &mut |value| put(value.into())),
            Source::HttpHeader => {
                let head = http.head();
                let lines = head.head.fields.iter().filter(|line| is_named(head.name(line), &entry.name));
                lines.clone().for_each(|line| text(&head.value(line)));
                if entry.name == "http.host" && lines.count() == 0 {
                    head.host().iter().for_each(|host| text(host));
                }
            }
            Source::HttpKind(kind) if kind == message.kind => put(Value::Bool(true).into()),
            Source::HttpLines(None) => {
                let head = http.head();
                for line in &head.head.fields {
                    let name = head.name(line);
                    let separator: &[u8] = if line.name.is_empty() { b"" } else { b": " };
                    text(&[name, separator, &head.value(line)].concat());
                }
            }
            Source::HttpLines(kind) if kind == Some(message.kind) => {
                for line in &http.head().head.fields {
                    let start = if line.name.is_empty() { line.value.start } else { line.name.start } as usize;
                    let end = (line.value.end.max(line.name.end)) as usize;
                    let rest = http.raw.get(end..).unwrap_or_default();
                    let end = end + memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
                    text(http.raw.get(start..end).unwrap_or_default());
                }
            }
            Source::HttpUri(part) => {
                let Some(target) = http.head().target() else { return };
                let question = memchr::memchr(b'?', target);
                match (part, question) {
                    (UriPart::Full, _) if !target.starts_with(b"/") => text(target),
                    (UriPart::Full, _) => {
                        if let Some(host) = http.head().host() {
                            text(&[b"http://", &host[..], target].concat());
                        }
                    }
                    (UriPart::Path, Some(at)) => text(&target[..at]),
                    (UriPart::Query, Some(at)) => text(&target[at + 1..]),
                    (UriPart::Path | UriPart::Query, None) => {}
                }
            }
            _ => {}
        }
    }

    /// Hands on what a source tells, and whether that is all.
    fn source(&self, entry: &Entry, source: Source, put: &mut dyn FnMut(Item<'_>)) -> Coverage {
        let message = self.message.message;
        let incomplete_if = |lossy| if lossy { Coverage::Incomplete } else { Coverage::Complete };
        match source {
            Source::FrameNumber => put(Value::Uint(message.frame).into()),
            Source::Flags => {
                flags(message.issues).for_each(|flag| put(Value::Text(flag.name().as_bytes()).into()));
            }
            Source::Flag(flag) if message.issues.contains(flag) => put(Value::Bool(true).into()),
            Source::Http(_) | Source::HttpHeader | Source::HttpLines(_) | Source::HttpUri(_) | Source::HttpKind(_) => {
                let Some(http) = self.http() else { return Coverage::Complete };
                let is_of_body = entry.name.starts_with("http.body.");
                let is_of_pair = matches!(&*entry.name, "http.request_in" | "http.time");
                let is_unknown = match source {
                    Source::HttpKind(_) => false,
                    _ if is_of_body => self.is_lossy(),
                    _ if is_of_pair => return self.paired(put, entry, source, http),
                    _ => self.is_head_lossy(&entry.name),
                };
                if !is_unknown {
                    self.http_values(http, entry, source, put);
                }
                return incomplete_if(is_unknown);
            }
            Source::HttpBytes => {
                let Some(http) = self.http() else { return Coverage::Complete };
                put(Value::Bytes(&[&http.raw[..], &http.preview].concat()).into());
                return incomplete_if(self.is_lossy() || self.as_sent && !has_whole_body(http));
            }
            Source::HttpBody => {
                let Some(http) = self.http().filter(|http| http.body_len > 0) else {
                    return incomplete_if(self.http().is_some() && self.is_lossy());
                };
                put(Value::Text(&http.preview).into());
                return incomplete_if(self.is_lossy() || self.as_sent && !has_whole_body(http));
            }
            Source::Unit(get) => get(message, &mut |value| put(value.into())),
            Source::UnitIs(application) if self.is_of(application) => {
                put(Value::Bytes(b"").into());
                return incomplete_if(self.as_sent);
            }
            Source::Message(get) => {
                let is_unknown = self.is_lossy() && matches!(&*entry.name, "message.length" | "message.segment_count");
                if !is_unknown {
                    get(self.message, &mut |value| put(value.into()));
                }
                if entry.name == "message.answers" {
                    return incomplete_if(self.is_unpaired());
                }
                return incomplete_if(self.is_lossy() && matches!(&*entry.name, "message.issues") || is_unknown);
            }
            Source::Flow(get) => {
                get(&of_flow(self.message.flow), &mut |value| put(value.into()));
                return incomplete_if(self.as_sent && self.message.flow.client.is_none());
            }
            Source::Connection(_) | Source::ConnectionFlags { .. } => return incomplete_if(self.as_sent),
            _ => {}
        }
        Coverage::Complete
    }

    /// What a response has of its request.
    fn paired(&self, put: &mut dyn FnMut(Item<'_>), entry: &Entry, source: Source, http: &Http) -> Coverage {
        self.http_values(http, entry, source, put);
        if self.is_unpaired() { Coverage::Incomplete } else { Coverage::Complete }
    }

    fn is_unpaired(&self) -> bool {
        let message = self.message.message;
        self.as_sent && message.answers.is_none() && message.issues.contains(Issue::PairingUncertain)
    }
}

impl Record for MessageRecord<'_> {
    fn values(&self, field: FieldId, put: &mut dyn FnMut(Item<'_>)) -> Coverage {
        let Some(entry) = fields::entry(field) else { return Coverage::Complete };
        if entry.sources.iter().any(is_of_packet) {
            self.packet_values(entry, put);
        }
        let mut coverage = Coverage::Complete;
        for source in &entry.sources {
            coverage = coverage.and(self.source(entry, *source, put));
        }
        // What follows the headers of its first frame is not kept with it.
        let is_cut = |source: &Source| {
            let is_bytes = matches!(source, Source::HeaderOn(_) | Source::Payload(_) | Source::Frame);
            self.as_sent && is_bytes
        };
        if entry.sources.iter().any(is_cut) { Coverage::Incomplete } else { coverage }
    }

    fn exists(&self, field: FieldId) -> Decision {
        match fields::entry(field) {
            Some(entry) if entry.kind == Type::Protocol => {
                let is_here = entry.sources.iter().any(|source| match source {
                    Source::HttpBytes => self.http().is_some(),
                    Source::UnitIs(application) => self.is_of(application),
                    Source::Frame => true,
                    _ => false,
                });
                let has_header = || entry.sources.iter().any(is_of_packet) && has_layer(entry, self.decoded());
                (is_here || has_header()).into()
            }
            _ => exists(self, field),
        }
    }
}

/// Whether a header field is the one that a field of HTTP is named for: `User-Agent` that of `http.user_agent`.
fn is_named(header: &[u8], field: &str) -> bool {
    let name = field.strip_prefix("http.").unwrap_or(field);
    let name = name.strip_suffix("_header").unwrap_or(name);
    let plain = |byte: &u8| if *byte == b'-' { b'_' } else { byte.to_ascii_lowercase() };
    header.len() == name.len() && header.iter().map(plain).eq(name.bytes())
}

/// Whether what is kept of the body is all of it.
fn has_whole_body(http: &Http) -> bool {
    http.preview.len() as u64 >= http.decoded_len.unwrap_or(http.body_len)
}
