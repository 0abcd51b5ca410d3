//! HTTP/1.x (RFC 9112).

pub mod chunked;
pub mod coding;
pub mod framing;
pub mod head;
pub mod start;
mod syntax;
