//! Rules files: what is wrong is told at a place in the text, and what is right judges a trace.

use std::io;
use std::path::Path;

use dissect::check::evaluate::judge;
use dissect::check::rules::file::Fault;
use dissect::check::rules::{Error, Rules};
use dissect::check::trace::{Collector, Options, Trace};

use super::conversation::Conversation;
use super::judge::is_plain;

/// Reads the input as a rules file, and judges by it.
pub fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let mut load = |path: &Path| match path.to_str() {
        Some("rules.toml") => Ok(text.to_owned()),
        _ => Err(io::ErrorKind::NotFound.into()),
    };
    match Rules::read(Path::new("rules.toml"), &mut load, &[], true) {
        Err(Error::File(Fault::Mistakes(mistakes))) => {
            assert!(!mistakes.is_empty());
            for mistake in mistakes {
                is_plain(mistake.to_string().as_bytes());
            }
        }
        Err(_) => {}
        Ok(rules) => {
            let outcomes = judge(&rules, &trace(rules.hashes));
            assert_eq!(outcomes.len(), rules.rules.len(), "an outcome for each rule");
        }
    }
}

fn trace(hashes: bool) -> Trace {
    let mut talk = Conversation::new(80);
    talk.say(0, &b"GET / HTTP/1.1\r\nHost: a.test\r\nUser-Agent: curl/7\r\n\r\n"[..]);
    talk.say(1, &b"HTTP/1.1 404 Not Found\r\nServer: s\r\nContent-Length: 5\r\n\r\nhello"[..]);
    talk.say(0, &b"POST /a?b=c HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"[..]);
    let mut collector = Collector::new(Options { messages: 100, bodies: 1 << 16, hashes });
    let totals = talk.tell_all(&mut collector);
    collector.finish(&totals, None, 0)
}
