//! Weights turned for gradients, in 8 bits.

use super::activations::BLOCK;
use super::{QuantMatrix, Weights};
use crate::format::{Format, KernelError};
use crate::parallel::{self, Shared};
use half::f16;
use std::ops::Range;

/// Bytes of a block of Q8_0: the scale and 32 numbers.
const BLOCK_BYTES: usize = 2 + BLOCK;

impl QuantMatrix {
    /// Of the output rows `rows`, the weights turned, (in, rows), in Q8_0: what takes gradients of these
    /// outputs in 8 bits to those of the inputs.
    ///
    /// # Errors
    /// If the rows are no whole blocks of 32.
    ///
    /// # Panics
    /// If there are fewer rows.
    pub fn turned(&self, rows: Range<usize>) -> Result<QuantMatrix, KernelError> {
        let mut bytes = vec![0; Format::Q8_0.bytes(self.columns, rows.len())?];
        let per_row = rows.len() / BLOCK;
        let shared = Shared::new(&mut bytes);
        parallel::run(parallel::threads(), per_row, |block| {
            let mut tile = vec![0.0; BLOCK * self.columns];
            for (at, values) in tile.chunks_exact_mut(self.columns).enumerate() {
                self.dequantize_row(rows.start + block * BLOCK + at, values);
            }
            for column in 0..self.columns {
                let values = std::array::from_fn(|at| tile[at * self.columns + column]);
                // SAFETY: each block belongs to one task, and is lent once at a time.
                let to =
                    unsafe { shared.part((column * per_row + block) * BLOCK_BYTES, BLOCK_BYTES) };
                write_block(&values, to);
            }
        });
        Self::from_bytes(Format::Q8_0, self.columns, rows.len(), &bytes)
    }

    /// Weights (out, in) in 8 bits, as products of quantized activations take them: these, where they
    /// are quantized.
    ///
    /// # Errors
    /// If rows are no whole blocks of 32.
    pub fn in_eight_bits(self) -> Result<QuantMatrix, KernelError> {
        if let Weights::Packed(_) = self.weights {
            return Ok(self);
        }
        let mut bytes = vec![0; Format::Q8_0.bytes(self.rows, self.columns)?];
        let mut row_values = vec![0.0; self.columns];
        for (row, to) in bytes
            .chunks_exact_mut(self.columns / BLOCK * BLOCK_BYTES)
            .enumerate()
        {
            self.dequantize_row(row, &mut row_values);
            let values = row_values.as_chunks().0.iter();
            for (values, to) in values.zip(to.chunks_exact_mut(BLOCK_BYTES)) {
                write_block(values, to);
            }
        }
        Self::from_bytes(Format::Q8_0, self.rows, self.columns, &bytes)
    }
}

/// Nearest numbers of a scale `max |x| / 127`.
fn write_block(values: &[f32; BLOCK], to: &mut [u8]) {
    let size = values.iter().fold(0.0f32, |size, x| size.max(x.abs()));
    let scale = f16::from_f32(size / 127.0).min(f16::MAX);
    let inverse = match scale.to_f32() {
        0.0 => 0.0,
        scale => 1.0 / scale,
    };
    let (of_scale, numbers) = to.split_at_mut(2);
    of_scale.copy_from_slice(&scale.to_le_bytes());
    for (number, x) in numbers.iter_mut().zip(values) {
        // Past 127 only where the scale was rounded down.
        *number = (x * inverse).round().clamp(-127.0, 127.0) as i8 as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gradients_pass_through_turned_weights() {
        let (out, in_) = (96, 64);
        let values: Vec<f32> = (0..out * in_)
            .map(|i| ((i * 7919 % 1009) as f32 - 500.0) / 500.0)
            .collect();
        let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        let exact = QuantMatrix::from_bytes(Format::F32, out, in_, &bytes).unwrap();
        let weights = exact.clone().in_eight_bits().unwrap();
        assert_eq!(weights.format(), Format::Q8_0);
        for (a, b) in weights.dequantize().iter().zip(&values) {
            assert!((a - b).abs() <= 0.5 / 127.0 + 1e-3, "{a} {b}");
        }
        for rows in [0..out, 32..64] {
            let turned = exact.turned(rows.clone()).unwrap();
            assert_eq!((turned.rows(), turned.columns()), (in_, rows.len()));
            let again = turned.dequantize();
            for input in 0..in_ {
                for (at, row) in rows.clone().enumerate() {
                    let (a, b) = (again[input * rows.len() + at], values[row * in_ + input]);
                    assert!((a - b).abs() <= 0.5 / 127.0 + 1e-3, "{a} {b}");
                }
            }
        }
        assert!(exact.turned(0..33).is_err());
    }
}
