//! An allocator that knows how much memory was in use at most.
//!
//! It counts the whole process, so tests that use it live in a binary of their own, one test in it, which names it:
//!
//! ```text
//! #[global_allocator]
//! static ALLOC: Peak = Peak::new();
//!
//! let (_, bytes) = ALLOC.measure(users.insert_many(rows)).await;
//! ```
#![allow(unsafe_code, reason = "GlobalAlloc is an unsafe trait")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The system's allocator, with a gauge.
pub struct Peak {
    used: AtomicUsize,
    most: AtomicUsize,
}

impl Peak {
    /// Nothing is in use yet.
    #[expect(clippy::new_without_default, reason = "a static needs a const fn")]
    pub const fn new() -> Self {
        Peak { used: AtomicUsize::new(0), most: AtomicUsize::new(0) }
    }

    /// Runs a future; answers as well how many bytes more than before were in use at most.
    pub async fn measure<F: Future>(&self, future: F) -> (F::Output, usize) {
        let before = self.used.load(Ordering::SeqCst);
        self.most.store(before, Ordering::SeqCst);
        let out = future.await;
        (out, self.most.load(Ordering::SeqCst).saturating_sub(before))
    }

    fn add(&self, bytes: usize) {
        let used = self.used.fetch_add(bytes, Ordering::SeqCst) + bytes;
        self.most.fetch_max(used, Ordering::SeqCst);
    }

    fn sub(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::SeqCst);
    }
}

// SAFETY: every block comes from and goes back to the system's allocator, with the layout it was asked for.
unsafe impl GlobalAlloc for Peak {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.add(layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        self.sub(layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(start, layout) };
    }

    unsafe fn realloc(&self, start: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        self.add(size);
        // SAFETY: the caller's promise.
        let moved = unsafe { System.realloc(start, layout, size) };
        self.sub(layout.size());
        moved
    }
}
