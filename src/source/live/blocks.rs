//! Blocks of frames between the thread that reads the interfaces and the one that takes the frames. All blocks are of one
//! size and there are so many of them at most; where all are full, frames are dropped and counted.

use std::collections::VecDeque;
use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::super::pcap::MAX_CAPTURED;
use super::super::{Error, Wait};
use super::Stats;
use crate::frame::{Drops, Lost, Timestamp};

/// Bytes of a block: room for the longest frame that is captured, and some 300 full-size ones.
pub(super) const BLOCK: usize = 512 << 10;
const _: () = assert!(BLOCK >= MAX_CAPTURED as usize + HEADER);

/// Losses that are kept until they are taken; beyond that they are joined.
const MAX_DROPS: usize = 64;

/// What is noted before the bytes of each frame: time, length on the wire, captured length, interface.
const HEADER: usize = 8 + 4 + 4 + 2;

/// What is noted of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Noted {
    pub time: Timestamp,
    pub wire_len: u32,
    pub interface: u16,
}

/// Frames one after the other, each after what is noted of it.
pub(super) type Block = Vec<u8>;

/// The frame that `block` begins with, and what comes after it.
#[inline]
pub(super) fn first(block: &[u8]) -> Option<(Noted, &[u8], &[u8])> {
    let (time, rest) = block.split_first_chunk()?;
    let (wire, rest) = rest.split_first_chunk()?;
    let (captured, rest) = rest.split_first_chunk()?;
    let (interface, rest) = rest.split_first_chunk()?;
    let (bytes, rest) = rest.split_at_checked(u32::from_ne_bytes(*captured) as usize)?;
    let time = Timestamp(i64::from_ne_bytes(*time));
    let (wire_len, interface) = (u32::from_ne_bytes(*wire), u16::from_ne_bytes(*interface));
    Some((Noted { time, wire_len, interface }, bytes, rest))
}

/// The blocks, as both threads see them.
pub(super) struct Blocks {
    state: Mutex<State>,
    arrived: Condvar,
}

struct State {
    /// Those with frames, oldest first. The last of them gets more until it is taken.
    filled: VecDeque<Block>,
    free: Vec<Block>,
    /// How many more may be made.
    left: usize,
    /// Not taken yet.
    drops: VecDeque<Drops>,
    stats: Stats,
    /// Why no more frames come.
    over: Option<Result<(), Error>>,
}

impl Blocks {
    /// So many bytes in all, and at least two blocks.
    pub fn new(bytes: usize) -> Self {
        let state = State {
            filled: VecDeque::new(),
            free: Vec::new(),
            left: (bytes / BLOCK).max(2),
            drops: VecDeque::new(),
            stats: Stats::default(),
            over: None,
        };
        Self { state: Mutex::new(state), arrived: Condvar::new() }
    }

    /// To put frames in. The other thread waits meanwhile, so that it is for some frames only.
    pub fn fill(&self) -> Filling<'_> {
        Filling { state: self.lock(), arrived: &self.arrived }
    }

    /// The oldest block with frames, in exchange for one that was looked through; `drops` gets the losses that became
    /// known.
    pub fn take(&self, empty: Block, drops: &mut Vec<Drops>) -> Option<Block> {
        let mut state = self.lock();
        if empty.capacity() > 0 {
            state.free.push(empty);
        }
        drops.extend(state.drops.drain(..));
        state.filled.pop_front()
    }

    /// Waits until there are frames or losses, or none will come, or `timeout` is over.
    pub fn wait(&self, timeout: Duration) -> Result<Wait, Error> {
        let has_none = |state: &mut State| state.filled.is_empty() && state.drops.is_empty() && state.over.is_none();
        let waited = self.arrived.wait_timeout_while(self.lock(), timeout, has_none);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if !(state.filled.is_empty() && state.drops.is_empty()) {
            return Ok(Wait::Ready);
        }
        match &mut state.over {
            None => Ok(Wait::Idle),
            // An error is told once.
            Some(over) => mem::replace(over, Ok(())).map(|()| Wait::End),
        }
    }

    /// What was counted so far.
    pub fn stats(&self) -> Stats {
        self.lock().stats
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // What a thread that panicked left is whole: each change is one call.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The blocks while frames are put in; then the other thread is told.
pub(super) struct Filling<'b> {
    state: MutexGuard<'b, State>,
    arrived: &'b Condvar,
}

impl Filling<'_> {
    /// Puts a frame in, or counts it as dropped.
    pub fn push(&mut self, noted: Noted, bytes: &[u8]) {
        match self.block_for(bytes.len()) {
            Some(block) => {
                block.extend_from_slice(&noted.time.0.to_ne_bytes());
                block.extend_from_slice(&noted.wire_len.to_ne_bytes());
                block.extend_from_slice(&(bytes.len() as u32).to_ne_bytes());
                block.extend_from_slice(&noted.interface.to_ne_bytes());
                block.extend_from_slice(bytes);
            }
            None => self.drop_one(noted.time),
        }
    }

    /// A block with room for a frame of this length.
    fn block_for(&mut self, len: usize) -> Option<&mut Block> {
        let has_room = |block: &Block| block.len() + HEADER + len <= BLOCK;
        if HEADER + len > BLOCK {
            return None;
        }
        let State { filled, free, left, .. } = &mut *self.state;
        if !filled.back().is_some_and(has_room) {
            let block = match free.pop() {
                Some(mut block) => {
                    block.clear();
                    block
                }
                None => {
                    *left = left.checked_sub(1)?;
                    Block::with_capacity(BLOCK)
                }
            };
            filled.push_back(block);
        }
        filled.back_mut()
    }

    fn drop_one(&mut self, time: Timestamp) {
        self.state.stats.lost.dissect += 1;
        let one = Drops { since: time, until: time, after: None, lost: Lost { dissect: 1, ..Lost::default() } };
        match self.state.drops.back_mut() {
            // Where nobody has taken them, no block has become free since.
            Some(last) if last.lost.total() == last.lost.dissect => last.join(&one),
            _ => self.lose(one),
        }
    }

    /// Frames were lost that never came here.
    pub fn lose(&mut self, drops: Drops) {
        let is_full = self.state.drops.len() >= MAX_DROPS;
        match self.state.drops.back_mut() {
            Some(last) if is_full => last.join(&drops),
            _ => self.state.drops.push_back(drops),
        }
    }

    /// What the interfaces counted so far.
    pub fn count(&mut self, received: u64, kernel: u64, interface: u64) {
        let stats = &mut self.state.stats;
        stats.received = received;
        (stats.lost.kernel, stats.lost.interface) = (kernel, interface);
    }

    /// No more frames come.
    pub fn end(&mut self, over: Result<(), Error>) {
        self.state.over.get_or_insert(over);
    }
}

impl Drop for Filling<'_> {
    fn drop(&mut self) {
        self.arrived.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(time: i64) -> Noted {
        Noted { time: Timestamp(time), wire_len: 9, interface: 3 }
    }

    fn times(block: &[u8]) -> Vec<i64> {
        let mut rest = block;
        std::iter::from_fn(|| {
            let (noted, _, after) = first(rest)?;
            rest = after;
            Some(noted.time.0)
        })
        .collect()
    }

    #[test]
    fn frames_come_as_they_were_put_in_and_blocks_are_used_again() {
        let blocks = Blocks::new(0);
        let mut drops = Vec::new();
        let mut block = Block::new();
        for round in 0..10 {
            blocks.fill().push(noted(round), b"frame");
            blocks.fill().push(noted(round + 1), b"");
            block = blocks.take(block, &mut drops).unwrap();
            let (what, bytes, rest) = first(&block).unwrap();
            assert_eq!((what, bytes), (noted(round), &b"frame"[..]));
            assert_eq!(times(rest), [round + 1]);
        }
        assert!(blocks.take(block, &mut drops).is_none() && drops.is_empty());
    }

    #[test]
    fn what_finds_no_room_is_counted_and_bracketed() {
        let blocks = Blocks::new(2 * BLOCK);
        let frame = vec![7; MAX_CAPTURED as usize];
        (0..5).for_each(|time| blocks.fill().push(noted(time), &frame));
        assert_eq!(blocks.stats().lost, Lost { dissect: 3, ..Lost::default() });
        let mut drops = Vec::new();
        let first = blocks.take(Block::new(), &mut drops).unwrap();
        assert_eq!(times(&first), [0]);
        let lost = Lost { dissect: 3, ..Lost::default() };
        assert_eq!(drops, [Drops { since: Timestamp(2), until: Timestamp(4), after: None, lost }]);
        assert!(blocks.take(first, &mut drops).is_some());
        blocks.fill().push(noted(5), &frame);
        assert_eq!(times(&blocks.take(Block::new(), &mut drops).unwrap()), [5]);
        assert_eq!(drops.len(), 1);
    }

    #[test]
    fn a_frame_that_is_long_does_not_make_a_block_grow() {
        let blocks = Blocks::new(0);
        blocks.fill().push(noted(0), &vec![0; BLOCK + 1]);
        assert_eq!(blocks.stats().lost.dissect, 1);
        for _ in 0..3000 {
            blocks.fill().push(noted(1), &[0; 1000]);
        }
        let mut drops = Vec::new();
        while let Some(block) = blocks.take(Block::new(), &mut drops) {
            assert_eq!(block.capacity(), BLOCK);
        }
    }

    #[test]
    fn losses_that_nobody_takes_are_joined() {
        let blocks = Blocks::new(0);
        for at in 0..1000 {
            let lost = Lost { kernel: 1, ..Lost::default() };
            blocks.fill().lose(Drops { since: Timestamp(at), until: Timestamp(at + 1), after: None, lost });
        }
        let mut drops = Vec::new();
        assert!(blocks.take(Block::new(), &mut drops).is_none());
        assert_eq!(drops.len(), MAX_DROPS);
        assert_eq!(drops.iter().map(|drops| drops.lost.kernel).sum::<u64>(), 1000);
        assert_eq!(drops.last().unwrap().until, Timestamp(1000));
    }

    #[test]
    fn the_end_is_told_after_the_frames_and_an_error_once() {
        let blocks = Blocks::new(0);
        assert_eq!(blocks.wait(Duration::ZERO).unwrap(), Wait::Idle);
        blocks.fill().push(noted(0), b"");
        blocks.fill().end(Err(Error::InterfaceDown { interface: "x".into() }));
        assert_eq!(blocks.wait(Duration::ZERO).unwrap(), Wait::Ready);
        blocks.take(Block::new(), &mut Vec::new());
        assert!(blocks.wait(Duration::ZERO).is_err());
        assert_eq!(blocks.wait(Duration::ZERO).unwrap(), Wait::End);
    }
}
