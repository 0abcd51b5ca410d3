//! What rules look at: the messages and connections of a capture, what is related to each, and their fields, known or
//! not.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use super::vocabulary::{Entry, Get, Meaning, Needs, Scope, meaning, scope};
use super::{outer, own};
use crate::app::http1::Http;
use crate::app::http1::framing::{Framing, framing};
use crate::app::message::{Integrity, Kind, Message};
use crate::check::rules::Rules;
use crate::check::rules::model::{Bound, Rule};
use crate::check::rules::relation::Relation;
use crate::check::trace::wire::Closed;
use crate::check::trace::{Held, Kept, Trace, kind_index};
use crate::event::{Close, Transport};
use crate::field::Value;
use crate::filter::{Coverage, Decision, FieldId, Item, Record};
use crate::issue::{Issue, IssueSet};

/// The most messages that `earlier` and `later` speak of: the nearest ones.
const MAX_SET: usize = 1000;

/// How much is looked at for one capture, in values; a long value counts for several. Some seconds.
const MAX_STEPS: u64 = 30_000_000;

/// Bytes of a value that count as one step.
const STEP: usize = 64;

/// One that a rule looks at.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Subject {
    /// A message, by its index.
    Message(usize),
    /// An exchange, by the index of its request.
    Exchange(usize),
    /// A connection, by its index.
    Connection(usize),
    /// A message that may lie where a doubt is: on this connection, if that is known, and of this kind.
    Hidden {
        /// The connection, by its index.
        connection: Option<usize>,
        /// The kind, where it is known.
        kind: Option<Kind>,
    },
}

/// What a rule found.
#[derive(Clone, Debug)]
pub struct Found {
    /// Those that it chose, and for which its expectation holds.
    pub subjects: Vec<Subject>,
    /// Whether these are all.
    pub coverage: Coverage,
}

/// A capture as rules see it.
pub struct World<'w> {
    /// What it holds.
    pub trace: &'w Trace,
    /// The rules.
    pub rules: &'w Rules,
    /// What rules found so far.
    pub found: RefCell<Vec<Option<Found>>>,
    definitions: RefCell<HashMap<(Subject, usize), Decision>>,
    steps: Cell<u64>,
}

/// One as its filters see it.
pub struct View<'w> {
    world: &'w World<'w>,
    subject: Subject,
    rule: Option<&'w Rule>,
}

impl<'w> World<'w> {
    /// A capture that was not looked at yet.
    pub fn new(trace: &'w Trace, rules: &'w Rules) -> Self {
        let found = RefCell::new(vec![None; rules.rules.len()]);
        Self { trace, rules, found, definitions: RefCell::default(), steps: Cell::new(0) }
    }

    /// One as the filters of `rule` see it.
    pub fn view(&'w self, subject: Subject, rule: &'w Rule) -> View<'w> {
        View { world: self, subject, rule: Some(rule) }
    }

    /// Whether more was asked for than is looked at.
    pub fn is_exhausted(&self) -> bool {
        self.steps.get() > MAX_STEPS
    }

    fn spend(&self, steps: usize) -> bool {
        self.steps.set(self.steps.get().saturating_add(steps as u64));
        !self.is_exhausted()
    }

    /// Whether it is certain to be there, as what it seems to be.
    pub fn is_certain(&self, subject: Subject) -> bool {
        let certain = |at: usize| self.trace.messages.get(at).is_some_and(|kept| kept.certain);
        match subject {
            Subject::Message(at) => certain(at),
            Subject::Exchange(at) => certain(at) && self.trace.messages[at].pair.is_none_or(certain),
            // Segments that were captured before the SYN that they follow are no connection of their own.
            Subject::Connection(at) => self
                .trace
                .connections
                .get(at)
                .is_some_and(|held| held.connection.handshake[0] || held.connection.close != Close::Reused),
            Subject::Hidden { .. } => false,
        }
    }

    /// Whether it has a body that is longer than what was kept of it.
    pub fn is_body_cut(&self, subject: Subject) -> bool {
        let (Subject::Message(at) | Subject::Exchange(at)) = subject else { return false };
        let first = self.trace.messages.get(at);
        let answer = first.and_then(|kept| self.trace.messages.get(kept.pair?));
        let all = [first, answer.filter(|_| matches!(subject, Subject::Exchange(_)))];
        all.into_iter().flatten().any(|kept| !is_body_kept(kept))
    }

    fn held(&self, kept: &Kept) -> Option<&'w Held> {
        self.trace.connections.get(kept.connection?)
    }

    /// Whether no doubt is about the connection of this message, nor about the capture where it is on none.
    fn is_whole(&self, kept: &Kept) -> bool {
        match self.held(kept) {
            Some(held) => held.known.whole,
            None => self.trace.doubts.is_empty(),
        }
    }

    /// Those that are related to it, and whether these are all.
    fn related(&self, subject: Subject, relation: Relation) -> (Vec<Subject>, Coverage) {
        match (subject, relation) {
            (Subject::Message(at), _) => self.related_to_message(at, relation, Subject::Message),
            (Subject::Exchange(at), Relation::Request) => (vec![Subject::Message(at)], Coverage::Complete),
            (Subject::Exchange(at), _) => self.related_to_message(at, relation, Subject::Exchange),
            (Subject::Connection(_), Relation::Connection) => (vec![subject], Coverage::Complete),
            (Subject::Connection(at), _) => self.related_to_connection(at, relation),
            (Subject::Hidden { connection: Some(at), .. }, Relation::Connection) => {
                (vec![Subject::Connection(at)], Coverage::Complete)
            }
            (Subject::Hidden { .. }, _) => UNKNOWN,
        }
    }

    fn related_to_message(
        &self,
        at: usize,
        relation: Relation,
        one: impl Fn(usize) -> Subject,
    ) -> (Vec<Subject>, Coverage) {
        let Some(kept) = self.trace.messages.get(at) else { return UNKNOWN };
        let kind = kind_index(kept.message.kind);
        let known = |at: usize| (vec![one(at)], Coverage::Complete);
        let nothing = |certain: bool| if certain { (Vec::new(), Coverage::Complete) } else { UNKNOWN };
        let is_certain = |at: usize| self.trace.messages.get(at).is_some_and(|kept| kept.certain);
        let siblings = kept.connection.and_then(|connection| self.trace.connections.get(connection));
        let siblings = siblings.map_or(&[][..], |held| &held.by_kind[kind]);
        let has_doubts = || match kept.connection {
            Some(connection) => self.trace.connections.get(connection).is_none_or(|held| held.known.doubted),
            None => !self.trace.doubts.is_empty(),
        };
        let all = &self.trace.by_kind[kind];
        let frame = kept.message.segments.first_frame();
        match relation {
            Relation::Request | Relation::Response => {
                if (relation == Relation::Request) == (kept.message.kind == Kind::Request) {
                    return nothing(true);
                }
                match kept.pair {
                    Some(pair) if kept.certain && is_certain(pair) => {
                        (vec![Subject::Message(pair)], Coverage::Complete)
                    }
                    Some(_) => UNKNOWN,
                    None => nothing(!has_doubts()),
                }
            }
            Relation::Connection => match kept.connection {
                Some(connection) => (vec![Subject::Connection(connection)], Coverage::Complete),
                None => nothing(true),
            },
            Relation::Before | Relation::First | Relation::After if !kept.certain => UNKNOWN,
            Relation::Before => match kept.nth.checked_sub(1).and_then(|nth| siblings.get(nth)) {
                Some(before) => known(*before),
                None => nothing(true),
            },
            Relation::First => siblings.first().map_or(UNKNOWN, |first| known(*first)),
            Relation::After => match siblings.get(kept.nth + 1) {
                Some(after) if is_certain(*after) => known(*after),
                Some(_) => UNKNOWN,
                None => nothing(!has_doubts()),
            },
            Relation::Last => match siblings.last() {
                Some(last) if !has_doubts() => known(*last),
                _ => UNKNOWN,
            },
            Relation::Previous => {
                let previous = kept.order.checked_sub(1).and_then(|order| all.get(order)).copied();
                let from = previous.map_or(0, |at| self.trace.messages[at].message.segments.first_frame());
                match previous {
                    _ if self.trace.may_lie_between(from, frame) => UNKNOWN,
                    Some(previous) => known(previous),
                    None => nothing(true),
                }
            }
            Relation::Next => {
                let next = all.get(kept.order + 1).copied();
                let until = next.map_or(u64::MAX, |at| self.trace.messages[at].message.segments.first_frame());
                match next {
                    _ if self.trace.may_lie_between(frame, until) => UNKNOWN,
                    Some(next) => known(next),
                    None => nothing(true),
                }
            }
            Relation::Earlier => self.set((0..at).rev(), self.trace.may_precede(frame)),
            Relation::Later => self.set(at + 1..self.trace.messages.len(), self.trace.may_follow(frame)),
        }
    }

    fn related_to_connection(&self, at: usize, relation: Relation) -> (Vec<Subject>, Coverage) {
        let Some(held) = self.trace.connections.get(at) else { return UNKNOWN };
        let has_doubts = held.known.doubted;
        let message = |at: Option<&usize>| match at {
            _ if has_doubts => UNKNOWN,
            Some(at) => (vec![Subject::Message(*at)], Coverage::Complete),
            None => (Vec::new(), Coverage::Complete),
        };
        let first = held.wire.frames.0;
        let may_precede = self.trace.may_begin_between(0, first);
        let may_follow = self.trace.may_begin_between(first, u64::MAX);
        let other = |at: Option<usize>, may_lie: bool| match at.filter(|at| *at < self.trace.connections.len()) {
            _ if may_lie => UNKNOWN,
            Some(at) => (vec![Subject::Connection(at)], Coverage::Complete),
            None => (Vec::new(), Coverage::Complete),
        };
        let is_of_others = |message: &usize| self.trace.messages[*message].connection != Some(at);
        let messages = &self.trace.messages;
        let began = |frame: u64| messages.partition_point(|kept| kept.message.segments.first_frame() < frame);
        let (first, last) = (began(first), began(held.wire.frames.1));
        match relation {
            Relation::First => message(held.messages.first()),
            Relation::Last => message(held.messages.last()),
            Relation::Previous => other(at.checked_sub(1), may_precede),
            Relation::Next => other(at.checked_add(1), may_follow),
            Relation::Earlier => {
                self.set((0..first).rev().filter(is_of_others), self.trace.may_precede(held.wire.frames.0))
            }
            Relation::Later => {
                self.set((last..messages.len()).filter(is_of_others), self.trace.may_follow(held.wire.frames.1))
            }
            _ => (Vec::new(), Coverage::Complete),
        }
    }

    /// The first of these messages, up to a bound.
    fn set(&self, messages: impl Iterator<Item = usize>, may_lack: bool) -> (Vec<Subject>, Coverage) {
        let mut messages = messages.peekable();
        let mut all = Vec::new();
        while let Some(at) = messages.next_if(|_| all.len() < MAX_SET) {
            all.push(Subject::Message(at));
        }
        let complete = !may_lack && messages.peek().is_none();
        (all, if complete { Coverage::Complete } else { Coverage::Incomplete })
    }

    /// Hands on the values of a field of one.
    fn values(&self, subject: Subject, index: u16, put: &mut dyn FnMut(Value<'_>)) -> Coverage {
        if !self.spend(1) {
            return Coverage::Incomplete;
        }
        let mut put = |value: Value<'_>| {
            if let Value::Text(bytes) | Value::Bytes(bytes) = value {
                self.spend(bytes.len() / STEP);
            }
            put(value);
        };
        let Some(meaning) = meaning(index) else { return Coverage::Complete };
        match subject {
            Subject::Message(at) => self.of_message(at, &meaning, &mut put),
            Subject::Exchange(at) => self.of_exchange(at, &meaning, &mut put),
            Subject::Connection(at) => self.of_connection(at, &meaning, &mut put),
            Subject::Hidden { connection, kind } => self.of_hidden(connection, kind, &meaning, &mut put),
        }
    }

    fn of_message(&self, at: usize, meaning: &Meaning, put: &mut dyn FnMut(Value<'_>)) -> Coverage {
        let Some(kept) = self.trace.messages.get(at) else { return Coverage::Incomplete };
        match meaning {
            Meaning::Header(name) => {
                if !self.knows(kept, Needs::Head) {
                    return Coverage::Incomplete;
                }
                let headers = self.rules.headers.get(*name).into_iter();
                let heads = kept.message.http().into_iter().map(|http| http.head());
                let values = headers.flat_map(|name| heads.clone().flat_map(move |head| head.all(name)));
                values.for_each(|value| put(Value::Text(&value)));
                Coverage::Complete
            }
            Meaning::Outer(index) => {
                let is_known = outer::is_of_flow(*index) || self.knows(kept, Needs::Frames);
                if is_known {
                    outer::values(*index, kept, put);
                }
                coverage(is_known)
            }
            Meaning::Definition(_) => Coverage::Complete,
            Meaning::Field(Entry { get: Get::Connection(_) | Get::OwnConnection(_), .. }) => match kept.connection {
                Some(connection) => self.of_connection(connection, meaning, put),
                None => Coverage::Complete,
            },
            Meaning::Field(entry) => self.of_table(kept, entry, put),
        }
    }

    fn of_table(&self, kept: &Kept, entry: &Entry, put: &mut dyn FnMut(Value<'_>)) -> Coverage {
        if entry.needs == Needs::Issues {
            return self.issues(kept, put);
        }
        if !self.knows(kept, entry.needs) {
            return Coverage::Incomplete;
        }
        match entry.get {
            Get::Http(get) => get(&kept.message, put),
            Get::Message(get) => get(&kept.event(), put),
            Get::Own(get) => get(self.trace, kept, put),
            Get::Connection(_) | Get::OwnConnection(_) => {}
        }
        // What is found in the part of a body that was kept stands.
        coverage(entry.name != own::BODY || is_body_kept(kept))
    }

    /// Issues of the message. What its frames lack is an issue of the capture; where they lack something, it is not
    /// known what else there would be.
    fn issues(&self, kept: &Kept, put: &mut dyn FnMut(Value<'_>)) -> Coverage {
        let whole = self.knows(kept, Needs::Frames);
        let mut issues = kept.message.issues;
        if !whole {
            issues = issues.iter().filter(|issue| (*issue as u8) > Issue::BadIpChecksum as u8).collect();
            issues = issues.without(OF_THE_CAPTURE);
            if !self.knows(kept, Needs::Head) {
                issues = IssueSet::EMPTY;
            }
        }
        issues.iter().for_each(|issue| put(Value::Text(issue.name().as_bytes())));
        coverage(whole)
    }

    /// Whether what is needed of a message was captured.
    fn knows(&self, kept: &Kept, needs: Needs) -> bool {
        let message = &kept.message;
        let is_cut = matches!(message.integrity, Integrity::Gap | Integrity::Truncated | Integrity::Unfinished);
        let head = || message.http().is_none_or(|http| http.nine || http.parsed.complete) || !is_cut;
        let all = || {
            let ends = !is_until_close(self.trace, kept)
                || self.held(kept).is_some_and(|held| held.known.ends[message.side & 1]);
            !is_cut && message.missing_bytes == 0 && ends
        };
        match needs {
            Needs::Nothing => true,
            Needs::StartLine => head() || message.http().is_some_and(|http| http.raw.contains(&b'\n')),
            Needs::Head => head(),
            Needs::All => all(),
            Needs::Frames | Needs::Issues => all() && kept.certain && self.is_whole(kept),
            Needs::Side => {
                // Whether bytes are in excess, or belong to what was agreed to follow, is said by the other side.
                let excess = message.issues.contains(Issue::ExcessData);
                let is_whole = |held: &Held| held.known.sides[message.side & 1];
                all() && kept.certain && self.held(kept).is_none_or(is_whole) && (!excess || self.is_whole(kept))
            }
            Needs::Before => kept.certain,
            Needs::Connection => kept.certain && self.held(kept).is_none_or(|held| !held.known.lossy),
            Needs::Capture => !self.trace.may_precede(message.segments.first_frame()),
            Needs::Pair => kept.certain && self.is_whole(kept),
        }
    }

    fn of_exchange(&self, at: usize, meaning: &Meaning, put: &mut dyn FnMut(Value<'_>)) -> Coverage {
        let of_request = self.of_message(at, meaning, put);
        if matches!(meaning, Meaning::Field(Entry { get: Get::Connection(_) | Get::OwnConnection(_), .. })) {
            return of_request;
        }
        let (responses, coverage) = self.related_to_message(at, Relation::Response, Subject::Message);
        responses.iter().fold(of_request.and(coverage), |coverage, response| match response {
            Subject::Message(at) => coverage.and(self.of_message(*at, meaning, put)),
            _ => coverage,
        })
    }

    fn of_connection(&self, at: usize, meaning: &Meaning, put: &mut dyn FnMut(Value<'_>)) -> Coverage {
        let Some(held) = self.trace.connections.get(at) else { return Coverage::Incomplete };
        match meaning {
            Meaning::Field(Entry { get: Get::Connection(get), name, .. }) => {
                let known = knows_of_connection(held, name);
                if known {
                    get(&held.connection, put);
                }
                coverage(known)
            }
            Meaning::Field(Entry { get: Get::OwnConnection(get), .. }) => {
                get(held, put);
                coverage(held.connection.flow.client.is_some() && held.known.closed != Closed::Unknown)
            }
            Meaning::Outer(index) if outer::is_of_flow(*index) => {
                outer::flow_values(*index, &held.connection.flow, None, put);
                Coverage::Complete
            }
            _ => {
                let all = coverage(!held.known.doubted);
                held.messages.iter().fold(all, |coverage, message| {
                    if self.spend(1) {
                        coverage.and(self.of_message(*message, meaning, put))
                    } else {
                        Coverage::Incomplete
                    }
                })
            }
        }
    }

    fn of_hidden(
        &self,
        connection: Option<usize>,
        kind: Option<Kind>,
        meaning: &Meaning,
        put: &mut dyn FnMut(Value<'_>),
    ) -> Coverage {
        let held = connection.and_then(|at| self.trace.connections.get(at));
        match (meaning, held) {
            (Meaning::Field(Entry { get: Get::Connection(_) | Get::OwnConnection(_), .. }), Some(_)) => {
                self.of_connection(connection.unwrap_or_default(), meaning, put)
            }
            (Meaning::Field(Entry { name: "message.kind", .. }), _) if let Some(kind) = kind => {
                put(Value::Text(kind.name().as_bytes()));
                Coverage::Complete
            }
            (Meaning::Field(Entry { name, .. }), _) if kind.is_some_and(|kind| is_never_of(name, kind)) => {
                Coverage::Complete
            }
            (Meaning::Outer(index), Some(held)) if outer::is_of_flow(*index) => {
                let client = held.connection.flow.client;
                let sender = match kind {
                    Some(Kind::Request) => client,
                    Some(Kind::Response) => client.map(|client| 1 - client),
                    None => None,
                };
                let knows_sender = sender.is_some() || held.connection.flow.transport == Transport::Udp;
                outer::flow_values(*index, &held.connection.flow, sender, put);
                // Without a sender both ends were handed on: one of them it is.
                coverage(knows_sender || !outer::is_of_one_end(*index))
            }
            _ => Coverage::Incomplete,
        }
    }
}

/// Nothing is known of what is related.
const UNKNOWN: (Vec<Subject>, Coverage) = (Vec::new(), Coverage::Incomplete);

/// Issues that losses of the capture bring about.
const OF_THE_CAPTURE: IssueSet = {
    let mut set = IssueSet::EMPTY;
    let all = [
        Issue::Gap,
        Issue::Truncated,
        Issue::Unfinished,
        Issue::PairingUncertain,
        Issue::LateData,
        Issue::BufferFull,
        Issue::Undecodable,
        Issue::OverlapConflict,
        Issue::DecompressionFailed,
        Issue::MissingBlankLine,
        Issue::ExcessData,
    ];
    let mut at = 0;
    while at < all.len() {
        set.insert(all[at]);
        at += 1;
    }
    set
};

fn coverage(complete: bool) -> Coverage {
    if complete { Coverage::Complete } else { Coverage::Incomplete }
}

/// Whether a message of this kind never has the field.
fn is_never_of(name: &str, kind: Kind) -> bool {
    let of_requests = name.starts_with("http.request.") || name == "http.request";
    let of_responses = name.starts_with("http.response.") || name == "http.response";
    match kind {
        Kind::Request => of_responses,
        Kind::Response => of_requests,
    }
}

/// Whether all of its body was kept.
fn is_body_kept(kept: &Kept) -> bool {
    let kept_all = |http: &Http| http.preview.len() as u64 == http.decoded_len.unwrap_or(http.body_len);
    !kept.bodiless && kept.message.http().is_none_or(kept_all)
}

/// Whether its body ends with the connection.
fn is_until_close(trace: &Trace, kept: &Kept) -> bool {
    let Some(http) = kept.message.http().filter(|_| kept.message.kind == Kind::Response) else { return false };
    let method = |message: &'_ Message| message.http().and_then(|http| http.head().method()).map(<[u8]>::to_vec);
    let request = kept.pair.and_then(|at| trace.messages.get(at)).and_then(|request| method(&request.message));
    http.nine || framing(http.head(), request.as_deref()).0 == Framing::UntilClose
}

/// Whether what a field of a connection needs was captured.
fn knows_of_connection(held: &Held, name: &str) -> bool {
    let connection = &held.connection;
    let whole = held.known.whole;
    let both_end = held.known.ends == [true; 2];
    match name {
        "connection.client_known" => connection.flow.client.is_some(),
        _ if name.starts_with("connection.client.") || name.starts_with("connection.server.") => {
            connection.flow.client.is_some()
        }
        // That a segment was not captured does not say that it was not sent.
        "connection.handshake.syn" => connection.handshake[0],
        "connection.handshake.syn_ack" => connection.handshake[1],
        "connection.handshake.ack" => connection.handshake[2],
        "connection.close" => matches!(connection.close, Close::Fin) || connection.close == Close::Rst && whole,
        "connection.initial_rtt" => connection.handshake == [true; 3] && whole,
        "connection.protocol" => connection.http || whole && both_end,
        _ => whole && both_end,
    }
}

impl View<'_> {
    /// Hands on each of those that a field's scope means.
    fn scoped(&self, field: FieldId) -> (Vec<Subject>, Coverage) {
        match scope(field.scope) {
            Scope::Own => (vec![self.subject], Coverage::Complete),
            Scope::Related(relation) => self.world.related(self.subject, relation),
            Scope::Bound(at) => match self.rule.and_then(|rule| rule.binds.get(at)) {
                Some((_, Bound::Related(relation))) => self.world.related(self.subject, *relation),
                Some((_, Bound::Found(rule))) => {
                    let found = self.world.found.borrow();
                    let found = found.get(*rule).and_then(Option::as_ref);
                    found.map_or(UNKNOWN, |found| (found.subjects.clone(), found.coverage))
                }
                None => UNKNOWN,
            },
        }
    }

    /// Whether a definition holds for one.
    fn defined(&self, subject: Subject, definition: usize) -> Decision {
        let known = self.world.definitions.borrow().get(&(subject, definition)).copied();
        known.unwrap_or_else(|| {
            let Some(definition_of) = self.world.rules.definitions.get(definition) else { return Decision::Unknown };
            if !self.world.spend(1) {
                return Decision::Unknown;
            }
            let view = View { world: self.world, subject, rule: None };
            let decision = definition_of.condition.filter.decide(&view);
            self.world.definitions.borrow_mut().insert((subject, definition), decision);
            decision
        })
    }
}

impl Record for View<'_> {
    fn values(&self, field: FieldId, put: &mut dyn FnMut(Item<'_>)) -> Coverage {
        let (subjects, mut coverage) = self.scoped(field);
        for subject in subjects {
            let of_one = match meaning(field.index) {
                Some(Meaning::Definition(at)) => match self.defined(subject, at) {
                    Decision::Yes => {
                        put(Value::Bool(true).into());
                        Coverage::Complete
                    }
                    Decision::No => Coverage::Complete,
                    Decision::Unknown => Coverage::Incomplete,
                },
                _ => self.world.values(subject, field.index, &mut |value| put(value.into())),
            };
            coverage = coverage.and(of_one);
        }
        coverage
    }
}
