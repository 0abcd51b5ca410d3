//! One pass over a capture, from its first frame to its last.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::Failure;
use super::input::{self, Opened};
use super::progress::Progress;
use super::stop::Stop;
use crate::cli::{Input, Plan};
use crate::frame::Frame;
use crate::source::{Batch, Filter, Taken};

/// A capture that is open, and what is taken of it.
pub(super) struct Pass {
    opened: Opened,
    filter: Option<Filter>,
    count: u64,
    duration: Option<Duration>,
}

impl Pass {
    /// Opens a capture, to take all its frames.
    pub(super) fn all(input: &Input) -> Result<Self, Failure> {
        Ok(Self { opened: input::open(input, None)?, filter: None, count: u64::MAX, duration: None })
    }

    /// Opens what the plan reads, to take the frames that it takes.
    pub(super) fn of(plan: &Plan) -> Result<Self, Failure> {
        let opened = input::open(&plan.input, None)?;
        let filter = opened.filter(plan.filter.as_deref())?;
        Ok(Self { opened, filter, count: plan.count.unwrap_or(u64::MAX), duration: plan.stop.duration })
    }
}

/// Hands the frames to `take`. Returns how the capture is cut short, if it is: what came before that was handed on.
pub(super) fn each(
    pass: Pass,
    signal: &Arc<AtomicBool>,
    mut take: impl FnMut(&[Frame<'_>]),
) -> Result<Option<Failure>, Failure> {
    let Pass { opened, mut filter, count: mut left, duration } = pass;
    let mut stop = Stop::in_capture(duration, Arc::clone(signal));
    let Some(mut source) = opened.begin(&stop)? else { return Err(stopped()) };
    let mut progress = Progress::new(&source);
    while left > 0 && !stop.is_over() {
        let batch = source.next_batch().map(|Taken { mut frames, .. }| {
            let read = frames.len() as u64;
            stop.limit(&mut frames);
            let judged = filter.as_mut().map_or(Ok(()), |filter| retain(filter, &mut frames));
            frames.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            take(&frames);
            left -= frames.len() as u64;
            (read, judged)
        });
        let failure = match batch {
            Ok((0, _)) => break,
            Ok((read, Ok(()))) => {
                progress.frames(read, &source);
                continue;
            }
            Ok((_, Err(failure))) => failure,
            Err(error) => Failure::Source(error),
        };
        return if failure.is_cut() { Ok(Some(failure)) } else { Err(failure) };
    }
    if stop.is_signalled() {
        return Err(stopped());
    }
    Ok(None)
}

fn stopped() -> Failure {
    Failure::Usage("stopped before all was read".to_owned())
}

/// Leaves the frames that pass the filter, up to one that it cannot judge.
pub(super) fn retain(filter: &mut Filter, frames: &mut Batch<'_>) -> Result<(), Failure> {
    let mut judged = Ok(());
    frames.retain(|frame| match &judged {
        Ok(()) => filter.matches(frame).unwrap_or_else(|error| {
            judged = Err(error.into());
            false
        }),
        Err(_) => false,
    });
    judged
}
