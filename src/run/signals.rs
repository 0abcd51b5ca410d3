//! SIGINT and SIGTERM: the first one ends a run in order, one that comes later ends the program at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::SigId;
use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::{flag, low_level};

use super::Failure;

/// What the signals set.
pub(super) struct Signals {
    /// One came.
    pub came: Arc<AtomicBool>,
    /// The next one ends the program at once.
    at_once: Arc<AtomicBool>,
    /// By which the first one says so.
    hasty: Vec<SigId>,
}

impl Signals {
    /// Waits for them. Whichever is the second one ends the program at once.
    pub fn new() -> Result<Self, Failure> {
        let mut signals = Self { came: Arc::default(), at_once: Arc::default(), hasty: Vec::new() };
        signals.register().map_err(unhandled)?;
        Ok(signals)
    }

    fn register(&mut self) -> io::Result<()> {
        for signal in [SIGINT, SIGTERM] {
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&self.at_once))?;
            self.hasty.push(flag::register(signal, Arc::clone(&self.at_once))?);
            flag::register(signal, Arc::clone(&self.came))?;
        }
        // A file that may not grow any more then is an error of the write, as on a full disk.
        flag::register(SIGXFSZ, Arc::default()).map(drop)
    }

    /// What a thread has that looks time and again.
    pub fn patience(&self) -> Patience {
        Patience { came: Arc::clone(&self.came), at_once: Arc::clone(&self.at_once), seen: false }
    }

    /// From now on, with such a thread, one that comes right after the first does nothing: timeout(1) sends each twice, to
    /// its child and to the group of both.
    pub fn be_patient(&mut self) {
        for id in self.hasty.drain(..) {
            low_level::unregister(id);
        }
    }
}

/// Why signals would do what they do to any program.
pub(super) fn unhandled(error: io::Error) -> Failure {
    Failure::Usage(format!("cannot handle signals: {error}"))
}

/// What says when the next signal ends the program at once.
pub(super) struct Patience {
    came: Arc<AtomicBool>,
    at_once: Arc<AtomicBool>,
    /// A signal had come at the last look.
    seen: bool,
}

impl Patience {
    /// Looks whether one had come by the time of the last look.
    pub fn look(&mut self) {
        if self.seen {
            self.at_once.store(true, Ordering::Relaxed);
        }
        self.seen = self.came.load(Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_ends_a_look_after_the_signal_was_seen() {
        let (came, at_once) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let mut patience = Patience { came: Arc::clone(&came), at_once: Arc::clone(&at_once), seen: false };
        patience.look();
        came.store(true, Ordering::Relaxed);
        patience.look();
        assert!(!at_once.load(Ordering::Relaxed));
        patience.look();
        assert!(at_once.load(Ordering::Relaxed));
    }
}
