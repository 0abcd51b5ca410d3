//! Caching (RFC 9111 5; RFC 9110 12.5.5).

use super::Seen;
use super::entry::Turn::{Client, Server};
use super::entry::{Lint, lints};
use super::report::{Draft, Report, text};
use super::value::Part;
use crate::issue::Severity;

lints! {
    BAD_CACHE_CONTROL = Lint {
        name: "bad-cache-control",
        severity: Severity::Warn,
        section: "RFC 9111 5.2",
        title: "a Cache-Control that is not a list of directives",
        help: "separate directives by commas: Cache-Control: private, max-age=60",
        explanation: "Cache-Control is a list with commas of directives, each a token, and after an equals sign a token or a \
            quoted string. With semicolons or spaces between them the directives are one, which caches do not know, and \
            so none of them has an effect.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nCache-Control: private; max-age=60\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nCache-Control: private, max-age=60\r\nContent-Length: 0\r\n\r\n"),
        ],
        httpolice: &[1000],
        ..Lint::NONE
    };

    UNKNOWN_CACHE_DIRECTIVE = Lint {
        name: "unknown-cache-directive",
        severity: Severity::Note,
        section: "RFC 9111 5.2.3",
        title: "a directive of Cache-Control that is not registered",
        help: "look for a slip of the pen: max-age, no-cache, no-store, must-revalidate, private, public",
        explanation: "Caches ignore directives that they do not know. One that is in no registry is more often misspelt than \
            an extension, and then does nothing.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nCache-Control: nocache\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nCache-Control: no-cache\r\nContent-Length: 0\r\n\r\n"),
        ],
        ..Lint::NONE
    };

    CACHE_DIRECTIVE_ARGUMENT = Lint {
        name: "cache-directive-argument",
        severity: Severity::Warn,
        section: "RFC 9111 1.2.2, 5.2",
        title: "a directive of Cache-Control without its number, or with one that is none",
        help: "give a number of seconds without quotes: max-age=60",
        explanation: "max-age, s-maxage, min-fresh, stale-while-revalidate and stale-if-error have a number of seconds, in \
            digits, without a sign, a unit or a fraction; others, such as no-store, have no argument at all. A cache \
            should take a response whose lifetime it cannot read for stale.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nCache-Control: max-age=1h\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\nContent-Length: 0\r\n\r\n"),
        ],
        httpolice: &[1156, 1157, 1158],
        ..Lint::NONE
    };

    QUOTED_CACHE_ARGUMENT = Lint {
        name: "quoted-cache-argument",
        severity: Severity::Note,
        section: "RFC 9111 5.2.2.1",
        title: "a number of seconds in Cache-Control in quotes",
        help: "write the number as it is: max-age=60",
        explanation: "A sender writes the seconds as a token, not as a quoted string. Recipients ought to read both; many \
            read the token alone.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nCache-Control: max-age=\"60\"\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 0\r\n\r\n"),
        ],
        httpolice: &[1155],
        ..Lint::NONE
    };

    REPEATED_CACHE_DIRECTIVE = Lint {
        name: "repeated-cache-directive",
        severity: Severity::Note,
        section: "RFC 9111 4.2.1",
        title: "a directive of Cache-Control more than once",
        help: "give each directive once, in one place of the configuration",
        explanation: "Where a directive occurs twice with two arguments, a cache takes the first, or takes the response for \
            stale. Mostly an application and the server before it both add the field.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nCache-Control: max-age=60, max-age=0\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 0\r\n\r\n"),
        ],
        ..Lint::NONE
    };

    CONFLICTING_CACHE_DIRECTIVES = Lint {
        name: "conflicting-cache-directives",
        severity: Severity::Note,
        section: "RFC 9111 5.2.2",
        title: "directives of Cache-Control that contradict each other",
        help: "keep the one that is meant",
        explanation: "`public` lets any cache store a response and `private` no shared one; `no-store` forbids storing what \
            `public` or a lifetime allows. Caches obey the stricter one, so that the other is either without effect or a \
            mistake.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nCache-Control: no-store, max-age=3600\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 0\r\n\r\n"),
        ],
        httpolice: &[1193, 1238],
        ..Lint::NONE
    };

    CACHE_DIRECTIVE_OUT_OF_PLACE = Lint {
        name: "cache-directive-out-of-place",
        severity: Severity::Note,
        section: "RFC 9111 5.2.1, 5.2.2",
        title: "a directive of Cache-Control for the other kind of message",
        help: "leave it out: it means nothing here",
        explanation: "max-stale, min-fresh and only-if-cached are what a client asks of caches; public, private, s-maxage, \
            must-revalidate, proxy-revalidate, must-understand and immutable are what a server tells them. In the other \
            kind of message they mean nothing.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nCache-Control: must-revalidate\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nCache-Control: no-cache\r\n\r\n")],
        httpolice: &[1152, 1153],
        ..Lint::NONE
    };

    PRAGMA_IN_RESPONSE = Lint {
        name: "pragma-in-response",
        severity: Severity::Chat,
        section: "RFC 9111 5.4",
        title: "Pragma: no-cache in a response",
        help: "send Cache-Control: no-cache, or no-store",
        explanation: "Pragma was defined for requests to caches of HTTP/1.0, and is deprecated. In a response it never had \
            a meaning, so that no cache need heed it.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nPragma: no-cache\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nCache-Control: no-cache\r\nContent-Length: 0\r\n\r\n"),
        ],
        httpolice: &[1162],
        ..Lint::NONE
    };

    EXPIRES_WITH_MAX_AGE = Lint {
        name: "expires-with-max-age",
        severity: Severity::Chat,
        section: "RFC 9111 5.3",
        title: "Expires beside max-age",
        help: "leave Expires out: caches of today read max-age",
        explanation: "Where both are there, caches ignore Expires. It costs bytes, and confuses people where the two say \
            different times.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server(
                "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nExpires: Thu, 01 Jan 1970 00:00:00 GMT\r\n\
                 Content-Length: 0\r\n\r\n",
            ),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 0\r\n\r\n"),
        ],
        ..Lint::NONE
    };

    BAD_AGE = Lint {
        name: "bad-age",
        severity: Severity::Warn,
        section: "RFC 9111 5.1",
        title: "an Age that is not a number of seconds",
        help: "send the seconds in digits: Age: 60",
        explanation: "Age is how many seconds ago the response was made or validated at the origin, in decimal digits. \
            Recipients ignore any other value, and take the response for fresher than it is.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nAge: -1\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nAge: 60\r\nContent-Length: 0\r\n\r\n"),
        ],
        httpolice: &[1000],
        ..Lint::NONE
    };

    STALE_RESPONSE = Lint {
        name: "stale-response",
        severity: Severity::Note,
        section: "RFC 9111 4.2.4",
        title: "a response from a cache that is older than its max-age",
        help: "let the cache validate what is stale before it sends it",
        explanation: "Age says how old the response is, and max-age how old it may become. A cache must not send what is \
            older than that without asking the origin, unless it cannot reach it or was allowed to.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nAge: 61\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nAge: 59\r\nContent-Length: 0\r\n\r\n"),
        ],
        httpolice: &[1184],
        ..Lint::NONE
    };

    BAD_VARY = Lint {
        name: "bad-vary",
        severity: Severity::Warn,
        section: "RFC 9110 12.5.5",
        title: "a Vary that is not a list of field names",
        help: "name the request's fields, with commas: Vary: Accept-Encoding, Accept-Language",
        explanation: "Vary lists the names of the fields of the request on which the response depends, or is `*` where it \
            depends on more than those. A cache that cannot read it may send one user what is another's.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nVary: Accept-Encoding; Cookie\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nVary: Accept-Encoding, Cookie\r\nContent-Length: 0\r\n\r\n"),
        ],
        httpolice: &[1000],
        ..Lint::NONE
    };

    VARY_STAR = Lint {
        name: "vary-star",
        severity: Severity::Chat,
        section: "RFC 9110 12.5.5",
        title: "Vary: *, so that no cache can use the response again",
        help: "name the fields that matter, or send Cache-Control: no-store",
        explanation: "`*` says that the response depends on what no field tells. It never fits a later request, so that to \
            store it is of no use; Cache-Control says so more plainly.",
        bad: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nVary: *\r\nContent-Length: 0\r\n\r\n"),
        ],
        good: &[
            Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
            Server("HTTP/1.1 200 OK\r\nVary: Cookie\r\nContent-Length: 0\r\n\r\n"),
        ],
        ..Lint::NONE
    };
}

/// In which messages a directive has a meaning, and what its argument is.
struct Directive {
    name: &'static str,
    request: bool,
    response: bool,
    argument: Argument,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Argument {
    None,
    Seconds,
    /// Seconds or nothing.
    MaySeconds,
    /// Field names or nothing.
    MayNames,
    /// What its own specification says.
    Any,
}

const fn directive(name: &'static str, (request, response): (bool, bool), argument: Argument) -> Directive {
    Directive { name, request, response, argument }
}

const BOTH: (bool, bool) = (true, true);
const REQUEST: (bool, bool) = (true, false);
const RESPONSE: (bool, bool) = (false, true);

/// IANA's "HTTP Cache Directive Registry", and three of Internet Explorer's that are still sent.
const DIRECTIVES: &[Directive] = &[
    directive("immutable", RESPONSE, Argument::None),
    directive("max-age", BOTH, Argument::Seconds),
    directive("max-stale", REQUEST, Argument::MaySeconds),
    directive("min-fresh", REQUEST, Argument::Seconds),
    directive("must-revalidate", RESPONSE, Argument::None),
    directive("must-understand", RESPONSE, Argument::None),
    directive("no-cache", BOTH, Argument::MayNames),
    directive("no-store", BOTH, Argument::None),
    directive("no-transform", BOTH, Argument::None),
    directive("only-if-cached", REQUEST, Argument::None),
    directive("private", RESPONSE, Argument::MayNames),
    directive("proxy-revalidate", RESPONSE, Argument::None),
    directive("public", RESPONSE, Argument::None),
    directive("s-maxage", RESPONSE, Argument::Seconds),
    directive("stale-if-error", BOTH, Argument::Seconds),
    directive("stale-while-revalidate", RESPONSE, Argument::Seconds),
    directive("post-check", RESPONSE, Argument::Any),
    directive("pre-check", RESPONSE, Argument::Any),
    directive("community", RESPONSE, Argument::Any),
];

/// Directives of which the second makes the first meaningless or forbids what it allows.
const CONFLICTS: &[(&str, &str)] = &[
    ("public", "private"),
    ("public", "no-store"),
    ("max-age", "no-store"),
    ("s-maxage", "no-store"),
    ("s-maxage", "private"),
    ("immutable", "no-store"),
];

/// Looks at what a message says to caches.
pub(super) fn message(seen: &Seen<'_>, report: &mut Report<'_>) {
    let sent: Vec<Sent<'_>> = seen.elements("cache-control").take(64).map(Sent::of).collect();
    sent.iter().for_each(|each| each.look(seen.is_request(), report));
    for (index, each) in sent.iter().enumerate() {
        // `no-cache` and `no-cache="Set-Cookie"` are two things.
        let is_again =
            |earlier: &Sent<'_>| earlier.is(each.name) && earlier.argument.is_some() == each.argument.is_some();
        if sent[..index].iter().any(is_again) {
            report.add(Draft::new(&REPEATED_CACHE_DIRECTIVE).head(each.part.span()).found(text(each.part.text)));
        }
    }
    let find = |name: &str| sent.iter().find(|each| each.is(name.as_bytes()));
    if seen.code().is_none() {
        return;
    }
    for (first, second) in CONFLICTS {
        // A lifetime of zero says the same as no-store does, more or less.
        if let (Some(first), Some(second)) = (find(first), find(second))
            && first.seconds() != Some(0)
            && second.argument.is_none()
        {
            let found = format!("{} and {}", text(first.part.text), text(second.part.text));
            report.add(Draft::new(&CONFLICTING_CACHE_DIRECTIVES).head(first.part.span()).found(found));
        }
    }
    let max_age = find("max-age").and_then(Sent::seconds);
    if let (Some(_), Some(expires)) = (max_age, seen.value("expires")) {
        report.add(Draft::new(&EXPIRES_WITH_MAX_AGE).head(expires.span()));
    }
    if let Some(pragma) = seen.value("pragma").filter(|pragma| pragma.is("no-cache")) {
        report.add(Draft::new(&PRAGMA_IN_RESPONSE).head(pragma.span()));
    }
    let shared = find("s-maxage").and_then(Sent::seconds);
    age(seen, shared.or(max_age), report);
    vary(seen, report);
}

/// `lifetime`: the seconds for which a shared cache may use it.
fn age(seen: &Seen<'_>, lifetime: Option<u64>, report: &mut Report<'_>) {
    let Some(value) = seen.value("age") else { return };
    match value.number() {
        None => report.add(Draft::new(&BAD_AGE).head(value.span()).found(text(value.text))),
        Some(age) if lifetime.is_some_and(|lifetime| age > lifetime && lifetime > 0) => {
            let most = lifetime.unwrap_or_default();
            report.add(
                Draft::new(&STALE_RESPONSE)
                    .head(value.span())
                    .found(age.to_string())
                    .expected(format!("at most {most}")),
            );
        }
        Some(_) => {}
    }
}

fn vary(seen: &Seen<'_>, report: &mut Report<'_>) {
    if let Some(name) = seen.elements("vary").find(|name| !name.is_token()) {
        report.add(Draft::new(&BAD_VARY).head(name.span()).found(text(name.text)));
    }
    if let Some(star) = seen.elements("vary").find(|name| name.text == b"*") {
        report.add(Draft::new(&VARY_STAR).head(star.span()));
    }
}

/// A directive as it was sent.
struct Sent<'a> {
    part: Part<'a>,
    name: &'a [u8],
    argument: Option<Part<'a>>,
}

impl<'a> Sent<'a> {
    fn of(part: Part<'a>) -> Self {
        match part.split_once(b'=') {
            Some((name, argument)) => Self { part, name: name.text, argument: Some(argument) },
            None => Self { part, name: part.text, argument: None },
        }
    }

    fn is(&self, name: &[u8]) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// Its argument as a number, with or without quotes.
    fn seconds(&self) -> Option<u64> {
        let argument = self.argument?;
        Part::new(&argument.unquoted(), 0).number()
    }

    fn look(&self, in_request: bool, report: &mut Report<'_>) {
        let draft = |lint| Draft::new(lint).head(self.part.span()).found(text(self.part.text));
        let is_well_formed = crate::app::http1::syntax::is_token(self.name)
            && self.argument.is_none_or(|argument| argument.is_token() || argument.is_quoted_string());
        let known = DIRECTIVES.iter().find(|known| self.is(known.name.as_bytes()));
        let Some(known) = known.filter(|_| is_well_formed) else {
            // A number that is wrong is no fault of the list.
            let is_number = known.is_some_and(|known| known.argument == Argument::Seconds);
            let lint = match is_well_formed {
                true => &UNKNOWN_CACHE_DIRECTIVE,
                false if is_number && !self.part.text.contains(&b';') => &CACHE_DIRECTIVE_ARGUMENT,
                false => &BAD_CACHE_CONTROL,
            };
            return report.add(draft(lint));
        };
        if if in_request { !known.request } else { !known.response } {
            return report.add(draft(&CACHE_DIRECTIVE_OUT_OF_PLACE));
        }
        let fits = match known.argument {
            Argument::None => self.argument.is_none(),
            Argument::Seconds => self.seconds().is_some(),
            Argument::MaySeconds => self.argument.is_none() || self.seconds().is_some(),
            Argument::MayNames => self.argument.is_none() || !in_request,
            Argument::Any => true,
        };
        if !fits {
            report.add(draft(&CACHE_DIRECTIVE_ARGUMENT));
        } else if known.argument == Argument::Seconds && self.argument.is_some_and(Part::is_quoted_string) {
            report.add(draft(&QUOTED_CACHE_ARGUMENT));
        }
    }
}
