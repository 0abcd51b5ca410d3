//! Reads a capture file ahead, to know of a fragment in which later frame its datagram is put together.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::input::Opened;
use crate::cli::{Input, Plan};
use crate::engine::{Engine, Options};
use crate::event::{Event, Sink};
use crate::flow::fragments::TIMEOUT;
use crate::frame::{FrameMeta, FrameNumber, Timestamp};
use crate::source::{CaptureFile, Filter};

/// The most fragments of which it is known at a time: a few megabytes. Of those beyond it is not told.
const MAX_KNOWN: usize = 64 << 10;

/// A second reader of the file, which begins when the first fragment is met.
pub(super) struct Ahead {
    /// The file, open since before the process was shut in, until it is read.
    file: Option<(File, PathBuf)>,
    filter: Option<Filter>,
    count: Option<u64>,
    reader: Option<Reader>,
}

struct Reader {
    file: CaptureFile,
    filter: Option<Filter>,
    engine: Engine,
    known: Known,
    /// How many more frames that pass the filter the run takes.
    left: u64,
    /// The last frame's number and time.
    read: (FrameNumber, Timestamp),
    ended: bool,
}

/// The frame that completes the datagram, by the frame of the fragment.
#[derive(Default)]
struct Known {
    frames: BTreeMap<FrameNumber, FrameNumber>,
    /// Frames before this one are not asked for.
    from: FrameNumber,
}

impl Ahead {
    /// To read ahead of what the plan reads and has opened, if it tells of frames and can be read twice.
    pub(super) fn new(plan: &Plan, opened: &Opened) -> Option<Self> {
        let Input::File(path) = &plan.input else { return None };
        if !plan.engine.packets || !path.is_file() {
            return None;
        }
        // What cannot be had twice is the main reader's to tell.
        let filter = opened.filter(plan.filter.as_deref()).ok()?;
        let file = Some((File::open(path).ok()?, path.clone()));
        Some(Self { file, filter, count: plan.count, reader: None })
    }

    /// The frame that completes the datagram of which this frame has a fragment. Frames are asked for in their order.
    pub(super) fn reassembled_in(&mut self, fragment: &FrameMeta) -> Option<FrameNumber> {
        if let Some((file, path)) = self.file.take() {
            self.reader = Reader::new(file, &path, self.filter.take(), self.count);
        }
        self.reader.as_mut()?.find(fragment)
    }
}

impl Reader {
    /// What cannot be read is the main reader's to tell.
    fn new(file: File, path: &Path, filter: Option<Filter>, count: Option<u64>) -> Option<Self> {
        Some(Self {
            file: CaptureFile::of(file, path).ok()?,
            filter,
            engine: Engine::new(Options { packets: true, assembly_only: true, ..Options::default() }),
            known: Known::default(),
            left: count.unwrap_or(u64::MAX),
            read: (0, Timestamp(i64::MIN)),
            ended: false,
        })
    }

    /// Each frame of the file is read once, whatever is asked for.
    fn find(&mut self, fragment: &FrameMeta) -> Option<FrameNumber> {
        self.known.forget_before(fragment.number);
        loop {
            if let Some(frame) = self.known.frames.remove(&fragment.number) {
                return Some(frame);
            }
            let (number, time) = self.read;
            let given_up = number > fragment.number && time.since(fragment.time) >= TIMEOUT;
            if given_up || self.ended || self.known.frames.len() >= MAX_KNOWN {
                return None;
            }
            self.ended = !self.step();
        }
    }

    /// Reads a frame; whether there may be more.
    fn step(&mut self) -> bool {
        let Ok(Some((frame, _))) = self.file.next_described() else { return false };
        self.read = (frame.meta.number, frame.meta.time);
        match self.filter.as_mut().map_or(Ok(true), |filter| filter.matches(&frame)) {
            Ok(true) => {
                self.engine.push(frame, &mut self.known);
                self.left -= 1;
                self.left > 0
            }
            Ok(false) => true,
            Err(_) => false,
        }
    }
}

impl Known {
    fn forget_before(&mut self, number: FrameNumber) {
        self.from = number;
        if self.frames.first_key_value().is_some_and(|(frame, _)| *frame < number) {
            self.frames = self.frames.split_off(&number);
        }
    }
}

impl Sink for Known {
    fn event(&mut self, event: Event<'_>) {
        let Event::Packet(packet) = event else { return };
        let completed = packet.decoded.meta.number;
        for part in packet.assemblies.iter().flat_map(|assembly| &assembly.parts) {
            if (self.from..completed).contains(&part.frame) {
                self.frames.insert(part.frame, completed);
            }
        }
    }
}
