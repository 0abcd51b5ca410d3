//! Application protocols: bytes and gaps in, parsed units out.

pub mod dns;
pub mod http1;
pub mod identify;
