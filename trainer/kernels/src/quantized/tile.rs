//! One group of 16 output rows, or two, times all rows of activations.

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

/// Rows that are multiplied one after the other should be a multiple of this, so that tiles are full.
pub(super) const ROWS_OF_TILES: usize = 12;

/// Rows of a tile of two groups at most: their sums and dot products take 24 registers. Weights of 8 bits
/// need more of the others.
#[cfg(target_arch = "x86_64")]
const ROWS_MAX_OF_TWO: usize = 6;
#[cfg(target_arch = "x86_64")]
const ROWS_MAX_OF_TWO_IN_BYTES: usize = 4;

/// Rows of activations from which on a tile is of two groups: each value of activations that is read
/// meets both, and reading is what takes longest. With fewer, that is reading weights.
#[cfg(target_arch = "x86_64")]
const ROWS_OF_TWO: usize = 4;

/// Rows of activations from which it pays to ask for the next group's weights: with fewer, reading
/// the weights is most of the work.
const ROWS_TO_ASK: usize = 24;

/// Where products go: rows of `stride` values, of which those from `start` on belong to the first group
/// and `width` to all.
#[derive(Clone, Copy)]
pub(super) struct Output<'a> {
    pub y: &'a Shared<'a>,
    pub start: usize,
    pub width: usize,
    pub stride: usize,
    /// Whether what is there is added to.
    pub add: bool,
}

/// Groups that are best taken together, for so many rows of activations.
pub(super) fn at_once(rows: usize) -> usize {
    #[cfg(target_arch = "x86_64")]
    if features() == Features::Avx512 && rows >= ROWS_OF_TWO {
        return 2;
    }
    let _ = rows;
    1
}

/// The columns of some groups, of the rows `of` of the activations and of the output.
pub(super) fn groups(
    packed: &Packed,
    groups: Range<usize>,
    (x, of): (&Activations, Range<usize>),
    out: Output<'_>,
) {
    let mut group = groups.start;
    while group < groups.end {
        let column = (group - groups.start) * 16;
        let out = Output {
            start: out.start + column,
            width: out.width - column,
            ..out
        };
        #[cfg(target_arch = "x86_64")]
        if at_once(of.len()) == 2 && groups.end - group >= 2 {
            let width = out.width.min(32);
            two_groups(packed, group, (x, of.clone()), Output { width, ..out });
            group += 2;
            continue;
        }
        let width = out.width.min(16);
        one_group(packed, group, (x, of.clone()), Output { width, ..out });
        group += 1;
    }
}

/// Calls `tile` with the rows `of` of the activations, at most `most` at a time, and the first of them.
/// Meanwhile the weights of `next` are asked for.
fn for_each_tile(
    packed: &Packed,
    next: Range<usize>,
    (x, of): (&Activations, Range<usize>),
    most: usize,
    mut tile: impl FnMut(usize, Rows<'_>),
) {
    let per_row = packed.blocks;
    let mut first = of.start;
    while first < of.end {
        let count = tile_rows(of.end - first, most);
        let rows = Rows {
            numbers: &x.numbers[first * per_row * 32..][..count * per_row * 32],
            blocks: &x.blocks[first * per_row..][..count * per_row],
            per_row,
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            pairs: &x.pairs[first * per_row * 32..][..count * per_row * 32],
        };
        if of.len() >= ROWS_TO_ASK {
            let done = first - of.start;
            for group in next.clone() {
                packed.ask_for(group, done..done + count, of.len());
            }
        }
        tile(first, rows);
        first += count;
    }
}

fn weights(packed: &Packed, group: usize) -> Group<'_> {
    let (quants, scales) = packed.group(group);
    Group {
        kind: packed.kind,
        quants,
        scales,
    }
}

fn one_group(packed: &Packed, group: usize, rows: (&Activations, Range<usize>), out: Output<'_>) {
    let weights = weights(packed, group);
    let next = group + 1..group + 2;
    let mut sums = [[0.0f32; 16]; ROWS_MAX];
    for_each_tile(packed, next, rows, ROWS_MAX, |first, rows| {
        let sums = &mut sums[..rows.count()];
        out.before(first, sums);
        tile(weights, rows, sums);
        out.put(first, sums);
    });
}

#[cfg(target_arch = "x86_64")]
fn two_groups(packed: &Packed, group: usize, rows: (&Activations, Range<usize>), out: Output<'_>) {
    let weights = [weights(packed, group), weights(packed, group + 1)];
    let next = group + 2..group + 4;
    let most = match packed.kind {
        Kind::Bytes => ROWS_MAX_OF_TWO_IN_BYTES,
        _ => ROWS_MAX_OF_TWO,
    };
    let mut sums = [[0.0f32; 32]; ROWS_MAX_OF_TWO];
    for_each_tile(packed, next, rows, most, |first, rows| {
        if out.width == 32 {
            let (start, stride) = (first * out.stride + out.start, out.stride);
            // SAFETY: AVX-512 with VNNI is there, as `groups` saw; these columns of the rows are one
            // task's, and nothing else holds them.
            unsafe { tile_of_two(weights, rows, out.y, start, stride, out.add) };
            return;
        }
        let sums = &mut sums[..rows.count()];
        out.before(first, sums);
        let y = Shared::new(sums.as_flattened_mut());
        // SAFETY: as above; the sums are this task's own.
        unsafe { tile_of_two(weights, rows, &y, 0, 32, true) };
        out.put(first, sums);
    });
}

impl Rows<'_> {
    /// How many rows.
    fn count(&self) -> usize {
        self.blocks.len() / self.per_row
    }
}

impl Output<'_> {
    /// A row's columns.
    #[allow(
        clippy::mut_from_ref,
        reason = "they are one task's, and lent once at a time"
    )]
    fn row(&self, row: usize) -> &mut [f32] {
        // SAFETY: see above.
        unsafe { self.y.part(row * self.stride + self.start, self.width) }
    }

    /// What sums start with, for the rows from `first` on.
    fn before<const N: usize>(&self, first: usize, sums: &mut [[f32; N]]) {
        for (i, sums) in sums.iter_mut().enumerate() {
            match self.add {
                true => sums[..self.width].copy_from_slice(self.row(first + i)),
                false => sums.fill(0.0),
            }
        }
    }

    /// Puts sums in the rows from `first` on.
    fn put<const N: usize>(&self, first: usize, sums: &[[f32; N]]) {
        for (i, sums) in sums.iter().enumerate() {
            let y = self.row(first + i);
            match y.as_mut_array() {
                Some(y) => *y = *sums,
                None => y.copy_from_slice(&sums[..self.width]),
            }
        }
    }
}

/// Rows of the next tile, so that what is left is split evenly.
fn tile_rows(left: usize, most: usize) -> usize {
    left.div_ceil(left.div_ceil(most))
}

/// That a tile's slices have the lengths of its blocks.
fn check(weights: Group<'_>, rows: Rows<'_>, count: usize) {
    let blocks = rows.per_row;
    assert!(weights.quants.len() == blocks * weights.kind.quant_bytes());
    assert!(weights.scales.len() == blocks * weights.kind.scale_bytes());
    assert!(rows.blocks.len() == count * blocks);
    assert!(rows.numbers.len() == count * blocks * 32);
}

/// As [`tile`], for two groups, whose sums are the 32 values from `start` on of rows of `stride`.
///
/// # Safety
/// AVX-512 with VNNI; nothing else touches these values.
#[cfg(target_arch = "x86_64")]
unsafe fn tile_of_two(
    weights: [Group<'_>; 2],
    rows: Rows<'_>,
    y: &Shared<'_>,
    start: usize,
    stride: usize,
    add: bool,
) {
    let count = rows.count();
    assert!(weights[0].kind == weights[1].kind);
    for weights in weights {
        check(weights, rows, count);
    }
    let y = y.pointer(start, (count - 1) * stride + 32);
    // SAFETY: the lengths are as checked; for the rest the caller's promise.
    unsafe { super::avx512::tile_of_two(weights, rows, count, y, stride, add) }
}

/// `sums[i] += row i · the group's 16 rows of weights`, block by block.
pub(super) fn tile(weights: Group<'_>, rows: Rows<'_>, sums: &mut [[f32; 16]]) {
    check(weights, rows, sums.len());
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
                #[cfg(target_arch = "x86_64")]
                let reversed: Vec<u8> = quants.iter().rev().copied().collect();
                #[cfg(target_arch = "x86_64")]
                let other = Group {
                    quants: &reversed,
                    ..weights
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
                    if count <= ROWS_MAX_OF_TWO {
                        let mut found = vec![[0.25; 16]; 2 * count];
                        let y = Shared::new(found.as_flattened_mut());
                        // SAFETY: as above.
                        unsafe { tile_of_two([weights, other], rows, &y, 0, 32, true) };
                        let mut of_other = before.clone();
                        portable::oracle::<true>(other, rows, &mut of_other);
                        for (i, found) in found.chunks(2).enumerate() {
                            assert_eq!(found, [expected[i], of_other[i]], "{kind:?} {count} {i}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn tiles_are_even() {
        assert_eq!(tile_rows(1, 8), 1);
        assert_eq!(tile_rows(8, 8), 8);
        assert_eq!(tile_rows(9, 8), 5);
        assert_eq!(tile_rows(50, 8), 8);
    }
}
