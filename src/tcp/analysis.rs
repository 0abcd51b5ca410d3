//! Analysis of a connection, segment by segment in capture order: the flags that Wireshark 4.0.17 shows as
//! `tcp.analysis.*`, and what else follows from the same state.
//!
//! The flags describe; nothing is delivered or withheld because of them.

pub mod explain;
mod rules;
mod steady;

use super::flight::Flight;
use super::verdict::Verdict;
use super::{Control, Segment, Seq};
use crate::frame::{FrameNumber, Timestamp};
use crate::issue::Issue;
use rules::{Found, Observer};

/// The state of one connection, both directions. A million may be open, so that it is kept small.
#[derive(Debug)]
pub struct Analysis {
    halves: [Half; 2],
    timing: Timing,
    /// When the most recent SYN (without ACK) was captured, or the nanoseconds from it, as `timing` tells.
    timed: i64,
    flights: Option<Box<[Flight; 2]>>,
    /// Where the ports had another connection before this one: the initial sequence number that it had.
    former: Seq,
    age: Age,
    completeness: u8,
    /// The kinds of Multipath TCP options that either direction has sent.
    mptcp: u8,
}

/// How far the handshake was timed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Timing {
    /// There was no SYN.
    Not,
    /// Since the most recent SYN (without ACK).
    Since,
    /// To the first ACK without SYN.
    Done,
}

/// Whether the next segment is the first of its connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Age {
    /// It is.
    Fresh,
    /// It is, and the ports had another connection before.
    Reused,
    /// There was one.
    Begun,
}

/// What is known of one direction. A sequence number of 0 stands for one that is not known, as in Wireshark.
#[derive(Clone, Copy, Debug, Default)]
struct Half {
    /// The number that relative ones are counted from, if it is known.
    base: Seq,
    based: bool,
    /// The highest number after a segment.
    next_seq: Seq,
    /// The same, as long as nothing before it is missing.
    contiguous: Seq,
    last_ack: Seq,
    next_seq_time: Timestamp,
    last_ack_time: Timestamp,
    /// The first frame with that acknowledgment.
    last_ack_frame: FrameNumber,
    duplicate_acks: u32,
    /// Whether the peer acknowledged more than all that was captured, and nothing new was acknowledged to it since.
    unseen_flagged: bool,
    window: Option<u16>,
    scale: Scale,
    last: Last,
    /// Whether no ACK followed its SYN, the window of which is never scaled (RFC 7323 2.2).
    window_of_syn: bool,
    /// The kinds of Multipath TCP options that the connection had before its last segment.
    mptcp: u8,
    /// Whether it sent a SYN with a Fast Open cookie and data.
    fast_open: bool,
}

/// The window scaling of one direction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Scale {
    /// The handshake was not captured.
    #[default]
    Unknown,
    /// None was agreed on.
    Off,
    /// Shift count.
    Shift(u8),
}

/// What the last segment of one direction was.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Last {
    #[default]
    Other,
    KeepAlive,
    ZeroWindowProbe,
}

impl Analysis {
    /// Nothing seen yet. `details`: whether the fields from [`Verdict::bytes_in_flight`] on are wanted, which costs a
    /// list of unacknowledged segments.
    pub fn new(details: bool) -> Self {
        Self {
            halves: Default::default(),
            timing: Timing::Not,
            timed: 0,
            flights: details.then(Default::default),
            former: Seq(0),
            age: Age::Fresh,
            completeness: 0,
            mptcp: 0,
        }
    }

    /// Forgets everything: a SYN of direction `dir` begins another connection between the same ports, as
    /// [`Analysis::is_new_connection`] tells.
    pub fn reuse(&mut self, dir: usize) {
        let former = self.base(dir);
        *self = Self { former, age: Age::Reused, completeness: SYN_SENT, ..Self::new(self.flights.is_some()) };
    }

    /// Whether the segment begins another connection between the same ports: a SYN whose sequence number is not the
    /// initial one of its direction. Ask before [`Analysis::push`], and [`Analysis::reuse`] the state if so.
    pub fn is_new_connection(&self, dir: usize, segment: &Segment<'_>) -> bool {
        let Half { base, based, .. } = self.halves[dir & 1];
        segment.control.any(Control::SYN) && !segment.control.any(Control::ACK) && based && base != segment.seq
    }

    /// Nanoseconds from the SYN to the first ACK without SYN; 0 is not known.
    pub fn initial_rtt(&self) -> i64 {
        if self.timing == Timing::Done { self.timed } else { 0 }
    }

    /// The sequence number that the relative ones of direction `dir` are counted from; 0 as long as none is known.
    pub fn base(&self, dir: usize) -> Seq {
        self.halves[dir & 1].base
    }

    /// Takes the next segment of direction `dir` (0 or 1).
    #[inline]
    pub fn push(&mut self, dir: usize, segment: &Segment<'_>) -> Verdict {
        match self.steady(dir, segment) {
            Some(verdict) => verdict,
            None => self.push_observed(dir, segment, &mut ()),
        }
    }

    /// Takes a segment by all rules, with somebody who wants to know why.
    fn push_observed(&mut self, dir: usize, segment: &Segment<'_>, observer: &mut impl Observer) -> Verdict {
        let mut verdict = Verdict::default();
        self.step_back(dir, segment, &mut verdict);
        self.number(dir, segment, &mut verdict, observer);
        self.scale(dir, segment, &mut verdict);
        self.complete(segment, &mut verdict);
        self.fast_open(dir, segment, &mut verdict, observer);
        self.flag(dir, segment, &mut verdict, observer);
        self.time_handshake(segment);
        if let Some(flights) = &mut self.flights {
            let base = self.halves[dir & 1].base;
            let (fwd, rev) = pair(flights, dir);
            fwd.describe(rev, base, segment, &mut verdict);
        }
        self.update(dir, segment, &verdict);
        verdict.initial_rtt = self.initial_rtt();
        self.age = Age::Begun;
        if segment.options.are_cut { verdict.without_analysis() } else { verdict }
    }

    /// What there is to say of a segment that another packet quotes: its numbers as sent, and what the connection had
    /// before. Wireshark counts its control bits to what it had, and no more.
    pub fn describe(&mut self, dir: usize, segment: &Segment<'_>) -> Verdict {
        let mut verdict = Verdict {
            seq: segment.seq.0,
            next_seq: segment.seq.0.wrapping_add(occupied(segment)),
            ack: segment.ack.0,
            ..Verdict::default()
        };
        if self.age == Age::Reused {
            verdict.flags.insert(Issue::ReusedPorts);
        }
        self.scale(dir, segment, &mut verdict);
        self.complete(segment, &mut verdict);
        self.step_back(dir, segment, &mut verdict);
        self.time_handshake(segment);
        if let Some(flights) = &mut self.flights {
            pair(flights, dir).0.sack = segment.options.sack;
        }
        verdict.initial_rtt = self.initial_rtt();
        self.age = Age::Begun;
        verdict
    }

    /// Sets the bases and gives the relative numbers.
    fn number(&mut self, dir: usize, segment: &Segment<'_>, verdict: &mut Verdict, observer: &mut impl Observer) {
        let (fwd, rev) = pair(&mut self.halves, dir);
        let syn = segment.control.any(Control::SYN);
        let ack = segment.control.any(Control::ACK);
        let own = if syn { segment.seq } else { Seq(segment.seq.0.wrapping_sub(1)) };
        let base = fwd.base_or(own);
        let mut former = (self.age == Age::Reused).then_some(self.former);
        if syn && base != segment.seq {
            fwd.base = segment.seq;
            former = Some(base);
        }
        if let Some(base) = former {
            let found = &mut Found { flags: &mut verdict.flags, observer };
            found.insert(Issue::ReusedPorts, &Half { base, ..*fwd }, rev);
        }
        if ack {
            rev.base_or(Seq(segment.ack.0.wrapping_sub(1)));
        }
        verdict.seq = relative(segment.seq, fwd.base);
        verdict.next_seq = verdict.seq.wrapping_add(occupied(segment));
        verdict.ack = if ack { relative(segment.ack, rev.base) } else { segment.ack.0 };
        verdict.ack_base = rev.base;
    }

    /// Learns the window scale from a SYN and scales the window of any other segment (RFC 7323 2.2).
    fn scale(&mut self, dir: usize, segment: &Segment<'_>, verdict: &mut Verdict) {
        let scale = self.halves[dir & 1].scale;
        let window = u32::from(segment.window);
        if !segment.control.any(Control::SYN) {
            verdict.window_size = window << scale.shift();
            verdict.window_scale = Some(scale.factor());
            return;
        }
        verdict.window_size = window;
        self.learn_scale(dir, segment);
    }

    fn learn_scale(&mut self, dir: usize, segment: &Segment<'_>) {
        let (fwd, rev) = pair(&mut self.halves, dir);
        match segment.options.window_scale {
            None if segment.options.are_cut => {}
            None if fwd.scale == Scale::Unknown => (fwd.scale, rev.scale) = (Scale::Off, Scale::Off),
            None => {}
            Some(shift) => fwd.scale = Scale::Shift(shift.min(14)),
        }
        if segment.control.any(Control::ACK) && rev.scale == Scale::Off {
            fwd.scale = Scale::Off;
        }
    }

    /// Notes what the connection has had. Wireshark counts nothing of a first segment that is no SYN, a FIN only with
    /// ACK, data of a SYN only where it is the first on its ports, and of any other SYN a RST alone.
    fn complete(&mut self, segment: &Segment<'_>, verdict: &mut Verdict) {
        verdict.completeness = self.completeness;
        let control = segment.control;
        let (syn, ack, data) = (control.any(Control::SYN), control.any(Control::ACK), !segment.is_empty());
        let begin = syn && !ack;
        let fresh = self.age != Age::Begun;
        if fresh && !begin {
            return;
        }
        let first = fresh && !verdict.flags.contains(Issue::ReusedPorts);
        for (seen, bit) in [
            (fresh, SYN_SENT),
            (syn && ack, SYN_ACK),
            (!syn && ack && !data, ACK),
            (data && (!syn && ack || first), DATA),
            (control.any(Control::FIN) && ack, FIN),
            (control.any(Control::RST) && !first, RST),
        ] {
            self.completeness |= if seen { bit } else { 0 };
        }
    }

    /// Times the handshake, from the most recent SYN to the first ACK without SYN.
    fn time_handshake(&mut self, segment: &Segment<'_>) {
        let (syn, ack) = (segment.control.any(Control::SYN), segment.control.any(Control::ACK));
        if syn && !ack {
            if self.timing != Timing::Done {
                (self.timing, self.timed) = (Timing::Since, segment.time.0);
            }
        } else if ack && !syn && self.timing == Timing::Since {
            // Wireshark goes on to the next one where no time has passed.
            let rtt = segment.time.since(Timestamp(self.timed));
            if rtt != 0 {
                (self.timing, self.timed) = (Timing::Done, rtt);
            }
        }
    }

    /// Data in the SYN, and what became of it (RFC 7413).
    fn fast_open(&mut self, dir: usize, segment: &Segment<'_>, verdict: &mut Verdict, observer: &mut impl Observer) {
        if !segment.control.any(Control::SYN) {
            return;
        }
        let (fwd, rev) = pair(&mut self.halves, dir);
        let found = &mut Found { flags: &mut verdict.flags, observer };
        if !segment.control.any(Control::ACK) {
            if segment.options.fast_open.is_some_and(|cookie| cookie > 0) {
                found.insert(Issue::TfoSyn, fwd, rev);
                fwd.fast_open |= !segment.is_empty();
            }
        } else if verdict.ack > 1 {
            found.insert(Issue::TfoAck, fwd, rev);
        } else if rev.fast_open {
            found.insert(Issue::TfoIgnored, fwd, rev);
        }
    }

    /// A repeated SYN takes the expected number back to where the data had no hole.
    fn step_back(&mut self, dir: usize, segment: &Segment<'_>, verdict: &mut Verdict) {
        let fwd = &mut self.halves[dir & 1];
        if !segment.control.any(Control::SYN) || segment.control.any(Control::ACK) || !fwd.based {
            return;
        }
        verdict.noted = true;
        if fwd.contiguous.before(fwd.next_seq) {
            fwd.next_seq = fwd.contiguous;
        }
    }

    /// Takes over what the segment tells for those that follow.
    fn update(&mut self, dir: usize, segment: &Segment<'_>, verdict: &Verdict) {
        let (fwd, _) = pair(&mut self.halves, dir);
        let (syn, ack) = (segment.control.any(Control::SYN), segment.control.any(Control::ACK));
        let next = segment.seq.plus(occupied(segment));
        let probe = verdict.flags.contains(Issue::ZeroWindowProbe);
        if !probe && (fwd.next_seq == Seq(0) || next.after(fwd.next_seq)) {
            fwd.next_seq = next;
            fwd.next_seq_time = segment.time;
            if let Some(flights) = &mut self.flights {
                pair(flights, dir).0.next_seq_sent = (segment.frame, segment.time);
            }
        }
        if fwd.contiguous == Seq(0) || segment.seq == fwd.contiguous {
            fwd.contiguous = fwd.next_seq;
        }
        fwd.mptcp = self.mptcp;
        self.mptcp |= segment.options.mptcp;
        fwd.window = Some(segment.window);
        fwd.window_of_syn = if fwd.window_of_syn { syn || !ack } else { syn };
        fwd.last_ack = segment.ack;
        fwd.last_ack_time = segment.time;
        fwd.last = if verdict.flags.contains(Issue::KeepAlive) {
            Last::KeepAlive
        } else if probe {
            Last::ZeroWindowProbe
        } else {
            Last::Other
        };
    }
}

// The bits of `tcp.completeness`.
const SYN_SENT: u8 = 1;
const SYN_ACK: u8 = 2;
const ACK: u8 = 4;
const DATA: u8 = 8;
const FIN: u8 = 16;
const RST: u8 = 32;

impl Half {
    /// The base; `seq`, where none was known.
    fn base_or(&mut self, seq: Seq) -> Seq {
        if !std::mem::replace(&mut self.based, true) {
            self.base = seq;
        }
        self.base
    }

    fn scaled_window(&self) -> u32 {
        let shift = if self.window_of_syn { 0 } else { self.scale.shift() };
        // Before its first segment Wireshark has it as large as can be.
        self.window.map_or(u32::MAX, u32::from) << shift
    }
}

impl Scale {
    const fn shift(self) -> u8 {
        match self {
            Self::Shift(shift) => shift,
            Self::Unknown | Self::Off => 0,
        }
    }

    const fn factor(self) -> i32 {
        match self {
            Self::Unknown => -1,
            Self::Off => -2,
            Self::Shift(shift) => 1 << shift,
        }
    }
}

/// How many sequence numbers the segment takes: its payload, and one for SYN or FIN.
pub(super) fn occupied(segment: &Segment<'_>) -> u32 {
    segment.len().wrapping_add(u32::from(segment.control.any(Control::SYN | Control::FIN)))
}

pub(super) fn relative(seq: Seq, base: Seq) -> u32 {
    seq.0.wrapping_sub(base.0)
}

/// What belongs to direction `dir`, and to the other.
fn pair<T>([a, b]: &mut [T; 2], dir: usize) -> (&mut T, &mut T) {
    if dir & 1 == 0 { (a, b) } else { (b, a) }
}

#[cfg(test)]
mod talk;
#[cfg(test)]
mod tests;
