//! Neighbours: where the next hop is, as ARP told before a connection was opened (RFC 826).

use std::collections::HashMap;
use std::net::Ipv4Addr;

use super::Moment;
use super::lookups::FRESH;
use crate::decode::Decoded;

/// Neighbours that are kept, and questions.
const MAX_NEIGHBOURS: usize = 1024;

/// A hardware address.
pub type Mac = [u8; 6];

/// An exchange of ARP: who has this address?
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Neighbour {
    /// The address that was asked for: the server's, or that of the router on the way to it.
    pub address: Ipv4Addr,
    /// Where it is.
    pub mac: Mac,
    /// When it was asked for first.
    pub asked: Moment,
    /// When that was answered.
    pub answered: Moment,
}

/// What ARP told, and no connection was opened after yet.
#[derive(Default, Debug)]
pub struct Neighbours {
    /// Questions, by who asks and what for.
    asked: HashMap<(Mac, Ipv4Addr), Moment>,
    /// Answers, by who asked and where to send to.
    told: HashMap<[Mac; 2], Neighbour>,
}

impl Neighbours {
    /// Takes a frame, if it is one of ARP.
    pub fn packet(&mut self, decoded: &Decoded<'_>) {
        let Some(arp) = decoded.layers.iter().find(|layer| layer.protocol.name == "arp") else { return };
        // Of Ethernet and IPv4: its formats, the lengths of their addresses, and the operation.
        let Some((&[0, 1, 8, 0, 6, 4, 0, operation], addresses)) = arp.header.split_first_chunk() else { return };
        let Some((sender, target)) = addresses.split_first_chunk::<10>() else { return };
        let Some(target) = target.first_chunk::<10>() else { return };
        let [(sender, asks), (target, address)] = [sender, target].map(split);
        let moment = Moment { time: decoded.meta.time, frame: decoded.meta.number };
        match operation {
            1 if self.asked.len() < MAX_NEIGHBOURS => {
                self.asked.entry((sender, address)).or_insert(moment);
            }
            2 if self.told.len() < MAX_NEIGHBOURS => {
                if let Some(asked) = self.asked.remove(&(target, asks)) {
                    let neighbour = Neighbour { address: asks, mac: sender, asked, answered: moment };
                    self.told.insert([target, sender], neighbour);
                }
            }
            _ => {}
        }
    }

    /// What had been told shortly before a frame of where to send it; that is told once.
    pub fn lead_to(&mut self, decoded: &Decoded<'_>) -> Option<Neighbour> {
        if self.told.is_empty() {
            return None;
        }
        let ethernet = decoded.layers.first().filter(|layer| layer.protocol.name == "eth")?;
        let (to, rest) = ethernet.header.split_first_chunk()?;
        let told = self.told.remove(&[*rest.first_chunk()?, *to])?;
        (0..FRESH).contains(&decoded.meta.time.since(told.answered.time)).then_some(told)
    }
}

/// A hardware address and the address with it.
fn split(&[a, b, c, d, e, f, w, x, y, z]: &[u8; 10]) -> (Mac, Ipv4Addr) {
    ([a, b, c, d, e, f], Ipv4Addr::new(w, x, y, z))
}
