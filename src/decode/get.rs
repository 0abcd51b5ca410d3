//! What the getters of the fields are made of: each gives nothing where the bytes were not captured.

use super::Layer;
use crate::field::Value;

impl<'a> Layer<'a> {
    /// The bytes from `at`, as many as asked for.
    pub(super) fn array<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.header.get(at..)?.first_chunk().copied()
    }

    /// The byte at `at`.
    pub(super) fn u8(&self, at: usize) -> Option<u8> {
        self.header.get(at).copied()
    }

    /// The number of two bytes at `at`.
    pub(super) fn u16(&self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_be_bytes)
    }

    /// The number of four bytes at `at`.
    pub(super) fn u32(&self, at: usize) -> Option<u32> {
        self.array(at).map(u32::from_be_bytes)
    }

    /// The bytes of the header from `at`.
    pub fn from(&self, at: usize) -> &'a [u8] {
        self.header.get(at..).unwrap_or_default()
    }

    /// The hardware address at `at`.
    pub(super) fn mac<'x>(&self, at: usize, put: &mut dyn FnMut(Value<'x>)) {
        self.array(at).map(Value::Mac).map(put);
    }

    /// The IPv4 address at `at`.
    pub(super) fn ipv4<'x>(&self, at: usize, put: &mut dyn FnMut(Value<'x>)) {
        self.array(at).map(Value::Ipv4).map(put);
    }

    /// The IPv6 address at `at`.
    pub(super) fn ipv6<'x>(&self, at: usize, put: &mut dyn FnMut(Value<'x>)) {
        self.array(at).map(Value::Ipv6).map(put);
    }
}

/// Hands on a number.
pub(super) fn uint<'x>(value: Option<impl Into<u64>>, put: &mut dyn FnMut(Value<'x>)) {
    value.map(|value| Value::Uint(value.into())).map(put);
}

/// Hands on whether one of `mask` is set.
pub(super) fn bit<'x, T: Into<u64>>(value: Option<T>, mask: u64, put: &mut dyn FnMut(Value<'x>)) {
    value.map(|value| Value::Bool(value.into() & mask != 0)).map(put);
}

/// Hands on the bits of `value` from `shift` up, as many as `mask` has.
pub(super) fn bits<'x, T: Into<u64>>(value: Option<T>, shift: u32, mask: u64, put: &mut dyn FnMut(Value<'x>)) {
    value.map(|value| Value::Uint(value.into() >> shift & mask)).map(put);
}
