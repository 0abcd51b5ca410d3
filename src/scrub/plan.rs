//! What of each TCP stream is kept, and what is changed of that, by offsets in the stream.

use std::collections::HashMap;

use crate::flow::Endpoint;
use crate::frame::FrameNumber;
use crate::redact::MASK;
use crate::tcp::reassembly::ORIGIN;

/// Runs that are remembered, in all: with more of them, further bytes of streams are left out.
const MAX_RUNS: usize = 8 << 20;

/// The longest text that takes the place of another.
pub const MAX_TEXT: usize = 128;

/// What is done with each stream.
#[derive(Default)]
pub struct Plan {
    pub(super) streams: HashMap<u64, Stream>,
    /// Bytes of segments that are not those that the stream was read with: frame, and from where to where.
    dropped: Vec<(FrameNumber, u64, u64)>,
    runs: usize,
    /// Whether there was no room for what would have been kept.
    pub is_full: bool,
}

/// What is done with the two directions of a connection.
pub struct Stream {
    /// Who sent its first frame, and with that the first direction.
    pub first: Endpoint,
    /// That direction, and the other.
    pub sides: [Side; 2],
}

/// What is done with one direction.
pub struct Side {
    /// What is to be added to an offset to have a relative sequence number; none where nothing is kept.
    delta: Option<u32>,
    keep: Vec<(u64, u64)>,
    masks: Vec<(u64, u64)>,
    texts: Vec<(u64, Box<[u8]>)>,
    /// How many of them the plan knows of.
    counted: usize,
    /// The offset of the segment that was looked at last.
    position: u64,
}

impl Default for Side {
    fn default() -> Self {
        Self { delta: None, keep: Vec::new(), masks: Vec::new(), texts: Vec::new(), counted: 0, position: ORIGIN }
    }
}

impl Plan {
    /// A direction, if there is room for more to remember of it.
    pub fn side(&mut self, stream: u64, side: usize, first: Endpoint) -> Option<&mut Side> {
        if self.runs >= MAX_RUNS {
            self.is_full = true;
            return None;
        }
        let stream = self.streams.entry(stream).or_insert_with(|| {
            self.runs += 1;
            Stream { first, sides: Default::default() }
        });
        let side = stream.sides.get_mut(side)?;
        let len = side.keep.len() + side.masks.len() + side.texts.len();
        // What was added since it was asked for last.
        self.runs += len - std::mem::replace(&mut side.counted, len);
        Some(side)
    }

    /// The bytes of a frame from one offset to another are not kept. False where there is no room to remember that.
    pub fn drop_copy(&mut self, frame: FrameNumber, from: u64, to: u64) {
        if self.dropped.len() >= MAX_RUNS {
            // Without them, nothing is certain.
            self.is_full = true;
            self.streams.clear();
            return;
        }
        self.dropped.push((frame, from, to));
    }

    /// Nothing is added any more.
    pub fn finish(&mut self) {
        self.dropped.sort_unstable();
        for side in self.streams.values_mut().flat_map(|stream| &mut stream.sides) {
            merge(&mut side.keep);
            merge(&mut side.masks);
            side.texts.sort_by_key(|text| text.0);
        }
    }

    /// Rewrites the payload of a segment, into zeros. `seq` is its relative sequence number. Returns how many bytes are
    /// kept.
    pub fn rewrite(
        &mut self,
        (stream, sender): (u64, Endpoint),
        frame: FrameNumber,
        seq: u32,
        payload: &[u8],
        out: &mut [u8],
    ) -> usize {
        let Some(stream) = self.streams.get_mut(&stream) else { return 0 };
        let side = &mut stream.sides[usize::from(stream.first != sender)];
        let Some(from) = side.offset(seq) else { return 0 };
        let kept = side.rewrite(from, payload, out);
        let first = self.dropped.partition_point(|dropped| dropped.0 < frame);
        for &(_, start, end) in self.dropped.get(first..).unwrap_or_default().iter().take_while(|d| d.0 == frame) {
            within(from, out, start, end).fill(0);
        }
        kept
    }
}

impl Side {
    /// How offsets and relative sequence numbers hang together.
    pub fn counts_from(&mut self, delta: u32) {
        self.delta = Some(delta);
    }

    /// Bytes from one offset to another are kept.
    pub fn keep(&mut self, from: u64, to: u64) {
        add(&mut self.keep, from, to);
    }

    /// They are masked, if they are kept.
    pub fn mask(&mut self, from: u64, to: u64) {
        add(&mut self.masks, from, to);
    }

    /// Another text, of [`MAX_TEXT`] bytes at most, is put in the place of what is there.
    pub fn put(&mut self, from: u64, text: &[u8]) {
        for (index, piece) in text.chunks(MAX_TEXT).enumerate() {
            self.texts.push((from + (index * MAX_TEXT) as u64, piece.into()));
        }
    }

    /// The offset that a relative sequence number stands for: the one nearest to that of the segment before, as they begin
    /// again.
    fn offset(&mut self, seq: u32) -> Option<u64> {
        let ahead = seq.wrapping_sub(self.delta?).wrapping_sub(self.position as u32) as i32;
        self.position = self.position.saturating_add_signed(ahead.into());
        Some(self.position)
    }

    fn rewrite(&self, from: u64, payload: &[u8], out: &mut [u8]) -> usize {
        let to = from + payload.len() as u64;
        let mut kept = 0;
        for &(start, end) in after(&self.keep, from).iter().take_while(|run| run.0 < to) {
            let (start, end) = (start.max(from), end.min(to));
            let range = (start - from) as usize..(end - from) as usize;
            if let (Some(old), Some(new)) = (payload.get(range.clone()), out.get_mut(range)) {
                new.copy_from_slice(old);
                kept += old.len();
            }
        }
        let first = self.texts.partition_point(|text| text.0 + MAX_TEXT as u64 <= from);
        for (start, text) in self.texts.get(first..).unwrap_or_default().iter().take_while(|text| text.0 < to) {
            let skip = from.saturating_sub(*start).min(text.len() as u64) as usize;
            let there = within(from, out, *start, start + text.len() as u64);
            there.iter_mut().zip(&text[skip..]).for_each(|(byte, new)| *byte = *new);
        }
        for &(start, end) in after(&self.masks, from).iter().take_while(|run| run.0 < to) {
            within(from, out, start, end).fill(MASK);
        }
        // Nothing is put or masked where nothing is kept.
        let mut at = from;
        for &(start, end) in after(&self.keep, from).iter().take_while(|run| run.0 < to).chain([&(to, to)]) {
            // But for the ends of lines, which tell nothing, and what is made of a line too many.
            let begin = (at.max(from) - from) as usize;
            for (new, old) in within(from, out, at, start).iter_mut().zip(payload.iter().skip(begin)) {
                *new = if matches!(old, b'\r' | b'\n') { *old } else { 0 };
            }
            at = end;
        }
        kept
    }
}

/// The part of `out`, which begins at offset `from`, that lies between two offsets.
fn within(from: u64, out: &mut [u8], start: u64, end: u64) -> &mut [u8] {
    let len = out.len() as u64;
    let end = end.saturating_sub(from).min(len) as usize;
    let start = (start.saturating_sub(from).min(len) as usize).min(end);
    &mut out[start..end]
}

/// The runs that end after an offset; they are in order, and apart.
fn after(runs: &[(u64, u64)], from: u64) -> &[(u64, u64)] {
    runs.get(runs.partition_point(|run| run.1 <= from)..).unwrap_or_default()
}

/// Adds a run, to the last one where it goes on there.
fn add(runs: &mut Vec<(u64, u64)>, from: u64, to: u64) {
    match runs.last_mut() {
        _ if from >= to => {}
        Some(last) if last.1 == from => last.1 = to,
        _ => runs.push((from, to)),
    }
}

/// Puts runs in order, and makes those one that touch.
fn merge(runs: &mut Vec<(u64, u64)>) {
    runs.sort_unstable();
    runs.dedup_by(|next, last| {
        let touch = next.0 <= last.1;
        if touch {
            last.1 = last.1.max(next.1);
        }
        touch
    });
    runs.shrink_to_fit();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> (Plan, Endpoint) {
        let end = Endpoint { address: [10, 0, 0, 1].into(), port: 1 };
        let mut plan = Plan::default();
        let side = plan.side(0, 0, end).unwrap();
        side.counts_from(1_u32.wrapping_sub(ORIGIN as u32));
        side.mask(ORIGIN + 12, ORIGIN + 16);
        side.keep(ORIGIN + 10, ORIGIN + 20);
        side.keep(ORIGIN, ORIGIN + 5);
        side.put(ORIGIN + 3, b"XYZ");
        side.keep(ORIGIN + 20, ORIGIN + 22);
        plan.drop_copy(7, ORIGIN, ORIGIN + 2);
        plan.finish();
        (plan, end)
    }

    #[test]
    fn however_it_is_cut_each_byte_becomes_the_same() {
        let payload = b"abcdefghijklmnopqrstuvwxyz";
        let want = b"abcXY\0\0\0\0\0kl****qrstuv\0\0\0\0";
        for from in 0..payload.len() {
            for to in from..=payload.len() {
                let (mut plan, end) = plan();
                let mut out = vec![0; to - from];
                plan.rewrite((0, end), 1, 1 + from as u32, &payload[from..to], &mut out);
                assert_eq!(out, want[from..to], "{from} {to}");
            }
        }
    }

    #[test]
    fn copies_that_are_not_known_and_other_streams_are_left_out() {
        let (mut plan, end) = plan();
        let mut out = [0; 5];
        plan.rewrite((0, end), 7, 1, b"12345", &mut out);
        assert_eq!(&out, b"\0\x003XY");
        let mut out = [0; 5];
        assert_eq!(plan.rewrite((1, end), 1, 1, b"12345", &mut out), 0);
        let other = Endpoint { port: 2, ..end };
        assert_eq!(plan.rewrite((0, other), 1, 1, b"12345", &mut out), 0);
        assert_eq!(out, [0; 5]);
    }
}
