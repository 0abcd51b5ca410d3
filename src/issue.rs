//! The one list of everything that can be wrong.

use std::fmt;

/// How much an issue matters; Wireshark's expert severities.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Severity {
    /// Usual workflow.
    Chat,
    /// Worth knowing.
    Note,
    /// Unusual.
    Warn,
    /// Serious.
    Error,
}

impl Severity {
    /// The word for it: `chat`, `note`, `warn`, `error`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Note => "note",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

macro_rules! issues {
    ($($variant:ident $name:literal $severity:ident $source:literal $doc:literal;)*) => {
        /// Anything worth flagging, by its stable name.
        ///
        /// Those up to `BadIpChecksum` are flags of single frames and fit into [`Flags`].
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum Issue { $(#[doc = $doc] $variant,)* }

        impl Issue {
            /// Every issue, in the order of their bits.
            pub const ALL: &'static [Issue] = &[$(Issue::$variant,)*];

            /// The stable name, snake case.
            pub const fn name(self) -> &'static str {
                match self { $(Issue::$variant => $name,)* }
            }

            /// How much it matters.
            pub const fn severity(self) -> Severity {
                match self { $(Issue::$variant => Severity::$severity,)* }
            }

            /// Where it is defined: an RFC section, or Wireshark's field.
            pub const fn source(self) -> &'static str {
                match self { $(Issue::$variant => $source,)* }
            }

            /// One line that says what it means.
            pub const fn doc(self) -> &'static str {
                match self { $(Issue::$variant => $doc,)* }
            }
        }
    };
}

issues! {
    Retransmission "retransmission" Note "tcp.analysis.retransmission" "bytes sent before, again";
    FastRetransmission "fast_retransmission" Note "tcp.analysis.fast_retransmission" "sent again after duplicate ACKs, before a timeout";
    SpuriousRetransmission "spurious_retransmission" Note "tcp.analysis.spurious_retransmission" "bytes sent again that were acknowledged already";
    OutOfOrder "out_of_order" Warn "tcp.analysis.out_of_order" "came after bytes that follow it";
    LostSegment "lost_segment" Warn "tcp.analysis.lost_segment" "the segment before this one was not captured";
    AckLostSegment "ack_lost_segment" Warn "tcp.analysis.ack_lost_segment" "acknowledges bytes that were not captured";
    DuplicateAck "duplicate_ack" Note "tcp.analysis.duplicate_ack" "the same acknowledgement again";
    KeepAlive "keep_alive" Note "tcp.analysis.keep_alive" "keep-alive probe";
    KeepAliveAck "keep_alive_ack" Note "tcp.analysis.keep_alive_ack" "answer to a keep-alive probe";
    ZeroWindow "zero_window" Warn "tcp.analysis.zero_window" "the receiver has no room";
    ZeroWindowProbe "zero_window_probe" Note "tcp.analysis.zero_window_probe" "a byte sent to ask whether the window has opened";
    ZeroWindowProbeAck "zero_window_probe_ack" Note "tcp.analysis.zero_window_probe_ack" "answer to a zero-window probe";
    WindowUpdate "window_update" Chat "tcp.analysis.window_update" "the receiver's window changed";
    WindowFull "window_full" Warn "tcp.analysis.window_full" "fills the receiver's window";
    ReusedPorts "reused_ports" Note "tcp.analysis.reused_ports" "a new connection between the same ports";
    TfoSyn "tfo_syn" Note "tcp.analysis.tfo_syn" "SYN with a Fast Open cookie";
    TfoAck "tfo_ack" Note "tcp.analysis.tfo_ack" "data of the SYN was accepted";
    TfoIgnored "tfo_ignored" Note "tcp.analysis.tfo_ignored" "data of the SYN was not accepted";
    BadChecksum "bad_checksum" Error "RFC 9293 3.1" "the TCP checksum does not fit the bytes";
    BadIpChecksum "bad_ip_checksum" Error "RFC 791 3.1" "the IPv4 header checksum does not fit the header";

    Gap "gap" Error "" "bytes of the message were never captured";
    Truncated "truncated" Error "" "frames of the message were captured shorter than sent";
    Aborted "aborted" Error "RFC 9293 3.5.3" "the connection was reset before the end of the message";
    ClosedEarly "closed_early" Error "RFC 9112 8" "the connection was closed before the end of the message";
    Unfinished "unfinished" Note "" "the capture ended before the end of the message";
    Malformed "malformed" Error "RFC 9112 6.3" "the framing of the message cannot be believed";

    BareLf "bare_lf" Warn "RFC 9112 2.2" "a line ends with LF alone";
    BareCr "bare_cr" Warn "RFC 9112 2.2" "CR without LF within the head";
    MissingBlankLine "missing_blank_line" Error "RFC 9112 2.1" "the blank line that ends the head is missing";
    ExtraWhitespace "extra_whitespace" Warn "RFC 9112 3, 5.1" "white space where none may be";
    MissingSpace "missing_space" Note "RFC 9112 4" "the space after the status code is missing";
    LeadingCrlf "leading_crlf" Note "RFC 9112 2.2" "an empty line before the start line";
    LowercaseMethod "lowercase_method" Warn "RFC 9110 9.1" "methods are case-sensitive; this one is not in capitals";
    MissingVersion "missing_version" Error "RFC 9112 3" "the request line has no HTTP version";
    BadVersion "bad_version" Error "RFC 9112 2.3" "the HTTP version is not HTTP/ digit . digit, or not 1.x";
    BadRequestTarget "bad_request_target" Error "RFC 9112 3.2" "the request target has a form that the method does not allow";
    BadStatusCode "bad_status_code" Error "RFC 9110 15" "the status code is not three digits from 100 to 599";
    BadStartLine "bad_start_line" Error "RFC 9112 2.1" "the start line cannot be read as RFC 9112 has it";
    BadHeaderName "bad_header_name" Error "RFC 9110 5.1" "a field name is empty or has characters that no token has";
    MissingColon "missing_colon" Error "RFC 9112 5" "a field line has no colon";
    InvalidByte "invalid_byte" Error "RFC 9110 5.5" "NUL, another control character, or a byte above 127 where none may be";
    ObsText "obs_text" Note "RFC 9110 5.5" "bytes above 127 in a field value";
    ObsFold "obs_fold" Warn "RFC 9112 5.2" "a field value is continued on the next line";
    MissingHost "missing_host" Error "RFC 9112 3.2" "an HTTP/1.1 request without a Host field";
    MultipleHosts "multiple_hosts" Error "RFC 9112 3.2" "more than one Host field";
    TeAndLength "te_and_length" Warn "RFC 9112 6.1" "Transfer-Encoding and Content-Length together";
    TeUnknown "te_unknown" Warn "RFC 9112 6.1" "a transfer coding other than chunked";
    TeNotFinal "te_not_final" Error "RFC 9112 6.3" "chunked is not the last transfer coding";
    TeInHttp10 "te_in_http10" Warn "RFC 9112 6.1" "Transfer-Encoding in an HTTP/1.0 message";
    ContentLengthConflict "content_length_conflict" Error "RFC 9112 6.3" "Content-Length values that differ";
    ContentLengthRepeated "content_length_repeated" Warn "RFC 9110 8.6" "the same Content-Length more than once";
    BadContentLength "bad_content_length" Error "RFC 9112 6.3" "Content-Length is not a decimal number";
    BadChunkSize "bad_chunk_size" Error "RFC 9112 7.1" "a chunk size that is not hexadecimal, or too large";
    BadChunkEnd "bad_chunk_end" Error "RFC 9112 7.1" "a chunk's data is not followed by CRLF";
    BodyNotAllowed "body_not_allowed" Warn "RFC 9110 8.6, 15.3.5" "length or coding fields in a response that never has a body";
    ExcessData "excess_data" Warn "RFC 9112 6.3" "bytes after the end of the message that begin no other";
    HeadTooLarge "head_too_large" Error "" "the head is longer than the bound; the rest was not kept";
    PairingUncertain "pairing_uncertain" Warn "" "bytes are missing, so that the response may answer another request";
    DecompressionFailed "decompression_failed" Warn "RFC 9110 8.4, RFC 7692 7.2" "the content is not in the coding that was named for it";
    CodingUnknown "coding_unknown" Note "RFC 9110 8.4" "a content coding that is not undone here";
    DecodedTooLarge "decoded_too_large" Warn "" "the decoded body is longer than the bound; the rest was not decoded";

    FrameNotMasked "frame_not_masked" Error "RFC 6455 5.1" "a frame of the client is not masked";
    FrameMasked "frame_masked" Error "RFC 6455 5.1" "a frame of the server is masked";
    ReservedBits "reserved_bits" Error "RFC 6455 5.2" "reserved bits are set that nothing agreed on gives a meaning";
    ReservedOpcode "reserved_opcode" Error "RFC 6455 5.2" "an opcode that nothing agreed on gives a meaning";
    BadFrameLength "bad_frame_length" Error "RFC 6455 5.2" "a frame's length is not in the shortest form, or longer than any may be";
    ContinuationWithoutStart "continuation_without_start" Error "RFC 6455 5.4" "a continuation frame, and no message to continue";
    FragmentsInterrupted "fragments_interrupted" Error "RFC 6455 5.4" "another message begins before the last fragment of this one";
    ControlFragmented "control_fragmented" Error "RFC 6455 5.5" "a control frame says that it is not the last of its message";
    ControlTooLong "control_too_long" Error "RFC 6455 5.5" "a control frame with more than 125 bytes";
    BadClose "bad_close" Error "RFC 6455 5.5.1, 7.4" "a close frame with half a status code, or with one that may not be sent";
    DataAfterClose "data_after_close" Error "RFC 6455 5.5.1" "a frame after a close frame";
    BadUtf8 "bad_utf8" Error "RFC 6455 8.1" "text that is not UTF-8";
    ContextLost "context_lost" Note "RFC 7692 7.2" "not decompressed: bytes that it may refer back to were not captured, or not decompressed";
    HandshakeTooLarge "handshake_too_large" Warn "" "the handshake message is longer than the bound; the rest of it was not read";
    BadFrame "bad_frame" Error "RFC 9113 4.2, 6" "a frame with a length, a stream or a place that its type does not allow";
    BadFieldBlock "bad_field_block" Error "RFC 9113 4.3" "a field block that cannot be decoded";
    BadPseudoField "bad_pseudo_field" Error "RFC 9113 8.3" "a pseudo-header field is missing, unknown, repeated, or after other fields";
    ConnectionField "connection_field" Error "RFC 9113 8.2.2" "a field that is of HTTP/1 connections alone";
    LengthMismatch "length_mismatch" Error "RFC 9113 8.1.1" "the content is not as long as Content-Length says";
    StreamClosed "stream_closed" Note "RFC 9113 5.1" "a frame of a stream that was closed";
    FieldsUnknown "fields_unknown" Warn "RFC 7541 2.3" "bytes are missing, so that fields refer to table entries that are not known";
    FramesLost "frames_lost" Warn "" "bytes of the connection are missing, and frames of the message may be among them";
    TooManyStreams "too_many_streams" Warn "" "more streams at once than the bound; the oldest was given up";

    OverlapConflict "overlap_conflict" Warn "RFC 9293 3.10.7.4" "a copy of bytes already had has other content";
    LateData "late_data" Warn "" "bytes that came after they had been given up as lost";
    BufferFull "buffer_full" Warn "" "a bound on buffered bytes was reached and a hole was given up early";
    OutsideWindow "outside_window" Warn "RFC 9293 3.10.7.4" "sequence numbers outside any window the connection had";
    PacketsDropped "packets_dropped" Warn "" "what is missing may be among frames that were lost while capturing, not by the network";
    Undecodable "undecodable" Warn "" "bytes in the place of a message that cannot be read as one";

    QueryRetransmission "query_retransmission" Note "dns.retransmit_request" "the same question again, which has no answer so far";
    ResponseRetransmission "response_retransmission" Note "dns.retransmit_response" "an answer to a question that has one already";
    Unanswered "unanswered" Warn "" "no answer came in five seconds, or before the capture ended";
    UnsolicitedResponse "unsolicited_response" Note "dns.unsolicited" "an answer to no question that was captured";
    QuestionMismatch "question_mismatch" Warn "RFC 5452 9.1" "the identifier is that of a question, which asked something else";
}

impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of issues.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct IssueSet(u128);

const _: () = assert!(Issue::ALL.len() <= 128 && (Issue::BadIpChecksum as u8) < 32);

impl IssueSet {
    /// No issue.
    pub const EMPTY: Self = Self(0);

    /// Adds one.
    pub const fn insert(&mut self, issue: Issue) {
        self.0 |= 1 << issue as u8;
    }

    /// Removes one.
    pub const fn remove(&mut self, issue: Issue) {
        self.0 &= !(1 << issue as u8);
    }

    /// Whether it holds `issue`.
    pub const fn contains(self, issue: Issue) -> bool {
        self.0 >> issue as u8 & 1 != 0
    }

    /// Whether it holds none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// All of both.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those that are not in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Its members, in the order of [`Issue::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Issue> {
        let mut bits = self.0;
        std::iter::from_fn(move || {
            let next = *Issue::ALL.get(bits.trailing_zeros() as usize)?;
            bits &= bits - 1;
            Some(next)
        })
    }

    /// The highest severity of its members.
    pub fn severity(self) -> Option<Severity> {
        self.iter().map(Issue::severity).max()
    }
}

impl FromIterator<Issue> for IssueSet {
    fn from_iter<I: IntoIterator<Item = Issue>>(issues: I) -> Self {
        let mut set = Self::EMPTY;
        issues.into_iter().for_each(|issue| set.insert(issue));
        set
    }
}

/// The flags of one frame: the issues up to [`Issue::BadIpChecksum`].
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Flags(u32);

impl Flags {
    /// No flag.
    pub const EMPTY: Self = Self(0);

    /// Adds one, which is an issue of single frames.
    pub const fn insert(&mut self, flag: Issue) {
        debug_assert!(flag as u8 <= Issue::BadIpChecksum as u8);
        self.0 |= 1 << flag as u8;
    }

    /// Whether it holds `flag`.
    pub const fn contains(self, flag: Issue) -> bool {
        flag as u8 <= Issue::BadIpChecksum as u8 && self.0 >> flag as u8 & 1 != 0
    }

    /// Whether it holds none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// All of both.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// As a set of issues.
    pub const fn issues(self) -> IssueSet {
        IssueSet(self.0 as u128)
    }

    /// The `tcp.analysis` flags among them.
    pub fn analysis(self) -> impl Iterator<Item = Issue> {
        self.issues().iter().take_while(|issue| (*issue as u8) < Issue::BadChecksum as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_gives_back_what_was_put_in() {
        let set: IssueSet = [Issue::PairingUncertain, Issue::Retransmission].into_iter().collect();
        assert_eq!(set.iter().map(Issue::name).collect::<Vec<_>>(), ["retransmission", "pairing_uncertain"]);
        assert_eq!(set.severity(), Some(Severity::Warn));
        assert!(!set.contains(Issue::Gap));
    }

    #[test]
    fn names_are_unique_and_the_integrity_words_follow_the_flags() {
        let mut names: Vec<_> = Issue::ALL.iter().map(|i| i.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Issue::ALL.len());
        assert_eq!(Issue::Gap as u8, Issue::BadIpChecksum as u8 + 1);
    }
}
