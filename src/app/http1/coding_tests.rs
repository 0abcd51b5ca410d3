use std::io::Write;
use std::time::Instant;

use flate2::Compression;
use proptest::prelude::*;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::*;

const TEXT: &[u8] = b"It was the best of times, it was the worst of times, it was the age of wisdom";

/// [`TEXT`], as a brotli encoder writes it at its highest quality.
const BROTLI_TEXT: &[u8] = &[
    27, 76, 0, 80, 140, 148, 110, 222, 180, 38, 75, 123, 187, 147, 109, 114, 115, 224, 144, 3, 214, 214, 118, 147, 132,
    194, 4, 130, 13, 56, 74, 100, 27, 101, 94, 7, 185, 42, 196, 3, 129, 92, 71, 115, 93, 112, 175, 72, 227, 4,
];

/// 40 MiB of zeros.
const BROTLI_BOMB: &[u8] = &[
    203, 255, 255, 63, 248, 39, 0, 226, 177, 64, 32, 247, 254, 143, 255, 255, 127, 240, 79, 0, 196, 97, 17, 128, 238,
    253, 31, 255, 255, 255, 224, 159, 0, 136, 195, 2, 0, 221, 251, 63, 254, 255, 255, 193, 63, 1, 16, 135, 5, 0, 186,
    247, 127, 252, 255, 255, 131, 127, 2, 32, 14, 11, 0, 116, 239, 255, 6,
];

/// Brotli without compression.
fn brotli_stored(data: &[u8]) -> Vec<u8> {
    // WBITS 16 (one bit 0), then for each metablock ISLAST 0, MNIBBLES 4 (00), MLEN - 1 in 16 bits, ISUNCOMPRESSED 1.
    let mut coded = Vec::new();
    for (i, block) in data.chunks(1 << 16).enumerate() {
        let header = (block.len() as u32 - 1) << 3 | 1 << 19;
        let (value, bytes) = if i == 0 { (header << 1, 3) } else { (header, 3) };
        coded.extend_from_slice(&value.to_le_bytes()[..bytes]);
        coded.extend_from_slice(block);
    }
    coded.push(0b11);
    coded
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::GzBuilder::new()
        .filename("a name")
        .comment("a comment")
        .extra(vec![1, 2, 3])
        .write(Vec::new(), Compression::best());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn zlib(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn raw_deflate(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn zstd(data: &[u8]) -> Vec<u8> {
    compress_to_vec(data, CompressionLevel::Fastest)
}

fn codings() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("gzip", gzip(TEXT)),
        ("X-GZip", [gzip(&TEXT[..9]), gzip(b""), gzip(&TEXT[9..])].concat()),
        ("deflate", zlib(TEXT)),
        ("deflate", raw_deflate(TEXT)),
        ("br", brotli_stored(TEXT)),
        ("br", BROTLI_TEXT.to_vec()),
        ("zstd", zstd(TEXT)),
        ("zstd", [zstd(&TEXT[..9]), vec![0x51, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 7, 7], zstd(&TEXT[9..])].concat()),
        ("zstd", [zstd(TEXT), vec![0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]].concat()),
        ("identity, gzip", gzip(TEXT)),
        ("zstd, deflate, gzip", gzip(&zlib(&zstd(TEXT)))),
    ]
}

/// Decodes `coded`, pushed in pieces of `size`, keeping `keep` bytes.
fn run(codings: &str, coded: &[u8], size: usize, keep: usize, complete: bool) -> (Vec<u8>, u64, Vec<&'static str>) {
    let mut decoder = Decoder::new(codings.split(", ").map(str::as_bytes), keep).unwrap();
    for piece in coded.chunks(size.max(1)) {
        decoder.push(piece);
    }
    decoder.end(complete);
    (decoder.preview().to_vec(), decoder.decoded_len(), decoder.issues().iter().map(Issue::name).collect())
}

#[test]
fn each_coding_is_undone_however_it_is_cut() {
    for (name, coded) in codings() {
        for size in 1..=coded.len() {
            assert_eq!(run(name, &coded, size, 999, true), (TEXT.to_vec(), TEXT.len() as u64, vec![]), "{name} {size}");
        }
        assert_eq!(run(name, &coded, 9, 10, true), (TEXT[..10].to_vec(), TEXT.len() as u64, vec![]), "{name}");
    }
}

#[test]
fn a_body_cut_short_gives_what_it_holds() {
    for (name, coded) in codings() {
        for cut in 1..coded.len() {
            let (preview, len, issues) = run(name, &coded[..cut], 5, 999, false);
            assert!(TEXT.starts_with(&preview) && preview.len() as u64 == len, "{name} {cut}");
            assert_eq!(issues, [""; 0], "{name} {cut}");
        }
    }
    let blocks = zstd(&TEXT.repeat(4000));
    let (preview, _, _) = run("zstd", &blocks[..blocks.len() - 5], 999, 10, false);
    assert_eq!(preview, TEXT[..10]);
}

#[test]
fn a_whole_body_that_ends_early_or_goes_on_is_flagged() {
    for (name, coded) in codings() {
        let (preview, _, issues) = run(name, &coded[..coded.len() - 1], 5, 999, true);
        assert_eq!(issues, ["decompression_failed"], "{name}");
        assert!(TEXT.starts_with(&preview));
        for size in [1, 7, 999] {
            let garbage = [&coded[..], b"garbage"].concat();
            let (preview, _, issues) = run(name, &garbage, size, 999, true);
            assert_eq!((&preview[..], &issues[..]), (TEXT, &["decompression_failed"][..]), "{name} {size}");
        }
        assert_eq!(run(name, b"", 1, 999, true), (vec![], 0, vec![]));
    }
    let mut bad_crc = gzip(TEXT);
    let at = bad_crc.len() - 8;
    bad_crc[at] ^= 1;
    assert_eq!(run("gzip", &bad_crc, 99, 999, true).2, ["decompression_failed"]);
    assert_eq!(run("gzip", TEXT, 99, 999, true), (vec![], 0, vec!["decompression_failed"]));
}

#[test]
fn unknown_codings_are_told_and_identity_is_none() {
    assert!(Decoder::new([b"identity".as_slice()].into_iter(), 9).is_none());
    assert!(Decoder::new(std::iter::empty(), 9).is_none());
    assert_eq!(run("compress", TEXT, 9, 99, true), (vec![], 0, vec!["coding_unknown"]));
    assert_eq!(run("gzip, br, unknown", TEXT, 9, 99, true).2, ["coding_unknown"]);
    assert_eq!(run("gzip, gzip, gzip, gzip", TEXT, 9, 99, true).2, ["coding_unknown"]);
}

#[test]
fn bombs_are_stopped() {
    let started = Instant::now();
    let zeros = vec![0; 40 << 20];
    let bomb = gzip(&zeros);
    let zlib_bomb = zlib(&zeros);
    // RLE blocks of 128 KiB, in a frame with a window of 1 MiB.
    let mut zstd_bomb = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 0x50];
    zstd_bomb.extend_from_slice(&[0x02, 0, 0x10, 0].repeat(100_000));
    // Empty members under another gzip: the inner ones make nothing, and the outer one makes much.
    let nested = gzip(&gzip(b"").repeat(1 << 20));
    for (name, coded, len) in [
        ("gzip", &bomb, MAX_DECODED),
        ("gzip, gzip", &gzip(&bomb), MAX_DECODED),
        ("deflate", &zlib_bomb, MAX_DECODED),
        ("zstd", &zstd_bomb, MAX_DECODED),
        ("br", &BROTLI_BOMB.to_vec(), MAX_DECODED),
        ("gzip, gzip", &nested, 0),
    ] {
        let (preview, got, issues) = run(name, coded, 1500, 1000, true);
        assert_eq!((got, &issues[..]), (len, &["decoded_too_large"][..]), "{name}");
        assert!(preview.len() <= 1000);
    }
    assert!(started.elapsed().as_secs() < 120, "{:?}", started.elapsed());
}

#[test]
fn a_zstd_window_beyond_the_bound_is_refused() {
    let windows = [(0x68, vec![]), (0x70, vec!["decompression_failed"])];
    for (window, want) in windows {
        let frame = [0x28, 0xb5, 0x2f, 0xfd, 0, window, 1, 0, 0];
        assert_eq!(run("zstd", &frame, 99, 9, true).2, want);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn damaged_bodies_do_no_harm(
        which in 0usize..11,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        size in 1usize..50,
    ) {
        let (name, mut coded) = codings().swap_remove(which);
        for (at, value) in damage {
            let at = at.index(coded.len());
            coded[at] = value;
        }
        let (preview, len, _) = run(name, &coded, size, 100, true);
        prop_assert!(preview.len() as u64 == len.min(100) && len <= MAX_DECODED);
    }

    #[test]
    fn any_bytes_do_no_harm(bytes: Vec<u8>, magic in 0usize..4) {
        let prefix: [&[u8]; 4] = [&[0x28, 0xb5, 0x2f, 0xfd], &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0], &[0x78, 0x9c], &[]];
        let bytes = [prefix[magic], &bytes].concat();
        for name in ["gzip", "deflate", "br", "zstd"] {
            let _ = run(name, &bytes, 7, 100, false);
        }
    }
}
