//! AVX2: `vpmaddubsw` and `vpmaddwd`, two vectors of 8 output rows.

use std::arch::x86_64::*;

use super::packed::Kind;
use super::tile::{Group, Rows};

/// Rows that share a block's unpacked weights.
const ROWS: usize = 4;

/// # Safety
/// AVX2, FMA and F16C; the slices have the lengths that `tile::tile` asserts.
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) unsafe fn tile(weights: Group<'_>, rows: Rows<'_>, sums: &mut [[f32; 16]]) {
    for (part, sums) in sums.chunks_mut(ROWS).enumerate() {
        let at = part * ROWS * rows.per_row;
        let rows = Rows {
            numbers: &rows.numbers[at * 32..][..sums.len() * rows.per_row * 32],
            blocks: &rows.blocks[at..][..sums.len() * rows.per_row],
            per_row: rows.per_row,
        };
        for half in 0..2 {
            // SAFETY: the caller's promise, for this number of rows.
            unsafe {
                match sums.len() {
                    4 => eight::<4>(weights, rows, half, sums),
                    3 => eight::<3>(weights, rows, half, sums),
                    2 => eight::<2>(weights, rows, half, sums),
                    _ => eight::<1>(weights, rows, half, sums),
                }
            }
        }
    }
}

/// Output rows `8 half .. 8 half + 8`.
///
/// # Safety
/// As [`tile`], for `COUNT` rows.
#[target_feature(enable = "avx2,fma,f16c")]
#[allow(
    clippy::needless_range_loop,
    reason = "the indices run over several arrays"
)]
unsafe fn eight<const COUNT: usize>(
    weights: Group<'_>,
    rows: Rows<'_>,
    half: usize,
    out: &mut [[f32; 16]],
) {
    let kind = weights.kind;
    let mut sums = [_mm256_setzero_ps(); COUNT];
    for block in 0..rows.per_row {
        let quants = &weights.quants[block * kind.quant_bytes()..][..kind.quant_bytes()];
        let scales = &weights.scales[block * kind.scale_bytes()..][..kind.scale_bytes()];
        // SAFETY: half of a vector of the block.
        let vector = |i: usize| unsafe {
            _mm256_loadu_si256(quants.as_ptr().add(64 * i + 32 * half).cast())
        };
        let low = _mm256_set1_epi8(15);
        let w: [__m256i; 8] = std::array::from_fn(|i| match kind {
            Kind::Bytes | Kind::BytesHalves => vector(i),
            _ if i < 4 => _mm256_and_si256(vector(i), low),
            _ => _mm256_and_si256(_mm256_srli_epi16::<4>(vector(i - 4)), low),
        });
        let narrow = |at: usize| {
            // SAFETY: 8 half floats of the block.
            _mm256_cvtph_ps(unsafe { _mm_loadu_si128(scales.as_ptr().add(at + 16 * half).cast()) })
        };
        // SAFETY: 8 floats of the block.
        let wide =
            |at: usize| unsafe { _mm256_loadu_ps(scales.as_ptr().add(at + 32 * half).cast()) };
        let (first, second) = match kind {
            Kind::Nibbles8 | Kind::Bytes => (narrow(0), _mm256_setzero_ps()),
            Kind::NibblesMin => (narrow(0), narrow(32)),
            Kind::NibblesWideMin | Kind::BytesHalves => (wide(0), wide(64)),
        };
        for (r, sum) in sums.iter_mut().enumerate() {
            let at = r * rows.per_row + block;
            let (x, of) = (&rows.numbers[at * 32..][..32], rows.blocks[at]);
            let dot = |from: usize, to: usize, start: i32| {
                let mut dot = _mm256_set1_epi32(start);
                for j in from..to {
                    // SAFETY: 4 of the 32 numbers of this block.
                    let run = unsafe { x.as_ptr().add(4 * j).cast::<i32>().read_unaligned() };
                    let run = _mm256_set1_epi32(run);
                    let pairs = match kind {
                        // |w| times x with w's sign: at most 2 · 128 · 127, which 16 bits hold.
                        Kind::Bytes | Kind::BytesHalves => {
                            _mm256_maddubs_epi16(_mm256_abs_epi8(w[j]), _mm256_sign_epi8(run, w[j]))
                        }
                        _ => _mm256_maddubs_epi16(w[j], run),
                    };
                    dot = _mm256_add_epi32(dot, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
                }
                _mm256_mul_ps(_mm256_cvtepi32_ps(dot), _mm256_set1_ps(of.scale))
            };
            if kind == Kind::BytesHalves {
                *sum = _mm256_fmadd_ps(dot(0, 4, 0), first, *sum);
                *sum = _mm256_fmadd_ps(dot(4, 8, 0), second, *sum);
                continue;
            }
            let start = if kind == Kind::Nibbles8 {
                of.minus_8()
            } else {
                0
            };
            *sum = _mm256_fmadd_ps(dot(0, 8, start), first, *sum);
            if matches!(kind, Kind::NibblesMin | Kind::NibblesWideMin) {
                *sum = _mm256_fmadd_ps(second, _mm256_set1_ps(of.scaled_sum), *sum);
            }
        }
    }
    for (out, sum) in out.iter_mut().zip(sums) {
        // SAFETY: half of 16 floats.
        unsafe { _mm256_storeu_ps(out.as_mut_ptr().add(8 * half), sum) };
    }
}
