//! The response to a request that is not known may answer HEAD: its head then promises a body that does not come.

use super::Session;
use crate::app::Context;
use crate::app::http1::head::{Start, plausible_resync};
use crate::app::message::Integrity;
use crate::tcp::{Carrier, SegmentRef};

/// How a status line begins.
const STATUS_LINE: &[u8] = b"HTTP/1.";

impl Session {
    /// Takes the first bytes in the place of a body: while they may as well begin another response they are set aside,
    /// and `true`; if they do begin one, there was no body.
    pub(super) fn doubted(
        &mut self,
        at: usize,
        segment: SegmentRef,
        rest: &[u8],
        carrier: &Carrier<'_>,
        cx: &mut Context<'_>,
    ) -> bool {
        let side = &mut self.sides[at];
        let Some(doubt) = side.doubt() else { return false };
        doubt.extend_from_slice(rest);
        let prefix = doubt.len().min(STATUS_LINE.len());
        let verdict = if doubt[..prefix] == STATUS_LINE[..prefix] { plausible_resync(doubt) } else { Start::No };
        match verdict {
            Start::Maybe => {
                side.make_rare().park(segment, rest, carrier);
                return true;
            }
            Start::Response => {
                side.make_rare().doubt = None;
                self.finish(at, Integrity::Complete, &[], cx);
            }
            Start::No | Start::Request => {}
        }
        self.believe(at, cx);
        false
    }

    /// What was set aside is read as what it is now known to be: body, or another response.
    pub(super) fn believe(&mut self, at: usize, cx: &mut Context<'_>) {
        let side = &mut self.sides[at];
        if let Some(rare) = side.rare() {
            rare.doubt = None;
            for (segment, bytes, carrier) in side.take_parked() {
                self.data(at, segment, &bytes, &carrier.get(), cx);
            }
        }
    }
}
