//! Intervals: do they cover the truth as often as they say?

#![allow(clippy::unwrap_used, reason = "a failed test helper is a failed test")]

use calibration::metrics::{Binning, MEASURES, Measurement, MetricsError, Options, Row, evaluate};
use calibration::random::Random;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Rows at ten levels, right with probability c + gap(c) (ece .055).
fn draw(n: usize, random: &mut Random) -> Vec<Row> {
    (0..n)
        .map(|_| {
            let c = f64::from(random.below(10) + 1) / 10.0;
            Row::from((c, random.uniform() < truth(c)))
        })
        .collect()
}

/// Overconfident: by .055 on average.
fn truth(c: f64) -> f64 {
    c - 0.1 * c
}

#[test]
fn intervals_cover_the_truth() {
    const SIMULATIONS: usize = 300;
    // 95% is meant. Of what is bounded at 0 basic intervals reach 83-95%, percentile ones 12-72%.
    let least = BTreeMap::from([
        ("ece_10", 0.80),
        ("debiased_l2_equal_mass_15", 0.88),
        ("smece", 0.80),
        ("mcb", 0.80),
        ("accuracy", 0.91),
        ("brier", 0.91),
        ("auroc", 0.91),
        ("augrc", 0.91),
        ("log_score", 0.91),
        ("mae_sayself", 0.91),
    ]);
    // So many rows that chance no longer shows.
    let options = Options {
        binning: Binning::Levels,
        ..Options::default()
    };
    let population = evaluate(&draw(2_000_000, &mut Random::new(6)), options).unwrap();
    let truth: BTreeMap<&str, f64> = population
        .values()
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect();
    let mut random = Random::new(7);
    let mut covered: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in 0..SIMULATIONS {
        let options = Options {
            binning: Binning::Levels,
            bootstraps: 200,
            seed: seed as u64,
        };
        let metrics = evaluate(&draw(300, &mut random), options).unwrap();
        for &name in least.keys() {
            let [low, high] = metrics.intervals[name].unwrap();
            *covered.entry(name).or_default() += usize::from((low..=high).contains(&truth[name]));
        }
    }
    for (name, count) in covered {
        let share = count as f64 / SIMULATIONS as f64;
        println!("{name}: {share:.3}");
        assert!(
            share >= least[name],
            "{name}: covered {share}, expected at least {}",
            least[name]
        );
    }
}

/// Each entity has five questions that are right or wrong together: the interval must be as wide as
/// for a fifth of the rows, some √5 times the naive one.
#[test]
fn groups_widen_intervals() {
    let mut random = Random::new(8);
    let rows: Vec<Row> = (0..200)
        .flat_map(|entity| {
            let c = f64::from(random.below(10) + 1) / 10.0;
            let row = Row {
                confidence: c,
                correct: random.uniform() < c,
                group: Some(entity),
                template: None,
            };
            [row; 5]
        })
        .collect();
    let alone: Vec<Row> = rows
        .iter()
        .map(|row| Row {
            group: None,
            ..*row
        })
        .collect();
    for binning in [Binning::Levels, Binning::Continuous] {
        let options = Options {
            binning,
            bootstraps: 400,
            seed: 1,
        };
        let width = |rows: &[Row], name: &str| {
            let [low, high] = evaluate(rows, options).unwrap().intervals[name].unwrap();
            high - low
        };
        for name in ["accuracy", "auroc", "brier"] {
            let ratio = width(&rows, name) / width(&alone, name);
            assert!((1.9..2.6).contains(&ratio), "{name}: {ratio}");
        }
    }
}

/// Compares the intervals with those of drawing rows one by one: their ends lie within this share of
/// the interval's width.
#[track_caller]
fn assert_intervals_as_by_rows(rows: &[Row], options: Options, share: f64) {
    let by_counts = evaluate(rows, options).unwrap();
    // One pair in a group makes the resampler draw rows.
    let mut grouped = rows.to_vec();
    grouped[0].group = Some(1);
    grouped[1].group = Some(1);
    let by_rows = evaluate(&grouped, options).unwrap();
    for (name, _) in MEASURES {
        let (a, b) = (
            by_counts.intervals[name].unwrap(),
            by_rows.intervals[name].unwrap(),
        );
        let width = (a[1] - a[0]).min(b[1] - b[0]);
        assert!(
            (0..2).all(|end| (a[end] - b[end]).abs() < share * width),
            "{name}: {a:?} {b:?}"
        );
    }
}

/// Drawing counts by level and drawing rows one by one are the same bootstrap.
#[test]
fn counts_and_rows_give_the_same_intervals() {
    let rows = draw(500, &mut Random::new(9));
    let options = Options {
        binning: Binning::Levels,
        bootstraps: 2_000,
        seed: 3,
    };
    assert_intervals_as_by_rows(&rows, options, 0.15);
}

/// Many distinct values are merged, and counts are drawn for them: the same intervals as drawing rows.
#[test]
fn merged_values_and_rows_give_the_same_intervals() {
    let mut random = Random::new(12);
    let rows: Vec<Row> = (0..3_000)
        .map(|_| {
            let c = random.uniform();
            Row::from((c, random.uniform() < truth(c)))
        })
        .collect();
    let options = Options {
        binning: Binning::Continuous,
        bootstraps: 1_000,
        seed: 4,
    };
    assert_intervals_as_by_rows(&rows, options, 0.2);
}

#[test]
fn the_same_seed_gives_the_same_numbers() {
    let rows = draw(200, &mut Random::new(10));
    let of = |seed| {
        evaluate(
            &rows,
            Options {
                bootstraps: 50,
                seed,
                ..Options::default()
            },
        )
        .unwrap()
    };
    assert_eq!(of(1), of(1));
    assert_ne!(of(1), of(2));
}

#[test]
fn bad_rows_are_named() {
    let good = Row::from((0.5, true));
    assert_eq!(evaluate(&[], Options::default()), Err(MetricsError::Empty));
    for found in [f64::INFINITY, -0.01, 1.01] {
        let error = evaluate(&[good, (found, true).into()], Options::default()).unwrap_err();
        assert_eq!(error, MetricsError::Confidence { row: 1, found });
    }
    let error = evaluate(&[(f64::NAN, true).into()], Options::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "row 0: found confidence NaN, expected a probability from 0 to 1"
    );
}

#[test]
fn json_has_the_contracts_names() {
    let rows = draw(100, &mut Random::new(11));
    let keys = |bootstraps| {
        let metrics = evaluate(
            &rows,
            Options {
                bootstraps,
                ..Options::default()
            },
        )
        .unwrap();
        serde_json::to_value(metrics)
            .unwrap()
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    let contract = "n, mode, accuracy, ece_10, ece_15, ece_equal_mass_15, debiased_l2_equal_mass_15, \
        ece_sweep, smece, smece_sigma, brier, mcb, dsc, unc, auroc, aurc, augrc, log_score, \
        log_score_clip, mae_sayself";
    let mut expected: Vec<String> = contract.split(", ").map(str::to_owned).collect();
    expected.sort();
    assert_eq!(keys(0), expected);
    expected.extend(MEASURES.map(|(name, _)| format!("{name}_ci")));
    expected.push("ci_method".into());
    expected.sort();
    assert_eq!(keys(20), expected);
}

#[test]
fn one_class_has_no_auroc() {
    let rows: Vec<Row> = (1..=10)
        .map(|k| (f64::from(k) / 10.0, true).into())
        .collect();
    let metrics = evaluate(
        &rows,
        Options {
            bootstraps: 20,
            ..Options::default()
        },
    )
    .unwrap();
    assert_eq!((metrics.auroc, metrics.intervals["auroc"]), (None, None));
    let json = serde_json::to_value(&metrics).unwrap();
    assert!(json["auroc"].is_null() && json["auroc_ci"].is_null());
    assert!(
        metrics
            .values()
            .iter()
            .all(|(name, value)| value.is_some_and(f64::is_finite) || *name == "auroc")
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn measures_stay_in_their_range(
        rows in prop::collection::vec((0.0f64..=1.0, any::<bool>(), prop::option::of(0u32..5)), 1..40),
        levels in prop::option::of(1u32..12),
    ) {
        let round = |c: f64| levels.map_or(c, |levels| (c * f64::from(levels)).round() / f64::from(levels));
        let rows: Vec<Row> =
            rows.iter().map(|&(c, correct, group)| Row { confidence: round(c), correct, group, template: None }).collect();
        for binning in [Binning::Auto, Binning::Levels, Binning::Continuous] {
            let metrics = evaluate(&rows, Options { binning, bootstraps: 3, seed: 1 }).unwrap();
            for (name, value) in metrics.values() {
                let highest = if name == "log_score" { 4.61 } else { 1.0 + 1e-9 };
                prop_assert!(value.is_none_or(|value| (0.0..=highest).contains(&value)), "{} {:?}", name, value);
                if let Some([low, high]) = metrics.intervals[name] {
                    prop_assert!(low <= high && low.is_finite() && high.is_finite(), "{} {} {}", name, low, high);
                }
            }
        }
    }
}

/// By counts, by merged values, and by groups: however many steps are taken, the resamples are the
/// same.
#[test]
fn intervals_made_in_steps_are_those_made_at_once() {
    let rows = |values: u32, groups: bool| -> Vec<Row> {
        (0..3_000_u32)
            .map(|at| Row {
                confidence: f64::from(at * 7_919 % values) / f64::from(values),
                correct: at * 104_729 % 5 < 3,
                group: groups.then_some(at / 3),
                template: None,
            })
            .collect()
    };
    for (values, groups) in [(10, false), (2_000, false), (10, true), (200, false)] {
        let rows = rows(values, groups);
        let options = Options {
            bootstraps: 130,
            ..Options::default()
        };
        let at_once = evaluate(&rows, options).unwrap();
        let mut measurement = Measurement::new(&rows, Binning::Auto, options.seed).unwrap();
        for bootstraps in [20, 70, 70, 130] {
            measurement.advance_to(bootstraps);
            assert_eq!(measurement.resamples(), bootstraps);
        }
        assert_eq!(measurement.metrics(), at_once, "{values} values");
    }
}
