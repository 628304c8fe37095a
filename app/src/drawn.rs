//! What the charts of a page are drawn from: here those of a Run and of a Question page.

pub mod agreed;
pub mod compared;
pub mod groups;

use crate::chart::cluster_counts::ClusterCounts;
use crate::chart::measured::{Measured, measured, recalibrated};
use crate::chart::{Outcomes, curves::Curve};
use crate::regroup::Sampled;
use crate::view::{Evaluation, QuestionDetail, RunDetail};
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

/// The chart of a Question page, as addresses write it.
pub const CLUSTER_COUNTS: &str = "cluster-counts";

/// How many clusters there are at each threshold; `None` where there is none to move.
pub fn cluster_counts(detail: &QuestionDetail, sampled: &Sampled) -> Option<ClusterCounts> {
    let stored = detail.clustering.threshold?;
    sampled.has_heights().then(|| ClusterCounts {
        samples: sampled.samples.len() as u32,
        steps: sampled.counts(),
        stored,
        chosen: detail.threshold.filter(|chosen| *chosen != stored),
    })
}
