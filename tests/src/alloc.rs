//! An allocator that looks for a text in what is allocated while it watches.
//!
//! "The statement is a literal" means that no block of memory that was allocated by the operation has ever held the
//! statement. The allocator keeps a list of the blocks that were allocated while it watched, looks into each one when
//! it is freed or moved, and into the rest at the end. It watches the whole process: tests that use it live in a
//! binary of their own, which names it:
//!
//! ```text
//! #[global_allocator]
//! static ALLOC: Watcher = Watcher::new();
//!
//! let (_, seen) = ALLOC.watch("FROM \"users\"", users.find_by_id(1)).await;
//! assert_eq!(seen.with_text, 0);
//! ```
#![allow(unsafe_code, reason = "GlobalAlloc is an unsafe trait")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::future::Future;
use std::hint;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

/// How many blocks may live at a time that were allocated during a watch.
const BLOCKS: usize = 4096;
/// The longest text to look for.
const TEXT: usize = 64;

/// The system's allocator, with a watch.
pub struct Watcher {
    watching: AtomicBool,
    /// Taken around everything below; a thread that holds it does not allocate.
    locked: AtomicBool,
    allocations: AtomicUsize,
    with_text: AtomicUsize,
    overflown: AtomicBool,
    text: [AtomicUsize; TEXT],
    text_len: AtomicUsize,
    blocks: [Block; BLOCKS],
}

struct Block {
    start: AtomicPtr<u8>,
    size: AtomicUsize,
}

/// What was allocated while a future ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Blocks allocated or grown, by whichever thread: the test runner has some of its own.
    pub allocations: usize,
    /// Those of them that held the text when they were freed, moved, or the watch ended.
    pub with_text: usize,
}

impl Watcher {
    /// Does not watch yet.
    #[expect(clippy::new_without_default, reason = "a static needs a const fn")]
    pub const fn new() -> Self {
        Watcher {
            watching: AtomicBool::new(false),
            locked: AtomicBool::new(false),
            allocations: AtomicUsize::new(0),
            with_text: AtomicUsize::new(0),
            overflown: AtomicBool::new(false),
            text: [const { AtomicUsize::new(0) }; TEXT],
            text_len: AtomicUsize::new(0),
            blocks: [const { Block { start: AtomicPtr::new(ptr::null_mut()), size: AtomicUsize::new(0) } };
                BLOCKS],
        }
    }

    /// Runs a future and says what the process allocated meanwhile.
    ///
    /// # Panics
    ///
    /// If another watch is on, the text is empty or longer than 64 bytes, or more than 4096 new blocks live at a time.
    pub async fn watch<F: Future>(&self, text: &str, future: F) -> (F::Output, Seen) {
        assert!((1..=TEXT).contains(&text.len()), "the text to look for has 1 to {TEXT} bytes");
        self.with_lock(|| {
            assert!(!self.watching.load(Ordering::Relaxed), "one watch at a time");
            for (cell, byte) in self.text.iter().zip(text.bytes()) {
                cell.store(byte.into(), Ordering::Relaxed);
            }
            self.text_len.store(text.len(), Ordering::Relaxed);
            self.allocations.store(0, Ordering::Relaxed);
            self.with_text.store(0, Ordering::Relaxed);
            self.overflown.store(false, Ordering::Relaxed);
            self.watching.store(true, Ordering::Relaxed);
        });
        // Also when the future panics or is dropped, or the blocks would stay on the list for ever.
        let end = End(self);
        let out = future.await;
        drop(end);
        assert!(!self.overflown.load(Ordering::Relaxed), "too many blocks: watch less at a time");
        let seen = Seen {
            allocations: self.allocations.load(Ordering::Relaxed),
            with_text: self.with_text.load(Ordering::Relaxed),
        };
        (out, seen)
    }

    fn with_lock<T>(&self, f: impl FnOnce() -> T) -> T {
        struct Unlock<'a>(&'a AtomicBool);
        impl Drop for Unlock<'_> {
            fn drop(&mut self) {
                self.0.store(false, Ordering::Release);
            }
        }
        while self.locked.compare_exchange_weak(false, true, Ordering::Acquire, Ordering::Relaxed).is_err() {
            hint::spin_loop();
        }
        let _unlock = Unlock(&self.locked);
        f()
    }

    fn added(&self, start: *mut u8, size: usize) {
        self.with_lock(|| {
            self.allocations.fetch_add(1, Ordering::Relaxed);
            match self.blocks.iter().find(|block| block.start.load(Ordering::Relaxed).is_null()) {
                Some(block) => {
                    block.start.store(start, Ordering::Relaxed);
                    block.size.store(size, Ordering::Relaxed);
                }
                None => self.overflown.store(true, Ordering::Relaxed),
            }
        });
    }

    fn removed(&self, start: *mut u8) {
        self.with_lock(|| {
            if let Some(block) = self.blocks.iter().find(|block| block.start.load(Ordering::Relaxed) == start)
            {
                self.look_into(block);
            }
        });
    }

    /// Counts the block if it holds the text, and takes it off the list.
    fn look_into(&self, block: &Block) {
        let start = block.start.swap(ptr::null_mut(), Ordering::Relaxed);
        let size = block.size.load(Ordering::Relaxed);
        let len = self.text_len.load(Ordering::Relaxed);
        // SAFETY: the block is on the list, so it is allocated with this size, and while the lock is held it cannot
        // be freed. Blocks on the list were zeroed, so every byte is initialised. Another thread may be writing; the
        // read is volatile, and a torn text would be counted or missed, nothing else.
        let byte = |at: usize| usize::from(unsafe { ptr::read_volatile(start.add(at)) });
        let found = (0..(size + 1).saturating_sub(len))
            .any(|from| (0..len).all(|at| byte(from + at) == self.text[at].load(Ordering::Relaxed)));
        if found {
            self.with_text.fetch_add(1, Ordering::Relaxed);
        }
    }
}

struct End<'a>(&'a Watcher);

impl Drop for End<'_> {
    fn drop(&mut self) {
        let watcher = self.0;
        watcher.with_lock(|| {
            for block in watcher.blocks.iter().filter(|block| !block.start.load(Ordering::Relaxed).is_null())
            {
                watcher.look_into(block);
            }
            watcher.watching.store(false, Ordering::Relaxed);
        });
    }
}

// SAFETY: every block comes from and goes back to the system's allocator, with the layout it was asked for. While a
// watch is on, blocks are zeroed first and grown by moving, which the contract allows.
unsafe impl GlobalAlloc for Watcher {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !self.watching.load(Ordering::Relaxed) {
            // SAFETY: the caller's promise.
            return unsafe { System.alloc(layout) };
        }
        // SAFETY: the caller's promise.
        let start = unsafe { System.alloc_zeroed(layout) };
        if !start.is_null() {
            self.added(start, layout.size());
        }
        start
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        let start = unsafe { System.alloc_zeroed(layout) };
        if !start.is_null() && self.watching.load(Ordering::Relaxed) {
            self.added(start, layout.size());
        }
        start
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        if self.watching.load(Ordering::Relaxed) {
            self.removed(start);
        }
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(start, layout) };
    }

    unsafe fn realloc(&self, start: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !self.watching.load(Ordering::Relaxed) {
            // SAFETY: the caller's promise.
            return unsafe { System.realloc(start, layout, size) };
        }
        // SAFETY: the caller's promise: the size is not zero and fits the alignment; both blocks are as long as is
        // copied, and they are distinct.
        unsafe {
            let moved = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !moved.is_null() {
                ptr::copy_nonoverlapping(start, moved, layout.size().min(size));
                self.dealloc(start, layout);
            }
            moved
        }
    }
}
