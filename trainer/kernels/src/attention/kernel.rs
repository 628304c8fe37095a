//! The products of attention, by the best instruction set that is there.
//!
//! All give the same bits: a dot product is summed in 16 lanes, then these by halves; a weighted sum row
//! by row, in order.

use super::portable;
#[cfg(target_arch = "x86_64")]
use super::{avx2, avx512};

/// One head of some rows of keys or values.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) rows: &'a [&'a [f32]],
    pub(super) offset: usize,
    pub(super) head_dim: usize,
}

impl View<'_> {
    /// That every row has the head.
    fn check(self) {
        let end = self.offset + self.head_dim;
        assert!(self.rows.iter().all(|row| row.len() >= end));
    }
}

/// Calls a kernel of the best instruction set that serves a head of this many values.
macro_rules! best {
    ($head_dim:expr, $kernel:ident($($arg:expr),*)) => {{
        #[cfg(target_arch = "x86_64")]
        if avx512::fits($head_dim) {
            // SAFETY: `fits` found AVX-512 and a head of whole vectors; the lengths were checked.
            return unsafe { avx512::$kernel($($arg),*) };
        }
        #[cfg(target_arch = "x86_64")]
        if avx2::fits($head_dim) {
            // SAFETY: `fits` found AVX2 and a head of whole vectors; the lengths were checked.
            return unsafe { avx2::$kernel($($arg),*) };
        }
        portable::$kernel($($arg),*)
    }};
}

/// Of a kernel's slices: for each vector (vectors, head_dim) a row of `stride` factors, of which the
/// first `rows` are used.
fn check_factors(factors: &[f32], stride: usize, vectors: &[f32], rows: usize, head_dim: usize) {
    let whole = vectors.len().is_multiple_of(head_dim);
    let before_last = (vectors.len() / head_dim).saturating_sub(1) * stride;
    assert!(whole && rows <= stride && factors.len() >= before_last + rows);
}

/// `scores[g, i] = scale * queries[g] · row i`, for at most [`GROUP_MAX`](super::GROUP_MAX) queries.
pub(super) fn dots(queries: &[f32], keys: View<'_>, scale: f32, scores: &mut [f32], stride: usize) {
    check_factors(scores, stride, queries, keys.rows.len(), keys.head_dim);
    keys.check();
    best!(keys.head_dim, dots(queries, keys, scale, scores, stride))
}

/// Whether there are kernels for keys that are [turned](turn).
#[cfg_attr(
    not(target_arch = "x86_64"),
    allow(unused_variables, reason = "only AVX-512 has such kernels")
)]
pub(super) fn turns(head_dim: usize) -> bool {
    #[cfg(target_arch = "x86_64")]
    return avx512::fits(head_dim);
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

/// `turned[i / 16, d, i % 16] = row i [d]`; what is left over of the last 16 holds anything.
pub(super) fn turn(keys: View<'_>, turned: &mut [f32]) {
    assert!(turns(keys.head_dim));
    assert!(turned.len() == keys.rows.len().next_multiple_of(16) * keys.head_dim);
    keys.check();
    // SAFETY: `turns` found AVX-512 and a head of whole vectors; the lengths were checked.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        avx512::turn(keys, turned);
    }
}

/// As [`dots`], for any number of queries and `count` keys that were turned. What lies behind these scores
/// up to a multiple of 16 is overwritten.
#[cfg_attr(
    not(target_arch = "x86_64"),
    allow(unused_variables, reason = "only AVX-512 has such kernels")
)]
pub(super) fn dots_of_turned(
    queries: &[f32],
    turned: &[f32],
    head_dim: usize,
    scale: f32,
    scores: &mut [f32],
    stride: usize,
    count: usize,
) {
    let written = count.next_multiple_of(16);
    check_factors(scores, stride, queries, written, head_dim);
    assert!(turns(head_dim) && turned.len() >= written * head_dim);
    // SAFETY: as in `turn`.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        avx512::dots_of_turned(
            queries,
            turned,
            head_dim,
            scale,
            scores,
            stride,
            written / 16,
        );
    }
}

/// `out[g] += Σ weights[g, i] * row i`.
pub(super) fn add_weighted(weights: &[f32], stride: usize, values: View<'_>, out: &mut [f32]) {
    check_factors(weights, stride, out, values.rows.len(), values.head_dim);
    values.check();
    best!(values.head_dim, add_weighted(weights, stride, values, out))
}

/// `sums[places[i]..] += Σ factors[g, i] * vectors[g]`.
pub(super) fn scatter(
    factors: &[f32],
    stride: usize,
    vectors: &[f32],
    places: &[usize],
    head_dim: usize,
    sums: &mut [f32],
) {
    check_factors(factors, stride, vectors, places.len(), head_dim);
    assert!(places.iter().all(|&place| place + head_dim <= sums.len()));
    best!(
        head_dim,
        scatter(factors, stride, vectors, places, head_dim, sums)
    )
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;
    use crate::features::{Features, features};

    fn values(count: usize, step: usize) -> Vec<f32> {
        (0..count)
            .map(|i| (i * step % 1009) as f32 / 331.0 - 1.5)
            .collect()
    }

    #[test]
    fn a_place_that_comes_twice_is_added_to_twice() {
        let (vectors, head_dim) = (24, 64);
        let mut sums = vec![0.0; 7 * head_dim];
        let places: Vec<usize> = [0, 1, 2, 2, 3, 4, 5].map(|i| i * head_dim).to_vec();
        let factors = vec![1.0; vectors * 16];
        let ones = vec![1.0; vectors * head_dim];
        scatter(&factors, 16, &ones, &places, head_dim, &mut sums);
        let expected = [24.0, 24.0, 48.0, 24.0, 24.0, 24.0, 0.0];
        for (sums, expected) in sums.chunks(head_dim).zip(expected) {
            assert!(sums.iter().all(|&sum| sum == expected));
        }
    }

    #[test]
    fn all_instruction_sets_give_the_same_bits() {
        if features() == Features::Scalar {
            return; // What is portable is not fused then, and the others are.
        }
        for (head_dim, group, count) in [
            (16, 1, 1),
            (64, 3, 7),
            (64, 2, 4),
            (128, 1, 9),
            (64, 24, 47),
            (32, 7, 20),
        ] {
            let (width, stride) = (head_dim + 16, count + 3);
            let (keys, queries) = (values(count * width, 37), values(group * head_dim, 71));
            let rows: Vec<&[f32]> = keys.chunks_exact(width).collect();
            let view = View {
                rows: &rows,
                offset: 16,
                head_dim,
            };
            let places: Vec<usize> = (0..count).map(|i| i * width).collect();
            let size = group * stride;
            let (mut scores, mut out) = (vec![0.0; size], values(group * head_dim, 11));
            let mut sums = values(keys.len(), 13);
            let (mut others, mut other_out, mut other_sums) =
                (scores.clone(), out.clone(), sums.clone());
            portable::dots(&queries, view, 0.125, &mut scores, stride);
            portable::add_weighted(&scores, stride, view, &mut out);
            portable::scatter(&scores, stride, &queries, &places, head_dim, &mut sums);
            let starts = (other_out.clone(), other_sums.clone());
            let few = group <= crate::attention::GROUP_MAX;
            // SAFETY: AVX2 and FMA are there; the slices have the shapes.
            unsafe {
                if few {
                    avx2::dots(&queries, view, 0.125, &mut others, stride);
                    assert_eq!(scores, others);
                }
                avx2::add_weighted(&scores, stride, view, &mut other_out);
                avx2::scatter(
                    &scores,
                    stride,
                    &queries,
                    &places,
                    head_dim,
                    &mut other_sums,
                );
            }
            assert_eq!((&out, &sums), (&other_out, &other_sums));
            if features() == Features::Avx512 {
                (other_out, other_sums) = starts;
                // SAFETY: AVX-512 is there; the slices have the shapes.
                unsafe {
                    if few {
                        avx512::dots(&queries, view, 0.125, &mut others, stride);
                        assert_eq!(scores, others);
                    }
                    avx512::add_weighted(&scores, stride, view, &mut other_out);
                    avx512::scatter(
                        &scores,
                        stride,
                        &queries,
                        &places,
                        head_dim,
                        &mut other_sums,
                    );
                }
                assert_eq!((&out, &sums), (&other_out, &other_sums));
                let stride = count.next_multiple_of(16);
                let (mut turned, mut others) =
                    (vec![0.0; stride * head_dim], vec![0.0; group * stride]);
                turn(view, &mut turned);
                dots_of_turned(
                    &queries,
                    &turned,
                    head_dim,
                    0.125,
                    &mut others,
                    stride,
                    count,
                );
                for (scores, others) in scores.chunks(count + 3).zip(others.chunks(stride)) {
                    assert_eq!(scores[..count], others[..count]);
                }
            }
        }
    }
}
