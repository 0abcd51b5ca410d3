//! One entry of an archive: an exchange as HAR 1.2 has it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::{Before, Content, Exchange, Part};
use crate::app::http1::Http;
use crate::app::http1::head::{HeadRef, Version};
use crate::app::message::Integrity;
use crate::frame::Timestamp;
use crate::print::number;
use crate::print::object::Object;
use crate::print::safe::without_cut_char;
use crate::print::time::Seconds;
use crate::print::url::{Url, unescape_form};

/// Writes the entry of an exchange.
pub(super) fn write(exchange: &Exchange, clock: &mut Seconds, out: &mut Vec<u8>) {
    let Some(any) = exchange.request.as_ref().or(exchange.response.as_ref()) else { return };
    let client = if exchange.request.is_some() { any.side } else { 1 - any.side };
    let server = any.flow.ends[1 - client];
    let timings = Timings::of(exchange);
    Object::write(out, |object| {
        let start = exchange.before.start.unwrap_or(any.first);
        object.text("startedDateTime", rfc3339(clock, start));
        millis(object, "time", timings.total());
        object.object("request", |object| request(object, exchange.request.as_ref(), &server.to_string()));
        object.object("response", |object| response(object, exchange.response.as_ref()));
        object.object("cache", |_| {});
        object.object("timings", |object| timings.write(object));
        object.text("serverIPAddress", server.address.to_string());
        object.text("connection", any.flow.stream.to_string());
        if let Some(comment) = comment(exchange) {
            object.text("comment", comment);
        }
        if !exchange.interim.is_empty() {
            object.array("_interim", &exchange.interim, |out, code| {
                number::uint(out, (*code).into());
            });
        }
        let parts = [exchange.request.as_ref(), exchange.response.as_ref()];
        object.objects("_messages", parts.into_iter().flatten(), |object, part| {
            object.uint("stream", part.flow.stream);
            object.uint("number", part.number.into());
            object.text("integrity", part.integrity.name());
            object.uint("missing", part.missing);
        });
    });
}

/// Spans of time of an exchange, in nanoseconds.
struct Timings {
    before: Before,
    send: i64,
    wait: i64,
    receive: i64,
}

impl Timings {
    /// Of a message that was not captured there is no time, which the format has no word for but 0.
    fn of(exchange: &Exchange) -> Self {
        let span = |part: &Option<Part>| part.as_ref().map_or(0, |part| part.last.since(part.first).max(0));
        let wait = match (&exchange.request, &exchange.response) {
            (Some(request), Some(response)) => response.first.since(request.last).max(0),
            _ => 0,
        };
        Self { before: exchange.before, send: span(&exchange.request), wait, receive: span(&exchange.response) }
    }

    fn total(&self) -> i64 {
        let Before { blocked, dns, connect, .. } = self.before;
        let before: i64 = [blocked, dns, connect].into_iter().flatten().sum();
        before.saturating_add(self.send).saturating_add(self.wait).saturating_add(self.receive)
    }

    fn write(&self, object: &mut Object<'_>) {
        let Before { blocked, dns, connect, .. } = self.before;
        for (name, span) in [("blocked", blocked), ("dns", dns), ("connect", connect)] {
            match span {
                Some(span) => millis(object, name, span),
                None => object.int(name, -1),
            }
        }
        millis(object, "send", self.send);
        millis(object, "wait", self.wait);
        millis(object, "receive", self.receive);
        object.int("ssl", -1);
    }
}

/// Nanoseconds as milliseconds.
fn millis(object: &mut Object<'_>, name: &str, nanos: i64) {
    number::millis(object.key(name), nanos);
}

fn rfc3339(clock: &mut Seconds, time: Timestamp) -> String {
    format!("{}.{:06}Z", clock.rfc3339(time.secs()), time.subsec_nanos() / 1000)
}

fn comment(exchange: &Exchange) -> Option<String> {
    let mut notes = Vec::new();
    for (name, part) in [("request", &exchange.request), ("response", &exchange.response)] {
        match part {
            None => notes.push(format!("the {name} is not in the capture")),
            Some(part) if part.integrity == Integrity::Complete => {}
            Some(part) => {
                notes.push(format!(
                    "the {name} is not whole: {}, {} bytes missing",
                    part.integrity.name(),
                    part.missing
                ));
            }
        }
    }
    if exchange.given_up {
        notes.push("too many exchanges were open to wait longer".to_owned());
    }
    Some(notes.join("; ")).filter(|notes| !notes.is_empty())
}

fn request(object: &mut Object<'_>, part: Option<&Part>, server: &str) {
    let Some(part) = part else {
        for (name, value) in [("method", ""), ("url", &format!("http://{server}/")), ("httpVersion", "")] {
            object.text(name, value);
        }
        ["cookies", "headers", "queryString"].iter().for_each(|name| object.objects(name, [(); 0], |_, ()| {}));
        ["headersSize", "bodySize"].iter().for_each(|name| object.int(name, -1));
        return;
    };
    let head = part.http.head();
    let host = head.host();
    let url = Url::new(head.target().unwrap_or_default(), host.as_deref());
    object.text("method", head.method().unwrap_or_default());
    object.text("url", url.text(server));
    object.text("httpVersion", version(&part.http));
    let cookies = head.all("cookie").flat_map(|value| {
        let pairs: Vec<_> = value.split(|byte| *byte == b';').map(pair).collect();
        pairs
    });
    object.objects(
        "cookies",
        cookies.filter(|(name, value)| !(name.is_empty() && value.is_empty())),
        |object, cookie| {
            object.text("name", cookie.0);
            object.text("value", cookie.1);
        },
    );
    headers(object, head);
    let query = url.query.unwrap_or_default();
    object.objects("queryString", query.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()), |object, pair| {
        let at = memchr::memchr(b'=', pair);
        object.text("name", unescape_form(&pair[..at.unwrap_or(pair.len())]));
        object.text("value", unescape_form(at.map_or(&[], |at| &pair[at + 1..])));
    });
    if part.http.body_len > 0 {
        object.object("postData", |object| {
            object.text("mimeType", head.get("content-type").unwrap_or_default());
            if let Some(text) = as_text(&part.body) {
                object.text("text", text);
            } else {
                object.text("text", BASE64.encode(&part.body.bytes));
                object.text("_encoding", "base64");
            }
            body_comment(object, &part.body);
        });
    }
    sizes(object, part);
}

fn response(object: &mut Object<'_>, part: Option<&Part>) {
    let Some(part) = part else {
        object.uint("status", 0);
        ["statusText", "httpVersion"].iter().for_each(|name| object.text(name, ""));
        ["cookies", "headers"].iter().for_each(|name| object.objects(name, [(); 0], |_, ()| {}));
        object.object("content", |object| {
            object.uint("size", 0);
            object.text("mimeType", "x-unknown");
        });
        object.text("redirectURL", "");
        ["headersSize", "bodySize"].iter().for_each(|name| object.int(name, -1));
        return;
    };
    let head = part.http.head();
    object.uint("status", part.http.parsed.code.into());
    object.text("statusText", head.phrase().unwrap_or_default());
    object.text("httpVersion", version(&part.http));
    object.objects("cookies", head.all("set-cookie"), |object, value| set_cookie(object, &value));
    headers(object, head);
    object.object("content", |object| {
        let body = &part.body;
        object.uint("size", body.len);
        if body.decoded {
            object.int("compression", body.len as i64 - part.http.body_len as i64);
        }
        object.text("mimeType", head.get("content-type").unwrap_or(b"x-unknown"[..].into()));
        if part.http.body_len > 0 {
            if let Some(text) = as_text(body) {
                object.text("text", text);
            } else {
                object.text("text", BASE64.encode(&body.bytes));
                object.text("encoding", "base64");
            }
        }
        body_comment(object, body);
    });
    object.text("redirectURL", head.get("location").unwrap_or_default());
    sizes(object, part);
}

/// A body as text, if it is some; a character that is cut at its end is left out.
fn as_text(body: &Content) -> Option<&str> {
    let is_cut = (body.bytes.len() as u64) < body.len;
    let bytes = if is_cut { without_cut_char(&body.bytes) } else { &body.bytes[..] };
    str::from_utf8(bytes).ok()
}

fn body_comment(object: &mut Object<'_>, body: &Content) {
    if let Some(comment) = &body.comment {
        object.text("comment", comment);
    }
}

fn sizes(object: &mut Object<'_>, part: &Part) {
    let head = part.http.parsed.complete.then_some(part.http.raw.len() as i64);
    object.int("headersSize", head.unwrap_or(-1));
    object.int("bodySize", i64::try_from(part.http.body_len).unwrap_or(i64::MAX));
}

fn version(http: &Http) -> Vec<u8> {
    match (http.head().version(), http.version()) {
        (Some(version), _) => version.to_vec(),
        (None, Some(Version { major, minor })) => format!("HTTP/{major}.{minor}").into_bytes(),
        (None, None) => Vec::new(),
    }
}

fn headers(object: &mut Object<'_>, head: HeadRef<'_>) {
    object.objects("headers", &head.head.fields, |object, line| {
        object.text("name", head.name(line));
        object.text("value", head.value(line));
    });
}

/// Name and value of a cookie, or of an attribute.
fn pair(text: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (name, value) = match memchr::memchr(b'=', text) {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (&b""[..], text),
    };
    (name.trim_ascii().to_vec(), value.trim_ascii().to_vec())
}

/// A cookie that is set (RFC 6265 4.1).
fn set_cookie(object: &mut Object<'_>, value: &[u8]) {
    let mut parts = value.split(|byte| *byte == b';');
    let (name, value) = pair(parts.next().unwrap_or_default());
    object.text("name", name);
    object.text("value", value);
    let (mut path, mut domain, mut expires, mut http_only, mut secure) = (None, None, None, false, false);
    for part in parts {
        let (name, value) = pair(part);
        // An attribute without `=` is all value.
        let (name, value) = if name.is_empty() { (value, Vec::new()) } else { (name, value) };
        match &name.to_ascii_lowercase()[..] {
            b"path" => path = Some(value),
            b"domain" => domain = Some(value),
            b"expires" => expires = str::from_utf8(&value).ok().and_then(date),
            b"httponly" => http_only = true,
            b"secure" => secure = true,
            _ => {}
        }
    }
    for (name, value) in [("path", path), ("domain", domain)] {
        if let Some(value) = value {
            object.text(name, value);
        }
    }
    if let Some(expires) = expires {
        object.text("expires", expires);
    }
    object.bool("httpOnly", http_only);
    object.bool("secure", secure);
}

/// A date of HTTP (RFC 9110 5.6.7), or of a cookie, in RFC 3339.
fn date(text: &str) -> Option<String> {
    let text = text.replace('-', " ");
    let parsed = jiff::fmt::rfc2822::DateTimeParser::new().relaxed_weekday(true).parse_timestamp(text).ok()?;
    Some(format!("{parsed:.0}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_cookies() {
        for text in ["Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 21-Oct-2015 07:28:00 GMT"] {
            assert_eq!(date(text).as_deref(), Some("2015-10-21T07:28:00Z"), "{text}");
        }
        assert_eq!(date("soon"), None);
    }

    #[test]
    fn cookies_that_are_set() {
        let mut out = Vec::new();
        Object::write(&mut out, |object| set_cookie(object, b"a=b=c; Path=/x; HttpOnly; expires=never; secure"));
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, r#"{"name":"a","value":"b=c","path":"/x","httpOnly":true,"secure":true}"#);
    }
}
