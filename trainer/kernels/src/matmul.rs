//! Matrix products of `f32`.
//!
//! Each output value is a sum of chains of multiply-adds over parts of the inner dimension, parts
//! and steps in ascending order, whatever the tiling, so a row's results do not depend on the other
//! rows, and all instruction sets with fused multiply-add give the same bits.
//!
//! The right-hand matrix is packed, some panels of 64 columns by some hundred inner steps at a time,
//! so that the innermost loop reads it in order: `tile` then keeps some rows of a panel's output in
//! registers and makes one pass over a part of the panel. All passes over what is packed are made for a
//! few rows before the next ones, so that their output is still in the nearest cache when it is added to.

#[cfg(target_arch = "x86_64")]
mod bf16;
mod few;
mod pack;
mod tile;
pub mod training;

use std::cell::RefCell;
use std::ops::Range;

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
/// Inner steps packed at once at most, where the whole inner dimension is to be.
const PACKED_STEPS: usize = 640;
/// Rows of panels packed at once: 256 KiB, within the second cache.
const PACKED_ROWS: usize = 1024;
/// Rows of a task at least, where rows are split too, so that packing stays a small part.
const TASK_ROWS: usize = 192;
/// Rows of output of which one panel stays within the nearest caches.
const FEW_ROWS: usize = 96;
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
    let order = Order::of(shape, b, stride, threads);
    let rows_near = rows_near(features);
    let y = Shared::new(y);
    parallel::run(threads, order.groups * order.parts, |task| {
        let rows = share(n, order.parts, task % order.parts);
        let panels = share(m.div_ceil(PANEL), order.groups, task / order.parts);
        PACKED.with_borrow_mut(|packed| {
            let steps_most = order.steps.min(k);
            let len = panels.len() * steps_most;
            packed.resize(packed.len().max(len), PanelRow([0.0; PANEL]));
            // SAFETY: `PanelRow` is PANEL floats without padding (256 bytes, aligned to 64).
            let packed = unsafe {
                std::slice::from_raw_parts_mut(packed.as_mut_ptr().cast::<f32>(), len * PANEL)
            };
            let room = steps_most * PANEL;
            let columns = |panel| (panel * PANEL, PANEL.min(m - panel * PANEL));
            for step in (0..k).step_by(order.steps) {
                let steps = order.steps.min(k - step);
                for (panel, packed) in panels.clone().zip(packed.chunks_exact_mut(room)) {
                    pack::right(b, k, step..step + steps, columns(panel), packed);
                }
                for first in rows.clone().step_by(rows_near) {
                    let last = rows.end.min(first + rows_near);
                    for (panel, packed) in panels.clone().zip(packed.chunks_exact(room)) {
                        let (start, width) = columns(panel);
                        let passes = packed[..steps * PANEL].chunks(stride * PANEL);
                        for (step, packed) in (step..).step_by(stride).zip(passes) {
                            let left = tile::Left {
                                matrix: a,
                                first,
                                last,
                                step,
                            };
                            let out = tile::Output {
                                y: &y,
                                start,
                                width,
                                stride: m,
                                add: add || step > 0,
                            };
                            tile::rows(features, left, packed.len() / PANEL, packed, out);
                        }
                    }
                }
            }
        });
    });
}

/// How a product is divided: a task packs a group of panels by some inner steps at a time, and
/// multiplies a part of the rows with them.
struct Order {
    /// Inner steps packed at once: some passes.
    steps: usize,
    groups: usize,
    parts: usize,
}

impl Order {
    fn of(Shape { n, k, m }: Shape, b: Right<'_>, stride: usize, threads: usize) -> Self {
        let panels = m.div_ceil(PANEL);
        // The output of many rows is far away when the next pass adds to it: then passes follow each
        // other row by row. That of few is near, and the right-hand matrix had better be read along
        // its rows.
        let is_along = matches!(b, Right::F32(Strided { column: 1, .. }));
        let passes = match is_along && n <= FEW_ROWS {
            true => 1,
            false => (PACKED_STEPS / stride).max(1),
        };
        let steps = stride * passes;
        let mut groups = panels.div_ceil((PACKED_ROWS / steps.min(k)).max(1));
        let mut parts = 1;
        // Few tasks would leave threads idle at the end.
        if threads > 1 && groups < threads * 8 {
            let of_rows = n / TASK_ROWS / threads * threads;
            if of_rows > 0 {
                parts = (threads * 8).div_ceil(groups).min(of_rows);
            } else {
                groups = groups.next_multiple_of(threads).min(panels);
            }
        }
        Self {
            steps,
            groups,
            parts,
        }
    }
}

/// The `index`th of `count` parts of `0..len`, as alike as can be.
fn share(len: usize, count: usize, index: usize) -> Range<usize> {
    len * index / count..len * (index + 1) / count
}

/// Rows of output that all passes over a group of panels are made for before the next rows. Where
/// vectors are wide, a panel wants to be read again from the nearest cache.
fn rows_near(features: Features) -> usize {
    match features {
        Features::Avx2 => 6,
        _ => 96,
    }
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
        for (n, k, m) in [
            (1, 3, 5),
            (7, 70, 64),
            (13, 33, 100),
            (6, 900, 17),
            (97, 900, 70),
            (390, 20, 1_100),
        ] {
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
