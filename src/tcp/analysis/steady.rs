//! The short way of a segment of which no rule says anything: a handshake's SYNs, and what only goes on.

use super::{ACK, Age, Analysis, DATA, FIN, Last, SYN_ACK, SYN_SENT, Scale, occupied, pair, relative};
use crate::tcp::verdict::Verdict;
use crate::tcp::{Control, Segment, Seq};

impl Analysis {
    /// What there is to say of a segment that does no more than go on where its direction was, and acknowledge what its
    /// peer has sent: no rule of the flags holds for it. `None` where that is not so; nothing has changed then.
    #[inline]
    pub fn steady(&mut self, dir: usize, segment: &Segment<'_>) -> Option<Verdict> {
        let before = self.completeness();
        self.goes_on(dir, segment).then(|| self.verdict(dir, segment, before))
    }

    /// What the connection had so far, as in [`Verdict::completeness`].
    pub fn completeness(&self) -> u8 {
        self.completeness
    }

    /// The verdict on a segment that [went on](Analysis::goes_on), before any other is taken; `completeness` is what the
    /// connection had before it.
    pub fn verdict(&self, dir: usize, segment: &Segment<'_>, completeness: u8) -> Verdict {
        let [fwd, rev] = [dir, 1 - dir].map(|dir| &self.halves[dir & 1]);
        Verdict {
            seq: relative(segment.seq, fwd.base),
            next_seq: relative(segment.seq.plus(occupied(segment)), fwd.base),
            ack: relative(segment.ack, rev.base),
            ack_base: rev.base,
            window_size: u32::from(segment.window) << fwd.scale.shift(),
            window_scale: Some(fwd.scale.factor()),
            completeness,
            initial_rtt: self.initial_rtt(),
            ..Verdict::default()
        }
    }

    /// Takes a segment that does no more than go on where its direction was, and acknowledge what its peer has sent: it
    /// has no flag. False where that is not so; nothing has changed then.
    #[inline(always)]
    pub fn goes_on(&mut self, dir: usize, segment: &Segment<'_>) -> bool {
        const ODD: u16 = Control::SYN | Control::RST;
        let (fwd, rev) = pair(&mut self.halves, dir);
        let Segment { seq, ack, window, .. } = *segment;
        let (len, fin) = (segment.len(), segment.control.any(Control::FIN));
        let end = seq.plus(len);
        let next = end.plus(u32::from(fin));
        if segment.control.0 & (Control::ACK | ODD) != Control::ACK || window == 0 {
            return false;
        }
        if segment.options.mptcp != 0 || segment.options.are_cut || self.age != Age::Begun || self.flights.is_some() {
            return false;
        }
        if !fwd.based || !rev.based || seq != fwd.next_seq || seq != fwd.contiguous || seq == Seq(0) {
            return false;
        }
        if rev.contiguous == Seq(0) || ack.after(rev.contiguous) {
            return false;
        }
        let is_new = match len {
            0 => fin || ack != fwd.last_ack,
            _ => len > 1 && end.after(seq) && end.after(rev.last_ack),
        };
        if !is_new || rev.scale != Scale::Unknown && end == rev.last_ack.plus(rev.scaled_window()) {
            return false;
        }
        if ack != fwd.last_ack {
            (fwd.duplicate_acks, fwd.unseen_flagged, fwd.last_ack_frame) = (0, false, segment.frame);
        }
        if next != seq {
            (fwd.next_seq, fwd.contiguous, fwd.next_seq_time) = (next, next, segment.time);
        }
        (fwd.last_ack, fwd.last_ack_time, fwd.last) = (ack, segment.time, Last::Other);
        (fwd.window, fwd.window_of_syn, fwd.mptcp) = (Some(window), false, self.mptcp);
        self.completeness |= if len == 0 { ACK } else { DATA } | if fin { FIN } else { 0 };
        self.time_handshake(segment);
        true
    }

    /// Takes the SYN or the SYN/ACK of a handshake, with no data, as the first segment of its direction: it has no flag.
    /// False where it is not one; nothing has changed then.
    pub fn opens(&mut self, dir: usize, segment: &Segment<'_>) -> bool {
        let (fwd, rev) = pair(&mut self.halves, dir);
        let Segment { seq, ack, control, options, .. } = *segment;
        let answers = control.any(Control::ACK);
        let in_turn = if answers {
            let acks_syn = ack == rev.base.plus(1) && (rev.contiguous == Seq(0) || ack == rev.contiguous);
            self.age == Age::Begun && rev.based && acks_syn && !rev.fast_open
        } else {
            self.age == Age::Fresh && !rev.based
        };
        let only_syn = control.0 & (Control::SYN | Control::FIN | Control::RST) == Control::SYN && segment.is_empty();
        let plain = options.fast_open.is_none() && options.mptcp == 0 && !options.are_cut && self.flights.is_none();
        if fwd.based || !in_turn || !only_syn || !plain {
            return false;
        }
        fwd.base_or(seq);
        (fwd.next_seq, fwd.contiguous, fwd.next_seq_time) = (seq.plus(1), seq.plus(1), segment.time);
        if ack != fwd.last_ack {
            (fwd.last_ack, fwd.last_ack_frame) = (ack, segment.frame);
        }
        (fwd.last_ack_time, fwd.mptcp) = (segment.time, self.mptcp);
        (fwd.window, fwd.window_of_syn) = (Some(segment.window), true);
        self.learn_scale(dir, segment);
        self.completeness |= if answers { SYN_ACK } else { SYN_SENT };
        self.time_handshake(segment);
        self.age = Age::Begun;
        true
    }

    /// The window of a segment of direction `dir` without SYN, in bytes; 0 where its scale is not known.
    pub fn known_window(&self, dir: usize, window: u16) -> u32 {
        match self.halves[dir & 1].scale {
            Scale::Unknown => 0,
            scale => u32::from(window) << scale.shift(),
        }
    }
}
