//! The response to a request that is not known may answer HEAD: its head then promises a body that does not come.

use super::{Run, Session};
use crate::app::Context;
use crate::app::http1::head::{Start, plausible_resync};
use crate::app::message::Integrity;

/// How a status line begins.
const STATUS_LINE: &[u8] = b"HTTP/1.";

impl Session {
    /// Takes the first bytes in the place of a body: while they may as well begin another response they are set aside,
    /// and `true`; if they do begin one, there was no body.
    pub(super) fn doubted(&mut self, at: usize, run: &Run<'_>, cx: &mut Context<'_>) -> bool {
        let side = &mut self.sides[at];
        let Some(doubt) = side.doubt() else { return false };
        doubt.extend_from_slice(run.bytes);
        let prefix = doubt.len().min(STATUS_LINE.len());
        let verdict = if doubt[..prefix] == STATUS_LINE[..prefix] { plausible_resync(doubt) } else { Start::No };
        match verdict {
            Start::Maybe => {
                side.make_rare().park(run);
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
            self.read_parked(at, Self::data, cx);
        }
    }
}
