//! Checks of what the core says: lints over messages and connections.

pub mod lint;
