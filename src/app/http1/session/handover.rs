//! `CONNECT` and `Upgrade`: what follows them belongs to another protocol, if the answer says so.

use super::{Session, State};
use crate::app::Context;
use crate::app::http1::pairing::Method;

impl Session {
    /// Both directions belong to another protocol from here on.
    pub(super) fn hand_over(&mut self, server: usize, cx: &mut Context<'_>) {
        self.handed_over = true;
        self.sides[server].state = State::HandedOver;
        let client = 1 - server;
        match self.sides[client].state {
            State::Asked => self.resolve(client, true, cx),
            State::Start | State::Resync { .. } => self.sides[client].state = State::HandedOver,
            _ => {}
        }
    }

    /// The request that asked to hand the connection over got another final answer.
    pub(super) fn resolve_if_answered(&mut self, client: usize, cx: &mut Context<'_>) {
        let waits = self.pairing.oldest().is_some_and(|oldest| oldest.asks);
        if matches!(self.sides[client].state, State::Asked) && !waits {
            self.resolve(client, false, cx);
        }
    }

    /// No answer tells what the held bytes are: after CONNECT they are of another protocol.
    pub(super) fn resolve_unanswered(&mut self, at: usize, cx: &mut Context<'_>) {
        let connect = self.pairing.oldest().is_some_and(|oldest| oldest.method == Method::Connect);
        self.resolve(at, connect, cx);
    }

    pub(super) fn resolve(&mut self, client: usize, handed_over: bool, cx: &mut Context<'_>) {
        let side = &mut self.sides[client];
        side.state = if handed_over { State::HandedOver } else { State::Start };
        side.parked_bytes = 0;
        for (segment, bytes, carrier) in std::mem::take(&mut side.parked) {
            self.data(client, segment, &bytes, carrier.get(), cx);
        }
    }
}
