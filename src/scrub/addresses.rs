//! The mapping of addresses: keyed, one to one, and so that addresses with a common prefix of any length have one
//! afterwards (Xu, Fan, Ammar, Moon: Prefix-preserving IP address anonymization, 2002).

use std::collections::HashMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use aes::Aes128Enc;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use sha2::{Digest, Sha256};

/// What the mapping hangs on: the same key gives the same mapping.
#[derive(Clone)]
pub struct Key([u8; 32]);

impl Key {
    /// From random bytes, or from a phrase.
    pub fn new(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

/// Addresses whose mapping is remembered, of each kind; the others are computed again.
const MAX_REMEMBERED: usize = 1 << 18;

/// Prefixes of IPv4 that addresses neither leave nor enter, and whether the rest of them stays too.
const OF_V4: [(Ipv4Addr, u32, bool); 10] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8, true),
    (Ipv4Addr::new(10, 0, 0, 0), 8, false),
    (Ipv4Addr::new(100, 64, 0, 0), 10, false),
    (Ipv4Addr::new(127, 0, 0, 0), 8, true),
    (Ipv4Addr::new(169, 254, 0, 0), 16, false),
    (Ipv4Addr::new(172, 16, 0, 0), 12, false),
    (Ipv4Addr::new(192, 168, 0, 0), 16, false),
    (Ipv4Addr::new(224, 0, 0, 0), 4, true),
    (Ipv4Addr::new(240, 0, 0, 0), 4, false),
    (Ipv4Addr::BROADCAST, 32, true),
];

/// The same of IPv6. Documentation, site-local and benchmarking have no prefix that stays but that of global unicast.
const OF_V6: [(Ipv6Addr, u32, bool); 6] = [
    // Unspecified and loopback; with them all that nobody uses.
    (Ipv6Addr::UNSPECIFIED, 127, true),
    (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3, false),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, false),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 64, false),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, true),
    (Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00, 0), 104, false),
];

/// Prefixes behind which an IPv4 address stands: mapped addresses (RFC 4291 2.5.5.2), and translated ones (RFC 6052).
const WITH_V4: [Ipv6Addr; 2] =
    [Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0)];

/// Maps addresses.
pub struct Addresses {
    cipher: Aes128Enc,
    /// What the bits behind an address are filled up with.
    pad: u128,
    keep_oui: bool,
    v4: HashMap<u32, u32>,
    v6: HashMap<u128, u128>,
    macs: HashMap<u64, u64>,
    /// Addresses that were mapped to another, each once while it is remembered: IPv4, IPv6, MAC.
    pub counts: [u64; 3],
}

/// What stays of addresses as they are mapped bit by bit.
trait Kept {
    /// Whether the bit behind the first `depth` of `address`, which is at the upper end, stays.
    fn keeps(&self, address: u128, depth: u32) -> bool;
}

/// Prefixes at the upper end of 128 bits, their lengths, and whether the rest stays.
struct Prefixes<const N: usize>([(u128, u32, bool); N]);

impl<const N: usize> Kept for Prefixes<N> {
    fn keeps(&self, address: u128, depth: u32) -> bool {
        self.0.iter().any(|&(prefix, len, rest)| {
            let common = (address ^ prefix).leading_zeros();
            // At a fork where one way leads to the prefix no bit is flipped, so that none gets in or out.
            if depth < len { common >= depth } else { common >= len && rest }
        }) && !self.0.iter().any(|&(prefix, len, rest)| {
            // What has a longer prefix that may change.
            !rest && depth >= len && (address ^ prefix).leading_zeros() >= len && len > 64
        })
    }
}

/// Of MAC addresses: the bits for groups and for local administration, and the vendor's part if asked for.
struct OfMac {
    oui: bool,
}

impl Kept for OfMac {
    fn keeps(&self, _: u128, depth: u32) -> bool {
        depth == 6 || depth == 7 || self.oui && depth < 24
    }
}

impl Addresses {
    /// With the mapping of a key; `keep_oui` keeps the vendor's part of MAC addresses.
    pub fn new(key: &Key, keep_oui: bool) -> Self {
        let (cipher, pad) = key.0.split_at(16);
        let bytes = |half: &[u8]| <[u8; 16]>::try_from(half).unwrap_or_default();
        let cipher = Aes128Enc::new(&bytes(cipher).into());
        let mut block = bytes(pad).into();
        cipher.encrypt_block(&mut block);
        Self {
            cipher,
            pad: u128::from_be_bytes(block.into()),
            keep_oui,
            v4: HashMap::new(),
            v6: HashMap::new(),
            macs: HashMap::new(),
            counts: [0; 3],
        }
    }

    /// The address that stands for this one, of IPv4.
    pub fn v4(&mut self, address: Ipv4Addr) -> Ipv4Addr {
        let bits = address.to_bits();
        if let Some(known) = self.v4.get(&bits) {
            return Ipv4Addr::from_bits(*known);
        }
        let kept = Prefixes(OF_V4.map(|(prefix, len, rest)| (u128::from(prefix.to_bits()) << 96, len, rest)));
        let mapped = (self.map(u128::from(bits) << 96, 32, &kept, 4) >> 96) as u32;
        remember(&mut self.v4, bits, mapped, &mut self.counts[0]);
        Ipv4Addr::from_bits(mapped)
    }

    /// The same of IPv6.
    pub fn v6(&mut self, address: Ipv6Addr) -> Ipv6Addr {
        let bits = address.to_bits();
        if let Some(known) = self.v6.get(&bits) {
            return Ipv6Addr::from_bits(*known);
        }
        let mapped = if let Some(prefix) = WITH_V4.iter().find(|prefix| prefix.to_bits() >> 32 == bits >> 32) {
            prefix.to_bits() | u128::from(self.v4(Ipv4Addr::from_bits(bits as u32)).to_bits())
        } else {
            let kept = Prefixes(OF_V6.map(|(prefix, len, rest)| (prefix.to_bits(), len, rest)));
            self.map(bits, 128, &kept, 6)
        };
        remember(&mut self.v6, bits, mapped, &mut self.counts[1]);
        Ipv6Addr::from_bits(mapped)
    }

    /// The same of a MAC address. Groups stay, those of IPv6 that follow from a node's address excepted (RFC 4291 2.7.1).
    pub fn mac(&mut self, address: [u8; 6]) -> [u8; 6] {
        let [a, b, c, d, e, f] = address;
        let bits = u64::from_be_bytes([0, 0, a, b, c, d, e, f]);
        if bits == 0 || address == [0xff; 6] {
            return address;
        }
        if a & 1 != 0 {
            return match address {
                [0x33, 0x33, 0xff, low @ ..] => {
                    let [x, y, z] = low;
                    let node = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | u16::from(x), u16::from_be_bytes([y, z]));
                    let [.., x, y, z] = self.v6(node).octets();
                    [0x33, 0x33, 0xff, x, y, z]
                }
                _ => address,
            };
        }
        let mapped = match self.macs.get(&bits) {
            Some(known) => *known,
            None => {
                let mapped = (self.map(u128::from(bits) << 80, 48, &OfMac { oui: self.keep_oui }, 48) >> 80) as u64;
                remember(&mut self.macs, bits, mapped, &mut self.counts[2]);
                mapped
            }
        };
        let [_, _, rest @ ..] = mapped.to_be_bytes();
        rest
    }

    /// Flips each of the first `width` bits, or not, as the key and the bits before it say. `kind` makes the flips of one
    /// kind of address differ from those of another.
    fn map(&self, address: u128, width: u32, kept: &impl Kept, kind: u128) -> u128 {
        let mut flips = 0;
        for depth in (0..width).filter(|depth| !kept.keeps(address, *depth)) {
            let prefix = if depth == 0 { 0 } else { address & u128::MAX << (128 - depth) };
            let filler = self.pad & u128::MAX >> depth;
            // Two prefixes of different lengths are two blocks: the depth is in the lowest bits.
            let input = (prefix | filler) ^ u128::from(depth) ^ kind << 8;
            let mut block = input.to_be_bytes().into();
            self.cipher.encrypt_block(&mut block);
            if block[0] & 0x80 != 0 {
                flips |= 1 << (127 - depth);
            }
        }
        address ^ flips
    }
}

fn remember<T: std::hash::Hash + Eq + Copy>(map: &mut HashMap<T, T>, address: T, mapped: T, count: &mut u64) {
    if map.len() < MAX_REMEMBERED {
        map.insert(address, mapped);
    }
    *count += u64::from(address != mapped);
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn addresses() -> Addresses {
        Addresses::new(&Key::new(b"a key"), false)
    }

    /// A sequence that looks random.
    fn numbers() -> impl Iterator<Item = u128> {
        std::iter::successors(Some(7_u128), |n| {
            Some(n.wrapping_mul(0xda94_2042_e4dd_58b5_1234_5678_9abc_def1).rotate_left(41) ^ 5)
        })
    }

    #[test]
    fn common_prefixes_stay_common_and_no_longer() {
        let mut all = addresses();
        for (a, common) in numbers().zip((0..32).cycle()).take(500) {
            let a = a as u32;
            let b = a ^ (0x8000_0000 >> common) ^ ((a >> 3) & (0x7fff_ffff >> common));
            let [x, y] = [a, b].map(|bits| all.v4(Ipv4Addr::from_bits(bits)).to_bits());
            assert_eq!((x ^ y).leading_zeros(), (a ^ b).leading_zeros(), "{a:x} {b:x}");
        }
        for (a, common) in numbers().zip((0..128).cycle()).take(500) {
            let b = a ^ (1 << 127 >> common);
            let [x, y] = [a, b].map(|bits| all.v6(Ipv6Addr::from_bits(bits)).to_bits());
            let embedded = |bits: u128| WITH_V4.iter().any(|prefix| prefix.to_bits() >> 32 == bits >> 32);
            assert!(embedded(a) || embedded(b) || (x ^ y).leading_zeros() == common, "{a:x} {b:x}");
        }
    }

    #[test]
    fn classes_of_addresses_are_neither_left_nor_entered() {
        let mut all = addresses();
        let class = |address: Ipv4Addr| {
            OF_V4.map(|(prefix, len, _)| (prefix.to_bits() ^ address.to_bits()).leading_zeros() >= len)
        };
        for bits in numbers().take(3000) {
            let address = Ipv4Addr::from_bits(bits as u32);
            assert_eq!(class(all.v4(address)), class(address), "{address}");
        }
        for address in ["10.1.2.3", "192.168.1.1", "172.31.255.1", "169.254.3.4", "100.100.1.1"] {
            let address: Ipv4Addr = address.parse().unwrap();
            assert_eq!(class(all.v4(address)), class(address), "{address}");
            assert_ne!(all.v4(address), address);
        }
        for same in ["127.0.0.1", "0.0.0.0", "255.255.255.255", "224.0.0.251", "239.255.255.250"] {
            let same = same.parse().unwrap();
            assert_eq!(all.v4(same), same);
        }
        for same in ["::", "::1", "ff02::fb"] {
            let same = same.parse().unwrap();
            assert_eq!(all.v6(same), same);
        }
    }

    #[test]
    fn of_ipv6_what_tells_the_use_stays() {
        let mut all = addresses();
        let mut map = |text: &str| all.v6(text.parse().unwrap());
        let local = map("fe80::215:5dff:fe00:1");
        assert!(local.is_unicast_link_local() && local.segments()[1..4] == [0; 3]);
        assert_ne!(local.segments()[4..], [0x215, 0x5dff, 0xfe00, 1]);
        assert!(map("fd00::1").is_unique_local());
        assert_eq!(map("2a00:1450::5").segments()[0] >> 13, 1);
        let node = map("ff02::1:ff12:3456");
        assert_eq!(node.octets()[..13], "ff02::1:ff00:0".parse::<Ipv6Addr>().unwrap().octets()[..13]);
        let (mapped, plain) = (map("::ffff:198.51.100.9"), all.v4("198.51.100.9".parse().unwrap()));
        assert_eq!(mapped.to_ipv4_mapped(), Some(plain));
        assert_ne!(node, "ff02::1:ff12:3456".parse::<Ipv6Addr>().unwrap());
        let [.., x, y, z] = node.octets();
        assert_eq!(all.mac([0x33, 0x33, 0xff, 0x12, 0x34, 0x56]), [0x33, 0x33, 0xff, x, y, z]);
    }

    #[test]
    fn mac_addresses_keep_their_bits_and_their_vendor_if_asked_for() {
        let mut all = addresses();
        let mut seen = HashSet::new();
        for bits in numbers().take(2000) {
            let [a, b, c, d, e, f, ..] = bits.to_be_bytes();
            let mapped = all.mac([a & !1, b, c, d, e, f]);
            assert_eq!(mapped[0] & 3, a & 2);
            seen.insert(mapped);
        }
        assert_eq!(seen.len(), 2000);
        assert_eq!(all.mac([0xff; 6]), [0xff; 6]);
        assert_eq!(all.mac([1, 0, 0x5e, 0, 0, 0xfb]), [1, 0, 0x5e, 0, 0, 0xfb]);
        let mut vendors = Addresses::new(&Key::new(b"a key"), true);
        assert_eq!(vendors.mac([0, 0x1b, 0x21, 1, 2, 3])[..3], [0, 0x1b, 0x21]);
        assert_ne!(vendors.mac([0, 0x1b, 0x21, 1, 2, 3])[3..], [1, 2, 3]);
    }

    #[test]
    fn the_key_makes_the_mapping() {
        let address = Ipv4Addr::new(203, 0, 113, 77);
        assert_eq!(addresses().v4(address), addresses().v4(address));
        let others: HashSet<_> = (0..20_u8).map(|n| Addresses::new(&Key::new(&[n]), false).v4(address)).collect();
        assert!(others.len() > 15);
    }
}
