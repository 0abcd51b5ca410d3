//! One DNS message (RFC 1035 4): a UDP payload, or one of TCP without its length prefix. mDNS (RFC 6762) and LLMNR
//! (RFC 4795) have the same form.

mod codes;
pub mod fields;
mod lookups;
mod name;
mod pairing;
mod plausible;
mod rdata;
mod shown;
mod stream;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::net::IpAddr;

use super::datagram::{Datagram, Said};
use super::message::{Application, Integrity, Kind, Unit};
use crate::field::Value;
use crate::frame::FrameNumber;
pub use lookups::Lookups;
pub use plausible::{guess, may_begin};
use rdata::{Data, Layout};
pub use shown::Shown;
pub use stream::Stream;

/// DNS.
pub static APPLICATION: Application =
    Application { title: "DNS", name: "dns", doc: "A DNS message", fields: fields::FIELDS };

/// Multicast DNS.
pub static MDNS: Application =
    Application { title: "mDNS", name: "mdns", doc: "A message of multicast DNS", fields: fields::FIELDS };

/// Link-local multicast name resolution.
pub static LLMNR: Application = Application {
    title: "LLMNR",
    name: "llmnr",
    doc: "A message of link-local multicast name resolution",
    fields: fields::FIELDS,
};

/// Length of the header in bytes.
pub const HEADER_LEN: usize = 12;

/// Which use of the message format it is; told by the port.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum Variant {
    /// DNS.
    #[default]
    Dns,
    /// Multicast DNS: classes have a bit with another meaning.
    Mdns,
    /// LLMNR: two of the flags have another meaning.
    Llmnr,
}

/// Section of a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Section {
    /// Answers; in an update, prerequisites.
    Answer,
    /// Name servers of a zone; in an update, what is updated.
    Authority,
    /// What else may be of use.
    Additional,
}

impl Section {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Authority => "authority",
            Self::Additional => "additional",
        }
    }
}

/// A message.
#[derive(Clone, Default, Debug)]
pub struct Dns {
    /// Which use of the format it is.
    pub variant: Variant,
    /// Identifier that a response shares with its query.
    pub id: u16,
    /// The flags as they are.
    pub flags: u16,
    /// How many the header tells of: questions, answers, authority, additional.
    pub counts: [u16; 4],
    /// The questions that can be read.
    pub questions: Vec<Question>,
    /// The records that can be read.
    pub records: Vec<Record>,
    /// Its length as the prefix over TCP has it.
    pub length: Option<u16>,
    /// Whether something cannot be read as the header has it, or is no name.
    pub is_malformed: bool,
    /// Where what was read ends.
    end: usize,
    /// What it is to the messages before it.
    pub relation: Relation,
    wire: Box<[u8]>,
}

/// What a message is to those before it.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Relation {
    /// The frame of the question that it asks again.
    pub same_as_request: Option<FrameNumber>,
    /// The frame of the first answer to the same question.
    pub same_as_response: Option<FrameNumber>,
    /// Whether it answers, and nobody asked.
    pub is_unsolicited: bool,
}

/// A question.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Question {
    /// The name that is asked for.
    pub name: String,
    /// Type.
    pub kind: u16,
    /// Class, with mDNS's bit.
    pub class: u16,
}

/// A resource record.
#[derive(Clone, Debug)]
pub struct Record {
    /// Where it stands.
    pub section: Section,
    /// Name of its owner.
    pub name: String,
    /// Type.
    pub kind: u16,
    /// Class, with mDNS's bit.
    pub class: u16,
    /// Time to live in seconds.
    pub ttl: u32,
    layout: Option<&'static Layout>,
    at: u16,
    len: u16,
}

/// Type of the record that extends the header (RFC 6891).
const OPT: u16 = 41;

/// Parses a message as far as it can be read; none where it is shorter than a header.
pub fn parse(wire: &[u8], variant: Variant) -> Option<Dns> {
    // The length of a message over TCP, and the payload of UDP, has 16 bits.
    let wire = wire.get(..wire.len().min(usize::from(u16::MAX)))?;
    let header: &[u8; HEADER_LEN] = wire.first_chunk()?;
    let word = |i: usize| u16::from_be_bytes([header[2 * i], header[2 * i + 1]]);
    let mut dns = Dns {
        variant,
        id: word(0),
        flags: word(1),
        counts: [word(2), word(3), word(4), word(5)],
        end: HEADER_LEN,
        wire: wire.into(),
        ..Dns::default()
    };
    dns.is_malformed |= dns.read().is_none();
    Some(dns)
}

impl Dns {
    /// The message as sent, without the length that comes before it over TCP, as far as it was captured.
    pub fn wire(&self) -> &[u8] {
        &self.wire
    }

    /// Reads what follows the header; none where that ends early.
    fn read(&mut self) -> Option<()> {
        let [questions, answers, authority, additional] = self.counts;
        for _ in 0..questions {
            let (name, [kind, class]) = self.name_and(|rest| {
                let &[a, b, c, d] = rest.first_chunk()?;
                Some(([u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])], 4))
            })?;
            self.questions.push(Question { name, kind, class });
        }
        for (section, count) in
            [(Section::Answer, answers), (Section::Authority, authority), (Section::Additional, additional)]
        {
            for _ in 0..count {
                self.record(section)?;
            }
        }
        Some(())
    }

    fn record(&mut self, section: Section) -> Option<()> {
        let (name, (kind, class, ttl, len)) = self.name_and(|rest| {
            let fixed: &[u8; 10] = rest.first_chunk()?;
            let word = |i: usize| u16::from_be_bytes([fixed[i], fixed[i + 1]]);
            let ttl = u32::from(word(4)) << 16 | u32::from(word(6));
            Some(((word(0), word(2), ttl, word(8)), fixed.len()))
        })?;
        // A message is no longer than 16 bits can tell.
        let at = self.end as u16;
        let record = Record { section, name, kind, class, ttl, layout: rdata::layout(kind), at, len };
        let fits = record.visit(&self.wire, &mut |_, _| ());
        // In an update, a record without data stands for all or none of its name (RFC 2136 2.4).
        self.is_malformed |= !(fits || len == 0 && self.opcode() == UPDATE);
        self.records.push(record);
        self.end += usize::from(len);
        (self.end <= self.wire.len()).then_some(())
    }

    /// A name, and what `fixed` reads after it, of so many bytes.
    fn name_and<T>(&mut self, fixed: impl FnOnce(&[u8]) -> Option<(T, usize)>) -> Option<(String, T)> {
        let name = name::read(&self.wire, self.end)?;
        let (value, len) = fixed(self.wire.get(name.end..)?)?;
        self.is_malformed |= !name.is_valid;
        self.end = name.end + len;
        Some((name.text, value))
    }

    /// The protocol.
    pub const fn application(&self) -> &'static Application {
        match self.variant {
            Variant::Dns => &APPLICATION,
            Variant::Mdns => &MDNS,
            Variant::Llmnr => &LLMNR,
        }
    }

    /// Whether it is a response.
    pub const fn is_response(&self) -> bool {
        self.flags & 0x8000 != 0
    }

    /// Its part in an exchange.
    pub const fn part(&self) -> Kind {
        if self.is_response() { Kind::Response } else { Kind::Request }
    }

    /// What it is where all its bytes are there.
    pub const fn integrity(&self) -> Integrity {
        if self.is_malformed { Integrity::Malformed } else { Integrity::Complete }
    }

    /// Kind of query.
    pub const fn opcode(&self) -> u8 {
        (self.flags >> 11) as u8 & 0xf
    }

    /// Whether the message was cut to fit (TC).
    pub const fn is_truncated(&self) -> bool {
        self.flags & 0x0200 != 0
    }

    /// Response code, with the bits that an OPT record adds.
    pub fn rcode(&self) -> u16 {
        let opt = self.records.iter().find(|record| record.kind == OPT);
        self.flags & 0xf | opt.map_or(0, |opt| (opt.ttl >> 24) as u16) << 4
    }

    /// The records of a section.
    pub fn section(&self, section: Section) -> impl Iterator<Item = &Record> {
        self.records.iter().filter(move |record| record.section == section)
    }

    /// Addresses in the answers.
    pub fn addresses(&self) -> Vec<IpAddr> {
        let mut all = Vec::new();
        for record in self.section(Section::Answer) {
            self.visit(record, &mut |_, value| match value {
                Value::Ipv4(address) => all.push(address.into()),
                Value::Ipv6(address) => all.push(address.into()),
                _ => {}
            });
        }
        all
    }

    /// Hands the values of a record's data to `take`, up to where it cannot be read.
    pub fn visit(&self, record: &Record, take: rdata::Take<'_>) {
        record.visit(&self.wire, take);
    }

    /// Whether a class has mDNS's bit: an answer by unicast is welcome, or what was known before is to be forgotten
    /// (RFC 6762 5.4, 10.2).
    pub fn has_top_bit(&self, class: u16) -> bool {
        self.variant == Variant::Mdns && class & 0x8000 != 0
    }

    /// A class without that bit.
    pub fn class(&self, class: u16) -> u16 {
        if self.variant == Variant::Mdns { class & 0x7fff } else { class }
    }

    /// The flags that are set, as dig names them.
    pub fn flag_words(&self) -> impl Iterator<Item = &'static str> {
        let llmnr = self.variant == Variant::Llmnr;
        let words: [(u16, &str); 6] = [
            (0x0400, if llmnr { "c" } else { "aa" }),
            (0x0200, "tc"),
            (0x0100, if llmnr { "t" } else { "rd" }),
            (0x0080, "ra"),
            (0x0020, "ad"),
            (0x0010, "cd"),
        ];
        words.into_iter().filter(|(bit, _)| self.flags & bit != 0).map(|(_, word)| word)
    }

    /// The kind of query by its name.
    pub fn opcode_name(&self) -> Cow<'static, str> {
        codes::opcode(self.opcode())
    }

    /// The response code by its name.
    pub fn rcode_name(&self) -> Cow<'static, str> {
        codes::rcode(self.rcode())
    }
}

/// The opcode of an update (RFC 2136).
const UPDATE: u8 = 5;

impl Record {
    /// Whether its data is what its type has.
    fn visit(&self, wire: &[u8], take: rdata::Take<'_>) -> bool {
        let at = usize::from(self.at);
        let data = Data { wire, at, end: (at + usize::from(self.len)).min(wire.len()) };
        self.layout.is_none_or(|layout| layout.read(data, take))
    }

    /// Its type by name.
    pub fn kind_name(&self) -> Cow<'static, str> {
        codes::kind(self.kind)
    }

    /// Whether it extends the header (RFC 6891).
    pub fn is_opt(&self) -> bool {
        self.kind == OPT
    }

    /// Length of its data.
    pub fn data_len(&self) -> u16 {
        self.len
    }

    /// Whether its data has this field.
    fn has(&self, field: &str) -> bool {
        self.layout.is_some_and(|layout| layout.has(field))
    }
}

impl Question {
    /// Its type by name.
    pub fn kind_name(&self) -> Cow<'static, str> {
        codes::kind(self.kind)
    }
}

/// A type by its name.
pub fn kind_name(kind: u16) -> Cow<'static, str> {
    codes::kind(kind)
}

/// A response code by its name.
pub fn rcode_name(rcode: u16) -> Cow<'static, str> {
    codes::rcode(rcode)
}

/// A class by its name.
pub fn class_name(class: u16) -> Cow<'static, str> {
    codes::class(class)
}

/// Port of NetBIOS's name service, whose messages have the same form and are of another protocol (RFC 1002 4.2).
const NETBIOS: u16 = 137;

/// What a datagram says, if it is of DNS: by its port, or on another one by what it says.
pub fn datagram(datagram: &Datagram<'_>) -> Option<Said> {
    let has = |port| datagram.ports.contains(&port);
    let dns = if has(53) {
        parse(datagram.bytes, Variant::Dns)
    } else if has(5353) {
        parse(datagram.bytes, Variant::Mdns)
    } else if has(5355) {
        parse(datagram.bytes, Variant::Llmnr)
    } else if has(NETBIOS) {
        None
    } else {
        plausible::whole(datagram.bytes)
    }?;
    // Answers come from elsewhere, too: see `Lookups`.
    Some(Said { kind: dns.part(), key: None, unit: Unit::Dns(dns), once: None })
}
