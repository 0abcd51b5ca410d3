//! A captured frame and what the capture says of it.

use std::fmt;

/// Number of a frame, from 1 in capture order (Wireshark's `frame.number`).
pub type FrameNumber = u64;

/// Capture time: nanoseconds since 1970-01-01T00:00:00Z, saturating at the ends of `i64` (years 1677 and 2262).
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// From whole seconds and nanoseconds; saturates.
    pub const fn from_secs_nanos(secs: i64, nanos: i64) -> Self {
        Self(secs.saturating_mul(1_000_000_000).saturating_add(nanos))
    }

    /// Whole seconds, rounded down.
    pub const fn secs(self) -> i64 {
        self.0.div_euclid(1_000_000_000)
    }

    /// Nanoseconds within the second, 0 to 999 999 999.
    pub const fn subsec_nanos(self) -> u32 {
        self.0.rem_euclid(1_000_000_000) as u32
    }

    /// Nanoseconds from `earlier` to `self`, negative where `earlier` is later; saturates.
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The time `nanos` after `self`; saturates.
    pub const fn plus(self, nanos: i64) -> Self {
        Self(self.0.saturating_add(nanos))
    }
}

/// A link-layer header type: a LINKTYPE_ value as capture files carry it (draft-ietf-opsawg-pcaplinktype).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LinkType(pub u16);

impl LinkType {
    /// BSD loopback: four bytes of address family in the byte order of the capturing machine.
    pub const NULL: Self = Self(0);
    /// Ethernet (II, and 802.3 with LLC).
    pub const ETHERNET: Self = Self(1);
    /// Raw IPv4 or IPv6.
    pub const RAW: Self = Self(101);
    /// OpenBSD loopback: four bytes of address family in network order.
    pub const LOOP: Self = Self(108);
    /// Linux "cooked" capture, version 1.
    pub const LINUX_SLL: Self = Self(113);
    /// Raw IPv4.
    pub const IPV4: Self = Self(228);
    /// Raw IPv6.
    pub const IPV6: Self = Self(229);
    /// Linux "cooked" capture, version 2.
    pub const LINUX_SLL2: Self = Self(276);
}

impl fmt::Display for LinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NULL => f.write_str("NULL"),
            Self::ETHERNET => f.write_str("EN10MB"),
            Self::RAW => f.write_str("RAW"),
            Self::LOOP => f.write_str("LOOP"),
            Self::LINUX_SLL => f.write_str("LINUX_SLL"),
            Self::IPV4 => f.write_str("IPV4"),
            Self::IPV6 => f.write_str("IPV6"),
            Self::LINUX_SLL2 => f.write_str("LINUX_SLL2"),
            Self(other) => write!(f, "LINKTYPE {other}"),
        }
    }
}

/// What a capture says of a frame beside its bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FrameMeta {
    /// From 1 in capture order.
    pub number: FrameNumber,
    /// When it was captured.
    pub time: Timestamp,
    /// Length on the wire in bytes; at least the captured length.
    pub wire_len: u32,
    /// Link-layer header type.
    pub link: LinkType,
    /// Interface index within the capture, from 0; [`FrameMeta::UNNUMBERED`] where the capture has one without a number.
    pub interface: u32,
}

impl FrameMeta {
    /// The only interface of a capture whose format does not number them, such as pcap.
    pub const UNNUMBERED: u32 = u32::MAX;

    /// Its number, where it has one.
    pub const fn interface_id(&self) -> Option<u32> {
        if self.interface == Self::UNNUMBERED { None } else { Some(self.interface) }
    }
}

/// A captured frame; its bytes are borrowed from the source.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Number, time, lengths.
    pub meta: FrameMeta,
    /// The bytes that were captured.
    pub bytes: &'a [u8],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_before_the_epoch_has_a_positive_fraction() {
        let t = Timestamp::from_secs_nanos(-2, 250_000_000);
        assert_eq!((t.secs(), t.subsec_nanos()), (-2, 250_000_000));
        assert_eq!(Timestamp(i64::MAX).since(Timestamp(-1)), i64::MAX);
    }
}
