//! Matrix products of `f32` by `bf16` instructions of x86-64: its matrix unit (AMX-BF16), or vectors
//! (AVX-512-BF16).
//!
//! They multiply `bf16` (8 bits of mantissa) and add in `f32`. On the matrix unit there is time to
//! come near the precision of `f32`: each factor is split into two `bf16`, x = high + low + ε with
//! |ε| ≤ 2⁻¹⁷ |x|, and three products are added: high·high + high·low + low·high. What is left out is
//! about 2⁻¹⁶ of |a|·|b|, near the rounding of a long sum in `f32`. Without the split (`SPLIT` false)
//! the high parts alone are packed and multiplied.
//!
//! Each output is one sum over the inner dimension in ascending steps, so that a row's results do not
//! depend on the other rows, as for the kernels of `f32` (whose bits differ from these).

mod pack;
mod tiles;
mod vectors;

use std::arch::x86_64::*;
use std::cell::RefCell;
use std::ops::Range;
use std::sync::OnceLock;

use super::{Shape, Strided};
use crate::parallel::{self, Shared};

/// Rows and columns of the block that one pass computes: 2 × 2 tiles of 16 × 16.
const BLOCK: usize = 32;
/// Inner elements of one tile.
const STEP: usize = 32;
/// Steps between what is packed and what is asked for from memory.
const AHEAD: usize = 2;
/// Bytes of one step of a packed panel: two tiles of high parts, and two of low parts where the
/// factors are split.
const fn step_bytes(split: bool) -> usize {
    if split { 4096 } else { 2048 }
}
const fn panel_bytes(k: usize, split: bool) -> usize {
    k.div_ceil(STEP) * step_bytes(split)
}
/// Tasks a thread: the threads seldom end at the same time.
const TASKS: usize = 8;
/// Rows packed at once: their panels stay in a near cache while the columns go by. Fewer would have
/// the columns packed more often.
const ROWS_AT_ONCE: usize = 1024;

/// What computes a block of outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// The matrix unit.
    Tiles,
    /// AVX-512-BF16.
    Vectors,
}

/// The best unit that this processor and system have; asked for once.
pub(super) fn unit() -> Option<Unit> {
    static UNIT: OnceLock<Option<Unit>> = OnceLock::new();
    *UNIT.get_or_init(|| {
        if crate::features() != crate::Features::Avx512 || !is_x86_feature_detected!("avx512bf16") {
            return None;
        }
        let wanted = std::env::var_os("SAYSELF_AMX").is_none_or(|value| value != "off");
        Some(if wanted && tiles::available() {
            Unit::Tiles
        } else {
            Unit::Vectors
        })
    })
}

/// Packed panels, aligned to cache lines.
#[derive(Debug, Default)]
pub(super) struct Panels(Vec<__m512i>);

impl Panels {
    /// Room for so many bytes, whatever they hold.
    fn room(&mut self, bytes: usize) -> *mut u8 {
        self.0.clear();
        self.0.reserve(bytes.div_ceil(64));
        self.0.as_mut_ptr().cast()
    }

    /// The panels of a left factor (n, k): a block of rows each. Only where there is a [`unit`].
    pub(super) fn left<const SPLIT: bool>(a: Strided<'_>, n: usize, k: usize) -> Self {
        Self::packed::<SPLIT>(n, k, |start, height, panel| {
            // SAFETY: the processor has AVX-512 and BF16 ([`unit`]); each block has its own panel.
            unsafe { pack::left::<SPLIT>(a, start, height, k, panel) };
        })
    }

    /// The panels of a right factor (k, m): a block of columns each. Only where there is a [`unit`].
    pub(super) fn right<const SPLIT: bool>(b: Strided<'_>, k: usize, m: usize) -> Self {
        Self::packed::<SPLIT>(m, k, |start, width, panel| {
            // SAFETY: as for `left`.
            unsafe { pack::right::<SPLIT>(b, start, width, k, panel) };
        })
    }

    /// Panels of `count` rows or columns, each block by `pack(first, count, panel)`.
    fn packed<const SPLIT: bool>(
        count: usize,
        k: usize,
        pack: impl Fn(usize, usize, *mut u8) + Sync,
    ) -> Self {
        let (blocks, bytes) = (count.div_ceil(BLOCK), panel_bytes(k, SPLIT));
        let mut panels = Self::default();
        let start = Address(panels.room(blocks * bytes));
        let threads = if count * k < 1 << 14 {
            1
        } else {
            parallel::threads()
        };
        parallel::run(threads, blocks, |block| {
            let (first, panel) = (block * BLOCK, start.get().wrapping_add(block * bytes));
            pack(first, (count - first).min(BLOCK), panel);
        });
        // SAFETY: each block has filled its panel, whole vectors.
        unsafe { panels.0.set_len(blocks * bytes / 64) };
        panels
    }
}

thread_local! {
    static LEFT: RefCell<Panels> = RefCell::default();
    static RIGHT: RefCell<Panels> = RefCell::default();
}

/// A factor as it lies in memory, and its panels where it was packed before.
#[derive(Clone, Copy)]
pub(super) struct Factor<'a> {
    pub values: Strided<'a>,
    pub panels: Option<&'a Panels>,
}

/// `y (n, m) = a (n, k) · b (k, m)`, added to `y` where `add`, else all of `y` is written; on a unit
/// that [`unit`] gave; `SPLIT` with [`Unit::Tiles`] alone, and panels packed with the same.
///
/// # Safety
/// `y` may hold anything unless `add`, when it must hold numbers.
pub(super) unsafe fn product<const SPLIT: bool>(
    unit: Unit,
    shape: Shape,
    a: Factor<'_>,
    b: Factor<'_>,
    y: &Shared<'_>,
    add: bool,
) {
    let Shape { n, k, m } = shape;
    assert!(!SPLIT || unit == Unit::Tiles);
    if n == 0 || m == 0 || k == 0 {
        for at in (0..n * m).filter(|_| !add) {
            // SAFETY: an element of the output.
            unsafe { y.pointer(at, 1).write(0.0) };
        }
        return;
    }
    let panel_bytes = panel_bytes(k, SPLIT);
    for (panels, count) in [(a.panels, n), (b.panels, m)] {
        let vectors = panels.map_or(usize::MAX, |panels| panels.0.len());
        assert!(vectors >= count.div_ceil(BLOCK) * panel_bytes / 64);
    }
    let columns = m.div_ceil(BLOCK);
    let threads = if n * m * k < 1 << 18 {
        1
    } else {
        parallel::threads()
    };
    let part = |first: usize, left: *const u8| Part {
        unit,
        shape,
        b,
        first,
        left: Address(left.cast_mut()),
        panel_bytes,
    };
    if let Some(panels) = a.panels {
        let part = part(0, panels.0.as_ptr().cast());
        let blocks = n.div_ceil(BLOCK);
        // A narrow product is shared out by rows, a wide one by columns.
        if columns < TASKS * threads {
            let tasks = blocks.min(TASKS * threads);
            parallel::run(threads, tasks, |task| {
                let own = blocks * task / tasks..blocks * (task + 1) / tasks;
                part.multiply::<SPLIT>(own, 0..columns, y, add);
            });
        } else {
            part.multiply_by_columns::<SPLIT>(threads, 0..blocks, y, add);
        }
        return;
    }
    for first in (0..n).step_by(ROWS_AT_ONCE) {
        let blocks = (n - first).min(ROWS_AT_ONCE).div_ceil(BLOCK);
        LEFT.with_borrow_mut(|left| {
            let part = part(first, left.room(blocks * panel_bytes));
            let pack = |block: usize| {
                let start = first + block * BLOCK;
                let height = (n - start).min(BLOCK);
                let panel = part.panel(block).cast_mut();
                // SAFETY: the processor has AVX-512 and BF16 ([`unit`]); each block writes its own
                // panel of the buffer.
                unsafe { pack::left::<SPLIT>(a.values, start, height, k, panel) };
            };
            if columns < TASKS * threads {
                let tasks = blocks.min(threads);
                parallel::run(threads, tasks, |task| {
                    let own = blocks * task / tasks..blocks * (task + 1) / tasks;
                    own.clone().for_each(pack);
                    part.multiply::<SPLIT>(own, 0..columns, y, add);
                });
            } else {
                parallel::run(threads, blocks, pack);
                part.multiply_by_columns::<SPLIT>(threads, 0..blocks, y, add);
            }
        });
    }
}

/// Some rows of a product, whose left factor is packed.
struct Part<'a> {
    unit: Unit,
    shape: Shape,
    b: Factor<'a>,
    /// The first of the rows.
    first: usize,
    /// The packed panels of the left factor, a block of rows each.
    left: Address,
    panel_bytes: usize,
}

impl Part<'_> {
    fn panel(&self, block: usize) -> *const u8 {
        self.left.get().wrapping_add(block * self.panel_bytes)
    }

    fn multiply_by_columns<const SPLIT: bool>(
        &self,
        threads: usize,
        blocks: Range<usize>,
        y: &Shared<'_>,
        add: bool,
    ) {
        let columns = self.shape.m.div_ceil(BLOCK);
        let tasks = columns.min(TASKS * threads);
        parallel::run(threads, tasks, |task| {
            let own = columns * task / tasks..columns * (task + 1) / tasks;
            self.multiply::<SPLIT>(blocks.clone(), own, y, add);
        });
    }

    /// Computes the outputs of these blocks of rows and of columns.
    fn multiply<const SPLIT: bool>(
        &self,
        blocks: Range<usize>,
        columns: Range<usize>,
        y: &Shared<'_>,
        add: bool,
    ) {
        let Shape { n, k, m } = self.shape;
        let steps = k.div_ceil(STEP);
        if self.unit == Unit::Tiles {
            // SAFETY: the processor has the unit and the system permits it.
            unsafe { tiles::configure() };
        }
        RIGHT.with_borrow_mut(|own| {
            for column in columns {
                let start = column * BLOCK;
                let width = (m - start).min(BLOCK);
                let right = match self.b.panels {
                    Some(panels) => {
                        let start = panels.0.as_ptr().cast::<u8>();
                        start.wrapping_add(column * self.panel_bytes)
                    }
                    None => {
                        let right = own.room(self.panel_bytes);
                        // SAFETY: the processor has AVX-512 and BF16; the buffer is this thread's.
                        unsafe { pack::right::<SPLIT>(self.b.values, start, width, k, right) };
                        right.cast_const()
                    }
                };
                for block in blocks.clone() {
                    let row = self.first + block * BLOCK;
                    let height = (n - row).min(BLOCK);
                    // SAFETY: both panels hold `steps` steps; a block of the output belongs to one
                    // task.
                    unsafe {
                        let panels = (self.panel(block), right);
                        let at = y.pointer(row * m + start, (height - 1) * m + width);
                        if height == BLOCK && width == BLOCK {
                            self.whole::<SPLIT>(panels, steps, at, m, add);
                        } else {
                            self.edge::<SPLIT>(panels, steps, at, m, (height, width), add);
                        }
                    }
                }
            }
        });
        if self.unit == Unit::Tiles {
            // SAFETY: as for `configure`.
            unsafe { tiles::release() };
        }
    }

    /// Computes a block of outputs at `y`, `stride` values a row.
    ///
    /// # Safety
    /// The panels (left, right) must hold `steps` ≥ 1 steps, and `y` a whole block; tiles must be
    /// configured.
    unsafe fn whole<const SPLIT: bool>(
        &self,
        (left, right): (*const u8, *const u8),
        steps: usize,
        y: *mut f32,
        stride: usize,
        add: bool,
    ) {
        // SAFETY: the caller's promise; the processor has the unit.
        unsafe {
            match self.unit {
                Unit::Tiles => {
                    tiles::multiply::<SPLIT>(left, right, steps, y, stride * 4, add);
                }
                Unit::Vectors => vectors::multiply(left, right, steps, y, stride, add),
            }
        }
    }

    /// [`Part::whole`] for a block at the border, of `height` × `width` outputs.
    ///
    /// # Safety
    /// As there, for those outputs.
    unsafe fn edge<const SPLIT: bool>(
        &self,
        panels: (*const u8, *const u8),
        steps: usize,
        y: *mut f32,
        stride: usize,
        (height, width): (usize, usize),
        add: bool,
    ) {
        let mut block = [0.0_f32; BLOCK * BLOCK];
        let outputs = || (0..height).flat_map(|row| (0..width).map(move |column| (row, column)));
        if add {
            for (row, column) in outputs() {
                // SAFETY: within the block's outputs.
                block[row * BLOCK + column] = unsafe { *y.add(row * stride + column) };
            }
        }
        // SAFETY: `block` is a whole one.
        unsafe { self.whole::<SPLIT>(panels, steps, block.as_mut_ptr(), BLOCK, add) };
        for (row, column) in outputs() {
            // SAFETY: within the block's outputs.
            unsafe { *y.add(row * stride + column) = block[row * BLOCK + column] };
        }
    }
}

/// A buffer's address that tasks share; each touches its own part.
#[derive(Clone, Copy)]
struct Address(*mut u8);
// SAFETY: see the users of `get`.
unsafe impl Send for Address {}
// SAFETY: as above.
unsafe impl Sync for Address {}
impl Address {
    fn get(self) -> *mut u8 {
        self.0
    }
}
