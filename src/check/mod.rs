//! What is asked of finished messages and connections: lints, and what differs in two captures.

mod align;
pub mod diff;
pub mod kept;
pub mod lint;
