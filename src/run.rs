//! The one loop that reads and writes: frames from a source, through the core, to standard output.

mod ahead;
mod batch;
pub mod check;
mod chosen;
mod diff;
pub mod export;
mod failure;
mod follow;
mod input;
mod pass;
mod progress;
mod renderer;
mod results;
pub mod scrub;
mod selection;

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

pub use diff::diff;
pub use failure::{Failure, conclude};
pub use results::write_out;

use crate::cli::{Input, Output, Plan, Saved};
use crate::engine::Engine;
use crate::frame::{Frame, Timestamp};
use crate::print::{Begin, Drops, End};
use crate::source::{Batch, Error, Filter, Interface, Kind, Source, Wait, Writer};
use chosen::Frames;
use progress::Progress;
use results::Results;

/// How long a live capture waits for frames before it looks at the clock and for a signal.
const WAIT: Duration = Duration::from_millis(50);
/// By how much the core's time is kept behind the clock where no frames come: the kernel may hold one for some 10 ms.
const BEHIND: i64 = 30_000_000;
/// Nanoseconds of capture time that a live result may wait for others to be written with.
const GATHERED_TIME: i64 = 20_000_000;

/// Carries out the plan. Returns what was wrong though results were given, or why there are none.
pub fn run(plan: &Plan) -> Result<Vec<Failure>, Failure> {
    let stop = stop_at_signals()?;
    let mut filter = match &plan.filter {
        Some(expression) => Filter::new(expression)?,
        None => None,
    };
    let mut source = match input::open(&plan.input, filter.as_ref(), &stop) {
        // A stream that had not begun when it was stopped.
        Err(Error::NotACapture { .. }) if stop.load(Ordering::Relaxed) => return Ok(Vec::new()),
        source => source?,
    };
    if is_live(&source) {
        // The kernel filters.
        filter = None;
    } else if let Some(filter) = &mut filter {
        source.interfaces().iter().try_for_each(|interface| filter.prepare(interface.link))?;
    }
    let chosen = if plan.saved == Saved::Messages { Some(chosen::choose(plan, &stop)?) } else { None };
    let mut run = Run {
        chosen,
        writer: plan.write.as_deref().map(|path| Writer::create(path, &source)).transpose()?,
        engine: Engine::new(plan.engine.clone()),
        results: Results::new(plan)?,
        live: is_live(&source),
        taken: 0,
        begun: false,
        plan,
        filter,
        stop,
    };
    // A pcapng tells its link types later, with the first frame.
    if !source.interfaces().is_empty() {
        run.begin(source.interfaces());
    }
    let read = match run.read(&mut source) {
        Err(Failure::Source(error)) if error.kind() == Kind::CutShort && run.is_stopped() => Ok(()),
        Err(failure) if failure.is_output() || !run.begun && !failure.is_cut() => return Err(failure),
        read => read,
    };
    run.finish(&mut source, read)
}

/// A line on standard error; one that cannot be written is lost.
fn note(line: &dyn fmt::Display) {
    let _ = writeln!(io::stderr(), "dissect: {line}");
}

/// A flag that SIGINT and SIGTERM set; the second one ends the program at once.
fn stop_at_signals() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&stop))
            .and_then(|_| flag::register(signal, Arc::clone(&stop)))
            .map_err(|error| Failure::Usage(format!("cannot handle signals: {error}")))?;
    }
    Ok(stop)
}

fn is_live(source: &Source) -> bool {
    !matches!(source, Source::File(_))
}

/// What a run has beside its source.
struct Run<'p> {
    plan: &'p Plan,
    filter: Option<Filter>,
    /// The frames that are saved, where not all are.
    chosen: Option<Frames>,
    writer: Option<Writer>,
    engine: Engine,
    results: Results,
    live: bool,
    /// Frames that passed the filter.
    taken: u64,
    begun: bool,
    stop: Arc<AtomicBool>,
}

impl Run<'_> {
    fn begin(&mut self, interfaces: &[Interface]) {
        self.begun = true;
        self.results.begin(&Begin {
            source: match &self.plan.input {
                Input::File(path) => path.to_string_lossy().into_owned(),
                Input::Stdin => "-".into(),
                Input::Live { interfaces, .. } => interfaces.join(","),
            },
            live: self.live,
            links: interfaces.iter().map(|interface| interface.link).collect(),
            filter: self.plan.filter.clone(),
        });
    }

    /// Takes frames until there are no more, or enough.
    fn read(&mut self, source: &mut Source) -> Result<(), Failure> {
        let mut progress = Progress::new(source);
        loop {
            while !self.is_over() {
                // What is known is shown before waiting for more.
                if source.may_block() {
                    self.flush()?;
                }
                let (frames, interfaces) = source.next_batch()?;
                if frames.is_empty() {
                    break;
                }
                let count = frames.len() as u64;
                self.take(frames, interfaces)?;
                progress.frames(count, source);
            }
            if self.is_over() {
                return Ok(());
            }
            self.flush()?;
            match source.wait(WAIT)? {
                Wait::Ready => {}
                Wait::Idle => {
                    self.engine.advance(now().plus(-BEHIND), &mut self.results);
                    self.results.idle();
                }
                Wait::End => return Ok(()),
            }
        }
    }

    fn is_over(&self) -> bool {
        self.is_stopped() || self.plan.count.is_some_and(|count| self.taken >= count) || self.results.is_complete()
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Takes frames, which have their numbers already.
    fn take(&mut self, mut frames: Batch<'_>, interfaces: &[Interface]) -> Result<(), Failure> {
        let filtered = self.retain(&mut frames);
        if !self.begun && (filtered.is_ok() || !frames.is_empty()) {
            self.begin(interfaces);
        }
        let left = self.plan.count.map_or(u64::MAX, |count| count - self.taken);
        frames.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        self.taken += frames.len() as u64;
        let chosen = |frame: &&Frame<'_>| self.chosen.as_ref().is_none_or(|chosen| chosen.contains(frame.meta.number));
        if let Some(writer) = self.writer.as_mut().filter(|_| self.plan.saved != Saved::Frames) {
            frames.iter().filter(chosen).try_for_each(|frame| writer.write(frame, interfaces))?;
        }
        if let Some(frame) = frames.first() {
            self.results.takes(frame.meta.time);
        }
        match frames.iter().position(|frame| self.results.explains(frame.meta.number)) {
            None => self.engine.push_all(&frames, &mut self.results),
            Some(at) => {
                self.engine.push_all(&frames[..at], &mut self.results);
                let before = self.engine.totals().ledger;
                self.engine.push(frames[at], &mut self.results);
                self.results.account(&before, &self.engine.totals().ledger);
                self.engine.push_all(&frames[at + 1..], &mut self.results);
            }
        }
        if let (Some(shown), Some(writer)) = (self.results.take_frames(), &mut self.writer) {
            let shown = frames.iter().filter(|frame| shown.binary_search(&frame.meta.number).is_ok());
            { shown }.try_for_each(|frame| writer.write(frame, interfaces))?;
        }
        if let Some(last) = frames.last() {
            let waited = if self.live { GATHERED_TIME } else { i64::MAX };
            self.results.gather(last.meta.time, waited)?;
        }
        filtered
    }

    /// Leaves the frames that pass the filter, up to one that it cannot judge.
    fn retain(&mut self, frames: &mut Batch<'_>) -> Result<(), Failure> {
        self.filter.as_mut().map_or(Ok(()), |filter| pass::retain(filter, frames))
    }

    fn flush(&mut self) -> Result<(), Failure> {
        if let Some(writer) = &mut self.writer {
            writer.flush()?;
        }
        self.results.flush()
    }

    /// Tells what is left, and what was wrong.
    fn finish(mut self, source: &mut Source, read: Result<(), Failure>) -> Result<Vec<Failure>, Failure> {
        if !self.begun {
            self.begin(source.interfaces());
        }
        self.engine.finish(&mut self.results);
        let totals = self.engine.totals();
        let (drops, counted) = match drops(source) {
            Ok(drops) => (drops, None),
            Err(error) => (None, Some(error)),
        };
        let unexplained = totals.ledger.unexplained();
        let selected = self.results.selected();
        let absent = if let Output::Follow(following) = &self.plan.output {
            follow::absent(following.stream, &totals)
        } else {
            None
        };
        self.results.end(&End { totals, drops, selected }).map_err(Failure::Output)?;
        self.flush()?;
        let mut failures: Vec<Failure> = read.err().into_iter().chain(counted.map(Failure::Source)).collect();
        failures.extend(absent.or_else(|| self.results.lacks().map(Failure::Wrong)));
        if self.plan.strict && unexplained != 0 {
            failures.push(Failure::Wrong(format!("{unexplained} bytes of TCP payload are unexplained")));
        }
        Ok(failures)
    }
}

/// The clock's time, which is that of live frames.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_secs_nanos(i64::try_from(since.as_secs()).unwrap_or(i64::MAX), since.subsec_nanos().into())
}

/// Frames that a live capture lost.
#[cfg(feature = "live")]
fn drops(source: &mut Source) -> Result<Option<Drops>, Error> {
    let Source::Live(live) = source else { return Ok(None) };
    let stats = live.stats()?;
    Ok(Some(Drops { received: stats.received, kernel: stats.dropped, interface: stats.dropped_by_interface }))
}

#[cfg(not(feature = "live"))]
fn drops(_: &mut Source) -> Result<Option<Drops>, Error> {
    Ok(None)
}
