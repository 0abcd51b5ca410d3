//! The names of a frame's layers in a row, as Wireshark's `frame.protocols` has them.

use super::{Decoded, Layer, ethernet, raw};

/// The parts of `frame.protocols` down to the transport header: `eth`, `ethertype`, `ip`, `tcp`.
pub fn protocol_chain<'d>(decoded: &'d Decoded<'_>) -> impl Iterator<Item = &'static str> + 'd {
    let raw = raw::is_raw(decoded.meta.link).then_some(raw::PROTOCOL.name);
    raw.into_iter().chain(decoded.layers.iter().flat_map(names))
}

/// A layer's name, and `ethertype` where it names what follows by an EtherType.
fn names(layer: &Layer<'_>) -> impl Iterator<Item = &'static str> + use<> {
    let ethertype = layer.protocol.ethertype_at.and_then(|at| layer.u16(at));
    let ethertype = ethertype.filter(|&value| ethernet::is_type(value)).map(|_| "ethertype");
    std::iter::once(layer.protocol.name).chain(ethertype)
}
