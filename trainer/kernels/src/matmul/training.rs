//! Matrix products for training: on the processor's matrix unit where it has one, else as
//! [`matmul_nt`](super::matmul_nt) and its like.
//!
//! On the unit, and with [`Precision::F32`], the factors are split into two `bf16` each: the relative
//! error of a sum of products is about 2⁻¹⁶ of the sum of their absolute values. That is enough for
//! losses and gradients, which agree with `f32` to 1e-4; inference keeps to the vector kernels.

use super::{Right, Shape, Strided, check, product};

/// How exactly the processor's matrix unit, where there is one, multiplies for training. Without
/// one, both are `f32`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// Nearly `f32`: three products of the factors' halves.
    #[default]
    F32,
    /// One product of the factors rounded to `bf16` (a relative error of 2⁻⁹ each), summed in `f32`:
    /// mixed precision as it is usual on a GPU, in a third of the time.
    Bf16,
}

/// `y (n, m) = x (n, k) · w (m, k)ᵀ`.
pub fn matmul_nt_training(shape: Shape, x: &[f32], w: &[f32], y: &mut [f32], precision: Precision) {
    let (x, w) = (Strided::rows(x, shape.k), Strided::columns(w, shape.k));
    fastest(shape, x, w, y, false, precision);
}

/// `y (n, m) += x (n, k) · w (m, k)ᵀ`.
pub fn matmul_nt_add_training(
    shape: Shape,
    x: &[f32],
    w: &[f32],
    y: &mut [f32],
    precision: Precision,
) {
    let (x, w) = (Strided::rows(x, shape.k), Strided::columns(w, shape.k));
    fastest(shape, x, w, y, true, precision);
}

/// `y (n, m) = x (n, k) · w (k, m)`.
pub fn matmul_nn_training(shape: Shape, x: &[f32], w: &[f32], y: &mut [f32], precision: Precision) {
    let (x, w) = (Strided::rows(x, shape.k), Strided::rows(w, shape.m));
    fastest(shape, x, w, y, false, precision);
}

/// `y (n, m) += x (n, k) · w (k, m)`.
pub fn matmul_nn_add_training(
    shape: Shape,
    x: &[f32],
    w: &[f32],
    y: &mut [f32],
    precision: Precision,
) {
    let (x, w) = (Strided::rows(x, shape.k), Strided::rows(w, shape.m));
    fastest(shape, x, w, y, true, precision);
}

/// `y (n, m) += a (k, n)ᵀ · b (k, m)`.
pub fn matmul_tn_add_training(
    shape: Shape,
    a: &[f32],
    b: &[f32],
    y: &mut [f32],
    precision: Precision,
) {
    let (a, b) = (Strided::columns(a, shape.n), Strided::rows(b, shape.m));
    fastest(shape, a, b, y, true, precision);
}

/// `y (n, m) = a (n, k) · b (k, m)`, or `y +=` that.
fn fastest(
    shape: Shape,
    a: Strided<'_>,
    b: Strided<'_>,
    y: &mut [f32],
    add: bool,
    precision: Precision,
) {
    let Shape { n, k, m } = shape;
    check(
        shape,
        a.values.len() == n * k && b.values.len() == k * m && y.len() == n * m,
    );
    #[cfg(target_arch = "x86_64")]
    if super::amx::available() {
        match precision {
            Precision::F32 => super::amx::product::<true>(shape, a, b, y, add),
            Precision::Bf16 => super::amx::product::<false>(shape, a, b, y, add),
        }
        return;
    }
    let _ = precision;
    product(shape, a, Right::F32(b), y, add);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values(count: usize, seed: u64) -> Vec<f32> {
        let mut state = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (0..count)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                ((state >> 40) as f32 / (1 << 23) as f32) - 1.0
            })
            .collect()
    }

    /// Relative to the sum of the products' absolute values.
    fn largest_error(
        shape: Shape,
        at: impl Fn(usize, usize, usize) -> (f32, f32),
        y: &[f32],
    ) -> f64 {
        let mut largest = 0.0_f64;
        for row in 0..shape.n {
            for column in 0..shape.m {
                let (mut exact, mut scale) = (0.0, f64::MIN_POSITIVE);
                for inner in 0..shape.k {
                    let (a, b) = at(row, inner, column);
                    exact += f64::from(a) * f64::from(b);
                    scale += (f64::from(a) * f64::from(b)).abs();
                }
                largest = largest.max((exact - f64::from(y[row * shape.m + column])).abs() / scale);
            }
        }
        largest
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn products_agree_with_f64(
            n in 1_usize..70, k in 1_usize..100, m in 1_usize..70, seed in 0_u64..1000, bf16: bool,
        ) {
            let (precision, error) = match bf16 {
                true => (Precision::Bf16, 8e-3),
                false => (Precision::F32, 2e-5),
            };
            let shape = Shape { n, k, m };
            let (x, w) = (values(n * k, seed), values(m * k, seed + 1));
            let mut y = vec![9.0; n * m];
            matmul_nt_training(shape, &x, &w, &mut y, precision);
            prop_assert!(largest_error(shape, |i, p, j| (x[i * k + p], w[j * k + p]), &y) < error);
            matmul_nn_training(shape, &x, &w, &mut y, precision);
            prop_assert!(largest_error(shape, |i, p, j| (x[i * k + p], w[p * m + j]), &y) < error);
            y.fill(0.0);
            matmul_tn_add_training(shape, &x, &w, &mut y, precision);
            prop_assert!(largest_error(shape, |i, p, j| (x[p * n + i], w[p * m + j]), &y) < error);
        }
    }

    #[test]
    fn a_row_does_not_depend_on_the_others() {
        let shape = Shape {
            n: 300,
            k: 200,
            m: 96,
        };
        let (x, w) = (values(300 * 200, 1), values(96 * 200, 2));
        let mut all = vec![0.0; 300 * 96];
        matmul_nt_training(shape, &x, &w, &mut all, Precision::F32);
        for row in [0, 31, 32, 299] {
            let mut alone = vec![0.0; 96];
            matmul_nt_training(
                Shape { n: 1, ..shape },
                &x[row * 200..(row + 1) * 200],
                &w,
                &mut alone,
                Precision::F32,
            );
            assert_eq!(alone, all[row * 96..(row + 1) * 96]);
        }
    }
}
