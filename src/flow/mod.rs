//! Who talks to whom: keys and directions, the table of connections, datagrams out of fragments.

pub mod fields;
pub mod fragments;
pub mod key;
pub mod table;

pub use key::{Endpoint, Key};
pub use table::{Hashed, Id, Keyed, Spot, Table, prefetch};
