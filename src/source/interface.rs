//! What a capture says of the interfaces it was made on.

use crate::frame::LinkType;

/// An interface of a capture.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Interface {
    /// Its name, where the capture tells.
    pub name: Option<String>,
    /// Link-layer header type of its frames.
    pub link: LinkType,
    /// The most bytes that were captured of a frame, as the capture says; 0 where it sets no limit.
    pub snaplen: u32,
    /// How fine its times are.
    pub resolution: Resolution,
    /// Bytes of frame check sequence that each frame ended with; they are cut from its bytes and lengths.
    pub fcs_len: u32,
    /// What is added to each time that the capture holds, in nanoseconds (`if_tsoffset`); frames have it added already.
    pub offset: i64,
    /// What the capture says was counted on it.
    pub counts: Counts,
}

impl Default for Interface {
    /// What pcapng has where nothing is said.
    fn default() -> Self {
        Self {
            name: None,
            link: LinkType::NULL,
            snaplen: 0,
            resolution: Resolution::MICROS,
            fcs_len: 0,
            offset: 0,
            counts: Counts::default(),
        }
    }
}

/// What was counted on an interface while it was captured (pcapng's interface statistics block), in frames.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Counts {
    /// Received by the interface (`isb_ifrecv`).
    pub received: Option<u64>,
    /// Dropped by the interface for lack of resources (`isb_ifdrop`).
    pub dropped_by_interface: Option<u64>,
    /// Accepted by the capture filter (`isb_filteraccept`).
    pub accepted: Option<u64>,
    /// Dropped by the operating system (`isb_osdrop`).
    pub dropped_by_system: Option<u64>,
    /// Delivered to whoever captured (`isb_usrdeliv`).
    pub delivered: Option<u64>,
}

/// How fine times are, as pcapng's `if_tsresol` has it: the negative power of 10, or of 2 where the highest bit is set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Resolution(pub u8);

impl Resolution {
    /// Microseconds.
    pub const MICROS: Self = Self(6);
    /// Nanoseconds.
    pub const NANOS: Self = Self(9);

    /// Whether microseconds cannot tell all its times.
    pub fn is_finer_than_micros(self) -> bool {
        match self.0 & 0x80 {
            0 => self.0 > 6,
            _ => self.0 & 0x7f > 0,
        }
    }

    /// Nanoseconds in `units`, rounded down; saturates.
    #[inline]
    pub(super) fn nanos(self, units: u64) -> i64 {
        let nanos = match self.0 {
            6 => units.saturating_mul(1000),
            9 => units,
            _ => self.nanos_of_others(units),
        };
        i64::try_from(nanos).unwrap_or(i64::MAX)
    }

    fn nanos_of_others(self, units: u64) -> u64 {
        let power = u32::from(self.0 & 0x7f);
        if self.0 & 0x80 != 0 {
            // At most 94 bits before the shift, which is by at most 127.
            return u64::try_from((u128::from(units) * 1_000_000_000) >> power).unwrap_or(u64::MAX);
        }
        match power.checked_sub(9) {
            None => units.saturating_mul(10_u64.pow(9 - power)),
            Some(finer) => 10_u64.checked_pow(finer).map_or(0, |divisor| units / divisor),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_resolution_has_its_nanoseconds() {
        for (resolution, units, nanos) in [
            (0, 3, 3_000_000_000),
            (3, 1_700_000_000_123, 1_700_000_000_123_000_000),
            (6, 1_700_000_000_123_456, 1_700_000_000_123_456_000),
            (9, 1_700_000_000_123_456_789, 1_700_000_000_123_456_789),
            (12, 1_999_999, 1_999),
            (28, u64::MAX, 1),
            (29, u64::MAX, 0),
            (127, u64::MAX, 0),
            (0x80, 3, 3_000_000_000),
            (0x80 | 20, (5 << 20) + (1 << 19), 5_500_000_000),
            (0x80 | 64, u64::MAX, 999_999_999),
            (0xff, u64::MAX, 0),
            (0, u64::MAX, i64::MAX),
            (0x80, u64::MAX, i64::MAX),
            (6, u64::MAX, i64::MAX),
            (9, u64::MAX, i64::MAX),
        ] {
            assert_eq!(Resolution(resolution).nanos(units), nanos, "{resolution:#x} {units}");
        }
    }

    #[test]
    fn finer_than_microseconds() {
        let finer = [0, 6, 7, 9, 0x80, 0x80 | 20].map(|r| Resolution(r).is_finer_than_micros());
        assert_eq!(finer, [false, false, true, true, false, true]);
    }
}
