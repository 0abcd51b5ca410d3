//! A rules file that a reference capture passes, to start from.

use std::collections::BTreeSet;
use std::path::Path;

use super::evaluate::own::hexadecimal;
use super::evaluate::{Verdict, judge};
use super::rules::Rules;
use super::rules::source::is_hidden;
use super::trace::wire::Closed;
use super::trace::{Held, Kept, Trace};
use crate::event::Close;

/// The most messages and connections of which a rule each is written.
const MAX_MESSAGES: usize = 20;
const MAX_CONNECTIONS: usize = 10;

/// The longest value of a message that is written into a rule, in bytes.
const MAX_VALUE: usize = 1000;

/// Issues of requests that a rule excludes, where none has them.
const ISSUES: [(&str, &str, &str); 4] = [
    ("line-ends", "lines end with CRLF", r#"{"bare_lf", "bare_cr"}"#),
    ("blank-line", "one blank line ends the head", r#"{"missing_blank_line", "excess_data", "leading_crlf"}"#),
    ("white-space", "no white space where none may be", r#"{"extra_whitespace", "missing_space", "obs_fold"}"#),
    (
        "framing",
        "lengths agree",
        r#"{"te_and_length", "content_length_conflict", "bad_content_length", "bad_chunk_size"}"#,
    ),
];

/// A rule to be written.
struct Block {
    comment: String,
    lines: Vec<(&'static str, String)>,
}

/// Writes rules that this capture passes; `name` is what it is called.
pub fn learn(trace: &Trace, name: &str) -> String {
    let mut blocks = requests(trace);
    blocks.extend(responses(trace));
    blocks.extend(connections(trace));
    let host = common_host(trace);
    let mut text = format!("# Written by `dissect check --learn`: what {} shows.\n", one_line(name));
    text.push_str("# Keep what matters, and give it points, titles and hints.\n\n");
    text.push_str(&format!("title = {}\n", quoted(&format!("As {}", one_line(name)))));
    if let Some(host) = &host {
        text.push_str("\n[set]\n# What Host is to say; another by --set host=…\n");
        text.push_str(&format!("host = {}\n", quoted(host)));
    }
    for block in blocks {
        let rule = block.text();
        match verdict(&text, &rule, trace) {
            Some(Verdict::Passed) => text.push_str(&format!("\n# {}\n{rule}", block.comment)),
            _ => text.push_str(&format!("\n# {}: left out, as this capture does not decide it.\n", block.comment)),
        }
    }
    text
}

/// What a rule comes to on the capture that it was learnt from.
fn verdict(head: &str, rule: &str, trace: &Trace) -> Option<Verdict> {
    // The head has all the rules so far; what they come to is known.
    let head = head.split("\n[[rule]]").next().unwrap_or(head);
    let text = format!("{head}\n{rule}");
    let rules = Rules::read(Path::new("learnt"), &mut |_| Ok(text.clone()), &[], false).ok()?;
    judge(&rules, trace).first().map(|outcome| outcome.verdict)
}

impl Block {
    fn new(comment: impl Into<String>, name: &str, of: &'static str) -> Self {
        Self { comment: one_line(&comment.into()), lines: vec![("name", quoted(name)), ("of", quoted(of))] }
    }

    fn with(mut self, key: &'static str, value: &str) -> Self {
        self.lines.push((key, quoted(value)));
        self
    }

    fn count(mut self, count: usize) -> Self {
        self.lines.push(("count", count.to_string()));
        self
    }

    fn text(&self) -> String {
        let lines: String = self.lines.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
        format!("[[rule]]\n{lines}")
    }
}

fn requests(trace: &Trace) -> Vec<Block> {
    let all: Vec<&Kept> = trace.by_kind[0].iter().map(|at| &trace.messages[*at]).collect();
    let mut blocks = vec![
        Block::new(format!("How many requests there are: {}.", all.len()), "requests", "requests").count(all.len()),
    ];
    for (order, kept) in (1..).zip(&all).take(MAX_MESSAGES) {
        let Some(http) = kept.message.http() else { continue };
        let head = http.head();
        let parts = [
            ("http.request.method", head.method()),
            ("http.request.uri", head.target()),
            ("http.request.version", head.version()),
        ];
        let tests: Vec<String> = parts.into_iter().filter_map(|(field, value)| equals(field, value?)).collect();
        blocks.push(
            Block::new(format!("Request {order}."), &format!("request-{order}"), "requests")
                .with("where", &format!("message.order == {order}"))
                .with("expect", &tests.join(" && ")),
        );
        if http.body_len > 0
            && let Some(sum) = kept.sha256
        {
            blocks.push(body(
                format!("The body of request {order}."),
                &format!("request-{order}-body"),
                "requests",
                order,
                http.body_len,
                &sum,
            ));
        }
    }
    if common_host(trace).is_some() {
        blocks.push(
            Block::new("Host is there, and the same in every request.", "host", "requests")
                .with("expect", "http.host == $host"),
        );
    }
    let issues: BTreeSet<&str> =
        all.iter().flat_map(|kept| kept.message.issues.iter()).map(crate::issue::Issue::name).collect();
    for (name, what, set) in ISSUES {
        if !all.is_empty() && !issues.iter().any(|issue| set.contains(&format!("\"{issue}\""))) {
            let expect = format!("!(http.issues in {set})");
            blocks.push(Block::new(format!("Of every request: {what}."), name, "requests").with("expect", &expect));
        }
    }
    blocks
}

fn responses(trace: &Trace) -> Vec<Block> {
    let all: Vec<&Kept> = trace.by_kind[1].iter().map(|at| &trace.messages[*at]).collect();
    let mut blocks = Vec::new();
    for (order, kept) in (1..).zip(&all).take(MAX_MESSAGES) {
        let Some(http) = kept.message.http() else { continue };
        let mut tests = Vec::new();
        tests.extend((http.parsed.code > 0).then(|| format!("http.response.code == {}", http.parsed.code)));
        for (field, header) in [("http.content_type", "content-type"), ("http.location", "location")] {
            tests.extend(http.head().get(header).and_then(|value| equals(field, &value)));
        }
        if tests.is_empty() {
            continue;
        }
        blocks.push(
            Block::new(format!("Response {order}."), &format!("response-{order}"), "responses")
                .with("where", &format!("message.order == {order}"))
                .with("expect", &tests.join(" && ")),
        );
        if http.body_len > 0
            && let Some(sum) = kept.sha256
        {
            blocks.push(body(
                format!("The body of response {order}, all of it."),
                &format!("response-{order}-body"),
                "responses",
                order,
                http.body_len,
                &sum,
            ));
        }
    }
    blocks
}

fn body(comment: String, name: &str, of: &'static str, order: usize, len: u64, sum: &[u8]) -> Block {
    let expect = format!("http.body.length == {len} && http.body.sha256 == \"{}\"", hexadecimal(sum));
    Block::new(comment, name, of).with("where", &format!("message.order == {order}")).with("expect", &expect)
}

fn connections(trace: &Trace) -> Vec<Block> {
    let all: Vec<&Held> = trace.connections.iter().filter(|held| held.connection.http).collect();
    let comment = format!("How many connections there are: {}.", all.len());
    let mut blocks = vec![
        Block::new(comment, "connections", "connections")
            .with("where", "connection.protocol == \"HTTP\"")
            .count(all.len()),
    ];
    for held in all.into_iter().take(MAX_CONNECTIONS) {
        let stream = held.connection.flow.stream;
        let mut add = |comment: String, name: &str, expect: String| {
            blocks.push(
                Block::new(comment, &format!("{name}-{stream}"), "connections")
                    .with("where", &format!("tcp.stream == {stream}"))
                    .with("expect", &expect),
            );
        };
        let count = held.by_kind[0].len();
        let reused = if count > 1 { "is used for more than one request" } else { "is used for one request" };
        add(format!("Connection {stream} {reused}."), "reuse", format!("connection.to_server.messages == {count}"));
        if matches!(held.connection.close, Close::Fin | Close::Rst) {
            let close = held.connection.close.name();
            add(format!("How connection {stream} ended."), "close", format!("connection.close == \"{close}\""));
        }
        if let (Closed::By(end), Some(client)) = (held.known.closed, held.connection.flow.client) {
            let who = if end == client { "client" } else { "server" };
            let expect = format!("connection.closed_by == \"{who}\"");
            add(format!("Connection {stream} is closed by the {who}."), "closed-by", expect);
        }
    }
    blocks
}

/// What Host says in every request.
fn common_host(trace: &Trace) -> Option<String> {
    let mut hosts = trace.by_kind[0].iter().map(|at| trace.messages[*at].message.http()?.head().host());
    let first = hosts.next()??;
    let same = hosts.all(|host| host.as_ref() == Some(&first));
    let text = str::from_utf8(&first).ok()?;
    (same && first.len() <= MAX_VALUE).then(|| text.to_owned())
}

/// A test for a value.
fn equals(field: &str, value: &[u8]) -> Option<String> {
    let fits = value.len() <= MAX_VALUE;
    fits.then(|| {
        let mut text = format!("{field} == \"");
        for &byte in value {
            match byte {
                b'"' | b'\\' => text.extend(['\\', char::from(byte)]),
                b' '..=b'~' => text.push(char::from(byte)),
                _ => text.push_str(&format!("\\x{byte:02x}")),
            }
        }
        text + "\""
    })
}

/// A string of TOML.
fn quoted(text: &str) -> String {
    if !text.contains('\'') && !text.chars().any(is_hidden) {
        return format!("'{text}'");
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if is_hidden(c) => quoted.push_str(&format!("\\U{:08X}", c as u32)),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

/// Without line ends and other controls, as a comment has to be.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if is_hidden(c) { ' ' } else { c }).collect()
}
