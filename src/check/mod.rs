//! Checks of what the core says: lints over messages and connections, and rules with verdicts.

pub mod evaluate;
pub mod learn;
pub mod lint;
pub mod rules;
pub mod trace;
