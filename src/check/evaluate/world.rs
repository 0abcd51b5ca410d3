//! What rules look at: the messages and connections of a capture, and their fields, known or not.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use super::known::{coverage, is_body_kept, issues, knows, knows_of_connection};
use super::related::{UNKNOWN, related, related_to_message};
use super::vocabulary::{Entry, Get, Meaning, Needs, Scope, meaning, scope};
use super::{outer, own};
use crate::app::message::Kind;
use crate::check::rules::Rules;
use crate::check::rules::model::{Bound, Rule};
use crate::check::rules::relation::Relation;
use crate::check::trace::wire::Closed;
use crate::check::trace::{Kept, Trace};
use crate::event::{Close, Transport};
use crate::field::Value;
use crate::filter::{Coverage, Decision, FieldId, Item, Record};

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
                if !knows(self.trace, kept, Needs::Head) {
                    return Coverage::Incomplete;
                }
                let headers = self.rules.headers.get(*name).into_iter();
                let heads = kept.message.http().into_iter().map(|http| http.head());
                let values = headers.flat_map(|name| heads.clone().flat_map(move |head| head.all(name)));
                values.for_each(|value| put(Value::Text(&value)));
                Coverage::Complete
            }
            Meaning::Outer(index) => {
                let is_known = outer::is_of_flow(*index) || knows(self.trace, kept, Needs::Frames);
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
            return issues(self.trace, kept, put);
        }
        if !knows(self.trace, kept, entry.needs) {
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

    fn of_exchange(&self, at: usize, meaning: &Meaning, put: &mut dyn FnMut(Value<'_>)) -> Coverage {
        let of_request = self.of_message(at, meaning, put);
        if matches!(meaning, Meaning::Field(Entry { get: Get::Connection(_) | Get::OwnConnection(_), .. })) {
            return of_request;
        }
        let (responses, coverage) = related_to_message(self.trace, at, Relation::Response, Subject::Message);
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
                    Some(Kind::Message { .. }) | None => None,
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

/// Whether a message of this kind never has the field.
fn is_never_of(name: &str, kind: Kind) -> bool {
    let of_requests = name.starts_with("http.request.") || name == "http.request";
    let of_responses = name.starts_with("http.response.") || name == "http.response";
    match kind {
        Kind::Request => of_responses,
        Kind::Response => of_requests,
        Kind::Message { .. } => of_requests || of_responses,
    }
}

impl View<'_> {
    /// Hands on each of those that a field's scope means.
    fn scoped(&self, field: FieldId) -> (Vec<Subject>, Coverage) {
        match scope(field.scope) {
            Scope::Own => (vec![self.subject], Coverage::Complete),
            Scope::Related(relation) => related(self.world.trace, self.subject, relation),
            Scope::Bound(at) => match self.rule.and_then(|rule| rule.binds.get(at)) {
                Some((_, Bound::Related(relation))) => related(self.world.trace, self.subject, *relation),
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
