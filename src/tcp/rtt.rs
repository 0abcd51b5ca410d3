//! Round-trip times of one direction in a few numbers.

/// Times of which the median is taken: of more, every second one is left out, and of those that follow too.
const KEPT: usize = 64;

/// Times from a segment to its acknowledgment, in nanoseconds.
#[derive(Clone, Debug)]
pub struct RoundTrips {
    count: u64,
    min: i64,
    max: i64,
    kept: Vec<i64>,
    /// One of so many is kept.
    stride: u64,
}

impl Default for RoundTrips {
    fn default() -> Self {
        Self { count: 0, min: i64::MAX, max: i64::MIN, kept: Vec::new(), stride: 1 }
    }
}

/// What they come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Summary {
    /// How many there were.
    pub count: u64,
    /// The shortest, in nanoseconds.
    pub min: i64,
    /// The median, of at most 64 that are evenly spread over the connection.
    pub median: i64,
    /// The longest.
    pub max: i64,
}

impl RoundTrips {
    /// Takes the next one.
    pub fn add(&mut self, nanos: i64) {
        self.min = self.min.min(nanos);
        self.max = self.max.max(nanos);
        if self.count.is_multiple_of(self.stride) {
            if self.kept.len() == KEPT {
                let mut index = 0;
                self.kept.retain(|_| {
                    index += 1;
                    index % 2 == 1
                });
                self.stride *= 2;
            }
            if self.count.is_multiple_of(self.stride) {
                self.kept.push(nanos);
            }
        }
        self.count += 1;
    }

    /// What they come to; nothing where there were none.
    pub fn summary(&self) -> Option<Summary> {
        let mut sorted = self.kept.clone();
        sorted.sort_unstable();
        let median = *sorted.get(sorted.len().checked_sub(1)? / 2)?;
        Some(Summary { count: self.count, min: self.min, median, max: self.max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_that_of_all_or_of_every_so_many() {
        for count in [1, 2, 3, 64, 65, 66, 127, 128, 129, 1000, 100_000] {
            let mut times = RoundTrips::default();
            (0..count).for_each(|time| times.add(time));
            let summary = times.summary().unwrap();
            assert_eq!((summary.count, summary.min, summary.max), (count as u64, 0, count - 1));
            assert!(times.kept.len() <= KEPT);
            let every = |nanos: &i64| (*nanos as u64).is_multiple_of(times.stride);
            assert_eq!(times.kept, (0..count).filter(every).collect::<Vec<_>>(), "{count}");
            assert!((summary.median - (count - 1) / 2).unsigned_abs() <= times.stride, "{count} {summary:?}");
        }
        assert_eq!(RoundTrips::default().summary(), None);
    }
}
