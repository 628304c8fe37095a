//! Portable code: the oracle, and the kernel of machines without one of their own. On aarch64 its
//! integer dot products are NEON (part of that architecture's baseline).

use super::activations::BLOCK;
use super::packed::{Kind, scale_pair};
use super::tile::{Group, Rows};
use crate::features::{BASELINE_FUSED, multiply_add};

/// Adds, for each block of 32: the integer dot product; times the activations' scale; times the weights'
/// scale and added; then the weights' minimum times the activations' sum.
pub(super) fn tile(weights: Group<'_>, rows: Rows<'_>, sums: &mut [[f32; 16]]) {
    let kind = weights.kind;
    for block in 0..rows.per_row {
        let quants = &weights.quants[block * kind.quant_bytes()..][..kind.quant_bytes()];
        let scales = &weights.scales[block * kind.scale_bytes()..][..kind.scale_bytes()];
        let values = unpack(kind, quants);
        let (mut first, mut second) = ([0.0; 16], [0.0; 16]);
        for lane in 0..16 {
            (first[lane], second[lane]) = scale_pair(kind, scales, lane);
        }
        for (r, sums) in sums.iter_mut().enumerate() {
            let at = r * rows.per_row + block;
            let x = &rows.numbers[at * BLOCK..][..BLOCK];
            let of = rows.blocks[at];
            if kind == Kind::BytesHalves {
                add::<BASELINE_FUSED>(sums, dots(&values[..16], &x[..16], 0), of.scale, &first);
                add::<BASELINE_FUSED>(sums, dots(&values[16..], &x[16..], 0), of.scale, &second);
                continue;
            }
            let offset = if kind == Kind::Nibbles8 {
                of.minus_8()
            } else {
                0
            };
            add::<BASELINE_FUSED>(sums, dots(&values, x, offset), of.scale, &first);
            if matches!(kind, Kind::NibblesMin | Kind::NibblesWideMin) {
                for (sum, min) in sums.iter_mut().zip(&second) {
                    *sum = multiply_add::<BASELINE_FUSED>(*min, of.scaled_sum, *sum);
                }
            }
        }
    }
}

/// A block's weights as signed bytes: for each inner value, those of 16 rows.
fn unpack(kind: Kind, quants: &[u8]) -> [[i8; 16]; BLOCK] {
    let mut values = [[0; 16]; BLOCK];
    let bytes = matches!(kind, Kind::Bytes | Kind::BytesHalves);
    for (i, values) in values.iter_mut().enumerate() {
        let run = if bytes { i / 4 } else { i / 4 % 4 };
        let from = quants[64 * run..][..64].as_chunks::<4>().0;
        for (to, from) in values.iter_mut().zip(from) {
            *to = match (bytes, i < 16) {
                (true, _) => from[i % 4] as i8,
                (false, true) => (from[i % 4] & 15) as i8,
                (false, false) => (from[i % 4] >> 4) as i8,
            };
        }
    }
    values
}

/// For each of 16 rows: `start` and the products of its values with `x`.
#[cfg(target_arch = "aarch64")]
fn dots(values: &[[i8; 16]], x: &[i8], start: i32) -> [i32; 16] {
    use std::arch::aarch64::*;
    // SAFETY: NEON is part of the baseline; loads and stores are of whole arrays of 16 bytes and
    // 16 numbers.
    unsafe {
        let mut sums = [vdupq_n_s32(start); 4];
        for (w, x) in values.as_chunks::<2>().0.iter().zip(x.as_chunks::<2>().0) {
            let w = [vld1q_s8(w[0].as_ptr()), vld1q_s8(w[1].as_ptr())];
            let x = [vdup_n_s8(x[0]), vdup_n_s8(x[1])];
            // Two products of at most 128 · 127 each fit in 16 bits.
            let low = vmull_s8(vget_low_s8(w[0]), x[0]);
            let low = vmlal_s8(low, vget_low_s8(w[1]), x[1]);
            let high = vmull_s8(vget_high_s8(w[0]), x[0]);
            let high = vmlal_s8(high, vget_high_s8(w[1]), x[1]);
            sums[0] = vaddw_s16(sums[0], vget_low_s16(low));
            sums[1] = vaddw_s16(sums[1], vget_high_s16(low));
            sums[2] = vaddw_s16(sums[2], vget_low_s16(high));
            sums[3] = vaddw_s16(sums[3], vget_high_s16(high));
        }
        let mut dots = [0; 16];
        for (to, sum) in dots.as_chunks_mut::<4>().0.iter_mut().zip(sums) {
            vst1q_s32(to.as_mut_ptr(), sum);
        }
        dots
    }
}

/// For each of 16 rows: `start` and the products of its values with `x`.
#[cfg(not(target_arch = "aarch64"))]
fn dots(values: &[[i8; 16]], x: &[i8], start: i32) -> [i32; 16] {
    let mut dots = [start; 16];
    for (w, x) in values.as_chunks::<2>().0.iter().zip(x.as_chunks::<2>().0) {
        let x = x.map(i16::from);
        for (lane, dot) in dots.iter_mut().enumerate() {
            // Two products of at most 128 · 127 each fit in 16 bits.
            let pair = i16::from(w[0][lane]) * x[0] + i16::from(w[1][lane]) * x[1];
            *dot += i32::from(pair);
        }
    }
    dots
}

fn add<const FUSED: bool>(sums: &mut [f32; 16], dots: [i32; 16], scale: f32, scales: &[f32; 16]) {
    for ((sum, dot), w_scale) in sums.iter_mut().zip(dots).zip(scales) {
        *sum = multiply_add::<FUSED>(dot as f32 * scale, *w_scale, *sum);
    }
}

/// The oracle: one value at a time, in the order that all kernels keep.
#[cfg(test)]
pub(super) fn oracle<const FUSED: bool>(
    weights: Group<'_>,
    rows: Rows<'_>,
    sums: &mut [[f32; 16]],
) {
    use super::packed::numbers;

    let dot = |w: &[i8], x: &[i8]| -> i32 {
        w.iter()
            .zip(x)
            .map(|(&w, &x)| i32::from(w) * i32::from(x))
            .sum()
    };
    let kind = weights.kind;
    for block in 0..rows.per_row {
        let quants = &weights.quants[block * kind.quant_bytes()..][..kind.quant_bytes()];
        let scales = &weights.scales[block * kind.scale_bytes()..][..kind.scale_bytes()];
        for lane in 0..16 {
            let w = numbers(kind, quants, lane);
            let (first, second) = scale_pair(kind, scales, lane);
            for (r, sums) in sums.iter_mut().enumerate() {
                let at = r * rows.per_row + block;
                let x = &rows.numbers[at * BLOCK..][..BLOCK];
                let of = rows.blocks[at];
                let sum = &mut sums[lane];
                if kind == Kind::BytesHalves {
                    let low = dot(&w[..16], &x[..16]) as f32 * of.scale;
                    let high = dot(&w[16..], &x[16..]) as f32 * of.scale;
                    *sum = multiply_add::<FUSED>(low, first, *sum);
                    *sum = multiply_add::<FUSED>(high, second, *sum);
                    continue;
                }
                let offset = if kind == Kind::Nibbles8 {
                    of.minus_8()
                } else {
                    0
                };
                let product = (dot(&w, x) + offset) as f32 * of.scale;
                *sum = multiply_add::<FUSED>(product, first, *sum);
                if matches!(kind, Kind::NibblesMin | Kind::NibblesWideMin) {
                    *sum = multiply_add::<FUSED>(second, of.scaled_sum, *sum);
                }
            }
        }
    }
}
