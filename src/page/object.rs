//! An object: a request and its response, or what can be seen of them where they are encrypted.

use std::net::IpAddr;

use super::Cause;
use super::budget::of_text;
use super::mentions::Names;
use super::stalls::{self, Stall};
use crate::app::http1::{Http, uri};
use crate::app::message::{Integrity, Message};
use crate::flow::Endpoint;
use crate::frame::{FrameNumber, Timestamp};
use crate::issue::IssueSet;

/// Characters kept of a URL, of the name of a type, a method.
const MAX_URL: usize = 2048;
const MAX_WORD: usize = 64;

/// Bytes that an object takes at least: in memory, to find its visit, and as it is written, where it may be a visit of its
/// own.
pub const COST: usize = 3 << 10;

/// One object of a page.
#[derive(Debug)]
pub struct Object {
    /// Number of the connection.
    pub stream: u64,
    /// Its ends: the client's, the server's.
    pub ends: [Endpoint; 2],
    /// What can be told of it.
    pub content: Content,
    /// What the client sent.
    pub request: Option<Part>,
    /// What the server sent.
    pub response: Option<Part>,
    /// Why it was asked for.
    pub cause: Cause,
    /// Since when it could have been asked for: what caused it was there.
    pub wanted: Option<Timestamp>,
    /// The object that was fetched before it on the same connection, and that it had to wait for.
    pub behind: Option<usize>,
    /// When the name was looked up and the connection opened and secured, where it is the first on its connection and had
    /// to wait for that.
    pub before: Option<Before>,
}

/// What came before the first object on a connection: spans of time, from and to.
#[derive(Clone, Copy, Default, Debug)]
pub struct Before {
    /// The name was looked up.
    pub dns: Option<(Timestamp, Timestamp)>,
    /// The connection was opened.
    pub connect: Option<(Timestamp, Timestamp)>,
    /// It was secured.
    pub secure: Option<(Timestamp, Timestamp)>,
}

impl Before {
    /// What had ended by then was not waited for.
    pub fn leave_out_what_ended_by(&mut self, time: Timestamp) {
        for span in [&mut self.dns, &mut self.connect, &mut self.secure] {
            *span = span.filter(|(_, to)| *to > time);
        }
    }
}

/// What can be told of an object.
#[derive(Debug)]
pub enum Content {
    /// All of it.
    Http(Box<Exchange>),
    /// How much went each way, and when.
    Encrypted(Turn),
}

/// A request and its response, as HTTP has them.
#[derive(Default, Debug)]
pub struct Exchange {
    /// Method, of the request.
    pub method: String,
    /// Absolute URL; empty where the request was not captured.
    pub url: String,
    /// The URL that Referer names.
    pub referer: Option<String>,
    /// What browsers say that it is for.
    pub fetch: Fetch,
    /// A hash of User-Agent.
    pub agent: u64,
    /// Status code of the response.
    pub status: Option<u16>,
    /// Media type of the content, without parameters.
    pub mime: String,
    /// Where the response leads: Location, as an absolute URL.
    pub location: Option<String>,
    /// What the content names.
    pub names: Names,
    /// Version of HTTP: 0 to 3.
    pub version: u8,
    /// Interim responses.
    pub interim: u32,
    /// What followed over WebSocket, where the connection was handed over to that.
    pub chat: Option<Chat>,
}

/// Messages of WebSocket, without its control frames: of the client, of the server.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Chat {
    /// How many.
    pub messages: [u64; 2],
    /// Bytes of their content, decompressed.
    pub bytes: [u64; 2],
    /// When the last one ended.
    pub last: Option<Timestamp>,
}

/// What a request is for, as browsers tell (Fetch Metadata; Upgrade-Insecure-Requests goes with navigations alone).
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum Fetch {
    /// It does not say.
    #[default]
    Unknown,
    /// A page of its own.
    Document,
    /// A page, in a frame or not.
    Navigation,
    /// A part of a page.
    Part,
}

/// A turn on a connection of which only the sizes are known: the client sends, then the server.
#[derive(Clone, Debug)]
pub struct Turn {
    /// The name of the server, where one was told.
    pub host: Option<String>,
    /// The protocol within, where one was agreed on in clear.
    pub alpn: Option<String>,
    /// Bytes of application data: of the client, of the server.
    pub data: [u64; 2],
    /// Records of application data, likewise.
    pub records: [u64; 2],
}

/// One side of an object.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its number within the connection, 0 where it is no message.
    pub number: u32,
    /// When its first byte came, and its last.
    pub first: Timestamp,
    /// See `first`.
    pub last: Timestamp,
    /// Its first frame.
    pub first_frame: FrameNumber,
    /// Its last frame.
    pub last_frame: FrameNumber,
    /// Its length in bytes, head included.
    pub length: u64,
    /// Bytes of its body, before content decoding.
    pub body: u64,
    /// What became of it.
    pub integrity: Integrity,
    /// Bytes that were not captured.
    pub missing: u64,
    /// What is worth flagging.
    pub issues: IssueSet,
    /// Segments that were sent again.
    pub sent_again: u32,
    /// When bytes were waited for that came late or again.
    pub stalls: Vec<Stall>,
}

impl Part {
    /// Of a message with so long a body.
    pub fn of(message: &Message, body: u64) -> Self {
        let (stalls, sent_again, last) = stalls::of(&message.segments);
        Self {
            number: message.number,
            first: message.first_time,
            last: message.last_time.max(last),
            first_frame: message.segments.first_frame(),
            last_frame: message.segments.last_frame(),
            length: message.len,
            body,
            integrity: message.integrity,
            missing: message.missing_bytes,
            issues: message.issues,
            sent_again,
            stalls,
        }
    }

    /// Bytes that its stalls take.
    pub fn extra(&self) -> usize {
        self.stalls.len() * 200
    }
}

impl Object {
    /// One of which nothing is known but where it is.
    pub fn new(stream: u64, ends: [Endpoint; 2], content: Content) -> Self {
        Self {
            stream,
            ends,
            content,
            request: None,
            response: None,
            cause: Cause::Visit,
            wanted: None,
            behind: None,
            before: None,
        }
    }

    /// Who asked.
    pub fn client(&self) -> IpAddr {
        self.ends[0].address
    }

    /// When the first byte of it was seen.
    pub fn first(&self) -> Timestamp {
        let parts = [&self.request, &self.response];
        parts.into_iter().flatten().map(|part| part.first).min().unwrap_or(Timestamp(0))
    }

    /// When the last byte of it was seen.
    pub fn last(&self) -> Timestamp {
        let parts = [&self.request, &self.response];
        parts.into_iter().flatten().map(|part| part.last).max().unwrap_or(Timestamp(0))
    }

    /// The exchange, where it can be read.
    pub fn exchange(&self) -> Option<&Exchange> {
        match &self.content {
            Content::Http(exchange) => Some(exchange),
            Content::Encrypted(_) => None,
        }
    }

    /// What can be seen of it, where it cannot be read.
    pub fn turn(&self) -> Option<&Turn> {
        match &self.content {
            Content::Http(_) => None,
            Content::Encrypted(turn) => Some(turn),
        }
    }

    /// Whether both sides are there, to their last byte.
    pub fn is_complete(&self) -> bool {
        [&self.request, &self.response]
            .into_iter()
            .all(|part| part.as_ref().is_some_and(|part| part.integrity == Integrity::Complete))
    }

    /// Bytes that it takes beside [`COST`].
    pub fn extra(&self) -> usize {
        let content = self.exchange().map_or(0, |exchange| {
            let texts = [Some(&exchange.url), exchange.referer.as_ref(), exchange.location.as_ref()];
            // Of a name, what is needed to find it later, too.
            texts.into_iter().flatten().map(|text| of_text(text)).sum::<usize>() + 96 * exchange.names.len()
        });
        content + [&self.request, &self.response].into_iter().flatten().map(Part::extra).sum::<usize>()
    }

    /// Gives up what tells no more than why things were fetched, and when they stood still.
    pub fn shrink(&mut self) {
        if let Content::Http(exchange) = &mut self.content {
            (exchange.referer, exchange.location, exchange.names) = (None, None, Names::default());
            exchange.url = cut(&exchange.url, MAX_WORD);
        }
        [&mut self.request, &mut self.response].into_iter().flatten().for_each(|part| part.stalls = Vec::new());
    }
}

impl Exchange {
    /// Takes what a request tells.
    pub fn request(&mut self, http: &Http) {
        let head = http.head();
        self.method = cut(&String::from_utf8_lossy(head.method().unwrap_or_default()), MAX_WORD);
        self.url = cut(&uri::of_request(head).unwrap_or_default(), MAX_URL);
        let value = |name| head.get(name).map(|value| String::from_utf8_lossy(&value).into_owned());
        self.referer = value("referer").map(|referer| cut(&uri::resolve(&self.url, &referer), MAX_URL));
        self.agent = value("user-agent").map_or(0, |agent| super::mentions::hash(agent.as_bytes()));
        self.fetch = match (value("sec-fetch-dest").as_deref(), head.get("upgrade-insecure-requests")) {
            (Some("document"), _) => Fetch::Document,
            (Some(_), _) => Fetch::Part,
            (None, Some(_)) => Fetch::Navigation,
            (None, None) => Fetch::Unknown,
        };
        self.version = http.version().map_or(1, |version| version.major);
    }

    /// Takes what a final response tells.
    pub fn response(&mut self, http: &Http) {
        let head = http.head();
        self.status = Some(http.parsed.code);
        let mime = head.get("content-type").unwrap_or_default();
        let mime = String::from_utf8_lossy(&mime).to_ascii_lowercase();
        self.mime = cut(mime.split(';').next().unwrap_or_default().trim(), MAX_WORD);
        let location = head.get("location").filter(|_| (300..400).contains(&http.parsed.code));
        self.location =
            location.map(|location| cut(&uri::resolve(&self.url, &String::from_utf8_lossy(&location)), MAX_URL));
        self.names = Names::of(&self.mime, &http.preview);
        if self.url.is_empty() {
            self.version = http.version().map_or(1, |version| version.major);
        }
    }

    /// Whether a page came, or something that is shown instead of one.
    pub fn is_html(&self) -> bool {
        matches!(&self.mime[..], "text/html" | "application/xhtml+xml")
    }
}

/// No more than so many bytes of a text.
pub fn cut(text: &str, max: usize) -> String {
    let end = (0..=max.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text[..end].to_owned()
}
