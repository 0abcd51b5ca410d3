//! The Host field (RFC 9110 7.2, RFC 9112 3.2).

use super::Seen;
use super::entry::Turn::Client;
use super::entry::{Lint, lints};
use super::report::{Draft, Report, text};
use crate::app::http1::head::{FieldLine, StartLine, Version};
use crate::app::http1::syntax::is_host;
use crate::issue::{Issue, Severity};

lints! {
    MISSING_HOST = Lint {
        name: "missing-host",
        severity: Severity::Error,
        section: "RFC 9112 3.2",
        title: "an HTTP/1.1 request without a Host field",
        help: "send Host: and the host of the URI, with its port unless that is 80",
        explanation: "One server may be many sites, and the Host field tells which of them is meant. A client must send it \
            in every HTTP/1.1 request, and a server must answer 400 to one without.",
        bad: &[Client("GET / HTTP/1.1\r\nUser-Agent: lab1\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        httpolice: &[1031],
        issue: Some(Issue::MissingHost),
    };

    NO_HOST_IN_HTTP10 = Lint {
        name: "no-host-in-http10",
        severity: Severity::Chat,
        section: "RFC 9110 7.2",
        title: "an HTTP/1.0 request without a Host field",
        help: "send Host in requests of HTTP/1.0 too",
        explanation: "HTTP/1.0 did not have the field, and a request without it is valid. A server of many sites answers \
            with that which it was told to take by default, rarely the one that is meant.",
        bad: &[Client("GET / HTTP/1.0\r\nUser-Agent: lab1\r\n\r\n")],
        good: &[Client("GET / HTTP/1.0\r\nHost: a.example\r\n\r\n")],
        ..Lint::NONE
    };

    MULTIPLE_HOSTS = Lint {
        name: "multiple-hosts",
        severity: Severity::Error,
        section: "RFC 9112 3.2",
        title: "more than one Host field",
        help: "send Host once",
        explanation: "A server must answer 400 to a request with more than one Host field, even if they say the same: \
            programs that differ in which of them they take have been played off against one another.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        httpolice: &[1013, 1033],
        issue: Some(Issue::MultipleHosts),
    };

    EMPTY_HOST = Lint {
        name: "empty-host",
        severity: Severity::Warn,
        section: "RFC 9112 3.2",
        title: "a Host field without a value",
        help: "write the host of the URI after Host:",
        explanation: "The field is empty only where the URI has no authority, and an http URI always has one. Servers \
            answer 400, or with the site that they take by default.",
        bad: &[Client("GET / HTTP/1.1\r\nHost:\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        httpolice: &[1033],
        ..Lint::NONE
    };

    BAD_HOST = Lint {
        name: "bad-host",
        severity: Severity::Error,
        section: "RFC 9110 7.2",
        title: "a Host field that is not a host, or a host and a port",
        help: "write the host alone, or host:port; no scheme, path or user name",
        explanation: "The value is a name or an address, and after a colon the port. `http://a.example` and `a.example/` \
            are URIs or parts of one, and a server must answer 400 to them. An IPv6 address stands in brackets.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: http://a.example/\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        httpolice: &[1000, 1033],
        ..Lint::NONE
    };

    HOST_MISMATCH = Lint {
        name: "host-mismatch",
        severity: Severity::Warn,
        section: "RFC 9112 3.2.2",
        title: "the Host field differs from the host of the target",
        help: "send in Host what the target has between // and the path",
        explanation: "Where the target is a whole URI, a client must send the same host and port in Host. A server takes \
            those of the target; what looks at Host alone sees a request for another site.",
        bad: &[Client("GET http://a.example/ HTTP/1.1\r\nHost: b.example\r\n\r\n")],
        good: &[Client("GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        ..Lint::NONE
    };

    HOST_PORT = Lint {
        name: "host-port",
        severity: Severity::Note,
        section: "RFC 9110 7.2",
        title: "the port of the Host field is not the one that the client is connected to",
        help: "write the port of the URI after the host, unless it is 80",
        explanation: "A client sends the port of the URI in Host and connects to that port; without one it is 80. They \
            differ where the client leaves the port out, and also where something between the client and the place of \
            the capture forwards the port, which is no fault of the client.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: a.example:8080\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")],
        ..Lint::NONE
    };

    HOST_ADDRESS = Lint {
        name: "host-address",
        severity: Severity::Chat,
        section: "RFC 9110 7.2",
        title: "the address in the Host field is not the one that the client is connected to",
        help: "send the host of the URI, and connect to that host",
        explanation: "A client that is given an address in the URI connects to it and sends it in Host. They differ where \
            the address is written into the program, and also where addresses are translated on the way or a proxy is \
            asked.",
        bad: &[Client("GET / HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: 10.0.0.2\r\n\r\n")],
        ..Lint::NONE
    };

    HOST_NOT_FIRST = Lint {
        name: "host-not-first",
        severity: Severity::Chat,
        section: "RFC 9110 7.2",
        title: "Host is not the first field",
        help: "send Host right after the request line",
        explanation: "Host decides what becomes of the request, so that a client should send it first.",
        bad: &[Client("GET / HTTP/1.1\r\nAccept: */*\r\nHost: a.example\r\n\r\n")],
        good: &[Client("GET / HTTP/1.1\r\nHost: a.example\r\nAccept: */*\r\n\r\n")],
        httpolice: &[1032],
        ..Lint::NONE
    };
}

/// Looks at the Host fields of a request.
pub(super) fn message(seen: &Seen<'_>, report: &mut Report<'_>) {
    if !seen.is_request() || seen.http.nine || seen.is_written_out() {
        return;
    }
    let mut hosts = seen.named("host");
    let Some(host) = hosts.next() else {
        if seen.is_head_whole() && seen.has(Issue::MissingHost) {
            report.add(Draft::new(&MISSING_HOST).expected(wanted(seen)));
        } else if seen.is_head_whole() && seen.http.parsed.version == Some(Version { major: 1, minor: 0 }) {
            report.add(Draft::new(&NO_HOST_IN_HTTP10));
        }
        return;
    };
    for another in hosts {
        report.add(Draft::new(&MULTIPLE_HOSTS).head(another.name.start as usize..another.value.end as usize));
    }
    if seen.fields().next().is_some_and(|(first, _)| first != host) {
        report.add(Draft::new(&HOST_NOT_FIRST).head(host.name));
    }
    value(seen, host, report);
}

fn value(seen: &Seen<'_>, field: &FieldLine, report: &mut Report<'_>) {
    let sent = field.value.of(seen.head.bytes);
    if sent.is_empty() {
        let colon = field.name.end as usize;
        return report.add(Draft::new(&EMPTY_HOST).head(colon..colon + 1).expected(wanted(seen)));
    }
    let Some((host, port)) = split(sent) else {
        return report.add(Draft::new(&BAD_HOST).head(field.value).found(text(sent)).expected("host or host:port"));
    };
    let target = match seen.http.parsed.start {
        StartLine::Request { target, .. } => target.of(seen.head.bytes),
        _ => return,
    };
    if seen.head.method() == Some(b"CONNECT") {
        return;
    }
    if let Some(authority) = authority(target) {
        let same = |a: (&[u8], u16), b: (&[u8], u16)| a.0.eq_ignore_ascii_case(b.0) && a.1 == b.1;
        if split(authority).is_some_and(|named| !same(named, (host, port))) {
            let draft = Draft::new(&HOST_MISMATCH).head(field.value);
            report.add(draft.found(text(sent)).expected(text(authority)));
        }
        return;
    }
    let server = seen.flow.ends[1 - seen.message.side % 2];
    if port != server.port {
        report.add(Draft::new(&HOST_PORT).head(field.value).found(port.to_string()).expected(server.port.to_string()));
    }
    let name = std::str::from_utf8(host).unwrap_or_default().trim_matches(['[', ']']);
    if name.parse::<std::net::IpAddr>().is_ok_and(|address| address.to_canonical() != server.address.to_canonical()) {
        report.add(Draft::new(&HOST_ADDRESS).head(field.value).found(name).expected(server.address.to_string()));
    }
}

/// What the field might have said, as far as the connection tells.
fn wanted(seen: &Seen<'_>) -> String {
    let server = seen.flow.ends[1 - seen.message.side % 2];
    if server.port == 80 {
        "Host: and the server's name".into()
    } else {
        format!("Host: and the server's name, then :{}", server.port)
    }
}

/// The host, and the port or 80; none where it is neither.
fn split(value: &[u8]) -> Option<(&[u8], u16)> {
    let port = memchr::memrchr(b':', value).filter(|colon| !value[*colon..].contains(&b']'));
    let (host, port) = match port {
        None => (value, 80),
        Some(colon) if colon + 1 == value.len() => (&value[..colon], 80),
        Some(colon) => {
            let digits = &value[colon + 1..];
            let number = std::str::from_utf8(digits).ok().filter(|_| digits.iter().all(u8::is_ascii_digit));
            (&value[..colon], number?.parse().ok()?)
        }
    };
    is_host(host).then_some((host, port))
}

/// The authority of a target in absolute form, without its userinfo.
fn authority(target: &[u8]) -> Option<&[u8]> {
    let scheme = target.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case(b"http://"))?;
    let rest = &target[scheme.len()..];
    let rest = &rest[..rest.iter().position(|byte| b"/?#".contains(byte)).unwrap_or(rest.len())];
    Some(memchr::memrchr(b'@', rest).map_or(rest, |at| &rest[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::LINTS;
    use crate::check::lint::tests::{Conversation, raised_of};

    fn to_port(port: u16, host: &str) -> Vec<&'static str> {
        let mut conversation = Conversation::to_port(port);
        conversation.data(0, format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes());
        raised_of(LINTS, &conversation)
    }

    #[test]
    fn the_port_is_that_of_the_connection() {
        assert_eq!(to_port(8080, "a.example"), ["host-port"]);
        assert_eq!(to_port(8080, "a.example:8080"), [""; 0]);
        assert_eq!(to_port(80, "a.example:80"), [""; 0]);
        assert_eq!(to_port(80, "a.example:"), [""; 0]);
    }

    #[test]
    fn what_is_no_host_is_told() {
        for host in ["a.example/", "a b", "a:b", "a.example:99999", "me@a.example", "[::1", "2001:db8::1:"] {
            assert_eq!(to_port(80, host), ["bad-host"], "{host}");
        }
        for host in ["[2001:db8::1]", "a_b.example", "A.EXAMPLE."] {
            assert!(!to_port(80, host).contains(&"bad-host"), "{host}");
        }
    }
}
