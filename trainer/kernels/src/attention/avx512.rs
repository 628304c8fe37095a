//! AVX-512 for heads of 1 to 8 whole vectors of 16, or of 16.

use std::arch::x86_64::*;

use super::View;
use crate::features::{Features, features};

/// Whether these kernels serve a head of this many values here.
pub(super) fn fits(head_dim: usize) -> bool {
    features() == Features::Avx512
        && head_dim.is_multiple_of(16)
        && ((16..=128).contains(&head_dim) || head_dim == 256)
}

/// Calls an unsafe function with the number of vectors a head and of heads as constants.
macro_rules! by_shape {
    ($vectors:expr, $heads:expr, $function:ident($($arg:expr),*)) => {
        // SAFETY: the caller's promise, for this number of vectors and heads.
        unsafe {
            match ($vectors, $heads) {
                (1, 1) => $function::<1, 1>($($arg),*),
                (1, 2) => $function::<1, 2>($($arg),*),
                (1, 3) => $function::<1, 3>($($arg),*),
                (2, 1) => $function::<2, 1>($($arg),*),
                (2, 2) => $function::<2, 2>($($arg),*),
                (2, 3) => $function::<2, 3>($($arg),*),
                (3, 1) => $function::<3, 1>($($arg),*),
                (3, 2) => $function::<3, 2>($($arg),*),
                (3, 3) => $function::<3, 3>($($arg),*),
                (4, 1) => $function::<4, 1>($($arg),*),
                (4, 2) => $function::<4, 2>($($arg),*),
                (4, 3) => $function::<4, 3>($($arg),*),
                (5, 1) => $function::<5, 1>($($arg),*),
                (5, 2) => $function::<5, 2>($($arg),*),
                (6, 1) => $function::<6, 1>($($arg),*),
                (6, 2) => $function::<6, 2>($($arg),*),
                (7, 1) => $function::<7, 1>($($arg),*),
                (8, 1) => $function::<8, 1>($($arg),*),
                (16, 1) => $function::<16, 1>($($arg),*),
                _ => unreachable!("heads come in groups of at most 12 vectors, or one of 16"),
            }
        }
    };
}

/// # Safety
/// `fits(keys.head_dim)`; the lengths as [`super::dots`] checks them.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn dots(queries: &[f32], keys: View<'_>, scale: f32, scores: &mut [f32]) {
    let View {
        rows,
        offset,
        head_dim,
    } = keys;
    let heads = queries.len() / head_dim;
    by_shape!(
        head_dim / 16,
        heads,
        dots_of(queries, rows, offset, scale, scores)
    );
}

/// # Safety
/// AVX-512 F; `G` queries of `N` vectors, each row as many from `offset`, `G` scores a row.
#[target_feature(enable = "avx512f")]
#[allow(
    clippy::needless_range_loop,
    reason = "the indices run over several arrays"
)]
unsafe fn dots_of<const N: usize, const G: usize>(
    queries: &[f32],
    rows: &[&[f32]],
    offset: usize,
    scale: f32,
    scores: &mut [f32],
) {
    let q: [[__m512; N]; G] = std::array::from_fn(|g| {
        // SAFETY: G queries of N vectors.
        std::array::from_fn(|i| unsafe { _mm512_loadu_ps(queries.as_ptr().add(16 * (g * N + i))) })
    });
    let scale = _mm_set1_ps(scale);
    let width = rows.len();
    for (part, rows) in rows.chunks(4).enumerate() {
        // Four rows at a time; the last stands in for those that are missing.
        let mut sums = [[_mm512_setzero_ps(); 4]; G];
        for j in 0..4 {
            let row = rows[j.min(rows.len() - 1)].as_ptr().wrapping_add(offset);
            for i in 0..N {
                // SAFETY: N vectors of the row from `offset`.
                let values = unsafe { _mm512_loadu_ps(row.add(16 * i)) };
                for g in 0..G {
                    sums[g][j] = _mm512_fmadd_ps(q[g][i], values, sums[g][j]);
                }
            }
        }
        for (g, [a, b, c, d]) in sums.into_iter().enumerate() {
            let ab = _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
            let cd = _mm512_add_ps(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
            let (ab, cd) = (_mm512_castps_pd(ab), _mm512_castps_pd(cd));
            // In each quarter: a part of the sums of a, b, c, d.
            let quarters = _mm512_add_ps(
                _mm512_castpd_ps(_mm512_unpacklo_pd(ab, cd)),
                _mm512_castpd_ps(_mm512_unpackhi_pd(ab, cd)),
            );
            let upper = _mm512_shuffle_f32x4::<0b1110>(quarters, quarters);
            let halves = _mm256_add_ps(
                _mm512_castps512_ps256(quarters),
                _mm512_castps512_ps256(upper),
            );
            let dots = _mm_mul_ps(
                _mm_add_ps(
                    _mm256_castps256_ps128(halves),
                    _mm256_extractf128_ps::<1>(halves),
                ),
                scale,
            );
            let to = &mut scores[g * width + part * 4..][..rows.len()];
            if let Some(to) = to.first_chunk_mut::<4>() {
                // SAFETY: four floats.
                unsafe { _mm_storeu_ps(to.as_mut_ptr(), dots) };
            } else {
                let mut four = [0.0f32; 4];
                // SAFETY: four floats.
                unsafe { _mm_storeu_ps(four.as_mut_ptr(), dots) };
                to.copy_from_slice(&four[..to.len()]);
            }
        }
    }
}

/// # Safety
/// `fits(values.head_dim)`; the lengths as [`super::weighted_sum`] checks them.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn weighted_sum(weights: &[f32], values: View<'_>, out: &mut [f32]) {
    let View {
        rows,
        offset,
        head_dim,
    } = values;
    let heads = out.len() / head_dim;
    by_shape!(
        head_dim / 16,
        heads,
        weighted_sum_of(weights, rows, offset, out)
    );
}

/// # Safety
/// AVX-512 F; `G` outputs of `N` vectors, each row as many from `offset`, `G` weights a row.
#[target_feature(enable = "avx512f")]
unsafe fn weighted_sum_of<const N: usize, const G: usize>(
    weights: &[f32],
    rows: &[&[f32]],
    offset: usize,
    out: &mut [f32],
) {
    let width = rows.len();
    let mut sums = [[_mm512_setzero_ps(); N]; G];
    for (j, row) in rows.iter().enumerate() {
        let row = row.as_ptr().wrapping_add(offset);
        // SAFETY: N vectors of the row from `offset`.
        let values: [__m512; N] =
            std::array::from_fn(|i| unsafe { _mm512_loadu_ps(row.add(16 * i)) });
        for (g, sums) in sums.iter_mut().enumerate() {
            // SAFETY: G weights for each of the rows.
            let weight = _mm512_set1_ps(unsafe { *weights.get_unchecked(g * width + j) });
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum = _mm512_fmadd_ps(weight, value, *sum);
            }
        }
    }
    for (i, sum) in sums.as_flattened().iter().enumerate() {
        // SAFETY: G outputs of N vectors.
        unsafe { _mm512_storeu_ps(out.as_mut_ptr().add(16 * i), *sum) };
    }
}

/// # Safety
/// `fits(head_dim)`; the lengths as [`super::scatter`] checks them.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn scatter(
    factors: &[f32],
    vectors: &[f32],
    places: &[usize],
    head_dim: usize,
    sums: &mut [f32],
) {
    let heads = vectors.len() / head_dim;
    by_shape!(
        head_dim / 16,
        heads,
        scatter_of(factors, vectors, places, sums)
    );
}

/// # Safety
/// AVX-512 F; `G` vectors of `N` registers, `sums` has `N` from each place, `G` factors a place.
#[target_feature(enable = "avx512f")]
unsafe fn scatter_of<const N: usize, const G: usize>(
    factors: &[f32],
    vectors: &[f32],
    places: &[usize],
    sums: &mut [f32],
) {
    let v: [[__m512; N]; G] = std::array::from_fn(|g| {
        // SAFETY: G vectors of N registers.
        std::array::from_fn(|i| unsafe { _mm512_loadu_ps(vectors.as_ptr().add(16 * (g * N + i))) })
    });
    for (j, place) in places.iter().enumerate() {
        let to = sums.as_mut_ptr().wrapping_add(*place);
        // SAFETY: N registers of `sums` from this place.
        let mut sum: [__m512; N] =
            std::array::from_fn(|i| unsafe { _mm512_loadu_ps(to.add(16 * i)) });
        for (g, v) in v.iter().enumerate() {
            // SAFETY: G factors for each of the places.
            let factor = _mm512_set1_ps(unsafe { *factors.get_unchecked(g * places.len() + j) });
            for (sum, v) in sum.iter_mut().zip(v) {
                *sum = _mm512_fmadd_ps(factor, *v, *sum);
            }
        }
        for (i, sum) in sum.into_iter().enumerate() {
            // SAFETY: as for the loads.
            unsafe { _mm512_storeu_ps(to.add(16 * i), sum) };
        }
    }
}
