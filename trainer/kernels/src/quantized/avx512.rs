//! AVX-512 with VNNI: one `vpdpbusd` multiplies 4 inner values of 16 output rows.

use std::arch::x86_64::*;

use super::packed::{KINDS, Kind};
use super::tile::{Group, Rows};

/// Calls an unsafe function with the kind of weights and the number of rows as constants.
macro_rules! by_kind_and_rows {
    (@$kind:literal, $count:expr, [$($rows:literal)*], $function:ident, $arguments:tt) => {
        // SAFETY: the caller's promise, for this number of rows.
        unsafe {
            match $count {
                $($rows => $function::<$kind, $rows> $arguments,)*
                _ => unreachable!("no tile has so many rows"),
            }
        }
    };
    ($kind:expr, $count:expr, $rows:tt, $function:ident, $arguments:tt) => {
        match $kind {
            Kind::Nibbles8 => by_kind_and_rows!(@0, $count, $rows, $function, $arguments),
            Kind::NibblesMin => by_kind_and_rows!(@1, $count, $rows, $function, $arguments),
            Kind::NibblesWideMin => by_kind_and_rows!(@2, $count, $rows, $function, $arguments),
            Kind::Bytes => by_kind_and_rows!(@3, $count, $rows, $function, $arguments),
            Kind::BytesHalves => by_kind_and_rows!(@4, $count, $rows, $function, $arguments),
        }
    };
}

/// # Safety
/// AVX-512 F, BW, VL, VNNI; the slices have the lengths that `tile::tile` asserts, for 1 to 8
/// rows.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,f16c")]
pub(super) unsafe fn tile(weights: Group<'_>, rows: Rows<'_>, sums: &mut [[f32; 16]]) {
    by_kind_and_rows!(weights.kind, sums.len(), [1 2 3 4 5 6 7 8], fixed, (weights, rows, sums));
}

/// How far ahead weights are asked for, in bytes, and up to how many rows, for which reading weights is
/// most of the work: a processor that reads ahead by itself stops at the end of each page of memory.
const AHEAD: usize = 4096;
const AHEAD_ROWS: usize = 2;

/// # Safety
/// As [`tile`], for `KINDS[KIND]` and `ROWS` rows.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,f16c")]
#[allow(
    clippy::needless_range_loop,
    reason = "the indices run over several arrays"
)]
unsafe fn fixed<const KIND: usize, const ROWS: usize>(
    weights: Group<'_>,
    rows: Rows<'_>,
    out: &mut [[f32; 16]],
) {
    let kind = const { KINDS[KIND] };
    let mut quants = weights.quants.as_ptr();
    let mut scales = weights.scales.as_ptr();
    let mut numbers = rows.numbers.as_ptr();
    let mut blocks = rows.blocks.as_ptr();
    // SAFETY: `out` is 16 floats a row, for `ROWS` rows.
    let mut sums: [__m512; ROWS] =
        std::array::from_fn(|r| unsafe { _mm512_loadu_ps(out[r].as_ptr()) });
    for _ in 0..rows.per_row {
        if ROWS <= AHEAD_ROWS {
            for line in (0..kind.quant_bytes()).step_by(64) {
                _mm_prefetch::<_MM_HINT_T0>(quants.wrapping_add(AHEAD + line).cast());
            }
            let of_scales = AHEAD * kind.scale_bytes() / kind.quant_bytes();
            _mm_prefetch::<_MM_HINT_T0>(scales.wrapping_add(of_scales).cast());
        }
        // SAFETY: a block of the group's weights and scales, by the asserted lengths.
        let (w, first, second) = unsafe {
            (
                load_weights(kind, quants),
                scale(kind, scales, 0),
                scale(kind, scales, 1),
            )
        };
        for (r, sum) in sums.iter_mut().enumerate() {
            // SAFETY: row `r` has `per_row` blocks, by the asserted lengths.
            let (x, of) = unsafe {
                (
                    numbers.add(r * rows.per_row * 32),
                    &*blocks.add(r * rows.per_row),
                )
            };
            let run = |j: usize| {
                // SAFETY: 4 of the 32 numbers of this block.
                _mm512_set1_epi32(unsafe { x.add(4 * j).cast::<i32>().read_unaligned() })
            };
            let x_scale = _mm512_set1_ps(of.scale);
            if let Kind::BytesHalves = kind {
                for (half, w_scale) in [first, second].into_iter().enumerate() {
                    let mut dot = _mm512_set1_epi32(if half == 0 {
                        of.minus_128_first
                    } else {
                        of.minus_128_second()
                    });
                    for j in half * 4..half * 4 + 4 {
                        dot = _mm512_dpbusd_epi32(dot, w[j], run(j));
                    }
                    let product = _mm512_mul_ps(_mm512_cvtepi32_ps(dot), x_scale);
                    *sum = _mm512_fmadd_ps(product, w_scale, *sum);
                }
                continue;
            }
            let minus_128 = _mm512_set1_epi32(of.minus_128);
            let mut dot = match kind {
                Kind::Nibbles8 => _mm512_srai_epi32::<4>(minus_128),
                Kind::Bytes => minus_128,
                _ => _mm512_setzero_si512(),
            };
            for (j, w) in w.into_iter().enumerate() {
                dot = _mm512_dpbusd_epi32(dot, w, run(j));
            }
            let product = _mm512_mul_ps(_mm512_cvtepi32_ps(dot), x_scale);
            *sum = _mm512_fmadd_ps(product, first, *sum);
            if matches!(kind, Kind::NibblesMin | Kind::NibblesWideMin) {
                *sum = _mm512_fmadd_ps(second, _mm512_set1_ps(of.scaled_sum), *sum);
            }
        }
        quants = quants.wrapping_add(kind.quant_bytes());
        scales = scales.wrapping_add(kind.scale_bytes());
        numbers = numbers.wrapping_add(32);
        blocks = blocks.wrapping_add(1);
    }
    for (out, sum) in out.iter_mut().zip(sums) {
        // SAFETY: `out` is 16 floats.
        unsafe { _mm512_storeu_ps(out.as_mut_ptr(), sum) };
    }
}

/// As [`tile`] for two groups of one kind and `count` rows, 1 to 6, of 32 sums each, `stride` apart.
///
/// # Safety
/// As [`tile`]; so many sums are there, and are nobody else's.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,f16c")]
pub(super) unsafe fn tile_of_two(
    weights: [Group<'_>; 2],
    rows: Rows<'_>,
    count: usize,
    out: *mut f32,
    stride: usize,
    add: bool,
) {
    by_kind_and_rows!(
        weights[0].kind,
        count,
        [1 2 3 4 5 6],
        fixed_of_two,
        (weights, rows, out, stride, add)
    );
}

/// Each run of activations that is read meets the weights of both groups: a processor reads one vector
/// at a time and multiplies two.
///
/// # Safety
/// As [`tile_of_two`], for `KINDS[KIND]` and `ROWS` rows.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni,f16c")]
#[allow(
    clippy::needless_range_loop,
    reason = "the indices run over several arrays"
)]
unsafe fn fixed_of_two<const KIND: usize, const ROWS: usize>(
    weights: [Group<'_>; 2],
    rows: Rows<'_>,
    out: *mut f32,
    stride: usize,
    add: bool,
) {
    let kind = const { KINDS[KIND] };
    let mut quants = weights.map(|group| group.quants.as_ptr());
    let mut scales = weights.map(|group| group.scales.as_ptr());
    let mut numbers = rows.numbers.as_ptr();
    let mut blocks = rows.blocks.as_ptr();
    let mut sums = [[_mm512_setzero_ps(); 2]; ROWS];
    let place = |r: usize, n: usize| out.wrapping_add(r * stride + 16 * n);
    if add {
        for r in 0..ROWS {
            for n in 0..2 {
                // SAFETY: 16 sums of a row and group.
                sums[r][n] = unsafe { _mm512_loadu_ps(place(r, n)) };
            }
        }
    }
    let (low, flip) = (_mm512_set1_epi8(15), _mm512_set1_epi8(-128));
    // A block is a half, for kinds that have a scale for each half.
    let (parts, runs) = match kind {
        Kind::BytesHalves => (2, 4),
        _ => (1, 8),
    };
    for _ in 0..rows.per_row {
        for part in 0..parts {
            let mut dots = [[_mm512_setzero_si512(); 2]; ROWS];
            for r in 0..ROWS {
                // SAFETY: row `r` has `per_row` blocks, by the asserted lengths.
                let of = unsafe { &*blocks.add(r * rows.per_row) };
                let start = match (kind, part) {
                    (Kind::Nibbles8, _) => of.minus_8(),
                    (Kind::Bytes, _) => of.minus_128,
                    (Kind::BytesHalves, 0) => of.minus_128_first,
                    (Kind::BytesHalves, _) => of.minus_128_second(),
                    _ => continue,
                };
                dots[r] = [_mm512_set1_epi32(start); 2];
            }
            for i in 0..if kind.nibbles() { 4 } else { runs } {
                // SAFETY: a vector of the block of each group, by the asserted lengths.
                let w = quants.map(|quants| unsafe {
                    _mm512_loadu_si512(quants.add(64 * (part * runs + i)).cast())
                });
                // Nibbles hold two runs.
                for half in 0..if kind.nibbles() { 2 } else { 1 } {
                    let mut of_run = w;
                    for n in 0..2 {
                        of_run[n] = match (kind.nibbles(), half) {
                            (true, 0) => _mm512_and_si512(w[n], low),
                            (true, _) => _mm512_and_si512(_mm512_srli_epi16::<4>(w[n]), low),
                            (false, _) => _mm512_xor_si512(w[n], flip),
                        };
                    }
                    let run = part * runs + half * 4 + i;
                    for r in 0..ROWS {
                        // SAFETY: 4 of the 32 numbers of a block of row `r`.
                        let x = unsafe {
                            let x = numbers.add(r * rows.per_row * 32 + 4 * run);
                            _mm512_set1_epi32(x.cast::<i32>().read_unaligned())
                        };
                        for n in 0..2 {
                            dots[r][n] = _mm512_dpbusd_epi32(dots[r][n], of_run[n], x);
                        }
                    }
                }
            }
            // SAFETY: a block's scales of each group, by the asserted lengths.
            let of_weights = |which: usize| unsafe {
                [scale(kind, scales[0], which), scale(kind, scales[1], which)]
            };
            let (factors, minima) = (of_weights(part), of_weights(1));
            for r in 0..ROWS {
                // SAFETY: as above.
                let of = unsafe { &*blocks.add(r * rows.per_row) };
                let x_scale = _mm512_set1_ps(of.scale);
                let scaled_sum = _mm512_set1_ps(of.scaled_sum);
                for n in 0..2 {
                    let product = _mm512_mul_ps(_mm512_cvtepi32_ps(dots[r][n]), x_scale);
                    sums[r][n] = _mm512_fmadd_ps(product, factors[n], sums[r][n]);
                    if matches!(kind, Kind::NibblesMin | Kind::NibblesWideMin) {
                        sums[r][n] = _mm512_fmadd_ps(minima[n], scaled_sum, sums[r][n]);
                    }
                }
            }
        }
        quants = quants.map(|quants| quants.wrapping_add(kind.quant_bytes()));
        scales = scales.map(|scales| scales.wrapping_add(kind.scale_bytes()));
        numbers = numbers.wrapping_add(32);
        blocks = blocks.wrapping_add(1);
    }
    for r in 0..ROWS {
        for n in 0..2 {
            // SAFETY: as for the loads.
            unsafe { _mm512_storeu_ps(place(r, n), sums[r][n]) };
        }
    }
}

/// A block's weights as unsigned bytes, one vector for each run of 4 inner values; signed ones
/// with 128 added.
///
/// # Safety
/// AVX-512 BW; `quants` points to a block of `kind`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn load_weights(kind: Kind, quants: *const u8) -> [__m512i; 8] {
    // SAFETY: 4 or 8 vectors of a block, as the caller promises.
    let vector = |i: usize| unsafe { _mm512_loadu_si512(quants.add(64 * i).cast()) };
    if matches!(kind, Kind::Bytes | Kind::BytesHalves) {
        let flip = _mm512_set1_epi8(-128);
        return std::array::from_fn(|i| _mm512_xor_si512(vector(i), flip));
    }
    let low = _mm512_set1_epi8(15);
    std::array::from_fn(|i| {
        let bytes = vector(i % 4);
        let bytes = if i < 4 {
            bytes
        } else {
            _mm512_srli_epi16::<4>(bytes)
        };
        _mm512_and_si512(bytes, low)
    })
}

/// The block's scales (`which` 0) or minima or second scales (1); zeros where there are none.
///
/// # Safety
/// AVX-512 F; `scales` points to a block of `kind`.
#[inline]
#[target_feature(enable = "avx512f,f16c")]
unsafe fn scale(kind: Kind, scales: *const u8, which: usize) -> __m512 {
    match kind {
        Kind::Nibbles8 | Kind::Bytes if which == 1 => _mm512_setzero_ps(),
        Kind::Nibbles8 | Kind::Bytes | Kind::NibblesMin => {
            // SAFETY: 16 half floats, the first or second of the block.
            _mm512_cvtph_ps(unsafe { _mm256_loadu_si256(scales.add(32 * which).cast()) })
        }
        // SAFETY: 16 floats, the first or second of the block.
        Kind::NibblesWideMin | Kind::BytesHalves => unsafe {
            _mm512_loadu_ps(scales.add(64 * which).cast())
        },
    }
}
