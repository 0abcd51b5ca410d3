//! What happened on the way, where it happened: a line each.

use super::Teller;
use super::heading::{GAP, frames, later, speaker, when};
use super::messages::EndedMessage;
use super::order::{Order, Seen};
use super::turn::Place;
use crate::decode::Transport;
use crate::frame::FrameNumber;
use crate::issue::{Flags, Issue, Severity};
use crate::print::pen::{Indent, Pen};
use crate::print::style::{self, DIM};
use crate::print::text::layers::{self, Tcp, put_control};
use crate::print::text::with_layers;
use crate::print::time::Span;
use crate::tcp::reassembly::{Cause, Compared, Damaged};
use crate::tcp::{Carrier, Control, SegmentRef};

/// Control bits that open or close.
const ODD_BITS: u16 = Control::SYN | Control::FIN | Control::RST;

/// Segments without bytes, of one side and with the same flags, one after the other.
#[derive(Debug)]
pub struct Repeated {
    side: usize,
    flags: Flags,
    frames: (FrameNumber, FrameNumber),
    count: u64,
    /// How long the first of them came after what was told before.
    since: Option<i64>,
    /// After how many bytes of the turn the first of them came.
    at: Option<u64>,
}

/// A line about what happened.
struct Note<'n> {
    side: usize,
    severity: Severity,
    frames: Option<(FrameNumber, FrameNumber)>,
    what: Option<&'n dyn Fn(&mut Pen<'_>)>,
    flags: Flags,
    /// How long it was after what was told before, where that matters.
    since: Option<i64>,
    place: Place,
}

impl Teller {
    /// A segment that is told by itself.
    pub(super) fn segment(&mut self, seen: &Seen, out: &mut Vec<u8>) {
        let since = self.since(seen.time);
        if !seen.control.any(ODD_BITS) && !seen.opens {
            return self.acknowledgment(seen, out);
        }
        let who = self.who(seen.side);
        let mut pen = self.line(out);
        pen.indent.column = 4;
        speaker(&mut pen, who);
        when(&mut pen, &mut self.clock, seen.time, since);
        pen.piece_after(GAP, |pen| pen.named("frame ", seen.frame));
        pen.piece_after(GAP, |pen| pen.styled(style::HEADING, |pen| put_control(pen, seen.control.0)));
        let verdict = &seen.verdict;
        pen.piece_after(GAP, |pen| pen.named("seq ", verdict.seq.into()));
        if seen.control.any(Control::ACK) {
            pen.piece_after(1, |pen| pen.named("ack ", verdict.ack.into()));
        }
        pen.piece_after(1, |pen| pen.named("win ", verdict.window_size.into()));
        if seen.len > 0 {
            pen.piece_after(1, |pen| pen.named("len ", seen.len.into()));
        }
        if seen.opens && verdict.initial_rtt > 0 {
            pen.piece_after(GAP, |pen| {
                pen.push("RTT ");
                Span(verdict.initial_rtt).put(pen);
            });
        }
        self.flags(&mut pen, verdict.flags);
        pen.end_line();
        if let Some(carrier) = seen.carrier.as_ref().filter(|_| self.options.verbose > 1) {
            self.layers(&mut pen, &carrier.get());
        }
        (self.time, self.any_time) = (Some(seen.time), Some(seen.time));
    }

    /// A segment without bytes: with its numbers where each is told, else those with flags, together with their likes.
    fn acknowledgment(&mut self, seen: &Seen, out: &mut Vec<u8>) {
        let flags = seen.verdict.flags;
        if self.options.verbose > 0 {
            if let Some(carrier) = &seen.carrier {
                self.headers(seen.side, &carrier.get(), seen.len, Place::Near, out);
            }
            return;
        }
        if flags.contains(Issue::WindowUpdate) && !std::mem::take(&mut self.closed[seen.side]) {
            return;
        }
        self.closed[seen.side] |= flags.contains(Issue::ZeroWindow);
        match &mut self.repeated {
            Some(repeated) if (repeated.side, repeated.flags) == (seen.side, flags) => {
                repeated.frames.1 = seen.frame;
                repeated.count += 1;
            }
            _ => {
                self.repeated(out);
                let frames = (seen.frame, seen.frame);
                let since = self.since_any(seen.time);
                let at = self.turn.as_ref().map(|turn| turn.len);
                self.repeated = Some(Repeated { side: seen.side, flags, frames, count: 1, since, at });
            }
        }
    }

    /// Tells what was gathered of segments of one kind.
    pub(super) fn repeated(&mut self, out: &mut Vec<u8>) {
        let Some(Repeated { side, flags, frames, count, since, at }) = self.repeated.take() else { return };
        let times = |pen: &mut Pen<'_>| pen.put(format_args!("{count} times"));
        let what: Option<&dyn Fn(&mut Pen<'_>)> = if count > 1 { Some(&times) } else { None };
        let severity = flags.issues().severity().unwrap_or(Severity::Note);
        let note = Note { side, severity, frames: Some(frames), what, flags, since, place: Place::Near };
        let lines = self.draw(&note);
        match (&mut self.turn, at) {
            (Some(turn), Some(at)) => turn.mark(at, Place::Near, lines),
            _ => self.put(lines, Place::Near, out),
        }
    }

    /// A segment by its numbers, and with its headers where these are wanted.
    pub(super) fn headers(&mut self, side: usize, carrier: &Carrier<'_>, len: u32, place: Place, out: &mut Vec<u8>) {
        let who = self.who(side);
        let mut lines = Vec::new();
        let mut pen = self.note_pen(&mut lines);
        pen.styled(DIM, |pen| pen.put(format_args!("┄ {} frame {}", who.arrow(), carrier.meta.number)));
        with_layers(carrier, |decoded, _| {
            let Transport::Tcp(header) = decoded.transport else { return };
            let verdict = carrier.verdict;
            pen.styled(DIM, |pen| {
                pen.piece_after(2, |pen| put_control(pen, header.flags));
                pen.piece_after(2, |pen| pen.named("seq ", verdict.seq.into()));
                if Control(header.flags).any(Control::ACK) {
                    pen.piece_after(1, |pen| pen.named("ack ", verdict.ack.into()));
                }
                pen.piece_after(1, |pen| pen.named("win ", verdict.window_size.into()));
                pen.piece_after(1, |pen| pen.named("len ", len.into()));
            });
        });
        // Those of a segment with bytes are told with them.
        if place == Place::Near {
            self.flags(&mut pen, carrier.verdict.flags);
        }
        pen.end_line();
        if self.options.verbose > 1 {
            self.layers(&mut pen, carrier);
        }
        self.put(lines, place, out);
    }

    fn layers(&self, pen: &mut Pen<'_>, carrier: &Carrier<'_>) {
        let tcp = self.flow.map(|flow| Tcp { stream: flow.stream, verdict: carrier.verdict });
        let tcp = tcp.filter(|_| matches!(self.options.stream, crate::engine::Stream::Tcp(_)));
        with_layers(carrier, |decoded, outer| {
            let column = layers::text_column(&decoded.layers, "");
            let verbose = self.options.verbose.saturating_sub(2);
            layers::write(pen, decoded, outer, |_| None, tcp, column, verbose);
        });
        pen.indent = Indent::default();
    }

    /// Bytes that are not as they should be: their segment has flags, or was captured before one that caused it.
    pub(super) fn remark(&mut self, side: usize, segment: &SegmentRef, before: FrameNumber, out: &mut Vec<u8>) {
        let range = self.range(side, segment);
        let what = |pen: &mut Pen<'_>| {
            pen.push(&range);
            if segment.frame < before {
                pen.put(format_args!(", captured before frame {before} but sent after it"));
            }
        };
        let severity = segment.flags.issues().severity().unwrap_or(Severity::Note);
        let (frames, flags) = (Some((segment.frame, segment.frame)), segment.flags);
        self.repeated(out);
        self.note(Note { side, severity, frames, what: Some(&what), flags, since: None, place: Place::Near }, out);
    }

    /// Bytes that are not there.
    pub(super) fn gap(&mut self, side: usize, offset: u64, len: u64, cause: Cause, forced: bool, out: &mut Vec<u8>) {
        let origin = *self.origins[side].get_or_insert(offset);
        if self.turn.as_ref().is_some_and(|turn| turn.side != side) {
            self.finish_turn(out);
        }
        let first = offset.saturating_sub(origin);
        let what = |pen: &mut Pen<'_>| {
            let bytes = if len == 1 { "byte" } else { "bytes" };
            pen.put(format_args!("{len} {bytes} ({}) ", Range(first, len)));
            pen.push(match cause {
                Cause::Gap => "were never captured",
                Cause::Truncated => "were sent, but their frame was captured shorter",
            });
            if forced {
                pen.push("; given up as too much was waiting for them");
            }
        };
        let (severity, flags, place) = (Severity::Error, Flags::EMPTY, Place::Here);
        self.note(Note { side, severity, frames: None, what: Some(&what), flags, since: None, place }, out);
        if let Some(turn) = &mut self.turn {
            turn.jump(offset + len);
        }
    }

    /// Bytes that were had before.
    pub(super) fn copy(
        &mut self,
        order: &Order,
        side: usize,
        segment: SegmentRef,
        compared: Compared,
        out: &mut Vec<u8>,
    ) {
        let range = self.range(side, &segment);
        let what = |pen: &mut Pen<'_>| {
            pen.put(format_args!("{range} again, "));
            pen.push(match compared {
                Compared::Equal => "the same",
                Compared::Not => "not compared",
                Compared::Conflict(None) => "with other content",
                Compared::Conflict(Some(Damaged::This)) => "with other content, and a checksum that does not fit",
                Compared::Conflict(Some(Damaged::Other)) => {
                    "with other content; the checksum of those had before does not fit"
                }
            });
        };
        let conflict = matches!(compared, Compared::Conflict(_));
        let of_flags = segment.flags.issues().severity().unwrap_or(Severity::Note);
        let severity = if conflict { Severity::Error } else { of_flags };
        self.apart(order, side, &segment, severity, &what, out);
    }

    /// Bytes of a gap that was told.
    pub(super) fn late(&mut self, order: &Order, side: usize, segment: SegmentRef, out: &mut Vec<u8>) {
        let range = self.range(side, &segment);
        let what = |pen: &mut Pen<'_>| pen.put(format_args!("{range}, taken for lost above, came late"));
        self.apart(order, side, &segment, Severity::Warn, &what, out);
    }

    /// Bytes before the first one that was told.
    pub(super) fn before(&mut self, order: &Order, side: usize, segment: SegmentRef, out: &mut Vec<u8>) {
        let len = segment.len;
        let what = |pen: &mut Pen<'_>| pen.put(format_args!("{len} B from before the first byte that is shown"));
        self.apart(order, side, &segment, Severity::Note, &what, out);
    }

    /// Bytes that are no part of the stream.
    pub(super) fn outside(&mut self, order: &Order, side: usize, segment: SegmentRef, out: &mut Vec<u8>) {
        let len = segment.len;
        let what = |pen: &mut Pen<'_>| pen.put(format_args!("{len} B outside any window, or after the end: not shown"));
        self.apart(order, side, &segment, Severity::Warn, &what, out);
    }

    /// A line about a segment whose bytes are not shown.
    fn apart(
        &mut self,
        order: &Order,
        side: usize,
        segment: &SegmentRef,
        severity: Severity,
        what: &dyn Fn(&mut Pen<'_>),
        out: &mut Vec<u8>,
    ) {
        self.repeated(out);
        if let Some(carrier) = order.latest(segment.frame).filter(|_| self.options.verbose > 0) {
            self.headers(side, &carrier, segment.len, Place::Here, out);
        }
        let (frames, flags, since) =
            (Some((segment.frame, segment.frame)), segment.flags, self.since_any(segment.time));
        self.note(Note { side, severity, frames, what: Some(what), flags, since, place: Place::Near }, out);
    }

    /// A FIN that is known by its acknowledgment alone.
    pub(super) fn uncaptured_fin(&mut self, side: usize, out: &mut Vec<u8>) {
        let what = |pen: &mut Pen<'_>| pen.push("FIN, which was not captured, but acknowledged");
        self.finish_turn(out);
        let (severity, flags, place) = (Severity::Note, Flags::EMPTY, Place::Here);
        self.note(Note { side, severity, frames: None, what: Some(&what), flags, since: None, place }, out);
    }

    /// A time in which the one who speaks said nothing.
    pub(super) fn pause(&mut self, pause: i64, out: &mut Vec<u8>) {
        self.repeated(out);
        let mut lines = Vec::new();
        let mut pen = self.note_pen(&mut lines);
        pen.styled(style::ODD, |pen| {
            pen.push("· pause of ");
            Span(pause).put(pen);
        });
        pen.end_line();
        self.put(lines, Place::Near, out);
    }

    /// A message that has ended, and is not whole.
    pub(super) fn not_whole(&mut self, ended: &EndedMessage, out: &mut Vec<u8>) {
        let EndedMessage { number, integrity, .. } = *ended;
        let Some(issue) = integrity.issue() else { return };
        let mut lines = Vec::new();
        let mut pen = self.note_pen(&mut lines);
        pen.styled(style::of(issue.severity()), |pen| pen.put(format_args!("✗ #{number} is not whole: {issue}")));
        pen.words(DIM, &format!("({})", issue.doc()));
        pen.end_line();
        self.put(lines, Place::Near, out);
    }

    /// Bytes of a datagram that were not captured.
    pub(super) fn cut_datagram(&mut self, side: usize, missing: u32, out: &mut Vec<u8>) {
        let what = |pen: &mut Pen<'_>| pen.put(format_args!("{missing} bytes more were sent and not captured"));
        let (severity, flags, place) = (Severity::Error, Flags::EMPTY, Place::Here);
        self.note(Note { side, severity, frames: None, what: Some(&what), flags, since: None, place }, out);
    }

    fn note(&mut self, note: Note<'_>, out: &mut Vec<u8>) {
        let lines = self.draw(&note);
        self.put(lines, note.place, out);
    }

    fn draw(&mut self, note: &Note<'_>) -> Vec<u8> {
        let who = self.who(note.side);
        let mut lines = Vec::new();
        let mut pen = self.note_pen(&mut lines);
        let mark = match note.severity {
            Severity::Chat | Severity::Note => "·",
            Severity::Warn => "!",
            Severity::Error => "✗",
        };
        pen.text(style::of(note.severity), mark);
        pen.push(" ");
        pen.text(who.style(), who.arrow());
        if let Some((first, last)) = note.frames {
            pen.piece_after(1, |pen| frames(pen, first, last));
        }
        if let Some(what) = note.what {
            let spaces = if note.frames.is_some() { 2 } else { 1 };
            pen.piece_after(spaces, |pen| pen.styled(style::of(note.severity), |pen| what(pen)));
        }
        self.flags(&mut pen, note.flags);
        if let Some(since) = note.since.filter(|since| *since >= 0) {
            pen.piece_after(2, |pen| later(pen, since));
        }
        pen.end_line();
        lines
    }

    /// A pen for lines that go between the bytes of a turn, if there is one, or stand by themselves.
    fn note_pen<'o>(&self, lines: &'o mut Vec<u8>) -> Pen<'o> {
        let mut pen = Pen::new(lines, self.options.width, self.options.color);
        if let Some(turn) = &self.turn {
            pen.bar = self.who(turn.side).style();
            pen.indent = Indent { bars: 1, column: 2 };
        }
        pen.begin_line();
        pen.indent.column += 4;
        pen
    }

    /// Puts lines where the turn is, or by themselves.
    fn put(&mut self, lines: Vec<u8>, place: Place, out: &mut Vec<u8>) {
        match &mut self.turn {
            Some(turn) => turn.mark(turn.len, place, lines),
            None => {
                self.line(out);
                out.extend_from_slice(&lines);
            }
        }
    }

    /// Flags by name; what one means where it comes for the first time.
    fn flags(&mut self, pen: &mut Pen<'_>, flags: Flags) {
        let mut spaces = 2;
        let mut flags = flags.issues().iter().peekable();
        while let Some(flag) = flags.next() {
            let comma = if flags.peek().is_some() { "," } else { "" };
            let explained = self.explained.contains(flag);
            self.explained.insert(flag);
            pen.piece_after(spaces, |pen| {
                pen.text(style::of(flag.severity()), flag.name());
                pen.push(if explained { comma } else { "" });
            });
            if !explained {
                pen.words(DIM, &format!("({}){comma}", flag.doc()));
            }
            spaces = 1;
        }
    }

    /// Which bytes of its side a segment has.
    fn range(&self, side: usize, segment: &SegmentRef) -> String {
        let origin = self.origins[side].unwrap_or(segment.offset);
        match segment.offset.checked_sub(origin) {
            Some(first) => Range(first, segment.len.into()).to_string(),
            None => format!("{} B from before the first byte", segment.len),
        }
    }
}

/// Bytes from one on, so many.
struct Range(u64, u64);

impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Self(first, 0 | 1) => write!(f, "byte {first}"),
            Self(first, len) => write!(f, "bytes {first}-{}", first + len - 1),
        }
    }
}
