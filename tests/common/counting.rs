//! A global allocator that counts what the thread allocates.

// The allocator is what is tested with.
#![allow(unsafe_code, dead_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
    static LIVE: Cell<i64> = const { Cell::new(0) };
    static PEAK: Cell<i64> = const { Cell::new(0) };
}

/// How often this thread allocated so far.
pub fn allocations() -> u64 {
    COUNT.get()
}

/// The most bytes that `act` has allocated at any one time.
pub fn peak(act: impl FnOnce()) -> i64 {
    let before = LIVE.get();
    PEAK.set(before);
    act();
    PEAK.get() - before
}

fn count(new: usize, old: usize) {
    // A thread that ends may have lost its counters.
    let _ = COUNT.try_with(|count| count.set(count.get() + u64::from(new > 0)));
    let _ = LIVE.try_with(|live| {
        live.set(live.get() + new as i64 - old as i64);
        PEAK.with(|peak| peak.set(peak.get().max(live.get())));
    });
}

// SAFETY: every call goes to the system's allocator as it is; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        count(0, layout.size());
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size, layout.size());
        unsafe { System.realloc(ptr, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;
