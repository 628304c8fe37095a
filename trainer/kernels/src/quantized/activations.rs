//! Activations in 8 bits.

use crate::features::for_each_instruction_set;
#[cfg(target_arch = "x86_64")]
use crate::features::{Features, features};
use crate::parallel::{self, Shared};
use std::ops::Range;

/// Values that share a scale.
pub(super) const BLOCK: usize = 32;

/// Elements that are worth a thread of their own.
const TASK_ELEMENTS: usize = 1 << 14;

/// What the kernels need to know of a block besides its values.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C, align(16))]
pub(super) struct Block {
    /// A value is `scale` times its 8-bit number.
    pub scale: f32,
    /// Scale times the sum of the numbers: what a weight's minimum is multiplied by.
    pub scaled_sum: f32,
    /// -128 times the sum, for weights stored with 128 added.
    pub minus_128: i32,
    /// -128 times the sum of the first half.
    pub minus_128_first: i32,
}

impl Block {
    /// Of the numbers' sum, and of that of the first half.
    #[inline(always)]
    fn new(scale: f32, sum: i32, first: i32) -> Self {
        Self {
            scale,
            scaled_sum: scale * sum as f32,
            minus_128: -128 * sum,
            minus_128_first: -128 * first,
        }
    }

    /// -8 times the sum, for weights stored with 8 added.
    pub fn minus_8(self) -> i32 {
        self.minus_128 / 16
    }

    /// -128 times the sum of the second half.
    #[cfg(target_arch = "x86_64")]
    pub fn minus_128_second(self) -> i32 {
        self.minus_128 - self.minus_128_first
    }
}

/// Activation rows in 8 bits, by blocks of 32 with a scale each: scale `max |x| / 127`, nearest
/// number, ties to even; as llama.cpp's Q8_1, but with the scale in `f32`.
#[derive(Clone, Debug, Default)]
pub struct Activations {
    rows: usize,
    columns: usize,
    pub(super) numbers: Vec<i8>,
    pub(super) blocks: Vec<Block>,
    /// The numbers in 16 bits, as [`super::simd128`] reads them.
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    pub(super) pairs: Vec<i16>,
}

impl Activations {
    /// Quantizes `x` (n, columns); `columns` must be a multiple of 32.
    pub fn quantize(x: &[f32], columns: usize) -> Self {
        let mut new = Self::default();
        new.set(x, columns);
        new
    }

    /// As [`Activations::quantize`] in place of what is here, whose memory is used again: memory
    /// fresh from the system costs more than the quantization.
    pub fn set(&mut self, x: &[f32], columns: usize) {
        assert!(
            columns > 0 && columns.is_multiple_of(BLOCK) && x.len().is_multiple_of(columns),
            "{} activations are not rows of {columns} values by blocks of {BLOCK}",
            x.len()
        );
        let count = x.len() / BLOCK;
        self.rows = x.len() / columns;
        self.columns = columns;
        self.numbers.resize(x.len(), 0);
        self.blocks.resize(count, Block::default());
        let threads = parallel::threads();
        let tasks = (x.len() / TASK_ELEMENTS).clamp(1, threads * 2);
        let numbers = Shared::new(&mut self.numbers);
        let blocks = Shared::new(&mut self.blocks);
        parallel::run(threads, tasks, |task| {
            let start = count * task / tasks;
            let len = count * (task + 1) / tasks - start;
            // SAFETY: the tasks' blocks are disjoint.
            let (numbers, blocks) = unsafe {
                (
                    numbers.part(start * BLOCK, len * BLOCK),
                    blocks.part(start, len),
                )
            };
            quantize_part(&x[start * BLOCK..][..len * BLOCK], numbers, blocks);
        });
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        super::simd128::pair(&self.numbers, &mut self.pairs);
    }

    /// As [`Activations::set`], of the columns `part` of `x` (n, columns) alone.
    pub fn set_part(&mut self, x: &[f32], columns: usize, part: Range<usize>) {
        let width = part.len();
        if width == columns {
            self.set(x, columns);
            return;
        }
        assert!(
            part.end <= columns && width.is_multiple_of(BLOCK) && x.len().is_multiple_of(columns),
            "columns {part:?} of {} activations in rows of {columns}, by blocks of {BLOCK}",
            x.len()
        );
        self.rows = x.len() / columns;
        self.columns = width;
        self.numbers.resize(self.rows * width, 0);
        self.blocks
            .resize(self.rows * width / BLOCK, Block::default());
        let numbers = Shared::new(&mut self.numbers);
        let blocks = Shared::new(&mut self.blocks);
        let least = (TASK_ELEMENTS / width).max(1);
        parallel::in_parts(self.rows, least, |first, count| {
            for row in first..first + count {
                // SAFETY: a row is one task's, and lent once at a time.
                let (numbers, blocks) = unsafe {
                    (
                        numbers.part(row * width, width),
                        blocks.part(row * width / BLOCK, width / BLOCK),
                    )
                };
                quantize_part(&x[row * columns..][part.clone()], numbers, blocks);
            }
        });
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        super::simd128::pair(&self.numbers, &mut self.pairs);
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Values a row.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The values in `f32`, (n, columns): what the products see.
    pub fn dequantize(&self) -> Vec<f32> {
        self.numbers
            .chunks_exact(BLOCK)
            .zip(&self.blocks)
            .flat_map(|(numbers, block)| numbers.iter().map(|&n| f32::from(n) * block.scale))
            .collect()
    }
}

fn quantize_part(x: &[f32], numbers: &mut [i8], blocks: &mut [Block]) {
    #[cfg(target_arch = "x86_64")]
    if features() == Features::Avx512 {
        // SAFETY: AVX-512 is there.
        unsafe { avx512(x, numbers, blocks) };
        return;
    }
    quantize_blocks(x, numbers, blocks);
}

/// As `quantize_blocks`, with the same results, four blocks at a time.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn avx512(x: &[f32], numbers: &mut [i8], blocks: &mut [Block]) {
    use std::arch::x86_64::*;

    /// The four vectors' sums, or what `combine` makes of them, side by side.
    macro_rules! across {
        ($vectors:expr, $combine:ident, $combine_256:ident, $combine_128:ident) => {{
            let [a, b, c, d] = $vectors;
            let ab = $combine(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
            let cd = $combine(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
            let quarters = $combine(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
            let halves = $combine_256(
                _mm512_castsi512_si256(quarters),
                _mm512_extracti64x4_epi64::<1>(quarters),
            );
            $combine_128(
                _mm256_castsi256_si128(halves),
                _mm256_extracti128_si256::<1>(halves),
            )
        }};
    }

    let x = x.as_chunks::<BLOCK>().0;
    let numbers = numbers.as_chunks_mut::<BLOCK>().0;
    for ((x, numbers), blocks) in x
        .chunks(4)
        .zip(numbers.chunks_mut(4))
        .zip(blocks.chunks_mut(4))
    {
        // Where fewer are left, the last stands in for those that are missing.
        let halves: [[__m512; 2]; 4] = std::array::from_fn(|i| {
            let x = &x[i.min(x.len() - 1)];
            // SAFETY: 32 floats.
            unsafe {
                [
                    _mm512_loadu_ps(x.as_ptr()),
                    _mm512_loadu_ps(x.as_ptr().add(16)),
                ]
            }
        });
        // Absolute values compare as integers do; what is not a number compares as greatest.
        let largest = halves.map(|[a, b]| {
            _mm512_max_epi32(
                _mm512_castps_si512(_mm512_abs_ps(a)),
                _mm512_castps_si512(_mm512_abs_ps(b)),
            )
        });
        let largest = across!(largest, _mm512_max_epi32, _mm256_max_epi32, _mm_max_epi32);
        let scales = _mm_div_ps(_mm_castsi128_ps(largest), _mm_set1_ps(127.0));
        let usable = _mm_cmp_ps_mask::<_CMP_GE_OQ>(scales, _mm_set1_ps(f32::MIN_POSITIVE))
            & _mm_cmp_ps_mask::<_CMP_LT_OQ>(scales, _mm_set1_ps(f32::INFINITY));
        let scales = _mm_maskz_mov_ps(usable, scales);
        let inverses = _mm_maskz_div_ps(usable, _mm_set1_ps(1.0), scales);
        let mut inverse = [0.0f32; 4];
        // SAFETY: four floats.
        unsafe { _mm_storeu_ps(inverse.as_mut_ptr(), inverses) };
        let mut rounded = [[_mm512_setzero_si512(); 2]; 4];
        for i in 0..4 {
            let inverse = _mm512_set1_ps(inverse[i]);
            for half in 0..2 {
                // In a block that is not usable, what is not a number becomes -2^31 here: its low
                // byte is 0, and so is -128 times it, modulo 2^32.
                let x = _mm512_mul_ps(halves[i][half], inverse);
                rounded[i][half] = _mm512_cvtps_epi32(x);
            }
        }
        for (numbers, rounded) in numbers.iter_mut().zip(rounded) {
            for (half, rounded) in rounded.into_iter().enumerate() {
                let bytes = _mm512_cvtepi32_epi8(rounded);
                // SAFETY: 16 of the 32 numbers.
                unsafe { _mm_storeu_si128(numbers.as_mut_ptr().add(16 * half).cast(), bytes) };
            }
        }
        let [a, b, c, d] = rounded;
        let first = [a[0], b[0], c[0], d[0]];
        let all = [
            _mm512_add_epi32(a[0], a[1]),
            _mm512_add_epi32(b[0], b[1]),
            _mm512_add_epi32(c[0], c[1]),
            _mm512_add_epi32(d[0], d[1]),
        ];
        let first = across!(first, _mm512_add_epi32, _mm256_add_epi32, _mm_add_epi32);
        let sums = across!(all, _mm512_add_epi32, _mm256_add_epi32, _mm_add_epi32);
        let scaled_sums = _mm_mul_ps(scales, _mm_cvtepi32_ps(sums));
        let minus_128 = |sums| _mm_sub_epi32(_mm_setzero_si128(), _mm_slli_epi32::<7>(sums));
        // Four fields of four blocks, turned into four blocks of four fields.
        let (a, b) = (_mm_castps_si128(scales), _mm_castps_si128(scaled_sums));
        let (c, d) = (minus_128(sums), minus_128(first));
        let (ab, ab_high) = (_mm_unpacklo_epi32(a, b), _mm_unpackhi_epi32(a, b));
        let (cd, cd_high) = (_mm_unpacklo_epi32(c, d), _mm_unpackhi_epi32(c, d));
        let turned = [
            _mm_unpacklo_epi64(ab, cd),
            _mm_unpackhi_epi64(ab, cd),
            _mm_unpacklo_epi64(ab_high, cd_high),
            _mm_unpackhi_epi64(ab_high, cd_high),
        ];
        for (block, turned) in blocks.iter_mut().zip(turned) {
            // SAFETY: a `Block` is 16 bytes, any bits of which are valid.
            unsafe { _mm_store_si128(std::ptr::from_mut(block).cast(), turned) };
        }
    }
}

/// The scale of a block by its greatest absolute value, and the scale's reciprocal; zeros where
/// the reciprocal would not be finite or the values are not: such a block counts as nothing.
#[inline(always)]
fn scale_and_inverse(largest: f32) -> (f32, f32) {
    let scale = largest / 127.0;
    if (f32::MIN_POSITIVE..f32::INFINITY).contains(&scale) {
        (scale, 1.0 / scale)
    } else {
        (0.0, 0.0)
    }
}

for_each_instruction_set! {
    fn quantize_blocks(x: &[f32], numbers: &mut [i8], blocks: &mut [Block]) {
        let x = x.as_chunks::<BLOCK>().0;
        let numbers = numbers.as_chunks_mut::<BLOCK>().0;
        for ((x, numbers), block) in x.iter().zip(numbers).zip(blocks) {
            // Absolute values compare as integers do; what is not a number compares as greatest.
            let mut lanes = [0u32; 16];
            for (lane, largest) in lanes.iter_mut().enumerate() {
                let (a, b) = (x[lane].abs().to_bits(), x[lane + 16].abs().to_bits());
                *largest = a.max(b);
            }
            let mut width = 8;
            while width > 0 {
                for i in 0..width {
                    lanes[i] = lanes[i].max(lanes[i + width]);
                }
                width /= 2;
            }
            let (scale, inverse) = scale_and_inverse(f32::from_bits(lanes[0]));
            // Adding and taking away 1.5 · 2^23 rounds to the nearest integer; it stays in the
            // low bits.
            const ROUND: f32 = 12_582_912.0;
            let mut sums = [0i32; 2];
            for half in 0..2 {
                let mut rounded = [0i32; 16];
                for i in 0..16 {
                    // Of a block that is not usable, all is nothing, whatever its values.
                    let value = if inverse > 0.0 { x[half * 16 + i] * inverse } else { 0.0 };
                    let bits = (value + ROUND).to_bits();
                    rounded[i] = bits.wrapping_sub(ROUND.to_bits()) as i32;
                }
                for i in 0..16 {
                    numbers[half * 16 + i] = rounded[i] as i8;
                    sums[half] += i32::from(rounded[i] as i8);
                }
            }
            *block = Block::new(scale, sums[0] + sums[1], sums[0]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_the_columns_is_as_of_the_whole() {
        let (rows, columns) = (5, 128);
        let x: Vec<f32> = (0..rows * columns)
            .map(|i| (i * 7919 % 1009) as f32 - 500.0)
            .collect();
        let whole = Activations::quantize(&x, columns).dequantize();
        let mut part = Activations::default();
        for range in [0..columns, 32..96] {
            part.set_part(&x, columns, range.clone());
            assert_eq!((part.rows(), part.columns()), (rows, range.len()));
            let expected: Vec<f32> = whole
                .chunks_exact(columns)
                .flat_map(|row| &row[range.clone()])
                .copied()
                .collect();
            assert_eq!(part.dequantize(), expected);
        }
    }

    #[test]
    fn instruction_sets_agree() {
        let mut x: Vec<f32> = (0..4096 + 32)
            .map(|i| ((i * 7919 % 2048) as f32 - 1000.0) * if i % 96 < 32 { 1e-3 } else { 0.5 })
            .collect();
        x[5] = f32::NAN;
        x[40] = f32::INFINITY;
        x[64..96].fill(1e-42);
        let found = Activations::quantize(&x, 4096 + 32);
        let mut numbers = vec![0; x.len()];
        let mut blocks = vec![Block::default(); x.len() / BLOCK];
        quantize_blocks(&x, &mut numbers, &mut blocks);
        assert_eq!(found.numbers, numbers);
        assert_eq!(found.blocks, blocks);
    }
}
