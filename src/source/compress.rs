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

/// Whether what begins so is compressed, in a way that is undone.
pub(super) fn is_compressed(magic: [u8; 4]) -> bool {
    let number = u32::from_le_bytes(magic);
    magic.starts_with(&GZIP) || number == ZSTD || number == LZ4 || SKIPPABLE.contains(&number)
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

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use lz4_flex::frame::{BlockMode, FrameEncoder, FrameInfo};
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::super::buffer::Order;
    use super::super::samples::{frames, pcap, read};
    use super::super::{Error, Kind};

    /// A capture of several compressed blocks, of which no two are alike.
    fn capture() -> Vec<u8> {
        let payloads: Vec<Vec<u8>> =
            (0..400_u32).map(|n| (0..900).map(|i| (n * 7 + i * i % (n + 3)) as u8).collect()).collect();
        let records: Vec<_> = (0..).zip(&payloads).map(|(n, bytes)| (n, n, bytes.as_slice(), 1000)).collect();
        pcap(Order::Little, 0xa1b2_c3d4, 1, &records)
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        compress_to_vec(bytes, CompressionLevel::Fastest)
    }

    fn lz4(bytes: &[u8]) -> Vec<u8> {
        let info = FrameInfo::new().block_mode(BlockMode::Linked).content_checksum(true).block_checksums(true);
        let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    type Compress = fn(&[u8]) -> Vec<u8>;
    const ALL: [Compress; 3] = [gzip, zstd, lz4];

    #[test]
    fn several_members_or_frames_are_one_capture() {
        let plain = capture();
        let expected = frames(plain.clone());
        assert_eq!(expected.len(), 400);
        for compress in ALL {
            let (first, second) = plain.split_at(100_001);
            let file = [compress(first), compress(&[]), compress(second)].concat();
            assert!(frames(file) == expected);
        }
    }

    #[test]
    fn frames_that_carry_nothing_are_read_past() {
        let plain = capture();
        let skippable = [&0x184d_2a53_u32.to_le_bytes()[..], &3_u32.to_le_bytes(), b"abc"].concat();
        for compress in [zstd, lz4] {
            let file = [skippable.clone(), compress(&plain), skippable.clone()].concat();
            assert!(frames(file.clone()) == frames(plain.clone()));
            let (_, error) = read(file[..file.len() - 1].to_vec());
            assert!(matches!(error, Some(Error::Truncated { after_frame: 400, .. })));
        }
    }

    #[test]
    fn what_was_compressed_before_a_cut_is_delivered() {
        let plain = capture();
        let expected = frames(plain.clone());
        for (compress, block) in ALL.into_iter().zip([64 << 10, 128 << 10, 4 << 20]) {
            let file = compress(&plain);
            for length in (1..file.len()).step_by(file.len() / 150).chain(file.len() - 12..file.len()) {
                let (got, error) = read(file[..length].to_vec());
                assert!(got == expected[..got.len()]);
                match error {
                    Some(Error::Truncated { after_frame, .. }) => assert_eq!(after_frame, got.len() as u64),
                    Some(Error::NotACapture { .. }) => assert!(got.is_empty()),
                    other => panic!("{length}: {other:?}"),
                }
                // No more may be missing than the block that was cut.
                let least = plain.len() * length / file.len();
                assert!(got.len() * 916 + 2 * block >= least, "{length} {}", got.len());
            }
        }
    }

    #[test]
    fn damage_is_an_error_and_never_a_panic() {
        let plain = capture();
        let mut seed = 1_u32;
        for compress in ALL {
            let file = compress(&plain);
            let mut told = 0;
            for _ in 0..60 {
                let mut damaged = file.clone();
                for _ in 0..2 {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let at = seed as usize / 3 % damaged.len();
                    damaged[at] ^= (seed >> 24) as u8 | 1;
                }
                told += usize::from(read(damaged).1.is_some());
            }
            assert!(told > 50, "{told}");
        }
    }

    #[test]
    fn the_sum_over_a_frame_is_compared() {
        for (compress, last) in [(gzip as Compress, 5), (lz4, 1)] {
            let mut file = compress(&capture());
            let at = file.len() - last;
            file[at] ^= 1;
            let (got, error) = read(file);
            assert_eq!(got.len(), 400);
            let error = error.unwrap();
            assert!(matches!(error, Error::Corrupt { after_frame: 400, .. }), "{error}");
            assert_eq!(error.kind(), Kind::CutShort);
        }
    }

    #[test]
    fn what_follows_the_last_frame_must_be_one() {
        for compress in ALL {
            let (got, error) = read([compress(&capture()), b"garbage".to_vec()].concat());
            assert!(got.len() == 400 && error.is_some());
        }
    }

    #[test]
    fn a_window_that_is_too_large_is_refused() {
        // A frame header without checksum, dictionary and content size, with a window of 256 MiB.
        let (got, error) = read(vec![0x28, 0xb5, 0x2f, 0xfd, 0, 18 << 3, 1, 0, 0]);
        assert!(got.is_empty());
        let error = error.unwrap();
        assert!(matches!(&error, Error::Unsupported { what, .. } if what.contains("window")), "{error}");
    }
}
