//! The entry points that are fuzzed, with the corpora that fuzzing left, and with what is made of those: prefixes, altered
//! bytes, pieces of two.

mod common;
#[path = "../fuzz/entries/mod.rs"]
mod entries;

use std::fs;

use common::wire::Random;
use common::{attempt, side_by_side};
use entries::ENTRIES;

/// Inputs that are made of each corpus.
const MUTATIONS: usize = 250;

/// The longest input that is altered, in bytes: long ones take long.
const LONGEST: usize = 8 << 10;

#[test]
fn every_corpus_does_no_harm_and_nothing_made_of_it_does() {
    side_by_side(ENTRIES, |(name, entry)| all_of(name, *entry));
}

#[test]
fn reassembly_is_what_the_model_says() {
    let mut random = Random(7);
    for _ in 0..600 {
        let script: Vec<u8> = (0..random.below(400)).map(|_| random.number() as u8).collect();
        attempt(|| entries::reassembly::run(&script), &|| format!("{script:02x?}"));
    }
}

#[test]
fn every_entry_has_a_target() {
    let targets = fs::read_dir(common::path("fuzz/targets")).unwrap();
    let mut targets: Vec<String> =
        targets.map(|file| file.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned()).collect();
    // It needs `hyper`, which tests do without.
    targets.retain(|name| name != "framing");
    targets.sort();
    let entries: Vec<&str> = ENTRIES.iter().map(|(name, _)| *name).collect();
    assert_eq!(targets, entries);
}

fn all_of(name: &str, entry: entries::Entry) {
    let corpus = corpus(name);
    for (file, input) in &corpus {
        attempt(|| entry(input), &|| format!("{name}: {file}"));
    }
    let mut random = Random(name.len() as u64);
    for count in 0..MUTATIONS {
        let input = altered(&corpus, &mut random);
        attempt(|| entry(&input), &|| format!("{name}, mutation {count}: {:02x?}", input));
    }
}

/// The inputs of an entry's corpus, by name.
fn corpus(name: &str) -> Vec<(String, Vec<u8>)> {
    let folder = common::path(&format!("fuzz/corpus/{name}"));
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files.into_iter().map(|path| (path.display().to_string(), fs::read(&path).unwrap())).collect()
}

/// An input made of those that there are.
fn altered(corpus: &[(String, Vec<u8>)], random: &mut Random) -> Vec<u8> {
    let one = |random: &mut Random| {
        let (_, input) = &corpus[random.below(corpus.len())];
        input[..input.len().min(LONGEST)].to_vec()
    };
    let mut input = one(random);
    match random.below(4) {
        0 => input.truncate(random.below(input.len() + 1)),
        1 => {
            let other = one(random);
            input.truncate(random.below(input.len() + 1));
            input.extend_from_slice(&other[random.below(other.len() + 1)..]);
        }
        _ => {
            for _ in 0..1 + random.below(4) {
                if !input.is_empty() {
                    let at = random.below(input.len());
                    input[at] =
                        if random.once_in(2) { random.number() as u8 } else { input[at] ^ 1 << random.below(8) };
                }
            }
        }
    }
    input
}
