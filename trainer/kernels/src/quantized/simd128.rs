//! WebAssembly simd128: `i32x4.dot_i16x8_s` on bytes widened to 16 bits.

use std::arch::wasm32::*;

use super::packed::Kind;
use super::tile::{Group, Rows};

/// As the portable tile, 4 output rows at a time.
pub(super) fn tile(weights: Group<'_>, rows: Rows<'_>, sums: &mut [[f32; 16]]) {
    let kind = weights.kind;
    sums.fill([0.0; 16]);
    for block in 0..rows.per_row {
        let quants = &weights.quants[block * kind.quant_bytes()..][..kind.quant_bytes()];
        let scales = &weights.scales[block * kind.scale_bytes()..][..kind.scale_bytes()];
        for quarter in 0..4 {
            let w: [v128; 8] = std::array::from_fn(|i| {
                let bytes = |i: usize| {
                    let bytes = &quants[64 * i + 16 * quarter..][..16];
                    // SAFETY: 16 bytes of the slice.
                    unsafe { v128_load(bytes.as_ptr().cast()) }
                };
                match kind {
                    Kind::Bytes | Kind::BytesHalves => bytes(i),
                    _ if i < 4 => v128_and(bytes(i), u8x16_splat(15)),
                    _ => u8x16_shr(bytes(i - 4), 4),
                }
            });
            let narrow = |at: usize| {
                // SAFETY: 8 bytes of the slice.
                unsafe { from_halves(scales[at + 8 * quarter..][..8].as_ptr()) }
            };
            let wide = |at: usize| {
                let floats = &scales[at + 16 * quarter..][..16];
                // SAFETY: 16 bytes of the slice.
                unsafe { v128_load(floats.as_ptr().cast()) }
            };
            let (first, second) = match kind {
                Kind::Nibbles8 | Kind::Bytes => (narrow(0), f32x4_splat(0.0)),
                Kind::NibblesMin => (narrow(0), narrow(32)),
                Kind::NibblesWideMin | Kind::BytesHalves => (wide(0), wide(64)),
            };
            for (r, sums) in sums.iter_mut().enumerate() {
                let at = r * rows.per_row + block;
                let (x, of) = (&rows.numbers[at * 32..][..32], rows.blocks[at]);
                let dot = |from: usize, to: usize, start: i32| {
                    let (mut low, mut high) = (i32x4_splat(0), i32x4_splat(0));
                    for j in from..to {
                        let run = i32::from_le_bytes([
                            x[4 * j] as u8,
                            x[4 * j + 1] as u8,
                            x[4 * j + 2] as u8,
                            x[4 * j + 3] as u8,
                        ]);
                        let run = i16x8_extend_low_i8x16(i32x4_splat(run));
                        low = i32x4_add(low, i32x4_dot_i16x8(i16x8_extend_low_i8x16(w[j]), run));
                        high = i32x4_add(high, i32x4_dot_i16x8(i16x8_extend_high_i8x16(w[j]), run));
                    }
                    let even = i32x4_shuffle::<0, 2, 4, 6>(low, high);
                    let odd = i32x4_shuffle::<1, 3, 5, 7>(low, high);
                    let dot = i32x4_add(i32x4_add(even, odd), i32x4_splat(start));
                    f32x4_mul(f32x4_convert_i32x4(dot), f32x4_splat(of.scale))
                };
                let place = sums[4 * quarter..][..4].as_mut_ptr().cast::<v128>();
                // SAFETY: 4 floats of the row of sums.
                let mut sum = unsafe { v128_load(place) };
                if kind == Kind::BytesHalves {
                    sum = f32x4_add(f32x4_mul(dot(0, 4, 0), first), sum);
                    sum = f32x4_add(f32x4_mul(dot(4, 8, 0), second), sum);
                } else {
                    let start = if kind == Kind::Nibbles8 {
                        of.minus_8()
                    } else {
                        0
                    };
                    sum = f32x4_add(f32x4_mul(dot(0, 8, start), first), sum);
                    if matches!(kind, Kind::NibblesMin | Kind::NibblesWideMin) {
                        sum = f32x4_add(f32x4_mul(second, f32x4_splat(of.scaled_sum)), sum);
                    }
                }
                // SAFETY: as above.
                unsafe { v128_store(place, sum) };
            }
        }
    }
}

/// Four finite 16-bit floats.
///
/// # Safety
/// 8 bytes can be read.
unsafe fn from_halves(halves: *const u8) -> v128 {
    // SAFETY: the caller's promise.
    let bits = unsafe { u32x4_load_extend_u16x4(halves.cast()) };
    let sign = u32x4_shl(v128_and(bits, u32x4_splat(0x8000)), 16);
    // Moved to its place, the exponent is too small by the difference of the biases, 112.
    let magnitude = u32x4_shl(v128_and(bits, u32x4_splat(0x7FFF)), 13);
    let magnitude = f32x4_mul(magnitude, f32x4_splat(f32::from_bits((127 + 112) << 23)));
    v128_or(magnitude, sign)
}
