//! Dates: their form, and what they say of each other (RFC 9110 5.6.7, 6.6.1, 8.8.2).

use jiff::civil;
use jiff::tz::Offset;

use super::Seen;
use super::entry::Turn::{Client, Server};
use super::entry::{Lint, lints};
use super::report::{Draft, Report, text};
use super::value::Part;
use crate::frame::Timestamp;
use crate::issue::Severity;

/// Fields whose value is a date alone. Expires is not among them: what is none there means "already expired".
const FIELDS: &[&str] = &["date", "last-modified", "if-modified-since", "if-unmodified-since", "sunset"];

/// Seconds that a server's clock may be ahead of the capture's before it is told.
const CLOCKS_DIFFER: i64 = 3600;

lints! {
    BAD_DATE = Lint {
        name: "bad-date",
        severity: Severity::Warn,
        section: "RFC 9110 5.6.7",
        title: "a date that is not in one of the three forms of HTTP, or that no calendar has",
        help: "write it like this: Sun, 06 Nov 1994 08:49:37 GMT",
        explanation: "A date in a field has a fixed form: three letters of the day, a comma, two digits of the day, three \
            letters of the month in English, four digits of the year, the time with two digits each, and GMT. Recipients \
            read two obsolete forms too and no other; a date that they cannot read they ignore, so that the condition or \
            the caching that hangs on it does not work.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nIf-Modified-Since: 2024-11-06 08:49:37\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nIf-Modified-Since: Wed, 06 Nov 2024 08:49:37 GMT\r\n\r\n")],
        httpolice: &[1000, 1222, 1223],
        ..Lint::NONE
    };

    OBSOLETE_DATE = Lint {
        name: "obsolete-date",
        severity: Severity::Warn,
        section: "RFC 9110 5.6.7",
        title: "a date in one of the two forms that are obsolete",
        help: "write it like this: Sun, 06 Nov 1994 08:49:37 GMT",
        explanation: "Recipients read the form of RFC 850, with the day's full name and two digits of the year, and that of \
            C's asctime; nobody may send them any more. What `ctime` or `asctime` return is the usual source; `strftime` \
            with \"%a, %d %b %Y %H:%M:%S GMT\", of the time in UTC and in the C locale, gives the right one.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nIf-Modified-Since: Wed Nov  6 08:49:37 2024\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nIf-Modified-Since: Wed, 06 Nov 2024 08:49:37 GMT\r\n\r\n")],
        httpolice: &[1107],
        ..Lint::NONE
    };

    DATE_ZONE = Lint {
        name: "date-zone",
        severity: Severity::Warn,
        section: "RFC 9110 5.6.7",
        title: "a date whose zone is not GMT",
        help: "give the time in UTC and write GMT after it",
        explanation: "Dates are in Coordinated Universal Time and end with the three letters GMT, whatever the zone of the \
            machine. An offset such as +0000, another zone's name, or none makes a date that recipients ignore or read \
            wrong by some hours.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nIf-Modified-Since: Wed, 06 Nov 2024 08:49:37 +0000\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nIf-Modified-Since: Wed, 06 Nov 2024 08:49:37 GMT\r\n\r\n")],
        httpolice: &[1000],
        ..Lint::NONE
    };

    WRONG_DAY_NAME = Lint {
        name: "wrong-day-name",
        severity: Severity::Warn,
        section: "RFC 9110 5.6.7",
        title: "a date that falls on another day of the week",
        help: "compute the day's name from the date, or let a library write it",
        explanation: "The day of the week and the date contradict each other. Most recipients ignore the day's name; the \
            mistake tells that the date was put together by hand, and that one of the two may be wrong.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nIf-Modified-Since: Mon, 06 Nov 2024 08:49:37 GMT\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nIf-Modified-Since: Wed, 06 Nov 2024 08:49:37 GMT\r\n\r\n")],
        httpolice: &[1108],
        ..Lint::NONE
    };

    MISSING_DATE = Lint {
        name: "missing-date",
        severity: Severity::Note,
        section: "RFC 9110 6.6.1",
        title: "a response without a Date",
        help: "send a Date field with the time at which the response was made",
        explanation: "An origin server that has a clock sends Date in every 2xx, 3xx and 4xx response; only one without a \
            clock must not. Caches reckon the age of a response from it.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nDate: Tue, 14 Nov 2023 22:13:20 GMT\r\nContent-Length: 0\r\n\r\n"),
        ],
        httpolice: &[1110],
        ..Lint::NONE
    };

    LAST_MODIFIED_AFTER_DATE = Lint {
        name: "last-modified-after-date",
        severity: Severity::Warn,
        section: "RFC 9110 8.8.2.1",
        title: "Last-Modified is later than Date",
        help: "send the Date instead where the file's time is in the future",
        explanation: "Nothing can have changed after the response that shows the change was made. An origin server with a \
            clock replaces a Last-Modified that lies in its future by the Date; otherwise a client that later asks with \
            If-Modified-Since may be told that nothing changed although it did.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server(
                "HTTP/1.1 200 OK\r\nDate: Tue, 14 Nov 2023 22:13:20 GMT\r\n\
                 Last-Modified: Wed, 15 Nov 2023 08:00:00 GMT\r\nContent-Length: 0\r\n\r\n",
            ),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server(
                "HTTP/1.1 200 OK\r\nDate: Tue, 14 Nov 2023 22:13:20 GMT\r\n\
                 Last-Modified: Mon, 13 Nov 2023 08:00:00 GMT\r\nContent-Length: 0\r\n\r\n",
            ),
        ],
        httpolice: &[1118],
        ..Lint::NONE
    };

    DATE_IN_FUTURE = Lint {
        name: "date-in-future",
        severity: Severity::Chat,
        section: "RFC 9110 6.6.1",
        title: "a Date that is more than an hour after the time of the capture",
        help: "set the server's clock, and give the time in UTC",
        explanation: "Date is when the message was made, and the message was on the wire before that by the clock of the \
            capturing machine. One of the two clocks is wrong, or the server writes its local time and calls it GMT.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nDate: Wed, 15 Nov 2023 02:13:20 GMT\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nDate: Tue, 14 Nov 2023 22:13:20 GMT\r\nContent-Length: 0\r\n\r\n"),
        ],
        httpolice: &[1109],
        ..Lint::NONE
    };

    EXPIRES_NOT_A_DATE = Lint {
        name: "expires-not-a-date",
        severity: Severity::Note,
        section: "RFC 9111 5.3",
        title: "an Expires that is no date",
        help: "send a date in the past, or Cache-Control: no-cache",
        explanation: "The value of Expires is a date. Caches take anything else, `0` and `-1` above all, for a time in the \
            past, which is mostly what is meant; a form of a date that they cannot read is taken for that too, and then \
            nothing is cached that could be.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nExpires: 0\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nExpires: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Length: 0\r\n\r\n"),
        ],
        httpolice: &[1000],
        ..Lint::NONE
    };
}

/// Looks at the dates of a message.
pub(super) fn message(seen: &Seen<'_>, report: &mut Report<'_>) {
    let captured = seen.message.first_time;
    for name in FIELDS {
        seen.values(name).for_each(|value| form(value, captured, report));
    }
    for value in seen.values("expires") {
        match parse(value.text, captured) {
            Ok(_) => form(value, captured, report),
            Err(_) => report.add(Draft::new(&EXPIRES_NOT_A_DATE).head(value.span()).found(text(value.text))),
        }
    }
    let Some(code) = seen.code() else { return };
    let [date, modified] = ["date", "last-modified"].map(|name| {
        let value = seen.value(name)?;
        Some((value, parse(value.text, captured).ok()?))
    });
    if let (Some((date_value, date)), Some((value, modified))) = (date, modified)
        && modified.seconds > date.seconds
    {
        let (found, date) = (text(value.text), text(date_value.text));
        report.add(
            Draft::new(&LAST_MODIFIED_AFTER_DATE)
                .head(value.span())
                .found(found)
                .expected(format!("no later than {date}")),
        );
    }
    if let Some((value, date)) = date
        && date.seconds > captured.0.div_euclid(1_000_000_000) + CLOCKS_DIFFER
    {
        report.add(Draft::new(&DATE_IN_FUTURE).head(value.span()).found(text(value.text)));
    }
    if (200..500).contains(&code) && seen.is_head_whole() && !seen.has_field("date") {
        report.add(Draft::new(&MISSING_DATE));
    }
}

/// Looks at the form of a date.
fn form(value: Part<'_>, captured: Timestamp, report: &mut Report<'_>) {
    let found = text(value.text);
    let (lint, expected) = match parse(value.text, captured) {
        Err(Fault::Form) => (&BAD_DATE, None),
        Err(Fault::Zone(date)) => (&DATE_ZONE, Some(format!("{} GMT", date.strftime("%a, %d %b %Y %H:%M:%S")))),
        Ok(date) if !date.day_name_fits => (&WRONG_DAY_NAME, Some(date.fixdate())),
        Ok(date) if !date.is_fixdate => (&OBSOLETE_DATE, Some(date.fixdate())),
        Ok(_) => return,
    };
    let draft = Draft::new(lint).head(value.span()).found(found);
    report.add(match expected {
        Some(expected) => draft.expected(expected),
        None => draft,
    });
}

/// A date of a field.
#[derive(Clone, Copy, Debug)]
pub(super) struct Date {
    /// Seconds since 1970.
    pub seconds: i64,
    civil: civil::DateTime,
    /// Whether it has the one form that is not obsolete.
    is_fixdate: bool,
    day_name_fits: bool,
}

impl Date {
    fn fixdate(&self) -> String {
        format!("{} GMT", self.civil.strftime("%a, %d %b %Y %H:%M:%S"))
    }
}

/// Why a text is no date.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    Form,
    /// It would be this one if its zone were GMT.
    Zone(civil::DateTime),
}

const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
pub(super) const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Reads `HTTP-date`. `captured` tells the century of one that has two digits of the year.
pub(super) fn parse(text: &[u8], captured: Timestamp) -> Result<Date, Fault> {
    let text = std::str::from_utf8(text).map_err(|_| Fault::Form)?;
    let (day_name, rest) = match text.split_once(", ") {
        Some(parts) => parts,
        None => return asctime(text).ok_or(Fault::Form),
    };
    let day_index = DAYS.iter().position(|day| *day == day_name || day[..3] == *day_name).ok_or(Fault::Form)?;
    let is_fixdate = day_name.len() == 3;
    let separator = if is_fixdate { ' ' } else { '-' };
    let words: Vec<&str> = rest.splitn(if is_fixdate { 5 } else { 3 }, ' ').collect();
    let (day, month, year, time, zone) = match words[..] {
        [day, month, year, time, zone] => (day, month, year, time, zone),
        [day, month, year, time] if is_fixdate => (day, month, year, time, ""),
        [date, time, zone] if !is_fixdate => match date.split(separator).collect::<Vec<_>>()[..] {
            [day, month, year] => (day, month, year, time, zone),
            _ => return Err(Fault::Form),
        },
        _ => return Err(Fault::Form),
    };
    let year = if is_fixdate { digits(year, 4) } else { digits(year, 2).map(|year| century(year, captured)) };
    let date = civil(year, month_of(month), digits(day, 2), time).ok_or(Fault::Form)?;
    if zone != "GMT" {
        return Err(Fault::Zone(date));
    }
    date_of(date, day_index, is_fixdate).ok_or(Fault::Form)
}

/// `Sun Nov  6 08:49:37 1994`
fn asctime(text: &str) -> Option<Date> {
    let bytes = text.as_bytes();
    if bytes.len() != 24 || !text.is_ascii() || [3, 7, 10, 19].iter().any(|&at| bytes[at] != b' ') {
        return None;
    }
    let day_index = DAYS.iter().position(|day| day[..3] == text[..3])?;
    let day = match bytes[8] {
        b' ' => digits(&text[9..10], 1),
        _ => digits(&text[8..10], 2),
    };
    let date = civil(digits(&text[20..], 4), month_of(&text[4..7]), day, &text[11..19])?;
    date_of(date, day_index, false)
}

fn date_of(date: civil::DateTime, day_index: usize, is_fixdate: bool) -> Option<Date> {
    let seconds = Offset::UTC.to_timestamp(date).ok()?.as_second();
    let day_name_fits = date.weekday().to_monday_zero_offset() as usize == day_index;
    Some(Date { seconds, civil: date, is_fixdate, day_name_fits })
}

fn month_of(name: &str) -> Option<i16> {
    MONTHS.iter().position(|month| *month == name).map(|index| index as i16 + 1)
}

/// The year that ends with these two digits and is no more than 50 years after the capture (RFC 9110 5.6.7).
fn century(year: i16, captured: Timestamp) -> i16 {
    let now = jiff::Timestamp::from_nanosecond(captured.0.into()).unwrap_or_default();
    let now = Offset::UTC.to_datetime(now).year();
    let this = now - now.rem_euclid(100) + year;
    if this > now + 50 { this - 100 } else { this }
}

fn civil(year: Option<i16>, month: Option<i16>, day: Option<i16>, time: &str) -> Option<civil::DateTime> {
    let [hour, minute, second] = time.split(':').collect::<Vec<_>>()[..] else { return None };
    let [hour, minute, second] = [digits(hour, 2)?, digits(minute, 2)?, digits(second, 2)?];
    // A leap second is the 60th.
    let second = if second == 60 { 59 } else { second };
    let small = |number: i16| i8::try_from(number).ok();
    civil::DateTime::new(year?, small(month?)?, small(day?)?, small(hour)?, small(minute)?, small(second)?, 0).ok()
}

fn digits(text: &str, len: usize) -> Option<i16> {
    (text.len() == len && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAPTURED: Timestamp = Timestamp(1_700_000_000_000_000_000);

    #[test]
    fn the_three_forms_are_the_same_date() {
        let forms = ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"];
        for (form, fixed) in forms.into_iter().zip([true, false, false]) {
            let date = parse(form.as_bytes(), CAPTURED).unwrap();
            assert_eq!((date.seconds, date.is_fixdate, date.day_name_fits), (784_111_777, fixed, true), "{form}");
            assert_eq!(date.fixdate(), forms[0]);
        }
        assert_eq!(parse(b"Saturday, 06-Nov-27 08:49:37 GMT", CAPTURED).unwrap().civil.year(), 2027);
        assert!(parse(b"Sat, 31 Dec 2016 23:59:60 GMT", CAPTURED).is_ok());
    }

    #[test]
    fn what_is_no_date() {
        for text in [
            "",
            "0",
            "-1",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 94 08:49:37 GMT",
            "sun, 06 Nov 1994 08:49:37 GMT",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun,06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 8:49:37 GMT",
            "Sun, 06 November 1994 08:49:37 GMT",
            "1994-11-06T08:49:37Z",
            "Sun Nov 6",
            "Sun Nov é6 08:49:37 199",
            "Sunday, 06 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(parse(text.as_bytes(), CAPTURED).map(|_| ()), Err(Fault::Form), "{text}");
        }
        for zone in [" +0000", " UTC", " CET", "", " gmt"] {
            let text = format!("Sun, 06 Nov 1994 08:49:37{zone}");
            assert!(matches!(parse(text.as_bytes(), CAPTURED), Err(Fault::Zone(_))), "{text}");
        }
    }
}
