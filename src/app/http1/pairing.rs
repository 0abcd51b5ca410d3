//! Which request a response answers: by cause and effect, as the acknowledgments show it.
//!
//! A response answers the oldest request without a final response whose head its first segment acknowledges. Where
//! bytes of either stream are missing, a request or a response may be among them; then a pair is named only if the
//! order of cause and effect leaves no other.

use std::collections::VecDeque;
use std::num::NonZero;

use super::head::HeadRef;
use crate::frame::{FrameNumber, Timestamp};
use crate::tcp::reassembly::ORIGIN;

/// Requests that wait for their responses; a client that pipelines more is not one.
const MAX_PENDING: usize = 4096;

/// Holes in the requests that are told apart.
const MAX_HOLES: usize = 64;

/// What the framing of a response depends on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    /// The response has no body (RFC 9112 6.3, rule 1).
    Head,
    /// A 2xx response makes a tunnel (rule 2).
    Connect,
    /// Any other.
    Other,
}

impl Method {
    /// That of a request with this head.
    pub fn of(head: HeadRef<'_>) -> Self {
        match head.method() {
            Some(b"HEAD") => Self::Head,
            Some(b"CONNECT") => Self::Connect,
            _ => Self::Other,
        }
    }
}

/// A request that has no final response yet.
#[derive(Clone, Copy, Debug)]
pub struct Pending {
    /// Its number.
    pub number: u32,
    /// Its method.
    pub method: Method,
    /// Offset of its first byte.
    pub start: u64,
    /// Offset one past its head; `None` while the head is not whole.
    pub head_end: Option<NonZero<u64>>,
    /// How much of the server's stream its first segment acknowledged.
    pub acked: u64,
    /// Frame and time of its last byte, once it is there.
    pub done: Option<(NonZero<FrameNumber>, Timestamp)>,
    /// Whether it asks to hand the connection over to another protocol, by `CONNECT` or `Upgrade`.
    pub asks: bool,
    /// Whether it is of HTTP/0.9.
    pub simple: bool,
}

/// Missing bytes outside any body of known length.
#[derive(Clone, Copy, Debug)]
struct Hole {
    start: u64,
    end: u64,
    /// Whether a message that was met accounts for it, so that it need not hide another one.
    explained: bool,
}

/// What a response answers.
#[derive(Clone, Copy, Debug)]
pub enum Answer {
    /// This request.
    To(Pending),
    /// None that was seen.
    Nothing,
    /// It cannot be told.
    Uncertain,
}

/// Requests and responses of one connection. A million may be open, so that it is kept small.
#[derive(Debug)]
pub struct Pairing {
    /// Where the last request began, and what it acknowledged.
    last: (u64, u64),
    /// The oldest request without a final response; the only one of most clients.
    oldest: Option<Pending>,
    /// What few connections need.
    more: Option<Box<More>>,
    /// What the final response under way answers: a request that is known (`true`), or that cannot be told.
    answering: Option<bool>,
    /// Whether the client sends requests before earlier ones are answered.
    pipelines: bool,
}

/// Requests that wait beside the oldest one, and what there is where bytes are missing or were not read.
#[derive(Debug, Default)]
struct More {
    /// The later requests, in the order sent; none where there is no oldest one.
    later: VecDeque<Pending>,
    /// Of the requests, which may be known before the responses that these holes matter to.
    request_holes: VecDeque<Hole>,
    /// Of the responses: where the last one ends since the last response that was paired.
    responses_hole: Option<u64>,
    /// The last run of bytes of the responses in which no response begins.
    unread: Option<(u64, u64)>,
    /// The request that an interim response answered; the final one follows, as long as nothing is missing.
    interim: Option<u32>,
}

impl More {
    fn is_empty(&self) -> bool {
        let Self { later, request_holes, responses_hole, unread, interim } = self;
        later.is_empty()
            && request_holes.is_empty()
            && responses_hole.is_none()
            && unread.is_none()
            && interim.is_none()
    }
}

impl Default for Pairing {
    fn default() -> Self {
        Self { last: (0, ORIGIN), oldest: None, more: None, answering: None, pipelines: false }
    }
}

impl Pairing {
    /// A request has begun.
    pub fn request(&mut self, request: Pending) {
        let (last_start, last_acked) = std::mem::replace(&mut self.last, (request.start, request.acked));
        if self.more.is_none() && self.oldest.is_none() {
            self.oldest = Some(request);
            return;
        }
        if self.more.as_ref().is_some_and(|more| more.later.len() == MAX_PENDING) {
            self.forget_oldest();
        }
        let more = self.more.get_or_insert_default();
        let missed = |hole: &Hole| !hole.explained && hole.start >= last_start && hole.end <= request.start;
        let waits = self.oldest.is_some() && more.responses_hole.unwrap_or(0) <= last_acked;
        // A request before it is unanswered, and not a byte of an answer had come when it was sent.
        let ahead = waits || more.request_holes.back().is_some_and(missed);
        self.pipelines |= ahead && request.acked <= last_acked;
        self.pipelines |= more.unread.is_some_and(|(start, end)| (start..end).contains(&request.acked));
        match self.oldest {
            None => self.oldest = Some(request),
            Some(_) => more.later.push_back(request),
        }
    }

    fn pop(&mut self) -> Option<Pending> {
        let next = self.more.as_mut().and_then(|more| more.later.pop_front());
        std::mem::replace(&mut self.oldest, next)
    }

    /// Gives up the oldest request, which may be answered yet: as far as that goes, it is missing.
    fn forget_oldest(&mut self) {
        let Some(forgotten) = self.pop() else { return };
        let end = self.oldest.map_or(forgotten.start + 1, |next| next.start);
        let holes = &mut self.more.get_or_insert_default().request_holes;
        let full = holes.len() == MAX_HOLES;
        match holes.front_mut() {
            Some(first) if full || first.end == forgotten.start && !first.explained => {
                (first.end, first.explained) = (first.end.max(end), false);
            }
            _ => holes.push_front(Hole { start: forgotten.start, end, explained: false }),
        }
    }

    /// The requests without a final response, in the order sent.
    fn pending(&self) -> impl DoubleEndedIterator<Item = &Pending> {
        self.oldest.iter().chain(self.more.iter().flat_map(|more| &more.later))
    }

    /// Gives up what is not needed any more.
    pub fn tidy(&mut self) {
        self.more.take_if(|more| more.is_empty());
    }

    /// The request of this number, if it still waits.
    pub fn waiting(&mut self, number: u32) -> Option<&mut Pending> {
        let Some(more) = &mut self.more else {
            return self.oldest.as_mut().filter(|request| request.number == number);
        };
        // Numbers rise, so that the last ones are near the end.
        self.oldest.iter_mut().chain(&mut more.later).rev().find(|request| request.number == number)
    }

    /// The oldest request without a final response.
    pub fn oldest(&self) -> Option<&Pending> {
        self.oldest.as_ref()
    }

    /// A request begins at `start` after what could not be read since the last hole: that reaches up to there.
    pub fn requests_resume(&mut self, start: u64) {
        if let Some(hole) = self.more.as_mut().and_then(|more| more.request_holes.back_mut()) {
            hole.end = hole.end.max(start);
        }
    }

    /// The same of a response.
    pub fn responses_resume(&mut self, start: u64) {
        if let Some(hole) = self.more.as_mut().and_then(|more| more.responses_hole.as_mut()) {
            *hole = start.max(*hole);
        }
    }

    /// From `start` to `end` no response begins: who sends a request there does not wait for the whole of each.
    pub fn no_response(&mut self, start: u64, end: u64) {
        let more = self.more.get_or_insert_default();
        let start = more.unread.filter(|unread| unread.1 == start).map_or(start, |unread| unread.0);
        more.unread = Some((start, end));
        let sent_within = self.pending().any(|request| (start..end).contains(&request.acked));
        self.pipelines |= sent_within;
    }

    /// Bytes of the requests are missing; `explained` where a request was met that lacks them.
    pub fn hole_in_requests(&mut self, start: u64, end: u64, explained: bool) {
        let holes = &mut self.more.get_or_insert_default().request_holes;
        let full = holes.len() == MAX_HOLES;
        match holes.back_mut() {
            Some(last) if full => (last.end, last.explained) = (end, false),
            _ => holes.push_back(Hole { start, end, explained }),
        }
    }

    /// Bytes of the responses are missing, up to `end`.
    pub fn hole_in_responses(&mut self, end: u64) {
        let more = self.more.get_or_insert_default();
        more.interim = None;
        more.responses_hole = Some(end);
    }

    /// What a response answers that begins at `start` and whose first segment acknowledges `acked` of the requests (0
    /// where that is not known). A final response, unlike an interim one, is the `last` to its request.
    pub fn response(&mut self, start: u64, acked: u64, last: bool) -> Answer {
        let acked = if acked == 0 { u64::MAX } else { acked };
        let Some(more) = &self.more else { return self.response_in_turn(start, acked, last) };
        let interim = more.interim.and_then(|number| self.pending().rev().find(|p| p.number == number));
        let answer = interim.map_or_else(|| self.choose(more, start, acked), |p| Answer::To(*p));
        let more = self.more.get_or_insert_default();
        more.interim = None;
        if last && !matches!(answer, Answer::To(_)) {
            // A request that was missed has its response now.
            more.request_holes.iter_mut().filter(|hole| hole.end <= acked).for_each(|hole| hole.explained = true);
        }
        match answer {
            Answer::To(request) if last => {
                self.answering = Some(true);
                self.settle(request);
            }
            Answer::To(request) => more.interim = Some(request.number),
            Answer::Uncertain if last => {
                // It stands for one of the requests before it, as a hole would.
                self.answering = Some(false);
                more.responses_hole = Some(start + 1);
            }
            Answer::Uncertain | Answer::Nothing => {}
        }
        answer
    }

    /// The method of what [a response](Pairing::response) answers, where one request waits at most, and nothing is
    /// missing; none where it answers nothing, or there is more to it.
    pub fn answered_in_turn(&self, start: u64, acked: u64) -> Option<Method> {
        let acked = if acked == 0 { u64::MAX } else { acked };
        let request = self.oldest.as_ref().filter(|_| self.more.is_none())?;
        request.may_cause(start, acked).then_some(request.method)
    }

    /// What a response answers, where one request waits at most, and nothing is missing.
    fn response_in_turn(&mut self, start: u64, acked: u64, last: bool) -> Answer {
        let Some(request) = self.oldest.filter(|request| request.may_cause(start, acked)) else {
            return Answer::Nothing;
        };
        if last {
            self.answering = Some(true);
            self.oldest = None;
        } else {
            self.more.get_or_insert_default().interim = Some(request.number);
        }
        Answer::To(request)
    }

    /// The request has its final response, and those before it have theirs or will not get any.
    fn settle(&mut self, request: Pending) {
        while self.pop().is_some_and(|pending| pending.number != request.number) {}
        if let Some(more) = &mut self.more {
            more.responses_hole = None;
            more.request_holes.retain(|hole| hole.end > request.start);
        }
    }

    fn choose(&self, more: &More, start: u64, acked: u64) -> Answer {
        let acknowledged = |pending: &&Pending| pending.head_end.is_some_and(|end| end.get() <= acked);
        let candidates = || self.pending().filter(|pending| pending.may_cause(start, acked));
        let holes = || more.request_holes.iter().filter(|hole| hole.start < acked);
        let Some(oldest) = candidates().find(acknowledged).or_else(|| candidates().next()) else {
            let lost = holes().any(|hole| !hole.explained);
            return if lost { Answer::Uncertain } else { Answer::Nothing };
        };
        // Who waits for each answer before the next request has all answers when that is sent.
        let in_turn = |request: &Pending| !self.pipelines && request.acked == start;
        let alone = |request: &Pending| {
            let mut before = holes().filter(|hole| hole.end <= request.start);
            before.all(|hole| hole.explained && in_turn(request))
        };
        let certain = match more.responses_hole {
            None => Some(oldest).filter(|oldest| alone(oldest)),
            Some(hole) => match candidates().find(|request| request.acked >= hole) {
                Some(after) if after.number == oldest.number => Some(after).filter(|after| alone(after)),
                Some(after) => Some(after).filter(|after| in_turn(after) && alone(after)),
                None => Some(oldest).filter(|_| candidates().nth(1).is_none() && holes().next().is_none()),
            },
        };
        certain.map_or(Answer::Uncertain, |request| Answer::To(*request))
    }

    /// A final response from `start` to `end` is whole.
    pub fn responded(&mut self, start: u64, end: u64) {
        let answering = self.answering.take();
        if self.oldest.is_none() && self.more.is_none() {
            return;
        }
        // Who sends a request while an answer is under way does not wait for each.
        let within = self.pending().any(|request| (start + 1..end).contains(&request.acked));
        let before_end = || self.pending().any(|request| request.acked < end);
        self.pipelines |= within || answering == Some(true) && before_end();
        if let (Some(false), Some(hole)) = (answering, self.more.as_mut().and_then(|more| more.responses_hole.as_mut()))
        {
            *hole = end.max(*hole);
        }
    }
}

impl Pending {
    /// Whether a response may answer it that begins at `start` and acknowledges `acked` of the requests.
    fn may_cause(&self, start: u64, acked: u64) -> bool {
        self.acked <= start && self.start < acked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Requests of 100 bytes at `start`, sent when `acked` of the responses had come.
    fn request(number: u32, start: u64, acked: u64) -> Pending {
        let acked = ORIGIN + acked;
        Pending {
            number,
            method: Method::Other,
            start,
            head_end: NonZero::new(start + 100),
            acked,
            done: None,
            asks: false,
            simple: false,
        }
    }

    fn number(answer: Answer) -> Option<u32> {
        match answer {
            Answer::To(request) => Some(request.number),
            Answer::Nothing => None,
            Answer::Uncertain => Some(0),
        }
    }

    #[test]
    fn pipelined_requests_are_answered_in_order_and_interim_responses_belong_to_the_same_request() {
        let mut pairing = Pairing::default();
        pairing.request(request(1, 0, 0));
        pairing.request(request(2, 100, 0));
        assert_eq!(number(pairing.response(ORIGIN, 200, false)), Some(1));
        assert_eq!(number(pairing.response(ORIGIN + 50, 200, true)), Some(1));
        assert_eq!(number(pairing.response(ORIGIN + 100, 200, true)), Some(2));
        assert_eq!(number(pairing.response(ORIGIN + 200, 200, true)), None);
    }

    #[test]
    fn a_response_does_not_answer_what_it_does_not_acknowledge() {
        let mut pairing = Pairing::default();
        pairing.request(request(1, 0, 0));
        assert_eq!(number(pairing.response(ORIGIN, 100, true)), Some(1));
        pairing.request(request(2, 100, 50));
        assert_eq!(number(pairing.response(ORIGIN + 50, 100, true)), None);
        assert_eq!(number(pairing.response(ORIGIN + 60, 200, true)), Some(2));
    }

    #[test]
    fn a_lost_response_is_not_replaced_by_the_next_one() {
        let mut pairing = Pairing::default();
        pairing.request(request(1, 0, 0));
        pairing.hole_in_responses(ORIGIN + 500);
        pairing.request(request(2, 100, 500));
        assert_eq!(number(pairing.response(ORIGIN + 500, 200, true)), Some(2));
    }

    #[test]
    fn a_response_after_a_lost_response_and_a_lost_request_is_uncertain_and_the_next_one_is_not() {
        let mut pairing = Pairing::default();
        pairing.request(request(1, 0, 0));
        pairing.hole_in_responses(ORIGIN + 500);
        pairing.hole_in_requests(100, 200, false);
        assert_eq!(number(pairing.response(ORIGIN + 500, 200, true)), Some(0));
        pairing.request(request(4, 200, 700));
        assert_eq!(number(pairing.response(ORIGIN + 700, 300, true)), Some(4));
    }

    #[test]
    fn the_response_to_a_lost_request_names_none() {
        let mut pairing = Pairing::default();
        pairing.request(request(1, 0, 0));
        assert_eq!(number(pairing.response(ORIGIN, 100, true)), Some(1));
        pairing.hole_in_requests(100, 200, false);
        assert_eq!(number(pairing.response(ORIGIN + 500, 200, true)), Some(0));
        pairing.request(request(4, 200, 700));
        assert_eq!(number(pairing.response(ORIGIN + 700, 300, true)), Some(4));
    }

    #[test]
    fn the_final_response_follows_its_interim_one() {
        let mut pairing = Pairing::default();
        pairing.request(request(1, 0, 0));
        pairing.hole_in_responses(ORIGIN + 500);
        pairing.request(request(2, 100, 500));
        assert_eq!(number(pairing.response(ORIGIN + 500, 200, false)), Some(2));
        assert_eq!(number(pairing.response(ORIGIN + 550, 200, true)), Some(2));
    }

    #[test]
    fn a_client_that_pipelines_leaves_what_follows_a_hole_uncertain() {
        let mut pairing = Pairing::default();
        pairing.request(request(1, 0, 0));
        pairing.request(request(2, 100, 0));
        assert_eq!(number(pairing.response(ORIGIN, 200, true)), Some(1));
        pairing.responded(ORIGIN, ORIGIN + 50);
        pairing.hole_in_responses(ORIGIN + 500);
        pairing.request(request(3, 200, 500));
        assert_eq!(number(pairing.response(ORIGIN + 500, 300, true)), Some(0));
    }

    #[test]
    fn pipelined_requests_around_a_hole_are_uncertain() {
        let mut pairing = Pairing::default();
        pairing.request(request(1, 0, 0));
        pairing.request(request(2, 100, 0));
        pairing.hole_in_responses(ORIGIN + 500);
        assert_eq!(number(pairing.response(ORIGIN + 500, 200, true)), Some(0));
    }

    #[test]
    fn requests_beyond_the_bound_leave_answers_uncertain() {
        let mut pairing = Pairing::default();
        let count = MAX_PENDING as u32 + 3;
        (0..count).for_each(|i| pairing.request(request(i + 1, u64::from(i) * 100, 0)));
        for i in 0..3 {
            assert_eq!(number(pairing.response(ORIGIN + i, u64::from(count) * 100, true)), Some(0));
            pairing.responded(ORIGIN + i, ORIGIN + i + 1);
        }
        pairing.request(request(count + 1, u64::from(count) * 100, 3));
        assert_eq!(number(pairing.response(ORIGIN + 3, u64::from(count + 1) * 100, true)), Some(0));
    }
}
