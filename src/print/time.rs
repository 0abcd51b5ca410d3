//! Times of capture, and spans of time.

use std::fmt;

use jiff::tz::TimeZone;

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
}

impl Clock {
    /// One that has shown none yet.
    pub fn new(format: Format, zone: TimeZone) -> Self {
        Self { format, zone, first: None, previous: None }
    }

    /// How times are shown.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Writes a time, in microseconds, later ones rounded down; nothing where times are not shown.
    pub fn write(&mut self, time: Timestamp, out: &mut impl fmt::Write) -> fmt::Result {
        let first = *self.first.get_or_insert(time);
        let previous = self.previous.replace(time).unwrap_or(time);
        match self.format {
            Format::None => Ok(()),
            Format::Epoch => write!(out, "{}.{:06}", time.secs(), time.subsec_nanos() / 1000),
            Format::Delta => write_clock(time.since(previous), out),
            Format::SinceFirst => write_clock(time.since(first), out),
            Format::TimeOfDay => {
                const DAY: i64 = 86_400_000_000_000;
                let local = i128::from(time.0) + i128::from(self.offset(time)) * 1_000_000_000;
                write_clock(local.rem_euclid(DAY.into()) as i64, out)
            }
            Format::DateAndTime => {
                // 64 bits of nanoseconds reach from 1677 to 2262, which jiff has.
                let at = jiff::Timestamp::from_nanosecond(time.0.into()).unwrap_or_default();
                let local = self.zone.to_offset(at).to_datetime(at);
                write!(out, "{} {}.{:06}", local.date(), Hms(&local), time.subsec_nanos() / 1000)
            }
        }
    }

    /// Seconds that the zone is ahead of UTC.
    fn offset(&self, time: Timestamp) -> i32 {
        jiff::Timestamp::from_nanosecond(time.0.into()).map_or(0, |at| self.zone.to_offset(at).seconds())
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

struct Hms<'t>(&'t jiff::civil::DateTime);

impl fmt::Display for Hms<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}:{:02}", self.0.hour(), self.0.minute(), self.0.second())
    }
}

/// Nanoseconds as hours, minutes, seconds with microseconds.
fn write_clock(nanos: i64, out: &mut impl fmt::Write) -> fmt::Result {
    let sign = if nanos < 0 { "-" } else { "" };
    let micros = nanos.unsigned_abs() / 1000;
    let (secs, micros) = (micros / 1_000_000, micros % 1_000_000);
    write!(out, "{sign}{:02}:{:02}:{:02}.{micros:06}", secs / 3600, secs / 60 % 60, secs % 60)
}

/// A span of time in nanoseconds, shown with three digits in the unit that suits it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span(pub i64);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        let (unit, name) = match nanos {
            0..1_000 => return write!(f, "{sign}{nanos} ns"),
            1_000..1_000_000 => (1_000, "µs"),
            1_000_000..1_000_000_000 => (1_000_000, "ms"),
            1_000_000_000.. => (1_000_000_000, "s"),
        };
        let (whole, thousandths) = (nanos / unit, nanos % unit * 1000 / unit);
        match whole {
            0..10 => write!(f, "{sign}{whole}.{:02} {name}", thousandths / 10),
            10..100 => write!(f, "{sign}{whole}.{} {name}", thousandths / 100),
            _ => write!(f, "{sign}{whole} {name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(format: Format, zone: TimeZone, times: &[i64]) -> Vec<String> {
        let mut clock = Clock::new(format, zone);
        let show = |time: &i64| {
            let mut text = String::new();
            clock.write(Timestamp(*time), &mut text).unwrap();
            text
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
        assert_eq!(spans.map(|span| Span(span).to_string()), shown);
    }
}
