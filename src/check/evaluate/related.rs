//! What is related to one that a rule looks at, and whether that is certain.

use super::world::Subject;
use crate::app::message::Kind;
use crate::check::rules::relation::Relation;
use crate::check::trace::{Trace, kind_index};
use crate::filter::Coverage;

/// The most messages that `earlier` and `later` speak of: the nearest ones.
const MAX_SET: usize = 1000;

/// Nothing is known of what is related.
pub const UNKNOWN: (Vec<Subject>, Coverage) = (Vec::new(), Coverage::Incomplete);

/// Those that are related to it, and whether these are all.
pub fn related(trace: &Trace, subject: Subject, relation: Relation) -> (Vec<Subject>, Coverage) {
    match (subject, relation) {
        (Subject::Message(at), _) => related_to_message(trace, at, relation, Subject::Message),
        (Subject::Exchange(at), Relation::Request) => (vec![Subject::Message(at)], Coverage::Complete),
        (Subject::Exchange(at), _) => related_to_message(trace, at, relation, Subject::Exchange),
        (Subject::Connection(_), Relation::Connection) => (vec![subject], Coverage::Complete),
        (Subject::Connection(at), _) => related_to_connection(trace, at, relation),
        (Subject::Hidden { connection: Some(at), .. }, Relation::Connection) => {
            (vec![Subject::Connection(at)], Coverage::Complete)
        }
        (Subject::Hidden { .. }, _) => UNKNOWN,
    }
}

/// The same for a message; those before and after it are the `one` of each, as it is itself.
pub fn related_to_message(
    trace: &Trace,
    at: usize,
    relation: Relation,
    one: impl Fn(usize) -> Subject,
) -> (Vec<Subject>, Coverage) {
    let Some(kept) = trace.messages.get(at) else { return UNKNOWN };
    let kind = kind_index(kept.message.kind);
    let known = |at: usize| (vec![one(at)], Coverage::Complete);
    let nothing = |certain: bool| if certain { (Vec::new(), Coverage::Complete) } else { UNKNOWN };
    let is_certain = |at: usize| trace.messages.get(at).is_some_and(|kept| kept.certain);
    let held = kept.connection.and_then(|at| trace.connections.get(at));
    let siblings = held.map_or(&[][..], |held| &held.by_kind[kind]);
    let has_doubts = || held.map_or(!trace.doubts.is_empty(), |held| held.known.doubted);
    let all = &trace.by_kind[kind];
    let frame = kept.message.segments.first_frame();
    match relation {
        Relation::Request | Relation::Response => {
            if (relation == Relation::Request) == (kept.message.kind == Kind::Request) {
                return nothing(true);
            }
            match kept.pair {
                Some(pair) if kept.certain && is_certain(pair) => (vec![Subject::Message(pair)], Coverage::Complete),
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
            let from = previous.map_or(0, |at| trace.messages[at].message.segments.first_frame());
            match previous {
                _ if trace.may_lie_between(from, frame) => UNKNOWN,
                Some(previous) => known(previous),
                None => nothing(true),
            }
        }
        Relation::Next => {
            let next = all.get(kept.order + 1).copied();
            let until = next.map_or(u64::MAX, |at| trace.messages[at].message.segments.first_frame());
            match next {
                _ if trace.may_lie_between(frame, until) => UNKNOWN,
                Some(next) => known(next),
                None => nothing(true),
            }
        }
        Relation::Earlier => set((0..at).rev(), trace.may_precede(frame)),
        Relation::Later => set(at + 1..trace.messages.len(), trace.may_follow(frame)),
    }
}

fn related_to_connection(trace: &Trace, at: usize, relation: Relation) -> (Vec<Subject>, Coverage) {
    let Some(held) = trace.connections.get(at) else { return UNKNOWN };
    let has_doubts = held.known.doubted;
    let message = |at: Option<&usize>| match at {
        _ if has_doubts => UNKNOWN,
        Some(at) => (vec![Subject::Message(*at)], Coverage::Complete),
        None => (Vec::new(), Coverage::Complete),
    };
    let first = held.wire.frames.0;
    let may_precede = trace.may_begin_between(0, first);
    let may_follow = trace.may_begin_between(first, u64::MAX);
    let other = |at: Option<usize>, may_lie: bool| match at.filter(|at| *at < trace.connections.len()) {
        _ if may_lie => UNKNOWN,
        Some(at) => (vec![Subject::Connection(at)], Coverage::Complete),
        None => (Vec::new(), Coverage::Complete),
    };
    let is_of_others = |message: &usize| trace.messages[*message].connection != Some(at);
    let messages = &trace.messages;
    let began = |frame: u64| messages.partition_point(|kept| kept.message.segments.first_frame() < frame);
    let (first, last) = (began(first), began(held.wire.frames.1));
    match relation {
        Relation::First => message(held.messages.first()),
        Relation::Last => message(held.messages.last()),
        Relation::Previous => other(at.checked_sub(1), may_precede),
        Relation::Next => other(at.checked_add(1), may_follow),
        Relation::Earlier => set((0..first).rev().filter(is_of_others), trace.may_precede(held.wire.frames.0)),
        Relation::Later => set((last..messages.len()).filter(is_of_others), trace.may_follow(held.wire.frames.1)),
        _ => (Vec::new(), Coverage::Complete),
    }
}

/// The first of these messages, up to a bound.
fn set(messages: impl Iterator<Item = usize>, may_lack: bool) -> (Vec<Subject>, Coverage) {
    let mut messages = messages.peekable();
    let mut all = Vec::new();
    while let Some(at) = messages.next_if(|_| all.len() < MAX_SET) {
        all.push(Subject::Message(at));
    }
    let complete = !may_lack && messages.peek().is_none();
    (all, if complete { Coverage::Complete } else { Coverage::Incomplete })
}
