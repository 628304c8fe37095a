//! Products with quantized weights: 8-bit activations, integer dot products.
//!
//! Weights are repacked once, 16 output rows side by side, so that one integer dot-product
//! instruction serves 16 outputs; several rows of activations share each load of a weight.

mod activations;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod logprobs;
mod packed;
mod portable;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd128;
mod tile;
mod turned;

pub use activations::Activations;
pub use logprobs::logprobs_of_product;

use std::cell::RefCell;
use std::ops::Range;

use half::f16;
use half::slice::HalfFloatSliceExt;
use packed::{GROUP, Packed};

use crate::format::{Format, KernelError};
use crate::matmul::{Shape, matmul_nt, matmul_nt_half};
use crate::parallel::{self, Shared};

/// Products (multiply-adds) below which one thread is faster than two.
const SERIAL_PRODUCTS: usize = 1 << 17;

/// Bytes of activations that stay near while all weights meet them.
const NEAR_BYTES: usize = 1 << 15;

thread_local! {
    /// Room for the activations of one product.
    static SCRATCH: RefCell<Activations> = RefCell::new(Activations::default());
}

/// A weight matrix (out, in), kept in its quantized form and repacked once for the kernels.
#[derive(Clone, Debug)]
pub struct QuantMatrix {
    format: Format,
    rows: usize,
    columns: usize,
    weights: Weights,
}

#[derive(Clone, Debug)]
enum Weights {
    F32(Vec<f32>),
    F16(Vec<f16>),
    Packed(Packed),
}

impl QuantMatrix {
    /// Repacks the rows of a GGUF tensor: `out` rows of `in_` values, blocks along the rows.
    ///
    /// # Errors
    /// If rows are not whole blocks or the number of bytes does not fit the shape.
    pub fn from_bytes(
        format: Format,
        out: usize,
        in_: usize,
        bytes: &[u8],
    ) -> Result<Self, KernelError> {
        let expected = format.bytes(out, in_)?;
        if expected != bytes.len() {
            return Err(KernelError::Length {
                format,
                rows: out,
                columns: in_,
                expected,
                found: bytes.len(),
            });
        }
        let weights = match format {
            Format::F32 => Weights::F32(
                bytes
                    .as_chunks::<4>()
                    .0
                    .iter()
                    .map(|b| f32::from_le_bytes(*b))
                    .collect(),
            ),
            Format::F16 => Weights::F16(
                bytes
                    .as_chunks::<2>()
                    .0
                    .iter()
                    .map(|b| f16::from_le_bytes(*b))
                    .collect(),
            ),
            _ => Weights::Packed(Packed::new(format, out, in_, bytes)),
        };
        Ok(Self {
            format,
            rows: out,
            columns: in_,
            weights,
        })
    }

    /// The format that it was made from.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Output values (rows of the weight).
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Input values (columns of the weight).
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Bytes of memory that the weights take.
    pub fn memory_bytes(&self) -> usize {
        match &self.weights {
            Weights::F32(weights) => size_of_val(weights.as_slice()),
            Weights::F16(weights) => size_of_val(weights.as_slice()),
            Weights::Packed(packed) => packed.memory_bytes(),
        }
    }

    /// `y (n, out) = x (n, in) · Wᵀ`.
    ///
    /// Quantized weights meet activations quantized to 8 bits by blocks of 32; F16 and F32
    /// weights meet them as they are.
    pub fn matmul(&self, x: &[f32], y: &mut [f32]) {
        let shape = self.shape(x.len() / self.columns, self.rows);
        match &self.weights {
            Weights::F32(weights) => matmul_nt(shape, x, weights, y),
            Weights::F16(weights) => matmul_nt_half(shape, x, weights, y),
            Weights::Packed(packed) => {
                SCRATCH.with_borrow_mut(|activations| {
                    activations.set(x, self.columns);
                    products(activations, &mut [(packed, self.rows, y)], false);
                });
            }
        }
    }

    /// Whether the blocks are kept packed: then [`matmul_all`] takes it, and products for training read it
    /// as it is ([`Factor::quantized`](crate::Factor::quantized)).
    pub fn is_packed(&self) -> bool {
        matches!(self.weights, Weights::Packed(_))
    }

    /// # Panics
    /// If the weights are F16 or F32.
    fn packed(&self) -> &Packed {
        match &self.weights {
            Weights::Packed(packed) => packed,
            _ => panic!(
                "{:?} weights do not take quantized activations",
                self.format
            ),
        }
    }

    /// The panel of a right-hand matrix for the products of `f32`: Wᵀ (in, out) where `turned`, else W
    /// (out, in). Inner steps `steps` and columns from `start`, `width` of them, in rows of `stride`.
    ///
    /// # Panics
    /// If the weights are F16 or F32.
    pub(crate) fn panel(
        &self,
        turned: bool,
        steps: Range<usize>,
        (start, width): (usize, usize),
        stride: usize,
        panel: &mut [f32],
    ) {
        let Weights::Packed(packed) = &self.weights else {
            panic!("{:?} weights make no panels", self.format);
        };
        let columns = start..start + width;
        let (outputs, inputs) = match turned {
            true => (columns, steps),
            false => (steps, columns),
        };
        let mut tile = [[0.0; GROUP]; 32];
        for group in outputs.start / GROUP..outputs.end.div_ceil(GROUP) {
            let lanes = within(group * GROUP, GROUP, &outputs);
            for block in inputs.start / 32..inputs.end.div_ceil(32) {
                packed.dequantize_tile(group, block, &mut tile);
                let of_block = within(block * 32, 32, &inputs);
                let (input, output) = (block * 32, group * GROUP);
                if turned {
                    for at in of_block {
                        let to = (input + at - inputs.start) * stride;
                        let to = &mut panel[to + output + lanes.start - outputs.start..];
                        to[..lanes.len()].copy_from_slice(&tile[at][lanes.clone()]);
                    }
                } else {
                    for lane in lanes.clone() {
                        let to = (output + lane - outputs.start) * stride;
                        let to = &mut panel[to + input + of_block.start - inputs.start..];
                        for (to, from) in to.iter_mut().zip(&tile[of_block.clone()]) {
                            *to = from[lane];
                        }
                    }
                }
            }
        }
    }

    fn shape(&self, n: usize, m: usize) -> Shape {
        Shape {
            n,
            k: self.columns,
            m,
        }
    }

    /// All weights in `f32`, (out, in), exactly as ggml dequantizes them.
    pub fn dequantize(&self) -> Vec<f32> {
        let mut out = vec![0.0; self.rows * self.columns];
        parallel::for_each_row(&mut out, self.columns, 1 << 16, |row, out| {
            self.dequantize_row(row, out);
        });
        out
    }

    /// One row in `f32` (a token's embedding): `out` has as many values as a row.
    pub fn dequantize_row(&self, row: usize, out: &mut [f32]) {
        assert!(
            row < self.rows && out.len() == self.columns,
            "row {row} of {}, into {} values of {}",
            self.rows,
            out.len(),
            self.columns
        );
        let start = row * self.columns;
        match &self.weights {
            Weights::F32(weights) => out.copy_from_slice(&weights[start..][..self.columns]),
            Weights::F16(weights) => {
                weights[start..][..self.columns].convert_to_f32_slice(out);
            }
            Weights::Packed(packed) => packed.dequantize_row(row, out),
        }
    }
}

/// The rows of activations, so many at a time as stay near.
fn blocks_of_rows(x: &Activations) -> impl Iterator<Item = Range<usize>> {
    // A byte a value, and 16 for each block of 32.
    let count = NEAR_BYTES / (x.columns() * 3 / 2) / tile::ROWS_OF_TILES;
    let count = count.max(1) * tile::ROWS_OF_TILES;
    let rows = x.rows();
    (0..rows)
        .step_by(count)
        .map(move |start| start..rows.min(start + count))
}

/// Those of `len` places from `first` that lie in `range`, counted from `first`.
fn within(first: usize, len: usize, range: &Range<usize>) -> Range<usize> {
    range.start.max(first) - first..range.end.min(first + len) - first
}

/// `yᵢ (n, outᵢ) = x · Wᵢᵀ` for weights that read the same input: it is quantized once, and the threads
/// meet once.
///
/// # Panics
/// If a matrix is F16 or F32: those do not take quantized activations.
pub fn matmul_all<const N: usize>(x: &Activations, products: [(&QuantMatrix, &mut [f32]); N]) {
    let mut packed = products.map(|(matrix, y)| (matrix.packed(), matrix.rows, y));
    self::products(x, &mut packed, false);
}

/// `x · Wᵀ`, (n, out).
///
/// # Panics
/// As [`matmul_all`]; if `x` has not as many columns as the matrix.
#[must_use]
pub fn matmul_new(x: &Activations, matrix: &QuantMatrix) -> Vec<f32> {
    let weights = matrix.packed();
    assert!(
        x.columns() == weights.blocks * 32,
        "activations of {} columns do not fit {} weights a row",
        x.columns(),
        weights.blocks * 32
    );
    let len = x.rows() * matrix.rows;
    let mut y = Vec::with_capacity(len);
    let room = Shared::room(&mut y.spare_capacity_mut()[..len]);
    products_into(x, &[(weights, matrix.rows, room)], len, false);
    // SAFETY: every column of every row is one group's, and is written.
    unsafe { y.set_len(len) };
    y
}

/// `y (n, out) += x · Wᵀ`
///
/// # Panics
/// As [`matmul_all`].
pub fn matmul_add(x: &Activations, matrix: &QuantMatrix, y: &mut [f32]) {
    products(x, &mut [(matrix.packed(), matrix.rows, y)], true);
}

/// The products of (weights, output rows, output), which are put in the outputs or added to them.
fn products(x: &Activations, products: &mut [(&Packed, usize, &mut [f32])], add: bool) {
    let mut elements = 0;
    let outputs: Vec<(&Packed, usize, Shared<'_>)> = products
        .iter_mut()
        .map(|(packed, rows, y)| {
            assert!(
                x.columns() == packed.blocks * 32 && y.len() == x.rows() * *rows,
                "activations ({}, {}) and an output of {} values do not fit {rows} rows of {} weights",
                x.rows(),
                x.columns(),
                y.len(),
                packed.blocks * 32
            );
            elements += y.len();
            (*packed, *rows, Shared::new(y))
        })
        .collect();
    products_into(x, &outputs, elements, add);
}

/// The same of outputs of so many `elements` in all.
fn products_into(
    x: &Activations,
    outputs: &[(&Packed, usize, Shared<'_>)],
    elements: usize,
    add: bool,
) {
    let groups: usize = outputs.iter().map(|(packed, ..)| packed.groups()).sum();
    let threads = if elements * x.columns() < SERIAL_PRODUCTS {
        1
    } else {
        parallel::threads()
    };
    let tasks = (threads * if threads > 1 { 4 } else { 1 }).min(groups);
    let together = tile::at_once(x.rows());
    let cut = |task: usize| match task == tasks {
        true => groups,
        false => groups * task / tasks / together * together,
    };
    parallel::run(threads, tasks, |task| {
        let (mut start, end) = (cut(task), cut(task + 1));
        // The groups of all weights, one after another.
        let mut first = 0;
        for (packed, rows, y) in outputs {
            let last = first + packed.groups();
            let stop = end.min(last);
            for of in blocks_of_rows(x).filter(|_| start < stop) {
                let column = (start - first) * GROUP;
                let out = tile::Output {
                    y,
                    start: column,
                    width: rows - column,
                    stride: *rows,
                    add,
                };
                tile::groups(packed, start - first..stop - first, (x, of), out);
            }
            start = start.max(stop);
            first = last;
        }
    });
}
