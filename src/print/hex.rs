//! Bytes in hexadecimal, in rows, as tcpdump has them.

use super::pen::Pen;
use super::style::DIM;

/// What is dumped in hexadecimal.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum Hex {
    /// Nothing.
    #[default]
    None,
    /// Bytes (`-x`).
    Bytes,
    /// Bytes, and what they are in ASCII (`-X`).
    BytesAndText,
}

/// Bytes of a row.
const ROW: usize = 16;

/// Writes rows of `bytes`, each in a line of its own at the pen's indent; their first byte has the number `offset`.
pub fn dump(pen: &mut Pen<'_>, hex: Hex, offset: u64, bytes: &[u8]) {
    for (row, at) in bytes.chunks(ROW).zip((offset..).step_by(ROW)) {
        pen.begin_line();
        let start = pen.indent.column + "0x0000:  ".len();
        pen.styled(DIM, |pen| pen.put(format_args!("0x{at:04x}:")));
        pen.pad_to(start);
        for pair in row.chunks(2) {
            pair.iter().for_each(|byte| pen.put(format_args!("{byte:02x}")));
            pen.put(format_args!(" "));
        }
        if hex == Hex::BytesAndText {
            pen.pad_to(start + ROW / 2 * "0000 ".len() + 1);
            let printable = row.iter().map(|byte| if matches!(byte, b' '..=b'~') { char::from(*byte) } else { '.' });
            printable.for_each(|char| pen.put(format_args!("{char}")));
        }
        pen.end_line();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_sixteen_bytes() {
        let mut out = Vec::new();
        dump(&mut Pen::new(&mut out, 80, false), Hex::BytesAndText, 0x20, b"GET / HTTP/1.1\r\n\x1b[2J");
        let text = String::from_utf8(out).unwrap();
        let rows = [
            "0x0020:  4745 5420 2f20 4854 5450 2f31 2e31 0d0a  GET / HTTP/1.1..",
            "0x0030:  1b5b 324a                                .[2J",
        ];
        assert_eq!(text.lines().collect::<Vec<_>>(), rows);
    }
}
