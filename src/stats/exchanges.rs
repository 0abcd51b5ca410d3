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

/// Answers to a request that has not ended: interim ones, and the final one.
const MAX_ANSWERS: usize = 4;

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
    /// Whether no other answer to the same request follows.
    pub is_last: bool,
    /// A bit for each breakdown in which it has a row of its own.
    pub own: u64,
}

impl Answer {
    /// Counts it in a row.
    pub fn count(&self, row: &mut Row) {
        row.bytes += self.bytes;
        row.errors += u64::from(self.is_error);
        row.incomplete += u64::from(!self.is_complete);
        self.time.into_iter().for_each(|nanos| row.times.add(nanos));
    }

    /// Whether it is counted in this breakdown by what it has itself.
    pub fn is_own(&self, breakdown: usize) -> bool {
        self.own >> (breakdown % 64) & 1 != 0
    }
}

#[derive(Debug)]
enum Open {
    Asked(Places),
    Answered(ArrayVec<Answer, MAX_ANSWERS>),
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

    /// Takes a request. Returns what is still to be counted in its rows: answers that came before it had ended.
    pub fn ask(&mut self, key: Key, places: &Places) -> ArrayVec<Answer, MAX_ANSWERS> {
        let answers = match self.open.remove(&key) {
            Some(Open::Answered(answers)) => answers,
            Some(Open::Asked(_)) | None => ArrayVec::new(),
        };
        if !places.is_empty() && answers.iter().all(|answer| !answer.is_last) {
            self.insert(key, Open::Asked(places.clone()));
        }
        answers
    }

    /// Takes an answer to a request that has not ended yet.
    pub fn answer(&mut self, key: Key, answer: Answer) {
        if let Some(Open::Answered(answers)) = self.open.get_mut(&key) {
            // More interim answers than that nobody sends while he is asked.
            let _ = answers.try_push(answer);
            return;
        }
        self.insert(key, Open::Answered([answer].into_iter().collect()));
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

    const ANSWER: Answer =
        Answer { bytes: 5, is_error: false, is_complete: true, time: None, is_last: true, own: 0b10 };

    #[test]
    fn an_answer_finds_its_request_whichever_ends_first() {
        let mut exchanges = Exchanges::default();
        assert!(exchanges.ask(key(1), &places()).is_empty());
        assert_eq!(exchanges.asked(key(1), false), Some(places()));
        assert_eq!(exchanges.asked(key(1), true), Some(places()));
        assert_eq!(exchanges.asked(key(1), true), None);
        exchanges.answer(key(3), Answer { is_last: false, ..ANSWER });
        assert_eq!(exchanges.ask(key(3), &places()).len(), 1);
        assert_eq!(exchanges.asked(key(3), true), Some(places()));
        exchanges.answer(key(5), Answer { is_last: false, ..ANSWER });
        exchanges.answer(key(5), ANSWER);
        assert_eq!(exchanges.ask(key(5), &places()).len(), 2);
        assert!(exchanges.open.is_empty());
        assert!(ANSWER.is_own(1) && !ANSWER.is_own(0));
    }

    #[test]
    fn those_without_an_answer_are_forgotten_at_a_bound() {
        let mut exchanges = Exchanges::default();
        let all = 3 * MAX_OPEN as u32;
        for number in 0..all {
            exchanges.ask(key(number), &places());
        }
        assert_eq!((exchanges.open.len(), exchanges.asked(key(0), true)), (MAX_OPEN, None));
        assert!(exchanges.asked(key(all - 1), true).is_some() && exchanges.order.len() <= 2 * MAX_OPEN);
    }
}
