//! The body of the message under way.

use super::{Run, Session, State};
use crate::app::http1::chunked::Progress;
use crate::app::http1::coding;
use crate::app::http1::head;
use crate::app::http1::name::Name;
use crate::app::message::{Integrity, Message, Unit};
use crate::app::{Context, Output, Wanted};
use crate::issue::Issue;
use crate::tcp::SegmentRef;
use crate::tcp::reassembly::Cause;

impl Session {
    /// Takes a segment that is all of one body and does not end it, as most of a long one do; false where it is not, or
    /// where its bytes are to be looked at.
    #[inline]
    pub fn within_body(&mut self, at: usize, segment: &SegmentRef, wanted: Wanted) -> bool {
        if matches!(self.sides[1 - at].state, State::Head { .. }) {
            return false;
        }
        let Some((message, state)) = self.sides[at].plain_body() else { return false };
        let Unit::Http(http) = &mut message.unit else { return false };
        if wanted.bodies || http.preview.len() < wanted.preview {
            return false;
        }
        let len = u64::from(segment.len);
        let all = match state {
            State::Length(left) if len < *left => {
                *left -= len;
                true
            }
            State::Chunked(decoder) => decoder.pass(len),
            State::UntilClose => true,
            _ => false,
        };
        if !all {
            return false;
        }
        http.body_len += len;
        if wanted.messages {
            message.extend(*segment);
        } else {
            message.lengthen(segment);
        }
        true
    }

    /// The next bytes of a body that is sent as it is.
    pub(super) fn body(&mut self, at: usize, segment: &SegmentRef, bytes: &[u8], cx: &mut Context<'_>) {
        self.take(at, segment, cx);
        if let Some((message, decoding, _)) = self.sides[at].body() {
            content(message, decoding, bytes, cx);
        }
    }

    /// The next bytes of a chunked body: how many of them belong to it.
    pub(super) fn chunked(&mut self, at: usize, run: &Run<'_>, cx: &mut Context<'_>) -> usize {
        let rest = run.bytes;
        let Some((message, mut decoding, State::Chunked(decoder))) = self.sides[at].body() else { return rest.len() };
        let fed = decoder.feed(rest, &mut |data| content(message, decoding.as_deref_mut(), data, cx));
        let progress = fed.state;
        if progress != Progress::More {
            message.issues = message.issues.union(decoder.issues());
            if let Unit::Http(http) = &mut message.unit {
                http.trailer_raw.extend_from_slice(decoder.trailers());
                head::parse_fields_into(&http.trailer_raw, &mut http.trailer);
                message.issues = message.issues.union(http.trailer.issues);
            }
        }
        if fed.used > 0 {
            self.take(at, &run.first(fed.used), cx);
        }
        match progress {
            Progress::More => rest.len(),
            Progress::Done => {
                self.finish(at, Integrity::Complete, &rest[fed.used..], cx);
                fed.used
            }
            Progress::Bad(issue) => {
                if let Some(message) = &mut self.sides[at].message {
                    message.issues.insert(issue);
                }
                self.finish(at, Integrity::Malformed, &[], cx);
                self.lose_track(at, true);
                self.unread(at, run.segment.offset + fed.used as u64, &rest[fed.used..], cx);
                rest.len()
            }
        }
    }

    /// Makes what undoes the content codings of the message under way.
    pub(super) fn undo_codings(&mut self, at: usize, cx: &mut Context<'_>) {
        let side = &mut self.sides[at];
        if let Some(undoing) = side.message.as_mut().and_then(|message| undo_codings(message, cx)) {
            side.make_rare().decoding = Some(undoing);
        }
    }

    /// The next `len` bytes of the message under way are not there.
    pub(super) fn lack(&mut self, at: usize, len: u64, cause: Cause) {
        let side = &mut self.sides[at];
        if let Some((decoding, _)) = side.rare().and_then(|rare| rare.decoding.as_mut()) {
            decoding.end(false);
        }
        if let Some(message) = &mut side.message {
            message.lack(len, cause);
        }
    }
}

/// What undoes the content codings of a body, and what that may cost.
pub(in crate::app) type Undoing = (Box<coding::Decoder>, usize);

/// What undoes the content codings of a message whose head is known; none where it has none.
pub(in crate::app) fn undo_codings(message: &mut Message, cx: &mut Context<'_>) -> Option<Undoing> {
    let codings = message.http()?.head().known(Name::ContentEncoding).flat_map(head::list_elements);
    let decoder = coding::Decoder::new(codings, cx.wanted.preview)?;
    let cost = decoder.cost();
    if !cx.may_decode(cost) {
        message.issues.insert(Issue::CodingUnknown);
        return None;
    }
    Some((Box::new(decoder), cost))
}

/// The body of a message that is concluded has ended: what its decoding gave is told.
pub(in crate::app) fn end_coding(message: &mut Message, (mut decoding, cost): Undoing, cx: &mut Context<'_>) {
    *cx.decoding -= cost;
    let Unit::Http(http) = &mut message.unit else { return };
    if http.body_len > 0 {
        decoding.end(message.integrity == Integrity::Complete);
        http.preview.extend_from_slice(decoding.preview());
        http.decoded_len = Some(decoding.decoded_len());
        message.issues = message.issues.union(decoding.issues());
    }
}

/// Bytes of a body, after transfer decoding.
pub(in crate::app) fn content(
    message: &mut Message,
    decoding: Option<&mut coding::Decoder>,
    bytes: &[u8],
    cx: &mut Context<'_>,
) {
    let Unit::Http(http) = &mut message.unit else { return };
    http.body_len += bytes.len() as u64;
    match decoding {
        Some(decoding) => decoding.push(bytes),
        None => {
            let room = cx.wanted.preview.saturating_sub(http.preview.len());
            if room > 0 {
                http.preview.extend_from_slice(&bytes[..bytes.len().min(room)]);
            }
        }
    }
    if cx.wanted.bodies {
        (cx.out)(Output::Body(message, bytes));
    }
}
