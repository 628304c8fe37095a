//! Products of few rows with a right-hand matrix that lies row by row: it is read once, as it lies,
//! where packing it first would cost more than the product.

use super::{Shape, Strided};
use crate::features::BASELINE_FUSED;
use crate::norm::add_scaled;

/// Rows up to which that is faster.
pub(super) const ROWS_MAX: usize = 2;
/// Columns whose sums stay in registers.
const COLUMNS: usize = 32;

/// `y (n, m) = a · b`, or added to it; the inner dimension in passes of `stride` steps, so that each
/// value has the bits that the packed product gives it.
pub(super) fn product(
    shape: Shape,
    a: Strided<'_>,
    b: Strided<'_>,
    stride: usize,
    y: &mut [f32],
    add: bool,
) {
    let Shape { n, k, m } = shape;
    debug_assert!(b.column == 1);
    for i in 0..n {
        let y = &mut y[i * m..][..m];
        for step in (0..k).step_by(stride) {
            let steps = step..k.min(step + stride);
            let add = add || step > 0;
            let value = |s: usize| a.values[i * a.row + s * a.column];
            let (blocks, rest) = y.as_chunks_mut::<COLUMNS>();
            let start = blocks.len() * COLUMNS;
            for (block, y) in blocks.iter_mut().enumerate() {
                let mut sums = [0.0f32; COLUMNS];
                for s in steps.clone() {
                    let row = &b.values[s * b.row + block * COLUMNS..][..COLUMNS];
                    add_scaled::<BASELINE_FUSED>(value(s), row, &mut sums);
                }
                put(y, &sums, add);
            }
            if rest.is_empty() {
                continue;
            }
            let mut sums = [0.0f32; COLUMNS];
            let sums = &mut sums[..rest.len()];
            for s in steps {
                let row = &b.values[s * b.row + start..][..sums.len()];
                add_scaled::<BASELINE_FUSED>(value(s), row, sums);
            }
            put(rest, sums, add);
        }
    }
}

fn put(y: &mut [f32], sums: &[f32], add: bool) {
    for (y, sum) in y.iter_mut().zip(sums) {
        *y = if add { *y + sum } else { *sum };
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Right, product_by};
    use super::*;
    use crate::features::Features;

    #[test]
    fn few_rows_have_the_bits_of_many() {
        for (k, m) in [(3, 5), (70, 64), (300, 100), (32, 192)] {
            let (few, many) = (1, ROWS_MAX + 1);
            let x: Vec<f32> = (0..many * k)
                .map(|i| (i * 37 % 101) as f32 / 33.0 - 1.5)
                .collect();
            let w: Vec<f32> = (0..k * m)
                .map(|i| (i * 71 % 97) as f32 / 29.0 - 1.6)
                .collect();
            let of = |n: usize| {
                let mut y = vec![0.5; n * m];
                let right = Right::F32(Strided::rows(&w, m));
                let shape = Shape { n, k, m };
                product_by(
                    Features::Scalar,
                    shape,
                    Strided::rows(&x[..n * k], k),
                    right,
                    &mut y,
                    true,
                );
                y
            };
            assert_eq!(of(few), of(many)[..few * m]);
        }
    }
}
