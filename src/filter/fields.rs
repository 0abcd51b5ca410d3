//! The fields that filters know: those of the registry, and names that people type for several of them or a part.

use std::collections::{BTreeMap, HashMap};
use std::ptr;
use std::sync::LazyLock;

use super::names::{FieldId, Name, Names, Type};
use crate::app::APPLICATIONS;
use crate::app::http1;
use crate::app::message::{Application, Get};
use crate::decode::{self, Protocol};
use crate::field::{Field, Kind};
use crate::flow::fields as fragments;
use crate::issue::Issue;
use crate::registry::{self, ConnectionGet, MessageGet, PacketGet};
use crate::tcp::fields as analysis;

/// The names of every field of a frame, a message and a connection.
#[derive(Clone, Copy, Debug)]
pub struct Fields;

/// Where the values of a field come from.
#[derive(Clone, Copy)]
pub(super) enum Source {
    Packet(PacketGet),
    /// The number of the frame, or of the one that completed a message.
    FrameNumber,
    /// Nanoseconds since the first frame, and since the one before.
    SinceFirst,
    SincePrevious,
    /// All bytes of a frame.
    Frame,
    Layer(&'static Protocol, decode::Get),
    /// The same as text.
    LayerText(&'static Protocol, decode::Get),
    /// The bytes of a header.
    Header(&'static Protocol),
    /// The same with what follows in the frame.
    HeaderOn(&'static Protocol),
    TcpFlagsText(&'static Protocol),
    TcpOptions(&'static Protocol),
    /// What a header of this protocol carries.
    Payload(&'static Protocol),
    Fragment(&'static Protocol, fragments::Get),
    UdpStream,
    Analysis(analysis::Get),
    /// The flags of a frame; of a message those of all its segments, of a connection those of all its frames.
    Flags,
    Flag(Issue),
    Http(Get),
    /// Each value of the header field that has the name of the entry.
    HttpHeader,
    /// The head of an HTTP message, and the beginning of its body.
    HttpBytes,
    HttpKind(crate::app::message::Kind),
    HttpLines(Option<crate::app::message::Kind>),
    HttpUri(UriPart),
    HttpBody,
    /// Of another protocol.
    Unit(Get),
    /// That it is a message of this one: its bytes are not kept.
    UnitIs(&'static Application),
    Message(MessageGet),
    Connection(ConnectionGet),
    /// The same, and known of messages too.
    Flow(ConnectionGet),
    /// Flags by direction: from the client, or to it.
    ConnectionFlags {
        from_client: bool,
    },
    /// What holds for every frame of a connection: its addresses and ports.
    EndIpv4,
    EndIpv6,
    EndPort,
    /// That it is of TCP, or had an HTTP message.
    IsTcp,
    IsHttp,
    Stream,
}

#[derive(Clone, Copy)]
pub(super) enum UriPart {
    Full,
    Path,
    Query,
}

pub(super) struct Entry {
    pub name: String,
    pub kind: Type,
    pub many: bool,
    pub doc: &'static str,
    pub sources: Vec<Source>,
    searched: Option<u16>,
    /// Whether it is only the beginning of the names of fields.
    is_prefix: bool,
}

/// A name for `dissect fields`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Listed<'a> {
    /// The name.
    pub name: &'a str,
    /// The word for its type.
    pub kind: &'static str,
    /// Whether a record may have several of its values.
    pub many: bool,
    /// Its meaning.
    pub doc: &'static str,
}

impl Names for Fields {
    fn resolve(&self, name: &str) -> Option<Name> {
        let index = *CATALOGUE.by_name.get(name)?;
        let entry = CATALOGUE.entries.get(usize::from(index))?;
        let id = |index| FieldId { scope: 0, index };
        Some(Name { id: id(index), kind: entry.kind, searched: entry.searched.map(id) })
    }

    fn most(&self, name: &str) -> Option<u64> {
        Some(match name {
            "ip.ttl" | "ip.proto" | "ipv6.hlim" | "ipv6.nxt" | "icmp.type" | "icmp.code" => u8::MAX.into(),
            "ip.len" | "ip.id" | "ip.checksum" | "ipv6.plen" | "eth.type" | "udp.length" | "udp.checksum" => {
                u16::MAX.into()
            }
            "tcp.window_size_value" | "tcp.checksum" | "tcp.urgent_pointer" | "http.response.code" => u16::MAX.into(),
            _ if name.ends_with("port") => u16::MAX.into(),
            _ => return None,
        })
    }

    fn each(&self, put: &mut dyn FnMut(&str)) {
        CATALOGUE.by_name.keys().for_each(|name| put(name));
    }
}

impl Fields {
    /// The names that are no fields of the registry: protocols, and names for several fields or for a part of one.
    pub fn others() -> impl Iterator<Item = Listed<'static>> {
        let of_registry: std::collections::HashSet<_> = registry::entries().iter().map(|entry| entry.name).collect();
        let others = CATALOGUE.entries.iter().filter(move |entry| {
            !entry.is_prefix && !entry.name.is_empty() && !of_registry.contains(entry.name.as_str())
        });
        others.map(|entry| Listed {
            name: &entry.name,
            kind: match entry.kind {
                Type::Of(kind) => kind.name(),
                Type::Protocol => "protocol",
                Type::Label => "label",
            },
            many: entry.many,
            doc: entry.doc,
        })
    }

    /// Whether a body, or a part of it, is needed for the field.
    pub fn needs_body(field: FieldId) -> bool {
        entry(field).is_some_and(|entry| {
            entry.sources.iter().any(|source| matches!(source, Source::HttpBody | Source::HttpBytes))
        })
    }

    /// Whether frames have the field.
    pub fn is_of_frames(field: FieldId) -> bool {
        entry(field).is_some_and(|entry| entry.sources.iter().any(super::records::partial::is_of_frame))
    }

    /// Whether the analysis has to keep more for the field than it does otherwise.
    pub fn needs_details(field: FieldId) -> bool {
        entry(field).is_some_and(|entry| entry.sources.iter().any(|source| matches!(source, Source::Analysis(_))))
    }
}

/// What there is to know of a field.
pub(super) fn entry(field: FieldId) -> Option<&'static Entry> {
    CATALOGUE.entries.get(usize::from(field.index))
}

fn is_http(application: &Application) -> bool {
    ptr::eq(application, &http1::APPLICATION)
}

struct Catalogue {
    entries: Vec<Entry>,
    by_name: HashMap<String, u16>,
}

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    let mut all = Catalogue { entries: Vec::new(), by_name: HashMap::new() };
    all.protocols();
    all.registry();
    all.layers();
    all.analysis();
    all.http();
    all.connections();
    all.prefixes();
    all
});

impl Catalogue {
    /// Adds a source to a name.
    fn add(&mut self, name: &str, kind: impl Into<Type>, doc: &'static str, source: Source) -> &mut Entry {
        let index = match self.by_name.get(name) {
            Some(index) => *index,
            None => {
                let index = self.push(name, kind.into(), doc);
                self.by_name.insert(name.into(), index);
                index
            }
        };
        let entry = &mut self.entries[usize::from(index)];
        entry.sources.push(source);
        entry
    }

    /// Adds what has no name of its own, or gets it later. There are some hundred names.
    fn push(&mut self, name: &str, kind: Type, doc: &'static str) -> u16 {
        let (sources, searched) = (Vec::new(), None);
        let entry = Entry { name: name.into(), kind, many: false, doc, sources, searched, is_prefix: false };
        self.entries.push(entry);
        u16::try_from(self.entries.len() - 1).unwrap_or(u16::MAX)
    }

    fn fields<G: Copy>(&mut self, fields: &'static [Field<G>], source: impl Fn(G) -> Source) {
        for field in fields {
            self.add(field.name, field.kind, field.doc, source(field.get)).many |= field.many;
        }
    }

    /// A protocol, of which `contains` and `matches` also search what follows its header.
    fn protocols(&mut self) {
        for protocol in distinct_protocols() {
            let title = "The bytes of its header; contains and matches search what follows, too";
            self.add(protocol.name, Type::Protocol, title, Source::Header(protocol));
            let index = self.by_name.get(protocol.name).copied().unwrap_or_default();
            let searched = match self.entries.get(usize::from(index)).and_then(|entry| entry.searched) {
                Some(searched) => searched,
                None => self.push("", Type::Protocol, ""),
            };
            self.entries[usize::from(searched)].sources.push(Source::HeaderOn(protocol));
            self.entries[usize::from(index)].searched = Some(searched);
        }
        self.add("frame", Type::Protocol, "All bytes of a frame that were captured", Source::Frame);
        self.add("http", Type::Protocol, "An HTTP message: its head, and the beginning of its body", Source::HttpBytes);
        self.add("http", Type::Protocol, "", Source::IsHttp);
        for application in APPLICATIONS.iter().filter(|application| !is_http(application)) {
            self.add(application.name, Type::Protocol, application.doc, Source::UnitIs(application));
        }
        self.add("tcp", Type::Protocol, "", Source::IsTcp);
    }

    fn registry(&mut self) {
        for field in registry::FRAME {
            let source = if field.name == "frame.number" { Source::FrameNumber } else { Source::Packet(field.get) };
            self.add(field.name, field.kind, field.doc, source);
            if field.name == "frame.time_epoch" {
                self.add("frame.time", field.kind, "Capture time", Source::Packet(field.get));
            }
        }
        for protocol in distinct_protocols() {
            self.fields(protocol.fields, |get| Source::Layer(protocol, get));
            let of_fragments = if protocol.name == "ip" { fragments::IPV4 } else { fragments::IPV6 };
            if protocol.name == "ip" || protocol.name.starts_with("ipv6") {
                self.fields(of_fragments, |get| Source::Fragment(protocol, get));
            }
        }
        self.add(registry::UDP_STREAM, Kind::Uint, "Number of the UDP stream, from 0", Source::UdpStream);
        for field in analysis::FIELDS {
            let source = if field.name == "tcp.analysis.flags" { Source::Flags } else { Source::Analysis(field.get) };
            self.add(field.name, field.kind, field.doc, source).many |= field.many;
        }
        for field in http1::APPLICATION.fields {
            // Those of header fields: of several with one name the registry has the first value alone.
            let is_header = field.kind == Kind::Text && field.name.matches('.').count() == 1;
            let source = if is_header { Source::HttpHeader } else { Source::Http(field.get) };
            self.add(field.name, field.kind, field.doc, source).many |= field.many;
        }
        for (at, application) in APPLICATIONS.iter().enumerate().filter(|(_, application)| !is_http(application)) {
            // Some have the same fields.
            if !APPLICATIONS[..at].iter().any(|before| ptr::eq(before.fields, application.fields)) {
                self.fields(application.fields, Source::Unit);
            }
        }
        self.fields(registry::MESSAGE, Source::Message);
        for field in registry::CONNECTION {
            let is_of_flow = field.name.starts_with("connection.client") || field.name.starts_with("connection.server");
            let source = if is_of_flow { Source::Flow(field.get) } else { Source::Connection(field.get) };
            self.add(field.name, field.kind, field.doc, source).many |= field.many;
        }
        self.fields(&registry::TO_SERVER, Source::Connection);
        self.fields(&registry::TO_CLIENT, Source::Connection);
    }

    /// Names for several fields of a header, or for a field in another form.
    fn layers(&mut self) {
        let pairs = [
            ("eth.addr", "eth.dst", "eth.src", "Either hardware address"),
            ("ip.addr", "ip.src", "ip.dst", "Either IPv4 address"),
            ("ipv6.addr", "ipv6.src", "ipv6.dst", "Either IPv6 address"),
            ("tcp.port", "tcp.srcport", "tcp.dstport", "Either TCP port"),
            ("udp.port", "udp.srcport", "udp.dstport", "Either UDP port"),
        ];
        for (name, one, other, doc) in pairs {
            for part in [one, other] {
                let Some((kind, sources)) = self.of(part) else { continue };
                sources.into_iter().for_each(|source| self.add(name, kind, doc, source).many = true);
            }
        }
        for (base, hosts) in [("ip", ["ip.src", "ip.dst"]), ("ipv6", ["ipv6.src", "ipv6.dst"])] {
            for part in hosts {
                let Some((_, sources)) = self.of(part) else { continue };
                for source in sources {
                    let Source::Layer(protocol, get) = source else { continue };
                    let text = Source::LayerText(protocol, get);
                    self.add(&format!("{part}_host"), Kind::Text, "The address as text", text);
                    self.add(&format!("{base}.host"), Kind::Text, "Either address as text", text).many = true;
                }
            }
        }
        for protocol in distinct_protocols() {
            match protocol.name {
                "tcp" => {
                    let doc = "The control bits as letters, a dot for each that is not set";
                    self.add("tcp.flags.str", Kind::Text, doc, Source::TcpFlagsText(protocol));
                    self.add("tcp.options", Kind::Bytes, "All options as sent", Source::TcpOptions(protocol));
                    self.add(
                        "tcp.payload",
                        Kind::Bytes,
                        "The payload of a frame, as captured",
                        Source::Payload(protocol),
                    );
                }
                "udp" => {
                    self.add(
                        "udp.payload",
                        Kind::Bytes,
                        "The payload of a frame, as captured",
                        Source::Payload(protocol),
                    );
                }
                _ => {}
            }
        }
        for (name, of) in [("tcp.options.mss", "tcp.options.mss_val"), ("tcp.options.sack", "tcp.options.sack_le")] {
            let Some((_, sources)) = self.of(of) else { continue };
            sources.into_iter().for_each(|source| {
                self.add(name, Type::Label, "The option", source);
            });
        }
        self.add("frame.time_relative", Kind::Duration, "Time since the first frame", Source::SinceFirst);
        self.add("frame.time_delta", Kind::Duration, "Time since the frame before", Source::SincePrevious);
        for (name, source) in [
            ("ip.addr", Source::EndIpv4),
            ("ipv6.addr", Source::EndIpv6),
            ("tcp.port", Source::EndPort),
            ("tcp.stream", Source::Stream),
        ] {
            self.add(name, Kind::Uint, "", source);
        }
    }

    fn analysis(&mut self) {
        for &flag in Issue::ALL {
            if flag.source().starts_with("tcp.analysis.") {
                self.add(flag.source(), Type::Label, flag.doc(), Source::Flag(flag));
            }
        }
    }

    fn http(&mut self) {
        use crate::app::message::Kind::{Request, Response};
        self.add("http.request", Kind::Bool, "True of a request", Source::HttpKind(Request));
        self.add("http.response", Kind::Bool, "True of a response", Source::HttpKind(Response));
        for (name, kind, doc) in [
            ("http.request.line", Some(Request), "Field lines of a request as sent, with their ends"),
            ("http.response.line", Some(Response), "Field lines of a response as sent, with their ends"),
            ("http.header", None, "Field lines, each as name, colon, space, value"),
        ] {
            self.add(name, Kind::Text, doc, Source::HttpLines(kind)).many = true;
        }
        for (name, part, doc) in [
            ("http.request.full_uri", UriPart::Full, "Host and target of a request as one URI"),
            ("http.request.uri.path", UriPart::Path, "What a target has before its question mark, if it has one"),
            ("http.request.uri.query", UriPart::Query, "What a target has after its question mark"),
        ] {
            self.add(name, Kind::Text, doc, Source::HttpUri(part));
        }
        let doc = "The beginning of the body, transfer and content coding undone";
        self.add("http.file_data", Kind::Text, doc, Source::HttpBody);
    }

    fn connections(&mut self) {
        for (name, from_client, doc) in [
            ("connection.to_server.flags", true, "Flags of segments from client to server, by name"),
            ("connection.to_client.flags", false, "Flags of segments from server to client, by name"),
        ] {
            self.add(name, Kind::Text, doc, Source::ConnectionFlags { from_client }).many = true;
        }
    }

    /// Beginnings of names, up to a dot: there where one of the fields is.
    fn prefixes(&mut self) {
        let mut prefixes: BTreeMap<String, Vec<Source>> = BTreeMap::new();
        for entry in self.entries.iter().filter(|entry| !entry.name.is_empty()) {
            for (dot, _) in entry.name.match_indices('.') {
                let prefix = &entry.name[..dot];
                if !self.by_name.contains_key(prefix) {
                    prefixes.entry(prefix.into()).or_default().extend(&entry.sources);
                }
            }
        }
        for (prefix, sources) in prefixes {
            let index = self.push(&prefix, Type::Label, "");
            self.entries[usize::from(index)].sources = sources;
            self.entries[usize::from(index)].is_prefix = true;
            self.by_name.insert(prefix, index);
        }
    }

    /// The type of a name that is there already, and where its values come from.
    fn of(&self, name: &str) -> Option<(Type, Vec<Source>)> {
        let entry = self.entries.get(usize::from(*self.by_name.get(name)?))?;
        Some((entry.kind, entry.sources.clone()))
    }
}

/// Every header format, once.
fn distinct_protocols() -> Vec<&'static Protocol> {
    let mut all: Vec<&'static Protocol> = Vec::new();
    for &protocol in decode::protocols() {
        if !all.iter().any(|known| ptr::eq(*known, protocol)) {
            all.push(protocol);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_the_registry_that_has_values_is_known() {
        for entry in registry::entries() {
            let name = Fields.resolve(entry.name);
            if entry.kind == "record" {
                continue;
            }
            let Some(name) = name else { panic!("{}", entry.name) };
            assert!(matches!(name.kind, Type::Of(kind) if kind.name() == entry.kind), "{}", entry.name);
        }
    }

    #[test]
    fn what_has_a_most_is_a_number() {
        for name in ["ip.ttl", "ip.len", "tcp.port", "http.response.code"] {
            assert!(Fields.most(name).is_some() && Fields.resolve(name).unwrap().kind == Kind::Uint.into(), "{name}");
        }
        assert_eq!((Fields.most("ip.ttl"), Fields.most("tcp.seq")), (Some(255), None));
    }

    #[test]
    fn protocols_and_beginnings_of_names_are_names() {
        for name in ["tcp", "ip", "http", "dns", "vlan", "frame"] {
            assert_eq!(Fields.resolve(name).unwrap().kind, Type::Protocol, "{name}");
        }
        for name in
            ["tcp.analysis", "message", "connection", "http.body", "tcp.options.timestamp", "ip.fragment.overlap"]
        {
            assert!(Fields.resolve(name).is_some(), "{name}");
        }
        assert_eq!(Fields.resolve("tcp.analysis.out_of_order").unwrap().kind, Type::Label);
        assert_eq!(Fields.resolve("ip.addr").unwrap().kind, Kind::Ipv4.into());
        assert_eq!(Fields.resolve(""), None);
        assert_eq!(Fields.resolve("TCP"), None);
    }

    #[test]
    fn what_has_a_name_and_is_no_field_of_the_registry_has_a_meaning() {
        let others: Vec<_> = Fields::others().collect();
        assert!(others.iter().any(|other| other.name == "ip.addr" && other.many));
        assert!(others.iter().all(|other| !other.doc.is_empty()));
    }
}
