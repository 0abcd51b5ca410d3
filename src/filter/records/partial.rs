//! Records among those of other sorts: what a record cannot have is not absent from it, others may have it.

use super::super::fields::{self, Entry, Source};
use super::super::names::{Coverage, Decision, FieldId, Item, Record};
use super::{ConnectionRecord, FrameRecord, MessageRecord, is_of_packet};

/// A record of which that is unknown which records of its sort never have, so that a filter that is asked about records of
/// every sort holds for the first that has what it speaks of: `not http.response.code == 200` for no frame.
#[derive(Debug)]
pub enum Partial<'a> {
    /// A frame.
    Frame(FrameRecord<'a>),
    /// A message.
    Message(MessageRecord<'a>),
    /// A connection.
    Connection(ConnectionRecord<'a>),
}

impl Partial<'_> {
    fn can_have(&self, field: FieldId) -> bool {
        let Some(Entry { sources, .. }) = fields::entry(field) else { return false };
        match self {
            Self::Frame(_) => sources.iter().any(is_of_frame),
            Self::Message(_) => !sources.iter().all(is_of_connection),
            // It says itself what it does not know.
            Self::Connection(_) => true,
        }
    }

    fn record(&self) -> &dyn Record {
        match self {
            Self::Frame(record) => record,
            Self::Message(record) => record,
            Self::Connection(record) => record,
        }
    }
}

impl Record for Partial<'_> {
    fn values(&self, field: FieldId, put: &mut dyn FnMut(Item<'_>)) -> Coverage {
        if self.can_have(field) { self.record().values(field, put) } else { Coverage::Incomplete }
    }

    fn exists(&self, field: FieldId) -> Decision {
        if self.can_have(field) { self.record().exists(field) } else { Decision::Unknown }
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
