//! Root-mean-square normalisation (Zhang and Sennrich 2019).

use crate::features::for_each_instruction_set;
#[cfg(not(all(target_arch = "wasm32", target_feature = "relaxed-simd")))]
use crate::features::multiply_add;
use crate::parallel::{Shared, for_each_row};

/// Elements that are worth a thread of their own.
const TASK_ELEMENTS: usize = 1 << 14;

/// `y = x / sqrt(mean(x²) + eps) * weight`, row by row; `x` and `y` are (n, d) with d the length
/// of `weight`.
pub fn rms_norm(x: &[f32], weight: &[f32], eps: f32, y: &mut [f32]) {
    let d = weight.len();
    assert!(
        x.len() == y.len() && x.len().is_multiple_of(d),
        "rms_norm: lengths differ"
    );
    for_each_row(y, d, TASK_ELEMENTS, |row, y| {
        norm_row(&x[row * d..][..d], weight, eps, y)
    });
}

/// [`rms_norm`] of `x` (n, d) in place, with the same values.
pub fn rms_norm_in_place(x: &mut [f32], weight: &[f32], eps: f32) {
    let d = weight.len();
    assert!(
        x.len().is_multiple_of(d),
        "rms_norm_in_place: lengths differ"
    );
    for_each_row(x, d, TASK_ELEMENTS, |_, x| {
        norm_row_in_place(x, weight, eps);
    });
}

/// `x += added`, and `y` its [`rms_norm`]: the end of one part of a layer and the start of the next.
pub fn add_rms_norm(x: &mut [f32], added: &[f32], weight: &[f32], eps: f32, y: &mut [f32]) {
    let d = weight.len();
    assert!(
        x.len() == y.len() && x.len() == added.len() && x.len().is_multiple_of(d),
        "add_rms_norm: lengths differ"
    );
    let x = Shared::new(x);
    for_each_row(y, d, TASK_ELEMENTS, |row, y| {
        // SAFETY: each row belongs to one task.
        let x = unsafe { x.part(row * d, d) };
        add_row(x, &added[row * d..][..d]);
        norm_row(x, weight, eps, y);
    });
}

/// `x += added`, (n, d) each.
pub fn add(x: &mut [f32], added: &[f32], d: usize) {
    assert!(
        x.len() == added.len() && x.len().is_multiple_of(d),
        "add: lengths differ"
    );
    for_each_row(x, d, TASK_ELEMENTS, |row, x| {
        add_row(x, &added[row * d..][..d]);
    });
}

/// The gradient of [`rms_norm`] towards its input: `dx` (n, d) is overwritten.
pub fn rms_norm_backward(x: &[f32], weight: &[f32], eps: f32, dy: &[f32], dx: &mut [f32]) {
    let d = weight.len();
    assert!(
        x.len() == dx.len() && x.len() == dy.len() && x.len().is_multiple_of(d),
        "rms_norm_backward: lengths differ"
    );
    for_each_row(dx, d, TASK_ELEMENTS, |row, dx| {
        norm_row_backward(&x[row * d..][..d], weight, eps, &dy[row * d..][..d], dx);
    });
}

#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
pub(crate) use crate::relaxed::{add_scaled, dot};

/// Sums that are taken side by side.
pub(crate) const LANES: usize = 16;

/// Sum over lanes in a fixed tree: within each quarter, then over the quarters, which is what vectors of
/// 4, 8 and 16 lanes do with the fewest shuffles.
#[inline(always)]
pub(crate) fn sum_lanes(lanes: [f32; LANES]) -> f32 {
    let (quarters, _) = lanes.as_chunks::<4>();
    let of_quarter = |i: usize| {
        let [a, b, c, d] = quarters[i];
        (a + c) + (b + d)
    };
    (of_quarter(0) + of_quarter(2)) + (of_quarter(1) + of_quarter(3))
}

/// The inner product by 16 lanes, then a tree; the rest one by one.
#[cfg(not(all(target_arch = "wasm32", target_feature = "relaxed-simd")))]
#[inline(always)]
pub(crate) fn dot<const FUSED: bool>(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0; LANES];
    let (a_blocks, a_rest) = a.as_chunks::<LANES>();
    let (b_blocks, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for i in 0..LANES {
            lanes[i] = multiply_add::<FUSED>(a[i], b[i], lanes[i]);
        }
    }
    let mut sum = sum_lanes(lanes);
    for (a, b) in a_rest.iter().zip(b_rest) {
        sum = multiply_add::<FUSED>(*a, *b, sum);
    }
    sum
}

/// `sums += factor * values`.
#[cfg(not(all(target_arch = "wasm32", target_feature = "relaxed-simd")))]
#[inline(always)]
pub(crate) fn add_scaled<const FUSED: bool>(factor: f32, values: &[f32], sums: &mut [f32]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum = multiply_add::<FUSED>(factor, *value, *sum);
    }
}

for_each_instruction_set! {
    fn add_row(x: &mut [f32], added: &[f32]) {
        for (x, added) in x.iter_mut().zip(added) {
            *x += added;
        }
    }
}

for_each_instruction_set! {
    fn norm_row(x: &[f32], weight: &[f32], eps: f32, y: &mut [f32]) {
        let scale = 1.0 / (dot::<FUSED>(x, x) / x.len() as f32 + eps).sqrt();
        for ((y, x), w) in y.iter_mut().zip(x).zip(weight) {
            *y = x * scale * w;
        }
    }
}

for_each_instruction_set! {
    fn norm_row_in_place(x: &mut [f32], weight: &[f32], eps: f32) {
        let scale = 1.0 / (dot::<FUSED>(x, x) / x.len() as f32 + eps).sqrt();
        for (x, w) in x.iter_mut().zip(weight) {
            *x = *x * scale * w;
        }
    }
}

for_each_instruction_set! {
    fn norm_row_backward(x: &[f32], weight: &[f32], eps: f32, dy: &[f32], dx: &mut [f32]) {
        // y_i = w_i x_i s with s = (mean x² + eps)^(-1/2), so
        // dx_i = s w_i dy_i - x_i s³ / d · Σ_j w_j dy_j x_j.
        let scale = 1.0 / (dot::<FUSED>(x, x) / x.len() as f32 + eps).sqrt();
        for ((dx, dy), w) in dx.iter_mut().zip(dy).zip(weight) {
            *dx = dy * w;
        }
        let along = dot::<FUSED>(dx, x) * scale * scale / x.len() as f32;
        for (dx, x) in dx.iter_mut().zip(x) {
            *dx = scale * (*dx - x * along);
        }
    }
}
