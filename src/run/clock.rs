//! What time it is for the core where no frames come.

use std::time::{Duration, Instant};

use crate::cli::Input;
use crate::frame::Timestamp;
use crate::source;

/// By how much the core's time is kept behind the clock: the kernel may hold a frame for some 10 ms.
const HELD: i64 = 30_000_000;
/// The same where frames come through a file: whoever writes it may gather them.
const GATHERED: i64 = 1_000_000_000;

/// Where the time comes from.
pub(super) enum Clock {
    /// It is the clock's, as that of the frames is.
    Live,
    /// It goes on from the last frame, which may have been captured long ago: its time, and when it came.
    Growing(Option<(Timestamp, Instant)>),
}

impl Clock {
    pub(super) fn new(input: &Input) -> Self {
        if let Input::Growing(_) = input { Self::Growing(None) } else { Self::Live }
    }

    /// Takes note of a frame that came.
    #[inline]
    pub(super) fn frame(&mut self, time: Timestamp) {
        if let Self::Growing(last) = self {
            *last = Some((time, Instant::now()));
        }
    }

    /// The time up to which no frame will come that was not taken, as far as can be told.
    pub(super) fn now(&self) -> Option<Timestamp> {
        match self {
            Self::Live => Some(source::now().plus(-HELD)),
            Self::Growing(last) => last.map(|(time, came)| time.plus(nanos(came.elapsed())).plus(-GATHERED)),
        }
    }
}

/// Nanoseconds, as capture time is counted.
pub(super) fn nanos(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}
