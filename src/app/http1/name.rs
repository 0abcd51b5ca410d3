//! Names of the fields that tell how a message is to be read.

/// A field that matters to the reading of a message, by its name; letters of any case.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum Name {
    /// Any other.
    #[default]
    Other,
    /// `Host`.
    Host,
    /// `Upgrade`.
    Upgrade,
    /// `Content-Length`.
    ContentLength,
    /// `Content-Encoding`.
    ContentEncoding,
    /// `Transfer-Encoding`.
    TransferEncoding,
}

impl Name {
    /// Which one `token`, which is a token, is.
    #[inline(always)]
    pub(in crate::app) fn of(token: &[u8]) -> Self {
        match token.len() {
            4 if is(token, b"host") => Self::Host,
            7 if is(token, b"upgrade") => Self::Upgrade,
            14 if is(token, b"content-length") => Self::ContentLength,
            16 if is(token, b"content-encoding") => Self::ContentEncoding,
            17 if is(token, b"transfer-encoding") => Self::TransferEncoding,
            _ => Self::Other,
        }
    }
}

/// Whether a token is this name, in lower case. Of the characters of tokens, the bit makes letters alike, and no other
/// into a letter or `-`.
fn is<const N: usize>(token: &[u8], name: &[u8; N]) -> bool {
    let differs = |token: &[u8; N]| token.iter().zip(name).fold(0, |differs, (a, b)| differs | ((a | 0x20) ^ b));
    token.first_chunk().is_some_and(|token| differs(token) == 0)
}

/// Names of which fields are there.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Names(u8);

impl Names {
    /// Adds one.
    pub(super) fn insert(&mut self, name: Name) {
        self.0 |= 1 << name as u8;
    }

    /// Whether a field of this name is there.
    pub fn contains(self, name: Name) -> bool {
        self.0 >> name as u8 & 1 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_all_others() {
        let names = ["Host", "UPGRADE", "content-length", "Content-Encoding", "Transfer-encoding"];
        let all = names.map(|name| Name::of(name.as_bytes()));
        use Name::*;
        assert_eq!(all, [Host, Upgrade, ContentLength, ContentEncoding, TransferEncoding]);
        for name in names {
            for at in 0..name.len() {
                for byte in (b'!'..=b'~').filter(|&b| super::super::syntax::is_tchar(b)) {
                    let mut token = name.as_bytes().to_vec();
                    token[at] = byte;
                    assert_eq!(Name::of(&token) != Other, token.eq_ignore_ascii_case(name.as_bytes()));
                }
            }
        }
    }
}
