//! Why the analysis says of a segment what it says: the rules that held, with their numbers.

use std::fmt;

use super::rules::{FAST_RETRANSMISSION, Observer, elapsed, threshold};
use super::{Analysis, Half, Last, Scale, occupied, relative};
use crate::frame::{FrameNumber, Timestamp};
use crate::issue::Issue;
use crate::tcp::verdict::Verdict;
use crate::tcp::{Control, Sack, Segment, Seq};

/// Why a verdict is what it is.
#[derive(Clone, Debug, Default)]
pub struct Explanation {
    /// Each flag, in the order in which the rules are tried.
    pub flags: Vec<Reason>,
    /// What Wireshark 4.4 would flag beside that.
    pub newer: Vec<String>,
    /// Fields of the verdict, by Wireshark's names, and what they were computed from.
    pub fields: Vec<(&'static str, String)>,
}

/// Why a flag was set.
#[derive(Clone, Debug)]
pub struct Reason {
    /// The flag.
    pub flag: Issue,
    /// The rule with its operands.
    pub rule: String,
    /// What Wireshark 4.4 would say instead.
    pub newer: Option<String>,
}

impl Analysis {
    /// [`Analysis::push`], and why it says that.
    pub fn explain(&mut self, dir: usize, segment: &Segment<'_>) -> (Verdict, Explanation) {
        let before = Before::of(self, dir);
        let mut trace = Trace::default();
        let verdict = self.push_observed(dir, segment, &mut trace);
        let of = |held: &Held| {
            let case =
                Case { segment, verdict: &verdict, before: &before, flag: held.flag, fwd: held.fwd, rev: held.rev };
            Reason { flag: held.flag, rule: case.rule(), newer: case.newer() }
        };
        let flags = trace.0.iter().filter(|held| verdict.flags.contains(held.flag)).map(of).collect();
        let newer = before.partial_ack(segment, self.halves[1 - (dir & 1)].base).into_iter().collect();
        (verdict, Explanation { flags, newer, fields: self.derive(dir, segment, &verdict) })
    }

    /// What the fields were computed from, after the segment was taken.
    fn derive(&self, dir: usize, segment: &Segment<'_>, verdict: &Verdict) -> Vec<(&'static str, String)> {
        let (fwd, rev) = (&self.halves[dir & 1], &self.halves[1 - (dir & 1)]);
        let (len, control) = (segment.len(), segment.control);
        let base = |half: &Half| half.base.0;
        let mut fields = vec![("tcp.seq", format!("{} = {} − {}", verdict.seq, segment.seq.0, base(fwd)))];
        let ends = if occupied(segment) > len { " + 1 for SYN or FIN" } else { "" };
        fields.push(("tcp.nxtseq", format!("{} = {} + {len} of payload{ends}", verdict.next_seq, verdict.seq)));
        if control.any(Control::ACK) {
            fields.push(("tcp.ack", format!("{} = {} − {}", verdict.ack, segment.ack.0, base(rev))));
        }
        let window = match (verdict.window_scale, fwd.scale) {
            (None, _) => format!("{}, which a SYN never scales", verdict.window_size),
            (Some(factor), Scale::Shift(shift)) => {
                format!("{} = {} × {factor}, the shift of its SYN being {shift}", verdict.window_size, segment.window)
            }
            (Some(_), Scale::Off) => format!("{}, as the SYNs agreed on no scaling", verdict.window_size),
            (Some(_), Scale::Unknown) => {
                format!("{}, not scaled, as the SYNs were not captured", verdict.window_size)
            }
        };
        fields.push(("tcp.window_size", window));
        const SEEN: [&str; 6] = ["SYN", "SYN/ACK", "ACK", "data", "FIN", "RST"];
        let seen = SEEN.iter().enumerate().filter(|(bit, _)| verdict.completeness >> bit & 1 != 0);
        let seen: Vec<String> = seen.map(|(bit, name)| format!("{} {name}", 1 << bit)).collect();
        let seen = if seen.is_empty() { "nothing yet".into() } else { seen.join(" + ") };
        fields.push(("tcp.completeness", format!("{} = {seen}", verdict.completeness)));
        if verdict.acks_frame != 0 {
            let frame = verdict.acks_frame;
            fields.push(("tcp.analysis.acks_frame", format!("{frame}, whose end is the ack")));
            if verdict.ack_rtt != 0 {
                fields.push(("tcp.analysis.ack_rtt", format!("{} since frame {frame}", Span(verdict.ack_rtt))));
            }
        }
        if verdict.has_analysis() && verdict.initial_rtt != 0 {
            let rtt = Span(verdict.initial_rtt);
            fields.push(("tcp.analysis.initial_rtt", format!("{rtt} from the SYN to the first ACK without SYN")));
        }
        if verdict.rto != 0 {
            let (frame, rto) = (verdict.rto_frame, Span(verdict.rto));
            fields.push(("tcp.analysis.rto", format!("{rto} since frame {frame}")));
        }
        if verdict.bytes_in_flight != 0
            && let Some(flights) = &self.flights
        {
            let (first, last) = flights[dir & 1].unacked().span(Seq(base(fwd)));
            let span = last.since(first);
            let ends = if occupied(segment) > len { " − 1 for SYN or FIN" } else { "" };
            let sacked = i64::from(span) - i64::from(occupied(segment) - len) - i64::from(verdict.bytes_in_flight);
            let sacked = if sacked > 0 { format!(" − {sacked} by SACK") } else { String::new() };
            let (first, last) = (relative(first, fwd.base), relative(last, fwd.base));
            let sum = format!("{} = {last} − {first}{ends}{sacked}", verdict.bytes_in_flight);
            fields.push(("tcp.analysis.bytes_in_flight", sum));
            let sent = format!("{}, the payload since the last PSH", verdict.push_bytes_sent);
            fields.push(("tcp.analysis.push_bytes_sent", sent));
        }
        fields
    }
}

/// A rule that held, and the state that it looked at.
struct Held {
    flag: Issue,
    fwd: Half,
    rev: Half,
}

#[derive(Default)]
struct Trace(Vec<Held>);

impl Observer for Trace {
    fn holds(&mut self, flag: Issue, fwd: &Half, rev: &Half) {
        self.0.push(Held { flag, fwd: *fwd, rev: *rev });
    }
}

/// What a segment changes and the rules of Wireshark 4.4 ask for, as it was before.
struct Before {
    initial_rtt: i64,
    /// What each direction had not acknowledged: the segment's own direction first.
    unacked: [Vec<Sent>; 2],
    /// The selective acknowledgments in the last segment of the other direction.
    sack: Sack,
}

#[derive(Clone, Copy)]
struct Sent {
    start: Seq,
    end: Seq,
    frame: FrameNumber,
    time: Timestamp,
}

impl Before {
    fn of(analysis: &Analysis, dir: usize) -> Self {
        let mut before =
            Self { initial_rtt: analysis.initial_rtt(), unacked: Default::default(), sack: Sack::default() };
        if let Some(flights) = &analysis.flights {
            let list = |dir: usize| {
                let segments = flights[dir].unacked().segments();
                let mut list: Vec<_> =
                    segments.map(|(start, end, frame, time)| Sent { start, end, frame, time }).collect();
                list.sort_by_key(|sent| sent.frame);
                list
            };
            before.unacked = [list(dir & 1), list(1 - (dir & 1))];
            before.sack = flights[1 - (dir & 1)].sack;
        }
        before
    }

    fn own(&self) -> impl Iterator<Item = &Sent> {
        self.unacked[0].iter()
    }

    /// An acknowledgment that ends within a segment, which 4.4 flags.
    fn partial_ack(&self, segment: &Segment<'_>, base: Seq) -> Option<String> {
        let within = |sent: &&Sent| segment.ack.after(sent.start) && segment.ack.before(sent.end);
        let sent = self.unacked[1].iter().find(within).filter(|_| segment.control.any(Control::ACK))?;
        let [ack, start, end] = [segment.ack, sent.start, sent.end].map(|seq| relative(seq, base));
        let last = end.wrapping_sub(1);
        Some(format!("partial_ack: ack {ack} is within the bytes {start}-{last} of frame {}", sent.frame))
    }
}

/// A flag, and what it was set on.
struct Case<'a> {
    segment: &'a Segment<'a>,
    verdict: &'a Verdict,
    before: &'a Before,
    flag: Issue,
    fwd: Half,
    rev: Half,
}

impl Case<'_> {
    fn own(&self, seq: Seq) -> u32 {
        relative(seq, self.fwd.base)
    }

    fn peers(&self, ack: Seq) -> u32 {
        relative(ack, self.rev.base)
    }

    fn rule(&self) -> String {
        let Self { segment, fwd, rev, .. } = self;
        let (len, window) = (segment.len(), segment.window);
        let [seq, next, peers_ack] = [segment.seq, fwd.next_seq, rev.last_ack].map(|seq| self.own(seq));
        let [ack, last_ack] = [segment.ack, fwd.last_ack].map(|ack| self.peers(ack));
        let repeats = format!("no payload; seq {seq} = next expected {next}; ack {ack} = last ack {last_ack}");
        match self.flag {
            Issue::ZeroWindowProbe => {
                format!("1 byte at seq {seq} = next expected {next}; the peer's last window is 0")
            }
            Issue::ZeroWindow => "window 0; no SYN, FIN or RST".into(),
            Issue::LostSegment => {
                let gap = segment.seq.since(fwd.next_seq);
                format!("seq {seq} > next expected {next}: {} before it not captured", Bytes(gap.into()))
            }
            Issue::KeepAlive => {
                format!("{} at seq {seq} = next expected {next} − 1; no SYN, FIN or RST", Bytes(len.into()))
            }
            Issue::WindowUpdate => match fwd.window {
                Some(last) => format!("{repeats}; window {window} as sent, last time {last}"),
                None => format!("{repeats}; window {window} as sent, none before"),
            },
            Issue::WindowFull => {
                let (end, room) = (self.own(segment.seq.plus(len)), rev.scaled_window());
                format!("seq {seq} + len {len} = {end} = the peer's last ack {peers_ack} + its window {room}")
            }
            Issue::KeepAliveAck => {
                format!("{repeats}; window {window} as last time; the peer's last segment is a keep_alive")
            }
            Issue::ZeroWindowProbeAck => {
                format!("{repeats}; window 0 as last time; the peer's last segment is a zero_window_probe")
            }
            Issue::DuplicateAck => {
                let (number, frame) = (self.verdict.duplicate_ack_num, self.verdict.duplicate_ack_frame);
                format!("{repeats}; window {window} as last time; number {number} of the copies of frame {frame}")
            }
            Issue::AckLostSegment => {
                let [whole, next] = [rev.contiguous, rev.next_seq].map(|seq| self.peers(seq));
                let beyond =
                    if whole == next { String::new() } else { format!(" (beyond a hole it was seen up to {next})") };
                format!("ack {ack} > {whole}, up to which the peer's data was seen without a hole{beyond}")
            }
            Issue::SpuriousRetransmission => {
                let end = self.own(segment.seq.plus(len));
                format!("seq {seq} + len {len} = {end} ≤ {peers_ack}, which the peer acknowledged already")
            }
            Issue::FastRetransmission => {
                let copies = match rev.duplicate_acks {
                    0 => "went beyond what was captured".into(),
                    copies => format!("came with {copies} duplicates, at least 2"),
                };
                let ago = Ago(elapsed(rev.last_ack_time, segment));
                let limit = Span(FAST_RETRANSMISSION as i64);
                format!(
                    "seq {seq} < next expected {next}; seq {seq} = the peer's last ack, which {copies}; {ago} it, \
                     less than {limit}"
                )
            }
            Issue::OutOfOrder => {
                let end = self.own(segment.seq.plus(occupied(segment)));
                format!(
                    "seq {seq} < next expected {next}; {} it, less than {}; its end {end} ≠ {next}",
                    self.since_next(),
                    self.limit()
                )
            }
            Issue::Retransmission if self.verdict.flags.contains(Issue::SpuriousRetransmission) => {
                "as every spurious_retransmission".into()
            }
            Issue::Retransmission if self.verdict.flags.contains(Issue::FastRetransmission) => {
                "as every fast_retransmission".into()
            }
            Issue::Retransmission => {
                let why = if elapsed(fwd.next_seq_time, segment) < threshold(self.before.initial_rtt) {
                    format!("not out of order, as it ends at {next} too")
                } else {
                    format!("{} it, not less than {}", self.since_next(), self.limit())
                };
                format!("seq {seq} < next expected {next}; {why}")
            }
            Issue::ReusedPorts => {
                let former = fwd.base.0;
                format!("a SYN with the sequence number {}; the one before on these ports had {former}", segment.seq.0)
            }
            Issue::TfoSyn => {
                let cookie = segment.options.fast_open.unwrap_or(0);
                format!("a SYN with a Fast Open cookie of {} and {} of data", Bytes(cookie.into()), Bytes(len.into()))
            }
            Issue::TfoAck => format!("SYN/ACK with ack {ack} > 1: more than the SYN is acknowledged"),
            Issue::TfoIgnored => format!("SYN/ACK with ack {ack}: not the data that came with cookie and SYN"),
            _ => self.flag.doc().into(),
        }
    }

    /// What Wireshark 4.4 says instead.
    fn newer(&self) -> Option<String> {
        match self.flag {
            Issue::AckLostSegment => self.newer_unseen(),
            Issue::OutOfOrder => self.newer_fast().or_else(|| self.newer_inside()),
            Issue::Retransmission if self.verdict.timed_out() => {
                self.newer_fast().or_else(|| self.newer_pure()).or_else(|| self.newer_original())
            }
            _ => None,
        }
    }

    /// The answer to a zero-window probe, the probe's byte included.
    fn newer_unseen(&self) -> Option<String> {
        let Self { segment, fwd, rev, .. } = self;
        if rev.last != Last::ZeroWindowProbe || segment.ack != fwd.last_ack.plus(1) {
            return None;
        }
        let (ack, last) = (self.peers(segment.ack), self.peers(fwd.last_ack));
        let answer = segment.is_empty() && segment.window == 0 && fwd.window == Some(0) && segment.seq == fwd.next_seq;
        let word = if answer { "zero_window_probe_ack" } else { "window_update" };
        Some(format!("{word}: ack {ack} = last ack {last} + 1 takes the byte of the peer's zero_window_probe"))
    }

    /// Selective acknowledgments count beside duplicate ones.
    fn newer_fast(&self) -> Option<String> {
        let Self { segment, rev, before, .. } = self;
        let end = segment.seq.plus(occupied(segment));
        let blocks = before.sack.blocks();
        let covers = |&(left, right): &(Seq, Seq)| !left.after(segment.seq) && !right.before(end);
        let ago = elapsed(rev.last_ack_time, segment);
        if rev.duplicate_acks < 2 || ago >= FAST_RETRANSMISSION || blocks.is_empty() || blocks.iter().any(covers) {
            return None;
        }
        let copies = rev.duplicate_acks;
        let limit = Span(FAST_RETRANSMISSION as i64);
        Some(format!(
            "fast_retransmission: {} {copies} duplicate ACKs with SACK blocks that lack it, less than {limit}",
            Ago(ago)
        ))
    }

    /// What is inside a segment seen before is not out of order.
    fn newer_inside(&self) -> Option<String> {
        let end = self.segment.seq.plus(occupied(self.segment));
        let inside = |sent: &&Sent| !sent.start.after(self.segment.seq) && !sent.end.before(end);
        let sent = self.before.own().find(inside)?;
        Some(format!("retransmission: its bytes are inside frame {}, not acknowledged yet", sent.frame))
    }

    /// Where an ACK without data told the next expected number, what ends there is no copy. Data that ends there would
    /// wait for its acknowledgment.
    fn newer_pure(&self) -> Option<String> {
        let Self { segment, fwd, rev, before, .. } = self;
        let next = fwd.next_seq;
        let soon = elapsed(fwd.next_seq_time, segment) < threshold(before.initial_rtt);
        let data = !rev.last_ack.before(next) || before.own().any(|sent| sent.end == next);
        let room = before.unacked[0].len() < crate::tcp::unacked::MAX_UNACKED;
        (soon && room && !data && segment.seq.plus(occupied(segment)) == next).then(|| {
            format!(
                "out_of_order: an ACK without data told the next expected {}, {} it",
                self.own(next),
                self.since_next()
            )
        })
    }

    /// The original is the first frame at or after its sequence number, not the oldest one.
    fn newer_original(&self) -> Option<String> {
        let sent = self.before.own().find(|sent| !sent.start.before(self.segment.seq))?;
        let rto = Span(self.segment.time.since(sent.time));
        (self.verdict.rto_frame != 0 && sent.frame != self.verdict.rto_frame)
            .then(|| format!("the same, but its original is frame {}, {rto} before (tcp.analysis.rto)", sent.frame))
    }

    fn since_next(&self) -> Ago {
        Ago(elapsed(self.fwd.next_seq_time, self.segment))
    }

    fn limit(&self) -> String {
        match self.before.initial_rtt {
            0 => format!("{} (the initial RTT is not known)", Span(threshold(0) as i64)),
            rtt => format!("the initial RTT of {}", Span(rtt)),
        }
    }
}

/// A number of bytes.
struct Bytes(i64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} byte{}", self.0, if self.0 == 1 { "" } else { "s" })
    }
}

/// A time after something, as [`elapsed`] gives it.
struct Ago(u64);

impl fmt::Display for Ago {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match i64::try_from(self.0) {
            Ok(nanos) => write!(f, "{} after", Span(nanos)),
            Err(_) => f.write_str("by its time captured before"),
        }
    }
}

/// Nanoseconds, shown exactly in milliseconds, or in seconds where that is shorter.
struct Span(i64);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.unsigned_abs();
        let (unit, digits, name) = if nanos < 1_000_000_000 { (1_000_000, 6, "ms") } else { (1_000_000_000, 9, "s") };
        let sign = if self.0 < 0 { "−" } else { "" };
        let fraction = format!("{:0digits$}", nanos % unit);
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        write!(f, "{sign}{}{point}{fraction} {name}", nanos / unit)
    }
}

#[cfg(test)]
mod tests;
