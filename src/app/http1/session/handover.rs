//! `CONNECT` and `Upgrade`: what follows them belongs to another protocol, if the answer says so.

use super::{Session, State};
use crate::app::Context;
use crate::app::http1::pairing::Method;

impl Session {
    /// Both directions belong to another protocol from here on.
    pub(super) fn hand_over(&mut self, server: usize, cx: &mut Context<'_>) {
        self.sides[server].state = State::HandedOver;
        let client = 1 - server;
        match self.sides[client].state {
            State::Asked(_) => self.resolve(client, true, cx),
            State::Start | State::Joined | State::Resync { .. } => self.sides[client].state = State::HandedOver,
            _ => {}
        }
    }

    /// A request that asks to hand the connection over is whole: what follows it is set aside until it is answered,
    /// unless the client was found not to wait for that.
    pub(super) fn asked(&mut self, at: usize, number: u32, connect: bool) {
        let impatient = self.sides[at].impatient;
        self.sides[at].state = match (impatient, connect) {
            (false, _) => State::Asked(number),
            (true, true) => State::HandedOver,
            (true, false) => State::Start,
        };
    }

    /// The request that asked got another final answer.
    pub(super) fn resolve_if_answered(&mut self, client: usize, cx: &mut Context<'_>) {
        if let State::Asked(number) = self.sides[client].state
            && self.pairing.waiting(number).is_none()
        {
            self.resolve(client, false, cx);
        }
    }

    /// No answer will tell what was set aside: after CONNECT it is of another protocol.
    pub(super) fn release(&mut self, at: usize, cx: &mut Context<'_>) {
        if let State::Asked(number) = self.sides[at].state {
            let connect = self.pairing.waiting(number).is_some_and(|request| request.method == Method::Connect);
            self.sides[at].impatient = true;
            self.resolve(at, connect, cx);
        }
    }

    fn resolve(&mut self, client: usize, handed_over: bool, cx: &mut Context<'_>) {
        self.sides[client].state = if handed_over { State::HandedOver } else { State::Start };
        self.read_parked(client, Self::data, cx);
    }
}
