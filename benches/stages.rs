//! Each stage by itself, over frames in memory: `cargo bench --bench stages`. Frames, or heads, a second are told.

mod traces;

use std::hint::black_box;
use std::io::Cursor;

use dissect::app::http1::head::{self, Head};
use dissect::decode::{self, Transport};
use dissect::engine::{Engine, Options};
use dissect::event::{Event, Sink};
use dissect::flow::{Endpoint, Key, Keyed, Table};
use dissect::frame::{Frame, FrameMeta};
use dissect::print::Printer;
use dissect::print::json::{self, Json};
use dissect::print::text::{self, Text};
use dissect::source::{CaptureFile, Name};
use dissect::tcp::analysis::Analysis;
use dissect::tcp::reassembly::{HalfStream, Item, Memory, Outlet, Peer};
use dissect::tcp::{Carrier, Control, Options as TcpOptions, Segment, Seq};
use divan::Bencher;
use divan::counter::ItemsCount;
use traces::Kind;

const FRAMES: u64 = 20_000;
const KINDS: [&str; 5] = ["mix", "small", "bulk", "manyflows", "noisy"];
/// Frames that the engine takes at a time.
const BATCH: usize = 64;

fn main() {
    divan::main();
}

/// A trace in memory.
fn capture(kind: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let kind = Kind::named(kind).expect("a kind of trace");
    traces::write(kind, FRAMES, 1, &mut bytes).expect("memory takes all");
    bytes
}

fn open(bytes: Vec<u8>) -> CaptureFile {
    CaptureFile::new(Cursor::new(bytes), Name::Stdin).expect("a capture file")
}

/// The frames of a trace.
fn frames(kind: &str) -> Vec<(FrameMeta, Vec<u8>)> {
    let mut file = open(capture(kind));
    let mut frames = Vec::new();
    while let Some((frame, _)) = file.next_described().expect("it is whole") {
        frames.push((frame.meta, frame.bytes.to_vec()));
    }
    frames
}

fn borrowed(frames: &[(FrameMeta, Vec<u8>)]) -> Vec<Frame<'_>> {
    frames.iter().map(|(meta, bytes)| Frame { meta: *meta, bytes }).collect()
}

#[divan::bench(args = KINDS)]
fn a_reading(bencher: Bencher<'_, '_>, kind: &str) {
    let bytes = capture(kind);
    let count = frames(kind).len();
    bencher.counter(ItemsCount::new(count)).with_inputs(|| open(bytes.clone())).bench_local_values(|mut file| {
        while let Ok(Some(frame)) = file.next_described() {
            black_box(frame.0.bytes.len());
        }
    });
}

#[divan::bench(args = KINDS)]
fn b_decode(bencher: Bencher<'_, '_>, kind: &str) {
    let frames = frames(kind);
    let frames = borrowed(&frames);
    bencher.counter(ItemsCount::new(frames.len())).bench_local(|| {
        for frame in &frames {
            black_box(decode::decode(*frame).payload.len());
        }
    });
}

/// Both ends of each frame's connection.
fn ends(frame: &Frame<'_>) -> Option<[Endpoint; 2]> {
    let decoded = decode::decode(*frame);
    let (src, dst) = decoded.addresses?;
    let Transport::Tcp(header) = decoded.transport else { return None };
    Some([Endpoint { address: src, port: header.src }, Endpoint { address: dst, port: header.dst }])
}

/// A flow of which the frames are counted.
struct Counted(Key, u64);

impl Keyed for Counted {
    fn key(&self) -> &Key {
        &self.0
    }
}

#[divan::bench(args = KINDS)]
fn c_table(bencher: Bencher<'_, '_>, kind: &str) {
    let frames = frames(kind);
    let ends: Vec<_> = borrowed(&frames).iter().filter_map(ends).collect();
    bencher.counter(ItemsCount::new(ends.len())).bench_local(|| {
        let mut table = Table::default();
        for [src, dst] in &ends {
            let key = table.hash(Key::new(*src, *dst).0);
            let id = table.find(&key).unwrap_or_else(|| table.insert(&key, Counted(Key::new(*src, *dst).0, 0)));
            if let Some(counted) = table.get_mut(id) {
                counted.1 += 1;
            }
        }
        table.len()
    });
}

/// A segment, the direction that it goes in, and its frame.
fn segment<'a>(frame: &Frame<'a>) -> Option<(usize, Segment<'a>, FrameMeta)> {
    let decoded = decode::decode(*frame);
    let Transport::Tcp(header) = decoded.transport else { return None };
    let segment = Segment {
        frame: frame.meta.number,
        time: frame.meta.time,
        seq: Seq(header.seq),
        ack: Seq(header.ack),
        control: Control(header.flags),
        window: header.window,
        options: Box::leak(Box::new(TcpOptions::parse(header.options))),
        payload: decoded.payload,
        missing: decoded.missing,
    };
    Some((usize::from(header.src == 80), segment, frame.meta))
}

/// Counts what streams hand on.
#[derive(Default)]
struct Delivered(u64, Memory);

impl Outlet for Delivered {
    fn item(&mut self, item: Item<'_>) {
        black_box(&item);
        self.0 += 1;
    }

    fn memory(&mut self) -> &mut Memory {
        &mut self.1
    }
}

/// The analysis and the reassembly of one connection.
#[divan::bench(args = ["bulk", "noisy"])]
fn d_tcp(bencher: Bencher<'_, '_>, kind: &str) {
    let frames = frames(kind);
    let frames = borrowed(&frames);
    let first = frames.first().and_then(ends).map(|[src, dst]| Key::new(src, dst).0);
    let of_first = |frame: &&Frame<'_>| ends(frame).map(|[src, dst]| Key::new(src, dst).0) == first;
    let segments: Vec<_> = frames.iter().filter(of_first).filter_map(segment).collect();
    bencher.counter(ItemsCount::new(segments.len())).bench_local(|| {
        let mut analysis = Analysis::new(false);
        let mut halves: [HalfStream; 2] = Default::default();
        let mut delivered = Delivered::default();
        for (dir, segment, meta) in &segments {
            let verdict = analysis.push(*dir, segment);
            let carrier = Carrier { meta: *meta, cap_len: meta.wire_len, headers: &[], resumed: &[], verdict };
            let mut acked = 0;
            if segment.control.any(Control::ACK) {
                let synack = segment.control.any(Control::SYN);
                acked = halves[1 - dir].acknowledge(segment.ack, synack, 1 << 20, segment.time);
            }
            let peer = Peer { ready: halves[1 - dir].delivered(), acked };
            halves[*dir].push(segment, &carrier, peer, segment.time, None, &mut delivered);
        }
        delivered.0
    });
}

/// Heads alone: their ends found, their lines parsed.
#[divan::bench(args = ["mix", "small"])]
fn e_http_heads(bencher: Bencher<'_, '_>, kind: &str) {
    let frames = frames(kind);
    let payloads = borrowed(&frames).into_iter().map(|frame| decode::decode(frame).payload);
    let heads: Vec<&[u8]> = payloads
        .filter(|payload| payload.starts_with(b"GET ") || payload.starts_with(b"HTTP/"))
        .filter_map(|payload| payload.get(..head::find_end(payload, 0)?))
        .collect();
    let mut parsed = Head::default();
    bencher.counter(ItemsCount::new(heads.len())).bench_local(|| {
        for bytes in &heads {
            black_box(head::find_end(bytes, 0));
            head::parse_into(bytes, &mut parsed);
            black_box(&parsed);
        }
    });
}

/// Prints what the core tells.
struct Output<P>(P, Vec<u8>);

impl<P: Printer> Sink for Output<P> {
    fn event(&mut self, event: Event<'_>) {
        self.0.event(event, &mut self.1);
        if self.1.len() > 64 << 10 {
            black_box(&self.1);
            self.1.clear();
        }
    }
}

struct Nothing;

impl Sink for Nothing {
    fn event(&mut self, event: Event<'_>) {
        black_box(&event);
    }
}

/// The whole core over a trace, into `sink`.
fn core(bencher: Bencher<'_, '_>, kind: &str, preview: usize, sink: impl Fn() -> Box<dyn Sink>) {
    /// The core takes sinks of a known size.
    struct Boxed(Box<dyn Sink>);
    impl Sink for Boxed {
        fn event(&mut self, event: Event<'_>) {
            self.0.event(event);
        }
    }
    let frames = frames(kind);
    let frames = borrowed(&frames);
    bencher.counter(ItemsCount::new(frames.len())).with_inputs(|| Boxed(sink())).bench_local_values(|mut sink| {
        let mut engine = Engine::new(Options { preview, ..Options::default() });
        frames.chunks(BATCH).for_each(|batch| engine.push_all(batch, &mut sink));
        engine.finish(&mut sink);
        engine.totals().messages
    });
}

/// Decode, table, TCP, HTTP and pairing.
#[divan::bench(args = KINDS)]
fn f_core(bencher: Bencher<'_, '_>, kind: &str) {
    core(bencher, kind, 0, || Box::new(Nothing));
}

/// The core and JSON.
#[divan::bench(args = KINDS)]
fn g_json(bencher: Bencher<'_, '_>, kind: &str) {
    core(bencher, kind, 0, || Box::new(Output(Json::new(json::Options::default()), Vec::new())));
}

/// The core and text.
#[divan::bench(args = KINDS)]
fn h_text(bencher: Bencher<'_, '_>, kind: &str) {
    core(bencher, kind, 320, || Box::new(Output(Text::new(text::Options::default()), Vec::new())));
}
