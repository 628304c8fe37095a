//! AVX-512 for heads of 1 to 8 whole vectors of 16, or of 16.

use std::arch::x86_64::*;

use super::GROUP_MAX;
use super::kernel::View;
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
                (1, TILE) => $function::<1, TILE>($($arg),*),
                (2, TILE) => $function::<2, TILE>($($arg),*),
                (3, TILE) => $function::<3, TILE>($($arg),*),
                (4, TILE) => $function::<4, TILE>($($arg),*),
                (5, 1) => $function::<5, 1>($($arg),*),
                (5, 2) => $function::<5, 2>($($arg),*),
                (6, 1) => $function::<6, 1>($($arg),*),
                (6, 2) => $function::<6, 2>($($arg),*),
                (7, 1) => $function::<7, 1>($($arg),*),
                (8, 1) => $function::<8, 1>($($arg),*),
                (16, 1) => $function::<16, 1>($($arg),*),
                _ => unreachable!("no kernel for so many vectors and heads"),
            }
        }
    };
}

/// # Safety
/// `fits(keys.head_dim)`; the lengths as [`dots`](super::kernel::dots) checks them.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn dots(
    queries: &[f32],
    keys: View<'_>,
    scale: f32,
    scores: &mut [f32],
    stride: usize,
) {
    let View {
        rows,
        offset,
        head_dim,
    } = keys;
    let heads = queries.len() / head_dim;
    by_shape!(
        head_dim / 16,
        heads,
        dots_of(queries, rows, offset, scale, scores, stride)
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
    stride: usize,
) {
    let q: [[__m512; N]; G] = std::array::from_fn(|g| {
        // SAFETY: G queries of N vectors.
        std::array::from_fn(|i| unsafe { _mm512_loadu_ps(queries.as_ptr().add(16 * (g * N + i))) })
    });
    let scale = _mm_set1_ps(scale);
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
            let to = &mut scores[g * stride + part * 4..][..rows.len()];
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

/// Outputs at a time whose sums stay in registers, where a head has `vectors` of 16 values.
fn outputs_at_once(vectors: usize) -> usize {
    match vectors {
        0..=4 => TILE,
        _ => (12 / vectors).max(1),
    }
}

/// Heads of up to 4 vectors whose sums stay in registers.
const TILE: usize = 6;

/// # Safety
/// `fits(values.head_dim)`; the lengths as [`add_weighted`](super::kernel::add_weighted) checks them.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn add_weighted(
    weights: &[f32],
    stride: usize,
    values: View<'_>,
    out: &mut [f32],
) {
    let View {
        rows,
        offset,
        head_dim,
    } = values;
    let mut most = outputs_at_once(head_dim / 16);
    let (mut out, mut weights) = (out, weights);
    while !out.is_empty() {
        let left = out.len() / head_dim;
        if left < most {
            most = left.min(GROUP_MAX);
        }
        let (now, later) = std::mem::take(&mut out).split_at_mut(most * head_dim);
        by_shape!(
            head_dim / 16,
            most,
            add_weighted_of(weights, stride, rows, offset, now)
        );
        weights = weights.get(most * stride..).unwrap_or_default();
        out = later;
    }
}

/// # Safety
/// AVX-512 F; `G` outputs of `N` vectors, each row as many from `offset`, `G` weights a row.
#[target_feature(enable = "avx512f")]
unsafe fn add_weighted_of<const N: usize, const G: usize>(
    weights: &[f32],
    stride: usize,
    rows: &[&[f32]],
    offset: usize,
    out: &mut [f32],
) {
    let mut sums: [[__m512; N]; G] = std::array::from_fn(|g| {
        // SAFETY: G outputs of N vectors.
        std::array::from_fn(|i| unsafe { _mm512_loadu_ps(out.as_ptr().add(16 * (g * N + i))) })
    });
    for (j, row) in rows.iter().enumerate() {
        let row = row.as_ptr().wrapping_add(offset);
        // SAFETY: N vectors of the row from `offset`.
        let values: [__m512; N] =
            std::array::from_fn(|i| unsafe { _mm512_loadu_ps(row.add(16 * i)) });
        for (g, sums) in sums.iter_mut().enumerate() {
            // SAFETY: G weights for each of the rows.
            let weight = _mm512_set1_ps(unsafe { *weights.get_unchecked(g * stride + j) });
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
/// `fits(head_dim)`; the lengths as [`scatter`](super::kernel::scatter) checks them.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn scatter(
    factors: &[f32],
    stride: usize,
    vectors: &[f32],
    places: &[usize],
    head_dim: usize,
    sums: &mut [f32],
) {
    let mut left = places;
    let mut first = 0;
    let many = vectors.len() / head_dim > GROUP_MAX;
    let apart = |places: &[usize]| {
        let mut pairs = places.windows(2);
        pairs.all(|pair| pair[1] >= pair[0] + head_dim)
    };
    while many && left.len() >= TILE && head_dim <= 64 && apart(&left[..TILE]) {
        let (now, later) = left.split_at(TILE);
        let factors = &factors[first..];
        // SAFETY: the caller's promise; `places` are of so many vectors.
        unsafe {
            match head_dim / 16 {
                1 => scatter_to::<1>(factors, stride, vectors, now, sums),
                2 => scatter_to::<2>(factors, stride, vectors, now, sums),
                3 => scatter_to::<3>(factors, stride, vectors, now, sums),
                _ => scatter_to::<4>(factors, stride, vectors, now, sums),
            }
        }
        left = later;
        first += TILE;
    }
    let most = (12 / (head_dim / 16)).clamp(1, GROUP_MAX);
    for (i, vectors) in vectors.chunks(most * head_dim).enumerate() {
        let factors = &factors[i * most * stride + first..];
        by_shape!(
            head_dim / 16,
            vectors.len() / head_dim,
            scatter_of(factors, stride, vectors, left, sums)
        );
    }
}

/// # Safety
/// AVX-512 F; vectors of `N` registers, `sums` has `N` from each of [`TILE`] places, which lie apart,
/// and as many factors a vector.
#[target_feature(enable = "avx512f")]
unsafe fn scatter_to<const N: usize>(
    factors: &[f32],
    stride: usize,
    vectors: &[f32],
    places: &[usize],
    sums: &mut [f32],
) {
    let to: [*mut f32; TILE] = std::array::from_fn(|j| sums.as_mut_ptr().wrapping_add(places[j]));
    let mut tile: [[__m512; N]; TILE] = std::array::from_fn(|j| {
        // SAFETY: N registers of `sums` from this place.
        std::array::from_fn(|i| unsafe { _mm512_loadu_ps(to[j].add(16 * i)) })
    });
    for (g, vector) in vectors.chunks_exact(16 * N).enumerate() {
        // SAFETY: N registers of the vector.
        let vector: [__m512; N] =
            std::array::from_fn(|i| unsafe { _mm512_loadu_ps(vector.as_ptr().add(16 * i)) });
        for (j, sums) in tile.iter_mut().enumerate() {
            // SAFETY: a factor for each vector and place.
            let factor = _mm512_set1_ps(unsafe { *factors.get_unchecked(g * stride + j) });
            for (sum, value) in sums.iter_mut().zip(vector) {
                *sum = _mm512_fmadd_ps(factor, value, *sum);
            }
        }
    }
    for (to, sums) in to.into_iter().zip(tile) {
        for (i, sum) in sums.into_iter().enumerate() {
            // SAFETY: as for the loads.
            unsafe { _mm512_storeu_ps(to.add(16 * i), sum) };
        }
    }
}

/// # Safety
/// AVX-512 F; `G` vectors of `N` registers, `sums` has `N` from each place, `G` factors a place.
#[target_feature(enable = "avx512f")]
unsafe fn scatter_of<const N: usize, const G: usize>(
    factors: &[f32],
    stride: usize,
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
            let factor = _mm512_set1_ps(unsafe { *factors.get_unchecked(g * stride + j) });
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

/// # Safety
/// `fits(keys.head_dim)`; the lengths as [`turn`](super::kernel::turn) checks them.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn turn(keys: View<'_>, turned: &mut [f32]) {
    let panels = turned.chunks_exact_mut(16 * keys.head_dim);
    for (rows, panel) in keys.rows.chunks(16).zip(panels) {
        // The last row stands in for those that are missing.
        let from: [*const f32; 16] = std::array::from_fn(|j| {
            rows[j.min(rows.len() - 1)]
                .as_ptr()
                .wrapping_add(keys.offset)
        });
        for at in (0..keys.head_dim).step_by(16) {
            let mut square = [_mm512_setzero_ps(); 16];
            for i in 0..16 {
                // SAFETY: each row has whole vectors from `offset`.
                square[i] = unsafe { _mm512_loadu_ps(from[i].add(at)) };
            }
            transpose(&mut square);
            for i in 0..16 {
                let to = panel[16 * (at + i)..][..16].as_mut_ptr();
                // SAFETY: 16 values, as just cut.
                unsafe { _mm512_storeu_ps(to, square[i]) };
            }
        }
    }
}

/// Makes 16 columns of 16 rows.
#[target_feature(enable = "avx512f")]
fn transpose(square: &mut [__m512; 16]) {
    // In each quarter of vector 4 g + c: column c of that quarter, of the four rows from 4 g on.
    let mut fours = [_mm512_setzero_ps(); 16];
    for g in (0..16).step_by(4) {
        let [a, b, c, d] = [square[g], square[g + 1], square[g + 2], square[g + 3]];
        let (low, low_of_others) = (_mm512_unpacklo_ps(a, b), _mm512_unpacklo_ps(c, d));
        let (high, high_of_others) = (_mm512_unpackhi_ps(a, b), _mm512_unpackhi_ps(c, d));
        for (i, (a, b)) in [(low, low_of_others), (high, high_of_others)]
            .into_iter()
            .enumerate()
        {
            let (a, b) = (_mm512_castps_pd(a), _mm512_castps_pd(b));
            fours[g + 2 * i] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, b));
            fours[g + 2 * i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, b));
        }
    }
    for c in 0..4 {
        let [v, w, x, y] = [fours[c], fours[4 + c], fours[8 + c], fours[12 + c]];
        // Quarters 0 and 2 of two vectors each, and 1 and 3.
        let (even, even_of_others) = (
            _mm512_shuffle_f32x4::<0x88>(v, w),
            _mm512_shuffle_f32x4::<0x88>(x, y),
        );
        let (odd, odd_of_others) = (
            _mm512_shuffle_f32x4::<0xdd>(v, w),
            _mm512_shuffle_f32x4::<0xdd>(x, y),
        );
        square[c] = _mm512_shuffle_f32x4::<0x88>(even, even_of_others);
        square[4 + c] = _mm512_shuffle_f32x4::<0x88>(odd, odd_of_others);
        square[8 + c] = _mm512_shuffle_f32x4::<0xdd>(even, even_of_others);
        square[12 + c] = _mm512_shuffle_f32x4::<0xdd>(odd, odd_of_others);
    }
}

/// # Safety
/// `fits(head_dim)`; the lengths as [`dots_of_turned`](super::kernel::dots_of_turned) checks them, of
/// `panels` times 16 keys.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn dots_of_turned(
    queries: &[f32],
    turned: &[f32],
    head_dim: usize,
    scale: f32,
    scores: &mut [f32],
    stride: usize,
    panels: usize,
) {
    for panel in (0..panels).step_by(2) {
        let keys = &turned[16 * panel * head_dim..];
        for (i, queries) in queries.chunks(3 * head_dim).enumerate() {
            let to = &mut scores[3 * i * stride + 16 * panel..];
            // SAFETY: so many queries and panels are there, and room for their scores.
            unsafe {
                match (queries.len() / head_dim, panels - panel) {
                    (1, 1) => dots_of_panels::<1, 1>(queries, keys, head_dim, scale, to, stride),
                    (1, _) => dots_of_panels::<1, 2>(queries, keys, head_dim, scale, to, stride),
                    (2, 1) => dots_of_panels::<2, 1>(queries, keys, head_dim, scale, to, stride),
                    (2, _) => dots_of_panels::<2, 2>(queries, keys, head_dim, scale, to, stride),
                    (_, 1) => dots_of_panels::<3, 1>(queries, keys, head_dim, scale, to, stride),
                    _ => dots_of_panels::<3, 2>(queries, keys, head_dim, scale, to, stride),
                }
            }
        }
    }
}

/// # Safety
/// AVX-512 F; `G` queries and `P` panels of `head_dim`, and 16 scores for each of both.
#[target_feature(enable = "avx512f")]
#[allow(
    clippy::needless_range_loop,
    reason = "the indices run over several arrays"
)]
unsafe fn dots_of_panels<const G: usize, const P: usize>(
    queries: &[f32],
    panels: &[f32],
    head_dim: usize,
    scale: f32,
    scores: &mut [f32],
    stride: usize,
) {
    // As `dots_of` adds the lanes: those of a quarter, then quarters 0 and 2, 1 and 3, then both.
    let zeros = [[_mm512_setzero_ps(); P]; G];
    let mut halves = [zeros; 2];
    for quarter in 0..4 {
        let mut sums = [[[_mm512_setzero_ps(); 4]; P]; G];
        for at in (4 * quarter..head_dim).step_by(16) {
            for lane in 0..4 {
                let mut keys = [_mm512_setzero_ps(); P];
                for p in 0..P {
                    let place = 16 * (p * head_dim + at + lane);
                    // SAFETY: each panel has 16 values for each of the head's.
                    keys[p] = unsafe { _mm512_loadu_ps(panels.as_ptr().add(place)) };
                }
                for g in 0..G {
                    let place = g * head_dim + at + lane;
                    // SAFETY: each query has so many values.
                    let query = _mm512_set1_ps(unsafe { *queries.get_unchecked(place) });
                    for p in 0..P {
                        sums[g][p][lane] = _mm512_fmadd_ps(query, keys[p], sums[g][p][lane]);
                    }
                }
            }
        }
        for g in 0..G {
            for p in 0..P {
                let [a, b, c, d] = sums[g][p];
                let sum = _mm512_add_ps(_mm512_add_ps(a, c), _mm512_add_ps(b, d));
                let half = &mut halves[quarter % 2][g][p];
                *half = match quarter / 2 {
                    0 => sum,
                    _ => _mm512_add_ps(*half, sum),
                };
            }
        }
    }
    let scale = _mm512_set1_ps(scale);
    for g in 0..G {
        for p in 0..P {
            let dots = _mm512_add_ps(halves[0][g][p], halves[1][g][p]);
            let to = scores.as_mut_ptr().wrapping_add(g * stride + 16 * p);
            // SAFETY: 16 scores of this query and panel.
            unsafe { _mm512_storeu_ps(to, _mm512_mul_ps(dots, scale)) };
        }
    }
}
