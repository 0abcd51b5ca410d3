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

    /// It is not known any more where the next frame begins, nor what was in those that were missed.
    pub(super) fn lose_track(&mut self, at: usize, desk: &mut Desk<'_, '_>) {
        self.abandon_block(at, desk);
        let side = &mut self.sides[at];
        let held = side.held.take();
        let class = if side.begun { Class::Undecodable } else { Class::BeforeFirst };
        desk.pass(class, held.bytes().len() as u64);
        (side.state, side.patchy, side.since_found) = (State::Lost, true, 0);
        side.blocks.lose();
        for stream in self.streams.values_mut() {
            if let Some(open) = &mut stream.open[at] {
                open.uncertain = true;
            }
        }
    }

    /// Looks for a frame.
    pub(super) fn look(&mut self, at: usize, run: &Run<'_>, desk: &mut Desk<'_, '_>) -> usize {
        let side = &mut self.sides[at];
        // A header that was not plausible is looked at from its second byte on.
        let tried = usize::from(side.held.bytes().len() >= HEADER_LEN);
        let before = side.held.bytes().len();
        let all = [side.held.bytes(), run.bytes].concat();
        let found = frame::find(&all[tried..]).map(|found| found + tried);
        // The last bytes may begin a header.
        let skipped = found.unwrap_or_else(|| (all.len() + 1 - HEADER_LEN.min(all.len() + 1)).max(tried));
        let class = if side.begun || desk.opener().is_some() { Class::Undecodable } else { Class::BeforeFirst };
        desk.pass(class, skipped as u64);
        side.held.drop_front(skipped);
        let from_run = skipped.saturating_sub(before);
        if found.is_some() {
            side.state = State::Header;
            side.patchy = true;
            if from_run > 0 {
                return from_run;
            }
            return self.header(at, run, desk);
        }
        if from_run < run.bytes.len() {
            side.held.add(&run.after(from_run), run.bytes.len() - from_run);
        }
        run.bytes.len()
    }

    /// A direction has ended: so have its messages.
    pub(super) fn cut(&mut self, at: usize, by: End, frame: FrameNumber, desk: &mut Desk<'_, '_>) {
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
        let held = self.sides[at].held.take();
        desk.pass(Class::Undecodable, held.bytes().len() as u64);
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
