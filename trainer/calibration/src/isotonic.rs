//! Isotonic regression by pooling adjacent violators (PAV).

use serde::{Deserialize, Serialize};

/// Rows that share one recalibrated value: accuracies do not fall from block to block.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Block {
    pub n: u64,
    pub correct: u64,
    /// How many pushes before this block's end.
    pub end: usize,
}

impl Block {
    pub fn accuracy(&self) -> f64 {
        self.correct as f64 / self.n as f64
    }

    /// n·p(1 − p).
    pub fn variance(&self) -> f64 {
        self.correct as f64 * (1.0 - self.accuracy())
    }
}

/// PAV over counts, pushed in ascending order of confidence. Exact: no rounding decides a merge.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pool {
    blocks: Vec<Block>,
    pushed: usize,
}

impl Pool {
    pub fn clear(&mut self) {
        self.blocks.clear();
        self.pushed = 0;
    }

    /// `n` above 0.
    pub fn push(&mut self, n: u64, correct: u64) {
        self.pushed += 1;
        let mut block = Block {
            n,
            correct,
            end: self.pushed,
        };
        while let Some(before) = self.blocks.last()
            && u128::from(before.correct) * u128::from(block.n)
                >= u128::from(block.correct) * u128::from(before.n)
        {
            block.n += before.n;
            block.correct += before.correct;
            self.blocks.pop();
        }
        self.blocks.push(block);
    }

    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }
}

/// A rising piecewise linear map, as scikit-learn's `IsotonicRegression(out_of_bounds="clip")`.
///
/// ```
/// use calibration::isotonic;
/// let map = isotonic::fit(&[0.1, 0.2, 0.3], &[0.0, 1.0, 0.5], &[1.0; 3])?;
/// assert_eq!(map.predict(0.25), 0.75);
/// assert_eq!(map.predict(0.0), 0.0);
/// # Ok::<(), isotonic::IsotonicError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Points", into = "Points")]
pub struct Isotonic {
    /// Strictly ascending; never empty.
    x: Vec<f64>,
    /// One for each x, not falling.
    y: Vec<f64>,
}

/// A map as it stands in a file, not yet trusted.
#[derive(Serialize, Deserialize)]
struct Points {
    x: Vec<f64>,
    y: Vec<f64>,
}

impl From<Isotonic> for Points {
    fn from(map: Isotonic) -> Points {
        Points { x: map.x, y: map.y }
    }
}

impl TryFrom<Points> for Isotonic {
    type Error = &'static str;

    fn try_from(Points { x, y }: Points) -> Result<Isotonic, &'static str> {
        if x.is_empty() || x.len() != y.len() {
            return Err("expected as many x as y, and at least one");
        }
        if !x.windows(2).all(|pair| pair[0] < pair[1])
            || !y.windows(2).all(|pair| pair[0] <= pair[1])
        {
            return Err("expected ascending x, and y that do not fall");
        }
        Ok(Isotonic { x, y })
    }
}

/// What cannot be fitted.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum IsotonicError {
    #[error("there are no points")]
    Empty,
    #[error("found {x} x, {y} y and {weights} weights, expected as many of each")]
    Lengths { x: usize, y: usize, weights: usize },
    #[error("point {index}: expected finite numbers and a weight above 0")]
    Point { index: usize },
}

/// The rising map with the least weighted squared error. Equal x are averaged first.
pub fn fit(x: &[f64], y: &[f64], weights: &[f64]) -> Result<Isotonic, IsotonicError> {
    if x.len() != y.len() || x.len() != weights.len() {
        return Err(IsotonicError::Lengths {
            x: x.len(),
            y: y.len(),
            weights: weights.len(),
        });
    }
    if x.is_empty() {
        return Err(IsotonicError::Empty);
    }
    let is_sound = |at: usize| {
        x[at].is_finite() && y[at].is_finite() && weights[at].is_finite() && weights[at] > 0.0
    };
    if let Some(index) = (0..x.len()).find(|&at| !is_sound(at)) {
        return Err(IsotonicError::Point { index });
    }
    let mut order: Vec<usize> = (0..x.len()).collect();
    order.sort_by(|&a, &b| x[a].total_cmp(&x[b]));

    // (x, weight, weighted sum of y) of each distinct x.
    let mut points: Vec<(f64, f64, f64)> = Vec::new();
    for at in order {
        match points.last_mut() {
            Some(last) if last.0 == x[at] => {
                last.1 += weights[at];
                last.2 += weights[at] * y[at];
            }
            _ => points.push((x[at], weights[at], weights[at] * y[at])),
        }
    }
    // (weight, weighted sum, points) of each block.
    let mut blocks: Vec<(f64, f64, usize)> = Vec::new();
    for &(_, weight, sum) in &points {
        let mut block = (weight, sum, 1);
        while let Some(&(weight, sum, points)) = blocks.last()
            && sum / weight >= block.1 / block.0
        {
            block = (block.0 + weight, block.1 + sum, block.2 + points);
            blocks.pop();
        }
        blocks.push(block);
    }
    // A block's inner points lie on the line between its ends.
    let mut map = Isotonic {
        x: Vec::new(),
        y: Vec::new(),
    };
    let mut start = 0;
    for (weight, sum, length) in blocks {
        let end = start + length - 1;
        map.x.push(points[start].0);
        map.y.push(sum / weight);
        if end > start {
            map.x.push(points[end].0);
            map.y.push(sum / weight);
        }
        start = end + 1;
    }
    Ok(map)
}

impl Isotonic {
    /// Linear between the fitted points, constant beyond them; NaN only for NaN.
    pub fn predict(&self, x: f64) -> f64 {
        interpolate(&self.x, &self.y, x)
    }

    /// (x, y) where the map bends.
    pub fn points(&self) -> impl Iterator<Item = (f64, f64)> {
        self.x.iter().copied().zip(self.y.iter().copied())
    }
}

/// Linear interpolation over ascending `x`, constant beyond its ends; NaN for NaN or no points.
pub(crate) fn interpolate(x: &[f64], y: &[f64], at: f64) -> f64 {
    let above = x.partition_point(|&knot| knot < at);
    match (above.checked_sub(1), x.get(above)) {
        _ if at.is_nan() => f64::NAN,
        (None, None) => f64::NAN,
        (None, Some(_)) => y[0],
        (Some(below), None) => y[below],
        (Some(below), Some(_)) => {
            let share = (at - x[below]) / (x[above] - x[below]);
            y[below] + share * (y[above] - y[below])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_cannot_be_fitted() {
        assert_eq!(fit(&[], &[], &[]), Err(IsotonicError::Empty));
        assert_eq!(
            fit(&[1.0], &[], &[]),
            Err(IsotonicError::Lengths {
                x: 1,
                y: 0,
                weights: 0
            })
        );
        assert_eq!(
            fit(&[1.0], &[f64::NAN], &[1.0]),
            Err(IsotonicError::Point { index: 0 })
        );
        assert_eq!(
            fit(&[1.0], &[1.0], &[0.0]),
            Err(IsotonicError::Point { index: 0 })
        );
    }

    #[test]
    fn a_map_survives_json() {
        let map = fit(&[0.1, 0.2, 0.3], &[0.0, 1.0, 0.5], &[1.0; 3]).unwrap();
        let json = serde_json::to_string(&map).unwrap();
        assert_eq!(serde_json::from_str::<Isotonic>(&json).unwrap(), map);
        for damaged in [
            r#"{"x":[],"y":[]}"#,
            r#"{"x":[1],"y":[]}"#,
            r#"{"x":[2,1],"y":[0,1]}"#,
            r#"{"x":[1,2],"y":[1,0]}"#,
        ] {
            assert!(
                serde_json::from_str::<Isotonic>(damaged).is_err(),
                "{damaged}"
            );
        }
    }

    proptest! {
        #[test]
        fn maps_rise_and_keep_the_mean(points in prop::collection::vec((0u32..30, 0.0f64..1.0, 0.1f64..2.0), 1..50)) {
            let x: Vec<f64> = points.iter().map(|p| f64::from(p.0)).collect();
            let y: Vec<f64> = points.iter().map(|p| p.1).collect();
            let w: Vec<f64> = points.iter().map(|p| p.2).collect();
            let map = fit(&x, &y, &w).unwrap();
            let line: Vec<f64> = (-2..32).map(|x| map.predict(f64::from(x))).collect();
            prop_assert!(line.windows(2).all(|pair| pair[0] <= pair[1] + 1e-12));
            let fitted: f64 = x.iter().zip(&w).map(|(&x, w)| w * map.predict(x)).sum();
            let given: f64 = y.iter().zip(&w).map(|(y, w)| w * y).sum();
            prop_assert!((fitted - given).abs() < 1e-9);
        }

        #[test]
        fn counts_and_weights_pool_alike(cells in prop::collection::vec((1u64..20, 0.0f64..=1.0), 1..30)) {
            let cells: Vec<(u64, u64)> = cells.iter().map(|&(n, p)| (n, (n as f64 * p) as u64)).collect();
            let mut pool = Pool::default();
            cells.iter().for_each(|&(n, k)| pool.push(n, k));
            let x: Vec<f64> = (0..cells.len()).map(|at| at as f64).collect();
            let y: Vec<f64> = cells.iter().map(|&(n, k)| k as f64 / n as f64).collect();
            let w: Vec<f64> = cells.iter().map(|&(n, _)| n as f64).collect();
            let map = fit(&x, &y, &w).unwrap();
            let mut start = 0;
            for block in pool.blocks() {
                for at in start..block.end {
                    prop_assert!((map.predict(at as f64) - block.accuracy()).abs() < 1e-9);
                }
                start = block.end;
            }
        }
    }
}
