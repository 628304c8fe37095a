//! The innermost loops: some rows of output times one panel, kept in registers.

use super::{PANEL, Strided};
use crate::features::{BASELINE_FUSED, Features};
use crate::norm::add_scaled;
use crate::parallel::Shared;

/// The left-hand matrix: rows `first..last`, inner steps from `step`.
#[derive(Clone, Copy)]
pub(super) struct Left<'a> {
    pub matrix: Strided<'a>,
    pub first: usize,
    pub last: usize,
    pub step: usize,
}

/// Where the panel's output goes: columns `start..start + width` of rows of `stride` values.
#[derive(Clone, Copy)]
pub(super) struct Output<'a> {
    pub y: &'a Shared<'a>,
    pub start: usize,
    pub width: usize,
    pub stride: usize,
    /// Whether to add to what is there.
    pub add: bool,
}

/// Puts `left · packed` in the output, or adds it, all rows.
pub(super) fn rows(
    features: Features,
    left: Left<'_>,
    steps: usize,
    packed: &[f32],
    out: Output<'_>,
) {
    assert!(packed.len() >= steps * PANEL && out.width <= PANEL && steps > 0);
    let Strided {
        values,
        row,
        column,
    } = left.matrix;
    assert!(left.first < left.last);
    assert!(values.len() > (left.last - 1) * row + (left.step + steps - 1) * column);
    let mut i = left.first;
    while i < left.last {
        let a = &values[i * row + left.step * column..];
        let count = match features {
            #[cfg(target_arch = "x86_64")]
            Features::Avx512 => {
                let count = (left.last - i).min(6);
                let (start, len) = (
                    i * out.stride + out.start,
                    (count - 1) * out.stride + out.width,
                );
                let y = out.y.pointer(start, len);
                // SAFETY: AVX-512 is there. `a` holds `count` rows of `steps` values at these
                // strides and `packed` `steps` rows of PANEL, as asserted above; the `count` rows
                // of output are within `y` and belong to this task.
                unsafe { avx512::tile(count, a, (row, column), steps, packed, y, out) };
                count
            }
            #[cfg(target_arch = "x86_64")]
            Features::Avx2 => {
                let count = (left.last - i).min(6);
                // SAFETY: as above, for AVX2 and FMA.
                unsafe { avx2::tile(count, a, (row, column), steps, packed, i, out) };
                count
            }
            _ => {
                let count = (left.last - i).min(4);
                portable(count, a, (row, column), steps, packed, i, out);
                count
            }
        };
        i += count;
    }
}

const LANES: usize = 8;

/// Puts a row of sums into the output, or adds it there.
fn put(y: &mut [f32], sums: &[f32], add: bool) {
    for (y, sum) in y.iter_mut().zip(sums) {
        *y = if add { *y + sum } else { *sum };
    }
}

fn portable(
    count: usize,
    a: &[f32],
    strides: (usize, usize),
    steps: usize,
    packed: &[f32],
    i: usize,
    out: Output<'_>,
) {
    for column in (0..out.width).step_by(LANES) {
        match count {
            4 => portable_rows::<4>(a, strides, steps, &packed[column..], i, column, out),
            3 => portable_rows::<3>(a, strides, steps, &packed[column..], i, column, out),
            2 => portable_rows::<2>(a, strides, steps, &packed[column..], i, column, out),
            _ => portable_rows::<1>(a, strides, steps, &packed[column..], i, column, out),
        }
    }
}

fn portable_rows<const ROWS: usize>(
    a: &[f32],
    (row, step): (usize, usize),
    steps: usize,
    packed: &[f32],
    i: usize,
    column: usize,
    out: Output<'_>,
) {
    let width = LANES.min(out.width - column);
    let mut sums = [[0.0f32; LANES]; ROWS];
    for s in 0..steps {
        let b: [f32; LANES] = std::array::from_fn(|j| packed[s * PANEL + j]);
        for (r, sums) in sums.iter_mut().enumerate() {
            add_scaled::<BASELINE_FUSED>(a[r * row + s * step], &b, sums);
        }
    }
    for (r, sums) in sums.iter().enumerate() {
        // SAFETY: this task's rows and columns, lent one at a time.
        let y = unsafe { out.y.part((i + r) * out.stride + out.start + column, width) };
        put(y, sums, out.add);
    }
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use super::{Output, PANEL};
    use std::arch::x86_64::*;

    /// Adds `count` (1 to 6) rows of `a` times the panel to `y`.
    ///
    /// # Safety
    /// AVX-512 F; `a` holds `count` rows of `steps` values at the strides, `packed` `steps` rows
    /// of PANEL values, and `y` points to `count` rows of `out.width` values, `out.stride` apart,
    /// that nothing else touches.
    #[target_feature(enable = "avx512f")]
    pub(super) unsafe fn tile(
        count: usize,
        a: &[f32],
        strides: (usize, usize),
        steps: usize,
        packed: &[f32],
        y: *mut f32,
        out: Output<'_>,
    ) {
        let arguments = (a.as_ptr(), packed.as_ptr(), y);
        macro_rules! by_vectors {
            ($rows:literal) => {
                // SAFETY: the caller's promise, for this number of rows and vectors.
                unsafe {
                    match out.width.div_ceil(16) {
                        4 => fixed::<$rows, 4>(arguments, strides, steps, out),
                        3 => fixed::<$rows, 3>(arguments, strides, steps, out),
                        2 => fixed::<$rows, 2>(arguments, strides, steps, out),
                        _ => fixed::<$rows, 1>(arguments, strides, steps, out),
                    }
                }
            };
        }
        match count {
            6 => by_vectors!(6),
            5 => by_vectors!(5),
            4 => by_vectors!(4),
            3 => by_vectors!(3),
            2 => by_vectors!(2),
            _ => by_vectors!(1),
        }
    }

    /// # Safety
    /// As [`tile`], with `ROWS` rows and `VECTORS` vectors of 16 columns.
    #[target_feature(enable = "avx512f")]
    unsafe fn fixed<const ROWS: usize, const VECTORS: usize>(
        (a, packed, y): (*const f32, *const f32, *mut f32),
        (row, step): (usize, usize),
        steps: usize,
        out: Output<'_>,
    ) {
        let rest = out.width - (VECTORS - 1) * 16;
        let last: u16 = if rest == 16 { 0xFFFF } else { (1 << rest) - 1 };
        let mask = |v: usize| if v + 1 == VECTORS { last } else { 0xFFFF };
        let mut sums = [[_mm512_setzero_ps(); VECTORS]; ROWS];
        let (mut a, mut b) = (a, packed);
        for _ in 0..steps {
            // SAFETY: `packed` holds `steps` rows of PANEL values, `a` ROWS rows of `steps`.
            let vectors: [__m512; VECTORS] =
                std::array::from_fn(|v| unsafe { _mm512_loadu_ps(b.add(v * 16)) });
            for (r, sums) in sums.iter_mut().enumerate() {
                // SAFETY: as above.
                let value = _mm512_set1_ps(unsafe { *a.add(r * row) });
                for (sum, vector) in sums.iter_mut().zip(vectors) {
                    *sum = _mm512_fmadd_ps(value, vector, *sum);
                }
            }
            a = a.wrapping_add(step);
            b = b.wrapping_add(PANEL);
        }
        for (r, sums) in sums.iter().enumerate() {
            for (v, &sum) in sums.iter().enumerate() {
                // SAFETY: within this row of `y`; columns beyond the width are masked off.
                unsafe {
                    let y = y.add(r * out.stride + v * 16);
                    let sum = match out.add {
                        true => _mm512_add_ps(_mm512_maskz_loadu_ps(mask(v), y), sum),
                        false => sum,
                    };
                    _mm512_mask_storeu_ps(y, mask(v), sum);
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::{Output, PANEL};
    use std::arch::x86_64::*;

    /// Adds `count` (1 to 6) rows of `a` times the panel to rows `i..` of the output.
    ///
    /// # Safety
    /// AVX2 and FMA; `a` holds `count` rows of `steps` values at the strides, `packed` `steps`
    /// rows of PANEL values; the task owns these rows and columns of the output.
    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn tile(
        count: usize,
        a: &[f32],
        strides: (usize, usize),
        steps: usize,
        packed: &[f32],
        i: usize,
        out: Output<'_>,
    ) {
        for column in (0..out.width).step_by(16) {
            let b = packed[column..].as_ptr();
            // SAFETY: the caller's promise, for this number of rows.
            unsafe {
                match count {
                    6 => fixed::<6>(a.as_ptr(), b, strides, steps, (i, column), out),
                    5 => fixed::<5>(a.as_ptr(), b, strides, steps, (i, column), out),
                    4 => fixed::<4>(a.as_ptr(), b, strides, steps, (i, column), out),
                    3 => fixed::<3>(a.as_ptr(), b, strides, steps, (i, column), out),
                    2 => fixed::<2>(a.as_ptr(), b, strides, steps, (i, column), out),
                    _ => fixed::<1>(a.as_ptr(), b, strides, steps, (i, column), out),
                }
            }
        }
    }

    /// # Safety
    /// As [`tile`], with `ROWS` rows and one strip of 16 columns.
    #[target_feature(enable = "avx2,fma")]
    unsafe fn fixed<const ROWS: usize>(
        a: *const f32,
        b: *const f32,
        (row, step): (usize, usize),
        steps: usize,
        (i, column): (usize, usize),
        out: Output<'_>,
    ) {
        let width = 16.min(out.width - column);
        let mut sums = [[_mm256_setzero_ps(); 2]; ROWS];
        let (mut a, mut b) = (a, b);
        for _ in 0..steps {
            // SAFETY: `b` has 16 values in each of `steps` rows, `a` ROWS rows of `steps`.
            let vectors = unsafe { [_mm256_loadu_ps(b), _mm256_loadu_ps(b.add(8))] };
            for (r, sums) in sums.iter_mut().enumerate() {
                // SAFETY: as above.
                let value = _mm256_set1_ps(unsafe { *a.add(r * row) });
                sums[0] = _mm256_fmadd_ps(value, vectors[0], sums[0]);
                sums[1] = _mm256_fmadd_ps(value, vectors[1], sums[1]);
            }
            a = a.wrapping_add(step);
            b = b.wrapping_add(PANEL);
        }
        for (r, sums) in sums.into_iter().enumerate() {
            let at = (i + r) * out.stride + out.start + column;
            if width == 16 {
                let y = out.y.pointer(at, width);
                for (v, sum) in sums.into_iter().enumerate() {
                    // SAFETY: 16 columns of this task's rows.
                    unsafe {
                        let y = y.add(8 * v);
                        let sum = match out.add {
                            true => _mm256_add_ps(_mm256_loadu_ps(y), sum),
                            false => sum,
                        };
                        _mm256_storeu_ps(y, sum);
                    }
                }
                continue;
            }
            let mut edge = [0.0f32; 16];
            // SAFETY: `edge` holds 16 values.
            unsafe {
                _mm256_storeu_ps(edge.as_mut_ptr(), sums[0]);
                _mm256_storeu_ps(edge.as_mut_ptr().add(8), sums[1]);
            }
            // SAFETY: this task's rows and columns, lent one at a time.
            let y = unsafe { out.y.part(at, width) };
            super::put(y, &edge[..width], out.add);
        }
    }
}
