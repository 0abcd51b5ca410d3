//! IP with fragments: pieces that overlap, come twice, in any order, or not at all. Where they make the datagram up, each
//! once, it says what it says in one piece.

use super::judge::essence;
use super::packet::{self, MS, UDP, ipv4, udp_header};
use super::script::Script;

const MORE: u16 = 0x2000;

/// A script: options; then datagrams: ports, payload, how they are cut, and what becomes of the pieces.
pub fn run(input: &[u8]) {
    let mut script = Script(input);
    let seed = script.byte();
    let (mut pieces, mut whole, mut is_whole) = (Vec::new(), Vec::new(), true);
    for id in 1..12_u16 {
        if script.is_done() {
            break;
        }
        let (from, ports) = (script.below(2), [40_000, script.one_of(&[53, 5353, 5060, 443, 500, 67, 4789])]);
        let protocol = script.one_of(&[UDP, UDP, UDP, 6, 4, 47]);
        let payload = script.sized();
        let datagram = if protocol == UDP { udp_header(from, ports, payload) } else { payload.to_vec() };
        let unit = 8 * (1 + script.below(80));
        let mut cut: Vec<Vec<u8>> = datagram
            .chunks(unit)
            .enumerate()
            .map(|(i, piece)| {
                let more = if (i + 1) * unit < datagram.len() { MORE } else { 0 };
                ipv4(from, protocol, (id, more | (i * unit / 8) as u16), piece)
            })
            .collect();
        for _ in 0..script.below(6) {
            is_whole &= disturb(&mut script, &mut cut);
        }
        is_whole &= protocol == UDP && !payload.is_empty() && cut.len() < 60;
        whole.push((i64::from(id) * MS, packet::udp(from, ports, payload), usize::MAX));
        pieces.extend(cut.into_iter().map(|piece| (i64::from(id) * MS, piece, usize::MAX)));
    }
    let (told, _) = packet::tell(seed, pieces);
    if is_whole {
        let (other, _) = packet::tell(seed, whole);
        assert_eq!(essence(&told), essence(&other), "in fragments, and in one piece");
    }
}

/// Does something to the pieces of a datagram; whether it is still there once and unchanged.
fn disturb(script: &mut Script<'_>, cut: &mut Vec<Vec<u8>>) -> bool {
    if cut.is_empty() {
        return true;
    }
    let (what, i, j) = (script.byte(), script.below(cut.len()), script.below(cut.len()));
    match what % 6 {
        0 => {
            cut.swap(i, j);
            return true;
        }
        1 => drop(cut.remove(i)),
        2 => cut.insert(j, cut[i].clone()),
        3 => cut.reverse(),
        4 => {
            // Another offset, and flags.
            let at = script.short().to_be_bytes();
            cut[i][6..8].copy_from_slice(&at);
        }
        _ => {
            let (at, byte) = (script.below(40), script.byte());
            if let Some(place) = cut[i].get_mut(at) {
                *place = byte;
            }
        }
    }
    what % 6 == 3
}
