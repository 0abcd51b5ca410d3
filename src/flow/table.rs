//! A bounded table of flows: by key, and by an id that a later flow in the same place does not share.
//!
//! Where the flows outgrow the processor's caches, finding one costs what its cache misses cost: one line of the index,
//! which has eight bytes a flow, and the flow's own. Rehashing and removing never touch a flow.

use std::hash::{BuildHasher, Hasher};

use foldhash::quality::RandomState;

use super::Key;

/// Names a flow in a [`Table`] for as long as it is there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Id {
    slot: u32,
    generation: u32,
}

/// Where in a [`Table`] a flow is, or most likely is.
#[derive(Clone, Copy, Debug)]
pub struct Spot(u32);

impl Id {
    /// Where the flow is, as long as it is there.
    pub fn spot(self) -> Spot {
        Spot(self.slot)
    }
}

/// A key with its hash in one table.
#[derive(Clone, Copy, Debug)]
pub struct Hashed {
    key: Key,
    tag: u32,
    /// Which place of the index is looked at first.
    home: u32,
    /// Which flow is; [`EMPTY`]'s where nothing tells.
    guess: u32,
}

impl Hashed {
    /// The key.
    pub fn key(&self) -> Key {
        self.key
    }
}

/// Flows by key. The hash is keyed, since whoever sends the traffic chooses the ports.
#[derive(Debug)]
pub struct Table<T> {
    hasher: RandomState,
    /// Open addressing with linear probing, at most half full, so that most are found in the first place.
    index: Vec<Place>,
    /// How many places are taken.
    len: usize,
    /// Slots in chunks of [`CHUNK`], so that more of them leave the others where they are.
    chunks: Vec<Box<[Slot<T>; CHUNK]>>,
    free: Vec<u32>,
    hand: usize,
}

/// Slots in a chunk.
const CHUNK: usize = 1024;

/// Places of the smallest index.
const MIN_PLACES: usize = 64;

/// Where a flow is, by the upper half of its hash.
#[derive(Clone, Copy, Debug)]
struct Place {
    tag: u32,
    slot: u32,
}

/// No flow is here.
const EMPTY: Place = Place { tag: 0, slot: u32::MAX };

/// What finding a flow needs stands first, where the flow's own first line is; each begins with a line of the caches.
#[derive(Debug)]
#[repr(C, align(64))]
struct Slot<T> {
    generation: u32,
    tag: u32,
    /// Whether it was used since the hand passed.
    used: bool,
    /// Whether its key is its own: no later flow has the same.
    is_named: bool,
    flow: Option<T>,
}

/// What knows its own key.
pub trait Keyed {
    /// The key.
    fn key(&self) -> &Key;

    /// Has the memory fetched that it will need beside its own.
    fn prefetch(&self) {}
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            hasher: RandomState::default(),
            index: vec![EMPTY; MIN_PLACES],
            len: 0,
            chunks: Vec::new(),
            free: Vec::new(),
            hand: 0,
        }
    }
}

impl<T: Keyed> Table<T> {
    /// How many flows there are that can be found by their key.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Hashes a key, once for all that is done with it.
    #[inline]
    pub fn hash(&self, key: Key) -> Hashed {
        let mut hasher = self.hasher.build_hasher();
        key.hash(&mut hasher);
        let tag = (hasher.finish() >> 32) as u32;
        Hashed { key, tag, home: self.home(tag) as u32, guess: EMPTY.slot }
    }

    /// Has the memory fetched that tells where the flow with this key is.
    #[inline]
    pub fn prefetch_place(&self, key: &Hashed) {
        if let Some(place) = self.index.get(key.home as usize) {
            prefetch(place);
        }
    }

    /// Where the flow with this key most likely is, judged by the hash alone; there it is looked for first.
    #[inline]
    pub fn guess(&self, key: &mut Hashed) -> Option<Spot> {
        let mut at = key.home as usize;
        // The index may have grown since.
        while let Some(&Place { tag, slot }) = self.index.get(at)
            && slot != EMPTY.slot
        {
            if tag == key.tag {
                key.guess = slot;
                return Some(Spot(slot));
            }
            at = self.after(at);
        }
        None
    }

    /// Has the flow fetched that is there.
    #[inline]
    pub fn prefetch(&self, spot: Spot) {
        if let Some(slot) = self.slot(spot.0) {
            prefetch(slot);
        }
    }

    /// Has fetched what that flow needs beside its own memory, which is best there already.
    #[inline]
    pub fn prefetch_more(&self, spot: Spot) {
        if let Some(flow) = self.slot(spot.0).and_then(|slot| slot.flow.as_ref()) {
            flow.prefetch();
        }
    }

    /// The flow with this key; it counts as used.
    #[inline]
    pub fn find(&mut self, key: &Hashed) -> Option<Id> {
        self.find_mut(key).map(|(id, _)| id)
    }

    /// The same, with the flow.
    #[inline]
    pub fn find_mut(&mut self, key: &Hashed) -> Option<(Id, &mut T)> {
        let is_it = |slot: &Slot<T>| slot.is_named && slot.flow.as_ref().is_some_and(|flow| *flow.key() == key.key);
        let slot = match self.slot(key.guess) {
            Some(slot) if is_it(slot) => key.guess,
            _ => self.index[self.position(key)?].slot,
        };
        let Slot { generation, used, flow, .. } = self.slot_mut(slot)?;
        *used = true;
        Some((Id { slot, generation: *generation }, flow.as_mut()?))
    }

    /// The flow with this id, if it is still there.
    #[inline]
    pub fn get_mut(&mut self, id: Id) -> Option<&mut T> {
        let slot = self.slot_mut(id.slot)?;
        slot.flow.as_mut().filter(|_| slot.generation == id.generation)
    }

    /// Adds a flow; one with the same key loses its key, and is reached by its id alone.
    pub fn insert(&mut self, key: &Hashed, flow: T) -> Id {
        debug_assert_eq!(flow.key(), &key.key);
        let slot = self.free.pop().unwrap_or_else(|| self.add_chunk());
        match self.search(key) {
            Ok(at) => {
                let former = std::mem::replace(&mut self.index[at].slot, slot);
                self.slot_mut(former).into_iter().for_each(|former| former.is_named = false);
            }
            Err(at) => self.enter(Place { tag: key.tag, slot }, at),
        }
        let entry = &mut self.chunks[slot as usize / CHUNK][slot as usize % CHUNK];
        (entry.used, entry.is_named) = (true, true);
        entry.tag = key.tag;
        entry.flow = Some(flow);
        Id { slot, generation: entry.generation }
    }

    /// Takes a flow out.
    pub fn take(&mut self, id: Id) -> Option<T> {
        self.vacate(id, Option::take).flatten()
    }

    /// Drops a flow, where it is.
    pub fn remove(&mut self, id: Id) {
        self.vacate(id, |flow| *flow = None);
    }

    /// Frees the place of a flow that is there, which `empty` empties.
    #[inline]
    fn vacate<R>(&mut self, id: Id, empty: impl FnOnce(&mut Option<T>) -> R) -> Option<R> {
        let slot = self.slot_mut(id.slot).filter(|slot| slot.generation == id.generation && slot.flow.is_some())?;
        let emptied = empty(&mut slot.flow);
        slot.generation = slot.generation.wrapping_add(1);
        let tag = slot.tag;
        self.leave(Place { tag, slot: id.slot });
        self.free.push(id.slot);
        Some(emptied)
    }

    /// A flow that was not used lately: the first that the hand of a clock meets unused since it last passed.
    pub fn idle(&mut self) -> Option<Id> {
        let slots = self.chunks.len() * CHUNK;
        for _ in 0..slots * 2 {
            self.hand = (self.hand + 1) % slots;
            let slot = &mut self.chunks[self.hand / CHUNK][self.hand % CHUNK];
            if slot.flow.is_some() && !std::mem::take(&mut slot.used) {
                return Some(Id { slot: self.hand as u32, generation: slot.generation });
            }
        }
        None
    }

    /// The ids of all flows, in the order of their places.
    pub fn ids(&self) -> Vec<Id> {
        let present =
            self.chunks.iter().flat_map(|chunk| chunk.iter()).enumerate().filter(|(_, slot)| slot.flow.is_some());
        present.map(|(slot, entry)| Id { slot: slot as u32, generation: entry.generation }).collect()
    }

    #[inline]
    fn slot(&self, slot: u32) -> Option<&Slot<T>> {
        Some(&self.chunks.get(slot as usize / CHUNK)?[slot as usize % CHUNK])
    }

    #[inline]
    fn slot_mut(&mut self, slot: u32) -> Option<&mut Slot<T>> {
        Some(&mut self.chunks.get_mut(slot as usize / CHUNK)?[slot as usize % CHUNK])
    }

    /// Makes room for more flows; gives the first place of it, and keeps the others free.
    fn add_chunk(&mut self) -> u32 {
        let first = (self.chunks.len() * CHUNK) as u32;
        let empty = |_| Slot { flow: None, generation: 0, tag: 0, used: false, is_named: false };
        let chunk: Box<[Slot<T>]> = (0..CHUNK).map(empty).collect();
        // Of as many slots as it was made of.
        self.chunks.extend(chunk.try_into().ok());
        self.free.extend((first + 1..first + CHUNK as u32).rev());
        first
    }

    /// Where in the index a key is.
    #[inline]
    fn position(&self, key: &Hashed) -> Option<usize> {
        self.search(key).ok()
    }

    /// The same, or else which empty place is its own.
    #[inline]
    fn search(&self, key: &Hashed) -> Result<usize, usize> {
        let mut at = self.home(key.tag);
        loop {
            // At least half of the places are empty, so that this ends.
            let place = self.index[at];
            if place.slot == EMPTY.slot {
                return Err(at);
            }
            if place.tag == key.tag {
                let flow = self.slot(place.slot).and_then(|slot| slot.flow.as_ref());
                if flow.is_some_and(|flow| *flow.key() == key.key) {
                    return Ok(at);
                }
            }
            at = self.after(at);
        }
    }

    /// Puts a new flow into the empty place that is its own.
    fn enter(&mut self, place: Place, at: usize) {
        self.len += 1;
        if self.len * 2 > self.index.len() {
            let larger = vec![EMPTY; self.index.len() * 2];
            let former = std::mem::replace(&mut self.index, larger);
            former.into_iter().filter(|place| place.slot != EMPTY.slot).for_each(|place| self.put(place));
            self.put(place);
        } else {
            self.index[at] = place;
        }
    }

    fn put(&mut self, place: Place) {
        let mut at = self.home(place.tag);
        while self.index[at].slot != EMPTY.slot {
            at = self.after(at);
        }
        self.index[at] = place;
    }

    /// Empties a place, if it is still this flow's; those after it that are not at home move up.
    fn leave(&mut self, left: Place) {
        let mut hole = self.home(left.tag);
        while self.index[hole].slot != left.slot {
            if self.index[hole].slot == EMPTY.slot {
                return;
            }
            hole = self.after(hole);
        }
        let len = self.index.len();
        let distance = |from: usize, to: usize| if to >= from { to - from } else { to + len - from };
        let mut at = self.after(hole);
        while self.index[at].slot != EMPTY.slot {
            if distance(self.home(self.index[at].tag), at) >= distance(hole, at) {
                self.index[hole] = self.index[at];
                hole = at;
            }
            at = self.after(at);
        }
        self.index[hole] = EMPTY;
        self.len -= 1;
    }

    #[inline]
    fn home(&self, tag: u32) -> usize {
        ((u64::from(tag) * self.index.len() as u64) >> 32) as usize
    }

    #[inline]
    fn after(&self, at: usize) -> usize {
        if at + 1 == self.index.len() { 0 } else { at + 1 }
    }
}

/// The most that is fetched ahead of one flow: what every segment looks at.
const FETCHED: usize = 448;

/// Has the beginning of `what` fetched into the caches.
#[inline]
#[cfg_attr(target_arch = "x86_64", allow(unsafe_code))]
pub fn prefetch<T>(what: &T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let len = size_of::<T>().min(FETCHED);
        let mut at = 0;
        while at < len {
            // SAFETY: a prefetch reads nothing that the program sees and cannot fault; the address is within `what`.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(what).cast::<i8>().add(at)) }
            // Where it does not begin with a line of the cache, its end is in one more.
            let is_last = at + 64 >= len && (at + 1 >= len || align_of::<T>() >= 64);
            at = if at + 64 < len || is_last { at + 64 } else { len - 1 };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = what;
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::flow::Endpoint;

    #[derive(PartialEq, Eq, Clone, Copy, Debug)]
    struct Flow<T>(Key, T);

    impl<T> Keyed for Flow<T> {
        fn key(&self) -> &Key {
            &self.0
        }
    }

    fn key<T>(table: &Table<Flow<T>>, port: u16) -> Hashed {
        let end = |port| Endpoint { address: IpAddr::V4(Ipv4Addr::LOCALHOST), port };
        table.hash(Key::new(end(port), end(80)).0)
    }

    fn insert<T>(table: &mut Table<Flow<T>>, key: &Hashed, value: T) -> Id {
        table.insert(key, Flow(key.key, value))
    }

    #[test]
    fn an_id_does_not_outlive_its_flow() {
        let mut table = Table::default();
        let [one, two] = [1, 2].map(|port| key(&table, port));
        let first = insert(&mut table, &one, "first");
        assert_eq!(table.take(first).map(|flow| flow.1), Some("first"));
        let second = insert(&mut table, &two, "second");
        assert_eq!(table.get_mut(first), None);
        assert_eq!((table.find(&two), table.find(&one)), (Some(second), None));
    }

    #[test]
    fn a_flow_whose_key_another_took_is_reached_by_its_id() {
        let mut table = Table::default();
        let same = key(&table, 1);
        let (first, second) = (insert(&mut table, &same, "first"), insert(&mut table, &same, "second"));
        assert_eq!((table.find(&same), table.len()), (Some(second), 1));
        assert_eq!(table.take(first).map(|flow| flow.1), Some("first"));
        assert_eq!(table.find(&same), Some(second));
        assert_eq!(table.take(second).map(|flow| flow.1), Some("second"));
        assert!(table.is_empty());
    }

    #[test]
    fn the_hand_spares_what_was_used() {
        let mut table = Table::default();
        let keys: Vec<Hashed> = (0..4).map(|port| key(&table, port)).collect();
        let ids: Vec<Id> = keys.iter().zip(0..).map(|(key, port)| insert(&mut table, key, port)).collect();
        let first = table.idle().unwrap();
        table.remove(first);
        let spared = ids.iter().find(|id| **id != first).copied().unwrap();
        let port: usize = table.get_mut(spared).unwrap().1;
        table.find(&keys[port]);
        assert_ne!(table.idle(), Some(spared));
    }

    #[test]
    fn many_flows_that_come_and_go_are_found_as_a_map_finds_them() {
        let mut table = Table::default();
        let mut model: HashMap<u16, (Id, u64)> = HashMap::new();
        let mut random = 1u64;
        for step in 0..200_000u64 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let port = (random >> 40) as u16 % 5000;
            let hashed = key(&table, port);
            assert_eq!(table.find(&hashed), model.get(&port).map(|known| known.0));
            if let Some((id, value)) = model.remove(&port) {
                assert_eq!(table.take(id).map(|flow| flow.1), Some(value));
            } else if random >> 63 == 0 || model.len() < 2000 {
                model.insert(port, (insert(&mut table, &hashed, step), step));
            }
            assert_eq!(table.len(), model.len());
        }
    }
}
