//! What is asked of finished messages and connections.

mod align;
pub mod diff;
pub mod kept;
