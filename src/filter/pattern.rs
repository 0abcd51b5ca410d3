//! The regular expressions of `matches`.

use regex::bytes::{Regex, RegexBuilder};

use super::Mistake;

/// Bytes that a regular expression may take when it is compiled, and as much again while it runs.
const MAX_REGEX: usize = 1 << 20;

/// A regular expression over bytes, in which letters stand for both cases. The span of a mistake is left to the caller.
pub(super) fn regex(pattern: &[u8]) -> Result<Regex, Mistake> {
    let mut text = String::new();
    for chunk in pattern.utf8_chunks() {
        text.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
    }
    // As bytes, unless the expression itself has letters beyond ASCII.
    let built = RegexBuilder::new(&text)
        .case_insensitive(true)
        .unicode(!text.is_ascii())
        .size_limit(MAX_REGEX)
        .dfa_size_limit(MAX_REGEX)
        .nest_limit(64)
        .build();
    built.map_err(|error| {
        let reason = match &error {
            regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
            error => error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned(),
        };
        let is_left_out = reason.contains("look-") || reason.contains("backreference");
        let mistake = Mistake::new(0..0, format!("bad regular expression: {reason}"));
        if is_left_out { mistake.hint("it has to be one that a text is searched for in linear time") } else { mistake }
    })
}
