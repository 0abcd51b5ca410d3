//! Questions and answers over UDP. Where the question went to a group of hosts, the answer comes from one of them, or
//! goes to the group as well: to Wireshark these are streams of their own.

use std::collections::VecDeque;
use std::net::IpAddr;

use super::pairing::{Pairing, SAME_WITHIN, name_and_kind};
use super::{Dns, Section, Variant};
use crate::app::message::{Kind, Message, Place, Unit, Update};
use crate::flow::Endpoint;
use crate::frame::Timestamp;
use crate::issue::Issue;

/// Questions of mDNS that are remembered: those of a second on a large link.
const MAX_MULTICAST: usize = 256;

/// Nanoseconds in which an answer by mDNS comes: half a second at most, where the question is in several messages
/// (RFC 6762 6, 7.2), and some for the way.
const ANSWERED_WITHIN: i64 = 1_000_000_000;

/// The type that stands for all.
const ANY: u16 = 255;

/// Questions that are watched for having no answer.
const MAX_WAITING: usize = 4096;

/// Who asked, and whom unless that is a group.
type Between = (Endpoint, Option<Endpoint>);

/// What was asked over UDP; `F` is what tells of a message's flow.
pub struct Lookups<F> {
    pairing: Pairing<Between>,
    multicast: VecDeque<Asked>,
    /// Questions of the last seconds, the oldest first.
    waiting: VecDeque<Waiting<F>>,
}

/// A question that may have no answer yet.
struct Waiting<F> {
    between: Between,
    id: u16,
    what: u64,
    place: Place,
    side: usize,
    flow: F,
}

impl<F> Default for Lookups<F> {
    fn default() -> Self {
        Self { pairing: Pairing::default(), multicast: VecDeque::new(), waiting: VecDeque::new() }
    }
}

/// A question of mDNS.
struct Asked {
    what: u64,
    /// Who asked.
    by: IpAddr,
    /// Whether it only asks if a name is free (RFC 6762 8.1): what its own host says then is no answer.
    is_probe: bool,
    place: Place,
}

impl<F> Lookups<F> {
    /// Takes a message from the first of `ends` to the second, and says what it is to those before it.
    pub fn pair(&mut self, [from, to]: [Endpoint; 2], stream: u64, flow: F, message: &mut Message) {
        let Unit::Dns(dns) = &message.unit else { return };
        // Who is not at mDNS's port asks it as one asks DNS (RFC 6762 6.7).
        if dns.variant == Variant::Mdns && from.port == to.port {
            return if dns.is_response() {
                self.answer_of_group(from.address, stream, message);
            } else {
                self.ask_group(from.address, stream, message);
            };
        }
        if dns.is_response() {
            self.pairing.answer(&[(to, Some(from)), (to, None)], stream, message);
        } else {
            let (id, between) = (dns.id, (from, (!to.address.is_multicast()).then_some(to)));
            let Some(what) = self.pairing.ask(between, stream, message) else { return };
            if self.waiting.len() >= MAX_WAITING {
                self.waiting.pop_front();
            }
            let place = Place::of(stream, message);
            self.waiting.push_back(Waiting { between, id, what, place, side: message.side, flow });
        }
    }

    /// Whether a question was asked so long ago that it will have no answer any more, unless it has one.
    #[inline]
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.waiting.front().is_some_and(|asked| now.since(asked.place.time) >= SAME_WITHIN)
    }

    /// The next question that has had no answer for so long that none will come.
    pub fn unanswered(&mut self, now: Timestamp) -> Option<(F, Update)> {
        while self.is_due(now) {
            let Waiting { between, id, what, place, side, flow } = self.waiting.pop_front()?;
            if self.pairing.waits(between, id, what, place.frame) {
                let issues = [Issue::Unanswered].into_iter().collect();
                let (number, kind) = (place.number, Kind::Request);
                return Some((flow, Update { number, side, kind, start: 0, issues, segment: None }));
            }
        }
        None
    }

    fn ask_group(&mut self, by: IpAddr, stream: u64, message: &Message) {
        let Unit::Dns(dns) = &message.unit else { return };
        let (place, is_probe) = (Place::of(stream, message), dns.counts[2] > 0);
        for question in dns.questions.iter().take(MAX_MULTICAST) {
            if self.multicast.len() >= MAX_MULTICAST {
                self.multicast.pop_front();
            }
            let what = name_and_kind(&question.name, question.kind, dns.class(question.class));
            self.multicast.push_back(Asked { what, by, is_probe, place });
        }
    }

    /// The latest question that a response has an answer to. One that nobody asked for is usual.
    fn answer_of_group(&self, by: IpAddr, stream: u64, message: &mut Message) {
        let Unit::Dns(dns) = &message.unit else { return };
        let answers = answers(dns);
        let is_answered = |asked: &&Asked| {
            let since = message.first_time.since(asked.place.time);
            asked.by.is_ipv4() == by.is_ipv4()
                && !(asked.is_probe && asked.by == by)
                && (0..=ANSWERED_WITHIN).contains(&since)
                && answers.contains(&asked.what)
        };
        if let Some(asked) = self.multicast.iter().rev().find(is_answered) {
            asked.place.is_answered(stream, message);
        }
    }
}

/// The questions to which a message has answers.
fn answers(dns: &Dns) -> Vec<u64> {
    let answers = dns.section(Section::Answer).take(MAX_MULTICAST);
    answers.flat_map(|one| [one.kind, ANY].map(|kind| name_and_kind(&one.name, kind, dns.class(one.class)))).collect()
}
