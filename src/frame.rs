//! A captured frame, what the capture says of it, and of those that it lost.

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

/// A link-layer header type: a LINKTYPE_ value, of 16 bits, as capture files carry it (draft-ietf-opsawg-pcaplinktype).
/// Records that are no packets have a number beyond those.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LinkType(pub u32);

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
    /// A custom block of pcapng, which has no time: what follows its Private Enterprise Number.
    pub const CUSTOM_BLOCK: Self = Self(1 << 16 | 0x0bad);
    /// An entry of a systemd journal, as pcapng has it in a block.
    pub const JOURNAL_ENTRY: Self = Self(1 << 16 | 0x0009);
    /// A system call as Sysdig and Falco record it in a block of pcapng: what follows the event's header.
    pub const SYSTEM_CALL: Self = Self(1 << 16 | 0x0204);

    /// Whether what has it is a packet.
    pub const fn is_packet(self) -> bool {
        self.0 <= u16::MAX as u32
    }
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
            Self::CUSTOM_BLOCK => f.write_str("custom block"),
            Self::JOURNAL_ENTRY => f.write_str("journal entry"),
            Self::SYSTEM_CALL => f.write_str("system call"),
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
    /// Index among the interfaces that the capture has told of, from 0.
    pub interface: u16,
    /// The number that the capture gives the interface, if it does; in pcapng it begins anew with each section.
    pub interface_id: Option<u16>,
}

impl FrameMeta {
    /// When it was captured, where the capture says so.
    pub fn time(&self) -> Option<Timestamp> {
        (self.link != LinkType::CUSTOM_BLOCK).then_some(self.time)
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

/// How many frames were lost where a capture was made, by who lost them.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Lost {
    /// By the kernel, whose buffer was full.
    pub kernel: u64,
    /// By the interface or its driver.
    pub interface: u64,
    /// By this program, whose blocks were full.
    pub dissect: u64,
    /// By who wrote the capture file, as that says (`epb_dropcount` of pcapng).
    pub file: u64,
}

impl Lost {
    /// All of them.
    pub const fn total(&self) -> u64 {
        self.kernel.saturating_add(self.interface).saturating_add(self.dissect).saturating_add(self.file)
    }

    /// Those of both.
    #[must_use]
    pub const fn plus(&self, other: &Self) -> Self {
        Self {
            kernel: self.kernel.saturating_add(other.kernel),
            interface: self.interface.saturating_add(other.interface),
            dissect: self.dissect.saturating_add(other.dissect),
            file: self.file.saturating_add(other.file),
        }
    }
}

/// Frames that were lost between two moments of capture time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Drops {
    /// They were captured no earlier than this.
    pub since: Timestamp,
    /// And no later than this.
    pub until: Timestamp,
    /// The last frame that is known to have been captured before any of them, where whoever tells of them knows its
    /// number; 0 where there is none.
    pub after: Option<FrameNumber>,
    /// How many.
    pub lost: Lost,
}

impl Drops {
    /// Takes in those of `other`, and what lies between.
    pub fn join(&mut self, other: &Self) {
        self.since = self.since.min(other.since);
        self.until = self.until.max(other.until);
        // Where one of the two does not know, the earlier is not known.
        self.after = self.after.min(other.after);
        self.lost = self.lost.plus(&other.lost);
    }
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
