//! What is left of a frame to decode, and how a header is taken off it.

use super::{Decoded, Layer, Protocol, Stop, StopReason};

/// Reads one header: pushes its layer, and goes on with what comes next.
pub(super) type Parse = for<'a> fn(&mut Decoded<'a>, Rest<'a>);

/// The bytes from the header that comes next to the end of what the headers before it carry.
#[derive(Clone, Copy)]
pub(super) struct Rest<'a> {
    /// As captured; never more than `len`.
    pub bytes: &'a [u8],
    /// Bytes from the start of the frame.
    pub offset: u32,
    /// Length on the wire.
    pub len: u32,
    /// Wireshark's name of the field that says so.
    pub limit: &'static str,
}

impl Rest<'_> {
    /// The same, of the length that a field of the next header gives: padding goes, and where the field claims more
    /// than there is, the difference is missing.
    pub fn limited(self, len: u32, limit: &'static str) -> Self {
        let bytes = self.bytes.get(..len as usize).unwrap_or(self.bytes);
        Self { bytes, offset: self.offset, len, limit }
    }

    /// The same of a fragment whose length counts also where it claims more than was on the wire: nothing is put
    /// together of less.
    pub fn claiming(self, len: u32) -> Self {
        Self { len: self.len.max(len), ..self }
    }

    /// The same of a header whose length does not count where it claims more than was on the wire, as in Wireshark:
    /// what lacks there was never sent, or this is a copy that was cut on its way.
    pub fn within(self, len: u32, limit: &'static str) -> Self {
        if len > self.len { self } else { self.limited(len, limit) }
    }
}

impl<'a> Rest<'a> {
    /// Whether it is the beginning of the first fragment of a datagram, with bytes missing: nothing will be put
    /// together of it, so that it is read as it is.
    pub fn is_cut_first(&self, fragment_offset: u16) -> bool {
        fragment_offset == 0 && !self.bytes.is_empty() && (self.bytes.len() as u32) < self.len
    }

    /// What follows `len` bytes that belong to no header.
    pub fn skip(self, len: u32) -> Self {
        let (skipped, bytes) = self.bytes.split_at_checked(len as usize).unwrap_or((self.bytes, &[]));
        Self {
            bytes,
            offset: self.offset.saturating_add(skipped.len() as u32),
            len: self.len.saturating_sub(len),
            limit: self.limit,
        }
    }
}

impl<'a> Decoded<'a> {
    /// Reads a header and what follows it. As each header pushes a layer, this goes no deeper than there is room.
    pub(super) fn header(&mut self, parse: Parse, rest: Rest<'a>) {
        if self.layers.is_full() { self.stop_before(StopReason::TooDeep, rest) } else { parse(self, rest) }
    }

    /// Reads a packet that ICMP quotes: it adds layers and nothing else.
    #[cold]
    pub(super) fn quote(&mut self, parse: Parse, rest: Rest<'a>) {
        let Decoded { addresses, fragment, transport, payload, missing, stop, .. } = *self;
        self.header(parse, rest);
        (self.addresses, self.fragment, self.transport) = (addresses, fragment, transport);
        (self.payload, self.missing, self.stop) = (payload, missing, stop);
    }

    /// Pushes a layer of which the header was captured whole, and gives what it carries.
    pub(super) fn layer(&mut self, protocol: &'static Protocol, rest: Rest<'a>, header_len: usize) -> Rest<'a> {
        let (header, bytes) = rest.bytes.split_at_checked(header_len).unwrap_or((rest.bytes, &[]));
        // No frame is as long as 4 GiB, so that nothing is lost here.
        let taken = header.len() as u32;
        let len = rest.len.saturating_sub(taken);
        self.push(Layer { protocol, offset: rest.offset, header, payload_len: len });
        Rest { bytes, offset: rest.offset.saturating_add(taken), len, limit: rest.limit }
    }

    /// Ends with a payload.
    pub(super) fn carries(&mut self, rest: Rest<'a>) {
        self.payload = rest.bytes;
        self.missing = rest.len.saturating_sub(rest.bytes.len() as u32);
    }

    /// Ends before something that the last layer announces in `field` and that we do not decode.
    #[cold]
    pub(super) fn unknown(&mut self, field: &'static str, value: u32, rest: Rest<'a>) {
        self.stop_before(StopReason::Unknown { field, value }, rest)
    }

    /// Ends before what the last layer carries, which is the payload.
    #[cold]
    pub(super) fn stop_before(&mut self, reason: StopReason, rest: Rest<'a>) {
        self.stop_at(rest.offset, reason);
        self.carries(rest)
    }

    /// Ends at a header that needs `need` bytes and has less.
    #[cold]
    pub(super) fn refuse(&mut self, protocol: &'static Protocol, rest: Rest<'a>, need: usize) {
        let (need, have) = (need as u32, rest.bytes.len() as u32);
        let reason = if rest.len < need {
            StopReason::Length { field: rest.limit, need, have: rest.len }
        } else if self.cap_len < self.meta.wire_len {
            StopReason::Cut { need, have }
        } else {
            StopReason::Length { field: "frame.len", need, have }
        };
        let payload_len = rest.len.saturating_sub(need);
        let header = rest.bytes.get(..need as usize).unwrap_or(rest.bytes);
        self.end_at(Layer { protocol, offset: rest.offset, header, payload_len }, payload_len, reason)
    }

    /// Ends at a header whose `field` has a value that its format forbids; `header_len` is the least that it is long.
    #[cold]
    pub(super) fn forbid(
        &mut self,
        protocol: &'static Protocol,
        rest: Rest<'a>,
        header_len: usize,
        field: &'static str,
        value: u32,
    ) {
        let header = rest.bytes.get(..header_len).unwrap_or(rest.bytes);
        let layer = Layer { protocol, offset: rest.offset, header, payload_len: 0 };
        self.end_at(layer, 0, StopReason::Value { field, value })
    }

    /// Ends at `layer`, with no payload.
    pub(super) fn end_at(&mut self, layer: Layer<'a>, missing: u32, reason: StopReason) {
        self.push(layer);
        self.stop_at(layer.offset, reason);
        self.payload = &[];
        self.missing = missing;
    }

    fn stop_at(&mut self, offset: u32, reason: StopReason) {
        let layer = self.layers.last().map_or("frame", |layer| layer.protocol.name);
        self.stop = Some(Stop { layer, offset, reason });
    }

    /// Each header pushes one layer, and `header` reads none where there is no room.
    fn push(&mut self, layer: Layer<'a>) {
        let pushed = self.layers.try_push(layer);
        debug_assert!(pushed.is_ok());
    }
}
