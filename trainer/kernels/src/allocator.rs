//! The buffers of layers.

use crate::parallel::made;

/// Values that are worth a thread of their own.
const TASK_VALUES: usize = 1 << 15;

/// So many zeros, written by all threads: of the buffers of a training step there are gigabytes.
#[must_use]
pub fn zeros(len: usize) -> Vec<f32> {
    made(len, TASK_VALUES, 0.0, |_, _| {})
}

/// Has the allocator keep what is freed, for the next layer, in place of giving it back to the
/// system: a training step takes and frees buffers of megabytes some thousand times, and the pages
/// of a new one must each be mapped and cleared. Memory at its highest is the same.
///
/// For a program's first line. Does something with glibc alone.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        const MAPPED_FROM: libc::c_int = 1 << 30;
        const GROWN_BY: libc::c_int = 1 << 26;
        for (parameter, value) in [
            (libc::M_MMAP_THRESHOLD, MAPPED_FROM),
            (libc::M_TRIM_THRESHOLD, libc::c_int::MAX),
            (libc::M_TOP_PAD, GROWN_BY),
        ] {
            // SAFETY: these parameters may be set at any time; a value that the C library will not
            // have changes nothing.
            unsafe { libc::mallopt(parameter, value) };
        }
    }
}
