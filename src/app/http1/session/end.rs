//! Where a direction lacks bytes, and where it ends: what becomes of the message under way.

use super::{Session, State};
use crate::app::Context;
use crate::app::message::{Integrity, Kind};
use crate::frame::FrameNumber;
use crate::issue::Issue;
use crate::tcp::reassembly::{Cause, End};

impl Session {
    /// The next `len` bytes of a direction are not there.
    pub fn gap(&mut self, at: usize, offset: u64, len: u64, cause: Cause, forced: bool, cx: &mut Context<'_>) {
        if !self.sides[at].begun {
            self.begin_stream(at, offset);
        }
        self.stop_guessing(at, cx);
        self.release(at, cx);
        self.believe(at, cx);
        let side = &mut self.sides[at];
        if forced && let Some(message) = &mut side.message {
            message.issues.insert(Issue::BufferFull);
        }
        let end = offset + len;
        let absorbed = match &mut side.state {
            State::Chunked(decoder) => decoder.pass(len),
            State::UntilClose => true,
            _ => false,
        };
        match &mut side.state {
            _ if absorbed => self.lack(at, len, cause),
            State::Length(left) => {
                let within = len.min(*left);
                *left -= within;
                let done = *left == 0;
                self.lack(at, within, cause);
                if done {
                    self.finish(at, Integrity::Complete, &[], cx);
                }
                if within < len {
                    self.sides[at].state = State::Resync { boundary: false };
                    self.note_hole(at, offset + within, end, false);
                }
            }
            State::Chunked(_) | State::UntilClose => {
                self.lack(at, len, cause);
                self.finish(at, Integrity::Gap, &[], cx);
                self.sides[at].state = State::Resync { boundary: false };
                self.note_hole(at, offset, end, true);
            }
            State::Head { .. } => {
                let exists = self.settle_head(at, cx);
                if exists {
                    self.lack(at, len, cause);
                    self.finish(at, Integrity::Gap, &[], cx);
                }
                self.sides[at].state = State::Resync { boundary: false };
                self.note_hole(at, offset, end, exists);
            }
            State::Start | State::Joined | State::Resync { .. } | State::Asked(_) => {
                side.state = State::Resync { boundary: false };
                self.note_hole(at, offset, end, false);
            }
            State::HandedOver => {
                self.with_protocol(cx, |protocol, desk| protocol.gap(at, offset, len, cause, desk));
            }
            State::Guess(_) => {}
        }
        if !absorbed {
            // The answer that a request waits for may be among them.
            self.release(1 - at, cx);
        }
    }

    /// Whether the end of a direction says nothing: it is between messages, and nothing was set aside.
    pub fn is_between(&self, at: usize) -> bool {
        let side = &self.sides[at];
        if matches!(side.state, State::HandedOver) && self.protocol().is_some() {
            return false;
        }
        matches!(side.state, State::Start | State::Joined | State::Resync { .. } | State::HandedOver) && !side.is_rare()
    }

    /// A direction has ended.
    pub fn end(&mut self, at: usize, by: End, frame: FrameNumber, cx: &mut Context<'_>) {
        self.settle_simple_request(at, &[], cx);
        self.stop_guessing(at, cx);
        self.release(at, cx);
        // Not a byte of a body that HEAD would not have: nothing tells that one was sent.
        if by == End::Fin && self.sides[at].doubt().is_some_and(|doubt| doubt.is_empty()) {
            self.finish(at, Integrity::Complete, &[], cx);
        }
        self.believe(at, cx);
        let cut = Integrity::cut_by(by);
        match self.sides[at].state {
            State::Head { .. } => {
                if self.settle_head(at, cx) {
                    let answered = self.answered(at);
                    if let Some(message) = &mut self.sides[at].message {
                        let whole_line = message.http().is_some_and(|http| http.raw.contains(&b'\n'));
                        if whole_line && (by != End::Capture || answered) {
                            message.issues.insert(Issue::MissingBlankLine);
                        }
                        if frame > 0 && by != End::Capture {
                            message.frame = frame;
                        }
                    }
                    self.finish(at, cut, &[], cx);
                }
            }
            State::UntilClose if by == End::Fin => {
                if let Some(message) = &mut self.sides[at].message
                    && frame > 0
                {
                    message.frame = frame;
                }
                self.finish(at, Integrity::Complete, &[], cx);
            }
            State::Length(_) | State::Chunked(_) | State::UntilClose => self.finish(at, cut, &[], cx),
            State::HandedOver => {
                self.with_protocol(cx, |protocol, desk| protocol.end(at, by, frame, desk));
            }
            State::Start | State::Joined | State::Resync { .. } | State::Asked(_) | State::Guess(_) => {}
        }
    }

    /// Whether the request under way has its final response.
    fn answered(&mut self, at: usize) -> bool {
        let number = self.sides[at].message.as_ref().map_or(0, |message| message.number);
        number > 0 && self.sides[at].role == Some(Kind::Request) && self.pairing.waiting(number).is_none()
    }
}
