//! Packing a panel of the right-hand matrix: `steps` rows of 64 values, columns beyond the
//! matrix as zeros up to the next multiple of 16.

use std::ops::Range;

use half::f16;
use half::slice::HalfFloatSliceExt;

use super::{PANEL, Right, Strided};
#[cfg(target_arch = "x86_64")]
use crate::features::{Features, features};

/// Packs inner steps of `width` columns from `start` on; `k` steps there are in all.
pub(super) fn right(
    b: Right<'_>,
    k: usize,
    steps: Range<usize>,
    (start, width): (usize, usize),
    packed: &mut [f32],
) {
    let (step, count) = (steps.start, steps.len());
    match b {
        Right::F32(b) => panel(b, step, count, start, width, packed),
        Right::Half(w) => half_panel(w, k, step, count, start, width, packed),
        // What is left beyond the last column is computed with, and not written.
        Right::Quantized { matrix, turned } => {
            matrix.panel(turned, steps, (start, width), PANEL, packed);
        }
    }
}

/// Packs inner steps `step..step + steps` of columns `start..start + width`.
fn panel(
    b: Strided<'_>,
    step: usize,
    steps: usize,
    start: usize,
    width: usize,
    packed: &mut [f32],
) {
    let padded = width.next_multiple_of(16).min(PANEL);
    if b.column == 1 {
        for (s, row) in packed.chunks_exact_mut(PANEL).take(steps).enumerate() {
            let from = &b.values[(step + s) * b.row + start..][..width];
            row[..width].copy_from_slice(from);
            row[width..padded].fill(0.0);
        }
        return;
    }
    debug_assert_eq!(b.row, 1);
    let turned = turn(b, step, steps, start, width, packed);
    for column in turned..width {
        let from = &b.values[(start + column) * b.column + step..][..steps];
        for (row, value) in packed.chunks_exact_mut(PANEL).zip(from) {
            row[column] = *value;
        }
    }
    for row in packed.chunks_exact_mut(PANEL).take(steps) {
        row[width..padded].fill(0.0);
    }
}

/// Packs as many whole vectors of columns as there are, and returns how many columns that are.
#[cfg(target_arch = "x86_64")]
fn turn(
    b: Strided<'_>,
    step: usize,
    steps: usize,
    start: usize,
    width: usize,
    packed: &mut [f32],
) -> usize {
    let lanes = match features() {
        Features::Avx512 => 16,
        Features::Avx2 => 8,
        _ => return 0,
    };
    let whole = width / lanes * lanes;
    for column in (0..whole).step_by(lanes) {
        let from = &b.values[(start + column) * b.column + step..];
        let to = &mut packed[column..];
        // SAFETY: these features were found.
        unsafe {
            match lanes {
                16 => turn_16(from, b.column, steps, to),
                _ => turn_8(from, b.column, steps, to),
            }
        }
    }
    whole
}

#[cfg(not(target_arch = "x86_64"))]
fn turn(_: Strided<'_>, _: usize, _: usize, _: usize, _: usize, _: &mut [f32]) -> usize {
    0
}

/// As [`panel`] of the transpose of `w` in 16 bits, rows of `k` values.
fn half_panel(
    w: &[f16],
    k: usize,
    step: usize,
    steps: usize,
    start: usize,
    width: usize,
    packed: &mut [f32],
) {
    let mut wide = vec![0.0; width * steps];
    for (column, to) in wide.chunks_exact_mut(steps).enumerate() {
        w[(start + column) * k + step..][..steps].convert_to_f32_slice(to);
    }
    panel(Strided::columns(&wide, steps), 0, steps, 0, width, packed);
}

/// `to[s * PANEL + c] = from[c * stride + s]` for 8 columns `c`.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn turn_8(from: &[f32], stride: usize, steps: usize, to: &mut [f32]) {
    use std::arch::x86_64::*;
    assert!(from.len() >= 7 * stride + steps && to.len() >= (steps - 1) * PANEL + 8);
    let whole = steps / 8 * 8;
    for s in (0..whole).step_by(8) {
        // SAFETY: 8 steps of each column, within `from` as asserted.
        let r: [__m256; 8] =
            std::array::from_fn(|c| unsafe { _mm256_loadu_ps(from.as_ptr().add(c * stride + s)) });
        let t: [__m256; 8] = std::array::from_fn(|i| {
            let (a, b) = (r[i / 2 * 2], r[i / 2 * 2 + 1]);
            if i % 2 == 0 {
                _mm256_unpacklo_ps(a, b)
            } else {
                _mm256_unpackhi_ps(a, b)
            }
        });
        // u[4 g + j]: steps j and 4 + j of columns 4 g .. 4 g + 3.
        let u: [__m256; 8] = std::array::from_fn(|i| {
            let (g, j) = (i / 4 * 4, i % 4);
            let a = _mm256_castps_pd(t[g + j / 2]);
            let b = _mm256_castps_pd(t[g + 2 + j / 2]);
            _mm256_castpd_ps(if j % 2 == 0 {
                _mm256_unpacklo_pd(a, b)
            } else {
                _mm256_unpackhi_pd(a, b)
            })
        });
        for j in 0..4 {
            let rows = [
                (j, _mm256_permute2f128_ps::<0x20>(u[j], u[4 + j])),
                (4 + j, _mm256_permute2f128_ps::<0x31>(u[j], u[4 + j])),
            ];
            for (at, row) in rows {
                // SAFETY: row `s + at` is below `steps`, within `to` as asserted.
                unsafe { _mm256_storeu_ps(to.as_mut_ptr().add((s + at) * PANEL), row) };
            }
        }
    }
    for s in whole..steps {
        for c in 0..8 {
            to[s * PANEL + c] = from[c * stride + s];
        }
    }
}

/// `to[s * PANEL + c] = from[c * stride + s]` for 16 columns `c`.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn turn_16(from: &[f32], stride: usize, steps: usize, to: &mut [f32]) {
    use std::arch::x86_64::*;
    assert!(from.len() >= 15 * stride + steps && to.len() >= (steps - 1) * PANEL + 16);
    for s in (0..steps).step_by(16) {
        let count = 16.min(steps - s);
        let mask = if count == 16 {
            0xFFFF
        } else {
            (1u16 << count) - 1
        };
        // SAFETY: lanes beyond `steps` are masked off, the rest is within `from` as asserted.
        let r: [__m512; 16] = std::array::from_fn(|c| unsafe {
            _mm512_maskz_loadu_ps(mask, from.as_ptr().add(c * stride + s))
        });
        let t: [__m512; 16] = std::array::from_fn(|i| {
            let (a, b) = (r[i / 2 * 2], r[i / 2 * 2 + 1]);
            if i % 2 == 0 {
                _mm512_unpacklo_ps(a, b)
            } else {
                _mm512_unpackhi_ps(a, b)
            }
        });
        // u[4 g + j]: within each 128-bit lane, step j (of that lane) of columns 4 g .. 4 g + 3.
        let u: [__m512; 16] = std::array::from_fn(|i| {
            let (g, j) = (i / 4 * 4, i % 4);
            let a = _mm512_castps_pd(t[g + j / 2]);
            let b = _mm512_castps_pd(t[g + 2 + j / 2]);
            _mm512_castpd_ps(if j % 2 == 0 {
                _mm512_unpacklo_pd(a, b)
            } else {
                _mm512_unpackhi_pd(a, b)
            })
        });
        // Lanes: gather the same 128-bit lane of the four groups of columns.
        for j in 0..4 {
            let even_low = _mm512_shuffle_f32x4::<0x88>(u[j], u[4 + j]);
            let odd_low = _mm512_shuffle_f32x4::<0xDD>(u[j], u[4 + j]);
            let even_high = _mm512_shuffle_f32x4::<0x88>(u[8 + j], u[12 + j]);
            let odd_high = _mm512_shuffle_f32x4::<0xDD>(u[8 + j], u[12 + j]);
            let rows = [
                _mm512_shuffle_f32x4::<0x88>(even_low, even_high),
                _mm512_shuffle_f32x4::<0x88>(odd_low, odd_high),
                _mm512_shuffle_f32x4::<0xDD>(even_low, even_high),
                _mm512_shuffle_f32x4::<0xDD>(odd_low, odd_high),
            ];
            for (lane, row) in rows.into_iter().enumerate() {
                let at = lane * 4 + j;
                if at < count {
                    // SAFETY: row `s + at` is below `steps`, within `to` as asserted.
                    unsafe { _mm512_storeu_ps(to.as_mut_ptr().add((s + at) * PANEL), row) };
                }
            }
        }
    }
}
