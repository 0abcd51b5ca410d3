//! What the segments of a connection prove of it by their numbers alone: where its streams begin and end, which bytes
//! of them were never captured, and who closed it first.
//!
//! It is kept beside the reassembly, which has to decide what to hand on; here it only has to be known what is certain.

use crate::decode::TcpHeader;
use crate::frame::FrameNumber;
use crate::tcp::Control;

/// Runs of captured bytes that are kept of a direction. One with more holes is not judged.
const MAX_RUNS: usize = 1024;

/// The largest window there is (RFC 7323 2.3).
const MAX_WINDOW: i64 = 1 << 30;

/// What is known of a connection.
#[derive(Clone, Default, Debug)]
pub struct Wire {
    /// What each end sent, that of the first frame first.
    pub halves: [Half; 2],
    /// Its first and its last frame.
    pub frames: (FrameNumber, FrameNumber),
}

/// What is known of one direction. Offsets count from its first byte, or from some byte where that is not known.
#[derive(Clone, Default, Debug)]
pub struct Half {
    /// The sequence number at offset 0, once there is one.
    base: Option<u32>,
    /// Whether offset 0 is its first byte.
    pub begins: bool,
    /// Offset of the newest segment, from which sequence numbers are told.
    newest: i64,
    /// Captured bytes, in order, apart from each other.
    runs: Vec<(i64, i64)>,
    /// Whether runs were left out.
    overfull: bool,
    /// Offset of the FIN, and the frame of its first copy.
    fin: Option<(i64, FrameNumber)>,
    /// The lowest acknowledgment number that a FIN had.
    fin_ack: Option<u32>,
    /// One past the highest number that the peer acknowledged.
    acked: Option<i64>,
    /// Offset of the first RST, its acknowledgment number, its frame.
    rst: Option<(i64, Option<u32>, FrameNumber)>,
    /// Whether bytes were captured after the peer had acknowledged them: their first copy may be lost.
    pub late: bool,
    /// Whether there were segments that cannot be of it: of another connection, whose beginning is lost.
    pub foreign: bool,
}

/// Who ended a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Closed {
    /// This end, whatever the other did then.
    By(usize),
    /// Both, neither knowing of the other; this one's was captured first.
    Both(usize),
    /// It cannot be told, or neither has.
    Unknown,
}

impl Wire {
    /// Takes the next segment, of a payload of `captured` and then `missing` bytes; `dir` is 0 where it is of the end
    /// that sent the first frame.
    pub fn push(&mut self, dir: usize, header: &TcpHeader<'_>, captured: u32, missing: u32, frame: FrameNumber) {
        if self.frames.0 == 0 {
            self.frames.0 = frame;
        }
        self.frames.1 = frame;
        let is = |bit: u16| header.flags & bit != 0;
        let ack = is(Control::ACK).then_some(header.ack);
        let [half, peer] = self.halves.get_disjoint_mut([dir, 1 - dir]).unwrap_or_else(|_| unreachable!("0 and 1"));
        half.segment(header, captured, missing, frame, ack);
        if let Some(ack) = ack {
            peer.acknowledge(ack, is(Control::SYN), is(Control::RST));
        }
    }

    /// Who closed it first. A FIN or a RST that was sent without knowing of one of the peer's came first.
    pub fn closed(&self) -> Closed {
        if self.halves.iter().any(|half| half.foreign) {
            return Closed::Unknown;
        }
        let knew = [0, 1].map(|dir| {
            let (half, peer) = (&self.halves[dir], &self.halves[1 - dir]);
            match (half.fin, half.rst) {
                (Some(_), _) => half.fin_ack.and_then(|ack| peer.is_end_acknowledged_by(ack)),
                (None, Some((_, ack, _))) => ack.and_then(|ack| peer.is_end_acknowledged_by(ack)),
                (None, None) => None,
            }
        });
        let frame = |dir: usize| {
            let Half { fin, rst, .. } = &self.halves[dir];
            fin.map(|(_, frame)| frame).or(rst.map(|(.., frame)| frame)).unwrap_or(FrameNumber::MAX)
        };
        match knew {
            [Some(false), Some(false)] => Closed::Both(usize::from(frame(1) < frame(0))),
            [Some(false), _] => Closed::By(0),
            [_, Some(false)] => Closed::By(1),
            _ => Closed::Unknown,
        }
    }

    /// Whether nothing of this direction can have come after what was captured.
    pub fn ends(&self, dir: usize) -> bool {
        let (half, peer) = (&self.halves[dir], &self.halves[1 - dir]);
        let by_itself = half.fin.is_some() || half.rst.is_some();
        let by_peer = peer
            .rst
            .is_some_and(|(_, ack, _)| half.is_located() && ack.is_some_and(|ack| half.offset(ack) <= half.end()));
        by_itself || by_peer
    }

    /// Whether it shows no loss at all, its end apart.
    pub fn is_whole(&self) -> bool {
        self.halves.iter().all(|half| half.is_whole() && !half.late && !half.foreign)
    }
}

impl Half {
    fn segment(&mut self, header: &TcpHeader<'_>, captured: u32, missing: u32, frame: FrameNumber, ack: Option<u32>) {
        let is = |bit: u16| header.flags & bit != 0;
        let seq = header.seq.wrapping_add(u32::from(is(Control::SYN)));
        if is(Control::SYN) && !self.begins {
            // What was seen before counts from here.
            let moved = if self.base.is_some() { self.offset(seq) } else { 0 };
            self.shift(-moved);
            (self.base, self.begins) = (Some(seq), true);
        }
        self.base.get_or_insert(seq);
        let offset = self.offset(seq);
        self.foreign |= is(Control::SYN) && offset != 0;
        if is(Control::RST) {
            self.rst.get_or_insert((offset, ack, frame));
            return;
        }
        let beyond = self.fin.is_some_and(|(fin, _)| offset > fin + 1);
        self.foreign |= beyond || self.begins && !(-1..=self.end() + MAX_WINDOW).contains(&offset);
        let end = offset + i64::from(captured);
        let is_probe = captured <= 1 && offset < self.end() && !is(Control::FIN);
        if captured > 0 {
            self.late |= !is_probe && self.acked.is_some_and(|acked| acked >= end) && !self.has(offset, end);
            self.add(offset, end);
        }
        if is(Control::FIN) {
            let at = end + i64::from(missing);
            self.fin.get_or_insert((at, frame));
            self.fin_ack = match (self.fin_ack, ack) {
                (Some(known), Some(ack)) if (ack.wrapping_sub(known) as i32) >= 0 => Some(known),
                (known, None) => known,
                (_, ack) => ack,
            };
        }
        self.newest = self.newest.max(end + i64::from(missing));
        if missing > 0 {
            // It is known that they were sent.
            self.acked = self.acked.max(Some(end + i64::from(missing)));
        }
    }

    fn acknowledge(&mut self, ack: u32, syn: bool, rst: bool) {
        if syn && self.base.is_none() {
            (self.base, self.begins) = (Some(ack), true);
        } else if syn && !self.begins {
            let moved = self.offset(ack);
            self.shift(-moved);
            (self.base, self.begins) = (Some(ack), true);
        }
        if self.base.is_none() && !rst {
            self.base = Some(ack);
        }
        if self.base.is_some() {
            self.acked = self.acked.max(Some(self.offset(ack)));
        }
    }

    /// Counts all offsets anew.
    fn shift(&mut self, by: i64) {
        self.newest += by;
        self.runs.iter_mut().for_each(|(start, end)| (*start, *end) = (*start + by, *end + by));
        self.acked = self.acked.map(|at| at + by);
        self.fin = self.fin.map(|(at, frame)| (at + by, frame));
        self.rst = self.rst.map(|(at, ack, frame)| (at + by, ack, frame));
    }

    /// The offset of a sequence number that is nearest to the newest one.
    fn offset(&self, seq: u32) -> i64 {
        let newest = self.base.unwrap_or(seq).wrapping_add(self.newest as u32);
        self.newest + i64::from(seq.wrapping_sub(newest) as i32)
    }

    /// Whether all of it was captured, up to where others prove that it goes.
    pub fn is_whole(&self) -> bool {
        self.begins && self.holes().is_empty()
    }

    /// One past the highest byte captured.
    pub fn end(&self) -> i64 {
        self.runs.last().map_or(0, |run| run.1)
    }

    fn has(&self, start: i64, end: i64) -> bool {
        let at = self.runs.partition_point(|run| run.1 < end);
        self.runs.get(at).is_some_and(|run| run.0 <= start && run.1 >= end)
    }

    fn add(&mut self, start: i64, end: i64) {
        let from = self.runs.partition_point(|run| run.1 < start);
        let to = self.runs.partition_point(|run| run.0 <= end);
        if from == to {
            if self.runs.len() == MAX_RUNS {
                self.overfull = true;
                return;
            }
            self.runs.insert(from, (start, end));
            return;
        }
        // `from < to`: some runs touch it, and become one with it.
        let merged = (start.min(self.runs[from].0), end.max(self.runs[to - 1].1));
        self.runs[from] = merged;
        self.runs.drain(from + 1..to);
    }

    /// Whether it is known of some number that it comes before the end.
    fn is_located(&self) -> bool {
        self.begins || !self.runs.is_empty()
    }

    /// Whether an acknowledgment covers more than the bytes captured: the FIN. None where that is not to be told.
    fn is_end_acknowledged_by(&self, ack: u32) -> Option<bool> {
        if !self.is_located() {
            return None;
        }
        let acked = self.offset(ack);
        match self.fin {
            Some((fin, _)) => Some(acked > fin),
            None if acked <= self.end() => Some(false),
            None => None,
        }
    }

    /// Runs of bytes that were sent, as others prove, and not captured.
    pub fn holes(&self) -> Vec<(i64, i64)> {
        let mut holes = Vec::new();
        let mut at = if self.begins { 0 } else { self.runs.first().map_or(0, |run| run.0) };
        for &(start, end) in &self.runs {
            if start > at {
                holes.push((at, start));
            }
            at = at.max(end);
        }
        // One number beyond all bytes is the FIN's.
        let acked = self.acked.filter(|acked| *acked > at + 1);
        let sent =
            self.fin.map(|(fin, _)| fin).or(acked).max(self.rst.map(|(at, ..)| at).filter(|_| self.fin.is_none()));
        if let Some(sent) = sent.filter(|sent| *sent > at) {
            holes.push((at, sent));
        }
        if self.overfull {
            holes.push((at, i64::MAX));
        }
        holes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIN: u16 = Control::FIN | Control::ACK;
    const SYN: u16 = Control::SYN;
    const ACK: u16 = Control::ACK;
    const RST: u16 = Control::RST;

    /// A conversation: direction, flags, sequence number, acknowledgment number, length.
    const TALK: [(usize, u16, u32, u32, u32); 9] = [
        (0, SYN, 99, 0, 0),
        (1, SYN | ACK, 499, 100, 0),
        (0, ACK, 100, 500, 0),
        (0, ACK, 100, 500, 50),
        (1, ACK, 500, 150, 20),
        (0, ACK, 150, 520, 0),
        (0, FIN, 150, 520, 0),
        (1, FIN, 520, 151, 0),
        (0, ACK, 151, 521, 0),
    ];

    fn wire<'a>(talk: impl IntoIterator<Item = &'a (usize, u16, u32, u32, u32)>) -> Wire {
        let mut wire = Wire::default();
        for (frame, &(dir, flags, seq, ack, len)) in (1..).zip(talk) {
            let header = TcpHeader { src: 0, dst: 0, seq, ack, flags, window: 0, options: &[], is_cut: false };
            wire.push(dir, &header, len, 0, frame);
        }
        wire
    }

    #[test]
    fn of_a_whole_conversation_all_is_known() {
        let wire = wire(&TALK);
        assert!(wire.is_whole() && wire.ends(0) && wire.ends(1));
        assert_eq!(wire.closed(), Closed::By(0));
    }

    #[test]
    fn whatever_is_lost_nothing_false_is_said() {
        for kept in 0..1_u32 << TALK.len() {
            let part: Vec<_> = TALK.iter().enumerate().filter(|(at, _)| kept >> at & 1 != 0).map(|(_, s)| s).collect();
            // Which end sent the first frame is then another.
            let Some(first) = part.first().map(|segment| segment.0) else { continue };
            let turned: Vec<_> = part.iter().map(|&&(dir, f, s, a, l)| (dir ^ first, f, s, a, l)).collect();
            let wire = wire(&turned);
            let client = first;
            assert!(matches!(wire.closed(), Closed::Unknown | Closed::By(_)), "{kept:b}");
            if let Closed::By(end) = wire.closed() {
                assert_eq!(end, client, "{kept:b}");
            }
            for (dir, at) in [(client, 3), (1 - client, 4)] {
                let half = &wire.halves[dir];
                let lost = kept >> at & 1 == 0;
                if lost && half.begins && wire.ends(dir) {
                    assert!(!half.holes().is_empty(), "{kept:b} {dir}");
                }
            }
        }
    }

    #[test]
    fn a_reset_tells_what_its_sender_had() {
        let reset = |flags, ack| {
            let mut talk = TALK[..6].to_vec();
            talk.push((0, flags, 150, ack, 0));
            wire(&talk)
        };
        let told = reset(RST | ACK, 520);
        assert_eq!((told.closed(), told.ends(0), told.ends(1)), (Closed::By(0), true, true));
        let more = reset(RST | ACK, 600);
        assert_eq!((more.closed(), more.ends(1)), (Closed::Unknown, false));
        assert_eq!(more.halves[1].holes(), [(20, 100)]);
        assert_eq!((reset(RST, 0).closed(), reset(RST, 0).ends(1)), (Closed::Unknown, false));
    }

    #[test]
    fn sequence_numbers_may_wrap_and_segments_come_in_any_order() {
        let mut talk = TALK.map(|(dir, flags, seq, ack, len)| {
            let moved = |number: u32, own: bool| if own { number.wrapping_sub(120) } else { number };
            (dir, flags, moved(seq, dir == 0), moved(ack, dir == 1), len)
        });
        talk[0].3 = 0;
        assert!(wire(&talk).is_whole());
        talk.swap(3, 4);
        let late = wire(&talk);
        assert!(late.halves[0].late && late.halves[0].holes().is_empty() && !late.is_whole());
    }
}
