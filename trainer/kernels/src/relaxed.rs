//! wasm32 with relaxed SIMD, whose multiply-add is fused where the processor has one: what a decoder
//! computes in `f32` besides products, with the bits that the kernels of x86 and NEON give.

use std::arch::wasm32::*;
use std::f32::consts::LOG2_E;

use crate::activation::{CUBE, TWICE_ROOT};
use crate::norm::{LANES, sum_lanes};
use crate::softmax::{EXP_FIRST, EXP_OTHERS, MINUS_LN_2, ROUND};

/// `a * b + c`, fused to one rounding as processors have it.
#[inline(always)]
pub(crate) fn multiply_add(a: v128, b: v128, c: v128) -> v128 {
    f32x4_relaxed_madd(a, b, c)
}

#[inline(always)]
fn load(from: &[f32; 4]) -> v128 {
    // SAFETY: four floats.
    unsafe { v128_load(from.as_ptr().cast()) }
}

#[inline(always)]
fn store(to: &mut [f32; 4], values: v128) {
    // SAFETY: four floats.
    unsafe { v128_store(to.as_mut_ptr().cast(), values) };
}

/// `a * b + c` of single values.
#[inline(always)]
fn multiply_add_one(a: f32, b: f32, c: f32) -> f32 {
    f32x4_extract_lane::<0>(multiply_add(f32x4_splat(a), f32x4_splat(b), f32x4_splat(c)))
}

/// As [`crate::norm::dot`] elsewhere, fused.
#[inline(always)]
pub(crate) fn dot<const FUSED: bool>(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [f32x4_splat(0.0); LANES / 4];
    let (a_blocks, a_rest) = a.as_chunks::<LANES>();
    let (b_blocks, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        let fours = a.as_chunks().0.iter().zip(b.as_chunks().0);
        for (sum, (a, b)) in sums.iter_mut().zip(fours) {
            *sum = multiply_add(load(a), load(b), *sum);
        }
    }
    let rest = a_rest.iter().zip(b_rest);
    rest.fold(sum_lanes(lanes(sums)), |sum, (a, b)| {
        multiply_add_one(*a, *b, sum)
    })
}

/// As [`crate::norm::add_scaled`] elsewhere, fused.
#[inline(always)]
pub(crate) fn add_scaled<const FUSED: bool>(factor: f32, values: &[f32], sums: &mut [f32]) {
    let factors = f32x4_splat(factor);
    let (values, values_rest) = values.as_chunks();
    let (sums, sums_rest) = sums.as_chunks_mut();
    for (sum, value) in sums.iter_mut().zip(values) {
        let fused = multiply_add(factors, load(value), load(sum));
        store(sum, fused);
    }
    for (sum, value) in sums_rest.iter_mut().zip(values_rest) {
        *sum = multiply_add_one(factor, *value, *sum);
    }
}

/// As [`crate::softmax::exp_of_difference`] elsewhere, fused: `x = e^(x - max)`, and the sum of that.
pub(crate) fn exp_of_difference(row: &mut [f32], max: f32) -> f32 {
    let maxima = f32x4_splat(max);
    let mut sums = [f32x4_splat(0.0); LANES / 4];
    let (blocks, rest) = row.as_chunks_mut::<LANES>();
    for block in blocks {
        for (sum, x) in sums.iter_mut().zip(block.as_chunks_mut().0) {
            let power = exp(f32x4_sub(load(x), maxima));
            *sum = f32x4_add(*sum, power);
            store(x, power);
        }
    }
    let mut sums = lanes(sums);
    for (sum, x) in sums.iter_mut().zip(rest) {
        *x = f32x4_extract_lane::<0>(exp(f32x4_splat(*x - max)));
        *sum += *x;
    }
    sum_lanes(sums)
}

/// As [`crate::softmax::sum_of_exp`] elsewhere, fused: `Σ e^(x - max)`.
pub(crate) fn sum_of_exp(row: &[f32], max: f32) -> f32 {
    let maxima = f32x4_splat(max);
    sum_of(row, |x| exp(f32x4_sub(x, maxima)))
}

/// As [`crate::softmax::sum_of_exp_scaled`] elsewhere, fused: `Σ e^((x - max) * scale)`, NaN left out.
pub(crate) fn sum_of_exp_scaled(row: &[f32], max: f32, scale: f32) -> f32 {
    let (maxima, scales) = (f32x4_splat(max), f32x4_splat(scale));
    sum_of(row, |x| {
        let power = exp(f32x4_mul(f32x4_sub(x, maxima), scales));
        v128_and(power, f32x4_eq(x, x))
    })
}

/// `Σ of(x)`: by 16 lanes, then a tree; the rest one by one.
#[inline(always)]
fn sum_of(row: &[f32], of: impl Fn(v128) -> v128) -> f32 {
    let mut sums = [f32x4_splat(0.0); LANES / 4];
    let (blocks, rest) = row.as_chunks::<LANES>();
    for block in blocks {
        for (sum, x) in sums.iter_mut().zip(block.as_chunks::<4>().0) {
            *sum = f32x4_add(*sum, of(load(x)));
        }
    }
    rest.iter().fold(sum_lanes(lanes(sums)), |sum, x| {
        sum + f32x4_extract_lane::<0>(of(f32x4_splat(*x)))
    })
}

/// As `silu_mul_part` elsewhere, fused: `y = gate / (1 + e^(-gate)) * up`.
pub(crate) fn silu_mul(gate: &[f32], up: &[f32], y: &mut [f32]) {
    gated(gate, up, y, |gate| gate);
}

/// As `gelu_mul_part` elsewhere, fused: `y = gate / (1 + e^(-inner)) * up`.
pub(crate) fn gelu_mul(gate: &[f32], up: &[f32], y: &mut [f32]) {
    gated(gate, up, y, |gate| {
        let square = f32x4_mul(f32x4_mul(f32x4_splat(CUBE), gate), gate);
        let bent = f32x4_add(f32x4_splat(1.0), square);
        f32x4_mul(f32x4_mul(f32x4_splat(TWICE_ROOT), gate), bent)
    });
}

/// `y = gate / (1 + e^(-inner(gate))) * up`
#[inline(always)]
fn gated(gate: &[f32], up: &[f32], y: &mut [f32], inner: impl Fn(v128) -> v128) {
    let of = |gate: v128, up: v128| {
        let below = f32x4_add(f32x4_splat(1.0), exp(f32x4_neg(inner(gate))));
        f32x4_mul(f32x4_div(gate, below), up)
    };
    let (gate, gate_rest) = gate.as_chunks();
    let (up, up_rest) = up.as_chunks();
    let (y, y_rest) = y.as_chunks_mut();
    for ((y, gate), up) in y.iter_mut().zip(gate).zip(up) {
        store(y, of(load(gate), load(up)));
    }
    for ((y, gate), up) in y_rest.iter_mut().zip(gate_rest).zip(up_rest) {
        *y = f32x4_extract_lane::<0>(of(f32x4_splat(*gate), f32x4_splat(*up)));
    }
}

fn lanes(fours: [v128; LANES / 4]) -> [f32; LANES] {
    let mut lanes = [0.0; LANES];
    for (to, four) in lanes.as_chunks_mut().0.iter_mut().zip(fours) {
        store(to, four);
    }
    lanes
}

/// As [`crate::softmax::exp`], fused, of four values.
#[inline(always)]
fn exp(x: v128) -> v128 {
    let not_zero = f32x4_ne(x, f32x4_splat(f32::NEG_INFINITY));
    let x = f32x4_min(f32x4_max(x, f32x4_splat(-87.0)), f32x4_splat(88.0));
    let shifted = multiply_add(x, f32x4_splat(LOG2_E), f32x4_splat(ROUND));
    let n = f32x4_sub(shifted, f32x4_splat(ROUND));
    let r = multiply_add(n, f32x4_splat(MINUS_LN_2[0]), x);
    let r = multiply_add(n, f32x4_splat(MINUS_LN_2[1]), r);
    let mut p = f32x4_splat(EXP_FIRST);
    for c in EXP_OTHERS {
        p = multiply_add(p, r, f32x4_splat(c));
    }
    let p = multiply_add(p, f32x4_mul(r, r), f32x4_add(r, f32x4_splat(1.0)));
    let power = i32x4_shl(i32x4_add(shifted, i32x4_splat(127)), 23);
    v128_and(f32x4_mul(p, power), not_zero)
}
