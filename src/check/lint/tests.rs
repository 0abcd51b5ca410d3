//! Every example raises its lint, or does not; and what holds of the list and of all findings.

use etherparse::PacketBuilder;

use super::*;
use crate::engine::{Engine, Options};
use crate::frame::{Frame, FrameMeta, LinkType, Timestamp};
use crate::issue::Severity;

/// Nanoseconds between two segments.
const STEP: i64 = 1_000_000;

/// A connection made up of what its two ends do.
pub(super) struct Conversation {
    frames: Vec<(i64, Vec<u8>)>,
    time: i64,
    /// Of the client and of the server.
    ports: [u16; 2],
    /// Next sequence numbers, likewise.
    pub next: [u32; 2],
    /// The window that both offer.
    pub window: u16,
}

impl Conversation {
    /// With its handshake, to port 80.
    pub fn new() -> Self {
        Self::to_port(80)
    }

    /// The same to another port.
    pub fn to_port(port: u16) -> Self {
        Self::between([40_000, port])
    }

    /// The same from another port.
    pub fn from_port(port: u16) -> Self {
        Self::between([port, 80])
    }

    fn between(ports: [u16; 2]) -> Self {
        let mut new = Self { ports, ..Self::silent() };
        new.segment(0, "S", b"");
        new.segment(1, "SA", b"");
        new.segment(0, "A", b"");
        new
    }

    /// Before its first segment.
    pub fn silent() -> Self {
        Self { frames: Vec::new(), time: 0, ports: [40_000, 80], next: [1000, 5000], window: 65_000 }
    }

    /// With the frames of another one after its own.
    pub fn then(mut self, later: Self) -> Self {
        let start = self.time;
        self.frames.extend(later.frames.into_iter().map(|(time, frame)| (start + time, frame)));
        self.time += later.time;
        self
    }

    pub fn turns(mut self, turns: &[Turn]) -> Self {
        for turn in turns {
            match turn {
                Turn::Client(text) => self.data(0, text.as_bytes()),
                Turn::Server(text) => self.data(1, text.as_bytes()),
                Turn::ClientCloses => self.segment(0, "FA", b""),
                Turn::ServerCloses => self.segment(1, "FA", b""),
                Turn::ClientResets => self.segment(0, "R", b""),
                Turn::ServerResets => self.segment(1, "R", b""),
                Turn::Wait(seconds) => self.time += i64::from(*seconds) * 1_000_000_000,
                Turn::Happens(what) => unreachable!("{what}"),
            }
        }
        self
    }

    /// Data, in as many segments as it takes, each with its acknowledgement.
    pub fn data(&mut self, from: usize, bytes: &[u8]) {
        for part in bytes.chunks(1400) {
            self.segment(from, "PA", part);
            self.segment(1 - from, "A", b"");
        }
    }

    /// Data that is sent and not captured.
    pub fn lose(mut self, from: usize, len: u32) -> Self {
        self.next[from] += len;
        self.segment(1 - from, "A", b"");
        self.time += 1_000_000_000;
        self
    }

    pub fn segment(&mut self, from: usize, flags: &str, payload: &[u8]) {
        let addresses = [[10, 0, 0, 1], [10, 0, 0, 2]];
        let mut tcp = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2])
            .ipv4(addresses[from], addresses[1 - from], 64)
            .tcp(self.ports[from], self.ports[1 - from], self.next[from], self.window);
        for flag in flags.chars() {
            tcp = match flag {
                'S' => tcp.syn(),
                'A' => tcp.ack(self.next[1 - from]),
                'P' => tcp.psh(),
                'F' => tcp.fin(),
                'U' => tcp.urg(0),
                _ => tcp.rst(),
            };
        }
        let mut bytes = Vec::new();
        tcp.write(&mut bytes, payload).unwrap();
        self.frames.push((self.time, bytes));
        self.time += STEP;
        self.next[from] += payload.len() as u32 + u32::from(flags.contains(['S', 'F']));
    }

    pub fn findings(&self) -> Findings {
        let mut levels = Levels::default();
        levels.min_severity(Severity::Chat);
        let mut options = Options::default();
        ask(&mut options);
        let (mut engine, mut lints) = (Engine::new(options), Lints::new(levels));
        for (number, (time, bytes)) in (1..).zip(&self.frames) {
            let meta = FrameMeta {
                number,
                time: Timestamp(1_700_000_000_000_000_000 + time),
                wire_len: bytes.len() as u32,
                link: LinkType::ETHERNET,
                interface: 0,
                interface_id: None,
            };
            engine.push(Frame { meta, bytes }, &mut lints);
        }
        engine.finish(&mut lints);
        lints.finish()
    }
}

/// Names of the lints that a conversation raises.
pub(super) fn raised(conversation: &Conversation) -> Vec<&'static str> {
    conversation.findings().iter().map(|finding| finding.lint.name).collect()
}

/// Lints of what no example need say.
const SPARE: &[&str] = &["missing-date", "missing-user-agent", "missing-content-type", "http10-request"];

/// The same, but for what examples leave out.
fn told(conversation: &Conversation) -> Vec<&'static str> {
    raised(conversation).into_iter().filter(|name| !SPARE.contains(name)).collect()
}

/// The same, of these lints alone.
pub(super) fn raised_of(lints: &[&Lint], conversation: &Conversation) -> Vec<&'static str> {
    raised(conversation).into_iter().filter(|name| lints.iter().any(|lint| lint.name == *name)).collect()
}

/// Lints without an example: what raises them is too long to show. Each has a test beside it.
const WITHOUT_EXAMPLE: &[&str] = &["long-target", "many-fields", "long-field-line", "large-head"];

/// Whether an example can be played; one that words tell has a test beside it.
fn is_played(lint: &&Lint) -> bool {
    !lint.bad.iter().chain(lint.good).any(|turn| matches!(turn, Turn::Happens(_)))
}

#[test]
fn bad_examples_raise_their_lint_and_good_ones_nothing_of_weight() {
    let mut faults = Vec::new();
    for lint in all().filter(is_played) {
        let bad = Conversation::new().turns(lint.bad);
        if !lint.bad.is_empty() && !raised(&bad).contains(&lint.name) {
            faults.push(format!("{}: its bad example raises {:?}", lint.name, raised(&bad)));
        }
        let good = Conversation::new().turns(lint.good).findings();
        let wrong: Vec<_> = good
            .iter()
            .filter(|finding| finding.lint.name == lint.name || finding.severity >= Severity::Warn)
            .map(|finding| finding.lint.name)
            .collect();
        if !wrong.is_empty() {
            faults.push(format!("{}: its good example raises {wrong:?}", lint.name));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_list_is_in_order() {
    let mut names = std::collections::HashSet::new();
    for lint in all() {
        let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(!lint.name.is_empty() && lint.name.chars().all(kebab), "{}", lint.name);
        assert!(names.insert(lint.name), "{} twice", lint.name);
        for text in [lint.section, lint.title, lint.help, lint.explanation] {
            assert!(!text.is_empty() && !text.contains('\n') && !text.contains("  "), "{}: {text:?}", lint.name);
        }
        assert!(!lint.bad.is_empty() || WITHOUT_EXAMPLE.contains(&lint.name), "{} has no example", lint.name);
        assert!(lint.title.len() <= 80 && lint.help.len() <= 110, "{}", lint.name);
    }
}

#[test]
fn a_finding_names_its_frame_its_bytes_and_their_places() {
    let bad =
        Conversation::new().turns(&[Turn::Client("GET / HTTP/1.1\r\nHost: a.ex"), Turn::Client("ample\nX: y\n\r\n")]);
    let findings = bad.findings();
    let finding = findings.iter().find(|finding| finding.lint.name == "bare-lf").unwrap();
    assert_eq!((finding.stream, finding.message), (0, Some((1, Kind::Request))));
    assert_eq!((finding.frame, finding.offset, finding.frame_offset), (Some(6), Some(31), Some(54 + 5)));
    let excerpt = finding.excerpt.as_ref().unwrap();
    assert_eq!((&excerpt.bytes[..], excerpt.mark.clone(), excerpt.offset), (&b"Host: a.example\n"[..], 15..16, 16));
    assert_eq!((finding.more, findings.count("bare-lf")), (1, 1));
    assert_eq!(finding.ends.unwrap()[0].port, 40_000);
}

#[test]
fn a_long_line_is_cut_around_the_mark() {
    let request = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(5000));
    let mut bad = Conversation::new();
    bad.data(0, request.replace(" HTTP", "  HTTP").as_bytes());
    let findings = bad.findings();
    let excerpt =
        findings.iter().find(|f| f.lint.name == "extra-space-in-start-line").unwrap().excerpt.clone().unwrap();
    assert!(excerpt.cut_before && !excerpt.cut_after);
    assert_eq!(&excerpt.bytes[excerpt.mark], b"  ");
}

#[test]
fn findings_of_a_lint_are_bounded_and_counted() {
    let mut many = Conversation::new();
    for _ in 0..150 {
        many.data(0, b"GET / HTTP/1.1\nHost: a\n\n");
        many.data(1, b"HTTP/1.1 204 No Content\r\n\r\n");
    }
    let findings = many.findings();
    assert_eq!(findings.iter().filter(|finding| finding.lint.name == "bare-lf").count(), 100);
    assert_eq!(findings.count("bare-lf"), 150);
    assert!(findings.left_out().any(|left| left == ("bare-lf", 50)));
}

#[test]
fn what_lies_in_a_hole_raises_nothing() {
    let request = "GET /a HTTP/1.1\r\nHost: a.example\r\n";
    let cut = Conversation::new().turns(&[Turn::Client(request)]).lose(0, 40).turns(&[
        Turn::Server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        Turn::ClientCloses,
        Turn::ServerCloses,
    ]);
    let findings = cut.findings();
    let loud: Vec<_> = findings.iter().filter(|f| f.severity >= Severity::Warn).map(|f| f.lint.name).collect();
    assert!(loud.is_empty(), "{loud:?}");
}

fn after(turns: &[&[Turn]]) -> Vec<&'static str> {
    let mut all = Conversation::new();
    for turns in turns {
        all = all.turns(turns);
    }
    told(&all)
}

#[test]
fn http_1_0_closes_unless_both_say_otherwise() {
    let (ask, answer) = ("GET / HTTP/1.0\r\nHost: a\r\n", "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n");
    let (last, kept) = ("\r\n", "Connection: keep-alive\r\n\r\n");
    let mut both = Conversation::new();
    let mut neither = Conversation::new();
    for _ in 0..2 {
        both.data(0, (ask.to_owned() + kept).as_bytes());
        both.data(1, (answer.to_owned() + kept).as_bytes());
        neither.data(0, (ask.to_owned() + last).as_bytes());
        neither.data(1, (answer.to_owned() + last).as_bytes());
    }
    assert_eq!(told(&both), [""; 0]);
    assert!(raised(&neither).contains(&"request-after-close") && raised(&neither).contains(&"response-after-close"));
}

#[test]
fn an_idle_connection_may_be_closed_by_either_end() {
    let exchange = [
        Turn::Client("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        Turn::Server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        Turn::Wait(5),
    ];
    assert_eq!(after(&[&exchange, &[Turn::ServerCloses, Turn::ClientCloses]]), [""; 0]);
    assert_eq!(after(&[&exchange, &[Turn::ClientCloses, Turn::ServerCloses]]), ["client-close-not-announced"]);
}

#[test]
fn a_handshake_that_was_not_captured_makes_lints_of_absence_silent() {
    let mut joined = Conversation::new().turns(&[
        Turn::Server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        Turn::ClientCloses,
        Turn::ServerCloses,
    ]);
    assert!(raised(&joined).contains(&"response-without-request"));
    joined.frames.drain(..3);
    assert_eq!(told(&joined), [""; 0]);
}

#[test]
fn a_blank_line_too_many_is_told_wherever_it_is_noticed() {
    let ask = Turn::Client("GET / HTTP/1.1\r\nHost: a\r\n\r\n\r\n");
    let answer = Turn::Server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let end = [Turn::ClientCloses, Turn::ServerCloses];
    assert_eq!(after(&[&[ask, answer], &end])[0], "extra-blank-line");
    let twice = after(&[&[ask, answer, ask, answer], &end]);
    assert!(twice.contains(&"blank-line-before-start") && twice.contains(&"extra-blank-line"), "{twice:?}");
    let post = Turn::Client("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok\r\n");
    let findings = Conversation::new().turns(&[post, answer]).turns(&end).findings();
    let finding = findings.iter().find(|finding| finding.lint.name == "extra-blank-line").unwrap();
    assert_eq!(finding.excerpt.as_ref().unwrap().bytes, b"\r\n");
}

#[test]
fn a_buffer_that_was_sent_whole_is_told_by_its_nuls() {
    let mut bad = Conversation::new();
    let mut buffer = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec();
    buffer.resize(1024, 0);
    bad.data(0, &buffer);
    assert!(raised(&bad).contains(&"nul-after-message"), "{:?}", raised(&bad));
}

#[test]
fn an_answer_before_the_end_of_its_request_is_one() {
    let raised = after(&[&[
        Turn::Client("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n12"),
        Turn::Server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        Turn::Client("34"),
        Turn::Client("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
        Turn::Server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
        Turn::ServerCloses,
        Turn::ClientCloses,
    ]]);
    let odd = ["unanswered-request", "pipelined-request", "response-without-request"];
    assert!(odd.iter().all(|name| !raised.contains(name)), "{raised:?}");
}

#[test]
fn a_client_that_was_refused_need_not_send_its_body() {
    let ask = Turn::Client("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n");
    let refuse = Turn::Server("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let raised = after(&[&[ask, refuse, Turn::ServerCloses, Turn::ClientCloses]]);
    assert!(!raised.contains(&"body-shorter-than-length"), "{raised:?}");
}

/// Issues of the RFCs that no lint refers to: one that is raised for no line that is read as a request, the word for
/// several others, and what content codings raise.
const WITHOUT_LINT: &[Issue] = &[Issue::BadStartLine, Issue::Malformed, Issue::DecompressionFailed];

#[test]
fn every_issue_of_http_has_a_lint() {
    let of_http = |issue: &&Issue| issue.source().starts_with("RFC 911") && !issue.source().starts_with("RFC 9113");
    for issue in Issue::ALL.iter().filter(of_http).filter(|issue| !WITHOUT_LINT.contains(issue)) {
        assert!(all().any(|lint| lint.issue == Some(*issue)), "{issue}");
    }
}
