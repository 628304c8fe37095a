//! Blocks of a product by vectors (AVX-512-BF16): one `vdpbf16ps` multiplies 2 inner values of 16
//! outputs.

use std::arch::x86_64::*;

use super::{BLOCK, STEP, step_bytes};

/// Rows whose sums are kept in registers at once.
const ROWS: usize = 8;
/// Bytes of a tile: 16 rows (left) or pairs of inner values (right) of 64.
const TILE: usize = 1024;

/// Computes a block of 32 × 32 outputs of `y`, whose rows are `stride` values apart; adds it to what
/// is there where `add`.
///
/// # Safety
/// AVX-512 F and BF16; the panels, not split, must hold `steps` steps, and `y` a whole block.
#[target_feature(enable = "avx512f,avx512bf16")]
pub(super) unsafe fn multiply(
    left: *const u8,
    right: *const u8,
    steps: usize,
    y: *mut f32,
    stride: usize,
    add: bool,
) {
    for first in (0..BLOCK).step_by(ROWS) {
        let mut left = left.wrapping_add(first / 16 * TILE + first % 16 * 64);
        let mut right = right;
        let y = y.wrapping_add(first * stride);
        // SAFETY: 32 columns of these rows of `y`.
        let column = |row: usize, half: usize| unsafe { y.add(row * stride + half * 16) };
        let mut sums = [[_mm512_setzero_ps(); 2]; ROWS];
        if add {
            for (row, sums) in sums.iter_mut().enumerate() {
                for (half, sum) in sums.iter_mut().enumerate() {
                    // SAFETY: as above.
                    *sum = unsafe { _mm512_loadu_ps(column(row, half)) };
                }
            }
        }
        for _ in 0..steps {
            for pair in 0..STEP / 2 {
                // SAFETY: within this step of the panels; all bit patterns are valid.
                unsafe {
                    let b = [0, TILE].map(|half| {
                        let at = right.add(half + pair * 64).cast::<__m512bh>();
                        at.read()
                    });
                    for (row, sums) in sums.iter_mut().enumerate() {
                        let a = left.add(row * 64 + pair * 4).cast::<i32>().read();
                        let a = pairs(_mm512_set1_epi32(a));
                        for (sum, b) in sums.iter_mut().zip(b) {
                            *sum = _mm512_dpbf16_ps(*sum, a, b);
                        }
                    }
                }
            }
            left = left.wrapping_add(step_bytes(false));
            right = right.wrapping_add(step_bytes(false));
        }
        for (row, sums) in sums.iter().enumerate() {
            for (half, sum) in sums.iter().enumerate() {
                // SAFETY: as above.
                unsafe { _mm512_storeu_ps(column(row, half), *sum) };
            }
        }
    }
}

fn pairs(values: __m512i) -> __m512bh {
    // SAFETY: both are 512 bits without invalid patterns.
    unsafe { std::mem::transmute(values) }
}
