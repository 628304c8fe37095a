//! Matrix products of `f32`.
//!
//! Each output value is a sum of chains of multiply-adds over parts of the inner dimension, parts
//! and steps in ascending order, whatever the tiling, so a row's results do not depend on the other
//! rows, and all instruction sets with fused multiply-add give the same bits.
//!
//! The right-hand matrix is packed, a panel of 64 columns by some hundred inner steps at a time,
//! so that the innermost loop reads it in order: `tile` then keeps some rows of the panel's
//! output in registers and makes one pass over the panel.

#[cfg(target_arch = "x86_64")]
mod bf16;
mod few;
mod pack;
mod tile;
pub mod training;

use std::cell::RefCell;

use half::f16;

use crate::features::{Features, features};
use crate::parallel::{self, Shared};
use crate::quantized::QuantMatrix;

/// The three sizes of a matrix product: `n` rows of the output, `m` columns, inner dimension `k`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Rows of the output (tokens).
    pub n: usize,
    /// Inner dimension.
    pub k: usize,
    /// Columns of the output.
    pub m: usize,
}

/// `y (n, m) = x (n, k) · w (m, k)ᵀ`: a linear layer with its weight stored (out, in).
pub fn matmul_nt(shape: Shape, x: &[f32], w: &[f32], y: &mut [f32]) {
    linear(shape, x, w, y, false);
}

/// `y (n, m) += x (n, k) · w (m, k)ᵀ`.
pub fn matmul_nt_add(shape: Shape, x: &[f32], w: &[f32], y: &mut [f32]) {
    linear(shape, x, w, y, true);
}

/// As [`matmul_nt`] with a weight in 16 bits.
pub(crate) fn matmul_nt_half(shape: Shape, x: &[f32], w: &[f16], y: &mut [f32]) {
    let Shape { n, k, m } = shape;
    check(
        shape,
        x.len() == n * k && w.len() == m * k && y.len() == n * m,
    );
    product(shape, Strided::rows(x, k), Right::Half(w), y, false);
}

fn linear(shape: Shape, x: &[f32], w: &[f32], y: &mut [f32], add: bool) {
    let Shape { n, k, m } = shape;
    check(
        shape,
        x.len() == n * k && w.len() == m * k && y.len() == n * m,
    );
    product(
        shape,
        Strided::rows(x, k),
        Right::F32(Strided::columns(w, k)),
        y,
        add,
    );
}

/// `y (n, m) = x (n, k) · w (k, m)`: the gradient of a linear layer's input, with the layer's
/// weight `w` as it is stored.
pub fn matmul_nn(shape: Shape, x: &[f32], w: &[f32], y: &mut [f32]) {
    linear_backward(shape, x, w, y, false);
}

/// `y (n, m) += x (n, k) · w (k, m)`.
pub fn matmul_nn_add(shape: Shape, x: &[f32], w: &[f32], y: &mut [f32]) {
    linear_backward(shape, x, w, y, true);
}

fn linear_backward(shape: Shape, x: &[f32], w: &[f32], y: &mut [f32], add: bool) {
    let Shape { n, k, m } = shape;
    check(
        shape,
        x.len() == n * k && w.len() == k * m && y.len() == n * m,
    );
    product(
        shape,
        Strided::rows(x, k),
        Right::F32(Strided::rows(w, m)),
        y,
        add,
    );
}

/// `y (n, m) += a (k, n)ᵀ · b (k, m)`: the gradient of a linear layer's weight, summed over the
/// `k` tokens.
pub fn matmul_tn_add(shape: Shape, a: &[f32], b: &[f32], y: &mut [f32]) {
    let Shape { n, k, m } = shape;
    check(
        shape,
        a.len() == k * n && b.len() == k * m && y.len() == n * m,
    );
    product(
        shape,
        Strided::columns(a, n),
        Right::F32(Strided::rows(b, m)),
        y,
        true,
    );
}

fn check(shape: Shape, fits: bool) {
    assert!(fits, "the slices do not have the lengths of {shape:?}");
}

/// A matrix seen through strides: element (i, j) is `values[i * row + j * column]`, and one of
/// the strides is 1.
#[derive(Clone, Copy)]
struct Strided<'a> {
    values: &'a [f32],
    row: usize,
    column: usize,
}

impl<'a> Strided<'a> {
    /// A matrix of `width` columns as it lies in memory.
    fn rows(values: &'a [f32], width: usize) -> Self {
        Self {
            values,
            row: width,
            column: 1,
        }
    }

    /// The transpose of a matrix of `width` columns.
    fn columns(values: &'a [f32], width: usize) -> Self {
        Self {
            values,
            row: 1,
            column: width,
        }
    }
}

/// The right-hand matrix (k, m): as it lies or transposed, or the transpose of one in 16 bits, or a
/// quantized one, transposed or not.
#[derive(Clone, Copy)]
enum Right<'a> {
    F32(Strided<'a>),
    Half(&'a [f16]),
    Quantized {
        matrix: &'a QuantMatrix,
        turned: bool,
    },
}

/// Columns of a packed panel.
const PANEL: usize = 64;
/// Inner steps of a packed panel at most. A sum of that many products is formed by itself and then
/// added to the others: with one long sum, the logits of a model of 135M parameters would differ
/// from those of `f64` by up to 1.4e-4, with short ones they are within 5e-5.
const STEPS: usize = 144;
/// Rows of a task at least, where rows are split too, so that packing stays a small part.
const TASK_ROWS: usize = 192;
/// Products (multiply-adds) below which one thread is faster than two.
const SERIAL_PRODUCTS: usize = 1 << 16;

/// 64-byte aligned place for a packed panel.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct PanelRow(#[allow(dead_code, reason = "written and read through pointers")] [f32; PANEL]);

thread_local! {
    static PACKED: RefCell<Vec<PanelRow>> = const { RefCell::new(Vec::new()) };
}

fn product(shape: Shape, a: Strided<'_>, b: Right<'_>, y: &mut [f32], add: bool) {
    product_by(features(), shape, a, b, y, add);
}

fn product_by(
    features: Features,
    shape: Shape,
    a: Strided<'_>,
    b: Right<'_>,
    y: &mut [f32],
    add: bool,
) {
    let Shape { n, k, m } = shape;
    if k == 0 && !add {
        y.fill(0.0);
    }
    if n == 0 || m == 0 || k == 0 {
        return;
    }
    let threads = if n * m * k < SERIAL_PRODUCTS {
        1
    } else {
        parallel::threads()
    };
    // Passes of about the same length.
    let stride = k.div_ceil(k.div_ceil(STEPS));
    // The vector kernels of x86 read packed panels alone.
    let is_portable = matches!(features, Features::Scalar | Features::Simd128);
    if let Right::F32(b) = b
        && is_portable
        && n <= few::ROWS_MAX
        && b.column == 1
    {
        few::product(shape, a, b, stride, y, add);
        return;
    }
    let panels = m.div_ceil(PANEL);
    // Few panels would leave threads idle at the end: split the rows as well.
    let parts = if threads > 1 && panels < threads * 8 {
        (threads * 8).div_ceil(panels).min(n / TASK_ROWS).max(1)
    } else {
        1
    };
    let y = Shared::new(y);
    parallel::run(threads, panels * parts, |task| {
        let (panel, part) = (task / parts, task % parts);
        let (first, last) = (n * part / parts, n * (part + 1) / parts);
        let start = panel * PANEL;
        PACKED.with_borrow_mut(|packed| {
            packed.resize(STEPS, PanelRow([0.0; PANEL]));
            // SAFETY: `PanelRow` is PANEL floats without padding (256 bytes, aligned to 64).
            let packed = unsafe {
                std::slice::from_raw_parts_mut(packed.as_mut_ptr().cast::<f32>(), STEPS * PANEL)
            };
            let width = PANEL.min(m - start);
            for step in (0..k).step_by(stride) {
                let steps = stride.min(k - step);
                match b {
                    Right::F32(b) => pack::panel(b, step, steps, start, width, packed),
                    Right::Half(w) => pack::half_panel(w, k, step, steps, start, width, packed),
                    // What is left beyond the last column is computed with, and not written.
                    Right::Quantized { matrix, turned } => {
                        let steps = step..step + steps;
                        matrix.panel(turned, steps, (start, width), PANEL, packed);
                    }
                }
                tile::rows(
                    features,
                    tile::Left {
                        matrix: a,
                        first,
                        last,
                        step,
                    },
                    steps,
                    packed,
                    tile::Output {
                        y: &y,
                        start,
                        width,
                        stride: m,
                        add: add || step > 0,
                    },
                );
            }
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_instruction_set_gives_the_chain_of_fused_multiply_adds() {
        let best = features();
        if best == Features::Scalar && !crate::features::BASELINE_FUSED {
            return;
        }
        for (n, k, m) in [(1, 3, 5), (7, 70, 64), (13, 33, 100), (6, 900, 17)] {
            let shape = Shape { n, k, m };
            let x: Vec<f32> = (0..n * k)
                .map(|i| ((i * 37 % 101) as f32 - 50.0) / 33.0)
                .collect();
            let w: Vec<f32> = (0..m * k)
                .map(|i| ((i * 71 % 97) as f32 - 48.0) / 29.0)
                .collect();
            let mut expected = vec![0.0f32; n * m];
            for (at, sum) in expected.iter_mut().enumerate() {
                let stride = k.div_ceil(k.div_ceil(STEPS));
                for start in (0..k).step_by(stride) {
                    let mut part = 0.0f32;
                    for i in start..k.min(start + stride) {
                        part = x[at / m * k + i].mul_add(w[at % m * k + i], part);
                    }
                    *sum += part;
                }
            }
            let sets: &[Features] = match best {
                Features::Avx512 => &[Features::Avx2, Features::Avx512],
                _ => &[best],
            };
            for &set in sets {
                let mut y = vec![f32::NAN; n * m];
                let w = Right::F32(Strided::columns(&w, k));
                product_by(set, shape, Strided::rows(&x, k), w, &mut y, false);
                assert_eq!(y, expected, "{set:?} {shape:?}");
            }
            let mut y = vec![f32::NAN; n * m];
            let w = Right::F32(Strided::columns(&w, k));
            product_by(
                Features::Scalar,
                shape,
                Strided::rows(&x, k),
                w,
                &mut y,
                false,
            );
            for (y, e) in y.iter().zip(&expected) {
                assert!((y - e).abs() <= 1e-4 * (1.0 + e.abs()), "{y} is not {e}");
            }
        }
    }
}
