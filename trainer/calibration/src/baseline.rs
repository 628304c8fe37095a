//! The honest baselines: a constant confidence, and the template's base rate.
//!
//! A model that only knows which kind of question it is asked can look well calibrated and even
//! discriminate: capitals are right more often than phone codes. Skill against the template's rate,
//! and AUROC among questions of the same template, show what it knows beyond that.

use crate::auroc::Pairs;
use crate::bootstrap::{IntervalMethod, Resampler};
use crate::metrics::{MetricsError, Options};
use crate::random::Random;
use crate::tally::{Cell, Row, Sorted};
use serde::Serialize;
use std::collections::BTreeMap;

/// Base rates of being right, 0..=1.
#[derive(Clone, Debug, PartialEq)]
pub struct Rates {
    overall: f64,
    by_template: BTreeMap<Option<u32>, f64>,
}

impl Rates {
    /// The rates of `rows`; those without a template are one kind. `None` without rows.
    pub fn fit(rows: &[Row]) -> Option<Rates> {
        let mut counts: BTreeMap<Option<u32>, (u64, u64)> = BTreeMap::new();
        for row in rows {
            let (n, correct) = counts.entry(row.template).or_default();
            *n += 1;
            *correct += u64::from(row.correct);
        }
        let correct: u64 = counts.values().map(|count| count.1).sum();
        let rate = |(n, correct): (u64, u64)| correct as f64 / n as f64;
        (!rows.is_empty()).then(|| Rates {
            overall: rate((rows.len() as u64, correct)),
            by_template: counts
                .into_iter()
                .map(|(template, count)| (template, rate(count)))
                .collect(),
        })
    }

    /// The best constant confidence.
    pub fn overall(&self) -> f64 {
        self.overall
    }

    /// The template's rate; the overall rate for a template that was not among the fitted rows.
    pub fn of(&self, template: Option<u32>) -> f64 {
        self.by_template
            .get(&template)
            .copied()
            .unwrap_or(self.overall)
    }
}

/// What is left of a model beside the baselines. Serialises flat, to be flattened into
/// `metrics.json`; the `_ci` are 95% percentile intervals, and stand there with bootstraps only.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Baselines {
    /// AUROC over the pairs of a right and a wrong answer of the same template; `None` if there is
    /// none. Rows without a template make no pair.
    pub within_template_auroc: Option<f64>,
    /// 1 − Brier / `template_rate_brier`: above 0 is better than knowing the template alone. `None`
    /// where no row has a template, or their rates are never wrong.
    pub brier_skill: Option<f64>,
    /// Brier score of the template's rate; `None` where no row has a template.
    pub template_rate_brier: Option<f64>,
    /// Brier score of the best constant.
    pub constant_brier: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within_template_auroc_ci: Option<[f64; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub brier_skill_ci: Option<[f64; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template_rate_brier_ci: Option<[f64; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub constant_brier_ci: Option<[f64; 2]>,
}

/// Sets `rows` beside the baselines.
///
/// `rates` are those that the baselines say: `None` fits them on `rows` themselves, plainly, not
/// leaving each row out. That is the strictest choice: no predictor that knows the template alone has
/// a lower Brier score on these rows. Rates fitted on train rows are what such a predictor could
/// really have known. The intervals are against these rates, not fitted again on each resample, which
/// they would suit too well: the skill would lie beyond its own interval. Against the templates' true
/// rates the skill is higher, by some (templates − 1) / rows, and intervals do not tell of that.
pub fn evaluate(
    rows: &[Row],
    rates: Option<&Rates>,
    options: Options,
) -> Result<Baselines, MetricsError> {
    Sorted::of(rows)?;
    let fitted = Rates::fit(rows).ok_or(MetricsError::Empty)?;
    let rates = rates.unwrap_or(&fitted);
    let strata = Strata::of(rows);
    let measure = |weights: &[u32]| strata.measure(rows, rates, weights);
    let estimates = measure(&vec![1; rows.len()]);
    let mut resamples: [Vec<f64>; 4] = Default::default();
    if options.bootstraps > 0 {
        let resampler = Resampler::of(rows);
        let mut random = Random::new(options.seed);
        let mut weights = vec![0; rows.len()];
        for _ in 0..options.bootstraps {
            resampler.draw(&mut random, &mut weights);
            for (values, value) in resamples.iter_mut().zip(measure(&weights)) {
                values.push(value);
            }
        }
    }
    let interval = |at: usize| {
        IntervalMethod::Percentile.interval(estimates[at], estimates[at], &resamples[at])
    };
    let defined = |at: usize| (!estimates[at].is_nan()).then_some(estimates[at]);
    Ok(Baselines {
        within_template_auroc: defined(0),
        brier_skill: defined(1),
        template_rate_brier: defined(2),
        constant_brier: estimates[3],
        within_template_auroc_ci: interval(0),
        brier_skill_ci: interval(1),
        template_rate_brier_ci: interval(2),
        constant_brier_ci: interval(3),
    })
}

/// AUROC within templates; `None` if no template has both a right and a wrong answer.
pub fn within_template_auroc(rows: &[Row]) -> Option<f64> {
    let rates = Rates::fit(rows)?;
    let auroc = Strata::of(rows).measure(rows, &rates, &vec![1; rows.len()])[0];
    (!auroc.is_nan()).then_some(auroc)
}

/// Rows ordered by template, then confidence.
struct Strata {
    order: Vec<u32>,
    has_templates: bool,
}

impl Strata {
    fn of(rows: &[Row]) -> Strata {
        let mut order: Vec<u32> = (0..rows.len() as u32).collect();
        order.sort_by(|&a, &b| {
            let (a, b) = (&rows[a as usize], &rows[b as usize]);
            a.template
                .cmp(&b.template)
                .then(a.confidence.total_cmp(&b.confidence))
        });
        Strata {
            order,
            has_templates: rows.iter().any(|row| row.template.is_some()),
        }
    }

    /// Within-template AUROC, skill, the template rate's Brier and the constant's, as if row i stood
    /// there `weights[i]` times; NaN where not defined.
    fn measure(&self, rows: &[Row], rates: &Rates, weights: &[u32]) -> [f64; 4] {
        let mut pairs = Pairs::default();
        let (mut n, mut correct) = (0u64, 0u64);
        let (mut squares, mut rate_squares) = (0.0, 0.0);
        let same_template =
            |a: &u32, b: &u32| rows[*a as usize].template == rows[*b as usize].template;
        for stratum in self.order.chunk_by(same_template) {
            let template = rows[stratum[0] as usize].template;
            let (mut stratum_n, mut stratum_correct) = (0u64, 0u64);
            let same_confidence =
                |a: &u32, b: &u32| rows[*a as usize].confidence == rows[*b as usize].confidence;
            for tied in stratum.chunk_by(same_confidence) {
                let mut cell = Cell {
                    confidence: rows[tied[0] as usize].confidence,
                    n: 0,
                    correct: 0,
                };
                for &row in tied {
                    let weight = u64::from(weights[row as usize]);
                    cell.n += weight;
                    cell.correct += weight * u64::from(rows[row as usize].correct);
                }
                squares += square(cell.n, cell.correct, cell.confidence);
                stratum_n += cell.n;
                stratum_correct += cell.correct;
                if template.is_some() {
                    pairs.add(cell);
                }
            }
            pairs.close();
            rate_squares += square(stratum_n, stratum_correct, rates.of(template));
            n += stratum_n;
            correct += stratum_correct;
        }
        let rate_brier = if self.has_templates {
            rate_squares / n as f64
        } else {
            f64::NAN
        };
        let skill = if rate_squares > 0.0 {
            1.0 - squares / n as f64 / rate_brier
        } else {
            f64::NAN
        };
        [
            pairs.share().unwrap_or(f64::NAN),
            skill,
            rate_brier,
            square(n, correct, rates.overall()) / n as f64,
        ]
    }
}

/// Σ (c − y)² of `n` rows that say `confidence`.
fn square(n: u64, correct: u64, confidence: f64) -> f64 {
    correct as f64 * (1.0 - confidence).powi(2) + (n - correct) as f64 * confidence.powi(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics;

    fn row(template: Option<u32>, confidence: f64, correct: bool) -> Row {
        Row {
            confidence,
            correct,
            group: None,
            template,
        }
    }

    #[test]
    fn a_model_that_knows_only_the_template() {
        // Template 0 is right 3 times in 4, template 1 once in 4.
        let rows: Vec<Row> = (0..80)
            .map(|at| {
                let template = at % 2;
                let correct = (at / 2) % 4 < if template == 0 { 3 } else { 1 };
                row(
                    Some(template),
                    if template == 0 { 0.75 } else { 0.25 },
                    correct,
                )
            })
            .collect();
        let found = evaluate(
            &rows,
            None,
            Options {
                bootstraps: 200,
                ..Options::default()
            },
        )
        .unwrap();
        assert_eq!(found.within_template_auroc, Some(0.5));
        assert!(found.brier_skill.unwrap().abs() < 1e-12);
        assert!((found.template_rate_brier.unwrap() - 0.1875).abs() < 1e-12);
        assert!((found.constant_brier - 0.25).abs() < 1e-12);
        assert_eq!(
            metrics::evaluate(&rows, Options::default()).unwrap().auroc,
            Some(0.75)
        );
        // It says the same as the baseline, so its skill is 0 in each resample.
        assert_eq!(found.brier_skill_ci, Some([0.0, 0.0]));

        let rates = Rates::fit(&rows).unwrap();
        assert_eq!(
            (
                rates.of(Some(0)),
                rates.of(Some(1)),
                rates.of(Some(9)),
                rates.overall()
            ),
            (0.75, 0.25, 0.5, 0.5)
        );
    }

    #[test]
    fn a_model_that_knows_more() {
        let rows = [
            row(Some(0), 0.9, true),
            row(Some(0), 0.2, false),
            row(Some(1), 0.3, true),
            row(Some(1), 0.3, false),
            row(None, 0.1, true),
            row(None, 0.9, false),
        ];
        // One pair won, one tied; those without a template make none.
        assert_eq!(within_template_auroc(&rows), Some(0.75));
        let given = Rates::fit(&rows[..2]).unwrap();
        let found = evaluate(&rows, Some(&given), Options::default()).unwrap();
        assert!((found.template_rate_brier.unwrap() - 0.25).abs() < 1e-12);
        assert_eq!(found.brier_skill_ci, None);
    }

    #[test]
    fn no_templates_no_skill() {
        let rows = [row(None, 0.9, true), row(None, 0.2, false)];
        let found = evaluate(
            &rows,
            None,
            Options {
                bootstraps: 10,
                ..Options::default()
            },
        )
        .unwrap();
        assert_eq!(
            (
                found.within_template_auroc,
                found.brier_skill,
                found.template_rate_brier
            ),
            (None, None, None)
        );
        assert!((found.constant_brier - 0.25).abs() < 1e-12);
        assert_eq!(
            evaluate(&[], None, Options::default()),
            Err(MetricsError::Empty)
        );
    }
}
