//! Comma-separated values (RFC 4180).

use crate::check::rules::source::printable;

/// Writes a line.
pub(super) fn line(cells: impl IntoIterator<Item = impl AsRef<str>>, out: &mut Vec<u8>) {
    for (index, cell) in cells.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend(self::cell(cell.as_ref()).into_bytes());
    }
    out.extend(b"\r\n");
}

/// A cell that is text to every spreadsheet: none takes it for a formula.
fn cell(text: &str) -> String {
    // A line break in a file's name would be one in the table.
    let text = &*printable(text);
    let formula = text.starts_with(['=', '+', '-', '@']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_are_no_formulas() {
        for (text, written) in [("a", "a"), ("a,\"b", "\"a,\"\"b\""), ("=1+1", "'=1+1"), ("", ""), ("a\n\x1b", "a��")]
        {
            assert_eq!(cell(text), written);
        }
    }

    #[test]
    fn cells_stand_between_commas() {
        let mut out = Vec::new();
        line(["a", "b c", ""], &mut out);
        assert_eq!(out, b"a,b c,\r\n");
    }
}
