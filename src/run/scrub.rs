//! `dissect scrub`: reads a capture twice, and writes it anew.

use std::cell::Cell;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::export::document::Document;
use super::input::{self, Opened};
use super::pass::{self, Pass};
use super::signals::Signals;
use super::{Failure, shut_in, write_out};
use crate::cli::Input;
use crate::engine::{self, Engine};
use crate::event::{self, Event, Packet, Sink};
use crate::filter::{Filter, MessageRecord, Times};
use crate::frame::{Frame, FrameNumber, Timestamp};
use crate::print::scrub::{json, text};
use crate::sandbox::{self, Reach};
use crate::scrub::{Options, Scrubber, Survey};
use crate::source::{Interface, Rotation, Source, Taken, Writer};

/// What is scrubbed, and how.
pub struct Scrub {
    /// The capture.
    pub input: PathBuf,
    /// Where it goes, `-` for standard output.
    pub output: PathBuf,
    /// What is kept.
    pub options: Options,
    /// The messages of which the body is masked.
    pub masked: Option<Arc<Filter>>,
    /// What the core is to do for that.
    pub engine: engine::Options,
    /// Whether the report is JSON.
    pub json: bool,
    /// How the process is shut in.
    pub sandbox: sandbox::Options,
}

/// Random bytes for a key.
pub fn random() -> Result<[u8; 32], Failure> {
    let mut bytes = [0; 32];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        let more = rustix::rand::getrandom(rest, rustix::rand::GetRandomFlags::empty());
        filled += more.map_err(|error| Failure::Usage(format!("no random numbers: {error}; --key does without")))?;
    }
    Ok(bytes)
}

/// Carries it out. Returns what was wrong though the capture was written, or why it was not.
pub fn scrub(plan: &Scrub) -> Result<Vec<Failure>, Failure> {
    let stop = Signals::new()?.came;
    let file = |reason| Failure::unwritten(&plan.output, reason);
    let input = Input::File(plan.input.clone());
    let first_pass = Pass::all(&input)?;
    let Opened::Ready(mut source) = input::open(&input, None)? else {
        return Err(Failure::Usage("the capture is read twice: it has to be a file".to_owned()));
    };
    let mut reach = Reach::default();
    let mut document = Document::create(&plan.output, [plan.input.as_path()], &mut reach).map_err(file)?;
    let mut writer = Writer::create(&document.place(), Rotation::default(), &source)?;
    shut_in(&plan.sandbox, reach)?;
    let first = Cell::new(None);
    let mut survey = Survey::new(&plan.options, |message| plan.chooses(message, first.get()));
    let options = engine::Options { packets: true, follow_all: true, ..plan.engine.clone() };
    let mut engine = Engine::new(options);
    let cut = pass::each(first_pass, &stop, |frames| {
        first.set(first.get().or(frames.first().map(|frame| frame.meta.time)));
        engine.push_all(frames, &mut survey);
    })?;
    engine.finish(&mut survey);
    let mut scrubber = survey.scrubber(&plan.options);
    let records = write(&mut source, &mut writer, &mut scrubber, &stop)?;
    document.finish().map_err(file)?;
    let mut report = scrubber.finish();
    report.records_left_out = records;
    let mut out = Vec::new();
    if plan.json {
        json(&report, &mut out)
    } else {
        text(&report, &mut out)
    }
    // The capture has standard output for itself.
    let told = if plan.output.as_os_str() == "-" { io::stderr().write_all(&out) } else { write_out(&out) };
    told.map_err(Failure::Output)?;
    Ok(cut.into_iter().collect())
}

impl Scrub {
    fn chooses(&self, message: &event::Message<'_>, first: Option<Timestamp>) -> bool {
        let times = Times { first, previous: None };
        self.masked.as_ref().is_some_and(|filter| filter.holds(&MessageRecord::as_captured(message, times)))
    }
}

/// Writes the frames. Returns how many records are no packets.
fn write(
    source: &mut Source,
    writer: &mut Writer,
    scrubber: &mut Scrubber<'_>,
    stop: &Arc<AtomicBool>,
) -> Result<u64, Failure> {
    let mut engine = Engine::new(engine::Options { packets: true, only_totals: true, ..Default::default() });
    let (mut out, mut nameless, mut records) = (Vec::new(), Vec::new(), 0);
    loop {
        if stop.load(Ordering::Relaxed) {
            return Err(Failure::Usage("stopped before all was written".to_owned()));
        }
        let Taken { frames, interfaces, .. } = match source.next_batch() {
            Ok(taken) if taken.frames.is_empty() => break,
            Ok(taken) => taken,
            // The first pass has told of it.
            Err(error) => {
                let failure = Failure::Source(error);
                if failure.is_cut() {
                    break;
                }
                return Err(failure);
            }
        };
        let more = interfaces.iter().skip(nameless.len());
        nameless.extend(more.map(|interface| Interface { name: None, ..interface.clone() }));
        for frame in &frames {
            let mut place = Place::default();
            engine.push(*frame, &mut place);
            if !frame.meta.link.is_packet() {
                records += 1;
                continue;
            }
            scrubber.frame(*frame, place.of(frame.meta.number), &mut out);
            writer.write(&Frame { meta: frame.meta, bytes: &out }, &nameless)?;
        }
    }
    writer.finish()?;
    Ok(records)
}

/// Where in its connection the segment of a frame is.
#[derive(Default)]
struct Place(Option<(FrameNumber, (u64, u32))>);

impl Place {
    fn of(&self, frame: FrameNumber) -> Option<(u64, u32)> {
        self.0.filter(|place| place.0 == frame).map(|place| place.1)
    }
}

impl Sink for Place {
    fn event(&mut self, event: Event<'_>) {
        if let Event::Packet(Packet { decoded, tcp: Some((stream, verdict)), .. }) = event {
            self.0 = Some((decoded.meta.number, (stream, verdict.seq)));
        }
    }
}
