//! Aligns two sequences: what is alike is paired, in order, so that something inserted or missing shifts nothing.
//!
//! What occurs once on each side anchors the rest (patience diff); between anchors a longest common subsequence is looked
//! for while that is cheap. What cannot be paired by one key is tried by the next, weaker one.

use std::collections::HashMap;
use std::ops::Range;

/// One step of an alignment, by index.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// These belong together.
    Both(usize, usize),
    /// This is in the first sequence alone.
    First(usize),
    /// This is in the second sequence alone.
    Second(usize),
}

/// The keys of both sequences, of one strength.
pub type Keys<'k> = (&'k [u64], &'k [u64]);

/// Cells of all tables for common subsequences: a few milliseconds of work, and as many bytes.
const MAX_CELLS: usize = 4 << 20;

/// How often anchors are looked for between anchors.
const MAX_DEPTH: usize = 16;

/// Aligns by these keys, the strongest first; all have the same lengths.
pub fn align(stages: &[Keys<'_>]) -> Vec<Step> {
    let Some((first, second)) = stages.first() else { return Vec::new() };
    let mut aligner = Aligner { steps: Vec::with_capacity(first.len().max(second.len())), cells: MAX_CELLS };
    aligner.range(stages, 0..first.len(), 0..second.len(), 0);
    aligner.steps
}

struct Aligner {
    steps: Vec<Step>,
    /// Cells that tables may still have.
    cells: usize,
}

impl Aligner {
    fn range(&mut self, stages: &[Keys<'_>], mut a: Range<usize>, mut b: Range<usize>, depth: usize) {
        let Some(((first, second), weaker)) = stages.split_first() else {
            self.steps.extend(a.map(Step::First));
            self.steps.extend(b.map(Step::Second));
            return;
        };
        while !a.is_empty() && !b.is_empty() && first[a.start] == second[b.start] {
            self.steps.push(Step::Both(a.start, b.start));
            (a.start, b.start) = (a.start + 1, b.start + 1);
        }
        let mut after = 0;
        while !a.is_empty() && !b.is_empty() && first[a.end - 1] == second[b.end - 1] {
            (a.end, b.end, after) = (a.end - 1, b.end - 1, after + 1);
        }
        let ends = (a.end, b.end);
        if a.is_empty() || b.is_empty() {
            self.range(&[], a, b, 0);
        } else {
            let mut anchors = if depth < MAX_DEPTH { unique(first, second, &a, &b) } else { Vec::new() };
            let deeper = !anchors.is_empty();
            if !deeper {
                anchors = self.common(first, second, &a, &b);
            }
            for (i, j) in anchors.into_iter().chain([ends]) {
                let (before_a, before_b) = (a.start..i, b.start..j);
                if deeper {
                    self.range(stages, before_a, before_b, depth + 1);
                } else {
                    self.range(weaker, before_a, before_b, 0);
                }
                if (i, j) != ends {
                    self.steps.push(Step::Both(i, j));
                }
                (a.start, b.start) = ((i + 1).min(a.end), (j + 1).min(b.end));
            }
        }
        self.steps.extend((0..after).map(|n| Step::Both(ends.0 + n, ends.1 + n)));
    }

    /// The longest common subsequence, or none where it costs too much.
    fn common(&mut self, first: &[u64], second: &[u64], a: &Range<usize>, b: &Range<usize>) -> Vec<(usize, usize)> {
        let (rows, columns) = (a.len() + 1, b.len() + 1);
        let cells = rows.saturating_mul(columns);
        if cells > self.cells {
            return in_turn(first, second, a, b);
        }
        self.cells -= cells;
        // The length of what is common to the ends that begin at each place.
        let mut lengths = vec![0_u32; cells];
        for row in (0..a.len()).rev() {
            for column in (0..b.len()).rev() {
                lengths[row * columns + column] = if first[a.start + row] == second[b.start + column] {
                    lengths[(row + 1) * columns + column + 1] + 1
                } else {
                    lengths[(row + 1) * columns + column].max(lengths[row * columns + column + 1])
                };
            }
        }
        let (mut row, mut column, mut pairs) = (0, 0, Vec::new());
        while row < a.len() && column < b.len() {
            if first[a.start + row] == second[b.start + column] {
                pairs.push((a.start + row, b.start + column));
                (row, column) = (row + 1, column + 1);
            } else if lengths[(row + 1) * columns + column] >= lengths[row * columns + column + 1] {
                row += 1;
            } else {
                column += 1;
            }
        }
        pairs
    }
}

/// What is alike in both when each of the second is looked for from where the one before was found, within a few.
fn in_turn(first: &[u64], second: &[u64], a: &Range<usize>, b: &Range<usize>) -> Vec<(usize, usize)> {
    const NEAR: usize = 32;
    let (mut from, mut pairs) = (a.start, Vec::new());
    for j in b.clone() {
        let near = from..(from + NEAR).min(a.end);
        if let Some(i) = near.into_iter().find(|i| first[*i] == second[j]) {
            pairs.push((i, j));
            from = i + 1;
        }
    }
    pairs
}

/// What occurs once in each range, in an order that both have: the longest such sequence.
fn unique(first: &[u64], second: &[u64], a: &Range<usize>, b: &Range<usize>) -> Vec<(usize, usize)> {
    let mut places: HashMap<u64, [(usize, usize); 2]> = HashMap::new();
    for (side, keys, range) in [(0, first, a), (1, second, b)] {
        for at in range.clone() {
            let place = &mut places.entry(keys[at]).or_default()[side];
            *place = (place.0 + 1, at);
        }
    }
    let mut pairs: Vec<(usize, usize)> =
        places.values().filter(|[a, b]| (a.0, b.0) == (1, 1)).map(|[a, b]| (a.1, b.1)).collect();
    pairs.sort_unstable();
    increasing(&pairs)
}

/// The longest subsequence of which the second numbers rise (patience sorting).
fn increasing(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    // Of each length the sequence that ends lowest: its last pair. And to each pair the one before.
    let (mut ends, mut before): (Vec<usize>, Vec<Option<usize>>) = (Vec::new(), Vec::with_capacity(pairs.len()));
    for (at, pair) in pairs.iter().enumerate() {
        let len = ends.partition_point(|end| pairs[*end].1 < pair.1);
        before.push(len.checked_sub(1).map(|shorter| ends[shorter]));
        if len == ends.len() { ends.push(at) } else { ends[len] = at }
    }
    let mut longest: Vec<_> =
        std::iter::successors(ends.last().copied(), |at| before[*at]).map(|at| pairs[at]).collect();
    longest.reverse();
    longest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(first: &str, second: &str) -> String {
        let keys = |text: &str| text.bytes().map(u64::from).collect::<Vec<_>>();
        let (a, b) = (keys(first), keys(second));
        let any = |text: &str| vec![0; text.len()];
        let steps = align(&[(&a, &b), (&any(first), &any(second))]);
        let char = |text: &str, at: usize| char::from(text.as_bytes()[at]);
        let words = steps.iter().map(|step| match *step {
            Step::Both(i, j) if a[i] == b[j] => format!("{}", char(first, i)),
            Step::Both(i, j) => format!("({}{})", char(first, i), char(second, j)),
            Step::First(i) => format!("-{}", char(first, i)),
            Step::Second(j) => format!("+{}", char(second, j)),
        });
        words.collect()
    }

    #[test]
    fn what_is_inserted_or_missing_shifts_nothing() {
        assert_eq!(shown("abcdef", "abdef"), "ab-cdef");
        assert_eq!(shown("abdef", "abcdef"), "ab+cdef");
        assert_eq!(shown("abcdef", "abxdef"), "ab(cx)def");
        assert_eq!(shown("aaaaba", "aaabaa"), "aaa-ab+aa");
        assert_eq!(shown("", "ab"), "+a+b");
        assert_eq!(shown("xaybz", "ab"), "-xa-yb-z");
    }

    #[test]
    fn long_sequences_take_little_time() {
        let alike = vec![7_u64; 200_000];
        let mut other = alike.clone();
        other[0] = 1;
        other[199_999] = 2;
        assert_eq!(align(&[(&alike, &other)]).len(), 200_002);
        let rising: Vec<u64> = (0..200_000).collect();
        let falling: Vec<u64> = rising.iter().rev().copied().collect();
        assert!(align(&[(&rising, &falling)]).len() >= 200_000);
    }

    proptest! {
        #[test]
        fn each_is_named_once_and_in_order(
            a in proptest::collection::vec(0..6_u64, 0..60),
            b in proptest::collection::vec(0..6_u64, 0..60),
        ) {
            let steps = align(&[(&a, &b), (&vec![0; a.len()], &vec![0; b.len()])]);
            let first: Vec<usize> = steps.iter().filter_map(|step| match *step {
                Step::Both(i, _) | Step::First(i) => Some(i),
                Step::Second(_) => None,
            }).collect();
            let second: Vec<usize> = steps.iter().filter_map(|step| match *step {
                Step::Both(_, j) | Step::Second(j) => Some(j),
                Step::First(_) => None,
            }).collect();
            prop_assert_eq!(first, (0..a.len()).collect::<Vec<_>>());
            prop_assert_eq!(second, (0..b.len()).collect::<Vec<_>>());
        }
    }
}
