//! One pass over a capture, from its first frame to its last.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::progress::Progress;
use super::{Failure, input};
use crate::cli::Input;
use crate::frame::Frame;
use crate::source::{Batch, Filter, Taken};

/// Hands the frames that pass the filter, `count` of them at most, to `take`. Returns how the capture is cut short, if it
/// is: what came before that was handed on.
pub(super) fn each(
    input: &Input,
    expression: Option<&str>,
    count: Option<u64>,
    stop: &Arc<AtomicBool>,
    mut take: impl FnMut(&[Frame<'_>]),
) -> Result<Option<Failure>, Failure> {
    let mut filter = expression.map(Filter::new).transpose()?.flatten();
    let mut source = input::open(input, None, stop)?;
    let mut progress = Progress::new(&source);
    let mut left = count.unwrap_or(u64::MAX);
    while left > 0 {
        if stop.load(Ordering::Relaxed) {
            return Err(Failure::Usage("stopped before all was read".to_owned()));
        }
        let batch = source.next_batch().map(|Taken { mut frames, .. }| {
            let read = frames.len() as u64;
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
    Ok(None)
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
