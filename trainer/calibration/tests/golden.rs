//! Measures against a golden table and against the peers (tests/golden/calibration).

use calibration::metrics::{Binning, Metrics, Mode, Options, Row, evaluate};
use calibration::recalibrate::{Recalibration, fit};
use calibration::{compare, ece, isotonic, recalibrate};
use serde::Deserialize;
use std::collections::BTreeMap;

/// smECE is read off a grid and a bisection: 1e-6; all else 1e-9.
fn assert_close(what: &str, name: &str, found: f64, expected: f64) {
    let tolerance = if name == "smece" { 1e-6 } else { 1e-9 };
    assert!(
        (found - expected).abs() <= tolerance,
        "{what}, {name}: found {found}, expected {expected}"
    );
}

fn value(metrics: &Metrics, name: &str) -> Option<f64> {
    match name {
        "smece_sigma" => Some(metrics.smece_sigma),
        _ => {
            metrics
                .values()
                .into_iter()
                .find(|value| value.0 == name)
                .expect("a measure's name")
                .1
        }
    }
}

/// The golden fixture: 1,000 rows of a linear congruential generator, seed 42.
fn fixture(confidence: impl Fn(f64) -> f64) -> Vec<Row> {
    let mut state = 42u64;
    let mut draw = || {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    (0..1000)
        .map(|_| {
            let (u, v) = (draw(), draw());
            let c = confidence(u);
            Row::from((c, v < 0.2 + 0.6 * c))
        })
        .collect()
}

#[test]
fn golden_table() {
    let discrete = evaluate(&fixture(|u| (11.0 * u).floor() / 10.0), Options::default()).unwrap();
    let continuous = evaluate(&fixture(|u| u), Options::default()).unwrap();
    assert_eq!(
        (discrete.mode, continuous.mode),
        (Mode::Levels, Mode::Continuous)
    );
    let table = [
        ("ece_10", 0.1127, 0.104942575658),
        ("ece_15", 0.1127, 0.109611635383),
        ("ece_equal_mass_15", 0.1127, 0.111863493246),
        ("debiased_l2_equal_mass_15", 0.111963559623, 0.11163239843),
        ("ece_sweep", 0.1127, 0.106452937756),
        ("smece", 0.100171009624, 0.0986192627062),
        ("smece_sigma", 0.1005859375, 0.099609375),
        ("brier", 0.21983, 0.228491712263),
        ("mcb", 0.0148223541862, 0.0173859447231),
        ("dsc", 0.0448233541862, 0.0387252324601),
        ("unc", 0.249831, 0.249831),
        ("auroc", 0.737532572019, 0.710200095264),
        ("aurc", 0.306918435769, 0.325711881719),
        ("augrc", 0.1844005, 0.191229),
        ("log_score", 0.678005384529, 0.675194540870),
        ("mae_sayself", 0.3687, 0.394504298017),
    ];
    for (name, in_levels, in_continuum) in table {
        assert_close("discrete", name, value(&discrete, name).unwrap(), in_levels);
        assert_close(
            "continuous",
            name,
            value(&continuous, name).unwrap(),
            in_continuum,
        );
    }
}

/// relplot 1.0.3's `ReflectedGaussianKernel(sigma).smooth` at some of its mesh's places.
#[test]
fn the_smooth_curve_is_relplots() {
    let discrete = fixture(|u| (11.0 * u).floor() / 10.0);
    let continuous = fixture(|u| u);
    let wanted = [
        (0.05, 0.2210008852190237, 0.23864448671553426),
        (0.13, 0.25919543860612126, 0.26967859540984346),
        (0.37, 0.4676447193866401, 0.459385159834755),
        (0.50, 0.5429505677690943, 0.5419790957397135),
        (0.88, 0.7267283694178469, 0.730275949109107),
    ];
    let curves = [&discrete, &continuous]
        .map(|rows| calibration::smece::curve(&calibration::tally::Tally::of(rows).unwrap()));
    assert_eq!(curves[0].error.sigma, 0.1005859375);
    for (confidence, in_levels, in_continuum) in wanted {
        for (curve, expected) in curves.iter().zip([in_levels, in_continuum]) {
            let place = curve
                .places
                .iter()
                .find(|place| (place.confidence - confidence).abs() < 1e-9)
                .unwrap();
            assert!(
                (place.accuracy - expected).abs() < 1e-6,
                "{place:?}, expected {expected}"
            );
            assert!(place.low < place.accuracy && place.accuracy < place.high);
        }
    }
    // Both ends stand on the mirror.
    let ends = (curves[0].places[0], curves[0].places[100]);
    assert!((ends.0.accuracy - 0.2137069022204813).abs() < 1e-6);
    assert!((ends.1.accuracy - 0.7796581972777422).abs() < 1e-6);
}

#[test]
fn the_smooth_curve_stands_only_where_answers_are() {
    let mut rows = vec![Row::from((0.1, false)); 900];
    rows.extend(vec![Row::from((0.1, true)); 100]);
    rows.extend(vec![Row::from((0.9, true)); 900]);
    rows.extend(vec![Row::from((0.9, false)); 100]);
    let curve = calibration::smece::curve(&calibration::tally::Tally::of(&rows).unwrap());
    assert!(curve.error.sigma < 0.01);
    let has = |confidence: f64| {
        curve
            .places
            .iter()
            .any(|place| (place.confidence - confidence).abs() < 1e-9)
    };
    assert!(has(0.1) && has(0.9) && !has(0.5));
    assert!(
        curve
            .places
            .iter()
            .all(|place| place.high - place.low < 0.06)
    );
}

#[derive(Deserialize)]
struct Golden {
    sets: Vec<DataSet>,
    isotonic: Vec<Map>,
}

#[derive(Deserialize)]
struct DataSet {
    name: String,
    confidence: Vec<f64>,
    correct: Vec<u8>,
    measures: BTreeMap<String, Option<f64>>,
}

#[derive(Deserialize)]
struct Map {
    x: Vec<f64>,
    y: Vec<f64>,
    weights: Vec<f64>,
    at: Vec<f64>,
    predicted: Vec<f64>,
}

fn golden() -> Golden {
    let text = include_str!("../../../tests/golden/calibration/measures.json");
    serde_json::from_str(text).expect("the golden file is sound")
}

#[test]
fn peers_agree_on_every_measure() {
    for set in golden().sets {
        let rows: Vec<Row> = set
            .confidence
            .iter()
            .zip(&set.correct)
            .map(|(&c, &y)| (c, y == 1).into())
            .collect();
        let of = |binning| {
            evaluate(
                &rows,
                Options {
                    binning,
                    ..Options::default()
                },
            )
            .unwrap()
        };
        let (levels, continuous) = (of(Binning::Levels), of(Binning::Continuous));
        for (name, &expected) in &set.measures {
            match name.as_str() {
                "by_level" => assert_close(&set.name, name, levels.ece_10, expected.unwrap()),
                "sweep_bins" => {
                    let mut places: Vec<(f64, u32)> = rows
                        .iter()
                        .map(|row| (row.confidence, u32::from(row.correct)))
                        .collect();
                    places.sort_by(|a, b| a.0.total_cmp(&b.0));
                    assert_eq!(
                        Some(ece::sweep(places.into_iter()).1 as f64),
                        expected,
                        "{}",
                        set.name
                    );
                }
                "auroc" if expected.is_none() => assert_eq!(continuous.auroc, None, "{}", set.name),
                _ => assert_close(
                    &set.name,
                    name,
                    value(&continuous, name).unwrap(),
                    expected.unwrap(),
                ),
            }
        }
        // The measures that have no bins do not depend on the mode.
        for name in [
            "smece",
            "brier",
            "mcb",
            "aurc",
            "augrc",
            "log_score",
            "debiased_l2_equal_mass_15",
        ] {
            assert_eq!(
                value(&levels, name),
                value(&continuous, name),
                "{}, {name}",
                set.name
            );
        }
        let gap = continuous.brier - (continuous.mcb - continuous.dsc + continuous.unc);
        assert!(
            gap.abs() < 1e-12,
            "{}: Brier = MCB - DSC + UNC, off by {gap}",
            set.name
        );
    }
}

#[test]
fn isotonic_regression_is_scikit_learns() {
    for map in golden().isotonic {
        let fitted = isotonic::fit(&map.x, &map.y, &map.weights).unwrap();
        for (&at, &expected) in map.at.iter().zip(&map.predicted) {
            assert_close("isotonic", "predicted", fitted.predict(at), expected);
        }
    }
}

#[derive(Deserialize)]
struct GoldenRecalibration {
    confidence: Vec<f64>,
    correct: Vec<u8>,
    slope: f64,
    intercept: f64,
    temperature: f64,
    isotonic: Vec<f64>,
}

#[test]
fn recalibrations_are_those_of_scikit_learn() {
    let text = include_str!("../../../tests/golden/calibration/recalibrate.json");
    let golden: GoldenRecalibration = serde_json::from_str(text).expect("the golden file is sound");
    let pairs = golden.confidence.iter().zip(&golden.correct);
    let rows: Vec<Row> = pairs.map(|(&c, &y)| (c, y == 1).into()).collect();
    let close =
        |found: f64, expected: f64| assert!((found - expected).abs() < 1e-6, "{found} {expected}");
    use recalibrate::Family::{Isotonic, Platt, Temperature};
    for family in [Temperature, Platt, Isotonic] {
        match fit(family, &rows).unwrap() {
            Recalibration::Temperature { temperature } => close(temperature, golden.temperature),
            Recalibration::Platt { slope, intercept } => {
                close(slope, golden.slope);
                close(intercept, golden.intercept);
            }
            map @ Recalibration::Isotonic { .. } => {
                for (level, expected) in golden.isotonic.iter().enumerate() {
                    close(map.apply(level as f64 / 10.0), *expected);
                }
            }
        }
    }
}

/// Runs over the same questions, and what scipy, numpy and statsmodels say of them.
#[derive(Deserialize)]
struct Compared {
    entity: Vec<u32>,
    runs: [ComparedRun; 2],
    measures: BTreeMap<String, ComparedMeasure>,
    holm: Vec<Family>,
}

#[derive(Deserialize)]
struct ComparedRun {
    confidence: Vec<f64>,
    correct: Vec<u8>,
}

#[derive(Deserialize)]
struct ComparedMeasure {
    a: f64,
    b: f64,
    difference: f64,
    by_question: [f64; 2],
    by_entity: [f64; 2],
    tolerance: f64,
}

#[derive(Deserialize)]
struct Family {
    p: Vec<f64>,
    corrected: Vec<f64>,
}

fn compared() -> Compared {
    let text = include_str!("../../../tests/golden/calibration/compare.json");
    serde_json::from_str(text).expect("the golden file is whole")
}

#[test]
fn paired_bootstraps_are_scipys_and_of_clusters_numpys() {
    let golden = compared();
    let rows = |run: &ComparedRun, by_entity: bool| -> Vec<Row> {
        let pairs = run.confidence.iter().zip(&run.correct);
        pairs
            .zip(&golden.entity)
            .map(|((&confidence, &correct), &entity)| Row {
                group: by_entity.then_some(entity),
                ..Row::from((confidence, correct == 1))
            })
            .collect()
    };
    let options = Options {
        bootstraps: 4_000,
        ..Options::default()
    };
    for by_entity in [false, true] {
        let [a, b] = golden.runs.each_ref().map(|run| rows(run, by_entity));
        let differences = compare::paired(&a, &b, options).unwrap();
        for (name, wanted) in &golden.measures {
            let found = differences
                .iter()
                .find(|difference| difference.measure == name)
                .unwrap();
            assert_close("run a", name, found.a, wanted.a);
            assert_close("run b", name, found.b, wanted.b);
            assert_close("difference", name, found.difference, wanted.difference);
            let ends = match by_entity {
                true => wanted.by_entity,
                false => wanted.by_question,
            };
            for (found, wanted_end) in found.ci.unwrap().into_iter().zip(ends) {
                assert!(
                    (found - wanted_end).abs() <= wanted.tolerance,
                    "{name}, by entity {by_entity}: found {found}, expected {wanted_end}"
                );
            }
        }
    }
}

#[test]
fn holms_correction_is_statsmodels() {
    for family in compared().holm {
        for (found, expected) in compare::holm(&family.p).into_iter().zip(family.corrected) {
            assert_close("holm", "p", found, expected);
        }
    }
}
