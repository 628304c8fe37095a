//! Agreement among annotators and rankings from their comparisons against the peers
//! (tests/golden/agreement/people.py).

use calibration::faithfulness::agreement::{Level, alpha};
use calibration::faithfulness::bradley_terry::{Comparison, Outcome, strengths};
use calibration::faithfulness::cohen::{self, Weighting};
use calibration::faithfulness::fleiss;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Golden {
    two: Vec<Two>,
    many: Vec<Many>,
    choices: Vec<Choices>,
    comparisons: Vec<Comparisons>,
}

#[derive(Deserialize)]
struct Two {
    pairs: Vec<(u8, u8)>,
    kappa: BTreeMap<String, f64>,
}

#[derive(Deserialize)]
struct Many {
    ratings: Vec<Vec<Option<u8>>>,
    fleiss: f64,
    alpha_nominal: f64,
}

#[derive(Deserialize)]
struct Choices {
    ratings: Vec<Vec<u8>>,
    alpha_nominal: f64,
}

#[derive(Deserialize)]
struct Comparisons {
    methods: usize,
    comparisons: Vec<(usize, usize, String)>,
    strengths: Vec<f64>,
}

fn golden() -> Golden {
    let text = include_str!("../../../tests/golden/agreement/people.json");
    serde_json::from_str(text).expect("the golden file is sound")
}

fn assert_close(what: &str, found: Option<f64>, expected: f64, within: f64) {
    let found = found.unwrap_or(f64::NAN);
    assert!(
        (found - expected).abs() < within,
        "{what}: found {found}, expected {expected}"
    );
}

fn numbers(items: &[Vec<u8>]) -> Vec<Vec<f64>> {
    let of_item = |ratings: &Vec<u8>| ratings.iter().map(|rating| f64::from(*rating)).collect();
    items.iter().map(of_item).collect()
}

#[test]
fn cohens_kappa_is_scikit_learns() {
    for set in golden().two {
        for (name, weighting) in Weighting::ALL {
            let found = cohen::kappa(&set.pairs, weighting);
            assert_close(name, found, set.kappa[name], 1e-9);
        }
    }
}

#[test]
fn fleiss_kappa_is_irr_cacs_and_alpha_krippendorffs() {
    for set in golden().many {
        let items: Vec<Vec<u8>> = set
            .ratings
            .into_iter()
            .map(|row| row.into_iter().flatten().collect())
            .collect();
        assert_close("Fleiss", fleiss::kappa(&items), set.fleiss, 1e-9);
        let found = alpha(&numbers(&items), Level::Nominal);
        assert_close("alpha", found, set.alpha_nominal, 1e-9);
    }
    for set in golden().choices {
        let found = alpha(&numbers(&set.ratings), Level::Nominal);
        assert_close("alpha of choices", found, set.alpha_nominal, 1e-9);
    }
}

#[test]
fn strengths_are_choixs() {
    for set in golden().comparisons {
        let items: Vec<[Comparison; 1]> = set
            .comparisons
            .into_iter()
            .map(|(first, second, outcome)| {
                let outcome = match outcome.as_str() {
                    "first" => Outcome::First,
                    "second" => Outcome::Second,
                    _ => Outcome::Tie,
                };
                [Comparison {
                    first,
                    second,
                    outcome,
                }]
            })
            .collect();
        let found = strengths(set.methods, &items, 0.0).expect("they are connected");
        for (found, expected) in found.into_iter().zip(set.strengths) {
            assert_close("strength", Some(found), expected, 1e-6);
        }
    }
}
