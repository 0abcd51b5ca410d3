//! Which question a response answers: one of the same identifier that asks the same.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::{Dns, Relation};
use crate::app::message::{Message, Place, Unit};
use crate::frame::FrameNumber;
use crate::issue::Issue;

/// Identifiers of which it is remembered what was asked; the oldest ones are forgotten. A resolver asks as many questions
/// in a few seconds at most.
const MAX_ASKED: usize = 16 << 10;

/// Questions of one identifier that are remembered. More than one is rare: a client that always uses the same.
const MAX_OF_ONE: usize = 8;

/// Repetitions of a question that are remembered, each of which may get an answer of its own.
const MAX_AGAIN: usize = 8;

/// Nanoseconds after which the same question is another one: resolvers give up by then. As Wireshark has it.
pub const SAME_WITHIN: i64 = 5_000_000_000;

/// The types IXFR and AXFR.
const TRANSFERS: [u16; 2] = [251, 252];

/// What was asked; `K` is between whom.
pub struct Pairing<K> {
    asked: HashMap<(K, u16), VecDeque<Asked>>,
    order: VecDeque<(K, u16)>,
}

/// A question.
struct Asked {
    /// What it asks for.
    what: u64,
    first: Place,
    again: VecDeque<Place>,
    /// Whether it asks for a zone, whose records come in many responses (RFC 5936 2.2).
    is_transfer: bool,
    /// The frame of the first response.
    answered: Option<FrameNumber>,
}

impl<K> Default for Pairing<K> {
    fn default() -> Self {
        Self { asked: HashMap::new(), order: VecDeque::new() }
    }
}

impl<K: Copy + Eq + Hash> Pairing<K> {
    /// Takes a question, and says if it is one that was asked before; what is asked for, if it is not.
    pub fn ask(&mut self, key: K, stream: u64, message: &mut Message) -> Option<u64> {
        let place = Place::of(stream, message);
        let Unit::Dns(dns) = &mut message.unit else { return None };
        let (id, what) = (dns.id, what(dns));
        let questions = self.questions((key, id));
        let known = questions.iter_mut().find(|asked| Some(asked.what) == what && asked.answered.is_none());
        if let Some(asked) = known
            && place.time.since(asked.first.time) < SAME_WITHIN
        {
            if asked.again.len() < MAX_AGAIN {
                asked.again.push_back(place);
            }
            dns.relation.same_as_request = Some(asked.first.frame);
            message.issues.insert(Issue::QueryRetransmission);
            return None;
        }
        let what = what?;
        let is_transfer = dns.questions.first().is_some_and(|question| TRANSFERS.contains(&question.kind));
        questions.retain(|asked| asked.what != what);
        if questions.len() >= MAX_OF_ONE {
            questions.pop_front();
        }
        questions.push_back(Asked { what, first: place, again: VecDeque::new(), is_transfer, answered: None });
        Some(what)
    }

    /// Whether what was first asked in this frame has no answer so far.
    pub fn waits(&self, key: K, id: u16, what: u64, frame: FrameNumber) -> bool {
        let waits = |asked: &Asked| asked.what == what && asked.first.frame == frame && asked.answered.is_none();
        self.asked.get(&(key, id)).is_some_and(|questions| questions.iter().any(waits))
    }

    /// The questions of an identifier, after which there is room for one more.
    fn questions(&mut self, key: (K, u16)) -> &mut VecDeque<Asked> {
        if self.asked.len() >= MAX_ASKED
            && !self.asked.contains_key(&key)
            && let Some(oldest) = self.order.pop_front()
        {
            self.asked.remove(&oldest);
        }
        match self.asked.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => {
                self.order.push_back(key);
                free.insert(VecDeque::new())
            }
        }
    }

    /// Finds the question that a response answers, which went one of these ways.
    pub fn answer(&mut self, keys: &[K], stream: u64, message: &mut Message) {
        let Unit::Dns(dns) = &mut message.unit else { return };
        let (id, what) = (dns.id, what(dns));
        let known =
            keys.iter().map(|key| (*key, id)).find(|key| self.asked.get(key).is_some_and(|all| !all.is_empty()));
        let Some(questions) = known.and_then(|key| self.asked.get_mut(&key)) else {
            dns.relation.is_unsolicited = true;
            return message.issues.insert(Issue::UnsolicitedResponse);
        };
        let asked = match what {
            Some(what) => questions.iter_mut().find(|asked| asked.what == what),
            // One that refuses may be without the question, and so may the second of a transfer.
            None => {
                let waiting = questions.iter().rposition(|asked| asked.answered.is_none());
                questions.get_mut(waiting.unwrap_or_default())
            }
        };
        let Some(asked) = asked else {
            dns.relation.is_unsolicited = true;
            return message.issues.insert(Issue::QuestionMismatch);
        };
        let place = match asked.answered {
            None => {
                asked.answered = Some(message.frame);
                asked.first
            }
            Some(_) if asked.is_transfer => asked.first,
            Some(frame) => {
                dns.relation = Relation { same_as_response: Some(frame), ..dns.relation };
                message.issues.insert(Issue::ResponseRetransmission);
                asked.again.pop_front().unwrap_or(asked.first)
            }
        };
        place.is_answered(stream, message);
    }
}

/// The first question as a number; letters are compared without case. None where there is none.
fn what(dns: &Dns) -> Option<u64> {
    let question = dns.questions.first()?;
    Some(name_and_kind(&question.name, question.kind, dns.class(question.class)))
}

/// A name, a type and a class as a number.
pub fn name_and_kind(name: &str, kind: u16, class: u16) -> u64 {
    let mut hasher = DefaultHasher::new();
    (name.to_ascii_lowercase(), kind, class).hash(&mut hasher);
    hasher.finish()
}
