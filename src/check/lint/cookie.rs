//! Cookies (RFC 6265; RFC 6265bis for what browsers have made of them since).

use super::Seen;
use super::cookie_syntax::{SetCookie, host_name, is_cookie_date, is_cookie_value, is_within, parts, split};
use super::entry::Turn::{Client, Server};
use super::entry::{Lint, lints};
use super::report::{Draft, Report, text};
use super::value::Part;
use crate::app::http1::syntax::is_token;
use crate::issue::Severity;

lints! {
    BAD_SET_COOKIE = Lint {
        name: "bad-set-cookie",
        severity: Severity::Warn,
        section: "RFC 6265 4.1.1",
        title: "a Set-Cookie that does not begin with name=value",
        help: "begin with the name, an equals sign and the value: Set-Cookie: id=42; Path=/",
        explanation: "The field begins with the cookie's name, a token, an equals sign, and its value. User agents ignore \
            one without an equals sign or without a name, so that the cookie never comes back.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nSet-Cookie: session\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nSet-Cookie: session=42\r\nContent-Length: 0\r\n\r\n"),
        ],
        httpolice: &[1000],
        ..Lint::NONE
    };

    BAD_COOKIE_VALUE = Lint {
        name: "bad-cookie-value",
        severity: Severity::Note,
        section: "RFC 6265 4.1.1",
        title: "a cookie's value with characters that none may have",
        help: "encode the value, in base64 or with % and two hexadecimal digits",
        explanation: "A value has no white space, quotes within, commas, semicolons, backslashes, or bytes above 127. User \
            agents send most of them back as they got them; other programs on the way and libraries cut the value there.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nSet-Cookie: name=Ada Lovelace\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nSet-Cookie: name=Ada%20Lovelace\r\nContent-Length: 0\r\n\r\n"),
        ],
        httpolice: &[1000],
        ..Lint::NONE
    };

    BAD_COOKIE_EXPIRES = Lint {
        name: "bad-cookie-expires",
        severity: Severity::Warn,
        section: "RFC 6265 5.1.1",
        title: "an Expires of a cookie that is no date",
        help: "write it like this: Expires=Sun, 06 Nov 1994 08:49:37 GMT, or send Max-Age",
        explanation: "User agents read a date of a cookie generously, but it has a day, a month in English, a year and a \
            time with colons. One that they cannot read they ignore, and keep the cookie until the browser is closed.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nSet-Cookie: id=42; Expires=2030-11-06\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server(
                "HTTP/1.1 200 OK\r\nSet-Cookie: id=42; Expires=Wed, 06 Nov 2030 08:49:37 GMT\r\n\
                 Content-Length: 0\r\n\r\n",
            ),
        ],
        httpolice: &[1000],
        ..Lint::NONE
    };

    OLD_COOKIE_EXPIRES = Lint {
        name: "old-cookie-expires",
        severity: Severity::Chat,
        section: "RFC 6265 4.1.1",
        title: "an Expires of a cookie in an old form",
        help: "write it like this: Expires=Sun, 06 Nov 1994 08:49:37 GMT",
        explanation: "Servers should write the date as other fields have it. The form with hyphens is that of Netscape's \
            first description, which user agents still read.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server(
                "HTTP/1.1 200 OK\r\nSet-Cookie: id=42; Expires=Wed, 06-Nov-2030 08:49:37 GMT\r\n\
                 Content-Length: 0\r\n\r\n",
            ),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server(
                "HTTP/1.1 200 OK\r\nSet-Cookie: id=42; Expires=Wed, 06 Nov 2030 08:49:37 GMT\r\n\
                 Content-Length: 0\r\n\r\n",
            ),
        ],
        ..Lint::NONE
    };

    UNKNOWN_COOKIE_ATTRIBUTE = Lint {
        name: "unknown-cookie-attribute",
        severity: Severity::Note,
        section: "RFC 6265 5.2",
        title: "an attribute of a cookie that nobody knows",
        help: "look for a slip of the pen: Expires, Max-Age, Domain, Path, Secure, HttpOnly, SameSite",
        explanation: "User agents ignore attributes that they do not know. A misspelt `HttpOnly` or `Secure` leaves the \
            cookie without the protection that was meant.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nSet-Cookie: id=42; Http-Only\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nSet-Cookie: id=42; HttpOnly\r\nContent-Length: 0\r\n\r\n"),
        ],
        ..Lint::NONE
    };

    BAD_COOKIE_ATTRIBUTE = Lint {
        name: "bad-cookie-attribute",
        severity: Severity::Warn,
        section: "RFC 6265 4.1.2, 5.2",
        title: "an attribute of a cookie whose value user agents ignore",
        help: "Max-Age=3600 in seconds, Path=/ with a slash, SameSite=Lax, Strict or None",
        explanation: "Max-Age is a number of seconds, with a minus sign at most, a Path begins with a slash, a Domain is not \
            empty, and SameSite is Strict, Lax or None. User agents act as if an attribute with another value were not \
            there.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nSet-Cookie: id=42; Max-Age=1h\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nSet-Cookie: id=42; Max-Age=3600\r\nContent-Length: 0\r\n\r\n"),
        ],
        httpolice: &[1158],
        ..Lint::NONE
    };

    COOKIE_OF_OTHER_DOMAIN = Lint {
        name: "cookie-of-other-domain",
        severity: Severity::Warn,
        section: "RFC 6265 5.3",
        title: "a cookie for a domain that the server is not in",
        help: "leave Domain out, or name the host of the request or a domain above it",
        explanation: "A user agent takes a cookie only for the host that it asked, or for a domain above it. It drops this \
            one as a whole.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: www.a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nSet-Cookie: id=42; Domain=b.example\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: www.a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nSet-Cookie: id=42; Domain=a.example\r\nContent-Length: 0\r\n\r\n"),
        ],
        ..Lint::NONE
    };

    SECURE_COOKIE_IN_CLEAR = Lint {
        name: "secure-cookie-in-clear",
        severity: Severity::Note,
        section: "RFC 6265 4.1.2.5",
        title: "a Secure cookie that is set over a connection in the clear",
        help: "set it over https, or leave Secure out while testing",
        explanation: "Secure keeps a cookie from connections that are not secure, and browsers of today take none that comes \
            over one (localhost excepted), so that the cookie does not exist. Behind a proxy that ends TLS it is as it \
            should be.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nSet-Cookie: id=42; Secure\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nSet-Cookie: id=42\r\nContent-Length: 0\r\n\r\n"),
        ],
        ..Lint::NONE
    };

    SAME_SITE_NONE_NOT_SECURE = Lint {
        name: "same-site-none-not-secure",
        severity: Severity::Warn,
        section: "RFC 6265bis 5.7",
        title: "SameSite=None without Secure",
        help: "add Secure, or send SameSite=Lax",
        explanation: "A cookie that is sent along with requests from other sites must be Secure; browsers drop one that is \
            not.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nSet-Cookie: id=42; SameSite=None\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nSet-Cookie: id=42; SameSite=Lax\r\nContent-Length: 0\r\n\r\n"),
        ],
        ..Lint::NONE
    };

    COOKIE_PREFIX = Lint {
        name: "cookie-prefix",
        severity: Severity::Warn,
        section: "RFC 6265bis 4.1.3",
        title: "a cookie named __Host- or __Secure- without what the name promises",
        help: "give it Secure, and a __Host- one Path=/ and no Domain too",
        explanation: "A name that begins with __Secure- is for cookies with Secure, one with __Host- for those that also \
            have Path=/ and no Domain. Browsers drop a cookie that breaks the promise of its name.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nSet-Cookie: __Host-id=42; Path=/\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nSet-Cookie: __Host-id=42; Path=/; Secure\r\nContent-Length: 0\r\n\r\n"),
        ],
        ..Lint::NONE
    };

    REPEATED_SET_COOKIE = Lint {
        name: "repeated-set-cookie",
        severity: Severity::Note,
        section: "RFC 6265 4.1.1",
        title: "the same cookie set twice in a response",
        help: "set each cookie once",
        explanation: "A server should not set two cookies of the same name, domain and path in one response. The last one \
            mostly stands, but not everywhere.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nSet-Cookie: id=1\r\nSet-Cookie: id=2\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nSet-Cookie: id=1\r\nSet-Cookie: lang=de\r\nContent-Length: 0\r\n\r\n"),
        ],
        ..Lint::NONE
    };

    SEVERAL_COOKIE_FIELDS = Lint {
        name: "several-cookie-fields",
        severity: Severity::Warn,
        section: "RFC 6265 5.4",
        title: "more than one Cookie field",
        help: "send all cookies in one field: Cookie: a=1; b=2",
        explanation: "A user agent sends one Cookie field at most, with semicolons between the cookies. Cookie is no list \
            with commas, so that a recipient cannot join two fields, and many read the first alone.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nCookie: a=1\r\nCookie: b=2\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nCookie: a=1; b=2\r\n\r\n")],
        httpolice: &[1013],
        ..Lint::NONE
    };

    BAD_COOKIE = Lint {
        name: "bad-cookie",
        severity: Severity::Note,
        section: "RFC 6265 4.2.1",
        title: "a Cookie that is not name=value pairs with a semicolon and a space between",
        help: "send back the pairs alone, without attributes: Cookie: a=1; b=2",
        explanation: "Cookie holds the names and values of the cookies, a semicolon and one space between two, and nothing \
            else: no Path, no Expires, no commas. Servers cut it in different ways otherwise.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nCookie: a=1; Path=/; HttpOnly\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nCookie: a=1; b=2\r\n\r\n")],
        httpolice: &[1000],
        ..Lint::NONE
    };
}

/// Attributes that user agents know, and those of RFC 2109 and 2965, which they do no harm.
const ATTRIBUTES: &[&str] = &[
    "expires",
    "max-age",
    "domain",
    "path",
    "secure",
    "httponly",
    "samesite",
    "partitioned",
    "priority",
    "version",
    "comment",
    "commenturl",
    "discard",
    "port",
    "sameparty",
];

/// Looks at the cookies of a message.
pub(super) fn message(seen: &Seen<'_>, report: &mut Report<'_>) {
    if seen.is_request() {
        return request(seen, report);
    }
    if seen.code().is_none() {
        return;
    }
    let mut earlier: Vec<SetCookie<'_>> = Vec::new();
    // More cookies than any browser keeps of a site are looked at no further.
    for value in seen.values("set-cookie").take(200) {
        let Some(cookie) = SetCookie::of(value) else {
            report.add(Draft::new(&BAD_SET_COOKIE).head(value.span()).found(text(value.text)));
            continue;
        };
        set_cookie(seen, &cookie, report);
        if earlier.iter().any(|other| other.is_same(&cookie)) {
            report.add(Draft::new(&REPEATED_SET_COOKIE).head(cookie.name.span()).found(text(cookie.name.text)));
        }
        earlier.push(cookie);
    }
}

fn request(seen: &Seen<'_>, report: &mut Report<'_>) {
    let mut fields = seen.named("cookie").skip(1);
    // HTTP/2 may split it (RFC 9113 8.2.3).
    if let Some(second) = fields.next().filter(|_| seen.http.http2.is_none()) {
        report.add(Draft::new(&SEVERAL_COOKIE_FIELDS).head(second.name));
    }
    for value in seen.values("cookie") {
        let is_pair = |pair: &Part<'_>| match split(*pair, b'=') {
            Some((name, _)) => is_token(name.text) && !is_attribute(name),
            None => false,
        };
        let mut pairs = parts(value);
        let wrong = pairs.find(|pair| !is_pair(pair) || pair.text.iter().any(|byte| matches!(byte, b' ' | b'\t')));
        if let Some(wrong) = wrong {
            report.add(Draft::new(&BAD_COOKIE).head(wrong.span()).found(text(wrong.text)));
        }
    }
}

/// Whether a name is that of an attribute which user agents do not send. Some are names of real cookies too.
fn is_attribute(name: Part<'_>) -> bool {
    ["httponly", "samesite", "max-age", "expires", "path"].iter().any(|attribute| name.is(attribute))
}

fn set_cookie(seen: &Seen<'_>, cookie: &SetCookie<'_>, report: &mut Report<'_>) {
    if !is_cookie_value(cookie.value.text) {
        report.add(Draft::new(&BAD_COOKIE_VALUE).head(cookie.value.span()).found(text(cookie.value.text)));
    }
    for &(name, value) in &cookie.attributes {
        attribute(seen, name, value, report);
    }
    let at_name = |lint| Draft::new(lint).head(cookie.name.span()).found(text(cookie.name.text));
    let secure = cookie.get("secure").is_some();
    if secure {
        report.add(at_name(&SECURE_COOKIE_IN_CLEAR));
    }
    if let Some(Some(same_site)) = cookie.get("samesite").filter(|_| !secure)
        && same_site.is("none")
    {
        report.add(Draft::new(&SAME_SITE_NONE_NOT_SECURE).head(same_site.span()));
    }
    let begins =
        |prefix: &str| cookie.name.text.len() > prefix.len() && cookie.name.text.starts_with(prefix.as_bytes());
    let for_host = || {
        let path = cookie.get("path").flatten();
        cookie.get("domain").is_none() && path.is_some_and(|path| path.text == b"/")
    };
    if begins("__Secure-") && !secure || begins("__Host-") && !(secure && for_host()) {
        report.add(at_name(&COOKIE_PREFIX));
    }
}

fn attribute(seen: &Seen<'_>, name: Part<'_>, value: Option<Part<'_>>, report: &mut Report<'_>) {
    let of = value.unwrap_or(name);
    let draft = |lint| Draft::new(lint).head(of.span()).found(text(of.text));
    let value_is = |fits: fn(&[u8]) -> bool| value.is_some_and(|value| fits(value.text));
    let name_of = ATTRIBUTES.iter().find(|known| name.is(known)).copied();
    let fits = match name_of {
        None if name.is_empty() => true,
        None => return report.add(Draft::new(&UNKNOWN_COOKIE_ATTRIBUTE).head(name.span()).found(text(name.text))),
        Some("expires") => return expires(seen, value, draft, report),
        Some("max-age") => value_is(|text| {
            let digits = text.strip_prefix(b"-").unwrap_or(text);
            !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
        }),
        Some("path") => value_is(|text| text.starts_with(b"/")),
        Some("samesite") => {
            value_is(|text| [&b"strict"[..], b"lax", b"none"].contains(&&text.to_ascii_lowercase()[..]))
        }
        Some("domain") => value_is(|text| !text.is_empty() && text != b"."),
        Some(_) => true,
    };
    if !fits {
        return report.add(draft(&BAD_COOKIE_ATTRIBUTE));
    }
    if name.is("domain")
        && let Some(domain) = value
        && let Some(host) = seen.asked().and_then(host_name)
        && !is_within(&host, domain.text)
    {
        report.add(draft(&COOKIE_OF_OTHER_DOMAIN).expected(text(&host)));
    }
}

fn expires(seen: &Seen<'_>, value: Option<Part<'_>>, draft: impl Fn(&'static Lint) -> Draft, report: &mut Report<'_>) {
    let value = value.map(|value| value.text).unwrap_or_default();
    if !is_cookie_date(value) {
        report.add(draft(&BAD_COOKIE_EXPIRES));
    } else if super::date::parse(value, seen.message.first_time).is_err() {
        report.add(draft(&OLD_COOKIE_EXPIRES));
    }
}
