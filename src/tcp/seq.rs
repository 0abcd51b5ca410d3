//! Sequence numbers modulo 2^32 (RFC 9293 3.4).

use std::cmp::Ordering;

/// A sequence number. Two of them compare by their distance, which is below 2^31 for any that are in use together.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Debug)]
pub struct Seq(pub u32);

impl Seq {
    /// The number `n` after it.
    #[must_use]
    pub const fn plus(self, n: u32) -> Self {
        Self(self.0.wrapping_add(n))
    }

    /// Distance from `earlier`, negative where `earlier` is later; between −2^31 and 2^31 − 1.
    pub const fn since(self, earlier: Self) -> i32 {
        self.0.wrapping_sub(earlier.0) as i32
    }

    /// Whether it comes before `other`.
    pub const fn before(self, other: Self) -> bool {
        self.since(other) < 0
    }

    /// Whether it comes after `other`.
    pub const fn after(self, other: Self) -> bool {
        self.since(other) > 0
    }
}

impl PartialOrd for Seq {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.since(*other).cmp(&0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_survives_the_wrap() {
        let a = Seq(u32::MAX - 9);
        let b = a.plus(20);
        assert_eq!(b, Seq(10));
        assert!(a.before(b) && b.after(a) && a < b);
        assert_eq!((b.since(a), a.since(b)), (20, -20));
    }
}
