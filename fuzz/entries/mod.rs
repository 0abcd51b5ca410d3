//! What is fuzzed: one function for each kind of input, which takes any bytes and panics where something does not hold that
//! always must. The fuzz targets call them, and `tests/fuzz.rs` does with the corpus and with what it makes of that.

pub mod capture;
pub mod conversation;
pub mod datagrams;
pub mod filter;
pub mod fragments;
pub mod http;
pub mod http2;
pub mod judge;
pub mod link;
pub mod packet;
pub mod reassembly;
pub mod rules;
pub mod script;
pub mod tcp;
pub mod tls;
pub mod websocket;

/// An entry: it returns where all is well.
pub type Entry = fn(&[u8]);

/// All of them, by the names of their targets and of the folders of their corpora.
pub const ENTRIES: &[(&str, Entry)] = &[
    ("capture", capture::run),
    ("datagrams", datagrams::run),
    ("filter", filter::run),
    ("fragments", fragments::run),
    ("http", http::run),
    ("http2", http2::run),
    ("link", link::run),
    ("reassembly", reassembly::run),
    ("rules", rules::run),
    ("tcp", tcp::run),
    ("tls", tls::run),
    ("websocket", websocket::run),
];
