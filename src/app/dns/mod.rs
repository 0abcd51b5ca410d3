//! One DNS message (RFC 1035 4): a UDP payload, or one of TCP without its length prefix.

pub mod fields;

use std::fmt::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr};

use super::datagram::{Datagram, Said};
use super::message::{Kind, Unit};
use simple_dns::rdata::RData;
use simple_dns::{Name, Packet, PacketFlag, QTYPE, ResourceRecord};

use super::message::Application;

/// DNS.
pub static APPLICATION: Application =
    Application { title: "DNS", name: "dns", doc: "A DNS message", fields: fields::FIELDS };

/// Most questions of a message that are kept; more than one is not in use.
pub const MAX_QUESTIONS: usize = 4;

/// Most answers of a message that are kept.
pub const MAX_ANSWERS: usize = 32;

/// Most characters of a record's data that are kept.
pub const MAX_DATA_TEXT: usize = 255;

/// Most records of a message that are read. A name may be a chain of thousands of pointers, so that a message with
/// more of them could be made to cost much time.
const MAX_RECORDS: usize = 64;

/// Length of the header in bytes.
const HEADER_LEN: usize = 12;

/// A message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dns {
    /// Identifier that a response shares with its query.
    pub id: u16,
    /// Whether it is a response.
    pub response: bool,
    /// Kind of query, by IANA's name.
    pub opcode: &'static str,
    /// Response code, by IANA's name; meaningful in a response.
    pub rcode: &'static str,
    /// Whether the message was cut to fit (TC).
    pub truncated: bool,
    /// The first questions.
    pub questions: Vec<Question>,
    /// The first answers.
    pub answers: Vec<Answer>,
    /// How many answers the header tells of.
    pub answer_count: u16,
    /// Whether something was left unread: records beyond the bounds, or that could not be read.
    pub partial: bool,
}

/// A question.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Question {
    /// Name in presentation form (RFC 1035 5.1), without the dot at the end; `.` for the root.
    pub name: String,
    /// Type, by IANA's name, or `TYPE` and its number (RFC 3597 5).
    pub kind: String,
}

/// A record of the answer section.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// As in [`Question`].
    pub name: String,
    /// As in [`Question`].
    pub kind: String,
    /// Time to live in seconds.
    pub ttl: u32,
    /// The data in presentation form, or of types that are not read here empty.
    pub data: String,
}

/// What is no DNS message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Error {
    /// Shorter than a header.
    Short,
    /// The question section cannot be read.
    Question,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Short => "shorter than a DNS header",
            Self::Question => "the question section cannot be read",
        })
    }
}

impl std::error::Error for Error {}

/// Ports of DNS, mDNS and LLMNR (RFC 1035 4.2, RFC 6762 3, RFC 4795 2).
const PORTS: [u16; 3] = [53, 5353, 5355];

/// What a datagram from or to one of the ports says.
pub fn datagram(datagram: &Datagram<'_>) -> Option<Said> {
    if !datagram.ports.iter().any(|port| PORTS.contains(port)) {
        return None;
    }
    let dns = parse(datagram.bytes).ok()?;
    let kind = if dns.response { Kind::Response } else { Kind::Request };
    Some(Said { kind, key: Some(dns.id.into()), unit: Unit::Dns(dns) })
}

/// Counts of records: questions, answers, authority, additional.
type Counts = [u16; 4];

/// Parses a message. Where its records cannot all be read, the header, the questions and the answers before the first
/// unreadable one are told.
pub fn parse(message: &[u8]) -> Result<Dns, Error> {
    let &[id_high, id_low, flags_high, flags_low, ref counts @ ..] =
        message.first_chunk::<HEADER_LEN>().ok_or(Error::Short)?;
    let count = |i: usize| u16::from_be_bytes([counts[2 * i], counts[2 * i + 1]]);
    let counts = [count(0), count(1), count(2), count(3)];
    let mut dns = Dns {
        id: u16::from_be_bytes([id_high, id_low]),
        response: flags_high & 0x80 != 0,
        opcode: opcode_name(flags_high >> 3 & 0xf),
        rcode: rcode_name(flags_low & 0xf),
        truncated: flags_high & 2 != 0,
        questions: Vec::new(),
        answers: Vec::new(),
        answer_count: counts[1],
        partial: false,
    };
    if counts.iter().map(|&c| usize::from(c)).sum::<usize>() <= MAX_RECORDS
        && let Ok(packet) = Packet::parse(message)
    {
        dns.take(&packet, None);
        return Ok(dns);
    }
    dns.partial = true;
    let (mut copy, kinds) = readable_copy(message, counts[0])?;
    // Where one answer cannot be read, those after it cannot either: find the last that can.
    let (mut readable, mut beyond) = (0, counts[1].min(MAX_ANSWERS as u16) + 1);
    while beyond - readable > 1 {
        let middle = readable + (beyond - readable) / 2;
        set_counts(&mut copy, [kinds.len() as u16, middle, 0, 0]);
        if Packet::parse(&copy).is_ok() { readable = middle } else { beyond = middle }
    }
    set_counts(&mut copy, [kinds.len() as u16, readable, 0, 0]);
    let packet = Packet::parse(&copy).map_err(|_| Error::Question)?;
    dns.take(&packet, Some(&kinds));
    Ok(dns)
}

impl Dns {
    /// Takes the questions and answers; `kinds` are the types of the questions, where the packet has not the true ones.
    fn take(&mut self, packet: &Packet<'_>, kinds: Option<&[u16]>) {
        if packet.opt().is_some() && packet.rcode() == simple_dns::RCODE::BADVERS {
            self.rcode = "BADVERS";
        }
        self.truncated |= packet.has_flags(PacketFlag::TRUNCATION);
        self.questions.extend(packet.questions.iter().take(MAX_QUESTIONS).enumerate().map(|(i, question)| Question {
            name: presentation(&question.qname),
            kind: kind_name(kinds.and_then(|kinds| kinds.get(i).copied()).unwrap_or(question.qtype.into())),
        }));
        self.answers.extend(packet.answers.iter().take(MAX_ANSWERS).map(Answer::new));
        self.partial |= packet.questions.len() > MAX_QUESTIONS || packet.answers.len() > MAX_ANSWERS;
    }
}

/// A copy that the parser does not refuse for a reserved bit or for a question of an unknown type or class, and the
/// questions' types. Questions beyond [`MAX_QUESTIONS`] leave the answers unread.
fn readable_copy(message: &[u8], questions: u16) -> Result<(Vec<u8>, Vec<u16>), Error> {
    let mut copy = message.to_vec();
    copy[3] &= !0x40;
    let (mut at, mut kinds) = (HEADER_LEN, Vec::new());
    for _ in 0..usize::from(questions).min(MAX_QUESTIONS) {
        at = skip_name(message, at).ok_or(Error::Question)?;
        let fixed: &mut [u8; 4] = copy.get_mut(at..).and_then(|rest| rest.first_chunk_mut()).ok_or(Error::Question)?;
        kinds.push(u16::from_be_bytes([fixed[0], fixed[1]]));
        *fixed = [0, 1, 0, 1];
        at += fixed.len();
    }
    if usize::from(questions) > MAX_QUESTIONS {
        copy.truncate(at);
    }
    Ok((copy, kinds))
}

/// Where the name at `at` ends: after its root label or its pointer.
fn skip_name(message: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *message.get(at)? {
            0 => return Some(at + 1),
            0xc0.. => return Some(at + 2),
            length => at += 1 + usize::from(length),
        }
    }
}

/// Writes the counts into a message, which has a whole header.
fn set_counts(message: &mut [u8], counts: Counts) {
    for (field, count) in message[4..HEADER_LEN].chunks_exact_mut(2).zip(counts) {
        field.copy_from_slice(&count.to_be_bytes());
    }
}

impl Answer {
    fn new(record: &ResourceRecord<'_>) -> Self {
        let mut data = data_text(&record.rdata);
        if let Some((end, _)) = data.char_indices().nth(MAX_DATA_TEXT) {
            data.truncate(end);
        }
        Self {
            name: presentation(&record.name),
            kind: kind_name(record.rdata.type_code().into()),
            ttl: record.ttl,
            data,
        }
    }
}

fn data_text(data: &RData<'_>) -> String {
    match data {
        RData::A(a) => Ipv4Addr::from(a.address).to_string(),
        RData::AAAA(a) => Ipv6Addr::from(a.address).to_string(),
        RData::NS(name) => presentation(name),
        RData::CNAME(name) => presentation(name),
        RData::PTR(name) => presentation(name),
        RData::MX(mx) => format!("{} {}", mx.preference, presentation(&mx.exchange)),
        RData::SRV(s) => format!("{} {} {} {}", s.priority, s.weight, s.port, presentation(&s.target)),
        RData::SOA(soa) => format!("{} {} {}", presentation(&soa.mname), presentation(&soa.rname), soa.serial),
        RData::SVCB(svcb) => format!("{} {}", svcb.priority, presentation(&svcb.target)),
        RData::HTTPS(https) => format!("{} {}", https.priority, presentation(&https.target)),
        RData::TXT(txt) => {
            let mut text = String::new();
            for (key, value) in txt.iter_raw() {
                text.push_str(if text.is_empty() { "\"" } else { " \"" });
                escape(key, b"\"\\", &mut text);
                if let Some(value) = value {
                    text.push('=');
                    escape(value, b"\"\\", &mut text);
                }
                text.push('"');
                if text.len() > MAX_DATA_TEXT {
                    break;
                }
            }
            text
        }
        _ => String::new(),
    }
}

/// A name in presentation form; characters with a meaning in zone files are escaped, and others than visible ASCII.
fn presentation(name: &Name<'_>) -> String {
    let mut text = String::new();
    for label in name.as_bytes() {
        if !text.is_empty() {
            text.push('.');
        }
        for &byte in label {
            match byte {
                b' ' => text.push_str("\\032"),
                _ => escape(&[byte], b".\\\"();@$", &mut text),
            }
        }
    }
    if text.is_empty() { ".".to_owned() } else { text }
}

fn escape(bytes: &[u8], special: &[u8], text: &mut String) {
    for &byte in bytes {
        match byte {
            _ if special.contains(&byte) => text.extend(['\\', char::from(byte)]),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => {
                // Writing into a string does not fail.
                let _ = write!(text, "\\{byte:03}");
            }
        }
    }
}

/// Types by their names in IANA's registry; others by their number.
fn kind_name(kind: u16) -> String {
    let others = [
        (11, "WKS"),
        (21, "RT"),
        (23, "NSAP-PTR"),
        (39, "DNAME"),
        (44, "SSHFP"),
        (50, "NSEC3"),
        (51, "NSEC3PARAM"),
        (52, "TLSA"),
        (53, "SMIMEA"),
        (55, "HIP"),
        (59, "CDS"),
        (60, "CDNSKEY"),
        (61, "OPENPGPKEY"),
        (62, "CSYNC"),
        (99, "SPF"),
        (249, "TKEY"),
        (250, "TSIG"),
        (256, "URI"),
    ];
    if let Some((_, name)) = others.iter().find(|(number, _)| *number == kind) {
        return (*name).to_owned();
    }
    match QTYPE::try_from(kind) {
        Ok(QTYPE::TYPE(kind)) => format!("{kind:?}"),
        Ok(kind) => format!("{kind:?}"),
        Err(_) => format!("TYPE{kind}"),
    }
}

fn opcode_name(opcode: u8) -> &'static str {
    ["QUERY", "IQUERY", "STATUS", "UNASSIGNED", "NOTIFY", "UPDATE", "DSO"]
        .get(usize::from(opcode))
        .copied()
        .unwrap_or("UNASSIGNED")
}

fn rcode_name(rcode: u8) -> &'static str {
    let names = [
        "NOERROR",
        "FORMERR",
        "SERVFAIL",
        "NXDOMAIN",
        "NOTIMP",
        "REFUSED",
        "YXDOMAIN",
        "YXRRSET",
        "NXRRSET",
        "NOTAUTH",
        "NOTZONE",
        "DSOTYPENI",
    ];
    names.get(usize::from(rcode)).copied().unwrap_or("UNASSIGNED")
}

impl fmt::Display for Dns {
    /// `A? example.com`, `A example.com → 192.0.2.1 (2 more)`, `A example.com → NXDOMAIN`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.opcode != "QUERY" {
            write!(f, "{} ", self.opcode)?;
        }
        let question = self.questions.first();
        if !self.response {
            return match question {
                Some(question) => write!(f, "{}? {}", question.kind, question.name),
                None => f.write_str("no question"),
            };
        }
        // An alias comes before what was asked for.
        let answer = question
            .and_then(|question| self.answers.iter().find(|answer| answer.kind == question.kind))
            .or(self.answers.first());
        match (question, answer) {
            (Some(question), _) => write!(f, "{} {} → ", question.kind, question.name)?,
            (None, Some(answer)) => write!(f, "{} {} → ", answer.kind, answer.name)?,
            (None, None) => {}
        }
        if self.rcode != "NOERROR" {
            return f.write_str(self.rcode);
        }
        match answer {
            Some(answer) if answer.data.is_empty() => f.write_str(&answer.kind)?,
            Some(answer) => f.write_str(&answer.data)?,
            None if self.truncated => f.write_str("truncated")?,
            None => f.write_str("no answer")?,
        }
        match self.answer_count {
            0 | 1 => Ok(()),
            count => write!(f, " ({} more)", count - 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use proptest::prelude::*;
    use simple_dns::rdata::{A, CNAME, MX, TXT};
    use simple_dns::{CLASS, QCLASS, RCODE, TYPE};

    use super::*;

    fn query(name: &str, kind: TYPE) -> Packet<'_> {
        let mut packet = Packet::new_query(7);
        let name = Name::new_unchecked(name);
        packet.questions.push(simple_dns::Question::new(name, kind.into(), QCLASS::CLASS(CLASS::IN), false));
        packet
    }

    fn response<'a>(name: &'a str, data: Vec<RData<'a>>) -> Packet<'a> {
        let kind = data.last().map_or(TYPE::A, RData::type_code);
        let mut packet = query(name, kind).into_reply();
        let records = data.into_iter().map(|d| ResourceRecord::new(Name::new_unchecked(name), CLASS::IN, 60, d));
        packet.answers = records.collect();
        packet
    }

    fn bytes(packet: &Packet<'_>) -> Vec<u8> {
        packet.build_bytes_vec_compressed().unwrap()
    }

    fn shown(packet: &Packet<'_>) -> String {
        parse(&bytes(packet)).unwrap().to_string()
    }

    fn a(last: u8) -> RData<'static> {
        RData::A(A { address: u32::from_be_bytes([192, 0, 2, last]) })
    }

    #[test]
    fn messages_are_shown_in_a_line() {
        assert_eq!(shown(&query("www.example.com", TYPE::A)), "A? www.example.com");
        assert_eq!(shown(&query("", TYPE::NS)), "NS? .");
        let alias = RData::CNAME(CNAME(Name::new_unchecked("x.example.com")));
        assert_eq!(
            shown(&response("www.example.com", vec![alias, a(1), a(2)])),
            "A www.example.com → 192.0.2.1 (2 more)"
        );
        let mx = RData::MX(MX { preference: 10, exchange: Name::new_unchecked("mx.example.com") });
        assert_eq!(shown(&response("example.com", vec![mx])), "MX example.com → 10 mx.example.com");
        assert_eq!(shown(&response("example.com", vec![])), "A example.com → no answer");
        let mut none = response("example.com", vec![]);
        *none.rcode_mut() = RCODE::NameError;
        assert_eq!(shown(&none), "A example.com → NXDOMAIN");
        let txt = TXT::new().with_string("v=a\"b\u{1b}").unwrap().with_string("c").unwrap();
        assert_eq!(shown(&response("example.com", vec![RData::TXT(txt)])), "TXT example.com → \"v=a\\\"b\\027\" \"c\"");
    }

    #[test]
    fn names_are_escaped() {
        let wire = b"\0\x07\x01\0\0\x01\0\0\0\0\0\0\x07a.b \x1b\\\xff\x01c\0\0\x01\0\x01";
        assert_eq!(parse(wire).unwrap().questions[0].name, r"a\.b\032\027\\\255.c");
    }

    #[test]
    fn the_header_and_the_question_are_told_of_what_is_refused() {
        let mut wire = bytes(&query("example.com", TYPE::A));
        wire[3] |= 0x40;
        let dns = parse(&wire).unwrap();
        assert_eq!((dns.to_string().as_str(), dns.partial), ("A? example.com", true));
        let kind = wire.len() - 4;
        wire[kind] = 0xff;
        assert_eq!(parse(&wire).unwrap().to_string(), "TYPE65281? example.com");
        wire[kind..kind + 2].copy_from_slice(&[0, 52]);
        assert_eq!(parse(&wire).unwrap().to_string(), "TLSA? example.com");
        assert_eq!(parse(&wire[..wire.len() - 1]), Err(Error::Question));
        assert_eq!(parse(&wire[..11]), Err(Error::Short));
    }

    #[test]
    fn answers_before_an_unreadable_one_are_told() {
        let wire = bytes(&response("example.com", (1..=20).map(a).collect()));
        let record = 16;
        for answers in 0..20 {
            let dns = parse(&wire[..wire.len() - record * (20 - answers) + 5]).unwrap();
            assert_eq!((dns.answers.len(), dns.answer_count, dns.partial), (answers, 20, true));
        }
        let dns = parse(&wire).unwrap();
        assert_eq!((dns.answers.len(), dns.partial), (20, false));
    }

    #[test]
    fn sizes_and_time_are_bounded() {
        let started = Instant::now();
        let many = response("example.com", (0..200).map(|i| a(i as u8)).collect());
        let dns = parse(&bytes(&many)).unwrap();
        assert_eq!((dns.answers.len(), dns.answer_count, dns.partial), (MAX_ANSWERS, 200, true));
        let mut lie = bytes(&query("example.com", TYPE::A));
        lie[4..12].fill(0xff);
        assert_eq!(parse(&lie), Err(Error::Question));
        // Pointers that each point to the one before, and records whose names begin at the last of them.
        let mut chain = vec![0, 7, 0x80, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0];
        chain.extend_from_slice(b"\0\0\x0a\0\x01\0\0\0\0\x40\0\0");
        for at in 0..8000u16 {
            chain.extend_from_slice(&(0xc000 | if at == 0 { 12 } else { 22 + 2 * at }).to_be_bytes());
        }
        for _ in 0..5000 {
            chain.extend_from_slice(&[0xfe, 0x98, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0]);
        }
        for _ in 0..20 {
            let _ = parse(&chain);
        }
        assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
    }

    proptest! {
        #[test]
        fn any_bytes_do_no_harm(
            bytes: Vec<u8>,
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        ) {
            let _ = parse(&bytes).map(|dns| dns.to_string());
            let mut wire = super::tests::bytes(&response("www.example.com", vec![a(1), a(2)]));
            for (at, value) in damage {
                let at = at.index(wire.len());
                wire[at] = value;
            }
            let shown = parse(&wire).map(|dns| dns.to_string()).unwrap_or_default();
            prop_assert!(!shown.chars().any(char::is_control));
        }
    }
}
