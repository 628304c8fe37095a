//! WebAssembly simd128, and its relaxed form where the module is built for it.
//!
//! A vector holds 4 inner values of 4 output rows. Read as 16-bit lanes, two of them for each row, its
//! even and its odd bytes each meet the same bytes of the activations, so that `i32x4.dot_i16x8_s` gives
//! the rows' sums side by side and nothing has to be shuffled. With relaxed SIMD the bytes are multiplied
//! as they are: weights of 4 bits are never negative, which is what its dot product asks of one side to
//! give the same on every processor.

use std::arch::wasm32::*;

use super::activations::{BLOCK, Block};
use super::packed::Kind;
use super::tile::{Group, ROWS_MAX, Rows};

/// Spreads numbers into 16 bits: of each half of a block the even bytes (0 and 2 of each run of 4, side
/// by side), then the odd ones.
pub(super) fn pair(numbers: &[i8], pairs: &mut Vec<i16>) {
    pairs.resize(numbers.len(), 0);
    let halves = numbers.as_chunks::<16>().0.iter();
    for (half, pairs) in halves.zip(pairs.as_chunks_mut::<16>().0) {
        // SAFETY: 16 bytes are read, and 16 numbers of 2 bytes written.
        unsafe {
            let [even, odd] = signed_bytes(v128_load(half.as_ptr().cast()));
            let pairs = pairs.as_mut_ptr().cast::<v128>();
            v128_store(pairs, even);
            v128_store(pairs.add(1), odd);
        }
    }
}

/// As the portable tile, 4 output rows at a time.
pub(super) fn tile(weights: Group<'_>, rows: Rows<'_>, sums: &mut [[f32; 16]]) {
    macro_rules! by_rows {
        ($nibbles:literal) => {
            match sums.len() {
                1 => of_rows::<1, $nibbles>(weights, rows, sums),
                2 => of_rows::<2, $nibbles>(weights, rows, sums),
                3 => of_rows::<3, $nibbles>(weights, rows, sums),
                4 => of_rows::<4, $nibbles>(weights, rows, sums),
                5 => of_rows::<5, $nibbles>(weights, rows, sums),
                6 => of_rows::<6, $nibbles>(weights, rows, sums),
                7 => of_rows::<7, $nibbles>(weights, rows, sums),
                ROWS_MAX => of_rows::<ROWS_MAX, $nibbles>(weights, rows, sums),
                rows => panic!("a tile of {rows} rows"),
            }
        };
    }
    match weights.kind.nibbles() {
        true => by_rows!(true),
        false => by_rows!(false),
    }
}

fn of_rows<const R: usize, const NIBBLES: bool>(
    weights: Group<'_>,
    rows: Rows<'_>,
    sums: &mut [[f32; 16]],
) {
    let kind = weights.kind;
    let per_row = rows.per_row;
    let (of_quants, of_scales) = (kind.quant_bytes(), kind.scale_bytes());
    assert!(sums.len() == R && rows.pairs.len() == R * per_row * BLOCK);
    for block in 0..per_row {
        let quants = &weights.quants[block * of_quants..][..of_quants];
        let scales = &weights.scales[block * of_scales..][..of_scales];
        let of: [Block; R] = std::array::from_fn(|r| rows.blocks[r * per_row + block]);
        for quarter in 0..4 {
            // SAFETY: each row has a block at `block`, as the caller and the assertion above have it;
            // the weights of a block are 256 bytes in 4 bits, 512 in 8.
            let [first_half, second_half] = unsafe {
                if NIBBLES {
                    nibble_dots::<R>(quants, quarter, rows, block)
                } else {
                    byte_dots::<R>(quants, quarter, rows, block)
                }
            };
            let (first, second) = scale_pair(kind, scales, quarter);
            for r in 0..R {
                let place = sums[r][4 * quarter..][..4].as_mut_ptr().cast::<v128>();
                // SAFETY: 4 floats of the row of sums.
                let mut sum = unsafe { v128_load(place) };
                let scaled =
                    |dot: v128| f32x4_mul(f32x4_convert_i32x4(dot), f32x4_splat(of[r].scale));
                if kind == Kind::BytesHalves {
                    sum = multiply_add(scaled(first_half[r]), first, sum);
                    sum = multiply_add(scaled(second_half[r]), second, sum);
                } else {
                    let mut dot = i32x4_add(first_half[r], second_half[r]);
                    if kind == Kind::Nibbles8 {
                        dot = i32x4_add(dot, i32x4_splat(of[r].minus_8()));
                    }
                    sum = multiply_add(scaled(dot), first, sum);
                    if matches!(kind, Kind::NibblesMin | Kind::NibblesWideMin) {
                        sum = multiply_add(second, f32x4_splat(of[r].scaled_sum), sum);
                    }
                }
                // SAFETY: as above.
                unsafe { v128_store(place, sum) };
            }
        }
    }
}

#[cfg(target_feature = "relaxed-simd")]
use crate::relaxed::multiply_add;

/// `a * b + c`, rounded twice.
#[cfg(not(target_feature = "relaxed-simd"))]
#[inline(always)]
fn multiply_add(a: v128, b: v128, c: v128) -> v128 {
    f32x4_add(f32x4_mul(a, b), c)
}

/// The products of 4 output rows in 4 bits with each row's block, all in the first half of what is
/// returned.
///
/// # Safety
/// `quants` has 256 bytes, and each of R rows a block at `block`.
#[inline(always)]
#[cfg(not(target_feature = "relaxed-simd"))]
unsafe fn nibble_dots<const R: usize>(
    quants: &[u8],
    quarter: usize,
    rows: Rows<'_>,
    block: usize,
) -> [[v128; R]; 2] {
    let mut sums = [i32x4_splat(0); R];
    let low = u16x8_splat(15);
    for run in 0..4 {
        // SAFETY: the caller's promise: 16 bytes of run `run` and of run `run + 4`.
        let w = unsafe { v128_load(quants.as_ptr().add(64 * run + 16 * quarter).cast()) };
        let halves = [
            [v128_and(w, low), v128_and(u16x8_shr(w, 8), low)],
            [v128_and(u16x8_shr(w, 4), low), u16x8_shr(w, 12)],
        ];
        for (half, w) in halves.iter().enumerate() {
            for (r, sum) in sums.iter_mut().enumerate() {
                // SAFETY: the caller's promise.
                let x = unsafe { run_of(rows, r, block, half, run) };
                *sum = i32x4_add(*sum, i32x4_dot_i16x8(w[0], x[0]));
                *sum = i32x4_add(*sum, i32x4_dot_i16x8(w[1], x[1]));
            }
        }
    }
    [sums, [i32x4_splat(0); R]]
}

/// The same.
///
/// # Safety
/// As there.
#[inline(always)]
#[cfg(target_feature = "relaxed-simd")]
unsafe fn nibble_dots<const R: usize>(
    quants: &[u8],
    quarter: usize,
    rows: Rows<'_>,
    block: usize,
) -> [[v128; R]; 2] {
    let mut sums = [i32x4_splat(0); R];
    for run in 0..4 {
        // SAFETY: the caller's promise: 16 bytes of run `run` and of run `run + 4`.
        let w = unsafe { v128_load(quants.as_ptr().add(64 * run + 16 * quarter).cast()) };
        let (low, high) = (v128_and(w, u8x16_splat(15)), u8x16_shr(w, 4));
        for (r, sum) in sums.iter_mut().enumerate() {
            // SAFETY: the caller's promise.
            let (first, second) = unsafe {
                let x = rows
                    .numbers
                    .as_ptr()
                    .add((r * rows.per_row + block) * BLOCK + 4 * run);
                (
                    v128_load32_splat(x.cast()),
                    v128_load32_splat(x.add(16).cast()),
                )
            };
            *sum = i32x4_relaxed_dot_i8x16_i7x16_add(first, low, *sum);
            *sum = i32x4_relaxed_dot_i8x16_i7x16_add(second, high, *sum);
        }
    }
    [sums, [i32x4_splat(0); R]]
}

/// The products of 4 output rows in 8 bits with each row's block, by the halves of the block.
///
/// # Safety
/// `quants` has 512 bytes, and each of R rows a block at `block`.
#[inline(always)]
unsafe fn byte_dots<const R: usize>(
    quants: &[u8],
    quarter: usize,
    rows: Rows<'_>,
    block: usize,
) -> [[v128; R]; 2] {
    let mut sums = [[i32x4_splat(0); R]; 2];
    for (half, sums) in sums.iter_mut().enumerate() {
        for run in 0..4 {
            let at = 64 * (4 * half + run) + 16 * quarter;
            // SAFETY: the caller's promise.
            let w = signed_bytes(unsafe { v128_load(quants.as_ptr().add(at).cast()) });
            for (r, sum) in sums.iter_mut().enumerate() {
                // SAFETY: the caller's promise.
                let x = unsafe { run_of(rows, r, block, half, run) };
                *sum = i32x4_add(*sum, i32x4_dot_i16x8(w[0], x[0]));
                *sum = i32x4_add(*sum, i32x4_dot_i16x8(w[1], x[1]));
            }
        }
    }
    sums
}

/// The even and the odd bytes of a run of 4 of a row's block, for all 4 output rows.
///
/// # Safety
/// The row has a block at `block`.
#[inline(always)]
unsafe fn run_of(rows: Rows<'_>, r: usize, block: usize, half: usize, run: usize) -> [v128; 2] {
    let at = (r * rows.per_row + block) * BLOCK + 16 * half + 2 * run;
    // SAFETY: the caller's promise: `pairs` are as many as `numbers`, and these lie in the row's block.
    unsafe {
        let even = rows.pairs.as_ptr().add(at);
        [
            v128_load32_splat(even.cast()),
            v128_load32_splat(even.add(8).cast()),
        ]
    }
}

/// The even and the odd bytes, widened with their sign.
#[inline(always)]
fn signed_bytes(bytes: v128) -> [v128; 2] {
    [i16x8_shr(i16x8_shl(bytes, 8), 8), i16x8_shr(bytes, 8)]
}

/// The scales and minima (or the scales of the halves) of 4 output rows.
#[inline(always)]
fn scale_pair(kind: Kind, scales: &[u8], quarter: usize) -> (v128, v128) {
    let narrow = |at: usize| {
        // SAFETY: 8 bytes of the slice.
        unsafe { from_halves(scales[at + 8 * quarter..][..8].as_ptr()) }
    };
    let wide = |at: usize| {
        let floats = &scales[at + 16 * quarter..][..16];
        // SAFETY: 16 bytes of the slice.
        unsafe { v128_load(floats.as_ptr().cast()) }
    };
    match kind {
        Kind::Nibbles8 | Kind::Bytes => (narrow(0), f32x4_splat(0.0)),
        Kind::NibblesMin => (narrow(0), narrow(32)),
        Kind::NibblesWideMin | Kind::BytesHalves => (wide(0), wide(64)),
    }
}

/// Four finite 16-bit floats.
///
/// # Safety
/// 8 bytes can be read.
#[inline(always)]
unsafe fn from_halves(halves: *const u8) -> v128 {
    // SAFETY: the caller's promise.
    let bits = unsafe { u32x4_load_extend_u16x4(halves.cast()) };
    let sign = u32x4_shl(v128_and(bits, u32x4_splat(0x8000)), 16);
    // Moved to its place, the exponent is too small by the difference of the biases, 112.
    let magnitude = u32x4_shl(v128_and(bits, u32x4_splat(0x7FFF)), 13);
    let magnitude = f32x4_mul(magnitude, f32x4_splat(f32::from_bits((127 + 112) << 23)));
    v128_or(magnitude, sign)
}
