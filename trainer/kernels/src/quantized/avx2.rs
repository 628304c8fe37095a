//! AVX2: `vpmaddubsw` and `vpmaddwd`, two vectors of 8 output rows.

use std::arch::x86_64::*;

use super::packed::{KINDS, Kind};
use super::tile::{Group, Rows};

/// Rows whose sums of a block stay in registers beside the weights: of one half of the outputs, or of
/// both for one or two rows, so that the weights are read in one stream.
const ROWS: usize = 4;

/// # Safety
/// AVX2, FMA and F16C; the slices have the lengths that `tile::tile` asserts.
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) unsafe fn tile(weights: Group<'_>, rows: Rows<'_>, sums: &mut [[f32; 16]]) {
    macro_rules! by_rows {
        ($kind:literal, $rows:expr, $sums:expr) => {
            // SAFETY: the caller's promise, for this number of rows.
            unsafe {
                match $sums.len() {
                    4 => fixed::<$kind, 4, 1>(weights, $rows, $sums),
                    3 => fixed::<$kind, 3, 1>(weights, $rows, $sums),
                    2 => fixed::<$kind, 2, 2>(weights, $rows, $sums),
                    _ => fixed::<$kind, 1, 2>(weights, $rows, $sums),
                }
            }
        };
    }
    for (part, sums) in sums.chunks_mut(ROWS).enumerate() {
        let at = part * ROWS * rows.per_row;
        let rows = Rows {
            numbers: &rows.numbers[at * 32..][..sums.len() * rows.per_row * 32],
            blocks: &rows.blocks[at..][..sums.len() * rows.per_row],
            per_row: rows.per_row,
        };
        match weights.kind {
            Kind::Nibbles8 => by_rows!(0, rows, sums),
            Kind::NibblesMin => by_rows!(1, rows, sums),
            Kind::NibblesWideMin => by_rows!(2, rows, sums),
            Kind::Bytes => by_rows!(3, rows, sums),
            Kind::BytesHalves => by_rows!(4, rows, sums),
        }
    }
}

/// `HALVES` of the two vectors of outputs at a time.
///
/// # Safety
/// As [`tile`], for `KINDS[KIND]` and `COUNT` rows.
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn fixed<const KIND: usize, const COUNT: usize, const HALVES: usize>(
    weights: Group<'_>,
    rows: Rows<'_>,
    out: &mut [[f32; 16]],
) {
    let kind = const { KINDS[KIND] };
    let stride = rows.per_row * 32;
    for first_half in (0..2).step_by(HALVES) {
        let mut quants = weights.quants.as_ptr();
        let mut scales = weights.scales.as_ptr();
        let mut numbers = rows.numbers.as_ptr();
        let mut blocks = rows.blocks.as_ptr();
        let mut sums: [[__m256; COUNT]; HALVES] = std::array::from_fn(|half| {
            let at = 8 * (first_half + half);
            // SAFETY: half of 16 floats of each of `COUNT` rows.
            std::array::from_fn(|r| unsafe { _mm256_loadu_ps(out[r].as_ptr().add(at)) })
        });
        for _ in 0..rows.per_row {
            let of: [_; COUNT] = std::array::from_fn(|r| {
                // SAFETY: row `r` has `per_row` blocks, by the asserted lengths.
                unsafe { &*blocks.add(r * rows.per_row) }
            });
            for (half, sums) in (first_half..).zip(&mut sums) {
                let quants = quants.wrapping_add(32 * half);
                // SAFETY: 16-bit or 32-bit scales of 8 rows, by the asserted lengths.
                let (first, second) =
                    unsafe { (scale(kind, scales, half, 0), scale(kind, scales, half, 1)) };
                // SAFETY: a block of weights, and of each row's numbers, by the asserted lengths.
                unsafe {
                    match kind {
                        Kind::Bytes => {
                            let dots = dots_of_bytes::<COUNT, 0, 8>(quants, numbers, stride);
                            for ((sum, dot), of) in sums.iter_mut().zip(dots).zip(of) {
                                *sum = add_scaled(*sum, dot, of.scale, first);
                            }
                        }
                        Kind::BytesHalves => {
                            let lower = dots_of_bytes::<COUNT, 0, 4>(quants, numbers, stride);
                            let upper = dots_of_bytes::<COUNT, 4, 8>(quants, numbers, stride);
                            for (r, sum) in sums.iter_mut().enumerate() {
                                *sum = add_scaled(*sum, lower[r], of[r].scale, first);
                                *sum = add_scaled(*sum, upper[r], of[r].scale, second);
                            }
                        }
                        _ => {
                            let dots = dots_of_nibbles::<COUNT>(quants, numbers, stride);
                            for ((sum, dot), of) in sums.iter_mut().zip(dots).zip(of) {
                                let dot = match kind {
                                    Kind::Nibbles8 => {
                                        _mm256_add_epi32(dot, _mm256_set1_epi32(of.minus_8()))
                                    }
                                    _ => dot,
                                };
                                *sum = add_scaled(*sum, dot, of.scale, first);
                                if matches!(kind, Kind::NibblesMin | Kind::NibblesWideMin) {
                                    let of_min = _mm256_set1_ps(of.scaled_sum);
                                    *sum = _mm256_fmadd_ps(second, of_min, *sum);
                                }
                            }
                        }
                    }
                }
            }
            quants = quants.wrapping_add(kind.quant_bytes());
            scales = scales.wrapping_add(kind.scale_bytes());
            numbers = numbers.wrapping_add(32);
            blocks = blocks.wrapping_add(1);
        }
        for (half, sums) in (first_half..).zip(sums) {
            for (out, sum) in out.iter_mut().zip(sums) {
                // SAFETY: half of 16 floats.
                unsafe { _mm256_storeu_ps(out.as_mut_ptr().add(8 * half), sum) };
            }
        }
    }
}

/// `sum + (dot · x_scale) · w_scale`
#[inline]
#[target_feature(enable = "avx2,fma")]
fn add_scaled(sum: __m256, dot: __m256i, x_scale: f32, w_scale: __m256) -> __m256 {
    let product = _mm256_mul_ps(_mm256_cvtepi32_ps(dot), _mm256_set1_ps(x_scale));
    _mm256_fmadd_ps(product, w_scale, sum)
}

/// Run `j`, 4 of the 32 numbers of a block, in each lane.
///
/// # Safety
/// AVX2; `numbers` points to 32 numbers.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn run(numbers: *const i8, j: usize) -> __m256i {
    // SAFETY: the caller's promise.
    _mm256_set1_epi32(unsafe { numbers.add(4 * j).cast::<i32>().read_unaligned() })
}

/// The sums of the products of a block whose weights are 0 to 15. Pairs are summed in 16 bits: 16
/// products of at most 15 · 127 are 30,480, which those hold.
///
/// # Safety
/// AVX2; `quants` points to a block, `numbers` to `COUNT` rows of 32 numbers, `stride` apart.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn dots_of_nibbles<const COUNT: usize>(
    quants: *const u8,
    numbers: *const i8,
    stride: usize,
) -> [__m256i; COUNT] {
    let low = _mm256_set1_epi8(15);
    let mut pairs = [_mm256_setzero_si256(); COUNT];
    for j in 0..4 {
        // SAFETY: half of a vector of the block.
        let bytes = unsafe { _mm256_loadu_si256(quants.add(64 * j).cast()) };
        let w = [
            _mm256_and_si256(bytes, low),
            _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), low),
        ];
        for (r, pairs) in pairs.iter_mut().enumerate() {
            let x = numbers.wrapping_add(r * stride);
            // SAFETY: the row's numbers.
            let (first, second) = unsafe { (run(x, j), run(x, j + 4)) };
            *pairs = _mm256_add_epi16(*pairs, _mm256_maddubs_epi16(w[0], first));
            *pairs = _mm256_add_epi16(*pairs, _mm256_maddubs_epi16(w[1], second));
        }
    }
    pairs.map(|pairs| _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))
}

/// The sums of the products of runs `FROM..TO` of a block of signed weights: |w| times x with w's
/// sign, at most 2 · 128 · 127 a pair, which 16 bits hold.
///
/// # Safety
/// As [`dots_of_nibbles`].
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn dots_of_bytes<const COUNT: usize, const FROM: usize, const TO: usize>(
    quants: *const u8,
    numbers: *const i8,
    stride: usize,
) -> [__m256i; COUNT] {
    let mut dots = [_mm256_setzero_si256(); COUNT];
    for j in FROM..TO {
        // SAFETY: half of a vector of the block.
        let w = unsafe { _mm256_loadu_si256(quants.add(64 * j).cast()) };
        let magnitude = _mm256_abs_epi8(w);
        for (r, dot) in dots.iter_mut().enumerate() {
            // SAFETY: the row's numbers.
            let x = unsafe { run(numbers.wrapping_add(r * stride), j) };
            let pairs = _mm256_maddubs_epi16(magnitude, _mm256_sign_epi8(x, w));
            *dot = _mm256_add_epi32(*dot, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
        }
    }
    dots
}

/// The scales (`which` 0) of 8 rows of a block, or their minima or second scales (1); zeros where
/// there are none.
///
/// # Safety
/// AVX2 and F16C; `scales` points to a block of `kind`.
#[inline]
#[target_feature(enable = "avx2,f16c")]
unsafe fn scale(kind: Kind, scales: *const u8, half: usize, which: usize) -> __m256 {
    match kind {
        Kind::Nibbles8 | Kind::Bytes if which == 1 => _mm256_setzero_ps(),
        Kind::Nibbles8 | Kind::Bytes | Kind::NibblesMin => {
            // SAFETY: 8 half floats of the block.
            let halves = unsafe { _mm_loadu_si128(scales.add(32 * which + 16 * half).cast()) };
            _mm256_cvtph_ps(halves)
        }
        // SAFETY: 8 floats of the block.
        Kind::NibblesWideMin | Kind::BytesHalves => unsafe {
            _mm256_loadu_ps(scales.add(64 * which + 32 * half).cast())
        },
    }
}
