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
    port: u16,
    /// Next sequence numbers, of the client and of the server.
    next: [u32; 2],
}

impl Conversation {
    /// With its handshake, to port 80.
    pub fn new() -> Self {
        Self::to_port(80)
    }

    /// The same to another port.
    pub fn to_port(port: u16) -> Self {
        let mut new = Self { frames: Vec::new(), time: 0, port, next: [1000, 5000] };
        new.segment(0, "S", b"");
        new.segment(1, "SA", b"");
        new.segment(0, "A", b"");
        new
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

    fn segment(&mut self, from: usize, flags: &str, payload: &[u8]) {
        let addresses = [[10, 0, 0, 1], [10, 0, 0, 2]];
        let ports = [40_000, self.port];
        let mut tcp = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2])
            .ipv4(addresses[from], addresses[1 - from], 64)
            .tcp(ports[from], ports[1 - from], self.next[from], 65_000);
        for flag in flags.chars() {
            tcp = match flag {
                'S' => tcp.syn(),
                'A' => tcp.ack(self.next[1 - from]),
                'P' => tcp.psh(),
                'F' => tcp.fin(),
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

#[test]
fn bad_examples_raise_their_lint_and_good_ones_nothing_of_weight() {
    let mut faults = Vec::new();
    for lint in all() {
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
        assert!(lint.title.len() <= 80 && lint.help.len() <= 110, "{}", lint.name);
        assert!(
            lint.title.chars().next().is_some_and(|c| !c.is_ascii_lowercase() || !lint.title.ends_with('.')),
            "{}",
            lint.name
        );
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
