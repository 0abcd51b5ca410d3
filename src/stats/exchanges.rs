//! Which rows a request is counted in, until its answer is counted there too.

use std::collections::{HashMap, VecDeque};

use arrayvec::ArrayVec;
use foldhash::fast::RandomState;

use super::table::{Place, Row};
use crate::event::Transport;

/// Requests that wait for their answers, and answers that came before their requests had ended: about 20 MiB.
const MAX_OPEN: usize = 64 << 10;

/// Rows of one request.
const MAX_PLACES: usize = 12;

/// A message: its stream, and its number within it.
pub(super) type Key = (Transport, u64, u32);

/// The rows of a message: the index of the breakdown, and the place in it.
pub(super) type Places = ArrayVec<(usize, Place), MAX_PLACES>;

/// What is counted of an answer where its request is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer {
    pub bytes: u64,
    pub is_error: bool,
    pub is_complete: bool,
    pub time: Option<i64>,
}

impl Answer {
    /// Counts it in a row.
    pub fn count(&self, row: &mut Row) {
        row.bytes += self.bytes;
        row.errors += u64::from(self.is_error);
        row.incomplete += u64::from(!self.is_complete);
        self.time.into_iter().for_each(|nanos| row.times.add(nanos));
    }
}

#[derive(Debug)]
enum Open {
    Asked(Places),
    Answered(Answer),
}

/// Exchanges of which one half is known.
#[derive(Debug, Default)]
pub(super) struct Exchanges {
    open: HashMap<Key, Open, RandomState>,
    /// The same, oldest first, and those that are not open any more.
    order: VecDeque<Key>,
}

impl Exchanges {
    /// The rows of the request with this key; it is forgotten where its answer is `last`.
    pub fn asked(&mut self, key: Key, last: bool) -> Option<Places> {
        match self.open.get(&key)? {
            Open::Answered(_) => None,
            Open::Asked(places) if !last => Some(places.clone()),
            Open::Asked(_) => match self.open.remove(&key)? {
                Open::Asked(places) => Some(places),
                Open::Answered(_) => None,
            },
        }
    }

    /// Takes a request. Returns what is still to be counted in its rows: an answer that came before it had ended.
    pub fn ask(&mut self, key: Key, places: Places) -> Vec<(usize, Place, Answer)> {
        if let Some(Open::Answered(answer)) = self.open.get(&key) {
            let answer = *answer;
            self.open.remove(&key);
            return places.into_iter().map(|(index, place)| (index, place, answer)).collect();
        }
        if !places.is_empty() {
            self.insert(key, Open::Asked(places));
        }
        Vec::new()
    }

    /// Takes an answer to a request that has not ended yet.
    pub fn answer(&mut self, key: Key, answer: Answer) {
        self.insert(key, Open::Answered(answer));
    }

    fn insert(&mut self, key: Key, half: Open) {
        if self.open.insert(key, half).is_none() {
            self.order.push_back(key);
        }
        while self.order.len() > 2 * MAX_OPEN || self.open.len() > MAX_OPEN {
            let Some(oldest) = self.order.pop_front() else { return };
            self.open.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u32) -> Key {
        (Transport::Tcp, 0, number)
    }

    fn places() -> Places {
        [(1, 2)].into_iter().collect()
    }

    const ANSWER: Answer = Answer { bytes: 5, is_error: false, is_complete: true, time: None };

    #[test]
    fn an_answer_finds_its_request_whichever_ends_first() {
        let mut exchanges = Exchanges::default();
        assert!(exchanges.ask(key(1), places()).is_empty());
        assert_eq!(exchanges.asked(key(1), false), Some(places()));
        assert_eq!(exchanges.asked(key(1), true), Some(places()));
        assert_eq!(exchanges.asked(key(1), true), None);
        exchanges.answer(key(3), ANSWER);
        let counted: Vec<_> = exchanges.ask(key(3), places()).iter().map(|(at, place, _)| (*at, *place)).collect();
        assert_eq!(counted, [(1, 2)]);
        assert!(exchanges.open.is_empty());
    }

    #[test]
    fn those_without_an_answer_are_forgotten_at_a_bound() {
        let mut exchanges = Exchanges::default();
        let all = 3 * MAX_OPEN as u32;
        for number in 0..all {
            exchanges.ask(key(number), places());
        }
        assert_eq!((exchanges.open.len(), exchanges.asked(key(0), true)), (MAX_OPEN, None));
        assert!(exchanges.asked(key(all - 1), true).is_some() && exchanges.order.len() <= 2 * MAX_OPEN);
    }
}
