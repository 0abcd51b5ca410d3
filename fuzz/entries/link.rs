//! Frames of any link type.

use dissect::decode::{self, decode, end_of_headers};
use dissect::frame::LinkType;

use super::judge::Judge;
use super::packet::{MS, frame};
use super::script::Script;

/// The link types that are decoded, and one that is not.
const LINKS: &[u32] = &[
    0, 1, 6, 7, 9, 10, 12, 14, 50, 51, 100, 101, 104, 105, 106, 107, 108, 113, 119, 123, 127, 129, 130, 131, 132, 133,
    134, 135, 137, 138, 147, 148, 149, 150, 151, 152, 153, 154, 155, 156, 157, 158, 159, 160, 161, 162, 163, 164, 165,
    166, 167, 168, 169, 177, 178, 179, 180, 181, 189, 190, 194, 195, 204, 205, 220, 226, 227, 228, 229, 230, 231, 239,
    242, 249, 253, 258, 271, 276, 283, 0x1_0bad, 0x1_0009, 0x1_0204,
];

/// A script: options; then frames: link type, captured bytes after their number, and how many were not captured.
pub fn run(input: &[u8]) {
    let mut script = Script(input);
    let mut judge = Judge::new(script.byte());
    for number in 1.. {
        if script.is_done() || number > 40 {
            break;
        }
        let link = LinkType(script.one_of(LINKS));
        let cut = usize::from(script.byte());
        let bytes = script.sized();
        let frame = frame(link, number, number as i64 * MS, bytes, bytes.len() + cut);
        let decoded = decode(frame);
        assert!(end_of_headers(&decoded.layers) <= bytes.len(), "headers beyond the frame");
        for layer in &decoded.layers {
            assert!(layer.offset as usize + layer.header.len() <= bytes.len(), "a header beyond the frame");
        }
        // What is kept of a frame are its headers: they say the same.
        if decoded.fragment.is_none() && decoded.stop.is_none() {
            let own = &bytes[..end_of_headers(&decoded.layers)];
            let again = decode::decode_headers(frame.meta, own, &[]);
            let names = |layers: &[decode::Layer<'_>]| layers.iter().map(|l| l.protocol.name).collect::<Vec<_>>();
            assert_eq!(names(&decoded.layers), names(&again.layers), "layers of the headers alone");
        }
        judge.push(frame);
    }
    judge.finish();
}
