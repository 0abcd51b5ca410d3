//! What tshark says of a capture, and comparing that with what we say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value;

/// Values by field.
pub type Row = BTreeMap<String, Vec<String>>;

/// The fields that tshark has.
pub static FIELDS: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let output = Command::new("tshark").args(["-G", "fields"]).output().expect("tshark runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().filter_map(|line| line.split('\t').nth(2)).map(str::to_owned).collect()
});

/// What it has of each frame for which `filter` holds.
pub fn rows(path: &Path, filter: &str, fields: &BTreeSet<String>) -> BTreeMap<u64, Row> {
    let mut command = Command::new("tshark");
    command.args(["-n", "-Y", filter, "-T", "fields", "-E", "separator=\x02", "-E", "aggregator=\x01"]);
    command.args(["-e", "frame.number"]);
    fields.iter().for_each(|field| {
        command.args(["-e", field]);
    });
    let output = command.arg("-r").arg(path).output().expect("tshark runs");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(!complaint.contains("aren't valid"), "{complaint}");
    let text = String::from_utf8_lossy(&output.stdout);
    let frame = |line: &str| {
        let mut values = line.split('\x02');
        let number = values.next()?.parse().ok()?;
        let row = fields.iter().zip(values).filter(|(_, values)| !values.is_empty());
        let all = |values: &str| values.split('\x01').map(str::to_owned).collect();
        Some((number, row.map(|(field, values)| (field.clone(), all(values))).collect()))
    };
    text.lines().filter_map(frame).collect()
}

/// Adds the values of a record to those of a row.
pub fn flatten(name: String, value: &Value, row: &mut Row) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                let name = match key.as_str() {
                    "value" if !FIELDS.contains(&format!("{name}.value")) => name.clone(),
                    key if name.is_empty() => key.to_owned(),
                    key => format!("{name}.{key}"),
                };
                flatten(name, member, row);
            }
        }
        Value::Array(items) if name == "tcp.analysis.flags" => {
            for flag in items.iter().filter_map(Value::as_str) {
                row.entry(format!("tcp.analysis.{flag}")).or_default().push("1".into());
            }
        }
        Value::Array(items) => items.iter().for_each(|item| flatten(name.clone(), item, row)),
        Value::String(text) => row.entry(name).or_default().push(text.clone()),
        Value::Number(number) if number.is_f64() => {
            row.entry(name).or_default().push(format!("{:.9}", number.as_f64().unwrap()));
        }
        other => row.entry(name).or_default().push(other.to_string()),
    }
}

/// The values of a field.
pub fn value<'r>(row: &'r Row, field: &str) -> &'r [String] {
    row.get(field).map_or(&[], Vec::as_slice)
}

/// Whether these are the same values: numbers by what they are, not by how they are written.
pub fn alike(ours: &[String], theirs: &[String]) -> bool {
    ours.len() == theirs.len()
        && ours.iter().zip(theirs).all(|(a, b)| a == b || number(a) == number(b) && number(a).is_some())
}

/// A number in units of a thousand-millionth.
fn number(text: &str) -> Option<i128> {
    let billion = 1_000_000_000;
    match text {
        "true" | "True" => return Some(billion),
        "false" | "False" => return Some(0),
        _ => {}
    }
    if let Ok(date) = DateTime::strptime("%b %e, %Y %H:%M:%S%.f UTC", text) {
        return Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_nanosecond());
    }
    if let Some(hex) = text.strip_prefix("0x") {
        return Some(i128::from(u64::from_str_radix(hex, 16).ok()?) * billion);
    }
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let part = format!("{part:0<9}");
    Some(sign * (whole.parse::<i128>().ok()? * billion + part.get(..9)?.parse::<i128>().ok()?))
}

/// Fields that differ from tshark's in some capture.
pub struct Difference {
    /// Parts of the names of these captures, with their folders; none for all.
    captures: &'static [&'static str],
    /// Their names, or beginnings of names up to a dot; none for all.
    fields: &'static [&'static str],
    /// Why.
    pub reason: &'static str,
}

/// A line of a table of differences.
pub const fn other(
    captures: &'static [&'static str],
    fields: &'static [&'static str],
    reason: &'static str,
) -> Difference {
    Difference { captures, fields, reason }
}

impl Difference {
    /// The parts of it that cover a difference, if it does.
    pub fn covers(&self, capture: &str, field: &str) -> Option<[&'static str; 2]> {
        let is_of = |name: &&&str| **name == field || name.ends_with('.') && field.starts_with(**name);
        let part = |list: &[&'static str], found: Option<&&'static str>| match list {
            [] => Some("all"),
            _ => found.copied(),
        };
        let of = part(self.captures, self.captures.iter().find(|part| capture.contains(**part)))?;
        Some([of, part(self.fields, self.fields.iter().find(is_of))?])
    }

    /// All its parts.
    pub fn parts(&self) -> impl Iterator<Item = &'static str> {
        self.captures.iter().chain(self.fields).copied()
    }
}
