//! What a close frame says (RFC 6455 5.5.1, 7.4).

/// The payload of a close frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Close<'a> {
    /// Status code.
    pub code: u16,
    /// Reason, which should be UTF-8.
    pub reason: &'a [u8],
}

impl<'a> Close<'a> {
    /// Reads a payload; none where it has no code.
    pub fn of(payload: &'a [u8]) -> Option<Self> {
        let (code, reason) = payload.split_first_chunk()?;
        Some(Self { code: u16::from_be_bytes(*code), reason })
    }

    /// Whether the code may be sent: one that the RFC or IANA's registry names, or of the ranges for others. 1004 is
    /// reserved; 1005, 1006 and 1015 stand for what is not sent.
    pub const fn may_be_sent(&self) -> bool {
        matches!(self.code, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }

    /// What the code means, in IANA's words.
    pub const fn meaning(&self) -> Option<&'static str> {
        Some(match self.code {
            1000 => "Normal Closure",
            1001 => "Going Away",
            1002 => "Protocol error",
            1003 => "Unsupported Data",
            1005 => "No Status Rcvd",
            1006 => "Abnormal Closure",
            1007 => "Invalid frame payload data",
            1008 => "Policy Violation",
            1009 => "Message Too Big",
            1010 => "Mandatory Ext.",
            1011 => "Internal Error",
            1012 => "Service Restart",
            1013 => "Try Again Later",
            1014 => "Bad gateway",
            1015 => "TLS handshake",
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_may_be_sent() {
        let allowed: Vec<u16> =
            (0..=u16::MAX).filter(|code| Close { code: *code, reason: b"" }.may_be_sent()).collect();
        let (named, free) = allowed.split_at(12);
        assert_eq!(named, [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014]);
        assert_eq!((free.len(), free[0], free[1999]), (2000, 3000, 4999));
        assert_eq!(Close::of(b"\x03\xe8bye"), Some(Close { code: 1000, reason: b"bye" }));
        assert_eq!((Close::of(b""), Close::of(b"\x03")), (None, None));
    }
}
