//! Lookups of names: questions to a resolver and their answers, those about one name together.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use super::Moment;
use super::budget::of_text;
use crate::app::dns::{Dns, Section, Variant};
use crate::app::message::{Kind, Unit};
use crate::event;
use crate::frame::{FrameNumber, Timestamp};

/// Lookups that are kept, and the bytes that they may take.
const MAX_LOOKUPS: usize = 16 << 10;
const MAX_BYTES: usize = 24 << 20;
/// Bytes that a lookup takes, and a question, at least: in memory, to be found, and as they are written.
const LOOKUP: usize = 800;
const QUESTION: usize = 300;
/// Questions of a lookup that are kept, and records of an answer.
const MAX_QUESTIONS: usize = 16;
const MAX_RECORDS: usize = 16;
/// Questions that wait for an answer.
const MAX_WAITING: usize = 4 << 10;
/// Lookups of one address that are looked at to find that of a connection.
const MAX_TRIED: usize = 64;

/// A further question about a name belongs to a lookup that ended no longer ago than this: a resolver asks for IPv4 and
/// IPv6 addresses one after the other, and again with a suffix or at another server.
const TOGETHER: i64 = 100_000_000;
/// A question without an answer is asked again for so long.
const PATIENCE: i64 = 30_000_000_000;
/// An address that a connection is opened to later than this was in a cache.
pub const FRESH: i64 = 5_000_000_000;

/// What was asked about one name.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// The name, in lower case.
    pub name: String,
    /// Who asked.
    pub client: IpAddr,
    /// Who was asked.
    pub server: IpAddr,
    /// The questions, in order.
    pub questions: Vec<Question>,
    /// Further questions.
    pub more: u64,
}

/// A question and its answer.
#[derive(Clone, Default, Debug)]
pub struct Question {
    /// Type of the records asked for, such as `A`.
    pub kind: String,
    /// When it was asked; none where that was not captured.
    pub asked: Option<Moment>,
    /// When it was answered.
    pub answered: Option<Moment>,
    /// How: `NOERROR`, `NXDOMAIN`, …; empty where it was not.
    pub rcode: String,
    /// The records of the answer, in presentation form.
    pub records: Vec<String>,
    /// The addresses in it.
    pub addresses: Vec<IpAddr>,
}

impl Question {
    /// Bytes that it takes.
    fn cost(&self) -> usize {
        let records = self.records.iter().map(|record| 24 + of_text(record));
        QUESTION + records.sum::<usize>() + 100 * self.addresses.len()
    }

    /// Whether it was answered with an error.
    pub fn failed(&self) -> bool {
        !matches!(&self.rcode[..], "" | "NOERROR")
    }
}

impl Lookup {
    /// When it began.
    pub fn start(&self) -> Timestamp {
        let times = self.questions.iter().filter_map(|question| question.asked.or(question.answered));
        times.map(|moment| moment.time).min().unwrap_or(Timestamp(0))
    }

    /// When the last answer came; none where a question has none.
    pub fn end(&self) -> Option<Timestamp> {
        self.questions.iter().map(|question| question.answered.map(|moment| moment.time)).max()?.filter(|_| {
            // What was asked again is answered.
            self.questions.iter().all(|question| {
                question.answered.is_some()
                    || self.questions.iter().any(|other| other.kind == question.kind && other.answered.is_some())
            })
        })
    }

    /// When this address was told.
    fn told(&self, address: IpAddr) -> Option<Timestamp> {
        let telling = self.questions.iter().filter(|question| question.addresses.contains(&address));
        telling.filter_map(|question| question.answered).map(|moment| moment.time).min()
    }

    /// When the last of its questions was asked or answered.
    fn latest(&self) -> Timestamp {
        let times = self.questions.iter().flat_map(|question| [question.asked, question.answered]).flatten();
        times.map(|moment| moment.time).max().unwrap_or(Timestamp(0))
    }

    fn waits(&self) -> bool {
        self.questions.iter().any(|question| question.answered.is_none())
    }
}

/// The lookups of a capture, the latest where there are too many.
#[derive(Default, Debug)]
pub struct Lookups {
    kept: VecDeque<Lookup>,
    /// Bytes that they take.
    bytes: usize,
    /// How many were given up: number of the first one kept.
    given_up: usize,
    /// The latest lookup of a name by a client.
    by_name: HashMap<(IpAddr, String), usize>,
    /// Lookups that told of an address.
    by_address: HashMap<IpAddr, VecDeque<usize>>,
    /// Where the questions are that wait: by frame and identifier.
    waiting: HashMap<(FrameNumber, u16), (usize, usize)>,
}

impl Lookups {
    /// Takes a message, if it is one of DNS. Of multicast DNS, most asks for no host, and is left out.
    pub fn message(&mut self, told: &event::Message<'_>) {
        let (Unit::Dns(dns), message) = (&told.message.unit, told.message) else { return };
        let Some(asked) = dns.questions.first().filter(|_| dns.variant != Variant::Mdns) else { return };
        let [side, other] = [message.side, 1 - message.side].map(|side| told.flow.ends[side].address);
        let moment = Moment { time: message.first_time, frame: message.frame };
        let name = asked.name.to_ascii_lowercase();
        let question = Question { kind: asked.kind_name().into_owned(), ..Question::default() };
        if message.kind == Kind::Request {
            let question = Question { asked: Some(moment), ..question };
            let Some(at) = self.ask(name, [side, other], question, moment.time) else { return };
            if self.waiting.len() >= MAX_WAITING {
                self.waiting.clear();
            }
            self.waiting.insert((message.frame, dns.id), at);
            return;
        }
        let waiting = message.request_in.and_then(|frame| self.waiting.remove(&(frame, dns.id)));
        let at = waiting
            .filter(|(at, _)| *at >= self.given_up)
            .or_else(|| self.ask(name, [other, side], question, moment.time));
        if let Some(at) = at {
            self.answer(at, dns, moment);
        }
    }

    /// Adds a question of a client to a server; returns where it is.
    fn ask(
        &mut self,
        name: String,
        [client, server]: [IpAddr; 2],
        question: Question,
        now: Timestamp,
    ) -> Option<(usize, usize)> {
        let key = (client, name);
        let known = self.by_name.get(&key).copied().filter(|at| *at >= self.given_up);
        if let Some(at) = known
            && let Some(lookup) = self.kept.get_mut(at - self.given_up)
        {
            let since = now.since(lookup.latest());
            if since < TOGETHER || lookup.waits() && since < PATIENCE {
                if lookup.questions.len() == MAX_QUESTIONS {
                    lookup.more += 1;
                    return None;
                }
                self.bytes += question.cost();
                lookup.questions.push(question);
                return Some((at, lookup.questions.len() - 1));
            }
        }
        while self.kept.len() >= MAX_LOOKUPS || self.bytes >= MAX_BYTES && !self.kept.is_empty() {
            self.give_up_oldest();
        }
        let at = self.given_up + self.kept.len();
        self.bytes += LOOKUP + question.cost() + 2 * of_text(&key.1);
        self.kept.push_back(Lookup { name: key.1.clone(), client, server, questions: vec![question], more: 0 });
        self.by_name.insert(key, at);
        Some((at, 0))
    }

    fn give_up_oldest(&mut self) {
        let Some(oldest) = self.kept.pop_front() else { return };
        let questions = oldest.questions.iter().map(Question::cost).sum::<usize>();
        self.bytes = self.bytes.saturating_sub(LOOKUP + questions + 2 * of_text(&oldest.name));
        for address in oldest.questions.iter().flat_map(|question| &question.addresses) {
            // They are in order, but for answers that came late: those are passed over where they are met.
            if let Some(lookups) = self.by_address.get_mut(address) {
                while lookups.front().is_some_and(|at| *at <= self.given_up) {
                    lookups.pop_front();
                }
                if lookups.is_empty() {
                    self.by_address.remove(address);
                }
            }
        }
        let key = (oldest.client, oldest.name);
        if self.by_name.get(&key) == Some(&self.given_up) {
            self.by_name.remove(&key);
        }
        self.given_up += 1;
    }

    fn answer(&mut self, (at, question): (usize, usize), dns: &Dns, moment: Moment) {
        let lookup = self.kept.get_mut(at - self.given_up);
        let Some(question) = lookup.and_then(|lookup| lookup.questions.get_mut(question)) else { return };
        let before = question.cost();
        question.answered = Some(moment);
        question.rcode = dns.rcode_name().into_owned();
        let records = dns.section(Section::Answer).take(MAX_RECORDS);
        question.records = records.map(|record| dns.shown(record).to_string()).collect();
        question.addresses = dns.addresses();
        question.addresses.truncate(MAX_RECORDS);
        self.bytes = (self.bytes + question.cost()).saturating_sub(before);
        for address in &question.addresses {
            let lookups = self.by_address.entry(*address).or_default();
            if lookups.back() != Some(&at) {
                lookups.push_back(at);
            }
        }
    }

    /// The lookup that told of `server` before a connection was opened to it at `opened`; of the name `host` alone where that
    /// is known.
    pub fn before(&self, server: IpAddr, opened: Timestamp, host: Option<&str>) -> Option<usize> {
        let tried = self.by_address.get(&server)?.iter().rev().take(MAX_TRIED).copied();
        { tried }.find(|at| {
            at.checked_sub(self.given_up).and_then(|at| self.kept.get(at)).is_some_and(|lookup| {
                let age = lookup.told(server).map(|told| opened.since(told));
                age.is_some_and(|age| (0..FRESH).contains(&age))
                    && host.is_none_or(|host| lookup.name.eq_ignore_ascii_case(host))
            })
        })
    }

    /// A lookup by its number.
    pub fn get(&self, at: usize) -> Option<&Lookup> {
        self.kept.get(at.checked_sub(self.given_up)?)
    }

    /// Those that are kept, each with its number, and how many were given up.
    pub fn into_kept(self) -> (impl Iterator<Item = (usize, Lookup)>, usize) {
        (self.kept.into_iter().enumerate().map(move |(at, lookup)| (self.given_up + at, lookup)), self.given_up)
    }
}

impl Lookup {
    /// Nanoseconds from the question that told of this address to the answer.
    pub fn took(&self, server: IpAddr) -> Option<(Timestamp, i64)> {
        let question = self.questions.iter().find(|question| question.addresses.contains(&server))?;
        let (asked, answered) = (question.asked?, question.answered?);
        Some((asked.time, answered.time.since(asked.time)))
    }
}

#[cfg(test)]
impl Lookups {
    /// Takes a lookup by 10.0.0.1 of one address.
    pub fn know(&mut self, name: &str, address: &str, [asked, answered]: [Timestamp; 2]) {
        let moment = |time| Some(Moment { time, frame: 1 });
        let address: IpAddr = address.parse().unwrap();
        let addresses = vec![address];
        let question = Question { asked: moment(asked), answered: moment(answered), addresses, ..Question::default() };
        let client = IpAddr::from([10, 0, 0, 1]);
        if let Some((at, _)) = self.ask(name.to_owned(), [client; 2], question, asked) {
            self.by_address.entry(address).or_default().push_back(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_about_a_name_are_together_until_they_are_answered() {
        let mut lookups = Lookups::default();
        let times = |asked, answered| [Timestamp(asked), Timestamp(answered)];
        lookups.know("a.test", "10.0.0.2", times(0, 5));
        lookups.know("a.test", "fe80::1", times(TOGETHER / 2, TOGETHER / 2 + 5));
        lookups.know("b.test", "10.0.0.3", times(1, 2));
        lookups.know("a.test", "10.0.0.2", times(2 * TOGETHER, 2 * TOGETHER));
        let counts: Vec<_> = lookups.kept.iter().map(|lookup| (&lookup.name[..], lookup.questions.len())).collect();
        assert_eq!(counts, [("a.test", 2), ("b.test", 1), ("a.test", 1)]);
    }

    #[test]
    fn beyond_the_bound_the_latest_are_kept() {
        let mut lookups = Lookups::default();
        for n in 0..MAX_LOOKUPS as i64 + 10 {
            lookups.know(&format!("{n}.test"), "10.0.0.2", [Timestamp(n), Timestamp(n)]);
        }
        let server = IpAddr::from([10, 0, 0, 2]);
        assert_eq!((lookups.kept.len(), lookups.given_up, lookups.by_name.len()), (MAX_LOOKUPS, 10, MAX_LOOKUPS));
        assert_eq!(lookups.by_address[&server].len(), MAX_LOOKUPS);
        assert_eq!(lookups.before(server, Timestamp(FRESH), None), Some(MAX_LOOKUPS + 9));
        assert_eq!(lookups.before(server, Timestamp(FRESH), Some("3.test")), None);
    }
}
