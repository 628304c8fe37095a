//! Matrix products of `f32` on x86-64's matrix unit (AMX-BF16), to nearly the precision of `f32`.
//!
//! The unit multiplies `bf16` (8 bits of mantissa) and adds in `f32`. So each factor is split into
//! two `bf16`, x = high + low + ε with |ε| ≤ 2⁻¹⁷ |x|, and three products are added:
//! high·high + high·low + low·high. What is left out is about 2⁻¹⁶ of |a|·|b|, near the rounding of
//! a long sum in `f32`. Without the split (`SPLIT` false) the high parts alone are packed and
//! multiplied. A tile makes 16 × 16 outputs in the time of a few vector instructions.
//!
//! Each output is one sum over the inner dimension in ascending steps of 32, so that a row's
//! results do not depend on the other rows, as for the vector kernels (whose bits differ from
//! these).
//!
//! The intrinsics are unstable in Rust; the few instructions needed are written as assembly.

use std::arch::asm;
use std::arch::x86_64::*;
use std::cell::RefCell;
use std::ops::Range;
use std::sync::OnceLock;

use super::{Shape, Strided};
use crate::parallel::{self, Shared};

/// Rows and columns of the block that one pass computes: 2 × 2 tiles.
const BLOCK: usize = 32;
/// Inner elements of one tile.
const STEP: usize = 32;
/// Steps between what is packed and what is asked for from memory.
const AHEAD: usize = 2;
/// Steps between what is multiplied and what is asked for of the left panels, which lie in the
/// second-level cache one after the other.
const LEFT_AHEAD: usize = 2;
/// Bytes of one step of a packed panel: two tiles of high parts, and two of low parts where the
/// factors are split.
const fn step_bytes(split: bool) -> usize {
    if split { 4096 } else { 2048 }
}
/// Rows packed at once: their panels stay in a near cache while the columns go by. Fewer would have
/// the columns packed more often.
const ROWS_AT_ONCE: usize = 1024;

/// Whether this processor and system have the matrix unit; asked for once.
pub(super) fn available() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(|| {
        crate::features() == crate::Features::Avx512
            && is_x86_feature_detected!("avx512bf16")
            && std::env::var_os("SAYSELF_AMX").is_none_or(|value| value != "off")
            && processor_has_amx()
            && system_permits()
    })
}

/// CPUID leaf 7: AMX-BF16 (bit 22) and AMX-TILE (bit 24) of EDX.
fn processor_has_amx() -> bool {
    if __cpuid(0).eax < 7 {
        return false;
    }
    let edx = __cpuid_count(7, 0).edx;
    edx & (1 << 22) != 0 && edx & (1 << 24) != 0
}

/// Linux saves the tiles of a process only once it has asked for them: arch_prctl(2) with
/// ARCH_REQ_XCOMP_PERM for XFEATURE_XTILEDATA. The permission holds for all threads.
#[cfg(target_os = "linux")]
fn system_permits() -> bool {
    const SYS_ARCH_PRCTL: i64 = 158;
    const ARCH_REQ_XCOMP_PERM: i64 = 0x1023;
    const XFEATURE_XTILEDATA: i64 = 18;
    let result: i64;
    // SAFETY: the call takes two integers and touches no memory of this process.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") SYS_ARCH_PRCTL => result,
            in("rdi") ARCH_REQ_XCOMP_PERM,
            in("rsi") XFEATURE_XTILEDATA,
            out("rcx") _,
            out("r11") _,
            options(nostack),
        );
    }
    result == 0
}

#[cfg(not(target_os = "linux"))]
fn system_permits() -> bool {
    false
}

/// The shape of all eight tiles: 16 rows of 64 bytes.
#[repr(C, align(64))]
struct TileConfig([u8; 64]);

const TILES: TileConfig = {
    let mut config = [0; 64];
    config[0] = 1; // palette
    let mut tile = 0;
    while tile < 8 {
        config[16 + 2 * tile] = 64; // bytes a row
        config[48 + tile] = 16; // rows
        tile += 1;
    }
    TileConfig(config)
};

/// Packed panels, aligned to cache lines.
#[derive(Default)]
struct Panels(Vec<__m512i>);

impl Panels {
    fn resized(&mut self, bytes: usize) -> *mut u8 {
        let vectors = bytes.div_ceil(64);
        if self.0.len() < vectors {
            // SAFETY: all bit patterns are valid; zeros are what a fresh panel holds.
            self.0.resize(vectors, unsafe { std::mem::zeroed() });
        }
        self.0.as_mut_ptr().cast()
    }
}

thread_local! {
    static LEFT: RefCell<Panels> = RefCell::default();
    static RIGHT: RefCell<Panels> = RefCell::default();
}

/// `y (n, m) = a (n, k) · b (k, m)`, added to `y` where `add`. Call only where [`available`].
pub(super) fn product<const SPLIT: bool>(
    shape: Shape,
    a: Strided<'_>,
    b: Strided<'_>,
    y: &mut [f32],
    add: bool,
) {
    let Shape { n, k, m } = shape;
    if n == 0 || m == 0 || k == 0 {
        if !add {
            y.fill(0.0);
        }
        return;
    }
    let panel_bytes = k.div_ceil(STEP) * step_bytes(SPLIT);
    let columns = m.div_ceil(BLOCK);
    let threads = if n * m * k < 1 << 18 {
        1
    } else {
        parallel::threads()
    };
    for first in (0..n).step_by(ROWS_AT_ONCE) {
        let blocks = (n - first).min(ROWS_AT_ONCE).div_ceil(BLOCK);
        LEFT.with_borrow_mut(|left| {
            let part = Part {
                shape,
                a,
                b,
                y: Shared::new(y),
                add,
                first,
                left: Address(left.resized(blocks * panel_bytes)),
                panel_bytes,
            };
            // A narrow product is shared out by rows, a wide one by columns.
            if columns < 2 * threads {
                let tasks = blocks.min(threads);
                parallel::run(threads, tasks, |task| {
                    let own = blocks * task / tasks..blocks * (task + 1) / tasks;
                    own.clone().for_each(|block| part.pack::<SPLIT>(block));
                    part.multiply::<SPLIT>(own, 0..columns);
                });
            } else {
                parallel::run(threads, blocks, |block| part.pack::<SPLIT>(block));
                parallel::run(threads, threads, |task| {
                    let own = columns * task / threads..columns * (task + 1) / threads;
                    part.multiply::<SPLIT>(0..blocks, own);
                });
            }
        });
    }
}

/// Some rows of a product, whose left factor is packed once for all columns.
struct Part<'a> {
    shape: Shape,
    a: Strided<'a>,
    b: Strided<'a>,
    y: Shared<'a>,
    add: bool,
    /// The first of the rows.
    first: usize,
    /// The packed panels of the left factor, a block of rows each.
    left: Address,
    panel_bytes: usize,
}

impl Part<'_> {
    fn panel(&self, block: usize) -> *mut u8 {
        self.left.get().wrapping_add(block * self.panel_bytes)
    }

    /// Packs a block of the left factor.
    fn pack<const SPLIT: bool>(&self, block: usize) {
        let start = self.first + block * BLOCK;
        let height = (self.shape.n - start).min(BLOCK);
        // SAFETY: the processor has AVX-512 and BF16 ([`available`]); each block writes its own
        // panel of the buffer.
        unsafe { pack_left::<SPLIT>(self.a, start, height, self.shape.k, self.panel(block)) };
    }

    /// Computes the outputs of these blocks of rows, packed before, and of columns.
    fn multiply<const SPLIT: bool>(&self, blocks: Range<usize>, columns: Range<usize>) {
        let Shape { n, k, m } = self.shape;
        let steps = k.div_ceil(STEP);
        RIGHT.with_borrow_mut(|right| {
            let right = right.resized(self.panel_bytes);
            // SAFETY: the processor has the unit and the system permits it.
            unsafe { configure() };
            for column in columns {
                let start = column * BLOCK;
                let width = (m - start).min(BLOCK);
                // SAFETY: as for `pack_left`; the buffer is this thread's own.
                unsafe { pack_right::<SPLIT>(self.b, start, width, k, right) };
                for block in blocks.clone() {
                    let row = self.first + block * BLOCK;
                    let height = (n - row).min(BLOCK);
                    // SAFETY: both panels hold `steps` steps; a block of the output belongs to one
                    // task.
                    unsafe {
                        let left = self.panel(block);
                        let at = self.y.pointer(row * m + start);
                        if height == BLOCK && width == BLOCK {
                            multiply::<SPLIT>(left, right, steps, at, m * 4, self.add);
                        } else {
                            multiply_edge::<SPLIT>(
                                left,
                                right,
                                steps,
                                at,
                                m,
                                (height, width),
                                self.add,
                            );
                        }
                    }
                }
            }
            // SAFETY: puts the tiles back as they were.
            unsafe { asm!("tilerelease", options(nostack, nomem)) };
        });
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

/// # Safety
/// The processor must have AMX, and the system must permit it.
unsafe fn configure() {
    // SAFETY: the configuration is 64 valid bytes.
    unsafe { asm!("ldtilecfg [{}]", in(reg) &TILES, options(nostack, readonly)) };
}

/// Asks for cache lines of the left panel ahead, by their places in bytes.
macro_rules! ask {
    ($($at:literal)*) => {
        concat!($("prefetcht0 [{ahead} + ", $at, "]\n"),*)
    };
}

/// Computes a block of 32 × 32 outputs of `y`, whose rows are `stride` bytes apart; adds it to what
/// is there where `add`.
///
/// # Safety
/// The panels must hold `steps` ≥ 1 steps, and `y` a whole block; tiles must be configured.
unsafe fn multiply<const SPLIT: bool>(
    left: *const u8,
    right: *const u8,
    steps: usize,
    y: *mut f32,
    stride: usize,
    add: bool,
) {
    let lower = y.wrapping_byte_add(16 * stride);
    // SAFETY: reads `steps` steps of each panel and touches 32 rows of 128 bytes of `y`.
    unsafe {
        asm!(
            "test {add}, {add}",
            "jz 3f",
            "tileloadd tmm0, [{y} + {stride}]",
            "tileloadd tmm1, [{y} + {stride} + 64]",
            "tileloadd tmm2, [{lower} + {stride}]",
            "tileloadd tmm3, [{lower} + {stride} + 64]",
            "jmp 2f",
            "3:",
            "tilezero tmm0",
            "tilezero tmm1",
            "tilezero tmm2",
            "tilezero tmm3",
            "2:",
            "tileloadd tmm4, [{left} + {line}]",
            "tileloadd tmm5, [{left} + {line} + 1024]",
            "test {split}, {split}",
            "jz 4f",
            // High parts of the left, low parts of the right.
            "tileloadd tmm6, [{right} + {line} + 2048]",
            "tileloadd tmm7, [{right} + {line} + 3072]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            // High parts of both; meanwhile a later step of the left is asked for.
            "4:",
            "tileloadd tmm6, [{right} + {line}]",
            "tileloadd tmm7, [{right} + {line} + 1024]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tdpbf16ps tmm1, tmm4, tmm7",
            ask!(0 64 128 192 256 320 384 448 512 576 640 704 768 832 896 960),
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            ask!(1024 1088 1152 1216 1280 1344 1408 1472 1536 1600 1664 1728 1792 1856 1920 1984),
            "test {split}, {split}",
            "jz 5f",
            // Low parts of the left, high parts of the right.
            "tileloadd tmm4, [{left} + {line} + 2048]",
            "tileloadd tmm5, [{left} + {line} + 3072]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tdpbf16ps tmm1, tmm4, tmm7",
            ask!(2048 2112 2176 2240 2304 2368 2432 2496 2560 2624 2688 2752 2816 2880 2944 3008),
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            ask!(3072 3136 3200 3264 3328 3392 3456 3520 3584 3648 3712 3776 3840 3904 3968 4032),
            "5:",
            "add {left}, {step}",
            "add {ahead}, {step}",
            "add {right}, {step}",
            "dec {steps}",
            "jnz 2b",
            "tilestored [{y} + {stride}], tmm0",
            "tilestored [{y} + {stride} + 64], tmm1",
            "tilestored [{lower} + {stride}], tmm2",
            "tilestored [{lower} + {stride} + 64], tmm3",
            y = in(reg) y,
            lower = in(reg) lower,
            stride = in(reg) stride,
            left = inout(reg) left => _,
            right = inout(reg) right => _,
            ahead = inout(reg) left.wrapping_add(LEFT_AHEAD * step_bytes(SPLIT)) => _,
            steps = inout(reg) steps => _,
            line = in(reg) 64_usize,
            step = in(reg) step_bytes(SPLIT),
            add = in(reg) usize::from(add),
            split = in(reg) usize::from(SPLIT),
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack),
        );
    }
}

/// [`multiply`] for a block at the border, of `height` × `width` outputs; `m` values a row.
///
/// # Safety
/// As [`multiply`], for those outputs.
unsafe fn multiply_edge<const SPLIT: bool>(
    left: *const u8,
    right: *const u8,
    steps: usize,
    y: *mut f32,
    m: usize,
    (height, width): (usize, usize),
    add: bool,
) {
    let mut whole = [0.0_f32; BLOCK * BLOCK];
    let outputs = || (0..height).flat_map(|row| (0..width).map(move |column| (row, column)));
    if add {
        for (row, column) in outputs() {
            // SAFETY: within the block's outputs.
            whole[row * BLOCK + column] = unsafe { *y.add(row * m + column) };
        }
    }
    // SAFETY: `whole` is a whole block.
    unsafe { multiply::<SPLIT>(left, right, steps, whole.as_mut_ptr(), BLOCK * 4, add) };
    for (row, column) in outputs() {
        // SAFETY: within the block's outputs.
        unsafe { *y.add(row * m + column) = whole[row * BLOCK + column] };
    }
}

/// Sixteen values as their `bf16` high parts and what those leave, each in 32 bits.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")]
fn split(values: __m512) -> (__m512i, __m512i) {
    let high = _mm512_cvtepu16_epi32(bits(_mm512_cvtneps_pbh(values)));
    let rest = _mm512_sub_ps(values, _mm512_castsi512_ps(_mm512_slli_epi32::<16>(high)));
    (high, _mm512_cvtepu16_epi32(bits(_mm512_cvtneps_pbh(rest))))
}

fn bits(values: __m256bh) -> __m256i {
    // SAFETY: both are 256 bits without invalid patterns.
    unsafe { std::mem::transmute(values) }
}

/// Sixteen `f32` from `at`, of which `count` are there; the rest is 0.
///
/// # Safety
/// `count` values must be readable at `at`.
#[target_feature(enable = "avx512f")]
unsafe fn load(at: *const f32, count: usize) -> __m512 {
    let mask = if count >= 16 {
        u16::MAX
    } else {
        (1 << count) - 1
    };
    // SAFETY: masked lanes are not read.
    unsafe { _mm512_maskz_loadu_ps(mask, at) }
}

/// Asks for the cache line at `at`, which need not be readable: factors are read in strides that the
/// processor does not foresee.
#[target_feature(enable = "sse")]
fn prefetch(at: *const f32) {
    _mm_prefetch::<_MM_HINT_T0>(at.cast());
}

/// Pairs (even, odd) as one 32-bit lane each.
#[target_feature(enable = "avx512f")]
fn pair(even: __m512i, odd: __m512i) -> __m512i {
    _mm512_or_si512(even, _mm512_slli_epi32::<16>(odd))
}

/// Packs `height` rows of the left factor from row `first`: row-major tiles of 16 × 32.
///
/// # Safety
/// The processor must have these features, and `panel` room for all steps.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")]
unsafe fn pack_left<const SPLIT: bool>(
    a: Strided<'_>,
    first: usize,
    height: usize,
    k: usize,
    panel: *mut u8,
) {
    for step in 0..k.div_ceil(STEP) {
        let start = step * STEP;
        let inner = (k - start).min(STEP);
        let tiles = panel.wrapping_add(step * step_bytes(SPLIT));
        for half in 0..2 {
            let high = tiles.wrapping_add(half * 1024);
            let low = high.wrapping_add(2048);
            let rows = height.saturating_sub(half * 16).min(16);
            if a.column == 1 {
                for row in 0..16 {
                    // SAFETY: row and inner elements lie within the factor; 64 bytes of each tile.
                    unsafe {
                        let (mut first_half, mut second_half) =
                            (_mm512_setzero_ps(), _mm512_setzero_ps());
                        if row < rows {
                            let at = a
                                .values
                                .as_ptr()
                                .wrapping_add((first + half * 16 + row) * a.row + start);
                            prefetch(at.wrapping_add(AHEAD * STEP));
                            prefetch(at.wrapping_add(AHEAD * STEP + 16));
                            first_half = load(at, inner);
                            second_half = load(at.wrapping_add(16), inner.saturating_sub(16));
                        }
                        store_row::<SPLIT>(
                            first_half,
                            second_half,
                            high.wrapping_add(row * 64),
                            low.wrapping_add(row * 64),
                        );
                    }
                }
            } else {
                // The rows lie side by side: two inner steps of 16 rows at a time, turned.
                // SAFETY: as above; the tile is filled as a right one and then transposed by lane.
                unsafe {
                    let (mut highs, mut lows) =
                        ([_mm512_setzero_si512(); 16], [_mm512_setzero_si512(); 16]);
                    for lane in 0..16 {
                        let at = |inner_index: usize| {
                            a.values
                                .as_ptr()
                                .wrapping_add((start + inner_index) * a.column + first + half * 16)
                        };
                        prefetch(at(AHEAD * STEP + 2 * lane));
                        prefetch(at(AHEAD * STEP + 2 * lane + 1));
                        let even = if 2 * lane < inner {
                            load(at(2 * lane), rows)
                        } else {
                            _mm512_setzero_ps()
                        };
                        let odd = if 2 * lane + 1 < inner {
                            load(at(2 * lane + 1), rows)
                        } else {
                            _mm512_setzero_ps()
                        };
                        let ((even_high, even_low), (odd_high, odd_low)) =
                            (split(even), split(odd));
                        highs[lane] = pair(even_high, odd_high);
                        lows[lane] = pair(even_low, odd_low);
                    }
                    store_tile(transpose(highs), high);
                    if SPLIT {
                        store_tile(transpose(lows), low);
                    }
                }
            }
        }
    }
}

/// # Safety
/// 64 bytes must be writable at both places.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")]
unsafe fn store_row<const SPLIT: bool>(first: __m512, second: __m512, high: *mut u8, low: *mut u8) {
    let ((first_high, first_low), (second_high, second_low)) = (split(first), split(second));
    let narrow = |first: __m512i, second: __m512i| {
        _mm512_inserti64x4::<1>(
            _mm512_castsi256_si512(_mm512_cvtepi32_epi16(first)),
            _mm512_cvtepi32_epi16(second),
        )
    };
    // SAFETY: as the caller promises.
    unsafe {
        _mm512_store_si512(high.cast(), narrow(first_high, second_high));
        if SPLIT {
            _mm512_store_si512(low.cast(), narrow(first_low, second_low));
        }
    }
}

/// # Safety
/// 1,024 bytes, aligned to 64, must be writable at `tile`.
#[target_feature(enable = "avx512f")]
unsafe fn store_tile(rows: [__m512i; 16], tile: *mut u8) {
    for (row, values) in rows.into_iter().enumerate() {
        // SAFETY: as the caller promises.
        unsafe { _mm512_store_si512(tile.wrapping_add(row * 64).cast(), values) };
    }
}

/// Packs `width` columns of the right factor from column `first`: tiles of 16 pairs of inner steps
/// × 16 columns.
///
/// # Safety
/// The processor must have these features, and `panel` room for all steps.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")]
unsafe fn pack_right<const SPLIT: bool>(
    b: Strided<'_>,
    first: usize,
    width: usize,
    k: usize,
    panel: *mut u8,
) {
    for step in 0..k.div_ceil(STEP) {
        let start = step * STEP;
        let inner = (k - start).min(STEP);
        let tiles = panel.wrapping_add(step * step_bytes(SPLIT));
        for half in 0..2 {
            let high = tiles.wrapping_add(half * 1024);
            let low = high.wrapping_add(2048);
            let columns = width.saturating_sub(half * 16).min(16);
            let (mut highs, mut lows) =
                ([_mm512_setzero_si512(); 16], [_mm512_setzero_si512(); 16]);
            if b.column == 1 {
                for lane in 0..16 {
                    let at = |inner_index: usize| {
                        b.values
                            .as_ptr()
                            .wrapping_add((start + inner_index) * b.row + first + half * 16)
                    };
                    prefetch(at(AHEAD * STEP + 2 * lane));
                    prefetch(at(AHEAD * STEP + 2 * lane + 1));
                    // SAFETY: rows and columns lie within the factor.
                    let (even, odd) = unsafe {
                        (
                            if 2 * lane < inner {
                                load(at(2 * lane), columns)
                            } else {
                                _mm512_setzero_ps()
                            },
                            if 2 * lane + 1 < inner {
                                load(at(2 * lane + 1), columns)
                            } else {
                                _mm512_setzero_ps()
                            },
                        )
                    };
                    let ((even_high, even_low), (odd_high, odd_low)) = (split(even), split(odd));
                    highs[lane] = pair(even_high, odd_high);
                    lows[lane] = pair(even_low, odd_low);
                }
            } else {
                for column in 0..columns {
                    let at = b
                        .values
                        .as_ptr()
                        .wrapping_add((first + half * 16 + column) * b.column + start);
                    prefetch(at.wrapping_add(AHEAD * STEP));
                    prefetch(at.wrapping_add(AHEAD * STEP + 16));
                    // SAFETY: the column's inner elements lie within the factor.
                    let (first_half, second_half) = unsafe {
                        (
                            load(at, inner),
                            load(at.wrapping_add(16), inner.saturating_sub(16)),
                        )
                    };
                    let ((first_high, first_low), (second_high, second_low)) =
                        (split(first_half), split(second_half));
                    highs[column] = narrow_pairs(first_high, second_high);
                    lows[column] = narrow_pairs(first_low, second_low);
                }
                highs = transpose(highs);
                if SPLIT {
                    lows = transpose(lows);
                }
            }
            // SAFETY: the panel has room for this step.
            unsafe {
                store_tile(highs, high);
                if SPLIT {
                    store_tile(lows, low);
                }
            }
        }
    }
}

/// Thirty-two 16-bit values in order, out of two vectors of 32-bit lanes.
#[target_feature(enable = "avx512f,avx512bw,avx512dq")]
fn narrow_pairs(first: __m512i, second: __m512i) -> __m512i {
    _mm512_inserti64x4::<1>(
        _mm512_castsi256_si512(_mm512_cvtepi32_epi16(first)),
        _mm512_cvtepi32_epi16(second),
    )
}

/// Turns a square of 16 × 16 lanes of 32 bits.
#[target_feature(enable = "avx512f")]
fn transpose(rows: [__m512i; 16]) -> [__m512i; 16] {
    let mut pairs = [_mm512_setzero_si512(); 16];
    for i in 0..8 {
        pairs[2 * i] = _mm512_unpacklo_epi32(rows[2 * i], rows[2 * i + 1]);
        pairs[2 * i + 1] = _mm512_unpackhi_epi32(rows[2 * i], rows[2 * i + 1]);
    }
    // Quads: lane group g of quads[4q + c] holds column 4g + c of rows 4q..4q+4.
    let mut quads = [_mm512_setzero_si512(); 16];
    for q in 0..4 {
        quads[4 * q] = _mm512_unpacklo_epi64(pairs[4 * q], pairs[4 * q + 2]);
        quads[4 * q + 1] = _mm512_unpackhi_epi64(pairs[4 * q], pairs[4 * q + 2]);
        quads[4 * q + 2] = _mm512_unpacklo_epi64(pairs[4 * q + 1], pairs[4 * q + 3]);
        quads[4 * q + 3] = _mm512_unpackhi_epi64(pairs[4 * q + 1], pairs[4 * q + 3]);
    }
    let mut turned = [_mm512_setzero_si512(); 16];
    for c in 0..4 {
        let (a, b, d, e) = (quads[c], quads[4 + c], quads[8 + c], quads[12 + c]);
        let low_ab = _mm512_shuffle_i32x4::<0x44>(a, b); // groups a0 a1 b0 b1
        let high_ab = _mm512_shuffle_i32x4::<0xEE>(a, b); // a2 a3 b2 b3
        let low_de = _mm512_shuffle_i32x4::<0x44>(d, e);
        let high_de = _mm512_shuffle_i32x4::<0xEE>(d, e);
        turned[c] = _mm512_shuffle_i32x4::<0x88>(low_ab, low_de); // a0 b0 d0 e0
        turned[4 + c] = _mm512_shuffle_i32x4::<0xDD>(low_ab, low_de); // a1 b1 d1 e1
        turned[8 + c] = _mm512_shuffle_i32x4::<0x88>(high_ab, high_de);
        turned[12 + c] = _mm512_shuffle_i32x4::<0xDD>(high_ab, high_de);
    }
    turned
}
