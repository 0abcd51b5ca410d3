//! Captures compressed with gzip, zstd or lz4, recognised by content and undone while reading.
//!
//! What a compressed stream lacks is told by [`io::ErrorKind`]: `UnexpectedEof` where it ends early, `InvalidData`
//! where it is corrupt, `Unsupported` where it needs what we lack. All that could be decompressed before comes first.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use lz4_flex::frame::{Error as Lz4Error, FrameDecoder as Lz4};
use ruzstd::decoding::errors::FrameDecoderError as ZstdError;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder as Zstd};

/// The largest window of a zstd frame, which is the memory it takes: what `zstd -d` allows by default, and what
/// `--ultra` and `--long` use.
const MAX_WINDOW: u64 = 128 << 20;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: u32 = 0xfd2f_b528;
const LZ4: u32 = 0x184d_2204;
/// Frames that carry nothing, of zstd and of lz4, have these magic numbers.
const SKIPPABLE: std::ops::RangeInclusive<u32> = 0x184d_2a50..=0x184d_2a5f;

/// `input` as it is, or decompressed if it begins as something compressed.
pub(super) fn undo(mut input: impl Read + Send + 'static) -> io::Result<Box<dyn Read + Send>> {
    let mut magic = Vec::with_capacity(4);
    (&mut input).take(4).read_to_end(&mut magic)?;
    let number = magic.first_chunk().map(|magic| u32::from_le_bytes(*magic));
    let gzip = magic.starts_with(&GZIP);
    let input = io::Cursor::new(magic).chain(input);
    Ok(match number {
        _ if gzip => Box::new(Gzip(MultiGzDecoder::new(BufReader::with_capacity(INPUT, input)))),
        Some(ZSTD | LZ4) => Box::new(Frames::new(input)),
        Some(number) if SKIPPABLE.contains(&number) => Box::new(Frames::new(input)),
        _ => Box::new(input),
    })
}

/// Bytes of compressed input read at a time.
const INPUT: usize = 64 << 10;

struct Gzip<R>(MultiGzDecoder<R>);

impl<R: BufRead> Read for Gzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => corrupt("gzip"),
            _ => error,
        })
    }
}

/// Frames of zstd and lz4, one after the other.
struct Frames<R: Read> {
    state: State<R>,
}

enum State<R: Read> {
    Between(Input<R>),
    Zstd(Box<Zstd>, Input<R>),
    Lz4(Box<Lz4<Input<R>>>),
    /// What a broken frame held goes out before the reason is told.
    Broken(Box<Zstd>, io::Error),
    Ended,
}

impl<R: Read> Frames<R> {
    fn new(input: R) -> Self {
        let input = BufReader::with_capacity(INPUT, input);
        Self { state: State::Between(Input { peeked: io::Cursor::default(), input, ended: false, failed: None }) }
    }
}

impl<R: Read> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            // An error leaves the state at its end.
            let (read, state) = match std::mem::replace(&mut self.state, State::Ended) {
                State::Between(input) => (0, next_frame(input)?),
                State::Zstd(mut zstd, input) => match zstd.read(buffer)? {
                    0 => (0, decode_block(zstd, input)),
                    read => (read, State::Zstd(zstd, input)),
                },
                State::Lz4(mut lz4) => match lz4.read(buffer) {
                    // The decoder takes an end of its input between two blocks for the end of the frame.
                    Ok(0) if lz4.get_ref().ended => return Err(io::ErrorKind::UnexpectedEof.into()),
                    Ok(0) => (0, State::Between(lz4.into_inner())),
                    Ok(read) => (read, State::Lz4(lz4)),
                    Err(error) => return Err(lz4_error(&error, &mut lz4.into_inner())),
                },
                State::Broken(mut zstd, reason) => match zstd.read(buffer)? {
                    0 => return Err(reason),
                    read => (read, State::Broken(zstd, reason)),
                },
                State::Ended => return Ok(0),
            };
            self.state = state;
            if read > 0 {
                return Ok(read);
            }
        }
    }
}

/// Begins the frame that comes next.
fn next_frame<R: Read>(mut input: Input<R>) -> io::Result<State<R>> {
    loop {
        let Some(magic) = input.peek()? else { return Ok(State::Ended) };
        match u32::from_le_bytes(magic) {
            ZSTD => {
                let mut zstd = Zstd::new();
                zstd.set_max_window_size(MAX_WINDOW);
                return match zstd.init(&mut input) {
                    Ok(()) => Ok(State::Zstd(Box::new(zstd), input)),
                    Err(error) => Err(zstd_error(&error, &mut input)),
                };
            }
            // A new decoder for each frame: the buffers of one are laid out for the block size of its first frame.
            LZ4 => return Ok(State::Lz4(Box::new(Lz4::new(input)))),
            number if SKIPPABLE.contains(&number) => {
                let mut header = [0; 8];
                input.read_exact(&mut header)?;
                let [.., a, b, c, d] = header;
                let length = u64::from(u32::from_le_bytes([a, b, c, d]));
                if io::copy(&mut (&mut input).take(length), &mut io::sink())? < length {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            _ => return Err(corrupt("zstd or lz4")),
        }
    }
}

/// Decodes one block, or ends the frame after its last one; all that was decoded before has been read.
fn decode_block<R: Read>(mut zstd: Box<Zstd>, mut input: Input<R>) -> State<R> {
    let reason = if !zstd.is_finished() {
        match zstd.decode_blocks(&mut input, BlockDecodingStrategy::UptoBlocks(1)) {
            Ok(_) => return State::Zstd(zstd, input),
            Err(error) => zstd_error(&error, &mut input),
        }
    } else if zstd.get_checksum_from_data().is_none_or(|sum| Some(sum) == zstd.get_calculated_checksum()) {
        return State::Between(input);
    } else {
        corrupt("zstd")
    };
    // The decoder holds back a window of what it decoded until its frame ends: an empty last block (and a checksum,
    // which is not looked at) ends it. Where that fails too, there is nothing more to have.
    const LAST_BLOCK: [u8; 7] = [1, 0, 0, 0, 0, 0, 0];
    let _ = zstd.decode_blocks(LAST_BLOCK.as_slice(), BlockDecodingStrategy::UptoBlocks(1));
    State::Broken(zstd, reason)
}

fn zstd_error<R: Read>(error: &ZstdError, input: &mut Input<R>) -> io::Error {
    match error {
        ZstdError::WindowSizeTooBig { requested, max } => {
            unsupported(format!("needs a zstd window of {requested} bytes, of at most {max}"))
        }
        ZstdError::DictNotProvided { .. } => unsupported("needs a zstd dictionary; decompress it first".into()),
        _ => input.why("zstd"),
    }
}

fn lz4_error<R: Read>(error: &io::Error, input: &mut Input<R>) -> io::Error {
    match error.get_ref().and_then(|error| error.downcast_ref()) {
        Some(Lz4Error::DictionaryNotSupported) => unsupported("needs an lz4 dictionary; decompress it first".into()),
        _ => input.why("lz4"),
    }
}

fn corrupt(format: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("its {format} data cannot be decompressed"))
}

fn unsupported(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, what)
}

/// The compressed bytes. The decoders wrap what goes wrong here in errors of their own, so it is kept here.
struct Input<R> {
    /// A magic number that was looked at, and how much of it was read again.
    peeked: io::Cursor<Vec<u8>>,
    input: BufReader<R>,
    /// More was asked for than there is.
    ended: bool,
    failed: Option<io::Error>,
}

impl<R: Read> Input<R> {
    /// The magic number that comes next, or none at the end.
    fn peek(&mut self) -> io::Result<Option<[u8; 4]>> {
        let mut magic = Vec::with_capacity(4);
        self.take(4).read_to_end(&mut magic)?;
        let peeked = magic.first_chunk().copied();
        if peeked.is_none() && !magic.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.peeked = io::Cursor::new(magic);
        self.ended = false;
        Ok(peeked)
    }

    /// Why a decoder failed: what it read from failed or ended, or else what it read is corrupt.
    fn why(&mut self, format: &str) -> io::Error {
        match self.failed.take() {
            Some(error) => error,
            None if self.ended => io::ErrorKind::UnexpectedEof.into(),
            None => corrupt(format),
        }
    }
}

impl<R: Read> Read for Input<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let peeked = self.peeked.read(buffer)?;
        if peeked > 0 || buffer.is_empty() {
            return Ok(peeked);
        }
        loop {
            match self.input.read(buffer) {
                Ok(read) => {
                    self.ended |= read == 0;
                    return Ok(read);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let kind = error.kind();
                    self.failed = Some(error);
                    return Err(kind.into());
                }
            }
        }
    }
}
