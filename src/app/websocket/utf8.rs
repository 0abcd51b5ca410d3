//! Whether bytes that come in pieces are UTF-8.

/// Checks a text from its beginning.
#[derive(Default, Debug)]
pub struct Utf8 {
    /// The start of a character whose end has not come.
    cut: [u8; 4],
    cut_len: usize,
}

impl Utf8 {
    /// Whether the next bytes can go on what was there.
    pub fn push(&mut self, mut bytes: &[u8]) -> bool {
        while self.cut_len > 0 {
            let Some((first, rest)) = bytes.split_first() else { return true };
            // A character has four bytes at most, so that the fifth is never asked for.
            let Some(place) = self.cut.get_mut(self.cut_len) else { return false };
            *place = *first;
            self.cut_len += 1;
            bytes = rest;
            match str::from_utf8(&self.cut[..self.cut_len]) {
                Ok(_) => self.cut_len = 0,
                Err(error) if error.error_len().is_some() => return false,
                Err(_) => {}
            }
        }
        match str::from_utf8(bytes) {
            Ok(_) => true,
            Err(error) if error.error_len().is_some() => false,
            Err(error) => {
                let cut = bytes.get(error.valid_up_to()..).unwrap_or_default();
                // What is cut is shorter than a character.
                self.cut_len = cut.len().min(self.cut.len());
                self.cut[..self.cut_len].copy_from_slice(&cut[..self.cut_len]);
                true
            }
        }
    }

    /// Whether the text may end here: no character is cut.
    pub fn may_end(&self) -> bool {
        self.cut_len == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_utf8(pieces: &[&[u8]]) -> bool {
        let mut utf8 = Utf8::default();
        pieces.iter().all(|piece| utf8.push(piece)) && utf8.may_end()
    }

    #[test]
    fn any_cut_gives_the_same_answer() {
        for text in [
            &b"Gr\xc3\xbc\xc3\x9fe \xe2\x82\xac \xf0\x9f\x92\xa9"[..],
            b"",
            b"a",
            b"\xed\xa0\x80",
            b"\xf4\x90\x80\x80",
            b"\xc3",
            b"a\xff",
        ] {
            let whole = str::from_utf8(text).is_ok();
            for cut in 0..=text.len() {
                assert_eq!(is_utf8(&[&text[..cut], &text[cut..]]), whole, "{text:?} at {cut}");
            }
            let bytes: Vec<&[u8]> = text.chunks(1).collect();
            assert_eq!(is_utf8(&bytes), whole, "{text:?}");
        }
    }
}
