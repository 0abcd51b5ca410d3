//! What a capture may lack: each place in which a message could lie that is not in it.

use std::fmt::Write;

use super::{Kept, Known, Trace};
use crate::app::http1::framing::{Framing, framing};
use crate::app::message::{Kind, Message};
use crate::event::Close;
use crate::frame::FrameNumber;
use crate::issue::Issue;

/// A place in which something could lie that was not captured.
#[derive(Clone, Debug)]
pub struct Doubt {
    /// What is missing.
    pub what: String,
    /// The connection, by its index, unless it could be on any, or be one.
    pub connection: Option<usize>,
    /// The end that could have sent it: 0 for who sent the first frame. None where it could be either.
    pub side: Option<usize>,
    /// Whether it lies where capturing had not begun or was over: nothing shows that something is missing there.
    pub weak: bool,
    /// The frames between which it lies.
    pub frames: (FrameNumber, FrameNumber),
}

/// The frames between which doubts lie, made to be asked often.
#[derive(Debug, Default)]
pub struct Spans {
    /// For each, by where they begin: that, and the latest end of those so far.
    ends: Vec<(FrameNumber, FrameNumber)>,
}

impl Spans {
    fn new<'d>(doubts: impl Iterator<Item = &'d Doubt>) -> Self {
        let mut ends: Vec<_> = doubts.map(|doubt| doubt.frames).collect();
        ends.sort_unstable();
        let mut latest = 0;
        for (_, end) in &mut ends {
            latest = latest.max(*end);
            *end = latest;
        }
        Self { ends }
    }

    /// Whether one begins before `until` and ends after `from`.
    pub(super) fn meet(&self, from: FrameNumber, until: FrameNumber) -> bool {
        let begun = self.ends.partition_point(|(begin, _)| *begin < until);
        begun.checked_sub(1).and_then(|last| self.ends.get(last)).is_some_and(|(_, end)| *end > from)
    }
}

/// What is known of the capture as a whole.
#[derive(Clone, Default, Debug)]
pub struct Losses {
    /// Why the file was not read to its end.
    pub cut: Option<String>,
    /// Frames that the capture itself says were dropped.
    pub dropped: u64,
    /// Frames cut within their headers, and the first of them.
    pub headless: (u64, FrameNumber),
    /// Datagrams of which fragments are missing.
    pub fragments: u64,
    /// Connections forgotten, and holes given up, because a bound was reached.
    pub bounds: u64,
    /// Messages beyond the bound on what is kept.
    pub unkept: u64,
}

impl Trace {
    /// Finds the doubts; whether each message is certain to be where it seems comes with them.
    pub(super) fn doubt(&mut self) {
        for held in &mut self.connections {
            let wire = &held.wire;
            held.known = Known {
                whole: wire.is_whole(),
                sides: [0, 1].map(|side| wire.halves[side].is_whole()),
                ends: [0, 1].map(|side| wire.ends(side)),
                closed: wire.closed(),
                doubted: false,
                lossy: false,
            };
        }
        let mut doubts = self.of_the_capture();
        for connection in 0..self.connections.len() {
            let blind = self.judge(connection, &mut doubts);
            self.mark_certain(connection, blind);
        }
        let losses = doubts.iter().any(|doubt| !doubt.weak);
        let lossy = self.connections.iter().any(|connection| !connection.known.whole);
        let open = self.connections.iter().any(|held| held.known.ends != [true; 2]);
        let weak = |what: &str, from| Doubt {
            what: what.into(),
            connection: None,
            side: None,
            weak: true,
            frames: (from, FrameNumber::MAX),
        };
        if losses || lossy {
            doubts.push(weak("frames are missing in this capture, so that others may be", 0));
        } else if open {
            doubts.push(weak(
                "the capture ends before its connections do, so that more may have followed",
                self.last_frame,
            ));
        }
        for doubt in &doubts {
            if let Some(held) = doubt.connection.and_then(|at| self.connections.get_mut(at)) {
                held.known.doubted = true;
                held.known.lossy |= !doubt.weak;
            }
        }
        let of_capture = doubts.iter().filter(|doubt| doubt.connection.is_none());
        self.spans = [Spans::new(doubts.iter()), Spans::new(of_capture)];
        self.doubts = doubts;
    }

    fn of_the_capture(&self) -> Vec<Doubt> {
        let Losses { cut, dropped, headless, fragments, bounds, unkept } = &self.losses;
        let anywhere =
            |what: String| Doubt { what, connection: None, side: None, weak: false, frames: (0, FrameNumber::MAX) };
        let mut doubts = Vec::new();
        if let Some(reason) = cut {
            doubts.push(Doubt { frames: (self.last_frame, FrameNumber::MAX), ..anywhere(reason.clone()) });
        }
        let counted = [
            (*dropped, "frames that were dropped while capturing, as the capture says itself"),
            (headless.0, "frames that were captured too short for their headers to be read"),
            (*fragments, "datagrams of which fragments were not captured"),
            (*bounds, "times a bound on memory was reached (see --limit)"),
            (*unkept, "messages beyond the bound on those that are kept (see --limit messages)"),
        ];
        for (count, what) in counted.into_iter().filter(|(count, _)| *count > 0) {
            doubts.push(anywhere(format!("{count} {what}")));
        }
        if self.connections.is_empty() {
            doubts.push(anywhere("there is no TCP connection in this capture".into()));
        }
        doubts
    }

    /// Adds the doubts about a connection. Gives for each side the offset of the first byte, from its beginning, from
    /// which on it is not certain what is a message; `None` where all of it is.
    fn judge(&self, index: usize, doubts: &mut Vec<Doubt>) -> [Option<i64>; 2] {
        let blind = [0, 1].map(|side| self.judge_side(index, side, doubts));
        let held = &self.connections[index];
        let ((first, last), stream) = (held.wire.frames, held.connection.flow.stream);
        if held.wire.halves.iter().any(|half| half.foreign) {
            let what =
                format!("segments between the ends of stream {stream} are of a connection whose beginning is lost");
            doubts.push(Doubt { what, connection: None, side: None, weak: false, frames: (first, FrameNumber::MAX) });
        }
        if [Issue::BufferFull, Issue::OutsideWindow].into_iter().any(|issue| held.connection.issues.contains(issue)) {
            let what = format!("segments of stream {stream} were turned away");
            doubts.push(Doubt { what, connection: Some(index), side: None, weak: false, frames: (first, last) });
        }
        blind
    }

    /// The same of one side.
    fn judge_side(&self, index: usize, side: usize, doubts: &mut Vec<Doubt>) -> Option<i64> {
        let held = &self.connections[index];
        let (first, last) = held.wire.frames;
        let stream = held.connection.flow.stream;
        let from = || format!("{} of stream {stream}", held.end_name(side));
        let mut blind = None;
        let half = &held.wire.halves[side];
        let doubt = |what, weak, frames| Doubt { what, connection: Some(index), side: Some(side), weak, frames };
        if !half.begins {
            blind = Some(i64::MIN);
            let what = format!("the capture does not have the beginning of what {} sent", from());
            doubts.push(doubt(what, false, (0, first)));
        }
        let holes = half.holes();
        let bodies = if holes.is_empty() { Vec::new() } else { self.bodies(index, side) };
        let is_within_body = |(start, end): (i64, i64)| {
            let at = bodies.partition_point(|body| body.0 <= start);
            at.checked_sub(1).is_some_and(|at| end <= bodies[at].1)
        };
        // After the first that hides something, nothing is certain.
        if let Some((start, end)) = holes.into_iter().find(|hole| blind.is_some() || !is_within_body(*hole)) {
            blind.get_or_insert(start);
            let mut what = String::new();
            // Writing to a string does not fail.
            let _ = match end {
                i64::MAX => write!(what, "more holes than are kept in what {} sent", from()),
                _ => write!(what, "{} bytes from {}, from byte {start} on, were not captured", end - start, from()),
            };
            doubts.push(doubt(what, false, (first, last)));
        }
        if !held.known.ends[side] {
            let what = match held.connection.close {
                Close::Forgotten | Close::Reused => format!("the end of what {} sent is not known", from()),
                _ => format!("the capture does not have the end of what {} sent", from()),
            };
            let known = matches!(held.connection.close, Close::Forgotten | Close::Reused);
            doubts.push(doubt(what, !known, (last, FrameNumber::MAX)));
        }
        blind
    }

    /// Where the bodies are that one end sent and whose end the head tells, so that a hole within hides no message: by
    /// their first bytes.
    fn bodies(&self, connection: usize, side: usize) -> Vec<(i64, i64)> {
        let sent = self.connections[connection].messages.iter().map(|at| &self.messages[*at]);
        let mut bodies: Vec<(i64, i64)> =
            sent.filter(|kept| kept.message.side == side).filter_map(|kept| self.body(kept)).collect();
        bodies.sort_unstable();
        bodies
    }

    fn body(&self, kept: &Kept) -> Option<(i64, i64)> {
        let message = &kept.message;
        let http = message.http().filter(|http| http.parsed.complete)?;
        let body = relative(message.start) + i64::from(http.parsed.len);
        let request = kept.pair.filter(|_| message.kind == Kind::Response).map(|at| &self.messages[at].message);
        let answered = request.and_then(|request| request.http()?.head().method());
        let ends = match framing(http.head(), answered).0 {
            Framing::Length(length) => body.checked_add(i64::try_from(length).ok()?)?,
            Framing::UntilClose => i64::MAX,
            _ => return None,
        };
        // A response whose request is not known may have no body at all.
        (!message.issues.contains(Issue::PairingUncertain)).then_some((body, ends))
    }

    /// A message is certain to be one, and to have its number, where all before it is there.
    fn mark_certain(&mut self, connection: usize, blind: [Option<i64>; 2]) {
        let held = &self.connections[connection];
        let client = held.connection.flow.client;
        let is_clear = |message: &Message| {
            let before = blind[message.side & 1].is_none_or(|blind| relative(message.start) < blind);
            before && !message.issues.contains(Issue::OverlapConflict)
        };
        let indexes = held.messages.clone();
        let mut certain_requests: Vec<u32> = indexes
            .iter()
            .map(|at| &self.messages[*at].message)
            .filter(|message| Some(message.side) == client && is_clear(message))
            .map(|message| message.number)
            .collect();
        certain_requests.sort_unstable();
        for at in indexes {
            let message = &self.messages[at].message;
            let is_paired = match client {
                Some(client) if message.side != client => {
                    let known = message.answers.is_some_and(|number| certain_requests.binary_search(&number).is_ok());
                    known || blind[client & 1].is_none() && !message.issues.contains(Issue::PairingUncertain)
                }
                _ => true,
            };
            self.messages[at].certain = is_clear(message) && is_paired;
        }
    }
}

/// The offset of a stream's byte from its first one.
fn relative(offset: u64) -> i64 {
    offset.wrapping_sub(crate::tcp::reassembly::ORIGIN) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_meet_as_their_doubts_do() {
        let doubt = |frames| Doubt { what: String::new(), connection: None, side: None, weak: false, frames };
        let doubts = [(5, 9), (0, 3), (12, FrameNumber::MAX)].map(doubt);
        let spans = Spans::new(doubts.iter());
        for from in 0..16 {
            for until in from..16 {
                let meets = doubts.iter().any(|doubt| doubt.frames.0 < until && doubt.frames.1 > from);
                assert_eq!(spans.meet(from, until), meets, "{from} {until}");
            }
        }
        assert!(!Spans::default().meet(0, 9));
    }
}
