//! Maps from a stated confidence to the probability that it deserves, fitted on answers whose
//! correctness is known (the dev split) and applied to others.
//!
//! With z = logit(c), c clipped to [`CLIP`]:
//!
//! ```text
//! temperature (Guo et al. 2017)        σ(z / T)
//! platt (Platt 1999)                   σ(a z + b)
//! isotonic (Zadrozny & Elkan 2002)     the rising map of least squared error at the confidences that
//!                                      were fitted, linear between them, constant beyond
//! ```
//!
//! The first two minimise the log loss towards Platt's targets, (n₁ + 1)/(n₁ + 2) for a right answer
//! and 1/(n₀ + 2) for a wrong one, so that data that can be told apart have a finite fit.

use crate::isotonic::{self, Isotonic};
use crate::tally::Row;
use serde::{Deserialize, Serialize};

/// Confidences are clipped to this range before their logit is taken.
pub const CLIP: [f64; 2] = [0.01, 0.99];

/// The families of maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// One factor on the logit.
    Temperature,
    /// A factor and an offset on the logit.
    Platt,
    /// The best map that never falls.
    Isotonic,
}

/// A fitted map.
///
/// ```
/// use calibration::recalibrate::{Family, fit};
/// // Always sure, right half of the time.
/// let rows: Vec<_> = [(1.0, true), (1.0, false)].map(Into::into).into();
/// let map = fit(Family::Platt, &rows)?;
/// assert!((map.apply(1.0) - 0.5).abs() < 1e-9);
/// # Ok::<(), calibration::recalibrate::RecalibrationError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "family", rename_all = "kebab-case")]
pub enum Recalibration {
    Temperature {
        /// Above 0; above 1 draws towards one half.
        temperature: f64,
    },
    Platt {
        slope: f64,
        intercept: f64,
    },
    Isotonic {
        map: Isotonic,
    },
}

/// What cannot be fitted.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RecalibrationError {
    #[error("there are no answers to fit a recalibration on")]
    Empty,
    /// `row` counts from 0.
    #[error("row {row}: found confidence {found}, expected a probability from 0 to 1")]
    Confidence { row: usize, found: f64 },
}

/// The map of `family` that suits `rows` best.
///
/// # Errors
/// Where there are no rows, or a confidence is no probability.
pub fn fit(family: Family, rows: &[Row]) -> Result<Recalibration, RecalibrationError> {
    if rows.is_empty() {
        return Err(RecalibrationError::Empty);
    }
    if let Some(row) = rows
        .iter()
        .position(|row| !(0.0..=1.0).contains(&row.confidence))
    {
        return Err(RecalibrationError::Confidence {
            row,
            found: rows[row].confidence,
        });
    }
    Ok(match family {
        Family::Temperature => Recalibration::Temperature {
            temperature: temperature(&Logits::of(rows)),
        },
        Family::Platt => {
            let (slope, intercept) = platt(&Logits::of(rows));
            Recalibration::Platt { slope, intercept }
        }
        Family::Isotonic => {
            let x: Vec<f64> = rows.iter().map(|row| row.confidence).collect();
            let y: Vec<f64> = rows
                .iter()
                .map(|row| f64::from(u8::from(row.correct)))
                .collect();
            let map = isotonic::fit(&x, &y, &vec![1.0; rows.len()]);
            // Rows were checked above.
            let map = map.map_err(|_| RecalibrationError::Empty)?;
            Recalibration::Isotonic { map }
        }
    })
}

impl Recalibration {
    /// Which of the families it is of.
    #[must_use]
    pub fn family(&self) -> Family {
        match self {
            Recalibration::Temperature { .. } => Family::Temperature,
            Recalibration::Platt { .. } => Family::Platt,
            Recalibration::Isotonic { .. } => Family::Isotonic,
        }
    }

    /// The recalibrated probability of a confidence in 0..=1, in 0..=1.
    #[must_use]
    pub fn apply(&self, confidence: f64) -> f64 {
        match self {
            Recalibration::Temperature { temperature } => sigmoid(logit(confidence) / temperature),
            Recalibration::Platt { slope, intercept } => {
                sigmoid(slope * logit(confidence) + intercept)
            }
            Recalibration::Isotonic { map } => map.predict(confidence).clamp(0.0, 1.0),
        }
    }
}

fn logit(confidence: f64) -> f64 {
    let clipped = confidence.clamp(CLIP[0], CLIP[1]);
    (clipped / (1.0 - clipped)).ln()
}

fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

/// Logits with Platt's targets.
struct Logits {
    /// (logit, target)
    points: Vec<(f64, f64)>,
}

impl Logits {
    fn of(rows: &[Row]) -> Logits {
        let right = rows.iter().filter(|row| row.correct).count() as f64;
        let wrong = rows.len() as f64 - right;
        let (high, low) = ((right + 1.0) / (right + 2.0), 1.0 / (wrong + 2.0));
        let target = |row: &Row| if row.correct { high } else { low };
        Logits {
            points: rows
                .iter()
                .map(|row| (logit(row.confidence), target(row)))
                .collect(),
        }
    }

    /// Gradient and Hessian of the log loss in (slope, intercept).
    fn derivatives(&self, slope: f64, intercept: f64) -> ([f64; 2], [f64; 3]) {
        let (mut gradient, mut hessian) = ([0.0; 2], [0.0; 3]);
        for &(z, target) in &self.points {
            let p = sigmoid(slope * z + intercept);
            let (error, weight) = (p - target, p * (1.0 - p));
            gradient[0] += error * z;
            gradient[1] += error;
            hessian[0] += weight * z * z;
            hessian[1] += weight * z;
            hessian[2] += weight;
        }
        (gradient, hessian)
    }

    fn loss(&self, slope: f64, intercept: f64) -> f64 {
        let one = |&(z, target): &(f64, f64)| {
            let score = slope * z + intercept;
            // ln(1 + e^score) − target · score, without overflow.
            score.max(0.0) + (-score.abs()).exp().ln_1p() - target * score
        };
        self.points.iter().map(one).sum()
    }
}

/// Slopes that a temperature is sought between: 1 / T.
const SLOPES: [f64; 2] = [1e-3, 1e3];

/// The derivative of the loss rises with the slope, so that its root is found by halving.
fn temperature(logits: &Logits) -> f64 {
    let [mut low, mut high] = SLOPES.map(f64::ln);
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        let (gradient, _) = logits.derivatives(middle.exp(), 0.0);
        if gradient[0] < 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    (-0.5 * (low + high)).exp()
}

/// Newton's method, with steps that are halved until the loss falls. Where all confidences are equal
/// only the intercept has a meaning, and the slope is 0.
fn platt(logits: &Logits) -> (f64, f64) {
    let first = logits.points[0].0;
    let varies = logits.points.iter().any(|point| point.0 != first);
    let (mut slope, mut intercept) = (0.0, 0.0);
    for _ in 0..100 {
        let ([g0, g1], [h00, h01, h11]) = logits.derivatives(slope, intercept);
        let determinant = h00 * h11 - h01 * h01;
        let step = match varies {
            true => (
                (h11 * g0 - h01 * g1) / determinant,
                (h00 * g1 - h01 * g0) / determinant,
            ),
            false => (0.0, g1 / h11),
        };
        let before = logits.loss(slope, intercept);
        let mut size = 1.0;
        while size > 1e-9 && logits.loss(slope - size * step.0, intercept - size * step.1) > before
        {
            size *= 0.5;
        }
        slope -= size * step.0;
        intercept -= size * step.1;
        if (step.0.abs() + step.1.abs()) * size < 1e-13 {
            break;
        }
    }
    (slope, intercept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rows(pairs: &[(f64, bool)]) -> Vec<Row> {
        pairs.iter().copied().map(Row::from).collect()
    }

    #[test]
    fn what_cannot_be_fitted() {
        assert_eq!(fit(Family::Platt, &[]), Err(RecalibrationError::Empty));
        let error = fit(Family::Isotonic, &rows(&[(0.5, true), (1.5, false)])).unwrap_err();
        assert!(error.to_string().starts_with("row 1: found confidence 1.5"));
    }

    #[test]
    fn data_that_can_be_told_apart_have_a_finite_fit() {
        let rows = rows(&[(0.1, false), (0.2, false), (0.9, true)]);
        for family in [Family::Temperature, Family::Platt, Family::Isotonic] {
            let map = fit(family, &rows).unwrap();
            assert!(map.apply(0.9) > map.apply(0.1) && map.apply(0.0).is_finite());
        }
    }

    #[test]
    fn isotonic_is_linear_between_its_knots() {
        let map = fit(Family::Isotonic, &rows(&[(0.25, false), (0.75, true)])).unwrap();
        let found = [0.0, 0.375, 0.5, 1.0].map(|confidence| map.apply(confidence));
        assert_eq!(found, [0.0, 0.25, 0.5, 1.0]);
    }

    #[test]
    fn a_map_survives_json() {
        let rows = rows(&[(0.2, false), (0.6, true), (0.8, false), (0.9, true)]);
        for family in [Family::Temperature, Family::Platt, Family::Isotonic] {
            let map = fit(family, &rows).unwrap();
            let json = serde_json::to_string(&map).unwrap();
            assert_eq!(serde_json::from_str::<Recalibration>(&json).unwrap(), map);
        }
    }

    proptest! {
        #[test]
        fn maps_give_probabilities_and_platt_keeps_the_mean(
            pairs in prop::collection::vec((0u32..=10, any::<bool>()), 1..60)
        ) {
            let rows: Vec<Row> = pairs
                .iter()
                .map(|&(level, correct)| Row::from((f64::from(level) / 10.0, correct)))
                .collect();
            for family in [Family::Temperature, Family::Platt, Family::Isotonic] {
                let map = fit(family, &rows).unwrap();
                for step in 0..=20 {
                    let p = map.apply(f64::from(step) / 20.0);
                    prop_assert!((0.0..=1.0).contains(&p));
                }
            }
            // The intercept's gradient is 0 at the fit.
            let map = fit(Family::Platt, &rows).unwrap();
            let targets: f64 = Logits::of(&rows).points.iter().map(|point| point.1).sum();
            let fitted: f64 = rows.iter().map(|row| map.apply(row.confidence)).sum();
            prop_assert!((targets - fitted).abs() < 1e-6 * rows.len() as f64);
        }
    }
}
