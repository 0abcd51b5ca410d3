//! Datagrams of UDP: DNS, QUIC, DHCP and whatever else is named by what it begins with.

use super::packet::{self, MS, udp};
use super::script::Script;
use super::tls::initial;

/// Ports of servers that are asked something.
const PORTS: &[u16] = &[
    53, 5353, 5355, 443, 67, 68, 123, 137, 161, 500, 514, 546, 547, 69, 1812, 1900, 3478, 4433, 5060, 88, 51_820, 9999,
];

/// A script: options; then datagrams: who sends, port, milliseconds, form, bytes.
pub fn run(input: &[u8]) {
    let mut script = Script(input);
    let seed = script.byte();
    let (mut packets, mut time) = (Vec::new(), 0);
    while !script.is_done() && packets.len() < 60 {
        let (from, port) = (script.below(2), script.one_of(PORTS));
        time += i64::from(script.byte()) * 10 * MS;
        let form = script.byte();
        let bytes = script.sized();
        let sealed = if form == 1 { initial(bytes) } else { bytes.to_vec() };
        let packet = udp(from, [40_000, port], &sealed);
        let captured = if form == 2 { packet.len() - bytes.len() / 2 } else { packet.len() };
        packets.push((time, packet, captured));
    }
    packet::tell(seed, packets);
}
