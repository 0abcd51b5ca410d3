//! What is asked of finished messages and connections: lints, rules with verdicts, and what differs in two captures.

mod align;
pub mod diff;
pub mod evaluate;
pub mod kept;
pub mod learn;
pub mod lint;
pub mod rules;
pub mod trace;
