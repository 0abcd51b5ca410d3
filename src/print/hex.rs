//! Bytes in hexadecimal, in rows, as tcpdump has them.

use super::number;
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
pub const ROW: usize = 16;

/// Columns of a row with its text, at least.
const WIDTH: usize = "0x0000:  ".len() + ROW / 2 * "0000 ".len() + 1 + ROW;

/// Writes rows of `bytes`, each in a line of its own at the pen's indent; their first byte has the number `offset`.
pub fn dump(pen: &mut Pen<'_>, hex: Hex, offset: u64, bytes: &[u8]) {
    let indent = pen.indent;
    if indent.column + WIDTH > pen.width() {
        pen.indent.column = pen.width().saturating_sub(WIDTH).max(indent.bars + 1);
    }
    for (row, at) in bytes.chunks(ROW).zip((offset..).step_by(ROW)) {
        pen.begin_line();
        let start = pen.indent.column + "0x0000:  ".len();
        pen.styled(DIM, |pen| {
            pen.push("0x");
            pen.ascii(|out| number::hex(out, at, 4));
            pen.push(":");
        });
        pen.pad_to(start);
        for pair in row.chunks(2) {
            pen.ascii(|out| number::bytes(out, pair));
            pen.push(" ");
        }
        if hex == Hex::BytesAndText {
            pen.pad_to(start + ROW / 2 * "0000 ".len() + 1);
            let printable = row.iter().map(|byte| if matches!(byte, b' '..=b'~') { *byte } else { b'.' });
            pen.ascii(|out| out.extend(printable));
        }
        pen.end_line();
    }
    pen.indent = indent;
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
