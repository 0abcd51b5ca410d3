//! Values that a filter holds: how they are written, and how those of records compare with them.

use std::cmp::Ordering;
use std::net::{Ipv4Addr, Ipv6Addr};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::names::Type;
use crate::field::{Kind, Value};
use crate::frame::Timestamp;

/// A value by itself.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Constant {
    Bool(bool),
    Number(i128),
    Bytes(Vec<u8>),
    /// An address, or all that agree with it in the bits of the mask.
    Ipv4 {
        address: u32,
        mask: u32,
    },
    Ipv6 {
        address: u128,
        mask: u128,
    },
    Time(Timestamp),
    /// Nanoseconds.
    Duration(i64),
}

/// A value as it is written in a filter.
#[derive(Clone, Copy, Debug)]
pub(super) enum Literal<'t> {
    /// Without quotes; negative where a sign stands before it.
    Word {
        word: &'t str,
        negative: bool,
    },
    Text(&'t [u8]),
    Char(u8),
}

/// Why a literal is no value of a type, and what would be one.
pub(super) type Refusal = (String, Option<String>);

impl From<Value<'_>> for Constant {
    fn from(value: Value<'_>) -> Self {
        match value {
            Value::Bool(value) => Self::Bool(value),
            Value::Uint(value) => Self::Number(value.into()),
            Value::Int(value) => Self::Number(value.into()),
            Value::Text(bytes) | Value::Bytes(bytes) => Self::Bytes(bytes.into()),
            Value::Mac(bytes) => Self::Bytes(bytes.into()),
            Value::Ipv4(bytes) => Self::Ipv4 { address: u32::from_be_bytes(bytes), mask: u32::MAX },
            Value::Ipv6(bytes) => Self::Ipv6 { address: u128::from_be_bytes(bytes), mask: u128::MAX },
            Value::Time(time) => Self::Time(time),
            Value::Duration(nanos) => Self::Duration(nanos),
        }
    }
}

/// A value as a number, if it is one.
pub(super) fn number(value: Value<'_>) -> Option<i128> {
    match value {
        Value::Bool(value) => Some(value.into()),
        Value::Uint(value) => Some(value.into()),
        Value::Int(value) => Some(value.into()),
        _ => None,
    }
}

/// A number as a record would hand it out; none of one that no record has.
pub(super) fn from_number(number: i128) -> Option<Value<'static>> {
    match u64::try_from(number) {
        Ok(number) => Some(Value::Uint(number)),
        Err(_) => Some(Value::Int(i64::try_from(number).ok()?)),
    }
}

/// The bytes of a value, if it is made of bytes.
pub(super) fn bytes<'v>(value: &'v Value<'_>) -> Option<&'v [u8]> {
    match value {
        Value::Text(bytes) | Value::Bytes(bytes) => Some(bytes),
        Value::Mac(bytes) => Some(bytes),
        _ => None,
    }
}

/// The bytes of a value of which slices can be taken.
pub(super) fn sliceable<'v>(value: &'v Value<'_>) -> Option<&'v [u8]> {
    match value {
        Value::Ipv4(bytes) => Some(bytes),
        Value::Ipv6(bytes) => Some(bytes),
        _ => bytes(value),
    }
}

/// A value as a person reads it.
pub fn display(value: Value<'_>) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::Uint(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::Bytes(bytes) => hexadecimal(bytes),
        Value::Mac(bytes) => hexadecimal(&bytes),
        Value::Ipv4(bytes) => Ipv4Addr::from(bytes).to_string(),
        Value::Ipv6(bytes) => Ipv6Addr::from(bytes).to_string(),
        Value::Time(time) => match jiff::Timestamp::from_nanosecond(time.0.into()) {
            Ok(time) => time.to_string(),
            Err(_) => time.0.to_string(),
        },
        Value::Duration(nanos) => {
            let sign = if nanos < 0 { "-" } else { "" };
            let nanos = nanos.unsigned_abs();
            format!("{sign}{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000)
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    pairs.join(":")
}

impl Constant {
    /// The constant as a record would hand it out; none of a number that no record has.
    pub fn value(&self) -> Option<Value<'_>> {
        Some(match self {
            Self::Bool(value) => Value::Bool(*value),
            Self::Number(value) => return from_number(*value),
            Self::Bytes(bytes) => Value::Bytes(bytes),
            Self::Ipv4 { address, .. } => Value::Ipv4(address.to_be_bytes()),
            Self::Ipv6 { address, .. } => Value::Ipv6(address.to_be_bytes()),
            Self::Time(time) => Value::Time(*time),
            Self::Duration(nanos) => Value::Duration(*nanos),
        })
    }

    /// How a value compares with it; none where the two are of different kinds.
    pub fn compare(&self, value: Value<'_>) -> Option<Ordering> {
        match (value, self) {
            (Value::Ipv4(bytes), Self::Ipv4 { address, mask }) => {
                Some((u32::from_be_bytes(bytes) & mask).cmp(&(address & mask)))
            }
            (Value::Ipv6(bytes), Self::Ipv6 { address, mask }) => {
                Some((u128::from_be_bytes(bytes) & mask).cmp(&(address & mask)))
            }
            (Value::Time(time), Self::Time(other)) => Some(time.cmp(other)),
            (Value::Duration(nanos), Self::Duration(other)) => Some(nanos.cmp(other)),
            (value, Self::Bytes(other)) => Some(bytes(&value)?.cmp(other)),
            (value, Self::Number(other)) => Some(number(value)?.cmp(other)),
            (value, Self::Bool(other)) => Some(number(value)?.cmp(&i128::from(*other))),
            _ => None,
        }
    }

    /// The number that a word stands for, if it is one.
    pub fn read_number(word: &str) -> Option<Self> {
        integer(word).map(Self::Number).ok()
    }

    /// The value of a type that a literal stands for.
    pub fn read(literal: Literal<'_>, kind: Type) -> Result<Self, Refusal> {
        match (kind, literal) {
            (Type::Label, _) => Err(("this is there or not, and has no value".into(), None)),
            (Type::Protocol | Type::Of(Kind::Bytes | Kind::Text), Literal::Text(bytes)) => {
                Ok(Self::Bytes(bytes.into()))
            }
            (Type::Protocol | Type::Of(Kind::Bytes | Kind::Text), Literal::Char(byte)) => Ok(Self::Bytes(vec![byte])),
            (Type::Of(Kind::Uint | Kind::Int), Literal::Char(byte)) => Ok(Self::Number(byte.into())),
            (Type::Of(Kind::Bool), Literal::Char(byte)) => Ok(Self::Bool(byte != 0)),
            (Type::Of(Kind::Time), Literal::Text(bytes)) => time(&String::from_utf8_lossy(bytes), false),
            (Type::Of(Kind::Bool), Literal::Text(bytes)) => boolean(&String::from_utf8_lossy(bytes), false),
            (Type::Of(kind), Literal::Text(bytes)) => {
                let text = String::from_utf8_lossy(bytes);
                let hint = Self::read(Literal::Word { word: &text, negative: false }, kind.into());
                Err((
                    format!("{} is written without quotes", article(kind)),
                    hint.is_ok().then(|| format!("without: {text}")),
                ))
            }
            (Type::Of(kind), Literal::Char(_)) => Err((format!("a character is not {}", article(kind)), None)),
            (Type::Protocol, Literal::Word { word, negative }) => byte_string(word, negative),
            (Type::Of(kind), Literal::Word { word, negative }) => match kind {
                Kind::Bool => boolean(word, negative),
                Kind::Uint | Kind::Int => {
                    integer(word).map(|number| Self::Number(if negative { -number } else { number }))
                }
                Kind::Text if negative => Ok(Self::Bytes(format!("-{word}").into_bytes())),
                Kind::Text => Ok(Self::Bytes(word.into())),
                Kind::Bytes => byte_string(word, negative),
                Kind::Mac => match byte_string(word, negative) {
                    Ok(Self::Bytes(bytes)) if bytes.len() == 6 => Ok(Self::Bytes(bytes)),
                    _ => Err(wrong(word, kind, "six bytes, as 02:00:00:00:04:01")),
                },
                Kind::Ipv4 if !negative => ipv4(word),
                Kind::Ipv6 if !negative => ipv6(word),
                Kind::Ipv4 | Kind::Ipv6 => Err((format!("{} has no sign", article(kind)), None)),
                Kind::Time => time(word, negative),
                Kind::Duration => match nanoseconds(word) {
                    Some(nanos) => Ok(Self::Duration(if negative { -nanos } else { nanos })),
                    None => Err(wrong(word, kind, "seconds, as 0.25")),
                },
            },
        }
    }
}

/// The word for a type in messages, with its article.
pub(super) fn article(kind: Kind) -> &'static str {
    match kind {
        Kind::Bool => "a truth value",
        Kind::Uint | Kind::Int => "a number",
        Kind::Text => "text",
        Kind::Bytes => "a string of bytes",
        Kind::Mac => "a hardware address",
        Kind::Ipv4 => "an IPv4 address",
        Kind::Ipv6 => "an IPv6 address",
        Kind::Time => "a point in time",
        Kind::Duration => "a span of time",
    }
}

fn wrong(word: &str, kind: Kind, example: &str) -> Refusal {
    (format!("{} is not {}", super::mistake::shown(word), article(kind)), Some(format!("it is {example}")))
}

fn boolean(word: &str, negative: bool) -> Result<Constant, Refusal> {
    match word {
        "true" | "True" | "TRUE" | "Set" if !negative => Ok(Constant::Bool(true)),
        "false" | "False" | "FALSE" | "Not set" if !negative => Ok(Constant::Bool(false)),
        _ => match integer(word) {
            Ok(number) => Ok(Constant::Bool(number != 0)),
            Err(_) => Err(wrong(word, Kind::Bool, "true or false, 1 or 0")),
        },
    }
}

/// A number in decimal, hexadecimal (0x), octal (0) or binary (0b).
fn integer(word: &str) -> Result<i128, Refusal> {
    let lower = word.to_ascii_lowercase();
    let (digits, radix) = match lower.as_bytes() {
        [b'0', b'x', ..] => (&lower[2..], 16),
        [b'0', b'b', ..] => (&lower[2..], 2),
        [b'0', _, ..] => (&lower[1..], 8),
        _ => (&lower[..], 10),
    };
    if digits.is_empty() || !digits.bytes().all(|digit| char::from(digit).is_digit(radix)) {
        return Err(wrong(word, Kind::Uint, "decimal, or 0x and hexadecimal, 0b and binary, 0 and octal digits"));
    }
    match u64::from_str_radix(digits, radix) {
        Ok(number) => Ok(number.into()),
        Err(_) => Err((format!("{} is more than any field holds", super::mistake::shown(word)), None)),
    }
}

/// Groups of hexadecimal digits, two a byte, with `:`, `-`, `.` or nothing between them; a group may be one digit.
fn byte_string(word: &str, negative: bool) -> Result<Constant, Refusal> {
    let refusal = || wrong(word, Kind::Bytes, "hexadecimal, as 47:45:54; text is in double quotes");
    if negative {
        return Err(refusal());
    }
    if let Some(digits) = word.strip_prefix("0x") {
        return match (digits.len(), u8::from_str_radix(digits, 16)) {
            (2, Ok(byte)) => Ok(Constant::Bytes(vec![byte])),
            _ => Err(refusal()),
        };
    }
    // A colon before it only says that it is no name.
    let digits = word.strip_prefix(':').unwrap_or(word);
    let separator = digits.chars().find(|c| ":-.".contains(*c)).unwrap_or(':');
    let mut bytes = Vec::with_capacity(digits.len().div_ceil(2));
    for group in digits.split(separator) {
        let hex: Option<Vec<u8>> = group.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect();
        match hex.as_deref() {
            Some([digit]) => bytes.push(*digit),
            Some(hex @ [_, ..]) if hex.len() % 2 == 0 => bytes.extend(hex.chunks(2).map(|pair| pair[0] << 4 | pair[1])),
            _ => return Err(refusal()),
        }
    }
    Ok(Constant::Bytes(bytes))
}

fn ipv4(word: &str) -> Result<Constant, Refusal> {
    let (address, prefix) = split_prefix(word);
    let Ok(address) = address.parse::<Ipv4Addr>() else {
        let example = "four numbers, as 10.0.0.1, or a network, as 10.0.0.0/8; names are not looked up";
        return Err(wrong(word, Kind::Ipv4, example));
    };
    let bits = prefix_bits(prefix, 32)?;
    Ok(Constant::Ipv4 { address: address.to_bits(), mask: u32::MAX.checked_shl(32 - bits).unwrap_or(0) })
}

fn ipv6(word: &str) -> Result<Constant, Refusal> {
    let (address, prefix) = split_prefix(word);
    let Ok(address) = address.parse::<Ipv6Addr>() else {
        let example = "as fe80::1, or a network, as fe80::/10; names are not looked up";
        return Err(wrong(word, Kind::Ipv6, example));
    };
    let bits = prefix_bits(prefix, 128)?;
    Ok(Constant::Ipv6 { address: address.to_bits(), mask: u128::MAX.checked_shl(128 - bits).unwrap_or(0) })
}

fn split_prefix(word: &str) -> (&str, Option<&str>) {
    word.split_once('/').map_or((word, None), |(address, prefix)| (address, Some(prefix)))
}

fn prefix_bits(prefix: Option<&str>, most: u32) -> Result<u32, Refusal> {
    let Some(prefix) = prefix else { return Ok(most) };
    match prefix.parse() {
        Ok(bits) if bits <= most => Ok(bits),
        _ => Err((
            format!("the length of a network's prefix is 0 to {most} bits, not {}", super::mistake::shown(prefix)),
            None,
        )),
    }
}

/// Seconds with at most nine digits that count after the point.
fn nanoseconds(word: &str) -> Option<i64> {
    let (whole, fraction) = word.split_once('.').unwrap_or((word, ""));
    let are_digits = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit());
    if whole.is_empty() && fraction.is_empty() || !are_digits(whole) || !are_digits(fraction) {
        return None;
    }
    let seconds: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let nanos: i64 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    seconds.checked_mul(1_000_000_000)?.checked_add(nanos)
}

/// Seconds since 1970; or a date in the form of ISO 8601 or as "Nov 22, 2026 14:00:00", in local time unless it says
/// otherwise.
fn time(text: &str, negative: bool) -> Result<Constant, Refusal> {
    if let Some(nanos) = nanoseconds(text) {
        return Ok(Constant::Time(Timestamp(if negative { -nanos } else { nanos })));
    }
    let at = if negative { None } else { instant(text.trim()) };
    let nanos =
        at.map(|at| i64::try_from(at.as_nanosecond()).unwrap_or(if at.as_second() < 0 { i64::MIN } else { i64::MAX }));
    match nanos {
        Some(nanos) => Ok(Constant::Time(Timestamp(nanos))),
        None => {
            let example = "as \"2026-11-22 14:00:00\" or \"Nov 22, 2026 14:00:00\", or seconds since 1970";
            Err(wrong(text, Kind::Time, example))
        }
    }
}

fn instant(text: &str) -> Option<jiff::Timestamp> {
    if let Ok(at) = text.parse() {
        return Some(at);
    }
    let (local, zone) = match text.strip_suffix("UTC") {
        Some(local) => (local.trim_end(), TimeZone::UTC),
        None => (text, TimeZone::system()),
    };
    let civil = local.parse().ok().or_else(|| {
        let forms = ["%b %d, %Y %H:%M:%S%.f", "%b %d, %Y %H:%M"];
        forms.iter().find_map(|form| DateTime::strptime(form, local).ok())
    })?;
    Some(zone.to_ambiguous_zoned(civil).compatible().ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(word: &str, kind: Kind) -> Option<Constant> {
        Constant::read(Literal::Word { word, negative: false }, kind.into()).ok()
    }

    #[test]
    fn numbers_have_four_forms() {
        for (word, number) in [("80", 80), ("0x50", 80), ("0120", 80), ("0b1010000", 80), ("0", 0), ("00", 0)] {
            assert_eq!(read(word, Kind::Uint), Some(Constant::Number(number)), "{word}");
        }
        for word in ["", "0x", "08", "1e3", "10k", "80.5", "0b2", "18446744073709551616", "+1", "é"] {
            assert_eq!(read(word, Kind::Uint), None, "{word}");
        }
        let negative = Constant::read(Literal::Word { word: "1", negative: true }, Kind::Int.into());
        assert_eq!(negative, Ok(Constant::Number(-1)));
    }

    #[test]
    fn bytes_have_separators_or_none() {
        for word in ["00:11:22", "00-11-22", "0.11.22", "001122", ":00:11:22"] {
            assert_eq!(read(word, Kind::Bytes), Some(Constant::Bytes(vec![0, 0x11, 0x22])), "{word}");
        }
        assert_eq!(read("0011.2233.4455", Kind::Mac), read("00:11:22:33:44:55", Kind::Mac));
        assert_eq!(read("0xff", Kind::Bytes), Some(Constant::Bytes(vec![255])));
        for word in ["", "0x1", "0x4142", "GET", "001", "00:11-22", "00::11", "é"] {
            assert_eq!(read(word, Kind::Bytes), None, "{word}");
        }
        assert_eq!(read("00:11:22", Kind::Mac), None);
    }

    #[test]
    fn networks_hold_the_addresses_that_agree_with_their_prefix() {
        let compare = |word, address: [u8; 4]| read(word, Kind::Ipv4).unwrap().compare(Value::Ipv4(address));
        assert_eq!(compare("10.9.9.9/8", [10, 1, 2, 3]), Some(Ordering::Equal));
        assert_eq!(compare("10.0.0.0/8", [11, 0, 0, 0]), Some(Ordering::Greater));
        assert_eq!(compare("0.0.0.0/0", [11, 0, 0, 0]), Some(Ordering::Equal));
        assert_eq!(compare("10.0.0.1", [10, 0, 0, 2]), Some(Ordering::Greater));
        for word in ["10.0.0", "10.0.0.300", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/255.0.0.0", "localhost"] {
            assert_eq!(read(word, Kind::Ipv4), None, "{word}");
        }
        let v6 = read("fe80::/10", Kind::Ipv6).unwrap();
        assert_eq!(v6.compare(Value::Ipv6("febf::1".parse::<Ipv6Addr>().unwrap().octets())), Some(Ordering::Equal));
        assert_eq!(read("fe80::/129", Kind::Ipv6), None);
    }

    #[test]
    fn times_are_dates_or_seconds() {
        let nanos = 1_795_356_000_500_000_000;
        for text in [
            "2026-11-22T14:00:00.5Z",
            "2026-11-22 15:00:00.5+01:00",
            "Nov 22, 2026 14:00:00.5 UTC",
            "2026-11-22 14:00:00.5 UTC",
            "1795356000.5",
        ] {
            let read = Constant::read(Literal::Text(text.as_bytes()), Kind::Time.into());
            assert_eq!(read, Ok(Constant::Time(Timestamp(nanos))), "{text}");
        }
        let local = Constant::read(Literal::Text(b"Nov 22, 2026 14:00:00"), Kind::Time.into()).unwrap();
        for text in ["2026-11-22 14:00:00", "2026-11-22T14:00"] {
            assert_eq!(Constant::read(Literal::Text(text.as_bytes()), Kind::Time.into()), Ok(local.clone()), "{text}");
        }
        assert!(read("2026-11-22", Kind::Time).is_some());
        for word in ["foo", "", "2026-13-01", "1.5.5"] {
            assert_eq!(read(word, Kind::Time), None, "{word}");
        }
        assert_eq!(read("0.25", Kind::Duration), Some(Constant::Duration(250_000_000)));
        assert_eq!(read("9999999999999", Kind::Duration), None);
    }

    #[test]
    fn values_of_one_kind_compare() {
        assert_eq!(Constant::Number(-1).compare(Value::Uint(5)), Some(Ordering::Greater));
        assert_eq!(Constant::Bytes(b"b".into()).compare(Value::Text(b"a")), Some(Ordering::Less));
        assert_eq!(Constant::Bytes(vec![0; 6]).compare(Value::Mac([0; 6])), Some(Ordering::Equal));
        assert_eq!(Constant::Bool(true).compare(Value::Bool(true)), Some(Ordering::Equal));
        assert_eq!(Constant::Number(1).compare(Value::Ipv4([0; 4])), None);
    }
}
