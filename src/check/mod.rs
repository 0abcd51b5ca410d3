//! Checks of what the core says: rules over messages and connections, with verdicts.

pub mod evaluate;
pub mod learn;
pub mod rules;
pub mod trace;
