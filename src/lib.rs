//! `dissect` takes packets, undoes their layers, puts the TCP streams back in order and cuts them into HTTP messages.
//!
//! The core ([`engine`] and what it uses) does no I/O, keeps no clock and spawns nothing: frames go in by
//! [`engine::Engine::push`], events come out to a [`event::Sink`]. Reading and writing live in [`source`] and [`run`], behind
//! [`sandbox`].

pub mod app;
pub mod check;
pub mod cli;
pub mod decode;
pub mod engine;
pub mod event;
pub mod field;
pub mod filter;
pub mod flow;
pub mod frame;
pub mod issue;
pub mod page;
pub mod print;
pub mod redact;
pub mod registry;
pub mod run;
pub mod sandbox;
pub mod scrub;
pub mod source;
pub mod stats;
pub mod sum;
pub mod tcp;
