//! What may have been meant where a name is unknown.

use super::names::Names;

/// The most names that are offered.
const MAX_OFFERED: usize = 3;
/// Longer words are no slips of the pen.
const MAX_LEN: usize = 64;

/// Words of capture filters that are no names here.
const CAPTURE_FILTER: [&str; 8] = ["port", "host", "src", "dst", "net", "portrange", "ether", "proto"];

/// Whether a word may be meant as a name: it begins with a letter, and is no address or other value.
pub(super) fn is_like_a_name(word: &str) -> bool {
    let is_hexadecimal = word.chars().all(|c| c.is_ascii_hexdigit() || ":-.".contains(c));
    word.trim_start_matches('.').starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && !is_hexadecimal
}

/// The nearest names, as a question.
pub(super) fn hint(word: &str, names: &dyn Names) -> Option<String> {
    if CAPTURE_FILTER.contains(&word) {
        return Some("a capture filter (BPF) is given without -Y".into());
    }
    let nearest = nearest(word, names);
    (!nearest.is_empty()).then(|| format!("did you mean {}?", nearest.join(" or ")))
}

fn nearest(word: &str, names: &dyn Names) -> Vec<String> {
    if word.len() > MAX_LEN {
        return Vec::new();
    }
    let word = word.trim_start_matches('.').to_ascii_lowercase();
    let allowed = (word.chars().count() / 3).max(1);
    let mut found: Vec<(usize, String)> = Vec::new();
    names.each(&mut |name| {
        let is_end = !word.contains('.') && name.strip_suffix(&word).is_some_and(|rest| rest.ends_with('.'));
        let distance = strsim::damerau_levenshtein(&word, name);
        if distance <= allowed || is_end {
            found.push((if is_end { distance.min(allowed) } else { distance }, name.to_owned()));
        }
    });
    found.sort();
    found.dedup();
    // Those that are much farther than the nearest are noise.
    let least = found.first().map_or(0, |(distance, _)| *distance);
    let farthest = if least == 0 { 0 } else { least + 1 };
    let near = found.into_iter().filter(|(distance, _)| *distance <= farthest);
    near.take(MAX_OFFERED).map(|(_, name)| name).collect()
}
