//! How a run stands, in a line on standard error: about once a second of a live capture or a growing one on a terminal, and
//! wherever SIGUSR1 asks for it.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, IsTerminal, PipeReader, PipeWriter, Read, Write, stderr, stdout};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::SIGUSR1;
#[cfg(any(target_os = "macos", target_os = "freebsd", target_os = "netbsd", target_os = "openbsd"))]
use signal_hook::consts::signal::SIGINFO;
use signal_hook::low_level::pipe;

use super::Failure;
use super::signals::{Patience, Signals, unhandled};
use crate::cli::{Output, Plan};
use crate::engine::Engine;
use crate::source::Source;

/// The signals that ask for it.
#[cfg(any(target_os = "macos", target_os = "freebsd", target_os = "netbsd", target_os = "openbsd"))]
const SIGNALS: &[i32] = &[SIGUSR1, SIGINFO];
#[cfg(not(any(target_os = "macos", target_os = "freebsd", target_os = "netbsd", target_os = "openbsd")))]
const SIGNALS: &[i32] = &[SIGUSR1];

/// How often the line on a terminal is written anew.
const EVERY: Duration = Duration::from_secs(1);

/// Whether the line stands on the terminal.
static SHOWN: AtomicBool = AtomicBool::new(false);

/// Clears the line, before something else is written.
pub(super) fn clear() {
    if SHOWN.swap(false, Ordering::Relaxed) {
        // A line that cannot be cleared is left.
        let _ = stderr().write_all(b"\r\x1b[K");
    }
}

/// The thread that tells, as seen from the one that has the counts.
pub(super) struct Status {
    counts: Arc<[AtomicU64; 3]>,
    /// Of the thread that is to be.
    teller: Option<Teller>,
    signals: Signals,
    wake: PipeWriter,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// What the other thread has.
struct Teller {
    counts: Arc<[AtomicU64; 3]>,
    woken: PipeReader,
    over: Arc<AtomicBool>,
    /// Whether the line stands on a terminal, or is written when it is asked for only.
    stands: bool,
    patience: Patience,
    /// What the system says of this process.
    process: Option<File>,
    #[cfg(feature = "live")]
    live: Option<crate::source::Counters>,
}

impl Status {
    /// Signals wait from now on; they are answered once it has [started](Self::start).
    pub fn new(plan: &Plan, signals: Signals) -> Result<Self, Failure> {
        let (woken, wake) = io::pipe().map_err(unhandled)?;
        for signal in SIGNALS {
            wake.try_clone().and_then(|wake| pipe::register(*signal, wake)).map_err(unhandled)?;
        }
        let (counts, over) = (Arc::default(), Arc::default());
        let teller = Teller {
            counts: Arc::clone(&counts),
            woken,
            over: Arc::clone(&over),
            // Not among results on the same terminal.
            stands: plan.input.is_under_way()
                && stderr().is_terminal()
                && (is_silent(&plan.output) || !stdout().is_terminal()),
            patience: signals.patience(),
            process: File::open("/proc/self/status").ok(),
            #[cfg(feature = "live")]
            live: None,
        };
        Ok(Self { counts, teller: Some(teller), signals, wake, over, thread: None })
    }

    /// Starts the thread; without one, nothing is told.
    #[cfg_attr(not(feature = "live"), expect(unused_variables, unused_mut))]
    pub fn start(&mut self, source: &Source) {
        let Some(mut teller) = self.teller.take() else { return };
        #[cfg(feature = "live")]
        if let Source::Live(live) = source {
            teller.live = Some(live.counters());
        }
        if let Ok(thread) = thread::Builder::new().name("status".into()).spawn(move || teller.run()) {
            self.signals.be_patient();
            self.thread = Some(thread);
        }
    }

    /// How many frames, messages and connections there are now.
    #[inline]
    pub fn tell(&self, engine: &Engine) {
        self.counts.iter().zip(engine.counts()).for_each(|(told, count)| told.store(count, Ordering::Relaxed));
    }
}

impl Drop for Status {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take()
            && self.wake.write_all(b"X").is_ok()
        {
            // What it could not write is lost.
            let _ = thread.join();
        }
        clear();
    }
}

impl Teller {
    fn run(mut self) {
        let every = Timespec { tv_sec: EVERY.as_secs() as i64, tv_nsec: 0 };
        while !self.over.load(Ordering::Relaxed) {
            let woken = poll(&mut [PollFd::new(&self.woken, PollFlags::IN)], Some(&every));
            match woken {
                Ok(0) => {
                    self.patience.look();
                    if self.stands {
                        self.redraw();
                    }
                }
                Ok(_) => {
                    let asked = matches!(self.woken.read(&mut [0; 64]), Ok(1..));
                    if asked && !self.over.load(Ordering::Relaxed) {
                        super::note(&self.line());
                    }
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return,
            }
        }
    }

    fn redraw(&mut self) {
        let mut line = self.line();
        let width = terminal_size::terminal_size_of(stderr()).map_or(80, |(width, _)| usize::from(width.0));
        // It is ASCII.
        line.truncate(width.saturating_sub(1));
        let mut stderr = stderr().lock();
        SHOWN.store(true, Ordering::Relaxed);
        let _ = stderr.write_all(format!("\r\x1b[K{line}").as_bytes());
    }

    fn line(&self) -> String {
        let [frames, messages, connections] = [0, 1, 2].map(|at: usize| self.counts[at].load(Ordering::Relaxed));
        let mut line = format!("{frames} packets, {messages} messages, {connections} connections");
        #[cfg(feature = "live")]
        if let Some(live) = &self.live {
            let lost = live.stats().lost;
            let _ = write!(line, ", dropped: {} by the kernel, {} by dissect", lost.kernel, lost.dissect);
            if lost.interface > 0 {
                let _ = write!(line, ", {} by the interface", lost.interface);
            }
        }
        if let Some(kib) = self.process.as_ref().and_then(resident) {
            let _ = write!(line, ", {} MiB", kib.div_ceil(1024));
        }
        line
    }
}

/// Whether nothing is shown before the end.
fn is_silent(output: &Output) -> bool {
    match output {
        Output::Results(style) => style.quiet,
        Output::Export(wanted) => wanted.har.as_deref() != Some(Path::new("-")),
        Output::Stats { .. } => true,
        _ => false,
    }
}

/// KiB of memory that the process has, by `/proc/self/status`.
#[cfg(unix)]
fn resident(process: &File) -> Option<u64> {
    use std::os::unix::fs::FileExt;
    let mut text = [0; 4096];
    let read = process.read_at(&mut text, 0).ok()?;
    let text = str::from_utf8(text.get(..read)?).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn memory_is_read_again_and_again() {
        let process = File::open("/proc/self/status").unwrap();
        assert!((0..2).all(|_| resident(&process).unwrap() > 100));
    }
}
