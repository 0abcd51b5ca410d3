//! One's-complement sums (RFC 1071): for checksums, and to compare copies of bytes that are no longer there.
//!
//! Words are taken in native order, which a one's-complement sum does not mind as long as all are.

/// Sum of `bytes` as 64-bit words in native order, modulo 2^64 − 1, the last word filled up with zeros.
pub fn sum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let (blocks, words) = words.as_chunks::<LANES>();
    // The words' sums modulo 2^64, and the sums of their upper halves: in a form that the compiler makes vectors of,
    // which have no carries.
    let (mut all, mut upper) = ([0u64; LANES], [0u64; LANES]);
    for block in blocks {
        for ((all, upper), word) in all.iter_mut().zip(&mut upper).zip(block) {
            let word = u64::from_ne_bytes(*word);
            *all = all.wrapping_add(word);
            *upper += word >> 32;
        }
    }
    let last = last_word(bytes, rest);
    let mut all = all.into_iter().fold(last, u64::wrapping_add);
    let mut upper = upper.into_iter().sum::<u64>() + (last >> 32);
    for word in words.iter().map(|word| u64::from_ne_bytes(*word)) {
        all = all.wrapping_add(word);
        upper += word >> 32;
    }
    // What the upper halves leave are the lower ones, of which fewer than 2^32 cannot overflow.
    let lower = all.wrapping_sub(upper << 32);
    let total = (u128::from(upper) << 32) + u128::from(lower);
    add(total as u64, (total >> 64) as u64)
}

/// The word that begins with `rest`, fewer than eight bytes at the end of `bytes`, and is filled up with zeros.
#[inline]
fn last_word(bytes: &[u8], rest: &[u8]) -> u64 {
    let word = match bytes.last_chunk() {
        _ if rest.is_empty() => 0,
        // The bytes before it are shifted out.
        Some(word) => u64::from_le_bytes(*word) >> (64 - 8 * rest.len()),
        None => rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    };
    u64::from_ne_bytes(word.to_le_bytes())
}

/// Words that are added side by side: what the registers of any processor of 64 bits have room for.
const LANES: usize = 8;

/// The same of few bytes, a multiple of four, such as a header has; what is beyond that is left out.
#[inline]
pub fn sum_of_few(bytes: &[u8]) -> u64 {
    // The lengths that nearly all have, so that there is no loop for them: addresses, headers with timestamps or without.
    match bytes.len() {
        8 => words(&bytes[..8]),
        20 => words(&bytes[..20]),
        32 => words(&bytes[..32]),
        _ => words(bytes),
    }
}

#[inline(always)]
fn words(bytes: &[u8]) -> u64 {
    // Of 32 bits, of which fewer than 2^32 cannot overflow.
    bytes.as_chunks::<4>().0.iter().map(|word| u64::from(u32::from_ne_bytes(*word))).sum()
}

/// Sum of two sums.
pub const fn add(a: u64, b: u64) -> u64 {
    let (sum, carry) = a.overflowing_add(b);
    sum.wrapping_add(carry as u64)
}

/// The 32-bit sum that a 64-bit one stands for; 0 for 0 alone.
pub const fn fold_once(sum: u64) -> u32 {
    let sum = (sum >> 32) + (sum & 0xffff_ffff);
    ((sum >> 32) + (sum & 0xffff_ffff)) as u32
}

/// The 16-bit sum that a 64-bit one stands for.
pub const fn fold(sum: u64) -> u16 {
    let sum = fold_once(sum) as u64;
    let sum = (sum >> 16) + (sum & 0xffff);
    let sum = (sum >> 16) + (sum & 0xffff);
    ((sum >> 16) + (sum & 0xffff)) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(bytes: &[u8]) -> u16 {
        let words = bytes.chunks(2).map(|w| u64::from(u16::from_ne_bytes([w[0], *w.get(1).unwrap_or(&0)])));
        let mut sum: u64 = words.sum();
        while sum > 0xffff {
            sum = (sum >> 16) + (sum & 0xffff);
        }
        sum as u16
    }

    #[test]
    fn folds_to_the_sum_of_rfc_1071() {
        let bytes: Vec<u8> = (0..300u32).map(|i| ((i * 7919) >> 3) as u8).collect();
        for len in 0..bytes.len() {
            assert_eq!(fold(sum(&bytes[..len])), plain(&bytes[..len]), "{len} bytes");
            assert_eq!(fold(sum_of_few(&bytes[..len])), plain(&bytes[..len / 4 * 4]), "{len} bytes");
        }
        assert_eq!(fold(sum(&[0xff; 64])), 0xffff);
    }
}
