//! What the charts of a Run page are drawn from.

use crate::chart::measured::{Measured, measured, recalibrated};
use crate::chart::{Outcomes, curves::Curve};
use crate::view::{Evaluation, RunDetail};
use calibration::recalibrate::Recalibration;
use serde::Deserialize;
use std::sync::Arc;

/// Evaluations drawn over one another.
const SHOWN_MAX: usize = 2;

/// The evaluations to draw, at most two. What points beyond the lists is left out.
pub fn shown(detail: &RunDetail) -> Vec<Arc<Measured>> {
    let pick = |&index: &usize| {
        let evaluation = detail.evaluations.get(index)?;
        Some(measured(&evaluation.label, detail.points.get(index)?))
    };
    let shown = detail.shown.iter().filter_map(pick);
    shown.take(SHOWN_MAX).collect()
}

/// The outcomes of what is drawn, each with its curve after a saved recalibration where there is one.
pub fn outcomes(detail: &RunDetail) -> Vec<Outcomes> {
    let pick = |&index: &usize| {
        let evaluation = detail.evaluations.get(index)?;
        let points = detail.points.get(index)?;
        let mut outcomes = measured(&evaluation.label, points).outcomes.clone();
        if let Some(map) = saved_recalibration(evaluation) {
            outcomes.recalibrated = recalibrated(&map, points);
        }
        Some(outcomes)
    };
    let outcomes = detail.shown.iter().filter_map(pick);
    outcomes.take(SHOWN_MAX).collect()
}

/// The map that was fitted on the dev questions and saved with an evaluation.
pub fn saved_recalibration(evaluation: &Evaluation) -> Option<Recalibration> {
    let map = evaluation.metrics.get("recalibrated")?.get("map")?;
    Recalibration::deserialize(map).ok()
}

/// The run's learning curves.
pub fn curves(detail: &RunDetail) -> Vec<Curve> {
    let curves = detail.directory.curves.iter();
    curves.map(|curve| curve.curve()).collect()
}
