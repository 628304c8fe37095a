//! Rotary position embedding (Su et al. 2021).

use crate::features::for_each_instruction_set;
use crate::parallel::for_each_row;

/// Elements that are worth a thread of their own.
const TASK_ELEMENTS: usize = 1 << 14;

/// Cosines and sines of a batch of positions, computed once for all layers.
#[derive(Clone, Debug)]
pub struct RopeTable {
    half: usize,
    cos: Vec<f32>,
    sin: Vec<f32>,
}

impl RopeTable {
    /// The table of `positions` for heads of `head_dim` values with base `theta`.
    ///
    /// Angles are formed in `f32` as Hugging Face does: position times `theta^(-2 i / head_dim)`.
    pub fn new(positions: &[u32], head_dim: usize, theta: f64) -> Self {
        Self::stretched(positions, head_dim, theta, 1.0)
    }

    /// The same with all frequencies divided by `factor`: positions that lie that much closer
    /// ("linear scaling", Chen et al. 2023).
    pub fn stretched(positions: &[u32], head_dim: usize, theta: f64, factor: f32) -> Self {
        let half = head_dim / 2;
        let frequencies: Vec<f32> = (0..half)
            .map(|i| theta.powf(-(2.0 * i as f64) / head_dim as f64) as f32 / factor)
            .collect();
        let mut cos = Vec::with_capacity(positions.len() * half);
        let mut sin = Vec::with_capacity(positions.len() * half);
        for &position in positions {
            for frequency in &frequencies {
                let angle = f64::from(position as f32 * frequency);
                cos.push(angle.cos() as f32);
                sin.push(angle.sin() as f32);
            }
        }
        Self { half, cos, sin }
    }

    /// Number of positions.
    pub fn len(&self) -> usize {
        self.cos.len().checked_div(self.half).unwrap_or(0)
    }

    /// Whether there are no positions.
    pub fn is_empty(&self) -> bool {
        self.cos.is_empty()
    }
}

/// Rotates each head of `x` (n, heads, head_dim) in place by the angles of its token: values `i` and
/// `i + head_dim / 2` together, as Hugging Face has it.
pub fn rope(x: &mut [f32], heads: usize, table: &RopeTable) {
    rotate_all(x, heads, table, 1.0);
}

/// Rotates back: the inverse of [`rope`], and so its gradient.
pub fn rope_inverse(x: &mut [f32], heads: usize, table: &RopeTable) {
    rotate_all(x, heads, table, -1.0);
}

fn rotate_all(x: &mut [f32], heads: usize, table: &RopeTable, sign: f32) {
    let half = table.half;
    let width = heads * 2 * half;
    assert!(
        x.len() == table.len() * width,
        "rope: x is not (positions, heads, head_dim)"
    );
    for_each_row(x, width, TASK_ELEMENTS, |row, x| {
        let cos = &table.cos[row * half..][..half];
        let sin = &table.sin[row * half..][..half];
        for head in x.chunks_exact_mut(2 * half) {
            rotate_head(head, cos, sin, sign);
        }
    });
}

for_each_instruction_set! {
    fn rotate_head(head: &mut [f32], cos: &[f32], sin: &[f32], sign: f32) {
        let (first, second) = head.split_at_mut(cos.len());
        for (((a, b), c), s) in first.iter_mut().zip(second).zip(cos).zip(sin) {
            let s = s * sign;
            (*a, *b) = (*a * c - *b * s, *b * c + *a * s);
        }
    }
}
