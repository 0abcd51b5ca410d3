//! What shows a verdict: which message or connection, its frames and bytes, the values found and where they are.

use super::vocabulary::{Get, Meaning, Vocabulary, header_of, meaning};
use super::world::{Subject, View, World};
use crate::app::http1::head::{Span, StartLine};
use crate::app::message::Message;
use crate::check::rules::model::{Condition, Rule};
use crate::check::trace::{Kept, Trace};
use crate::filter::{Coverage, Decision, Names};
use crate::frame::FrameNumber;
use crate::tcp::reassembly::ORIGIN;

/// The most tests of a filter that are shown.
const MAX_TERMS: usize = 8;
/// How deep definitions are shown by the tests of those that they name.
const MAX_DEPTH: usize = 4;
/// The most frames that are named.
const MAX_FRAMES: usize = 32;
/// The most values of a field, and characters of one, that are shown.
const MAX_VALUES: usize = 8;
const MAX_CHARS: usize = 200;

/// What shows a verdict, of one message, exchange or connection.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// What it is: `request GET /hello.txt`.
    pub what: String,
    /// Its connection's number, and the numbers of its messages in it.
    pub stream: Option<u64>,
    /// See `stream`.
    pub messages: Vec<u32>,
    /// Frames that carried it, the first ones and the last, and how many there are.
    pub frames: Vec<FrameNumber>,
    /// See `frames`.
    pub frame_count: u64,
    /// Its bytes in the stream of its sender: offset of the first from the stream's beginning, and length.
    pub bytes: Option<(u64, u64)>,
    /// Whether the rule chose it.
    pub chosen: Decision,
    /// Whether what is expected holds.
    pub holds: Decision,
    /// How the tests turned out that decided it.
    pub terms: Vec<Term>,
}

/// How one test turned out.
#[derive(Clone, Debug)]
pub struct Term {
    /// The test, as it was written.
    pub expected: String,
    /// How it turned out.
    pub decision: Decision,
    /// What was found.
    pub found: Vec<Value>,
}

/// The values of a field.
#[derive(Clone, Debug)]
pub struct Value {
    /// The field, as it was written.
    pub field: String,
    /// Its values, as text; none where there is none.
    pub values: Vec<String>,
    /// How many more there are.
    pub more: usize,
    /// Whether there may be others in bytes that are missing.
    pub complete: bool,
    /// Where it is in the message: offset and length, in bytes.
    pub at: Option<(u64, u64)>,
    /// The frame that carried its first byte.
    pub frame: Option<FrameNumber>,
}

/// What there is to show of one that a rule looked at.
pub fn of(world: &World<'_>, rule: &Rule, subject: Subject, chosen: Decision, holds: Decision) -> Evidence {
    let mut evidence = describe(world.trace, subject);
    (evidence.chosen, evidence.holds) = (chosen, holds);
    // Where it was not chosen for certain, that is what has to be shown.
    let condition = if chosen == Decision::Yes { rule.expect.as_ref() } else { rule.select.as_ref() };
    let Some(condition) = condition else { return evidence };
    let decision = if chosen == Decision::Yes { holds } else { chosen };
    let mut terms = Vec::new();
    explain(world, &world.view(subject, rule), condition, 0, &mut terms);
    let telling = terms.iter().any(|term| term.decision == decision);
    terms.retain(|term| !telling || term.decision == decision);
    terms.truncate(MAX_TERMS);
    for value in terms.iter_mut().flat_map(|term| &mut term.found) {
        let place = place(world, rule, subject, &value.field);
        (value.at, value.frame) = (place.map(|(at, ..)| at), place.and_then(|(_, frame)| frame));
    }
    evidence.terms = terms;
    evidence
}

/// How the tests of a filter turned out. One that is a definition's name is shown by the tests of the definition.
fn explain(world: &World<'_>, view: &View<'_>, condition: &Condition, depth: usize, terms: &mut Vec<Term>) {
    for test in condition.filter.evidence(view) {
        let definition = world.rules.definitions.iter().find(|definition| definition.name == test.test);
        if let Some(definition) = definition.filter(|_| !test.negated && depth < MAX_DEPTH && terms.len() < MAX_TERMS) {
            explain(world, view, &definition.condition, depth + 1, terms);
            continue;
        }
        let found = test.found.into_iter().map(|found| Value {
            field: found.name.to_owned(),
            values: found.values.iter().take(MAX_VALUES).map(|value| clip(value)).collect(),
            more: found.more + found.values.len().saturating_sub(MAX_VALUES),
            complete: found.coverage == Coverage::Complete,
            at: None,
            frame: None,
        });
        terms.push(Term {
            expected: format!("{}{}", if test.negated { "not " } else { "" }, clip(test.test)),
            decision: test.decision,
            found: found.collect(),
        });
    }
}

/// Its first characters.
fn clip(text: &str) -> String {
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// What it is, where, and which frames carried it.
pub fn describe(trace: &Trace, subject: Subject) -> Evidence {
    let mut evidence = Evidence {
        what: String::new(),
        stream: None,
        messages: Vec::new(),
        frames: Vec::new(),
        frame_count: 0,
        bytes: None,
        chosen: Decision::Unknown,
        holds: Decision::Unknown,
        terms: Vec::new(),
    };
    match subject {
        Subject::Message(at) => {
            if let Some(kept) = trace.messages.get(at) {
                evidence.what = name(&kept.message);
                evidence.bytes = kept.connection.map(|_| (kept.message.start.saturating_sub(ORIGIN), kept.message.len));
                evidence.add(kept);
            }
        }
        Subject::Exchange(at) => {
            let messages = [Some(at), trace.messages.get(at).and_then(|kept| kept.pair)];
            let kept: Vec<&Kept> = messages.into_iter().flatten().filter_map(|at| trace.messages.get(at)).collect();
            evidence.what = kept.iter().map(|kept| name(&kept.message)).collect::<Vec<_>>().join(" and ");
            kept.into_iter().for_each(|kept| evidence.add(kept));
        }
        Subject::Connection(at) => {
            if let Some(held) = trace.connections.get(at) {
                let flow = &held.connection.flow;
                let client = flow.client.unwrap_or(0);
                let [from, to] = [client, 1 - client].map(|end| flow.ends[end.min(1)]);
                evidence.what = format!("connection {from} → {to}");
                evidence.stream = Some(flow.stream);
                evidence.frames = vec![held.connection.first.1, held.connection.last.1];
                evidence.frames.dedup();
                evidence.frame_count = held.connection.directions.iter().map(|direction| direction.segments).sum();
            }
        }
        Subject::Hidden { .. } => "a message that was not captured".clone_into(&mut evidence.what),
    }
    evidence
}

impl Evidence {
    fn add(&mut self, kept: &Kept) {
        self.stream = Some(kept.flow.stream);
        self.messages.push(kept.message.number);
        let segments = &kept.message.segments;
        self.frame_count += segments.count();
        let mut frames: Vec<FrameNumber> = segments.kept().iter().map(|segment| segment.frame).collect();
        frames.dedup();
        if frames.len() > MAX_FRAMES {
            frames.drain(MAX_FRAMES / 2..frames.len() - MAX_FRAMES / 2);
        }
        self.frames.extend(frames);
    }
}

/// A message by its first line.
fn name(message: &Message) -> String {
    let kind = message.kind.name();
    let text = |bytes: Option<&[u8]>| clip(&String::from_utf8_lossy(bytes.unwrap_or_default()));
    let Some(http) = message.http() else { return kind.to_owned() };
    let head = http.head();
    let line = match http.parsed.start {
        StartLine::Request { .. } => format!("{} {}", text(head.method()), text(head.target())),
        StartLine::Response { .. } => format!("{} {}", http.parsed.code, text(head.phrase())),
        StartLine::None => String::new(),
    };
    format!("{kind} {line}").trim_end().to_owned()
}

/// Where a field of the message itself is: offset and length in it, and the frame of its first byte.
fn place(world: &World<'_>, rule: &Rule, subject: Subject, name: &str) -> Option<((u64, u64), Option<FrameNumber>)> {
    let Subject::Message(at) = subject else { return None };
    let kept = world.trace.messages.get(at)?;
    let headers = std::cell::RefCell::new(world.rules.headers.clone());
    let names = Vocabulary { of: Some(rule.of), definitions: &[], binds: &[], headers: &headers };
    let id = names.resolve(name).filter(|name| name.id.scope == 0)?.id;
    let span = match meaning(id.index)? {
        Meaning::Field(entry) => match (entry.name, header_of(entry)) {
            (name, None) if matches!(entry.get, Get::Http(_)) => start_line_span(&kept.message, name)?,
            (_, header) => header_span(&kept.message, header?)?,
        },
        Meaning::Header(at) => header_span(&kept.message, world.rules.headers.get(at)?)?,
        _ => return None,
    };
    let (start, len) = (u64::from(span.start), u64::from(span.end.saturating_sub(span.start)));
    let offset = kept.message.start + start;
    let segments = kept.message.segments.kept();
    let carries =
        segments.iter().find(|segment| (segment.offset..segment.offset + u64::from(segment.len)).contains(&offset));
    Some(((start, len), carries.map(|segment| segment.frame)))
}

fn start_line_span(message: &Message, name: &str) -> Option<Span> {
    match (message.http()?.parsed.start, name) {
        (StartLine::Request { method, .. }, "http.request.method") => Some(method),
        (StartLine::Request { target, .. }, "http.request.uri") => Some(target),
        (StartLine::Request { version, .. }, "http.request.version") => Some(version),
        (StartLine::Response { version, .. }, "http.response.version") => Some(version),
        (StartLine::Response { code, .. }, "http.response.code") => Some(code),
        (StartLine::Response { phrase, .. }, "http.response.phrase") => Some(phrase),
        _ => None,
    }
}

fn header_span(message: &Message, name: &str) -> Option<Span> {
    let head = message.http()?.head();
    let is_it = |name_there: &[u8]| name_there.eq_ignore_ascii_case(name.as_bytes());
    head.head.fields.iter().find(|field| is_it(head.name(field))).map(|field| field.value)
}
