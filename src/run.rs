//! The one loop that reads and writes: frames from a source, through the core, to standard output.

mod ahead;
mod batch;
pub mod check;
mod chosen;
mod clock;
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
mod signals;
mod status;
mod stop;

use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub use diff::diff;
pub use failure::{Failure, conclude};
pub use results::write_out;

use crate::cli::{Input, Output, Plan, Saved};
use crate::engine::Engine;
use crate::frame::{Frame, Timestamp};
use crate::print::{Begin, Drops, End, is_unsafe};
use crate::sandbox::{self, Reach};
use crate::source::{Batch, Filter, Interface, Kind, Source, Taken, Wait, Writer};
use ahead::Ahead;
use chosen::Frames;
use clock::Clock;
use input::Opened;
use progress::Progress;
use results::Results;
use signals::Signals;
use status::Status;
use stop::Stop;

/// How long a live capture waits for frames before it looks at the clock and for a signal.
const WAIT: Duration = Duration::from_millis(50);
/// Nanoseconds of capture time that a live result may wait for others to be written with.
const GATHERED_TIME: i64 = 20_000_000;

/// Carries out the plan. Returns what was wrong though results were given, or why there are none.
pub fn run(plan: &Plan) -> Result<Vec<Failure>, Failure> {
    let signals = Signals::new()?;
    let stop = Stop::new(plan, Arc::clone(&signals.came));
    let status = Status::new(plan, signals)?;
    let mut opened = input::open(&plan.input, plan.filter.as_deref())?;
    let filter = opened.filter(plan.filter.as_deref())?;
    if plan.write.as_deref().is_some_and(|path| path.as_os_str() != "-") {
        // The format of the file hangs on what comes.
        match opened.begin(&stop)? {
            Some(source) => opened = Opened::Ready(source),
            None => return Ok(Vec::new()),
        }
    }
    let mut reach = Reach::default();
    let mut writer = match (&plan.write, &opened) {
        (Some(path), Opened::Ready(source)) => Some(save(path, plan, source, &mut reach)?),
        _ => None,
    };
    let passes = if plan.saved == Saved::Messages { Some(chosen::open(plan)?) } else { None };
    let results = Results::new(plan, Ahead::new(plan, &opened), &mut reach)?;
    match &plan.input {
        Input::Live { interfaces, .. } => reach.live(interfaces),
        // What becomes of its name is asked for.
        Input::Growing(path) => reach.read(path),
        Input::File(_) | Input::Stdin => {}
    }
    // All is open; from here on nothing else can be, and no thread was started before.
    shut_in(&plan.sandbox, reach)?;
    let Some(mut source) = opened.begin(&stop)? else { return Ok(Vec::new()) };
    if let (Some(path), None) = (&plan.write, &writer) {
        writer = Some(Writer::create(path, plan.rotation, &source)?);
    }
    let mut run = Run {
        chosen: passes.map(|passes| chosen::choose(plan, passes, stop.signal())).transpose()?,
        writer,
        engine: Engine::new(plan.engine.clone()),
        results,
        live: is_live(&source),
        status,
        clock: Clock::new(&plan.input),
        taken: 0,
        begun: false,
        plan,
        filter,
        stop,
    };
    source.start()?;
    run.status.start(&source);
    // A pcapng tells its link types later, with the first frame.
    if !source.interfaces().is_empty() {
        run.begin(source.interfaces());
    }
    let read = match run.read(&mut source) {
        Err(Failure::Source(error)) if error.kind() == Kind::CutShort && run.stop.is_signalled() => Ok(()),
        Err(failure) if failure.is_output() || !run.begun && !failure.is_cut() => {
            // What was captured so far is saved all the same.
            let saved = run.writer.as_mut().map_or(Ok(()), Writer::finish);
            return Ok([failure].into_iter().chain(saved.err().map(Failure::Source)).collect());
        }
        read => read,
    };
    run.finish(&mut source, read)
}

/// Creates the capture file; `reach` learns where others are created later.
fn save(path: &Path, plan: &Plan, source: &Source, reach: &mut Reach) -> Result<Writer, Failure> {
    let writer = Writer::create(path, plan.rotation, source)?;
    if let Some(folder) = writer.folder() {
        let path = path.parent().filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."));
        reach.write(folder, path).map_err(|reason| Failure::File { path: path.to_owned(), reason })?;
        writer.file().into_iter().for_each(|file| reach.give(file));
    }
    Ok(writer)
}

/// Shuts the process in; a step that this system does not offer is told if that is wanted.
fn shut_in(options: &sandbox::Options, reach: Reach) -> Result<(), Failure> {
    let missing = sandbox::enter(options, reach)?;
    missing.iter().filter(|_| options.verbose).for_each(|step| note(step));
    Ok(())
}

/// A line on standard error; one that cannot be written is lost.
fn note(line: &dyn fmt::Display) {
    // It may have names of files, and what a capture says.
    let line = line.to_string();
    // Held for as long, the line of the status does not come back in between.
    let mut stderr = io::stderr().lock();
    status::clear();
    let _ = writeln!(stderr, "dissect: {}", Printable(&line));
}

/// Lines without what would steer a terminal or hide in them.
struct Printable<'a>(&'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|char| match char {
            char if char != '\n' && is_unsafe(char) => write!(f, "{}", char.escape_default()),
            char => f.write_char(char),
        })
    }
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
    status: Status,
    clock: Clock,
    /// Frames that passed the filter.
    taken: u64,
    begun: bool,
    stop: Stop,
}

impl Run<'_> {
    fn begin(&mut self, interfaces: &[Interface]) {
        self.begun = true;
        self.results.begin(&Begin {
            source: match &self.plan.input {
                Input::File(path) | Input::Growing(path) => path.to_string_lossy().into_owned(),
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
                if self.stop.is_signalled() {
                    source.stop();
                }
                let Taken { frames, interfaces, drops } = source.next_batch()?;
                drops.iter().for_each(|drops| self.engine.dropped(*drops));
                if frames.is_empty() {
                    break;
                }
                let count = frames.len() as u64;
                self.take_in_time(frames, interfaces)?;
                self.status.tell(&self.engine);
                progress.frames(count, source);
            }
            if self.is_over() {
                return Ok(());
            }
            self.flush()?;
            match source.wait(WAIT)? {
                Wait::Ready => {}
                Wait::Idle => {
                    if let Some(now) = self.clock.now() {
                        self.engine.advance(now, &mut self.results);
                        self.stop_at_last_file(now);
                    }
                    self.results.idle();
                }
                Wait::End => return Ok(()),
            }
        }
    }

    fn is_over(&self) -> bool {
        // What has come to an interface by the time of a signal is still taken.
        self.stop.is_ended()
            || !self.live && self.stop.is_signalled()
            || self.plan.count.is_some_and(|count| self.taken >= count)
            || self.results.is_complete()
    }

    /// Takes frames up to the one that ends the run, if that is among them.
    fn take_in_time(&mut self, mut frames: Batch<'_>, interfaces: &[Interface]) -> Result<(), Failure> {
        self.stop.limit(&mut frames);
        // Only after each one it is known whether it was the last.
        if self.plan.stop.until.is_none() && !self.plan.rotation.ends() {
            return self.take(frames, interfaces);
        }
        for frame in frames {
            self.stop_at_last_file(frame.meta.time);
            if self.is_over() {
                break;
            }
            self.take([frame].into_iter().collect(), interfaces)?;
        }
        Ok(())
    }

    /// Ends the run if no file is left for what is captured then.
    fn stop_at_last_file(&mut self, time: Timestamp) {
        if self.writer.as_ref().is_some_and(|writer| writer.ends_before(time)) {
            self.stop.now();
        }
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
        let saved = match self.writer.as_mut().filter(|_| self.plan.saved != Saved::Frames) {
            Some(writer) => frames.iter().filter(chosen).try_for_each(|frame| writer.write(frame, interfaces)),
            None => Ok(()),
        };
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
            self.clock.frame(last.meta.time);
        }
        saved?;
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
        let drops = drops(source);
        let unexplained = totals.ledger.unexplained();
        let selected = self.results.selected();
        let absent = if let Output::Follow(following) = &self.plan.output {
            follow::absent(following.stream, &totals)
        } else {
            None
        };
        let saved = self.writer.as_mut().map_or(Ok(()), Writer::finish);
        let told = self.results.end(&End { totals, drops, selected }).map_err(Failure::Output);
        let told = told.and_then(|()| self.results.flush());
        let mut failures: Vec<Failure> = read.err().into_iter().collect();
        failures.extend(saved.map_err(Failure::Source).err());
        if let Err(failure) = told {
            failures.push(failure);
            return Ok(failures);
        }
        failures.extend(absent.or_else(|| self.results.lacks().map(Failure::Wrong)));
        if self.plan.strict && unexplained != 0 {
            failures.push(Failure::Wrong(format!("{unexplained} bytes of TCP payload are unexplained")));
        }
        Ok(failures)
    }
}

/// Frames that a live capture received and lost; it ends here.
#[cfg(feature = "live")]
fn drops(source: &mut Source) -> Option<Drops> {
    let Source::Live(live) = source else { return None };
    let stats = live.finish();
    Some(Drops { received: stats.received, lost: stats.lost })
}

#[cfg(not(feature = "live"))]
fn drops(_: &mut Source) -> Option<Drops> {
    None
}
