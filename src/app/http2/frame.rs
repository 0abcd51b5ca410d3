//! The frame header, and the names of what frames hold (RFC 9113 4.1, 6, 7).

/// What a client sends first (RFC 9113 3.4).
pub const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Length of a frame header in bytes.
pub const HEADER_LEN: usize = 9;

/// The longest payload that a peer may send unless it was told that it may send more (RFC 9113 4.2).
pub const DEFAULT_MAX_LEN: u32 = 1 << 14;

/// Types of frames.
pub mod kind {
    /// DATA.
    pub const DATA: u8 = 0;
    /// HEADERS.
    pub const HEADERS: u8 = 1;
    /// PRIORITY.
    pub const PRIORITY: u8 = 2;
    /// RST_STREAM.
    pub const RST_STREAM: u8 = 3;
    /// SETTINGS.
    pub const SETTINGS: u8 = 4;
    /// PUSH_PROMISE.
    pub const PUSH_PROMISE: u8 = 5;
    /// PING.
    pub const PING: u8 = 6;
    /// GOAWAY.
    pub const GOAWAY: u8 = 7;
    /// WINDOW_UPDATE.
    pub const WINDOW_UPDATE: u8 = 8;
    /// CONTINUATION.
    pub const CONTINUATION: u8 = 9;
    /// ALTSVC (RFC 7838 4).
    pub const ALTSVC: u8 = 10;
    /// ORIGIN (RFC 8336 2).
    pub const ORIGIN: u8 = 12;
    /// PRIORITY_UPDATE (RFC 9218 7.1).
    pub const PRIORITY_UPDATE: u8 = 16;
}

/// Flags of frames.
pub mod flag {
    /// The last frame of its direction of the stream (DATA, HEADERS).
    pub const END_STREAM: u8 = 0x1;
    /// Acknowledges (SETTINGS, PING).
    pub const ACK: u8 = 0x1;
    /// The field block ends here (HEADERS, PUSH_PROMISE, CONTINUATION).
    pub const END_HEADERS: u8 = 0x4;
    /// A length of padding comes first (DATA, HEADERS, PUSH_PROMISE).
    pub const PADDED: u8 = 0x8;
    /// A dependency and a weight come first (HEADERS).
    pub const PRIORITY: u8 = 0x20;
}

/// A frame header.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Header {
    /// Length of the payload in bytes, below 2^24.
    pub len: u32,
    /// Type: see [`kind`].
    pub kind: u8,
    /// Flags, which mean what the type says: see [`flag`].
    pub flags: u8,
    /// The stream, 31 bits; 0 for the connection.
    pub stream: u32,
    /// The bit before the stream, which is to be 0.
    pub reserved: bool,
}

impl Header {
    /// Reads one; any nine bytes are one.
    pub fn parse(bytes: [u8; HEADER_LEN]) -> Self {
        let [a, b, c, kind, flags, s0, s1, s2, s3] = bytes;
        let stream = u32::from_be_bytes([s0, s1, s2, s3]);
        let len = u32::from_be_bytes([0, a, b, c]);
        Self { len, kind, flags, stream: stream & MAX_STREAM, reserved: stream > MAX_STREAM }
    }

    /// Whether it has this flag.
    pub fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Whether it has the flag that says that this is the last frame of its direction of the stream.
    pub fn ends_stream(self) -> bool {
        matches!(self.kind, kind::DATA | kind::HEADERS) && self.has(flag::END_STREAM)
    }

    /// Whether its type allows its length and its stream; of a type that is not known all is allowed.
    pub fn is_allowed(self) -> bool {
        let (on_stream, fits) = match self.kind {
            kind::DATA | kind::CONTINUATION => (true, true),
            kind::HEADERS => (true, self.len > 0),
            kind::PRIORITY => (true, self.len == 5),
            kind::RST_STREAM => (true, self.len == 4),
            kind::SETTINGS => (false, self.len.is_multiple_of(6) && (!self.has(flag::ACK) || self.len == 0)),
            kind::PUSH_PROMISE => (true, self.len >= 4),
            kind::PING => (false, self.len == 8),
            kind::GOAWAY => (false, self.len >= 8),
            kind::WINDOW_UPDATE => return self.len == 4,
            _ => return true,
        };
        fits && (self.stream != 0) == on_stream
    }

    /// Whether it is what a peer sends that has no extensions: a type that is known, with no flags but its own, of a
    /// length that needs no leave.
    pub fn is_plausible(self) -> bool {
        let flags = match self.kind {
            kind::DATA => flag::END_STREAM | flag::PADDED,
            kind::HEADERS => flag::END_STREAM | flag::END_HEADERS | flag::PADDED | flag::PRIORITY,
            kind::PUSH_PROMISE => flag::END_HEADERS | flag::PADDED,
            kind::CONTINUATION => flag::END_HEADERS,
            kind::SETTINGS | kind::PING => flag::ACK,
            kind::PRIORITY | kind::RST_STREAM | kind::GOAWAY | kind::WINDOW_UPDATE => 0,
            _ => return false,
        };
        self.flags & !flags == 0
            && self.is_allowed()
            && self.len <= DEFAULT_MAX_LEN
            && self.stream <= MAX_USUAL_STREAM
            && !self.reserved
    }

    /// The names of its flags that are set and known.
    pub fn flag_names(self) -> impl Iterator<Item = &'static str> {
        let named: &[(u8, &str)] = match self.kind {
            kind::DATA => &[(flag::END_STREAM, "END_STREAM"), (flag::PADDED, "PADDED")],
            kind::HEADERS => &[
                (flag::END_STREAM, "END_STREAM"),
                (flag::END_HEADERS, "END_HEADERS"),
                (flag::PADDED, "PADDED"),
                (flag::PRIORITY, "PRIORITY"),
            ],
            kind::PUSH_PROMISE => &[(flag::END_HEADERS, "END_HEADERS"), (flag::PADDED, "PADDED")],
            kind::CONTINUATION => &[(flag::END_HEADERS, "END_HEADERS")],
            kind::SETTINGS | kind::PING => &[(flag::ACK, "ACK")],
            _ => &[],
        };
        named.iter().filter(move |(bit, _)| self.has(*bit)).map(|(_, name)| *name)
    }
}

/// The highest stream there may be.
const MAX_STREAM: u32 = (1 << 31) - 1;

/// The highest stream that is believed where it is not certain that a frame begins: half a million requests.
const MAX_USUAL_STREAM: u32 = 1 << 20;

/// The name of a type of frames.
pub fn kind_name(kind: u8) -> Option<&'static str> {
    Some(match kind {
        kind::DATA => "DATA",
        kind::HEADERS => "HEADERS",
        kind::PRIORITY => "PRIORITY",
        kind::RST_STREAM => "RST_STREAM",
        kind::SETTINGS => "SETTINGS",
        kind::PUSH_PROMISE => "PUSH_PROMISE",
        kind::PING => "PING",
        kind::GOAWAY => "GOAWAY",
        kind::WINDOW_UPDATE => "WINDOW_UPDATE",
        kind::CONTINUATION => "CONTINUATION",
        kind::ALTSVC => "ALTSVC",
        kind::ORIGIN => "ORIGIN",
        kind::PRIORITY_UPDATE => "PRIORITY_UPDATE",
        _ => return None,
    })
}

/// The name of an error code (RFC 9113 7).
pub fn error_name(code: u32) -> Option<&'static str> {
    const NAMES: [&str; 14] = [
        "NO_ERROR",
        "PROTOCOL_ERROR",
        "INTERNAL_ERROR",
        "FLOW_CONTROL_ERROR",
        "SETTINGS_TIMEOUT",
        "STREAM_CLOSED",
        "FRAME_SIZE_ERROR",
        "REFUSED_STREAM",
        "CANCEL",
        "COMPRESSION_ERROR",
        "CONNECT_ERROR",
        "ENHANCE_YOUR_CALM",
        "INADEQUATE_SECURITY",
        "HTTP_1_1_REQUIRED",
    ];
    NAMES.get(usize::try_from(code).ok()?).copied()
}

/// The name of a setting (RFC 9113 6.5.2, RFC 8441 3, RFC 9218 2.1).
pub fn setting_name(id: u16) -> Option<&'static str> {
    Some(match id {
        1 => "HEADER_TABLE_SIZE",
        2 => "ENABLE_PUSH",
        3 => "MAX_CONCURRENT_STREAMS",
        4 => "INITIAL_WINDOW_SIZE",
        5 => "MAX_FRAME_SIZE",
        6 => "MAX_HEADER_LIST_SIZE",
        8 => "ENABLE_CONNECT_PROTOCOL",
        9 => "NO_RFC7540_PRIORITIES",
        _ => return None,
    })
}

/// Where a frame begins in `bytes`, as far as they tell: one that is plausible, and so is what follows it. Fewer bytes
/// than a header has do not tell.
pub fn find(bytes: &[u8]) -> Option<usize> {
    // The length of a frame begins with a 0 as long as it needs no leave.
    memchr::memchr_iter(0, bytes).find(|&at| Chain::of(&bytes[at..]).links > 0)
}

/// Frames one after the other, as far as they are there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Chain {
    /// How many of them were looked at; 0 where one is not plausible, or none is there.
    pub links: u32,
    /// Whether the last one that was looked at ends where the bytes do.
    pub is_whole: bool,
}

impl Chain {
    /// That which begins `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        let (mut rest, mut links, mut is_whole) = (bytes, 0, false);
        while links < MAX_LINKS
            && let Some(header) = rest.first_chunk()
        {
            let header = Header::parse(*header);
            if !header.is_plausible() {
                return Self { links: 0, is_whole: false };
            }
            let after = rest.get(HEADER_LEN + header.len as usize..);
            is_whole = after.is_some_and(<[u8]>::is_empty);
            rest = after.unwrap_or_default();
            links += 1;
        }
        Self { links, is_whole }
    }
}

/// Frames that are looked at until they are believed.
const MAX_LINKS: u32 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
        let header = [0, 0, payload.len() as u8, kind, flags, 0, 0, 0, stream];
        [&header[..], payload].concat()
    }

    #[test]
    fn a_header_is_read_and_its_reserved_bit_is_not_of_the_stream() {
        let header = Header::parse([0x01, 0x02, 0x03, 1, 0x25, 0x80, 0, 0, 5]);
        assert_eq!(header, Header { len: 0x01_02_03, kind: kind::HEADERS, flags: 0x25, stream: 5, reserved: true });
        assert_eq!(header.flag_names().collect::<Vec<_>>(), ["END_STREAM", "END_HEADERS", "PRIORITY"]);
        assert!(header.ends_stream());
    }

    #[test]
    fn frames_are_found_after_what_is_none() {
        let frames =
            [frame(kind::DATA, 1, 1, b"hello"), frame(kind::PING, 0, 0, &[7; 8]), frame(kind::DATA, 0, 3, &[0; 200])]
                .concat();
        for junk in [&b""[..], b"\0", b"\0\0\0\0\0\0\0\0\0\0\0", b"some text that was cut off", &[0; 100]] {
            let bytes = [junk, &frames].concat();
            assert_eq!(find(&bytes), Some(junk.len()), "{junk:?}");
        }
        assert_eq!(find(&[0; 4096]), None);
        assert_eq!(find(b"a line\r\nof text\r\n"), None);
    }

    #[test]
    fn what_no_peer_may_send_is_not_plausible() {
        for (kind, flags, stream, len) in [
            (kind::DATA, 0, 0, 1),
            (kind::DATA, 2, 1, 1),
            (kind::HEADERS, 4, 1, 0),
            (kind::SETTINGS, 0, 1, 6),
            (kind::SETTINGS, 0, 0, 7),
            (kind::SETTINGS, 1, 0, 6),
            (kind::PING, 0, 0, 7),
            (kind::WINDOW_UPDATE, 1, 0, 4),
            (kind::DATA, 0, 1, DEFAULT_MAX_LEN + 1),
            (0x2a, 0, 1, 1),
        ] {
            let header = Header { kind, flags, stream, len, reserved: false };
            assert!(!header.is_plausible(), "{header:?}");
        }
    }
}
