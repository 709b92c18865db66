//! An allocator that knows how much memory is in use, and how much was at most.
//!
//! It counts the whole process: tests that use it live in a binary of their own and one after the other.
#![allow(unsafe_code, reason = "GlobalAlloc is an unsafe trait")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The system's allocator, with a counter of bytes.
pub struct Peak {
    live: AtomicUsize,
    most: AtomicUsize,
}

impl Peak {
    /// Nothing is in use yet.
    #[expect(clippy::new_without_default, reason = "a static needs a const fn")]
    pub const fn new() -> Self {
        Peak { live: AtomicUsize::new(0), most: AtomicUsize::new(0) }
    }

    /// Runs a future and says how many bytes more than at its beginning were in use at most.
    pub async fn watch<F: Future>(&self, future: F) -> (F::Output, usize) {
        let before = self.live.load(Ordering::SeqCst);
        self.most.store(before, Ordering::SeqCst);
        let out = future.await;
        (out, self.most.load(Ordering::SeqCst).saturating_sub(before))
    }

    fn added(&self, bytes: usize) {
        let live = self.live.fetch_add(bytes, Ordering::SeqCst) + bytes;
        self.most.fetch_max(live, Ordering::SeqCst);
    }

    fn removed(&self, bytes: usize) {
        self.live.fetch_sub(bytes, Ordering::SeqCst);
    }
}

// SAFETY: every block comes from and goes back to the system's allocator, with the layout it was asked for; `realloc` is
// the default one, which is made of the other two.
unsafe impl GlobalAlloc for Peak {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        let start = unsafe { System.alloc(layout) };
        if !start.is_null() {
            self.added(layout.size());
        }
        start
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        self.removed(layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(start, layout) };
    }
}
