//! Exponentials and what is made of them: softmax and log-sum-exp.

use std::f32::consts::LOG2_E;

use crate::features::{for_each_instruction_set, multiply_add};
use crate::norm::LANES;
#[cfg(not(all(target_arch = "wasm32", target_feature = "relaxed-simd")))]
use crate::norm::sum_lanes;
use crate::parallel::for_each_row;

/// Elements that are worth a thread of their own.
const TASK_ELEMENTS: usize = 1 << 13;

/// Adding and taking away 1.5 · 2^23 rounds to the nearest integer, and leaves that integer in the low
/// bits of the sum.
pub(crate) const ROUND: f32 = 12_582_912.0;
/// -ln 2 in two parts, the first with few bits.
pub(crate) const MINUS_LN_2: [f32; 2] = [-0.693_359_4, 2.121_944_4e-4];
/// The polynomial's coefficients from the highest power on, down to that of x².
pub(crate) const EXP_FIRST: f32 = 1.987_569_1e-4;
pub(crate) const EXP_OTHERS: [f32; 5] = [
    1.398_199_9e-3,
    8.333_452e-3,
    4.166_579_6e-2,
    1.666_666_5e-1,
    0.5,
];

/// `e^x` with a relative error below 2e-7 for results that are normal numbers; arguments beyond
/// ±87 are clamped (so the least result is 1.6e-38, not 0), except that -∞ gives 0.
///
/// Cody-Waite reduction by ln 2 and the minimax polynomial of Cephes' `expf`.
#[inline(always)]
pub(crate) fn exp<const FUSED: bool>(x: f32) -> f32 {
    let zero = x == f32::NEG_INFINITY;
    let x = x.clamp(-87.0, 88.0);
    let shifted = multiply_add::<FUSED>(x, LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = multiply_add::<FUSED>(n, MINUS_LN_2[0], x);
    let r = multiply_add::<FUSED>(n, MINUS_LN_2[1], r);
    let mut p = EXP_FIRST;
    for c in EXP_OTHERS {
        p = multiply_add::<FUSED>(p, r, c);
    }
    let p = multiply_add::<FUSED>(p, r * r, r + 1.0);
    let power = f32::from_bits(shifted.to_bits().wrapping_add(127) << 23);
    if zero { 0.0 } else { p * power }
}

/// `x = softmax(x)` over each row `i` of `width` values, whose [`log_sum_exp`] is `sums[i]`.
pub fn softmax_in_place(x: &mut [f32], width: usize, sums: &[f32]) {
    assert!(
        x.len() == width * sums.len(),
        "softmax_in_place: lengths differ"
    );
    for_each_row(x, width.max(1), TASK_ELEMENTS, |i, x| {
        exp_of_difference(x, sums[i]);
    });
}

/// `ln Σ e^x` of one row; -∞ if the row is empty or all are -∞.
pub fn log_sum_exp(row: &[f32]) -> f32 {
    let max = row_max(row);
    if max == f32::NEG_INFINITY {
        return max;
    }
    max + sum_of_exp(row, max).ln()
}

/// [`log_sum_exp`] of each row of `width` values.
pub fn log_sum_exp_rows(x: &[f32], width: usize) -> Vec<f32> {
    assert!(
        width > 0 && x.len().is_multiple_of(width),
        "log_sum_exp_rows: rows are not whole"
    );
    let mut sums = vec![0.0; x.len() / width];
    for_each_row(&mut sums, 1, TASK_ELEMENTS.div_ceil(width), |i, sum| {
        sum[0] = log_sum_exp(&x[i * width..][..width]);
    });
    sums
}

for_each_instruction_set! {
    /// The greatest value; NaN is passed over.
    pub(crate) fn row_max(row: &[f32]) -> f32 {
        let mut lanes = [f32::NEG_INFINITY; LANES];
        let (blocks, rest) = row.as_chunks::<LANES>();
        for block in blocks {
            for i in 0..LANES {
                lanes[i] = if block[i] > lanes[i] { block[i] } else { lanes[i] };
            }
        }
        for (lane, &x) in lanes.iter_mut().zip(rest) {
            *lane = if x > *lane { x } else { *lane };
        }
        let mut half = LANES / 2;
        while half > 0 {
            for i in 0..half {
                lanes[i] = if lanes[half + i] > lanes[i] { lanes[half + i] } else { lanes[i] };
            }
            half /= 2;
        }
        lanes[0]
    }
}

#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
pub(crate) use crate::relaxed::{exp_of_difference, sum_of_exp, sum_of_exp_scaled};

#[cfg(not(all(target_arch = "wasm32", target_feature = "relaxed-simd")))]
for_each_instruction_set! {
    /// `Σ e^(x - max)`.
    pub(crate) fn sum_of_exp(row: &[f32], max: f32) -> f32 {
        let mut lanes = [0.0; LANES];
        let (blocks, rest) = row.as_chunks::<LANES>();
        for block in blocks {
            for i in 0..LANES {
                lanes[i] += exp::<FUSED>(block[i] - max);
            }
        }
        rest.iter().fold(sum_lanes(lanes), |sum, &x| sum + exp::<FUSED>(x - max))
    }
}

#[cfg(not(all(target_arch = "wasm32", target_feature = "relaxed-simd")))]
for_each_instruction_set! {
    /// `Σ e^((x - max) * scale)`, NaN left out.
    pub(crate) fn sum_of_exp_scaled(row: &[f32], max: f32, scale: f32) -> f32 {
        let mut lanes = [0.0; LANES];
        let (blocks, rest) = row.as_chunks::<LANES>();
        for block in blocks {
            for i in 0..LANES {
                let e = exp::<FUSED>((block[i] - max) * scale);
                lanes[i] += if block[i].is_nan() { 0.0 } else { e };
            }
        }
        rest.iter().filter(|x| !x.is_nan()).fold(sum_lanes(lanes), |sum, &x| {
            sum + exp::<FUSED>((x - max) * scale)
        })
    }
}

#[cfg(not(all(target_arch = "wasm32", target_feature = "relaxed-simd")))]
for_each_instruction_set! {
    /// `x = e^(x - max)`, and the sum of that, which -∞ at the end of the row do not change.
    pub(crate) fn exp_of_difference(row: &mut [f32], max: f32) -> f32 {
        let mut lanes = [0.0; LANES];
        let (blocks, rest) = row.as_chunks_mut::<LANES>();
        for block in blocks {
            for i in 0..LANES {
                block[i] = exp::<FUSED>(block[i] - max);
                lanes[i] += block[i];
            }
        }
        for (lane, x) in lanes.iter_mut().zip(rest) {
            *x = exp::<FUSED>(*x - max);
            *lane += *x;
        }
        sum_lanes(lanes)
    }
}

for_each_instruction_set! {
    /// `x *= scale`.
    pub(crate) fn row_scale(row: &mut [f32], scale: f32) {
        for x in row {
            *x *= scale;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    for_each_instruction_set! {
        fn exp_in_place(x: &mut [f32]) {
            for x in x {
                *x = exp::<FUSED>(*x);
            }
        }
    }

    #[test]
    fn exp_is_within_its_stated_error() {
        let x: Vec<f32> = (0..200_000)
            .map(|i| -87.0 + i as f32 * (175.0 / 200_000.0))
            .collect();
        let mut y = x.clone();
        exp_in_place(&mut y);
        for (x, y) in x.iter().zip(&y) {
            let exact = f64::from(*x).exp();
            assert!(
                ((f64::from(*y) - exact) / exact).abs() < 2e-7,
                "exp({x}) is not {y}"
            );
        }
        let mut edges = [f32::NEG_INFINITY, -1000.0, 0.0, 1000.0, f32::NAN];
        exp_in_place(&mut edges);
        assert_eq!(edges[0], 0.0);
        assert!(edges[1] < 2e-38 && edges[2] == 1.0 && edges[3] > 1e38 && edges[4].is_nan());
    }
}
