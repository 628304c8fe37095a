//! Agreement, correlation and corrected means against the peers (tests/golden/agreement).

use calibration::faithfulness::agreement::{Level, alpha};
use calibration::faithfulness::{corrected, correlation};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Golden {
    alphas: Vec<Ratings>,
    pairs: Vec<Pairs>,
    corrected: Vec<Judged>,
}

#[derive(Deserialize)]
struct Ratings {
    ratings: Vec<Vec<Option<f64>>>,
    alpha: BTreeMap<String, f64>,
}

#[derive(Deserialize)]
struct Pairs {
    a: Vec<f64>,
    b: Vec<f64>,
    pearson: f64,
    spearman: f64,
}

#[derive(Deserialize)]
struct Judged {
    judged: Vec<f64>,
    rated: Vec<(f64, f64)>,
    mean: f64,
    ci: [f64; 2],
}

fn golden() -> Golden {
    let text = include_str!("../../../tests/golden/agreement/agreement.json");
    serde_json::from_str(text).expect("the golden file is sound")
}

fn assert_close(what: &str, found: Option<f64>, expected: f64) {
    let found = found.unwrap_or(f64::NAN);
    assert!(
        (found - expected).abs() < 1e-9,
        "{what}: found {found}, expected {expected}"
    );
}

#[test]
fn alpha_is_that_of_the_peer() {
    for set in golden().alphas {
        let items: Vec<Vec<f64>> = set
            .ratings
            .into_iter()
            .map(|row| row.into_iter().flatten().collect())
            .collect();
        for (name, level) in Level::ALL {
            assert_close(name, alpha(&items, level), set.alpha[name]);
        }
    }
}

#[test]
fn correlations_are_scipys() {
    for set in golden().pairs {
        let pairs: Vec<(f64, f64)> = set.a.into_iter().zip(set.b).collect();
        assert_close("Pearson", correlation::pearson(&pairs), set.pearson);
        assert_close("Spearman", correlation::spearman(&pairs), set.spearman);
    }
}

#[test]
fn a_judges_mean_is_corrected_as_prediction_powered_inference_has_it() {
    for set in golden().corrected {
        let found = corrected::mean(&set.judged, &set.rated);
        assert_close("mean", found.map(|found| found.mean), set.mean);
        for end in [0, 1] {
            assert_close("interval", found.map(|found| found.ci[end]), set.ci[end]);
        }
    }
}
