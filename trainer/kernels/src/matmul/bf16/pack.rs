//! Factors of `f32` packed as `bf16`, in the order that the products read.

use std::arch::x86_64::*;

use super::{AHEAD, STEP, step_bytes};
use crate::matmul::Strided;

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
pub(super) unsafe fn left<const SPLIT: bool>(
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
pub(super) unsafe fn right<const SPLIT: bool>(
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
