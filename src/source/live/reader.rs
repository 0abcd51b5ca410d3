//! The thread that reads the interfaces: out of the kernel's buffers into blocks, whatever becomes of the frames then.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::HOLD;
use super::blocks::Blocks;
use super::handle::Handle;
use super::merge::Merge;
use crate::frame::{Drops, Lost, Timestamp};
use crate::source::{Error, now};

/// Frames that are read at once: the other thread waits meanwhile.
const BURST: usize = 64;
/// How often the counters are looked at. Losses are known to lie between two looks.
const LOOK: Duration = Duration::from_millis(50);
/// How long it waits for frames before it looks whether it is to stop.
const PATIENCE: Duration = Duration::from_millis(20);
/// How long the kernel may hold the last frames.
const REST: Duration = HOLD.saturating_mul(2);

pub(super) struct Reader {
    handles: Vec<Handle>,
    merge: Merge,
    blocks: Arc<Blocks>,
    stop: Arc<AtomicBool>,
    /// When the counters were looked at.
    looked: Instant,
    /// The same as capture time, and what was lost by then.
    since: Timestamp,
    lost: [u64; 2],
}

impl Reader {
    pub fn new(handles: Vec<Handle>, blocks: Arc<Blocks>, stop: Arc<AtomicBool>) -> Self {
        let (looked, since) = (Instant::now(), now());
        Self { handles, merge: Merge::default(), blocks, stop, looked, since, lost: [0; 2] }
    }

    /// Reads until it is to stop, or an interface fails.
    pub fn run(mut self) {
        let read = self.read_all();
        // An interface that failed may still have counted; that it cannot tell is no other failure.
        let counted = self.look();
        self.blocks.fill().end(read.and(counted));
    }

    fn read_all(&mut self) -> Result<(), Error> {
        let mut last = None;
        loop {
            while self.read()? > 0 {
                self.look_if_due()?;
                if last.is_some_and(|last| Instant::now() >= last) {
                    return Ok(());
                }
            }
            self.look_if_due()?;
            // What was captured before it was to stop is still read.
            if self.stop.load(Ordering::Relaxed) && Instant::now() >= *last.get_or_insert(Instant::now() + REST) {
                return Ok(());
            }
            self.wait()?;
        }
    }

    /// Reads some frames that are there.
    fn read(&mut self) -> Result<usize, Error> {
        let mut filling = self.blocks.fill();
        match &mut self.handles[..] {
            [only] => only.read(BURST, |noted, bytes| filling.push(noted, bytes)),
            several => self.merge.read(several, now(), BURST, &mut filling),
        }
    }

    fn wait(&mut self) -> Result<(), Error> {
        let timeout = if self.merge.holds_one() { HOLD / 4 } else { PATIENCE };
        let timeout = Timespec { tv_sec: 0, tv_nsec: timeout.subsec_nanos().into() };
        let mut watched: Vec<_> = self.handles.iter().map(|handle| PollFd::new(handle, PollFlags::IN)).collect();
        match poll(&mut watched, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => {
                let interface = self.handles.iter().map(|handle| handle.name.as_str()).collect::<Vec<_>>().join(", ");
                return Err(Error::Live { interface, reason: error.to_string() });
            }
        }
        // An error of the interface shows as an event too; the next read tells it.
        let events: Vec<bool> = watched.iter().map(|fd| !fd.revents().is_empty()).collect();
        drop(watched);
        self.handles.iter_mut().zip(events).for_each(|(handle, ready)| handle.ready |= ready);
        Ok(())
    }

    fn look_if_due(&mut self) -> Result<(), Error> {
        if self.looked.elapsed() >= LOOK { self.look() } else { Ok(()) }
    }

    /// Looks at the counters, and tells of losses since the last look.
    fn look(&mut self) -> Result<(), Error> {
        let mut sums = [0; 3];
        let until = now();
        for handle in &mut self.handles {
            let counts = handle.counts()?;
            sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        }
        let [received, kernel, interface] = sums;
        let lost = Lost {
            kernel: kernel.saturating_sub(self.lost[0]),
            interface: interface.saturating_sub(self.lost[1]),
            ..Lost::default()
        };
        let mut filling = self.blocks.fill();
        filling.count(received, kernel, interface);
        if lost.total() > 0 {
            filling.lose(Drops { since: self.since.min(until), until, after: None, lost });
        }
        drop(filling);
        (self.looked, self.since, self.lost) = (Instant::now(), until, [kernel, interface]);
        Ok(())
    }
}
