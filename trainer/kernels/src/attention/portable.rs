//! The oracle, and the kernels for heads that are not whole vectors.

use super::kernel::View;
use crate::features::for_each_instruction_set;
use crate::norm::{add_scaled, dot};

for_each_instruction_set! {
    pub(super) fn dots(queries: &[f32], keys: View<'_>, scale: f32, scores: &mut [f32], stride: usize) {
        for (g, query) in queries.chunks_exact(keys.head_dim).enumerate() {
            for (score, row) in scores[g * stride..].iter_mut().zip(keys.rows) {
                *score = scale * dot::<FUSED>(query, &row[keys.offset..][..keys.head_dim]);
            }
        }
    }
}

for_each_instruction_set! {
    pub(super) fn add_weighted(weights: &[f32], stride: usize, values: View<'_>, out: &mut [f32]) {
        for (g, out) in out.chunks_exact_mut(values.head_dim).enumerate() {
            for (weight, row) in weights[g * stride..].iter().zip(values.rows) {
                add_scaled::<FUSED>(*weight, &row[values.offset..][..values.head_dim], out);
            }
        }
    }
}

for_each_instruction_set! {
    pub(super) fn scatter(factors: &[f32], stride: usize, vectors: &[f32], places: &[usize], head_dim: usize, sums: &mut [f32]) {
        for (g, vector) in vectors.chunks_exact(head_dim).enumerate() {
            for (factor, place) in factors[g * stride..].iter().zip(places) {
                add_scaled::<FUSED>(*factor, vector, &mut sums[*place..][..head_dim]);
            }
        }
    }
}
