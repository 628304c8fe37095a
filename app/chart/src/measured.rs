//! Outcomes with their CORP curve and consistency band, computed once for each set of points.

use crate::outcomes::{Outcomes, ten_thousandths};
use calibration::corp::{self, Corp};
use calibration::recalibrate::Recalibration;
use calibration::tally::Tally;
use calibration::{Row, smece};
use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex};

/// Evaluations that are remembered; the 1,000 resamples of a band take longer than the rest of the
/// page.
const REMEMBERED_MAX: usize = 256;

/// An evaluation as the charts need it, with what chance alone would show.
#[derive(Clone, Debug)]
pub struct Measured {
    pub outcomes: Outcomes,
    /// P(MCB at least this large) for a model that can be taken at its word.
    pub p_value: Option<f64>,
    /// The ECE that such a model would show at this n: mean and 95th percentile.
    pub null_ece: Option<(f64, f64)>,
}

static REMEMBERED: Mutex<Option<HashMap<u64, Arc<Measured>>>> = Mutex::new(None);

/// Measures `points` (confidence 0..=1, correct).
pub fn measured(label: &str, points: &[(f64, bool)]) -> Arc<Measured> {
    let key = key(label, points);
    let remembered = REMEMBERED
        .lock()
        .ok()
        .and_then(|held| held.as_ref()?.get(&key).cloned());
    if let Some(found) = remembered {
        return found;
    }
    let fresh = Arc::new(measure(label, points));
    if let Ok(mut held) = REMEMBERED.lock() {
        let map = held.get_or_insert_default();
        if map.len() >= REMEMBERED_MAX {
            map.clear();
        }
        map.insert(key, Arc::clone(&fresh));
    }
    fresh
}

fn key(label: &str, points: &[(f64, bool)]) -> u64 {
    let mut hasher = DefaultHasher::new();
    label.hash(&mut hasher);
    for (confidence, correct) in points {
        (confidence.to_bits(), correct).hash(&mut hasher);
    }
    hasher.finish()
}

fn measure(label: &str, points: &[(f64, bool)]) -> Measured {
    let rows: Vec<Row> = points.iter().map(|&point| Row::from(point)).collect();
    let mut outcomes = Outcomes::new(label, points);
    // There is no curve of no rows, nor of rows that are no probabilities: the diagram stays empty.
    let Ok(corp) = corp::diagram(&rows, corp::Options::default()) else {
        return Measured {
            outcomes,
            p_value: None,
            null_ece: None,
        };
    };
    let Corp {
        curve,
        band,
        mcb_p_value,
        null_ece,
        null_ece_95,
        ..
    } = corp;
    outcomes.curve = thinned(
        curve
            .iter()
            .map(|&(x, y)| (ten_thousandths(x), ten_thousandths(y)))
            .collect(),
    );
    outcomes.band = thinned(
        band.iter()
            .map(|&(x, low, high)| {
                (
                    ten_thousandths(x),
                    ten_thousandths(low),
                    ten_thousandths(high),
                )
            })
            .collect(),
    );
    if let Ok(tally) = Tally::of(&rows) {
        let smooth = smece::curve(&tally);
        outcomes.smooth_width = ten_thousandths(smooth.error.sigma);
        outcomes.smooth = smooth
            .places
            .iter()
            .map(|place| {
                (
                    ten_thousandths(place.confidence),
                    ten_thousandths(place.accuracy),
                    ten_thousandths(place.low),
                    ten_thousandths(place.high),
                )
            })
            .collect();
    }
    Measured {
        outcomes,
        p_value: Some(mcb_p_value),
        null_ece: Some((null_ece, null_ece_95)),
    }
}

/// The CORP curve of the same answers once their confidences went through `map`: (confidence, share
/// right), ten-thousandths; empty where there is none.
pub fn recalibrated(map: &Recalibration, points: &[(f64, bool)]) -> Vec<(u32, u32)> {
    let rows: Vec<Row> = points
        .iter()
        .filter(|(confidence, _)| (0.0..=1.0).contains(confidence))
        .map(|&(confidence, correct)| Row::from((map.apply(confidence), correct)))
        .collect();
    // The curve alone: what chance would show is drawn about the stated confidences.
    let options = corp::Options {
        resamples: 1,
        ..corp::Options::default()
    };
    let Ok(Corp { curve, .. }) = corp::diagram(&rows, options) else {
        return Vec::new();
    };
    let places = curve
        .iter()
        .map(|&(x, y)| (ten_thousandths(x), ten_thousandths(y)));
    thinned(places.collect())
}

/// Places on a curve that a page carries at most: more cannot be told apart in a diagram 424 pixels
/// wide.
const PLACES_MAX: usize = 200;

/// Every k-th place, the last one always.
fn thinned<T: Copy>(places: Vec<T>) -> Vec<T> {
    if places.len() <= PLACES_MAX {
        return places;
    }
    let step = places.len().div_ceil(PLACES_MAX);
    let last = places.len() - 1;
    places
        .iter()
        .enumerate()
        .filter(|(index, _)| index % step == 0 || *index == last)
        .map(|(_, place)| *place)
        .collect()
}
