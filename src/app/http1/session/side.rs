//! What is kept of one direction: a little of every one, and apart from it what few need.

use std::collections::VecDeque;

use super::super::{chunked, coding};
use super::Run;
use crate::app::message::{Kind, Message, Unit};
use crate::issue::IssueSet;
use crate::tcp::{OwnedCarrier, SegmentRef};

/// Messages of a direction that a late copy is still assigned to, beside the last one.
const MAX_OLDER: usize = 63;

/// First bytes kept of a direction that is not HTTP, to name its protocol by.
const FIRST_BYTES: usize = 64;

/// One direction. A million connections may be open, so that it is kept small.
#[derive(Default)]
pub(super) struct Side {
    pub state: State,
    /// The message under way; in a head that is not whole, its bytes so far are in `raw`.
    pub message: Option<Box<Message>>,
    /// The number of the last message that was given out, 0 before any, and where it was.
    last: u32,
    last_start: u64,
    last_end: u64,
    history: Option<Box<History>>,
    rare: Option<Box<Rare>>,
    pub role: Option<Kind>,
    /// Whether its first byte, or that this is missing, was met.
    pub begun: bool,
    /// Whether something that is no message has followed the last one.
    pub excess_noted: bool,
    /// Whether the client goes on without waiting for the answer that hands the connection over.
    pub impatient: bool,
}

/// Where a direction is.
#[derive(Debug, Default)]
pub(super) enum State {
    /// At the start of a message.
    #[default]
    Start,
    /// At the first captured bytes of a stream whose beginning was not captured.
    Joined,
    /// Looking for one; at a place where one may begin, or not.
    Resync { boundary: bool },
    /// In a head, or in what may be one, of which so many bytes are known not to end it.
    Head { search: Search, scanned: usize },
    /// In a body, with so many bytes to come.
    Length(u64),
    /// In a chunked body.
    Chunked(Box<chunked::Decoder>),
    /// In a body that the end of the stream ends.
    UntilClose,
    /// After the request of this number, which asks to hand the connection over.
    Asked(u32),
    /// Handed over.
    HandedOver,
    /// At what may be the start of another protocol, and otherwise is looked for so; `None` where it is handed over.
    Guess(Option<Search>),
}

/// How a message comes to be looked for at some place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Search {
    /// One is due.
    Due,
    /// What precedes was not captured: a segment that begins like a message is likely to be one.
    Joined,
    /// After a gap, or after what is no message: it may as well be the inside of a body.
    After,
}

/// What is kept of the messages that were given out, where there is more than the place of one.
#[derive(Default)]
struct History {
    /// Those before the last one.
    older: VecDeque<Past>,
    /// Issues of those that have any, by their numbers.
    issues: VecDeque<(u32, IssueSet)>,
}

/// What few directions need.
#[derive(Default)]
pub(super) struct Rare {
    /// What undoes the content coding of the body, and what that may cost.
    pub decoding: Option<(Box<coding::Decoder>, usize)>,
    /// Bytes set aside until it is known what they are.
    pub parked: VecDeque<(SegmentRef, Vec<u8>, OwnedCarrier)>,
    pub parked_bytes: usize,
    /// The first bytes of a body that there may not be: see [`Session::doubted`](super::Session::doubted).
    pub doubt: Option<Vec<u8>>,
    /// Bytes missing before its part was known, and whether a message accounts for them.
    pub early_hole: Option<(u64, u64, bool)>,
}

/// A message that was given out.
#[derive(Clone, Copy)]
pub(super) struct Past {
    pub number: u32,
    pub start: u64,
    pub end: u64,
}

/// The bytes of a direction that were read as no message before any message was met.
#[derive(Default)]
pub(super) struct Unread {
    pub count: u64,
    pub first: Vec<u8>,
}

impl Unread {
    pub fn add(&mut self, bytes: &[u8]) {
        self.count += bytes.len() as u64;
        let room = FIRST_BYTES.saturating_sub(self.first.len());
        self.first.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

impl Side {
    /// What few directions need, if this one does.
    pub fn rare(&mut self) -> Option<&mut Rare> {
        self.rare.as_deref_mut()
    }

    /// The same, made if it is not there.
    pub fn make_rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Whether there is something that few directions need.
    pub fn is_rare(&self) -> bool {
        self.rare.is_some()
    }

    /// The message under way, whose body is sent as it is and is one for certain, and the state.
    pub fn plain_body(&mut self) -> Option<(&mut Message, &mut State)> {
        let message = self.message.as_mut().filter(|_| self.rare.is_none())?;
        Some((message, &mut self.state))
    }

    /// Gives up what is not needed any more.
    pub fn tidy(&mut self) {
        self.rare.take_if(|rare| rare.is_empty());
    }

    pub fn doubt(&mut self) -> Option<&mut Vec<u8>> {
        self.rare.as_mut()?.doubt.as_mut()
    }

    /// The bytes that were set aside.
    pub fn parked_bytes(&mut self) -> Vec<u8> {
        self.rare()
            .map(|rare| rare.parked.iter().flat_map(|(_, bytes, _)| bytes).copied().collect())
            .unwrap_or_default()
    }

    /// What was set aside.
    pub fn take_parked(&mut self) -> VecDeque<(SegmentRef, Vec<u8>, OwnedCarrier)> {
        let parked = self.rare().map(|rare| {
            rare.parked_bytes = 0;
            std::mem::take(&mut rare.parked)
        });
        self.tidy();
        parked.unwrap_or_default()
    }

    /// The message under way, what undoes the content coding of its body, and the state.
    pub fn body(&mut self) -> Option<(&mut Message, Option<&mut coding::Decoder>, &mut State)> {
        let decoding = self.rare.as_mut().and_then(|rare| rare.decoding.as_mut()).map(|decoding| &mut *decoding.0);
        Some((self.message.as_mut()?, decoding, &mut self.state))
    }

    /// The head so far, where it is not whole.
    pub fn head(&self) -> &[u8] {
        match (&self.state, &self.message) {
            (State::Head { .. }, Some(message)) => message.http().map_or(&[], |http| &http.raw),
            _ => &[],
        }
    }

    /// More of the head; how much there was before.
    pub fn more_head(&mut self, bytes: &[u8]) -> usize {
        let Some(Unit::Http(http)) = self.message.as_mut().map(|message| &mut message.unit) else { return 0 };
        let before = http.raw.len();
        http.raw.extend_from_slice(bytes);
        before
    }

    /// Whether it is at no place where something is held.
    #[inline]
    pub fn holds_nothing(&self) -> bool {
        self.rare.is_none() && !matches!(self.state, State::Head { .. })
    }

    /// Bytes held because it is not known yet what they are.
    pub fn held(&self) -> usize {
        let head = if matches!(self.state, State::Head { .. }) { self.head().len() } else { 0 };
        head + self.rare.as_ref().map_or(0, |rare| rare.parked_bytes)
    }

    /// The last message that was given out.
    pub fn last(&self) -> Option<Past> {
        let Self { last: number, last_start: start, last_end: end, .. } = *self;
        (number > 0).then_some(Past { number, start, end })
    }

    /// The messages that were given out and are still known, in order, from `offset` on.
    pub fn past_from(&self, offset: u64) -> impl Iterator<Item = Past> {
        let older = self.history.as_ref().map(|history| {
            let first = history.older.partition_point(|past| past.end <= offset);
            history.older.range(first..)
        });
        older.into_iter().flatten().copied().chain(self.last().filter(|past| past.end > offset))
    }

    /// Takes note of a message that is given out.
    pub fn remember(&mut self, message: &Message) {
        let past = Past { number: message.number, start: message.start, end: message.end() };
        self.remember_past(past, message.issues);
    }

    /// The same, of a message with these issues.
    pub fn remember_past(&mut self, past: Past, issues: IssueSet) {
        let (before, number) = (self.last(), past.number);
        (self.last, self.last_start, self.last_end) = (number, past.start, past.end);
        if before.is_none() && issues.is_empty() {
            return;
        }
        let History { older, issues: known } = &mut **self.history.get_or_insert_default();
        if older.len() == MAX_OLDER {
            older.pop_front();
        }
        older.extend(before);
        if !known.is_empty() {
            // Where messages are interleaved, they end in another order than they begin.
            let oldest = older.iter().map(|past| past.number).min().unwrap_or(number);
            while known.front().is_some_and(|(number, _)| *number < oldest) {
                known.pop_front();
            }
        }
        if !issues.is_empty() {
            let at = known.partition_point(|known| known.0 < number);
            known.insert(at, (number, issues));
        }
    }

    /// The issues of a message that was given out.
    pub fn issues_of(&self, number: u32) -> IssueSet {
        let known = self.history.as_ref().map(|history| &history.issues);
        let found = known.and_then(|known| Some(known[known.binary_search_by_key(&number, |known| known.0).ok()?].1));
        found.unwrap_or_default()
    }

    /// Adds to them.
    pub fn add_issues(&mut self, number: u32, issues: IssueSet) {
        if issues.is_empty() {
            return;
        }
        let all = &mut self.history.get_or_insert_default().issues;
        match all.binary_search_by_key(&number, |known| known.0) {
            Ok(at) => all[at].1 = all[at].1.union(issues),
            Err(at) => all.insert(at, (number, issues)),
        }
    }
}

impl Rare {
    /// Sets bytes aside.
    pub fn park(&mut self, run: &Run<'_>) {
        self.parked_bytes += run.bytes.len();
        self.parked.push_back((run.segment, run.bytes.to_vec(), run.carrier.to_owned()));
    }

    fn is_empty(&self) -> bool {
        let Self { decoding, parked, parked_bytes: _, doubt, early_hole } = self;
        decoding.is_none() && parked.is_empty() && doubt.is_none() && early_hole.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issue::Issue;

    fn message(number: u32, issues: IssueSet) -> Message {
        Message { number, start: u64::from(number) * 100, len: 100, issues, ..Message::default() }
    }

    fn numbers(side: &Side) -> Vec<u32> {
        side.past_from(0).map(|past| past.number).collect()
    }

    #[test]
    fn so_many_messages_are_known() {
        let mut side = Side::default();
        for number in 1..=5 {
            side.remember(&message(number, IssueSet::EMPTY));
        }
        assert_eq!(numbers(&side), [1, 2, 3, 4, 5]);
        assert_eq!(side.past_from(450).map(|past| past.number).collect::<Vec<_>>(), [4, 5]);
        assert_eq!(side.past_from(600).count(), 0);
        for number in 6..1000 {
            side.remember(&message(number, IssueSet::EMPTY));
        }
        assert_eq!(numbers(&side).len(), MAX_OLDER + 1);
    }

    #[test]
    fn issues_are_known_as_long_as_their_message() {
        let mut side = Side::default();
        let gap: IssueSet = [Issue::Gap].into_iter().collect();
        let late: IssueSet = [Issue::LateData].into_iter().collect();
        side.remember(&message(1, gap));
        side.remember(&message(2, IssueSet::EMPTY));
        side.remember(&message(3, gap));
        side.add_issues(1, late);
        side.add_issues(2, late);
        assert_eq!([1, 2, 3, 4].map(|number| side.issues_of(number)), [gap.union(late), late, gap, IssueSet::EMPTY]);
        for number in 4..MAX_OLDER as u32 + 4 {
            side.remember(&message(number, IssueSet::EMPTY));
        }
        assert_eq!([1, 2, 3].map(|number| side.issues_of(number)), [IssueSet::EMPTY, IssueSet::EMPTY, gap]);
    }

    #[test]
    fn what_a_million_connections_have_is_small() {
        assert!(size_of::<Side>() <= 64);
        assert!(size_of::<super::super::Session>() <= 224);
    }
}
