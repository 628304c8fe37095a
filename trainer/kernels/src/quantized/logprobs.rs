//! Log-probabilities under an output layer whose products are never written down as a whole: of the
//! columns of a part there stay the greatest, the sum of exponentials, and what was asked for.

use std::cell::RefCell;

use super::activations::Activations;
use super::packed::{GROUP, Packed};
use super::{QuantMatrix, blocks_of_rows, tile};
use crate::parallel::{self, Shared};
use crate::softmax::{row_max, sum_of_exp};

/// Groups of columns of a part: with [`ROWS`] rows 256 KiB, within the second cache.
const GROUPS: usize = 16;
/// Rows that meet a part of the weights at once.
const ROWS: usize = 256;

thread_local! {
    static PART: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// Of a row, `Σ e^x` over some columns is `sum · e^max`.
#[derive(Clone, Copy)]
struct Mass {
    max: f32,
    sum: f32,
}

impl Mass {
    const NONE: Mass = Mass {
        max: f32::NEG_INFINITY,
        sum: 0.0,
    };

    fn of(row: &[f32]) -> Mass {
        match row_max(row) {
            f32::NEG_INFINITY if !row.iter().any(|x| x.is_nan()) => Mass::NONE,
            max => Mass {
                max,
                sum: sum_of_exp(row, max),
            },
        }
    }

    /// `ln Σ e^x` over the columns of all.
    fn log_sum(all: &[Mass]) -> f32 {
        let max = all
            .iter()
            .fold(f32::NEG_INFINITY, |max, mass| max.max(mass.max));
        let scaled = |mass: &Mass| match mass.sum {
            0.0 => 0.0,
            sum => sum * (mass.max - max).exp(),
        };
        max + all.iter().map(scaled).sum::<f32>().ln()
    }
}

/// `ln softmax(x Wᵀ)` at (row, column) `places`, (places,), of `x` (n, in). What it gives of a row does not
/// depend on the other rows, nor on the number of threads.
///
/// # Panics
/// If the weights are F16 or F32, `x` is not of rows, or a place lies beyond.
#[must_use]
pub fn logprobs_of_product(x: &[f32], matrix: &QuantMatrix, places: &[(u32, u32)]) -> Vec<f32> {
    let (packed, columns) = (matrix.packed(), matrix.rows());
    let n = x.len() / matrix.columns();
    let is_inside = |&(row, column): &(u32, u32)| (row as usize) < n && (column as usize) < columns;
    assert!(places.iter().all(is_inside), "a place beyond the product");
    let parts = packed.groups().div_ceil(GROUPS);
    let mut logprobs = vec![0.0; places.len()];
    let mut masses = vec![Mass::NONE; n * parts];
    let (told, held) = (Shared::new(&mut logprobs), Shared::new(&mut masses));
    let mut activations = Activations::default();
    for (first, x) in (0..n).step_by(ROWS).zip(x.chunks(ROWS * matrix.columns())) {
        activations.set(x, matrix.columns());
        parallel::run(parallel::threads(), parts, |part| {
            let start = part * GROUPS * GROUP;
            let width = columns.min(start + GROUPS * GROUP) - start;
            PART.with_borrow_mut(|values| {
                multiply(&activations, packed, part, width, values);
                for (row, values) in (first..).zip(values.chunks_exact(width)) {
                    // SAFETY: a part of a row is one task's.
                    let mass = unsafe { held.part(row * parts + part, 1) };
                    mass[0] = Mass::of(values);
                }
                for (at, &(row, column)) in places.iter().enumerate() {
                    let at_row = (row as usize).wrapping_sub(first);
                    let at_column = (column as usize).wrapping_sub(start);
                    if at_row < activations.rows() && at_column < width {
                        // SAFETY: a place lies in one part of one row.
                        let logit = unsafe { told.part(at, 1) };
                        logit[0] = values[at_row * width + at_column];
                    }
                }
            });
        });
    }
    let sums: Vec<f32> = masses.chunks_exact(parts).map(Mass::log_sum).collect();
    for (&(row, _), logprob) in places.iter().zip(&mut logprobs) {
        *logprob -= sums[row as usize];
    }
    logprobs
}

/// The columns of a part, `width` of them: `values` (rows, width).
fn multiply(x: &Activations, packed: &Packed, part: usize, width: usize, values: &mut Vec<f32>) {
    values.resize(x.rows() * width, 0.0);
    let y = Shared::new(values);
    let groups = part * GROUPS..packed.groups().min((part + 1) * GROUPS);
    for rows in blocks_of_rows(x) {
        let out = tile::Output {
            y: &y,
            start: 0,
            width,
            stride: width,
            add: false,
        };
        tile::groups(packed, groups.clone(), (x, rows), out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Format;
    use crate::softmax::log_sum_exp;

    #[test]
    fn parts_give_the_log_softmax_of_the_whole() {
        // More rows than meet a part at once, and a last part that is not whole.
        let (n, k, m) = (ROWS + 9, 64, GROUPS * GROUP + 150);
        let bytes: Vec<u8> = (0..Format::Q8_0.bytes(m, k).unwrap())
            .map(|i| match i % 34 {
                0 => 0,
                1 => 0x24,
                _ => (i * 37 % 251) as u8,
            })
            .collect();
        let matrix = QuantMatrix::from_bytes(Format::Q8_0, m, k, &bytes).unwrap();
        let x: Vec<f32> = (0..n * k)
            .map(|i| (i * 29 % 83) as f32 / 41.0 - 1.0)
            .collect();
        let mut whole = vec![0.0; n * m];
        matrix.matmul(&x, &mut whole);
        let places: Vec<(u32, u32)> = (0..2 * n)
            .map(|i| ((i / 2) as u32, (i * 101 % m) as u32))
            .collect();
        let found = logprobs_of_product(&x, &matrix, &places);
        for (&(row, column), found) in places.iter().zip(&found) {
            let row = &whole[row as usize * m..][..m];
            let expected = row[column as usize] - log_sum_exp(row);
            assert!(
                (found - expected).abs() < 2e-6 * (1.0 + expected.abs()),
                "{found} {expected}"
            );
        }
        // A row alone, last of all.
        let alone = &x[(n - 1) * k..];
        let places: Vec<(u32, u32)> = places[2 * (n - 1)..].iter().map(|&(_, c)| (0, c)).collect();
        assert_eq!(
            logprobs_of_product(alone, &matrix, &places),
            found[2 * (n - 1)..]
        );
    }

    #[test]
    fn what_is_no_number_is_told_and_nothing_has_no_mass() {
        const NONE: f32 = f32::NEG_INFINITY;
        assert_eq!(Mass::of(&[NONE, NONE]).sum, 0.0);
        assert!(Mass::of(&[NONE, f32::NAN]).sum.is_nan());
        let all = [Mass::of(&[NONE]), Mass::of(&[0.0, 0.0])];
        assert!((Mass::log_sum(&all) - 2.0_f32.ln()).abs() < 1e-6);
    }
}
