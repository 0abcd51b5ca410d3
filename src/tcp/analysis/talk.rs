//! Hand-made conversations for the tests of the analysis and of its reasons.

use super::*;
use crate::tcp::Options;
use Control as C;

const ZEROS: &[u8] = &[0; 4096];

/// A connection that is told of segments.
pub(super) struct Talk {
    pub analysis: Analysis,
    pub frame: FrameNumber,
    pub now: i64,
}

/// Direction, sequence and acknowledgment number, bits, window, length.
pub(super) type Step = (usize, u32, u32, u16, u16, usize);

impl Talk {
    pub fn mid_stream() -> Self {
        Self { analysis: Analysis::new(true), frame: 0, now: 1_000_000_000 }
    }

    /// Client 0 with initial number 1000, server 1 with 5000, no window scaling, 10 ms between SYN and ACK.
    pub fn open() -> Self {
        let mut talk = Self::mid_stream();
        talk.say((0, 1000, 0, C::SYN, 500, 0));
        talk.wait(5_000).say((1, 5000, 1001, C::SYN | C::ACK, 500, 0));
        talk.wait(5_000).say((0, 1001, 5001, C::ACK, 500, 0));
        talk
    }

    pub fn wait(&mut self, micros: i64) -> &mut Self {
        self.now += micros * 1000;
        self
    }

    pub fn say(&mut self, step: Step) -> Verdict {
        self.say_with(step, Options::default())
    }

    pub fn say_with(&mut self, step: Step, options: Options) -> Verdict {
        let segment = self.segment(step, &options);
        self.analysis.push(step.0, &segment)
    }

    /// The next segment, before the analysis takes it.
    pub fn segment<'a>(&mut self, (dir, seq, ack, control, window, len): Step, options: &'a Options) -> Segment<'a> {
        self.frame += 1;
        let segment = Segment {
            frame: self.frame,
            time: Timestamp(self.now),
            seq: Seq(seq),
            ack: Seq(ack),
            control: Control(control),
            window,
            options,
            payload: &ZEROS[..len],
            missing: 0,
        };
        if self.analysis.is_new_connection(dir, &segment) {
            self.analysis.reuse(dir);
        }
        segment
    }
}
