//! Times of capture, and spans of time.

use std::fmt;
use std::io::Write;

use jiff::tz::TimeZone;

use super::number;
use super::pen::Pen;
use crate::frame::Timestamp;

/// How times are shown, as tcpdump's `-t` has it.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum Format {
    /// Time of day.
    #[default]
    TimeOfDay,
    /// Not at all (`-t`).
    None,
    /// Seconds since 1970 (`-tt`).
    Epoch,
    /// Since the line before (`-ttt`).
    Delta,
    /// Date and time of day (`-tttt`).
    DateAndTime,
    /// Since the first line (`-ttttt`).
    SinceFirst,
}

impl Format {
    /// How wide most times are; 0 where there are none.
    pub const fn width(self) -> usize {
        match self {
            Self::None => 0,
            Self::TimeOfDay | Self::Delta | Self::SinceFirst => "00:00:00.000000".len(),
            Self::Epoch => "1700000000.000000".len(),
            Self::DateAndTime => "2000-01-01 00:00:00.000000".len(),
        }
    }
}

/// Shows times one after the other.
#[derive(Clone, Debug)]
pub struct Clock {
    format: Format,
    zone: TimeZone,
    first: Option<Timestamp>,
    previous: Option<Timestamp>,
    /// The second asked for last, and how many seconds the zone was ahead of UTC then.
    offset: Option<(i64, i32)>,
}

impl Clock {
    /// One that has shown none yet.
    pub fn new(format: Format, zone: TimeZone) -> Self {
        Self { format, zone, first: None, previous: None, offset: None }
    }

    /// How times are shown.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Writes a time in ASCII, in microseconds, later ones rounded down; nothing where times are not shown.
    pub fn write(&mut self, time: Timestamp, out: &mut Vec<u8>) {
        let first = *self.first.get_or_insert(time);
        let previous = self.previous.replace(time).unwrap_or(time);
        match self.format {
            Format::None => {}
            Format::Epoch => {
                number::int(out, time.secs());
                write_micros(out, time.subsec_nanos().into());
            }
            Format::Delta => write_clock(out, time.since(previous)),
            Format::SinceFirst => write_clock(out, time.since(first)),
            Format::TimeOfDay => {
                const DAY: i64 = 86_400_000_000_000;
                let local = i128::from(time.0) + i128::from(self.offset(time)) * 1_000_000_000;
                write_clock(out, local.rem_euclid(DAY.into()) as i64)
            }
            Format::DateAndTime => {
                // 64 bits of nanoseconds reach from 1677 to 2262, which jiff has.
                let at = jiff::Timestamp::from_nanosecond(time.0.into()).unwrap_or_default();
                let local = self.zone.to_offset(at).to_datetime(at);
                // Writing to a vector does not fail.
                let _ = write!(out, "{} ", local.date());
                write_hms(out, [local.hour(), local.minute(), local.second()].map(|part| part.unsigned_abs().into()));
                write_micros(out, time.subsec_nanos().into());
            }
        }
    }

    /// Seconds that the zone is ahead of UTC.
    fn offset(&mut self, time: Timestamp) -> i32 {
        match self.offset {
            Some((secs, offset)) if secs == time.secs() => offset,
            _ => {
                let offset =
                    jiff::Timestamp::from_nanosecond(time.0.into()).map_or(0, |at| self.zone.to_offset(at).seconds());
                self.offset = Some((time.secs(), offset));
                offset
            }
        }
    }
}

/// Seconds as date and time of day, of which the last one is kept: most records come many a second.
#[derive(Clone, Default, Debug)]
pub struct Seconds {
    last: Option<i64>,
    text: String,
}

impl Seconds {
    /// Seconds since 1970 in UTC (RFC 3339), without what follows them.
    pub fn rfc3339(&mut self, secs: i64) -> &str {
        if self.last.replace(secs) != Some(secs) {
            let at = jiff::Timestamp::from_second(secs).unwrap_or_default();
            self.text = format!("{at:.0}");
            self.text.truncate(self.text.trim_end_matches('Z').len());
        }
        &self.text
    }
}

/// Nanoseconds as hours, minutes, seconds with microseconds.
fn write_clock(out: &mut Vec<u8>, nanos: i64) {
    if nanos < 0 {
        out.push(b'-');
    }
    let nanos = nanos.unsigned_abs();
    let secs = nanos / 1_000_000_000;
    write_hms(out, [secs / 3600, secs / 60 % 60, secs % 60]);
    write_micros(out, nanos % 1_000_000_000);
}

fn write_hms(out: &mut Vec<u8>, parts: [u64; 3]) {
    for (i, part) in parts.into_iter().enumerate() {
        if i > 0 {
            out.push(b':');
        }
        number::padded(out, part, 2);
    }
}

fn write_micros(out: &mut Vec<u8>, nanos: u64) {
    out.push(b'.');
    number::padded(out, nanos / 1000, 6);
}

/// A span of time in nanoseconds, shown with three digits in the unit that suits it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span(pub i64);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::new();
        self.put(&mut Pen::new(&mut text, 0, false));
        f.write_str(str::from_utf8(&text).unwrap_or_default())
    }
}

impl Span {
    /// Writes it.
    pub fn put(self, pen: &mut Pen<'_>) {
        if self.0 < 0 {
            pen.push("-");
        }
        let nanos = self.0.unsigned_abs();
        let (unit, name) = match nanos {
            0..1_000 => (1, " ns"),
            1_000..1_000_000 => (1_000, " µs"),
            1_000_000..1_000_000_000 => (1_000_000, " ms"),
            1_000_000_000.. => (1_000_000_000, " s"),
        };
        let whole = nanos / unit;
        pen.uint(whole);
        let decimals = match whole {
            _ if unit == 1 => 0,
            0..10 => 2,
            10..100 => 1,
            _ => 0,
        };
        if decimals > 0 {
            let thousandths = nanos % unit * 1000 / unit;
            pen.push(".");
            pen.ascii(|out| number::padded(out, thousandths / 10_u64.pow(3 - decimals), decimals as usize));
        }
        pen.push(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(format: Format, zone: TimeZone, times: &[i64]) -> Vec<String> {
        let mut clock = Clock::new(format, zone);
        let show = |time: &i64| {
            let mut text = Vec::new();
            clock.write(Timestamp(*time), &mut text);
            String::from_utf8(text).unwrap()
        };
        times.iter().map(show).collect()
    }

    #[test]
    fn times_are_shown_as_tcpdump_shows_them() {
        // 2024-01-15 23:30:00 UTC.
        let times = [1_705_361_400_000_123_456, 1_705_361_401_500_123_999, 1_705_361_401_000_123_999];
        let utc = |format| shown(format, TimeZone::UTC, &times);
        assert_eq!(utc(Format::TimeOfDay), ["23:30:00.000123", "23:30:01.500123", "23:30:01.000123"]);
        assert_eq!(utc(Format::None), ["", "", ""]);
        assert_eq!(utc(Format::Epoch)[0], "1705361400.000123");
        assert_eq!(utc(Format::Delta), ["00:00:00.000000", "00:00:01.500000", "-00:00:00.500000"]);
        assert_eq!(utc(Format::SinceFirst), ["00:00:00.000000", "00:00:01.500000", "00:00:01.000000"]);
        let plus_one = TimeZone::fixed(jiff::tz::offset(1));
        assert_eq!(shown(Format::DateAndTime, plus_one.clone(), &times)[0], "2024-01-16 00:30:00.000123");
        assert_eq!(shown(Format::TimeOfDay, plus_one, &times)[0], "00:30:00.000123");
    }

    #[test]
    fn any_time_can_be_shown() {
        let times = [i64::MIN, -1, i64::MAX];
        let all = [Format::TimeOfDay, Format::Epoch, Format::Delta, Format::DateAndTime, Format::SinceFirst];
        for format in all {
            assert!(shown(format, TimeZone::UTC, &times).iter().all(|text| text.contains('.')), "{format:?}");
        }
        assert_eq!(shown(Format::TimeOfDay, TimeZone::UTC, &[-1]), ["23:59:59.999999"]);
    }

    #[test]
    fn a_span_has_three_digits() {
        let spans = [0, 999, 1_234, 12_345_678, 999_999_999, 30_100_000_000, -2_500_000, 3_600_000_000_000];
        let shown = ["0 ns", "999 ns", "1.23 µs", "12.3 ms", "999 ms", "30.1 s", "-2.50 ms", "3600 s"];
        let show = |span| {
            let mut text = Vec::new();
            Span(span).put(&mut Pen::new(&mut text, 80, false));
            String::from_utf8(text).unwrap()
        };
        assert_eq!(spans.map(show), shown);
    }
}
