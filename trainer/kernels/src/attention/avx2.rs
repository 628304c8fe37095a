//! AVX2 for heads of whole pairs of vectors of 8: the 16 lanes that all kernels sum in.

use std::arch::x86_64::*;

use super::GROUP_MAX;
use super::kernel::View;
use crate::features::{Features, features};

/// Whether these kernels serve a head of this many values here.
pub(super) fn fits(head_dim: usize) -> bool {
    features() == Features::Avx2 && head_dim.is_multiple_of(16)
}

/// Calls an unsafe function with the number of heads as a constant.
macro_rules! by_heads {
    ($heads:expr, $function:ident::<_ $(, $more:tt)*>($($arg:expr),*)) => {
        // SAFETY: the caller's promise, for this number of heads.
        unsafe {
            match $heads {
                1 => $function::<1 $(, $more)*>($($arg),*),
                2 => $function::<2 $(, $more)*>($($arg),*),
                3 => $function::<3 $(, $more)*>($($arg),*),
                _ => unreachable!("heads come in groups of at most 3"),
            }
        }
    };
}

/// # Safety
/// `fits(keys.head_dim)`; the lengths as [`dots`](super::kernel::dots) checks them.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn dots(
    queries: &[f32],
    keys: View<'_>,
    scale: f32,
    scores: &mut [f32],
    stride: usize,
) {
    let heads = queries.len() / keys.head_dim;
    by_heads!(heads, dots_of::<_>(queries, keys, scale, scores, stride));
}

/// # Safety
/// As [`dots`], for `G` heads.
#[target_feature(enable = "avx2,fma")]
#[allow(
    clippy::needless_range_loop,
    reason = "the indices run over several arrays"
)]
unsafe fn dots_of<const G: usize>(
    queries: &[f32],
    keys: View<'_>,
    scale: f32,
    scores: &mut [f32],
    stride: usize,
) {
    let scale = _mm_set1_ps(scale);
    for (part, rows) in keys.rows.chunks(4).enumerate() {
        // Four rows at a time; the last stands in for those that are missing.
        let pointers: [*const f32; 4] = std::array::from_fn(|j| {
            rows[j.min(rows.len() - 1)]
                .as_ptr()
                .wrapping_add(keys.offset)
        });
        // Two rows and the lower and upper 8 lanes at a time, so that the sums stay in registers.
        let mut by_two = [[[_mm256_setzero_ps(); 2]; 2]; G];
        for two in 0..2 {
            let mut sums = [[[_mm256_setzero_ps(); 2]; 2]; G];
            for at in (0..keys.head_dim).step_by(16) {
                for half in 0..2 {
                    let at = at + 8 * half;
                    // SAFETY: a vector of each row from `offset`, and of each query.
                    let values: [__m256; 2] = std::array::from_fn(|j| unsafe {
                        _mm256_loadu_ps(pointers[2 * two + j].add(at))
                    });
                    for g in 0..G {
                        let q = queries.as_ptr().wrapping_add(g * keys.head_dim + at);
                        // SAFETY: as above.
                        let q = unsafe { _mm256_loadu_ps(q) };
                        for j in 0..2 {
                            sums[g][half][j] = _mm256_fmadd_ps(q, values[j], sums[g][half][j]);
                        }
                    }
                }
            }
            for g in 0..G {
                by_two[g][two] = sums[g].map(|[a, b]| {
                    _mm256_add_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b))
                });
            }
        }
        for (g, [ab, cd]) in by_two.into_iter().enumerate() {
            // In each quarter of the 16 lanes: its part of the sums of a, b, c, d.
            let quarters: [__m256; 2] = std::array::from_fn(|half| {
                let (ab, cd) = (_mm256_castps_pd(ab[half]), _mm256_castps_pd(cd[half]));
                _mm256_add_ps(
                    _mm256_castpd_ps(_mm256_unpacklo_pd(ab, cd)),
                    _mm256_castpd_ps(_mm256_unpackhi_pd(ab, cd)),
                )
            });
            let halves = _mm256_add_ps(quarters[0], quarters[1]);
            let dots = _mm_mul_ps(
                _mm_add_ps(
                    _mm256_castps256_ps128(halves),
                    _mm256_extractf128_ps::<1>(halves),
                ),
                scale,
            );
            let mut four = [0.0f32; 4];
            // SAFETY: four floats.
            unsafe { _mm_storeu_ps(four.as_mut_ptr(), dots) };
            scores[g * stride + part * 4..][..rows.len()].copy_from_slice(&four[..rows.len()]);
        }
    }
}

/// Vectors of a head whose sums stay in registers while all rows go by.
const STRIP: usize = 4;

/// # Safety
/// `fits(values.head_dim)`; the lengths as [`add_weighted`](super::kernel::add_weighted) checks them.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn add_weighted(
    weights: &[f32],
    stride: usize,
    values: View<'_>,
    out: &mut [f32],
) {
    let vectors = values.head_dim / 8;
    let whole = vectors / STRIP * STRIP;
    let groups = out.chunks_mut(GROUP_MAX * values.head_dim);
    for (out, weights) in groups.zip(weights.chunks(GROUP_MAX * stride)) {
        let heads = out.len() / values.head_dim;
        for i in (0..whole).step_by(STRIP) {
            by_heads!(
                heads,
                strip::<_, STRIP>(weights, stride, values, 8 * i, out)
            );
        }
        for i in whole..vectors {
            by_heads!(heads, strip::<_, 1>(weights, stride, values, 8 * i, out));
        }
    }
}

/// Vectors `at / 8 .. at / 8 + N` of the outputs of `G` heads.
///
/// # Safety
/// As [`add_weighted`], for `G` heads and `N` vectors from `at`.
#[target_feature(enable = "avx2,fma")]
unsafe fn strip<const G: usize, const N: usize>(
    weights: &[f32],
    stride: usize,
    values: View<'_>,
    at: usize,
    out: &mut [f32],
) {
    let mut sums: [[__m256; N]; G] = std::array::from_fn(|g| {
        // SAFETY: N vectors of each of G outputs, from `at`.
        std::array::from_fn(|i| unsafe {
            _mm256_loadu_ps(out.as_ptr().add(g * values.head_dim + at + 8 * i))
        })
    });
    for (j, row) in values.rows.iter().enumerate() {
        let row = row.as_ptr().wrapping_add(values.offset + at);
        for (g, sums) in sums.iter_mut().enumerate() {
            // SAFETY: G weights for each of the rows.
            let weight = _mm256_set1_ps(unsafe { *weights.get_unchecked(g * stride + j) });
            for (i, sum) in sums.iter_mut().enumerate() {
                // SAFETY: N vectors of the row from `at`.
                let value = unsafe { _mm256_loadu_ps(row.add(8 * i)) };
                *sum = _mm256_fmadd_ps(weight, value, *sum);
            }
        }
    }
    for (g, sums) in sums.into_iter().enumerate() {
        for (i, sum) in sums.into_iter().enumerate() {
            // SAFETY: N vectors of each of G outputs, from `at`.
            unsafe {
                _mm256_storeu_ps(out.as_mut_ptr().add(g * values.head_dim + at + 8 * i), sum)
            };
        }
    }
}

/// # Safety
/// `fits(head_dim)`; the lengths as [`scatter`](super::kernel::scatter) checks them.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn scatter(
    factors: &[f32],
    stride: usize,
    vectors: &[f32],
    places: &[usize],
    head_dim: usize,
    sums: &mut [f32],
) {
    let groups = vectors.chunks(GROUP_MAX * head_dim);
    for (vectors, factors) in groups.zip(factors.chunks(GROUP_MAX * stride)) {
        by_heads!(
            vectors.len() / head_dim,
            scatter_of::<_>(factors, stride, vectors, places, head_dim, sums)
        );
    }
}

/// # Safety
/// As [`scatter`], for `G` vectors.
#[target_feature(enable = "avx2,fma")]
unsafe fn scatter_of<const G: usize>(
    factors: &[f32],
    stride: usize,
    vectors: &[f32],
    places: &[usize],
    head_dim: usize,
    sums: &mut [f32],
) {
    for (j, place) in places.iter().enumerate() {
        let to = sums.as_mut_ptr().wrapping_add(*place);
        let factors: [__m256; G] = std::array::from_fn(|g| {
            // SAFETY: G factors for each of the places.
            _mm256_set1_ps(unsafe { *factors.get_unchecked(g * stride + j) })
        });
        for at in (0..head_dim).step_by(8) {
            // SAFETY: a vector of `sums` from this place, and of each of the G vectors.
            unsafe {
                let mut sum = _mm256_loadu_ps(to.add(at));
                for (g, factor) in factors.into_iter().enumerate() {
                    let vector = _mm256_loadu_ps(vectors.as_ptr().add(g * head_dim + at));
                    sum = _mm256_fmadd_ps(factor, vector, sum);
                }
                _mm256_storeu_ps(to.add(at), sum);
            }
        }
    }
}
