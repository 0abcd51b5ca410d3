//! The fields that rules can name, and what of a message or connection has to be captured for each to be known.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::LazyLock;

use crate::app::http1::fields as http;
use crate::app::message;
use crate::check::rules::model::{Bound, Of};
use crate::check::rules::relation::Relation;
use crate::field::{Field, Kind};
use crate::filter::{FieldId, Name, Names, Type};
use crate::registry;

use super::own;

/// Indexes of fields that are in no table: a header field by its name, a definition, a field of the frame that carried
/// the message's first byte.
const HEADERS: u16 = 0x6000;
const DEFINITIONS: u16 = 0x7000;
const OUTER: u16 = 0x8000;
/// The most header fields that rules name, so that their indexes stay below those of definitions.
const MAX_HEADERS: usize = (DEFINITIONS - HEADERS) as usize;

/// Scopes: the one that is looked at, what is related to it, what a rule's own names stand for.
const OWN: u16 = 0;
const RELATED: u16 = 1;
const BOUND: u16 = 0x100;

/// What begins the name of a header field's values.
const HEADER_PREFIX: &str = "http.header.";

/// What has to be captured for a field to be known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Needs {
    /// Nothing but one frame of the message.
    Nothing,
    /// The start line.
    StartLine,
    /// The head.
    Head,
    /// All of the message.
    All,
    /// All of the message, and its frames as they came first.
    Frames,
    /// All of the message, and of what its sender sent.
    Side,
    /// What is before it on its side of the connection.
    Before,
    /// The connection up to it.
    Connection,
    /// All that is before it in the capture.
    Capture,
    /// What it answers.
    Pair,
    /// All of the message; of its issues, those that losses of the capture cause do not count.
    Issues,
}

/// How the values of a field are had.
#[derive(Clone, Copy)]
pub enum Get {
    /// From an HTTP message.
    Http(message::Get),
    /// From a message and where it belongs.
    Message(registry::MessageGet),
    /// From a connection.
    Connection(registry::ConnectionGet),
    /// From what is gathered of the capture.
    Own(own::Get),
    /// From the same of a connection.
    OwnConnection(own::ConnectionGet),
}

/// A field that rules can name.
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// Type of its values.
    pub kind: Kind,
    /// Its meaning.
    pub doc: &'static str,
    /// How its values are had.
    pub get: Get,
    /// What has to be captured for that.
    pub needs: Needs,
}

static TABLE: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    let mut all: Vec<Entry> = Vec::new();
    all.extend(own::MESSAGE.iter().map(|(field, needs)| entry(field, Get::Own(field.get), *needs)));
    all.extend(own::CONNECTION.iter().map(|field| entry(field, Get::OwnConnection(field.get), Needs::Nothing)));
    all.extend(http::FIELDS.iter().map(|field| entry(field, Get::Http(field.get), needs(field.name))));
    all.extend(registry::MESSAGE.iter().map(|field| entry(field, Get::Message(field.get), needs(field.name))));
    let connection = registry::CONNECTION.iter().chain(&registry::TO_SERVER).chain(&registry::TO_CLIENT);
    all.extend(connection.map(|field| entry(field, Get::Connection(field.get), Needs::Nothing)));
    let mut seen = std::collections::HashSet::new();
    all.retain(|entry| seen.insert(entry.name));
    all
});

static BY_NAME: LazyLock<HashMap<&'static str, u16>> =
    LazyLock::new(|| (0..).zip(TABLE.iter()).map(|(index, entry)| (entry.name, index)).collect());

fn entry<G>(field: &Field<G>, get: Get, needs: Needs) -> Entry {
    Entry { name: field.name, kind: field.kind, doc: field.doc, get, needs }
}

/// What a field of the registry needs. One that is not named here is a header's, or needs all.
fn needs(name: &str) -> Needs {
    match name {
        "message.kind" => Needs::Nothing,
        "http.request.method" | "http.request.uri" | "http.request.version" => Needs::StartLine,
        "http.response.version" | "http.response.code" | "http.response.phrase" => Needs::StartLine,
        "http.time" => Needs::Frames,
        "http.request_in" | "message.answers" => Needs::Pair,
        "message.number" => Needs::Connection,
        "message.length" => Needs::All,
        "message.issues" => Needs::Issues,
        _ if name.starts_with("http.body") || name.starts_with("http.trailer") => Needs::All,
        _ if name.starts_with("message.") => Needs::Frames,
        _ => Needs::Head,
    }
}

/// What a field's index means.
pub enum Meaning {
    /// A field of the table.
    Field(&'static Entry),
    /// A header field, by its place among those that rules name.
    Header(usize),
    /// A definition, by its place.
    Definition(usize),
    /// A field of the frame that carried the first byte, by its own index.
    Outer(u16),
}

/// What a field's scope means.
pub enum Scope {
    /// What is looked at.
    Own,
    /// What is related to it.
    Related(Relation),
    /// What a name of the rule's own stands for, by its place.
    Bound(usize),
}

/// What the index of a field means.
pub fn meaning(index: u16) -> Option<Meaning> {
    Some(match index {
        OUTER.. => Meaning::Outer(index - OUTER),
        DEFINITIONS.. => Meaning::Definition(usize::from(index - DEFINITIONS)),
        HEADERS.. => Meaning::Header(usize::from(index - HEADERS)),
        _ => Meaning::Field(TABLE.get(usize::from(index))?),
    })
}

/// What the scope of a field means.
pub fn scope(scope: u16) -> Scope {
    match scope {
        BOUND.. => Scope::Bound(usize::from(scope - BOUND)),
        OWN => Scope::Own,
        _ => {
            let relation = Relation::ALL.get(usize::from(scope - RELATED));
            relation.map_or(Scope::Own, |(_, relation, _)| Scope::Related(*relation))
        }
    }
}

/// The meaning of a field.
pub fn doc(name: &str) -> Option<&'static str> {
    Some(TABLE.get(usize::from(*BY_NAME.get(name)?))?.doc)
}

/// The header field of which a field of the registry has the value, as its meaning says.
pub fn header_of(entry: &Entry) -> Option<&'static str> {
    entry.doc.strip_prefix("Value of ").or(entry.doc.strip_prefix("Values of ")).filter(|_| entry.needs == Needs::Head)
}

/// The names that a filter of a rules file can use.
pub struct Vocabulary<'v> {
    /// What its rule chooses among; none for a definition, which any rule can name.
    pub of: Option<Of>,
    /// Names of definitions, in the order of their indexes.
    pub definitions: &'v [String],
    /// The rule's own names.
    pub binds: &'v [(String, Bound)],
    /// Header fields named so far, in lower case.
    pub headers: &'v RefCell<Vec<String>>,
}

impl Names for Vocabulary<'_> {
    fn resolve(&self, name: &str) -> Option<Name> {
        self.plain(name).or_else(|| {
            let (prefix, rest) = name.split_once('.')?;
            let bound = self.binds.iter().position(|(bound, _)| bound == prefix);
            let scope = match (bound, Relation::of_name(prefix)) {
                (Some(at), _) => BOUND + u16::try_from(at).ok()?,
                (None, Some(relation)) if self.of.is_none_or(|of| relation.is_of(of)) => {
                    RELATED + relation.index() as u16
                }
                _ => return None,
            };
            let name = self.plain(rest)?;
            Some(Name { id: name.id.within(scope), ..name })
        })
    }

    fn each(&self, put: &mut dyn FnMut(&str)) {
        TABLE.iter().for_each(|entry| put(entry.name));
        super::outer::each(put);
        self.definitions.iter().for_each(|name| put(name));
    }
}

impl Vocabulary<'_> {
    /// A name without a prefix.
    fn plain(&self, name: &str) -> Option<Name> {
        let named = |index: u16, kind: Type| Some(Name { id: FieldId { scope: OWN, index }, kind, searched: None });
        if let Some(at) = self.definitions.iter().position(|definition| definition == name) {
            return named(DEFINITIONS + u16::try_from(at).ok()?, Type::Label);
        }
        if let Some(&index) = BY_NAME.get(name) {
            return named(index, TABLE.get(usize::from(index))?.kind.into());
        }
        if let Some(header) = name.strip_prefix(HEADER_PREFIX).filter(|header| !header.is_empty()) {
            return named(self.header(&header.to_ascii_lowercase())?, Kind::Text.into());
        }
        let outer = super::outer::resolve(name)?;
        let index = outer.id.index.checked_add(OUTER)?;
        Some(Name { id: FieldId { scope: OWN, index }, ..outer })
    }

    /// The index of a header field.
    fn header(&self, name: &str) -> Option<u16> {
        let mut headers = self.headers.borrow_mut();
        let at = headers.iter().position(|header| header == name).unwrap_or_else(|| {
            headers.push(name.to_owned());
            headers.len() - 1
        });
        u16::try_from(at).ok().filter(|_| at < MAX_HEADERS).map(|at| HEADERS + at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_mean_fields_of_what_is_looked_at_or_of_others() {
        let headers = RefCell::default();
        let names = Vocabulary {
            of: Some(Of::Responses),
            definitions: &["page".to_owned()],
            binds: &[("start".to_owned(), Bound::Found(0))],
            headers: &headers,
        };
        let id = |name: &str| names.resolve(name).map(|name| name.id);
        let uri = id("http.request.uri").unwrap();
        assert_eq!(id("request.http.request.uri"), Some(uri.within(RELATED)));
        assert_eq!(id("start.http.request.uri"), Some(uri.within(BOUND)));
        assert!(id("page").is_some() && id("before.page").is_some() && id("connection.close").is_some());
        assert!(id("http.header.X-Token").is_some() && id("http.header.x-token") == id("http.header.X-Token"));
        for unknown in
            ["", ".", "request.", "request", "request.request.http.host", "response.http.host", "x.http.host"]
        {
            assert_eq!(id(unknown), None, "{unknown}");
        }
        assert_eq!(names.resolve("http.response.code").unwrap().kind, Type::Of(Kind::Uint));
    }

    #[test]
    fn header_fields_are_known_by_their_names() {
        let host = TABLE.iter().find(|entry| entry.name == "http.host").unwrap();
        assert_eq!(header_of(host), Some("Host"));
        assert!(TABLE.len() < usize::from(HEADERS));
    }
}
