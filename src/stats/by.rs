//! What messages are counted by: a field, or what is made of one.

use std::borrow::Cow;

use crate::app::message::{Kind, Message};
use crate::app::tls::{self, handshake::kind};
use crate::event;
use crate::field::Value;
use crate::filter::{FieldId, Fields, MessageRecord, Names, Record, Type, display};

/// What messages are counted by.
#[derive(Clone, Debug)]
pub struct By {
    name: String,
    part: Part,
    /// Of which messages alone, if not of all.
    of: Option<Kind>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    Protocol,
    /// The host of a request: its Host field, or the target's, or the server's address and port.
    Host,
    /// Content-Type without its parameters.
    MediaType,
    /// The version that a server has chosen.
    TlsVersion,
    Field(FieldId),
}

/// The protocol of what is of no protocol that is known.
pub const UNKNOWN: &str = "unknown";

/// What messages are always counted by: the field, or what is made of it, what that is called, and what has it.
struct Usual {
    name: &'static str,
    part: Option<Part>,
    of: Option<Kind>,
    title: &'static str,
    counted: &'static str,
}

impl Usual {
    const fn field(name: &'static str, title: &'static str, counted: &'static str) -> Self {
        Self { name, part: None, of: None, title, counted }
    }

    const fn part(self, part: Part) -> Self {
        Self { part: Some(part), ..self }
    }

    const fn of(self, kind: Kind) -> Self {
        Self { of: Some(kind), ..self }
    }
}

/// By what messages are always counted. Those of a protocol that a capture does not have are not shown.
const USUAL: &[Usual] = &[
    Usual::field("protocol", "protocol", "messages").part(Part::Protocol),
    Usual::field("http.host", "host", "requests").part(Part::Host),
    Usual::field("http.request.method", "method", "requests"),
    Usual::field("http.response.code", "status", "responses"),
    Usual::field("http.content_type", "content type", "messages").part(Part::MediaType),
    Usual::field("dns.qry.type", "DNS type", "questions").of(Kind::Request),
    Usual::field("dns.flags.rcode", "DNS answer", "responses").of(Kind::Response),
    Usual::field("tls.handshake.extensions_server_name", "TLS server name", "hellos"),
    Usual::field("tls.handshake.version", "TLS version", "hellos").part(Part::TlsVersion),
    Usual::field("websocket.opcode", "WebSocket", "messages"),
];

/// By what messages are always counted.
pub fn usual() -> Vec<By> {
    let by = |usual: &Usual| {
        let part = usual.part.or_else(|| Some(By::field(usual.name)?.part))?;
        Some(By { name: usual.name.into(), part, of: usual.of })
    };
    USUAL.iter().filter_map(by).collect()
}

impl By {
    /// By the values of a field, if a message can have it.
    pub fn field(name: &str) -> Option<Self> {
        let known = Fields.resolve(name)?;
        matches!(known.kind, Type::Of(_)).then(|| Self { name: name.into(), part: Part::Field(known.id), of: None })
    }

    /// The field.
    pub fn id(&self) -> Option<FieldId> {
        if let Part::Field(id) = self.part { Some(id) } else { None }
    }

    /// The name of the field.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is called, and what is counted.
    pub fn titles(&self) -> (&str, &'static str) {
        let usual = USUAL.iter().find(|usual| usual.name == self.name);
        usual.map_or((&self.name, "messages"), |usual| (usual.title, usual.counted))
    }

    /// Whether it is by protocol.
    pub fn is_protocol(&self) -> bool {
        self.part == Part::Protocol
    }

    /// Whether what a request has holds for an answer that has nothing of the kind.
    pub(super) fn goes_on(&self) -> bool {
        self.part != Part::MediaType
    }

    /// Hands on each value that a message has.
    pub(super) fn values(&self, told: &event::Message<'_>, record: &MessageRecord<'_>, put: &mut dyn FnMut(&[u8])) {
        let message = told.message;
        if self.of.is_some_and(|kind| kind != message.kind) {
            return;
        }
        match self.part {
            Part::Protocol => put(protocol(message).as_bytes()),
            Part::Host => host(told).into_iter().for_each(|host| put(&host)),
            Part::MediaType => media_type(message).into_iter().for_each(|media_type| put(&media_type)),
            Part::TlsVersion => {
                if let Some(version) = chosen_version(message) {
                    put(tls::names::version(version).to_string().as_bytes());
                }
            }
            Part::Field(id) => {
                record.values(id, &mut |item| match item.value {
                    Value::Text(text) => put(text),
                    value => put(display(value).as_bytes()),
                });
            }
        }
    }
}

/// The version in a ServerHello.
fn chosen_version(message: &Message) -> Option<u16> {
    let tls = tls::of(message).filter(|tls| tls.handshake().is_some_and(|it| it.kind == kind::SERVER_HELLO))?;
    Some(tls.hello()?.highest_version())
}

fn protocol(message: &Message) -> &'static str {
    message.unit.application().title
}

/// In lower case, without the port where that is HTTP's.
fn host<'a>(told: &event::Message<'a>) -> Option<Cow<'a, [u8]>> {
    let message = told.message;
    let http = message.http().filter(|_| message.kind == Kind::Request)?;
    let head = http.head();
    let named = head.host().filter(|host| !host.is_empty());
    let host = named.or_else(|| Some(authority(head.target()?)?.into())).unwrap_or_else(|| {
        let server = told.flow.ends[1 - message.side.min(1)];
        Cow::Owned(server.to_string().into_bytes())
    });
    let is_plain = !host.ends_with(b":80") && !host.iter().any(u8::is_ascii_uppercase);
    Some(if is_plain { host } else { host.strip_suffix(b":80").unwrap_or(&host).to_ascii_lowercase().into() })
}

/// The authority of a target in absolute form (RFC 9112 3.2.2).
fn authority(target: &[u8]) -> Option<&[u8]> {
    let rest = target.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case(b"http://")).map(|_| &target[7..])?;
    let end = rest.iter().position(|byte| b"/?#".contains(byte)).unwrap_or(rest.len());
    Some(&rest[..end]).filter(|authority| !authority.is_empty())
}

/// In lower case; of a body of which nothing is said, that nothing is.
fn media_type(message: &Message) -> Option<Cow<'_, [u8]>> {
    let http = message.http()?;
    let Some(value) = http.head().get("content-type") else {
        return (http.body_len > 0).then_some(Cow::Borrowed(b"(none)"));
    };
    let end = value.iter().position(|byte| *byte == b';').unwrap_or(value.len());
    Some(value[..end].trim_ascii().to_ascii_lowercase().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_the_usual_ones_is_known() {
        let known = |usual: &&Usual| Fields.resolve(usual.name).is_some() || usual.name == "protocol";
        assert_eq!(usual().len(), USUAL.iter().filter(known).count());
        assert!(By::field("ip.src").is_some() && By::field("http").is_none() && By::field("htp").is_none());
    }

    #[test]
    fn the_authority_of_a_target() {
        for (target, host) in [
            ("http://a.example/x", Some("a.example")),
            ("HTTP://a:8080?q", Some("a:8080")),
            ("http:///x", None),
            ("/x", None),
            ("*", None),
        ] {
            assert_eq!(authority(target.as_bytes()), host.map(str::as_bytes), "{target}");
        }
    }
}
