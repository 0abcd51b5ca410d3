//! Bytes of a direction that are held until they tell what they are, each run with the headers of its frame.

use super::http1::Run;
use crate::tcp::{Carrier, OwnedCarrier, SegmentRef};

/// Bytes held, in order.
#[derive(Default)]
pub struct Held {
    bytes: Vec<u8>,
    runs: Vec<(SegmentRef, OwnedCarrier)>,
}

impl Held {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Adds the first `len` bytes of `run`.
    pub fn add(&mut self, run: &Run<'_>, len: usize) {
        if len > 0 {
            self.bytes.extend_from_slice(&run.bytes[..len]);
            self.runs.push((run.first(len), run.carrier.to_owned()));
        }
    }

    /// Drops the first `len` bytes.
    pub fn drop_front(&mut self, mut len: usize) {
        self.bytes.drain(..len.min(self.bytes.len()));
        self.runs.retain_mut(|(segment, _)| {
            let within = len.min(segment.len as usize);
            len -= within;
            *segment = segment.part(segment.offset + within as u64, segment.offset + u64::from(segment.len));
            segment.len > 0
        });
    }

    /// Takes all.
    pub fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    /// Where the first run is, and the headers of its frame.
    pub fn first(&self) -> Option<(SegmentRef, Carrier<'_>)> {
        self.runs.first().map(|(segment, carrier)| (*segment, carrier.get()))
    }

    /// The segments that carried them.
    pub fn segments(&self) -> impl Iterator<Item = SegmentRef> {
        self.runs.iter().map(|(segment, _)| *segment)
    }

    /// Gives the runs to `read`, one after the other.
    pub fn replay(&self, mut read: impl FnMut(&Run<'_>)) {
        let mut rest = self.bytes();
        for (segment, carrier) in &self.runs {
            // The runs are as long as the bytes.
            let (bytes, after) = rest.split_at(rest.len().min(segment.len as usize));
            rest = after;
            read(&Run { segment: *segment, bytes, carrier: &carrier.get() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Timestamp;
    use crate::issue::Flags;

    #[test]
    fn what_is_left_of_runs_is_given_again() {
        let mut held = Held::default();
        let carrier = OwnedCarrier::default();
        let carrier = carrier.get();
        for (frame, offset, bytes) in [(1, 10, &b"abc"[..]), (2, 13, b"d"), (3, 14, b"ef-")] {
            let len = bytes.len() as u32;
            let segment = SegmentRef { frame, time: Timestamp(0), offset, len, flags: Flags::EMPTY, acked: 0 };
            held.add(&Run { segment, bytes, carrier: &carrier }, bytes.len().min(2));
        }
        held.drop_front(1);
        let mut runs = Vec::new();
        held.replay(|run| runs.push((run.segment.frame, run.segment.offset, run.bytes.to_vec())));
        assert_eq!(runs, [(1, 11, b"b".to_vec()), (2, 13, b"d".to_vec()), (3, 14, b"ef".to_vec())]);
        assert_eq!(held.bytes(), b"bdef");
    }
}
