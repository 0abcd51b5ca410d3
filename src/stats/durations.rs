//! Percentiles of spans of time: exact up to a number of values, beyond it within a hundredth.

/// Buckets to a power of two, as a power of two: the middle of one is less than 1/128 from any of its values.
const FINE: u32 = 6;

/// Longer spans (some five hours) are counted with those of this length, in a power of two of nanoseconds.
const LONGEST: u32 = 44;

/// Those below `2^FINE` have a bucket each.
const BUCKETS: usize = ((LONGEST - FINE + 1) << FINE) as usize;

/// Spans of time in nanoseconds.
#[derive(Clone, Debug)]
pub struct Durations {
    /// How many are kept as they are.
    exact: usize,
    kept: Vec<i64>,
    /// Where there are more than that.
    buckets: Option<Box<[u32]>>,
    count: u64,
    least: i64,
    most: i64,
}

/// What there is to say of them, in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Summary {
    /// How many there were.
    pub count: u64,
    /// The shortest.
    pub min: i64,
    /// The percentiles of [`PERCENTS`]: the shortest one that so many of a hundred are not longer than.
    pub percentiles: [i64; PERCENTS.len()],
    /// The longest.
    pub max: i64,
    /// Whether the percentiles are values that there were, and not one nearby.
    pub exact: bool,
}

/// Which percentiles are told.
pub const PERCENTS: [u64; 4] = [50, 90, 95, 99];

impl Durations {
    /// None so far; the percentiles of up to `exact` of them are exact.
    pub const fn new(exact: usize) -> Self {
        Self { exact, kept: Vec::new(), buckets: None, count: 0, least: i64::MAX, most: i64::MIN }
    }

    /// Takes one.
    pub fn add(&mut self, nanos: i64) {
        self.count += 1;
        self.least = self.least.min(nanos);
        self.most = self.most.max(nanos);
        if self.buckets.is_none() && self.kept.len() < self.exact {
            return self.kept.push(nanos);
        }
        let buckets = self.buckets.get_or_insert_with(|| vec![0; BUCKETS].into());
        for nanos in std::mem::take(&mut self.kept).into_iter().chain([nanos]) {
            if let Some(count) = buckets.get_mut(bucket(nanos)) {
                *count = count.saturating_add(1);
            }
        }
    }

    /// How many there were.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// What there is to say of them; nothing of none.
    pub fn summary(&self) -> Option<Summary> {
        if self.count == 0 {
            return None;
        }
        let mut sorted = self.kept.clone();
        sorted.sort_unstable();
        let percentiles = PERCENTS.map(|percent| {
            // The rank, from 1, of the value that `percent` of a hundred do not exceed.
            let rank = (u128::from(self.count) * u128::from(percent)).div_ceil(100) as u64;
            match &self.buckets {
                None => sorted.get(rank.saturating_sub(1) as usize).copied().unwrap_or(self.most),
                Some(buckets) => ranked(buckets, rank).clamp(self.least, self.most),
            }
        });
        let (min, max, exact) = (self.least, self.most, self.buckets.is_none());
        Some(Summary { count: self.count, min, percentiles, max, exact })
    }
}

/// Which bucket a span is counted in. Those below 0, of an answer before the question, are counted with 0.
fn bucket(nanos: i64) -> usize {
    let nanos = nanos.clamp(0, (1 << LONGEST) - 1) as u64;
    match nanos.checked_ilog2() {
        Some(log) if log >= FINE => {
            let within = (nanos >> (log - FINE)) as usize - (1 << FINE);
            ((log - FINE + 1) as usize) << FINE | within
        }
        _ => nanos as usize,
    }
}

/// The middle of a bucket.
fn middle(bucket: usize) -> i64 {
    let within = (bucket & ((1 << FINE) - 1)) as i64;
    match (bucket >> FINE) as u32 {
        0 => within,
        row => ((2 * (within + (1 << FINE)) + 1) << (row - 1)) / 2,
    }
}

/// The value of this rank, from 1; the last one where there are fewer, as counts stop at their bound.
fn ranked(buckets: &[u32], rank: u64) -> i64 {
    let mut counted = 0;
    let reaches = |count: &u32| {
        counted += u64::from(*count);
        counted >= rank
    };
    middle(buckets.iter().position(reaches).unwrap_or(BUCKETS - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spans of many lengths, in no order.
    fn samples(count: u64) -> Vec<i64> {
        let mut state = 1_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as i64
        };
        (0..count).map(|_| next() >> (next() % 31)).collect()
    }

    /// By the definition: the least value such that `percent` of a hundred are not greater.
    fn defined(values: &[i64], percent: u64) -> i64 {
        let enough = |value: &i64| {
            let below = values.iter().filter(|other| *other <= value).count() as u64;
            below * 100 >= percent * values.len() as u64
        };
        *values.iter().filter(|value| enough(value)).min().unwrap()
    }

    fn summary(values: &[i64], exact: usize) -> Summary {
        let mut durations = Durations::new(exact);
        values.iter().for_each(|value| durations.add(*value));
        durations.summary().unwrap()
    }

    #[test]
    fn few_values_have_exact_percentiles() {
        for count in [1, 2, 3, 19, 20, 21, 99, 100, 101, 1000] {
            let values = samples(count);
            let summary = summary(&values, 1000);
            assert_eq!(summary.percentiles, PERCENTS.map(|percent| defined(&values, percent)), "{count}");
            assert_eq!((summary.count, summary.exact), (count, true));
            assert_eq!(
                (Some(summary.min), Some(summary.max)),
                (values.iter().min().copied(), values.iter().max().copied())
            );
        }
        assert_eq!(Durations::new(9).summary(), None);
    }

    #[test]
    fn many_values_have_percentiles_nearby() {
        let values = samples(3000);
        let near = summary(&values, 100);
        assert!(!near.exact);
        for (value, percent) in near.percentiles.into_iter().zip(PERCENTS) {
            let exact = defined(&values, percent);
            assert!((value - exact).abs() * 128 <= exact, "{value} {exact}");
        }
    }

    #[test]
    fn every_span_has_a_bucket_with_it_in_its_middle_nearly() {
        let edges =
            (0..63).flat_map(|log| [(1_i64 << log) - 1, 1 << log, (1 << log) + 1]).chain([i64::MIN, -1, i64::MAX]);
        for nanos in edges {
            let (bucket, counted) = (bucket(nanos), nanos.clamp(0, (1 << LONGEST) - 1));
            assert!(bucket < BUCKETS, "{nanos}");
            assert!((middle(bucket) - counted).abs() * 128 <= counted, "{nanos} {}", middle(bucket));
        }
    }
}
