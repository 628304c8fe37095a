//! Work shared among threads.

use std::marker::PhantomData;
use std::mem::MaybeUninit;

/// Threads that a kernel may use now: those of the rayon pool that the caller runs in; in a browser, those
/// that its workers lent.
pub(crate) fn threads() -> usize {
    #[cfg(any(not(target_arch = "wasm32"), target_feature = "atomics"))]
    {
        crate::team::threads()
    }
    #[cfg(all(target_arch = "wasm32", not(target_feature = "atomics")))]
    {
        1
    }
}

/// Calls `task` once for each of `0..tasks`, in no order, on the kernels' own threads: for work
/// between kernels, such as sampling a token for each row. A kernel called inside runs serially.
pub fn in_parallel(tasks: usize, task: impl Fn(usize) + Sync) {
    run(threads(), tasks, task);
}

/// Calls `task` once for each of `0..tasks`, on at most `threads` threads.
pub(crate) fn run(threads: usize, tasks: usize, task: impl Fn(usize) + Sync) {
    #[cfg(any(not(target_arch = "wasm32"), target_feature = "atomics"))]
    if threads > 1 && tasks > 1 {
        crate::team::run(threads, tasks, &task);
        return;
    }
    let _ = threads;
    (0..tasks).for_each(task);
}

/// A mutable slice that tasks write to at places of their own.
pub(crate) struct Shared<'a, T = f32> {
    start: *mut T,
    len: usize,
    slice: PhantomData<&'a mut [T]>,
}

// SAFETY: the pointer is used through `part` and `pointer` alone, whose callers promise that no
// two tasks touch the same elements.
unsafe impl<T: Send> Send for Shared<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Shared<'_, T> {}

impl<'a, T> Shared<'a, T> {
    pub(crate) fn new(slice: &'a mut [T]) -> Self {
        Self {
            start: slice.as_mut_ptr(),
            len: slice.len(),
            slice: PhantomData,
        }
    }

    /// The room of a vector up to `len`, whose elements hold anything until tasks write them.
    pub(crate) fn room(room: &'a mut [MaybeUninit<T>]) -> Self {
        Self {
            start: room.as_mut_ptr().cast(),
            len: room.len(),
            slice: PhantomData,
        }
    }

    /// The elements `start..start + len`.
    ///
    /// # Safety
    /// No other part that is alive at the same time may overlap this one.
    #[allow(clippy::mut_from_ref, reason = "disjointness is the caller's promise")]
    pub(crate) unsafe fn part(&self, start: usize, len: usize) -> &mut [T] {
        assert!(
            start <= self.len && len <= self.len - start,
            "a part lies outside its slice"
        );
        // SAFETY: in bounds as just checked; not aliased as the caller promises; alive for as
        // long as the borrow that `self` was made of.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(start), len) }
    }

    /// The address of element `start` of a stretch of `len`, for writes that are not contiguous.
    pub(crate) fn pointer(&self, start: usize, len: usize) -> *mut T {
        let fits = start <= self.len && len <= self.len - start;
        assert!(fits, "a place lies outside its slice");
        self.start.wrapping_add(start)
    }
}

/// Calls `each(start, length)` for parts of `len` elements, some for a thread, of at least `least` each.
pub(crate) fn in_parts(len: usize, least: usize, each: impl Fn(usize, usize) + Sync) {
    let threads = threads();
    let tasks = (len / least).clamp(1, threads * 4);
    run(threads, tasks, |task| {
        let start = len * task / tasks;
        each(start, len * (task + 1) / tasks - start);
    });
}

/// A vector of `len` values that `write(start, part)` writes. New memory is written once, by all threads:
/// a part holds `blank` before, and is small enough to be in a near cache then.
pub(crate) fn made<T: Copy + Send + Sync>(
    len: usize,
    least: usize,
    blank: T,
    write: impl Fn(usize, &mut [T]) + Sync,
) -> Vec<T> {
    const NEAR: usize = 1 << 12;
    let mut values: Vec<T> = Vec::with_capacity(len);
    let room = Shared::room(&mut values.spare_capacity_mut()[..len]);
    in_parts(len, least, |start, len| {
        for first in (start..start + len).step_by(NEAR) {
            let count = NEAR.min(start + len - first);
            let part: *mut MaybeUninit<T> = room.pointer(first, count).cast();
            // SAFETY: the parts are disjoint, lie in the room, and may hold anything.
            unsafe { std::slice::from_raw_parts_mut(part, count) }.fill(MaybeUninit::new(blank));
            // SAFETY: as above, and they were just written.
            write(first, unsafe { room.part(first, count) });
        }
    });
    // SAFETY: all are written.
    unsafe { values.set_len(len) };
    values
}

/// Applies `each(row index, row of y)` to the rows of `y` in parallel, some rows a task, so that a
/// task has at least `least` elements of work.
pub(crate) fn for_each_row(
    y: &mut [f32],
    width: usize,
    least: usize,
    each: impl Fn(usize, &mut [f32]) + Sync,
) {
    let rows = y.len() / width;
    let threads = threads();
    let by_work = (y.len() / least.max(1)).max(1);
    let tasks = by_work.min(rows).min(threads * 4);
    let shared = Shared::new(y);
    run(threads, tasks, |task| {
        for row in rows * task / tasks..rows * (task + 1) / tasks {
            // SAFETY: each row belongs to one task, and is lent once at a time.
            each(row, unsafe { shared.part(row * width, width) });
        }
    });
}
