//! Which request a response answers: by cause and effect, as the acknowledgments show it.
//!
//! A response answers the oldest request without a final response whose head its first segment acknowledges. Where
//! bytes of either stream are missing, a request or a response may be among them; then a pair is named only if the
//! order of cause and effect leaves no other.

use std::collections::VecDeque;

use crate::frame::{FrameNumber, Timestamp};

/// Requests that wait for their responses; a client that pipelines more is not one.
const MAX_PENDING: usize = 4096;

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
    pub head_end: Option<u64>,
    /// How much of the server's stream its first segment acknowledged.
    pub acked: u64,
    /// Frame and time of its last byte, once it is there.
    pub done: Option<(FrameNumber, Timestamp)>,
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

impl Hole {
    fn widen(hole: &mut Option<Self>, start: u64, end: u64, explained: bool) {
        *hole = Some(match *hole {
            Some(old) => Self { start: old.start.min(start), end, explained: false },
            None => Self { start, end, explained },
        });
    }
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

/// Requests and responses of one connection.
#[derive(Debug, Default)]
pub struct Pairing {
    pending: VecDeque<Pending>,
    requests_hole: Option<Hole>,
    responses_hole: Option<Hole>,
    /// The request that an interim response answered; the final one follows, as long as nothing is missing.
    interim: Option<u32>,
    /// What the final response under way answers: a request that is known (`true`), or that cannot be told.
    answering: Option<bool>,
    /// Whether the client sends requests before earlier ones are answered.
    pipelines: bool,
}

impl Pairing {
    /// A request has begun.
    pub fn request(&mut self, request: Pending) {
        if self.pending.len() == MAX_PENDING {
            self.pending.pop_front();
        }
        let hole = self.responses_hole.map_or(0, |hole| hole.end);
        self.pipelines |= self.pending.back().is_some_and(|last| request.acked <= last.acked && hole <= last.acked);
        self.pending.push_back(request);
    }

    /// The request of this number, if it still waits.
    pub fn waiting(&mut self, number: u32) -> Option<&mut Pending> {
        // Numbers rise, so that the last ones are near the end.
        self.pending.iter_mut().rev().find(|pending| pending.number == number)
    }

    /// The oldest request without a final response.
    pub fn oldest(&self) -> Option<&Pending> {
        self.pending.front()
    }

    /// A message begins at `start` after what could not be read since the hole: it reaches up to there.
    pub fn resynchronised(&mut self, requests: bool, start: u64) {
        let hole = if requests { &mut self.requests_hole } else { &mut self.responses_hole };
        if let Some(hole) = hole {
            hole.end = hole.end.max(start);
        }
    }

    /// Bytes of the requests are missing; `explained` where a request was met that lacks them.
    pub fn hole_in_requests(&mut self, start: u64, end: u64, explained: bool) {
        Hole::widen(&mut self.requests_hole, start, end, explained);
    }

    /// Bytes of the responses are missing; `explained` where a response was met that lacks them.
    pub fn hole_in_responses(&mut self, start: u64, end: u64, explained: bool) {
        self.interim = None;
        Hole::widen(&mut self.responses_hole, start, end, explained);
    }

    /// What a response answers that begins at `start` and whose first segment acknowledges `acked` of the requests (0
    /// where that is not known). A final response, unlike an interim one, is the `last` to its request.
    pub fn response(&mut self, start: u64, acked: u64, last: bool) -> Answer {
        let acked = if acked == 0 { u64::MAX } else { acked };
        let interim = self.interim.and_then(|number| self.waiting(number).copied());
        let answer = interim.map_or_else(|| self.choose(start, acked), Answer::To);
        self.interim = match answer {
            Answer::To(request) if !last => Some(request.number),
            _ => None,
        };
        match answer {
            Answer::To(request) if last => {
                self.answering = Some(true);
                self.settle(request);
            }
            Answer::Uncertain if last => {
                // It stands for one of the requests before it, as a hole would.
                self.answering = Some(false);
                Hole::widen(&mut self.responses_hole, start, start + 1, false);
            }
            _ => {}
        }
        if last
            && !matches!(answer, Answer::To(_))
            && let Some(hole) = &mut self.requests_hole
        {
            // A request that was missed has its response now.
            hole.explained = true;
        }
        answer
    }

    /// A final response ends at `end`.
    pub fn responded(&mut self, end: u64) {
        match (self.answering.take(), &mut self.responses_hole) {
            (Some(true), _) => self.pipelines |= self.pending.iter().any(|request| request.acked < end),
            (Some(false), Some(hole)) => hole.end = hole.end.max(end),
            _ => {}
        }
    }

    /// The request has its final response, and those before it have theirs or will not get any.
    fn settle(&mut self, request: Pending) {
        while self.pending.pop_front().is_some_and(|pending| pending.number != request.number) {}
        self.responses_hole = None;
        if self.requests_hole.is_some_and(|hole| hole.end <= request.start) {
            self.requests_hole = None;
        }
    }

    fn choose(&self, start: u64, acked: u64) -> Answer {
        let possible = |pending: &&Pending| pending.acked <= start && pending.start < acked;
        let acknowledged = |pending: &&Pending| pending.head_end.is_some_and(|end| end <= acked);
        let candidates = || self.pending.iter().filter(possible);
        let hidden = self.requests_hole.filter(|hole| hole.end <= acked);
        let Some(oldest) = candidates().find(acknowledged).or_else(|| candidates().next()) else {
            let lost = hidden.is_some_and(|hole| !hole.explained);
            return if lost { Answer::Uncertain } else { Answer::Nothing };
        };
        // Who waits for each answer before the next request has all answers when that is sent.
        let in_turn = |request: &Pending| !self.pipelines && request.acked == start;
        let alone = |request: &Pending| match hidden {
            Some(hole) if hole.end <= request.start => hole.explained && in_turn(request),
            _ => true,
        };
        let certain = match self.responses_hole {
            None => Some(oldest).filter(|oldest| alone(oldest)),
            Some(hole) => match candidates().find(|request| request.acked >= hole.end) {
                Some(after) if after.number == oldest.number => Some(after).filter(|after| alone(after)),
                Some(after) => Some(after).filter(|after| in_turn(after)),
                None => Some(oldest).filter(|_| candidates().nth(1).is_none() && hidden.is_none()),
            },
        };
        certain.map_or(Answer::Uncertain, |request| Answer::To(*request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Requests of 100 bytes at `start`, sent when `acked` of the responses had come.
    fn request(number: u32, start: u64, acked: u64) -> Pending {
        Pending {
            number,
            method: Method::Other,
            start,
            head_end: Some(start + 100),
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
        assert_eq!(number(pairing.response(0, 200, false)), Some(1));
        assert_eq!(number(pairing.response(50, 200, true)), Some(1));
        assert_eq!(number(pairing.response(100, 200, true)), Some(2));
        assert_eq!(number(pairing.response(200, 200, true)), None);
    }

    #[test]
    fn a_response_does_not_answer_what_it_does_not_acknowledge() {
        let mut pairing = Pairing::default();
        pairing.request(request(1, 0, 0));
        assert_eq!(number(pairing.response(0, 100, true)), Some(1));
        pairing.request(request(2, 100, 50));
        assert_eq!(number(pairing.response(50, 100, true)), None);
        assert_eq!(number(pairing.response(60, 200, true)), Some(2));
    }

    #[test]
    fn a_lost_response_is_not_replaced_by_the_next_one() {
        let mut pairing = Pairing::default();
        pairing.request(request(1, 0, 0));
        pairing.hole_in_responses(0, 500, false);
        pairing.request(request(2, 100, 500));
        assert_eq!(number(pairing.response(500, 200, true)), Some(2));
    }

    #[test]
    fn a_response_after_a_lost_response_and_a_lost_request_is_uncertain_and_the_next_one_is_not() {
        let mut pairing = Pairing::default();
        pairing.request(request(1, 0, 0));
        pairing.hole_in_responses(0, 500, false);
        pairing.hole_in_requests(100, 200, false);
        assert_eq!(number(pairing.response(500, 200, true)), Some(0));
        pairing.request(request(4, 200, 700));
        assert_eq!(number(pairing.response(700, 300, true)), Some(4));
    }

    #[test]
    fn the_response_to_a_lost_request_names_none() {
        let mut pairing = Pairing::default();
        pairing.request(request(1, 0, 0));
        assert_eq!(number(pairing.response(0, 100, true)), Some(1));
        pairing.hole_in_requests(100, 200, false);
        assert_eq!(number(pairing.response(500, 200, true)), Some(0));
        pairing.request(request(4, 200, 700));
        assert_eq!(number(pairing.response(700, 300, true)), Some(4));
    }

    #[test]
    fn the_final_response_follows_its_interim_one() {
        let mut pairing = Pairing::default();
        pairing.request(request(1, 0, 0));
        pairing.hole_in_responses(0, 500, false);
        pairing.request(request(2, 100, 500));
        assert_eq!(number(pairing.response(500, 200, false)), Some(2));
        assert_eq!(number(pairing.response(550, 200, true)), Some(2));
    }

    #[test]
    fn a_client_that_pipelines_leaves_what_follows_a_hole_uncertain() {
        let mut pairing = Pairing::default();
        pairing.request(request(1, 0, 0));
        pairing.request(request(2, 100, 0));
        assert_eq!(number(pairing.response(0, 200, true)), Some(1));
        pairing.responded(50);
        pairing.hole_in_responses(50, 500, false);
        pairing.request(request(3, 200, 500));
        assert_eq!(number(pairing.response(500, 300, true)), Some(0));
    }

    #[test]
    fn pipelined_requests_around_a_hole_are_uncertain() {
        let mut pairing = Pairing::default();
        pairing.request(request(1, 0, 0));
        pairing.request(request(2, 100, 0));
        pairing.hole_in_responses(0, 500, false);
        assert_eq!(number(pairing.response(500, 200, true)), Some(0));
    }
}
