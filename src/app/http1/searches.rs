//! Searches of SSDP and what answers them (UPnP Device Architecture 2.0, 1.3). A search goes to a group, or to one host;
//! an answer comes to where it was asked from, which is often a stream of its own.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::Http;
use super::head::HeadRef;
use crate::app::message::{Kind, Message, Place};
use crate::flow::Endpoint;

/// Searches that are remembered: those of some seconds on a large link.
const MAX_SEARCHES: usize = 256;

/// Seconds that a search may give (1.3.2): UPnP 1.0 allowed as many.
const MAX_WAIT: u64 = 120;

/// Nanoseconds after these in which an answer comes, for the way; a search of one host gives no seconds (1.3.3).
const ON_THE_WAY: i64 = 1_000_000_000;

const SECOND: i64 = 1_000_000_000;

/// The searches of the last seconds, the oldest first.
#[derive(Default)]
pub struct Searches(VecDeque<Search>);

struct Search {
    by: Endpoint,
    /// What is looked for; none where it is everything.
    target: Option<u64>,
    /// Nanoseconds in which an answer comes.
    within: i64,
    place: Place,
}

impl Searches {
    /// Takes a datagram from the first of `ends` to the second, and says of an answer which search it answers: the latest
    /// for the same that came from there.
    pub fn pair(&mut self, [from, to]: [Endpoint; 2], stream: u64, message: &mut Message) {
        let Some(target) = message.http().and_then(|http| target(http.head())) else { return };
        if message.kind == Kind::Response {
            let is_answered = |search: &&Search| {
                search.by == to
                    && search.target.is_none_or(|wanted| wanted == target)
                    && (0..=search.within).contains(&message.first_time.since(search.place.time))
            };
            if let Some(search) = self.0.iter().rev().find(is_answered) {
                search.place.is_answered(stream, message);
            }
        } else if let Some(wait) = message.http().and_then(wait) {
            if self.0.len() >= MAX_SEARCHES {
                self.0.pop_front();
            }
            let target = Some(target).filter(|target| *target != hash(b"ssdp:all"));
            let place = Place::of(stream, message);
            self.0.push_back(Search { by: from, target, within: wait + ON_THE_WAY, place });
        }
    }
}

/// What a search looks for, or an answer is about.
fn target(head: HeadRef<'_>) -> Option<u64> {
    head.get("ST").map(|target| hash(&target))
}

fn hash(target: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    target.hash(&mut hasher);
    hasher.finish()
}

/// Nanoseconds that a search gives those who answer; none where it is no search.
fn wait(http: &Http) -> Option<i64> {
    let head = http.head();
    head.method().filter(|method| *method == b"M-SEARCH")?;
    let given = head.get("MX").and_then(|seconds| str::from_utf8(&seconds).ok()?.parse().ok());
    Some(given.unwrap_or(0).min(MAX_WAIT) as i64 * SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::datagram::Datagram;
    use crate::frame::Timestamp;

    const CLIENT: &str = "10.0.0.1:50000";
    const SERVER: &str = "10.0.0.2:1900";
    const GROUP: &str = "239.255.255.250:1900";

    fn end(text: &str) -> Endpoint {
        let end: std::net::SocketAddr = text.parse().unwrap();
        Endpoint { address: end.ip(), port: end.port() }
    }

    #[derive(Default)]
    struct Talk {
        searches: Searches,
        frame: u64,
    }

    impl Talk {
        /// The frame that a datagram answers, and after how many milliseconds.
        fn say(&mut self, ms: i64, from: &str, to: &str, text: &str) -> Option<(u64, i64)> {
            self.frame += 1;
            let ends = [end(from), end(to)];
            let bytes = text.as_bytes();
            let said = super::super::datagram(&Datagram { ports: ends.map(|end| end.port), bytes }).unwrap();
            let time = Timestamp(ms * 1_000_000);
            let (kind, unit, frame) = (said.kind, said.unit, self.frame);
            let mut message =
                Message { kind, unit, frame, first_time: time, last_time: time, number: 1, ..Message::default() };
            self.searches.pair(ends, self.frame, &mut message);
            assert_eq!(message.answers, None, "each datagram has a stream of its own here");
            Some((message.request_in?, message.since_request? / 1_000_000))
        }

        fn search(&mut self, ms: i64, target: &str, wait: &str) {
            let text = format!("M-SEARCH * HTTP/1.1\r\nST: {target}\r\n{wait}\r\n");
            assert_eq!(self.say(ms, CLIENT, GROUP, &text), None);
        }

        fn answer(&mut self, ms: i64, to: &str, target: &str) -> Option<(u64, i64)> {
            self.say(ms, SERVER, to, &format!("HTTP/1.1 200 OK\r\nST: {target}\r\n\r\n"))
        }
    }

    #[test]
    fn an_answer_is_to_the_latest_search_for_the_same_from_where_it_goes() {
        let mut talk = Talk::default();
        talk.search(0, "a", "MX: 2\r\n");
        talk.search(100, "b", "MX: 2\r\n");
        talk.search(200, "a", "MX: 2\r\n");
        assert_eq!(talk.answer(250, CLIENT, "a"), Some((3, 50)));
        assert_eq!(talk.answer(250, CLIENT, "b"), Some((2, 150)));
        assert_eq!(talk.answer(250, CLIENT, "c"), None);
        assert_eq!(talk.answer(250, "10.0.0.1:50001", "a"), None);
        talk.search(300, "ssdp:all", "MX: 2\r\n");
        assert_eq!(talk.answer(350, CLIENT, "c"), Some((8, 50)));
    }

    #[test]
    fn an_answer_comes_in_the_time_that_the_search_gives() {
        let mut talk = Talk::default();
        talk.search(0, "a", "MX: 2\r\n");
        assert_eq!(talk.answer(3000, CLIENT, "a"), Some((1, 3000)));
        assert_eq!(talk.answer(3001, CLIENT, "a"), None);
        assert_eq!(talk.answer(-1, CLIENT, "a"), None);
        talk.search(5000, "a", "");
        assert_eq!(talk.answer(6001, CLIENT, "a"), None);
        talk.search(10_000, "a", "MX: 99999999999\r\n");
        assert_eq!(talk.answer(131_001, CLIENT, "a"), None);
        assert_eq!(talk.answer(131_000, CLIENT, "a"), Some((7, 121_000)));
    }

    #[test]
    fn searches_are_bounded() {
        let mut talk = Talk::default();
        (0..MAX_SEARCHES + 5).for_each(|_| talk.search(0, "a", ""));
        assert_eq!(talk.searches.0.len(), MAX_SEARCHES);
    }
}
