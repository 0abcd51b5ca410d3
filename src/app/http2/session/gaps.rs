//! Bytes that are not there: within a frame they are counted, elsewhere the next frame is looked for.

use std::mem;

use super::Session;
use crate::app::http1::Run;
use crate::app::http2::frame::{self, HEADER_LEN, kind};
use crate::app::http2::side::{Owner, State};
use crate::app::ledger::Class;
use crate::app::message::{Integrity, Message};
use crate::app::protocol::Desk;
use crate::frame::FrameNumber;
use crate::tcp::reassembly::{Cause, End};

impl Session {
    /// The next `len` bytes of a direction are not there.
    pub(super) fn lack(&mut self, at: usize, offset: u64, len: u64, cause: Cause, desk: &mut Desk<'_, '_>) {
        self.settle(at, desk);
        let State::Frame(mut frame) = mem::replace(&mut self.sides[at].state, State::Header) else {
            return self.lose_track(at, desk);
        };
        let within = u32::try_from(len).map_or(frame.left, |len| len.min(frame.left));
        let lacking = frame.lack(within);
        if let Some(message) = self.message(at, &mut frame.owner) {
            message.lack_at(offset, within.into(), cause);
            let number = message.number;
            self.sides[at].places.add(number, offset, offset + u64::from(within));
        }
        if let Owner::Stream(id) = frame.owner
            && frame.header.kind == kind::DATA
            && let Some(open) = self.streams.get_mut(&id).and_then(|stream| stream.open[at].as_mut())
        {
            open.lacking += u64::from(lacking);
            if let Some((decoder, _)) = &mut open.undoing {
                decoder.end(false);
            }
        }
        if frame.left == 0 {
            self.end_frame(at, *frame, desk);
        } else {
            self.sides[at].state = State::Frame(frame);
        }
        if u64::from(within) < len {
            self.lose_track(at, desk);
        }
    }

    /// Nothing follows what is held: what may be a frame is one, if it is whole.
    fn settle(&mut self, at: usize, desk: &mut Desk<'_, '_>) {
        while matches!(self.sides[at].state, State::Lost) && !self.sides[at].held.bytes().is_empty() {
            self.search(at, true, desk);
            self.read_found(at, desk);
        }
    }

    /// It is not known any more where the next frame begins, nor what was in those that were missed.
    pub(super) fn lose_track(&mut self, at: usize, desk: &mut Desk<'_, '_>) {
        self.abandon_block(at, desk);
        self.skip(at, self.sides[at].held.bytes().len(), desk);
        let side = &mut self.sides[at];
        side.wanted = 0;
        (side.state, side.patchy, side.since_found) = (State::Lost, true, 0);
        side.blocks.lose();
        for stream in self.streams.values_mut() {
            if let Some(open) = &mut stream.open[at] {
                open.uncertain = true;
            }
        }
    }

    /// Looks for a frame in what comes.
    pub(super) fn look(&mut self, at: usize, run: &Run<'_>, desk: &mut Desk<'_, '_>) -> usize {
        self.sides[at].held.add(run, run.bytes.len());
        self.search(at, false, desk);
        run.bytes.len()
    }

    /// Looks for a frame in what is held: one that another one follows, or, where nothing `follows`, one that is whole.
    /// Where it may be one whose end is not there, more is waited for, up to the longest one.
    pub(super) fn search(&mut self, at: usize, is_last: bool, desk: &mut Desk<'_, '_>) {
        let side = &mut self.sides[at];
        if side.held.bytes().len() < side.wanted && !is_last {
            return;
        }
        loop {
            let side = &mut self.sides[at];
            side.wanted = 0;
            let Some((skipped, chain)) = frame::find(side.held.bytes()) else {
                // The last bytes may begin a header.
                let kept = if is_last { 0 } else { HEADER_LEN - 1 };
                let skipped = side.held.bytes().len().saturating_sub(kept);
                return self.skip(at, skipped, desk);
            };
            self.skip(at, skipped, desk);
            let side = &mut self.sides[at];
            if chain.links > 1 || is_last && chain.is_whole {
                (side.state, side.since_found) = (State::Header, 0);
                side.found = Some(side.held.take());
                return;
            }
            if !is_last {
                side.wanted = chain.first_len + HEADER_LEN;
                return;
            }
            self.skip(at, 1, desk);
        }
    }

    /// Passes over the first `len` bytes that are held.
    pub(super) fn skip(&mut self, at: usize, len: usize, desk: &mut Desk<'_, '_>) {
        let side = &mut self.sides[at];
        let joined = !side.begun && desk.opener().is_none();
        side.held.drop_front(len);
        desk.pass(if joined { Class::BeforeFirst } else { Class::Undecodable }, len as u64);
    }

    /// A direction has ended: so have its messages.
    pub(super) fn cut(&mut self, at: usize, by: End, frame: FrameNumber, desk: &mut Desk<'_, '_>) {
        self.settle(at, desk);
        let end = Integrity::cut_by(by);
        let ended = |message: &mut Message| {
            if frame > 0 && by != End::Capture {
                message.frame = frame;
            }
        };
        if let State::Frame(under_way) = mem::replace(&mut self.sides[at].state, State::Header)
            && let Owner::Own(mut message) = under_way.owner
        {
            ended(&mut message);
            self.give(at, message, end, desk);
        }
        if let Some((mut message, _)) = self.sides[at].block.take().and_then(|block| block.promise) {
            ended(&mut message);
            self.give(at, message, end, desk);
        }
        self.skip(at, self.sides[at].held.bytes().len(), desk);
        let ids: Vec<u32> = self.streams.keys().copied().collect();
        for id in ids {
            let Some(stream) = self.streams.get_mut(&id) else { continue };
            let reset = stream.reset.is_some();
            if let Some(open) = &mut stream.open[at] {
                ended(&mut open.message);
                self.finish(at, id, if reset { Integrity::Aborted } else { end }, desk);
            }
        }
    }

    /// The message under way of this number.
    pub(super) fn numbered(&mut self, at: usize, number: u32) -> Option<&mut Message> {
        let side = &mut self.sides[at];
        let own = match &mut side.state {
            State::Frame(frame) => match &mut frame.owner {
                Owner::Own(message) => Some(&mut **message),
                _ => None,
            },
            _ => None,
        };
        let promise = side.block.as_mut().and_then(|block| Some(&mut *block.promise.as_mut()?.0));
        let open = self.streams.values_mut().filter_map(|stream| Some(&mut *stream.open[at].as_mut()?.message));
        own.into_iter().chain(promise).chain(open).find(|message| message.number == number)
    }
}
