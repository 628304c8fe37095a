//! One group of 16 output rows times all rows of activations.

use super::activations::{Activations, Block};
use super::packed::{Kind, Packed};
use super::portable;
#[cfg(any(target_arch = "x86_64", target_feature = "simd128"))]
use crate::features::Features;
use crate::features::features;
use crate::parallel::Shared;
use std::ops::Range;

/// Some rows of activations, as a tile reads them: each row `blocks` blocks.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub numbers: &'a [i8],
    pub blocks: &'a [Block],
    pub per_row: usize,
    /// As [`Activations::pairs`](super::Activations).
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    pub pairs: &'a [i16],
}

/// The weights and scales of one group.
#[derive(Clone, Copy)]
pub(super) struct Group<'a> {
    pub kind: Kind,
    pub quants: &'a [u8],
    pub scales: &'a [u8],
}

/// Rows of a tile at most: with their sums, a block's weights and scales stay in registers.
pub(super) const ROWS_MAX: usize = 8;

/// Rows of activations from which it pays to ask for the next group's weights: with fewer, reading
/// the weights is most of the work.
const ROWS_TO_ASK: usize = 24;

/// Where a group's columns lie in an output.
#[derive(Clone, Copy)]
pub(super) struct Columns {
    pub start: usize,
    pub width: usize,
    /// Values of a row of the output.
    pub stride: usize,
    /// Whether what the output holds is added to.
    pub add: bool,
}

/// A group's columns of the rows `of` of the activations and of `y`.
pub(super) fn group(
    packed: &Packed,
    group: usize,
    (x, of): (&Activations, Range<usize>),
    y: &Shared<'_>,
    columns: Columns,
) {
    let Columns {
        start,
        width,
        stride,
        add,
    } = columns;
    let (quants, scales) = packed.group(group);
    let weights = Group {
        kind: packed.kind,
        quants,
        scales,
    };
    let per_row = packed.blocks;
    let mut sums = [[0.0f32; 16]; ROWS_MAX];
    let mut first = of.start;
    while first < of.end {
        let count = tile_rows(of.end - first);
        let rows = Rows {
            numbers: &x.numbers[first * per_row * 32..][..count * per_row * 32],
            blocks: &x.blocks[first * per_row..][..count * per_row],
            per_row,
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            pairs: &x.pairs[first * per_row * 32..][..count * per_row * 32],
        };
        if of.len() >= ROWS_TO_ASK {
            let done = first - of.start;
            packed.ask_for(group + 1, done..done + count, of.len());
        }
        // SAFETY: this group's columns of a row are one task's, and lent once at a time.
        let part = |i: usize| unsafe { y.part((first + i) * stride + start, width) };
        let sums = &mut sums[..count];
        if !add || width < 16 {
            sums.fill([0.0; 16]);
        }
        if add {
            for (i, sums) in sums.iter_mut().enumerate() {
                let y: &[f32] = part(i);
                match y.as_array() {
                    Some(y) => *sums = *y,
                    None => sums[..width].copy_from_slice(y),
                }
            }
        }
        tile(weights, rows, sums);
        for (i, sums) in sums.iter().enumerate() {
            let y = part(i);
            match y.as_mut_array() {
                Some(y) => *y = *sums,
                None => y.copy_from_slice(&sums[..width]),
            }
        }
        first += count;
    }
}

/// Rows of the next tile, so that what is left is split evenly.
fn tile_rows(left: usize) -> usize {
    left.div_ceil(left.div_ceil(ROWS_MAX))
}

/// `sums[i] += row i · the group's 16 rows of weights`, block by block.
pub(super) fn tile(weights: Group<'_>, rows: Rows<'_>, sums: &mut [[f32; 16]]) {
    let blocks = rows.per_row;
    assert!(weights.quants.len() == blocks * weights.kind.quant_bytes());
    assert!(weights.scales.len() == blocks * weights.kind.scale_bytes());
    assert!(rows.blocks.len() == sums.len() * blocks);
    assert!(rows.numbers.len() == sums.len() * blocks * 32);
    match features() {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: AVX-512 with VNNI is there; the lengths are as asserted.
        Features::Avx512 => unsafe { super::avx512::tile(weights, rows, sums) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: AVX2, FMA and F16C are there; the lengths are as asserted.
        Features::Avx2 => unsafe { super::avx2::tile(weights, rows, sums) },
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        Features::Simd128 => super::simd128::tile(weights, rows, sums),
        _ => portable::tile(weights, rows, sums),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_instruction_sets_give_the_bits_of_the_oracle() {
        let per_row = 3;
        let mut state = 1u64;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as u32
        };
        for kind in [
            Kind::Nibbles8,
            Kind::NibblesMin,
            Kind::NibblesWideMin,
            Kind::Bytes,
            Kind::BytesHalves,
        ] {
            for count in 1..=ROWS_MAX {
                let quants: Vec<u8> = (0..per_row * kind.quant_bytes())
                    .map(|_| next() as u8)
                    .collect();
                // Exponents that 16 and 32 bits share well: 0x2E.. is about 0.1.
                let scales: Vec<u8> = (0..per_row * kind.scale_bytes())
                    .map(|i| if i % 2 == 1 { 0x2E } else { next() as u8 })
                    .collect();
                let x: Vec<f32> = (0..count * per_row * 32)
                    .map(|_| next() as f32 / (1u32 << 30) as f32 - 1.0)
                    .collect();
                let x = Activations::quantize(&x, per_row * 32);
                let weights = Group {
                    kind,
                    quants: &quants,
                    scales: &scales,
                };
                let rows = Rows {
                    numbers: &x.numbers,
                    blocks: &x.blocks,
                    per_row,
                    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
                    pairs: &x.pairs,
                };
                let before = vec![[0.25; 16]; count];
                let mut expected = before.clone();
                let mut unfused = before.clone();
                let mut found = before.clone();
                const FUSED: bool = crate::features::BASELINE_FUSED;
                portable::oracle::<FUSED>(weights, rows, &mut unfused);
                portable::tile(weights, rows, &mut found);
                assert_eq!(found, unfused, "portable {kind:?} {count}");
                portable::oracle::<true>(weights, rows, &mut expected);
                #[cfg(target_arch = "x86_64")]
                if features() != Features::Scalar {
                    found.clone_from(&before);
                    // SAFETY: not scalar, so at least AVX2; the lengths are right.
                    unsafe { crate::quantized::avx2::tile(weights, rows, &mut found) };
                    assert_eq!(found, expected, "avx2 {kind:?} {count}");
                }
                #[cfg(target_arch = "x86_64")]
                if features() == Features::Avx512 {
                    found.clone_from(&before);
                    // SAFETY: AVX-512 is there; the lengths are right.
                    unsafe { crate::quantized::avx512::tile(weights, rows, &mut found) };
                    assert_eq!(found, expected, "avx512 {kind:?} {count}");
                }
            }
        }
    }

    #[test]
    fn tiles_are_even() {
        assert_eq!(tile_rows(1), 1);
        assert_eq!(tile_rows(8), 8);
        assert_eq!(tile_rows(9), 5);
        assert_eq!(tile_rows(50), 8);
    }
}
