//! The header of a frame (RFC 6455 5.2).

/// Most bytes of a header: two, a length of eight, and a masking key.
pub const MAX_LEN: usize = 14;

/// What a frame is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Opcode(pub u8);

impl Opcode {
    /// More of the message under way.
    pub const CONTINUATION: Self = Self(0);
    /// UTF-8.
    pub const TEXT: Self = Self(1);
    /// Any bytes.
    pub const BINARY: Self = Self(2);
    /// The last frame of its direction.
    pub const CLOSE: Self = Self(8);
    /// Asks for a pong.
    pub const PING: Self = Self(9);
    /// Answers a ping, or is sent unasked.
    pub const PONG: Self = Self(10);

    /// Whether it is of a control frame, which may come between the frames of a message (5.5).
    pub const fn is_control(self) -> bool {
        self.0 & 8 != 0
    }

    /// Whether RFC 6455 leaves it to extensions.
    pub const fn is_reserved(self) -> bool {
        matches!(self.0, 3..=7 | 11..)
    }

    /// The RFC's word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CONTINUATION => "continuation",
            Self::TEXT => "text",
            Self::BINARY => "binary",
            Self::CLOSE => "close",
            Self::PING => "ping",
            Self::PONG => "pong",
            _ => "reserved",
        }
    }
}

/// A header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// Whether the frame is the last one of its message.
    pub fin: bool,
    /// The three reserved bits, RSV1 the highest.
    pub rsv: u8,
    /// What the frame is.
    pub opcode: Opcode,
    /// What the payload is masked with, where it is.
    pub mask: Option<[u8; 4]>,
    /// The length as the second byte has it: 126 and 127 stand for one of two and of eight bytes that follows.
    pub short_len: u8,
    /// The payload's length in bytes.
    pub len: u64,
}

/// RSV1, which says of the first frame of a message that it is compressed, where that was agreed (RFC 7692 6).
pub const RSV1: u8 = 4;

/// How long a header is that begins with these two bytes.
pub const fn header_len(second: u8) -> usize {
    let extended = match second & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    2 + extended + if second & 0x80 != 0 { 4 } else { 0 }
}

impl Header {
    /// Reads a header from the front of `bytes`; none where it is not whole.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let [first, second, rest @ ..] = bytes else { return None };
        let short_len = second & 0x7f;
        let (len, rest) = match short_len {
            126 => rest.split_first_chunk().map(|(len, rest)| (u16::from_be_bytes(*len).into(), rest))?,
            127 => rest.split_first_chunk().map(|(len, rest)| (u64::from_be_bytes(*len), rest))?,
            len => (len.into(), rest),
        };
        let mask = if second & 0x80 != 0 { Some(*rest.first_chunk()?) } else { None };
        Some(Self { fin: first & 0x80 != 0, rsv: first >> 4 & 7, opcode: Opcode(first & 0xf), mask, short_len, len })
    }

    /// Whether the length is in the shortest form, as it has to be.
    pub const fn is_shortest(&self) -> bool {
        match self.short_len {
            126 => self.len > 125,
            127 => self.len > 0xffff,
            _ => true,
        }
    }

    /// Whether the length may be: the highest bit of eight bytes is 0.
    pub const fn has_valid_len(&self) -> bool {
        self.len >> 63 == 0
    }
}

/// Undoes the masking of payload bytes, the first of which is at `at` of the payload (5.3).
pub fn unmask(bytes: &mut [u8], mask: [u8; 4], at: u64) {
    let key: [u8; 4] = std::array::from_fn(|i| mask[(at as usize).wrapping_add(i) & 3]);
    let mut words = bytes.chunks_exact_mut(8);
    let wide = u64::from_ne_bytes([key[0], key[1], key[2], key[3], key[0], key[1], key[2], key[3]]);
    for word in &mut words {
        let plain = word.first_chunk().map_or(0, |word| u64::from_ne_bytes(*word) ^ wide);
        word.copy_from_slice(&plain.to_ne_bytes());
    }
    words.into_remainder().iter_mut().zip(key.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
}

/// Whether a client's or a server's frames begin at `bytes`, the start of a segment: they end where it ends, or the last
/// one goes on beyond it and has a length of more than one byte or others before it.
pub fn plausible(bytes: &[u8], by_client: bool, may_compress: bool) -> bool {
    let (mut rest, mut frames) = (bytes, 0);
    while !rest.is_empty() {
        let Some(header) = Header::parse(rest) else {
            // Of a header that is cut, what is there has to fit too.
            return frames > 0 && rest.first().is_none_or(|first| !Opcode(first & 0xf).is_reserved());
        };
        let fits = !header.opcode.is_reserved()
            && header.mask.is_some() == by_client
            && (header.rsv == 0 || header.rsv == RSV1 && may_compress && !header.opcode.is_control())
            && (!header.opcode.is_control() || header.fin && header.len <= 125)
            && header.is_shortest()
            && header.len < 1 << 40;
        if !fits {
            return false;
        }
        let head = header_len(rest.get(1).copied().unwrap_or_default());
        let end = usize::try_from(header.len).ok().and_then(|len| head.checked_add(len));
        match end.and_then(|end| rest.get(end..)) {
            Some(after) => rest = after,
            None => return frames > 0 || header.short_len > 125,
        }
        frames += 1;
    }
    frames > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_each_length() {
        let hello = Header::parse(b"\x81\x05Hello").unwrap();
        assert_eq!((hello.fin, hello.rsv, hello.opcode, hello.mask, hello.len), (true, 0, Opcode::TEXT, None, 5));
        let masked = Header::parse(b"\x41\x85\x37\xfa\x21\x3d\x7f").unwrap();
        assert_eq!((masked.fin, masked.rsv, masked.mask), (false, RSV1, Some([0x37, 0xfa, 0x21, 0x3d])));
        let medium = Header::parse(b"\x82\x7e\x01\x00").unwrap();
        assert_eq!((medium.len, medium.short_len, medium.is_shortest()), (256, 126, true));
        let long = Header::parse(b"\x82\x7f\0\0\0\0\0\x01\0\0").unwrap();
        assert_eq!((long.len, long.is_shortest(), long.has_valid_len()), (65536, true, true));
        assert!(!Header::parse(b"\x82\x7e\0\x05").unwrap().is_shortest());
        assert!(!Header::parse(b"\x82\x7f\x80\0\0\0\0\x01\0\0").unwrap().has_valid_len());
        let whole = b"\x82\xff\0\0\0\0\0\x01\0\0abcd";
        assert_eq!((header_len(whole[1]), whole.len()), (MAX_LEN, MAX_LEN));
        assert!((0..MAX_LEN).all(|len| Header::parse(&whole[..len]).is_none()));
    }

    #[test]
    fn masks_are_undone_from_any_place() {
        let mask = [0x37, 0xfa, 0x21, 0x3d];
        let mut hello = *b"\x7f\x9f\x4d\x51\x58";
        unmask(&mut hello, mask, 0);
        assert_eq!(&hello, b"Hello");
        let plain: Vec<u8> = (0..100).collect();
        let mut masked = plain.clone();
        unmask(&mut masked, mask, 0);
        for cut in 0..plain.len() {
            let mut parts = masked.clone();
            unmask(&mut parts[..cut], mask, 0);
            unmask(&mut parts[cut..], mask, cut as u64);
            assert_eq!(parts, plain);
        }
    }

    #[test]
    fn frames_are_found_again_and_text_is_not_taken_for_one() {
        assert!(plausible(b"\x81\x05Hello\x89\x00", false, false));
        assert!(plausible(b"\x81\x05Hello\x82\x7e\x01", false, false));
        assert!(plausible(b"\x82\x7e\x01\x00abc", false, false));
        assert!(!plausible(b"\x81\x05Hello\x89\x00", true, false));
        assert!(!plausible(b"\x82\x20abc", false, false));
        assert!(!plausible(b"some text that goes on", false, false));
        assert!(!plausible(b"\xc1\x05Hello", false, false));
        assert!(plausible(b"\xc1\x05Hello", false, true));
    }
}
