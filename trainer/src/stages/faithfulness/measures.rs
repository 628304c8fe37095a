//! The figures over all questions, as `metrics.json` holds them.

use super::controls::Controlled;
use super::{Score, Subject};
use calibration::bootstrap::IntervalMethod;
use calibration::faithfulness::agreement::{Level, alpha, alpha_weighted};
use calibration::faithfulness::cmfg::{self, cmfg_weighted};
use calibration::faithfulness::corrected::{self, Corrected};
use calibration::faithfulness::correlation::{pearson, spearman};
use calibration::faithfulness::mean::{Mean, mean, resample};
use datasets::config::{FaithfulnessBy, FaithfulnessConfig};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap};

/// Bootstrap resamples behind each interval.
pub const BOOTSTRAPS: usize = 1_000;

/// A figure, and what is left of it under a control.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Beside {
    /// Items that have both figures.
    n: usize,
    mean: f64,
    mean_ci: Option<[f64; 2]>,
    /// Mean of (own − control), turned so that above 0 the own text is the better one.
    fall: f64,
    fall_ci: Option<[f64; 2]>,
}

/// Everything that is counted.
pub struct Counts {
    pub answers: usize,
    pub without_rationale: usize,
    pub skipped: usize,
}

/// The object of `metrics.json`.
///
/// # Errors
/// None but of serialising.
pub fn measure(
    config: &FaithfulnessConfig,
    subject: &Subject<'_>,
    label: &str,
    seed: u64,
    scores: &[Score],
    counts: &Counts,
) -> anyhow::Result<Value> {
    let groups = groups(scores);
    // As the paper has it, the figures are of questions on which the samples disagree.
    let many: Vec<usize> = (0..scores.len())
        .filter(|index| scores[*index].clusters > 1)
        .collect();
    let of = Of {
        scores,
        groups: &groups,
        many: &many,
        seed,
    };
    let mut object = Map::new();
    let mut put = |name: &str, value: Value| object.insert(name.to_owned(), value);
    put("label", json!(label));
    put("model", json!(subject.model));
    put("n", json!(many.len()));
    put("answers", json!(counts.answers));
    put("without_rationale", json!(counts.without_rationale));
    put("skipped", json!(counts.skipped));
    put("by", serde_json::to_value(&config.by)?);
    put("summary", serde_json::to_value(config.summary)?);
    put("samples", json!(config.samples));
    put("seed", json!(seed));
    put("bootstraps", json!(BOOTSTRAPS));
    put("ci_method", json!("percentile"));
    if config.by.contains(&FaithfulnessBy::Names) {
        let mut names = of.controlled(false, |score| {
            score
                .names
                .as_ref()
                .map_or_else(Controlled::default, |names| {
                    names.clone().map(|named| named.map(|named| named.score))
                })
        })?;
        for (name, part) in [("recall", 0), ("precision", 1), ("weight_error", 2)] {
            let found = of.mean(|score| {
                let named = score.names.as_ref()?.own.as_ref()?;
                Some([named.recall, named.precision, named.weight_error][part])
            });
            names.insert(name.into(), json!(found.map(|found| found.mean)));
            names.insert(
                format!("{name}_ci"),
                json!(found.and_then(|found| found.ci)),
            );
        }
        put("names", names.into());
    }
    if config.by.contains(&FaithfulnessBy::SelfReflect) {
        let mut reflect = of.controlled(true, |score| score.self_reflect.unwrap_or_default())?;
        reflect.insert("lower_is_better".into(), true.into());
        reflect.insert(
            "words_of".into(),
            serde_json::to_value(config.self_reflect_model)?,
        );
        put("self_reflect", reflect.into());
    }
    if config.by.contains(&FaithfulnessBy::Judge) {
        let mut judged = of.controlled(false, |score| score.judge.unwrap_or_default())?;
        let failures = many.iter().map(|index| scores[*index].judge_failures.len());
        judged.insert("failures".into(), json!(failures.sum::<usize>()));
        if let Some(judge) = &subject.judge {
            judged.insert("judge".into(), json!(judge.endpoint.model));
            judged.insert("prompt_sha256".into(), json!(judge.prompt.sha256()));
        }
        judged.insert("corrected".into(), json!(of.corrected()));
        put("judge", judged.into());
    }
    if config.by.contains(&FaithfulnessBy::People) {
        put("people", of.people());
    }
    let agreement = of.agreement();
    if !agreement.is_empty() {
        put("agreement", agreement.into());
    }
    put("cmfg", of.cmfg());
    put("by_level", of.by_level());
    put("single_cluster", of.single_cluster());
    Ok(object.into())
}

/// Items of one entity are drawn together.
fn groups(scores: &[Score]) -> Vec<Option<u32>> {
    let mut numbers: HashMap<&str, u32> = HashMap::new();
    scores
        .iter()
        .map(|score| {
            let entity = score.entity.as_deref()?;
            let next = numbers.len() as u32;
            Some(*numbers.entry(entity).or_insert(next))
        })
        .collect()
}

/// The scores that are summed up.
struct Of<'a> {
    scores: &'a [Score],
    groups: &'a [Option<u32>],
    /// Those with more than one cluster.
    many: &'a [usize],
    seed: u64,
}

impl Of<'_> {
    fn mean_of(&self, among: &[usize], value: impl Fn(&Score) -> Option<f64>) -> Option<Mean> {
        let (values, groups): (Vec<f64>, Vec<Option<u32>>) = among
            .iter()
            .filter_map(|index| Some((value(&self.scores[*index])?, self.groups[*index])))
            .unzip();
        mean(&values, &groups, BOOTSTRAPS, self.seed)
    }

    fn mean(&self, value: impl Fn(&Score) -> Option<f64>) -> Option<Mean> {
        self.mean_of(self.many, value)
    }

    /// A figure with its two controls.
    fn controlled(
        &self,
        lower_is_better: bool,
        value: impl Fn(&Score) -> Controlled<Option<f64>>,
    ) -> anyhow::Result<Map<String, Value>> {
        let own = self.mean(|score| value(score).own);
        let beside = |control: &dyn Fn(Controlled<Option<f64>>) -> Option<f64>| {
            let both = |score: &Score| value(score).own.zip(control(value(score)));
            let found = self.mean(|score| both(score).map(|pair| pair.1))?;
            let fall = self.mean(|score| {
                let (own, control) = both(score)?;
                Some(if lower_is_better {
                    control - own
                } else {
                    own - control
                })
            })?;
            Some(Beside {
                n: found.n,
                mean: found.mean,
                mean_ci: found.ci,
                fall: fall.mean,
                fall_ci: fall.ci,
            })
        };
        let shuffled = beside(&|figure| figure.shuffled);
        let constant = beside(&|figure| figure.constant);
        let falls = |beside: &Option<Beside>| {
            let ci = beside.as_ref().and_then(|beside| beside.fall_ci);
            ci.is_some_and(|[low, _]| low > 0.0)
        };
        let mut object = Map::new();
        object.insert("n".into(), json!(own.map_or(0, |own| own.n)));
        object.insert("mean".into(), json!(own.map(|own| own.mean)));
        object.insert("mean_ci".into(), json!(own.and_then(|own| own.ci)));
        object.insert(
            "falls_under_controls".into(),
            (falls(&shuffled) && falls(&constant)).into(),
        );
        object.insert("shuffled".into(), serde_json::to_value(shuffled)?);
        object.insert("constant".into(), serde_json::to_value(constant)?);
        Ok(object)
    }

    /// The judge's mean by prediction-powered inference.
    fn corrected(&self) -> Option<Corrected> {
        let (mut alone, mut both) = (Vec::new(), Vec::new());
        for score in self.many.iter().map(|index| &self.scores[*index]) {
            let Some(judge) = score.judge.and_then(|judge| judge.own) else {
                continue;
            };
            match score.people_mean() {
                Some(people) => both.push((people, judge)),
                None => alone.push(judge),
            }
        }
        corrected::mean(&alone, &both)
    }

    fn people(&self) -> Value {
        let (items, groups): (Vec<&[f64]>, Vec<Option<u32>>) = self
            .many
            .iter()
            .map(|index| (self.scores[*index].people.as_slice(), self.groups[*index]))
            .filter(|(ratings, _)| !ratings.is_empty())
            .unzip();
        let mean = self.mean(Score::people_mean);
        let mut object = Map::new();
        object.insert("n".into(), json!(items.len()));
        object.insert(
            "ratings".into(),
            json!(items.iter().map(|of| of.len()).sum::<usize>()),
        );
        object.insert("mean".into(), json!(mean.map(|mean| mean.mean)));
        object.insert("mean_ci".into(), json!(mean.and_then(|mean| mean.ci)));
        for (name, level) in Level::ALL {
            let estimate = alpha(&items, level);
            let resamples = resample(&groups, BOOTSTRAPS, self.seed, |weights| {
                alpha_weighted(&items, weights, level).unwrap_or(f64::NAN)
            });
            let ci = estimate
                .and_then(|alpha| IntervalMethod::Percentile.interval(alpha, alpha, &resamples));
            object.insert(format!("alpha_{name}"), json!(estimate));
            object.insert(format!("alpha_{name}_ci"), json!(ci));
        }
        object.into()
    }

    /// How far the measures go together, question by question; all turned so that more is better.
    fn agreement(&self) -> Vec<Value> {
        type Figure = (&'static str, fn(&Score) -> Option<f64>);
        let figures: [Figure; 4] = [
            ("names", |score| {
                Some(score.names.as_ref()?.own.as_ref()?.score)
            }),
            ("self-reflect", |score| Some(-score.self_reflect?.own?)),
            ("judge", |score| score.judge?.own),
            ("people", Score::people_mean),
        ];
        let mut found = Vec::new();
        for (at, (a, of_a)) in figures.iter().enumerate() {
            for (b, of_b) in &figures[at + 1..] {
                let (pairs, groups): (Vec<(f64, f64)>, Vec<Option<u32>>) = self
                    .many
                    .iter()
                    .filter_map(|index| {
                        let score = &self.scores[*index];
                        Some((of_a(score).zip(of_b(score))?, self.groups[*index]))
                    })
                    .unzip();
                if pairs.is_empty() {
                    continue;
                }
                let ci = |measure: fn(&[(f64, f64)]) -> Option<f64>| {
                    let resamples = resample(&groups, BOOTSTRAPS, self.seed, |weights| {
                        let drawn: Vec<(f64, f64)> = pairs
                            .iter()
                            .zip(weights)
                            .flat_map(|(pair, weight)| std::iter::repeat_n(*pair, *weight as usize))
                            .collect();
                        measure(&drawn).unwrap_or(f64::NAN)
                    });
                    let estimate = measure(&pairs)?;
                    IntervalMethod::Percentile.interval(estimate, estimate, &resamples)
                };
                found.push(json!({
                    "a": a, "b": b, "n": pairs.len(),
                    "spearman": spearman(&pairs), "spearman_ci": ci(spearman),
                    "pearson": pearson(&pairs), "pearson_ci": ci(pearson),
                }));
            }
        }
        found
    }

    /// Whether stated confidence follows the samples: over all questions, those of one cluster too.
    fn cmfg(&self) -> Value {
        let (stated, groups): (Vec<cmfg::Stated>, Vec<Option<u32>>) = self
            .scores
            .iter()
            .zip(self.groups)
            .filter_map(|(score, group)| {
                let stated = cmfg::Stated {
                    decisiveness: f64::from(score.confidence?) / 10.0,
                    confidence: score.share,
                };
                Some((stated, *group))
            })
            .unzip();
        let Some(found) = cmfg::cmfg(&stated) else {
            return Value::Null;
        };
        let ci = |estimate: f64, of: fn(cmfg::Cmfg) -> f64| {
            let resamples = resample(&groups, BOOTSTRAPS, self.seed, |weights| {
                cmfg_weighted(&stated, weights).map_or(f64::NAN, of)
            });
            IntervalMethod::Percentile.interval(estimate, estimate, &resamples)
        };
        json!({
            "cmfg": found.cmfg, "cmfg_ci": ci(found.cmfg, |found| found.cmfg),
            "mfg": found.mfg, "mfg_ci": ci(found.mfg, |found| found.mfg),
            "n": found.n, "bins": found.bins,
        })
    }

    /// The figures by stated level.
    fn by_level(&self) -> Value {
        let mut levels: BTreeMap<u8, Vec<usize>> = BTreeMap::new();
        for index in self.many {
            if let Some(level) = self.scores[*index].confidence {
                levels.entry(level).or_default().push(*index);
            }
        }
        levels
            .iter()
            .map(|(level, among)| {
                let figure = |value: &dyn Fn(&Score) -> Option<f64>| {
                    self.mean_of(among, value).map(|found| found.mean)
                };
                json!({
                    "level": level, "n": among.len(),
                    "names": figure(&|score| Some(score.names.as_ref()?.own.as_ref()?.score)),
                    "self_reflect": figure(&|score| score.self_reflect?.own),
                    "judge": figure(&|score| score.judge?.own),
                    "people": figure(&Score::people_mean),
                    "share": figure(&|score| Some(score.share)),
                })
            })
            .collect()
    }

    /// Questions on which all samples agree, apart: there is no disagreement to explain.
    fn single_cluster(&self) -> Value {
        let single: Vec<usize> = (0..self.scores.len())
            .filter(|index| self.scores[*index].clusters < 2)
            .collect();
        let names = self.mean_of(&single, |score| {
            Some(score.names.as_ref()?.own.as_ref()?.score)
        });
        json!({
            "n": single.len(),
            "names": names.map(|names| names.mean),
            "names_ci": names.and_then(|names| names.ci),
        })
    }
}
