//! How far a long file has been read, on standard error where that is a terminal.

use std::io::{IsTerminal, stderr, stdout};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::source::Source;

/// Frames between two looks at the clock.
const EVERY: u64 = 4096;
/// A file that takes no longer needs no progress.
const LONG: Duration = Duration::from_millis(500);

/// Progress of reading a file.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    began: Instant,
    /// Frames since the last look.
    frames: u64,
}

impl Progress {
    /// None is shown of what has no end, nor among results that are shown on the same terminal.
    pub(super) fn new(source: &Source) -> Self {
        let size = source.progress().1.filter(|_| stderr().is_terminal() && !stdout().is_terminal());
        let bar = size.map(|size| {
            let bar = ProgressBar::hidden().with_style(style());
            bar.set_length(size);
            bar
        });
        Self { bar, began: Instant::now(), frames: 0 }
    }

    /// Counts frames that were read.
    #[inline]
    pub(super) fn frames(&mut self, count: u64, source: &Source) {
        self.frames += count;
        if self.frames >= EVERY {
            self.frames = 0;
            self.show(source);
        }
    }

    #[cold]
    fn show(&mut self, source: &Source) {
        let Some(bar) = &self.bar else { return };
        if bar.is_hidden() && self.began.elapsed() > LONG {
            bar.set_draw_target(indicatif::ProgressDrawTarget::stderr());
        }
        bar.set_position(source.progress().0);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn style() -> ProgressStyle {
    let template = "{bar:40} {percent:>3} % of {total_bytes}, {binary_bytes_per_sec}, {eta} to go";
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
