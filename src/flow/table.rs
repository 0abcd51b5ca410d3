//! A bounded table of flows: by key, and by an id that a later flow in the same place does not share.

use std::collections::HashMap;

use super::Key;

/// Names a flow in a [`Table`] for as long as it is there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Id {
    slot: u32,
    generation: u32,
}

/// Flows by key. The hash is keyed, since whoever sends the traffic chooses the ports.
#[derive(Debug)]
pub struct Table<T> {
    ids: HashMap<Key, u32>,
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    hand: usize,
}

#[derive(Debug)]
struct Slot<T> {
    generation: u32,
    /// Whether it was used since the hand passed.
    used: bool,
    flow: Option<(Key, T)>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { ids: HashMap::new(), slots: Vec::new(), free: Vec::new(), hand: 0 }
    }
}

impl<T> Table<T> {
    /// How many flows there are.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The flow with this key; it counts as used.
    pub fn find(&mut self, key: &Key) -> Option<Id> {
        let slot = *self.ids.get(key)?;
        let entry = self.slots.get_mut(slot as usize)?;
        entry.used = true;
        Some(Id { slot, generation: entry.generation })
    }

    /// The flow with this id, if it is still there.
    pub fn get_mut(&mut self, id: Id) -> Option<&mut T> {
        let slot = self.slots.get_mut(id.slot as usize)?;
        slot.flow.as_mut().filter(|_| slot.generation == id.generation).map(|(_, flow)| flow)
    }

    /// Adds a flow; one with the same key loses its key, and is reached by its id alone.
    pub fn insert(&mut self, key: Key, flow: T) -> Id {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot { generation: 0, used: false, flow: None });
            self.slots.len() as u32 - 1
        });
        self.ids.insert(key, slot);
        let entry = &mut self.slots[slot as usize];
        entry.used = true;
        entry.flow = Some((key, flow));
        Id { slot, generation: entry.generation }
    }

    /// Takes a flow out.
    pub fn remove(&mut self, id: Id) -> Option<T> {
        let slot = self.slots.get_mut(id.slot as usize).filter(|slot| slot.generation == id.generation)?;
        let (key, flow) = slot.flow.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        if self.ids.get(&key) == Some(&id.slot) {
            self.ids.remove(&key);
        }
        self.free.push(id.slot);
        Some(flow)
    }

    /// A flow that was not used lately: the first that the hand of a clock meets unused since it last passed.
    pub fn idle(&mut self) -> Option<Id> {
        for _ in 0..self.slots.len() * 2 {
            self.hand = (self.hand + 1) % self.slots.len();
            let slot = &mut self.slots[self.hand];
            if slot.flow.is_some() && !std::mem::take(&mut slot.used) {
                return Some(Id { slot: self.hand as u32, generation: slot.generation });
            }
        }
        None
    }

    /// The ids of all flows, in the order of their places.
    pub fn ids(&self) -> Vec<Id> {
        let present = self.slots.iter().enumerate().filter(|(_, slot)| slot.flow.is_some());
        present.map(|(slot, entry)| Id { slot: slot as u32, generation: entry.generation }).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::flow::Endpoint;

    fn key(port: u16) -> Key {
        let end = |port| Endpoint { address: IpAddr::V4(Ipv4Addr::LOCALHOST), port };
        Key::new(end(port), end(80)).0
    }

    #[test]
    fn an_id_does_not_outlive_its_flow() {
        let mut table = Table::default();
        let first = table.insert(key(1), "first");
        assert_eq!(table.remove(first), Some("first"));
        let second = table.insert(key(2), "second");
        assert_eq!(table.get_mut(first), None);
        assert_eq!((table.find(&key(2)), table.find(&key(1))), (Some(second), None));
    }

    #[test]
    fn the_hand_spares_what_was_used() {
        let mut table = Table::default();
        let ids: Vec<Id> = (0..4).map(|port| table.insert(key(port), port)).collect();
        let first = table.idle().unwrap();
        table.remove(first);
        let spared = ids.iter().find(|id| **id != first).copied().unwrap();
        let port = *table.get_mut(spared).unwrap();
        table.find(&key(port));
        assert_ne!(table.idle(), Some(spared));
    }
}
