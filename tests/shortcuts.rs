//! Frames that nobody asks to see take a shorter way through the core, several at once: what is said of the messages and
//! connections is the same.

mod common;

use common::wire::Random;
use dissect::engine::{Engine, Options};
use dissect::event::{Event, Sink};
use dissect::frame::{Frame, FrameMeta};
use dissect::print::json::{self, Json};
use dissect::print::{End, Printer};
use dissect::source::CaptureFile;

/// The records but for those of frames.
struct Records {
    json: Json,
    out: Vec<u8>,
    frames: u64,
}

impl Sink for Records {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Packet(_) => self.frames += 1,
            event => self.json.event(event, &mut self.out),
        }
    }
}

/// The records that frames lead to, and how many of them were shown.
fn records(packets: bool, push: impl FnOnce(&mut Engine, &mut Records)) -> (String, u64) {
    let mut engine = Engine::new(Options { packets, ..Options::default() });
    let json = Json::new(json::Options { hash: true, quiet: false });
    let mut records = Records { json, out: Vec::new(), frames: 0 };
    push(&mut engine, &mut records);
    engine.finish(&mut records);
    records.json.end(&End { totals: engine.totals(), drops: None, selected: None }, &mut records.out);
    (String::from_utf8(records.out).unwrap(), records.frames)
}

/// What was counted, where nobody asks for more, or where they do.
fn totals(only: bool, frames: &[Frame<'_>]) -> String {
    struct Nothing(bool);
    impl Sink for Nothing {
        fn event(&mut self, event: Event<'_>) {
            assert!(!self.0, "nobody asked for {event:?}");
        }
    }
    let mut engine = Engine::new(Options { only_totals: only, ..Options::default() });
    engine.push_all(frames, &mut Nothing(only));
    engine.finish(&mut Nothing(only));
    format!("{:?}", engine.totals())
}

#[test]
fn the_shorter_way_says_the_same() {
    let mut compared = 0;
    for path in common::fixtures() {
        let Ok(mut file) = CaptureFile::open(&path) else { continue };
        let mut frames: Vec<(FrameMeta, Vec<u8>)> = Vec::new();
        while let Ok(Some((frame, _))) = file.next_described() {
            frames.push((frame.meta, frame.bytes.to_vec()));
        }
        for seed in 0..8 {
            let mut random = Random(seed);
            let mut changed = frames.clone();
            for (_, bytes) in changed.iter_mut().filter(|(_, bytes)| seed > 0 && !bytes.is_empty()) {
                while random.once_in(3) {
                    // Of the headers mostly, from the EtherType on.
                    let at = if random.once_in(4) { random.below(bytes.len()) } else { 12 + random.below(60) };
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte ^= 1 << random.below(8);
                    }
                }
            }
            let all: Vec<Frame<'_>> = changed.iter().map(|(meta, bytes)| Frame { meta: *meta, bytes }).collect();
            let (short, none) = records(false, |engine, to| engine.push_all(&all, to));
            let (long, shown) = records(true, |engine, to| all.iter().for_each(|frame| engine.push(*frame, to)));
            assert_eq!((none, shown), (0, all.len() as u64));
            for (short, long) in short.lines().zip(long.lines()) {
                assert_eq!(short, long, "{} with seed {seed}", path.display());
            }
            assert_eq!(short.len(), long.len());
            compared += short.lines().count();
            assert_eq!(totals(true, &all), totals(false, &all), "{} with seed {seed}", path.display());
        }
    }
    assert!(compared > 5000, "{compared}");
}
