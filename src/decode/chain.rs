//! The names of a frame's layers in a row, as Wireshark's `frame.protocols` has them.

use super::{Decoded, Layer, ethernet, macsec, pktap, raw, vxlan};

/// The parts of `frame.protocols` down to the transport header: `eth`, `ethertype`, `ip`, `tcp`.
pub fn protocol_chain<'d>(decoded: &'d Decoded<'_>) -> impl Iterator<Item = &'static str> + 'd {
    let link = match decoded.meta.link {
        link if raw::is_raw(link) => Some(raw::PROTOCOL.name),
        pktap::USER2 => Some("user_dlt"),
        _ => None,
    };
    let layers = decoded.layers.iter().zip(1..).flat_map(|(layer, next)| {
        names(layer).chain(decoded.layers.get(next).and_then(|_| between(layer.protocol.name)))
    });
    link.into_iter().chain(layers)
}

/// What Wireshark names between a header that tells how a frame was captured and the frame.
fn between(name: &str) -> Option<&'static str> {
    match name {
        "radiotap" => Some("wlan_radio"),
        "pktap" => Some("pcap_pktdata"),
        _ => None,
    }
}

/// A layer's name, and `ethertype` where it names what follows by an EtherType.
fn names(layer: &Layer<'_>) -> impl Iterator<Item = &'static str> + use<> {
    let ethertype = layer.protocol.ethertype_at.and_then(|at| layer.u16(at));
    let ethertype =
        ethertype.is_some_and(ethernet::is_type) || layer.protocol.name == "macsec" && macsec::is_readable(layer);
    let ethertype = ethertype.then_some("ethertype");
    // Wireshark does not name the generic protocol extension of VXLAN.
    let name = (!vxlan::is_generic(layer)).then_some(layer.protocol.name);
    name.into_iter().chain(ethertype)
}
