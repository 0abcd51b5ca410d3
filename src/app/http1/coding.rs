//! Content codings (RFC 9110 8.4.1), undone as bytes come: for a preview of the body, or for all of it.

mod gzip;
mod zstd;

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use flate2::{Decompress, FlushDecompress, Status};

use crate::issue::{Issue, IssueSet};
use gzip::Gzip;
use zstd::Zstd;

/// Most bytes that one coding is undone into for a preview; a bomb costs no more. Far beyond what a preview shows.
pub const MAX_DECODED: u64 = 16 << 20;

/// Most codings that are undone, one after the other; more are not in use.
pub const MAX_CODINGS: usize = 3;

/// Bytes decoded at a time.
const PIECE: usize = 8 << 10;

/// A decoder of one body.
pub struct Decoder {
    /// In the order in which they are undone.
    stages: Vec<Stage>,
    preview: Preview,
    running: bool,
    issues: IssueSet,
}

struct Stage {
    codec: Codec,
    started: bool,
    /// Bytes that it may still make.
    room: u64,
}

enum Codec {
    Gzip(Gzip),
    Deflate(Deflate),
    Brotli(Brotli),
    Zstd(Zstd),
}

/// Why decoding stops.
#[derive(Debug)]
pub(in crate::app) enum Stop {
    /// The bytes are not in the coding.
    Failed,
    /// More would be made than may be.
    TooLarge,
}

/// Where a stage's output goes.
pub(in crate::app) type Out<'a> = &'a mut dyn FnMut(&[u8]) -> Result<(), Stop>;

/// Where decoded bytes go.
type Sink<'a> = &'a mut dyn FnMut(&[u8]);

struct Preview {
    bytes: Vec<u8>,
    keep: usize,
    len: u64,
}

impl Decoder {
    /// For a body with these codings, in the order in which they were applied (that of the field), of which the first
    /// `keep` decoded bytes are kept. None where there is nothing to undo.
    pub fn new<'a>(codings: impl Iterator<Item = &'a [u8]>, keep: usize) -> Option<Self> {
        Self::bounded(codings, keep, MAX_DECODED)
    }

    /// The same, where each coding is undone into `limit` bytes at most.
    pub fn bounded<'a>(codings: impl Iterator<Item = &'a [u8]>, keep: usize, limit: u64) -> Option<Self> {
        let (mut stages, mut any, mut unknown) = (Vec::new(), false, false);
        for coding in codings.filter(|coding| !coding.eq_ignore_ascii_case(b"identity")) {
            any = true;
            match Codec::new(coding) {
                Some(codec) if stages.len() < MAX_CODINGS => {
                    stages.push(Stage { codec, started: false, room: limit });
                }
                _ => {
                    unknown = true;
                    break;
                }
            }
        }
        stages.reverse();
        let issues = unknown.then_some(Issue::CodingUnknown).into_iter().collect();
        let preview = Preview { bytes: Vec::new(), keep, len: 0 };
        any.then_some(Self { stages, preview, running: !unknown, issues })
    }

    /// What it may hold while it decodes, in bytes: the windows of its codings (brotli's: RFC 7932 9.1), and a block of zstd.
    pub fn cost(&self) -> usize {
        let of = |stage: &Stage| match stage.codec {
            Codec::Gzip(_) | Codec::Deflate(_) => 64 << 10,
            Codec::Brotli(_) => 17 << 20,
            Codec::Zstd(_) => Zstd::COST,
        };
        self.stages.iter().map(of).sum()
    }

    /// Decodes the next bytes of the body. After an issue, nothing more is decoded.
    pub fn push(&mut self, bytes: &[u8]) {
        self.push_into(bytes, &mut |_| {});
    }

    /// The same; `out` is handed what is decoded.
    pub fn push_into(&mut self, bytes: &[u8], out: Sink<'_>) {
        if self.running && !bytes.is_empty() {
            let preview = &mut self.preview;
            let pushed = push(&mut self.stages, bytes, &mut |decoded| {
                preview.put(decoded);
                out(decoded);
            });
            if let Err(stop) = pushed {
                self.stop(stop);
            }
        }
    }

    /// Ends the body: `complete` where all of it was pushed, false where a gap or the end cut it short. What was
    /// decoded stands; no more will be.
    pub fn end(&mut self, complete: bool) {
        self.end_into(complete, &mut |_| {});
    }

    /// The same; `out` is handed what was still held.
    pub fn end_into(&mut self, complete: bool, out: Sink<'_>) {
        let mut all = std::mem::take(&mut self.stages);
        let mut stages = &mut all[..];
        while let Some((stage, rest)) = stages.split_first_mut()
            && self.running
        {
            let preview = &mut self.preview;
            let finished = stage.finish(rest, &mut |decoded| {
                preview.put(decoded);
                out(decoded);
            });
            match finished {
                Ok(false) if complete => self.stop(Stop::Failed),
                Ok(_) => {}
                Err(stop) => self.stop(stop),
            }
            stages = rest;
        }
        self.running = false;
    }

    /// Whether it goes on decoding.
    pub fn is_running(&self) -> bool {
        self.running
    }

    /// The first decoded bytes.
    pub fn preview(&self) -> &[u8] {
        &self.preview.bytes
    }

    /// How many bytes were decoded; of zstd, those within the window come at the end.
    pub fn decoded_len(&self) -> u64 {
        self.preview.len
    }

    /// What went wrong.
    pub fn issues(&self) -> IssueSet {
        self.issues
    }

    fn stop(&mut self, stop: Stop) {
        self.issues.insert(match stop {
            Stop::Failed => Issue::DecompressionFailed,
            Stop::TooLarge => Issue::DecodedTooLarge,
        });
        self.running = false;
        self.stages = Vec::new();
    }
}

/// Sends bytes through the stages, and what comes out of the last one to the sink.
fn push(stages: &mut [Stage], input: &[u8], sink: Sink<'_>) -> Result<(), Stop> {
    match stages.split_first_mut() {
        Some((stage, rest)) => stage.decode(input, rest, sink),
        None => {
            sink(input);
            Ok(())
        }
    }
}

impl Preview {
    fn put(&mut self, bytes: &[u8]) {
        let room = self.keep - self.bytes.len();
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.len += bytes.len() as u64;
    }
}

impl Stage {
    fn decode(&mut self, input: &[u8], rest: &mut [Stage], sink: Sink<'_>) -> Result<(), Stop> {
        let Self { codec, started, room } = self;
        *started = true;
        let out: Out<'_> = &mut |bytes| hand_on(room, bytes, rest, sink);
        match codec {
            Codec::Gzip(gzip) => gzip.decode(input, out),
            Codec::Deflate(deflate) => deflate.decode(input, out),
            Codec::Brotli(brotli) => brotli.decode(input, out),
            Codec::Zstd(zstd) => zstd.decode(input, out),
        }
    }

    /// Gives out what is still held; tells whether the coded stream has come to its end (nothing at all has, too).
    fn finish(&mut self, rest: &mut [Stage], sink: Sink<'_>) -> Result<bool, Stop> {
        let Self { codec, started, room } = self;
        let ended = match codec {
            Codec::Gzip(gzip) => gzip.is_at_end(),
            Codec::Deflate(deflate) => deflate.ended,
            Codec::Brotli(brotli) => brotli.ended,
            Codec::Zstd(zstd) => zstd.finish(&mut |bytes| hand_on(room, bytes, rest, sink))?,
        };
        Ok(ended || !*started)
    }
}

/// Hands on what a stage made, as far as its bound allows.
fn hand_on(room: &mut u64, bytes: &[u8], rest: &mut [Stage], sink: Sink<'_>) -> Result<(), Stop> {
    let within = usize::try_from(*room).map_or(bytes, |room| &bytes[..bytes.len().min(room)]);
    *room -= within.len() as u64;
    push(rest, within, sink)?;
    if within.len() < bytes.len() { Err(Stop::TooLarge) } else { Ok(()) }
}

impl Codec {
    fn new(coding: &[u8]) -> Option<Self> {
        Some(match &coding.to_ascii_lowercase()[..] {
            b"gzip" | b"x-gzip" => Self::Gzip(Gzip::new()),
            b"deflate" => Self::Deflate(Deflate::new()),
            b"br" => Self::Brotli(Brotli::new()),
            b"zstd" => Self::Zstd(Zstd::new()),
            _ => return None,
        })
    }
}

/// Inflates from the front of `input` to its end or that of the deflate stream; tells whether the latter was reached.
pub(in crate::app) fn inflate(inflater: &mut Decompress, input: &mut &[u8], out: Out<'_>) -> Result<bool, Stop> {
    let mut piece = [0; PIECE];
    loop {
        let (before_in, before_out) = (inflater.total_in(), inflater.total_out());
        let status = inflater.decompress(input, &mut piece, FlushDecompress::None);
        let used = (inflater.total_in() - before_in) as usize;
        let made = (inflater.total_out() - before_out) as usize;
        *input = input.get(used..).ok_or(Stop::Failed)?;
        // What came before a fault is the same however the input is divided.
        out(piece.get(..made).ok_or(Stop::Failed)?)?;
        match status.map_err(|_| Stop::Failed)? {
            Status::StreamEnd => return Ok(true),
            _ if input.is_empty() && made < PIECE => return Ok(false),
            _ if used == 0 && made == 0 => return Err(Stop::Failed),
            _ => {}
        }
    }
}

/// deflate: the zlib format (RFC 1950), or, as some servers send it, a raw deflate stream.
struct Deflate {
    inflater: Option<Decompress>,
    first: Option<u8>,
    ended: bool,
}

impl Deflate {
    fn new() -> Self {
        Self { inflater: None, first: None, ended: false }
    }

    fn decode(&mut self, mut input: &[u8], out: Out<'_>) -> Result<(), Stop> {
        let Some(inflater) = &mut self.inflater else {
            return self.begin(input, out);
        };
        if !self.ended {
            self.ended = inflate(inflater, &mut input, out)?;
        }
        if input.is_empty() { Ok(()) } else { Err(Stop::Failed) }
    }

    /// Tells the format by the first two bytes. A raw stream that begins as zlib does would have a stored block whose
    /// padding bits are not zero, which no encoder writes.
    fn begin(&mut self, input: &[u8], out: Out<'_>) -> Result<(), Stop> {
        let mut bytes = self.first.into_iter().chain(input.iter().copied());
        let (Some(first), Some(second)) = (bytes.next(), bytes.next()) else {
            self.first = self.first.or(input.first().copied());
            return Ok(());
        };
        let is_zlib = first & 0x0f == 8 && first >> 4 <= 7 && u16::from_be_bytes([first, second]).is_multiple_of(31);
        self.inflater = Some(Decompress::new(is_zlib));
        if let Some(first) = self.first.take() {
            self.decode(&[first], out)?;
        }
        self.decode(input, out)
    }
}

/// br (RFC 7932).
struct Brotli {
    state: Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>,
    ended: bool,
}

impl Brotli {
    fn new() -> Self {
        let alloc = StandardAlloc::default;
        Self { state: Box::new(BrotliState::new_strict(alloc(), alloc(), alloc())), ended: false }
    }

    fn decode(&mut self, input: &[u8], out: Out<'_>) -> Result<(), Stop> {
        if self.ended {
            return Err(Stop::Failed);
        }
        let mut piece = [0; PIECE];
        let (mut available_in, mut at, mut total) = (input.len(), 0, 0);
        loop {
            let (mut available_out, mut made) = (PIECE, 0);
            let result = BrotliDecompressStream(
                &mut available_in,
                &mut at,
                input,
                &mut available_out,
                &mut made,
                &mut piece,
                &mut total,
                &mut self.state,
            );
            out(piece.get(..made).ok_or(Stop::Failed)?)?;
            match result {
                BrotliResult::NeedsMoreOutput => {}
                BrotliResult::NeedsMoreInput => return Ok(()),
                BrotliResult::ResultSuccess => {
                    self.ended = true;
                    return if available_in == 0 { Ok(()) } else { Err(Stop::Failed) };
                }
                BrotliResult::ResultFailure => return Err(Stop::Failed),
            }
        }
    }
}

#[cfg(test)]
#[path = "coding_tests.rs"]
mod tests;
