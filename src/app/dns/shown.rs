//! A message in a line, and the data of a record as dig shows it.

use std::fmt::{self, Write};
use std::net::IpAddr;

use super::rdata::TYPES;
use super::{Dns, Record, Section, codes};
use crate::field::{Hex, Value};

/// Most characters of a record's data that are shown.
const MAX_SHOWN: usize = 255;

impl fmt::Display for Dns {
    /// `A? example.com`, `A example.com → 192.0.2.1 (2 more)`, `A example.com → NXDOMAIN`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.opcode() != 0 {
            write!(f, "{} ", self.opcode_name())?;
        }
        let question = self.questions.first();
        if !self.is_response() {
            let Some(question) = question else { return f.write_str("no question") };
            write!(f, "{}? {}", question.kind_name(), question.name)?;
            return more(f, self.counts[0]);
        }
        // An alias comes before what was asked for.
        let mut answers = self.section(Section::Answer);
        let wanted = question.and_then(|question| self.section(Section::Answer).find(|one| one.kind == question.kind));
        let answer = wanted.or(answers.next());
        match (question, answer) {
            (Some(question), _) => write!(f, "{} {} → ", question.kind_name(), question.name)?,
            (None, Some(answer)) => write!(f, "{} {} → ", answer.kind_name(), answer.name)?,
            (None, None) => {}
        }
        if self.rcode() != 0 {
            return f.write_str(&self.rcode_name());
        }
        match answer {
            Some(answer) => self.shown(answer).fmt(f)?,
            None if self.is_truncated() => f.write_str("truncated")?,
            None => match self.referral() {
                Some(server) => write!(f, "referral to {}", self.shown(server))?,
                None => f.write_str("no answer")?,
            },
        }
        more(f, self.counts[1])
    }
}

fn more(f: &mut fmt::Formatter<'_>, count: u16) -> fmt::Result {
    match count {
        0 | 1 => Ok(()),
        count => write!(f, " ({} more)", count - 1),
    }
}

impl Dns {
    /// The first name server that a response without an answer names in its place (RFC 1034 4.3.1).
    fn referral(&self) -> Option<&Record> {
        let is_final = self.section(Section::Authority).any(|record| record.kind == 6);
        self.section(Section::Authority).find(|record| record.kind == 2 && !is_final)
    }

    /// A record's data as dig shows it, cut where it is long.
    pub fn shown<'a>(&'a self, record: &'a Record) -> Shown<'a> {
        Shown { dns: self, record }
    }
}

/// A record's data, to be shown.
pub struct Shown<'a> {
    dns: &'a Dns,
    record: &'a Record,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { dns, record } = *self;
        if record.is_opt() {
            write!(f, "UDP payload {} B", record.class)?;
            if record.ttl & 0x8000 != 0 {
                f.write_str(", DNSSEC wanted")?;
            }
        }
        let mut text = String::new();
        dns.visit(record, &mut |field, value| {
            if text.len() <= MAX_SHOWN && !field.ends_with("length") && !field.ends_with(".len") {
                show(field, value, &mut text);
            }
        });
        if text.is_empty() && !record.is_opt() {
            return write!(f, "{} ({} B)", record.kind_name(), record.len);
        }
        match text.char_indices().nth(MAX_SHOWN) {
            Some((end, _)) => write!(f, "{}…", text.get(..end).unwrap_or_default()),
            None => f.write_str(&text),
        }
    }
}

/// Adds a value of a record's data to its text.
fn show(field: &str, value: Value<'_>, text: &mut String) {
    match field {
        "dns.opt.code" => return text.push_str(", option"),
        "dns.svcb.svcparam.key" => return,
        _ if field.starts_with("dns.opt.") && field != "dns.opt.data" => return,
        _ => {}
    }
    if !text.is_empty() {
        text.push(' ');
    }
    if let Some((_, name)) = field.split_once(".svcparam.") {
        let name = name.strip_suffix(".ip").unwrap_or(name);
        text.push_str(name);
        text.push('=');
    }
    // Writing into a string does not fail.
    let _ = match value {
        Value::Uint(kind) if field == "dns.rrsig.type_covered" || field == TYPES => {
            write!(text, "{}", codes::kind(kind as u16))
        }
        Value::Uint(number) => write!(text, "{number}"),
        Value::Text(bytes) if quoted(field) => write!(text, "\"{}\"", String::from_utf8_lossy(bytes)),
        Value::Text(bytes) => write!(text, "{}", String::from_utf8_lossy(bytes)),
        Value::Bytes(bytes) => write!(text, "{}", Hex(bytes)),
        Value::Ipv4(address) => write!(text, "{}", IpAddr::from(address)),
        Value::Ipv6(address) => write!(text, "{}", IpAddr::from(address)),
        Value::Time(time) => write!(text, "{}", time.secs()),
        _ => Ok(()),
    };
}

/// Whether a text is no name.
fn quoted(field: &str) -> bool {
    let texts = ["dns.txt", "dns.spf", "dns.hinfo.cpu", "dns.hinfo.os", "dns.caa.value", ""];
    texts.contains(&field) || field.starts_with("dns.naptr.") && field != "dns.naptr.replacement"
}
