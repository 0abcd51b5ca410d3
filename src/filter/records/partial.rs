//! Records among those of other sorts: what a record cannot have is not absent from it, others may have it.

use super::super::fields::{self, Source};
use super::super::names::{Coverage, Decision, FieldId, Item, Record};
use super::{ConnectionRecord, FrameRecord, MessageRecord, is_of_packet};

/// A record of which that is unknown which records of its sort never have, so that a filter that is asked about records of
/// every sort holds for the first that has what it speaks of: `not http.response.code == 200` for no frame.
#[derive(Clone, Copy, Debug)]
pub struct Partial<R> {
    record: R,
    can_have: fn(&[Source]) -> bool,
}

impl<'a> Partial<FrameRecord<'a>> {
    /// A frame.
    pub fn frame(record: FrameRecord<'a>) -> Self {
        Self { record, can_have: |sources| sources.iter().any(is_of_frame) }
    }
}

impl<'a> Partial<MessageRecord<'a>> {
    /// A message.
    pub fn message(record: MessageRecord<'a>) -> Self {
        Self { record, can_have: |sources| !sources.iter().all(is_of_connection) }
    }
}

impl<'a> Partial<ConnectionRecord<'a>> {
    /// A connection, which says itself what it does not know.
    pub fn connection(record: ConnectionRecord<'a>) -> Self {
        Self { record, can_have: |_| true }
    }
}

impl<R> Partial<R> {
    fn has(&self, field: FieldId) -> bool {
        fields::entry(field).is_some_and(|entry| (self.can_have)(&entry.sources))
    }
}

impl<R: Record> Record for Partial<R> {
    fn values(&self, field: FieldId, put: &mut dyn FnMut(Item<'_>)) -> Coverage {
        if self.has(field) { self.record.values(field, put) } else { Coverage::Incomplete }
    }

    fn exists(&self, field: FieldId) -> Decision {
        if self.has(field) { self.record.exists(field) } else { Decision::Unknown }
    }
}

/// Whether frames have values from there.
pub(in super::super) fn is_of_frame(source: &Source) -> bool {
    let is_of_frame_itself =
        matches!(source, Source::FrameNumber | Source::SincePrevious | Source::Frame | Source::Flags | Source::Flag(_));
    is_of_frame_itself || is_of_packet(source)
}

/// Whether nothing but a connection has values from there.
fn is_of_connection(source: &Source) -> bool {
    matches!(source, Source::Connection(_) | Source::ConnectionFlags { .. })
}
