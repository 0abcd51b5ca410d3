//! What is remembered of the segments of a connection, for the lints of the transport.

use super::talk::Segment;
use crate::frame::{FrameNumber, Timestamp};
use crate::issue::Issue;
use crate::tcp::Control;

/// A frame and when it was captured.
pub(super) type At = (FrameNumber, Timestamp);

/// One connection.
#[derive(Debug, Default)]
pub(super) struct Wire {
    /// What both ends sent, who sent the first frame first.
    pub sides: [Side; 2],
    /// Its first SYN without ACK, and who sent it.
    pub syn: Option<(At, usize)>,
    /// When a byte of payload was last sent by either.
    pub last_data: Option<Timestamp>,
    /// The first data that was sent before the SYN-ACK was there, and what it acknowledged.
    early: Option<(At, Option<u32>)>,
    /// The same, once the SYN-ACK came after it and was not what it acknowledged.
    pub data_before_handshake: Option<At>,
    /// The first segment with data and without ACK.
    pub data_without_ack: Option<At>,
    /// The first data beyond the FIN of its sender.
    pub data_after_fin: Option<At>,
    /// The first segment with URG.
    pub urgent: Option<At>,
    syn_ack: bool,
}

/// One direction of it.
#[derive(Debug, Default)]
pub(super) struct Side {
    /// Sequence number after the last byte of data, and the highest acknowledgment number, as sent.
    data_end: Option<u32>,
    acked: Option<u32>,
    /// That of its FIN.
    fin: Option<u32>,
    /// Since when its window is zero.
    pub zero_since: Option<At>,
    /// The longest time for which it was, in nanoseconds, and since when.
    pub zero_longest: Option<(i64, At)>,
    /// Its first RST.
    pub reset: Option<Reset>,
    /// The first segment that was sent again.
    pub again: Option<At>,
}

/// A RST.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reset {
    pub at: At,
    /// Bytes of the other end that its sender had not acknowledged.
    pub unread: u32,
    /// Whether its sender had sent FIN.
    pub after_fin: bool,
}

impl Wire {
    /// Takes note of a segment.
    pub fn pass(&mut self, segment: &Segment<'_>) {
        let &Segment { packet, header, verdict, side, frame, .. } = segment;
        let control = segment.control();
        let len = packet.decoded.payload.len() as u32 + packet.decoded.missing;
        let acks = control.any(Control::ACK);
        if control.any(Control::SYN) {
            return self.handshake(segment);
        }
        if acks {
            self.sides[side].acked = later(self.sides[side].acked, header.ack);
        }
        if len > 0 && !control.any(Control::RST) {
            self.data(segment, len);
        }
        let own = &mut self.sides[side];
        if verdict.flags.contains(Issue::Retransmission) {
            own.again.get_or_insert(frame);
        }
        if control.any(Control::FIN) && own.fin.is_none() {
            own.fin = Some(header.seq.wrapping_add(len));
        }
        if header.flags & URG != 0 {
            self.urgent.get_or_insert(frame);
        }
        if control.any(Control::RST) {
            self.reset(side, frame);
        } else if acks {
            self.sides[side].window(header.window, frame);
        }
    }

    fn handshake(&mut self, segment: &Segment<'_>) {
        let &Segment { header, side, frame, .. } = segment;
        if !segment.control().any(Control::ACK) {
            self.syn.get_or_insert((frame, side));
            return;
        }
        if !self.syn_ack
            && let Some((at, acked)) = self.early
            && acked != Some(header.seq.wrapping_add(1))
        {
            self.data_before_handshake = Some(at);
        }
        self.syn_ack = true;
    }

    fn data(&mut self, segment: &Segment<'_>, len: u32) {
        let &Segment { header, verdict, side, frame, .. } = segment;
        let acks = segment.control().any(Control::ACK);
        self.last_data = Some(frame.1);
        if !acks {
            self.data_without_ack.get_or_insert(frame);
        }
        if !self.syn_ack && self.syn.is_some_and(|(_, opener)| opener == side) {
            self.early.get_or_insert((frame, acks.then_some(header.ack)));
        }
        // What comes after both have closed may be of a new connection whose SYN is not there.
        let is_closed = self.sides[1 - side].fin.is_some();
        let own = &mut self.sides[side];
        // The byte of a keep-alive has the number of the FIN.
        let is_probe = len == 1 || verdict.flags.contains(Issue::KeepAlive);
        let is_beyond = |fin| header.seq.wrapping_sub(fin) < WINDOW;
        if own.fin.is_some_and(is_beyond) && !is_probe && !is_closed {
            self.data_after_fin.get_or_insert(frame);
        }
        own.data_end = later(own.data_end, header.seq.wrapping_add(len));
    }

    fn reset(&mut self, side: usize, at: At) {
        let [own, other] = [&self.sides[side], &self.sides[1 - side]];
        let unread = match (own.acked, other.data_end) {
            (Some(acked), Some(end)) if is_before(acked, end) => end.wrapping_sub(acked),
            _ => 0,
        };
        let reset = Reset { at, unread, after_fin: own.fin.is_some() };
        self.sides[side].reset.get_or_insert(reset);
    }
}

impl Side {
    fn window(&mut self, window: u16, at: At) {
        match self.zero_since {
            None if window == 0 => self.zero_since = Some(at),
            Some(since) if window > 0 => {
                self.zero_since = None;
                let time = at.1.since(since.1);
                if self.zero_longest.is_none_or(|(longest, _)| longest < time) {
                    self.zero_longest = Some((time, since));
                }
            }
            _ => {}
        }
    }
}

/// How far beyond a FIN data may be that belongs to the same connection.
const WINDOW: u32 = 64 << 10;

/// The urgent pointer counts (RFC 9293 3.1).
const URG: u16 = 0x20;

fn is_before(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}

fn later(known: Option<u32>, new: u32) -> Option<u32> {
    match known {
        Some(known) if !is_before(known, new) => Some(known),
        _ => Some(new),
    }
}
