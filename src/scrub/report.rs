//! What was changed, in numbers.

use std::collections::BTreeMap;

use crate::redact::Kind;

/// What was changed, and what was left.
#[derive(Clone, Default, Debug)]
pub struct Report {
    /// Frames written.
    pub frames: u64,
    /// Records of the capture that are no packets, which are left out.
    pub records_left_out: u64,
    /// Addresses that have others now: IPv4, IPv6, MAC.
    pub addresses: [u64; 3],
    /// Addresses written out in text that were replaced.
    pub literals: u64,
    /// Secrets masked, by their kind.
    pub secrets: BTreeMap<Kind, u64>,
    /// HTTP messages kept, with their secrets masked.
    pub messages: u64,
    /// Bodies of them that were masked as a whole.
    pub bodies_masked: u64,
    /// Bodies that were not.
    pub bodies_kept: u64,
    /// Bodies among these that have a content coding, and could not be looked into.
    pub bodies_coded: u64,
    /// DNS messages kept, with their addresses mapped.
    pub dns_messages: u64,
    /// Records of them that were blanked, because it is not known whether they have addresses.
    pub dns_blanked: u64,
    /// Bytes of WebSocket payload that were masked.
    pub websocket_bytes: u64,
    /// Bytes of HTTP/2 DATA that were masked.
    pub http2_bytes: u64,
    /// Segments that were left out as copies that may have other bytes.
    pub copies_dropped: u64,
    /// Headers that are not known here, by name: they and all behind them are zeros.
    pub headers_blanked: BTreeMap<&'static str, u64>,
    /// Frames of which payload was made zeros.
    pub frames_blanked: u64,
    /// Bytes of payload that were made zeros, by what carried them.
    pub blanked: BTreeMap<&'static str, u64>,
    /// Frames that are fragments of datagrams that could not be put together.
    pub fragments_blanked: u64,
    /// Bytes of other protocols that were kept, as asked for.
    pub other_kept: u64,
    /// Checksums that were brought along.
    pub checksums: u64,
    /// Whether a bound on memory was reached, so that more was made zeros than need be.
    pub ran_out: bool,
}

impl Report {
    /// Counts a secret, once where it goes over pieces; `last` is the kind and the end of the one before.
    pub(super) fn secret(&mut self, kind: Kind, from: u64, to: u64, last: &mut Option<(Kind, u64)>) {
        if *last != Some((kind, from)) {
            *self.secrets.entry(kind).or_default() += 1;
        }
        *last = Some((kind, to));
    }

    /// Counts payload that is made zeros.
    pub(super) fn blank(&mut self, carrier: &'static str, bytes: usize) {
        if bytes > 0 {
            self.frames_blanked += 1;
            *self.blanked.entry(carrier).or_default() += bytes as u64;
        }
    }
}
