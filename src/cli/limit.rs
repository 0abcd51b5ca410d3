//! `--limit`: bounds on memory, by name.

use std::str::FromStr;

use crate::engine::Limits;

/// The largest buffer that libpcap can be asked for.
pub const MAX_BUFFER_KIB: i64 = (i32::MAX / 1024) as i64;

/// A bound and its new value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limit {
    bound: Bound,
    value: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Bound {
    Queue,
    Queues,
    Connections,
    Closed,
    Blocks,
}

const BOUNDS: [(&str, Bound); 5] = [
    ("queue", Bound::Queue),
    ("queues", Bound::Queues),
    ("connections", Bound::Connections),
    ("closed", Bound::Closed),
    ("blocks", Bound::Blocks),
];

impl Limit {
    /// Moves the bound, if it is one of the core.
    pub fn apply(self, limits: &mut Limits) {
        *match self.bound {
            Bound::Queue => &mut limits.queue,
            Bound::Queues => &mut limits.queues,
            Bound::Connections => &mut limits.connections,
            Bound::Closed => &mut limits.closed,
            Bound::Blocks => return,
        } = self.value;
    }

    /// Bytes of live frames that were read and not looked at yet, if it is that bound.
    pub fn blocks(self) -> Option<usize> {
        (self.bound == Bound::Blocks).then_some(self.value)
    }
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or("it is NAME=VALUE, such as queue=8M")?;
        let bound = BOUNDS.iter().find(|(known, _)| *known == name);
        let Some(&(_, bound)) = bound else {
            return Err(format!("the bounds are {}", BOUNDS.map(|(name, _)| name).join(", ")));
        };
        let value = number(value).ok_or("the value is a number, with K, M or G after it or nothing")?;
        Ok(Self { bound, value })
    }
}

/// A number with a suffix for a power of 1024.
pub(super) fn number(text: &str) -> Option<usize> {
    const SUFFIXES: [(char, u32); 3] = [('K', 10), ('M', 20), ('G', 30)];
    let (digits, shift) = SUFFIXES
        .into_iter()
        .find_map(|(suffix, shift)| Some((text.strip_suffix([suffix, suffix.to_ascii_lowercase()])?, shift)))
        .unwrap_or((text, 0));
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse::<usize>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bound_moves_alone() {
        let mut limits = Limits::default();
        for text in ["queue=1", "queues=2k", "connections=3M", "closed=1G", "blocks=9"] {
            let limit = text.parse::<Limit>().unwrap();
            limit.apply(&mut limits);
            assert_eq!(limit.blocks(), text.strip_prefix("blocks=").map(|_| 9));
        }
        assert_eq!([limits.queue, limits.queues, limits.connections, limits.closed], [1, 2 << 10, 3 << 20, 1 << 30]);
    }

    #[test]
    fn what_is_no_bound_is_refused() {
        for text in
            ["", "queue", "queue=", "queue=M", "queue=-1", "queue=+1", "queue=1.5M", "queue=99999999999G", "q=1"]
        {
            assert!(text.parse::<Limit>().is_err(), "{text}");
        }
    }
}
